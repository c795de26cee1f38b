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

void cstar_halt(cstar_conn *conn) { conn->halted = true; }

const char *cstar_event_name(const cstar_conn *conn) {
    return conn->event != NULL ? conn->params[conn->route->nparams - 1].ptr : NULL;
}

/* ---- events by name ---- */

/* How well the entry fits: 0 not at all; an exact name best, then the longest prefix. */
static size_t fit(const char *entry, cstar_str name) {
    const size_t len = strlen(entry);
    if (len != 0 && entry[len - 1] == '*') {
        const bool starts = name.len >= len - 1 && memcmp(name.ptr, entry, len - 1) == 0;
        return starts ? len : 0;
    }
    return cstar_str_eq(cstar_view(entry, len), name) ? SIZE_MAX : 0;
}

const cstar_event_entry *cstar__page_find_event(const cstar_page_def *page, cstar_str name) {
    const cstar_event_entry *best = NULL;
    size_t best_fit = 0;
    for (const cstar_event_entry *e = page->events; e->name != NULL; e++) {
        const size_t f = fit(e->name, name);
        if (f > best_fit) {
            best = e;
            best_fit = f;
        }
    }
    return best;
}

/* ---- requests ---- */

/* Whether the order of operations ends here. */
static bool is_over(cstar_conn *conn) {
    if (conn->halted && conn->answer == CSTAR__ANSWER_NONE) {
        cstar__error_page(conn, 403, NULL);
    }
    return conn->answer != CSTAR__ANSWER_NONE;
}

/* GET: mount, and unless that has answered, render inside the layout. */
void cstar__page_get(cstar_conn *conn, const cstar_page_def *page) {
    if (page->mount != NULL) {
        page->mount(conn);
    }
    if (is_over(conn)) {
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
        (void)cstar_respond_text(conn, 500, "Internal Server Error");
        return;
    }
    (void)cstar__conn_send_out(conn, 200, "text/html; charset=utf-8");
}

/* An event: signals (400, 413), then authorize, then the stream, then the handler. That the event
 * exists was seen before its body was read. */
void cstar__page_event(cstar_conn *conn, const cstar_page_def *page) {
    const cstar_signals *in = cstar_read_signals(conn);
    if (in == NULL) {
        return;
    }
    if (page->authorize != NULL) {
        page->authorize(conn, cstar_event_name(conn));
        if (is_over(conn)) {
            return;
        }
    }
    if (cstar_start(conn) == CSTAR_OK) {
        conn->event->handle(conn, in);
    }
}
