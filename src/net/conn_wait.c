/* conn_wait.c -- what a connection waits for, and for how long.
 *
 *     each wait has a list, in order of deadline ──each second──▶ the expired: 408, or closed
 *
 * A deadline counts one wait (a piece of a body, the taking of some bytes). What can be drawn out
 * by a byte now and then has a bound beside it: a head its first byte, a body its rate.
 *
 * Invariants: 1. A connection is on exactly one list until it closes. 2. A list is in order of
 * deadline: all on it have the same time to wait, and join at its end.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* what uv.h needs of POSIX */
#include "net/conn.h"

#include <limits.h>

#define CLOSE_MS 2000
#define APP_MS (UINT64_MAX / 2)

/* ---- lists ---- */

void cstar__conn_unlink(cstar__conn *c) { cstar__link_remove(&c->link); }

static uint64_t wait_ms(const cstar__conn *c, cstar__wait wait) {
    const cstar__server_opts *o = &c->worker->server->opts;
    switch (wait) {
    case CSTAR__WAIT_IDLE:
        return o->idle_ms;
    case CSTAR__WAIT_HEADER:
        return o->header_ms;
    case CSTAR__WAIT_BODY:
        return o->body_ms;
    case CSTAR__WAIT_WRITE:
        return o->write_ms;
    case CSTAR__WAIT_CLOSE:
        return CLOSE_MS;
    case CSTAR__WAIT_APP:
    case CSTAR__WAIT_CLOCK:
    case CSTAR__WAITS:
        break;
    }
    return APP_MS;
}

void cstar__conn_wait_for(cstar__conn *c, cstar__wait wait) {
    cstar__link_remove(&c->link);
    cstar__link_append(&c->worker->waits[wait], &c->link);
    c->wait = (uint8_t)wait;
    c->deadline = uv_now(&c->worker->loop) + wait_ms(c, wait);
}

static cstar__wait wait_of(const cstar__conn *c) {
    if (c->writing) {
        return CSTAR__WAIT_WRITE;
    }
    if (c->tls != NULL && !cstar__tls_ready(c->tls)) {
        return CSTAR__WAIT_HEADER;
    }
    switch (cstar__machine_waits_for(&c->machine)) {
    case CSTAR__MACHINE_IDLE:
        return CSTAR__WAIT_IDLE;
    case CSTAR__MACHINE_HEAD:
        return CSTAR__WAIT_HEADER;
    case CSTAR__MACHINE_BODY:
        return CSTAR__WAIT_BODY;
    case CSTAR__MACHINE_APP:
        return cstar__machine_ticks(&c->machine) ? CSTAR__WAIT_CLOCK : CSTAR__WAIT_APP;
    case CSTAR__MACHINE_CLOSING:
        break;
    }
    return CSTAR__WAIT_CLOSE;
}

/* A body's clock starts with its first wait. */
static void clock_body(cstar__conn *c) {
    c->body_since = uv_now(&c->worker->loop);
    c->body_from = cstar__machine_body_seen(&c->machine);
}

/* A slow head does not get more time by sending more bytes, nor a slow reader by asking for more;
 * everything else that moves does, and a head or body that is another one than before. */
void cstar__conn_wait_update(cstar__conn *c) {
    cstar__wait wait = wait_of(c);
    uint32_t heads = cstar__machine_heads(&c->machine);
    bool same = c->wait == wait && c->heads == heads;
    c->heads = heads;
    if (wait == CSTAR__WAIT_BODY && !same) {
        clock_body(c);
    }
    bool keeps = wait == CSTAR__WAIT_WRITE ? c->wait == wait : wait == CSTAR__WAIT_HEADER && same;
    if (!keeps) {
        cstar__conn_wait_for(c, wait);
    }
}

/* ---- all of a list ---- */

/* Calls `visit` for every connection that waits so, also if it closes some. */
static void for_each(cstar__worker *w, cstar__wait wait, void (*visit)(cstar__conn *c)) {
    /* Detached first: a visited connection goes back to a list, perhaps to this one. */
    cstar__link todo;
    cstar__link_move(&w->waits[wait], &todo);
    while (todo.next != &todo) {
        cstar__conn *c = (cstar__conn *)todo.next;
        uint64_t deadline = c->deadline;
        cstar__conn_wait_for(c, wait);
        c->deadline = deadline;
        visit(c);
    }
}

