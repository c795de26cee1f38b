/* test_action.c -- action expressions: segments, prefixes, both forms, pages, values for
 * cstar_put(). What the browser makes of them is checked by cstar-cases with Node.
 * SPDX-License-Identifier: MIT */
#include "unit/wire/expect.h"

static cstar_status action(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_action(out, arg, err);
}

static void segments(void **state) {
    (void)state;
    static const struct {
        cstar_str event;
        const char *coded;
    } cases[] = {
        {VIEW("increment"), "increment"},
        {VIEW("A9-_~"), "A9-_~"},
        {VIEW("/"), "%2F"},
        {VIEW("\\?#"), "%5C%3F%23"},
        {VIEW("%2f"), "%252f"},
        {VIEW("a..b"), "a%2E%2Eb"},
        {VIEW("..."), "%2E%2E%2E"},
        {VIEW("\r\n\0\x7F"), "%0D%0A%00%7F"},
        {VIEW("'\""), "%27%22"},
        {VIEW("caf\xC3\xA9/\xE6\x9D\xB1"), "caf%C3%A9%2F%E6%9D%B1"},
        {VIEW("a b+c!*()"), "a%20b%2Bc%21%2A%28%29"},
        {VIEW("$x@post(x)"), "%24x%40post%28x%29"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char bytes[100];
        (void)snprintf(bytes, sizeof bytes, "@post(\"/ds/string/%s\")", cases[i].coded);
        expect_bytes(cases[i].coded, action,
                     &(cstar_action){.module = VIEW("string"), .event = cases[i].event}, bytes);
        (void)snprintf(bytes, sizeof bytes, "@post(\"/ds/%s/e\")", cases[i].coded);
        expect_bytes(cases[i].coded, action,
                     &(cstar_action){.module = cases[i].event, .event = VIEW("e")}, bytes);
    }
}

static void verbs_and_options(void **state) {
    (void)state;
    static const char *const names[] = {"post", "get", "put", "patch", "delete"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        cstar_verb verb = CSTAR_DELETE;
        char bytes[60];
        assert_int_equal(cstar_verb_parse(cstar_cstr(names[i]), &verb, NULL), CSTAR_OK);
        assert_int_equal(verb, i);
        (void)snprintf(bytes, sizeof bytes, "@%s(\"/ds/m/e\")", names[i]);
        expect_bytes(names[i], action,
                     &(cstar_action){.module = VIEW("m"), .event = VIEW("e"), .verb = verb}, bytes);
    }
    cstar_action a = {.module = VIEW("m"), .event = VIEW("e"), .options = "{retryMaxCount: 5}"};
    expect_bytes("options", action, &a, "@post(\"/ds/m/e\", {retryMaxCount: 5})");
    a.options = "";
    expect_bytes("no options", action, &a, "@post(\"/ds/m/e\")");
    static const char *const bad[] = {"", "head", "POST", "post ", "@post", "options"};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        cstar_verb verb = CSTAR_PUT;
        cstar_err err = {.code = CSTAR_OK};
        assert_int_equal(cstar_verb_parse(cstar_cstr(bad[i]), &verb, &err), CSTAR_EINVAL);
        assert_string_equal(err.where, "verb");
        assert_int_equal(verb, CSTAR_PUT);
    }
}

#define FILTER "filterSignals: {exclude: /(^|\\.)_|^csrf$/}"

