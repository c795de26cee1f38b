/* http/scan.c -- see scan.h.
 * SPDX-License-Identifier: MIT */
#include "http/scan.h"

#include "http/chars.h"

void cstar__scan_space(cstar__scan *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t')) {
        s->at++;
    }
}

bool cstar__scan_token(cstar__scan *s, cstar_str *out) {
    const char *p = s->at;
    while (p < s->end && cstar__lower_token[(unsigned char)*p] != 0) {
        p++;
    }
    if (p == s->at) {
        return false;
    }
    *out = cstar_view(s->at, (size_t)(p - s->at));
    s->at = p;
    return true;
}

bool cstar__scan_quoted(cstar__scan *s, cstar_str *out) {
    const char *p = s->at;
    if (p == s->end || *p != '"') {
        return false;
    }
    for (p++; p < s->end && cstar__char_is(*p, CSTAR__CHAR_VALUE); p++) {
        if (*p == '"') {
            *out = cstar_view(s->at + 1, (size_t)(p - s->at) - 1);
            s->at = p + 1;
            return true;
        }
        if (*p == '\\' && (++p == s->end || !cstar__char_is(*p, CSTAR__CHAR_VALUE))) {
            return false;
        }
    }
    return false;
}

bool cstar__scan_pair(cstar__scan *s, cstar__param *out) {
    cstar__scan t = *s;
    cstar__param p;
    if (!cstar__scan_token(&t, &p.name) || !cstar__scan_byte(&t, '=')) {
        return false;
    }
    p.quoted = cstar__scan_quoted(&t, &p.value);
    if (!p.quoted && !cstar__scan_token(&t, &p.value)) {
        return false;
    }
    *s = t;
    *out = p;
    return true;
}

bool cstar__scan_param(cstar__scan *s, cstar__param *out) {
    cstar__scan t = *s;
    cstar__scan_space(&t);
    if (!cstar__scan_byte(&t, ';')) {
        return false;
    }
    cstar__scan_space(&t);
    if (!cstar__scan_done(&t) && *t.at != ';') {
        if (!cstar__scan_pair(&t, out)) {
            return false;
        }
    } else {
        *out = (cstar__param){{"", 0}, {"", 0}, false};
    }
    *s = t;
    return true;
}

void cstar__scan_unquote(cstar_buf *out, cstar_str inside) {
    for (size_t i = 0; i < inside.len; i++) {
        if (inside.ptr[i] == '\\' && i + 1 < inside.len) {
            i++;
        }
        cstar_buf_byte(out, inside.ptr[i]);
    }
}

cstar_str cstar__trim(cstar_str s) {
    while (s.len != 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len != 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

bool cstar__split(cstar_str *rest, char mark, cstar_str *piece) {
    if (rest->ptr == NULL) {
        return false;
    }
    const char *at = rest->len != 0 ? memchr(rest->ptr, mark, rest->len) : NULL;
    *piece = *rest;
    if (at == NULL) {
        *rest = cstar_view(NULL, 0);
        return true;
    }
    piece->len = (size_t)(at - rest->ptr);
    *rest = cstar_view(at + 1, rest->len - piece->len - 1);
    return true;
}

bool cstar__is_token(cstar_str s) { return s.len != 0 && cstar__token_ok(s.ptr, s.ptr + s.len); }
