/* soak-client/loop.c
 * SPDX-License-Identifier: MIT */
#include "loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, ADDRESSES = 16, SMALL = 16 * 1024, SEGMENT = 1400 };

void fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)fputs("soak-client: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    exit(1);
}

uint64_t now_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

uint64_t dice(loop *l, uint64_t n) {
    l->dice = l->dice * 6364136223846793005U + 1442695040888963407U;
    return (l->dice >> 33) % n;
}

void loop_init(loop *l, unsigned port, uint64_t seed) {
    *l = (loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .port = port, .dice = seed, .now = now_ns()};
    if (l->epoll < 0) {
        fail("epoll: %s", strerror(errno));
    }
}

void loop_run(loop *l, int ms) {
    struct epoll_event events[EVENTS];
    const int n = epoll_wait(l->epoll, events, EVENTS, ms);
    if (n < 0 && errno != EINTR) {
        fail("epoll: %s", strerror(errno));
    }
    l->now = now_ns();
    for (int i = 0; i < n; i++) {
        watcher *w = events[i].data.ptr;
        if (w->fd >= 0) {
            w->ready(w, events[i].events);
        }
    }
}

void loop_watch(const loop *l, watcher *w, uint32_t events) {
    struct epoll_event e = {.events = events, .data.ptr = w};
    if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, w->fd, &e) != 0 &&
        (errno != ENOENT || epoll_ctl(l->epoll, EPOLL_CTL_ADD, w->fd, &e) != 0)) {
        fail("epoll: %s", strerror(errno));
    }
}

/* 127.0.0.2 and so on: each has ports of its own. */
static void bind_to_one(loop *l, int fd) {
    const uint32_t host = INADDR_LOOPBACK + 1 + l->turns++ % ADDRESSES;
    const struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(host)}};
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&from, sizeof from) != 0) {
        fail("bind: %s", strerror(errno));
    }
}

int loop_connect(loop *l, bool small) {
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)l->port),
                                   .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const int on = 1;
    const int bytes = SMALL;
    const int segment =
        SEGMENT; /* loopback's are larger than the window then: nothing would flow */
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fail("socket: %s", strerror(errno));
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (small) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    }
    bind_to_one(l, fd);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        fail("connect: %s", strerror(errno));
    }
    return fd;
}

void loop_close(watcher *w, bool reset) {
    const struct linger at_once = {.l_onoff = 1};
    if (w->fd >= 0) {
        if (reset) {
            (void)setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        }
        (void)close(w->fd);
        w->fd = -1;
    }
}
