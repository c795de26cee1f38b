/* test_live_limits.c -- what cstar/live.h says of the edges: how many timers and topics a stream
 * has, which texts are topics and tabs, what a message is, a patch that can't be rendered.
 * SPDX-License-Identifier: MIT */
#include "support/kitrig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- timers ---- */

enum { TIMERS = 17 };

static int rang[TIMERS];
static cstar_status set[TIMERS], moved, late;

static void ring(cstar_conn *conn, int i);
#define TIMER(n)                                                                                   \
    static void timer##n(cstar_conn *conn) { ring(conn, n); }
TIMER(0)
TIMER(1)
TIMER(2)
TIMER(3)
TIMER(4)
TIMER(5)
TIMER(6)
TIMER(7)
TIMER(8)
TIMER(9)
TIMER(10)
TIMER(11)
TIMER(12)
TIMER(13)
TIMER(14)
TIMER(15)
TIMER(16)
static void (*const timers[TIMERS])(cstar_conn *conn) = {
    timer0, timer1,  timer2,  timer3,  timer4,  timer5,  timer6,  timer7, timer8,
    timer9, timer10, timer11, timer12, timer13, timer14, timer15, timer16};

/* The first one is for once. */
static void ring(cstar_conn *conn, int i) {
    rang[i]++;
    if (i == 0) {
        assert_int_equal(cstar_every(conn, 0, timer0), CSTAR_OK);
    }
}

static void disconnect_timers(cstar_conn *conn) { late = cstar_every(conn, 10, timer1); }

static void with_timers(cstar_conn *conn) {
    cstar_live(conn, .disconnect = disconnect_timers);
    for (int i = 0; i < TIMERS; i++) {
        set[i] = cstar_every(conn, 100, timers[i]);
    }
    moved = cstar_every(conn, 1000, timer15);
    assert_int_equal(cstar_every(conn, 0, timer14), CSTAR_OK);
    assert_int_equal(cstar_every(conn, 0, timer14), CSTAR_OK); /* it has none */
}

/* ---- topics ---- */

static void with_topics(cstar_conn *conn) {
    char name[300];
    cstar_live(conn, .info = NULL);
    memset(name, 't', sizeof name);
    name[257] = '\0';
    assert_int_equal(cstar_subscribe(conn, name), CSTAR_EINVAL);
    assert_int_equal(cstar_subscribe(conn, ""), CSTAR_EINVAL);
    assert_int_equal(cstar_subscribe(conn, NULL), CSTAR_EINVAL);
    assert_int_equal(cstar_subscribe(conn, "\1t"), CSTAR_EINVAL); /* an address is none */
    name[256] = '\0';
    assert_int_equal(cstar_subscribe(conn, name), CSTAR_OK);
    for (int i = 1; i < 1024; i++) {
        (void)snprintf(name, sizeof name, "topic %d", i);
        assert_int_equal(cstar_subscribe(conn, name), CSTAR_OK);
    }
    assert_int_equal(cstar_subscribe(conn, "one more"), CSTAR_ELIMIT);
    assert_int_equal(cstar_subscribe(conn, name), CSTAR_OK); /* again */
    assert_int_equal(cstar_unsubscribe(conn, "topic 7"), CSTAR_OK);
    assert_int_equal(cstar_unsubscribe(conn, "topic 7"), CSTAR_ENOENT);
    assert_int_equal(cstar_unsubscribe(conn, NULL), CSTAR_ENOENT);
    assert_int_equal(cstar_subscribe(conn, "one more"), CSTAR_OK);
}

/* ---- messages ---- */

static void info(cstar_conn *conn, const cstar_message *m) {
    const cstar_json *j = cstar_message_json(conn, m);
    assert_int_equal(m->bytes.ptr[m->bytes.len], '\0');
    cstar_signal(conn, "topic", m->topic);
    cstar_signal(conn, "json", j != NULL ? cstar_json_int(j, -1) : -2);
    cstar_signal(conn, "n", cstar_json_int(cstar_json_path(j, "n"), -1));
}

static void without_timer(cstar_conn *conn) {
    cstar_live(conn, .info = NULL);
    set[0] = cstar_every(conn, 10, NULL);
}

static const char *scope(cstar_conn *conn) { return cstar_query(conn, "scope"); }

static void connect_page(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    const char *id = cstar_tab_id(conn);
    cstar_subscribe(conn, "news");
    cstar_signal(conn, "id", id != NULL ? id : "none");
}

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p id='p'></p>");
}

static void tell(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    const char *to = cstar_tab(conn);
    cstar_signal_bool(conn, "there", to != NULL);
    if (to != NULL) {
        assert_int_equal(cstar_publish(cstar_app_of(conn), to, .json = "7"), CSTAR_OK);
    }
}

static void by_hand(cstar_conn *conn) { cstar_live(conn, .scope = "hand"); }

CSTAR_PAGE(page, .render = render, .connect = connect_page, .info = info, .stream_key = scope,
           .events = CSTAR_EVENTS({"tell", tell}));

