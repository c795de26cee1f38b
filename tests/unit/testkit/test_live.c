/* test_live.c -- streams, topics and tabs, as an application tests its own.
 * SPDX-License-Identifier: MIT */
#include "cstar/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- the app ---- */

static int disconnected;
static cstar_status there_at_info, there_at_disconnect;
static int refused_with; /* by the page for members; 0: nobody is */

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p id='n' data-init='{}'>-</p>", cstar_connect());
}

static void connect_room(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_subscribe(conn, "news");
    cstar_subscribe(conn, "talk");
    if (!cstar_resumed(conn)) {
        cstar_patch_elements(conn, "<p id='n'>full</p>");
    }
}

static int freed;

static void count(void *arg) { ++*(int *)arg; }

static void counted(cstar_conn *conn, void *arg) { cstar_signal(conn, "counted", *(int *)arg); }

static void forget(void *arg) {
    (void)arg;
    freed++;
}

static void info(cstar_conn *conn, const cstar_message *m) {
    there_at_info = cstar_check_connection(conn);
    if (strcmp(m->bytes.ptr, "stop") == 0) {
        cstar_halt(conn);
        return;
    }
    if (strcmp(m->bytes.ptr, "count") == 0) {
        static int n;
        n = 41;
        assert_int_equal(cstar_defer(conn, count, .done = counted, .arg = &n, .free = forget),
                         CSTAR_OK);
        cstar_signal(conn, "asked", 1);
        return;
    }
    cstar_patch(conn, h, .selector = "#n", .mode = CSTAR_INNER) {
        cstar_put(h, "{}: {}", m->topic, m->bytes.ptr);
    }
}

static void disconnect(cstar_conn *conn) {
    there_at_disconnect = cstar_check_connection(conn);
    disconnected++;
}

static const char *key(cstar_conn *conn) {
    (void)conn;
    return "room";
}

static void whisper(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    const char *to = cstar_tab(conn);
    cstar_signal_bool(conn, "found", to != NULL);
    if (to != NULL) {
        (void)cstar_publish_signals(cstar_app_of(conn), to, "{\"whisper\":1}");
    }
}

static int rang[2];

static void first_timer(cstar_conn *conn) {
    rang[0]++;
    cstar_halt(conn);
}

static void second_timer(cstar_conn *conn) {
    (void)conn;
    rang[1]++;
}

static void listen_with_timers(cstar_conn *conn) {
    cstar_live(conn, .disconnect = disconnect);
    cstar_every(conn, 100, first_timer);
    cstar_every(conn, 100, second_timer);
}

CSTAR_PAGE(room, .render = render, .connect = connect_room, .info = info, .disconnect = disconnect,
           .stream_key = key, .events = CSTAR_EVENTS({"whisper", whisper}));
CSTAR_PAGE(plain, .render = render);

/* Of prices, of which the newest alone counts. */
static void connect_prices(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_subscribe(conn, "prices");
    if (!cstar_resumed(conn)) {
        cstar_patch_elements(conn, "<p id='n'>full</p>");
    }
}
CSTAR_PAGE(prices, .render = render, .connect = connect_prices);

static void only_members(cstar_conn *conn, const char *event) {
    (void)event;
    if (refused_with == 204) {
        cstar_respond(conn, 204, NULL, CSTAR_STR(""));
    } else if (refused_with != 0) {
        cstar_fail(conn, refused_with);
    }
}
CSTAR_PAGE(members, .render = render, .connect = connect_room, .info = info,
           .authorize = only_members, .events = CSTAR_EVENTS({"whisper", whisper}));

static cstar_status left_with;

static void connect_and_leave(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_subscribe(conn, "talk");
    left_with = cstar_unsubscribe(conn, "talk");
}
CSTAR_PAGE(waits, .render = render, .connect = connect_and_leave, .blocking = true);

typedef struct fixture {
    cstar_app *app;
    cstar_test *t;
} fixture;

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof *f);
    disconnected = 0;
    refused_with = 0;
    f->app = cstar_app_new();
    cstar_page(f->app, "/room", &room);
    cstar_page(f->app, "/plain", &plain);
    cstar_page(f->app, "/waits", &waits);
    cstar_page(f->app, "/members", &members);
    cstar_route(f->app, CSTAR_GET, "/timers", listen_with_timers);
    cstar_page(f->app, "/prices", &prices);
    cstar_topic(f->app, "prices", .replay_count = 3, .replay_latest = true);
    cstar_topic(f->app, "news", .replay_count = 4);
    cstar_topic(f->app, "talk", .replay_count = 4);
    f->t = cstar_test_new(f->app);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    cstar_test_free(f->t);
    cstar_app_free(f->app);
    free(f);
    return 0;
}

