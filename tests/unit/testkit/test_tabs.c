/* test_tabs.c -- whose tab a stream is: takeovers, split pages, signals of a tab, rendering again,
 * and streams by hand that have a key.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/kitrig.h"
#include "web/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- the app ---- */

static cstar_ended ended[16];
static size_t nended;

static void on_disconnect(cstar_conn *conn) {
    assert_true(nended < sizeof ended / sizeof *ended);
    ended[nended++] = cstar_end_reason(conn);
}

static void mount_list(cstar_conn *conn) {
    const char *filter = cstar_signals_str(cstar_tab_signals(conn), "filter", "all");
    cstar_signal(conn, "mounted", 1);
    cstar_assign(conn, "filter", filter);
    cstar_assign_new(conn, "filter", "not this one");
}

static void render_list(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<ul id='list' data-init='{}'>{}</ul>", cstar_connect(),
              cstar_assigned_str(conn, "filter", "?"));
}

static bool fresh;

static void connect_list(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    fresh = cstar_tab_signals_fresh(conn);
    assert_int_equal(cstar_end_reason(conn), CSTAR_ENDED_NOT);
    cstar_subscribe(conn, "items");
}

static void info_list(cstar_conn *conn, const cstar_message *m) {
    if (cstar_str_eq(m->bytes, CSTAR_STR("halt"))) {
        cstar_halt(conn);
        return;
    }
    fresh = cstar_tab_signals_fresh(conn);
    assert_int_equal(cstar_rerender(conn), CSTAR_OK);
}

static const char *key_list(cstar_conn *conn) {
    (void)conn;
    return "ann";
}

static void filter_event(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    const char *to = cstar_tab(conn);
    if (to != NULL) {
        cstar_publish(cstar_app_of(conn), to, .bytes = CSTAR_STR("again"));
    }
}

static void rerender_event(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    assert_int_equal(cstar_rerender(conn), CSTAR_OK);
}

CSTAR_PAGE(list, .mount = mount_list, .render = render_list, .connect = connect_list,
           .info = info_list, .disconnect = on_disconnect, .stream_key = key_list,
           .events = CSTAR_EVENTS({"filter", filter_event}, {"again", rerender_event}));
static void connect_quiet(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    assert_int_equal(cstar_rerender(conn), CSTAR_OK);
}

CSTAR_PAGE(quiet, .mount = mount_list, .render = render_list, .connect = connect_quiet,
           .stream_key = key_list, .events = CSTAR_EVENTS({"filter", filter_event}));
CSTAR_PAGE(unkeyed, .mount = mount_list, .render = render_list, .connect = connect_list,
           .info = info_list, .events = CSTAR_EVENTS({"filter", filter_event}));

/* Streams by hand. */
static void info_feed(cstar_conn *conn, const cstar_message *m) {
    if (cstar_str_eq(m->bytes, CSTAR_STR("release"))) {
        cstar_tab_release(conn);
        cstar_tab_release(conn);
        return;
    }
    assert_int_equal(cstar_patch_signals(conn, "{\"poked\":true}"), CSTAR_OK);
}

static void feed(cstar_conn *conn) {
    if (cstar_live(conn, .scope = "feed", .info = info_feed, .disconnect = on_disconnect,
                   .max_waiting = 20000) == CSTAR_OK) {
        cstar_subscribe(conn, "feed");
    }
}

static void poke(cstar_conn *conn) {
    const char *to = cstar_tab_in(conn, "feed");
    cstar_start(conn);
    assert_null(cstar_tab(conn)); /* a plain route has no scope of its own */
    assert_null(cstar_tab_in(conn, "nowhere"));
    cstar_signal_bool(conn, "found", to != NULL);
    if (to != NULL) {
        cstar_publish(cstar_app_of(conn), to, .bytes = CSTAR_STR("poke"));
    }
}

/* Not more often than each 100 ms. */
static int renderings;

static void render_seldom(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<ul id='list'>{}</ul>", ++renderings);
}

static void info_seldom(cstar_conn *conn, const cstar_message *m) {
    if (cstar_str_eq(m->bytes, CSTAR_STR("now"))) {
        assert_int_equal(cstar_rerender(conn), CSTAR_OK);
        return;
    }
    const bool shorter = cstar_str_eq(m->bytes, CSTAR_STR("shorter"));
    assert_int_equal(cstar_rerender_soon(conn, shorter ? 20 : 100), CSTAR_OK);
}

static void only_a_stream_waits(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    assert_int_equal(cstar_rerender_soon(conn, 1), CSTAR_ESTATE);
}

CSTAR_PAGE(seldom, .render = render_seldom, .connect = connect_list, .info = info_seldom,
           .stream_key = key_list, .events = CSTAR_EVENTS({"soon", only_a_stream_waits}));

/* An event that has its tab's stream render. */
static cstar_status wanted;

static void tab_event(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    assert_int_equal(cstar_tab_rerender(conn), wanted);
}

static void info_tab(cstar_conn *conn, const cstar_message *m) {
    if (cstar_str_eq(m->bytes, CSTAR_STR("halt"))) {
        cstar_halt(conn);
        return;
    }
    assert_int_equal(cstar_tab_rerender(conn), CSTAR_OK); /* it is the stream itself */
}

static const char *key_tab(cstar_conn *conn) {
    (void)conn;
    return "bob";
}

CSTAR_PAGE(tabbed, .mount = mount_list, .render = render_list, .connect = connect_list,
           .info = info_tab, .disconnect = on_disconnect, .stream_key = key_tab,
           .events = CSTAR_EVENTS({"show", tab_event}));
CSTAR_PAGE(deaf, .mount = mount_list, .render = render_list, .connect = connect_list,
           .stream_key = key_tab, .events = CSTAR_EVENTS({"show", tab_event}));

static void no_page(cstar_conn *conn) {
    assert_int_equal(cstar_tab_rerender(conn), CSTAR_ESTATE);
    assert_int_equal(cstar_rerender(conn), CSTAR_ESTATE);
    cstar_respond_text(conn, 200, "none");
}

