/* web/app.h -- the two structs of this room: an app, and a conn (one request as its handler sees
 * it). Private.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_APP_H
#define CSTAR_WEB_APP_H

#include "http/forwarded.h"
#include "web/compress.h"
#include "web/router.h"

#include "cstar/web.h"

#include <pthread.h>

#define CSTAR__MAX_SIGNAL_BYTES ((size_t)1000000)
#define CSTAR__HINTS 64 /* that are remembered: hint.c */
#define CSTAR__COMPRESS_MIN ((size_t)1024)
#define CSTAR__CODING_MEMORY ((size_t)64 << 20)

struct cstar__server;
struct cstar__body;
struct cstar__stream;
struct cstar__live_conn;
struct cstar__hub;
struct cstar__registry;
struct cstar__views;
struct cstar__topic_rule;
struct cstar__session;
struct cstar__sessions;
struct cstar__access_log;
struct cstar__mount;
struct cstar__packed;
struct cstar__defer;

/* What a route leads to. */
typedef enum cstar__target {
    CSTAR__TARGET_PLAIN,     /* route->target is a cstar_route_opts */
    CSTAR__TARGET_PAGE,      /* route->target is a cstar_page_def; GET */
    CSTAR__TARGET_STREAM,    /* the same; POST */
    CSTAR__TARGET_EVENT,     /* a cstar__events: a page's */
    CSTAR__TARGET_COMPONENT, /* a cstar__base: some component's */
    CSTAR__TARGET_ASSET,     /* the app's own copy of the Datastar client */
    CSTAR__TARGET_MOUNT,     /* route->target is a cstar__mount: a folder or embedded assets */
} cstar__target;

/* Who answers events: a page, a component or a controller. Lives as long as the app. */
typedef struct cstar__events {
    struct cstar__events *next; /* of its mount */
    cstar_str name;             /* for the log; of a component: its segment */
    const cstar_event_entry *entries;
    void (*authorize)(cstar_conn *conn, const char *event);
    void (*controller)(cstar_conn *conn, const char *event, const cstar_signals *in);
    const cstar_page_def *page; /* NULL: it is none */
    const cstar_upload_opts *upload;
    size_t max_bytes;
    bool blocking;
    const char *controller_name; /* of a page's: whose page it is; NULL: nobody's */
} cstar__events;

/* Of the path of a base: its component or controller, and the event. */
#define CSTAR__COMPONENT_TAIL "/:module/:event"

/* A base at which components are served. */
typedef struct cstar__base {
    struct cstar__base *next;
    const char *path; /* of its routes */
    cstar__events *list;
} cstar__base;

