/* str.c -- comparison, physical lines.
 * SPDX-License-Identifier: MIT */
#include "cstar/base.h"

static unsigned char lower(char c) {
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

bool cstar_str_ieq(cstar_str a, cstar_str b) {
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* Whether a byte of `word` is zero: the classic borrow trick, exact as a yes-or-no answer. */
static bool has_zero(uint64_t word) {
    return ((word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080)) != 0;
}

/* Length up to the first CR or LF, eight bytes at a time. Not two memchr() calls: one of them could
 * scan far past the line that the other finds, again at every line, which is quadratic. */
static size_t line_length(cstar_str s) {
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, s.ptr + i, 8);
        if (has_zero(word ^ UINT64_C(0x0A0A0A0A0A0A0A0A)) ||
            has_zero(word ^ UINT64_C(0x0D0D0D0D0D0D0D0D))) {
            break;
        }
    }
    while (i < s.len && s.ptr[i] != '\n' && s.ptr[i] != '\r') {
        i++;
    }
    return i;
}

bool cstar_line_next(cstar_str *rest, cstar_str *line) {
    if (rest->ptr == NULL) {
        return false;
    }
    size_t len = rest->len != 0 ? line_length(*rest) : 0;
    *line = cstar_view(rest->ptr, len);
    if (len == rest->len) {
        *rest = cstar_view(NULL, 0);
        return true;
    }
    size_t end =
        rest->ptr[len] == '\r' && len + 1 < rest->len && rest->ptr[len + 1] == '\n' ? 2 : 1;
    *rest = cstar_view(rest->ptr + len + end, rest->len - len - end);
    return true;
}

void cstar_buf_oneline(cstar_buf *b, cstar_str s) {
    cstar_str line;
    while (cstar_line_next(&s, &line)) {
        cstar_buf_str(b, line);
    }
}
