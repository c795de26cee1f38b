/* test_csrf.c -- both gates: origins, tokens, where a token stands, what is free of them, and that
 * nothing of the handler runs behind a refusal.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/webdrive.h"
#include "web/app.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LENGTH(a) (sizeof(a) / sizeof *(a))

static const char *const secrets[] = {"first secret of at least 32 bytes!", NULL};
static unsigned ran; /* handlers, events, upload callbacks */

/* ---- the app ---- */

static void token(cstar_conn *conn) { cstar_respond_text(conn, 200, cstar_csrf_token(conn)); }

static void late(cstar_conn *conn) {
    cstar_respond_text(conn, 200, "given");
    if (cstar_csrf_token(conn)[0] != '\0' || cstar_error(conn)->code != CSTAR_ESTATE) {
        abort();
    }
}

static void plain(cstar_conn *conn) {
    ran++;
    cstar_respond_text(conn, 200, "ran");
}

static void reads(cstar_conn *conn) {
    ran++;
    const cstar_signals *in = cstar_read_signals(conn);
    if (in != NULL) {
        cstar_respond_text(conn, 200, cstar_signals_str(in, "a", "-"));
    }
}

static void reads_json(cstar_conn *conn) {
    ran++;
    const cstar_json *in = cstar_request_json(conn);
    if (in != NULL) {
        cstar_respond_text(conn, 200, cstar_json_str(cstar_json_get(in, "a"), "-"));
    }
}

static void renews(cstar_conn *conn) {
    ran++;
    cstar_session_renew(conn);
    cstar_respond_text(conn, 200, "renewed");
}

static int on_part(cstar_conn *conn, const cstar_upload_part *part, void *arg) {
    (void)conn;
    (void)part;
    (void)arg;
    ran++;
    return 0;
}

static const cstar_upload_opts upload = {.on_part = on_part};

static void event(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    ran++;
    cstar_signal(conn, "done", cstar_val_bool(true));
}

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p>page</p>");
}

CSTAR_PAGE(page, .render = render, .events = CSTAR_EVENTS({"go", event}));
CSTAR_COMPONENT(part, .name = "part", .events = CSTAR_EVENTS({"go", event}));

static void control(cstar_conn *conn, const char *name, const cstar_signals *in) {
    (void)name;
    event(conn, in);
}
static const cstar_controller controller = {"control", control};

typedef struct fixture {
    cstar_app *app;
    webdrive drive;
    char cookie[8192], token[128];
} fixture;

static cstar_app *make_app(const cstar_session_opts *opts) {
    static const cstar_controller *const controllers[] = {&controller};
    cstar_app *app = cstar_app_new();
    assert_non_null(app);
    cstar_route(app, CSTAR_GET, "/token", token);
    cstar_route(app, CSTAR_GET, "/late", late);
    cstar_route(app, CSTAR_POST, "/plain", plain);
    cstar_route(app, CSTAR_PUT, "/plain", plain);
    cstar_route(app, CSTAR_DELETE, "/plain", plain);
    cstar_route(app, CSTAR_POST, "/reads", reads);
    cstar_route(app, CSTAR_POST, "/json", reads_json);
    cstar_route(app, CSTAR_POST, "/renew", renews);
    cstar_route(app, CSTAR_POST, "/upload", plain, .upload = &upload);
    cstar_route(app, CSTAR_POST, "/hook", plain, .cross_origin = true);
    cstar_page(app, "/page", &page);
    cstar_components(app, "/ds", &part);
    cstar_app_controllers(app, "/ds", controllers, 1);
    const cstar_status rc = opts != NULL ? cstar_app_sessions(app, opts) : CSTAR_OK;
    if (rc == CSTAR_ENOTSUP) {
        cstar_app_free(app);
        skip();
    }
    assert_int_equal(app->err.code, CSTAR_OK);
    return app;
}

