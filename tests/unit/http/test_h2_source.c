/* test_h2_source.c -- HTTP/2: bodies that are read as the peer takes them, responses that are
 * streamed as there is room, what waits for a peer that takes nothing, and what outlives its stream.
 * SPDX-License-Identifier: MIT */
#include "http/h2_parts.h"
#include "support/failalloc.h"
#include "support/h2peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#if CSTAR_WITH_HTTP2

/* ---- sources -------------------------------------------------------------------------------- */

static void test_bodies(void **state) {
    (void)state;
    static const struct {
        const char *method, *path, *length;
        size_t at, body;
        uint32_t window;
        size_t most; /* that one read gives */
    } cases[] = {
        {"GET", "/file", "content-length: 300000\n", 0, RIG_FILE, 65535, 0},
        {"GET", "/file", "content-length: 300000\n", 0, RIG_FILE, 1 << 20, 999},
        {"GET", "/file", "content-length: 300000\n", 0, RIG_FILE, 1000, 0},
        {"GET", "/kept", "content-length: 300000\n", 0, RIG_FILE, 65535, 0},
        {"GET", "/part", "content-length: 100000\n", 1000, 100000, 65535, 0},
        {"GET", "/small", "content-length: 1000\n", 5, 1000, 65535, 1},
        {"GET", "/empty", "content-length: 0\n", 0, 0, 65535, 0},
        {"HEAD", "/file", "content-length: 300000\n", 0, 0, 65535, 0},
        {"POST", "/early-file", "content-length: 300000\n", 0, RIG_FILE, 65535, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        h2peer p;
        h2peer_init_window(&p, cstar_heap(), NULL, cases[i].window);
        p.file.most = cases[i].most;
        int32_t id = h2peer_request(&p, cases[i].method, cases[i].path,
                                    cases[i].method[0] == 'P' ? "body" : NULL);
        h2peer_run(&p);
        h2peer_stream *s = h2peer_stream_of(&p, id);
        cstar_buf_byte(&s->fields, '\0');
        assert_true(s->end);
        assert_int_equal(s->body.len, cases[i].body);
        assert_true(testfile_is(cstar_buf_view(&s->body), cases[i].at));
        assert_non_null(strstr(s->fields.ptr, cases[i].length));
        assert_int_equal(p.closes, 1);
        assert_int_equal(p.broken, 0);
        assert_int_equal(p.file.released, 1);
        assert_int_equal(p.machine->queued, 0);
        h2peer_fini(&p);
    }
}

/* They are read when their turn comes: nothing waits in memory for a peer that takes nothing. */
static void test_many_sources_cost_nothing(void **state) {
    (void)state;
    h2peer p;
    h2peer_init_window(&p, cstar_heap(), NULL, 0);
    for (int i = 0; i < 100; i++) {
        (void)h2peer_get(&p, "/file");
    }
    h2peer_run(&p);
    assert_int_equal(p.ends, 100);
    assert_int_equal(p.file.reads, 0);
    assert_int_equal(p.machine->queued, 0);
    assert_int_equal(p.file.released, 0);
    h2peer_fini(&p); /* which asks for the releases */
}

static void test_short_source_resets(void **state) {
    (void)state;
    static const char *const paths[] = {"/short", "/gone"};
    for (size_t i = 0; i < 2; i++) {
        h2peer p;
        h2peer_init(&p, cstar_heap(), NULL);
        int32_t id = h2peer_get(&p, paths[i]);
        h2peer_run(&p);
        const h2peer_stream *s = h2peer_stream_of(&p, id);
        assert_true(s->closed && !s->end);
        assert_int_equal(s->code, NGHTTP2_INTERNAL_ERROR);
        assert_int_equal(p.broken, 1);
        assert_int_equal(p.file.released, 1);
        assert_int_equal(p.machine->guard.count.provoked, 0); /* not the peer's fault */
        id = h2peer_get(&p, "/part");
        h2peer_run(&p);
        assert_int_equal(h2peer_stream_of(&p, id)->body.len, 100000);
        h2peer_fini(&p);
    }
}

static void test_statuses_without_body(void **state) {
    (void)state;
    static const int statuses[] = {204, 304};
    for (size_t i = 0; i < 2; i++) {
        h2peer p;
        h2peer_init(&p, cstar_heap(), NULL);
        int32_t id = h2peer_get(&p, "/later");
        h2peer_run(&p);
        const cstar__source s = testfile_source(&p.file, 0, 500);
        assert_int_equal(cstar__respond_from(p.waiting[0], statuses[i], NULL, 0, &s), CSTAR_OK);
        assert_int_equal(p.file.released, 1);
        h2peer_run(&p);
        assert_true(h2peer_stream_of(&p, id)->end);
        assert_int_equal(h2peer_stream_of(&p, id)->body.len, 0);
        h2peer_fini(&p);
    }
}

/* The client goes, or does not take it for too long. */
static void test_source_ends_with_its_stream(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        h2peer p;
        h2peer_init_window(&p, cstar_heap(), NULL, 1000);
        h2peer_run(&p);
        cstar__h2_tick(p.machine, 1000);
        int32_t id = h2peer_get(&p, "/file");
        cstar_buf wire;
        cstar_buf_init(&wire, cstar_heap(), 0);
        h2peer_take(&p, &wire);
        assert_int_equal(h2peer_feed(&p, wire.ptr, wire.len), CSTAR_OK);
        p.deaf = true;
        h2peer_hear(&p);
        p.deaf = false;
        assert_int_equal(p.file.released, 0);
        if (i == 0) {
            assert_int_equal(nghttp2_submit_rst_stream(p.session, 0, id, NGHTTP2_CANCEL), 0);
            h2peer_run(&p);
        } else if (i == 1) {
            cstar__h2_tick(p.machine, 31000);
            h2peer_hear(&p);
            assert_int_equal(h2peer_stream_of(&p, id)->code, NGHTTP2_CANCEL);
        } else {
            cstar__h2_timeout(p.machine);
            h2peer_hear(&p);
        }
        assert_int_equal(p.file.released, 1);
        assert_int_equal(p.broken, 1);
        cstar_buf_fini(&wire);
        h2peer_fini(&p);
    }
}

