/* test_again.c -- a page that is rendered again: by mount and render as they are, which may refuse,
 * defer, set signals. What they do to a document they do to a rendering.
 * SPDX-License-Identifier: MIT */
#include "support/kitrig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- the app ---- */

typedef enum way { LETS, FAILS, REDIRECTS, ANSWERS, FAILS_LATE, HALTS, DEFERS, NESTS } way;

static way how;
static int loaded, rendered;

static void load(void *arg) { (void)arg; }

static void show_loaded(cstar_conn *conn, void *arg) {
    (void)arg;
    loaded++;
    cstar_assign(conn, "text", "loaded");
}

static void mount(cstar_conn *conn) {
    cstar_assign(conn, "text", "secret");
    switch (how) {
    case FAILS_LATE:
        cstar_assign(conn, "", 1); /* an error of its own, which comes first */
        cstar_fail(conn, 403);
        return;
    case FAILS:
        cstar_fail(conn, 403);
        return;
    case REDIRECTS:
        cstar_redirect_to(conn, 303, "/login");
        return;
    case ANSWERS:
        cstar_respond_text(conn, 200, "no room");
        return;
    case HALTS:
        cstar_halt(conn);
        return;
    case DEFERS:
        cstar_defer(conn, load, .done = show_loaded);
        return;
    case NESTS:
        assert_int_equal(cstar_rerender(conn), CSTAR_ESTATE);
        return;
    case LETS:
        return;
    }
}

static void render(cstar_conn *conn, cstar_html *h) {
    rendered++;
    cstar_put(h, "<p id='room'>{}</p>", cstar_assigned_str(conn, "text", "nothing"));
}

static cstar_status again;

static void connect_room(cstar_conn *conn, const cstar_signals *in) {
    cstar_subscribe(conn, "room");
    if (cstar_signals_bool(in, "first", false)) {
        again = cstar_rerender(conn);
    }
}

static void info(cstar_conn *conn, const cstar_message *m) {
    (void)m;
    again = cstar_rerender(conn);
}

static void event(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    again = cstar_rerender(conn);
}

CSTAR_PAGE(room, .mount = mount, .render = render, .connect = connect_room, .info = info,
           .events = CSTAR_EVENTS({"again", event}));
CSTAR_PAGE(waiting, .mount = mount, .render = render, .connect = connect_room, .info = info,
           .blocking = true, .events = CSTAR_EVENTS({"again", event}));

/* It has no mount, and sets its signals where it needs them. */
static void render_signals(cstar_conn *conn, cstar_html *h) {
    cstar_signal(conn, "n", 1);
    cstar_put(h, "<p id='room' data-signals__ifmissing='{}'>", cstar_init_signals(conn));
    cstar_signal(conn, "n", 2);
    cstar_put(h, "{}</p>", cstar_assigned_int(conn, "n", 0));
}

CSTAR_PAGE(signals_page, .render = render_signals, .connect = connect_room, .info = info,
           .events = CSTAR_EVENTS({"again", event}));

/* Defers in render, which can't wait. */
static void render_defers(cstar_conn *conn, cstar_html *h) {
    assert_int_equal(cstar_defer(conn, load, .done = show_loaded), CSTAR_ESTATE);
    cstar_put(h, "<p id='room'>here</p>");
}

CSTAR_PAGE(impatient, .render = render_defers, .connect = connect_room, .info = info,
           .events = CSTAR_EVENTS({"again", event}));

static int set_up(void **state) {
    kitrig *f = kitrig_new(state);
    how = LETS;
    loaded = rendered = 0;
    again = CSTAR_OK;
    cstar_page(f->app, "/room", &room);
    cstar_page(f->app, "/waiting", &waiting);
    cstar_page(f->app, "/signals", &signals_page);
    cstar_page(f->app, "/impatient", &impatient);
    f->t = cstar_test_new(f->app);
    return 0;
}

static cstar_test_stream *open_at(const kitrig *f, const char *path) {
    return cstar_test_open(f->t, path, .method = "POST", .body = "{}");
}

static const cstar_test_reply *say(const kitrig *f, cstar_test_stream *s) {
    assert_int_equal(cstar_publish(f->app, "room", .bytes = CSTAR_STR("changed")), CSTAR_OK);
    cstar_test_advance(f->t, 0);
    return cstar_test_news(s);
}

static void expect_one(const cstar_test_reply *r, const char *html) {
    assert_int_equal(r->npatches, 1);
    assert_string_equal(r->patches[0].html, html);
}

/* ---- tests ---- */

/* Somebody who may not see it any more: the page would be refused, so the rendering is. */
static void what_mount_refuses_is_not_rendered(void **state) {
    static const way ways[] = {FAILS, REDIRECTS, ANSWERS, FAILS_LATE};
    const kitrig *f = *state;
    cstar_test_stream *s = open_at(f, "/room");
    expect_one(say(f, s), "<p id='room'>secret</p>");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        rendered = 0;
        how = ways[i];
        assert_int_equal(say(f, s)->nevents, 0);
        assert_int_equal(rendered, 0);
        assert_int_not_equal(again, CSTAR_OK);
        assert_true(cstar_test_is_open(s));
        how = LETS;
        expect_one(say(f, s), "<p id='room'>secret</p>");
        assert_int_equal(again, CSTAR_OK);
    }
}

