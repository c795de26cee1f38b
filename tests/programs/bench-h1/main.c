/* bench-h1 -- nanoseconds per request through the HTTP/1.1 machine: no socket, no loop; feed a
 * request of about 350 bytes, answer 200 with 300 bytes, throw the output away.
 *
 *     bench-h1 [requests per round]
 *
 * Prints the best and the median of 15 rounds, and counts allocations in the last.
 * SPDX-License-Identifier: MIT */
#include "http/h1.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 15 };

static const char get_request[] =
    "GET /counter?tab=0123456789abcdef HTTP/1.1\r\n"
    "Host: 127.0.0.1:8080\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n"
    "Accept: text/event-stream, text/html, application/json\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Datastar-Request: true\r\n"
    "Referer: http://127.0.0.1:8080/counter\r\n"
    "Connection: keep-alive\r\n"
    "\r\n";

static const char post_request[] =
    "POST /counter/_event/increment HTTP/1.1\r\n"
    "Host: 127.0.0.1:8080\r\n"
    "Accept: text/event-stream, text/html, application/json\r\n"
    "Content-Type: application/json\r\n"
    "Datastar-Request: true\r\n"
    "Origin: http://127.0.0.1:8080\r\n"
    "Referer: http://127.0.0.1:8080/counter\r\n"
    "Content-Length: 76\r\n"
    "\r\n"
    "{\"count\":41,\"tabId\":\"6f1c2b52-4f1e-4b3c-9a39-0d2c1b7e8a90\",\"csrf\":\"x\",\"a\":1}";

typedef struct counter {
    size_t allocations;
} counter;

static void *resize(void *ctx, void *ptr, size_t old_size, size_t new_size) {
    const cstar_allocator *heap = cstar_heap();
    ((counter *)ctx)->allocations += new_size != 0;
    return heap->resize(heap->ctx, ptr, old_size, new_size);
}

static char page[300];

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
static void on_close(void *ctx, cstar__exchange *x) {
    (void)x;
    ++*(size_t *)ctx;
}

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

static int measure(const char *name, const char *request, size_t len, size_t requests) {
    counter count = {0};
    size_t served = 0;
    size_t before = 0;
    const cstar_allocator alloc = {resize, &count};
    cstar__exchange_pool pool;
    cstar__exchange_pool_init(&pool, &alloc);
    const cstar__handler handler = {&served, on_head, on_body, on_end, on_close, NULL, NULL, NULL};
    const cstar__env env = {.handler = &handler,
                            .alloc = &alloc,
                            .pool = &pool,
                            .date = "Sat, 21 Nov 2026 02:13:33 GMT"};
    cstar_buf out;
    cstar_buf_init(&out, &alloc, 0);
    cstar__h1 m;
    cstar__h1_init(&m, &env, NULL, &out);
    double rounds[ROUNDS];
    for (size_t r = 0; r < ROUNDS; r++) {
        before = count.allocations;
        double start = now();
        for (size_t i = 0; i < requests; i++) {
            (void)cstar__h1_feed(&m, request, len);
            cstar_buf_reset(&out);
        }
        rounds[r] = (now() - start) / (double)requests;
    }
    size_t allocations = count.allocations - before;
    qsort(rounds, ROUNDS, sizeof rounds[0], by_value);
    (void)printf(
        "%-5s %zu bytes: %.0f ns per request (median %.0f), %zu allocations in %zu requests\n",
        name, len, rounds[0], rounds[ROUNDS / 2], allocations, requests);
    cstar__h1_fini(&m);
    cstar__exchange_pool_fini(&pool);
    cstar_buf_fini(&out);
    return served == ROUNDS * requests && allocations == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    size_t requests = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 100000;
    memset(page, 'x', sizeof page);
    int rc = measure("GET", get_request, sizeof get_request - 1, requests);
    return rc | measure("POST", post_request, sizeof post_request - 1, requests);
}
