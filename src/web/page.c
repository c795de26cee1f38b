/* page.c -- the order of operations of a page (behaviours 8.3).
 * SPDX-License-Identifier: MIT */
#include "web/live.h"

typedef struct content {
    cstar_conn *conn;
    const cstar_page_def *page;
} content;

static void render_content(cstar_html *h, const void *arg) {
    const content *c = arg;
    c->page->render(c->conn, h);
}

/* Of its stream. */
void cstar__page_authorize(cstar_conn *conn, const cstar_page_def *page) {
    if (cstar_read_signals(conn) != NULL && page->authorize != NULL) {
        page->authorize(conn, NULL);
    }
}

/* POST: the stream. */
void cstar__page_stream(cstar_conn *conn, const cstar_page_def *page) {
    const cstar_signals *in = cstar_read_signals(conn);
    const char *scope = in != NULL && page->stream_key != NULL ? page->stream_key(conn) : NULL;
    if (in != NULL &&
        cstar_live(conn, .info = page->info, .disconnect = page->disconnect, .scope = scope,
                   .ping_ms = page->idle_check_ms, .max_waiting = page->max_waiting,
                   .slow = page->slow) == CSTAR_OK) {
        page->connect(conn, in);
    }
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
    cstar__hint_page(conn, page);
    (void)cstar__conn_send_out(conn, 200, "text/html; charset=utf-8");
}
