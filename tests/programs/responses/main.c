/* responses -- what a handler can answer with, for tests/e2e/responses.test.mjs.
 *
 *     GET /text, /secret        a text, compressed or never
 *     GET /rows?n=5000          that many rows of 64 bytes, as they are taken
 *     GET /gate, POST /open     an event stream, one event for each time that it is opened
 *     GET /pool                 an event stream of a blocking handler
 *     GET /go?to=...            a redirect
 *     GET /fail                 an error page
 *
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define ROW 64
#define ROWS_PER_CALL 64

static char text[40001];
static atomic_int opened;
static atomic_int ended; /* streams whose `done` was called */

static void send_text(cstar_conn *conn) { cstar_respond_text(conn, 200, text); }

static void send_secret(cstar_conn *conn) {
    cstar_no_compress(conn);
    cstar_respond_text(conn, 200, text);
}

/* ---- rows ---- */

typedef struct rows {
    unsigned long at, n;
} rows;

static void free_rows(void *arg) {
    free(arg);
    atomic_fetch_add(&ended, 1);
}

static cstar_next next_rows(cstar_conn *conn, void *arg) {
    rows *r = arg;
    char line[ROW + 16]; /* a number may have 20 digits */
    for (int i = 0; i < ROWS_PER_CALL && r->at < r->n; i++) {
        (void)snprintf(line, sizeof line, "%010u,%-52s\n", (unsigned)r->at++, "a row of a table");
        cstar_write(conn, cstar_view(line, ROW));
    }
    return r->at < r->n ? CSTAR_MORE : CSTAR_END;
}

static void send_rows(cstar_conn *conn) {
    const char *n = cstar_query(conn, "n");
    rows *r = malloc(sizeof *r);
    if (r == NULL) {
        cstar_fail(conn, 503);
        return;
    }
    *r = (rows){0, n != NULL ? strtoul(n, NULL, 10) : 100};
    cstar_stream(conn, next_rows, .arg = r, .done = free_rows, .content_type = "text/csv");
}

/* ---- gate ---- */

typedef struct gate {
    int seen;
} gate;

static void free_gate(void *arg) {
    free(arg);
    atomic_fetch_add(&ended, 1);
}

static cstar_next next_gate(cstar_conn *conn, void *arg) {
    gate *g = arg;
    if (g->seen < atomic_load(&opened)) {
        g->seen++;
        cstar_signal(conn, "opened", g->seen);
    }
    return CSTAR_WAIT;
}

static void send_gate(cstar_conn *conn) {
    gate *g = calloc(1, sizeof *g);
    if (g == NULL) {
        cstar_fail(conn, 503);
        return;
    }
    g->seen = atomic_load(&opened);
    cstar_start(conn);
    cstar_signal(conn, "opened", g->seen);
    cstar_stream(conn, next_gate, .arg = g, .done = free_gate, .every_ms = 5);
}

static void open_gate(cstar_conn *conn) {
    atomic_fetch_add(&opened, 1);
    cstar_respond_empty(conn, 204);
}

static void tell_ended(cstar_conn *conn) {
    char json[32];
    (void)snprintf(json, sizeof json, "{\"ended\":%d}", atomic_load(&ended));
    cstar_respond_json(conn, 200, cstar_view(json, strlen(json)));
}

/* ---- others ---- */

static cstar_next three(cstar_conn *conn, void *arg) {
    int *n = arg;
    cstar_signal(conn, "n", ++*n);
    return *n == 3 ? CSTAR_END : CSTAR_WAIT;
}

static void send_pool(cstar_conn *conn) {
    int *n = calloc(1, sizeof *n);
    if (n == NULL) {
        cstar_fail(conn, 503);
        return;
    }
    cstar_stream(conn, three, .arg = n, .done = free, .every_ms = 1);
}

static void go(cstar_conn *conn) { cstar_redirect_to(conn, 302, cstar_query(conn, "to")); }
static void failing(cstar_conn *conn) { cstar_fail(conn, 403); }

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        text[i] = "all work and no play makes a dull text. "[i % 40];
    }
    if (app != NULL) {
        cstar_route(app, CSTAR_GET, "/text", send_text);
        cstar_route(app, CSTAR_GET, "/secret", send_secret);
        cstar_route(app, CSTAR_GET, "/rows", send_rows);
        cstar_route(app, CSTAR_GET, "/gate", send_gate);
        cstar_route(app, CSTAR_POST, "/open", open_gate);
        cstar_route(app, CSTAR_GET, "/ended", tell_ended);
        cstar_route(app, CSTAR_GET, "/pool", send_pool, .blocking = true);
        cstar_route(app, CSTAR_GET, "/go", go);
        cstar_route(app, CSTAR_GET, "/fail", failing);
    }
    return cstar_main(app, argc, argv);
}
