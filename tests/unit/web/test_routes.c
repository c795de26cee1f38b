/* test_routes.c -- the list of an app's routes: each of them once, in order, with what answers it.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "web/app.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static void about(cstar_conn *conn) { cstar_respond_text(conn, 200, "about"); }
static void item(cstar_conn *conn) { cstar_respond_text(conn, 200, "item"); }
static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p>page</p>");
}
static void handle(cstar_conn *conn, const cstar_signals *in) {
    (void)conn;
    (void)in;
}

CSTAR_PAGE(home, .render = render, .events = CSTAR_EVENTS({"add", handle}, {"row:*", handle}));
CSTAR_PAGE(quiet, .render = render);
CSTAR_COMPONENT(drawer, .name = "drawer", .events = CSTAR_EVENTS({"save", handle}));
CSTAR_COMPONENT(menu, .name = "menu", .events = CSTAR_EVENTS({"*", handle}));
CSTAR_CONTROLLER(counter) {
    (void)conn;
    (void)event;
    (void)in;
}

static cstar_app *make_app(const cstar_allocator *alloc) {
    cstar_app *app = cstar_app_new_with(alloc);
    if (app == NULL) {
        return NULL;
    }
    (void)cstar_page(app, "/", &home);
    (void)cstar_route(app, CSTAR_GET, "/about/", about);
    (void)cstar_route(app, CSTAR_GET, "/items/:id", item);
    (void)cstar_route(app, CSTAR_DELETE, "/items/:id", item, .max_body = 10);
    (void)cstar_app_route(app, CSTAR_PUT, "/unnamed", &(cstar_route_opts){.handler = about});
    (void)cstar_components(app, "/ds", &drawer);
    (void)cstar_page(app, "/quiet", &quiet);
    (void)cstar_components(app, "/ds/", &menu); /* of the base above */
    (void)cstar_controllers(app, "/ds");
    (void)cstar_static(app, "/assets/", "src");
    return app;
}

#define ANY "POST,GET,PUT,PATCH,DELETE"

static const struct {
    const char *methods, *path, *kind, *name, *event; /* the first of its events */
} expected[] = {
    {"GET", "/", "page", "home", NULL},
    {ANY, "/_event/:event", "event", "home", "add"},
    {"GET", "/about", "route", "about", NULL},
    {"GET", "/items/:id", "route", "item", NULL},
    {"DELETE", "/items/:id", "route", "item", NULL},
    {"PUT", "/unnamed", "route", NULL, NULL},
    {ANY, "/ds/:module/:event", "component", "drawer", "save"},
    {ANY, "/ds/:module/:event", "component", "menu", "*"},
    {ANY, "/ds/:module/:event", "controller", "counter", NULL},
    {"GET", "/quiet", "page", "quiet", NULL},
    {"GET", "/assets/*path", "files", NULL, NULL},
};
#define NEXPECTED (sizeof expected / sizeof *expected)

static void same_text(const char *a, const char *b) {
    if (a == NULL || b == NULL) {
        assert_ptr_equal(a, b);
    } else {
        assert_string_equal(a, b);
    }
}

static bool compare(void *arg, const cstar_route_info *info) {
    size_t *n = arg;
    assert_true(*n < NEXPECTED);
    assert_string_equal(info->methods, expected[*n].methods);
    assert_string_equal(info->path, expected[*n].path);
    assert_string_equal(cstar_route_kind_name(info->kind), expected[*n].kind);
    same_text(info->name, expected[*n].name);
    same_text(info->events != NULL ? info->events[0].name : NULL, expected[*n].event);
    ++*n;
    return true;
}

static void test_list(void **state) {
    (void)state;
    size_t n = 0;
    cstar_app *app = make_app(cstar_heap());
    assert_non_null(app);
    cstar_app_routes(app, compare, &n);
    assert_int_equal(n, NEXPECTED);
    cstar_app_free(app);
}

static bool stop_at(void *arg, const cstar_route_info *info) {
    int *left = arg;
    (void)info;
    return --*left > 0;
}

