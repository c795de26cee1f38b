/* area_dispatch.c -- events by module and name: the fixture of the dispatch cases as a component;
 * and at which paths pages and components are answered.
 * SPDX-License-Identifier: MIT */
#include "runner.h"
#include "web_once.h"

#include "cstar/web.h"

#define MOST_MODULES 8

/* ---- the fixture: increment, forbidden, any other ---- */

static void authorize(cstar_conn *conn, const char *event) {
    if (strcmp(event, "forbidden") == 0) {
        cstar_respond_text(conn, 403, "Forbidden");
    }
}

static void increment(cstar_conn *conn, const cstar_signals *in) {
    cstar_signal(conn, "count", cstar_signals_int(in, "count", 0) + 1);
}

static void other(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_signal(conn, "event", cstar_event_name(conn));
}

static const cstar_event_entry events[] = {{"increment", increment}, {"*", other}, {NULL, NULL}};

/* The listed modules, each with its name in the URL. */
static bool list_modules(call *c, cstar_component_def *defs, const cstar_component_def **list) {
    const cstar_json *modules = cstar_json_get(c->args, "modules");
    size_t n = 0;
    for (const cstar_json *m = cstar_json_first(modules); m != NULL; m = cstar_json_next(m)) {
        cstar_buf name;
        cstar_err err = {.code = CSTAR_OK};
        cstar_buf_init(&name, cstar_arena_allocator(c->arena), 0);
        if (n == MOST_MODULES || cstar_format_module(&name, cstar_json_view(m), &err) != CSTAR_OK) {
            call_error(c, err.text);
            return false;
        }
        defs[n] = (cstar_component_def){.name = cstar_arena_strdup(c->arena, cstar_buf_view(&name)),
                                        .events = events,
                                        .authorize = authorize};
        list[n] = &defs[n];
        n++;
    }
    list[n] = NULL;
    return true;
}

static cstar_str target_of(call *c) {
    cstar_buf b;
    cstar_str query = cstar_json_view(cstar_json_get(c->args, "query"));
    cstar_buf_init(&b, cstar_arena_allocator(c->arena), 0);
    cstar_buf_lit(&b, "/ds/");
    cstar_buf_str(&b, cstar_json_view(cstar_json_get(c->args, "module_segment")));
    cstar_buf_byte(&b, '/');
    cstar_buf_str(&b, cstar_json_view(cstar_json_get(c->args, "event")));
    if (query.len != 0) {
        cstar_buf_byte(&b, '?');
        cstar_buf_str(&b, query);
    }
    return cstar_buf_view(&b);
}

static void put_reply(call *c, const web_reply *reply) {
    cstar_json_writer w;
    cstar_json_writer_init(&w, &c->out->text, 0);
    cstar_json_begin_object(&w);
    web_reply_put(reply, &w);
    cstar_json_end_object(&w);
    (void)cstar_json_writer_end(&w);
    c->out->kind = OUTCOME_VALUE;
}

static void dispatch(call *c) {
    cstar_component_def defs[MOST_MODULES];
    const cstar_component_def *list[MOST_MODULES + 1];
    if (!list_modules(c, defs, list)) {
        return;
    }
    web_reply reply = {.status = 0};
    cstar_app *app = cstar_app_new();
    const char *why = "out of memory";
    if (app != NULL && cstar_app_components(app, "/ds", list) == CSTAR_OK) {
        const web_request request = {cstar_json_str(cstar_json_get(c->args, "method"), "POST"),
                                     target_of(c), "1.1",
                                     cstar_json_view(cstar_json_get(c->args, "body"))};
        why = web_once(app, &request, c->arena, &reply);
    }
    cstar_app_free(app);
    if (why != NULL) {
        call_error(c, why);
    } else {
        put_reply(c, &reply);
    }
}

/* ---- paths ---- */

typedef struct wanted {
    cstar_route_kind kind;
    const char *path;
} wanted;

static bool find_kind(void *arg, const cstar_route_info *info) {
    wanted *w = arg;
    w->path = info->kind == w->kind ? info->path : w->path;
    return w->path == NULL;
}

/* The path of the first route of that kind. */
static void put_path(call *c, cstar_app *app, cstar_route_kind kind) {
    wanted w = {kind, NULL};
    cstar_app_routes(app, find_kind, &w);
    cstar_buf_puts(&c->out->text, w.path != NULL ? w.path : "(no such route)");
    call_done(c, CSTAR_OK, NULL);
}

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    (void)h;
}

static void router_event_path(call *c) {
    static const cstar_page_def page = {.name = "case", .render = render, .events = events};
    const char *path = NULL;
    cstar_app *app = cstar_app_new();
    if (app == NULL || !arg_text(c, "path", &path) ||
        cstar_page(app, path != NULL ? path : "", &page) != CSTAR_OK) {
        call_error(c, "no page can be there");
    } else {
        put_path(c, app, CSTAR_ROUTE_EVENT);
    }
    cstar_app_free(app);
}

static void router_dispatch_path(call *c) {
    static const cstar_component_def module = {.name = "case", .events = events};
    const char *base = NULL;
    cstar_app *app = cstar_app_new();
    if (app == NULL || !arg_text(c, "base", &base) ||
        cstar_components(app, base, &module) != CSTAR_OK) {
        call_error(c, "no components can be there");
    } else {
        put_path(c, app, CSTAR_ROUTE_COMPONENT);
    }
    cstar_app_free(app);
}

const call_entry cases_dispatch[] = {
    {"router_event_path", router_event_path, "path", NULL},
    {"router_dispatch_path", router_dispatch_path, "base", NULL},
    {"dispatch", dispatch, "module_segment event method modules body query", NULL},
    {NULL, NULL, NULL, NULL},
};
