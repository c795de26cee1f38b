/* bench-fanout-bare -- the least that a broadcast can cost: a loop of send() over sockets.
 *
 *     GET  /...    200, text/event-stream, chunked: the connection is one of the streams from then on
 *     POST /...    204, and the body goes to each stream as one chunk
 *     POST /finish the same, but 204 when all of them have been sent to
 *
 * One thread, epoll; reads no more of HTTP than it needs, and takes each request to arrive whole but
 * for its body. It ends when a stream does not take a broadcast at once: then the comparison is over.
 * Prints "listening on http://127.0.0.1:PORT".
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* accept4, memmem */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 64 * 1024, INPUT = 256 * 1024, EVENTS = 512 };

static const char stream_head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                  "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
static const char done[] = "HTTP/1.1 204 No Content\r\n\r\n";

typedef struct server {
    int listener, epoll;
    int streams[MOST];
    size_t nstreams;
    /* the one who publishes: what has come and is not complete */
    char input[INPUT];
    size_t len;
    char chunk[INPUT];
} server;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void listen_somewhere(server *s) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    s->epoll = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = s->listener};
    if (s->listener < 0 || s->epoll < 0 ||
        bind(s->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(s->listener, 4096) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&address, &len) != 0 ||
        epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &e) != 0) {
        die("listen");
    }
    printf("listening on http://127.0.0.1:%d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
}

static void accept_all(const server *s) {
    const int on = 1;
    for (;;) {
        const int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK);
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        if (fd < 0) {
            return;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
            die("epoll_ctl");
        }
    }
}

static void send_whole(int fd, const char *ptr, size_t len) {
    if (send(fd, ptr, len, MSG_NOSIGNAL) != (ssize_t)len) {
        die("send");
    }
}

static void broadcast(server *s, const char *body, size_t len) {
    const int head = snprintf(s->chunk, sizeof s->chunk, "%zx\r\n", len);
    memcpy(s->chunk + head, body, len);
    memcpy(s->chunk + (size_t)head + len, "\r\n", 2);
    const size_t all = (size_t)head + len + 2;
    for (size_t i = 0; i < s->nstreams; i++) {
        send_whole(s->streams[i], s->chunk, all);
    }
}

static void publish(server *s, int fd, const char *body, size_t len) {
    static const char last[] = "POST /finish ";
    const bool answer_last = memcmp(s->input, last, sizeof last - 1) == 0;
    if (!answer_last) {
        send_whole(fd, done, sizeof done - 1);
    }
    broadcast(s, body, len);
    if (answer_last) {
        send_whole(fd, done, sizeof done - 1);
    }
}

/* @return bytes of the first request of the input; 0: it is not complete. */
static size_t take_request(server *s, int fd) {
    static const char field[] = "Content-Length: ";
    const char *end = memmem(s->input, s->len, "\r\n\r\n", 4);
    const char *length = memmem(s->input, s->len, field, sizeof field - 1);
    if (end == NULL) {
        return 0;
    }
    const char *body = end + 4;
    const size_t n =
        length != NULL && length < end ? strtoul(length + sizeof field - 1, NULL, 10) : 0;
    if ((size_t)(s->input + s->len - body) < n || n > sizeof s->chunk / 2) {
        return 0;
    }
    if (s->input[0] == 'G' && s->nstreams < MOST) {
        s->streams[s->nstreams++] = fd;
        send_whole(fd, stream_head, sizeof stream_head - 1);
    } else {
        publish(s, fd, body, n);
    }
    return (size_t)(body - s->input) + n;
}

static void forget(server *s, int fd) {
    for (size_t i = 0; i < s->nstreams; i++) {
        if (s->streams[i] == fd) {
            s->streams[i] = s->streams[--s->nstreams];
            break;
        }
    }
    (void)close(fd);
}

static void serve(server *s, int fd) {
    const ssize_t n = recv(fd, s->input + s->len, sizeof s->input - s->len, 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            forget(s, fd);
        }
        return;
    }
    s->len += (size_t)n;
    for (size_t took = 1; took != 0 && s->len != 0;) {
        took = take_request(s, fd);
        s->len -= took;
        memmove(s->input, s->input + took, s->len);
    }
}

int main(void) {
    static server s;
    struct epoll_event events[EVENTS];
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    listen_somewhere(&s);
    for (;;) {
        const int n = epoll_wait(s.epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == s.listener) {
                accept_all(&s);
            } else {
                serve(&s, events[i].data.fd);
            }
        }
    }
}
