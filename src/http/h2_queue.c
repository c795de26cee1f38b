/* http/h2_queue.c -- the DATA that waits in a stream, and how it leaves.
 *
 * Data flow: cstar__respond*() ──▶ s->out, s->piece or s->source, which is read only when its turn comes ──▶
 * nghttp2 asks as windows allow (read_data) ──▶ bytes go straight into m->out, behind the frame's head
 * (send_data).
 *
 * The queue of a short whole answer lies in the exchange's arena, that of a longer one or of a
 * streamed response on the heap; a slim stream has none while nothing waits. Of pieces that many
 * streams share the first that waits is borrowed: each of them has a reference, and none a copy. What a streamed response has waiting is submitted to nghttp2, which
 * forgets it when all has left: so a stream that is silent holds nothing there (its entry for a
 * submission has 152 bytes). A whole answer is submitted once.
 *
 * Invariants: 1. m->queued is the memory of all queues: what is allocated, not what waits in it,
 * since a long answer keeps its memory until its last byte has left. A whole answer is always
 * taken, so it may exceed the limit by one, as may a long piece that comes while nothing waits;
 * then no stream begins (cstar__h2_is_full()), and pieces of streamed responses are refused. What
 * is kept although nothing waits in it is at most a quarter of the limit. 2. A source is released
 * once. One that ends early resets its stream. 3. A piece that was refused is remembered
 * (s->starved): the stream is told when it fits and half the queue is free.
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

/* NULL: it is slim, and has none before it needs one. */
static cstar__h2_out *own_of(cstar__h2_stream *s) { return s->x->slim ? NULL : &s->own; }

size_t cstar__h2_queue_waiting(const cstar__h2_stream *s) {
    if (s->borrows) {
        return s->piece->bytes.len;
    }
    return s->out != NULL ? s->out->queue.len - s->out->at : 0;
}

/* The queue may have grown or gone. */
static void charge(cstar__h2_stream *s) {
    s->m->queued += s->out->queue.cap - s->out->charged;
    s->out->charged = s->out->queue.cap;
}

bool cstar__h2_is_full(const cstar__h2 *m) { return m->queued >= m->limits.max_output; }

static cstar__h2_out *out_new(const cstar__h2 *m) {
    const cstar_allocator *alloc = m->env->alloc;
    cstar__h2_out *out = alloc->resize(alloc->ctx, NULL, 0, sizeof *out);
    if (out != NULL) {
        *out = (cstar__h2_out){.at = 0};
        cstar_buf_init(&out->queue, alloc, m->limits.max_stream_output);
    }
    return out;
}

static void out_free(cstar__h2_stream *s) {
    const cstar_allocator *alloc = s->m->env->alloc;
    (void)alloc->resize(alloc->ctx, s->out, sizeof *s->out, 0);
    s->out = NULL;
}

static void forget_queue(cstar__h2_stream *s) {
    s->out->at = 0;
    cstar_buf_fini(&s->out->queue);
    charge(s);
    if (s->x->slim) {
        out_free(s);
    }
}

/* What nothing waits in may stay a little longer, but never so much that there is no room for
 * anything else: nobody would ever give it back. */
static size_t most_kept(const cstar__h2 *m) { return m->limits.max_output / 4; }

static void drop_queue(cstar__h2_stream *s) {
    const size_t cap = s->out->queue.cap;
    if (s->x->slim || cap > KEEP_QUEUE || s->m->queued > most_kept(s->m)) {
        forget_queue(s);
    } else {
        s->out->at = 0;
        s->out->queue.len = 0;
    }
}

static void borrow(cstar__h2_stream *s, const cstar__shared *piece) {
    piece->hold(piece, true);
    s->piece = piece;
    s->borrows = true;
    s->m->queued += piece->bytes.len;
}

static void give_back(cstar__h2_stream *s) {
    const cstar__shared *piece = s->piece;
    s->m->queued -= piece->bytes.len;
    s->borrows = false;
    s->out = own_of(s);
    piece->hold(piece, false);
}

/* It belongs to the request: what is slim streams. */
static cstar__source *source_of(const cstar__h2_stream *s) { return s->x->slim ? NULL : s->source; }

static void release(cstar__h2_stream *s) {
    cstar__source *source = source_of(s);
    if (source != NULL) {
        s->source = NULL;
        cstar__source_release(source);
    }
}

