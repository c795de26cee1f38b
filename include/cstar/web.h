/* cstar/web.h -- apps, routes, pages, and what a handler can do with its connection.
 *
 *     static void render(cstar_conn *conn, cstar_html *h) { cstar_put(h, "<h1>Hello</h1>"); }
 *     CSTAR_PAGE(hello, .render = render);
 *     int main(int argc, char **argv) {
 *         cstar_app *app = cstar_app_new();
 *         cstar_page(app, "/", &hello);
 *         return cstar_main(app, argc, argv);
 *     }
 *
 * Life: an app is filled with routes, then served; it does not change while it is served. A
 * cstar_conn and everything reached from it lives until the handler it was given to returns.
 * Threads: registration happens on one thread, before serving. A handler runs on its connection's
 * loop thread.
 * Errors: every function on a conn returns a status, and the conn keeps the first error
 * (cstar_error()), which is logged when the handler returns: returns may be ignored, as with stdio.
 * What failed is not on the wire.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_H
#define CSTAR_WEB_H

#include "cstar/html.h"
#include "cstar/request.h"
#include "cstar/response.h"
#include "cstar/serve.h"
#include "cstar/wire.h"

CSTAR_BEGIN_DECLS

typedef struct cstar_app cstar_app;

/* ---- app ------------------------------------------------------------------------------------- */

/** @return a new app, or NULL when out of memory. */
CSTAR_API cstar_app *cstar_app_new(void);
/** With its own allocator, which must be thread-safe if there are several workers. */
CSTAR_API cstar_app *cstar_app_new_with(const cstar_allocator *alloc);
CSTAR_API void cstar_app_free(cstar_app *app);

typedef void (*cstar_handler)(cstar_conn *conn);

typedef struct cstar_route_opts { /* zero is the default of every field but the handler */
    cstar_handler handler;
    size_t max_body; /* bytes of a request's body; 0: the app's; then 413 */
    /* The handler waits for things (a database, a disk): it runs on a thread of the pool, with the
     * same API; its answer leaves when it returns. */
    bool blocking;
    char reserved;
} cstar_route_opts;

/**
 * A plain route. GET answers HEAD too.
 * @param path  "/", "/items/:id/edit": literal segments and `:params`, each one percent-decoded
 *              segment. A literal wins over a param. A trailing slash is not looked at, in `path`
 *              as in requests. The last segment may be "*name": it stands for all that follows,
 *              be it several segments or none, and its cstar_param() is raw, not decoded. It loses
 *              against literals and params.
 * @return CSTAR_EINVAL: no leading '/', an empty segment or param name, a param named twice,
 *         something behind a "*name"; CSTAR_EDUP: taken; ENOMEM. The first error stays with the app: cstar_main() and
 *         cstar_serve() refuse to start and say it.
 */
CSTAR_API cstar_status cstar_app_route(cstar_app *app, cstar_verb method, const char *path,
                                       const cstar_route_opts *opts);
/** cstar_route(app, CSTAR_GET, "/report", report, .blocking = true) */
#define cstar_route(app, method, path, ...)                                                        \
    cstar_app_route((app), (method), (path), &(cstar_route_opts){.handler = __VA_ARGS__})

/* ---- pages ----------------------------------------------------------------------------------- */

typedef struct cstar_event_entry {
    const char *name; /* exact */
    void (*handle)(cstar_conn *conn, const cstar_signals *in);
} cstar_event_entry;

typedef struct cstar_page_def { /* zero is the default of every field */
    const char *name;           /* for the log */
    void (*mount)(cstar_conn *conn);
    void (*render)(cstar_conn *conn, cstar_html *h); /* required */
    const cstar_event_entry *events;                 /* ends with a NULL name */
    void (*layout)(cstar_conn *conn, cstar_html *h, cstar_fragment content); /* NULL: the app's */
    size_t max_signal_bytes; /* bytes; 0: 1 000 000; then 413 */
    bool blocking; /* mount, render and the events run on a thread of the pool: they may wait */
} cstar_page_def;

/* Routes of a page at /p: GET /p runs mount and render inside the layout; POST /p/_event/:event (or
 * PUT, PATCH, DELETE, GET, as cstar_event() was told) reads the signals, starts the event stream
 * and runs the event's handler. Unknown events are 404. */
CSTAR_API cstar_status cstar_page(cstar_app *app, const char *path, const cstar_page_def *page);

