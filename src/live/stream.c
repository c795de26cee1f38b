/* live/stream.c -- see stream.h.
 *
 * A stream writes, or ends, only where it may: not before its start, and not from inside one of its own
 * callbacks (then when that has returned). Ending may free it: whoever has called send_waiting(),
 * cut() or finish() does not touch it any more.
 *
 * SPDX-License-Identifier: MIT */
#include "live/stream.h"

#include "live/parts.h"
#include "live/waiting.h"

#include <stdlib.h>

enum { PIECES = 64 /* in one call */ };

/* What may wait before the start, when its own budget is not known yet. */
#define EARLY_MOST ((size_t)4 << 20)

/* A message that has come before the start. */
typedef struct cstar__early {
    struct cstar__early *next;
    cstar__packet *packet;
    size_t size;  /* of this */
    char topic[]; /* a copy: nobody may listen to it any more when its turn comes */
} cstar__early;

/* What a stream needs until it has started only. Its starter's, but for what is early: that is the
 * room's. */
struct cstar__opening {
    uint64_t last_id; /* that the client has seen; 0: none */
    uint64_t now_id;  /* up to which its topics were asked what was missed */
    bool gap;         /* some topic can't say what was missed */
    bool has_topics;
    cstar__packet
        *first; /* what was to be said first, while others fill the connection; NULL: it is */
    size_t n, cap;
    cstar__packet **missed; /* to be sorted by id */
    cstar__early *early, **last;
    size_t early_bytes;
};

static const cstar_allocator *alloc_of(const cstar__live *s) { return s->room->hub->alloc; }

static uint64_t now_of(const cstar__live *s) {
    const cstar__hub_opts *o = &s->room->hub->opts;
    return o->now != NULL ? o->now(o->arg) : 0;
}

/* ---- life ---- */

cstar__live *cstar__live_new(cstar__room *room, uint64_t last_id) {
    const cstar_allocator *alloc = room->hub->alloc;
    cstar__live *s = alloc->resize(alloc->ctx, NULL, 0, sizeof *s);
    cstar__opening *o = s != NULL ? alloc->resize(alloc->ctx, NULL, 0, sizeof *o) : NULL;
    if (o == NULL) {
        if (s != NULL) {
            (void)alloc->resize(alloc->ctx, s, sizeof *s, 0);
        }
        return NULL;
    }
    *o = (cstar__opening){.last_id = last_id};
    o->last = &o->early;
    memset(s, 0, sizeof *s);
    s->room = room;
    s->opening = o;
    return s;
}

void cstar__live_set_conf(cstar__live *s, const cstar__live_conf *conf, void *user) {
    s->conf = conf;
    s->user = user;
}

static void opening_free(cstar__live *s) {
    const cstar_allocator *alloc = alloc_of(s);
    cstar__opening *o = s->opening;
    if (o == NULL) {
        return;
    }
    for (size_t i = 0; i < o->n; i++) {
        cstar__packet_unref(o->missed[i]);
    }
    cstar__packet_unref(o->first);
    while (o->early != NULL) {
        cstar__early *e = o->early;
        o->early = e->next;
        cstar__packet_unref(e->packet);
        (void)alloc->resize(alloc->ctx, e, e->size, 0);
    }
    if (o->missed != NULL) {
        (void)alloc->resize(alloc->ctx, o->missed, o->cap * sizeof(cstar__packet *), 0);
    }
    (void)alloc->resize(alloc->ctx, o, sizeof *o, 0);
    s->opening = NULL;
}

void cstar__live_free_if_unused(cstar__live *s) {
    const cstar_allocator *alloc = alloc_of(s);
    if (!s->closed || __atomic_load_n(&s->queued, __ATOMIC_RELAXED) != 0) {
        return;
    }
    while (s->subs != NULL) {
        cstar__sub *sub = s->subs;
        s->subs = sub->next;
        if (sub != &s->first) {
            (void)alloc->resize(alloc->ctx, sub, sizeof *sub, 0);
        }
    }
    (void)alloc->resize(alloc->ctx, s, sizeof *s, 0);
}

/* Off its part. One whose letter nobody has read yet is dead, and goes with that. */
static void leave(cstar__sub *sub) {
    cstar__part *part = sub->part;
    sub->dead = true;
    if (sub->stranded) {
        sub->stranded = false;
        sub->part = NULL;
        cstar__part_release(sub->live->room, part);
    }
    if (!sub->listens) {
        return;
    }
    sub->listens = false;
    cstar__sub_leave_gzip(sub);
    sub->part = NULL;
    cstar__part_leave(part, sub);
    cstar__part_release(sub->live->room, part);
}

