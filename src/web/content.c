/* web/content.c -- see content.h.
 *
 *     content ──▶ precondition (http/range.h) ──▶ 304, 412, 416
 *                          └──▶ 200, 206: small ones are read and sent as a body, others as a source
 *
 * Invariants: 1. The file is closed once, whatever happens. 2. A tag never stands for two contents:
 * each coding of a file is a file of its own.
 *
 * SPDX-License-Identifier: MIT */
#include "web/content.h"

#include "http/content_type.h"
#include "http/date.h"
#include "http/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

cstar__content *cstar__content_new(cstar_conn *conn) {
    cstar__content *c = cstar_arena_zalloc(&conn->x->arena, sizeof *c);
    if (c == NULL) {
        (void)cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
        return NULL;
    }
    c->fd = -1;
    c->mtime = -1;
    return c;
}

void cstar__content_close(cstar__content *c) {
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    c->fd = -1;
}

/* ---- a file's version ---- */

static uint64_t mix(uint64_t h, uint64_t n) {
    h = (h ^ n) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ (h >> 29);
}

/* Mixed: what inode a file has is nobody's business. */
static void make_tag(char out[CSTAR__ETAG_MAX], const struct stat *st) {
    uint64_t h = mix(UINT64_C(0x63737461725F6631), (uint64_t)st->st_ino);
    h = mix(h, (uint64_t)st->st_size);
    h = mix(h, (uint64_t)st->st_mtim.tv_sec);
    h = mix(h, (uint64_t)st->st_mtim.tv_nsec);
    (void)snprintf(out, CSTAR__ETAG_MAX, "\"%016" PRIx64 "\"", h);
}

int cstar__content_stat(cstar__content *c) {
    struct stat st;
    if (fstat(c->fd, &st) != 0) {
        return errno;
    }
    if (!S_ISREG(st.st_mode)) {
        return S_ISDIR(st.st_mode) ? EISDIR : ENOENT;
    }
    c->size = (uint64_t)st.st_size;
    c->mtime = (int64_t)st.st_mtim.tv_sec;
    make_tag(c->etag, &st);
    return 0;
}

/* ---- reading ---- */

static ptrdiff_t read_at(void *arg, char *ptr, size_t len, uint64_t at) {
    const cstar__content *c = arg;
    for (;;) {
        ssize_t n = pread(c->fd, ptr, len, (off_t)at);
        if (n >= 0 || errno != EINTR) {
            return n;
        }
    }
}

static void release(void *arg) { cstar__content_close(arg); }

static cstar_status read_whole(cstar_conn *conn, cstar__content *c, const cstar__outcome *o,
                               cstar_str *body) {
    size_t len = (size_t)o->length;
    char *mem = cstar_arena_alloc(&conn->x->arena, len != 0 ? len : 1);
    if (mem == NULL) {
        return cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
    }
    for (size_t have = 0; have < len;) {
        ptrdiff_t n = read_at(c, mem + have, len - have, o->first + have);
        if (n <= 0) {
            return cstar__conn_failf(conn, CSTAR_EIO, "file", "file: it is shorter than it was");
        }
        have += (size_t)n;
    }
    *body = cstar_view(mem, len);
    return CSTAR_OK;
}

/* ---- fields ---- */

static bool put(cstar_conn *conn, const char *name, const char *value) {
    return value == NULL || value[0] == '\0' ||
           cstar__conn_add_field(conn, cstar_cstr(name), cstar_cstr(value)) == CSTAR_OK;
}

/* What a 304 says too (RFC 9110 15.4.5). */
static bool put_version(cstar_conn *conn, cstar__content *c) {
    if (c->mtime >= 0) {
        cstar__date_format(c->date, c->mtime);
        c->date[CSTAR__DATE_LEN] = '\0';
    }
    return put(conn, "etag", c->etag) && put(conn, "last-modified", c->date) &&
           put(conn, "cache-control", c->cache_control) && put(conn, "vary", c->vary);
}

static bool put_range(cstar_conn *conn, cstar__content *c, const cstar__outcome *o) {
    cstar_buf b;
    cstar_buf_fixed(&b, c->range, sizeof c->range - 1);
    cstar__content_range(&b, o, c->size);
    return put(conn, "content-range", c->range);
}

static bool put_all(cstar_conn *conn, cstar__content *c, const cstar__outcome *o) {
    return put_version(conn, c) && put(conn, "accept-ranges", "bytes") &&
           put(conn, "x-content-type-options", "nosniff") &&
           put(conn, "content-encoding", c->coding) &&
           put(conn, "content-disposition", c->disposition) &&
           (o->status != 206 || put_range(conn, c, o));
}

/* ---- the answer ---- */

static cstar_status send_part(cstar_conn *conn, cstar__content *c, const cstar__outcome *o) {
    cstar__reply r = {.status = o->status, .content_type = c->type};
    if (!put_all(conn, c, o)) {
        cstar__content_close(c);
        return CSTAR_ENOMEM;
    }
    if (o->length > CSTAR__CONTENT_SMALL) {
        r.has_source = true;
        r.source = (cstar__source){.fd = c->fd, .at = o->first, .left = o->length, .arg = c};
        r.source.ptr = c->fd < 0 ? c->ptr : NULL;
        r.source.read = c->fd < 0 ? NULL : read_at;
        r.source.release = c->fd < 0 ? NULL : release;
        return cstar__conn_reply(conn, &r);
    }
    cstar_status rc = CSTAR_OK;
    if (c->fd >= 0) {
        rc = read_whole(conn, c, o, &r.body);
        cstar__content_close(c);
    } else {
        r.body = cstar_view(c->ptr + o->first, (size_t)o->length);
    }
    return rc == CSTAR_OK ? cstar__conn_reply(conn, &r) : rc;
}

/* Whether the file itself would have been a body that is coded as the client likes it. */
static bool is_coded(const cstar_conn *conn, const cstar__content *c) {
    const cstar__coders *coders = &conn->app->coders;
    return !coders->off && !conn->no_compress && c->coding == NULL && c->size >= coders->min &&
           c->size <= CSTAR__CONTENT_SMALL && cstar__media_compresses(cstar_cstr(c->type));
}

static cstar_status send_status(cstar_conn *conn, cstar__content *c, const cstar__outcome *o) {
    cstar__content_close(c);
    if (o->status == 304) {
        if (!put_version(conn, c) ||
            (is_coded(conn, c) &&
             cstar__conn_vary(conn, CSTAR_STR("accept-encoding")) != CSTAR_OK)) {
            return CSTAR_ENOMEM;
        }
        return cstar__conn_reply(conn, &(cstar__reply){.status = 304});
    }
    if (o->status == 416 && !put_range(conn, c, o)) {
        return CSTAR_ENOMEM;
    }
    cstar__error_page(conn, o->status, NULL);
    return CSTAR_OK;
}

cstar_status cstar__content_reply(cstar_conn *conn, cstar__content *c) {
    const cstar__resource res = {cstar_cstr(c->etag), c->mtime, c->size};
    const cstar__outcome o = cstar__precondition(&conn->x->request, &res);
    return o.status == 200 || o.status == 206 ? send_part(conn, c, &o) : send_status(conn, c, &o);
}
