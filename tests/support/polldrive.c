/* polldrive.c -- see polldrive.h. What a driver does, in order: accept; read only while the
 * machine wants input; feed; send; resume after sending; close when the machine is done,
 * gently. SPDX-License-Identifier: MIT */
#include "support/polldrive.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static bool set_nonblocking(int fd) {
    return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0;
}

bool polldrive_open(polldrive *d, const cstar__env *env, size_t count) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    memset(d, 0, sizeof *d);
    d->env = env;
    d->count = count < POLLDRIVE_MAX ? count : POLLDRIVE_MAX;
    for (size_t i = 0; i < POLLDRIVE_MAX; i++) {
        d->conns[i].fd = -1;
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    d->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (d->listener < 0 || bind(d->listener, (struct sockaddr *)&address, length) != 0 ||
        listen(d->listener, 64) != 0 || !set_nonblocking(d->listener) ||
        getsockname(d->listener, (struct sockaddr *)&address, &length) != 0) {
        polldrive_close(d);
        return false;
    }
    d->port = ntohs(address.sin_port);
    return true;
}

/* On Linux EWOULDBLOCK is EAGAIN. */
static bool is_later(int error) { return error == EAGAIN || error == EINTR; }

static void drop(polldrive *d, polldrive_conn *c) {
    cstar__h1_fini(&c->machine);
    cstar_buf_fini(&c->out);
    (void)close(c->fd);
    c->fd = -1;
    d->closed++;
}

static void accept_one(polldrive *d, polldrive_conn *c) {
    int fd = accept(d->listener, NULL, NULL);
    if (fd < 0) {
        return;
    }
    if (!set_nonblocking(fd)) {
        (void)close(fd);
        return;
    }
    *c = (polldrive_conn){.fd = fd};
    cstar_buf_init(&c->out, d->env->alloc, d->out_limit);
    cstar__h1_init(&c->machine, d->env, NULL, &c->out);
    d->accepted++;
}

/* @return false: the connection is gone. */
static bool send_output(polldrive *d, polldrive_conn *c) {
    while (c->sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.ptr + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
        if (n < 0) {
            if (is_later(errno)) {
                return true;
            }
            drop(d, c);
            return false;
        }
        c->sent += (size_t)n;
    }
    cstar_buf_reset(&c->out);
    c->sent = 0;
    return true;
}

/* Sends, lets the machine go on, and closes when it is done. */
static void settle(polldrive *d, polldrive_conn *c) {
    do {
        if (c->machine.cut) {
            drop(d, c);
            return;
        }
        if (!send_output(d, c)) {
            return;
        }
    } while (cstar__h1_wants_resume(&c->machine) && cstar__h1_resume(&c->machine) == CSTAR_OK);
    if (cstar__h1_done(&c->machine) && c->out.len == 0 && !c->lingering) {
        (void)shutdown(c->fd, SHUT_WR);
        c->lingering = true;
    }
}

static void read_input(polldrive *d, polldrive_conn *c) {
    char piece[4096];
    ssize_t n = recv(c->fd, piece, sizeof piece, 0);
    if (n < 0) {
        if (!is_later(errno)) {
            drop(d, c);
        }
        return;
    }
    if (c->lingering) {
        if (n == 0) {
            drop(d, c);
        }
        return;
    }
    if (n == 0) {
        cstar__h1_eof(&c->machine);
    } else {
        (void)cstar__h1_feed(&c->machine, piece, (size_t)n);
    }
    settle(d, c);
}

/* A half-closed connection is always readable; nothing more is to be read from it. */
static short events_of(const polldrive_conn *c) {
    bool reads = c->lingering || (cstar__h1_wants_input(&c->machine) && !c->machine.ended);
    return (short)((reads ? POLLIN : 0) | (c->out.len != 0 ? POLLOUT : 0));
}

void polldrive_step(polldrive *d, int timeout) {
    struct pollfd fds[POLLDRIVE_MAX + 1];
    polldrive_conn *unused = NULL;
    for (size_t i = 0; i < d->count; i++) {
        polldrive_conn *c = &d->conns[i];
        if (c->fd >= 0) {
            settle(d, c); /* what was answered later */
        }
        fds[i + 1] = (struct pollfd){.fd = c->fd, .events = c->fd >= 0 ? events_of(c) : (short)0};
        unused = c->fd < 0 ? c : unused;
    }
    fds[0] = (struct pollfd){.fd = unused != NULL ? d->listener : -1, .events = POLLIN};
    if (poll(fds, d->count + 1, timeout) <= 0) {
        return;
    }
    for (size_t i = 0; i < d->count; i++) {
        polldrive_conn *c = &d->conns[i];
        const short got = fds[i + 1].revents;
        if (c->fd >= 0 && (got & POLLOUT) != 0) {
            settle(d, c);
        }
        if (c->fd >= 0 && (got & POLLIN) != 0) {
            read_input(d, c);
        } else if (c->fd >= 0 && (got & (POLLERR | POLLHUP)) != 0) {
            drop(d, c);
        }
    }
    if (fds[0].revents != 0 && unused != NULL && unused->fd < 0) {
        accept_one(d, unused);
    }
}

void polldrive_timeout(polldrive *d) {
    for (size_t i = 0; i < d->count; i++) {
        if (d->conns[i].fd >= 0) {
            cstar__h1_timeout(&d->conns[i].machine);
            settle(d, &d->conns[i]);
        }
    }
}

void polldrive_close(polldrive *d) {
    for (size_t i = 0; i < d->count; i++) {
        if (d->conns[i].fd >= 0) {
            drop(d, &d->conns[i]);
        }
    }
    if (d->listener >= 0) {
        (void)close(d->listener);
        d->listener = -1;
    }
}
