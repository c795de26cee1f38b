/* test_stop_threads.c -- a stop, step by step, and one that comes while everything moves.
 * ctest: timeout=120
 * SPDX-License-Identifier: MIT */
#include "support/netrig.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static bool is_refused(const netrig *r) {
    int fd = netrig_socket();
    char byte = 0;
    /* What the kernel had accepted before the listener was closed is reset. */
    bool refused = !netrig_connect(r, fd) || recv(fd, &byte, 1, 0) < 0;
    close(fd);
    return refused;
}

/* A stop by signal, a long time of accepting on, and a second signal that ends it. */
static void not_ready_then_closed_then_cut(void **state) {
    (void)state;
    netrig r;
    netrig_start(&r, (cstar__server_opts){.lame_ms = 600000, .signals = true, .workers = 2});
    assert_false(cstar__server_draining(r.server));
    int kept = netrig_dial(&r, 0);
    assert_true(netrig_ask(kept, "/kept"));
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    NETRIG_AWAIT(cstar__server_draining(r.server));
    for (int i = 0; i < 8; i++) { /* still accepting, and keeping alive */
        int fd = netrig_dial(&r, 0);
        assert_true(netrig_ask(fd, "/new") && netrig_ask(fd, "/again"));
        close(fd);
    }
    assert_true(netrig_ask(kept, "/kept"));
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_true(netrig_hear_end(kept));
    close(kept);
    netrig_finish(&r);
}

static void the_lame_time_ends_by_itself(void **state) {
    (void)state;
    netrig r;
    netrig_start(&r, (cstar__server_opts){.lame_ms = 20, .workers = 2});
    int idle = netrig_dial(&r, 0);
    assert_true(netrig_ask(idle, "/idle"));
    int busy = netrig_dial(&r, 0);
    netrig_say(busy, "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
    NETRIG_AWAIT(__atomic_load_n(&r.heads, __ATOMIC_SEQ_CST) == 2);
    cstar__server_stop(r.server);
    cstar__server_stop(r.server); /* the same once more does not cut */
    assert_true(cstar__server_draining(r.server));
    assert_true(netrig_hear_end(idle)); /* drained: then nobody listens */
    NETRIG_AWAIT(is_refused(&r));
    netrig_say(busy, "cd");
    assert_true(netrig_hear(busy, "Connection: close"));
    assert_true(netrig_hear_end(busy));
    close(idle);
    close(busy);
    netrig_finish(&r);
    assert_int_equal(r.broken, 0);
    assert_int_equal(r.lines, 0);
}

static void the_deadline_cuts_and_counts(void **state) {
    (void)state;
    netrig r;
    netrig_start(&r, (cstar__server_opts){.drain_ms = 50});
    int fd[3];
    for (unsigned i = 0; i < 3; i++) {
        fd[i] = netrig_dial(&r, 0);
        netrig_say(fd[i], "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
        NETRIG_AWAIT(__atomic_load_n(&r.heads, __ATOMIC_SEQ_CST) == i + 1);
    }
    cstar__server_stop(r.server);
    for (int i = 0; i < 3; i++) {
        assert_true(netrig_hear_end(fd[i]));
        close(fd[i]);
    }
    netrig_finish(&r);
    assert_int_equal(r.broken, 3);
    assert_int_equal(r.lines, 1);
    assert_non_null(strstr(r.last_line, "3 connections did not finish in time"));
}

/* ---- under load ---- */

enum { CLIENTS = 8 };

typedef struct client {
    netrig *rig;
    unsigned port;
    unsigned seed;
    unsigned *answered; /* atomic */
} client;

/* Connects, asks or not, leaves politely or not, until nobody listens. */
static void *hammer(void *arg) {
    client *c = arg;
    char buf[512];
    const char ask[] = "GET /hammer HTTP/1.1\r\nHost: x\r\n\r\n";
    for (unsigned i = c->seed;; i = i * 1103515245U + 12345U) {
        int fd = netrig_socket();
        if (!netrig_connect(c->rig, fd)) {
            close(fd);
            return NULL;
        }
        if ((i >> 16) % 4 != 0 && send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL) > 0 &&
            recv(fd, buf, sizeof buf, 0) > 0) {
            (void)__atomic_add_fetch(c->answered, 1, __ATOMIC_RELAXED);
        }
        if ((i >> 18) % 2 != 0) {
            struct linger hard = {.l_onoff = 1};
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        }
        close(fd);
    }
}

/* With fewer places than clients, so that some are evicted, held, and passed between workers. */
static void a_stop_while_connections_come_and_go(void **state) {
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        netrig r;
        pthread_t threads[CLIENTS];
        client clients[CLIENTS];
        unsigned answered = 0;
        netrig_start(&r, (cstar__server_opts){.workers = 4,
                                              .max_connections = round % 2 == 0 ? 3 : 0,
                                              .max_per_address = round < 2 ? 0 : 100,
                                              .lame_ms = round % 2 == 0 ? 0 : 10,
                                              .drain_ms = 3000});
        for (unsigned i = 0; i < CLIENTS; i++) {
            clients[i] = (client){.rig = &r, .seed = i + round * 100, .answered = &answered};
            assert_int_equal(pthread_create(&threads[i], NULL, hammer, &clients[i]), 0);
        }
        NETRIG_AWAIT(__atomic_load_n(&answered, __ATOMIC_RELAXED) > 300);
        cstar__stats before = netrig_stats(&r); /* while they are written */
        assert_true(before.accepted > 0);
        cstar__server_stop(r.server);
        for (unsigned i = 0; i < CLIENTS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        }
        assert_int_equal(pthread_join(r.thread, NULL), 0);
        cstar__stats after = netrig_stats(&r);
        assert_true(after.accepted >= before.accepted);
        assert_int_equal(after.refused_address, 0);
        assert_int_equal(after.accept_failures, 0);
        cstar__server_free(r.server);
        assert_int_equal(r.heads, r.closes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_ready_then_closed_then_cut),
        cmocka_unit_test(the_lame_time_ends_by_itself),
        cmocka_unit_test(the_deadline_cuts_and_counts),
        cmocka_unit_test(a_stop_while_connections_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
