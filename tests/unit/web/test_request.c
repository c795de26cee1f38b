/* test_request.c -- what a request brought: cookies, JSON, who sent it and by which name.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/webrig.h"
#include "web/app.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- the app under test ---- */

static void (*run)(cstar_conn *conn); /* what the handler does in the test that runs */

static void handle(cstar_conn *conn) {
    run(conn);
    if (conn->answer == CSTAR__ANSWER_NONE) {
        cstar_respond_text(conn, 200, "done");
    }
}

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p></p>");
}

static void go(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_redirect(conn, "https://public.test/next");
}
CSTAR_PAGE(page, .render = render, .events = CSTAR_EVENTS({"go", go}));

typedef webrig fixture;

static cstar_app *new_app(const cstar_allocator *alloc) {
    cstar_app *app = cstar_app_new_with(alloc);
    if (app != NULL) {
        cstar_route(app, CSTAR_GET, "/", handle);
        cstar_route(app, CSTAR_POST, "/", handle, .max_body = 64);
        cstar_page(app, "/page", &page);
    }
    return app;
}

static int setup(void **state) { return webrig_open(state, new_app(cstar_heap())); }
static int teardown(void **state) { return webrig_close(state); }

/* A request with these further lines of head (each with its CRLF) and that body. */
static const char *ask(fixture *f, const char *lines, const char *body, void (*fn)(cstar_conn *)) {
    char head[2048];
    run = fn;
    cstar_buf_reset(&f->drive.out);
    (void)snprintf(head, sizeof head, "%s / HTTP/1.1\r\nHost: app.test\r\n%s",
                   body != NULL ? "POST" : "GET", lines);
    webdrive_feed(&f->drive, head);
    if (body != NULL) {
        (void)snprintf(head, sizeof head, "Content-Length: %zu\r\n", strlen(body));
        webdrive_feed(&f->drive, head);
    }
    webdrive_feed(&f->drive, "\r\n");
    webdrive_feed(&f->drive, body != NULL ? body : "");
    cstar_buf_byte(&f->drive.out, '\0');
    return f->drive.out.ptr;
}

/* ---- cookies ---- */

static void read_cookies(cstar_conn *conn) {
    assert_string_equal(cstar_cookie(conn, "a"), "1");
    assert_string_equal(cstar_cookie(conn, "quoted"), "q");
    assert_string_equal(cstar_cookie(conn, "empty"), "");
    assert_null(cstar_cookie(conn, "A"));
    assert_null(cstar_cookie(conn, "none"));
}

static void cookies_come(void **state) {
    ask(*state, "Cookie: a=1; quoted=\"q\"; a=2; empty=\r\n", NULL, read_cookies);
}

static void set_cookies(cstar_conn *conn) {
    assert_int_equal(cstar_set_cookie(conn, "plain", "1"), CSTAR_OK);
    assert_int_equal(cstar_set_cookie(conn, "all", "x", .max_age = 60, .path = "/p",
                                      .domain = "app.test", .same_site = CSTAR_SAME_SITE_NONE,
                                      .secure = true, .for_scripts = true, .partitioned = true),
                     CSTAR_OK);
    assert_int_equal(cstar_set_cookie(conn, "__Host-id", "y", .secure = true,
                                      .same_site = CSTAR_SAME_SITE_STRICT),
                     CSTAR_OK);
    assert_int_equal(cstar_delete_cookie(conn, "old"), CSTAR_OK);
    assert_int_equal(cstar_delete_cookie(conn, "older", .path = "/app"), CSTAR_OK);
    assert_null(cstar_error(conn));
}

static void cookies_go(void **state) {
    const char *answer = ask(*state, "", NULL, set_cookies);
    assert_has(answer, "set-cookie: plain=1; Path=/; HttpOnly; SameSite=Lax\r\n");
    assert_has(answer, "set-cookie: all=x; Path=/p; Domain=app.test; Max-Age=60; Secure; "
                       "SameSite=None; Partitioned\r\n");
    assert_has(answer, "set-cookie: __Host-id=y; Path=/; Secure; HttpOnly; SameSite=Strict\r\n");
    assert_has(answer, "set-cookie: old=; Path=/;");
    assert_has(answer, "set-cookie: older=; Path=/app;");
    assert_has(answer, "Max-Age=0");
}

