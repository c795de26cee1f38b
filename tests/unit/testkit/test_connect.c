/* test_connect.c -- a page whose stream is opened as the page does it, with its token and tab; and
 * what the kit says where that is refused.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"

#include "cstar/test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- the app ---- */

static int done; /* items */

static void render(cstar_conn *conn, cstar_html *h) {
    const char *filter = cstar_signals_str(cstar_tab_signals(conn), "filter", "all");
    cstar_put(h,
              "<main id='m' data-signals__ifmissing='{}' data-init='{}'><p id='n'>{} {}</p></main>",
              cstar_init_signals(conn), cstar_connect(), filter, done);
}

static void mount(cstar_conn *conn) {
    cstar_signal(conn, "filter", "all");
    cstar_signal(conn, "_own", 1);
}

static void connect_page(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_subscribe(conn, "items");
    cstar_rerender(conn);
}

static void info(cstar_conn *conn, const cstar_message *m) {
    (void)m;
    cstar_rerender(conn);
}

static void add(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    done++;
    cstar_publish(cstar_app_of(conn), "items", .json = "{}");
}

static void show(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_tab_rerender(conn);
}

CSTAR_PAGE(list, .mount = mount, .render = render, .connect = connect_page, .info = info,
           .stream_key = cstar_session_id, .events = CSTAR_EVENTS({"add", add}, {"show", show}));
CSTAR_PAGE(still, .mount = mount, .render = render);

static cstar_app *new_app(void) {
    static const char *const secrets[] = {"0123456789abcdef0123456789abcdef", NULL};
    cstar_app *app = cstar_app_new();
    done = 0;
    if (app != NULL) {
        cstar_sessions(app, .secrets = secrets);
        cstar_page(app, "/", &list);
        cstar_page(app, "/still", &still);
    }
    return app;
}

static char told[2048];

static void keep(void *arg, const char *file, int line, const char *text) {
    (void)arg, (void)file, (void)line;
    (void)snprintf(told, sizeof told, "%s", text);
}

/* ---- tests ---- */

/* Two tabs of one visitor: each shows what it has chosen, of one list. */
static void two_tabs(void **state) {
    (void)state;
    cstar_app *app = new_app();
    cstar_test *t = cstar_test_new_with(app, &(cstar_test_opts){.on_fail = keep});
    told[0] = '\0';
    cstar_test_page *a = cstar_test_visit(t, "/?x=1");
    cstar_test_page *b = cstar_test_visit(t, "/");
    cstar_test_stream *sa = cstar_test_connect(a);
    cstar_test_stream *sb = cstar_test_connect(b);
    assert_string_equal(told, "");
    assert_true(cstar_test_is_open(sa) && cstar_test_is_open(sb));
    cstar_test_page_event(a, "show", "{\"filter\":\"open\"}");
    cstar_test_page_event(b, "add", NULL);
    cstar_test_advance(t, 0);
    cstar_test_apply(a, cstar_test_news(sa));
    cstar_test_apply(b, cstar_test_news(sb));
    cstar_test_expect_text(a, "#n", "open 1");
    cstar_test_expect_text(b, "#n", "all 1");
    assert_string_equal(told, "");
    /* another stream of the page takes the tab over, as in the browser */
    cstar_test_stream *again = cstar_test_connect(a);
    cstar_test_advance(t, 0);
    assert_true(cstar_test_is_open(again));
    assert_false(cstar_test_is_open(sa));
    cstar_test_free(t);
    cstar_app_free(app);
}

static void refused(void **state) {
    (void)state;
    cstar_app *app = new_app();
    cstar_test *t = cstar_test_new_with(app, &(cstar_test_opts){.on_fail = keep});
    told[0] = '\0';
    assert_null(cstar_test_connect(cstar_test_visit(t, "/still")));
    assert_non_null(strstr(told, "expected status 200, got 404"));
    assert_non_null(strstr(told, "the page has no .connect"));
    assert_null(cstar_test_connect(cstar_test_page_of(t, CSTAR_STR("<p>x</p>"))));
    assert_non_null(strstr(told, "a page without a path"));
    assert_null(cstar_test_connect(NULL));
    cstar_test_free(t);
    cstar_app_free(app);
}

static void out_of_memory(void **state) {
    (void)state;
    bool finished = false;
    for (size_t n = 1; !finished && n < 5000; n++) {
        failalloc fail;
        failalloc_init(&fail, n);
        cstar_app *app = new_app();
        assert_non_null(app);
        cstar_test *t =
            cstar_test_new_with(app, &(cstar_test_opts){.on_fail = keep, .alloc = &fail.alloc});
        cstar_test_stream *s = t != NULL ? cstar_test_connect(cstar_test_visit(t, "/")) : NULL;
        finished = s != NULL && fail.calls < n;
        cstar_test_free(t);
        cstar_app_free(app);
        assert_int_equal(fail.live_blocks, 0);
    }
    assert_true(finished);
}

int main(void) {
    if (!CSTAR_WITH_GUMBO) {
        return 77; /* no pages */
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_tabs),
        cmocka_unit_test(refused),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
