/* cstar/test.h -- a test kit: an app's requests, streams and pages without sockets and without
 * waiting.
 *
 *     cstar_test *t = cstar_test_new(app);
 *     const cstar_test_reply *r = cstar_test_event(t, "/counter", "increment", "{\"count\":1}");
 *     cstar_test_expect_status(r, 200);
 *     cstar_test_expect_signals(r, "{\"count\":2}");
 *     cstar_test_free(t);
 *
 * Not part of cstar.h. A library of its own, libcstar-test (cstar-test.pc, cstar::test), which goes
 * with the static libcstar.
 *
 * What runs is the real thing: bytes go through the HTTP machine, the router and the dispatcher.
 * What is missing is the network, threads (handlers that say `blocking` run at once) and time:
 * the clock stands still until cstar_test_advance() moves it.
 *
 * Failures: what is expected and is not so, and what the kit can't do (out of memory, a path that
 * is none), is told to on_fail; the default prints it to stderr and calls abort(). Where on_fail
 * returns, functions go on: expectations give false, others NULL, and every function takes the NULL
 * of another as "failed, and told already".
 * Life: everything that is handed out lives until cstar_test_free(). The app is borrowed, must
 * not be served meanwhile, and outlives the kit.
 * Threads: one.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TEST_H
#define CSTAR_TEST_H

#include "cstar/web.h"

CSTAR_BEGIN_DECLS

typedef struct cstar_test cstar_test;               /* a browser, as far as an app can tell */
typedef struct cstar_test_stream cstar_test_stream; /* a response that stays open */
typedef struct cstar_test_page cstar_test_page;     /* a document that patches are applied to */

/* ---- the kit --------------------------------------------------------------------------------- */

typedef struct cstar_test_opts { /* zero is the default of every field */
    bool https;                  /* requests come by TLS */
    const char *host;            /* copied; NULL: "app.test" */
    int64_t now;                 /* seconds since 1970; 0: 2026-01-01 00:00 UTC */
    /* A failure; `file` is NULL where it is not an expectation. May leave by longjmp(), as test
     * frameworks do: what is reached from the kit stays right. NULL: stderr and abort() */
    void (*on_fail)(void *arg, const char *file, int line, const char *text);
    void *arg;
    const cstar_allocator *alloc; /* of the kit; NULL: the heap */
} cstar_test_opts;

/** @return NULL when out of memory; an app that cstar_serve() would refuse is a failure too. */
CSTAR_API cstar_test *cstar_test_new(cstar_app *app);
CSTAR_API cstar_test *cstar_test_new_with(cstar_app *app, const cstar_test_opts *opts);
/** Cuts open streams. The app has its own clock and log again. */
CSTAR_API void cstar_test_free(cstar_test *t);
/** From here on; cookies that are Secure stay at home on plain http. */
CSTAR_API void cstar_test_https(cstar_test *t, bool on);
/** What the app has logged so far, a line each; "" if nothing. Valid until the next call. */
CSTAR_API const char *cstar_test_log(const cstar_test *t);

/* ---- time ------------------------------------------------------------------------------------ */

/** Lets `ms` milliseconds pass: whatever streams wait for (every_ms) happens in the order of its
 * time, sessions and cookies expire. */
CSTAR_API void cstar_test_advance(cstar_test *t, uint64_t ms);
/** Seconds since 1970. */
CSTAR_API int64_t cstar_test_now(const cstar_test *t);

/* ---- replies --------------------------------------------------------------------------------- */

/* One event of a stream. Comments are no events; a block without type and data is none either, and
 * an event that is not complete has not come yet. */
typedef struct cstar_test_sse {
    const char *type;      /* of the first `event:` line; NULL: none */
    const char *id;        /* NULL: none */
    int64_t retry;         /* milliseconds; -1: none */
    const cstar_str *data; /* the `data:` lines, one each */
    size_t ndata;
} cstar_test_sse;

