/* test_elements.c -- element patches: options, modes, line splitting, refusals.
 * SPDX-License-Identifier: MIT */
#include "unit/wire/expect.h"

#define TYPE "event: datastar-patch-elements\n"

static cstar_status patch(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_patch_elements(out, arg, err);
}
static cstar_status remove_all(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_remove_elements(out, arg, err);
}
static cstar_status append(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_append_elements(out, arg, err);
}
static cstar_status upsert(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_upsert_elements(out, arg, err);
}
static cstar_status begin(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_patch_begin(out, arg, err);
}

typedef struct element_case {
    const char *name;
    format_call call;
    cstar_elements elements;
    const char *bytes;
} element_case;

static void run(const element_case *cases, size_t n) {
    for (size_t i = 0; i < n; i++) {
        expect_bytes(cases[i].name, cases[i].call, &cases[i].elements, cases[i].bytes);
    }
}

static void only_what_differs_is_said(void **state) {
    (void)state;
    static const element_case cases[] = {
        {"html only", patch, {.html = "<p id=a>x</p>"}, TYPE "data: elements <p id=a>x</p>\n\n"},
        {"selector",
         patch,
         {.html = "<b>1</b>", .selector = "#count"},
         TYPE "data: selector #count\ndata: elements <b>1</b>\n\n"},
        {"empty selector", patch, {.html = "x", .selector = ""}, TYPE "data: elements x\n\n"},
        {"selector of line breaks",
         patch,
         {.html = "x", .selector = "\n\r"},
         TYPE "data: elements x\n\n"},
        {"empty html",
         patch,
         {.html = "", .selector = "#t", .mode = CSTAR_INNER},
         TYPE "data: selector #t\ndata: mode inner\ndata: elements \n\n"},
        {"everything, in order",
         patch,
         {.html = "<g/>",
          .selector = "#v",
          .mode = CSTAR_APPEND,
          .ns = CSTAR_NS_SVG,
          .use_view_transition = true,
          .view_transition_selector = "#main",
          .event_id = "e1",
          .retry = 2000},
         TYPE
         "id: e1\nretry: 2000\ndata: selector #v\ndata: mode append\ndata: useViewTransition true\n"
         "data: viewTransitionSelector #main\ndata: namespace svg\ndata: elements <g/>\n\n"},
        {"transition selector alone says nothing",
         patch,
         {.html = "x", .view_transition_selector = "#main"},
         TYPE "data: elements x\n\n"},
        {"empty transition selector",
         patch,
         {.html = "x", .use_view_transition = true, .view_transition_selector = ""},
         TYPE "data: useViewTransition true\ndata: elements x\n\n"},
        {"mathml",
         patch,
         {.html = "<mi>x</mi>", .ns = CSTAR_NS_MATHML},
         TYPE "data: namespace mathml\ndata: elements <mi>x</mi>\n\n"},
        {"html_str wins",
         patch,
         {.html = "no", .html_str = VIEW("yes")},
         TYPE "data: elements yes\n\n"},
        {"remove keeps given html",
         patch,
         {.html = "<b>x</b>", .selector = "#r", .mode = CSTAR_REMOVE},
         TYPE "data: selector #r\ndata: mode remove\ndata: elements <b>x</b>\n\n"},
        {"remove without html",
         patch,
         {.selector = "#r", .mode = CSTAR_REMOVE},
         TYPE "data: selector #r\ndata: mode remove\n\n"},
    };
    run(cases, LENGTH(cases));
}

static void every_mode_and_namespace(void **state) {
    (void)state;
    static const char *const modes[] = {"outer",   "inner",  "remove", "replace",
                                        "prepend", "append", "before", "after"};
    for (size_t i = 0; i < LENGTH(modes); i++) {
        cstar_mode mode = CSTAR_AFTER;
        char bytes[200];
        assert_int_equal(cstar_mode_parse(cstar_cstr(modes[i]), &mode, NULL), CSTAR_OK);
        assert_int_equal(mode, i);
        cstar_elements e = {.html = "x", .selector = "#t", .mode = mode};
        (void)snprintf(bytes, sizeof bytes, TYPE "data: selector #t\n%s%s%sdata: elements x\n\n",
                       i == 0 ? "" : "data: mode ", i == 0 ? "" : modes[i], i == 0 ? "" : "\n");
        expect_bytes(modes[i], patch, &e, bytes);
    }
    static const char *const spaces[] = {"html", "svg", "mathml"};
    for (size_t i = 0; i < LENGTH(spaces); i++) {
        cstar_ns ns = CSTAR_NS_HTML;
        assert_int_equal(cstar_ns_parse(cstar_cstr(spaces[i]), &ns, NULL), CSTAR_OK);
        assert_int_equal(ns, i);
    }
}