struct cstar_app {
    const cstar_allocator *alloc;
    cstar__router router;
    cstar__base *bases;
    cstar_arena arena; /* what lives as long as the app: copied strings */
    cstar_err err;     /* the first error of building it */
    void (*layout)(cstar_conn *conn, cstar_html *h, cstar_fragment content);
    cstar__handler handler;
    cstar_ticker nudges;
    struct cstar__sessions *sessions; /* session.c; NULL: cstar_sessions() was not called */
    int64_t (*clock)(void *arg);      /* seconds since 1970, for tests; NULL: the system's */
    void *clock_arg;
    /* Set by cstar_serve() before a worker runs, read-only then. */
    size_t max_body, max_response;
    size_t max_files;    /* temporary files open at a time, of all uploads; 0: any number */
    size_t nfiles;       /* atomic: that are open */
    size_t largest_body; /* bytes that some route or page may gather in memory; 0: none says */
    void (*on_log)(void *arg, cstar_log_level level, const char *line);
    void *log_arg;
    struct cstar__packed *client; /* the served Datastar file, or NULL */
    char client_path[64];
    struct cstar__mount *mounts; /* newest first */
    bool walk_files;             /* as if the kernel had no openat2(); for tests */
    pthread_mutex_t mutex;       /* guards `server`: stop may come while serving ends */
    /* held, before `mutex`, while files are read again, which may take long; the server stays
     * meanwhile */
    pthread_mutex_t reloading;
    struct cstar__hub *hub;             /* topics.c; NULL: it was never served */
    struct cstar__registry *registry;   /* likewise */
    struct cstar__keepsakes *keepsakes; /* likewise */
    struct cstar__topic_rule *topics;
    struct cstar__views *views;
    struct cstar__threads *threads;         /* threads.c; NULL: none */
    unsigned rooms;                         /* of the hub */
    struct cstar__quiet_confs *quiet_confs; /* quiet.c */
    uint64_t (*ticks)(
        void *arg);       /* milliseconds of a steady clock, for tests; NULL: the system's */
    char secret[20];      /* what addresses begin with; see tab.c */
    uint64_t dice;        /* atomic: cstar__app_random() */
    size_t max_tabs;      /* claims; 0: the registry's own limit */
    size_t max_published; /* bytes in the hub's inboxes; 0: the hub's own limit */
    size_t max_stream_memory;
    size_t stream_memory; /* atomic: bytes that open streams keep of their requests; see heavy.c */
    struct cstar__server *server;
    const struct cstar__tls_opts *tls; /* of the server; lives as long as it does */
    /* Set by cstar_serve() before a worker runs, read-only then. */
    struct cstar__access_log *access_log; /* NULL: none */
    cstar_access_format access_format;
    const char *health, *metrics; /* paths; NULL: nowhere */
    bool development;             /* dev_error.c, hint.c */
    uint64_t hints[CSTAR__HINTS]; /* atomic: of what hint.c has told; hashes */
    bool timed;                   /* somebody wants to know how long requests take */
    unsigned https_port;          /* where https_redirect.c sends people; 0: 443 */
    char hsts[64];                /* the field's value; empty: none */
    int64_t started;              /* seconds since 1970 */
    cstar__proxies proxies;       /* client_info.c; read-only while serving */
    bool trust_local;             /* who comes by a Unix socket is a proxy of ours */
    bool send_request_id;
    uint64_t id_seed[2];
    uint64_t id_count;                                               /* atomic */
    cstar__coders coders;                                            /* compress.c */
    void (*error_page)(cstar_conn *conn, cstar_html *h, int status); /* NULL: ours */
    struct cstar__origin *origins;                                   /* csrf.c: trusted ones */
    const char *csp;                                                 /* security.c; NULL: none */
    cstar_frames frames;
};

/* A value by name; newest first. */
typedef struct cstar__assign {
    struct cstar__assign *next;
    const char *key;
    cstar_val value;
} cstar__assign;

/* A call of cstar_signal() before the stream; oldest first. */
typedef struct cstar__remembered {
    struct cstar__remembered *next;
    const cstar__assign *assign; /* key, and the value as it is by now */
    const char *event_id;
    int64_t retry;
    bool only_if_missing;
} cstar__remembered;

/* A whole response on its way to the machine. */
typedef struct cstar__reply {
    int status;
    const char *content_type; /* NULL: none */
    cstar_str body;           /* borrowed for the call */
    cstar__source source;     /* instead of `body`, if has_source */
    bool has_source;
    bool event_stream;
    bool is_ours; /* `body` lives as long as the conn */
} cstar__reply;

/* Where a conn's response stands. */
typedef enum cstar__answer {
    CSTAR__ANSWER_NONE,
    CSTAR__ANSWER_SSE,   /* events are collected in `out`; they leave when the handler returns */
    CSTAR__ANSWER_RAW,   /* the same of a stream's raw content */
    CSTAR__ANSWER_GIVEN, /* handed to the machine, or kept in `kept` */
} cstar__answer;

/* What a request's handler does, in order. */
typedef enum cstar__step {
    CSTAR__STEP_BEFORE, /* mount, authorize */
    CSTAR__STEP_MAIN,   /* render, the event's handler, a plain one */
    CSTAR__STEP_LAST,   /* what they have left undone */
} cstar__step;