/* The token is in the URL of nothing, and in a header of DELETE. */
static void with_a_token(void **state) {
    (void)state;
    cstar_action a = {.module = VIEW("m"), .event = VIEW("e"), .csrf = true};
    expect_bytes("post", action, &a, "@post(\"/ds/m/e\")");
    a.options = "{a: 1}";
    expect_bytes("post, options", action, &a, "@post(\"/ds/m/e\", {a: 1})");
    a.verb = CSTAR_GET;
    expect_bytes("get, options", action, &a, "@get(\"/ds/m/e\", {" FILTER ", ...({a: 1})})");
    a.options = NULL;
    expect_bytes("get", action, &a, "@get(\"/ds/m/e\", {" FILTER "})");
    a.verb = CSTAR_DELETE;
    expect_bytes("delete", action, &a,
                 "@delete(\"/ds/m/e\", {" FILTER ", headers: {\"x-csrf-token\": $csrf}})");
    a.options = "{a: 1}";
    expect_bytes("delete, options", action, &a,
                 "@delete(\"/ds/m/e\", {" FILTER ", ...({a: 1}), "
                 "headers: {\"x-csrf-token\": $csrf, ...({a: 1}).headers}})");
}

static void prefixes(void **state) {
    (void)state;
    static const struct {
        const char *prefix, *written;
    } cases[] = {
        {"/", ""},
        {"/ws", "/ws"},
        {"/workspace/", "/workspace"},
        {"/a/b//", "/a/b"},
        {"/a//b", "/a//b"},
        {"/a%20b", "/a%20b"},
        {"/caf%C3%A9", "/caf%C3%A9"},
        {"/caf\xC3\xA9", "/caf\xC3\xA9"},
        {"/a.b", "/a.b"},
        {"/...", "/..."},
        {"/.a", "/.a"},
        {"/a\"b", "/a\\\"b"},
        {"/x');alert(1);//", "/x');alert(1);"},
        {"/$x", "/$x"},
        {"/@x", "/@x"},
        {"/@x/(", "/@x/("},
        {"/@9(", "/@9("},
        {"/@(", "/@("},
        {"/@post(b", "/\\u0040post(b"},
        {"/a@b@$c1(d@_(", "/a@b\\u0040$c1(d\\u0040_("},
        {"/a\xE2\x80\xA8"
         "b",
         "/a\\u2028b"},
        {"/%252e%252e", "/%252e%252e"}, /* decoded once only */
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char bytes[100];
        (void)snprintf(bytes, sizeof bytes, "@get(\"%s/ds/m/e\")", cases[i].written);
        expect_bytes(cases[i].prefix, action,
                     &(cstar_action){.module = VIEW("m"),
                                     .event = VIEW("e"),
                                     .verb = CSTAR_GET,
                                     .prefix = cases[i].prefix},
                     bytes);
    }
}

static void bad_prefixes_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "relative",
        "https://evil.test",
        "//evil.test",
        "//",
        "/\\evil",
        "\\",
        "/x?y",
        "/x#y",
        "/x\ny",
        "/x\x01",
        "/x\x7F",
        "/.",
        "/..",
        "/a/.",
        "/a/..",
        "/./admin",
        "/a/../admin",
        "/../a",
        "/a/%2E%2E/admin",
        "/a/%2e",
        "/a/.%2E/b",
        "/%2F%2Fevil",
        "/%2Fevil",
        "%2Fa",
        "/x%3Fy",
        "/x%23y",
        "/x%0Ay",
        "/x%7F",
        "/%5Cevil",
        "/%00",
        "/bad%",
        "/bad%4",
        "/%ZZ",
        "/%FF",
        "/%C3",
        "/%C3/a",
        "/%E6%9D",
        "/%ED%A0%80",
        "/%F0%8F%BF%BF",
        "/\xFF",
        "/caf\xC3",
        "');alert(1);//",
        "/%C3\xFF",
    };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        cstar_action a = {.module = VIEW("m"), .event = VIEW("e"), .prefix = bad[i]};
        expect_refused(bad[i], action, &a, CSTAR_EINVAL, "prefix");
        a.module = (cstar_str){NULL, 0};
        expect_refused(bad[i], action, &a, CSTAR_EINVAL, "prefix");
    }
}