static void set_two(cstar_conn *conn) {
    assert_int_equal(cstar_set_cookie(conn, "follows", "1"), CSTAR_OK);
    assert_int_equal(cstar_set_cookie(conn, "never", "1", .allow_http = true), CSTAR_OK);
}

static void secure_follows_the_request(void **state) {
    fixture *f = *state;
    f->drive.peer.secure = true;
    const char *answer = ask(f, "", NULL, set_two);
    assert_has(answer, "set-cookie: follows=1; Path=/; Secure; HttpOnly; SameSite=Lax\r\n");
    assert_has(answer, "set-cookie: never=1; Path=/; HttpOnly; SameSite=Lax\r\n");
}

static void refuse_cookies(cstar_conn *conn) {
    static const struct {
        cstar_cookie_opts opts;
        cstar_status rc;
        const char *where;
    } cases[] = {
        {{.name = "__Host-a"}, CSTAR_EPOLICY, "secure"},
        {{.name = "__Secure-a"}, CSTAR_EPOLICY, "secure"},
        {{.name = "__Host-a", .secure = true, .path = "/x"}, CSTAR_EPOLICY, "name"},
        {{.name = "__Host-a", .secure = true, .domain = "app.test"}, CSTAR_EPOLICY, "name"},
        {{.name = "a", .same_site = CSTAR_SAME_SITE_NONE}, CSTAR_EPOLICY, "secure"},
        {{.name = "a", .partitioned = true}, CSTAR_EPOLICY, "secure"},
        {{.name = "a", .same_site = (cstar_same_site)7}, CSTAR_EINVAL, "same_site"},
        {{.name = NULL}, CSTAR_EINVAL, "name"},
        {{.name = "a b"}, CSTAR_EINVAL, "name"},
        {{.name = "a", .value = "x; Domain=evil.test"}, CSTAR_EINVAL, "value"},
        {{.name = "a", .value = "x\r\nSet-Cookie: b=1"}, CSTAR_EINVAL, "value"},
        {{.name = "a", .path = "x"}, CSTAR_EINVAL, "path"},
        {{.name = "a", .domain = "a;b"}, CSTAR_EINVAL, "domain"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        conn->err.code = CSTAR_OK;
        if (cstar_conn_set_cookie(conn, &cases[i].opts) != cases[i].rc) {
            print_error("case %zu: %d %s\n", i, conn->err.code, conn->err.text);
            fail();
        }
        assert_string_equal(cstar_error(conn)->where, cases[i].where);
    }
    cstar_respond_text(conn, 200, "ok");
    assert_int_equal(cstar_set_cookie(conn, "late", "1"), CSTAR_ESTATE);
}

static void bad_cookies_are_refused(void **state) {
    const char *answer = ask(*state, "", NULL, refuse_cookies);
    assert_int_equal(webdrive_status(answer), 200);
    assert_null(strstr(answer, "set-cookie"));
}

/* ---- JSON ---- */

static void read_json(cstar_conn *conn) {
    const cstar_json *root = cstar_request_json(conn);
    assert_ptr_equal(cstar_request_json(conn), root);
    if (root != NULL) {
        assert_int_equal(cstar_json_int(cstar_json_path(root, "a.b"), 0), 5);
    }
}

static void json_bodies(void **state) {
    fixture *f = *state;
    static const struct {
        const char *type, *body;
        int status;
    } cases[] = {
        {"application/json", "{\"a\":{\"b\":5}}", 200},
        {"Application/JSON; charset=utf-8", "{\"a\":{\"b\":5}}", 200},
        {"application/problem+json", "{\"a\":{\"b\":5}}", 200},
        {"application/json", "{\"a\":", 400},
        {"application/json", "", 400},
        {"application/json", "[1]", 400},
        {"application/json", "{\"a\":\"\xff\"}", 400},
        {"text/plain", "{}", 415},
        {"application/json5", "{}", 415},
        {"application/+json", "{}", 415},
        {"application/json",
         "{\"a\":\"0123456789012345678901234567890123456789012345678901234567\"}", 413},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[128];
        (void)snprintf(line, sizeof line, "Content-Type: %s\r\n", cases[i].type);
        const char *answer = ask(f, line, cases[i].body, read_json);
        if (webdrive_status(answer) != cases[i].status) {
            print_error("case %zu: %s\n", i, answer);
        }
        assert_int_equal(webdrive_status(answer), cases[i].status);
    }
}

static void no_type_is_no_json(void **state) {
    assert_int_equal(webdrive_status(ask(*state, "", "{}", read_json)), 415);
}

/* ---- who sent it ---- */

static char seen[256];

static void note_client(cstar_conn *conn) {
    (void)snprintf(seen, sizeof seen, "%s %s %s %d", cstar_client_address(conn), cstar_scheme(conn),
                   cstar_host(conn), cstar_is_secure(conn));
}

static void trust(fixture *f, cstar_forwarded kind, const char *const *list, size_t n) {
    cstar_serve_opts o = {.forwarded = kind, .trusted_proxies = list, .ntrusted_proxies = n};
    assert_int_equal(cstar__app_trust(f->app, &o, NULL), CSTAR_OK);
}

static const char *client(fixture *f, const char *peer, const char *lines) {
    f->drive.peer.local = peer == NULL;
    if (peer != NULL) {
        assert_true(cstar__ip_parse(cstar_cstr(peer), &f->drive.peer.ip));
    }
    ask(f, lines, NULL, note_client);
    return seen;
}

static const char *const proxies[] = {"10.0.0.0/8", "::1", "unix"};
#define X                                                                                          \
    "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: public.test\r\n"
#define RFC "Forwarded: for=\"[2001:db8::7]:99\";proto=https;host=public.test\r\n"

static void without_proxies_the_socket_says_it(void **state) {
    fixture *f = *state;
    assert_string_equal(client(f, "203.0.113.9", X RFC), "203.0.113.9 http app.test 0");
    assert_string_equal(client(f, "2001:db8::5", ""), "2001:db8::5 http app.test 0");
    assert_string_equal(client(f, NULL, X), "unix http app.test 0");
    f->drive.peer.secure = true;
    assert_string_equal(client(f, "203.0.113.9", X), "203.0.113.9 https app.test 1");
}

static void proxies_of_ours_are_believed(void **state) {
    fixture *f = *state;
    trust(f, CSTAR_FORWARDED_X, proxies, 3);
    assert_string_equal(client(f, "10.1.2.3", X RFC), "192.0.2.7 https public.test 1");
    assert_string_equal(client(f, "::1", X), "192.0.2.7 https public.test 1");
    assert_string_equal(client(f, NULL, X), "192.0.2.7 https public.test 1");
    assert_string_equal(client(f, "10.1.2.3", ""), "10.1.2.3 http app.test 0");
    /* what the client wrote stands left of the first stranger */
    assert_string_equal(client(f, "10.1.2.3", "X-Forwarded-For: 1.1.1.1, 192.0.2.7, 10.9.9.9\r\n"),
                        "192.0.2.7 http app.test 0");
    assert_string_equal(client(f, "10.1.2.3", "X-Forwarded-Proto: http\r\n"),
                        "10.1.2.3 http app.test 0");
    trust(f, CSTAR_FORWARDED_RFC, proxies, 3);
    assert_string_equal(client(f, "10.1.2.3", X RFC), "2001:db8::7 https public.test 1");
    assert_string_equal(client(f, NULL, RFC), "2001:db8::7 https public.test 1");
}

static void strangers_are_not(void **state) {
    fixture *f = *state;
    trust(f, CSTAR_FORWARDED_X, proxies, 2); /* without "unix" */
    assert_string_equal(client(f, "203.0.113.9", X), "203.0.113.9 http app.test 0");
    assert_string_equal(client(f, NULL, X), "unix http app.test 0");
    assert_string_equal(client(f, "10.1.2.3", RFC), "10.1.2.3 http app.test 0");
    trust(f, CSTAR_FORWARDED_NONE, proxies, 3);
    assert_string_equal(client(f, "10.1.2.3", X RFC), "10.1.2.3 http app.test 0");
}

static void a_bad_list_is_refused(void **state) {
    fixture *f = *state;
    static const char *const bad[] = {"10.0.0.1/8", "10.0.0.0/33", "proxy", "", NULL};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cstar_err err = {0};
        cstar_serve_opts o = {.trusted_proxies = &bad[i], .ntrusted_proxies = 1};
        assert_int_equal(cstar__app_trust(f->app, &o, &err), CSTAR_EINVAL);
        assert_string_equal(err.where, "trusted_proxies");
        assert_int_equal(cstar_serve(f->app, &o, &err), CSTAR_EINVAL);
    }
}

