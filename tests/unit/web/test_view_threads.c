/* test_view_threads.c -- views on a server with two workers: many threads say that something has
 * changed, and streams come and go meanwhile.
 *
 * ctest: timeout=120 labels=threads
 * SPDX-License-Identifier: MIT */
#include "support/netrig.h"

#include "cstar.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = 8, ROUNDS = 2000, STREAMS = 6, MIN_MS = 10, DEADLINE_MS = 60000 };

/* ---- what is shown ---- */

/* The total is not atomic: the view's own order has to make it visible to `render`. Each thread adds
 * under the lock, and says so behind it. */
typedef struct sum {
    pthread_mutex_t lock;
    long total;
    long inside, most_inside, renders; /* atomic */
    cstar_app *app;
    const char *topic;
} sum;

static void draw(cstar_html *h, void *arg) {
    sum *s = arg;
    const long inside = __atomic_add_fetch(&s->inside, 1, __ATOMIC_RELAXED);
    if (inside > __atomic_load_n(&s->most_inside, __ATOMIC_RELAXED)) {
        __atomic_store_n(&s->most_inside, inside, __ATOMIC_RELAXED);
    }
    __atomic_add_fetch(&s->renders, 1, __ATOMIC_RELAXED);
    (void)pthread_mutex_lock(&s->lock);
    const int64_t total = s->total;
    (void)pthread_mutex_unlock(&s->lock);
    cstar_put(h, "<p id='n'>total {}!</p>", total);
    __atomic_sub_fetch(&s->inside, 1, __ATOMIC_RELAXED);
}

static void markup(cstar_conn *conn, cstar_html *h) {
    (void)conn;
    cstar_put(h, "<p></p>");
}

static void connect_it(cstar_conn *conn, const cstar_signals *in) {
    assert_int_equal(cstar_send_view(conn, cstar_signals_str(in, "topic", ""), NULL), CSTAR_OK);
}

CSTAR_PAGE(board, .render = markup, .connect = connect_it);

static void *add(void *arg) {
    sum *s = arg;
    for (int i = 0; i < ROUNDS; i++) {
        (void)pthread_mutex_lock(&s->lock);
        s->total++;
        (void)pthread_mutex_unlock(&s->lock);
        if (cstar_changed(s->app, s->topic, NULL) != CSTAR_OK) {
            return s;
        }
    }
    return NULL;
}

/* ---- the server ---- */

typedef struct server {
    cstar_app *app;
    unsigned max_work;
    int told[2];
    pthread_t thread;
    unsigned long port;
} server;

static void on_listen(void *arg, const char *url) {
    const server *s = arg;
    const char *colon = strrchr(url, ':');
    unsigned long port = colon != NULL ? strtoul(colon + 1, NULL, 10) : 0;
    assert_int_equal(write(s->told[1], &port, sizeof port), sizeof port);
}

static void *serve(void *arg) {
    server *s = arg;
    cstar_serve_opts opts = {.listen = "127.0.0.1:0",
                             .on_listen = on_listen,
                             .arg = s,
                             .workers = 2,
                             .drain_ms = 2000,
                             .max_work = s->max_work};
    return cstar_serve(s->app, &opts, NULL) == CSTAR_OK ? NULL : s;
}

static void start(server *s) {
    assert_int_equal(pipe(s->told), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    assert_int_equal(read(s->told[0], &s->port, sizeof s->port), sizeof s->port);
}

static void stop(server *s) {
    void *failed = NULL;
    cstar_stop(s->app);
    assert_int_equal(pthread_join(s->thread, &failed), 0);
    assert_null(failed);
    (void)close(s->told[0]);
    (void)close(s->told[1]);
}

/* ---- clients ---- */

static int open_stream(const server *s, const char *topic) {
    char text[256];
    const int fd = netrig_dial_port((unsigned)s->port);
    (void)snprintf(text, sizeof text,
                   "POST / HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n{\"topic\":\"%s\"}",
                   strlen(topic) + 12, topic);
    netrig_say(fd, text);
    return fd;
}

/* Reads until `text` has come. */
static void await_text(int fd, const char *text) {
    static char seen[1 << 20];
    size_t n = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
        const ssize_t got = recv(fd, seen + n, sizeof seen - 1 - n, 0);
        assert_true(got > 0);
        n += (size_t)got;
        seen[n] = '\0';
        if (strstr(seen, text) != NULL) {
            return;
        }
        if (n > sizeof seen / 2) { /* its end may begin the text */
            memmove(seen, seen + n - 64, 64);
            n = 64;
        }
    }
}

static uint64_t now_ms(void) {
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- tests ---- */

static void run_view(bool blocking) {
    cstar_app *app = cstar_app_new();
    sum s = {.lock = PTHREAD_MUTEX_INITIALIZER, .app = app, .topic = "sum"};
    server srv = {.app = app};
    pthread_t threads[THREADS];
    int fds[STREAMS];
    char last[64];
    cstar_page(app, "/", &board);
    cstar_live_view(app, "sum", .render = draw, .arg = &s, .min_ms = MIN_MS, .blocking = blocking);
    start(&srv);
    const uint64_t began = now_ms();
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add, &s), 0);
    }
    for (int i = 0; i < 100; i++) { /* these come and go, without a look */
        (void)close(open_stream(&srv, "sum"));
    }
    for (int i = 0; i < STREAMS; i++) {
        fds[i] = open_stream(&srv, "sum");
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    (void)snprintf(last, sizeof last, "total %d!", THREADS * ROUNDS);
    for (int i = 0; i < STREAMS; i++) {
        await_text(fds[i], last);
    }
    const long renders = __atomic_load_n(&s.renders, __ATOMIC_RELAXED);
    assert_int_equal(__atomic_load_n(&s.most_inside, __ATOMIC_RELAXED), 1);
    assert_true(renders <= (long)((now_ms() - began) / MIN_MS) + 2);
    for (int i = 0; i < STREAMS; i++) {
        (void)close(fds[i]);
    }
    stop(&srv);
    cstar_app_free(app);
}

