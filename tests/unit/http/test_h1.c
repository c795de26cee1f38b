/* test_h1.c -- the HTTP/1.1 machine where a case file is not enough: exact bytes of responses,
 * responses given later, limits of the output, 100 (Continue), draining, memory.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/h1rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define DATE "Date: Sat, 21 Nov 2026 02:13:33 GMT\r\n"
#define TYPE "Content-Type: text/plain\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void expect_output(h1rig *r, const char *text) {
    cstar_buf_byte(&r->out, '\0');
    assert_string_equal(r->out.ptr, text);
    cstar_buf_reset(&r->out);
}

static bool output_has(const h1rig *r, const char *text) {
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= r->out.len; i++) {
        if (memcmp(r->out.ptr + i, text, n) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- responses, byte by byte ---------------------------------------------------------------- */

static void test_response_bytes(void **state) {
    (void)state;
    static const struct {
        const char *request, *response;
    } cases[] = {
        {GET("/"), "HTTP/1.1 200 OK\r\n" DATE TYPE "Content-Length: 5\r\n\r\nhello"},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 200 OK\r\n" DATE TYPE "Content-Length: 5\r\nConnection: close\r\n\r\nhello"},
        {"GET / HTTP/1.0\r\n\r\n",
         "HTTP/1.1 200 OK\r\n" DATE TYPE "Content-Length: 5\r\nConnection: close\r\n\r\nhello"},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
         "HTTP/1.1 200 OK\r\n" DATE TYPE
         "Content-Length: 5\r\nConnection: keep-alive\r\n\r\nhello"},
        {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
         "HTTP/1.1 200 OK\r\n" DATE TYPE "Content-Length: 5\r\n\r\n"},
        {GET("/no-content"), "HTTP/1.1 204 No Content\r\n" DATE "\r\n"},
        {GET("/not-modified"), "HTTP/1.1 304 Not Modified\r\n" DATE "\r\n"},
        {GET("/stream"), "HTTP/1.1 200 OK\r\n" DATE TYPE
                         "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"},
        {"HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n",
         "HTTP/1.1 200 OK\r\n" DATE TYPE "Transfer-Encoding: chunked\r\n\r\n"},
        {"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
         "HTTP/1.1 200 OK\r\n" DATE TYPE "Connection: close\r\n\r\nonetwo"},
        {"GET /\r\n",
         "HTTP/1.1 400 Bad Request\r\n" DATE "Content-Type: text/plain; charset=utf-8\r\n"
         "Content-Length: 12\r\nConnection: close\r\n\r\nBad Request\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        h1rig r;
        h1rig_init(&r, cstar_heap());
        assert_int_equal(h1rig_feed(&r, cases[i].request), CSTAR_OK);
        expect_output(&r, cases[i].response);
        h1rig_fini(&r);
    }
}

/* /later, to answer by hand */
static cstar__exchange *get_later(h1rig *r) {
    assert_int_equal(h1rig_feed(r, GET("/later")), CSTAR_OK);
    assert_non_null(r->waiting);
    return r->waiting;
}

