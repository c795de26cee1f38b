/* page.c -- the order of operations of a page (behaviours 8.3).
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

typedef struct content {
    cstar_conn *conn;
    const cstar_page_def *page;
} content;

static void render_content(cstar_html *h, const void *arg) {
    const content *c = arg;
    c->page->render(c->conn, h);
}

/* GET: mount is the step before it; unless that has answered, render inside the layout. */
void cstar__page_get(cstar_conn *conn, const cstar_page_def *page) {
    content c = {conn, page};
    cstar_html h;
    cstar_err err;
    cstar__err_init(&err);
    cstar__conn_html(conn, &h, &conn->out, NULL);
    (page->layout != NULL ? page->layout : conn->app->layout)(conn, &h,
                                                              cstar_frag(render_content, &c));
    if (cstar_html_status(&h, &err) != CSTAR_OK) {
        (void)cstar__conn_fail(conn, &err);
        cstar__error_page(conn, 500, NULL);
        return;
    }
    (void)cstar__conn_send_out(conn, 200, "text/html; charset=utf-8");
}
