/* test_quiet.c -- what is left of a stream that no callback will look at: how much, and that it still
 * does everything.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/webdrive.h"
#include "web/quiet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STREAMS = 12, PIECE = 4096 };

static int ended;
static cstar_status subscribed;

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p id='n'>-</p>");
}

static void subscribe(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    subscribed = cstar_subscribe(conn, "news");
}

static void subscribe_and_patch(cstar_conn *conn, const cstar_signals *in) {
    subscribe(conn, in);
    cstar_patch_elements(conn, "<p id='n'>first</p>");
}

static void tick(cstar_conn *conn) { (void)conn; }

static void subscribe_and_tick(cstar_conn *conn, const cstar_signals *in) {
    subscribe(conn, in);
    cstar_every(conn, 1000, tick);
}

enum { STATE = 10000 };

static void subscribe_and_keep(cstar_conn *conn, const cstar_signals *in) {
    subscribe(conn, in);
    char *state = cstar_stream_state(conn, STATE);
    assert_non_null(state);
    memset(state, 'x', STATE);
}

static void subscribe_and_render(cstar_conn *conn, const cstar_signals *in) {
    subscribe(conn, in);
    assert_int_equal(cstar_rerender_soon(conn, 50), CSTAR_OK);
    assert_int_equal(cstar_rerender_soon(conn, 50), CSTAR_OK); /* this one is put off */
}

static void halt(cstar_conn *conn, const cstar_signals *in) {
    subscribe(conn, in);
    cstar_halt(conn);
}

static void disconnect(cstar_conn *conn) {
    (void)conn;
    ended++;
}

static const char *key(cstar_conn *conn) {
    (void)conn;
    return "room";
}

CSTAR_PAGE(plain, .render = render, .connect = subscribe);
CSTAR_PAGE(keyed, .render = render, .connect = subscribe_and_patch, .stream_key = key);
CSTAR_PAGE(watched, .render = render, .connect = subscribe, .disconnect = disconnect);
CSTAR_PAGE(ticking, .render = render, .connect = subscribe_and_tick);
CSTAR_PAGE(keeping, .render = render, .connect = subscribe_and_keep);
CSTAR_PAGE(rendering, .render = render, .connect = subscribe_and_render);
CSTAR_PAGE(halting, .render = render, .connect = halt);
CSTAR_PAGE(blocking, .render = render, .connect = subscribe, .blocking = true);

typedef struct fixture {
    failalloc f;
    cstar_app *app;
    webdrive d[STREAMS];
    unsigned n;
    char line[2048]; /* of the access log, as cstar__traffic_describe() would have it */
} fixture;

static void open_app(fixture *x) {
    memset(x, 0, sizeof *x);
    failalloc_init(&x->f, 0);
    ended = 0;
    x->app = cstar_app_new_with(&x->f.alloc);
    assert_non_null(x->app);
    cstar_page(x->app, "/plain", &plain);
    cstar_page(x->app, "/keyed", &keyed);
    cstar_page(x->app, "/watched", &watched);
    cstar_page(x->app, "/ticking", &ticking);
    cstar_page(x->app, "/keeping", &keeping);
    cstar_page(x->app, "/rendering", &rendering);
    cstar_page(x->app, "/halting", &halting);
    cstar_page(x->app, "/blocking", &blocking);
}

static webdrive *client(fixture *x) {
    webdrive *d = &x->d[x->n++];
    webdrive_init(d, x->app, &x->f.alloc);
    return d;
}

static const char *post(webdrive *d, const char *path, const char *body) {
    return webdrive_request(d, "POST", path, body);
}

static void close_app(fixture *x) {
    while (x->n != 0) {
        webdrive_fini(&x->d[--x->n]);
    }
    cstar_app_free(x->app);
    assert_int_equal(x->f.live_blocks, 0);
}

static const cstar__exchange *exchange(const webdrive *d) { return d->machine.x; }

/* The client takes all that was said, which stays to be looked at. */
static void take_all(webdrive *d) {
    const size_t len = d->out.len;
    d->out.len = 0;
    assert_int_equal(cstar__h1_resume(&d->machine), CSTAR_OK);
    d->out.len = len;
}

/* What came since the last look. */
static const char *news(webdrive *d, cstar_app *app) {
    cstar_buf_reset(&d->out);
    assert_int_equal(cstar__h1_resume(&d->machine), CSTAR_OK); /* all is sent */
    (void)cstar__app_open_mail(app, 0);
    assert_int_equal(cstar__h1_resume(&d->machine), CSTAR_OK);
    cstar_buf_byte(&d->out, '\0');
    return d->out.ptr;
}

