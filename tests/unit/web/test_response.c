/* test_response.c -- whole responses: headers, content coding, error pages, redirects.
 * SPDX-License-Identifier: MIT */
#include "http/accept.h"
#include "support/decoders.h"
#include "support/failalloc.h"
#include "support/webrig.h"
#include "web/app.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- the app under test ---- */

enum { BIG = 20000 };
static char big[BIG + 1];
static char noise[BIG];

static int make_bodies(void **state) {
    uint64_t seed = 1;
    (void)state;
    for (size_t i = 0; i < BIG; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        noise[i] = (char)(seed >> 56);
        big[i] = "the quick brown fox, "[i % 21];
    }
    return 0;
}

static void send_big(cstar_conn *conn) { cstar_respond_text(conn, 200, big); }

static void send_sized(cstar_conn *conn) {
    const char *size = cstar_param(conn, "size");
    cstar_respond(conn, 200, "text/plain", cstar_view(big, strtoul(size, NULL, 10)));
}

static void send_noise(cstar_conn *conn) {
    cstar_respond(conn, 200, "text/plain", cstar_view(noise, BIG));
}

/* Header by header from the query: /as?name=value&name=value */
static void send_as(cstar_conn *conn) {
    static const char *const names[] = {"Vary", "ETag", "Cache-Control", "Content-Encoding",
                                        "Content-Type"};
    const char *status = cstar_query(conn, "status");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = cstar_query(conn, names[i]);
        if (value != NULL) {
            cstar_set_header(conn, names[i], value);
        }
    }
    if (cstar_query(conn, "plain") != NULL) {
        cstar_no_compress(conn);
    }
    cstar_respond(conn, status != NULL ? (int)strtol(status, NULL, 10) : 200,
                  cstar_query(conn, "Content-Type") != NULL ? NULL : "text/plain", cstar_cstr(big));
}

static void send_events(cstar_conn *conn) {
    cstar_start(conn);
    for (int i = 0; i < 100; i++) {
        cstar_signal(conn, "count", i);
    }
}

static void own_cache_control(cstar_conn *conn) {
    cstar_set_header(conn, "Cache-Control", "private, no-transform");
    send_events(conn);
}

static void headers(cstar_conn *conn) {
    assert_null(cstar_response_header(conn, "x-a").ptr);
    assert_int_equal(cstar_set_header(conn, "X-A", "1"), CSTAR_OK);
    assert_int_equal(cstar_add_header(conn, "x-a", "2"), CSTAR_OK);
    assert_int_equal(cstar_add_header(conn, "X-B", "kept"), CSTAR_OK);
    assert_int_equal(cstar_set_header(conn, "x-A", "3"), CSTAR_OK);
    assert_int_equal(cstar_add_header(conn, "X-a", "4"), CSTAR_OK);
    assert_true(cstar_str_eq(cstar_response_header(conn, "x-a"), CSTAR_STR("3")));
    assert_int_equal(cstar_add_header(conn, "x-c", "a\r\nSet-Cookie: b"), CSTAR_EINVAL);
    assert_int_equal(cstar_set_header(conn, "x c", "a"), CSTAR_EINVAL);
    assert_int_equal(cstar_set_header(conn, "Content-Length", "5"), CSTAR_EINVAL);
    assert_int_equal(cstar_set_header(conn, "Content-Type", "text/html"), CSTAR_OK);
    assert_int_equal(cstar_respond_json(conn, 201, CSTAR_STR("{}")), CSTAR_OK);
    assert_int_equal(cstar_set_header(conn, "x-late", "1"), CSTAR_ESTATE);
    assert_int_equal(cstar_respond_empty(conn, 204), CSTAR_ESTATE);
    assert_int_equal(cstar_respond_html(conn, 200, cstar_frag(NULL, NULL)), CSTAR_ESTATE);
    assert_int_equal(cstar_fail(conn, 404), CSTAR_ESTATE);
    assert_int_equal(cstar_redirect_to(conn, 302, "/"), CSTAR_ESTATE);
}

