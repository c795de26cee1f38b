/* test_kit.c -- the test kit itself: requests, cookies, events, time, streams, expectations, and
 * what it says when something is wrong.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/kitrig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- the app ---- */

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p>counter</p>");
}

static void increment(cstar_conn *conn, const cstar_signals *in) {
    cstar_signal(conn, "count", cstar_signals_int(in, "count", 0) + 1);
    cstar_patch_elements(conn, "<span id='history'>\n+1</span>");
    cstar_append_elements(conn, "#list", "<li>one</li>");
    cstar_signal(conn, "user.name", "ann");
    cstar_patch_signals(conn, "{\"user\":{\"on\":true},\"gone\":null}");
}

CSTAR_PAGE(counter, .render = render, .blocking = true,
           .events = CSTAR_EVENTS({"increment", increment}));

static cstar_str or_none(cstar_str s) { return s.ptr != NULL ? s : CSTAR_STR("-"); }

static void echo(cstar_conn *conn) {
    char text[400];
    const cstar_str cookie = or_none(cstar_request_header(conn, "cookie"));
    const cstar_str site = or_none(cstar_request_header(conn, "sec-fetch-site"));
    const cstar_str origin = or_none(cstar_request_header(conn, "origin"));
    (void)snprintf(text, sizeof text, "cookie=%.*s site=%.*s origin=%.*s scheme=%s",
                   (int)cookie.len, cookie.ptr, (int)site.len, site.ptr, (int)origin.len,
                   origin.ptr, cstar_scheme(conn));
    cstar_respond_text(conn, 200, text);
}

static void bake(cstar_conn *conn) {
    cstar_add_header(conn, "set-cookie", "a=1");
    cstar_add_header(conn, "set-cookie", "b=2; Path=/deep; HttpOnly");
    cstar_add_header(conn, "set-cookie", "c=3; Max-Age=10; Path=/; HttpOnly");
    cstar_add_header(conn, "set-cookie", "s=4; Path=/; Secure; SameSite=None");
    cstar_respond_empty(conn, 204);
}

static void form(cstar_conn *conn) { cstar_respond_text(conn, 200, cstar_form(conn, "x y")); }

static void fragment(cstar_conn *conn) {
    cstar_respond_elements(conn, "<b>1</b>\n<b>2</b>", .selector = "#box", .mode = CSTAR_APPEND);
}

static void json(cstar_conn *conn) { cstar_respond_signals(conn, "{\"n\":7}"); }

static unsigned ended;

static void done(void *arg) {
    (void)arg;
    ended++;
}

static cstar_next tick(cstar_conn *conn, void *arg) {
    int *n = arg;
    char id[16];
    (void)snprintf(id, sizeof id, "%d", ++*n);
    cstar_signal(conn, "tick", *n, .event_id = id);
    return *n == 5 ? CSTAR_END : CSTAR_WAIT;
}

static int ticks;

static void ticking(cstar_conn *conn) {
    const cstar_str last = cstar_request_header(conn, "last-event-id");
    ticks = last.len == 1 ? last.ptr[0] - '0' : 0;
    cstar_stream(conn, tick, .arg = &ticks, .done = done, .every_ms = 1000);
}

static unsigned pieces;

static cstar_next flood(cstar_conn *conn, void *arg) {
    static char text[8192];
    (void)arg;
    memset(text, 'x', sizeof text - 1);
    pieces++;
    cstar_write(conn, cstar_cstr(text));
    return pieces < 200 ? CSTAR_MORE : CSTAR_END;
}

static void flooding(cstar_conn *conn) {
    pieces = 0;
    cstar_stream(conn, flood, .content_type = "text/plain", .done = done);
}

static cstar_next rest(cstar_conn *conn, void *arg) {
    (void)conn;
    (void)arg;
    return CSTAR_WAIT;
}

static void endless(cstar_conn *conn) { cstar_stream(conn, rest, .done = done); }

/* ---- the kit ---- */

typedef kitrig fixture;

