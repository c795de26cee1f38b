/* http/h2_session.c -- the nghttp2 session: its options, and what it calls back.
 *
 *     begin_headers ─▶ header... ─▶ frame_recv(HEADERS) ─▶ on_head ─▶ (100) ─▶ data... ─▶ on_end
 *                                                                                          │
 *     stream_close ◀─ frame_send(END_STREAM) ◀─ send_data ◀─ read_data ◀── cstar__respond*()
 *
 * nghttp2 checks what RFC 9113 demands of frames and messages and resets or ends by itself; this
 * file adds our limits, and turns the rest into handler calls.
 *
 * Invariants: 1. A stream's user data is its cstar__h2_stream, or NULL if it was refused: then
 * every callback but this one passes it by. 2. Handler calls are made inside nghttp2's callbacks,
 * where nothing may be sent or read: answers are only submitted. 3. Callbacks never end the
 * session; they leave a verdict, and the caller of nghttp2 acts on it.
 *
 * SPDX-License-Identifier: MIT */
#include "http/h2_parts.h"

#if CSTAR_WITH_HTTP2

#include <assert.h>

enum {
    STREAM_WINDOW = 256 * 1024, /* of bodies on their way to us; the handler takes them at once */
    CONNECTION_WINDOW = 1024 * 1024,
    MAX_SETTINGS = 32, /* entries of one frame */
    MAX_WAITING_ACKS = 256,
    LIST_ABUSE = 8,        /* a header list this many times too long is an attack */
    FIELD_OVERHEAD = 32,   /* RFC 9113 6.5.2 */
    SETTING = 6,           /* bytes of one */
    MAX_REST = 256 * 1024, /* of a request that was answered before its end */
};

/* ---- streams -------------------------------------------------------------------------------- */

void cstar__h2_report(const cstar__h2 *m, int status, const char *why) {
    const cstar__handler *h = m->env->handler;
    if (status != 0) {
        CSTAR__STAT_ADD(&m->env->pool->stats, refused, 1);
    }
    if (h->on_refuse != NULL) {
        h->on_refuse(h->ctx, status, why);
    }
}

static cstar__h2_stream *stream_open(cstar__h2 *m, int32_t id) {
    cstar__exchange *x = cstar__exchange_take(m->env->pool);
    cstar__h2_stream *s = x != NULL ? cstar_arena_zalloc(&x->arena, sizeof *s) : NULL;
    if (s == NULL) {
        cstar__exchange_give(m->env->pool, x);
        return NULL;
    }
    s->m = m;
    s->x = x;
    s->id = id;
    s->since = (uint32_t)m->now;
    s->began = m->now;
    s->out = &s->own;
    x->ops = &cstar__h2_ops;
    x->pool->driver = m->env->driver; /* the same each time */
    x->peer = m->peer;
    x->machine = s;
    s->next = m->streams;
    if (s->next != NULL) {
        s->next->prev = s;
    }
    m->streams = s;
    m->nstreams++;
    CSTAR__STAT_ADD(cstar__exchange_stats(x), active, 1);
    return s;
}

static void replace(cstar__h2_stream *s, cstar__h2_stream *by) {
    if (s->prev != NULL) {
        s->prev->next = by;
    } else {
        s->m->streams = by;
    }
    if (s->next != NULL) {
        s->next->prev = by;
    }
}

static_assert(offsetof(cstar__h2_stream, began) <= CSTAR__SLIM_BESIDE, "there is room for it");

/* `t` takes the place of `s`. */
static cstar_status move(cstar__h2_stream *s, cstar__h2_stream *t) {
    memcpy(t, s, offsetof(cstar__h2_stream, began));
    if (!cstar__h2_queue_slim(t, s)) {
        return CSTAR_ENOMEM;
    }
    if (nghttp2_session_set_stream_user_data(s->m->session, s->id, t) != 0) {
        cstar__h2_queue_unslim(t);
        return CSTAR_ESTATE;
    }
    replace(s, t);
    return CSTAR_OK;
}

