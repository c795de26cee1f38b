/* cstar-conformance -- the endpoint that the official Datastar SDK tests talk to: /test, GET and
 * POST, answers the events that the request's signals describe.
 *
 *     cstar-conformance --listen 127.0.0.1:7331
 *
 * SPDX-License-Identifier: MIT */
#include "support/sdk_events.h"

#include <cstar.h>

static void test(cstar_conn *conn) {
    const cstar_signals *in = cstar_read_signals(conn);
    if (in == NULL) {
        return; /* 400 or 413 is on its way */
    }
    cstar_arena scratch;
    cstar_err err = {0};
    cstar_arena_init(&scratch, cstar_heap(), 0);
    cstar_start(conn);
    if (sdk_format_events(cstar_sink(conn), in, &scratch, &err) != CSTAR_OK) {
        cstar_console_log(conn, err.text, .level = CSTAR_ERROR);
    }
    cstar_arena_fini(&scratch);
}

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    cstar_route(app, CSTAR_GET, "/test", test);
    cstar_route(app, CSTAR_POST, "/test", test);
    return cstar_main(app, argc, argv);
}
