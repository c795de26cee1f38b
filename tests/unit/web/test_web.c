/* test_web.c -- an app without sockets: pages, events, signals, assigns, errors; every request
 * ends.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/webrig.h"
#include "web/app.h"

#include "cstar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- the app under test ---- */

static void mount(cstar_conn *conn) {
    cstar_signal(conn, "count", 0);
    cstar_signal(conn, "note", "@post('/x') $count </script> '\"");
    cstar_signal(conn, "count", 1);
    cstar_assign(conn, "page_title", "A <title>");
}

static void render(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<main data-signals='{}'>{}</main>", cstar_init_signals(conn),
              cstar_assigned_int(conn, "count", -1));
}

static void increment(cstar_conn *conn, const cstar_signals *in) {
    int64_t count = cstar_signals_int(in, "count", 0) + 1;
    cstar_signal(conn, "count", count);
    cstar_patch(conn, h, .selector = "#history") {
        cstar_put(h, "<b id='history'>{}\n</b>", count);
    }
    cstar_console_log(conn, "done", .level = CSTAR_WARN);
}

static void leave_open(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_patch(conn, h, .selector = "#a") {
        cstar_put(h, "<i>open</i>");
        return;
    }
}

static void break_out(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_patch(conn, h, .selector = "#a") {
        cstar_put(h, "<i>broken</i>");
        break;
    }
    cstar_signal(conn, "after", 1);
}

static void call_inside(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_patch(conn, h, .selector = "#a") {
        cstar_put(h, "<i>before</i>");
        cstar_signal(conn, "inside", 1);
        cstar_put(h, "<script>evil</script>");
    }
    cstar_signal(conn, "after", 1);
}

static void unsafe(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_signal(conn, "before", 1);
    cstar_patch(conn, h, .selector = "#a") {
        cstar_put(h, "<a onclick='{}'>x</a>", "alert(1)");
    }
    cstar_signal(conn, "after", 1);
}

static void mistakes(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    assert_int_equal(cstar_patch_elements(conn, "<p>x</p>", .mode = CSTAR_APPEND), CSTAR_EINVAL);
    assert_int_equal(cstar_redirect(conn, "https://evil.example"), CSTAR_EPOLICY);
    assert_int_equal(cstar_start(conn), CSTAR_ESTATE);
    assert_int_equal(cstar_respond_text(conn, 200, "x"), CSTAR_ESTATE);
    assert_int_equal(cstar_patch_signals(conn, "alert(1)"), CSTAR_ESYNTAX);
    assert_int_equal(cstar_signal(conn, "bad", cstar_json_text("{")), CSTAR_ESYNTAX);
    assert_int_equal(cstar_nudge(conn, "a b"), CSTAR_EINVAL);
    assert_int_equal(cstar_remove_signals(conn, "a..b"), CSTAR_EINVAL);
    assert_string_equal(cstar_error(conn)->where, "selector");
    cstar_signal(conn, "fine", 1);
}

static void everything(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    assert_int_equal(cstar_check_connection(conn), CSTAR_OK);
    cstar_send(conn, "tick", .data = "a\nb", .event_id = "7");
    cstar_append_elements(conn, "#list", "<li>1</li>");
    cstar_upsert_elements(conn, "<li id='x'>2</li>");
    cstar_remove_elements(conn, "#gone");
    cstar_patch_signals(conn, "{\"a\":1}", .only_if_missing = true);
    cstar_remove_signals(conn, "a.b", "c");
    cstar_execute_script(conn, "go()", .keep = true);
    cstar_redirect(conn, "http://app.test/next");
    cstar_nudge(conn, "posts");
    cstar_signal_bool(conn, "on", true);
    cstar_signal(conn, "none", cstar_null());
    cstar_signal(conn, "list", cstar_json_text("[1, 2]"), .only_if_missing = true, .event_id = "9");
}

CSTAR_PAGE(counter, .mount = mount, .render = render, .max_signal_bytes = 64,
           .events = CSTAR_EVENTS({"increment", increment}, {"leave open", leave_open},
                                  {"break", break_out}, {"inside", call_inside}, {"unsafe", unsafe},
                                  {"mistakes", mistakes}, {"everything", everything}));

static void render_unsafe(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p>half</p><script>{}</script>", 1);
}
CSTAR_PAGE(unsafe_page, .render = render_unsafe);

