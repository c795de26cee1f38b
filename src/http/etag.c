/* http/etag.c -- see etag.h.
 * SPDX-License-Identifier: MIT */
#include "http/etag.h"

#include "http/scan.h"

static bool is_weak(cstar_str tag) { return tag.len >= 2 && tag.ptr[0] == 'W'; }

static cstar_str opaque(cstar_str tag) {
    return is_weak(tag) ? cstar_view(tag.ptr + 2, tag.len - 2) : tag;
}

bool cstar__etag_take(cstar_str *rest, cstar_str *tag) {
    size_t i = 0;
    if (rest->len >= 2 && rest->ptr[0] == 'W' && rest->ptr[1] == '/') {
        i = 2;
    }
    if (i >= rest->len || rest->ptr[i] != '"') {
        return false;
    }
    for (i++; i < rest->len; i++) {
        unsigned char c = (unsigned char)rest->ptr[i];
        if (c == '"') {
            *tag = cstar_view(rest->ptr, i + 1);
            *rest = cstar_view(rest->ptr + i + 1, rest->len - i - 1);
            return true;
        }
        if (c <= 0x20 || c == 0x7f) {
            return false;
        }
    }
    return false;
}

bool cstar__etag_ok(cstar_str tag) {
    cstar_str whole;
    return cstar__etag_take(&tag, &whole) && tag.len == 0;
}

bool cstar__etag_strong_eq(cstar_str a, cstar_str b) {
    return a.len != 0 && !is_weak(a) && cstar_str_eq(a, b);
}

bool cstar__etag_weak_eq(cstar_str a, cstar_str b) {
    return a.len != 0 && cstar_str_eq(opaque(a), opaque(b));
}

cstar__etag_found cstar__etag_find(cstar_str list, cstar_str tag, bool weak) {
    cstar__scan s = cstar__scan_of(cstar__trim(list));
    bool found = false;
    size_t n = 0;
    if (cstar__scan_byte(&s, '*')) {
        return cstar__scan_done(&s) ? CSTAR__ETAG_ANY : CSTAR__ETAG_BAD;
    }
    for (;;) {
        cstar_str rest = {s.at, (size_t)(s.end - s.at)};
        cstar_str one;
        if (cstar__etag_take(&rest, &one)) {
            found =
                found || (weak ? cstar__etag_weak_eq(tag, one) : cstar__etag_strong_eq(tag, one));
            s.at = rest.ptr;
            n++;
        } /* else an empty element, or the comma is missing below */
        cstar__scan_space(&s);
        if (cstar__scan_done(&s)) {
            break;
        }
        if (!cstar__scan_byte(&s, ',')) {
            return CSTAR__ETAG_BAD;
        }
        cstar__scan_space(&s);
    }
    if (n == 0) {
        return CSTAR__ETAG_BAD;
    }
    return found ? CSTAR__ETAG_FOUND : CSTAR__ETAG_NONE;
}
