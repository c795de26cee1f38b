/* http/h1_answer.c -- the operations of an exchange on HTTP/1.1: what cstar__respond*() does
 * once its checks have passed.
 *
 * Data flow: cstar__respond*() ──▶ framing is decided once, with the head ──▶ h1_response.c (and
 * h1_source.c) ──▶ m->out; a complete response ends the exchange (cstar__h1_settle()).
 *
 *     length known            Content-Length
 *     not known, HTTP/1.1     Transfer-Encoding: chunked
 *     not known, HTTP/1.0     until the connection closes
 *     HEAD, 204, 304          the head alone
 *
 * Invariants: 1. Bytes go out whole or not at all. 2. A response that can't be written is
 * replaced by a 500, or the connection is cut: the peer never waits for what will not come, and
 * never takes a part for the whole. 3. Outside of the driver's entries `out` may be in use for
 * another connection: nothing is written to it before the driver was asked (claim()). 4. A streamed
 * response is at most 256 KiB, or one piece, ahead of what the peer has taken.
 *
 * SPDX-License-Identifier: MIT */
#include "http/h1_parts.h"

static bool has_no_body(const cstar__exchange *x, int status) {
    return x->request.method == CSTAR__HEAD || status == 204 || status == 304;
}

/* Decides whether the connection is kept, which the head has to say. */
static inline cstar__h1_answer begin_answer(cstar__h1 *m, cstar__exchange *x, int status,
                                            const cstar__field *fields, size_t nfields) {
    cstar__h1_claim(m);
    m->keep_alive = m->keep_alive && !x->close && cstar__h1_can_swallow(m);
    m->bodiless = has_no_body(x, status);
    return (cstar__h1_answer){
        .status = status,
        .fields = fields,
        .nfields = nfields,
        .close = !m->keep_alive,
        .keep_alive = x->request.minor == 0 || x->say_keep_alive,
    };
}

static void cut(cstar__h1 *m, cstar__exchange *x) {
    m->cut = true;
    m->keep_alive = false;
    x->broken = true;
}

/* The response does not fit: its last chance is an error page. */
static cstar_status give_up(cstar__h1 *m, cstar__exchange *x, cstar_status why) {
    bool head = x->request.method == CSTAR__HEAD;
    m->keep_alive = false;
    cstar__h1_report(m, 500,
                     why == CSTAR_ELIMIT ? "response over the output limit" : "out of memory");
    x->status = 500;
    x->state = CSTAR__RESPONSE_DONE;
    if (cstar__h1_write_error(m->out, m->env->date, 500, true, head) != CSTAR_OK) {
        cut(m, x);
    }
    cstar__h1_settle(m);
    return why;
}

/* 304: the length of what was not sent, which only a caller who passes it knows (RFC 9110 8.6) */
static bool says_length(int status, uint64_t length) {
    return status != 204 && (status != 304 || length != 0);
}

static cstar_status respond(cstar__exchange *x, int status, const cstar__field *fields,
                            size_t nfields, cstar_str body) {
    cstar__h1 *m = x->machine;
    cstar__h1_answer a = begin_answer(m, x, status, fields, nfields);
    a.length = body.len;
    a.has_length = says_length(status, body.len);
    a.body = m->bodiless ? CSTAR_STR("") : body;
    cstar_status rc = cstar__h1_write_answer(m->out, m->env->date, &a);
    if (rc != CSTAR_OK) {
        return give_up(m, x, rc);
    }
    x->status = (uint16_t)status;
    x->sent = a.body.len;
    x->state = CSTAR__RESPONSE_DONE;
    cstar__h1_settle(m);
    return CSTAR_OK;
}

static cstar_status respond_from(cstar__exchange *x, int status, const cstar__field *fields,
                                 size_t nfields, cstar__source *source) {
    cstar__h1 *m = x->machine;
    cstar__h1_answer a = begin_answer(m, x, status, fields, nfields);
    a.length = source->left;
    a.has_length = says_length(status, source->left);
    const size_t before = m->out->len;
    cstar_status rc = cstar__h1_write_answer(m->out, m->env->date, &a);
    x->status = (uint16_t)status;
    if (rc != CSTAR_OK || m->bodiless || source->left == 0) {
        cstar__source_release(source);
    } else {
        rc = cstar__h1_source_begin(m, source);
    }
    if (rc != CSTAR_OK) {
        m->out->len = before;
        return give_up(m, x, rc);
    }
    x->state = CSTAR__RESPONSE_DONE;
    cstar__h1_settle(m);
    return CSTAR_OK;
}

