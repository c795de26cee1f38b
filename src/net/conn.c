/* conn.c -- one connection: its life, what comes in, and the pump.
 *
 *     read ▶ (decrypt) ▶ feed ▶ worker's out ▶ (encrypt) ▶ conn_write.c ▶ socket
 *
 * Invariants: 1. The worker's buffers are empty between two loop callbacks: what the socket does
 * not take at once is the connection's own. 2. Reading stops while the machine does not want input
 * or much waits for the socket, and the machine is told, so a peer that does not read can't make us
 * store more. 3. It is
 * freed in on_closed, once, after libuv has let go of it. 4. One connection is inside (between
 * enter and leave) at a time.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* what uv.h needs of POSIX */
#include "net/conn.h"

#include <assert.h>
#include <unistd.h>

#define BACKLOG_HIGH ((size_t)256 * 1024)

/* How often a machine may fill its output before others have their turn: 1 MiB in all. */
enum { ROUNDS = 4 };

/* ---- closing ---- */

static size_t size_for(const cstar__peer *peer) {
    return offsetof(cstar__conn, socket) + (peer->local ? sizeof(uv_pipe_t) : sizeof(uv_tcp_t));
}

static void conn_free(cstar__conn *c) {
    const cstar_allocator *alloc = c->worker->server->alloc;
    cstar__tls_free(c->tls);
    cstar__conn_stuck_free(c);
    (void)alloc->resize(alloc->ctx, c, size_for(&c->peer), 0);
}

static void on_closed(uv_handle_t *handle) {
    cstar__conn *c = handle->data;
    cstar__worker *w = c->worker;
    const cstar__peer peer = c->peer;
    conn_free(c);
    cstar__listener_gone(w, &peer);
    cstar__worker_conn_gone(w);
}

/* Also from inside, where something has failed, and where none is. */
void cstar__conn_close(cstar__conn *c) {
    cstar__worker *w = c->worker;
    if (c->closing) {
        return;
    }
    assert(w->inside == NULL || w->inside == c);
    w->inside = c; /* handlers of its exchanges may answer others' */
    c->closing = true;
    cstar__conn_unlink(c);
    cstar__conn_forget(c);
    cstar__machine_fini(&c->machine);
    cstar__tls_free(c->tls);
    c->tls = NULL;
    cstar_buf_reset(&w->out); /* whatever a handler said last to nobody */
    cstar_buf_reset(&w->cipher);
    w->inside = NULL;
    CSTAR__STAT_SUB(&w->pool.stats, open, 1);
    uv_close(&c->socket.handle, on_closed);
}

/* All is said. If the peer still sends (a body that we refused), closing now would reset the
 * connection and could destroy our answer on its way: so only our half is closed, and what comes is
 * thrown away for a short while (RFC 9112 9.6). */
static void finish_conn(cstar__conn *c) {
    if (c->wait == CSTAR__WAIT_CLOSE) {
        return;
    }
    if (c->tls != NULL && !c->tls_failed) {
        cstar__tls_close(c->tls, &c->worker->cipher);
        c->tls_failed = true; /* said */
        if (!cstar__conn_flush(c)) {
            cstar__conn_close(c);
            return;
        }
        if (c->writing) { /* again when it is written */
            cstar__conn_wait_update(c);
            return;
        }
    }
    uv_os_fd_t fd = -1;
    if (c->peer_done || uv_fileno(&c->socket.handle, &fd) != 0 || cstar__socket_shutdown(fd) != 0) {
        cstar__conn_close(c);
        return;
    }
    cstar__conn_wait_for(c, CSTAR__WAIT_CLOSE);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    cstar__conn *c = handle->data;
    *buf = uv_buf_init(c->worker->input, sizeof c->worker->input);
}

/* HTTP/2 counts per second and has waits of its own, inside its streams. Connections that only wait
 * are not woken for it: they catch up when something comes. */
void cstar__conn_keep_time(cstar__conn *c) {
    uint64_t now = uv_now(&c->worker->loop);
    if (cstar__machine_ticks(&c->machine) && now - c->ticked >= 1000) {
        c->ticked = now;
        cstar__machine_tick(&c->machine, now);
    }
}