/** The layout of all pages without their own; NULL: cstar_default_layout(). */
CSTAR_API void cstar_app_layout(cstar_app *app, void (*layout)(cstar_conn *conn, cstar_html *h,
                                                               cstar_fragment content));
/** A whole document: cstar_head(), then the content in <body>. */
CSTAR_API void cstar_default_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content);
/** What belongs into <head>: charset, viewport, <title> from the assign "page_title", the Datastar
 * script. */
CSTAR_API void cstar_head(cstar_conn *conn, cstar_html *h);

#define CSTAR_EVENTS(...) ((const cstar_event_entry[]){__VA_ARGS__, {NULL, NULL}})
#define CSTAR_PAGE(name_, ...)                                                                     \
    extern const cstar_page_def name_;                                                             \
    const cstar_page_def name_ = {.name = #name_, __VA_ARGS__}
/** For pages in other files: CSTAR_PAGE_DECLARE(counter); */
#define CSTAR_PAGE_DECLARE(name_) extern const cstar_page_def name_

/* ---- response: an event stream --------------------------------------------------------------- */

/** Starts the event stream. Page events have it started. ESTATE: a response has begun. */
CSTAR_API cstar_status cstar_start(cstar_conn *conn);
/** Whether it is started and the client is there. */
CSTAR_API cstar_status cstar_check_connection(cstar_conn *conn);

/** The open stream as a sink for every cstar_format_*(); NULL when it is not started. Valid until
 * the next call on the conn. */
CSTAR_API cstar_buf *cstar_sink(cstar_conn *conn);

/* Each takes the struct of cstar/wire.h; the macros below are the usual way to call them. ESTATE:
 * not started; ELIMIT: the response is over the app's limit. */
CSTAR_API cstar_status cstar_conn_send(cstar_conn *conn, const cstar_sse_event *e);
CSTAR_API cstar_status cstar_conn_patch_elements(cstar_conn *conn, const cstar_elements *e);
CSTAR_API cstar_status cstar_conn_remove_elements(cstar_conn *conn, const cstar_elements *e);
CSTAR_API cstar_status cstar_conn_append_elements(cstar_conn *conn, const cstar_elements *e);
CSTAR_API cstar_status cstar_conn_upsert_elements(cstar_conn *conn, const cstar_elements *e);
CSTAR_API cstar_status cstar_conn_patch_signals(cstar_conn *conn, const cstar_signals_patch *s);
CSTAR_API cstar_status cstar_conn_remove_signals(cstar_conn *conn, const char *const *paths,
                                                 size_t npaths, const cstar_signals_patch *s);
CSTAR_API cstar_status cstar_conn_nudge(cstar_conn *conn, const char *key,
                                        const cstar_signals_patch *s);
CSTAR_API cstar_status cstar_conn_script(cstar_conn *conn, const cstar_script *s);
CSTAR_API cstar_status cstar_conn_console(cstar_conn *conn, const cstar_console *c);
/** `r->origin` NULL: the request's own. */
CSTAR_API cstar_status cstar_conn_redirect(cstar_conn *conn, const cstar_redirect *r);
/** Opens a patch to render into; NULL on error. See cstar_patch(). */
CSTAR_API cstar_html *cstar_conn_patch_begin(cstar_conn *conn, const cstar_elements *e);
/** Closes it; rolled back if the rendering failed. @return NULL. */
CSTAR_API cstar_html *cstar_conn_patch_end(cstar_conn *conn, cstar_html *h);

#define cstar_send(conn, ...) cstar_conn_send((conn), &(cstar_sse_event){.type = __VA_ARGS__})
#define cstar_patch_elements(conn, ...)                                                            \
    cstar_conn_patch_elements((conn), &(cstar_elements){.html = __VA_ARGS__})
#define cstar_remove_elements(conn, ...)                                                           \
    cstar_conn_remove_elements((conn), &(cstar_elements){.selector = __VA_ARGS__})
#define cstar_append_elements(conn, container, ...)                                                \
    cstar_conn_append_elements((conn),                                                             \
                               &(cstar_elements){.selector = (container), .html = __VA_ARGS__})
#define cstar_upsert_elements(conn, ...)                                                           \
    cstar_conn_upsert_elements((conn), &(cstar_elements){.html = __VA_ARGS__})
#define cstar_patch_signals(conn, ...)                                                             \
    cstar_conn_patch_signals((conn), &(cstar_signals_patch){.json = __VA_ARGS__})
#define cstar_remove_signals(conn, ...)                                                            \
    cstar_conn_remove_signals((conn), (const char *const[]){__VA_ARGS__},                          \
                              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *),   \
                              NULL)
