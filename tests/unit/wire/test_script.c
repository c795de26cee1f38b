/* test_script.c -- scripts: attributes, defusing, console messages.
 * SPDX-License-Identifier: MIT */
#include "unit/wire/expect.h"

#define HEAD "event: datastar-patch-elements\n"
#define BODY "data: selector body\ndata: mode append\ndata: elements "
#define OPEN HEAD BODY "<script data-effect=\"el.remove()\">"
#define KEPT HEAD BODY "<script>"
#define CLOSE "</script>\n\n"

static cstar_status script(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_script(out, arg, err);
}
static cstar_status console(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_console(out, arg, err);
}

static void scripts(void **state) {
    (void)state;
    static const struct {
        const char *name;
        cstar_script script;
        const char *bytes;
    } cases[] = {
        {"defaults", {.script = "alert('hello')"}, OPEN "alert('hello')" CLOSE},
        {"keep", {.script = "a()", .keep = true}, KEPT "a()" CLOSE},
        {"empty", {.script = ""}, OPEN CLOSE},
        {"script_str wins", {.script = "a", .script_str = VIEW("b\0c")}, NULL},
        {"options",
         {.script = "a", .event_id = "event1", .retry = 2000},
         HEAD "id: event1\nretry: 2000\n" BODY "<script data-effect=\"el.remove()\">a" CLOSE},
        {"lines",
         {.script = "if (true) {\n  a();\r\n}\rb"},
         OPEN "if (true) {\ndata: elements   a();\ndata: elements }\ndata: elements b" CLOSE},
        {"blank line",
         {.script = "a\n\nb", .keep = true},
         KEPT "a\ndata: elements \ndata: elements b" CLOSE},
        {"not wrapped", {.script = "return"}, OPEN "return" CLOSE},
        {"less than", {.script = "a < b && c > d"}, OPEN "a < b && c > d" CLOSE},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        if (cases[i].bytes != NULL) {
            expect_bytes(cases[i].name, script, &cases[i].script, cases[i].bytes);
        } else {
            expect_view(cases[i].name, script, &cases[i].script,
                        (cstar_str)VIEW(OPEN "b\0c" CLOSE));
        }
    }
}

static void no_text_ends_the_element(void **state) {
    (void)state;
    static const struct {
        const char *code, *bytes;
    } cases[] = {
        {"x='</script>'", "x='<\\/script>'"},
        {"</SCRIPT>", "<\\/SCRIPT>"},
        {"</ScRiPt>", "<\\/ScRiPt>"},
        {"</script >", "<\\/script >"},
        {"</script/>", "<\\/script/>"},
        {"</script\t>", "<\\/script\t>"},
        {"</script\n>", "<\\/script\ndata: elements >"},
        {"</script", "<\\/script"},
        {"</scriptx>", "<\\/scriptx>"},
        {"</script></script>", "<\\/script><\\/script>"},
        {"<</script>>", "<<\\/script>>"},
        {"</scrip", "</scrip"},
        {"</scrip</script", "</scrip<\\/script"},
        {"</ script>", "</ script>"},
        {"<\\/script>", "<\\/script>"},
        {"</scr\xC4\xB1pt>", "</scr\xC4\xB1pt>"}, /* dotless i is no i */
        {"/<script/", "/<script/"},
        {"/<!--[\\s\\S]*?-->/u", "/<!--[\\s\\S]*?-->/u"},
        {"<!--<script>", "<!--<script>"}, /* the caller's own script keeps its bytes */
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char bytes[200];
        (void)snprintf(bytes, sizeof bytes, KEPT "%s" CLOSE, cases[i].bytes);
        expect_bytes(cases[i].code, script, &(cstar_script){.script = cases[i].code, .keep = true},
                     bytes);
    }
}

#define MOST 3

