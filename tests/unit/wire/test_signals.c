/* test_signals.c -- signal patches: text, trees, pieces, nudges.
 * SPDX-License-Identifier: MIT */
#include "unit/wire/expect.h"

#define TYPE "event: datastar-patch-signals\n"

static cstar_status patch(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_patch_signals(out, arg, err);
}
static cstar_status begin(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_signals_begin(out, arg, err);
}

static void text_goes_line_by_line(void **state) {
    (void)state;
    static const struct {
        const char *name;
        cstar_signals_patch patch;
        const char *bytes;
    } cases[] = {
        {"one line", {.json = "{\"count\":42}"}, TYPE "data: signals {\"count\":42}\n\n"},
        {"empty object", {.json = "{}"}, TYPE "data: signals {}\n\n"},
        {"white space", {.json = " {} "}, TYPE "data: signals  {} \n\n"},
        {"null removes", {.json = "{\"a\":null}"}, TYPE "data: signals {\"a\":null}\n\n"},
        {"only if missing",
         {.json = "{\"a\":1}", .only_if_missing = true},
         TYPE "data: onlyIfMissing true\ndata: signals {\"a\":1}\n\n"},
        {"all options",
         {.json = "{}", .only_if_missing = true, .event_id = "e\n1", .retry = 2000},
         TYPE "id: e1\nretry: 2000\ndata: onlyIfMissing true\ndata: signals {}\n\n"},
        {"lf",
         {.json = "{\n  \"count\": 1\n}"},
         TYPE "data: signals {\ndata: signals   \"count\": 1\ndata: signals }\n\n"},
        {"crlf and cr",
         {.json = "{\r\n\"a\":1\r}"},
         TYPE "data: signals {\ndata: signals \"a\":1\ndata: signals }\n\n"},
        {"last line break",
         {.json = "{\"a\":1}\n"},
         TYPE "data: signals {\"a\":1}\ndata: signals \n\n"},
        {"json_str wins",
         {.json = "{\"a\":1}", .json_str = VIEW("{\"b\":2}")},
         TYPE "data: signals {\"b\":2}\n\n"},
        {"spacing is kept",
         {.json = "{\"one\": \"x\",\"two\":  \n\"y\"}"},
         TYPE "data: signals {\"one\": \"x\",\"two\":  \ndata: signals \"y\"}\n\n"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        expect_bytes(cases[i].name, patch, &cases[i].patch, cases[i].bytes);
    }
}

/* The client runs as JavaScript what JSON.parse refuses. */
static void text_that_is_no_object_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *json;
        cstar_status code;
    } cases[] = {
        {"", CSTAR_ESYNTAX},
        {"   ", CSTAR_ESYNTAX},
        {"[]", CSTAR_ESYNTAX},
        {"null", CSTAR_ESYNTAX},
        {"42", CSTAR_ESYNTAX},
        {"\"x\"", CSTAR_ESYNTAX},
        {"{", CSTAR_ESYNTAX},
        {"{}{}", CSTAR_ESYNTAX},
        {"{}x", CSTAR_ESYNTAX},
        {"{'a':1}", CSTAR_ESYNTAX},
        {"{a:1}", CSTAR_ESYNTAX},
        {"{\"a\":1,}", CSTAR_ESYNTAX},
        {"{\"a\":alert(1)}", CSTAR_ESYNTAX},
        {"{\"a\":NaN}", CSTAR_ESYNTAX},
        {"{\"a\":01}", CSTAR_ESYNTAX},
        {"{\"a\":\"x\ny\"}", CSTAR_ESYNTAX},
        {"{\"a\":\"\xFF\"}", CSTAR_EUTF8},
        {"{\"a\":1e400}", CSTAR_ERANGE},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        cstar_signals_patch s = {.json = cases[i].json};
        expect_refused(cases[i].json, patch, &s, cases[i].code, "json");
    }
    char deep[300] = "";
    for (size_t i = 0; i < 33; i++) {
        memcpy(deep + i * 5, "{\"a\":", 5);
    }
    memcpy(deep + 165, "1", 1);
    memset(deep + 166, '}', 33);
    expect_refused("33 levels", patch, &(cstar_signals_patch){.json = deep}, CSTAR_EDEPTH, "json");
}

static void bad_arguments_are_named(void **state) {
    (void)state;
    expect_refused("nothing", patch, &(cstar_signals_patch){.event_id = "x"}, CSTAR_EINVAL, "json");
    expect_refused("no struct", patch, NULL, CSTAR_EINVAL, "s");
    expect_refused("retry", patch, &(cstar_signals_patch){.json = "{}", .retry = -9}, CSTAR_EINVAL,
                   "retry");
    expect_refused("begin", begin, &(cstar_signals_patch){.retry = -9}, CSTAR_EINVAL, "retry");
}

static const cstar_json *read(cstar_arena *arena, const char *text) {
    cstar_json_opts any = {.any_root = true};
    const cstar_json *root = cstar_json_read(arena, cstar_cstr(text), &any, NULL);
    assert_non_null(root);
    return root;
}