#define cstar_nudge(conn, key) cstar_conn_nudge((conn), (key), NULL)
#define cstar_execute_script(conn, ...)                                                            \
    cstar_conn_script((conn), &(cstar_script){.script = __VA_ARGS__})
#define cstar_redirect(conn, ...) cstar_conn_redirect((conn), &(cstar_redirect){.url = __VA_ARGS__})
/** cstar_console_log(conn, "text or any value", .level = CSTAR_WARN) */
#define cstar_console_log(conn, ...)                                                               \
    cstar_conn_console((conn), &(cstar_console){.message = CSTAR_VAL(CSTAR__FIRST(__VA_ARGS__, )), \
                                                CSTAR__REST(__VA_ARGS__, .reserved = 0)})
/** cstar_patch(conn, h, .selector = "#list") { cstar_put(h, ...); }: renders straight into the
 * event. Leaving the block by break or return closes the patch too, at the next call on the conn or
 * when the handler returns. */
#define cstar_patch(conn, ...)                                                                     \
    for (cstar_html * CSTAR__FIRST(__VA_ARGS__, ) = cstar_conn_patch_begin(                        \
             (conn), &(cstar_elements){CSTAR__REST(__VA_ARGS__, .html = NULL)});                   \
         CSTAR__FIRST(__VA_ARGS__, ) != NULL;                                                      \
         CSTAR__FIRST(__VA_ARGS__, ) = cstar_conn_patch_end((conn), CSTAR__FIRST(__VA_ARGS__, )))
#define CSTAR__REST(first, ...) __VA_ARGS__

/* ---- signals and assigns --------------------------------------------------------------------- */

typedef struct cstar_signal_opts { /* zero is the default of every field */
    cstar_val value;               /* copied; EXPR, TRUSTED and FRAGMENT are ETYPE */
    bool only_if_missing;
    const char *event_id;
    int64_t retry;
    char reserved;
} cstar_signal_opts;

/** Sets a signal: an assign that the browser sees too. Before the event stream has started it is
 * remembered (for cstar_init_signals() and cstar_flush_signals()); afterwards it is a patch, at
 * once and in order. EUTF8; ETYPE; ENOMEM. */
CSTAR_API cstar_status cstar_conn_signal(cstar_conn *conn, const char *key,
                                         const cstar_signal_opts *opts);
/** cstar_signal(conn, "count", 1), cstar_signal(conn, "count", 1, .only_if_missing = true). For
 * booleans: cstar_bool(x). */
#define cstar_signal(conn, key, ...)                                                               \
    cstar_conn_signal((conn), (key),                                                               \
                      &(cstar_signal_opts){.value = CSTAR_VAL(CSTAR__FIRST(__VA_ARGS__, )),        \
                                           CSTAR__REST(__VA_ARGS__, .reserved = 0)})
static inline cstar_status cstar_signal_bool(cstar_conn *conn, const char *key, bool x) {
    cstar_signal_opts opts;
    memset(&opts, 0, sizeof opts);
    opts.value = cstar_val_bool(x);
    return cstar_conn_signal(conn, key, &opts);
}

/** A value that only this request's own functions see. Copied. */
CSTAR_API cstar_status cstar_conn_assign(cstar_conn *conn, const char *key, cstar_val value);
#define cstar_assign(conn, key, value) cstar_conn_assign((conn), (key), CSTAR_VAL(value))
/** What was assigned (or set as a signal); NULL if nothing was. Valid until it is assigned
 * again. */
CSTAR_API const cstar_val *cstar_assigned(const cstar_conn *conn, const char *key);
CSTAR_API const char *cstar_assigned_str(const cstar_conn *conn, const char *key,
                                         const char *otherwise);
CSTAR_API int64_t cstar_assigned_int(const cstar_conn *conn, const char *key, int64_t otherwise);

/** All remembered signals as an object, for data-signals; "{}" if none. The last value of a key
 * wins. */
CSTAR_API cstar_expr cstar_init_signals(cstar_conn *conn);
/** Patches every remembered signal, one event per call of cstar_signal(), in order, with the final
 * values. */
CSTAR_API cstar_status cstar_flush_signals(cstar_conn *conn);

/** The first error of this conn; NULL if none. */
CSTAR_API const cstar_err *cstar_error(const cstar_conn *conn);

CSTAR_END_DECLS
#endif