static void the_last_change_is_shown_whoever_makes_it(void **state) {
    (void)state;
    run_view(false);
}

static void also_if_it_is_rendered_on_the_pool(void **state) {
    (void)state;
    run_view(true);
}

/* New views while the server runs, from several threads, each looked at at once. */
static void *add_views(void *arg) {
    sum *s = arg;
    char topic[32];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(topic, sizeof topic, "view %d", i);
        const cstar_status rc = cstar_live_view(s->app, topic, .render = draw, .arg = s);
        if ((rc != CSTAR_OK && rc != CSTAR_EDUP) ||
            cstar_changed(s->app, topic, NULL) != CSTAR_OK) {
            return s;
        }
        if (rc == CSTAR_OK) {
            __atomic_add_fetch(&s->total, 1, __ATOMIC_RELAXED);
        }
    }
    return NULL;
}

static void views_may_come_while_it_is_served(void **state) {
    cstar_app *app = cstar_app_new();
    sum s = {.lock = PTHREAD_MUTEX_INITIALIZER, .app = app};
    server srv = {.app = app};
    pthread_t threads[4];
    (void)state;
    cstar_page(app, "/", &board);
    start(&srv);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_views, &s), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(s.total, 200);
    const int fd = open_stream(&srv, "view 199");
    await_text(fd, "total 200!");
    (void)close(fd);
    stop(&srv);
    cstar_app_free(app);
}

/* What was to be rendered when it was stopped is rendered when it is served again. */
static void a_change_outlives_a_stop(void **state) {
    cstar_app *app = cstar_app_new();
    sum s = {.lock = PTHREAD_MUTEX_INITIALIZER, .app = app, .topic = "sum"};
    server srv = {.app = app};
    (void)state;
    cstar_page(app, "/", &board);
    cstar_live_view(app, "sum", .render = draw, .arg = &s, .min_ms = 200);
    start(&srv);
    int fd = open_stream(&srv, "sum");
    await_text(fd, "total 0!");
    s.total = 1; /* `render` runs on a mark only, and the next one is below */
    assert_int_equal(cstar_changed(app, "sum", NULL), CSTAR_OK);
    stop(&srv);
    (void)close(fd);
    start(&srv);
    fd = open_stream(&srv, "sum");
    await_text(fd, "total 1!");
    s.total = 2;
    assert_int_equal(cstar_changed(app, "sum", NULL), CSTAR_OK);
    await_text(fd, "total 2!");
    (void)close(fd);
    stop(&srv);
    assert_int_equal(cstar_changed(app, "sum", NULL), CSTAR_OK);
    cstar_app_free(app);
}

/* Holds the pool's only place until the test lets it go. */
typedef struct gate {
    bool entered, open; /* atomic */
} gate;

static void draw_behind(cstar_html *h, void *arg) {
    gate *g = arg;
    const struct timespec bit = {.tv_nsec = 1000000};
    __atomic_store_n(&g->entered, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&g->open, __ATOMIC_ACQUIRE)) {
        (void)nanosleep(&bit, NULL);
    }
    cstar_put(h, "<p id='n'>through!</p>");
}

static void a_pool_that_is_full_is_asked_again(void **state) {
    const struct timespec bit = {.tv_nsec = 50000000};
    cstar_app *app = cstar_app_new();
    sum s = {.lock = PTHREAD_MUTEX_INITIALIZER, .app = app, .total = 7};
    gate g = {.entered = false};
    server srv = {.app = app, .max_work = 1};
    (void)state;
    cstar_page(app, "/", &board);
    cstar_live_view(app, "gate", .render = draw_behind, .arg = &g, .blocking = true);
    cstar_live_view(app, "sum", .render = draw, .arg = &s, .blocking = true);
    start(&srv);
    const int first = open_stream(&srv, "gate");
    while (!__atomic_load_n(&g.entered, __ATOMIC_ACQUIRE)) {
        (void)nanosleep(&bit, NULL);
    }
    const int second = open_stream(&srv, "sum");
    await_text(second, "HTTP/1.1 200");
    (void)nanosleep(&bit, NULL); /* time to be refused; without it, less is tested */
    assert_int_equal(__atomic_load_n(&s.renders, __ATOMIC_RELAXED), 0);
    __atomic_store_n(&g.open, true, __ATOMIC_RELEASE);
    await_text(first, "through!");
    await_text(second, "total 7!");
    (void)close(first);
    (void)close(second);
    stop(&srv);
    cstar_app_free(app);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_change_is_shown_whoever_makes_it),
        cmocka_unit_test(also_if_it_is_rendered_on_the_pool),
        cmocka_unit_test(views_may_come_while_it_is_served),
        cmocka_unit_test(a_change_outlives_a_stop),
        cmocka_unit_test(a_pool_that_is_full_is_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
