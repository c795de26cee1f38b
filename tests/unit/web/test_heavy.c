/* test_heavy.c -- what open streams keep of large requests is bounded.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/webdrive.h"
#include "web/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ZEROS = 50000 }; /* a page's signals: 100 KB of text, some 4 MB when they are read */

static int told;

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p id='p'></p>");
}

static void connect_page(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    assert_int_equal(cstar_subscribe(conn, "news"), CSTAR_OK);
}

static void disconnect(cstar_conn *conn) {
    (void)conn;
    told++;
}

CSTAR_PAGE(quiet, .render = render, .connect = connect_page);
CSTAR_PAGE(watched, .render = render, .connect = connect_page, .disconnect = disconnect);

typedef struct fixture {
    cstar_app *app;
    char *body;
    webdrive d[8];
    size_t n;
} fixture;

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->app = cstar_app_new();
    f->body = malloc(2 * ZEROS + 16);
    assert_non_null(f->body);
    char *p = f->body + sprintf(f->body, "{\"a\":[0");
    for (int i = 1; i < ZEROS; i++, p += 2) {
        memcpy(p, ",0", 2);
    }
    memcpy(p, "]}", 3);
    cstar_page(f->app, "/quiet", &quiet);
    cstar_page(f->app, "/watched", &watched);
    f->app->max_stream_memory = (size_t)6 << 20;
    told = 0;
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    while (f->n != 0) {
        webdrive_fini(&f->d[--f->n]);
    }
    assert_int_equal(f->app->stream_memory, 0);
    cstar_app_free(f->app);
    free(f->body);
    free(f);
    return 0;
}

static const char *open_stream(fixture *f, const char *path, const char *body) {
    webdrive *d = &f->d[f->n++];
    webdrive_init(d, f->app, cstar_heap());
    return webdrive_request(d, "POST", path, body);
}

static void the_limit_is_of_all_together(void **state) {
    fixture *f = *state;
    assert_int_equal(webdrive_status(open_stream(f, "/watched", f->body)), 200);
    const size_t one = f->app->stream_memory;
    assert_true(one > 2 * ZEROS && one < f->app->max_stream_memory);

    f->app->development = true;
    const char *answer = open_stream(f, "/watched", f->body);
    assert_int_equal(webdrive_status(answer), 503);
    assert_non_null(strstr(answer, "max_stream_memory")); /* also behind `disconnect` */
    assert_non_null(strstr(answer, "etry-after: 1\r\n"));
    assert_null(strstr(answer, "event-stream"));
    assert_int_equal(told, 1); /* `connect` has run */
    assert_int_equal(f->app->stream_memory, one);

    webdrive_fini(&f->d[--f->n]);
    webdrive_fini(&f->d[--f->n]);
    assert_int_equal(told, 2);
    assert_int_equal(f->app->stream_memory, 0);
    assert_int_equal(webdrive_status(open_stream(f, "/watched", f->body)), 200);
}

static void small_ones_and_quiet_ones_do_not_count(void **state) {
    fixture *f = *state;
    assert_int_equal(webdrive_status(open_stream(f, "/watched", f->body)), 200);
    const size_t one = f->app->stream_memory;
    assert_int_equal(webdrive_status(open_stream(f, "/watched", "{}")), 200);
    assert_int_equal(f->app->stream_memory, one);
    assert_int_equal(webdrive_status(open_stream(f, "/quiet", "{}")), 200);
    assert_int_equal(webdrive_status(open_stream(f, "/quiet", f->body)), 503); /* until it is */
    assert_int_equal(f->app->stream_memory, one);
    f->app->max_stream_memory = (size_t)64 << 20;
    assert_int_equal(webdrive_status(open_stream(f, "/quiet", f->body)), 200);
    assert_int_equal(f->app->stream_memory, one);
}

/* Wherever it fails, on the way to a stream or to a quiet one. */
static void nothing_is_counted_in_the_end(void **state) {
    static const char *const paths[] = {"/watched", "/quiet"};
    const fixture *f = *state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        unsigned failed = 1;
        for (unsigned n = 1; failed != 0; n++) {
            failalloc fail;
            webdrive d;
            failalloc_init(&fail, 0);
            webdrive_init(&d, f->app, &fail.alloc);
            f->app->alloc = &fail.alloc;
            fail.fail_at = fail.calls + n;
            (void)webdrive_request(&d, "POST", paths[i], f->body);
            failed = fail.calls >= fail.fail_at;
            webdrive_fini(&d);
            f->app->alloc = cstar_heap();
            assert_int_equal(f->app->stream_memory, 0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_limit_is_of_all_together, setup, teardown),
        cmocka_unit_test_setup_teardown(small_ones_and_quiet_ones_do_not_count, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_counted_in_the_end, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
