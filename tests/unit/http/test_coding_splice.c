/* test_coding_splice.c -- spliced gzip streams against zlib's decoder: whatever order streams join,
 * lose, get and leave in, what is decoded is what was sent, at once and to the byte.
 *
 * SPDX-License-Identifier: MIT */
#include "http/coding_splice.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#if CSTAR_WITH_GZIP

#include <zlib.h>

static uint32_t dice(uint32_t sides) {
    static uint32_t x = 11;
    x = x * 1664525u + 1013904223u;
    return (x >> 8) % sides;
}

/* ---- streams: what is sent is decoded as it comes ------------------------------------------- */

typedef struct stream {
    cstar__splice st;
    z_stream z;
    bool open, got_head;
} stream;

static char decoded[200000];

/* Decodes `wire`, to the last byte; what comes out is `plain`, to the last byte. */
static int decode(stream *s, cstar_str wire, cstar_str plain) {
    union {
        const char *in;
        Bytef *z;
    } from = {.in = wire.ptr};
    s->z.next_in = from.z;
    s->z.avail_in = (uInt)wire.len;
    s->z.next_out = (Bytef *)decoded;
    s->z.avail_out = sizeof decoded;
    int rc = inflate(&s->z, Z_SYNC_FLUSH);
    assert_int_equal(s->z.avail_in, 0);
    assert_int_equal(sizeof decoded - s->z.avail_out, plain.len);
    assert_memory_equal(decoded, plain.ptr, plain.len);
    return rc;
}

static void open_stream(stream *s) {
    *s = (stream){.open = true};
    assert_int_equal(inflateInit2(&s->z, 15 + 16), Z_OK); /* gzip: it checks the trailer */
}

static void send_piece(stream *s, cstar_str bytes, cstar_str plain) {
    cstar_str head = cstar__splice_head(&s->st);
    if (!s->got_head) {
        assert_int_equal(head.len, CSTAR__SPLICE_HEAD);
        assert_int_equal(decode(s, head, cstar_view("", 0)), Z_OK);
        s->got_head = true;
    } else {
        assert_int_equal(head.len, 0);
    }
    assert_int_equal(decode(s, bytes, plain), Z_OK);
}

static void close_stream(stream *s) {
    char mem[CSTAR__SPLICE_HEAD + CSTAR__SPLICE_TAIL];
    static const cstar__splice zero;
    cstar_buf out;
    cstar_buf_fixed(&out, mem, sizeof mem);
    assert_int_equal(cstar__splice_end(&s->st, &out), CSTAR_OK);
    assert_int_equal(out.len, s->got_head ? CSTAR__SPLICE_TAIL : sizeof mem);
    assert_int_equal(decode(s, cstar_buf_view(&out), cstar_view("", 0)), Z_STREAM_END);
    assert_int_equal(inflateEnd(&s->z), Z_OK);
    assert_memory_equal(&s->st, &zero, sizeof zero);
    s->open = false;
}

/* ---- events --------------------------------------------------------------------------------- */

/* Mostly alike, so that pieces refer far back; some of noise, some long. */
static cstar_str some_event(void) {
    static char text[100000];
    uint32_t kind = dice(200);
    size_t len = 0;
    if (kind == 0) { /* more than a window and a block of symbols have room for */
        len = 30000 + dice(60000);
        for (size_t i = 0; i < len; i++) {
            text[i] = "<td>0123456789</td>"[dice(19)];
        }
    } else if (kind < 20) {
        len = 1 + dice(3000);
        for (size_t i = 0; i < len; i++) {
            text[i] = (char)(unsigned char)dice(256);
        }
    } else {
        int n = snprintf(text, sizeof text,
                         "event: datastar-patch-signals\ndata: signals {\"n\":%u,\"m\":%u}\n\n",
                         (unsigned)dice(1000), (unsigned)dice(3));
        assert_true(n > 0);
        len = kind < 50 ? 1 + dice((uint32_t)n) : (size_t)n;
    }
    return cstar_view(text, len);
}

/* ---- the property --------------------------------------------------------------------------- */

enum { TOPICS = 3, STREAMS = 6, STEPS = 60, RUNS = 2000 };

typedef struct world {
    cstar__splicer topics[TOPICS], solo;
    stream streams[STREAMS];
    unsigned shared, alone;
} world;