static void test_response_options(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    r.env.date = NULL;
    const cstar__field fields[] = {{CSTAR_STR("A"), CSTAR_STR("1")}, {CSTAR_STR("b"), {NULL, 0}}};
    get_later(&r)->say_keep_alive = true;
    assert_int_equal(cstar__respond(r.waiting, 299, fields, 2, cstar_view(NULL, 0)), CSTAR_OK);
    expect_output(
        &r, "HTTP/1.1 299 \r\nA: 1\r\nb: \r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(cstar__respond(get_later(&r), 304, NULL, 0, CSTAR_STR("four")), CSTAR_OK);
    expect_output(&r, "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n");
    assert_int_equal(cstar__respond_start(get_later(&r), 204, NULL, 0), CSTAR_OK);
    assert_int_equal(cstar__respond_write(r.waiting, CSTAR_STR("x")), CSTAR_OK);
    assert_int_equal(cstar__respond_end(r.waiting), CSTAR_OK);
    expect_output(&r, "HTTP/1.1 204 No Content\r\n\r\n");
    get_later(&r)->close = true;
    r.waiting->say_keep_alive = true;
    assert_int_equal(cstar__respond_start(r.waiting, 200, NULL, 0), CSTAR_OK);
    assert_int_equal(cstar__respond_write(r.waiting, CSTAR_STR("0123456789abcdef")), CSTAR_OK);
    assert_int_equal(r.waiting->sent, 16);
    assert_int_equal(cstar__respond_end(r.waiting), CSTAR_OK);
    expect_output(&r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                      "10\r\n0123456789abcdef\r\n0\r\n\r\n");
    assert_true(cstar__h1_done(&r.machine));
    h1rig_fini(&r);
}

static void test_refused_field_can_be_answered_again(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    const cstar__field bad = {CSTAR_STR("a"), CSTAR_STR("x\r\nb: y")};
    cstar__exchange *x = get_later(&r);
    assert_int_equal(cstar__respond(x, 200, &bad, 1, CSTAR_STR("")), CSTAR_EINVAL);
    assert_int_equal(r.out.len, 0);
    assert_int_equal(cstar__respond(x, 200, NULL, 0, CSTAR_STR("ok")), CSTAR_OK);
    assert_string_equal(
        h1rig_outcome(&r),
        "head GET /later 1.1 a\n  host: a\nend\nclose 200\nanswer 200 keep \"ok\"\nidle\n");
    h1rig_fini(&r);
}

/* ---- later ---------------------------------------------------------------------------------- */

static void test_pipeline_waits(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    assert_int_equal(h1rig_feed(&r, GET("/later") GET("/b") GET("/later") "GET /c HT"), CSTAR_OK);
    assert_int_equal(r.heads, 1);
    assert_false(cstar__h1_wants_resume(&r.machine));
    assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK); /* too early: nothing happens */
    assert_int_equal(r.heads, 1);
    assert_int_equal(cstar__respond(r.waiting, 200, NULL, 0, CSTAR_STR("A")), CSTAR_OK);
    assert_int_equal(r.closes, 1); /* at once, and no further request begins by itself */
    assert_int_equal(r.heads, 1);
    assert_false(cstar__h1_idle(&r.machine));
    assert_true(cstar__h1_wants_resume(&r.machine));
    assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
    assert_int_equal(r.heads, 3);
    assert_int_equal(h1rig_feed(&r, "TP/1.1\r\nHost: a\r\n\r\n"), CSTAR_OK);
    assert_int_equal(r.heads, 3);
    assert_int_equal(cstar__respond(r.waiting, 200, NULL, 0, CSTAR_STR("C")), CSTAR_OK);
    assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
    assert_int_equal(r.closes, 4);
    assert_true(cstar__h1_idle(&r.machine));
    assert_int_equal(r.machine.held.cap, 0); /* idle: no memory of its own */
    assert_true(h1rig_output_ok(&r, false));
    cstar_buf_byte(&r.outcome, '\0');
    assert_string_equal(r.outcome.ptr,
                        "answer 200 keep \"A\"\nanswer 200 keep \"hello\"\nanswer 200 keep \"C\"\n"
                        "answer 200 keep \"hello\"\n");
    h1rig_fini(&r);
}

/* A queue that ends inside a head, a body, a chunk line: what is left over becomes a part. */
static void test_pipeline_ends_in_the_middle(void **state) {
    (void)state;
    static const char all[] =
        GET("/later") GET("/x") "POST /y HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                                "POST /z HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "3;ext=1\r\nabc\r\n0\r\nT: v\r\n\r\n";
    for (size_t cut = sizeof GET("/later") - 1; cut < sizeof all; cut++) {
        for (int feed_first = 0; feed_first < 2; feed_first++) {
            h1rig r;
            h1rig_init(&r, cstar_heap());
            assert_int_equal(cstar__h1_feed(&r.machine, all, cut), CSTAR_OK);
            if (feed_first) {
                assert_int_equal(cstar__h1_feed(&r.machine, all + cut, sizeof all - 1 - cut),
                                 CSTAR_OK);
            }
            assert_int_equal(cstar__respond(r.waiting, 200, NULL, 0, CSTAR_STR("A")), CSTAR_OK);
            if (cut & 1) { /* else the feed itself goes on */
                assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
            }
            if (!feed_first) {
                assert_int_equal(cstar__h1_feed(&r.machine, all + cut, sizeof all - 1 - cut),
                                 CSTAR_OK);
            }
            assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
            assert_string_equal(
                h1rig_outcome(&r),
                "head GET /later 1.1 a\n  host: a\nend\nclose 200\n"
                "head GET /x 1.1 a\n  host: a\nend\nclose 200\n"
                "head POST /y 1.1 a\n  host: a\n  content-length: 5\nbody \"hello\"\nend\nclose "
                "200\n"
                "head POST /z 1.1 a\n  host: a\n  transfer-encoding: chunked\nbody \"abc\"\nend\n"
                "close 200\nanswer 200 keep \"A\"\nanswer 200 keep \"hello\"\n"
                "answer 200 keep \"hello\"\nanswer 200 keep \"hello\"\nidle\n");
            h1rig_fini(&r);
        }
    }
}

