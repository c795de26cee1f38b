/* cstar/request.h -- what a request brought: signals, headers, parameters, body.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_REQUEST_H
#define CSTAR_REQUEST_H

#include "cstar/json.h"

CSTAR_BEGIN_DECLS

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

/* ---- request --------------------------------------------------------------------------------- */

/** "GET"; for HEAD too. */
CSTAR_API const char *cstar_method(const cstar_conn *conn);
/** Raw, not decoded. */
CSTAR_API cstar_str cstar_path(const cstar_conn *conn);
/** A `:param` of the route, percent-decoded once (a `*rest`: raw); NULL if there is none. A segment whose decoded
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

CSTAR_END_DECLS
#endif
