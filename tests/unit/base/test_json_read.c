/* test_json_read.c -- what the reader takes and what it refuses, at which byte, and that hostile
 * input stays cheap.
 * SPDX-License-Identifier: MIT */
/* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): for MAP_ANONYMOUS */
#define _DEFAULT_SOURCE

#include "support/failalloc.h"

#include "cstar/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define BIG ((size_t)64 << 20)

static const cstar_json_opts any = {.any_root = true};

/* Reads, with check agreeing but for duplicate keys, and errors always in words. Returns the
 * compact form in `out`. */
static cstar_status read_text(cstar_str text, const cstar_json_opts *opts, cstar_buf *out,
                              cstar_err *err) {
    cstar_arena arena;
    cstar_err e = {.code = CSTAR_OK};
    cstar_arena_init(&arena, cstar_heap(), BIG);
    cstar_json *root = cstar_json_read(&arena, text, opts, &e);
    cstar_err checked = {.code = CSTAR_OK};
    cstar_status check = cstar_json_check(text, opts, &checked);
    if (root == NULL) {
        assert_int_not_equal(e.code, CSTAR_OK);
        assert_string_not_equal(e.text, "");
        assert_int_equal(check, e.code == CSTAR_EDUP ? CSTAR_OK : e.code);
    } else {
        assert_int_equal(check, CSTAR_OK);
        assert_string_equal(e.text, "");
    }
    assert_string_equal(checked.text, check == CSTAR_OK ? "" : e.text);
    if (root != NULL && out != NULL) {
        cstar_json_writer w;
        cstar_json_writer_init(&w, out, 0);
        cstar_json_put_val(&w, cstar_val_tree(root));
        assert_int_equal(cstar_json_writer_end(&w), CSTAR_OK);
    }
    cstar_arena_fini(&arena);
    if (err != NULL) {
        *err = e;
    }
    return e.code;
}

/* ---- accepted
 * --------------------------------------------------------------------------------- */

typedef struct accepted {
    const char *name, *text, *compact; /* compact NULL: the text itself */
} accepted;

static const accepted accepts[] = {
    {"empty object", "{}", NULL},
    {"white space around", " \t\r\n{ \n} \n", "{}"},
    {"white space everywhere", "{ \"a\" : [ 1 , 2 ] , \"b\" : { } }", "{\"a\":[1,2],\"b\":{}}"},
    {"words", "{\"a\":true,\"b\":false,\"c\":null}", NULL},
    {"nested", "{\"a\":{\"b\":{\"c\":[[],{},[[1]]]}},\"d\":[{\"e\":1},{\"e\":2}]}", NULL},
    {"order of members", "{\"z\":1,\"10\":2,\"a\":3,\"2\":4}", NULL},
    {"empty key", "{\"\":1}", NULL},
    {"same key in different objects", "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}", NULL},
    {"short escapes", "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
     "{\"a\":\"\\\"\\\\/\\b\\f\\n\\r\\t\"}"},
    {"NUL escape", "{\"a\":\"x\\u0000y\"}", NULL},
    {"NUL escape in a key", "{\"a\\u0000\":1,\"a\":2}", NULL},
    {"hex in both cases", "{\"a\":\"\\u00e9\\u00E9\"}", "{\"a\":\"\xC3\xA9\xC3\xA9\"}"},
    {"surrogate pair", "{\"a\":\"\\ud83d\\ude00\"}", "{\"a\":\"\xF0\x9F\x98\x80\"}"},
    {"first and last pair", "{\"a\":\"\\ud800\\udc00\\udbff\\udfff\"}",
     "{\"a\":\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"}"},
    {"edges of the lengths", "{\"a\":\"\\u007f\\u0080\\u07ff\\u0800\\ud7ff\\ue000\\uffff\"}",
     "{\"a\":\"\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\"}"},
    {"raw DEL and U+2028", "{\"a\":\"\x7F\xE2\x80\xA8\"}", NULL},
    {"raw UTF-8", "{\"\xC3\xA9\":\"\xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80\"}", NULL},
    {"slash", "{\"a\":\"</script>\"}", NULL},
    {"strings around the word size",
     "{\"a\":\"1234567\",\"b\":\"12345678\",\"c\":\"123456789012345\","
     "\"d\":\"1234567890123456\",\"e\":\"12345678901234567\"}",
     NULL},
    {"number texts", "{\"a\":[0,-0,-1,0.0,-0.0,1.50,1e5,1E5,1e+5,1E-5,0e0,9007199254740993]}",
     NULL},
    {"long fraction", "{\"a\":0.1000000000000000055511151231257827021181583404541015625}", NULL},
};

