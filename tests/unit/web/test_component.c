/* test_component.c -- components at their base, controllers that register themselves, and the order
 * of operations of both.
 * SPDX-License-Identifier: MIT */
#include "support/webrig.h"
#include "web/app.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static unsigned handled;

static void save(cstar_conn *conn, const cstar_signals *in) {
    handled++;
    cstar_signal(conn, "saved", cstar_signals_int(in, "id", -1));
}

static void row(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    handled++;
    cstar_signal(conn, "row", cstar_event_name(conn));
}

static void members_only(cstar_conn *conn, const char *event) {
    const cstar_str who = cstar_request_header(conn, "x-user");
    if (who.len == 0 || strcmp(event, "secret") == 0) {
        cstar_respond_text(conn, 403, "members only");
    }
}

CSTAR_COMPONENT(drawer, .name = "my_app-drawer",
                .events = CSTAR_EVENTS({"save", save}, {"row:*", row}));
CSTAR_COMPONENT(club, .name = "club", .authorize = members_only,
                .events = CSTAR_EVENTS({"save", save}, {"secret", save}));
CSTAR_COMPONENT(small, .name = "small", .max_signal_bytes = 10,
                .events = CSTAR_EVENTS({"save", save}));
CSTAR_COMPONENT(nameless, .events = CSTAR_EVENTS({"save", save}));
CSTAR_COMPONENT(dots, .name = "..", .events = CSTAR_EVENTS({"save", save}));
CSTAR_COMPONENT(empty, .name = "empty");

CSTAR_CONTROLLER(counter) {
    handled++;
    if (strcmp(event, "increment") == 0) {
        cstar_signal(conn, "count", cstar_signals_int(in, "count", 0) + 1);
    } else {
        cstar_signal(conn, "event", event);
    }
}

CSTAR_CONTROLLER(other) {
    (void)event;
    (void)in;
    cstar_signal(conn, "other", 1);
}

typedef webrig fixture;

static int setup(void **state) {
    cstar_app *app = cstar_app_new();
    handled = 0;
    assert_non_null(app);
    assert_int_equal(cstar_components(app, "/ds", &drawer, &club), CSTAR_OK);
    assert_int_equal(cstar_components(app, "/ds/", &small), CSTAR_OK); /* the same base */
    assert_int_equal(cstar_components(app, "/team/x", &drawer), CSTAR_OK);
    assert_int_equal(cstar_controllers(app, "/ds"), CSTAR_OK);
    return webrig_open(state, app);
}

static int teardown(void **state) { return webrig_close(state); }

CSTAR_COMPONENT(roomy, .name = "roomy", .max_signal_bytes = (size_t)9 << 20,
                .events = CSTAR_EVENTS({"save", save}));

/* The server gives a request as much memory as its largest body needs. */
static void test_large_bodies_are_known(void **state) {
    fixture *f = *state;
    assert_int_equal(cstar_components(f->app, "/ds", &roomy), CSTAR_OK);
    assert_int_equal(f->app->largest_body, (size_t)9 << 20);
}