static void note(void *arg, const char *file, int line, const char *text) {
    fixture *f = arg;
    f->failures++;
    (void)snprintf(f->said, sizeof f->said, "%s:%d: %s", file != NULL ? "file" : "-", line, text);
}

static cstar_app *new_app(void) {
    cstar_app *app = cstar_app_new();
    assert_non_null(app);
    cstar_page(app, "/counter", &counter);
    cstar_route(app, CSTAR_GET, "/echo", echo);
    cstar_route(app, CSTAR_POST, "/echo", echo, .cross_origin = true);
    cstar_route(app, CSTAR_GET, "/deep/echo", echo);
    cstar_route(app, CSTAR_GET, "/bake", bake);
    cstar_route(app, CSTAR_POST, "/form", form);
    cstar_route(app, CSTAR_GET, "/fragment", fragment);
    cstar_route(app, CSTAR_GET, "/json", json);
    cstar_route(app, CSTAR_GET, "/ticks", ticking);
    cstar_route(app, CSTAR_GET, "/flood", flooding);
    cstar_route(app, CSTAR_GET, "/endless", endless);
    return app;
}

static int setup(void **state) {
    static fixture f;
    memset(&f, 0, sizeof f);
    ended = 0;
    f.app = new_app();
    f.t = cstar_test_new_with(f.app, &(cstar_test_opts){.on_fail = note, .arg = &f});
    assert_non_null(f.t);
    *state = &f;
    return 0;
}

static int teardown(void **state) { return kitrig_close(state); }

#define assert_said(f, text)                                                                       \
    do {                                                                                           \
        assert_non_null(strstr((f)->said, text));                                                  \
        (f)->said[0] = '\0';                                                                       \
    } while (0)

/* ---- requests ---- */

static void test_get(void **state) {
    fixture *f = *state;
    const cstar_test_reply *r = cstar_test_get(f->t, "/counter");
    assert_true(cstar_test_expect_status(r, 200));
    assert_true(r->complete);
    assert_false(r->cut);
    assert_true(cstar_test_expect_body(r, "<p>counter</p>"));
    assert_true(cstar_test_expect_header(r, "Content-Type", "text/html; charset=utf-8"));
    assert_true(cstar_test_expect_header(r, "x-none", NULL));
    assert_int_equal(r->npatches, 0); /* a document that nobody patches with */
    assert_int_equal(f->failures, 0);
}

static void test_event(void **state) {
    fixture *f = *state;
    const cstar_test_reply *r = cstar_test_event(f->t, "/counter", "increment", "{\"count\":1}");
    assert_true(cstar_test_expect_status(r, 200));
    assert_int_equal(r->nevents, 5);
    assert_true(cstar_test_expect_signals(r, "{\"count\":2,\"user\":{\"on\":true},\"gone\":null}"));
    assert_int_equal(r->npatches, 2);
    assert_string_equal(r->patches[0].html, "<span id='history'>\n+1</span>");
    assert_string_equal(r->patches[0].mode, "outer");
    assert_string_equal(r->patches[1].selector, "#list");
    assert_string_equal(r->patches[1].mode, "append");
    assert_true(cstar_test_expect_element(r, "#history"));
    assert_true(cstar_test_expect_element(r, "#list"));
    assert_int_equal(f->failures, 0);
}

static void test_event_methods(void **state) {
    fixture *f = *state;
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        const cstar_test_reply *r = cstar_test_event_by(
            f->t, methods[i], "/counter/_event/increment", "{\"count\":41,\"s\":\"a b&c\"}");
        assert_true(cstar_test_expect_signals(r, "{\"count\":42}"));
    }
    assert_int_equal(f->failures, 0);
}

static void test_whole_answers(void **state) {
    fixture *f = *state;
    const cstar_test_reply *r = cstar_test_request(f->t, "/fragment", .datastar = true);
    assert_int_equal(r->npatches, 1);
    assert_string_equal(r->patches[0].selector, "#box");
    assert_string_equal(r->patches[0].mode, "append");
    assert_string_equal(r->patches[0].html, "<b>1</b>\n<b>2</b>");
    r = cstar_test_request(f->t, "/json", .datastar = true);
    assert_true(cstar_test_expect_signals(r, "{\"n\":7}"));
    r = cstar_test_request(f->t, "/json");
    assert_int_equal(r->nevents, 0);
}

