/* test_siphash.c -- against the published vectors of SipHash-2-4 (key 00 01 .. 0f, input 00 01 ..).
 * SPDX-License-Identifier: MIT */
#include "live/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint64_t key[2] = {0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

static uint64_t of(size_t n) {
    char bytes[64];
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (char)i;
    }
    return cstar__siphash(key, cstar_view(bytes, n));
}

static void test_vectors(void **state) {
    (void)state;
    assert_int_equal(of(0), 0x726fdb47dd0e0e31U);
    assert_int_equal(of(1), 0x74f839c593dc67fdU);
    assert_int_equal(of(2), 0x0d6c8009d9a94f5aU);
    assert_int_equal(of(8), 0x93f5f5799a932462U);
    assert_int_equal(of(15), 0xa129ca6149be45e5U);
    assert_int_equal(cstar__siphash(key, (cstar_str){NULL, 0}), of(0));
}

static void test_pair(void **state) {
    (void)state;
    const uint64_t ab_c = cstar__siphash_pair(key, CSTAR_STR("ab"), CSTAR_STR("c"));
    assert_int_equal(ab_c, cstar__siphash_pair(key, CSTAR_STR("ab"), CSTAR_STR("c")));
    assert_int_not_equal(ab_c, cstar__siphash_pair(key, CSTAR_STR("a"), CSTAR_STR("bc")));
    assert_int_not_equal(ab_c, cstar__siphash_pair(key, CSTAR_STR("c"), CSTAR_STR("ab")));
    assert_int_not_equal(ab_c, cstar__siphash_pair(key, CSTAR_STR("abc"), CSTAR_STR("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors), cmocka_unit_test(test_pair)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
