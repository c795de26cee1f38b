/* test_path.c -- hostile paths, and a few honest ones. SPDX-License-Identifier: MIT */
#include "http/path.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
    const char *path, *file;
    bool dir;
} good[] = {
    {"/", "", true},
    {"/a", "a", false},
    {"/a/", "a", true},
    {"/a/b.txt", "a/b.txt", false},
    {"/a/b/c/d/e/f", "a/b/c/d/e/f", false},
    {"/index.html", "index.html", false},
    {"/a%20b.txt", "a b.txt", false},
    {"/a+b.txt", "a+b.txt", false},
    {"/%61", "a", false},
    {"/na%C3%AFve", "na\xc3\xafve", false},
    {"/a..b", "a..b", false},
    {"/a...b/c", "a...b/c", false},
    {"/a.b.c", "a.b.c", false},
    {"/-rf", "-rf", false},
    {"/~root", "~root", false},
    {"/$HOME", "$HOME", false},
    {"/a%3Fb", "a?b", false},
    {"/a%23b", "a#b", false},
    {"/a%25b", "a%b", false},
    {"/%252e%252e/x", "%2e%2e/x", false}, /* decoded once: a name, not a step */
    {"/%252e%252e%252fx", "%2e%2e%2fx", false},
    {"/a%26b=c", "a&b=c", false},
    {"/ a", " a", false},
};

