/* live-pages -- pages with streams that stay open, and what the server knows of them, for
 * tests/browser/live*.test.mjs.
 *
 *     GET  /page/:n    a page: its ids, the last number that was published, how the tab is told
 *     GET  /slow       the same, on the pool; its event "wait" takes `ms` (a signal) milliseconds
 *     GET  /halt       its stream ends as soon as it has begun
 *     GET  /private    nobody may have its stream, if LIVE_PAGES_REFUSE=401 says so
 *     GET  /brief      its stream looks every 300 ms whether its client is there
 *     GET  /publish?n=5        the signal `n`, to all of them
 *     GET  /counts     {"pid","open","starts","ends","refused","waiting","arrivals":[ms]}
 *
 * LIVE_PAGES_SECRET=...: with sessions, and so with tokens. LIVE_PAGES_CSP=...: with that policy.
 *
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ARRIVALS = 4096 };

/* Of all workers. */
static struct {
    pthread_mutex_t lock;
    int open, starts, ends, refused, waiting;
    long long arrivals[ARRIVALS]; /* Unix time in milliseconds */
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lock(void) { (void)pthread_mutex_lock(&seen.lock); }
static void unlock(void) { (void)pthread_mutex_unlock(&seen.lock); }

static long long now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- streams ---- */

static void come(cstar_conn *conn) {
    lock();
    if (seen.starts < ARRIVALS) {
        seen.arrivals[seen.starts] = now_ms();
    }
    seen.starts++;
    seen.open++;
    unlock();
    cstar_subscribe(conn, "numbers");
    cstar_signal(conn, "server", (int)getpid());
}

static void connect_page(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    come(conn);
}

static void disconnect_page(cstar_conn *conn) {
    (void)conn;
    lock();
    seen.open--;
    seen.ends++;
    unlock();
}

/* A stream that is halted in its own connect has begun all the same, and has a disconnect. */
static void connect_halt(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    come(conn);
    cstar_halt(conn);
}

static void authorize_private(cstar_conn *conn, const char *event) {
    const char *status = getenv("LIVE_PAGES_REFUSE");
    if (event == NULL && status != NULL) {
        lock();
        seen.refused++;
        unlock();
        cstar_fail(conn, (int)strtol(status, NULL, 10));
    }
}

static const char *key(cstar_conn *conn) {
    (void)conn;
    return "all";
}

/* ---- pages ---- */

static void render(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h,
              "<main data-signals='{n:0,server:0,ping:0,told:0,waited:0,ms:0}' data-init='{}'>"
              "<p id='n' data-text='$n'></p><p id='server' data-text='$server'></p>"
              "<p id='tab' data-text='$tabId'></p><p id='load' data-text='$pageId'></p>"
              "<p id='told' data-text='$told'></p><p id='waited' data-text='$waited'></p>"
              "<p id='ms' data-text='$ms'></p>"
              "<button id='tell' data-on:click='{}'>Tell</button>"
              "<button id='wait' data-on:click='{}'>Wait</button>",
              cstar_connect(), cstar_event("tell"), cstar_event("wait"));
    for (int i = 1; i <= 5; i++) {
        cstar_put(h, "<a id='to{}' href='/page/{}'>{}</a> ", i, i, i);
    }
    cstar_put(h, "<a id='to-halt' href='/halt'>halt</a></main>");
}

/* Counts `told` up, in the stream of the tab that the event comes from. */
static void tell(cstar_conn *conn, const cstar_signals *in) {
    char json[32];
    const char *tab = cstar_tab(conn);
    (void)snprintf(json, sizeof json, "{\"told\":%d}",
                   (int)cstar_json_int(cstar_json_path(in, "told"), 0) + 1);
    if (tab != NULL) {
        (void)cstar_publish_signals(cstar_app_of(conn), tab, json);
    }
}

static void wait(cstar_conn *conn, const cstar_signals *in) {
    const long ms = (long)cstar_json_int(cstar_json_path(in, "ms"), 0);
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    lock();
    seen.waiting++;
    unlock();
    (void)nanosleep(&t, NULL);
    lock();
    seen.waiting--;
    unlock();
    cstar_signal(conn, "waited", 1);
}

static const cstar_event_entry events[] = {{"tell", tell}, {"wait", wait}, {NULL, NULL}};

CSTAR_PAGE(page, .render = render, .connect = connect_page, .disconnect = disconnect_page,
           .stream_key = key, .events = events);
CSTAR_PAGE(slow, .render = render, .connect = connect_page, .disconnect = disconnect_page,
           .stream_key = key, .events = events, .blocking = true);
CSTAR_PAGE(brief, .render = render, .connect = connect_page, .disconnect = disconnect_page,
           .stream_key = key, .events = events, .idle_check_ms = 300);
CSTAR_PAGE(halt, .render = render, .connect = connect_halt, .disconnect = disconnect_page,
           .stream_key = key);
CSTAR_PAGE(private, .render = render, .connect = connect_page, .disconnect = disconnect_page,
           .stream_key = key, .authorize = authorize_private, .events = events);

/* ---- for the test ---- */

static void publish(cstar_conn *conn) {
    char json[64];
    const char *n = cstar_query(conn, "n");
    (void)snprintf(json, sizeof json, "{\"n\":%ld}", n != NULL ? strtol(n, NULL, 10) : 0);
    const cstar_status rc = cstar_publish_signals(cstar_app_of(conn), "numbers", json);
    cstar_respond_text(conn, rc == CSTAR_OK ? 200 : 500, cstar_strerror(rc));
}

static void put_count(cstar_buf *b, const char *name, long long n) {
    cstar_buf_puts(b, name);
    cstar_buf_uint(b, (uint64_t)n);
}

static void counts(cstar_conn *conn) {
    cstar_buf b;
    cstar_buf_init(&b, cstar_heap(), (size_t)1 << 20);
    lock();
    put_count(&b, "{\"pid\":", getpid());
    put_count(&b, ",\"open\":", seen.open);
    put_count(&b, ",\"starts\":", seen.starts);
    put_count(&b, ",\"ends\":", seen.ends);
    put_count(&b, ",\"refused\":", seen.refused);
    put_count(&b, ",\"waiting\":", seen.waiting);
    cstar_buf_puts(&b, ",\"arrivals\":[");
    for (int i = 0; i < seen.starts && i < ARRIVALS; i++) {
        put_count(&b, i != 0 ? "," : "", seen.arrivals[i]);
    }
    unlock();
    cstar_buf_puts(&b, "]}");
    cstar_respond(conn, 200, "application/json", cstar_buf_view(&b));
    cstar_buf_fini(&b);
}

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    if (app == NULL) {
        return 1;
    }
    cstar_page(app, "/page/:n", &page);
    cstar_page(app, "/slow", &slow);
    cstar_page(app, "/brief", &brief);
    cstar_page(app, "/halt", &halt);
    cstar_page(app, "/private", &private);
    const char *secrets[] = {getenv("LIVE_PAGES_SECRET"), NULL};
    if (secrets[0] != NULL) {
        cstar_sessions(app, .secrets = secrets);
    }
    if (getenv("LIVE_PAGES_CSP") != NULL) {
        cstar_csp(app, getenv("LIVE_PAGES_CSP"));
    }
    cstar_route(app, CSTAR_GET, "/publish", publish);
    cstar_route(app, CSTAR_GET, "/counts", counts);
    return cstar_main(app, argc, argv);
}
