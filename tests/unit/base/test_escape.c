/* test_escape.c -- UTF-8, and values made harmless for HTML, JSON and URLs.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"

#include "cstar/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define S(literal)                                                                                 \
    { "" literal, sizeof(literal) - 1 }

static void assert_view(cstar_str got, cstar_str expected) {
    if (!cstar_str_eq(got, expected)) {
        print_error("got      %.*s\nexpected %.*s\n", (int)got.len, got.ptr, (int)expected.len,
                    expected.ptr);
        fail();
    }
}

static void utf8_is_strict(void **state) {
    (void)state;
    static const struct {
        cstar_str text;
        bool valid;
    } cases[] = {
        {S(""), true},
        {S("plain ascii that is longer than eight bytes"), true},
        {S("caf\xC3\xA9 \xE6\x9D\xB1\xE4\xBA\xAC \xF0\x9F\x98\x80"), true},
        {S("\x00"), true},
        {S("\x7F"), true},
        {S("\xC2\x80"), true},
        {S("\xDF\xBF"), true},
        {S("\xE0\xA0\x80"), true},
        {S("\xED\x9F\xBF"), true},
        {S("\xEE\x80\x80"), true},
        {S("\xEF\xBF\xBF"), true},
        {S("\xF0\x90\x80\x80"), true},
        {S("\xF4\x8F\xBF\xBF"), true},
        {S("\x80"), false},
        {S("12345678\xBF"), false},
        {S("\xC0\x80"), false},     /* overlong NUL */
        {S("\xC1\xBF"), false},     /* overlong */
        {S("\xC3"), false},         /* cut */
        {S("\xC3\x28"), false},     /* no continuation */
        {S("\xE0\x9F\xBF"), false}, /* overlong */
        {S("\xED\xA0\x80"), false}, /* surrogate */
        {S("\xED\xBF\xBF"), false},
        {S("\xE2\x82"), false},
        {S("\xE2\x28\xA1"), false},
        {S("\xE2\x82\x28"), false},
        {S("\xF0\x8F\xBF\xBF"), false}, /* overlong */
        {S("\xF4\x90\x80\x80"), false}, /* past U+10FFFF */
        {S("\xF5\x80\x80\x80"), false},
        {S("\xF0\x9F\x98"), false},
        {S("\xFF"), false},
        {S("\xFE"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(cstar_utf8_valid(cases[i].text), cases[i].valid);
    }
}

/* Every code point, encoded here by the rule of the RFC, must come back; every surrogate must
 * not. */
static void utf8_round_trip_of_all_code_points(void **state) {
    (void)state;
    for (uint32_t code = 0; code < 0x110000; code++) {
        char text[4];
        size_t n = 0;
        if (code < 0x80) {
            text[n++] = (char)code;
        } else if (code < 0x800) {
            text[n++] = (char)(0xC0 | (code >> 6));
        } else if (code < 0x10000) {
            text[n++] = (char)(0xE0 | (code >> 12));
            text[n++] = (char)(0x80 | ((code >> 6) & 0x3F));
        } else {
            text[n++] = (char)(0xF0 | (code >> 18));
            text[n++] = (char)(0x80 | ((code >> 12) & 0x3F));
            text[n++] = (char)(0x80 | ((code >> 6) & 0x3F));
        }
        if (code >= 0x80) {
            text[n++] = (char)(0x80 | (code & 0x3F));
        }
        size_t pos = 0;
        uint32_t got = cstar_utf8_next(cstar_view(text, n), &pos);
        if (code >= 0xD800 && code <= 0xDFFF) {
            assert_int_equal(got, UINT32_MAX);
            assert_int_equal(pos, 1);
        } else {
            assert_int_equal(got, code);
            assert_int_equal(pos, n);
        }
    }
}

