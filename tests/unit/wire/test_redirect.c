/* test_redirect.c -- the destination policy, rule by rule, and the script that carries it.
 * SPDX-License-Identifier: MIT */
#include "unit/wire/expect.h"

#define OPEN                                                                                       \
    "event: datastar-patch-elements\ndata: selector body\ndata: mode append\n"                     \
    "data: elements <script data-effect=\"el.remove()\">"
#define CODE "setTimeout(function(){window.location.href=\""
#define CLOSE "\"},0)</script>\n\n"
#define ORIGIN "http://www.example.com"

static cstar_status call(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_redirect(out, arg, err);
}

static void expect_url(const cstar_redirect *r, const char *written) {
    char bytes[400];
    (void)snprintf(bytes, sizeof bytes, OPEN CODE "%s" CLOSE, written);
    expect_bytes(r->url, call, r, bytes);
}

static void local_destinations(void **state) {
    (void)state;
    static const struct {
        const char *url, *written;
    } cases[] = {
        {"/", "/"},
        {"/workspaces", "/workspaces"},
        {"/search?q=1#results", "/search?q=1#results"},
        {"?x=1", "?x=1"},
        {"?", "?"},
        {"#section", "#section"},
        {"?x=1#frag", "?x=1#frag"},
        {"/path\\with\\backslashes", "/path\\\\with\\\\backslashes"},
        {"/path\nwith\r", "/path\\nwith\\r"},
        {"/path\xE2\x80\xA8\xE2\x80\xA9more", "/path\\u2028\\u2029more"},
        {"/a//b", "/a//b"},
        {"/a b", "/a b"},
        {"/a:b", "/a:b"},
        {"/a@b", "/a@b"},
        {"/%2F%2Fevil", "/%2F%2Fevil"},
        {"/?next=//evil.example", "/?next=//evil.example"},
        {"/#//evil.example", "/#//evil.example"},
        {"/.//evil.example", "/.//evil.example"},
        {"/a/..//evil.example", "/a/..//evil.example"},
        {"/javascript:alert(1)", "/javascript:alert(1)"},
        {"?javascript:alert(1)", "?javascript:alert(1)"},
        {"#javascript:alert(1)", "#javascript:alert(1)"},
        {"/caf\xC3\xA9", "/caf\xC3\xA9"},
        {"/x</SCRIPT>", "/x<\\/SCRIPT>"},
        {"/x<!--<script>", "/x<!--\\x3Cscript>"},
        {"/\"+alert(1)+\"", "/\\\"+alert(1)+\\\""},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        expect_url(&(cstar_redirect){.url = cases[i].url, .origin = ORIGIN}, cases[i].written);
        expect_url(&(cstar_redirect){.url = cases[i].url}, cases[i].written);
    }
}

static void our_own_origin(void **state) {
    (void)state;
    static const struct {
        const char *origin, *url;
    } own[] = {
        {ORIGIN, "http://www.example.com/path"},
        {ORIGIN, "http://www.example.com"},
        {ORIGIN, "http://www.example.com?q"},
        {ORIGIN, "http://www.example.com#f"},
        {ORIGIN, "http://www.example.com:80/path"},
        {ORIGIN, "http://www.example.com:/path"},
        {ORIGIN, "HTTP://WWW.EXAMPLE.COM/x"},
        {"http://WWW.example.com:80", "http://www.EXAMPLE.com/"},
        {"https://www.example.com", "https://www.example.com:443/p"},
        {"https://www.example.com:443", "https://www.example.com/p"},
        {"https://app.test:4001", "https://APP.test:4001/p"},
        {"http://[::1]:8080", "http://[::1]:8080/p"},
        {"http://[2001:DB8::1]", "http://[2001:db8::1]/p"},
    };
    for (size_t i = 0; i < LENGTH(own); i++) {
        expect_url(&(cstar_redirect){.url = own[i].url, .origin = own[i].origin}, own[i].url);
        expect_refused(own[i].url, call, &(cstar_redirect){.url = own[i].url}, CSTAR_EPOLICY,
                       "url");
    }
    static const struct {
        const char *origin, *url;
    } other[] = {
        {ORIGIN, "https://www.example.com/path"},
        {ORIGIN, "http://www.example.com:4000/"},
        {ORIGIN, "http://example.com/"},
        {ORIGIN, "http://www.example.com.evil.example/"},
        {ORIGIN, "http://www.example.com:8"},
        {ORIGIN, "http://www.example.com:80x/"},
        {ORIGIN, "http://www.example.com:65616/"},
        {ORIGIN, "http://www.example.com:4294967376/"},
        {ORIGIN, "http://www.exa\tmple.com/"},
        {ORIGIN, "http://www.example.com\\.evil.example/"},
        {ORIGIN, "http://www.example.com\xE3\x80\x82x/"},
        {"http://[::1]:80", "http://[::2]/"},
        {"http://[::1]", "http://::1/"},
        {"www.example.com", "http://www.example.com/"},
        {"http:", "http://www.example.com/"},
        {"", "http://www.example.com/"},
        {"https://app.test:4001", "https://app.test/"},
        {"http://a:99999", "http://a:99999/"},
    };
    for (size_t i = 0; i < LENGTH(other); i++) {
        expect_refused(other[i].url, call,
                       &(cstar_redirect){.url = other[i].url, .origin = other[i].origin},
                       CSTAR_EPOLICY, "url");
    }
}

