/* defer.c -- what a handler has the pool do before its answer is complete.
 *
 *     a step ──▶ cstar_defer() ──▶ (pool) work ──▶ (loop) settle: done ──▶ the last one: go_on, the
 *                    │                                                     next step or the answer
 *                    └─ the client leaves ──▶ what waits is not run, done is not called
 *
 * Invariants: 1. While something is deferred no step is taken, and what is answered is kept until
 * the last one is done: one answer, whatever their order. 2. `free` is called once: behind a failed
 * call, behind the answer, or, when the client has gone, behind the work. 3. The exchange is held
 * while works are under way; an entry's memory is the app's, so that it lasts as long as its work.
 * 4. All but `run` is the loop's.
 *
 * Works of a stream's callbacks, whose conn is put back when they return, are live_defer.c.
 *
 * SPDX-License-Identifier: MIT */
#include "web/quiet.h"

typedef struct cstar__defer {
    cstar__work work;
    cstar_conn *conn;
    cstar_deferred d;
    struct cstar__defer *next; /* in conn->defers or conn->spent */
    bool here;                 /* there is no pool: run_here() */
    bool skip;                 /* atomic, alone: nobody waits for it */
} cstar__defer;

/* ---- the end of one ---- */

static void take_off(cstar_conn *conn, const cstar__defer *e) {
    cstar__defer **at = &conn->defers;
    while (*at != e) {
        at = &(*at)->next;
    }
    *at = e->next;
}

/* Its work is over: what is to be said of it. Further ones may be deferred meanwhile. */
static void settle(cstar__defer *e) {
    cstar_conn *conn = e->conn;
    take_off(conn, e);
    e->next = conn->spent;
    conn->spent = e;
    if (!conn->x->broken && e->d.done != NULL) {
        conn->may_defer = true;
        e->d.done(conn, e->d.arg);
        conn->may_defer = false;
    }
}

void cstar__defer_clear(cstar_conn *conn) {
    const cstar_allocator *alloc = conn->app->alloc;
    while (conn->spent != NULL) {
        cstar__defer *e = conn->spent;
        conn->spent = e->next;
        if (e->d.free != NULL) {
            e->d.free(e->d.arg);
        }
        (void)alloc->resize(alloc->ctx, e, sizeof *e, 0);
    }
}

void cstar__defer_leave(cstar_conn *conn) {
    for (cstar__defer *e = conn->defers; e != NULL; e = e->next) {
        __atomic_store_n(&e->skip, true, __ATOMIC_RELAXED);
    }
    if (conn->kept.has_source) {
        conn->kept.has_source = false;
        cstar__source_release(&conn->kept.source);
    }
    conn->deferring = false;
    cstar__defer_clear(conn);
}

static cstar__defer *of_work(cstar__work *w) {
    return (cstar__defer *)(void *)((char *)w - offsetof(cstar__defer, work));
}

static void run(cstar__work *w) {
    const cstar__defer *e = of_work(w);
    if (!__atomic_load_n(&e->skip, __ATOMIC_RELAXED)) {
        e->d.work(e->d.arg);
    }
}

/* A stream that has begun may have had its `info` called, which has deferred something itself. */
static void let_go(cstar_conn *conn) {
    cstar__exchange *x = conn->x;
    const bool over = x->closed;
    if (cstar__live_defer_holds(conn)) {
        return;
    }
    cstar__exchange_let_go(x);
    if (!over) {
        cstar__quiet_settle(conn);
    }
}

/* Answering may end the exchange, so it stays held until nothing is touched any more. */
static void on_done(cstar__work *w) {
    cstar__defer *e = of_work(w);
    cstar_conn *conn = e->conn;
    cstar__exchange *x = conn->x;
    settle(e);
    if (x->broken) {
        cstar__defer_leave(conn);
    } else if (conn->defers == NULL) {
        cstar__dispatch_go_on(conn);
    }
    if (conn->defers == NULL) {
        cstar__defer_clear(conn);
        let_go(conn);
    }
}