/* Sends it with the cookie and more fields; keeps a cookie that comes. */
static const char *ask(fixture *f, const char *line, const char *fields, const char *body) {
    char head[16384];
    cstar_buf_reset(&f->drive.out);
    (void)snprintf(head, sizeof head,
                   "%s HTTP/1.1\r\nHost: app.test\r\n%s%s%s%sContent-Length: %zu\r\n\r\n", line,
                   f->cookie[0] != '\0' ? "Cookie: session=" : "", f->cookie,
                   f->cookie[0] != '\0' ? "\r\n" : "", fields, strlen(body));
    webdrive_feed(&f->drive, head);
    webdrive_feed(&f->drive, body);
    cstar_buf_byte(&f->drive.out, '\0');
    const char *set = strstr(f->drive.out.ptr, "set-cookie: session=");
    if (set != NULL) {
        set += strlen("set-cookie: session=");
        (void)snprintf(f->cookie, sizeof f->cookie, "%.*s", (int)strcspn(set, ";"), set);
    }
    return f->drive.out.ptr;
}

static int status(fixture *f, const char *line, const char *fields, const char *body) {
    return webdrive_status(ask(f, line, fields, body));
}

static void take_token(fixture *f) {
    const char *answer = ask(f, "GET /token", "", "");
    (void)snprintf(f->token, sizeof f->token, "%s", webdrive_body(answer));
}

static void start(fixture *f, const cstar_session_opts *opts) {
    memset(f, 0, sizeof *f);
    f->app = make_app(opts);
    webdrive_init(&f->drive, f->app, cstar_heap());
    ran = 0;
    if (opts != NULL) {
        take_token(f);
    }
}

static void stop(fixture *f) {
    webdrive_fini(&f->drive);
    cstar_app_free(f->app);
}

static const cstar_session_opts with = {.secrets = secrets};

/* ---- where it comes from ---- */

static const char *const unsafe[] = {
    "POST /plain",           "PUT /plain",
    "DELETE /plain",         "POST /upload",
    "POST /page/_event/go",  "PUT /page/_event/go",
    "PATCH /page/_event/go", "DELETE /page/_event/go",
    "POST /ds/part/go",      "DELETE /ds/part/go",
    "POST /ds/control/go",
};

static void every_unsafe_method_on_every_kind_of_route(void **state) {
    (void)state;
    fixture f;
    start(&f, NULL);
    for (size_t i = 0; i < LENGTH(unsafe); i++) {
        ran = 0;
        assert_int_equal(status(&f, unsafe[i], "Sec-Fetch-Site: cross-site\r\n", ""), 403);
        assert_int_equal(f.drive.log[0], '0' + CSTAR_LOG_INFO);
        assert_non_null(strstr(f.drive.log, "csrf: it came from another site"));
        assert_int_equal(ran, 0);
        assert_int_equal(status(&f, unsafe[i], "Sec-Fetch-Site: same-origin\r\n", ""), 200);
        assert_int_equal(status(&f, unsafe[i], "", ""), 200);
        assert_int_equal(ran, 2);
    }
    assert_int_equal(status(&f, "GET /page", "Sec-Fetch-Site: cross-site\r\n", ""), 200);
    stop(&f);
}

typedef struct by_get {
    const char *fields;
    int status;
    const char *log;
} by_get;

static const by_get by_gets[] = {
    {"", 403, "no Datastar-Request"},
    {"Sec-Fetch-Site: none\r\n", 403, "no Datastar-Request"},
    {"Sec-Fetch-Site: same-origin\r\n", 403, "no Datastar-Request"},
    {"Sec-Fetch-Site: cross-site\r\n", 403, "another site"},
    {"X-Datastar-Request: true\r\n", 403, "no Datastar-Request"},
    {"Datastar-Request: true\r\nSec-Fetch-Site: cross-site\r\n", 403, "another site"},
    {"Datastar-Request: true\r\nSec-Fetch-Site: same-site\r\n", 403, "another site"},
    {"Datastar-Request: true\r\nOrigin: https://evil.example\r\n", 403, "another site"},
    {"Datastar-Request: true\r\nSec-Fetch-Site: same-origin\r\n", 200, ""},
    {"Datastar-Request: true\r\nOrigin: https://app.test\r\n", 200, ""},
    {"Datastar-Request: true\r\n", 200, ""},
};

static void expect_by_get(fixture *f, const char *line, const by_get *g) {
    ran = 0;
    f->drive.log[0] = '\0';
    const int got = status(f, line, g->fields, "");
    if (got != g->status || strstr(f->drive.log, g->log) == NULL) {
        fail_msg("%s %s: %d %s", line, g->fields, got, f->drive.log);
    }
    assert_int_equal(ran, got == 200 ? 1 : 0);
}

