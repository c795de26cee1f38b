/* idle-streams -- streams that stay open and say nothing, and what memory they hold.
 *
 *     POST /plain    the page only subscribes: no callback of the application's will ever run
 *     POST /keyed    likewise, one stream per tab
 *     POST /full     with info and disconnect
 *     POST /say      publishes a patch (the query's `text`) to all of them
 *     POST /tell     publishes a message, for those with info
 *     POST /end      ends the stream of the tab that the query names
 *     GET /memory    "BYTES BLOCKS": what the app holds; behind ?sizes a line for each size of block
 *     GET /count     "N": how often disconnect was called
 *
 * For tools/bench/idle.py and the end-to-end tests.
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

#include <stdio.h>
#include <stdlib.h>

enum { STEP = 16, CLASSES = 4096 };

/* All atomic and relaxed: numbers to look at. */
static size_t held, blocks, gone;
static size_t classes[CLASSES + 1]; /* blocks by size, in steps; the last: larger ones */

static void count(size_t size, ptrdiff_t sign) {
    const size_t class = (size + STEP - 1) / STEP;
    if (size != 0) {
        __atomic_fetch_add(&held, size * (size_t)sign, __ATOMIC_RELAXED);
        __atomic_fetch_add(&blocks, (size_t)sign, __ATOMIC_RELAXED);
        __atomic_fetch_add(&classes[class < CLASSES ? class : CLASSES], (size_t)sign,
                           __ATOMIC_RELAXED);
    }
}

static void *resize(void *ctx, void *ptr, size_t old_size, size_t new_size) {
    (void)ctx;
    if (new_size == 0) {
        count(old_size, -1);
        free(ptr);
        return NULL;
    }
    void *p = realloc(ptr, new_size);
    if (p != NULL) {
        count(old_size, -1);
        count(new_size, 1);
    }
    return p;
}

/* ---- pages ---- */

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p id='n' data-init='{}'>-</p>", cstar_connect());
}

static void connect_quiet(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_subscribe(conn, "news");
}

static void info(cstar_conn *conn, const cstar_message *m) {
    cstar_patch(conn, h, .selector = "#n", .mode = CSTAR_INNER) {
        cstar_put(h, "{} {} {}", m->bytes.ptr, cstar_path(conn),
                  cstar_request_header(conn, "user-agent"));
    }
}

static void disconnect(cstar_conn *conn) {
    (void)conn;
    __atomic_fetch_add(&gone, 1, __ATOMIC_RELAXED);
}

static const char *key(cstar_conn *conn) {
    (void)conn;
    return "keyed";
}

CSTAR_PAGE(plain, .render = render, .connect = connect_quiet);
CSTAR_PAGE(pinging, .render = render, .connect = connect_quiet, .idle_check_ms = 100);
CSTAR_PAGE(keyed, .render = render, .connect = connect_quiet, .stream_key = key);
CSTAR_PAGE(full, .render = render, .connect = connect_quiet, .info = info,
           .disconnect = disconnect);

/* ---- routes ---- */

static void say(cstar_conn *conn) {
    const char *text = cstar_query(conn, "text");
    cstar_publish_patch(cstar_app_of(conn), "news", h, .selector = "#n") {
        cstar_put(h, "<p>{}</p>", text != NULL ? text : "");
    }
    cstar_respond_text(conn, 200, "said");
}

static void tell(cstar_conn *conn) {
    (void)cstar_publish(cstar_app_of(conn), "news", .bytes = CSTAR_STR("told"));
    cstar_respond_text(conn, 200, "told");
}

static void end(cstar_conn *conn) {
    const char *tab = cstar_query(conn, "tab");
    const cstar_status rc = cstar_tab_end(cstar_app_of(conn), "keyed", tab != NULL ? tab : "");
    cstar_respond_text(conn, 200, rc == CSTAR_OK ? "ended" : "none");
}

static void put_sizes(cstar_buf *b) {
    for (size_t i = 0; i <= CLASSES; i++) {
        const size_t n = __atomic_load_n(&classes[i], __ATOMIC_RELAXED);
        if (n != 0) {
            cstar_buf_uint(b, i * STEP);
            cstar_buf_lit(b, " ");
            cstar_buf_uint(b, n);
            cstar_buf_lit(b, "\n");
        }
    }
}

static void memory(cstar_conn *conn) {
    cstar_buf b;
    cstar_buf_init(&b, cstar_heap(), (size_t)1 << 20);
    cstar_buf_uint(&b, __atomic_load_n(&held, __ATOMIC_RELAXED));
    cstar_buf_lit(&b, " ");
    cstar_buf_uint(&b, __atomic_load_n(&blocks, __ATOMIC_RELAXED));
    cstar_buf_lit(&b, "\n");
    if (cstar_query(conn, "sizes") != NULL) {
        put_sizes(&b);
    }
    cstar_buf_byte(&b, '\0');
    cstar_respond_text(conn, 200, b.ptr != NULL ? b.ptr : "");
    cstar_buf_fini(&b);
}

static void count_gone(cstar_conn *conn) {
    char text[24];
    (void)snprintf(text, sizeof text, "%zu", __atomic_load_n(&gone, __ATOMIC_RELAXED));
    cstar_respond_text(conn, 200, text);
}

int main(int argc, char **argv) {
    static const cstar_allocator counting = {resize, NULL};
    cstar_app *app = cstar_app_new_with(&counting);
    if (app == NULL) {
        return 1;
    }
    cstar_page(app, "/plain", &plain);
    cstar_page(app, "/pinging", &pinging);
    cstar_page(app, "/keyed", &keyed);
    cstar_page(app, "/full", &full);
    cstar_route(app, CSTAR_POST, "/say", say);
    cstar_route(app, CSTAR_POST, "/tell", tell);
    cstar_route(app, CSTAR_POST, "/end", end);
    cstar_route(app, CSTAR_GET, "/memory", memory);
    cstar_route(app, CSTAR_GET, "/count", count_gone);
    return cstar_main(app, argc, argv);
}
