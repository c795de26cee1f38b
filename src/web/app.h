/* web/app.h -- the two structs of this room: an app, and a conn (one request as its handler sees
 * it). Private.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_APP_H
#define CSTAR_WEB_APP_H

#include "http/exchange.h"
#include "web/compress.h"
#include "web/router.h"

#include "cstar/web.h"

#include <pthread.h>

#define CSTAR__MAX_SIGNAL_BYTES ((size_t)1000000)
#define CSTAR__COMPRESS_MIN ((size_t)1024)
#define CSTAR__CODING_MEMORY ((size_t)64 << 20)

struct cstar__server;
struct cstar__body;
struct cstar__stream;

/* What a route leads to. */
typedef enum cstar__target {
    CSTAR__TARGET_PLAIN, /* route->fn is a cstar_handler */
    CSTAR__TARGET_PAGE,  /* route->target is a cstar_page_def; GET */
    CSTAR__TARGET_EVENT, /* the same; its events */
    CSTAR__TARGET_ASSET, /* the app's own copy of the Datastar client */
} cstar__target;

struct cstar_app {
    const cstar_allocator *alloc;
    cstar__router router;
    cstar_arena arena; /* what lives as long as the app: copied strings */
    cstar_err err;     /* the first error of building it */
    void (*layout)(cstar_conn *conn, cstar_html *h, cstar_fragment content);
    cstar__handler handler;
    cstar_ticker nudges;
    /* Set by cstar_serve() before a worker runs, read-only then. */
    size_t max_body, max_response;
    void (*on_log)(void *arg, cstar_log_level level, const char *line);
    void *log_arg;
    char *client; /* the served Datastar file, or NULL */
    size_t client_len;
    char client_path[64];
    char client_tag[32];   /* its ETag */
    pthread_mutex_t mutex; /* guards `server`: stop may come while serving ends */
    struct cstar__server *server;
    const struct cstar__tls_opts *tls; /* of the server; lives as long as it does */
    cstar__coders coders;              /* compress.c */
    void (*error_page)(cstar_conn *conn, cstar_html *h, int status); /* NULL: ours */
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
    CSTAR__ANSWER_GIVEN, /* handed to the machine, or (off the loop) kept in `kept` */
} cstar__answer;

/* Lives in the exchange's arena. */
struct cstar_conn {
    cstar_app *app;
    cstar__exchange *x;
    const cstar__route *route;    /* NULL: no such path or method */
    const cstar_route_opts *opts; /* of a plain route; NULL: defaults */
    cstar_str params[CSTAR__MAX_PARAMS];
    const cstar_event_entry *event; /* of a page's event route */
    size_t max_body;
    cstar_buf body;               /* what came, unless `parts` takes it */
    struct cstar__body *parts;    /* body.c: a form being read; NULL: none */
    struct cstar__stream *stream; /* stream.c: a response that goes on; NULL: none */
    cstar_buf out;                /* the response body */
    bool streaming;               /* the head of the stream's response is out */
    bool no_compress;             /* cstar_no_compress() */
    bool off_loop;                /* blocking.c: the handler runs on a pool thread */
    bool gone;                    /* atomic: the client has left; for pool threads */
    cstar__work work;             /* blocking.c */
    cstar__reply kept;            /* blocking.c: what the handler answered off the loop */
    cstar_err err;                /* the first one */
    cstar__answer answer;
    cstar_html html; /* of the open patch */
    bool patching;
    size_t patch_mark;
    bool signals_read;
    const cstar_signals *signals;
    cstar__assign *assigns;
    cstar__remembered *remembered, **remembered_end;
    cstar__field *fields; /* response headers that the handler has set */
    size_t nfields, cap_fields;
};

/** No error yet. Not `= {0}`: that clears 160 bytes of text at each call of a handler. */
static inline void cstar__err_init(cstar_err *err) {
    err->code = CSTAR_OK;
    err->where = NULL;
    err->text[0] = '\0';
}