/* ---- how much ---- */

/* Of memory that is asked for with a stream that others like it have come before; the output and the
 * pool of exchanges are the client's, not the stream's. */
static size_t cost(fixture *x, const char *path, const char *body) {
    webdrive *d = client(x);
    (void)webdrive_request(d, "GET", "/none", NULL);
    assert_non_null(d->pool.free);
    const cstar_arena *arena = &d->pool.free->arena;
    const size_t before = x->f.live_bytes - d->out.cap - arena->used;
    assert_int_equal(webdrive_status(post(d, path, body)), 200);
    assert_non_null(exchange(d));
    (void)cstar__app_open_mail(x->app, 0); /* it is on the topic's list */
    const size_t pooled = d->pool.free != NULL ? d->pool.free->arena.used : 0;
    const size_t chunk = cstar__cells_bytes(&d->pool.slim); /* of which it has a cell */
    return x->f.live_bytes - d->out.cap - pooled - before - chunk +
           (chunk != 0 ? CSTAR__EXCHANGE_SLIM : 0);
}

static void a_quiet_stream_is_small(void **state) {
    (void)state;
    fixture x;
    open_app(&x);
    for (int i = 0; i < 5; i++) { /* and some room in the topic's list */
        (void)cost(&x, "/plain", "{}");
    }
    const size_t plain_cost = cost(&x, "/plain", "{\"some\":\"signals\"}");
    assert_true(exchange(&x.d[5])->slim);
    static const char tab[] = "{\"tabId\":\"0123456789abcdef0123456789abcdef\",\"pageId\":\"p\"}";
    (void)cost(&x, "/keyed", tab); /* and the registry has its tables */
    webdrive_fini(&x.d[--x.n]);
    const size_t keyed_cost = cost(&x, "/keyed", tab);
    assert_true(exchange(&x.d[6])->slim);
    const size_t watched_cost = cost(&x, "/watched", "{}");
    assert_false(exchange(&x.d[7])->slim);
    if (sizeof(void *) == 8) {
        assert_true(plain_cost <= 56 + 120 + 2 * 8); /* and places in the topic's list */
        assert_true(keyed_cost > plain_cost && keyed_cost <= plain_cost + 192);
    }
    assert_true(watched_cost > 2 * keyed_cost);
    close_app(&x);
}

/* ---- who becomes quiet ---- */

static void only_a_stream_that_nobody_watches(void **state) {
    static const struct {
        const char *path;
        bool slim;
    } cases[] = {{"/plain", true},      {"/keyed", true},    {"/watched", false},
                 {"/ticking", false},   {"/blocking", true}, {"/keeping", true},
                 {"/rendering", false}, {"/halting", false}};
    (void)state;
    fixture x;
    open_app(&x);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        webdrive *d = client(&x);
        assert_int_equal(webdrive_status(post(d, cases[i].path, "{}")), 200);
        if (strcmp(cases[i].path, "/halting") == 0) { /* over already */
            take_all(d);
            assert_null(exchange(d));
            continue;
        }
        assert_int_equal(exchange(d)->slim, cases[i].slim);
    }
    close_app(&x);
    assert_int_equal(ended, 1);
}

/* Nobody can see it any more. */
static void what_it_has_kept_is_given_back(void **state) {
    (void)state;
    fixture x;
    open_app(&x);
    for (int i = 0; i < 5; i++) {
        (void)cost(&x, "/plain", "{}");
    }
    assert_true(cost(&x, "/keeping", "{}") < STATE / 10);
    assert_true(exchange(&x.d[5])->slim);
    close_app(&x);
}

/* ---- what it still does ---- */

static void it_gets_what_is_published(void **state) {
    (void)state;
    fixture x;
    open_app(&x);
    webdrive *d = client(&x);
    const char *first = post(d, "/keyed", "{}");
    assert_non_null(strstr(first, "first"));
    assert_int_equal(cstar_publish_signals(x.app, "news", "{\"a\":1}"), CSTAR_OK);
    assert_int_equal(cstar_publish(x.app, "news", .bytes = CSTAR_STR("a message")), CSTAR_OK);
    assert_int_equal(cstar_publish_signals(x.app, "news", "{\"b\":2}"), CSTAR_OK);
    const char *came = news(d, x.app);
    const char *a = strstr(came, "{\"a\":1}");
    assert_non_null(a);
    assert_non_null(strstr(a, "{\"b\":2}"));
    cstar__h1_eof(&d->machine); /* as a half-closed connection would: it goes on */
    assert_non_null(exchange(d));
    close_app(&x);
}

