/* test_json_write.c -- what the writer writes, what it refuses, and that the first error sticks.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"

#include "cstar/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char mem[8192];
static cstar_buf out;
static cstar_json_writer w;

static void start(unsigned extra) {
    cstar_buf_fixed(&out, mem, sizeof mem - 1);
    cstar_json_writer_init(&w, &out, extra);
}

static void expect(const char *json) {
    assert_int_equal(cstar_json_writer_end(&w), CSTAR_OK);
    mem[out.len] = '\0';
    assert_string_equal(mem, json);
}

static const char *value_text(cstar_val v, unsigned extra) {
    start(extra);
    cstar_json_put_val(&w, v);
    cstar_status rc = cstar_json_writer_end(&w);
    mem[out.len] = '\0';
    return rc == CSTAR_OK ? mem : cstar_strerror(rc);
}

/* ---- structure
 * -------------------------------------------------------------------------------- */

static void test_a_document(void **state) {
    (void)state;
    start(0);
    cstar_json_begin_object(&w);
    cstar_json_set(&w, "count", 1);
    cstar_json_set(&w, "name", "A\"n\na");
    cstar_json_put_key(&w, CSTAR_STR("list"));
    cstar_json_begin_array(&w);
    cstar_json_add(&w, 1);
    cstar_json_begin_object(&w);
    cstar_json_end_object(&w);
    cstar_json_begin_array(&w);
    cstar_json_end_array(&w);
    cstar_json_add(&w, cstar_bool(true));
    cstar_json_end_array(&w);
    cstar_json_put_key(&w, CSTAR_STR("user"));
    cstar_json_begin_object(&w);
    cstar_json_set(&w, "", cstar_null());
    cstar_json_set(&w, "b", cstar_bool(false));
    cstar_json_end_object(&w);
    cstar_json_set(&w, "last", 2.5);
    cstar_json_end_object(&w);
    expect("{\"count\":1,\"name\":\"A\\\"n\\na\",\"list\":[1,{},[],true],\"user\":{\"\":null,\"b\":"
           "false},\"last\":2.5}");
}

static void test_scalar_roots(void **state) {
    (void)state;
    static const char big[] = "18446744073709551615";
    assert_string_equal(value_text(CSTAR_VAL(7), 0), "7");
    assert_string_equal(value_text(CSTAR_VAL(INT64_MIN), 0), "-9223372036854775808");
    assert_string_equal(value_text(CSTAR_VAL(UINT64_MAX), 0), big);
    assert_string_equal(value_text(CSTAR_VAL(0.1), 0), "0.1");
    assert_string_equal(value_text(cstar_val_double((double)NAN), 0), "null");
    assert_string_equal(value_text(cstar_val_double((double)-INFINITY), 0), "null");
    assert_string_equal(value_text(cstar_bool(true), 0), "true");
    assert_string_equal(value_text(cstar_bool(false), 0), "false");
    assert_string_equal(value_text(cstar_null(), 0), "null");
    assert_string_equal(value_text(cstar_val_char('x'), 0), "\"x\"");
    assert_string_equal(value_text(cstar_val_char('"'), 0), "\"\\\"\"");
    assert_string_equal(value_text(CSTAR_VAL("text"), 0), "\"text\"");
    assert_string_equal(value_text(CSTAR_VAL((const char *)NULL), 0), "\"\"");
    assert_string_equal(value_text(cstar_val_str(cstar_view("a\0b", 3)), 0), "\"a\\u0000b\"");
    assert_string_equal(value_text(CSTAR_VAL((const cstar_json *)NULL), 0), "null");
}