static int set_up(void **state) {
    kitrig *f = kitrig_new(state);
    memset(rang, 0, sizeof rang);
    cstar_route(f->app, CSTAR_GET, "/timers", with_timers);
    cstar_route(f->app, CSTAR_GET, "/topics", with_topics);
    cstar_route(f->app, CSTAR_GET, "/hand", by_hand);
    cstar_route(f->app, CSTAR_GET, "/no-timer", without_timer);
    cstar_page(f->app, "/page", &page);
    f->t = cstar_test_new(f->app);
    return 0;
}

static cstar_test_stream *open_page(const kitrig *f, const char *signals) {
    return cstar_test_open(f->t, "/page?scope=s", .method = "POST", .body = signals);
}

static const cstar_test_reply *news(const kitrig *f, cstar_test_stream *s) {
    cstar_test_advance(f->t, 0);
    return cstar_test_news(s);
}

/* ---- tests ---- */

static void a_stream_has_sixteen_timers(void **state) {
    const kitrig *f = *state;
    cstar_test_stream *s = cstar_test_open(f->t, "/timers");
    for (int i = 0; i < TIMERS; i++) {
        assert_int_equal(set[i], i < 16 ? CSTAR_OK : CSTAR_ELIMIT);
    }
    assert_int_equal(moved, CSTAR_OK);
    cstar_test_advance(f->t, 550);
    assert_int_equal(rang[0], 1);
    for (int i = 1; i < 14; i++) {
        assert_int_equal(rang[i], 5);
    }
    assert_int_equal(rang[14] + rang[15] + rang[16], 0);
    cstar_test_advance(f->t, 500);
    assert_int_equal(rang[15], 1);
    cstar_test_cut(s);
    assert_int_equal(late, CSTAR_ESTATE);
}

static void a_stream_has_1024_topics(void **state) {
    const kitrig *f = *state;
    cstar_test_stream *s = cstar_test_open(f->t, "/topics");
    assert_int_equal(cstar_publish_signals(f->app, "topic 7", "{\"seven\":1}"), CSTAR_OK);
    assert_int_equal(cstar_publish_signals(f->app, "topic 1023", "{\"last\":1}"), CSTAR_OK);
    assert_int_equal(cstar_publish_signals(f->app, "one more", "{\"more\":1}"), CSTAR_OK);
    const cstar_test_reply *r = news(f, s);
    assert_int_equal(r->nevents, 2);
    cstar_test_expect_signals(r, "{\"last\":1,\"more\":1}");
}

static void a_message_is_json_if_it_was_published_so(void **state) {
    static const struct {
        const char *json;
        cstar_str bytes;
        const char *seen;
    } cases[] = {
        {"{\"n\":3}", {0}, "{\"topic\":\"news\",\"json\":-1,\"n\":3}"},
        {" 12 ", {0}, "{\"topic\":\"news\",\"json\":12,\"n\":-1}"},
        {"[1]", {0}, "{\"json\":-1,\"n\":-1}"},
        {NULL, {"12", 2}, "{\"topic\":\"news\",\"json\":-2,\"n\":-1}"},
        {NULL, {"", 0}, "{\"json\":-2}"},
    };
    const kitrig *f = *state;
    cstar_test_stream *s = open_page(f, "{}");
    (void)news(f, s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            cstar_publish(f->app, "news", .json = cases[i].json, .bytes = cases[i].bytes),
            CSTAR_OK);
        cstar_test_expect_signals(news(f, s), cases[i].seen);
    }
    assert_int_equal(cstar_publish(f->app, "news", .json = "{"), CSTAR_ESYNTAX);
    assert_int_equal(news(f, s)->nevents, 0);
}

static void what_is_sent_to_a_tab_has_no_topic(void **state) {
    const kitrig *f = *state;
    const char *ids = "{\"tabId\":\"t\"}";
    const char *url = "/page/_event/tell?scope=s";
    cstar_test_expect_signals(cstar_test_event_by(f->t, "POST", url, ids), "{\"there\":false}");
    cstar_test_stream *s = open_page(f, ids);
    (void)news(f, s);
    cstar_test_expect_signals(cstar_test_event_by(f->t, "POST", url, ids), "{\"there\":true}");
    cstar_test_expect_signals(news(f, s), "{\"topic\":\"\",\"json\":7}");
    cstar_test_expect_signals(
        cstar_test_event_by(f->t, "POST", "/page/_event/tell?scope=else", ids),
        "{\"there\":false}");
    assert_int_equal(news(f, s)->nevents, 0);
}

