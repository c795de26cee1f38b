/* net/admission.h -- how many connections a server takes: in all, and from one address.
 *
 * Both are taken when a connection has been accepted and given back when it has gone; the address
 * first, so that somebody with too many never costs anybody else a place.
 * Threads: [any thread], all but init and fini.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_ADMISSION_H
#define CSTAR_NET_ADMISSION_H

#include "http/exchange.h"
#include "net/crowd.h"

enum { CSTAR__MAX_PER_ADDRESS = 1024 };

typedef struct cstar__admission {
    cstar__crowd crowd;
    size_t max, per_address;
    bool by_default;            /* per_address was not asked for: loopback is exempt */
    const cstar__cidr *trusted; /* borrowed */
    size_t ntrusted;
    size_t taken;      /* atomic: places. Sequentially consistent, with `waiting` below: who frees
                        * one sees who waits, or who waits sees the free one */
    size_t waiting;    /* atomic: workers that wait for a place */
    bool evict_wanted; /* atomic: one of the other workers should close an idle connection */
} cstar__admission;

typedef struct cstar__admission_opts {
    const cstar_allocator *alloc; /* thread-safe */
    size_t max;                   /* in all; not 0 */
    size_t per_address;           /* 0: CSTAR__MAX_PER_ADDRESS, and none for loopback */
    const cstar__cidr *trusted;   /* never counted; borrowed until fini */
    size_t ntrusted;
    uint64_t seed[2];
} cstar__admission_opts;

/** @return false: no lock; fini is due all the same. */
bool cstar__admission_init(cstar__admission *a, const cstar__admission_opts *opts);
void cstar__admission_fini(cstar__admission *a);

/** Connections in all, if the process may have so many descriptors; some are kept for the rest. */
size_t cstar__admission_derive(size_t descriptors, size_t workers, size_t listeners);

/** CSTAR_ELIMIT: its address has too many; CSTAR_ENOMEM. */
cstar_status cstar__admission_enter(cstar__admission *a, const cstar__peer *peer);
void cstar__admission_leave(cstar__admission *a, const cstar__peer *peer);

/** One of all places. @param force  also if there is none: one is about to become free. */
bool cstar__admission_take(cstar__admission *a, bool force);
void cstar__admission_give(cstar__admission *a);

#endif