static void test_escapes(void **state) {
    (void)state;
    static const char text[] = "@get $x '<&>' \xE2\x80\xA8 \xC3\xA9";
    assert_string_equal(value_text(CSTAR_VAL(text), 0), "\"@get $x '<&>' \xE2\x80\xA8 \xC3\xA9\"");
    assert_string_equal(value_text(CSTAR_VAL("\xE2\x80\xA8"), CSTAR_ESC_LINES), "\"\\u2028\"");
    const char *safe = value_text(CSTAR_VAL(text), CSTAR_ESC_EXPR);
    assert_null(strpbrk(safe, "@$'<>&"));
    assert_non_null(strstr(safe, "\\u0040get \\u0024x "));
    start(CSTAR_ESC_EXPR);
    cstar_json_begin_object(&w);
    cstar_json_set(&w, "$k", 1);
    cstar_json_end_object(&w);
    expect("{\"\\u0024k\":1}");
}

/* One letter per call: { } [ ] begin and end, k a key, v a value. */
static cstar_status play(const char *calls) {
    start(0);
    for (; *calls != '\0'; calls++) {
        switch (*calls) {
        case '{':
            cstar_json_begin_object(&w);
            break;
        case '}':
            cstar_json_end_object(&w);
            break;
        case '[':
            cstar_json_begin_array(&w);
            break;
        case ']':
            cstar_json_end_array(&w);
            break;
        case 'k':
            cstar_json_put_key(&w, CSTAR_STR("k"));
            break;
        default:
            cstar_json_put_val(&w, cstar_val_int(1));
            break;
        }
    }
    return cstar_json_writer_end(&w);
}

static void test_misuse(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",      "{",     "[",     "{k",    "{kv",   "k",    "kv",   "}",   "]",
        "{v}",   "{vk}",  "{k}",   "{kkv}", "{{}}",  "{[]}", "{]",   "[}",  "[k]",
        "[kv]",  "vv",    "v[",    "v{",    "{}v",   "[]k",  "{}}",  "[]]", "{}{}",
        "{k{]}", "{kvv}", "{k[}]", "[{k]}", "{k[]]", "v}",   "{k[v}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (play(wrong[i]) != CSTAR_ESTATE) {
            fail_msg("\"%s\" was not refused", wrong[i]);
        }
    }
    static const char *const right[] = {"v",    "{}",    "[]",         "{kv}",    "{kvkv}",
                                        "[vv]", "{k{}}", "{k[v{}]kv}", "[[][]{}]"};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        assert_int_equal(play(right[i]), CSTAR_OK);
        assert_int_equal(
            cstar_json_check(cstar_buf_view(&out), &(cstar_json_opts){.any_root = true}, NULL),
            CSTAR_OK);
    }
}

static void test_errors_stick(void **state) {
    (void)state;
    start(0);
    cstar_json_begin_array(&w);
    cstar_json_put_key(&w, CSTAR_STR("k"));
    size_t len = out.len;
    cstar_json_add(&w, 1);
    cstar_json_put_val(&w, cstar_json_text("nonsense"));
    cstar_json_begin_object(&w);
    cstar_json_end_object(&w);
    cstar_json_end_array(&w);
    assert_int_equal(out.len, len);
    assert_int_equal(cstar_json_writer_end(&w), CSTAR_ESTATE);
    assert_int_equal(cstar_json_writer_end(&w), CSTAR_ESTATE);
}

static void test_values_without_a_form(void **state) {
    (void)state;
    const char *type = cstar_strerror(CSTAR_ETYPE);
    assert_string_equal(value_text(CSTAR_VAL(cstar_trust("<b>")), 0), type);
    assert_string_equal(value_text(cstar_val_fragment(cstar_frag(NULL, NULL)), 0), type);
    assert_string_equal(value_text(cstar_val_expr((cstar_expr){0}), 0), type);
}

static void test_invalid_utf8(void **state) {
    (void)state;
    const char *utf8 = cstar_strerror(CSTAR_EUTF8);
    assert_string_equal(value_text(CSTAR_VAL("a\xFF"), 0), utf8);
    assert_string_equal(value_text(cstar_val_char((char)0xE9), 0), utf8);
    start(0);
    cstar_json_begin_object(&w);
    cstar_json_set(&w, "\xC3", 1);
    cstar_json_end_object(&w);
    assert_int_equal(cstar_json_writer_end(&w), CSTAR_EUTF8);
}

