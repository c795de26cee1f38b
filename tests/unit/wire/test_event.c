/* test_event.c -- framing: head, data lines, line breaks, the probe.
 * SPDX-License-Identifier: MIT */
#include "unit/wire/expect.h"

static cstar_status call(cstar_buf *out, const void *arg, cstar_err *err) {
    return cstar_format_event(out, arg, err);
}

static void fields_stand_in_order(void **state) {
    (void)state;
    static const struct {
        const char *name;
        cstar_sse_event event;
        const char *bytes;
    } cases[] = {
        {"type and data",
         {.type = "my-event", .data = "hello"},
         "event: my-event\ndata: hello\n\n"},
        {"no data", {.type = "e"}, "event: e\n\n"},
        {"empty data", {.type = "e", .data = ""}, "event: e\ndata: \n\n"},
        {"id and retry",
         {.type = "e", .data = "d", .event_id = "event1", .retry = 2000},
         "event: e\nid: event1\nretry: 2000\ndata: d\n\n"},
        {"empty id", {.type = "e", .data = "d", .event_id = ""}, "event: e\ndata: d\n\n"},
        {"id of line breaks",
         {.type = "e", .data = "d", .event_id = "\r\n\r"},
         "event: e\ndata: d\n\n"},
        {"id of a space", {.type = "e", .event_id = " "}, "event: e\nid:  \n\n"},
        {"retry 1000 is the default", {.type = "e", .retry = 1000}, "event: e\n\n"},
        {"retry 999", {.type = "e", .retry = 999}, "event: e\nretry: 999\n\n"},
        {"retry 1001", {.type = "e", .retry = 1001}, "event: e\nretry: 1001\n\n"},
        {"retry 1", {.type = "e", .retry = 1}, "event: e\nretry: 1\n\n"},
        {"retry now", {.type = "e", .retry = CSTAR_RETRY_NOW}, "event: e\nretry: 0\n\n"},
        {"retry largest",
         {.type = "e", .retry = INT64_MAX},
         "event: e\nretry: 9223372036854775807\n\n"},
        {"spaces are kept", {.type = "e", .data = "  a  "}, "event: e\ndata:   a  \n\n"},
        {"a colon", {.type = "e", .data = ": c"}, "event: e\ndata: : c\n\n"},
        {"utf-8",
         {.type = "e", .data = "caf\xC3\xA9 \xE6\x9D\xB1"},
         "event: e\ndata: caf\xC3\xA9 \xE6\x9D\xB1\n\n"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        expect_bytes(cases[i].name, call, &cases[i].event, cases[i].bytes);
    }
}

static void line_breaks_never_escape(void **state) {
    (void)state;
    static const struct {
        const char *name;
        cstar_sse_event event;
        const char *bytes;
    } cases[] = {
        {"lf", {.type = "e", .data = "a\nb"}, "event: e\ndata: a\ndata: b\n\n"},
        {"cr", {.type = "e", .data = "a\rb"}, "event: e\ndata: a\ndata: b\n\n"},
        {"crlf", {.type = "e", .data = "a\r\nb"}, "event: e\ndata: a\ndata: b\n\n"},
        {"mixed",
         {.type = "e", .data = "a\rb\nc\r\nd"},
         "event: e\ndata: a\ndata: b\ndata: c\ndata: d\n\n"},
        {"blank line", {.type = "e", .data = "a\n\nb"}, "event: e\ndata: a\ndata: \ndata: b\n\n"},
        {"last line break", {.type = "e", .data = "a\n"}, "event: e\ndata: a\ndata: \n\n"},
        {"only a line break", {.type = "e", .data = "\n"}, "event: e\ndata: \ndata: \n\n"},
        {"two crlf", {.type = "e", .data = "\r\n\r\n"}, "event: e\ndata: \ndata: \ndata: \n\n"},
        {"forged event",
         {.type = "e", .data = "x\r\revent: forged"},
         "event: e\ndata: x\ndata: \ndata: event: forged\n\n"},
        {"lf cr is two", {.type = "e", .data = "a\n\rb"}, "event: e\ndata: a\ndata: \ndata: b\n\n"},
        {"other separators stay",
         {.type = "e", .data = "a\v\f\x1C\xC2\x85\xE2\x80\xA8z"},
         "event: e\ndata: a\v\f\x1C\xC2\x85\xE2\x80\xA8z\n\n"},
        {"type", {.type = "evt\n\rid: 9", .data = "d"}, "event: evtid: 9\ndata: d\n\n"},
        {"id",
         {.type = "e", .event_id = "1\r\revent: x\rdata: y"},
         "event: e\nid: 1event: xdata: y\n\n"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        expect_bytes(cases[i].name, call, &cases[i].event, cases[i].bytes);
    }
}

static void several_texts_are_several_lines(void **state) {
    (void)state;
    static const cstar_str three[] = {VIEW("line1"), VIEW("line2\nline3"), VIEW("")};
    static const cstar_str nul[] = {VIEW("a\0b"), {NULL, 0}};
    cstar_sse_event event = {.type = "e", .data = "not used", .lines = three, .nlines = 3};
    expect_bytes("three", call, &event,
                 "event: e\ndata: line1\ndata: line2\ndata: line3\ndata: \n\n");
    event = (cstar_sse_event){.type = "e", .lines = nul, .nlines = 2};
    expect_view("nul and absent", call, &event,
                (cstar_str)VIEW("event: e\ndata: a\0b\ndata: \n\n"));
}

static void bad_arguments_are_named(void **state) {
    (void)state;
    static const struct {
        const char *name;
        cstar_sse_event event;
        const char *where;
    } cases[] = {
        {"no type", {.data = "d"}, "type"},
        {"empty type", {.type = "", .data = "d"}, "type"},
        {"type of line breaks", {.type = "\r\n", .data = "d"}, "type"},
        {"negative retry", {.type = "e", .retry = -2}, "retry"},
        {"smallest retry", {.type = "e", .retry = INT64_MIN}, "retry"},
        {"lines missing", {.type = "e", .nlines = 1}, "lines"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        expect_refused(cases[i].name, call, &cases[i].event, CSTAR_EINVAL, cases[i].where);
    }
    expect_refused("no event", call, NULL, CSTAR_EINVAL, "type");
}

static cstar_status probe(cstar_buf *out, const void *arg, cstar_err *err) {
    (void)arg;
    cstar_status rc = cstar_format_probe(out);
    return rc == CSTAR_OK ? rc : cstar_err_set(err, rc, "out", "out");
}

static cstar_status patch_end(cstar_buf *out, const void *arg, cstar_err *err) {
    (void)arg;
    cstar_status rc = cstar_format_patch_end(out);
    return rc == CSTAR_OK ? rc : cstar_err_set(err, rc, "out", "out");
}

static void small_ones(void **state) {
    (void)state;
    expect_bytes("probe", probe, NULL, ": \n\n");
    expect_bytes("patch_end", patch_end, NULL, "\n\n");
}

static void a_failed_buffer_stays_failed(void **state) {
    (void)state;
    char mem[64];
    cstar_buf out;
    cstar_err err = {.code = CSTAR_OK};
    cstar_buf_fixed(&out, mem, sizeof mem);
    assert_int_equal(call(&out, &(cstar_sse_event){.type = "e", .data = "d"}, &err), CSTAR_OK);
    size_t len = out.len;
    char large[100];
    memset(large, 'x', sizeof large);
    large[99] = '\0';
    assert_int_equal(call(&out, &(cstar_sse_event){.type = "e", .data = large}, &err),
                     CSTAR_ELIMIT);
    assert_int_equal(out.len, len);
    assert_string_equal(err.where, "out");
    assert_int_equal(call(&out, &(cstar_sse_event){.type = "e", .data = "d"}, &err), CSTAR_ELIMIT);
    assert_int_equal(out.len, len);
}

/* Every text of up to five bytes over the bytes that matter: no blank line and no CR between head
 * and end. */
static void no_text_ends_an_event_early(void **state) {
    (void)state;
    static const char alphabet[] = {'\r', '\n', 'a', ':', ' '};
    char mem[256];
    for (size_t n = 0; n < 5 * 5 * 5 * 5 * 5; n++) {
        char text[6] = "";
        for (size_t i = 0, rest = n; i < 5; i++, rest /= 5) {
            text[i] = alphabet[rest % 5];
        }
        cstar_buf out;
        cstar_buf_fixed(&out, mem, sizeof mem - 1);
        cstar_sse_event event = {.type = "t", .data = text, .event_id = text};
        assert_int_equal(call(&out, &event, NULL), CSTAR_OK);
        mem[out.len] = '\0';
        assert_null(strchr(mem, '\r'));
        assert_ptr_equal(strstr(mem, "\n\n"), mem + out.len - 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_stand_in_order),
        cmocka_unit_test(line_breaks_never_escape),
        cmocka_unit_test(several_texts_are_several_lines),
        cmocka_unit_test(bad_arguments_are_named),
        cmocka_unit_test(small_ones),
        cmocka_unit_test(a_failed_buffer_stays_failed),
        cmocka_unit_test(no_text_ends_an_event_early),
    };
    return cmocka_run_group_tests_name("wire event", tests, NULL, NULL);
}
