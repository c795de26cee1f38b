/* test_router.c -- which route a path leads to.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "web/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A route is known by its kind. */
static void add(cstar__router *r, cstar__method method, const char *path, int kind) {
    cstar__route route = {.kind = kind};
    assert_int_equal(cstar__router_add(r, method, path, &route, NULL), CSTAR_OK);
}

static void build(cstar__router *r, const cstar_allocator *alloc) {
    cstar__router_init(r, alloc);
    add(r, CSTAR__GET, "/", 1);
    add(r, CSTAR__GET, "/items", 2);
    add(r, CSTAR__POST, "/items", 3);
    add(r, CSTAR__GET, "/items/new", 4);
    add(r, CSTAR__GET, "/items/:id", 5);
    add(r, CSTAR__DELETE, "/items/:item", 6);
    add(r, CSTAR__GET, "/items/:id/edit", 7);
    add(r, CSTAR__POST, "/p/_event/:event", 8);
    add(r, CSTAR__GET, "/a/:x/c/:y", 9);
    add(r, CSTAR__GET, "/caf\xC3\xA9/:z", 10);
    add(r, CSTAR__POST, "/items/:id/new", 11);
    add(r, CSTAR__GET, "/files/*path", 12);
    add(r, CSTAR__GET, "/files/own", 13);
    add(r, CSTAR__GET, "/files/:id/meta", 14);
    add(r, CSTAR__PUT, "/files/own/*path", 15);
    add(r, CSTAR__GET, "/:lang/docs/*page", 16);
}