static const char *go_event(fixture *f, const char *lines) {
    char text[1024];
    cstar_buf_reset(&f->drive.out);
    (void)snprintf(text, sizeof text,
                   "POST /page/_event/go HTTP/1.1\r\nHost: app.test\r\n%sContent-Length: "
                   "2\r\n\r\n{}",
                   lines);
    webdrive_feed(&f->drive, text);
    cstar_buf_byte(&f->drive.out, '\0');
    return f->drive.out.ptr;
}

/* A redirect to the origin that the browser sees is allowed, though the socket says another. */
static void redirects_know_the_public_origin(void **state) {
    fixture *f = *state;
    assert_true(cstar__ip_parse(CSTAR_STR("10.1.2.3"), &f->drive.peer.ip));
    assert_null(strstr(go_event(f, X), "public.test"));
    trust(f, CSTAR_FORWARDED_X, proxies, 1);
    assert_has(go_event(f, X), "https://public.test/next");
}

/* ---- request ids ---- */

static char id[2][160];

static void note_id(cstar_conn *conn) {
    memcpy(id[0], id[1], sizeof id[0]);
    (void)snprintf(id[1], sizeof id[1], "%s", cstar_request_id(conn));
    assert_ptr_equal(cstar_request_id(conn), cstar_request_id(conn));
}