typedef kitrig fixture;

static int set_up(void **state) {
    fixture *f = kitrig_new(state);
    nended = 0;
    renderings = 0;
    wanted = CSTAR_OK;
    cstar_page(f->app, "/list", &list);
    cstar_page(f->app, "/unkeyed", &unkeyed);
    cstar_page(f->app, "/seldom", &seldom);
    cstar_page(f->app, "/tabbed", &tabbed);
    cstar_page(f->app, "/deaf", &deaf);
    cstar_page(f->app, "/quiet", &quiet);
    cstar_route(f->app, CSTAR_POST, "/feed", feed);
    cstar_route(f->app, CSTAR_POST, "/poke", poke);
    cstar_route(f->app, CSTAR_GET, "/none", no_page);
    f->t = cstar_test_new(f->app);
    return 0;
}

static int tear_down(void **state) { return kitrig_close(state); }

static cstar_test_stream *open_at(const fixture *f, const char *path, const char *signals) {
    cstar_test_stream *s = cstar_test_open(f->t, path, .method = "POST", .body = signals);
    cstar_test_advance(f->t, 0);
    return s;
}

static void say(const fixture *f, const char *topic, const char *text) {
    assert_int_equal(cstar_publish(f->app, topic, .bytes = cstar_cstr(text)), CSTAR_OK);
    cstar_test_advance(f->t, 0);
}

/* Just one event has come: the list with that filter. */
static void expect_list(cstar_test_stream *s, const char *filter) {
    char html[64];
    const cstar_test_reply *r = cstar_test_news(s);
    (void)snprintf(html, sizeof html, ">%s</ul>", filter);
    assert_int_equal(r->nevents, 1);
    assert_int_equal(r->npatches, 1);
    assert_non_null(strstr(r->patches[0].html, html));
    assert_non_null(strstr(r->patches[0].html, "<ul id='list'"));
}

/* ---- the signals of a tab, and rendering again ---- */

static void an_event_brings_the_filter_and_the_stream_shows_it(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/list", "{\"tabId\":\"a\",\"filter\":\"done\"}");
    cstar_test_stream *b = open_at(f, "/list", "{\"tabId\":\"b\"}");
    say(f, "items", "again"); /* of an event none has come: what it was opened with */
    expect_list(a, "done");
    expect_list(b, "all");
    const cstar_test_reply *r =
        cstar_test_event(f->t, "/list", "filter", "{\"tabId\":\"a\",\"filter\":\"open\"}");
    cstar_test_expect_status(r, 200);
    cstar_test_advance(f->t, 0);
    expect_list(a, "open");
    assert_int_equal(cstar_test_news(b)->nevents, 0);
    say(f, "items", "again"); /* it stays so */
    expect_list(a, "open");
    expect_list(b, "all");
}

static void signals_in_a_query_count_too(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/list", "{\"tabId\":\"a\"}");
    (void)cstar_test_event_by(f->t, "GET", "/list/_event/filter",
                              "{\"tabId\":\"a\",\"filter\":\"got\"}");
    cstar_test_advance(f->t, 0);
    expect_list(a, "got");
    (void)cstar_test_event_by(f->t, "DELETE", "/list/_event/filter",
                              "{\"tabId\":\"a\",\"filter\":\"deleted\"}");
    cstar_test_advance(f->t, 0);
    expect_list(a, "deleted");
}

static void an_event_renders_for_its_own_signals(void **state) {
    const fixture *f = *state;
    const cstar_test_reply *r =
        cstar_test_event(f->t, "/list", "again", "{\"tabId\":\"a\",\"filter\":\"mine\"}");
    assert_int_equal(r->nevents, 1);
    assert_non_null(strstr(r->patches[0].html, ">mine</ul>"));
}

static void without_a_key_it_stays_with_what_it_was_opened_with(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_at(f, "/unkeyed", "{\"tabId\":\"a\",\"filter\":\"first\"}");
    (void)cstar_test_event(f->t, "/unkeyed", "filter", "{\"tabId\":\"a\",\"filter\":\"second\"}");
    say(f, "items", "again");
    expect_list(s, "first");
    assert_false(cstar_tab_is_live(f->app, "ann", "a"));
}

static void a_tab_with_another_page_forgets_the_old_ones_signals(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/list", "{\"tabId\":\"a\",\"pageId\":\"1\"}");
    (void)cstar_test_event(f->t, "/list", "filter",
                           "{\"tabId\":\"a\",\"pageId\":\"1\",\"filter\":\"old\"}");
    cstar_test_stream *again =
        open_at(f, "/list", "{\"tabId\":\"a\",\"pageId\":\"1\",\"filter\":\"not this\"}");
    (void)cstar_test_news(again);
    assert_true(cstar_test_came(a)->complete);
    say(f, "items", "again"); /* the same page has come back */
    expect_list(again, "old");
    cstar_test_stream *next =
        open_at(f, "/list", "{\"tabId\":\"a\",\"pageId\":\"2\",\"filter\":\"new\"}");
    (void)cstar_test_news(next);
    say(f, "items", "again");
    expect_list(next, "new");
}

#define PAGE "\"tabId\":\"t\",\"pageId\":\"p\""

static void filter_by(const fixture *f, const char *signals) {
    (void)cstar_test_event(f->t, "/list", "filter", signals);
    cstar_test_advance(f->t, 0);
}

static void expect_filter(const fixture *f, cstar_test_stream *s, const char *filter) {
    (void)cstar_test_news(s);
    say(f, "items", "again");
    expect_list(s, filter);
}