cstar_status cstar__h2_stream_slim(cstar__exchange *x, cstar__exchange *to) {
    cstar__h2_stream *s = x->machine;
    cstar__h2_stream *t = cstar__exchange_beside(to);
    if (!s->complete || !s->streams || s->m->cut) {
        return CSTAR_ESTATE;
    }
    const cstar_status rc = move(s, t);
    if (rc == CSTAR_OK) {
        t->x = to;
        to->machine = t;
    }
    return rc;
}

/* The exchange is over for the floors above; its memory, and the stream in it, is not: it may rest,
 * or be held. */
static void close_exchange(cstar__h2_stream *s) {
    cstar__exchange *x = s->x;
    if (s->closed || !s->told) {
        return;
    }
    s->closed = true;
    cstar__h2_queue_clear(s);
    if (x->state == CSTAR__RESPONSE_STREAMING) {
        CSTAR__STAT_SUB(cstar__exchange_stats(x), streams, 1);
    }
    s->m->env->handler->on_close(s->m->env->handler->ctx, x);
    x->broken = true; /* whatever is left of it: nothing answers it or wakes it any more */
    if (x->alarm != 0) {
        cstar__exchange_driver(x)->over(x->peer->link, x);
    }
}

/* nghttp2 knows it no more, even if its memory is held. Not asked once it is to be cut: see
 * above. */
static void forget(const cstar__h2_stream *s) {
    if (!s->x->slim && s->x->held && !s->m->cut) {
        (void)nghttp2_session_set_stream_user_data(s->m->session, s->id, NULL);
    }
}

void cstar__h2_stream_close(cstar__h2_stream *s, bool broken) {
    cstar__h2 *m = s->m;
    cstar__exchange *x = s->x;
    if (s->prev != NULL) {
        s->prev->next = s->next;
    } else {
        m->streams = s->next;
    }
    if (s->next != NULL) {
        s->next->prev = s->prev;
    }
    m->nstreams--;
    m->nrests -= s->rests;
    x->broken = x->broken || broken;
    close_exchange(s);
    cstar__h2_queue_clear(s);
    forget(s);
    CSTAR__STAT_SUB(cstar__exchange_stats(x), active, 1);
    cstar__exchange_give(m->env->pool, x);
}

static void count_provoked(cstar__h2 *m) {
    cstar__h2_count(m, &m->guard.count.provoked, m->limits.resets, "provoked resets");
}

static void reset_id(cstar__h2 *m, int32_t id, uint32_t code) {
    m->dirty = true;
    if (nghttp2_submit_rst_stream(m->session, NGHTTP2_FLAG_NONE, id, code) != 0) {
        m->cut = true;
    }
}

void cstar__h2_stream_reset(cstar__h2_stream *s, uint32_t code) {
    if (!s->reset) {
        s->reset = true;
        reset_id(s->m, s->id, code);
    }
}

/* A stream that gets no answer: it may be asked again (RFC 9113 8.7). */
static void count_refused(cstar__h2 *m) { CSTAR__STAT_ADD(&m->env->pool->stats, refused, 1); }

static cstar__h2_stream *stream_of(nghttp2_session *session, int32_t id) {
    return nghttp2_session_get_stream_user_data(session, id);
}

/* ---- heads ---------------------------------------------------------------------------------- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    cstar__h2 *m = user;
    const int32_t id = frame->hd.stream_id;
    m->list_bytes = 0;
    m->list_fields = 0;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0; /* trailers */
    }
    const bool is_over = m->nstreams >= m->limits.max_streams; /* which it knows not to do */
    if (is_over || cstar__h2_is_full(m)) {
        if (is_over) {
            count_provoked(m);
        }
        count_refused(m);
        reset_id(m, id, NGHTTP2_REFUSED_STREAM);
        return 0;
    }
    cstar__h2_stream *s = stream_open(m, id);
    if (s == NULL || nghttp2_session_set_stream_user_data(session, id, s) != 0) {
        reset_id(m, id, NGHTTP2_INTERNAL_ERROR);
    }
    return 0;
}