void cstar__h2_queue_clear(cstar__h2_stream *s) {
    release(s);
    if (s->borrows) {
        give_back(s);
    }
    if (s->out != NULL) {
        forget_queue(s);
    }
    cstar__h2_queue_sated(s);
}

/* ---- slim streams --------------------------------------------------------------------------- */

bool cstar__h2_queue_slim(cstar__h2_stream *s, cstar__h2_stream *from) {
    cstar__h2_out *own = &from->own;
    if (from->borrows || cstar__h2_queue_waiting(from) == 0) { /* what is kept for later goes */
        s->m->queued -= own->charged;
        cstar_buf_fini(&own->queue);
        own->at = own->charged = 0;
        if (!from->borrows) {
            s->out = NULL;
        }
        return true;
    }
    s->out = out_new(s->m);
    if (s->out != NULL) {
        *s->out = *own; /* its bytes are on the heap: the response streams */
    }
    return s->out != NULL;
}

void cstar__h2_queue_unslim(cstar__h2_stream *s) {
    if (!s->borrows && s->out != NULL) {
        out_free(s);
    }
}

/* ---- in ------------------------------------------------------------------------------------- */

cstar_status cstar__h2_queue_body(cstar__h2_stream *s, cstar_str body) {
    s->out->at = 0;
    if (body.len <= SHORT_BODY) {
        char *mem = cstar_arena_alloc(&s->x->arena, body.len);
        if (mem == NULL) {
            return CSTAR_ENOMEM;
        }
        cstar_buf_fixed(&s->out->queue, mem, body.len);
    } else {
        cstar_buf_init(&s->out->queue, s->m->env->alloc, body.len);
    }
    cstar_buf_str(&s->out->queue, body);
    charge(s);
    return s->out->queue.status;
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
    cstar_buf_init(&s->out->queue, s->m->env->alloc, s->m->limits.max_stream_output);
}

/* In the memory that the stream has, and in what the connection may still have. What is borrowed counts
 * there, too, and would move to the stream's. Behind a long piece there is none until all of it has
 * left: its memory would stay as long as anything waits. */
size_t cstar__h2_queue_room(const cstar__h2_stream *s) {
    const cstar__h2 *m = s->m;
    const size_t waiting = cstar__h2_queue_waiting(s);
    const size_t most = m->limits.max_stream_output;
    const size_t cap = s->borrows || s->out == NULL ? 0 : s->out->queue.cap;
    const bool is_long = cap > most && waiting != 0;
    const size_t own = waiting < most && !is_long ? most - waiting : 0;
    const size_t have = cap != 0 ? cap - waiting : 0;
    const size_t more = cstar__h2_is_full(m) ? 0 : m->limits.max_output - m->queued;
    return own < have + more ? own : have + more;
}

/* While nothing waits in the stream, a piece of any length is taken, as on HTTP/1.1, but a long one
 * only while the connection has room at all: as a whole answer it may exceed the limit by itself. */
static bool takes(const cstar__h2_stream *s, size_t len) {
    const cstar__h2 *m = s->m;
    const size_t charged = s->borrows || s->out == NULL ? 0 : s->out->charged;
    const bool alone = m->queued - charged <= most_kept(m);
    const bool is_long = len > m->limits.max_stream_output && !cstar__h2_is_full(m);
    return len <= cstar__h2_queue_room(s) ||
           (cstar__h2_queue_waiting(s) == 0 && (alone || is_long));
}

/* Of a piece that may ever be taken: what the output has room for, or the stream. */
static size_t longest(const cstar__h2 *m) {
    const size_t own = m->limits.max_stream_output;
    const size_t most = m->out->limit < UINT32_MAX ? m->out->limit : UINT32_MAX;
    return most > own ? most : own;
}

static cstar_status starve(cstar__h2_stream *s, size_t len) {
    s->m->nstarved += s->starved == 0;
    s->starved = (uint32_t)len; /* of one that is within the limits */
    return CSTAR_EAGAIN;
}

/* Behind what waits, which moves to the front if that makes room. What is longer than `most` has
 * been let in alone. */
