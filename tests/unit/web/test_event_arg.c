/* test_event_arg.c -- the argument of an event as a handler reads it, whatever was sent, and that
 * the event's name is decided without it.
 * SPDX-License-Identifier: MIT */
#include "support/webrig.h"

#include "cstar.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static bool seen_in_mount;

static void say(cstar_conn *conn) {
    int64_t n = 77;
    const char *arg = cstar_event_arg(conn);
    const bool is_int = cstar_event_arg_int(conn, &n);
    assert_true(is_int || n == 77);
    cstar_signal(conn, "name", cstar_event_name(conn));
    cstar_signal(conn, "arg", arg != NULL ? CSTAR_VAL(arg) : cstar_null());
    cstar_signal(conn, "int", is_int ? CSTAR_VAL(n) : cstar_null());
}

static void handle(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    say(conn);
}

static void mount(cstar_conn *conn) { seen_in_mount = cstar_event_arg(conn) != NULL; }

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p>page</p>");
}

/* Whose row it is can be asked before anything has begun. */
static void authorize(cstar_conn *conn, const char *event) {
    int64_t id = 0;
    (void)event;
    if (cstar_event_arg_int(conn, &id) && id == 13) {
        cstar_halt(conn);
    }
}

CSTAR_PAGE(page, .mount = mount, .render = render, .authorize = authorize,
           .events = CSTAR_EVENTS({"go", handle}));
CSTAR_COMPONENT(part, .name = "part", .events = CSTAR_EVENTS({"go", handle}));
CSTAR_CONTROLLER(control) {
    (void)event;
    (void)in;
    say(conn);
}

typedef webrig fixture;

static int setup(void **state) {
    cstar_app *app = cstar_app_new();
    assert_non_null(app);
    cstar_page(app, "/p", &page);
    cstar_components(app, "/ds", &part);
    cstar_controllers(app, "/ds");
    (void)webrig_open(state, app);
    ((fixture *)*state)->drive.fields = "Datastar-Request: true\r\n";
    return 0;
}

static int teardown(void **state) { return webrig_close(state); }

typedef struct expected {
    const char *arg, *n; /* as JSON */
} expected;

static void expect_signal(const char *answer, const char *name, const char *json) {
    char line[2200];
    (void)snprintf(line, sizeof line, "data: signals {\"%s\":%s}\n", name, json);
    assert_has(answer, line);
}

static void expect_answer(fixture *f, const char *method, const char *target, expected e) {
    const char *body = method[0] == 'P' ? "{}" : NULL;
    const char *answer = webdrive_request(&f->drive, method, target, body);
    assert_int_equal(webdrive_status(answer), 200);
    expect_signal(answer, "name", "\"go\"");
    expect_signal(answer, "arg", e.arg);
    expect_signal(answer, "int", e.n);
}

/* Sends it to all that have events, with every method, and expects the same of all. */
static void expect_said(fixture *f, const char *query, expected e) {
    static const char *const paths[] = {"/p/_event/go", "/ds/part/go", "/ds/control/go"};
    static const char *const methods[] = {"POST", "GET", "DELETE", "PUT", "PATCH"};
    for (size_t i = 0; i < 15; i++) {
        char target[8000];
        (void)snprintf(target, sizeof target, "%s%s", paths[i / 5], query);
        expect_answer(f, methods[i % 5], target, e);
    }
}

