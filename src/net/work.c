/* work.c
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* what uv.h needs of POSIX */
#include "net/work.h"

typedef struct job {
    uv_work_t req;
    cstar__worker *worker;
    cstar__work *work;
} job;

static void on_pool(uv_work_t *req) {
    const job *j = req->data;
    j->work->run(j->work);
}

static void on_done(uv_work_t *req, int status) {
    (void)status; /* it is never cancelled: `done` comes behind `run`, always */
    job *j = req->data;
    cstar__worker *w = j->worker;
    cstar__work *work = j->work;
    const cstar_allocator *alloc = w->server->alloc;
    (void)alloc->resize(alloc->ctx, j, sizeof *j, 0);
    (void)__atomic_sub_fetch(&w->server->nwork, 1, __ATOMIC_RELAXED);
    w->nwork--;
    work->inner = NULL;
    work->done(work);
    cstar__worker_end_if_drained(w);
}

static bool reserve(cstar__server *s) {
    if (__atomic_add_fetch(&s->nwork, 1, __ATOMIC_RELAXED) <= s->opts.max_work) {
        return true;
    }
    (void)__atomic_sub_fetch(&s->nwork, 1, __ATOMIC_RELAXED);
    return false;
}

cstar_status cstar__work_queue(cstar__worker *w, cstar__work *work) {
    cstar__server *s = w->server;
    if (!reserve(s)) {
        return CSTAR_ELIMIT;
    }
    job *j = s->alloc->resize(s->alloc->ctx, NULL, 0, sizeof *j);
    if (j == NULL) {
        (void)__atomic_sub_fetch(&s->nwork, 1, __ATOMIC_RELAXED);
        return CSTAR_ENOMEM;
    }
    memset(j, 0, sizeof *j);
    j->worker = w;
    j->work = work;
    j->req.data = j;
    work->inner = j;
    w->nwork++;
    (void)uv_queue_work(&w->loop, &j->req, on_pool, on_done); /* fails without a callback only */
    return CSTAR_OK;
}
