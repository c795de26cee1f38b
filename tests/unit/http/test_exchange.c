/* test_exchange.c -- the pool, what a response is checked for, request fields, reasons,
 * character tables, query strings. SPDX-License-Identifier: MIT */
#include "http/chars.h"
#include "http/exchange.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- pool ----------------------------------------------------------------------------------- */

static void test_pool_reuses(void **state) {
    (void)state;
    failalloc f;
    cstar__exchange_pool pool;
    failalloc_init(&f, 0);
    cstar__exchange_pool_init(&pool, &f.alloc);
    cstar__exchange *x = cstar__exchange_take(&pool);
    assert_non_null(x);
    assert_non_null(cstar_arena_alloc(&x->arena, 5000));
    x->later = x->broken = x->close = x->say_keep_alive = true;
    x->status = 200;
    x->user = &f;
    cstar__exchange_give(&pool, x);
    size_t calls = f.calls;
    cstar__exchange *y = cstar__exchange_take(&pool);
    assert_ptr_equal(x, y);
    assert_non_null(cstar_arena_alloc(&y->arena, 5000));
    assert_int_equal(f.calls, calls); /* its arena kept the block */
    assert_false(y->later || y->broken || y->close || y->say_keep_alive);
    assert_int_equal(y->status, 0);
    assert_null(y->user);
    assert_null(y->next);
    cstar__exchange_give(&pool, y);
    cstar__exchange_give(&pool, NULL);
    cstar__exchange_pool_fini(&pool);
    assert_int_equal(f.live_blocks, 0);
}

static void test_pool_is_bounded(void **state) {
    (void)state;
    failalloc f;
    cstar__exchange_pool pool;
    cstar__exchange *taken[5];
    failalloc_init(&f, 0);
    cstar__exchange_pool_init(&pool, &f.alloc);
    pool.max_free = 2;
    pool.keep_bytes = 2048;
    for (size_t i = 0; i < 5; i++) {
        taken[i] = cstar__exchange_take(&pool);
        assert_non_null(cstar_arena_alloc(&taken[i]->arena, 4000)); /* more than is kept */
    }
    for (size_t i = 0; i < 5; i++) {
        cstar__exchange_give(&pool, taken[i]);
    }
    assert_int_equal(pool.nfree, 2);
    assert_int_equal(f.live_blocks, 2);
    cstar__exchange_pool_fini(&pool);
    assert_int_equal(f.live_blocks, 0);
}

static void test_pool_out_of_memory(void **state) {
    (void)state;
    failalloc f;
    cstar__exchange_pool pool;
    failalloc_init(&f, 1);
    cstar__exchange_pool_init(&pool, &f.alloc);
    assert_null(cstar__exchange_take(&pool));
    cstar__exchange_pool_fini(&pool);
}

static void test_pool_arena_limit(void **state) {
    (void)state;
    cstar__exchange_pool pool;
    cstar__exchange_pool_init(&pool, cstar_heap());
    pool.arena_limit = 4096;
    cstar__exchange *x = cstar__exchange_take(&pool);
    assert_null(cstar_arena_alloc(&x->arena, 5000));
    assert_non_null(cstar_arena_alloc(&x->arena, 1000));
    cstar__exchange_give(&pool, x);
    cstar__exchange_pool_fini(&pool);
}

/* ---- checks --------------------------------------------------------------------------------- */

static int reached; /* how often an operation got through */

static cstar_status op_respond(cstar__exchange *x, int status, const cstar__field *fields, size_t n,
                               cstar_str body) {
    (void)status;
    (void)fields;
    (void)n;
    (void)body;
    (void)x;
    reached++;
    return CSTAR_OK;
}
static cstar_status op_start(cstar__exchange *x, int status, const cstar__field *fields, size_t n) {
    return op_respond(x, status, fields, n, CSTAR_STR(""));
}
static cstar_status op_write(cstar__exchange *x, cstar_str bytes) {
    return op_respond(x, 0, NULL, 0, bytes);
}
static cstar_status op_end(cstar__exchange *x) { return op_respond(x, 0, NULL, 0, CSTAR_STR("")); }
static void op_abort(cstar__exchange *x) { (void)op_end(x); }
static const cstar__exchange_ops ops = {
    .respond = op_respond, .start = op_start, .write = op_write, .end = op_end, .abort = op_abort};

