/* test_process.c -- what an app answers without a route: health, metrics, the way to https; and
 * what it counts and logs of each request.
 * SPDX-License-Identifier: MIT */
#include "support/webdrive.h"
#include "web/access_log.h"
#include "web/app.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void hello(cstar_conn *conn) { (void)cstar_respond_text(conn, 200, "hello"); }
static void broken(cstar_conn *conn) { (void)conn; }
static void own_health(cstar_conn *conn) { (void)cstar_respond_text(conn, 418, "mine"); }

typedef struct rig {
    cstar_app *app;
    webdrive d;
} rig;

static int setup(void **state) {
    rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->app = cstar_app_new();
    assert_non_null(r->app);
    assert_int_equal(cstar_route(r->app, CSTAR_GET, "/", hello), CSTAR_OK);
    assert_int_equal(cstar_route(r->app, CSTAR_GET, "/broken", broken), CSTAR_OK);
    r->app->health = "/healthz";
    r->app->metrics = "/metrics";
    r->app->timed = true;
    webdrive_init(&r->d, r->app, cstar_heap());
    *state = r;
    return 0;
}

static int teardown(void **state) {
    rig *r = *state;
    webdrive_fini(&r->d);
    cstar_app_free(r->app);
    free(r);
    return 0;
}

static bool has(const char *answer, const char *line) { return strstr(answer, line) != NULL; }

/* ---- health ---- */

static void health(void **state) {
    rig *r = *state;
    const char *answer = webdrive_request(&r->d, "GET", "/healthz", NULL);
    assert_int_equal(webdrive_status(answer), 200);
    assert_string_equal(webdrive_body(answer), "ok\n");
    assert_true(has(answer, "cache-control: no-store\r\n"));
    answer = webdrive_request(&r->d, "HEAD", "/healthz?x", NULL);
    assert_int_equal(webdrive_status(answer), 200);
    assert_string_equal(webdrive_body(answer), "");
    answer = webdrive_request(&r->d, "POST", "/healthz", "{}");
    assert_int_equal(webdrive_status(answer), 405);
    assert_true(has(answer, "allow: GET, HEAD\r\n"));
    assert_int_equal(webdrive_status(webdrive_request(&r->d, "GET", "/healthz/", NULL)), 404);
    r->app->health = NULL;
    assert_int_equal(webdrive_status(webdrive_request(&r->d, "GET", "/healthz", NULL)), 404);
}

static void an_own_route_wins(void **state) {
    rig *r = *state;
    assert_int_equal(cstar_route(r->app, CSTAR_GET, "/healthz", own_health), CSTAR_OK);
    assert_int_equal(webdrive_status(webdrive_request(&r->d, "GET", "/healthz", NULL)), 418);
    assert_int_equal(webdrive_status(webdrive_request(&r->d, "POST", "/healthz", "{}")), 405);
}

/* A folder or a page that takes any path must not hide that the server stops. */
static void a_route_for_any_path_does_not(void **state) {
    rig *r = *state;
    assert_int_equal(cstar_route(r->app, CSTAR_GET, "/:page", own_health), CSTAR_OK);
    assert_int_equal(cstar_route(r->app, CSTAR_GET, "/*rest", own_health), CSTAR_OK);
    assert_int_equal(webdrive_status(webdrive_request(&r->d, "GET", "/healthz", NULL)), 200);
    assert_int_equal(webdrive_status(webdrive_request(&r->d, "GET", "/metrics", NULL)), 200);
    assert_int_equal(webdrive_status(webdrive_request(&r->d, "GET", "/health", NULL)), 418);
    assert_int_equal(webdrive_status(webdrive_request(&r->d, "GET", "/healthz/x", NULL)), 418);
}

/* ---- metrics ---- */

static unsigned long metric(const char *answer, const char *name) {
    char line[128];
    (void)snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(answer, line);
    assert_non_null(at);
    return strtoul(at + strlen(line), NULL, 10);
}