/* While the client takes nothing, references wait, up to 256 KiB; then it is cut. */
static void a_slow_client_is_cut(void **state) {
    (void)state;
    fixture x;
    char html[PIECE];
    open_app(&x);
    memset(html, 'x', sizeof html - 1);
    html[sizeof html - 1] = '\0';
    webdrive *d = client(&x);
    (void)post(d, "/plain", "{}");
    cstar_buf_reset(&d->out);
    int pieces = 0;
    while (exchange(d) != NULL && pieces < 1000) {
        assert_int_equal(cstar_publish_elements(x.app, "news", html, .selector = "#n"), CSTAR_OK);
        (void)cstar__app_open_mail(x.app, 0);
        pieces++;
    }
    assert_true(d->machine.cut);
    assert_true(pieces > 50 && pieces < 70);
    close_app(&x);
}

static void one_that_waits_is_woken(void **state) {
    (void)state;
    fixture x;
    char html[PIECE];
    open_app(&x);
    memset(html, 'x', sizeof html - 1);
    html[sizeof html - 1] = '\0';
    webdrive *d = client(&x);
    (void)post(d, "/plain", "{}");
    cstar_buf_reset(&d->out);
    for (int i = 0; i < 40; i++) {
        (void)cstar_publish_elements(x.app, "news", html, .selector = "#n");
    }
    (void)cstar_publish_signals(x.app, "news", "{\"last\":1}");
    (void)cstar__app_open_mail(x.app, 0);
    for (int i = 0; i < 50; i++) {
        cstar_buf_byte(&d->out, '\0');
        if (strstr(d->out.ptr, "{\"last\":1}") != NULL) {
            close_app(&x);
            return;
        }
        cstar_buf_reset(&d->out);
        assert_int_equal(cstar__h1_resume(&d->machine), CSTAR_OK);
    }
    fail();
}

static void a_drain_ends_it_cleanly(void **state) {
    static const struct {
        const char *body;
        bool told;
    } cases[] = {{"{\"tabId\":\"t\",\"pageId\":\"p\"}", true}, {"{\"tabId\":\"t\"}", false}};
    (void)state;
    fixture x;
    open_app(&x);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        webdrive *d = client(&x);
        (void)post(d, "/keyed", cases[i].body);
        assert_true(exchange(d)->slim);
        assert_true(cstar_tab_is_live(x.app, "room", "t"));
        cstar_buf_reset(&d->out);
        cstar__h1_drain(&d->machine);
        assert_non_null(exchange(d)); /* till its client has the end */
        assert_false(cstar_tab_is_live(x.app, "room", "t"));
        take_all(d);
        cstar_buf_byte(&d->out, '\0');
        assert_null(exchange(d));
        assert_int_equal(strstr(d->out.ptr, "retry: ") != NULL, cases[i].told);
        assert_true(d->out.len >= 6 && strcmp(d->out.ptr + d->out.len - 6, "0\r\n\r\n") == 0);
        assert_false(cstar_tab_is_live(x.app, "room", "t"));
    }
    close_app(&x);
}

static void who_was_ended_is_nobodys(void **state) {
    (void)state;
    static const char *const bodies[] = {"{\"tabId\":\"t\",\"pageId\":\"p\"}", "{\"tabId\":\"t\"}"};
    fixture x;
    open_app(&x);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        webdrive *d = client(&x);
        (void)post(d, "/keyed", bodies[i]);
        assert_true(exchange(d)->slim);
        assert_int_equal(cstar_tab_end(x.app, "room", "t"), CSTAR_OK);
        (void)cstar__app_open_mail(x.app, 0);
        assert_non_null(exchange(d)); /* till its client has the end */
        assert_false(cstar_tab_is_live(x.app, "room", "t"));
        assert_int_equal(cstar_tab_end(x.app, "room", "t"), CSTAR_ENOENT);
        take_all(d);
        assert_null(exchange(d));
    }
    size_t bytes = 0;
    assert_int_equal(cstar__keepsakes_count(x.app->keepsakes, &bytes), 1); /* of the known page */
    close_app(&x);
}

