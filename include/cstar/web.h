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
 * cstar_conn and everything reached from it lives until the handler it was given to returns, and
 * what that has put off with cstar_defer() (cstar/live.h) is done.
 * Threads: registration happens on one thread, before serving. A handler runs on its connection's
 * loop thread, or, where it is `.blocking`, on a thread of the pool.
 * Errors: every function on a conn returns a status, and the conn keeps the first error
 * (cstar_error()), which is logged when the handler returns: returns may be ignored, as with stdio.
 * What failed is not on the wire.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_H
#define CSTAR_WEB_H

#include "cstar/html.h"
#include "cstar/live.h"
#include "cstar/request.h"
#include "cstar/response.h"
#include "cstar/security.h"
#include "cstar/serve.h"
#include "cstar/session.h"
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
    const cstar_upload_opts *upload; /* borrowed, as long as the app; NULL: max_body is the limit */
    /* Requests that change something are taken from anywhere, without a token: for webhooks and
     * APIs that don't go by cookies. See cstar/security.h. */
    bool cross_origin;
    const char *name; /* for cstar_app_routes(): of the handler; borrowed, as long as the app */
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
    cstar_app_route((app), (method), (path),                                                       \
                    &(cstar_route_opts){.name = CSTAR__TEXT(CSTAR__FIRST(__VA_ARGS__, )),          \
                                        .handler = __VA_ARGS__})
#define CSTAR__TEXT(x) CSTAR__TEXT_OF(x)
#define CSTAR__TEXT_OF(x) #x

/* ---- pages ----------------------------------------------------------------------------------- */

typedef struct cstar_event_entry {
    /* exact, or a prefix with a star at its end ("change_title:*"), or "*" for all others. Exact
     * names win, then the longest prefix. In front of it may stand the methods that it takes:
     * "POST save", "POST|DELETE row:*"; none: all of POST, PUT, PATCH, DELETE and GET (and with
     * GET, HEAD). Others are 405, also if a shorter prefix would take them. A name can have several
     * entries with a method each. What is in front of a space in capital letters is a method, or
     * CSTAR_EINVAL. */
    const char *name;
    void (*handle)(cstar_conn *conn, const cstar_signals *in);
} cstar_event_entry;

typedef struct cstar_page_def { /* zero is the default of every field */
    const char *name;           /* for the log */
    void (*mount)(cstar_conn *conn);
    /* Before an event's handler, when its signals are read and nothing has begun: to refuse, answer
     * (401, 403, ...), or cstar_halt(), which answers 403. Assigns stay for the handler. `event` is
     * the event's name; NULL: it is the page's stream. A page that had its stream and is refused
     * with 401 or 403 when it comes back loads itself again: its session is over. */
    void (*authorize)(cstar_conn *conn, const char *event);
    void (*render)(cstar_conn *conn, cstar_html *h); /* required */
    const cstar_event_entry *events;                 /* ends with a NULL name */
    void (*layout)(cstar_conn *conn, cstar_html *h, cstar_fragment content); /* NULL: the app's */
    void (*head)(cstar_conn *conn, cstar_html *h); /* more for <head>: cstar_head() calls it last */
    size_t max_signal_bytes;                       /* bytes; 0: 1 000 000; then 413 */
    /* mount, render, connect and the events run on a thread of the pool: they may wait */
    bool blocking;
    const cstar_upload_opts *upload; /* of forms with files; NULL: max_signal_bytes is the limit */
    /* The page's stream, see cstar/live.h: opened by cstar_connect() in its markup. Its signals are
     * read, `authorize` (with NULL for the event) has let it pass, and its tab is claimed: subscribe,
     * and send what has to come first. cstar_halt() ends it. NULL: the page has none. */
    void (*connect)(cstar_conn *conn, const cstar_signals *in);
    void (*info)(cstar_conn *conn, const cstar_message *m); /* NULL: messages are passed over */
    /* The stream is over: nothing can be sent any more. Once for each `connect`, also if the stream
     * could not begin. */
    void (*disconnect)(cstar_conn *conn);
    /* The scope in which the stream is the only one of its tab: put the user into it. Asked for
     * events, too: they are of the tab's stream. NULL, or gives NULL: any number of streams. */
    const char *(*stream_key)(cstar_conn *conn);
    unsigned idle_check_ms; /* of silence, until it is looked who is there; 0: 15 000 */
    size_t max_waiting;     /* bytes that may wait for a slow client; 0: 256 KiB */
    cstar_slow slow;        /* what happens then */
    /* The page of a controller (or a component) of that name: cstar_self() in it is the
     * controller's. NULL: it is nobody's. */
    const char *controller;
} cstar_page_def;

