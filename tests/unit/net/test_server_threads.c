/* test_server_threads.c -- a real server and real sockets: answers, disconnects, timeouts,
 * stopping.
 *
 * The handler is the rig's: it leaves a request unanswered and sees the client go.
 * SPDX-License-Identifier: MIT */
#include "support/netrig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned get(const unsigned *n) { return __atomic_load_n(n, __ATOMIC_SEQ_CST); }

static void await(const unsigned *n, unsigned wanted) {
    NETRIG_AWAIT(get(n) >= wanted);
    assert_int_equal(get(n), wanted);
}

/* ---- tests ---- */

static void answers_on_every_worker(void **state) {
    (void)state;
    netrig r;
    netrig_start(&r, (cstar__server_opts){.workers = 3});
    for (int i = 0; i < 60; i++) {
        int fd = netrig_dial(&r, 0);
        netrig_say(fd, "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_true(netrig_hear(fd, "/b"));
        close(fd);
    }
    netrig_stop(&r);
    assert_int_equal(r.heads, 120);
}

static void a_client_that_goes_is_noticed_when_its_socket_closes(void **state) {
    (void)state;
    netrig r;
    netrig_start(&r, (cstar__server_opts){0});
    int fd = netrig_dial(&r, 0);
    netrig_say(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    await(&r.heads, 1);
    assert_int_equal(get(&r.broken), 0);
    close(fd);
    await(&r.broken, 1);
    fd = netrig_dial(&r, 0); /* by a reset */
    netrig_say(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    await(&r.heads, 2);
    struct linger hard = {.l_onoff = 1};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    close(fd);
    await(&r.broken, 2);
    netrig_stop(&r);
}

static void slow_heads_get_408_and_idle_ones_are_closed(void **state) {
    (void)state;
    netrig r;
    netrig_start(&r, (cstar__server_opts){.header_ms = 50, .idle_ms = 50, .body_ms = 50});
    int head = netrig_dial(&r, 0);
    int body = netrig_dial(&r, 0);
    int idle = netrig_dial(&r, 0);
    int mute = netrig_dial(&r, 0);
    netrig_say(head, "GET /a HTTP/1.1\r\nHo");
    netrig_say(body, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    netrig_say(idle, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(netrig_hear(idle, "/a"));
    assert_true(netrig_hear(head, "408"));
    assert_true(netrig_hear(body, "408"));
    assert_true(netrig_hear_end(head));
    assert_true(netrig_hear_end(idle));
    assert_true(netrig_hear_end(mute));
    close(head);
    close(body);
    close(idle);
    close(mute);
    netrig_stop(&r);
}

static void a_reader_that_stalls_is_cut_and_delays_nobody(void **state) {
    (void)state;
    netrig r;
    netrig_start(&r, (cstar__server_opts){.write_ms = 300});
    int fd = netrig_dial(&r, 0);
    netrig_say(fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    await(&r.heads, 1);
    int other = netrig_dial(&r, 0);
    netrig_say(other, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(netrig_hear(other, "/a"));
    /* two sweeps of the clock */
    nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 500000000}, NULL);
    size_t n = 0;
    char chunk[65536];
    ssize_t got = 0;
    while ((got = recv(fd, chunk, sizeof chunk, 0)) > 0) {
        n += (size_t)got;
    }
    assert_true(n < (size_t)NETRIG_BIG); /* cut before its end */
    close(fd);
    close(other);
    netrig_stop(&r);
}

static void a_big_answer_arrives_whole(void **state) {
    (void)state;
    netrig r;
    netrig_start(&r, (cstar__server_opts){0});
    int fd = netrig_dial(&r, 0);
    netrig_say(fd, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    size_t n = 0;
    char chunk[65536];
    ssize_t got = 0;
    while ((got = recv(fd, chunk, sizeof chunk, 0)) > 0) {
        n += (size_t)got;
    }
    assert_true(n > (size_t)NETRIG_BIG);
    assert_true(n < (size_t)NETRIG_BIG + 500);
    close(fd);
    netrig_stop(&r);
}

static void stopping_finishes_what_runs(void **state) {
    (void)state;
    netrig r;
    netrig_start(&r, (cstar__server_opts){.workers = 2});
    int idle = netrig_dial(&r, 0);
    netrig_say(idle, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(netrig_hear(idle, "/a"));
    int busy = netrig_dial(&r, 0);
    netrig_say(busy, "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
    await(&r.heads, 2);
    cstar__server_stop(r.server);
    assert_true(netrig_hear_end(idle));
    netrig_say(busy, "cd");
    assert_true(netrig_hear(busy, "/b"));
    assert_true(netrig_hear_end(busy));
    close(idle);
    close(busy);
    netrig_finish(&r);
}

static void what_does_not_finish_is_cut(void **state) {
    (void)state;
    netrig r;
    netrig_start(&r, (cstar__server_opts){.drain_ms = 50});
    int fd = netrig_dial(&r, 0);
    netrig_say(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    await(&r.heads, 1);
    netrig_stop(&r);
    assert_int_equal(r.broken, 1);
    assert_true(netrig_hear_end(fd));
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
    netrig r;
    netrig_start(&r, (cstar__server_opts){0});
    for (int i = 0; i < 50; i++) {
        int fd = netrig_dial(&r, 0);
        netrig_say(fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\nGET /big HTTP/1.1\r\nHost: x\r\n\r\n");
        struct linger hard = {.l_onoff = 1};
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
        close(fd);
    }
    int fd = netrig_dial(&r, 0);
    netrig_say(fd, "GET /alive HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(netrig_hear(fd, "/alive"));
    close(fd);
    netrig_stop(&r);
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
