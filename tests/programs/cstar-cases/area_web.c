/* area_web.c -- what needs a connection: each case is one request to an app that is served for it.
 *
 * Handlers have no argument of their own, so the case that is running is a static variable; there
 * is one at a time.
 *
 * SPDX-License-Identifier: MIT */
#include "runner.h"
#include "web_once.h"

#include "cstar/web.h"

#define MOST_CALLED 16

typedef struct web_case {
    const cstar_json *args;
    cstar_buf text; /* what a handler has to say besides its response */
    cstar_status rc;
    const char *called[MOST_CALLED];
    size_t ncalled;
} web_case;

static web_case now;

static void note(const char *callback) {
    if (now.ncalled < MOST_CALLED) {
        now.called[now.ncalled++] = callback;
    }
}

static void remember(cstar_status rc) { now.rc = now.rc == CSTAR_OK ? rc : now.rc; }

/* One request to a plain route. False: the outcome is settled. */
static bool request(call *c, cstar_handler handler, const char *version, web_reply *reply) {
    cstar_app *app = cstar_app_new();
    const char *why = "out of memory";
    now = (web_case){.args = c->args};
    cstar_buf_init(&now.text, cstar_arena_allocator(c->arena), 0);
    if (app != NULL && cstar_route(app, CSTAR_GET, "/", handler) == CSTAR_OK) {
        web_request get = {"GET", CSTAR_STR("/"), version, CSTAR_STR("")};
        why = web_once(app, &get, c->arena, reply);
    }
    cstar_app_free(app);
    if (why != NULL) {
        call_error(c, why);
    }
    return why == NULL;
}

static void answer(call *c, cstar_str bytes) {
    cstar_buf_str(&c->out->text, bytes);
    call_done(c, CSTAR_OK, NULL);
}

/* ---- the head of an event stream ---- */

static void start_only(cstar_conn *conn) { remember(cstar_start(conn)); }

/* Rule "first directive": an event stream says more than "no-cache" (no-transform, which the
 * reference does not say); what a case expects is the first of them. */
static cstar_str first_directive(cstar_str name, cstar_str value) {
    const char *comma = cstar_str_eq(name, CSTAR_STR("cache-control")) && value.ptr != NULL
                            ? memchr(value.ptr, ',', value.len)
                            : NULL;
    return comma != NULL ? cstar_view(value.ptr, (size_t)(comma - value.ptr)) : value;
}

static void put_headers(cstar_json_writer *w, const web_reply *reply) {
    static const char *const names[] = {"content-type", "cache-control", "connection",
                                        "content-length", "transfer-encoding"};
    cstar_json_put_key(w, CSTAR_STR("headers"));
    cstar_json_begin_object(w);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cstar_str name = cstar_cstr(names[i]);
        cstar_str value = first_directive(name, web_reply_header(reply, name));
        /* That an HTTP/1.0 connection closes is no matter of the event stream. */
        if (value.ptr != NULL && !cstar_str_ieq(value, CSTAR_STR("close"))) {
            cstar_json_set(w, names[i], value);
        }
    }
    cstar_json_end_object(w);
}

static void sse_start(call *c) {
    const char *version = NULL;
    web_reply reply = {.status = 0};
    cstar_json_writer w;
    if (!arg_text(c, "http_version", &version)) {
        return;
    }
    version = version != NULL ? version : "1.1";
    if (strcmp(version, "1.1") != 0 && strcmp(version, "1.0") != 0) {
        call_skip(c, "this runner's client speaks HTTP/1 only");
        return;
    }
    if (request(c, start_only, version, &reply)) {
        cstar_json_writer_init(&w, &c->out->text, 0);
        cstar_json_begin_object(&w);
        cstar_json_set(&w, "status", reply.status);
        put_headers(&w, &reply);
        cstar_json_end_object(&w);
        (void)cstar_json_writer_end(&w);
        c->out->kind = OUTCOME_VALUE;
    }
}

static void check_connection_now(cstar_conn *conn) {
    if (cstar_json_bool(cstar_json_get(now.args, "started"), false)) {
        remember(cstar_start(conn));
    }
    remember(cstar_check_connection(conn));
}

/* The reference writes a probe to find out. Here the socket tells, so what is compared is the probe
 * as such. */
