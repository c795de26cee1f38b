/* test_json_decode.c -- a described struct from an object; every refusal names its field.
 * SPDX-License-Identifier: MIT */
#include "cstar/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct point {
    int16_t x;
    int8_t y;
    char label[4];
} point;

typedef struct form {
    char guard_first;
    int64_t count;
    int32_t small;
    double ratio;
    bool on;
    char name[6];
    point at;
    point points[3];
    size_t n_points;
    int32_t numbers[4];
    size_t n_numbers;
    char tags[2][4];
    size_t n_tags;
    char guard_last;
} form;

static const cstar_field point_fields[] = {
    CSTAR_FIELD(point, x, CSTAR_FIELD_INT),
    CSTAR_FIELD(point, y, CSTAR_FIELD_INT, .optional = true),
    CSTAR_FIELD(point, label, CSTAR_FIELD_TEXT, .optional = true),
    {0},
};

static const cstar_field form_fields[] = {
    CSTAR_FIELD(form, count, CSTAR_FIELD_INT),
    CSTAR_FIELD(form, small, CSTAR_FIELD_INT, .optional = true),
    CSTAR_FIELD(form, ratio, CSTAR_FIELD_DOUBLE, .optional = true),
    CSTAR_FIELD(form, on, CSTAR_FIELD_BOOL, .optional = true),
    CSTAR_FIELD(form, name, CSTAR_FIELD_TEXT, .optional = true),
    CSTAR_FIELD(form, at, CSTAR_FIELD_OBJECT, .optional = true, .fields = point_fields),
    CSTAR_FIELD(form, points, CSTAR_FIELD_ARRAY, .optional = true, .element = CSTAR_FIELD_OBJECT,
                .fields = point_fields, .element_size = sizeof(point),
                .count_offset = offsetof(form, n_points)),
    CSTAR_FIELD(form, numbers, CSTAR_FIELD_ARRAY, .optional = true, .element = CSTAR_FIELD_INT,
                .element_size = sizeof(int32_t), .count_offset = offsetof(form, n_numbers)),
    CSTAR_FIELD(form, tags, CSTAR_FIELD_ARRAY, .optional = true, .element = CSTAR_FIELD_TEXT,
                .element_size = 4, .count_offset = offsetof(form, n_tags)),
    {0},
};

static cstar_status decode(const char *text, const cstar_field *fields, void *to, cstar_err *err) {
    cstar_arena arena;
    cstar_json_opts opts = {.any_root = true};
    cstar_arena_init(&arena, cstar_heap(), 0);
    cstar_json *root = cstar_json_read(&arena, cstar_cstr(text), &opts, NULL);
    assert_non_null(root);
    cstar_status rc = cstar_json_decode(root, fields, to, err);
    cstar_arena_fini(&arena);
    return rc;
}

static void test_everything(void **state) {
    (void)state;
    form f = {.guard_first = 'g', .guard_last = 'g'};
    cstar_err err = {.code = CSTAR_OK};
    cstar_status rc = decode(
        "{\"unknown\":[{}],\"count\":-9223372036854775808,\"small\":2147483647,\"ratio\":7,\"on\":"
        "true,"
        "\"name\":\"\xC3\xA9t\xC3\xA9\",\"at\":{\"x\":-32768,\"y\":127,\"label\":\"abc\"},"
        "\"points\":[{\"x\":1},{\"x\":2,\"y\":-128},{\"x\":3}],\"numbers\":[1,2.0,3e2,-2147483648],"
        "\"tags\":[\"a\",\"\"]}",
        form_fields, &f, &err);
    assert_int_equal(rc, CSTAR_OK);
    assert_string_equal(err.text, "");
    assert_true(f.count == INT64_MIN);
    assert_int_equal(f.small, INT32_MAX);
    assert_true(f.ratio == 7.0);
    assert_true(f.on);
    assert_string_equal(f.name, "\xC3\xA9t\xC3\xA9");
    assert_int_equal(f.at.x, INT16_MIN);
    assert_int_equal(f.at.y, INT8_MAX);
    assert_string_equal(f.at.label, "abc");
    assert_int_equal(f.n_points, 3);
    assert_int_equal(f.points[1].x, 2);
    assert_int_equal(f.points[1].y, INT8_MIN);
    assert_int_equal(f.points[2].x, 3);
    assert_int_equal(f.n_numbers, 4);
    assert_int_equal(f.numbers[1], 2);
    assert_int_equal(f.numbers[2], 300);
    assert_int_equal(f.numbers[3], INT32_MIN);
    assert_int_equal(f.n_tags, 2);
    assert_string_equal(f.tags[0], "a");
    assert_string_equal(f.tags[1], "");
    assert_int_equal(f.guard_first, 'g');
    assert_int_equal(f.guard_last, 'g');
}

