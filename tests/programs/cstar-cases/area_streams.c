/* area_streams.c -- streams that stay open: of a page, and of a handler of one's own. In the test
 * kit, so that what a stream does by itself has been done when the case looks.
 *
 * Handlers have no argument of their own, so the case that is running is a static variable.
 *
 * SPDX-License-Identifier: MIT */
#include "live/registry.h"
#include "runner.h"
#include "testkit/kit.h"

#include <stdio.h>

#define MOST_CALLED 16

typedef struct stream_case {
    const char *called[MOST_CALLED];
    size_t ncalled;
    bool started; /* the handler went on behind cstar_live() */
    char trouble[160];
} stream_case;

static stream_case now;

static void note(const char *callback) {
    if (now.ncalled < MOST_CALLED) {
        now.called[now.ncalled++] = callback;
    }
}

static void on_fail(void *arg, const char *file, int line, const char *text) {
    stream_case *c = arg;
    (void)file;
    (void)line;
    (void)snprintf(c->trouble, sizeof c->trouble, "%.150s", text);
}

/* ---- what was answered ---- */

static cstar_str content_type(const cstar_test_reply *r) {
    const char *type = cstar_test_header_of(r, "content-type");
    return type != NULL ? cstar_view(type, strcspn(type, ";")) : cstar_view(NULL, 0);
}

static void put_answer(cstar_json_writer *w, const cstar_test_reply *r) {
    const cstar_str type = content_type(r);
    const bool sse = cstar_str_eq(type, CSTAR_STR("text/event-stream"));
    cstar_json_set(w, "status", r->status);
    cstar_json_set(w, "content_type", type);
    cstar_json_set(w, "sse", cstar_bool(sse));
    cstar_json_set(w, "body", r->body);
}

static void put_called(cstar_json_writer *w) {
    cstar_json_put_key(w, CSTAR_STR("called"));
    cstar_json_begin_array(w);
    for (size_t i = 0; i < now.ncalled; i++) {
        const char *name = now.called[i];
        cstar_json_add(w, name);
    }
    cstar_json_end_array(w);
}

/* ---- a handler of one's own ---- */

static void own_stream(cstar_conn *conn) {
    now.started = cstar_live(conn, .scope = "user") == CSTAR_OK;
}

static void start_stream(call *c) {
    cstar_json_writer w;
    const cstar_test_call request = {.path = "/",
                                     .method =
                                         cstar_json_str(cstar_json_get(c->args, "method"), NULL),
                                     .body = cstar_json_str(cstar_json_get(c->args, "body"), NULL),
                                     .datastar = true};
    const int64_t most = cstar_json_int(cstar_json_get(c->args, "max_bytes"), 0);
    cstar_app *app = cstar_app_new();
    now = (stream_case){.started = false};
    cstar_route(app, CSTAR_POST, "/", own_stream, .max_body = (size_t)most);
    cstar_test *t = cstar_test_new_with(app, &(cstar_test_opts){.on_fail = on_fail, .arg = &now});
    cstar_test_stream *s = cstar_test_open_call(t, &request);
    const cstar_test_reply *r = cstar_test_came(s);
    if (r != NULL) {
        cstar_json_writer_init(&w, &c->out->text, 0);
        cstar_json_begin_object(&w);
        put_answer(&w, r);
        cstar_json_set(&w, "claimed", cstar_bool(cstar__registry_count(app->registry) != 0));
        cstar_json_set(&w, "halted", cstar_bool(!now.started));
        cstar_json_end_object(&w);
        c->out->kind = OUTCOME_VALUE;
    } else {
        call_error(c, now.trouble);
    }
    cstar_test_free(t);
    cstar_app_free(app);
}

/* ---- a page's ---- */

static void page_render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    note("render");
    cstar_put(h, "<p>page</p>");
}

static void page_authorize(cstar_conn *conn, const char *event) {
    note("authorize");
    if (event == NULL && cstar_query(conn, "deny") != NULL) {
        (void)cstar_respond_text(conn, 401, "no");
        cstar_halt(conn);
    }
}

static const char *page_key(cstar_conn *conn) {
    (void)conn;
    note("stream_key");
    return "constant";
}

static void page_connect(cstar_conn *conn, const cstar_signals *in) {
    cstar_app *app = cstar_app_of(conn);
    (void)in;
    note("handle_connect");
    (void)cstar_subscribe(conn, "queue");
    (void)cstar_publish(app, "queue", .json = "{\"tick\":1}");
    (void)cstar_publish(app, "queue", .bytes = CSTAR_STR("unmatched"));
    (void)cstar_publish(app, "queue", .bytes = CSTAR_STR("halt"));
}

