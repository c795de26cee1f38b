/* test_layout.c -- the document around a page, and its security headers.
 * SPDX-License-Identifier: MIT */
#include "support/webrig.h"
#include "web/app.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char *const secrets[] = {"first secret of at least 32 bytes!", NULL};

/* ---- the app ---- */

static void mount(cstar_conn *conn) {
    const char *base = cstar_query(conn, "base");
    if (base != NULL) {
        cstar_assign(conn, "ds_base", base);
    }
    const char *lang = cstar_query(conn, "lang");
    if (lang != NULL) {
        cstar_assign(conn, "lang", lang);
        cstar_assign_new(conn, "lang", "xx");
    }
    if (cstar_query(conn, "flash") != NULL) {
        cstar_flash(conn, "bad\"", "<b>text</b>");
    }
    cstar_assign(conn, "page_title", "<Title>");
}

static void head(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<style nonce='{}'></style>", cstar_nonce(conn));
}

static void render(cstar_conn *conn, cstar_html *h) {
    const cstar_expr reload = cstar_event("r", .verb = CSTAR_GET);
    cstar_flash_area(conn, h);
    cstar_csrf_field(conn, h);
    cstar_put(h, "<a data-on:click='{}'></a>", cstar_event("e", .verb = CSTAR_DELETE));
    cstar_put(h, "<a data-on:click='{}'></a>", cstar_event("e"));
    cstar_put(h, "<a {}></a>", cstar_on_nudge("n", &reload));
}

static void event(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_patch(conn, h, .selector = "#x") {
        cstar_put(h, "<a data-on:click='{}'></a>",
                  cstar_component_event("c", "e", .verb = CSTAR_GET));
    }
}

CSTAR_PAGE(page, .mount = mount, .render = render, .head = head,
           .events = CSTAR_EVENTS({"go", event}));
CSTAR_COMPONENT(part, .name = "part", .events = CSTAR_EVENTS({"go", event}));

static void own(cstar_conn *conn) {
    cstar_set_header(conn, "Referrer-Policy", "no-referrer");
    cstar_set_header(conn, "Content-Security-Policy", "sandbox");
    cstar_respond(conn, 200, "text/html", CSTAR_STR("x"));
}

static void text(cstar_conn *conn) { cstar_respond_text(conn, 200, "text"); }

static void nothing(cstar_html *h, const void *arg) {
    (void)h;
    (void)arg;
}

static void error_page(cstar_conn *conn, cstar_html *h, int status) {
    (void)status;
    cstar_default_layout(conn, h, cstar_frag(nothing, h));
}

typedef webrig fixture;

static void start(fixture *f, bool sessions) {
    f->app = cstar_app_new();
    assert_non_null(f->app);
    cstar_page(f->app, "/", &page);
    cstar_route(f->app, CSTAR_GET, "/own", own);
    cstar_route(f->app, CSTAR_GET, "/text", text);
    if (sessions && cstar_sessions(f->app, .secrets = secrets) == CSTAR_ENOTSUP) {
        cstar_app_free(f->app);
        skip();
    }
    webdrive_init(&f->drive, f->app, cstar_heap());
}

static void stop(fixture *f) {
    webdrive_fini(&f->drive);
    cstar_app_free(f->app);
}

static const char *get(fixture *f, const char *target) {
    return webdrive_request(&f->drive, "GET", target, NULL);
}

#define FILTER "filterSignals: {exclude: /(^|\\.)_|^csrf$/}"

/* ---- the document ---- */

static void without_sessions(void **state) {
    (void)state;
    fixture f;
    start(&f, false);
    const char *answer = get(&f, "/");
    assert_has(answer, "<!doctype html><html lang='en'><head><meta charset='utf-8'>");
    assert_has(answer, "<title>&lt;Title&gt;</title><script type='module' src='https://");
    assert_has(answer, "integrity='sha256-");
    assert_has(answer, "<style nonce=''></style></head><body data-signals:tab-id='");
    assert_has(answer, "<div id='flash' role='status'></div><a data-on:click='@delete(");
    assert_lacks(answer, "csrf");
    assert_lacks(answer, "data-ds-base");
    stop(&f);
}

