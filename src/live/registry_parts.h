/* live/registry_parts.h -- the inside of a registry, for registry*.c and nobody else.
 *
 *     registry ─▶ shard (lock) ─▶ claims: hash of the key ─▶ entry {owner, pages, signals, key}
 *
 * A generation is a number of its shard's own and the index of that shard in the low 6 bits: that is
 * why no counter is shared.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_REGISTRY_PARTS_H
#define CSTAR_LIVE_REGISTRY_PARTS_H

#include "live/registry.h"
#include "live/slots.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    CSTAR__TAB_SHARD_BITS = 6,
    CSTAR__TAB_SHARDS = 1 << CSTAR__TAB_SHARD_BITS,
    CSTAR__PAGES = 8
};

typedef struct cstar__tab_signals {
    uint32_t len;
    char json[];
} cstar__tab_signals;

/* A key and its owner. Its claim ends with it: there is no entry without an owner. */
typedef struct cstar__entry {
    uint64_t stream, generation;
    uint64_t page;      /* hash of the owner's page; 0: not known */
    uint64_t *replaced; /* CSTAR__PAGES hashes, newest first, 0 behind the last; NULL: none yet */
    cstar__tab_signals *signals; /* NULL: none */
    uint16_t nscope;
    uint8_t ntab;
    uint8_t share; /* of the keepsakes */
    bool behind;   /* its tab has said something that could not be kept, or is lost */
    char key[];    /* scope, tab */
} cstar__entry;

typedef struct cstar__shard {
    pthread_mutex_t lock;
    cstar__slots claims; /* of cstar__entry, by the hash of the key */
    uint64_t last;       /* number of the last generation */
    char apart[56];      /* two shards meet in no cache line for most of what is written */
} cstar__shard;

struct cstar__registry {
    cstar__registry_opts opts; /* with the defaults filled in */
    size_t nshards;            /* whose lock is made */
    /* Counts of all shards: bounds, which order nothing (relaxed). */
    _Atomic size_t claims, signal_bytes;
    cstar__shard shards[CSTAR__TAB_SHARDS];
};

typedef struct cstar__key {
    cstar__shard *shard;
    uint64_t hash;
    cstar_str scope, tab;
} cstar__key;

cstar__key cstar__key_of(cstar__registry *r, cstar_str scope, cstar_str tab);

/** The key's entry; NULL: nobody owns it. Under the shard's lock. */
cstar__entry *cstar__key_entry(const cstar__key *k);

/** Takes `n` from what is left of a count's limit. @return false: there is less left. */
bool cstar__count_take(_Atomic size_t *count, size_t n, size_t limit);
void cstar__count_give(_Atomic size_t *count, size_t n);

/* Under the shard's lock. */

/** Keeps a copy, in place of the last; an empty one forgets it. Errors of
 * cstar__registry_keep_signals(). */
cstar_status cstar__entry_keep(cstar__registry *r, cstar__entry *e, cstar_str json);
/** Forgets the entry's signals. */
void cstar__entry_drop_signals(cstar__registry *r, cstar__entry *e);
/** What its page said last is a keepsake from here on, or that it is lost, if it is behind. Without
 * memory there is none: what was said before would be taken for the last. */
void cstar__entry_remember(cstar__registry *r, const cstar__entry *e);

#endif
