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
#include "cstar/json.h"
#include "cstar/wire.h"

CSTAR_BEGIN_DECLS

typedef struct cstar_app cstar_app;
typedef struct cstar_conn cstar_conn;
/* The signals a browser sent: the root object, so that every cstar_json_*() works on it too. */
typedef struct cstar_json cstar_signals;

/* ---- signals, reading ------------------------------------------------------------------------ */

/* By dotted path ("user.name"); `otherwise` when it is not there or has another type. */
CSTAR_API int64_t cstar_signals_int(const cstar_signals *in, const char *path, int64_t otherwise);
CSTAR_API double cstar_signals_double(const cstar_signals *in, const char *path, double otherwise);
CSTAR_API bool cstar_signals_bool(const cstar_signals *in, const char *path, bool otherwise);
/** NUL-terminated, lives as long as `in`. A string with a NUL byte inside gives `otherwise`. */
CSTAR_API const char *cstar_signals_str(const cstar_signals *in, const char *path,
                                        const char *otherwise);
CSTAR_API cstar_str cstar_signals_view(const cstar_signals *in, const char *path);

typedef struct cstar_signals_source {
    /* "GET" and "DELETE" carry signals in the query, every other method in the body */
    const char *method;
    cstar_str query; /* raw, without '?' */
    cstar_str body;
    size_t max_bytes; /* of the body or the decoded query value; 0: 1 000 000 */
} cstar_signals_source;

/**
 * Signals from the parts of a request, for programs with their own server. No signals at all is an
 * empty object.
 * @param arena   holds the result; its limit must allow for 26 times max_bytes in the worst case
 *                (an array of single digits).
 * @param status  gets 400 (malformed, or no object) or 413 (too large; checked first) on failure.
 */
CSTAR_API const cstar_signals *cstar_signals_parse(cstar_arena *arena,
                                                   const cstar_signals_source *source, int *status,
                                                   cstar_err *err);

/* ---- app ------------------------------------------------------------------------------------- */

/** @return a new app, or NULL when out of memory. */
CSTAR_API cstar_app *cstar_app_new(void);
/** With its own allocator, which must be thread-safe if there are several workers. */
CSTAR_API cstar_app *cstar_app_new_with(const cstar_allocator *alloc);
CSTAR_API void cstar_app_free(cstar_app *app);

typedef void (*cstar_handler)(cstar_conn *conn);

/**
 * A plain route. GET answers HEAD too.
 * @param path  "/", "/items/:id/edit": literal segments and `:params`, each one percent-decoded
 *              segment. A literal wins over a param. A trailing slash is not looked at, in `path`
 *              as in requests.
 * @return CSTAR_EINVAL: no leading '/', an empty segment or param name, a param named twice;
 *         CSTAR_EDUP: taken; ENOMEM. The first error stays with the app: cstar_main() and
 *         cstar_serve() refuse to start and say it.
 */
CSTAR_API cstar_status cstar_route(cstar_app *app, cstar_verb method, const char *path,
                                   cstar_handler handler);

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

/* ---- request --------------------------------------------------------------------------------- */

/** "GET"; for HEAD too. */
CSTAR_API const char *cstar_method(const cstar_conn *conn);
/** Raw, not decoded. */
CSTAR_API cstar_str cstar_path(const cstar_conn *conn);
/** A `:param` of the route, percent-decoded once; NULL if there is none. A segment whose decoded
 * form is not valid UTF-8 or has a NUL inside does not match any param. */
CSTAR_API const char *cstar_param(const cstar_conn *conn, const char *name);
/** The last query parameter of that name, decoded; NULL if there is none or it is not valid UTF-8
 * or has a NUL inside. */
CSTAR_API const char *cstar_query(cstar_conn *conn, const char *name);
/** A request header by lower-case name; the absent view if there is none. */
CSTAR_API cstar_str cstar_request_header(const cstar_conn *conn, const char *name);
CSTAR_API cstar_str cstar_request_body(const cstar_conn *conn);

