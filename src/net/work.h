/* net/work.h -- work for libuv's threads, a bounded number at a time.
 *
 *     queue ▶ w->run (pool thread) ▶ w->done (the worker's loop)
 *
 * A worker does not end while work of its is under way, also when its connection has gone.
 * Threads: queue and done, the worker's loop.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_WORK_H
#define CSTAR_NET_WORK_H

#include "net/worker.h"

/** As of cstar__driver.work(). */
cstar_status cstar__work_queue(cstar__worker *w, cstar__work *work);

#endif
