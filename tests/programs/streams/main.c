/* streams -- a page with seven event streams that stay open, for tests/browser/streams.test.mjs.
 *
 *     GET /              seven counters, each moved by a stream of its own
 *     GET /ticks/:name   an event stream: the signal `name` counts up, for as long as it is open
 *     GET /open          how many streams are open
 *
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Of all workers. Relaxed: a number to look at, nothing hangs on it. */
static atomic_int open_streams;

typedef struct ticks {
    char name[4];
    int n;
} ticks;

static void end_ticks(void *arg) {
    free(arg);
    atomic_fetch_sub_explicit(&open_streams, 1, memory_order_relaxed);
}

static cstar_next tick(cstar_conn *conn, void *arg) {
    ticks *t = arg;
    cstar_signal(conn, t->name, ++t->n);
    return CSTAR_WAIT;
}

static void begin_ticks(cstar_conn *conn) {
    const char *name = cstar_param(conn, "name");
    ticks *t = name != NULL && strlen(name) < sizeof t->name ? calloc(1, sizeof *t) : NULL;
    if (t == NULL) {
        cstar_respond_text(conn, 404, "no such stream");
        return;
    }
    memcpy(t->name, name, strlen(name) + 1);
    atomic_fetch_add_explicit(&open_streams, 1, memory_order_relaxed);
    cstar_stream(conn, tick, .done = end_ticks, .arg = t, .every_ms = 50);
}

static void count_open(cstar_conn *conn) {
    char text[16];
    (void)snprintf(text, sizeof text, "%d",
                   atomic_load_explicit(&open_streams, memory_order_relaxed));
    cstar_respond_text(conn, 200, text);
}

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<main data-signals=\"{s1:0,s2:0,s3:0,s4:0,s5:0,s6:0,s7:0}\">"
                 "<p id='s1' data-init=\"@get('/ticks/s1')\" data-text='$s1'></p>"
                 "<p id='s2' data-init=\"@get('/ticks/s2')\" data-text='$s2'></p>"
                 "<p id='s3' data-init=\"@get('/ticks/s3')\" data-text='$s3'></p>"
                 "<p id='s4' data-init=\"@get('/ticks/s4')\" data-text='$s4'></p>"
                 "<p id='s5' data-init=\"@get('/ticks/s5')\" data-text='$s5'></p>"
                 "<p id='s6' data-init=\"@get('/ticks/s6')\" data-text='$s6'></p>"
                 "<p id='s7' data-init=\"@get('/ticks/s7')\" data-text='$s7'></p></main>");
}

CSTAR_PAGE(streams, .render = render);

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    if (app == NULL) {
        return 1;
    }
    cstar_page(app, "/", &streams);
    cstar_route(app, CSTAR_GET, "/ticks/:name", begin_ticks);
    cstar_route(app, CSTAR_GET, "/open", count_open);
    return cstar_main(app, argc, argv);
}
