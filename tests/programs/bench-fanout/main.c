/* bench-fanout -- what tools/bench.sh broadcasts with: streams of one topic, and who publishes to it.
 *
 *     GET  /live                a stream
 *     POST /publish/signals     the body is a signals patch (JSON), for all streams
 *     POST /publish/elements    the body is an elements patch (HTML)
 *
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

static void live(cstar_conn *conn) {
    if (cstar_live(conn, .info = NULL) == CSTAR_OK) {
        (void)cstar_subscribe(conn, "t");
    }
}

static void answer(cstar_conn *conn, cstar_status rc) {
    (void)cstar_respond_empty(conn, rc == CSTAR_OK ? 204 : 503);
}

static void publish_signals(cstar_conn *conn) {
    answer(conn, cstar_publish_signals(cstar_app_of(conn), "t", NULL,
                                       .json_str = cstar_request_body(conn)));
}

static void publish_elements(cstar_conn *conn) {
    answer(conn,
           cstar_publish_elements(cstar_app_of(conn), "t", NULL, .selector = "#list",
                                  .mode = CSTAR_APPEND, .html_str = cstar_request_body(conn)));
}

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    if (app == NULL) {
        return 1;
    }
    cstar_route(app, CSTAR_GET, "/live", live);
    cstar_route(app, CSTAR_POST, "/publish/signals", publish_signals, .cross_origin = true);
    cstar_route(app, CSTAR_POST, "/publish/elements", publish_elements, .cross_origin = true);
    return cstar_main(app, argc, argv);
}
