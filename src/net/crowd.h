/* net/crowd.h -- how many connections each address has.
 *
 * IPv6 counts by /64: that is what one customer is given. Memory is bounded by the number of
 * connections: an address is forgotten with its last one.
 * Threads: [any thread], all; the table is cut into stripes, each with its own lock.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_CROWD_H
#define CSTAR_NET_CROWD_H

#include "http/ip.h"

#include <pthread.h>

enum { CSTAR__CROWD_STRIPES = 32 };

typedef struct cstar__crowd_entry cstar__crowd_entry;

typedef struct cstar__crowd_stripe {
    pthread_mutex_t lock;
    cstar__crowd_entry **buckets; /* NULL while it is empty for the first time */
    size_t nbuckets, nentries;
} cstar__crowd_stripe;

typedef struct cstar__crowd {
    const cstar_allocator *alloc; /* thread-safe */
    uint64_t seed[2];             /* so that nobody can choose addresses that meet in one bucket */
    size_t nstripes;              /* whose lock is made */
    cstar__crowd_stripe stripes[CSTAR__CROWD_STRIPES];
} cstar__crowd;

/** @return false: no lock. cstar__crowd_fini() is due also then, and on zeroed memory. */
bool cstar__crowd_init(cstar__crowd *c, const cstar_allocator *alloc, const uint64_t seed[2]);
void cstar__crowd_fini(cstar__crowd *c);

/** One more of that address. CSTAR_ELIMIT: it has `limit` already; CSTAR_ENOMEM. Then nothing was
 * counted. */
cstar_status cstar__crowd_enter(cstar__crowd *c, const cstar__ip *ip, size_t limit);
/** One less; for each cstar__crowd_enter() that succeeded. */
void cstar__crowd_leave(cstar__crowd *c, const cstar__ip *ip);

/** How many it has. */
size_t cstar__crowd_count(cstar__crowd *c, const cstar__ip *ip);
/** Different addresses in all. */
size_t cstar__crowd_size(cstar__crowd *c);

#endif