/* It says what it said at first; what it said since is known. */
static void a_page_that_comes_back_has_its_latest_signals(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_at(f, "/list", "{" PAGE ",\"filter\":\"first\"}");
    assert_true(fresh);
    s = cstar_test_reconnect(s); /* no event has come */
    assert_true(fresh);
    expect_filter(f, s, "first");
    filter_by(f, "{" PAGE ",\"filter\":\"second\"}");
    s = cstar_test_reconnect(s);
    assert_true(fresh);
    expect_filter(f, s, "second");
    s = cstar_test_reconnect(s); /* once more */
    expect_filter(f, s, "second");
    cstar_test_cut(s);
    filter_by(f, "{" PAGE ",\"filter\":\"third\"}"); /* while it has no stream */
    s = cstar_test_reconnect(s);
    assert_true(fresh);
    expect_filter(f, s, "third");
}

/* Its stream could not be opened at once, and is tried again with what it said at first; or it is
 * opened later, with what it says by now: nobody can tell. */
static void a_page_whose_event_comes_before_its_stream_is_asked(void **state) {
    const fixture *f = *state;
    filter_by(f, "{" PAGE ",\"filter\":\"second\"}");
    cstar_test_stream *s = open_at(f, "/list", "{" PAGE ",\"filter\":\"first\"}");
    assert_false(fresh);
    expect_filter(f, s, "first");
    s = cstar_test_reconnect(s); /* it still is not known */
    assert_false(fresh);
    cstar_test_cut(s);
    s = open_at(f, "/list", "{" PAGE ",\"filter\":\"first\"}"); /* without an answer until now */
    assert_false(fresh);
    filter_by(f, "{" PAGE ",\"filter\":\"third\"}"); /* it was asked */
    expect_filter(f, s, "third");
    s = cstar_test_reconnect(s);
    assert_true(fresh);
    expect_filter(f, s, "third");
}

/* Its first stream was cut before it had an id, or refused when it had its claim: nothing was said. */
static void a_first_stream_that_is_tried_again_is_not_asked(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_at(f, "/list", "{" PAGE ",\"filter\":\"first\"}");
    cstar_test_cut(s);
    s = open_at(f, "/list", "{" PAGE ",\"filter\":\"first\"}");
    assert_true(fresh);
    expect_filter(f, s, "first");
}

/* The next load of the page begins with its own, and so does another tab, and another page's tab.
 * */
static void another_page_has_its_own_signals(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_at(f, "/list", "{" PAGE "}");
    filter_by(f, "{" PAGE ",\"filter\":\"old\"}");
    cstar_test_cut(s);
    s = open_at(f, "/list", "{\"tabId\":\"t\",\"pageId\":\"q\",\"filter\":\"new\"}");
    assert_true(fresh);
    expect_filter(f, s, "new");
    cstar_test_cut(s);
    s = open_at(f, "/list", "{\"tabId\":\"u\",\"pageId\":\"p\",\"filter\":\"new\"}");
    expect_filter(f, s, "new");
    s = open_at(f, "/list",
                "{" PAGE ",\"filter\":\"loaded\"}"); /* it does not say that it comes back */
    expect_filter(f, s, "loaded");
}

static void who_was_away_for_too_long_is_not_known(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_at(f, "/list", "{" PAGE ",\"filter\":\"first\"}");
    filter_by(f, "{" PAGE ",\"filter\":\"second\"}");
    cstar_test_cut(s);
    cstar_test_advance(f->t, 15 * 60 * 1000 + 1);
    s = cstar_test_reconnect(s);
    assert_false(fresh);
    s = cstar_test_reconnect(s); /* nor by having come back before */
    assert_false(fresh);
    expect_filter(f, s, "first");
    filter_by(f, "{" PAGE ",\"filter\":\"second\"}"); /* it was asked */
    expect_filter(f, s, "second");
    s = cstar_test_reconnect(s);
    assert_true(fresh);
    expect_filter(f, s, "second");
}

/* A restart forgets, and so does a server that ends its streams for one. */
static void a_server_that_has_stopped_knows_nothing(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_at(f, "/list", "{" PAGE "}");
    filter_by(f, "{" PAGE ",\"filter\":\"second\"}");
    size_t bytes = 0;
    cstar_test_drain(f->t);
    assert_int_equal(cstar__keepsakes_count(f->app->keepsakes, &bytes), 0);
    s = cstar_test_reconnect(s);
    assert_false(fresh);
}

/* Its first stream was gone before it had an answer, and no event has come: nothing is newer than
 * what it says now. */
static void a_page_that_tries_again_is_known(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_at(f, "/list", "{" PAGE ",\"filter\":\"first\"}");
    cstar_test_cut(s);
    s = open_at(f, "/list", "{" PAGE ",\"filter\":\"second\"}");
    assert_true(fresh);
    expect_filter(f, s, "second");
}

/* A stream that comes before the server has seen that the last one is gone is its page's, too. */
static void a_page_that_takes_over_from_itself_is_known(void **state) {
    const fixture *f = *state;
    static const cstar_test_header back[] = {{"last-event-id", "1"}, {0}};
    (void)open_at(f, "/list", "{" PAGE ",\"filter\":\"first\"}");
    cstar_test_stream *s = cstar_test_open(f->t, "/list", .method = "POST", .headers = back,
                                           .body = "{" PAGE ",\"filter\":\"first\"}");
    cstar_test_advance(f->t, 0);
    assert_true(fresh);
    s = cstar_test_reconnect(s);
    assert_true(fresh);
    expect_filter(f, s, "first");
}

/* Also of those whose streams had gone before. */
static void a_server_that_has_stopped_has_kept_nothing(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/list", "{\"tabId\":\"a\",\"pageId\":\"1\"}");
    filter_by(f, "{\"tabId\":\"a\",\"pageId\":\"1\",\"filter\":\"mine\"}");
    cstar_test_cut(a);
    cstar_test_drain(f->t);
    (void)cstar_test_reconnect(a);
    assert_false(fresh);
}

