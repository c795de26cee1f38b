/* test_hint.c -- what a newcomer forgets, and whether the log says so: an event that is not there,
 * a stream that nothing can reach, a layout without <body {}>, a topic that nobody listens to.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/webdrive.h"
#include "web/live.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- the app ---- */

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p>x</p>");
}

static void render_live(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p data-init='{}'>x</p>", cstar_connect());
}

static void render_named(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p id='p' data-init='{}'>x</p>", cstar_connect());
}

static void render_ids(cstar_conn *conn, cstar_html *h) {
    const char *last = cstar_query(conn, "last");
    cstar_put(h, "<p id='a'>x</p><p id=\"b\" data-id='a'>{}</p><p id='{}'>", " id='b'",
              last != NULL ? last : "c");
    for (int i = 0; i < 600; i++) {
        cstar_put(h, "<i id='i{}'></i>", i);
    }
}

static void render_badly(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p>{} & {}</p>", 1);
}

static void bare_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content) {
    (void)conn;
    cstar_put(h, "<!doctype html><title>x</title><body>{}</body>", content);
}

static void save(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_signal(conn, "saved", 1);
}

static void nameless(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_patch(conn, h) {
        cstar_put(h, "<p class='{}'>x</p>", "hint");
    }
}

static void nameless_text(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_patch_elements(conn, "<b>x</b>");
}

static void named(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_patch(conn, h) {
        cstar_put(h, "<p class='x'\n id='{}'>x</p>", "a");
    }
    cstar_patch(conn, h, .selector = "#a") {
        cstar_put(h, "<p>x</p>");
    }
    cstar_patch_elements(conn, "<p data-show='$n > 1' title=\"it's > 2\" id='a'>x</p>");
    cstar_patch_elements(conn, "<b>x</b>", .selector = "#a", .mode = CSTAR_APPEND);
    cstar_patch_elements(conn, "<title>x</title>");
    cstar_remove_elements(conn, "#a");
    cstar_execute_script(conn, "1");
    cstar_signal(conn, "markup", "<p>x</p>");
}

static void forgets(cstar_conn *conn, const cstar_signals *in) { (void)conn, (void)in; }

static void listens(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_subscribe(conn, "items");
}

static void tick(cstar_conn *conn) { (void)conn; }

static void waits(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_every(conn, 1000, tick);
}

/* Somebody else publishes to it by that name. */
static void says_its_name(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    assert_non_null(cstar_stream_name(conn));
}

static void renders_later(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    assert_int_equal(cstar_rerender(conn), CSTAR_OK);
    assert_int_equal(cstar_rerender_soon(conn, 1000), CSTAR_OK);
}

static const char *key(cstar_conn *conn) {
    (void)conn;
    return "k";
}

static void silent(cstar_conn *conn) { (void)conn; }
static void eager(cstar_conn *conn) { cstar_patch_elements(conn, "<p id='x'>x</p>"); }

CSTAR_PAGE(plain, .render = render, .events = CSTAR_EVENTS({"POST save", save}, {"row:*", save}));
CSTAR_PAGE(patching, .render = render,
           .events = CSTAR_EVENTS({"nameless", nameless}, {"text", nameless_text},
                                  {"named", named}));
CSTAR_PAGE(ids, .render = render_ids);
CSTAR_PAGE(bare, .render = render_live, .layout = bare_layout, .connect = listens);
CSTAR_PAGE(bare_plain, .render = render, .layout = bare_layout);
CSTAR_PAGE(deaf, .render = render_live, .connect = forgets);
CSTAR_PAGE(heard, .render = render_live, .connect = listens);
CSTAR_PAGE(timed, .render = render_live, .connect = waits);
CSTAR_PAGE(reached, .render = render_live, .connect = says_its_name);
CSTAR_PAGE(again, .render = render_named, .connect = renders_later);
CSTAR_PAGE(keyed, .render = render_live, .connect = forgets, .stream_key = key);
CSTAR_PAGE(unopened, .render = render, .connect = listens);
CSTAR_PAGE(bad, .render = render_badly);
CSTAR_COMPONENT(drawer, .name = "drawer", .events = CSTAR_EVENTS({"save", save}));