static void test_form(void **state) {
    fixture *f = *state;
    const cstar_test_reply *r = cstar_test_form(f->t, "/form", "a", "1", "x y", "=&\xC3\xA4");
    assert_true(cstar_test_expect_body(r, "=&\xC3\xA4"));
}

static void test_origin(void **state) {
    fixture *f = *state;
    const cstar_test_reply *r = cstar_test_get(f->t, "/echo");
    assert_true(cstar_test_expect_body(r, "site=same-origin origin=- scheme=http"));
    cstar_test_https(f->t, true);
    r = cstar_test_post(f->t, "/echo", "{}");
    assert_true(cstar_test_expect_body(r, "origin=https://app.test scheme=https"));
    r = cstar_test_request(f->t, "/echo", .body = "{}", .cross_site = true);
    assert_true(cstar_test_expect_body(r, "site=cross-site origin=https://elsewhere.test"));
}

static void test_bad_calls(void **state) {
    fixture *f = *state;
    const cstar_test_header line[] = {{"x", "a\r\nb: c"}, {NULL, NULL}};
    assert_null(cstar_test_get(f->t, "counter"));
    assert_said(f, "is no path");
    assert_null(cstar_test_get(f->t, "/a b"));
    assert_said(f, "is no path");
    assert_null(cstar_test_request(f->t, "/", .headers = line));
    assert_said(f, "can't be sent");
    assert_null(cstar_test_request(f->t, "/", .method = "GET\n"));
    assert_said(f, "the method");
    assert_null(cstar_test_get(f->t, "/endless"));
    assert_said(f, "goes on");
    assert_int_equal(ended, 1);
    assert_false(cstar_test_expect_status(NULL, 200)); /* told already */
    assert_int_equal(f->failures, 5);
}

static void test_bad_app(void **state) {
    fixture *f = *state;
    cstar_app *app = cstar_app_new();
    cstar_route(app, CSTAR_GET, "/x", echo);
    cstar_route(app, CSTAR_GET, "/x", echo);
    cstar_test *t = cstar_test_new_with(app, &(cstar_test_opts){.on_fail = note, .arg = f});
    assert_said(f, "can't be served");
    cstar_test_free(t);
    cstar_app_free(app);
}

/* ---- expectations ---- */

static void test_unmet(void **state) {
    fixture *f = *state;
    const cstar_test_reply *r = cstar_test_event(f->t, "/counter", "increment", NULL);
    assert_false(cstar_test_expect_status(r, 201));
    assert_said(f, "expected status 201, got 200");
    assert_false(cstar_test_expect_header(r, "content-type", "x"));
    assert_said(f, "expected header content-type: x, got text/event-stream");
    assert_false(cstar_test_expect_header(r, "content-type", NULL));
    assert_said(f, "(none), got text/event-stream");
    assert_false(cstar_test_expect_signals(r, "{\"count\":2}"));
    assert_said(f, "expected signals {\"count\":2}, got {\"count\":1");
    assert_false(cstar_test_expect_signals(r, "{\"user\":{\"on\":1}}"));
    assert_false(cstar_test_expect_signals(r, "{\"other\":null}"));
    assert_false(cstar_test_expect_signals(r, "{nonsense"));
    assert_false(cstar_test_expect_element(r, "#histor"));
    assert_said(f, "expected a patch of #histor, got 2");
    assert_false(cstar_test_expect_body(r, "\"never\""));
    assert_said(f, "file:"); /* with its place */
    assert_int_equal(f->failures, 9);
}

/* ---- cookies ---- */