static void test_reading(void **state) {
    static const struct {
        const char *query, *arg, *n; /* as JSON */
    } cases[] = {
        {"", "null", "null"},
        {"?", "null", "null"},
        {"?x=7", "null", "null"},
        {"?Arg=7", "null", "null"},
        {"?args=7&ar=7&xarg=7", "null", "null"},
        {"?arg=7", "\"7\"", "7"},
        {"?x=1&arg=7&y=2", "\"7\"", "7"},
        {"?%61rg=7", "\"7\"", "7"},
        {"?arg", "\"\"", "null"},
        {"?arg=", "\"\"", "null"},
        {"?arg=7&arg=8", "null", "null"},
        {"?arg=7&%61rg=7", "null", "null"},
        {"?arg&arg=7", "null", "null"},
        /* once, and only once, decoded */
        {"?arg=a%20b+c%2B", "\"a b c+\"", "null"},
        {"?arg=%2537", "\"%37\"", "null"},
        {"?arg=..%2f..%2Fgo", "\"../../go\"", "null"},
        {"?arg=%zz%4", "\"%zz%4\"", "null"},
        {"?arg=a=b", "\"a=b\"", "null"},
        {"?arg=%26arg%3D8", "\"&arg=8\"", "null"},
        {"?arg=%27%22%3C%2Fscript%3E", "\"'\\\"</script>\"", "null"},
        {"?arg=%0D%0Adata:", "\"\\r\\ndata:\"", "null"},
        {"?arg=%E6%9D%B1%F0%9F%98%80", "\"\xE6\x9D\xB1\xF0\x9F\x98\x80\"", "null"},
        /* no text */
        {"?arg=%00", "null", "null"},
        {"?arg=7%00", "null", "null"},
        {"?arg=%ff", "null", "null"},
        {"?arg=%ED%A0%80", "null", "null"},
        {"?arg=%C0%AF", "null", "null"},
        /* numbers */
        {"?arg=0", "\"0\"", "0"},
        {"?arg=-1", "\"-1\"", "-1"},
        {"?arg=%37", "\"7\"", "7"},
        {"?arg=9223372036854775807", "\"9223372036854775807\"", "9223372036854775807"},
        {"?arg=-9223372036854775808", "\"-9223372036854775808\"", "-9223372036854775808"},
        {"?arg=9223372036854775808", "\"9223372036854775808\"", "null"},
        {"?arg=-9223372036854775809", "\"-9223372036854775809\"", "null"},
        {"?arg=18446744073709551617", "\"18446744073709551617\"", "null"},
        {"?arg=-0", "\"-0\"", "null"},
        {"?arg=-", "\"-\"", "null"},
        {"?arg=--1", "\"--1\"", "null"},
        {"?arg=07", "\"07\"", "null"},
        {"?arg=%2B7", "\"+7\"", "null"},
        {"?arg=+7", "\" 7\"", "null"},
        {"?arg=7+", "\"7 \"", "null"},
        {"?arg=7.0", "\"7.0\"", "null"},
        {"?arg=1e3", "\"1e3\"", "null"},
        {"?arg=0x7", "\"0x7\"", "null"},
        {"?arg=7:", "\"7:\"", "null"},
        {"?arg=/", "\"/\"", "null"},
        {"?arg=%D9%A7", "\"\xD9\xA7\"", "null"}, /* a seven, but no ASCII one */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_said(*state, cases[i].query, (expected){cases[i].arg, cases[i].n});
    }
}

/* What is written can be read, up to the same length, and not a byte more. */
static void test_length(void **state) {
    static char query[3 * CSTAR_EVENT_ARG_MAX + 100];
    static char json[CSTAR_EVENT_ARG_MAX + 3];
    for (size_t n = CSTAR_EVENT_ARG_MAX; n <= CSTAR_EVENT_ARG_MAX + 1; n++) {
        size_t at = (size_t)snprintf(query, sizeof query, "?arg=");
        for (size_t i = 0; i < n; i++) {
            at += (size_t)snprintf(query + at, sizeof query - at, "%%78");
        }
        memset(json, 'x', sizeof json);
        json[0] = '"';
        memcpy(json + CSTAR_EVENT_ARG_MAX + 1, "\"", 2);
        const bool fits = n == CSTAR_EVENT_ARG_MAX;
        expect_said(*state, query, (expected){fits ? json : "null", "null"});
    }
}

/* A name is the whole of its segment: no argument makes one event another, or none. */
static void test_names_stay_exact(void **state) {
    fixture *f = *state;
    static const char *const nowhere[] = {
        "/p/_event/go/7",          "/p/_event/go%3Farg=7", "/p/_event/go%3Farg%3D7",
        "/p/_event/go%2F7",        "/p/_event/go:7",       "/p/_event/stop?arg=7",
        "/p/_event/go%00?arg=7",   "/ds/part/go/7",        "/ds/part/go%3Farg=7",
        "/ds/part%2Fgo?arg=7",     "/p/_event/?arg=go",    "/p/_event?arg=go",
        "/p/_event/x/../go?arg=7", "/p/_event/%2e?arg=7",  "/p/_event/GO?arg=7",
    };
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        const char *answer = webdrive_request(&f->drive, "POST", nowhere[i], "{}");
        if (webdrive_status(answer) < 400 || webdrive_status(answer) > 499) {
            fail_msg("%s: %s", nowhere[i], answer);
        }
    }
}

static void test_authorize(void **state) {
    fixture *f = *state;
    assert_int_equal(
        webdrive_status(webdrive_request(&f->drive, "POST", "/p/_event/go?arg=12", "{}")), 200);
    assert_int_equal(
        webdrive_status(webdrive_request(&f->drive, "POST", "/p/_event/go?arg=13", "{}")), 403);
}

static void test_elsewhere_there_is_none(void **state) {
    fixture *f = *state;
    seen_in_mount = true;
    assert_int_equal(webdrive_status(webdrive_request(&f->drive, "GET", "/p?arg=7", NULL)), 200);
    assert_false(seen_in_mount);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reading, setup, teardown),
        cmocka_unit_test_setup_teardown(test_length, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_stay_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(test_authorize, setup, teardown),
        cmocka_unit_test_setup_teardown(test_elsewhere_there_is_none, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
