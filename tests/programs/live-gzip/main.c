/* live-gzip -- a page whose stream everybody shares, for tests/e2e/live_gzip.test.mjs,
 * tests/browser/splice.test.mjs and tools/bench/live_gzip.py.
 *
 *     /page/:id              a page; its stream has the topic "all", and what is told to `id`
 *     /quiet/:id             the same, but its stream is not to be compressed
 *     POST /publish/:count   so many signals patches, to all: {n: 1}, {n: 2} ...
 *     POST /cards/:count     so many patches of 1 KiB of elements, to all
 *     POST /tell/:id/:value  the signal `own` to one of them, from its stream's own callback
 *     POST /halt/:id         ends its stream
 *     GET /private/:ms       a stream that has an encoder of its own, and each `ms` milliseconds such a
 *                            signals patch, or with ?cards such a card
 *
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Patches so far. Relaxed: they are published by one request at a time. */
static atomic_uint published;

static int number_of(const char *text) { return (int)strtol(text, NULL, 10); }

static const char *own_topic(cstar_conn *conn, char name[40]) {
    (void)snprintf(name, 40, "own:%.32s", cstar_param(conn, "id"));
    return name;
}

static void begin_stream(cstar_conn *conn, const cstar_signals *in) {
    char name[40];
    (void)in;
    cstar_subscribe(conn, "all");
    cstar_subscribe(conn, own_topic(conn, name));
    cstar_signal(conn, "joined", (int)atomic_load_explicit(&published, memory_order_relaxed));
}

static void begin_quiet_stream(cstar_conn *conn, const cstar_signals *in) {
    cstar_no_compress(conn);
    begin_stream(conn, in);
}

static void info(cstar_conn *conn, const cstar_message *m) {
    if (strcmp(m->bytes.ptr, "halt") == 0) {
        cstar_halt(conn);
        return;
    }
    cstar_signal(conn, "own", number_of(m->bytes.ptr));
}

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h,
              "<main data-signals='{{n: 0, own: 0, joined: 0}}' data-init='{}'>"
              "<p id='n' data-text='$n'></p><p id='own' data-text='$own'></p></main>",
              cstar_connect());
}

CSTAR_PAGE(page, .render = render, .connect = begin_stream, .info = info);
CSTAR_PAGE(quiet, .render = render, .connect = begin_quiet_stream, .info = info);

static int count_of(const cstar_conn *conn) { return number_of(cstar_param(conn, "count")); }

static unsigned next_number(void) {
    return atomic_fetch_add_explicit(&published, 1, memory_order_relaxed) + 1;
}

static const char *signals_of(unsigned n, char json[100]) {
    (void)snprintf(json, 100, "{\"n\":%u,\"bid\":%u,\"load\":0.%02u}", n, n * 7919 % 10007, n % 97);
    return json;
}

static void publish(cstar_conn *conn) {
    char json[100];
    for (int i = 0; i < count_of(conn); i++) {
        (void)cstar_publish_signals(cstar_app_of(conn), "all", signals_of(next_number(), json));
    }
    cstar_respond_text(conn, 200, "published");
}

/* Words by chance, so that there is something to compress and something that can't be. */
static void put_words(cstar_html *h, unsigned n) {
    static const char *const words[] = {"river",  "stone", "lamp",  "window", "green",
                                        "slowly", "north", "cloud", "paper"};
    for (unsigned i = 0; i < 140; i++) {
        n = n * 1664525u + 1013904223u;
        cstar_put(h, "{} ", words[(n >> 16) % 9]);
    }
}

static void put_card(cstar_html *h, unsigned n) {
    cstar_put(h, "<p id='n'>{}: ", (int)n);
    put_words(h, n);
    cstar_put(h, "</p>");
}

static void publish_cards(cstar_conn *conn) {
    for (int i = 0; i < count_of(conn); i++) {
        const unsigned n = next_number();
        cstar_publish_patch(cstar_app_of(conn), "all", h, .selector = "#n") { put_card(h, n); }
    }
    cstar_respond_text(conn, 200, "published");
}

static void send_to(cstar_conn *conn, const char *text) {
    char name[40];
    (void)cstar_publish(cstar_app_of(conn), own_topic(conn, name), .bytes = cstar_cstr(text));
    cstar_respond_text(conn, 200, "told");
}

static void tell(cstar_conn *conn) { send_to(conn, cstar_param(conn, "value")); }
static void halt(cstar_conn *conn) { send_to(conn, "halt"); }

/* ---- streams of their own ---- */

typedef struct ticks {
    unsigned n;
    bool cards;
} ticks;

static cstar_next tick(cstar_conn *conn, void *arg) {
    ticks *t = arg;
    char json[100];
    t->n++;
    if (t->cards) {
        cstar_patch(conn, h, .selector = "#n") {
            put_card(h, t->n);
        }
    } else {
        cstar_patch_signals(conn, signals_of(t->n, json));
    }
    return CSTAR_WAIT;
}

static void begin_ticks(cstar_conn *conn) {
    ticks *t = calloc(1, sizeof *t);
    if (t == NULL) {
        cstar_respond_text(conn, 500, "no memory");
        return;
    }
    t->cards = cstar_query(conn, "cards") != NULL;
    cstar_stream(conn, tick, .done = free, .arg = t,
                 .every_ms = (unsigned)number_of(cstar_param(conn, "ms")));
}

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    if (app == NULL) {
        return 1;
    }
    cstar_page(app, "/page/:id", &page);
    cstar_page(app, "/quiet/:id", &quiet);
    cstar_route(app, CSTAR_POST, "/publish/:count", publish);
    cstar_route(app, CSTAR_POST, "/cards/:count", publish_cards);
    cstar_route(app, CSTAR_POST, "/tell/:id/:value", tell);
    cstar_route(app, CSTAR_POST, "/halt/:id", halt);
    cstar_route(app, CSTAR_GET, "/private/:ms", begin_ticks);
    return cstar_main(app, argc, argv);
}