static void html_references(void **state) {
    (void)state;
    static const struct {
        cstar_str in, out;
    } cases[] = {
        {S(""), S("")},
        {S("plain"), S("plain")},
        {S("<&>\"'"), S("&lt;&amp;&gt;&quot;&#39;")},
        {S("a<b"), S("a&lt;b")},
        {S("<"), S("&lt;")},
        {S("x&"), S("x&amp;")},
        {S("\xC3\xA9<"), S("\xC3\xA9&lt;")},
        {S("&lt;"), S("&amp;lt;")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char mem[128];
        cstar_buf b;
        cstar_buf_fixed(&b, mem, sizeof mem);
        cstar_buf_html(&b, cases[i].in);
        assert_view(cstar_buf_view(&b), cases[i].out);
        cstar_buf_reset(&b);
        cstar_buf_lit(&b, "<keep>");
        cstar_buf_str(&b, cases[i].in);
        cstar_buf_html_from(&b, 6);
        assert_memory_equal(b.ptr, "<keep>", 6);
        assert_view(cstar_view(b.ptr + 6, b.len - 6), cases[i].out);
    }
}

static void html_in_place_that_does_not_fit_changes_nothing(void **state) {
    (void)state;
    char mem[6];
    cstar_buf b;
    cstar_buf_fixed(&b, mem, sizeof mem);
    cstar_buf_puts(&b, "a<b>c");
    cstar_buf_html_from(&b, 0);
    assert_int_equal(b.status, CSTAR_ELIMIT);
    assert_view(cstar_buf_view(&b), cstar_cstr("a<b>c"));
}

static void json_escapes(void **state) {
    (void)state;
    static const struct {
        cstar_str in;
        unsigned extra;
        cstar_str out;
    } cases[] = {
        {S("plain"), 0, S("plain")},
        {S("\"\\"), 0, S("\\\"\\\\")},
        {S("\b\t\n\f\r"), 0, S("\\b\\t\\n\\f\\r")},
        {S("\x00\x01\x1F\x7F"), 0, S("\\u0000\\u0001\\u001F\x7F")},
        {S("/<@$'"), 0, S("/<@$'")},
        {S("@$'<>&"), CSTAR_ESC_EXPR, S("\\u0040\\u0024\\u0027\\u003C\\u003E\\u0026")},
        {S("a\xE2\x80\xA8"
           "b\xE2\x80\xA9"),
         0,
         S("a\xE2\x80\xA8"
           "b\xE2\x80\xA9")},
        {S("a\xE2\x80\xA8"
           "b\xE2\x80\xA9"),
         CSTAR_ESC_LINES, S("a\\u2028b\\u2029")},
        {S("\xC3\xA9\xF0\x9F\x98\x80"), CSTAR_ESC_LINES | CSTAR_ESC_EXPR,
         S("\xC3\xA9\xF0\x9F\x98\x80")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char mem[128];
        cstar_buf b;
        cstar_buf_fixed(&b, mem, sizeof mem);
        cstar_buf_json(&b, cases[i].in, cases[i].extra);
        assert_int_equal(b.status, CSTAR_OK);
        assert_view(cstar_buf_view(&b), cases[i].out);
    }
    char mem[32];
    cstar_buf b;
    cstar_buf_fixed(&b, mem, sizeof mem);
    cstar_buf_json(&b, cstar_cstr("a\xFFz"), 0);
    assert_int_equal(b.status, CSTAR_EUTF8);
}

static void percent_coding(void **state) {
    (void)state;
    static const struct {
        cstar_str in, out;
    } cases[] = {
        {S("AZaz09-_~"), S("AZaz09-_~")}, {S("a.b"), S("a%2Eb")}, {S("/ ?#"), S("%2F%20%3F%23")},
        {S("\x00\xFF"), S("%00%FF")},     {S("%2f"), S("%252f")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char mem[64];
        cstar_buf b;
        cstar_buf_fixed(&b, mem, sizeof mem);
        cstar_buf_percent(&b, cases[i].in);
        assert_view(cstar_buf_view(&b), cases[i].out);
        cstar_str coded = cstar_buf_view(&b);
        assert_true(cstar_percent_valid(coded));
        char back[64];
        cstar_buf d;
        cstar_buf_fixed(&d, back, sizeof back);
        cstar_buf_unpercent(&d, coded, false);
        assert_view(cstar_buf_view(&d), cases[i].in);
    }
}

static void percent_decoding_of_what_is_not_coded(void **state) {
    (void)state;
    static const struct {
        cstar_str in, out;
        bool plus, valid;
    } cases[] = {
        {S("a+b"), S("a b"), true, true},   {S("a+b"), S("a+b"), false, true},
        {S("%ZZ"), S("%ZZ"), true, false},  {S("%4"), S("%4"), false, false},
        {S("%"), S("%"), false, false},     {S("%41%4a%4A"), S("AJJ"), false, true},
        {S("%%41"), S("%A"), false, false}, {S("%2"), S("%2"), false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char mem[64];
        cstar_buf b;
        cstar_buf_fixed(&b, mem, sizeof mem);
        cstar_buf_unpercent(&b, cases[i].in, cases[i].plus);
        assert_view(cstar_buf_view(&b), cases[i].out);
        assert_int_equal(cstar_percent_valid(cases[i].in), cases[i].valid);
    }
}

static void escapers_survive_every_allocation_failure(void **state) {
    (void)state;
    for (size_t n = 1; n < 8; n++) {
        failalloc f;
        failalloc_init(&f, n);
        cstar_buf b;
        cstar_buf_init(&b, &f.alloc, 1 << 16);
        for (int i = 0; i < 200; i++) {
            cstar_buf_html(&b, CSTAR_STR("<a href='x'>\"&\"</a>"));
            cstar_buf_json(&b, CSTAR_STR("\"\n\xE2\x80\xA8"), CSTAR_ESC_LINES);
            cstar_buf_percent(&b, CSTAR_STR("a b/c"));
            cstar_buf_unpercent(&b, CSTAR_STR("a%20b"), false);
            cstar_buf_oneline(&b, CSTAR_STR("a\r\nb"));
        }
        assert_true(b.status == CSTAR_OK || b.status == CSTAR_ENOMEM);
        cstar_buf_fini(&b);
        assert_int_equal(f.live_blocks, 0);
    }
}

static void names_compare_without_case(void **state) {
    (void)state;
    assert_true(cstar_str_ieq(CSTAR_STR("Content-TYPE"), CSTAR_STR("content-type")));
    assert_false(cstar_str_ieq(CSTAR_STR("a"), CSTAR_STR("ab")));
    /* 0x40 and 0x60 differ in the case bit only */
    assert_false(cstar_str_ieq(CSTAR_STR("@"), CSTAR_STR("`")));
    assert_false(cstar_str_ieq(CSTAR_STR("["), CSTAR_STR("{")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(utf8_round_trip_of_all_code_points),
        cmocka_unit_test(html_references),
        cmocka_unit_test(html_in_place_that_does_not_fit_changes_nothing),
        cmocka_unit_test(json_escapes),
        cmocka_unit_test(percent_coding),
        cmocka_unit_test(percent_decoding_of_what_is_not_coded),
        cmocka_unit_test(escapers_survive_every_allocation_failure),
        cmocka_unit_test(names_compare_without_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