/* Routes of a page at /p: GET /p runs mount and render inside the layout; POST /p/_event/:event (or
 * PUT, PATCH, DELETE, GET, as cstar_event() was told) reads the signals, starts the event stream
 * and runs the event's handler. Unknown events are 404. By GET an event has to be sent by a script
 * of this site, with the header Datastar-Request: 403 otherwise. See cstar/security.h. */
CSTAR_API cstar_status cstar_page(cstar_app *app, const char *path, const cstar_page_def *page);

/** The layout of all pages without their own; NULL: cstar_default_layout(). */
CSTAR_API void cstar_app_layout(cstar_app *app, void (*layout)(cstar_conn *conn, cstar_html *h,
                                                               cstar_fragment content));
/** A whole document: <html> with the assign "lang" ("en"), cstar_head(), then <body> with
 * cstar_body(), and the content in it. */
CSTAR_API void cstar_default_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content);
/** What belongs into <head>: charset, viewport, <title> from the assign "page_title", the Datastar
 * script (with cstar_nonce(), if there is one), what the page's `head` adds. */
CSTAR_API void cstar_head(cstar_conn *conn, cstar_html *h);
/** The attributes that <body> should have: cstar_put(h, "<body {}>", cstar_body(conn)).
 * data-signals:tab-id: the signal `tabId` (JavaScript `$tabId`), 32 hex digits that a tab keeps
 * while it is open (data-effect does); data-signals:page-id: `pageId`, new with each load, see
 * cstar/live.h; data-signals:csrf, where tokens are checked; data-ds-base, if the assign "ds_base" is
 * set or the app serves its components at one base, which is not "/ds". */
CSTAR_API cstar_expr cstar_body(cstar_conn *conn);
/** <div id='flash' role='status'> with the flash messages, each in a <p> with its kind as class.
 * Put it into the page also when there is none: a screen reader tells what appears in it later. */
CSTAR_API void cstar_flash_area(cstar_conn *conn, cstar_html *h);

/** The name of the event that is being handled, decoded: "change_title:42" for "change_title:*".
 * NULL: none is. */
CSTAR_API const char *cstar_event_name(const cstar_conn *conn);
/** The argument of that event, which cstar_event("toggle", .arg = CSTAR_VAL(id)) has sent, decoded;
 * valid until the handler returns. It is what a browser says, as signals are: whether this user may
 * touch that row is for the handler (or `authorize`, which can ask for it too) to find out. Stands in
 * the URL, and so in logs: no place for secrets.
 * NULL: no event is being handled, it has none or two, or what it has is longer than
 * CSTAR_EVENT_ARG_MAX, no UTF-8, or has a NUL in it. "" is an argument. */
CSTAR_API const char *cstar_event_arg(cstar_conn *conn);
/** The same as a whole number: decimal digits, a '-' in front or not, and nothing else ("7", not
 * "+7", "07" or "7 "), that fits.
 * @return false: there is none, or it is no such number; `*n` is untouched. */
CSTAR_API CSTAR_MUST_USE bool cstar_event_arg_int(cstar_conn *conn, int64_t *n);
/** No further: what follows in the page's order of operations (render, the event's handler) does not
 * run. A request that ends halted and without an answer gets 403. */