static void mount_redirects(cstar_conn *conn) {
    cstar_set_header(conn, "location", "/login");
    cstar_respond(conn, 302, NULL, CSTAR_STR(""));
}
CSTAR_PAGE(guarded, .mount = mount_redirects, .render = render);

static void item(cstar_conn *conn) {
    char text[128];
    (void)snprintf(text, sizeof text, "%s %s %s %s", cstar_method(conn), cstar_param(conn, "id"),
                   cstar_query(conn, "q") != NULL ? cstar_query(conn, "q") : "-",
                   cstar_param(conn, "nope") == NULL ? "no" : "yes");
    cstar_set_header(conn, "x-a", "1");
    assert_int_equal(cstar_set_header(conn, "x-b", "1\r\nx-c: 2"), CSTAR_EINVAL);
    assert_int_equal(cstar_set_header(conn, "Content-Length", "5"), CSTAR_EINVAL);
    assert_int_equal(cstar_set_header(conn, "bad name", "5"), CSTAR_EINVAL);
    cstar_respond_text(conn, 201, text);
    assert_int_equal(cstar_respond_text(conn, 200, "again"), CSTAR_ESTATE);
    assert_int_equal(cstar_set_header(conn, "x-late", "1"), CSTAR_ESTATE);
}

static void nothing(cstar_conn *conn) { (void)conn; }

static void manual(cstar_conn *conn) {
    assert_int_equal(cstar_check_connection(conn), CSTAR_ESTATE);
    assert_int_equal(cstar_patch_elements(conn, "<p>x</p>"), CSTAR_ESTATE);
    const cstar_signals *in = cstar_read_signals(conn);
    if (in == NULL) {
        return;
    }
    cstar_signal(conn, "early", 1, .event_id = "e");
    cstar_signal(conn, "early", 2);
    cstar_start(conn);
    cstar_flush_signals(conn);
    cstar_signal(conn, "late", cstar_signals_str(in, "user.name", "nobody"));
}

static cstar_app *new_app(const cstar_allocator *alloc) {
    cstar_app *app = cstar_app_new_with(alloc);
    if (app != NULL) {
        cstar_page(app, "/counter", &counter);
        cstar_page(app, "/unsafe", &unsafe_page);
        cstar_page(app, "/guarded", &guarded);
        cstar_route(app, CSTAR_GET, "/items/:id", item);
        cstar_route(app, CSTAR_GET, "/nothing", nothing);
        cstar_route(app, CSTAR_POST, "/manual", manual);
        cstar_route(app, CSTAR_GET, "/manual", manual);
    }
    return app;
}

typedef webrig fixture;

static int setup(void **state) { return webrig_open(state, new_app(cstar_heap())); }
static int teardown(void **state) { return webrig_close(state); }

static const char *post(fixture *f, const char *event, const char *body) {
    char target[64];
    (void)snprintf(target, sizeof target, "/counter/_event/%s", event);
    return webdrive_request(&f->drive, "POST", target, body);
}

/* ---- pages ---- */

static void page_mounts_and_renders_in_its_layout(void **state) {
    fixture *f = *state;
    const char *answer = webdrive_request(&f->drive, "GET", "/counter", NULL);
    assert_int_equal(webdrive_status(answer), 200);
    assert_has(answer, "content-type: text/html; charset=utf-8\r\n");
    assert_has(answer, "<!doctype html>");
    assert_has(answer, "<title>A &lt;title&gt;</title>");
    assert_has(answer, "datastar@v1.0.2/bundles/datastar.js");
    /* the last value of a key at its first place; nothing that the client would rewrite */
    assert_has(answer, "data-signals='{&quot;count&quot;:1,&quot;note&quot;:&quot;\\u0040post("
                       "\\u0027/x\\u0027) \\u0024count "
                       "\\u003C/script\\u003E \\u0027\\&quot;&quot;}'>1</main>");
}

static void unsafe_page_is_500_and_logged(void **state) {
    fixture *f = *state;
    const char *answer = webdrive_request(&f->drive, "GET", "/unsafe", NULL);
    assert_int_equal(webdrive_status(answer), 500);
    assert_null(strstr(answer, "half"));
    assert_has(f->drive.log, "test_web.c:");
}

