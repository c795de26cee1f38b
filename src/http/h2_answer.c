/* http/h2_answer.c -- the operations of an exchange on HTTP/2: what cstar__respond*() does once its
 * checks have passed.
 *
 * Data flow: cstar__respond*() ──▶ HEADERS are handed to nghttp2 (which copies and compresses them
 * when their turn comes) and body bytes to the stream's queue ──▶ nghttp2 asks for DATA as windows
 * allow (read_data) ──▶ its bytes go from the queue straight into m->out (send_data).
 *
 * The queue of a short whole answer lies in the exchange's arena, that of a longer one or of a
 * streamed response on the heap. A response without bytes yet is *deferred*: nghttp2 forgets it
 * until more is queued.
 *
 * Invariants: 1. END_STREAM is on the last DATA, or on HEADERS of a whole answer without a body.
 * 2. No field that belongs to HTTP/1.1 connections leaves (RFC 9113 8.2.2): cstar__respond*()
 * refuses them, and what it does not know of is dropped here. 3. A response that can't be given is
 * replaced by a 500, or the stream is reset: nobody waits for ever.
 *
 * SPDX-License-Identifier: MIT */
#include "http/h2_parts.h"

#if CSTAR_WITH_HTTP2

enum {
    FRAME_HEAD = 9,
    STACK_FIELDS = 24,
    OWN_FIELDS = 3,           /* :status, date, content-length */
    FIELD_COST = 12,          /* of nghttp2's upper bound of a compressed field */
    MAX_HEAD_OUT = 60 * 1024, /* nghttp2 refuses to send more than 64 KiB */
    SHORT_BODY = 8 * 1024,
    KEEP_QUEUE = 2 * 1024, /* memory that an idle stream of events may keep */
    MAX_WAITING_OUTPUT = 256 * 1024,
    DATE_LENGTH = 29,
};

/* ---- output --------------------------------------------------------------------------------- */

bool cstar__h2_crowded(const cstar__h2 *m) {
    const size_t half = m->out->limit / 2;
    return m->out->len >= (half < MAX_WAITING_OUTPUT ? half : MAX_WAITING_OUTPUT);
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

/* NOLINTNEXTLINE(readability-function-size): the type is nghttp2's */
ssize_t cstar__h2_read_data(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *user) {
    const cstar__h2_stream *s = source->ptr;
    const size_t waiting = s->queue.len - s->at;
    (void)session;
    (void)id;
    (void)buf;
    (void)user;
    if (waiting == 0 && !s->ended) {
        return NGHTTP2_ERR_DEFERRED;
    }
    const size_t n = waiting < length ? waiting : length;
    if (n == waiting && s->ended) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    if (n != 0) {
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    }
    return (ssize_t)n;
}

static void drop_queue(cstar__h2_stream *s) {
    s->at = 0;
    if (s->queue.cap > KEEP_QUEUE) {
        cstar_buf_fini(&s->queue);
    }
    s->queue.len = 0;
}

int cstar__h2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                        size_t length, nghttp2_data_source *source, void *user) {
    cstar__h2 *m = user;
    cstar__h2_stream *s = source->ptr;
    (void)session;
    (void)frame; /* never padded: there is no callback that would ask for it */
    if (cstar__h2_crowded(m)) {
        m->dirty = true;
        return NGHTTP2_ERR_WOULDBLOCK;
    }
    if (!cstar__h2_put(m, head, FRAME_HEAD, s->queue.ptr + s->at, length)) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    s->at += length;
    s->since = m->now;
    cstar__h2_guard_sent(m, length);
    if (s->at == s->queue.len) {
        drop_queue(s);
    }
    return 0;
}

/* ---- queue ---------------------------------------------------------------------------------- */

/* A whole body. */
static cstar_status queue_body(cstar__h2_stream *s, cstar_str body) {
    char *mem = NULL;
    s->at = 0;
    if (body.len <= SHORT_BODY) {
        mem = cstar_arena_alloc(&s->x->arena, body.len);
        if (mem == NULL) {
            return CSTAR_ENOMEM;
        }
        cstar_buf_fixed(&s->queue, mem, body.len);
    } else {
        cstar_buf_init(&s->queue, s->m->env->alloc, body.len);
    }
    cstar_buf_str(&s->queue, body);
    return s->queue.status;
}

