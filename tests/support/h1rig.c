/* h1rig.c -- see h1rig.h.
 * SPDX-License-Identifier: MIT */
#include "support/h1rig.h"

#include <stdio.h>
#include <stdlib.h>

/* Not assert(): it has to hold in every build. */
#define CHECK(x) ((x) ? (void)0 : broken_promise(#x, __LINE__))

static void broken_promise(const char *what, int line) {
    (void)fprintf(stderr, "h1rig.c:%d: the machine broke a promise: %s\n", line, what);
    abort();
}

static char kept[RIG_FILE];

/* ---- log ------------------------------------------------------------------------------------ */

static void add_escaped(cstar_buf *b, cstar_str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        char text[8];
        if (c == '\n') {
            cstar_buf_puts(b, "\\n");
        } else if (c == '\r') {
            cstar_buf_puts(b, "\\r");
        } else if (c < 0x20 || c >= 0x7f || c == '\\' || c == '"') {
            (void)snprintf(text, sizeof text, "\\x%02x", c);
            cstar_buf_puts(b, text);
        } else {
            cstar_buf_byte(b, (char)c);
        }
    }
}

static void add_quoted(cstar_buf *b, cstar_str s) {
    cstar_buf_byte(b, '"');
    if (s.len > 200) { /* long ones by their length */
        cstar_buf_puts(b, "... ");
        cstar_buf_uint(b, s.len);
        cstar_buf_puts(b, " bytes");
    } else {
        add_escaped(b, s);
    }
    cstar_buf_byte(b, '"');
}

static void log_head(h1rig *r, const cstar__request *q) {
    cstar_buf *b = &r->log;
    cstar_buf_puts(b, "head ");
    cstar_buf_puts(b, cstar__method_name(q->method));
    cstar_buf_byte(b, ' ');
    cstar_buf_str(b, q->path);
    if (q->query.ptr != NULL) {
        cstar_buf_byte(b, '?');
        cstar_buf_str(b, q->query);
    }
    cstar_buf_puts(b, q->minor == 1 ? " 1.1 " : " 1.0 ");
    cstar_buf_str(b, q->authority);
    cstar_buf_byte(b, '\n');
    for (size_t i = 0; i < q->nfields; i++) {
        cstar_buf_puts(b, "  ");
        cstar_buf_str(b, q->fields[i].name);
        cstar_buf_puts(b, ": ");
        add_escaped(b, q->fields[i].value);
        cstar_buf_byte(b, '\n');
    }
}

static void log_body(h1rig *r) {
    if (r->body.len != 0) {
        cstar_buf_puts(&r->log, "body ");
        add_quoted(&r->log, cstar_buf_view(&r->body));
        cstar_buf_byte(&r->log, '\n');
        cstar_buf_reset(&r->body);
    }
}

/* ---- handler -------------------------------------------------------------------------------- */

static void enter(h1rig *r) {
    CHECK(!r->inside);
    r->inside = true;
}

static bool path_is(const cstar__exchange *x, const char *path) {
    return cstar_str_eq(x->request.path, cstar_cstr(path));
}

static const cstar__field text_type = {{"Content-Type", 12}, {"text/plain", 10}};

static void answer(h1rig *r, cstar__exchange *x, int status, cstar_str body) {
    r->responded = cstar__respond(x, status, &text_type, 1, body);
}

/* Writes until it is refused, or all is written. */
static void pour(h1rig *r, cstar__exchange *x) {
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
        r->refusals_to_pour++;
    } else if (rc == CSTAR_OK) {
        r->responded = cstar__respond_end(x);
    } else {
        cstar__respond_abort(x);
    }
}

static void on_wake(void *ctx, cstar__exchange *x) {
    h1rig *r = ctx;
    enter(r);
    r->wakes++;
    if (!x->slim && path_is(x, "/pour") && x->state == CSTAR__RESPONSE_STREAMING) {
        pour(r, x);
    }
    r->inside = false;
}

static void on_drain(void *ctx, cstar__exchange *x) {
    h1rig *r = ctx;
    enter(r);
    CHECK(x->state == CSTAR__RESPONSE_STREAMING);
    r->drains++;
    if (r->ends_on_drain) {
        r->responded = cstar__respond_write(x, CSTAR_STR("bye"));
        r->responded = cstar__respond_end(x);
    }
    r->inside = false;
}

