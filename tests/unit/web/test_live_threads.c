/* test_live_threads.c -- an app with live streams on a real server: publishing before it is served, while it
 * serves, while it stops, afterwards, and when it serves again.
 *
 * ctest: timeout=60 labels=threads
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { PUBLISHERS = 4, STREAMS = 12, ROUNDS = 3 };

typedef struct rig {
    cstar_app *app;
    unsigned port;                             /* atomic; 0: not listening */
    bool stop;                                 /* atomic: the publishers' */
    unsigned ok, refused, not_served, strange; /* atomic */
    unsigned opened, over, lent, released;     /* atomic */
} rig;

static rig the; /* callbacks of a conn have no argument of their own */

static void count(unsigned *n) { (void)__atomic_add_fetch(n, 1, __ATOMIC_SEQ_CST); }
static unsigned get(const unsigned *n) { return __atomic_load_n(n, __ATOMIC_SEQ_CST); }

static void pause_ms(long ms) {
    const struct timespec t = {0, ms * 1000000};
    (void)nanosleep(&t, NULL);
}

/* ---- the app -------------------------------------------------------------------------------- */

/* Made on the pool's thread, or the loop's; used on the loop's. */
typedef struct notes {
    unsigned begun, told;
} notes;

static void info(cstar_conn *conn, const cstar_message *m) {
    (void)m;
    cstar_state(conn, notes)->told++;
    cstar_signal(conn, "told", 1);
}

static void disconnect(cstar_conn *conn) {
    count(&the.over);
    if (cstar_state(conn, notes)->begun != 1) {
        count(&the.strange);
    }
    /* nobody is there any more, and asking does no harm */
    (void)cstar_publish_signals(cstar_app_of(conn), "news", "{\"gone\":1}");
    (void)cstar_subscribe(conn, "news");
}

static void listen_to(cstar_conn *conn) {
    cstar_state(conn, notes)->begun++;
    if (cstar_live(conn, .info = info, .disconnect = disconnect) != CSTAR_OK) {
        count(&the.strange);
        return;
    }
    count(&the.opened);
    (void)cstar_subscribe(conn, "news");
    (void)cstar_subscribe(conn, "kept");
    cstar_signal(conn, "hello", 1);
}

/* It has subscribed, and then thinks better of it. */
static void no_stream(cstar_conn *conn) {
    (void)cstar_subscribe(conn, "news");
    cstar_respond_text(conn, 200, "no stream");
}

/* ---- publishers ----------------------------------------------------------------------------- */

static void release(void *arg) {
    (void)arg;
    count(&the.released);
}

static void tally(cstar_status rc) {
    count(rc == CSTAR_OK       ? &the.ok
          : rc == CSTAR_EAGAIN ? &the.refused
          : rc == CSTAR_ESTATE ? &the.not_served
                               : &the.strange);
}

static void *publish(void *arg) {
    cstar_app *app = arg;
    while (!__atomic_load_n(&the.stop, __ATOMIC_SEQ_CST)) {
        tally(cstar_publish_signals(app, "news", "{\"a\":1}"));
        tally(cstar_publish_elements(app, "kept", "<p id='a'>1</p>"));
        tally(cstar_publish_elements(app, "kept", "<p id='b'>1</p>", .key = "b"));
        count(&the.lent);
        tally(cstar_publish(app, "news", .bytes = CSTAR_STR("lent"), .free = release));
        pause_ms(1);
    }
    return NULL;
}

/* ---- clients -------------------------------------------------------------------------------- */

static void on_listen(void *arg, const char *url) {
    rig *r = arg;
    const char *colon = strrchr(url, ':');
    __atomic_store_n(&r->port, (unsigned)strtoul(colon + 1, NULL, 10), __ATOMIC_SEQ_CST);
}

static int dial(const char *target) {
    char text[128];
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)get(&the.port))};
    (void)inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    const int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    assert_int_equal(write(fd, text, (size_t)n), n);
    return fd;
}

/* Reads to the end. @return whether it was the last chunk's. */
static bool read_to_end(int fd) {
    char text[65536];
    char tail[5] = "";
    size_t kept = 0;
    ssize_t n = 0;
    while ((n = read(fd, text, sizeof text)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            memmove(tail, tail + 1, 4);
            tail[4] = text[i];
        }
        kept += (size_t)n;
    }
    (void)close(fd);
    return kept != 0 && memcmp(tail, "0\r\n\r\n", 5) == 0;
}

static void *serve(void *arg) {
    rig *r = arg;
    const cstar_status rc = cstar_serve(r->app,
                                        &(cstar_serve_opts){.listen = "127.0.0.1:0",
                                                            .workers = 2,
                                                            .drain_ms = 5000,
                                                            .on_listen = on_listen,
                                                            .arg = r},
                                        NULL);
    if (rc != CSTAR_OK) {
        count(&r->strange);
    }
    return NULL;
}

