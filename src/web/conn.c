/* conn.c -- one request as its handler sees it: what came, and the whole response.
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

cstar_conn *cstar__conn_new(cstar_app *app, cstar__exchange *x, const cstar__match *m) {
    cstar_conn *conn = cstar_arena_zalloc(&x->arena, sizeof *conn);
    if (conn == NULL) {
        return NULL;
    }
    conn->app = app;
    conn->x = x;
    conn->route = m->route;
    memcpy(conn->params, m->values, m->route->nparams * sizeof *conn->params);
    conn->remembered_end = &conn->remembered;
    const cstar_allocator *alloc = cstar_arena_allocator(&x->arena);
    cstar_buf_init(&conn->body, alloc, SIZE_MAX / 2);
    cstar_buf_init(&conn->out, alloc, app->max_response);
    return conn;
}

/* ---- errors ---- */

cstar_status cstar__conn_fail(cstar_conn *conn, const cstar_err *err) {
    if (conn->err.code == CSTAR_OK) {
        conn->err = *err;
    }
    return err->code;
}

cstar_status cstar__conn_failf(cstar_conn *conn, cstar_status code, const char *where,
                               const char *text) {
    cstar_err err;
    cstar__err_init(&err);
    (void)cstar_err_set(&err, code, where, "%s", text);
    return cstar__conn_fail(conn, &err);
}

const cstar_err *cstar_error(const cstar_conn *conn) {
    return conn->err.code != CSTAR_OK ? &conn->err : NULL;
}

/* ---- request ---- */

const char *cstar_method(const cstar_conn *conn) {
    cstar__method m = conn->x->request.method;
    return cstar__method_name(m == CSTAR__HEAD ? CSTAR__GET : m);
}

cstar_str cstar_path(const cstar_conn *conn) { return conn->x->request.path; }

const char *cstar_param(const cstar_conn *conn, const char *name) {
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

/* ---- response ---- */

static cstar__field *new_field(cstar_conn *conn) {
    if (conn->nfields == conn->cap_fields) {
        size_t cap = conn->cap_fields + 8;
        cstar__field *grown = cstar_arena_alloc(&conn->x->arena, cap * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        if (conn->nfields != 0) {
            memcpy(grown, conn->fields, conn->nfields * sizeof *grown);
        }
        conn->fields = grown;
        conn->cap_fields = cap;
    }
    return &conn->fields[conn->nfields++];
}

cstar_status cstar__conn_add_field(cstar_conn *conn, cstar_str name, cstar_str value) {
    cstar__field *field = new_field(conn);
    if (field == NULL) {
        return cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
    }
    *field = (cstar__field){name, value};
    return CSTAR_OK;
}

static bool is_framing(cstar_str name) {
    static const cstar_str names[] = {{"content-length", 14}, {"transfer-encoding", 17},
                                      {"connection", 10},     {"keep-alive", 10},
                                      {"upgrade", 7},         {"te", 2},
                                      {"trailer", 7},         {"date", 4}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (cstar_str_ieq(name, names[i])) {
            return true;
        }
    }
    return false;
}

cstar_status cstar_set_header(cstar_conn *conn, const char *name, const char *value) {
    if (name == NULL || value == NULL || !cstar__field_ok(cstar_cstr(name), cstar_cstr(value)) ||
        is_framing(cstar_cstr(name))) {
        return cstar__conn_failf(
            conn, CSTAR_EINVAL, "header",
            "header: a bad name, a line break in the value, or one that the server sets itself");
    }
    if (conn->answer == CSTAR__ANSWER_GIVEN) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "header",
                                 "header: the response has been given already");
    }
    cstar_arena *arena = &conn->x->arena;
    const char *name_copy = cstar_arena_strdup(arena, cstar_cstr(name));
    const char *value_copy = cstar_arena_strdup(arena, cstar_cstr(value));
    if (name_copy == NULL || value_copy == NULL) {
        return cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
    }
    return cstar__conn_add_field(conn, cstar_cstr(name_copy), cstar_cstr(value_copy));
}

static cstar_status send_body(cstar_conn *conn, int status, const char *content_type,
                              cstar_str body) {
    if (content_type != NULL && cstar__conn_add_field(conn, CSTAR_STR("content-type"),
                                                      cstar_cstr(content_type)) != CSTAR_OK) {
        return CSTAR_ENOMEM;
    }
    cstar_status rc = cstar__respond(conn->x, status, conn->fields, conn->nfields, body);
    if (rc != CSTAR_OK) {
        return cstar__conn_failf(conn, rc, "response", cstar_strerror(rc));
    }
    conn->answer = CSTAR__ANSWER_GIVEN;
    return CSTAR_OK;
}

cstar_status cstar__conn_send_out(cstar_conn *conn, int status, const char *content_type) {
    return send_body(conn, status, content_type, cstar_buf_view(&conn->out));
}

cstar_status cstar_respond(cstar_conn *conn, int status, const char *content_type, cstar_str body) {
    if (conn->answer != CSTAR__ANSWER_NONE) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "response", "response: there is one already");
    }
    if (content_type != NULL &&
        !cstar__field_ok(CSTAR_STR("content-type"), cstar_cstr(content_type))) {
        return cstar__conn_failf(conn, CSTAR_EINVAL, "content_type",
                                 "content_type: a line break or control byte");
    }
    return send_body(conn, status, content_type, body);
}

cstar_status cstar_respond_text(cstar_conn *conn, int status, const char *text) {
    return cstar_respond(conn, status, "text/plain; charset=utf-8", cstar_cstr(text));
}
