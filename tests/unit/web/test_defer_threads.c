/* test_defer_threads.c -- cstar_defer() in a server that runs: its own pool, sockets, clients that
 * vanish, a queue that is full, a stop while works are under way. A work that waits for the gate
 * goes on when the test opens it.
 * ctest: timeout=60 labels=threads
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* nanosleep() */
#include "cstar.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what is counted ---- */

static unsigned works, dones, frees; /* atomic */
static unsigned live;                /* atomic: arguments that are not freed */
static int gate;                     /* atomic: open */

static void count(unsigned *n) { (void)__atomic_add_fetch(n, 1, __ATOMIC_SEQ_CST); }
static unsigned get(const unsigned *n) { return __atomic_load_n(n, __ATOMIC_SEQ_CST); }
static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); }

/* Waits for a count, with a deadline that only a failure meets. */
static void await(const unsigned *n, unsigned wanted) {
    for (int i = 0; i < 20000 && get(n) < wanted; i++) {
        nap();
    }
    assert_int_equal(get(n), wanted);
}

/* ---- the app ---- */

typedef struct query {
    long in, out;
    bool waits;
} query;

static query *new_query(long in, bool waits) {
    query *q = calloc(1, sizeof *q);
    if (q == NULL) {
        abort();
    }
    *q = (query){.in = in, .waits = waits};
    (void)__atomic_add_fetch(&live, 1, __ATOMIC_SEQ_CST);
    return q;
}

static void work(void *arg) {
    query *q = arg;
    count(&works);
    while (q->waits && __atomic_load_n(&gate, __ATOMIC_SEQ_CST) == 0) {
        nap();
    }
    q->out = q->in * 2;
}

static void done(cstar_conn *conn, void *arg) {
    const query *q = arg;
    count(&dones);
    cstar_signal(conn, "out", q->out);
}

static void release(void *arg) {
    free(arg);
    (void)__atomic_sub_fetch(&live, 1, __ATOMIC_SEQ_CST);
    count(&frees);
}

static void start(cstar_conn *conn, bool waits, int n) {
    const long in = strtol(cstar_param(conn, "n"), NULL, 10);
    cstar_start(conn);
    for (int i = 0; i < n; i++) {
        cstar_defer(conn, work, .done = done, .arg = new_query(in, waits), .free = release);
    }
}

static void one(cstar_conn *conn) { start(conn, false, 1); }
static void three(cstar_conn *conn) { start(conn, false, 3); }
static void gated(cstar_conn *conn) { start(conn, true, 1); }

static unsigned published; /* atomic */
static int handler_gate;   /* atomic: open */

static void on_info(cstar_conn *conn, const cstar_message *m) {
    (void)m;
    cstar_defer(conn, work, .done = done, .arg = new_query(5, true), .free = release);
}

/* A stream that gets a message before it has begun. */
static void early(cstar_conn *conn) {
    cstar_live(conn, .info = on_info);
    cstar_subscribe(conn, "early");
    cstar_publish(cstar_app_of(conn), "early", .bytes = cstar_cstr("now"));
    count(&published);
    while (__atomic_load_n(&handler_gate, __ATOMIC_SEQ_CST) == 0) {
        nap();
    }
}

/* ---- a server ---- */

typedef struct rig {
    cstar_app *app;
    pthread_t thread;
    unsigned port; /* atomic */
    unsigned workers, max_work, drain_ms;
} rig;

static void on_listen(void *arg, const char *url) {
    rig *r = arg;
    const char *colon = strrchr(url, ':');
    __atomic_store_n(&r->port, (unsigned)strtoul(colon + 1, NULL, 10), __ATOMIC_SEQ_CST);
}

static void on_log(void *arg, cstar_log_level level, const char *line) {
    (void)arg;
    (void)level;
    (void)line;
}

static void *serve(void *arg) {
    rig *r = arg;
    cstar_serve_opts opts = {.listen = "127.0.0.1:0",
                             .on_listen = on_listen,
                             .on_log = on_log,
                             .arg = r,
                             .workers = r->workers,
                             .max_work = r->max_work,
                             .metrics = "/metrics",
                             .drain_ms = r->drain_ms};
    if (cstar_serve(r->app, &opts, NULL) != CSTAR_OK) {
        abort();
    }
    return NULL;
}

static void begin(rig *r, rig how) {
    works = dones = frees = live = 0;
    gate = handler_gate = 0;
    published = 0;
    *r = how;
    r->app = cstar_app_new();
    r->drain_ms = how.drain_ms != 0 ? how.drain_ms : 20000;
    assert_non_null(r->app);
    cstar_route(r->app, CSTAR_GET, "/one/:n", one);
    cstar_route(r->app, CSTAR_GET, "/three/:n", three);
    cstar_route(r->app, CSTAR_GET, "/early", early, .blocking = true);
    assert_int_equal(cstar_route(r->app, CSTAR_GET, "/gated/:n", gated), CSTAR_OK);
    assert_int_equal(pthread_create(&r->thread, NULL, serve, r), 0);
    for (int i = 0; i < 20000 && get(&r->port) == 0; i++) {
        nap();
    }
    assert_true(get(&r->port) != 0);
}

static void open_gate(void) { __atomic_store_n(&gate, 1, __ATOMIC_SEQ_CST); }

static void end(rig *r) {
    cstar_stop(r->app);
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    cstar_app_free(r->app);
    assert_int_equal(live, 0);
}