static void attributes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        cstar_attr attrs[MOST];
        const char *bytes;
    } cases[] = {
        {"string",
         {{"type", {.kind = CSTAR_VAL_STR, .u.s = VIEW("module")}}},
         " data-effect=\"el.remove()\" type=\"module\""},
        {"in order",
         {{"b", {.kind = CSTAR_VAL_STR, .u.s = VIEW("1")}},
          {"a", {.kind = CSTAR_VAL_STR, .u.s = VIEW("")}}},
         " data-effect=\"el.remove()\" b=\"1\" a=\"\""},
        {"escaped",
         {{"data-x", {.kind = CSTAR_VAL_STR, .u.s = VIEW("a\"b&c<d>e'f")}}},
         " data-effect=\"el.remove()\" data-x=\"a&quot;b&amp;c&lt;d&gt;e'f\""},
        {"line breaks",
         {{"x", {.kind = CSTAR_VAL_STR, .u.s = VIEW("a\n\rdata: elements <b>\r\n")}}},
         " data-effect=\"el.remove()\" x=\"a\ndata: elements \ndata: elements data: elements "
         "&lt;b&gt;\n"
         "data: elements \""},
        {"true is bare",
         {{"defer", {.kind = CSTAR_VAL_BOOL, .u.b = true}}},
         " data-effect=\"el.remove()\" defer"},
        {"false and null are left out",
         {{"async", {.kind = CSTAR_VAL_BOOL, .u.b = false}}, {"defer", {.kind = CSTAR_VAL_NULL}}},
         " data-effect=\"el.remove()\""},
        {"numbers",
         {{"n", {.kind = CSTAR_VAL_INT, .u.i = -5}},
          {"u", {.kind = CSTAR_VAL_UINT, .u.u = UINT64_MAX}},
          {"d", {.kind = CSTAR_VAL_DOUBLE, .u.d = 0.5}}},
         " data-effect=\"el.remove()\" n=\"-5\" u=\"18446744073709551615\" d=\"0.5\""},
        {"char",
         {{"c", {.kind = CSTAR_VAL_CHAR, .u.c = '"'}}},
         " data-effect=\"el.remove()\" c=\"&quot;\""},
        {"json text",
         {{"j", {.kind = CSTAR_VAL_JSON, .u.s = VIEW("{\"a\":1}")}}},
         " data-effect=\"el.remove()\" j=\"{&quot;a&quot;:1}\""},
        {"all name bytes",
         {{"data-on:x.Y_9", {.kind = CSTAR_VAL_STR, .u.s = VIEW("v")}}},
         " data-effect=\"el.remove()\" data-on:x.Y_9=\"v\""},
        {"own effect",
         {{"data-effect", {.kind = CSTAR_VAL_STR, .u.s = VIEW("mine()")}}},
         " data-effect=\"mine()\""},
        {"own effect in capitals",
         {{"DATA-effect", {.kind = CSTAR_VAL_STR, .u.s = VIEW("x")}}},
         " DATA-effect=\"x\""},
        {"own effect, none", {{"data-effect", {.kind = CSTAR_VAL_NULL}}}, ""},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        size_t n = 0;
        while (n < MOST && cases[i].attrs[n].name != NULL) {
            n++;
        }
        char bytes[300];
        (void)snprintf(bytes, sizeof bytes, HEAD BODY "<script%s>x" CLOSE, cases[i].bytes);
        expect_bytes(cases[i].name, script,
                     &(cstar_script){.script = "x", .attrs = cases[i].attrs, .nattrs = n}, bytes);
    }
    cstar_arena arena;
    cstar_arena_init(&arena, cstar_heap(), 0);
    const cstar_json *tree = cstar_json_read(&arena, CSTAR_STR("{ \"a\" : \"<\" }"), NULL, NULL);
    cstar_attr attr = {"t", {.kind = CSTAR_VAL_TREE, .u.tree = tree}};
    expect_bytes("tree", script,
                 &(cstar_script){.script = "x", .keep = true, .attrs = &attr, .nattrs = 1},
                 HEAD BODY "<script t=\"{&quot;a&quot;:&quot;&lt;&quot;}\">x" CLOSE);
    cstar_arena_fini(&arena);
}