static void page_info(cstar_conn *conn, const cstar_message *m) {
    note("handle_info");
    if (m->is_json) {
        (void)cstar_patch_signals(conn, m->bytes.ptr);
    } else if (cstar_str_eq(m->bytes, CSTAR_STR("halt"))) {
        cstar_halt(conn);
    }
}

static void page_disconnect(cstar_conn *conn) {
    (void)conn;
    note("handle_disconnect");
}

static bool has(const cstar_json *page, const char *name) {
    const cstar_json *callbacks = cstar_json_get(page, "callbacks");
    for (const cstar_json *e = cstar_json_first(callbacks); e != NULL; e = cstar_json_next(e)) {
        if (strcmp(cstar_json_str(e, ""), name) == 0) {
            return true;
        }
    }
    return false;
}

static cstar_page_def page_of(const cstar_json *page) {
    const cstar_json *most = cstar_json_get(page, "max_signal_bytes");
    const cstar_json *idle = cstar_json_get(page, "idle_check_ms");
    return (cstar_page_def){
        .name = "case",
        .render = page_render,
        .authorize = has(page, "authorize") ? page_authorize : NULL,
        .stream_key = has(page, "stream_key") ? page_key : NULL,
        .connect = has(page, "handle_connect") ? page_connect : NULL,
        .info = has(page, "handle_info") ? page_info : NULL,
        .disconnect = has(page, "handle_disconnect") ? page_disconnect : NULL,
        .max_signal_bytes = (size_t)cstar_json_int(most, 0),
        .idle_check_ms = (unsigned)cstar_json_int(idle, 0),
    };
}

/* A registry that takes no claim any more: another tab has the only one. */
static void own_stream_of_all(cstar_conn *conn) { (void)cstar_live(conn, .scope = "other"); }

static void stop_registry(cstar_test *t) {
    (void)cstar_test_open(t, "/other", .method = "POST", .body = "{\"tabId\":\"other\"}");
}

static void put_page(call *c, const cstar_app *app, const cstar_test_reply *r) {
    cstar_json_writer w;
    cstar_val owner = cstar_null();
    if (cstar__registry_owner(app->registry, CSTAR_STR("constant"), CSTAR_STR("t"), NULL, NULL)) {
        owner = cstar_val_cstr("t");
    }
    cstar_json_writer_init(&w, &c->out->text, 0);
    cstar_json_begin_object(&w);
    put_answer(&w, r);
    put_called(&w);
    cstar_json_set(&w, "complete", cstar_bool(r->complete));
    cstar_json_set(&w, "registry_owner", owner);
    cstar_json_set(&w, "registry_owner_after", owner);
    cstar_json_end_object(&w);
    c->out->kind = OUTCOME_VALUE;
}

/* NULL: nothing stands in the way. */
static const char *page_stream_unbuilt(const cstar_json *wanted) {
    static const char *const known[] = {"method", "path", "body", "registry"};
    const char *path = cstar_json_str(cstar_json_get(wanted, "path"), "");
    if (strstr(path, "crash=") != NULL) {
        return "a C callback can't raise; one that gives up calls cstar_halt(), and its disconnect "
               "is called";
    }
    for (const cstar_json *m = cstar_json_first(wanted); m != NULL; m = cstar_json_next(m)) {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            found = found || cstar_str_eq(cstar_json_key(m), cstar_cstr(known[i]));
        }
        if (!found) {
            return "this runner does not know how to make the request";
        }
    }
    return NULL;
}

void page_stream(call *c) {
    const cstar_json *page = cstar_json_get(c->args, "page");
    const cstar_json *wanted = cstar_json_get(c->args, "request");
    const char *path = cstar_json_str(cstar_json_get(wanted, "path"), "");
    const char *body = cstar_json_str(cstar_json_get(wanted, "body"), NULL);
    const bool down = cstar_json_get(wanted, "registry") != NULL;
    const cstar_page_def def = page_of(page);
    const char *why = page_stream_unbuilt(wanted);
    if (why != NULL) {
        call_skip(c, why);
        return;
    }
    cstar_app *app = cstar_app_new();
    cstar_page(app, "/p", &def);
    cstar_route(app, CSTAR_POST, "/other", own_stream_of_all);
    app->max_tabs = down ? 1 : 0;
    now = (stream_case){.started = false};
    cstar_test *t = cstar_test_new_with(app, &(cstar_test_opts){.on_fail = on_fail, .arg = &now});
    if (down) {
        stop_registry(t);
    }
    cstar_test_stream *s = cstar_test_open(t, path, .method = "POST", .body = body);
    const cstar_test_reply *r = cstar_test_came(s);
    if (r != NULL) {
        put_page(c, app, r);
    } else {
        call_error(c, now.trouble);
    }
    cstar_test_free(t);
    cstar_app_free(app);
}

const call_entry cases_streams[] = {
    {"start_stream", start_stream, "body method max_bytes", NULL},
    {NULL, NULL, NULL, NULL},
};
