/* web/quiet.h -- a stream that no callback of the application will ever look at.
 *
 *     begin ─▶ no info, no disconnect, no timer ─▶ its conn and the memory of its request go; what
 *     is left: cstar__live, a slim exchange, and one exact block with what is still to be said
 *
 * Such an exchange is slim, and x->user is its cstar__live. Nothing that an application can see
 * changes, since none of its functions is called with that conn any more.
 *
 * Threads: the stream's loop. SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_QUIET_H
#define CSTAR_WEB_QUIET_H

#include "web/access_log.h"
#include "web/live.h"

/** The stream of `conn` has begun, and its handler and whatever finishes it have returned: the last
 * that is done with `conn`, which may be gone. Does nothing if there is no stream, if somebody may
 * still look at it, or without memory. */
void cstar__quiet_settle(cstar_conn *conn);

/* Of an exchange that is slim: as the handler's functions of the same names. */
void cstar__quiet_on_wake(cstar__exchange *x);
void cstar__quiet_on_drain(cstar__exchange *x);
/** Its claim and subscriptions go. */
void cstar__quiet_on_close(cstar_app *app, cstar__exchange *x);
/** What it keeps of its request, for the log: views into it. The address is empty unless somebody
 * else than the peer was the client. */
void cstar__quiet_describe(const cstar__exchange *x, cstar__access_entry *e);

/** As x->began of one that is not. 0: nobody wanted to know. */
uint64_t cstar__quiet_began(const cstar__exchange *x);

#endif
