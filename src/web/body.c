/* body.c -- a request's body: gathered, up to its limit.
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

static bool refuse_size(cstar_conn *conn) {
    cstar__error_page(conn, 413, conn->events != NULL ? "Signal payload too large" : NULL);
    return false;
}

bool cstar__body_begin(cstar_conn *conn) {
    const int64_t length = conn->x->request.content_length;
    if (length > 0 && (uint64_t)length > conn->max_body) {
        return refuse_size(conn);
    }
    if (length > 0) {
        (void)cstar_buf_room(&conn->body, (size_t)length);
    }
    return true;
}

bool cstar__body_feed(cstar_conn *conn, const char *ptr, size_t len) {
    if (len > conn->max_body - conn->body.len) {
        return refuse_size(conn);
    }
    cstar_buf_add(&conn->body, ptr, len);
    if (conn->body.status != CSTAR_OK) {
        cstar__error_page(conn, 500, NULL);
        return false;
    }
    return true;
}

bool cstar__body_end(cstar_conn *conn) {
    (void)conn;
    return true;
}

void cstar__body_close(cstar_conn *conn) { (void)conn; }