static cstar_test_stream *open_tab(const fixture *f, const char *signals) {
    return cstar_test_open(f->t, "/room", .method = "POST", .body = signals);
}

static cstar_test_stream *open_members(const fixture *f, const char *signals) {
    return cstar_test_open(f->t, "/members", .method = "POST", .body = signals);
}

/* ---- tests ---- */

static void a_page_without_connect_has_no_stream(void **state) {
    const fixture *f = *state;
    const cstar_test_reply *r = cstar_test_post(f->t, "/plain", "{");
    cstar_test_expect_status(r, 404);
    cstar_test_expect_body(r, "Not found");
    r = cstar_test_post(f->t, "/room", "{");
    cstar_test_expect_status(r, 400);
}

static void what_is_published_reaches_the_stream_in_order(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_tab(f, "{}");
    cstar_test_expect_body(cstar_test_came(s), "full");
    assert_int_equal(cstar_publish_signals(f->app, "news", "{\"a\":1}"), CSTAR_OK);
    assert_int_equal(cstar_publish(f->app, "talk", .bytes = CSTAR_STR("hello")), CSTAR_OK);
    cstar_publish_patch(f->app, "news", h, .selector = "#n") {
        cstar_put(h, "<p id='n'>{}</p>", "<3>");
    }
    cstar_test_advance(f->t, 1);
    const cstar_test_reply *r = cstar_test_news(s);
    cstar_test_expect_signals(r, "{\"a\":1}");
    assert_int_equal(r->npatches, 3);
    cstar_test_expect_body(r, "talk: hello");
    cstar_test_expect_body(r, "&lt;3&gt;");
    assert_true(strstr(r->body.ptr, "\"a\":1") < strstr(r->body.ptr, "talk: hello"));
    assert_true(strstr(r->body.ptr, "talk: hello") < strstr(r->body.ptr, "&lt;3&gt;"));
    cstar_test_cut(s);
    assert_int_equal(disconnected, 1);
}

static void a_halt_ends_it_cleanly(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_tab(f, "{\"tabId\":\"t\",\"pageId\":\"p\"}");
    cstar_publish(f->app, "talk", .bytes = CSTAR_STR("stop"));
    cstar_test_advance(f->t, 1);
    assert_true(cstar_test_came(s)->complete);
    cstar_test_expect_body(cstar_test_came(s), "retry: 2147483647\n\n");
    assert_int_equal(disconnected, 1);
    assert_false(cstar_tab_is_live(f->app, "room", "t"));
}

static void callbacks_know_whether_the_client_is_there(void **state) {
    const fixture *f = *state;
    for (int halted = 0; halted < 2; halted++) {
        cstar_test_stream *s = open_tab(f, "{}");
        there_at_info = CSTAR_EIO;
        there_at_disconnect = CSTAR_EIO;
        cstar_publish(f->app, "talk", .bytes = CSTAR_STR("hello"));
        cstar_test_advance(f->t, 1);
        assert_int_equal(there_at_info, CSTAR_OK);
        assert_int_equal(there_at_disconnect, CSTAR_EIO);
        if (halted != 0) {
            cstar_publish(f->app, "talk", .bytes = CSTAR_STR("stop"));
            cstar_test_advance(f->t, 1);
        }
        cstar_test_cut(s);
        assert_int_equal(there_at_disconnect, CSTAR_ECLOSED);
    }
}

/* What a page is told does not depend on its having a scope. */
static void a_page_without_a_key_is_told_too(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_members(f, "{\"pageId\":\"p\"}");
    assert_non_null(strstr(cstar_test_came(s)->body.ptr, "retry: "));
    cstar_publish(f->app, "talk", .bytes = CSTAR_STR("stop"));
    cstar_test_advance(f->t, 1);
    assert_true(cstar_test_came(s)->complete);
    cstar_test_expect_body(cstar_test_came(s), "retry: 2147483647\n\n");
    s = open_members(f, "{}");
    assert_null(strstr(cstar_test_came(s)->body.ptr, "retry: "));
}