/* A patch of elements: an event's, or a text/html answer to Datastar. */
typedef struct cstar_test_patch {
    const char *selector; /* "": by the elements' own ids */
    const char *mode;     /* "outer" if nothing is said */
    const char *html;     /* its lines joined by '\n' */
    const char *ns;       /* "html", "svg" or "mathml" */
} cstar_test_patch;

typedef struct cstar_test_header {
    const char *name, *value; /* the last one of a list has a NULL name */
} cstar_test_header;

/* What came back. All of it is read-only and lives as long as the kit. */
typedef struct cstar_test_reply {
    cstar_test *test;
    int status;
    bool complete;                    /* its clean end has come */
    bool cut;                         /* it ended without one */
    const cstar_test_header *headers; /* ends with a NULL name; names in lower case */
    cstar_str body;                   /* NUL-terminated behind its end */
    /* Of text/event-stream. Datastar takes a text/html or application/json answer to its own
     * request for a patch: that stands here as the event it means */
    const cstar_test_sse *events;
    size_t nevents;
    const cstar_test_patch *patches;
    size_t npatches;
} cstar_test_reply;

/** The first header of that (lower-case) name; NULL: there is none. */
CSTAR_API const char *cstar_test_header_of(const cstar_test_reply *r, const char *name);
/** All patched signals, merged in order. `nulls` of removals are kept, so that they can be seen;
 * onlyIfMissing is not looked at. An object without members if there were none; NULL: a patch is no
 * JSON (a failure). */
CSTAR_API const cstar_json *cstar_test_signals(const cstar_test_reply *r);

/* Pure: events and merged signals of any text. `a` holds the result. ENOMEM; ESYNTAX and the other
 * errors of cstar_json_read() for signals. */
CSTAR_API cstar_status cstar_test_parse_events(cstar_arena *a, cstar_str text,
                                               const cstar_test_sse **events, size_t *nevents);
typedef struct cstar_test_merge { /* zero is the default of every field */
    const cstar_json *onto;       /* merge onto these; NULL: none */
    bool as_client;               /* null removes, onlyIfMissing counts */
} cstar_test_merge;
CSTAR_API cstar_status cstar_test_merge_signals(cstar_arena *a, const cstar_test_sse *events,
                                                size_t nevents, const cstar_test_merge *how,
                                                const cstar_json **merged);

/* ---- requests -------------------------------------------------------------------------------- */

/* A field or a file of a form with enctype='multipart/form-data'. */
typedef struct cstar_test_part { /* zero is the default of every field but the name */
    const char *name;
    const char *value;        /* its content; NULL: none */
    const char *filename;     /* as the client would say it, anything; NULL: a field, no file */
    const char *content_type; /* NULL: none; of a file application/octet-stream */
    size_t len;               /* bytes of `value`; 0: up to its NUL */
} cstar_test_part;

typedef struct cstar_test_call { /* zero is the default of every field but path */
    const char *path;            /* with its query, percent-coded where needed */
    const char *method;          /* NULL: GET, or POST if there is a body */
    const char *body;            /* NULL: none */
    size_t body_len;             /* 0: up to its NUL */
    const char *const *form; /* or a form's fields: name and value in turn, then NULL; coded here */
    const cstar_test_part *parts;     /* or a form with files: the last one has a NULL name */
    const char *content_type;         /* NULL: application/json, if there is a body */
    const cstar_test_header *headers; /* further ones; the last has a NULL name */
    bool datastar;                    /* with the headers of Datastar's own requests */
    bool slow;                        /* cstar_test_open(): takes no bytes, see cstar_test_slow() */
    bool cross_site; /* as another site's page would send it: cookies by SameSite, Sec-Fetch-Site */
    char reserved;
} cstar_test_call;

/** Sends it, and takes the whole response. One that does not end by itself is a failure: see
 * cstar_test_open(). Cookies are kept and sent as a browser would. Sec-Fetch-Site, and Origin for
 * other methods than GET and HEAD, are sent too. Redirects are not followed. */
CSTAR_API const cstar_test_reply *cstar_test_send(cstar_test *t, const cstar_test_call *call);
/** cstar_test_request(t, "/items/1", .method = "DELETE", .datastar = true) */
#define cstar_test_request(t, ...)                                                                 \
    cstar_test_send((t), &(cstar_test_call){.path = CSTAR__TEST_ARGS(__VA_ARGS__, .reserved = 0)})
