/* test_h2.c -- the HTTP/2 machine with a client that means well: requests and answers of every
 * kind, flow control, answers given later, draining, the clock, memory that runs out.
 * SPDX-License-Identifier: MIT */
#include "http/machine.h"
#include "support/failalloc.h"
#include "support/h2peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#if CSTAR_WITH_HTTP2

static bool has(const cstar_buf *b, const char *text) {
    const size_t n = strlen(text);
    for (size_t i = 0; i + n <= b->len; i++) {
        if (memcmp(b->ptr + i, text, n) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void test_answers(void **state) {
    (void)state;
    static const struct {
        const char *method, *path, *body, *answer;
    } cases[] = {
        {"GET", "/", NULL, "200 hello"},
        {"GET", "/x?y=1", NULL, "200 hello"},
        {"HEAD", "/", NULL, "200 "},
        {"HEAD", "/big", NULL, "200 "},
        {"HEAD", "/stream", NULL, "200 "},
        {"GET", "/stream", NULL, "200 onetwo"},
        {"GET", "/no-content", NULL, "204 "},
        {"GET", "/not-modified", NULL, "304 "},
        {"GET", "/big", NULL, "200 [300000]"},
        {"POST", "/echo", "some body", "200 some body"},
        {"POST", "/echo", "", "200 "},
        {"GET", "/echo", NULL, "200 "},
        {"PATCH", "/", "x", "200 hello"},
        {"OPTIONS", "*", NULL, "200 hello"},
        {"POST", "/limit", "0123456789", "200 hello"},
        {"POST", "/limit", "0123456789a", "413 Content Too Large\n"},
        {"POST", "/early", NULL, "403 no"},
        {"GET", "/silent", NULL, "500 Internal Server Error\n"},
        {"GET", "/abort", NULL, "reset 2"},
        {"GET", "/wide", NULL, "500 Internal Server Error\n"},
        {"HEAD", "/silent", NULL, "500 "},
        {"BREW", "/", NULL, "501 Not Implemented\n"},
        {"TRACE", "/", NULL, "501 Not Implemented\n"},
        {"BREW", "/", "with a body", "501 Not Implemented\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        h2peer p;
        h2peer_init(&p, cstar_heap(), NULL);
        for (int again = 0; again < 3; again++) { /* compression has its own state */
            int32_t id = h2peer_request(&p, cases[i].method, cases[i].path, cases[i].body);
            h2peer_run(&p);
            assert_string_equal(h2peer_answer(&p, id), cases[i].answer);
            assert_true(h2peer_stream_of(&p, id)->closed);
            assert_true(cstar__h2_idle(p.machine));
        }
        assert_false(cstar__h2_done(p.machine));
        assert_false(p.failed);
        assert_int_equal(p.goaway, -1);
        h2peer_fini(&p);
    }
}

static void test_request(void **state) {
    (void)state;
    h2peer p;
    h2peer_init(&p, cstar_heap(), NULL);
    const char *fields[] = {":method",        "POST",       ":scheme",    "https",
                            ":path",          "/a%20b?c&d", ":authority", "a.test:8080",
                            "cookie",         "a=1",        "accept",     "*/*",
                            "cookie",         "b=2",        "host",       "A.test:8080",
                            "content-length", "3",          "cookie",     "c=3",
                            "x-utf8",         "\xc3\xa4",   NULL};
    int32_t id = h2peer_fields(&p, fields, "abc", 3);
    h2peer_run(&p);
    assert_string_equal(h2peer_answer(&p, id), "200 hello");
    cstar_buf_byte(&p.log, '\0');
    assert_string_equal(p.log.ptr, "head POST /a%20b?c&d 2 a.test:8080 3\n"
                                   "  cookie: a=1; b=2; c=3\n"
                                   "  accept: */*\n"
                                   "  host: A.test:8080\n"
                                   "  content-length: 3\n"
                                   "  x-utf8: \xc3\xa4\n"
                                   "end /a%20b body 3\n");
    h2peer_fini(&p);
}

static void test_response_fields(void **state) {
    (void)state;
    h2peer p;
    h2peer_init(&p, cstar_heap(), NULL);
    int32_t id = h2peer_get(&p, "/odd");
    int32_t head = h2peer_request(&p, "HEAD", "/", NULL);
    int32_t none = h2peer_get(&p, "/no-content");
    int32_t stream = h2peer_get(&p, "/stream");
    h2peer_run(&p);
    cstar_buf *b = &h2peer_stream_of(&p, id)->fields;
    cstar_buf_byte(b, '\0');
    assert_string_equal(b->ptr, "date: Sat, 21 Nov 2026 02:13:33 GMT\n"
                                "x-upper: trimmed\n"
                                "set-cookie: a=1\n"
                                "x-empty: \n"
                                "content-length: 3\n");
    assert_true(has(&h2peer_stream_of(&p, head)->fields, "content-length: 5\n"));
    assert_false(has(&h2peer_stream_of(&p, none)->fields, "content-length"));
    assert_false(has(&h2peer_stream_of(&p, stream)->fields, "content-length"));
    h2peer_fini(&p);
}

/* A short answer: one buffer with HEADERS and DATA one behind the other. */
static void test_one_write(void **state) {
    (void)state;
    h2peer p;
    h2peer_init(&p, cstar_heap(), NULL);
    h2peer_run(&p);
    cstar_buf wire;
    cstar_buf_init(&wire, cstar_heap(), 0);
    (void)h2peer_get(&p, "/");
    h2peer_take(&p, &wire);
    assert_int_equal(h2peer_feed(&p, wire.ptr, wire.len), CSTAR_OK);
    assert_int_equal(p.out.ptr[3], NGHTTP2_HEADERS);
    const size_t head = 9 + (size_t)(unsigned char)p.out.ptr[2];
    assert_int_equal(p.out.ptr[head + 3], NGHTTP2_DATA);
    assert_int_equal(p.out.ptr[head + 4], NGHTTP2_FLAG_END_STREAM);
    assert_int_equal(p.out.len, head + 9 + 5);
    assert_false(cstar__h2_wants_resume(p.machine));
    cstar_buf_fini(&wire);
    h2peer_fini(&p);
}

static void test_many_streams(void **state) {
    (void)state;
    h2peer p;
    /* 26 of /big at once, for a connection window of 64 KiB */
    const cstar__h2_limits limits = {.max_output = 16 << 20};
    h2peer_init(&p, cstar_heap(), &limits);
    h2peer_run(&p);
    assert_int_equal(p.max_streams, 256);
    int32_t ids[1000];
    for (size_t i = 0; i < 1000; i++) {
        ids[i] = h2peer_request(&p, "POST", i % 10 == 0 ? "/big" : "/echo", "body");
    }
    h2peer_run(&p);
    for (size_t i = 0; i < 1000; i++) {
        assert_string_equal(h2peer_answer(&p, ids[i]), i % 10 == 0 ? "200 [300000]" : "200 body");
    }
    assert_int_equal(p.closes, 1000);
    assert_int_equal(p.broken, 0);
    h2peer_fini(&p);
}

/* ---- bodies --------------------------------------------------------------------------------- */

static void test_big_bodies(void **state) {
    (void)state;
    enum { SIZE = 3 << 20 };
    char *body = malloc(SIZE);
    assert_non_null(body);
    for (size_t i = 0; i < SIZE; i++) {
        body[i] = (char)(i * 7 + i / 251);
    }
    h2peer p;
    h2peer_init_window(&p, cstar_heap(), NULL, 1000);
    const char *fields[] = {":method", "POST",  ":scheme", "http", ":authority",
                            "a",       ":path", "/echo",   NULL};
    int32_t id[2] = {h2peer_fields(&p, fields, body, SIZE), h2peer_fields(&p, fields, body, SIZE)};
    h2peer_run(&p);
    for (int i = 0; i < 2; i++) {
        const h2peer_stream *s = h2peer_stream_of(&p, id[i]);
        assert_true(s->end);
        assert_int_equal(s->body.len, SIZE);
        assert_memory_equal(s->body.ptr, body, SIZE);
    }
    assert_int_equal(p.refusals, 0);
    free(body);
    h2peer_fini(&p);
}

static void test_windows(void **state) {
    (void)state;
    static const uint32_t windows[] = {1, 2, 7, 100, 16384, 65535, 1u << 20};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        h2peer p;
        /* one byte at a time is as legal as it is a waste: without this limit it is cut off */
        const cstar__h2_limits limits = {.updates = 1000000};
        h2peer_init_window(&p, cstar_heap(), &limits, windows[i]);
        int32_t big = i < 3 ? 0 : h2peer_get(&p, "/big");
        int32_t id = h2peer_get(&p, "/stream");
        int32_t echo = h2peer_request(&p, "POST", "/echo", "a body longer than some windows");
        h2peer_run(&p);
        assert_string_equal(h2peer_answer(&p, id), "200 onetwo");
        assert_string_equal(h2peer_answer(&p, echo), "200 a body longer than some windows");
        if (big != 0) {
            assert_string_equal(h2peer_answer(&p, big), "200 [300000]");
        }
        h2peer_fini(&p);
    }
}

static void test_expect_continue(void **state) {
    (void)state;
    static const struct {
        const char *path, *expect;
        int continues;
        const char *answer;
    } cases[] = {
        {"/echo", "100-continue", 1, "200 body"},        {"/echo", "100-Continue", 1, "200 body"},
        {"/early", "100-continue", 0, "403 no"},         {"/limit", "100-continue", 1, "200 hello"},
        {"/echo", "tea", 0, "417 Expectation Failed\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        h2peer p;
        h2peer_init(&p, cstar_heap(), NULL);
        const char *fields[] = {":method", "POST",  ":scheme",     "http",   ":authority",
                                "a",       ":path", cases[i].path, "expect", cases[i].expect,
                                NULL};
        int32_t id = h2peer_fields(&p, fields, "body", 4);
        h2peer_run(&p);
        assert_string_equal(h2peer_answer(&p, id), cases[i].answer);
        assert_int_equal(h2peer_stream_of(&p, id)->continues, cases[i].continues);
        h2peer_fini(&p);
    }
}

/* The answer comes while the body does not end. It ends the exchange, but the rest of the body is
 * read: a client that is told at once that it is not wanted may drop the answer with the stream. */
static void test_answer_before_end(void **state) {
    (void)state;
    static const struct {
        const char *path, *body, *answer;
        size_t broken;
    } cases[] = {
        {"/early", "part", "403 no", 0},
        {"/mid", "part", "200 enough", 0},
        {"/limit", "more than ten bytes", "413 Content Too Large\n", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        h2peer p;
        h2peer_init(&p, cstar_heap(), NULL);
        int32_t id = h2peer_request(&p, "POST", cases[i].path, cases[i].body);
        h2peer_stream_of(&p, id)->hold = true;
        h2peer_run(&p);
        assert_string_equal(h2peer_answer(&p, id), cases[i].answer);
        assert_false(h2peer_stream_of(&p, id)->closed);
        assert_int_equal(p.closes, 1);
        assert_int_equal(p.broken, cases[i].broken);
        assert_true(cstar__h2_idle(p.machine));
        h2peer_upload(&p, id, "the rest of it", false);
        h2peer_run(&p);
        assert_true(h2peer_stream_of(&p, id)->closed);
        assert_int_equal(h2peer_stream_of(&p, id)->code, NGHTTP2_NO_ERROR);
        assert_int_equal(p.resets, 0);
        assert_int_equal(p.closes, 1);
        assert_int_equal(p.ends, 0);
        assert_int_equal(p.pool.stats.active, 0);
        h2peer_fini(&p);
    }
}

/* 413 to a body of 40 MB: how much more of it is read, and that what was read gives room for other
 * bodies on the connection. */
static void test_rest_is_bounded(void **state) {
    (void)state;
    static char body[2 << 20];
    h2peer p;
    h2peer_init(&p, cstar_heap(), NULL);
    const char *fields[] = {":method", "POST",  ":scheme", "http", ":authority",
                            "a",       ":path", "/limit",  NULL};
    for (int i = 0; i < 20; i++) {
        int32_t id = h2peer_fields(&p, fields, body, sizeof body);
        h2peer_run(&p);
        assert_string_equal(h2peer_answer(&p, id), "413 Content Too Large\n");
        const h2peer_stream *s = h2peer_stream_of(&p, id);
        assert_true(s->closed && s->code == NGHTTP2_NO_ERROR);
        assert_int_equal(p.resets, (size_t)i + 1);
        assert_true(sizeof body - s->upload.len > 256 * 1024);
        assert_true(sizeof body - s->upload.len < 1024 * 1024);
    }
    assert_int_equal(p.goaways, 0);
    assert_int_equal(p.pool.stats.h2_resets_out, 20);
    assert_int_equal(p.pool.stats.refused, 20);
    h2peer_fini(&p);
}

static void test_rest_is_timed(void **state) {
    (void)state;
    static const struct {
        uint64_t ms;
        bool drain, resets;
    } cases[] = {{14000, false, false}, {15000, false, true}, {1000, true, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        h2peer p;
        h2peer_init(&p, cstar_heap(), NULL);
        cstar__h2_tick(p.machine, 1000);
        int32_t id = h2peer_request(&p, "POST", "/early", "part");
        h2peer_stream_of(&p, id)->hold = true;
        h2peer_run(&p);
        if (cases[i].drain) {
            cstar__h2_drain(p.machine);
            h2peer_run(&p);
            assert_false(cstar__h2_idle(p.machine)); /* it needs another tick */
        }
        assert_int_equal(p.resets, 0);
        cstar__h2_tick(p.machine, 1000 + cases[i].ms);
        h2peer_run(&p);
        assert_int_equal(p.resets, cases[i].resets);
        assert_int_equal(cstar__h2_done(p.machine), cases[i].drain);
        h2peer_fini(&p);
    }
}

static void test_rest_ends_with_the_input(void **state) {
    (void)state;
    h2peer p;
    h2peer_init(&p, cstar_heap(), NULL);
    int32_t id = h2peer_request(&p, "POST", "/early", "part");
    h2peer_stream_of(&p, id)->hold = true;
    h2peer_run(&p);
    cstar__h2_eof(p.machine);
    h2peer_hear(&p);
    assert_string_equal(h2peer_answer(&p, id), "403 no");
    assert_true(cstar__h2_done(p.machine));
    h2peer_fini(&p);
}

/* ---- later ---------------------------------------------------------------------------------- */

static void test_later(void **state) {
    (void)state;
    h2peer p;
    h2peer_init(&p, cstar_heap(), NULL);
    int32_t id[3] = {h2peer_get(&p, "/later"), h2peer_get(&p, "/open"), h2peer_get(&p, "/")};
    h2peer_run(&p);
    assert_string_equal(h2peer_answer(&p, id[0]), "nothing");
    assert_string_equal(h2peer_answer(&p, id[1]), "200 onetwo ...");
    assert_string_equal(h2peer_answer(&p, id[2]), "200 hello");
    assert_false(cstar__h2_idle(p.machine));
    assert_false(cstar__h2_wants_resume(p.machine));
    h2peer_finish(&p);
    assert_int_equal(p.responded, CSTAR_OK);
    assert_true(cstar__h2_wants_resume(p.machine));
    assert_int_equal(p.out.len, 0); /* not before the driver lends a buffer */
    assert_int_equal(p.closes, 1);
    h2peer_run(&p);
    assert_string_equal(h2peer_answer(&p, id[0]), "200 later");
    assert_string_equal(h2peer_answer(&p, id[1]), "200 onetwo");
    assert_int_equal(p.closes, 3);
    assert_int_equal(p.broken, 0);
    h2peer_fini(&p);
}

static void test_stream_of_events(void **state) {
    (void)state;
    const cstar__h2_limits limits = {.max_stream_output = 1000};
    h2peer p;
    h2peer_init_window(&p, cstar_heap(), &limits, 100);
    int32_t id = h2peer_get(&p, "/open");
    h2peer_run(&p);
    cstar__exchange *x = p.waiting[0];
    char text[1001];
    memset(text, 'x', sizeof text);
    size_t sum = 6;
    for (int i = 0; i < 200; i++) {
        const size_t n = (size_t)(i * 37) % 990 + 1;
        assert_int_equal(cstar__respond_write(x, cstar_view(text, n)), CSTAR_OK);
        assert_int_equal(cstar__respond_write(x, CSTAR_STR("")), CSTAR_OK);
        sum += n;
        h2peer_run(&p);
        assert_int_equal(h2peer_stream_of(&p, id)->body.len, sum);
    }
    p.out.limit = 1000; /* longer ones wait until nothing does, but not what would never fit */
    assert_int_equal(cstar__respond_write(x, cstar_view(text, 1001)), CSTAR_ELIMIT);
    assert_int_equal(cstar__respond_write(x, cstar_view(text, 600)), CSTAR_OK);
    assert_int_equal(cstar__respond_write(x, cstar_view(text, 600)), CSTAR_EAGAIN);
    p.out.limit = 1 << 20;
    assert_int_equal(cstar__respond_write(x, cstar_view(text, 400)), CSTAR_OK);
    assert_int_equal(x->sent, sum + 1000);
    h2peer_run(&p);
    assert_int_equal(h2peer_stream_of(&p, id)->body.len, sum + 1000);
    assert_int_equal(cstar__respond_end(x), CSTAR_OK);
    assert_int_equal(cstar__respond_write(x, CSTAR_STR("x")), CSTAR_ESTATE);
    h2peer_run(&p);
    assert_true(h2peer_stream_of(&p, id)->end);
    assert_int_equal(p.closes, 1);
    h2peer_fini(&p);
}

/* The client goes away from a stream while it is answered. */
static void test_client_resets(void **state) {
    (void)state;
    static const char *const paths[] = {"/later", "/open", "/echo"};
    for (size_t i = 0; i < 3; i++) {
        h2peer p;
        h2peer_init(&p, cstar_heap(), NULL);
        int32_t id = h2peer_request(&p, "POST", paths[i], "x");
        h2peer_stream_of(&p, id)->hold = i == 2;
        h2peer_run(&p);
        assert_int_equal(nghttp2_submit_rst_stream(p.session, 0, id, NGHTTP2_CANCEL), 0);
        h2peer_run(&p);
        assert_int_equal(p.closes, 1);
        assert_int_equal(p.broken, 1);
        assert_int_equal(p.nwaiting, 0);
        assert_true(cstar__h2_idle(p.machine));
        id = h2peer_get(&p, "/");
        h2peer_run(&p);
        assert_string_equal(h2peer_answer(&p, id), "200 hello");
        h2peer_fini(&p);
    }
}

/* An answer that nobody reads: it stops at 256 KiB, or half of what the buffer may hold. */
static void test_output_bound(void **state) {
    (void)state;
    static const size_t limits[] = {16u << 20, 100000};
    for (size_t i = 0; i < 2; i++) {
        const size_t bound = limits[i] / 2 < 256 * 1024 ? limits[i] / 2 : 256 * 1024;
        h2peer p;
        h2peer_init_window(&p, cstar_heap(), NULL, 1u << 30);
        nghttp2_session_set_local_window_size(p.session, 0, 0, 1 << 30);
        h2peer_run(&p);
        cstar_buf_fini(&p.out);
        cstar_buf_init(&p.out, cstar_heap(), limits[i]);
        int32_t ids[4] = {h2peer_get(&p, "/big"), h2peer_get(&p, "/big"), h2peer_get(&p, "/big"),
                          h2peer_get(&p, "/")};
        cstar_buf wire;
        cstar_buf_init(&wire, cstar_heap(), 0);
        h2peer_take(&p, &wire);
        assert_int_equal(h2peer_feed(&p, wire.ptr, wire.len), CSTAR_OK);
        assert_true(p.out.len >= bound && p.out.len < bound + 16384 + 1024);
        assert_false(cstar__h2_wants_input(p.machine));
        assert_false(cstar__h2_wants_resume(p.machine));
        assert_int_equal(cstar__h2_resume(p.machine), CSTAR_OK);
        assert_true(p.out.len < bound + 16384 + 1024);
        h2peer_run(&p);
        assert_true(cstar__h2_wants_input(p.machine));
        for (int k = 0; k < 3; k++) {
            assert_string_equal(h2peer_answer(&p, ids[k]), "200 [300000]");
        }
        assert_string_equal(h2peer_answer(&p, ids[3]), "200 hello");
        cstar_buf_fini(&wire);
        h2peer_fini(&p);
    }
}

/* ---- the end -------------------------------------------------------------------------------- */

static void test_drain(void **state) {
    (void)state;
    h2peer p;
    h2peer_init(&p, cstar_heap(), NULL);
    int32_t id[2] = {h2peer_get(&p, "/later"), h2peer_get(&p, "/open")};
    h2peer_run(&p);
    cstar__h2_drain(p.machine);
    cstar__h2_drain(p.machine);
    h2peer_run(&p);
    assert_int_equal(p.goaways, 1);
    assert_int_equal(p.goaway, NGHTTP2_NO_ERROR);
    assert_int_equal(p.last_stream, INT32_MAX); /* a notice: what is on its way still counts */
    assert_false(cstar__h2_done(p.machine));
    cstar__h2_tick(p.machine, 1000);
    h2peer_run(&p);
    assert_int_equal(p.goaways, 2);
    assert_int_equal(p.last_stream, id[1]);
    assert_false(cstar__h2_done(p.machine));
    h2peer_finish(&p);
    h2peer_run(&p);
    assert_string_equal(h2peer_answer(&p, id[0]), "200 later");
    assert_string_equal(h2peer_answer(&p, id[1]), "200 onetwo");
    assert_true(cstar__h2_done(p.machine));
    assert_false(cstar__h2_cut(p.machine));
    assert_int_equal(p.broken, 0);
    h2peer_fini(&p);
}

/* Each stream that is one, once. */
static void test_drain_tells_streams(void **state) {
    (void)state;
    for (int ends = 0; ends < 2; ends++) {
        h2peer p;
        h2peer_init(&p, cstar_heap(), NULL);
        p.ends_on_drain = ends != 0;
        int32_t id[3] = {h2peer_get(&p, "/open"), h2peer_get(&p, "/later"),
                         h2peer_get(&p, "/open")};
        h2peer_run(&p);
        cstar__h2_drain(p.machine);
        assert_int_equal(p.drains, 2);
        h2peer_run(&p);
        cstar__h2_drain(p.machine);
        assert_int_equal(p.drains, 2);
        assert_int_equal(p.closes, ends != 0 ? 2 : 0);
        h2peer_finish(&p);
        h2peer_run(&p);
        for (int k = 0; k < 3; k += 2) {
            assert_string_equal(h2peer_answer(&p, id[k]),
                                ends != 0 ? "200 onetwobye" : "200 onetwo");
        }
        assert_string_equal(h2peer_answer(&p, id[1]), "200 later");
        assert_int_equal(p.broken, 0);
        h2peer_fini(&p);
    }
}

static void test_drain_idle_and_close(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        h2peer p;
        h2peer_init(&p, cstar_heap(), NULL);
        int32_t id = h2peer_get(&p, i == 0 ? "/" : "/close");
        h2peer_run(&p);
        if (i == 0) {
            assert_false(cstar__h2_done(p.machine));
            cstar__h2_drain(p.machine);
            h2peer_run(&p);
        }
        assert_string_equal(h2peer_answer(&p, id), "200 hello");
        assert_int_equal(p.goaway, NGHTTP2_NO_ERROR);
        assert_int_equal(p.last_stream, id);
        assert_true(cstar__h2_done(p.machine));
        assert_false(cstar__h2_wants_input(p.machine));
        assert_int_equal(p.refusals, 0);
        h2peer_fini(&p);
    }
}

static void test_timeout(void **state) {
    (void)state;
    h2peer p;
    h2peer_init(&p, cstar_heap(), NULL);
    int32_t id = h2peer_get(&p, "/open");
    h2peer_run(&p);
    cstar__h2_timeout(p.machine);
    assert_int_equal(p.closes, 1);
    assert_int_equal(p.broken, 1);
    assert_true(cstar__h2_done(p.machine));
    h2peer_hear(&p);
    assert_int_equal(p.goaway, NGHTTP2_NO_ERROR);
    assert_string_equal(h2peer_answer(&p, id), "200 onetwo ...");
    h2peer_fini(&p);
}

static void test_eof(void **state) {
    (void)state;
    h2peer p;
    h2peer_init_window(&p, cstar_heap(), NULL, 1u << 20);
    nghttp2_session_set_local_window_size(p.session, 0, 0, 1 << 30);
    int32_t big = h2peer_get(&p, "/big");
    (void)h2peer_get(&p, "/open");
    int32_t half = h2peer_request(&p, "POST", "/echo", "x");
    h2peer_stream_of(&p, half)->hold = true;
    cstar_buf wire;
    cstar_buf_init(&wire, cstar_heap(), 0);
    h2peer_take(&p, &wire);
    assert_int_equal(h2peer_feed(&p, wire.ptr, wire.len), CSTAR_OK);
    cstar__h2_eof(p.machine);
    assert_int_equal(h2peer_feed(&p, "x", 1), CSTAR_OK);
    h2peer_hear(&p); /* what was complete still goes out */
    assert_string_equal(h2peer_answer(&p, big), "200 [300000]");
    assert_int_equal(p.closes, 3);
    assert_int_equal(p.broken, 2);
    assert_true(cstar__h2_done(p.machine));
    cstar_buf_fini(&wire);
    h2peer_fini(&p);
}

static void test_free_under_way(void **state) {
    (void)state;
    h2peer p;
    h2peer_init(&p, cstar_heap(), NULL);
    (void)h2peer_get(&p, "/later");
    (void)h2peer_get(&p, "/open");
    h2peer_run(&p);
    cstar__exchange *x = p.waiting[0];
    cstar__respond_abort(x);
    assert_int_equal(cstar__respond(x, 200, NULL, 0, CSTAR_STR("")), CSTAR_ECLOSED);
    cstar__h2_free(p.machine);
    p.machine = NULL;
    assert_int_equal(p.closes, 2);
    assert_int_equal(p.broken, 2);
    h2peer_fini(&p);
    cstar__h2_free(NULL);
}

/* ---- the clock ------------------------------------------------------------------------------ */

static void test_clock(void **state) {
    (void)state;
    h2peer p;
    h2peer_init_window(&p, cstar_heap(), NULL, 3); /* room for "one" */
    int32_t body = h2peer_request(&p, "POST", "/echo", "x");
    h2peer_stream_of(&p, body)->hold = true;
    int32_t later = h2peer_get(&p, "/later");
    h2peer_run(&p);
    /* a client that opens no window any more */
    cstar_buf wire;
    cstar_buf_init(&wire, cstar_heap(), 0);
    int32_t stuck = h2peer_get(&p, "/stream");
    h2peer_take(&p, &wire);
    assert_int_equal(h2peer_feed(&p, wire.ptr, wire.len), CSTAR_OK);
    cstar__h2_tick(p.machine, 1000000);
    cstar__h2_tick(p.machine, 1000000 + 29999);
    assert_int_equal(p.refusals, 0);
    cstar__h2_tick(p.machine, 1000000 + 30000);
    assert_int_equal(p.refusals, 2);
    assert_int_equal(p.closes, 1); /* the page for the other still has to find its way */
    h2peer_hear(&p);
    assert_string_equal(h2peer_answer(&p, stuck), "200 one reset 8");
    h2peer_run(&p);
    assert_string_equal(h2peer_answer(&p, body), "408 Request Timeout\n");
    assert_string_equal(h2peer_answer(&p, later), "nothing"); /* the application has its time */
    assert_false(cstar__h2_done(p.machine));
    h2peer_finish(&p);
    h2peer_run(&p);
    assert_string_equal(h2peer_answer(&p, later), "200 later");
    cstar_buf_fini(&wire);
    h2peer_fini(&p);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* Who is silent while its requests are under way is asked, and has as long again to answer. */
static void test_silent_peer(void **state) {
    (void)state;
    h2peer p;
    h2peer_init(&p, cstar_heap(), NULL);
    h2peer_get(&p, "/open");
    h2peer_run(&p);
    cstar__h2_tick(p.machine, 1000);
    for (uint64_t now = 1000; now < 200000; now += 1000) { /* it answers, each time */
        cstar__h2_tick(p.machine, now);
        h2peer_run(&p);
    }
    assert_false(cstar__h2_cut(p.machine));
    assert_int_equal(p.closes, 0);

    p.deaf = true;
    uint64_t now = 200000;
    for (; now < 231000 && !cstar__h2_cut(p.machine); now += 1000) {
        cstar__h2_tick(p.machine, now);
        cstar_buf_reset(&p.out);
    }
    assert_true(cstar__h2_cut(p.machine));
    assert_true(now > 215000);
    assert_int_equal(p.closes, 1);
    assert_int_equal(p.broken, 1);
    h2peer_fini(&p);
}

static void tick_for(h2peer *p, uint64_t from, uint64_t to) {
    for (uint64_t now = from; now <= to; now += 1000) {
        cstar__h2_tick(p->machine, now);
    }
}

/* Any byte from it will do; and one that has nothing under way is not asked at all. */
static void test_silent_peer_is_left_alone(void **state) {
    (void)state;
    const cstar__h2_limits never = {.ping_ms = UINT32_MAX};
    h2peer p;
    h2peer_init(&p, cstar_heap(), NULL);
    h2peer_get(&p, "/");
    h2peer_run(&p);
    tick_for(&p, 1000, 100000);
    assert_int_equal(p.out.len, 0);
    h2peer_fini(&p);

    h2peer_init(&p, cstar_heap(), &never);
    h2peer_get(&p, "/open");
    h2peer_run(&p);
    tick_for(&p, 1000, 100000);
    assert_int_equal(p.out.len, 0);
    assert_false(cstar__h2_cut(p.machine));
    h2peer_fini(&p);

    /* an answer to the ping is behind much else on its way to us: other bytes count as well */
    h2peer_init(&p, cstar_heap(), NULL);
    h2peer_get(&p, "/open");
    h2peer_run(&p);
    tick_for(&p, 1000, 20000);
    assert_true(p.out.len != 0);
    cstar_buf wire;
    cstar_buf_init(&wire, cstar_heap(), 0);
    h2peer_get(&p, "/later");
    h2peer_take(&p, &wire);
    assert_int_equal(h2peer_feed(&p, wire.ptr, wire.len), CSTAR_OK);
    tick_for(&p, 21000, 40000);
    assert_false(cstar__h2_cut(p.machine));
    cstar_buf_fini(&wire);
    h2peer_finish(&p);
    h2peer_fini(&p);
}

/* What it has yet to read may take longer than that: a ping would be behind it. */
static void test_slow_peer_is_not_asked(void **state) {
    (void)state;
    const cstar__h2_limits patient = {.write_ms = 1000000};
    h2peer p;
    h2peer_init_window(&p, cstar_heap(), &patient, 1 << 30);
    h2peer_get(&p, "/big");
    cstar_buf wire;
    cstar_buf_init(&wire, cstar_heap(), 0);
    h2peer_get(&p, "/open");
    h2peer_take(&p, &wire);
    assert_int_equal(h2peer_feed(&p, wire.ptr, wire.len), CSTAR_OK);
    while (cstar__h2_wants_resume(p.machine)) {
        cstar_buf_reset(&p.out);
        assert_int_equal(cstar__h2_resume(p.machine), CSTAR_OK);
    }
    cstar_buf_reset(&p.out);
    tick_for(&p, 1000, 100000);
    assert_int_equal(p.out.len, 0);
    assert_false(cstar__h2_cut(p.machine));
    cstar_buf_fini(&wire);
    h2peer_finish(&p);
    h2peer_fini(&p);
}

static void converse(h2peer *p) {
    (void)h2peer_get(p, "/");
    (void)h2peer_request(p, "POST", "/echo", "some body");
    (void)h2peer_get(p, "/big");
    (void)h2peer_get(p, "/stream");
    (void)h2peer_get(p, "/later");
    (void)h2peer_get(p, "/open");
    (void)h2peer_request(p, "POST", "/limit", "much more than ten bytes");
    h2peer_run(p);
    h2peer_finish(p);
    h2peer_run(p);
}

static void test_out_of_memory(void **state) {
    (void)state;
    failalloc count;
    failalloc_init(&count, 0);
    h2peer p;
    h2peer_init(&p, &count.alloc, NULL);
    converse(&p);
    assert_int_equal(p.broken, 1); /* of /limit */
    h2peer_fini(&p);
    assert_int_equal(count.live_blocks, 0);
    assert_int_equal(count.live_bytes, 0);
    assert_true(count.calls > 50);
    for (size_t n = 1; n <= count.calls; n++) {
        for (int sticky = 0; sticky < 2; sticky++) {
            failalloc f;
            failalloc_init(&f, n);
            f.sticky = sticky != 0;
            h2peer_init(&p, &f.alloc, NULL);
            converse(&p);
            assert_false(p.failed);
            /* nobody hangs: every request has its answer, or its end */
            for (int32_t id = 1; id <= 13 && p.machine != NULL; id += 2) {
                assert_true(h2peer_stream_of(&p, id)->closed || cstar__h2_done(p.machine));
            }
            h2peer_fini(&p);
            assert_int_equal(f.live_blocks, 0);
        }
    }
}

/* Chunks that are empty now: the pool's, whatever the number of its connections. */
static size_t cells_of(const cstar__exchange_pool *pool) {
    return cstar__cells_bytes(&pool->nghttp2[0]) + cstar__cells_bytes(&pool->nghttp2[1]);
}

/* What a connection keeps while nothing happens. */
static void test_idle_memory(void **state) {
    (void)state;
    failalloc f;
    failalloc_init(&f, 0);
    h2peer p;
    h2peer_init(&p, &f.alloc, NULL);
    h2peer_run(&p);
    const size_t fresh = f.live_bytes - cells_of(&p.pool);
    for (int i = 0; i < 300; i++) {
        (void)h2peer_request(&p, "POST", "/echo", "some body");
        h2peer_run(&p);
    }
    p.pool.max_free = 1;
    const size_t used = f.live_bytes - cells_of(&p.pool) - fresh;
    assert_true(used < 16 * 1024);
    assert_true(fresh < 32 * 1024);
    (void)printf("idle connection: %zu bytes, with its pool and output buffer, +%zu after use\n",
                 fresh, used);
    h2peer_fini(&p);
    assert_int_equal(f.live_bytes, 0);
}

/* ---- pieces --------------------------------------------------------------------------------- */

/* A whole conversation of the client's, for a server whose answers it does not wait for. */
static void record(h2peer *p, cstar_buf *wire) {
    (void)h2peer_get(p, "/");
    (void)h2peer_request(p, "POST", "/echo", "some body");
    (void)h2peer_request(p, "BREW", "/", NULL);
    (void)h2peer_request(p, "POST", "/early", "ignored");
    (void)h2peer_request(p, "POST", "/limit", "much more than ten bytes");
    (void)h2peer_get(p, "/stream");
    const char *bad[] = {":method", "GET",   ":scheme", "http", ":authority",
                         "a b",     ":path", "/",       NULL};
    (void)h2peer_fields(p, bad, NULL, 0);
    (void)nghttp2_submit_ping(p->session, 0, NULL);
    h2peer_take(p, wire);
}

static void test_every_split(void **state) {
    (void)state;
    char *whole = NULL;
    size_t length = 1;
    for (size_t cut = 0; cut <= length; cut++) { /* 0: whole; the last: byte by byte */
        h2peer p;
        cstar_buf wire;
        h2peer_init(&p, cstar_heap(), NULL);
        cstar_buf_init(&wire, cstar_heap(), 0);
        record(&p, &wire);
        if (cut < wire.len) {
            assert_int_equal(h2peer_feed(&p, wire.ptr, cut), CSTAR_OK);
            assert_int_equal(h2peer_feed(&p, wire.ptr + cut, wire.len - cut), CSTAR_OK);
        } else {
            for (size_t i = 0; i < wire.len; i++) {
                assert_int_equal(h2peer_feed(&p, wire.ptr + i, 1), CSTAR_OK);
            }
        }
        length = wire.len;
        h2peer_hear(&p);
        const char *outcome = h2peer_outcome(&p);
        if (whole == NULL) {
            whole = strdup(outcome);
            assert_non_null(whole);
            assert_non_null(strstr(whole, "3: 200 some body\n5: 501 Not Implemented\n\n"));
        }
        assert_string_equal(outcome, whole);
        cstar_buf_fini(&wire);
        h2peer_fini(&p);
    }
    free(whole);
}

/* The first `n` bytes, and then the rest. */
static void first_bytes(const char *text, size_t n, bool is_h2) {
    h2peer p;
    cstar__machine m;
    h2peer_init(&p, cstar_heap(), NULL);
    cstar__machine_init(&m, &p.env, NULL, &p.out);
    cstar_buf_reset(&p.out);
    assert_int_equal(cstar__machine_feed(&m, text, n), CSTAR_OK);
    if (n != 0 && n < CSTAR__H2_PREFACE && memcmp(text, cstar__h2_preface_text, n) == 0) {
        assert_false(m.decided);
        assert_int_equal(cstar__machine_waits_for(&m), CSTAR__MACHINE_HEAD);
        assert_int_equal(p.out.len, 0);
    }
    assert_int_equal(cstar__machine_feed(&m, text + n, strlen(text) - n), CSTAR_OK);
    assert_true(m.decided);
    assert_int_equal(m.h2 != NULL, is_h2);
    assert_int_equal(strncmp(p.out.ptr, "HTTP/1.1 ", 9) == 0, !is_h2);
    assert_int_equal(cstar__machine_done(&m), !is_h2); /* what is no HTTP/2 is none of ours */
    cstar__machine_fini(&m);
    h2peer_fini(&p);
}

/* HTTP/2 or HTTP/1.1, wherever the first bytes are cut. */
static void test_preface(void **state) {
    (void)state;
    static const char h2[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    static const char *const others[] = {"POST / HTTP/1.1\r\n\r\n", "PRI * HTTP/1.1\r\n\r\n",
                                         "PRI * HTTP/2.0\r\n\r\nSM\r\n\rx", "G\n"};
    for (size_t n = 0; n < sizeof h2; n++) {
        first_bytes(h2, n, true);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        for (size_t n = 0; n <= strlen(others[i]); n++) {
            first_bytes(others[i], n, false);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_response_fields),
        cmocka_unit_test(test_one_write),
        cmocka_unit_test(test_many_streams),
        cmocka_unit_test(test_big_bodies),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_answer_before_end),
        cmocka_unit_test(test_rest_is_bounded),
        cmocka_unit_test(test_rest_is_timed),
        cmocka_unit_test(test_rest_ends_with_the_input),
        cmocka_unit_test(test_later),
        cmocka_unit_test(test_stream_of_events),
        cmocka_unit_test(test_client_resets),
        cmocka_unit_test(test_output_bound),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_tells_streams),
        cmocka_unit_test(test_drain_idle_and_close),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_eof),
        cmocka_unit_test(test_free_under_way),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_silent_peer),
        cmocka_unit_test(test_silent_peer_is_left_alone),
        cmocka_unit_test(test_slow_peer_is_not_asked),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_idle_memory),
        cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_preface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
int main(void) { return 77; }
#endif