static void test_accepted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepts / sizeof accepts[0]; i++) {
        char mem[512];
        cstar_buf out;
        cstar_err err;
        cstar_buf_fixed(&out, mem, sizeof mem - 1);
        if (read_text(cstar_cstr(accepts[i].text), NULL, &out, &err) != CSTAR_OK) {
            fail_msg("%s: %s", accepts[i].name, err.text);
        }
        mem[out.len] = '\0';
        assert_string_equal(mem, accepts[i].compact != NULL ? accepts[i].compact : accepts[i].text);
    }
}

/* ---- refused
 * ---------------------------------------------------------------------------------- */

typedef struct refused {
    const char *name, *text;
    cstar_status status;
    int at;               /* the byte that the error names */
    const char *mentions; /* in the error's text */
} refused;

static const refused refusals[] = {
    {"empty text", "", CSTAR_ESYNTAX, 0, "the end of the text"},
    {"white space only", "  ", CSTAR_ESYNTAX, 2, "must be an object"},
    {"root array", "[]", CSTAR_ESYNTAX, 0, "must be an object"},
    {"root string", "\"value\"", CSTAR_ESYNTAX, 0, "must be an object"},
    {"root number", "42", CSTAR_ESYNTAX, 0, "must be an object"},
    {"root true", "true", CSTAR_ESYNTAX, 0, "must be an object"},
    {"root null", " null", CSTAR_ESYNTAX, 1, "must be an object"},
    {"open object", "{", CSTAR_ESYNTAX, 1, "a key or '}'"},
    {"two roots", "{}{}", CSTAR_ESYNTAX, 2, "nothing behind the root"},
    {"junk behind", "{\"a\":1}x", CSTAR_ESYNTAX, 7, "found 'x'"},
    {"comma behind", "{},", CSTAR_ESYNTAX, 2, "nothing"},
    {"bracket behind", "{}}", CSTAR_ESYNTAX, 2, "nothing"},
    {"BOM", "\xEF\xBB\xBF{}", CSTAR_ESYNTAX, 0, "found byte 0xEF"},
    {"single quotes", "{'a':1}", CSTAR_ESYNTAX, 1, "a key"},
    {"bare key", "{a:1}", CSTAR_ESYNTAX, 1, "a key"},
    {"number as key", "{1:1}", CSTAR_ESYNTAX, 1, "a key"},
    {"trailing comma", "{\"a\":1,}", CSTAR_ESYNTAX, 7, "a key"},
    {"leading comma", "{,\"a\":1}", CSTAR_ESYNTAX, 1, "a key"},
    {"two commas", "{\"a\":1,,\"b\":2}", CSTAR_ESYNTAX, 7, "a key"},
    {"no comma", "{\"a\":1 \"b\":2}", CSTAR_ESYNTAX, 7, "',' or '}'"},
    {"no colon", "{\"a\" 1}", CSTAR_ESYNTAX, 5, "':'"},
    {"two colons", "{\"a\"::1}", CSTAR_ESYNTAX, 5, "a value"},
    {"no value", "{\"a\":}", CSTAR_ESYNTAX, 5, "a value"},
    {"array: trailing comma", "{\"a\":[1,]}", CSTAR_ESYNTAX, 8, "a value"},
    {"array: leading comma", "{\"a\":[,1]}", CSTAR_ESYNTAX, 6, "a value"},
    {"array: no comma", "{\"a\":[1 2]}", CSTAR_ESYNTAX, 8, "',' or ']'"},
    {"array: key", "{\"a\":[\"b\":1]}", CSTAR_ESYNTAX, 9, "',' or ']'"},
    {"mismatched brackets", "{\"a\":[1}", CSTAR_ESYNTAX, 7, "',' or ']'"},
    {"mismatched brackets 2", "{\"a\":{]}", CSTAR_ESYNTAX, 6, "a key or '}'"},
    {"mismatch above level 64", "{\"a\":1]", CSTAR_ESYNTAX, 6, "',' or '}'"},
    {"NaN", "{\"a\":NaN}", CSTAR_ESYNTAX, 5, "a value"},
    {"Infinity", "{\"a\":Infinity}", CSTAR_ESYNTAX, 5, "a value"},
    {"-Infinity", "{\"a\":-Infinity}", CSTAR_ESYNTAX, 6, "a digit"},
    {"undefined", "{\"a\":undefined}", CSTAR_ESYNTAX, 5, "a value"},
    {"True", "{\"a\":True}", CSTAR_ESYNTAX, 5, "a value"},
    {"tru", "{\"a\":tru}", CSTAR_ESYNTAX, 5, "a value"},
    {"truex", "{\"a\":truex}", CSTAR_ESYNTAX, 9, "',' or '}'"},
    {"leading zero", "{\"a\":01}", CSTAR_ESYNTAX, 6, "',' or '}'"},
    {"negative leading zero", "{\"a\":-01}", CSTAR_ESYNTAX, 7, "',' or '}'"},
    {"plus", "{\"a\":+1}", CSTAR_ESYNTAX, 5, "a value"},
    {"minus alone", "{\"a\":-}", CSTAR_ESYNTAX, 6, "a digit"},
    {"point without digits", "{\"a\":1.}", CSTAR_ESYNTAX, 7, "a digit"},
    {"point first", "{\"a\":.5}", CSTAR_ESYNTAX, 5, "a value"},
    {"exponent without digits", "{\"a\":1e}", CSTAR_ESYNTAX, 7, "a digit"},
    {"exponent sign alone", "{\"a\":1e+}", CSTAR_ESYNTAX, 8, "a digit"},
    {"fraction in exponent", "{\"a\":1e1.5}", CSTAR_ESYNTAX, 8, "',' or '}'"},
    {"hex number", "{\"a\":0x10}", CSTAR_ESYNTAX, 6, "',' or '}'"},
    {"digit separator", "{\"a\":1_000}", CSTAR_ESYNTAX, 6, "',' or '}'"},
    {"overflow", "{\"a\":1e400}", CSTAR_ERANGE, 5, "range"},
    {"negative overflow", "{\"a\":[0,-1e309]}", CSTAR_ERANGE, 8, "range"},
    {"line comment", "{//x\n}", CSTAR_ESYNTAX, 1, "a key"},
    {"block comment", "{/**/}", CSTAR_ESYNTAX, 1, "a key"},
    {"no-break space", "{\xC2\xA0}", CSTAR_ESYNTAX, 1, "0xC2"},
    {"form feed as space", "{\f}", CSTAR_ESYNTAX, 1, "0x0C"},
    {"raw newline in a string", "{\"a\":\"\n\"}", CSTAR_ESYNTAX, 6, "escape for the control byte"},
    {"raw tab in a string", "{\"a\":\"1234567\t\"}", CSTAR_ESYNTAX, 13, "0x09"},
    {"raw newline in a key", "{\"a\n\":1}", CSTAR_ESYNTAX, 3, "control byte"},
    {"raw 0x1F", "{\"a\":\"\x1F\"}", CSTAR_ESYNTAX, 6, "0x1F"},
    {"open string", "{\"a\":\"b", CSTAR_ESYNTAX, 7, "'\"'"},
    {"escape x", "{\"a\":\"\\x41\"}", CSTAR_ESYNTAX, 6, "known escape"},
    {"escape '", "{\"a\":\"\\'\"}", CSTAR_ESYNTAX, 6, "known escape"},
    {"escape U", "{\"a\":\"\\U0041\"}", CSTAR_ESYNTAX, 6, "known escape"},
    {"short \\u", "{\"a\":\"\\u004\"}", CSTAR_ESYNTAX, 6, "escape"},
    {"bad hex", "{\"a\":\"\\u00g1\"}", CSTAR_ESYNTAX, 6, "escape"},
    {"sign in hex", "{\"a\":\"\\u+041\"}", CSTAR_ESYNTAX, 6, "escape"},
    {"lone high surrogate", "{\"a\":\"\\ud800\"}", CSTAR_EUTF8, 6, "lone surrogate"},
    {"lone low surrogate", "{\"a\":\"x\\udc00\"}", CSTAR_EUTF8, 7, "lone surrogate"},
    {"two high surrogates", "{\"a\":\"\\ud800\\ud800\"}", CSTAR_EUTF8, 6, "lone surrogate"},
    {"swapped pair", "{\"a\":\"\\udc00\\ud800\"}", CSTAR_EUTF8, 6, "lone surrogate"},
    {"high and a letter", "{\"a\":\"\\ud800x\"}", CSTAR_EUTF8, 6, "lone surrogate"},
    {"high and a newline", "{\"a\":\"\\ud800\\n\"}", CSTAR_EUTF8, 6, "lone surrogate"},
    {"high and BMP", "{\"a\":\"\\ud800\\u0041\"}", CSTAR_EUTF8, 6, "lone surrogate"},
    {"lone surrogate in a key", "{\"\\udfff\":1}", CSTAR_EUTF8, 2, "lone surrogate"},
    {"duplicate key", "{\"a\":1,\"b\":2,\"a\":3}", CSTAR_EDUP, 13, "duplicate key"},
    {"duplicate by escape", "{\"a\":1,\"\\u0061\":3}", CSTAR_EDUP, 7, "duplicate key"},
    {"duplicate empty key", "{\"\":1,\"\":3}", CSTAR_EDUP, 6, "duplicate key"},
    {"duplicate deep down", "{\"x\":[{\"k\":{}},{\"k\":{\"a\":{},\"a\":[]}}]}", CSTAR_EDUP, 28,
     "duplicate key"},
    {"duplicate behind a nested object", "{\"a\":{\"b\":1},\"a\":1}", CSTAR_EDUP, 13,
     "duplicate key"},
};

