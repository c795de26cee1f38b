/* test_systemd.c -- a service manager played by the test: what it hears, what it passes.
 * SPDX-License-Identifier: MIT */
#include "net/systemd.h"
#include "net/unix_socket.h"
#include "support/netrig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void set(const char *name, const char *value) {
    assert_int_equal(value != NULL ? setenv(name, value, 1) : unsetenv(name), 0);
}

static void set_number(const char *name, long value) {
    char text[24];
    (void)snprintf(text, sizeof text, "%ld", value);
    set(name, text);
}

static int clear(void **state) {
    static const char *const names[] = {"LISTEN_PID",    "LISTEN_FDS",    "LISTEN_FDNAMES",
                                        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        set(names[i], NULL);
    }
    return 0;
}

/* ---- sockets that it passes ---- */

static void which_descriptors(void **state) {
    (void)state;
    int fds[8] = {0};
    assert_int_equal(cstar__systemd_fds("", fds, 8), 0);
    set_number("LISTEN_PID", (long)getpid());
    set("LISTEN_FDS", "3");
    assert_int_equal(cstar__systemd_fds("", fds, 8), 3);
    assert_int_equal(fds[0], 3);
    assert_int_equal(fds[2], 5);
    assert_int_equal(cstar__systemd_fds("unknown", fds, 8), 3);
    set("LISTEN_FDNAMES", "web:admin:web");
    assert_int_equal(cstar__systemd_fds("web", fds, 8), 2);
    assert_int_equal(fds[0], 3);
    assert_int_equal(fds[1], 5);
    assert_int_equal(cstar__systemd_fds("admin", fds, 8), 1);
    assert_int_equal(fds[0], 4);
    assert_int_equal(cstar__systemd_fds("adm", fds, 8), 0);
    assert_int_equal(cstar__systemd_fds("web:admin", fds, 8), 0);
    assert_int_equal(cstar__systemd_fds("", fds, 2), 3); /* more than there is room for */
    set("LISTEN_FDNAMES", "web");
    assert_int_equal(cstar__systemd_fds("web", fds, 8), 1);
    set_number("LISTEN_PID", (long)getppid()); /* for another process */
    assert_int_equal(cstar__systemd_fds("", fds, 8), 0);
    set_number("LISTEN_PID", (long)getpid());
    static const char *const bad[] = {"", "x", "-1", "3x", "1025", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        set("LISTEN_FDS", bad[i]);
        assert_int_equal(cstar__systemd_fds("", fds, 8), 0);
    }
}