static void test_pending_limit(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    r.env.limits.max_pending = 100;
    (void)get_later(&r);
    assert_true(cstar__h1_wants_input(&r.machine));
    assert_int_equal(h1rig_feed(&r, GET("/") GET("/") GET("/")), CSTAR_OK); /* 81 bytes */
    assert_true(cstar__h1_wants_input(&r.machine));
    assert_int_equal(h1rig_feed(&r, GET("/")), CSTAR_OK);
    assert_false(cstar__h1_wants_input(&r.machine));
    assert_int_equal(cstar__respond(r.waiting, 200, NULL, 0, CSTAR_STR("")), CSTAR_OK);
    assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
    assert_true(cstar__h1_wants_input(&r.machine));
    assert_int_equal(r.closes, 5);
    h1rig_fini(&r);
}

/* Behind a response that closes, nothing is kept. */
static void test_nothing_waits_behind_close(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    assert_int_equal(
        h1rig_feed(&r, "GET /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/")),
        CSTAR_OK);
    assert_int_equal(r.machine.held.len, 0);
    assert_true(cstar__h1_wants_input(&r.machine)); /* so that the driver sees the client leave */
    assert_int_equal(cstar__respond(r.waiting, 200, NULL, 0, CSTAR_STR("")), CSTAR_OK);
    assert_true(cstar__h1_done(&r.machine));
    assert_false(cstar__h1_wants_input(&r.machine));
    assert_int_equal(r.heads, 1);
    h1rig_fini(&r);
}

static void test_stream_later(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    assert_int_equal(h1rig_feed(&r, GET("/open") GET("/")), CSTAR_OK);
    cstar__exchange *x = r.waiting;
    assert_int_equal(x->state, CSTAR__RESPONSE_STREAMING);
    assert_int_equal(cstar__respond_write(x, CSTAR_STR("three")), CSTAR_OK);
    assert_int_equal(x->sent, 11);
    assert_int_equal(cstar__respond_end(x), CSTAR_OK);
    assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
    assert_string_equal(h1rig_outcome(&r),
                        "head GET /open 1.1 a\n  host: a\nend\nclose 200\nhead GET / 1.1 a\n  "
                        "host: a\nend\nclose 200\n"
                        "answer 200 keep \"onetwothree\"\nanswer 200 keep \"hello\"\nidle\n");
    h1rig_fini(&r);
}

static void test_abort_later(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    assert_int_equal(h1rig_feed(&r, GET("/open") GET("/")), CSTAR_OK);
    cstar__respond_abort(r.waiting);
    assert_string_equal(h1rig_outcome(&r),
                        "head GET /open 1.1 a\n  host: a\nend\nclose 200 broken\n"
                        "answer 200 keep \"onetwo\" ...\ncut\n");
    assert_int_equal(r.machine.held.cap, 0);
    h1rig_fini(&r);
}

/* A stream that began before the body was read: the body is dropped, whatever its length. */
static void test_stream_before_body(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    assert_int_equal(
        h1rig_feed(&r, "POST /early-stream HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"),
        CSTAR_OK);
    char body[100] = {0};
    assert_int_equal(cstar__h1_feed(&r.machine, body, 60), CSTAR_OK);
    assert_int_equal(cstar__h1_feed(&r.machine, body, 40), CSTAR_OK);
    assert_int_equal(h1rig_feed(&r, GET("/")), CSTAR_OK);
    assert_int_equal(r.heads, 1);
    assert_int_equal(r.waiting->body_seen, 0);
    assert_int_equal(cstar__respond_end(r.waiting), CSTAR_OK);
    assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
    assert_string_equal(
        h1rig_outcome(&r),
        "head POST /early-stream 1.1 a\n  host: a\n  content-length: 100\nclose 200\n"
        "head GET / 1.1 a\n  host: a\nend\nclose 200\n"
        "answer 200 keep \"onetwo\"\nanswer 200 keep \"hello\"\nidle\n");
    h1rig_fini(&r);
}

static void test_stream_ends_in_body(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    assert_int_equal(
        h1rig_feed(&r, "POST /early-stream HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe"),
        CSTAR_OK);
    assert_int_equal(cstar__respond_end(r.waiting), CSTAR_OK);
    assert_int_equal(r.closes, 1);
    assert_false(cstar__h1_idle(&r.machine)); /* three bytes are to be swallowed */
    assert_int_equal(h1rig_feed(&r, "llo" GET("/")), CSTAR_OK);
    assert_int_equal(r.closes, 2);
    assert_true(cstar__h1_idle(&r.machine));
    h1rig_fini(&r);
}

/* ---- output --------------------------------------------------------------------------------- */

/* A rig whose output takes `limit` bytes. */
static void init_limited(h1rig *r, size_t limit) {
    h1rig_init(r, cstar_heap());
    cstar_buf_fini(&r->out);
    cstar_buf_init(&r->out, cstar_heap(), limit);
}

