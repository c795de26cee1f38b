/* test_controller.c -- a controller with a page: mount and render by themselves, events without its
 * name; and the signals that are remembered until a stream begins.
 * SPDX-License-Identifier: MIT */
#include "support/webrig.h"
#include "web/app.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- a controller that is also a page ---- */

static void mount(cstar_conn *conn) {
    const char *how = cstar_query(conn, "how");
    cstar_signal(conn, "count", 3);
    if (how == NULL) {
        return;
    }
    if (strcmp(how, "halt") == 0) {
        cstar_halt(conn);
    } else if (strcmp(how, "answer") == 0) {
        cstar_respond_text(conn, 200, "an answer of its own");
    }
}

static void put_buttons(cstar_html *h) {
    cstar_put(h, "<button data-on:click='{}'>+</button>", cstar_self("increment"));
    cstar_put(h, "<button data-on:click='{}'>x</button>",
              cstar_self("drop", .verb = CSTAR_DELETE, .options = "{retryMaxCount: 2}"));
}

static void render(cstar_conn *conn, cstar_html *h) {
    const cstar_expr reload = cstar_self("reload");
    cstar_put(h, "<main id='m' data-signals='{}' {}>", cstar_init_signals(conn),
              cstar_on_nudge("posts", &reload));
    put_buttons(h);
    cstar_put(h, "</main>");
}

CSTAR_CONTROLLER(search) {
    if (strcmp(event, "increment") == 0) {
        cstar_signal(conn, "count", cstar_signals_int(in, "count", 0) + 1);
    } else if (strcmp(event, "again") == 0) {
        cstar_patch(conn, h, .to = "buttons") {
            cstar_put(h, "<p id='buttons'>");
            put_buttons(h);
            cstar_put(h, "</p>");
        }
    }
}

CSTAR_PAGE(search_page, .mount = mount, .render = render, .controller = "search");

static void own(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_patch(conn, h, .to = "p") {
        cstar_put(h, "<p id='p' data-on:click='{}'></p>", cstar_self("x"));
    }
}

CSTAR_PAGE(both, .render = render, .controller = "search", .events = CSTAR_EVENTS({"own", own}));
CSTAR_PAGE(nobodys, .render = render);
CSTAR_COMPONENT(drawer, .name = "drawer", .events = CSTAR_EVENTS({"own", own}));

/* ---- what is remembered ---- */

static void list(cstar_conn *conn) {
    char text[300] = "";
    size_t len = 0;
    cstar_remembered r = {0};
    cstar_assign(conn, "hidden", 1);
    cstar_signal(conn, "a", 1);
    cstar_signal(conn, "b", 2, .only_if_missing = true, .event_id = "7", .retry = 50);
    cstar_signal(conn, "a", 9);
    while (cstar_remembered_next(conn, &r)) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s=%d,%d,%s,%d;", r.key,
                                (int)r.value->u.i, r.only_if_missing,
                                r.event_id != NULL ? r.event_id : "-", (int)r.retry);
    }
    assert_null(r.at);
    assert_true(cstar_remembered_next(conn, &r)); /* from the start again */
    cstar_respond_text(conn, 200, text);
}

static void twice(cstar_conn *conn) {
    cstar_remembered r = {0};
    assert_false(cstar_remembered_next(conn, &r));
    cstar_signal(conn, "a", 1);
    cstar_signal(conn, "b", 2);
    cstar_signal(conn, "a", 3);
    assert_int_equal(cstar_start(conn), CSTAR_OK);
    assert_int_equal(cstar_flush_signals(conn), CSTAR_OK);
    cstar_signal(conn, "now", 1); /* a patch, and not remembered */
    assert_int_equal(cstar_flush_signals(conn), CSTAR_OK);
}

typedef webrig fixture;

static int setup(void **state) {
    cstar_app *app = cstar_app_new();
    assert_non_null(app);
    assert_int_equal(cstar_page(app, "/search", &search_page), CSTAR_OK);
    assert_int_equal(cstar_page(app, "/both", &both), CSTAR_OK);
    assert_int_equal(cstar_page(app, "/nobodys", &nobodys), CSTAR_OK);
    assert_int_equal(cstar_components(app, "/ds", &drawer), CSTAR_OK);
    assert_int_equal(cstar_controllers(app, "/ds"), CSTAR_OK);
    assert_int_equal(cstar_route(app, CSTAR_GET, "/list", list), CSTAR_OK);
    assert_int_equal(cstar_route(app, CSTAR_GET, "/twice", twice), CSTAR_OK);
    return webrig_open(state, app);
}

