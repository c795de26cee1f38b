/* test_scarcity.c -- a whole app on a machine without memory: every kind of request, at every
 * allocation, and at every limit of the request's memory.
 *
 * Asserted: the answer is the right one, a 5xx, or the connection ends; nothing leaks; no session
 * is taken for an empty one.
 *
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/webdrive.h"
#include "web/app.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- the app ---- */

static const char *const secrets[] = {"a secret of 32 bytes or more, it is", NULL};

static void index_page(cstar_conn *conn) { cstar_respond_text(conn, 200, "index"); }

static void visit(cstar_conn *conn) {
    const int64_t n = cstar_session_int(conn, "n", 0);
    char text[32];
    cstar_session_set(conn, "n", n + 1);
    cstar_flash(conn, "info", "again");
    (void)snprintf(text, sizeof text, "visit %d", (int)n);
    cstar_respond_text(conn, 200, text);
}

static void patch(cstar_conn *conn) {
    if (cstar_respond_elements(conn, "<p id=a>1</p>", .selector = "#a", .mode = CSTAR_APPEND) !=
        CSTAR_OK) {
        cstar_fail(conn, 500);
    }
}

static void form(cstar_conn *conn) {
    const char *a = cstar_form(conn, "a");
    cstar_respond_text(conn, 200, a != NULL ? a : "none");
}

static void json(cstar_conn *conn) {
    const cstar_json *root = cstar_request_json(conn);
    if (root != NULL) {
        cstar_respond_text(conn, 200, cstar_json_str(cstar_json_get(root, "a"), "none"));
    }
}

static cstar_next once(cstar_conn *conn, void *arg) {
    (void)arg;
    cstar_signal(conn, "n", 1);
    return CSTAR_END;
}

static void stream(cstar_conn *conn) {
    cstar_session_set(conn, "streamed", 1);
    cstar_stream(conn, once);
}

static void save(cstar_conn *conn, const cstar_signals *in) {
    cstar_signal(conn, "saved", cstar_signals_int(in, "id", -1));
}

CSTAR_COMPONENT(drawer, .name = "drawer", .events = CSTAR_EVENTS({"save", save}));

static const cstar_asset assets[] = {
    {"a.css", "p { margin: 0 }", 15,
     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}};
static const cstar_assets embedded = {assets, 1};

static cstar_app *make_app(void) {
    cstar_app *app = cstar_app_new();
    assert_non_null(app);
    cstar_route(app, CSTAR_GET, "/", index_page);
    cstar_route(app, CSTAR_GET, "/visit", visit);
    cstar_route(app, CSTAR_GET, "/patch", patch);
    cstar_route(app, CSTAR_GET, "/stream", stream);
    cstar_route(app, CSTAR_POST, "/form", form);
    cstar_route(app, CSTAR_POST, "/json", json);
    cstar_components(app, "/ds", &drawer);
    cstar_static_embedded(app, "/assets", &embedded);
    if (cstar_sessions(app, .secrets = secrets, .no_csrf = true) == CSTAR_ENOTSUP) {
        cstar_app_free(app);
        skip();
    }
    assert_int_equal(app->err.code, CSTAR_OK);
    app->health = "/healthz";
    app->metrics = "/metrics";
    app->send_request_id = true;
    return app;
}

/* ---- requests ---- */

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define JSON "Content-Type: application/json\r\n"

static const struct {
    const char *line, *fields, *body;
    int status;
} requests[] = {
    {"GET /", "", NULL, 200},
    {"GET /nowhere", "", NULL, 404},
    {"GET /nowhere", "Accept: text/html\r\n", NULL, 404},
    {"POST /nowhere", "", "body", 404},
    {"POST /", "", "body", 405},
    {"DELETE /form", "", NULL, 405},
    {"OPTIONS *", "", NULL, 204},
    {"GET /healthz", "", NULL, 200},
    {"POST /healthz", "", "body", 405},
    {"GET /metrics", "", NULL, 200},
    {"GET /visit", "", NULL, 200},
    {"GET /patch", "", NULL, 200},
    {"GET /stream", "Accept-Encoding: gzip\r\n", NULL, 200},
    {"POST /form", FORM, "a=1&b=%20", 200},
    {"POST /form", FORM, "a=%ff", 400},
    {"POST /form", "Content-Type: multipart/form-data; boundary=x\r\n",
     "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n", 200},
    {"POST /form", "Content-Type: multipart/form-data; boundary=x\r\n", "nonsense", 400},
    {"POST /json", JSON, "{\"a\":\"b\"}", 200},
    {"POST /json", JSON, "[", 400},
    {"POST /json", "", "{}", 415},
    {"POST /ds/drawer/save", JSON, "{\"id\":7}", 200},
    {"POST /ds/drawer/save", JSON, "nonsense", 400},
    {"POST /ds/drawer/none", JSON, "{\"id\":7}", 404},
    {"GET /assets/a.css", "", NULL, 200},
    {"GET /assets/b.css", "", NULL, 404},
    {"GET /assets/a.css", "Range: bytes=90-\r\n", NULL, 416},
};

static void feed(webdrive *d, size_t i) {
    char text[8192];
    const char *body = requests[i].body != NULL ? requests[i].body : "";
    const int n =
        snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n%s",
                 requests[i].line, requests[i].fields, strlen(body), body);
    assert_true(n > 0 && (size_t)n < sizeof text);
    cstar_buf_reset(&d->out);
    webdrive_feed(d, text);
    cstar_buf_byte(&d->out, '\0');
}

/* Fails from the n-th allocation on (0: never), and when the request's memory reaches `limit` (0:
 * never). @return whether the n-th was reached. */
static bool survives(cstar_app *app, size_t i, size_t n, size_t limit) {
    failalloc memory;
    webdrive d;
    failalloc_init(&memory, 0);
    webdrive_init(&d, app, &memory.alloc);
    (void)cstar_buf_room(&d.out, 32768); /* what was answered is the test's */
    d.pool.arena_limit = limit;
    memory.fail_at = n != 0 ? memory.calls + n : 0;
    memory.sticky = true;
    feed(&d, i);
    const bool reached = n != 0 && memory.calls >= memory.fail_at;
    const int status = webdrive_status(d.out.ptr != NULL ? d.out.ptr : "");
    const bool starved = reached || limit != 0;
    if (status != requests[i].status && !(starved && (status >= 500 || status == 0))) {
        print_error("%s, allocation %zu, limit %zu: %d\n%s\n", requests[i].line, n, limit, status,
                    d.log);
        fail();
    }
    webdrive_fini(&d);
    assert_int_equal(memory.live_blocks, 0);
    return reached;
}

static void every_allocation_of_every_request_may_fail(void **state) {
    cstar_app *app = make_app();
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        size_t n = 0;
        while (survives(app, i, n, 0) || n == 0) {
            n++;
        }
    }
    cstar_app_free(app);
}

static void the_memory_of_every_request_may_end_anywhere(void **state) {
    cstar_app *app = make_app();
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        for (size_t limit = 512; limit < 24 * 1024; limit += 64) {
            (void)survives(app, i, 0, limit);
        }
    }
    cstar_app_free(app);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_every_request_may_fail),
        cmocka_unit_test(the_memory_of_every_request_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