static cstar_status append(cstar__h2_out *out, cstar_str bytes, size_t most) {
    cstar_buf *q = &out->queue;
    if (out->at != 0 && q->cap - q->len < bytes.len) {
        q->len -= out->at;
        memmove(q->ptr, q->ptr + out->at, q->len);
        out->at = 0;
    }
    q->limit = q->len + bytes.len < most ? most : q->len + bytes.len;
    cstar_buf_str(q, bytes);
    const cstar_status rc = q->status;
    q->status = CSTAR_OK;
    return rc;
}

/* Into the stream's own memory, if it has some or gets it. */
static cstar_status copy_in(cstar__h2_stream *s, cstar_str bytes) {
    s->out = s->out != NULL ? s->out : out_new(s->m);
    if (s->out == NULL) {
        return CSTAR_ENOMEM;
    }
    const cstar_status rc = append(s->out, bytes, s->m->limits.max_stream_output);
    charge(s);
    if (s->x->slim && s->out->queue.len == 0) { /* it failed */
        forget_queue(s);
    }
    return rc;
}

/* What was borrowed is copied: something else comes behind it, or only a part of it goes. */
static cstar_status stop_borrowing(cstar__h2_stream *s) {
    const cstar__shared *piece = s->piece;
    s->borrows = false;
    s->out = own_of(s);
    const cstar_status rc = copy_in(s, piece->bytes);
    if (rc != CSTAR_OK) {
        s->piece = piece;
        s->borrows = true;
        return rc;
    }
    s->m->queued -= piece->bytes.len;
    piece->hold(piece, false);
    return CSTAR_OK;
}

/* @return CSTAR_OK: it may come now. */
static cstar_status may_come(cstar__h2_stream *s, size_t len) {
    if (len > longest(s->m)) {
        return CSTAR_ELIMIT;
    }
    if (!takes(s, len)) {
        return starve(s, len);
    }
    if (cstar__h2_queue_waiting(s) == 0) {
        s->since = (uint32_t)s->m->now;
    }
    return CSTAR_OK;
}

cstar_status cstar__h2_queue_piece(cstar__h2_stream *s, cstar_str bytes) {
    cstar_status rc = may_come(s, bytes.len);
    if (rc == CSTAR_OK && s->borrows) {
        rc = stop_borrowing(s);
    }
    return rc == CSTAR_OK ? copy_in(s, bytes) : rc;
}

cstar_status cstar__h2_queue_shared(cstar__h2_stream *s, const cstar__shared *piece) {
    if (piece->hold == NULL || cstar__h2_queue_waiting(s) != 0) {
        return cstar__h2_queue_piece(s, piece->bytes);
    }
    const cstar_status rc = may_come(s, piece->bytes.len);
    if (rc == CSTAR_OK) {
        borrow(s, piece);
    }
    return rc;
}

void cstar__h2_queue_sated(cstar__h2_stream *s) {
    s->m->nstarved -= s->starved != 0;
    s->starved = 0;
}

bool cstar__h2_queue_wakes(const cstar__h2_stream *s) {
    return s->starved != 0 && cstar__h2_queue_waiting(s) <= s->m->limits.max_stream_output / 2 &&
           takes(s, s->starved);
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
    if (cstar__h2_queue_waiting(s) != 0 || s->ended) {
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
    const cstar__source *body = source_of(s);
    const uint64_t waiting = body != NULL ? body->left : cstar__h2_queue_waiting(s);
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

static int send_borrowed(cstar__h2_stream *s, const uint8_t *head) {
    const cstar_str all = s->piece->bytes;
    if (!cstar__h2_put(s->m, head, FRAME_HEAD, all.ptr, all.len)) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    give_back(s);
    return 0;
}

static int send_queued(cstar__h2_stream *s, const uint8_t *head, size_t length) {
    if (s->borrows && length == s->piece->bytes.len) {
        return send_borrowed(s, head);
    }
    if (s->borrows && stop_borrowing(s) != CSTAR_OK) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    cstar__h2_out *out = s->out;
    if (out == NULL || !cstar__h2_put(s->m, head, FRAME_HEAD, out->queue.ptr + out->at, length)) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    out->at += length;
    if (out->at == out->queue.len) {
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
    const int rc =
        source_of(s) != NULL ? send_source(s, head, length) : send_queued(s, head, length);
    if (rc == 0) {
        s->since = (uint32_t)m->now;
        cstar__h2_guard_sent(m, length);
    }
    return rc;
}

#else
typedef int cstar__h2_queue_is_left_out;
#endif
