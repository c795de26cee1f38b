/* test_stream_session.c -- sessions, and the streams that were opened with them: who is logged in,
 * or out, while a stream is open.
 * SPDX-License-Identifier: MIT */
#include "cstar/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const secrets[] = {"first secret of at least 32 bytes!", NULL};

/* ---- the app ---- */

static void say_token(cstar_conn *conn) { cstar_respond_text(conn, 200, cstar_csrf_token(conn)); }

static void log_in(cstar_conn *conn) {
    cstar_session_renew(conn);
    cstar_session_set(conn, "user", "ann");
    say_token(conn);
}

static const char *user_of(cstar_conn *conn) { return cstar_session_str(conn, "user", NULL); }

/* As docs/howto/live.md says: the streams of that user are told. */
static void log_out(cstar_conn *conn) {
    char topic[64];
    const char *user = user_of(conn);
    (void)snprintf(topic, sizeof topic, "logout:%s", user != NULL ? user : "");
    cstar_session_clear(conn);
    (void)cstar_publish(cstar_app_of(conn), topic, .bytes = CSTAR_STR("bye"));
    cstar_respond_text(conn, 200, "bye");
}

static void authorize(cstar_conn *conn, const char *event) {
    (void)event;
    if (user_of(conn) == NULL) {
        cstar_fail(conn, 401);
    }
}

static void render(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<p id='who' data-init='{}'>{}</p>", cstar_connect(),
              user_of(conn) != NULL ? user_of(conn) : "nobody");
}

static void connect_page(cstar_conn *conn, const cstar_signals *in) {
    char topic[64];
    (void)in;
    (void)snprintf(topic, sizeof topic, "logout:%s", user_of(conn));
    cstar_subscribe(conn, "news");
    cstar_subscribe(conn, topic);
}

static cstar_status set_late;

static void info(cstar_conn *conn, const cstar_message *m) {
    if (strncmp(m->topic, "logout:", 7) == 0) { /* it comes back, and is asked who it is */
        assert_int_equal(cstar_tab_end(cstar_app_of(conn), user_of(conn), cstar_tab_id(conn)),
                         CSTAR_OK);
        return;
    }
    set_late = cstar_session_set(conn, "user", "eve");
    cstar_rerender(conn);
}

static void whoami(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_signal(conn, "who", user_of(conn));
}

CSTAR_PAGE(page, .render = render, .authorize = authorize, .connect = connect_page, .info = info,
           .stream_key = user_of, .events = CSTAR_EVENTS({"whoami", whoami}));

/* A stream by hand, opened by GET: nobody has asked for a session, and there may be none. */
static char late_token[128];

static void info_feed(cstar_conn *conn, const cstar_message *m) {
    (void)m;
    (void)snprintf(late_token, sizeof late_token, "[%s]", cstar_csrf_token(conn));
    cstar_patch(conn, h) {
        cstar_put(h, "<form id='f'>");
        cstar_csrf_field(conn, h);
        cstar_put(h, "</form>");
    }
}

static void feed(cstar_conn *conn) {
    cstar_live(conn, .info = info_feed);
    cstar_subscribe(conn, "news");
}

typedef struct fixture {
    cstar_app *app;
    cstar_test *t;
    char token[128];
    char signals[256];
} fixture;

static int start(void **state, const cstar_session_store *store) {
    fixture *f = calloc(1, sizeof *f);
    *state = f;
    f->app = cstar_app_new();
    cstar_route(f->app, CSTAR_GET, "/token", say_token);
    cstar_route(f->app, CSTAR_GET, "/in", log_in);
    cstar_route(f->app, CSTAR_GET, "/out", log_out);
    cstar_route(f->app, CSTAR_GET, "/feed", feed);
    cstar_page(f->app, "/", &page);
    if (cstar_sessions(f->app, .secrets = secrets, .store = store) != CSTAR_OK) {
        return -1;
    }
    f->t = cstar_test_new(f->app);
    return 0;
}

static int set_up(void **state) { return start(state, NULL); }

static int set_up_store(void **state) {
    const cstar_session_store store = cstar_session_memory(0);
    return start(state, &store);
}

static int tear_down(void **state) {
    fixture *f = *state;
    cstar_test_free(f->t);
    cstar_app_free(f->app);
    free(f);
    return 0;
}