/* A page that nobody listens to any more is small, and remembers all the same. */
static void a_quiet_page_has_its_latest_signals(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_at(f, "/quiet", "{" PAGE ",\"filter\":\"first\"}");
    (void)cstar_test_event(f->t, "/quiet", "filter", "{" PAGE ",\"filter\":\"second\"}");
    s = cstar_test_reconnect(s);
    cstar_test_advance(f->t, 0);
    const cstar_test_reply *r = cstar_test_came(s); /* connect renders */
    assert_int_equal(r->npatches, 1);
    assert_non_null(strstr(r->patches[0].html, ">second</ul>"));
}

/* A page that was replaced and comes back lives beside the other; its events find it, though they
 * still say the old tab. */
static void a_duplicated_page_has_signals_of_its_own(void **state) {
    const fixture *f = *state;
    (void)open_at(f, "/list", "{\"tabId\":\"t\",\"pageId\":\"1\",\"filter\":\"one\"}");
    cstar_test_stream *two =
        open_at(f, "/list", "{\"tabId\":\"t\",\"pageId\":\"2\",\"filter\":\"two\"}");
    cstar_test_stream *one =
        open_at(f, "/list", "{\"tabId\":\"t\",\"pageId\":\"1\",\"filter\":\"one\"}");
    assert_true(cstar_test_is_open(one));
    assert_true(cstar_test_is_open(two));
    const cstar_json *told = cstar_test_signals(cstar_test_came(one));
    const char *own = cstar_json_str(cstar_json_get(told, "tabId"), "t");
    assert_string_not_equal(own, "t");
    assert_true(cstar_tab_is_live(f->app, "ann", own));
    (void)cstar_test_news(one);
    (void)cstar_test_news(two);
    (void)cstar_test_event(f->t, "/list", "filter",
                           "{\"tabId\":\"t\",\"pageId\":\"1\",\"filter\":\"uno\"}");
    cstar_test_advance(f->t, 0);
    expect_list(one, "uno");
    assert_int_equal(cstar_test_news(two)->nevents, 0);
    (void)cstar_test_event(f->t, "/list", "filter",
                           "{\"tabId\":\"t\",\"pageId\":\"2\",\"filter\":\"due\"}");
    cstar_test_advance(f->t, 0);
    expect_list(two, "due");
    assert_int_equal(cstar_test_news(one)->nevents, 0);
    say(f, "items", "again");
    expect_list(one, "uno");
    expect_list(two, "due");
}

/* Its events say the old name, also while it has no stream: what they say then is the latest. */
static void a_split_page_has_what_it_said_while_it_was_away(void **state) {
    const fixture *f = *state;
    cstar_test_stream *one =
        open_at(f, "/list", "{\"tabId\":\"t\",\"pageId\":\"1\",\"filter\":\"one\"}");
    (void)open_at(f, "/list", "{\"tabId\":\"t\",\"pageId\":\"2\"}");
    filter_by(f, "{\"tabId\":\"t\",\"pageId\":\"1\",\"filter\":\"replaced\"}");
    one = cstar_test_reconnect(one); /* split */
    assert_true(fresh);
    expect_filter(f, one, "replaced");
    filter_by(f, "{\"tabId\":\"t\",\"pageId\":\"1\",\"filter\":\"split\"}");
    expect_filter(f, one, "split");
    cstar_test_cut(one);
    filter_by(f, "{\"tabId\":\"t\",\"pageId\":\"1\",\"filter\":\"away\"}");
    one = cstar_test_reconnect(one);
    assert_true(fresh);
    expect_filter(f, one, "away");
    one = cstar_test_reconnect(one); /* nothing older comes back */
    assert_true(fresh);
    expect_filter(f, one, "away");
}

static void too_many_signals_are_not_kept(void **state) {
    const fixture *f = *state;
    static char big[70000];
    cstar_test_stream *a = open_at(f, "/list", "{\"tabId\":\"a\",\"filter\":\"small\"}");
    const int n = snprintf(big, sizeof big, "{\"tabId\":\"a\",\"filter\":\"big\",\"text\":\"");
    memset(big + n, 'x', sizeof big - (size_t)n);
    memcpy(big + sizeof big - 3, "\"}", 3);
    const cstar_test_reply *r = cstar_test_event(f->t, "/list", "filter", big);
    cstar_test_expect_status(r, 200);
    cstar_test_advance(f->t, 0);
    expect_list(a, "small");
    assert_non_null(strstr(cstar_test_log(f->t), "a tab's signals of 69999 bytes were not kept"));
}

static const char *too_long(const char *ids) {
    static char big[70000];
    const int n = snprintf(big, sizeof big, "{%s,\"filter\":\"big\",\"text\":\"", ids);
    memset(big + n, 'x', sizeof big - (size_t)n);
    memcpy(big + sizeof big - 3, "\"}", 3);
    return big;
}

/* The stream has older ones, and knows it: until an event says less. */
static void what_was_too_long_is_known_to_be_missing(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/list", "{\"tabId\":\"a\",\"pageId\":\"1\"}");
    assert_true(fresh);
    (void)cstar_test_event(f->t, "/list", "filter", too_long("\"tabId\":\"a\",\"pageId\":\"1\""));
    say(f, "items", "again");
    assert_false(fresh);
    filter_by(f, "{\"tabId\":\"a\",\"pageId\":\"1\",\"filter\":\"small\"}");
    say(f, "items", "again");
    assert_true(fresh);
    (void)cstar_test_event(f->t, "/list", "filter", too_long("\"tabId\":\"a\",\"pageId\":\"1\""));
    a = cstar_test_reconnect(a); /* nor are they kept as if they were the last */
    assert_false(fresh);
    filter_by(f, "{\"tabId\":\"a\",\"pageId\":\"1\",\"filter\":\"small\"}");
    a = cstar_test_reconnect(a);
    assert_true(fresh);
    expect_filter(f, a, "small");
}

/* While it has no stream, too. */
static void what_was_too_long_while_it_was_away_is_missing(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/list", "{\"tabId\":\"a\",\"pageId\":\"1\"}");
    filter_by(f, "{\"tabId\":\"a\",\"pageId\":\"1\",\"filter\":\"small\"}");
    cstar_test_cut(a);
    (void)cstar_test_event(f->t, "/list", "filter", too_long("\"tabId\":\"a\",\"pageId\":\"1\""));
    a = cstar_test_reconnect(a);
    assert_false(fresh);
}

