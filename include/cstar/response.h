/* cstar/response.h -- what a handler answers with: whole responses, redirects, error pages, and
 * responses that go on when the handler has returned.
 *
 *     cstar_respond_json(conn, 200, CSTAR_STR("{\"ok\":true}"));
 *     cstar_redirect_to(conn, 303, "/items");
 *     cstar_fail(conn, 404);
 *     cstar_stream(conn, rows, .arg = query, .content_type = "text/csv");
 *
 * One response for a request: a second one is CSTAR_ESTATE. A handler that gives none is answered
 * 500. What a handler collects as events is in cstar/web.h.
 * Content coding: a text of at least 1024 bytes (cstar_serve_opts.compress_min) is sent as br, zstd
 * or gzip to clients that accept it, unless the handler has set Content-Encoding or Cache-Control:
 * no-transform, or has called cstar_no_compress(). Streams that others publish to (cstar/live.h)
 * share one gzip encoder for each topic.
 * Threads: as in cstar/web.h.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_RESPONSE_H
#define CSTAR_RESPONSE_H

#include "cstar/wire.h"

CSTAR_BEGIN_DECLS

typedef struct cstar_app cstar_app;
typedef struct cstar_conn cstar_conn;

/* ---- headers --------------------------------------------------------------------------------- */

/** Sets a response header, in place of all of that name. Both are copied. EINVAL: no token,
 * CR/LF/NUL in the value, or a header that the server sets itself (framing, Date); ESTATE: too
 * late; ENOMEM. */
CSTAR_API cstar_status cstar_set_header(cstar_conn *conn, const char *name, const char *value);
/** Adds one beside those of that name (Link, Set-Cookie). Same errors. */
CSTAR_API cstar_status cstar_add_header(cstar_conn *conn, const char *name, const char *value);
/** What was set so far: the first of that name, in any case; the absent view if there is none.
 * Valid until the next call that sets one. */
CSTAR_API cstar_str cstar_response_header(const cstar_conn *conn, const char *name);

/** This response is sent as it is. For one that holds a secret (a token) beside text that somebody
 * else chooses: the length of what is compressed together tells about the secret (BREACH). Before
 * the response. */
CSTAR_API void cstar_no_compress(cstar_conn *conn);

/* ---- whole responses ------------------------------------------------------------------------- */

/** The whole response. `body` is copied; `content_type` NULL: none, or the header that was set.
 * ESTATE: there is one already; EINVAL: a status that is not 200 to 599, or a line break in
 * content_type. */
CSTAR_API cstar_status cstar_respond(cstar_conn *conn, int status, const char *content_type,
                                     cstar_str body);
CSTAR_API cstar_status cstar_respond_text(cstar_conn *conn, int status, const char *text);
/** JSON text, as it is. */
CSTAR_API cstar_status cstar_respond_json(cstar_conn *conn, int status, cstar_str json);
/** Markup, without a layout. An error of the rendering gives no response; the handler may give
 * another one. */
CSTAR_API cstar_status cstar_respond_html(cstar_conn *conn, int status, cstar_fragment content);
/** Without a body: 204, 202. */
CSTAR_API cstar_status cstar_respond_empty(cstar_conn *conn, int status);

/* ---- redirects ------------------------------------------------------------------------------- */

typedef struct cstar_location { /* zero is the default of every field but url */
    int status;                 /* 301, 302, 303, 307, 308; 0: 303 */
    const char *url;            /* what no header can hold is percent-coded */
    bool external;              /* any http(s) host */
    const char *const *allow;   /* hosts that are allowed besides our own */
    size_t nallow;
    char reserved;
} cstar_location;

/**
 * Redirects by a status and Location. For a form or a link: Datastar's own requests follow it
 * unseen, their events use cstar_redirect() of cstar/web.h.
 * @return EPOLICY: another origin, "//host", another scheme than http(s), user info, or what a
 *         browser would read as one of these; EINVAL: another status, no url; EUTF8; ESTATE;
 *         ENOMEM. No response has been given then.
 */
