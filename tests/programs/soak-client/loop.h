/* soak-client/loop.h -- epoll, sockets and the clock: what all connections of the client stand on.
 *
 *     watcher w = {.ready = read_it, .fd = loop_connect(l)}; loop_watch(l, &w, EPOLLIN);
 *     while (!done) { loop_run(l, 20); }
 *
 * A watcher's `ready` may close its own descriptor, and any other; an event of a descriptor that
 * was closed meanwhile may still come, so who opens anew does it outside of `ready`. Whatever must
 * not happen ends the process, with its reason (fail()).
 * Threads: one.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SOAK_LOOP_H
#define SOAK_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

typedef struct watcher {
    void (*ready)(struct watcher *w, uint32_t events);
    int fd; /* -1: none */
} watcher;

typedef struct loop {
    int epoll;
    unsigned port;  /* of the server, on 127.0.0.1 */
    unsigned turns; /* connections so far: they come from several addresses, lest ports run out */
    uint64_t now;   /* nanoseconds of CLOCK_MONOTONIC; new in each turn of loop_run() */
    uint64_t dice;
} loop;

void loop_init(loop *l, unsigned port, uint64_t seed);
/** Waits at most so many milliseconds, and calls whoever is ready. */
void loop_run(loop *l, int ms);
/** A connection that may not be there yet: EPOLLOUT tells. @param small  takes little at a time. */
int loop_connect(loop *l, bool small);
/** Instead of what was watched before. 0: errors alone. */
void loop_watch(const loop *l, watcher *w, uint32_t events);
/** @param reset  without a word. */
void loop_close(watcher *w, bool reset);

uint64_t now_ns(void);
/** 0 to n - 1. */
uint64_t dice(loop *l, uint64_t n);
/** Says why, and ends the process with 1. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