/* Before its first stream, too: it may be newer. */
static void what_was_too_long_before_its_stream_is_missing(void **state) {
    const fixture *f = *state;
    (void)cstar_test_event(f->t, "/list", "filter", too_long("\"tabId\":\"a\",\"pageId\":\"1\""));
    (void)open_at(f, "/list", "{\"tabId\":\"a\",\"pageId\":\"1\"}");
    assert_false(fresh);
}

/* Of another load of the page nothing is missing. */
static void another_load_misses_nothing(void **state) {
    const fixture *f = *state;
    (void)open_at(f, "/list", "{\"tabId\":\"a\",\"pageId\":\"1\"}");
    (void)cstar_test_event(f->t, "/list", "filter", too_long("\"tabId\":\"a\",\"pageId\":\"1\""));
    (void)open_at(f, "/list", "{\"tabId\":\"a\",\"pageId\":\"2\",\"filter\":\"new\"}");
    assert_true(fresh);
}

static void only_pages_render_again(void **state) {
    const fixture *f = *state;
    cstar_test_expect_body(cstar_test_get(f->t, "/none"), "none");
}

/* ---- not too often ---- */

static void a_burst_renders_at_once_and_once_behind_it(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_at(f, "/seldom", "{}");
    for (int i = 0; i < 50; i++) {
        say(f, "items", "changed");
    }
    expect_list(s, "1");
    cstar_test_advance(f->t, 98);
    assert_int_equal(cstar_test_news(s)->nevents, 0);
    cstar_test_advance(f->t, 3);
    expect_list(s, "2");
    cstar_test_advance(f->t, 1000); /* and no more */
    assert_int_equal(cstar_test_news(s)->nevents, 0);
    say(f, "items", "changed"); /* long ago: at once */
    expect_list(s, "3");
}

/* A slow rendering would otherwise be followed by one that shows the same. */
static void what_was_rendered_meanwhile_is_not_rendered_again(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_at(f, "/seldom", "{}");
    say(f, "items", "changed");
    say(f, "items", "changed");
    say(f, "items", "now");
    assert_int_equal(cstar_test_news(s)->nevents, 2);
    cstar_test_advance(f->t, 1000);
    assert_int_equal(cstar_test_news(s)->nevents, 0);
    assert_int_equal(renderings, 2);
    say(f, "items", "now");
    say(f, "items", "changed"); /* counted from that one, too */
    assert_int_equal(cstar_test_news(s)->nevents, 1);
    cstar_test_advance(f->t, 101);
    expect_list(s, "4");
}

static void the_shortest_time_counts(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_at(f, "/seldom", "{}");
    say(f, "items", "changed");
    say(f, "items", "changed");
    say(f, "items", "shorter");
    say(f, "items", "changed");
    expect_list(s, "1");
    cstar_test_advance(f->t, 21);
    expect_list(s, "2");
}

static void who_ends_before_it_is_due_renders_nothing(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_at(f, "/seldom", "{}");
    say(f, "items", "changed");
    say(f, "items", "changed");
    cstar_test_cut(s);
    cstar_test_advance(f->t, 1000);
    assert_int_equal(renderings, 1);
}

static void an_event_can_not_wait(void **state) {
    const fixture *f = *state;
    cstar_test_expect_status(cstar_test_event(f->t, "/seldom", "soon", "{}"), 200);
}

/* ---- an event has its tab's stream render ---- */

static void the_tabs_stream_renders_for_the_event(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/tabbed", "{\"tabId\":\"a\"}");
    cstar_test_stream *b = open_at(f, "/tabbed", "{\"tabId\":\"b\"}");
    (void)cstar_publish_signals(f->app, "items", "{\"before\":1}");
    const cstar_test_reply *r =
        cstar_test_event(f->t, "/tabbed", "show", "{\"tabId\":\"a\",\"filter\":\"mine\"}");
    assert_int_equal(r->npatches, 0); /* not by the answer */
    cstar_test_advance(f->t, 0);
    r = cstar_test_news(a);
    assert_int_equal(r->nevents, 2); /* behind what was published before */
    assert_non_null(strstr(r->body.ptr, "mine"));
    assert_true(strstr(r->body.ptr, "before") < strstr(r->body.ptr, "mine"));
    assert_null(strstr(cstar_test_news(b)->body.ptr, "mine"));
    say(f, "items", "again");
    expect_list(a, "mine");
}

static void without_a_stream_the_answer_has_it(void **state) {
    const fixture *f = *state;
    const cstar_test_reply *r =
        cstar_test_event(f->t, "/tabbed", "show", "{\"tabId\":\"a\",\"filter\":\"mine\"}");
    assert_int_equal(r->npatches, 1);
    assert_non_null(strstr(r->patches[0].html, ">mine</ul>"));
}

/* They are too long to be kept: the stream would render for older ones. */
static void signals_that_are_not_kept_are_rendered_by_the_answer(void **state) {
    const fixture *f = *state;
    static char big[70000];
    cstar_test_stream *a = open_at(f, "/tabbed", "{\"tabId\":\"a\",\"filter\":\"small\"}");
    const int n = snprintf(big, sizeof big, "{\"tabId\":\"a\",\"filter\":\"big\",\"text\":\"");
    memset(big + n, 'x', sizeof big - (size_t)n);
    memcpy(big + sizeof big - 3, "\"}", 3);
    const cstar_test_reply *r = cstar_test_event(f->t, "/tabbed", "show", big);
    assert_int_equal(r->npatches, 1);
    assert_non_null(strstr(r->patches[0].html, ">big</ul>"));
    cstar_test_advance(f->t, 0);
    assert_int_equal(cstar_test_came(a)->npatches, 0);
}

