/* test_threads.c -- threads of an app: they begin with the server, and it does not end before them.
 * ctest: labels=threads
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "web/live.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { HOUR = 3600 * 1000 };

static const cstar_serve_opts somewhere = {.listen = "127.0.0.1:0"};

/* What the threads do is looked at behind cstar_serve(), which has joined them. */
static int begun, ended, turns;
static cstar_status inner;

static void set_up_counters(void) {
    begun = 0;
    ended = 0;
    turns = 0;
    inner = CSTAR_OK;
}

static void serve(cstar_app *app) {
    cstar_err err = {0};
    assert_int_equal(cstar_serve(app, &somewhere, &err), CSTAR_OK);
}

/* ---- threads ---- */

static void sleep_for_an_hour(cstar_app *app) {
    __atomic_add_fetch(&begun, 1, __ATOMIC_SEQ_CST);
    while (cstar_sleep(app, HOUR)) {
    }
    __atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
}

static void stop_it(cstar_app *app) {
    inner = cstar_thread(app, stop_it);
    while (__atomic_load_n(&begun, __ATOMIC_SEQ_CST) < 2 && cstar_sleep(app, 1)) {
    }
    cstar_stop(app);
}

static void publish_until_the_end(cstar_app *app) {
    while (cstar_sleep(app, 0)) {
        assert_int_equal(cstar_publish_signal(app, "t", "n", turns), CSTAR_OK);
        if (++turns == 100) {
            cstar_stop(app);
        }
    }
    assert_int_equal(cstar_publish_signal(app, "t", "n", 0), CSTAR_OK); /* it is still there */
    assert_false(cstar_sleep(app, HOUR));
    ended++;
}

/* ---- tests ---- */

static void they_return_before_serving_does(void **state) {
    (void)state;
    set_up_counters();
    cstar_app *app = cstar_app_new();
    assert_int_equal(cstar_thread(app, sleep_for_an_hour), CSTAR_OK);
    assert_int_equal(cstar_thread(app, sleep_for_an_hour), CSTAR_OK);
    assert_int_equal(cstar_thread(app, stop_it), CSTAR_OK);
    serve(app);
    assert_int_equal(ended, 2);
    assert_int_equal(inner, CSTAR_ESTATE);
    serve(app); /* and once more: they begin again */
    assert_int_equal(ended, 4);
    cstar_app_free(app);
}

static void they_may_publish_while_they_live(void **state) {
    (void)state;
    set_up_counters();
    cstar_app *app = cstar_app_new();
    assert_int_equal(cstar_thread(app, publish_until_the_end), CSTAR_OK);
    serve(app);
    assert_true(turns >= 100);
    assert_int_equal(ended, 1);
    cstar_app_free(app);
}

static void none_begins_without_a_server(void **state) {
    (void)state;
    set_up_counters();
    cstar_err err = {0};
    cstar_app *app = cstar_app_new();
    assert_false(cstar_sleep(app, HOUR));
    assert_int_equal(cstar_thread(app, sleep_for_an_hour), CSTAR_OK);
    assert_int_equal(cstar_serve(app, &(cstar_serve_opts){.listen = "nowhere"}, &err),
                     CSTAR_EINVAL);
    assert_int_equal(begun, 0);
    cstar_app_free(app);
}

static void no_function_is_a_mistake_that_is_said(void **state) {
    (void)state;
    cstar_err err = {0};
    cstar_app *app = cstar_app_new();
    assert_int_equal(cstar_thread(app, NULL), CSTAR_EINVAL);
    assert_int_equal(cstar_serve(app, &somewhere, &err), CSTAR_EINVAL);
    assert_non_null(strstr(err.text, "thread"));
    cstar_app_free(app);
}

static void out_of_memory_is_said(void **state) {
    (void)state;
    bool failed = false;
    for (size_t n = 1;; n++) {
        failalloc fa;
        failalloc_init(&fa, n);
        cstar_app *app = cstar_app_new_with(&fa.alloc);
        if (app != NULL) {
            const cstar_status rc = cstar_thread(app, sleep_for_an_hour);
            assert_true(rc == CSTAR_OK || rc == CSTAR_ENOMEM);
            failed = failed || rc == CSTAR_ENOMEM;
            cstar_app_free(app);
        }
        assert_int_equal(fa.live_blocks, 0);
        if (fa.calls < n) {
            break;
        }
    }
    assert_true(failed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_return_before_serving_does),
        cmocka_unit_test(they_may_publish_while_they_live),
        cmocka_unit_test(none_begins_without_a_server),
        cmocka_unit_test(no_function_is_a_mistake_that_is_said),
        cmocka_unit_test(out_of_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