static void unknown_names_are_refused(void **state) {
    (void)state;
    static const cstar_str bad[] = {VIEW(""),     VIEW("Outer"),   VIEW("outer "),
                                    VIEW("oute"), VIEW("bogus"),   VIEW("xml"),
                                    VIEW("HTML"), VIEW("outer\0"), {NULL, 0}};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        cstar_mode mode = CSTAR_AFTER;
        cstar_ns ns = CSTAR_NS_SVG;
        cstar_err err = {.code = CSTAR_OK};
        assert_int_equal(cstar_mode_parse(bad[i], &mode, &err), CSTAR_EINVAL);
        assert_string_equal(err.where, "mode");
        assert_non_null(strstr(err.text, "mode"));
        assert_int_equal(cstar_ns_parse(bad[i], &ns, &err), CSTAR_EINVAL);
        assert_string_equal(err.where, "namespace");
        assert_int_equal(mode, CSTAR_AFTER); /* untouched */
        assert_int_equal(ns, CSTAR_NS_SVG);
    }
}

static void injection(void **state) {
    (void)state;
    static const element_case cases[] = {
        {"selector opens elements",
         patch,
         {.html = "<p>", .selector = "#row-1\nelements <img src=x onerror=alert(1)>"},
         TYPE "data: selector #row-1elements <img src=x onerror=alert(1)>\ndata: elements <p>\n\n"},
        {"selector opens mode",
         patch,
         {.html = "x", .selector = "#a\r\ndata: mode remove"},
         TYPE "data: selector #adata: mode remove\ndata: elements x\n\n"},
        {"transition selector",
         patch,
         {.html = "x", .use_view_transition = true, .view_transition_selector = "#a\nelements <b>"},
         TYPE "data: useViewTransition true\ndata: viewTransitionSelector #aelements <b>\ndata: "
              "elements x\n\n"},
        {"html with cr",
         patch,
         {.html = "<p>1</p>\r<p>2</p>"},
         TYPE "data: elements <p>1</p>\ndata: elements <p>2</p>\n\n"},
        {"html forges an event",
         patch,
         {.html = "a\r\revent: x\n\nb"},
         TYPE "data: elements a\ndata: elements \ndata: elements event: x\ndata: elements \ndata: "
              "elements b\n\n"},
        {"html ends in crlf",
         patch,
         {.html = "<p>x</p>\r\n"},
         TYPE "data: elements <p>x</p>\ndata: elements \n\n"},
        {"backslash r stays", patch, {.html = "a\\rb"}, TYPE "data: elements a\\rb\n\n"},
        {"remove",
         remove_all,
         {.selector = "#post-evil\nselector body > *"},
         TYPE "data: selector #post-evilselector body > *\ndata: mode remove\n\n"},
        {"id",
         patch,
         {.html = "x", .event_id = "1\n\ndata: elements y"},
         TYPE "id: 1data: elements y\ndata: elements x\n\n"},
    };
    run(cases, LENGTH(cases));
}

static void special_cases(void **state) {
    (void)state;
    static const element_case cases[] = {
        {"remove",
         remove_all,
         {.selector = "#target"},
         TYPE "data: selector #target\ndata: mode remove\n\n"},
        {"remove stays remove",
         remove_all,
         {.selector = "#t", .mode = CSTAR_OUTER, .html = "x", .html_str = VIEW("y")},
         TYPE "data: selector #t\ndata: mode remove\n\n"},
        {"remove with options",
         remove_all,
         {.selector = "#t", .event_id = "i", .retry = 5, .use_view_transition = true},
         TYPE
         "id: i\nretry: 5\ndata: selector #t\ndata: mode remove\ndata: useViewTransition true\n\n"},
        {"append",
         append,
         {.html = "<li>hi</li>", .selector = "#posts", .mode = CSTAR_REMOVE},
         TYPE "data: selector #posts\ndata: mode append\ndata: elements <li>hi</li>\n\n"},
        {"upsert",
         upsert,
         {.html = "<li id=p>", .selector = "#x", .mode = CSTAR_INNER},
         TYPE "data: elements <li id=p>\n\n"},
        {"upsert with options",
         upsert,
         {.html = "x", .event_id = "u", .retry = 5000},
         TYPE "id: u\nretry: 5000\ndata: elements x\n\n"},
        {"begin",
         begin,
         {.selector = "#list", .mode = CSTAR_INNER},
         TYPE "data: selector #list\ndata: mode inner\ndata: elements "},
        {"begin without html", begin, {.html = "not looked at"}, TYPE "data: elements "},
    };
    run(cases, LENGTH(cases));
}

