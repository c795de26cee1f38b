/* utf8.c -- strict UTF-8 (RFC 3629): shortest form, no surrogates, at most U+10FFFF.
 * SPDX-License-Identifier: MIT */
#include "cstar/base.h"

/* Length of the sequence that `lead` starts, 0 if none does, with the bounds of the second byte:
 * the bounds are what rules out overlong forms, surrogates and code points past the end (Unicode
 * table 3-7). */
static size_t sequence(unsigned char lead, unsigned char *low, unsigned char *high) {
    *low = 0x80;
    *high = 0xBF;
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        *low = lead == 0xE0 ? 0xA0 : 0x80;
        *high = lead == 0xED ? 0x9F : 0xBF;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        *low = lead == 0xF0 ? 0x90 : 0x80;
        *high = lead == 0xF4 ? 0x8F : 0xBF;
        return 4;
    }
    return 0;
}

uint32_t cstar_utf8_next(cstar_str s, size_t *pos) {
    static const unsigned char lead_mask[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    const unsigned char *p = (const unsigned char *)s.ptr + *pos;
    size_t left = s.len - *pos;
    unsigned char low = 0;
    unsigned char high = 0;
    size_t n = sequence(p[0], &low, &high);
    if (n == 0 || n > left || (n > 1 && (p[1] < low || p[1] > high))) {
        *pos += 1;
        return UINT32_MAX;
    }
    uint32_t code = p[0] & lead_mask[n];
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            *pos += 1;
            return UINT32_MAX;
        }
        code = (code << 6) | (p[i] & 0x3Fu);
    }
    *pos += n;
    return code;
}

static size_t skip_ascii(cstar_str s, size_t i) {
    while (i + 8 <= s.len) {
        uint64_t word = 0;
        memcpy(&word, s.ptr + i, 8);
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        i += 8;
    }
    while (i < s.len && (unsigned char)s.ptr[i] < 0x80) {
        i++;
    }
    return i;
}

bool cstar_utf8_valid(cstar_str s) {
    size_t i = skip_ascii(s, 0);
    while (i < s.len) {
        if (cstar_utf8_next(s, &i) == UINT32_MAX) {
            return false;
        }
        i = skip_ascii(s, i);
    }
    return true;
}