static void mount_may_answer(void **state) {
    fixture *f = *state;
    const char *answer = webdrive_request(&f->drive, "GET", "/guarded", NULL);
    assert_int_equal(webdrive_status(answer), 302);
    assert_has(answer, "location: /login\r\n");
}

static void head_has_no_body(void **state) {
    fixture *f = *state;
    const char *answer = webdrive_request(&f->drive, "HEAD", "/counter", NULL);
    assert_int_equal(webdrive_status(answer), 200);
    assert_string_equal(webdrive_body(answer), "");
}

/* ---- events ---- */

static void event_answers_in_order_and_in_one_piece(void **state) {
    fixture *f = *state;
    const char *answer = post(f, "increment", "{\"count\":41}");
    assert_int_equal(webdrive_status(answer), 200);
    assert_has(answer, "content-type: text/event-stream\r\n");
    assert_has(answer, "cache-control: no-cache, no-transform\r\n");
    assert_has(answer, "x-accel-buffering: no\r\n");
    assert_has(answer, "Connection: keep-alive\r\n");
    assert_null(strstr(answer, "chunked"));
    assert_string_equal(
        webdrive_body(answer),
        "event: datastar-patch-signals\ndata: signals {\"count\":42}\n\n"
        "event: datastar-patch-elements\ndata: selector #history\n"
        "data: elements <b id='history'>42\ndata: elements </b>\n\n"
        "event: datastar-patch-elements\ndata: selector body\ndata: mode append\n"
        "data: elements <script data-effect=\"el.remove()\">console.warn('done')</script>\n\n");
    char length[64];
    (void)snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(webdrive_body(answer)));
    assert_has(answer, length);
}

static void events_by_any_verb_and_encoded_name(void **state) {
    fixture *f = *state;
    static const char *const methods[] = {"POST", "PUT", "PATCH"};
    for (size_t i = 0; i < 3; i++) {
        const char *answer =
            webdrive_request(&f->drive, methods[i], "/counter/_event/%69ncrement", "{\"count\":1}");
        assert_has(answer, "{\"count\":2}");
    }
    f->drive.fields = "Datastar-Request: true\r\n";
    assert_has(webdrive_request(&f->drive, "GET",
                                "/counter/_event/increment?datastar=%7B%22count%22%3A7%7D", NULL),
               "{\"count\":8}");
    assert_has(webdrive_request(&f->drive, "DELETE",
                                "/counter/_event/increment?datastar=%7B%22count%22%3A8%7D", NULL),
               "{\"count\":9}");
    assert_int_equal(webdrive_status(post(f, "leave%20open", "{}")), 200);
}

static void refusals(void **state) {
    fixture *f = *state;
    static const struct {
        const char *method, *target, *body;
        int status;
        const char *part;
    } cases[] = {
        {"POST", "/counter/_event/unknown", "{}", 404, "Not Found"},
        {"POST", "/counter/_event/Increment", "{}", 404, "Not Found"},
        {"POST", "/counter/_event/", "{}", 404, "Not Found"},
        {"POST", "/counter/_event/increment", "{", 400, "Invalid signal payload"},
        {"POST", "/counter/_event/increment", "[]", 400, "Invalid signal payload"},
        {"POST", "/counter/_event/increment", "{\"a\":1,\"a\":2}", 400, "Invalid signal payload"},
        {"POST", "/counter/_event/increment",
         "{\"a\":\"0123456789012345678901234567890123456789012345678901234567\"}", 413,
         "Signal payload too large"},
        {"POST", "/counter/_event/increment",
         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 413,
         "Signal payload too large"},
        {"GET", "/counter/_event/increment?datastar=", NULL, 400, "Invalid signal payload"},
        {"GET",
         "/counter/_event/"
         "increment?datastar=%7B%22a%22%3A%"
         "220123456789012345678901234567890123456789012345678901234567%22%7D",
         NULL, 413, "Signal payload too large"},
        {"POST", "/counter", "{}", 404, "Not found"},
        {"PUT", "/counter", "{}", 405, "allow: GET, HEAD\r\n"},
        {"PUT", "/manual", "{}", 405, "allow: GET, HEAD, POST\r\n"},
        {"GET", "/elsewhere", NULL, 404, "Not Found"},
        {"GET", "/nothing", NULL, 500, "Internal Server Error"},
        {"OPTIONS", "*", NULL, 204, "allow: GET, HEAD, POST, PUT, PATCH, DELETE\r\n"},
    };
    f->drive.fields = "Datastar-Request: true\r\n";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *answer =
            webdrive_request(&f->drive, cases[i].method, cases[i].target, cases[i].body);
        if (webdrive_status(answer) != cases[i].status) {
            print_error("%s %s: %s\n", cases[i].method, cases[i].target, answer);
        }
        assert_int_equal(webdrive_status(answer), cases[i].status);
        assert_has(answer, cases[i].part);
        assert_null(strstr(answer, "event:"));
        if (cstar__h1_done(&f->drive.machine)) { /* it closed: a new connection */
            cstar__h1_fini(&f->drive.machine);
            cstar__h1_init(&f->drive.machine, &f->drive.env, NULL, &f->drive.out);
        }
    }
}