static void empty(cstar_conn *conn) { cstar_respond_empty(conn, 204); }

static void render_name(cstar_html *h, const void *arg) {
    cstar_put(h, "<b>{}</b>", (const char *)arg);
}

static void render_unsafe(cstar_html *h, const void *arg) {
    cstar_put(h, "<b onclick='{}'>half</b>", (const char *)arg);
}

static void html(cstar_conn *conn) {
    const char *name = cstar_query(conn, "name");
    if (name != NULL) {
        cstar_respond_html(conn, 200, cstar_frag(render_name, name));
    } else {
        cstar_respond_html(conn, 200, cstar_frag(render_unsafe, "x"));
    }
}

static void redirect(cstar_conn *conn) {
    static const char *const allowed[] = {"ok.example"};
    const char *status = cstar_query(conn, "status");
    cstar_redirect_to(conn, status != NULL ? (int)strtol(status, NULL, 10) : 0,
                      cstar_query(conn, "to"), .external = cstar_query(conn, "external") != NULL,
                      .allow = allowed, .nallow = 1);
}

static void failing(cstar_conn *conn) {
    cstar_set_header(conn, "ETag", "\"x\"");
    cstar_set_header(conn, "Cache-Control", "public, max-age=31536000");
    cstar_set_header(conn, "Content-Encoding", "gzip");
    cstar_set_header(conn, "WWW-Authenticate", "Basic");
    assert_int_equal(cstar_fail(conn, 200), CSTAR_EINVAL);
    assert_int_equal(cstar_fail(conn, 401), CSTAR_OK);
}

static void nothing(cstar_conn *conn) { (void)conn; }

static cstar_app *new_app(const cstar_allocator *alloc) {
    cstar_app *app = cstar_app_new_with(alloc);
    if (app != NULL) {
        cstar_route(app, CSTAR_GET, "/big", send_big);
        cstar_route(app, CSTAR_GET, "/sized/:size", send_sized);
        cstar_route(app, CSTAR_GET, "/noise", send_noise);
        cstar_route(app, CSTAR_GET, "/as", send_as);
        cstar_route(app, CSTAR_GET, "/events", send_events);
        cstar_route(app, CSTAR_GET, "/own-cache-control", own_cache_control);
        cstar_route(app, CSTAR_GET, "/headers", headers);
        cstar_route(app, CSTAR_GET, "/empty", empty);
        cstar_route(app, CSTAR_GET, "/html", html);
        cstar_route(app, CSTAR_GET, "/redirect", redirect);
        cstar_route(app, CSTAR_GET, "/failing", failing);
        cstar_route(app, CSTAR_GET, "/nothing", nothing);
    }
    return app;
}

typedef webrig fixture;

static int setup(void **state) { return webrig_open(state, new_app(cstar_heap())); }
static int teardown(void **state) { return webrig_close(state); }

/* ---- asking ---- */

/* `fields`: whole lines, or "". @return the answer, NUL-terminated behind it. */
static const char *ask(webdrive *d, const char *method, const char *target, const char *fields) {
    d->fields = fields;
    return webdrive_request(d, method, target, NULL);
}

static const char *get(fixture *f, const char *target, const char *fields) {
    return ask(&f->drive, "GET", target, fields);
}

/* What is behind the head, NUL bytes and all. */
static cstar_str body_of(const webdrive *d) {
    const char *body = webdrive_body(d->out.ptr);
    return cstar_view(body, d->out.len - 1 - (size_t)(body - d->out.ptr));
}

static bool can(const char *coding) {
    for (cstar__coding c = CSTAR__GZIP; c < CSTAR__CODINGS; c++) {
        if (strcmp(cstar__coding_name(c), coding) == 0) {
            return cstar__coding_built(c) && decoder_there(coding);
        }
    }
    return true;
}

