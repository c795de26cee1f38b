/* test_cookie.c -- the Cookie header read, Set-Cookie written. SPDX-License-Identifier: MIT */
#include "http/cookie.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- of a request --------------------------------------------------------------------------- */

/* "name=value|name=value|" of what the iterator says. */
static void list(const cstar__field *fields, size_t nfields, size_t max, char *text, size_t size) {
    cstar__cookies it;
    cstar__cookie c;
    cstar_buf b;
    cstar_buf_fixed(&b, text, size - 1);
    cstar__cookies_init(&it, fields, nfields, max);
    while (cstar__cookies_next(&it, &c)) {
        cstar_buf_str(&b, c.name);
        cstar_buf_byte(&b, '=');
        cstar_buf_str(&b, c.value);
        cstar_buf_byte(&b, '|');
    }
    assert_false(cstar__cookies_next(&it, &c));
    text[b.len] = '\0';
}

typedef struct parse_case {
    const char *header, *expected;
} parse_case;

static const parse_case parses[] = {
    {"", ""},
    {"a=1", "a=1|"},
    {"a=1; b=2", "a=1|b=2|"},
    {"a=1;b=2", "a=1|b=2|"},
    {"a=1;   b=2  ", "a=1|b=2|"},
    {"\ta=1\t;\tb=2", "a=1|b=2|"},
    {"a=", "a=|"},
    {"a=\"\"", "a=|"},
    {"a=\"x\"", "a=x|"},
    {"a=\"x", ""},
    {"a=x\"", ""},
    {"a=\"", ""},
    {"a=x\"y\"z", ""},
    {"a=\"x\"y", ""},
    {"a=b=c", "a=b=c|"},
    {"a==", "a==|"},
    {"=1; b=2", "b=2|"},
    {"=", ""},
    {"a; b=2", "b=2|"},
    {"a", ""},
    {";", ""},
    {";;;; a=1;;", "a=1|"},
    {"a =1; b=2", "b=2|"},
    {"a= 1; b=2", "b=2|"},
    {"a=1 2; b=2", "b=2|"},
    {"a=1,2; b=2", "b=2|"},
    {"a=1\\2; b=2", "b=2|"},
    {"a=1\x7f; b=2", "b=2|"},
    {"a=\xc3\xa9; b=2", "b=2|"},
    {"\xc3\xa9=1; b=2", "b=2|"},
    {"a\t=1; b=2", "b=2|"},
    {"a=1\tx; b=2", "b=2|"},
    {"a=\x01; b=2", "b=2|"},
    {"a(b=1; c=2", "c=2|"},
    {"a@b=1; c=2", "c=2|"},
    {"a[0]=1; c=2", "c=2|"},
    {"a,b=1; c=2", "c=2|"},
    {"a=1; a=2", "a=1|a=2|"},
    {"A=1; a=2", "A=1|a=2|"},
    {"__Host-id=x!#$%&'()*+-./:<=>?@[]^_`{|}~", "__Host-id=x!#$%&'()*+-./:<=>?@[]^_`{|}~|"},
    {"$Version=1; a=2", "$Version=1|a=2|"},
    {"a={\"json\":1}; b=2", "b=2|"},
    {"a=%22%3B; b=2", "a=%22%3B|b=2|"},
    {"a=1\r\nSet-Cookie: x=y", ""},
};

static void test_parse(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof parses / sizeof parses[0]; i++) {
        char text[256];
        cstar__field f = {CSTAR_STR("cookie"), cstar_cstr(parses[i].header)};
        print_message("%s\n", parses[i].header);
        list(&f, 1, 0, text, sizeof text);
        assert_string_equal(text, parses[i].expected);
    }
}

static void test_nul_is_no_octet(void **state) {
    (void)state;
    char text[64];
    cstar__field f = {CSTAR_STR("cookie"), CSTAR_STR("a=1\0; b=2; c\0=3; d=4")};
    list(&f, 1, 0, text, sizeof text);
    assert_string_equal(text, "b=2|d=4|");
}

