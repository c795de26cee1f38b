/* test_pages.c -- documents of the test kit: what is found in them, and what events make of
 * them. That patches end as in the real client is tests/browser/dom_model.test.mjs.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/kitrig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- the app: a list with a form ---- */

static void mount(cstar_conn *conn) {
    cstar_signal(conn, "title", "");
    cstar_signal(conn, "n", 1);
    cstar_signal(conn, "_open", cstar_bool(true));
}

static void render(cstar_conn *conn, cstar_html *h) {
    cstar_put(h,
              "<main data-signals='{}'><h1>  A\n <b>list</b> </h1><ul id='list'>"
              "<li class='item done' data-k=\"a'b\">one</li><li class='item'>two</li></ul></main>",
              cstar_init_signals(conn));
}

static bool was_open;

static void add(cstar_conn *conn, const cstar_signals *in) {
    was_open = cstar_signals_bool(in, "_open", false);
    const char *title = cstar_signals_str(in, "title", "");
    cstar_patch(conn, h, .selector = "#list", .mode = CSTAR_APPEND) {
        cstar_put(h, "<li class='item'>{}</li>", title);
    }
    cstar_signal(conn, "n", cstar_signals_int(in, "n", 0) + 1);
    cstar_patch_elements(conn, "<p id='nowhere'>x</p>");
    cstar_console_log(conn, "added");
}

static void drop(cstar_conn *conn, const cstar_signals *in) {
    int64_t which = 0;
    cstar_console_log(conn, cstar_method(conn));
    if (cstar_event_arg_int(conn, &which)) {
        cstar_signal(conn, "dropped", which);
    } else {
        const char *text = cstar_event_arg(conn);
        cstar_signal(conn, "title", text != NULL ? text : "(none)");
    }
    cstar_signal(conn, "n", cstar_signals_int(in, "n", 0) - 1);
}

CSTAR_PAGE(list, .mount = mount, .render = render,
           .events = CSTAR_EVENTS({"add", add}, {"drop", drop}));

typedef kitrig fixture;

static int setup(void **state) {
    static fixture f;
    memset(&f, 0, sizeof f);
    f.app = cstar_app_new();
    assert_non_null(f.app);
    assert_int_equal(cstar_page(f.app, "/list", &list), CSTAR_OK);
    f.t = cstar_test_new_with(f.app, &(cstar_test_opts){.on_fail = kitrig_note, .arg = &f});
    assert_non_null(f.t);
    *state = &f;
    return 0;
}

static int teardown(void **state) { return kitrig_close(state); }

/* ---- tests ---- */

static void test_visit(void **state) {
    fixture *f = *state;
    cstar_test_page *page = cstar_test_visit(f->t, "/list?x=1");
    assert_true(cstar_test_expect_text(page, "h1", "A list"));
    assert_true(cstar_test_expect_count(page, "#list > li.item", 2));
    assert_true(cstar_test_expect_text(page, "main p", NULL));
    assert_string_equal(cstar_test_attr(page, "li.done", "data-k"), "a'b");
    assert_null(cstar_test_attr(page, "li.done", "title"));
    assert_string_equal(cstar_test_html(page, "li.done"),
                        "<li class=\"item done\" data-k=\"a'b\">one</li>");
    assert_int_equal(cstar_json_int(cstar_json_get(cstar_test_page_signals(page), "n"), 0), 1);
    assert_string_equal(cstar_test_warnings(page), "");
    assert_int_equal(f->failures, 0);
}

static void test_event(void **state) {
    fixture *f = *state;
    cstar_test_page *page = cstar_test_visit(f->t, "/list");
    was_open = true;
    const cstar_test_reply *r = cstar_test_page_event(page, "add", "{\"title\":\"<three>\"}");
    assert_true(cstar_test_expect_signals(r, "{\"n\":2}"));
    assert_false(was_open); /* what begins with _ stays at home */
    assert_true(cstar_test_expect_count(page, "li", 3));
    assert_true(cstar_test_expect_text(page, "li:nothing", "") == false);
    f->failures = 0;
    assert_string_equal(cstar_test_html(page, "#list > .item"),
                        "<li class=\"item done\" data-k=\"a'b\">one</li>");
    assert_non_null(strstr(cstar_test_html(page, "ul"), "<li class=\"item\">&lt;three&gt;</li>"));
    assert_non_null(cstar_test_page_event(page, "add", "{\"title\":\"four\"}"));
    assert_int_equal(cstar_json_int(cstar_json_get(cstar_test_page_signals(page), "n"), 0), 3);
    assert_string_equal(cstar_test_warnings(page), "no element has the id nowhere\n"
                                                   "no element has the id nowhere\n");
    assert_true(cstar_test_expect_count(page, "script[data-effect]", 0)); /* they have run */
    assert_int_equal(f->failures, 0);
}

