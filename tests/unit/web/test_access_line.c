/* test_access_line.c -- what a request looks like in the access log; above all, what does not.
 * SPDX-License-Identifier: MIT */
#include "web/access_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char text[2 * CSTAR__ACCESS_LINE];

static const char *line(cstar_access_format format, const cstar__access_entry *e) {
    cstar_buf out;
    cstar_buf_fixed(&out, text, sizeof text);
    cstar__access_line(&out, format, e);
    assert_true(out.len <= CSTAR__ACCESS_LINE);
    assert_true(cstar_utf8_valid(cstar_buf_view(&out)));
    for (size_t i = 0; i < out.len; i++) {
        assert_int_equal((unsigned char)out.ptr[i] < 0x20, i == out.len - 1);
    }
    cstar_buf_byte(&out, '\0');
    assert_int_equal(out.status, CSTAR_OK);
    return text;
}

static cstar__access_entry plain(const char *target) {
    return (cstar__access_entry){.address = CSTAR_STR("192.0.2.1"),
                                 .ms = INT64_C(1795273226007),
                                 .method = "GET",
                                 .target = cstar_cstr(target),
                                 .minor = 1,
                                 .status = 200,
                                 .bytes = 401,
                                 .us = 50};
}

static void golden_lines(void **state) {
    (void)state;
    cstar__access_entry e = plain("/a?b=c");
    assert_string_equal(
        line(CSTAR_ACCESS_COMMON, &e),
        "192.0.2.1 - - [21/Nov/2026:15:00:26 +0000] \"GET /a?b=c HTTP/1.1\" 200 401\n");
    assert_string_equal(line(CSTAR_ACCESS_COMBINED, &e),
                        "192.0.2.1 - - [21/Nov/2026:15:00:26 +0000] \"GET /a?b=c HTTP/1.1\" 200 "
                        "401 \"-\" \"-\"\n");
    assert_string_equal(
        line(CSTAR_ACCESS_JSON, &e),
        "{\"time\":\"2026-11-21T15:00:26.007Z\",\"address\":\"192.0.2.1\",\"method\":\"GET\","
        "\"target\":\"/a?b=c\",\"protocol\":\"HTTP/1.1\",\"status\":200,\"bytes\":401,"
        "\"duration_us\":50,\"referer\":null,\"user_agent\":null,\"tls\":false}\n");
    e.referer = CSTAR_STR("https://x.test/");
    e.agent = CSTAR_STR("curl/7 (\"x\")");
    e.request_id = CSTAR_STR("abc-1");
    e.secure = true;
    e.minor = 2;
    e.status = 0;
    e.address = CSTAR_STR("");
    assert_string_equal(line(CSTAR_ACCESS_COMBINED, &e),
                        "- - - [21/Nov/2026:15:00:26 +0000] \"GET /a?b=c HTTP/2.0\" 499 401 "
                        "\"https://x.test/\" \"curl/7 (\\\"x\\\")\"\n");
    assert_string_equal(
        line(CSTAR_ACCESS_JSON, &e),
        "{\"time\":\"2026-11-21T15:00:26.007Z\",\"address\":\"-\",\"method\":\"GET\","
        "\"target\":\"/a?b=c\",\"protocol\":\"HTTP/2.0\",\"status\":499,\"bytes\":401,"
        "\"duration_us\":50,\"referer\":\"https://x.test/\",\"user_agent\":\"curl/7 "
        "(\\\"x\\\")\",\"request_id\":\"abc-1\",\"tls\":true}\n");
    e.minor = 0;
    e.ms = 0;
    e.bytes = UINT64_MAX;
    assert_string_equal(line(CSTAR_ACCESS_COMMON, &e),
                        "- - - [01/Jan/1970:00:00:00 +0000] \"GET /a?b=c HTTP/1.0\" 499 "
                        "18446744073709551615\n");
}

/* ---- signals ---- */

static const struct {
    const char *sent, *told;
} redactions[] = {
    {"/?datastar=SECRET", "/?datastar=-"},
    {"/?datastar=", "/?datastar=-"},
    {"/?datastar", "/?datastar"},
    {"/?datastar=SECRET&a=1", "/?datastar=-&a=1"},
    {"/?a=1&datastar=SECRET&b=2&datastar=SECRET", "/?a=1&datastar=-&b=2&datastar=-"},
    {"/?%64atastar=SECRET", "/?%64atastar=-"},
    {"/?%64%61%74%61%73%74%61%72=SECRET", "/?%64%61%74%61%73%74%61%72=-"},
    {"/?datasta%72=SECRET", "/?datasta%72=-"},
    {"/?datastar=SECRET=SECRET?SECRET", "/?datastar=-"},
    {"/?datastar=SECRET?datastar=SECRET", "/?datastar=-"},
    {"http://h.test/?datastar=SECRET", "http://h.test/?datastar=-"},
    {"/??datastar=x", "/??datastar=x"}, /* named "?datastar": no signals */
    {"/datastar=kept?", "/datastar=kept?"},
    {"/?datastarx=kept&xdatastar=kept&datasta=kept",
     "/?datastarx=kept&xdatastar=kept&datasta=kept"},
    {"/?datastar+=kept&%64%61%74%61%73%74%61%=kept",
     "/?datastar+=kept&%64%61%74%61%73%74%61%=kept"},
    {"/?%2564atastar=kept", "/?%2564atastar=kept"},
    {"/?&&=&datastar=SECRET&", "/?&&=&datastar=-&"},
    {"/?", "/?"},
    {"*", "*"},
};