/* Its exchange is over when its end is taken, and what follows in the connection waits. */
static void test_stream_lingers(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    assert_int_equal(h1rig_feed(&r, GET("/open") GET("/next")), CSTAR_OK);
    cstar_buf_reset(&r.out); /* taken */
    assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
    r.waiting->lingers = true;
    assert_int_equal(cstar__respond_end(r.waiting), CSTAR_OK);
    assert_int_equal(r.closes, 0);
    assert_int_equal(cstar__respond_write(r.waiting, CSTAR_STR("x")), CSTAR_ESTATE);
    assert_false(cstar__h1_wants_resume(&r.machine));
    assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK); /* too early: nothing happens */
    assert_int_equal(r.closes, 0);
    cstar_buf_reset(&r.out);
    assert_true(cstar__h1_wants_resume(&r.machine));
    assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
    assert_int_equal(r.closes, 2); /* and the next request is answered */
    assert_int_equal(r.wakes, 0);
    assert_false(r.machine.cut);
    h1rig_fini(&r);
}

static void test_lingering_stream_is_cut(void **state) {
    (void)state;
    for (int how = 0; how < 3; how++) {
        h1rig r;
        h1rig_init(&r, cstar_heap());
        assert_int_equal(h1rig_feed(&r, GET("/open")), CSTAR_OK);
        r.waiting->lingers = how != 2;
        cstar__exchange *x = r.waiting;
        if (how == 2) { /* one that does not linger is over at once */
            assert_int_equal(cstar__respond_end(x), CSTAR_OK);
            assert_int_equal(r.closes, 1);
        } else {
            assert_int_equal(cstar__respond_end(x), CSTAR_OK);
            assert_int_equal(r.closes, 0);
            if (how == 0) {
                cstar__respond_abort(x);
                assert_true(r.machine.cut);
            } else {
                cstar__h1_timeout(&r.machine);
            }
            assert_int_equal(r.closes, 1);
        }
        h1rig_fini(&r);
        assert_int_equal(r.closes, 1);
    }
}

static void test_stream_meets_limit(void **state) {
    (void)state;
    h1rig r;
    static const char piece[1000];
    init_limited(&r, 2048);
    assert_int_equal(h1rig_feed(&r, GET("/open")), CSTAR_OK);
    cstar__exchange *x = r.waiting;
    size_t before = r.out.len;
    while (cstar__respond_write(x, cstar_view(piece, 100)) == CSTAR_OK) {
        assert_true(r.out.len > before && r.out.len <= 2048 - 5);
        before = r.out.len;
    }
    assert_int_equal(x->sent, 6 + 1000); /* half of the output, less than a piece */
    assert_int_equal(cstar__respond_room(x), 18);
    assert_int_equal(cstar__respond_write(x, cstar_view(piece, 1000)), CSTAR_EAGAIN);
    assert_int_equal(cstar__respond_write(x, cstar_view(piece, 100)), CSTAR_EAGAIN);
    assert_int_equal(r.out.len, before);
    assert_int_equal(cstar_buf_status(&r.out), CSTAR_OK);
    char big[2048] = {0};
    assert_int_equal(cstar__respond_write(x, cstar_view(big, sizeof big)), CSTAR_ELIMIT);
    assert_int_equal(cstar__respond_write(x, cstar_view(big, 2048 - 24)), CSTAR_ELIMIT);
    assert_int_equal(cstar__respond_write(x, cstar_view(big, 2048 - 25)), CSTAR_EAGAIN);
    size_t sent = x->sent;
    assert_false(cstar__h1_wants_resume(&r.machine));
    cstar_buf_reset(&r.out); /* taken, but not yet sent */
    assert_int_equal(cstar__respond_write(x, cstar_view(big, 2048 - 25)), CSTAR_EAGAIN);
    assert_true(cstar__h1_wants_resume(&r.machine)); /* sent */
    assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
    assert_int_equal(cstar__respond_room(x), 1024);
    assert_int_equal(cstar__respond_write(x, cstar_view(big, 2048 - 25)), CSTAR_OK);
    assert_int_equal(x->sent, sent + 2048 - 25);
    assert_int_equal(cstar__respond_end(x), CSTAR_OK); /* there was room left for it */
    assert_true(cstar__h1_idle(&r.machine));
    h1rig_fini(&r);
}

static void test_answer_over_limit(void **state) {
    (void)state;
    h1rig r;
    init_limited(&r, 4096);
    assert_int_equal(h1rig_feed(&r, GET("/huge") GET("/")), CSTAR_OK);
    assert_int_equal(r.responded, CSTAR_ELIMIT);
    assert_string_equal(h1rig_outcome(&r),
                        "head GET /huge 1.1 a\n  host: a\nend\nrefuse 500\nclose 500\n"
                        "answer 500 close \"Internal Server Error\\n\"\nclosed\n");
    h1rig_fini(&r);
}