static void a_tab_has_one_stream(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_tab(f, "{\"tabId\":\"t\"}");
    cstar_test_stream *other = open_tab(f, "{\"tabId\":\"u\"}");
    assert_true(cstar_tab_is_live(f->app, "room", "t"));
    cstar_test_stream *b = open_tab(f, "{\"tabId\":\"t\"}");
    cstar_test_advance(f->t, 1);
    assert_true(cstar_test_came(a)->complete);
    assert_true(cstar_test_is_open(b));
    assert_true(cstar_test_is_open(other));
    assert_int_equal(disconnected, 1);
    assert_true(cstar_tab_is_live(f->app, "room", "t"));
    cstar_test_cut(b);
    assert_false(cstar_tab_is_live(f->app, "room", "t"));
}

static void an_event_reaches_its_own_tab(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = open_tab(f, "{\"tabId\":\"t\"}");
    cstar_test_stream *b = open_tab(f, "{\"tabId\":\"u\"}");
    const cstar_test_reply *r = cstar_test_event(f->t, "/room", "whisper", "{\"tabId\":\"u\"}");
    cstar_test_expect_signals(r, "{\"found\":true}");
    cstar_test_advance(f->t, 1);
    assert_null(strstr(cstar_test_came(a)->body.ptr, "whisper"));
    cstar_test_expect_signals(cstar_test_came(b), "{\"whisper\":1}");
    r = cstar_test_event(f->t, "/room", "whisper", "{\"tabId\":\"nobody\"}");
    cstar_test_expect_signals(r, "{\"found\":false}");
}

static void who_comes_back_gets_what_was_missed(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_tab(f, "{}");
    cstar_publish_signals(f->app, "news", "{\"n\":1}");
    cstar_test_advance(f->t, 1);
    cstar_test_cut(s);
    cstar_publish_signals(f->app, "news", "{\"n\":2}");
    cstar_publish_signals(f->app, "talk", "{\"n\":3}");
    cstar_publish_signals(f->app, "news", "{\"n\":4}");
    s = cstar_test_reconnect(s);
    const cstar_test_reply *r = cstar_test_came(s);
    assert_null(strstr(r->body.ptr, "full"));
    assert_int_equal(r->nevents, 3);
    for (int i = 0; i < 3; i++) {
        char expected[32];
        (void)snprintf(expected, sizeof expected, "signals {\"n\":%d}", i + 2);
        assert_string_equal(r->events[i].data[0].ptr, expected);
    }
    cstar_publish_signals(f->app, "talk", "{\"n\":5}");
    cstar_test_advance(f->t, 1);
    assert_int_equal(cstar_test_came(s)->nevents, 4);
}

static void who_was_away_for_too_long_gets_a_full_view(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_tab(f, "{}");
    cstar_publish_signals(f->app, "news", "{\"n\":1}");
    cstar_test_advance(f->t, 1);
    for (int i = 0; i < 5; i++) {
        cstar_publish_signals(f->app, "talk", "{\"n\":2}");
    }
    s = cstar_test_reconnect(s);
    cstar_test_expect_body(cstar_test_came(s), "full");
    assert_null(strstr(cstar_test_came(s)->body.ptr, "\"n\""));
    /* and from there on it can resume again */
    cstar_test_cut(s);
    cstar_publish_signals(f->app, "talk", "{\"n\":9}");
    s = cstar_test_reconnect(s);
    assert_null(strstr(cstar_test_came(s)->body.ptr, "full"));
    cstar_test_expect_body(cstar_test_came(s), "{\"n\":9}");
}

static void price(const fixture *f, const char *what, int n) {
    char json[40];
    (void)snprintf(json, sizeof json, "{\"%s\":%d}", what, n);
    cstar_publish_signals(f->app, "prices", json, .key = what[0] != '-' ? what : NULL);
}

