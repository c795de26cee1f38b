/* http/h1.c -- the states of an HTTP/1.1 connection. The drawing is in h1.h; the parts it calls
 * are listed in h1_parts.h.
 *
 *     feed ─▶ run ─▶ one function per state ─▶ handler ─▶ cstar__respond*() ─▶ m->out
 *              ▲                │
 *     resume ──┘                └─▶ settle: the exchange ends, the next request, or the close
 *
 * `held` is used in two ways, never at once. As a *part* it is the beginning of a head or of a
 * line whose rest has not come; the rest is appended up to its end and not a byte further. As a
 * *queue* (m->queued) it is input that nobody has looked at, from held_at on, since a response
 * has to come first; it is then read in place, like a caller's buffer. What is left over of a
 * queue when its end is reached in the middle of a line becomes a part. It owns memory only
 * while it holds bytes.
 *
 * Invariants: 1. m->x is set from on_head until on_close. 2. In a body state with m->x NULL, or
 * with a response begun, what is read is dropped. 3. While m->feeding, responses are only
 * written; the loop settles afterwards, so no handler is ever called from inside another. 4. In
 * CSTAR__H1_CLOSING there is no exchange, and nothing is read any more.
 *
 * SPDX-License-Identifier: MIT */
#include "http/h1.h"

#include "http/h1_parts.h"

#include <assert.h>

enum {
    MAX_CHUNK_LINE = 256,
    MAX_TRAILER = 4 * 1024,
    MAX_PENDING = 64 * 1024,
    HELD_FIRST = 64, /* bytes of memory */
};

/* `held` has no limit of its own: a part is bounded by the limits of heads and lines, a queue
 * by the driver, which stops reading at max_pending, and so exceeds it by one read at most. */
#define HELD_LIMIT ((size_t)1 << 31)

/* What is left of the input, and whether memory ran out. */
typedef struct input {
    const char *at, *end;
    cstar_status status;
} input;

static size_t limit_or(size_t set, size_t standard) { return set != 0 ? set : standard; }
static size_t left(const input *in) { return (size_t)(in->end - in->at); }

/* ---- held ----------------------------------------------------------------------------------- */

static void release_held(cstar__h1 *m) {
    const cstar_allocator *alloc = m->env->alloc;
    if (m->held.ptr != NULL) {
        (void)alloc->resize(alloc->ctx, m->held.ptr, m->held.cap, 0);
    }
    m->held = (cstar__h1_held){0};
    m->held_at = 0;
    m->queued = false;
}

static size_t part_length(const cstar__h1 *m) { return m->queued ? 0 : m->held.len; }
static size_t queue_length(const cstar__h1 *m) { return m->queued ? m->held.len - m->held_at : 0; }

/* Room for `n` bytes more. */
static bool grow_held(cstar__h1 *m, size_t n) {
    const cstar_allocator *alloc = m->env->alloc;
    cstar__h1_held *h = &m->held;
    size_t cap = h->cap != 0 ? h->cap : HELD_FIRST;
    if (n <= h->cap - h->len) {
        return true;
    }
    if (n > HELD_LIMIT - h->len) {
        return false;
    }
    while (cap < h->len + n) {
        cap *= 2;
    }
    char *ptr = alloc->resize(alloc->ctx, h->ptr, h->cap, cap);
    if (ptr != NULL) {
        h->ptr = ptr;
        h->cap = (uint32_t)cap;
    }
    return ptr != NULL;
}

static bool append_held(cstar__h1 *m, input *in, size_t n) {
    if (!grow_held(m, n)) {
        in->status = CSTAR_ENOMEM;
        return false;
    }
    if (n != 0) {
        memcpy(m->held.ptr + m->held.len, in->at, n);
    }
    m->held.len += (uint32_t)n;
    in->at += n;
    return true;
}

/* The rest of the input is the beginning of something: it becomes a part. */
static bool keep_part(cstar__h1 *m, input *in) {
    if (!m->queued) {
        return append_held(m, in, left(in));
    }
    size_t n = left(in);
    memmove(m->held.ptr, in->at, n);
    m->held.len = (uint32_t)n;
    m->held_at = 0;
    m->queued = false;
    in->at = in->end;
    return true;
}

