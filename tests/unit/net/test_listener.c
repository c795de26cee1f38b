/* test_listener.c -- the door: several addresses, limits on connections, descriptors that run out.
 * SPDX-License-Identifier: MIT */
#include "net/listener.h"
#include "support/failalloc.h"
#include "support/netrig.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- addresses ---- */

static void several_addresses_each_with_its_own_marks(void **state) {
    (void)state;
    netrig r;
    const cstar__listen list[] = {{.address = "127.0.0.1:0"},
                                  {.address = "127.0.0.1:0", .redirect = true},
                                  {.address = "unix:@cstar-test-listener"}};
    netrig_start(&r, (cstar__server_opts){.listeners = list, .nlisteners = 3, .workers = 3});
    cstar__listening l;
    assert_true(cstar__server_listening(r.server, 1, &l));
    assert_true(l.redirect && l.port != 0 && l.port != cstar__server_port(r.server));
    assert_false(cstar__server_listening(r.server, 3, &l));
    static const char *const wanted[] = {"local=0 secure=0 redirect=0",
                                         "local=0 secure=0 redirect=1",
                                         "local=1 secure=0 redirect=0"};
    for (size_t i = 0; i < 3; i++) {
        for (int n = 0; n < 8; n++) {
            int fd = netrig_dial(&r, i);
            netrig_say(fd, "GET /peer HTTP/1.1\r\nHost: x\r\n\r\n");
            assert_true(netrig_hear(fd, wanted[i]));
            close(fd);
        }
    }
    assert_int_equal(netrig_stats(&r).accepted, 24);
    assert_int_equal(cstar__server_workers(r.server), 3);
    netrig_stop(&r);
}

