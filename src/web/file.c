/* web/file.c -- one file as a response, by a path that the program chose.
 *
 * SPDX-License-Identifier: MIT */
#include "http/content_type.h"
#include "web/content.h"

#include "cstar/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- Content-Disposition (RFC 6266) ---- */

static bool is_unfit(unsigned char c) {
    return c < 0x20 || c == 0x7F || c == '/' || c == '\\' || c == '"' || c == '%';
}

/* For clients that do not know filename*: ASCII only. '%' is out: some decode it. */
static void put_plain(cstar_buf *b, const char *name) {
    for (const char *p = name; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x80) {
            cstar_buf_byte(b, is_unfit(c) ? '_' : *p);
        } else if (c >= 0xC0) { /* one for each character */
            cstar_buf_byte(b, '_');
        }
    }
}

static void put_extended(cstar_buf *b, const char *name) {
    for (const char *p = name; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        const bool bad = c < 0x20 || c == 0x7F || c == '/' || c == '\\';
        if (c == '.') {
            cstar_buf_byte(b, '.');
        } else {
            cstar_buf_percent(b, bad ? CSTAR_STR("_") : cstar_view(p, 1));
        }
    }
}

static const char *disposition(cstar_conn *conn, const char *name) {
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(&conn->x->arena), 0);
    cstar_buf_lit(&b, "attachment; filename=\"");
    put_plain(&b, name);
    cstar_buf_byte(&b, '"');
    if (cstar_utf8_valid(cstar_cstr(name))) {
        cstar_buf_lit(&b, "; filename*=UTF-8''");
        put_extended(&b, name);
    }
    cstar_buf_byte(&b, '\0');
    return b.status == CSTAR_OK ? b.ptr : NULL;
}

/* ---- the file ---- */

static cstar_status refuse(cstar_conn *conn, const char *path, int why) {
    const bool missing = why == ENOENT || why == ENOTDIR || why == EISDIR || why == ENXIO;
    cstar_err err;
    cstar__err_init(&err);
    (void)cstar_err_set(&err, missing ? CSTAR_ENOENT : CSTAR_EIO, "path", "path: %s: %s", path,
                        why == ENXIO ? "no regular file" : strerror(why));
    cstar_status rc = cstar__conn_fail(conn, &err);
    cstar__error_page(conn, missing ? 404 : 500, NULL);
    return rc;
}

static bool is_value(const char *value) {
    return value == NULL || cstar__field_ok(CSTAR_STR("x"), cstar_cstr(value));
}

static cstar_status check(cstar_conn *conn, const cstar_file_opts *o) {
    if (conn->answer != CSTAR__ANSWER_NONE) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "response", "response: there is one already");
    }
    if (o == NULL || o->path == NULL) {
        return cstar__conn_failf(conn, CSTAR_EINVAL, "path", "path: there is none");
    }
    if (!is_value(o->content_type) || !is_value(o->cache_control)) {
        return cstar__conn_failf(conn, CSTAR_EINVAL, "content_type",
                                 "content_type, cache_control: a line break or control byte");
    }
    return CSTAR_OK;
}

static const char *arena_copy(cstar_conn *conn, const char *s) {
    return s != NULL ? cstar_arena_strdup(&conn->x->arena, cstar_cstr(s)) : NULL;
}

/* Copies what the response points to beyond the call, should the handler run off the loop. */
static bool describe(cstar_conn *conn, const cstar_file_opts *o, cstar__content *c) {
    const char *name = o->download != NULL ? o->download : o->path;
    c->type = arena_copy(conn, o->content_type);
    c->cache_control = arena_copy(conn, o->cache_control);
    c->disposition = o->download != NULL ? disposition(conn, o->download) : NULL;
    if ((o->content_type != NULL && c->type == NULL) ||
        (o->cache_control != NULL && c->cache_control == NULL) ||
        (o->download != NULL && c->disposition == NULL)) {
        (void)cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
        return false;
    }
    c->type = c->type != NULL ? c->type : cstar__media_by_name(cstar_cstr(name));
    return true;
}

cstar_status cstar_conn_file(cstar_conn *conn, const cstar_file_opts *opts) {
    cstar_status rc = check(conn, opts);
    if (rc != CSTAR_OK) {
        return rc;
    }
    cstar__content *c = cstar__content_new(conn);
    if (c == NULL || !describe(conn, opts, c)) {
        return CSTAR_ENOMEM;
    }
    c->fd = open(opts->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int why = c->fd < 0 ? errno : cstar__content_stat(c);
    if (why != 0) {
        cstar__content_close(c);
        return refuse(conn, opts->path, why);
    }
    return cstar__content_reply(conn, c);
}
