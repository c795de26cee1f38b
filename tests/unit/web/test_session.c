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
#include <unistd.h>

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

static void number(cstar_conn *conn) {
    char text[32];
    cstar_session_set(conn, "u", (uint64_t)7);
    (void)snprintf(text, sizeof text, "%d", (int)cstar_session_int(conn, "u", -1));
    cstar_respond_text(conn, 200, text);
}

/* A value of 32 levels is one that can be kept; one more is not. */
static void deep(cstar_conn *conn) {
    char text[128] = "";
    memset(text, '[', 33);
    memset(text + 33, ']', 33);
    cstar_session_set(conn, "n", 3);
    if (cstar_session_set(conn, "deep", cstar_val_json(cstar_view(text + 1, 64))) != CSTAR_OK ||
        cstar_session_set(conn, "deeper", cstar_val_json(cstar_view(text, 66))) == CSTAR_OK) {
        abort();
    }
    cstar_respond_text(conn, 200, "deep");
}

static void cached(cstar_conn *conn) {
    if (cstar_query(conn, "say") != NULL) {
        cstar_set_header(conn, "cache-control", cstar_query(conn, "say"));
    }
    if (cstar_query(conn, "write") != NULL) {
        cstar_session_set(conn, "n", 1);
    } else if (cstar_query(conn, "read") != NULL) {
        (void)cstar_session_int(conn, "n", 0);
    }
    if (cstar_query(conn, "fail") != NULL) {
        cstar_fail(conn, 404);
        return;
    }
    cstar_respond_text(conn, 200, "cached");
}

/* What comes too late to be kept is refused; what was there stays. */
static cstar_next late_piece(cstar_conn *conn, void *arg) {
    cstar_flash_message m;
    unsigned *calls = arg;
    if (cstar_session_set(conn, "user", "a text that needs memory") != CSTAR_ESTATE ||
        cstar_session_set(conn, "new", "a text that needs memory") != CSTAR_ESTATE ||
        cstar_set_cookie(conn, "late", "1") != CSTAR_ESTATE || cstar_flash_next(conn, &m)) {
        abort();
    }
    cstar_console_log(conn, cstar_session_str(conn, "user", "-"));
    return ++*calls == 3 ? CSTAR_END : CSTAR_MORE;
}

static unsigned late_calls;

