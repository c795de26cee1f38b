/* test_scan.c -- tokens, quoted strings, parameters, pieces. SPDX-License-Identifier: MIT */
#include "http/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static bool is(cstar_str s, const char *text) { return cstar_str_eq(s, cstar_cstr(text)); }

static void test_token(void **state) {
    (void)state;
    static const struct {
        const char *text, *token; /* NULL: none */
    } cases[] = {{"abc", "abc"},
                 {"a/b", "a"},
                 {"a b", "a"},
                 {"a=b", "a"},
                 {"a\x7f", "a"},
                 {"a\xc3\xa9", "a"},
                 {"", NULL},
                 {" a", NULL},
                 {"\"a\"", NULL},
                 {"(a)", NULL},
                 {"\x01", NULL},
                 {"*", "*"},
                 {"!#$%&'*+-.^_`|~09azAZ", "!#$%&'*+-.^_`|~09azAZ"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cstar__scan s = cstar__scan_of(cstar_cstr(cases[i].text));
        cstar_str out = CSTAR_STR("was");
        assert_int_equal(cstar__scan_token(&s, &out), cases[i].token != NULL);
        assert_true(is(out, cases[i].token != NULL ? cases[i].token : "was"));
        assert_ptr_equal(s.at, cases[i].text + (cases[i].token != NULL ? out.len : 0));
        assert_int_equal(cstar__is_token(cstar_cstr(cases[i].text)),
                         cases[i].token != NULL && strcmp(cases[i].token, cases[i].text) == 0);
    }
    assert_false(cstar__is_token(CSTAR_STR("a\0")));
}

static void test_quoted(void **state) {
    (void)state;
    static const struct {
        const char *text, *inside, *unquoted; /* NULL: none */
    } cases[] = {
        {"\"\"", "", ""},
        {"\"a b\"x", "a b", "a b"},
        {"\"a\\\"b\"", "a\\\"b", "a\"b"},
        {"\"a\\\\\"\"", "a\\\\", "a\\"},
        {"\"\\a\"", "\\a", "a"},
        {"\"\t\xc3\xa9\"", "\t\xc3\xa9", "\t\xc3\xa9"},
        {"", NULL, NULL},
        {"a\"b\"", NULL, NULL},
        {"\"", NULL, NULL},
        {"\"a", NULL, NULL},
        {"\"a\\", NULL, NULL},
        {"\"a\\\"", NULL, NULL},
        {"\"a\nb\"", NULL, NULL},
        {"\"a\\\nb\"", NULL, NULL},
        {"\"a\x7f\"", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cstar__scan s = cstar__scan_of(cstar_cstr(cases[i].text));
        cstar_str out = {NULL, 0};
        bool good = cases[i].inside != NULL;
        assert_int_equal(cstar__scan_quoted(&s, &out), good);
        assert_ptr_equal(s.at, cases[i].text + (good ? out.len + 2 : 0));
        if (good) {
            char mem[32];
            cstar_buf b;
            cstar_buf_fixed(&b, mem, sizeof mem);
            cstar__scan_unquote(&b, out);
            assert_true(is(out, cases[i].inside) && is(cstar_buf_view(&b), cases[i].unquoted));
        }
    }
}

static void test_params(void **state) {
    (void)state;
    cstar__scan s = cstar__scan_of(CSTAR_STR(" ; a=b;c=\"d e\" ;; x"));
    cstar__param p;
    assert_true(cstar__scan_param(&s, &p) && is(p.name, "a") && is(p.value, "b") && !p.quoted);
    assert_true(cstar__scan_param(&s, &p) && is(p.name, "c") && is(p.value, "d e") && p.quoted);
    assert_true(cstar__scan_param(&s, &p) && p.name.len == 0);
    const char *at = s.at;
    assert_false(cstar__scan_param(&s, &p)); /* x has no value */
    assert_ptr_equal(s.at, at);
    static const char *const bad[] = {"a", "a=", "=b", "a =b", "a= b", "a=\"b", "a=;", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        s = cstar__scan_of(cstar_cstr(bad[i]));
        assert_false(cstar__scan_pair(&s, &p));
        assert_ptr_equal(s.at, bad[i]);
    }
    s = cstar__scan_of(cstar_view(NULL, 0));
    cstar__scan_space(&s);
    assert_true(cstar__scan_done(&s));
    assert_false(cstar__scan_byte(&s, ';') || cstar__scan_param(&s, &p));
}

static void test_split_and_trim(void **state) {
    (void)state;
    cstar_str rest = CSTAR_STR("a,,b,");
    cstar_str piece;
    assert_true(cstar__split(&rest, ',', &piece) && is(piece, "a"));
    assert_true(cstar__split(&rest, ',', &piece) && is(piece, ""));
    assert_true(cstar__split(&rest, ',', &piece) && is(piece, "b"));
    assert_true(cstar__split(&rest, ',', &piece) && is(piece, ""));
    assert_false(cstar__split(&rest, ',', &piece));
    rest = CSTAR_STR("");
    assert_true(cstar__split(&rest, ',', &piece) && piece.ptr != NULL && piece.len == 0);
    assert_false(cstar__split(&rest, ',', &piece));
    assert_true(is(cstar__trim(CSTAR_STR(" \ta b\t ")), "a b"));
    assert_true(is(cstar__trim(CSTAR_STR("\n")), "\n"));
    assert_int_equal(cstar__trim(CSTAR_STR(" \t ")).len, 0);
    assert_null(cstar__trim(cstar_view(NULL, 0)).ptr);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_quoted),
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_split_and_trim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