/* A link, an image, a form of another site: a GET with the visitor's cookies, and without fields of
 * its choosing. No token is asked for, with sessions or without. */
static void events_by_get_are_a_scripts_of_this_site(void **state) {
    (void)state;
    static const char *const lines[] = {"GET /page/_event/go?datastar=%7B%7D",
                                        "HEAD /page/_event/go", "GET /ds/part/go",
                                        "GET /ds/control/go"};
    static const cstar_session_opts *const sessions[] = {NULL, &with};
    for (size_t k = 0; k < LENGTH(sessions); k++) {
        fixture f;
        start(&f, sessions[k]);
        for (size_t i = 0; i < LENGTH(lines) * LENGTH(by_gets); i++) {
            expect_by_get(&f, lines[i / LENGTH(by_gets)], &by_gets[i % LENGTH(by_gets)]);
        }
        stop(&f);
    }
}

static void a_trusted_site_may_send_events_by_get(void **state) {
    (void)state;
    fixture f;
    start(&f, NULL);
    assert_int_equal(cstar_trust_origin(f.app, "https://friend.example"), CSTAR_OK);
    static const char fields[] = "Sec-Fetch-Site: cross-site\r\nOrigin: https://friend.example\r\n";
    assert_int_equal(status(&f, "GET /page/_event/go", fields, ""), 403);
    char more[256];
    (void)snprintf(more, sizeof more, "%sDatastar-Request: true\r\n", fields);
    assert_int_equal(status(&f, "GET /page/_event/go", more, ""), 200);
    stop(&f);
}

static void origins(void **state) {
    (void)state;
    static const struct {
        const char *fields;
        int status;
    } cases[] = {
        {"Sec-Fetch-Site: same-origin\r\n", 200},
        {"Sec-Fetch-Site: none\r\n", 200},
        {"Sec-Fetch-Site: same-site\r\n", 403},
        {"Sec-Fetch-Site: cross-site\r\n", 403},
        {"Sec-Fetch-Site: SAME-ORIGIN\r\n", 403},
        {"Sec-Fetch-Site:\r\n", 403},
        {"Sec-Fetch-Site: cross-site\r\nOrigin: http://app.test\r\n", 403},
        {"Origin: http://app.test\r\n", 200},
        {"Origin: https://app.test\r\n", 200},
        {"Origin: https://APP.test\r\n", 200},
        {"Origin: https://app.test:8443\r\n", 403},
        {"Origin: https://app.test.evil.example\r\n", 403},
        {"Origin: https://evil.example/app.test\r\n", 403},
        {"Origin: ftp://app.test\r\n", 403},
        {"Origin: https://\r\n", 403},
        {"Origin: null\r\n", 403},
        {"Origin:\r\n", 403},
        {"Origin: https://friend.example\r\n", 200},
        {"Origin: http://friend.example\r\n", 403},
        {"Origin: https://friend.example.evil\r\n", 403},
        {"Sec-Fetch-Site: cross-site\r\nOrigin: https://FRIEND.example\r\n", 200},
        {"Sec-Fetch-Site: cross-site\r\nOrigin: http://127.0.0.1:5173\r\n", 200},
        {"Sec-Fetch-Site: cross-site\r\nOrigin: null\r\n", 403},
    };
    fixture f;
    start(&f, NULL);
    assert_int_equal(cstar_trust_origin(f.app, "https://friend.example"), CSTAR_OK);
    assert_int_equal(cstar_trust_origin(f.app, "http://127.0.0.1:5173"), CSTAR_OK);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const int got = status(&f, "POST /plain", cases[i].fields, "");
        if (got != cases[i].status) {
            print_error("%s", cases[i].fields);
        }
        assert_int_equal(got, cases[i].status);
    }
    stop(&f);
}