void cstar__live_over(cstar__live *s) {
    if (s->x != NULL) {
        CSTAR__STAT_SUB(s->x->stats, live_streams, 1);
    }
    s->x = NULL;
    s->closed = true;
    for (cstar__sub *sub = s->subs; sub != NULL; sub = sub->next) {
        if (sub->part != NULL) {
            leave(sub);
        }
    }
    if (s->slot != 0) {
        cstar__room_leave(s->room, s->slot);
        s->slot = 0;
    }
    if (s->dirty != 0) {
        s->room->dirty[s->dirty - 1] = NULL;
        s->dirty = 0;
    }
    cstar__waiting_free(&s->waiting, alloc_of(s));
    cstar__live_gzip_over(s);
    opening_free(s);
    cstar__live_free_if_unused(s);
}

/* ---- ending ---- */

static void cut(cstar__live *s) {
    s->ending = true;
    s->doomed = true;
    if (s->inside == 0 && s->x != NULL && !s->said) {
        s->said = true;
        cstar__respond_abort(s->x);
    }
}

/* Its grace is not over before the client has taken its end. Without memory for an alarm it ends
 * when its connection does. */
static void linger(cstar__live *s) {
    s->x->lingers = true;
    if (!s->grace) {
        s->grace = true;
        (void)cstar__exchange_alarm(s->x, s->conf->grace_ms);
    }
}

/* Behind all it had to say. @return false: not even its trailer can be taken now; a wake will come. */
static bool end_response(cstar__live *s) {
    const cstar_status rc = s->gzip != NULL ? cstar__live_gzip_end(s) : CSTAR_OK;
    if (rc == CSTAR_EAGAIN) {
        s->stuck = true;
        return false;
    }
    s->said = true;
    if (rc == CSTAR_OK || rc == CSTAR_ECLOSED) {
        linger(s);
        (void)cstar__respond_end(s->x);
    } else {
        cstar__respond_abort(s->x);
    }
    return true;
}

/* @return whether it was: then `s` may be gone. */
static bool finish(cstar__live *s) {
    if (!s->ending || s->inside != 0 || s->x == NULL || s->said) {
        return false;
    }
    if (s->doomed) {
        s->said = true;
        cstar__respond_abort(s->x);
        return true;
    }
    return s->waiting == NULL && !s->stuck && end_response(s);
}

/* It can't end yet: the client has not taken what there is. */
static void wait_for_end(cstar__live *s) {
    if (!s->grace) {
        s->grace = true;
        if (cstar__exchange_alarm(s->x, s->conf->grace_ms) == CSTAR_ENOMEM) {
            cut(s);
        }
    }
}

/* ---- sending ---- */

static cstar_status send_some(cstar__live *s, size_t *taken) {
    const cstar__shared *pieces[PIECES];
    const size_t n = cstar__waiting_peek(s->waiting, pieces, PIECES);
    return cstar__respond_shared(s->x, pieces, n, taken);
}

/* @return false: it has ended, `s` may be gone. */
static bool send_waiting(cstar__live *s) {
    while (s->waiting != NULL && !s->waiting->blocked && !s->doomed) {
        size_t taken = 0;
        const cstar_status rc =
            s->gzip == NULL ? send_some(s, &taken) : cstar__live_gzip_send(s, &taken);
        cstar__waiting_take(s->waiting, taken);
        s->fresh = s->fresh || taken != 0;
        if (rc == CSTAR_EAGAIN) {
            s->waiting->blocked = true;
        } else if (rc != CSTAR_OK && rc != CSTAR_ECLOSED) {
            cut(s);
            return false;
        } else if (rc == CSTAR_ECLOSED || s->waiting->n == 0) { /* closed: on_close comes */
            cstar__waiting_free(&s->waiting, alloc_of(s));
        }
    }
    return !finish(s);
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
    if (s->x != NULL && s->inside == 0) {
        (void)send_waiting(s);
    }
}

/* Before the start its budget is not known yet, and nothing can be sent. @return false: it will be
 * cut. */