static void test_out_of_memory(void **state) {
    (void)state;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        failalloc f;
        h2peer p;
        failalloc_init(&f, n);
        h2peer_init(&p, &f.alloc, NULL);
        p.quiet = true;
        (void)h2peer_get(&p, "/file");
        (void)h2peer_get(&p, "/pour");
        (void)h2peer_request(&p, "POST", "/early-file", "body");
        h2peer_run(&p);
        failed = f.calls >= n;
        h2peer_fini(&p);
        assert_int_equal(f.live_blocks, 0);
        assert_true(failed || (p.closes == 3 && p.broken == 0));
    }
}

/* ---- streams -------------------------------------------------------------------------------- */

static void test_pour(void **state) {
    (void)state;
    static const struct {
        cstar__h2_limits limits;
        uint32_t window;
    } cases[] = {{{0}, 65535},
                 {{.max_stream_output = 20000}, 65535},
                 {{.max_stream_output = 20000}, 1 << 20},
                 {{.max_stream_output = 20000, .max_output = 10000}, 1000},
                 {{.max_stream_output = 20000, .max_output = 1}, 65535}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        h2peer p;
        cstar__h2_limits limits = cases[i].limits;
        h2peer_init_window(&p, cstar_heap(), &limits, cases[i].window);
        int32_t id = h2peer_get(&p, "/pour");
        h2peer_run(&p);
        const h2peer_stream *s = h2peer_stream_of(&p, id);
        assert_true(s->end);
        assert_int_equal(s->body.len, RIG_POUR);
        assert_true(testfile_is(cstar_buf_view(&s->body), 0));
        assert_int_equal(p.wakes, p.refusals_to_pour);
        assert_true(i == 0 || p.wakes != 0);
        assert_int_equal(p.machine->nstarved, 0);
        assert_int_equal(p.machine->queued, 0);
        h2peer_fini(&p);
    }
}

