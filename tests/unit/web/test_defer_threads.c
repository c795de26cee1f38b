/* test_defer_threads.c -- cstar_defer() in a server that runs: its own pool, sockets, clients that
 * vanish, a queue that is full, a stop while works are under way. A work that waits for the gate
 * goes on when the test opens it.
 * ctest: timeout=60 labels=threads
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* nanosleep() */
#include "support/netrig.h"

#include "cstar.h"

#include <errno.h>
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

/* ---- a stream whose `info` is called when it begins, and defers ---- */

static unsigned heard, over; /* atomic */

/* Begins when the other stream has heard what is published here: so it waits for this one, too. */
static void publish(void *arg) {
    (void)cstar_publish(arg, "early", .json = "1");
    for (int i = 0; i < 20000 && get(&heard) == 0; i++) {
        nap();
    }
}

static void first(cstar_conn *conn, const cstar_message *m) {
    (void)conn, (void)m;
    count(&heard);
}

static void defer_more(cstar_conn *conn, const cstar_message *m) {
    (void)m;
    cstar_defer(conn, work, .done = done, .arg = new_query(1, true), .free = release);
}

static void is_over(cstar_conn *conn) {
    (void)conn;
    count(&over);
}

static void listens(cstar_conn *conn) {
    cstar_live(conn, .info = first);
    cstar_subscribe(conn, "early");
    cstar_signal(conn, "listens", 1);
}

static void defers_early(cstar_conn *conn) {
    cstar_live(conn, .info = defer_more, .disconnect = is_over);
    cstar_subscribe(conn, "early");
    cstar_defer(conn, publish, .arg = cstar_app_of(conn));
}

/* No callback will look at it: what is left of it when it has begun is small. */
static void gets_quiet(cstar_conn *conn) {
    cstar_live(conn, .scope = NULL);
    cstar_subscribe(conn, "quiet");
    cstar_defer(conn, work, .done = done, .arg = new_query(2, false), .free = release);
}

static void blocks_early(cstar_conn *conn) {
    cstar_live(conn, .info = defer_more, .disconnect = is_over);
    cstar_subscribe(conn, "early");
    publish(cstar_app_of(conn));
}

/* ---- a stream whose `done` does what a callback may ---- */

static unsigned ticks;    /* atomic */
static int end_reason;    /* atomic */
static bool done_returns; /* atomic: `disconnect` must not come before */

static void tick(cstar_conn *conn) {
    count(&ticks);
    cstar_signal(conn, "tick", 1);
}

static void no_work(void *arg) { (void)arg; }

static void say_much(cstar_conn *conn) {
    static char text[65536];
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 60; i++) { /* much more than a socket takes, and than may wait */
        cstar_signal(conn, "much", text);
    }
}

/* What it has to do is the message. */
static void do_it(cstar_conn *conn, void *arg) {
    const char *what = arg;
    __atomic_store_n(&done_returns, false, __ATOMIC_SEQ_CST);
    count(&dones);
    if (strcmp(what, "halt") == 0) {
        cstar_signal(conn, "last", 1);
        cstar_halt(conn);
    } else if (strcmp(what, "subscribe") == 0) {
        cstar_subscribe(conn, "more");
        cstar_signal(conn, "subscribed", 1);
    } else if (strcmp(what, "every") == 0) {
        if (cstar_every(conn, 1, tick) != CSTAR_OK ||
            cstar_every(conn, 100000, is_over) != CSTAR_OK) {
            abort();
        }
    } else if (strcmp(what, "much") == 0) {
        say_much(conn);
        cstar_subscribe(conn, "more");
    } else if (strcmp(what, "again") == 0) {
        cstar_defer(conn, no_work, .done = do_it, .arg = (void *)(uintptr_t) "halt");
    }
    __atomic_store_n(&done_returns, true, __ATOMIC_SEQ_CST);
}

static void told_what(cstar_conn *conn, const cstar_message *m) {
    static const char *const all[] = {"halt", "subscribe", "every", "much", "again"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(m->bytes.ptr, all[i]) == 0) {
            cstar_defer(conn, no_work, .done = do_it, .arg = (void *)(uintptr_t)all[i]);
        }
    }
}

static void has_ended(cstar_conn *conn) {
    __atomic_store_n(&end_reason, (int)cstar_end_reason(conn), __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&done_returns, __ATOMIC_SEQ_CST)) {
        abort();
    }
    count(&over);
}

static void does_what_it_is_told(cstar_conn *conn) {
    cstar_live(conn, .info = told_what, .disconnect = has_ended);
    cstar_subscribe(conn, "what");
    cstar_signal(conn, "here", 1);
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
    works = dones = frees = live = heard = over = ticks = 0;
    done_returns = true;
    gate = 0;
    *r = how;
    r->app = cstar_app_new();
    r->drain_ms = how.drain_ms != 0 ? how.drain_ms : 20000;
    assert_non_null(r->app);
    cstar_route(r->app, CSTAR_GET, "/one/:n", one);
    cstar_route(r->app, CSTAR_GET, "/three/:n", three);
    cstar_route(r->app, CSTAR_GET, "/listens", listens);
    cstar_route(r->app, CSTAR_GET, "/defers", defers_early);
    cstar_route(r->app, CSTAR_GET, "/quiet", gets_quiet);
    cstar_route(r->app, CSTAR_GET, "/does", does_what_it_is_told);
    cstar_route(r->app, CSTAR_GET, "/blocks", blocks_early, .blocking = true);
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
    const int fd = netrig_dial_port(get(&r->port));
    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                   path);
    netrig_say(fd, text);
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

