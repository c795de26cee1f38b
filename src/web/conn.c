/* conn.c -- one request as its handler sees it: birth and errors. What came is request.c, what
 * goes is response.c.
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

cstar_conn *cstar__conn_new(cstar_app *app, cstar__exchange *x, const cstar__match *m) {
    cstar_conn *conn = cstar_arena_zalloc(&x->arena, sizeof *conn);
    if (conn == NULL) {
        return NULL;
    }
    conn->app = app;
    conn->x = x;
    conn->peer = x->peer;
    if (m != NULL) {
        conn->route = m->route;
        conn->opts = m->route->kind == CSTAR__TARGET_PLAIN ? m->route->target : NULL;
        memcpy(conn->params, m->values, m->route->nparams * sizeof *conn->params);
    }
    conn->remembered_end = &conn->remembered;
    const cstar_allocator *alloc = cstar_arena_allocator(&x->arena);
    cstar_buf_init(&conn->body, alloc, SIZE_MAX / 2);
    cstar_buf_init(&conn->out, alloc, app->max_response);
    return conn;
}

/* ---- errors ---- */

/* A page's mount that answers does so instead of the page, and can't when it is rendered again. */
static bool is_answer_too_late(const cstar_err *err) {
    return err->code == CSTAR_ESTATE && err->where != NULL && strcmp(err->where, "response") == 0;
}

cstar_status cstar__conn_fail(cstar_conn *conn, const cstar_err *err) {
    conn->refusing = conn->refusing || (conn->rerendering && is_answer_too_late(err));
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

cstar_app *cstar_app_of(const cstar_conn *conn) { return conn->app; }

const cstar_err *cstar_error(const cstar_conn *conn) {
    return conn->err.code != CSTAR_OK ? &conn->err : NULL;
}
