/* live/waiting.c
 * SPDX-License-Identifier: MIT */
#include "live/waiting.h"

enum { FIRST = 4 };

static size_t size_of(uint32_t cap) {
    return sizeof(cstar__waiting) + cap * sizeof(cstar__packet *);
}

static cstar__packet **item(cstar__waiting *w, uint32_t i) {
    return &w->items[(w->head + i) & (w->cap - 1)];
}

/* NULL: out of memory, nothing has changed. */
static cstar__waiting *grow(cstar__waiting **w, const cstar_allocator *alloc) {
    cstar__waiting *old = *w;
    const uint32_t cap = old != NULL ? old->cap * 2 : FIRST;
    cstar__waiting *more = alloc->resize(alloc->ctx, NULL, 0, size_of(cap));
    if (more == NULL) {
        return NULL;
    }
    *more = (cstar__waiting){.cap = cap};
    if (old != NULL) {
        more->bytes = old->bytes;
        more->blocked = old->blocked;
        more->spared = old->spared;
        more->n = old->n;
        for (uint32_t i = 0; i < old->n; i++) {
            more->items[i] = *item(old, i);
        }
        (void)alloc->resize(alloc->ctx, old, size_of(old->cap), 0);
    }
    *w = more;
    return more;
}

/* Closes the gap from the newer side: what waits long is old. */
static void remove_at(cstar__waiting *w, uint32_t i) {
    cstar__packet *p = *item(w, i);
    const bool is_spared = i < w->spared;
    for (; i + 1 < w->n; i++) {
        *item(w, i) = *item(w, i + 1);
    }
    w->n--;
    if (is_spared) {
        w->spared--;
    } else {
        w->bytes -= cstar__waiting_weight(p);
    }
    cstar__packet_unref(p);
}

static bool remove_same(cstar__waiting *w, const cstar__packet *p) {
    if (p->key.len == 0 || w == NULL) {
        return false;
    }
    for (uint32_t i = w->n; i-- != 0;) {
        if (cstar__packet_same_key(*item(w, i), p)) {
            remove_at(w, i);
            return true;
        }
    }
    return false;
}

bool cstar__waiting_put(cstar__waiting **w, const cstar_allocator *alloc, cstar__packet *p,
                        bool *replaced) {
    cstar__waiting *q = *w != NULL && (*w)->n < (*w)->cap ? *w : grow(w, alloc);
    *replaced = false;
    if (q == NULL) {
        return false;
    }
    *replaced = remove_same(q, p);
    cstar__packet_ref(p);
    *item(q, q->n) = p;
    q->n++;
    q->bytes += cstar__waiting_weight(p);
    return true;
}

bool cstar__waiting_put_missed(cstar__waiting **w, const cstar_allocator *alloc, cstar__packet *p) {
    bool replaced = false;
    if (!cstar__waiting_put(w, alloc, p, &replaced)) {
        return false;
    }
    (*w)->bytes -= cstar__waiting_weight(p);
    (*w)->spared++;
    return true;
}

size_t cstar__waiting_peek(const cstar__waiting *w, const cstar__shared **pieces, size_t most) {
    const size_t n = w->n < most ? w->n : most;
    for (size_t i = 0; i < n; i++) {
        pieces[i] = &w->items[(w->head + i) & (w->cap - 1)]->wire;
    }
    return n;
}

void cstar__waiting_take(cstar__waiting *w, size_t n) {
    for (; n != 0; n--) {
        cstar__packet *p = w->items[w->head];
        w->head = (w->head + 1) & (w->cap - 1);
        w->n--;
        if (w->spared != 0) {
            w->spared--;
        } else {
            w->bytes -= cstar__waiting_weight(p);
        }
        cstar__packet_unref(p);
    }
}

void cstar__waiting_drop(cstar__waiting *w) { remove_at(w, w->spared); }

void cstar__waiting_free(cstar__waiting **w, const cstar_allocator *alloc) {
    if (*w != NULL) {
        cstar__waiting_take(*w, (*w)->n);
        (void)alloc->resize(alloc->ctx, *w, size_of((*w)->cap), 0);
        *w = NULL;
    }
}