static cstar_status start(cstar__exchange *x, int status, const cstar__field *fields,
                          size_t nfields) {
    cstar__h1 *m = x->machine;
    bool has_body = status != 204 && status != 304;
    if (has_body && x->request.minor == 0) {
        m->keep_alive = false;
    }
    cstar__h1_answer a = begin_answer(m, x, status, fields, nfields);
    a.chunked = has_body && x->request.minor != 0;
    m->chunked = a.chunked;
    cstar_status rc = cstar__h1_write_answer(m->out, m->env->date, &a);
    if (rc != CSTAR_OK) {
        return give_up(m, x, rc);
    }
    m->ahead = 0;
    m->starved = false;
    x->status = (uint16_t)status;
    x->state = CSTAR__RESPONSE_STREAMING;
    CSTAR__STAT_ADD(cstar__exchange_stats(x), streams, 1);
    return CSTAR_OK;
}

/* Beside what was written since the peer had taken all. */
static size_t room_ahead(const cstar__h1 *m) {
    const size_t most = cstar__h1_most_waiting(m);
    return m->ahead < most ? most - m->ahead : 0;
}

static size_t room(const cstar__exchange *x) {
    const cstar__h1 *m = x->machine;
    const size_t ahead = room_ahead(m);
    const size_t in_out = cstar__h1_chunk_room(m->out, m->out->len);
    return m->bodiless || ahead < in_out ? ahead : in_out;
}

static cstar_status put_piece(cstar__h1 *m, cstar_str bytes) {
    if (m->ahead != 0 && bytes.len > room_ahead(m) &&
        bytes.len <= cstar__h1_chunk_room(m->out, 0)) {
        return CSTAR_EAGAIN;
    }
    const cstar_status rc =
        m->chunked ? cstar__h1_write_chunk(m->out, bytes) : cstar__h1_write_bytes(m->out, bytes);
    if (rc == CSTAR_ELIMIT && bytes.len <= cstar__h1_chunk_room(m->out, 0)) {
        return CSTAR_EAGAIN; /* it fits once the output has been sent */
    }
    return rc;
}

static cstar_status write_piece(cstar__exchange *x, cstar_str bytes) {
    cstar__h1 *m = x->machine;
    if (m->bodiless) {
        return CSTAR_OK;
    }
    cstar__h1_claim(m);
    const cstar_status rc = put_piece(m, bytes);
    if (rc == CSTAR_OK) {
        x->sent += bytes.len;
        m->ahead += bytes.len;
    }
    m->starved = m->starved || rc == CSTAR_EAGAIN;
    return rc;
}

static cstar_status end_response(cstar__exchange *x) {
    cstar__h1 *m = x->machine;
    cstar_status rc = CSTAR_OK;
    cstar__h1_claim(m);
    if (m->chunked && !m->bodiless) {
        rc = cstar__h1_write_bytes(m->out, CSTAR_STR("0\r\n\r\n"));
        m->ahead += 5; /* where it lingers */
    }
    CSTAR__STAT_SUB(cstar__exchange_stats(x), streams, 1);
    x->state = CSTAR__RESPONSE_DONE;
    if (rc != CSTAR_OK) {
        cut(m, x);
    }
    cstar__h1_settle(m);
    return rc;
}

static void abort_response(cstar__exchange *x) {
    cstar__h1 *m = x->machine;
    cstar__h1_claim(m); /* nothing is written, but the driver has to see it */
    cut(m, x);
    cstar__h1_settle(m);
}

static cstar_status slim(cstar__exchange *x, cstar__exchange *to) {
    cstar__h1 *m = x->machine;
    m->x = to;
    return CSTAR_OK;
}

const cstar__exchange_ops cstar__h1_ops = {
    .respond = respond,
    .start = start,
    .write = write_piece,
    .end = end_response,
    .abort = abort_response,
    .respond_from = respond_from,
    .room = room,
    .write_shared = cstar__h1_write_shared,
    .slim = slim,
};
