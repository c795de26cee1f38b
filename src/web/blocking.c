/* blocking.c -- a handler that may wait, on a thread of the pool.
 *
 *     on_end ──▶ start ──▶ (pool thread) the handler: the same API, its reply is kept
 *                              └──▶ done (loop) ──▶ the reply is delivered as if just given
 *
 * Invariants: 1. While the handler runs, its thread alone touches the conn, but for `gone`; the
 * exchange's memory is held until it has returned, also when the client leaves. The connection's is
 * not: the handler sees a copy of its peer. 2. The machine is
 * only touched on the loop.
 *
 * SPDX-License-Identifier: MIT */
#include "web/quiet.h"

static cstar_conn *conn_of(cstar__work *w) {
    return (cstar_conn *)(void *)((char *)w - offsetof(cstar_conn, work));
}

static void run(cstar__work *w) { cstar__dispatch_call(conn_of(w)); }

/* Delivering may end the exchange, so it stays held until nothing is touched any more. */
static void done(cstar__work *w) {
    cstar_conn *conn = conn_of(w);
    cstar__exchange *x = conn->x;
    conn->off_loop = false;
    if (conn->gone) { /* on_close was called meanwhile: only the remains are to be cleared */
        if (conn->kept.has_source) {
            cstar__source_release(&conn->kept.source);
        }
        cstar__stream_close(conn);
        cstar__live_close(conn);
        cstar__body_close(conn);
    } else {
        if (conn->answer == CSTAR__ANSWER_GIVEN) {
            (void)cstar__conn_deliver(conn, &conn->kept);
        }
        cstar__dispatch_finish(conn);
    }
    const bool over = x->closed;
    if (!cstar__live_defer_holds(conn->live)) { /* an early message's info may have deferred */
        cstar__exchange_let_go(x);
    }
    if (!over) {
        cstar__quiet_settle(conn);
    }
}

void cstar__blocking_start(cstar_conn *conn) {
    cstar__exchange *x = conn->x;
    cstar__peer *peer = cstar_arena_alloc(&x->arena, sizeof *peer);
    if (peer == NULL) {
        (void)cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
        cstar__error_page(conn, 500, NULL);
        return;
    }
    *peer = *x->peer;
    conn->peer = peer;
    conn->work = (cstar__work){.run = run, .done = done};
    conn->off_loop = true;
    x->later = true;
    cstar__exchange_hold(x);
    cstar_status rc = cstar__exchange_work(x, &conn->work);
    if (rc == CSTAR_OK) {
        return;
    }
    conn->off_loop = false;
    cstar__exchange_let_go(x);
    x->later = false;
    if (rc == CSTAR_ENOTSUP) { /* nobody below: a test */
        cstar__dispatch_call(conn);
        cstar__dispatch_finish(conn);
        cstar__quiet_settle(conn);
        return;
    }
    (void)cstar__conn_add_field(conn, CSTAR_STR("retry-after"), CSTAR_STR("1"));
    cstar__error_page(conn, 503, NULL);
}

void cstar__blocking_leave(cstar_conn *conn) {
    __atomic_store_n(&conn->gone, true, __ATOMIC_RELAXED);
}
