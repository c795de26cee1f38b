/* cells.c -- see cells.h.
 * SPDX-License-Identifier: MIT */
#include "http/cells.h"

#include <assert.h>
#include <stdalign.h>

enum { EACH = 64 /* cells of a chunk: bits of `taken` */ };

/* In front of its cells. */
struct cstar__cell_chunk {
    alignas(max_align_t) cstar__cell_chunk *prev, *next; /* of those with room */
    uint64_t taken;                                      /* a bit for each cell */
    const void *owners[]; /* EACH, if they have some; the cells follow */
};

/* Up to the first cell, aligned as a block is. */
static size_t head_of(const cstar__cells *c) {
    const size_t most = alignof(max_align_t);
    const size_t size =
        offsetof(cstar__cell_chunk, owners) + (c->owned ? EACH * sizeof(void *) : 0);
    return (size + most - 1) / most * most;
}

static size_t bytes_of(const cstar__cells *c) { return head_of(c) + EACH * c->size; }

static char *cell_at(const cstar__cells *c, cstar__cell_chunk *chunk, unsigned i) {
    return (char *)chunk + head_of(c) + i * c->size;
}

void cstar__cells_init(cstar__cells *c, const cstar_allocator *alloc, size_t size) {
    assert(size % sizeof(void *) == 0);
    *c = (cstar__cells){.alloc = alloc, .size = size};
}

void cstar__cells_fini(cstar__cells *c) {
    for (size_t i = 0; i < c->n; i++) {
        (void)c->alloc->resize(c->alloc->ctx, c->chunks[i], bytes_of(c), 0);
    }
    if (c->cap != 0) {
        (void)c->alloc->resize(c->alloc->ctx, c->chunks, c->cap * sizeof(cstar__cell_chunk *), 0);
    }
    c->chunks = NULL;
    c->roomy = NULL;
    c->n = c->cap = c->spare = 0;
}

size_t cstar__cells_bytes(const cstar__cells *c) {
    return c->n * bytes_of(c) + c->cap * sizeof(cstar__cell_chunk *);
}

/* ---- chunks --------------------------------------------------------------------------------- */

/* How many chunks begin at `ptr` or before it. */
static size_t chunks_up_to(const cstar__cells *c, const void *ptr) {
    size_t from = 0;
    size_t to = c->n;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        if ((uintptr_t)c->chunks[middle] <= (uintptr_t)ptr) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

/* NULL: it is no cell. */
static cstar__cell_chunk *chunk_of(const cstar__cells *c, const void *ptr) {
    const size_t i = chunks_up_to(c, ptr);
    cstar__cell_chunk *chunk = i != 0 ? c->chunks[i - 1] : NULL;
    return chunk != NULL && (uintptr_t)ptr - (uintptr_t)chunk < bytes_of(c) ? chunk : NULL;
}

static void link_roomy(cstar__cells *c, cstar__cell_chunk *chunk) {
    chunk->prev = NULL;
    chunk->next = c->roomy;
    if (chunk->next != NULL) {
        chunk->next->prev = chunk;
    }
    c->roomy = chunk;
}

static void unlink_roomy(cstar__cells *c, const cstar__cell_chunk *chunk) {
    if (chunk->prev != NULL) {
        chunk->prev->next = chunk->next;
    } else {
        c->roomy = chunk->next;
    }
    if (chunk->next != NULL) {
        chunk->next->prev = chunk->prev;
    }
}

static bool list_room(cstar__cells *c) {
    if (c->n < c->cap) {
        return true;
    }
    const size_t cap = c->cap + c->cap / 2 + 4;
    cstar__cell_chunk **more =
        c->alloc->resize(c->alloc->ctx, c->chunks, c->cap * sizeof(cstar__cell_chunk *),
                         cap * sizeof(cstar__cell_chunk *));
    if (more != NULL) {
        c->chunks = more;
        c->cap = cap;
    }
    return more != NULL;
}

static bool add_chunk(cstar__cells *c) {
    cstar__cell_chunk *chunk =
        list_room(c) ? c->alloc->resize(c->alloc->ctx, NULL, 0, bytes_of(c)) : NULL;
    if (chunk == NULL) {
        return false;
    }
    const size_t at = chunks_up_to(c, chunk);
    memmove(&c->chunks[at + 1], &c->chunks[at], (c->n - at) * sizeof(cstar__cell_chunk *));
    c->chunks[at] = chunk;
    c->n++;
    c->spare++;
    chunk->taken = 0;
    link_roomy(c, chunk);
    return true;
}

static void drop_chunk(cstar__cells *c, cstar__cell_chunk *chunk) {
    const size_t at = chunks_up_to(c, chunk) - 1;
    unlink_roomy(c, chunk);
    c->n--;
    memmove(&c->chunks[at], &c->chunks[at + 1], (c->n - at) * sizeof(cstar__cell_chunk *));
    (void)c->alloc->resize(c->alloc->ctx, chunk, bytes_of(c), 0);
}

/* ---- cells ---------------------------------------------------------------------------------- */

void *cstar__cells_take(cstar__cells *c, const void *owner) {
    if (c->roomy == NULL && !add_chunk(c)) {
        return NULL;
    }
    cstar__cell_chunk *chunk = c->roomy;
    const unsigned i = (unsigned)__builtin_ctzll(~chunk->taken);
    c->spare -= chunk->taken == 0;
    chunk->taken |= (uint64_t)1 << i;
    if (chunk->taken == UINT64_MAX) {
        unlink_roomy(c, chunk);
    }
    if (c->owned) {
        chunk->owners[i] = owner;
    }
    return cell_at(c, chunk, i);
}

bool cstar__cells_have(const cstar__cells *c, const void *ptr) { return chunk_of(c, ptr) != NULL; }

/* @return false: the chunk has gone with it. */
static bool give_bits(cstar__cells *c, cstar__cell_chunk *chunk, uint64_t bits) {
    if (bits == 0) {
        return true;
    }
    if (chunk->taken == UINT64_MAX) {
        link_roomy(c, chunk);
    }
    chunk->taken &= ~bits;
    if (chunk->taken != 0) {
        return true;
    }
    if (c->spare != 0) {
        drop_chunk(c, chunk);
        return false;
    }
    c->spare = 1;
    return true;
}

void cstar__cells_give(cstar__cells *c, void *ptr) {
    cstar__cell_chunk *chunk = chunk_of(c, ptr);
    assert(chunk != NULL);
    const size_t i = (size_t)((char *)ptr - cell_at(c, chunk, 0)) / c->size;
    assert((chunk->taken >> i & 1) != 0);
    (void)give_bits(c, chunk, (uint64_t)1 << i);
}

static uint64_t bits_of(const cstar__cell_chunk *chunk, const void *owner) {
    uint64_t bits = 0;
    for (unsigned i = 0; i < EACH; i++) {
        const uint64_t bit = (uint64_t)1 << i;
        bits |= (chunk->taken & bit) != 0 && chunk->owners[i] == owner ? bit : 0;
    }
    return bits;
}

void cstar__cells_give_all(cstar__cells *c, const void *owner) {
    for (size_t i = 0; i < c->n;) {
        i += give_bits(c, c->chunks[i], bits_of(c->chunks[i], owner));
    }
}
