/* test_h1_source.c -- HTTP/1.1: bodies that are read as the peer takes them, responses that are
 * streamed as there is room, and what a machine asks of its driver for both.
 * SPDX-License-Identifier: MIT */
#include "http/machine.h"
#include "support/failalloc.h"
#include "support/h1rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

enum { AHEAD = 256 * 1024 };

/* A driver: takes what is in `out`, and lets the machine go on, until neither has more. */
static void drive(h1rig *r, cstar_buf *sent) {
    for (;;) {
        assert_true(r->out.len <= AHEAD + 16 * 1024);
        cstar_buf_str(sent, cstar_buf_view(&r->out));
        cstar_buf_reset(&r->out);
        if (r->machine.cut || !cstar__h1_wants_resume(&r->machine)) {
            return;
        }
        assert_int_equal(cstar__h1_resume(&r->machine), CSTAR_OK);
    }
}

/* Behind the empty line of the first head in `b`. */
static cstar_str behind_head(const cstar_buf *b) {
    for (size_t i = 0; i + 4 <= b->len; i++) {
        if (memcmp(b->ptr + i, "\r\n\r\n", 4) == 0) {
            return cstar_view(b->ptr + i + 4, b->len - i - 4);
        }
    }
    return cstar_view(NULL, 0);
}