static bool has_early_room(cstar__live *s) {
    const size_t early = s->opening != NULL ? s->opening->early_bytes : 0;
    const size_t waiting = s->waiting != NULL ? s->waiting->bytes : 0;
    if (early + waiting > EARLY_MOST) {
        cut(s);
    }
    return !s->doomed;
}

/* More waits than may. @return false: it was cut. */
static bool make_room(cstar__live *s) {
    if (!s->waiting->blocked && !send_waiting(s)) {
        return false; /* nobody has tried to send it yet: a batch is not the client's fault */
    }
    while (s->waiting != NULL && s->waiting->bytes > s->conf->max_waiting && s->waiting->n > 1) {
        if (!s->conf->drop) {
            CSTAR__STAT_ADD(s->x->stats, live_slow_cut, 1);
            cut(s);
            return false;
        }
        cstar__waiting_take(s->waiting, 1);
        CSTAR__STAT_ADD(s->x->stats, live_dropped, 1);
    }
    return true;
}

/* @return false: it was cut. */
static bool wait_with(cstar__live *s, cstar__packet *p) {
    bool replaced = false;
    if (!cstar__waiting_put(&s->waiting, alloc_of(s), p, &replaced)) {
        cut(s);
        return false;
    }
    if (replaced && s->x != NULL) {
        CSTAR__STAT_ADD(s->x->stats, live_coalesced, 1);
    }
    if (s->x == NULL) {
        return has_early_room(s);
    }
    return s->waiting->bytes <= s->conf->max_waiting || make_room(s);
}

/* Straight to the client. @return false: it has to wait, or is the end. */
static bool send_now(cstar__live *s, cstar__packet *p) {
    const cstar__shared *piece = &p->wire;
    size_t taken = 0;
    const cstar_status rc = s->gzip == NULL ? cstar__respond_shared(s->x, &piece, 1, &taken)
                                            : cstar__live_gzip_send_now(s, p, &taken);
    if (taken == 1) {
        s->fresh = true;
        return true;
    }
    if (rc == CSTAR_EAGAIN) {
        if (wait_with(s, p) && s->waiting != NULL) {
            s->waiting->blocked = true;
        }
    } else if (rc != CSTAR_ECLOSED) {
        cut(s);
    }
    return false;
}