static cstar_str text_of(nghttp2_rcbuf *buf) {
    const nghttp2_vec v = nghttp2_rcbuf_get_buf(buf);
    return cstar_view((const char *)v.base, v.len);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name_buf,
                     nghttp2_rcbuf *value_buf, uint8_t flags, void *user) {
    cstar__h2 *m = user;
    const cstar_str name = text_of(name_buf);
    const cstar_str value = text_of(value_buf);
    (void)flags;
    const uint64_t sum = (uint64_t)m->list_bytes + name.len + value.len + FIELD_OVERHEAD;
    m->list_bytes = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
    if (m->list_bytes / LIST_ABUSE > m->limits.max_head) {
        m->verdict = "header list bomb";
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    cstar__h2_stream *s = stream_of(session, frame->hd.stream_id);
    if (s == NULL || s->complete || s->told) {
        return 0; /* refused; or trailers, which nobody asks for */
    }
    if (!cstar__h2_head_field(s, name, value)) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* RST_STREAM with INTERNAL_ERROR */
    }
    return 0;
}

/* A field that nghttp2 would silently leave out: what an intermediary let through is not ours to
 * repair. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags, void *user) {
    (void)session;
    (void)frame;
    (void)name;
    (void)value;
    (void)flags;
    (void)user;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* here: RST_STREAM with PROTOCOL_ERROR */
}

static void request_end(cstar__h2_stream *s) {
    cstar__exchange *x = s->x;
    s->complete = true;
    s->since = (uint32_t)s->m->now;
    if (!s->told || x->state != CSTAR__RESPONSE_NONE || x->broken) {
        return;
    }
    if (cstar__h2_is_full(s->m)) {
        count_refused(s->m);
        x->broken = true;
        cstar__h2_stream_reset(s, NGHTTP2_REFUSED_STREAM);
        return;
    }
    nghttp2_session *session = s->m->session;
    const int32_t id = s->id;
    s->m->env->handler->on_end(s->m->env->handler->ctx, x);
    s = stream_of(session, id); /* it may be slim now */
    x = s->x;
    if (x->state == CSTAR__RESPONSE_NONE && !x->later && !x->broken) {
        cstar__h2_refuse(s, 500, "the handler gave no response");
    }
}

static void too_long(cstar__h2_stream *s) { cstar__h2_refuse(s, 413, "body too long"); }

static void tell_head(cstar__h2_stream *s, bool end_stream) {
    cstar__exchange *x = s->x;
    s->told = true;
    s->m->env->handler->on_head(s->m->env->handler->ctx, x);
    if (x->state != CSTAR__RESPONSE_NONE || x->broken || end_stream) {
        return;
    }
    if (x->request.content_length > 0 && (uint64_t)x->request.content_length > x->max_body) {
        too_long(s);
    } else if (s->expects) {
        cstar__h2_continue(s);
    }
}

static void head_end(cstar__h2_stream *s, bool end_stream) {
    s->since = (uint32_t)s->m->now;
    s->began = s->m->now;
    if (!cstar__h2_head_end(s, end_stream)) {
        cstar__h2_report(s->m, 500, "out of memory");
        cstar__h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR);
    } else if (s->malformed) {
        count_provoked(s->m);
        cstar__h2_report(s->m, 400, s->why);
        cstar__h2_stream_reset(s, NGHTTP2_PROTOCOL_ERROR);
    } else if (s->refusal != 0) {
        s->complete = end_stream;
        cstar__h2_refuse(s, s->refusal, s->why);
    } else {
        tell_head(s, end_stream);
    }
}

/* ---- frames --------------------------------------------------------------------------------- */