/* The stream that the tab has may be of a plain handler, or of a page whose stream is quiet. */
static void a_stream_that_can_not_render_is_left_alone(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_at(f, "/deaf", "{\"tabId\":\"a\"}");
    wanted = CSTAR_ESTATE;
    const cstar_test_reply *r = cstar_test_event(f->t, "/deaf", "show", "{\"tabId\":\"a\"}");
    assert_int_equal(r->npatches, 0);
    assert_non_null(strstr(cstar_test_log(f->t), "neither .info nor .disconnect"));
    wanted = CSTAR_OK;
    (void)cstar_test_event(f->t, "/tabbed", "show", "{\"tabId\":\"a\"}");
    cstar_test_advance(f->t, 0);
    assert_int_equal(cstar_test_came(s)->nevents, 0);
    assert_true(cstar_test_is_open(s));
}

/* ---- a stream that has ended ---- */

/* Its client has not taken the end: the exchange lingers. */
static void expect_ended(const fixture *f, cstar_test_stream *s) {
    assert_true(cstar_test_is_open(s));
    assert_int_equal(nended, 0);
    assert_false(cstar_tab_is_live(f->app, "bob", "a"));
    assert_int_equal(cstar_tab_end(f->app, "bob", "a"), CSTAR_ENOENT);
    const cstar_test_reply *r =
        cstar_test_event(f->t, "/tabbed", "show", "{\"tabId\":\"a\",\"filter\":\"mine\"}");
    cstar_test_expect_status(r, 200);
    assert_int_equal(r->npatches, 1); /* nobody else could show it */
    assert_non_null(strstr(r->patches[0].html, ">mine</ul>"));
}

static void who_has_halted_is_not_live(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/tabbed", "{\"tabId\":\"a\"}");
    cstar_test_slow(a, true);
    say(f, "items", "halt");
    expect_ended(f, a);
    cstar_test_advance(f->t, 1000);
    assert_false(cstar_test_is_open(a));
    assert_int_equal(nended, 1);
    assert_int_equal(ended[0], CSTAR_ENDED_HALTED);
}

static void who_was_ended_is_not_live(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/tabbed", "{\"tabId\":\"a\"}");
    cstar_test_slow(a, true);
    assert_int_equal(cstar_tab_end(f->app, "bob", "a"), CSTAR_OK);
    cstar_test_advance(f->t, 0);
    expect_ended(f, a);
    cstar_test_slow(a, false);
    cstar_test_advance(f->t, 0);
    assert_int_equal(nended, 1);
    assert_int_equal(ended[0], CSTAR_ENDED_REPLACED);
}

static void who_is_drained_is_not_live(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/tabbed", "{\"tabId\":\"a\"}");
    cstar_test_slow(a, true);
    cstar_test_drain(f->t);
    expect_ended(f, a);
}

/* The next one is there before the client of the old has taken its end. */
static void the_successor_of_one_that_has_halted_renders(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/tabbed", "{\"tabId\":\"a\"}");
    cstar_test_slow(a, true);
    say(f, "items", "halt");
    cstar_test_stream *b = open_at(f, "/tabbed", "{\"tabId\":\"a\"}");
    assert_true(cstar_test_is_open(a));
    const cstar_test_reply *r =
        cstar_test_event(f->t, "/tabbed", "show", "{\"tabId\":\"a\",\"filter\":\"mine\"}");
    assert_int_equal(r->npatches, 0);
    cstar_test_advance(f->t, 0);
    expect_list(b, "mine");
    cstar_test_advance(f->t, 1000); /* the end of the old one does not touch its claim */
    assert_false(cstar_test_is_open(a));
    assert_true(cstar_tab_is_live(f->app, "bob", "a"));
}

/* What it said while it was replaced, or before: the page of a duplicated tab that comes back. */
static void a_page_that_was_replaced_has_its_latest_signals(void **state) {
    const fixture *f = *state;
    cstar_test_stream *one =
        open_at(f, "/list", "{\"tabId\":\"t\",\"pageId\":\"1\",\"filter\":\"one\"}");
    filter_by(f, "{\"tabId\":\"t\",\"pageId\":\"1\",\"filter\":\"said\"}");
    cstar_test_stream *two = open_at(f, "/list", "{\"tabId\":\"t\",\"pageId\":\"2\"}");
    expect_filter(f, two, "all");
    one = cstar_test_reconnect(one); /* split */
    assert_true(fresh);
    expect_filter(f, one, "said");
    expect_filter(f, two, "all");
}

/* ---- streams by hand ---- */

static void a_stream_by_hand_has_one_of_each_tab(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/feed", "{\"tabId\":\"t\"}");
    cstar_test_stream *other = open_at(f, "/feed", "{\"tabId\":\"u\"}");
    cstar_test_stream *page = open_at(f, "/list", "{\"tabId\":\"t\"}"); /* another scope */
    cstar_test_stream *b = open_at(f, "/feed", "{\"tabId\":\"t\"}");
    assert_true(cstar_test_came(a)->complete);
    assert_int_equal(nended, 1);
    assert_int_equal(ended[0], CSTAR_ENDED_REPLACED);
    assert_true(cstar_test_is_open(other));
    assert_true(cstar_test_is_open(page));
    assert_true(cstar_test_is_open(b));
    assert_true(cstar_tab_is_live(f->app, "feed", "t"));
    assert_false(cstar_tab_is_live(f->app, "nowhere", "t"));
}

static void a_plain_handler_reaches_its_tab(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/feed", "{\"tabId\":\"t\"}");
    cstar_test_stream *b = open_at(f, "/feed", "{\"tabId\":\"u\"}");
    const cstar_test_reply *r = cstar_test_post(f->t, "/poke", "{\"tabId\":\"u\"}");
    cstar_test_expect_signals(r, "{\"found\":true}");
    cstar_test_advance(f->t, 0);
    cstar_test_expect_signals(cstar_test_came(b), "{\"poked\":true}");
    assert_int_equal(cstar_test_came(a)->nevents, 0);
    r = cstar_test_post(f->t, "/poke", "{\"tabId\":\"nobody\"}");
    cstar_test_expect_signals(r, "{\"found\":false}");
}