static void paths_and_params(void **state) {
    (void)state;
    static const struct {
        cstar__method method;
        const char *path;
        int kind; /* 0: none */
        const char *params;
    } cases[] = {
        {CSTAR__GET, "/", 1, ""},
        {CSTAR__GET, "/items", 2, ""},
        {CSTAR__GET, "/items/", 2, ""},
        {CSTAR__POST, "/items", 3, ""},
        {CSTAR__GET, "/items/new", 4, ""},
        {CSTAR__GET, "/items/%6eew", 4, ""},
        {CSTAR__GET, "/items/42", 5, "id=42;"},
        {CSTAR__HEAD, "/items/42", 5, "id=42;"},
        {CSTAR__DELETE, "/items/42", 6, "item=42;"},
        {CSTAR__DELETE, "/items/new", 6, "item=new;"}, /* the literal has no DELETE */
        {CSTAR__GET, "/items/42/edit", 7, "id=42;"},
        {CSTAR__GET, "/items/new/edit", 7, "id=new;"}, /* back from the literal */
        {CSTAR__POST, "/p/_event/a%2Fb%252f%E6%9D%B1%E4%BA%AC", 8,
         "event=a/b%2f\xE6\x9D\xB1\xE4\xBA\xAC;"},
        {CSTAR__POST, "/p/_event/a+b", 8, "event=a+b;"},
        {CSTAR__POST, "/p/_event/%ZZ", 8, "event=%ZZ;"},
        {CSTAR__POST, "/p/_event/..", 8, "event=..;"},
        {CSTAR__GET, "/a/1/c/2", 9, "x=1;y=2;"},
        {CSTAR__GET, "/caf%C3%A9/1", 10, "z=1;"},
        {CSTAR__GET, "/items//edit", 0, ""},
        {CSTAR__GET, "//items", 0, ""},
        {CSTAR__GET, "/items//", 0, ""},
        {CSTAR__GET, "/Items", 0, ""},
        {CSTAR__GET, "/items/42/edit/more", 0, ""},
        {CSTAR__GET, "/items/%FF", 0, ""},   /* no UTF-8 */
        {CSTAR__GET, "/items/a%00b", 0, ""}, /* a NUL would cut it */
        {CSTAR__GET, "/items%2Fnew", 0, ""},
        {CSTAR__GET, "/files", 12, "path=;"},
        {CSTAR__HEAD, "/files/", 12, "path=;"},
        {CSTAR__GET, "/files/a", 12, "path=a;"},
        {CSTAR__GET, "/%66iles/a%2Fb/c%20d/", 12, "path=a%2Fb/c%20d/;"}, /* raw */
        {CSTAR__GET, "/files//a//", 12, "path=/a//;"},
        {CSTAR__GET, "/files/../..", 12, "path=../..;"},
        {CSTAR__GET, "/files/own", 13, ""},
        {CSTAR__GET, "/files/own/", 13, ""},
        {CSTAR__GET, "/files/own/more", 12, "path=own/more;"}, /* the longer rest has no GET */
        {CSTAR__PUT, "/files/own", 15, "path=;"},
        {CSTAR__PUT, "/files/own/a/b", 15, "path=a/b;"},
        {CSTAR__GET, "/files/7/meta", 14, "id=7;"},
        {CSTAR__GET, "/files/own/meta", 14, "id=own;"},
        {CSTAR__GET, "/files/%FF/meta", 12, "path=%FF/meta;"},
        {CSTAR__GET, "/files/\xFF", 0, ""},
        {CSTAR__POST, "/files/a", 0, ""},
        {CSTAR__GET, "/filesystem", 0, ""},
        {CSTAR__GET, "/en/docs/a/b", 16, "lang=en;page=a/b;"},
        {CSTAR__GET, "/files/docs/a", 12, "path=docs/a;"}, /* the literal comes first */
        {CSTAR__PUT, "/items", 0, ""},
        {CSTAR__GET, "", 0, ""},
        {CSTAR__GET, "items", 0, ""},
        {CSTAR__GET, "*", 0, ""},
    };
    cstar__router r;
    build(&r, cstar_heap());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar_arena scratch;
        cstar__match m;
        char params[128] = "";
        cstar_arena_init(&scratch, cstar_heap(), 0);
        assert_int_equal(
            cstar__router_find(&r, cases[i].method, cstar_cstr(cases[i].path), &scratch, &m),
            CSTAR_OK);
        int kind = m.route != NULL ? m.route->kind : 0;
        for (unsigned p = 0; m.route != NULL && p < m.route->nparams; p++) {
            size_t at = strlen(params);
            (void)snprintf(params + at, sizeof params - at, "%s=%s;", m.route->params[p].ptr,
                           m.values[p].ptr);
        }
        if (kind != cases[i].kind || strcmp(params, cases[i].params) != 0) {
            print_error("%s: got %d %s, expected %d %s\n", cases[i].path, kind, params,
                        cases[i].kind, cases[i].params);
            fail();
        }
        cstar_arena_fini(&scratch);
    }
    cstar__router_fini(&r);
}

static void other_methods_are_named(void **state) {
    (void)state;
    cstar__router r;
    cstar_arena scratch;
    cstar__match m;
    char text[64];
    build(&r, cstar_heap());
    cstar_arena_init(&scratch, cstar_heap(), 0);
    assert_int_equal(cstar__router_find(&r, CSTAR__PUT, CSTAR_STR("/items"), &scratch, &m),
                     CSTAR_OK);
    assert_null(m.route);
    assert_true(cstar_str_eq(cstar__allow_text(m.allowed, text), CSTAR_STR("GET, HEAD, POST")));
    assert_int_equal(cstar__router_find(&r, CSTAR__PUT, CSTAR_STR("/items/new"), &scratch, &m),
                     CSTAR_OK);
    assert_true(cstar_str_eq(cstar__allow_text(m.allowed, text), CSTAR_STR("GET, HEAD, DELETE")));
    assert_int_equal(cstar__router_find(&r, CSTAR__PUT, CSTAR_STR("/nowhere"), &scratch, &m),
                     CSTAR_OK);
    assert_int_equal(m.allowed, 0);
    assert_int_equal(cstar__router_find(&r, CSTAR__POST, CSTAR_STR("/files/own/x"), &scratch, &m),
                     CSTAR_OK);
    assert_null(m.route);
    assert_true(cstar_str_eq(cstar__allow_text(m.allowed, text), CSTAR_STR("GET, HEAD, PUT")));
    cstar_arena_fini(&scratch);
    cstar__router_fini(&r);
}