static void expect_refusal(const char *name, cstar_str text, cstar_status status, int at,
                           const char *mentions) {
    char offset[32];
    cstar_err err = {.code = CSTAR_OK};
    cstar_status got = read_text(text, NULL, NULL, &err);
    if (got != status) {
        fail_msg("%s: %d instead of %d: %s", name, got, status, err.text);
    }
    (void)snprintf(offset, sizeof offset, "at byte %d", at);
    const char *found = strstr(err.text, offset);
    if (found == NULL || (found[strlen(offset)] >= '0' && found[strlen(offset)] <= '9') ||
        strstr(err.text, mentions) == NULL) {
        fail_msg("%s: \"%s\" lacks \"%s\" or \"%s\"", name, err.text, offset, mentions);
    }
    assert_string_equal(err.where, "text");
}

static void test_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const refused *r = &refusals[i];
        expect_refusal(r->name, cstar_cstr(r->text), r->status, r->at, r->mentions);
    }
    /* NUL bytes, which the table can't hold */
    expect_refusal("NUL behind", CSTAR_STR("{}\0"), CSTAR_ESYNTAX, 2, "0x00");
    expect_refusal("NUL in a string", CSTAR_STR("{\"a\":\"\0\"}"), CSTAR_ESYNTAX, 6,
                   "control byte");
    expect_refusal("NUL for a comma", CSTAR_STR("{\"a\":1\0}"), CSTAR_ESYNTAX, 6, "',' or '}'");
    expect_refusal("NUL first", CSTAR_STR("\0{}"), CSTAR_ESYNTAX, 0, "object");
    expect_refusal("absent text", cstar_view(NULL, 0), CSTAR_ESYNTAX, 0, "object");
}