static void chunked_body_over_the_limit_is_413(void **state) {
    fixture *f = *state;
    cstar_buf_reset(&f->drive.out);
    webdrive_feed(
        &f->drive,
        "POST /counter/_event/increment HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    webdrive_feed(&f->drive, "20\r\n{\"a\":\"01234567890123456789012345\r\n");
    assert_int_equal(f->drive.out.len, 0);
    webdrive_feed(&f->drive, "21\r\n012345678901234567890123456789012\r\n");
    cstar_buf_byte(&f->drive.out, '\0');
    assert_int_equal(webdrive_status(f->drive.out.ptr), 413);
    assert_has(f->drive.out.ptr, "Signal payload too large");
}

static void exactly_the_limit_is_accepted(void **state) {
    fixture *f = *state;
    char body[65];
    (void)snprintf(body, sizeof body, "{\"count\":%54d}", 1); /* 64 bytes */
    assert_int_equal(strlen(body), 64);
    assert_has(post(f, "increment", body), "{\"count\":2}");
}

/* ---- patches ---- */

static void a_patch_left_open_is_closed(void **state) {
    fixture *f = *state;
    assert_string_equal(
        webdrive_body(post(f, "leave%20open", "{}")),
        "event: datastar-patch-elements\ndata: selector #a\ndata: elements <i>open</i>\n\n");
    assert_string_equal(
        webdrive_body(post(f, "break", "{}")),
        "event: datastar-patch-elements\ndata: selector #a\ndata: elements <i>broken</i>\n\n"
        "event: datastar-patch-signals\ndata: signals {\"after\":1}\n\n");
    assert_int_equal(f->drive.logged, 0);
}

static void too_long(cstar_conn *conn) {
    char text[600];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cstar_start(conn);
    cstar_signal(conn, "before", 1);
    cstar_patch(conn, h, .selector = "#a") {
        cstar_put(h, "<i>{}</i>", text);
    }
    cstar_signal(conn, "after", 1);
}

static void a_patch_that_does_not_fit_costs_nothing_else(void **state) {
    (void)state;
    webdrive d;
    cstar_app *app = cstar_app_new();
    assert_non_null(app);
    cstar_route(app, CSTAR_GET, "/", too_long);
    app->max_response = 400;
    webdrive_init(&d, app, cstar_heap());
    assert_string_equal(webdrive_body(webdrive_request(&d, "GET", "/", NULL)),
                        "event: datastar-patch-signals\ndata: signals {\"before\":1}\n\n"
                        "event: datastar-patch-signals\ndata: signals {\"after\":1}\n\n");
    webdrive_fini(&d);
    cstar_app_free(app);
}

static void a_call_inside_closes_the_patch_and_later_puts_go_nowhere(void **state) {
    fixture *f = *state;
    assert_string_equal(
        webdrive_body(post(f, "inside", "{}")),
        "event: datastar-patch-elements\ndata: selector #a\ndata: elements <i>before</i>\n\n"
        "event: datastar-patch-signals\ndata: signals {\"inside\":1}\n\n"
        "event: datastar-patch-signals\ndata: signals {\"after\":1}\n\n");
    assert_int_equal(f->drive.logged, 1);
}

static void an_unsafe_patch_leaves_no_byte(void **state) {
    fixture *f = *state;
    assert_string_equal(webdrive_body(post(f, "unsafe", "{}")),
                        "event: datastar-patch-signals\ndata: signals {\"before\":1}\n\n"
                        "event: datastar-patch-signals\ndata: signals {\"after\":1}\n\n");
    assert_has(f->drive.log, "test_web.c:");
}

static void mistakes_write_nothing_and_are_logged(void **state) {
    fixture *f = *state;
    assert_string_equal(webdrive_body(post(f, "mistakes", "{}")),
                        "event: datastar-patch-signals\ndata: signals {\"fine\":1}\n\n");
    assert_has(f->drive.log, "POST /counter/_event/mistakes: selector");
}

static void every_call_of_the_core(void **state) {
    fixture *f = *state;
    const char *body = webdrive_body(post(f, "everything", "{}"));
    static const char *const parts[] = {
        "event: tick\nid: 7\ndata: a\ndata: b\n\n",
        "data: selector #list\ndata: mode append\ndata: elements <li>1</li>\n\n",
        "event: datastar-patch-elements\ndata: elements <li id='x'>2</li>\n\n",
        "data: selector #gone\ndata: mode remove\n\n",
        "data: onlyIfMissing true\ndata: signals {\"a\":1}\n\n",
        "\"b\":null",
        "data: elements <script>go()</script>\n\n",
        "window.location.href=\"http://app.test/next\"",
        "data: signals {\"nudges\":{\"posts\":",
        "data: signals {\"on\":true}\n\n",
        "data: signals {\"none\":null}\n\n",
        "id: 9\ndata: onlyIfMissing true\ndata: signals {\"list\":[1,2]}\n\n",
    };
    const char *at = body;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) { /* in this order */
        const char *found = strstr(at, parts[i]);
        if (found == NULL) {
            print_error("missing: %s\nin %s\n", parts[i], at);
            fail();
        } else {
            at = found;
        }
    }
    assert_int_equal(f->drive.logged, 0);
}