/* One that changes all the time does not push out what the others were told. */
static void who_comes_back_gets_the_newest_of_each_key(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = cstar_test_open(f->t, "/prices", .method = "POST", .body = "{}");
    price(f, "eur", 1);
    cstar_test_advance(f->t, 1);
    cstar_test_cut(s);
    price(f, "gbp", 2);
    price(f, "-", 3); /* no key: kept as it comes */
    for (int i = 10; i <= 50; i++) {
        price(f, "eur", i);
    }
    s = cstar_test_reconnect(s);
    static const char *const expected[] = {"signals {\"gbp\":2}", "signals {\"-\":3}",
                                           "signals {\"eur\":50}"};
    const cstar_test_reply *r = cstar_test_came(s);
    assert_null(strstr(r->body.ptr, "full"));
    assert_int_equal(r->nevents, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(r->events[i].data[0].ptr, expected[i]);
    }
    cstar_test_cut(s); /* it had all of it: an id that has not gone since */
    price(f, "eur", 51);
    s = cstar_test_reconnect(s);
    assert_int_equal(cstar_test_came(s)->nevents, 1);
    cstar_test_cut(s);
    price(f, "chf", 52);
    price(f, "jpy", 53); /* a fourth one: the oldest goes, which was seen; and then one more */
    price(f, "sek", 54);
    price(f, "nok", 55);
    s = cstar_test_reconnect(s);
    cstar_test_expect_body(cstar_test_came(s), "full");
}

/* ---- who is refused ---- */

static void a_page_that_may_not_come_back_loads_itself_again(void **state) {
    static const int statuses[] = {401, 403};
    const fixture *f = *state;
    for (size_t i = 0; i < 2; i++) {
        refused_with = 0;
        cstar_test_stream *s = open_members(f, "{\"tabId\":\"t\",\"pageId\":\"p\"}");
        cstar_test_cut(s);
        refused_with = statuses[i];
        const cstar_test_reply *r = cstar_test_came(cstar_test_reconnect(s));
        cstar_test_expect_status(r, 200);
        assert_true(r->complete);
        cstar_test_expect_body(r, "retry: 2147483647\n\n");
        cstar_test_expect_body(r, "data-init='location.reload()'");
    }
}

static void who_is_refused_at_first_is_told_so(void **state) {
    const fixture *f = *state;
    refused_with = 401;
    const char *ours = "{\"tabId\":\"t\",\"pageId\":\"p\"}";
    cstar_test_expect_status(cstar_test_post(f->t, "/members", ours), 401);
    cstar_test_expect_status(cstar_test_event(f->t, "/members", "whisper", ours), 401);
    /* the id of another server's topic, and no page of ours */
    const cstar_test_header back[] = {{"last-event-id", "00000000-000000000000"}, {NULL, NULL}};
    const cstar_test_call call = {
        .path = "/members", .method = "POST", .body = "{\"tabId\":\"t\"}", .headers = back};
    cstar_test_expect_status(cstar_test_send(f->t, &call), 401);
}

static void what_a_page_answers_itself_stays(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_members(f, "{\"tabId\":\"t\",\"pageId\":\"p\"}");
    cstar_test_cut(s);
    refused_with = 204;
    cstar_test_expect_status(cstar_test_came(cstar_test_reconnect(s)), 204);
    refused_with = 503;
    cstar_test_expect_status(cstar_test_came(cstar_test_reconnect(s)), 503);
}

static void silence_is_broken_by_a_comment(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_tab(f, "{}");
    cstar_test_advance(f->t, 14000);
    assert_null(strstr(cstar_test_came(s)->body.ptr, "\n: \n\n"));
    cstar_test_advance(f->t, 2000);
    assert_non_null(strstr(cstar_test_came(s)->body.ptr, "\n: \n\n"));
}

static void a_callback_can_defer(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_tab(f, "{}");
    freed = 0;
    cstar_publish(f->app, "talk", .bytes = CSTAR_STR("count"));
    cstar_test_advance(f->t, 1);
    cstar_test_expect_signals(cstar_test_came(s), "{\"asked\":1,\"counted\":42}");
    assert_int_equal(freed, 1);
}

/* ---- what clients do ---- */

/* While it takes nothing, patches with a key replace each other; the rest waits, in order. */
static void a_slow_client_gets_the_newest_of_each_key(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_tab(f, "{}");
    cstar_test_expect_body(cstar_test_news(s), "full");
    cstar_test_slow(s, true);
    for (int i = 1; i <= 500; i++) {
        char json[64];
        (void)snprintf(json, sizeof json, "{\"n\":%d}", i);
        cstar_publish_signals(f->app, "news", json, .key = "n");
        cstar_test_advance(f->t, 1);
    }
    assert_int_equal(cstar_test_news(s)->nevents, 0);
    cstar_test_slow(s, false);
    const cstar_test_reply *r = cstar_test_news(s);
    cstar_test_expect_signals(r, "{\"n\":500}");
    assert_true(r->nevents < 10);
}