static void bad_addresses_are_refused(void **state) {
    (void)state;
    cstar__handler handler = {0};
    static const struct {
        const char *address, *says;
        bool tls;
    } cases[] = {
        {"127.0.0.1:x", "host:port", false},
        {"fd:1023", "no stream socket", false},
        {"fd:0", "no stream socket", false},
        {"systemd", "systemd has passed no socket", false},
        {"systemd:web", "named web", false},
        {"unix:/no/such/folder/x.sock", "/no/such/folder", false},
        {"127.0.0.1:0", "no certificate", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar_err err = {0};
        cstar__listen list[] = {{.address = "127.0.0.1:0"},
                                {.address = cases[i].address, .tls = cases[i].tls}};
        cstar__server_opts opts = {.listeners = list, .nlisteners = 2, .handler = &handler};
        assert_null(cstar__server_new(&opts, &err));
        assert_int_not_equal(err.code, CSTAR_OK);
        if (strstr(err.text, cases[i].says) == NULL) {
            print_error("%s: %s\n", cases[i].address, err.text);
        }
        assert_non_null(strstr(err.text, cases[i].says));
    }
    cstar__listen many[CSTAR__MAX_LISTENERS + 1];
    for (size_t i = 0; i <= CSTAR__MAX_LISTENERS; i++) {
        many[i] = (cstar__listen){.address = "127.0.0.1:0"};
    }
    cstar_err err = {0};
    cstar__server_opts opts = {
        .listeners = many, .nlisteners = CSTAR__MAX_LISTENERS + 1, .handler = &handler};
    assert_null(cstar__server_new(&opts, &err));
    assert_int_equal(err.code, CSTAR_ELIMIT);
}

/* A socket that somebody else has bound: ours from then on, closed in the end. */
static void an_inherited_socket(void **state) {
    (void)state;
    netrig r;
    char address[16];
    int s = netrig_socket();
    (void)snprintf(address, sizeof address, "fd:%d", s);
    cstar__handler handler = {0};
    cstar_err err = {0};
    cstar__server_opts bad = {.listen = address, .handler = &handler};
    assert_null(cstar__server_new(&bad, &err));
    assert_non_null(strstr(err.text, "does not listen"));
    assert_int_equal(listen(s, 8), 0);
    netrig_start(&r, (cstar__server_opts){.listen = address, .workers = 2});
    assert_string_equal(cstar__server_host(r.server), "0.0.0.0");
    assert_true(cstar__server_port(r.server) != 0);
    assert_true((fcntl(s, F_GETFD) & FD_CLOEXEC) != 0);
    for (int i = 0; i < 8; i++) {
        int fd = netrig_dial(&r, 0);
        assert_true(netrig_ask(fd, "/inherited"));
        close(fd);
    }
    netrig_stop(&r);
    assert_int_equal(fcntl(s, F_GETFD), -1);
}

/* ---- all connections ---- */

static void at_the_limit_the_longest_idle_one_goes(void **state) {
    (void)state;
    netrig r;
    netrig_start(&r, (cstar__server_opts){.max_connections = 2});
    int a = netrig_dial(&r, 0);
    assert_true(netrig_ask(a, "/a"));
    int b = netrig_dial(&r, 0);
    assert_true(netrig_ask(b, "/b"));
    int c = netrig_dial(&r, 0);
    assert_true(netrig_ask(c, "/c"));
    assert_true(netrig_hear_end(a));
    assert_true(netrig_ask(b, "/b2"));
    assert_int_equal(netrig_stats(&r).evicted_idle, 1);
    assert_int_equal(netrig_stats(&r).refused_full, 0);
    assert_int_equal(cstar__server_max_connections(r.server), 2);
    close(a);
    close(b);
    close(c);
    netrig_stop(&r);
}

/* The kernel chooses the worker, so each newcomer finds the idle one at any of them. */
static void an_idle_one_of_another_worker_goes_too(void **state) {
    (void)state;
    netrig r;
    netrig_start(&r, (cstar__server_opts){.max_connections = 1, .workers = 4});
    int last = -1;
    for (int i = 0; i < 40; i++) {
        int fd = netrig_dial(&r, 0);
        assert_true(netrig_ask(fd, "/served"));
        if (last >= 0) {
            assert_true(netrig_hear_end(last));
            close(last);
        }
        last = fd;
    }
    cstar__stats s = netrig_stats(&r);
    assert_int_equal(s.accepted, 40);
    assert_int_equal(s.evicted_idle, 39);
    assert_true(s.refused_full > 0);
    close(last);
    netrig_stop(&r);
}

static void new_ones_wait(unsigned workers) {
    netrig r;
    netrig_start(&r, (cstar__server_opts){.max_connections = 2, .workers = workers});
    int busy[2];
    for (unsigned i = 0; i < 2; i++) {
        busy[i] = netrig_dial(&r, 0);
        netrig_say(busy[i], "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
        NETRIG_AWAIT(__atomic_load_n(&r.heads, __ATOMIC_SEQ_CST) == i + 1);
    }
    int waiting[20];
    for (int i = 0; i < 20; i++) {
        waiting[i] = netrig_dial(&r, 0); /* by the kernel */
        netrig_say(waiting[i], "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    NETRIG_AWAIT(netrig_stats(&r).refused_full != 0);
    assert_int_equal(netrig_stats(&r).accepted, 2);
    assert_int_equal(__atomic_load_n(&r.heads, __ATOMIC_SEQ_CST), 2);
    close(busy[0]);
    for (int i = 0; i < 20; i++) {
        assert_true(netrig_hear(waiting[i], "/wait"));
        close(waiting[i]);
    }
    assert_int_equal(netrig_stats(&r).accepted, 22);
    close(busy[1]);
    netrig_stop(&r);
    assert_true(r.lines >= 1);
    assert_non_null(strstr(r.last_line, "all 2 connections"));
}

static void with_none_idle_new_ones_wait_and_none_is_dropped(void **state) {
    (void)state;
    new_ones_wait(1);
    new_ones_wait(4);
}

/* One is held at the door when the stop comes. */
static void a_stop_while_full(void **state) {
    (void)state;
    netrig r;
    netrig_start(&r, (cstar__server_opts){.max_connections = 1, .max_per_address = 5});
    int busy = netrig_dial(&r, 0);
    netrig_say(busy, "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
    NETRIG_AWAIT(__atomic_load_n(&r.heads, __ATOMIC_SEQ_CST) == 1);
    int held = netrig_dial(&r, 0);
    NETRIG_AWAIT(netrig_stats(&r).refused_full == 1);
    cstar__server_stop(r.server);
    assert_true(netrig_hear_end(held));
    netrig_say(busy, "cd");
    assert_true(netrig_hear(busy, "/b"));
    close(busy);
    close(held);
    netrig_finish(&r);
}

/* ---- of one address ---- */

/* A reset may come so early that connect() already reports it. */
static bool is_reset(const netrig *r) {
    int fd = netrig_socket();
    char byte = 0;
    bool reset = !netrig_connect(r, fd) || recv(fd, &byte, 1, 0) < 0;
    reset = reset && errno == ECONNRESET;
    close(fd);
    return reset;
}

static bool is_served(const netrig *r) {
    const char text[] = "GET /again HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = netrig_socket();
    bool served = netrig_connect(r, fd) && send(fd, text, sizeof text - 1, MSG_NOSIGNAL) > 0 &&
                  netrig_hear(fd, "/again");
    close(fd);
    return served;
}

static void one_address_can_have_so_many(void **state) {
    (void)state;
    netrig r;
    netrig_start(&r, (cstar__server_opts){.max_per_address = 2, .workers = 2});
    int a = netrig_dial(&r, 0);
    int b = netrig_dial(&r, 0);
    assert_true(netrig_ask(a, "/a") && netrig_ask(b, "/b"));
    enum { MORE = 30 };
    for (int i = 0; i < MORE; i++) {
        assert_true(is_reset(&r));
    }
    assert_int_equal(netrig_stats(&r).refused_address, MORE);
    assert_int_equal(netrig_stats(&r).evicted_idle, 0);
    unsigned lines = __atomic_load_n(&r.lines, __ATOMIC_SEQ_CST);
    assert_true(lines >= 1 && lines < MORE);
    assert_true(netrig_ask(a, "/a"));
    close(a);
    NETRIG_AWAIT(is_served(&r)); /* as soon as the server has seen it go */
    close(b);
    netrig_stop(&r);
    assert_non_null(strstr(r.last_line, "more than 2 connections"));
}

/* At the limit of all, a crowd from one address costs nobody its idle connection. */
static void who_has_too_many_evicts_nobody(void **state) {
    (void)state;
    netrig r;
    const cstar__listen list[] = {{.address = "127.0.0.1:0"},
                                  {.address = "unix:@cstar-test-crowd"}};
    netrig_start(
        &r, (cstar__server_opts){
                .listeners = list, .nlisteners = 2, .max_per_address = 1, .max_connections = 2});
    int local = netrig_dial(&r, 1); /* never counted by address */
    int a = netrig_dial(&r, 0);
    assert_true(netrig_ask(local, "/l") && netrig_ask(a, "/a"));
    for (int i = 0; i < 5; i++) {
        assert_true(is_reset(&r));
    }
    assert_true(netrig_ask(local, "/l") && netrig_ask(a, "/a"));
    assert_int_equal(netrig_stats(&r).refused_address, 5);
    close(local);
    close(a);
    netrig_stop(&r);
}

/* ---- descriptors ---- */

static uint64_t now_ms(void) {
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A connection takes the lowest free descriptor: so many are left under the soft limit. */
static void leave_descriptors(rlim_t n) {
    struct rlimit limit;
    int lowest = dup(0);
    assert_true(lowest >= 0);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)lowest + n;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void descriptors_that_run_out(void **state) {
    (void)state;
    enum { CLIENTS = 12, LEFT = 4 };
    netrig r;
    netrig_start(&r, (cstar__server_opts){.max_connections = 1000});
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int fd[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fd[i] = netrig_socket();
    }
    leave_descriptors(LEFT);
    for (int i = 0; i < CLIENTS; i++) {
        assert_true(netrig_connect(&r, fd[i])); /* the backlog takes them all */
    }
    uint64_t began = now_ms();
    NETRIG_AWAIT(netrig_stats(&r).accept_failures >= 3); /* it tries again by itself */
    cstar__stats s = netrig_stats(&r);
    /* Each wake-up of the door is a failure now: one each 100 ms and none in between. */
    assert_true(s.accept_failures <= 2 + (now_ms() - began) / 90);
    assert_int_equal(s.accepted, LEFT);
    for (int round = 0; round < 3; round++) { /* those inside are served */
        for (int i = 0; i < LEFT; i++) {
            assert_true(netrig_ask(fd[i], "/inside"));
        }
    }
    for (int i = LEFT; i < CLIENTS; i++) {
        netrig_say(fd[i], "GET /outside HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }
    close(fd[0]); /* frees ours and the server's */
    for (int i = LEFT; i < CLIENTS; i++) {
        assert_true(netrig_hear(fd[i], "/outside"));
        assert_true(netrig_hear_end(fd[i]));
    }
    assert_int_equal(netrig_stats(&r).accepted, CLIENTS); /* none was dropped */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 1; i < CLIENTS; i++) {
        close(fd[i]);
    }
    int fresh = netrig_dial(&r, 0);
    assert_true(netrig_ask(fresh, "/fresh"));
    close(fresh);
    netrig_stop(&r);
    assert_non_null(strstr(r.last_line, "wait until some have gone"));
    assert_int_equal(r.lines, 1); /* one outage, one line */
}

static void the_soft_limit_is_raised(void **state) {
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    if (before.rlim_max <= 512) {
        skip();
    }
    struct rlimit low = {.rlim_cur = 256, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    netrig r;
    netrig_start(&r, (cstar__server_opts){0});
    struct rlimit now;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_true(now.rlim_cur == now.rlim_max);
    assert_true(cstar__server_max_connections(r.server) > 256);
    assert_true(cstar__server_max_connections(r.server) < now.rlim_cur);
    netrig_stop(&r);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void every_allocation_of_a_start_may_fail(void **state) {
    (void)state;
    cstar__handler handler = {0};
    bool done = false;
    for (size_t n = 1; !done; n++) {
        failalloc f;
        failalloc_init(&f, n);
        cstar_err err = {0};
        cstar__server_opts opts = {
            .listen = "127.0.0.1:0", .workers = 2, .handler = &handler, .alloc = &f.alloc};
        cstar__server *s = cstar__server_new(&opts, &err);
        done = f.calls < n;
        assert_true(s != NULL || (!done && err.code == CSTAR_ENOMEM));
        cstar__server_free(s);
        assert_int_equal(f.live_blocks, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_addresses_each_with_its_own_marks),
        cmocka_unit_test(bad_addresses_are_refused),
        cmocka_unit_test(an_inherited_socket),
        cmocka_unit_test(at_the_limit_the_longest_idle_one_goes),
        cmocka_unit_test(an_idle_one_of_another_worker_goes_too),
        cmocka_unit_test(with_none_idle_new_ones_wait_and_none_is_dropped),
        cmocka_unit_test(a_stop_while_full),
        cmocka_unit_test(one_address_can_have_so_many),
        cmocka_unit_test(who_has_too_many_evicts_nobody),
        cmocka_unit_test(descriptors_that_run_out),
        cmocka_unit_test(the_soft_limit_is_raised),
        cmocka_unit_test(every_allocation_of_a_start_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
