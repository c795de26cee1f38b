/* live/waiting.h -- what waits for one stream's client: references, in order.
 *
 * A NULL queue is an empty one: most streams never have another.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_WAITING_H
#define CSTAR_LIVE_WAITING_H

#include "live/packet.h"

typedef struct cstar__waiting {
    size_t bytes;          /* what the packets count, but for the first `spared` ones */
    uint32_t spared;       /* missed, or early: they are not the client's fault */
    uint32_t head, n, cap; /* cap is a power of two */
    bool blocked;          /* the client takes none: a wake will come */
    cstar__packet *items[];
} cstar__waiting;

/** What a packet counts. */
static inline size_t cstar__waiting_weight(const cstar__packet *p) {
    return p->wire.bytes.len + 64;
}

/** Takes a reference of its own. A packet with the same key that waits already goes. @return false: out
 * of memory, nothing has changed. @param replaced  set if one has gone. */
bool cstar__waiting_put(cstar__waiting **w, const cstar_allocator *alloc, cstar__packet *p,
                        bool *replaced);
/** A further one that the client has missed, before others come. */
bool cstar__waiting_put_missed(cstar__waiting **w, const cstar_allocator *alloc, cstar__packet *p);
/** Up to `most` of the oldest, borrowed. @return how many. */
size_t cstar__waiting_peek(const cstar__waiting *w, const cstar__shared **pieces, size_t most);
/** The oldest `n` go. */
void cstar__waiting_take(cstar__waiting *w, size_t n);
/** The oldest that is not spared goes. There is one. */
void cstar__waiting_drop(cstar__waiting *w);
/** The i-th oldest, to be looked at, or to be put another in the place of that weighs as much. */
static inline cstar__packet **cstar__waiting_at(cstar__waiting *w, size_t i) {
    return &w->items[(w->head + i) & (w->cap - 1)];
}
/** Frees the queue. NULL does nothing. */
void cstar__waiting_free(cstar__waiting **w, const cstar_allocator *alloc);

#endif