static void check_connection(call *c) {
    web_reply reply = {.status = 0};
    if (request(c, check_connection_now, "1.1", &reply)) {
        if (now.rc != CSTAR_OK) {
            call_error(c, cstar_strerror(now.rc));
        } else {
            call_done(c, cstar_format_probe(&c->out->text), &(cstar_err){.text = "out of memory"});
        }
    }
}

/* ---- signals as assigns ---- */

/* [name, value] or [name, value, options] */
static void set_signals(cstar_conn *conn) {
    const cstar_json *list = cstar_json_get(now.args, "signals");
    for (const cstar_json *e = cstar_json_first(list); e != NULL; e = cstar_json_next(e)) {
        const cstar_json *options = cstar_json_at(e, 2);
        cstar_signal_opts o = {
            .value = cstar_json_val(cstar_json_at(e, 1)),
            .only_if_missing = cstar_json_bool(cstar_json_get(options, "only_if_missing"), false),
            .event_id = cstar_json_str(cstar_json_get(options, "event_id"), NULL),
            .retry = cstar_json_int(cstar_json_get(options, "retry"), 0),
        };
        remember(cstar_conn_signal(conn, cstar_json_str(cstar_json_at(e, 0), ""), &o));
    }
}

static void init_now(cstar_conn *conn) {
    set_signals(conn);
    cstar_expr e = cstar_init_signals(conn);
    remember(e.write(&e, &now.text, NULL));
    remember(cstar_respond_text(conn, 200, "done"));
}

static void during_now(cstar_conn *conn) {
    remember(cstar_start(conn));
    set_signals(conn);
}

static void flush_now(cstar_conn *conn) {
    set_signals(conn);
    remember(cstar_start(conn));
    for (int64_t n = cstar_json_int(cstar_json_get(now.args, "flushes"), 1); n > 0; n--) {
        remember(cstar_flush_signals(conn));
    }
}

static void run_signals(call *c, cstar_handler handler) {
    web_reply reply = {.status = 0};
    if (request(c, handler, "1.1", &reply)) {
        if (now.rc != CSTAR_OK) {
            call_error(c, cstar_strerror(now.rc));
        } else {
            answer(c, cstar_buf_view(handler == init_now ? &now.text : &reply.body));
        }
    }
}

static void signal_init(call *c) { run_signals(c, init_now); }
static void signal_during_sse(call *c) { run_signals(c, during_now); }
static void signal_then_flush(call *c) { run_signals(c, flush_now); }

/* ---- pages ---- */

static void page_mount(cstar_conn *conn) {
    (void)conn;
    note("mount");
}
static void page_render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    note("render");
    cstar_put(h, "<p>page</p>");
}
/* deny, deny_nohalt and staged are refused, each in its way. */
static void page_authorize(cstar_conn *conn, const char *event) {
    note("authorize");
    if (strcmp(event, "deny") == 0) {
        remember(cstar_respond_text(conn, 403, "Forbidden"));
        cstar_halt(conn);
    } else if (strcmp(event, "deny_nohalt") == 0) {
        remember(cstar_respond_text(conn, 401, "Unauthorized"));
    } else if (strcmp(event, "staged") == 0) {
        remember(cstar_respond_text(conn, 418, "staged"));
    }
}
static void page_event(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    note("handle_event");
    remember(cstar_patch_signals(conn, "{\"ok\":true}"));
}

/* What the fixture of the cases would have to do and nothing here can. NULL: all of it is built. */
static const char *unbuilt(const cstar_json *wanted) {
    if (cstar_json_get(wanted, "handled_as") != NULL) {
        return "no route leads to an event without its segment, so that none can be handled";
    }
    for (const cstar_json *m = cstar_json_first(wanted); m != NULL; m = cstar_json_next(m)) {
        cstar_str key = cstar_json_key(m);
        if (!cstar_str_eq(key, CSTAR_STR("method")) && !cstar_str_eq(key, CSTAR_STR("path")) &&
            !cstar_str_eq(key, CSTAR_STR("body"))) {
            return "this runner does not know how to make the request";
        }
    }
    return NULL;
}