static void open_world(world *w, const cstar_allocator *alloc) {
    memset(w, 0, sizeof *w);
    for (uint32_t i = 0; i < TOPICS; i++) {
        cstar__splicer_opts o = {.level = (int)dice(10),
                                 .window = dice(2) == 0 ? 0 : 9 + (int)dice(7),
                                 .key_every = dice(12),
                                 .key_when_asked = dice(3) == 0,
                                 .source = dice(8) != 0 ? i + 1 : 0};
        cstar__splicer_init(&w->topics[i], alloc, &o);
    }
    cstar__splicer_init(&w->solo, alloc, NULL);
}

static void close_world(world *w) {
    for (size_t i = 0; i < STREAMS; i++) {
        if (w->streams[i].open) {
            close_stream(&w->streams[i]);
        }
    }
    for (size_t i = 0; i < TOPICS; i++) {
        cstar__splicer_fini(&w->topics[i]);
    }
    cstar__splicer_fini(&w->solo);
}

/* An event: as the topic's piece, and alone if some stream needs that. */
typedef struct event {
    size_t topic;
    cstar_str plain;
    cstar__spliced piece;
    cstar_buf shared, alone;
} event;

/* For one stream, by the bytes that fit, or now and then by those alone anyhow. */
static void deliver(world *w, stream *s, event *e) {
    bool alone = !cstar__splice_fits(&s->st, &e->piece) || dice(30) == 0;
    if (alone && e->alone.len == 0) {
        assert_int_equal(cstar__splicer_alone(&w->solo, e->plain, &e->alone, NULL), CSTAR_OK);
        cstar__splicer_ask(&w->topics[e->topic]);
    }
    cstar__splice_take(&s->st, &e->piece);
    cstar_str all = cstar_buf_view(alone ? &e->alone : &e->shared);
    send_piece(s, alone ? all : cstar_view(all.ptr + 4, e->piece.size), e->plain);
    w->alone += alone;
    w->shared += !alone;
}

static void publish(world *w) {
    event e = {.topic = dice(5) < 3 ? 0 : dice(TOPICS), .plain = some_event()};
    cstar_buf_init(&e.shared, cstar_heap(), 0);
    cstar_buf_init(&e.alone, cstar_heap(), 0);
    cstar_buf_lit(&e.shared, "head"); /* what was there before stays */
    assert_int_equal(cstar__splicer_add(&w->topics[e.topic], e.plain, &e.shared, &e.piece),
                     CSTAR_OK);
    assert_int_equal(e.piece.size, e.shared.len - 4);
    for (size_t i = 0; i < STREAMS; i++) {
        if (w->streams[i].open && dice(25) != 0) { /* else: dropped in its queue */
            deliver(w, &w->streams[i], &e);
        }
    }
    cstar_buf_fini(&e.shared);
    cstar_buf_fini(&e.alone);
}

/* Something for one stream only. */
static void tell_one(world *w, stream *s) {
    cstar_buf out;
    cstar__spliced piece;
    cstar_str plain = some_event();
    cstar_buf_init(&out, cstar_heap(), 0);
    assert_int_equal(cstar__splicer_alone(&w->solo, plain, &out, &piece), CSTAR_OK);
    assert_int_equal(piece.size, out.len);
    assert_false(cstar__splice_fits(&s->st, &piece));
    cstar__splice_take(&s->st, &piece);
    send_piece(s, cstar_buf_view(&out), plain);
    cstar_buf_fini(&out);
}

static void step(world *w) {
    stream *s = &w->streams[dice(STREAMS)];
    uint32_t what = dice(40);
    if (what < 5 && !s->open) {
        open_stream(s);
    } else if (what == 5 && s->open) {
        close_stream(s);
    } else if (what == 6 && s->open) {
        tell_one(w, s);
    } else if (what == 7) {
        cstar__splicer_rest(&w->topics[dice(TOPICS)]);
    } else {
        publish(w);
    }
}

static void test_random(void **state) {
    (void)state;
    static world w;
    unsigned shared = 0;
    unsigned alone = 0;
    for (int run = 0; run < RUNS; run++) {
        open_world(&w, cstar_heap());
        for (int i = 0; i < STEPS; i++) {
            step(&w);
        }
        close_world(&w);
        shared += w.shared;
        alone += w.alone;
    }
    print_message("%u shared pieces, %u alone\n", shared, alone);
    assert_true(shared > 50000 && alone > 50000); /* both ways were really gone */
}

