/* live/stream_time.c -- a stream's alarms and pings, and the callbacks of the floor above.
 *
 * One alarm of its exchange serves two: the floor above's and the ping, whichever is earlier.
 *
 * Invariants: 1. A stream keeps times modulo 2^32 milliseconds, and sets none that is further away than
 * FAR: what is before or after what is seen by the sign of the difference. 2. An alarm of the floor
 * above may come too early, if it is further away: whoever sets it looks at a clock of its own.
 *
 * SPDX-License-Identifier: MIT */
#include "live/stream_parts.h"

/* Twelve days. */
#define FAR ((uint32_t)1 << 30)

static uint32_t in(uint64_t now, uint64_t ms) {
    return (uint32_t)now + (ms < FAR ? (uint32_t)ms : FAR);
}

/* 0: it has come. */
static uint32_t left(uint64_t now, uint32_t at) {
    const uint32_t ms = at - (uint32_t)now;
    return ms <= INT32_MAX ? ms : 0;
}

/* Streams of one HTTP/2 connection are pinged together: that is one write, and one record of TLS, for
 * all of them. Each connection has its own time for that. */
static uint64_t first_ping(const cstar__live *s, uint64_t now) {
    const uint64_t every = s->conf->ping_ms;
    const uint64_t phase = s->x->peer->serial * 0x9e3779b97f4a7c15U >> 32;
    return s->x->request.minor == 2 && every != 0 ? every - (now + phase) % every : every;
}

void cstar__live_first_ping(cstar__live *s) {
    const uint64_t now = cstar__live_now(s);
    s->ping_at = in(now, first_ping(s, now));
}

/* A whole interval behind this one; not behind `now`, lest they drift apart. */
static void expect_ping(cstar__live *s, uint64_t now) {
    const uint32_t at = in(s->ping_at, s->conf->ping_ms);
    s->ping_at = left(now, at) != 0 ? at : in(now, s->conf->ping_ms);
}

static void set_alarm(cstar__live *s) {
    const uint64_t now = cstar__live_now(s);
    uint32_t ms = left(now, s->ping_at);
    s->rearm = false;
    if (s->alarmed && left(now, s->alarm_at) < ms) {
        ms = left(now, s->alarm_at);
    }
    if (cstar__exchange_alarm(s->x, ms) == CSTAR_ENOMEM) {
        cstar__live_cut(s);
    }
}

/* ---- callbacks ---- */

void cstar__live_after_callback(cstar__live *s) {
    if (s->rearm && !s->ending) {
        set_alarm(s);
    }
    s->inside--;
    if (s->inside == 0 && s->x != NULL && cstar__live_send_waiting(s) && s->ending) {
        cstar__live_wait_for_end(s);
    }
}

void cstar__live_enter_call(cstar__live *s) { s->inside++; }
void cstar__live_leave_call(cstar__live *s) { cstar__live_after_callback(s); }

void cstar__live_tell(cstar__live *s, const char *topic, cstar__packet *p) {
    if (s->conf->ops != NULL && s->conf->ops->info != NULL) {
        CSTAR__STAT_ADD(cstar__exchange_stats(s->x), live_delivered, 1);
        s->inside++;
        s->conf->ops->info(s, topic, p);
        cstar__live_after_callback(s);
    }
}

void cstar__live_hear(cstar__live *s, const char *topic, cstar__packet *p) {
    if (s->ending || s->closed) {
        return;
    }
    if (s->x == NULL) {
        cstar__opening_keep(s, topic, p);
    } else if (p->kind == CSTAR__PACKET_FRAME) {
        cstar__live_push(s, p);
    } else {
        cstar__live_tell(s, topic, p);
    }
}

/* ---- alarms ---- */

void cstar__live_alarm(cstar__live *s, uint64_t ms) {
    s->alarmed = ms != 0;
    s->alarm_at = in(cstar__live_now(s), ms);
    s->rearm = true;
    if (s->x != NULL && !s->ending && s->inside == 0) {
        set_alarm(s);
    }
}

/* What is blocked needs no ping: the kernel tries to send already. What was sent at the last one
 * should have arrived by now. */
static void ping(cstar__live *s, uint64_t now) {
    static const cstar__shared comment = {.chunk = {"4\r\n: \n\n\r\n", 9}, .bytes = {": \n\n", 4}};
    const cstar__shared *piece = s->gzips ? &cstar__gzip_silence : &comment;
    size_t taken = 0;
    if (cstar__exchange_vanished(s->x, s->conf->ping_ms)) {
        CSTAR__STAT_ADD(cstar__exchange_stats(s->x), vanished, 1);
        cstar__live_cut(s);
        return;
    }
    if (!s->fresh && s->waiting == NULL) {
        (void)cstar__respond_shared(s->x, &piece, 1, &taken);
    }
    s->fresh = false;
    expect_ping(s, now);
}

static void on_alarm(cstar__live *s) {
    const uint64_t now = cstar__live_now(s);
    s->inside++;
    s->rearm = true;
    if (left(now, s->ping_at) == 0) {
        ping(s, now);
    }
    if (!s->ending && s->alarmed && left(now, s->alarm_at) == 0) {
        s->alarmed = false;
        s->conf->ops->alarm(s);
    }
    cstar__live_after_callback(s);
}

/* Its end was not taken, or not even what is before that. */
static void end_grace(cstar__live *s) {
    if (s->said) {
        cstar__respond_abort(s->x);
    } else {
        cstar__live_cut(s);
    }
}

/* Both kinds of wake look the same; an alarm that is still set has not gone off. When its grace is over
 * nothing is tried any more: the connection might still take it, but that is not its client. */
void cstar__live_wake(cstar__live *s) {
    if (s->x == NULL) {
        return;
    }
    const bool rang = s->x->alarm == 0 && cstar__exchange_driver(s->x) != NULL;
    if (rang && s->grace) {
        end_grace(s);
        return;
    }
    if (s->waiting != NULL) {
        s->waiting->blocked = false;
    }
    s->stuck = s->stuck && rang; /* an alarm does not say that anything was taken */
    if (!cstar__live_send_waiting(s)) {
        return;
    }
    if (rang) {
        on_alarm(s);
    }
}
