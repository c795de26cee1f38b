/* test_view.c -- views: rendered once for all who subscribe, on the kit's clock.
 * SPDX-License-Identifier: MIT */
#include "live/parts.h"
#include "support/failalloc.h"
#include "support/kitrig.h"
#include "web/app.h"

#include "cstar/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- the app ---- */

typedef struct board {
    int value;
    int renders;
    bool broken;
    int lines;       /* empty ones in front: as an event each takes more than in markup */
    cstar_app *echo; /* not NULL: rendering says that it has changed, once */
} board;

static board prices, rates;

static void draw(cstar_html *h, void *arg) {
    board *b = arg;
    cstar_app *echo = b->echo;
    b->renders++;
    if (b->broken) {
        cstar_put(h, "<p id='n'");
        return;
    }
    for (int i = 0; i < b->lines; i++) {
        cstar_put(h, "\n");
    }
    cstar_put(h, "<p id='n'>{}</p>", b->value);
    b->echo = NULL;
    if (echo != NULL) {
        b->value++;
        assert_int_equal(cstar_changed(echo, "prices", "table"), CSTAR_OK);
    }
}

static void markup(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p id='n' data-init='{}'>-</p>", cstar_connect());
}

static void connect_prices(cstar_conn *conn, const cstar_signals *in) {
    cstar_status rc = CSTAR_OK;
    if (cstar_signals_bool(in, "bare", false)) {
        rc = cstar_subscribe(conn, "prices");
    } else {
        rc = cstar_send_view(conn, "prices", NULL);
    }
    assert_int_equal(rc, CSTAR_OK);
}

static void connect_nowhere(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    assert_int_equal(cstar_send_view(conn, "nothing", NULL), CSTAR_ENOENT);
    assert_int_equal(cstar_send_view(conn, "prices", "nothing"), CSTAR_ENOENT);
}

CSTAR_PAGE(board_page, .render = markup, .connect = connect_prices);
CSTAR_PAGE(nowhere, .render = markup, .connect = connect_nowhere);

typedef kitrig fixture;

static int set_up_app(void **state) {
    fixture *f = kitrig_new(state);
    prices = (board){.value = 1};
    rates = (board){.value = 100};
    cstar_page(f->app, "/board", &board_page);
    cstar_page(f->app, "/nowhere", &nowhere);
    return 0;
}

static int set_up(void **state) {
    (void)set_up_app(state);
    fixture *f = *state;
    const cstar_status rc = cstar_live_view(f->app, "prices", .key = "table", .render = draw,
                                            .arg = &prices, .min_ms = 100);
    assert_int_equal(rc, CSTAR_OK);
    f->t = cstar_test_new(f->app);
    return 0;
}

static int tear_down(void **state) { return kitrig_close(state); }

static cstar_test_stream *open_board(const fixture *f, const char *signals) {
    return cstar_test_open(f->t, "/board", .method = "POST", .body = signals);
}

static void change(const fixture *f, int value) {
    prices.value = value;
    assert_int_equal(cstar_changed(f->app, "prices", "table"), CSTAR_OK);
}

/* What came since the last look is these values, each a patch. */
static void expect_values(cstar_test_stream *s, const int *values, size_t n) {
    const cstar_test_reply *r = cstar_test_news(s);
    assert_int_equal(r->npatches, n);
    for (size_t i = 0; i < n; i++) {
        char html[32];
        (void)snprintf(html, sizeof html, "<p id='n'>%d</p>", values[i]);
        assert_string_equal(r->patches[i].html, html);
        assert_string_equal(r->patches[i].mode, "outer");
    }
}
#define EXPECT(s, ...)                                                                             \
    expect_values((s), (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static void expect_nothing(cstar_test_stream *s) {
    assert_int_equal(cstar_test_news(s)->npatches, 0);
}

/* ---- tests ---- */

static void one_rendering_for_all_who_subscribe(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s[20];
    for (size_t i = 0; i < 20; i++) {
        s[i] = open_board(f, "{}");
    }
    cstar_test_advance(f->t, 1);
    assert_int_equal(prices.renders, 1);
    change(f, 2);
    cstar_test_advance(f->t, 200);
    assert_int_equal(prices.renders, 2);
    for (size_t i = 0; i < 20; i++) {
        EXPECT(s[i], 1, 2);
    }
}

static void the_first_change_is_shown_at_once_and_the_last_one_always(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 1000);
    EXPECT(s, 1);
    for (int i = 2; i < 50; i++) { /* one each ms: the first at once, then none for 100 ms */
        change(f, i);
        cstar_test_advance(f->t, 1);
    }
    EXPECT(s, 2);
    assert_int_equal(prices.renders, 2);
    cstar_test_advance(f->t, 51); /* 99 ms since the first */
    expect_nothing(s);
    cstar_test_advance(f->t, 1);
    EXPECT(s, 49);
    assert_int_equal(prices.renders, 3);
    cstar_test_advance(f->t, 10000);
    expect_nothing(s);
    assert_int_equal(prices.renders, 3);
}

static void what_is_the_same_is_not_sent_again(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 200);
    EXPECT(s, 1);
    change(f, 1);
    cstar_test_advance(f->t, 200);
    expect_nothing(s);
    assert_int_equal(prices.renders, 2);
    change(f, 7);
    cstar_test_advance(f->t, 200);
    EXPECT(s, 7);
}