static void bad_attributes_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {
        "",
        "x></script><img src=x onerror=alert(1)>",
        "a\" onload=\"alert(1)",
        "a onload",
        "type\n",
        "\ntype",
        "a=b",
        "a/b",
        "'x'",
        "a\tb",
        "caf\xC3\xA9",
        "a@b",
        "a[b",
        "a`",
        "a{",
        "a<",
        "a>",
        "a;",
        "a\x7F",
        NULL,
    };
    for (size_t i = 0; i < LENGTH(names); i++) {
        cstar_attr attrs[2] = {{"ok", {.kind = CSTAR_VAL_STR, .u.s = VIEW("z")}},
                               {names[i], {.kind = CSTAR_VAL_NULL}}};
        expect_refused(names[i] != NULL ? names[i] : "NULL", script,
                       &(cstar_script){.script = "x", .attrs = attrs, .nattrs = 2}, CSTAR_EINVAL,
                       "attrs");
    }
    static const cstar_val_kind kinds[] = {CSTAR_VAL_TRUSTED, CSTAR_VAL_FRAGMENT, CSTAR_VAL_EXPR,
                                           (cstar_val_kind)99};
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        cstar_attr attr = {"a", {.kind = kinds[i], .u.s = VIEW("x")}};
        expect_refused("kind", script, &(cstar_script){.script = "x", .attrs = &attr, .nattrs = 1},
                       CSTAR_EINVAL, "attrs");
        cstar_console c = {.message = {.kind = kinds[i], .u.s = VIEW("x")}};
        expect_refused("kind", console, &c, CSTAR_EINVAL, "message");
    }
    cstar_attr attr = {"a", {.kind = CSTAR_VAL_JSON, .u.s = VIEW("{")}};
    expect_refused("json", script, &(cstar_script){.script = "x", .attrs = &attr, .nattrs = 1},
                   CSTAR_ESYNTAX, "attrs");
    expect_refused("no array", script, &(cstar_script){.script = "x", .nattrs = 1}, CSTAR_EINVAL,
                   "attrs");
    expect_refused("no script", script, &(cstar_script){.keep = true}, CSTAR_EINVAL, "script");
    expect_refused("no struct", script, NULL, CSTAR_EINVAL, "script");
    expect_refused("retry", script, &(cstar_script){.script = "x", .retry = -3}, CSTAR_EINVAL,
                   "retry");
}

