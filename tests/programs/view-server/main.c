/* view-server -- two views, for tests/e2e/view.test.mjs.
 *
 *     POST /board, /report    streams that show one of them; /report is rendered on the pool, slowly
 *     GET  /set/:n            both show n now
 *     GET  /counts            {"board":2,"report":1,"open":1000}: renderings so far, open streams
 *
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Of all workers and threads. What is shown is published by cstar_changed(), the rest are numbers to
 * look at. */
static atomic_long value, boards, reports, open_streams;

static void render_board(cstar_html *h, void *arg) {
    (void)arg;
    atomic_fetch_add(&boards, 1);
    cstar_put(h, "<p id='board'>value {}.</p>", (int64_t)atomic_load(&value));
}

static void render_report(cstar_html *h, void *arg) {
    const struct timespec some = {.tv_nsec = 20000000};
    (void)arg;
    atomic_fetch_add(&reports, 1);
    const int64_t n = atomic_load(&value);
    (void)nanosleep(&some, NULL);
    cstar_put(h, "<p id='report'>value {}.</p>", n);
}

static void markup(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p data-init='{}'></p>", cstar_connect());
}

static void connect_board(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    atomic_fetch_add(&open_streams, 1);
    (void)cstar_send_view(conn, "board", NULL);
}

static void connect_report(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    atomic_fetch_add(&open_streams, 1);
    (void)cstar_send_view(conn, "report", NULL);
}

static void disconnect(cstar_conn *conn) {
    (void)conn;
    atomic_fetch_sub(&open_streams, 1);
}

CSTAR_PAGE(board, .render = markup, .connect = connect_board, .disconnect = disconnect);
CSTAR_PAGE(report, .render = markup, .connect = connect_report, .disconnect = disconnect);

static void set_value(cstar_conn *conn) {
    atomic_store(&value, strtol(cstar_param(conn, "n"), NULL, 10));
    (void)cstar_changed(cstar_app_of(conn), "board", NULL);
    (void)cstar_changed(cstar_app_of(conn), "report", NULL);
    (void)cstar_respond_text(conn, 200, "set");
}

static void counts(cstar_conn *conn) {
    char text[128];
    (void)snprintf(text, sizeof text, "{\"board\":%ld,\"report\":%ld,\"open\":%ld}",
                   atomic_load(&boards), atomic_load(&reports), atomic_load(&open_streams));
    (void)cstar_respond_text(conn, 200, text);
}

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    cstar_page(app, "/board", &board);
    cstar_page(app, "/report", &report);
    cstar_route(app, CSTAR_GET, "/set/:n", set_value);
    cstar_route(app, CSTAR_GET, "/counts", counts);
    cstar_live_view(app, "board", .render = render_board, .min_ms = 50);
    cstar_live_view(app, "report", .render = render_report, .blocking = true);
    return cstar_main(app, argc, argv);
}
