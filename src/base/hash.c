/* hash.c
 * SPDX-License-Identifier: MIT */
#include "base/hash.h"

typedef struct sip {
    uint64_t v0, v1, v2, v3;
} sip;

static uint64_t rotl(uint64_t x, unsigned n) { return x << n | x >> (64 - n); }

static void round_of(sip *s) {
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 = rotl(s->v2, 32);
}

static void take(sip *s, uint64_t m) {
    s->v3 ^= m;
    round_of(s);
    round_of(s);
    s->v0 ^= m;
}

/* Little-endian, whatever the machine is. */
static uint64_t word(const unsigned char *p, size_t n) {
    uint64_t m = 0;
    for (size_t i = 0; i < n; i++) {
        m |= (uint64_t)p[i] << (8 * i);
    }
    return m;
}

uint64_t cstar__hash(const uint64_t seed[2], cstar_str s) {
    sip h = {seed[0] ^ 0x736f6d6570736575u, seed[1] ^ 0x646f72616e646f6du,
             seed[0] ^ 0x6c7967656e657261u, seed[1] ^ 0x7465646279746573u};
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t left = s.len;
    for (; left >= 8; left -= 8, p += 8) {
        take(&h, word(p, 8));
    }
    take(&h, word(p, left) | (uint64_t)(s.len & 255) << 56);
    h.v2 ^= 255;
    for (int i = 0; i < 4; i++) {
        round_of(&h);
    }
    return h.v0 ^ h.v1 ^ h.v2 ^ h.v3;
}
