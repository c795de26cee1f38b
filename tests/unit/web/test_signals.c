/* test_signals.c -- signals into a struct, in one line of a handler: what it gets, what a refusal
 * leaves behind, who hears of it. And going through signals one by one.
 * SPDX-License-Identifier: MIT */
#include "support/webrig.h"
#include "web/app.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct row {
    int32_t id;
    bool done;
} row;

typedef struct person {
    char name[16];
    uint8_t age;
} person;

typedef struct form {
    int64_t count;
    int16_t limit;
    double price;
    bool on;
    char title[8];
    person user;
    row rows[3];
    size_t nrows;
    char tags[4][8];
    size_t ntags;
} form;

static const cstar_field row_fields[] = {
    CSTAR_FIELD(row, id, CSTAR_FIELD_INT),
    CSTAR_FIELD(row, done, CSTAR_FIELD_BOOL, .optional = true),
    {0},
};
static const cstar_field person_fields[] = {
    CSTAR_FIELD(person, name, CSTAR_FIELD_TEXT),
    CSTAR_FIELD(person, age, CSTAR_FIELD_UINT),
    {0},
};
static const cstar_field form_fields[] = {
    CSTAR_FIELD(form, count, CSTAR_FIELD_INT),
    CSTAR_FIELD(form, limit, CSTAR_FIELD_INT, .optional = true),
    CSTAR_FIELD(form, price, CSTAR_FIELD_DOUBLE, .optional = true),
    CSTAR_FIELD(form, on, CSTAR_FIELD_BOOL, .optional = true),
    CSTAR_FIELD(form, title, CSTAR_FIELD_TEXT, .optional = true),
    CSTAR_FIELD(form, user, CSTAR_FIELD_OBJECT, .optional = true, .fields = person_fields),
    CSTAR_FIELD_LIST(form, rows, nrows, CSTAR_FIELD_OBJECT, .optional = true, .fields = row_fields),
    CSTAR_FIELD_LIST(form, tags, ntags, CSTAR_FIELD_TEXT, .optional = true),
    {0},
};

/* What the last handler was left with. */
static form seen;
static cstar_status said;

static void fill(cstar_conn *conn, const cstar_signals *in) {
    memset(&seen, 0, sizeof seen);
    seen.limit = 10;
    said = cstar_decode_signals(conn, in, form_fields, &seen);
}

static void save(cstar_conn *conn, const cstar_signals *in) {
    fill(conn, in);
    if (said != CSTAR_OK) {
        return;
    }
    cstar_signal(conn, "saved", seen.count);
}

/* Does not look at what came of it. */
static void careless(cstar_conn *conn, const cstar_signals *in) {
    fill(conn, in);
    cstar_signal(conn, "limit", seen.limit);
}

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p>form</p>");
}

CSTAR_PAGE(page, .render = render, .events = CSTAR_EVENTS({"save", save}, {"careless", careless}));

static void plain(cstar_conn *conn) {
    fill(conn, NULL);
    if (said == CSTAR_OK) {
        cstar_respond_text(conn, 200, "good");
    }
}

/* name=value, of everything in the object; arrays by their elements. */
static void walk(cstar_conn *conn) {
    char text[200] = "";
    size_t len = 0;
    const cstar_signals *in = cstar_read_signals(conn);
    for (const cstar_json *v = cstar_json_first(in); v != NULL; v = cstar_json_next(v)) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s:", cstar_json_key(v).ptr);
        for (const cstar_json *e = cstar_json_first(v); e != NULL; e = cstar_json_next(e)) {
            len +=
                (size_t)snprintf(text + len, sizeof text - len, "%d,", (int)cstar_json_int(e, -1));
        }
    }
    cstar_respond_text(conn, 200, text);
}

typedef webrig fixture;

static int setup(void **state) {
    cstar_app *app = cstar_app_new();
    said = CSTAR_OK;
    assert_non_null(app);
    assert_int_equal(cstar_page(app, "/page", &page), CSTAR_OK);
    assert_int_equal(cstar_route(app, CSTAR_POST, "/plain", plain), CSTAR_OK);
    assert_int_equal(cstar_route(app, CSTAR_POST, "/walk", walk), CSTAR_OK);
    return webrig_open(state, app);
}

static int teardown(void **state) { return webrig_close(state); }

static void test_all_of_it(void **state) {
    fixture *f = *state;
    const char *answer = webdrive_request(
        &f->drive, "POST", "/page/_event/save",
        "{\"count\":-5,\"price\":1.5,\"on\":true,\"title\":\"a title\",\"unknown\":[1],"
        "\"user\":{\"name\":\"ada\",\"age\":36},\"rows\":[{\"id\":1},{\"id\":2,\"done\":true}],"
        "\"tags\":[\"x\",\"y\",\"z\"]}");
    assert_int_equal(webdrive_status(answer), 200);
    assert_non_null(strstr(answer, "{\"saved\":-5}"));
    assert_int_equal(seen.count, -5);
    assert_int_equal(seen.limit, 10); /* not sent: as it was */
    assert_true(seen.price == 1.5);
    assert_true(seen.on);
    assert_string_equal(seen.title, "a title");
    assert_string_equal(seen.user.name, "ada");
    assert_int_equal(seen.user.age, 36);
    assert_int_equal(seen.nrows, 2);
    assert_false(seen.rows[0].done);
    assert_int_equal(seen.rows[1].id, 2);
    assert_true(seen.rows[1].done);
    assert_int_equal(seen.ntags, 3);
    assert_string_equal(seen.tags[2], "z");
    assert_int_equal(f->drive.logged, 0);
}

