/* jar.c -- cookies, kept as a browser keeps those of one site (RFC 6265 and its drafts).
 *
 * Data flow: Set-Cookie ──▶ attributes ──▶ what browsers refuse ──▶ list, by name and path ──▶
 * Cookie, the longest path first.
 * Invariants: 1. One cookie per name and path. 2. A cookie whose time has come is not there.
 * Absent: Partitioned, limits of number and size, subdomains.
 *
 * SPDX-License-Identifier: MIT */
#include "http/date.h"
#include "testkit/kit.h"

/* ---- reading Set-Cookie ---- */

static cstar_str trim(cstar_str s) {
    while (s.len != 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = cstar_view(s.ptr + 1, s.len - 1);
    }
    while (s.len != 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

/* Takes "name=value" off a list with semicolons. */
static bool next_pair(cstar_str *rest, cstar_str *name, cstar_str *value) {
    if (rest->ptr == NULL) {
        return false;
    }
    const char *end = memchr(rest->ptr, ';', rest->len);
    const cstar_str part =
        cstar_view(rest->ptr, end != NULL ? (size_t)(end - rest->ptr) : rest->len);
    const char *equals = part.len != 0 ? memchr(part.ptr, '=', part.len) : NULL;
    const size_t n = equals != NULL ? (size_t)(equals - part.ptr) : part.len;
    *rest = end != NULL ? cstar_view(end + 1, rest->len - part.len - 1) : cstar_view(NULL, 0);
    *name = trim(cstar_view(part.ptr, n));
    *value = equals != NULL ? trim(cstar_view(equals + 1, part.len - n - 1)) : CSTAR_STR("");
    return true;
}

typedef struct attributes {
    cstar_str path, domain;
    int64_t expires;
    bool secure, http_only, by_age;
    char same_site;
} attributes;

/* @return seconds; what is no number is 0, as browsers ignore it (`*ok` false). */
static int64_t seconds(cstar_str s, bool *ok) {
    const bool minus = s.len != 0 && s.ptr[0] == '-';
    int64_t n = 0;
    *ok = s.len > (minus ? 1u : 0u);
    for (size_t i = minus ? 1 : 0; i < s.len; i++) {
        *ok = *ok && s.ptr[i] >= '0' && s.ptr[i] <= '9';
        n = *ok && n < (int64_t)1 << 40 ? n * 10 + (s.ptr[i] - '0') : n;
    }
    return minus ? -n : n;
}

static void take_age(const cstar_test *t, cstar_str value, attributes *at) {
    bool ok = false;
    const int64_t age = seconds(value, &ok);
    if (ok) {
        at->by_age = true;
        at->expires = age > 0 ? cstar_test_now(t) + age : INT64_MIN;
    }
}

static bool is(cstar_str name, const char *what) { return cstar_str_ieq(name, cstar_cstr(what)); }

static void take_attribute(const cstar_test *t, cstar_str name, cstar_str value, attributes *at) {
    int64_t date = 0;
    if (is(name, "path")) {
        at->path = value;
    } else if (is(name, "domain")) {
        at->domain = value;
    } else if (is(name, "max-age")) {
        take_age(t, value, at);
    } else if (is(name, "expires") && !at->by_age && cstar__date_parse(value, &date)) {
        at->expires = date;
    } else if (is(name, "secure")) {
        at->secure = true;
    } else if (is(name, "httponly")) {
        at->http_only = true;
    } else if (is(name, "samesite")) {
        at->same_site = is(value, "none") ? 'N' : is(value, "strict") ? 'S' : 'L';
    }
}

/* ---- what browsers refuse ---- */

static bool begins(cstar_str s, const char *with) {
    const size_t n = strlen(with);
    return s.len >= n && cstar_str_ieq(cstar_view(s.ptr, n), cstar_cstr(with));
}

static bool is_allowed(const cstar_test *t, cstar_str name, const attributes *at) {
    const bool host = begins(name, "__Host-");
    if (name.len == 0 || (at->secure && !t->https)) {
        return false;
    }
    if ((host || begins(name, "__Secure-") || at->same_site == 'N') && !at->secure) {
        return false;
    }
    if (host && (at->domain.len != 0 || !cstar_str_eq(at->path, CSTAR_STR("/")))) {
        return false;
    }
    cstar_str domain = at->domain;
    if (domain.len != 0 && domain.ptr[0] == '.') {
        domain = cstar_view(domain.ptr + 1, domain.len - 1);
    }
    return domain.len == 0 || cstar_str_ieq(domain, cstar_view(t->host, strcspn(t->host, ":")));
}

/* ---- the list ---- */

static void drop(cstar_test *t, cstar_str name, cstar_str path) {
    for (cstar__kit_cookie **at = &t->cookies; *at != NULL;) {
        if (cstar_str_eq(cstar_cstr((*at)->name), name) &&
            cstar_str_eq(cstar_cstr((*at)->path), path)) {
            *at = (*at)->next;
        } else {
            at = &(*at)->next;
        }
    }
}

/* Longer paths first; among equals the older one. */
static void insert(cstar_test *t, cstar__kit_cookie *c) {
    cstar__kit_cookie **at = &t->cookies;
    while (*at != NULL && strlen((*at)->path) >= strlen(c->path)) {
        at = &(*at)->next;
    }
    c->next = *at;
    *at = c;
}

/* Of the request's path, up to its last slash. */
static cstar_str default_path(cstar_str path) {
    size_t n = path.len;
    while (n > 1 && path.ptr[n - 1] != '/') {
        n--;
    }
    return n > 1 ? cstar_view(path.ptr, n - 1) : CSTAR_STR("/");
}

static bool keep(cstar_test *t, cstar_str name, cstar_str value, const attributes *at) {
    cstar__kit_cookie *c = cstar_arena_zalloc(&t->arena, sizeof *c);
    if (c != NULL) {
        c->name = cstar_arena_strdup(&t->arena, name);
        c->value = cstar_arena_strdup(&t->arena, value);
        c->path = cstar_arena_strdup(&t->arena, at->path);
    }
    if (c == NULL || c->name == NULL || c->value == NULL || c->path == NULL) {
        (void)cstar__kit_nomem(t);
        return false;
    }
    c->expires = at->expires;
    c->secure = at->secure;
    c->http_only = at->http_only;
    c->same_site = at->same_site;
    drop(t, name, at->path);
    insert(t, c);
    return true;
}

bool cstar__kit_cookie_take(cstar_test *t, cstar_str path, cstar_str field) {
    attributes at = {.expires = INT64_MAX, .same_site = 'L'};
    cstar_str name;
    cstar_str value;
    cstar_str attribute;
    cstar_str what;
    if (!next_pair(&field, &name, &value)) {
        return false;
    }
    while (next_pair(&field, &attribute, &what)) {
        take_attribute(t, attribute, what, &at);
    }
    if (at.path.len == 0 || at.path.ptr[0] != '/') {
        at.path = default_path(path);
    }
    if (!is_allowed(t, name, &at)) {
        return false;
    }
    if (at.expires <= cstar_test_now(t)) {
        drop(t, name, at.path);
        return true;
    }
    return keep(t, name, value, &at);
}

/* ---- sending ---- */

static bool path_matches(cstar_str path, const char *cookie) {
    const size_t n = strlen(cookie);
    return path.len >= n && memcmp(path.ptr, cookie, n) == 0 &&
           (path.len == n || cookie[n - 1] == '/' || path.ptr[n] == '/');
}

/* From another site a link's GET carries those that are Lax. */
static bool site_allows(const cstar__kit_cookie *c, const cstar_test_call *call) {
    if (call == NULL || !call->cross_site || c->same_site == 'N') {
        return true;
    }
    const bool get = call->method != NULL ? strcmp(call->method, "GET") == 0 : call->body == NULL;
    return c->same_site == 'L' && get && !call->datastar;
}

static bool goes(const cstar_test *t, const cstar__kit_cookie *c, cstar_str path) {
    return c->expires > cstar_test_now(t) && (!c->secure || t->https) &&
           path_matches(path, c->path);
}

static void put_pair(cstar_buf *out, const cstar__kit_cookie *c, size_t mark) {
    cstar_buf_puts(out, out->len != mark ? "; " : "");
    cstar_buf_puts(out, c->name);
    cstar_buf_byte(out, '=');
    cstar_buf_puts(out, c->value);
}

void cstar__kit_cookies_put(cstar_test *t, cstar_str path, const cstar_test_call *call,
                            cstar_buf *out) {
    const size_t mark = out->len;
    for (const cstar__kit_cookie *c = t->cookies; c != NULL; c = c->next) {
        if (goes(t, c, path) && site_allows(c, call)) {
            put_pair(out, c, mark);
        }
    }
}

/* ---- for tests ---- */

const char *cstar_test_cookie(cstar_test *t, const char *name) {
    for (const cstar__kit_cookie *c = t != NULL ? t->cookies : NULL; c != NULL; c = c->next) {
        if (strcmp(c->name, name) == 0 && goes(t, c, CSTAR_STR("/"))) {
            return c->value;
        }
    }
    return NULL;
}

bool cstar_test_set_cookie(cstar_test *t, const char *set_cookie) {
    return t != NULL && cstar__kit_cookie_take(t, CSTAR_STR("/"), cstar_cstr(set_cookie));
}

const char *cstar_test_script_cookies(cstar_test *t) {
    cstar_buf b;
    if (t == NULL) {
        return NULL;
    }
    cstar_buf_init(&b, t->alloc, SIZE_MAX / 2);
    for (const cstar__kit_cookie *c = t->cookies; c != NULL; c = c->next) {
        if (!c->http_only && goes(t, c, CSTAR_STR("/"))) {
            put_pair(&b, c, 0);
        }
    }
    return cstar__kit_text(t, &b);
}

void cstar_test_clear_cookies(cstar_test *t) {
    if (t != NULL) {
        t->cookies = NULL;
    }
}