static void some_want_it_again_all_the_same(void **state) {
    const fixture *f = *state;
    assert_int_equal(cstar_live_view(f->app, "prices", .render = draw, .arg = &rates,
                                     .selector = "#r", .mode = CSTAR_INNER, .repeat = true),
                     CSTAR_OK);
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 200);
    assert_int_equal(cstar_test_news(s)->npatches, 2);
    assert_int_equal(cstar_changed(f->app, "prices", NULL), CSTAR_OK); /* both */
    cstar_test_advance(f->t, 200);
    assert_int_equal(prices.renders, 2);
    assert_int_equal(rates.renders, 2);
    const cstar_test_reply *r = cstar_test_news(s);
    assert_int_equal(r->npatches, 1);
    assert_string_equal(r->patches[0].html, "<p id='n'>100</p>");
    assert_string_equal(r->patches[0].selector, "#r");
    assert_string_equal(r->patches[0].mode, "inner");
}

static void nothing_is_rendered_for_nobody(void **state) {
    const fixture *f = *state;
    for (int i = 2; i < 10; i++) {
        change(f, i);
        cstar_test_advance(f->t, 1000);
    }
    assert_int_equal(prices.renders, 0);
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 0);
    EXPECT(s, 9);
    cstar_test_cut(s);
    change(f, 10);
    cstar_test_advance(f->t, 1000);
    assert_int_equal(prices.renders, 1);
    s = open_board(f, "{}"); /* not what was shown before everybody had left */
    cstar_test_advance(f->t, 0);
    EXPECT(s, 10);
}

/* Also for who has left before it was due. */
static void who_comes_when_all_have_left_sees_it(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 0);
    change(f, 2); /* due in 100 ms */
    cstar_test_advance(f->t, 0);
    cstar_test_cut(s);
    cstar_test_advance(f->t, 1000);
    assert_int_equal(prices.renders, 1);
    s = open_board(f, "{}");
    cstar_test_advance(f->t, 0);
    EXPECT(s, 2);
}

static void who_comes_gets_what_is_shown_without_a_rendering(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_board(f, "{}");
    cstar_test_advance(f->t, 200);
    change(f, 5);
    cstar_test_advance(f->t, 200);
    cstar_test_stream *b = open_board(f, "{}");
    cstar_test_advance(f->t, 200);
    EXPECT(b, 5);
    EXPECT(a, 1, 5);
    assert_int_equal(prices.renders, 2);
    /* while a change waits for its time: what is shown, then what has changed */
    change(f, 6);
    cstar_test_advance(f->t, 0);
    change(f, 7);
    cstar_test_stream *c = open_board(f, "{}");
    cstar_test_advance(f->t, 0);
    EXPECT(c, 6);
    cstar_test_advance(f->t, 100);
    EXPECT(c, 7);
}

static void who_only_subscribes_gets_the_next_change(void **state) {
    const fixture *f = *state;
    change(f, 2);
    cstar_test_stream *s = open_board(f, "{\"bare\":true}");
    cstar_test_advance(f->t, 200);
    expect_nothing(s);
    change(f, 3);
    cstar_test_advance(f->t, 0);
    EXPECT(s, 3);
}

