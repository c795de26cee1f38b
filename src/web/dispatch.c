/* dispatch.c -- from the machine's calls to a handler: find the route, gather the body, call,
 * finish.
 *
 * on_head: 404 and 405 before a byte of the body is read. on_body: gathered, up to the route's
 * limit (413). on_end: the handler, then whatever it has left undone is completed, so that every
 * request ends.
 *
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

#include <inttypes.h>

/* ---- refusing ---- */

static void respond_text(cstar__exchange *x, int status, const cstar__field *extra,
                         const char *text) {
    cstar__field fields[2] = {{CSTAR_STR("content-type"), CSTAR_STR("text/plain; charset=utf-8")}};
    size_t n = 1;
    if (extra != NULL) {
        fields[n++] = *extra;
    }
    (void)cstar__respond(x, status, fields, n, cstar_cstr(text));
}

static void refuse_method(cstar__exchange *x, unsigned allowed) {
    char text[64];
    cstar__field allow = {CSTAR_STR("allow"), cstar__allow_text(allowed, text)};
    respond_text(x, 405, &allow, "Method Not Allowed");
}

static void answer_star(const cstar_app *app, cstar__exchange *x) {
    char text[64];
    cstar__field allow = {CSTAR_STR("allow"), cstar__allow_text(app->router.methods, text)};
    (void)cstar__respond(x, 204, &allow, 1, CSTAR_STR(""));
}

static void refuse_size(const cstar_conn *conn) {
    respond_text(conn->x, 413, NULL,
                 conn->event != NULL ? "Signal payload too large" : "Content Too Large");
}

/* ---- on_head ---- */

static const cstar_event_entry *find_event(const cstar_page_def *page, cstar_str name) {
    for (const cstar_event_entry *e = page->events; e->name != NULL; e++) {
        if (cstar_str_eq(cstar_cstr(e->name), name)) {
            return e;
        }
    }
    return NULL;
}

/* The event's name is the last param of its route. */
static bool prepare_event(cstar_conn *conn) {
    const cstar_page_def *page = conn->route->target;
    conn->event = find_event(page, conn->params[conn->route->nparams - 1]);
    conn->max_body = page->max_signal_bytes != 0 ? page->max_signal_bytes : CSTAR__MAX_SIGNAL_BYTES;
    return conn->event != NULL;
}

static void on_head(void *ctx, cstar__exchange *x) {
    cstar_app *app = ctx;
    cstar__match match;
    if (cstar_str_eq(x->request.path, CSTAR_STR("*"))) {
        answer_star(app, x);
        return;
    }
    if (cstar__router_find(&app->router, x->request.method, x->request.path, &x->arena, &match) !=
        CSTAR_OK) {
        respond_text(x, 500, NULL, "Internal Server Error");
        return;
    }
    if (match.route == NULL) {
        if (match.allowed != 0) {
            refuse_method(x, match.allowed);
        } else {
            respond_text(x, 404, NULL, "Not Found");
        }
        return;
    }
    cstar_conn *conn = cstar__conn_new(app, x, &match);
    if (conn == NULL) {
        respond_text(x, 500, NULL, "Internal Server Error");
        return;
    }
    x->user = conn;
    conn->max_body = app->max_body;
    if (match.route->kind == CSTAR__TARGET_EVENT && !prepare_event(conn)) {
        respond_text(x, 404, NULL, "Not Found");
        return;
    }
    x->max_body = SIZE_MAX; /* the limit is kept here, with a text of our own */
    if (x->request.content_length > 0 && (uint64_t)x->request.content_length > conn->max_body) {
        refuse_size(conn);
    } else if (x->request.content_length > 0) {
        (void)cstar_buf_room(&conn->body, (size_t)x->request.content_length);
    }
}

/* ---- on_body ---- */

static void on_body(void *ctx, cstar__exchange *x, const char *ptr, size_t len) {
    (void)ctx;
    cstar_conn *conn = x->user;
    if (len > conn->max_body - conn->body.len) {
        refuse_size(conn);
        return;
    }
    cstar_buf_add(&conn->body, ptr, len);
    if (conn->body.status != CSTAR_OK) {
        respond_text(x, 500, NULL, "Internal Server Error");
    }
}

/* ---- on_end ---- */

static void call(cstar_conn *conn) {
    switch ((cstar__target)conn->route->kind) {
    case CSTAR__TARGET_PLAIN:
        ((cstar_handler)conn->route->fn)(conn);
        return;
    case CSTAR__TARGET_PAGE:
        cstar__page_get(conn, conn->route->target);
        return;
    case CSTAR__TARGET_EVENT:
        cstar__page_event(conn, conn->route->target);
        return;
    case CSTAR__TARGET_ASSET:
        cstar__client_answer(conn);
        return;
    }
}

static void log_error(const cstar_conn *conn) {
    const cstar__request *r = &conn->x->request;
    const cstar_err *err = &conn->err;
    cstar_log_level level =
        conn->x->status >= 400 && conn->x->status < 500 ? CSTAR_LOG_INFO : CSTAR_LOG_ERROR;
    cstar__app_log(conn->app, level, "%s %.*s: %s", cstar__method_name(r->method),
                   (int)(r->path.len < 200 ? r->path.len : 200), r->path.ptr, err->text);
}

static void on_end(void *ctx, cstar__exchange *x) {
    (void)ctx;
    cstar_conn *conn = x->user;
    (void)cstar_buf_room(&conn->out, 1024); /* one allocation for the usual answer */
    conn->out.status = CSTAR_OK;
    call(conn);
    if (conn->answer == CSTAR__ANSWER_SSE) {
        cstar__sse_finish(conn);
    }
    if (x->state == CSTAR__RESPONSE_NONE) {
        if (conn->err.code == CSTAR_OK) {
            (void)cstar__conn_failf(conn, CSTAR_ESTATE, "response",
                                    "response: the handler gave none");
        }
        respond_text(x, 500, NULL, "Internal Server Error");
    }
    if (conn->err.code != CSTAR_OK) {
        log_error(conn);
    }
}

static void on_close(void *ctx, cstar__exchange *x) {
    (void)ctx;
    x->user = NULL; /* the conn's memory is the exchange's */
}

/* Status 0: HTTP/2 ended a connection, no request of which was at fault. */
static void on_refuse(void *ctx, int status, const char *why) {
    if (status == 0) {
        cstar__app_log(ctx, CSTAR_LOG_INFO, "ended a connection: %s", why);
        return;
    }
    cstar__app_log(ctx, CSTAR_LOG_INFO, "refused a request: %d %s", status, why);
}

void cstar__dispatch_init(cstar_app *app) {
    app->handler = (cstar__handler){.ctx = app,
                                    .on_head = on_head,
                                    .on_body = on_body,
                                    .on_end = on_end,
                                    .on_close = on_close,
                                    .on_refuse = on_refuse};
}
