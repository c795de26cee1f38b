/* test_filename.c -- file names of peers, made harmless. SPDX-License-Identifier: MIT */
#include "http/filename.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
    const char *from, *expected;
} names[] = {
    {"a.txt", "a.txt"},
    {"na\xc3\xafve r\xc3\xa9sum\xc3\xa9.pdf", "na\xc3\xafve r\xc3\xa9sum\xc3\xa9.pdf"},
    {"a b.txt", "a b.txt"},
    {"/etc/passwd", "passwd"},
    {"../../etc/passwd", "passwd"},
    {"..\\..\\boot.ini", "boot.ini"},
    {"C:\\dir\\a.txt", "a.txt"},
    {"C:a.txt", "C_a.txt"},
    {"a/b\\c/d.txt", "d.txt"},
    {"a\\b/c\\d.txt", "d.txt"},
    {"", "file"},
    {".", "file"},
    {"..", "file"},
    {"...", "file"},
    {". .", "file"},
    {"/", "file"},
    {"a/", "file"},
    {"\\", "file"},
    {".htaccess", "htaccess"},
    {"..htaccess", "htaccess"},
    {" .bashrc", "bashrc"},
    {"a.txt.", "a.txt"},
    {"a.txt . .", "a.txt"},
    {"  a.txt  ", "a.txt"},
    {"a\r\nb.txt", "ab.txt"},
    {"\x01\x02", "file"},
    {"\x01.\x02.", "file"},
    {"a\tb\x7f.txt", "ab.txt"},
    {"a\xc2\x85"
     "b.txt",
     "ab.txt"},
    {"photo\xe2\x80\xaegpj.exe", "photogpj.exe"},
    {"\xef\xbb\xbf"
     "a.txt",
     "a.txt"},
    {"a*?<>|\":b", "a_______b"},
    {"a\xff"
     "b.txt",
     "a_b.txt"},
    {"\xc0\xae\xc0\xae\xc0\xaf"
     "x",
     "______x"},
    {"a.\xff", "a._"},
    {"a;rm -rf $HOME`x`.sh", "a;rm -rf $HOME`x`.sh"},
    {"CON", "CON"},
    {"a.tar.gz", "a.tar.gz"},
    {"%2e%2e%2fx", "%2e%2e%2fx"},
};

static void test_safe(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char mem[CSTAR__FILENAME_MAX];
        print_message("%s\n", names[i].from);
        cstar_str got = cstar__filename_safe(cstar_cstr(names[i].from), mem);
        assert_true(cstar_str_eq(got, cstar_cstr(names[i].expected)));
        assert_true(cstar_str_eq(cstar__filename_safe(got, (char[CSTAR__FILENAME_MAX]){0}), got));
    }
    char mem[CSTAR__FILENAME_MAX];
    assert_true(
        cstar_str_eq(cstar__filename_safe(CSTAR_STR("a\0/b\0.txt"), mem), CSTAR_STR("b.txt")));
    assert_true(cstar_str_eq(cstar__filename_safe(cstar_view(NULL, 0), mem), CSTAR_STR("file")));
}

static void test_too_long(void **state) {
    (void)state;
    char from[1000];
    char mem[CSTAR__FILENAME_MAX];
    memset(from, 'x', sizeof from);
    assert_int_equal(cstar__filename_safe(cstar_view(from, sizeof from), mem).len, 128);
    memcpy(from + 995, ".jpeg", 5);
    cstar_str got = cstar__filename_safe(cstar_view(from, sizeof from), mem);
    assert_int_equal(got.len, 128);
    assert_memory_equal(got.ptr + 123, ".jpeg", 5);
    for (size_t i = 1; i + 1 < 996; i += 2) {
        memcpy(from + i, "\xc3\xa9", 2); /* 1 + 2n bytes: the cut falls into a character */
    }
    from[0] = '.'; /* whatever: not the extension */
    memcpy(from + 994, "x.jpeg", 6);
    got = cstar__filename_safe(cstar_view(from, sizeof from), mem);
    assert_true(got.len <= 128 && got.len >= 120 && cstar_utf8_valid(got));
    from[3] = '.';
    from[4] = 'a';
    memset(from + 5, 'y', 995);
    got = cstar__filename_safe(cstar_view(from, sizeof from), mem);
    assert_true(got.len <= 128); /* an "extension" of 996 bytes is none */
}