static bool is_made(const char *s) {
    return strlen(s) == 32 && strspn(s, "0123456789abcdef") == 32;
}

static void ids_are_made(void **state) {
    fixture *f = *state;
    const char *answer = ask(f, "X-Request-Id: mine\r\n", NULL, note_id);
    assert_true(is_made(id[1]));
    assert_null(strstr(answer, "x-request-id"));
    ask(f, "", NULL, note_id);
    assert_true(is_made(id[1]));
    assert_string_not_equal(id[0], id[1]);
    assert_string_not_equal(id[0] + 16, id[1] + 16);
}

static void ids_of_proxies_are_taken(void **state) {
    fixture *f = *state;
    static const char *const bad[] = {"a b", "a/b", "", "\xc3\xa9", "a,b", "<x>"};
    char line[256];
    trust(f, CSTAR_FORWARDED_X, proxies, 1);
    assert_true(cstar__ip_parse(CSTAR_STR("10.1.2.3"), &f->drive.peer.ip));
    ask(f, "X-Request-Id: Az09._-\r\n", NULL, note_id);
    assert_string_equal(id[1], "Az09._-");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        (void)snprintf(line, sizeof line, "X-Request-Id: %s\r\n", bad[i]);
        ask(f, line, NULL, note_id);
        assert_true(is_made(id[1]));
    }
    for (int len = 128; len <= 129; len++) {
        (void)snprintf(line, sizeof line, "X-Request-Id: %0*d\r\n", len, 7);
        ask(f, line, NULL, note_id);
        assert_int_equal(strlen(id[1]), len == 128 ? 128 : 32);
    }
}

static void ids_are_sent_back(void **state) {
    fixture *f = *state;
    char line[256];
    cstar_serve_opts o = {.request_id = true};
    assert_int_equal(cstar__app_trust(f->app, &o, NULL), CSTAR_OK);
    const char *answer = ask(f, "", NULL, note_id);
    (void)snprintf(line, sizeof line, "x-request-id: %s\r\n", id[1]);
    assert_has(answer, line);
    assert_has(webdrive_request(&f->drive, "GET", "/none", NULL), "x-request-id: "); /* a 404 too */
}

enum { MANY = 20000 };

static int by_text(const void *a, const void *b) { return memcmp(a, b, 33); }