/* Bodies that are not in a buffer. @return false: it is none of these paths. */
static bool respond_from(h1rig *r, cstar__exchange *x) {
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
        if (path_is(x, files[i].path)) {
            cstar__source s = testfile_source(&r->file, files[i].at, files[i].left);
            s.ptr = files[i].kept ? r->kept : NULL;
            r->responded = cstar__respond_from(x, 200, &text_type, 1, &s);
            return true;
        }
    }
    return false;
}

static void open_stream(h1rig *r, cstar__exchange *x) {
    r->responded = cstar__respond_start(x, 200, &text_type, 1);
    if (r->responded == CSTAR_OK) {
        r->responded = cstar__respond_write(x, CSTAR_STR("one"));
    }
    if (r->responded == CSTAR_OK) {
        r->responded = cstar__respond_write(x, CSTAR_STR("two"));
    }
}

static void on_head(void *ctx, cstar__exchange *x) {
    h1rig *r = ctx;
    enter(r);
    if (r->heads < sizeof r->heads_only) {
        r->heads_only[r->heads] = x->request.method == CSTAR__HEAD;
    }
    r->heads++;
    if (!r->quiet) {
        log_head(r, &x->request);
    }
    x->max_body = path_is(x, "/limit") ? 10 : 1024 * 1024;
    if (path_is(x, "/early")) {
        answer(r, x, 403, CSTAR_STR("no"));
    } else if (path_is(x, "/early-file")) {
        r->early_files++;
        (void)respond_from(r, x);
    } else if (path_is(x, "/early-stream")) {
        r->waiting = x;
        open_stream(r, x);
    }
    r->inside = false;
}

static void on_body(void *ctx, cstar__exchange *x, const char *ptr, size_t len) {
    h1rig *r = ctx;
    enter(r);
    CHECK(len != 0 && x->state == CSTAR__RESPONSE_NONE && x->body_seen <= x->max_body);
    if (!r->quiet) {
        cstar_buf_add(&r->body, ptr, len);
    }
    if (path_is(x, "/mid")) {
        cstar_buf_reset(&r->body); /* how much of it came depends on the pieces */
        answer(r, x, 200, CSTAR_STR("enough"));
    }
    r->inside = false;
}

static void respond_by_path(h1rig *r, cstar__exchange *x) {
    static char page[RIG_HUGE];
    if (respond_from(r, x)) {
        return;
    }
    if (path_is(x, "/pour")) {
        r->responded = cstar__respond_start(x, 200, &text_type, 1);
        if (r->responded == CSTAR_OK) {
            pour(r, x);
        }
    } else if (path_is(x, "/later")) {
        x->later = true;
        r->waiting = x;
    } else if (path_is(x, "/stream")) {
        open_stream(r, x);
        r->responded = cstar__respond_end(x);
    } else if (path_is(x, "/open")) {
        r->waiting = x;
        open_stream(r, x);
    } else if (path_is(x, "/abort")) {
        cstar__respond_abort(x);
    } else if (path_is(x, "/no-content")) {
        r->responded = cstar__respond(x, 204, NULL, 0, CSTAR_STR(""));
    } else if (path_is(x, "/not-modified")) {
        r->responded = cstar__respond(x, 304, NULL, 0, CSTAR_STR(""));
    } else if (path_is(x, "/huge")) {
        memset(page, 'x', sizeof page);
        answer(r, x, 200, cstar_view(page, sizeof page));
    } else if (!path_is(x, "/silent")) {
        x->close = path_is(x, "/close");
        answer(r, x, 200, CSTAR_STR("hello"));
    }
}

static void on_end(void *ctx, cstar__exchange *x) {
    h1rig *r = ctx;
    enter(r);
    CHECK(x->state == CSTAR__RESPONSE_NONE);
    r->ends++;
    if (!r->quiet) {
        log_body(r);
        cstar_buf_puts(&r->log, "end\n");
    }
    respond_by_path(r, x);
    r->inside = false;
}

static void on_close(void *ctx, cstar__exchange *x) {
    h1rig *r = ctx;
    enter(r);
    r->closes++;
    CHECK(r->closes <= r->heads);
    if (r->waiting == x) {
        r->waiting = NULL;
    }
    if (!r->quiet) {
        cstar_buf_reset(&r->body); /* of a request cut short: how much came depends on the pieces */
        cstar_buf_puts(&r->log, "close ");
        cstar_buf_int(&r->log, x->status);
        cstar_buf_puts(&r->log, x->broken ? " broken\n" : "\n");
    }
    r->inside = false;
}