static void test_nothing_fits(void **state) {
    (void)state;
    static const char *const paths[] = {GET("/"), GET("/stream"), GET("/silent"),
                                        "GET / HTTP/3.0\r\n"};
    for (size_t i = 0; i < 4; i++) {
        h1rig r;
        init_limited(&r, 64);
        assert_int_equal(h1rig_feed(&r, paths[i]), CSTAR_OK);
        assert_int_equal(r.out.len, 0);
        assert_true(cstar__h1_done(&r.machine) && r.machine.cut);
        h1rig_fini(&r);
    }
}

/* Someone else's bytes fill the output: the end cannot be said, so the client must not take it
 * for the end. */
static void test_end_does_not_fit(void **state) {
    (void)state;
    h1rig r;
    init_limited(&r, 1024);
    assert_int_equal(h1rig_feed(&r, GET("/open")), CSTAR_OK);
    while (r.out.len < 1024) {
        cstar_buf_byte(&r.out, 'x');
    }
    assert_int_equal(cstar__respond_end(r.waiting), CSTAR_ELIMIT);
    assert_int_equal(r.closes, 1);
    assert_true(cstar__h1_done(&r.machine) && r.machine.cut);
    h1rig_fini(&r);
}

/* Pipelined requests whose responses pile up wait until output was sent, and all of them are
 * answered. */
static void test_crowded_output(void **state) {
    (void)state;
    h1rig r;
    init_limited(&r, 2000);
    char many[100 * 27 + 1];
    for (size_t i = 0; i < 100; i++) {
        memcpy(many + i * 27, GET("/"), 28);
    }
    assert_int_equal(h1rig_feed(&r, many), CSTAR_OK);
    assert_in_range(r.closes, 2, 20);
    assert_false(cstar__h1_wants_resume(&r.machine));
    assert_false(cstar__h1_idle(&r.machine));
    size_t rounds = 0;
    while (r.closes < 100 && rounds++ < 100) {
        assert_true(h1rig_output_ok(&r, false));
        cstar_buf_reset(&r.out);
        assert_true(cstar__h1_wants_resume(&r.machine));
        assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
    }
    assert_int_equal(r.closes, 100);
    assert_int_equal(r.refusals, 0);
    assert_true(cstar__h1_idle(&r.machine));
    h1rig_fini(&r);
}

/* Memory for the output runs out once: the answer becomes a 500; a stream's piece can be written
 * again. */
static void test_output_out_of_memory(void **state) {
    (void)state;
    failalloc f;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    failalloc_init(&f, 1);
    cstar_buf_fini(&r.out);
    cstar_buf_init(&r.out, &f.alloc, 0);
    assert_int_equal(h1rig_feed(&r, GET("/")), CSTAR_OK);
    assert_int_equal(r.responded, CSTAR_ENOMEM);
    assert_string_equal(h1rig_outcome(&r),
                        "head GET / 1.1 a\n  host: a\nend\nrefuse 500\nclose 500\n"
                        "answer 500 close \"Internal Server Error\\n\"\nclosed\n");
    h1rig_fini(&r);

    static const char piece[8192];
    h1rig_init(&r, cstar_heap());
    failalloc_init(&f, 2); /* the first is for head and two pieces */
    cstar_buf_fini(&r.out);
    cstar_buf_init(&r.out, &f.alloc, 0);
    assert_int_equal(h1rig_feed(&r, GET("/open")), CSTAR_OK);
    size_t len = r.out.len;
    assert_int_equal(cstar__respond_write(r.waiting, cstar_view(piece, 8192)), CSTAR_ENOMEM);
    assert_int_equal(r.out.len, len);
    assert_int_equal(cstar__respond_write(r.waiting, cstar_view(piece, 8192)), CSTAR_OK);
    assert_int_equal(cstar__respond_end(r.waiting), CSTAR_OK);
    assert_true(cstar__h1_idle(&r.machine));
    h1rig_fini(&r);
    assert_int_equal(f.live_blocks, 0);
}

/* x->close may be set when the head is out already: then the close is not announced, but comes. */
static void test_close_decided_late(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    assert_int_equal(h1rig_feed(&r, GET("/open") GET("/")), CSTAR_OK);
    r.waiting->close = true;
    assert_int_equal(cstar__respond_end(r.waiting), CSTAR_OK);
    assert_true(cstar__h1_done(&r.machine));
    assert_false(cstar__h1_wants_resume(&r.machine));
    assert_int_equal(r.heads, 1);
    h1rig_fini(&r);
}