static void a_tab_is_a_text_of_1_to_64_bytes(void **state) {
    static const char longest[] =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const struct {
        const char *tab;
        bool ok;
    } cases[] = {{"\"t\"", true}, {"\"\"", false}, {"\" \\u00a0\\t\"", false}, {"\"a b\"", true},
                 {"7", false},    {"null", false}, {"\"a\\u0000b\"", false}};
    const kitrig *f = *state;
    char signals[128];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)snprintf(signals, sizeof signals, "{\"tabId\":%s}", cases[i].tab);
        cstar_test_stream *s = open_page(f, signals);
        assert_int_equal(strstr(news(f, s)->body.ptr, "{\"id\":\"none\"}") == NULL, cases[i].ok);
        cstar_test_cut(s);
    }
    for (int more = 0; more < 2; more++) {
        (void)snprintf(signals, sizeof signals, "{\"tabId\":\"%s%s\"}", longest, more ? "x" : "");
        cstar_test_stream *s = open_page(f, signals);
        assert_true(cstar_test_is_open(s));
        assert_int_equal(cstar_tab_is_live(f->app, "s", longest), more == 0);
        cstar_test_cut(s);
    }
}

/* Nobody listens: the block is not entered. */
static void a_patch_is_rendered_if_somebody_listens(void **state) {
    const kitrig *f = *state;
    int entered = 0;
    cstar_publish_patch(f->app, "news", h) { entered += h != NULL; }
    cstar_publish_patch(f->app, "", h) { entered += h != NULL; }
    assert_int_equal(entered, 0);
    cstar_test_stream *s = open_page(f, "{}");
    (void)news(f, s);
    cstar_publish_patch(f->app, "news", h, .selector = "#p", .mode = CSTAR_INNER) {
        entered++;
        cstar_put(h, "<b>{}</b>", "<&>");
    }
    assert_int_equal(entered, 1);
    const cstar_test_reply *r = news(f, s);
    assert_int_equal(r->npatches, 1);
    assert_string_equal(r->patches[0].selector, "#p");
    assert_string_equal(r->patches[0].mode, "inner");
    assert_string_equal(r->patches[0].html, "<b>&lt;&amp;&gt;</b>");
}

static void a_patch_that_can_not_be_rendered_is_nobodys(void **state) {
    const kitrig *f = *state;
    cstar_err err = {.code = CSTAR_OK};
    cstar_test_stream *s = open_page(f, "{}");
    (void)news(f, s);
    cstar_html *h = cstar_publish_begin(f->app, "news", &(cstar_elements){.selector = "#p"});
    assert_non_null(h);
    cstar_put(h, "<b {}", "x"); /* a name is no place for a text */
    assert_null(cstar_publish_end(h, &err));
    assert_int_not_equal(err.code, CSTAR_OK);
    assert_non_null(strstr(cstar_test_log(f->t), "publish: news: a patch was not published"));
    assert_int_equal(news(f, s)->nevents, 0);
}

/* Its path is the page's: what else may be asked there. */
static void a_streams_path_takes_post_alone(void **state) {
    static const struct {
        const char *method;
        int status;
    } cases[] = {{"HEAD", 200}, {"GET", 200}, {"PUT", 405}, {"DELETE", 405}, {"OPTIONS", 405}};
    const kitrig *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const cstar_test_reply *r = cstar_test_request(f->t, "/page", .method = cases[i].method);
        cstar_test_expect_status(r, cases[i].status);
        assert_true(r->complete);
        if (cases[i].status == 405) {
            cstar_test_expect_header(r, "allow", "GET, HEAD, POST");
        }
    }
    const cstar_test_reply *r = cstar_test_request(f->t, "/timers", .method = "HEAD");
    cstar_test_expect_status(r, 200); /* of a stream by hand it has no body, and is over */
    assert_true(r->complete);
}

/* Whoever looks at what a stream's head would be takes its tab from nobody. */
static void a_head_takes_no_tab(void **state) {
    static const char url[] = "/hand?datastar=%7B%22tabId%22%3A%22t%22%7D";
    const kitrig *f = *state;
    cstar_test_stream *s = cstar_test_open(f->t, url);
    assert_true(cstar_tab_is_live(f->app, "hand", "t"));
    cstar_test_expect_status(cstar_test_request(f->t, url, .method = "HEAD"), 200);
    cstar_test_advance(f->t, 0);
    assert_true(cstar_test_is_open(s));
    assert_true(cstar_tab_is_live(f->app, "hand", "t"));
}

static void a_timer_has_a_function(void **state) {
    const kitrig *f = *state;
    set[0] = CSTAR_OK;
    cstar_test_stream *s = cstar_test_open(f->t, "/no-timer");
    assert_int_equal(set[0], CSTAR_EINVAL);
    assert_true(cstar_test_is_open(s));
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, kitrig_close)
        TEST(a_stream_has_sixteen_timers),
        TEST(a_stream_has_1024_topics),
        TEST(a_message_is_json_if_it_was_published_so),
        TEST(what_is_sent_to_a_tab_has_no_topic),
        TEST(a_tab_is_a_text_of_1_to_64_bytes),
        TEST(a_patch_is_rendered_if_somebody_listens),
        TEST(a_patch_that_can_not_be_rendered_is_nobodys),
        TEST(a_streams_path_takes_post_alone),
        TEST(a_head_takes_no_tab),
        TEST(a_timer_has_a_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