static void signals_stay_out(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof redactions / sizeof *redactions; i++) {
        cstar__access_entry e = plain(redactions[i].sent);
        e.referer = cstar_cstr(redactions[i].sent);
        char expected[512];
        for (int f = 0; f <= CSTAR_ACCESS_JSON; f++) {
            const char *got = line((cstar_access_format)f, &e);
            assert_null(strstr(got, "SECRET"));
            (void)snprintf(expected, sizeof expected,
                           f == CSTAR_ACCESS_JSON ? "\"target\":\"%s\"," : "\"GET %s HTTP/1.1\"",
                           redactions[i].told);
            assert_non_null(strstr(got, expected));
            (void)snprintf(expected, sizeof expected,
                           f == CSTAR_ACCESS_JSON ? "\"referer\":\"%s\"," : " \"%s\" ",
                           redactions[i].told);
            assert_true(f == CSTAR_ACCESS_COMMON || strstr(got, expected) != NULL);
        }
    }
}

/* What the server reads as signals is what is left out: the same spelling rules, both ways. */
static void as_the_server_reads_it(void **state) {
    (void)state;
    static const char alphabet[] = "datsrx%670=&+?";
    char query[24];
    uint32_t seed = 1;
    unsigned hits = 0;
    for (unsigned n = 0; n < 200000; n++) {
        const char *const starts[] = {"", "datasta", "%64atastar", "data%73tar=", "a&datastar"};
        int len = snprintf(query, sizeof query, "%s", starts[n % 5]);
        for (int i = 0; i < 6; i++) {
            seed = seed * 1664525u + 1013904223u;
            query[len++] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        query[len] = '\0';
        char mem[64];
        cstar_buf value;
        cstar_buf_fixed(&value, mem, sizeof mem);
        const bool found =
            cstar__query_last(cstar_cstr(query), CSTAR_STR("datastar"), &value) && value.len != 0;
        char target[32];
        (void)snprintf(target, sizeof target, "/?%s", query);
        cstar__access_entry e = plain(target);
        char same[64];
        (void)snprintf(same, sizeof same, "GET %s HTTP", target);
        const bool changed = strstr(line(CSTAR_ACCESS_COMMON, &e), same) == NULL;
        hits += found;
        if (found && value.len != 1) { /* else the value may be "-" as it is */
            assert_true(changed);
        }
    }
    assert_true(hits > 1000);
}

/* ---- hostile text ---- */

static void hostile_text(void **state) {
    (void)state;
    static const struct {
        const char *sent, *told, *json;
    } cases[] = {
        {"a\"b\\c", "a\\\"b\\\\c", "a\\\"b\\\\c"},
        {"a\nb\r\tc\x7f", "a\\x0ab\\x0d\\x09c\\x7f", "a\\u000ab\\u000d\\u0009c\\u007f"},
        {"\x1b[31m", "\\x1b[31m", "\\u001b[31m"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"\xff\xc3(\xe2\x80", "\\xff\\xc3(\\xe2\\x80", "\\\\xff\\\\xc3(\\\\xe2\\\\x80"},
        {"\xc2\x85|\xe2\x80\xa8", "\\xc2\\x85|\\xe2\\x80\\xa8", "\\u0085|\\u2028"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\\\xed\\\\xa0\\\\x80"}, /* half a surrogate pair */
        {"\xf0\x9f\x8c\x9f", "\xf0\x9f\x8c\x9f", "\xf0\x9f\x8c\x9f"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[128];
        cstar__access_entry e = plain("/");
        e.agent = cstar_cstr(cases[i].sent);
        (void)snprintf(expected, sizeof expected, "\"-\" \"%s\"\n", cases[i].told);
        assert_non_null(strstr(line(CSTAR_ACCESS_COMBINED, &e), expected));
        (void)snprintf(expected, sizeof expected, "\"user_agent\":\"%s\"", cases[i].json);
        assert_non_null(strstr(line(CSTAR_ACCESS_JSON, &e), expected));
    }
}

/* Whatever the bytes and however many: line() checks what holds for every line. */
static void long_and_random_text(void **state) {
    (void)state;
    static char bytes[20000];
    uint32_t seed = 7;
    for (unsigned round = 0; round < 600; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525u + 1013904223u;
            const char *const few = "?&=\"\\\xe2\x80\xa8";
            bytes[i] = round % 3 == 0   ? 'a'
                       : round % 3 == 1 ? (char)(seed >> 24)
                                        : few[(seed >> 24) % 8];
        }
        const size_t len = round % 2 == 0 ? sizeof bytes : 900 + round;
        cstar__access_entry e = plain("/");
        e.target = e.referer = e.agent = e.request_id = e.address = cstar_view(bytes, len);
        e.address.len = 40;
        if (round % 3 != 0) {
            e.address = CSTAR_STR("::1");
        }
        for (int f = 0; f <= CSTAR_ACCESS_JSON; f++) {
            const char *got = line((cstar_access_format)f, &e);
            assert_true(len < sizeof bytes || strstr(got, "...") != NULL);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_lines),           cmocka_unit_test(signals_stay_out),
        cmocka_unit_test(as_the_server_reads_it), cmocka_unit_test(hostile_text),
        cmocka_unit_test(long_and_random_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
