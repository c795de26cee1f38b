/* test_forms.c -- the kit's forms, as an app gets them: fields and files, in both codings, whatever
 * is in them; also an app's own refusals of such bodies.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/kitrig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char got[2048]; /* what came */
static size_t ngot;
static unsigned ran; /* handlers and upload callbacks */

static void note(cstar_str text) {
    assert_true(ngot + text.len < sizeof got);
    memcpy(got + ngot, text.ptr, text.len);
    ngot += text.len;
    got[ngot] = '\0';
}

static void note_file(const cstar_file *f) {
    char content[256];
    const ptrdiff_t n = cstar_file_read(f, 0, content, sizeof content);
    assert_int_equal(n, f->size);
    note(CSTAR_STR("["));
    note(cstar_cstr(f->name));
    note(CSTAR_STR("|"));
    note(f->original);
    note(CSTAR_STR("|"));
    note(cstar_cstr(f->content_type));
    note(CSTAR_STR("|"));
    note(cstar_view(content, (size_t)n));
    note(CSTAR_STR("]"));
}

static void note_all(cstar_conn *conn) {
    cstar_form_field field = {0};
    got[ngot = 0] = '\0';
    while (cstar_form_next(conn, &field)) {
        note(field.name);
        note(CSTAR_STR("="));
        note(field.value);
        note(CSTAR_STR(";"));
    }
    for (const cstar_file *f = NULL; (f = cstar_form_file_next(conn, f)) != NULL;) {
        note_file(f);
    }
}

static void plain(cstar_conn *conn) {
    ran++;
    note_all(conn);
    cstar_respond(conn, 200, "text/plain", cstar_request_header(conn, "content-type"));
}

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p>editor</p>");
}

static void save(cstar_conn *conn, const cstar_signals *in) {
    note_all(conn);
    cstar_signal(conn, "signals", cstar_json_size(in));
}

static int on_part(cstar_conn *conn, const cstar_upload_part *part, void *arg) {
    (void)conn;
    (void)part;
    (void)arg;
    ran++;
    return 0;
}

static int on_data(cstar_conn *conn, const char *ptr, size_t len, void *arg) {
    (void)conn;
    (void)ptr;
    (void)len;
    (void)arg;
    return 0;
}

static const cstar_upload_opts taken = {.on_part = on_part, .on_data = on_data};

CSTAR_PAGE(editor, .render = render, .events = CSTAR_EVENTS({"save", save}));

static cstar_next wait(cstar_conn *conn, void *arg) {
    (void)conn;
    (void)arg;
    return CSTAR_WAIT;
}

static void streams(cstar_conn *conn) {
    ran++;
    note_all(conn);
    cstar_stream(conn, wait);
}

typedef kitrig fixture;

static int setup(void **state) {
    static fixture f;
    memset(&f, 0, sizeof f);
    ran = 0;
    f.app = cstar_app_new();
    assert_non_null(f.app);
    cstar_route(f.app, CSTAR_POST, "/plain", plain);
    cstar_route(f.app, CSTAR_PUT, "/plain", plain);
    cstar_route(f.app, CSTAR_POST, "/taken", plain, .upload = &taken);
    cstar_route(f.app, CSTAR_POST, "/streams", streams);
    cstar_page(f.app, "/editor", &editor);
    f.t = cstar_test_new_with(f.app, &(cstar_test_opts){.on_fail = kitrig_note, .arg = &f});
    assert_non_null(f.t);
    *state = &f;
    return 0;
}

static int teardown(void **state) { return kitrig_close(state); }

static void test_fields(void **state) {
    fixture *f = *state;
    const cstar_test_reply *r = cstar_test_form(f->t, "/plain", "a", "1", "b c", "=&%\xC3\xA4\n");
    assert_true(cstar_test_expect_status(r, 200));
    assert_true(cstar_test_expect_body(r, "application/x-www-form-urlencoded"));
    assert_string_equal(got, "a=1;b c==&%\xC3\xA4\n;");
    r = cstar_test_request(f->t, "/plain", .form = CSTAR_TEST_FIELDS("x", ""), .method = "PUT");
    assert_true(cstar_test_expect_status(r, 200));
    assert_string_equal(got, "x=;");
    r = cstar_test_request(f->t, "/plain", .form = CSTAR_TEST_FIELDS(NULL));
    assert_true(cstar_test_expect_status(r, 200));
    assert_string_equal(got, "");
}

static void test_files(void **state) {
    fixture *f = *state;
    static const char bytes[] = "a\0\r\n--b\r\n\xff";
    const cstar_test_reply *r = cstar_test_upload(
        f->t, "/plain", CSTAR_TEST_FIELD("title", "The \"sea\""),
        CSTAR_TEST_FILE("photo", "my \"sea\"\r\n.png", "png bytes", .content_type = "image/png"),
        CSTAR_TEST_FIELD("empty", NULL),
        CSTAR_TEST_FILE("odd \"name\"", "x.bin", bytes, .len = sizeof bytes - 1));
    assert_true(cstar_test_expect_status(r, 200));
    assert_true(cstar_test_expect_body(r, "multipart/form-data; boundary="));
    static const char want[] =
        "title=The \"sea\";empty=;[photo|my \"sea\"\r\n.png|image/png|png bytes]"
        "[odd \"name\"|x.bin|application/octet-stream|a\0\r\n--b\r\n\xff]";
    assert_int_equal(ngot, sizeof want - 1);
    assert_memory_equal(got, want, sizeof want);
}

