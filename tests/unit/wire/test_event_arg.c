/* test_event_arg.c -- the argument of an event as it is written: nothing in a value gets out of the
 * query of its URL. How it is read is tests/unit/web/test_event_arg.c.
 * SPDX-License-Identifier: MIT */
#include "unit/wire/expect.h"

#include "cstar/html.h"

static cstar_status action(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_action(out, arg, err);
}
static cstar_status page_event(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_page_event(out, arg, err);
}
static cstar_status component_event(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_component_event(out, arg, err);
}
static cstar_status write(cstar_buf *out, const void *arg, cstar_err *err) {
    const cstar_expr *e = arg;
    return e->write(e, out, err);
}

#define HERE "location.pathname.replace(/^\\/+/, '/').replace(/\\/+$/, '') + "
#define TEXT(literal) cstar_val_str(cstar_view(literal, sizeof(literal) - 1))

typedef struct coded_case {
    cstar_val arg;
    const char *coded;
} coded_case;

static size_t fill(coded_case cases[32]) {
    size_t n = 0;
    cases[n++] = (coded_case){CSTAR_VAL(7), "7"};
    cases[n++] = (coded_case){CSTAR_VAL(0), "0"};
    cases[n++] = (coded_case){CSTAR_VAL(-1), "-1"};
    cases[n++] = (coded_case){CSTAR_VAL(INT64_MIN), "-9223372036854775808"};
    cases[n++] = (coded_case){CSTAR_VAL(UINT64_MAX), "18446744073709551615"};
    cases[n++] = (coded_case){cstar_bool(true), "true"};
    cases[n++] = (coded_case){cstar_bool(false), "false"};
    cases[n++] = (coded_case){CSTAR_VAL((char)'&'), "%26"};
    cases[n++] = (coded_case){CSTAR_VAL("plain-_~AZ09"), "plain-_~AZ09"};
    cases[n++] = (coded_case){CSTAR_VAL(""), ""};
    cases[n++] = (coded_case){CSTAR_VAL((const char *)NULL), ""};
    cases[n++] = (coded_case){TEXT("'\"`\\"), "%27%22%60%5C"};
    cases[n++] = (coded_case){TEXT("\r\n\t\x7F"), "%0D%0A%09%7F"};
    cases[n++] = (coded_case){TEXT("</script><!--"), "%3C%2Fscript%3E%3C%21--"};
    cases[n++] = (coded_case){TEXT("caf\xC3\xA9 \xF0\x9F\x98\x80"), "caf%C3%A9%20%F0%9F%98%80"};
    cases[n++] = (coded_case){TEXT("\xE2\x80\xA8"), "%E2%80%A8"};
    cases[n++] = (coded_case){TEXT("$x@post(y);${z}"), "%24x%40post%28y%29%3B%24%7Bz%7D"};
    cases[n++] = (coded_case){TEXT("a&arg=b#c?d+e"), "a%26arg%3Db%23c%3Fd%2Be"};
    cases[n++] = (coded_case){TEXT("../..%2f"), "%2E%2E%2F%2E%2E%252f"};
    return n;
}

/* In each of the forms, at the same place: behind the name, in front of the quote. */
static void values(void **state) {
    (void)state;
    coded_case cases[32];
    const size_t n = fill(cases);
    for (size_t i = 0; i < n; i++) {
        const cstar_val arg = cases[i].arg;
        char bytes[300];
        (void)snprintf(bytes, sizeof bytes, "@post(\"/ds/m/e?arg=%s\", {a: 1})", cases[i].coded);
        expect_bytes("action", action,
                     &(cstar_action){
                         .module = VIEW("m"), .event = VIEW("e"), .options = "{a: 1}", .arg = arg},
                     bytes);
        (void)snprintf(bytes, sizeof bytes, "@get(" HERE "\"/_event/e?arg=%s\")", cases[i].coded);
        expect_bytes("page", page_event,
                     &(cstar_page_event){.name = VIEW("e"), .verb = CSTAR_GET, .arg = arg}, bytes);
        cstar_expr e = cstar_event("e", .verb = CSTAR_GET, .arg = arg);
        expect_bytes("value", write, &e, bytes);
        (void)snprintf(bytes, sizeof bytes, "/c/e?arg=%s\") : undefined)", cases[i].coded);
        cstar_buf out;
        char mem[700];
        cstar_buf_fixed(&out, mem, sizeof mem - 1);
        assert_int_equal(component_event(&out,
                                         &(cstar_component_event){
                                             .component = VIEW("c"), .name = VIEW("e"), .arg = arg},
                                         NULL),
                         CSTAR_OK);
        mem[out.len] = '\0';
        assert_non_null(strstr(mem, bytes));
        e = cstar_component_event("c", "e", .arg = arg);
        expect_bytes("component", write, &e, mem);
        e = cstar_self("e", .arg = arg);
        e.c = "c"; /* what cstar_put() says */
        expect_bytes("self", write, &e, mem);
    }
}