/* The page's signals, an argument, any method; without a page, too. */
static void test_argument(void **state) {
    fixture *f = *state;
    cstar_test_page *page = cstar_test_visit(f->t, "/list");
    const cstar_test_reply *r =
        cstar_test_page_event(page, "drop", "{\"n\":5}", .arg = CSTAR_VAL(-7));
    assert_true(cstar_test_expect_signals(r, "{\"dropped\":-7,\"n\":4}"));
    assert_true(cstar_test_expect_body(r, "'POST'"));
    r = cstar_test_page_event(page, "drop", NULL, .arg = CSTAR_VAL("a&arg='b"), .method = "DELETE");
    assert_true(cstar_test_expect_signals(r, "{\"title\":\"a&arg='b\",\"n\":3}"));
    assert_true(cstar_test_expect_body(r, "'DELETE'"));
    r = cstar_test_event(f->t, "/list/", "drop", NULL, .arg = CSTAR_VAL("caf\xC3\xA9"),
                         .method = "GET");
    assert_true(cstar_test_expect_signals(r, "{\"title\":\"caf\xC3\xA9\"}"));
    r = cstar_test_event(f->t, "/list", "drop", NULL);
    assert_true(cstar_test_expect_signals(r, "{\"title\":\"(none)\"}"));
    assert_int_equal(f->failures, 0);
    assert_null(cstar_test_event(f->t, "/list", "drop", NULL, .arg = CSTAR_VAL(1.5)));
    assert_int_equal(f->failures, 1);
    assert_non_null(strstr(f->said, "drop: arg: neither a whole number nor a text"));
}

static void test_unmet(void **state) {
    fixture *f = *state;
    cstar_test_page *page = cstar_test_visit(f->t, "/list");
    assert_false(cstar_test_expect_text(page, "h1", "B"));
    assert_string_equal(f->said, "expected the text of h1 to be \"B\", got \"A list\"");
    assert_false(cstar_test_expect_text(page, "h1", NULL));
    assert_false(cstar_test_expect_text(page, "h2", "B"));
    assert_false(cstar_test_expect_count(page, "li", 3));
    assert_string_equal(f->said, "expected 3 elements that match li, got 2");
    assert_null(cstar_test_visit(f->t, "/nowhere"));
    assert_int_equal(f->failures, 5);
}

static void test_bad_selectors(void **state) {
    static const char *const bad[] = {
        "",   " ",   "#",      ".",    "a,", "a >", "> a", "a + b",   "a:hover", "[",
        "[a", "[a=", "[a=\"b", "a..b", "a#", "\\",  "**",  "[a=b c]", "a ~ b",   "(a)"};
    fixture *f = *state;
    cstar_test_page *page = cstar_test_page_of(f->t, CSTAR_STR("<a>x</a>"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        f->failures = 0;
        if (cstar_test_count(page, bad[i]) != 0 || f->failures != 1) {
            fail_msg("\"%s\" was understood", bad[i]);
        }
        assert_non_null(strstr(f->said, "not understood"));
    }
}

/* Any text is a page, as for a browser. */
static void test_any_markup(void **state) {
    static const char *const pages[] = {"",
                                        "<",
                                        "text",
                                        "</p></div>",
                                        "<table><p>x",
                                        "<!-- ",
                                        "<svg><p>",
                                        "<template><template>",
                                        "<a b='c' b='d'>"};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        cstar_test_page *page = cstar_test_page_of(f->t, cstar_cstr(pages[i]));
        assert_true(cstar_test_expect_count(page, "body", 1));
    }
    cstar_buf b;
    cstar_buf_init(&b, cstar_heap(), 0);
    for (int i = 0; i < 400; i++) {
        cstar_buf_puts(&b, "<div>");
    }
    cstar_test_page *deep = cstar_test_page_of(f->t, cstar_buf_view(&b));
    assert_true(cstar_test_expect_count(deep, "div", 400));
    assert_non_null(cstar_test_html(deep, "body"));
    cstar_buf_fini(&b);
    assert_int_equal(f->failures, 0);
}

static void test_no_memory(void **state) {
    fixture *f = *state;
    bool whole = false;
    size_t n = 0;
    while (!whole) {
        failalloc fa;
        failalloc_init(&fa, ++n);
        f->failures = 0;
        cstar_test *t = cstar_test_new_with(
            f->app, &(cstar_test_opts){.on_fail = kitrig_note, .arg = f, .alloc = &fa.alloc});
        cstar_test_page *page = cstar_test_visit(t, "/list");
        (void)cstar_test_page_event(page, "add", "{\"title\":\"x\"}");
        const bool met = cstar_test_expect_count(page, "li", 3);
        whole = fa.calls < n;
        assert_true(!whole || (met && f->failures == 0));
        cstar_test_free(t);
        assert_int_equal(fa.live_blocks, 0);
        assert_true(n < 2000);
    }
    assert_true(n > 10);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_visit),         TEST(test_event),      TEST(test_argument),  TEST(test_unmet),
        TEST(test_bad_selectors), TEST(test_any_markup), TEST(test_no_memory),
    };
    if (!CSTAR_WITH_GUMBO) {
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