/* What looks like a boundary is content. */
static void test_boundary_is_in_no_part(void **state) {
    fixture *f = *state;
    const cstar_test_reply *r = cstar_test_upload(
        f->t, "/plain", CSTAR_TEST_FIELD("a", "x\r\n------cstar-test-0--\r\n"),
        CSTAR_TEST_FILE("b", "b.txt", "\r\n------cstar-test-1\r\n", .content_type = "text/plain"));
    assert_true(cstar_test_expect_status(r, 200));
    assert_string_equal(got, "a=x\r\n------cstar-test-0--\r\n;[b|b.txt|text/plain|"
                             "\r\n------cstar-test-1\r\n]");
}

/* An event with contentType: 'form'. */
static void test_events(void **state) {
    fixture *f = *state;
    const cstar_test_reply *r = cstar_test_request(f->t, "/editor/_event/save", .datastar = true,
                                                   .form = CSTAR_TEST_FIELDS("title", "milk"));
    assert_true(cstar_test_expect_signals(r, "{\"signals\":0}"));
    assert_string_equal(got, "title=milk;");
    r = cstar_test_request(f->t, "/editor/_event/save", .datastar = true,
                           .parts = CSTAR_TEST_PARTS(CSTAR_TEST_FIELD("title", "milk"),
                                                     CSTAR_TEST_FILE("f", "a.txt", "abc")));
    assert_true(cstar_test_expect_signals(r, "{\"signals\":0}"));
    assert_string_equal(got, "title=milk;[f|a.txt|application/octet-stream|abc]");
}

/* A stream keeps the body: it is sent again, long after the fields have gone. */
static void test_streams(void **state) {
    fixture *f = *state;
    char *value = malloc(4);
    assert_non_null(value);
    memcpy(value, "one", 4);
    cstar_test_stream *s = cstar_test_open(f->t, "/streams", .form = CSTAR_TEST_FIELDS("a", value));
    memcpy(value, "two", 4);
    free(value);
    assert_non_null(s);
    got[0] = '\0';
    assert_non_null(cstar_test_reconnect(s));
    assert_int_equal(ran, 2);
    assert_string_equal(got, "a=one;");
}

/* Refused on its head: none of its parts is looked at. */
static void test_a_body_from_another_site_is_not_taken(void **state) {
    fixture *f = *state;
    const cstar_test_part *parts = CSTAR_TEST_PARTS(CSTAR_TEST_FILE("f", "f", "data"));
    const cstar_test_reply *r =
        cstar_test_request(f->t, "/taken", .parts = parts, .cross_site = true);
    assert_true(cstar_test_expect_status(r, 403));
    assert_int_equal(ran, 0);
    r = cstar_test_post_parts(f->t, "/taken", parts);
    assert_true(cstar_test_expect_status(r, 200));
    assert_int_equal(ran, 2);
}

static void test_misuse(void **state) {
    fixture *f = *state;
    assert_null(
        cstar_test_request(f->t, "/plain", .body = "{}", .form = CSTAR_TEST_FIELDS("a", "")));
    assert_int_equal(f->failures, 1);
    assert_string_equal(f->said, "a request has one of body, form and parts");
    assert_null(cstar_test_open(f->t, "/plain", .body = "{}",
                                .parts = CSTAR_TEST_PARTS(CSTAR_TEST_FIELD("a", NULL))));
    assert_int_equal(f->failures, 2);
    assert_null(cstar_test_upload(
        f->t, "/plain", CSTAR_TEST_FILE("a", "a", "", .content_type = "text/plain\r\nx: y")));
    assert_int_equal(f->failures, 3);
    assert_string_equal(f->said, "the content type of the part \"a\" is none");
    assert_null(cstar_test_form(NULL, "/plain", "a", "b"));
    assert_null(cstar_test_upload(NULL, "/plain", CSTAR_TEST_FIELD("a", NULL)));
    assert_int_equal(ran, 0);
}

static void test_no_memory(void **state) {
    fixture *f = *state;
    bool whole = false;
    for (size_t n = 1; !whole; n++) {
        failalloc fa;
        failalloc_init(&fa, n);
        f->failures = 0;
        cstar_test *t = cstar_test_new_with(
            f->app, &(cstar_test_opts){.on_fail = kitrig_note, .arg = f, .alloc = &fa.alloc});
        const cstar_test_reply *r = t != NULL
                                        ? cstar_test_upload(t, "/plain", CSTAR_TEST_FIELD("a", "1"),
                                                            CSTAR_TEST_FILE("f", "a.txt", "abc"))
                                        : NULL;
        whole = fa.calls < n;
        assert_true(!whole || (r != NULL && r->status == 200 && f->failures == 0));
        assert_true(r != NULL || t == NULL || f->failures != 0);
        cstar_test_free(t);
        assert_int_equal(fa.live_blocks, 0);
        assert_true(n < 1000);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_fields), TEST(test_files),     TEST(test_boundary_is_in_no_part),
        TEST(test_events), TEST(test_streams),   TEST(test_a_body_from_another_site_is_not_taken),
        TEST(test_misuse), TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
