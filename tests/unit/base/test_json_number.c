/* test_json_number.c -- exact integers, correctly rounded doubles, whatever the locale and however
 * long the text.
 * SPDX-License-Identifier: MIT */
/* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): for mkdtemp, setenv */
#define _DEFAULT_SOURCE

#include "base/json_scan.h"

#include "cstar/json.h"

#include <float.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static cstar_arena arena;

static const cstar_json *read_number(cstar_str text) {
    static const cstar_json_opts opts = {.any_root = true, .max_bytes = (size_t)1 << 24};
    cstar_arena_reset(&arena, 1 << 20);
    return cstar_json_read(&arena, text, &opts, NULL);
}

static void test_integers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } exact[] = {
        {"0", 0},
        {"1", 1},
        {"-1", -1},
        {"10", 10},
        {"9007199254740991", 9007199254740991},
        {"9007199254740993", 9007199254740993},
        {"-9007199254740993", -9007199254740993},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775806", INT64_MAX - 1},
        {"-9223372036854775808", INT64_MIN},
        {"-9223372036854775807", -INT64_MAX},
        {"1000000000000000000", 1000000000000000000},
    };
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        const cstar_json *v = read_number(cstar_cstr(exact[i].text));
        assert_int_equal(cstar_json_typeof(v), CSTAR_JSON_INT);
        assert_true(cstar_json_int(v, 77) == exact[i].value);
        assert_string_equal(cstar_json_number(v).ptr, exact[i].text);
        assert_int_equal(cstar_json_number(v).len, strlen(exact[i].text));
    }
}

static void test_integers_that_are_doubles(void **state) {
    (void)state;
    static const char *const texts[] = {
        "9223372036854775808",
        "-9223372036854775809",
        "12345678901234567890",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999",
        "100000000000000000000000000000",
        "-0",
        "1.0",
        "1e0",
        "36893488147419103232",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const cstar_json *v = read_number(cstar_cstr(texts[i]));
        assert_int_equal(cstar_json_typeof(v), CSTAR_JSON_DOUBLE);
        assert_true(cstar_json_double(v, 77) == strtod(texts[i], NULL));
        assert_string_equal(cstar_json_number(v).ptr, texts[i]);
    }
    /* The negative zero keeps its sign. */
    double zero = cstar_json_double(read_number(CSTAR_STR("-0")), 77);
    assert_true(zero == 0 && 1 / zero < 0);
    zero = cstar_json_double(read_number(CSTAR_STR("-0.0e99999")), 77);
    assert_true(zero == 0 && 1 / zero < 0);
}

static uint64_t bits(double d) {
    uint64_t u;
    memcpy(&u, &d, sizeof u);
    return u;
}

static void same_as_strtod(const char *text) {
    const cstar_json *v = read_number(cstar_cstr(text));
    double want = strtod(text, NULL);
    if (want > DBL_MAX || want < -DBL_MAX) {
        if (v != NULL) {
            fail_msg("%s was not refused", text);
        }
        return;
    }
    if (v == NULL || bits(cstar_json_double(v, 77)) != bits(want)) {
        fail_msg("%.60s: %.17g instead of %.17g", text, cstar_json_double(v, 77), want);
    }
}

static void test_doubles(void **state) {
    (void)state;
    static const char *const texts[] = {
        "0.0",
        "0.1",
        "0.25",
        "1.5",
        "3.141592653589793",
        "0.30000000000000004",
        "1e22",
        "1e23",
        "1e-22",
        "1e-23",
        "123e-22",
        "9007199254740992e22",
        "9007199254740993.0",
        "9007199254740993e1",
        "9007199254740992.5",
        "9007199254740993.5",
        "5e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2.2250738585072014e-308",
        "2.2250738585072011e-308",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "1e308",
        "1e309",
        "-1e309",
        "1e400",
        "1e-400",
        "-1e-400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "0e99999999999999999999",
        "0.0e-5000000000",
        "0.000000000000000000000000000000000000000000000000001e51",
        "100000000000000000000000000000000000000000000e-44",
        /* exactly between two doubles, just below, just above */
        "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124",
        "1."
        "00000000000000011102230246251565404236316680908203125000000000000000000000000000000000"
        "1",
        "6250000000000000000000000000000000e-34",
        "0.000001",
        "1E5",
        "1e+5",
        "12345678901234567890123456789012345678901234567890",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        same_as_strtod(texts[i]);
    }
}