static void test_lend(void **state) {
    (void)state;
    h1rig r;
    cstar_buf other;
    h1rig_init(&r, cstar_heap());
    cstar_buf_init(&other, cstar_heap(), 0);
    (void)get_later(&r);
    cstar__h1_lend(&r.machine, &other);
    assert_int_equal(cstar__respond(r.waiting, 200, NULL, 0, CSTAR_STR("x")), CSTAR_OK);
    assert_int_equal(r.out.len, 0);
    assert_true(other.len > 0);
    cstar_buf_fini(&other);
    h1rig_fini(&r);
}

/* ---- 100 (Continue) ------------------------------------------------------------------------- */

#define EXPECT "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"

static void test_continue(void **state) {
    (void)state;
    static const struct {
        const char *first, *second;
        bool said;
    } cases[] = {
        {EXPECT "Content-Length: 5\r\n\r\n", "hello", true},  /* the client waits */
        {EXPECT "Content-Length: 5\r\n\r\nhe", "llo", false}, /* it does not */
        {EXPECT "Content-Length: 5\r\n\r\nhello", "", false}, /* nor here */
        {EXPECT "Transfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", true},
        {EXPECT "Transfer-Encoding: chunked\r\n\r\n5", "\r\nhello\r\n0\r\n\r\n", false},
        {EXPECT "Content-Length: 0\r\n\r\n", "", false}, /* nothing to wait for */
        {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "hello", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        h1rig r;
        h1rig_init(&r, cstar_heap());
        assert_int_equal(h1rig_feed(&r, cases[i].first), CSTAR_OK);
        if (cases[i].said) {
            expect_output(&r, "HTTP/1.1 100 Continue\r\n\r\n");
        }
        assert_int_equal(h1rig_feed(&r, cases[i].second), CSTAR_OK);
        assert_false(output_has(&r, "100 Continue"));
        assert_int_equal(r.closes, 1);
        assert_true(output_has(&r, "200 OK"));
        h1rig_fini(&r);
    }
}

/* A refusal instead of 100: nobody knows whether the body will come, so the connection ends. */
static void test_continue_refused(void **state) {
    (void)state;
    static const char *const heads[] = {
        "POST /early HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        "POST /limit HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 50\r\n\r\n",
    };
    for (size_t i = 0; i < 2; i++) {
        h1rig r;
        h1rig_init(&r, cstar_heap());
        assert_int_equal(h1rig_feed(&r, heads[i]), CSTAR_OK);
        assert_false(output_has(&r, "100 Continue"));
        assert_true(output_has(&r, i == 0 ? "403 Forbidden" : "413 Content Too Large"));
        assert_true(output_has(&r, "Connection: close"));
        assert_true(cstar__h1_done(&r.machine));
        h1rig_fini(&r);
    }
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void test_drain(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap()); /* idle */
    cstar__h1_drain(&r.machine);
    assert_true(cstar__h1_done(&r.machine));
    h1rig_fini(&r);

    h1rig_init(&r, cstar_heap()); /* in a head: that request is still served */
    assert_int_equal(h1rig_feed(&r, "GET / HTTP/1.1\r\nHo"), CSTAR_OK);
    cstar__h1_drain(&r.machine);
    assert_false(cstar__h1_done(&r.machine));
    assert_int_equal(h1rig_feed(&r, "st: a\r\n\r\n"), CSTAR_OK);
    assert_string_equal(
        h1rig_outcome(&r),
        "head GET / 1.1 a\n  host: a\nend\nclose 200\nanswer 200 close \"hello\"\nclosed\n");
    h1rig_fini(&r);

    h1rig_init(
        &r,
        cstar_heap()); /* a response is due: it says close; what waits behind it is not served */
    assert_int_equal(h1rig_feed(&r, GET("/later") GET("/")), CSTAR_OK);
    cstar__h1_drain(&r.machine);
    assert_int_equal(cstar__respond(r.waiting, 200, NULL, 0, CSTAR_STR("x")), CSTAR_OK);
    assert_string_equal(
        h1rig_outcome(&r),
        "head GET /later 1.1 a\n  host: a\nend\nclose 200\nanswer 200 close \"x\"\nclosed\n");
    h1rig_fini(&r);

    h1rig_init(&r, cstar_heap()); /* a stream is open: it ends when it ends */
    assert_int_equal(h1rig_feed(&r, GET("/open")), CSTAR_OK);
    cstar__h1_drain(&r.machine);
    assert_false(cstar__h1_done(&r.machine));
    assert_int_equal(cstar__respond_end(r.waiting), CSTAR_OK);
    assert_true(cstar__h1_done(&r.machine));
    h1rig_fini(&r);
}

static void test_eof_with_queue(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    assert_int_equal(h1rig_feed(&r, GET("/later") GET("/") "GET /cut"), CSTAR_OK);
    cstar__h1_eof(&r.machine);
    assert_false(cstar__h1_done(&r.machine));
    assert_int_equal(cstar__respond(r.waiting, 200, NULL, 0, CSTAR_STR("x")), CSTAR_OK);
    assert_false(cstar__h1_done(&r.machine));
    assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
    assert_int_equal(r.closes, 2);
    assert_true(cstar__h1_done(&r.machine)); /* the request cut short is dropped */
    h1rig_fini(&r);

    h1rig_init(&r, cstar_heap());
    (void)get_later(&r);
    cstar__h1_eof(&r.machine);
    assert_int_equal(cstar__respond(r.waiting, 200, NULL, 0, CSTAR_STR("x")), CSTAR_OK);
    assert_string_equal(
        h1rig_outcome(&r),
        "head GET /later 1.1 a\n  host: a\nend\nclose 200\nanswer 200 close \"x\"\nclosed\n");
    h1rig_fini(&r);
}

/* In every place where a connection can be given up, on_close comes exactly once. */
static void test_fini_anywhere(void **state) {
    (void)state;
    static const char text[] = GET("/later")
        GET("/open") "POST /early-stream HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
                     "hello";
    for (size_t skip = 0; skip < 3; skip++) {
        static const size_t starts[] = {0, sizeof GET("/later") - 1,
                                        sizeof(GET("/later") GET("/open")) - 1};
        const char *start = text + starts[skip];
        for (size_t n = 0; n <= strlen(start); n++) {
            failalloc f;
            h1rig r;
            failalloc_init(&f, 0);
            h1rig_init(&r, &f.alloc);
            (void)cstar__h1_feed(&r.machine, start, n);
            cstar__h1_fini(&r.machine);
            assert_int_equal(r.heads, r.closes);
            assert_true(cstar__h1_done(&r.machine));
            cstar__h1_fini(&r.machine); /* twice does no harm */
            h1rig_fini(&r);
            assert_int_equal(f.live_blocks, 0);
        }
    }
}

static void test_closed_machine_ignores(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    assert_int_equal(h1rig_feed(&r, "junk\r\n"), CSTAR_OK);
    size_t len = r.out.len;
    assert_int_equal(h1rig_feed(&r, GET("/")), CSTAR_OK);
    assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
    cstar__h1_eof(&r.machine);
    cstar__h1_timeout(&r.machine);
    cstar__h1_drain(&r.machine);
    assert_int_equal(r.out.len, len);
    assert_int_equal(r.heads, 0);
    assert_int_equal(r.refusals, 1);
    h1rig_fini(&r);
    cstar__h1 never = {0};
    cstar__h1_fini(&never);
}

/* ---- memory --------------------------------------------------------------------------------- */

static void test_no_allocation_in_steady_state(void **state) {
    (void)state;
    static const char *const requests[] = {
        GET("/"),
        GET("/stream"),
        GET("/no-content"),
        GET("/") GET("/?pipelined"),
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    };
    failalloc f;
    h1rig r;
    failalloc_init(&f, 0);
    h1rig_init(&r, &f.alloc);
    r.quiet = true;
    size_t after_first = 0;
    for (size_t i = 0; i < 10000; i++) {
        assert_int_equal(h1rig_feed(&r, requests[i % 6]), CSTAR_OK);
        cstar_buf_reset(&r.out);
        if (i == 5) {
            after_first = f.calls;
        }
    }
    assert_int_equal(f.calls, after_first);
    assert_true(after_first > 0 && after_first < 10);
    assert_true(cstar__h1_idle(&r.machine));
    assert_int_equal(r.machine.held.cap, 0);
    h1rig_fini(&r);
    assert_int_equal(f.live_blocks, 0);
}

/* Every limit that is set is the one that counts: exactly it is accepted, one more is refused. */
static void test_limits_can_be_set(void **state) {
    (void)state;
    static const struct {
        cstar__h1_limits limits;
        const char *text;
        int status; /* with one byte, or one field, less */
    } cases[] = {
        {{.max_line = 16}, GET("/"), 414},
        {{.max_head = 11}, GET("/"), 431},
        {{.max_fields = 1}, "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n", 431},
        {{.max_chunk_line = 5},
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a\r\nx\r\n0\r\n\r\n",
         400},
        {{.max_trailer = 8},
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
         431},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t less = 0; less < 2; less++) {
            h1rig r;
            char expected[16];
            h1rig_init(&r, cstar_heap());
            r.env.limits = cases[i].limits;
            r.env.limits.max_line -= r.env.limits.max_line != 0 ? less : 0;
            r.env.limits.max_head -= r.env.limits.max_head != 0 ? less : 0;
            r.env.limits.max_fields += r.env.limits.max_fields != 0 ? 1 - less : 0;
            r.env.limits.max_chunk_line -= r.env.limits.max_chunk_line != 0 ? less : 0;
            r.env.limits.max_trailer -= r.env.limits.max_trailer != 0 ? less : 0;
            (void)snprintf(expected, sizeof expected, " %d ", less != 0 ? cases[i].status : 200);
            assert_int_equal(h1rig_feed(&r, cases[i].text), CSTAR_OK);
            assert_int_equal(r.refusals, less);
            assert_true(output_has(&r, expected));
            h1rig_fini(&r);
        }
    }
}

