/* conn.c -- one TCP connection: bytes from the socket to its machine, bytes from its machine to the
 * socket.
 *
 *          read ▶ feed ▶ worker's out ──try write──▶ all taken: done
 *                            └── rest ▶ backlog ──uv_write──▶ (in flight) ▶ more backlog? ▶ again
 *
 * Invariants: 1. While a write is in flight the machine writes to `backlog`, otherwise to the
 * worker's buffer, which is empty between two loop callbacks. 2. Reading stops while the machine
 * does not want input or the backlog is high, so a peer that does not read can't make us store
 * more. 3. A connection is on exactly one wait list until it closes; it is freed in on_closed,
 * once, after libuv has let go of it.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* what uv.h needs of POSIX */
#include "net/worker.h"

#include <stdio.h>

#define BACKLOG_HIGH ((size_t)256 * 1024)
#define CLOSE_MS 2000
#define APP_MS (UINT64_MAX / 2)

typedef struct conn {
    cstar__link link; /* first: a link is its conn */
    cstar__worker *worker;
    uint64_t deadline; /* loop time, ms */
    uv_tcp_t tcp;
    cstar__h1 machine;
    cstar_buf backlog;   /* answers that the socket did not take */
    cstar_buf in_flight; /* being written */
    uv_write_t write;
    uint8_t wait; /* cstar__wait */
    bool writing, reading, closing, peer_done;
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
    if (cstar__h1_idle(&c->machine)) {
        return CSTAR__WAIT_IDLE;
    }
    switch ((cstar__h1_state)c->machine.state) {
    case CSTAR__H1_IDLE:
    case CSTAR__H1_LINE:
    case CSTAR__H1_FIELDS:
        return CSTAR__WAIT_HEADER;
    case CSTAR__H1_BODY:
    case CSTAR__H1_CHUNK_LINE:
    case CSTAR__H1_CHUNK_DATA:
    case CSTAR__H1_CHUNK_END:
    case CSTAR__H1_TRAILER:
        return CSTAR__WAIT_BODY;
    case CSTAR__H1_ANSWERING:
        return CSTAR__WAIT_APP;
    case CSTAR__H1_CLOSING:
        break;
    }
    return CSTAR__WAIT_CLOSE;
}

/* A slow head does not get more time by sending more bytes; everything else that moves does. */
static void update_wait(conn *c) {
    cstar__wait wait = wait_of(c);
    if (wait != CSTAR__WAIT_HEADER || c->wait != CSTAR__WAIT_HEADER) {
        wait_for(c, wait);
    }
}

/* ---- closing ---- */

static void on_closed(uv_handle_t *handle) {
    conn *c = handle->data;
    cstar__worker *w = c->worker;
    cstar_buf_fini(&c->backlog);
    cstar_buf_fini(&c->in_flight);
    w->server->alloc->resize(w->server->alloc->ctx, c, sizeof *c, 0);
    cstar__worker_conn_gone(w);
}

