/* test_h1_poll.c -- the machine behind real sockets, driven by poll(2)
 * (tests/support/polldrive.h). Client and server share the thread: the client's calls never
 * block, and the server steps between them. SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/h1rig.h"
#include "support/polldrive.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

typedef struct client {
    int fd;
    cstar_buf got; /* with a NUL behind it */
    bool ended, reset;
} client;

/* The rig lends its handler and its pool; its own machine is not used. */
typedef struct world {
    failalloc memory;
    h1rig rig;
    polldrive drive;
} world;

static void world_init(world *w) {
    failalloc_init(&w->memory, 0);
    h1rig_init(&w->rig, &w->memory.alloc);
    assert_true(polldrive_open(&w->drive, &w->rig.env, 32));
}

static void world_fini(world *w) {
    polldrive_close(&w->drive);
    h1rig_fini(&w->rig);
    assert_int_equal(w->drive.accepted, w->drive.closed);
    assert_int_equal(w->memory.live_blocks, 0);
}

static void client_open(world *w, client *c) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(w->drive.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *c = (client){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    assert_true(c->fd >= 0);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
    cstar_buf_init(&c->got, cstar_heap(), 64u << 20);
    cstar_buf_byte(&c->got, '\0');
}

static void client_close(client *c) {
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    cstar_buf_fini(&c->got);
}

/* Sends what fits; returns how much. */
static size_t client_send(client *c, const char *text, size_t len) {
    ssize_t n = send(c->fd, text, len, MSG_NOSIGNAL);
    return n > 0 ? (size_t)n : 0;
}

static void say(client *c, const char *text) {
    assert_int_equal(client_send(c, text, strlen(text)), strlen(text));
}

static void client_read(client *c) {
    char piece[65536];
    ssize_t n;
    while (!c->ended && (n = recv(c->fd, piece, sizeof piece, 0)) != -1) {
        c->ended = n == 0;
        c->got.len--;
        cstar_buf_add(&c->got, piece, (size_t)n);
        cstar_buf_byte(&c->got, '\0');
        errno = 0;
    }
    c->reset = c->reset || errno == ECONNRESET;
    c->ended = c->ended || c->reset;
}

static void steps(world *w, int n) {
    for (int i = 0; i < n; i++) {
        polldrive_step(&w->drive, 5);
    }
}

/* Steps until the client has read `text`, or its end. */
static void await(world *w, client *c, const char *text) {
    for (int i = 0; i < 2000 && !c->ended && strstr(c->got.ptr, text) == NULL; i++) {
        polldrive_step(&w->drive, 5);
        client_read(c);
    }
    assert_non_null(strstr(c->got.ptr, text));
}

static void await_end(world *w, client *c) {
    for (int i = 0; i < 2000 && !c->ended; i++) {
        polldrive_step(&w->drive, 5);
        client_read(c);
    }
    assert_true(c->ended);
}

static size_t count(const char *text, const char *what) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what)) {
        n++;
    }
    return n;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void test_keep_alive(void **state) {
    (void)state;
    world w;
    client c;
    world_init(&w);
    client_open(&w, &c);
    say(&c, GET("/one"));
    await(&w, &c, "hello");
    say(&c, "POST /two HTTP/1.1\r\nHost: a\r\nContent-Le");
    steps(&w, 2);
    say(&c, "ngth: 5\r\n\r\nhe");
    steps(&w, 2);
    say(&c, "llo" GET("/stream"));
    await(&w, &c, "0\r\n\r\n");
    assert_int_equal(w.drive.accepted, 1);
    assert_int_equal(w.rig.closes, 3);
    cstar_buf_byte(&w.rig.log, '\0');
    assert_non_null(strstr(w.rig.log.ptr, "body \"hello\""));
    say(&c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await_end(&w, &c);
    assert_false(c.reset);
    client_close(&c);
    world_fini(&w);
}

static void test_many_clients(void **state) {
    (void)state;
    world w;
    client c[20];
    world_init(&w);
    for (size_t i = 0; i < 20; i++) {
        client_open(&w, &c[i]);
    }
    for (size_t round = 0; round < 10; round++) {
        for (size_t i = 0; i < 20; i++) {
            c[i].got.len = 0;
            cstar_buf_byte(&c[i].got, '\0');
            say(&c[i], i % 2 != 0 ? GET("/") : GET("/stream"));
        }
        for (size_t i = 0; i < 20; i++) {
            await(&w, &c[i], i % 2 != 0 ? "hello" : "two\r\n0\r\n\r\n");
        }
    }
    assert_int_equal(w.rig.closes, 200);
    for (size_t i = 0; i < 20; i++) {
        client_close(&c[i]);
    }
    world_fini(&w);
}

static void test_pipeline_with_later(void **state) {
    (void)state;
    world w;
    client c;
    world_init(&w);
    client_open(&w, &c);
    say(&c, GET("/") GET("/later") GET("/") GET("/stream"));
    await(&w, &c, "hello");
    steps(&w, 3);
    client_read(&c);
    assert_int_equal(count(c.got.ptr, "HTTP/1.1 200"), 1);
    assert_non_null(w.rig.waiting);
    assert_int_equal(cstar__respond(w.rig.waiting, 201, NULL, 0, CSTAR_STR("late")), CSTAR_OK);
    await(&w, &c, "two\r\n0\r\n\r\n");
    assert_int_equal(count(c.got.ptr, "HTTP/1.1 200"), 3);
    assert_true(strstr(c.got.ptr, "201") < strstr(c.got.ptr, "chunked"));
    client_close(&c);
    world_fini(&w);
}

/* 50 answers of 64 KiB for a client that does not read, then reads: all of them come, and
 * memory stays bounded. */
static void test_slow_reader(void **state) {
    (void)state;
    world w;
    client c;
    world_init(&w);
    w.drive.out_limit = 256 * 1024;
    client_open(&w, &c);
    for (size_t i = 0; i < 50; i++) {
        say(&c, GET("/huge"));
    }
    size_t most = 0;
    for (int i = 0; i < 200; i++) {
        polldrive_step(&w.drive, 1);
        most = w.memory.live_bytes > most ? w.memory.live_bytes : most;
    }
    assert_true(most < 512 * 1024);
    for (int i = 0; i < 5000 && w.rig.closes < 50; i++) {
        polldrive_step(&w.drive, 1);
        client_read(&c);
    }
    say(&c, GET("/"));
    await(&w, &c, "hello");
    assert_int_equal(count(c.got.ptr, "HTTP/1.1 200"), 51);
    assert_int_equal(w.rig.refusals, 0);
    client_close(&c);
    world_fini(&w);
}

/* The error answer to an upload that is still being sent arrives: no reset destroys it. */
static void test_refused_upload(void **state) {
    (void)state;
    world w;
    client c;
    static const char piece[64 * 1024];
    world_init(&w);
    client_open(&w, &c);
    say(&c, "POST /limit HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
    size_t sent = 0;
    for (int i = 0; i < 300 && sent < 4000000; i++) {
        sent += client_send(&c, piece, sizeof piece);
        polldrive_step(&w.drive, 1);
    }
    await(&w, &c, "HTTP/1.1 413 Content Too Large");
    await_end(&w, &c);
    assert_false(c.reset);
    client_close(&c);
    steps(&w, 3);
    world_fini(&w);
}

static void test_client_leaves(void **state) {
    (void)state;
    static const char *const moments[] = {
        "",
        "GET / HT",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
        GET("/later"),
        GET("/open"),
        GET("/")};
    world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        client c;
        client_open(&w, &c);
        if (moments[i][0] != '\0') {
            say(&c, moments[i]);
        }
        steps(&w, 4);
        client_close(&c);
        steps(&w, 4);
    }
    polldrive_timeout(
        &w.drive); /* /later and /open see a half-closed connection, and wait for the clock */
    steps(&w, 4);
    assert_int_equal(w.rig.heads, 4);
    assert_int_equal(w.rig.closes, 4);
    world_fini(&w);
}

static void test_half_close(void **state) {
    (void)state;
    world w;
    client c;
    world_init(&w);
    client_open(&w, &c);
    say(&c, GET("/") GET("/later"));
    steps(&w, 3);
    assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
    steps(&w, 3);
    assert_non_null(w.rig.waiting);
    assert_int_equal(cstar__respond(w.rig.waiting, 200, NULL, 0, CSTAR_STR("late")), CSTAR_OK);
    await(&w, &c, "late");
    await_end(&w, &c);
    assert_false(c.reset);
    client_close(&c);
    world_fini(&w);
}

static void test_timeouts(void **state) {
    (void)state;
    world w;
    client half;
    client idle;
    world_init(&w);
    client_open(&w, &half);
    client_open(&w, &idle);
    say(&half, "GET / HTTP/1.1\r\n");
    say(&idle, GET("/"));
    await(&w, &idle, "hello");
    steps(&w, 3);
    polldrive_timeout(&w.drive);
    await(&w, &half, "408 Request Timeout");
    await_end(&w, &half);
    await_end(&w, &idle);
    assert_int_equal(count(idle.got.ptr, "HTTP/1.1"), 1);
    client_close(&half);
    client_close(&idle);
    world_fini(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep_alive),          cmocka_unit_test(test_many_clients),
        cmocka_unit_test(test_pipeline_with_later), cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_refused_upload),      cmocka_unit_test(test_client_leaves),
        cmocka_unit_test(test_half_close),          cmocka_unit_test(test_timeouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