static void bad_routes_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *path;
        cstar_status status;
    } cases[] = {
        {NULL, CSTAR_EINVAL},
        {"", CSTAR_EINVAL},
        {"items", CSTAR_EINVAL},
        {"//", CSTAR_EINVAL},
        {"/a//b", CSTAR_EINVAL},
        {"/:", CSTAR_EINVAL},
        {"/:a/:a", CSTAR_EINVAL},
        {"/items", CSTAR_EDUP},
        {"/items/", CSTAR_EDUP},
        {"/items/:other", CSTAR_EDUP},
        {"/:a/:b/:c/:d/:e/:f/:g/:h/:i", CSTAR_ELIMIT},
        {"/*", CSTAR_EINVAL},
        {"/x/*", CSTAR_EINVAL},
        {"/x/*rest/y", CSTAR_EINVAL},
        {"/x/*rest/", CSTAR_EINVAL},
        {"/:a/*a", CSTAR_EINVAL},
        {"/files/*other", CSTAR_EDUP},
    };
    cstar__router r;
    build(&r, cstar_heap());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar_err err = {0};
        cstar__route route = {.kind = 1};
        assert_int_equal(cstar__router_add(&r, CSTAR__GET, cases[i].path, &route, &err),
                         cases[i].status);
        assert_string_equal(err.where, "path");
    }
    cstar__router_fini(&r);
}

static void very_long_paths_end(void **state) {
    (void)state;
    char path[4001];
    for (size_t i = 0; i < 4000; i += 2) {
        memcpy(path + i, "/a", 2);
    }
    path[4000] = '\0';
    cstar__router r;
    cstar_arena scratch;
    cstar__match m;
    build(&r, cstar_heap());
    cstar_arena_init(&scratch, cstar_heap(), 0);
    assert_int_equal(cstar__router_find(&r, CSTAR__GET, cstar_cstr(path), &scratch, &m), CSTAR_OK);
    assert_null(m.route);
    add(&r, CSTAR__GET, "/a/*rest", 20); /* takes them all, however many they are */
    assert_int_equal(cstar__router_find(&r, CSTAR__GET, cstar_cstr(path), &scratch, &m), CSTAR_OK);
    assert_int_equal(m.route->kind, 20);
    assert_int_equal(m.values[0].len, 4000 - 3);
    cstar_arena_fini(&scratch);
    cstar__router_fini(&r);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    for (size_t n = 1; n < 10; n++) {
        failalloc f;
        failalloc_init(&f, n);
        cstar__router r;
        cstar__router_init(&r, &f.alloc);
        cstar__route route = {.kind = 1};
        for (int i = 0; i < 100; i++) {
            char path[32];
            (void)snprintf(path, sizeof path, "/path/%d/%cparam", i, i % 2 == 0 ? ':' : '*');
            cstar_status rc = cstar__router_add(&r, CSTAR__GET, path, &route, NULL);
            assert_true(rc == CSTAR_OK || rc == CSTAR_ENOMEM);
        }
        failalloc g;
        failalloc_init(&g, n);
        cstar_arena scratch;
        cstar__match m;
        cstar_arena_init(&scratch, &g.alloc, 0);
        cstar_status rc = cstar__router_find(&r, CSTAR__GET, CSTAR_STR("/path/7/x"), &scratch, &m);
        assert_true(rc == (n == 1 ? CSTAR_ENOMEM : CSTAR_OK));
        cstar_arena_fini(&scratch);
        cstar__router_fini(&r);
        assert_int_equal(f.live_blocks + g.live_blocks, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_and_params),          cmocka_unit_test(other_methods_are_named),
        cmocka_unit_test(bad_routes_are_refused),    cmocka_unit_test(very_long_paths_end),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