static bool has(const cstar_buf *b, const char *text) {
    const size_t n = strlen(text);
    for (size_t i = 0; i + n <= b->len; i++) {
        if (memcmp(b->ptr + i, text, n) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- sources -------------------------------------------------------------------------------- */

static void test_bodies(void **state) {
    (void)state;
    static const struct {
        const char *request, *length;
        size_t at, body;
        size_t most; /* that one read gives */
    } cases[] = {
        {GET("/file"), "Content-Length: 300000\r\n", 0, RIG_FILE, 0},
        {GET("/file"), "Content-Length: 300000\r\n", 0, RIG_FILE, 999},
        {GET("/kept"), "Content-Length: 300000\r\n", 0, RIG_FILE, 0},
        {GET("/part"), "Content-Length: 100000\r\n", 1000, 100000, 0},
        {GET("/small"), "Content-Length: 1000\r\n", 5, 1000, 0},
        {GET("/small"), "Content-Length: 1000\r\n", 5, 1000, 1},
        {GET("/empty"), "Content-Length: 0\r\n", 0, 0, 0},
        {"HEAD /file HTTP/1.1\r\nHost: a\r\n\r\n", "Content-Length: 300000\r\n", 0, 0, 0},
        {"GET /file HTTP/1.0\r\n\r\n", "Content-Length: 300000\r\n", 0, RIG_FILE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        h1rig r;
        cstar_buf sent;
        h1rig_init(&r, cstar_heap());
        cstar_buf_init(&sent, cstar_heap(), 0);
        r.file.most = cases[i].most;
        assert_int_equal(h1rig_feed(&r, cases[i].request), CSTAR_OK);
        drive(&r, &sent);
        assert_true(has(&sent, cases[i].length));
        assert_false(has(&sent, "chunked"));
        const cstar_str body = behind_head(&sent);
        assert_int_equal(body.len, cases[i].body);
        assert_true(testfile_is(body, cases[i].at));
        assert_int_equal(r.closes, 1);
        assert_int_equal(r.file.released, 1);
        assert_false(r.machine.cut);
        cstar_buf_fini(&sent);
        h1rig_fini(&r);
    }
}

static void test_small_goes_with_the_head(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    r.machine.sends_files = true;
    assert_int_equal(h1rig_feed(&r, GET("/small")), CSTAR_OK);
    assert_int_equal(behind_head(&r.out).len, 1000);
    assert_int_equal(r.closes, 1);
    h1rig_fini(&r);
}

/* No body, and the source is let go of at once: with or without a length. */
static void test_statuses_without_body(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *length;
    } cases[] = {{204, NULL}, {304, "Content-Length: 500\r\n"}};
    for (size_t i = 0; i < 2; i++) {
        h1rig r;
        h1rig_init(&r, cstar_heap());
        assert_int_equal(h1rig_feed(&r, GET("/later")), CSTAR_OK);
        const cstar__source s = testfile_source(&r.file, 0, 500);
        assert_int_equal(cstar__respond_from(r.waiting, cases[i].status, NULL, 0, &s), CSTAR_OK);
        assert_int_equal(r.file.released, 1);
        assert_int_equal(r.closes, 1);
        assert_int_equal(behind_head(&r.out).len, 0);
        assert_true(cases[i].length == NULL ? !has(&r.out, "Content-Length")
                                            : has(&r.out, cases[i].length));
        h1rig_fini(&r);
    }
}

/* A part is never taken for the whole: the connection is cut. */
static void test_short_source_cuts(void **state) {
    (void)state;
    static const char *const requests[] = {GET("/short"), GET("/gone")};
    for (size_t i = 0; i < 2; i++) {
        h1rig r;
        cstar_buf sent;
        h1rig_init(&r, cstar_heap());
        cstar_buf_init(&sent, cstar_heap(), 0);
        assert_int_equal(h1rig_feed(&r, requests[i]), CSTAR_OK);
        drive(&r, &sent);
        assert_true(r.machine.cut && cstar__h1_done(&r.machine));
        assert_int_equal(r.file.released, 1);
        assert_int_equal(r.closes, 1);
        assert_true(has(&r.log, "close 200 broken"));
        assert_int_equal(behind_head(&sent).len, i == 0 ? RIG_FILE - 100000 : 0);
        cstar_buf_fini(&sent);
        h1rig_fini(&r);
    }
}

static void test_refused_source_is_released(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    assert_int_equal(h1rig_feed(&r, GET("/later")), CSTAR_OK);
    cstar__exchange *x = r.waiting;
    const cstar__field bad = {CSTAR_STR("a b"), CSTAR_STR("x")};
    cstar__source s = testfile_source(&r.file, 0, 500);
    assert_int_equal(cstar__respond_from(x, 200, &bad, 1, &s), CSTAR_EINVAL);
    assert_int_equal(r.file.released, 1);
    s = testfile_source(&r.file, 0, 500);
    assert_int_equal(cstar__respond_from(x, 99, NULL, 0, &s), CSTAR_EINVAL);
    assert_int_equal(r.file.released, 2);
    s = testfile_source(&r.file, 0, RIG_FILE);
    assert_int_equal(cstar__respond_from(x, 200, NULL, 0, &s), CSTAR_OK);
    assert_int_equal(r.file.released, 2); /* under way */
    s = testfile_source(&r.file, 0, 500);
    assert_int_equal(cstar__respond_from(x, 200, NULL, 0, &s), CSTAR_ESTATE);
    assert_int_equal(r.file.released, 3);
    assert_int_equal(cstar__respond_write(x, CSTAR_STR("x")), CSTAR_ESTATE);
    assert_int_equal(cstar__respond_room(x), 0);
    h1rig_fini(&r); /* the peer leaves in the middle: the rig asks for the last release */
}

/* The driver's clock runs out, or it stops, while a source is being read. */
static void test_ends_while_reading(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        h1rig r;
        cstar_buf sent;
        h1rig_init(&r, cstar_heap());
        cstar_buf_init(&sent, cstar_heap(), 0);
        assert_int_equal(h1rig_feed(&r, GET("/file") GET("/")), CSTAR_OK);
        assert_int_equal(r.closes, 0);
        if (i == 0) {
            cstar__h1_timeout(&r.machine);
            assert_true(r.machine.cut);
            assert_int_equal(r.closes, 1);
        } else if (i == 1) {
            cstar__h1_drain(&r.machine);
        } else {
            cstar__h1_eof(&r.machine);
        }
        drive(&r, &sent);
        assert_int_equal(r.file.released, 1);
        assert_true(cstar__h1_done(&r.machine));
        if (i != 0) {
            assert_true(testfile_is(cstar_view(behind_head(&sent).ptr, RIG_FILE), 0));
            assert_false(r.machine.cut);
        }
        cstar_buf_fini(&sent);
        h1rig_fini(&r);
    }
}

/* An answer from a source begins before the body has come; both go on side by side. */
static void test_early_source(void **state) {
    (void)state;
    for (int body_first = 0; body_first < 2; body_first++) {
        h1rig r;
        cstar_buf sent;
        h1rig_init(&r, cstar_heap());
        cstar_buf_init(&sent, cstar_heap(), 0);
        assert_int_equal(
            h1rig_feed(&r, "POST /early-file HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n12"),
            CSTAR_OK);
        if (body_first == 0) {
            drive(&r, &sent);
        }
        assert_int_equal(r.closes, body_first == 0);
        assert_int_equal(h1rig_feed(&r, "34" GET("/")), CSTAR_OK);
        drive(&r, &sent);
        assert_int_equal(r.closes, 2);
        assert_int_equal(r.ends, 1);
        assert_true(testfile_is(cstar_view(behind_head(&sent).ptr, RIG_FILE), 0));
        assert_memory_equal(sent.ptr + sent.len - 5, "hello", 5);
        cstar_buf_fini(&sent);
        h1rig_fini(&r);
    }
}

static void test_out_of_memory(void **state) {
    (void)state;
    static const char *const requests[] = {GET("/file") GET("/small"), GET("/pour"), GET("/kept")};
    for (size_t i = 0; i < 3; i++) {
        bool failed = true;
        for (size_t n = 1; failed; n++) {
            failalloc f;
            h1rig r;
            cstar_buf sent;
            failalloc_init(&f, n);
            h1rig_init(&r, &f.alloc);
            cstar_buf_init(&sent, cstar_heap(), 4u << 20);
            (void)h1rig_feed(&r, requests[i]);
            for (int k = 0; k < 100 && !r.machine.cut && r.out.len != 0; k++) {
                cstar_buf_str(&sent, cstar_buf_view(&r.out));
                cstar_buf_reset(&r.out);
                (void)cstar__h1_resume(&r.machine);
            }
            failed = f.calls >= n;
            assert_true(failed || (cstar__h1_idle(&r.machine) && !r.machine.cut));
            h1rig_fini(&r);
            cstar_buf_fini(&sent);
            assert_int_equal(f.live_blocks, 0);
        }
    }
}

/* ---- files that the driver sends ------------------------------------------------------------ */

static void test_driver_sends_file(void **state) {
    (void)state;
    h1rig r;
    int fd = -1;
    uint64_t at = 0;
    uint64_t left = 0;
    h1rig_init(&r, cstar_heap());
    r.machine.sends_files = true;
    assert_int_equal(h1rig_feed(&r, GET("/") GET("/part") GET("/kept")), CSTAR_OK);
    assert_int_equal(r.closes, 1);
    assert_false(cstar__h1_file(&r.machine, &fd, &at, &left)); /* heads go first */
    cstar_buf_reset(&r.out);
    assert_true(cstar__h1_file(&r.machine, &fd, &at, &left));
    assert_int_equal(fd, TESTFILE_FD);
    assert_int_equal(at, 1000);
    assert_int_equal(left, 100000);
    assert_false(cstar__h1_wants_resume(&r.machine));
    assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
    assert_int_equal(r.out.len, 0);
    cstar__h1_file_sent(&r.machine, 99999);
    cstar__h1_file_sent(&r.machine, 0);
    assert_true(cstar__h1_file(&r.machine, &fd, &at, &left));
    assert_int_equal(at, 100999);
    assert_int_equal(left, 1);
    assert_int_equal(r.closes, 1);
    cstar__h1_file_sent(&r.machine, 1);
    assert_int_equal(r.closes, 2);
    assert_int_equal(r.file.released, 1);
    assert_int_equal(r.file.reads, 0);
    assert_false(cstar__h1_file(&r.machine, &fd, &at, &left));
    assert_true(cstar__h1_wants_resume(&r.machine)); /* the third request */
    cstar_buf sent;
    cstar_buf_init(&sent, cstar_heap(), 0);
    drive(&r, &sent); /* memory is the machine's to write */
    assert_true(testfile_is(behind_head(&sent), 0));
    assert_int_equal(r.closes, 3);
    cstar__h1_file_sent(&r.machine, 0);
    cstar_buf_fini(&sent);
    h1rig_fini(&r);
}

/* Through the machine that may be either: what the driver of a socket sees. */
static void test_machine_entries(void **state) {
    (void)state;
    h1rig r;
    cstar__machine m;
    cstar_buf other;
    int fd = -1;
    uint64_t at = 0;
    uint64_t left = 0;
    h1rig_init(&r, cstar_heap());
    r.quiet = true;
    cstar_buf_init(&other, cstar_heap(), 0);
    cstar__machine_init(&m, &r.env, NULL, &r.out);
    cstar__machine_sends_files(&m);
    assert_int_equal(cstar__machine_body_seen(&m), 0);
    static const char post[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n123";
    assert_int_equal(cstar__machine_feed(&m, post, sizeof post - 1), CSTAR_OK);
    assert_int_equal(cstar__machine_body_seen(&m), 3);
    assert_int_equal(cstar__machine_feed(&m, "45", 2), CSTAR_OK);
    assert_int_equal(cstar__machine_body_seen(&m), 0);
    cstar_buf_reset(&r.out);
    cstar__machine_lend(&m, &other);
    static const char get[] = GET("/file");
    assert_int_equal(cstar__machine_feed(&m, get, sizeof get - 1), CSTAR_OK);
    assert_int_equal(r.out.len, 0);
    assert_true(other.len != 0);
    assert_false(cstar__machine_file(&m, &fd, &at, &left));
    cstar_buf_reset(&other);
    assert_true(cstar__machine_file(&m, &fd, &at, &left));
    assert_false(cstar__machine_wants_resume(&m));
    cstar__machine_file_sent(&m, left);
    assert_int_equal(cstar__machine_waits_for(&m), CSTAR__MACHINE_IDLE);
    cstar__machine_fini(&m);
    cstar_buf_fini(&other);
    h1rig_fini(&r);
}

/* ---- streams -------------------------------------------------------------------------------- */

static void test_pour(void **state) {
    (void)state;
    h1rig r;
    cstar_buf sent;
    cstar_buf body;
    h1rig_init(&r, cstar_heap());
    cstar_buf_init(&sent, cstar_heap(), 2u << 20);
    cstar_buf_init(&body, cstar_heap(), 2u << 20);
    assert_int_equal(h1rig_feed(&r, "GET /pour HTTP/1.0\r\n\r\n"), CSTAR_OK);
    assert_int_equal(r.refusals_to_pour, 1);
    assert_int_equal(r.wakes, 0);
    assert_true(r.out.len > AHEAD - 7000 && r.out.len <= AHEAD + 1000);
    assert_false(cstar__h1_wants_resume(&r.machine)); /* nothing was sent yet */
    assert_int_equal(cstar__h1_resume(&r.machine), CSTAR_OK);
    assert_int_equal(r.wakes, 0);
    drive(&r, &sent);
    assert_int_equal(behind_head(&sent).len, RIG_POUR);
    assert_true(testfile_is(behind_head(&sent), 0));
    assert_int_equal(r.wakes, RIG_POUR / (AHEAD - 7000));
    assert_int_equal(r.closes, 1);
    assert_true(cstar__h1_done(&r.machine));
    cstar_buf_fini(&sent);
    cstar_buf_fini(&body);
    h1rig_fini(&r);
}

/* A stream that never waits long is never refused, however much it writes in all; and nobody is
 * woken for nothing. */
static void test_stream_that_is_taken(void **state) {
    (void)state;
    static const char piece[50000];
    h1rig r;
    cstar_buf sent;
    h1rig_init(&r, cstar_heap());
    cstar_buf_init(&sent, cstar_heap(), 4u << 20);
    assert_int_equal(h1rig_feed(&r, GET("/open")), CSTAR_OK);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(cstar__respond_write(r.waiting, cstar_view(piece, sizeof piece)),
                         CSTAR_OK);
        drive(&r, &sent);
        assert_int_equal(cstar__respond_room(r.waiting), AHEAD);
    }
    assert_int_equal(r.wakes, 0);
    assert_int_equal(cstar__respond_end(r.waiting), CSTAR_OK);
    assert_false(cstar__h1_wants_resume(&r.machine));
    cstar_buf_fini(&sent);
    h1rig_fini(&r);
}

static void test_wake_by_alarm(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    assert_int_equal(h1rig_feed(&r, GET("/later")), CSTAR_OK);
    cstar__h1_wake(&r.machine, r.waiting);
    assert_int_equal(r.wakes, 1);
    r.handler.on_wake = NULL;
    cstar__h1_wake(&r.machine, r.waiting);
    h1rig_fini(&r);
}

/* ---- the driver is asked -------------------------------------------------------------------- */

static void test_claims(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    r.env.driver = &r.driver;
    /* inside the driver's entries: never (the rig's claim would also object) */
    assert_int_equal(h1rig_feed(&r, GET("/") GET("/stream") GET("/small") GET("/later")), CSTAR_OK);
    assert_int_equal(r.claims, 0);
    assert_int_equal(cstar__respond(r.waiting, 200, NULL, 0, CSTAR_STR("x")), CSTAR_OK);
    assert_int_equal(r.claims, 1);
    assert_int_equal(h1rig_feed(&r, GET("/later")), CSTAR_OK);
    assert_int_equal(cstar__respond_start(r.waiting, 200, NULL, 0), CSTAR_OK);
    assert_int_equal(r.claims, 2);
    assert_int_equal(cstar__respond_write(r.waiting, CSTAR_STR("x")), CSTAR_OK);
    assert_int_equal(r.claims, 3);
    assert_int_equal(cstar__respond_end(r.waiting), CSTAR_OK);
    assert_int_equal(r.claims, 4);
    assert_int_equal(h1rig_feed(&r, GET("/later")), CSTAR_OK);
    const cstar__source s = testfile_source(&r.file, 0, 10);
    assert_int_equal(cstar__respond_from(r.waiting, 200, NULL, 0, &s), CSTAR_OK);
    assert_int_equal(r.claims, 5);
    assert_int_equal(h1rig_feed(&r, GET("/later")), CSTAR_OK);
    cstar__respond_abort(r.waiting);
    assert_int_equal(r.claims, 6);
    h1rig_fini(&r);
}

/* What another connection has in the shared buffer is gone from there before we write. */
static void sweep(void *link) { cstar_buf_reset(&((h1rig *)link)->out); }

static void test_claim_comes_first(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    r.driver.claim = sweep;
    r.env.driver = &r.driver;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(h1rig_feed(&r, GET("/later")), CSTAR_OK);
        cstar_buf_reset(&r.out);
        cstar_buf_puts(&r.out, "somebody else's");
        const cstar__source s = testfile_source(&r.file, 0, 10);
        if (i == 0) {
            (void)cstar__respond(r.waiting, 200, NULL, 0, CSTAR_STR("x"));
        } else if (i == 1) {
            (void)cstar__respond_start(r.waiting, 200, NULL, 0);
        }
        if (i == 2) {
            (void)cstar__respond_from(r.waiting, 200, NULL, 0, &s);
        } else {
            cstar__source unused = s;
            cstar__source_release(&unused);
        }
        assert_memory_equal(r.out.ptr, "HTTP/1.1 200", 12);
        if (i == 1) {
            (void)cstar__respond_end(r.waiting);
        }
    }
    h1rig_fini(&r);
}

/* ---- held exchanges, counters --------------------------------------------------------------- */

static void test_hold(void **state) {
    (void)state;
    h1rig r;
    failalloc f;
    failalloc_init(&f, 0);
    h1rig_init(&r, &f.alloc);
    r.env.driver = &r.driver;
    assert_int_equal(h1rig_feed(&r, GET("/later")), CSTAR_OK);
    cstar__exchange *x = r.waiting;
    char *kept = cstar_arena_alloc(&x->arena, 10);
    memcpy(kept, "0123456789", 10);
    cstar__exchange_hold(x);
    cstar__h1_fini(&r.machine);
    memset(&r.machine, 0xee, sizeof r.machine); /* as its connection's memory may be */
    memset(&r.peer, 0xee, sizeof r.peer);
    assert_int_equal(r.closes, 1);
    const cstar__source s = testfile_source(&r.file, 0, 10);
    assert_int_equal(cstar__respond(x, 200, NULL, 0, CSTAR_STR("x")), CSTAR_ECLOSED);
    assert_int_equal(cstar__respond_from(x, 200, NULL, 0, &s), CSTAR_ECLOSED);
    assert_int_equal(cstar__respond_start(x, 200, NULL, 0), CSTAR_ECLOSED);
    assert_int_equal(cstar__respond_write(x, CSTAR_STR("x")), CSTAR_ECLOSED);
    assert_int_equal(cstar__respond_end(x), CSTAR_ECLOSED);
    assert_int_equal(cstar__respond_room(x), 0);
    cstar__respond_abort(x);
    assert_int_equal(cstar__exchange_alarm(x, 0), CSTAR_ECLOSED);
    assert_int_equal(cstar__exchange_work(x, NULL), CSTAR_ECLOSED);
    assert_true(x->request.path.len == 6 && memcmp(x->request.path.ptr, "/later", 6) == 0);
    assert_memory_equal(kept, "0123456789", 10);
    assert_int_equal(r.claims, 0);
    r.pool.stats.accepted = 5;
    cstar__exchange_let_go(x);
    assert_int_equal(r.pool.stats.accepted, 5);
    assert_int_equal(r.pool.nfree, 1);
    memset(&r.machine, 0, sizeof r.machine);
    h1rig_fini(&r);
    assert_int_equal(f.live_blocks, 0);
}

/* Let go of before the end: as if it had not been held. */
static void test_hold_and_let_go(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    assert_int_equal(h1rig_feed(&r, GET("/later")), CSTAR_OK);
    cstar__exchange *x = r.waiting;
    cstar__exchange_hold(x);
    cstar__exchange_let_go(x);
    assert_int_equal(cstar__respond(x, 200, NULL, 0, CSTAR_STR("x")), CSTAR_OK);
    assert_int_equal(r.pool.nfree, 1);
    h1rig_fini(&r);
}

static void test_stats(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    const cstar__stats *s = &r.pool.stats;
    assert_int_equal(h1rig_feed(&r, GET("/") GET("/open")), CSTAR_OK);
    assert_int_equal(s->active, 1);
    assert_int_equal(s->streams, 1);
    assert_int_equal(cstar__respond_end(r.waiting), CSTAR_OK);
    assert_int_equal(s->streams, 0);
    assert_int_equal(s->active, 0);
    assert_int_equal(h1rig_feed(&r, GET("/open")), CSTAR_OK);
    cstar__respond_abort(r.waiting);
    assert_int_equal(s->streams, 0);
    assert_int_equal(s->refused, 0);
    h1rig_fini(&r);
    h1rig_init(&r, cstar_heap());
    assert_int_equal(h1rig_feed(&r, GET("/silent")), CSTAR_OK);
    assert_int_equal(s->refused, 1);
    assert_int_equal(s->active, 0);
    h1rig_fini(&r);
    h1rig_init(&r, cstar_heap());
    assert_int_equal(h1rig_feed(&r, "GET\r\n"), CSTAR_OK);
    assert_int_equal(s->refused, 1);
    h1rig_fini(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_small_goes_with_the_head),
        cmocka_unit_test(test_statuses_without_body),
        cmocka_unit_test(test_short_source_cuts),
        cmocka_unit_test(test_refused_source_is_released),
        cmocka_unit_test(test_ends_while_reading),
        cmocka_unit_test(test_early_source),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_driver_sends_file),
        cmocka_unit_test(test_machine_entries),
        cmocka_unit_test(test_pour),
        cmocka_unit_test(test_stream_that_is_taken),
        cmocka_unit_test(test_wake_by_alarm),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_claim_comes_first),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_hold_and_let_go),
        cmocka_unit_test(test_stats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
