/* stream.c -- responses that go on when their handler has returned.
 *
 *     handler ──▶ cstar_stream() ──▶ (it returns; on the loop) start: head, what it has collected
 *
 *                 ┌──────────── MORE ────────────┐
 *                 ▼                              │
 *     drain ──▶ next ──▶ conn->out ──▶ (encoder ──▶ coded) ──▶ machine
 *       ▲                                │             └─ EAGAIN: on_wake ──▶ drain
 *       └──── alarm ◀──── WAIT ──────────┤
 *                                        └──── END ──▶ drained ──▶ done, clean end
 *
 * Invariants: 1. `next` is not called while bytes wait for the machine: what a slow client costs is
 * one piece. 2. A stream ends cleanly behind a whole piece, or it is cut. 3. `done` is called once,
 * when nothing else will be. 4. What `next` allocates of the conn's memory is gone when it returns,
 * so that a stream of any length has a bounded size: the arena and the conn are put back.
 * 5. Behind finish() and cut() neither the conn nor the exchange is touched.
 *
 * SPDX-License-Identifier: MIT */
#include "web/later.h"

enum {
    TURN_CALLS = 64,         /* of `next`, then the other connections have their turn */
    TURN_BYTES = 128 * 1024, /* likewise */
    PROBE = 4096,            /* bytes to try where there is no room, to be woken when there is */
    KEEP_BYTES = 4096,       /* of a buffer, while the stream waits */
};

typedef struct cstar__stream {
    cstar_stream_opts opts;
    cstar__coder *coder; /* NULL: identity */
    cstar_buf coded;     /* what the encoder has given */
    size_t handed;       /* bytes of the outgoing buffer that the machine has taken */
    bool unflushed;      /* something may wait inside the encoder */
    bool waiting;        /* for the alarm */
    bool ending;         /* no further call of next */
    cstar_status ready;  /* of its fields */
    cstar__later later;
    uint64_t total; /* bytes handed over */
} cstar__stream;

/* ---- asking for one ---- */

/* Why these can't be; NULL if they can. */
static const char *refusal(const cstar_stream_opts *o) {
    if (o->next == NULL) {
        return "stream: no next";
    }
    if (o->content_type == NULL) {
        return o->status == 0 || o->status == 200 ? NULL
                                                  : "stream: the status of an event stream is 200";
    }
    if (!cstar__field_ok(CSTAR_STR("content-type"), cstar_cstr(o->content_type))) {
        return "content_type: a line break or control byte";
    }
    const bool has_body =
        o->status == 0 || (o->status >= 200 && o->status <= 599 && o->status != 204 &&
                           o->status != 205 && o->status != 304);
    return has_body ? NULL : "stream: a status without a body";
}

static cstar_status check(cstar_conn *conn, const cstar_stream_opts *o) {
    const char *why = refusal(o);
    if (why != NULL) {
        return cstar__conn_failf(conn, CSTAR_EINVAL, "stream", why);
    }
    cstar__sse_settle(conn);
    const bool goes_on = o->content_type == NULL && conn->answer == CSTAR__ANSWER_SSE;
    if ((conn->answer != CSTAR__ANSWER_NONE && !goes_on) || conn->stream != NULL ||
        conn->live != NULL) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "stream",
                                 "stream: there is a response already");
    }
    return CSTAR_OK;
}

static cstar_status keep(cstar_conn *conn, const cstar_stream_opts *o) {
    cstar__stream *s = cstar_arena_zalloc(&conn->x->arena, sizeof *s);
    const char *type = o->content_type;
    if (s != NULL && type != NULL) {
        type = cstar_arena_strdup(&conn->x->arena, cstar_cstr(type));
    }
    if (s == NULL || (type == NULL && o->content_type != NULL)) {
        return cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
    }
    s->opts = *o;
    s->opts.content_type = type;
    s->opts.status = o->status != 0 ? o->status : 200;
    conn->answer = type == NULL ? CSTAR__ANSWER_SSE : CSTAR__ANSWER_RAW;
    conn->stream = s;
    return CSTAR_OK;
}

cstar_status cstar_conn_stream(cstar_conn *conn, const cstar_stream_opts *opts) {
    cstar_status rc = check(conn, opts);
    rc = rc == CSTAR_OK ? keep(conn, opts) : rc;
    if (rc != CSTAR_OK && opts->done != NULL) {
        opts->done(opts->arg);
    }
    return rc;
}