static void test_several_fields(void **state) {
    (void)state;
    char text[64];
    const cstar__field f[] = {{CSTAR_STR("host"), CSTAR_STR("a=0")},
                              {CSTAR_STR("cookie"), CSTAR_STR("a=1; b=2")},
                              {CSTAR_STR("cookie"), {NULL, 0}},
                              {CSTAR_STR("cookies"), CSTAR_STR("x=1")},
                              {CSTAR_STR("cookie"), CSTAR_STR("a=3")}};
    list(f, 5, 0, text, sizeof text);
    assert_string_equal(text, "a=1|b=2|a=3|");
    list(f, 5, 2, text, sizeof text);
    assert_string_equal(text, "a=1|b=2|");
    list(NULL, 0, 0, text, sizeof text);
    assert_string_equal(text, "");
}

/* The limit counts bad pairs too, or a header of semicolons would be free. */
static void test_limit(void **state) {
    (void)state;
    char header[400];
    char text[1024];
    memset(header, ';', sizeof header);
    memcpy(header + 64, "a=1", 3);
    cstar__field f = {CSTAR_STR("cookie"), {header, 200}};
    list(&f, 1, 0, text, sizeof text);
    assert_string_equal(text, "");
    list(&f, 1, 65, text, sizeof text);
    assert_string_equal(text, "a=1|");
}

static void test_find(void **state) {
    (void)state;
    const cstar__field f[] = {{CSTAR_STR("cookie"), CSTAR_STR("id=\x01; id=deep; e=")},
                              {CSTAR_STR("cookie"), CSTAR_STR("id=root; z=1")}};
    const cstar__request r = {.fields = f, .nfields = 2};
    assert_true(cstar_str_eq(cstar__cookie_find(&r, CSTAR_STR("id")), CSTAR_STR("deep")));
    assert_true(cstar_str_eq(cstar__cookie_find(&r, CSTAR_STR("z")), CSTAR_STR("1")));
    assert_non_null(cstar__cookie_find(&r, CSTAR_STR("e")).ptr);
    assert_null(cstar__cookie_find(&r, CSTAR_STR("ID")).ptr);
    assert_null(cstar__cookie_find(&r, CSTAR_STR("")).ptr);
}

/* Every prefix, in memory that ends there: ASan sees a read behind it. */
static void test_prefixes(void **state) {
    (void)state;
    const char *header = " a=1;b=\"two\" ; bad ;c=\"; =; d==";
    for (size_t n = 0; n <= strlen(header); n++) {
        char text[128];
        char *copy = malloc(n != 0 ? n : 1);
        assert_non_null(copy);
        memcpy(copy, header, n);
        cstar__field f = {CSTAR_STR("cookie"), {copy, n}};
        list(&f, 1, 0, text, sizeof text);
        assert_true(n < 4 || strncmp(text, "a=1|", 4) == 0);
        free(copy);
    }
}

/* ---- of a response -------------------------------------------------------------------------- */

#define S(literal)                                                                                 \
    { "" literal, sizeof(literal) - 1 }

typedef struct format_case {
    const char *name;
    cstar__set_cookie cookie;
    const char *expected; /* or the status */
    cstar_status status;
} format_case;

