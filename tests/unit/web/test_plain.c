/* test_plain.c -- answers that are one patch: their bodies, their headers, and what is refused.
 * SPDX-License-Identifier: MIT */
#include "support/webdrive.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static cstar_status last;

#define HANDLER(name, ...)                                                                         \
    static void name(cstar_conn *conn) { last = (__VA_ARGS__); }

static const cstar_attr attrs[] = {{"type", {.kind = CSTAR_VAL_STR, .u.s = {"module", 6}}},
                                   {"async", {.kind = CSTAR_VAL_BOOL, .u.b = true}},
                                   {"defer", {.kind = CSTAR_VAL_BOOL, .u.b = false}}};
static const cstar_attr wide[] = {{"data-x", {.kind = CSTAR_VAL_STR, .u.s = {"\xc3\xa9", 2}}}};

HANDLER(elements, cstar_respond_elements(conn, "<p id='a'>\n</p>"))
HANDLER(placed,
        cstar_respond_elements(conn, "<circle/>", .selector = "#a > b", .mode = CSTAR_APPEND,
                               .ns = CSTAR_NS_SVG, .use_view_transition = true))
HANDLER(aimed, cstar_respond_elements(conn, "<p>", .to = "a:1", .mode = CSTAR_INNER))
HANDLER(removed, cstar_respond_elements(conn, "", .selector = "#a", .mode = CSTAR_REMOVE))
HANDLER(signals, cstar_respond_signals(conn, " {\"a\" : 1,\n\"b\":null}"))
HANDLER(missing, cstar_respond_signals(conn, "{\"a\":1}", .only_if_missing = true))
HANDLER(script, cstar_respond_script(conn, "alert('</script>')"))
HANDLER(module, cstar_respond_script(conn, "import 'x'", .attrs = attrs, .nattrs = 3))
HANDLER(e_selector, cstar_respond_elements(conn, "<p>", .mode = CSTAR_INNER))
HANDLER(e_lines, cstar_respond_elements(conn, "<p>", .selector = "#a\r\nx: y"))
HANDLER(e_wide, cstar_respond_elements(conn, "<p>", .selector = "#\xc3\xa9"))
HANDLER(e_mode, cstar_respond_elements(conn, "<p>", .mode = (cstar_mode)99))
HANDLER(e_none, cstar_respond_elements(conn, NULL))
HANDLER(e_id, cstar_respond_elements(conn, "<p>", .event_id = "1"))
HANDLER(e_transition, cstar_respond_elements(conn, "<p>", .use_view_transition = true,
                                             .view_transition_selector = "#a"))
HANDLER(s_array, cstar_respond_signals(conn, "[1]"))
HANDLER(s_code, cstar_respond_signals(conn, "{a:1}"))
HANDLER(s_none, cstar_respond_signals(conn, NULL))
HANDLER(s_retry, cstar_respond_signals(conn, "{}", .retry = 5))
HANDLER(x_none, cstar_respond_script(conn, NULL))
HANDLER(x_wide, cstar_respond_script(conn, "1", .attrs = wide, .nattrs = 1))

static const struct {
    const char *path;
    cstar_handler handler;
    cstar_status rc;
    const char *head; /* a piece of it; refused: the error's `where` */
    const char *body;
} cases[] = {
    {"/elements", elements, CSTAR_OK, "content-type: text/html; charset=utf-8\r\n",
     "<p id='a'>\n</p>"},
    {"/placed", placed, CSTAR_OK,
     "datastar-selector: #a > b\r\ndatastar-mode: append\r\ndatastar-namespace: svg\r\n"
     "datastar-use-view-transition: true\r\n",
     "<circle/>"},
    {"/aimed", aimed, CSTAR_OK, "datastar-selector: #a\\:1\r\n", "<p>"},
    {"/removed", removed, CSTAR_OK, "datastar-selector: #a\r\ndatastar-mode: remove\r\n", ""},
    {"/signals", signals, CSTAR_OK, "content-type: application/json\r\n", "{\"a\":1,\"b\":null}"},
    {"/missing", missing, CSTAR_OK, "datastar-only-if-missing: true\r\n", "{\"a\":1}"},
    {"/script", script, CSTAR_OK, "content-type: text/javascript; charset=utf-8\r\n",
     "alert('</script>')"},
    {"/module", module, CSTAR_OK,
     "datastar-script-attributes: {\"type\":\"module\",\"async\":\"\"}\r\n", "import 'x'"},
    {"/e1", e_selector, CSTAR_EINVAL, "selector", NULL},
    {"/e2", e_lines, CSTAR_EINVAL, "selector", NULL},
    {"/e3", e_wide, CSTAR_EINVAL, "selector", NULL},
    {"/e4", e_mode, CSTAR_EINVAL, "mode", NULL},
    {"/e5", e_none, CSTAR_EINVAL, "html", NULL},
    {"/e6", e_id, CSTAR_EINVAL, "event_id", NULL},
    {"/e7", e_transition, CSTAR_EINVAL, "view_transition_selector", NULL},
    {"/s1", s_array, CSTAR_EINVAL, "signals", NULL},
    {"/s2", s_code, CSTAR_ESYNTAX, "signals", NULL},
    {"/s3", s_none, CSTAR_ESYNTAX, "signals", NULL},
    {"/s4", s_retry, CSTAR_EINVAL, "event_id", NULL},
    {"/x1", x_none, CSTAR_EINVAL, "script", NULL},
    {"/x2", x_wide, CSTAR_EINVAL, "attrs", NULL},
};

static void test_answers(void **state) {
    (void)state;
    webdrive d;
    cstar_app *app = cstar_app_new();
    assert_non_null(app);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(cstar_route(app, CSTAR_GET, cases[i].path, cases[i].handler), CSTAR_OK);
    }
    webdrive_init(&d, app, cstar_heap());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *answer = webdrive_request(&d, "GET", cases[i].path, NULL);
        const bool good = cases[i].rc == CSTAR_OK;
        if (last != cases[i].rc || webdrive_status(answer) != (good ? 200 : 500) ||
            strstr(good ? answer : d.log, cases[i].head) == NULL) {
            fail_msg("%s: %d, %s\n%s", cases[i].path, (int)last, d.log, answer);
        }
        if (good) {
            assert_string_equal(webdrive_body(answer), cases[i].body);
        } else {
            assert_null(strstr(answer, "x: y"));
        }
    }
    webdrive_fini(&d);
    cstar_app_free(app);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
