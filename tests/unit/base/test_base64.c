/* test_base64.c -- bytes as text and back; texts that are none.
 * SPDX-License-Identifier: MIT */
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_vectors(void **state) {
    (void)state;
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char mem[32];
        cstar_buf b;
        cstar_buf_fixed(&b, mem, sizeof mem);
        cstar__base64_encode(&b, cstar_cstr(cases[i].bytes));
        assert_true(cstar_str_eq(cstar_buf_view(&b), cstar_cstr(cases[i].text)));
        assert_int_equal(cstar__base64_len(strlen(cases[i].bytes)), strlen(cases[i].text));
        cstar_buf_reset(&b);
        assert_int_equal(cstar__base64_decode(&b, cstar_cstr(cases[i].text)), CSTAR_OK);
        assert_true(cstar_str_eq(cstar_buf_view(&b), cstar_cstr(cases[i].bytes)));
    }
}

static void test_bad(void **state) {
    (void)state;
    static const char *const bad[] = {"Z",    "Zg==",   "Zm8=", "Zh",   "Zm9", "Zm9vZ",
                                      "Zm 9", "Zm9v\n", "Z+9v", "Z/9v", "Zg.", "\xc3\xa9v9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char mem[32];
        cstar_buf b;
        cstar_buf_fixed(&b, mem, sizeof mem);
        cstar_buf_byte(&b, '!');
        if (cstar__base64_decode(&b, cstar_cstr(bad[i])) != CSTAR_ESYNTAX || b.len != 1) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

/* Every length up to 300, with every byte: there and back; and a buffer that is one byte short. */
static void test_lengths(void **state) {
    (void)state;
    char bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(i * 151 + 7);
    }
    for (size_t n = 0; n <= sizeof bytes; n++) {
        char text[400];
        char back[300];
        cstar_buf b;
        cstar_buf out;
        cstar_buf_fixed(&b, text, cstar__base64_len(n));
        cstar_buf_fixed(&out, back, n);
        cstar__base64_encode(&b, cstar_view(bytes, n));
        assert_int_equal(cstar__base64_decode(&out, cstar_buf_view(&b)), CSTAR_OK);
        assert_true(cstar_str_eq(cstar_buf_view(&out), cstar_view(bytes, n)));
        if (n != 0) {
            cstar_buf_fixed(&out, back, n - 1);
            assert_int_equal(cstar__base64_decode(&out, cstar_buf_view(&b)), CSTAR_ELIMIT);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors), cmocka_unit_test(test_bad),
                                       cmocka_unit_test(test_lengths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