static void test_size(void **state) {
    (void)state;
    assert_true(sizeof(cstar__h1) <= 176); /* one per connection */
}

/* The n-th allocation fails, for all n: the scenario goes on or the machine closes; nothing
 * leaks, nothing hangs, and what was written is well-formed. */
static size_t run_failing(size_t fail_at, bool sticky, size_t step) {
    static const char text[] =
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" GET("/stream")
            GET("/huge") "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                         "chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n" GET("/later") GET("/c")
                             GET("/open") "GET /half";
    failalloc f;
    h1rig r;
    failalloc_init(&f, fail_at);
    f.sticky = sticky;
    h1rig_init(&r, &f.alloc);
    bool closed = false;
    bool cut_short = false;
    for (size_t at = 0; at < sizeof text - 1; at += step) {
        size_t n = sizeof text - 1 - at < step ? sizeof text - 1 - at : step;
        cstar_status rc = cstar__h1_feed(&r.machine, text + at, n);
        assert_true(rc == CSTAR_OK || rc == CSTAR_ENOMEM);
    }
    for (int i = 0; i < 3 && r.waiting != NULL; i++) {
        cstar__exchange *x = r.waiting;
        if (x->state == CSTAR__RESPONSE_NONE) {
            (void)cstar__respond(x, 200, NULL, 0, CSTAR_STR("later"));
        } else {
            (void)cstar__respond_end(x);
        }
        cstar_status rc = cstar__h1_resume(&r.machine);
        assert_true(rc == CSTAR_OK || rc == CSTAR_ENOMEM);
    }
    assert_int_equal(r.heads - r.closes, r.waiting != NULL);
    closed = cstar__h1_done(&r.machine);
    cut_short = r.machine.cut;
    if (fail_at == 0) {
        assert_int_equal(r.closes, 7);
        assert_false(closed);
    }
    assert_true(h1rig_output_ok(&r, cut_short));
    size_t calls = f.calls;
    h1rig_fini(&r);
    assert_int_equal(f.live_blocks, 0);
    assert_int_equal(f.live_bytes, 0);
    return calls;
}

