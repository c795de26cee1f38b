/* http/cookie.c -- see cookie.h.
 * SPDX-License-Identifier: MIT */
#include "http/cookie.h"

#include "http/date.h"
#include "http/scan.h"

enum { MAX_PAIR = 4096, MAX_ATTRIBUTE = 1024 }; /* what browsers keep (RFC 6265bis 5.6) */

/* cookie-octet of RFC 6265 4.1.1. */
static bool is_octets(cstar_str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\') {
            return false;
        }
    }
    return true;
}

/* ---- of a request --------------------------------------------------------------------------- */

void cstar__cookies_init(cstar__cookies *it, const cstar__field *fields, size_t nfields,
                         size_t max) {
    *it = (cstar__cookies){.field = fields,
                           .end = nfields != 0 ? fields + nfields : fields,
                           .left = max != 0 ? max : 64};
}

static bool parse_pair(cstar_str text, cstar__cookie *out) {
    cstar_str rest = cstar__trim(text);
    cstar__cookie c;
    if (!cstar__split(&rest, '=', &c.name) || rest.ptr == NULL || !cstar__is_token(c.name)) {
        return false;
    }
    c.value = rest;
    if (rest.len >= 2 && rest.ptr[0] == '"' && rest.ptr[rest.len - 1] == '"') {
        c.value = cstar_view(rest.ptr + 1, rest.len - 2);
    }
    if (!is_octets(c.value)) {
        return false;
    }
    *out = c;
    return true;
}

/* The next piece of text between semicolons. */
static bool next_piece(cstar__cookies *it, cstar_str *piece) {
    while (!cstar__split(&it->rest, ';', piece)) {
        while (it->field != it->end && !cstar_str_eq(it->field->name, CSTAR_STR("cookie"))) {
            it->field++;
        }
        if (it->field == it->end) {
            return false;
        }
        it->rest = (it->field++)->value;
    }
    return true;
}

bool cstar__cookies_next(cstar__cookies *it, cstar__cookie *out) {
    cstar_str piece;
    while (it->left != 0 && next_piece(it, &piece)) {
        it->left--;
        if (parse_pair(piece, out)) {
            return true;
        }
    }
    return false;
}

cstar_str cstar__cookie_find(const cstar__request *r, cstar_str name) {
    cstar__cookies it;
    cstar__cookie c;
    cstar__cookies_init(&it, r->fields, r->nfields, 0);
    while (cstar__cookies_next(&it, &c)) {
        if (cstar_str_eq(c.name, name)) {
            return c.value;
        }
    }
    return cstar_view(NULL, 0);
}

/* ---- of a response -------------------------------------------------------------------------- */

/* Browsers compare the prefixes without regard to case, so that "__host-x" is no way around. */
static bool has_prefix(cstar_str name, cstar_str prefix) {
    return name.len >= prefix.len && cstar_str_ieq(cstar_view(name.ptr, prefix.len), prefix);
}

static bool path_ok(cstar_str path) {
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] <= 0x20 || path.ptr[i] >= 0x7f || path.ptr[i] == ';') {
            return false;
        }
    }
    return path.len != 0 && path.ptr[0] == '/';
}

/* Letters, digits, '-' and '.', no empty label. */
static bool domain_ok(cstar_str domain) {
    bool label = false;
    for (size_t i = 0; i < domain.len; i++) {
        char c = domain.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '-' && (c != '.' || !label)) {
            return false;
        }
        label = c != '.';
    }
    return label;
}