static void test_bad_fields(void **state) {
    (void)state;
    static const cstar__field bad[] = {
        {{"", 0}, {"x", 1}},
        {{NULL, 0}, {"x", 1}},
        {{"a b", 3}, {"x", 1}},
        {{"a:", 2}, {"x", 1}},
        {{"a\r\nb", 4}, {"x", 1}},
        {{"a\0b", 3}, {"x", 1}},
        {{"\xc3\xa9", 2}, {"x", 1}},
        {{"a", 1}, {"x\r\nSet-Cookie: y", 16}},
        {{"a", 1}, {"x\n", 2}},
        {{"a", 1}, {"x\r", 2}},
        {{"a", 1}, {"x\0y", 3}},
        {{"a", 1}, {"x\x7f", 2}},
        {{"a", 1}, {"0123456789\x1b", 11}},
        {{"Content-Length", 14}, {"1", 1}},
        {{"content-length", 14}, {"1", 1}},
        {{"TRANSFER-ENCODING", 17}, {"chunked", 7}},
        {{"Connection", 10}, {"close", 5}},
        {{"Keep-Alive", 10}, {"5", 1}},
        {{"Date", 4}, {"now", 3}},
        {{"Upgrade", 7}, {"h2c", 3}},
        {{"Trailer", 7}, {"x", 1}},
        {{"te", 2}, {"x", 1}},
        {{"proxy-connection", 16}, {"close", 5}},
    };
    cstar__exchange x = {.ops = &ops};
    reached = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cstar__field both[2] = {{CSTAR_STR("X-Good"), CSTAR_STR("yes")}, bad[i]};
        assert_int_equal(cstar__respond(&x, 200, both, 2, CSTAR_STR("")), CSTAR_EINVAL);
        assert_int_equal(cstar__respond_start(&x, 200, &bad[i], 1), CSTAR_EINVAL);
    }
    assert_int_equal(reached, 0);
}

static void test_good_fields(void **state) {
    (void)state;
    static const cstar__field good[] = {
        {{"a", 1}, {NULL, 0}},
        {{"!#$%&'*+-.^_`|~09azAZ", 21}, {"", 0}},
        {{"a", 1}, {"x\ty \xc3\xa9 \xff", 8}},
        {{"Content-Lengths", 15}, {"1", 1}},
        {{"X-Connection", 12}, {"close", 5}},
    };
    cstar__exchange x = {.ops = &ops};
    reached = 0;
    assert_int_equal(cstar__respond(&x, 200, good, sizeof good / sizeof good[0], CSTAR_STR("")),
                     CSTAR_OK);
    assert_int_equal(cstar__respond(&x, 599, NULL, 0, CSTAR_STR("")), CSTAR_OK);
    assert_int_equal(reached, 2);
}

static void test_statuses(void **state) {
    (void)state;
    static const int bad[] = {-1, 0, 99, 100, 101, 103, 199, 600, 999, 1000};
    cstar__exchange x = {.ops = &ops};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cstar__respond(&x, bad[i], NULL, 0, CSTAR_STR("")), CSTAR_EINVAL);
        assert_int_equal(cstar__respond_start(&x, bad[i], NULL, 0), CSTAR_EINVAL);
    }
}

static void test_states(void **state) {
    (void)state;
    cstar__exchange x = {.ops = &ops};
    reached = 0;
    assert_int_equal(cstar__respond_write(&x, CSTAR_STR("a")), CSTAR_ESTATE);
    assert_int_equal(cstar__respond_end(&x), CSTAR_ESTATE);
    x.state = CSTAR__RESPONSE_STREAMING;
    assert_int_equal(cstar__respond(&x, 200, NULL, 0, CSTAR_STR("")), CSTAR_ESTATE);
    assert_int_equal(cstar__respond_start(&x, 200, NULL, 0), CSTAR_ESTATE);
    assert_int_equal(cstar__respond_write(&x, CSTAR_STR("")), CSTAR_OK);
    assert_int_equal(reached,
                     0); /* an empty piece writes nothing: as a chunk it would be the last */
    assert_int_equal(cstar__respond_write(&x, CSTAR_STR("a")), CSTAR_OK);
    assert_int_equal(cstar__respond_end(&x), CSTAR_OK);
    assert_int_equal(reached, 2);
    x.state = CSTAR__RESPONSE_DONE;
    assert_int_equal(cstar__respond_write(&x, CSTAR_STR("a")), CSTAR_ESTATE);
    assert_int_equal(cstar__respond_end(&x), CSTAR_ESTATE);
    cstar__respond_abort(&x);
    x.state = CSTAR__RESPONSE_STREAMING;
    x.broken = true;
    assert_int_equal(cstar__respond(&x, 200, NULL, 0, CSTAR_STR("")), CSTAR_ECLOSED);
    assert_int_equal(cstar__respond_start(&x, 200, NULL, 0), CSTAR_ECLOSED);
    assert_int_equal(cstar__respond_write(&x, CSTAR_STR("a")), CSTAR_ECLOSED);
    assert_int_equal(cstar__respond_end(&x), CSTAR_ECLOSED);
    cstar__respond_abort(&x);
    assert_int_equal(reached, 2);
}

/* ---- words ---------------------------------------------------------------------------------- */