static void the_own_origin_has_the_scheme_of_the_connection(void **state) {
    fixture *f = *state;
    const char *redirect = "window.location.href=\"http://app.test/next\"";
    assert_has(post(f, "everything", "{}"), redirect);
    assert_int_equal(f->drive.logged, 0);
    f->drive.peer.secure = true;
    assert_null(strstr(post(f, "everything", "{}"), redirect));
    assert_has(f->drive.log, "url");
}

/* ---- plain routes ---- */

static void plain_route_has_params_query_and_headers(void **state) {
    fixture *f = *state;
    const char *answer = webdrive_request(&f->drive, "GET", "/items/a%2Fb?q=1&q=two+words", NULL);
    assert_int_equal(webdrive_status(answer), 201);
    assert_has(answer, "x-a: 1\r\n");
    assert_null(strstr(answer, "x-b"));
    assert_null(strstr(answer, "x-late"));
    assert_string_equal(webdrive_body(answer), "GET a/b two words no");
    assert_string_equal(webdrive_body(webdrive_request(&f->drive, "GET", "/items/7?q=%FF", NULL)),
                        "GET 7 - no");
}

static void plain_route_as_event_stream(void **state) {
    fixture *f = *state;
    static const char expected[] =
        "event: datastar-patch-signals\nid: e\ndata: signals {\"early\":2}\n\n"
        "event: datastar-patch-signals\ndata: signals {\"early\":2}\n\n"
        "event: datastar-patch-signals\ndata: signals {\"late\":\"Ada\"}\n\n";
    assert_string_equal(webdrive_body(webdrive_request(&f->drive, "POST", "/manual",
                                                       "{\"user\":{\"name\":\"Ada\"}}")),
                        expected);
    assert_string_equal(webdrive_body(webdrive_request(
                            &f->drive, "GET",
                            "/manual?datastar=%7B%22user%22:%7B%22name%22:%22Ada%22%7D%7D", NULL)),
                        expected);
}

/* ---- building an app ---- */

