/* test_buf.c -- buffer, arena, views, lines, numbers.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"

#include "cstar/base.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_text(const cstar_buf *b, const char *expected) {
    assert_int_equal(b->status, CSTAR_OK);
    assert_int_equal(b->len, strlen(expected));
    assert_memory_equal(b->ptr, expected, b->len);
}

static void grows_and_keeps_its_bytes(void **state) {
    (void)state;
    failalloc f;
    failalloc_init(&f, 0);
    cstar_buf b;
    cstar_buf_init(&b, &f.alloc, 100000);
    for (int i = 0; i < 10000; i++) {
        cstar_buf_byte(&b, (char)('a' + i % 26));
    }
    assert_int_equal(b.len, 10000);
    assert_int_equal(b.ptr[9999], 'a' + 9999 % 26);
    assert_true(f.calls < 10);
    cstar_buf_fini(&b);
    assert_int_equal(f.live_blocks, 0);
    assert_int_equal(f.live_bytes, 0);
}

static void limit_sticks_and_reset_forgets_it(void **state) {
    (void)state;
    cstar_buf b;
    cstar_buf_init(&b, cstar_heap(), 5);
    cstar_buf_puts(&b, "12345");
    assert_text(&b, "12345");
    cstar_buf_byte(&b, '6');
    assert_int_equal(cstar_buf_status(&b), CSTAR_ELIMIT);
    cstar_buf_reset(&b);
    cstar_buf_puts(&b, "ok");
    assert_text(&b, "ok");
    cstar_buf_fini(&b);
}

static void fixed_never_allocates(void **state) {
    (void)state;
    char mem[4];
    cstar_buf b;
    cstar_buf_fixed(&b, mem, sizeof mem);
    cstar_buf_puts(&b, "abcd");
    assert_text(&b, "abcd");
    cstar_buf_puts(&b, "e");
    assert_int_equal(b.status, CSTAR_ELIMIT);
    assert_int_equal(b.len, 4);
}

static void out_of_memory_sticks(void **state) {
    (void)state;
    failalloc f;
    failalloc_init(&f, 2);
    cstar_buf b;
    cstar_buf_init(&b, &f.alloc, 0);
    cstar_buf_puts(&b, "kept");
    for (int i = 0; i < 1000; i++) {
        cstar_buf_byte(&b, 'x');
    }
    assert_int_equal(b.status, CSTAR_ENOMEM);
    assert_memory_equal(b.ptr, "kept", 4);
    cstar_buf_fini(&b);
    assert_int_equal(f.live_blocks, 0);
}

static void arena_aligns_grows_and_resets(void **state) {
    (void)state;
    failalloc f;
    failalloc_init(&f, 0);
    cstar_arena a;
    cstar_arena_init(&a, &f.alloc, 1 << 20);
    for (size_t i = 1; i < 500; i++) {
        char *p = cstar_arena_alloc(&a, i);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 0xAA, i);
    }
    size_t calls = f.calls;
    cstar_arena_reset(&a, 1 << 20);
    assert_int_equal(f.live_blocks, 1);
    for (int round = 0; round < 100; round++) {
        assert_non_null(cstar_arena_alloc(&a, 1000));
        cstar_arena_reset(&a, 1 << 20);
    }
    assert_int_equal(f.calls, calls); /* steady state: nothing from below */
    cstar_arena_reset(&a, 16);
    assert_int_equal(f.live_blocks, 0);
    assert_int_equal(a.used, 0);
    cstar_arena_fini(&a);
}

static void arena_keeps_to_its_limit(void **state) {
    (void)state;
    cstar_arena a;
    cstar_arena_init(&a, cstar_heap(), 4096);
    assert_null(cstar_arena_alloc(&a, 5000));
    assert_null(cstar_arena_alloc(&a, SIZE_MAX));
    assert_null(cstar_arena_alloc(&a, SIZE_MAX - 40));
    size_t got = 0;
    while (cstar_arena_alloc(&a, 64) != NULL) {
        got += 64;
    }
    assert_in_range(got, 3000, 4096);
    assert_true(a.used <= 4096);
    cstar_arena_fini(&a);
}

static void arena_survives_failure(void **state) {
    (void)state;
    for (size_t n = 1; n < 12; n++) {
        failalloc f;
        failalloc_init(&f, n);
        cstar_arena a;
        cstar_arena_init(&a, &f.alloc, 1 << 20);
        for (int i = 0; i < 40; i++) {
            char *p = cstar_arena_strdup(
                &a, CSTAR_STR("some text that is copied, again and again and again"));
            assert_true(p == NULL || strcmp(p + 45, "again") == 0 || p[0] == 's');
        }
        cstar_arena_fini(&a);
        assert_int_equal(f.live_blocks, 0);
    }
}

static void arena_as_allocator_grows_in_place(void **state) {
    (void)state;
    cstar_arena a;
    cstar_arena_init(&a, cstar_heap(), 1 << 20);
    assert_non_null(cstar_arena_alloc(&a, 16 * 1024)); /* a block with room */
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(&a), 1 << 16);
    cstar_buf_puts(&b, "x");
    const char *first = b.ptr;
    for (int i = 0; i < 4000; i++) {
        cstar_buf_byte(&b, 'y');
    }
    assert_ptr_equal(first, b.ptr);
    assert_int_equal(b.len, 4001);
    cstar_arena_fini(&a);
}