static const struct {
    const char *body, *log; /* what the log says */
    cstar_status status;
} wrong[] = {
    {"{}", "signals: \"count\" is missing", CSTAR_ENOENT},
    {"{\"count\":\"1\"}", "signals: \"count\" must be an integer", CSTAR_ETYPE},
    {"{\"count\":1,\"limit\":40000}", "signals: \"limit\" is out of range", CSTAR_ERANGE},
    {"{\"count\":1,\"limit\":3,\"user\":{\"name\":\"ada\",\"age\":\"old\"}}",
     "signals: \"user.age\" must be an integer", CSTAR_ETYPE},
    {"{\"count\":1,\"user\":{\"name\":\"ada\",\"age\":-1}}",
     "signals: \"user.age\" is out of range", CSTAR_ERANGE},
    {"{\"count\":1,\"rows\":[{\"id\":1},{\"id\":2.5}]}",
     "signals: \"rows.1.id\" must be an integer", CSTAR_ETYPE},
    {"{\"count\":1,\"rows\":[{\"id\":1},{\"id\":2},{\"id\":3},{\"id\":4}]}",
     "signals: \"rows\" has too many elements", CSTAR_ELIMIT},
    {"{\"count\":1,\"title\":\"too long\"}", "signals: \"title\" is too long", CSTAR_ELIMIT},
};

/* An event that stops at it: an empty stream, which the client takes for done, and the log. */
static void test_refused_event(void **state) {
    fixture *f = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const unsigned before = f->drive.logged;
        const char *answer =
            webdrive_request(&f->drive, "POST", "/page/_event/save", wrong[i].body);
        assert_int_equal(webdrive_status(answer), 200);
        assert_string_equal(webdrive_body(answer), "");
        assert_int_equal(said, wrong[i].status);
        assert_int_equal(f->drive.logged, before + 1);
        if (strstr(f->drive.log, wrong[i].log) == NULL ||
            strstr(f->drive.log, "POST /page/_event/save") == NULL) {
            fail_msg("%s: %s", wrong[i].body, f->drive.log);
        }
        assert_int_equal(seen.limit, 10); /* nothing of it was written */
        assert_int_equal(seen.count, 0);
        assert_string_equal(seen.user.name, "");
    }
}

/* An event that goes on regardless: with what it had, and the log knows. */
static void test_careless_event(void **state) {
    fixture *f = *state;
    const char *answer = webdrive_request(&f->drive, "POST", "/page/_event/careless",
                                          "{\"limit\":5,\"count\":null}");
    assert_non_null(strstr(answer, "{\"limit\":10}"));
    assert_non_null(strstr(f->drive.log, "signals: \"count\" is missing"));
}

static void test_shown_in_development(void **state) {
    fixture *f = *state;
    f->app->development = true;
    const char *answer = webdrive_request(&f->drive, "POST", "/page/_event/save", "{}");
    assert_non_null(strstr(answer, "console.error("));
    assert_non_null(strstr(answer, "is missing"));
}

/* Where no response has begun, there is one to give. */
static void test_plain_handler(void **state) {
    fixture *f = *state;
    const char *answer = webdrive_request(&f->drive, "POST", "/plain", "{\"count\":3}");
    assert_int_equal(webdrive_status(answer), 200);
    assert_int_equal(seen.count, 3);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        answer = webdrive_request(&f->drive, "POST", "/plain", wrong[i].body);
        assert_int_equal(webdrive_status(answer), 400);
        assert_string_equal(webdrive_body(answer), "Invalid signal payload");
        assert_non_null(strstr(f->drive.log, wrong[i].log));
    }
    answer = webdrive_request(&f->drive, "POST", "/plain", "{");
    assert_int_equal(webdrive_status(answer), 400);
    assert_int_equal(said, CSTAR_EINVAL);
}

static void test_without_a_conn(void **state) {
    (void)state;
    cstar_arena arena;
    cstar_err err = {.code = CSTAR_OK};
    form f = {.limit = 4};
    cstar_arena_init(&arena, cstar_heap(), 0);
    const cstar_signals_source source = {.method = "POST", .body = CSTAR_STR("{\"count\":9}")};
    const cstar_signals *in = cstar_signals_parse(&arena, &source, NULL, NULL);
    assert_non_null(in);
    assert_int_equal(cstar_signals_decode(in, form_fields, &f, &err), CSTAR_OK);
    assert_int_equal(err.code, CSTAR_OK);
    assert_int_equal(f.count, 9);
    assert_int_equal(f.limit, 4);
    assert_int_equal(cstar_signals_decode(in, person_fields, &f, NULL), CSTAR_ENOENT);
    assert_int_equal(cstar_signals_decode(in, person_fields, &f, &err), CSTAR_ENOENT);
    assert_string_equal(err.text, "signals: \"name\" is missing");
    assert_string_equal(err.where, "name");
    assert_int_equal(f.count, 9);
    assert_int_equal(cstar_signals_decode(NULL, form_fields, &f, &err), CSTAR_ETYPE);
    cstar_arena_fini(&arena);
}

static void test_one_by_one(void **state) {
    fixture *f = *state;
    const char *answer =
        webdrive_request(&f->drive, "POST", "/walk", "{\"b\":[1,2,3],\"a\":5,\"c\":{\"x\":7}}");
    assert_string_equal(webdrive_body(answer), "b:1,2,3,a:c:7,"); /* in the order sent */
}

int main(void) {
#define WITH_APP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_APP(test_all_of_it),      WITH_APP(test_refused_event),
        WITH_APP(test_careless_event), WITH_APP(test_shown_in_development),
        WITH_APP(test_plain_handler),  cmocka_unit_test(test_without_a_conn),
        WITH_APP(test_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
