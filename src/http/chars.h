/* http/chars.h -- classes of bytes in HTTP messages (RFC 9110 5.5 and 5.6.2), as tables of 256
 * entries. Inline, because the parsers of a head spend their time here. Const data only; any
 * thread.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_CHARS_H
#define CSTAR_HTTP_CHARS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The lower-case form of a token character; 0 for every other byte (so CR, ':' and SP end a
 * token). */
extern const unsigned char cstar__lower_token[256];

enum {
    CSTAR__CHAR_TARGET =
        1, /* request target: visible ASCII but '#', which starts what is never sent */
    CSTAR__CHAR_VALUE = 2, /* field value: all but control characters; HTAB is allowed */
    CSTAR__CHAR_HOST = 4,  /* reg-name without '%': unreserved and sub-delims (RFC 3986 3.2.2) */
};
extern const unsigned char cstar__char_class[256];

static inline bool cstar__char_is(char c, unsigned classes) {
    return (cstar__char_class[(unsigned char)c] & classes) != 0;
}

/** The value of a hexadecimal digit, or -1. */
static inline int cstar__hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Whether one of eight bytes may be a control character (below 0x20, or 0x7f). May say yes for
 * HTAB. */
static inline bool cstar__word_has_control(uint64_t w) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low = (w - ones * 0x20) & ~w;
    uint64_t del = w ^ (ones * 0x7f);
    del = (del - ones) & ~del;
    return ((low | del) & (ones * 0x80)) != 0;
}

/** The first byte of [p, end) that cannot stand in a field value, or `end`. Never reads at or
 * behind `end`. */
static inline const char *cstar__value_end(const char *p, const char *end) {
    while (end - p >= 8) {
        uint64_t w;
        memcpy(&w, p, sizeof w);
        if (cstar__word_has_control(w)) {
            break;
        }
        p += 8;
    }
    while (p < end && cstar__char_is(*p, CSTAR__CHAR_VALUE)) {
        p++;
    }
    return p;
}

#endif