/* Several at once, which share what a connection may have: all end, none goes over it by much. */
static void test_pour_together(void **state) {
    (void)state;
    const cstar__h2_limits limits = {.max_stream_output = 50000, .max_output = 100000};
    h2peer p;
    h2peer_init_window(&p, cstar_heap(), &limits, 8000);
    int32_t ids[8];
    cstar_buf wire;
    cstar_buf_init(&wire, cstar_heap(), 1u << 20);
    for (size_t i = 0; i < 8; i++) {
        ids[i] = h2peer_get(&p, "/pour");
        h2peer_take(&p, &wire); /* one by one: or the later ones are refused */
        assert_int_equal(h2peer_feed(&p, wire.ptr, wire.len), CSTAR_OK);
        cstar_buf_reset(&wire);
        assert_true(p.machine->queued <= 100000 + 2 * 65536);
    }
    h2peer_run(&p);
    size_t whole = 0;
    for (size_t i = 0; i < 8; i++) {
        const h2peer_stream *s = h2peer_stream_of(&p, ids[i]);
        assert_true(s->end || (s->closed && s->code == NGHTTP2_REFUSED_STREAM));
        whole += s->end && s->body.len == RIG_POUR && testfile_is(cstar_buf_view(&s->body), 0);
    }
    assert_true(whole >= 1);
    assert_int_equal(p.machine->nstarved, 0);
    cstar_buf_fini(&wire);
    h2peer_fini(&p);
}

/* ---- shared pieces -------------------------------------------------------------------------- */

enum { GIFTS = 60, GIFT = 300 };

static struct {
    cstar__shared made[GIFTS];
    const cstar__shared *pieces[GIFTS];
    size_t next, wakes;
} gifts;

static cstar_status give(cstar__exchange *x) {
    size_t taken = GIFTS;
    const cstar_status rc =
        cstar__respond_shared(x, gifts.pieces + gifts.next, GIFTS - gifts.next, &taken);
    gifts.next += taken;
    assert_true((rc == CSTAR_OK) == (gifts.next == GIFTS));
    return rc;
}

static void give_more(void *ctx, cstar__exchange *x) {
    (void)ctx;
    gifts.wakes++;
    (void)give(x);
}

/* As much of them as fits, the rest when there is room; their chunks are not HTTP/2's. */
static void test_shared(void **state) {
    (void)state;
    static char text[GIFTS * GIFT + 8];
    const cstar__h2_limits limits = {.max_stream_output = 1000};
    h2peer p;
    h2peer_init_window(&p, cstar_heap(), &limits, 100);
    p.handler.on_wake = give_more;
    memset(&gifts, 0, sizeof gifts);
    for (size_t i = 0; i < GIFTS; i++) {
        (void)testfile_read(&p.file, text + i * GIFT, GIFT, i * GIFT);
        gifts.made[i].bytes = cstar_view(text + i * GIFT, GIFT);
        gifts.made[i].chunk = cstar_view(text + i * GIFT, GIFT + 2);
        gifts.pieces[i] = &gifts.made[i];
    }
    int32_t id = h2peer_get(&p, "/later");
    h2peer_run(&p);
    cstar__exchange *x = p.waiting[0];
    assert_int_equal(cstar__respond_start(x, 200, NULL, 0), CSTAR_OK);
    assert_int_equal(give(x), CSTAR_EAGAIN);
    assert_int_equal(gifts.next, 3);
    assert_int_equal(give(x), CSTAR_EAGAIN);
    assert_int_equal(gifts.next, 3);
    h2peer_run(&p);
    assert_int_equal(gifts.next, GIFTS);
    assert_true(gifts.wakes != 0);
    assert_int_equal(x->sent, GIFTS * GIFT);
    assert_int_equal(cstar__respond_end(x), CSTAR_OK);
    h2peer_run(&p);
    const h2peer_stream *s = h2peer_stream_of(&p, id);
    assert_true(s->end);
    assert_int_equal(s->body.len, GIFTS * GIFT);
    assert_memory_equal(s->body.ptr, text, GIFTS * GIFT);
    h2peer_fini(&p);
}

