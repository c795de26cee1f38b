/* test_admission.c -- who may come in.
 * SPDX-License-Identifier: MIT */
#include "net/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static cstar__peer from(const char *text) {
    cstar__peer p = {.port = 1};
    assert_true(cstar__ip_parse(cstar_view(text, strlen(text)), &p.ip));
    return p;
}

/* How many of that address get in, of `tries`. */
static size_t fill(cstar__admission *a, const cstar__peer *p, size_t tries) {
    size_t in = 0;
    for (size_t i = 0; i < tries; i++) {
        in += cstar__admission_enter(a, p) == CSTAR_OK;
    }
    for (size_t i = 0; i < in; i++) {
        cstar__admission_leave(a, p);
    }
    return in;
}

static void the_default_spares_loopback(void **state) {
    (void)state;
    static const struct {
        const char *ip;
        bool spared;
    } cases[] = {
        {"127.0.0.1", true},  {"127.255.0.9", true},  {"::1", true},  {"::ffff:127.0.0.1", true},
        {"126.0.0.1", false}, {"128.0.0.1", false},   {"::2", false}, {"10.0.0.1", false},
        {"0.0.0.0", false},   {"2001:db8::1", false},
    };
    cstar__admission a;
    assert_true(
        cstar__admission_init(&a, &(cstar__admission_opts){.alloc = cstar_heap(), .max = 1}));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar__peer p = from(cases[i].ip);
        size_t in = fill(&a, &p, 1030);
        assert_int_equal(in, cases[i].spared ? 1030 : CSTAR__MAX_PER_ADDRESS);
    }
    cstar__peer local = {.local = true};
    assert_int_equal(fill(&a, &local, 1030), 1030);
    cstar__admission_fini(&a);
}

static void an_explicit_limit_counts_all_but_proxies(void **state) {
    (void)state;
    cstar__cidr proxies[2];
    assert_true(cstar__cidr_parse(CSTAR_STR("10.0.0.0/8"), &proxies[0]));
    assert_true(cstar__cidr_parse(CSTAR_STR("fd00::/8"), &proxies[1]));
    cstar__admission a;
    assert_true(cstar__admission_init(
        &a,
        &(cstar__admission_opts){
            .alloc = cstar_heap(), .max = 1, .per_address = 2, .trusted = proxies, .ntrusted = 2}));
    cstar__peer loopback = from("127.0.0.1");
    cstar__peer proxy4 = from("10.1.2.3");
    cstar__peer proxy6 = from("fd12::1");
    cstar__peer local = {.local = true};
    assert_int_equal(fill(&a, &loopback, 9), 2);
    assert_int_equal(fill(&a, &proxy4, 9), 9);
    assert_int_equal(fill(&a, &proxy6, 9), 9);
    assert_int_equal(fill(&a, &local, 9), 9);
    cstar__admission_fini(&a);
}

static void places(void **state) {
    (void)state;
    cstar__admission a;
    assert_true(
        cstar__admission_init(&a, &(cstar__admission_opts){.alloc = cstar_heap(), .max = 2}));
    assert_true(cstar__admission_take(&a, false));
    assert_true(cstar__admission_take(&a, false));
    assert_false(cstar__admission_take(&a, false));
    assert_true(cstar__admission_take(&a, true)); /* the evicted one gives its own back later */
    cstar__admission_give(&a);
    assert_false(cstar__admission_take(&a, false));
    cstar__admission_give(&a);
    assert_true(cstar__admission_take(&a, false));
    cstar__admission_fini(&a);
}

static void some_descriptors_are_kept(void **state) {
    (void)state;
    assert_int_equal(cstar__admission_derive(1024, 1, 1), 1024 - 64 - 13 - 128);
    assert_int_equal(cstar__admission_derive(64, 1, 1), 32);
    assert_int_equal(cstar__admission_derive(0, 1, 1), 1);
    for (size_t n = 4; n < 100000; n += 7) {
        size_t max = cstar__admission_derive(n, 4, 2);
        assert_true(max >= 1 && max < n);
        assert_true(max <= n - n / 8 || n < 400);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_spares_loopback),
        cmocka_unit_test(an_explicit_limit_counts_all_but_proxies),
        cmocka_unit_test(places),
        cmocka_unit_test(some_descriptors_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
