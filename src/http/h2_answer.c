/* http/h2_answer.c -- the operations of an exchange on HTTP/2: what cstar__respond*() does once its
 * checks have passed.
 *
 * Data flow: cstar__respond*() ──▶ the driver is told (claim) ──▶ HEADERS are handed to nghttp2 (which
 * copies and compresses them when their turn comes), and body bytes to the stream's queue
 * (h2_queue.c). Nothing is written here: frames leave in the entry under way, or in the next.
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
    STACK_FIELDS = 24,
    OWN_FIELDS = 3,           /* :status, date, content-length */
    FIELD_COST = 12,          /* of nghttp2's upper bound of a compressed field */
    MAX_HEAD_OUT = 60 * 1024, /* nghttp2 refuses to send more than 64 KiB */
    DATE_LENGTH = 29,
};

/* ---- the floor below ------------------------------------------------------------------------ */

static void claim(const cstar__h2 *m) {
    const cstar__driver *driver = m->env->driver;
    if (driver != NULL && !m->busy) {
        driver->claim(m->peer->link);
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

/* DATA of a streamed response are submitted when there are some. */
static int hand_over(cstar__h2_stream *s, const nghttp2_nv *nv, size_t n, bool body) {
    const nghttp2_data_provider provider = {{.ptr = NULL}, cstar__h2_read_data};
    if (s->streams) {
        return nghttp2_submit_headers(s->m->session, NGHTTP2_FLAG_NONE, s->id, NULL, nv, n, NULL);
    }
    return nghttp2_submit_response(s->m->session, s->id, nv, n, body ? &provider : NULL);
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
    s->since = (uint32_t)s->m->now;
    s->m->dirty = true;
    return hand_over(s, nv, n, h->body) == 0 ? CSTAR_OK : CSTAR_ENOMEM;
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
    cstar__h2_queue_clear(s);
    cstar_status rc = h.body ? cstar__h2_queue_body(s, cstar_buf_view(&page)) : CSTAR_OK;
    s->ended = true;
    return rc == CSTAR_OK ? submit(s, &h) : rc;
}

static void answer_error(cstar__h2_stream *s, int status) {
    s->x->status = (uint16_t)status;
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

/* 304: the length of what was not sent, which only a caller who passes it knows */
static int64_t said_length(int status, uint64_t length) {
    return status != 204 && (status != 304 || length != 0) ? (int64_t)length : -1;
}

/* The body is queued, or that failed with `rc`: the head, and what is to be noted. */
static cstar_status answer(cstar__h2_stream *s, const head *h, cstar_status rc) {
    s->ended = true;
    rc = rc == CSTAR_OK ? submit(s, h) : rc;
    if (rc != CSTAR_OK) {
        return give_up(s, rc);
    }
    s->x->status = (uint16_t)h->status;
    s->x->state = CSTAR__RESPONSE_DONE;
    note_close(s);
    return CSTAR_OK;
}

static cstar_status respond(cstar__exchange *x, int status, const cstar__field *fields,
                            size_t nfields, cstar_str body) {
    cstar__h2_stream *s = x->machine;
    const bool bodiless = has_no_body(x, status);
    const head h = {status, fields, nfields, said_length(status, body.len),
                    !bodiless && body.len != 0};
    claim(s->m);
    cstar_status rc = h.body ? cstar__h2_queue_body(s, body) : CSTAR_OK;
    rc = answer(s, &h, rc);
    if (rc == CSTAR_OK) {
        x->sent = bodiless ? 0 : body.len;
    }
    return rc;
}

static cstar_status respond_from(cstar__exchange *x, int status, const cstar__field *fields,
                                 size_t nfields, cstar__source *source) {
    cstar__h2_stream *s = x->machine;
    const head h = {status, fields, nfields, said_length(status, source->left),
                    !has_no_body(x, status) && source->left != 0};
    claim(s->m);
    cstar_status rc = CSTAR_OK;
    if (h.body) {
        rc = cstar__h2_queue_source(s, source);
    } else {
        cstar__source_release(source);
    }
    return answer(s, &h, rc);
}

static cstar_status start(cstar__exchange *x, int status, const cstar__field *fields,
                          size_t nfields) {
    cstar__h2_stream *s = x->machine;
    /* with DATA even where there will be none: the exchange lasts until it is ended */
    const head h = {status, fields, nfields, -1, true};
    claim(s->m);
    cstar__h2_queue_begin(s);
    s->streams = true;
    cstar_status rc = submit(s, &h);
    if (rc != CSTAR_OK) {
        s->streams = false;
        return give_up(s, rc);
    }
    s->bodiless = has_no_body(x, status);
    x->status = (uint16_t)status;
    x->state = CSTAR__RESPONSE_STREAMING;
    CSTAR__STAT_ADD(cstar__exchange_stats(x), streams, 1);
    note_close(s);
    return CSTAR_OK;
}

/* They are queued, or that failed with `rc`. */
static cstar_status written(cstar__exchange *x, size_t len, cstar_status rc) {
    if (rc == CSTAR_OK) {
        x->sent += len;
        cstar__h2_queue_wake(x->machine);
    }
    return rc;
}

static cstar_status write_piece(cstar__exchange *x, cstar_str bytes) {
    cstar__h2_stream *s = x->machine;
    if (s->bodiless) {
        return CSTAR_OK;
    }
    claim(s->m);
    return written(x, bytes.len, cstar__h2_queue_piece(s, bytes));
}

static cstar_status write_one(cstar__exchange *x, const cstar__shared *piece) {
    cstar__h2_stream *s = x->machine;
    if (s->bodiless) {
        return CSTAR_OK;
    }
    claim(s->m);
    return written(x, piece->bytes.len, cstar__h2_queue_shared(s, piece));
}

static cstar_status write_shared(cstar__exchange *x, const cstar__shared *const *pieces, size_t n,
                                 size_t *taken) {
    cstar_status rc = CSTAR_OK;
    while (*taken < n && (rc = write_one(x, pieces[*taken])) == CSTAR_OK) {
        ++*taken;
    }
    return rc;
}

static cstar_status end_response(cstar__exchange *x) {
    cstar__h2_stream *s = x->machine;
    claim(s->m);
    cstar__h2_queue_sated(s);
    CSTAR__STAT_SUB(cstar__exchange_stats(x), streams, 1);
    s->ended = true;
    x->state = CSTAR__RESPONSE_DONE;
    s->since = (uint32_t)s->m->now;
    cstar__h2_queue_wake(s);
    return CSTAR_OK;
}

static void abort_response(cstar__exchange *x) {
    cstar__h2_stream *s = x->machine;
    claim(s->m);
    x->broken = true;
    cstar__h2_stream_reset(s, NGHTTP2_INTERNAL_ERROR);
}

static size_t room(const cstar__exchange *x) { return cstar__h2_queue_room(x->machine); }

const cstar__exchange_ops cstar__h2_ops = {
    .respond = respond,
    .start = start,
    .write = write_piece,
    .end = end_response,
    .abort = abort_response,
    .respond_from = respond_from,
    .room = room,
    .write_shared = write_shared,
    .slim = cstar__h2_stream_slim,
    .beside = true,
};

#else
typedef int cstar__h2_answer_is_left_out;
#endif