/* Refused, and over before there was room: nobody is told. */
static void test_starved_stream_ends(void **state) {
    (void)state;
    const cstar__h2_limits limits = {.max_stream_output = 1000};
    for (int i = 0; i < 3; i++) {
        h2peer p;
        h2peer_init_window(&p, cstar_heap(), &limits, 0);
        int32_t id = h2peer_get(&p, "/open");
        h2peer_run(&p);
        cstar__exchange *x = p.waiting[0];
        assert_int_equal(cstar__respond_room(x), 994);
        assert_int_equal(cstar__respond_write(x, cstar_view(p.kept, 994)), CSTAR_OK);
        assert_int_equal(cstar__respond_room(x), 0);
        assert_int_equal(cstar__respond_write(x, CSTAR_STR("x")), CSTAR_EAGAIN);
        assert_int_equal(p.machine->nstarved, 1);
        if (i == 0) {
            assert_int_equal(nghttp2_submit_rst_stream(p.session, 0, id, NGHTTP2_CANCEL), 0);
        } else if (i == 1) {
            cstar__respond_abort(x);
        } else {
            assert_int_equal(cstar__respond_end(x), CSTAR_OK);
            assert_int_equal(nghttp2_submit_window_update(p.session, 0, id, 2000), 0);
        }
        h2peer_run(&p);
        assert_int_equal(p.wakes, 0);
        assert_int_equal(p.closes, 1);
        assert_int_equal(p.machine->nstarved, 0);
        h2peer_fini(&p);
    }
}

static void test_wake_at_half(void **state) {
    (void)state;
    const cstar__h2_limits limits = {.max_stream_output = 1000};
    h2peer p;
    h2peer_init_window(&p, cstar_heap(), &limits, 0);
    int32_t id = h2peer_get(&p, "/open");
    h2peer_run(&p);
    cstar__exchange *x = p.waiting[0];
    assert_int_equal(cstar__respond_write(x, cstar_view(p.kept, 994)), CSTAR_OK);
    assert_int_equal(cstar__respond_write(x, CSTAR_STR("x")), CSTAR_EAGAIN);
    p.deaf = true; /* or the client would open windows by itself */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(p.wakes, 0);
        assert_int_equal(nghttp2_submit_window_update(p.session, 0, id, 100), 0);
        h2peer_run(&p);
    }
    assert_int_equal(p.wakes, 1);
    cstar__h2_wake(p.machine, x); /* an alarm */
    assert_int_equal(p.wakes, 2);
    cstar__respond_abort(x);
    h2peer_run(&p);
    h2peer_fini(&p);
}

/* ---- a peer that takes nothing -------------------------------------------------------------- */

static void test_zero_window_pins_little(void **state) {
    (void)state;
    const cstar__h2_limits limits = {.max_output = 1000000};
    h2peer p;
    h2peer_init_window(&p, cstar_heap(), &limits, 0);
    cstar__h2_tick(p.machine, 1000);
    int32_t ids[50];
    for (size_t i = 0; i < 50; i++) {
        ids[i] = h2peer_get(&p, "/big");
    }
    h2peer_run(&p);
    assert_int_equal(p.heads, 4); /* 1.2 MB: over the limit by less than one answer */
    assert_int_equal(p.ends, 4);
    assert_true(p.machine->queued >= 1000000 && p.machine->queued < 1300000);
    for (size_t i = 4; i < 50; i++) {
        assert_int_equal(h2peer_stream_of(&p, ids[i])->code, NGHTTP2_REFUSED_STREAM);
    }
    assert_int_equal(p.pool.stats.refused, 46);
    assert_int_equal(p.goaways, 0);
    cstar__h2_tick(p.machine, 31000); /* what does not move is cancelled */
    h2peer_run(&p);
    assert_int_equal(p.machine->queued, 0);
    int32_t id = h2peer_get(&p, "/empty");
    h2peer_run(&p);
    assert_string_equal(h2peer_answer(&p, id), "200 ");
    h2peer_fini(&p);
}

