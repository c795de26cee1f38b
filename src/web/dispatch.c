/* dispatch.c -- from the machine's calls to a handler: find the route, gather the body, call,
 * finish.
 *
 * on_head: 404, 405 and, for what another site sent, 403 before a byte of the body is read.
 * on_body: gathered, up to the route's limit (413). on_end: the CSRF token, then the steps (mount
 * or authorize; render or the handler), then whatever they have left undone is completed, so that
 * every request ends. What a step defers comes back to go_on() when it is done. on_wake: a response
 * that goes on.
 *
 * SPDX-License-Identifier: MIT */
#include "web/quiet.h"

/* ---- refusing ---- */

/* Not even a conn could be had. */
static void give_up(cstar__exchange *x) {
    const cstar__field type = {CSTAR_STR("content-type"), CSTAR_STR("text/plain; charset=utf-8")};
    (void)cstar__respond(x, 500, &type, 1, CSTAR_STR("Internal Server Error"));
}

/* Refused, by an answer if there was memory for one: nothing else is to be done for it. */
static void refused(cstar_conn *conn) {
    conn->refused = true;
    if (conn->x->state == CSTAR__RESPONSE_NONE && !conn->x->broken) {
        give_up(conn->x);
    }
}

static bool add_allow(cstar_conn *conn, unsigned allowed) {
    char text[64];
    cstar_str allow = cstar__allow_text(allowed, text);
    const char *copy = cstar_arena_strdup(&conn->x->arena, allow);
    return copy != NULL &&
           cstar__conn_add_field(conn, CSTAR_STR("allow"), cstar_cstr(copy)) == CSTAR_OK;
}

/* A page without a stream: who asks for one hears 404, as for any other that is not there. */
static bool is_stream_of_page(const cstar_conn *conn) {
    cstar__match get = {0};
    cstar__exchange *x = conn->x;
    return x->request.method == CSTAR__POST &&
           cstar__router_find(&conn->app->router, CSTAR__GET, x->request.path, &x->arena, &get) ==
               CSTAR_OK &&
           get.route != NULL && get.route->kind == CSTAR__TARGET_PAGE;
}

static void refuse_route(cstar_conn *conn, unsigned allowed) {
    if (allowed != 0 && is_stream_of_page(conn)) {
        cstar__hint_no_stream(conn);
        cstar__error_page(conn, 404, "Not found");
        cstar__conn_log_error(conn);
    } else if (allowed == 0) {
        cstar__error_page(conn, 404, NULL);
    } else if (add_allow(conn, allowed)) {
        cstar__error_page(conn, 405, NULL);
    } else {
        cstar__error_page(conn, 500, NULL);
    }
}

/* Health and metrics, unless the app has a route for just that path: one that takes any would
 * never let them be seen. */
static bool has_own_answer(cstar_conn *conn, unsigned allowed) {
    const bool taken = conn->route != NULL ? conn->route->nparams == 0 : allowed != 0;
    return !taken && (cstar__health_answer(conn) || cstar__metrics_answer(conn));
}

static void answer_star(cstar_conn *conn) {
    if (add_allow(conn, conn->app->router.methods)) {
        (void)cstar__conn_reply(conn, &(cstar__reply){.status = 204});
    }
}

/* ---- on_head ---- */

static bool is_event(const cstar_conn *conn) {
    return conn->route->kind == CSTAR__TARGET_EVENT || conn->route->kind == CSTAR__TARGET_COMPONENT;
}

/* @return false: refused. */
static bool begin(cstar_conn *conn) {
    conn->max_body = conn->opts != NULL && conn->opts->max_body != 0 ? conn->opts->max_body
                                                                     : conn->app->max_body;
    unsigned allowed = 0;
    if (is_event(conn) && !cstar__events_find(conn, &allowed)) {
        if (allowed != 0) {
            refuse_route(conn, allowed);
        } else {
            cstar__hint_event(conn);
            cstar__error_page(conn, 404, "Not found");
            cstar__conn_log_error(conn);
        }
        return false;
    }
    if (conn->route->kind == CSTAR__TARGET_STREAM) {
        const cstar_page_def *page = conn->route->target;
        conn->max_body =
            page->max_signal_bytes != 0 ? page->max_signal_bytes : CSTAR__MAX_SIGNAL_BYTES;
    }
    if (!cstar__csrf_origin(conn)) {
        return false;
    }
    conn->x->max_body = SIZE_MAX; /* the limit is kept here, with a text of our own */
    return cstar__body_begin(conn);
}

/* @return false: answered, as far as there was memory. */
static bool goes_on(cstar_conn *conn, bool star, unsigned allowed) {
    if (conn->x->peer->redirect) {
        cstar__https_redirect(conn);
    } else if (star) {
        answer_star(conn);
    } else if (has_own_answer(conn, allowed)) {
        return false;
    } else if (conn->route != NULL) {
        return begin(conn);
    } else {
        refuse_route(conn, allowed);
    }
    return false;
}

