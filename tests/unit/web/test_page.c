/* test_page.c -- the order of operations of a page: which event a name means, who may call it, and
 * what follows what.
 * SPDX-License-Identifier: MIT */
#include "support/webrig.h"
#include "web/app.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static char trace[256]; /* what ran, in order */

static void note(const char *what) {
    const size_t len = strlen(trace);
    (void)snprintf(trace + len, sizeof trace - len, "%s ", what);
}

static void mount(cstar_conn *conn) {
    const char *how = cstar_query(conn, "mount");
    note("mount");
    if (how != NULL && strcmp(how, "halt") == 0) {
        cstar_halt(conn);
    } else if (how != NULL && strcmp(how, "answer") == 0) {
        cstar_respond_text(conn, 401, "who are you?");
    }
}

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    note("render");
    cstar_put(h, "<p>page</p>");
}

static void authorize(cstar_conn *conn, const char *event) {
    note("authorize");
    note(event);
    cstar_assign(conn, "user", "ada");
    const char *how = cstar_query(conn, "auth");
    if (how == NULL) {
        return;
    }
    if (strcmp(how, "halt") == 0) {
        cstar_halt(conn);
    } else if (strcmp(how, "answer") == 0) {
        cstar_respond_text(conn, 401, "log in first");
    } else if (strcmp(how, "both") == 0) {
        cstar_respond_text(conn, 418, "no");
        cstar_halt(conn);
    }
}

static void exact(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    note("exact");
    note(cstar_assigned_str(conn, "user", "nobody"));
    cstar_signal(conn, "n", 1);
}

static void prefix(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    note("prefix");
    note(cstar_event_name(conn));
}

static void longer(cstar_conn *conn, const cstar_signals *in) {
    (void)conn;
    (void)in;
    note("longer");
}

static void others(cstar_conn *conn, const cstar_signals *in) {
    (void)conn;
    (void)in;
    note("others");
}

CSTAR_PAGE(gated, .mount = mount, .render = render, .authorize = authorize,
           .events = CSTAR_EVENTS({"save", exact}));
CSTAR_PAGE(named, .render = render,
           .events = CSTAR_EVENTS({"*", others}, {"row:*", prefix}, {"row:1*", longer},
                                  {"row:7", exact}));
CSTAR_PAGE(strict, .render = render, .events = CSTAR_EVENTS({"row:*", prefix}));

CSTAR_PAGE(chosen, .render = render,
           .events = CSTAR_EVENTS({"GET *", others}, {"POST|PATCH save", exact},
                                  {"GET save", longer}, {"PUT|DELETE row:*", prefix},
                                  {"Save it", prefix}, {"POST  x", prefix}));

/* An event that fails half way. */
static void fails(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_signal(conn, "before", 1);
    cstar_patch_elements(conn, "<b>x</b>", .mode = CSTAR_INNER); /* without a selector */
}

CSTAR_PAGE(failing, .render = render, .events = CSTAR_EVENTS({"go<b>", fails}));

typedef webrig fixture;

static int setup(void **state) {
    cstar_app *app = cstar_app_new();
    assert_non_null(app);
    cstar_page(app, "/gated", &gated);
    cstar_page(app, "/named", &named);
    cstar_page(app, "/failing", &failing);
    assert_int_equal(cstar_page(app, "/strict", &strict), CSTAR_OK);
    return webrig_open(state, app);
}

static int teardown(void **state) { return webrig_close(state); }

static void test_order(void **state) {
    fixture *f = *state;
    static const struct {
        const char *method, *target, *body, *trace;
        int status;
    } cases[] = {
        {"GET", "/gated", NULL, "mount render ", 200},
        {"GET", "/gated?mount=halt", NULL, "mount ", 403},
        {"GET", "/gated?mount=answer", NULL, "mount ", 401},
        {"POST", "/gated/_event/save", "{}", "authorize save exact ada ", 200},
        {"DELETE", "/gated/_event/save", NULL, "authorize save exact ada ", 200},
        {"POST", "/gated/_event/save?auth=halt", "{}", "authorize save ", 403},
        {"POST", "/gated/_event/save?auth=answer", "{}", "authorize save ", 401},
        {"POST", "/gated/_event/save?auth=both", "{}", "authorize save ", 418},
        /* bad signals and unknown events come before it */
        {"POST", "/gated/_event/save?auth=halt", "{", "", 400},
        {"POST", "/gated/_event/nothing?auth=halt", "{}", "", 404},
        /* names */
        {"POST", "/named/_event/row%3A7", "{}", "exact nobody ", 200},
        {"POST", "/named/_event/row:8", "{}", "prefix row:8 ", 200},
        {"POST", "/named/_event/row:", "{}", "prefix row: ", 200},
        {"POST", "/named/_event/row:12", "{}", "longer ", 200},
        {"POST", "/named/_event/row", "{}", "others ", 200},
        {"POST", "/named/_event/row:*", "{}", "prefix row:* ", 200},
        {"POST", "/strict/_event/row:a%2Fb", "{}", "prefix row:a/b ", 200},
        {"POST", "/strict/_event/other", "{}", "", 404},
        {"POST", "/strict/_event/row", "{}", "", 404},
        {"POST", "/strict/_event/ROW:1", "{}", "", 404},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trace[0] = '\0';
        const char *answer =
            webdrive_request(&f->drive, cases[i].method, cases[i].target, cases[i].body);
        if (webdrive_status(answer) != cases[i].status || strcmp(trace, cases[i].trace) != 0) {
            fail_msg("%s: %d, ran: %s", cases[i].target, webdrive_status(answer), trace);
        }
    }
}