/* It became too much while the request's body was coming: the handler has not seen its end. */
static void test_full_before_the_end(void **state) {
    (void)state;
    const cstar__h2_limits limits = {.max_output = 1000000};
    h2peer p;
    h2peer_init_window(&p, cstar_heap(), &limits, 0);
    int32_t id = h2peer_request(&p, "POST", "/big", "part");
    h2peer_stream_of(&p, id)->hold = true;
    h2peer_run(&p);
    for (int i = 0; i < 4; i++) {
        (void)h2peer_get(&p, "/big");
    }
    h2peer_run(&p);
    assert_int_equal(p.ends, 4);
    h2peer_upload(&p, id, "rest", false);
    h2peer_run(&p);
    assert_int_equal(p.ends, 4);
    assert_int_equal(p.closes, 1);
    assert_int_equal(p.broken, 1);
    assert_int_equal(h2peer_stream_of(&p, id)->code, NGHTTP2_REFUSED_STREAM);
    h2peer_fini(&p);
}

/* A client that takes all it gets is never refused: what it asks for waits for the driver. */
static void test_requests_wait_for_the_driver(void **state) {
    (void)state;
    const cstar__h2_limits limits = {.max_output = 500000};
    h2peer p;
    h2peer_init_window(&p, cstar_heap(), &limits, 1u << 30);
    nghttp2_session_set_local_window_size(p.session, 0, 0, 1 << 30);
    h2peer_run(&p);
    int32_t ids[40];
    for (size_t i = 0; i < 40; i++) {
        ids[i] = h2peer_get(&p, "/big");
    }
    cstar_buf wire;
    cstar_buf_init(&wire, cstar_heap(), 0);
    h2peer_take(&p, &wire);
    assert_int_equal(h2peer_feed(&p, wire.ptr, wire.len), CSTAR_OK);
    assert_true(p.heads < 40);
    assert_false(cstar__h2_wants_input(p.machine));
    assert_false(cstar__h2_wants_resume(p.machine));
    assert_int_equal(h2peer_feed(&p, wire.ptr, 0), CSTAR_OK);
    h2peer_hear(&p);
    h2peer_run(&p);
    for (size_t i = 0; i < 40; i++) {
        assert_string_equal(h2peer_answer(&p, ids[i]), "200 [300000]");
    }
    assert_true(cstar__h2_wants_input(p.machine));
    assert_int_equal(p.pool.stats.refused, 0);
    cstar_buf_fini(&wire);
    h2peer_fini(&p);
}

/* The peer takes what it gets, but slowly: its windows are open, and the driver has not got rid of
 * what it has. Whether that moves is the driver's to judge. */
static void test_a_slow_link_is_no_stall(void **state) {
    (void)state;
    h2peer p;
    h2peer_init_window(&p, cstar_heap(), NULL, 1u << 30);
    nghttp2_session_set_local_window_size(p.session, 0, 0, 1 << 30);
    h2peer_run(&p);
    cstar__h2_tick(p.machine, 1000);
    int32_t id = h2peer_get(&p, "/file");
    cstar_buf wire;
    cstar_buf_init(&wire, cstar_heap(), 0);
    h2peer_take(&p, &wire);
    assert_int_equal(h2peer_feed(&p, wire.ptr, wire.len), CSTAR_OK);
    cstar__h2_stuck(p.machine, true);
    for (unsigned i = 2; i < 100; i++) {
        const size_t len = p.out.len;
        cstar__h2_tick(p.machine, 1000 * i);
        assert_int_equal(p.out.len, len);
        assert_false(cstar__h2_wants_resume(p.machine));
    }
    cstar__h2_stuck(p.machine, false);
    h2peer_hear(&p);
    h2peer_run(&p);
    assert_string_equal(h2peer_answer(&p, id), "200 [300000]");
    cstar_buf_fini(&wire);
    h2peer_fini(&p);
}