static void a_released_tab_is_somebody_elses_and_the_stream_goes_on(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/feed", "{\"tabId\":\"t\"}");
    say(f, "feed", "release");
    assert_false(cstar_tab_is_live(f->app, "feed", "t"));
    assert_int_equal(cstar_tab_end(f->app, "feed", "t"), CSTAR_ENOENT);
    assert_true(cstar_test_is_open(a));
    cstar_test_stream *b = open_at(f, "/feed", "{\"tabId\":\"t\"}");
    assert_true(cstar_test_is_open(a));
    say(f, "feed", "both");
    cstar_test_expect_signals(cstar_test_came(a), "{\"poked\":true}");
    cstar_test_expect_signals(cstar_test_came(b), "{\"poked\":true}");
    cstar_test_cut(a); /* its end does not touch the claim of the other */
    assert_true(cstar_tab_is_live(f->app, "feed", "t"));
    cstar_test_cut(b);
    assert_false(cstar_tab_is_live(f->app, "feed", "t"));
}

static void a_tab_can_be_ended(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/feed", "{\"tabId\":\"t\"}");
    assert_int_equal(cstar_tab_end(f->app, "feed", "u"), CSTAR_ENOENT);
    assert_int_equal(cstar_tab_end(f->app, "feed", "t"), CSTAR_OK);
    cstar_test_advance(f->t, 0);
    assert_true(cstar_test_came(a)->complete);
    assert_int_equal(nended, 1);
    assert_int_equal(ended[0], CSTAR_ENDED_REPLACED);
    assert_int_equal(cstar_tab_end(f->app, "feed", "t"), CSTAR_ENOENT);
}

static void who_can_not_end_cleanly_is_cut_when_its_grace_is_over(void **state) {
    const fixture *f = *state;
    static const char patch[] = "{\"text\":\"0123456789012345678901234567890123456789\"}";
    cstar_test_stream *a = open_at(f, "/feed", "{\"tabId\":\"t\"}");
    cstar_test_slow(a, true);
    for (int i = 0; i < 3000 && cstar_test_is_open(a); i++) { /* more than a connection takes */
        cstar_publish_signals(f->app, "feed", patch, .key = i % 2 == 0 ? "even" : "odd");
        cstar_test_advance(f->t, 0);
    }
    assert_true(cstar_test_is_open(a));
    (void)open_at(f, "/feed", "{\"tabId\":\"t\"}");
    assert_true(cstar_test_is_open(a));
    cstar_test_advance(f->t, 499);
    assert_true(cstar_test_is_open(a));
    cstar_test_advance(f->t, 2);
    assert_false(cstar_test_is_open(a));
    assert_int_equal(nended, 1);
    assert_int_equal(ended[0], CSTAR_ENDED_REPLACED);
    assert_true(cstar_tab_is_live(f->app, "feed", "t"));
}

/* Nothing waits in the stream itself: all of it is the connection's, and so would the end be. */
static void who_does_not_take_the_end_is_cut_when_its_grace_is_over(void **state) {
    const fixture *f = *state;
    for (int drain = 0; drain < 2; drain++) {
        cstar_test_stream *a = open_at(f, "/feed", "{\"tabId\":\"t\"}");
        nended = 0;
        cstar_test_slow(a, true);
        cstar_publish_signals(f->app, "feed", "{\"n\":1}");
        cstar_test_advance(f->t, 0);
        if (drain != 0) {
            cstar_test_drain(f->t);
        } else {
            (void)open_at(f, "/feed", "{\"tabId\":\"t\"}");
        }
        cstar_test_advance(f->t, 499);
        assert_true(cstar_test_is_open(a));
        assert_int_equal(nended, 0);
        cstar_test_advance(f->t, 2);
        assert_false(cstar_test_is_open(a));
        assert_int_equal(nended, 1);
        assert_int_equal(ended[0], drain != 0 ? CSTAR_ENDED_DRAINED : CSTAR_ENDED_REPLACED);
    }
}

static void who_takes_the_end_in_time_has_it(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_at(f, "/feed", "{\"tabId\":\"t\"}");
    cstar_test_slow(a, true);
    cstar_publish_signals(f->app, "feed", "{\"n\":1}");
    cstar_test_advance(f->t, 0);
    (void)open_at(f, "/feed", "{\"tabId\":\"t\"}");
    cstar_publish_signals(f->app, "feed", "{\"n\":2}");
    cstar_test_advance(f->t, 499);
    assert_int_equal(nended, 0);
    cstar_test_slow(a, false);
    cstar_test_advance(f->t, 0);
    assert_true(cstar_test_came(a)->complete);
    assert_null(strstr(cstar_test_came(a)->body.ptr, "\"n\":2"));
    assert_int_equal(nended, 1);
    assert_int_equal(ended[0], CSTAR_ENDED_REPLACED);
    cstar_test_advance(f->t, 1000);
    assert_int_equal(nended, 1);
}

/* ---- when tabs are all there can be ---- */

static void a_tab_that_can_not_be_claimed_is_503(void **state) {
    fixture *f = *state;
    cstar_test_free(f->t);
    cstar__app_close_hub(f->app);
    f->app->max_tabs = 1;
    f->t = cstar_test_new(f->app);
    cstar_test_stream *a = open_at(f, "/feed", "{\"tabId\":\"t\"}");
    const cstar_test_reply *r = cstar_test_post(f->t, "/feed", "{\"tabId\":\"u\"}");
    cstar_test_expect_status(r, 503);
    cstar_test_expect_body(r, "Stream registry unavailable");
    r = cstar_test_post(f->t, "/list", "{\"tabId\":\"u\"}");
    cstar_test_expect_status(r, 503);
    assert_int_equal(nended, 0); /* none has begun, so none ends */
    assert_true(cstar_test_is_open(a));
    assert_true(cstar_tab_is_live(f->app, "feed", "t"));
    assert_true(cstar_test_is_open(open_at(f, "/feed", "{}"))); /* without a tab none is needed */
    cstar_test_cut(a);
    assert_true(cstar_test_is_open(open_at(f, "/feed", "{\"tabId\":\"u\"}")));
}