/* ---- single cases --------------------------------------------------------------------------- */

static cstar__spliced add(cstar__splicer *s, const char *text, cstar_buf *out) {
    cstar__spliced piece = {0};
    cstar_buf_reset(out);
    assert_int_equal(cstar__splicer_add(s, cstar_cstr(text), out, &piece), CSTAR_OK);
    return piece;
}

/* The distance of key frames; who joins gets into step at the next; a miss costs the step. */
static void test_keys(void **state) {
    (void)state;
    cstar__splicer s;
    cstar__splice st = {0};
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 0);
    cstar__splicer_init(&s, cstar_heap(), &(cstar__splicer_opts){.source = 1});
    for (int i = 0; i < 100; i++) {
        cstar__spliced piece = add(&s, "some event, always the same\n\n", &out);
        assert_int_equal(piece.frame, i);
        assert_int_equal(piece.key, i % CSTAR__SPLICE_KEY_EVERY == 0);
        if (i >= 10 && i != 60) { /* joins at 10, misses 60 */
            bool fits = cstar__splice_fits(&st, &piece);
            assert_int_equal(fits, (i >= 25 && i < 60) || i >= 75);
            cstar__splice_take(&st, &piece);
        }
    }
    cstar__splicer_fini(&s);
    cstar_buf_fini(&out);
}

static void test_keys_when_asked(void **state) {
    (void)state;
    cstar__splicer s;
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 0);
    cstar__splicer_init(
        &s, cstar_heap(),
        &(cstar__splicer_opts){.key_every = 10, .key_when_asked = true, .source = 1});
    for (int i = 0; i < 100; i++) {
        if (i == 3 || i == 50 || i == 52) {
            cstar__splicer_ask(&s);
        }
        /* 3 waits for the distance, 50 need not, 52 waits again */
        assert_int_equal(add(&s, "event", &out).key, i == 0 || i == 10 || i == 50 || i == 60);
    }
    cstar__splicer_fini(&s);
    cstar_buf_fini(&out);
}

/* Two sources with the same frame numbers, and one that says it has none. */
static void test_sources(void **state) {
    (void)state;
    cstar__splicer a;
    cstar__splicer b;
    cstar__splicer none;
    cstar__splice st = {0};
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 0);
    cstar__splicer_init(&a, cstar_heap(), &(cstar__splicer_opts){.source = 1});
    cstar__splicer_init(&b, cstar_heap(), &(cstar__splicer_opts){.source = 2});
    cstar__splicer_init(&none, cstar_heap(), NULL);
    cstar__spliced a0 = add(&a, "zero", &out);
    cstar__spliced a1 = add(&a, "one", &out);
    (void)add(&b, "zero", &out);
    cstar__spliced b1 = add(&b, "one", &out);
    cstar__spliced n0 = add(&none, "zero", &out);
    cstar__spliced n1 = add(&none, "one", &out);
    cstar__splice_take(&st, &a0);
    assert_true(cstar__splice_fits(&st, &a1));
    assert_false(cstar__splice_fits(&st, &b1));
    assert_false(cstar__splice_fits(&st, &n1));
    cstar__splice_take(&st, &n0); /* a key frame fits everywhere */
    assert_false(cstar__splice_fits(&st, &n1));
    assert_false(cstar__splice_fits(&st, &a1));
    cstar__splicer_fini(&a);
    cstar__splicer_fini(&b);
    cstar__splicer_fini(&none);
    cstar_buf_fini(&out);
}

/* A topic's own splicer may make something alone: its next piece is a key frame. */
static void test_alone_by_topic(void **state) {
    (void)state;
    cstar__splicer s;
    cstar__spliced own;
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 0);
    cstar__splicer_init(&s, cstar_heap(), &(cstar__splicer_opts){.source = 1});
    (void)add(&s, "a", &out);
    assert_false(add(&s, "b", &out).key);
    assert_int_equal(cstar__splicer_alone(&s, CSTAR_STR("c"), &out, &own), CSTAR_OK);
    cstar__spliced next = add(&s, "d", &out);
    assert_true(next.key);
    assert_int_equal(next.frame, 2);
    cstar__splicer_fini(&s);
    cstar_buf_fini(&out);
}

