/* test_forwarded.c -- addresses, blocks of them, and who the client is. SPDX-License-Identifier: MIT */
#include "http/forwarded.h"
#include "http/ip.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- addresses ------------------------------------------------------------------------------ */

static const char *const addresses[] = {
    "0.0.0.0",
    "127.0.0.1",
    "255.255.255.255",
    "192.0.2.10",
    "::",
    "::1",
    "1::",
    "2001:db8::1",
    "2001:DB8:0:0:8:800:200C:417A",
    "1:2:3:4:5:6:7:8",
    "1::8",
    "1:2:3:4:5:6:7::",
    "::2:3:4:5:6:7:8",
    "::ffff:192.0.2.1",
    "64:ff9b::192.0.2.33",
    "1:2:3:4:5:6:192.0.2.1",
    "::192.0.2.1",
    "fe80::1",
    "0000:0000:0000:0000:0000:0000:0000:0001",
};

static const char *const no_addresses[] = {
    "",
    "1",
    "127.1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.4.",
    ".1.2.3.4",
    "1..3.4",
    "256.0.0.1",
    "1.2.3.999",
    "01.2.3.4",
    "0x7f.0.0.1",
    "1.2.3.4 ",
    " 1.2.3.4",
    "1.2.3.-4",
    "1.2.3.4/8",
    "1.2.3.4:80",
    "localhost",
    ":",
    ":::",
    "1",
    "1:2",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "1:2:3:4::5:6:7:8",
    "1::2::3",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    ":1::2",
    "1::2:",
    "12345::",
    "g::",
    "::1.2.3",
    "::1.2.3.4.5",
    "::1.2.3.4:5",
    "1.2.3.4::",
    "1:2:3:4:5:6:7:1.2.3.4",
    "fe80::1%eth0",
    "[::1]",
    "::ffff:192.0.2.256",
    "0000:0000:0000:0000:0000:0000:0000:00000001",
};

/* The same answer as libc's, which is as strict. */
static void test_addresses(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        unsigned char theirs[16] = {[10] = 0xff, [11] = 0xff};
        cstar__ip ip;
        bool v6 = strchr(addresses[i], ':') != NULL;
        print_message("%s\n", addresses[i]);
        assert_true(cstar__ip_parse(cstar_cstr(addresses[i]), &ip));
        assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, addresses[i], theirs + (v6 ? 0 : 12)),
                         1);
        assert_memory_equal(ip.bytes, theirs, 16);
    }
}

static void test_no_addresses(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof no_addresses / sizeof no_addresses[0]; i++) {
        cstar__ip ip = {{1, 2, 3}};
        print_message("%s\n", no_addresses[i]);
        assert_false(cstar__ip_parse(cstar_cstr(no_addresses[i]), &ip));
        assert_int_equal(ip.bytes[2], 3);
    }
    cstar__ip ip;
    assert_false(cstar__ip_parse(cstar_view(NULL, 0), &ip));
    assert_false(cstar__ip_parse(CSTAR_STR("1.2.3.4\0"), &ip));
}

/* Texts made of the pieces of addresses: libc's answer, byte by byte. */
static void test_like_libc(void **state) {
    (void)state;
    static const char *const pieces[] = {":",   "::", "1",       "ffff", ".",
                                         "255", "0",  "1.2.3.4", "0a:",  "256"};
    uint32_t x = 99;
    size_t good = 0;
    for (int round = 0; round < 200000; round++) {
        char text[64] = "";
        unsigned char theirs[16] = {[10] = 0xff, [11] = 0xff};
        cstar__ip ip;
        x = x * 1664525u + 1013904223u;
        uint32_t k = x;
        for (uint32_t n = 1 + (x >> 24) % 9; n != 0; n--) {
            k = k * 1664525u + 1013904223u;
            strcat(text, pieces[(k >> 16) % 10]);
        }
        if (strlen(text) > 45) {
            continue;
        }
        bool v6 = strchr(text, ':') != NULL;
        bool expected = inet_pton(v6 ? AF_INET6 : AF_INET, text, theirs + (v6 ? 0 : 12)) == 1;
        bool got = cstar__ip_parse(cstar_cstr(text), &ip);
        if (got != expected) {
            print_message("%s\n", text);
        }
        assert_int_equal(got, expected);
        good += got;
        if (got) {
            assert_memory_equal(ip.bytes, theirs, 16);
        }
    }
    assert_true(good > 500);
}

