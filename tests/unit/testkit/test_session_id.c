/* test_session_id.c -- the name of a session that others may see: the same in all its tabs, another
 * one when it is renewed, and of no use to who would like to be let in.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "web/app.h"

#include "cstar/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const secrets[] = {"first secret of at least 32 bytes!", NULL};
static const char *const rotated[] = {"a newer secret of at least 32 bytes",
                                      "first secret of at least 32 bytes!", NULL};

/* ---- the app ---- */

static void say(cstar_conn *conn) {
    const char *id = cstar_session_id(conn);
    cstar_respond_text(conn, 200, id != NULL ? id : "none");
}

static void renew(cstar_conn *conn) {
    cstar_session_renew(conn);
    say(conn);
}

static void clear(cstar_conn *conn) {
    cstar_session_clear(conn);
    cstar_respond_text(conn, 200, "gone");
}

static void too_late(cstar_conn *conn) {
    cstar_respond_text(conn, 200, "given");
    assert_null(cstar_session_id(conn));
    assert_int_equal(cstar_error(conn)->code, CSTAR_ESTATE);
}

static void render(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<p id='who' data-init='{}'></p><form method='post'>", cstar_connect());
    cstar_csrf_field(conn, h);
    cstar_put(h, "</form>");
}

static void connect_page(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_subscribe(conn, "news");
}

static void info(cstar_conn *conn, const cstar_message *m) {
    (void)m;
    const char *id = cstar_session_id(conn);
    cstar_signal(conn, "id", id != NULL ? id : "none");
}

static void whisper(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_signal_bool(conn, "found", cstar_tab(conn) != NULL);
}

CSTAR_PAGE(page, .render = render, .connect = connect_page, .info = info,
           .stream_key = cstar_session_id, .events = CSTAR_EVENTS({"whisper", whisper}));

typedef struct fixture {
    cstar_app *app;
    cstar_test *t;
    char id[64];
} fixture;

static bool start(fixture *f, const char *const *texts, bool no_csrf) {
    f->app = cstar_app_new();
    cstar_route(f->app, CSTAR_GET, "/id", say);
    cstar_route(f->app, CSTAR_GET, "/renew", renew);
    cstar_route(f->app, CSTAR_GET, "/clear", clear);
    cstar_route(f->app, CSTAR_GET, "/late", too_late);
    cstar_page(f->app, "/", &page);
    if (cstar_sessions(f->app, .secrets = texts, .no_csrf = no_csrf) != CSTAR_OK) {
        return false;
    }
    f->t = cstar_test_new(f->app);
    return true;
}

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof *f);
    *state = f;
    return start(f, secrets, true) ? 0 : -1;
}

static int tear_down(void **state) {
    fixture *f = *state;
    cstar_test_free(f->t);
    cstar_app_free(f->app);
    free(f);
    return 0;
}

static const char *ask(fixture *f, const char *path) {
    const cstar_test_reply *r = cstar_test_get(f->t, path);
    cstar_test_expect_status(r, 200);
    (void)snprintf(f->id, sizeof f->id, "%s", r->body.ptr);
    return f->id;
}

/* ---- tests ---- */

