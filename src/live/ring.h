/* live/ring.h -- the newest packets of one topic, by id, for streams that come back and ask for
 * what they have missed.
 *
 *     cstar__ring ring;
 *     cstar__ring_init(&ring, alloc, &(cstar__ring_opts){.count = 100, .ref = r, .unref = u});
 *     cstar__ring_put(&ring, (cstar__ring_entry){.id = id, .at_ms = now, .bytes = n, .packet = p});
 *     rc = cstar__ring_since(&ring, last_event_id, send_it, stream);
 *
 * 1. Ids grow from entry to entry. They are the hub's, so one topic's have gaps that mean nothing.
 * 2. What the ring has is the newest of what was put, without a hole: what goes, goes oldest first.
 *    If it keeps the newest of each key alone (`key`), an entry is superseded by the next one with
 *    its key: that is no hole, as nobody needs it who gets the newer one.
 * 3. `gone` is the id of the newest entry that went, other than by being superseded. Whoever has
 *    seen that or more finds all that he missed; whoever has not may have missed something that is
 *    nowhere any more.
 * 4. count, bytes and age hold after every put; age also after cstar__ring_expire().
 *
 * Out of memory costs history, oldest first, at worst all of it, and is never an error.
 * Memory: none until the first put; twice the space when it is full, half when a quarter is used,
 * none when it is empty again. Places of superseded entries are used again when the array is full.
 * A packet is held by one reference.
 * Threads: one at a time; nothing is locked here.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_RING_H
#define CSTAR_LIVE_RING_H

#include "cstar/base.h"

typedef struct cstar__ring_entry {
    uint64_t id;    /* 1 or more */
    uint64_t at_ms; /* when; of a clock that doesn't go back, else entries only live longer */
    size_t bytes;   /* what it counts for against the limit */
    void *packet;   /* not NULL; in the ring, NULL: superseded */
    uint32_t hash;  /* private: of its key; 0: it has none */
    uint32_t next;  /* private: place of the next one in its chain, + 1; 0: none */
} cstar__ring_entry;

typedef struct cstar__ring_opts {
    size_t count;    /* entries at most; 0: no history at all, and nothing is ever allocated */
    size_t bytes;    /* of them together; 0: no limit */
    uint64_t max_ms; /* of age; 0: no limit */
    /* Called when a packet comes in and when it goes. May not use the ring. NULL: nothing to do */
    void (*ref)(void *packet);
    void (*unref)(void *packet);
    /* Keeps the newest of each key alone: the key of a packet, as long as that lives; empty: it has
     * none. NULL: all are kept */
    cstar_str (*key)(const void *packet);
    uint64_t seed[2]; /* of the hash of keys */
} cstar__ring_opts;

typedef struct cstar__ring {
    const cstar_allocator *alloc;
    cstar__ring_opts opts;
    cstar__ring_entry *entries; /* a power of two of them, or NULL */
    size_t space;               /* how many */
    uint32_t *heads;            /* `space` chains of places by hash; NULL: no keys */
    size_t first;               /* index of the oldest, which is not superseded */
    size_t places;              /* in use, from `first` on, round the end */
    size_t count;               /* of them that are not superseded */
    size_t bytes;               /* sum of them */
    uint64_t gone;              /* newest id that is no longer here; 0: none */
    uint64_t last;              /* newest id that was put; 0: none */
} cstar__ring;

/**
 * Allocates nothing yet.
 * @param alloc  borrowed for its life.
 * @param opts   copied.
 */
void cstar__ring_init(cstar__ring *r, const cstar_allocator *alloc, const cstar__ring_opts *opts);
/** Gives all packets back. */
void cstar__ring_fini(cstar__ring *r);

/** The newest entry; its id is larger than all before (asserted). It supersedes the one with its
 * key. Older ones go as the limits say; one that is over `bytes` by itself goes too, and with it
 * everything. */
void cstar__ring_put(cstar__ring *r, cstar__ring_entry e);

/** Lets go what is too old. Ids that are gone are then no longer found; run it before
 * cstar__ring_since() and now and then, so that a silent topic keeps nothing. */
void cstar__ring_expire(cstar__ring *r, uint64_t now_ms);

/**
 * What came after `id`, oldest first. An id beyond the newest is all right, as it may be another
 * topic's: nothing was missed. (One that the hub has not given out yet is of another server's life;
 * the ring can't know that, the hub must ask first.)
 * @param fn  gets each; returns false to stop. May not change the ring; a packet is valid during
 *            the call, unless `fn` takes a reference. NULL: only the answer is wanted.
 * @return CSTAR_OK: these are exactly the entries that were put after `id` and not superseded, or
 *         those up to the one where `fn` stopped. CSTAR_ENOENT: some are no longer here, and `fn`
 *         was not called.
 */
CSTAR_MUST_USE cstar_status cstar__ring_since(const cstar__ring *r, uint64_t id,
                                              bool (*fn)(void *arg, const cstar__ring_entry *e),
                                              void *arg);

#endif
