/* test_tab_id.c -- which tab ids are usable, and what is derived of them.
 * SPDX-License-Identifier: MIT */
#include "live/tab_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TEN "0123456789"
#define T(literal)                                                                                 \
    { "" literal, sizeof(literal) - 1 }
#define SIXTY TEN TEN TEN TEN TEN TEN

static void test_usable(void **state) {
    (void)state;
    static const struct {
        cstar_str tab;
        bool ok;
    } cases[] = {
        {T("tab-1"), true},
        {T(" a "), true},
        {T(SIXTY "abcd"), true},
        {T(SIXTY "ab\xc3\xa9"), true},
        {T("\xe2\x80\x8b"), true}, /* U+200B is no White_Space */
        {T("\xe1\xa0\x8e"), true}, /* neither is U+180E, any more */
        {T(""), false},
        {{NULL, 0}, false},
        {T("  "), false},
        {T("\t\n\v\f\r "), false},
        {T("\xc2\x85\xc2\xa0"), false},                     /* U+0085, U+00A0 */
        {T("\xe1\x9a\x80"), false},                         /* U+1680 */
        {T("\xe2\x80\x80\xe2\x80\x8a"), false},             /* U+2000, U+200A */
        {T("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaf"), false}, /* U+2028, 2029, 202F */
        {T("\xe2\x81\x9f\xe3\x80\x80"), false},             /* U+205F, U+3000 */
        {T(SIXTY "abcde"), false},                          /* 65 bytes */
        {T(SIXTY "abc\xc3\xa9"), false},                    /* 65 bytes, 64 characters */
        {T("a\0b"), false},                                 /* as a C string it is "a" */
        {T("\0"), false},
        {T("a\xff"), false},
        {T("a\xc3"), false},
        {T("\xed\xa0\x80"), false}, /* a surrogate */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cstar__tab_id_ok(cases[i].tab) != cases[i].ok) {
            fail_msg("case %zu", i);
        }
    }
}

/* The bytes are pinned: a page that was split with an older server keeps its id. */
static void test_derived(void **state) {
    (void)state;
    char a[33];
    char b[33];
    cstar__tab_id_derive(CSTAR_STR("tab"), CSTAR_STR("page"), a);
    assert_string_equal(a, "65a850a3ac303e13ca5e5304ee7abe72");
    assert_true(cstar__tab_id_ok(cstar_cstr(a)));
    cstar__tab_id_derive(CSTAR_STR("tab"), CSTAR_STR("page2"), b);
    assert_string_not_equal(a, b);
    assert_memory_not_equal(a, b, 16);
    assert_memory_not_equal(a + 16, b + 16, 16);
    cstar__tab_id_derive(CSTAR_STR("tabp"), CSTAR_STR("age"), b);
    assert_string_not_equal(a, b);
    cstar__tab_id_derive(CSTAR_STR("page"), CSTAR_STR("tab"), b);
    assert_string_not_equal(a, b);
    assert_memory_not_equal(a, a + 16, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_usable),
                                       cmocka_unit_test(test_derived)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