CSTAR_API cstar_status cstar_conn_redirect_to(cstar_conn *conn, const cstar_location *l);
/** cstar_redirect_to(conn, 303, "/items"), cstar_redirect_to(conn, 302, url, .external = true) */
#define cstar_redirect_to(conn, status_, ...)                                                      \
    cstar_conn_redirect_to((conn), &(cstar_location){.status = (status_), .url = __VA_ARGS__})

/* ---- error pages ----------------------------------------------------------------------------- */

/** The error page of a status, 400 to 599: HTML for those who ask for text/html, text for others
 * and for Datastar's requests. What the handler has set to describe another body (Content-*,
 * Cache-Control, ETag, ...) is dropped. EINVAL; ESTATE. */
CSTAR_API cstar_status cstar_fail(cstar_conn *conn, int status);
/**
 * The app's own HTML error page, instead of the built-in one; NULL: that one. It renders the whole
 * document, for cstar_fail() and for what the app is not asked about (404, 405, 413, 500, ...). If
 * it fails, the built-in text is sent. Requests that are no HTTP are answered without it. Called on
 * the handler's thread. There may be no route: parameters are NULL.
 */
CSTAR_API void cstar_error_page(cstar_app *app,
                                void (*render)(cstar_conn *conn, cstar_html *h, int status));

/* ---- responses that go on -------------------------------------------------------------------- */

typedef enum cstar_next {
    CSTAR_MORE, /* call again as soon as there is room */
    CSTAR_WAIT, /* call again after every_ms */
    CSTAR_END,  /* that was all: a clean end */
} cstar_next;

typedef struct cstar_stream_opts { /* zero is the default of every field but next */
    /* Appends the next piece: events, by every call of cstar/web.h, or raw content by
     * cstar_write(). Called on the loop thread, and not while the client has not taken what came
     * before. */
    cstar_next (*next)(cstar_conn *conn, void *arg);
    void (*done)(void *arg);  /* called once, last, whatever happens; NULL: nothing to do */
    void *arg;                /* of both */
    int status;               /* 0: 200 */
    const char *content_type; /* copied; NULL: an event stream */
    unsigned every_ms;        /* milliseconds of CSTAR_WAIT; 0: soon */
    char reserved;
} cstar_stream_opts;

/**
 * A response that goes on when the handler has returned. It begins then, with what the handler has
 * collected; also behind cstar_start(), as in a page's event. What is appended by one call of
 * `next` leaves when it returns, compressed where the client accepts it (raw content that says
 * CSTAR_MORE is compressed with what follows). One call should append some KiB at most: it is what
 * a slow client costs. In `next`:
 * - headers can't be set, and the request's form and files are gone;
 * - assigns are those of the handler, and new ones are forgotten when it returns, as is all memory
 *   that the conn has handed out;
 * - an error that the conn keeps (cstar_error()) is logged, and ends the stream behind the piece.
 * The client's leaving calls `done` at once. A handler on a pool thread may call this too; `next`
 * and `done` then still run on the loop thread and must not block.
 * @return ESTATE: there is a response already; EINVAL: no next, a status that has no body, a status
 *         but 200 for an event stream, a bad content_type; ENOMEM. `done` has been called then.
 */
CSTAR_API cstar_status cstar_conn_stream(cstar_conn *conn, const cstar_stream_opts *opts);
/** cstar_stream(conn, tick, .every_ms = 1000) */
#define cstar_stream(conn, ...) cstar_conn_stream((conn), &(cstar_stream_opts){.next = __VA_ARGS__})
/** Appends to a stream of raw content. ESTATE: there is none; ELIMIT: more than the app's
 * max_response waits; ENOMEM. */
CSTAR_API cstar_status cstar_write(cstar_conn *conn, cstar_str bytes);

CSTAR_END_DECLS
#endif