/* Absent and null leave an optional member as it was. */
static void test_optional(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"count\":1}", "{\"count\":1,\"small\":null,\"name\":null,\"on\":null,\"at\":null,"
                         "\"numbers\":null,\"points\":null,\"ratio\":null}"};
    for (size_t i = 0; i < 2; i++) {
        form f = {.small = 5,
                  .name = "old",
                  .on = true,
                  .n_numbers = 2,
                  .numbers = {8, 9},
                  .ratio = 1.5,
                  .at = {.x = 4}};
        assert_int_equal(decode(texts[i], form_fields, &f, NULL), CSTAR_OK);
        assert_int_equal(f.count, 1);
        assert_int_equal(f.small, 5);
        assert_string_equal(f.name, "old");
        assert_true(f.on);
        assert_int_equal(f.n_numbers, 2);
        assert_int_equal(f.numbers[1], 9);
        assert_true(f.ratio == 1.5);
        assert_int_equal(f.at.x, 4);
    }
    form f = {.n_numbers = 2};
    assert_int_equal(decode("{\"count\":1,\"numbers\":[]}", form_fields, &f, NULL), CSTAR_OK);
    assert_int_equal(f.n_numbers, 0);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        cstar_status status;
        const char *path, *where;
    } cases[] = {
        {"{}", CSTAR_ENOENT, "\"count\"", "count"},
        {"{\"count\":null}", CSTAR_ENOENT, "\"count\"", "count"},
        {"{\"count\":\"1\"}", CSTAR_ETYPE, "\"count\"", "count"},
        {"{\"count\":true}", CSTAR_ETYPE, "\"count\"", "count"},
        {"{\"count\":1.5}", CSTAR_ETYPE, "\"count\"", "count"},
        {"{\"count\":[]}", CSTAR_ETYPE, "\"count\"", "count"},
        {"{\"count\":9223372036854775808}", CSTAR_ERANGE, "\"count\"", "count"},
        {"{\"count\":-1e300}", CSTAR_ERANGE, "\"count\"", "count"},
        {"{\"count\":1,\"small\":2147483648}", CSTAR_ERANGE, "\"small\"", "small"},
        {"{\"count\":1,\"small\":-2147483649}", CSTAR_ERANGE, "\"small\"", "small"},
        {"{\"count\":1,\"small\":1e10}", CSTAR_ERANGE, "\"small\"", "small"},
        {"{\"count\":1,\"ratio\":\"1\"}", CSTAR_ETYPE, "\"ratio\"", "ratio"},
        {"{\"count\":1,\"on\":1}", CSTAR_ETYPE, "\"on\"", "on"},
        {"{\"count\":1,\"name\":1}", CSTAR_ETYPE, "\"name\"", "name"},
        {"{\"count\":1,\"name\":\"123456\"}", CSTAR_ELIMIT, "\"name\"", "name"},
        {"{\"count\":1,\"name\":\"a\\u0000\"}", CSTAR_EINVAL, "\"name\"", "name"},
        {"{\"count\":1,\"at\":[]}", CSTAR_ETYPE, "\"at\"", "at"},
        {"{\"count\":1,\"at\":{}}", CSTAR_ENOENT, "\"at.x\"", "x"},
        {"{\"count\":1,\"at\":{\"x\":32768}}", CSTAR_ERANGE, "\"at.x\"", "x"},
        {"{\"count\":1,\"at\":{\"x\":-32769}}", CSTAR_ERANGE, "\"at.x\"", "x"},
        {"{\"count\":1,\"at\":{\"x\":1,\"y\":128}}", CSTAR_ERANGE, "\"at.y\"", "y"},
        {"{\"count\":1,\"at\":{\"x\":1,\"y\":-129}}", CSTAR_ERANGE, "\"at.y\"", "y"},
        {"{\"count\":1,\"at\":{\"x\":1,\"label\":\"abcd\"}}", CSTAR_ELIMIT, "\"at.label\"",
         "label"},
        {"{\"count\":1,\"points\":{}}", CSTAR_ETYPE, "\"points\"", "points"},
        {"{\"count\":1,\"points\":[1]}", CSTAR_ETYPE, "\"points.0\"", "points"},
        {"{\"count\":1,\"points\":[{\"x\":1},{\"y\":2}]}", CSTAR_ENOENT, "\"points.1.x\"", "x"},
        {"{\"count\":1,\"points\":[{\"x\":1},{\"x\":2},{\"x\":3},{\"x\":4}]}", CSTAR_ELIMIT,
         "\"points\"", "points"},
        {"{\"count\":1,\"numbers\":[1,2,null]}", CSTAR_ETYPE, "\"numbers.2\"", "numbers"},
        {"{\"count\":1,\"numbers\":[1,2,3,4,5]}", CSTAR_ELIMIT, "\"numbers\"", "numbers"},
        {"{\"count\":1,\"numbers\":[1,9999999999]}", CSTAR_ERANGE, "\"numbers.1\"", "numbers"},
        {"{\"count\":1,\"tags\":[\"abcd\"]}", CSTAR_ELIMIT, "\"tags.0\"", "tags"},
        {"{\"count\":1,\"tags\":[[]]}", CSTAR_ETYPE, "\"tags.0\"", "tags"},
        {"[]", CSTAR_ETYPE, "the value", NULL},
        {"null", CSTAR_ETYPE, "the value", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        form f = {.guard_first = 'g', .guard_last = 'g'};
        cstar_err err = {.code = CSTAR_OK};
        cstar_status rc = decode(cases[i].text, form_fields, &f, &err);
        if (rc != cases[i].status || err.code != rc ||
            strncmp(err.text, cases[i].path, strlen(cases[i].path)) != 0) {
            fail_msg("%s: %d, %s", cases[i].text, rc, err.text);
        }
        if (cases[i].where == NULL) {
            assert_null(err.where);
        } else {
            assert_string_equal(err.where, cases[i].where);
        }
        assert_int_equal(decode(cases[i].text, form_fields, &f, NULL), cases[i].status);
        assert_int_equal(f.guard_first, 'g');
        assert_int_equal(f.guard_last, 'g');
    }
}