static void test_reasons(void **state) {
    (void)state;
    assert_string_equal(cstar__reason(200), "OK");
    assert_string_equal(cstar__reason(404), "Not Found");
    assert_string_equal(cstar__reason(413), "Content Too Large");
    assert_string_equal(cstar__reason(505), "HTTP Version Not Supported");
    assert_string_equal(cstar__reason(299), "");
    assert_string_equal(cstar__reason(-1), "");
    for (int status = 0; status < 700;
         status++) { /* whatever it is, it fits a status line and an error page */
        const char *text = cstar__reason(status);
        assert_true(strlen(text) < 40);
        assert_ptr_equal(cstar__value_end(text, text + strlen(text)), text + strlen(text));
    }
}

static void test_methods_and_fields(void **state) {
    (void)state;
    assert_string_equal(cstar__method_name(CSTAR__GET), "GET");
    assert_string_equal(cstar__method_name(CSTAR__OPTIONS), "OPTIONS");
    assert_string_equal(cstar__method_name(CSTAR__METHODS), "");
    const cstar__field fields[] = {{CSTAR_STR("a"), CSTAR_STR("1")},
                                   {CSTAR_STR("b"), CSTAR_STR("")},
                                   {CSTAR_STR("a"), CSTAR_STR("2")}};
    const cstar__request r = {.fields = fields, .nfields = 3};
    assert_true(cstar_str_eq(cstar__request_field(&r, "a"), CSTAR_STR("1")));
    assert_non_null(cstar__request_field(&r, "b").ptr);
    assert_int_equal(cstar__request_field(&r, "b").len, 0);
    assert_null(cstar__request_field(&r, "c").ptr);
    assert_null(cstar__request_field(&r, "").ptr);
}

/* Both tables from the grammar (RFC 9110 5.6.2, 5.5; RFC 3986 3.2.2). */
static void test_tables(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool token = alnum || (c != 0 && c < 128 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
        int lower = c >= 'A' && c <= 'Z' ? c + 32 : c;
        assert_int_equal(cstar__lower_token[c], token ? lower : 0);
        bool target = c > 0x20 && c < 0x7f && c != '#';
        bool value = c == '\t' || (c >= 0x20 && c != 0x7f);
        bool host = alnum || (c != 0 && c < 128 && strchr("-._~!$&'()*+,;=", c) != NULL);
        char byte = (char)(unsigned char)c;
        assert_int_equal(cstar__char_is(byte, CSTAR__CHAR_TARGET), target);
        assert_int_equal(cstar__char_is(byte, CSTAR__CHAR_VALUE), value);
        assert_int_equal(cstar__char_is(byte, CSTAR__CHAR_HOST), host);
    }
}

/* Every byte at every place of a text of every length around a word. */
static void test_value_end(void **state) {
    (void)state;
    char text[20];
    for (size_t len = 1; len <= sizeof text; len++) {
        for (size_t at = 0; at < len; at++) {
            for (int c = 0; c < 256; c++) {
                memset(text, c & 1 ? 0x20 : 0xff, len);
                text[at] = (char)(unsigned char)c;
                bool ok = c == '\t' || (c >= 0x20 && c != 0x7f);
                assert_ptr_equal(cstar__value_end(text, text + len), text + (ok ? len : at));
            }
        }
    }
}

/* ---- whole fields --------------------------------------------------------------------------- */

static bool naive_field_ok(const unsigned char *name, size_t name_len, const unsigned char *value,
                           size_t value_len) {
    for (size_t i = 0; i < name_len; i++) {
        if (cstar__lower_token[name[i]] == 0) {
            return false;
        }
    }
    for (size_t i = 0; i < value_len; i++) {
        if (value[i] != '\t' && (value[i] < 0x20 || value[i] == 0x7f)) {
            return false;
        }
    }
    return name_len != 0;
}

static void same_verdict(const unsigned char *text, size_t len) {
    const cstar_str s = cstar_view((const char *)text, len);
    static const unsigned char x[] = "x";
    assert_int_equal(cstar__field_ok(s, CSTAR_STR("")), naive_field_ok(text, len, x, 0));
    assert_int_equal(cstar__field_ok(CSTAR_STR("x"), s), naive_field_ok(x, 1, text, len));
}

/* Every byte at every place of `len` bytes of `beside`. */
static void every_byte(unsigned char *text, size_t len, char beside) {
    memset(text, beside, len);
    for (size_t at = 0; at < len; at++) {
        for (int c = 0; c < 256; c++) {
            text[at] = (unsigned char)c;
            same_verdict(text, len);
        }
        text[at] = (unsigned char)beside;
    }
}

/* Of every length around two words, in exactly as much memory; beside the byte what is usual, what
 * is not, and what carries in a sum. */
