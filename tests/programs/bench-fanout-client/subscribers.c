/* bench-fanout-client/subscribers.c
 * SPDX-License-Identifier: MIT */
#include "subscribers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

enum {
    EVENTS = 1024,
    INPUT = 256 * 1024,
    AT_A_TIME = 256,  /* streams that are being opened */
    PATIENCE = 20000, /* milliseconds without any event: something is wrong */
    FINISHED_MS = 5,  /* the server's answer is read: this much later all that it sent is there */
    SHORTEST_DATA = 5,
};

typedef struct stream {
    int fd;
    uint32_t got;
    uint8_t len, first; /* of the line that is being read; 255: longer */
    bool data;          /* the event has some */
    bool head;          /* is complete */
} stream;

struct subscribers {
    subscribers_opts opts;
    stream *streams;
    int epoll, publisher;
    size_t left;     /* that lack something of the broadcast, or their heads; of a burst: events */
    uint32_t target; /* events that each stream will have then */
    unsigned answers;
    char *requests;
    size_t requests_len;
    char input[INPUT];
};

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void give_up(const char *what) {
    (void)fprintf(stderr, "bench-fanout-client: %s\n", what);
    exit(1);
}

uint64_t subscribers_now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* ---- reading ---- */

static void end_line(subscribers *all, stream *s) {
    if (s->len == 0) {
        s->got += s->data;
        s->data = false;
    } else if (s->first == 'd' && s->len > SHORTEST_DATA) { /* a chunk's size is shorter */
        s->data = true;
    } else if (s->first == '\r' && s->len == 1 && !s->head) {
        s->head = true;
        all->left--;
    }
    s->len = 0;
}

static void scan(subscribers *all, stream *s, size_t n) {
    const char *p = all->input;
    const char *end = p + n;
    while (p < end) {
        const char *line_end = memchr(p, '\n', (size_t)(end - p));
        const size_t len = (size_t)((line_end != NULL ? line_end : end) - p);
        if (s->len == 0 && len != 0) {
            s->first = (uint8_t)*p;
        }
        s->len = (uint8_t)(s->len + len < UINT8_MAX ? s->len + len : UINT8_MAX);
        if (line_end == NULL) {
            return;
        }
        end_line(all, s);
        p = line_end + 1;
    }
}

static void count_burst(subscribers *all, size_t came) {
    if (came > all->left) {
        give_up("more has come than was published");
    }
    all->left -= came;
}

static void read_stream(subscribers *all, stream *s) {
    const bool lacked = s->got < all->target;
    const uint32_t had = s->got;
    ssize_t n = 0;
    do {
        n = recv(s->fd, all->input, sizeof all->input, 0);
        if (n > 0) {
            scan(all, s, (size_t)n);
        } else if (n == 0 || errno != EAGAIN) {
            give_up("a stream has ended");
        }
    } while (n == (ssize_t)sizeof all->input);
    if (all->opts.burst != 0) {
        count_burst(all, s->got - had);
        return;
    }
    if (s->got > all->target) {
        give_up("a stream has got more than was published");
    }
    all->left -= lacked && s->got == all->target;
}

static void read_answers(subscribers *all) {
    static const char good[] = "HTTP/1.1 20";
    const ssize_t n = recv(all->publisher, all->input, sizeof all->input - 1, 0);
    if (n <= 0) {
        give_up("who publishes was disconnected");
    }
    all->input[n] = '\0';
    if (strncmp(all->input, good, sizeof good - 1) != 0) {
        (void)fprintf(stderr, "%.200s\n", all->input);
        give_up("a publication was not taken");
    }
    for (const char *p = all->input; (p = strstr(p, good)) != NULL; p++) {
        all->answers++;
    }
}

static void read_some(subscribers *all) {
    struct epoll_event events[EVENTS];
    int n = 0;
    const uint64_t since = all->opts.spin ? subscribers_now() : 0;
    do {
        n = epoll_wait(all->epoll, events, EVENTS, all->opts.spin ? 0 : PATIENCE);
    } while (n == 0 && all->opts.spin && subscribers_now() - since < PATIENCE * 1000000ULL);
    if (n <= 0) {
        (void)fprintf(stderr, "%zu streams wait, or events of a burst\n", all->left);
        give_up("the events do not come");
    }
    for (int i = 0; i < n; i++) {
        if (events[i].data.u64 == all->opts.streams) {
            read_answers(all);
        } else {
            read_stream(all, &all->streams[events[i].data.u64]);
        }
    }
}

/* ---- opening ---- */

static int connect_to(unsigned port) {
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const int on = 1;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        die("connect");
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        die("fcntl");
    }
    return fd;
}

static void send_whole(int fd, const char *ptr, size_t len) {
    if (send(fd, ptr, len, MSG_NOSIGNAL) != (ssize_t)len) {
        die("send");
    }
}

/* Edge-triggered: a stream that was read is not asked again until more has come. */
static void watch(const subscribers *all, int fd, size_t i) {
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u64 = i};
    if (epoll_ctl(all->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        die("epoll_ctl");
    }
}

static void open_streams(subscribers *all) {
    for (size_t i = 0; i < all->opts.streams; i++) {
        all->streams[i].fd = connect_to(all->opts.port);
        send_whole(all->streams[i].fd, all->opts.subscribe, strlen(all->opts.subscribe));
        watch(all, all->streams[i].fd, i);
        all->left++;
        while (all->left >= AT_A_TIME || (i + 1 == all->opts.streams && all->left != 0)) {
            read_some(all);
        }
    }
}

static void repeat_request(subscribers *all) {
    const size_t len = strlen(all->opts.publish);
    all->requests_len = len * all->opts.window;
    all->requests = malloc(all->requests_len);
    for (size_t i = 0; all->requests != NULL && i < all->opts.window; i++) {
        memcpy(all->requests + i * len, all->opts.publish, len);
    }
}

subscribers *subscribers_open(const subscribers_opts *opts) {
    subscribers *all = calloc(1, sizeof *all);
    if (all == NULL) {
        die("calloc");
    }
    all->opts = *opts;
    all->streams = calloc(opts->streams, sizeof *all->streams);
    repeat_request(all);
    all->epoll = epoll_create1(0);
    if (all->streams == NULL || all->requests == NULL || all->epoll < 0) {
        die("subscribers");
    }
    open_streams(all);
    all->publisher = connect_to(opts->port);
    watch(all, all->publisher, opts->streams);
    return all;
}

/* ---- broadcasts ---- */

static void publish(subscribers *all) {
    all->target += all->opts.window;
    all->left = all->opts.burst != 0 ? all->opts.burst * all->opts.window : all->opts.streams;
    send_whole(all->publisher, all->requests, all->requests_len);
}

uint64_t subscribers_broadcast(subscribers *all) {
    const uint64_t since = subscribers_now();
    publish(all);
    while (all->left != 0) {
        read_some(all);
    }
    return subscribers_now() - since;
}

uint64_t subscribers_drain(subscribers *all) {
    char byte = 0;
    const struct timespec finished = {.tv_nsec = FINISHED_MS * 1000000L};
    publish(all);
    while (recv(all->publisher, &byte, 1, MSG_PEEK) != 1) { /* it answers when all is sent */
        (void)nanosleep(&finished, NULL);
    }
    (void)nanosleep(&finished, NULL);
    const uint64_t since = subscribers_now();
    while (all->left != 0) {
        read_some(all);
    }
    return subscribers_now() - since;
}
