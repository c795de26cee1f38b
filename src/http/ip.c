/* http/ip.c -- see ip.h.
 * SPDX-License-Identifier: MIT */
#include "http/ip.h"

#include "http/chars.h"
#include "http/scan.h"

/* 1 to 3 digits without a leading zero, at most `max`. */
static bool parse_number(cstar_str s, unsigned max, unsigned *out) {
    unsigned n = 0;
    if (s.len == 0 || s.len > 3 || (s.len > 1 && s.ptr[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
        n = n * 10 + (unsigned)(s.ptr[i] - '0');
    }
    *out = n;
    return n <= max;
}

static bool parse_v4(cstar_str text, unsigned char out[4]) {
    cstar_str piece;
    for (size_t i = 0; i < 4; i++) {
        unsigned n = 0;
        if (!cstar__split(&text, '.', &piece) || !parse_number(piece, 255, &n)) {
            return false;
        }
        out[i] = (unsigned char)n;
    }
    return text.ptr == NULL;
}

/* 1 to 4 hexadecimal digits into two bytes. */
static bool parse_group(cstar_str s, unsigned char out[2]) {
    unsigned n = 0;
    for (size_t i = 0; i < s.len && i < 5; i++) {
        int digit = cstar__hex_digit(s.ptr[i]);
        if (digit < 0) {
            return false;
        }
        n = n * 16 + (unsigned)digit;
    }
    out[0] = (unsigned char)(n >> 8 & 0xff);
    out[1] = (unsigned char)(n & 0xff);
    return s.len >= 1 && s.len <= 4;
}

/* Groups between colons; the last may be an IPv4 address. @return bytes written, 17 for an error. */
static size_t parse_groups(cstar_str text, size_t room, bool v4, unsigned char *out) {
    const size_t bad = 17;
    size_t n = 0;
    cstar_str piece;
    if (text.len == 0) {
        return 0;
    }
    while (cstar__split(&text, ':', &piece)) {
        if (text.ptr == NULL && v4 && memchr(piece.ptr, '.', piece.len) != NULL) {
            return room - n >= 4 && parse_v4(piece, out + n) ? n + 4 : bad;
        }
        if (room - n < 2 || piece.len == 0 || !parse_group(piece, out + n)) {
            return bad;
        }
        n += 2;
    }
    return n;
}

/* Where "::" begins; the length if there is none. */
static size_t find_gap(cstar_str text) {
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.ptr[i] == ':' && text.ptr[i + 1] == ':') {
            return i;
        }
    }
    return text.len;
}

static bool parse_v6(cstar_str text, unsigned char out[16]) {
    size_t gap = find_gap(text);
    unsigned char tail[16] = {0};
    memset(out, 0, 16);
    if (gap == text.len) {
        return parse_groups(text, 16, true, out) == 16;
    }
    size_t head = parse_groups(cstar_view(text.ptr, gap), 14, false, out);
    if (head > 14) {
        return false;
    }
    cstar_str rest = {text.ptr + gap + 2, text.len - gap - 2};
    size_t n = parse_groups(rest, 14 - head, true, tail); /* "::" is at least one group */
    if (n > 14) {
        return false;
    }
    memcpy(out + 16 - n, tail, n);
    return true;
}

bool cstar__ip_parse(cstar_str text, cstar__ip *out) {
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    cstar__ip ip = {{0}};
    if (text.len == 0 || text.len > 45) {
        return false;
    }
    if (memchr(text.ptr, ':', text.len) != NULL) {
        if (!parse_v6(text, ip.bytes)) {
            return false;
        }
    } else {
        memcpy(ip.bytes, mapped, sizeof mapped);
        if (!parse_v4(text, ip.bytes + 12)) {
            return false;
        }
    }
    *out = ip;
    return true;
}

/* Whether all bits from `bits` on are zero. */
static bool is_prefix(const cstar__cidr *c) {
    for (unsigned i = c->bits; i < 128; i++) {
        if ((c->ip.bytes[i / 8] >> (7 - i % 8) & 1) != 0) {
            return false;
        }
    }
    return true;
}

bool cstar__cidr_parse(cstar_str text, cstar__cidr *out) {
    cstar_str rest = text;
    cstar_str address;
    cstar__cidr c = {{{0}}, 128};
    if (!cstar__split(&rest, '/', &address) || !cstar__ip_parse(address, &c.ip)) {
        return false;
    }
    if (rest.ptr != NULL) {
        bool v4 = memchr(address.ptr, ':', address.len) == NULL;
        if (!parse_number(rest, v4 ? 32 : 128, &c.bits)) {
            return false;
        }
        c.bits += v4 ? 96 : 0;
    }
    if (!is_prefix(&c)) {
        return false;
    }
    *out = c;
    return true;
}

bool cstar__cidr_has(const cstar__cidr *c, const cstar__ip *ip) {
    size_t whole = c->bits / 8;
    unsigned left = c->bits % 8;
    if (memcmp(c->ip.bytes, ip->bytes, whole) != 0) {
        return false;
    }
    return left == 0 || (c->ip.bytes[whole] ^ ip->bytes[whole]) >> (8 - left) == 0;
}

/* ---- text ----------------------------------------------------------------------------------- */

static unsigned group_of(const cstar__ip *ip, size_t i) {
    return (unsigned)ip->bytes[2 * i] << 8 | ip->bytes[2 * i + 1];
}

/* The longest run of at least two zero groups, the first of those: where it begins, and its length
 * (0: there is none). */
static size_t find_zeros(const cstar__ip *ip, size_t *len) {
    size_t best = 8;
    *len = 1;
    for (size_t i = 0; i < 8; i++) {
        size_t n = 0;
        while (i + n < 8 && group_of(ip, i + n) == 0) {
            n++;
        }
        if (n > *len) {
            best = i;
            *len = n;
        }
        i += n;
    }
    *len = best == 8 ? 0 : *len;
    return best;
}

static void put_hex(cstar_buf *b, unsigned n) {
    bool begun = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
        unsigned digit = n >> shift & 15;
        begun = begun || digit != 0 || shift == 0;
        if (begun) {
            cstar_buf_byte(b, "0123456789abcdef"[digit]);
        }
    }
}

static void put_v6(cstar_buf *b, const cstar__ip *ip) {
    size_t len = 0;
    size_t zeros = find_zeros(ip, &len);
    for (size_t i = 0; i < 8; i++) {
        if (i == zeros) {
            cstar_buf_puts(b, "::");
            i += len - 1;
            continue;
        }
        if (i != 0 && i != zeros + len) {
            cstar_buf_byte(b, ':');
        }
        put_hex(b, group_of(ip, i));
    }
}

cstar_str cstar__ip_format(const cstar__ip *ip, char mem[CSTAR__IP_TEXT]) {
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    cstar_buf b;
    cstar_buf_fixed(&b, mem, CSTAR__IP_TEXT);
    if (memcmp(ip->bytes, mapped, sizeof mapped) != 0) {
        put_v6(&b, ip);
    } else {
        for (size_t i = 12; i < 16; i++) {
            cstar_buf_uint(&b, ip->bytes[i]);
            cstar_buf_byte(&b, i < 15 ? '.' : '\0');
        }
        return cstar_view(mem, b.len - 1);
    }
    cstar_buf_byte(&b, '\0');
    return cstar_view(mem, b.len - 1);
}
