/* live/stream_send.c -- a stream's frames on their way to its client.
 *
 *     a frame ─▶ nothing waits: straight to the connection
 *                     └─ else, or in a batch: waiting ─▶ a wake, or the batch's end ─▶ the connection
 *
 * SPDX-License-Identifier: MIT */
#include "live/stream_parts.h"

enum { PIECES = 64 /* in one call */ };

static cstar_status send_some(cstar__live *s, size_t *taken) {
    const cstar__shared *pieces[PIECES];
    const size_t n = cstar__waiting_peek(s->waiting, pieces, PIECES);
    return cstar__respond_shared(s->x, pieces, n, taken);
}

bool cstar__live_send_waiting(cstar__live *s) {
    while (s->waiting != NULL && !s->waiting->blocked && !s->doomed) {
        size_t taken = 0;
        const cstar_status rc = s->gzips ? cstar__live_gzip_send(s, &taken) : send_some(s, &taken);
        cstar__waiting_take(s->waiting, taken);
        s->fresh = s->fresh || taken != 0;
        if (rc == CSTAR_EAGAIN) {
            s->waiting->blocked = true;
        } else if (rc != CSTAR_OK && rc != CSTAR_ECLOSED) {
            cstar__live_cut(s);
            return false;
        } else if (rc == CSTAR_ECLOSED || s->waiting->n == 0) { /* closed: on_close comes */
            cstar__waiting_free(&s->waiting, cstar__live_alloc(s));
        }
    }
    return !cstar__live_finish(s);
}

void cstar__live_fetch(const cstar__live *s, unsigned ahead) {
    if (ahead == 3) {
        cstar__fetch(s, sizeof *s);
    } else if (s->x == NULL) {
        return;
    } else if (ahead == 2) {
        cstar__exchange_fetch(s->x);
        if (s->waiting != NULL) {
            cstar__fetch(s->waiting, sizeof *s->waiting);
        }
    } else {
        cstar__exchange_fetch_below(s->x);
    }
}

void cstar__live_flush(cstar__live *s) {
    if (s->closed) { /* it went in the middle of the batch */
        cstar__live_free_if_unused(s);
    } else if (s->x != NULL && s->inside == 0) {
        (void)cstar__live_send_waiting(s);
    }
}

/* One is always kept, however long it is; and so is what it was to begin with. */
static bool has_too_much(const cstar__live *s) {
    const cstar__waiting *w = s->waiting;
    return w != NULL && w->bytes > s->conf->max_waiting && w->n > w->spared + 1;
}

/* More waits than may. @return false: it was cut. */
static bool make_room(cstar__live *s) {
    if (!s->waiting->blocked && !cstar__live_send_waiting(s)) {
        return false; /* nobody has tried to send it yet: a batch is not the client's fault */
    }
    while (has_too_much(s)) {
        if (!s->conf->drop) {
            CSTAR__STAT_ADD(cstar__exchange_stats(s->x), live_slow_cut, 1);
            cstar__live_cut(s);
            return false;
        }
        cstar__waiting_drop(s->waiting);
        CSTAR__STAT_ADD(cstar__exchange_stats(s->x), live_dropped, 1);
    }
    return true;
}

/* @return false: it was cut. */
static bool wait_with(cstar__live *s, cstar__packet *p) {
    bool replaced = false;
    if (!cstar__waiting_put(&s->waiting, cstar__live_alloc(s), p, &replaced)) {
        cstar__live_cut(s);
        return false;
    }
    if (replaced && s->x != NULL) {
        CSTAR__STAT_ADD(cstar__exchange_stats(s->x), live_coalesced, 1);
    }
    if (s->x == NULL) {
        return cstar__opening_has_room(s);
    }
    return s->waiting->bytes <= s->conf->max_waiting || make_room(s);
}

/* Straight to the client. @return false: it has to wait, or is the end. */
static bool send_now(cstar__live *s, cstar__packet *p) {
    const cstar__shared *piece = &p->wire;
    size_t taken = 0;
    const cstar_status rc = s->gzips ? cstar__live_gzip_send_now(s, p, &taken)
                                     : cstar__respond_shared(s->x, &piece, 1, &taken);
    if (taken == 1) {
        s->fresh = true;
        return true;
    }
    if (rc == CSTAR_EAGAIN) {
        if (wait_with(s, p) && s->waiting != NULL) {
            s->waiting->blocked = true;
        }
    } else if (rc != CSTAR_ECLOSED) {
        cstar__live_cut(s);
    }
    return false;
}

void cstar__live_push(cstar__live *s, cstar__packet *p) {
    if (s->ending || s->closed || (s->x != NULL && p->id != 0 && p->id <= s->skip_to)) {
        return;
    }
    if (s->x != NULL) {
        CSTAR__STAT_ADD(cstar__exchange_stats(s->x), live_delivered, 1);
    }
    if (s->x != NULL && s->waiting == NULL && s->inside == 0 && !s->room->batching) {
        (void)send_now(s, p);
        return;
    }
    const bool batching = s->room->batching && s->x != NULL;
    if (wait_with(s, p) && batching && s->waiting != NULL && !s->waiting->blocked &&
        !cstar__room_dirty(s->room, s)) {
        cstar__live_flush(s);
    }
}

cstar_status cstar__live_write(cstar__live *s, cstar_str events) {
    if (s->ending || s->closed || s->x == NULL || s->x->broken) {
        return CSTAR_ECLOSED;
    }
    if (s->waiting == NULL) {
        const cstar_status rc =
            s->gzips ? cstar__live_gzip_say(s, s->x, events) : cstar__respond_write(s->x, events);
        s->fresh = true;
        if (rc != CSTAR_EAGAIN) {
            return rc;
        }
    }
    cstar_buf b;
    cstar__packet_begin(&b, cstar__live_alloc(s), events.len);
    cstar_buf_str(&b, events);
    cstar__packet *p = cstar__packet_end(&b, NULL);
    if (p == NULL) {
        return b.status;
    }
    const bool first = s->waiting == NULL;
    const bool ok = wait_with(s, p);
    cstar__packet_unref(p);
    if (ok && first && s->waiting != NULL) {
        s->waiting->blocked = true;
    }
    return ok ? CSTAR_OK : CSTAR_ELIMIT;
}
