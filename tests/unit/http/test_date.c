/* test_date.c -- HTTP dates, read and written. SPDX-License-Identifier: MIT */
#include "http/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

typedef struct good {
    const char *text;
    int64_t seconds;
} good;

static const good goods[] = {
    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
    {"Sun Nov  6 08:49:37 1994", 784111777},
    {"Wed Nov 16 08:49:37 1994", 784975777},
    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
    {"Thursday, 01-Jan-70 00:00:00 GMT", 0},
    {"Tuesday, 31-Dec-69 23:59:59 GMT", 3155759999},
    {"Tue, 29 Feb 2000 12:00:00 GMT", 951825600},
    {"Thu, 29 Feb 2024 23:59:59 GMT", 1709251199},
    {"Sat, 21 Nov 2026 02:13:33 GMT", 1795227213},
    {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
    {"Mon, 01 Jan 0001 00:00:00 GMT", CSTAR__DATE_MIN},
    {"Fri, 31 Dec 9999 23:59:59 GMT", CSTAR__DATE_MAX},
};

static const char *const bads[] = {
    "",
    "S",
    "Sun",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 GMT ",
    " Sun, 06 Nov 1994 08:49:37 GMT",
    "sun, 06 Nov 1994 08:49:37 GMT",
    "Mon, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 nov 1994 08:49:37 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun,  6 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 94 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:37 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Thu, 31 Nov 1994 08:49:37 GMT",
    "Thu, 29 Feb 1900 08:49:37 GMT",
    "Wed, 29 Feb 2023 08:49:37 GMT",
    "Sat, 01 Jan 0000 00:00:00 GMT",
    "Sun, 06 Nov -994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:3x GMT",
    "Sun, 06 Nov 1994 +8:49:37 GMT",
    "Sunday, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-1994 08:49:37 GMT",
    "Sun, 06-Nov-94 08:49:37 GMT",
    "Sundax, 06-Nov-94 08:49:37 GMT",
    "Monday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov 6 08:49:37 1994",
    "Sun Nov  6 08:49:37 94",
    "Sun Nov 06 08:49:37 1994 GMT",
    "784111777",
    "0",
};

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof goods / sizeof goods[0]; i++) {
        int64_t got = 12345;
        print_message("%s\n", goods[i].text);
        assert_true(cstar__date_parse(cstar_cstr(goods[i].text), &got));
        assert_true(got == goods[i].seconds);
    }
}

static void test_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
        int64_t got = 12345;
        print_message("%s\n", bads[i]);
        assert_false(cstar__date_parse(cstar_cstr(bads[i]), &got));
        assert_true(got == 12345);
    }
    int64_t got = 0;
    assert_false(cstar__date_parse(cstar_view(NULL, 0), &got));
    assert_false(cstar__date_parse((cstar_str){"Sun, 06 Nov 1994 08:49:37 GMT\0", 30}, &got));
}

/* Every prefix of a date, and a date with any one byte changed to something that is no part of
 * one. */
static void test_damaged(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof goods / sizeof goods[0]; i++) {
        size_t len = strlen(goods[i].text);
        char text[64];
        int64_t got = 0;
        for (size_t cut = 0; cut < len; cut++) {
            assert_false(cstar__date_parse(cstar_view(goods[i].text, cut), &got));
            memcpy(text, goods[i].text, len);
            text[cut] = '*';
            assert_false(cstar__date_parse(cstar_view(text, len), &got));
        }
    }
}

static void check_against_libc(int64_t seconds) {
    char ours[CSTAR__DATE_LEN];
    char theirs[64];
    struct tm tm;
    time_t t = (time_t)seconds;
    int64_t back = 0;
    cstar__date_format(ours, seconds);
    assert_non_null(gmtime_r(&t, &tm));
    assert_int_equal(strftime(theirs, sizeof theirs, "%a, %d %b %Y %H:%M:%S GMT", &tm), 29);
    assert_memory_equal(ours, theirs, sizeof ours);
    assert_true(cstar__date_parse(cstar_view(ours, sizeof ours), &back));
    assert_true(back == seconds);
}

static void test_format_is_what_libc_says(void **state) {
    (void)state;
    int64_t from = INT64_C(-30610224000); /* year 1000: before, libc writes fewer digits */
    for (int64_t s = from; s < CSTAR__DATE_MAX; s += INT64_C(8640017) / 3) {
        check_against_libc(s);
    }
    for (int64_t s = -400 * 86400; s < 800 * 86400; s += 86400) {
        check_against_libc(s);
        check_against_libc(s - 1);
    }
    check_against_libc(CSTAR__DATE_MAX);
}

static void test_format_limits(void **state) {
    (void)state;
    char text[CSTAR__DATE_LEN];
    cstar__date_format(text, INT64_MAX);
    assert_memory_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT", sizeof text);
    cstar__date_format(text, INT64_MIN);
    assert_memory_equal(text, "Mon, 01 Jan 0001 00:00:00 GMT", sizeof text);
    cstar__date_format(text, CSTAR__DATE_MIN + 366 * 86400);
    assert_memory_equal(text, "Wed, 02 Jan 0002 00:00:00 GMT", sizeof text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),          cmocka_unit_test(test_bad),
        cmocka_unit_test(test_damaged),       cmocka_unit_test(test_format_is_what_libc_says),
        cmocka_unit_test(test_format_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