/* Refused whatever the options say. */
static const char *const never[] = {
    "javascript:alert(document.domain)",
    "JavaScript:x",
    "data:text/html,x",
    "DATA:x",
    "vbscript:x",
    "  javascript:x",
    "\tjavascript:x",
    "\xC2\xA0javascript:x",
    "\xE2\x80\xA8javascript:x",
    "\xEF\xBB\xBFjavascript:x",
    "java\tscript:x",
    "java\nscript:x",
    "java\xC2\xADscript:x",
    "javascript\t:x",
    "javascript:",
    "//evil.example",
    "//evil.example/phish",
    "//",
    "///evil.example",
    "////",
    "//?x",
    "https://trusted.example@evil.example/",
    "http://user@www.example.com/",
    "http://u:p@www.example.com/",
    "http://@www.example.com/",
    "http://ok.example\\@evil.example/",
    "/\\evil.example",
    "/\n/evil.example",
    "/\t/evil.example",
    "/\r/evil.example",
    "/\n//evil.example",
    "/ /evil.example",
    "/\xE2\x80\x8B/evil.example",
    "/\t\\evil.example",
    "/\xC2\xAD\\evil.example",
    "/\xEF\xBB\xBF/evil.example",
    "/\xE3\x80\x80/evil.example",
    "/\x7F/evil.example",
    " /path",
    "\n/path",
    " ?x",
    "ftp://ok.example/x",
    "file:///etc/passwd",
    "mailto:a@b",
    "blob:http://www.example.com/x",
    "about:blank",
    "tel:1",
    "ws://www.example.com/",
    "x:y",
    "workspaces",
    "./foo",
    "../foo",
    "",
    " ",
    "\t",
    "\\\\evil.example",
    "\\/evil.example",
    "http:/evil.example",
    "http:evil.example",
    "http:",
    "https://",
    "http:///evil.example",
    "http://:80/",
    "http://?x",
    "https://#f",
    "http://[::1",
    "http://[::1]x/",
    "ht\ttp:x",
    "http\t://[",
    "h\xC3\xA9:x",
    "1http://ok.example/",
    ":x",
    "http&colon;//x",
    "%2F%2Fevil",
    "view-source:http://x/",
};

static void what_is_refused_whatever_the_options(void **state) {
    (void)state;
    static const char *const allow[] = {"ok.example", "www.example.com", "evil.example",
                                        "trusted.example"};
    for (size_t i = 0; i < LENGTH(never); i++) {
        cstar_redirect r = {.url = never[i], .origin = ORIGIN};
        expect_refused(never[i], call, &r, CSTAR_EPOLICY, "url");
        r.external = true;
        expect_refused(never[i], call, &r, CSTAR_EPOLICY, "url");
        r = (cstar_redirect){
            .url = never[i], .origin = ORIGIN, .allow = allow, .nallow = LENGTH(allow)};
        expect_refused(never[i], call, &r, CSTAR_EPOLICY, "url");
    }
}

static void every_ignorable_character(void **state) {
    (void)state;
    static const uint32_t codes[] = {0x01,   0x08,   0x1F,   0x20,   0x7F,   0xA0,   0xAD,
                                     0x1680, 0x180E, 0x2000, 0x2005, 0x200D, 0x2028, 0x2029,
                                     0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF};
    static const uint32_t others[] = {0x21,   0xA1,   0xAC,   0xAE,   0x167F, 0x180D, 0x1FFF,
                                      0x200E, 0x2027, 0x202A, 0x2061, 0xFEFE, 0x1F600};
    for (int ignored = 1; ignored >= 0; ignored--) {
        const uint32_t *list = ignored == 1 ? codes : others;
        for (size_t i = 0; i < (ignored == 1 ? LENGTH(codes) : LENGTH(others)); i++) {
            uint32_t c = list[i];
            char url[20];
            int n = c < 0x80      ? snprintf(url, sizeof url, "/%c/evil", (int)c)
                    : c < 0x800   ? snprintf(url, sizeof url, "/%c%c/evil", (int)(0xC0 | c >> 6),
                                             (int)(0x80 | (c & 63)))
                    : c < 0x10000 ? snprintf(url, sizeof url, "/%c%c%c/evil", (int)(0xE0 | c >> 12),
                                             (int)(0x80 | (c >> 6 & 63)), (int)(0x80 | (c & 63)))
                                  : snprintf(url, sizeof url, "/%c%c%c%c/evil",
                                             (int)(0xF0 | c >> 18), (int)(0x80 | (c >> 12 & 63)),
                                             (int)(0x80 | (c >> 6 & 63)), (int)(0x80 | (c & 63)));
            assert_true(n > 0);
            cstar_buf out;
            char mem[300];
            cstar_buf_fixed(&out, mem, sizeof mem);
            cstar_status rc = cstar_format_redirect(&out, &(cstar_redirect){.url = url}, NULL);
            if (rc != (ignored == 1 ? CSTAR_EPOLICY : CSTAR_OK)) {
                print_error("U+%04X: status %d\n", (unsigned)c, (int)rc);
                fail();
            }
        }
    }
}

