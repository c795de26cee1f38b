/* http/query.c -- application/x-www-form-urlencoded, as far as a query string needs it (URL
 * Standard 5.1).
 *
 * Names are compared decoded, without a copy of them: "d%61tastar=1" sets "datastar". Nothing
 * is refused here; bytes that are no UTF-8 and percent signs that code nothing come out as they
 * are, and whoever reads the value judges it.
 *
 * SPDX-License-Identifier: MIT */
#include "http/chars.h"
#include "http/exchange.h"

/* The decoded byte at `*i`, which advances behind it. */
static char next_decoded(cstar_str s, size_t *i) {
    char c = s.ptr[(*i)++];
    if (c == '+') {
        return ' ';
    }
    if (c == '%' && s.len - *i >= 2) {
        int high = cstar__hex_digit(s.ptr[*i]);
        int low = cstar__hex_digit(s.ptr[*i + 1]);
        if (high >= 0 && low >= 0) {
            *i += 2;
            return (char)(unsigned char)(high * 16 + low);
        }
    }
    return c;
}

static bool name_is(cstar_str coded, cstar_str name) {
    size_t i = 0;
    size_t k = 0;
    while (i < coded.len && k < name.len) {
        if (next_decoded(coded, &i) != name.ptr[k++]) {
            return false;
        }
    }
    return i == coded.len && k == name.len;
}

/* Takes the text before the first `mark` off `*rest`, and the mark. */
static cstar_str take_until(cstar_str *rest, char mark) {
    const char *at = rest->len != 0 ? memchr(rest->ptr, mark, rest->len) : NULL;
    cstar_str piece = *rest;
    if (at == NULL) {
        *rest = cstar_view(NULL, 0);
        return piece;
    }
    piece.len = (size_t)(at - rest->ptr);
    *rest = cstar_view(at + 1, rest->len - piece.len - 1);
    return piece;
}

/* @return how many parameters have that name; `*last` is the value of the last, coded. */
static size_t count(cstar_str query, cstar_str name, cstar_str *last) {
    size_t n = 0;
    while (query.len != 0) {
        cstar_str value = take_until(&query, '&');
        if (value.len == 0) {
            continue;
        }
        if (name_is(take_until(&value, '='), name)) {
            n++;
            *last = value;
        }
    }
    return n;
}

bool cstar__query_last(cstar_str query, cstar_str name, cstar_buf *out) {
    cstar_str value = {NULL, 0};
    const bool found = count(query, name, &value) != 0;
    if (found) {
        cstar_buf_unpercent(out, value, true);
    }
    return found;
}

bool cstar__query_only(cstar_str query, cstar_str name, cstar_buf *out) {
    cstar_str value = {NULL, 0};
    const bool found = count(query, name, &value) == 1;
    if (found) {
        cstar_buf_unpercent(out, value, true);
    }
    return found;
}
