/* test_session.c -- sessions and flash messages over cookies and over a store: kept between requests,
 * sealed, renewed, ended, expired, spoiled.
 * SPDX-License-Identifier: MIT */
#include "support/webdrive.h"
#include "web/app.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const secrets[] = {"first secret of at least 32 bytes!", NULL};
static const char *const rotated[] = {"a newer secret of at least 32 bytes",
                                      "first secret of at least 32 bytes!", NULL};
static int64_t the_time = 1800000000;

static int64_t now(void *arg) {
    (void)arg;
    return the_time;
}

/* ---- the app ---- */

static void show(cstar_conn *conn) {
    char text[512];
    cstar_flash_message m;
    int n = snprintf(text, sizeof text, "user=%s n=%d ok=%d", cstar_session_str(conn, "user", "-"),
                     (int)cstar_session_int(conn, "n", -1), cstar_session_bool(conn, "ok", false));
    while (cstar_query(conn, "flash") != NULL && cstar_flash_next(conn, &m)) {
        n += snprintf(text + n, sizeof text - (size_t)n, " %s:%s", m.kind, m.text);
    }
    cstar_respond_text(conn, 200, text);
}

static void login(cstar_conn *conn) {
    cstar_session_renew(conn);
    cstar_session_set(conn, "user", cstar_query(conn, "user"));
    cstar_session_set(conn, "n", 7);
    cstar_session_set(conn, "ok", cstar_val_bool(true));
    cstar_flash(conn, "info", "welcome");
    cstar_flash(conn, "warn", "\"again\"");
    cstar_respond_text(conn, 200, "in");
}

static void logout(cstar_conn *conn) {
    cstar_session_clear(conn);
    cstar_respond_text(conn, 200, "out");
}

static void forget(cstar_conn *conn) {
    cstar_session_remove(conn, "user");
    cstar_session_remove(conn, "never there");
    cstar_respond_text(conn, 200, "forgotten");
}

static void late(cstar_conn *conn) {
    cstar_respond_text(conn, 200, "given");
    if (cstar_session_set(conn, "user", "late") != CSTAR_ESTATE) {
        abort();
    }
}

static void large(cstar_conn *conn) {
    char text[4000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cstar_session_set(conn, "large", text);
    cstar_respond_text(conn, 200, "large");
}

static void event(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_session_set(conn, "user", "from an event");
    cstar_signal(conn, "done", cstar_val_bool(true));
}

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p>page</p>");
}

CSTAR_PAGE(page, .render = render, .events = CSTAR_EVENTS({"go", event}));

typedef struct fixture {
    cstar_app *app;
    webdrive drive;
    char cookie[8192]; /* what the browser would send; "" */
} fixture;

static cstar_app *make_app(const cstar_session_opts *opts) {
    cstar_app *app = cstar_app_new();
    assert_non_null(app);
    app->clock = now;
    cstar_route(app, CSTAR_GET, "/", show);
    cstar_route(app, CSTAR_GET, "/login", login);
    cstar_route(app, CSTAR_GET, "/logout", logout);
    cstar_route(app, CSTAR_GET, "/forget", forget);
    cstar_route(app, CSTAR_GET, "/late", late);
    cstar_route(app, CSTAR_GET, "/large", large);
    cstar_page(app, "/page", &page);
    cstar_session_opts own = *opts;
    own.no_csrf = true; /* tokens are test_csrf.c */
    const cstar_status rc = cstar_app_sessions(app, &own);
    if (rc == CSTAR_ENOTSUP) {
        cstar_app_free(app);
        skip();
    }
    assert_int_equal(rc, CSTAR_OK);
    return app;
}

static void start(fixture *f, const cstar_session_opts *opts) {
    the_time = 1800000000;
    f->app = make_app(opts);
    webdrive_init(&f->drive, f->app, cstar_heap());
    f->cookie[0] = '\0';
}

static void end(fixture *f) {
    webdrive_fini(&f->drive);
    cstar_app_free(f->app);
}

/* The next Set-Cookie's "name=value", as a browser keeps it. */
static void keep_cookie(fixture *f, const char *answer) {
    const char *set = strstr(answer, "set-cookie: ");
    if (set == NULL) {
        return;
    }
    set += strlen("set-cookie: ");
    const size_t len = strcspn(set, ";");
    assert_true(len < sizeof f->cookie);
    memcpy(f->cookie, set, len);
    f->cookie[len] = '\0';
    if (strstr(answer, "Max-Age=0") != NULL || f->cookie[len - 1] == '=') {
        f->cookie[0] = '\0';
    }
}

static const char *get(fixture *f, const char *method, const char *target) {
    char request[9000];
    cstar_buf_reset(&f->drive.out);
    (void)snprintf(request, sizeof request,
                   "%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n%s%s%s\r\n", method, target,
                   f->cookie[0] != '\0' ? "Cookie: other=1; " : "", f->cookie,
                   f->cookie[0] != '\0' ? "; last=2\r\n" : "");
    webdrive_feed(&f->drive, request);
    cstar_buf_byte(&f->drive.out, '\0');
    keep_cookie(f, f->drive.out.ptr);
    return f->drive.out.ptr;
}