static uint32_t next_random(uint32_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void test_random_doubles(void **state) {
    (void)state;
    uint32_t seed = 20240229;
    for (int i = 0; i < 60000; i++) {
        char text[80];
        size_t n = 0;
        unsigned whole = 1 + next_random(&seed) % 22, fraction = next_random(&seed) % 25;
        text[n++] = (char)('1' + next_random(&seed) % 9);
        while (n < whole) {
            text[n++] = (char)('0' + next_random(&seed) % 10);
        }
        if (fraction != 0) {
            text[n++] = '.';
            while (fraction-- > 0) {
                text[n++] = (char)('0' + next_random(&seed) % 10);
            }
        }
        int exponent = (int)(next_random(&seed) % 660) - 330;
        (void)snprintf(text + n, sizeof text - n, "e%d", i % 3 == 0 ? exponent : exponent / 12);
        same_as_strtod(text);
    }
}

/* Texts longer than what is handed to strtod(): what is cut off still decides between two
 * neighbours. */
static void test_long_numbers(void **state) {
    (void)state;
    static const size_t lengths[] = {768, 769, 770, 771, 772, 800, 832, 833, 1000, 5000, 100000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t zeros = lengths[i];
        char *text = malloc(zeros + 128);
        assert_non_null(text);
        static const char middle[] = "1.00000000000000011102230246251565404236316680908203125";
        memcpy(text, middle, sizeof middle - 1);
        memset(text + sizeof middle - 1, '0', zeros);
        strcpy(text + sizeof middle - 1 + zeros, "1"); /* above the middle by next to nothing */
        assert_true(cstar_json_double(read_number(cstar_cstr(text)), 0) == 1.0 + DBL_EPSILON);
        text[sizeof middle - 1 + zeros] = '0'; /* exactly the middle: ties to even */
        assert_true(cstar_json_double(read_number(cstar_cstr(text)), 0) == 1.0);
        memcpy(text, "1", 1);
        memset(text + 1, '0', zeros);
        (void)sprintf(text + 1 + zeros, "e-%zu", zeros); /* 1, the long way */
        assert_true(cstar_json_double(read_number(cstar_cstr(text)), 0) == 1.0);
        (void)sprintf(text + 1 + zeros, ".7e-%zu", zeros);
        assert_true(cstar_json_double(read_number(cstar_cstr(text)), 0) ==
                    (zeros > 1000000 ? 0 : 1.0));
        memcpy(text, "0.", 2);
        memset(text + 2, '0', zeros);
        (void)sprintf(text + 2 + zeros, "125e%zu", zeros + 3);
        assert_true(cstar_json_double(read_number(cstar_cstr(text)), 0) == 125.0);
        memset(text, '9', zeros);
        (void)sprintf(text + zeros, "e-%zu", zeros);
        assert_true(cstar_json_double(read_number(cstar_cstr(text)), 0) == 1.0);
        free(text);
    }
}

static void test_a_million_digits_are_cheap(void **state) {
    (void)state;
    size_t len = 10000000;
    char *text = malloc(len + 1);
    assert_non_null(text);
    memset(text, '7', len);
    text[len / 2] = '.';
    clock_t start = clock();
    assert_null(read_number(cstar_view(text, len))); /* 10^5000000 */
    text[1] = '.';
    text[len / 2] = '7';
    assert_non_null(read_number(cstar_view(text, len)));
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 3);
    free(text);
}

/* ---- the locale
 * ------------------------------------------------------------------------------- */

