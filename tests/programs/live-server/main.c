/* live-server -- streams and topics to be driven from outside, for tests/e2e/live*.test.mjs.
 *
 *     GET  /listen/:topics   a live stream of these (with commas between). It begins with a full view,
 *                            {"view":{"TOPIC":N, ...}}, of how many were published, unless it resumes. Query:
 *                            waiting=BYTES, drop=1, ping=MS, grace=MS, scope=TEXT, every=MS (a signal
 *                            `tick`), first=BYTES (a signal `first` of that length, before the view)
 *     GET  /late/:topics     the same on a thread of the pool, with a pause between topics
 *     POST /publish/:topic   {"t":TOPIC,"n":N} of the next N; query: n=HOW MANY (1), pad=BYTES, key=TEXT
 *     POST /tell/:topic      the query's `text` as a message: "halt" ends streams, others are answered
 *     POST /flood            publishes to the query's `topics` from `threads` threads, with `pause` us between,
 *                          until POST /calm
 *     GET  /hear/:topics     a live stream that begins with {"resumed":BOOL}, for what is poured
 *                            (pour.h); query as of /listen, and slim=1: without callbacks
 *     GET  /hear-late/:topics    the same on a thread of the pool
 *     GET  /owned/:scope/:tab    {"owned":BOOL}: whether that tab has a stream
 *     GET  /counts           what was opened, over, published, refused and told
 *
 * Topics that begin with "k" are kept for replay; those that begin with "r" too, but not for long.
 * SPDX-License-Identifier: MIT */
#include "pour.h"

#include <cstar.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TOPICS = 64, NAME = 32, THREADS = 8 };

typedef struct counter {
    char name[NAME];
    long n;
} counter;

/* Of all workers. */
static pthread_mutex_t state = PTHREAD_MUTEX_INITIALIZER;
static counter counters[TOPICS];
static size_t ncounters;

/* Atomic. */
static long opened, over, published, refused, failed, told;
static bool flooding;
static pthread_t floods[THREADS];
static size_t nfloods;
static char flood_topics[256];
static long flood_pause;

static void add(long *n, long by) { (void)__atomic_add_fetch(n, by, __ATOMIC_SEQ_CST); }
static long get(const long *n) { return __atomic_load_n(n, __ATOMIC_SEQ_CST); }

static int wanted; /* atomic: who waits for `state`, and is no flood */

static void lock_state(void) {
    (void)__atomic_add_fetch(&wanted, 1, __ATOMIC_SEQ_CST);
    (void)pthread_mutex_lock(&state);
    (void)__atomic_sub_fetch(&wanted, 1, __ATOMIC_SEQ_CST);
}

static void unlock_state(void) { (void)pthread_mutex_unlock(&state); }

static void pause_us(long us) {
    const struct timespec t = {.tv_nsec = us * 1000};
    (void)nanosleep(&t, NULL);
}

/* ---- topics --------------------------------------------------------------------------------- */

/* [state] */
static counter *counter_of(const char *topic) {
    for (size_t i = 0; i < ncounters; i++) {
        if (strcmp(counters[i].name, topic) == 0) {
            return &counters[i];
        }
    }
    if (ncounters == TOPICS || strlen(topic) >= NAME) {
        return NULL;
    }
    counter *c = &counters[ncounters++];
    (void)snprintf(c->name, sizeof c->name, "%s", topic);
    return c;
}

/* Calls `fn` for each of "a,b,c". */
static void each_topic(const char *topics, void (*fn)(void *arg, const char *topic), void *arg) {
    char name[NAME];
    while (*topics != '\0') {
        const size_t len = strcspn(topics, ",");
        if (len != 0 && len < sizeof name) {
            memcpy(name, topics, len);
            name[len] = '\0';
            fn(arg, name);
        }
        topics += len + (topics[len] == ',');
    }
}

/* The count and the publication are one step for who makes a view. */
static cstar_status publish_next(cstar_app *app, const char *topic, const char *pad,
                                 const char *key) {
    char text[128];
    cstar_buf json;
    (void)pthread_mutex_lock(&state);
    counter *c = counter_of(topic);
    if (c == NULL) {
        (void)pthread_mutex_unlock(&state);
        return CSTAR_ELIMIT;
    }
    (void)snprintf(text, sizeof text, "{\"t\":\"%s\",\"n\":%ld,\"pad\":\"", topic, c->n + 1);
    cstar_buf_init(&json, cstar_heap(), 1 << 20);
    cstar_buf_puts(&json, text);
    cstar_buf_puts(&json, pad);
    cstar_buf_lit(&json, "\"}");
    cstar_buf_byte(&json, '\0');
    const cstar_status rc = json.status != CSTAR_OK
                                ? json.status
                                : cstar_publish_signals(app, topic, json.ptr, .key = key);
    c->n += rc == CSTAR_OK;
    (void)pthread_mutex_unlock(&state);
    cstar_buf_fini(&json);
    add(rc == CSTAR_OK ? &published : rc == CSTAR_EAGAIN ? &refused : &failed, 1);
    return rc;
}

