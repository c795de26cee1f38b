/* http/h2_queue.c -- the DATA that waits in a stream, and how it leaves.
 *
 * Data flow: cstar__respond*() ──▶ s->queue, or s->source, which is read only when its turn comes ──▶
 * nghttp2 asks as windows allow (read_data) ──▶ bytes go straight into m->out, behind the frame's head
 * (send_data).
 *
 * The queue of a short whole answer lies in the exchange's arena, that of a longer one or of a
 * streamed response on the heap. What a streamed response has waiting is submitted to nghttp2, which
 * forgets it when all has left: so a stream that is silent holds nothing there (its entry for a
 * submission has 152 bytes). A whole answer is submitted once.
 *
 * Invariants: 1. m->queued is the memory of all queues: what is allocated, not what waits in it,
 * since a long answer keeps its memory until its last byte has left. A whole answer is always
 * taken, so it may exceed the limit by one; then no stream begins (cstar__h2_is_full()), and pieces
 * of streamed responses are refused. 2. A source is released once. One that ends early resets its
 * stream. 3. A piece that was refused is remembered (s->starved): the stream is told when it fits
 * and half the queue is free.
 *
 * SPDX-License-Identifier: MIT */
#include "http/h2_parts.h"

#if CSTAR_WITH_HTTP2

enum {
    FRAME_HEAD = 9,
    SHORT_BODY = 8 * 1024,
    KEEP_QUEUE = 2 * 1024, /* memory that an idle stream of events may keep */
    MAX_WAITING_OUTPUT = 256 * 1024,
};

/* ---- output --------------------------------------------------------------------------------- */

bool cstar__h2_crowded(const cstar__h2 *m) {
    const size_t half = m->out->limit / 2;
    return m->stuck || m->out->len >= (half < MAX_WAITING_OUTPUT ? half : MAX_WAITING_OUTPUT);
}

bool cstar__h2_put(cstar__h2 *m, const void *head, size_t head_len, const char *ptr, size_t len) {
    if (!cstar_buf_room(m->out, head_len + len)) {
        return false;
    }
    char *w = m->out->ptr + m->out->len;
    memcpy(w, head, head_len);
    if (len != 0) {
        memcpy(w + head_len, ptr, len);
    }
    m->out->len += head_len + len;
    return true;
}

/* ---- memory --------------------------------------------------------------------------------- */

static size_t waiting_in(const cstar__h2_stream *s) { return s->queue.len - s->at; }

/* The queue may have grown or gone. */
static void charge(cstar__h2_stream *s) {
    s->m->queued += s->queue.cap - s->charged;
    s->charged = s->queue.cap;
}

bool cstar__h2_is_full(const cstar__h2 *m) { return m->queued >= m->limits.max_output; }

static void drop_queue(cstar__h2_stream *s) {
    s->at = 0;
    if (s->queue.cap > (s->x->slim ? 0 : KEEP_QUEUE)) {
        cstar_buf_fini(&s->queue);
        charge(s);
    }
    s->queue.len = 0;
}

static void release(cstar__h2_stream *s) {
    if (s->source != NULL) {
        cstar__source *source = s->source;
        s->source = NULL;
        cstar__source_release(source);
    }
}

void cstar__h2_queue_clear(cstar__h2_stream *s) {
    release(s);
    cstar_buf_fini(&s->queue);
    s->at = 0;
    charge(s);
    cstar__h2_queue_sated(s);
}

/* ---- in ------------------------------------------------------------------------------------- */

cstar_status cstar__h2_queue_body(cstar__h2_stream *s, cstar_str body) {
    s->at = 0;
    if (body.len <= SHORT_BODY) {
        char *mem = cstar_arena_alloc(&s->x->arena, body.len);
        if (mem == NULL) {
            return CSTAR_ENOMEM;
        }
        cstar_buf_fixed(&s->queue, mem, body.len);
    } else {
        cstar_buf_init(&s->queue, s->m->env->alloc, body.len);
    }
    cstar_buf_str(&s->queue, body);
    charge(s);
    return s->queue.status;
}

cstar_status cstar__h2_queue_source(cstar__h2_stream *s, cstar__source *source) {
    s->source = cstar_arena_alloc(&s->x->arena, sizeof *s->source);
    if (s->source == NULL) {
        cstar__source_release(source);
        return CSTAR_ENOMEM;
    }
    *s->source = *source;
    return CSTAR_OK;
}

void cstar__h2_queue_begin(cstar__h2_stream *s) {
    cstar_buf_init(&s->queue, s->m->env->alloc, s->m->limits.max_stream_output);
}

/* In the memory that the stream has, and in what the connection may still have. */
size_t cstar__h2_queue_room(const cstar__h2_stream *s) {
    const cstar__h2 *m = s->m;
    const size_t own = s->queue.limit - waiting_in(s);
    const size_t more = cstar__h2_is_full(m) ? 0 : m->limits.max_output - m->queued;
    const size_t all = s->queue.cap - waiting_in(s) + more;
    return own < all ? own : all;
}

/* While nothing at all waits, a piece up to the queue's own limit is taken. */
static bool takes(const cstar__h2_stream *s, size_t len) {
    return len <= cstar__h2_queue_room(s) || (s->m->queued == s->charged && waiting_in(s) == 0);
}