static cstar_status check_bytes(const cstar__set_cookie *c, cstar_err *err) {
    if (!cstar__is_token(c->name)) {
        return cstar_err_set(err, CSTAR_EINVAL, "name", "name: a cookie's name is a token");
    }
    if (!is_octets(c->value)) {
        return cstar_err_set(err, CSTAR_EINVAL, "value",
                             "value: space, quote, comma, semicolon, backslash, control and "
                             "non-ASCII bytes cannot stand in a cookie");
    }
    if (c->path.ptr != NULL && !path_ok(c->path)) {
        return cstar_err_set(err, CSTAR_EINVAL, "path",
                             "path: starts with '/', visible ASCII without ';'");
    }
    if (c->domain.ptr != NULL && !domain_ok(c->domain)) {
        return cstar_err_set(err, CSTAR_EINVAL, "domain", "domain: not a host name");
    }
    if (c->expires < 0 || c->expires > CSTAR__DATE_MAX) {
        return cstar_err_set(err, CSTAR_EINVAL, "expires", "expires: between 1970 and 9999");
    }
    if (c->name.len > MAX_PAIR || c->value.len > MAX_PAIR - c->name.len ||
        c->path.len > MAX_ATTRIBUTE || c->domain.len > 253) {
        return cstar_err_set(err, CSTAR_ELIMIT, "value", "cookie: longer than browsers keep");
    }
    return CSTAR_OK;
}

static cstar_status check_policy(const cstar__set_cookie *c, cstar_err *err) {
    bool host = has_prefix(c->name, CSTAR_STR("__Host-"));
    bool root = c->path.ptr == NULL || cstar_str_eq(c->path, CSTAR_STR("/"));
    if (host && (c->domain.ptr != NULL || !root)) {
        return cstar_err_set(err, CSTAR_EPOLICY, "name",
                             "name: a __Host- cookie has no domain and the path '/'");
    }
    if (c->secure) {
        return CSTAR_OK;
    }
    if (host || has_prefix(c->name, CSTAR_STR("__Secure-"))) {
        return cstar_err_set(err, CSTAR_EPOLICY, "secure", "secure: its prefix requires it");
    }
    if (c->same_site == CSTAR__SAME_SITE_NONE || c->partitioned) {
        return cstar_err_set(err, CSTAR_EPOLICY, "secure",
                             "secure: SameSite=None and Partitioned require it");
    }
    return CSTAR_OK;
}

static void put_life(cstar_buf *out, const cstar__set_cookie *c) {
    if (c->max_age != 0) {
        cstar_buf_lit(out, "; Max-Age=");
        cstar_buf_int(out, c->max_age > 0 ? c->max_age : 0);
    }
    if (c->expires != 0) {
        char date[CSTAR__DATE_LEN];
        cstar__date_format(date, c->expires);
        cstar_buf_lit(out, "; Expires=");
        cstar_buf_add(out, date, sizeof date);
    }
}

static void put_flags(cstar_buf *out, const cstar__set_cookie *c) {
    static const char *const same_site[] = {"Lax", "Strict", "None"};
    if (c->secure) {
        cstar_buf_lit(out, "; Secure");
    }
    if (c->http_only) {
        cstar_buf_lit(out, "; HttpOnly");
    }
    cstar_buf_lit(out, "; SameSite=");
    cstar_buf_puts(out, same_site[c->same_site]);
    if (c->partitioned) {
        cstar_buf_lit(out, "; Partitioned");
    }
}

cstar_status cstar__set_cookie_format(cstar_buf *out, const cstar__set_cookie *c, cstar_err *err) {
    cstar_status rc = check_bytes(c, err);
    rc = rc == CSTAR_OK ? check_policy(c, err) : rc;
    if (rc != CSTAR_OK) {
        return rc;
    }
    cstar_buf_str(out, c->name);
    cstar_buf_byte(out, '=');
    cstar_buf_str(out, c->value);
    cstar_buf_lit(out, "; Path=");
    cstar_buf_str(out, c->path.ptr != NULL ? c->path : CSTAR_STR("/"));
    if (c->domain.ptr != NULL) {
        cstar_buf_lit(out, "; Domain=");
        cstar_buf_str(out, c->domain);
    }
    put_life(out, c);
    put_flags(out, c);
    return cstar_buf_status(out);
}
