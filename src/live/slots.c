/* slots.c
 * SPDX-License-Identifier: MIT */
#include "live/slots.h"

#include <assert.h>

enum { LEAST = 8 };

void cstar__slots_hint(const cstar__slots *t, uint64_t hash) {
#if defined(__GNUC__) || defined(__clang__)
    if (t->at != NULL) {
        __builtin_prefetch(&t->at[(size_t)hash & (t->cap - 1)]);
    }
#else
    (void)t;
    (void)hash;
#endif
}

static cstar__slot *search(const cstar__slots *t, uint64_t hash, size_t i) {
    for (;; i++) {
        cstar__slot *s = &t->at[i & (t->cap - 1)];
        if (s->hash == hash) {
            return s;
        }
        if (s->hash == 0) {
            return NULL;
        }
    }
}

cstar__slot *cstar__slots_first(const cstar__slots *t, uint64_t hash) {
    assert(hash != 0);
    return t->n != 0 ? search(t, hash, (size_t)hash) : NULL;
}

cstar__slot *cstar__slots_next(const cstar__slots *t, const cstar__slot *s) {
    return search(t, s->hash, (size_t)(s - t->at) + 1);
}

void cstar__slots_put(cstar__slots *t, cstar__slot slot) {
    size_t i = (size_t)slot.hash & (t->cap - 1);
    assert(slot.hash != 0 && t->n < t->cap);
    while (t->at[i].hash != 0) {
        i = (i + 1) & (t->cap - 1);
    }
    t->at[i] = slot;
    t->n++;
}

/* All into an array of another size. */
static bool resize(cstar__slots *t, const cstar_allocator *alloc, size_t cap) {
    cstar__slots fresh = {.cap = cap};
    fresh.at = alloc->resize(alloc->ctx, NULL, 0, cap * sizeof *fresh.at);
    if (fresh.at == NULL) {
        return false;
    }
    memset(fresh.at, 0, cap * sizeof *fresh.at);
    for (size_t i = 0; i < t->cap; i++) {
        if (t->at[i].hash != 0) {
            cstar__slots_put(&fresh, t->at[i]);
        }
    }
    cstar__slots_fini(t, alloc);
    *t = fresh;
    return true;
}

bool cstar__slots_room(cstar__slots *t, const cstar_allocator *alloc) {
    if ((t->n + 1) * 8 <= t->cap * 5) {
        return true;
    }
    return resize(t, alloc, t->cap != 0 ? 2 * t->cap : LEAST);
}

/* Closes the gap at `gap` with what stands behind it and may stand there: no mark of what is gone
 * stays behind, so that a search never gets longer by what was. */
static void close_gap(cstar__slots *t, size_t gap) {
    const size_t mask = t->cap - 1;
    for (size_t i = (gap + 1) & mask; t->at[i].hash != 0; i = (i + 1) & mask) {
        const size_t home = (size_t)t->at[i].hash & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            t->at[gap] = t->at[i];
            gap = i;
        }
    }
    t->at[gap] = (cstar__slot){.hash = 0};
}

void cstar__slots_remove(cstar__slots *t, const cstar_allocator *alloc, cstar__slot *s) {
    close_gap(t, (size_t)(s - t->at));
    t->n--;
    if (t->cap > LEAST && t->n * 8 < t->cap) {
        (void)resize(t, alloc, t->cap / 2); /* else it stays large */
    }
}

void cstar__slots_fini(cstar__slots *t, const cstar_allocator *alloc) {
    if (t->at != NULL) {
        alloc->resize(alloc->ctx, t->at, t->cap * sizeof *t->at, 0);
    }
    *t = (cstar__slots){.at = NULL};
}
