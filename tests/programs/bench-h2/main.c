/* bench-h2 -- nanoseconds per request through the HTTP/2 machine: no socket, no loop; eight streams
 * at a time are fed in one piece, each answered 200 with 300 bytes, the output is thrown away. The
 * client's bytes are made beforehand, so only the server is measured.
 *
 *     bench-h2 [rounds of 8 requests]
 *
 * Prints the best and the median of 15 rounds, and counts allocations in the last.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WITH_HTTP2
#define CSTAR_WITH_HTTP2 1
#endif

#include <stdio.h>
#include <stdlib.h>

#if CSTAR_WITH_HTTP2

#include "http/h2.h"

#include <time.h>

enum { ROUNDS = 15, STREAMS = 8, PAGE = 300 };

static const char body[] =
    "{\"count\":41,\"tabId\":\"6f1c2b52-4f1e-4b3c-9a39-0d2c1b7e8a90\",\"csrf\":\"x\",\"a\":1}";

typedef struct counter {
    size_t allocations;
} counter;

static void *resize(void *ctx, void *ptr, size_t old_size, size_t new_size) {
    const cstar_allocator *heap = cstar_heap();
    ((counter *)ctx)->allocations += new_size != 0;
    return heap->resize(heap->ctx, ptr, old_size, new_size);
}

static char page[PAGE];

static void on_head(void *ctx, cstar__exchange *x) {
    (void)ctx;
    x->max_body = 4096;
}
static void on_body(void *ctx, cstar__exchange *x, const char *ptr, size_t len) {
    (void)ctx;
    (void)x;
    (void)ptr;
    (void)len;
}
static void on_end(void *ctx, cstar__exchange *x) {
    static const cstar__field fields[] = {{{"Content-Type", 12}, {"text/html; charset=utf-8", 24}},
                                          {{"Cache-Control", 13}, {"no-cache", 8}}};
    (void)ctx;
    (void)cstar__respond(x, 200, fields, 2, cstar_view(page, sizeof page));
}
static void on_close(void *ctx, cstar__exchange *x) { *(size_t *)ctx += !x->broken; }

static double now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- the client's bytes --------------------------------------------------------------------- */

static void put_frame(cstar_buf *b, int type, int flags, uint32_t id, cstar_str payload) {
    const unsigned char head[9] = {0,
                                   (unsigned char)(payload.len >> 8),
                                   (unsigned char)payload.len,
                                   (unsigned char)type,
                                   (unsigned char)flags,
                                   (unsigned char)(id >> 24),
                                   (unsigned char)(id >> 16),
                                   (unsigned char)(id >> 8),
                                   (unsigned char)id};
    cstar_buf_add(b, head, sizeof head);
    cstar_buf_str(b, payload);
}

static void put_text(cstar_buf *b, const char *text) {
    cstar_buf_byte(b, (char)strlen(text));
    cstar_buf_puts(b, text);
}

/* `first`: 0x40 to put it into the table, 0 not to. */
static void put_field(cstar_buf *b, char first, const char *name, const char *value) {
    cstar_buf_byte(b, first);
    put_text(b, name);
    put_text(b, value);
}

static const char *const common[][2] = {
    {":authority", "127.0.0.1:8080"},
    {":path", "/counter/_event/increment"},
    {"accept", "text/event-stream, text/html, application/json"},
    {"content-type", "application/json"},
    {"datastar-request", "true"},
    {"origin", "http://127.0.0.1:8080"},
    {"referer", "http://127.0.0.1:8080/counter"},
};
enum { COMMON = sizeof common / sizeof common[0] };

/* A head as a browser sends it: in full the first time, then by its places in the table. */
static void put_head(cstar_buf *b, bool first, bool post) {
    cstar_buf_byte(b, (char)(post ? 0x83 : 0x82)); /* :method */
    cstar_buf_byte(b, (char)0x86);                 /* :scheme http */
    for (size_t i = 0; i < COMMON; i++) {
        if (first) {
            put_field(b, 0x40, common[i][0], common[i][1]);
        } else {
            cstar_buf_byte(b, (char)(0x80 | (62 + (COMMON - 1 - i))));
        }
    }
}

