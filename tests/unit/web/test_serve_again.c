/* test_serve_again.c -- an app that is served again, with more workers each time: its hub is another one
 * then. What was handed out before finds nobody, and nothing of the old hub is left in use.
 *
 * ctest: timeout=60 labels=threads
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROUNDS = 4, NAME = 128 };

typedef struct names {
    char stream[NAME], tab[NAME];
} names;

static cstar_app *app;
static unsigned workers;
static unsigned port;  /* atomic; 0: not listening */
static names last;     /* of the newest stream; written before its head is sent */
static unsigned ended; /* atomic */

/* ---- the app ---- */

static void info(cstar_conn *conn, const cstar_message *m) {
    (void)cstar_signal(conn, "got", cstar_val_str(m->bytes));
}

static void disconnect(cstar_conn *conn) {
    (void)conn;
    (void)__atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
}

static void listen_to(cstar_conn *conn) {
    if (cstar_live(conn, .scope = "s", .info = info, .disconnect = disconnect) == CSTAR_OK) {
        (void)snprintf(last.stream, NAME, "%s", cstar_stream_name(conn));
        (void)snprintf(last.tab, NAME, "%s", cstar_tab_in(conn, "s"));
        (void)cstar_subscribe(conn, "news");
        (void)cstar_subscribe(conn, "kept");
    }
}

static void on_listen(void *arg, const char *url) {
    (void)arg;
    __atomic_store_n(&port, (unsigned)strtoul(strrchr(url, ':') + 1, NULL, 10), __ATOMIC_SEQ_CST);
}

static void *serve(void *arg) {
    cstar_status *rc = arg;
    *rc = cstar_serve(
        app,
        &(cstar_serve_opts){.listen = "127.0.0.1:0", .workers = workers, .on_listen = on_listen},
        NULL);
    return NULL;
}

/* ---- a client ---- */

static int open_stream(void) {
    static const char request[] =
        "POST /live HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Content-Length: 13\r\n\r\n{\"tabId\":\"t\"}";
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)__atomic_load_n(&port, __ATOMIC_SEQ_CST))};
    (void)inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
    return fd;
}

/* Reads until that has come; `text` gets all there was. */
static void read_until(int fd, const char *what, char text[4096]) {
    size_t n = 0;
    text[0] = '\0';
    while (strstr(text, what) == NULL) {
        const ssize_t got = n < 4095 ? read(fd, text + n, 4095 - n) : 0;
        assert_true(got > 0);
        n += (size_t)got;
        text[n] = '\0';
    }
}

static void say(const char *topic, const char *text) {
    assert_int_equal(cstar_publish(app, topic, .bytes = cstar_cstr(text)), CSTAR_OK);
}

/* ---- rounds ---- */

/* Whoever knows a name of an earlier round reaches nobody with it. */
static void use_old_names(const names *old, size_t n) {
    for (size_t i = 0; i < n; i++) {
        say(old[i].stream, "old");
        say(old[i].tab, "old");
    }
}

static names serve_once(const names *old, size_t n) {
    char text[4096];
    cstar_status rc = CSTAR_ESTATE;
    pthread_t server;
    __atomic_store_n(&port, 0, __ATOMIC_SEQ_CST);
    assert_int_equal(pthread_create(&server, NULL, serve, &rc), 0);
    while (__atomic_load_n(&port, __ATOMIC_SEQ_CST) == 0) {
        (void)sched_yield();
    }
    const int fd = open_stream();
    read_until(fd, "\r\n\r\n", text);
    const names mine = last;
    assert_true(cstar_tab_is_live(app, "s", "t"));
    use_old_names(old, n);
    (void)cstar_publish_signals(app, "kept", "{\"kept\":1}");
    say(mine.stream, "by name");
    say(mine.tab, "by tab");
    say("news", "to all");
    read_until(fd, "to all", text);
    assert_null(strstr(text, "old"));
    assert_non_null(strstr(text, "by name"));
    assert_non_null(strstr(text, "by tab"));
    cstar_stop(app);
    while (read(fd, text, sizeof text) > 0) {
    }
    (void)close(fd);
    (void)pthread_join(server, NULL);
    assert_int_equal(rc, CSTAR_OK);
    assert_false(cstar_tab_is_live(app, "s", "t"));
    return mine;
}

static void with_more_workers_each_time(void **state) {
    (void)state;
    names old[ROUNDS];
    app = cstar_app_new();
    cstar_route(app, CSTAR_POST, "/live", listen_to, .cross_origin = true);
    (void)cstar_topic(app, "kept", .replay_count = 10);
    for (size_t i = 0; i < ROUNDS; i++) {
        workers = (unsigned)i + 1;
        old[i] = serve_once(old, i);
        use_old_names(old, i + 1); /* and while nobody serves */
    }
    assert_int_equal(ended, ROUNDS);
    cstar_app_free(app);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_more_workers_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
