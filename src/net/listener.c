/* listener.c
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* accept4() */
#include "net/listener.h"

#include "net/worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64
#define RETRY_MS 100
#define SAY_EVERY_NS UINT64_C(1000000000)

static void on_readable(uv_poll_t *poll, int status, int events);

/* One line a second at most, from all workers together. */
static bool may_say(uint64_t *last) {
    uint64_t now = uv_hrtime();
    uint64_t before = __atomic_load_n(last, __ATOMIC_RELAXED);
    return (before == 0 || now - before >= SAY_EVERY_NS) &&
           __atomic_compare_exchange_n(last, &before, now, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

/* ---- pausing ---- */

/* Other workers are told that this one waits, so that they wake it. */
static void set_waiting(cstar__worker *w, bool waiting) {
    cstar__admission *a = &w->server->admission;
    if (__atomic_exchange_n(&w->door.waiting, waiting, __ATOMIC_SEQ_CST) == waiting) {
        return;
    }
    if (waiting) {
        (void)__atomic_add_fetch(&a->waiting, 1, __ATOMIC_SEQ_CST);
    } else {
        (void)__atomic_sub_fetch(&a->waiting, 1, __ATOMIC_SEQ_CST);
    }
}

static void on_retry(uv_timer_t *timer) { cstar__listener_room(timer->data); }

static void poll_all(cstar__door *d, bool on) {
    for (size_t i = 0; i < d->n; i++) {
        if (on) {
            (void)uv_poll_start(&d->listeners[i].poll, UV_READABLE, on_readable);
        } else {
            (void)uv_poll_stop(&d->listeners[i].poll);
        }
    }
}

static void pause_door(cstar__worker *w, cstar__door_state state) {
    cstar__door *d = &w->door;
    if (d->state == CSTAR__DOOR_OPEN) {
        poll_all(d, false);
    }
    d->state = (uint8_t)state;
    (void)uv_timer_start(&d->retry, on_retry, RETRY_MS, 0);
}

static void open_door(cstar__worker *w) {
    cstar__door *d = &w->door;
    set_waiting(w, false);
    (void)uv_timer_stop(&d->retry);
    d->state = CSTAR__DOOR_OPEN;
    poll_all(d, true);
}

static void say_outage(cstar__worker *w, const char *why) {
    if (!w->door.outage && may_say(&w->server->said_failure)) {
        cstar__server_log(w->server,
                          "accept: %s: new connections wait until some have gone; the open ones "
                          "are served",
                          why);
    }
    w->door.outage = true;
}

/* ---- places ---- */

/* Nobody here can go: perhaps somebody at another worker can. */
static void ask_others(cstar__worker *w) {
    cstar__server *s = w->server;
    __atomic_store_n(&s->admission.evict_wanted, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < s->nopen; i++) {
        if (i != w->index) {
            (void)uv_async_send(&s->workers[i].door.nudge);
        }
    }
}

static bool take_place(cstar__worker *w) {
    cstar__admission *a = &w->server->admission;
    return cstar__admission_take(a, false) ||
           (cstar__conns_evict_idle(w) && cstar__admission_take(a, true));
}

/* Gives it to conn.c, which closes it for want of memory. It has entered, and has a place. */
static void adopt(cstar__worker *w, int fd, const cstar__peer *peer) {
    if (!cstar__conn_adopt(w, fd, peer)) {
        cstar__admission_leave(&w->server->admission, peer);
        cstar__admission_give(&w->server->admission);
        say_outage(w, "out of memory");
    }
}

/* At the limit of all, it waits at the door. It says that it waits before it looks again: a place
 * that becomes free in between is either seen here, or by then we are seen. */
static void hold(cstar__worker *w, int fd, const cstar__peer *peer) {
    CSTAR__STAT_ADD(&w->pool.stats, refused_full, 1);
    w->door.held = fd;
    w->door.held_peer = *peer;
    pause_door(w, CSTAR__DOOR_FULL);
    set_waiting(w, true);
    if (may_say(&w->server->said_full)) {
        cstar__server_log(w->server, "accept: all %zu connections are in use; new ones wait",
                          w->server->admission.max);
    }
    ask_others(w);
}

/* @return false: there is still none. */
static bool place_held(cstar__worker *w) {
    cstar__door *d = &w->door;
    if (d->held < 0) {
        return true;
    }
    if (!take_place(w)) {
        return false;
    }
    int fd = d->held;
    d->held = -1;
    __atomic_store_n(&w->server->admission.evict_wanted, false, __ATOMIC_RELEASE);
    adopt(w, fd, &d->held_peer);
    return true;
}

void cstar__listener_room(cstar__worker *w) {
    cstar__door *d = &w->door;
    if (d->state != CSTAR__DOOR_FULL && d->state != CSTAR__DOOR_STARVED) {
        return;
    }
    if (place_held(w)) {
        open_door(w);
    } else if (!uv_is_active((const uv_handle_t *)&d->retry)) {
        (void)uv_timer_start(&d->retry, on_retry, RETRY_MS, 0);
        ask_others(w);
    }
}

static void wake_others(cstar__worker *w) {
    cstar__server *s = w->server;
    if (__atomic_load_n(&s->admission.waiting, __ATOMIC_SEQ_CST) == 0) {
        return;
    }
    for (unsigned i = 0; i < s->nopen; i++) {
        cstar__worker *other = &s->workers[i];
        if (other != w && __atomic_load_n(&other->door.waiting, __ATOMIC_SEQ_CST)) {
            (void)uv_async_send(&other->door.nudge);
        }
    }
}

void cstar__listener_gone(cstar__worker *w, const cstar__peer *peer) {
    cstar__admission_leave(&w->server->admission, peer);
    cstar__admission_give(&w->server->admission);
    cstar__listener_room(w);
    wake_others(w);
}

static void on_nudge(uv_async_t *async) {
    cstar__worker *w = async->data;
    bool *wanted = &w->server->admission.evict_wanted;
    cstar__listener_room(w);
    /* Taken before, so that no two workers close one for the same newcomer; given back if there is
     * nobody to close. */
    if (__atomic_exchange_n(wanted, false, __ATOMIC_ACQ_REL) && !cstar__conns_evict_idle(w)) {
        __atomic_store_n(wanted, true, __ATOMIC_RELEASE);
    }
}

/* ---- accepting ---- */

static int accept_fd(int listener, struct sockaddr_storage *from) {
    socklen_t len = sizeof *from;
    memset(from, 0, sizeof *from);
#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)
    return accept4(listener, (struct sockaddr *)from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
    int fd = accept(listener, (struct sockaddr *)from, &len);
    if (fd >= 0 && !cstar__fd_prepare(fd)) {
        (void)close(fd);
        errno = ECONNABORTED;
        return -1;
    }
    return fd;
#endif
}

static void set_ip4(cstar__peer *peer, const struct sockaddr_storage *from) {
    struct sockaddr_in in;
    memcpy(&in, from, sizeof in);
    peer->ip.bytes[10] = peer->ip.bytes[11] = 0xff;
    memcpy(peer->ip.bytes + 12, &in.sin_addr, 4);
    peer->port = ntohs(in.sin_port);
}

static void set_ip6(cstar__peer *peer, const struct sockaddr_storage *from) {
    struct sockaddr_in6 in6;
    memcpy(&in6, from, sizeof in6);
    memcpy(peer->ip.bytes, &in6.sin6_addr, 16);
    peer->port = ntohs(in6.sin6_port);
}

static cstar__peer describe(const cstar__listener *l, int fd, const struct sockaddr_storage *from) {
    cstar__peer peer = {.secure = l->bound->tls, .redirect = l->bound->redirect};
    int on = 1;
    peer.serial = __atomic_add_fetch(&l->worker->server->serial, 1, __ATOMIC_RELAXED);
    if (from->ss_family == AF_INET) {
        set_ip4(&peer, from);
    } else if (from->ss_family == AF_INET6) {
        set_ip6(&peer, from);
    } else {
        peer.local = true;
        return peer;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return peer;
}

static void count_refused(cstar__worker *w, cstar_status why) {
    if (why != CSTAR_ELIMIT) {
        CSTAR__STAT_ADD(&w->pool.stats, accept_failures, 1);
        say_outage(w, "out of memory");
        return;
    }
    CSTAR__STAT_ADD(&w->pool.stats, refused_address, 1);
    if (may_say(&w->server->said_address)) {
        cstar__server_log(w->server, "accept: an address has more than %zu connections; refused",
                          w->server->admission.per_address);
    }
}

/* Closed with a reset: no state stays behind in our kernel, and the peer knows at once. Counted
 * first: who has seen the reset finds it counted. */
static void refuse(cstar__worker *w, int fd, cstar_status why) {
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    count_refused(w, why);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    (void)close(fd);
}

/* @return whether to go on accepting. */
static bool admit(cstar__worker *w, int fd, const cstar__peer *peer) {
    cstar_status rc = cstar__admission_enter(&w->server->admission, peer);
    if (rc != CSTAR_OK) {
        refuse(w, fd, rc);
        return true;
    }
    if (!take_place(w)) {
        hold(w, fd, peer);
        cstar__listener_room(w);
        return w->door.state == CSTAR__DOOR_OPEN;
    }
    adopt(w, fd, peer);
    return true;
}

/* @return whether to go on accepting. */
static bool fail(cstar__worker *w, int number) {
    switch (number) {
    case EAGAIN:
#if EWOULDBLOCK != EAGAIN
    case EWOULDBLOCK:
#endif
        w->door.outage = false;
        return false;
    case EINTR: /* the peer has gone before we came, or its network has (accept(2), Linux) */
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ETIMEDOUT:
        return true;
    default: /* EMFILE, ENFILE, ENOBUFS, ENOMEM; what we don't know must not spin either */
        CSTAR__STAT_ADD(&w->pool.stats, accept_failures, 1);
        say_outage(w, strerror(number));
        pause_door(w, CSTAR__DOOR_STARVED);
        return false;
    }
}

static bool accept_one(cstar__listener *l) {
    struct sockaddr_storage from;
    int fd = accept_fd(l->fd, &from);
    if (fd < 0) {
        return fail(l->worker, errno);
    }
    cstar__peer peer = describe(l, fd, &from);
    return admit(l->worker, fd, &peer);
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    cstar__listener *l = poll->data;
    (void)events;
    if (status < 0) { /* the socket itself is broken; accept4() will say how */
        (void)fail(l->worker, EIO);
        return;
    }
    for (int i = 0; i < BATCH && l->worker->door.state == CSTAR__DOOR_OPEN; i++) {
        if (!accept_one(l)) {
            return;
        }
    }
}

/* ---- life ---- */

static int open_one(cstar__worker *w, cstar__bound *bound, cstar_err *err) {
    cstar__listener *l = &w->door.listeners[w->door.n];
    int fd = cstar__bound_fd(bound, err);
    if (fd < 0) {
        return -1;
    }
    int rc = uv_poll_init(&w->loop, &l->poll, fd);
    if (rc != 0) {
        (void)close(fd);
        (void)cstar_err_set(err, CSTAR_EIO, "listen", "listen: %s", uv_strerror(rc));
        return -1;
    }
    l->fd = fd;
    l->bound = bound;
    l->worker = w;
    l->poll.data = l;
    w->door.n++;
    return 0;
}

bool cstar__listener_open(cstar__worker *w, cstar_err *err) {
    cstar__door *d = &w->door;
    cstar__bounds *bounds = &w->server->bounds;
    d->held = -1;
    int rc = uv_timer_init(&w->loop, &d->retry);
    rc = rc != 0 ? rc : uv_async_init(&w->loop, &d->nudge, on_nudge);
    if (rc != 0) {
        (void)cstar_err_set(err, CSTAR_EIO, "listen", "listen: %s", uv_strerror(rc));
        return false;
    }
    d->retry.data = d->nudge.data = w;
    for (size_t i = 0; i < bounds->n; i++) {
        if (open_one(w, &bounds->list[i], err) != 0) {
            return false;
        }
    }
    open_door(w);
    (void)__atomic_add_fetch(&w->server->listening, 1, __ATOMIC_ACQ_REL);
    return true;
}

static void drop_held(cstar__worker *w) {
    cstar__door *d = &w->door;
    if (d->held >= 0) {
        (void)close(d->held);
        d->held = -1;
        cstar__admission_leave(&w->server->admission, &d->held_peer);
    }
}

static void close_sockets(cstar__door *d) {
    for (size_t i = 0; i < d->n; i++) {
        uv_close((uv_handle_t *)&d->listeners[i].poll, NULL);
        (void)close(d->listeners[i].fd);
    }
    d->n = 0;
}

void cstar__listener_close(cstar__worker *w) {
    cstar__door *d = &w->door;
    bool was_open = d->state != CSTAR__DOOR_CLOSED;
    close_sockets(d);
    if (!was_open) {
        return;
    }
    drop_held(w);
    set_waiting(w, false);
    (void)uv_timer_stop(&d->retry);
    d->state = CSTAR__DOOR_CLOSED;
    if (__atomic_sub_fetch(&w->server->listening, 1, __ATOMIC_ACQ_REL) != 0) {
        return;
    }
    const cstar__bound *left = cstar__bounds_close(&w->server->bounds);
    if (left != NULL) {
        cstar__server_log(w->server, "listen: unix:%s can't be removed: %s", left->address.host,
                          strerror(errno));
    }
}