static void test_blocks(void **state) {
    (void)state;
    static const struct {
        const char *block, *ip;
        bool in;
    } cases[] = {
        {"10.0.0.0/8", "10.255.1.2", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"192.0.2.128/25", "192.0.2.200", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.0", false},
        {"192.0.2.1/32", "192.0.2.1", true},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "8.8.8.8", true},
        {"::/0", "::1", true},
        {"::1", "::1", true},
        {"::1", "::2", false},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fe00::1", false},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
        {"::ffff:10.0.0.0/104", "10.1.1.1", true},
        {"10.0.0.0/8", "::10.1.1.1", false},
    };
    static const char *const bad[] = {"",           "10.0.0.0/",    "10.0.0.0/33", "10.0.0.0/-1",
                                      "/8",         "10.0.0.0/8/8", "10.0.0.1/8",  "::1/64",
                                      "::/129",     "10.0.0.0/08",  "10/8",        "10.0.0.0/ 8",
                                      "10.0.0.0/a", "::/999",       "1.2.3.4/31x", "example.com"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cstar__cidr c;
        cstar__ip ip;
        print_message("%s %s\n", cases[i].block, cases[i].ip);
        assert_true(cstar__cidr_parse(cstar_cstr(cases[i].block), &c));
        assert_true(cstar__ip_parse(cstar_cstr(cases[i].ip), &ip));
        assert_int_equal(cstar__cidr_has(&c, &ip), cases[i].in);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cstar__cidr c = {.bits = 77};
        print_message("%s\n", bad[i]);
        assert_false(cstar__cidr_parse(cstar_cstr(bad[i]), &c));
        assert_int_equal(c.bits, 77);
    }
}

/* ---- the client ----------------------------------------------------------------------------- */

#define XFF "x-forwarded-for"
#define XFP "x-forwarded-proto"
#define XFH "x-forwarded-host"
#define FWD "forwarded"