static void it_is_the_sessions_and_stays(void **state) {
    fixture *f = *state;
    char first[64];
    (void)snprintf(first, sizeof first, "%s", ask(f, "/id"));
    assert_int_equal(strlen(first), 22);
    assert_int_equal(
        strspn(first, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 22);
    assert_string_equal(ask(f, "/id"), first);
    cstar_test_clear_cookies(f->t); /* another browser */
    assert_string_not_equal(ask(f, "/id"), first);
}

static void a_renewed_session_has_another_one(void **state) {
    fixture *f = *state;
    char first[64];
    (void)snprintf(first, sizeof first, "%s", ask(f, "/id"));
    char second[64];
    (void)snprintf(second, sizeof second, "%s", ask(f, "/renew"));
    assert_string_not_equal(second, first);
    assert_string_equal(ask(f, "/id"), second);
    (void)ask(f, "/clear");
    assert_string_not_equal(ask(f, "/id"), second);
}

/* The cookie is sealed anew, and it stays the same session: also by way of another server. */
static void other_secrets_do_not_change_it(void **state) {
    fixture *f = *state;
    char first[64];
    char cookie[1024];
    (void)snprintf(first, sizeof first, "%s", ask(f, "/id"));
    (void)snprintf(cookie, sizeof cookie, "session=%s", cstar_test_cookie(f->t, "session"));
    fixture other = {0};
    assert_true(start(&other, rotated, true));
    assert_true(cstar_test_set_cookie(other.t, cookie));
    assert_string_equal(ask(&other, "/id"), first);
    cstar_test_free(other.t);
    cstar_app_free(other.app);
}

static void what_is_too_late_has_none(void **state) {
    fixture *f = *state;
    cstar_test_expect_body(cstar_test_get(f->t, "/late"), "given");
}

/* ---- streams, with tokens ---- */

static const char *signals_of(fixture *f, char body[200]) {
    static const char before[] = "name='_csrf_token' value='";
    const char *token = strstr(cstar_test_get(f->t, "/")->body.ptr, before);
    assert_non_null(token);
    token += sizeof before - 1;
    (void)snprintf(body, 200, "{\"tabId\":\"t\",\"csrf\":\"%.*s\"}", (int)strcspn(token, "'"),
                   token);
    return body;
}

/* The page's token has made it: so its stream and its events have the same, whichever comes first. */
static void a_page_and_its_stream_have_the_same(void **state) {
    (void)state;
    fixture f = {0};
    char body[200];
    assert_true(start(&f, secrets, false));
    cstar_test_stream *s =
        cstar_test_open(f.t, "/", .method = "POST", .body = signals_of(&f, body));
    cstar_test_advance(f.t, 0);
    assert_true(cstar_test_is_open(s));
    const char *id = ask(&f, "/id");
    assert_true(cstar_tab_is_live(f.app, id, "t"));
    cstar_test_expect_signals(cstar_test_event(f.t, "/", "whisper", body), "{\"found\":true}");
    assert_int_equal(cstar_publish(f.app, "news", .bytes = CSTAR_STR("n")), CSTAR_OK);
    cstar_test_advance(f.t, 0);
    cstar_test_expect_body(cstar_test_came(s), id);
    assert_null(strstr(body, id)); /* the token does not show it */
    cstar_test_free(f.t);
    cstar_app_free(f.app);
}

/* Without tokens nobody has made one: a stream's own callback can't. */
static void a_stream_that_has_begun_makes_none(void **state) {
    fixture *f = *state;
    static cstar_page_def other;
    other = page;
    other.stream_key = NULL;
    cstar_page(f->app, "/other", &other);
    cstar_test_stream *s = cstar_test_open(f->t, "/other", .method = "POST", .body = "{}");
    cstar_test_advance(f->t, 0);
    assert_int_equal(cstar_publish(f->app, "news", .bytes = CSTAR_STR("n")), CSTAR_OK);
    cstar_test_advance(f->t, 0);
    cstar_test_expect_signals(cstar_test_came(s), "{\"id\":\"none\"}");
    assert_non_null(strstr(cstar_test_log(f->t), "it has no id"));
    assert_null(cstar_test_cookie(f->t, "session"));
}

static void without_sessions_there_is_none(void **state) {
    (void)state;
    cstar_app *app = cstar_app_new();
    cstar_route(app, CSTAR_GET, "/id", say);
    cstar_test *t = cstar_test_new(app);
    cstar_test_expect_body(cstar_test_get(t, "/id"), "none");
    cstar_test_free(t);
    cstar_app_free(app);
}

/* An id, an error, and nothing in between. */
static void without_memory_it_is_an_error(void **state) {
    (void)state;
    for (size_t n = 1;; n++) {
        failalloc fa;
        failalloc_init(&fa, 0);
        cstar_app *app = cstar_app_new_with(&fa.alloc);
        cstar_route(app, CSTAR_GET, "/id", say);
        assert_int_equal(cstar_sessions(app, .secrets = secrets, .no_csrf = true), CSTAR_OK);
        cstar_test *t = cstar_test_new(app);
        fa.fail_at = fa.calls + n;
        const cstar_test_reply *r = cstar_test_get(t, "/id");
        const bool failed = fa.calls >= fa.fail_at;
        fa.fail_at = 0;
        assert_true(r->status != 200 || r->body.len == 22 ||
                    cstar_str_eq(r->body, CSTAR_STR("none")));
        cstar_test_free(t);
        cstar_app_free(app);
        assert_int_equal(fa.live_blocks, 0);
        if (!failed) {
            assert_true(n > 1);
            return;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(it_is_the_sessions_and_stays),
        TEST(a_renewed_session_has_another_one),
        TEST(other_secrets_do_not_change_it),
        TEST(what_is_too_late_has_none),
        cmocka_unit_test(a_page_and_its_stream_have_the_same),
        TEST(a_stream_that_has_begun_makes_none),
        cmocka_unit_test(without_sessions_there_is_none),
        cmocka_unit_test(without_memory_it_is_an_error),
    };
    cstar_app *app = cstar_app_new();
    const cstar_status rc = cstar_sessions(app, .secrets = secrets);
    cstar_app_free(app);
    return rc == CSTAR_ENOTSUP ? 77 : cmocka_run_group_tests(tests, NULL, NULL);
}
