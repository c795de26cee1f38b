/* base/fetch.h -- asking for memory before it is needed.
 *
 * For loops over thousands of things that lie all over memory: while one is worked on, the lines of
 * the next ones are on their way. Hints only; any address will do.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_BASE_FETCH_H
#define CSTAR_BASE_FETCH_H

#include <stddef.h>
#include <stdint.h>

enum { CSTAR__LINE = 64 /* bytes of a cache line, nearly everywhere */ };

/** All lines of `len` bytes, which are going to be read and written. */
static inline void cstar__fetch(const void *ptr, size_t len) {
    const char *p = ptr;
    const char *end = p + len;
    for (p -= (uintptr_t)p % CSTAR__LINE; p < end; p += CSTAR__LINE) {
        __builtin_prefetch(p, 1);
    }
}

#endif
