/* cstar/files.h -- files as responses: a folder, one file, assets inside the program.
 *
 *     cstar_static(app, "/assets", "public", .cache_control = "public, max-age=3600");
 *     cstar_static_embedded(app, "/assets", &assets);          // made by cstar_embed() of CMake
 *     cstar_respond_file(conn, "reports/7.pdf", .download = "Report.pdf");
 *
 * All of them answer GET and HEAD with Content-Type (by the file's name), X-Content-Type-Options:
 * nosniff, ETag, Last-Modified (not for assets) and Accept-Ranges; conditional requests with 304 or
 * 412; one range with 206 or 416 (several ranges get the whole). A file is read while the client
 * takes it, on the connection's loop thread.
 * What cannot be served is 404, whatever the reason: a bad path, a hidden name, a link that leads
 * out, something that is no regular file, one that must not be read. There are no listings.
 * Threads: registration as for routes; everything on a conn as in cstar/web.h.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_FILES_H
#define CSTAR_FILES_H

#include "cstar/base.h"

CSTAR_BEGIN_DECLS

typedef struct cstar_app cstar_app;
typedef struct cstar_conn cstar_conn;

/* ---- a folder -------------------------------------------------------------------------------- */

typedef struct cstar_static_opts { /* zero is the default of every field but `dir` */
    /* The folder. It is opened once, here: what is mounted over or renamed to its name later is not
     * seen. */
    const char *dir;
    /* Of every file; NULL: "no-cache", the browser keeps it but asks each time whether it is still
     * the same; "": no such field. */
    const char *cache_control;
    const char *index; /* the file for a folder's own path; NULL: "index.html"; "": none, 404 */
    /* A file below `dir` that answers instead of 404 where there is no such file, for requests
     * whose Accept names text/html: the paths of an app that routes in the browser. NULL: none. */
    const char *fallback;
    bool symlinks; /* follow symbolic links, but never out of `dir`, nor absolute ones */
    bool hidden;   /* serve names that begin with a dot */
    /* Send "app.css.br", ".zst" or ".gz" for "app.css" to a client that takes that coding, unless
     * it is older than "app.css" itself. */
    bool precompressed;
    char reserved;
} cstar_static_opts;

/**
 * Serves what is below a folder: prefix "/assets" has "/assets/css/app.css" for "css/app.css".
 * A route of yours below the prefix wins over a file. A folder's path without its last slash is
 * redirected to the one with it (308).
 * Copies everything. @return CSTAR_ENOENT there is no such folder; CSTAR_EIO it cannot be opened;
 * CSTAR_EINVAL, CSTAR_EDUP, CSTAR_ENOMEM as of cstar_route(). As there, serving is refused then.
 */
CSTAR_API cstar_status cstar_app_static(cstar_app *app, const char *prefix,
                                        const cstar_static_opts *opts);
/** cstar_static(app, "/assets", "public", .precompressed = true) */
#define cstar_static(app, prefix, ...)                                                             \
    cstar_app_static((app), (prefix), &(cstar_static_opts){.dir = __VA_ARGS__})

/* ---- one file -------------------------------------------------------------------------------- */

typedef struct cstar_file_opts { /* zero is the default of every field but `path` */
    const char *path;            /* any path; never put together from what a client sent */
    const char *content_type;    /* NULL: by the name of `download`, else of `path` */
    /* The browser saves it, under this name; any text: what cannot be in a name becomes '_'. NULL:
     * it shows it. */
    const char *download;
    const char *cache_control; /* NULL: none but what cstar_set_header() has set */
    char reserved;
} cstar_file_opts;

/**
 * Answers with a file. Symbolic links are followed.
 * @return CSTAR_ENOENT there is no such regular file, and 404 was given; CSTAR_EIO it cannot be
 *         read, and 500 was given; CSTAR_EINVAL a bad content_type or cache_control; CSTAR_ESTATE;
 *         CSTAR_ENOMEM.
 */
CSTAR_API cstar_status cstar_conn_file(cstar_conn *conn, const cstar_file_opts *opts);
/** cstar_respond_file(conn, "reports/7.pdf", .download = "Report.pdf") */
#define cstar_respond_file(conn, ...)                                                              \
    cstar_conn_file((conn), &(cstar_file_opts){.path = __VA_ARGS__})

/* ---- assets inside the program --------------------------------------------------------------- */

/* What the CMake function cstar_embed() makes. */
typedef struct cstar_asset {
    const char *name; /* "css/app.css" */
    const char *data;
    size_t size;      /* bytes */
    const char *hash; /* SHA-256 of the data, 64 lower-case hex digits */
} cstar_asset;

typedef struct cstar_assets {
    const cstar_asset *list; /* sorted by name, as strcmp() has it */
    size_t count;
} cstar_assets;

typedef struct cstar_embedded_opts { /* zero is the default of every field but `assets` */
    const cstar_assets *assets;      /* borrowed for the app's life */
    /* As of cstar_static_opts. A path of cstar_asset_path() is "public, max-age=31536000,
     * immutable" whatever this says. */
    const char *cache_control;
    const char *index, *fallback; /* as there */
    char reserved;
} cstar_embedded_opts;

/**
 * Serves assets, as cstar_static() does files. What compresses well is compressed here, once.
 * @return CSTAR_EINVAL, CSTAR_EDUP, CSTAR_ENOMEM as of cstar_route().
 */
CSTAR_API cstar_status cstar_app_static_embedded(cstar_app *app, const char *prefix,
                                                 const cstar_embedded_opts *opts);
/** cstar_static_embedded(app, "/assets", &assets, .cache_control = "public, max-age=60") */
#define cstar_static_embedded(app, prefix, ...)                                                    \
    cstar_app_static_embedded((app), (prefix), &(cstar_embedded_opts){.assets = __VA_ARGS__})

/**
 * The path of an asset for markup, with its hash: "/assets/app.css?v=8f14e45fceea167a". A browser
 * keeps what it gets there for a year and still sees every change at once.
 * @param prefix  as it was given to cstar_static_embedded().
 * @param name    "css/app.css".
 * @return percent-coded; valid as long as the conn. Where there is no such asset: the path without
 *         a hash, and the conn's error says so (the log tells). NULL when out of memory.
 */
CSTAR_API const char *cstar_asset_path(cstar_conn *conn, const char *prefix, const char *name);

CSTAR_END_DECLS
#endif
