/* bench-fanout -- what tools/bench.sh broadcasts with: streams of one topic, and who publishes to it; and
 * streams of topics of their own, many or few.
 *
 *     GET  /live                a stream
 *     POST /publish/signals     the body is a signals patch (JSON), for all streams
 *     POST /publish/elements    the body is an elements patch (HTML)
 *     GET  /rooms?each=1000     a stream of so many topics that no other stream has
 *     POST /burst?n=2000        the body is a signals patch, published so often, each time to any of them
 *
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

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

/* ---- topics of their own ---- */

static _Atomic size_t nrooms;

static const char *room_name(char name[32], size_t i) {
    (void)snprintf(name, 32, "room:%zu", i);
    return name;
}

static size_t number_of(cstar_conn *conn, const char *name) {
    const char *text = cstar_query(conn, name);
    return text != NULL ? strtoul(text, NULL, 10) : 0;
}

static void rooms(cstar_conn *conn) {
    char name[32];
    const size_t each = number_of(conn, "each");
    if (cstar_live(conn, .info = NULL) != CSTAR_OK) {
        return;
    }
    const size_t first = atomic_fetch_add(&nrooms, each);
    for (size_t i = 0; i < each; i++) {
        (void)cstar_subscribe(conn, room_name(name, first + i));
    }
}

static size_t next_random(void) { /* xorshift64; one worker */
    static uint64_t state = 88172645463325252U;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)state;
}

static void burst(cstar_conn *conn) {
    char name[32];
    const size_t most = atomic_load(&nrooms);
    cstar_status rc = most != 0 ? CSTAR_OK : CSTAR_ESTATE;
    for (size_t n = number_of(conn, "n"); n != 0 && rc == CSTAR_OK; n--) {
        rc = cstar_publish_signals(cstar_app_of(conn), room_name(name, next_random() % most), NULL,
                                   .json_str = cstar_request_body(conn));
    }
    answer(conn, rc);
}

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    if (app == NULL) {
        return 1;
    }
    cstar_route(app, CSTAR_GET, "/live", live);
    cstar_route(app, CSTAR_POST, "/publish/signals", publish_signals, .cross_origin = true);
    cstar_route(app, CSTAR_POST, "/publish/elements", publish_elements, .cross_origin = true);
    cstar_route(app, CSTAR_GET, "/rooms", rooms);
    cstar_route(app, CSTAR_POST, "/burst", burst, .cross_origin = true);
    return cstar_main(app, argc, argv);
}
