/* test_range.c -- entity tags, ranges, conditions. SPDX-License-Identifier: MIT */
#include "http/etag.h"
#include "http/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- entity tags ---------------------------------------------------------------------------- */

static void test_etag_ok(void **state) {
    (void)state;
    static const char *const good[] = {"\"\"",         "\"a\"",  "W/\"a\"", "\"a,b;c\"",
                                       "\"\xc3\xa9\"", "\"W/\"", "\"a\\\""};
    static const char *const bad[] = {"",        "a",         "\"",       "\"a",       "a\"",
                                      "w/\"a\"", "W\"a\"",    "W/",       "W/a",       "\"a b\"",
                                      "\"a\"b",  " \"a\"",    "\"a\" ",   "\"a\n\"",   "\"a\x7f\"",
                                      "'a'",     "W/W/\"a\"", "W/ \"a\"", "\"a\"\"b\""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(cstar__etag_ok(cstar_cstr(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        print_message("%s\n", bad[i]);
        assert_false(cstar__etag_ok(cstar_cstr(bad[i])));
    }
    assert_false(cstar__etag_ok(cstar_view(NULL, 0)));
    assert_false(cstar__etag_ok(CSTAR_STR("\"a\0\"")));
}

/* RFC 9110 8.8.3.2, its table. */
static void test_etag_compare(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool strong, weak;
    } cases[] = {
        {"W/\"1\"", "W/\"1\"", false, true}, {"W/\"1\"", "W/\"2\"", false, false},
        {"W/\"1\"", "\"1\"", false, true},   {"\"1\"", "\"1\"", true, true},
        {"\"1\"", "\"2\"", false, false},    {"\"1\"", "\"1", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cstar_str a = cstar_cstr(cases[i].a);
        cstar_str b = cstar_cstr(cases[i].b);
        assert_int_equal(cstar__etag_strong_eq(a, b), cases[i].strong);
        assert_int_equal(cstar__etag_strong_eq(b, a), cases[i].strong);
        assert_int_equal(cstar__etag_weak_eq(a, b), cases[i].weak);
        assert_int_equal(cstar__etag_weak_eq(b, a), cases[i].weak);
    }
    assert_false(cstar__etag_weak_eq(cstar_view(NULL, 0), cstar_view(NULL, 0)));
}

static void test_etag_list(void **state) {
    (void)state;
    static const struct {
        const char *list;
        cstar__etag_found weak, strong; /* of "a" */
    } cases[] = {
        {"\"a\"", CSTAR__ETAG_FOUND, CSTAR__ETAG_FOUND},
        {"W/\"a\"", CSTAR__ETAG_FOUND, CSTAR__ETAG_NONE},
        {"\"b\", \"a\"", CSTAR__ETAG_FOUND, CSTAR__ETAG_FOUND},
        {"\"b\",W/\"a\" , \"c\"", CSTAR__ETAG_FOUND, CSTAR__ETAG_NONE},
        {" \"a\" ", CSTAR__ETAG_FOUND, CSTAR__ETAG_FOUND},
        {",, \"a\" ,,", CSTAR__ETAG_FOUND, CSTAR__ETAG_FOUND},
        {"\"b\"", CSTAR__ETAG_NONE, CSTAR__ETAG_NONE},
        {"\"a,b\"", CSTAR__ETAG_NONE, CSTAR__ETAG_NONE},
        {"\"A\"", CSTAR__ETAG_NONE, CSTAR__ETAG_NONE},
        {"*", CSTAR__ETAG_ANY, CSTAR__ETAG_ANY},
        {" * ", CSTAR__ETAG_ANY, CSTAR__ETAG_ANY},
        {"\"*\"", CSTAR__ETAG_NONE, CSTAR__ETAG_NONE},
        {"", CSTAR__ETAG_BAD, CSTAR__ETAG_BAD},
        {",", CSTAR__ETAG_BAD, CSTAR__ETAG_BAD},
        {"a", CSTAR__ETAG_BAD, CSTAR__ETAG_BAD},
        {"*, \"a\"", CSTAR__ETAG_BAD, CSTAR__ETAG_BAD},
        {"\"a\", *", CSTAR__ETAG_BAD, CSTAR__ETAG_BAD},
        {"**", CSTAR__ETAG_BAD, CSTAR__ETAG_BAD},
        {"\"a\" \"b\"", CSTAR__ETAG_BAD, CSTAR__ETAG_BAD},
        {"\"a\", b", CSTAR__ETAG_BAD, CSTAR__ETAG_BAD},
        {"\"a\", \"b", CSTAR__ETAG_BAD, CSTAR__ETAG_BAD},
        {"\"a\";\"b\"", CSTAR__ETAG_BAD, CSTAR__ETAG_BAD},
        {"w/\"a\"", CSTAR__ETAG_BAD, CSTAR__ETAG_BAD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cstar_str list = cstar_cstr(cases[i].list);
        print_message("%s\n", cases[i].list);
        assert_int_equal(cstar__etag_find(list, CSTAR_STR("\"a\""), true), cases[i].weak);
        assert_int_equal(cstar__etag_find(list, CSTAR_STR("\"a\""), false), cases[i].strong);
    }
    assert_int_equal(cstar__etag_find(CSTAR_STR("\"a\""), CSTAR_STR("W/\"a\""), false),
                     CSTAR__ETAG_NONE);
    assert_int_equal(cstar__etag_find(CSTAR_STR("\"a\""), cstar_view(NULL, 0), true),
                     CSTAR__ETAG_NONE);
}

/* ---- Range ---------------------------------------------------------------------------------- */

static const struct {
    const char *value;
    uint64_t size;
    cstar__range_kind kind;
    uint64_t first, length;
} ranges[] = {
    {"bytes=0-499", 1000, CSTAR__RANGE_PART, 0, 500},
    {"bytes=0-0", 1000, CSTAR__RANGE_PART, 0, 1},
    {"bytes=999-999", 1000, CSTAR__RANGE_PART, 999, 1},
    {"bytes=500-", 1000, CSTAR__RANGE_PART, 500, 500},
    {"bytes=0-", 1000, CSTAR__RANGE_PART, 0, 1000},
    {"bytes=-500", 1000, CSTAR__RANGE_PART, 500, 500},
    {"bytes=-1000", 1000, CSTAR__RANGE_PART, 0, 1000},
    {"bytes=-1001", 1000, CSTAR__RANGE_PART, 0, 1000},
    {"bytes=500-9999", 1000, CSTAR__RANGE_PART, 500, 500},
    {"bytes=1-99999999999999999999999999", 1000, CSTAR__RANGE_PART, 1, 999},
    {"bytes=1-18446744073709551615", 1000, CSTAR__RANGE_PART, 1, 999},
    {"bytes=-99999999999999999999999999", 1000, CSTAR__RANGE_PART, 0, 1000},
    {"BYTES=0-1", 1000, CSTAR__RANGE_PART, 0, 2},
    {" bytes=0-1\t", 1000, CSTAR__RANGE_PART, 0, 2},
    {"bytes=000-001", 1000, CSTAR__RANGE_PART, 0, 2},
    {"bytes=0-18446744073709551615", UINT64_MAX, CSTAR__RANGE_PART, 0, UINT64_MAX},
    {"bytes=1000-", 1000, CSTAR__RANGE_OUTSIDE, 0, 0},
    {"bytes=1000-1001", 1000, CSTAR__RANGE_OUTSIDE, 0, 0},
    {"bytes=99999999999999999999999999-", 1000, CSTAR__RANGE_OUTSIDE, 0, 0},
    {"bytes=18446744073709551615-", UINT64_MAX, CSTAR__RANGE_OUTSIDE, 0, 0},
    {"bytes=-0", 1000, CSTAR__RANGE_OUTSIDE, 0, 0},
    {"bytes=0-", 0, CSTAR__RANGE_OUTSIDE, 0, 0},
    {"bytes=0-0", 0, CSTAR__RANGE_OUTSIDE, 0, 0},
    {"bytes=-1", 0, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=0-0,2-3", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=0-, 0-, 0-", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=,0-1", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=0-1,", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=500-499", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=-", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=0", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=a-b", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=0x0-0x1", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=--1", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=0--1", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=+0-1", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes = 0-1", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes= 0-1", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=0 - 1", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes=0-1 2", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"bytes:0-1", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"items=0-1", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"=0-1", 1000, CSTAR__RANGE_NONE, 0, 0},
    {"", 1000, CSTAR__RANGE_NONE, 0, 0},
};

static void test_ranges(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        cstar__outcome o = {7, 7, 7};
        print_message("%s\n", ranges[i].value);
        assert_int_equal(cstar__range_parse(cstar_cstr(ranges[i].value), ranges[i].size, &o),
                         ranges[i].kind);
        bool part = ranges[i].kind == CSTAR__RANGE_PART;
        assert_int_equal(o.status, part ? 206 : 7);
        assert_true(o.first == (part ? ranges[i].first : 7));
        assert_true(o.length == (part ? ranges[i].length : 7));
    }
}

static void test_content_range(void **state) {
    (void)state;
    char mem[100];
    cstar_buf out;
    cstar_buf_fixed(&out, mem, sizeof mem);
    cstar__content_range(&out, &(cstar__outcome){206, 500, 500}, 1000);
    cstar__content_range(&out, &(cstar__outcome){416, 0, 0}, 1000);
    assert_true(cstar_str_eq(cstar_buf_view(&out), CSTAR_STR("bytes 500-999/1000bytes */1000")));
}

/* ---- conditions ----------------------------------------------------------------------------- */

#define T0 "Sun, 06 Nov 1994 08:49:36 GMT"
#define T1 "Sun, 06 Nov 1994 08:49:37 GMT" /* the resource */
#define T1_RFC850 "Sunday, 06-Nov-94 08:49:37 GMT"
#define T2 "Sun, 06 Nov 1994 08:49:38 GMT"

typedef struct condition {
    const char *name;
    cstar__method method;
    const char *fields[6]; /* name, value */
    int status;
    uint64_t first, length;
} condition;

#define WHOLE 200, 0, 1000
#define NOT_MODIFIED 304, 0, 0
#define FAILED 412, 0, 0
#define PART 206, 0, 10
#define R0_9 "range", "bytes=0-9"

static const condition conditions[] = {
    {"none", CSTAR__GET, {NULL}, WHOLE},
    {"inm, same", CSTAR__GET, {"if-none-match", "\"v1\""}, NOT_MODIFIED},
    {"inm, same, HEAD", CSTAR__HEAD, {"if-none-match", "\"v1\""}, NOT_MODIFIED},
    {"inm, same, POST", CSTAR__POST, {"if-none-match", "\"v1\""}, FAILED},
    {"inm, weak", CSTAR__GET, {"if-none-match", "W/\"v1\""}, NOT_MODIFIED},
    {"inm, other", CSTAR__GET, {"if-none-match", "\"v0\""}, WHOLE},
    {"inm, any", CSTAR__GET, {"if-none-match", "*"}, NOT_MODIFIED},
    {"inm, any, PUT", CSTAR__PUT, {"if-none-match", "*"}, FAILED},
    {"inm, list", CSTAR__GET, {"if-none-match", "\"v0\", \"v1\""}, NOT_MODIFIED},
    {"inm, two fields",
     CSTAR__GET,
     {"if-none-match", "\"v0\"", "if-none-match", "\"v1\""},
     NOT_MODIFIED},
    {"inm, malformed", CSTAR__GET, {"if-none-match", "\"v1\", v0"}, WHOLE},
    {"ims, same", CSTAR__GET, {"if-modified-since", T1}, NOT_MODIFIED},
    {"ims, same, obsolete form", CSTAR__GET, {"if-modified-since", T1_RFC850}, NOT_MODIFIED},
    {"ims, later", CSTAR__HEAD, {"if-modified-since", T2}, NOT_MODIFIED},
    {"ims, before", CSTAR__GET, {"if-modified-since", T0}, WHOLE},
    {"ims, POST", CSTAR__POST, {"if-modified-since", T1}, WHOLE},
    {"ims, malformed", CSTAR__GET, {"if-modified-since", "yesterday"}, WHOLE},
    {"ims, twice", CSTAR__GET, {"if-modified-since", T2, "if-modified-since", T2}, WHOLE},
    {"ims does not count beside inm",
     CSTAR__GET,
     {"if-none-match", "\"v0\"", "if-modified-since", T2},
     WHOLE},
    {"inm counts beside ims",
     CSTAR__GET,
     {"if-none-match", "\"v1\"", "if-modified-since", T0},
     NOT_MODIFIED},
    {"im, same", CSTAR__PUT, {"if-match", "\"v1\""}, WHOLE},
    {"im, weak", CSTAR__PUT, {"if-match", "W/\"v1\""}, FAILED},
    {"im, other", CSTAR__PUT, {"if-match", "\"v0\""}, FAILED},
    {"im, other, GET", CSTAR__GET, {"if-match", "\"v0\""}, FAILED},
    {"im, any", CSTAR__DELETE, {"if-match", "*"}, WHOLE},
    {"im, malformed", CSTAR__PUT, {"if-match", "v1"}, FAILED},
    {"im, two fields", CSTAR__PUT, {"if-match", "\"v0\"", "if-match", "\"v1\""}, WHOLE},
    {"ius, same", CSTAR__PUT, {"if-unmodified-since", T1}, WHOLE},
    {"ius, later", CSTAR__PUT, {"if-unmodified-since", T2}, WHOLE},
    {"ius, before", CSTAR__PUT, {"if-unmodified-since", T0}, FAILED},
    {"ius, malformed", CSTAR__PUT, {"if-unmodified-since", "0"}, WHOLE},
    {"ius does not count beside im",
     CSTAR__PUT,
     {"if-match", "\"v1\"", "if-unmodified-since", T0},
     WHOLE},
    {"im then inm", CSTAR__GET, {"if-match", "\"v1\"", "if-none-match", "\"v1\""}, NOT_MODIFIED},
    {"range", CSTAR__GET, {R0_9}, PART},
    {"range, HEAD", CSTAR__HEAD, {R0_9}, WHOLE},
    {"range, POST", CSTAR__POST, {R0_9}, WHOLE},
    {"range, outside", CSTAR__GET, {"range", "bytes=1000-"}, 416, 0, 0},
    {"range, malformed", CSTAR__GET, {"range", "bytes=9-0"}, WHOLE},
    {"range, several", CSTAR__GET, {"range", "bytes=0-1,2-3"}, WHOLE},
    {"range, twice", CSTAR__GET, {R0_9, R0_9}, WHOLE},
    {"range, 304 first", CSTAR__GET, {R0_9, "if-none-match", "\"v1\""}, NOT_MODIFIED},
    {"range, 412 first", CSTAR__GET, {R0_9, "if-match", "\"v0\""}, FAILED},
    {"range, inm other", CSTAR__GET, {R0_9, "if-none-match", "\"v0\""}, PART},
    {"if-range, same", CSTAR__GET, {R0_9, "if-range", "\"v1\""}, PART},
    {"if-range, other", CSTAR__GET, {R0_9, "if-range", "\"v0\""}, WHOLE},
    {"if-range, weak", CSTAR__GET, {R0_9, "if-range", "W/\"v1\""}, WHOLE},
    {"if-range, list", CSTAR__GET, {R0_9, "if-range", "\"v1\", \"v0\""}, WHOLE},
    {"if-range, any", CSTAR__GET, {R0_9, "if-range", "*"}, WHOLE},
    {"if-range, date", CSTAR__GET, {R0_9, "if-range", T1}, PART},
    {"if-range, date before", CSTAR__GET, {R0_9, "if-range", T0}, WHOLE},
    {"if-range, date later", CSTAR__GET, {R0_9, "if-range", T2}, WHOLE},
    {"if-range, malformed", CSTAR__GET, {R0_9, "if-range", "v1"}, WHOLE},
    {"if-range, empty", CSTAR__GET, {R0_9, "if-range", ""}, WHOLE},
    {"if-range, twice", CSTAR__GET, {R0_9, "if-range", "\"v1\"", "if-range", "\"v1\""}, WHOLE},
    {"if-range, range outside", CSTAR__GET, {"range", "bytes=5000-", "if-range", "\"v0\""}, WHOLE},
    {"if-range without range", CSTAR__GET, {"if-range", "\"v0\""}, WHOLE},
};

static cstar__outcome evaluate(const condition *c, const cstar__resource *res) {
    cstar__field f[3];
    cstar__request r = {.method = c->method, .fields = f};
    while (r.nfields < 3 && c->fields[2 * r.nfields] != NULL) {
        f[r.nfields].name = cstar_cstr(c->fields[2 * r.nfields]);
        f[r.nfields].value = cstar_cstr(c->fields[2 * r.nfields + 1]);
        r.nfields++;
    }
    return cstar__precondition(&r, res);
}

static void test_conditions(void **state) {
    (void)state;
    const cstar__resource res = {CSTAR_STR("\"v1\""), 784111777, 1000};
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        print_message("%s\n", conditions[i].name);
        cstar__outcome o = evaluate(&conditions[i], &res);
        assert_int_equal(o.status, conditions[i].status);
        assert_true(o.first == conditions[i].first && o.length == conditions[i].length);
    }
}

/* A resource without validators: nothing but "*" matches it, dates say nothing. */
static void test_without_validators(void **state) {
    (void)state;
    const cstar__resource res = {{NULL, 0}, -1, 1000};
    static const condition cases[] = {
        {"inm", CSTAR__GET, {"if-none-match", "\"v1\""}, WHOLE},
        {"inm, any", CSTAR__GET, {"if-none-match", "*"}, NOT_MODIFIED},
        {"im", CSTAR__PUT, {"if-match", "\"v1\""}, FAILED},
        {"im, any", CSTAR__PUT, {"if-match", "*"}, WHOLE},
        {"ims", CSTAR__GET, {"if-modified-since", T2}, WHOLE},
        {"ius", CSTAR__PUT, {"if-unmodified-since", T0}, WHOLE},
        {"if-range", CSTAR__GET, {R0_9, "if-range", "\"v1\""}, WHOLE},
        {"if-range, date", CSTAR__GET, {R0_9, "if-range", T2}, WHOLE},
        {"range", CSTAR__GET, {R0_9}, PART},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].name);
        cstar__outcome o = evaluate(&cases[i], &res);
        assert_int_equal(o.status, cases[i].status);
        assert_true(o.first == cases[i].first && o.length == cases[i].length);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_etag_ok),
        cmocka_unit_test(test_etag_compare),
        cmocka_unit_test(test_etag_list),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_content_range),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_without_validators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