static void test_err_is_optional(void **state) {
    (void)state;
    cstar_arena arena;
    cstar_arena_init(&arena, cstar_heap(), 0);
    assert_null(cstar_json_read(&arena, CSTAR_STR("{"), NULL, NULL));
    assert_int_equal(cstar_json_check(CSTAR_STR("{"), NULL, NULL), CSTAR_ESYNTAX);
    cstar_arena_fini(&arena);
}

/* ---- UTF-8
 * ------------------------------------------------------------------------------------ */

static void test_bad_utf8(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        int good; /* bytes in front of the fault */
    } bad[] = {
        {"\x80", 0},
        {"\xBF", 0},
        {"\xC0\x80", 0},
        {"\xC1\xBF", 0},
        {"\xC3", 0},
        {"\xC3(", 0},
        {"\xE0\x80\x80", 0},
        {"\xE0\x9F\xBF", 0},
        {"\xE2\x82", 0},
        {"\xED\xA0\x80", 0},
        {"\xED\xBF\xBF", 0},
        {"\xF0\x80\x80\x80", 0},
        {"\xF0\x8F\xBF\xBF", 0},
        {"\xF0\x9F\x98", 0},
        {"\xF4\x90\x80\x80", 0},
        {"\xF5\x80\x80\x80", 0},
        {"\xF8\x88\x80\x80\x80", 0},
        {"\xFE", 0},
        {"\xFF", 0},
        {"\xC3\xA9\x80", 2},
        {"\xE4\xBD\xA0\xE4\xBD", 3},
        {"\xC3\xA9\xC3\xA9\xC3", 4},
        {"abc\xFF", 3},
        {"abcdefgh\xC0", 8},
        {"\xC3\xA9x\xFF", 3},
        {"\xC3\\u00A9", 0},
        {"\\n\xFF", 2},
        {"\xFF\xC3\xA9", 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64];
        int len = snprintf(text, sizeof text, "{\"k\":\"%s\"}", bad[i].bytes);
        expect_refusal(bad[i].bytes, cstar_view(text, (size_t)len), CSTAR_EUTF8, 6 + bad[i].good,
                       "invalid UTF-8");
        len = snprintf(text, sizeof text, "{\"%s\":1}", bad[i].bytes);
        expect_refusal(bad[i].bytes, cstar_view(text, (size_t)len), CSTAR_EUTF8, 2 + bad[i].good,
                       "invalid UTF-8");
    }
}

