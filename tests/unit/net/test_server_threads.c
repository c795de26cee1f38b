/* test_server_threads.c -- a real server and real sockets: answers, disconnects, timeouts,
 * stopping.
 *
 * The handler is the test's own, so that it can leave a request unanswered and see the client go.
 * SPDX-License-Identifier: MIT */
#include "net/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the handler: "/later" is never answered, "/big" is 8 MiB, anything else is its path ---- */

typedef struct counts {
    unsigned heads, closes, broken;
} counts;

static void count(unsigned *n) { __atomic_add_fetch(n, 1, __ATOMIC_SEQ_CST); }
static unsigned get(unsigned *n) { return __atomic_load_n(n, __ATOMIC_SEQ_CST); }

static void on_head(void *ctx, cstar__exchange *x) {
    counts *c = ctx;
    count(&c->heads);
    x->max_body = 100;
}

static void on_body(void *ctx, cstar__exchange *x, const char *ptr, size_t len) {
    (void)ctx;
    (void)x;
    (void)ptr;
    (void)len;
}

static void on_end(void *ctx, cstar__exchange *x) {
    (void)ctx;
    if (cstar_str_eq(x->request.path, CSTAR_STR("/later"))) {
        x->later = true;
        return;
    }
    if (cstar_str_eq(x->request.path, CSTAR_STR("/big"))) {
        size_t n = (size_t)8 << 20;
        char *big = malloc(n);
        assert_non_null(big);
        memset(big, 'b', n);
        assert_int_equal(cstar__respond(x, 200, NULL, 0, cstar_view(big, n)), CSTAR_OK);
        free(big);
        return;
    }
    assert_int_equal(cstar__respond(x, 200, NULL, 0, x->request.path), CSTAR_OK);
}

static void on_close(void *ctx, cstar__exchange *x) {
    counts *c = ctx;
    count(&c->closes);
    if (x->broken) {
        count(&c->broken);
    }
}

/* ---- a server on a thread ---- */

typedef struct rig {
    counts seen;
    cstar__handler handler;
    cstar__server *server;
    pthread_t thread;
    cstar_status result;
} rig;

static void *run(void *arg) {
    rig *r = arg;
    r->result = cstar__server_run(r->server);
    return NULL;
}

static void start(rig *r, cstar__server_opts opts) {
    cstar_err err = {0};
    memset(r, 0, sizeof *r);
    r->handler = (cstar__handler){.ctx = &r->seen,
                                  .on_head = on_head,
                                  .on_body = on_body,
                                  .on_end = on_end,
                                  .on_close = on_close};
    opts.listen = "127.0.0.1:0";
    opts.handler = &r->handler;
    r->server = cstar__server_new(&opts, &err);
    assert_non_null(r->server);
    assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
}

static void finish(rig *r) {
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    assert_int_equal(r->result, CSTAR_OK);
    cstar__server_free(r->server);
    assert_int_equal(r->seen.heads, r->seen.closes); /* on_close exactly once for every on_head */
}

static void stop(rig *r) {
    cstar__server_stop(r->server);
    finish(r);
}

static int dial(const rig *r) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)cstar__server_port(r->server))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct timeval limit = {.tv_sec = 20};
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Reads until the text has come; 0 when the peer has closed first. */
static int hear(int fd, const char *text) {
    char seen[4096];
    size_t n = 0;
    while (n + 1 < sizeof seen) {
        ssize_t got = recv(fd, seen + n, sizeof seen - 1 - n, 0);
        if (got <= 0) {
            return 0;
        }
        n += (size_t)got;
        seen[n] = '\0';
        if (strstr(seen, text) != NULL) {
            return 1;
        }
    }
    return 0;
}

static int hear_end(int fd) {
    char byte[256];
    ssize_t got = 0;
    while ((got = recv(fd, byte, sizeof byte, 0)) > 0) {
    }
    return got == 0 || errno == ECONNRESET;
}