static void bad_arguments_are_named(void **state) {
    (void)state;
    static const struct {
        const char *name;
        format_call call;
        cstar_elements elements;
        const char *where;
    } cases[] = {
        {"no html", patch, {.selector = "#x"}, "html"},
        {"no html, inner", patch, {.selector = "#x", .mode = CSTAR_INNER}, "html"},
        {"append without html", append, {.selector = "#x"}, "html"},
        {"upsert without html", upsert, {.mode = CSTAR_REMOVE}, "html"},
        {"unknown mode", patch, {.html = "x", .selector = "#x", .mode = (cstar_mode)8}, "mode"},
        {"negative mode", patch, {.html = "x", .selector = "#x", .mode = (cstar_mode)-1}, "mode"},
        {"unknown namespace", patch, {.html = "x", .ns = (cstar_ns)3}, "ns"},
        {"inner without selector", patch, {.html = "x", .mode = CSTAR_INNER}, "selector"},
        {"remove without selector", patch, {.mode = CSTAR_REMOVE}, "selector"},
        {"prepend without selector", patch, {.html = "x", .mode = CSTAR_PREPEND}, "selector"},
        {"append without selector", append, {.html = "x"}, "selector"},
        {"before without selector",
         patch,
         {.html = "x", .mode = CSTAR_BEFORE, .selector = ""},
         "selector"},
        {"after, selector of line breaks",
         patch,
         {.html = "x", .mode = CSTAR_AFTER, .selector = "\n"},
         "selector"},
        {"remove helper without selector", remove_all, {.html = "x"}, "selector"},
        {"retry", patch, {.html = "x", .retry = -2}, "retry"},
        {"begin with remove", begin, {.selector = "#x", .mode = CSTAR_REMOVE}, "mode"},
        {"begin without selector", begin, {.mode = CSTAR_APPEND}, "selector"},
        {"begin retry", begin, {.retry = -7}, "retry"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        expect_refused(cases[i].name, cases[i].call, &cases[i].elements, CSTAR_EINVAL,
                       cases[i].where);
    }
    static const format_call all[] = {patch, remove_all, append, upsert, begin};
    for (size_t i = 0; i < LENGTH(all); i++) {
        expect_refused("no struct", all[i], NULL, CSTAR_EINVAL, "e");
    }
}

static void pieces_make_the_same_event(void **state) {
    (void)state;
    cstar_buf whole;
    cstar_buf pieces;
    cstar_buf_init(&whole, cstar_heap(), 0);
    cstar_buf_init(&pieces, cstar_heap(), 0);
    cstar_elements e = {.html = "<a>\n<b>", .selector = "#x", .mode = CSTAR_INNER, .event_id = "7"};
    assert_int_equal(cstar_format_patch_elements(&whole, &e, NULL), CSTAR_OK);
    assert_int_equal(cstar_format_patch_begin(&pieces, &e, NULL), CSTAR_OK);
    cstar_buf_lit(&pieces, "<a>\n" CSTAR_ELEMENTS_PREFIX "<b>");
    assert_int_equal(cstar_format_patch_end(&pieces), CSTAR_OK);
    assert_true(cstar_str_eq(cstar_buf_view(&whole), cstar_buf_view(&pieces)));
    cstar_buf_fini(&whole);
    cstar_buf_fini(&pieces);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_differs_is_said),
        cmocka_unit_test(every_mode_and_namespace),
        cmocka_unit_test(unknown_names_are_refused),
        cmocka_unit_test(injection),
        cmocka_unit_test(special_cases),
        cmocka_unit_test(bad_arguments_are_named),
        cmocka_unit_test(pieces_make_the_same_event),
    };
    return cmocka_run_group_tests_name("wire elements", tests, NULL, NULL);
}
