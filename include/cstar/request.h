/* cstar/request.h -- what a request brought: signals, headers, parameters, cookies, forms, files,
 * JSON; and who sent it.
 *
 * Everything given out lives as long as the conn, unless it says otherwise. Text that is NUL-
 * terminated is valid UTF-8 and has no NUL inside.
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

/**
 * Signals into a struct that a table describes; see cstar_json_decode(), whose errors these are.
 * @param err  Optional. Its text names the field: `signals: "user.age" must be an integer`.
 * @return CSTAR_OK, or why not: then `*out` is untouched.
 */
CSTAR_API cstar_status cstar_signals_decode(const cstar_signals *in, const cstar_field *fields,
                                            void *out, cstar_err *err);

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
 * @param status  gets 400 (malformed, or no object), 413 (too large; checked first) or 500 (out of
 *                memory, or over the arena's limit) on failure.
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
 * The request's signals (GET, DELETE: query; else the body). Read once, then remembered. A form
 * (see below) carries none: an empty object.
 * @return NULL: malformed, too large or out of memory, and then the response (400, 413 or 500) has
 *         been given unless one had begun.
 */
CSTAR_API const cstar_signals *cstar_read_signals(cstar_conn *conn);

/**
 * cstar_signals_decode() for handlers, in one line:
 *      form f = {.limit = 10};
 *      if (cstar_decode_signals(conn, in, form_fields, &f) != CSTAR_OK) { return; }
 * An error stays with the conn, so it is logged (in development, also shown in the browser), and is
 * answered 400 unless a response has begun: in the handler of an event one has.
 * @param in  NULL: cstar_read_signals(conn).
 * @return CSTAR_OK, or why not: then `*out` is untouched. CSTAR_EINVAL: cstar_read_signals() gave
 *         none.
 */
CSTAR_API cstar_status cstar_decode_signals(cstar_conn *conn, const cstar_signals *in,
                                            const cstar_field *fields, void *out);

/**
 * The body as JSON: an object. Read once, then remembered.
 * @return NULL: no application/json or other +json type (then 415 has been given, unless a response
 *         had begun), or malformed (400), or longer than the route's max_body (413).
 */
CSTAR_API const cstar_json *cstar_request_json(cstar_conn *conn);

/* ---- cookies --------------------------------------------------------------------------------- */

/** The value of the first cookie of that name, as it came; NULL if there is none. Anybody can send
 * any cookie: what must be true is to be signed. */
CSTAR_API const char *cstar_cookie(cstar_conn *conn, const char *name);

typedef enum cstar_same_site {
    CSTAR_SAME_SITE_LAX, /* sent when a link leads here, not with requests of other sites' pages */
    CSTAR_SAME_SITE_STRICT, /* not even with a link's */
    CSTAR_SAME_SITE_NONE,   /* always; needs Secure */
} cstar_same_site;

typedef struct cstar_cookie_opts { /* zero is the default of every field but the name; copied */
    const char *name;              /* a token */
    /* Printable ASCII but space, quote, comma, semicolon, backslash. NULL: empty. */
    const char *value;
    int64_t max_age;           /* seconds; 0: until the browser ends; negative: delete it */
    const char *path;          /* NULL: "/" */
    const char *domain;        /* NULL: this host only */
    cstar_same_site same_site; /* 0: Lax */
    bool for_scripts;          /* document.cookie shows it; else HttpOnly */
    bool secure;               /* https only; always so when this request came by https */
    bool allow_http;           /* not Secure, although this request came by https */
    bool partitioned;          /* a jar of its own per top-level site; needs Secure */
    char reserved;
} cstar_cookie_opts;

/**
 * Adds a Set-Cookie field to the response.
 * @return CSTAR_EINVAL a name, value, path or domain that cannot stand in one; CSTAR_EPOLICY what
 *         browsers drop without a word: a name with `__Host-` (needs Secure, no domain, path "/")
 *         or `__Secure-` (needs Secure), SameSite=None or Partitioned without Secure; the text of
 *         cstar_error() says which. CSTAR_ELIMIT over 4096 bytes; CSTAR_ESTATE the response has
 *         been given; ENOMEM.
 */
CSTAR_API cstar_status cstar_conn_set_cookie(cstar_conn *conn, const cstar_cookie_opts *opts);
/** cstar_set_cookie(conn, "theme", "dark", .max_age = 86400) */
#define cstar_set_cookie(conn, name_, ...)                                                         \
    cstar_conn_set_cookie((conn), &(cstar_cookie_opts){.name = (name_), .value = __VA_ARGS__})
/** Makes the browser forget it. Path and domain must be those that it was set with. */
CSTAR_API cstar_status cstar_conn_delete_cookie(cstar_conn *conn, const cstar_cookie_opts *opts);
/** cstar_delete_cookie(conn, "theme"), cstar_delete_cookie(conn, "theme", .path = "/app") */
#define cstar_delete_cookie(conn, ...)                                                             \
    cstar_conn_delete_cookie((conn), &(cstar_cookie_opts){.name = __VA_ARGS__})

/* ---- forms ----------------------------------------------------------------------------------- */

/* The fields of a form: an application/x-www-form-urlencoded or multipart/form-data body; for GET,
 * HEAD and DELETE the query. A body that is malformed, or in which something is no UTF-8, is
 * answered 400, and one that is too large or has too many fields 413, before a handler runs. In a
 * query, what is no UTF-8 is passed over. */

/** The last field of that name; NULL if there is none, or it has a NUL inside. */
CSTAR_API const char *cstar_form(cstar_conn *conn, const char *name);
/** The same with its length, NUL inside or not; the absent view if there is none. */
CSTAR_API cstar_str cstar_form_view(cstar_conn *conn, const char *name);

typedef struct cstar_form_field { /* start with zeros */
    cstar_str name, value;
    const void *at; /* private */
} cstar_form_field;

/** All fields in the order sent:
 *      cstar_form_field f = {0};
 *      while (cstar_form_next(conn, &f)) { ... f.name, f.value ... }
 * @return false: there is no more; then `*f` is as at the start. */
CSTAR_API bool cstar_form_next(cstar_conn *conn, cstar_form_field *f);

/* ---- files of a form ------------------------------------------------------------------------- */

/* A file that came in a multipart/form-data body. It waits in an unlinked temporary file that only
 * this process sees; it is gone when the handler has returned. A file input without a chosen file
 * sends none. */
typedef struct cstar_file {
    const char *name; /* of the field */
    /* Made safe to show and to suggest: no path, not hidden, no control characters. Never empty.
     * Two files may have the same one. */
    const char *filename;
    cstar_str original;       /* as the client sent it: anything */
    const char *content_type; /* as the client claims it; "" if it does not */
    uint64_t size;            /* bytes */
    int fd; /* open for reading and writing; dup() it to keep it; do not close it */
} cstar_file;

/** The last file of that field; NULL if there is none. */
CSTAR_API const cstar_file *cstar_form_file(cstar_conn *conn, const char *name);
/** All files in the order sent. @param f  the one before; NULL: the first. NULL: no more. */
CSTAR_API const cstar_file *cstar_form_file_next(cstar_conn *conn, const cstar_file *f);

/**
 * Puts the file in place at `path`, whole or not at all, instead of what may be there: linked where
 * that is possible, else copied beside it and renamed. Its mode is 0644 less the umask. Copying
 * takes its time: let such a handler be `.blocking`. Never build `path` from `original`. Not
 * flushed to the disk: what must survive a power cut is to be fsync()ed.
 * @return CSTAR_EINVAL no path; CSTAR_ELIMIT it is too long; CSTAR_EIO it can't be written there
 *         (then nothing has changed).
 */
CSTAR_API cstar_status cstar_file_save(const cstar_file *f, const char *path, cstar_err *err);
/** Reads up to `len` bytes from `at` on. @return how many; 0 at the end; -1 it can't be read. */
CSTAR_API ptrdiff_t cstar_file_read(const cstar_file *f, uint64_t at, char *mem, size_t len);

typedef struct cstar_upload_part { /* valid during the call */
    const char *name;
    const char *filename; /* made safe; NULL: a field, not a file */
    cstar_str original;
    const char *content_type;
} cstar_upload_part;

/* All uploads together may have a sixteenth of the process's descriptors open; more files are
 * answered 503.
 * What a route or page takes of multipart/form-data bodies. Without it they may be as long as the
 * route's max_body, all in all. But for on_end the callbacks run on the loop's thread, before the
 * handler, also for a `.blocking` one, and must not wait. */
typedef struct cstar_upload_opts { /* zero is the default of every field */
    size_t max_total;              /* bytes of the body; 0: 32 MiB; then 413 */
    size_t max_file;               /* bytes of one file; 0: 16 MiB; then 413 */
    size_t max_fields; /* bytes of all fields that are no files; 0: the route's max_body */
    size_t max_parts;  /* files and fields; 0: 100; then 413 */
    const char *dir;   /* of the temporary files; NULL: $TMPDIR, or /tmp */
    /* A part begins. 0: go on; another status (400, 413, 415) refuses the request with it. May be
     * NULL. */
    int (*on_part)(cstar_conn *conn, const cstar_upload_part *part, void *arg);
    /* Takes the content of files, piece by piece, instead of temporary files; they are then not
     * among cstar_form_file(). `len` 0: the file is complete. Returns as on_part does. */
    int (*on_data)(cstar_conn *conn, const char *ptr, size_t len, void *arg);
    /* Once for each body that has begun, last: when the handler has returned (on its thread), or
     * when it is known that none will run. `whole`: all of the body came. To free what on_part
     * began. */
    void (*on_end)(cstar_conn *conn, bool whole, void *arg);
    /* About every 64 KiB, and at the end. `total` -1: not known. */
    void (*on_progress)(cstar_conn *conn, uint64_t bytes, int64_t total, void *arg);
    void *arg;
} cstar_upload_opts;

/** What on_part keeps for on_data, on_end and the handler; NULL at first. */
CSTAR_API void cstar_upload_keep(cstar_conn *conn, void *state);
CSTAR_API void *cstar_upload_kept(const cstar_conn *conn);

/* ---- who sent it ----------------------------------------------------------------------------- */

/* What the socket says or, if that is a proxy of cstar_serve_opts.trusted_proxies, what the proxy
 * says. */

/** "192.0.2.1", "2001:db8::1", or "unix" for a Unix socket's peer. Never NULL. */
CSTAR_API const char *cstar_client_address(cstar_conn *conn);
/** "http" or "https"; static. */
CSTAR_API const char *cstar_scheme(cstar_conn *conn);
CSTAR_API bool cstar_is_secure(cstar_conn *conn);
/** The host that was asked for, with its port if one was said: "example.org:8080"; "" if none was.
 * A client can say any. */
CSTAR_API const char *cstar_host(cstar_conn *conn);
/** 1 to 128 of [A-Za-z0-9._-], for logs: x-request-id of a trusted proxy, else made here: 32 hex
 * digits, not the same twice. Not a secret. */
CSTAR_API const char *cstar_request_id(cstar_conn *conn);

CSTAR_END_DECLS
#endif
