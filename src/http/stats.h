/* http/stats.h -- what one loop has counted since it began.
 *
 *     CSTAR__STAT_ADD(x->stats, requests, 1);
 *
 * Each loop has one, and only its thread writes it; any thread may read it (relaxed: a sum over
 * loops is near the truth, each number by itself never goes back). Gauges are the ones that say so.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_STATS_H
#define CSTAR_HTTP_STATS_H

#include "cstar/base.h"

enum { CSTAR__LATENCIES = 16 };

typedef struct cstar__stats {
    /* connections */
    uint64_t accepted;
    uint64_t open;                /* gauge */
    uint64_t refused_address;     /* one address had too many */
    uint64_t refused_full;        /* the limit of all was reached, and no idle one could go */
    uint64_t evicted_idle;        /* idle ones closed to make room */
    uint64_t accept_failures;     /* descriptors or memory ran out */
    uint64_t timeouts;            /* closed by a deadline */
    uint64_t vanished;            /* HTTP/2 connections, live streams: the peer did not answer */
    uint64_t bytes_in, bytes_out; /* of the sockets */
    uint64_t waiting_bytes;       /* gauge: output that sockets have not taken */
    /* TLS */
    uint64_t handshakes, handshakes_resumed, handshake_failures;
    /* HTTP */
    uint64_t requests[6]; /* complete, by first digit of the status; 0: the peer left before */
    uint64_t refused;     /* answered by the machine itself */
    uint64_t active;      /* gauge: exchanges under way */
    uint64_t h2_connections;
    uint64_t h2_resets_in, h2_resets_out, h2_goaways; /* goaways: for bad behaviour */
    uint64_t streams;                                 /* gauge: streamed responses */
    /* frames of live streams that take gzip, by the block that was sent */
    uint64_t live_gzip_shared, live_gzip_alone;
    /* live streams: frames and messages handed to them; of frames that waited for a slow client, those
     * that a newer one of their key replaced, and that were dropped; streams cut for being slow */
    uint64_t live_delivered, live_coalesced, live_dropped, live_slow_cut;
    uint64_t live_streams; /* gauge */
    /* latency: from the complete head to the end of the response; seconds in microseconds */
    uint64_t latency[CSTAR__LATENCIES]; /* not cumulative; see cstar__latency_limit() */
    uint64_t latency_sum;
} cstar__stats;

/** Upper limit of bucket `i` in microseconds; the last one has none (0). */
uint64_t cstar__latency_limit(size_t i);
/** Counts one request that took so many microseconds. */
void cstar__latency_add(cstar__stats *s, uint64_t us);
/** Adds all of `from` to `to`, number by number. [any thread may own `from`] */
void cstar__stats_sum(cstar__stats *to, const cstar__stats *from);

#define CSTAR__STAT_ADD(s, field, n)                                                               \
    __atomic_store_n(&(s)->field, (s)->field + (uint64_t)(n), __ATOMIC_RELAXED)
#define CSTAR__STAT_SUB(s, field, n)                                                               \
    __atomic_store_n(&(s)->field, (s)->field - (uint64_t)(n), __ATOMIC_RELAXED)

#endif