static void feed(cstar__conn *c, const char *ptr, size_t len) {
    cstar__conn_keep_time(c);
    if (len != 0 && cstar__machine_feed(&c->machine, ptr, len) != CSTAR_OK) {
        c->cut = true;
    }
}

/* The peer says no more. A client that closes while its answer is being prepared has gone: browsers
 * do not half-close. */
static void end_input(cstar__conn *c) {
    c->peer_done = true;
    c->cut = c->cut || cstar__machine_waits_for(&c->machine) == CSTAR__MACHINE_APP;
    cstar__machine_eof(&c->machine);
}

static void fail_tls(cstar__conn *c, const char *why) {
    cstar__worker *w = c->worker;
    if (!cstar__tls_ready(c->tls)) {
        CSTAR__STAT_ADD(&w->pool.stats, handshake_failures, 1);
    }
    cstar__server_tls_failure(w->server, why);
    c->tls_failed = true;
}

/* @return false: no machine could be had. */
static bool begin_http(cstar__conn *c) {
    cstar__stats *stats = &c->worker->pool.stats;
    CSTAR__STAT_ADD(stats, handshakes, 1);
    CSTAR__STAT_ADD(stats, handshakes_resumed, cstar__tls_resumed(c->tls));
    return cstar__machine_decide(&c->machine, cstar__tls_is_h2(c->tls)) == CSTAR_OK;
}

static void answer_http(cstar__conn *c) {
    cstar_buf_lit(&c->worker->cipher, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                                      "Content-Length: 24\r\nConnection: close\r\n\r\n"
                                      "This port speaks HTTPS.\n");
    c->tls_failed = true;
}