static void bad_arguments_are_named(void **state) {
    (void)state;
    static const cstar_str bad[] = {VIEW(""), VIEW("."), VIEW("..")};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        expect_refused("event", action, &(cstar_action){.module = VIEW("m"), .event = bad[i]},
                       CSTAR_EINVAL, "event");
        expect_refused("event", action, &(cstar_action){.event = bad[i]}, CSTAR_EINVAL, "event");
        expect_refused("module", action, &(cstar_action){.module = bad[i], .event = VIEW("e")},
                       CSTAR_EINVAL, "module");
    }
    expect_refused("no event", action, &(cstar_action){.module = VIEW("m")}, CSTAR_EINVAL, "event");
    expect_refused("event", action, &(cstar_action){.module = VIEW("m"), .event = VIEW("\xFF")},
                   CSTAR_EUTF8, "event");
    expect_refused("module", action, &(cstar_action){.module = VIEW("\xC3"), .event = VIEW("e")},
                   CSTAR_EUTF8, "module");
    expect_refused("verb", action, &(cstar_action){.event = VIEW("e"), .verb = (cstar_verb)5},
                   CSTAR_EINVAL, "verb");
    expect_refused("no struct", action, NULL, CSTAR_EINVAL, "a");
}

/* No single quote, no semicolon, an even number of double quotes: the client's scanner must not
 * lose its way. */
static void dynamic_form(void **state) {
    (void)state;
    static const cstar_str modules[] = {{NULL, 0}, VIEW("$_dstar_module")};
    for (size_t i = 0; i < LENGTH(modules); i++) {
        cstar_buf out;
        char mem[1000];
        cstar_action a = {
            .module = modules[i], .event = VIEW("save'1"), .prefix = "/ws/", .options = "{a: 1}"};
        cstar_buf_fixed(&out, mem, sizeof mem - 1);
        assert_int_equal(action(&out, &a, NULL), CSTAR_OK);
        mem[out.len] = '\0';
        assert_non_null(strstr(mem, "@post(\"/ws/ds/\" + encodeURIComponent($_dstar_module)"));
        assert_non_null(strstr(mem, " + \"/save%271\", {a: 1}) : undefined)"));
        assert_null(strchr(mem, '\''));
        assert_null(strchr(mem, '`'));
        assert_null(strchr(mem, ';'));
        size_t quotes = 0;
        for (const char *p = mem; *p != '\0'; p++) {
            quotes += *p == '"' ? 1 : 0;
        }
        assert_int_equal(quotes % 2, 0);
        expect_bytes("dynamic", action, &a, mem);
    }
    cstar_action literal = {.module = VIEW("$other"), .event = VIEW("e")};
    expect_bytes("another signal is a literal", action, &literal, "@post(\"/ds/%24other/e\")");
}

/* ---- pages ---- */

static cstar_status page_event(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_page_event(out, arg, err);
}
static cstar_status page_connect(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_page_connect(out, arg, err);
}

#define HERE "location.pathname.replace(/^\\/+/, '/')"

static void page_expressions(void **state) {
    (void)state;
    expect_bytes("event", page_event, &(cstar_page_event){.name = VIEW("increment")},
                 "@post(" HERE ".replace(/\\/+$/, '') + \"/_event/increment\")");
    expect_bytes("verb and options", page_event,
                 &(cstar_page_event){
                     .name = VIEW("a b/c"), .verb = CSTAR_DELETE, .options = "{retry: 'never'}"},
                 "@delete(" HERE
                 ".replace(/\\/+$/, '') + \"/_event/a%20b%2Fc\", {retry: 'never'})");
    expect_bytes("connect", page_connect, &(cstar_page_connect){.include_search = false},
                 "@post(" HERE ", {retryMaxCount: Infinity})");
    expect_bytes("connect with search", page_connect,
                 &(cstar_page_connect){.include_search = true, .options = ""},
                 "@post(" HERE " + location.search, {retryMaxCount: Infinity})");
    expect_bytes("connect with options", page_connect,
                 &(cstar_page_connect){.options = "{retryMaxCount: 3}"},
                 "@post(" HERE ", {retryMaxCount: 3})");
    static const cstar_str bad[] = {VIEW(""), VIEW("."), VIEW(".."), {NULL, 0}};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        expect_refused("name", page_event, &(cstar_page_event){.name = bad[i]}, CSTAR_EINVAL,
                       "name");
    }
    expect_refused("name", page_event, &(cstar_page_event){.name = VIEW("\xFF")}, CSTAR_EUTF8,
                   "name");
    expect_refused("verb", page_event,
                   &(cstar_page_event){.name = VIEW("x"), .verb = (cstar_verb)-1}, CSTAR_EINVAL,
                   "verb");
    expect_refused("no struct", page_event, NULL, CSTAR_EINVAL, "e");
    expect_refused("no struct", page_connect, NULL, CSTAR_EINVAL, "c");
}

