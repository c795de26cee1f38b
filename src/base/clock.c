/* clock.c -- integers that never repeat.
 * SPDX-License-Identifier: MIT */
#include "cstar/base.h"

#include <time.h>

static uint64_t wall_microseconds(void) {
    struct timespec now = {0};
    (void)timespec_get(&now, TIME_UTC);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t cstar_ticker_next(cstar_ticker *t) {
    uint64_t now = wall_microseconds();
    /* Relaxed would do for uniqueness; the exchange itself is what makes two threads get two
     * numbers. */
    uint64_t last = __atomic_load_n(&t->last, __ATOMIC_RELAXED);
    uint64_t next = 0;
    do {
        next = now > last ? now : last + 1;
    } while (!__atomic_compare_exchange_n(&t->last, &last, next, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return next;
}