/* ---- bodies that trickle -------------------------------------------------------------------- */

static void test_trickle(void **state) {
    (void)state;
    static const struct {
        cstar__h2_limits limits;
        size_t a_second; /* bytes */
        bool ends;
    } cases[] = {{{0}, 255, true},
                 {{0}, 257, false},
                 {{.body_rate = UINT32_MAX}, 1, false},
                 {{.body_rate = 10}, 11, false},
                 {{.body_rate = 10, .body_ms = 5000}, 9, true}};
    static char piece[300];
    memset(piece, 'x', sizeof piece - 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        h2peer p;
        h2peer_init(&p, cstar_heap(), &cases[i].limits);
        cstar__h2_tick(p.machine, 1000);
        int32_t id = h2peer_request(&p, "POST", "/echo", "");
        h2peer_stream_of(&p, id)->hold = true;
        h2peer_run(&p);
        uint64_t seconds = 0;
        while (seconds < 60 && p.closes == 0) {
            h2peer_upload(&p, id, piece + sizeof piece - 1 - cases[i].a_second, true);
            h2peer_run(&p);
            cstar__h2_tick(p.machine, 1000 + 1000 * ++seconds);
            h2peer_run(&p);
        }
        const uint32_t ms = cases[i].limits.body_ms;
        assert_int_equal(seconds, !cases[i].ends ? 60 : ms != 0 ? ms / 1000 : 30);
        assert_int_equal(h2peer_stream_of(&p, id)->status, cases[i].ends ? 408 : 0);
        h2peer_fini(&p);
    }
}

/* ---- the driver is asked -------------------------------------------------------------------- */

static void test_claims(void **state) {
    (void)state;
    h2peer p;
    h2peer_init(&p, cstar_heap(), NULL);
    p.env.driver = &p.driver;
    (void)h2peer_get(&p, "/");
    (void)h2peer_get(&p, "/small");
    (void)h2peer_get(&p, "/pour");
    for (int i = 0; i < 5; i++) {
        (void)h2peer_get(&p, "/later");
    }
    h2peer_run(&p);
    assert_int_equal(p.claims, 0);
    cstar__exchange *x[5];
    memcpy(x, p.waiting, sizeof x);
    const cstar__source s = testfile_source(&p.file, 0, 10);
    assert_int_equal(cstar__respond(x[0], 200, NULL, 0, CSTAR_STR("x")), CSTAR_OK);
    assert_int_equal(p.claims, 1);
    assert_int_equal(cstar__respond_from(x[1], 200, NULL, 0, &s), CSTAR_OK);
    assert_int_equal(p.claims, 2);
    cstar__respond_abort(x[2]);
    assert_int_equal(p.claims, 3);
    assert_int_equal(cstar__respond_start(x[3], 200, NULL, 0), CSTAR_OK);
    assert_int_equal(p.claims, 4);
    assert_int_equal(cstar__respond_write(x[3], CSTAR_STR("x")), CSTAR_OK);
    assert_int_equal(p.claims, 5);
    assert_int_equal(cstar__respond_end(x[3]), CSTAR_OK);
    assert_int_equal(p.claims, 6);
    assert_int_equal(p.out.len, 0);
    assert_true(cstar__h2_wants_resume(p.machine));
    h2peer_run(&p);
    assert_int_equal(p.claims, 6);
    h2peer_fini(&p);
}

/* ---- alarms --------------------------------------------------------------------------------- */

