/* conn_write.c -- what goes out of a connection.
 *
 *     machine ▶ out ▶ (encrypt) ──send──▶ all taken: done
 *        │                         └─ rest ▶ backlog ──uv_write──▶ (in flight) ▶ again
 *        └─ a file ──sendfile──▶ all taken: done
 *                      └─ would block ▶ one piece into the backlog ▶ when it is written, again
 *
 * libuv does not tell when a socket can be written to, it only writes; so a file that the socket
 * does not take at once sends one piece the long way, and goes on when that is through.
 *
 * The head in front of a file is a write of its own: to hold it back for one packet (MSG_MORE)
 * would save no system call, and small files are read behind their heads by the machine.
 *
 * Invariants: 1. Bytes leave in the order in which the machine gave them: nothing is sent past a
 * backlog. 2. `stuck` exists from the first byte that the socket did not take until all are taken.
 * 3. A file is sent over plain connections only, and only behind an empty `out`.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* what uv.h needs of POSIX */
#include "net/conn.h"
#include "net/send.h"
#include "net/sendfile.h"

enum {
    PIECE = 64 * 1024, /* of a file, where sendfile can't go on */
    TURN = 256 * 1024, /* of a file, before others have theirs */
};

static cstar_buf *words(const cstar__conn *c) {
    return c->lent ? &c->worker->side : &c->worker->out;
}

static cstar_buf *ciphertext(const cstar__conn *c) {
    return c->lent ? &c->worker->side_cipher : &c->worker->cipher;
}

static cstar__stats *stats(const cstar__conn *c) { return &c->worker->pool.stats; }

/* ---- what is stuck ---- */

size_t cstar__conn_waiting(const cstar__conn *c) {
    return c->stuck != NULL ? c->stuck->backlog.len : 0;
}

static void count_stuck(cstar__conn *c, size_t now) {
    CSTAR__STAT_ADD(stats(c), waiting_bytes, (uint64_t)now - (uint64_t)c->stuck->counted);
    c->stuck->counted = now;
}

void cstar__conn_stuck_free(cstar__conn *c) {
    const cstar_allocator *alloc = c->worker->server->alloc;
    if (c->stuck == NULL) {
        return;
    }
    count_stuck(c, 0);
    cstar_buf_fini(&c->stuck->backlog);
    cstar_buf_fini(&c->stuck->in_flight);
    (void)alloc->resize(alloc->ctx, c->stuck, sizeof *c->stuck, 0);
    c->stuck = NULL;
}

static bool make_stuck(cstar__conn *c) {
    const cstar__server *s = c->worker->server;
    if (c->stuck != NULL) {
        return true;
    }
    cstar__stuck *stuck = s->alloc->resize(s->alloc->ctx, NULL, 0, sizeof *stuck);
    if (stuck == NULL) {
        return false;
    }
    memset(stuck, 0, sizeof *stuck);
    cstar_buf_init(&stuck->backlog, s->alloc, s->opts.max_output);
    cstar_buf_init(&stuck->in_flight, s->alloc, s->opts.max_output);
    c->stuck = stuck;
    return true;
}

static bool write_backlog(cstar__conn *c);

static void on_written(uv_write_t *req, int status) {
    cstar__conn *c = req->data;
    c->writing = false;
    if (c->closing) {
        return; /* freed in on_closed */
    }
    if (status != 0) {
        cstar__conn_close(c);
        return;
    }
    CSTAR__STAT_ADD(stats(c), bytes_out, c->stuck->in_flight.len);
    cstar_buf_reset(&c->stuck->in_flight);
    count_stuck(c, c->stuck->backlog.len);
    cstar__conn_wait_for(c, CSTAR__WAIT_APP); /* it moved: what is waited for is decided anew */
    if (c->stuck->backlog.len == 0) {         /* caught up: give the memory back */
        cstar__conn_stuck_free(c);
    } else if (!write_backlog(c)) { /* came meanwhile; it may be the last that comes */
        cstar__conn_close(c);
        return;
    }
    cstar__conn_enter(c);
    cstar__conn_leave(c);
}

/* Hands the backlog to libuv. */
static bool write_backlog(cstar__conn *c) {
    cstar__stuck *s = c->stuck;
    if (s->backlog.status != CSTAR_OK) {
        return false;
    }
    count_stuck(c, s->backlog.len + s->in_flight.len);
    if (c->writing) {
        return true;
    }
    cstar_buf swap = s->in_flight;
    s->in_flight = s->backlog;
    s->backlog = swap;
    uv_buf_t buf = {.base = s->in_flight.ptr, .len = s->in_flight.len};
    s->req.data = c;
    if (uv_write(&s->req, &c->socket.stream, &buf, 1, on_written) != 0) {
        return false;
    }
    c->writing = true;
    s->queued = s->in_flight.len;
    return true;
}

