/* web/static.c -- files of a folder as responses.
 *
 * For a small file: openat2, fstat, pread, close, and nothing else.
 *
 * SPDX-License-Identifier: MIT */
#include "http/content_type.h"
#include "http/path.h"
#include "web/mount.h"

#include <errno.h>
#include <unistd.h>

/* ---- finding ---- */

/* Nothing that the client could do better, and nothing that we could: out of descriptors or memory,
 * a disk that fails. All else is a file that is not to be had. */
static bool is_ours(int why) {
    return why == EMFILE || why == ENFILE || why == ENOMEM || why == EIO || why == ENOBUFS;
}

static cstar__found not_found(cstar_conn *conn, const char *name, int why) {
    if (!is_ours(why)) {
        return CSTAR__FOUND_NOTHING;
    }
    cstar_err err;
    cstar__err_init(&err);
    (void)cstar_err_set(&err, CSTAR_EIO, "file", "file: %s: %s", name, strerror(why));
    (void)cstar__conn_fail(conn, &err);
    return CSTAR__FOUND_FAILURE;
}

static int open_regular(const cstar__mount *m, const char *name, cstar__content *c) {
    int fd = cstar__beneath_open(&m->root, name);
    if (fd < 0) {
        return -fd;
    }
    c->fd = fd;
    int why = cstar__content_stat(c);
    if (why != 0) {
        cstar__content_close(c);
    }
    return why;
}

static const char *suffix_of(cstar__coding coding) {
    static const char *const suffixes[CSTAR__CODINGS] = {"", ".gz", ".br", ".zst"};
    return suffixes[coding];
}

/* Puts the neighbour of that coding into the place of the file. */
static bool take_neighbour(const cstar__mount *m, const char *name, cstar__coding coding,
                           cstar__content *c) {
    char mem[2 * CSTAR__PATH_MAX];
    cstar_buf b;
    cstar__content other = *c;
    cstar_buf_fixed(&b, mem, sizeof mem);
    cstar_buf_puts(&b, name);
    cstar_buf_puts(&b, suffix_of(coding));
    cstar_buf_byte(&b, '\0');
    if (cstar_buf_status(&b) != CSTAR_OK || open_regular(m, mem, &other) != 0) {
        return false;
    }
    if (other.mtime < c->mtime) {
        cstar__content_close(&other);
        return false;
    }
    cstar__content_close(c);
    *c = other;
    c->coding = cstar__coding_name(coding);
    return true;
}

static void choose_neighbour(const cstar_conn *conn, const cstar__mount *m, const char *name,
                             cstar__content *c) {
    cstar__coding order[CSTAR__CODINGS];
    const cstar__accept accept = cstar__accept_encoding(&conn->x->request);
    const size_t n = cstar__accept_order(&accept, order);
    c->vary = "accept-encoding";
    for (size_t i = 0; i < n && order[i] != CSTAR__IDENTITY; i++) {
        if (take_neighbour(m, name, order[i], c)) {
            return;
        }
    }
}

static cstar__found find(cstar_conn *conn, const cstar__mount *m, const char *name,
                         cstar__content *c) {
    int why = open_regular(m, name, c);
    if (why == EISDIR) {
        return CSTAR__FOUND_FOLDER;
    }
    if (why != 0) {
        return not_found(conn, name, why);
    }
    c->type = cstar__media_by_name(cstar_cstr(name));
    if (m->precompressed) {
        choose_neighbour(conn, m, name, c);
    }
    return CSTAR__FOUND_FILE;
}

/* ---- registration ---- */

cstar_status cstar_app_static(cstar_app *app, const char *prefix, const cstar_static_opts *opts) {
    cstar_err err = {0};
    if (opts == NULL || opts->dir == NULL) {
        (void)cstar_err_set(&err, CSTAR_EINVAL, "dir", "dir: there is none for %s",
                            prefix != NULL ? prefix : "");
        return cstar__app_fail(app, &err);
    }
    const cstar__mount_opts mo = {opts->cache_control, opts->index, opts->fallback};
    cstar__mount *m = cstar__mount_new(app, prefix, &mo);
    if (m == NULL) {
        return app->err.code;
    }
    if (cstar__beneath_init(&m->root, opts->dir, app->walk_files, &err) != CSTAR_OK) {
        cstar__mount_free(m);
        return cstar__app_fail(app, &err);
    }
    m->root.symlinks = opts->symlinks;
    m->hidden = opts->hidden;
    m->precompressed = opts->precompressed;
    m->find = find;
    return cstar__mount_add(app, m);
}