/* Its machine has gone: only a ping finds out. */
static void a_lost_client_is_noticed_behind_a_ping(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_tab(f, "{\"tabId\":\"t\"}");
    cstar_test_vanish(s);
    cstar_test_advance(f->t, 14000);
    assert_int_equal(disconnected, 0);
    assert_true(cstar_tab_is_live(f->app, "room", "t"));
    cstar_test_slow(s, false); /* it does not come back */
    cstar_test_advance(f->t, 10000);
    assert_int_equal(disconnected, 0);
    cstar_test_advance(f->t, 2000);
    assert_int_equal(disconnected, 1);
    assert_false(cstar_test_is_open(s));
    assert_false(cstar_tab_is_live(f->app, "room", "t"));
    s = cstar_test_reconnect(s);
    assert_true(cstar_tab_is_live(f->app, "room", "t"));
}

/* A patch does the same, earlier; and who is lost and replaced is given up when its grace is over. */
static void a_lost_client_is_noticed_behind_a_patch(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_tab(f, "{\"tabId\":\"t\"}");
    cstar_test_vanish(s);
    cstar_publish_signals(f->app, "news", "{\"n\":1}");
    cstar_test_advance(f->t, 9999);
    assert_int_equal(disconnected, 0);
    cstar_test_advance(f->t, 1);
    assert_int_equal(disconnected, 1);
    assert_null(strstr(cstar_test_came(s)->body.ptr, "\"n\""));
}

/* The page is told when to come again; what is not a page of ours is not. */
static void a_server_that_stops_ends_its_streams(void **state) {
    const fixture *f = *state;
    cstar_test_stream *page = open_tab(f, "{\"tabId\":\"t\",\"pageId\":\"p\"}");
    cstar_test_stream *other = open_tab(f, "{}");
    (void)cstar_test_news(page);
    (void)cstar_test_news(other);
    cstar_test_drain(f->t);
    assert_int_equal(disconnected, 2);
    const cstar_test_reply *r = cstar_test_news(page);
    assert_true(r->complete);
    assert_int_equal(r->nevents, 0);
    const char *last = strstr(r->body.ptr, "retry: "); /* the first said one, too */
    assert_non_null(last);
    last = strstr(last + 1, "retry: ");
    assert_non_null(last);
    const long ms = strtol(last + 7, NULL, 10);
    assert_true(ms >= 200 && ms < 3000);
    assert_true(cstar_test_came(other)->complete);
    assert_null(strstr(cstar_test_came(other)->body.ptr, "retry: "));
    page = cstar_test_reconnect(page);
    assert_true(cstar_test_is_open(page));
    assert_true(cstar_tab_is_live(f->app, "room", "t"));
}

/* As a server's: what was published is in front of the end. */
static void what_was_published_comes_before_the_end(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_tab(f, "{}");
    (void)cstar_test_news(s);
    assert_int_equal(cstar_publish_signals(f->app, "talk", "{\"last\":1}"), CSTAR_OK);
    assert_int_equal(cstar_publish(f->app, "news", .bytes = CSTAR_STR("goodbye")), CSTAR_OK);
    cstar_test_drain(f->t);
    const cstar_test_reply *r = cstar_test_news(s);
    assert_true(r->complete);
    cstar_test_expect_signals(r, "{\"last\":1}");
    cstar_test_expect_body(r, "news: goodbye");
}

/* The next server has kept nothing of what this one has. */
static void who_comes_to_the_next_server_gets_a_full_view(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = open_tab(f, "{}");
    assert_int_equal(cstar_publish_signals(f->app, "talk", "{\"n\":1}"), CSTAR_OK);
    cstar_test_advance(f->t, 0);
    cstar_test_stream *same = cstar_test_reconnect(s);
    assert_null(strstr(cstar_test_came(same)->body.ptr, "full"));
    cstar_test_drain(f->t);
    cstar_test_stream *next = cstar_test_reconnect(same);
    cstar_test_expect_body(cstar_test_came(next), "full");
    assert_int_equal(cstar_publish_signals(f->app, "talk", "{\"n\":2}"), CSTAR_OK);
    cstar_test_advance(f->t, 0);
    cstar_test_cut(next);
    assert_int_equal(cstar_publish_signals(f->app, "talk", "{\"n\":3}"), CSTAR_OK);
    next = cstar_test_reconnect(next); /* which keeps its own */
    assert_null(strstr(cstar_test_came(next)->body.ptr, "full"));
    cstar_test_expect_signals(cstar_test_came(next), "{\"n\":3}");
    assert_null(strstr(cstar_test_came(next)->body.ptr, "{\"n\":1}"));
}