/* nghttp2 counts the byte that tells the length of the padding as padding. */
static bool is_only_padding(const nghttp2_frame *frame) {
    return frame->hd.length != 0 && frame->hd.length == frame->data.padlen &&
           (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    cstar__h2 *m = user;
    const bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) {
        return 0;
    }
    if (frame->hd.type == NGHTTP2_DATA && is_only_padding(frame)) {
        cstar__h2_count(m, &m->guard.count.empties, m->limits.empties, "empty frames");
    }
    cstar__h2_stream *s = stream_of(session, frame->hd.stream_id);
    if (s != NULL && frame->hd.type == NGHTTP2_HEADERS &&
        frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        head_end(s, end);
    }
    if (s != NULL && end) {
        request_end(s);
    }
    return 0;
}

/* What comes behind an answer, until it is too much. */
static void drop_rest(cstar__h2_stream *s, size_t len) {
    s->dropped += (uint32_t)len; /* of one frame at a time */
    if (s->dropped > MAX_REST) {
        cstar__h2_stream_reset(s, NGHTTP2_NO_ERROR);
    }
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *ptr,
                         size_t len, void *user) {
    cstar__h2 *m = user;
    cstar__h2_stream *s = stream_of(session, id);
    (void)flags;
    if (s != NULL && s->rests) {
        drop_rest(s, len);
        return 0;
    }
    if (s == NULL || !s->told || s->x->state != CSTAR__RESPONSE_NONE || s->x->broken) {
        return 0; /* dropped; auto window updates count it as read */
    }
    cstar__exchange *x = s->x;
    s->since = (uint32_t)m->now;
    if (len > x->max_body - x->body_seen) {
        too_long(s);
        return 0;
    }
    x->body_seen += len;
    m->env->handler->on_body(m->env->handler->ctx, x, (const char *)ptr, len);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user) {
    cstar__h2_stream *s = stream_of(session, id);
    (void)code;
    (void)user;
    if (s != NULL) {
        cstar__h2_stream_close(s, !s->end_sent);
    }
    return 0;
}

/* ---- what goes out -------------------------------------------------------------------------- */

/* The answer is out while the request still comes. RFC 9113 8.1 has RST_STREAM follow, but clients
 * that are still sending then lose the answer (curl 7.88 does): so the rest is dropped for a while
 * first. For the floors above the exchange ends here. */
static void end_sent(cstar__h2_stream *s) {
    cstar__h2 *m = s->m;
    s->end_sent = true;
    s->since = (uint32_t)m->now;
    if (s->complete || s->reset) {
        return;
    }
    s->rests = true;
    m->nrests++;
    if (m->ended) {
        cstar__h2_stream_reset(s, NGHTTP2_NO_ERROR);
    }
    close_exchange(s);
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    cstar__h2 *m = user;
    cstar__h2_stream *s = NULL;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        s = stream_of(session, frame->hd.stream_id);
        if (s != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            end_sent(s);
        } else if (s != NULL && frame->hd.type == NGHTTP2_DATA) {
            cstar__h2_queue_sent(s);
        }
        break;
    case NGHTTP2_RST_STREAM:
        CSTAR__STAT_ADD(&m->env->pool->stats, h2_resets_out, 1);
        s = stream_of(session, frame->hd.stream_id);
        if ((s == NULL || !s->reset) && frame->rst_stream.error_code != NGHTTP2_REFUSED_STREAM) {
            count_provoked(m); /* nghttp2's idea; ours were counted where they were made */
        }
        break;
    case NGHTTP2_GOAWAY:
        if (frame->goaway.error_code != NGHTTP2_NO_ERROR && !m->tripped) {
            m->tripped = true;
            CSTAR__STAT_ADD(&m->env->pool->stats, h2_goaways, 1);
            cstar__h2_report(m, 0, nghttp2_http2_strerror(frame->goaway.error_code));
        }
        break;
    default:
        break;
    }
    return 0;
}

