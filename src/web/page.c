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

/* GET: mount, and unless that has answered, render inside the layout. */
void cstar__page_get(cstar_conn *conn, const cstar_page_def *page) {
    if (page->mount != NULL) {
        page->mount(conn);
    }
    if (conn->answer != CSTAR__ANSWER_NONE) {
        return;
    }
    content c = {conn, page};
    cstar_html h;
    cstar_err err;
    cstar__err_init(&err);
    cstar_html_init(&h, &conn->out, NULL);
    (page->layout != NULL ? page->layout : conn->app->layout)(conn, &h,
                                                              cstar_frag(render_content, &c));
    if (cstar_html_status(&h, &err) != CSTAR_OK) {
        (void)cstar__conn_fail(conn, &err);
        cstar__error_page(conn, 500, NULL);
        return;
    }
    (void)cstar__conn_send_out(conn, 200, "text/html; charset=utf-8");
}

/* An event: signals (400, 413), then the stream, then the handler. That the event exists was seen
 * before its body was read. */
void cstar__page_event(cstar_conn *conn, const cstar_page_def *page) {
    (void)page;
    const cstar_signals *in = cstar_read_signals(conn);
    if (in == NULL) {
        return;
    }
    if (cstar_start(conn) == CSTAR_OK) {
        conn->event->handle(conn, in);
    }
}
