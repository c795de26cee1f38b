/* test_stream_topics.c -- streams that listen to many topics: found without going through all of
 * them, and left and joined again in whatever order.
 * SPDX-License-Identifier: MIT */
#include "live/parts.h"
#include "live/stream_parts.h"
#include "support/liverig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 1000, NAMES = 64 };

static void finish(liverig *r) {
    liverig_fini(r);
    assert_int_equal(r->memory.live_bytes, 0);
    assert_int_equal(r->memory.live_blocks, 0);
}

static cstar_str name_of(int i) {
    static char text[16];
    (void)snprintf(text, sizeof text, "t%d", i);
    return cstar_cstr(text);
}

static size_t chain_of(const cstar__live *s) {
    size_t n = 0;
    for (const cstar__sub *sub = &s->first; sub != NULL; sub = sub->next) {
        n++;
    }
    return n;
}

/* It can't be gone through: only who looks it up finds it. */
static void many_are_not_gone_through(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_open(&r, 0);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(cstar__live_subscribe(s->live, name_of(i)), CSTAR_OK);
    }
    assert_int_equal(chain_of(s->live), MANY + 1); /* with the index */
    cstar__sub *index = s->live->first.next;
    cstar__sub *rest = index->next;
    index->next = NULL;
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(cstar__live_subscribe(s->live, name_of(i)), CSTAR_OK);
        assert_non_null(cstar__sub_find(s->live, name_of(i)));
    }
    assert_null(cstar__sub_find(s->live, name_of(MANY)));
    assert_int_equal(chain_of(s->live), 2); /* none was added */
    index->next = rest;
    finish(&r);
}

/* Few have no index, and cost nothing more. */
static void few_are_gone_through(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_open(&r, 0);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(cstar__live_subscribe(s->live, name_of(i)), CSTAR_OK);
        assert_int_equal(cstar__live_subscribe(s->live, name_of(i / 2)), CSTAR_OK);
    }
    assert_int_equal(chain_of(s->live), 16);
    assert_int_equal(cstar__live_subscribe(s->live, name_of(16)), CSTAR_OK);
    assert_int_equal(chain_of(s->live), 18);
    finish(&r);
}

/* What was left is used again: its memory does not grow. */
static void places_are_used_again(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "x");
    size_t most = 0;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 100; i++) {
            assert_int_equal(cstar__live_subscribe(s->live, name_of(round * 50 + i)), CSTAR_OK);
        }
        if (round % 2 == 0) { /* or they are left before their letters are read */
            liverig_run(&r);
        }
        for (int i = 0; i < 100; i++) {
            assert_int_equal(cstar__live_unsubscribe(s->live, name_of(round * 50 + i)), CSTAR_OK);
            assert_int_equal(cstar__live_unsubscribe(s->live, name_of(round * 50 + i)),
                             CSTAR_ENOENT);
        }
        liverig_run(&r);
        most = round == 0 ? chain_of(s->live) : most;
        assert_int_equal(chain_of(s->live), most);
    }
    assert_true(most <= 102);
    finish(&r);
}

static unsigned dice(unsigned below) {
    static uint64_t seed = 1;
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(seed >> 33) % below;
}

/* What has come is what it listens to by now. */
static void check_all(liverig *r, rigged *s, const bool *has) {
    char wanted[NAMES * 12] = "";
    int at = 0;
    liverig_run(r);
    cstar_buf_reset(&s->got);
    for (int i = 0; i < NAMES; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", i);
        assert_int_equal(liverig_publish(r, name_of(i).ptr, text), CSTAR_OK);
        if (has[i]) {
            at += snprintf(wanted + at, sizeof wanted - (size_t)at, "%s%d", at != 0 ? " " : "", i);
        }
    }
    liverig_run(r);
    assert_string_equal(liverig_text(s), wanted);
}

static void whatever_is_left_and_joined(void **state) {
    (void)state;
    for (int run = 0; run < 30; run++) {
        liverig r;
        bool has[NAMES] = {false};
        assert_true(liverig_init(&r, &(liverig_opts){0}));
        rigged *s = liverig_open(&r, 0);
        for (int step = 0; step < 400; step++) {
            const int i = (int)dice(NAMES);
            if (step == 100) {
                liverig_start(s);
            }
            if (dice(5) == 0) {
                liverig_run(&r);
            } else if (dice(3) != 0) {
                assert_int_equal(cstar__live_subscribe(s->live, name_of(i)), CSTAR_OK);
                has[i] = true;
            } else {
                assert_int_equal(cstar__live_unsubscribe(s->live, name_of(i)),
                                 has[i] ? CSTAR_OK : CSTAR_ENOENT);
                has[i] = false;
            }
            if (step > 100 && dice(20) == 0) {
                check_all(&r, s, has);
            }
        }
        finish(&r); /* with letters under way */
    }
}

/* A subscription that failed is none, and the next one may come. */
static void each_allocation_may_fail(void **state) {
    (void)state;
    size_t refused = 0;
    for (size_t n = 1; n < 130; n++) {
        liverig r;
        assert_true(liverig_init(&r, &(liverig_opts){0}));
        rigged *s = liverig_open(&r, 0);
        bool has[NAMES] = {false};
        r.memory.fail_at = r.memory.calls + n;
        for (int i = 0; i < 40; i++) {
            const cstar_status rc = cstar__live_subscribe(s->live, name_of(i));
            assert_true(rc == CSTAR_OK || rc == CSTAR_ENOMEM);
            has[i] = rc == CSTAR_OK;
            refused += rc != CSTAR_OK;
        }
        r.memory.fail_at = 0;
        liverig_start(s);
        check_all(&r, s, has);
        for (int i = 0; i < NAMES; i++) {
            assert_int_equal(cstar__live_subscribe(s->live, name_of(i)), CSTAR_OK);
            has[i] = true;
        }
        check_all(&r, s, has);
        finish(&r);
    }
    assert_true(refused > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_are_not_gone_through), cmocka_unit_test(few_are_gone_through),
        cmocka_unit_test(places_are_used_again),     cmocka_unit_test(whatever_is_left_and_joined),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