static const struct {
    const char *name;
    cstar__forwarded_kind kind;
    const char *peer;
    const char *fields[6];
    const char *address, *scheme, *host;
} cases[] = {
    {"no header", CSTAR__FORWARDED_X, "10.0.0.1", {NULL}, "10.0.0.1", NULL, NULL},
    {"one hop",
     CSTAR__FORWARDED_X,
     "10.0.0.1",
     {XFF, "8.8.8.8", XFP, "https", XFH, "a.example:8443"},
     "8.8.8.8",
     "https",
     "a.example:8443"},
    {"a stranger may say what he likes",
     CSTAR__FORWARDED_X,
     "8.8.8.8",
     {XFF, "1.1.1.1", XFP, "https", XFH, "a"},
     "8.8.8.8",
     NULL,
     NULL},
    {"turned off",
     CSTAR__FORWARDED_NONE,
     "10.0.0.1",
     {XFF, "8.8.8.8", FWD, "for=8.8.8.8"},
     "10.0.0.1",
     NULL,
     NULL},
    {"the other family does not count",
     CSTAR__FORWARDED_X,
     "10.0.0.1",
     {FWD, "for=6.6.6.6;proto=https"},
     "10.0.0.1",
     NULL,
     NULL},
    {"planted by the client",
     CSTAR__FORWARDED_X,
     "10.0.0.1",
     {XFF, "6.6.6.6, 8.8.8.8"},
     "8.8.8.8",
     NULL,
     NULL},
    {"planted as a proxy",
     CSTAR__FORWARDED_X,
     "10.0.0.1",
     {XFF, "10.0.0.9, 8.8.8.8"},
     "8.8.8.8",
     NULL,
     NULL},
    {"two proxies",
     CSTAR__FORWARDED_X,
     "10.0.0.1",
     {XFF, "6.6.6.6, 8.8.8.8, 10.0.0.2"},
     "8.8.8.8",
     NULL,
     NULL},
    {"two fields",
     CSTAR__FORWARDED_X,
     "10.0.0.1",
     {XFF, "6.6.6.6, 8.8.8.8", XFF, "10.0.0.2"},
     "8.8.8.8",
     NULL,
     NULL},
    {"all ours",
     CSTAR__FORWARDED_X,
     "10.0.0.1",
     {XFF, "10.0.0.3, 10.0.0.2"},
     "10.0.0.3",
     NULL,
     NULL},
    {"IPv6", CSTAR__FORWARDED_X, "::1", {XFF, "2001:db8::7"}, "2001:db8::7", NULL, NULL},
    {"IPv6 with port",
     CSTAR__FORWARDED_X,
     "::1",
     {XFF, "[2001:db8::7]:80"},
     "2001:db8::7",
     NULL,
     NULL},
    {"IPv4 with port", CSTAR__FORWARDED_X, "::1", {XFF, "8.8.8.8:1234"}, "8.8.8.8", NULL, NULL},
    {"mapped peer", CSTAR__FORWARDED_X, "::ffff:10.0.0.1", {XFF, "8.8.8.8"}, "8.8.8.8", NULL, NULL},
    {"bad port", CSTAR__FORWARDED_X, "10.0.0.1", {XFF, "8.8.8.8:x"}, "10.0.0.1", NULL, NULL},
    {"empty port", CSTAR__FORWARDED_X, "10.0.0.1", {XFF, "8.8.8.8:"}, "10.0.0.1", NULL, NULL},
    {"IPv4 in brackets",
     CSTAR__FORWARDED_X,
     "10.0.0.1",
     {XFF, "[8.8.8.8]"},
     "10.0.0.1",
     NULL,
     NULL},
    {"bracket not closed", CSTAR__FORWARDED_X, "10.0.0.1", {XFF, "[::7"}, "10.0.0.1", NULL, NULL},
    {"text behind bracket",
     CSTAR__FORWARDED_X,
     "10.0.0.1",
     {XFF, "[::7]x"},
     "10.0.0.1",
     NULL,
     NULL},
    {"unknown", CSTAR__FORWARDED_X, "10.0.0.1", {XFF, "8.8.8.8, unknown"}, "10.0.0.1", NULL, NULL},
    {"empty element", CSTAR__FORWARDED_X, "10.0.0.1", {XFF, "8.8.8.8, "}, "10.0.0.1", NULL, NULL},
    {"empty field", CSTAR__FORWARDED_X, "10.0.0.1", {XFF, ""}, "10.0.0.1", NULL, NULL},
    {"a quote does not hide the rest",
     CSTAR__FORWARDED_X,
     "10.0.0.1",
     {XFF, "\"6.6.6.6, 8.8.8.8"},
     "8.8.8.8",
     NULL,
     NULL},
    {"markup",
     CSTAR__FORWARDED_X,
     "10.0.0.1",
     {XFF, "<script>", XFP, "javascript", XFH, "a/b"},
     "10.0.0.1",
     NULL,
     NULL},
    {"last proto and host",
     CSTAR__FORWARDED_X,
     "10.0.0.1",
     {XFF, "8.8.8.8", XFP, "http, HTTPS", XFH, "evil, good"},
     "8.8.8.8",
     "https",
     "good"},
    {"proto of a later hop malformed",
     CSTAR__FORWARDED_X,
     "10.0.0.1",
     {XFF, "8.8.8.8", XFP, "https, ws"},
     "8.8.8.8",
     NULL,
     NULL},
    {"peer is no address", CSTAR__FORWARDED_X, "unix", {XFF, "8.8.8.8"}, "unix", NULL, NULL},

    {"rfc, one hop",
     CSTAR__FORWARDED_RFC,
     "10.0.0.1",
     {FWD, "for=8.8.8.8;proto=https;host=a.example"},
     "8.8.8.8",
     "https",
     "a.example"},
    {"rfc, quoted",
     CSTAR__FORWARDED_RFC,
     "10.0.0.1",
     {FWD, "For=\"[2001:db8::7]:80\" ; Proto=http;by=_x;host=\"a:80\""},
     "2001:db8::7",
     "http",
     "a:80"},
    {"rfc, planted",
     CSTAR__FORWARDED_RFC,
     "10.0.0.1",
     {FWD, "for=6.6.6.6;host=evil, for=8.8.8.8;host=good"},
     "8.8.8.8",
     NULL,
     "good"},
    {"rfc, planted quote",
     CSTAR__FORWARDED_RFC,
     "10.0.0.1",
     {FWD, "for=\"x, for=8.8.8.8"},
     "8.8.8.8",
     NULL,
     NULL},
    {"rfc, two proxies: the outer one saw the client",
     CSTAR__FORWARDED_RFC,
     "10.0.0.1",
     {FWD, "for=8.8.8.8;proto=https;host=a", FWD, "for=10.0.0.2;proto=http;host=inner"},
     "8.8.8.8",
     "https",
     "a"},
    {"rfc, hidden client",
     CSTAR__FORWARDED_RFC,
     "10.0.0.1",
     {FWD, "for=_hidden;proto=https"},
     "10.0.0.1",
     "https",
     NULL},
    {"rfc, no for",
     CSTAR__FORWARDED_RFC,
     "10.0.0.1",
     {FWD, "proto=https"},
     "10.0.0.1",
     "https",
     NULL},
    {"rfc, for twice",
     CSTAR__FORWARDED_RFC,
     "10.0.0.1",
     {FWD, "for=8.8.8.8;for=9.9.9.9"},
     "10.0.0.1",
     NULL,
     NULL},
    {"rfc, malformed",
     CSTAR__FORWARDED_RFC,
     "10.0.0.1",
     {FWD, "for 8.8.8.8"},
     "10.0.0.1",
     NULL,
     NULL},
    {"rfc, text behind",
     CSTAR__FORWARDED_RFC,
     "10.0.0.1",
     {FWD, "for=8.8.8.8 x"},
     "10.0.0.1",
     NULL,
     NULL},
    {"rfc, escapes",
     CSTAR__FORWARDED_RFC,
     "10.0.0.1",
     {FWD, "for=\"8.8.8\\.8\""},
     "10.0.0.1",
     NULL,
     NULL},
    {"rfc, comma smuggled in a quoted host",
     CSTAR__FORWARDED_RFC,
     "10.0.0.1",
     {FWD, "for=8.8.8.8;host=\"a,for=6.6.6.6\""},
     "10.0.0.1",
     NULL,
     NULL},
    {"rfc, bad host and proto",
     CSTAR__FORWARDED_RFC,
     "10.0.0.1",
     {FWD, "for=8.8.8.8;host=\"a b\";proto=ftp"},
     "8.8.8.8",
     NULL,
     NULL},
    {"rfc, X does not count",
     CSTAR__FORWARDED_RFC,
     "10.0.0.1",
     {XFF, "8.8.8.8"},
     "10.0.0.1",
     NULL,
     NULL},
};

