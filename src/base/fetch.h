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
    /* as numbers: between lines that are ours there may be some that are nobody's */
    const uintptr_t end = (uintptr_t)ptr + len;
    for (uintptr_t p = (uintptr_t)ptr / CSTAR__LINE * CSTAR__LINE; p < end; p += CSTAR__LINE) {
        __builtin_prefetch((const void *)p, 1); /* NOLINT(performance-no-int-to-ptr) */
    }
}

#endif