static void bad_origins_stay_with_the_app(void **state) {
    (void)state;
    static const char *const bad[] = {NULL,
                                      "",
                                      "null",
                                      "friend.example",
                                      "https://",
                                      "*",
                                      "https://friend.example/",
                                      "https://a b",
                                      "ftp://friend.example",
                                      "https://*.friend.example",
                                      "https://u@friend.example"};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        cstar_app *app = cstar_app_new();
        assert_int_equal(cstar_trust_origin(app, bad[i]), CSTAR_EINVAL);
        assert_int_equal(app->err.code, CSTAR_EINVAL);
        cstar_app_free(app);
    }
}

/* ---- tokens ---- */

static void a_token_is_needed_where_there_are_sessions(void **state) {
    (void)state;
    char fields[256];
    fixture f;
    start(&f, &with);
    for (size_t i = 0; i < LENGTH(unsafe); i++) {
        ran = 0;
        assert_int_equal(status(&f, unsafe[i], "Sec-Fetch-Site: same-origin\r\n", ""), 403);
        assert_non_null(strstr(f.drive.log, "csrf: no token"));
        assert_int_equal(status(&f, unsafe[i], "X-CSRF-Token: x\r\n", ""), 403);
        assert_non_null(strstr(f.drive.log, "csrf: not the token of this session"));
        assert_int_equal(ran, 0);
        (void)snprintf(fields, sizeof fields, "X-CSRF-Token: %s\r\n", f.token);
        assert_int_equal(status(&f, unsafe[i], fields, ""), 200);
        assert_int_equal(ran, 1);
    }
    f.cookie[0] = '\0'; /* the token of a session that is not there */
    assert_int_equal(status(&f, "POST /plain", fields, ""), 403);
    stop(&f);
}

static void switched_off(void **state) {
    (void)state;
    fixture f;
    start(&f, &(cstar_session_opts){.secrets = secrets, .no_csrf = true});
    assert_string_equal(f.token, "");
    assert_int_equal(status(&f, "POST /plain", "", ""), 200);
    assert_int_equal(status(&f, "POST /plain", "Sec-Fetch-Site: cross-site\r\n", ""), 403);
    stop(&f);
    start(&f, &with);
    assert_int_equal(status(&f, "POST /hook", "", ""), 200);
    assert_int_equal(status(&f, "POST /hook", "Sec-Fetch-Site: cross-site\r\n", ""), 200);
    stop(&f);
    start(&f, NULL); /* no sessions, no token, and no error either */
    assert_string_equal(webdrive_body(ask(&f, "GET /token", "", "")), "");
    assert_int_equal(f.drive.logged, 0);
    stop(&f);
}

/* Another text each time, all of one secret; a new secret after a renewal. */
static void tokens_are_masked(void **state) {
    (void)state;
    char first[128];
    char fields[256];
    fixture f;
    start(&f, &with);
    (void)snprintf(first, sizeof first, "%s", f.token);
    take_token(&f);
    assert_int_equal(strlen(first), 48);
    assert_string_not_equal(first, f.token);
    (void)snprintf(fields, sizeof fields, "X-CSRF-Token: %s\r\n", first);
    assert_int_equal(status(&f, "POST /plain", fields, ""), 200);
    assert_int_equal(status(&f, "POST /renew", fields, ""), 200);
    assert_int_equal(status(&f, "POST /plain", fields, ""), 403);
    take_token(&f);
    (void)snprintf(fields, sizeof fields, "X-CSRF-Token: %s\r\n", f.token);
    assert_int_equal(status(&f, "POST /plain", fields, ""), 200);
    f.cookie[0] = '\0';
    assert_int_equal(status(&f, "GET /late", "", ""), 200);
    stop(&f);
}

static void every_spoiled_token_is_refused(void **state) {
    (void)state;
    char fields[256];
    fixture f;
    start(&f, &with);
    const size_t n = strlen(f.token);
    for (size_t i = 0; i < n; i++) {
        char token_text[128];
        (void)snprintf(token_text, sizeof token_text, "%s", f.token);
        token_text[i] = token_text[i] == 'A' ? 'B' : 'A';
        (void)snprintf(fields, sizeof fields, "X-CSRF-Token: %s\r\n", token_text);
        assert_int_equal(status(&f, "POST /plain", fields, ""), 403);
        (void)snprintf(fields, sizeof fields, "X-CSRF-Token: %.*s\r\n", (int)i, f.token);
        assert_int_equal(status(&f, "POST /plain", fields, ""), 403);
    }
    (void)snprintf(fields, sizeof fields, "X-CSRF-Token: %sAAAA\r\n", f.token);
    assert_int_equal(status(&f, "POST /plain", fields, ""), 403);
    assert_int_equal(ran, 0);
    stop(&f);
}

