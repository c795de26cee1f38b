/* http/accept.c -- see accept.h.
 * SPDX-License-Identifier: MIT */
#include "http/accept.h"

#include "http/scan.h"

enum { UNSAID = 0xffff, MAX_ELEMENTS = 32 };

typedef struct reading {
    cstar__accept a;
    uint16_t any; /* q of "*" */
    size_t elements;
} reading;

/* "0", "0.123", "1", "1.000": at most three digits (RFC 9110 12.4.2). */
static bool read_q(cstar_str s, uint16_t *out) {
    unsigned q = 0;
    if (s.len == 0 || s.len > 5 || (s.ptr[0] != '0' && s.ptr[0] != '1') ||
        (s.len > 1 && s.ptr[1] != '.')) {
        return false;
    }
    for (size_t i = 0; i < 5; i++) {
        if (i == 1) {
            continue;
        }
        char c = '0';
        if (i < s.len) {
            c = s.ptr[i];
        }
        if (c < '0' || c > '9') {
            return false;
        }
        q = q * 10 + (unsigned)(c - '0');
    }
    *out = (uint16_t)q;
    return q <= 1000;
}

/* Where the weight of that coding goes; NULL for one that we do not have. */
static uint16_t *place_of(reading *r, cstar_str name) {
    if (cstar_str_eq(name, CSTAR_STR("*"))) {
        return &r->any;
    }
    if (cstar_str_ieq(name, CSTAR_STR("x-gzip"))) {
        return &r->a.q[CSTAR__GZIP];
    }
    for (cstar__coding c = CSTAR__IDENTITY; c < CSTAR__CODINGS; c++) {
        if (cstar_str_ieq(name, cstar_cstr(cstar__coding_name(c)))) {
            return &r->a.q[c];
        }
    }
    return NULL;
}

/* coding [ OWS ";" OWS "q=" weight ] */
static bool read_element(reading *r, cstar__scan *s) {
    cstar_str name;
    cstar__param p;
    uint16_t q = 1000;
    if (!cstar__scan_token(s, &name) || ++r->elements > MAX_ELEMENTS) {
        return false;
    }
    if (cstar__scan_param(s, &p) &&
        (p.quoted || !cstar_str_ieq(p.name, CSTAR_STR("q")) || !read_q(p.value, &q))) {
        return false;
    }
    uint16_t *place = place_of(r, name);
    if (place != NULL && *place == UNSAID) {
        *place = q;
    }
    return true;
}

static bool read_list(reading *r, cstar_str value) {
    cstar__scan s = cstar__scan_of(value);
    for (;;) {
        cstar__scan_space(&s);
        if (!cstar__scan_done(&s) && *s.at != ',' && !read_element(r, &s)) {
            return false;
        }
        cstar__scan_space(&s);
        if (cstar__scan_done(&s)) {
            return true;
        }
        if (!cstar__scan_byte(&s, ',')) {
            return false;
        }
    }
}

static reading begin(void) {
    reading r = {.any = UNSAID};
    for (size_t i = 0; i < CSTAR__CODINGS; i++) {
        r.a.q[i] = UNSAID;
    }
    return r;
}

/* Weights of what was not named. Identity is always acceptable unless "*;q=0" or its own weight says
 * no; the weight of "*" does not lift it above what the client can decode smaller. */
static cstar__accept finish(reading r, bool ok) {
    const cstar__accept nothing = {.q = {[CSTAR__IDENTITY] = 1000}};
    if (!ok) {
        return nothing;
    }
    for (size_t i = 0; i < CSTAR__CODINGS; i++) {
        if (r.a.q[i] == UNSAID) {
            r.a.q[i] = r.any != UNSAID ? r.any : 0;
            if (i == CSTAR__IDENTITY && r.any != 0) {
                r.a.q[i] = 1;
            }
        }
    }
    return r.a;
}

cstar__accept cstar__accept_parse(cstar_str value) {
    reading r = begin();
    bool ok = read_list(&r, value);
    return finish(r, ok);
}

cstar__accept cstar__accept_encoding(const cstar__request *request) {
    reading r = begin();
    bool ok = true;
    for (size_t i = 0; ok && i < request->nfields; i++) {
        if (cstar_str_eq(request->fields[i].name, CSTAR_STR("accept-encoding"))) {
            ok = read_list(&r, request->fields[i].value);
        }
    }
    return finish(r, ok);
}

size_t cstar__accept_order(const cstar__accept *a, cstar__coding out[CSTAR__CODINGS]) {
    static const cstar__coding ours[] = {CSTAR__BR, CSTAR__ZSTD, CSTAR__GZIP, CSTAR__IDENTITY};
    size_t n = 0;
    for (size_t i = 0; i < CSTAR__CODINGS; i++) {
        if (a->q[ours[i]] == 0) {
            continue;
        }
        size_t at = n++;
        for (; at != 0 && a->q[out[at - 1]] < a->q[ours[i]]; at--) {
            out[at] = out[at - 1];
        }
        out[at] = ours[i];
    }
    return n;
}