/* ---- streams -------------------------------------------------------------------------------- */

static void info(cstar_conn *conn, const cstar_message *m) {
    add(&told, 1);
    if (strcmp(m->bytes.ptr, "halt") == 0) {
        cstar_halt(conn);
        return;
    }
    cstar_signal(conn, "told", m->bytes.ptr);
}

static void disconnect(cstar_conn *conn) {
    (void)conn;
    add(&over, 1);
}

static void tick(cstar_conn *conn) { cstar_signal(conn, "tick", 1); }

typedef struct joining {
    cstar_conn *conn;
    cstar_buf view;
    bool slow;
} joining;

static void join_topic(void *arg, const char *topic) {
    joining *j = arg;
    (void)cstar_subscribe(j->conn, topic);
    if (j->slow) {
        pause_us(2000);
    }
}

/* [state] */
static void view_topic(void *arg, const char *topic) {
    joining *j = arg;
    const counter *c = counter_of(topic);
    char text[64];
    (void)snprintf(text, sizeof text, "%s\"%s\":%ld", j->view.len > 9 ? "," : "", topic,
                   c != NULL ? c->n : 0);
    cstar_buf_puts(&j->view, text);
}

static long number_of(cstar_conn *conn, const char *name) {
    const char *text = cstar_query(conn, name);
    return text != NULL ? strtol(text, NULL, 10) : 0;
}

/* @return false: it was answered otherwise. */
static bool begin_stream(cstar_conn *conn) {
    const bool slim = number_of(conn, "slim") != 0;
    const cstar_status rc = cstar_live(
        conn, .info = slim ? NULL : info, .disconnect = slim ? NULL : disconnect,
        .scope = cstar_query(conn, "scope"), .max_waiting = (size_t)number_of(conn, "waiting"),
        .slow = number_of(conn, "drop") != 0 ? CSTAR_SLOW_DROP : CSTAR_SLOW_CLOSE,
        .ping_ms = (unsigned)number_of(conn, "ping"),
        .grace_ms = (unsigned)number_of(conn, "grace"));
    if (rc == CSTAR_OK && !slim) {
        add(&opened, 1);
    }
    return rc == CSTAR_OK;
}

/* No two pieces of it are alike, lest gzip makes it short. */
static void say_first(cstar_conn *conn, size_t bytes) {
    char *text = malloc(bytes + 1);
    uint64_t dice = 1;
    if (text == NULL) {
        return;
    }
    for (size_t i = 0; i < bytes; i++) {
        dice = dice * 6364136223846793005U + 1442695040888963407U;
        text[i] = (char)('!' + 3 + (dice >> 33) % 50); /* no quote, no backslash */
    }
    text[bytes] = '\0';
    cstar_signal(conn, "first", text);
    free(text);
}

static void begin(cstar_conn *conn, bool slow) {
    const char *topics = cstar_param(conn, "topics");
    joining j = {.conn = conn, .slow = slow};
    if (!begin_stream(conn)) {
        return;
    }
    if (number_of(conn, "first") != 0) {
        say_first(conn, (size_t)number_of(conn, "first"));
    }
    if (!slow) { /* what is published meanwhile would be in the view, and come again */
        lock_state();
    }
    each_topic(topics, join_topic, &j);
    if (!cstar_resumed(conn)) {
        if (slow) {
            lock_state();
        }
        cstar_buf_init(&j.view, cstar_heap(), 1 << 16);
        cstar_buf_lit(&j.view, "{\"view\":{");
        each_topic(topics, view_topic, &j);
        cstar_buf_lit(&j.view, "}}");
        cstar_buf_byte(&j.view, '\0');
        cstar_patch_signals(conn, j.view.ptr);
        cstar_buf_fini(&j.view);
        if (slow) {
            unlock_state();
        }
    }
    if (!slow) {
        unlock_state();
    }
    if (number_of(conn, "every") != 0) {
        (void)cstar_every(conn, (unsigned)number_of(conn, "every"), tick);
    }
}

static void hear(cstar_conn *conn) {
    joining j = {.conn = conn};
    if (!begin_stream(conn)) {
        return;
    }
    each_topic(cstar_param(conn, "topics"), join_topic, &j);
    cstar_signal(conn, "resumed", cstar_resumed(conn));
    if (number_of(conn, "every") != 0) {
        (void)cstar_every(conn, (unsigned)number_of(conn, "every"), tick);
    }
}

static void listen_to(cstar_conn *conn) { begin(conn, false); }
static void listen_late(cstar_conn *conn) { begin(conn, true); }

/* ---- publishing ----------------------------------------------------------------------------- */

