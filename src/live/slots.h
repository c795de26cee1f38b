/* live/slots.h -- a table of small things by a 64-bit hash: open addressing, grows and shrinks.
 *
 *     if (!cstar__slots_room(&t, alloc)) return CSTAR_ENOMEM;       // the only step that can fail
 *     cstar__slots_put(&t, (cstar__slot){.hash = h, .u.ptr = thing});
 *     for (cstar__slot *s = cstar__slots_first(&t, h); s != NULL; s = cstar__slots_next(&t, s)) ...
 *
 * A look-up reads one run of neighbouring slots, mostly one cache line, and touches no thing whose
 * hash is another. Several things may have one hash: the caller compares.
 * Invariants: 1. A hash is never 0: that is a free slot. 2. At least 3/8 of the slots are free, so
 * that every search ends. 3. No slot is free between where a hash belongs and where it is.
 * Life: zeroed memory is an empty table. Threads: the caller's lock.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_SLOTS_H
#define CSTAR_LIVE_SLOTS_H

#include "cstar/base.h"

typedef struct cstar__slot {
    uint64_t hash; /* its low bits say where it belongs */
    union {
        void *ptr;
        uint64_t word;
    } u;
} cstar__slot;

typedef struct cstar__slots {
    cstar__slot *at; /* NULL until the first */
    size_t cap;      /* 0 or a power of two */
    size_t n;
} cstar__slots;

/** Frees the slots, not what they point to. */
void cstar__slots_fini(cstar__slots *t, const cstar_allocator *alloc);

/** Makes room for one more. @return false: out of memory, nothing changed. Slots move. */
CSTAR_MUST_USE bool cstar__slots_room(cstar__slots *t, const cstar_allocator *alloc);

/** Puts it in; there must be room. */
void cstar__slots_put(cstar__slots *t, cstar__slot slot);

/** Says that it will be looked for soon. */
void cstar__slots_hint(const cstar__slots *t, uint64_t hash);

/** The first slot with that hash, and the one behind `s` with the same; NULL if there is none. */
cstar__slot *cstar__slots_first(const cstar__slots *t, uint64_t hash);
cstar__slot *cstar__slots_next(const cstar__slots *t, const cstar__slot *s);

/** Takes it out. Slots move. Gives memory back when most is unused and there is memory to do so. */
void cstar__slots_remove(cstar__slots *t, const cstar_allocator *alloc, cstar__slot *s);

#endif