static void check(fixture *f, const char *target, const char *body) {
    const char *answer = get(f, "GET", target);
    assert_int_equal(webdrive_status(answer), 200);
    assert_string_equal(webdrive_body(answer), body);
}

/* ---- tests: each once with cookies, once with the memory store ---- */

static void run_kept(fixture *f) {
    check(f, "/", "user=- n=-1 ok=0");
    assert_string_equal(f->cookie, ""); /* nobody gets a cookie for nothing */
    const char *answer = get(f, "GET", "/login?user=ada");
    assert_non_null(strstr(answer, "set-cookie: session="));
    assert_non_null(strstr(answer, "HttpOnly"));
    assert_non_null(strstr(answer, "SameSite=Lax"));
    assert_null(strstr(f->cookie, "ada"));
    check(f, "/", "user=ada n=7 ok=1");
    check(f, "/?flash=1", "user=ada n=7 ok=1 info:welcome warn:\"again\"");
    check(f, "/?flash=1", "user=ada n=7 ok=1");
    check(f, "/forget", "forgotten");
    check(f, "/", "user=- n=7 ok=1");
    check(f, "/late", "given");
    check(f, "/", "user=- n=7 ok=1");
    assert_int_equal(webdrive_status(get(f, "POST", "/page/_event/go")), 200);
    check(f, "/", "user=from an event n=7 ok=1");
}

static void run_ended(fixture *f) {
    (void)get(f, "GET", "/login?user=ada");
    char before[sizeof f->cookie];
    memcpy(before, f->cookie, sizeof before);
    check(f, "/logout", "out");
    assert_string_equal(f->cookie, "");
    check(f, "/", "user=- n=-1 ok=0");
    check(f, "/logout", "out"); /* once more, without any */
    memcpy(f->cookie, before, sizeof before);
}

static void run_expired(fixture *f) {
    (void)get(f, "GET", "/login?user=ada");
    the_time += 13 * 86400;
    check(f, "/", "user=ada n=7 ok=1"); /* which counts as a visit */
    the_time += 13 * 86400;
    check(f, "/", "user=ada n=7 ok=1");
    the_time += 15 * 86400;
    check(f, "/", "user=- n=-1 ok=0");
    (void)get(f, "GET", "/login?user=eve");
    for (int i = 0; i < 8; i++) {
        the_time += 10 * 86400;
        check(f, "/", "user=eve n=7 ok=1");
    }
    the_time += 11 * 86400; /* 91 days since the login, however often she came */
    check(f, "/", "user=- n=-1 ok=0");
}

static void run_spoiled(fixture *f) {
    (void)get(f, "GET", "/login?user=ada");
    const size_t len = strlen(f->cookie);
    for (size_t i = strlen("session="); i < len; i += 7) {
        const char was = f->cookie[i];
        char whole[sizeof f->cookie];
        memcpy(whole, f->cookie, sizeof whole);
        f->cookie[i] = was == 'A' ? 'B' : 'A';
        check(f, "/", "user=- n=-1 ok=0");
        memcpy(f->cookie, whole, sizeof whole);
    }
    check(f, "/", "user=ada n=7 ok=1");
    (void)snprintf(f->cookie, sizeof f->cookie, "session=");
    check(f, "/", "user=- n=-1 ok=0");
    (void)snprintf(f->cookie, sizeof f->cookie, "session=not-one-of-ours");
    check(f, "/", "user=- n=-1 ok=0");
}

typedef void (*scenario)(fixture *f);

static void with_cookies(scenario run) {
    static fixture f;
    start(&f, &(cstar_session_opts){.secrets = secrets});
    run(&f);
    end(&f);
}

static void with_store(scenario run) {
    static fixture f;
    const cstar_session_store store = cstar_session_memory(0);
    cstar_app *probe = cstar_app_new();
    const cstar_status rc = cstar_sessions(probe, .secrets = secrets);
    cstar_app_free(probe);
    if (rc == CSTAR_ENOTSUP) {
        store.free(store.ctx);
        skip();
    }
    start(&f, &(cstar_session_opts){.secrets = secrets, .store = &store});
    run(&f);
    end(&f);
}

static void test_kept(void **state) {
    (void)state;
    with_cookies(run_kept);
    with_store(run_kept);
}

static void test_ended(void **state) {
    (void)state;
    with_cookies(run_ended);
    with_store(run_ended);
}

static void test_expired(void **state) {
    (void)state;
    with_cookies(run_expired);
    with_store(run_expired);
}

static void test_spoiled(void **state) {
    (void)state;
    with_cookies(run_spoiled);
    with_store(run_spoiled);
}