/* The present answer is `text` in that coding, and says so. */
static void assert_coded(const webdrive *d, const char *coding, cstar_str text) {
    char line[64];
    const cstar_str body = body_of(d);
    (void)snprintf(line, sizeof line, "content-encoding: %s\r\n", coding);
    assert_has(d->out.ptr, line);
    (void)snprintf(line, sizeof line, "Content-Length: %zu\r\n", body.len);
    assert_has(d->out.ptr, line);
    assert_true(body.len < text.len);
    assert_true(cstar_str_eq(decode(coding, body), text));
}

static void assert_plain(const webdrive *d, cstar_str text) {
    assert_lacks(d->out.ptr, "content-encoding:");
    assert_true(cstar_str_eq(body_of(d), text));
}

/* ---- content coding ---- */

static void each_coding_is_decoded_to_the_text(void **state) {
    fixture *f = *state;
    static const char *const codings[] = {"gzip", "br", "zstd"};
    for (size_t i = 0; i < 3; i++) {
        char field[64];
        if (!can(codings[i])) {
            continue;
        }
        (void)snprintf(field, sizeof field, "Accept-Encoding: %s\r\n", codings[i]);
        for (int again = 0; again < 3; again++) { /* a coder that is used again is as good */
            assert_has(get(f, "/big", field), "vary: accept-encoding\r\n");
            assert_coded(&f->drive, codings[i], cstar_cstr(big));
        }
    }
}

static void the_clients_weights_decide(void **state) {
    fixture *f = *state;
    static const char *const cases[][2] = {
        {"br;q=0, gzip;q=0.5, zstd;q=0.1", "gzip"},
        {"gzip, br, zstd", "br"},
        {"gzip;q=0.2, zstd;q=0.9", "zstd"},
        {"gzip;q=0", NULL},
        {"identity, gzip;q=0.9", NULL},
        {"*;q=0", NULL},
        {"deflate", NULL},
        {"gzip;q=2", NULL},
        {"", NULL},
        {"x-gzip", "gzip"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char field[128];
        (void)snprintf(field, sizeof field, "Accept-Encoding: %s\r\n", cases[i][0]);
        const char *answer = get(f, "/big", field);
        assert_has(answer, "vary: accept-encoding\r\n");
        if (cases[i][1] == NULL) {
            assert_plain(&f->drive, cstar_cstr(big));
        } else if (can("br") && can("zstd") && can("gzip")) {
            assert_coded(&f->drive, cases[i][1], cstar_cstr(big));
        }
    }
}

static void short_bodies_stay_as_they_are(void **state) {
    fixture *f = *state;
    assert_lacks(get(f, "/sized/1023", "Accept-Encoding: gzip\r\n"), "vary");
    assert_plain(&f->drive, cstar_view(big, 1023));
    assert_has(get(f, "/sized/1024", "Accept-Encoding: gzip\r\n"), "vary: accept-encoding");
    if (can("gzip")) {
        assert_coded(&f->drive, "gzip", cstar_view(big, 1024));
    }
    f->app->coders.min = 1;
    assert_int_equal(webdrive_status(get(f, "/sized/1", "Accept-Encoding: gzip\r\n")), 200);
    assert_plain(&f->drive, cstar_view(big, 1));
}

static void what_does_not_get_smaller_stays_as_it_is(void **state) {
    fixture *f = *state;
    assert_has(get(f, "/noise", "Accept-Encoding: br, gzip, zstd\r\n"), "vary: accept-encoding");
    assert_plain(&f->drive, cstar_view(noise, BIG));
    get(f, "/noise", "Accept-Encoding: gzip\r\n");
    assert_plain(&f->drive, cstar_view(noise, BIG));
    if (can("gzip")) { /* the coder that gave up is as good as new */
        get(f, "/big", "Accept-Encoding: gzip\r\n");
        assert_coded(&f->drive, "gzip", cstar_cstr(big));
    }
}

static void handlers_and_types_that_say_no(void **state) {
    fixture *f = *state;
    static const char *const targets[] = {
        "/as?Content-Encoding=compress",
        "/as?Cache-Control=public,%20No-Transform",
        "/as?Content-Type=image/png",
        "/as?Content-Type=application/octet-stream",
        "/as?plain=1",
        "/as?status=206",
    };
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        const char *answer = get(f, targets[i], "Accept-Encoding: gzip, br\r\n");
        assert_lacks(answer, "vary:");
        assert_true(cstar_str_eq(body_of(&f->drive), cstar_cstr(big)));
    }
    f->app->coders.off = true;
    assert_lacks(get(f, "/big", "Accept-Encoding: gzip, br\r\n"), "vary:");
    assert_plain(&f->drive, cstar_cstr(big));
}

