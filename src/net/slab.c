/* slab.c
 *
 * Invariants: 1. A chunk is on the list while it has room. 2. A slot is not written to before it is
 * handed out, nor by us but in its first bytes: untouched pages stay untouched. 3. At most one
 * empty chunk is kept, so that a single connection that comes and goes costs nothing.
 *
 * SPDX-License-Identifier: MIT */
#include "net/slab.h"

#include <assert.h>
#include <stdalign.h>

enum { PAGE = 4096, SLOT = 5 * PAGE, SLOTS = 32, CHUNK = SLOTS * SLOT + PAGE };

/* In front of each block, on its first page. */
typedef struct slot {
    alignas(max_align_t) cstar__slab_chunk *chunk;
    struct slot *next; /* while it is free */
} slot;

static_assert(sizeof(slot) + CSTAR__SLAB_MOST <= SLOT, "a block fits into its slot");

struct cstar__slab_chunk { /* apart from its memory, which is not to be touched */
    cstar__slab_chunk *prev, *next;
    void *memory;
    char *first;  /* slot, on a page's border */
    slot *free;   /* slots that came back */
    size_t fresh; /* slots that were never handed out begin here */
    size_t used;
};

static bool is_ours(size_t size) { return size > CSTAR__SLAB_OVER && size <= CSTAR__SLAB_MOST; }

static void link_chunk(cstar__slab *s, cstar__slab_chunk *c) {
    c->prev = NULL;
    c->next = s->roomy;
    if (c->next != NULL) {
        c->next->prev = c;
    }
    s->roomy = c;
}

static void unlink_chunk(cstar__slab *s, const cstar__slab_chunk *c) {
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        s->roomy = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
}

static void chunk_free(cstar__slab *s, cstar__slab_chunk *c) {
    const cstar_allocator *a = s->alloc;
    (void)a->resize(a->ctx, c->memory, CHUNK, 0);
    (void)a->resize(a->ctx, c, sizeof *c, 0);
}

static bool chunk_new(cstar__slab *s) {
    const cstar_allocator *a = s->alloc;
    cstar__slab_chunk *c = a->resize(a->ctx, NULL, 0, sizeof *c);
    if (c == NULL) {
        return false;
    }
    memset(c, 0, sizeof *c);
    c->memory = a->resize(a->ctx, NULL, 0, CHUNK);
    if (c->memory == NULL) {
        (void)a->resize(a->ctx, c, sizeof *c, 0);
        return false;
    }
    const size_t past = (uintptr_t)c->memory % PAGE;
    c->first = (char *)c->memory + (past != 0 ? PAGE - past : 0);
    link_chunk(s, c);
    s->spare++;
    return true;
}

static void *take(cstar__slab *s) {
    if (s->roomy == NULL && !chunk_new(s)) {
        return NULL;
    }
    cstar__slab_chunk *c = s->roomy;
    slot *at = c->free;
    if (at != NULL) {
        c->free = at->next;
    } else {
        at = (slot *)(void *)(c->first + c->fresh++ * SLOT);
    }
    at->chunk = c;
    s->spare -= c->used == 0;
    c->used++;
    if (c->used == SLOTS) {
        unlink_chunk(s, c);
    }
    return at + 1;
}

static void give(cstar__slab *s, void *ptr) {
    slot *at = (slot *)ptr - 1;
    cstar__slab_chunk *c = at->chunk;
    if (c->used == SLOTS) {
        link_chunk(s, c);
    }
    at->next = c->free;
    c->free = at;
    c->used--;
    if (c->used != 0) {
        return;
    }
    if (s->spare != 0) {
        unlink_chunk(s, c);
        chunk_free(s, c);
        return;
    }
    s->spare = 1;
}

static void *get(cstar__slab *s, size_t size) {
    return is_ours(size) ? take(s) : s->alloc->resize(s->alloc->ctx, NULL, 0, size);
}

static void put(cstar__slab *s, void *ptr, size_t size) {
    if (is_ours(size)) {
        give(s, ptr);
    } else {
        (void)s->alloc->resize(s->alloc->ctx, ptr, size, 0);
    }
}

static void *resize(void *ctx, void *ptr, size_t old_size, size_t new_size) {
    cstar__slab *s = ctx;
    const bool was_ours = ptr != NULL && is_ours(old_size);
    if (!was_ours && !is_ours(new_size)) {
        return s->alloc->resize(s->alloc->ctx, ptr, old_size, new_size);
    }
    if (was_ours && is_ours(new_size)) {
        return ptr;
    }
    void *fresh = new_size != 0 ? get(s, new_size) : NULL;
    if (new_size != 0 && fresh == NULL) {
        return NULL;
    }
    if (ptr != NULL) {
        if (fresh != NULL) {
            memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
        }
        put(s, ptr, old_size);
    }
    return fresh;
}

void cstar__slab_init(cstar__slab *s, const cstar_allocator *alloc) {
    *s = (cstar__slab){.alloc = alloc};
    s->view = (cstar_allocator){.resize = resize, .ctx = s};
}

void cstar__slab_fini(cstar__slab *s) {
    while (s->roomy != NULL) {
        cstar__slab_chunk *c = s->roomy;
        assert(c->used == 0);
        unlink_chunk(s, c);
        chunk_free(s, c);
    }
}