static void metrics_count(void **state) {
    rig *r = *state;
    for (unsigned i = 0; i < 5; i++) {
        (void)webdrive_request(&r->d, "GET", "/", NULL);
    }
    (void)webdrive_request(&r->d, "GET", "/nope", NULL);
    (void)webdrive_request(&r->d, "GET", "/broken", NULL);
    const char *answer = webdrive_request(&r->d, "GET", "/metrics", NULL);
    assert_int_equal(webdrive_status(answer), 200);
    assert_true(has(answer, "content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_true(has(answer, "cache-control: no-store\r\n"));
    assert_int_equal(metric(answer, "cstar_http_requests_total{class=\"2xx\"}"), 5);
    assert_int_equal(metric(answer, "cstar_http_requests_total{class=\"4xx\"}"), 1);
    assert_int_equal(metric(answer, "cstar_http_requests_total{class=\"5xx\"}"), 1);
    assert_int_equal(metric(answer, "cstar_http_requests_total{class=\"none\"}"), 0);
    assert_int_equal(metric(answer, "cstar_http_requests_active"), 1); /* this one */
    assert_int_equal(metric(answer, "cstar_http_request_duration_seconds_count"), 7);
    answer = webdrive_request(&r->d, "GET", "/metrics", NULL);
    assert_int_equal(metric(answer, "cstar_http_requests_total{class=\"2xx\"}"), 6);
    webdrive_feed(&r->d, "nonsense\r\n\r\n"); /* ends the connection */
    assert_int_equal(r->d.pool.stats.refused, 1);
    r->app->metrics = NULL;
}

static void metrics_that_do_not_fit(void **state) {
    rig *r = *state;
    r->app->max_response = 100;
    const char *answer = webdrive_request(&r->d, "GET", "/metrics", NULL);
    assert_int_equal(webdrive_status(answer), 500);
}

/* A client that leaves in the middle is counted, and is under way no longer. */
static void who_leaves_is_counted(void **state) {
    rig *r = *state;
    webdrive_feed(&r->d, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
    cstar__h1_fini(&r->d.machine);
    cstar__h1_init(&r->d.machine, &r->d.env, &r->d.peer, &r->d.out);
    const cstar__stats *s = &r->d.pool.stats;
    assert_int_equal(s->active, 0);
    uint64_t all = 0;
    for (size_t i = 0; i < 6; i++) {
        all += s->requests[i];
    }
    assert_int_equal(all, 1);
}

/* ---- https ---- */

static void redirects(void **state) {
    rig *r = *state;
    static const struct {
        const char *request;
        unsigned port;
        const char *expected;
    } cases[] = {
        {"GET /a/b?c=d&e HTTP/1.1\r\nHost: x.test\r\n\r\n", 443,
         "HTTP/1.1 301 Moved Permanently\r\nlocation: https://x.test/a/b?c=d&e\r\n"},
        {"HEAD / HTTP/1.1\r\nHost: x.test:8080\r\n\r\n", 8443,
         "HTTP/1.1 301 Moved Permanently\r\nlocation: https://x.test:8443/\r\n"},
        {"POST /p HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 0\r\n\r\n", 0,
         "HTTP/1.1 308 Permanent Redirect\r\nlocation: https://[::1]/p\r\n"},
        {"GET /? HTTP/1.1\r\nHost: [::1]\r\n\r\n", 8443,
         "HTTP/1.1 301 Moved Permanently\r\nlocation: https://[::1]:8443/?\r\n"},
        {"GET //evil.test/ HTTP/1.1\r\nHost: x.test\r\n\r\n", 443,
         "HTTP/1.1 301 Moved Permanently\r\nlocation: https://x.test//evil.test/\r\n"},
        {"GET http://y.test/z HTTP/1.1\r\nHost: y.test\r\n\r\n", 443,
         "HTTP/1.1 301 Moved Permanently\r\nlocation: https://y.test/z\r\n"},
        {"OPTIONS * HTTP/1.1\r\nHost: x.test\r\n\r\n", 443,
         "HTTP/1.1 308 Permanent Redirect\r\nlocation: https://x.test/\r\n"},
        {"GET /healthz HTTP/1.1\r\nHost: x.test\r\n\r\n", 443,
         "HTTP/1.1 301 Moved Permanently\r\nlocation: https://x.test/healthz\r\n"},
        {"GET / HTTP/1.1\r\nHost: \r\n\r\n", 443, "HTTP/1.1 400 Bad Request\r\n"},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 443, "HTTP/1.1 400 Bad Request\r\n"},
    };
    r->d.peer.redirect = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar_buf_reset(&r->d.out);
        r->app->https_port = cases[i].port;
        webdrive_feed(&r->d, cases[i].request);
        cstar_buf_byte(&r->d.out, '\0');
        if (!has(r->d.out.ptr, cases[i].expected)) {
            print_error("%s", r->d.out.ptr);
        }
        assert_true(has(r->d.out.ptr, cases[i].expected));
        assert_false(has(r->d.out.ptr, "hello"));
        cstar__h1_fini(&r->d.machine);
        cstar__h1_init(&r->d.machine, &r->d.env, &r->d.peer, &r->d.out);
    }
}

static void hsts(void **state) {
    rig *r = *state;
    static const char *const paths[] = {"/", "/nope", "/broken", "/healthz"};
    static const char field[] = "strict-transport-security: max-age=60\r\n";
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        r->d.peer.secure = true;
        r->app->hsts[0] = '\0';
        assert_false(has(webdrive_request(&r->d, "GET", paths[i], NULL), "strict-transport"));
        (void)snprintf(r->app->hsts, sizeof r->app->hsts, "max-age=60");
        assert_true(has(webdrive_request(&r->d, "GET", paths[i], NULL), field));
        r->d.peer.secure = false;
        assert_false(has(webdrive_request(&r->d, "GET", paths[i], NULL), "strict-transport"));
    }
}

