/* netrig.c
 * SPDX-License-Identifier: MIT */
#include "support/netrig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include <cmocka.h>

static void count(unsigned *n) { (void)__atomic_add_fetch(n, 1, __ATOMIC_SEQ_CST); }

static void on_head(void *ctx, cstar__exchange *x) {
    count(&((netrig *)ctx)->heads);
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
    char text[80];
    cstar_str body = x->request.path;
    if (cstar_str_eq(body, CSTAR_STR("/later"))) {
        x->later = true;
        return;
    }
    if (cstar_str_eq(body, CSTAR_STR("/peer"))) {
        int n = snprintf(text, sizeof text, "local=%d secure=%d redirect=%d", x->peer->local,
                         x->peer->secure, x->peer->redirect);
        body = cstar_view(text, (size_t)n);
    }
    char *big = NULL;
    if (cstar_str_eq(body, CSTAR_STR("/big"))) {
        big = malloc(NETRIG_BIG);
        assert_non_null(big);
        memset(big, 'b', NETRIG_BIG);
        body = cstar_view(big, NETRIG_BIG);
    }
    assert_int_equal(cstar__respond(x, 200, NULL, 0, body), CSTAR_OK);
    free(big);
}

static void on_close(void *ctx, cstar__exchange *x) {
    netrig *r = ctx;
    count(&r->closes);
    if (x->broken) {
        count(&r->broken);
    }
}

/* Several workers may log at once: the first keeps the line. */
static void on_log(void *arg, const char *line) {
    netrig *r = arg;
    if (__atomic_add_fetch(&r->lines, 1, __ATOMIC_SEQ_CST) == 1) {
        (void)snprintf(r->last_line, sizeof r->last_line, "%s", line);
    }
}

static void *run(void *arg) {
    netrig *r = arg;
    r->result = cstar__server_run(r->server);
    return NULL;
}

void netrig_new(netrig *r, cstar__server_opts opts) {
    cstar_err err = {0};
    memset(r, 0, sizeof *r);
    r->handler = (cstar__handler){
        .ctx = r, .on_head = on_head, .on_body = on_body, .on_end = on_end, .on_close = on_close};
    opts.listen = opts.listen != NULL ? opts.listen : "127.0.0.1:0";
    opts.handler = &r->handler;
    opts.on_log = on_log;
    opts.arg = r;
    r->server = cstar__server_new(&opts, &err);
    if (r->server == NULL) {
        print_error("cstar__server_new: %s\n", err.text);
    }
    assert_non_null(r->server);
}

void netrig_start(netrig *r, cstar__server_opts opts) {
    netrig_new(r, opts);
    assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
}

void netrig_finish(netrig *r) {
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    assert_int_equal(r->result, CSTAR_OK);
    cstar__server_free(r->server);
    assert_int_equal(r->heads, r->closes);
}

void netrig_stop(netrig *r) {
    cstar__server_stop(r->server);
    netrig_finish(r);
}

cstar__stats netrig_stats(const netrig *r) {
    cstar__stats sum;
    cstar__server_stats(r->server, &sum);
    return sum;
}

static void set_limit(int fd) {
    struct timeval limit = {.tv_sec = 20};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
}

int netrig_socket(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    set_limit(fd);
    return fd;
}

static bool connect_port(int fd, unsigned port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
}

bool netrig_connect(const netrig *r, int fd) {
    return connect_port(fd, cstar__server_port(r->server));
}

int netrig_dial_port(unsigned port) {
    int fd = netrig_socket();
    assert_true(connect_port(fd, port));
    return fd;
}

int netrig_dial_unix(const char *path) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    assert_true(fd >= 0 && strlen(path) < sizeof to.sun_path);
    set_limit(fd);
    memcpy(to.sun_path, path, strlen(path));
    size_t len = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    if (path[0] == '@') {
        to.sun_path[0] = '\0';
    }
    assert_int_equal(connect(fd, (struct sockaddr *)&to, (socklen_t)len), 0);
    return fd;
}

int netrig_dial(const netrig *r, size_t i) {
    cstar__listening l;
    assert_true(cstar__server_listening(r->server, i, &l));
    return l.port != 0 ? netrig_dial_port(l.port) : netrig_dial_unix(l.host);
}

void netrig_say(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

bool netrig_hear(int fd, const char *text) {
    char seen[8192];
    size_t n = 0;
    while (n + 1 < sizeof seen) {
        ssize_t got = recv(fd, seen + n, sizeof seen - 1 - n, 0);
        if (got <= 0) {
            return false;
        }
        n += (size_t)got;
        seen[n] = '\0';
        if (strstr(seen, text) != NULL) {
            return true;
        }
    }
    return false;
}

bool netrig_hear_end(int fd) {
    char bytes[256];
    ssize_t got = 0;
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0) {
    }
    return got == 0 || errno == ECONNRESET;
}

void netrig_get(int fd, const char *path) {
    char text[256];
    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    netrig_say(fd, text);
}

bool netrig_ask(int fd, const char *path) {
    netrig_get(fd, path);
    return netrig_hear(fd, path);
}

void netrig_pause(void) { (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); }