CSTAR_API void cstar_halt(cstar_conn *conn);

#define CSTAR_EVENTS(...) ((const cstar_event_entry[]){__VA_ARGS__, {NULL, NULL}})
#define CSTAR_PAGE(name_, ...)                                                                     \
    extern const cstar_page_def name_;                                                             \
    const cstar_page_def name_ = {.name = #name_, __VA_ARGS__}
/** For pages in other files: CSTAR_PAGE_DECLARE(counter); */
#define CSTAR_PAGE_DECLARE(name_) extern const cstar_page_def name_

/* ---- components and controllers -------------------------------------------------------------- */

/* Shared UI with its handlers: what several pages show, and what its events do, in one place. Its
 * markup is a plain function that any page calls; its events are sent by cstar_component_event(),
 * and work wherever the app has mounted its components.
 *
 *     static void drawer(cstar_html *h) {
 *         cstar_put(h, "<button data-on:click='{}'>Save</button>", cstar_component_event("drawer", "save"));
 *     }
 *     CSTAR_COMPONENT(drawer_handlers, .name = "drawer", .events = CSTAR_EVENTS({"save", save}));
 *     ...
 *     cstar_components(app, "/ds", &drawer_handlers, &menu_handlers);
 */
typedef struct cstar_component_def { /* zero is the default of every field but name and events */
    const char *name;                /* its segment in the URL; case matters */
    const cstar_event_entry *events; /* ends with a NULL name */
    void (*authorize)(cstar_conn *conn, const char *event); /* as a page's */
    size_t max_signal_bytes;                                /* bytes; 0: 1 000 000; then 413 */
    const cstar_upload_opts *upload; /* of forms with files; NULL: max_signal_bytes is the limit */
    bool blocking;                   /* its events run on a thread of the pool: they may wait */
} cstar_component_def;

#define CSTAR_COMPONENT(variable_, ...)                                                            \
    extern const cstar_component_def variable_;                                                    \
    const cstar_component_def variable_ = {__VA_ARGS__}
#define CSTAR_COMPONENT_DECLARE(variable_) extern const cstar_component_def variable_

/** Serves the events of these components at `base`/component/event, for every method that
 * cstar_component_event() can send. Others are 404 before a byte of a body is read. May be called
 * again, also with another base; pages in front of another base than "/ds" say it:
 * <body data-ds-base="/other">.
 * @param list  ends with NULL; the definitions are borrowed for the app's life.
 * @return as cstar_route(); CSTAR_EDUP two of one name at one base. */
CSTAR_API cstar_status cstar_app_components(cstar_app *app, const char *base,
                                            const cstar_component_def *const *list);
/** cstar_components(app, "/ds", &drawer_handlers, &menu_handlers) */
#define cstar_components(app, base, ...)                                                           \
    cstar_app_components((app), (base), (const cstar_component_def *const[]){__VA_ARGS__, NULL})

/* A controller registers itself: no list of components is kept anywhere.
 *
 *     CSTAR_CONTROLLER(counter) {                       // conn, event and in are its parameters
 *         if (strcmp(event, "increment") == 0) {
 *             cstar_signal(conn, "count", cstar_signals_int(in, "count", 0) + 1);
 *         }
 *     }
 *     ...
 *     cstar_controllers(app, "/ds");                    // all of the program
 *
 * It answers every event of its name. Its entry lies in a section of the object file, which the
 * linker gathers: no code runs before main(). A controller in a static library is there if the
 * linker takes its object file: because something else in it is used, because of
 * CSTAR_USE_CONTROLLER(counter) in the program, or because the library is linked whole. */
typedef struct cstar_controller {
    const char *name;
    void (*handle)(cstar_conn *conn, const char *event, const cstar_signals *in);
} cstar_controller;

#if defined(__APPLE__)
#define CSTAR__SECTION __attribute__((used, section("__DATA,cstar_ctl")))
extern const cstar_controller *const
    cstar__controllers_begin __asm("section$start$__DATA$cstar_ctl");
extern const cstar_controller *const cstar__controllers_end __asm("section$end$__DATA$cstar_ctl");
#elif defined(__GNUC__)
#if defined(__has_attribute)
#if __has_attribute(retain)
#define CSTAR__RETAIN , retain
#endif
#endif
#ifndef CSTAR__RETAIN
#define CSTAR__RETAIN
#endif
#define CSTAR__SECTION __attribute__((used, section("cstar_controllers") CSTAR__RETAIN))
extern const cstar_controller *const __start_cstar_controllers[]
    __attribute__((weak, visibility("hidden")));
extern const cstar_controller *const __stop_cstar_controllers[]
    __attribute__((weak, visibility("hidden")));
#endif

#define CSTAR_CONTROLLER(name_)                                                                    \
    static void cstar__handle_##name_(cstar_conn *conn, const char *event,                         \
                                      const cstar_signals *in);                                    \
    extern const cstar_controller cstar__controller_##name_;                                       \
    const cstar_controller cstar__controller_##name_ = {#name_, cstar__handle_##name_};            \
    static const cstar_controller *const cstar__entry_##name_ CSTAR__SECTION =                     \
        &cstar__controller_##name_;                                                                \
    static void cstar__handle_##name_(cstar_conn *conn, const char *event, const cstar_signals *in)
