/* test_live_page.c -- a page with a stream, as the examples have it: one signal for all, rendering
 * again for what a tab shows.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/kitrig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- the app ---- */

static void mount(cstar_conn *conn) {
    if (strcmp(cstar_signals_str(cstar_tab_signals(conn), "filter", "all"), "quiet") != 0) {
        cstar_signal(conn, "filter", "all");
    }
    cstar_assign(conn, "mounted", 1);
}

static void render(cstar_conn *conn, cstar_html *h) {
    const cstar_signals *in = cstar_tab_signals(conn);
    cstar_put(h, "<main id='m' data-signals__ifmissing='{}' data-init='{}'>{} {}</main>",
              cstar_init_signals(conn), cstar_connect(), cstar_signals_str(in, "filter", "none"),
              cstar_assigned_str(conn, "allowed", "-"));
}

/* What it remembers, and signals, is there in every callback. */
static void authorize(cstar_conn *conn, const char *event) {
    (void)event;
    cstar_assign(conn, "allowed", "yes");
    cstar_signal(conn, "greeting", "hello");
}

static int here; /* as an application counts who is */

static void connect_page(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    here++;
    cstar_subscribe(conn, "list");
    cstar_console_log(conn, "welcome");
}

static void info(cstar_conn *conn, const cstar_message *m) {
    (void)m;
    cstar_rerender(conn);
}

static void disconnect_page(cstar_conn *conn) {
    (void)conn;
    here--;
}

static const char *key(cstar_conn *conn) {
    (void)conn;
    return "page";
}

static void show(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    if (cstar_tab(conn) == NULL) {
        cstar_rerender(conn);
    } else {
        cstar_publish(cstar_app_of(conn), cstar_tab(conn), .bytes = CSTAR_STR("show"));
    }
}

CSTAR_PAGE(page, .mount = mount, .authorize = authorize, .render = render, .connect = connect_page,
           .info = info, .disconnect = disconnect_page, .stream_key = key,
           .events = CSTAR_EVENTS({"show", show}));

typedef kitrig fixture;

static int set_up(void **state) {
    fixture *f = kitrig_new(state);
    cstar_page(f->app, "/", &page);
    cstar_topic(f->app, "kept", .replay_count = 4);
    f->t = cstar_test_new(f->app);
    return 0;
}

static int tear_down(void **state) { return kitrig_close(state); }

static const cstar_test_reply *news(const fixture *f, cstar_test_stream *s) {
    cstar_test_advance(f->t, 1);
    return cstar_test_news(s);
}

/* ---- tests ---- */

static void one_signal_is_published_with_its_type(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = cstar_test_open(f->t, "/", .method = "POST", .body = "{}");
    assert_int_equal(cstar_publish_signal(f->app, "list", "n", 3), CSTAR_OK);
    cstar_test_expect_signals(news(f, s), "{\"n\":3}");
    assert_int_equal(cstar_publish_signal(f->app, "list", "said", "</script>\"\n", .key = "said"),
                     CSTAR_OK);
    cstar_test_expect_signals(news(f, s), "{\"said\":\"</script>\\\"\\n\"}");
    assert_int_equal(
        cstar_publish_signal(f->app, "list", "on", cstar_bool(true), .only_if_missing = true),
        CSTAR_OK);
    const cstar_test_reply *r = news(f, s);
    cstar_test_expect_body(r, "onlyIfMissing true");
    cstar_test_expect_body(r, "{\"on\":true}");
    assert_int_equal(cstar_publish_signal(f->app, "list", "gone", cstar_null()), CSTAR_OK);
    cstar_test_expect_body(news(f, s), "{\"gone\":null}");
}

static void what_is_no_signal_is_not_published(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s = cstar_test_open(f->t, "/", .method = "POST", .body = "{}");
    (void)news(f, s);
    assert_int_equal(cstar_publish_signal(f->app, "list", "", 1), CSTAR_EINVAL);
    assert_int_equal(cstar_publish_signal(f->app, "list", NULL, 1), CSTAR_EINVAL);
    assert_int_equal(cstar_publish_signal(f->app, "", "n", 1), CSTAR_EINVAL);
    assert_int_equal(cstar_publish_signal(f->app, "list", "n", "\xff"), CSTAR_EUTF8);
    assert_int_equal(cstar_publish_signal(f->app, "list", "\xff", 1), CSTAR_EUTF8);
    assert_int_equal(cstar_publish_signal(f->app, "list", "n", cstar_trust("<b>")), CSTAR_ETYPE);
    assert_int_equal(cstar_publish_signal(f->app, "list", "n", cstar_json_text("{")),
                     CSTAR_ESYNTAX);
    assert_int_equal(news(f, s)->nevents, 0);
    assert_int_equal(cstar_publish_signal(f->app, "nobody", "n", "\xff"),
                     CSTAR_OK); /* not looked at */
}