static void on_head(void *ctx, cstar__exchange *x) {
    cstar_app *app = ctx;
    cstar__match match = {0};
    cstar__traffic_begin(app, x);
    const bool star = cstar_str_eq(x->request.path, CSTAR_STR("*"));
    if (!star && cstar__router_find(&app->router, x->request.method, x->request.path, &x->arena,
                                    &match) != CSTAR_OK) {
        give_up(x);
        return;
    }
    cstar_conn *conn = cstar__conn_new(app, x, match.route != NULL ? &match : NULL);
    if (conn == NULL) {
        give_up(x);
        return;
    }
    x->user = conn;
    cstar__request_id_announce(conn);
    if (!goes_on(conn, star, match.allowed)) {
        refused(conn);
    }
}

/* ---- on_body ---- */

static void on_body(void *ctx, cstar__exchange *x, const char *ptr, size_t len) {
    (void)ctx;
    cstar_conn *conn = x->user;
    if (conn != NULL && !conn->refused && !cstar__body_feed(conn, ptr, len)) {
        refused(conn);
    }
}

/* ---- on_end ---- */

static void call_before(cstar_conn *conn) {
    const cstar_page_def *page = NULL;
    switch ((cstar__target)conn->route->kind) {
    case CSTAR__TARGET_PAGE:
        page = conn->route->target;
        if (page->mount != NULL) {
            page->mount(conn);
        }
        return;
    case CSTAR__TARGET_STREAM:
        cstar__page_authorize(conn, conn->route->target);
        return;
    case CSTAR__TARGET_EVENT:
    case CSTAR__TARGET_COMPONENT:
        cstar__events_authorize(conn);
        return;
    case CSTAR__TARGET_PLAIN:
    case CSTAR__TARGET_ASSET:
    case CSTAR__TARGET_MOUNT:
        return;
    }
}

static void call(cstar_conn *conn) {
    switch ((cstar__target)conn->route->kind) {
    case CSTAR__TARGET_PLAIN:
        conn->opts->handler(conn);
        return;
    case CSTAR__TARGET_PAGE:
        cstar__page_get(conn, conn->route->target);
        return;
    case CSTAR__TARGET_STREAM:
        cstar__page_stream(conn, conn->route->target);
        return;
    case CSTAR__TARGET_EVENT:
    case CSTAR__TARGET_COMPONENT:
        cstar__events_run(conn);
        return;
    case CSTAR__TARGET_ASSET:
        cstar__client_answer(conn);
        return;
    case CSTAR__TARGET_MOUNT:
        cstar__mount_answer(conn, conn->route->target);
        return;
    }
}

void cstar__conn_log_error(cstar_conn *conn) {
    const cstar__request *r = &conn->x->request;
    if (conn->err.code == CSTAR_OK) {
        return;
    }
    cstar_log_level level =
        conn->x->status >= 400 && conn->x->status < 500 ? CSTAR_LOG_INFO : CSTAR_LOG_ERROR;
    cstar__app_log(conn->app, level, "%s %.*s: %s", cstar__method_name(r->method),
                   (int)(r->path.len < 200 ? r->path.len : 200), r->path.ptr, conn->err.text);
    cstar__err_init(&conn->err);
}

/* A page's own markup can't wait: it is rendered straight into the answer. */
static void take_step(cstar_conn *conn) {
    const bool before = conn->step == CSTAR__STEP_BEFORE;
    conn->step = before ? CSTAR__STEP_MAIN : CSTAR__STEP_LAST;
    conn->may_defer = before || conn->route->kind != CSTAR__TARGET_PAGE;
    if (before) {
        call_before(conn);
    } else if (!cstar__defer_refused(conn) && !cstar__conn_is_over(conn)) {
        call(conn);
    }
    conn->may_defer = false;
}

/* @return false: something was deferred, and goes on here when it is done. */
static bool take_steps(cstar_conn *conn) {
    do {
        while (conn->step != CSTAR__STEP_LAST && conn->defers == NULL) {
            take_step(conn);
        }
    } while (conn->defers != NULL && cstar__defer_run_here(conn));
    return conn->defers == NULL;
}

static bool may_run(cstar_conn *conn) {
    if (!cstar__csrf_check(conn)) {
        conn->step = CSTAR__STEP_LAST;
        return false;
    }
    return true;
}

