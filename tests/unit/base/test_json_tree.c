/* test_json_tree.c -- the accessors: what they find, and that nothing surprises them.
 * SPDX-License-Identifier: MIT */
#include "cstar/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static cstar_arena arena;
static const cstar_json *root;

static const char document[] =
    "{\"n\":null,\"t\":true,\"f\":false,\"i\":42,\"neg\":-7,\"d\":2.5,\"whole\":3.0,\"e\":1e3,"
    "\"s\":\"text\",\"empty\":\"\",\"nul\":\"a\\u0000b\",\"a\":[10,[20,21],{\"x\":30}],\"none\":[],"
    "\"o\":{\"name\":\"Ana\",\"deep\":{\"er\":[{\"id\":9}]},\"\":5,\"a.b\":6,\"0\":7},\"no\":{}}";

static int setup(void **state) {
    (void)state;
    cstar_arena_init(&arena, cstar_heap(), 0);
    root = cstar_json_read(&arena, cstar_cstr(document), NULL, NULL);
    return root != NULL ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    cstar_arena_fini(&arena);
    return 0;
}

static void test_types(void **state) {
    (void)state;
    static const struct {
        const char *key;
        cstar_json_type type;
        size_t size;
    } cases[] = {
        {"n", CSTAR_JSON_NULL, 0},   {"t", CSTAR_JSON_BOOL, 0},    {"f", CSTAR_JSON_BOOL, 0},
        {"i", CSTAR_JSON_INT, 0},    {"d", CSTAR_JSON_DOUBLE, 0},  {"whole", CSTAR_JSON_DOUBLE, 0},
        {"s", CSTAR_JSON_STRING, 0}, {"a", CSTAR_JSON_ARRAY, 3},   {"none", CSTAR_JSON_ARRAY, 0},
        {"o", CSTAR_JSON_OBJECT, 5}, {"no", CSTAR_JSON_OBJECT, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const cstar_json *v = cstar_json_get(root, cases[i].key);
        assert_non_null(v);
        assert_int_equal(cstar_json_typeof(v), cases[i].type);
        assert_int_equal(cstar_json_size(v), cases[i].size);
        assert_true((cstar_json_first(v) != NULL) == (cases[i].size != 0));
    }
    assert_int_equal(cstar_json_size(root), 15);
}

static void test_null_is_not_there(void **state) {
    (void)state;
    assert_int_equal(cstar_json_typeof(NULL), CSTAR_JSON_NULL);
    assert_null(cstar_json_get(NULL, "a"));
    assert_null(cstar_json_get(root, NULL));
    assert_null(cstar_json_get_str(NULL, CSTAR_STR("a")));
    assert_null(cstar_json_path(NULL, "a"));
    assert_null(cstar_json_path(root, NULL));
    assert_int_equal(cstar_json_size(NULL), 0);
    assert_null(cstar_json_at(NULL, 0));
    assert_null(cstar_json_first(NULL));
    assert_null(cstar_json_next(NULL));
    assert_null(cstar_json_key(NULL).ptr);
    assert_int_equal(cstar_json_int(NULL, 5), 5);
    assert_true(cstar_json_double(NULL, 5.5) == 5.5);
    assert_true(cstar_json_bool(NULL, true));
    assert_string_equal(cstar_json_str(NULL, "otherwise"), "otherwise");
    assert_null(cstar_json_str(NULL, NULL));
    assert_null(cstar_json_view(NULL).ptr);
    assert_null(cstar_json_number(NULL).ptr);
}

static void test_get(void **state) {
    (void)state;
    assert_null(cstar_json_get(root, "missing"));
    assert_null(cstar_json_get(root, ""));
    assert_null(cstar_json_get(root, "T"));
    assert_null(cstar_json_get(root, "whol"));
    assert_null(cstar_json_get(root, "wholes"));
    assert_null(cstar_json_get(cstar_json_get(root, "a"), "0"));
    assert_null(cstar_json_get(cstar_json_get(root, "s"), "s"));
    assert_int_equal(cstar_json_int(cstar_json_get(cstar_json_get(root, "o"), ""), 0), 5);
    assert_int_equal(cstar_json_int(cstar_json_get_str(root, cstar_view("neg...", 3)), 0), -7);
    assert_int_equal(
        cstar_json_int(cstar_json_get_str(cstar_json_get(root, "o"), cstar_view(NULL, 0)), 0), 5);
}

static void test_path(void **state) {
    (void)state;
    static const struct {
        const char *path;
        int64_t value; /* -1: not there */
    } cases[] = {
        {"i", 42},
        {"o.name", 0},
        {"o.deep.er.0.id", 9},
        {"a.0", 10},
        {"a.1.0", 20},
        {"a.1.1", 21},
        {"a.2.x", 30},
        {"o.0", 7},
        {"o.", 5},
        {"", -1},
        {".", -1},
        {"i.", -1},
        {".i", -1},
        {"o..name", -1},
        {"a.3", -1},
        {"a.00", -1},
        {"a.01", -1},
        {"a.-0", -1},
        {"a.+0", -1},
        {"a.", -1},
        {"a.x", -1},
        {"a.0x", -1},
        {"a.0.0", -1},
        {"a.99999999999999999999", -1},
        {"a.4294967296", -1},
        {"a.18446744073709551616", -1},
        {"o.a.b", -1},
        {"i.0", -1},
        {"s.0", -1},
        {"missing.x.y", -1},
        {"o.deep.er.1.id", -1},
        {"o.deep.er.0.id.x", -1},
        {"n.x", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const cstar_json *v = cstar_json_path(root, cases[i].path);
        if ((v == NULL) != (cases[i].value == -1) ||
            (v != NULL && cstar_json_int(v, 0) != cases[i].value)) {
            fail_msg("path \"%s\"", cases[i].path);
        }
    }
    assert_ptr_equal(cstar_json_path(cstar_json_get(root, "a"), "1.1"),
                     cstar_json_path(root, "a.1.1"));
}

static void test_walk(void **state) {
    (void)state;
    char keys[256];
    size_t n = 0;
    for (const cstar_json *m = cstar_json_first(root); m != NULL; m = cstar_json_next(m)) {
        cstar_str key = cstar_json_key(m);
        assert_int_equal(key.ptr[key.len], '\0');
        n += (size_t)snprintf(keys + n, sizeof keys - n, "%s ", key.ptr);
    }
    assert_string_equal(keys, "n t f i neg d whole e s empty nul a none o no ");
    assert_null(cstar_json_next(root));
    assert_null(cstar_json_key(root).ptr);

    const cstar_json *a = cstar_json_get(root, "a");
    assert_null(cstar_json_key(cstar_json_first(a)).ptr);
    assert_ptr_equal(cstar_json_at(a, 0), cstar_json_first(a));
    assert_ptr_equal(cstar_json_at(a, 1), cstar_json_next(cstar_json_first(a)));
    assert_int_equal(cstar_json_int(cstar_json_get(cstar_json_at(a, 2), "x"), 0), 30);
    assert_null(cstar_json_at(a, 3));
    assert_null(cstar_json_at(a, SIZE_MAX));
    assert_null(cstar_json_at(root, 0));
    assert_null(cstar_json_next(cstar_json_at(a, 2)));
}

static int64_t int_of(const char *key) { return cstar_json_int(cstar_json_get(root, key), 99); }

static void test_int(void **state) {
    (void)state;
    assert_int_equal(int_of("i"), 42);
    assert_int_equal(int_of("neg"), -7);
    assert_int_equal(int_of("whole"), 3);
    assert_int_equal(int_of("e"), 1000);
    static const char *const others[] = {"d", "n", "t", "s", "a", "o", "missing"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(int_of(others[i]), 99);
    }
}

static void test_int_of_large_doubles(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"9.223372036854775807e18", 99},
        {"-9.223372036854775808e18", INT64_MIN},
        {"9223372036854775808", 99},
        {"-9223372036854775809.0", INT64_MIN},
        {"-9223372036854777856", 99},
        {"9.2233720368547748e18", INT64_C(9223372036854774784)},
        {"1e300", 99},
        {"-1e300", 99},
        {"1e-300", 99},
        {"-0", 0},
        {"-0.5", 99},
        {"12345678901234567890", 99},
        {"1e18", INT64_C(1000000000000000000)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cstar_json_opts opts = {.any_root = true};
        const cstar_json *v = cstar_json_read(&arena, cstar_cstr(cases[i].text), &opts, NULL);
        assert_int_equal(cstar_json_typeof(v), CSTAR_JSON_DOUBLE);
        if (cstar_json_int(v, 99) != cases[i].value) {
            fail_msg("%s", cases[i].text);
        }
    }
}

static void test_other_values(void **state) {
    (void)state;
    assert_true(cstar_json_double(cstar_json_get(root, "d"), 0) == 2.5);
    assert_true(cstar_json_double(cstar_json_get(root, "i"), 0) == 42);
    assert_true(cstar_json_double(cstar_json_get(root, "s"), 1.5) == 1.5);
    assert_true(cstar_json_bool(cstar_json_get(root, "t"), false));
    assert_false(cstar_json_bool(cstar_json_get(root, "f"), true));
    assert_true(cstar_json_bool(cstar_json_get(root, "i"), true));
    assert_false(cstar_json_bool(cstar_json_get(root, "n"), false));
    assert_string_equal(cstar_json_number(cstar_json_get(root, "e")).ptr, "1e3");
    assert_string_equal(cstar_json_number(cstar_json_get(root, "i")).ptr, "42");
    assert_null(cstar_json_number(cstar_json_get(root, "s")).ptr);
}

static void test_strings(void **state) {
    (void)state;
    assert_string_equal(cstar_json_str(cstar_json_get(root, "s"), "x"), "text");
    assert_string_equal(cstar_json_str(cstar_json_get(root, "empty"), "x"), "");
    assert_non_null(cstar_json_view(cstar_json_get(root, "empty")).ptr);
    assert_string_equal(cstar_json_str(cstar_json_get(root, "nul"), "x"), "x");
    assert_string_equal(cstar_json_str(cstar_json_get(root, "i"), "x"), "x");
    cstar_str view = cstar_json_view(cstar_json_get(root, "nul"));
    assert_int_equal(view.len, 3);
    assert_memory_equal(view.ptr, "a\0b", 4);
    assert_null(cstar_json_view(cstar_json_get(root, "i")).ptr);
    assert_null(cstar_json_view(cstar_json_get(root, "o")).ptr);
}

static void test_as_value(void **state) {
    (void)state;
    static const struct {
        const char *key, *text; /* written back */
        cstar_val_kind kind;
    } cases[] = {
        {"n", "null", CSTAR_VAL_NULL},       {"t", "true", CSTAR_VAL_BOOL},
        {"f", "false", CSTAR_VAL_BOOL},      {"neg", "-7", CSTAR_VAL_INT},
        {"whole", "3.0", CSTAR_VAL_JSON},    {"s", "\"text\"", CSTAR_VAL_STR},
        {"none", "[]", CSTAR_VAL_TREE},      {"no", "{}", CSTAR_VAL_TREE},
        {"missing", "null", CSTAR_VAL_NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char mem[64];
        cstar_buf out;
        cstar_json_writer w;
        cstar_val v = cstar_json_val(cstar_json_get(root, cases[i].key));
        assert_int_equal(v.kind, cases[i].kind);
        cstar_buf_fixed(&out, mem, sizeof mem);
        cstar_json_writer_init(&w, &out, 0);
        cstar_json_put_val(&w, v);
        assert_int_equal(cstar_json_writer_end(&w), CSTAR_OK);
        assert_int_equal(out.len, strlen(cases[i].text));
        assert_memory_equal(out.ptr, cases[i].text, out.len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_null_is_not_there),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_int),
        cmocka_unit_test(test_int_of_large_doubles),
        cmocka_unit_test(test_other_values),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_as_value),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
