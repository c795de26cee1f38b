/* live/keepsakes.h -- the latest signals of pages whose streams have gone, in case they come back.
 *
 *     the stream is over:    registry ─▶ cstar__keepsakes_put({scope, tab, page}, share, signals)
 *     an event meanwhile:    registry ─▶ cstar__keepsakes_put(...), the newer ones
 *     the page comes back:   cstar__keepsakes_take(...) ─▶ registry
 *
 * A client that opens its stream again sends what it said at first, not what it has by now: what
 * the server knows is newer. Another load of the page is another page, and is given nothing of
 * this.
 *
 * Anybody can invent tabs and send their events. So each keepsake counts for a share, of 256, which
 * follows from its client's address; where there are too many, the oldest of the largest share
 * goes.
 *
 * Invariants: 1. At most `max_count`, and `max_bytes` with their overhead: of the share that has
 * most of what there is too much of, the oldest goes. 2. None is given out behind `max_ms`. 3. What
 * failed changed nothing, but that older ones may have gone.
 * Absent: a clock, or a thread, that throws old ones away: whoever puts one in does, a few each.
 * Threads: [any thread], but new and free. One lock, held for a look-up and a copy; no other is
 * taken under it. The registry's may be held.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_KEEPSAKES_H
#define CSTAR_LIVE_KEEPSAKES_H

#include "cstar/base.h"

typedef struct cstar__keepsakes cstar__keepsakes;

typedef struct cstar__keepsakes_opts { /* zero is the default of every field but `now` */
    const cstar_allocator *alloc;      /* borrowed for its life, thread-safe; NULL: cstar_heap() */
    size_t max_count;                  /* 0: 100 000 */
    size_t max_bytes;                  /* of all, with about 80 for each; 0: 64 MiB */
    size_t max_signals;                /* bytes of one; 0: 64 KiB */
    uint64_t max_ms;                   /* that one is kept; 0: 15 minutes */
    uint64_t seed[2];                  /* a secret of the process: strangers choose tab ids */
    uint64_t (*now)(void *arg);        /* milliseconds of a steady clock [any thread] */
    void *arg;
} cstar__keepsakes_opts;

typedef struct cstar__keepsake_key {
    cstar_str scope, tab;
    uint64_t page; /* its hash: cstar__registry_page() */
} cstar__keepsake_key;

/** @return NULL: out of memory. */
CSTAR_MUST_USE cstar__keepsakes *cstar__keepsakes_new(const cstar__keepsakes_opts *opts);
/** With all that is kept. Nobody may be inside. NULL is allowed. */
void cstar__keepsakes_free(cstar__keepsakes *k);
/** Forgets all of them. */
void cstar__keepsakes_clear(cstar__keepsakes *k);

/** The share that what comes from this address counts for; IPv6 by /64, and what is no address as
 * the text that it is. */
uint8_t cstar__keepsakes_share(const cstar__keepsakes *k, cstar_str address);
/** Keeps a copy, in place of the last of that key. CSTAR_ELIMIT: too long; CSTAR_ENOMEM: the last
 * one stays. */
cstar_status cstar__keepsakes_put(cstar__keepsakes *k, const cstar__keepsake_key *key,
                                  uint8_t share, cstar_str signals);
/** Appends them to `out`, and forgets them. CSTAR_ENOENT: there are none, or they are too old; else
 * the status of `out`: if that is an error, they stay. */
cstar_status cstar__keepsakes_take(cstar__keepsakes *k, const cstar__keepsake_key *key,
                                   cstar_buf *out);

/** Forgets the one of that key, if there is one. */
void cstar__keepsakes_forget(cstar__keepsakes *k, const cstar__keepsake_key *key);

/** How many there are; their bytes. */
size_t cstar__keepsakes_count(cstar__keepsakes *k, size_t *bytes);

#endif