/** Whether the client has left; off the loop the exchange itself must not be asked. */
static inline bool cstar__conn_gone(const cstar_conn *conn) {
    return conn->off_loop ? __atomic_load_n(&conn->gone, __ATOMIC_RELAXED) : conn->x->broken;
}

/* ---- conn.c ---- */

/** @param m  NULL: for a request that leads nowhere. */
cstar_conn *cstar__conn_new(cstar_app *app, cstar__exchange *x, const cstar__match *m);
/** Keeps the first error. @return err->code. */
cstar_status cstar__conn_fail(cstar_conn *conn, const cstar_err *err);
cstar_status cstar__conn_failf(cstar_conn *conn, cstar_status code, const char *where,
                               const char *text);

/* ---- body.c: the request's body, as it comes ---- */

/** After on_head: how the body is to be read. @return false: refused, and answered. */
bool cstar__body_begin(cstar_conn *conn);
/** @return false: refused, and answered. */
bool cstar__body_feed(cstar_conn *conn, const char *ptr, size_t len);
/** The body is complete. @return false: refused, and answered. */
bool cstar__body_end(cstar_conn *conn);
/** The conn is over. */
void cstar__body_close(cstar_conn *conn);

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
/** Takes the next element off a list with commas, without the white space around it. @return
 * false: none is left. */
bool cstar__element_next(cstar_str *rest, cstar_str *element);
/** Whether one of the list is `wanted`, without case. */
bool cstar__has_element(cstar_str list, cstar_str wanted);

/* ---- response.c ---- */

/** Every whole response goes through here. Takes the source of `r`, also on failure. */
cstar_status cstar__conn_reply(cstar_conn *conn, const cstar__reply *r);
/** The second half of it, on the loop thread: hands it to the machine. */
cstar_status cstar__conn_deliver(cstar_conn *conn, const cstar__reply *r);
/** Hands the response body `out` over with the conn's fields. */
cstar_status cstar__conn_send_out(cstar_conn *conn, int status, const char *content_type);

/* ---- error_page.c ---- */

/** The answer for a request that failed; `text` NULL: the status's own words. */
void cstar__error_page(cstar_conn *conn, int status, const char *text);

/* ---- stream.c: a response that goes on when its handler has returned ---- */

/** The handler has returned: the head, and what it has collected so far. On the loop. */
void cstar__stream_start(cstar_conn *conn);
/** There is room, or its time has come. */
void cstar__stream_wake(cstar_conn *conn);
/** The exchange is over, or never begins. Again does nothing. */
void cstar__stream_close(cstar_conn *conn);

/* ---- blocking.c ---- */

/** Runs the handler on a pool thread; its answer is delivered afterwards. 503 if the pool's queue
 * is full. */
void cstar__blocking_start(cstar_conn *conn);
/** The client has left while the handler runs. */
void cstar__blocking_leave(cstar_conn *conn);

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
void cstar__page_event(cstar_conn *conn, const cstar_page_def *page);

/* ---- dispatch.c ---- */

/** Makes app->handler. */
void cstar__dispatch_init(cstar_app *app);
/** Runs the handler and completes what it has left undone. [on a pool thread, if it is blocking] */
void cstar__dispatch_call(cstar_conn *conn);
/** Afterwards, on the loop: the log, and a last resort for a reply that could not be given. */
void cstar__dispatch_finish(cstar_conn *conn);

/** Logs the conn's error, if there is one, and forgets it. */
void cstar__conn_log_error(cstar_conn *conn);

/* ---- client.c ---- */

/** Loads the Datastar client that the app serves itself, and adds its route. */
cstar_status cstar__client_load(cstar_app *app, const char *path, cstar_err *err);
void cstar__client_answer(cstar_conn *conn);

/* ---- app.c ---- */

CSTAR_PRINTF(3, 4)
void cstar__app_log(const cstar_app *app, cstar_log_level level, const char *format, ...);
/** Keeps the first error of building the app. */
cstar_status cstar__app_fail(cstar_app *app, const cstar_err *err);

#endif