static void for_all(cstar__worker *w, void (*visit)(cstar__conn *c)) {
    for (size_t i = 0; i < CSTAR__WAITS; i++) {
        for_each(w, (cstar__wait)i, visit);
    }
}

static void drain(cstar__conn *c) {
    cstar__conn_enter(c);
    cstar__machine_drain(&c->machine);
    cstar__conn_leave(c);
}

void cstar__conns_drain(cstar__worker *w) { for_all(w, drain); }
void cstar__conns_cut(cstar__worker *w) { for_all(w, cstar__conn_close); }

/* HTTP/2 is told (GOAWAY), as far as the socket takes it at once. */
bool cstar__conns_evict_idle(cstar__worker *w) {
    const cstar__link *ring = &w->waits[CSTAR__WAIT_IDLE];
    if (ring->next == ring) {
        return false;
    }
    cstar__conn *c = (cstar__conn *)ring->next;
    drain(c);
    if (!c->closing) { /* it is freed later, by the loop */
        cstar__conn_close(c);
    }
    CSTAR__STAT_ADD(&w->pool.stats, evicted_idle, 1);
    return true;
}

/* ---- the sweep ---- */

/* Whether the peer has taken bytes since we last looked. */
static bool moves(const cstar__conn *c) {
    size_t queued = uv_stream_get_write_queue_size(&c->socket.stream);
    bool less = queued < c->stuck->queued;
    c->stuck->queued = queued;
    return less;
}

static void time_out(cstar__conn *c) {
    CSTAR__STAT_ADD(&c->worker->pool.stats, timeouts, 1);
    if (c->tls != NULL && !cstar__tls_ready(c->tls)) {
        CSTAR__STAT_ADD(&c->worker->pool.stats, handshake_failures, 1);
        cstar__conn_close(c); /* a handshake that does not come to an end */
        return;
    }
    cstar__conn_enter(c);
    cstar__machine_timeout(&c->machine);
    cstar__conn_leave(c);
}

static void expire(cstar__conn *c) {
    if (c->wait == CSTAR__WAIT_WRITE && moves(c)) {
        cstar__conn_wait_for(c, CSTAR__WAIT_WRITE);
    } else if (c->wait == CSTAR__WAIT_CLOSE) {
        cstar__conn_close(c); /* as planned: it had said its last */
    } else if (c->wait == CSTAR__WAIT_WRITE) {
        CSTAR__STAT_ADD(&c->worker->pool.stats, timeouts, 1);
        cstar__conn_close(c);
    } else {
        time_out(c);
    }
}

static void tick(cstar__conn *c) {
    cstar__conn_enter(c);
    cstar__conn_keep_time(c);
    cstar__conn_leave(c);
}

/* The mean since the body's first wait; after that time only, so that a slow start is nobody's
 * end. */
static void check_rate(cstar__conn *c) {
    const cstar__server_opts *o = &c->worker->server->opts;
    uint64_t ms = uv_now(&c->worker->loop) - c->body_since;
    uint64_t seen = cstar__machine_body_seen(&c->machine);
    uint64_t bytes = seen > c->body_from ? seen - c->body_from : 0;
    if (ms >= o->body_ms && bytes < ms * o->body_rate / 1000) {
        time_out(c);
    }
}

void cstar__conns_sweep(cstar__worker *w) {
    uint64_t now = uv_now(&w->loop);
    for_each(w, CSTAR__WAIT_CLOCK, tick); /* not WAIT_APP: they may be very many */
    for_each(w, CSTAR__WAIT_WRITE, tick);
    if (w->server->opts.body_rate != UINT_MAX) {
        for_each(w, CSTAR__WAIT_BODY, check_rate);
    }
    for (size_t i = 0; i < CSTAR__WAITS; i++) {
        cstar__link *ring = &w->waits[i];
        while (ring->next != ring && ((cstar__conn *)ring->next)->deadline <= now) {
            cstar__conn *c = (cstar__conn *)ring->next;
            expire(c);
            if (!c->closing && c->deadline <= now) { /* nothing moved */
                cstar__conn_close(c);
            }
        }
    }
}
