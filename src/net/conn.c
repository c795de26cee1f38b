/* conn.c -- one TCP connection: bytes from the socket to its machine, bytes from its machine to the
 * socket; through TLS where it is on.
 *
 *     read ▶ (decrypt) ▶ feed ▶ worker's out ▶ (encrypt) ──try write──▶ all taken: done
 *                                                 └─ rest ▶ backlog ──uv_write──▶ (in flight) ▶ again
 *
 * Invariants: 1. The worker's buffers are empty between two loop callbacks: what the socket does
 * not take at once is the connection's own, in `backlog` or, being written, in `in_flight`. 2.
 * Reading stops while the machine does not want input or the backlog is high, so a peer that does
 * not read can't make us store more. 3. A connection is on exactly one wait list until it closes;
 * it is freed in on_closed, once, after libuv has let go of it.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* what uv.h needs of POSIX */
#include "net/worker.h"

#include <stdio.h>
#include <unistd.h>

#define BACKLOG_HIGH ((size_t)256 * 1024)
#define CLOSE_MS 2000
#define APP_MS (UINT64_MAX / 2)

typedef struct conn {
    cstar__link link; /* first: a link is its conn */
    cstar__worker *worker;
    uint64_t deadline; /* loop time, ms */
    uint64_t ticked;   /* loop time, ms: when its machine was last told the time */
    uv_tcp_t tcp;
    cstar__machine machine;
    cstar__peer peer;
    cstar__tls *tls;     /* NULL: plain */
    cstar_buf backlog;   /* bytes for the socket that it did not take */
    cstar_buf in_flight; /* being written */
    uv_write_t write;
    size_t queued; /* bytes that libuv had not written when we last looked */
    uint8_t wait;  /* cstar__wait */
    bool writing, reading, closing, peer_done;
    bool cut;        /* close without flushing */
    bool tls_failed; /* an alert is on its way; nothing can follow it */
} conn;

/* ---- wait lists ---- */

static void unlink_conn(conn *c) {
    c->link.prev->next = c->link.next;
    c->link.next->prev = c->link.prev;
    c->link.prev = c->link.next = &c->link;
}

static uint64_t wait_ms(const conn *c, cstar__wait wait) {
    const cstar__server_opts *o = &c->worker->server->opts;
    switch (wait) {
    case CSTAR__WAIT_IDLE:
        return o->idle_ms;
    case CSTAR__WAIT_HEADER:
        return o->header_ms;
    case CSTAR__WAIT_BODY:
        return o->body_ms;
    case CSTAR__WAIT_WRITE:
        return o->write_ms;
    case CSTAR__WAIT_CLOSE:
        return CLOSE_MS;
    case CSTAR__WAIT_APP:
    case CSTAR__WAITS:
        break;
    }
    return APP_MS;
}

static void wait_for(conn *c, cstar__wait wait) {
    unlink_conn(c);
    cstar__link *ring = &c->worker->waits[wait];
    c->link.prev = ring->prev;
    c->link.next = ring;
    ring->prev->next = &c->link;
    ring->prev = &c->link;
    c->wait = (uint8_t)wait;
    c->deadline = uv_now(&c->worker->loop) + wait_ms(c, wait);
}

static cstar__wait wait_of(const conn *c) {
    if (c->writing) {
        return CSTAR__WAIT_WRITE;
    }
    if (c->tls != NULL && !cstar__tls_ready(c->tls)) {
        return CSTAR__WAIT_HEADER;
    }
    switch (cstar__machine_waits_for(&c->machine)) {
    case CSTAR__MACHINE_IDLE:
        return CSTAR__WAIT_IDLE;
    case CSTAR__MACHINE_HEAD:
        return CSTAR__WAIT_HEADER;
    case CSTAR__MACHINE_BODY:
        return CSTAR__WAIT_BODY;
    case CSTAR__MACHINE_APP:
        return CSTAR__WAIT_APP;
    case CSTAR__MACHINE_CLOSING:
        break;
    }
    return CSTAR__WAIT_CLOSE;
}

/* A slow head does not get more time by sending more bytes, nor a slow reader by asking for more;
 * everything else that moves does. */
static void update_wait(conn *c) {
    cstar__wait wait = wait_of(c);
    bool keeps = wait == CSTAR__WAIT_HEADER || wait == CSTAR__WAIT_WRITE;
    if (!keeps || c->wait != wait) {
        wait_for(c, wait);
    }
}

/* ---- closing ---- */