/* A head that nghttp2 could not send after all: nobody may wait for it. */
static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int error,
                             void *user) {
    (void)user;
    cstar__h2_stream *s =
        frame->hd.type == NGHTTP2_HEADERS ? stream_of(session, frame->hd.stream_id) : NULL;
    if (s != NULL && error != NGHTTP2_ERR_STREAM_CLOSING && error != NGHTTP2_ERR_STREAM_CLOSED) {
        s->x->broken = true;
        cstar__h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR);
    }
    return 0;
}

/* ---- the session ---------------------------------------------------------------------------- */

static void set_callbacks(nghttp2_session_callbacks *c) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(c, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(c, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(c, on_frame_not_send);
    nghttp2_session_callbacks_set_send_data_callback(c, cstar__h2_send_data);
}

static void set_options(nghttp2_option *o) {
    nghttp2_option_set_no_closed_streams(o, 1); /* kept for priority trees that we don't have */
    nghttp2_option_set_max_settings(o, MAX_SETTINGS);
    nghttp2_option_set_max_outbound_ack(o, MAX_WAITING_ACKS);
}

static cstar_status create(cstar__h2 *m) {
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *options = NULL;
    int rc = nghttp2_session_callbacks_new(&callbacks);
    if (rc == 0) {
        rc = nghttp2_option_new(&options);
    }
    if (rc == 0) {
        set_callbacks(callbacks);
        set_options(options);
        rc = nghttp2_session_server_new3(&m->session, callbacks, m, options, &m->mem);
    }
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
    return rc == 0 ? CSTAR_OK : CSTAR_ENOMEM;
}

/* MAX_CONCURRENT_STREAMS is told to the peer, but not to nghttp2, which would end the whole
 * connection where RFC 9113 5.1.2 asks for the end of a stream: on_begin_headers() does that. So it
 * is the first entry, and is put right in the bytes. */
static cstar_status put_settings(cstar__h2 *m) {
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, INT32_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, m->limits.max_head},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    if (nghttp2_submit_settings(m->session, NGHTTP2_FLAG_NONE, entries,
                                sizeof entries / sizeof entries[0]) != 0) {
        return CSTAR_ENOMEM;
    }
    const uint8_t *bytes = NULL;
    const ssize_t n = nghttp2_session_mem_send(m->session, &bytes);
    if (n < 0 || (size_t)n != sizeof m->guard.head + sizeof entries / sizeof entries[0] * SETTING) {
        return CSTAR_ENOMEM;
    }
    const size_t value = m->out->len + sizeof m->guard.head + 2;
    if (!cstar__h2_put(m, bytes, (size_t)n, NULL, 0)) {
        return CSTAR_ENOMEM;
    }
    for (unsigned i = 0; i < 4; i++) {
        m->out->ptr[value + i] = (char)(m->limits.max_streams >> (24 - 8 * i) & 0xff);
    }
    return CSTAR_OK;
}

cstar_status cstar__h2_session_open(cstar__h2 *m) {
    cstar__h2_memory_init(m);
    cstar_status rc = create(m);
    if (rc == CSTAR_OK) {
        rc = put_settings(m);
    }
    if (rc == CSTAR_OK && nghttp2_session_set_local_window_size(m->session, NGHTTP2_FLAG_NONE, 0,
                                                                CONNECTION_WINDOW) != 0) {
        rc = CSTAR_ENOMEM;
    }
    return rc;
}

/* To look for what it has left takes as long as there are cells of all sessions together, and a
 * hundred thousand peers may vanish at once. */
void cstar__h2_session_close(cstar__h2 *m) {
    if (!m->cut || m->vanished) {
        nghttp2_session_del(m->session);
    }
    cstar__h2_memory_fini(m);
    m->session = NULL;
}

#else
typedef int cstar__h2_session_is_left_out;
#endif