static void feed_tls(cstar__conn *c, const char *ptr, size_t len) {
    cstar__worker *w = c->worker;
    cstar_err err = {0};
    bool was_ready = cstar__tls_ready(c->tls);
    if (c->tls_failed) { /* we have said our last */
        return;
    }
    cstar_buf_reset(&w->plain);
    cstar_status rc = cstar__tls_feed(c->tls, ptr, len, &w->plain, &w->cipher, &err);
    if (!was_ready && cstar__tls_ready(c->tls) && !begin_http(c)) {
        c->cut = true;
        return;
    }
    if (cstar__tls_saw_http(c->tls)) {
        answer_http(c);
        return;
    }
    feed(c, w->plain.ptr, w->plain.len);
    if (rc == CSTAR_ECLOSED) {
        end_input(c);
    } else if (rc != CSTAR_OK) {
        fail_tls(c, err.text);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    cstar__conn *c = stream->data;
    if (n == 0) {
        return;
    }
    if (c->wait == CSTAR__WAIT_CLOSE) { /* lingering: only the end is of interest */
        if (n < 0) {
            cstar__conn_close(c);
        }
        return;
    }
    cstar__conn_enter(c);
    if (n == UV_EOF) {
        end_input(c);
    } else if (n < 0) {
        c->cut = true;
    } else {
        CSTAR__STAT_ADD(&c->worker->pool.stats, bytes_in, n);
        (c->tls != NULL ? feed_tls : feed)(c, buf->base, (size_t)n);
    }
    cstar__conn_leave(c);
}

static bool is_stuck(const cstar__conn *c) { return cstar__conn_waiting(c) >= BACKLOG_HIGH; }

static void update_reading(cstar__conn *c) {
    bool want = !c->peer_done && !is_stuck(c) &&
                (cstar__machine_wants_input(&c->machine) || c->wait == CSTAR__WAIT_CLOSE);
    if (want != c->reading) {
        c->reading = want;
        if (want) {
            (void)uv_read_start(&c->socket.stream, on_alloc, on_read);
        } else {
            (void)uv_read_stop(&c->socket.stream);
        }
    }
}

/* ---- the pump ---- */

/* Sends what there is, and files that follow it. What waited for room is gone on with as soon as
 * everything has been taken; but where nothing can follow, what is left would only be made to be
 * thrown away. */
static bool send_all(cstar__conn *c) {
    for (unsigned round = 0;; round++) {
        if (c->cut || cstar__machine_cut(&c->machine) || !cstar__conn_flush(c)) {
            return false;
        }
        cstar__machine_stuck(&c->machine, is_stuck(c));
        if (c->writing || c->tls_failed) {
            return true;
        }
        switch (cstar__conn_send_file(c)) {
        case CSTAR__SENT_FAILED:
            return false;
        case CSTAR__SENT_SOME:
            return true;
        case CSTAR__SENT_ALL:
        case CSTAR__SENT_NOTHING:
            break;
        }
        if (!cstar__machine_wants_resume(&c->machine)) {
            return true;
        }
        if (round == ROUNDS) { /* however fast its peer is */
            cstar__conn_ready(c);
            return true;
        }
        if (cstar__machine_resume(&c->machine) != CSTAR_OK) {
            return false;
        }
    }
}

/* After anything has happened: send, go on with what waited, choose what to wait for. */
static void pump(cstar__conn *c) {
    if (!send_all(c)) {
        cstar__conn_close(c);
        return;
    }
    bool done = c->tls_failed || cstar__machine_done(&c->machine);
    if (!c->writing && done) {
        finish_conn(c);
        if (c->closing) {
            return;
        }
    } else if (c->wait != CSTAR__WAIT_CLOSE) {
        cstar__conn_wait_update(c);
    }
    update_reading(c);
}

void cstar__conn_enter(cstar__conn *c) {
    assert(c->worker->inside == NULL && c->worker->out.len == 0);
    cstar__conn_unclaim(c);
    c->worker->inside = c;
}

void cstar__conn_leave(cstar__conn *c) {
    cstar__worker *w = c->worker; /* the connection is freed by the loop only, but be plain */
    pump(c);
    w->inside = NULL;
}

/* ---- life ---- */

static bool start_tls(cstar__conn *c) {
    cstar__tls_ctx *ctx = cstar__server_tls(c->worker->server);
    if (ctx == NULL) {
        return false;
    }
    c->tls = cstar__tls_new(ctx);
    cstar__tls_ctx_unref(ctx);
    return c->tls != NULL;
}

static int init_socket(cstar__conn *c) {
    uv_loop_t *loop = &c->worker->loop;
    int rc =
        c->peer.local ? uv_pipe_init(loop, &c->socket.pipe, 0) : uv_tcp_init(loop, &c->socket.tcp);
    c->socket.handle.data = c;
    return rc;
}

/* Not yet on a list, and without a descriptor. */
static cstar__conn *conn_new(cstar__worker *w, const cstar__peer *peer) {
    const cstar_allocator *alloc = w->server->alloc;
    const size_t size = size_for(peer);
    cstar__conn *c = alloc->resize(alloc->ctx, NULL, 0, size);
    if (c == NULL) {
        return NULL;
    }
    memset(c, 0, size);
    c->worker = w;
    c->peer = *peer;
    c->peer.link = c;
    c->peer.worker = w->index;
    cstar__link_init(&c->link);
    cstar__link_init(&c->ready);
    if ((peer->secure && !start_tls(c)) || init_socket(c) != 0) {
        conn_free(c);
        return NULL;
    }
    cstar__machine_init(&c->machine, &w->env, &c->peer, &w->out);
    if (c->tls == NULL) {
        cstar__machine_sends_files(&c->machine);
    }
    CSTAR__STAT_ADD(&w->pool.stats, accepted, 1);
    CSTAR__STAT_ADD(&w->pool.stats, open, 1);
    cstar__worker_conn_came(w);
    return c;
}

static int open_socket(cstar__conn *c, int fd) {
    return c->peer.local ? uv_pipe_open(&c->socket.pipe, fd) : uv_tcp_open(&c->socket.tcp, fd);
}

bool cstar__conn_adopt(cstar__worker *w, int fd, const cstar__peer *peer) {
    cstar__conn *c = conn_new(w, peer);
    if (c == NULL) {
        (void)close(fd);
        CSTAR__STAT_ADD(&w->pool.stats, accept_failures, 1);
        return false;
    }
    if (open_socket(c, fd) != 0) {
        (void)close(fd);
        CSTAR__STAT_ADD(&w->pool.stats, accept_failures, 1);
        cstar__conn_close(c); /* its going is told, as any other's */
        return true;
    }
    c->fd = fd;
    cstar__conn_wait_for(c, CSTAR__WAIT_HEADER);
    update_reading(c);
    return true;
}