/* Whoever made the text can be rid of it, heard or not. */
static void what_was_lent_is_given_back_once(void **state) {
    static const struct {
        const char *topic, *json;
    } cases[] = {{"talk", NULL},   {"talk", "{}"},   {"talk", "{"},
                 {"nobody", NULL}, {"nobody", "{}"}, {"nobody", "{"}};
    const fixture *f = *state;
    cstar_test_stream *s = open_tab(f, "{}");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        freed = 0;
        const cstar_status rc = cstar_publish(f->app, cases[i].topic, .bytes = CSTAR_STR("lent"),
                                              .json = cases[i].json, .free = forget, .arg = &freed);
        const bool wrong = cases[i].json != NULL && strcmp(cases[i].json, "{") == 0;
        assert_int_equal(rc == CSTAR_OK, !wrong);
        cstar_test_advance(f->t, 0);
        assert_int_equal(freed, 1);
    }
    cstar_test_expect_body(cstar_test_came(s), "talk: lent");
}

/* A blocking `connect` runs while others may publish: it can't leave a topic again. */
static void a_blocking_connect_can_not_unsubscribe(void **state) {
    const fixture *f = *state;
    left_with = CSTAR_OK;
    cstar_test_stream *s = cstar_test_open(f->t, "/waits", .method = "POST", .body = "{}");
    assert_true(cstar_test_is_open(s));
    assert_int_equal(left_with, CSTAR_ESTATE);
}

/* A takeover is two streams of one tab, and a page that comes back is a reconnect. */
static void a_tab_is_taken_over_and_split(void **state) {
    const fixture *f = *state;
    cstar_test_stream *one = open_tab(f, "{\"tabId\":\"t\",\"pageId\":\"1\"}");
    cstar_test_stream *two = open_tab(f, "{\"tabId\":\"t\",\"pageId\":\"2\"}");
    cstar_test_advance(f->t, 0);
    assert_true(cstar_test_came(one)->complete);
    one = cstar_test_reconnect(one);
    cstar_test_advance(f->t, 0);
    assert_true(cstar_test_is_open(one));
    assert_true(cstar_test_is_open(two));
}

static void nothing_is_called_behind_a_halt(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = cstar_test_open(f->t, "/timers", .method = "GET");
    rang[0] = rang[1] = 0;
    cstar_test_advance(f->t, 500);
    assert_true(cstar_test_came(s)->complete);
    assert_int_equal(rang[0], 1);
    assert_int_equal(rang[1], 0);
    assert_int_equal(disconnected, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_page_without_connect_has_no_stream),
        TEST(what_is_published_reaches_the_stream_in_order),
        TEST(a_halt_ends_it_cleanly),
        TEST(callbacks_know_whether_the_client_is_there),
        TEST(a_page_without_a_key_is_told_too),
        TEST(a_tab_has_one_stream),
        TEST(an_event_reaches_its_own_tab),
        TEST(who_comes_back_gets_what_was_missed),
        TEST(who_was_away_for_too_long_gets_a_full_view),
        TEST(who_comes_back_gets_the_newest_of_each_key),
        TEST(a_callback_can_defer),
        TEST(a_page_that_may_not_come_back_loads_itself_again),
        TEST(who_is_refused_at_first_is_told_so),
        TEST(what_a_page_answers_itself_stays),
        TEST(silence_is_broken_by_a_comment),
        TEST(a_slow_client_gets_the_newest_of_each_key),
        TEST(a_lost_client_is_noticed_behind_a_ping),
        TEST(a_lost_client_is_noticed_behind_a_patch),
        TEST(a_server_that_stops_ends_its_streams),
        TEST(a_tab_is_taken_over_and_split),
        TEST(nothing_is_called_behind_a_halt),
        TEST(what_was_published_comes_before_the_end),
        TEST(who_comes_to_the_next_server_gets_a_full_view),
        TEST(what_was_lent_is_given_back_once),
        TEST(a_blocking_connect_can_not_unsubscribe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