static void what_changes_while_it_is_rendered_is_shown_too(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 200);
    prices.echo = f->app;
    change(f, 10);
    cstar_test_advance(f->t, 0);
    EXPECT(s, 1, 10);
    cstar_test_advance(f->t, 100);
    EXPECT(s, 11);
}

static void a_rendering_that_fails_leaves_what_is_shown(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 200);
    prices.broken = true;
    change(f, 2);
    cstar_test_advance(f->t, 200);
    assert_non_null(strstr(cstar_test_log(f->t), "view prices table: "));
    cstar_test_stream *b = open_board(f, "{}");
    EXPECT(s, 1);
    EXPECT(b, 1);
    prices.broken = false;
    change(f, 3);
    cstar_test_advance(f->t, 200);
    EXPECT(s, 3);
    EXPECT(b, 3);
}

/* Its first rendering fails: who waits for it gets it when it succeeds, even if it is what it was. */
static void who_waits_gets_the_first_that_succeeds(void **state) {
    const fixture *f = *state;
    prices.broken = true;
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 900);
    expect_nothing(s);
    assert_int_equal(prices.renders, 1);
    prices.broken = false;
    change(f, 1);
    cstar_test_advance(f->t, 0);
    EXPECT(s, 1);
}

/* Nothing changes any more: it is rendered again all the same, later and later. */
static void who_waits_need_not_wait_for_a_change(void **state) {
    const fixture *f = *state;
    prices.broken = true;
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 0);
    assert_int_equal(prices.renders, 1);
    cstar_test_advance(f->t, 999);
    assert_int_equal(prices.renders, 1);
    cstar_test_advance(f->t, 1);
    assert_int_equal(prices.renders, 2);
    cstar_test_advance(f->t, 1999); /* the second time, twice as long */
    assert_int_equal(prices.renders, 2);
    cstar_test_advance(f->t, 1 + 600000);
    assert_in_range(prices.renders, 3 + 600 / 32, 8 + 600 / 32);
    expect_nothing(s);
    prices.broken = false;
    cstar_test_advance(f->t, 32000);
    EXPECT(s, 1);
    const int renders = prices.renders;
    cstar_test_advance(f->t, 600000);
    assert_int_equal(prices.renders, renders);
}

/* What shows an earlier state is no better than nothing. */
static void a_change_whose_rendering_failed_is_shown_later(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 200);
    prices.broken = true;
    change(f, 2);
    cstar_test_advance(f->t, 200);
    prices.broken = false;
    cstar_test_advance(f->t, 1000);
    EXPECT(s, 1, 2);
    prices.broken = true; /* it begins with a second anew */
    change(f, 3);
    cstar_test_advance(f->t, 200);
    prices.broken = false;
    cstar_test_advance(f->t, 1000);
    EXPECT(s, 3);
}

/* A change does not wait for that time: only for the one between two renderings. */
static void a_change_is_tried_at_once(void **state) {
    const fixture *f = *state;
    prices.broken = true;
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 600000);
    const int renders = prices.renders;
    prices.broken = false;
    change(f, 2);
    cstar_test_advance(f->t, 100);
    assert_int_equal(prices.renders, renders + 1);
    EXPECT(s, 2);
}

static void what_fails_is_not_rendered_for_nobody(void **state) {
    const fixture *f = *state;
    prices.broken = true;
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 10);
    cstar_test_cut(s);
    const int renders = prices.renders;
    cstar_test_advance(f->t, 600000);
    assert_int_equal(prices.renders, renders);
    prices.broken = false;
    s = open_board(f, "{}");
    cstar_test_advance(f->t, 10);
    EXPECT(s, 1);
}

