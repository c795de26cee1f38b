/* polldrive.h -- the smallest driver of the HTTP/1.1 machine: plain poll(2), one thread, no
 * libuv. It proves that http needs no loop of a particular kind, and shows in a page what a
 * driver has to do.
 *
 *     polldrive d;
 *     polldrive_open(&d, &env, 16);                // listens on 127.0.0.1, a free port: d.port
 *     while (more_to_do) polldrive_step(&d, 100);  // milliseconds
 *     polldrive_close(&d);
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_POLLDRIVE_H
#define CSTAR_TESTS_POLLDRIVE_H

#include "http/h1.h"

#include <poll.h>

enum { POLLDRIVE_MAX = 64 };

typedef struct polldrive_conn {
    int fd; /* -1: free */
    cstar__h1 machine;
    cstar_buf out;
    size_t sent;    /* of out */
    bool lingering; /* done and shut down: reads and drops until the client has closed */
} polldrive_conn;

typedef struct polldrive {
    const cstar__env *env;
    size_t out_limit; /* of each connection; 0: 1 MiB */
    int listener;
    uint16_t port;
    size_t count; /* connections at most */
    size_t accepted, closed;
    polldrive_conn conns[POLLDRIVE_MAX];
} polldrive;

/** @return false: no socket. `env` is borrowed until polldrive_close(). */
bool polldrive_open(polldrive *d, const cstar__env *env, size_t count);
/** Waits for something to do, for `timeout` milliseconds at most, and does it. */
void polldrive_step(polldrive *d, int timeout);
/** The clock of every connection runs out. */
void polldrive_timeout(polldrive *d);
void polldrive_close(polldrive *d);

#endif
