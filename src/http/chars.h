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

/* ---- whole names and values: nothing is said of what is wrong ----
 *
 * Eight bytes at a time, the last eight overlapping those before, and one look at the sum of it.
 * What that finds odd, often wrongly, is looked at again byte by byte: only the usual is fast. In
 * the sums a byte of 0x80 or more may carry into its neighbour; it is odd itself. */

/* High bits: of bytes that are no printable ASCII. */
static inline uint64_t cstar__odd_in_value(uint64_t w) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    return (w - ones * 0x20) | (w + ones) | w;
}

/* High bits: of bytes that are neither in '^' to 'z', all of which are token characters, nor '-'. */
static inline uint64_t cstar__odd_in_name(uint64_t w) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t from = w + ones * (0x80 - '^');
    const uint64_t behind = w + ones * (0x80 - 'z' - 1);
    const uint64_t no_dash = (w ^ (ones * '-')) + ones * 0x7f;
    return behind | w | (no_dash & ~from);
}

/* Four to seven bytes as eight. */
static inline uint64_t cstar__word_of_few(const char *p, const char *end) {
    uint32_t first;
    uint32_t last;
    memcpy(&first, p, sizeof first);
    memcpy(&last, end - 4, sizeof last);
    return (uint64_t)last << 32 | first;
}

/** Whether all of [p, end) can stand in a field value. */
static inline bool cstar__value_ok(const char *p, const char *end) {
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t odd = high;
    if (end - p >= 8) {
        uint64_t w;
        memcpy(&w, end - 8, sizeof w);
        odd = cstar__odd_in_value(w);
        for (const char *q = p; end - q > 8; q += 8) {
            memcpy(&w, q, sizeof w);
            odd |= cstar__odd_in_value(w);
        }
    } else if (end - p >= 4) {
        odd = cstar__odd_in_value(cstar__word_of_few(p, end));
    }
    return (odd & high) == 0 || cstar__value_end(p, end) == end;
}

/** Whether all of [p, end) are token characters; also when there are none. */
static inline bool cstar__token_ok(const char *p, const char *end) {
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t odd = high;
    if (end - p >= 8) {
        uint64_t w;
        memcpy(&w, end - 8, sizeof w);
        odd = cstar__odd_in_name(w);
        for (const char *q = p; end - q > 8; q += 8) {
            memcpy(&w, q, sizeof w);
            odd |= cstar__odd_in_name(w);
        }
    } else if (end - p >= 4) {
        odd = cstar__odd_in_name(cstar__word_of_few(p, end));
    }
    if ((odd & high) == 0) {
        return true;
    }
    while (p < end && cstar__lower_token[(unsigned char)*p] != 0) {
        p++;
    }
    return p == end;
}

#endif