static void check_text(cstar_str got, const char *expected) {
    assert_int_equal(got.ptr != NULL, expected != NULL);
    assert_true(cstar_str_eq(got, cstar_cstr(expected)));
}

static void proxies_init(cstar__cidr list[3]) {
    static const char *const blocks[] = {"10.0.0.0/8", "::1", "192.0.2.1"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(cstar__cidr_parse(cstar_cstr(blocks[i]), &list[i]));
    }
}

static void test_clients(void **state) {
    (void)state;
    cstar__cidr list[3];
    proxies_init(list);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cstar__field f[3];
        cstar__request r = {.fields = f};
        while (r.nfields < 3 && cases[i].fields[2 * r.nfields] != NULL) {
            f[r.nfields].name = cstar_cstr(cases[i].fields[2 * r.nfields]);
            f[r.nfields].value = cstar_cstr(cases[i].fields[2 * r.nfields + 1]);
            r.nfields++;
        }
        const cstar__proxies proxies = {cases[i].kind, list, 3, false};
        print_message("%s\n", cases[i].name);
        cstar__client c = cstar__forwarded(&r, cstar_cstr(cases[i].peer), &proxies);
        check_text(c.address, cases[i].address);
        check_text(c.scheme, cases[i].scheme);
        check_text(c.host, cases[i].host);
    }
}