static void a_page_is_rendered_again_for_what_the_tab_shows(void **state) {
    const fixture *f = *state;
    cstar_test_stream *a = cstar_test_open(f->t, "/", .method = "POST",
                                           .body = "{\"tabId\":\"a\",\"filter\":\"one\"}");
    cstar_test_stream *b = cstar_test_open(f->t, "/", .method = "POST",
                                           .body = "{\"tabId\":\"b\",\"filter\":\"two\"}");
    for (int i = 0; i < 5; i++) { /* each time the same, whatever the last one has left */
        (void)cstar_publish(f->app, "list", .bytes = CSTAR_STR("changed"));
        cstar_test_expect_body(news(f, a), ">one yes</main>");
        cstar_test_expect_body(cstar_test_news(b), ">two yes</main>");
    }
    cstar_test_event(f->t, "/", "show", "{\"tabId\":\"b\",\"filter\":\"three\"}");
    assert_int_equal(news(f, a)->nevents, 0);
    cstar_test_expect_body(cstar_test_news(b), ">three yes</main>");
    (void)cstar_publish(f->app, "list", .bytes = CSTAR_STR("changed"));
    cstar_test_expect_body(news(f, a), ">one yes</main>");
    cstar_test_expect_body(cstar_test_news(b), ">three yes</main>");
}

/* What mount sets is for that rendering; what was set before the stream began stays. */
static void a_rendering_leaves_no_signals_behind(void **state) {
    const fixture *f = *state;
    cstar_test_stream *s =
        cstar_test_open(f->t, "/", .method = "POST", .body = "{\"tabId\":\"a\"}");
    (void)cstar_publish(f->app, "list", .bytes = CSTAR_STR("changed"));
    cstar_test_expect_body(
        news(f, s), "{&quot;greeting&quot;:&quot;hello&quot;,&quot;filter&quot;:&quot;all&quot;}");
    cstar_test_event(f->t, "/", "show", "{\"tabId\":\"a\",\"filter\":\"quiet\"}");
    cstar_test_expect_body(news(f, s), "{&quot;greeting&quot;:&quot;hello&quot;}");
}

static void without_a_stream_the_event_itself_answers(void **state) {
    const fixture *f = *state;
    const cstar_test_reply *r =
        cstar_test_event(f->t, "/", "show", "{\"tabId\":\"a\",\"filter\":\"mine\"}");
    cstar_test_expect_body(r, ">mine yes</main>");
}

/* Also if the stream has not begun for want of memory: who counts would be wrong for ever. */
static void who_has_connected_disconnects(void **state) {
    (void)state;
    failalloc fa;
    here = 0;
    failalloc_init(&fa, 0);
    cstar_app *app = cstar_app_new_with(&fa.alloc);
    cstar_page(app, "/", &page);
    cstar_test *t = cstar_test_new(app);
    size_t calls = 0;
    for (size_t n = 1; n <= calls + 1; n++) {
        const size_t before = fa.calls;
        fa.fail_at = before + n;
        cstar_test_stream *s =
            cstar_test_open(t, "/", .method = "POST", .body = "{\"tabId\":\"a\"}");
        fa.fail_at = 0;
        calls = fa.calls - before > calls ? fa.calls - before : calls;
        cstar_test_cut(s);
        assert_int_equal(here, 0);
    }
    assert_true(calls > 5);
    cstar_test_free(t);
    cstar_app_free(app);
    assert_int_equal(fa.live_blocks, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(one_signal_is_published_with_its_type),
        TEST(what_is_no_signal_is_not_published),
        TEST(a_page_is_rendered_again_for_what_the_tab_shows),
        TEST(a_rendering_leaves_no_signals_behind),
        TEST(without_a_stream_the_event_itself_answers),
        cmocka_unit_test(who_has_connected_disconnects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
