/* net/alarm.h -- alarms of exchanges: a binary heap, the earliest first.
 *
 *     cstar__alarms_set(&a, x, now + ms);
 *     while ((x = cstar__alarms_take(&a, now)) != NULL) ...
 *
 * An exchange has one alarm at most; x->alarm is its place in the heap plus one, kept right as the
 * heap moves, so that setting, moving and dropping one cost O(log n) whoever has how many.
 * Memory: one array, which grows by a quarter, shrinks to half and is freed with the last alarm of many.
 * Threads: one loop. No clock here: times are the caller's, in milliseconds.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_ALARM_H
#define CSTAR_NET_ALARM_H

#include "http/exchange.h"

typedef struct cstar__alarm {
    uint64_t due;
    cstar__exchange *x;
} cstar__alarm;

typedef struct cstar__alarms {
    const cstar_allocator *alloc;
    cstar__alarm *heap;
    size_t n, cap;
} cstar__alarms;

void cstar__alarms_init(cstar__alarms *a, const cstar_allocator *alloc);
/** Forgets all; their exchanges say that none is set. */
void cstar__alarms_fini(cstar__alarms *a);
/** Sets the alarm of `x`, or moves it. CSTAR_ENOMEM: nothing has changed. */
cstar_status cstar__alarms_set(cstar__alarms *a, cstar__exchange *x, uint64_t due);
/** An exchange with an alarm lies at `x` now. */
void cstar__alarms_moved(cstar__alarms *a, cstar__exchange *x);
/** Nothing, if none is set. */
void cstar__alarms_drop(cstar__alarms *a, cstar__exchange *x);
/** The earliest that is due at `now`, which has no alarm any more; NULL: none. */
cstar__exchange *cstar__alarms_take(cstar__alarms *a, uint64_t now);
/** When the earliest is due; UINT64_MAX: there is none. */
uint64_t cstar__alarms_next(const cstar__alarms *a);

#endif