static void publish(cstar_conn *conn) {
    static const long most = 131072;
    char text[64];
    const long n = number_of(conn, "n") != 0 ? number_of(conn, "n") : 1;
    const long wanted_pad = number_of(conn, "pad");
    const size_t pad = (size_t)(wanted_pad < 0 ? 0 : wanted_pad < most ? wanted_pad : most);
    long ok = 0;
    char *bytes = calloc(1, pad + 1);
    if (bytes == NULL) {
        cstar_respond_text(conn, 503, "out of memory");
        return;
    }
    memset(bytes, 'x', pad);
    for (long i = 0; i < n; i++) {
        ok += publish_next(cstar_app_of(conn), cstar_param(conn, "topic"), bytes,
                           cstar_query(conn, "key")) == CSTAR_OK;
    }
    free(bytes);
    (void)snprintf(text, sizeof text, "%ld", ok);
    cstar_respond_text(conn, 200, text);
}

static void tell(cstar_conn *conn) {
    const char *text = cstar_query(conn, "text");
    const cstar_status rc = cstar_publish(cstar_app_of(conn), cstar_param(conn, "topic"),
                                          .bytes = cstar_cstr(text != NULL ? text : ""));
    cstar_respond_text(conn, rc == CSTAR_OK ? 200 : 503, cstar_strerror(rc));
}

static void publish_one(void *arg, const char *topic) {
    static const char pad[] = "............................................................";
    if (publish_next(arg, topic, pad, NULL) == CSTAR_EAGAIN) {
        pause_us(1000);
    }
    while (__atomic_load_n(&wanted, __ATOMIC_SEQ_CST) != 0) { /* mutexes are not fair */
        pause_us(20);
    }
}

static void *flood(void *app) {
    while (__atomic_load_n(&flooding, __ATOMIC_SEQ_CST)) {
        each_topic(flood_topics, publish_one, app);
        if (flood_pause != 0) {
            pause_us(flood_pause);
        }
    }
    return NULL;
}

static void start_flood(cstar_conn *conn) {
    const char *topics = cstar_query(conn, "topics");
    const long n = number_of(conn, "threads");
    if (flooding || topics == NULL) {
        cstar_respond_text(conn, 409, "no topics, or there is one");
        return;
    }
    flood_pause = number_of(conn, "pause");
    (void)snprintf(flood_topics, sizeof flood_topics, "%s", topics);
    __atomic_store_n(&flooding, true, __ATOMIC_SEQ_CST);
    for (nfloods = 0; nfloods < THREADS && (long)nfloods < (n != 0 ? n : 1); nfloods++) {
        if (pthread_create(&floods[nfloods], NULL, flood, cstar_app_of(conn)) != 0) {
            break;
        }
    }
    cstar_respond_text(conn, 200, "ok");
}

static void end_flood(void) {
    __atomic_store_n(&flooding, false, __ATOMIC_SEQ_CST);
    while (nfloods != 0) {
        (void)pthread_join(floods[--nfloods], NULL);
    }
}

static void calm(cstar_conn *conn) {
    end_flood();
    cstar_respond_text(conn, 200, "ok");
}

static void tell_owned(cstar_conn *conn) {
    const bool owned =
        cstar_tab_is_live(cstar_app_of(conn), cstar_param(conn, "scope"), cstar_param(conn, "tab"));
    cstar_respond_json(conn, 200,
                       owned ? CSTAR_STR("{\"owned\":true}") : CSTAR_STR("{\"owned\":false}"));
}

static void tell_counts(cstar_conn *conn) {
    char text[256];
    (void)snprintf(text, sizeof text,
                   "{\"opened\":%ld,\"over\":%ld,\"published\":%ld,\"refused\":%ld,"
                   "\"failed\":%ld,\"told\":%ld}",
                   get(&opened), get(&over), get(&published), get(&refused), get(&failed),
                   get(&told));
    cstar_respond_json(conn, 200, cstar_cstr(text));
}

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    if (app == NULL) {
        return 1;
    }
    cstar_topic(app, "k*", .replay_count = 100000, .replay_bytes = (size_t)256 << 20);
    cstar_route(app, CSTAR_GET, "/listen/:topics", listen_to);
    cstar_route(app, CSTAR_GET, "/late/:topics", listen_late, .blocking = true);
    cstar_topic(app, "r*", .replay_count = 2000, .replay_ms = 2000);
    cstar_route(app, CSTAR_GET, "/hear/:topics", hear);
    cstar_route(app, CSTAR_GET, "/hear-late/:topics", hear, .blocking = true);
    pour_add(app);
    cstar_route(app, CSTAR_POST, "/publish/:topic", publish, .blocking = true);
    cstar_route(app, CSTAR_POST, "/tell/:topic", tell);
    cstar_route(app, CSTAR_POST, "/flood", start_flood, .blocking = true);
    cstar_route(app, CSTAR_POST, "/calm", calm, .blocking = true);
    cstar_route(app, CSTAR_GET, "/owned/:scope/:tab", tell_owned);
    cstar_route(app, CSTAR_GET, "/counts", tell_counts);
    return cstar_main(app, argc, argv); /* frees the app: be calm before */
}
