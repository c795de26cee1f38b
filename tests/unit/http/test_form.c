/* test_form.c -- urlencoded forms. SPDX-License-Identifier: MIT */
#include "http/form.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* "name=value|name=value|" and "!status" if it ended in one. The text is in memory of exactly its
 * size. */
static void list(const cstar_allocator *alloc, cstar__form_opts o, char *out, size_t size) {
    cstar_arena arena;
    cstar__form f;
    cstar_str name;
    cstar_str value;
    cstar_buf b;
    char *copy = malloc(o.text.len != 0 ? o.text.len : 1);
    assert_non_null(copy);
    if (o.text.len != 0) {
        memcpy(copy, o.text.ptr, o.text.len);
        o.text.ptr = copy;
    }
    cstar_buf_fixed(&b, out, size - 1);
    cstar_arena_init(&arena, alloc, 0);
    o.arena = &arena;
    cstar__form_init(&f, &o);
    while (cstar__form_next(&f, &name, &value)) {
        assert_int_equal(f.status, CSTAR_OK);
        cstar_buf_str(&b, name);
        cstar_buf_byte(&b, '=');
        cstar_buf_str(&b, value);
        cstar_buf_byte(&b, '|');
    }
    cstar_status why = f.status;
    assert_false(cstar__form_next(&f, &name, &value));
    assert_int_equal(f.status, why);
    if (why != CSTAR_OK) {
        cstar_buf_byte(&b, '!');
        cstar_buf_puts(&b, cstar_strerror(why));
    }
    assert_int_equal(cstar_buf_status(&b), CSTAR_OK);
    out[b.len] = '\0';
    cstar_arena_fini(&arena);
    free(copy);
}

static const struct {
    const char *text, *expected;
    bool utf8, strict;
} cases[] = {
    {"", "", true, true},
    {"a=1", "a=1|", true, true},
    {"a=1&b=2", "a=1|b=2|", true, true},
    {"a", "a=|", true, true},
    {"a=", "a=|", true, true},
    {"=1", "=1|", true, true},
    {"=", "=|", true, true},
    {"&", "", true, true},
    {"&&a=1&&b=2&&", "a=1|b=2|", true, true},
    {"a=1=2", "a=1=2|", true, true},
    {"a=1;b=2", "a=1;b=2|", true, true},
    {"a+b=c+d", "a b=c d|", true, true},
    {"+=+", " = |", true, true},
    {"%61=%62", "a=b|", true, true},
    {"a%3Db=c%26d", "a=b=c&d|", true, true},
    {"a=%2B", "a=+|", true, true},
    {"a=%252B", "a=%2B|", true, true},
    {"a=%0D%0A", "a=\r\n|", true, true},
    {"n%c3%A9=%E2%82%AC", "n\xc3\xa9=\xe2\x82\xac|", true, true},
    {"n\xc3\xa9=1", "n\xc3\xa9=1|", true, true},
    {"a=1&a=2", "a=1|a=2|", true, true},
    {"a=%", "a=%|", false, false},
    {"a=%4", "a=%4|", false, false},
    {"a=%zz%4", "a=%zz%4|", false, false},
    {"a=%%41", "a=%A|", false, false},
    {"%=1", "%=1|", false, false},
    {"a=1&b=%&c=3", "a=1|!malformed input", true, true},
    {"%4g=1", "!malformed input", false, true},
    {"a=%ff", "a=\xff|", false, true},
    {"a=1&b=%ff&c=3", "a=1|!invalid UTF-8", true, true},
    {"%c0%ae=1", "!invalid UTF-8", true, false},
    {"a=\xff", "!invalid UTF-8", true, false},
    {"a=%ed%a0%80", "!invalid UTF-8", true, false},
    {"a=%c3&b=%a9", "!invalid UTF-8", true, false},
};

static void test_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[256];
        print_message("%s\n", cases[i].text);
        list(cstar_heap(),
             (cstar__form_opts){.text = cstar_cstr(cases[i].text),
                                .utf8 = cases[i].utf8,
                                .strict = cases[i].strict},
             out, sizeof out);
        assert_string_equal(out, cases[i].expected);
    }
}

static void test_nul_is_a_byte(void **state) {
    (void)state;
    cstar_arena arena;
    cstar__form f;
    cstar_str name;
    cstar_str value;
    cstar_arena_init(&arena, cstar_heap(), 0);
    cstar__form_init(&f, &(cstar__form_opts){.text = CSTAR_STR("a%00b=\0"), .arena = &arena});
    assert_true(cstar__form_next(&f, &name, &value));
    assert_true(cstar_str_eq(name, CSTAR_STR("a\0b")));
    assert_true(cstar_str_eq(value, CSTAR_STR("\0")));
    cstar__form_init(&f, &(cstar__form_opts){.arena = &arena});
    assert_false(cstar__form_next(&f, &name, &value));
    assert_int_equal(f.status, CSTAR_OK);
    cstar_arena_fini(&arena);
}

static void test_limit(void **state) {
    (void)state;
    char out[256];
    cstar__form_opts o = {.text = CSTAR_STR("&a=1&&b=2&c=3&"), .max_pairs = 3};
    list(cstar_heap(), o, out, sizeof out);
    assert_string_equal(out, "a=1|b=2|c=3|");
    o.max_pairs = 2;
    list(cstar_heap(), o, out, sizeof out);
    assert_string_equal(out, "a=1|b=2|!a limit was reached");
}

static void test_default_limit(void **state) {
    (void)state;
    static char text[2 * 1001];
    static char out[8000];
    memset(text, '&', sizeof text);
    for (size_t i = 0; i < sizeof text; i += 2) {
        text[i] = 'a';
    }
    list(cstar_heap(), (cstar__form_opts){.text = {text, 2000}}, out, sizeof out);
    assert_int_equal(strlen(out), 3000);
    list(cstar_heap(), (cstar__form_opts){.text = {text, 2002}}, out, sizeof out);
    assert_non_null(strstr(out, "!a limit was reached"));
}

/* What needs no decoding is not copied, and needs no memory. */
static void test_views(void **state) {
    (void)state;
    failalloc f;
    char out[64];
    failalloc_init(&f, 1);
    list(&f.alloc, (cstar__form_opts){.text = CSTAR_STR("a=1&b=2"), .utf8 = true}, out, sizeof out);
    assert_string_equal(out, "a=1|b=2|");
    assert_int_equal(f.calls, 0);
}

static void test_out_of_memory(void **state) {
    (void)state;
    static char text[20000] = "a=%41&b=";
    static char out[30000];
    memset(text + 8, '+', sizeof text - 8);
    for (size_t n = 1;; n++) {
        failalloc f;
        failalloc_init(&f, n);
        list(&f.alloc, (cstar__form_opts){.text = {text, sizeof text}}, out, sizeof out);
        assert_int_equal(f.live_blocks, 0);
        bool failed = f.calls >= n;
        assert_int_equal(strstr(out, "!out of memory") != NULL, failed);
        if (!failed) {
            assert_true(n > 2);
            return;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),         cmocka_unit_test(test_nul_is_a_byte),
        cmocka_unit_test(test_limit),         cmocka_unit_test(test_default_limit),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