static void bad_routes_keep_the_app_from_serving(void **state) {
    (void)state;
    cstar_app *app = cstar_app_new();
    cstar_err err = {0};
    assert_int_equal(cstar_route(app, CSTAR_GET, "no-slash", item), CSTAR_EINVAL);
    assert_int_equal(cstar_route(app, CSTAR_GET, "/fine", item), CSTAR_OK);
    assert_int_equal(cstar_route(app, CSTAR_GET, "/fine", NULL), CSTAR_EINVAL);
    assert_int_equal(cstar_page(app, "/page", &(cstar_page_def){.name = "none"}), CSTAR_EINVAL);
    assert_int_equal(cstar_serve(app, &(cstar_serve_opts){.listen = "127.0.0.1:0"}, &err),
                     CSTAR_EINVAL);
    assert_has(err.text, "no-slash");
    cstar_app_free(app);
}

/* ---- running out of memory: at the n-th allocation, for all n ---- */

static size_t one_request(failalloc *f) {
    cstar_app *app = new_app(cstar_heap());
    assert_non_null(app);
    webdrive d;
    webdrive_init(&d, app, &f->alloc);
    const char *answer =
        webdrive_request(&d, "POST", "/counter/_event/everything", "{\"count\":41}");
    int status = webdrive_status(answer);
    assert_true(status == 200 || status == 500 || answer[0] == '\0');
    (void)webdrive_request(&d, "GET", "/counter", NULL);
    webdrive_fini(&d);
    cstar_app_free(app);
    return f->calls;
}

static void every_allocation_of_a_request_may_fail(void **state) {
    (void)state;
    failalloc f;
    failalloc_init(&f, 0);
    size_t calls = one_request(&f);
    assert_true(calls > 3);
    for (size_t n = 1; n <= calls; n++) {
        for (int sticky = 0; sticky < 2; sticky++) {
            failalloc_init(&f, n);
            f.sticky = sticky != 0;
            (void)one_request(&f);
            assert_int_equal(f.live_blocks, 0);
        }
    }
}

static void every_allocation_of_an_app_may_fail(void **state) {
    (void)state;
    failalloc f;
    failalloc_init(&f, 0);
    cstar_app_free(new_app(&f.alloc));
    size_t calls = f.calls;
    assert_int_equal(f.live_blocks, 0);
    for (size_t n = 1; n <= calls; n++) {
        failalloc_init(&f, n);
        cstar_app *app = new_app(&f.alloc);
        if (app != NULL) {
            cstar_err err = {0};
            assert_int_equal(cstar_serve(app, NULL, &err), CSTAR_ENOMEM);
        }
        cstar_app_free(app);
        assert_int_equal(f.live_blocks, 0);
    }
}

static void steady_requests_allocate_nothing(void **state) {
    (void)state;
    failalloc f;
    failalloc_init(&f, 0);
    cstar_app *app = new_app(cstar_heap());
    webdrive d;
    webdrive_init(&d, app, &f.alloc);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(webdrive_status(webdrive_request(&d, "POST", "/counter/_event/increment",
                                                          "{\"count\":1}")),
                         200);
    }
    size_t calls = f.calls;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(webdrive_status(webdrive_request(&d, "POST", "/counter/_event/increment",
                                                          "{\"count\":1}")),
                         200);
    }
    assert_int_equal(f.calls, calls);
    webdrive_fini(&d);
    cstar_app_free(app);
    assert_int_equal(f.live_blocks, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(page_mounts_and_renders_in_its_layout),
        TEST(unsafe_page_is_500_and_logged),
        TEST(mount_may_answer),
        TEST(head_has_no_body),
        TEST(event_answers_in_order_and_in_one_piece),
        TEST(events_by_any_verb_and_encoded_name),
        TEST(refusals),
        TEST(chunked_body_over_the_limit_is_413),
        TEST(exactly_the_limit_is_accepted),
        TEST(a_patch_left_open_is_closed),
        cmocka_unit_test(a_patch_that_does_not_fit_costs_nothing_else),
        TEST(a_call_inside_closes_the_patch_and_later_puts_go_nowhere),
        TEST(an_unsafe_patch_leaves_no_byte),
        TEST(mistakes_write_nothing_and_are_logged),
        TEST(every_call_of_the_core),
        TEST(the_own_origin_has_the_scheme_of_the_connection),
        TEST(plain_route_has_params_query_and_headers),
        TEST(plain_route_as_event_stream),
        cmocka_unit_test(bad_routes_keep_the_app_from_serving),
        cmocka_unit_test(every_allocation_of_a_request_may_fail),
        cmocka_unit_test(every_allocation_of_an_app_may_fail),
        cmocka_unit_test(steady_requests_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