/* ---- bytes ---- */

/* What is to be sent now: the machine's words, encrypted where TLS is on. NULL: that failed. */
static cstar_buf *outgoing(cstar__conn *c) {
    cstar_buf *plain = words(c);
    cstar_buf *cipher = ciphertext(c);
    if (c->tls == NULL || cstar_buf_status(plain) != CSTAR_OK) {
        return plain;
    }
    if (plain->len != 0 && !c->tls_failed &&
        cstar__tls_write(c->tls, cstar_buf_view(plain), cipher) != CSTAR_OK) {
        return NULL;
    }
    cstar_buf_reset(plain);
    return cipher;
}

/* @return how many bytes the socket took; negative: it is broken. */
static ptrdiff_t send_now(cstar__conn *c, const cstar_buf *out) {
    uv_buf_t buf = {.base = out->ptr, .len = out->len};
    int n = uv_try_write(&c->socket.stream, &buf, 1);
    return n == UV_EAGAIN ? 0 : n;
}

static bool send_out(cstar__conn *c, const cstar_buf *out) {
    size_t sent = 0;
    if (c->stuck == NULL) {
        ptrdiff_t n = send_now(c, out);
        if (n < 0) {
            return false;
        }
        sent = (size_t)n;
        CSTAR__STAT_ADD(stats(c), bytes_out, sent);
        if (sent == out->len) {
            return true;
        }
    }
    if (!make_stuck(c)) {
        return false;
    }
    cstar_buf_add(&c->stuck->backlog, out->ptr + sent, out->len - sent);
    return write_backlog(c);
}

ptrdiff_t cstar__conn_send_pieces(cstar__conn *c, const cstar_str *pieces, size_t n) {
    const ptrdiff_t sent = cstar__send_pieces(c->fd, pieces, n);
    if (sent > 0) {
        CSTAR__STAT_ADD(stats(c), bytes_out, sent);
    }
    return sent;
}

bool cstar__conn_flush(cstar__conn *c) {
    cstar_buf *out = outgoing(c);
    bool ok =
        out != NULL && cstar_buf_status(out) == CSTAR_OK && (out->len == 0 || send_out(c, out));
    cstar_buf_reset(words(c));
    cstar_buf_reset(ciphertext(c));
    return ok;
}

/* ---- files ---- */

static int file_of(const cstar__conn *c, uint64_t *at, uint64_t *left) {
    int fd = -1;
    return c->tls == NULL && cstar__machine_file(&c->machine, &fd, at, left) ? fd : -1;
}

/* Reads the next piece of the file to the end of `to`. */
static bool read_piece(cstar__conn *c, cstar_buf *to, size_t most) {
    uint64_t at = 0;
    uint64_t left = 0;
    int fd = file_of(c, &at, &left);
    size_t want = left < most ? (size_t)left : most;
    if (fd < 0 || !cstar_buf_room(to, want)) {
        return false;
    }
    ptrdiff_t n = cstar__file_read(fd, to->ptr + to->len, want, at);
    if (n <= 0) {
        return false; /* somebody has made it shorter */
    }
    to->len += (size_t)n;
    cstar__machine_file_sent(&c->machine, (uint64_t)n);
    return true;
}

static cstar__sent send_piece(cstar__conn *c) {
    if (!make_stuck(c) || !read_piece(c, &c->stuck->backlog, PIECE) || !write_backlog(c)) {
        return CSTAR__SENT_FAILED;
    }
    return CSTAR__SENT_SOME;
}

cstar__sent cstar__conn_send_file(cstar__conn *c) {
    uint64_t at = 0;
    uint64_t left = 0;
    uv_os_fd_t to = -1;
    int fd = file_of(c, &at, &left);
    if (fd < 0) {
        return CSTAR__SENT_NOTHING;
    }
    if (uv_fileno(&c->socket.handle, &to) != 0) {
        return CSTAR__SENT_FAILED;
    }
    for (size_t turn = TURN; turn != 0 && left != 0;) {
        size_t want = left < turn ? (size_t)left : turn;
        ptrdiff_t n = cstar__file_send(to, fd, at, want);
        if (n < 0) {
            return n == CSTAR__FILE_BLOCKS ? send_piece(c) : CSTAR__SENT_FAILED;
        }
        at += (uint64_t)n;
        left -= (uint64_t)n;
        turn -= (size_t)n;
        CSTAR__STAT_ADD(stats(c), bytes_out, n);
        cstar__machine_file_sent(&c->machine, (uint64_t)n);
    }
    if (left == 0) {
        return CSTAR__SENT_ALL;
    }
    cstar__conn_ready(c); /* others first */
    return CSTAR__SENT_SOME;
}