static const struct {
    const char *path;
    cstar_status status;
} bad[] = {
    /* no path */
    {"", CSTAR_ESYNTAX},
    {"a", CSTAR_ESYNTAX},
    {"*", CSTAR_ESYNTAX},
    {"../etc/passwd", CSTAR_ESYNTAX},
    {"./a", CSTAR_ESYNTAX},
    {"%2fetc", CSTAR_ESYNTAX},
    {"\\etc", CSTAR_ESYNTAX},
    {"http://a/b", CSTAR_ESYNTAX},
    {"C:/a", CSTAR_ESYNTAX},
    /* up */
    {"/..", CSTAR_EPOLICY},
    {"/../", CSTAR_EPOLICY},
    {"/../etc/passwd", CSTAR_EPOLICY},
    {"/a/..", CSTAR_EPOLICY},
    {"/a/../", CSTAR_EPOLICY},
    {"/a/../b", CSTAR_EPOLICY},
    {"/a/../../b", CSTAR_EPOLICY},
    {"/a/b/../../../etc/passwd", CSTAR_EPOLICY},
    {"/%2e%2e", CSTAR_EPOLICY},
    {"/%2E%2E/x", CSTAR_EPOLICY},
    {"/%2e./x", CSTAR_EPOLICY},
    {"/.%2e/x", CSTAR_EPOLICY},
    {"/.%2E/%2e./x", CSTAR_EPOLICY},
    {"/a/%2e%2e/b", CSTAR_EPOLICY},
    {"/a%2f..%2fb", CSTAR_EPOLICY},
    {"/%2e%2e%2f", CSTAR_EPOLICY},
    {"/%2e%2e%2fetc%2fpasswd", CSTAR_EPOLICY},
    {"/..%2f..%2fetc%2fpasswd", CSTAR_EPOLICY},
    {"/..%5c..%5cboot.ini", CSTAR_EPOLICY},
    {"/..\\..\\boot.ini", CSTAR_EPOLICY},
    {"/a/..\\b", CSTAR_EPOLICY},
    {"/...", CSTAR_EPOLICY},
    {"/..../x", CSTAR_EPOLICY},
    {"/.../...//x", CSTAR_EPOLICY},
    {"/.. /x", CSTAR_EPOLICY},
    {"/..%20/x", CSTAR_EPOLICY},
    {"/..;/x", CSTAR_EPOLICY},
    {"/..%00/x", CSTAR_EPOLICY},
    {"/..%0d/x", CSTAR_EPOLICY},
    {"/..%09/x", CSTAR_EPOLICY},
    /* here */
    {"/.", CSTAR_EPOLICY},
    {"/./", CSTAR_EPOLICY},
    {"/./a", CSTAR_EPOLICY},
    {"/a/.", CSTAR_EPOLICY},
    {"/a/./b", CSTAR_EPOLICY},
    {"/%2e", CSTAR_EPOLICY},
    {"/%2e/a", CSTAR_EPOLICY},
    /* empty */
    {"//", CSTAR_EPOLICY},
    {"///", CSTAR_EPOLICY},
    {"//a", CSTAR_EPOLICY},
    {"/a//", CSTAR_EPOLICY},
    {"/a//b", CSTAR_EPOLICY},
    {"//etc/passwd", CSTAR_EPOLICY},
    {"//evil.example/x", CSTAR_EPOLICY},
    {"/a///b", CSTAR_EPOLICY},
    /* slashes in names */
    {"/%2f", CSTAR_EPOLICY},
    {"/%2F", CSTAR_EPOLICY},
    {"/%2fetc%2fpasswd", CSTAR_EPOLICY},
    {"/a%2fb", CSTAR_EPOLICY},
    {"/a/%2f/b", CSTAR_EPOLICY},
    {"/a\\b", CSTAR_EPOLICY},
    {"/a%5cb", CSTAR_EPOLICY},
    {"/a%5Cb", CSTAR_EPOLICY},
    {"/\\", CSTAR_EPOLICY},
    {"/%5c%5chost%5cshare", CSTAR_EPOLICY},
    /* other systems */
    {"/C:", CSTAR_EPOLICY},
    {"/C:/boot.ini", CSTAR_EPOLICY},
    {"/c%3a/boot.ini", CSTAR_EPOLICY},
    {"/a.txt::$DATA", CSTAR_EPOLICY},
    {"/a.txt:stream", CSTAR_EPOLICY},
    {"/a.txt.", CSTAR_EPOLICY},
    {"/a.txt%20", CSTAR_EPOLICY},
    {"/a./b", CSTAR_EPOLICY},
    {"/a%2e/b", CSTAR_EPOLICY},
    /* control bytes */
    {"/%00", CSTAR_EPOLICY},
    {"/a%00", CSTAR_EPOLICY},
    {"/a.php%00.txt", CSTAR_EPOLICY},
    {"/a%00/../b", CSTAR_EPOLICY},
    {"/a%0a", CSTAR_EPOLICY},
    {"/a%0d%0aSet-Cookie:x", CSTAR_EPOLICY},
    {"/a%1bb", CSTAR_EPOLICY},
    {"/a%7f", CSTAR_EPOLICY},
    {"/a\tb", CSTAR_EPOLICY},
    /* hidden */
    {"/.git", CSTAR_EPOLICY},
    {"/.git/config", CSTAR_EPOLICY},
    {"/.env", CSTAR_EPOLICY},
    {"/a/.htaccess", CSTAR_EPOLICY},
    {"/%2egit/config", CSTAR_EPOLICY},
    {"/%2eenv", CSTAR_EPOLICY},
    {"/a/%2Ehtpasswd", CSTAR_EPOLICY},
    {"/.a/b", CSTAR_EPOLICY},
    {"/..a", CSTAR_EPOLICY},
    /* not UTF-8 */
    {"/%ff", CSTAR_EUTF8},
    {"/a%80", CSTAR_EUTF8},
    {"/%c3", CSTAR_EUTF8},
    {"/%c0%ae%c0%ae/x", CSTAR_EUTF8},
    {"/%c0%ae%c0%ae%c0%afx", CSTAR_EUTF8},
    {"/%e0%80%ae/x", CSTAR_EUTF8},
    {"/%c0%af", CSTAR_EUTF8},
    {"/%ed%a0%80", CSTAR_EUTF8},
    {"/%f4%90%80%80", CSTAR_EUTF8},
    {"/\xff", CSTAR_EUTF8},
    {"/%c3/%a9", CSTAR_EUTF8},
    /* bad coding */
    {"/%", CSTAR_ESYNTAX},
    {"/%2", CSTAR_ESYNTAX},
    {"/a%", CSTAR_ESYNTAX},
    {"/a%zz", CSTAR_ESYNTAX},
    {"/%u002e%u002e/x", CSTAR_ESYNTAX},
    {"/%%2e", CSTAR_ESYNTAX},
    {"/%2/e", CSTAR_ESYNTAX},
    {"/a%2\x65%", CSTAR_ESYNTAX},
};

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char mem[64];
        cstar_buf out;
        bool dir = !good[i].dir;
        cstar_buf_fixed(&out, mem, sizeof mem);
        print_message("%s\n", good[i].path);
        assert_int_equal(cstar__path_to_file(cstar_cstr(good[i].path), NULL, &out, &dir), CSTAR_OK);
        assert_true(cstar_str_eq(cstar_buf_view(&out), cstar_cstr(good[i].file)));
        assert_int_equal(dir, good[i].dir);
    }
}

static void test_bad(void **state) {
    (void)state;
    assert_true(sizeof bad / sizeof bad[0] >= 80);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char mem[64] = "root/";
        cstar_buf out;
        bool dir = true;
        cstar_buf_fixed(&out, mem, sizeof mem);
        out.len = 5;
        print_message("%s\n", bad[i].path);
        assert_int_equal(cstar__path_to_file(cstar_cstr(bad[i].path), NULL, &out, &dir),
                         bad[i].status);
        assert_true(cstar_str_eq(cstar_buf_view(&out), CSTAR_STR("root/")));
        assert_true(dir);
    }
}

