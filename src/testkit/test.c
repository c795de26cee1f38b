/* test.c -- a kit: its life, its clock, what it says when something is wrong.
 *
 * Invariants: 1. While a kit lives, the app's clock and log are the kit's; afterwards they are
 * as they were. 2. on_fail may leave by longjmp(): nothing that is not reached from the kit is
 * held then.
 *
 * SPDX-License-Identifier: MIT */
#include "testkit/kit.h"
#include "web/live.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { NEW_YEAR = 1767225600 }; /* 2026-01-01 00:00 UTC */

/* ---- failures ---- */

/* With what the app has logged: mostly that says why. */
static void print_and_abort(void *arg, const char *file, int line, const char *text) {
    const char *log = cstar_test_log(arg);
    if (file != NULL) {
        (void)fprintf(stderr, "%s:%d: ", file, line);
    }
    (void)fprintf(stderr, "%s\n", text);
    if (log[0] != '\0' && strstr(text, log) == NULL) {
        (void)fprintf(stderr, "log: %s", log);
    }
    abort();
}

bool cstar__kit_fail(cstar_test *t, const char *file, int line, const char *format, ...) {
    char text[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t->on_fail(t->arg, file, line, text);
    return false;
}

void *cstar__kit_nomem(cstar_test *t) {
    (void)cstar__kit_fail(t, NULL, 0, "the test kit is out of memory");
    return NULL;
}

const char *cstar__kit_text(cstar_test *t, cstar_buf *b) {
    const char *text = NULL;
    if (b->status == CSTAR_OK) {
        text = cstar_arena_strdup(&t->arena, cstar_view(b->len != 0 ? b->ptr : "", b->len));
    }
    cstar_buf_fini(b);
    return text != NULL ? text : cstar__kit_nomem(t);
}

/* ---- log and clock ---- */

static void keep_log(void *arg, cstar_log_level level, const char *line) {
    cstar_test *t = arg;
    if (t->app_on_log != NULL) {
        t->app_on_log(t->app_log_arg, level, line);
    }
    t->log.len -= t->log.len != 0 ? 1 : 0; /* the NUL */
    cstar_buf_puts(&t->log, line);
    cstar_buf_add(&t->log, "\n", 2); /* with a NUL */
}

const char *cstar_test_log(const cstar_test *t) {
    return t != NULL && t->log.len != 0 ? t->log.ptr : "";
}

int64_t cstar_test_now(const cstar_test *t) {
    return t != NULL ? t->began + (int64_t)(t->now_ms / 1000) : 0;
}

static int64_t clock_of(void *arg) { return cstar_test_now(arg); }

static uint64_t ticks_of(void *arg) { return ((const cstar_test *)arg)->now_ms; }

void cstar_test_https(cstar_test *t, bool on) {
    if (t != NULL) {
        t->https = on;
    }
}

/* ---- life ---- */

static void borrow_app(cstar_test *t) {
    cstar_app *app = t->app;
    t->app_clock = app->clock;
    t->app_clock_arg = app->clock_arg;
    t->app_ticks = app->ticks;
    t->app_on_log = app->on_log;
    t->app_log_arg = app->log_arg;
    app->clock = clock_of;
    app->ticks = ticks_of;
    app->clock_arg = t;
    app->on_log = keep_log;
    app->log_arg = t;
}

static void give_back_app(const cstar_test *t) {
    t->app->clock = t->app_clock;
    t->app->ticks = t->app_ticks;
    t->app->clock_arg = t->app_clock_arg;
    t->app->on_log = t->app_on_log;
    t->app->log_arg = t->app_log_arg;
}

static void init(cstar_test *t, const cstar_test_opts *o) {
    cstar_arena_init(&t->arena, t->alloc, SIZE_MAX / 2);
    cstar_buf_init(&t->log, t->alloc, (size_t)1 << 20);
    cstar__exchange_pool_init(&t->pool, t->alloc);
    cstar__alarms_init(&t->alarms, t->alloc);
    t->env = (cstar__env){.handler = &t->app->handler,
                          .alloc = t->alloc,
                          .pool = &t->pool,
                          .driver = &cstar__kit_driver};
    t->began = o->now != 0 ? o->now : NEW_YEAR;
    t->https = o->https;
    t->on_fail = o->on_fail != NULL ? o->on_fail : print_and_abort;
    t->arg = o->on_fail != NULL ? o->arg : t;
    borrow_app(t);
}

cstar_test *cstar_test_new_with(cstar_app *app, const cstar_test_opts *opts) {
    const cstar_allocator *alloc = opts->alloc != NULL ? opts->alloc : cstar_heap();
    cstar_test *t = app != NULL ? alloc->resize(alloc->ctx, NULL, 0, sizeof *t) : NULL;
    if (t == NULL) {
        return NULL;
    }
    memset(t, 0, sizeof *t);
    t->app = app;
    t->alloc = alloc;
    init(t, opts);
    t->host =
        cstar_arena_strdup(&t->arena, cstar_cstr(opts->host != NULL ? opts->host : "app.test"));
    if (t->host == NULL || cstar__app_open_hub(app, 1) != CSTAR_OK) {
        cstar_test_free(t);
        return NULL;
    }
    if (app->err.code != CSTAR_OK) {
        (void)cstar__kit_fail(t, NULL, 0, "the app can't be served: %s", app->err.text);
    }
    return t;
}

cstar_test *cstar_test_new(cstar_app *app) {
    return cstar_test_new_with(app, &(cstar_test_opts){.host = NULL});
}

void cstar_test_free(cstar_test *t) {
    if (t == NULL) {
        return;
    }
    for (cstar__kit_link *l = t->links, *next = NULL; l != NULL; l = next) {
        next = l->next;
        cstar__kit_forget(l);
    }
    give_back_app(t);
    cstar__alarms_fini(&t->alarms);
    cstar__exchange_pool_fini(&t->pool);
    cstar_buf_fini(&t->log);
    cstar_arena_fini(&t->arena);
    t->alloc->resize(t->alloc->ctx, t, sizeof *t, 0);
}
