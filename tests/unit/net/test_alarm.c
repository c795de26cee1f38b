/* test_alarm.c -- the heap of alarms against a plain list.
 * SPDX-License-Identifier: MIT */
#include "net/alarm.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 100000 };

/* The same numbers each time. */
static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void nothing_is_due_in_an_empty_heap(void **state) {
    (void)state;
    cstar__alarms a;
    cstar__exchange x = {0};
    cstar__alarms_init(&a, cstar_heap());
    assert_null(cstar__alarms_take(&a, UINT64_MAX));
    assert_true(cstar__alarms_next(&a) == UINT64_MAX);
    cstar__alarms_drop(&a, &x); /* none is set */
    cstar__alarms_fini(&a);
}

static void an_exchange_has_one_alarm(void **state) {
    (void)state;
    cstar__alarms a;
    cstar__exchange x = {0};
    cstar__exchange y = {0};
    cstar__alarms_init(&a, cstar_heap());
    assert_int_equal(cstar__alarms_set(&a, &x, 10), CSTAR_OK);
    assert_int_equal(cstar__alarms_set(&a, &y, 20), CSTAR_OK);
    assert_int_equal(cstar__alarms_set(&a, &x, 30), CSTAR_OK);
    assert_true(cstar__alarms_next(&a) == 20);
    assert_null(cstar__alarms_take(&a, 19));
    assert_ptr_equal(cstar__alarms_take(&a, 20), &y);
    assert_int_equal(y.alarm, 0);
    assert_null(cstar__alarms_take(&a, 29));
    assert_int_equal(cstar__alarms_set(&a, &x, 5), CSTAR_OK);
    assert_ptr_equal(cstar__alarms_take(&a, 5), &x);
    assert_null(cstar__alarms_take(&a, UINT64_MAX));
    cstar__alarms_fini(&a);
}

static void fini_forgets_what_is_set(void **state) {
    (void)state;
    cstar__alarms a;
    cstar__exchange x = {0};
    cstar__alarms_init(&a, cstar_heap());
    assert_int_equal(cstar__alarms_set(&a, &x, 1), CSTAR_OK);
    cstar__alarms_fini(&a);
    assert_int_equal(x.alarm, 0);
}

/* Sets, moves and drops at random; then all come in order, and each that should. A list instead of a
 * heap would not be through before the test's deadline. */
static void a_hundred_thousand_come_in_order(void **state) {
    (void)state;
    cstar__alarms a;
    cstar__alarms_init(&a, cstar_heap());
    cstar__exchange *xs = calloc(MANY, sizeof *xs);
    uint64_t *due = calloc(MANY, sizeof *due);
    assert_non_null(xs);
    assert_non_null(due);
    uint32_t seed = 1;
    size_t set = 0;
    for (int i = 0; i < 3 * MANY; i++) {
        size_t k = next_random(&seed) % MANY;
        if (next_random(&seed) % 4 == 0) {
            set -= due[k] != 0;
            due[k] = 0;
            cstar__alarms_drop(&a, &xs[k]);
        } else {
            set += due[k] == 0;
            due[k] = 1 + next_random(&seed) % 50000;
            assert_int_equal(cstar__alarms_set(&a, &xs[k], due[k]), CSTAR_OK);
        }
    }
    uint64_t last = 0;
    cstar__exchange *x = NULL;
    while ((x = cstar__alarms_take(&a, UINT64_MAX - 1)) != NULL) {
        size_t k = (size_t)(x - xs);
        assert_true(due[k] >= last && due[k] != 0);
        last = due[k];
        due[k] = 0;
        set--;
    }
    assert_int_equal(set, 0);
    assert_true(a.cap < 64); /* the memory of many went with them */
    cstar__alarms_fini(&a);
    free(xs);
    free(due);
}

static void without_memory_nothing_changes(void **state) {
    (void)state;
    failalloc f;
    failalloc_init(&f, 2);
    cstar__alarms a;
    cstar__exchange xs[17] = {{0}};
    cstar__alarms_init(&a, &f.alloc);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(cstar__alarms_set(&a, &xs[i], i), CSTAR_OK);
    }
    assert_int_equal(cstar__alarms_set(&a, &xs[16], 0), CSTAR_ENOMEM);
    assert_int_equal(xs[16].alarm, 0);
    assert_ptr_equal(cstar__alarms_take(&a, 0), &xs[0]);
    cstar__alarms_fini(&a);
    assert_int_equal(f.live_bytes, 0);
}

/* Whoever has an alarm may lie somewhere else by the time it goes off. */
static void an_exchange_may_move(void **state) {
    (void)state;
    cstar__alarms a;
    static cstar__exchange from[9];
    static cstar__exchange to[9];
    cstar__alarms_init(&a, cstar_heap());
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(cstar__alarms_set(&a, &from[i], 100 - i * 7 % 9), CSTAR_OK);
    }
    for (size_t i = 0; i < 9; i += 2) {
        to[i] = from[i];
        cstar__alarms_moved(&a, &to[i]);
        memset(&from[i], 0, sizeof from[i]);
    }
    cstar__alarms_drop(&a, &to[4]);
    assert_int_equal(cstar__alarms_set(&a, &to[2], 1), CSTAR_OK); /* the first now */
    assert_ptr_equal(cstar__alarms_take(&a, 1), &to[2]);
    size_t n = 0;
    for (const cstar__exchange *x = NULL; (x = cstar__alarms_take(&a, 200)) != NULL; n++) {
        assert_true((x >= to && x < to + 9) ==
                    ((x >= to && x < to + 9 ? x - to : x - from) % 2 == 0));
    }
    assert_int_equal(n, 7);
    cstar__alarms_fini(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_due_in_an_empty_heap),
        cmocka_unit_test(an_exchange_has_one_alarm),
        cmocka_unit_test(fini_forgets_what_is_set),
        cmocka_unit_test(a_hundred_thousand_come_in_order),
        cmocka_unit_test(without_memory_nothing_changes),
        cmocka_unit_test(an_exchange_may_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