static void console_messages(void **state) {
    (void)state;
    static const struct {
        const char *name;
        cstar_console console;
        const char *code;
    } cases[] = {
        {"string", {.message = {.kind = CSTAR_VAL_STR, .u.s = VIEW("Hi")}}, "console.log('Hi')"},
        {"warn",
         {.message = {.kind = CSTAR_VAL_STR, .u.s = VIEW("")}, .level = CSTAR_WARN},
         "console.warn('')"},
        {"quote",
         {.message = {.kind = CSTAR_VAL_STR, .u.s = VIEW("It's a \"test\"")}},
         "console.log('It\\'s a \"test\"')"},
        {"backslash",
         {.message = {.kind = CSTAR_VAL_STR, .u.s = VIEW("\\'")}},
         "console.log('\\\\\\'')"},
        {"line breaks",
         {.message = {.kind = CSTAR_VAL_STR, .u.s = VIEW("1\r\n2")}},
         "console.log('1\\r\\n2')"},
        {"raw",
         {.message = {.kind = CSTAR_VAL_STR, .u.s = VIEW("\t\xE2\x80\xA8")}},
         "console.log('\t\xE2\x80\xA8')"},
        {"breakout",
         {.message = {.kind = CSTAR_VAL_STR, .u.s = VIEW("</SCRIPT><img>")}},
         "console.log('<\\/SCRIPT><img>')"},
        {"comment stays",
         {.message = {.kind = CSTAR_VAL_STR, .u.s = VIEW("<!-- x")}},
         "console.log('<!-- x')"},
        {"open tag stays",
         {.message = {.kind = CSTAR_VAL_STR, .u.s = VIEW("<script>")}},
         "console.log('<script>')"},
        {"open tag before a comment stays",
         {.message = {.kind = CSTAR_VAL_STR, .u.s = VIEW("<script><!--")}},
         "console.log('<script><!--')"},
        {"both swallow the end tag",
         {.message = {.kind = CSTAR_VAL_STR, .u.s = VIEW("<!--<SCRIPT ></script>")}},
         "console.log('<!--\\x3CSCRIPT ><\\/script>')"},
        {"char", {.message = {.kind = CSTAR_VAL_CHAR, .u.c = '\n'}}, "console.log('\\n')"},
        {"null", {.level = CSTAR_ERROR}, "console.error(null)"},
        {"true",
         {.message = {.kind = CSTAR_VAL_BOOL, .u.b = true}, .level = CSTAR_INFO},
         "console.info(true)"},
        {"int",
         {.message = {.kind = CSTAR_VAL_INT, .u.i = INT64_MIN}, .level = CSTAR_DEBUG},
         "console.debug(-9223372036854775808)"},
        {"uint", {.message = {.kind = CSTAR_VAL_UINT, .u.u = 7}}, "console.log(7)"},
        {"double", {.message = {.kind = CSTAR_VAL_DOUBLE, .u.d = 0.5}}, "console.log(0.5)"},
        {"json",
         {.message = {.kind = CSTAR_VAL_JSON, .u.s = VIEW("{\"a\":\"</script>\"}")}},
         "console.log({\"a\":\"<\\/script>\"})"},
        {"json of two lines",
         {.message = {.kind = CSTAR_VAL_JSON, .u.s = VIEW("[1,\r2]")}},
         "console.log([1,\ndata: elements 2])"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char bytes[300];
        (void)snprintf(bytes, sizeof bytes, OPEN "%s" CLOSE, cases[i].code);
        expect_bytes(cases[i].name, console, &cases[i].console, bytes);
    }
    cstar_console c = {
        .message = {.kind = CSTAR_VAL_INT, .u.i = 1}, .keep = true, .event_id = "i", .retry = 2};
    expect_bytes("options", console, &c,
                 HEAD "id: i\nretry: 2\n" BODY "<script>console.log(1)" CLOSE);
    cstar_arena arena;
    cstar_arena_init(&arena, cstar_heap(), 0);
    const cstar_json *tree =
        cstar_json_read(&arena, CSTAR_STR("{ \"id\" : 1, \"u\": \"a'b\" }"), NULL, NULL);
    c = (cstar_console){.message = {.kind = CSTAR_VAL_TREE, .u.tree = tree}};
    expect_bytes("tree", console, &c, OPEN "console.log({\"id\":1,\"u\":\"a'b\"})" CLOSE);
    cstar_arena_fini(&arena);
}

static void levels(void **state) {
    (void)state;
    static const char *const names[] = {"log", "warn", "error", "info", "debug"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        cstar_level level = CSTAR_DEBUG;
        assert_int_equal(cstar_level_parse(cstar_cstr(names[i]), &level, NULL), CSTAR_OK);
        assert_int_equal(level, i);
    }
    static const char *const bad[] = {"", "warning", "WARN", "trace", "log ", "lo"};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        cstar_level level = CSTAR_INFO;
        cstar_err err = {.code = CSTAR_OK};
        assert_int_equal(cstar_level_parse(cstar_cstr(bad[i]), &level, &err), CSTAR_EINVAL);
        assert_string_equal(err.where, "level");
        assert_non_null(strstr(err.text, "level"));
        assert_int_equal(level, CSTAR_INFO);
    }
    expect_refused("unknown", console, &(cstar_console){.level = (cstar_level)5}, CSTAR_EINVAL,
                   "level");
    expect_refused("retry", console, &(cstar_console){.retry = -4}, CSTAR_EINVAL, "retry");
    expect_refused("no struct", console, NULL, CSTAR_EINVAL, "c");
    cstar_console bad_json = {.message = {.kind = CSTAR_VAL_JSON, .u.s = VIEW("{a:1}")}};
    expect_refused("json", console, &bad_json, CSTAR_ESYNTAX, "message");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts),          cmocka_unit_test(no_text_ends_the_element),
        cmocka_unit_test(attributes),       cmocka_unit_test(bad_attributes_are_refused),
        cmocka_unit_test(console_messages), cmocka_unit_test(levels),
    };
    return cmocka_run_group_tests_name("wire scripts", tests, NULL, NULL);
}