/* POST on the page's own path. */
static bool is_stream(const cstar_json *wanted) {
    cstar_str path = cstar_json_view(cstar_json_get(wanted, "path"));
    const char *query = path.len != 0 ? memchr(path.ptr, '?', path.len) : NULL;
    path.len = query != NULL ? (size_t)(query - path.ptr) : path.len;
    return strcmp(cstar_json_str(cstar_json_get(wanted, "method"), ""), "POST") == 0 &&
           cstar_str_eq(path, CSTAR_STR("/p"));
}

/* Callbacks of a stream change nothing for a document or an event. */
static bool has_callback(const cstar_json *page, const char *name) {
    const cstar_json *callbacks = cstar_json_get(page, "callbacks");
    for (const cstar_json *e = cstar_json_first(callbacks); e != NULL; e = cstar_json_next(e)) {
        if (strcmp(cstar_json_str(e, ""), name) == 0) {
            return true;
        }
    }
    return false;
}

/* The event of /p/_event/<name>, decoded. */
static const char *event_name(cstar_str path, cstar_arena *arena) {
    static const cstar_str start = {"/p/_event/", 10};
    cstar_buf name;
    cstar_buf_init(&name, cstar_arena_allocator(arena), 0);
    if (path.len > start.len && memcmp(path.ptr, start.ptr, start.len) == 0) {
        size_t end = start.len;
        while (end < path.len && path.ptr[end] != '?') {
            end++;
        }
        cstar_buf_unpercent(&name, cstar_view(path.ptr + start.len, end - start.len), false);
    }
    return cstar_arena_strdup(arena, cstar_buf_view(&name));
}

static void put_page_reply(call *c, const web_reply *reply) {
    cstar_json_writer w;
    cstar_json_writer_init(&w, &c->out->text, 0);
    cstar_json_begin_object(&w);
    web_reply_put(reply, &w);
    cstar_json_put_key(&w, CSTAR_STR("called"));
    cstar_json_begin_array(&w);
    for (size_t i = 0; i < now.ncalled; i++) {
        cstar_json_add(&w, now.called[i]);
    }
    cstar_json_end_array(&w);
    cstar_json_end_object(&w);
    (void)cstar_json_writer_end(&w);
    c->out->kind = OUTCOME_VALUE;
}

static void page_request(call *c) {
    const cstar_json *page = cstar_json_get(c->args, "page");
    const cstar_json *wanted = cstar_json_get(c->args, "request");
    cstar_str path = cstar_json_view(cstar_json_get(wanted, "path"));
    cstar_str body = cstar_json_view(cstar_json_get(wanted, "body"));
    const bool handled = cstar_json_get(wanted, "handled_as") != NULL;
    if (is_stream(wanted) && !handled) {
        page_stream(c);
        return;
    }
    const char *why = unbuilt(wanted);
    if (why != NULL) {
        call_skip(c, why);
        return;
    }
    cstar_event_entry table[2] = {{event_name(path, c->arena), page_event}, {NULL, NULL}};
    cstar_page_def def = {
        .name = "case",
        .mount = has_callback(page, "mount") ? page_mount : NULL,
        .authorize = has_callback(page, "authorize") ? page_authorize : NULL,
        .render = page_render,
        .events = has_callback(page, "handle_event") ? table : NULL,
        .max_signal_bytes = (size_t)cstar_json_int(cstar_json_get(page, "max_signal_bytes"), 0),
    };
    web_reply reply = {.status = 0};
    cstar_app *app = cstar_app_new();
    why = "out of memory";
    now = (web_case){.args = c->args};
    if (app != NULL && cstar_page(app, "/p", &def) == CSTAR_OK) {
        const char *method = cstar_json_str(cstar_json_get(wanted, "method"), "GET");
        why = web_once(app, &(web_request){method, path, "1.1", body}, c->arena, &reply);
    }
    cstar_app_free(app);
    if (why != NULL) {
        call_error(c, why);
    } else {
        put_page_reply(c, &reply);
    }
}

const call_entry cases_web[] = {
    {"sse_start", sse_start, "http_version", NULL},
    {"check_connection", check_connection, "started", NULL},
    {"signal_init", signal_init, "signals", NULL},
    {"signal_during_sse", signal_during_sse, "signals", NULL},
    {"signal_then_flush", signal_then_flush, "signals flushes", NULL},
    {"page_request", page_request, "page request fixture", NULL},
    {NULL, NULL, NULL, NULL},
};