static void streaming(cstar_conn *conn) {
    late_calls = 0;
    cstar_session_set(conn, "user", "streamed");
    cstar_flash(conn, "info", "kept");
    cstar_stream(conn, late_piece, .arg = &late_calls);
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
    cstar_route(app, CSTAR_GET, "/number", number);
    cstar_route(app, CSTAR_GET, "/deep", deep);
    cstar_route(app, CSTAR_GET, "/cached", cached);
    cstar_route(app, CSTAR_GET, "/streaming", streaming);
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

/* ---- tests: each once with cookies, once with each store ---- */

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

static void run_with(const cstar_session_store *store, scenario run) {
    static fixture f;
    start(&f, &(cstar_session_opts){.secrets = secrets, .store = store});
    run(&f);
    end(&f);
}

static void with_sqlite(scenario run) {
    char path[] = "/tmp/cstar-session-XXXXXX";
    cstar_session_store store;
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    const cstar_status rc = cstar_session_sqlite(
        &(cstar_session_sqlite_opts){.path = path, .wait_ms = 20000}, &store, NULL);
    if (rc != CSTAR_ENOTSUP) {
        assert_int_equal(rc, CSTAR_OK);
        run_with(&store, run);
    }
    assert_int_equal(unlink(path), 0);
}

static void with_store(scenario run) {
    cstar_app *probe = cstar_app_new();
    const cstar_status rc = cstar_sessions(probe, .secrets = secrets);
    cstar_app_free(probe);
    if (rc == CSTAR_ENOTSUP) {
        skip();
    }
    const cstar_session_store store = cstar_session_memory(0);
    run_with(&store, run);
    with_sqlite(run);
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

/* The same secrets out of the environment; without any, one that nobody has had before. */
static void test_environment(void **state) {
    (void)state;
    static fixture f;
    static const struct {
        const char *before, *after;
        bool known;
    } cases[] = {
        {"a-first-secret-of-at-least-32-bytes!", "a-first-secret-of-at-least-32-bytes!", true},
        {"a-first-secret-of-at-least-32-bytes!",
         "  a-newer-secret-of-at-least-32-bytes\n\ta-first-secret-of-at-least-32-bytes!\n", true},
        {"a-first-secret-of-at-least-32-bytes!", "a-newer-secret-of-at-least-32-bytes!", false},
        {NULL, NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char old[sizeof f.cookie];
        (void)unsetenv("TEST_SECRET");
        (void)(cases[i].before != NULL && setenv("TEST_SECRET", cases[i].before, 1));
        start(&f, &(cstar_session_opts){.secrets_env = "TEST_SECRET"});
        (void)get(&f, "GET", "/login?user=ada");
        check(&f, "/", "user=ada n=7 ok=1");
        memcpy(old, f.cookie, sizeof old);
        end(&f);
        (void)(cases[i].after != NULL && setenv("TEST_SECRET", cases[i].after, 1));
        start(&f, &(cstar_session_opts){.secrets_env = "TEST_SECRET"});
        memcpy(f.cookie, old, sizeof old);
        check(&f, "/", cases[i].known ? "user=ada n=7 ok=1" : "user=- n=-1 ok=0");
        end(&f);
    }
    (void)unsetenv("TEST_SECRET");
}

#define WORDS(n)                                                                                   \
    ("secret: TEST_SECRET has " n " words, white space separates them; 1 to 8 secrets of at "      \
     "least 32 bytes are needed")
#define SHORT(which)                                                                               \
    ("secret: TEST_SECRET: word " which                                                            \
     ", white space separates them, has 5 bytes; at least 32 are needed")

static void bad_environment(const char *text, const char *why) {
    (void)setenv("TEST_SECRET", text, 1);
    cstar_app *app = cstar_app_new();
    assert_int_equal(cstar_sessions(app, .secrets_env = "TEST_SECRET"), CSTAR_EINVAL);
    assert_string_equal(app->err.text, why);
    cstar_app_free(app);
    (void)unsetenv("TEST_SECRET");
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
    assert_int_equal(webdrive_status(answer), 500);
    assert_null(strstr(answer, "set-cookie"));
    assert_non_null(strstr(f.drive.log, "more than a cookie can hold"));
    end(&f);
}

static void run_values(fixture *f) {
    check(f, "/number", "7");
    check(f, "/deep", "deep");
    check(f, "/", "user=- n=3 ok=0");
}

static void test_values(void **state) {
    (void)state;
    with_cookies(run_values);
    with_store(run_values);
}

static void run_streamed(fixture *f) {
    const char *answer = get(f, "GET", "/streaming");
    assert_int_equal(webdrive_status(answer), 200);
    assert_non_null(strstr(answer, "cache-control: no-cache, no-transform, private\r\n"));
    assert_non_null(strstr(answer, "streamed"));
    assert_int_equal(late_calls, 1); /* a misuse ends it */
    check(f, "/?flash=1", "user=streamed n=-1 ok=0 info:kept");
}

static void test_streamed(void **state) {
    (void)state;
    with_cookies(run_streamed);
    with_store(run_streamed);
}

/* ---- caches ---- */

static void check_cache(fixture *f, const char *query, const char *expected) {
    char target[128];
    (void)snprintf(target, sizeof target, "/cached?%s", query);
    const char *answer = get(f, "GET", target);
    const char *at = strstr(answer, "cache-control: ");
    const size_t len = at != NULL ? strcspn(at, "\r") : 0;
    if (len != strlen(expected) || strncmp(at != NULL ? at : "", expected, len) != 0 ||
        (at != NULL && strstr(at + 1, "cache-control: ") != NULL)) {
        print_error("%s: %.*s\n", query, (int)len, at != NULL ? at : "");
        fail();
    }
}

static void run_caches(fixture *f) {
    check_cache(f, "", "");
    check_cache(f, "say=public", "cache-control: public");
    check_cache(f, "read=1", "cache-control: private");
    check_cache(f, "read=1&say=public,+max-age=60", "cache-control: public, max-age=60");
    check_cache(f, "write=1", "cache-control: private");
    check_cache(f, "write=1&say=public,+max-age=60,S-MaxAge=9",
                "cache-control: max-age=60, private");
    check_cache(f, "write=1&say=no-store", "cache-control: no-store");
    check_cache(f, "write=1&say=Private,max-age=1", "cache-control: Private, max-age=1");
    check_cache(f, "write=1&say=no-cache", "cache-control: no-cache, private");
    check_cache(f, "write=1&fail=1&say=public", "cache-control: private");
    check_cache(f, "fail=1&say=public", "");
}

static void test_caches(void **state) {
    (void)state;
    with_cookies(run_caches);
}

/* ---- a store that fails ---- */

static struct {
    cstar_session_store inner;
    cstar_status load, save, remove;
} broken;

static char loaded[64]; /* the id */

static cstar_status broken_load(void *ctx, cstar_str id, int64_t at, cstar_buf *out) {
    (void)snprintf(loaded, sizeof loaded, "%.*s", (int)id.len, id.ptr);
    return broken.load != CSTAR_OK ? broken.load : broken.inner.load(ctx, id, at, out);
}

static cstar_status broken_save(void *ctx, cstar_str id, cstar_str data, int64_t expires,
                                bool fresh) {
    return broken.save != CSTAR_OK ? broken.save : broken.inner.save(ctx, id, data, expires, fresh);
}

static cstar_status broken_remove(void *ctx, cstar_str id) {
    return broken.remove != CSTAR_OK ? broken.remove : broken.inner.remove(ctx, id);
}

/* Another request logs out while this one runs. */
static void slow(cstar_conn *conn) {
    (void)cstar_session_int(conn, "n", 0);
    (void)broken.inner.remove(broken.inner.ctx, cstar_cstr(loaded));
    cstar_session_set(conn, "n", 8);
    cstar_respond_text(conn, 200, "slow");
}

static void run_ended_meanwhile(fixture *f) {
    char before[sizeof f->cookie];
    cstar_route(f->app, CSTAR_GET, "/slow", slow);
    (void)get(f, "GET", "/login?user=ada");
    memcpy(before, f->cookie, sizeof before);
    const char *answer = get(f, "GET", "/slow");
    assert_int_equal(webdrive_status(answer), 200);
    assert_null(strstr(answer, "set-cookie"));
    memcpy(f->cookie, before, sizeof before);
    check(f, "/", "user=- n=-1 ok=0");
}

static void check_failure(fixture *f, const char *method, const char *target) {
    const char *answer = get(f, method, target);
    if (webdrive_status(answer) != 500) {
        print_error("%s %s: %s\n", method, target, answer);
        fail();
    }
    if (strstr(f->drive.log, "session: it could not be") == NULL) {
        print_error("%s %s: %s\n", method, target, f->drive.log);
        fail();
    }
    f->drive.log[0] = '\0';
}

static void run_broken(fixture *f) {
    (void)get(f, "GET", "/login?user=ada");
    broken.load = CSTAR_EIO;
    check_failure(f, "GET", "/");
    check_failure(f, "GET", "/logout");
    check_failure(f, "POST", "/page/_event/go");
    check_failure(f, "GET", "/streaming");
    assert_int_equal(webdrive_status(get(f, "GET", "/cached?read=1&fail=1")), 404);
    broken.load = CSTAR_OK;
    check(f, "/", "user=ada n=7 ok=1");
    broken.save = CSTAR_EIO;
    check_failure(f, "GET", "/login?user=eve");
    check_failure(f, "POST", "/page/_event/go");
    check_failure(f, "GET", "/streaming");
    broken.save = CSTAR_OK;
    check(f, "/", "user=ada n=7 ok=1"); /* the renewal that failed has ended nothing */
    broken.remove = CSTAR_EIO;
    check_failure(f, "GET", "/logout"); /* the store still knows the id */
    broken.remove = CSTAR_ENOENT;
    (void)get(f, "GET", "/login?user=ada");
    check(f, "/logout", "out");
    broken.remove = CSTAR_OK;
}

static void test_broken_store(void **state) {
    (void)state;
    static fixture f;
    broken.inner = cstar_session_memory(0);
    cstar_session_store store = broken.inner;
    store.load = broken_load;
    store.save = broken_save;
    store.remove = broken_remove;
    with_cookies(run_kept); /* skips without OpenSSL */
    start(&f, &(cstar_session_opts){.secrets = secrets, .store = &store});
    run_broken(&f);
    f.cookie[0] = '\0';
    run_ended_meanwhile(&f);
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
    /* set, and nothing in it: a mistake, and no secret is made */
    bad_environment("", WORDS("0"));
    bad_environment(" \n", WORDS("0"));
    bad_environment("a secret of 32 bytes or more, it is", WORDS("9"));
    bad_environment("short", SHORT("1 of 1"));
    bad_environment("a-first-secret-of-at-least-32-bytes! short", SHORT("2 of 2"));
}

static void test_memory_store(void **state) {
    (void)state;
    cstar_session_store s = cstar_session_memory(100);
    char id[44];
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 1000);
    for (int i = 0; i < 250; i++) {
        (void)snprintf(id, sizeof id, "%043d", i);
        assert_int_equal(s.save(s.ctx, cstar_cstr(id), cstar_cstr(id + 40), 1000, true), CSTAR_OK);
    }
    for (int i = 0; i < 250; i++) { /* the last hundred are there */
        (void)snprintf(id, sizeof id, "%043d", i);
        cstar_buf_reset(&out);
        assert_int_equal(s.load(s.ctx, cstar_cstr(id), 1000, &out),
                         i < 150 ? CSTAR_ENOENT : CSTAR_OK);
        assert_true(i < 150 || cstar_str_eq(cstar_buf_view(&out), cstar_cstr(id + 40)));
        assert_int_equal(s.load(s.ctx, cstar_cstr(id), 1001, &out), CSTAR_ENOENT);
    }
    assert_int_equal(s.save(s.ctx, cstar_cstr(id), CSTAR_STR("again"), 1000, false), CSTAR_OK);
    cstar_buf_reset(&out);
    assert_int_equal(s.load(s.ctx, cstar_cstr(id), 1000, &out), CSTAR_OK);
    assert_true(cstar_str_eq(cstar_buf_view(&out), CSTAR_STR("again")));
    assert_int_equal(s.remove(s.ctx, cstar_cstr(id)), CSTAR_OK);
    assert_int_equal(s.load(s.ctx, cstar_cstr(id), 1000, &out), CSTAR_ENOENT);
    assert_int_equal(s.remove(s.ctx, cstar_cstr(id)), CSTAR_OK);
    assert_int_equal(s.save(s.ctx, cstar_cstr(id), CSTAR_STR("again"), 1000, false), CSTAR_ENOENT);
    assert_int_equal(s.load(s.ctx, cstar_cstr(id), 1000, &out), CSTAR_ENOENT);
    cstar_buf_fini(&out);
    s.free(s.ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_expired),     cmocka_unit_test(test_spoiled),
        cmocka_unit_test(test_left_ids),    cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_https),       cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_values),      cmocka_unit_test(test_streamed),
        cmocka_unit_test(test_caches),      cmocka_unit_test(test_broken_store),
        cmocka_unit_test(test_bad_options), cmocka_unit_test(test_memory_store),
        cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