static void test_cookies(void **state) {
    fixture *f = *state;
    assert_true(cstar_test_expect_status(cstar_test_get(f->t, "/bake"), 204));
    assert_string_equal(cstar_test_cookie(f->t, "a"), "1");
    assert_null(cstar_test_cookie(f->t, "s")); /* Secure on plain http */
    assert_string_equal(cstar_test_script_cookies(f->t), "a=1");
    assert_true(cstar_test_expect_body(cstar_test_get(f->t, "/echo"), "cookie=a=1; c=3 "));
    assert_true(
        cstar_test_expect_body(cstar_test_get(f->t, "/deep/echo"), "cookie=b=2; a=1; c=3 "));
    cstar_test_advance(f->t, 9999);
    assert_non_null(cstar_test_cookie(f->t, "c"));
    cstar_test_advance(f->t, 1);
    assert_null(cstar_test_cookie(f->t, "c"));
    cstar_test_https(f->t, true);
    assert_true(cstar_test_expect_status(cstar_test_get(f->t, "/bake"), 204));
    assert_string_equal(cstar_test_cookie(f->t, "s"), "4");
    const cstar_test_reply *r = cstar_test_request(f->t, "/echo", .body = "", .cross_site = true);
    assert_true(cstar_test_expect_body(r, "cookie=s=4 "));
    cstar_test_https(f->t, false);
    assert_null(cstar_test_cookie(f->t, "s"));
    assert_string_equal(cstar_test_cookie(f->t, "a"), "1");
    cstar_test_clear_cookies(f->t);
    assert_true(cstar_test_expect_body(cstar_test_get(f->t, "/echo"), "cookie=- "));
    assert_int_equal(f->failures, 0);
}

static void test_set_cookie(void **state) {
    static const struct {
        const char *field;
        bool https, kept;
    } cases[] = {
        {"k=v", false, true},
        {"k=v; Secure", false, false},
        {"k=v; secure", true, true},
        {"k=v; SameSite=None", true, false},
        {"__Host-k=v; Secure; Path=/", true, true},
        {"__Host-k=v; Secure; Path=/x", true, false},
        {"__Host-k=v; Secure; Path=/; Domain=app.test", true, false},
        {"__Secure-k=v", true, false},
        {"k=v; Domain=app.test", false, true},
        {"k=v; Domain=.app.test", false, true},
        {"k=v; Domain=other.test", false, false},
        {"=v", false, false},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar_test_https(f->t, cases[i].https);
        cstar_test_clear_cookies(f->t);
        if (cstar_test_set_cookie(f->t, cases[i].field) != cases[i].kept) {
            fail_msg("%s", cases[i].field);
        }
    }
    assert_true(cstar_test_set_cookie(f->t, "k=1"));
    assert_true(cstar_test_set_cookie(f->t, "k=2; Expires=Thu, 01 Jan 2026 00:00:05 GMT"));
    assert_string_equal(cstar_test_cookie(f->t, "k"), "2");
    cstar_test_advance(f->t, 5000);
    assert_null(cstar_test_cookie(f->t, "k"));
    assert_true(cstar_test_set_cookie(f->t, "k=1"));
    assert_true(cstar_test_set_cookie(f->t, "k=; Max-Age=0"));
    assert_null(cstar_test_cookie(f->t, "k"));
}

/* ---- streams and time ---- */

static void test_ticks(void **state) {
    fixture *f = *state;
    cstar_test_stream *s = cstar_test_open(f->t, "/ticks");
    assert_true(cstar_test_is_open(s));
    assert_true(cstar_test_expect_signals(cstar_test_news(s), "{\"tick\":1}"));
    cstar_test_advance(f->t, 999);
    assert_int_equal(cstar_test_news(s)->nevents, 0);
    cstar_test_advance(f->t, 1);
    const cstar_test_reply *r = cstar_test_news(s);
    assert_int_equal(r->nevents, 1);
    assert_string_equal(r->events[0].id, "2");
    cstar_test_advance(f->t, 60000);
    r = cstar_test_came(s);
    assert_int_equal(r->nevents, 5);
    assert_true(r->complete);
    assert_false(r->cut);
    assert_false(cstar_test_is_open(s));
    assert_int_equal(ended, 1);
    assert_int_equal(cstar_test_now(f->t), 1767225600 + 61);
    assert_int_equal(f->failures, 0);
}