/* Of two topics with views of the same key, a stream that is slow gets both. */
static void a_slow_reader_gets_the_newest_of_each_view(void **state) {
    const fixture *f = *state;
    assert_int_equal(
        cstar_live_view(f->app, "prices", .key = "more", .render = draw, .arg = &rates), CSTAR_OK);
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 200);
    (void)cstar_test_news(s);
    cstar_test_slow(s, true);
    for (int i = 0; i < 40; i++) {
        prices.value++;
        rates.value++;
        cstar_changed(f->app, "prices", NULL);
        cstar_test_advance(f->t, 200);
    }
    assert_int_equal(prices.renders, 41);
    cstar_test_slow(s, false);
    const cstar_test_reply *r = cstar_test_news(s);
    assert_true(r->npatches >= 2 && r->npatches <= 6);
    const char *last = r->patches[r->npatches - 1].html; /* of either */
    const char *other = r->patches[r->npatches - 2].html;
    const bool turned = strcmp(last, "<p id='n'>41</p>") == 0;
    assert_string_equal(turned ? last : other, "<p id='n'>41</p>");
    assert_string_equal(turned ? other : last, "<p id='n'>140</p>");
}

/* The markup is within the limit, and what frames it is not: nobody could be sent it. */
static void what_can_not_be_sent_is_not_shown(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 200);
    EXPECT(s, 1);
    f->app->max_response = 300;
    prices.lines = 40;
    change(f, 2);
    cstar_test_advance(f->t, 200);
    expect_nothing(s);
    assert_non_null(strstr(cstar_test_log(f->t), "view prices table: "));
    cstar_test_stream *late = open_board(f, "{}");
    EXPECT(late, 1); /* what is shown stays */
    prices.lines = 0;
    cstar_test_advance(f->t, 1000); /* and it is tried again */
    EXPECT(s, 2);
    EXPECT(late, 2);
}

/* Workers that are behind get nothing, for a while: what was to be shown is shown then. */
static void what_nobody_got_is_tried_again(void **state) {
    const fixture *f = *state;
    cstar__hub_opts *hub = &f->app->hub->opts;
    const size_t usual = hub->max_waiting;
    cstar_test_stream *s = open_board(f, "{}");
    cstar_test_advance(f->t, 200);
    EXPECT(s, 1);
    hub->max_waiting = 0; /* any is too much */
    change(f, 2);
    cstar_test_advance(f->t, 1000);
    expect_nothing(s);
    hub->max_waiting = usual;
    cstar_test_advance(f->t, 100);
    EXPECT(s, 2);
    const int renders = prices.renders;
    cstar_test_advance(f->t, 1000);
    assert_int_equal(prices.renders, renders);
    assert_string_equal(cstar_test_log(f->t), "");
}

static void mistakes_are_named(void **state) {
    const fixture *f = *state;
    cstar_app *app = f->app; /* it is "served": nothing sticks to it */
    assert_int_equal(cstar_live_view(app, "", .render = draw), CSTAR_EINVAL);
    assert_int_equal(cstar_live_view(app, NULL, .render = draw), CSTAR_EINVAL);
    assert_int_equal(cstar_live_view(app, "a\1b", .render = draw), CSTAR_EINVAL);
    assert_int_equal(cstar_live_view(app, "a", .key = "b\1", .render = draw), CSTAR_EINVAL);
    assert_int_equal(cstar_live_view(app, "x", .key = "y"), CSTAR_EINVAL);
    assert_int_equal(cstar_live_view(app, "x", .render = draw, .mode = CSTAR_APPEND), CSTAR_EINVAL);
    assert_int_equal(cstar_live_view(app, "x", .render = draw, .mode = CSTAR_INNER), CSTAR_EINVAL);
    assert_int_equal(cstar_live_view(app, "prices", .render = draw, .key = "table"), CSTAR_EDUP);
    assert_int_equal(cstar_changed(app, "x", NULL), CSTAR_ENOENT);
    assert_int_equal(cstar_changed(app, NULL, NULL), CSTAR_ENOENT);
    assert_int_equal(cstar_changed(app, "prices", "x"), CSTAR_ENOENT);
    cstar_test_stream *s = cstar_test_open(f->t, "/nowhere", .method = "POST", .body = "{}");
    assert_true(cstar_test_is_open(s));
    char topic[300];
    memset(topic, 'x', sizeof topic);
    topic[257] = '\0';
    assert_int_equal(cstar_live_view(app, topic, .render = draw), CSTAR_EINVAL);
    topic[256] = '\0';
    assert_int_equal(cstar_live_view(app, topic, .render = draw), CSTAR_OK);
}

