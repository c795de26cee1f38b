/* test_content_type.c -- media types read, and known by file name. SPDX-License-Identifier: MIT */
#include "http/content_type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct parse_case {
    const char *value;
    cstar_status status;
    const char *type, *subtype;
    const char *param, *expected; /* of "charset", or NULL: it has none */
} parse_case;

static const parse_case parses[] = {
    {"text/html", CSTAR_OK, "text", "html", "charset", NULL},
    {"  text/html\t", CSTAR_OK, "text", "html", "charset", NULL},
    {"text/html;charset=utf-8", CSTAR_OK, "text", "html", "charset", "utf-8"},
    {"text/html; CHARSET=UTF-8", CSTAR_OK, "text", "html", "charset", "UTF-8"},
    {"text/html ; charset=\"utf-8\"", CSTAR_OK, "text", "html", "charset", "utf-8"},
    {"text/html; charset=\"u\\tf\\\"8\\\\\"", CSTAR_OK, "text", "html", "charset", "utf\"8\\"},
    {"text/html; charset=\"\"", CSTAR_OK, "text", "html", "charset", ""},
    {"text/html;", CSTAR_OK, "text", "html", "charset", NULL},
    {"text/html; ;; charset=x ;", CSTAR_OK, "text", "html", "charset", "x"},
    {"text/html; a=b; charset=x", CSTAR_OK, "text", "html", "a", "b"},
    {"multipart/form-data; boundary=\"a;b=c\"; charset=x", CSTAR_OK, "multipart", "form-data",
     "charset", "x"},
    {"application/vnd.a+json", CSTAR_OK, "application", "vnd.a+json", "charset", NULL},
    {"", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"/html", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text /html", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/ html", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html/x", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html x", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html, text/plain", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html; charset", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html; charset=", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html; charset =x", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html; charset= x", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html; charset=\"x", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html; charset=\"x\\", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html; charset=\"x\\\"", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html; charset=\"x\"y", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html; charset=\"x\ny\"", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html; charset=x; charset=y", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html; charset=x; Charset=x", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html; =x", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"te\xc3\xa9xt/html", CSTAR_ESYNTAX, NULL, NULL, NULL, NULL},
    {"text/html; a=1;b=1;c=1;d=1;e=1;f=1;g=1;h=1;i=1;j=1;k=1;l=1;m=1;n=1;o=1;charset=x", CSTAR_OK,
     "text", "html", "charset", "x"},
    {"text/html; a=1;b=1;c=1;d=1;e=1;f=1;g=1;h=1;i=1;j=1;k=1;l=1;m=1;n=1;o=1;p=1;q=1", CSTAR_ELIMIT,
     NULL, NULL, NULL, NULL},
};

static bool is(cstar_str s, const char *text) { return cstar_str_eq(s, cstar_cstr(text)); }

static void test_parse(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof parses / sizeof parses[0]; i++) {
        const parse_case *c = &parses[i];
        cstar__media m = {CSTAR_STR("was"), CSTAR_STR("here"), CSTAR_STR("")};
        char mem[64];
        cstar_buf out;
        cstar_buf_fixed(&out, mem, sizeof mem);
        print_message("%s\n", c->value);
        assert_int_equal(cstar__media_parse(cstar_cstr(c->value), &m), c->status);
        if (c->status != CSTAR_OK) {
            assert_true(is(m.type, "was") && is(m.subtype, "here"));
            continue;
        }
        assert_true(is(m.type, c->type) && is(m.subtype, c->subtype));
        assert_int_equal(cstar__media_param(&m, c->param, &out), c->expected != NULL);
        assert_true(is(cstar_buf_view(&out), c->expected != NULL ? c->expected : ""));
    }
}

/* Each prefix, in memory that ends there. */
static void test_prefixes(void **state) {
    (void)state;
    const char *value = "text/html; charset=\"a\\\"b\"; q=1";
    for (size_t n = 0; n <= strlen(value); n++) {
        char *copy = malloc(n != 0 ? n : 1);
        cstar__media m;
        assert_non_null(copy);
        memcpy(copy, value, n);
        bool whole = (n >= 6 && n <= 11) || (n >= 25 && n <= 27) || n == strlen(value);
        assert_int_equal(cstar__media_parse(cstar_view(copy, n), &m),
                         whole ? CSTAR_OK : CSTAR_ESYNTAX);
        free(copy);
    }
    cstar__media m;
    assert_int_equal(cstar__media_parse(cstar_view(NULL, 0), &m), CSTAR_ESYNTAX);
}