/* A list without end is walked for 32 elements, from the right. */
static void test_long_list(void **state) {
    (void)state;
    static char value[20000];
    cstar__cidr list[3];
    proxies_init(list);
    for (int n = 30; n <= 35; n++) {
        strcpy(value, "8.8.8.8");
        for (int i = 1; i < n; i++) {
            strcat(value, ",10.0.0.2");
        }
        cstar__field f = {CSTAR_STR(XFF), cstar_cstr(value)};
        cstar__request r = {.fields = &f, .nfields = 1};
        const cstar__proxies proxies = {CSTAR__FORWARDED_X, list, 3, false};
        cstar__client c = cstar__forwarded(&r, CSTAR_STR("10.0.0.1"), &proxies);
        check_text(c.address, n <= 32 ? "8.8.8.8" : "10.0.0.2");
    }
}

/* ---- text ------------------------------------------------------------------------------------ */

static void ip_text(void **state) {
    (void)state;
    static const char *const same[] = {"0.0.0.0",
                                       "192.0.2.10",
                                       "255.255.255.255",
                                       "::",
                                       "::1",
                                       "1::",
                                       "2001:db8::1",
                                       "1:2:3:4:5:6:7:8",
                                       "1:0:3:4:5:6:7:8",
                                       "2001:0:0:1::1",
                                       "1::4:0:0:7:8",
                                       "fe80::",
                                       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char mem[CSTAR__IP_TEXT];
        cstar__ip ip;
        assert_true(cstar__ip_parse(cstar_cstr(same[i]), &ip));
        cstar_str text = cstar__ip_format(&ip, mem);
        assert_string_equal(text.ptr, same[i]);
        assert_int_equal(text.len, strlen(same[i]));
    }
}

/* Every pattern of zero groups, read back by us and by the system. */
static void ip_text_reads_back(void **state) {
    (void)state;
    for (unsigned zeros = 0; zeros < 256; zeros++) {
        char mem[CSTAR__IP_TEXT];
        char theirs[INET6_ADDRSTRLEN];
        cstar__ip ip = {{0}};
        cstar__ip back = {{0}};
        for (unsigned i = 0; i < 8; i++) {
            ip.bytes[2 * i + 1] = (unsigned char)((zeros >> i & 1) != 0 ? 0 : i * 30 + 1);
        }
        cstar_str text = cstar__ip_format(&ip, mem);
        assert_true(cstar__ip_parse(text, &back));
        assert_memory_equal(&ip, &back, sizeof ip);
        if ((zeros & 0x3f) != 0x3f) { /* the system writes the lowest ones with dots */
            assert_string_equal(inet_ntop(AF_INET6, &ip, theirs, sizeof theirs), mem);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ip_text),        cmocka_unit_test(ip_text_reads_back),
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_no_addresses),
        cmocka_unit_test(test_like_libc), cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_clients),   cmocka_unit_test(test_long_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
