/* link.c -- a connection without a socket, and the clock that streams wait for.
 *
 *     feed ──▶ machine ──▶ out ──(unless the client is slow)──▶ raw
 *                 ▲  │
 *                 │  └─ alarm ──▶ heap ──advance──▶ wake
 *                 └── resume, while it wants to
 *
 * Invariants: 1. Nothing happens but inside a call of the test: settle() lets all happen that can.
 * 2. Time moves in advance() only, from alarm to alarm. 3. A turn that is asked for "soon" while
 * alarms go off has it at the same moment, but not for ever: ROUNDS of them.
 *
 * SPDX-License-Identifier: MIT */
#include "testkit/kit.h"
#include "web/live.h"
#include "web/view.h"

enum { ROUNDS = 4096, MAX_BYTES = 256 << 20, SILENT_MS = 10000 };

/* ---- what exchanges ask for ---- */

/* Each link has its own `out`, and whoever causes an answer settles afterwards. */
static void claim(void *link) { (void)link; }

static cstar_status set_alarm(void *link, cstar__exchange *x, uint64_t ms) {
    const cstar__kit_link *l = link;
    cstar_test *t = l->test;
    const uint64_t most = UINT64_MAX - 1 - t->now_ms;
    return cstar__alarms_set(&t->alarms, x, t->now_ms + (ms < most ? ms : most));
}

/* Then the handler runs on the spot. */
static cstar_status no_pool(void *link, cstar__work *w) {
    (void)link;
    (void)w;
    return CSTAR_ENOTSUP;
}

static void over(void *link, cstar__exchange *x) {
    const cstar__kit_link *l = link;
    cstar__alarms_drop(&l->test->alarms, x);
}

static void moved(void *link, cstar__exchange *x) {
    const cstar__kit_link *l = link;
    cstar__alarms_moved(&l->test->alarms, x);
}

const cstar__driver cstar__kit_driver = {
    .claim = claim,
    .alarm = set_alarm,
    .work = no_pool,
    .over = over,
    .moved = moved,
};

/* ---- life ---- */

cstar__kit_link *cstar__kit_connect(cstar_test *t) {
    cstar__kit_link *l = cstar_arena_zalloc(&t->arena, sizeof *l);
    if (l == NULL) {
        return cstar__kit_nomem(t);
    }
    l->test = t;
    l->peer = (cstar__peer){.link = l, .secure = t->https, .serial = ++t->serial};
    l->peer.ip.bytes[10] = l->peer.ip.bytes[11] = 0xFF; /* 127.0.0.1 */
    l->peer.ip.bytes[12] = 127;
    l->peer.ip.bytes[15] = 1;
    cstar_buf_init(&l->out, t->alloc, MAX_BYTES);
    cstar_buf_init(&l->raw, t->alloc, MAX_BYTES);
    cstar__h1_init(&l->machine, &t->env, &l->peer, &l->out);
    l->open = true;
    l->next = t->links;
    t->links = l;
    return l;
}

void cstar__kit_close(cstar__kit_link *l) {
    if (l->open) {
        l->open = false;
        l->vanished = true;
        cstar__h1_fini(&l->machine);
        cstar_buf_fini(&l->out);
    }
}

void cstar__kit_forget(cstar__kit_link *l) {
    cstar__kit_link **at = &l->test->links;
    while (*at != NULL && *at != l) {
        at = &(*at)->next;
    }
    if (*at == l) {
        *at = l->next;
    }
    cstar__kit_close(l);
    cstar_buf_fini(&l->raw);
}

void cstar__kit_feed(cstar__kit_link *l, cstar_str bytes) {
    (void)cstar__h1_feed(&l->machine, bytes.ptr, bytes.len);
}

/* ---- turns ---- */

static bool pump(cstar__kit_link *l) {
    bool moved = false;
    if (l->open && !l->slow && l->out.len != 0) {
        cstar_buf_str(&l->raw, cstar_buf_view(&l->out));
        cstar_buf_reset(&l->out);
        moved = true;
    }
    if (l->open && !l->slow && cstar__h1_wants_resume(&l->machine)) {
        (void)cstar__h1_resume(&l->machine);
        moved = true;
    }
    return moved;
}

/* A client that is lost acknowledges nothing. */
static bool watch(cstar__kit_link *l) {
    if (!l->open || !l->lost || l->out.len == 0) {
        return false;
    }
    if (l->given_up_at == 0) {
        l->given_up_at = l->test->now_ms + SILENT_MS;
    }
    if (l->given_up_at > l->test->now_ms) {
        return false;
    }
    cstar__kit_close(l);
    return true;
}

static void pump_all(cstar_test *t) {
    bool moved = true;
    for (unsigned i = 0; moved && i < ROUNDS; i++) {
        moved = cstar__app_open_mail(t->app, 0);
        for (cstar__kit_link *l = t->links; l != NULL; l = l->next) {
            moved = pump(l) || moved;
            moved = watch(l) || moved;
        }
    }
}

static bool wake_next(cstar_test *t) {
    cstar__exchange *x = cstar__alarms_take(&t->alarms, t->now_ms);
    if (x == NULL) {
        return false;
    }
    cstar__kit_link *l = x->peer->link;
    cstar__h1_wake(&l->machine, x);
    pump_all(t);
    return true;
}

void cstar__kit_settle(cstar_test *t) {
    pump_all(t);
    for (unsigned i = 0; i < ROUNDS && wake_next(t); i++) {
    }
}

static uint64_t next_of(const cstar_test *t) {
    const uint64_t alarm = cstar__alarms_next(&t->alarms);
    const uint64_t view = cstar__views_next(t->app);
    uint64_t next = alarm < view ? alarm : view;
    for (const cstar__kit_link *l = t->links; l != NULL; l = l->next) {
        next = l->open && l->given_up_at != 0 && l->given_up_at < next ? l->given_up_at : next;
    }
    return next;
}

void cstar_test_advance(cstar_test *t, uint64_t ms) {
    if (t == NULL) {
        return;
    }
    const uint64_t end = ms < UINT64_MAX / 2 ? t->now_ms + ms : UINT64_MAX / 2;
    cstar__kit_settle(t);
    while (next_of(t) <= end) {
        const uint64_t next = next_of(t);
        /* behind ROUNDS of "soon" time goes on, or this had no end */
        t->now_ms = next > t->now_ms ? next : t->now_ms + 1;
        if (t->now_ms > end) {
            break;
        }
        cstar__kit_settle(t);
    }
    t->now_ms = end;
}

void cstar_test_drain(cstar_test *t) {
    if (t != NULL) { /* as a worker that stops: what was published before comes before the end */
        cstar__app_open_last_mail(t->app, 0);
    }
    for (cstar__kit_link *l = t != NULL ? t->links : NULL; l != NULL; l = l->next) {
        if (l->open) {
            cstar__h1_drain(&l->machine);
        }
    }
    if (t != NULL) {
        cstar__kit_settle(t);
        cstar__hub_next_epoch(t->app->hub); /* the next server has kept nothing */
        cstar__keepsakes_clear(t->app->keepsakes);
    }
}