static void test_is(void **state) {
    (void)state;
    cstar__media m;
    assert_int_equal(cstar__media_parse(CSTAR_STR("Application/JSON"), &m), CSTAR_OK);
    assert_true(cstar__media_is(&m, "application/json"));
    assert_false(cstar__media_is(&m, "application/jso"));
    assert_false(cstar__media_is(&m, "application/json5"));
    assert_false(cstar__media_is(&m, "text/json"));
    assert_false(cstar__media_is(&m, "application"));
}

static void test_by_name(void **state) {
    (void)state;
    static const struct {
        const char *name, *media;
    } cases[] = {
        {"index.html", "text/html; charset=utf-8"},
        {"a/b/STYLE.CSS", "text/css; charset=utf-8"},
        {"app.min.js", "text/javascript; charset=utf-8"},
        {"app.mjs", "text/javascript; charset=utf-8"},
        {"app.js.map", "application/json"},
        {"x.json", "application/json"},
        {"logo.svg", "image/svg+xml"},
        {"x.7z", "application/x-7z-compressed"},
        {"x.zst", "application/zstd"},
        {"x.webmanifest", "application/manifest+json"},
        {"x.woff2", "font/woff2"},
        {"x.wasm", "application/wasm"},
        {"x.tar.gz", "application/gzip"},
        {"", "application/octet-stream"},
        {".", "application/octet-stream"},
        {"x.", "application/octet-stream"},
        {"html", "application/octet-stream"},
        {".html", "application/octet-stream"},
        {"dir/.html", "application/octet-stream"},
        {"dir.html/x", "application/octet-stream"},
        {"x.htmlx", "application/octet-stream"},
        {"x.ht", "application/octet-stream"},
        {"x.webmanifests", "application/octet-stream"},
        {"x.abcdefghijklmnopqrst", "application/octet-stream"},
        {"x.htm\xc3\xa9", "application/octet-stream"},
        {"x.html ", "application/octet-stream"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].name);
        assert_string_equal(cstar__media_by_name(cstar_cstr(cases[i].name)), cases[i].media);
    }
    assert_string_equal(cstar__media_by_name(CSTAR_STR("x.html\0y")), "application/octet-stream");
    assert_string_equal(cstar__media_by_name(cstar_view(NULL, 0)), "application/octet-stream");
}

/* Every row is found: the table is sorted, or the binary search would miss some. */
static void test_table(void **state) {
    (void)state;
    static const char *const all[] = {
        "7z",    "aac",   "apng", "atom", "avif", "bmp",    "bz2",  "cjs",         "css",  "csv",
        "doc",   "docx",  "eot",  "epub", "flac", "gif",    "gz",   "htm",         "html", "ico",
        "ics",   "jpeg",  "jpg",  "js",   "json", "jsonld", "jxl",  "m4a",         "m4v",  "map",
        "md",    "mjs",   "mov",  "mp3",  "mp4",  "mpeg",   "oga",  "ogg",         "ogv",  "opus",
        "otf",   "pdf",   "png",  "pptx", "rss",  "rtf",    "svg",  "tar",         "tif",  "tiff",
        "ttf",   "txt",   "vtt",  "wasm", "wav",  "weba",   "webm", "webmanifest", "webp", "woff",
        "woff2", "xhtml", "xls",  "xlsx", "xml",  "yaml",   "yml",  "zip",         "zst"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char name[32];
        cstar__media m;
        (void)snprintf(name, sizeof name, "f.%s", all[i]);
        const char *media = cstar__media_by_name(cstar_cstr(name));
        assert_string_not_equal(media, "application/octet-stream");
        assert_int_equal(cstar__media_parse(cstar_cstr(media), &m), CSTAR_OK);
        bool text = is(m.type, "text");
        assert_int_equal(strstr(media, "; charset=utf-8") != NULL, text);
    }
}

static void test_compresses(void **state) {
    (void)state;
    static const char *const yes[] = {"text/html; charset=utf-8", "text/event-stream",
                                      "application/json",         "image/svg+xml",
                                      "application/ld+json",      "application/wasm"};
    static const char *const no[] = {"image/png", "application/zip", "font/woff2", "video/mp4", "",
                                     "text",      "image/+xmlx"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        assert_true(cstar__media_compresses(cstar_cstr(yes[i])));
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        assert_false(cstar__media_compresses(cstar_cstr(no[i])));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_is),    cmocka_unit_test(test_by_name),
        cmocka_unit_test(test_table), cmocka_unit_test(test_compresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