static void test_depth(void **state) {
    (void)state;
    for (unsigned depth = 63; depth <= 66; depth++) {
        start(0);
        for (unsigned i = 0; i < depth; i++) {
            if (i % 3 == 0) {
                cstar_json_begin_object(&w);
                cstar_json_put_key(&w, CSTAR_STR("k"));
            } else {
                cstar_json_begin_array(&w);
                cstar_json_add(&w, 1);
            }
        }
        cstar_json_put_val(&w, cstar_null());
        for (unsigned i = depth; i-- > 0;) {
            if (i % 3 == 0) {
                cstar_json_end_object(&w);
            } else {
                cstar_json_end_array(&w);
            }
        }
        assert_int_equal(cstar_json_writer_end(&w), depth <= 64 ? CSTAR_OK : CSTAR_EDEPTH);
        if (depth <= 64) {
            assert_int_equal(
                cstar_json_check(cstar_buf_view(&out), &(cstar_json_opts){.max_depth = 64}, NULL),
                CSTAR_OK);
        }
    }
}

/* ---- JSON text
 * -------------------------------------------------------------------------------- */

static void test_text_is_rewritten(void **state) {
    (void)state;
    static const struct {
        const char *text, *json;
        unsigned extra;
    } cases[] = {
        {"{\"a\":1}", "{\"a\":1}", 0},
        {" [ 1 ,\r\n { \"a\" : \"b c\" } ,\t[ ] , { } ] ", "[1,{\"a\":\"b c\"},[],{}]", 0},
        {"1.50E+3", "1.50E+3", 0},
        {" true ", "true", 0},
        {"[null,false]", "[null,false]", 0},
        {"\"\\u0041\\/\xC3\xA9\"", "\"\\u0041\\/\xC3\xA9\"", 0},
        {"{\"$a\":\"@b('c')\"}", "{\"$a\":\"@b('c')\"}", 0},
        {"{\"$a\":[\"@\",{\"&\":\"'\"}]}", "{\"\\u0024a\":[\"\\u0040\",{\"\\u0026\":\"\\u0027\"}]}",
         CSTAR_ESC_EXPR},
        {"\"\\u0041\\\\$\\\"@\\/\\n\"", "\"\\u0041\\\\\\u0024\\\"\\u0040\\/\\n\"", CSTAR_ESC_EXPR},
        {"\"\\\\\"", "\"\\\\\"", CSTAR_ESC_EXPR},
        {"\"\"", "\"\"", CSTAR_ESC_EXPR},
        {"\"\xE2\x80\xA8\\u2028\"", "\"\\u2028\\u2028\"", CSTAR_ESC_LINES},
        {"\"\\ud83d\\ude00\xF0\x9F\x98\x80$\"", "\"\\ud83d\\ude00\xF0\x9F\x98\x80\\u0024\"",
         CSTAR_ESC_EXPR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = value_text(cstar_json_text(cases[i].text), cases[i].extra);
        if (strcmp(got, cases[i].json) != 0) {
            fail_msg("%s: %s instead of %s", cases[i].text, got, cases[i].json);
        }
    }
}

static void test_text_among_values(void **state) {
    (void)state;
    start(0);
    cstar_json_begin_object(&w);
    cstar_json_set(&w, "a", cstar_json_text("[1, 2]"));
    cstar_json_set(&w, "b", cstar_json_text(" {\"c\" : 3} "));
    cstar_json_set(&w, "d", 4);
    cstar_json_end_object(&w);
    expect("{\"a\":[1,2],\"b\":{\"c\":3},\"d\":4}");
}

static void test_bad_text(void **state) {
    (void)state;
    static const struct {
        const char *text;
        cstar_status status;
    } cases[] = {
        {"", CSTAR_ESYNTAX},          {"alert(1)", CSTAR_ESYNTAX}, {"{\"a\":1}x", CSTAR_ESYNTAX},
        {"[1,2", CSTAR_ESYNTAX},      {"{a:1}", CSTAR_ESYNTAX},    {"1,\"b\":2", CSTAR_ESYNTAX},
        {"\"\\ud800\"", CSTAR_EUTF8}, {"\"\xFF\"", CSTAR_EUTF8},   {"1e999", CSTAR_ERANGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned extra = 0; extra <= 2; extra += 2) {
            start(extra);
            cstar_json_begin_array(&w);
            size_t len = out.len;
            cstar_json_put_val(&w, cstar_json_text(cases[i].text));
            assert_int_equal(out.len, len); /* nothing of it is left */
            cstar_json_end_array(&w);
            assert_int_equal(cstar_json_writer_end(&w), cases[i].status);
        }
    }
    start(0);
    cstar_json_put_val(&w, cstar_val_json(cstar_view(NULL, 0)));
    assert_int_equal(cstar_json_writer_end(&w), CSTAR_ESYNTAX);
}

/* ---- trees
 * ------------------------------------------------------------------------------------ */

static const cstar_json_opts any = {.any_root = true, .max_depth = 1024};

static void test_trees(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        "1",
        "\"\"",
        "null",
        "[[]]",
        "[[],[]]",
        "[{},[],{}]",
        "{\"a\":{}}",
        "{\"a\":{\"b\":{}},\"c\":[]}",
        "[1,[2,[3],4],5]",
        "{\"a\":[{\"b\":[{}]}],\"c\":[[[]]],\"d\":1}",
        "[true,false,null,-0,1.50,1e2,\"x\\u0000\\n\"]",
        "[9223372036854775807,9223372036854775808,12345678901234567890,0.10]",
        "{\"\":{\"\":{\"\":1}}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cstar_arena arena;
        cstar_arena_init(&arena, cstar_heap(), 0);
        const cstar_json *root = cstar_json_read(&arena, cstar_cstr(texts[i]), &any, NULL);
        assert_non_null(root);
        assert_string_equal(value_text(CSTAR_VAL(root), 0), texts[i]);
        cstar_arena_fini(&arena);
    }
}