static void on_refuse(void *ctx, int status, const char *why) {
    h1rig *r = ctx;
    CHECK(why != NULL && why[0] != '\0');
    r->refusals++;
    cstar_buf_puts(&r->log, "refuse ");
    cstar_buf_int(&r->log, status);
    cstar_buf_byte(&r->log, '\n');
}

/* ---- answers -------------------------------------------------------------------------------- */

typedef struct reply {
    int status;
    long length; /* -1: none said */
    bool chunked, close;
} reply;

/* Takes a line that ends on CRLF off `*s`. */
static bool take_line(cstar_str *s, cstar_str *line) {
    const char *lf = s->len != 0 ? memchr(s->ptr, '\n', s->len) : NULL;
    if (lf == NULL || lf == s->ptr || lf[-1] != '\r') {
        return false;
    }
    size_t n = (size_t)(lf - s->ptr) + 1;
    *line = cstar_view(s->ptr, n - 2);
    *s = cstar_view(s->ptr + n, s->len - n);
    return true;
}

static long number(cstar_str s, int base) {
    long n = 0;
    for (size_t i = 0; i < s.len; i++) {
        const char *digits = "0123456789abcdef";
        const char *d = s.ptr[i] != '\0' ? strchr(digits, s.ptr[i]) : NULL;
        if (d == NULL || d - digits >= base || n > 1 << 28) {
            return -1;
        }
        n = n * base + (d - digits);
    }
    return s.len != 0 ? n : -1;
}

static bool starts(cstar_str s, const char *with, cstar_str *rest) {
    size_t n = strlen(with);
    if (s.len < n || memcmp(s.ptr, with, n) != 0) {
        return false;
    }
    *rest = cstar_view(s.ptr + n, s.len - n);
    return true;
}

static bool read_reply_head(cstar_str *s, reply *p) {
    cstar_str line;
    cstar_str rest;
    *p = (reply){.length = -1};
    if (!take_line(s, &line) || !starts(line, "HTTP/1.1 ", &rest) || rest.len < 4 ||
        rest.ptr[3] != ' ') {
        return false;
    }
    p->status = (int)number(cstar_view(rest.ptr, 3), 10);
    bool date = p->status == 100;
    while (take_line(s, &line)) {
        if (line.len == 0) {
            return date && p->status >= 100 && p->status <= 599 && !(p->chunked && p->length >= 0);
        }
        date = date || starts(line, "Date: Sat, 21 Nov 2026 02:13:33 GMT", &rest);
        if (starts(line, "Content-Length: ", &rest)) {
            if (p->length >= 0 || (p->length = number(rest, 10)) < 0) {
                return false;
            }
        }
        p->chunked = p->chunked || starts(line, "Transfer-Encoding: chunked", &rest);
        p->close = p->close || starts(line, "Connection: close", &rest);
    }
    return false;
}

/* 1: whole; 0: cut short; -1: malformed. */
static int read_chunks(cstar_str *s, cstar_buf *body) {
    for (;;) {
        cstar_str line;
        if (!take_line(s, &line)) {
            return s->len == 0 ? 0 : -1;
        }
        long n = number(line, 16);
        if (n < 0 || (size_t)n + 2 > s->len) {
            return -1;
        }
        cstar_buf_add(body, s->ptr, (size_t)n);
        if (memcmp(s->ptr + n, "\r\n", 2) != 0) {
            return -1;
        }
        *s = cstar_view(s->ptr + n + 2, s->len - (size_t)n - 2);
        if (n == 0) {
            return 1;
        }
    }
}

static int read_reply_body(cstar_str *s, const reply *p, bool head, cstar_buf *body) {
    if (head || p->status == 204 || p->status == 304 || p->status == 100) {
        return 1;
    }
    if (p->chunked) {
        return read_chunks(s, body);
    }
    size_t n = p->length >= 0 ? (size_t)p->length : s->len;
    if (n > s->len) { /* cut short */
        cstar_buf_str(body, *s);
        *s = cstar_view(s->ptr + s->len, 0);
        return 0;
    }
    cstar_buf_add(body, s->ptr, n);
    *s = cstar_view(s->ptr + n, s->len - n);
    return p->length >= 0 ? 1 : 2;
}