/* More of a body; whole or not at all. */
static cstar_status queue_piece(cstar__h2_stream *s, cstar_str bytes) {
    cstar_buf *q = &s->queue;
    const size_t waiting = q->len - s->at;
    if (bytes.len > q->limit) {
        return CSTAR_ELIMIT;
    }
    if (bytes.len > q->limit - waiting) {
        return CSTAR_EAGAIN;
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
    const cstar_status rc = q->status;
    q->status = CSTAR_OK;
    return rc;
}

/* There is something new in the queue, or behind it. */
static void wake(cstar__h2_stream *s) {
    s->m->dirty = true;
    /* fails, harmlessly, if nghttp2 is not waiting for this stream */
    if (nghttp2_session_resume_data(s->m->session, s->id) == NGHTTP2_ERR_NOMEM) {
        s->m->cut = true;
    }
}

/* ---- heads ---------------------------------------------------------------------------------- */

static cstar_str trim(cstar_str v) {
    while (v.len != 0 && (v.ptr[0] == ' ' || v.ptr[0] == '\t')) {
        v = cstar_view(v.ptr + 1, v.len - 1);
    }
    while (v.len != 0 && (v.ptr[v.len - 1] == ' ' || v.ptr[v.len - 1] == '\t')) {
        v.len--;
    }
    return v;
}

/* nghttp2 takes pointers to non-const, but copies what they point to. */
static nghttp2_nv make_nv(cstar_str name, cstar_str value) {
    union {
        const char *from;
        uint8_t *to;
    } n = {name.ptr}, v = {value.ptr};
    return (nghttp2_nv){n.to, v.to, name.len, value.len, NGHTTP2_NV_FLAG_NONE};
}

static nghttp2_nv field_nv(const cstar__field *f) {
    nghttp2_nv nv = make_nv(f->name, trim(f->value));
    if (cstar_str_ieq(f->name, CSTAR_STR("set-cookie"))) {
        nv.flags = NGHTTP2_NV_FLAG_NO_INDEX; /* a secret: in no compression table */
    }
    return nv;
}

static cstar_str decimal(char *end, uint64_t n) {
    char *p = end;
    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    return cstar_view(p, (size_t)(end - p));
}

typedef struct head {
    int status;
    const cstar__field *fields;
    size_t nfields;
    int64_t length; /* -1: say none */
    bool body;      /* DATA follow */
} head;

/* Room for all fields: on the stack, if they are few. */
static nghttp2_nv *field_room(cstar__h2_stream *s, size_t nfields, nghttp2_nv *few) {
    if (nfields <= STACK_FIELDS - OWN_FIELDS) {
        return few;
    }
    if (nfields > SIZE_MAX / 2 / sizeof *few) {
        return NULL;
    }
    return cstar_arena_alloc(&s->x->arena, (nfields + OWN_FIELDS) * sizeof *few);
}

/* nghttp2's own estimate; over its limit it would drop the response without a word to us. */
static bool fits(const nghttp2_nv *nv, size_t n) {
    size_t cost = 0;
    for (size_t i = 0; i < n && cost <= MAX_HEAD_OUT; i++) {
        cost += nv[i].namelen + nv[i].valuelen + FIELD_COST;
    }
    return cost <= MAX_HEAD_OUT;
}

static cstar_status submit(cstar__h2_stream *s, const head *h) {
    const char *date = s->m->env->date;
    char status[24];
    char length[24];
    nghttp2_nv few[STACK_FIELDS];
    nghttp2_nv *nv = field_room(s, h->nfields, few);
    if (nv == NULL) {
        return CSTAR_ENOMEM;
    }
    size_t n = 0;
    nv[n++] = make_nv(CSTAR_STR(":status"), decimal(status + sizeof status, (uint64_t)h->status));
    if (date != NULL) {
        nv[n++] = make_nv(CSTAR_STR("date"), cstar_view(date, DATE_LENGTH));
    }
    for (size_t i = 0; i < h->nfields; i++) {
        nv[n++] = field_nv(&h->fields[i]);
    }
    if (h->length >= 0) {
        nv[n++] = make_nv(CSTAR_STR("content-length"),
                          decimal(length + sizeof length, (uint64_t)h->length));
    }
    if (!fits(nv, n)) {
        return CSTAR_ELIMIT;
    }
    const nghttp2_data_provider body = {{.ptr = s}, cstar__h2_read_data};
    s->since = s->m->now;
    s->m->dirty = true;
    return nghttp2_submit_response(s->m->session, s->id, nv, n, h->body ? &body : NULL) == 0
               ? CSTAR_OK
               : CSTAR_ENOMEM;
}

/* ---- the machine's own answers -------------------------------------------------------------- */

static cstar_status submit_page(cstar__h2_stream *s, int status) {
    const cstar__field type = {CSTAR_STR("content-type"), CSTAR_STR("text/plain; charset=utf-8")};
    char text[64];
    cstar_buf page;
    cstar_buf_fixed(&page, text, sizeof text);
    cstar_buf_puts(&page, cstar__reason(status));
    cstar_buf_byte(&page, '\n');
    const head h = {status, &type, 1, (int64_t)page.len, s->x->request.method != CSTAR__HEAD};
    cstar_buf_fini(&s->queue);
    cstar_status rc = h.body ? queue_body(s, cstar_buf_view(&page)) : CSTAR_OK;
    s->ended = true;
    return rc == CSTAR_OK ? submit(s, &h) : rc;
}

static void answer_error(cstar__h2_stream *s, int status) {
    s->x->status = status;
    s->x->state = CSTAR__RESPONSE_DONE;
    if (submit_page(s, status) != CSTAR_OK) {
        s->x->broken = true;
        cstar__h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR);
    }
}