/* Lives in the exchange's arena. */
struct cstar_conn {
    cstar_app *app;
    cstar__exchange *x;
    const cstar__peer *peer;      /* of the exchange; off the loop a copy, which lasts */
    const cstar__route *route;    /* NULL: no such path or method */
    const cstar_route_opts *opts; /* of a plain route; NULL: defaults */
    cstar_str params[CSTAR__MAX_PARAMS];
    const cstar__events *events;    /* who answers the event; NULL: it is none */
    const cstar_event_entry *event; /* of them; NULL: a controller, which takes all */
    size_t max_body;
    cstar_buf body;                /* what came, unless `parts` takes it */
    struct cstar__body *parts;     /* body.c: a form being read; NULL: none */
    struct cstar__stream *stream;  /* stream.c: a response that goes on; NULL: none */
    struct cstar__live_conn *live; /* live.c: one that others write to; NULL: none */
    cstar_buf out;                 /* the response body */
    bool refused;                  /* before its handler: that never runs */
    bool unlogged;                 /* health and metrics are not in the access log */
    bool streaming;                /* the head of the stream's response is out */
    bool no_compress;              /* cstar_no_compress() */
    bool off_loop;                 /* blocking.c: the handler runs on a pool thread */
    bool gone;                     /* atomic: the client has left; for pool threads */
    cstar__work work;              /* blocking.c */
    cstar__reply kept;             /* what was answered off the loop, or while works are deferred */
    cstar__step step;              /* dispatch.c: the next one */
    bool may_defer;                /* a callback runs that may call cstar_defer() */
    bool deferring;                /* defer.c: it has, and the answer has not been given yet */
    cstar_status defer_failed;     /* defer.c: of the last one that could not be */
    struct cstar__defer *defers;   /* defer.c: under way */
    struct cstar__defer *spent;    /* defer.c: done, but for their memory */
    cstar_err err;                 /* the first one */
    cstar__answer answer;
    cstar_html html; /* of the open patch */
    bool patching;
    bool halted;   /* cstar_halt() */
    bool has_body; /* cstar_body() was written */
    /* cstar_rerender(): signals are not sent, nothing can be deferred; what is answered ... */
    bool rerendering;
    bool refusing; /* ... was meant for a document: there is nothing to be rendered */
    bool unkept;   /* an event's signals, which its tab's stream should know */
    size_t patch_mark;
    bool signals_read;
    const cstar_signals *signals;
    struct cstar__session *session; /* session.c; NULL: not looked at */
    bool session_lost;              /* it could not be read or kept: only an error page is true */
    cstar__assign *assigns;
    cstar__remembered *remembered, **remembered_end;
    cstar__field *fields; /* response headers that the handler has set */
    size_t nfields, cap_fields;
    const cstar_json *json; /* request_json.c */
    bool json_read;
    const cstar__client *client; /* client_info.c; NULL: not asked for yet */
    const char *request_id;      /* request_id.c; likewise */
    const char *nonce;           /* security.c; likewise */
};

/** No error yet. Not `= {0}`: that clears 160 bytes of text at each call of a handler. */
static inline void cstar__err_init(cstar_err *err) {
    err->code = CSTAR_OK;
    err->where = NULL;
    err->text[0] = '\0';
}

/** Whether an answer has to wait: for a handler on another thread, or for what it has deferred. */
static inline bool cstar__conn_keeps(const cstar_conn *conn) {
    return conn->off_loop || conn->deferring;
}

/** Whether the client has left; off the loop the exchange itself must not be asked. */
static inline bool cstar__conn_gone(const cstar_conn *conn) {
    return conn->off_loop ? __atomic_load_n(&conn->gone, __ATOMIC_RELAXED) : conn->x->broken;
}

/* ---- conn.c ---- */

/** @param m  NULL: for a request that leads nowhere. */
cstar_conn *cstar__conn_new(cstar_app *app, cstar__exchange *x, const cstar__match *m);
/** The component or controller that is at work: cstar_self(). NULL: none. */
const char *cstar__conn_self(const cstar_conn *conn);
/** Whether the order of operations ends here: there is an answer (403 if it was only halted). */
bool cstar__conn_is_over(cstar_conn *conn);
/** Keeps the first error. @return err->code. */
cstar_status cstar__conn_fail(cstar_conn *conn, const cstar_err *err);
cstar_status cstar__conn_failf(cstar_conn *conn, cstar_status code, const char *where,
                               const char *text);

/* ---- routes.c ---- */

/** Appends all routes, a line each. CSTAR_ENOMEM. */
cstar_status cstar__routes_print(const cstar_app *app, cstar_buf *out);

