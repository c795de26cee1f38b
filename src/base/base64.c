/* base64.c
 * SPDX-License-Identifier: MIT */
#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t cstar__base64_len(size_t bytes) { return bytes / 3 * 4 + (bytes % 3 * 4 + 2) / 3; }

/* `n` characters of a group of three bytes, two to four. */
static void put_group(char *to, uint32_t bits, size_t n) {
    for (size_t i = 0; i < n; i++) {
        to[i] = alphabet[bits >> (18 - 6 * i) & 63];
    }
}

void cstar__base64_encode(cstar_buf *out, cstar_str bytes) {
    if (bytes.len == 0 || !cstar_buf_room(out, cstar__base64_len(bytes.len))) {
        return;
    }
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    size_t left = bytes.len;
    char *to = out->ptr + out->len;
    for (; left >= 3; left -= 3, p += 3, to += 4) {
        put_group(to, (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2], 4);
    }
    if (left != 0) {
        put_group(to, (uint32_t)p[0] << 16 | (left == 2 ? (uint32_t)p[1] << 8 : 0), left + 1);
    }
    out->len += cstar__base64_len(bytes.len);
}

/* -1: not of the alphabet. */
static int value_of(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Up to four characters; two stand for one byte, three for two. @return false: bad. */
static bool take_group(const char *from, size_t n, unsigned char bytes[3]) {
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i++) {
        const int v = value_of(from[i]);
        if (v < 0) {
            return false;
        }
        bits |= (uint32_t)v << (18 - 6 * i);
    }
    bytes[0] = (unsigned char)(bits >> 16);
    bytes[1] = (unsigned char)(bits >> 8);
    bytes[2] = (unsigned char)bits;
    return n == 4 || (n == 3 && bytes[2] == 0) || (n == 2 && (bits & 0xFFFF) == 0);
}

cstar_status cstar__base64_decode(cstar_buf *out, cstar_str text) {
    const size_t bytes = text.len / 4 * 3 + (text.len % 4 > 1 ? text.len % 4 - 1 : 0);
    if (text.len % 4 == 1) {
        return CSTAR_ESYNTAX;
    }
    if (text.len == 0 || !cstar_buf_room(out, bytes)) { /* nothing: `out` may have no memory */
        return cstar_buf_status(out);
    }
    char *to = out->ptr + out->len;
    for (size_t at = 0; at < text.len; at += 4, to += 3) {
        const size_t n = text.len - at < 4 ? text.len - at : 4;
        unsigned char group[3];
        if (!take_group(text.ptr + at, n, group)) {
            return CSTAR_ESYNTAX;
        }
        memcpy(to, group, n - 1);
    }
    out->len += bytes;
    return CSTAR_OK;
}