static void test_cut(void **state) {
    fixture *f = *state;
    cstar_test_stream *s = cstar_test_open(f->t, "/ticks");
    cstar_test_advance(f->t, 2000);
    cstar_test_cut(s);
    assert_int_equal(ended, 1); /* at once */
    assert_false(cstar_test_is_open(s));
    assert_true(cstar_test_came(s)->cut);
    cstar_test_advance(f->t, 10000);
    assert_int_equal(cstar_test_came(s)->nevents, 3);
}

static void test_reconnect(void **state) {
    fixture *f = *state;
    cstar_test_stream *s = cstar_test_open(f->t, "/ticks");
    cstar_test_advance(f->t, 1000);
    cstar_test_stream *again = cstar_test_reconnect(s);
    assert_true(cstar_test_is_open(again));
    assert_true(cstar_test_expect_signals(cstar_test_came(again), "{\"tick\":3}"));
    again = cstar_test_reconnect(again);
    assert_true(cstar_test_expect_signals(cstar_test_came(again), "{\"tick\":4}"));
    assert_int_equal(ended, 2);
    assert_int_equal(f->failures, 0);
}

static void test_slow(void **state) {
    fixture *f = *state;
    cstar_test_stream *s = cstar_test_open(f->t, "/endless");
    cstar_test_cut(s);
    const cstar_test_reply *whole = cstar_test_get(f->t, "/flood");
    assert_int_equal(whole->body.len, 200 * 8191);
    s = cstar_test_open(f->t, "/ticks");
    cstar_test_slow(s, true);
    cstar_test_advance(f->t, 3000);
    assert_int_equal(cstar_test_came(s)->nevents, 1);
    cstar_test_slow(s, false);
    assert_int_equal(cstar_test_came(s)->nevents, 4);
    assert_int_equal(f->failures, 0);
}

/* A client that has never taken a byte costs what may wait, and not the whole response. */
static void test_back_pressure(void **state) {
    fixture *f = *state;
    cstar_test_stream *s = cstar_test_open(f->t, "/flood", .slow = true);
    cstar_test_advance(f->t, 1000);
    assert_true(pieces > 10);
    assert_true(pieces < 100);
    assert_int_equal(cstar_test_came(s)->body.len, 0);
    cstar_test_slow(s, false);
    cstar_test_advance(f->t, 1000);
    assert_int_equal(pieces, 200);
    assert_true(cstar_test_came(s)->complete);
    assert_int_equal(cstar_test_came(s)->body.len, 200 * 8191);
}

/* What is open at the end ends with the kit, and the app has its own clock again. */
static void test_end(void **state) {
    fixture *f = *state;
    cstar_test *second = cstar_test_new_with(f->app, &(cstar_test_opts){.on_fail = note, .arg = f});
    assert_non_null(cstar_test_open(second, "/endless"));
    cstar_test_free(second);
    assert_int_equal(ended, 1);
    assert_true(cstar_test_expect_status(cstar_test_get(f->t, "/counter"), 200));
    cstar_test_free(NULL);
}

/* ---- events ---- */

static void test_parse_events(void **state) {
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {
        {"", 0},
        {": \n\n", 0},
        {"data: a\n\n", 1},
        {"data: a\n", 0},
        {"event: x\r\ndata: a\r\n\r\nevent: y\r\rdata:b\n\n", 3},
        {"id: 3\n\n", 0},
        {"\n\n\n", 0},
        {"data: a\n\ndata: b", 1},
    };
    (void)state;
    cstar_arena a;
    cstar_arena_init(&a, cstar_heap(), 0);
    const cstar_test_sse *e = NULL;
    size_t n = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(cstar_test_parse_events(&a, cstar_cstr(cases[i].text), &e, &n), CSTAR_OK);
        if (n != cases[i].n) {
            fail_msg("%s: %zu", cases[i].text, n);
        }
    }
    const cstar_str all = CSTAR_STR("id: 7\nevent: x\nretry: 50\n: no\ndata: a\ndata:  b\n\n");
    assert_int_equal(cstar_test_parse_events(&a, all, &e, &n), CSTAR_OK);
    assert_string_equal(e->type, "x");
    assert_string_equal(e->id, "7");
    assert_int_equal(e->retry, 50);
    assert_int_equal(e->ndata, 2);
    assert_true(cstar_str_eq(e->data[1], CSTAR_STR(" b")));
    cstar_arena_fini(&a);
}

