/* reply.c -- the bytes that came back, as a reply.
 *
 * Data flow: raw ──▶ status, headers ──▶ body (as long as it says, or chunks) ──▶ events ──▶
 * patches. Each look reads all of it again: a test looks a few times, and nothing has to be kept
 * in step. Invariants: 1. The machine's bytes are well-formed, but may end anywhere. 2.
 * Everything is copied into the kit's arena.
 *
 * SPDX-License-Identifier: MIT */
#include "testkit/kit.h"

/* ---- the head ---- */

/* Up to the next CRLF. @return false: it has not come whole. */
static bool take_line(cstar_str *rest, cstar_str *line) {
    for (size_t i = 0; i + 1 < rest->len; i++) {
        if (rest->ptr[i] == '\r' && rest->ptr[i + 1] == '\n') {
            *line = cstar_view(rest->ptr, i);
            *rest = cstar_view(rest->ptr + i + 2, rest->len - i - 2);
            return true;
        }
    }
    return false;
}

/* The digits that `s` begins with; it has no NUL behind it. */
static size_t number(cstar_str s, unsigned base) {
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < s.len && i < 15; i++) {
        const char *d = s.ptr[i] != '\0' ? strchr(digits, s.ptr[i] | 0x20) : NULL;
        if (d == NULL || (size_t)(d - digits) >= base) {
            break;
        }
        n = n * base + (size_t)(d - digits);
    }
    return n;
}

static cstar_str trim(cstar_str s) {
    while (s.len != 0 && s.ptr[0] == ' ') {
        s = cstar_view(s.ptr + 1, s.len - 1);
    }
    return s;
}

static size_t count_lines(cstar_str rest) {
    size_t n = 0;
    for (cstar_str line; take_line(&rest, &line) && line.len != 0;) {
        n++;
    }
    return n;
}

static bool copy_header(cstar_arena *a, cstar_str line, cstar_test_header *h) {
    const char *colon = memchr(line.ptr, ':', line.len);
    const size_t n = colon != NULL ? (size_t)(colon - line.ptr) : line.len;
    char *name = cstar_arena_strdup(a, cstar_view(line.ptr, n));
    const size_t skip = colon != NULL ? n + 1 : n;
    h->value = cstar_arena_strdup(a, trim(cstar_view(line.ptr + skip, line.len - skip)));
    h->name = name;
    for (char *p = name; p != NULL && *p != '\0'; p++) {
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    }
    return name != NULL && h->value != NULL;
}

/* @return false: out of memory. Without a whole head the status stays 0. */
static bool read_head(cstar_arena *a, cstar_str *rest, cstar_test_reply *r) {
    cstar_str line = {0};
    size_t n = count_lines(*rest);
    cstar_test_header *list = cstar_arena_zalloc(a, (n + 1) * sizeof *list);
    r->headers = list;
    if (list == NULL || !take_line(rest, &line)) {
        return list != NULL;
    }
    r->status = line.len > 12 ? (int)number(cstar_view(line.ptr + 9, 3), 10) : 0;
    for (size_t i = 0; take_line(rest, &line) && line.len != 0 && i < n; i++) {
        if (!copy_header(a, line, &list[i])) {
            return false;
        }
    }
    return true;
}

const char *cstar_test_header_of(const cstar_test_reply *r, const char *name) {
    for (const cstar_test_header *h = r != NULL ? r->headers : NULL; h != NULL && h->name != NULL;
         h++) {
        if (strcmp(h->name, name) == 0) {
            return h->value;
        }
    }
    return NULL;
}

/* ---- the body ---- */

/* @return whether its end has come. */
static bool join_chunks(cstar_str rest, cstar_buf *out) {
    cstar_str line;
    while (take_line(&rest, &line)) {
        const size_t n = number(line, 16);
        const size_t have = n < rest.len ? n : rest.len;
        cstar_buf_add(out, rest.ptr, have);
        if (n == 0) {
            return rest.len >= 2;
        }
        if (rest.len < n + 2) {
            return false;
        }
        rest = cstar_view(rest.ptr + n + 2, rest.len - n - 2);
    }
    return false;
}

static bool has_no_body(const cstar__kit_link *l, int status) {
    return l->headless || status == 204 || status == 304;
}

static bool read_body(cstar__kit_link *l, cstar_str rest, cstar_test_reply *r) {
    cstar_buf b;
    const char *length = cstar_test_header_of(r, "content-length");
    cstar_buf_init(&b, cstar_arena_allocator(&l->test->arena), SIZE_MAX / 2);
    if (r->status == 0 || has_no_body(l, r->status)) {
        r->complete = r->status != 0;
    } else if (length != NULL) {
        const size_t n = number(cstar_cstr(length), 10);
        cstar_buf_add(&b, rest.ptr, n < rest.len ? n : rest.len);
        r->complete = rest.len >= n;
    } else {
        r->complete = join_chunks(rest, &b);
    }
    const size_t len = b.len;
    cstar_buf_byte(&b, '\0');
    r->body = cstar_view(b.ptr, len);
    return b.status == CSTAR_OK;
}