/* Whatever the handler has left undone. */
static void complete(cstar_conn *conn) {
    /* a stream that could not load what it shows would show nothing, for ever */
    const bool live = conn->live != NULL && conn->live->asked && !cstar__defer_refused(conn);
    if (conn->stream != NULL) {
        cstar__stream_settle(conn); /* it begins on the loop, in finish */
    } else if (live) {
        cstar__live_settle(conn); /* likewise */
    } else if (!cstar__defer_refused(conn) && conn->answer == CSTAR__ANSWER_SSE) {
        cstar__sse_finish(conn);
    }
    if (conn->answer != CSTAR__ANSWER_GIVEN && conn->stream == NULL && !live) {
        if (conn->err.code == CSTAR_OK) {
            (void)cstar__conn_failf(conn, CSTAR_ESTATE, "response",
                                    "response: the handler gave none (cstar_respond_text(), "
                                    "cstar_redirect_to(), cstar_fail(), ...)");
        }
        cstar__error_page(conn, 500, NULL);
    }
    cstar__body_close(conn);
}

/* The handler, on a pool thread: nothing is deferred there. */
void cstar__dispatch_call(cstar_conn *conn) {
    if (may_run(conn)) {
        (void)take_steps(conn);
    }
    complete(conn);
}

/* The answer has been given, on the loop. */
void cstar__dispatch_finish(cstar_conn *conn) {
    if (conn->stream != NULL) {
        cstar__stream_start(conn);
    } else if (conn->live != NULL && conn->live->asked && conn->answer == CSTAR__ANSWER_SSE) {
        cstar__live_begin(conn);
    } else {
        cstar__live_close(conn); /* it has subscribed, and then not become a stream */
    }
    if (conn->x->state == CSTAR__RESPONSE_NONE && !conn->x->broken) {
        give_up(conn->x);
    }
    cstar__conn_log_error(conn);
}

void cstar__dispatch_go_on(cstar_conn *conn) {
    if (!take_steps(conn)) {
        conn->x->later = true;
        return;
    }
    complete(conn);
    if (conn->deferring) {
        conn->deferring = false;
        if (conn->answer == CSTAR__ANSWER_GIVEN) {
            (void)cstar__conn_deliver(conn, &conn->kept);
        }
    }
    cstar__dispatch_finish(conn);
}

bool cstar__conn_is_blocking(const cstar_conn *conn) {
    switch ((cstar__target)conn->route->kind) {
    case CSTAR__TARGET_PLAIN:
        return conn->opts->blocking;
    case CSTAR__TARGET_PAGE:
    case CSTAR__TARGET_STREAM:
        return ((const cstar_page_def *)conn->route->target)->blocking;
    case CSTAR__TARGET_EVENT:
    case CSTAR__TARGET_COMPONENT:
        return conn->events->blocking;
    case CSTAR__TARGET_ASSET:
    case CSTAR__TARGET_MOUNT:
        break;
    }
    return false;
}

static void on_end(void *ctx, cstar__exchange *x) {
    (void)ctx;
    cstar_conn *conn = x->user;
    if (conn == NULL || conn->refused) {
        return; /* the machine says 500 */
    }
    if (!cstar__body_end(conn)) {
        refused(conn);
        return;
    }
    if (conn->route->kind != CSTAR__TARGET_STREAM) { /* which may say nothing, and lasts */
        (void)cstar_buf_room(&conn->out, 1024);      /* one allocation for the usual answer */
        conn->out.status = CSTAR_OK;
    }
    if (cstar__conn_is_blocking(conn)) {
        cstar__blocking_start(conn);
        return;
    }
    (void)may_run(conn);
    cstar__dispatch_go_on(conn);
    cstar__defer_clear(conn);
    cstar__quiet_settle(conn);
}

/* ---- afterwards ---- */

static void on_wake(void *ctx, cstar__exchange *x) {
    cstar_conn *conn = x->user;
    (void)ctx;
    if (x->slim) {
        cstar__quiet_on_wake(x);
    } else if (conn != NULL && conn->live != NULL && !conn->off_loop) {
        cstar__live_on_wake(conn);
    } else if (conn != NULL) {
        cstar__stream_wake(conn);
    }
}

static void on_drain(void *ctx, cstar__exchange *x) {
    cstar_conn *conn = x->user;
    (void)ctx;
    if (x->slim) {
        cstar__quiet_on_drain(x);
    } else if (conn != NULL && conn->live != NULL && !conn->off_loop) {
        cstar__live_on_drain(conn);
    }
}

static void on_close(void *ctx, cstar__exchange *x) {
    cstar_conn *conn = x->user;
    cstar__traffic_end(ctx, x);
    if (x->slim) {
        cstar__quiet_on_close(ctx, x);
        return;
    }
    if (conn == NULL) {
        return;
    }
    cstar__stream_close(conn);
    cstar__live_close(conn);
    if (conn->deferring) {
        cstar__defer_leave(conn);
    }
    if (conn->off_loop) { /* its handler still runs: the rest comes when it has returned */
        cstar__blocking_leave(conn);
        return;
    }
    cstar__body_close(conn);
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
                                    .on_refuse = on_refuse,
                                    .on_wake = on_wake,
                                    .on_drain = on_drain};
}
