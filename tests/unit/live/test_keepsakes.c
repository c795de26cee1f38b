/* test_keepsakes.c -- what pages said whose streams have gone: in, out, and the three bounds.
 * SPDX-License-Identifier: MIT */
#include "live/keepsakes.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t clock_ms;

static uint64_t now(void *arg) {
    (void)arg;
    return clock_ms;
}

typedef struct rig {
    failalloc memory;
    cstar__keepsakes *k;
} rig;

static void begin(rig *r, cstar__keepsakes_opts opts) {
    clock_ms = 1000;
    failalloc_init(&r->memory, 0);
    opts.alloc = &r->memory.alloc;
    opts.now = now;
    r->k = cstar__keepsakes_new(&opts);
    assert_non_null(r->k);
}

static void end(rig *r) {
    cstar__keepsakes_free(r->k);
    assert_int_equal(r->memory.live_blocks, 0);
    assert_int_equal(r->memory.live_bytes, 0);
}

static cstar__keepsake_key key(const char *scope, const char *tab, uint64_t page) {
    return (cstar__keepsake_key){cstar_cstr(scope), cstar_cstr(tab), page};
}

static cstar_status put(const rig *r, cstar__keepsake_key at, const char *signals) {
    return cstar__keepsakes_put(r->k, &at, 0, cstar_cstr(signals));
}

/* NULL: there are none. */
static const char *take(const rig *r, cstar__keepsake_key at) {
    static char text[256];
    cstar_buf out;
    cstar_buf_fixed(&out, text, sizeof text - 1);
    if (cstar__keepsakes_take(r->k, &at, &out) != CSTAR_OK) {
        return NULL;
    }
    text[out.len] = '\0';
    return text;
}

static size_t count(const rig *r) {
    size_t bytes = 0;
    const size_t n = cstar__keepsakes_count(r->k, &bytes);
    assert_true((n == 0) == (bytes == 0));
    return n;
}

static void what_was_put_is_taken_once(void **state) {
    (void)state;
    rig r;
    begin(&r, (cstar__keepsakes_opts){0});
    assert_null(take(&r, key("ann", "t", 1)));
    assert_int_equal(put(&r, key("ann", "t", 1), "{\"a\":1}"), CSTAR_OK);
    assert_int_equal(put(&r, key("ann", "t", 1), "{\"a\":2}"), CSTAR_OK); /* in place of it */
    assert_int_equal(count(&r), 1);
    assert_string_equal(take(&r, key("ann", "t", 1)), "{\"a\":2}");
    assert_null(take(&r, key("ann", "t", 1)));
    assert_int_equal(put(&r, key("", "t", 1), ""), CSTAR_OK); /* nothing is something, too */
    assert_string_equal(take(&r, key("", "t", 1)), "");
    assert_int_equal(count(&r), 0);
    end(&r);
}

static void every_part_of_the_key_counts(void **state) {
    (void)state;
    rig r;
    begin(&r, (cstar__keepsakes_opts){0});
    assert_int_equal(put(&r, key("ann", "t", 1), "{}"), CSTAR_OK);
    assert_null(take(&r, key("bob", "t", 1)));
    assert_null(take(&r, key("ann", "u", 1)));
    assert_null(take(&r, key("ann", "t", 2)));
    assert_null(take(&r, key("an", "nt", 1)));
    assert_null(take(&r, key("annt", "", 1)));
    assert_string_equal(take(&r, key("ann", "t", 1)), "{}");
    end(&r);
}

static void nothing_is_given_out_when_it_is_old(void **state) {
    (void)state;
    rig r;
    begin(&r, (cstar__keepsakes_opts){.max_ms = 100});
    assert_int_equal(put(&r, key("", "a", 1), "{}"), CSTAR_OK);
    assert_int_equal(put(&r, key("", "b", 1), "{}"), CSTAR_OK);
    assert_int_equal(put(&r, key("", "c", 1), "{}"), CSTAR_OK);
    clock_ms += 100;
    assert_string_equal(take(&r, key("", "a", 1)), "{}");
    clock_ms++;
    assert_null(take(&r, key("", "b", 1)));
    assert_int_equal(count(&r), 1);
    assert_int_equal(put(&r, key("", "d", 1), "{}"), CSTAR_OK); /* and c goes */
    assert_int_equal(count(&r), 1);
    assert_string_equal(take(&r, key("", "d", 1)), "{}");
    end(&r);
}