/* ---- clients ---- */

static int ask(const rig *r, const char *path) {
    char text[128];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)get(&r->port))};
    const struct timeval limit = {.tv_sec = 20};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    const int n = snprintf(text, sizeof text,
                           "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
    assert_int_equal(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
    return fd;
}

/* All that comes; the text is the thread's own until its next call. */
static const char *hear(int fd) {
    static _Thread_local char text[65536];
    size_t n = 0;
    ssize_t got = 0;
    while (n + 1 < sizeof text && (got = recv(fd, text + n, sizeof text - 1 - n, 0)) > 0) {
        n += (size_t)got;
    }
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        abort(); /* nothing has come for 20 seconds */
    }
    text[n] = '\0';
    (void)close(fd);
    return text;
}

static void expect(int fd, const char *part) {
    const char *text = hear(fd);
    if (strstr(text, part) == NULL) {
        fail_msg("no %s in %s", part, text);
    }
}

/* Until the server has that many requests under way besides this question. */
static void await_active(const rig *r, unsigned wanted) {
    char line[64];
    (void)snprintf(line, sizeof line, "\ncstar_http_requests_active %u\n", wanted + 1);
    for (int i = 0; i < 20000; i++) {
        if (strstr(hear(ask(r, "/metrics")), line) != NULL) {
            return;
        }
        nap();
    }
    fail_msg("never %s", line);
}

/* ---- tests ---- */

enum { CLIENTS = 4, ROUNDS = 50 };

static void *come_and_go(void *arg) {
    const rig *r = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char path[32];
        char part[32];
        (void)snprintf(path, sizeof path, "/%s/%d", i % 2 == 0 ? "one" : "three", i);
        (void)snprintf(part, sizeof part, "{\"out\":%d}", 2 * i);
        const int fd = ask(r, path);
        if (i % 5 == 0) {
            (void)close(fd); /* gone, sooner or later than the answer */
        } else if (strstr(hear(fd), part) == NULL) {
            return arg;
        }
    }
    return NULL;
}

static void test_many(void **state) {
    (void)state;
    rig r;
    pthread_t threads[CLIENTS];
    begin(&r, (rig){.workers = 2});
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &r), 0);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    end(&r);
    assert_true(dones >= (unsigned)CLIENTS * ROUNDS); /* four of five answers, two works each */
}

static void test_client_vanishes(void **state) {
    (void)state;
    rig r;
    begin(&r, (rig){.workers = 1});
    const int fd = ask(&r, "/gated/1");
    await(&works, 1);
    await_active(&r, 1);
    (void)close(fd);
    await_active(&r, 0);
    assert_int_equal(get(&frees), 0); /* the work still has it */
    open_gate();
    await(&frees, 1);
    assert_int_equal(get(&dones), 0);
    expect(ask(&r, "/one/4"), "{\"out\":8}");
    end(&r);
}

/* What its info has deferred is under way when the handler's own hold on the exchange ends. */
static void test_stream_begins_with_a_work(void **state) {
    (void)state;
    rig r;
    begin(&r, (rig){.workers = 1});
    const int fd = ask(&r, "/early");
    await(&published, 1);
    expect(ask(&r, "/one/2"), "{\"out\":4}"); /* the message is read by now */
    __atomic_store_n(&handler_gate, 1, __ATOMIC_SEQ_CST);
    await(&works, 2);
    (void)close(fd);
    await_active(&r, 0);
    for (int i = 0; i < 8; i++) { /* in the memory of an exchange that had been given back */
        expect(ask(&r, "/three/4"), "{\"out\":8}");
    }
    assert_int_equal(get(&frees), 25);
    open_gate();
    await(&frees, 26);
    assert_int_equal(get(&dones), 25);
    end(&r);
}

static void test_full_queue(void **state) {
    (void)state;
    rig r;
    begin(&r, (rig){.max_work = 1});
    const int fd = ask(&r, "/gated/1");
    await(&works, 1);
    expect(ask(&r, "/one/2"), "retry-after: 1\r\n");
    assert_int_equal(get(&frees), 1);
    open_gate();
    expect(fd, "{\"out\":2}");
    expect(ask(&r, "/one/2"), "{\"out\":4}");
    end(&r);
}

static void test_drain(void **state) {
    (void)state;
    rig r;
    begin(&r, (rig){.workers = 1});
    const int fd = ask(&r, "/gated/3");
    await(&works, 1);
    cstar_stop(r.app);
    open_gate();
    expect(fd, "{\"out\":6}");
    end(&r);
    assert_int_equal(dones, 1);
}

/* Draining takes too long: the connection is cut, the work is waited for. */
static void test_cut(void **state) {
    (void)state;
    rig r;
    begin(&r, (rig){.drain_ms = 1});
    const int fd = ask(&r, "/gated/3");
    await(&works, 1);
    cstar_stop(r.app);
    assert_string_equal(hear(fd), "");
    assert_int_equal(get(&frees), 0);
    open_gate();
    end(&r);
    assert_int_equal(dones, 0);
    assert_int_equal(frees, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many),       cmocka_unit_test(test_client_vanishes),
        cmocka_unit_test(test_full_queue), cmocka_unit_test(test_drain),
        cmocka_unit_test(test_cut),        cmocka_unit_test(test_stream_begins_with_a_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