/* Every byte at every place of a string, also next to the edges of the eight-byte steps. */
static void test_each_byte_at_each_place(void **state) {
    (void)state;
    for (int place = 0; place < 20; place++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[] = "[\"aaaaaaaaaaaaaaaaaaaa\"]";
            text[2 + place] = (char)byte;
            bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
            cstar_status got = read_text(cstar_cstr(text), &any, NULL, NULL);
            cstar_status want = byte >= 0x80 ? CSTAR_EUTF8 : plain ? CSTAR_OK : CSTAR_ESYNTAX;
            if (byte == 0) {
                got = read_text(cstar_view(text, sizeof text - 1), &any, NULL, NULL);
            }
            if (got != want && !(byte == '"' && place == 19)) {
                fail_msg("byte 0x%02X at %d: %d", byte, place, got);
            }
        }
    }
}

/* ---- prefixes, edges of memory
 * ---------------------------------------------------------------- */

static const char *const documents[] = {
    "{\"count\":41,\"query\":\"bob \\u0026 "
    "co\",\"desc\":false,\"user\":{\"name\":\"Ana\",\"age\":-37.5e-3},\"x\":null}",
    " { \"a\" : [ 1 , -0 , 1e5 , \"\\ud83d\\ude00\" , \"\xF0\x9F\x98\x80\xC3\xA9\" , [ ] , { } , "
    "true ] } ",
    "{\"a\":{\"b\":{\"c\":[{\"d\":[[\"\\\\\\\"\"]]}]}}}",
    "{\"12345678\":\"123456789012345678901234567890\",\"1234567\":12345678901234567890,\"k\":0."
    "1e1}",
};

static void test_each_prefix(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        size_t len = strlen(documents[i]);
        size_t solid = len; /* without white space behind the root */
        while (documents[i][solid - 1] == ' ') {
            solid--;
        }
        for (size_t n = 0; n <= len; n++) {
            char *copy = malloc(n + 1); /* its own block: ASan sees a read behind it */
            assert_non_null(copy);
            memcpy(copy, documents[i], n);
            cstar_status got = read_text(cstar_view(copy, n), NULL, NULL, NULL);
            free(copy);
            if ((got == CSTAR_OK) != (n >= solid)) {
                fail_msg("document %zu, prefix %zu: %d", i, n, got);
            }
        }
    }
}

/* `any` roots too: what ends with the text is a number, a word or a string. */
static void test_each_prefix_of_scalars(void **state) {
    (void)state;
    static const struct {
        const char *text, *good; /* 'y' per prefix length that is a document of its own */
    } cases[] = {
        {"-12.5e+30", "nnyynynnyy"}, {"true", "nnnny"}, {"null", "nnnny"},
        {"\"ab\"", "nnnny"},         {"0.05", "nynyy"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t n = 0; n <= strlen(cases[i].text); n++) {
            cstar_status got = read_text(cstar_view(cases[i].text, n), &any, NULL, NULL);
            if ((got == CSTAR_OK) != (cases[i].good[n] == 'y')) {
                fail_msg("%.*s: %d", (int)n, cases[i].text, got);
            }
        }
    }
}

static void test_against_a_guard_page(void **state) {
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *mem = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(mem != MAP_FAILED);
    assert_int_equal(mprotect(mem + page, page, PROT_NONE), 0);
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        size_t len = strlen(documents[i]);
        for (size_t n = 0; n <= len; n++) {
            char *text = mem + page - n;
            memcpy(text, documents[i], n);
            (void)read_text(cstar_view(text, n), NULL, NULL, NULL);
            memcpy(text, documents[i] + (len - n),
                   n); /* and each end: strings that begin anywhere */
            (void)read_text(cstar_view(text, n), &any, NULL, NULL);
        }
    }
    assert_int_equal(munmap(mem, 2 * page), 0);
}

/* ---- limits
 * ----------------------------------------------------------------------------------- */

static cstar_status read_nested(size_t depth, bool object, const cstar_json_opts *opts) {
    size_t open = object ? 5 : 1;
    char *text = malloc(depth * (open + 1) + 1);
    assert_non_null(text);
    size_t n = 0;
    for (size_t i = 0; i < depth; i++) {
        memcpy(text + n, object ? "{\"a\":" : "[", open);
        n += open;
    }
    if (object) {
        text[n++] = '1';
    }
    memset(text + n, object ? '}' : ']', depth);
    cstar_status got = read_text(cstar_view(text, n + depth), opts, NULL, NULL);
    free(text);
    return got;
}