/* The rest of the input has to wait for a response: it becomes, or stays, the queue. */
static bool keep_queue(cstar__h1 *m, input *in) {
    if (m->queued) {
        m->held_at = (uint32_t)(in->at - m->held.ptr);
        return true;
    }
    m->queued = true;
    return append_held(m, in, left(in));
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void close_machine(cstar__h1 *m) {
    m->state = CSTAR__H1_CLOSING;
    m->keep_alive = false;
    if (!m->feeding) {
        release_held(m); /* else the loop may be reading from it */
    }
}

static void end_exchange(cstar__h1 *m) {
    cstar__exchange *x = m->x;
    const bool feeding = m->feeding;
    cstar__h1_source_end(m);
    CSTAR__STAT_SUB(cstar__exchange_stats(x), active, 1);
    if (x->state == CSTAR__RESPONSE_STREAMING) {
        CSTAR__STAT_SUB(cstar__exchange_stats(x), streams, 1);
    }
    m->feeding = true;
    m->env->handler->on_close(m->env->handler->ctx, x);
    m->feeding = feeding;
    m->x = NULL;
    cstar__exchange_give(m->env->pool, x);
}

/* The connection is to be cut: without the rest of the output. */
static void break_off(cstar__h1 *m) {
    m->cut = true;
    if (m->x != NULL) {
        m->x->broken = true;
        end_exchange(m);
    }
    close_machine(m);
}

static void next_request(cstar__h1 *m) {
    m->state = CSTAR__H1_IDLE;
    m->blank = false;
    m->want_continue = false;
    if (!m->keep_alive || (m->ended && !m->queued)) {
        close_machine(m);
    }
}

/* The end is written, and not taken yet. */
static bool is_lingering(const cstar__h1 *m) {
    return m->x->lingers && m->x->state == CSTAR__RESPONSE_DONE && m->ahead != 0;
}

static void settle(cstar__h1 *m) {
    if (m->x == NULL) {
        return;
    }
    if (m->cut) {
        break_off(m);
        return;
    }
    if (m->x->state != CSTAR__RESPONSE_DONE || m->source != NULL || is_lingering(m)) {
        return;
    }
    m->keep_alive = m->keep_alive && !m->x->close;
    end_exchange(m);
    if (!m->keep_alive) {
        close_machine(m);
    } else if (m->state == CSTAR__H1_ANSWERING) {
        next_request(m);
    } /* else the rest of the body is swallowed first */
}

void cstar__h1_settle(cstar__h1 *m) {
    if (!m->feeding) {
        settle(m);
    }
}

bool cstar__h1_can_swallow(const cstar__h1 *m) {
    if (m->state == CSTAR__H1_BODY) {
        /* who asked for 100-continue may leave the body out, or not (RFC 9110 10.1.1) */
        return m->body_left <= CSTAR__H1_SWALLOW && !m->want_continue;
    }
    return m->state == CSTAR__H1_ANSWERING;
}

/* ---- refusals ------------------------------------------------------------------------------- */

void cstar__h1_report(const cstar__h1 *m, int status, const char *why) {
    CSTAR__STAT_ADD(&m->env->pool->stats, refused, 1);
    const cstar__handler *h = m->env->handler;
    if (h->on_refuse != NULL) {
        h->on_refuse(h->ctx, status, why);
    }
}

/* The machine answers itself, and closes unless `keep`. */
static void answer_error(cstar__h1 *m, int status, bool keep, bool head) {
    if (cstar__h1_write_error(m->out, m->env->date, status, !keep, head) != CSTAR_OK) {
        m->cut = true;
    }
    m->keep_alive = keep && !m->cut;
}

/* A head that can't be accepted. */
static void refuse_head(cstar__h1 *m, int status, const char *why, bool head) {
    cstar__h1_report(m, status, why);
    answer_error(m, status, false, head);
    close_machine(m);
}

/* An exchange that the machine has to answer; `keep` the connection if the framing is still
 * trusted. */
static void refuse_exchange(cstar__h1 *m, int status, const char *why, bool keep) {
    cstar__exchange *x = m->x;
    cstar__h1_report(m, status, why);
    answer_error(m, status, keep, x->request.method == CSTAR__HEAD);
    x->status = (uint16_t)status;
    x->state = CSTAR__RESPONSE_DONE;
    x->broken = m->cut || m->state != CSTAR__H1_ANSWERING;
    end_exchange(m);
    if (!m->keep_alive) {
        close_machine(m);
    }
}

/* A body that can't be read on. A response that has begun is worth finishing, but nothing can
 * follow it. */
static void refuse_body(cstar__h1 *m, int status, const char *why) {
    if (m->x == NULL) {
        close_machine(m);
    } else if (m->x->state == CSTAR__RESPONSE_NONE) {
        refuse_exchange(m, status, why, false);
    } else {
        cstar__h1_report(m, status, why);
        m->keep_alive = false;
        m->state = CSTAR__H1_ANSWERING;
    }
}

/* ---- head ----------------------------------------------------------------------------------- */

/* The request is complete. */
static void end_request(cstar__h1 *m) {
    cstar__exchange *x = m->x;
    if (x == NULL) {
        next_request(m);
        return;
    }
    m->state = CSTAR__H1_ANSWERING;
    if (x->state == CSTAR__RESPONSE_NONE) {
        m->env->handler->on_end(m->env->handler->ctx, x);
        x = m->x; /* it may be slim now */
        if (x->state == CSTAR__RESPONSE_NONE && !x->later && !m->cut) {
            refuse_exchange(m, 500, "the handler gave no response", false);
            return;
        }
    }
    settle(m);
}

/* Copies the head into an exchange and parses it there. @return 0 or the status of the refusal. */
static int open_exchange(cstar__h1 *m, const char *ptr, size_t len, cstar__h1_framing *framing) {
    const size_t nfields = m->scan.lines - 1;
    cstar__exchange *x = cstar__exchange_take(m->env->pool);
    cstar__field *fields =
        x != NULL ? cstar_arena_alloc(&x->arena, nfields * sizeof *fields + len) : NULL;
    if (fields == NULL) {
        cstar__exchange_give(m->env->pool, x);
        framing->why = "out of memory";
        return 500;
    }
    char *head = (char *)(fields + nfields);
    memcpy(head, ptr, len);
    int status = cstar__h1_parse_head(head, len, fields, nfields, &x->request, framing);
    if (status != 0) {
        cstar__exchange_give(m->env->pool, x);
        return status;
    }
    x->ops = &cstar__h1_ops;
    x->pool->driver = m->env->driver; /* the same each time */
    x->peer = m->peer;
    x->machine = m;
    m->x = x;
    CSTAR__STAT_ADD(cstar__exchange_stats(x), active, 1);
    return 0;
}

/* 100 (Continue), unless the body is on its way already. */
static void say_continue(cstar__h1 *m, bool body_is_there) {
    if (m->want_continue && !body_is_there) {
        (void)cstar__h1_write_bytes(m->out, CSTAR_STR("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    m->want_continue = false; /* where it does not fit, the client sends after a while by itself */
}

/* The head is read: on_head, and what its answer means for the body. */
static void start_exchange(cstar__h1 *m, const cstar__h1_framing *framing, bool more_is_there) {
    cstar__exchange *x = m->x;
    const int64_t length = x->request.content_length;
    m->keep_alive = framing->keep_alive && !m->draining;
    m->body_left = length > 0 ? (uint64_t)length : 0;
    m->body_seen = 0;
    m->heads++;
    m->state = framing->chunked ? CSTAR__H1_CHUNK_LINE
               : length > 0     ? CSTAR__H1_BODY
                                : CSTAR__H1_ANSWERING;
    m->want_continue = framing->expect_continue && length != 0;
    m->env->handler->on_head(m->env->handler->ctx, x);
    if (x->state != CSTAR__RESPONSE_NONE || m->cut) {
        settle(m);
    } else if (length > 0 && (uint64_t)length > x->max_body) {
        refuse_exchange(m, 413, "body too long", m->keep_alive && cstar__h1_can_swallow(m));
    } else if (length == 0) {
        end_request(m);
    } else {
        say_continue(m, more_is_there);
    }
}

/* A refusal that a complete request line brings takes precedence over one of the lines behind
 * it, so that the outcome does not depend on how the bytes were cut. Once the state is
 * CSTAR__H1_FIELDS the line is known to be good. */
static int check_line(cstar__h1 *m, const char *ptr, int status, const char **why) {
    cstar__request scratch = {0};
    if (m->state == CSTAR__H1_FIELDS || m->scan.lines == 0) {
        return status;
    }
    const char *line_why = NULL;
    int line_status = cstar__h1_parse_line(ptr, m->scan.first, &scratch, &line_why);
    if (line_status != 0) {
        *why = line_why;
        return line_status;
    }
    return status;
}

static bool is_head_request(const char *ptr, size_t len) {
    return len >= 5 && memcmp(ptr, "HEAD ", 5) == 0;
}

/* `len` bytes at `ptr` are a complete head; `part`: in m->held. */
static void take_head(cstar__h1 *m, input *in, const char *ptr, size_t len, bool part) {
    cstar__h1_framing framing = {0};
    const bool head = is_head_request(ptr, len);
    int status = open_exchange(m, ptr, len, &framing);
    m->scan = (cstar__h1_scan){0};
    if (part) {
        release_held(m);
    }
    if (status == 0) {
        start_exchange(m, &framing, in->at < in->end);
        return;
    }
    if (status == 500) {
        in->status = CSTAR_ENOMEM;
    }
    refuse_head(m, status, framing.why, head);
}

static void skip_blank(cstar__h1 *m, input *in, bool part) {
    m->scan = (cstar__h1_scan){0};
    if (m->blank) {
        refuse_head(m, 400, "more than one empty line before a request", false);
        return;
    }
    m->blank = true;
    m->state = CSTAR__H1_IDLE;
    if (part) {
        release_held(m);
    } else {
        in->at += 2;
    }
}

static const char *line_end(const input *in) {
    const char *lf = memchr(in->at, '\n', left(in));
    return lf != NULL ? lf + 1 : in->end;
}

static void read_head(cstar__h1 *m, input *in) {
    const bool part = part_length(m) != 0;
    if (part && !append_held(m, in, (size_t)(line_end(in) - in->at))) {
        refuse_head(m, 500, "out of memory", false);
        return;
    }
    const char *ptr = part ? m->held.ptr : in->at;
    const size_t len = part ? m->held.len : left(in);
    const char *why = "";
    int rc = cstar__h1_scan_head(&m->scan, &m->env->limits, ptr, len, &why);
    if (rc == CSTAR__H1_HEAD) {
        const size_t head_length = m->scan.line;
        in->at += part ? 0 : head_length;
        take_head(m, in, ptr, head_length, part);
        return;
    }
    if (rc == CSTAR__H1_BLANK) {
        skip_blank(m, in, part);
        return;
    }
    rc = check_line(m, ptr, rc, &why);
    if (rc == CSTAR__H1_MORE) {
        m->state = m->scan.lines != 0 ? CSTAR__H1_FIELDS : CSTAR__H1_LINE;
        if (part || keep_part(m, in)) {
            return;
        }
        rc = 500;
        why = "out of memory";
    }
    refuse_head(m, rc, why, is_head_request(ptr, len));
}

/* ---- body ----------------------------------------------------------------------------------- */

/* Hands up to m->body_left bytes to the handler, or drops them. */
static void deliver(cstar__h1 *m, input *in) {
    const char *ptr = in->at;
    const size_t n = left(in) < m->body_left ? left(in) : (size_t)m->body_left;
    in->at += n;
    m->body_left -= n;
    m->body_seen += n;
    cstar__exchange *x = m->x;
    if (x != NULL && x->state == CSTAR__RESPONSE_NONE) {
        x->body_seen += n;
        m->env->handler->on_body(m->env->handler->ctx, x, ptr, n);
        settle(m);
    }
}

static void read_body(cstar__h1 *m, input *in) {
    deliver(m, in);
    if (m->state == CSTAR__H1_BODY && m->body_left == 0) {
        end_request(m);
    }
}

static void read_chunk_data(cstar__h1 *m, input *in) {
    deliver(m, in);
    if (m->state == CSTAR__H1_CHUNK_DATA && m->body_left == 0) {
        m->state = CSTAR__H1_CHUNK_END;
        m->body_left = 2;
    }
}

static void read_chunk_end(cstar__h1 *m, input *in) {
    if (*in->at != (m->body_left == 2 ? '\r' : '\n')) {
        refuse_body(m, 400, "chunk without its CRLF");
        return;
    }
    in->at++;
    m->body_left--;
    if (m->body_left == 0) {
        m->state = CSTAR__H1_CHUNK_LINE;
    }
}

/* Takes a line of at most `max` bytes off the input, with the help of m->held. @return false:
 * it is not complete (`*line` is empty), or too long, or memory ran out: refused. */
static bool take_line(cstar__h1 *m, input *in, size_t max, int status, cstar_str *line) {
    const size_t n = (size_t)(line_end(in) - in->at);
    const bool complete = in->at[n - 1] == '\n';
    const size_t before = part_length(m);
    if (n > max - before) {
        refuse_body(m, status, "chunk line or trailer too long");
        return false;
    }
    if (before == 0 && complete) {
        *line = cstar_view(in->at, n);
        in->at += n;
        return true;
    }
    if (before == 0 ? !keep_part(m, in) : !append_held(m, in, n)) {
        refuse_body(m, 500, "out of memory");
        return false;
    }
    *line = cstar_view(m->held.ptr, m->held.len);
    return complete;
}

static void drop_line(cstar__h1 *m) {
    if (part_length(m) != 0) {
        release_held(m);
    }
}

static void read_chunk_line(cstar__h1 *m, input *in) {
    cstar_str line;
    const char *why = "";
    if (!take_line(m, in, limit_or(m->env->limits.max_chunk_line, MAX_CHUNK_LINE), 400, &line)) {
        return;
    }
    int status = cstar__h1_parse_chunk_line(line, &m->body_left, &why);
    drop_line(m);
    const cstar__exchange *x = m->x;
    if (status != 0) {
        refuse_body(m, status, why);
    } else if (m->body_left == 0) {
        m->state = CSTAR__H1_TRAILER;
        m->trailer_seen = 0;
    } else if (x != NULL && x->state == CSTAR__RESPONSE_NONE &&
               m->body_left > x->max_body - x->body_seen) {
        refuse_body(m, 413, "body too long");
    } else {
        m->state = CSTAR__H1_CHUNK_DATA;
    }
}

static void read_trailer(cstar__h1 *m, input *in) {
    cstar_str line;
    const char *why = "";
    bool last = false;
    const size_t max = limit_or(m->env->limits.max_trailer, MAX_TRAILER);
    if (!take_line(m, in, max - m->trailer_seen, 431, &line)) {
        return;
    }
    m->trailer_seen += line.len;
    int status = cstar__h1_parse_trailer(line, &last, &why);
    drop_line(m);
    if (status != 0) {
        refuse_body(m, status, why);
    } else if (last) {
        end_request(m);
    }
}

/* ---- loop ----------------------------------------------------------------------------------- */

/* No memory for requests that wait: they are lost, and with them the connection, but not the
 * response under way. */
static void drop_queue(cstar__h1 *m, input *in) {
    m->keep_alive = false;
    release_held(m);
    in->at = in->end;
    if (m->state == CSTAR__H1_IDLE) {
        close_machine(m);
    }
}

/* @return false: the rest of the input waits. */
static bool wait_for_response(cstar__h1 *m, input *in) {
    if (m->state == CSTAR__H1_ANSWERING && !m->keep_alive) {
        in->at = in->end; /* nobody will answer it */
    } else if (!keep_queue(m, in)) {
        drop_queue(m, in);
    }
    return false;
}

static bool step(cstar__h1 *m, input *in) {
    switch ((cstar__h1_state)m->state) {
    case CSTAR__H1_IDLE:
        if (cstar__h1_crowded(m)) {
            return wait_for_response(m, in);
        }
        read_head(m, in);
        break;
    case CSTAR__H1_LINE:
    case CSTAR__H1_FIELDS:
        read_head(m, in);
        break;
    case CSTAR__H1_BODY:
        read_body(m, in);
        break;
    case CSTAR__H1_CHUNK_LINE:
        read_chunk_line(m, in);
        break;
    case CSTAR__H1_CHUNK_DATA:
        read_chunk_data(m, in);
        break;
    case CSTAR__H1_CHUNK_END:
        read_chunk_end(m, in);
        break;
    case CSTAR__H1_TRAILER:
        read_trailer(m, in);
        break;
    case CSTAR__H1_ANSWERING:
        return wait_for_response(m, in);
    case CSTAR__H1_CLOSING:
        in->at = in->end;
        break;
    }
    return in->at < in->end;
}

/* The input has ended, and all of it was looked at. */
static void end_input(cstar__h1 *m) {
    switch ((cstar__h1_state)m->state) {
    case CSTAR__H1_IDLE:
    case CSTAR__H1_LINE:
    case CSTAR__H1_FIELDS:
        close_machine(m);
        break;
    case CSTAR__H1_ANSWERING:
        m->keep_alive = false;
        break;
    case CSTAR__H1_CLOSING:
        break;
    case CSTAR__H1_BODY:
    case CSTAR__H1_CHUNK_LINE:
    case CSTAR__H1_CHUNK_DATA:
    case CSTAR__H1_CHUNK_END:
    case CSTAR__H1_TRAILER:
    default:
        if (m->x != NULL && (m->x->state == CSTAR__RESPONSE_STREAMING || m->source != NULL)) {
            m->keep_alive = false;
            m->state = CSTAR__H1_ANSWERING;
            break;
        }
        if (m->x != NULL) {
            m->x->broken = true;
            end_exchange(m);
        }
        close_machine(m);
        break;
    }
}

static cstar_status run(cstar__h1 *m, input *in) {
    const bool from_queue = m->queued;
    assert(!m->feeding);
    m->feeding = true;
    while (step(m, in)) {
    }
    m->feeding = false;
    if (m->state == CSTAR__H1_CLOSING || (from_queue && m->queued && in->at == in->end)) {
        release_held(m);
    }
    if (m->ended && !m->queued) {
        end_input(m);
    }
    return in->status;
}

static cstar_status run_queue(cstar__h1 *m) {
    input in = {m->held.ptr + m->held_at, m->held.ptr + m->held.len, CSTAR_OK};
    return run(m, &in);
}

/* More input while some waits: it waits too. */
static cstar_status enqueue(cstar__h1 *m, input *in) {
    if (m->held_at != 0) {
        m->held.len -= m->held_at;
        memmove(m->held.ptr, m->held.ptr + m->held_at, m->held.len);
        m->held_at = 0;
    }
    if (!append_held(m, in, left(in))) {
        drop_queue(m, in);
    }
    return in->status;
}

/* ---- entries -------------------------------------------------------------------------------- */

void cstar__h1_init(cstar__h1 *m, const cstar__env *env, const cstar__peer *peer, cstar_buf *out) {
    memset(m, 0, sizeof *m);
    m->env = env;
    m->peer = peer != NULL ? peer : &cstar__nobody;
    m->out = out;
    m->keep_alive = true;
}

void cstar__h1_fini(cstar__h1 *m) {
    if (m->env == NULL) {
        return;
    }
    assert(!m->feeding);
    if (m->x != NULL) {
        m->x->broken = true;
        end_exchange(m);
    }
    close_machine(m);
}

void cstar__h1_lend(cstar__h1 *m, cstar_buf *out) { m->out = out; }

cstar_status cstar__h1_feed(cstar__h1 *m, const char *ptr, size_t len) {
    input in = {ptr, ptr + len, CSTAR_OK};
    if (len == 0 || m->state == CSTAR__H1_CLOSING) {
        return CSTAR_OK;
    }
    if (!m->queued) {
        return run(m, &in);
    }
    cstar_status rc = enqueue(m, &in);
    return rc == CSTAR_OK ? cstar__h1_resume(m) : rc;
}

/* What a streamed response has written was taken. Only the driver knows when: it calls
 * cstar__h1_resume() then and not before, with an empty `out`. */
static bool was_taken(const cstar__h1 *m) {
    return (m->ahead != 0 || m->starved) && m->out->len == 0 && m->x != NULL &&
           (m->x->state == CSTAR__RESPONSE_STREAMING || is_lingering(m));
}

static bool has_queue(const cstar__h1 *m) {
    return m->queued && m->state == CSTAR__H1_IDLE && !cstar__h1_crowded(m);
}

bool cstar__h1_wants_resume(const cstar__h1 *m) {
    return has_queue(m) || was_taken(m) || cstar__h1_source_ready(m);
}

void cstar__h1_wake(cstar__h1 *m, cstar__exchange *x) {
    const cstar__handler *h = m->env->handler;
    if (m->feeding || m->x != x || x->broken || h->on_wake == NULL) {
        return;
    }
    m->feeding = true;
    h->on_wake(h->ctx, x);
    m->feeding = false;
    settle(m);
}

cstar_status cstar__h1_resume(cstar__h1 *m) {
    if (m->feeding) {
        return CSTAR_OK;
    }
    if (was_taken(m)) {
        const bool starved = m->starved;
        m->ahead = 0;
        m->starved = false;
        if (m->x->state == CSTAR__RESPONSE_DONE) {
            settle(m);
        } else if (starved) {
            cstar__h1_wake(m, m->x);
        }
    }
    if (cstar__h1_source_ready(m)) {
        cstar__h1_source_pull(m);
        settle(m);
    }
    return has_queue(m) ? run_queue(m) : CSTAR_OK;
}

void cstar__h1_eof(cstar__h1 *m) {
    m->ended = true;
    if (!m->queued && !m->feeding) {
        end_input(m);
    }
}

void cstar__h1_timeout(cstar__h1 *m) {
    const bool responding =
        m->state == CSTAR__H1_ANSWERING || (m->x != NULL && m->x->state != CSTAR__RESPONSE_NONE);
    if (m->state == CSTAR__H1_CLOSING) {
        return;
    }
    if (responding) {
        break_off(m);
    } else if (m->x != NULL) {
        refuse_exchange(m, 408, "request body timed out", false);
    } else if (m->state == CSTAR__H1_LINE || m->state == CSTAR__H1_FIELDS) {
        refuse_head(m, 408, "request head timed out", is_head_request(m->held.ptr, m->held.len));
    } else {
        close_machine(m);
    }
}

/* The stream under way may last for ever, unless somebody ends it. */
static void tell_drain(cstar__h1 *m) {
    const cstar__handler *h = m->env->handler;
    cstar__exchange *x = m->x;
    if (m->feeding || x == NULL || x->broken || x->drained ||
        x->state != CSTAR__RESPONSE_STREAMING || h->on_drain == NULL) {
        return;
    }
    x->drained = true;
    m->feeding = true;
    h->on_drain(h->ctx, x);
    m->feeding = false;
    settle(m);
}

void cstar__h1_drain(cstar__h1 *m) {
    m->draining = true;
    m->keep_alive = false;
    if (m->state == CSTAR__H1_IDLE && !m->feeding) {
        close_machine(m);
    }
    tell_drain(m);
}

uint64_t cstar__h1_body_seen(const cstar__h1 *m) {
    return m->state >= CSTAR__H1_BODY && m->state <= CSTAR__H1_TRAILER ? m->body_seen : 0;
}

bool cstar__h1_wants_input(const cstar__h1 *m) {
    return m->state != CSTAR__H1_CLOSING &&
           queue_length(m) < limit_or(m->env->limits.max_pending, MAX_PENDING);
}

bool cstar__h1_idle(const cstar__h1 *m) { return m->state == CSTAR__H1_IDLE && m->held.len == 0; }

bool cstar__h1_done(const cstar__h1 *m) { return m->state == CSTAR__H1_CLOSING; }