/* ---- where it stands ---- */

#define URLENCODED "Content-Type: application/x-www-form-urlencoded\r\n"
#define JSON "Content-Type: application/json\r\n"
#define MULTIPART "Content-Type: multipart/form-data; boundary=x\r\n"
#define PART(name, value)                                                                          \
    "--x\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

/* '@' stands for the token. */
static void fill(char *to, const char *from, const char *token_text) {
    for (; *from != '\0'; from++) {
        if (*from == '@') {
            memcpy(to, token_text, strlen(token_text));
            to += strlen(token_text);
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

static void the_first_that_is_there_counts(void **state) {
    (void)state;
    static const struct {
        const char *line, *fields, *body;
        int status;
    } cases[] = {
        {"POST /plain", URLENCODED, "_csrf_token=@", 200},
        {"POST /plain", URLENCODED, "a=1&csrf=@", 200},
        {"POST /plain", URLENCODED, "csrf=@&_csrf_token=x", 403},
        {"POST /plain", URLENCODED, "csrf=x&_csrf_token=@", 200},
        {"POST /plain", URLENCODED "X-CSRF-Token: @\r\n", "_csrf_token=", 403},
        {"POST /plain", URLENCODED "X-CSRF-Token: @\r\n", "a=1", 200},
        {"POST /plain?csrf=@", URLENCODED, "_csrf_token=x", 403},
        {"POST /plain", MULTIPART, PART("_csrf_token", "@") "--x--\r\n", 200},
        {"POST /plain", MULTIPART, PART("csrf", "@") "--x--\r\n", 200},
        {"POST /plain", MULTIPART, PART("a", "@") "--x--\r\n", 403},
        {"POST /plain", JSON, "{\"csrf\":\"@\"}", 200},
        {"POST /plain", JSON, "{\"_csrf_token\":\"@\",\"csrf\":\"x\"}", 200},
        {"POST /plain", JSON, "{\"csrf\":\"x\"}", 403},
        {"POST /plain", JSON "X-CSRF-Token: @\r\n", "{\"csrf\":null}", 403},
        {"POST /plain", JSON "X-CSRF-Token: @\r\n", "{\"csrf\":1}", 403},
        {"POST /plain", JSON "X-CSRF-Token: @\r\n", "{\"csrf\":\"\"}", 403},
        {"POST /plain", JSON "X-CSRF-Token: @\r\n", "{\"a\":{\"csrf\":\"x\"}}", 200},
        {"POST /plain?csrf=@", JSON, "{\"csrf\":\"x\"}", 403},
        {"POST /plain?datastar=%7B%22csrf%22%3A%22@%22%7D", JSON, "{}", 200},
        {"POST /plain?datastar=%7B%22csrf%22%3A%22x%22%7D&csrf=@", "", "", 403},
        {"POST /plain?datastar=%7B%22csrf%22%3Anull%7D&csrf=@", "", "", 403},
        {"POST /plain?datastar=%7B&csrf=@", "", "", 200},
        {"POST /plain?datastar=%5B%5D&csrf=@", "", "", 200},
        {"POST /plain?csrf=@", "X-CSRF-Token: x\r\n", "", 200},
        {"POST /plain?csrf=x", "X-CSRF-Token: @\r\n", "", 403},
        {"POST /plain?_csrf_token=@", "", "", 403},
        {"POST /plain?_csrf_token=x", "X-CSRF-Token: @\r\n", "", 200},
        {"DELETE /plain?datastar=%7B%22csrf%22%3A%22@%22%7D", "", "", 200},
        {"DELETE /plain?_csrf_token=@", "", "", 403},
        {"DELETE /plain", JSON, "{\"csrf\":\"@\"}", 403}, /* no body of a DELETE */
        {"DELETE /plain", URLENCODED, "_csrf_token=@", 403},
        {"DELETE /ds/part/go", "X-CSRF-Token: @\r\n", "", 200},
        {"POST /ds/part/go", JSON, "{\"csrf\":\"@\"}", 200},
        {"POST /ds/part/go", URLENCODED, "_csrf_token=@", 200},
        /* no JSON: no token, and no error of a route that does not ask for signals */
        {"POST /plain", "X-CSRF-Token: @\r\n", "not json", 200},
        {"POST /plain", "X-CSRF-Token: @\r\n", "[1]", 200},
        {"POST /plain", "", "{\"csrf\":\"@\"", 403},
        {"POST /reads", "X-CSRF-Token: @\r\n", "not json", 400},
        {"POST /ds/part/go", JSON, "{\"csrf\":", 400},
        {"DELETE /ds/part/go?datastar=%7B", "X-CSRF-Token: @\r\n", "", 400},
        {"POST /json", JSON, "{\"a\":\"b\",\"csrf\":\"@\"}", 200},
        {"POST /json", JSON "X-CSRF-Token: @\r\n", "{\"a\":", 400},
        {"POST /json", JSON "X-CSRF-Token: @\r\n", "", 400},
        {"POST /json", "X-CSRF-Token: @\r\n", "{\"a\":\"b\"}", 415},
    };
    fixture f;
    start(&f, &with);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char line[512];
        char fields[512];
        char body[512];
        fill(line, cases[i].line, f.token);
        fill(fields, cases[i].fields, f.token);
        fill(body, cases[i].body, f.token);
        const int got = status(&f, line, fields, body);
        if (got != cases[i].status) {
            print_error("%s %s %s\n", cases[i].line, cases[i].fields, cases[i].body);
        }
        assert_int_equal(got, cases[i].status);
    }
    stop(&f);
}

/* What was read for the token is what the handler reads. */
static void signals_are_read_once(void **state) {
    (void)state;
    char body[256];
    fixture f;
    start(&f, &with);
    (void)snprintf(body, sizeof body, "{\"a\":\"kept\",\"csrf\":\"%s\"}", f.token);
    assert_string_equal(webdrive_body(ask(&f, "POST /reads", JSON, body)), "kept");
    assert_string_equal(webdrive_body(ask(&f, "POST /json", JSON, body)), "kept");
    stop(&f);
}

/* ---- out of memory ---- */

/* One request with its own memory, whose n-th allocation fails. @return whether it came to that. */
static bool with_failure(fixture *f, size_t n, const char *token_text) {
    char text[9000];
    char body[256];
    failalloc fail;
    webdrive d;
    failalloc_init(&fail, n);
    webdrive_init(&d, f->app, &fail.alloc);
    (void)snprintf(body, sizeof body, "{\"csrf\":\"%s\"}", token_text);
    (void)snprintf(text, sizeof text,
                   "POST /ds/part/go?csrf=x HTTP/1.1\r\nHost: app.test\r\nCookie: session=%s\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   f->cookie, strlen(body), body);
    webdrive_feed(&d, text);
    const bool failed = fail.calls >= n;
    webdrive_fini(&d);
    assert_int_equal(fail.live_blocks, 0);
    return failed;
}

/* Whatever fails: never a handler without its token, and nothing is left behind. */
static void every_allocation_may_fail(void **state) {
    (void)state;
    fixture f;
    size_t n = 1;
    start(&f, &with);
    for (; with_failure(&f, n, "x"); n++) {
    }
    assert_true(n > 3);
    assert_int_equal(ran, 0);
    for (n = 1; with_failure(&f, n, f.token); n++) {
    }
    assert_true(ran >= 1);
    stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_unsafe_method_on_every_kind_of_route),
        cmocka_unit_test(events_by_get_are_a_scripts_of_this_site),
        cmocka_unit_test(a_trusted_site_may_send_events_by_get),
        cmocka_unit_test(origins),
        cmocka_unit_test(bad_origins_stay_with_the_app),
        cmocka_unit_test(a_token_is_needed_where_there_are_sessions),
        cmocka_unit_test(switched_off),
        cmocka_unit_test(tokens_are_masked),
        cmocka_unit_test(every_spoiled_token_is_refused),
        cmocka_unit_test(the_first_that_is_there_counts),
        cmocka_unit_test(signals_are_read_once),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