/** At file level: has the linker take that controller out of a static library. */
#define CSTAR_USE_CONTROLLER(name_)                                                                \
    extern const cstar_controller cstar__controller_##name_;                                       \
    extern const cstar_controller *const cstar__use_##name_;                                       \
    const cstar_controller *const cstar__use_##name_ = &cstar__controller_##name_

/** Serves these at `base`, beside the components there. Errors of cstar_components(). */
CSTAR_API cstar_status cstar_app_controllers(cstar_app *app, const char *base,
                                             const cstar_controller *const *list, size_t n);
/** All controllers of the program, or of the shared library, that calls it. */
#if defined(__APPLE__)
#define cstar_controllers(app, base)                                                               \
    cstar_app_controllers((app), (base), &cstar__controllers_begin,                                \
                          (size_t)(&cstar__controllers_end - &cstar__controllers_begin))
#elif defined(__GNUC__)
#define cstar_controllers(app, base)                                                               \
    cstar_app_controllers((app), (base), __start_cstar_controllers,                                \
                          (size_t)(__stop_cstar_controllers - __start_cstar_controllers))
#endif

/* ---- what is routed -------------------------------------------------------------------------- */

typedef enum cstar_route_kind {
    CSTAR_ROUTE_PLAIN,      /* cstar_route() */
    CSTAR_ROUTE_PAGE,       /* cstar_page(): the document */
    CSTAR_ROUTE_EVENT,      /* its events */
    CSTAR_ROUTE_STREAM,     /* its stream */
    CSTAR_ROUTE_COMPONENT,  /* cstar_components(): one of them */
    CSTAR_ROUTE_CONTROLLER, /* cstar_controllers(): one of them */
    CSTAR_ROUTE_FILES,      /* cstar_static() and its sister: all below a path */
} cstar_route_kind;

typedef struct cstar_route_info { /* read-only; lives as long as the app */
    const char *methods;          /* "GET", "POST,GET,PUT,PATCH,DELETE"; GET answers HEAD too */
    const char *path;             /* "/items/:id", "/counter/_event/:event", "/ds/:module/:event" */
    cstar_route_kind kind;
    /* of the page, the component, the controller, or the plain route's handler; NULL: none */
    const char *name;
    const cstar_event_entry *events; /* ends with a NULL name; NULL: none, or a controller's any */
} cstar_route_info;

/**
 * Lists the routes in the order in which they were made; the components and controllers of a base
 * where that base was first named.
 * @param fn  false: stop. `info` is valid during the call, what it points to as long as the app.
 */