void cstar__live_push(cstar__live *s, cstar__packet *p) {
    if (s->ending || s->closed || (s->x != NULL && p->id != 0 && p->id <= s->skip_to)) {
        return;
    }
    if (s->x != NULL) {
        CSTAR__STAT_ADD(s->x->stats, live_delivered, 1);
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
        const cstar_status rc = s->gzip == NULL ? cstar__respond_write(s->x, events)
                                                : cstar__live_gzip_say(s, s->x, events);
        s->fresh = true;
        if (rc != CSTAR_EAGAIN) {
            return rc;
        }
    }
    cstar_buf b;
    cstar__packet_begin(&b, alloc_of(s), events.len);
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

void cstar__live_end(cstar__live *s, cstar__live_end_reason why) {
    if (s->ending || s->closed) {
        return;
    }
    if (why == CSTAR__LIVE_REPLACED) {
        const bool blocked = s->waiting != NULL && s->waiting->blocked;
        cstar__waiting_free(&s->waiting, alloc_of(s));
        s->stuck = blocked;
    }
    if (s->x != NULL && s->conf->ops != NULL && s->conf->ops->ending != NULL) {
        s->inside++;
        s->conf->ops->ending(s, why);
        s->inside--;
    }
    s->ending = true;
    if (s->x != NULL && s->inside == 0 && send_waiting(s)) {
        wait_for_end(s);
    }
}

bool cstar__live_is_ending(const cstar__live *s) { return s->ending || s->closed; }

/* ---- time ---- */

/* One alarm serves two: the floor above's, and the ping. */
static void set_alarm(cstar__live *s) {
    s->rearm = false;
    const uint64_t now = now_of(s);
    const uint64_t due = s->alarm_at != 0 && s->alarm_at < s->ping_at ? s->alarm_at : s->ping_at;
    if (cstar__exchange_alarm(s->x, due > now ? due - now : 0) == CSTAR_ENOMEM) {
        cut(s);
    }
}

/* ---- callbacks ---- */

/* The callback may have ended it, or written so much that it is to be cut. */
static void after_callback(cstar__live *s) {
    if (s->rearm && !s->ending) {
        set_alarm(s);
    }
    s->inside--;
    if (s->inside == 0 && s->x != NULL && send_waiting(s) && s->ending) {
        wait_for_end(s);
    }
}

void cstar__live_enter_call(cstar__live *s) { s->inside++; }
void cstar__live_leave_call(cstar__live *s) { after_callback(s); }

/* Before the start: it has to wait for its turn. */
static void keep_message(cstar__live *s, const char *topic, cstar__packet *p) {
    cstar__opening *o = s->opening;
    const size_t ntopic = strlen(topic) + 1;
    const size_t size = sizeof(cstar__early) + ntopic;
    cstar__early *e = o != NULL ? alloc_of(s)->resize(alloc_of(s)->ctx, NULL, 0, size) : NULL;
    if (e == NULL) {
        cut(s);
        return;
    }
    cstar__packet_ref(p);
    *e = (cstar__early){.packet = p, .size = size};
    memcpy(e->topic, topic, ntopic);
    *o->last = e;
    o->last = &e->next;
    o->early_bytes += size + p->bytes.len;
    (void)has_early_room(s);
}

void cstar__live_tell(cstar__live *s, const char *topic, cstar__packet *p) {
    if (s->ending || s->closed) {
        return;
    }
    if (s->x == NULL) {
        keep_message(s, topic, p);
        return;
    }
    if (s->conf->ops == NULL || s->conf->ops->info == NULL) {
        return;
    }
    CSTAR__STAT_ADD(s->x->stats, live_delivered, 1);
    s->inside++;
    s->conf->ops->info(s, topic, p);
    after_callback(s);
}

/* ---- alarms ---- */

void cstar__live_alarm(cstar__live *s, uint64_t ms) {
    s->alarm_at = ms != 0 ? now_of(s) + ms : 0;
    s->rearm = true;
    if (s->x != NULL && !s->ending && s->inside == 0) {
        set_alarm(s);
    }
}

/* What is blocked needs no ping: the kernel tries to send already. What was sent at the last one
 * should have arrived by now. */
static void ping(cstar__live *s, uint64_t now) {
    static const cstar__shared comment = {{"4\r\n: \n\n\r\n", 9}, {": \n\n", 4}};
    const cstar__shared *piece = s->gzip == NULL ? &comment : &cstar__gzip_silence;
    size_t taken = 0;
    if (cstar__exchange_vanished(s->x, s->conf->ping_ms)) {
        CSTAR__STAT_ADD(s->x->stats, vanished, 1);
        cut(s);
        return;
    }
    if (!s->fresh && s->waiting == NULL) {
        (void)cstar__respond_shared(s->x, &piece, 1, &taken);
    }
    s->fresh = false;
    s->ping_at = now + s->conf->ping_ms;
}

static void on_alarm(cstar__live *s) {
    const uint64_t now = now_of(s);
    if (s->ending && s->said) { /* its grace is over, and its end was not taken */
        cstar__respond_abort(s->x);
        return;
    }
    if (s->ending) {
        cut(s);
        return;
    }
    s->inside++;
    s->rearm = true;
    if (now >= s->ping_at) {
        ping(s, now);
    }
    if (!s->ending && s->alarm_at != 0 && now >= s->alarm_at) {
        s->alarm_at = 0;
        s->conf->ops->alarm(s);
    }
    after_callback(s);
}

/* Both kinds of wake look the same; an alarm that is still set has not gone off. */
void cstar__live_wake(cstar__live *s) {
    if (s->x == NULL) {
        return;
    }
    const bool rang = s->x->alarm == 0 && s->x->driver != NULL;
    if (s->waiting != NULL) {
        s->waiting->blocked = false;
    }
    s->stuck = s->stuck && rang; /* an alarm does not say that anything was taken */
    if (!send_waiting(s)) {
        return;
    }
    if (rang) {
        on_alarm(s);
    }
}

/* ---- the start ---- */

static int by_id(const void *a, const void *b) {
    const cstar__packet *const *p = a;
    const cstar__packet *const *q = b;
    return (*p)->id < (*q)->id ? -1 : (*p)->id > (*q)->id;
}

/* Puts what was missed in front of what has come meanwhile. @return false: out of memory. */
static bool replay(cstar__live *s) {
    cstar__opening *o = s->opening;
    if (o->n == 0) {
        return true;
    }
    qsort(o->missed, o->n, sizeof(cstar__packet *), by_id);
    bool ok = true;
    for (size_t i = 0; i < o->n && ok; i++) {
        ok = cstar__waiting_put_missed(&s->waiting, alloc_of(s), o->missed[i]);
    }
    return ok;
}

/* What came before the start; but for what is in the view, or among what was missed. @return false:
 * out of memory. */
static bool add_early(cstar__live *s, cstar__waiting *w) {
    bool ok = true;
    for (uint32_t i = 0; w != NULL && i < w->n && ok; i++) {
        cstar__packet *p = w->items[(w->head + i) & (w->cap - 1)];
        ok = (p->id != 0 && p->id <= s->skip_to) ||
             cstar__waiting_put_missed(&s->waiting, alloc_of(s), p);
    }
    return ok;
}

/* Does not count for its budget. @return false: out of memory. */
static bool put_first(cstar__live *s) {
    cstar__packet *p = s->opening->first;
    return p == NULL || cstar__waiting_put_missed(&s->waiting, alloc_of(s), p);
}

/* Before anything else is sent. */
static void order_waiting(cstar__live *s) {
    cstar__waiting *early = s->waiting;
    s->waiting = NULL;
    s->skip_to = s->opening->now_id;
    if (!put_first(s) || (cstar__live_resumes(s) && !replay(s)) || !add_early(s, early)) {
        cut(s);
    }
    cstar__waiting_free(&early, alloc_of(s));
}

static cstar__sub *find_sub(const cstar__live *s, cstar_str topic, size_t *n);

static void tell_early(cstar__live *s, cstar__early *e) {
    while (e != NULL) {
        cstar__early *next = e->next;
        size_t n = 0;
        const bool wanted = e->topic[0] == '\0' || find_sub(s, cstar_cstr(e->topic), &n) != NULL;
        if (wanted && !s->ending && s->conf->ops != NULL && s->conf->ops->info != NULL) {
            CSTAR__STAT_ADD(s->x->stats, live_delivered, 1);
            s->conf->ops->info(s, e->topic, e->packet);
        }
        cstar__packet_unref(e->packet);
        (void)alloc_of(s)->resize(alloc_of(s)->ctx, e, e->size, 0);
        e = next;
    }
}

/* A connection may have so much of others to send (HTTP/2) that it takes nothing now. */
static cstar_status keep_first(cstar__live *s, cstar_str events) {
    cstar_buf b;
    cstar__packet_begin(&b, alloc_of(s), events.len);
    cstar_buf_str(&b, events);
    s->opening->first = cstar__packet_end(&b, NULL);
    return s->opening->first != NULL ? CSTAR_OK : CSTAR_ENOMEM;
}

cstar_status cstar__live_say_first(cstar__live *s, cstar__exchange *x, cstar_str events) {
    const cstar_status rc =
        s->gzip == NULL ? cstar__respond_write(x, events) : cstar__live_gzip_say(s, x, events);
    if (rc != CSTAR_EAGAIN) {
        return rc;
    }
    return keep_first(s, events.len != 0 ? events : CSTAR_STR(": \n\n")); /* gzip's head */
}

void cstar__live_start(cstar__live *s, cstar__exchange *x) {
    const bool is_replaced = s->replaced != 0 && s->replaced == s->generation;
    s->x = x;
    CSTAR__STAT_ADD(x->stats, live_streams, 1);
    s->inside++;
    s->ping_at = now_of(s) + s->conf->ping_ms;
    s->rearm = true;
    order_waiting(s);
    cstar__early *early = s->opening->early;
    s->opening->early = NULL;
    s->opening->last = &s->opening->early;
    opening_free(s);
    if (is_replaced) {
        cstar__live_end(s, CSTAR__LIVE_REPLACED);
    }
    tell_early(s, early);
    after_callback(s);
}

/* ---- topics ---- */

static bool take_missed(void *arg, cstar__packet *p) {
    cstar__live *s = arg;
    cstar__opening *o = s->opening;
    if (o == NULL || o->gap) { /* a full view it will be */
        cstar__packet_unref(p);
        return true;
    }
    if (o->n == o->cap) {
        const cstar_allocator *alloc = alloc_of(s);
        const size_t cap = o->cap != 0 ? o->cap * 2 : 16;
        cstar__packet **more = alloc->resize(
            alloc->ctx, o->missed, o->cap * sizeof(cstar__packet *), cap * sizeof(cstar__packet *));
        if (more == NULL) {
            cstar__packet_unref(p);
            o->gap = true;
            return true;
        }
        o->missed = more;
        o->cap = cap;
    }
    o->missed[o->n++] = p;
    return true;
}

static cstar__sub *find_sub(const cstar__live *s, cstar_str topic, size_t *n) {
    cstar__sub *sub = s->subs;
    *n = 0;
    for (; sub != NULL; sub = sub->next) {
        const cstar__topic *t = sub->part != NULL && !sub->dead ? sub->part->topic : NULL;
        if (t != NULL && cstar_str_eq(cstar_view(t->name, t->len), topic)) {
            return sub;
        }
        *n += t != NULL;
    }
    return NULL;
}

static cstar__sub *sub_new(cstar__live *s) {
    cstar__sub *sub = s->subs;
    while (sub != NULL && sub->part != NULL) {
        sub = sub->next;
    }
    if (sub != NULL) { /* one that was left */
        sub->dead = false;
        return sub;
    }
    sub = s->first.live == NULL ? &s->first
                                : alloc_of(s)->resize(alloc_of(s)->ctx, NULL, 0, sizeof *sub);
    if (sub != NULL) {
        *sub = (cstar__sub){.live = s, .next = s->subs};
        s->subs = sub;
    }
    return sub;
}

cstar_status cstar__live_subscribe(cstar__live *s, cstar_str topic) {
    size_t n = 0;
    if (topic.len == 0 || topic.len > CSTAR__TOPIC_BYTES) {
        return CSTAR_EINVAL;
    }
    if (find_sub(s, topic, &n) != NULL) {
        return CSTAR_OK;
    }
    cstar__joining j = {
        .sub = n < CSTAR__LIVE_TOPICS ? sub_new(s) : NULL, .missed = take_missed, .arg = s};
    if (j.sub == NULL) {
        return n < CSTAR__LIVE_TOPICS ? CSTAR_ENOMEM : CSTAR_ELIMIT;
    }
    cstar__opening *o = s->opening;
    if (o != NULL && !o->gap) {
        j.last_id = o->last_id;
        j.seen_id = o->now_id;
    }
    const cstar_status rc = cstar__topic_join(s->room, topic, &j);
    if (rc == CSTAR_OK && o != NULL) {
        o->has_topics = true;
        o->gap = o->gap || j.gap;
        o->now_id = j.now_id != 0 ? j.now_id : o->now_id;
    }
    return rc;
}

cstar_status cstar__live_unsubscribe(cstar__live *s, cstar_str topic) {
    size_t n = 0;
    cstar__sub *sub = find_sub(s, topic, &n);
    if (sub == NULL) {
        return CSTAR_ENOENT;
    }
    leave(sub);
    return CSTAR_OK;
}

/* The letter that made it listen was read. */
void cstar__sub_listen(cstar__sub *sub) {
    cstar__live *s = sub->live;
    cstar__part *part = sub->part;
    __atomic_fetch_sub(&s->queued, 1, __ATOMIC_RELAXED);
    if (sub->dead) {
        sub->part = NULL;
        cstar__part_release(s->room, part);
        cstar__live_free_if_unused(s);
        return;
    }
    if (!cstar__part_enter(s->room, part, sub)) {
        sub->stranded = true; /* its starter may be looking at it: it stays as it is */
        cut(s);
        return;
    }
    sub->listens = true;
}

bool cstar__live_resumes(const cstar__live *s) {
    const cstar__opening *o = s->opening;
    return o != NULL && o->has_topics && o->last_id != 0 && !o->gap;
}

uint64_t cstar__live_snapshot(const cstar__live *s) {
    return s->opening == NULL || cstar__live_resumes(s) ? 0 : s->opening->now_id;
}

/* ---- the floor above ---- */

bool cstar__live_is_cut(const cstar__live *s) { return s->doomed; }
void *cstar__live_user(const cstar__live *s) { return s->user; }
void cstar__live_move(cstar__live *s, cstar__exchange *x) { s->x = x; }
void *cstar__live_arg(const cstar__live *s) { return s->room->hub->opts.arg; }
uint64_t cstar__live_address(cstar__live *s) { return cstar__room_enter(s->room, s); }
void cstar__live_set_generation(cstar__live *s, uint64_t generation) { s->generation = generation; }
uint64_t cstar__live_generation(const cstar__live *s) { return s->generation; }