/* Of two apps, as of two processes. */
static void no_two_ids_are_the_same(void **state) {
    fixture *f = *state;
    cstar_app *other = cstar_app_new();
    char(*all)[33] = malloc((size_t)MANY * sizeof *all);
    assert_non_null(all);
    cstar__exchange *x = cstar__exchange_take(&f->drive.pool);
    for (size_t i = 0; i < MANY; i++) {
        cstar_conn conn = {.app = i % 2 == 0 ? f->app : other, .x = x};
        x->peer = &f->drive.peer;
        memcpy(all[i], cstar_request_id(&conn), sizeof *all);
        cstar_arena_reset(&x->arena, 4096);
    }
    qsort(all, MANY, sizeof *all, by_text);
    for (size_t i = 1; i < MANY; i++) {
        assert_true(by_text(all[i - 1], all[i]) != 0);
    }
    cstar__exchange_give(&f->drive.pool, x);
    free(all);
    cstar_app_free(other);
}

/* ---- memory ---- */

static void use_everything(cstar_conn *conn) {
    (void)cstar_cookie(conn, "a");
    (void)cstar_set_cookie(conn, "a", "1");
    (void)cstar_request_json(conn);
    assert_non_null(cstar_client_address(conn));
    assert_non_null(cstar_host(conn));
    assert_non_null(cstar_request_id(conn));
    (void)cstar_form(conn, "x");
}

static void allocation_failures_are_survived(void **state) {
    (void)state;
    size_t answered = 0;
    for (size_t n = 1; n < 40; n++) {
        failalloc fail;
        failalloc_init(&fail, n);
        fixture f = {.app = new_app(cstar_heap())};
        trust(&f, CSTAR_FORWARDED_X, proxies, 3);
        webdrive_init(&f.drive, f.app, &fail.alloc);
        f.drive.peer.local = true;
        run = use_everything;
        webdrive_feed(&f.drive, "POST / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nX-Forwarded-For: "
                                "1.2.3.4\r\nContent-Type: application/json\r\nContent-Length: "
                                "7\r\n\r\n{\"a\":1}");
        answered += f.drive.out.len != 0;
        webdrive_fini(&f.drive);
        cstar_app_free(f.app);
        assert_int_equal(fail.live_blocks, 0);
    }
    assert_true(answered > 20);
}

/* ---- long bodies ---- */

enum { LONG = 300000 };

static size_t body_seen;

static void look_at_body(cstar_conn *conn) {
    const cstar_str body = cstar_request_body(conn);
    for (size_t i = 0; i < body.len; i++) {
        assert_int_equal(body.ptr[i], 'a' + i % 26);
    }
    body_seen = body.len;
}

/* Who announces a long body has not sent it: memory comes with the bytes. */
static void an_announcement_takes_no_memory(void **state) {
    (void)state;
    static char text[LONG + 1];
    fixture f;
    failalloc fail;
    failalloc_init(&fail, 0);
    f.app = new_app(cstar_heap());
    cstar_route(f.app, CSTAR_POST, "/long", handle, .max_body = 10 * LONG);
    webdrive_init(&f.drive, f.app, &fail.alloc);
    run = look_at_body;
    webdrive_feed(&f.drive, "POST /long HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
    assert_true(fail.live_bytes < 128 * 1024);
    for (size_t i = 0; i < LONG; i++) {
        text[i] = (char)('a' + i % 26);
    }
    webdrive_feed(&f.drive, text);
    assert_int_equal(body_seen, LONG);
    webdrive_fini(&f.drive);
    cstar_app_free(f.app);
    assert_int_equal(fail.live_blocks, 0);
}

#define WITH_APP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_APP(cookies_come),
        WITH_APP(cookies_go),
        WITH_APP(secure_follows_the_request),
        WITH_APP(bad_cookies_are_refused),
        WITH_APP(json_bodies),
        WITH_APP(no_type_is_no_json),
        WITH_APP(without_proxies_the_socket_says_it),
        WITH_APP(proxies_of_ours_are_believed),
        WITH_APP(strangers_are_not),
        WITH_APP(a_bad_list_is_refused),
        WITH_APP(redirects_know_the_public_origin),
        WITH_APP(ids_are_made),
        WITH_APP(ids_of_proxies_are_taken),
        WITH_APP(ids_are_sent_back),
        WITH_APP(no_two_ids_are_the_same),
        cmocka_unit_test(allocation_failures_are_survived),
        cmocka_unit_test(an_announcement_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
