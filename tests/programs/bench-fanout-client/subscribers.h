/* bench-fanout-client/subscribers.h -- many streams of one server, and a connection to publish by.
 *
 *     subscribers_open() ─▶ subscribers_broadcast(): publish ─▶ read until the last stream has it
 *
 * An event is complete, and counts, when the empty line behind its data has come; a comment counts
 * nothing. What frames it (chunks) is not looked at. Any failure ends the process.
 * Threads: one.
 *
 * SPDX-License-Identifier: MIT */
#ifndef BENCH_SUBSCRIBERS_H
#define BENCH_SUBSCRIBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct subscribers subscribers;

typedef struct subscribers_opts {
    unsigned port;
    size_t streams;
    unsigned window; /* publications at a time */
    size_t burst;    /* events that one makes, whichever streams get them; 0: one for each stream */
    bool spin;       /* poll, and never sleep */
    const char *subscribe; /* the requests, as they are sent */
    const char *publish;
} subscribers_opts;

/** Opens all streams; returns when all of their heads have come. */
subscribers *subscribers_open(const subscribers_opts *opts);
/** Publishes as many as are to be under way at a time. @return nanoseconds until the last stream had
 * the last of them, or the last event of the bursts was there. */
uint64_t subscribers_broadcast(subscribers *all);
/** Publishes, lets the server finish, and only then reads. @return nanoseconds of the reading. */
uint64_t subscribers_drain(subscribers *all);
uint64_t subscribers_now(void);

#endif