static void a_page_says_its_language(void **state) {
    (void)state;
    fixture f;
    start(&f, false);
    assert_has(get(&f, "/?lang=de"), "<html lang='de'>");
    assert_has(get(&f, "/?lang='%3Eoops"), "<html lang='&#39;&gt;oops'>");
    stop(&f);
}

static void with_sessions(void **state) {
    (void)state;
    fixture f;
    start(&f, true);
    const char *answer = get(&f, "/?flash=1");
    assert_has(answer, " data-signals:csrf='\"");
    assert_has(answer, "<input type='hidden' name='_csrf_token' value='");
    assert_has(answer, "<p class='bad&quot;'>&lt;b&gt;text&lt;/b&gt;</p>");
    assert_has(answer,
               "/_event/e&quot;, {" FILTER ", headers: {&quot;x-csrf-token&quot;: $csrf}})'");
    assert_has(answer, "/_event/e&quot;)'></a>");
    assert_has(answer, "/_event/r&quot;, {" FILTER "})' data-on-signal-patch-filter");
    stop(&f);
    start(&f, true);
    f.drive.fields = "Datastar-Request: true\r\n";
    answer = get(&f, "/_event/go");
    assert_has(answer, "/c/e&quot;, {" FILTER "}) : undefined)");
    stop(&f);
}

/* An error page shows a token where there is one, and complains of nothing where it is too late. */
static void error_pages(void **state) {
    (void)state;
    fixture f;
    start(&f, true);
    cstar_error_page(f.app, error_page);
    cstar_buf_reset(&f.drive.out);
    webdrive_feed(&f.drive, "GET /none HTTP/1.1\r\nHost: app.test\r\nAccept: text/html\r\n\r\n");
    cstar_buf_byte(&f.drive.out, '\0');
    assert_has(f.drive.out.ptr, "HTTP/1.1 404");
    assert_has(f.drive.out.ptr, "<body data-signals:tab-id='");
    assert_lacks(f.drive.out.ptr, "data-signals:csrf");
    assert_int_equal(f.drive.logged, 0);
    stop(&f);
}

static void bases(void **state) {
    (void)state;
    fixture f;
    start(&f, false);
    cstar_components(f.app, "/ds", &part);
    assert_lacks(get(&f, "/"), "data-ds-base");
    assert_has(get(&f, "/?base=/a'b"), " data-ds-base='/a&#39;b'>");
    stop(&f);
    start(&f, false);
    cstar_components(f.app, "/parts/", &part);
    assert_has(get(&f, "/"), " data-ds-base='/parts'>");
    cstar_components(f.app, "/ds", &part);
    assert_lacks(get(&f, "/"), "data-ds-base");
    stop(&f);
    start(&f, false);
    cstar_components(f.app, "/", &part);
    assert_has(get(&f, "/"), " data-ds-base='/'>");
    stop(&f);
}

/* ---- headers ---- */

static void headers_of_html(void **state) {
    (void)state;
    fixture f;
    start(&f, false);
    const char *answer = get(&f, "/");
    assert_has(answer, "x-content-type-options: nosniff\r\n");
    assert_has(answer, "referrer-policy: same-origin\r\n");
    assert_lacks(answer, "x-frame-options");
    assert_lacks(answer, "content-security-policy");
    assert_lacks(get(&f, "/text"), "nosniff");
    assert_lacks(webdrive_request(&f.drive, "POST", "/_event/go", "{}"), "nosniff");
    cstar_allow_frames(f.app, CSTAR_FRAMES_SAME);
    assert_has(get(&f, "/"), "x-frame-options: SAMEORIGIN\r\n");
    cstar_allow_frames(f.app, CSTAR_FRAMES_NONE);
    assert_has(get(&f, "/"), "x-frame-options: DENY\r\n");
    assert_lacks(get(&f, "/text"), "x-frame-options");
    stop(&f);
}

