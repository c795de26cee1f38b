/* http/target.c -- see target.h. Pure functions over bytes.
 *
 * SPDX-License-Identifier: MIT */
#include "http/target.h"

#include "http/chars.h"

static int refuse(const char **why, int status, const char *text) {
    *why = text;
    return status;
}

cstar__method cstar__method_find(cstar_str name) {
    static const cstar_str names[CSTAR__METHODS] = {
        [CSTAR__GET] = {"GET", 3},         [CSTAR__HEAD] = {"HEAD", 4},
        [CSTAR__POST] = {"POST", 4},       [CSTAR__PUT] = {"PUT", 3},
        [CSTAR__PATCH] = {"PATCH", 5},     [CSTAR__DELETE] = {"DELETE", 6},
        [CSTAR__OPTIONS] = {"OPTIONS", 7},
    };
    for (unsigned m = 0; m < CSTAR__METHODS; m++) {
        if (cstar_str_eq(name, names[m])) {
            return (cstar__method)m;
        }
    }
    return CSTAR__METHODS;
}

static bool ipv6_literal(const char **at, const char *end) {
    const char *p = *at + 1;
    while (p < end && (cstar__hex_digit(*p) >= 0 || *p == ':' || *p == '.')) {
        p++;
    }
    if (p == end || *p != ']' || p - *at < 3) {
        return false;
    }
    *at = p + 1;
    return true;
}

static bool reg_name(const char **at, const char *end) {
    const char *p = *at;
    while (p < end && *p != ':') {
        if (cstar__char_is(*p, CSTAR__CHAR_HOST)) {
            p++;
        } else if (*p == '%' && end - p > 2 && cstar__hex_digit(p[1]) >= 0 &&
                   cstar__hex_digit(p[2]) >= 0) {
            p += 3;
        } else {
            return false;
        }
    }
    bool some = p != *at;
    *at = p;
    return some;
}

bool cstar__host_ok(cstar_str host) {
    const char *p = host.ptr;
    const char *end = p + host.len;
    if (host.len == 0 || !(*p == '[' ? ipv6_literal(&p, end) : reg_name(&p, end))) {
        return false;
    }
    if (p == end) {
        return true;
    }
    if (*p++ != ':' || end - p > 5) {
        return false;
    }
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    return p == end;
}

/* Length of "http" or "https" if the target starts with it and "://", else 0. */
static size_t scheme_length(cstar_str target) {
    if (target.len >= 7 && cstar_str_ieq(cstar_view(target.ptr, 7), CSTAR_STR("http://"))) {
        return 4;
    }
    if (target.len >= 8 && cstar_str_ieq(cstar_view(target.ptr, 8), CSTAR_STR("https://"))) {
        return 5;
    }
    return 0;
}

/* Finds the authority of an absolute target and returns what follows: path and query, or
 * nothing. */
static int split_absolute(cstar_str target, size_t scheme, cstar__request *r, cstar_str *rest,
                          const char **why) {
    const char *start = target.ptr + scheme + 3;
    const char *end = target.ptr + target.len;
    const char *p = start;
    while (p < end && *p != '/' && *p != '?') {
        p++;
    }
    r->authority = cstar_view(start, (size_t)(p - start));
    if (!cstar__host_ok(r->authority)) {
        return refuse(why, 400, "malformed authority in the request target");
    }
    *rest = cstar_view(p, (size_t)(end - p));
    return 0;
}

int cstar__target_split(cstar__request *r, const char **why) {
    cstar_str rest = r->target;
    if (rest.len == 1 && rest.ptr[0] == '*') {
        if (r->method != CSTAR__OPTIONS) {
            return refuse(why, 400, "target * without OPTIONS");
        }
        r->path = rest;
        return 0;
    }
    size_t scheme = scheme_length(rest);
    if (scheme != 0) {
        int rc = split_absolute(r->target, scheme, r, &rest, why);
        if (rc != 0) {
            return rc;
        }
    } else if (rest.ptr[0] != '/') {
        return refuse(why, 400, "malformed request target");
    }
    const char *mark = rest.len != 0 ? memchr(rest.ptr, '?', rest.len) : NULL;
    size_t path_len = mark != NULL ? (size_t)(mark - rest.ptr) : rest.len;
    if (mark != NULL) {
        r->query = cstar_view(mark + 1, rest.len - path_len - 1);
    }
    /* "http://host" and "http://host?x" have the path "/": there is one behind the scheme */
    r->path =
        path_len != 0 ? cstar_view(rest.ptr, path_len) : cstar_view(r->target.ptr + scheme + 1, 1);
    return 0;
}

bool cstar__target_ok(cstar_str target) {
    for (size_t i = 0; i < target.len; i++) {
        if (!cstar__char_is(target.ptr[i], CSTAR__CHAR_TARGET)) {
            return false;
        }
    }
    return target.len != 0;
}