static void test_depth(void **state) {
    (void)state;
    static const struct {
        size_t depth;
        unsigned max_depth;
        cstar_status status;
    } cases[] = {
        {1, 0, CSTAR_OK},
        {32, 0, CSTAR_OK},
        {33, 0, CSTAR_EDEPTH},
        {100000, 0, CSTAR_EDEPTH},
        {1, 1, CSTAR_OK},
        {2, 1, CSTAR_EDEPTH},
        {64, 64, CSTAR_OK},
        {65, 64, CSTAR_EDEPTH},
        {65, 65, CSTAR_OK},
        {1024, 1024, CSTAR_OK},
        {1025, 1024, CSTAR_EDEPTH},
        {1024, 4000000000u, CSTAR_OK},
        {1025, 4000000000u, CSTAR_EDEPTH},
        {100000, 1024, CSTAR_EDEPTH},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cstar_json_opts opts = {.max_depth = cases[i].max_depth, .any_root = true};
        for (int object = 0; object < 2; object++) {
            cstar_status got = read_nested(cases[i].depth, object != 0, &opts);
            if (got != cases[i].status) {
                fail_msg("depth %zu of %u: %d", cases[i].depth, cases[i].max_depth, got);
            }
        }
    }
}

/* A bit per level says what is open: kinds that alternate across the words of that set must not be
 * mixed up. */
static void test_mixed_nesting(void **state) {
    (void)state;
    for (size_t wrong = 0; wrong <= 200; wrong++) { /* 0: none */
        char text[4096];
        size_t n = 0;
        for (size_t level = 1; level <= 200; level++) {
            n += (size_t)snprintf(text + n, sizeof text - n,
                                  level % 3 == 0 ? "[0,[]," : "{\"b\":{},\"a\":");
        }
        text[n++] = '1';
        for (size_t level = 200; level >= 1; level--) {
            text[n++] = (level % 3 == 0) != (level == wrong) ? ']' : '}';
        }
        cstar_json_opts opts = {.max_depth = 400};
        cstar_status got = read_text(cstar_view(text, n), &opts, NULL, NULL);
        assert_int_equal(got, wrong == 0 ? CSTAR_OK : CSTAR_ESYNTAX);
    }
}

static void test_max_bytes(void **state) {
    (void)state;
    cstar_err err;
    cstar_json_opts opts = {.max_bytes = 7};
    assert_int_equal(read_text(CSTAR_STR("{\"a\":1}"), &opts, NULL, NULL), CSTAR_OK);
    assert_int_equal(read_text(CSTAR_STR("{\"a\":1} "), &opts, NULL, NULL), CSTAR_ELIMIT);
    assert_int_equal(read_text(CSTAR_STR("malformed"), &opts, NULL, &err), CSTAR_ELIMIT);
    assert_non_null(strstr(err.text, "limit"));
    char *text = malloc(1000001);
    assert_non_null(text);
    memset(text, ' ', 1000001);
    memcpy(text, "{}", 2);
    assert_int_equal(read_text(cstar_view(text, 1000000), NULL, NULL, NULL), CSTAR_OK);
    assert_int_equal(read_text(cstar_view(text, 1000001), NULL, NULL, NULL), CSTAR_ELIMIT);
    free(text);
}

static void test_any_root(void **state) {
    (void)state;
    static const char *const texts[] = {"[]",    " 42 ", "-1.5e3", "\"\\u0000\"", "true",
                                        "false", "null", "{}",     "[[],{}]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(read_text(cstar_cstr(texts[i]), &any, NULL, NULL), CSTAR_OK);
    }
    static const char *const bad[] = {"",    " ",  "]",  "}",   ",",  ":",    "1 2",
                                      "tru", "\"", "[1", "--1", "1,", "nulll"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_text(cstar_cstr(bad[i]), &any, NULL, NULL), CSTAR_ESYNTAX);
    }
}

/* ---- duplicate keys in large objects
 * ---------------------------------------------------------- */

typedef struct text_buf {
    char *ptr;
    size_t len;
} text_buf;

/* {"<key 0>":0,"<key 1>":0,...}; keys[again] is a copy of keys[0] if it is not 0. */
static text_buf large_object(size_t members, const char *format, size_t again) {
    text_buf b = {malloc(members * 64 + 2), 0};
    assert_non_null(b.ptr);
    b.ptr[b.len++] = '{';
    for (size_t i = 0; i < members; i++) {
        b.len += (size_t)sprintf(b.ptr + b.len, "%s\"", i != 0 ? "," : "");
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#endif
        b.len +=
            (size_t)sprintf(b.ptr + b.len, format, (unsigned)(again != 0 && i == again ? 0 : i));
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
        b.len += (size_t)sprintf(b.ptr + b.len, "\":0");
    }
    b.ptr[b.len++] = '}';
    return b;
}