static void many_views_are_found(void **state) {
    const fixture *f = *state;
    static board many[300];
    char topic[16];
    for (int i = 0; i < 300; i++) {
        many[i] = (board){.value = i};
        (void)snprintf(topic, sizeof topic, "t%d", i);
        assert_int_equal(cstar_live_view(f->app, topic, .render = draw, .arg = &many[i]), CSTAR_OK);
    }
    for (int i = 0; i < 300; i++) {
        (void)snprintf(topic, sizeof topic, "t%d", i);
        assert_int_equal(cstar_changed(f->app, topic, NULL), CSTAR_OK);
    }
}

static void a_mistake_before_serving_keeps_the_app_from_it(void **state) {
    const fixture *f = *state;
    assert_int_equal(cstar_live_view(f->app, "x", .key = "y"), CSTAR_EINVAL);
    cstar_err err = {.code = CSTAR_OK};
    assert_int_equal(cstar_serve(f->app, NULL, &err), CSTAR_EINVAL);
    assert_non_null(strstr(err.text, "view: it has no render"));
}

/* Whatever fails: it is said, or tried again; in the end the newest is shown. */
static void survives(size_t n, bool *reached) {
    failalloc memory;
    failalloc_init(&memory, 0);
    prices = (board){.value = 1};
    cstar_app *app = cstar_app_new_with(&memory.alloc);
    cstar_page(app, "/board", &board_page);
    cstar_test *t = cstar_test_new(app);
    memory.fail_at = memory.calls + n;
    cstar_status rc =
        cstar_live_view(app, "prices", .key = "table", .render = draw, .arg = &prices);
    assert_true(rc == CSTAR_OK || rc == CSTAR_ENOMEM);
    if (rc == CSTAR_OK) {
        const size_t left = memory.fail_at > memory.calls ? memory.fail_at - memory.calls : 0;
        memory.fail_at = 0;
        cstar_test_stream *s = cstar_test_open(t, "/board", .method = "POST", .body = "{}");
        cstar_test_advance(t, 200);
        memory.fail_at = left != 0 ? memory.calls + left : 0;
        prices.value = 2;
        cstar_changed(app, "prices", "table");
        cstar_test_advance(t, 1000);
        const bool told = strstr(cstar_test_log(t), "view prices table: ") != NULL;
        const cstar_test_reply *r = cstar_test_came(s);
        assert_true(told ||
                    (r->npatches != 0 &&
                     strcmp(r->patches[r->npatches - 1].html, "<p id='n'>2</p>") == 0) ||
                    !cstar_test_is_open(s));
    }
    *reached = memory.fail_at != 0 && memory.calls >= memory.fail_at;
    *reached = *reached || rc != CSTAR_OK;
    memory.fail_at = 0;
    cstar_test_free(t);
    cstar_app_free(app);
    assert_int_equal(memory.live_blocks, 0);
}

static void every_allocation_may_fail(void **state) {
    bool reached = true;
    size_t n = 1;
    (void)state;
    for (; reached; n++) {
        survives(n, &reached);
    }
    assert_true(n > 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(one_rendering_for_all_who_subscribe),
        TEST(the_first_change_is_shown_at_once_and_the_last_one_always),
        TEST(what_is_the_same_is_not_sent_again),
        TEST(some_want_it_again_all_the_same),
        TEST(nothing_is_rendered_for_nobody),
        TEST(who_comes_when_all_have_left_sees_it),
        TEST(who_comes_gets_what_is_shown_without_a_rendering),
        TEST(who_only_subscribes_gets_the_next_change),
        TEST(what_changes_while_it_is_rendered_is_shown_too),
        TEST(a_rendering_that_fails_leaves_what_is_shown),
        TEST(who_waits_gets_the_first_that_succeeds),
        TEST(who_waits_need_not_wait_for_a_change),
        TEST(a_change_whose_rendering_failed_is_shown_later),
        TEST(a_change_is_tried_at_once),
        TEST(what_fails_is_not_rendered_for_nobody),
        TEST(a_slow_reader_gets_the_newest_of_each_view),
        TEST(what_nobody_got_is_tried_again),
        TEST(what_can_not_be_sent_is_not_shown),
        TEST(mistakes_are_named),
        TEST(many_views_are_found),
        cmocka_unit_test_setup_teardown(a_mistake_before_serving_keeps_the_app_from_it, set_up_app,
                                        tear_down),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
