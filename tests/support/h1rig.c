/* h1rig.c -- see h1rig.h.
 * SPDX-License-Identifier: MIT */
#include "support/h1rig.h"

#include <stdio.h>

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
    answerer_log_line(&r->answerer, q);
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

static void on_head(void *ctx, cstar__exchange *x) {
    h1rig *r = ctx;
    answerer_enter(&r->answerer);
    if (r->heads < sizeof r->heads_only) {
        r->heads_only[r->heads] = x->request.method == CSTAR__HEAD;
    }
    r->heads++;
    if (!r->quiet) {
        log_head(r, &x->request);
    }
    x->max_body = answerer_asked(x, "/limit") ? 10 : 1024 * 1024;
    if (answerer_asked(x, "/early")) {
        answerer_say(&r->answerer, x, 403, CSTAR_STR("no"));
    } else if (answerer_asked(x, "/early-file")) {
        r->early_files++;
        (void)answerer_respond_from(&r->answerer, x);
    } else if (answerer_asked(x, "/early-stream")) {
        r->waiting = x;
        answerer_open(&r->answerer, x);
    }
    r->inside = false;
}

static void on_body(void *ctx, cstar__exchange *x, const char *ptr, size_t len) {
    h1rig *r = ctx;
    answerer_enter(&r->answerer);
    CHECK(len != 0 && x->state == CSTAR__RESPONSE_NONE && x->body_seen <= x->max_body);
    if (!r->quiet) {
        cstar_buf_add(&r->body, ptr, len);
    }
    if (answerer_asked(x, "/mid")) {
        cstar_buf_reset(&r->body); /* how much of it came depends on the pieces */
        answerer_say(&r->answerer, x, 200, CSTAR_STR("enough"));
    }
    r->inside = false;
}

static void respond_by_path(h1rig *r, cstar__exchange *x) {
    static char page[RIG_HUGE];
    if (answerer_asked(x, "/later")) {
        x->later = true;
        r->waiting = x;
    } else if (answerer_asked(x, "/stream")) {
        answerer_open(&r->answerer, x);
        r->responded = cstar__respond_end(x);
    } else if (answerer_asked(x, "/open")) {
        r->waiting = x;
        answerer_open(&r->answerer, x);
    } else if (answerer_asked(x, "/no-content")) {
        r->responded = cstar__respond(x, 204, NULL, 0, CSTAR_STR(""));
    } else if (answerer_asked(x, "/not-modified")) {
        r->responded = cstar__respond(x, 304, NULL, 0, CSTAR_STR(""));
    } else if (answerer_asked(x, "/huge")) {
        memset(page, 'x', sizeof page);
        answerer_say(&r->answerer, x, 200, cstar_view(page, sizeof page));
    } else {
        answerer_respond(&r->answerer, x);
    }
}

static void on_end(void *ctx, cstar__exchange *x) {
    h1rig *r = ctx;
    answerer_enter(&r->answerer);
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
    answerer_enter(&r->answerer);
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

/* ---- life ----------------------------------------------------------------------------------- */

void h1rig_init(h1rig *r, const cstar_allocator *alloc) {
    memset(r, 0, sizeof *r);
    answerer_init(&r->answerer, alloc,
                  (cstar__handler){.ctx = r,
                                   .on_head = on_head,
                                   .on_body = on_body,
                                   .on_end = on_end,
                                   .on_close = on_close,
                                   .on_refuse = on_refuse});
    cstar_buf_init(&r->body, cstar_heap(), 0);
    cstar_buf_init(&r->outcome, cstar_heap(), 16 * 1024 * 1024);
    cstar__h1_init(&r->machine, &r->env, &r->peer, &r->out);
}

void h1rig_fini(h1rig *r) {
    cstar__h1_fini(&r->machine);
    answerer_fini(&r->answerer);
    cstar_buf_fini(&r->body);
    cstar_buf_fini(&r->outcome);
}

cstar_status h1rig_feed(h1rig *r, const char *text) {
    return cstar__h1_feed(&r->machine, text, strlen(text));
}
