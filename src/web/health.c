/* health.c -- whether to send people here: for load balancers and whoever watches.
 * SPDX-License-Identifier: MIT */
#include "net/server.h"
#include "web/app.h"

void cstar__status_answer(cstar_conn *conn, const cstar__reply *r) {
    const cstar__method method = conn->x->request.method;
    conn->unlogged = true;
    if (method != CSTAR__GET && method != CSTAR__HEAD) {
        (void)cstar__conn_add_field(conn, CSTAR_STR("allow"), CSTAR_STR("GET, HEAD"));
        cstar__error_page(conn, 405, NULL);
        return;
    }
    (void)cstar__conn_add_field(conn, CSTAR_STR("cache-control"), CSTAR_STR("no-store"));
    (void)cstar__conn_reply(conn, r);
}

bool cstar__health_answer(cstar_conn *conn) {
    const cstar_app *app = conn->app;
    if (app->health == NULL || !cstar_str_eq(conn->x->request.path, cstar_cstr(app->health))) {
        return false;
    }
    const bool draining = app->server != NULL && cstar__server_draining(app->server);
    cstar__status_answer(
        conn, &(cstar__reply){.status = draining ? 503 : 200,
                              .content_type = "text/plain; charset=utf-8",
                              .body = draining ? CSTAR_STR("draining\n") : CSTAR_STR("ok\n")});
    return true;
}