#define CSTAR__TEST_ARGS(first, ...) first, __VA_ARGS__

/** A page, as somebody opens it: Accept is text/html. */
CSTAR_API const cstar_test_reply *cstar_test_get(cstar_test *t, const char *path);
/** Datastar's POST of JSON. */
CSTAR_API const cstar_test_reply *cstar_test_post(cstar_test *t, const char *path,
                                                  const char *json);
typedef struct cstar_test_event_opts { /* zero is the default of every field but page and event */
    const char *page;                  /* its path */
    const char *event;                 /* its name, not coded */
    const char *signals;               /* JSON; NULL: {} */
    cstar_val arg;                     /* as of cstar_event(); null: none */
    const char *method;                /* NULL: POST */
} cstar_test_event_opts;

/** An event of a page. An argument that cstar_event() would refuse is a failure. */
CSTAR_API const cstar_test_reply *cstar_test_send_event(cstar_test *t,
                                                        const cstar_test_event_opts *opts);
/** cstar_test_event(t, "/todos", "add", "{\"title\":\"milk\"}")
 *  cstar_test_event(t, "/todos", "toggle", NULL, .arg = CSTAR_VAL(7), .method = "PUT") */
#define cstar_test_event(t, page_, event_, ...)                                                    \
    cstar_test_send_event(                                                                         \
        (t), &(cstar_test_event_opts){.page = (page_), .event = (event_), .signals = __VA_ARGS__})
/** Any event, such as a component's, by its URL and any method: with GET and DELETE the signals go
 * into the query, as the client does. */
CSTAR_API const cstar_test_reply *cstar_test_event_by(cstar_test *t, const char *method,
                                                      const char *url, const char *signals);
/** A POST of an HTML form: `fields` are name and value in turn, coded here, and end with NULL. */
CSTAR_API const cstar_test_reply *cstar_test_post_form(cstar_test *t, const char *path,
                                                       const char *const *fields);
/** cstar_test_form(t, "/login", "name", "ann", "password", "x") */
#define cstar_test_form(t, path, ...)                                                              \
    cstar_test_post_form((t), (path), CSTAR_TEST_FIELDS(__VA_ARGS__))
/** A POST of an HTML form with files: multipart/form-data, as browsers write it. */
CSTAR_API const cstar_test_reply *cstar_test_post_parts(cstar_test *t, const char *path,
                                                        const cstar_test_part *parts);
/** cstar_test_upload(t, "/photos", CSTAR_TEST_FIELD("title", "Sea"),
 *                   CSTAR_TEST_FILE("photo", "sea.png", bytes, .len = n)) */
#define cstar_test_upload(t, path, ...)                                                            \
    cstar_test_post_parts((t), (path), CSTAR_TEST_PARTS(__VA_ARGS__))
#define CSTAR_TEST_FIELD(name_, ...)                                                               \
    { .name = (name_), .value = __VA_ARGS__ }
#define CSTAR_TEST_FILE(name_, filename_, ...)                                                     \
    { .name = (name_), .filename = (filename_), .value = __VA_ARGS__ }
/* For cstar_test_request(): an event with contentType: 'form' is
 *     cstar_test_request(t, "/editor/_event/save", .datastar = true,
 *                        .form = CSTAR_TEST_FIELDS("title", "milk"))
 * and with files .parts = CSTAR_TEST_PARTS(CSTAR_TEST_FILE("file", "a.txt", "text")). */
#define CSTAR_TEST_FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define CSTAR_TEST_PARTS(...) ((const cstar_test_part[]){__VA_ARGS__, {.name = NULL}})

/* ---- cookies --------------------------------------------------------------------------------- */

/** The value of a cookie that the next request for "/" would send; NULL: none. Valid until the
 * kit's next request. */