static void test_refused(void **state) {
    (void)state;
    static const cstar__splicer_opts bad[] = {
        {.level = 10}, {.level = -1}, {.window = 8}, {.window = 16}};
    cstar__spliced piece;
    cstar__splicer s;
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cstar__splicer_init(&s, cstar_heap(), &bad[i]);
        assert_int_equal(cstar__splicer_memory(&bad[i]), 0);
        assert_int_equal(cstar__splicer_add(&s, CSTAR_STR("x"), &out, &piece), CSTAR_EINVAL);
        assert_int_equal(cstar__splicer_alone(&s, CSTAR_STR("x"), &out, &piece), CSTAR_EINVAL);
        cstar__splicer_fini(&s);
    }
    cstar__splicer_init(&s, cstar_heap(), NULL);
    cstar_str empty = cstar_view("", 0); /* no bytes: an HTTP chunk of them would end the body */
    cstar_str huge = cstar_view("", ((size_t)1 << 30) + 1);
    assert_int_equal(cstar__splicer_add(&s, empty, &out, &piece), CSTAR_EINVAL);
    assert_int_equal(cstar__splicer_alone(&s, empty, &out, &piece), CSTAR_EINVAL);
    assert_int_equal(cstar__splicer_add(&s, huge, &out, &piece), CSTAR_EINVAL);
    assert_int_equal(cstar__splicer_alone(&s, huge, &out, &piece), CSTAR_EINVAL);
    assert_int_equal(out.len, 0);
    cstar__splicer_fini(&s);
    cstar_buf_fini(&out);
}

/* Runs of more bytes than the checksum's lengths have bits for. Pieces of zeros, never encoded. */
static void test_long_runs(void **state) {
    (void)state;
    const uint32_t half = (uint32_t)1 << 29;
    uint32_t crc = (uint32_t)crc32(0, (const Bytef *)"\0", 1);
    for (uint32_t len = 1; len < half; len *= 2) {
        crc = (uint32_t)crc32_combine(crc, crc, (z_off_t)len);
    }
    uint32_t all = crc; /* the source has said something before, and so has the stream: "a" */
    uint32_t expected = (uint32_t)crc32(0, (const Bytef *)"a", 1);
    cstar__splice st = {.began = true, .len = 1, .crc = expected};
    for (uint64_t i = 0; i < 11; i++) {
        all = (uint32_t)crc32_combine(all, crc, (z_off_t)half);
        expected = (uint32_t)crc32_combine(expected, crc, (z_off_t)half);
        cstar__spliced piece = {.frame = i, .source = 1, .len = half, .crc = crc, .past = all};
        piece.key = i == 0;
#if ZLIB_VERNUM >= 0x12c0
        piece.factor = (uint32_t)crc32_combine_gen((z_off_t)half);
#endif
        assert_true(cstar__splice_fits(&st, &piece));
        cstar__splice_take(&st, &piece);
    }
    char mem[CSTAR__SPLICE_TAIL];
    cstar_buf out;
    cstar_buf_fixed(&out, mem, sizeof mem);
    assert_int_equal(cstar__splice_end(&st, &out), CSTAR_OK);
    uint32_t said[2] = {0, 0};
    for (size_t i = 0; i < 8; i++) {
        said[i / 4] |= (uint32_t)(unsigned char)mem[2 + i] << 8 * (i % 4);
    }
    assert_int_equal(said[0], expected);
    assert_int_equal(said[1], (uint32_t)(half * 11ULL + 1));
}

/* ---- memory --------------------------------------------------------------------------------- */

static void test_memory(void **state) {
    (void)state;
    for (int window = 9; window <= 15; window++) {
        cstar__splicer_opts o = {.window = window};
        failalloc f;
        cstar__splicer s;
        cstar_buf out;
        failalloc_init(&f, 0);
        cstar_buf_init(&out, cstar_heap(), 0);
        cstar__splicer_init(&s, &f.alloc, &o);
        assert_int_equal(f.calls, 0);
        (void)add(&s, "event", &out);
        assert_in_range(f.live_bytes, cstar__splicer_memory(&o) / 2, cstar__splicer_memory(&o));
        cstar__splicer_rest(&s);
        assert_int_equal(f.live_blocks, 0);
        assert_true(add(&s, "event", &out).key);
        cstar__splicer_fini(&s);
        assert_int_equal(f.live_blocks, 0);
        cstar_buf_fini(&out);
    }
    assert_true(sizeof(cstar__splice) <= 24);
}