static void the_oldest_goes_when_there_are_too_many(void **state) {
    (void)state;
    rig r;
    begin(&r, (cstar__keepsakes_opts){.max_count = 100});
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(put(&r, key("", "t", i), "{}"), CSTAR_OK);
        (void)put(&r, key("", "t", 7), "{}"); /* it stays new */
        assert_true(count(&r) <= 100);
    }
    assert_null(take(&r, key("", "t", 900)));
    assert_string_equal(take(&r, key("", "t", 901)), "{}");
    assert_string_equal(take(&r, key("", "t", 7)), "{}");
    end(&r);
}

static void the_oldest_go_when_they_are_too_much(void **state) {
    (void)state;
    rig r;
    size_t bytes = 0;
    char text[200];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    begin(&r, (cstar__keepsakes_opts){.max_bytes = 10000, .max_signals = sizeof text - 1});
    const size_t empty = r.memory.live_bytes;
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(put(&r, key("", "t", i), i % 3 == 0 ? text : "{}"), CSTAR_OK);
        (void)cstar__keepsakes_count(r.k, &bytes);
        assert_true(bytes <= 10000);
        assert_true(r.memory.live_bytes <= empty + 10000 + 200); /* all is counted */
    }
    assert_true(bytes > 9000);
    assert_string_equal(take(&r, key("", "t", 999)), text);
    assert_int_equal(cstar__keepsakes_put(r.k, &(cstar__keepsake_key){.page = 1}, 0,
                                          cstar_view(text, sizeof text)),
                     CSTAR_ELIMIT);
    end(&r);
    begin(&r, (cstar__keepsakes_opts){.max_bytes = 50});
    assert_int_equal(put(&r, key("", "t", 1), "{}"), CSTAR_ELIMIT);
    end(&r);
}

/* Each allocation fails in turn: what was there stays, or is replaced. */
static void every_allocation_may_fail(void **state) {
    (void)state;
    size_t failed = 0;
    for (size_t n = 1; n < 60; n++) {
        rig r;
        begin(&r, (cstar__keepsakes_opts){.max_count = 30});
        r.memory.fail_at = r.memory.calls + n;
        for (uint64_t i = 0; i < 40; i++) {
            const cstar_status rc = put(&r, key("", "t", i), "{}");
            failed += rc != CSTAR_OK;
            assert_true(rc == CSTAR_OK || rc == CSTAR_ENOMEM);
            assert_true((take(&r, key("", "t", i)) != NULL) == (rc == CSTAR_OK));
            (void)put(&r, key("", "t", i), "{}");
        }
        end(&r);
    }
    assert_true(failed > 20);
    failalloc memory;
    failalloc_init(&memory, 1);
    assert_null(cstar__keepsakes_new(&(cstar__keepsakes_opts){.alloc = &memory.alloc, .now = now}));
    cstar__keepsakes_free(NULL);
}

/* A buffer that can't take it: it is still there. */
static void what_could_not_be_taken_stays(void **state) {
    (void)state;
    rig r;
    char small[1];
    cstar_buf out;
    begin(&r, (cstar__keepsakes_opts){0});
    const cstar__keepsake_key at = key("", "t", 1);
    assert_int_equal(put(&r, at, "{}"), CSTAR_OK);
    cstar_buf_fixed(&out, small, sizeof small);
    assert_int_equal(cstar__keepsakes_take(r.k, &at, &out), CSTAR_ELIMIT);
    assert_string_equal(take(&r, at), "{}");
    end(&r);
}

/* ---- shares ---- */

static cstar_status put_of(const rig *r, uint8_t share, cstar__keepsake_key at, cstar_str signals) {
    return cstar__keepsakes_put(r->k, &at, share, signals);
}

/* Whoever invents tabs pushes out what he has invented, however many. */
static void who_has_the_most_loses_the_oldest(void **state) {
    (void)state;
    rig r;
    begin(&r, (cstar__keepsakes_opts){.max_count = 1000});
    for (uint64_t i = 0; i < 300; i++) { /* 3 of each */
        assert_int_equal(put_of(&r, (uint8_t)(i % 100), key("", "good", i), CSTAR_STR("{}")), 0);
    }
    for (uint64_t i = 0; i < 100000; i++) {
        assert_int_equal(put_of(&r, 7, key("", "bad", i), CSTAR_STR("{}")), 0);
    }
    assert_int_equal(count(&r), 1000);
    for (uint64_t i = 0; i < 300; i++) { /* but for those who share his address, or seem to */
        assert_true((take(&r, key("", "good", i)) != NULL) == (i % 100 != 7));
    }
    assert_string_equal(take(&r, key("", "bad", 99999)), "{}");
    end(&r);
}