/* Somebody who is logged in, and what the page's signals are then. */
static void come_in(fixture *f) {
    const cstar_test_reply *r = cstar_test_get(f->t, "/in");
    cstar_test_expect_status(r, 200);
    (void)snprintf(f->signals, sizeof f->signals,
                   "{\"tabId\":\"a\",\"pageId\":\"1\",\"csrf\":\"%s\"}", r->body.ptr);
}

static cstar_test_stream *open_page(const fixture *f) {
    return cstar_test_open(f->t, "/", .method = "POST", .body = f->signals);
}

static const cstar_test_reply *news(const fixture *f, cstar_test_stream *s) {
    cstar_test_advance(f->t, 0);
    return cstar_test_news(s);
}

/* ---- tests ---- */

/* Nobody asks it again until it is opened again; its events are asked each time. */
static void a_stream_has_the_session_that_it_was_opened_with(void **state) {
    fixture *f = *state;
    come_in(f);
    cstar_test_stream *s = open_page(f);
    (void)news(f, s);
    (void)cstar_test_clear_cookies(f->t); /* logged out in another window, say */
    assert_int_equal(cstar_publish(f->app, "news", .bytes = CSTAR_STR("x")), CSTAR_OK);
    const cstar_test_reply *r = news(f, s);
    assert_int_equal(r->npatches, 1);
    assert_non_null(strstr(r->patches[0].html, ">ann</p>"));
    assert_int_equal(set_late, CSTAR_ESTATE);
    const int status = cstar_test_event(f->t, "/", "whoami", f->signals)->status;
    assert_true(status == 401 || status == 403);
    s = cstar_test_reconnect(s);
    cstar_test_expect_body(cstar_test_came(s), "location.reload()");
    assert_false(cstar_test_is_open(s));
}

/* What the page should do about it. */
static void who_logs_out_everywhere_ends_all_streams(void **state) {
    fixture *f = *state;
    come_in(f);
    cstar_test_stream *a = open_page(f);
    char other[256];
    (void)snprintf(other, sizeof other, "{\"tabId\":\"b\",\"pageId\":\"2\",%s",
                   strstr(f->signals, "\"csrf\""));
    cstar_test_stream *b = cstar_test_open(f->t, "/", .method = "POST", .body = other);
    assert_true(cstar_test_is_open(a) && cstar_test_is_open(b));
    cstar_test_expect_status(cstar_test_get(f->t, "/out"), 200);
    cstar_test_advance(f->t, 0);
    assert_true(cstar_test_came(a)->complete);
    assert_true(cstar_test_came(b)->complete);
    a = cstar_test_reconnect(a);
    cstar_test_expect_body(cstar_test_came(a), "location.reload()");
    assert_false(cstar_test_is_open(a));
}

/* Nobody would ever hear of the session that it is of. */
static void a_stream_without_a_session_has_no_token(void **state) {
    const fixture *f = *state;
    late_token[0] = '\0';
    cstar_test_stream *s = cstar_test_open(f->t, "/feed");
    assert_int_equal(cstar_publish(f->app, "news", .bytes = CSTAR_STR("x")), CSTAR_OK);
    const cstar_test_reply *r = news(f, s);
    assert_string_equal(late_token, "[]");
    assert_int_equal(r->npatches, 1);
    assert_string_equal(r->patches[0].html, "<form id='f'></form>");
    assert_non_null(strstr(cstar_test_log(f->t), "csrf: the response has been given already"));
}

static void a_stream_with_a_session_has_its_token(void **state) {
    fixture *f = *state;
    come_in(f);
    late_token[0] = '\0';
    cstar_test_stream *s = cstar_test_open(f->t, "/feed");
    assert_int_equal(cstar_publish(f->app, "news", .bytes = CSTAR_STR("x")), CSTAR_OK);
    const cstar_test_reply *r = news(f, s);
    assert_true(strlen(late_token) > 10);
    assert_non_null(strstr(r->patches[0].html, "_csrf_token"));
    late_token[strlen(late_token) - 1] = '\0';
    char signals[256];
    (void)snprintf(signals, sizeof signals, "{\"csrf\":\"%s\"}", late_token + 1);
    cstar_test_expect_status(cstar_test_event(f->t, "/", "whoami", signals), 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, set_up, tear_down),                                      \
        cmocka_unit_test_setup_teardown(name, set_up_store, tear_down)
        TEST(a_stream_has_the_session_that_it_was_opened_with),
        TEST(who_logs_out_everywhere_ends_all_streams),
        TEST(a_stream_without_a_session_has_no_token),
        TEST(a_stream_with_a_session_has_its_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
