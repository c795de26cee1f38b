/* live/stream_start.c -- a stream until it has started: what its client has missed, and what comes
 * before its turn.
 *
 * Data flow: cstar__topic_join() ──▶ missed; packets ──▶ waiting, messages ──▶ early; at the start
 * they are put into one order: what was to be said first, what was missed (by id), what came early.
 *
 * SPDX-License-Identifier: MIT */
#include "live/stream_parts.h"

#include <stdlib.h>

/* What may wait before the start, when its own budget is not known yet. */
#define EARLY_MOST ((size_t)4 << 20)

cstar__opening *cstar__opening_new(const cstar_allocator *alloc, uint64_t last_id) {
    cstar__opening *o = alloc->resize(alloc->ctx, NULL, 0, sizeof *o);
    if (o != NULL) {
        *o = (cstar__opening){.last_id = last_id};
        o->last = &o->early;
    }
    return o;
}

void cstar__opening_free(cstar__live *s) {
    const cstar_allocator *alloc = cstar__live_alloc(s);
    cstar__opening *o = cstar__opening_of(s);
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
    s->begun = true;
    s->skip_to = 0;
}

bool cstar__opening_has_room(cstar__live *s) {
    const cstar__opening *o = cstar__opening_of(s);
    const size_t early = o != NULL ? o->early_bytes : 0;
    const size_t waiting = s->waiting != NULL ? s->waiting->bytes : 0;
    if (early + waiting > EARLY_MOST) {
        cstar__live_cut(s);
    }
    return !s->doomed;
}

void cstar__opening_keep(cstar__live *s, const char *topic, cstar__packet *p) {
    const cstar_allocator *alloc = cstar__live_alloc(s);
    cstar__opening *o = cstar__opening_of(s);
    const size_t ntopic = strlen(topic) + 1;
    const size_t size = sizeof(cstar__early) + ntopic;
    cstar__early *e = o != NULL ? alloc->resize(alloc->ctx, NULL, 0, size) : NULL;
    if (e == NULL) {
        cstar__live_cut(s);
        return;
    }
    cstar__packet_ref(p);
    *e = (cstar__early){.packet = p, .size = size};
    memcpy(e->topic, topic, ntopic);
    *o->last = e;
    o->last = &e->next;
    o->early_bytes += size + p->bytes.len;
    (void)cstar__opening_has_room(s);
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
        ok = cstar__waiting_put_missed(&s->waiting, cstar__live_alloc(s), o->missed[i]);
    }
    return ok;
}

/* What came before the start; but for what is in the view, or among what was missed. @return false:
 * out of memory. */
static bool add_early(cstar__live *s, cstar__waiting *w, uint64_t skip_to) {
    bool ok = true;
    for (uint32_t i = 0; w != NULL && i < w->n && ok; i++) {
        cstar__packet *p = w->items[(w->head + i) & (w->cap - 1)];
        ok = (p->id != 0 && p->id <= skip_to) ||
             cstar__waiting_put_missed(&s->waiting, cstar__live_alloc(s), p);
    }
    return ok;
}

/* Does not count for its budget. @return false: out of memory. */
static bool put_first(cstar__live *s) {
    cstar__packet *p = s->opening->first;
    return p == NULL || cstar__waiting_put_missed(&s->waiting, cstar__live_alloc(s), p);
}

/* Before anything else is sent. */
static void order_waiting(cstar__live *s) {
    cstar__waiting *early = s->waiting;
    s->waiting = NULL;
    if (!put_first(s) || (cstar__live_resumes(s) && !replay(s)) ||
        !add_early(s, early, s->opening->now_id)) {
        cstar__live_cut(s);
    }
    cstar__waiting_free(&early, cstar__live_alloc(s));
}

static void tell_early(cstar__live *s, cstar__early *e) {
    const cstar_allocator *alloc = cstar__live_alloc(s);
    while (e != NULL) {
        cstar__early *next = e->next;
        const bool wanted = e->topic[0] == '\0' || cstar__sub_find(s, cstar_cstr(e->topic)) != NULL;
        if (wanted && !s->ending && s->conf->ops != NULL && s->conf->ops->info != NULL) {
            CSTAR__STAT_ADD(cstar__exchange_stats(s->x), live_delivered, 1);
            s->conf->ops->info(s, e->topic, e->packet);
        }
        cstar__packet_unref(e->packet);
        (void)alloc->resize(alloc->ctx, e, e->size, 0);
        e = next;
    }
}

/* A connection may have so much of others to send (HTTP/2) that it takes nothing now. */
static cstar_status keep_first(cstar__live *s, cstar_str events) {
    cstar_buf b;
    cstar__packet_begin(&b, cstar__live_alloc(s), events.len);
    cstar_buf_str(&b, events);
    s->opening->first = cstar__packet_end(&b, NULL);
    return s->opening->first != NULL ? CSTAR_OK : CSTAR_ENOMEM;
}

cstar_status cstar__live_say_first(cstar__live *s, cstar__exchange *x, cstar_str events) {
    const cstar_status rc =
        s->gzips ? cstar__live_gzip_say(s, x, events) : cstar__respond_write(x, events);
    if (rc != CSTAR_EAGAIN) {
        return rc;
    }
    return keep_first(s, events.len != 0 ? events : CSTAR_STR(": \n\n")); /* gzip's head */
}

void cstar__live_replace(cstar__live *s, uint64_t generation) {
    cstar__opening *o = s != NULL ? cstar__opening_of(s) : NULL;
    if (o != NULL) { /* its own may not be known yet: its starter's thread sets it */
        o->replaced = generation > o->replaced ? generation : o->replaced;
    } else if (s != NULL && s->generation == generation) {
        cstar__live_end(s, CSTAR__LIVE_REPLACED);
    }
}

/* What it needed until now goes, but for `early`. */
static void begin(cstar__live *s, cstar__early **early) {
    cstar__opening *o = s->opening;
    const uint64_t skip_to = o->now_id;
    *early = o->early;
    o->early = NULL;
    cstar__opening_free(s);
    s->skip_to = skip_to;
}

void cstar__live_start(cstar__live *s, cstar__exchange *x) {
    const cstar__opening *o = s->opening;
    const bool is_replaced = o->replaced != 0 && o->replaced == s->generation;
    cstar__early *early = NULL;
    s->x = x;
    CSTAR__STAT_ADD(cstar__exchange_stats(x), live_streams, 1);
    s->inside++;
    cstar__live_first_ping(s);
    s->rearm = true;
    order_waiting(s);
    begin(s, &early);
    if (is_replaced) {
        cstar__live_end(s, CSTAR__LIVE_REPLACED);
    }
    tell_early(s, early);
    cstar__live_after_callback(s);
}

/* ---- what was missed ---- */

bool cstar__opening_take(void *arg, cstar__packet *p) {
    cstar__live *s = arg;
    cstar__opening *o = cstar__opening_of(s);
    if (o == NULL || o->gap) { /* a full view it will be */
        cstar__packet_unref(p);
        return true;
    }
    if (o->n == o->cap) {
        const cstar_allocator *alloc = cstar__live_alloc(s);
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

bool cstar__live_resumes(const cstar__live *s) {
    const cstar__opening *o = cstar__opening_of(s);
    return o != NULL && o->has_topics && o->last_id != 0 && !o->gap;
}

uint64_t cstar__live_snapshot(const cstar__live *s) {
    return s->begun || cstar__live_resumes(s) ? 0 : s->opening->now_id;
}