/* A part of a tree is a tree: without its key, without its siblings. */
static void test_parts_of_trees(void **state) {
    (void)state;
    cstar_arena arena;
    cstar_arena_init(&arena, cstar_heap(), 0);
    const cstar_json *root = cstar_json_read(
        &arena, CSTAR_STR("{\"a\":{\"b\":[1,{\"$\":\"@\"},[]],\"c\":2},\"d\":{},\"e\":[3]}"), NULL,
        NULL);
    assert_non_null(root);
    assert_string_equal(value_text(CSTAR_VAL(cstar_json_path(root, "a")), 0),
                        "{\"b\":[1,{\"$\":\"@\"},[]],\"c\":2}");
    assert_string_equal(value_text(CSTAR_VAL(cstar_json_path(root, "a.b")), 0),
                        "[1,{\"$\":\"@\"},[]]");
    assert_string_equal(value_text(CSTAR_VAL(cstar_json_path(root, "a.b.1")), CSTAR_ESC_EXPR),
                        "{\"\\u0024\":\"\\u0040\"}");
    assert_string_equal(value_text(CSTAR_VAL(cstar_json_path(root, "a.b.2")), 0), "[]");
    assert_string_equal(value_text(CSTAR_VAL(cstar_json_path(root, "a.c")), 0), "2");
    assert_string_equal(value_text(CSTAR_VAL(cstar_json_path(root, "d")), 0), "{}");
    start(0);
    cstar_json_begin_array(&w);
    cstar_json_add(&w, cstar_json_path(root, "e"));
    cstar_json_add(&w, cstar_json_path(root, "d"));
    cstar_json_add(&w, root);
    cstar_json_end_array(&w);
    expect("[[3],{},{\"a\":{\"b\":[1,{\"$\":\"@\"},[]],\"c\":2},\"d\":{},\"e\":[3]}]");
    cstar_arena_fini(&arena);
}