static void lines_end_on_cr_lf_and_crlf(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *joined; /* lines with '|' behind each */
    } cases[] = {
        {"", "|"},
        {"a", "a|"},
        {"a\n", "a||"},
        {"a\rb\nc\r\nd", "a|b|c|d|"},
        {"\r\n\r\n", "|||"},
        {"\n\r", "|||"},
        {"\r\r\n", "|||"},
        {"long line before the break\nlong line behind the break",
         "long line before the break|long line behind the break|"},
        {"12345678\r12345678\r\n", "12345678|12345678||"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char mem[128];
        cstar_buf b;
        cstar_buf_fixed(&b, mem, sizeof mem);
        cstar_str rest = cstar_cstr(cases[i].text);
        cstar_str line;
        while (cstar_line_next(&rest, &line)) {
            cstar_buf_str(&b, line);
            cstar_buf_byte(&b, '|');
        }
        assert_text(&b, cases[i].joined);
    }
    cstar_str none = {NULL, 0};
    cstar_str line;
    assert_false(cstar_line_next(&none, &line));
}

static void lines_of_only_cr_are_not_quadratic(void **state) {
    (void)state;
    enum { N = 1 << 20 };
    char *text = malloc(N);
    assert_non_null(text);
    memset(text, '\r', N);
    cstar_str rest = cstar_view(text, N);
    cstar_str line;
    size_t lines = 0;
    while (cstar_line_next(&rest, &line)) {
        lines++;
    }
    assert_int_equal(lines, N + 1);
    free(text);
}

static void integers_at_the_edges(void **state) {
    (void)state;
    char mem[128];
    cstar_buf b;
    cstar_buf_fixed(&b, mem, sizeof mem);
    cstar_buf_int(&b, INT64_MIN);
    cstar_buf_byte(&b, ' ');
    cstar_buf_int(&b, INT64_MAX);
    cstar_buf_byte(&b, ' ');
    cstar_buf_uint(&b, UINT64_MAX);
    cstar_buf_byte(&b, ' ');
    cstar_buf_int(&b, 0);
    assert_text(&b, "-9223372036854775808 9223372036854775807 18446744073709551615 0");
}

static void check_doubles(void) {
    static const struct {
        double d;
        const char *text;
    } cases[] = {
        {0.1, "0.1"},
        {42, "42"},
        {-3, "-3"},
        {-0.0, "-0"},
        {1e300, "1e+300"},
        {1.0 / 3, "0.3333333333333333"},
        {5e-324, "5e-324"},
        {9007199254740991.0, "9007199254740991"},
        {123456.789, "123456.789"},
        {1e21, "1e+21"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char mem[64];
        cstar_buf b;
        cstar_buf_fixed(&b, mem, sizeof mem);
        cstar_buf_double(&b, cases[i].d);
        assert_text(&b, cases[i].text);
    }
}

static void doubles_are_short_and_exact(void **state) {
    (void)state;
    check_doubles();
    char mem[64];
    cstar_buf b;
    cstar_buf_fixed(&b, mem, sizeof mem);
    volatile double zero = 0;
    cstar_buf_double(&b, zero / zero);
    cstar_buf_double(&b, 1 / zero);
    assert_text(&b, "nullnull");
}

static void doubles_ignore_the_locale(void **state) {
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "ps_AF.UTF-8"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++) {
        found = setlocale(LC_NUMERIC, names[i]) != NULL;
    }
    check_doubles();
    setlocale(LC_NUMERIC, "C");
    if (!found) {
        skip();
    }
}

static void errors_are_cut_to_fit(void **state) {
    (void)state;
    cstar_err err = {0};
    char longer[400];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(cstar_err_set(&err, CSTAR_EINVAL, "name", "name: %s", longer), CSTAR_EINVAL);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_string_equal(err.where, "name");
    assert_int_equal(cstar_err_set(NULL, CSTAR_EIO, NULL, "x"), CSTAR_EIO);
    assert_string_equal(cstar_strerror(CSTAR_EDUP), "duplicate key");
    assert_string_equal(cstar_strerror((cstar_status)-999), "unknown status");
}

static void ticker_never_repeats(void **state) {
    (void)state;
    cstar_ticker t = {0};
    uint64_t last = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t n = cstar_ticker_next(&t);
        assert_true(n > last);
        last = n;
    }
    assert_true(last < (UINT64_C(1) << 53));
    t.last = UINT64_C(1) << 52; /* a clock that went back */
    assert_true(cstar_ticker_next(&t) == (UINT64_C(1) << 52) + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_keeps_its_bytes),
        cmocka_unit_test(limit_sticks_and_reset_forgets_it),
        cmocka_unit_test(fixed_never_allocates),
        cmocka_unit_test(out_of_memory_sticks),
        cmocka_unit_test(arena_aligns_grows_and_resets),
        cmocka_unit_test(arena_keeps_to_its_limit),
        cmocka_unit_test(arena_survives_failure),
        cmocka_unit_test(arena_as_allocator_grows_in_place),
        cmocka_unit_test(lines_end_on_cr_lf_and_crlf),
        cmocka_unit_test(lines_of_only_cr_are_not_quadratic),
        cmocka_unit_test(integers_at_the_edges),
        cmocka_unit_test(doubles_are_short_and_exact),
        cmocka_unit_test(doubles_ignore_the_locale),
        cmocka_unit_test(errors_are_cut_to_fit),
        cmocka_unit_test(ticker_never_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