/* Adds until it works; what has failed left torn bytes, which go. */
static bool try_publish(cstar__splicer *s, cstar_str plain, cstar_buf *out, cstar__spliced *piece) {
    size_t before = out->len;
    cstar_status rc = cstar__splicer_add(s, plain, out, piece);
    if (rc != CSTAR_OK) {
        assert_int_equal(rc, CSTAR_ENOMEM);
        out->len = before;
        out->status = CSTAR_OK;
    }
    return rc == CSTAR_OK;
}

static void test_out_of_memory(void **state) {
    (void)state;
    size_t n = 1;
    for (bool failed = true; failed; n++) {
        failalloc f;
        cstar__splicer s;
        stream st;
        failalloc_init(&f, n);
        cstar__splicer_init(&s, &f.alloc, &(cstar__splicer_opts){.source = 1, .key_every = 1000});
        open_stream(&st);
        bool torn = true; /* the next piece is a key frame */
        for (int i = 0; i < 12; i++) {
            cstar_buf out;
            cstar__spliced piece;
            cstar_str plain = some_event();
            cstar_buf_init(&out, &f.alloc, 0);
            bool done = try_publish(&s, plain, &out, &piece);
            if (done) {
                assert_int_equal(piece.key, torn);
                assert_true(cstar__splice_fits(&st.st, &piece));
                cstar__splice_take(&st.st, &piece);
                send_piece(&st, cstar_buf_view(&out), plain);
            }
            torn = !done;
            cstar_buf_fini(&out);
        }
        failed = f.calls >= n;
        close_stream(&st);
        cstar__splicer_fini(&s);
        assert_int_equal(f.live_blocks, 0);
    }
    assert_true(n > 15);
}

/* Output that does not fit is the buffer's error, and the topic goes on behind it. */
static void test_output_limit(void **state) {
    (void)state;
    char mem[64];
    cstar__splicer s;
    cstar__spliced piece = {.frame = 77};
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 0);
    cstar__splicer_init(&s, cstar_heap(), &(cstar__splicer_opts){.source = 1});
    (void)add(&s, "first", &out);
    cstar_buf small;
    cstar_buf_fixed(&small, mem, 7);
    assert_int_equal(cstar__splicer_add(&s, CSTAR_STR("abcdefghijklmnop"), &small, &piece),
                     CSTAR_ELIMIT);
    assert_int_equal(piece.frame, 77);
    cstar__spliced next = add(&s, "second", &out);
    assert_true(next.key);
    assert_int_equal(next.frame, 1);
    cstar__splicer_fini(&s);
    cstar_buf_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),          cmocka_unit_test(test_keys),
        cmocka_unit_test(test_keys_when_asked), cmocka_unit_test(test_sources),
        cmocka_unit_test(test_alone_by_topic),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_long_runs),       cmocka_unit_test(test_memory),
        cmocka_unit_test(test_out_of_memory),   cmocka_unit_test(test_output_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void test_left_out(void **state) {
    (void)state;
    cstar__splicer s;
    cstar__spliced piece = {.key = true};
    cstar__splice st = {0};
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 0);
    cstar__splicer_init(&s, cstar_heap(), NULL);
    assert_int_equal(cstar__splicer_memory(NULL), 0);
    assert_int_equal(cstar__splicer_add(&s, CSTAR_STR("x"), &out, &piece), CSTAR_ENOTSUP);
    assert_int_equal(cstar__splicer_alone(&s, CSTAR_STR("x"), &out, &piece), CSTAR_ENOTSUP);
    assert_false(cstar__splice_fits(&st, &piece));
    cstar__splice_take(&st, &piece);
    cstar__splicer_ask(&s);
    cstar__splicer_rest(&s);
    assert_int_equal(cstar__splice_head(&st).len, 0);
    assert_int_equal(cstar__splice_end(&st, &out), CSTAR_ENOTSUP);
    assert_int_equal(out.len, 0);
    cstar__splicer_fini(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_left_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
