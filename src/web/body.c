/* body.c -- how a request's body is read: gathered up to its limit, or, a multipart/form-data one,
 * taken apart while it comes.
 *
 *     begin ──▶ multipart? ──▶ upload.c: begin, feed ..., end ──▶ fields and files
 *         └──▶ gathered, and at its end, urlencoded ──▶ form.c: fields
 *
 * SPDX-License-Identifier: MIT */
#include "web/body.h"

#include "http/content_type.h"

/* Bytes at most for a body that is only announced: a head that does so may have 20 bytes on HTTP/2,
 * and hundreds of them come on one connection. */
enum { RESERVED = 64 * 1024 };

static cstar_str content_type(const cstar_conn *conn) {
    return cstar__request_field(&conn->x->request, "content-type");
}

/* Whether the field names that type, well-formed or not: a malformed form is not to be taken for
 * something else. */
static bool has_type(const cstar_conn *conn, cstar_str name) {
    cstar_str type = content_type(conn);
    return type.len >= name.len && cstar_str_ieq(cstar_view(type.ptr, name.len), name) &&
           (type.len == name.len || strchr("; \t", type.ptr[name.len]) != NULL);
}

static bool has_form_method(const cstar_conn *conn) {
    cstar__method m = conn->x->request.method;
    return m == CSTAR__POST || m == CSTAR__PUT || m == CSTAR__PATCH;
}

static bool is_multipart(const cstar_conn *conn) {
    return has_form_method(conn) && has_type(conn, CSTAR_STR("multipart/form-data"));
}

/* What an event or a stream brings, and what Datastar sends to a handler. */
static bool brings_signals(const cstar_conn *conn) {
    const bool ours = conn->events != NULL || conn->route->kind == CSTAR__TARGET_STREAM;
    const cstar_str by = cstar__request_field(&conn->x->request, "datastar-request");
    return (ours || by.ptr != NULL) && !is_multipart(conn);
}

static bool refuse(cstar_conn *conn, int status) {
    bool signals = status == 413 && brings_signals(conn);
    cstar__error_page(conn, status, signals ? "Signal payload too large" : NULL);
    return false;
}

/* ---- a multipart form ---- */

/* 0: go on. A callback may have answered itself. */
static bool go_on(cstar_conn *conn, int refusal) {
    if (refusal != 0 && conn->answer == CSTAR__ANSWER_NONE) {
        return refuse(conn, refusal);
    }
    return refusal == 0 && conn->answer == CSTAR__ANSWER_NONE;
}

static bool begin_multipart(cstar_conn *conn) {
    conn->parts = cstar__form_new(conn);
    if (conn->parts == NULL) {
        return refuse(conn, 500);
    }
    return go_on(conn, cstar__upload_begin(conn->parts, content_type(conn)));
}

/* ---- a urlencoded form ---- */

/* A body that begins with '{' is no form, whatever its type says: a browser would have coded the
 * brace. `curl -d '{"count":1}'` sends signals so. */
static bool is_urlencoded(const cstar_conn *conn) {
    return has_form_method(conn) &&
           has_type(conn, CSTAR_STR("application/x-www-form-urlencoded")) &&
           (conn->body.len == 0 || conn->body.ptr[0] != '{');
}

static bool read_urlencoded(cstar_conn *conn) {
    conn->parts = cstar__form_new(conn);
    cstar_status rc = conn->parts != NULL
                          ? cstar__form_read(conn->parts, cstar_buf_view(&conn->body))
                          : CSTAR_ENOMEM;
    if (rc == CSTAR_OK) {
        return true;
    }
    return refuse(conn, rc == CSTAR_ELIMIT ? 413 : rc == CSTAR_ENOMEM ? 500 : 400);
}

bool cstar__body_is_form(const cstar_conn *conn) {
    return conn->parts != NULL && has_form_method(conn);
}

/* ---- any body ---- */

bool cstar__body_begin(cstar_conn *conn) {
    const int64_t length = conn->x->request.content_length;
    bool multipart = is_multipart(conn);
    size_t limit = multipart ? cstar__upload_limit(conn) : conn->max_body;
    if (length > 0 && (uint64_t)length > limit) {
        return refuse(conn, 413);
    }
    if (multipart) {
        return begin_multipart(conn);
    }
    if (length > 0) {
        (void)cstar_buf_room(&conn->body, length < RESERVED ? (size_t)length : RESERVED);
    }
    return true;
}

bool cstar__body_feed(cstar_conn *conn, const char *ptr, size_t len) {
    if (conn->parts != NULL) {
        return go_on(conn, cstar__upload_feed(conn->parts, ptr, len));
    }
    if (len > conn->max_body - conn->body.len) {
        return refuse(conn, 413);
    }
    cstar_buf_add(&conn->body, ptr, len);
    return conn->body.status == CSTAR_OK || refuse(conn, 500);
}

bool cstar__body_end(cstar_conn *conn) {
    if (conn->parts != NULL) {
        return go_on(conn, cstar__upload_end(conn->parts));
    }
    return !is_urlencoded(conn) || read_urlencoded(conn);
}

void cstar__body_close(cstar_conn *conn) {
    if (conn->parts != NULL) {
        cstar__upload_close(conn->parts);
    }
}
