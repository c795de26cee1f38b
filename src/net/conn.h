/* net/conn.h -- the parts of a connection. Private to them and to driver.c.
 *
 *     conn.c        its life, what comes in, and the pump that everything ends with
 *     conn_write.c  what goes out: bytes, files, what the socket did not take
 *     conn_wait.c   what it waits for, and for how long
 *     driver.c      what its exchanges may ask of it: claim, send, alarm, work
 *
 * Entries: whoever is about to call the machine calls cstar__conn_enter() before and
 * cstar__conn_leave() behind it. In between, the worker's `out` is this connection's alone. An
 * answer that another connection's handler, a timer or a finished work gives meanwhile goes to the
 * worker's `side`, which also belongs to one connection at a time (driver.c).
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_CONN_H
#define CSTAR_NET_CONN_H

#include "net/worker.h"

/* Output that the socket has not taken. Exists while there is some. */
typedef struct cstar__stuck {
    uv_write_t req;
    cstar_buf backlog;
    cstar_buf in_flight; /* being written */
    size_t queued;       /* bytes that libuv had not written when we last looked */
    size_t counted;      /* bytes that the gauge knows of */
} cstar__stuck;

typedef struct cstar__conn {
    cstar__link link;  /* first: of a wait list */
    cstar__link ready; /* of the worker's list of those to be pumped; alone: not on it */
    uint64_t deadline; /* loop time, ms */
    union {
        uint64_t ticked;     /* HTTP/2; loop time, ms: when its machine was last told the time */
        uint64_t body_since; /* HTTP/1.1; of its body: first wait (ms), ... */
    };
    uint64_t body_from; /* ... bytes seen by then */
    cstar__machine machine;
    /* from here on: what a broadcast looks at, see cstar__exchange_fetch_below() */
    cstar__peer peer;
    cstar__tls *tls;     /* NULL: plain */
    cstar__stuck *stuck; /* NULL: the socket has taken all */
    cstar__worker *worker;
    int fd;         /* of the socket */
    uint32_t heads; /* its machine's, when the wait was last decided */
    uint8_t wait;   /* cstar__wait */
    bool writing, reading, closing, peer_done;
    bool lent;       /* its machine writes to the worker's `side` */
    bool cut;        /* close without flushing */
    bool tls_failed; /* an alert is on its way; nothing can follow it */
    union {          /* last: only as much of it as the kind of socket needs is allocated */
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
} cstar__conn;

/* ---- conn.c ---- */

/** Takes the worker's `out`. Nothing but one connection is inside at a time. */
void cstar__conn_enter(cstar__conn *c);
/** Sends, goes on with what waited, chooses what to wait for; may close it. */
void cstar__conn_leave(cstar__conn *c);
/** Ends the exchange under way, then the socket. */
void cstar__conn_close(cstar__conn *c);
/** Tells the machine what time it is, once a second. */
void cstar__conn_keep_time(cstar__conn *c);

/* ---- conn_write.c ---- */

/** Sends what its machine has written: one call if the socket takes it. @return false: close. */
bool cstar__conn_flush(cstar__conn *c);
/** Sends pieces that are not in a buffer of ours; only while nothing waits. At most CSTAR__SEND_MOST.
 * @return how many bytes the socket took; negative: it is broken. */
ptrdiff_t cstar__conn_send_pieces(cstar__conn *c, const cstar_str *pieces, size_t n);
/** Bytes that wait for the socket. */
size_t cstar__conn_waiting(const cstar__conn *c);
void cstar__conn_stuck_free(cstar__conn *c);

typedef enum cstar__sent {
    CSTAR__SENT_NOTHING, /* no file is to be sent */
    CSTAR__SENT_ALL,     /* of the file, or of what fits into one turn: see there */
    CSTAR__SENT_SOME,    /* the rest later, by the ready list or when the socket has taken more */
    CSTAR__SENT_FAILED,
} cstar__sent;

/** A file that comes next, from its descriptor. */
cstar__sent cstar__conn_send_file(cstar__conn *c);

/* ---- conn_wait.c ---- */

void cstar__conn_wait_for(cstar__conn *c, cstar__wait wait);
/** Chooses the wait by what its machine waits for. */
void cstar__conn_wait_update(cstar__conn *c);
/** Off its wait list. */
void cstar__conn_unlink(cstar__conn *c);

/* ---- driver.c ---- */

extern const cstar__driver cstar__conn_driver;

/** It is pumped before the loop sleeps. */
void cstar__conn_ready(cstar__conn *c);
/** Gives `side` up: what is there is sent. */
void cstar__conn_unclaim(cstar__conn *c);
/** It is closing: what it said last is said to nobody. */
void cstar__conn_forget(cstar__conn *c);

/* ---- shared rings ---- */

static inline void cstar__link_init(cstar__link *l) { l->prev = l->next = l; }

static inline void cstar__link_remove(cstar__link *l) {
    l->prev->next = l->next;
    l->next->prev = l->prev;
    cstar__link_init(l);
}

static inline void cstar__link_append(cstar__link *ring, cstar__link *l) {
    l->prev = ring->prev;
    l->next = ring;
    ring->prev->next = l;
    ring->prev = l;
}

/** Moves all of `ring` to `to`, which need not be initialised. */
static inline void cstar__link_move(cstar__link *ring, cstar__link *to) {
    *to = *ring;
    if (to->next == ring) {
        cstar__link_init(to);
        return;
    }
    to->next->prev = to->prev->next = to;
    cstar__link_init(ring);
}

#endif