/* ---- value.c ---- */

/** Copies what `v` points to into the arena. CSTAR_ETYPE: an expression or a fragment; malformed
 * JSON text; CSTAR_ENOMEM. */
cstar_status cstar__value_keep(cstar_arena *arena, cstar_val *v);

/* ---- session.c ---- */

/** Seals what has changed into a cookie of the response. An error: the conn knows, and has no true
 * answer but an error page. */
cstar_status cstar__session_save(cstar_conn *conn);
/** Of the app: frees its keys. */
void cstar__sessions_free(cstar_app *app);

/* ---- csrf.c ---- */

/** On the head: whether the request is none that another site had a browser send. @return false:
 * refused, and answered. */
bool cstar__csrf_origin(cstar_conn *conn);
/** Before the handler: whether the token is right, where there has to be one. @return false:
 * refused, and answered. */
bool cstar__csrf_check(cstar_conn *conn);
/** The token that a request brings: the first in the order of csrf.c. @return false: there is none;
 * absent: there is something else in its place. */
bool cstar__csrf_given(cstar_conn *conn, cstar_str *token);
/** Whether pages carry a token: the app has sessions and checks them. */
bool cstar__csrf_on(const cstar_conn *conn);
bool cstar__csrf_of(const cstar_app *app);
/** The token for a page's markup; "" if there can be none. */
const char *cstar__csrf_offer(cstar_conn *conn);
/** cstar_html_init() for a conn's markup. */
void cstar__conn_html(cstar_conn *conn, cstar_html *h, cstar_buf *out, const char *prefix);

/* ---- security.c ---- */

/** Of a text/html answer: its security headers, but for those that the handler has set.
 * CSTAR_ENOMEM, CSTAR_EIO. */
cstar_status cstar__security_fields(cstar_conn *conn);

/* ---- client_info.c ---- */

/** Takes the proxies of the options. Again and again, for an app that is served again. */
cstar_status cstar__app_trust(cstar_app *app, const cstar_serve_opts *o, cstar_err *err);
/** Whether the socket's peer is one of the proxies whose word counts. */
bool cstar__conn_by_proxy(const cstar_conn *conn);

/* ---- request_id.c ---- */

/** For the app's life. */
void cstar__request_id_seed(cstar_app *app);
/** The response's field, if the app is to send it. */
void cstar__request_id_announce(cstar_conn *conn);

/* ---- body.c: the request's body, as it comes ---- */

/** After on_head: how the body is to be read. @return false: refused, and answered. */
bool cstar__body_begin(cstar_conn *conn);
/** @return false: refused, and answered. */
bool cstar__body_feed(cstar_conn *conn, const char *ptr, size_t len);
/** The body is complete. @return false: refused, and answered. */
bool cstar__body_end(cstar_conn *conn);
/** The handler has returned, or the conn is over: closes the files. Again does nothing. */
void cstar__body_close(cstar_conn *conn);
/** Whether the body is a form's, and so no signals. */
bool cstar__body_is_form(const cstar_conn *conn);

/* ---- fields.c: of the response ---- */

/* Names and values are borrowed, and known to be good. Each CSTAR_ENOMEM. */
cstar_status cstar__conn_add_field(cstar_conn *conn, cstar_str name, cstar_str value);
/** Instead of all of that name. */
cstar_status cstar__conn_set_field(cstar_conn *conn, cstar_str name, cstar_str value);
void cstar__conn_drop_field(cstar_conn *conn, cstar_str name);
/** The first value of that name; absent if there is none. */
cstar_str cstar__conn_field(const cstar_conn *conn, cstar_str name);
/** Adds a name to Vary, unless it is there. */
cstar_status cstar__conn_vary(cstar_conn *conn, cstar_str name);
/** No cache but the browser's own is to keep the response. */
cstar_status cstar__conn_private(cstar_conn *conn);
/** Takes the next element off a list with commas, without the white space around it. @return
 * false: none is left. */
bool cstar__element_next(cstar_str *rest, cstar_str *element);
/** Whether one of the list is `wanted`, without case. */
bool cstar__has_element(cstar_str list, cstar_str wanted);