/* The client leaves while what `info` has deferred is under way: its memory is the exchange's. */
static void leave_early(const char *path) {
    rig r;
    begin(&r, (rig){.workers = 1});
    char byte = 0;
    const int other = ask(&r, "/listens");
    assert_int_equal(recv(other, &byte, 1, 0), 1);
    const int fd = ask(&r, path);
    await(&works, 1);
    (void)close(fd);
    await(&over, 1);
    for (int i = 0; i < 3; i++) { /* who would get its memory */
        expect(ask(&r, "/one/4"), "{\"out\":8}");
    }
    open_gate();
    await(&frees, 4);
    assert_int_equal(get(&dones), 3);
    (void)close(other);
    end(&r);
}

static void test_early_info_of_deferred(void **state) {
    (void)state;
    leave_early("/defers");
}

static void test_early_info_of_blocking(void **state) {
    (void)state;
    leave_early("/blocks");
}

/* Reads until that has come; true, or the 20 seconds of ask() are over. */
static bool hear_part(int fd, const char *part) {
    char text[4096] = "";
    size_t n = 0;
    ssize_t got = 1;
    while (n + 1 < sizeof text && got > 0 && strstr(text, part) == NULL) {
        got = recv(fd, text + n, sizeof text - 1 - n, 0);
        n += got > 0 ? (size_t)got : 0;
        text[n] = '\0';
    }
    return strstr(text, part) != NULL;
}

static void test_quiet_stream(void **state) {
    (void)state;
    rig r;
    begin(&r, (rig){.workers = 1});
    const int gone = ask(&r, "/quiet");
    const int fd = ask(&r, "/quiet");
    assert_true(hear_part(gone, "{\"out\":4}"));
    assert_true(hear_part(fd, "{\"out\":4}"));
    await(&frees, 2);
    (void)close(gone);
    assert_int_equal(cstar_publish_signals(r.app, "quiet", "{\"last\":1}"), CSTAR_OK);
    assert_true(hear_part(fd, "{\"last\":1}"));
    cstar_stop(r.app);
    assert_string_equal(hear(fd), "0\r\n\r\n");
    end(&r);
}

static void tell(const rig *r, const char *what) {
    assert_int_equal(cstar_publish(r->app, "what", .bytes = cstar_cstr(what)), CSTAR_OK);
}

/* `done` of a stream is a callback of it like any other. */
static void test_what_done_of_a_stream_may_do(void **state) {
    (void)state;
    rig r;
    begin(&r, (rig){.workers = 1});
    const int fd = ask(&r, "/does");
    assert_true(hear_part(fd, "{\"here\":1}"));
    tell(&r, "subscribe");
    assert_true(hear_part(fd, "{\"subscribed\":1}"));
    assert_int_equal(cstar_publish_signals(r.app, "more", "{\"more\":1}"), CSTAR_OK);
    assert_true(hear_part(fd, "{\"more\":1}"));
    tell(&r, "every");
    assert_true(hear_part(fd, "{\"tick\":1}"));
    await(&dones, 2);
    tell(&r, "again");
    assert_true(hear_part(fd, "{\"last\":1}"));
    (void)hear(fd);
    await(&over, 1);
    assert_int_equal(end_reason, CSTAR_ENDED_HALTED);
    end(&r);
}

static void test_done_of_a_stream_halts(void **state) {
    (void)state;
    rig r;
    begin(&r, (rig){.workers = 1});
    const int fd = ask(&r, "/does");
    assert_true(hear_part(fd, "{\"here\":1}"));
    tell(&r, "halt");
    const char *text = hear(fd);
    assert_non_null(strstr(text, "{\"last\":1}"));
    assert_string_equal(text + strlen(text) - 5, "0\r\n\r\n");
    await(&over, 1);
    assert_int_equal(end_reason, CSTAR_ENDED_HALTED);
    end(&r);
}

/* Nobody reads: it is cut, behind `done`. */
static void test_done_of_a_stream_says_too_much(void **state) {
    (void)state;
    rig r;
    begin(&r, (rig){.workers = 1});
    const int fd = ask(&r, "/does");
    assert_true(hear_part(fd, "{\"here\":1}"));
    for (int i = 0; i < 8; i++) {
        tell(&r, "much");
    }
    await(&over, 1);
    assert_int_equal(end_reason, CSTAR_ENDED_CUT);
    assert_in_range(get(&dones), 2, 7); /* one is taken, one may wait */
    (void)close(fd);
    expect(ask(&r, "/one/4"), "{\"out\":8}");
    end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet_stream),
        cmocka_unit_test(test_what_done_of_a_stream_may_do),
        cmocka_unit_test(test_done_of_a_stream_halts),
        cmocka_unit_test(test_done_of_a_stream_says_too_much),
        cmocka_unit_test(test_early_info_of_deferred),
        cmocka_unit_test(test_early_info_of_blocking),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_client_vanishes),
        cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