typedef struct fixture {
    cstar_app *app;
    webdrive drive;
} fixture;

static int setup(void **state) {
    static fixture f;
    f.app = cstar_app_new();
    assert_non_null(f.app);
    cstar_page(f.app, "/plain", &plain);
    cstar_page(f.app, "/patching", &patching);
    cstar_page(f.app, "/ids", &ids);
    cstar_page(f.app, "/bare", &bare);
    cstar_page(f.app, "/bare-plain", &bare_plain);
    cstar_page(f.app, "/deaf", &deaf);
    cstar_page(f.app, "/heard", &heard);
    cstar_page(f.app, "/timed", &timed);
    cstar_page(f.app, "/keyed", &keyed);
    cstar_page(f.app, "/reached", &reached);
    cstar_page(f.app, "/again", &again);
    cstar_page(f.app, "/unopened", &unopened);
    cstar_page(f.app, "/bad", &bad);
    cstar_route(f.app, CSTAR_GET, "/silent", silent);
    cstar_route(f.app, CSTAR_GET, "/eager", eager);
    assert_int_equal(cstar_components(f.app, "/ds", &drawer), CSTAR_OK);
    webdrive_init(&f.drive, f.app, cstar_heap());
    f.app->development = true;
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    webdrive_fini(&f->drive);
    cstar_app_free(f->app);
    return 0;
}

/* A stream stays open on its connection: each is asked for by a new one. */
static const char *ask(fixture *f, const char *method, const char *path, const char *body) {
    cstar_app *app = f->app;
    const bool development = app->development;
    webdrive_fini(&f->drive);
    webdrive_init(&f->drive, app, cstar_heap());
    app->development = development;
    return webdrive_request(&f->drive, method, path, body);
}

#define assert_said(f, text) assert_non_null(strstr((f)->drive.log, (text)))
#define assert_silent(f) assert_int_equal((f)->drive.logged, 0)

/* ---- refused: always told ---- */

static void test_unknown_event(void **state) {
    fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        f->app->development = i == 0;
        const char *answer = ask(f, "POST", "/plain/_event/svae", "{}");
        assert_int_equal(webdrive_status(answer), 404);
        assert_said(
            f, "2 POST /plain/_event/svae: event: no \"svae\" here; there is: POST save, row:*");
    }
    assert_string_equal(webdrive_body(ask(f, "POST", "/plain/_event/svae", "{}")), "Not found");
    ask(f, "POST", "/ds/drawer/x", "{}");
    assert_said(f, "event: no \"x\" here; there is: save");
    ask(f, "POST", "/ds/drower/save", "{}");
    assert_said(f, "event: no component is called \"drower\"");
    ask(f, "GET", "/plain/_event/save", NULL);
    assert_silent(f); /* 405 says it all */
}

static void test_long_names(void **state) {
    fixture *f = *state;
    char path[600];
    (void)snprintf(path, sizeof path, "/plain/_event/%0500d", 7);
    assert_int_equal(webdrive_status(ask(f, "POST", path, "{}")), 404);
    assert_said(f, "there is: POST save, row:*");
}

static void test_no_stream(void **state) {
    fixture *f = *state;
    assert_int_equal(webdrive_status(ask(f, "POST", "/plain", "{}")), 404);
    assert_said(
        f, "POST /plain: connect: cstar_connect() asks for a stream, and the page has no .connect");
}

/* ---- errors say what to do ---- */

static void test_no_answer(void **state) {
    fixture *f = *state;
    assert_int_equal(webdrive_status(ask(f, "GET", "/silent", NULL)), 500);
    assert_said(f, "the handler gave none (cstar_respond_text(), ");
    ask(f, "GET", "/eager", NULL);
    assert_said(f, "a plain handler begins one with cstar_start()");
}