cstar_status cstar_write(cstar_conn *conn, cstar_str bytes) {
    if (conn->answer != CSTAR__ANSWER_RAW) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "write",
                                 "write: not in a stream of raw content");
    }
    cstar_buf_str(&conn->out, bytes);
    const cstar_status rc = conn->out.status;
    if (rc != CSTAR_OK) {
        conn->out.status = CSTAR_OK; /* less may fit */
        return cstar__conn_failf(conn, rc, "write", cstar_strerror(rc));
    }
    return CSTAR_OK;
}

/* ---- its end ---- */

void cstar__stream_close(cstar_conn *conn) {
    cstar__stream *s = conn->stream;
    if (s == NULL || conn->off_loop) { /* off the loop it is the handler's; blocking.c comes back */
        return;
    }
    conn->stream = NULL;
    conn->answer = CSTAR__ANSWER_GIVEN;
    cstar__coder_give(&conn->app->coders, s->coder);
    cstar_buf_fini(&s->coded);
    cstar_buf_fini(&conn->out);
    cstar__later_fini(&s->later);
    if (s->opts.done != NULL) {
        s->opts.done(s->opts.arg);
    }
}

static void finish(cstar_conn *conn) {
    cstar__exchange *x = conn->x;
    cstar__stream_close(conn);
    (void)cstar__respond_end(x);
}

static void cut(cstar_conn *conn, cstar_status why) {
    cstar__exchange *x = conn->x;
    (void)cstar__conn_failf(conn, why, "stream", cstar_strerror(why));
    cstar__conn_log_error(conn);
    cstar__stream_close(conn);
    cstar__respond_abort(x);
}

/* ---- towards the machine ---- */

static cstar_buf *outgoing(cstar_conn *conn) {
    return conn->stream->coder != NULL ? &conn->stream->coded : &conn->out;
}

static void shrink(cstar_buf *b) {
    if (b->cap > KEEP_BYTES) {
        cstar_buf_fini(b);
    }
}

/* @return CSTAR_OK: all is handed over; CSTAR_EAGAIN: on_wake will come; else it failed. */
static cstar_status drain(cstar_conn *conn) {
    cstar__stream *s = conn->stream;
    cstar_buf *b = outgoing(conn);
    while (s->handed < b->len) {
        const size_t left = b->len - s->handed;
        const size_t room = cstar__respond_room(conn->x);
        const size_t most = room != 0 ? room : PROBE;
        const size_t n = left < most ? left : most;
        const cstar_status rc = cstar__respond_write(conn->x, cstar_view(b->ptr + s->handed, n));
        if (rc != CSTAR_OK) {
            return rc;
        }
        s->handed += n;
        s->total += n;
    }
    cstar_buf_reset(b);
    s->handed = 0;
    if (s->waiting) {
        shrink(&conn->out);
        shrink(&s->coded);
    }
    return CSTAR_OK;
}

/* What was collected, through the encoder. Raw content that goes on at once is not flushed: it
 * would only get larger. */
static cstar_status code(cstar_conn *conn, cstar_next next) {
    cstar__stream *s = conn->stream;
    if (s->coder == NULL) {
        return CSTAR_OK;
    }
    cstar__encoder *e = s->coder->encoder;
    cstar_status rc = cstar__encoder_write(e, cstar_buf_view(&conn->out), &s->coded);
    s->unflushed = s->unflushed || conn->out.len != 0;
    cstar_buf_reset(&conn->out);
    if (rc != CSTAR_OK || next == CSTAR_END) {
        return rc != CSTAR_OK ? rc : cstar__encoder_end(e, &s->coded);
    }
    if (s->unflushed && (next == CSTAR_WAIT || s->opts.content_type == NULL)) {
        s->unflushed = false;
        rc = cstar__encoder_flush(e, &s->coded);
    }
    return rc;
}

/* ---- next ---- */

static cstar_next call_next(cstar_conn *conn) {
    cstar__stream *s = conn->stream;
    cstar_conn before;
    cstar__later_begin(&s->later, conn, &before);
    const cstar_next next = s->opts.next(conn, s->opts.arg);
    const bool ok = cstar__later_end(&s->later, conn, &before, next == CSTAR_MORE ? KEEP_BYTES : 0);
    return ok ? next : CSTAR_END;
}

/* Without a driver (a test) the next wake counts. */
static cstar_next wait_for(cstar_conn *conn, unsigned ms) {
    const cstar_status rc = cstar__exchange_alarm(conn->x, ms);
    if (rc != CSTAR_OK && rc != CSTAR_ENOTSUP) {
        (void)cstar__conn_failf(conn, rc, "stream", "stream: no memory for its next turn");
        cstar__conn_log_error(conn);
        return CSTAR_END;
    }
    conn->stream->waiting = true;
    return CSTAR_WAIT;
}

