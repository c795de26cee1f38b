/* request_json.c -- a body that says it is JSON.
 * SPDX-License-Identifier: MIT */
#include "http/content_type.h"
#include "web/app.h"

static bool is_json(const cstar_conn *conn) {
    cstar__media m;
    cstar_str type = cstar__request_field(&conn->x->request, "content-type");
    if (cstar__media_parse(type, &m) != CSTAR_OK) {
        return false;
    }
    size_t n = m.subtype.len;
    return cstar__media_is(&m, "application/json") ||
           (n > 5 && cstar_str_ieq(cstar_view(m.subtype.ptr + n - 5, 5), CSTAR_STR("+json")));
}

static const cstar_json *refuse(cstar_conn *conn, int status, const cstar_err *err) {
    (void)cstar__conn_fail(conn, err);
    if (conn->answer == CSTAR__ANSWER_NONE) {
        (void)cstar_respond_text(conn, status, cstar__reason(status));
    }
    return NULL;
}

/* The same text, read by the same rules: when its CSRF token was looked for, or as signals. */
static const cstar_json *known(const cstar_conn *conn) {
    const cstar__method m = conn->x->request.method;
    const bool in_body = m == CSTAR__POST || m == CSTAR__PUT || m == CSTAR__PATCH;
    return in_body && conn->body.len != 0 && !cstar__body_is_form(conn) ? conn->signals : NULL;
}

static const cstar_json *read(cstar_conn *conn) {
    cstar_err err;
    cstar__err_init(&err);
    if (!is_json(conn)) {
        (void)cstar_err_set(&err, CSTAR_ETYPE, "json", "json: the body's type is another");
        return refuse(conn, 415, &err);
    }
    const cstar_json_opts opts = {.max_bytes = conn->max_body};
    const cstar_json *root = known(conn);
    if (root != NULL) {
        return root;
    }
    root = cstar_json_read(&conn->x->arena, cstar_buf_view(&conn->body), &opts, &err);
    if (root == NULL) {
        return refuse(conn, err.code == CSTAR_ENOMEM ? 500 : 400, &err);
    }
    return root;
}

const cstar_json *cstar_request_json(cstar_conn *conn) {
    if (!conn->json_read) {
        conn->json_read = true;
        conn->json = read(conn);
    }
    return conn->json;
}