static cstar_status starve(cstar__h2_stream *s, size_t len) {
    s->m->nstarved += s->starved == 0;
    s->starved = len;
    return CSTAR_EAGAIN;
}

cstar_status cstar__h2_queue_piece(cstar__h2_stream *s, cstar_str bytes) {
    cstar_buf *q = &s->queue;
    const size_t waiting = waiting_in(s);
    if (bytes.len > q->limit) {
        return CSTAR_ELIMIT;
    }
    if (!takes(s, bytes.len)) {
        return starve(s, bytes.len);
    }
    if (s->at != 0 && q->cap - q->len < bytes.len) {
        memmove(q->ptr, q->ptr + s->at, waiting);
        q->len = waiting;
        s->at = 0;
    }
    if (waiting == 0) {
        s->since = s->m->now;
    }
    cstar_buf_str(q, bytes);
    charge(s);
    const cstar_status rc = q->status;
    q->status = CSTAR_OK;
    return rc;
}

void cstar__h2_queue_sated(cstar__h2_stream *s) {
    s->m->nstarved -= s->starved != 0;
    s->starved = 0;
}

bool cstar__h2_queue_wakes(const cstar__h2_stream *s) {
    return s->starved != 0 && waiting_in(s) <= s->queue.limit / 2 && takes(s, s->starved);
}

/* ---- out ------------------------------------------------------------------------------------ */

/* Of a streamed response. Fails, harmlessly, if nghttp2 is at it already or has closed the stream. */
void cstar__h2_queue_wake(cstar__h2_stream *s) {
    const nghttp2_data_provider provider = {{.ptr = NULL}, cstar__h2_read_data};
    s->m->dirty = true;
    const int rc =
        s->attached ? nghttp2_session_resume_data(s->m->session, s->id)
                    : nghttp2_submit_data(s->m->session, NGHTTP2_FLAG_END_STREAM, s->id, &provider);
    s->attached = s->attached || rc == 0;
    s->m->cut = s->m->cut || rc == NGHTTP2_ERR_NOMEM;
}

/* Behind the last of what was submitted: more may have come while that waited for its turn. */
void cstar__h2_queue_sent(cstar__h2_stream *s) {
    if (!s->streams || !s->emptied) {
        return;
    }
    s->attached = false;
    s->emptied = false;
    if (waiting_in(s) != 0 || s->ended) {
        cstar__h2_queue_wake(s);
    }
}

/* NOLINTNEXTLINE(readability-function-size): the type is nghttp2's */
ssize_t cstar__h2_read_data(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *user) {
    cstar__h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
    (void)source; /* a stream may move */
    (void)buf;
    (void)user;
    if (s == NULL) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    const uint64_t waiting = s->source != NULL ? s->source->left : waiting_in(s);
    if (waiting == 0 && !s->ended) {
        return NGHTTP2_ERR_DEFERRED;
    }
    const size_t n = waiting < length ? (size_t)waiting : length;
    if (n == waiting) {
        s->emptied = true;
        *flags |= NGHTTP2_DATA_FLAG_EOF | (s->ended ? 0 : NGHTTP2_DATA_FLAG_NO_END_STREAM);
    }
    if (n != 0) {
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    }
    return (ssize_t)n;
}

static int send_queued(cstar__h2_stream *s, const uint8_t *head, size_t length) {
    if (!cstar__h2_put(s->m, head, FRAME_HEAD, s->queue.ptr + s->at, length)) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    s->at += length;
    if (s->at == s->queue.len) {
        drop_queue(s);
    }
    return 0;
}

/* The source has no more: nghttp2 resets the stream with INTERNAL_ERROR. */
static int end_short(cstar__h2_stream *s) {
    s->x->broken = true;
    s->reset = true;
    s->m->dirty = true;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int send_source(cstar__h2_stream *s, const uint8_t *head, size_t length) {
    cstar_buf *out = s->m->out;
    if (!cstar_buf_room(out, FRAME_HEAD + length)) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    char *w = out->ptr + out->len;
    memcpy(w, head, FRAME_HEAD);
    for (size_t have = 0; have < length;) {
        const size_t n = cstar__source_take(s->source, w + FRAME_HEAD + have, length - have);
        if (n == 0) {
            return end_short(s);
        }
        have += n;
    }
    out->len += FRAME_HEAD + length;
    s->x->sent += length;
    if (s->source->left == 0) {
        release(s);
    }
    return 0;
}

int cstar__h2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                        size_t length, nghttp2_data_source *source, void *user) {
    cstar__h2 *m = user;
    cstar__h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    (void)source; /* and it is never padded: there is no callback that would ask for it */
    if (s == NULL) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (cstar__h2_crowded(m)) {
        m->dirty = true;
        return NGHTTP2_ERR_WOULDBLOCK;
    }
    const int rc = s->source != NULL ? send_source(s, head, length) : send_queued(s, head, length);
    if (rc == 0) {
        s->since = m->now;
        cstar__h2_guard_sent(m, length);
    }
    return rc;
}

#else
typedef int cstar__h2_queue_is_left_out;
#endif
