/* driver.c -- what exchanges ask of the connection below them.
 *
 *     claim   an answer outside of an entry ▶ side ▶ sent before the loop sleeps
 *     send    pieces that many share ▶ straight to the socket, if nothing waits
 *     alarm   heap ▶ one timer ▶ on_wake
 *     vanished   asks the kernel
 *     work    work.c
 *
 * The connection that is inside owns the worker's `out`. Others may be answered meanwhile (from its
 * handler), or while nobody is inside (a timer of the application's, a work that is done). Their
 * answers go to `side`, which belongs to one of them at a time: who comes next has what is in it
 * sent first, so that no byte of two connections ever shares a buffer. No handler runs inside a
 * claim. Whoever has claimed is pumped by the idle handle, which libuv calls before it sleeps.
 *
 * Invariants: 1. `side` is empty or its owner's. 2. Its owner is on the ready list. 3. A machine
 * writes to `side` only while its connection is the owner; it claims before each such write. 4. The
 * idle handle runs while the ready list is not empty. 5. The timer is set to the earliest alarm or
 * earlier.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* what uv.h needs of POSIX */
#include "net/conn.h"
#include "net/work.h"

#include <assert.h>

/* ---- ready ---- */

static cstar__conn *conn_of(cstar__link *ready) {
    return (cstar__conn *)(void *)((char *)ready - offsetof(cstar__conn, ready));
}

/* Those that become ready meanwhile have their turn in the next round of the loop. */
static void on_idle(uv_idle_t *idle) {
    cstar__worker *w = idle->data;
    cstar__link todo;
    cstar__link_move(&w->ready, &todo);
    while (todo.next != &todo) {
        cstar__conn *c = conn_of(todo.next);
        cstar__link_remove(&c->ready);
        cstar__conn_enter(c);
        cstar__conn_leave(c);
    }
    if (w->ready.next == &w->ready) {
        (void)uv_idle_stop(idle);
    }
}

void cstar__conn_ready(cstar__conn *c) {
    cstar__worker *w = c->worker;
    if (c->ready.next == &c->ready) {
        cstar__link_append(&w->ready, &c->ready);
        (void)uv_idle_start(&w->idle, on_idle);
    }
}

/* ---- claim ---- */

static void send_side(cstar__worker *w) {
    cstar__conn *owner = w->side_owner;
    if (owner != NULL && !cstar__conn_flush(owner)) {
        owner->cut = true; /* closed when it is pumped: closing calls handlers */
    }
    w->side_owner = NULL;
}

static void claim(void *link) {
    cstar__conn *c = link;
    cstar__worker *w = c->worker;
    if (c == w->inside || c == w->side_owner) {
        return;
    }
    send_side(w);
    w->side_owner = c;
    if (!c->lent) {
        c->lent = true;
        cstar__machine_lend(&c->machine, &w->side);
    }
    cstar__conn_ready(c);
}

void cstar__conn_unclaim(cstar__conn *c) {
    cstar__worker *w = c->worker;
    if (w->side_owner == c) {
        send_side(w);
    }
    if (c->lent) {
        c->lent = false;
        cstar__machine_lend(&c->machine, &w->out);
    }
}

void cstar__conn_forget(cstar__conn *c) {
    cstar__worker *w = c->worker;
    cstar__link_remove(&c->ready);
    if (w->side_owner == c) {
        cstar_buf_reset(&w->side);
        w->side_owner = NULL;
    }
    if (c->lent) {
        c->lent = false;
        cstar__machine_lend(&c->machine, &w->out);
    }
}

/* ---- past the machine ---- */

/* Looked at for each stream of a broadcast, and so fetched before. */
static_assert(offsetof(cstar__conn, tls_failed) - offsetof(cstar__conn, peer) <
                  CSTAR__FETCH_CONNECTION,
              "what a broadcast looks at lies behind the peer");

static bool is_clear(const cstar__conn *c) {
    const cstar__worker *w = c->worker;
    return c->tls == NULL && c->stuck == NULL && !c->closing && c != w->inside &&
           c != w->side_owner;
}

static ptrdiff_t send_past(void *link, const cstar_str *pieces, size_t n) {
    cstar__conn *c = link;
    if (c->cut) {
        return -1;
    }
    const ptrdiff_t sent = is_clear(c) ? cstar__conn_send_pieces(c, pieces, n) : 0;
    if (sent < 0) {
        c->cut = true;
        cstar__conn_ready(c); /* closed when it is pumped: closing calls handlers */
    }
    return sent;
}

/* ---- alarm ---- */

static void on_alarm(uv_timer_t *timer);

static void set_timer(cstar__worker *w) {
    uint64_t next = cstar__alarms_next(&w->alarms);
    uint64_t now = uv_now(&w->loop);
    if (next == UINT64_MAX) {
        (void)uv_timer_stop(&w->alarm);
        w->alarm_at = UINT64_MAX;
    } else if (next != w->alarm_at) {
        (void)uv_timer_start(&w->alarm, on_alarm, next > now ? next - now : 0, 0);
        w->alarm_at = next;
    }
}

static void wake(cstar__exchange *x) {
    cstar__conn *c = x->peer->link;
    cstar__conn_enter(c);
    cstar__machine_wake(&c->machine, x);
    cstar__conn_leave(c);
}

static void on_alarm(uv_timer_t *timer) {
    cstar__worker *w = timer->data;
    uint64_t now = uv_now(&w->loop);
    cstar__exchange *x = NULL;
    w->alarm_at = UINT64_MAX;
    w->waking = true; /* who sets another for now has it in the next turn, or this had no end */
    while ((x = cstar__alarms_take(&w->alarms, now)) != NULL) {
        wake(x);
    }
    w->waking = false;
    set_timer(w);
}

static cstar_status set_alarm(void *link, cstar__exchange *x, uint64_t ms) {
    const cstar__conn *c = link;
    cstar__worker *w = c->worker;
    uint64_t now = uv_now(&w->loop);
    ms = w->waking && ms == 0 ? 1 : ms;
    cstar_status rc =
        cstar__alarms_set(&w->alarms, x, ms < UINT64_MAX - 1 - now ? now + ms : UINT64_MAX - 1);
    if (rc == CSTAR_OK && cstar__alarms_next(&w->alarms) < w->alarm_at && !w->waking) {
        set_timer(w);
    }
    return rc;
}

/* The timer is left as it is: at worst it goes off for nothing. */
static void over(void *link, cstar__exchange *x) {
    const cstar__conn *c = link;
    cstar__alarms_drop(&c->worker->alarms, x);
}

/* ---- vanished ---- */

static bool vanished(void *link, unsigned ms) {
    const cstar__conn *c = link;
    uv_os_fd_t fd = -1;
    return !c->peer.local && !c->closing && uv_fileno(&c->socket.handle, &fd) == 0 &&
           cstar__socket_silent(fd, ms);
}

static void moved(void *link, cstar__exchange *x) {
    const cstar__conn *c = link;
    cstar__alarms_moved(&c->worker->alarms, x);
}

/* ---- work ---- */

static cstar_status work(void *link, cstar__work *job) {
    const cstar__conn *c = link;
    return cstar__work_queue(c->worker, job);
}

const cstar__driver cstar__conn_driver = {
    .claim = claim,
    .alarm = set_alarm,
    .work = work,
    .over = over,
    .moved = moved,
    .send = send_past,
    .vanished = vanished,
};
