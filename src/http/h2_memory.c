/* http/h2_memory.c -- what nghttp2 allocates for one session.
 *
 *     a block    size, neighbours │ bytes          whatever it is
 *     a cell     bytes                             what is as long as a stream of nghttp2's
 *
 * nghttp2 frees without telling the size, which our allocators want to know: it stands in front of
 * each block. And a session that ran out of memory can't be trusted to free what it has: nghttp2 1.52
 * frees a DATA item twice if its scheduler's queue could not grow. So the blocks are also in a list,
 * and cells know whose they are; such a session is not asked. It is over (m->cut), and its memory is
 * freed from here.
 *
 * An idle stream has one thing of nghttp2's that stays, its own: 224 bytes. The head, and what the
 * heap adds to it, would be 48 more. All sessions of a loop share the chunks (http/cells.h).
 *
 * SPDX-License-Identifier: MIT */
#include "http/h2_parts.h"

#if CSTAR_WITH_HTTP2

#include <assert.h>
#include <stdalign.h>

/* A stream of nghttp2 1.52 on a machine of 64 bits, and its entry for a submission: a publication makes
 * one for each stream, and when they have left, whole chunks go back. With another nghttp2 that needs
 * more, or much less, both are blocks, and all is as well, if not as small. Multiples of 16: aligned
 * for any object. */
static const struct { size_t over, most; /* bytes */ } kinds[] = {{208, 224}, {144, 160}};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

struct cstar__h2_block {
    cstar__h2_block *prev, *next;
    size_t size; /* with this header */
};

#define BLOCK_HEAD                                                                                 \
    ((sizeof(cstar__h2_block) + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1))

static cstar__h2_block *block_of(void *ptr) {
    return (cstar__h2_block *)(void *)((char *)ptr - BLOCK_HEAD);
}

static void link_block(cstar__h2 *m, cstar__h2_block *b) {
    b->prev = NULL;
    b->next = m->blocks;
    if (b->next != NULL) {
        b->next->prev = b;
    }
    m->blocks = b;
}

static void unlink_block(cstar__h2 *m, const cstar__h2_block *b) {
    if (b->prev != NULL) {
        b->prev->next = b->next;
    } else {
        m->blocks = b->next;
    }
    if (b->next != NULL) {
        b->next->prev = b->prev;
    }
}

/* NULL: there is no memory; `old` is as it was. */
static void *block_resize(cstar__h2 *m, cstar__h2_block *old, size_t size) {
    const cstar_allocator *alloc = m->env->alloc;
    if (size > SIZE_MAX - BLOCK_HEAD) {
        return NULL;
    }
    if (old != NULL) {
        unlink_block(m, old);
    }
    cstar__h2_block *b =
        alloc->resize(alloc->ctx, old, old != NULL ? old->size : 0, BLOCK_HEAD + size);
    if (b == NULL) {
        if (old != NULL) {
            link_block(m, old);
        }
        m->cut = true;
        return NULL;
    }
    b->size = BLOCK_HEAD + size;
    link_block(m, b);
    return (char *)b + BLOCK_HEAD;
}

static void free_block(cstar__h2 *m, cstar__h2_block *b) {
    const cstar_allocator *alloc = m->env->alloc;
    unlink_block(m, b);
    (void)alloc->resize(alloc->ctx, b, b->size, 0);
}

/* ---- cells ---------------------------------------------------------------------------------- */

static cstar__cells *cells_of(const cstar__h2 *m) { return m->env->pool->nghttp2; }

/* NULL: of none. */
static cstar__cells *cells_for(const cstar__h2 *m, size_t size) {
    for (unsigned i = 0; i < KINDS; i++) {
        if (size > kinds[i].over && size <= kinds[i].most) {
            return &cells_of(m)[i];
        }
    }
    return NULL;
}

/* NULL: it is a block. */
static cstar__cells *cells_with(const cstar__h2 *m, const void *ptr) {
    for (unsigned i = 0; i < KINDS && m->ncells != 0; i++) {
        if (cstar__cells_have(&cells_of(m)[i], ptr)) {
            return &cells_of(m)[i];
        }
    }
    return NULL;
}

static void *take_cell(cstar__h2 *m, cstar__cells *cells) {
    void *ptr = cstar__cells_take(cells, m);
    m->ncells += ptr != NULL;
    m->cut = m->cut || ptr == NULL;
    return ptr;
}

static void give_cell(cstar__h2 *m, cstar__cells *cells, void *ptr) {
    cstar__cells_give(cells, ptr);
    m->ncells--;
}

/* ---- what nghttp2 calls --------------------------------------------------------------------- */

static void *mem_malloc(size_t size, void *user) {
    cstar__cells *cells = cells_for(user, size);
    return cells != NULL ? take_cell(user, cells) : block_resize(user, NULL, size);
}

static void *mem_calloc(size_t count, size_t size, void *user) {
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    void *p = mem_malloc(count * size, user);
    if (p != NULL) {
        memset(p, 0, count * size);
    }
    return p;
}

static void mem_free(void *ptr, void *user) {
    if (ptr == NULL) {
        return;
    }
    cstar__cells *cells = cells_with(user, ptr);
    if (cells != NULL) {
        give_cell(user, cells, ptr);
    } else {
        free_block(user, block_of(ptr));
    }
}

static void *mem_realloc(void *ptr, size_t size, void *user) {
    if (ptr == NULL) {
        return mem_malloc(size, user);
    }
    cstar__cells *cells = cells_with(user, ptr);
    if (cells == NULL) {
        return block_resize(user, block_of(ptr), size);
    }
    void *fresh = size > cells->size ? block_resize(user, NULL, size) : ptr;
    if (fresh != NULL && fresh != ptr) {
        memcpy(fresh, ptr, cells->size);
        give_cell(user, cells, ptr);
    }
    return fresh;
}

void cstar__h2_memory_init(cstar__h2 *m) {
    for (unsigned i = 0; i < KINDS; i++) {
        cstar__cells *cells = &cells_of(m)[i];
        if (cells->alloc == NULL) {
            cstar__cells_init(cells, m->env->pool->alloc, kinds[i].most);
            cells->owned = true;
        }
    }
    m->mem = (nghttp2_mem){m, mem_malloc, mem_free, mem_calloc, mem_realloc};
}

void cstar__h2_memory_fini(cstar__h2 *m) {
    while (m->blocks != NULL) {
        free_block(m, m->blocks);
    }
    for (unsigned i = 0; i < KINDS && m->ncells != 0; i++) {
        cstar__cells_give_all(&cells_of(m)[i], m);
    }
    m->ncells = 0;
}

#else
typedef int cstar__h2_memory_is_left_out;
#endif
