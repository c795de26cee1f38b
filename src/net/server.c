/* server.c -- all workers together.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* what uv.h needs of POSIX */
#include "net/server.h"

#include "net/work.h"
#include "net/worker.h"

#include <stdarg.h>
#include <stdio.h>

#define MAX_WORKERS 1024u

void cstar__server_log(const cstar__server *s, const char *format, ...) {
    if (s->opts.on_log == NULL) {
        return;
    }
    char line[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    s->opts.on_log(s->opts.arg, line);
}

static unsigned or_default(unsigned value, unsigned otherwise) {
    return value != 0 ? value : otherwise;
}

static void set_defaults(cstar__server_opts *o) {
    o->workers = or_default(o->workers, 1);
    o->header_ms = or_default(o->header_ms, 10000);
    o->body_ms = or_default(o->body_ms, 30000);
    o->idle_ms = or_default(o->idle_ms, 75000);
    o->write_ms = or_default(o->write_ms, 60000);
    o->drain_ms = or_default(o->drain_ms, 10000);
    o->body_rate = or_default(o->body_rate, 256);
    o->max_work = or_default(o->max_work, 1024);
    o->max_output = o->max_output != 0 ? o->max_output : (size_t)17 << 20;
    o->exchange_bytes = o->exchange_bytes != 0 ? o->exchange_bytes : (size_t)32 << 20;
    o->alloc = o->alloc != NULL ? o->alloc : cstar_heap();
}

/* ---- sockets ---- */

static cstar_status open_bounds(cstar__server *s, cstar_err *err) {
    const cstar__server_opts *o = &s->opts;
    const char *address = o->listen != NULL ? o->listen : "127.0.0.1:8080";
    cstar__listen one = {.address = address, .tls = o->tls != NULL};
    const cstar__listen *list = o->nlisteners != 0 ? o->listeners : &one;
    size_t n = o->nlisteners != 0 ? o->nlisteners : 1;
    for (size_t i = 0; i < n; i++) {
        if (list[i].tls && o->tls == NULL) {
            return cstar_err_set(err, CSTAR_EINVAL, "tls", "tls: %s: no certificate was given",
                                 list[i].address);
        }
    }
    return cstar__bounds_open(&s->bounds, list, n, err);
}

static cstar_status open_workers(cstar__server *s, cstar_err *err) {
    for (unsigned i = 0; i < s->nworkers; i++) {
        cstar_status rc = cstar__worker_open(&s->workers[i], s, i, err);
        if (rc != CSTAR_OK) {
            return rc;
        }
        s->nopen++;
    }
    return CSTAR_OK;
}

/* Everybody's door opens onto this: before the workers. */
static cstar_status open_admission(cstar__server *s, cstar_err *err) {
    const cstar__server_opts *o = &s->opts;
    size_t descriptors = cstar__process_descriptors();
    cstar__admission_opts a = {.alloc = s->alloc,
                               .max = o->max_connections,
                               .per_address = o->max_per_address,
                               .trusted = o->trusted,
                               .ntrusted = o->ntrusted};
    if (a.max == 0) {
        a.max = cstar__admission_derive(descriptors, s->nworkers, s->bounds.n);
    }
    if (uv_random(NULL, NULL, a.seed, sizeof a.seed, 0, NULL) != 0) {
        return cstar_err_set(err, CSTAR_EIO, NULL, "the system has no random numbers");
    }
    s->serial = uv_hrtime();
    return cstar__admission_init(&s->admission, &a)
               ? CSTAR_OK
               : cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
}

static cstar__server *server_alloc(const cstar__server_opts *opts) {
    const cstar_allocator *alloc = opts->alloc;
    cstar__server *s = alloc->resize(alloc->ctx, NULL, 0, sizeof *s);
    size_t bytes = sizeof(cstar__worker) * opts->workers;
    cstar__worker *workers = alloc->resize(alloc->ctx, NULL, 0, bytes);
    if (s == NULL || workers == NULL) {
        if (s != NULL) {
            alloc->resize(alloc->ctx, s, sizeof *s, 0);
        }
        if (workers != NULL) {
            alloc->resize(alloc->ctx, workers, bytes, 0);
        }
        return NULL;
    }
    memset(s, 0, sizeof *s);
    for (unsigned i = 0; i < opts->workers; i++) {
        /* Not its input buffer: untouched pages cost nothing. */
        memset(&workers[i], 0, offsetof(cstar__worker, input));
    }
    s->opts = *opts;
    s->alloc = alloc;
    s->workers = workers;
    s->nworkers = opts->workers;
    cstar__notify_init(&s->notifier);
    return s;
}

/* ---- certificates ---- */

cstar__tls_ctx *cstar__server_tls(cstar__server *s) {
    return s->has_tls ? cstar__tls_slot_get(&s->tls) : NULL;
}

enum { TLS_LINES = 10 };

static void tell_more(const cstar__server *s, unsigned more) {
    if (more != 0) {
        cstar__server_log(s, "tls: %u more TLS failures", more);
    }
}

/* Whoever sees the new second first begins it. */
void cstar__server_tls_tick(cstar__server *s) {
    cstar__tls_log *l = &s->tls_log;
    uint64_t now = uv_hrtime() / 1000000000;
    uint64_t then = __atomic_load_n(&l->second, __ATOMIC_RELAXED);
    if (now != then && __atomic_compare_exchange_n(&l->second, &then, now, false, __ATOMIC_RELAXED,
                                                   __ATOMIC_RELAXED)) {
        __atomic_store_n(&l->lines, 0, __ATOMIC_RELAXED);
        tell_more(s, __atomic_exchange_n(&l->more, 0, __ATOMIC_RELAXED));
    }
}

void cstar__server_tls_failure(cstar__server *s, const char *why) {
    cstar__server_tls_tick(s);
    if (__atomic_add_fetch(&s->tls_log.lines, 1, __ATOMIC_RELAXED) <= TLS_LINES) {
        cstar__server_log(s, "tls: %s", why);
    } else {
        (void)__atomic_add_fetch(&s->tls_log.more, 1, __ATOMIC_RELAXED);
    }
}

static void log_warning(const cstar__server *s, const cstar_err *err) {
    if (err->text[0] != '\0') {
        cstar__server_log(s, "tls: %s", err->text);
    }
}

static cstar_status open_tls(cstar__server *s, const cstar__tls_opts *tls, cstar_err *err) {
    cstar__tls_ctx *ctx = cstar__tls_ctx_new(tls, err);
    if (ctx == NULL) {
        return err->code;
    }
    log_warning(s, err);
    cstar_status rc = cstar__tls_slot_init(&s->tls, ctx);
    s->has_tls = rc == CSTAR_OK;
    return rc;
}

cstar_status cstar__server_reload_tls(cstar__server *s, const cstar__tls_opts *tls,
                                      cstar_err *err) {
    cstar__tls_opts opts = *tls;
    cstar__tls_ctx *current = cstar__server_tls(s);
    if (current == NULL) {
        return cstar_err_set(err, CSTAR_ESTATE, "tls", "tls: the server was started without");
    }
    opts.previous = current;
    cstar__tls_ctx *fresh = cstar__tls_ctx_new(&opts, err);
    cstar__tls_ctx_unref(current);
    if (fresh == NULL) {
        return err->code;
    }
    log_warning(s, err);
    cstar__tls_slot_set(&s->tls, fresh);
    return CSTAR_OK;
}

/* ---- life ---- */

static cstar_status open_server(cstar__server *s, cstar_err *err) {
    const cstar__server_opts *o = &s->opts;
    cstar__identity who;
    cstar_status rc = cstar__process_find(o->user, o->group, &who, err);
    rc = rc != CSTAR_OK ? rc : open_bounds(s, err);
    rc = rc != CSTAR_OK || o->tls == NULL ? rc : open_tls(s, o->tls, err);
    rc = rc != CSTAR_OK ? rc : open_admission(s, err);
    if (rc == CSTAR_OK && o->notify && !cstar__notify_open(&s->notifier)) {
        rc = cstar_err_set(err, CSTAR_EIO, "notify", "notify: no socket for NOTIFY_SOCKET");
    }
    rc = rc != CSTAR_OK ? rc : open_workers(s, err);
    return rc != CSTAR_OK ? rc : cstar__process_become(&who, err);
}

cstar__server *cstar__server_new(const cstar__server_opts *opts, cstar_err *err) {
    cstar__server_opts o = *opts;
    set_defaults(&o);
    if (o.workers > MAX_WORKERS) {
        (void)cstar_err_set(err, CSTAR_EINVAL, "workers", "workers: %u is more than %u", o.workers,
                            MAX_WORKERS);
        return NULL;
    }
    cstar__server *s = server_alloc(&o);
    if (s == NULL) {
        (void)cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
        return NULL;
    }
    cstar_err why = {0};
    cstar_status rc = open_server(s, &why);
    if (rc != CSTAR_OK) {
        (void)cstar_err_set(err, rc, why.where, "%s", why.text);
        cstar__server_free(s);
        return NULL;
    }
    return s;
}

void cstar__server_free(cstar__server *s) {
    if (s == NULL) {
        return;
    }
    for (unsigned i = 0; i < s->nopen; i++) {
        cstar__worker_close(&s->workers[i]);
    }
    tell_more(s, s->tls_log.more);
    (void)cstar__bounds_close(&s->bounds); /* the workers have, unless there are none */
    cstar__admission_fini(&s->admission);
    cstar__notify_close(&s->notifier);
    if (s->has_tls) {
        cstar__tls_slot_fini(&s->tls);
    }
    const cstar_allocator *alloc = s->alloc;
    alloc->resize(alloc->ctx, s->workers, sizeof(cstar__worker) * s->nworkers, 0);
    alloc->resize(alloc->ctx, s, sizeof *s, 0);
}

/* ---- questions ---- */

bool cstar__server_listening(const cstar__server *s, size_t i, cstar__listening *out) {
    if (i >= s->bounds.n) {
        return false;
    }
    const cstar__bound *b = &s->bounds.list[i];
    *out = (cstar__listening){
        .host = b->address.host, .port = b->port, .tls = b->tls, .redirect = b->redirect};
    return true;
}

const char *cstar__server_host(const cstar__server *s) { return s->bounds.list[0].address.host; }
unsigned cstar__server_port(const cstar__server *s) { return s->bounds.list[0].port; }
unsigned cstar__server_workers(const cstar__server *s) { return s->nworkers; }
size_t cstar__server_max_connections(const cstar__server *s) { return s->admission.max; }

void cstar__server_stats(const cstar__server *s, cstar__stats *sum) {
    memset(sum, 0, sizeof *sum);
    for (unsigned i = 0; i < s->nopen; i++) {
        cstar__stats_sum(sum, &s->workers[i].pool.stats);
    }
}

bool cstar__server_draining(const cstar__server *s) {
    return __atomic_load_n(&s->draining, __ATOMIC_RELAXED);
}

/* ---- running ---- */

static void thread_main(void *arg) {
    cstar__worker *w = arg;
    cstar__mask_take(&w->mask); /* programs that handlers start inherit it */
    cstar__worker_run(w);
    (void)__atomic_sub_fetch(&w->server->others, 1, __ATOMIC_RELEASE);
    (void)uv_async_send(&w->server->workers[0].stop);
}

static bool start_thread(cstar__worker *w) {
    cstar__mask_for_threads(&w->mask);
    (void)__atomic_add_fetch(&w->server->others, 1, __ATOMIC_RELAXED);
    bool runs = uv_thread_create(&w->thread, thread_main, w) == 0;
    if (!runs) {
        (void)__atomic_sub_fetch(&w->server->others, 1, __ATOMIC_RELAXED);
    }
    cstar__mask_restore(&w->mask);
    return runs;
}

cstar_status cstar__server_run(cstar__server *s) {
    unsigned started = 1;
    cstar_status rc = CSTAR_OK;
    for (; started < s->nworkers; started++) {
        if (!start_thread(&s->workers[started])) {
            rc = CSTAR_EIO;
            cstar__server_stop(s);
            break;
        }
    }
    if (rc == CSTAR_OK) {
        cstar__notify(&s->notifier, "READY=1\nSTATUS=serving with %u workers\n", s->nworkers);
    }
    cstar__worker_run(&s->workers[0]);
    for (unsigned i = 1; i < started; i++) {
        (void)uv_thread_join(&s->workers[i].thread);
    }
    return rc;
}

void cstar__server_wake(cstar__server *s, unsigned worker) {
    if (worker < s->nopen && !__atomic_load_n(&s->workers[worker].deaf, __ATOMIC_RELAXED)) {
        (void)uv_async_send(&s->workers[worker].mail);
    }
}

static void on_mail_alarm(uv_timer_t *timer) {
    const cstar__worker *w = timer->data;
    if (w->server->opts.on_mail != NULL) {
        w->server->opts.on_mail(w->server->opts.arg, w->index);
    }
}

void cstar__server_alarm(cstar__server *s, unsigned worker, uint64_t ms) {
    cstar__worker *w = &s->workers[worker];
    if (!__atomic_load_n(&w->deaf, __ATOMIC_RELAXED)) {
        uv_update_time(&w->loop);
        (void)uv_timer_start(&w->mail_alarm, on_mail_alarm, ms, 0);
    }
}

cstar_status cstar__server_work(cstar__server *s, unsigned worker, cstar__work *work) {
    return cstar__work_queue(&s->workers[worker], work);
}

void cstar__server_stop(cstar__server *s) {
    __atomic_store_n(&s->draining, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < s->nopen; i++) {
        (void)uv_async_send(&s->workers[i].stop);
    }
}