/* Describes the replies in `*s` one by one. @return false: one is malformed. */
static bool read_replies(h1rig *r, cstar_str s, cstar_buf *text, bool *open) {
    static const char *const ends[] = {" ...\n", "\n", " until close\n"};
    cstar_buf body;
    cstar_buf_init(&body, cstar_heap(), 0);
    bool ok = true;
    for (size_t i = 0; ok && s.len != 0 && !*open;) {
        reply p;
        ok = read_reply_head(&s, &p);
        /* a HEAD that was refused with its head was no exchange: its reply is the last, and has
         * no body */
        bool head = i < r->heads && i < sizeof r->heads_only ? r->heads_only[i] : s.len == 0;
        cstar_buf_reset(&body);
        int end = ok ? read_reply_body(&s, &p, head, &body) : -1;
        ok = end >= 0;
        if (ok && p.status != 100) {
            i++;
            *open = end == 0;
            cstar_buf_puts(text, "answer ");
            cstar_buf_int(text, p.status);
            cstar_buf_puts(text, p.close ? " close " : " keep ");
            add_quoted(text, cstar_buf_view(&body));
            cstar_buf_puts(text, ends[end]);
        }
    }
    cstar_buf_fini(&body);
    return ok && s.len == 0;
}

bool h1rig_output_ok(h1rig *r, bool open) {
    bool is_open = false;
    cstar_buf_reset(&r->outcome);
    return read_replies(r, cstar_buf_view(&r->out), &r->outcome, &is_open) && (open || !is_open);
}

const char *h1rig_outcome(h1rig *r) {
    cstar_buf *b = &r->outcome;
    bool open = false;
    cstar_buf_reset(b);
    cstar_buf_str(b, cstar_buf_view(&r->log));
    if (!read_replies(r, cstar_buf_view(&r->out), b, &open)) {
        cstar_buf_puts(b, "malformed output ");
        add_escaped(b, cstar_buf_view(&r->out));
        cstar_buf_byte(b, '\n');
    }
    const char *state = "waiting\n";
    if (cstar__h1_done(&r->machine)) {
        state = r->machine.cut ? "cut\n" : "closed\n";
    } else if (cstar__h1_idle(&r->machine)) {
        state = "idle\n";
    }
    cstar_buf_puts(b, state);
    cstar_buf_byte(b, '\0');
    CHECK(cstar_buf_status(b) == CSTAR_OK);
    return b->ptr;
}

static void count_claim(void *link) {
    h1rig *r = link;
    CHECK(!r->inside);
    r->claims++;
}

/* ---- life ----------------------------------------------------------------------------------- */

void h1rig_init(h1rig *r, const cstar_allocator *alloc) {
    memset(r, 0, sizeof *r);
    cstar__exchange_pool_init(&r->pool, alloc);
    r->handler =
        (cstar__handler){r, on_head, on_body, on_end, on_close, on_refuse, on_wake, on_drain};
    r->env = (cstar__env){.handler = &r->handler,
                          .alloc = alloc,
                          .pool = &r->pool,
                          .date = "Sat, 21 Nov 2026 02:13:33 GMT"};
    cstar_buf_init(&r->out, alloc, 0);
    cstar_buf_init(&r->log, cstar_heap(), 0);
    cstar_buf_init(&r->body, cstar_heap(), 0);
    cstar_buf_init(&r->outcome, cstar_heap(), 16 * 1024 * 1024);
    r->file.length = RIG_FILE;
    if (kept[0] == '\0') {
        (void)testfile_read(&r->file, kept, RIG_FILE, 0);
        r->file.reads = 0;
    }
    r->kept = kept;
    r->driver.claim = count_claim;
    r->peer.link = r;
    cstar__h1_init(&r->machine, &r->env, &r->peer, &r->out);
}

void h1rig_fini(h1rig *r) {
    cstar__h1_fini(&r->machine);
    CHECK(r->heads == r->closes);
    CHECK(r->file.given == r->file.released);
    CHECK(r->pool.stats.active == 0 && r->pool.stats.streams == 0);
    cstar__exchange_pool_fini(&r->pool);
    cstar_buf_fini(&r->out);
    cstar_buf_fini(&r->log);
    cstar_buf_fini(&r->body);
    cstar_buf_fini(&r->outcome);
}

cstar_status h1rig_feed(h1rig *r, const char *text) {
    return cstar__h1_feed(&r->machine, text, strlen(text));
}