static const format_case formats[] = {
    {"plain", {.name = S("a"), .value = S("1")}, "a=1; Path=/; SameSite=Lax", CSTAR_OK},
    {"no value", {.name = S("a")}, "a=; Path=/; SameSite=Lax", CSTAR_OK},
    {"all",
     {.name = S("a"),
      .value = S("x=y"),
      .path = S("/app"),
      .domain = S("example.com"),
      .max_age = 60,
      .expires = 784111777,
      .same_site = CSTAR__SAME_SITE_NONE,
      .secure = true,
      .http_only = true,
      .partitioned = true},
     "a=x=y; Path=/app; Domain=example.com; Max-Age=60; Expires=Sun, 06 Nov 1994 08:49:37 GMT; "
     "Secure; HttpOnly; SameSite=None; Partitioned",
     CSTAR_OK},
    {"strict",
     {.name = S("a"), .same_site = CSTAR__SAME_SITE_STRICT},
     "a=; Path=/; SameSite=Strict",
     CSTAR_OK},
    {"delete", {.name = S("a"), .max_age = -5}, "a=; Path=/; Max-Age=0; SameSite=Lax", CSTAR_OK},
    {"longest life",
     {.name = S("a"), .max_age = INT64_MAX},
     "a=; Path=/; Max-Age=9223372036854775807; SameSite=Lax",
     CSTAR_OK},
    {"host",
     {.name = S("__Host-a"), .secure = true},
     "__Host-a=; Path=/; Secure; SameSite=Lax",
     CSTAR_OK},
    {"host, root named",
     {.name = S("__Host-a"), .secure = true, .path = S("/")},
     "__Host-a=; Path=/; Secure; SameSite=Lax",
     CSTAR_OK},
    {"secure prefix",
     {.name = S("__Secure-a"), .secure = true, .domain = S("a.b")},
     "__Secure-a=; Path=/; Domain=a.b; Secure; SameSite=Lax",
     CSTAR_OK},
    {"host, insecure", {.name = S("__Host-a")}, NULL, CSTAR_EPOLICY},
    {"host, path", {.name = S("__Host-a"), .secure = true, .path = S("/a")}, NULL, CSTAR_EPOLICY},
    {"host, domain",
     {.name = S("__Host-a"), .secure = true, .domain = S("a.b")},
     NULL,
     CSTAR_EPOLICY},
    {"host, other case", {.name = S("__hOST-a")}, NULL, CSTAR_EPOLICY},
    {"host, nothing behind", {.name = S("__Host-")}, NULL, CSTAR_EPOLICY},
    {"secure prefix, insecure", {.name = S("__Secure-a")}, NULL, CSTAR_EPOLICY},
    {"secure prefix, other case", {.name = S("__SECURE-a")}, NULL, CSTAR_EPOLICY},
    {"none, insecure", {.name = S("a"), .same_site = CSTAR__SAME_SITE_NONE}, NULL, CSTAR_EPOLICY},
    {"partitioned, insecure", {.name = S("a"), .partitioned = true}, NULL, CSTAR_EPOLICY},
    {"name empty", {.value = S("1")}, NULL, CSTAR_EINVAL},
    {"name with =", {.name = S("a=b")}, NULL, CSTAR_EINVAL},
    {"name with ;", {.name = S("a;b")}, NULL, CSTAR_EINVAL},
    {"name with space", {.name = S("a b")}, NULL, CSTAR_EINVAL},
    {"name with CRLF", {.name = S("a\r\nb")}, NULL, CSTAR_EINVAL},
    {"name with NUL", {.name = S("a\0b")}, NULL, CSTAR_EINVAL},
    {"value with ;", {.name = S("a"), .value = S("1; Domain=evil")}, NULL, CSTAR_EINVAL},
    {"value with CR", {.name = S("a"), .value = S("1\rx")}, NULL, CSTAR_EINVAL},
    {"value with LF", {.name = S("a"), .value = S("1\nx")}, NULL, CSTAR_EINVAL},
    {"value with NUL", {.name = S("a"), .value = S("1\0x")}, NULL, CSTAR_EINVAL},
    {"value with quote", {.name = S("a"), .value = S("\"1\"")}, NULL, CSTAR_EINVAL},
    {"value with comma", {.name = S("a"), .value = S("1,2")}, NULL, CSTAR_EINVAL},
    {"value with space", {.name = S("a"), .value = S("1 2")}, NULL, CSTAR_EINVAL},
    {"value not ASCII", {.name = S("a"), .value = S("\xc3\xa9")}, NULL, CSTAR_EINVAL},
    {"path relative", {.name = S("a"), .path = S("app")}, NULL, CSTAR_EINVAL},
    {"path empty", {.name = S("a"), .path = S("")}, NULL, CSTAR_EINVAL},
    {"path with ;", {.name = S("a"), .path = S("/;Secure")}, NULL, CSTAR_EINVAL},
    {"path with LF", {.name = S("a"), .path = S("/\n")}, NULL, CSTAR_EINVAL},
    {"domain empty", {.name = S("a"), .domain = S("")}, NULL, CSTAR_EINVAL},
    {"domain with dot first", {.name = S("a"), .domain = S(".a.b")}, NULL, CSTAR_EINVAL},
    {"domain with dot last", {.name = S("a"), .domain = S("a.b.")}, NULL, CSTAR_EINVAL},
    {"domain with two dots", {.name = S("a"), .domain = S("a..b")}, NULL, CSTAR_EINVAL},
    {"domain with ;", {.name = S("a"), .domain = S("a;b")}, NULL, CSTAR_EINVAL},
    {"domain with port", {.name = S("a"), .domain = S("a:80")}, NULL, CSTAR_EINVAL},
    {"expires before 1970", {.name = S("a"), .expires = -1}, NULL, CSTAR_EINVAL},
    {"expires after 9999", {.name = S("a"), .expires = INT64_MAX}, NULL, CSTAR_EINVAL},
};