/* Few, but long ones: bytes are what there is too much of. */
static void who_has_most_bytes_loses_the_oldest(void **state) {
    (void)state;
    rig r;
    static char text[5000];
    memset(text, 'x', sizeof text);
    begin(&r, (cstar__keepsakes_opts){.max_bytes = 100000});
    for (uint64_t i = 0; i < 200; i++) { /* more of them than of the others */
        assert_int_equal(put_of(&r, 1, key("", "good", i), CSTAR_STR("{}")), 0);
    }
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(put_of(&r, 7, key("", "bad", i), cstar_view(text, sizeof text)), 0);
    }
    for (uint64_t i = 0; i < 200; i++) {
        assert_string_equal(take(&r, key("", "good", i)), "{}");
    }
    end(&r);
}

/* As long as there is room nobody has too many. */
static void one_share_may_have_all(void **state) {
    (void)state;
    rig r;
    begin(&r, (cstar__keepsakes_opts){.max_count = 1000});
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(put_of(&r, 9, key("", "t", i), CSTAR_STR("{}")), 0);
    }
    assert_int_equal(count(&r), 1000);
    assert_string_equal(take(&r, key("", "t", 0)), "{}");
    end(&r);
}

/* Nobody waits while all of a crowd is thrown away. */
static void old_ones_go_a_few_at_a_time(void **state) {
    (void)state;
    rig r;
    size_t n = 1000;
    begin(&r, (cstar__keepsakes_opts){.max_ms = 100});
    for (uint64_t i = 0; i < n; i++) {
        assert_int_equal(put_of(&r, (uint8_t)i, key("", "old", i), CSTAR_STR("{}")), 0);
    }
    clock_ms += 101;
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(put_of(&r, 3, key("", "new", 0), CSTAR_STR("{}")), 0);
        assert_true(count(&r) + 8 >= n);
        n = count(&r);
    }
    assert_int_equal(n, 1);
    end(&r);
}

static void a_share_is_an_address(void **state) {
    (void)state;
    rig r;
    size_t used = 0;
    bool seen[256] = {false};
    begin(&r, (cstar__keepsakes_opts){.seed = {1, 2}});
#define SHARE(text) cstar__keepsakes_share(r.k, cstar_cstr(text))
    assert_int_equal(SHARE("2001:db8:0:1::1"), SHARE("2001:db8:0:1:ffff::2")); /* one customer's */
    assert_int_not_equal(SHARE("2001:db8:0:1::1"), SHARE("2001:db8:0:2::1"));
    assert_int_equal(SHARE("192.0.2.1"), SHARE("::ffff:192.0.2.1"));
    assert_int_not_equal(SHARE("192.0.2.1"), SHARE("192.0.2.2"));
    assert_int_not_equal(SHARE("unix"), SHARE("unknown"));
    for (int i = 0; i < 2000; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "10.0.%d.%d", i / 256, i % 256);
        used += !seen[SHARE(text)];
        seen[SHARE(text)] = true;
    }
    assert_true(used > 240);
    end(&r);
}

static void what_is_too_long_is_no_key(void **state) {
    (void)state;
    rig r;
    static char text[UINT16_MAX + 1];
    memset(text, 'x', sizeof text);
    begin(&r, (cstar__keepsakes_opts){0});
    cstar__keepsake_key at = {.scope = cstar_view(text, sizeof text), .tab = CSTAR_STR("t")};
    assert_int_equal(put_of(&r, 0, at, CSTAR_STR("{}")), CSTAR_ELIMIT);
    at = (cstar__keepsake_key){.tab = cstar_view(text, 256)};
    assert_int_equal(put_of(&r, 0, at, CSTAR_STR("{}")), CSTAR_ELIMIT);
    at = (cstar__keepsake_key){.scope = cstar_view(text, UINT16_MAX), .tab = cstar_view(text, 255)};
    assert_int_equal(put_of(&r, 0, at, CSTAR_STR("{}")), CSTAR_OK);
    assert_string_equal(take(&r, at), "{}");
    end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_taken_once),
        cmocka_unit_test(every_part_of_the_key_counts),
        cmocka_unit_test(nothing_is_given_out_when_it_is_old),
        cmocka_unit_test(the_oldest_goes_when_there_are_too_many),
        cmocka_unit_test(the_oldest_go_when_they_are_too_much),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(what_could_not_be_taken_stays),
        cmocka_unit_test(who_has_the_most_loses_the_oldest),
        cmocka_unit_test(who_has_most_bytes_loses_the_oldest),
        cmocka_unit_test(one_share_may_have_all),
        cmocka_unit_test(old_ones_go_a_few_at_a_time),
        cmocka_unit_test(a_share_is_an_address),
        cmocka_unit_test(what_is_too_long_is_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