/* ---- names ---- */

static cstar_status module_name(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_module(out, *(const cstar_str *)arg, err);
}
static cstar_status segment(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_segment(out, *(const cstar_str *)arg, "thing", err);
}

static void names(void **state) {
    (void)state;
    static const struct {
        cstar_str name;
        const char *coded;
    } cases[] = {
        {VIEW("String"), "string"},
        {VIEW("MyApp.CounterHandler"), "my_app-counter_handler"},
        {VIEW("MyApp.Web.ChatView"), "my_app-web-chat_view"},
        {VIEW("HTTPServer"), "http_server"},
        {VIEW("MyAppWeb.APIController"), "my_app_web-api_controller"},
        {VIEW("MyApp.V2.UserAPI2"), "my_app-v2-user_api2"},
        {VIEW("X/Y"), "x/_y"},
        {VIEW("A.B.C"), "a-b-c"},
        {VIEW("counter"), "counter"},
        {VIEW("already_snake"), "already_snake"},
        {VIEW("Foo_Bar"), "foo__bar"},
        {VIEW("FOO_BAR"), "foo_bar"},
        {VIEW("A1B"), "a1_b"},
        {VIEW("AB"), "ab"},
        {VIEW("ABc"), "a_bc"},
        {VIEW("A..B"), "a--b"},
        {VIEW("a\xC3\x89"
              "B"),
         "a\xC3\x89_b"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        expect_bytes(cases[i].coded, module_name, &cases[i].name, cases[i].coded);
    }
    static const cstar_str empty = VIEW("");
    static const cstar_str bad = VIEW("A\xFF");
    expect_refused("empty", module_name, &empty, CSTAR_EINVAL, "name");
    expect_refused("utf-8", module_name, &bad, CSTAR_EUTF8, "name");
    static const cstar_str text = VIEW("a.b");
    expect_bytes("segment", segment, &text, "a%2Eb");
    expect_refused("segment", segment, &empty, CSTAR_EINVAL, "thing");
    expect_refused("segment", segment, &bad, CSTAR_EUTF8, "thing");
    cstar_err err = {.code = CSTAR_OK};
    cstar_buf out;
    char mem[8];
    cstar_buf_fixed(&out, mem, sizeof mem);
    assert_int_equal(cstar_format_segment(&out, empty, NULL, &err), CSTAR_EINVAL);
    assert_string_equal(err.where, "text");
}

/* ---- values ---- */

static cstar_status write(cstar_buf *out, const void *arg, cstar_err *err) {
    const cstar_expr *e = arg;
    return e->write(e, out, err);
}

static void expressions_as_values(void **state) {
    (void)state;
    cstar_expr e = cstar_event("save", .verb = CSTAR_DELETE, .options = "{a: 1}");
    assert_false(e.attrs);
    expect_bytes("event", write, &e,
                 "@delete(" HERE ".replace(/\\/+$/, '') + \"/_event/save\", {a: 1})");
    e = cstar_connect(.include_search = true);
    expect_bytes("connect", write, &e,
                 "@post(" HERE " + location.search, {retry: 'always', retryMaxCount: Infinity})");
    e = cstar_connect();
    expect_bytes("connect", write, &e,
                 "@post(" HERE ", {retry: 'always', retryMaxCount: Infinity})");
    e = cstar_post("m", "e", .prefix = "/ws");
    expect_bytes("post", write, &e, "@post(\"/ws/ds/m/e\")");
    e = cstar_at_get("m", "e", .options = "{b: 2}");
    expect_bytes("get", write, &e, "@get(\"/ds/m/e\", {b: 2})");
    e = cstar_at_put("m", "e");
    expect_bytes("put", write, &e, "@put(\"/ds/m/e\")");
    e = cstar_at_patch("m", "e");
    expect_bytes("patch", write, &e, "@patch(\"/ds/m/e\")");
    e = cstar_at_delete("m", "e");
    expect_bytes("delete", write, &e, "@delete(\"/ds/m/e\")");
    e = cstar_event(NULL);
    expect_refused("no name", write, &e, CSTAR_EINVAL, "name");
    e = cstar_expr_action("m", "..", CSTAR_GET, NULL, NULL);
    expect_refused("dots", write, &e, CSTAR_EINVAL, "event");
    e = cstar_expr_action(NULL, "e", (cstar_verb)77, NULL, NULL);
    expect_refused("verb", write, &e, CSTAR_EINVAL, "verb");
}

static void nudge_listener(void **state) {
    (void)state;
    cstar_expr inner = cstar_post("m", "a'b");
    cstar_expr e = cstar_on_nudge("posts", &inner);
    assert_true(e.attrs);
    expect_bytes(
        "on_nudge", write, &e,
        "data-on-signal-patch='@post(&quot;/ds/m/a%27b&quot;)' "
        "data-on-signal-patch-filter='{&quot;include&quot;:&quot;^nudges\\\\.posts$&quot;}'");
    inner = cstar_event("reload", .options = "{a: '<'}");
    expect_bytes(
        "page action", write, &e,
        "data-on-signal-patch='@post(location.pathname.replace(/^\\/+/, "
        "&#39;/&#39;).replace(/\\/+$/, &#39;&#39;)"
        " + &quot;/_event/reload&quot;, {a: &#39;&lt;&#39;})' "
        "data-on-signal-patch-filter='{&quot;include&quot;:&quot;^nudges\\\\.posts$&quot;}'");
    inner = cstar_event("..");
    expect_refused("bad action", write, &e, CSTAR_EINVAL, "name");
    inner = cstar_event("x");
    e = cstar_on_nudge("posts.recent", &inner);
    expect_refused("bad key", write, &e, CSTAR_EINVAL, "key");
    e = cstar_on_nudge(NULL, &inner);
    expect_refused("no key", write, &e, CSTAR_EINVAL, "key");
    e = cstar_on_nudge("posts", NULL);
    expect_refused("no action", write, &e, CSTAR_EINVAL, "action");
    inner = (cstar_expr){.write = NULL};
    e = cstar_on_nudge("posts", &inner);
    expect_refused("empty action", write, &e, CSTAR_EINVAL, "action");
    cstar_expr good = cstar_event("x");
    inner = cstar_on_nudge("inner", &good);
    expect_refused("attributes as action", write, &e, CSTAR_EINVAL, "action");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments),
        cmocka_unit_test(verbs_and_options),
        cmocka_unit_test(with_a_token),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(bad_prefixes_are_refused),
        cmocka_unit_test(bad_arguments_are_named),
        cmocka_unit_test(dynamic_form),
        cmocka_unit_test(page_expressions),
        cmocka_unit_test(names),
        cmocka_unit_test(expressions_as_values),
        cmocka_unit_test(nudge_listener),
    };
    return cmocka_run_group_tests_name("wire actions", tests, NULL, NULL);
}