static void test_format(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const format_case *c = &formats[i];
        char mem[512];
        cstar_err err = {.code = CSTAR_OK};
        cstar_buf out;
        cstar_buf_fixed(&out, mem, sizeof mem);
        print_message("%s\n", c->name);
        assert_int_equal(cstar__set_cookie_format(&out, &c->cookie, &err), c->status);
        assert_int_equal(err.code, c->status);
        assert_int_equal(out.len, c->expected != NULL ? strlen(c->expected) : 0);
        assert_true(c->expected == NULL || memcmp(out.ptr, c->expected, out.len) == 0);
        assert_int_equal(cstar__set_cookie_format(&out, &c->cookie, NULL), c->status);
    }
}

static void test_format_limits(void **state) {
    (void)state;
    static char big[5000];
    memset(big, 'x', sizeof big);
    cstar_buf out;
    cstar__set_cookie c = {.name = CSTAR_STR("a"), .value = {big, 4095}};
    cstar_buf_init(&out, cstar_heap(), 0);
    assert_int_equal(cstar__set_cookie_format(&out, &c, NULL), CSTAR_OK);
    size_t len = out.len;
    c.value.len = 4096;
    assert_int_equal(cstar__set_cookie_format(&out, &c, NULL), CSTAR_ELIMIT);
    c = (cstar__set_cookie){.name = {big, 5000}};
    assert_int_equal(cstar__set_cookie_format(&out, &c, NULL), CSTAR_ELIMIT);
    c = (cstar__set_cookie){.name = CSTAR_STR("a"), .domain = {big, 254}};
    assert_int_equal(cstar__set_cookie_format(&out, &c, NULL), CSTAR_ELIMIT);
    big[0] = '/';
    c = (cstar__set_cookie){.name = CSTAR_STR("a"), .path = {big, 1025}};
    assert_int_equal(cstar__set_cookie_format(&out, &c, NULL), CSTAR_ELIMIT);
    assert_int_equal(out.len, len);
    cstar_buf_fini(&out);
}

static void test_format_out_of_memory(void **state) {
    (void)state;
    const cstar__set_cookie c = {.name = CSTAR_STR("a"), .max_age = 1, .expires = 1};
    for (size_t n = 1;; n++) {
        failalloc f;
        cstar_buf out;
        failalloc_init(&f, n);
        cstar_buf_init(&out, &f.alloc, 0);
        cstar_status rc = cstar__set_cookie_format(&out, &c, NULL);
        assert_int_equal(rc, f.calls >= n ? CSTAR_ENOMEM : CSTAR_OK);
        cstar_buf_fini(&out);
        assert_int_equal(f.live_blocks, 0);
        if (rc == CSTAR_OK) {
            assert_true(n > 1);
            return;
        }
    }
}

/* What is written can be read: name and value of every good case come back. */
static void test_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const format_case *c = &formats[i];
        if (c->status == CSTAR_OK) {
            cstar__field f = {CSTAR_STR("cookie"), cstar_cstr(c->expected)};
            const cstar__request r = {.fields = &f, .nfields = 1};
            cstar_str value = cstar__cookie_find(&r, c->cookie.name);
            assert_non_null(value.ptr);
            assert_true(cstar_str_eq(value, c->cookie.value));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),          cmocka_unit_test(test_nul_is_no_octet),
        cmocka_unit_test(test_several_fields), cmocka_unit_test(test_limit),
        cmocka_unit_test(test_find),           cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_format),         cmocka_unit_test(test_format_limits),
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_format_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