static const char patches[] =
    "event: datastar-patch-signals\ndata: signals {\"a\":1,\"u\":{\"x\":1},\"v\":3}\n\n"
    "event: datastar-patch-signals\ndata: onlyIfMissing true\ndata: signals "
    "{\"a\":2,\"u\":{\"y\":2,\"x\":9},\"b\":5}\n\n"
    "event: datastar-patch-signals\ndata: signals {\"v\":null,\ndata: signals "
    "\"b\":{\"c\":null}}\n\n";

static void test_merge(void **state) {
    static const char *const want[] = {
        "{\"a\":2,\"u\":{\"x\":9,\"y\":2},\"v\":null,\"b\":{\"c\":null}}",
        "{\"a\":1,\"u\":{\"x\":1,\"y\":2},\"b\":{}}",
    };
    (void)state;
    cstar_arena a;
    cstar_arena_init(&a, cstar_heap(), 0);
    const cstar_test_sse *e = NULL;
    size_t n = 0;
    assert_int_equal(cstar_test_parse_events(&a, cstar_cstr(patches), &e, &n), CSTAR_OK);
    for (int as_client = 0; as_client < 2; as_client++) {
        const cstar_json *all = NULL;
        cstar_buf b;
        cstar_json_writer w;
        const cstar_test_merge how = {.as_client = as_client != 0};
        assert_int_equal(cstar_test_merge_signals(&a, e, n, &how, &all), CSTAR_OK);
        cstar_buf_init(&b, cstar_arena_allocator(&a), 0);
        cstar_json_writer_init(&w, &b, 0);
        cstar_json_put_val(&w, cstar_val_tree(all));
        cstar_buf_byte(&b, '\0');
        assert_string_equal(b.ptr, want[as_client]);
    }
    cstar_arena_fini(&a);
}

/* ---- memory ---- */

/* The app's memory is its own; what fails here is the kit's, and the machine's. */
static void test_no_memory(void **state) {
    fixture *f = *state;
    bool whole = false;
    size_t n = 0;
    while (!whole) {
        failalloc fa;
        failalloc_init(&fa, ++n);
        f->failures = 0;
        cstar_test *t = cstar_test_new_with(
            f->app, &(cstar_test_opts){.on_fail = note, .arg = f, .alloc = &fa.alloc});
        const cstar_test_reply *r = cstar_test_event(t, "/counter", "increment", "{\"count\":1}");
        cstar_test_stream *s = cstar_test_open(t, "/ticks");
        cstar_test_advance(t, 1000);
        const bool came = cstar_test_news(s) != NULL;
        const bool met = cstar_test_expect_signals(r, "{\"count\":2}");
        whole = fa.calls < n;
        assert_true(!whole || (met && came && f->failures == 0));
        cstar_test_free(t);
        assert_int_equal(fa.live_blocks, 0);
        assert_true(n < 2000);
    }
    assert_true(n > 10);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_get),           TEST(test_event),      TEST(test_event_methods),
        TEST(test_form),          TEST(test_origin),     TEST(test_whole_answers),
        TEST(test_bad_calls),     TEST(test_bad_app),    TEST(test_unmet),
        TEST(test_cookies),       TEST(test_set_cookie), TEST(test_ticks),
        TEST(test_cut),           TEST(test_reconnect),  TEST(test_slow),
        TEST(test_back_pressure), TEST(test_end),        TEST(test_parse_events),
        TEST(test_merge),         TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