bool cstar__defer_run_here(cstar_conn *conn) {
    cstar__defer *e = conn->defers;
    if (e == NULL || !e->here) {
        return false;
    }
    run(&e->work);
    settle(e);
    return true;
}

/* ---- asking for one ---- */

static cstar_status check(cstar_conn *conn, const cstar_deferred *d) {
    if (d->work == NULL) {
        return cstar__conn_failf(conn, CSTAR_EINVAL, "defer", "defer: no work");
    }
    if (conn->rerendering) {
        conn->refusing = true;
        return cstar__conn_failf(conn, CSTAR_ESTATE, "defer",
                                 "defer: a page that is rendered again can't wait");
    }
    if (conn->off_loop || cstar__conn_is_blocking(conn)) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "defer",
                                 "defer: a blocking handler may wait itself");
    }
    if (!conn->may_defer) {
        return cstar__conn_failf(
            conn, CSTAR_ESTATE, "defer",
            "defer: only from mount, authorize, a handler, or what was deferred there");
    }
    return conn->answer != CSTAR__ANSWER_GIVEN
               ? CSTAR_OK
               : cstar__conn_failf(conn, CSTAR_ESTATE, "defer",
                                   "defer: there is a response already");
}

static void append(cstar_conn *conn, cstar__defer *e) {
    cstar__defer **at = &conn->defers;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = e;
    conn->deferring = true;
    if (!e->here) {
        cstar__exchange_hold(conn->x);
    }
}

static cstar_status queue(cstar_conn *conn, const cstar_deferred *d) {
    const cstar_allocator *alloc = conn->app->alloc;
    cstar__defer *e = alloc->resize(alloc->ctx, NULL, 0, sizeof *e);
    if (e == NULL) {
        return CSTAR_ENOMEM;
    }
    *e = (cstar__defer){.work = {.run = run, .done = on_done}, .conn = conn, .d = *d};
    cstar_status rc = cstar__exchange_work(conn->x, &e->work);
    e->here = rc == CSTAR_ENOTSUP;
    if (rc == CSTAR_OK || e->here) {
        append(conn, e);
        return CSTAR_OK;
    }
    (void)alloc->resize(alloc->ctx, e, sizeof *e, 0);
    return rc;
}

cstar_status cstar_conn_defer(cstar_conn *conn, const cstar_deferred *d) {
    const bool live =
        conn->live != NULL && conn->live->inside && conn->live->s != NULL && !conn->rerendering;
    cstar_status rc = live && d->work != NULL ? CSTAR_OK : check(conn, d);
    if (rc == CSTAR_OK) {
        rc = live ? cstar__live_defer(conn->live, d) : queue(conn, d);
        if (rc != CSTAR_OK) {
            (void)cstar__conn_failf(conn, rc, "defer",
                                    rc == CSTAR_ELIMIT ? "defer: too much waits for the pool"
                                                       : cstar_strerror(rc));
        }
    }
    if (rc != CSTAR_OK) {
        if (!conn->rerendering) { /* else the rendering is in vain, and not what asked for it */
            conn->defer_failed = rc;
        }
        if (d->free != NULL) {
            d->free(d->arg);
        }
    }
    return rc;
}

/* An authorize that could not ask must not let anybody pass, and a mount that could not load must
 * not show a page: in vain is an answer of its own. */
bool cstar__defer_refused(cstar_conn *conn) {
    const bool silent = conn->answer == CSTAR__ANSWER_NONE ||
                        (conn->answer == CSTAR__ANSWER_SSE && conn->out.len == 0);
    if (conn->defer_failed == CSTAR_OK || !silent || conn->halted || conn->stream != NULL) {
        return false;
    }
    conn->answer = CSTAR__ANSWER_NONE;
    if (conn->defer_failed == CSTAR_ELIMIT) {
        (void)cstar__conn_add_field(conn, CSTAR_STR("retry-after"), CSTAR_STR("1"));
        cstar__error_page(conn, 503, NULL);
    } else {
        cstar__error_page(conn, 500, NULL);
    }
    return true;
}
