/* failalloc.h -- an allocator that fails at its n-th call and counts what is not freed.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_FAILALLOC_H
#define CSTAR_TESTS_FAILALLOC_H

#include "cstar/base.h"

typedef struct failalloc {
    cstar_allocator alloc;
    size_t calls;   /* allocations and growths so far (not frees) */
    size_t fail_at; /* the call that fails, counted from 1; 0: never */
    size_t live_bytes, live_blocks;
    bool sticky; /* every call from fail_at on fails, not only that one */
} failalloc;

void failalloc_init(failalloc *f, size_t fail_at);

#endif
