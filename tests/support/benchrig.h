/* benchrig.h -- what the benchmarks of the HTTP machines share: memory that is counted, and a
 * handler that answers everything 200 with BENCHRIG_PAGE bytes.
 *
 *     benchrig b;
 *     benchrig_init(&b);
 *     ... a machine with &b.env and &b.out; b.rounds[0 .. BENCHRIG_ROUNDS - 1] by benchrig_now()
 *     benchrig_sort(&b);                          // the best is the first
 *     benchrig_fini(&b);                          // after the machine
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_BENCHRIG_H
#define CSTAR_TESTS_BENCHRIG_H

#include "http/env.h"

#include <stdlib.h>
#include <time.h>

enum { BENCHRIG_ROUNDS = 15, BENCHRIG_PAGE = 300 };

typedef struct benchrig {
    size_t allocations, served;
    cstar_allocator alloc;
    cstar__exchange_pool pool;
    cstar__handler handler;
    cstar__env env;
    cstar_buf out;
    double rounds[BENCHRIG_ROUNDS]; /* nanoseconds per request */
} benchrig;

static inline void *benchrig_resize(void *ctx, void *ptr, size_t old_size, size_t new_size) {
    const cstar_allocator *heap = cstar_heap();
    ((benchrig *)ctx)->allocations += new_size != 0;
    return heap->resize(heap->ctx, ptr, old_size, new_size);
}

static inline void benchrig_on_head(void *ctx, cstar__exchange *x) {
    (void)ctx;
    x->max_body = 4096;
}

static inline void benchrig_on_body(void *ctx, cstar__exchange *x, const char *ptr, size_t len) {
    (void)ctx;
    (void)x;
    (void)ptr;
    (void)len;
}

static inline void benchrig_on_end(void *ctx, cstar__exchange *x) {
    static const char page[BENCHRIG_PAGE];
    static const cstar__field fields[] = {{{"Content-Type", 12}, {"text/html; charset=utf-8", 24}},
                                          {{"Cache-Control", 13}, {"no-cache", 8}}};
    (void)ctx;
    (void)cstar__respond(x, 200, fields, 2, cstar_view(page, sizeof page));
}

static inline void benchrig_on_close(void *ctx, cstar__exchange *x) {
    ((benchrig *)ctx)->served += !x->broken;
}

static inline void benchrig_init(benchrig *b) {
    *b = (benchrig){.alloc = {benchrig_resize, b},
                    .handler = {.ctx = b,
                                .on_head = benchrig_on_head,
                                .on_body = benchrig_on_body,
                                .on_end = benchrig_on_end,
                                .on_close = benchrig_on_close}};
    cstar__exchange_pool_init(&b->pool, &b->alloc);
    b->env = (cstar__env){.handler = &b->handler,
                          .alloc = &b->alloc,
                          .pool = &b->pool,
                          .date = "Sat, 21 Nov 2026 02:13:33 GMT"};
    cstar_buf_init(&b->out, &b->alloc, 0);
}

static inline void benchrig_fini(benchrig *b) {
    cstar__exchange_pool_fini(&b->pool);
    cstar_buf_fini(&b->out);
}

static inline double benchrig_now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline int benchrig_by_value(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline void benchrig_sort(benchrig *b) {
    qsort(b->rounds, BENCHRIG_ROUNDS, sizeof b->rounds[0], benchrig_by_value);
}

#endif