static void test_allocation_failures(void **state) {
    (void)state;
    static const size_t steps[] = {1, 7, 100000};
    for (size_t i = 0; i < 3; i++) {
        size_t calls = run_failing(0, false, steps[i]);
        assert_true(calls > 5);
        for (size_t n = 1; n <= calls; n++) {
            (void)run_failing(n, false, steps[i]);
            (void)run_failing(n, true, steps[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_response_bytes),
        cmocka_unit_test(test_response_options),
        cmocka_unit_test(test_refused_field_can_be_answered_again),
        cmocka_unit_test(test_pipeline_waits),
        cmocka_unit_test(test_pipeline_ends_in_the_middle),
        cmocka_unit_test(test_pending_limit),
        cmocka_unit_test(test_nothing_waits_behind_close),
        cmocka_unit_test(test_stream_later),
        cmocka_unit_test(test_abort_later),
        cmocka_unit_test(test_stream_before_body),
        cmocka_unit_test(test_stream_ends_in_body),
        cmocka_unit_test(test_stream_lingers),
        cmocka_unit_test(test_lingering_stream_is_cut),
        cmocka_unit_test(test_stream_meets_limit),
        cmocka_unit_test(test_answer_over_limit),
        cmocka_unit_test(test_nothing_fits),
        cmocka_unit_test(test_end_does_not_fit),
        cmocka_unit_test(test_crowded_output),
        cmocka_unit_test(test_output_out_of_memory),
        cmocka_unit_test(test_close_decided_late),
        cmocka_unit_test(test_lend),
        cmocka_unit_test(test_continue),
        cmocka_unit_test(test_continue_refused),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_eof_with_queue),
        cmocka_unit_test(test_fini_anywhere),
        cmocka_unit_test(test_closed_machine_ignores),
        cmocka_unit_test(test_no_allocation_in_steady_state),
        cmocka_unit_test(test_limits_can_be_set),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
