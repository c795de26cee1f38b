/* bench-json -- how long one signals document takes to read, check and write, in nanoseconds: the
 * best of several runs.
 * SPDX-License-Identifier: MIT */
#include "cstar/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 200000
#define RUNS 9

/* What a page with a filtered table sends: 259 bytes. */
static const char signals[] =
    "{\"count\":41,\"query\":\"bob \\u0026 co\",\"page\":310245,\"sort\":\"name\",\"desc\":false,"
    "\"user\":{\"name\":\"Ana\",\"age\":37,\"admin\":true},\"ratio\":0.25,\"note\":null,"
    "\"tabId\":\"3f0c2a8e-5b1d-4c7e-9a42-d1e6f7081b2c\","
    "\"csrf\":\"HxQmT0aVb3l1c2hPdk9uZ0NzcmZUb2tlblZhbHVlRm9yVGVzdHM5OTkA\"}";

static cstar_str text(void) { return cstar_view(signals, sizeof signals - 1); }

static double now_ns(void) {
    struct timespec t;
    (void)timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int64_t read_once(cstar_arena *arena) {
    cstar_json *root = cstar_json_read(arena, text(), NULL, NULL);
    int64_t count = cstar_json_int(cstar_json_get(root, "count"), 0);
    cstar_arena_reset(arena, 16384);
    return count;
}

static int64_t check_once(cstar_arena *arena) {
    (void)arena;
    return cstar_json_check(text(), NULL, NULL) == CSTAR_OK ? 41 : 0;
}

static int64_t rewrite_once(cstar_arena *arena) {
    (void)arena;
    char mem[1024];
    cstar_buf out;
    cstar_json_writer w;
    cstar_buf_fixed(&out, mem, sizeof mem);
    cstar_json_writer_init(&w, &out, CSTAR_ESC_EXPR);
    cstar_json_put_val(&w, cstar_val_json(text()));
    return cstar_json_writer_end(&w) == CSTAR_OK ? 41 : 0;
}

static int bench(const char *name, int64_t (*once)(cstar_arena *)) {
    cstar_arena arena;
    cstar_arena_init(&arena, cstar_heap(), 0);
    double best = 1e18;
    int64_t sum = 0;
    for (int run = 0; run < RUNS; run++) {
        double start = now_ns();
        for (int i = 0; i < ROUNDS; i++) {
            sum += once(&arena);
        }
        double spent = (now_ns() - start) / ROUNDS;
        best = spent < best ? spent : best;
    }
    cstar_arena_fini(&arena);
    printf("%-24s %6.0f ns for %zu bytes\n", name, best, sizeof signals - 1);
    return sum == (int64_t)41 * ROUNDS * RUNS ? 0 : 1;
}

int main(void) {
    int failed = bench("read and reset", read_once);
    failed |= bench("check", check_once);
    failed |= bench("rewrite for expressions", rewrite_once);
    return failed != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