static int teardown(void **state) { return webrig_close(state); }

/* What an attribute in single quotes holds. */
static void in_attribute(char *out, size_t size, cstar_expr e) {
    cstar_buf b;
    cstar_buf_fixed(&b, out, size);
    assert_int_equal(e.write(&e, &b, NULL), CSTAR_OK);
    cstar_buf_html_from(&b, 0);
    cstar_buf_byte(&b, '\0');
    assert_int_equal(b.status, CSTAR_OK);
}

static void test_page_of_a_controller(void **state) {
    fixture *f = *state;
    char want[1200];
    const char *answer = webdrive_request(&f->drive, "GET", "/search", NULL);
    assert_int_equal(webdrive_status(answer), 200);
    assert_has(answer, "<!doctype html>"); /* rendered without being asked to */
    assert_has(answer, "{&quot;count&quot;:3}");
    in_attribute(want, sizeof want, cstar_component_event("search", "increment"));
    assert_has(answer, want);
    in_attribute(want, sizeof want,
                 cstar_component_event("search", "drop", .verb = CSTAR_DELETE,
                                       .options = "{retryMaxCount: 2}"));
    assert_has(answer, want);
    in_attribute(want, sizeof want, cstar_component_event("search", "reload"));
    assert_has(answer, want); /* inside of a nudge's attributes */
}

static void test_mount_may_answer(void **state) {
    fixture *f = *state;
    const char *answer = webdrive_request(&f->drive, "GET", "/search?how=answer", NULL);
    assert_string_equal(webdrive_body(answer), "an answer of its own");
    answer = webdrive_request(&f->drive, "GET", "/search?how=halt", NULL);
    assert_int_equal(webdrive_status(answer), 403);
}

static void test_its_events(void **state) {
    fixture *f = *state;
    char want[1200];
    char escaped[1200];
    const char *answer =
        webdrive_request(&f->drive, "POST", "/ds/search/increment", "{\"count\":4}");
    assert_has(answer, "{\"count\":5}");
    answer = webdrive_request(&f->drive, "POST", "/ds/search/again", "{}");
    in_attribute(want, sizeof want, cstar_component_event("search", "increment"));
    assert_has(answer, want);
    answer = webdrive_request(&f->drive, "POST", "/both/_event/own", "{}");
    in_attribute(escaped, sizeof escaped, cstar_component_event("search", "x"));
    assert_has(answer, escaped); /* an event of the page, not of the controller */
    answer = webdrive_request(&f->drive, "POST", "/ds/drawer/own", "{}");
    in_attribute(escaped, sizeof escaped, cstar_component_event("drawer", "x"));
    assert_has(answer, escaped);
}

static void test_nobodys_page(void **state) {
    fixture *f = *state;
    const char *answer = webdrive_request(&f->drive, "GET", "/nobodys", NULL);
    assert_int_equal(webdrive_status(answer), 500);
    assert_has(f->drive.log, "self: this is the markup of no component and no controller");
}

static void test_remembered(void **state) {
    fixture *f = *state;
    const char *answer = webdrive_request(&f->drive, "GET", "/list", NULL);
    assert_string_equal(webdrive_body(answer), "a=9,0,-,0;b=2,1,7,50;a=9,0,-,0;");
}

#define PATCH(json) "event: datastar-patch-signals\ndata: signals " json "\n\n"

/* The final value each time, and all of it again. */
static void test_flushed_twice(void **state) {
    fixture *f = *state;
    const char *answer = webdrive_request(&f->drive, "GET", "/twice", NULL);
    assert_string_equal(webdrive_body(answer),
                        PATCH("{\"a\":3}") PATCH("{\"b\":2}") PATCH("{\"a\":3}")
                            PATCH("{\"now\":1}") PATCH("{\"a\":3}") PATCH("{\"b\":2}")
                                PATCH("{\"a\":3}"));
}

int main(void) {
#define WITH_APP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_APP(test_page_of_a_controller), WITH_APP(test_mount_may_answer),
        WITH_APP(test_its_events),           WITH_APP(test_nobodys_page),
        WITH_APP(test_remembered),           WITH_APP(test_flushed_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