static void serve_once(bool blocking) {
    pthread_t server;
    int fds[STREAMS];
    const unsigned opened = get(&the.opened);
    __atomic_store_n(&the.port, 0, __ATOMIC_SEQ_CST);
    assert_int_equal(pthread_create(&server, NULL, serve, &the), 0);
    while (get(&the.port) == 0) {
        pause_ms(1);
    }
    for (int i = 0; i < STREAMS; i++) {
        fds[i] = dial(blocking && i % 2 != 0 ? "/late" : i == 3 ? "/none" : "/listen");
    }
    const unsigned none = blocking ? 0 : 1;
    while (get(&the.opened) != opened + STREAMS - none) {
        pause_ms(1);
    }
    (void)close(fds[0]); /* one leaves by itself */
    pause_ms(20);        /* some more is published; nothing hangs on how much */
    cstar_stop(the.app);
    for (int i = 1; i < STREAMS; i++) {
        const bool clean = read_to_end(fds[i]);
        assert_true(clean || (i == 3 && none == 1));
    }
    (void)pthread_join(server, NULL);
    assert_int_equal(get(&the.over), get(&the.opened));
}

static void publishing_whatever_the_server_does(void **state) {
    (void)state;
    pthread_t publishers[PUBLISHERS];
    the.app = cstar_app_new();
    cstar_topic(the.app, "kept", .replay_count = 10, .replay_latest = true);
    cstar_route(the.app, CSTAR_GET, "/listen", listen_to);
    cstar_route(the.app, CSTAR_GET, "/late", listen_to, .blocking = true);
    cstar_route(the.app, CSTAR_GET, "/none", no_stream);
    for (int i = 0; i < PUBLISHERS; i++) {
        assert_int_equal(pthread_create(&publishers[i], NULL, publish, the.app), 0);
    }
    while (get(&the.not_served) < 100) { /* it is not served yet */
        pause_ms(1);
    }
    for (int round = 0; round < ROUNDS; round++) {
        const unsigned before = get(&the.ok);
        serve_once(round % 2 != 0);
        assert_true(get(&the.ok) > before);
        pause_ms(20);
    }
    const unsigned before = get(&the.ok); /* to nobody, and it costs nothing */
    while (get(&the.ok) < before + 100) {
        pause_ms(1);
    }
    __atomic_store_n(&the.stop, true, __ATOMIC_SEQ_CST);
    for (int i = 0; i < PUBLISHERS; i++) {
        (void)pthread_join(publishers[i], NULL);
    }
    assert_int_equal(get(&the.strange), 0);
    assert_int_equal(get(&the.refused), 0);
    assert_int_equal(get(&the.released), get(&the.lent));
    cstar_app_free(the.app);
}

/* ---- the last before a stop ----------------------------------------------------------------- */

enum { BEFORE_STOP = 500, LISTENERS = 6 };

static void say_much(cstar_app *app) {
    for (int i = 1; i < BEFORE_STOP; i++) {
        tally(cstar_publish_signals(app, "news", "{\"n\":1}"));
    }
    tally(cstar_publish_signals(app, "news", "{\"last\":1}"));
    cstar_stop(app);
}

static void say_much_and_stop(cstar_conn *conn) {
    say_much(cstar_app_of(conn));
    cstar_respond_text(conn, 200, "stopped");
}

/* @return whether that has come, before a clean end. */
static bool read_last(int fd) {
    enum { MOST = 1 << 20 };
    char *text = calloc(1, MOST);
    size_t n = 0;
    ssize_t got = 0;
    assert_non_null(text);
    while (n < MOST - 1 && (got = read(fd, text + n, MOST - 1 - n)) > 0) {
        n += (size_t)got;
    }
    const bool has = strstr(text, "{\"last\":1}") != NULL;
    const bool clean = n > 5 && memcmp(text + n - 5, "0\r\n\r\n", 5) == 0;
    (void)close(fd);
    free(text);
    return has && clean;
}

/* The worker that publishes and stops finds both in its loop's next turn; others at any time. */
static void what_was_published_before_a_stop_comes_before_the_end(void **state) {
    (void)state;
    for (int round = 0; round < 6; round++) {
        pthread_t server;
        int fds[LISTENERS];
        the = (rig){.app = cstar_app_new()};
        cstar_route(the.app, CSTAR_GET, "/listen", listen_to);
        cstar_route(the.app, CSTAR_GET, "/stop", say_much_and_stop);
        assert_int_equal(pthread_create(&server, NULL, serve, &the), 0);
        while (get(&the.port) == 0) {
            pause_ms(1);
        }
        for (int i = 0; i < LISTENERS; i++) {
            char byte = 0;
            fds[i] = dial("/listen");
            assert_int_equal(read(fds[i], &byte, 1), 1);
        }
        if (round % 2 == 0) {
            (void)close(dial("/stop"));
        } else {
            say_much(the.app);
        }
        for (int i = 0; i < LISTENERS; i++) {
            assert_true(read_last(fds[i]));
        }
        (void)pthread_join(server, NULL);
        assert_int_equal(get(&the.over), get(&the.opened));
        assert_int_equal(get(&the.strange) + get(&the.refused), 0);
        cstar_app_free(the.app);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(publishing_whatever_the_server_does),
        cmocka_unit_test(what_was_published_before_a_stop_comes_before_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
