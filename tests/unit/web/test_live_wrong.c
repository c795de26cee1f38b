/* test_live_wrong.c -- streams that begin badly: two kinds of them asked for by one conn, which gets one;
 * a connection that takes nothing now.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memmem() */
#include "support/failalloc.h"
#include "support/webdrive.h"
#include "web/live.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static cstar_status said;
static int over;

/* ---- the app ---- */

static void disconnect(cstar_conn *conn) {
    (void)conn;
    over++;
}

static cstar_next subscribe(cstar_conn *conn, void *arg) {
    (void)arg;
    said = cstar_subscribe(conn, "news");
    return CSTAR_WAIT;
}

static void late(cstar_conn *conn) { cstar_stream(conn, subscribe); }

static cstar_next end(cstar_conn *conn, void *arg) {
    (void)conn, (void)arg;
    return CSTAR_END;
}

static void both(cstar_conn *conn) {
    cstar_live(conn, .disconnect = disconnect);
    said = cstar_stream(conn, end);
}

static void greet(cstar_conn *conn) {
    char text[1001];
    uint32_t n = 1;
    for (size_t i = 0; i < sizeof text - 1; i++) { /* compresses badly */
        n = n * 1664525u + 1013904223u;
        text[i] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"[n >> 26];
    }
    text[sizeof text - 1] = '\0';
    said = cstar_live(conn, .disconnect = disconnect);
    cstar_subscribe(conn, "news");
    cstar_signal(conn, "first", text);
}

static const char *ask(const char *path, failalloc *f, webdrive *d, cstar_app **app) {
    failalloc_init(f, 0);
    said = CSTAR_OK;
    over = 0;
    *app = cstar_app_new_with(&f->alloc);
    assert_non_null(*app);
    cstar_route(*app, CSTAR_GET, "/late", late);
    cstar_route(*app, CSTAR_GET, "/both", both);
    cstar_route(*app, CSTAR_GET, "/greet", greet);
    webdrive_init(d, *app, &f->alloc);
    return webdrive_request(d, "GET", path, NULL);
}

static void close_all(failalloc *f, webdrive *d, cstar_app *app) {
    webdrive_fini(d);
    cstar_app_free(app);
    assert_int_equal(f->live_blocks, 0);
}

/* ---- tests ---- */

static void a_stream_of_another_kind_can_not_subscribe(void **state) {
    (void)state;
    failalloc f;
    webdrive d;
    cstar_app *app = NULL;
    assert_int_equal(webdrive_status(ask("/late", &f, &d, &app)), 200);
    assert_int_equal(said, CSTAR_ESTATE);
    assert_int_equal(cstar_publish_signals(app, "news", "{\"a\":1}"), CSTAR_OK);
    (void)cstar__app_open_mail(app, 0);
    close_all(&f, &d, app);
}

static void one_stream_for_a_conn(void **state) {
    (void)state;
    failalloc f;
    webdrive d;
    cstar_app *app = NULL;
    assert_int_equal(webdrive_status(ask("/both", &f, &d, &app)), 200);
    assert_int_equal(said, CSTAR_ESTATE);
    assert_int_equal(over, 0);
    close_all(&f, &d, app);
    assert_int_equal(over, 1);
}

/* What others have in the connection leaves room for the head alone. */
static void a_connection_that_is_full(const char *fields) {
    failalloc f;
    webdrive d;
    cstar_app *app = NULL;
    (void)ask("/none", &f, &d, &app);
    const size_t limit = d.out.limit;
    d.out.limit = fields == NULL ? 1150 : 900;
    d.fields = fields;
    assert_int_equal(webdrive_status(webdrive_request(&d, "GET", "/greet", NULL)), 200);
    assert_int_equal(cstar_publish_signals(app, "news", "{\"second\":1}"), CSTAR_OK);
    (void)cstar__app_open_mail(app, 0);
    assert_int_equal(over, 0);
    const bool began = memmem(d.out.ptr, d.out.len, "\r\n\x1f\x8b\x08", 5) != NULL;
    d.out.limit = limit;
    cstar_buf_reset(&d.out);
    assert_int_equal(cstar__h1_resume(&d.machine), CSTAR_OK);
    cstar_buf_byte(&d.out, '\0');
    const char *first = strstr(d.out.ptr, "first");
    if (fields == NULL) {
        assert_non_null(first);
        assert_non_null(strstr(first, "second"));
    } else {
        assert_true(began); /* gzip's head, which is short, found a place */
        assert_null(memmem(d.out.ptr, d.out.len, "\x1f\x8b\x08", 3));
        assert_true(d.out.len > 700);
    }
    close_all(&f, &d, app);
    assert_int_equal(over, 1);
}

static void what_is_first_waits(void **state) {
    (void)state;
    a_connection_that_is_full(NULL);
}

static void what_is_first_waits_gzip(void **state) {
    (void)state;
    a_connection_that_is_full("Accept-Encoding: gzip\r\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_first_waits),
        cmocka_unit_test(what_is_first_waits_gzip),
        cmocka_unit_test(a_stream_of_another_kind_can_not_subscribe),
        cmocka_unit_test(one_stream_for_a_conn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