/* ---- the access log ---- */

static void what_is_logged(void **state) {
    rig *r = *state;
    int ends[2];
    (void)fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDOUT_FILENO) >= 0);
    (void)close(ends[1]);
    r->app->access_log =
        cstar__access_log_new(&(cstar__access_log_opts){.path = "-", .alloc = cstar_heap()}, NULL);
    r->app->access_format = CSTAR_ACCESS_JSON;
    r->d.peer.secure = true;
    (void)cstar__ip_parse(CSTAR_STR("2001:db8::7"), &r->d.peer.ip);
    (void)webdrive_request(&r->d, "GET", "/?datastar=SECRET", NULL);
    (void)webdrive_request(&r->d, "GET", "/healthz", NULL);
    (void)webdrive_request(&r->d, "GET", "/metrics", NULL);
    r->d.peer.local = true;
    (void)webdrive_request(&r->d, "POST", "/nope", "{}");
    r->app->trust_local = true;
    r->app->proxies.kind = CSTAR__FORWARDED_X;
    webdrive_feed(&r->d, "GET /proxied HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n");
    webdrive_feed(&r->d, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
    cstar__access_log_free(r->app->access_log);
    r->app->access_log = NULL;
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    (void)close(saved);
    char text[4096];
    const ssize_t n = read(ends[0], text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = '\0';
    (void)close(ends[0]);
    assert_true(has(text, "\"address\":\"2001:db8::7\",\"method\":\"GET\","
                          "\"target\":\"/?datastar=-\",\"protocol\":\"HTTP/1.1\",\"status\":200,"
                          "\"bytes\":5,"));
    assert_true(has(text, "\"address\":\"unix\",\"method\":\"POST\",\"target\":\"/nope\","
                          "\"protocol\":\"HTTP/1.1\",\"status\":404,"));
    assert_true(has(text, "\"address\":\"192.0.2.9\",\"method\":\"GET\",\"target\":\"/proxied\","));
    assert_true(has(text, "\"tls\":true}\n{"));
    assert_false(has(text, "healthz") || has(text, "metrics") || has(text, "SECRET"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(health, setup, teardown),
        cmocka_unit_test_setup_teardown(an_own_route_wins, setup, teardown),
        cmocka_unit_test_setup_teardown(a_route_for_any_path_does_not, setup, teardown),
        cmocka_unit_test_setup_teardown(metrics_count, setup, teardown),
        cmocka_unit_test_setup_teardown(metrics_that_do_not_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(who_leaves_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(redirects, setup, teardown),
        cmocka_unit_test_setup_teardown(hsts, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_logged, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