static void test_duplicates_by_size(void **state) {
    (void)state;
    for (size_t members = 2; members <= 70; members++) {
        for (size_t again = 0; again < members; again++) {
            text_buf b = large_object(members, "k%u", again);
            cstar_status got = read_text(cstar_view(b.ptr, b.len), NULL, NULL, NULL);
            free(b.ptr);
            if (got != (again != 0 ? CSTAR_EDUP : CSTAR_OK)) {
                fail_msg("%zu members, number %zu twice: %d", members, again, got);
            }
        }
    }
}

static void test_5000_members(void **state) {
    (void)state;
    cstar_err err;
    text_buf b = large_object(5000, "key%05u", 0);
    assert_int_equal(read_text(cstar_view(b.ptr, b.len), NULL, NULL, NULL), CSTAR_OK);
    free(b.ptr);
    b = large_object(5000, "key%05u", 4999);
    assert_int_equal(read_text(cstar_view(b.ptr, b.len), NULL, NULL, &err), CSTAR_EDUP);
    assert_non_null(strstr(err.text, "byte"));
    free(b.ptr);
}

/* The keys have one length and differ only in the middle, where the hash of the first members does
 * not look: whatever a sender does, the work stays n log n. 1000 times 60 ms would be a quadratic
 * reader. */
static void test_hostile_keys_are_cheap(void **state) {
    (void)state;
    static const char *const formats[] = {"prefix..%08usuffix..", "%08u",
                                          "aaaaaaaaaaaaaaaa%06uzzzzzzzzzzzzzzzz"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        text_buf b = large_object(100000, formats[i], 99999);
        cstar_json_opts opts = {.max_bytes = BIG};
        clock_t start = clock();
        assert_int_equal(read_text(cstar_view(b.ptr, b.len), &opts, NULL, NULL), CSTAR_EDUP);
        double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        free(b.ptr);
        if (seconds > 3) { /* generous: sanitizers and busy machines */
            fail_msg("100000 members took %.1f s", seconds);
        }
    }
}

/* Sixteen members that all collide in the hash, in each of many objects. */
static void test_colliding_small_objects(void **state) {
    (void)state;
    text_buf b = {malloc(1 << 20), 0};
    assert_non_null(b.ptr);
    b.ptr[b.len++] = '[';
    for (int object = 0; object < 500; object++) {
        b.len += (size_t)sprintf(b.ptr + b.len, "%s{", object != 0 ? "," : "");
        for (int m = 0; m < 16; m++) {
            b.len += (size_t)sprintf(b.ptr + b.len, "%s\"same-head%02dsame-tail\":{}",
                                     m != 0 ? "," : "", m);
        }
        b.ptr[b.len++] = '}';
    }
    b.ptr[b.len++] = ']';
    assert_int_equal(read_text(cstar_view(b.ptr, b.len), &any, NULL, NULL), CSTAR_OK);
    memcpy(strstr(b.ptr, "head15"), "head07", 6);
    assert_int_equal(read_text(cstar_view(b.ptr, b.len), &any, NULL, NULL), CSTAR_EDUP);
    free(b.ptr);
}

/* ---- memory
 * ----------------------------------------------------------------------------------- */

static void test_each_allocation_fails(void **state) {
    (void)state;
    text_buf b = large_object(3000, "key%u", 0);
    size_t failures = 0;
    for (size_t n = 1;; n++) {
        failalloc f;
        cstar_arena arena;
        cstar_err err = {.code = CSTAR_OK};
        failalloc_init(&f, n);
        cstar_arena_init(&arena, &f.alloc, BIG);
        cstar_json *root = cstar_json_read(&arena, cstar_view(b.ptr, b.len), NULL, &err);
        bool reached = f.calls >= n;
        cstar_arena_fini(&arena);
        assert_int_equal(f.live_blocks, 0);
        assert_int_equal(f.live_bytes, 0);
        if (!reached) {
            assert_non_null(root);
            break;
        }
        assert_null(root);
        assert_int_equal(err.code, CSTAR_ENOMEM);
        assert_non_null(strstr(err.text, "memory"));
        failures++;
    }
    free(b.ptr);
    assert_true(failures >= 3); /* text, nodes, sorting */
}