/* Waits for a count, with a deadline that only a failure meets. */
static void await(unsigned *n, unsigned wanted) {
    for (int i = 0; i < 20000 && get(n) < wanted; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_int_equal(get(n), wanted);
}

/* ---- tests ---- */

static void answers_on_every_worker(void **state) {
    (void)state;
    rig r;
    start(&r, (cstar__server_opts){.workers = 3});
    for (int i = 0; i < 60; i++) {
        int fd = dial(&r);
        say(fd, "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(hear(fd, "/b"), 1);
        close(fd);
    }
    stop(&r);
    assert_int_equal(r.seen.heads, 120);
}

static void a_client_that_goes_is_noticed_when_its_socket_closes(void **state) {
    (void)state;
    rig r;
    start(&r, (cstar__server_opts){0});
    int fd = dial(&r);
    say(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    await(&r.seen.heads, 1);
    assert_int_equal(get(&r.seen.broken), 0);
    close(fd);
    await(&r.seen.broken, 1);
    fd = dial(&r); /* by a reset */
    say(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    await(&r.seen.heads, 2);
    struct linger hard = {.l_onoff = 1};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    close(fd);
    await(&r.seen.broken, 2);
    stop(&r);
}

static void slow_heads_get_408_and_idle_ones_are_closed(void **state) {
    (void)state;
    rig r;
    start(&r, (cstar__server_opts){.header_ms = 50, .idle_ms = 50, .body_ms = 50});
    int head = dial(&r);
    int body = dial(&r);
    int idle = dial(&r);
    int mute = dial(&r);
    say(head, "GET /a HTTP/1.1\r\nHo");
    say(body, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    say(idle, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(hear(idle, "/a"), 1);
    assert_int_equal(hear(head, "408"), 1);
    assert_int_equal(hear(body, "408"), 1);
    assert_true(hear_end(head));
    assert_true(hear_end(idle));
    assert_true(hear_end(mute));
    close(head);
    close(body);
    close(idle);
    close(mute);
    stop(&r);
}

static void a_reader_that_stalls_is_cut_and_delays_nobody(void **state) {
    (void)state;
    rig r;
    start(&r, (cstar__server_opts){.write_ms = 300});
    int fd = dial(&r);
    say(fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    await(&r.seen.heads, 1);
    int other = dial(&r);
    say(other, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(hear(other, "/a"), 1);
    /* two sweeps of the clock */
    nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 500000000}, NULL);
    size_t n = 0;
    char chunk[65536];
    ssize_t got = 0;
    while ((got = recv(fd, chunk, sizeof chunk, 0)) > 0) {
        n += (size_t)got;
    }
    assert_true(n < (size_t)8 << 20); /* cut before its end */
    close(fd);
    close(other);
    stop(&r);
}

static void a_big_answer_arrives_whole(void **state) {
    (void)state;
    rig r;
    start(&r, (cstar__server_opts){0});
    int fd = dial(&r);
    say(fd, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    size_t n = 0;
    char chunk[65536];
    ssize_t got = 0;
    while ((got = recv(fd, chunk, sizeof chunk, 0)) > 0) {
        n += (size_t)got;
    }
    assert_true(n > (size_t)8 << 20);
    assert_true(n < ((size_t)8 << 20) + 500);
    close(fd);
    stop(&r);
}

static void stopping_finishes_what_runs(void **state) {
    (void)state;
    rig r;
    start(&r, (cstar__server_opts){.workers = 2});
    int idle = dial(&r);
    say(idle, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(hear(idle, "/a"), 1);
    int busy = dial(&r);
    say(busy, "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
    await(&r.seen.heads, 2);
    cstar__server_stop(r.server);
    assert_true(hear_end(idle));
    say(busy, "cd");
    assert_int_equal(hear(busy, "/b"), 1);
    assert_true(hear_end(busy));
    close(idle);
    close(busy);
    finish(&r);
}

static void what_does_not_finish_is_cut(void **state) {
    (void)state;
    rig r;
    start(&r, (cstar__server_opts){.drain_ms = 50});
    int fd = dial(&r);
    say(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    await(&r.seen.heads, 1);
    stop(&r);
    assert_int_equal(r.seen.broken, 1);
    assert_true(hear_end(fd));
    close(fd);
}

static void stopping_before_running_and_freeing_unrun(void **state) {
    (void)state;
    cstar__handler handler = {0};
    cstar__server_opts opts = {.listen = "127.0.0.1:0", .handler = &handler};
    cstar__server *s = cstar__server_new(&opts, NULL);
    assert_non_null(s);
    cstar__server_free(s);
    s = cstar__server_new(&opts, NULL);
    assert_non_null(s);
    cstar__server_stop(s);
    assert_int_equal(cstar__server_run(s), CSTAR_OK);
    cstar__server_free(s);
    cstar__server_free(NULL);
}

static void sigpipe_does_not_kill(void **state) {
    (void)state;
    rig r;
    start(&r, (cstar__server_opts){0});
    for (int i = 0; i < 50; i++) {
        int fd = dial(&r);
        say(fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\nGET /big HTTP/1.1\r\nHost: x\r\n\r\n");
        struct linger hard = {.l_onoff = 1};
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
        close(fd);
    }
    int fd = dial(&r);
    say(fd, "GET /alive HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(hear(fd, "/alive"), 1);
    close(fd);
    stop(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_on_every_worker),
        cmocka_unit_test(a_client_that_goes_is_noticed_when_its_socket_closes),
        cmocka_unit_test(slow_heads_get_408_and_idle_ones_are_closed),
        cmocka_unit_test(a_reader_that_stalls_is_cut_and_delays_nobody),
        cmocka_unit_test(a_big_answer_arrives_whole),
        cmocka_unit_test(stopping_finishes_what_runs),
        cmocka_unit_test(what_does_not_finish_is_cut),
        cmocka_unit_test(stopping_before_running_and_freeing_unrun),
        cmocka_unit_test(sigpipe_does_not_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
