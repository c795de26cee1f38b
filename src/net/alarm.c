/* alarm.c
 * SPDX-License-Identifier: MIT */
#include "net/alarm.h"

#include <assert.h>

enum { FIRST = 16 };

void cstar__alarms_init(cstar__alarms *a, const cstar_allocator *alloc) {
    *a = (cstar__alarms){.alloc = alloc};
}

static bool resize(cstar__alarms *a, size_t cap) {
    cstar__alarm *heap =
        a->alloc->resize(a->alloc->ctx, a->heap, a->cap * sizeof *heap, cap * sizeof *heap);
    if (heap == NULL && cap != 0) {
        return false;
    }
    a->heap = heap;
    a->cap = cap;
    return true;
}

void cstar__alarms_fini(cstar__alarms *a) {
    for (size_t i = 0; i < a->n; i++) {
        a->heap[i].x->alarm = 0;
    }
    a->n = 0;
    if (a->cap != 0) {
        (void)resize(a, 0);
    }
}

static void put(cstar__alarms *a, size_t i, cstar__alarm alarm) {
    a->heap[i] = alarm;
    alarm.x->alarm = (uint32_t)(i + 1);
}

static void sift_up(cstar__alarms *a, size_t i, cstar__alarm alarm) {
    while (i != 0 && a->heap[(i - 1) / 2].due > alarm.due) {
        put(a, i, a->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(a, i, alarm);
}

static void sift_down(cstar__alarms *a, size_t i, cstar__alarm alarm) {
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < a->n && a->heap[child + 1].due < a->heap[child].due) {
            child++;
        }
        if (child >= a->n || a->heap[child].due >= alarm.due) {
            break;
        }
        put(a, i, a->heap[child]);
        i = child;
    }
    put(a, i, alarm);
}

/* Place `i` is free: the alarm finds its own from there. */
static void settle(cstar__alarms *a, size_t i, cstar__alarm alarm) {
    if (i != 0 && a->heap[(i - 1) / 2].due > alarm.due) {
        sift_up(a, i, alarm);
    } else {
        sift_down(a, i, alarm);
    }
}

cstar_status cstar__alarms_set(cstar__alarms *a, cstar__exchange *x, uint64_t due) {
    const cstar__alarm alarm = {due, x};
    if (x->alarm != 0) {
        assert(a->heap[x->alarm - 1].x == x);
        settle(a, x->alarm - 1, alarm);
        return CSTAR_OK;
    }
    if (a->n == a->cap && !resize(a, a->cap != 0 ? a->cap + a->cap / 4 : FIRST)) {
        return CSTAR_ENOMEM;
    }
    a->n++;
    sift_up(a, a->n - 1, alarm);
    return CSTAR_OK;
}

void cstar__alarms_drop(cstar__alarms *a, cstar__exchange *x) {
    if (x->alarm == 0) {
        return;
    }
    const size_t i = x->alarm - 1;
    assert(a->heap[i].x == x);
    x->alarm = 0;
    a->n--;
    if (i != a->n) {
        settle(a, i, a->heap[a->n]);
    }
    if (a->cap > FIRST && a->n < a->cap / 4) {
        (void)resize(a, a->cap / 2); /* else it stays as large as it was */
    }
}

void cstar__alarms_moved(cstar__alarms *a, cstar__exchange *x) { a->heap[x->alarm - 1].x = x; }

cstar__exchange *cstar__alarms_take(cstar__alarms *a, uint64_t now) {
    if (a->n == 0 || a->heap[0].due > now) {
        return NULL;
    }
    cstar__exchange *x = a->heap[0].x;
    cstar__alarms_drop(a, x);
    return x;
}

uint64_t cstar__alarms_next(const cstar__alarms *a) {
    return a->n != 0 ? a->heap[0].due : UINT64_MAX;
}
