/* http/h1_shared.c -- pieces that many streamed responses share, on HTTP/1.1.
 *
 * Data flow: cstar__respond_shared() ──nothing waits──▶ driver's send ──▶ socket, from where the
 * pieces are; what it does not take ──▶ m->out, like any other piece.
 *
 *     inside an entry, TLS, no send     copied, as far as a stream may be ahead
 *     something is ahead                CSTAR_EAGAIN: what waits, waits above, as references
 *     sent whole                        nothing of the machine is touched but x->sent
 *     sent in part, or not              the rest of that piece is copied; CSTAR_EAGAIN behind it
 *
 * Invariants: 1. A piece of which a byte has left is taken: its rest follows, or the connection is
 * cut. 2. Whoever hears CSTAR_EAGAIN is woken: the machine is starved, and something of it is
 * ahead, so that the driver resumes it. 3. No exchange ends here.
 *
 * SPDX-License-Identifier: MIT */
#include "http/h1_parts.h"

#include <assert.h>

/* What the caller offers, and how far that got. */
typedef struct offer {
    cstar__exchange *x;
    const cstar__shared *const *pieces;
    size_t n;
    size_t *taken;
} offer;

/* What is sent of it at once. */
typedef struct batch {
    cstar_str views[CSTAR__SEND_MOST];
    size_t n, bytes;
} batch;

static cstar_str wire_of(const cstar__h1 *m, const cstar__shared *p) {
    return m->chunked ? p->chunk : p->bytes;
}

static cstar_status copy_next(const offer *o) {
    const cstar_status rc = o->x->ops->write(o->x, o->pieces[*o->taken]->bytes);
    *o->taken += rc == CSTAR_OK;
    return rc;
}

static cstar_status copy_all(const offer *o) {
    cstar_status rc = CSTAR_OK;
    while (*o->taken < o->n && rc == CSTAR_OK) {
        rc = copy_next(o);
    }
    return rc;
}

/* As many as one call takes, but none whose rest might find no room in `out`. */
static void gather(const offer *o, batch *b) {
    const cstar__h1 *m = o->x->machine;
    const size_t most = cstar__h1_chunk_room(m->out, 0);
    b->n = b->bytes = 0;
    for (size_t i = *o->taken; i < o->n && b->n < CSTAR__SEND_MOST; i++) {
        const cstar__shared *p = o->pieces[i];
        assert(p->bytes.len != 0 && p->bytes.len < p->chunk.len);
        if (p->bytes.len > most) {
            break;
        }
        b->views[b->n++] = wire_of(m, p);
        b->bytes += wire_of(m, p).len;
    }
}

/* Takes what has left whole. @return how much has left of the next. */
static size_t take_sent(const offer *o, size_t sent) {
    const cstar__h1 *m = o->x->machine;
    while (*o->taken < o->n && sent >= wire_of(m, o->pieces[*o->taken]).len) {
        const cstar__shared *p = o->pieces[*o->taken];
        sent -= wire_of(m, p).len;
        o->x->sent += p->bytes.len;
        ++*o->taken;
    }
    return sent;
}

/* The driver closes it, and only then the exchange ends: whoever sends to many streams is not to
 * see one of them go meanwhile. */
static cstar_status cut(cstar__exchange *x) {
    cstar__h1 *m = x->machine;
    m->cut = true;
    m->keep_alive = false;
    x->broken = true;
    return CSTAR_ECLOSED;
}

/* `gone` bytes of the next piece have left. */
static cstar_status copy_rest(const offer *o, size_t gone) {
    cstar__h1 *m = o->x->machine;
    const cstar__shared *p = o->pieces[*o->taken];
    const cstar_str wire = wire_of(m, p);
    cstar__h1_claim(m);
    if (cstar__h1_write_bytes(m->out, cstar_view(wire.ptr + gone, wire.len - gone)) != CSTAR_OK) {
        return cut(o->x);
    }
    o->x->sent += p->bytes.len;
    m->ahead += wire.len - gone;
    ++*o->taken;
    return CSTAR_OK;
}

/* The socket is full, or may not be used: one piece goes the ordinary way, so that somebody will
 * say when to go on. */
static cstar_status copy_one(const offer *o, size_t gone) {
    cstar__h1 *m = o->x->machine;
    const cstar_status rc = gone == 0 ? copy_next(o) : copy_rest(o, gone);
    if (rc != CSTAR_OK || *o->taken == o->n) {
        return rc;
    }
    m->starved = true;
    return CSTAR_EAGAIN;
}

static cstar_status send_all(const offer *o) {
    const cstar__h1 *m = o->x->machine;
    batch b;
    while (*o->taken < o->n) {
        gather(o, &b);
        if (b.n == 0) {
            return copy_one(o, 0); /* which says why not */
        }
        const ptrdiff_t sent = m->env->driver->send(m->peer->link, b.views, b.n);
        if (sent < 0) {
            return cut(o->x);
        }
        const size_t gone = take_sent(o, (size_t)sent);
        if ((size_t)sent < b.bytes) {
            return copy_one(o, gone);
        }
    }
    return CSTAR_OK;
}

static bool may_send(const cstar__h1 *m) {
    const cstar__driver *driver = m->env->driver;
    return driver != NULL && driver->send != NULL && !m->peer->secure;
}

cstar_status cstar__h1_write_shared(cstar__exchange *x, const cstar__shared *const *pieces,
                                    size_t n, size_t *taken) {
    cstar__h1 *m = x->machine;
    const offer o = {x, pieces, n, taken};
    if (m->bodiless) {
        *taken = n;
        return CSTAR_OK;
    }
    if (!m->feeding && m->ahead != 0) {
        m->starved = true;
        return CSTAR_EAGAIN;
    }
    return m->feeding || !may_send(m) ? copy_all(&o) : send_all(&o);
}
