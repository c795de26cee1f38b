/* web/mount.h -- what is served below a prefix: the files of a folder, or assets of the program.
 *
 *     request ──▶ mount.c: a name, or a refusal ──▶ m->find() (static.c, asset.c) ──▶ content.c
 *
 * Life: made at registration, read-only while serving, freed with the app.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_MOUNT_H
#define CSTAR_WEB_MOUNT_H

#include "http/accept.h"
#include "web/beneath.h"
#include "web/content.h"

#include "cstar/files.h"

typedef struct cstar__mount cstar__mount;

/* One asset, in the codings that make it smaller. */
typedef struct cstar__packed {
    cstar_str bytes[CSTAR__CODINGS]; /* absent: not in this one */
    char tag[20];                    /* of the content, without quotes */
} cstar__packed;

typedef enum cstar__found {
    CSTAR__FOUND_FILE,    /* `c` is complete but for cache_control */
    CSTAR__FOUND_FOLDER,  /* a path without its last slash */
    CSTAR__FOUND_NOTHING, /* 404 */
    CSTAR__FOUND_FAILURE, /* ours; the conn has its error */
} cstar__found;

struct cstar__mount {
    cstar__mount *next;
    cstar_arena arena;         /* of all below, and of the mount itself */
    cstar_str prefix;          /* without slashes at its end */
    const char *cache_control; /* NULL: none */
    const char *index;         /* NULL: none */
    const char *fallback;      /* NULL: none */
    bool hidden;
    cstar__found (*find)(cstar_conn *conn, const cstar__mount *m, const char *name,
                         cstar__content *c);
    /* static.c */
    cstar__beneath root;
    bool precompressed;
    /* asset.c */
    const cstar_assets *assets;
    const cstar__packed *packed; /* as many */
};

typedef struct cstar__mount_opts { /* as of the public ones */
    const char *cache_control, *index, *fallback;
} cstar__mount_opts;

/** @return NULL: the app has its error. Give it to cstar__mount_add() or cstar__mount_free(). */
cstar__mount *cstar__mount_new(cstar_app *app, const char *prefix, const cstar__mount_opts *opts);
void cstar__mount_free(cstar__mount *m);
/** Adds its route. Takes it, also on failure. */
cstar_status cstar__mount_add(cstar_app *app, cstar__mount *m);

/** Compresses what is worth it. What cannot be had (no such coding in this build, no memory) is
 * left out. `arena` has the results, `alloc` all that is needed meanwhile. */
void cstar__pack(cstar__packed *p, const char *type, cstar_arena *arena,
                 const cstar_allocator *alloc);
/** Sets the bytes, coding, tag and vary of `c` as the client likes it best. */
void cstar__packed_choose(const cstar_conn *conn, const cstar__packed *p, cstar__content *c);

#endif