/* ---- response.c ---- */

/** Session, HSTS: what every response has, also one that goes on. CSTAR_ENOMEM; what a session's
 * store says. */
cstar_status cstar__conn_own_fields(cstar_conn *conn);
/** Every whole response goes through here. Takes the source of `r`, also on failure. */
cstar_status cstar__conn_reply(cstar_conn *conn, const cstar__reply *r);
/** The second half of it, on the loop thread: hands it to the machine. */
cstar_status cstar__conn_deliver(cstar_conn *conn, const cstar__reply *r);
/** Hands the response body `out` over with the conn's fields. */
cstar_status cstar__conn_send_out(cstar_conn *conn, int status, const char *content_type);

/* ---- hint.c ---- */

/* Before the error page: why there is none of that name. */
void cstar__hint_event(cstar_conn *conn);
void cstar__hint_no_stream(cstar_conn *conn);
/** With `development`: what the page's document lacks. */
void cstar__hint_page(cstar_conn *conn, const cstar_page_def *page);
/** With `development`: whether the event that begins at `mark` in `out` says what it is to patch. */
void cstar__hint_patch(cstar_conn *conn, size_t mark);

/* ---- error_page.c ---- */

/** The answer for a request that failed; `text` NULL: the status's own words. */
void cstar__error_page(cstar_conn *conn, int status, const char *text);
/** [tab.c] In place of 401 and 403: a page that had its stream, and may not have it again, is told
 * to load itself again. @return whether that is the answer. */
bool cstar__tab_reload(cstar_conn *conn, int status);

/* ---- stream.c: a response that goes on when its handler has returned ---- */

/** The handler has returned, and is still on its thread: the fields, for which a session's store
 * may have to wait. */
void cstar__stream_settle(cstar_conn *conn);
/** Afterwards, on the loop: the head, and what it has collected so far. */
void cstar__stream_start(cstar_conn *conn);
/** There is room, or its time has come. */
void cstar__stream_wake(cstar_conn *conn);
/** The exchange is over, or never begins. Again does nothing. */
void cstar__stream_close(cstar_conn *conn);

/* ---- traffic.c: what is counted and told of every request ---- */

void cstar__traffic_begin(const cstar_app *app, cstar__exchange *x);
void cstar__traffic_end(const cstar_app *app, cstar__exchange *x);
struct cstar__access_entry;
/** What the access log says of the request. @param mem  for its address. */
void cstar__traffic_describe(const cstar_app *app, const cstar__exchange *x,
                             char mem[CSTAR__IP_TEXT], struct cstar__access_entry *e);

/* ---- https_redirect.c ---- */

/** 301 or 308 to the same place by https; 400 without a Host. */
void cstar__https_redirect(cstar_conn *conn);

/* ---- health.c, metrics.c ---- */

/** Whether the request is for this, and answered. Asked when no route has the path. */
bool cstar__health_answer(cstar_conn *conn);
bool cstar__metrics_answer(cstar_conn *conn);
/** 200 to GET and HEAD, never kept by a cache; 405 to others. */
void cstar__status_answer(cstar_conn *conn, const cstar__reply *r);

/* ---- blocking.c ---- */

/** Runs the handler on a pool thread; its answer is delivered afterwards. 503 if the pool's queue
 * is full. */
void cstar__blocking_start(cstar_conn *conn);
/** The client has left while the handler runs. */
void cstar__blocking_leave(cstar_conn *conn);

/* ---- defer.c ---- */

/** The client has left while works are under way: those that wait are not run. */
void cstar__defer_leave(cstar_conn *conn);
/** Without a pool (a test) the next work that waits is run here. @return false: none waits. */
bool cstar__defer_run_here(cstar_conn *conn);
/** A callback deferred in vain, and has given no other answer. @return true: the conn has an
 * error's answer now. */
bool cstar__defer_refused(cstar_conn *conn);
/** The request is answered: frees what is done. */
void cstar__defer_clear(cstar_conn *conn);

/* ---- dev_error.c ---- */

/** Appends the conn's error, if there is one, to its events; while developing. */
void cstar__dev_error(cstar_conn *conn);

/* ---- sse.c ---- */

