/* test_state.c -- memory of a stream's own: whose it is, how long it lives, and what it costs.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"

#include "cstar/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- the app ---- */

typedef struct count {
    _Alignas(max_align_t) int64_t told;
    int64_t rang;
    bool entered;
} count;

static count last; /* of the stream that has ended last */
static int here, ended, at_once, elsewhere;
static void *first_place;

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p id='n'>-</p>");
}

static void ring(cstar_conn *conn) {
    count *c = cstar_state(conn, count);
    assert_ptr_equal(c, first_place);
    c->rang++;
}

/* What can't be counted is not counted when it leaves, either. */
static void enter(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    count *c = cstar_state(conn, count);
    if (c == NULL) {
        return;
    }
    assert_int_equal((uintptr_t)c % _Alignof(max_align_t), 0);
    assert_int_equal(c->told + c->rang + c->entered, 0);
    c->entered = true;
    first_place = c;
    here++;
    (void)cstar_subscribe(conn, "news");
    (void)cstar_every(conn, 100, ring);
}

static void told(cstar_conn *conn, const cstar_message *m) {
    (void)m;
    count *c = cstar_state(conn, count);
    c->told++;
    cstar_signal(conn, "told", c->told);
}

static void leave(cstar_conn *conn) {
    const count *c = cstar_state(conn, count);
    ended++;
    if (c != NULL) {
        last = *c;
        here -= c->entered;
    }
}

/* Neither of these is the stream, which would never see what they keep. */
static void nothing_here(cstar_conn *conn) {
    assert_null(cstar_state(conn, count));
    assert_int_equal(cstar_error(conn)->code, CSTAR_ESTATE);
    elsewhere++;
}

static void clicked(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    nothing_here(conn);
}

CSTAR_PAGE(elsewhere_page, .mount = nothing_here, .render = render, .connect = enter, .info = told,
           .disconnect = leave, .events = CSTAR_EVENTS({"clicked", clicked}));
CSTAR_PAGE(page, .render = render, .connect = enter, .info = told, .disconnect = leave);
CSTAR_PAGE(blocking, .render = render, .connect = enter, .info = told, .disconnect = leave,
           .blocking = true);

static void by_hand(cstar_conn *conn) {
    count *c = cstar_state(conn, count); /* before it is a stream */
    c->told = 40;
    if (cstar_live(conn, .info = told, .disconnect = leave) == CSTAR_OK) {
        cstar_subscribe(conn, "news");
    }
}

static void never_a_stream(cstar_conn *conn) {
    assert_non_null(cstar_state(conn, count));
    cstar_respond_text(conn, 200, "none");
}

static void wrong_sizes(cstar_conn *conn) {
    char *c = cstar_stream_state(conn, 3);
    assert_non_null(c);
    assert_null(cstar_stream_state(conn, 4));
    assert_int_equal(cstar_error(conn)->code, CSTAR_EINVAL);
    assert_ptr_equal(cstar_stream_state(conn, 3), c);
    assert_null(cstar_stream_state(conn, 0));
    cstar_respond_text(conn, 200, "checked");
}

static cstar_next no_more(cstar_conn *conn, void *arg) {
    (void)arg;
    assert_null(cstar_state(conn, count)); /* it is a stream of another kind */
    at_once++;
    return CSTAR_END;
}

static void other_stream(cstar_conn *conn) { (void)cstar_stream(conn, no_more); }

typedef struct fixture {
    failalloc f;
    cstar_app *app;
    cstar_test *t;
} fixture;

static int set_up(void **state) {
    fixture *x = calloc(1, sizeof *x);
    here = ended = at_once = elsewhere = 0;
    last = (count){0};
    failalloc_init(&x->f, 0);
    x->app = cstar_app_new_with(&x->f.alloc);
    cstar_page(x->app, "/page", &page);
    cstar_page(x->app, "/blocking", &blocking);
    cstar_page(x->app, "/elsewhere", &elsewhere_page);
    cstar_route(x->app, CSTAR_GET, "/hand", by_hand);
    cstar_route(x->app, CSTAR_GET, "/never", never_a_stream);
    cstar_route(x->app, CSTAR_GET, "/sizes", wrong_sizes);
    x->t = cstar_test_new(x->app);
    *state = x;
    return 0;
}