/* ---- why it ended ---- */

static void every_end_has_its_reason(void **state) {
    const fixture *f = *state;
    cstar_test_cut(open_at(f, "/list", "{}"));
    assert_int_equal(ended[0], CSTAR_ENDED_GONE);
    (void)open_at(f, "/list", "{}");
    say(f, "items", "halt");
    assert_int_equal(nended, 2);
    assert_int_equal(ended[1], CSTAR_ENDED_HALTED);
    cstar_test_stream *s = open_at(f, "/feed", "{}");
    cstar_test_slow(s, true);
    for (int i = 0; i < 20000 && cstar_test_is_open(s); i++) {
        cstar_publish_signals(f->app, "feed", "{\"text\":\"0123456789012345678901234567890\"}");
        cstar_test_advance(f->t, 0);
    }
    assert_int_equal(nended, 3);
    assert_int_equal(ended[2], CSTAR_ENDED_CUT);
    (void)open_at(f, "/list", "{}");
    cstar_test_drain(f->t);
    assert_int_equal(nended, 4);
    assert_int_equal(ended[3], CSTAR_ENDED_DRAINED);
}

/* Whichever allocation fails: never two. */
static void a_tab_has_one_stream_also_without_memory(void **state) {
    (void)state;
    failalloc fa;
    size_t calls = 0;
    size_t refused = 0;
    size_t taken = 0;
    failalloc_init(&fa, 0);
    cstar_app *app = cstar_app_new_with(&fa.alloc);
    cstar_page(app, "/list", &list);
    cstar_test *t = cstar_test_new(app);
    for (size_t n = 1; n <= calls + 1; n++) {
        cstar_test_stream *one =
            cstar_test_open(t, "/list", .method = "POST", .body = "{\"tabId\":\"a\"}");
        assert_true(cstar_test_is_open(one));
        const size_t before = fa.calls;
        fa.fail_at = before + n;
        cstar_test_stream *two =
            cstar_test_open(t, "/list", .method = "POST", .body = "{\"tabId\":\"a\"}");
        fa.fail_at = 0;
        calls = fa.calls - before > calls ? fa.calls - before : calls;
        cstar_test_advance(t, 0);
        nended = 0;
        assert_false(cstar_test_is_open(one) && cstar_test_is_open(two));
        assert_int_equal(cstar_tab_is_live(app, "ann", "a"),
                         cstar_test_is_open(one) || cstar_test_is_open(two));
        refused += cstar_test_is_open(one);
        taken += cstar_test_is_open(two);
        cstar_test_cut(one);
        cstar_test_cut(two);
    }
    assert_true(calls > 3 && refused != 0 && taken != 0);
    cstar_test_free(t);
    cstar_app_free(app);
    assert_int_equal(fa.live_blocks, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(an_event_brings_the_filter_and_the_stream_shows_it),
        TEST(signals_in_a_query_count_too),
        TEST(an_event_renders_for_its_own_signals),
        TEST(without_a_key_it_stays_with_what_it_was_opened_with),
        TEST(a_tab_with_another_page_forgets_the_old_ones_signals),
        TEST(a_page_that_comes_back_has_its_latest_signals),
        TEST(a_page_whose_event_comes_before_its_stream_is_asked),
        TEST(a_first_stream_that_is_tried_again_is_not_asked),
        TEST(another_page_has_its_own_signals),
        TEST(who_was_away_for_too_long_is_not_known),
        TEST(a_server_that_has_stopped_knows_nothing),
        TEST(a_page_that_tries_again_is_known),
        TEST(a_page_that_takes_over_from_itself_is_known),
        TEST(a_server_that_has_stopped_has_kept_nothing),
        TEST(a_quiet_page_has_its_latest_signals),
        TEST(a_duplicated_page_has_signals_of_its_own),
        TEST(a_split_page_has_what_it_said_while_it_was_away),
        TEST(too_many_signals_are_not_kept),
        TEST(what_was_too_long_is_known_to_be_missing),
        TEST(what_was_too_long_while_it_was_away_is_missing),
        TEST(what_was_too_long_before_its_stream_is_missing),
        TEST(another_load_misses_nothing),
        TEST(only_pages_render_again),
        TEST(a_burst_renders_at_once_and_once_behind_it),
        TEST(what_was_rendered_meanwhile_is_not_rendered_again),
        TEST(the_shortest_time_counts),
        TEST(who_ends_before_it_is_due_renders_nothing),
        TEST(an_event_can_not_wait),
        TEST(the_tabs_stream_renders_for_the_event),
        TEST(without_a_stream_the_answer_has_it),
        TEST(signals_that_are_not_kept_are_rendered_by_the_answer),
        TEST(a_stream_that_can_not_render_is_left_alone),
        TEST(who_has_halted_is_not_live),
        TEST(who_was_ended_is_not_live),
        TEST(who_is_drained_is_not_live),
        TEST(the_successor_of_one_that_has_halted_renders),
        TEST(a_page_that_was_replaced_has_its_latest_signals),
        TEST(a_stream_by_hand_has_one_of_each_tab),
        TEST(a_plain_handler_reaches_its_tab),
        TEST(a_released_tab_is_somebody_elses_and_the_stream_goes_on),
        TEST(a_tab_can_be_ended),
        TEST(who_can_not_end_cleanly_is_cut_when_its_grace_is_over),
        TEST(who_does_not_take_the_end_is_cut_when_its_grace_is_over),
        TEST(who_takes_the_end_in_time_has_it),
        TEST(a_tab_that_can_not_be_claimed_is_503),
        TEST(every_end_has_its_reason),
        cmocka_unit_test(a_tab_has_one_stream_also_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