/* The name decides, then the method. */
static void test_methods(void **state) {
    fixture *f = *state;
    static const struct {
        const char *method, *event, *trace, *allow; /* allow NULL: it ran */
    } cases[] = {
        {"POST", "save", "exact nobody ", NULL},
        {"PATCH", "save", "exact nobody ", NULL},
        {"GET", "save", "longer ", NULL},
        {"HEAD", "save", "longer ", NULL},
        {"PUT", "save", "", "allow: GET, HEAD, POST, PATCH\r\n"},
        {"DELETE", "row:1", "prefix row:1 ", NULL},
        {"GET", "row:1", "", "allow: PUT, DELETE\r\n"}, /* not the star's */
        {"POST", "row:1", "", "allow: PUT, DELETE\r\n"},
        {"GET", "other", "others ", NULL},
        {"POST", "other", "", "allow: GET, HEAD\r\n"},
        {"PUT", "Save%20it", "prefix Save it ", NULL},
        {"POST", "%20x", "prefix  x ", NULL},
        {"POST", "POST%20save", "", "allow: GET, HEAD\r\n"}, /* a star takes any name */
    };
    cstar_page(f->app, "/chosen", &chosen);
    f->drive.fields = "Datastar-Request: true\r\n";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char target[64];
        trace[0] = '\0';
        (void)snprintf(target, sizeof target, "/chosen/_event/%s", cases[i].event);
        const char *answer = webdrive_request(&f->drive, cases[i].method, target,
                                              cases[i].method[0] == 'P' ? "{}" : NULL);
        const int wanted = cases[i].allow != NULL ? 405 : 200;
        if (webdrive_status(answer) != wanted || strcmp(trace, cases[i].trace) != 0 ||
            (cases[i].allow != NULL && strstr(answer, cases[i].allow) == NULL)) {
            fail_msg("%s %s, ran: %s, %s", cases[i].method, target, trace, answer);
        }
    }
    f->drive.fields = NULL; /* 405 is said before 403 */
    assert_int_equal(
        webdrive_status(webdrive_request(&f->drive, "GET", "/chosen/_event/row:1", NULL)), 405);
}

CSTAR_PAGE(unknown_method, .render = render, .events = CSTAR_EVENTS({"PSOT save", exact}));
CSTAR_PAGE(half_a_list, .render = render, .events = CSTAR_EVENTS({"a", exact}, {"POST| b", exact}));
CSTAR_PAGE(unsendable, .render = render, .events = CSTAR_EVENTS({"OPTIONS save", exact}));
CSTAR_COMPONENT(bad_part, .name = "part", .events = CSTAR_EVENTS({"|POST save", exact}));

static void test_bad_methods(void **state) {
    (void)state;
    static const cstar_page_def *const bad[] = {&unknown_method, &half_a_list, &unsendable};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cstar_app *app = cstar_app_new();
        assert_int_equal(cstar_page(app, "/", bad[i]), CSTAR_EINVAL);
        assert_non_null(strstr(app->err.text, "methods are GET"));
        cstar_app_free(app);
    }
    cstar_app *app = cstar_app_new();
    assert_int_equal(cstar_components(app, "/ds", &bad_part), CSTAR_EINVAL);
    assert_string_equal(app->err.where, "event");
    cstar_app_free(app);
}

static void test_refusals_are_no_streams(void **state) {
    fixture *f = *state;
    const char *answer = webdrive_request(&f->drive, "POST", "/gated/_event/save?auth=halt", "{}");
    assert_null(strstr(answer, "text/event-stream"));
    answer = webdrive_request(&f->drive, "POST", "/gated/_event/save?auth=answer", "{}");
    assert_string_equal(webdrive_body(answer), "log in first");
}

/* Its events are whole, and it is in the log; in the browser only while developing. */
static void test_failures(void **state) {
    fixture *f = *state;
    const char *target = "/failing/_event/go%3Cb%3E";
    const char *answer = webdrive_request(&f->drive, "POST", target, "{}");
    assert_int_equal(webdrive_status(answer), 200);
    assert_string_equal(webdrive_body(answer),
                        "event: datastar-patch-signals\ndata: signals {\"before\":1}\n\n");
    assert_non_null(
        strstr(f->drive.log, "POST /failing/_event/go%3Cb%3E: selector: mode inner needs"));
    f->app->development = true;
    answer = webdrive_request(&f->drive, "POST", target, "{}");
    const char *signals = strstr(answer, "{\"before\":1}");
    assert_non_null(signals);
    assert_non_null(strstr(signals, "console.error("));
    assert_non_null(strstr(signals, "data: selector body\ndata: mode append\n"));
    assert_non_null(strstr(signals, "role='alert'"));
    assert_non_null(strstr(signals, "selector: mode inner needs one</pre>"));
    answer = webdrive_request(&f->drive, "POST", "/gated/_event/save", "{}");
    assert_null(strstr(answer, "role='alert'")); /* nothing failed here */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_methods, setup, teardown),
        cmocka_unit_test(test_bad_methods),
        cmocka_unit_test_setup_teardown(test_refusals_are_no_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