/* While developing the error page has what the log has; else it does not. */
static void test_error_page(void **state) {
    fixture *f = *state;
    f->drive.fields = "Accept: text/html\r\n";
    const char *answer = webdrive_request(&f->drive, "GET", "/bad", NULL);
    assert_int_equal(webdrive_status(answer), 500);
    assert_non_null(strstr(answer, "Internal Server Error</p><p>"));
    assert_non_null(strstr(answer, "test_hint.c:"));
    assert_null(strstr(webdrive_body(answer), "& {}")); /* it is text */
    f->app->development = false;
    assert_null(strstr(webdrive_request(&f->drive, "GET", "/bad", NULL), "test_hint.c:"));
    f->drive.fields = NULL;
    assert_string_equal(webdrive_body(webdrive_request(&f->drive, "GET", "/silent", NULL)),
                        "Internal Server Error");
    f->app->development = true;
    const char *text = webdrive_body(webdrive_request(&f->drive, "GET", "/silent", NULL));
    assert_non_null(strstr(text, "Internal Server Error: response: the handler gave none"));
}

/* ---- hints ---- */

static void test_body(void **state) {
    fixture *f = *state;
    ask(f, "GET", "/bare", NULL);
    assert_said(f, "1 hint: GET /bare: the layout has no <body {}> with cstar_body(conn)");
    ask(f, "GET", "/bare", NULL);
    assert_silent(f); /* once */
    ask(f, "GET", "/bare-plain", NULL);
    assert_silent(f); /* it needs neither token nor tabId */
    ask(f, "GET", "/heard", NULL);
    assert_silent(f);
}

static void test_body_with_sessions(void **state) {
    fixture *f = *state;
    const char *const secrets[] = {"0123456789abcdef0123456789abcdef", NULL};
    assert_int_equal(cstar_sessions(f->app, .secrets = secrets), CSTAR_OK);
    ask(f, "GET", "/bare-plain", NULL);
    assert_said(f, "events bring no token");
    ask(f, "GET", "/plain", NULL);
    assert_silent(f);
    ask(f, "POST", "/plain/_event/save", "{}");
    assert_said(f, "csrf: no token (cstar_body() in <body>, or cstar_csrf_field() in a form)");
}

static void test_unopened(void **state) {
    fixture *f = *state;
    ask(f, "GET", "/unopened", NULL);
    assert_said(f, "1 hint: GET /unopened: the page has .connect, and this markup opens no stream");
}

static void test_ids(void **state) {
    fixture *f = *state;
    ask(f, "GET", "/ids", NULL);
    assert_silent(f); /* text that looks like it, and what is far behind, are no concern */
    ask(f, "GET", "/ids?last=b", NULL);
    assert_said(f,
                "1 hint: GET /ids: two elements have the id \"b\": patches find the first alone");
}

static void test_deaf(void **state) {
    fixture *f = *state;
    assert_int_equal(webdrive_status(ask(f, "POST", "/deaf", "{}")), 200);
    assert_said(
        f, "1 hint: POST /deaf: connect has called neither cstar_subscribe() nor cstar_every()");
    static const char *const fine[] = {"/heard", "/timed", "/keyed", "/reached", "/again"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        assert_int_equal(webdrive_status(ask(f, "POST", fine[i], "{\"tabId\":\"t\"}")), 200);
        assert_silent(f);
    }
}

static void test_nameless_patch(void **state) {
    fixture *f = *state;
    const char *answer = ask(f, "POST", "/patching/_event/nameless", "{}");
    assert_int_equal(webdrive_status(answer), 200);
    assert_non_null(strstr(answer, "data: elements <p class='hint'>x</p>"));
    assert_said(
        f,
        "1 hint: /patching/_event/nameless: a patch begins with <p class='hint'>, which has no id");
    ask(f, "POST", "/patching/_event/text", "{}");
    assert_said(f, "a patch begins with <b>, which has no id");
    assert_int_equal(webdrive_status(ask(f, "POST", "/patching/_event/named", "{}")), 200);
    assert_silent(f);
    f->app->development = false;
    ask(f, "POST", "/patching/_event/text", "{}");
    assert_silent(f);
}