CSTAR_API const char *cstar_test_cookie(cstar_test *t, const char *name);
/** As a response with this Set-Cookie would set it: "theme=dark; Path=/; Max-Age=60". What a
 * browser refuses is not kept: Secure on plain http, a wrong __Host- or __Secure-, another
 * domain. */
CSTAR_API bool cstar_test_set_cookie(cstar_test *t, const char *set_cookie);
/** What document.cookie would show at "/": HttpOnly ones are missing. */
CSTAR_API const char *cstar_test_script_cookies(cstar_test *t);
/** Another browser: nobody is logged in any more. */
CSTAR_API void cstar_test_clear_cookies(cstar_test *t);

/* ---- streams --------------------------------------------------------------------------------- */

/** Sends a request whose response stays open. It ends with the app's end of it, with
 * cstar_test_cut(), or with the kit. */
CSTAR_API cstar_test_stream *cstar_test_open_call(cstar_test *t, const cstar_test_call *call);
/** cstar_test_open(t, "/ticks", .method = "POST", .body = "{}") */
#define cstar_test_open(t, ...)                                                                    \
    cstar_test_open_call(                                                                          \
        (t), &(cstar_test_call){.path = CSTAR__TEST_ARGS(__VA_ARGS__, .datastar = true)})
/** All that has come so far. */
CSTAR_API const cstar_test_reply *cstar_test_came(cstar_test_stream *s);
/** Events (and patches) that have come since the last call of this. */
CSTAR_API const cstar_test_reply *cstar_test_news(cstar_test_stream *s);
/** true: the client takes no bytes any more, so that its part of the app has to wait; false: it
 * takes all that there is. */
CSTAR_API void cstar_test_slow(cstar_test_stream *s, bool on);
/** The client vanishes. */
CSTAR_API void cstar_test_cut(cstar_test_stream *s);
/** The client is gone, and its machine too: nothing says so. It takes no bytes; 10 s behind the
 * first one that it has not taken (a ping, if there is no other) the connection is given up. */
CSTAR_API void cstar_test_vanish(cstar_test_stream *s);
/** What a server that stops tells its streams: those of cstar_live() end, behind what they have
 * said and what was published before. What is sent afterwards comes to the next server, so to
 * speak, which has kept nothing for those who come back. */
CSTAR_API void cstar_test_drain(cstar_test *t);
/** Whether the app still has it open. */
CSTAR_API bool cstar_test_is_open(const cstar_test_stream *s);
/** Cuts it, and sends the same request again with the last id that came as Last-Event-ID (none, if
 * none came): a new stream. */
CSTAR_API cstar_test_stream *cstar_test_reconnect(cstar_test_stream *s);

/* ---- pages: the document, and patches applied to it ------------------------------------------ */

/* A model of what the browser shows, checked against the real client: HTML is parsed as browsers
 * do, patches of elements are applied as Datastar v1.0.2 does, signals are merged. Nothing runs:
 * data-text and other attributes do nothing, scripts neither.
 * Selectors: lists (a, b) of compounds of tag, *, #id, .class, [attr], [attr=value] and
 * [attr="value"] (also ^= $= *=), joined by ' ' (inside) or '>' (child). Others are a failure.
 * Needs libgumbo; a kit built without it fails here (and says so). */

/** GET, and the document that comes. Its signals are those of data-signals attributes which are
 * JSON objects, or data-signals:name with a JSON value. */
CSTAR_API cstar_test_page *cstar_test_visit(cstar_test *t, const char *path);
/** The same of any markup. */
CSTAR_API cstar_test_page *cstar_test_page_of(cstar_test *t, cstar_str html);
/** Applies all patches of elements and of signals, in order. Again with a later reply: on top. */
CSTAR_API bool cstar_test_apply(cstar_test_page *page, const cstar_test_reply *r);
/** Sends an event of the page with the page's signals, `opts->signals` merged into them first, as
 * if the user had typed it, and applies what comes. `opts->page` is not looked at. */
CSTAR_API const cstar_test_reply *cstar_test_send_page_event(cstar_test_page *page,
                                                             const cstar_test_event_opts *opts);