static void test_requests(void **state) {
    fixture *f = *state;
    static const struct {
        const char *method, *target, *body;
        int status;
        const char *has; /* in the body */
    } cases[] = {
        {"POST", "/ds/my_app-drawer/save", "{\"id\":7}", 200, "data: signals {\"saved\":7}\n"},
        {"PUT", "/ds/my_app-drawer/save", "{\"id\":7}", 200, "{\"saved\":7}"},
        {"DELETE", "/ds/my_app-drawer/save?datastar=%7B%22id%22%3A8%7D", NULL, 200,
         "{\"saved\":8}"},
        {"GET", "/ds/my_app-drawer/save?datastar=%7B%22id%22%3A9%7D", NULL, 200, "{\"saved\":9}"},
        {"POST", "/ds/my_app-drawer/row:a%2Fb", "{}", 200, "{\"row\":\"row:a/b\"}"},
        {"POST", "/ds/my_app%2Ddrawer/save", "{}", 200, "{\"saved\":-1}"},
        {"POST", "/team/x/my_app-drawer/save", "{}", 200, "{\"saved\":-1}"},
        {"POST", "/ds/counter/increment", "{\"count\":4}", 200, "{\"count\":5}"},
        {"POST", "/ds/counter/other:abc", "{}", 200, "{\"event\":\"other:abc\"}"},
        {"GET", "/ds/other/x", NULL, 200, "{\"other\":1}"},
        /* nobody */
        {"POST", "/ds/My_App-Drawer/save", "{}", 404, ""},
        {"POST", "/ds/unknown/save", "{", 404, ""}, /* before its body is looked at */
        {"POST", "/ds/my_app-drawer/unknown", "{", 404, ""},
        {"POST", "/team/x/club/save", "{}", 404, ""},
        {"POST", "/team/x/counter/increment", "{}", 404, ""},
        /* payloads */
        {"POST", "/ds/my_app-drawer/save", "[]", 400, "Invalid signal payload"},
        {"POST", "/ds/my_app-drawer/save", "null", 400, "Invalid signal payload"},
        {"POST", "/ds/small/save", "{\"id\": 12345}", 413, "Signal payload too large"},
        {"POST", "/ds/small/save", "{\"id\": 12}", 200, "{\"saved\":12}"},
        /* not allowed; a bad payload comes first */
        {"POST", "/ds/club/save", "{}", 403, "members only"},
        {"POST", "/ds/club/save", "{", 400, ""},
    };
    f->drive.fields = "Datastar-Request: true\r\n";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const unsigned before = handled;
        const char *answer =
            webdrive_request(&f->drive, cases[i].method, cases[i].target, cases[i].body);
        if (webdrive_status(answer) != cases[i].status ||
            strstr(webdrive_body(answer), cases[i].has) == NULL) {
            fail_msg("%s %s: %s", cases[i].method, cases[i].target, answer);
        }
        assert_true(cases[i].status == 200 || handled == before);
        assert_int_equal(strstr(answer, "text/event-stream") != NULL, cases[i].status == 200);
    }
}

static void test_authorize(void **state) {
    fixture *f = *state;
    webdrive_feed(&f->drive, "POST /ds/club/save HTTP/1.1\r\nHost: a\r\nX-User: ada\r\n"
                             "Content-Length: 2\r\n\r\n{}"
                             "POST /ds/club/secret HTTP/1.1\r\nHost: a\r\nX-User: ada\r\n"
                             "Content-Length: 2\r\n\r\n{}");
    cstar_buf_byte(&f->drive.out, '\0');
    assert_int_equal(webdrive_status(f->drive.out.ptr), 200);
    assert_non_null(strstr(f->drive.out.ptr, "HTTP/1.1 403"));
    assert_int_equal(handled, 1);
}

/* Each makes the app refuse to serve, and says why. */
static void test_bad_registrations(void **state) {
    (void)state;
    static const struct {
        const char *base;
        const cstar_component_def *list[3];
        cstar_status rc;
    } cases[] = {
        {"/ds", {&nameless, NULL}, CSTAR_EINVAL}, {"/ds", {&dots, NULL}, CSTAR_EINVAL},
        {"/ds", {&empty, NULL}, CSTAR_EINVAL},    {"/ds", {&drawer, &drawer, NULL}, CSTAR_EDUP},
        {"ds", {&drawer, NULL}, CSTAR_EINVAL},    {NULL, {&drawer, NULL}, CSTAR_EINVAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar_app *app = cstar_app_new();
        cstar_err err = {0};
        assert_int_equal(cstar_app_components(app, cases[i].base, cases[i].list), cases[i].rc);
        assert_int_equal(cstar_serve(app, NULL, &err), cases[i].rc);
        assert_true(err.text[0] != '\0');
        cstar_app_free(app);
    }
}

static void test_root_base(void **state) {
    (void)state;
    fixture f;
    f.app = cstar_app_new();
    assert_int_equal(cstar_components(f.app, "/", &drawer), CSTAR_OK);
    webdrive_init(&f.drive, f.app, cstar_heap());
    assert_int_equal(
        webdrive_status(webdrive_request(&f.drive, "POST", "/my_app-drawer/save", "{}")), 200);
    webdrive_fini(&f.drive);
    cstar_app_free(f.app);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_bodies_are_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_authorize, setup, teardown),
        cmocka_unit_test(test_bad_registrations),
        cmocka_unit_test(test_root_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