static void test_any_bytes(void **state) {
    (void)state;
    uint32_t x = 12345;
    for (int round = 0; round < 20000; round++) {
        char from[200];
        char mem[CSTAR__FILENAME_MAX];
        size_t len = (size_t)round % sizeof from;
        for (size_t i = 0; i < len; i++) {
            x = x * 1664525u + 1013904223u;
            from[i] = (char)(unsigned char)(x >> 24);
            from[i] = (x >> 8) % 8 == 0 ? '.' : from[i];
        }
        cstar_str got = cstar__filename_safe(cstar_view(from, len), mem);
        assert_true(got.len != 0 && got.len <= 128 && cstar_utf8_valid(got));
        assert_true(got.ptr[0] != '.' && got.ptr[got.len - 1] != '.');
        for (size_t i = 0; i < got.len; i++) {
            assert_true((unsigned char)got.ptr[i] >= 0x20 && got.ptr[i] != 0x7f);
            assert_null(memchr("/\\", got.ptr[i], 2));
        }
    }
}

static const struct {
    const char *value, *expected;
    cstar_status status;
} ext_values[] = {
    {"UTF-8''a.txt", "a.txt", CSTAR_OK},
    {"utf-8'en'na%C3%AFve.txt", "na\xc3\xafve.txt", CSTAR_OK},
    {"UTF-8''", "", CSTAR_OK},
    {"UTF-8''%2e%2e%2fx", "../x", CSTAR_OK},
    {"", NULL, CSTAR_ESYNTAX},
    {"a.txt", NULL, CSTAR_ESYNTAX},
    {"UTF-8'a.txt", NULL, CSTAR_ESYNTAX},
    {"''a.txt", NULL, CSTAR_ESYNTAX},
    {"ISO-8859-1''a", NULL, CSTAR_ESYNTAX},
    {"UTF-8''a b", NULL, CSTAR_ESYNTAX},
    {"UTF-8''a'b", NULL, CSTAR_ESYNTAX},
    {"UTF-8''a*b", NULL, CSTAR_ESYNTAX},
    {"UTF-8''a%", NULL, CSTAR_ESYNTAX},
    {"UTF-8''a%2", NULL, CSTAR_ESYNTAX},
    {"UTF-8''a%zz", NULL, CSTAR_ESYNTAX},
    {"UTF-8''%ff", NULL, CSTAR_EUTF8},
    {"UTF-8''%c0%ae", NULL, CSTAR_EUTF8},
};

static void test_ext_value(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ext_values / sizeof ext_values[0]; i++) {
        char mem[64];
        cstar_buf out;
        cstar_buf_fixed(&out, mem, sizeof mem);
        cstar_buf_lit(&out, "=");
        print_message("%s\n", ext_values[i].value);
        assert_int_equal(cstar__ext_value(cstar_cstr(ext_values[i].value), &out),
                         ext_values[i].status);
        const char *expected = ext_values[i].expected != NULL ? ext_values[i].expected : "";
        assert_int_equal(out.len, 1 + strlen(expected));
        assert_memory_equal(out.ptr + 1, expected, strlen(expected));
    }
    failalloc f;
    cstar_buf out;
    failalloc_init(&f, 1);
    cstar_buf_init(&out, &f.alloc, 0);
    assert_int_equal(cstar__ext_value(CSTAR_STR("UTF-8''a"), &out), CSTAR_ENOMEM);
    cstar_buf_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safe),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_ext_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