/* With a store, an id that was left (login, logout) is worth nothing any more. */
static void run_left(fixture *f) {
    char first[sizeof f->cookie];
    (void)get(f, "GET", "/login?user=ada");
    memcpy(first, f->cookie, sizeof first);
    (void)get(f, "GET", "/login?user=eve");
    assert_string_not_equal(first, f->cookie);
    char second[sizeof f->cookie];
    memcpy(second, f->cookie, sizeof second);
    memcpy(f->cookie, first, sizeof first);
    check(f, "/", "user=- n=-1 ok=0");
    memcpy(f->cookie, second, sizeof second);
    check(f, "/", "user=eve n=7 ok=1");
    check(f, "/logout", "out");
    memcpy(f->cookie, second, sizeof second);
    check(f, "/", "user=- n=-1 ok=0");
}

static void test_left_ids(void **state) {
    (void)state;
    with_store(run_left);
}

static void test_rotation(void **state) {
    (void)state;
    static fixture f;
    char old[sizeof f.cookie];
    start(&f, &(cstar_session_opts){.secrets = secrets});
    (void)get(&f, "GET", "/login?user=ada");
    memcpy(old, f.cookie, sizeof old);
    end(&f);
    start(&f, &(cstar_session_opts){.secrets = rotated});
    memcpy(f.cookie, old, sizeof old);
    const char *answer = get(&f, "GET", "/");
    assert_string_equal(webdrive_body(answer), "user=ada n=7 ok=1");
    assert_non_null(strstr(answer, "set-cookie: ")); /* sealed anew */
    end(&f);
}

static void test_https(void **state) {
    (void)state;
    static fixture f;
    start(&f, &(cstar_session_opts){.secrets = secrets, .name = "s"});
    f.drive.peer.secure = true;
    const char *answer = get(&f, "GET", "/login?user=ada");
    assert_non_null(strstr(answer, "set-cookie: __Host-s="));
    assert_non_null(strstr(answer, "; Secure"));
    check(&f, "/", "user=ada n=7 ok=1");
    /* sealed for that name: it is nothing under the other one */
    char other[sizeof f.cookie];
    (void)snprintf(other, sizeof other, "%s", f.cookie + strlen("__Host-"));
    memcpy(f.cookie, other, sizeof other);
    f.drive.peer.secure = false;
    check(&f, "/", "user=- n=-1 ok=0");
    end(&f);
}

static void test_too_large(void **state) {
    (void)state;
    static fixture f;
    start(&f, &(cstar_session_opts){.secrets = secrets});
    const char *answer = get(&f, "GET", "/large");
    assert_null(strstr(answer, "set-cookie"));
    assert_non_null(strstr(f.drive.log, "more than a cookie can hold"));
    end(&f);
}

static void test_bad_options(void **state) {
    (void)state;
    static const char *const none[] = {NULL};
    static const char *const brief[] = {"too short", NULL};
    const cstar_session_opts bad[] = {{.secrets = NULL},
                                      {.secrets = none},
                                      {.secrets = brief},
                                      {.secrets = secrets, .name = ""},
                                      {.secrets = secrets, .name = "a b"}};
    with_cookies(run_kept); /* skips without OpenSSL */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cstar_app *app = cstar_app_new();
        assert_int_equal(cstar_app_sessions(app, &bad[i]), CSTAR_EINVAL);
        cstar_app_free(app);
    }
}

static void test_memory_store(void **state) {
    (void)state;
    cstar_session_store s = cstar_session_memory(100);
    char id[44];
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 1000);
    for (int i = 0; i < 250; i++) {
        (void)snprintf(id, sizeof id, "%043d", i);
        assert_int_equal(s.save(s.ctx, cstar_cstr(id), cstar_cstr(id + 40), 1000), CSTAR_OK);
    }
    for (int i = 0; i < 250; i++) { /* the last hundred are there */
        (void)snprintf(id, sizeof id, "%043d", i);
        cstar_buf_reset(&out);
        assert_int_equal(s.load(s.ctx, cstar_cstr(id), 1000, &out),
                         i < 150 ? CSTAR_ENOENT : CSTAR_OK);
        assert_true(i < 150 || cstar_str_eq(cstar_buf_view(&out), cstar_cstr(id + 40)));
        assert_int_equal(s.load(s.ctx, cstar_cstr(id), 1001, &out), CSTAR_ENOENT);
    }
    assert_int_equal(s.save(s.ctx, cstar_cstr(id), CSTAR_STR("again"), 1000), CSTAR_OK);
    cstar_buf_reset(&out);
    assert_int_equal(s.load(s.ctx, cstar_cstr(id), 1000, &out), CSTAR_OK);
    assert_true(cstar_str_eq(cstar_buf_view(&out), CSTAR_STR("again")));
    assert_int_equal(s.remove(s.ctx, cstar_cstr(id)), CSTAR_OK);
    assert_int_equal(s.load(s.ctx, cstar_cstr(id), 1000, &out), CSTAR_ENOENT);
    assert_int_equal(s.remove(s.ctx, cstar_cstr(id)), CSTAR_OK);
    cstar_buf_fini(&out);
    s.free(s.ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_expired),     cmocka_unit_test(test_spoiled),
        cmocka_unit_test(test_left_ids),    cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_https),       cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_bad_options), cmocka_unit_test(test_memory_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