static void what_mount_refuses_no_event_renders(void **state) {
    const kitrig *f = *state;
    how = FAILS;
    const cstar_test_reply *r = cstar_test_event(f->t, "/room", "again", "{}");
    assert_int_equal(r->npatches, 0);
    assert_int_equal(rendered, 0);
    assert_int_equal(again, CSTAR_ESTATE);
}

static void a_mount_that_halts_ends_the_stream(void **state) {
    const kitrig *f = *state;
    cstar_test_stream *s = open_at(f, "/room");
    how = HALTS;
    assert_int_equal(say(f, s)->nevents, 0);
    assert_int_equal(rendered, 0);
    assert_false(cstar_test_is_open(s));
}

/* Nobody could wait for it: better what was shown before than a page without what it shows. */
static void a_mount_that_defers_is_not_rendered_again(void **state) {
    const kitrig *f = *state;
    how = DEFERS;
    cstar_test_expect_body(cstar_test_get(f->t, "/room"), "<p id='room'>loaded</p>");
    cstar_test_stream *s = open_at(f, "/room");
    rendered = loaded = 0;
    assert_int_equal(say(f, s)->nevents, 0);
    assert_int_equal(again, CSTAR_ESTATE);
    assert_non_null(strstr(cstar_test_log(f->t), "defer: "));
    const cstar_test_reply *r = cstar_test_event(f->t, "/room", "again", "{}");
    assert_int_equal(r->npatches, 0);
    assert_int_equal(again, CSTAR_ESTATE);
    assert_int_equal(rendered, 0);
    assert_int_equal(loaded, 0);
    how = LETS;
    expect_one(say(f, s), "<p id='room'>secret</p>");
}

/* It is the rendering that fails, and not the stream or the event that asked for it. */
static void what_asked_for_it_goes_on(void **state) {
    const kitrig *f = *state;
    how = DEFERS;
    cstar_test_stream *s =
        cstar_test_open(f->t, "/room", .method = "POST", .body = "{\"first\":true}");
    cstar_test_expect_status(cstar_test_news(s), 200);
    assert_int_equal(again, CSTAR_ESTATE);
    assert_true(cstar_test_is_open(s));
    cstar_test_expect_status(cstar_test_event(f->t, "/room", "again", "{}"), 200);
    assert_int_equal(again, CSTAR_ESTATE);
    how = LETS;
    expect_one(say(f, s), "<p id='room'>secret</p>");
}

/* Its document is refused then; so is the rendering. */
static void nor_is_one_of_a_blocking_page(void **state) {
    const kitrig *f = *state;
    cstar_test_stream *s = open_at(f, "/waiting");
    expect_one(say(f, s), "<p id='room'>secret</p>");
    how = DEFERS;
    rendered = 0;
    cstar_test_expect_status(cstar_test_get(f->t, "/waiting"), 500);
    assert_int_equal(say(f, s)->nevents, 0);
    assert_int_equal(again, CSTAR_ESTATE);
    assert_int_equal(cstar_test_event(f->t, "/waiting", "again", "{}")->npatches, 0);
    assert_int_equal(again, CSTAR_ESTATE);
    assert_int_equal(rendered, 0);
}

static void a_rendering_within_a_rendering_is_refused(void **state) {
    const kitrig *f = *state;
    cstar_test_stream *s = open_at(f, "/room");
    how = NESTS;
    expect_one(say(f, s), "<p id='room'>secret</p>");
}

/* The browser has its own by now; and the patch is one. */
static void signals_that_render_sets_are_for_the_rendering(void **state) {
    const kitrig *f = *state;
    cstar_test_stream *s = open_at(f, "/signals");
    const cstar_test_reply *r = say(f, s);
    assert_int_equal(again, CSTAR_OK);
    assert_int_equal(r->nevents, 1);
    assert_non_null(strstr(r->patches[0].html, "data-signals__ifmissing"));
    assert_non_null(strstr(r->patches[0].html, ">2</p>"));
    r = cstar_test_event(f->t, "/signals", "again", "{}");
    assert_int_equal(r->nevents, 1);
    assert_non_null(strstr(r->patches[0].html, ">2</p>"));
}

static void a_rendering_can_not_defer(void **state) {
    const kitrig *f = *state;
    cstar_test_stream *s = open_at(f, "/impatient");
    expect_one(say(f, s), "<p id='room'>here</p>");
    expect_one(cstar_test_event(f->t, "/impatient", "again", "{}"), "<p id='room'>here</p>");
    assert_int_equal(loaded, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, kitrig_close)
        TEST(what_mount_refuses_is_not_rendered),
        TEST(what_mount_refuses_no_event_renders),
        TEST(a_mount_that_halts_ends_the_stream),
        TEST(a_mount_that_defers_is_not_rendered_again),
        TEST(what_asked_for_it_goes_on),
        TEST(nor_is_one_of_a_blocking_page),
        TEST(a_rendering_within_a_rendering_is_refused),
        TEST(signals_that_render_sets_are_for_the_rendering),
        TEST(a_rendering_can_not_defer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
