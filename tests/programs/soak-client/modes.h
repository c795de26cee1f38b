/* soak-client/modes.h -- what the client can do; each prints one line of JSON, and ends the process
 * with 1 if anything was not as it has to be.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SOAK_MODES_H
#define SOAK_MODES_H

#include "loop.h"

typedef struct mode_opts {
    size_t streams;
    double seconds;
    unsigned turns;
    const char *topics; /* that are poured */
    unsigned publishers;
} mode_opts;

/** Streams that come and go, against live-server. */
void run_lives(loop *l, const mode_opts *o);
/** How late events are, with and without readers that stall, against live-server. */
void run_latency(loop *l, const mode_opts *o);
/** Users who go from page to page, against live-pages. */
void run_users(loop *l, const mode_opts *o);

#endif