CSTAR_API void cstar_app_routes(const cstar_app *app,
                                bool (*fn)(void *arg, const cstar_route_info *info), void *arg);
/** "route", "page", "event", "stream", "component", "controller", "files"; "" for another number. */
CSTAR_API const char *cstar_route_kind_name(cstar_route_kind kind);

/* ---- response: an event stream --------------------------------------------------------------- */

/** Starts the event stream. Page events have it started. ESTATE: a response has begun. */
CSTAR_API cstar_status cstar_start(cstar_conn *conn);
/** CSTAR_OK: it is started, and the client is there as far as is known (a vanished one is until
 * about a ping later); CSTAR_ECLOSED: it has left, or the stream is over; CSTAR_ESTATE: not started. */
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

/* ---- response: one patch without a stream ---------------------------------------------------- */

/* Datastar takes three more kinds of answer, each with status 200 and its options in headers. They
 * save the framing of an event where there is but one thing to say, and other clients understand
 * them too. ESTATE: a response has begun; EINVAL: what the event of the same name refuses, an option
 * that only events have (event_id, retry, view_transition_selector), or a selector that is not
 * ASCII: headers carry nothing else. */

/** text/html: the whole body is the patch. cstar_respond_elements(conn, html, .selector = "#list",
 * .mode = CSTAR_APPEND) */
CSTAR_API cstar_status cstar_conn_respond_elements(cstar_conn *conn, const cstar_elements *e);
#define cstar_respond_elements(conn, ...)                                                          \
    cstar_conn_respond_elements((conn), &(cstar_elements){.html = __VA_ARGS__})
/** application/json: a patch of signals. cstar_respond_signals(conn, "{\"n\":1}", .only_if_missing
 * = true) */
CSTAR_API cstar_status cstar_conn_respond_signals(cstar_conn *conn, const cstar_signals_patch *s);
#define cstar_respond_signals(conn, ...)                                                           \
    cstar_conn_respond_signals((conn), &(cstar_signals_patch){.json = __VA_ARGS__})
/** text/javascript: runs in the page. Client v1.0.2 then never finishes the action, so that its
 * data-indicator stays on; the event (cstar_execute_script()) has no such fault. */
CSTAR_API cstar_status cstar_conn_respond_script(cstar_conn *conn, const cstar_script *s);
#define cstar_respond_script(conn, ...)                                                            \
    cstar_conn_respond_script((conn), &(cstar_script){.script = __VA_ARGS__})

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
/** Unless there is one already: then `value` is not even computed. */
#define cstar_assign_new(conn, key, value)                                                         \
    (cstar_assigned((conn), (key)) != NULL ? CSTAR_OK : cstar_assign((conn), (key), value))
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
 * values. Nothing is forgotten: a second call repeats everything. */
CSTAR_API cstar_status cstar_flush_signals(cstar_conn *conn);

/** The app that the request came to: for cstar_publish(). */
CSTAR_API cstar_app *cstar_app_of(const cstar_conn *conn);
/* A call of cstar_signal() before the event stream, as cstar_flush_signals() would send it. */
typedef struct cstar_remembered { /* start with zeros */
    const char *key;
    const cstar_val *value; /* the final one; valid until it is set again */
    bool only_if_missing;
    const char *event_id; /* NULL: none */
    int64_t retry;
    const void *at; /* private */
} cstar_remembered;

/** All of them, in the order of the calls; one that was set twice comes twice:
 *      cstar_remembered r = {0};
 *      while (cstar_remembered_next(conn, &r)) { ... r.key, r.value ... }
 * @return false: there is no more; then `*r` is as at the start. */
CSTAR_API bool cstar_remembered_next(const cstar_conn *conn, cstar_remembered *r);

/** The first error of this conn; NULL if none. */
CSTAR_API const cstar_err *cstar_error(const cstar_conn *conn);

CSTAR_END_DECLS
#endif