static void vary_is_joined_to_the_handlers(void **state) {
    fixture *f = *state;
    static const char *const cases[][2] = {
        {"/as?Vary=Origin", "Vary: Origin, accept-encoding\r\n"},
        {"/as?Vary=*", "Vary: *\r\n"},
        {"/as?Vary=Origin,%20Accept-Encoding", "Vary: Origin, Accept-Encoding\r\n"},
        {"/as?Vary=x-accept-encoding", "Vary: x-accept-encoding, accept-encoding\r\n"},
        {"/as?Vary=", "Vary: accept-encoding\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_has(get(f, cases[i][0], ""), cases[i][1]);
    }
}

static void strong_tags_become_weak_when_coded(void **state) {
    fixture *f = *state;
    assert_has(get(f, "/as?ETag=%22a%22", ""), "ETag: \"a\"\r\n");
    if (can("gzip")) {
        const char *answer = get(f, "/as?ETag=%22a%22", "Accept-Encoding: gzip\r\n");
        assert_has(answer, "etag: W/\"a\"\r\n");
        assert_lacks(answer, "ETag: \"a\"");
        assert_has(get(f, "/as?ETag=W/%22a%22", "Accept-Encoding: gzip\r\n"), "ETag: W/\"a\"\r\n");
    }
}

static void head_says_what_get_would(void **state) {
    fixture *f = *state;
    static const char *const accepts[] = {"", "Accept-Encoding: gzip\r\n"};
    for (size_t i = 0; i < 2; i++) {
        char *head = strdup(ask(&f->drive, "HEAD", "/big", accepts[i]));
        assert_non_null(head);
        assert_int_equal(body_of(&f->drive).len, 0);
        const char *whole = get(f, "/big", accepts[i]);
        assert_memory_equal(head, whole, strlen(head));
        free(head);
    }
}

static void the_budget_decides_before_the_client(void **state) {
    fixture *f = *state;
    cstar__coding_budget *b = &f->app->coders.budget;
    const char *accept = "Accept-Encoding: br, zstd, gzip\r\n";
    if (!can("gzip") || !can("br")) {
        skip();
    }
    b->limit = cstar__encoder_memory(CSTAR__GZIP, NULL);
    get(f, "/big", accept);
    assert_coded(&f->drive, "gzip", cstar_cstr(big));
    assert_int_equal(b->less, 1);
    assert_true(b->used <= b->limit);
    b->limit = 1; /* what is kept of the last one goes first */
    get(f, "/big", accept);
    assert_plain(&f->drive, cstar_cstr(big));
    assert_int_equal(b->none, 1);
    assert_int_equal(b->used, 0);
    b->limit = 0;
    get(f, "/big", accept);
    assert_coded(&f->drive, "br", cstar_cstr(big));
    assert_int_equal(b->whole, 1);
    assert_int_equal(b->used, 0); /* br is not kept */
    get(f, "/big", "Accept-Encoding: gzip\r\n");
    assert_int_equal(b->used, cstar__encoder_memory(CSTAR__GZIP, NULL));
}

static void large_bodies_have_coders_of_their_own(void **state) {
    fixture *f = *state;
    cstar__coders *c = &f->app->coders;
    if (!can("gzip")) {
        skip();
    }
    get(f, "/big", "Accept-Encoding: gzip\r\n");
    assert_false(c->idle->large);
    cstar__coder *large = cstar__coder_take(c, &(cstar__request){0}, true);
    assert_null(large); /* a request that says nothing */
    const cstar__field fields[] = {{CSTAR_STR("accept-encoding"), CSTAR_STR("gzip")}};
    const cstar__request r = {.fields = fields, .nfields = 1};
    large = cstar__coder_take(c, &r, true);
    assert_true(large->large && c->nidle == 1);
    cstar__coder_give(c, large);
    assert_int_equal(c->nidle, 2);
    assert_ptr_equal(cstar__coder_take(c, &r, true), large);
    cstar__coder_give(c, large);
}

/* ---- event streams ---- */

static void events_of_a_handler_are_coded_too(void **state) {
    fixture *f = *state;
    char *plain = strdup(webdrive_body(get(f, "/events", "")));
    assert_non_null(plain);
    const char *answer = get(f, "/events", "Accept-Encoding: gzip\r\n");
    assert_has(answer, "content-type: text/event-stream\r\n");
    assert_has(answer, "cache-control: no-cache, no-transform\r\n");
    assert_has(answer, "x-accel-buffering: no\r\n");
    assert_has(answer, "vary: accept-encoding\r\n");
    assert_has(answer, "Connection: keep-alive\r\n");
    if (can("gzip")) {
        assert_coded(&f->drive, "gzip", cstar_cstr(plain));
    }
    answer = get(f, "/own-cache-control", "");
    assert_has(answer, "Cache-Control: private, no-transform\r\n");
    assert_lacks(answer, "no-cache");
    free(plain);
}

/* ---- headers and small conveniences ---- */

static void set_replaces_and_add_adds(void **state) {
    fixture *f = *state;
    const char *answer = get(f, "/headers", "");
    assert_int_equal(webdrive_status(answer), 201);
    assert_has(answer, "X-B: kept\r\nx-A: 3\r\nX-a: 4\r\n");
    assert_lacks(answer, "X-A: 1");
    assert_lacks(answer, "x-a: 2");
    assert_lacks(answer, "text/html");
    assert_has(answer, "content-type: application/json\r\n");
    assert_string_equal(webdrive_body(answer), "{}");
}

static void empty_and_html(void **state) {
    fixture *f = *state;
    const char *answer = get(f, "/empty", "");
    assert_int_equal(webdrive_status(answer), 204);
    assert_string_equal(webdrive_body(answer), "");
    answer = get(f, "/html?name=%3Ci%3E", "");
    assert_has(answer, "content-type: text/html; charset=utf-8\r\n");
    assert_string_equal(webdrive_body(answer), "<b>&lt;i&gt;</b>");
    answer = get(f, "/html", "");
    assert_int_equal(webdrive_status(answer), 500);
    assert_lacks(answer, "half");
    assert_has(f->drive.log, "test_response.c:");
}

/* ---- redirects ---- */

static void redirects_follow_the_policy(void **state) {
    fixture *f = *state;
    static const struct {
        const char *query, *location; /* NULL: refused */
        int status;
    } cases[] = {
        {"to=/x", "/x", 303},
        {"to=/x&status=301", "/x", 301},
        {"to=/x&status=302", "/x", 302},
        {"to=/x&status=307", "/x", 307},
        {"to=/x&status=308", "/x", 308},
        {"to=/x&status=304", NULL, 0},
        {"to=/x&status=200", NULL, 0},
        {"", NULL, 0},
        {"to=?q=1%23f", "?q=1#f", 303},
        {"to=http://app.test/y", "http://app.test/y", 303},
        {"to=https://ok.example/y", "https://ok.example/y", 303},
        {"to=https://app.test/y", NULL, 0},
        {"to=https://evil.example/", NULL, 0},
        {"to=https://evil.example/&external=1", "https://evil.example/", 303},
        {"to=javascript:alert(1)&external=1", NULL, 0},
        {"to=//evil.example&external=1", NULL, 0},
        {"to=/%5Cevil.example", NULL, 0},
        {"to=/%09/evil.example", NULL, 0},
        {"to=https://a@b.example/&external=1", NULL, 0},
        {"to=/a%0D%0ASet-Cookie:%20x=1", "/a%0D%0ASet-Cookie:%20x=1", 303},
        {"to=/%C3%A4%20%22%3C", "/%C3%A4%20%22%3C", 303},
        {"to=/path%5Cwith", "/path%5Cwith", 303},
        {"to=/a%2541", "/a%41", 303},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char target[256];
        char line[256];
        (void)snprintf(target, sizeof target, "/redirect?%s", cases[i].query);
        const char *answer = get(f, target, "");
        if (cases[i].location == NULL) {
            assert_int_equal(webdrive_status(answer), 500);
            assert_lacks(answer, "ocation:");
            continue;
        }
        (void)snprintf(line, sizeof line, "location: %s\r\n", cases[i].location);
        assert_int_equal(webdrive_status(answer), cases[i].status);
        assert_has(answer, line);
        assert_string_equal(webdrive_body(answer), "");
    }
}

/* ---- error pages ---- */

static void who_asks_for_html_gets_a_page(void **state) {
    fixture *f = *state;
    static const struct {
        const char *fields;
        bool html;
    } cases[] = {
        {"", false},
        {"Accept: */*\r\n", false},
        {"Accept: text/html\r\n", true},
        {"Accept: application/xml;q=0.9, TEXT/HTML;q=0.8, */*\r\n", true},
        {"Accept: text/html;q=0\r\n", false},
        {"Accept: text/html; q=0.000\r\n", false},
        {"Accept: text/html;q=0.001\r\n", true},
        {"Accept: text/htmlx\r\n", false},
        {"Accept: text/html\r\nDatastar-Request: true\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *answer = get(f, "/nowhere%3Cscript%3E?<b>=1", cases[i].fields);
        if (webdrive_status(answer) == 400) {
            answer = get(f, "/nowhere%3Cscript%3E?b=1", cases[i].fields);
        }
        assert_int_equal(webdrive_status(answer), 404);
        assert_has(answer, "vary: accept, datastar-request\r\n");
        if (cases[i].html) {
            assert_has(answer, "content-type: text/html; charset=utf-8\r\n");
            assert_has(answer, "<h1>404</h1><p>Not Found</p>");
            assert_lacks(answer, "script");
            assert_lacks(answer, "nowhere");
        } else {
            assert_has(answer, "content-type: text/plain; charset=utf-8\r\n");
            assert_string_equal(webdrive_body(answer), "Not Found");
        }
    }
    const char *answer = ask(&f->drive, "POST", "/big", "Accept: text/html\r\n");
    assert_int_equal(webdrive_status(answer), 405);
    assert_has(answer, "allow: GET, HEAD\r\n");
    answer = get(f, "/nothing", "Accept: text/html\r\n");
    assert_has(answer, "<h1>500</h1>");
}

static void an_error_is_not_described_as_something_else(void **state) {
    fixture *f = *state;
    const char *answer = get(f, "/failing", "");
    assert_int_equal(webdrive_status(answer), 401);
    assert_has(answer, "WWW-Authenticate: Basic\r\n");
    assert_lacks(answer, "ETag");
    assert_lacks(answer, "Cache-Control");
    assert_lacks(answer, "Content-Encoding");
    assert_string_equal(webdrive_body(answer), "Unauthorized");
}

static void own_page(cstar_conn *conn, cstar_html *h, int status) {
    assert_null(cstar_param(conn, "id"));
    assert_int_equal(cstar_respond_text(conn, 200, "no"), CSTAR_ESTATE);
    cstar_put(h, "<!doctype html><head>");
    cstar_head(conn, h);
    cstar_put(h, "</head><h1>Ours: {}</h1>", status);
}

static void broken_page(cstar_conn *conn, cstar_html *h, int status) {
    (void)conn;
    cstar_put(h, "<p onclick='{}'>half</p>", status);
}

static void an_app_may_have_its_own_page(void **state) {
    fixture *f = *state;
    cstar_error_page(f->app, own_page);
    const char *answer = get(f, "/nowhere", "Accept: text/html\r\n");
    assert_int_equal(webdrive_status(answer), 404);
    assert_has(answer, "<title></title>");
    assert_has(answer, "<h1>Ours: 404</h1>");
    assert_has(get(f, "/nothing", "Accept: text/html\r\n"), "<h1>Ours: 500</h1>");
    assert_string_equal(webdrive_body(get(f, "/nowhere", "")), "Not Found");
    cstar_error_page(f->app, broken_page);
    answer = get(f, "/nowhere", "Accept: text/html\r\n");
    assert_int_equal(webdrive_status(answer), 404);
    assert_string_equal(webdrive_body(answer), "Not Found");
    assert_has(f->drive.log, "the error page for 404 failed");
    cstar_error_page(f->app, NULL);
    assert_has(get(f, "/nowhere", "Accept: text/html\r\n"), "<h1>404</h1>");
}

/* ---- out of memory ---- */

static const char *request_of(size_t i) {
    static const char *const targets[] = {
        "/big",     "/events",     "/as?Vary=Origin&ETag=%22a%22", "/redirect?to=/x",
        "/nowhere", "/html?name=x"};
    return i < sizeof targets / sizeof *targets ? targets[i] : NULL;
}

/* @return false: the allocation that should fail was not reached. */
static bool survives(const char *target, size_t fail_at) {
    failalloc memory;
    webdrive drive;
    failalloc_init(&memory, 0);
    cstar_app *app = new_app(&memory.alloc);
    webdrive_init(&drive, app, &memory.alloc);
    memory.fail_at = memory.calls + fail_at;
    const char *answer =
        ask(&drive, "GET", target, "Accept-Encoding: gzip\r\nAccept: text/html\r\n");
    const int status = webdrive_status(answer);
    const bool reached = memory.calls >= memory.fail_at;
    assert_true(status == 200 || status == 303 || status == 404 || status == 500 ||
                (reached && status == 0));
    if (status == 200 && strcmp(target, "/big") == 0) {
        const bool coded = strstr(answer, "content-encoding: gzip") != NULL;
        assert_true(cstar_str_eq(decode(coded ? "gzip" : "", body_of(&drive)), cstar_cstr(big)));
    }
    webdrive_fini(&drive);
    cstar_app_free(app);
    assert_int_equal(memory.live_blocks, 0);
    return reached;
}

static void every_failing_allocation_is_survived(void **state) {
    (void)state;
    for (size_t i = 0; request_of(i) != NULL; i++) {
        size_t n = 1;
        while (survives(request_of(i), n)) {
            n++;
        }
        assert_true(n > 1);
    }
}

int main(void) {
#define IN_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_FIXTURE(each_coding_is_decoded_to_the_text),
        IN_FIXTURE(the_clients_weights_decide),
        IN_FIXTURE(short_bodies_stay_as_they_are),
        IN_FIXTURE(what_does_not_get_smaller_stays_as_it_is),
        IN_FIXTURE(handlers_and_types_that_say_no),
        IN_FIXTURE(vary_is_joined_to_the_handlers),
        IN_FIXTURE(strong_tags_become_weak_when_coded),
        IN_FIXTURE(head_says_what_get_would),
        IN_FIXTURE(the_budget_decides_before_the_client),
        IN_FIXTURE(large_bodies_have_coders_of_their_own),
        IN_FIXTURE(events_of_a_handler_are_coded_too),
        IN_FIXTURE(set_replaces_and_add_adds),
        IN_FIXTURE(empty_and_html),
        IN_FIXTURE(redirects_follow_the_policy),
        IN_FIXTURE(who_asks_for_html_gets_a_page),
        IN_FIXTURE(an_error_is_not_described_as_something_else),
        IN_FIXTURE(an_app_may_have_its_own_page),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, make_bodies, NULL);
}