static void test_field_ok_bytes(void **state) {
    (void)state;
    static const char beside[] = {'a', '-', 'A', '\xff', '\x80', '\t', ' '};
    for (size_t len = 1; len <= 18; len++) {
        unsigned char *text = malloc(len);
        assert_non_null(text);
        for (size_t b = 0; b < sizeof beside; b++) {
            every_byte(text, len, beside[b]);
        }
        free(text);
    }
}

/* Random texts; mostly of good bytes, so that both verdicts come. */
static void test_field_ok_random(void **state) {
    (void)state;
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    size_t good = 0;
    size_t bad = 0;
    for (int n = 0; n < 200000; n++) {
        unsigned char text[40];
        const size_t len = (size_t)(n % 40) + 1;
        for (size_t i = 0; i < len; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            const unsigned char any = (unsigned char)(seed >> 32);
            text[i] = seed % 64 == 0 ? any : (unsigned char)("abcxyz-^_`Z9"[any % 12]);
        }
        same_verdict(text, len);
        *(naive_field_ok(text, len, text, len) ? &good : &bad) += 1;
    }
    assert_true(good > 1000 && bad > 1000);
}

/* ---- query ---------------------------------------------------------------------------------- */

static void test_query(void **state) {
    (void)state;
    static const struct {
        const char *query, *name, *value; /* NULL: none */
    } cases[] = {
        {"", "a", NULL},
        {"a", "a", ""},
        {"a=", "a", ""},
        {"a=1", "a", "1"},
        {"a=1&a=2", "a", "2"},
        {"a=1&b=2&a=", "a", ""},
        {"&&a=1&&", "a", "1"},
        {"a=1", "b", NULL},
        {"aa=1", "a", NULL},
        {"a=1", "aa", NULL},
        {"=1", "a", NULL},
        {"=1", "", "1"},
        {"a=b=c", "a", "b=c"},
        {"a=%7B%22x%22%3A1%7D", "a", "{\"x\":1}"},
        {"a=+x+%2B", "a", " x +"},
        {"%61=1", "a", "1"},
        {"d%61tast%41r=1", "datastAr", "1"},
        {"a+b=1", "a b", "1"},
        {"a%20b=1", "a b", "1"},
        {"a%26b=1", "a&b", "1"},
        {"a%3Db=1", "a=b", "1"},
        {"%6=1", "%6", "1"},
        {"%=1", "%", "1"},
        {"%zz=1", "%zz", "1"},
        {"a=%", "a", "%"},
        {"a=%4", "a", "%4"},
        {"a=%zz", "a", "%zz"},
        {"a=%26b=2", "b", NULL},
        {"A=1", "a", NULL},
        {"a;b=1", "b", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char mem[64];
        cstar_buf out;
        cstar_buf_fixed(&out, mem, sizeof mem);
        cstar_buf_puts(&out, "<");
        bool found = cstar__query_last(cstar_cstr(cases[i].query), cstar_cstr(cases[i].name), &out);
        assert_int_equal(found, cases[i].value != NULL);
        cstar_str expected = cstar_cstr(found ? cases[i].value : "");
        assert_true(out.ptr[0] == '<' &&
                    cstar_str_eq(cstar_view(out.ptr + 1, out.len - 1), expected));
    }
    cstar_buf out;
    char mem[8];
    cstar_buf_fixed(&out, mem, sizeof mem);
    assert_false(cstar__query_only(CSTAR_STR("a=1&b=2&%61=3"), CSTAR_STR("a"), &out));
    assert_false(cstar__query_only(CSTAR_STR("b=2"), CSTAR_STR("a"), &out));
    assert_int_equal(out.len, 0);
    assert_true(cstar__query_only(CSTAR_STR("a=1&b=2&aa=3"), CSTAR_STR("a"), &out));
    assert_memory_equal(mem, "1", 1);
    cstar_buf_fixed(&out, mem, sizeof mem);
    assert_false(cstar__query_last(cstar_view(NULL, 0), CSTAR_STR("a"), &out));
    assert_true(cstar__query_last(CSTAR_STR("a=%00%ff"), CSTAR_STR("a"), &out));
    assert_memory_equal(mem, "\0\xff", 2);
    assert_true(
        cstar__query_last(CSTAR_STR("a=toolong"), CSTAR_STR("a"), &out)); /* the buffer tells */
    assert_int_equal(cstar_buf_status(&out), CSTAR_ELIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_reuses),
        cmocka_unit_test(test_pool_is_bounded),
        cmocka_unit_test(test_pool_out_of_memory),
        cmocka_unit_test(test_pool_arena_limit),
        cmocka_unit_test(test_bad_fields),
        cmocka_unit_test(test_good_fields),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_methods_and_fields),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_value_end),
        cmocka_unit_test(test_field_ok_bytes),
        cmocka_unit_test(test_field_ok_random),
        cmocka_unit_test(test_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