/* The scanner for strings must not lose its way here either. */
static void dynamic_form(void **state) {
    (void)state;
    const cstar_expr e = cstar_post(NULL, "e", .arg = CSTAR_VAL("it's"));
    cstar_buf out;
    char mem[1000];
    cstar_buf_fixed(&out, mem, sizeof mem - 1);
    assert_int_equal(write(&out, &e, NULL), CSTAR_OK);
    mem[out.len] = '\0';
    assert_non_null(strstr(mem, " + \"/e?arg=it%27s\") : undefined)"));
    assert_null(strchr(mem, '\''));
}

static void no_argument(void **state) {
    (void)state;
    cstar_expr e = cstar_post("m", "e", .arg = cstar_null());
    expect_bytes("null", write, &e, "@post(\"/ds/m/e\")");
    e = cstar_expr_with_arg(cstar_post("m", "e", .arg = CSTAR_VAL(7)), cstar_null());
    expect_bytes("taken away", write, &e, "@post(\"/ds/m/e\")");
}

static void refused(void **state) {
    (void)state;
    static char text[CSTAR_EVENT_ARG_MAX + 2];
    memset(text, 'x', sizeof text);
    const struct {
        cstar_val arg;
        cstar_status rc;
    } cases[] = {
        {cstar_val_str(cstar_view(text, CSTAR_EVENT_ARG_MAX + 1)), CSTAR_ELIMIT},
        {cstar_val_str(cstar_view("a\0b", 3)), CSTAR_EINVAL},
        {CSTAR_VAL("\xFF"), CSTAR_EUTF8},
        {CSTAR_VAL("\xED\xA0\x80"), CSTAR_EUTF8},
        {CSTAR_VAL((char)'\xC3'), CSTAR_EUTF8},
        {CSTAR_VAL((char)'\0'), CSTAR_EINVAL},
        {CSTAR_VAL(1.5), CSTAR_ETYPE},
        {cstar_json_text("{}"), CSTAR_ETYPE},
        {CSTAR_VAL(cstar_trust("x")), CSTAR_ETYPE},
        {CSTAR_VAL(cstar_event("x")), CSTAR_ETYPE},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const cstar_val arg = cases[i].arg;
        expect_refused("action", action,
                       &(cstar_action){.module = VIEW("m"), .event = VIEW("e"), .arg = arg},
                       cases[i].rc, "arg");
        expect_refused("page", page_event, &(cstar_page_event){.name = VIEW("e"), .arg = arg},
                       cases[i].rc, "arg");
        expect_refused(
            "component", component_event,
            &(cstar_component_event){.component = VIEW("m"), .name = VIEW("e"), .arg = arg},
            cases[i].rc, "arg");
        cstar_expr e = cstar_event("e", .arg = arg);
        expect_refused("value", write, &e, cases[i].rc, "arg");
    }
    cstar_expr longest =
        cstar_event("e", .arg = cstar_val_str(cstar_view(text, CSTAR_EVENT_ARG_MAX)));
    char mem[CSTAR_EVENT_ARG_MAX + 200];
    cstar_buf out;
    cstar_buf_fixed(&out, mem, sizeof mem);
    assert_int_equal(write(&out, &longest, NULL), CSTAR_OK);
    const cstar_expr stream = cstar_connect(.arg = CSTAR_VAL(7));
    expect_refused("stream", write, &stream, CSTAR_EINVAL, "arg");
}

/* In markup, and where an element asks for itself. */
static void in_markup(void **state) {
    (void)state;
    static const char *const hostile = "'><script>\"";
    const cstar_expr reload = cstar_post("m", "e", .arg = CSTAR_VAL(hostile));
    char mem[1000];
    cstar_buf out;
    cstar_html h;
    cstar_buf_fixed(&out, mem, sizeof mem - 1);
    cstar_html_init(&h, &out, NULL);
    cstar_put(&h, "<button data-on:click='{}' {}></button>",
              cstar_post("m", "e", .arg = CSTAR_VAL(hostile)), cstar_on_nudge("list", &reload));
    assert_int_equal(cstar_html_status(&h, NULL), CSTAR_OK);
    mem[out.len] = '\0';
    assert_string_equal(
        mem, "<button data-on:click='@post(&quot;/ds/m/e?arg=%27%3E%3Cscript%3E%22&quot;)' "
             "data-on-signal-patch='@post(&quot;/ds/m/e?arg=%27%3E%3Cscript%3E%22&quot;)' "
             "data-on-signal-patch-filter='{&quot;include&quot;:&quot;^nudges\\\\.list$&quot;}'>"
             "</button>");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),  cmocka_unit_test(dynamic_form), cmocka_unit_test(no_argument),
        cmocka_unit_test(refused), cmocka_unit_test(in_markup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