static void test_decimal_form(void **state) {
    (void)state;
    static const struct {
        const char *text, *plain;
    } cases[] = {
        {"0", "0"},           {"-0.0", "-0"},       {"0e5", "0"},      {"1", "1e0"},
        {"1.5", "15e-1"},     {"-1.25", "-125e-2"}, {"0.001", "1e-3"}, {"100", "100e0"},
        {"1.50e3", "150e1"},  {"12e-7", "12e-7"},   {"12E+7", "12e7"}, {"0.0e1", "0"},
        {"10.01", "1001e-2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char plain[CSTAR__JSON_DECIMAL_MAX];
        cstar__json_decimal(cstar_cstr(cases[i].text), plain);
        assert_string_equal(plain, cases[i].plain);
    }
    /* The longest form fits: sign, all digits, the one for the rest, the longest exponent. */
    char text[4096], plain[CSTAR__JSON_DECIMAL_MAX];
    memset(text, '9', sizeof text);
    text[0] = '-';
    memcpy(text + sizeof text - 21, "e-9999999999999999999", 21);
    memset(plain, '#', sizeof plain);
    cstar__json_decimal(cstar_view(text, sizeof text), plain);
    assert_non_null(memchr(plain, '\0', sizeof plain));
    assert_null(strpbrk(plain, ".,#"));
}

static bool has_comma(void) { return strcmp(localeconv()->decimal_point, ",") == 0; }

/* A locale with a comma: one that is installed, or one made for the purpose in a directory of our
 * own. */
static bool set_comma_locale(char *dir) {
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",  "fr_FR.UTF-8",
                                        "de_DE",       "es_ES.UTF-8", "pt_BR.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (setlocale(LC_NUMERIC, names[i]) != NULL && has_comma()) {
            return true;
        }
    }
    char command[256];
    (void)snprintf(command, sizeof command,
                   "localedef -c -i de_DE -f UTF-8 %s/comma >/dev/null 2>&1", dir);
    int rc = system(command); /* NOLINT(cert-env33-c): a test's own, fixed command */
    (void)rc;                 /* not 0 for mere warnings: setlocale() tells whether it worked */
    (void)setenv("LOCPATH", dir, 1);
    return setlocale(LC_NUMERIC, "comma") != NULL && has_comma();
}

static void test_comma_locale(void **state) {
    (void)state;
    char dir[] = "/tmp/cstar-locale-XXXXXX";
    char command[128];
    assert_non_null(mkdtemp(dir));
    bool set = set_comma_locale(dir);
    double fast = 0, slow = 0, huge = 0;
    char mem[64];
    cstar_buf out;
    cstar_buf_fixed(&out, mem, sizeof mem);
    if (set) {
        fast = cstar_json_double(read_number(CSTAR_STR("1.5")), 0);
        slow = cstar_json_double(read_number(CSTAR_STR("0.30000000000000004")), 0);
        huge = cstar_json_double(read_number(CSTAR_STR("1.7976931348623157e308")), 0);
        cstar_json_writer w;
        cstar_json_writer_init(&w, &out, 0);
        cstar_json_add(&w, 0.1);
    }
    (void)setlocale(LC_NUMERIC, "C");
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    bool removed = system(command) == 0; /* NOLINT(cert-env33-c) */
    if (!set) {
        skip(); /* test_decimal_form shows that strtod() never sees a decimal point */
    }
    assert_true(removed);
    assert_true(fast == 1.5);
    assert_true(slow == 0.1 + 0.2);
    assert_true(huge == DBL_MAX);
    assert_int_equal(out.len, 3);
    assert_memory_equal(out.ptr, "0.1", 3);
}

static int setup(void **state) {
    (void)state;
    cstar_arena_init(&arena, cstar_heap(), (size_t)64 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    cstar_arena_fini(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),     cmocka_unit_test(test_integers_that_are_doubles),
        cmocka_unit_test(test_doubles),      cmocka_unit_test(test_random_doubles),
        cmocka_unit_test(test_long_numbers), cmocka_unit_test(test_a_million_digits_are_cheap),
        cmocka_unit_test(test_decimal_form), cmocka_unit_test(test_comma_locale),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
