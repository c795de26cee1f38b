/* request.c -- what came: method, path, parameters, headers.
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

const char *cstar_method(const cstar_conn *conn) {
    cstar__method m = conn->x->request.method;
    return cstar__method_name(m == CSTAR__HEAD ? CSTAR__GET : m);
}

cstar_str cstar_path(const cstar_conn *conn) { return conn->x->request.path; }

const char *cstar_param(const cstar_conn *conn, const char *name) {
    if (conn->route == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < conn->route->nparams; i++) {
        if (cstar_str_eq(conn->route->params[i], cstar_cstr(name))) {
            return conn->params[i].ptr;
        }
    }
    return NULL;
}

const char *cstar_query(cstar_conn *conn, const char *name) {
    cstar_buf value;
    cstar_buf_init(&value, cstar_arena_allocator(&conn->x->arena), conn->x->request.query.len + 1);
    if (!cstar__query_last(conn->x->request.query, cstar_cstr(name), &value)) {
        return NULL;
    }
    cstar_str text = cstar_buf_view(&value);
    bool clean =
        text.len == 0 || (memchr(text.ptr, '\0', text.len) == NULL && cstar_utf8_valid(text));
    cstar_buf_byte(&value, '\0');
    return clean && value.status == CSTAR_OK ? value.ptr : NULL;
}

cstar_str cstar_request_header(const cstar_conn *conn, const char *name) {
    return cstar__request_field(&conn->x->request, name);
}

cstar_str cstar_request_body(const cstar_conn *conn) { return cstar_buf_view(&conn->body); }