/* Ends the exchange under way, then the socket. */
static void close_conn(conn *c) {
    if (c->closing) {
        return;
    }
    c->closing = true;
    unlink_conn(c);
    cstar_buf_reset(&c->worker->out);
    cstar__h1_fini(&c->machine);
    cstar_buf_reset(&c->worker->out); /* whatever a handler said last to nobody */
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* All is said. If the peer still sends (a body that we refused), closing now would reset the
 * connection and could destroy our answer on its way: so only our half is closed, and what comes is
 * thrown away for a short while (RFC 9112 9.6). */
static void finish_conn(conn *c) {
    if (c->machine.cut || c->peer_done) {
        close_conn(c);
        return;
    }
    if (c->wait == CSTAR__WAIT_CLOSE) {
        return;
    }
    uv_os_fd_t fd = -1;
    if (uv_fileno((const uv_handle_t *)&c->tcp, &fd) != 0 || cstar__socket_shutdown(fd) != 0) {
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
    if (c->backlog.len == 0) { /* caught up: give the memory back */
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
    return true;
}

/* Sends what the machine left in the worker's buffer: one write call if the socket takes it. */
static bool write_out(conn *c) {
    cstar_buf *out = &c->worker->out;
    if (out->len == 0) {
        return true;
    }
    uv_buf_t buf = {.base = out->ptr, .len = out->len};
    int n = uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
    if (n == UV_EAGAIN) {
        n = 0;
    }
    if (n < 0) {
        return false;
    }
    if ((size_t)n < out->len) {
        cstar_buf_add(&c->backlog, out->ptr + n, out->len - (size_t)n);
    }
    cstar_buf_reset(out);
    return c->backlog.status == CSTAR_OK;
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    conn *c = handle->data;
    *buf = uv_buf_init(c->worker->input, sizeof c->worker->input);
}

static void feed(conn *c, const char *ptr, size_t len) {
    cstar__h1_lend(&c->machine, c->writing ? &c->backlog : &c->worker->out);
    if (cstar__h1_feed(&c->machine, ptr, len) != CSTAR_OK) {
        c->machine.cut = true;
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
    if (n > 0) {
        feed(c, buf->base, (size_t)n);
    } else if (n == UV_EOF) {
        c->peer_done = true;
        /* A client that closes while its answer is being prepared has gone: browsers do not
         * half-close. */
        c->machine.cut = c->machine.state == CSTAR__H1_ANSWERING;
        cstar__h1_lend(&c->machine, c->writing ? &c->backlog : &c->worker->out);
        cstar__h1_eof(&c->machine);
    } else {
        c->machine.cut = true;
    }
    pump(c);
}

static void update_reading(conn *c) {
    bool want = !c->peer_done && c->backlog.len < BACKLOG_HIGH &&
                (cstar__h1_wants_input(&c->machine) || c->wait == CSTAR__WAIT_CLOSE);
    if (want != c->reading) {
        c->reading = want;
        if (want) {
            (void)uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
        } else {
            (void)uv_read_stop((uv_stream_t *)&c->tcp);
        }
    }
}

/* Sends what there is. Requests that waited for room are gone on with as soon as everything has
 * been taken. */
static bool send_all(conn *c) {
    for (;;) {
        if (c->machine.cut || !write_out(c) ||
            (c->backlog.len != 0 && !c->writing && !write_backlog(c))) {
            return false;
        }
        if (c->writing || !cstar__h1_wants_resume(&c->machine)) {
            return true;
        }
        cstar__h1_lend(&c->machine, &c->worker->out);
        if (cstar__h1_resume(&c->machine) != CSTAR_OK) {
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
    if (!c->writing && cstar__h1_done(&c->machine)) {
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

static conn *conn_new(cstar__worker *w) {
    const cstar_allocator *alloc = w->server->alloc;
    conn *c = alloc->resize(alloc->ctx, NULL, 0, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    memset(c, 0, sizeof *c);
    c->worker = w;
    c->link.prev = c->link.next = &c->link;
    if (uv_tcp_init(&w->loop, &c->tcp) != 0) {
        alloc->resize(alloc->ctx, c, sizeof *c, 0);
        return NULL;
    }
    c->tcp.data = c;
    cstar_buf_init(&c->backlog, alloc, w->server->opts.max_output);
    cstar_buf_init(&c->in_flight, alloc, w->server->opts.max_output);
    cstar__h1_init(&c->machine, &w->env, &w->out);
    cstar__worker_conn_came(w);
    return c;
}

void cstar__conn_accept(uv_stream_t *listener, int status) {
    cstar__worker *w = listener->data;
    if (status != 0) {
        cstar__server_log(w->server, "accept: %s", uv_strerror(status));
        return;
    }
    conn *c = conn_new(w);
    if (c == NULL) {
        cstar__server_log(w->server, "accept: out of memory");
        return;
    }
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
        close_conn(c);
        return;
    }
    (void)uv_tcp_nodelay(&c->tcp, 1);
    wait_for(c, CSTAR__WAIT_HEADER);
    update_reading(c);
}

/* Calls `visit` for every connection, also if it closes some. */
static void for_each(cstar__worker *w, void (*visit)(conn *c)) {
    for (size_t i = 0; i < CSTAR__WAITS; i++) {
        cstar__link *ring = &w->waits[i];
        /* Detached first: a visited connection goes back to a list, perhaps to this one. */
        cstar__link todo = *ring;
        if (todo.next == ring) {
            continue;
        }
        todo.next->prev = todo.prev->next = &todo;
        ring->prev = ring->next = ring;
        while (todo.next != &todo) {
            conn *c = (conn *)todo.next;
            wait_for(c, (cstar__wait)c->wait);
            visit(c);
        }
    }
}

static void drain(conn *c) {
    cstar__h1_lend(&c->machine, c->writing ? &c->backlog : &c->worker->out);
    cstar__h1_drain(&c->machine);
    pump(c);
}

void cstar__conns_drain(cstar__worker *w) { for_each(w, drain); }
void cstar__conns_cut(cstar__worker *w) { for_each(w, close_conn); }

static void expire(conn *c) {
    if (c->wait == CSTAR__WAIT_CLOSE || c->wait == CSTAR__WAIT_WRITE) {
        close_conn(c);
        return;
    }
    cstar__h1_lend(&c->machine, &c->worker->out);
    cstar__h1_timeout(&c->machine);
    pump(c);
}

void cstar__conns_sweep(cstar__worker *w) {
    uint64_t now = uv_now(&w->loop);
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