static void on_closed(uv_handle_t *handle) {
    conn *c = handle->data;
    cstar__worker *w = c->worker;
    cstar__peer peer = c->peer;
    cstar_buf_fini(&c->backlog);
    cstar_buf_fini(&c->in_flight);
    w->server->alloc->resize(w->server->alloc->ctx, c, sizeof *c, 0);
    cstar__listener_gone(w, &peer);
    cstar__worker_conn_gone(w);
}

/* Ends the exchange under way, then the socket. */
static void close_conn(conn *c) {
    if (c->closing) {
        return;
    }
    c->closing = true;
    unlink_conn(c);
    cstar__machine_fini(&c->machine);
    cstar__tls_free(c->tls);
    c->tls = NULL;
    cstar_buf_reset(&c->worker->out); /* whatever a handler said last to nobody */
    cstar_buf_reset(&c->worker->cipher);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static bool write_out(conn *c);

/* All is said. If the peer still sends (a body that we refused), closing now would reset the
 * connection and could destroy our answer on its way: so only our half is closed, and what comes is
 * thrown away for a short while (RFC 9112 9.6). */
static void finish_conn(conn *c) {
    if (c->wait == CSTAR__WAIT_CLOSE) {
        return;
    }
    if (c->tls != NULL && !c->tls_failed) {
        cstar__tls_close(c->tls, &c->worker->cipher);
        c->tls_failed = true; /* said */
        if (!write_out(c)) {
            close_conn(c);
            return;
        }
        if (c->writing) { /* again when it is written */
            update_wait(c);
            return;
        }
    }
    uv_os_fd_t fd = -1;
    if (c->peer_done || uv_fileno((const uv_handle_t *)&c->tcp, &fd) != 0 ||
        cstar__socket_shutdown(fd) != 0) {
        close_conn(c);
        return;
    }
    wait_for(c, CSTAR__WAIT_CLOSE);
}

/* ---- writing ---- */

static void pump(conn *c);

static void on_written(uv_write_t *req, int status) {
    conn *c = req->data;
    c->writing = false;
    cstar_buf_reset(&c->in_flight);
    if (c->closing) {
        return;
    }
    if (status != 0) {
        close_conn(c);
        return;
    }
    wait_for(c, CSTAR__WAIT_APP); /* it moved: what is waited for is decided anew */
    if (c->backlog.len == 0) {    /* caught up: give the memory back */
        cstar_buf_fini(&c->in_flight);
        cstar_buf_fini(&c->backlog);
    }
    pump(c);
}

/* Hands the backlog to libuv. */
static bool write_backlog(conn *c) {
    cstar_buf swap = c->in_flight;
    c->in_flight = c->backlog;
    c->backlog = swap;
    uv_buf_t buf = {.base = c->in_flight.ptr, .len = c->in_flight.len};
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written) != 0) {
        return false;
    }
    c->writing = true;
    c->queued = c->in_flight.len;
    return true;
}

/* What is to be sent now: the machine's words, encrypted where TLS is on. NULL: that failed. */
static cstar_buf *outgoing(conn *c) {
    cstar__worker *w = c->worker;
    if (c->tls == NULL) {
        return &w->out;
    }
    if (w->out.len != 0 && !c->tls_failed &&
        cstar__tls_write(c->tls, cstar_buf_view(&w->out), &w->cipher) != CSTAR_OK) {
        return NULL;
    }
    cstar_buf_reset(&w->out);
    return &w->cipher;
}

/* Sends what has gathered in the worker's buffer: one write call if the socket takes it. */
static bool write_out(conn *c) {
    cstar_buf *out = outgoing(c);
    if (out == NULL || cstar_buf_status(out) != CSTAR_OK) {
        return false;
    }
    if (out->len == 0) {
        return true;
    }
    size_t sent = 0;
    if (!c->writing && c->backlog.len == 0) {
        uv_buf_t buf = {.base = out->ptr, .len = out->len};
        int n = uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
        if (n < 0 && n != UV_EAGAIN) {
            return false;
        }
        sent = n > 0 ? (size_t)n : 0;
    }
    cstar_buf_add(&c->backlog, out->ptr + sent, out->len - sent);
    cstar_buf_reset(out);
    return c->backlog.status == CSTAR_OK && (c->backlog.len == 0 || c->writing || write_backlog(c));
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    conn *c = handle->data;
    *buf = uv_buf_init(c->worker->input, sizeof c->worker->input);
}

/* HTTP/2 counts per second and has waits of its own, inside its streams. Connections that only wait
 * are not woken for it: they catch up when something comes. */