static void test_deep_tree(void **state) {
    (void)state;
    char text[2049];
    memset(text, '[', 1024);
    memset(text + 1024, ']', 1024);
    text[2048] = '\0';
    cstar_arena arena;
    cstar_arena_init(&arena, cstar_heap(), 0);
    const cstar_json *root = cstar_json_read(&arena, cstar_cstr(text), &any, NULL);
    assert_non_null(root);
    assert_string_equal(value_text(CSTAR_VAL(root), 0), text);
    assert_string_equal(value_text(cstar_json_text(text), CSTAR_ESC_EXPR), text);
    cstar_arena_fini(&arena);
}

/* ---- the buffer
 * ------------------------------------------------------------------------------- */

static void write_much(cstar_json_writer *to, const cstar_json *tree) {
    cstar_json_begin_object(to);
    cstar_json_set(to, "a", "some text that is longer than a few bytes");
    cstar_json_set(to, "tree", tree);
    cstar_json_set(to, "json", cstar_json_text(" [1, \"two $\", {\"three\" : 3}] "));
    cstar_json_put_key(to, CSTAR_STR("list"));
    cstar_json_begin_array(to);
    for (int i = 0; i < 200; i++) {
        cstar_json_add(to, i * 1000003);
    }
    cstar_json_end_array(to);
    cstar_json_end_object(to);
}

static void test_each_size_of_buffer(void **state) {
    (void)state;
    cstar_arena arena;
    cstar_arena_init(&arena, cstar_heap(), 0);
    const cstar_json *tree =
        cstar_json_read(&arena, CSTAR_STR("{\"x\":[1,2.5,\"y\"],\"z\":null}"), NULL, NULL);
    start(CSTAR_ESC_EXPR);
    write_much(&w, tree);
    assert_int_equal(cstar_json_writer_end(&w), CSTAR_OK);
    size_t need = out.len;
    for (size_t size = 0; size <= need; size++) {
        char *exact = malloc(size + 1);
        assert_non_null(exact);
        cstar_buf b;
        cstar_json_writer to;
        cstar_buf_fixed(&b, exact, size);
        cstar_json_writer_init(&to, &b, CSTAR_ESC_EXPR);
        write_much(&to, tree);
        assert_int_equal(cstar_json_writer_end(&to), size == need ? CSTAR_OK : CSTAR_ELIMIT);
        free(exact);
    }
    cstar_arena_fini(&arena);
}

static void test_each_allocation_fails(void **state) {
    (void)state;
    for (size_t n = 1;; n++) {
        failalloc f;
        cstar_buf b;
        cstar_json_writer to;
        failalloc_init(&f, n);
        cstar_buf_init(&b, &f.alloc, 0);
        cstar_json_writer_init(&to, &b, 0);
        write_much(&to, NULL);
        cstar_status rc = cstar_json_writer_end(&to);
        bool reached = f.calls >= n;
        cstar_buf_fini(&b);
        assert_int_equal(f.live_blocks, 0);
        assert_int_equal(rc, reached ? CSTAR_ENOMEM : CSTAR_OK);
        if (!reached) {
            assert_true(n > 1);
            break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_document),
        cmocka_unit_test(test_scalar_roots),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_errors_stick),
        cmocka_unit_test(test_values_without_a_form),
        cmocka_unit_test(test_invalid_utf8),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_text_is_rewritten),
        cmocka_unit_test(test_text_among_values),
        cmocka_unit_test(test_bad_text),
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_parts_of_trees),
        cmocka_unit_test(test_deep_tree),
        cmocka_unit_test(test_each_size_of_buffer),
        cmocka_unit_test(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