static void test_topics(void **state) {
    fixture *f = *state;
    assert_int_equal(cstar_publish_signals(f->app, "item", "{\"n\":1}"), CSTAR_OK);
    assert_silent(f); /* nobody is here at all */
    ask(f, "POST", "/heard", "{}");
    assert_int_equal(cstar_publish_signals(f->app, "items", "{\"n\":1}"), CSTAR_OK);
    assert_silent(f);
    assert_int_equal(cstar_publish_signals(f->app, "item", "{\"n\":1}"), CSTAR_OK);
    assert_said(
        f, "1 hint: published to \"item\", which nobody listens to now; listened to: \"items\"");
    assert_int_equal(cstar_publish(f->app, "item", .json = "{}"), CSTAR_OK);
    assert_int_equal(f->drive.logged, 1);
    assert_int_equal(cstar_publish(f->app, NULL, .json = "{}"), CSTAR_EINVAL);
    assert_said(f, "1 hint: published to NULL");
    assert_int_equal(f->drive.logged, 2);
    cstar_topic(f->app, "kept", .replay_count = 3);
    assert_int_equal(cstar_publish_signals(f->app, "kept", "{\"n\":1}"), CSTAR_OK);
    assert_int_equal(cstar_publish(f->app, "item", .json = "{}"), CSTAR_OK);
    assert_int_equal(f->drive.logged, 2); /* one topic more, and still once */
}

static void join_many(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    for (int i = 0; i < 100; i++) {
        char topic[20];
        (void)snprintf(topic, sizeof topic, "topic:%d", i);
        cstar_subscribe(conn, topic);
    }
}
CSTAR_PAGE(many, .render = render_live, .connect = join_many);

static void test_many_topics(void **state) {
    fixture *f = *state;
    cstar_page(f->app, "/many", &many);
    ask(f, "POST", "/many", "{}");
    char longest[257];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(cstar_publish_signals(f->app, longest, "{\"n\":1}"), CSTAR_OK);
    assert_said(f, "listened to: \"topic:");
    assert_int_equal(f->drive.log[strlen(f->drive.log) - 1], '"');
}

/* Nothing of it is said where nobody develops. */
static void test_off(void **state) {
    fixture *f = *state;
    f->app->development = false;
    ask(f, "GET", "/bare", NULL);
    assert_silent(f);
    ask(f, "GET", "/unopened", NULL);
    assert_silent(f);
    ask(f, "POST", "/deaf", "{}");
    assert_silent(f);
    ask(f, "POST", "/heard", "{}");
    assert_int_equal(cstar_publish_signals(f->app, "item", "{\"n\":1}"), CSTAR_OK);
    assert_int_equal(cstar_publish(f->app, NULL, .json = "{}"), CSTAR_EINVAL);
    assert_silent(f);
}

/* What can't be explained for lack of memory is answered all the same. */
static void test_out_of_memory(void **state) {
    (void)state;
    for (unsigned n = 1; n < 60; n++) {
        failalloc fail;
        webdrive d;
        failalloc_init(&fail, 0);
        cstar_app *app = cstar_app_new();
        assert_non_null(app);
        cstar_page(app, "/plain", &plain);
        cstar_page(app, "/bare", &bare);
        webdrive_init(&d, app, &fail.alloc);
        app->development = true;
        fail.fail_at = n;
        (void)webdrive_request(&d, "POST", "/plain/_event/svae", "{}");
        (void)webdrive_request(&d, "GET", "/bare", NULL);
        webdrive_fini(&d);
        cstar_app_free(app);
        assert_int_equal(fail.live_blocks, 0);
    }
}

#define IN_APP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_APP(test_unknown_event),
        IN_APP(test_long_names),
        IN_APP(test_no_stream),
        IN_APP(test_no_answer),
        IN_APP(test_error_page),
        IN_APP(test_body),
        IN_APP(test_body_with_sessions),
        IN_APP(test_unopened),
        IN_APP(test_ids),
        IN_APP(test_deaf),
        IN_APP(test_topics),
        IN_APP(test_nameless_patch),
        IN_APP(test_many_topics),
        IN_APP(test_off),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