static void trees_are_written_compactly(void **state) {
    (void)state;
    static const struct {
        const char *text, *bytes;
    } cases[] = {
        {" { } ", "{}"},
        {"{ \"b\" : 1 , \"a\" : [ 1 , null , { } , \"x\" ] }", "{\"b\":1,\"a\":[1,null,{},\"x\"]}"},
        {"{\"t\":\"a\\rb\\nc\"}", "{\"t\":\"a\\rb\\nc\"}"},
        {"{\"foo.bar\":1}", "{\"foo.bar\":1}"},
        {"{\"big\":12345678901234567890,\"f\":0.10}", "{\"big\":12345678901234567890,\"f\":0.10}"},
        {"{\"sep\":\"\xE2\x80\xA8\",\"s\":\"</x>\"}", "{\"sep\":\"\xE2\x80\xA8\",\"s\":\"</x>\"}"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        cstar_arena arena;
        char bytes[300];
        cstar_arena_init(&arena, cstar_heap(), 0);
        cstar_signals_patch s = {.value = read(&arena, cases[i].text), .json = "not used"};
        (void)snprintf(bytes, sizeof bytes, TYPE "data: signals %s\n\n", cases[i].bytes);
        expect_bytes(cases[i].text, patch, &s, bytes);
        cstar_arena_fini(&arena);
    }
}

static void a_tree_that_is_no_object_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"[]", "1", "\"x\"", "true", "1.5"};
    for (size_t i = 0; i < LENGTH(texts); i++) {
        cstar_arena arena;
        cstar_arena_init(&arena, cstar_heap(), 0);
        cstar_signals_patch s = {.value = read(&arena, texts[i])};
        expect_refused(texts[i], patch, &s, CSTAR_EINVAL, "value");
        cstar_arena_fini(&arena);
    }
}

static void pieces_make_the_same_event(void **state) {
    (void)state;
    expect_bytes("begin", begin, &(cstar_signals_patch){.only_if_missing = true, .event_id = "i"},
                 TYPE "id: i\ndata: onlyIfMissing true\ndata: signals ");
    expect_bytes("begin with defaults", begin, NULL, TYPE "data: signals ");
}

/* ---- nudges ---- */

typedef struct nudge {
    cstar_str key;
    uint64_t n;
    const cstar_signals_patch *options;
} nudge;

static cstar_status format_nudge(cstar_buf *out, const void *arg, cstar_err *err) {
    const nudge *n = arg;
    return cstar_format_nudge(out, n->key, n->n, n->options, err);
}
static cstar_status filter(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_nudge_filter(out, *(const cstar_str *)arg, err);
}

static void nudges(void **state) {
    (void)state;
    expect_bytes("plain", format_nudge, &(nudge){VIEW("posts"), 7, NULL},
                 TYPE "data: signals {\"nudges\":{\"posts\":7}}\n\n");
    cstar_signals_patch options = {
        .event_id = "e1", .retry = 5, .only_if_missing = true, .json = "not used"};
    expect_bytes("options", format_nudge, &(nudge){VIEW("_X9"), UINT64_C(1) << 53, &options},
                 TYPE "id: e1\nretry: 5\ndata: onlyIfMissing true\ndata: signals "
                      "{\"nudges\":{\"_X9\":9007199254740992}}\n\n");
    expect_refused("zero", format_nudge, &(nudge){VIEW("a"), 0, NULL}, CSTAR_EINVAL, "n");
    expect_refused("inexact", format_nudge, &(nudge){VIEW("a"), (UINT64_C(1) << 53) + 1, NULL},
                   CSTAR_EINVAL, "n");
    options.retry = -5;
    expect_refused("retry", format_nudge, &(nudge){VIEW("a"), 1, &options}, CSTAR_EINVAL, "retry");
    static const cstar_str key = VIEW("posts");
    expect_bytes("filter", filter, &key, "{\"include\":\"^nudges\\\\.posts$\"}");
}

static void nudge_keys(void **state) {
    (void)state;
    static const cstar_str good[] = {VIEW("a"), VIEW("Z"),       VIEW("0"),
                                     VIEW("_"), VIEW("Posts_2"), VIEW("nudges")};
    for (size_t i = 0; i < LENGTH(good); i++) {
        assert_int_equal(cstar_nudge_key_check(good[i], NULL), CSTAR_OK);
    }
    static const cstar_str bad[] = {
        VIEW(""),       VIEW("posts.recent"), VIEW("posts-recent"), VIEW("a b"),
        VIEW("$posts"), VIEW("caf\xC3\xA9"),  VIEW("posts\n"),      VIEW("\nposts"),
        VIEW("a\0"),    VIEW("a\"b"),         VIEW("a/b"),          {NULL, 0},
        VIEW("a@"),     VIEW("a["),           VIEW("a`"),           VIEW("a{"),
        VIEW("a:")};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        expect_refused("nudge", format_nudge, &(nudge){bad[i], 1, NULL}, CSTAR_EINVAL, "key");
        expect_refused("filter", filter, &bad[i], CSTAR_EINVAL, "key");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_goes_line_by_line),
        cmocka_unit_test(text_that_is_no_object_is_refused),
        cmocka_unit_test(bad_arguments_are_named),
        cmocka_unit_test(trees_are_written_compactly),
        cmocka_unit_test(a_tree_that_is_no_object_is_refused),
        cmocka_unit_test(pieces_make_the_same_event),
        cmocka_unit_test(nudges),
        cmocka_unit_test(nudge_keys),
    };
    return cmocka_run_group_tests_name("wire signals", tests, NULL, NULL);
}