/**
 * The request's signals (GET, DELETE: query; else the body). Read once, then remembered.
 * @return NULL: malformed or too large, and then the response (400 or 413) has been given unless
 *         one had begun.
 */
CSTAR_API const cstar_signals *cstar_read_signals(cstar_conn *conn);

/* ---- response: whole ------------------------------------------------------------------------- */

/** A response header, before the response. EINVAL: no token, CR/LF/NUL in the value, or a framing
 * header; ESTATE: too late. */
CSTAR_API cstar_status cstar_set_header(cstar_conn *conn, const char *name, const char *value);
/** The whole response. `body` is copied. ESTATE: there is one already. */
CSTAR_API cstar_status cstar_respond(cstar_conn *conn, int status, const char *content_type,
                                     cstar_str body);
CSTAR_API cstar_status cstar_respond_text(cstar_conn *conn, int status, const char *text);

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

/* ---- serving --------------------------------------------------------------------------------- */

typedef enum cstar_log_level { CSTAR_LOG_ERROR, CSTAR_LOG_WARN, CSTAR_LOG_INFO } cstar_log_level;

typedef struct cstar_cert {
    const char *cert_file; /* PEM: the certificate, then its chain */
    const char *key_file;  /* PEM; NULL: in cert_file */
} cstar_cert;

typedef struct cstar_serve_opts { /* zero is the default of every field */
    /* "host:port", "[::1]:8080", ":8080" (all addresses); NULL: 127.0.0.1:8080; port 0: a free
     * one */
    const char *listen;
    unsigned workers; /* loops, each its own thread but the first; 0: 1 */
    /* file of the Datastar client to serve; NULL: pages load it from the CDN */
    /* HTTPS (TLS 1.2 and 1.3). Without `certs` a certificate for development is made, see
     * docs/howto/https.md. */
    bool tls;
    const cstar_cert *certs; /* borrowed; the first is for clients that ask for no name we have */
    size_t ncerts;
    bool no_http2; /* HTTP/1.1 only; else HTTP/2 by ALPN over TLS, and by prior knowledge without */
    const char *datastar;
    size_t max_body;     /* bytes of a plain route's request body; 0: 1 000 000 */
    size_t max_response; /* bytes of one response; 0: 16 MiB */
    /* milliseconds; 0: 10 000, 30 000, 75 000, 60 000 */
    unsigned header_ms, body_ms, idle_ms, write_ms;
    unsigned drain_ms; /* milliseconds that stopping waits for what runs; 0: 10 000 */
    bool signals;      /* stop on SIGINT and SIGTERM */
    /* Called once, when all workers listen; `url` is "http://127.0.0.1:8080". */
    void (*on_listen)(void *arg, const char *url);
    /* [any thread] A line without line break. NULL: nothing is logged. */
    void (*on_log)(void *arg, cstar_log_level level, const char *line);
    void *arg;
} cstar_serve_opts;

/**
 * Serves until cstar_stop() (or a signal): stops accepting, finishes what runs, returns.
 * @return CSTAR_OK; EINVAL a bad option or an app with a bad route; EIO can't listen, or can't read
 *         opts->datastar; ENOMEM.
 */
CSTAR_API cstar_status cstar_serve(cstar_app *app, const cstar_serve_opts *opts, cstar_err *err);
/** [any thread] [signal-unsafe] Makes cstar_serve() stop. Does nothing when it is not running. */
CSTAR_API void cstar_stop(cstar_app *app);

/** [any thread] Loads the certificates again; cstar_serve() with `signals` does it on SIGHUP.
 * Connections keep what they have. On an error (CSTAR_ESTATE: not serving, or without TLS) nothing
 * changes. */
CSTAR_API cstar_status cstar_reload_certs(cstar_app *app, cstar_err *err);

/**
 * A whole main(): reads flags and CSTAR_* environment variables (--help prints them), serves, frees
 * the app. One worker per core unless told otherwise. Prints to stdout and stderr.
 * @return the process's exit status: 0 stopped by a signal, 1 could not serve, 2 bad usage.
 */
CSTAR_API int cstar_main(cstar_app *app, int argc, char **argv);

CSTAR_END_DECLS
#endif