/** cstar_test_page_event(page, "toggle", NULL, .arg = CSTAR_VAL(7)) */
#define cstar_test_page_event(page_, event_, ...)                                                  \
    cstar_test_send_page_event(                                                                    \
        (page_), &(cstar_test_event_opts){.event = (event_), .signals = __VA_ARGS__})

/** Opens the page's stream, as its data-init='{}' with cstar_connect() does: with the page's signals,
 * its token among them, and a tabId and pageId of its own if a test has given it none; and applies
 * what comes first. What comes later: cstar_test_apply(page, cstar_test_news(s)). A status other than
 * 200 is a failure: for a stream that is to be refused there is cstar_test_open(). */
CSTAR_API cstar_test_stream *cstar_test_connect(cstar_test_page *page);

/** How many elements match. */
CSTAR_API size_t cstar_test_count(cstar_test_page *page, const char *selector);
/** The text of the first match, with white space collapsed; NULL: no match. */
CSTAR_API const char *cstar_test_text(cstar_test_page *page, const char *selector);
/** An attribute of the first match; NULL: no match, or it has none. */
CSTAR_API const char *cstar_test_attr(cstar_test_page *page, const char *selector,
                                      const char *name);
/** The first match as HTML, its attributes sorted; NULL: no match. */
CSTAR_API const char *cstar_test_html(cstar_test_page *page, const char *selector);
CSTAR_API const cstar_json *cstar_test_page_signals(const cstar_test_page *page);
/** What the client would have complained about: missing targets, a line each; "" if nothing. */
CSTAR_API const char *cstar_test_warnings(const cstar_test_page *page);

/* ---- expectations ---------------------------------------------------------------------------- */

/* Each gives true, or tells on_fail what it saw and gives false. */
#define cstar_test_expect_status(r, status_)                                                       \
    cstar_test_check_status((r), (status_), __FILE__, __LINE__)
/** `value` NULL: it must not be there. */
#define cstar_test_expect_header(r, name, value)                                                   \
    cstar_test_check_header((r), &(cstar_test_header){(name), (value)}, __FILE__, __LINE__)
/** The patched signals contain these (JSON): objects member by member, anything else as a whole. */
#define cstar_test_expect_signals(r, json) cstar_test_check_signals((r), (json), __FILE__, __LINE__)
/** Some patch has exactly this selector, or, for "#id", an element with that id in it. */
#define cstar_test_expect_element(r, selector)                                                     \
    cstar_test_check_element((r), (selector), __FILE__, __LINE__)
/** The body contains this. */
#define cstar_test_expect_body(r, text) cstar_test_check_body((r), (text), __FILE__, __LINE__)
/** The first match's text, white space collapsed, is this. `text` NULL: nothing matches. */
#define cstar_test_expect_text(page, selector, text)                                               \
    cstar_test_check_text((page), &(cstar_test_header){(selector), (text)}, __FILE__, __LINE__)
#define cstar_test_expect_count(page, selector, n)                                                 \
    cstar_test_check_count((page), &(cstar_test_amount){(selector), (n)}, __FILE__, __LINE__)

typedef struct cstar_test_amount {
    const char *selector;
    size_t count;
} cstar_test_amount;
CSTAR_API bool cstar_test_check_status(const cstar_test_reply *r, int status, const char *file,
                                       int line);
CSTAR_API bool cstar_test_check_header(const cstar_test_reply *r, const cstar_test_header *h,
                                       const char *file, int line);
CSTAR_API bool cstar_test_check_signals(const cstar_test_reply *r, const char *json,
                                        const char *file, int line);
CSTAR_API bool cstar_test_check_element(const cstar_test_reply *r, const char *selector,
                                        const char *file, int line);
CSTAR_API bool cstar_test_check_body(const cstar_test_reply *r, const char *text, const char *file,
                                     int line);
CSTAR_API bool cstar_test_check_text(cstar_test_page *page, const cstar_test_header *what,
                                     const char *file, int line);
CSTAR_API bool cstar_test_check_count(cstar_test_page *page, const cstar_test_amount *what,
                                      const char *file, int line);

CSTAR_END_DECLS
#endif