static void a_newer_one_takes_its_tab(void **state) {
    (void)state;
    fixture x;
    open_app(&x);
    webdrive *a = client(&x);
    webdrive *b = client(&x);
    (void)post(a, "/keyed", "{\"tabId\":\"t\"}");
    assert_true(exchange(a)->slim);
    (void)post(b, "/keyed", "{\"tabId\":\"t\"}");
    (void)cstar__app_open_mail(x.app, 0);
    take_all(a);
    assert_null(exchange(a));
    assert_false(a->machine.cut);
    assert_true(exchange(b)->slim);
    assert_true(cstar_tab_is_live(x.app, "room", "t")); /* the old one has not released it */
    cstar__h1_fini(&b->machine);
    memset(&b->machine, 0, sizeof b->machine);
    assert_false(cstar_tab_is_live(x.app, "room", "t"));
    close_app(&x);
}

/* ---- the access log ---- */

static void its_line_says_what_its_request_was(void **state) {
    static const char head[] =
        "POST /keyed?a=b HTTP/1.1\r\nHost: app.test\r\nReferer: /from\r\n%s"
        "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"tabId\":\"t\"}";
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        fixture x;
        char request[512];
        char mem[CSTAR__IP_TEXT];
        open_app(&x);
        const bool agent = (i & 1) != 0;
        (void)snprintf(request, sizeof request, head, agent ? "User-Agent: me\r\n" : "");
        x.app->access_format = (cstar_access_format)(i >> 1 & 3) < CSTAR_ACCESS_JSON
                                   ? (cstar_access_format)(i >> 1 & 3)
                                   : CSTAR_ACCESS_JSON;
        x.app->trust_local = (i & 4) != 0; /* then the client's address is not the peer's */
        /* never written to: the stream is looked at before it is over */
        x.app->access_log = (struct cstar__access_log *)(void *)&x;
        webdrive *d = client(&x);
        d->peer.local = true;
        webdrive_feed(d, request);
        assert_true(exchange(d)->slim);
        cstar__access_entry e = {0};
        cstar__traffic_describe(x.app, exchange(d), mem, &e);
        const bool details = x.app->access_format != CSTAR_ACCESS_COMMON;
        assert_string_equal(e.method, "POST");
        assert_int_equal(e.minor, 1);
        assert_true(cstar_str_eq(e.target, CSTAR_STR("/keyed?a=b")));
        assert_true(cstar_str_eq(e.address, CSTAR_STR("unix")));
        assert_int_equal(e.referer.ptr != NULL, details);
        assert_int_equal(e.agent.ptr != NULL, details && agent);
        assert_true(!details || cstar_str_eq(e.referer, CSTAR_STR("/from")));
        assert_int_equal(e.request_id.len, x.app->access_format == CSTAR_ACCESS_JSON ? 32 : 0);
        x.app->access_log = NULL;
        close_app(&x);
    }
}

/* ---- where memory lacks ---- */

static void out_of_memory_it_lasts_or_is_refused(void **state) {
    (void)state;
    unsigned streams = 0;
    for (size_t n = 1;; n++) {
        fixture x;
        open_app(&x);
        webdrive *d = client(&x);
        (void)webdrive_request(d, "GET", "/none", NULL);
        x.f.calls = 0;
        x.f.fail_at = n;
        const char *answer = post(d, "/keyed", "{\"tabId\":\"t\",\"pageId\":\"p\"}");
        const bool failed = x.f.calls >= n;
        x.f.fail_at = 0;
        if (exchange(d) != NULL) {
            streams++;
            assert_int_equal(webdrive_status(answer), 200);
            assert_true(cstar_tab_is_live(x.app, "room", "t"));
            (void)cstar_publish_signals(x.app, "news", "{\"a\":1}");
            assert_true(strstr(news(d, x.app), "{\"a\":1}") != NULL || subscribed != CSTAR_OK);
        }
        close_app(&x);
        if (!failed) {
            assert_true(streams > 2); /* not even its becoming quiet has to succeed */
            return;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_stream_is_small),
        cmocka_unit_test(only_a_stream_that_nobody_watches),
        cmocka_unit_test(what_it_has_kept_is_given_back),
        cmocka_unit_test(it_gets_what_is_published),
        cmocka_unit_test(a_slow_client_is_cut),
        cmocka_unit_test(one_that_waits_is_woken),
        cmocka_unit_test(a_drain_ends_it_cleanly),
        cmocka_unit_test(who_was_ended_is_nobodys),
        cmocka_unit_test(a_newer_one_takes_its_tab),
        cmocka_unit_test(its_line_says_what_its_request_was),
        cmocka_unit_test(out_of_memory_it_lasts_or_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