void cstar__h2_refuse(cstar__h2_stream *s, int status, const char *why) {
    cstar__h2_report(s->m, status, why);
    s->x->broken = !s->complete;
    answer_error(s, status);
}

void cstar__h2_continue(cstar__h2_stream *s) {
    const nghttp2_nv nv = make_nv(CSTAR_STR(":status"), CSTAR_STR("100"));
    /* where memory lacks, the client sends its body after a while by itself */
    (void)nghttp2_submit_headers(s->m->session, NGHTTP2_FLAG_NONE, s->id, NULL, &nv, 1, NULL);
}

/* ---- operations ----------------------------------------------------------------------------- */

static cstar_status give_up(cstar__h2_stream *s, cstar_status why) {
    cstar__h2_report(s->m, 500,
                     why == CSTAR_ELIMIT ? "response over the output limit" : "out of memory");
    answer_error(s, 500);
    return why;
}

static bool has_no_body(const cstar__exchange *x, int status) {
    return x->request.method == CSTAR__HEAD || status == 204 || status == 304;
}

/* "Close behind this response" means here: no new streams. */
static void note_close(const cstar__h2_stream *s) {
    if (s->x->close) {
        cstar__h2_begin_drain(s->m);
    }
}

static cstar_status respond(cstar__exchange *x, int status, const cstar__field *fields,
                            size_t nfields, cstar_str body) {
    cstar__h2_stream *s = x->machine;
    const bool bodiless = has_no_body(x, status);
    /* 304: the length of what was not sent, which only a caller who passes it knows */
    const bool says_length = status != 204 && (status != 304 || body.len != 0);
    const head h = {status, fields, nfields, says_length ? (int64_t)body.len : -1,
                    !bodiless && body.len != 0};
    cstar_status rc = h.body ? queue_body(s, body) : CSTAR_OK;
    s->ended = true;
    rc = rc == CSTAR_OK ? submit(s, &h) : rc;
    if (rc != CSTAR_OK) {
        return give_up(s, rc);
    }
    x->status = status;
    x->sent = bodiless ? 0 : body.len;
    x->state = CSTAR__RESPONSE_DONE;
    note_close(s);
    return CSTAR_OK;
}

static cstar_status start(cstar__exchange *x, int status, const cstar__field *fields,
                          size_t nfields) {
    cstar__h2_stream *s = x->machine;
    /* with DATA even where there will be none: the exchange lasts until it is ended */
    const head h = {status, fields, nfields, -1, true};
    cstar_buf_init(&s->queue, s->m->env->alloc, s->m->limits.max_stream_output);
    cstar_status rc = submit(s, &h);
    if (rc != CSTAR_OK) {
        return give_up(s, rc);
    }
    s->bodiless = has_no_body(x, status);
    x->status = status;
    x->state = CSTAR__RESPONSE_STREAMING;
    note_close(s);
    return CSTAR_OK;
}

static cstar_status write_piece(cstar__exchange *x, cstar_str bytes) {
    cstar__h2_stream *s = x->machine;
    if (s->bodiless) {
        return CSTAR_OK;
    }
    cstar_status rc = queue_piece(s, bytes);
    if (rc == CSTAR_OK) {
        x->sent += bytes.len;
        wake(s);
    }
    return rc;
}

static cstar_status end_response(cstar__exchange *x) {
    cstar__h2_stream *s = x->machine;
    s->ended = true;
    x->state = CSTAR__RESPONSE_DONE;
    s->since = s->m->now;
    wake(s);
    return CSTAR_OK;
}

static void abort_response(cstar__exchange *x) {
    cstar__h2_stream *s = x->machine;
    x->broken = true;
    cstar__h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR);
}

const cstar__exchange_ops cstar__h2_ops = {
    .respond = respond,
    .start = start,
    .write = write_piece,
    .end = end_response,
    .abort = abort_response,
};

#else
typedef int cstar__h2_answer_is_left_out;
#endif