static void drop_alarm(void *link, cstar__exchange *x) {
    (void)link;
    x->alarm = 0;
}

static cstar_status set_alarm(void *link, cstar__exchange *x, uint64_t ms) {
    (void)link;
    (void)ms;
    x->alarm = 1;
    return CSTAR_OK;
}

/* Answered before the end of its request, a stream rests for a while: its exchange is over. */
static void test_no_alarm_behind_the_close(void **state) {
    (void)state;
    h2peer p;
    h2peer_init(&p, cstar_heap(), NULL);
    p.driver.alarm = set_alarm;
    p.driver.over = drop_alarm;
    p.env.driver = &p.driver;
    int32_t id = h2peer_request(&p, "POST", "/open", "part");
    h2peer_stream_of(&p, id)->hold = true;
    h2peer_run(&p);
    cstar__exchange *x = p.machine->streams->x;
    cstar__exchange_hold(x); /* so that it can be looked at */
    assert_int_equal(cstar__exchange_alarm(x, 1000), CSTAR_OK);
    assert_int_equal(cstar__respond(x, 200, NULL, 0, CSTAR_STR("early")), CSTAR_OK);
    h2peer_run(&p);
    assert_int_equal(p.closes, 1);
    assert_int_equal(p.machine->nrests, 1);
    assert_int_equal(x->alarm, 0);
    cstar__h2_wake(p.machine, x); /* one that had been taken off just then */
    assert_int_equal(p.wakes, 0);
    cstar__exchange_let_go(x);
    h2peer_upload(&p, id, "rest", false);
    h2peer_run(&p);
    assert_string_equal(h2peer_answer(&p, id), "200 early");
    h2peer_fini(&p);
}

/* ---- held exchanges, counters --------------------------------------------------------------- */

static void expect_closed(h2peer *p, cstar__exchange *x) {
    const size_t claims = p->claims;
    const cstar__source s = testfile_source(&p->file, 0, 10);
    assert_int_equal(cstar__respond(x, 200, NULL, 0, CSTAR_STR("x")), CSTAR_ECLOSED);
    assert_int_equal(cstar__respond_from(x, 200, NULL, 0, &s), CSTAR_ECLOSED);
    assert_int_equal(cstar__respond_start(x, 200, NULL, 0), CSTAR_ECLOSED);
    assert_int_equal(cstar__respond_write(x, CSTAR_STR("x")), CSTAR_ECLOSED);
    assert_int_equal(cstar__respond_end(x), CSTAR_ECLOSED);
    assert_int_equal(cstar__respond_room(x), 0);
    cstar__respond_abort(x);
    assert_int_equal(cstar__exchange_alarm(x, 0), CSTAR_ECLOSED);
    assert_int_equal(p->claims, claims);
}

/* The client resets its stream, or leaves altogether, while work for it goes on elsewhere. */
static void test_hold(void **state) {
    (void)state;
    for (int leaves = 0; leaves < 2; leaves++) {
        failalloc f;
        h2peer p;
        failalloc_init(&f, 0);
        h2peer_init(&p, &f.alloc, NULL);
        p.env.driver = &p.driver;
        int32_t id = h2peer_get(&p, leaves != 0 ? "/open" : "/later");
        h2peer_run(&p);
        cstar__exchange *x = p.waiting[0];
        char *kept = cstar_arena_alloc(&x->arena, 10);
        memcpy(kept, "0123456789", 10);
        cstar__exchange_hold(x);
        if (leaves != 0) {
            cstar__h2_free(p.machine);
            p.machine = NULL;
        } else {
            assert_int_equal(nghttp2_submit_rst_stream(p.session, 0, id, NGHTTP2_CANCEL), 0);
            h2peer_run(&p);
            id = h2peer_get(&p, "/"); /* the connection goes on, with other exchanges */
            h2peer_run(&p);
            assert_string_equal(h2peer_answer(&p, id), "200 hello");
        }
        assert_int_equal(p.closes, leaves != 0 ? 1 : 2);
        assert_int_equal(p.broken, 1);
        expect_closed(&p, x);
        assert_memory_equal(kept, "0123456789", 10);
        p.pool.stats.accepted = 5;
        cstar__exchange_let_go(x);
        assert_int_equal(p.pool.stats.accepted, 5);
        h2peer_fini(&p);
        assert_int_equal(f.live_blocks, 0);
    }
}

