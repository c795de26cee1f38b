/* routes.c -- which routes an app has: for its programmer, in the order they were made.
 *
 * The router remembers one route per method and path; what was made by one call stands together and
 * is told as one. A base is told once per component or controller.
 *
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

/* As it is told, and who wants to hear it. */
typedef struct telling {
    bool (*fn)(void *arg, const cstar_route_info *info);
    void *arg;
    const cstar__route *route; /* the first one of those that are told as one */
    char methods[64];
} telling;

static bool tell(const telling *t, cstar_route_kind kind, const char *name,
                 const cstar_event_entry *events) {
    const cstar_route_info info = {.methods = t->methods,
                                   .path = t->route->path,
                                   .kind = kind,
                                   .name = name,
                                   .events = events};
    return t->fn(t->arg, &info);
}

/* They are in a list, newest first: the oldest is told first. */
static bool tell_base(const telling *t, const cstar__events *e) {
    if (e == NULL) {
        return true;
    }
    const cstar_route_kind kind =
        e->controller != NULL ? CSTAR_ROUTE_CONTROLLER : CSTAR_ROUTE_COMPONENT;
    return tell_base(t, e->next) && tell(t, kind, e->name.ptr, e->entries);
}

static bool tell_one(const telling *t) {
    const cstar__route *r = t->route;
    if (r->kind == CSTAR__TARGET_PAGE) {
        return tell(t, CSTAR_ROUTE_PAGE, ((const cstar_page_def *)r->target)->name, NULL);
    }
    if (r->kind == CSTAR__TARGET_STREAM) {
        return tell(t, CSTAR_ROUTE_STREAM, ((const cstar_page_def *)r->target)->name, NULL);
    }
    if (r->kind == CSTAR__TARGET_EVENT) {
        const cstar__events *e = r->target;
        return tell(t, CSTAR_ROUTE_EVENT, e->name.ptr, e->entries);
    }
    if (r->kind == CSTAR__TARGET_COMPONENT) {
        return tell_base(t, ((const cstar__base *)r->target)->list);
    }
    if (r->kind == CSTAR__TARGET_MOUNT || r->kind == CSTAR__TARGET_ASSET) {
        return tell(t, CSTAR_ROUTE_FILES, NULL, NULL);
    }
    return tell(t, CSTAR_ROUTE_PLAIN,
                r->kind == CSTAR__TARGET_PLAIN ? ((const cstar_route_opts *)r->target)->name : NULL,
                NULL);
}

/* Takes one and those that were made with it. @return the next one. */
static const cstar__route *gather(telling *t, const cstar__route *r) {
    cstar_buf b;
    t->route = r;
    cstar_buf_fixed(&b, t->methods, sizeof t->methods);
    for (; r != NULL && r->target == t->route->target && r->kind == t->route->kind &&
           strcmp(r->path, t->route->path) == 0;
         r = r->next) {
        cstar_buf_puts(&b, b.len != 0 ? "," : "");
        cstar_buf_puts(&b, cstar__method_name(r->method));
    }
    cstar_buf_byte(&b, '\0');
    return r;
}

void cstar_app_routes(const cstar_app *app, bool (*fn)(void *arg, const cstar_route_info *info),
                      void *arg) {
    telling t = {.fn = fn, .arg = arg};
    const cstar__route *next = app->router.first;
    do {
        if (next == NULL) {
            return;
        }
        next = gather(&t, next);
    } while (tell_one(&t));
}

const char *cstar_route_kind_name(cstar_route_kind kind) {
    static const char *const names[] = {"route",     "page",       "event", "stream",
                                        "component", "controller", "files"};
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "";
}

/* ---- as a table ---- */

typedef struct table {
    cstar_buf *out;
    size_t methods, path; /* widths */
} table;

static void put_column(cstar_buf *out, const char *text, size_t width) {
    cstar_buf_puts(out, text);
    for (size_t n = strlen(text); n < width + 2; n++) {
        cstar_buf_byte(out, ' ');
    }
}

static bool measure(void *arg, const cstar_route_info *info) {
    table *t = arg;
    const size_t methods = strlen(info->methods);
    const size_t path = strlen(info->path);
    t->methods = methods > t->methods ? methods : t->methods;
    t->path = path > t->path ? path : t->path;
    return true;
}

static bool put_row(void *arg, const cstar_route_info *info) {
    const table *t = arg;
    put_column(t->out, info->methods, t->methods);
    put_column(t->out, info->path, t->path);
    put_column(t->out, cstar_route_kind_name(info->kind), sizeof "controller" - 1);
    cstar_buf_puts(t->out, info->name != NULL ? info->name : "-");
    const cstar_event_entry *e = info->events;
    for (const char *before = ": "; e != NULL && e->name != NULL; e++, before = ", ") {
        cstar_buf_puts(t->out, before);
        cstar_buf_puts(t->out, e->name);
    }
    cstar_buf_byte(t->out, '\n');
    return t->out->status == CSTAR_OK;
}

cstar_status cstar__routes_print(const cstar_app *app, cstar_buf *out) {
    table t = {.out = out};
    cstar_app_routes(app, measure, &t);
    cstar_app_routes(app, put_row, &t);
    return out->status;
}
