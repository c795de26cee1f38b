/* arena.c -- an arena is a list of blocks, newest first; allocation moves a pointer through the
 * newest.
 *
 * Invariants: 1. `at` and `end` point into `block`, or are both NULL. 2. `used` is the sum of all
 * block sizes and never exceeds `limit`. 3. Blocks double in size, so that n bytes take O(log n)
 * allocations.
 * Deliberately absent: freeing of single allocations.
 *
 * SPDX-License-Identifier: MIT */
#include "cstar/base.h"

#include <stdalign.h>

#define DEFAULT_LIMIT ((size_t)1 << 20)
#define FIRST_BLOCK ((size_t)1024)
#define ALIGN (alignof(max_align_t))

struct cstar_arena_block {
    cstar_arena_block *older;
    size_t size; /* with this header */
};

static size_t round_up(size_t n) { return (n + (ALIGN - 1)) & ~(ALIGN - 1); }

#define HEADER (round_up(sizeof(cstar_arena_block)))

void cstar_arena_init(cstar_arena *a, const cstar_allocator *alloc, size_t limit) {
    *a = (cstar_arena){.alloc = alloc, .limit = limit != 0 ? limit : DEFAULT_LIMIT};
}

static void enter_block(cstar_arena *a, cstar_arena_block *block) {
    a->block = block;
    a->at = (char *)block + HEADER;
    a->end = (char *)block + block->size;
}

static void free_blocks(cstar_arena *a, cstar_arena_block *block) {
    while (block != NULL) {
        cstar_arena_block *older = block->older;
        a->used -= block->size;
        a->alloc->resize(a->alloc->ctx, block, block->size, 0);
        block = older;
    }
}

void cstar_arena_fini(cstar_arena *a) {
    free_blocks(a, a->block);
    a->block = NULL;
    a->at = a->end = NULL;
}

void cstar_arena_reset(cstar_arena *a, size_t keep) {
    cstar_arena_block *block = a->block;
    if (block == NULL) {
        return;
    }
    free_blocks(a, block->older);
    block->older = NULL;
    if (block->size > keep) {
        cstar_arena_fini(a);
        return;
    }
    enter_block(a, block);
}

static size_t next_block_size(const cstar_arena *a, size_t need) {
    size_t size = a->block != NULL ? a->block->size : FIRST_BLOCK / 2;
    size_t room = a->limit - a->used;
    if (size <= room / 2) {
        size *= 2;
    }
    if (size < need) {
        size = need;
    }
    return size <= room ? size : need; /* `need` itself was checked against the room */
}

static bool add_block(cstar_arena *a, size_t size) {
    if (size > SIZE_MAX - HEADER || size + HEADER > a->limit - a->used) {
        return false;
    }
    size_t total = next_block_size(a, size + HEADER);
    cstar_arena_block *block = a->alloc->resize(a->alloc->ctx, NULL, 0, total);
    if (block == NULL) {
        return false;
    }
    block->older = a->block;
    block->size = total;
    a->used += total;
    enter_block(a, block);
    return true;
}

void *cstar_arena_alloc(cstar_arena *a, size_t size) {
    if (size > SIZE_MAX - ALIGN) {
        return NULL;
    }
    size = round_up(size != 0 ? size : 1);
    if (a->at == NULL || size > (size_t)(a->end - a->at)) {
        if (!add_block(a, size)) {
            return NULL;
        }
    }
    void *p = a->at;
    a->at += size;
    return p;
}

void *cstar_arena_zalloc(cstar_arena *a, size_t size) {
    void *p = cstar_arena_alloc(a, size);
    if (p != NULL) {
        memset(p, 0, size);
    }
    return p;
}

char *cstar_arena_strdup(cstar_arena *a, cstar_str s) {
    char *copy = s.len != SIZE_MAX ? cstar_arena_alloc(a, s.len + 1) : NULL;
    if (copy == NULL) {
        return NULL;
    }
    if (s.len != 0) {
        memcpy(copy, s.ptr, s.len);
    }
    copy[s.len] = '\0';
    return copy;
}

/* Grows in place when `ptr` is the newest allocation and its block has room. */
static bool grow_in_place(cstar_arena *a, char *ptr, size_t old_size, size_t new_size) {
    size_t held = round_up(old_size != 0 ? old_size : 1);
    if (ptr == NULL || a->at == NULL || a->at - held != ptr || new_size > SIZE_MAX - ALIGN) {
        return false;
    }
    size_t wanted = round_up(new_size);
    if (wanted > (size_t)(a->end - ptr)) {
        return false;
    }
    a->at = ptr + wanted;
    return true;
}

static void *arena_resize(void *ctx, void *ptr, size_t old_size, size_t new_size) {
    cstar_arena *a = ctx;
    if (new_size == 0) {
        return NULL;
    }
    if (grow_in_place(a, ptr, old_size, new_size)) {
        return ptr;
    }
    void *fresh = cstar_arena_alloc(a, new_size);
    if (fresh != NULL && ptr != NULL) {
        memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
    }
    return fresh;
}

const cstar_allocator *cstar_arena_allocator(cstar_arena *a) {
    a->view = (cstar_allocator){arena_resize, a};
    return &a->view;
}