static void put_request(cstar_buf *b, cstar_buf *block, uint32_t id, bool post) {
    cstar_buf_reset(block);
    put_head(block, id == 1, post);
    put_frame(b, 1, post ? 4 : 5, id, cstar_buf_view(block));
    if (post) {
        put_frame(b, 0, 1, id, cstar_view(body, sizeof body - 1));
    }
}

/* The client takes what it gets: both windows are opened again, as nghttp2 would after half of
 * it. */
static void put_round(cstar_buf *b, cstar_buf *block, uint32_t round, bool post) {
    for (uint32_t i = 0; i < STREAMS; i++) {
        put_request(b, block, 2 * (round * STREAMS + i) + 1, post);
    }
    if (round % 8 == 7) {
        static const char add[] = {0, 0, (char)(8 * STREAMS * PAGE >> 8),
                                   (char)(8 * STREAMS * PAGE & 255)};
        put_frame(b, 8, 0, 0, cstar_view(add, sizeof add));
    }
}

/* ---- measuring ------------------------------------------------------------------------------ */

typedef struct bench {
    counter count;
    cstar_allocator alloc;
    cstar__exchange_pool pool;
    cstar__handler handler;
    cstar__env env;
    cstar_buf out, in, block;
    size_t served;
} bench;

/* One connection's worth of requests. @return nanoseconds for one. */
static double measure_connection(bench *b, uint32_t rounds, bool post) {
    cstar__h2 *m = cstar__h2_new(&b->env, NULL, &b->out);
    cstar_buf_reset(&b->in);
    cstar_buf_puts(&b->in, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    put_frame(&b->in, 4, 0, 0, CSTAR_STR(""));
    (void)cstar__h2_feed(m, b->in.ptr, b->in.len);
    double sum = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        cstar_buf_reset(&b->in);
        put_round(&b->in, &b->block, r, post);
        cstar_buf_reset(&b->out);
        if (r == 1) {
            b->count.allocations = 0;
        }
        const double start = now();
        (void)cstar__h2_feed(m, b->in.ptr, b->in.len);
        sum += now() - start;
    }
    cstar__h2_free(m);
    return sum / rounds / STREAMS;
}

static int measure(const char *name, uint32_t rounds, bool post) {
    bench b = {.alloc = {resize, &b.count}};
    cstar__exchange_pool_init(&b.pool, &b.alloc);
    b.handler = (cstar__handler){&b.served, on_head, on_body, on_end, on_close, NULL, NULL, NULL};
    b.env = (cstar__env){.handler = &b.handler,
                         .alloc = &b.alloc,
                         .pool = &b.pool,
                         .date = "Sat, 21 Nov 2026 02:13:33 GMT"};
    cstar_buf_init(&b.out, &b.alloc, 0);
    cstar_buf_init(&b.in, cstar_heap(), 0);
    cstar_buf_init(&b.block, cstar_heap(), 0);
    double best[ROUNDS];
    for (size_t r = 0; r < ROUNDS; r++) {
        best[r] = measure_connection(&b, rounds, post);
    }
    qsort(best, ROUNDS, sizeof best[0], by_value);
    (void)printf("%-5s 8 streams: %.0f ns per request (median %.0f), %.2f allocations each\n", name,
                 best[0], best[ROUNDS / 2],
                 (double)b.count.allocations / ((double)(rounds - 1) * STREAMS));
    cstar__exchange_pool_fini(&b.pool);
    cstar_buf_fini(&b.out);
    cstar_buf_fini(&b.in);
    cstar_buf_fini(&b.block);
    return b.served == (size_t)ROUNDS * rounds * STREAMS ? 0 : 1;
}

int main(int argc, char **argv) {
    const uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 5000;
    if (rounds < 2) {
        (void)fputs("at least 2 rounds\n", stderr);
        return 2;
    }
    const int rc = measure("GET", rounds, false);
    return rc | measure("POST", rounds, true);
}

#else
int main(void) {
    (void)puts("built without HTTP/2");
    return 0;
}
#endif
