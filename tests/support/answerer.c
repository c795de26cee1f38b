/* answerer.c -- see answerer.h.
 * SPDX-License-Identifier: MIT */
#include "support/answerer.h"

#include <stdio.h>
#include <stdlib.h>

void answerer_broken_promise(const char *what, const char *file, int line) {
    (void)fprintf(stderr, "%s:%d: a promise was broken: %s\n", file, line, what);
    abort();
}

static char big[RIG_FILE]; /* what every a->kept is */

static const cstar__field text_type = {{"Content-Type", 12}, {"text/plain", 10}};

void answerer_enter(answerer *a) {
    CHECK(!a->inside);
    a->inside = true;
}

void answerer_log_line(answerer *a, const cstar__request *q) {
    cstar_buf *b = &a->log;
    cstar_buf_puts(b, "head ");
    cstar_buf_puts(b, cstar__method_name(q->method));
    cstar_buf_byte(b, ' ');
    cstar_buf_str(b, q->path);
    if (q->query.ptr != NULL) {
        cstar_buf_byte(b, '?');
        cstar_buf_str(b, q->query);
    }
}

/* ---- answers -------------------------------------------------------------------------------- */

bool answerer_asked(const cstar__exchange *x, const char *path) {
    return cstar_str_eq(x->request.path, cstar_cstr(path));
}

void answerer_say(answerer *a, cstar__exchange *x, int status, cstar_str body) {
    a->responded = cstar__respond(x, status, &text_type, 1, body);
}

void answerer_open(answerer *a, cstar__exchange *x) {
    a->responded = cstar__respond_start(x, 200, &text_type, 1);
    if (a->responded == CSTAR_OK) {
        a->responded = cstar__respond_write(x, CSTAR_STR("one"));
    }
    if (a->responded == CSTAR_OK) {
        a->responded = cstar__respond_write(x, CSTAR_STR("two"));
    }
}

/* Writes until it is refused, or all is written. */
static void pour(answerer *a, cstar__exchange *x) {
    char piece[7000];
    cstar_status rc = CSTAR_OK;
    while (rc == CSTAR_OK && x->sent < RIG_POUR && x->request.method != CSTAR__HEAD) {
        const size_t left = RIG_POUR - (size_t)x->sent;
        const size_t n = left < sizeof piece ? left : sizeof piece;
        const size_t room = cstar__respond_room(x);
        for (size_t i = 0; i < n; i++) {
            piece[i] = testfile_byte(x->sent + i);
        }
        rc = cstar__respond_write(x, cstar_view(piece, n));
        CHECK(rc != CSTAR_EAGAIN || n > room);
    }
    if (rc == CSTAR_EAGAIN) {
        a->refusals_to_pour++;
    } else if (rc == CSTAR_OK) {
        a->responded = cstar__respond_end(x);
    } else {
        cstar__respond_abort(x);
    }
}

bool answerer_respond_from(answerer *a, cstar__exchange *x) {
    static const struct {
        const char *path;
        uint64_t at, left;
        bool kept;
    } files[] = {{"/file", 0, RIG_FILE, false},
                 {"/early-file", 0, RIG_FILE, false},
                 {"/kept", 0, RIG_FILE, true},
                 {"/part", 1000, RIG_FILE / 3, false},
                 {"/small", 5, 1000, false},
                 {"/empty", 0, 0, false},
                 {"/short", RIG_FILE / 3, RIG_FILE, false},
                 {"/gone", RIG_FILE, 100, false}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (answerer_asked(x, files[i].path)) {
            cstar__source s = testfile_source(&a->file, files[i].at, files[i].left);
            s.ptr = files[i].kept ? a->kept : NULL;
            a->responded = cstar__respond_from(x, 200, &text_type, 1, &s);
            return true;
        }
    }
    return false;
}

void answerer_respond(answerer *a, cstar__exchange *x) {
    if (answerer_respond_from(a, x)) {
        return;
    }
    if (answerer_asked(x, "/pour")) {
        a->responded = cstar__respond_start(x, 200, &text_type, 1);
        if (a->responded == CSTAR_OK) {
            pour(a, x);
        }
    } else if (answerer_asked(x, "/abort")) {
        cstar__respond_abort(x);
    } else if (!answerer_asked(x, "/silent")) {
        x->close = answerer_asked(x, "/close");
        answerer_say(a, x, 200, CSTAR_STR("hello"));
    }
}

/* ---- room for more -------------------------------------------------------------------------- */

static void on_wake(void *ctx, cstar__exchange *x) {
    answerer *a = ctx;
    answerer_enter(a);
    a->wakes++;
    if (!x->slim && answerer_asked(x, "/pour") && x->state == CSTAR__RESPONSE_STREAMING) {
        pour(a, x);
    }
    a->inside = false;
}

static void on_drain(void *ctx, cstar__exchange *x) {
    answerer *a = ctx;
    answerer_enter(a);
    CHECK(x->state == CSTAR__RESPONSE_STREAMING);
    a->drains++;
    if (a->ends_on_drain) {
        a->responded = cstar__respond_write(x, CSTAR_STR("bye"));
        a->responded = cstar__respond_end(x);
    }
    a->inside = false;
}

static void count_claim(void *link) {
    answerer *a = link;
    CHECK(!a->inside);
    a->claims++;
}

/* ---- life ----------------------------------------------------------------------------------- */

void answerer_init(answerer *a, const cstar_allocator *alloc, cstar__handler own) {
    memset(a, 0, sizeof *a);
    cstar__exchange_pool_init(&a->pool, alloc);
    a->handler = own;
    a->handler.on_wake = on_wake;
    a->handler.on_drain = on_drain;
    a->env = (cstar__env){.handler = &a->handler,
                          .alloc = alloc,
                          .pool = &a->pool,
                          .date = "Sat, 21 Nov 2026 02:13:33 GMT"};
    cstar_buf_init(&a->out, alloc, 0);
    cstar_buf_init(&a->log, cstar_heap(), 16u << 20);
    a->file.length = RIG_FILE;
    if (big[0] == '\0') {
        (void)testfile_read(&a->file, big, RIG_FILE, 0);
        a->file.reads = 0;
    }
    a->kept = big;
    a->driver.claim = count_claim;
    a->peer.link = a;
}

void answerer_fini(answerer *a) {
    CHECK(a->heads == a->closes);
    CHECK(a->file.given == a->file.released);
    CHECK(a->pool.stats.active == 0 && a->pool.stats.streams == 0);
    cstar__exchange_pool_fini(&a->pool);
    cstar_buf_fini(&a->out);
    cstar_buf_fini(&a->log);
}
