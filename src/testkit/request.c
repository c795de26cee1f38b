/* request.c -- what the browser sends.
 *
 * Data flow: call ──▶ request line, fields, body in one buffer ──▶ a connection of its own ──▶
 * settle. Invariants: 1. No value can end its line: what has a line break in it is a failure,
 * not a request. 2. Set-Cookie of every answer goes into the jar, also of one that stays open.
 *
 * SPDX-License-Identifier: MIT */
#include "testkit/kit.h"
#include "wire/action.h"

/* ---- the bytes ---- */

static cstar_str body_of(const cstar_test_call *c) {
    return c->body != NULL && c->body_len != 0 ? cstar_view(c->body, c->body_len)
                                               : cstar_cstr(c->body);
}

static const char *method_of(const cstar_test_call *c) {
    return c->method != NULL ? c->method : c->body != NULL ? "POST" : "GET";
}

static bool is_safe(const char *method) {
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static bool has_header(const cstar_test_call *c, const char *name) {
    for (const cstar_test_header *h = c->headers; h != NULL && h->name != NULL; h++) {
        if (cstar_str_ieq(cstar_cstr(h->name), cstar_cstr(name))) {
            return true;
        }
    }
    return false;
}

/* Unless the call says its own. */
static void put_field(cstar_buf *b, const cstar_test_call *c, const char *name, const char *value) {
    if (!has_header(c, name)) {
        cstar_buf_puts(b, name);
        cstar_buf_puts(b, ": ");
        cstar_buf_puts(b, value);
        cstar_buf_puts(b, "\r\n");
    }
}

static void put_origin(cstar_test *t, cstar_buf *b, const cstar_test_call *c) {
    put_field(b, c, "sec-fetch-site", c->cross_site ? "cross-site" : "same-origin");
    if (is_safe(method_of(c)) || has_header(c, "origin")) {
        return;
    }
    cstar_buf_puts(b, "origin: ");
    if (c->cross_site) {
        cstar_buf_puts(b, "https://elsewhere.test");
    } else {
        cstar_buf_puts(b, t->https ? "https://" : "http://");
        cstar_buf_puts(b, t->host);
    }
    cstar_buf_puts(b, "\r\n");
}

static void put_fields(cstar_test *t, cstar_buf *b, const cstar_test_call *c) {
    put_field(b, c, "host", t->host);
    if (c->datastar) {
        put_field(b, c, "accept", "text/event-stream, text/html, application/json");
        put_field(b, c, "datastar-request", "true");
    }
    put_origin(t, b, c);
    if (c->body != NULL) {
        put_field(b, c, "content-type",
                  c->content_type != NULL ? c->content_type : "application/json");
        cstar_buf_puts(b, "content-length: ");
        cstar_buf_uint(b, body_of(c).len);
        cstar_buf_puts(b, "\r\n");
    }
    for (const cstar_test_header *h = c->headers; h != NULL && h->name != NULL; h++) {
        cstar_buf_puts(b, h->name);
        cstar_buf_puts(b, ": ");
        cstar_buf_puts(b, h->value);
        cstar_buf_puts(b, "\r\n");
    }
}

static cstar_str path_of(const cstar_test_call *c) {
    return cstar_view(c->path, strcspn(c->path, "?"));
}

static void put_cookies(cstar_test *t, cstar_buf *b, const cstar_test_call *c) {
    const size_t mark = b->len;
    cstar_buf_puts(b, "cookie: ");
    const size_t none = b->len;
    if (!has_header(c, "cookie")) {
        cstar__kit_cookies_put(t, path_of(c), c, b);
    }
    if (b->len == none) {
        b->len = mark;
    } else {
        cstar_buf_puts(b, "\r\n");
    }
}

static void put_request(cstar_test *t, cstar_buf *b, const cstar_test_call *c) {
    cstar_buf_puts(b, method_of(c));
    cstar_buf_byte(b, ' ');
    cstar_buf_puts(b, c->path);
    cstar_buf_puts(b, " HTTP/1.1\r\n");
    put_fields(t, b, c);
    put_cookies(t, b, c);
    cstar_buf_puts(b, "\r\n");
    cstar_buf_str(b, body_of(c));
}

/* ---- is it one? ---- */

static bool check(cstar_test *t, const cstar_test_call *c) {
    const char *path = c->path != NULL ? c->path : "";
    if (path[0] != '/' || strpbrk(path, " \r\n#") != NULL) {
        return cstar__kit_fail(t, NULL, 0,
                               "\"%s\" is no path: it begins with '/', coded as in a URL", path);
    }
    for (const cstar_test_header *h = c->headers; h != NULL && h->name != NULL; h++) {
        if (h->value == NULL || !cstar__field_ok(cstar_cstr(h->name), cstar_cstr(h->value))) {
            return cstar__kit_fail(t, NULL, 0, "the header \"%s\" can't be sent", h->name);
        }
    }
    const char *type = c->content_type != NULL ? c->content_type : "";
    if (!cstar__field_ok(cstar_cstr(method_of(c)), cstar_cstr(type))) {
        return cstar__kit_fail(t, NULL, 0, "the method \"%s\" or the content type \"%s\" is none",
                               method_of(c), type);
    }
    return true;
}

/* ---- sending ---- */

static void take_cookies(cstar__kit_link *l, const cstar_test_call *c, const cstar_test_reply *r) {
    for (const cstar_test_header *h = r->headers; h->name != NULL; h++) {
        if (strcmp(h->name, "set-cookie") == 0) {
            (void)cstar__kit_cookie_take(l->test, path_of(c), cstar_cstr(h->value));
        }
    }
}

static void exchange(cstar__kit_link *l, const cstar_test_call *c, cstar_str bytes) {
    l->headless = strcmp(method_of(c), "HEAD") == 0;
    l->datastar = c->datastar;
    l->slow = c->slow;
    cstar__kit_feed(l, bytes);
    cstar__kit_settle(l->test);
    const cstar_test_reply *r = cstar__kit_reply(l);
    if (r != NULL) {
        take_cookies(l, c, r);
    }
}

cstar__kit_link *cstar__kit_call(cstar_test *t, const cstar_test_call *call) {
    cstar_test_call whole = *call;
    if (t == NULL || !cstar__kit_form(t, &whole) || !check(t, &whole)) {
        return NULL;
    }
    cstar_buf b;
    cstar_buf_init(&b, t->alloc, SIZE_MAX / 2);
    put_request(t, &b, &whole);
    const bool ok = b.status == CSTAR_OK;
    cstar__kit_link *l = ok ? cstar__kit_connect(t) : NULL;
    const char *copy = l != NULL ? cstar_arena_strdup(&t->arena, cstar_buf_view(&b)) : NULL;
    const size_t len = b.len;
    cstar_buf_fini(&b); /* a handler may leave by longjmp() */
    if (copy == NULL) {
        return ok && l == NULL ? NULL : cstar__kit_nomem(t);
    }
    exchange(l, &whole, cstar_view(copy, len));
    return l;
}

const cstar_test_reply *cstar_test_send(cstar_test *t, const cstar_test_call *call) {
    cstar__kit_link *l = cstar__kit_call(t, call);
    if (l == NULL) {
        return NULL;
    }
    const cstar_test_reply *r = cstar__kit_reply(l);
    cstar__kit_forget(l);
    if (r != NULL && !r->complete && !r->cut) {
        (void)cstar__kit_fail(t, NULL, 0, "the response of %s goes on: see cstar_test_open()",
                              call->path);
        return NULL;
    }
    return r;
}

/* ---- the usual ones ---- */

const cstar_test_reply *cstar_test_get(cstar_test *t, const char *path) {
    static const cstar_test_header html[] = {{"accept", "text/html,*/*;q=0.8"}, {NULL, NULL}};
    return cstar_test_send(t, &(cstar_test_call){.path = path, .headers = html});
}

const cstar_test_reply *cstar_test_post(cstar_test *t, const char *path, const char *json) {
    return cstar_test_send(t, &(cstar_test_call){.path = path, .body = json, .datastar = true});
}

static void put_query(cstar_buf *b, const char *url, const char *signals) {
    cstar_buf_puts(b, url);
    cstar_buf_puts(b, strchr(url, '?') != NULL ? "&datastar=" : "?datastar=");
    cstar_buf_percent(b, cstar_cstr(signals));
}

const cstar_test_reply *cstar_test_event_by(cstar_test *t, const char *method, const char *url,
                                            const char *signals) {
    cstar_test_call c = {.path = url, .method = method, .datastar = true};
    if (t == NULL) {
        return NULL;
    }
    signals = signals != NULL ? signals : "{}";
    if (strcmp(method, "GET") == 0 || strcmp(method, "DELETE") == 0) {
        cstar_buf b;
        cstar_buf_init(&b, t->alloc, SIZE_MAX / 2);
        put_query(&b, url, signals);
        c.path = cstar__kit_text(t, &b);
    } else {
        c.body = signals;
    }
    return c.path != NULL ? cstar_test_send(t, &c) : NULL;
}

const cstar_test_reply *cstar_test_send_event(cstar_test *t, const cstar_test_event_opts *opts) {
    cstar_err err = {.code = CSTAR_OK};
    if (t == NULL) {
        return NULL;
    }
    if (cstar__arg_check(&opts->arg, &err) != CSTAR_OK) {
        (void)cstar__kit_fail(t, NULL, 0, "event %s: %s", opts->event, err.text);
        return NULL;
    }
    cstar_buf b;
    const cstar_str path = cstar_cstr(opts->page);
    cstar_buf_init(&b, t->alloc, SIZE_MAX / 2);
    cstar_buf_add(&b, path.ptr,
                  path.len != 0 && path.ptr[path.len - 1] == '/' ? path.len - 1 : path.len);
    cstar_buf_puts(&b, "/_event/");
    cstar_buf_percent(&b, cstar_cstr(opts->event));
    cstar__arg_add(&b, &opts->arg);
    const char *url = cstar__kit_text(t, &b);
    const char *method = opts->method != NULL ? opts->method : "POST";
    return url != NULL ? cstar_test_event_by(t, method, url, opts->signals) : NULL;
}