static int tear_down(void **state) {
    fixture *x = *state;
    cstar_test_free(x->t);
    cstar_app_free(x->app);
    const size_t left = x->f.live_blocks;
    free(x);
    return left == 0 ? 0 : -1;
}

static cstar_test_stream *open_page(fixture *x, const char *path) {
    cstar_test_stream *s = cstar_test_open(x->t, path, .method = "POST", .body = "{}");
    cstar_test_advance(x->t, 0);
    return s;
}

static void say(fixture *x) {
    assert_int_equal(cstar_publish(x->app, "news", .bytes = CSTAR_STR("n")), CSTAR_OK);
    cstar_test_advance(x->t, 0);
}

/* ---- whose it is ---- */

static void all_callbacks_of_a_stream_see_the_same(void **state) {
    fixture *x = *state;
    static const char *const paths[] = {"/page", "/blocking"};
    for (size_t i = 0; i < 2; i++) {
        cstar_test_stream *s = open_page(x, paths[i]);
        say(x);
        cstar_test_advance(x->t, 101);
        cstar_test_advance(x->t, 101);
        say(x);
        cstar_test_expect_signals(cstar_test_came(s), "{\"told\":2}");
        cstar_test_cut(s);
        assert_int_equal(last.told, 2);
        assert_int_equal(last.rang, 2);
        assert_int_equal(here, 0);
    }
}

static void each_stream_has_its_own(void **state) {
    fixture *x = *state;
    cstar_test_stream *a = cstar_test_open(x->t, "/hand", .method = "GET");
    cstar_test_advance(x->t, 0);
    say(x);
    cstar_test_stream *b = cstar_test_open(x->t, "/hand", .method = "GET");
    cstar_test_advance(x->t, 0);
    say(x);
    cstar_test_expect_signals(cstar_test_came(a), "{\"told\":42}");
    cstar_test_expect_signals(cstar_test_came(b), "{\"told\":41}");
    cstar_test_cut(b);
    assert_int_equal(last.told, 41);
    cstar_test_cut(a);
    assert_int_equal(last.told, 42);
}

static void a_page_and_its_events_have_none(void **state) {
    fixture *x = *state;
    (void)cstar_test_get(x->t, "/elsewhere");
    assert_int_equal(elsewhere, 1);
    (void)cstar_test_event(x->t, "/elsewhere", "clicked", NULL);
    assert_int_equal(elsewhere, 2);
}

static void its_size_is_that_of_the_first_call(void **state) {
    fixture *x = *state;
    cstar_test_expect_body(cstar_test_get(x->t, "/sizes"), "checked");
}

/* ---- how long it lives: tear_down looks for what is left ---- */

static void a_handler_that_is_no_stream_in_the_end_leaves_nothing(void **state) {
    fixture *x = *state;
    cstar_test_expect_body(cstar_test_get(x->t, "/never"), "none");
}

static void another_kind_of_stream_has_none(void **state) {
    (void)state;
    cstar_app *app = cstar_app_new();
    cstar_route(app, CSTAR_GET, "/other", other_stream);
    cstar_test *t = cstar_test_new(app);
    (void)cstar_test_get(t, "/other");
    assert_int_equal(at_once, 1);
    cstar_test_free(t);
    cstar_app_free(app);
}

/* Whichever allocation fails: who was counted in is counted out, and nothing is left. */
static void without_memory_who_entered_leaves(void **state) {
    fixture *x = *state;
    size_t most = 0;
    for (size_t n = 1; n <= most + 1; n++) {
        const size_t before = x->f.calls;
        x->f.fail_at = before + n;
        cstar_test_stream *s = cstar_test_open(x->t, "/page", .method = "POST", .body = "{}");
        x->f.fail_at = 0;
        most = x->f.calls - before > most ? x->f.calls - before : most;
        cstar_test_cut(s);
        assert_int_equal(here, 0);
    }
    assert_true(most > 5);
    assert_true(ended > 1); /* some came far enough */
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(all_callbacks_of_a_stream_see_the_same),
        TEST(each_stream_has_its_own),
        TEST(a_page_and_its_events_have_none),
        TEST(its_size_is_that_of_the_first_call),
        TEST(a_handler_that_is_no_stream_in_the_end_leaves_nothing),
        TEST(another_kind_of_stream_has_none),
        TEST(without_memory_who_entered_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