static void test_arena_limit(void **state) {
    (void)state;
    text_buf b = large_object(3000, "key%u", 0);
    bool refused_once = false;
    for (size_t limit = 256; limit < BIG; limit += limit / 4) {
        cstar_arena arena;
        cstar_err err = {.code = CSTAR_OK};
        cstar_arena_init(&arena, cstar_heap(), limit);
        cstar_json *root = cstar_json_read(&arena, cstar_view(b.ptr, b.len), NULL, &err);
        assert_int_equal(err.code, root == NULL ? CSTAR_ENOMEM : CSTAR_OK);
        refused_once = refused_once || root == NULL;
        assert_true(arena.used <= limit);
        cstar_arena_fini(&arena);
    }
    assert_true(refused_once);
    free(b.ptr);
}

/* The tree does not point into the text, and a reset arena takes the next document without the
 * allocator. */
static void test_text_may_go_away(void **state) {
    (void)state;
    failalloc f;
    cstar_arena arena;
    failalloc_init(&f, 0);
    cstar_arena_init(&arena, &f.alloc, 0);
    size_t calls = 0;
    for (int round = 0; round < 3; round++) {
        char text[] = "{\"name\":\"Ana \\u0026 Bob\",\"n\":[12.50,\"x\"]}";
        cstar_json *root = cstar_json_read(&arena, cstar_cstr(text), NULL, NULL);
        assert_non_null(root);
        memset(text, '#', sizeof text);
        assert_string_equal(cstar_json_str(cstar_json_path(root, "name"), ""), "Ana & Bob");
        assert_string_equal(cstar_json_number(cstar_json_path(root, "n.0")).ptr, "12.50");
        assert_string_equal(cstar_json_str(cstar_json_path(root, "n.1"), ""), "x");
        if (round == 1) {
            calls = f.calls;
        }
        cstar_arena_reset(&arena, 65536);
    }
    assert_int_equal(f.calls, calls);
    cstar_arena_fini(&arena);
}

/* Every string and number shares one allocation of about the text's length: the worst mixes fill it
 * to the last byte. */
static void test_strings_fill_their_block(void **state) {
    (void)state;
    static const char *const texts[] = {"\"a\"",    "7",
                                        "\"\"",     "[1,2,3,4,5,6,7,8,9]",
                                        "{\"\":1}", "[\"\",\"\",\"\"]",
                                        "1e5",      "[1.5,[2],\"abcdefghijklmnopqrstuvwxyz\"]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char mem[256];
        cstar_buf out;
        cstar_buf_fixed(&out, mem, sizeof mem);
        assert_int_equal(read_text(cstar_cstr(texts[i]), &any, &out, NULL), CSTAR_OK);
        assert_int_equal(out.len, strlen(texts[i]));
        assert_memory_equal(out.ptr, texts[i], out.len);
    }
}

/* Longer than the arena's first block, so that the block ends where the texts do and a sanitizer
 * sees one byte more. */
static void test_long_texts_fill_their_block(void **state) {
    (void)state;
    for (size_t len = 2000; len < 2064; len++) {
        char text[2064];
        memset(text, '0', len); /* 0.000...1 */
        text[1] = '.';
        text[len - 1] = '1';
        assert_int_equal(read_text(cstar_view(text, len), &any, NULL, NULL), CSTAR_OK);
        for (size_t i = 0; i < len; i++) {
            text[i] = i % 2 == 0 ? ',' : '7'; /* [7,7,...,7] or, of even length, [7,...,77] */
        }
        text[0] = '[';
        text[len - 2] = '7';
        text[len - 1] = ']';
        assert_int_equal(read_text(cstar_view(text, len), &any, NULL, NULL), CSTAR_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_err_is_optional),
        cmocka_unit_test(test_bad_utf8),
        cmocka_unit_test(test_each_byte_at_each_place),
        cmocka_unit_test(test_each_prefix),
        cmocka_unit_test(test_each_prefix_of_scalars),
        cmocka_unit_test(test_against_a_guard_page),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_mixed_nesting),
        cmocka_unit_test(test_max_bytes),
        cmocka_unit_test(test_any_root),
        cmocka_unit_test(test_duplicates_by_size),
        cmocka_unit_test(test_5000_members),
        cmocka_unit_test(test_hostile_keys_are_cheap),
        cmocka_unit_test(test_colliding_small_objects),
        cmocka_unit_test(test_each_allocation_fails),
        cmocka_unit_test(test_arena_limit),
        cmocka_unit_test(test_text_may_go_away),
        cmocka_unit_test(test_strings_fill_their_block),
        cmocka_unit_test(test_long_texts_fill_their_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