static cstar_status step(cstar_conn *conn) {
    cstar_next next = call_next(conn);
    if (next == CSTAR_WAIT) {
        next = wait_for(conn, conn->stream->opts.every_ms);
    }
    conn->stream->ending = next == CSTAR_END;
    return code(conn, next);
}

/* Others have their turn. */
static void yield_turn(cstar_conn *conn) {
    if (wait_for(conn, 0) == CSTAR_END) {
        cut(conn, CSTAR_ENOMEM);
    }
}

static void pump(cstar_conn *conn) {
    const cstar__stream *s = conn->stream;
    const uint64_t before = s->total;
    for (unsigned calls = 0;; calls++) {
        cstar_status rc = drain(conn);
        if (rc == CSTAR_EAGAIN || rc == CSTAR_ECLOSED) {
            return; /* on_wake, or on_close */
        }
        if (rc == CSTAR_OK && s->ending) {
            finish(conn);
            return;
        }
        if (rc == CSTAR_OK && s->waiting) {
            return;
        }
        if (rc == CSTAR_OK && (calls >= TURN_CALLS || s->total - before >= TURN_BYTES)) {
            yield_turn(conn);
            return;
        }
        rc = rc == CSTAR_OK ? step(conn) : rc;
        if (rc != CSTAR_OK) {
            cut(conn, rc);
            return;
        }
    }
}

void cstar__stream_wake(cstar_conn *conn) {
    cstar__stream *s = conn->stream;
    if (conn->off_loop || s == NULL || !conn->streaming) {
        return;
    }
    if (conn->x->alarm == 0) {
        s->waiting = false;
    }
    pump(conn);
}

/* ---- its beginning ---- */

static cstar_status set_fields(cstar_conn *conn) {
    cstar__stream *s = conn->stream;
    const bool events = s->opts.content_type == NULL;
    cstar_status rc = events ? cstar__sse_fields(conn)
                             : cstar__conn_set_field(conn, CSTAR_STR("content-type"),
                                                     cstar_cstr(s->opts.content_type));
    if (rc != CSTAR_OK || !cstar__compress_allowed(conn, s->opts.status, events)) {
        return rc;
    }
    rc = cstar__conn_vary(conn, CSTAR_STR("accept-encoding"));
    s->coder =
        rc == CSTAR_OK ? cstar__coder_take(&conn->app->coders, &conn->x->request, false) : NULL;
    return s->coder == NULL
               ? rc
               : cstar__compress_fields(conn, cstar__encoder_coding(s->coder->encoder));
}

/* Their order: an event stream's Cache-Control first, then what a session adds to it. */
void cstar__stream_settle(cstar_conn *conn) {
    cstar__stream *s = conn->stream;
    cstar__sse_settle(conn);
    s->ready = set_fields(conn);
    s->ready = s->ready == CSTAR_OK ? cstar__conn_own_fields(conn) : s->ready;
}

static cstar_status prepare(cstar_conn *conn) {
    cstar__stream *s = conn->stream;
    cstar_buf_init(&s->coded, conn->app->alloc, SIZE_MAX / 2);
    cstar_status rc = s->ready;
    rc = rc == CSTAR_OK ? cstar__later_init(&s->later, conn) : rc;
    conn->x->say_keep_alive = s->opts.content_type == NULL;
    return rc == CSTAR_OK
               ? cstar__respond_start(conn->x, s->opts.status, conn->fields, conn->nfields)
               : rc;
}

void cstar__stream_start(cstar_conn *conn) {
    cstar_status rc = prepare(conn);
    if (rc != CSTAR_OK) {
        (void)cstar__conn_failf(conn, rc, "stream", cstar_strerror(rc));
        cstar__stream_close(conn);
        if (conn->x->state == CSTAR__RESPONSE_NONE && !conn->x->broken) {
            cstar__error_page(conn, 500, NULL);
        }
        return;
    }
    cstar__conn_log_error(conn); /* the handler's */
    conn->streaming = true;
    if (conn->x->request.method == CSTAR__HEAD) {
        finish(conn);
        return;
    }
    rc = code(conn, CSTAR_MORE);
    if (rc != CSTAR_OK) {
        cut(conn, rc);
        return;
    }
    pump(conn);
}
