/* net/listener.h -- a worker's door: accepts connections, and decides what happens when there is no
 * room.
 *
 *     readable ▶ accept4 (at most 64 a turn) ▶ its address has too many? reset
 *                   │                        ▶ a place? cstar__conn_adopt()
 *                   │                        ▶ none: an idle one goes, else it is held, and PAUSED
 *                   └ no descriptor, no memory ▶ PAUSED
 *
 *     PAUSED ─── a connection has gone, or 100 ms ───▶ the held one first, then accept on
 *
 * While it is paused nothing is polled: connections wait in the kernel's backlog, nothing spins and
 * nothing is dropped. (libuv's own listener closes what it can't serve; hence this one.)
 *
 * Invariants: 1. At most one accepted connection is held, only while paused. 2. Paused, the timer
 * runs: whatever wake-up is missed, the next look comes. 3. Every adopted connection has entered by
 * its address and has a place; cstar__listener_gone() gives both back.
 * Threads: the worker's.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_LISTENER_H
#define CSTAR_NET_LISTENER_H

#include "http/exchange.h"
#include "net/bound.h"

#include <uv.h>

typedef struct cstar__worker cstar__worker;

typedef struct cstar__listener {
    uv_poll_t poll;
    int fd;
    const cstar__bound *bound;
    cstar__worker *worker;
} cstar__listener;

typedef enum cstar__door_state {
    CSTAR__DOOR_CLOSED, /* not opened yet, or for good */
    CSTAR__DOOR_OPEN,
    CSTAR__DOOR_FULL,    /* paused: no place */
    CSTAR__DOOR_STARVED, /* paused: no descriptor or no memory */
} cstar__door_state;

typedef struct cstar__door {
    cstar__listener listeners[CSTAR__MAX_LISTENERS];
    size_t n;
    uv_timer_t retry;
    uv_async_t nudge; /* [any thread] there may be room, or another worker wants some */
    uint8_t state;    /* cstar__door_state */
    bool waiting;     /* atomic: counted in the admission's `waiting` */
    bool outage;      /* it was said that accepting fails; until the backlog was emptied */
    int held;         /* accepted, without a place; -1: none */
    cstar__peer held_peer;
} cstar__door;

/** Opens one socket of every address and polls them. @return false: `err`;
 * cstar__listener_close() is due all the same. */
bool cstar__listener_open(cstar__worker *w, cstar_err *err);
/** Stops listening for good. The last worker to do so removes the files of Unix sockets. */
void cstar__listener_close(cstar__worker *w);

/** A connection that was adopted has gone: its address and its place are free. */
void cstar__listener_gone(cstar__worker *w, const cstar__peer *peer);
/** There may be room again: accepts on if it was paused. */
void cstar__listener_room(cstar__worker *w);

#endif
