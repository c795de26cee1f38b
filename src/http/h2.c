/* http/h2.c -- the entries of the HTTP/2 machine: bytes in, bytes out, time, and the end.
 *
 * Data flow: feed ──frame by frame──▶ guard, nghttp2, handler ──▶ pump ──▶ m->out ──▶ settle. Input that
 * comes while the answers to earlier requests fill their memory, and the driver has yet to send what
 * is in `out`, waits in m->held.
 *
 * Every entry ends with pump() and settle(): what can go out goes out, as far as `out` has room,
 * and a machine that has nothing to do any more is *over*. The parts are listed in h2_parts.h.
 *
 * Invariants: 1. Handler calls come from within feed, resume, eof, timeout, tick, drain or free,
 * and never from within each other (m->busy). 2. Once over or cut there is no stream. 3. A machine
 * that was terminated reads nothing more.
 *
 * SPDX-License-Identifier: MIT */
#include "http/h2.h"

#include "http/h2_parts.h"

#if CSTAR_WITH_HTTP2

#include <assert.h>

const char cstar__h2_preface_text[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum {
    PING_BEHIND = 32 * 1024, /* bytes of DATA that a ping may have before it */
};

/* ---- the end -------------------------------------------------------------------------------- */

/* Ends every exchange; none of them may answer any more, not even from another's on_close. */
static void break_streams(cstar__h2 *m) {
    const bool busy = m->busy;
    m->busy = true;
    for (cstar__h2_stream *s = m->streams; s != NULL; s = s->next) {
        s->x->broken = s->x->broken || !s->end_sent;
    }
    while (m->streams != NULL) {
        cstar__h2_stream_close(m->streams, false);
    }
    m->busy = busy;
}

static cstar_status break_off(cstar__h2 *m) {
    m->cut = true;
    break_streams(m);
    return CSTAR_ENOMEM;
}

static bool ended_by(cstar__h2 *m) {
    return !nghttp2_session_want_write(m->session) &&
           (!nghttp2_session_want_read(m->session) || (m->ended && m->nstreams == 0));
}

/* Ends the session with GOAWAY. */
static void terminate(cstar__h2 *m, uint32_t code) {
    m->dirty = true;
    m->goaway = true;
    if (nghttp2_session_terminate_session(m->session, code) != 0) {
        m->cut = true;
    }
}

static void trip(cstar__h2 *m, uint32_t code, const char *why) {
    m->verdict = NULL;
    if (!m->tripped) {
        m->tripped = true;
        CSTAR__STAT_ADD(&m->env->pool->stats, h2_goaways, 1);
        cstar__h2_report(m, 0, why);
        terminate(m, code);
    }
}

static bool is_dead(const cstar__h2 *m) { return m->cut || m->over; }

/* ---- output --------------------------------------------------------------------------------- */

/* Moves frames from nghttp2 to `out`, as far as there is room. */
static bool pump_frames(cstar__h2 *m) {
    m->dirty = false;
    while (!cstar__h2_crowded(m)) {
        const uint8_t *frame = NULL;
        const ssize_t n = nghttp2_session_mem_send(m->session, &frame);
        if (n == 0) {
            return true;
        }
        if (n < 0 || !cstar__h2_put(m, frame, (size_t)n, NULL, 0)) {
            return false;
        }
    }
    m->dirty = nghttp2_session_want_write(m->session) != 0;
    return true;
}

static void say_last_goaway(cstar__h2 *m) {
    m->goaway = true;
    m->dirty = true;
    if (nghttp2_submit_goaway(m->session, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(m->session), NGHTTP2_NO_ERROR,
                              NULL, 0) != 0) {
        m->cut = true;
    }
}

static bool pump(cstar__h2 *m) {
    bool ok = pump_frames(m);
    if (ok && m->verdict != NULL) { /* resets that were sent just now */
        trip(m, NGHTTP2_ENHANCE_YOUR_CALM, m->verdict);
        ok = pump_frames(m);
    }
    if (ok && m->draining && !m->goaway && m->nstreams == 0) {
        say_last_goaway(m);
        ok = pump_frames(m);
    }
    return ok;
}

/* Tells those that were refused a piece which fits now. @return whether there were any. Streams end
 * in pump() only, so none does while we look at them. */
static bool wake_starved(cstar__h2 *m, bool tell) {
    const cstar__handler *h = m->env->handler;
    bool any = false;
    for (cstar__h2_stream *s = m->streams; s != NULL && m->nstarved != 0; s = s->next) {
        if (!cstar__h2_queue_wakes(s) || s->x->broken) {
            continue;
        }
        any = true;
        if (tell) {
            cstar__h2_queue_sated(s);
            if (h->on_wake != NULL) {
                h->on_wake(h->ctx, s->x);
            }
        }
    }
    return any;
}

/* What every entry ends with. */
static cstar_status settle(cstar__h2 *m) {
    if (m->busy || m->over) {
        return CSTAR_OK;
    }
    if (m->cut) {
        return break_off(m);
    }
    m->busy = true;
    bool ok = pump(m);
    if (ok && m->nstarved != 0 && wake_starved(m, true)) {
        ok = pump(m);
        m->dirty = m->dirty || wake_starved(m, false); /* the rest is the next entry's */
    }
    m->busy = false;
    if (!ok || m->cut) {
        return break_off(m);
    }
    if (ended_by(m)) {
        m->over = true;
        break_streams(m);
    }
    return CSTAR_OK;
}

/* ---- input ---------------------------------------------------------------------------------- */

/* @return false: out of memory. */
static bool show(cstar__h2 *m, cstar_str piece) {
    const ssize_t rc = nghttp2_session_mem_recv(m->session, (const uint8_t *)piece.ptr, piece.len);
    if (rc == NGHTTP2_ERR_NOMEM || rc == NGHTTP2_ERR_CALLBACK_FAILURE) {
        return false;
    }
    if (rc == NGHTTP2_ERR_FLOODED) {
        trip(m, NGHTTP2_ENHANCE_YOUR_CALM, "acknowledgements that are not read");
    } else if (rc < 0) {
        trip(m, NGHTTP2_PROTOCOL_ERROR, "not HTTP/2");
    } else if (m->verdict != NULL) {
        trip(m, NGHTTP2_ENHANCE_YOUR_CALM, m->verdict);
    }
    return true;
}

/* Too much waits for the peer, and not for its windows but for the driver: further requests wait,
 * too, instead of being refused. */
static bool must_hold(cstar__h2 *m) {
    if (cstar__h2_is_full(m) && !pump_frames(m)) {
        m->cut = true;
    }
    return cstar__h2_is_full(m) && cstar__h2_crowded(m);
}

/* @return how much of it was read; all, but for what must wait. */
static size_t take(cstar__h2 *m, const char *ptr, const size_t all) {
    size_t len = all;
    m->busy = true;
    while (len != 0 && !is_dead(m) && !m->tripped && !m->ended) {
        if (must_hold(m)) {
            m->busy = false;
            return all - len;
        }
        const char *why = NULL;
        cstar_str piece;
        const size_t n = cstar__h2_guard_next(m, ptr, len, &piece, &why);
        if (why != NULL) {
            trip(m, NGHTTP2_ENHANCE_YOUR_CALM, why);
            break;
        }
        if (piece.len != 0 && !show(m, piece)) {
            m->cut = true;
        }
        ptr += n;
        len -= n;
    }
    m->busy = false;
    return all;
}

/* What was held, as far as it need not wait any more. */
static void take_held(cstar__h2 *m) {
    cstar_buf *held = &m->held;
    const size_t n = take(m, held->ptr, held->len);
    held->len -= n;
    if (held->len == 0) {
        cstar_buf_fini(held);
    } else {
        memmove(held->ptr, held->ptr + n, held->len);
    }
}

cstar_status cstar__h2_feed(cstar__h2 *m, const char *ptr, size_t len) {
    assert(!m->busy);
    m->heard = m->now;
    m->pinged = 0;
    m->unheard = 0;
    const size_t n = m->held.len == 0 ? take(m, ptr, len) : 0;
    if (n < len && !is_dead(m)) {
        cstar_buf_add(&m->held, ptr + n, len - n);
        m->cut = m->held.status != CSTAR_OK;
    }
    return settle(m);
}

cstar_status cstar__h2_resume(cstar__h2 *m) {
    if (m->held.len != 0 && !m->busy) {
        take_held(m);
    }
    return settle(m);
}

void cstar__h2_wake(cstar__h2 *m, cstar__exchange *x) {
    const cstar__handler *h = m->env->handler;
    if (m->busy || is_dead(m) || x->broken || h->on_wake == NULL) {
        return;
    }
    m->busy = true;
    h->on_wake(h->ctx, x);
    m->busy = false;
    (void)settle(m);
}

void cstar__h2_lend(cstar__h2 *m, cstar_buf *out) { m->out = out; }

void cstar__h2_stuck(cstar__h2 *m, bool stuck) { m->stuck = stuck; }

bool cstar__h2_wants_resume(const cstar__h2 *m) {
    return (m->dirty || m->held.len != 0) && !is_dead(m) && !cstar__h2_crowded(m);
}

/* ---- time ----------------------------------------------------------------------------------- */

static bool is_late(const cstar__h2 *m, uint64_t since, uint32_t limit) {
    return m->now - since >= limit;
}

/* Nothing of it has moved for that long. */
static bool is_still(const cstar__h2_stream *s, uint32_t limit) {
    return (uint32_t)s->m->now - s->since >= limit;
}

static bool has_output(const cstar__h2_stream *s) {
    return cstar__h2_queue_waiting(s) != 0 || (s->x->state == CSTAR__RESPONSE_DONE && !s->end_sent);
}

/* The peer would take more of it, but the driver has yet to send what came before: whether that
 * moves is the driver's to judge. */
static bool waits_for_driver(const cstar__h2_stream *s) {
    const cstar__h2 *m = s->m;
    return cstar__h2_crowded(m) && nghttp2_session_get_remote_window_size(m->session) > 0 &&
           nghttp2_session_get_stream_remote_window_size(m->session, s->id) > 0;
}

static void end_stalled(cstar__h2_stream *s) {
    cstar__h2 *m = s->m;
    if (!m->stalled) { /* once for a connection: these come in dozens */
        m->stalled = true;
        cstar__h2_report(m, 0, "a response is not taken");
    }
    s->x->broken = true;
    cstar__h2_stream_reset(s, NGHTTP2_CANCEL);
}

/* Too slow on average, though never silent for long. */
static bool is_trickle(const cstar__h2_stream *s) {
    const cstar__h2 *m = s->m;
    return m->limits.body_rate != UINT32_MAX && is_late(m, s->began, m->limits.body_ms) &&
           s->x->body_seen < (m->now - s->began) * m->limits.body_rate / 1000;
}

static void tick_stream(cstar__h2_stream *s) {
    const cstar__h2 *m = s->m;
    if (s->reset) {
        return;
    }
    if (s->rests) {
        if (m->draining || is_still(s, m->limits.body_ms / 2)) {
            cstar__h2_stream_reset(s, NGHTTP2_NO_ERROR);
        }
    } else if (has_output(s)) {
        if (waits_for_driver(s)) {
            s->since = (uint32_t)m->now;
        } else if (is_still(s, m->limits.write_ms)) {
            end_stalled(s);
        }
    } else if (s->told && !s->complete && s->x->state == CSTAR__RESPONSE_NONE &&
               (is_still(s, m->limits.body_ms) || is_trickle(s))) {
        cstar__h2_refuse(s, 408, "request body timed out");
    }
}

/* A client that vanished says nothing, and one that has nothing to say does not either: so it is
 * asked. Not if much is on its way to it, which it may need long to read; flow control and the
 * driver see to that. */
static void check_peer(cstar__h2 *m) {
    if (m->limits.ping_ms == UINT32_MAX || m->nstreams == m->nrests || m->unheard > PING_BEHIND) {
        m->pinged = 0;
    } else if (m->pinged != 0) {
        if (is_late(m, m->pinged, m->limits.ping_ms)) {
            CSTAR__STAT_ADD(&m->env->pool->stats, vanished, 1);
            m->vanished = !m->cut;
            m->cut = true;
        }
    } else if (is_late(m, m->heard, m->limits.ping_ms)) {
        m->pinged = m->now;
        m->dirty = true;
        if (nghttp2_submit_ping(m->session, NGHTTP2_FLAG_NONE, NULL) != 0) {
            m->cut = true; /* it may be cut already: the streams were looked at before */
        }
    }
}

/* The first tick tells what time it is; what began before it began now. */
static void set_clock(cstar__h2 *m, uint64_t now) {
    if (m->now == 0) {
        m->guard.block_since = now;
        m->heard = now;
        for (cstar__h2_stream *s = m->streams; s != NULL; s = s->next) {
            s->since = (uint32_t)now;
            if (!s->x->slim) {
                s->began = now;
            }
        }
    }
    m->now = now;
}

void cstar__h2_tick(cstar__h2 *m, uint64_t now) {
    if (is_dead(m)) {
        return;
    }
    set_clock(m, now);
    m->guard.count = (cstar__h2_counts){0};
    if (m->guard.in_block && is_late(m, m->guard.block_since, m->limits.head_ms)) {
        trip(m, NGHTTP2_ENHANCE_YOUR_CALM, "header block timed out");
    }
    for (cstar__h2_stream *s = m->streams; s != NULL; s = s->next) {
        tick_stream(s);
    }
    check_peer(m);
    if (m->draining && !m->goaway) { /* who did not know has had a second */
        say_last_goaway(m);
    }
    (void)settle(m);
}

/* ---- entries -------------------------------------------------------------------------------- */

static void set_limit(uint32_t *limit, uint32_t standard) {
    if (*limit == 0) {
        *limit = standard;
    }
}

static void set_limits(cstar__h2_limits *l) {
    set_limit(&l->max_streams, 256);
    set_limit(&l->max_head, 32 * 1024);
    set_limit(&l->max_fields, 100);
    set_limit(&l->max_path, 16 * 1024);
    set_limit(&l->resets, 100);
    set_limit(&l->controls, 50);
    set_limit(&l->empties, 50);
    set_limit(&l->max_stream_output, 1024 * 1024);
    set_limit(&l->max_piece, l->max_stream_output);
    set_limit(&l->updates, 1000);
    set_limit(&l->others, 500);
    set_limit(&l->strays, 1000);
    set_limit(&l->head_ms, 10 * 1000);
    set_limit(&l->max_output, 4 * 1024 * 1024);
    set_limit(&l->body_ms, 30 * 1000);
    set_limit(&l->body_rate, 256);
    set_limit(&l->write_ms, 30 * 1000);
    set_limit(&l->ping_ms, 15 * 1000);
}

cstar__h2 *cstar__h2_new(const cstar__env *env, const cstar__peer *peer, cstar_buf *out) {
    const cstar_allocator *alloc = env->alloc;
    cstar__h2 *m = alloc->resize(alloc->ctx, NULL, 0, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    memset(m, 0, sizeof *m);
    m->env = env;
    m->out = out;
    m->peer = peer != NULL ? peer : &cstar__nobody;
    if (env->h2_limits != NULL) {
        m->limits = *env->h2_limits;
    }
    set_limits(&m->limits);
    cstar_buf_init(&m->held, alloc, SIZE_MAX / 2); /* bounded by what a driver feeds at once */
    m->guard.preface = CSTAR__H2_PREFACE;
    if (cstar__h2_session_open(m) != CSTAR_OK || !pump_frames(m)) {
        cstar__h2_free(m);
        return NULL;
    }
    CSTAR__STAT_ADD(&env->pool->stats, h2_connections, 1);
    return m;
}

void cstar__h2_free(cstar__h2 *m) {
    if (m == NULL) {
        return;
    }
    assert(!m->busy);
    break_streams(m);
    cstar__h2_session_close(m);
    cstar_buf_fini(&m->held);
    m->env->alloc->resize(m->env->alloc->ctx, m, sizeof *m, 0);
}

void cstar__h2_eof(cstar__h2 *m) {
    if (is_dead(m)) {
        return;
    }
    m->ended = true;
    for (cstar__h2_stream *s = m->streams; s != NULL; s = s->next) {
        if (s->x->state != CSTAR__RESPONSE_DONE) {
            s->x->broken = true;
            cstar__h2_stream_reset(s, NGHTTP2_CANCEL);
        } else if (s->rests) {
            cstar__h2_stream_reset(s, NGHTTP2_NO_ERROR);
        }
    }
    (void)settle(m);
}

void cstar__h2_timeout(cstar__h2 *m) {
    if (!is_dead(m)) {
        terminate(m, NGHTTP2_NO_ERROR);
        m->tripped = true;
        (void)settle(m);
    }
}

void cstar__h2_begin_drain(cstar__h2 *m) {
    if (!m->draining && !m->goaway) {
        m->draining = true;
        m->dirty = true;
        if (nghttp2_submit_shutdown_notice(m->session) != 0) {
            m->cut = true;
        }
    }
}

/* Streams end in pump() only, so none does while we look at them. */
static void tell_drain(cstar__h2 *m) {
    const cstar__handler *h = m->env->handler;
    m->busy = true;
    for (cstar__h2_stream *s = m->streams; s != NULL; s = s->next) {
        cstar__exchange *x = s->x;
        if (x->state == CSTAR__RESPONSE_STREAMING && !x->broken && !x->drained) {
            x->drained = true;
            h->on_drain(h->ctx, x);
        }
    }
    m->busy = false;
}

void cstar__h2_drain(cstar__h2 *m) {
    if (!is_dead(m)) {
        cstar__h2_begin_drain(m);
        if (!m->busy && m->env->handler->on_drain != NULL) {
            tell_drain(m);
        }
        (void)settle(m);
    }
}

bool cstar__h2_wants_input(const cstar__h2 *m) {
    return !is_dead(m) && !m->tripped && !m->ended && m->held.len == 0 && !cstar__h2_crowded(m);
}

/* Resting streams cost nothing, but a machine that drains has yet to be told when a second is
 * over. */
bool cstar__h2_idle(const cstar__h2 *m) { return m->nstreams == (m->draining ? 0 : m->nrests); }
bool cstar__h2_done(const cstar__h2 *m) { return is_dead(m); }
bool cstar__h2_cut(const cstar__h2 *m) { return m->cut; }

#else
typedef int cstar__h2_is_left_out;
#endif