static void test_hidden_if_allowed(void **state) {
    (void)state;
    static const struct {
        const char *path;
        cstar_status status;
    } cases[] = {
        {"/.well-known/acme", CSTAR_OK}, {"/.git", CSTAR_OK},        {"/..a", CSTAR_OK},
        {"/%2eenv", CSTAR_OK},           {"/.", CSTAR_EPOLICY},      {"/..", CSTAR_EPOLICY},
        {"/%2e%2e/x", CSTAR_EPOLICY},    {"/a/../b", CSTAR_EPOLICY}, {"/...", CSTAR_EPOLICY},
        {"/.a.", CSTAR_EPOLICY}};
    const cstar__path_opts hidden = {.hidden = true};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char mem[64];
        cstar_buf out;
        bool dir = false;
        cstar_buf_fixed(&out, mem, sizeof mem);
        print_message("%s\n", cases[i].path);
        assert_int_equal(cstar__path_to_file(cstar_cstr(cases[i].path), &hidden, &out, &dir),
                         cases[i].status);
    }
}

static void test_limits(void **state) {
    (void)state;
    char path[CSTAR__PATH_MAX + 2];
    cstar_buf out;
    bool dir = false;
    cstar_buf_init(&out, cstar_heap(), 0);
    memset(path, 'a', sizeof path);
    path[0] = '/';
    assert_int_equal(cstar__path_to_file(cstar_view(path, 256), NULL, &out, &dir), CSTAR_OK);
    assert_int_equal(cstar__path_to_file(cstar_view(path, 257), NULL, &out, &dir), CSTAR_ELIMIT);
    for (size_t i = 0; i < sizeof path; i += 200) {
        path[i] = '/';
    }
    assert_int_equal(cstar__path_to_file(cstar_view(path, CSTAR__PATH_MAX), NULL, &out, &dir),
                     CSTAR_OK);
    assert_int_equal(cstar__path_to_file(cstar_view(path, CSTAR__PATH_MAX + 1), NULL, &out, &dir),
                     CSTAR_ELIMIT);
    cstar_buf_fini(&out);
    char small[3];
    cstar_buf_fixed(&out, small, sizeof small);
    assert_int_equal(cstar__path_to_file(CSTAR_STR("/abcd"), NULL, &out, &dir), CSTAR_ELIMIT);
    assert_int_equal(out.len, 0);
}

static void test_out_of_memory(void **state) {
    (void)state;
    failalloc f;
    cstar_buf out;
    bool dir = false;
    failalloc_init(&f, 1);
    cstar_buf_init(&out, &f.alloc, 0);
    assert_int_equal(cstar__path_to_file(CSTAR_STR("/a"), NULL, &out, &dir), CSTAR_ENOMEM);
    assert_int_equal(out.len, 0);
    cstar_buf_fini(&out);
}

/* Whatever goes in: what comes out has nothing in it that leaves the root. */
static void test_any_path(void **state) {
    (void)state;
    static const char *const pieces[] = {"/",   "..", ".", "%2e", "%2f",   "a",        "b.c", "%00",
                                         "%5c", "\\", "%", "//",  "%252e", "\xc3\xa9", " ",   ":"};
    uint32_t x = 7;
    size_t accepted = 0;
    for (int round = 0; round < 100000; round++) {
        char path[128] = "/";
        char mem[128];
        cstar_buf out;
        bool dir = false;
        x = x * 1664525u + 1013904223u;
        for (uint32_t k = x, n = 1 + (x >> 28) % 7; n != 0; n--) {
            k = k * 1664525u + 1013904223u;
            strcat(path, pieces[(k >> 16) % 16]);
        }
        cstar_buf_fixed(&out, mem, sizeof mem - 3);
        const cstar__path_opts hidden = {.hidden = true};
        if (cstar__path_to_file(cstar_cstr(path), &hidden, &out, &dir) != CSTAR_OK) {
            assert_int_equal(out.len, 0);
            continue;
        }
        accepted += out.len != 0;
        char framed[140];
        (void)snprintf(framed, sizeof framed, "/%.*s/", (int)out.len, mem);
        assert_int_equal(strlen(framed), out.len + 2);
        assert_null(strstr(framed, "/../"));
        assert_null(strstr(framed, "/./"));
        assert_true(out.len == 0 || strstr(framed, "//") == NULL);
        assert_null(strchr(framed, '\\'));
    }
    assert_true(accepted > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),          cmocka_unit_test(test_bad),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_hidden_if_allowed),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_any_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