/* In a child, whose descriptors 3 and 4 may be overwritten. */
static int serve_passed(int one, int two) {
    static const cstar__handler handler;
    int high_one = fcntl(one, F_DUPFD, 20);
    int high_two = fcntl(two, F_DUPFD, 20);
    if (dup2(high_one, 3) != 3 || dup2(high_two, 4) != 4) {
        return 10;
    }
    set_number("LISTEN_PID", (long)getpid());
    set("LISTEN_FDS", "2");
    set("LISTEN_FDNAMES", "plain:local");
    const cstar__listen list[] = {{.address = "systemd:local"},
                                  {.address = "systemd:plain", .redirect = true}};
    cstar__server_opts opts = {.listeners = list, .nlisteners = 2, .handler = &handler};
    cstar__server *s = cstar__server_new(&opts, NULL);
    if (s == NULL) {
        return 11;
    }
    cstar__listening l;
    bool good = cstar__server_listening(s, 0, &l) && l.port == 0 && !l.redirect;
    good = good && cstar__server_listening(s, 1, &l) && l.port != 0 && l.redirect;
    good = good && strcmp(l.host, "127.0.0.1") == 0;
    good = good && (fcntl(3, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(3, F_GETFL) & O_NONBLOCK) != 0;
    cstar__server_free(s);
    return good ? 0 : 12;
}

static void sockets_that_were_passed(void **state) {
    (void)state;
    int tcp = netrig_socket();
    int local = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(tcp, (struct sockaddr *)&any, sizeof any), 0);
    sa_family_t autobind = AF_UNIX; /* Linux finds an abstract name */
    if (bind(local, (struct sockaddr *)&autobind, sizeof autobind) != 0) {
        skip();
    }
    assert_int_equal(listen(tcp, 8), 0);
    assert_int_equal(listen(local, 8), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(serve_passed(tcp, local));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(tcp);
    close(local);
}

/* ---- what it hears ---- */

static int manager(const char *name) {
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct timeval limit = {.tv_sec = 20};
    struct sockaddr_un at;
    unsigned len = 0;
    assert_true(fd >= 0 && cstar__unix_name(name, &at, &len));
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    set("NOTIFY_SOCKET", name);
    return fd;
}

/* The next message that is no WATCHDOG=1, with a line break before it, so that lines can be
 * looked for. */
static const char *next(int fd, char *text, size_t size) {
    do {
        ssize_t n = recv(fd, text + 1, size - 2, 0);
        assert_true(n > 0);
        text[0] = '\n';
        text[n + 1] = '\0';
    } while (strstr(text, "\nWATCHDOG=1\n") != NULL);
    return text;
}

static bool says(int fd, const char *line) {
    char text[600];
    return strstr(next(fd, text, sizeof text), line) != NULL;
}

static void on_hangup(void *arg) { (void)arg; }

static void a_life_as_it_is_told(void **state) {
    (void)state;
    char path[64];
    (void)snprintf(path, sizeof path, "/tmp/cstar-notify-%ld", (long)getpid());
    const char *names[] = {path, "@cstar-test-notify"};
    for (size_t i = 0; i < 2; i++) {
        netrig r;
        int fd = manager(names[i]);
        netrig_start(&r,
                     (cstar__server_opts){
                         .notify = true, .workers = 2, .signals = true, .on_hangup = on_hangup});
        assert_true(says(fd, "\nREADY=1\n"));
        int client = netrig_dial(&r, 0); /* READY means that */
        assert_true(netrig_ask(client, "/ready"));
        char text[600];
        assert_int_equal(kill(getpid(), SIGHUP), 0);
        assert_non_null(strstr(next(fd, text, sizeof text), "\nRELOADING=1\n"));
        const char *at = strstr(text, "\nMONOTONIC_USEC=");
        assert_non_null(at);
        assert_true(strtoll(at + 16, NULL, 10) > 0);
        assert_true(says(fd, "\nREADY=1\n"));
        cstar__server_stop(r.server);
        assert_non_null(strstr(next(fd, text, sizeof text), "\nSTOPPING=1\n"));
        assert_non_null(strstr(text, "\nSTATUS="));
        close(client);
        netrig_finish(&r);
        close(fd);
        (void)unlink(path);
    }
}

static void the_watchdog_hears_from_the_loop(void **state) {
    (void)state;
    int fd = manager("@cstar-test-watchdog");
    netrig r;
    char text[100];
    set("WATCHDOG_USEC", "20000");
    netrig_start(&r, (cstar__server_opts){.notify = true});
    for (int heard = 0; heard < 5;) {
        ssize_t n = recv(fd, text, sizeof text - 1, 0);
        assert_true(n > 0);
        text[n] = '\0';
        heard += strcmp(text, "WATCHDOG=1\n") == 0;
    }
    netrig_stop(&r);
    close(fd);
}

static void intervals(void **state) {
    (void)state;
    static const struct {
        const char *usec, *pid;
        unsigned ms;
    } cases[] = {
        {"30000000", NULL, 15000},
        {"3000", NULL, 1},
        {"1", NULL, 1},
        {"0", NULL, 0},
        {NULL, NULL, 0},
        {"x", NULL, 0},
        {"3000000", "1", 0},
        {"3000000", "x", 0},
        {"99999999999999", NULL, 3600000},
    };
    int fd = manager("@cstar-test-interval");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar__notifier n;
        set("WATCHDOG_USEC", cases[i].usec);
        set("WATCHDOG_PID", cases[i].pid);
        assert_true(cstar__notify_open(&n));
        assert_int_equal(n.watch_ms, cases[i].ms);
        cstar__notify_close(&n);
        cstar__notify_close(&n);
    }
    set_number("WATCHDOG_PID", (long)getpid());
    set("WATCHDOG_USEC", "2000000");
    cstar__notifier n;
    assert_true(cstar__notify_open(&n));
    assert_int_equal(n.watch_ms, 1000);
    cstar__notify_close(&n);
    close(fd);
}

static void nobody_listens(void **state) {
    (void)state;
    static const char *const odd[] = {NULL, "", "relative", "vsock:2:1234",
                                      "/no/such/folder/notify"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        cstar__notifier n;
        set("NOTIFY_SOCKET", odd[i]);
        assert_true(cstar__notify_open(&n));
        cstar__notify(&n, "READY=1\n");
        cstar__notify_close(&n);
    }
    /* without the option the variable is not ours */
    int fd = manager("@cstar-test-silence");
    netrig r;
    netrig_start(&r, (cstar__server_opts){0});
    netrig_stop(&r);
    char byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(which_descriptors, clear),
        cmocka_unit_test_setup(sockets_that_were_passed, clear),
        cmocka_unit_test_setup(a_life_as_it_is_told, clear),
        cmocka_unit_test_setup(the_watchdog_hears_from_the_loop, clear),
        cmocka_unit_test_setup(intervals, clear),
        cmocka_unit_test_setup(nobody_listens, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