static void the_handlers_own_stay(void **state) {
    (void)state;
    fixture f;
    start(&f, false);
    assert_int_equal(cstar_csp(f.app, "default-src 'self'"), CSTAR_OK);
    const char *answer = get(&f, "/own");
    assert_has(answer, "Referrer-Policy: no-referrer\r\n");
    assert_has(answer, "Content-Security-Policy: sandbox\r\n");
    assert_lacks(answer, "same-origin");
    assert_lacks(answer, "default-src");
    stop(&f);
}

static void nonces(void **state) {
    (void)state;
    char first[64];
    fixture f;
    start(&f, false);
    assert_int_equal(cstar_csp(f.app, "script-src 'nonce-{}' 'unsafe-eval'; style-src 'nonce-{}'"),
                     CSTAR_OK);
    const char *answer = get(&f, "/");
    const char *nonce = strstr(answer, "script-src 'nonce-");
    assert_non_null(nonce);
    (void)snprintf(first, sizeof first, "%.24s", nonce + strlen("script-src 'nonce-"));
    char want[256];
    (void)snprintf(want, sizeof want,
                   "content-security-policy: script-src 'nonce-%s' 'unsafe-eval'; style-src "
                   "'nonce-%s'\r\n",
                   first, first);
    assert_has(answer, want);
    (void)snprintf(want, sizeof want, "<script type='module' nonce='%s' src='", first);
    assert_has(answer, want);
    (void)snprintf(want, sizeof want, "<style nonce='%s'>", first);
    assert_has(answer, want);
    assert_lacks(get(&f, "/"), first);
    assert_int_equal(cstar_csp(f.app, NULL), CSTAR_OK);
    assert_lacks(get(&f, "/"), "content-security-policy");
    stop(&f);
}

/* The document, and an error page with its style. */
static void the_strict_policy(void **state) {
    (void)state;
    static const char *const paths[] = {"/", "/nowhere"};
    fixture f;
    start(&f, false);
    f.drive.fields = "Accept: text/html\r\n";
    assert_int_equal(cstar_csp(f.app, CSTAR_CSP_STRICT), CSTAR_OK);
    for (size_t i = 0; i < 2; i++) {
        const char *answer = get(&f, paths[i]);
        const char *nonce = strstr(answer, "script-src 'nonce-");
        assert_non_null(nonce);
        char want[80];
        (void)snprintf(want, sizeof want, "style-src 'self' 'nonce-%.24s';",
                       nonce + strlen("script-src 'nonce-"));
        assert_has(answer, want);
        assert_has(answer, "content-security-policy: default-src 'none'; ");
        assert_has(answer, "frame-ancestors 'none'\r\n");
        assert_lacks(answer, "unsafe-inline");
    }
    stop(&f);
}

static void bad_policies_stay_with_the_app(void **state) {
    (void)state;
    static char large[5000];
    memset(large, 'x', sizeof large - 1);
    const char *const bad[] = {"", "a\r\nb", "a\nb", large};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cstar_app *app = cstar_app_new();
        assert_int_equal(cstar_csp(app, bad[i]), CSTAR_EINVAL);
        assert_int_equal(app->err.code, CSTAR_EINVAL);
        cstar_app_free(app);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_sessions),
        cmocka_unit_test(with_sessions),
        cmocka_unit_test(error_pages),
        cmocka_unit_test(bases),
        cmocka_unit_test(headers_of_html),
        cmocka_unit_test(the_handlers_own_stay),
        cmocka_unit_test(nonces),
        cmocka_unit_test(the_strict_policy),
        cmocka_unit_test(bad_policies_stay_with_the_app),
        cmocka_unit_test(a_page_says_its_language),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