/** Closes a patch that a handler left open. */
void cstar__sse_settle(cstar_conn *conn);
/** Hands the collected events over. */
void cstar__sse_finish(cstar_conn *conn);
/** The fields of an event stream; a Cache-Control of the handler's stays. CSTAR_ENOMEM. */
cstar_status cstar__sse_fields(cstar_conn *conn);
/** "http(s)://host[:port]" of this request; NULL without a Host. */
const char *cstar__conn_origin(cstar_conn *conn);

/* ---- page.c ---- */

void cstar__page_get(cstar_conn *conn, const cstar_page_def *page);
void cstar__page_authorize(cstar_conn *conn, const cstar_page_def *page);
void cstar__page_stream(cstar_conn *conn, const cstar_page_def *page);

/* ---- events.c ---- */

/** On the head of an event's request: who answers it, and its limit. @return false: nobody; with
 * `*allowed` (bit per method) not 0, nobody by this method. */
bool cstar__events_find(cstar_conn *conn, unsigned *allowed);
/** The first name of the entries that says methods wrongly; NULL: none does. */
const char *cstar__events_bad(const cstar_event_entry *entries);
/* The order of operations of an event: its signals and authorize; its handler. */
void cstar__events_authorize(cstar_conn *conn);
void cstar__events_run(cstar_conn *conn);

/* ---- topics.c ---- */

/** There is mail for that worker. [any thread] */
void cstar__app_wake(cstar_app *app, unsigned room);
/** Milliseconds of a steady clock. [any thread] */
uint64_t cstar__app_ticks(const cstar_app *app);
/** Spread evenly; no secret. [any thread] */
uint64_t cstar__app_random(cstar_app *app);

/* ---- tab.c ---- */

/** The stream that an address of cstar_tab() or cstar_stream_name() means. @return false: none. */
bool cstar__tab_resolve(cstar_app *app, const char *name, uint64_t *address);

/* ---- app.c ---- */

/** A page's or base's path without the slashes at its end, then `tail`: "/counter/" and "/counter"
 * give the same, "/" only the tail (behaviours 8.1). In the app's arena; NULL: out of memory. */
const char *cstar__app_path(cstar_app *app, const char *base, const char *tail);
/** Adds a route for every verb that an event can be sent with. */
cstar_status cstar__app_add_events(cstar_app *app, const char *path, const cstar__route *route);
/** That some route gathers so much of a body. */
void cstar__app_note_body(cstar_app *app, size_t max, const cstar_upload_opts *upload);

/* ---- dispatch.c ---- */

/** Makes app->handler. */
void cstar__dispatch_init(cstar_app *app);
/** Runs the handler and completes what it has left undone. [on a pool thread, if it is blocking] */
void cstar__dispatch_call(cstar_conn *conn);
/** Afterwards, on the loop: the log, and a last resort for a reply that could not be given. */
void cstar__dispatch_finish(cstar_conn *conn);
/** Goes on with the request, on the loop: to its end, or until something is deferred. */
void cstar__dispatch_go_on(cstar_conn *conn);

/** Whether its handler is one for the pool. */
bool cstar__conn_is_blocking(const cstar_conn *conn);

/** Logs the conn's error, if there is one, and forgets it. */
void cstar__conn_log_error(cstar_conn *conn);

/* ---- client.c ---- */

/** Loads the Datastar client that the app serves itself, and adds its route. */
cstar_status cstar__client_load(cstar_app *app, const char *path, cstar_err *err);
void cstar__client_answer(cstar_conn *conn);

/* ---- mount.c: folders and embedded assets ---- */

void cstar__mount_answer(cstar_conn *conn, const struct cstar__mount *m);
/** Of all of them: closes their folders, frees their memory. */
void cstar__mounts_fini(cstar_app *app);

/* ---- app.c ---- */

/** Seconds since 1970. */
int64_t cstar__app_now(const cstar_app *app);

CSTAR_PRINTF(3, 4)
void cstar__app_log(const cstar_app *app, cstar_log_level level, const char *format, ...);
/** Keeps the first error of building the app. */
cstar_status cstar__app_fail(cstar_app *app, const cstar_err *err);

#endif
