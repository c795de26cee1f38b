/* live_defer.c -- works that a stream's callbacks have the pool do.
 *
 *     info ──▶ cstar_defer() ──▶ (pool) work ──▶ (loop) done, a further callback ──▶ free
 *                    └─ the stream ends ──▶ what waits is not run, done is not called
 *
 * Invariants: 1. The exchange, in whose memory the conn lies, is held while works are under way. 2. `free`
 * is called once. 3. All but `run` is the loop's.
 *
 * SPDX-License-Identifier: MIT */
#include "web/live.h"

typedef struct cstar__live_job {
    cstar__work work;
    cstar__live_conn *l;
    cstar_deferred d;
    struct cstar__live_job *next;
    bool here; /* there is no pool */
    bool skip; /* atomic, alone: nobody waits for it */
} cstar__live_job;

static cstar__live_job *of_work(cstar__work *w) {
    return (cstar__live_job *)(void *)((char *)w - offsetof(cstar__live_job, work));
}

static void run(cstar__work *w) {
    const cstar__live_job *e = of_work(w);
    if (!__atomic_load_n(&e->skip, __ATOMIC_RELAXED)) {
        e->d.work(e->d.arg);
    }
}

static void drop(cstar__live_job *e) {
    const cstar_allocator *alloc = e->l->conn->app->alloc;
    if (e->d.free != NULL) {
        e->d.free(e->d.arg);
    }
    (void)alloc->resize(alloc->ctx, e, sizeof *e, 0);
}

/* The stream can't end before it returns, like any other callback's; then it may. */
static void call_done(cstar__live_conn *l, const cstar_deferred *d) {
    cstar_conn before;
    cstar__live *s = l->s;
    cstar__live_enter_call(s);
    cstar__live_enter(l, &before);
    d->done(l->conn, d->arg);
    cstar__live_leave(l, &before);
    cstar__live_leave_call(s);
}

/* Its work is over. The exchange's memory stays until it is let go of. */
static void settle(cstar__live_job *e) {
    cstar__live_conn *l = e->l;
    cstar__live_job **at = &l->defers;
    while (*at != e) {
        at = &(*at)->next;
    }
    *at = e->next;
    if (l->s != NULL && e->d.done != NULL && !cstar__live_is_ending(l->s)) {
        call_done(l, &e->d);
    }
    drop(e);
}

/* A hold has no count: the last one that is not `here` lets go. */
static bool is_held(const cstar__live_conn *l) {
    const cstar__live_job *e = l->defers;
    while (e != NULL && e->here) {
        e = e->next;
    }
    return e != NULL;
}

bool cstar__live_defer_holds(const cstar_conn *conn) {
    return conn->live != NULL && is_held(conn->live);
}

static void on_done(cstar__work *w) {
    cstar__live_conn *l = of_work(w)->l;
    cstar__exchange *x = l->conn->x;
    settle(of_work(w));
    if (!is_held(l)) {
        cstar__exchange_let_go(x);
    }
}

cstar_status cstar__live_defer(cstar__live_conn *l, const cstar_deferred *d) {
    const cstar_allocator *alloc = l->conn->app->alloc;
    cstar__exchange *x = l->conn->x;
    cstar__live_job *e = alloc->resize(alloc->ctx, NULL, 0, sizeof *e);
    if (e == NULL) {
        return CSTAR_ENOMEM;
    }
    *e = (cstar__live_job){.work = {.run = run, .done = on_done}, .l = l, .d = *d};
    const cstar_status rc = cstar__exchange_work(x, &e->work);
    e->here = rc == CSTAR_ENOTSUP;
    if (rc != CSTAR_OK && !e->here) {
        (void)alloc->resize(alloc->ctx, e, sizeof *e, 0);
        return rc;
    }
    e->next = l->defers;
    l->defers = e;
    if (!e->here) {
        cstar__exchange_hold(x);
    }
    return CSTAR_OK;
}

void cstar__live_defer_leave(cstar__live_conn *l) {
    for (cstar__live_job **at = &l->defers; *at != NULL;) {
        cstar__live_job *e = *at;
        if (e->here) {
            *at = e->next;
            drop(e);
        } else {
            __atomic_store_n(&e->skip, true, __ATOMIC_RELAXED);
            at = &e->next;
        }
    }
}

void cstar__live_defer_run_here(cstar__live_conn *l) {
    cstar__live_job *e = l->defers;
    while (e != NULL && !e->here) {
        e = e->next;
    }
    if (e != NULL) {
        run(&e->work);
        settle(e); /* which comes back here for the others */
    }
}
