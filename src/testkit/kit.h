/* testkit/kit.h -- the structs of this room: a kit, one of its connections, its cookies. Private.
 *
 *     call ──request.c──▶ bytes ──link.c──▶ machine, app ──▶ raw ──reply.c──▶ reply
 *                           ▲                                          │ events.c, merge.c
 *                          jar.c ◀──────────── Set-Cookie ─────────────┘
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTKIT_KIT_H
#define CSTAR_TESTKIT_KIT_H

#include "http/h1.h"
#include "net/alarm.h"
#include "web/app.h"

#include "cstar/test.h"

/* One connection with one request on it. In the kit's arena; its buffers are the allocator's. */
typedef struct cstar__kit_link {
    struct cstar__kit_link *next; /* of the kit; open ones */
    cstar_test *test;
    cstar__peer peer;
    cstar__h1 machine;
    cstar_buf out; /* what the app has sent and the client has not taken */
    cstar_buf raw; /* what the client has taken */
    bool slow;
    bool open;
    bool headless;        /* the response has no body: HEAD */
    bool vanished;        /* the client cut it */
    bool datastar;        /* Datastar's own request */
    bool lost;            /* the client's machine has gone */
    uint64_t given_up_at; /* of that: when the connection is; 0: nothing is on its way */
} cstar__kit_link;

typedef struct cstar__kit_cookie {
    struct cstar__kit_cookie *next;
    const char *name, *value, *path;
    int64_t expires; /* seconds since 1970; INT64_MAX: with the browser */
    bool secure, http_only;
    char same_site; /* 'L', 'S', 'N' */
} cstar__kit_cookie;

struct cstar_test {
    cstar_app *app;
    const cstar_allocator *alloc;
    cstar_arena arena; /* all that is handed out */
    cstar__exchange_pool pool;
    cstar__env env;
    cstar__alarms alarms;
    uint64_t now_ms; /* since the kit's beginning */
    int64_t began;   /* seconds since 1970 */
    bool https;
    bool failed; /* out of memory was told once */
    const char *host;
    void (*on_fail)(void *arg, const char *file, int line, const char *text);
    void *arg;
    cstar__kit_link *links;
    cstar__kit_cookie *cookies;
    uint64_t serial;
    unsigned tabs; /* that cstar_test_connect() has named */
    cstar_buf log;
    /* of the app, while the kit has its own */
    int64_t (*app_clock)(void *arg);
    uint64_t (*app_ticks)(void *arg);
    void *app_clock_arg;
    void (*app_on_log)(void *arg, cstar_log_level level, const char *line);
    void *app_log_arg;
};

struct cstar_test_stream {
    cstar__kit_link *link;
    cstar_test *test;
    cstar_test_call call; /* copied */
    size_t seen_events, seen_patches;
};

/* ---- test.c ---- */

/** Tells on_fail. @return false, for `return cstar__kit_fail(...)`. */
CSTAR_PRINTF(4, 5)
bool cstar__kit_fail(cstar_test *t, const char *file, int line, const char *format, ...);
/** Out of memory, told. @return NULL. */
void *cstar__kit_nomem(cstar_test *t);
/** `b` as text in the kit's arena, then frees `b`; NULL: out of memory, told. */
const char *cstar__kit_text(cstar_test *t, cstar_buf *b);

/* ---- link.c ---- */

extern const cstar__driver cstar__kit_driver;
/** NULL: out of memory, told. */
cstar__kit_link *cstar__kit_connect(cstar_test *t);
void cstar__kit_feed(cstar__kit_link *l, cstar_str bytes);
/** Everything that can happen now happens. */
void cstar__kit_settle(cstar_test *t);
/** Ends the connection, as if the client had gone; keeps what has come. */
void cstar__kit_close(cstar__kit_link *l);
/** And forgets what has come. */
void cstar__kit_forget(cstar__kit_link *l);

/* ---- reply.c ---- */

/** What has come so far; NULL: out of memory, told. */
cstar_test_reply *cstar__kit_reply(cstar__kit_link *l);

/* ---- request.c ---- */

/** Connects and sends it; NULL: failed, and told. */
cstar__kit_link *cstar__kit_call(cstar_test *t, const cstar_test_call *call);

/* ---- forms.c ---- */

/** Its fields or parts become its body, in the kit's arena. @return false: failed, and told. */
bool cstar__kit_form(cstar_test *t, cstar_test_call *c);

/* ---- jar.c ---- */

/** Appends the Cookie field's value for this path; nothing if there is no cookie. */
void cstar__kit_cookies_put(cstar_test *t, cstar_str path, const cstar_test_call *call,
                            cstar_buf *out);
/** Takes a Set-Cookie. @return false: refused. */
bool cstar__kit_cookie_take(cstar_test *t, cstar_str path, cstar_str field);

/* ---- events.c ---- */

/** An event's `key value` lines, values joined by '\n'; "" if there is none. NULL: ENOMEM. */
const char *cstar__kit_event_value(cstar_arena *a, const cstar_test_sse *e, const char *key);

/* ---- merge.c ---- */

enum { CSTAR__MERGE_NULLS = 1, CSTAR__MERGE_IF_MISSING = 2 };
/** `patch` onto `base` as text in `out`. */
cstar_status cstar__kit_merge(cstar_buf *out, const cstar_json *base, const cstar_json *patch,
                              unsigned flags);

#endif