/* Wherever it is, also among the components of one base. */
static void test_stop(void **state) {
    (void)state;
    cstar_app *app = make_app(cstar_heap());
    for (int want = 1; want <= (int)NEXPECTED; want++) {
        int left = want;
        cstar_app_routes(app, stop_at, &left);
        assert_int_equal(left, 0);
    }
    cstar_app_free(app);
}

static bool never(void *arg, const cstar_route_info *info) {
    (void)arg;
    fail_msg("%s", info->path);
    return true;
}

static bool count(void *arg, const cstar_route_info *info) {
    (void)info;
    ++*(size_t *)arg;
    return true;
}

/* None; and of one that was refused there is no trace. */
static void test_none(void **state) {
    (void)state;
    size_t n = 0;
    cstar_app *app = cstar_app_new();
    cstar_app_routes(app, never, NULL);
    assert_int_equal(cstar_route(app, CSTAR_GET, "no-slash", about), CSTAR_EINVAL);
    assert_int_equal(cstar_route(app, CSTAR_GET, "/a//b", about), CSTAR_EINVAL);
    cstar_app_routes(app, never, NULL);
    assert_int_equal(cstar_route(app, CSTAR_GET, "/a", about), CSTAR_OK);
    assert_int_equal(cstar_route(app, CSTAR_GET, "/a/", item), CSTAR_EDUP);
    cstar_app_routes(app, count, &n);
    assert_int_equal(n, 1);
    assert_string_equal(cstar_route_kind_name((cstar_route_kind)99), "");
    cstar_app_free(app);
}

static void test_table(void **state) {
    (void)state;
    cstar_buf out;
    cstar_app *app = cstar_app_new();
    cstar_buf_init(&out, cstar_heap(), 4096);
    (void)cstar_page(app, "/", &home);
    (void)cstar_route(app, CSTAR_GET, "/about", about);
    assert_int_equal(cstar__routes_print(app, &out), CSTAR_OK);
    cstar_buf_byte(&out, '\0');
    assert_string_equal(out.ptr,
                        "GET                        /               page        home\n"
                        "POST,GET,PUT,PATCH,DELETE  /_event/:event  event       home: add, row:*\n"
                        "GET                        /about          route       about\n");
    cstar_buf_fini(&out);
    cstar_buf_init(&out, cstar_heap(), 10);
    assert_int_equal(cstar__routes_print(app, &out), CSTAR_ELIMIT);
    cstar_buf_fini(&out);
    cstar_app_free(app);
}

/* --routes: 0, or 1 for an app that would not be served. The table itself goes elsewhere here. */
static void test_flag(void **state) {
    (void)state;
    char program[] = "app";
    char flag[] = "--routes";
    char *argv[] = {program, flag, NULL};
    const int out = dup(STDOUT_FILENO);
    const int err = dup(STDERR_FILENO);
    assert_true(freopen("/dev/null", "w", stdout) != NULL);
    assert_true(freopen("/dev/null", "w", stderr) != NULL);
    const int good = cstar_main(make_app(cstar_heap()), 2, argv);
    cstar_app *app = make_app(cstar_heap());
    (void)cstar_route(app, CSTAR_GET, "no-slash", about);
    const int bad = cstar_main(app, 2, argv);
    (void)fflush(stdout);
    (void)fflush(stderr);
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(err, STDERR_FILENO);
    (void)close(out);
    (void)close(err);
    assert_int_equal(good, 0);
    assert_int_equal(bad, 1);
}

/* A list that was begun when memory ran out is still one. */
static void test_out_of_memory(void **state) {
    (void)state;
    failalloc a;
    bool whole = false;
    for (size_t at = 0; !whole; at++) {
        size_t n = 0;
        failalloc_init(&a, at + 1);
        cstar_app *app = make_app(&a.alloc);
        if (app != NULL) {
            cstar_app_routes(app, count, &n);
            whole = app->err.code == CSTAR_OK;
            assert_true(n <= NEXPECTED && (!whole || n == NEXPECTED));
        }
        cstar_app_free(app);
        assert_int_equal(a.live_blocks, 0);
        assert_true(at < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list), cmocka_unit_test(test_stop),
        cmocka_unit_test(test_none), cmocka_unit_test(test_table),
        cmocka_unit_test(test_flag), cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
