/* heap.c -- malloc() and friends as an allocator. Its own file, so that a program with another
 * allocator does not link it.
 * SPDX-License-Identifier: MIT */
#include "cstar/base.h"

#include <stdlib.h>

static void *heap_resize(void *ctx, void *ptr, size_t old_size, size_t new_size) {
    (void)ctx;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

const cstar_allocator *cstar_heap(void) {
    static const cstar_allocator heap = {heap_resize, NULL};
    return &heap;
}
