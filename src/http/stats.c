/* http/stats.c
 * SPDX-License-Identifier: MIT */
#include "http/stats.h"

static const uint64_t limits[CSTAR__LATENCIES] = {50,     100,     250,     500,   1000,   2500,
                                                  5000,   10000,   25000,   50000, 100000, 250000,
                                                  500000, 1000000, 5000000, 0};

uint64_t cstar__latency_limit(size_t i) { return i < CSTAR__LATENCIES ? limits[i] : 0; }

void cstar__latency_add(cstar__stats *s, uint64_t us) {
    size_t i = 0;
    while (i < CSTAR__LATENCIES - 1 && us > limits[i]) {
        i++;
    }
    CSTAR__STAT_ADD(s, latency[i], 1);
    CSTAR__STAT_ADD(s, latency_sum, us);
}

/* All members are uint64_t: one loop over them. */
void cstar__stats_sum(cstar__stats *to, const cstar__stats *from) {
    uint64_t *sum = (uint64_t *)(void *)to;
    const uint64_t *part = (const uint64_t *)(const void *)from;
    for (size_t i = 0; i < sizeof *to / sizeof *sum; i++) {
        sum[i] += __atomic_load_n(&part[i], __ATOMIC_RELAXED);
    }
}