/* ---- what Datastar makes of it ---- */

typedef struct meaning {
    const char *event, *key; /* of a whole answer */
    const char *names[3];    /* of the data lines, and the headers that say them */
    const char *headers[3];
} meaning;

static const meaning html_means = {"datastar-patch-elements",
                                   "elements",
                                   {"selector", "mode", "namespace"},
                                   {"datastar-selector", "datastar-mode", "datastar-namespace"}};
static const meaning json_means = {"datastar-patch-signals",
                                   "signals",
                                   {"onlyIfMissing", NULL, NULL},
                                   {"datastar-only-if-missing", NULL, NULL}};

/* Written as the event that it means, and read like one. */
static bool read_whole(cstar_arena *a, const meaning *m, cstar_test_reply *r) {
    cstar_str line;
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(a), SIZE_MAX / 2);
    cstar_buf_puts(&b, "event: ");
    cstar_buf_puts(&b, m->event);
    for (size_t i = 0; i < 3 && m->names[i] != NULL; i++) {
        const char *value = cstar_test_header_of(r, m->headers[i]);
        if (value != NULL) {
            cstar_buf_puts(&b, "\ndata: ");
            cstar_buf_puts(&b, m->names[i]);
            cstar_buf_byte(&b, ' ');
            cstar_buf_puts(&b, value);
        }
    }
    for (cstar_str rest = r->body; cstar_line_next(&rest, &line);) {
        cstar_buf_puts(&b, "\ndata: ");
        cstar_buf_puts(&b, m->key);
        cstar_buf_byte(&b, ' ');
        cstar_buf_str(&b, line);
    }
    cstar_buf_puts(&b, "\n\n");
    return b.status == CSTAR_OK &&
           cstar_test_parse_events(a, cstar_buf_view(&b), &r->events, &r->nevents) == CSTAR_OK;
}

/* In the order in which the client asks. */
static bool read_events(const cstar__kit_link *l, cstar_test_reply *r) {
    cstar_arena *a = &l->test->arena;
    const char *type = cstar_test_header_of(r, "content-type");
    type = type != NULL ? type : "";
    if (strstr(type, "text/event-stream") != NULL) {
        return cstar_test_parse_events(a, r->body, &r->events, &r->nevents) == CSTAR_OK;
    }
    if (!l->datastar || r->status != 200 || !r->complete) {
        return true;
    }
    if (strstr(type, "text/html") != NULL) {
        return read_whole(a, &html_means, r);
    }
    return strstr(type, "application/json") == NULL || read_whole(a, &json_means, r);
}

static bool read_patches(cstar_arena *a, cstar_test_reply *r) {
    cstar_test_patch *list = cstar_arena_zalloc(a, (r->nevents + 1) * sizeof *list);
    bool ok = list != NULL;
    r->patches = list;
    for (size_t i = 0; i < r->nevents && ok; i++) {
        const cstar_test_sse *e = &r->events[i];
        if (e->type == NULL || strcmp(e->type, "datastar-patch-elements") != 0) {
            continue;
        }
        cstar_test_patch *p = &list[r->npatches++];
        p->selector = cstar__kit_event_value(a, e, "selector");
        p->mode = cstar__kit_event_value(a, e, "mode");
        p->html = cstar__kit_event_value(a, e, "elements");
        p->ns = cstar__kit_event_value(a, e, "namespace");
        ok = p->selector != NULL && p->mode != NULL && p->html != NULL && p->ns != NULL;
        p->ns = ok && p->ns[0] == '\0' ? "html" : p->ns;
        p->mode = ok && p->mode[0] == '\0' ? "outer" : p->mode;
    }
    return ok;
}

static bool fill(cstar__kit_link *l, cstar_test_reply *r) {
    cstar_str rest = cstar_buf_view(&l->raw);
    return read_head(&l->test->arena, &rest, r) && read_body(l, rest, r) && read_events(l, r) &&
           read_patches(&l->test->arena, r);
}

cstar_test_reply *cstar__kit_reply(cstar__kit_link *l) {
    cstar_test_reply *r = cstar_arena_zalloc(&l->test->arena, sizeof *r);
    if (r == NULL || l->raw.status != CSTAR_OK || !fill(l, r)) {
        return cstar__kit_nomem(l->test);
    }
    r->test = l->test;
    r->cut = !r->complete && (!l->open || cstar__h1_done(&l->machine));
    return r;
}

const cstar_json *cstar_test_signals(const cstar_test_reply *r) {
    const cstar_json *merged = NULL;
    if (r == NULL) {
        return NULL;
    }
    const cstar_status rc =
        cstar_test_merge_signals(&r->test->arena, r->events, r->nevents, NULL, &merged);
    if (rc != CSTAR_OK) {
        (void)cstar__kit_fail(r->test, NULL, 0, "the patched signals can't be read: %s",
                              cstar_strerror(rc));
        return NULL;
    }
    return merged;
}
