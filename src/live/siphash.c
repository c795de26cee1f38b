/* siphash.c
 * SPDX-License-Identifier: MIT */
#include "live/siphash.h"

typedef struct sip {
    uint64_t v0, v1, v2, v3;
} sip;

static uint64_t turn(uint64_t x, int by) { return x << by | x >> (64 - by); }

static void stir(sip *s, int rounds) {
    for (int i = 0; i < rounds; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = turn(s->v1, 13) ^ s->v0;
        s->v3 = turn(s->v3, 16) ^ s->v2;
        s->v0 = turn(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = turn(s->v1, 17) ^ s->v2;
        s->v3 = turn(s->v3, 21) ^ s->v0;
        s->v2 = turn(s->v2, 32);
    }
}

static void take_word(sip *s, uint64_t word) {
    s->v3 ^= word;
    stir(s, 2);
    s->v0 ^= word;
}

/* Little-endian on every machine: derived tab ids are the same on all servers. Written out, since
 * compilers make one load of it. */
static uint64_t word_at(const char *ptr) {
    const unsigned char *p = (const unsigned char *)ptr;
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

/* What is left, below 8 bytes, and the length above it. */
static uint64_t last_word(cstar_str s, size_t at) {
    uint64_t word = (uint64_t)s.len << 56;
    for (unsigned shift = 0; at < s.len; at++, shift += 8) {
        word |= (uint64_t)(unsigned char)s.ptr[at] << shift;
    }
    return word;
}

uint64_t cstar__siphash(const uint64_t key[2], cstar_str s) {
    sip v = {key[0] ^ 0x736f6d6570736575U, key[1] ^ 0x646f72616e646f6dU,
             key[0] ^ 0x6c7967656e657261U, key[1] ^ 0x7465646279746573U};
    size_t at = 0;
    for (; s.len - at >= 8; at += 8) {
        take_word(&v, word_at(s.ptr + at));
    }
    take_word(&v, last_word(s, at));
    v.v2 ^= 0xff;
    stir(&v, 4);
    return v.v0 ^ v.v1 ^ v.v2 ^ v.v3;
}

uint64_t cstar__siphash_pair(const uint64_t key[2], cstar_str first, cstar_str second) {
    const uint64_t inner[2] = {cstar__siphash(key, first), key[1]};
    return cstar__siphash(inner, second);
}