static void test_no_value(void **state) {
    (void)state;
    form f = {0};
    cstar_err err = {.code = CSTAR_OK};
    assert_int_equal(cstar_json_decode(NULL, form_fields, &f, &err), CSTAR_ETYPE);
    assert_string_equal(err.text, "the value must be an object");
}

/* Tables that make no sense are a programmer's mistake: an error, never a write outside of the
 * struct. */
static void test_bad_tables(void **state) {
    (void)state;
    struct {
        cstar_field field;
        const char *text;
    } cases[] = {
        {{.name = "v", .type = CSTAR_FIELD_INT, .size = 3}, "{\"v\":1}"},
        {{.name = "v", .type = CSTAR_FIELD_INT, .size = 0}, "{\"v\":1}"},
        {{.name = "v", .type = CSTAR_FIELD_INT, .size = 16}, "{\"v\":1}"},
        {{.name = "v", .type = CSTAR_FIELD_DOUBLE, .size = 4}, "{\"v\":1}"},
        {{.name = "v", .type = CSTAR_FIELD_BOOL, .size = 8}, "{\"v\":true}"},
        {{.name = "v", .type = CSTAR_FIELD_OBJECT, .size = 8}, "{\"v\":{}}"},
        {{.name = "v", .type = CSTAR_FIELD_ARRAY, .size = 8}, "{\"v\":[1]}"},
        {{.name = "v",
          .type = CSTAR_FIELD_ARRAY,
          .size = 8,
          .element = CSTAR_FIELD_ARRAY,
          .element_size = 4},
         "{\"v\":[[]]}"},
        {{.name = "v", .type = CSTAR_FIELD_ARRAY, .size = 8, .element_size = 4}, "{\"v\":[1]}"},
        {{.name = "v", .type = (cstar_field_type)99, .size = 8}, "{\"v\":1}"},
        {{.name = NULL, .type = CSTAR_FIELD_INT, .size = 8}, "{\"v\":1}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char target[16] = "untouched";
        cstar_field fields[2] = {cases[i].field, {0}};
        cstar_err err = {.code = CSTAR_OK};
        assert_int_equal(decode(cases[i].text, fields, target, &err), CSTAR_EINVAL);
        assert_string_not_equal(err.text, "");
        assert_string_equal(target, "untouched");
    }
    char none[8] = "";
    cstar_field text_field[2] = {{.name = "v", .type = CSTAR_FIELD_TEXT, .size = 0}, {0}};
    assert_int_equal(decode("{\"v\":\"\"}", text_field, none, NULL), CSTAR_ELIMIT);
    assert_int_equal(decode("{}", NULL, none, NULL), CSTAR_EINVAL);
}

typedef struct counts {
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    uint8_t u8;
    size_t size;
} counts;

static const cstar_field count_fields[] = {
    CSTAR_FIELD(counts, u64, CSTAR_FIELD_UINT, .optional = true),
    CSTAR_FIELD(counts, u32, CSTAR_FIELD_UINT, .optional = true),
    CSTAR_FIELD(counts, u16, CSTAR_FIELD_UINT, .optional = true),
    CSTAR_FIELD(counts, u8, CSTAR_FIELD_UINT, .optional = true),
    CSTAR_FIELD_AS("the-size", counts, size, CSTAR_FIELD_UINT, .optional = true),
    {0},
};

static void test_unsigned(void **state) {
    (void)state;
    counts c = {0};
    assert_int_equal(decode("{\"u64\":9223372036854775807,\"u32\":4294967295,\"u16\":65535,"
                            "\"u8\":255,\"the-size\":7e2}",
                            count_fields, &c, NULL),
                     CSTAR_OK);
    assert_true(c.u64 == INT64_MAX);
    assert_true(c.u32 == UINT32_MAX);
    assert_int_equal(c.u16, UINT16_MAX);
    assert_int_equal(c.u8, UINT8_MAX);
    assert_int_equal(c.size, 700);
    static const char *const wrong[] = {
        "{\"u64\":-1}",         "{\"u32\":-1}",      "{\"u16\":-1}",
        "{\"u8\":-1}",          "{\"u8\":256}",      "{\"u16\":65536}",
        "{\"u32\":4294967296}", "{\"the-size\":-1}", "{\"u64\":9223372036854775808}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(decode(wrong[i], count_fields, &c, NULL), CSTAR_ERANGE);
    }
    assert_int_equal(decode("{\"u8\":1.5}", count_fields, &c, NULL), CSTAR_ETYPE);
    assert_int_equal(c.u8, UINT8_MAX);
    assert_int_equal(c.size, 700);
}

typedef struct list {
    point points[2];
    size_t npoints;
    char words[3][5];
    size_t nwords;
} list;

static const cstar_field list_fields[] = {
    CSTAR_FIELD_LIST(list, points, npoints, CSTAR_FIELD_OBJECT, .fields = point_fields),
    CSTAR_FIELD_LIST(list, words, nwords, CSTAR_FIELD_TEXT, .optional = true),
    {0},
};

static void test_lists(void **state) {
    (void)state;
    list l = {.nwords = 9};
    assert_int_equal(decode("{\"points\":[{\"x\":1},{\"x\":2}],\"words\":[\"a\",\"four\"]}",
                            list_fields, &l, NULL),
                     CSTAR_OK);
    assert_int_equal(l.npoints, 2);
    assert_int_equal(l.points[1].x, 2);
    assert_int_equal(l.nwords, 2);
    assert_string_equal(l.words[1], "four");
    assert_int_equal(decode("{\"points\":[],\"words\":[\"fives\"]}", list_fields, &l, NULL),
                     CSTAR_ELIMIT);
    assert_int_equal(decode("{\"points\":[{\"x\":1},{\"x\":1},{\"x\":1}]}", list_fields, &l, NULL),
                     CSTAR_ELIMIT);
    assert_int_equal(decode("{}", list_fields, &l, NULL), CSTAR_ENOENT);
    assert_int_equal(l.npoints, 2); /* the last one that was right */
    assert_string_equal(l.words[1], "four");
}

/* Whatever is wrong, and wherever, nothing has been written. */
static void test_untouched_on_failure(void **state) {
    (void)state;
    static const char *const texts[] = {
        ("{\"count\":1,\"small\":2,\"ratio\":3,\"on\":true,\"name\":\"new\",\"at\":{\"x\":1},"
         "\"points\":[{\"x\":1}],\"numbers\":[1,2],\"tags\":[\"a\",\"toolong\"]}"),
        "{\"count\":1,\"at\":{\"x\":1,\"y\":2,\"label\":7}}",
        "{\"count\":1,\"numbers\":[1,2,\"3\"]}",
        "{\"small\":1}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        form f;
        form before;
        memset(&f, 0x5A, sizeof f);
        before = f;
        assert_int_not_equal(decode(texts[i], form_fields, &f, NULL), CSTAR_OK);
        assert_memory_equal(&f, &before, sizeof f);
    }
}

/* Offsets need not be aligned. */
static void test_unaligned(void **state) {
    (void)state;
    char packed[32];
    cstar_field fields[] = {
        {.name = "i", .type = CSTAR_FIELD_INT, .offset = 1, .size = 8},
        {.name = "d", .type = CSTAR_FIELD_DOUBLE, .offset = 11, .size = 8},
        {.name = "s", .type = CSTAR_FIELD_INT, .offset = 21, .size = 4},
        {0},
    };
    int64_t i;
    double d;
    int32_t s;
    assert_int_equal(decode("{\"i\":-5,\"d\":0.5,\"s\":6}", fields, packed, NULL), CSTAR_OK);
    memcpy(&i, packed + 1, sizeof i);
    memcpy(&d, packed + 11, sizeof d);
    memcpy(&s, packed + 21, sizeof s);
    assert_int_equal(i, -5);
    assert_true(d == 0.5);
    assert_int_equal(s, 6);
}

/* Structs nested deeper than an error can name still decode, and the error is still cut to fit. */
static void test_deep_tables(void **state) {
    (void)state;
    enum { LEVELS = 31 };
    cstar_field tables[LEVELS][2];
    memset(tables, 0, sizeof tables);
    char text[LEVELS * 12 + 8], value[8] = "";
    size_t n = 0;
    for (size_t i = 0; i < LEVELS; i++) {
        bool last = i + 1 == LEVELS;
        tables[i][0] = (cstar_field){.name = "level",
                                     .type = last ? CSTAR_FIELD_TEXT : CSTAR_FIELD_OBJECT,
                                     .size = sizeof value,
                                     .fields = last ? NULL : tables[i + 1]};
        n += (size_t)snprintf(text + n, sizeof text - n, "{\"level\":");
    }
    memcpy(text + n, "\"v\"", 3);
    memset(text + n + 3, '}', LEVELS);
    text[n + 3 + LEVELS] = '\0';
    assert_int_equal(decode(text, tables[0], value, NULL), CSTAR_OK);
    assert_string_equal(value, "v");
    memcpy(text + n, "123", 3);
    cstar_err err = {.code = CSTAR_OK};
    assert_int_equal(decode(text, tables[0], value, &err), CSTAR_ETYPE);
    assert_non_null(strstr(err.text, "level.level"));
    assert_non_null(strstr(err.text, "must be a string"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything), cmocka_unit_test(test_optional),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_no_value),
        cmocka_unit_test(test_bad_tables), cmocka_unit_test(test_unsigned),
        cmocka_unit_test(test_lists),      cmocka_unit_test(test_untouched_on_failure),
        cmocka_unit_test(test_unaligned),  cmocka_unit_test(test_deep_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