static void opt_ins(void **state) {
    (void)state;
    static const char *const allow[] = {"b", "OK.Example"};
    static const struct {
        const char *url;
        bool external, allowed; /* whether each lets it pass */
    } cases[] = {
        {"https://ok.example/docs", true, true},
        {"http://ok.example/docs", true, true},
        {"HTTPS://OK.EXAMPLE/docs", true, true},
        {"https://ok.example:8443/x", true, true},
        {"https://ok.example", true, true},
        {"https://b?x", true, true},
        {"https://evil.ok.example/docs", true, false},
        {"https://ok.example.evil.test/", true, false},
        {"https://evil.example", true, false},
        {"https://ok.exampl/", true, false},
        {"http://m\xC3\xBCnchen.example/", true, false},
        {"http://[::1]/", true, false},
        {"https://ok.example:99999/", false, false},
        {"https://ok.example:1:2/", false, false},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        cstar_redirect external = {.url = cases[i].url, .origin = ORIGIN, .external = true};
        cstar_redirect listed = {
            .url = cases[i].url, .origin = ORIGIN, .allow = allow, .nallow = LENGTH(allow)};
        if (cases[i].external) {
            expect_url(&external, cases[i].url);
        } else {
            expect_refused(cases[i].url, call, &external, CSTAR_EPOLICY, "url");
        }
        if (cases[i].allowed) {
            expect_url(&listed, cases[i].url);
        } else {
            expect_refused(cases[i].url, call, &listed, CSTAR_EPOLICY, "url");
        }
        expect_refused(cases[i].url, call, &(cstar_redirect){.url = cases[i].url, .origin = ORIGIN},
                       CSTAR_EPOLICY, "url");
    }
}

static void options_and_refusals(void **state) {
    (void)state;
    expect_bytes("id", call,
                 &(cstar_redirect){.url = "/p", .event_id = "r-1", .retry = 9, .keep = true},
                 "event: datastar-patch-elements\nid: r-1\nretry: 9\ndata: selector body\ndata: "
                 "mode append\n"
                 "data: elements <script>" CODE "/p" CLOSE);
    expect_bytes("url_str", call, &(cstar_redirect){.url = "no", .url_str = VIEW("/a\0b")},
                 OPEN CODE "/a\\u0000b" CLOSE);
    static const char *const empty[] = {"ok.example", ""};
    static const char *const missing[] = {NULL};
    expect_refused("no url", call, &(cstar_redirect){.external = true}, CSTAR_EINVAL, "url");
    expect_refused("no struct", call, NULL, CSTAR_EINVAL, "url");
    expect_refused("utf-8", call, &(cstar_redirect){.url = "/\xFF"}, CSTAR_EUTF8, "url");
    expect_refused("allow", call, &(cstar_redirect){.url = "/x", .allow = empty, .nallow = 2},
                   CSTAR_EINVAL, "allow");
    expect_refused("allow", call, &(cstar_redirect){.url = "/x", .allow = missing, .nallow = 1},
                   CSTAR_EINVAL, "allow");
    expect_refused("allow", call, &(cstar_redirect){.url = "/x", .nallow = 1}, CSTAR_EINVAL,
                   "allow");
    expect_refused("retry", call, &(cstar_redirect){.url = "/x", .retry = -2}, CSTAR_EINVAL,
                   "retry");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_destinations),
        cmocka_unit_test(our_own_origin),
        cmocka_unit_test(what_is_refused_whatever_the_options),
        cmocka_unit_test(every_ignorable_character),
        cmocka_unit_test(opt_ins),
        cmocka_unit_test(options_and_refusals),
    };
    return cmocka_run_group_tests_name("wire redirect", tests, NULL, NULL);
}
