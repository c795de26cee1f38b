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
#include "support/benchrig.h"

enum { STREAMS = 8, PAGE = BENCHRIG_PAGE };

static const char body[] =
    "{\"count\":41,\"tabId\":\"6f1c2b52-4f1e-4b3c-9a39-0d2c1b7e8a90\",\"csrf\":\"x\",\"a\":1}";

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
    benchrig rig;
    cstar_buf in, block;
} bench;

/* One connection's worth of requests. @return nanoseconds for one. */
static double measure_connection(bench *b, uint32_t rounds, bool post) {
    cstar__h2 *m = cstar__h2_new(&b->rig.env, NULL, &b->rig.out);
    cstar_buf_reset(&b->in);
    cstar_buf_puts(&b->in, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    put_frame(&b->in, 4, 0, 0, CSTAR_STR(""));
    (void)cstar__h2_feed(m, b->in.ptr, b->in.len);
    double sum = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        cstar_buf_reset(&b->in);
        put_round(&b->in, &b->block, r, post);
        cstar_buf_reset(&b->rig.out);
        if (r == 1) {
            b->rig.allocations = 0;
        }
        const double start = benchrig_now();
        (void)cstar__h2_feed(m, b->in.ptr, b->in.len);
        sum += benchrig_now() - start;
    }
    cstar__h2_free(m);
    return sum / rounds / STREAMS;
}

static int measure(const char *name, uint32_t rounds, bool post) {
    bench b;
    benchrig_init(&b.rig);
    cstar_buf_init(&b.in, cstar_heap(), 0);
    cstar_buf_init(&b.block, cstar_heap(), 0);
    for (size_t r = 0; r < BENCHRIG_ROUNDS; r++) {
        b.rig.rounds[r] = measure_connection(&b, rounds, post);
    }
    benchrig_sort(&b.rig);
    (void)printf("%-5s 8 streams: %.0f ns per request (median %.0f), %.2f allocations each\n", name,
                 b.rig.rounds[0], b.rig.rounds[BENCHRIG_ROUNDS / 2],
                 (double)b.rig.allocations / ((double)(rounds - 1) * STREAMS));
    benchrig_fini(&b.rig);
    cstar_buf_fini(&b.in);
    cstar_buf_fini(&b.block);
    return b.rig.served == (size_t)BENCHRIG_ROUNDS * rounds * STREAMS ? 0 : 1;
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