static void keep_time(conn *c) {
    uint64_t now = uv_now(&c->worker->loop);
    if (now - c->ticked >= 1000) {
        c->ticked = now;
        cstar__machine_tick(&c->machine, now);
    }
}

static void feed(conn *c, const char *ptr, size_t len) {
    keep_time(c);
    if (len != 0 && cstar__machine_feed(&c->machine, ptr, len) != CSTAR_OK) {
        c->cut = true;
    }
}

/* The peer says no more. A client that closes while its answer is being prepared has gone: browsers
 * do not half-close. */
static void end_input(conn *c) {
    c->peer_done = true;
    c->cut = c->cut || cstar__machine_waits_for(&c->machine) == CSTAR__MACHINE_APP;
    cstar__machine_eof(&c->machine);
}

static void feed_tls(conn *c, const char *ptr, size_t len) {
    cstar__worker *w = c->worker;
    cstar_err err = {0};
    bool was_ready = cstar__tls_ready(c->tls);
    if (c->tls_failed) { /* we have said our last */
        return;
    }
    cstar_buf_reset(&w->plain);
    cstar_status rc = cstar__tls_feed(c->tls, ptr, len, &w->plain, &w->cipher, &err);
    if (!was_ready && cstar__tls_ready(c->tls) &&
        cstar__machine_decide(&c->machine, cstar__tls_is_h2(c->tls)) != CSTAR_OK) {
        c->cut = true;
        return;
    }
    if (cstar__tls_saw_http(c->tls)) {
        cstar_buf_lit(&w->cipher, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                                  "Content-Length: 24\r\nConnection: close\r\n\r\n"
                                  "This port speaks HTTPS.\n");
        c->tls_failed = true;
        return;
    }
    feed(c, w->plain.ptr, w->plain.len);
    if (rc == CSTAR_ECLOSED) {
        end_input(c);
    } else if (rc != CSTAR_OK) {
        cstar__server_log(w->server, "tls: %s", err.text);
        c->tls_failed = true;
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    conn *c = stream->data;
    if (n == 0) {
        return;
    }
    if (c->wait == CSTAR__WAIT_CLOSE) { /* lingering: only the end is of interest */
        if (n < 0) {
            close_conn(c);
        }
        return;
    }
    if (n == UV_EOF) {
        end_input(c);
    } else if (n < 0) {
        c->cut = true;
    } else if (c->tls != NULL) {
        feed_tls(c, buf->base, (size_t)n);
    } else {
        feed(c, buf->base, (size_t)n);
    }
    pump(c);
}

static void update_reading(conn *c) {
    bool want = !c->peer_done && c->backlog.len < BACKLOG_HIGH &&
                (cstar__machine_wants_input(&c->machine) || c->wait == CSTAR__WAIT_CLOSE);
    if (want != c->reading) {
        c->reading = want;
        if (want) {
            (void)uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
        } else {
            (void)uv_read_stop((uv_stream_t *)&c->tcp);
        }
    }
}

/* Sends what there is. What waited for room is gone on with as soon as everything has been
 * taken. */
static bool send_all(conn *c) {
    for (;;) {
        if (c->cut || cstar__machine_cut(&c->machine) || !write_out(c)) {
            return false;
        }
        if (c->writing || !cstar__machine_wants_resume(&c->machine)) {
            return true;
        }
        if (cstar__machine_resume(&c->machine) != CSTAR_OK) {
            return false;
        }
    }
}

/* After anything has happened: send, go on with what waited, choose what to wait for. */
static void pump(conn *c) {
    if (c->closing) {
        return;
    }
    if (!send_all(c)) {
        close_conn(c);
        return;
    }
    bool done = c->tls_failed || cstar__machine_done(&c->machine);
    if (!c->writing && done) {
        finish_conn(c);
        if (c->closing) {
            return;
        }
    } else if (c->wait != CSTAR__WAIT_CLOSE) {
        update_wait(c);
    }
    update_reading(c);
}

/* ---- life ---- */

static bool start_tls(conn *c) {
    cstar__tls_ctx *ctx = cstar__server_tls(c->worker->server);
    if (ctx == NULL) {
        return true;
    }
    c->tls = cstar__tls_new(ctx);
    cstar__tls_ctx_unref(ctx);
    return c->tls != NULL;
}

static conn *conn_new(cstar__worker *w, const cstar__peer *peer) {
    const cstar_allocator *alloc = w->server->alloc;
    conn *c = alloc->resize(alloc->ctx, NULL, 0, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    memset(c, 0, sizeof *c);
    c->worker = w;
    c->link.prev = c->link.next = &c->link;
    c->peer = *peer;
    if ((peer->secure && !start_tls(c)) || uv_tcp_init(&w->loop, &c->tcp) != 0) {
        cstar__tls_free(c->tls);
        alloc->resize(alloc->ctx, c, sizeof *c, 0);
        return NULL;
    }
    c->tcp.data = c;
    cstar_buf_init(&c->backlog, alloc, w->server->opts.max_output);
    cstar_buf_init(&c->in_flight, alloc, w->server->opts.max_output);
    c->peer.link = c;
    cstar__machine_init(&c->machine, &w->env, &c->peer, &w->out);
    cstar__worker_conn_came(w);
    return c;
}

bool cstar__conn_adopt(cstar__worker *w, int fd, const cstar__peer *peer) {
    conn *c = conn_new(w, peer);
    if (c == NULL) {
        (void)close(fd);
        CSTAR__STAT_ADD(&w->pool.stats, accept_failures, 1);
        return false;
    }
    (void)uv_tcp_open(&c->tcp, fd); /* the loop has no other handle of that descriptor */
    CSTAR__STAT_ADD(&w->pool.stats, accepted, 1);
    wait_for(c, CSTAR__WAIT_HEADER);
    update_reading(c);
    return true;
}

bool cstar__conns_evict_idle(cstar__worker *w) {
    cstar__link *ring = &w->waits[CSTAR__WAIT_IDLE];
    if (ring->next == ring) {
        return false;
    }
    close_conn((conn *)ring->next);
    CSTAR__STAT_ADD(&w->pool.stats, evicted_idle, 1);
    return true;
}

/* Calls `visit` for every connection that waits so, also if it closes some. */
static void for_each(cstar__worker *w, cstar__wait wait, void (*visit)(conn *c)) {
    cstar__link *ring = &w->waits[wait];
    /* Detached first: a visited connection goes back to a list, perhaps to this one. */
    cstar__link todo = *ring;
    if (todo.next == ring) {
        return;
    }
    todo.next->prev = todo.prev->next = &todo;
    ring->prev = ring->next = ring;
    while (todo.next != &todo) {
        conn *c = (conn *)todo.next;
        uint64_t deadline = c->deadline;
        wait_for(c, wait);
        c->deadline = deadline;
        visit(c);
    }
}

static void for_all(cstar__worker *w, void (*visit)(conn *c)) {
    for (size_t i = 0; i < CSTAR__WAITS; i++) {
        for_each(w, (cstar__wait)i, visit);
    }
}

static void drain(conn *c) {
    cstar__machine_drain(&c->machine);
    pump(c);
}

void cstar__conns_drain(cstar__worker *w) { for_all(w, drain); }
void cstar__conns_cut(cstar__worker *w) { for_all(w, close_conn); }

/* Whether the peer has taken bytes since we last looked. */
static bool moves(conn *c) {
    size_t queued = uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp);
    bool less = queued < c->queued;
    c->queued = queued;
    return less;
}

static void expire(conn *c) {
    if (c->wait == CSTAR__WAIT_WRITE && moves(c)) {
        wait_for(c, CSTAR__WAIT_WRITE);
        return;
    }
    if (c->wait == CSTAR__WAIT_CLOSE || c->wait == CSTAR__WAIT_WRITE) {
        close_conn(c);
        return;
    }
    if (c->tls != NULL && !cstar__tls_ready(c->tls)) {
        close_conn(c); /* a handshake that does not come to an end */
        return;
    }
    cstar__machine_timeout(&c->machine);
    pump(c);
}

static void tick(conn *c) {
    keep_time(c);
    if (c->worker->out.len != 0 || cstar__machine_done(&c->machine) ||
        cstar__machine_cut(&c->machine)) {
        pump(c);
    }
}

void cstar__conns_sweep(cstar__worker *w) {
    uint64_t now = uv_now(&w->loop);
    for_each(w, CSTAR__WAIT_APP, tick);
    for_each(w, CSTAR__WAIT_WRITE, tick);
    for (size_t i = 0; i < CSTAR__WAITS; i++) {
        cstar__link *ring = &w->waits[i];
        while (ring->next != ring && ((conn *)ring->next)->deadline <= now) {
            conn *c = (conn *)ring->next;
            expire(c);
            if (c->deadline <= now) { /* nothing moved */
                close_conn(c);
            }
        }
    }
}