/* Held, refused with 413 by the machine, and let go of while the rest of its body still comes. */
static void test_hold_while_resting(void **state) {
    (void)state;
    for (int early = 0; early < 2; early++) {
        h2peer p;
        h2peer_init(&p, cstar_heap(), NULL);
        int32_t id = h2peer_request(&p, "POST", "/limit", "part");
        h2peer_stream_of(&p, id)->hold = true;
        h2peer_run(&p);
        cstar__exchange *x = p.machine->streams->x;
        cstar__exchange_hold(x);
        h2peer_upload(&p, id, "much more than that", true);
        h2peer_run(&p);
        assert_int_equal(p.closes, 1);
        if (early != 0) {
            cstar__exchange_let_go(x);
        }
        h2peer_upload(&p, id, "end", false);
        h2peer_run(&p);
        assert_string_equal(h2peer_answer(&p, id), "413 Content Too Large\n");
        if (early == 0) {
            expect_closed(&p, x);
            cstar__exchange_let_go(x);
        }
        assert_int_equal(p.pool.nfree, 1);
        h2peer_fini(&p);
    }
}

static void test_stats(void **state) {
    (void)state;
    h2peer p;
    h2peer_init(&p, cstar_heap(), NULL);
    const cstar__stats *s = &p.pool.stats;
    (void)h2peer_get(&p, "/");
    int32_t id = h2peer_get(&p, "/open");
    (void)h2peer_get(&p, "/open");
    (void)h2peer_get(&p, "/silent");
    h2peer_run(&p);
    assert_int_equal(s->h2_connections, 1);
    assert_int_equal(s->active, 2);
    assert_int_equal(s->streams, 2);
    assert_int_equal(s->refused, 1);
    assert_int_equal(nghttp2_submit_rst_stream(p.session, 0, id, NGHTTP2_CANCEL), 0);
    h2peer_run(&p);
    assert_int_equal(s->active, 1);
    assert_int_equal(s->streams, 1);
    assert_int_equal(s->h2_resets_in, 1);
    cstar__respond_abort(p.waiting[0]);
    h2peer_run(&p);
    assert_int_equal(s->h2_resets_out, 1);
    assert_int_equal(s->streams, 0);
    assert_int_equal(s->h2_goaways, 0);
    assert_int_equal(h2peer_feed(&p, "not a frame, but bytes", 22), CSTAR_OK);
    (void)h2peer_feed(&p, "and more of them, until it is seen", 34);
    assert_int_equal(s->h2_goaways, 1);
    h2peer_fini(&p);
}

#endif

int main(void) {
#if CSTAR_WITH_HTTP2
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_many_sources_cost_nothing),
        cmocka_unit_test(test_short_source_resets),
        cmocka_unit_test(test_statuses_without_body),
        cmocka_unit_test(test_source_ends_with_its_stream),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_pour),
        cmocka_unit_test(test_pour_together),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_starved_stream_ends),
        cmocka_unit_test(test_wake_at_half),
        cmocka_unit_test(test_zero_window_pins_little),
        cmocka_unit_test(test_full_before_the_end),
        cmocka_unit_test(test_requests_wait_for_the_driver),
        cmocka_unit_test(test_a_slow_link_is_no_stall),
        cmocka_unit_test(test_trickle),
        cmocka_unit_test(test_no_alarm_behind_the_close),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_hold_while_resting),
        cmocka_unit_test(test_stats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
#else
    return 0;
#endif
}
