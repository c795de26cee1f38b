/* live/stream_start.c -- a stream until it has started: what its client has missed, and what comes
 * before its turn.
 *
 * Data flow: cstar__topic_join() ──▶ missed; what comes ──▶ early; at the start they are put into
 * one order: what was to be said first, what was missed (by id), what came early, frames and
 * messages as they came.
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

static size_t weight_of(const cstar__early *e) {
    const cstar__packet *p = e->packet;
    return e->size + (p->kind == CSTAR__PACKET_FRAME ? cstar__waiting_weight(p) : p->bytes.len);
}

static void early_free(const cstar_allocator *alloc, cstar__early *e) {
    cstar__packet_unref(e->packet);
    (void)alloc->resize(alloc->ctx, e, e->size, 0);
}

void cstar__opening_free(cstar__live *s) {
    const cstar_allocator *alloc = cstar__live_alloc(s);
    cstar__opening *o = cstar__opening_of(s);
    if (o == NULL) {
        return;
    }
    for (size_t i = 0; i < o->n; i++) {
        cstar__packet_unref(o->missed[i].packet);
    }
    cstar__packet_unref(o->first);
    while (o->early != NULL) {
        cstar__early *e = o->early;
        o->early = e->next;
        early_free(alloc, e);
    }
    if (o->missed != NULL) {
        (void)alloc->resize(alloc->ctx, o->missed, o->cap * sizeof *o->missed, 0);
    }
    (void)alloc->resize(alloc->ctx, o, sizeof *o, 0);
    s->begun = true;
    s->skip_to = 0;
}

/* Of an early frame a newer one with the same key takes the place. */
static void forget_same(cstar__live *s, const cstar__packet *p) {
    cstar__opening *o = s->opening;
    cstar__early **at = &o->early;
    while (*at != NULL && !cstar__packet_same_key((*at)->packet, p)) {
        at = &(*at)->next;
    }
    cstar__early *e = *at;
    if (e != NULL) {
        *at = e->next;
        o->last = e->next == NULL ? at : o->last;
        o->early_bytes -= weight_of(e);
        early_free(cstar__live_alloc(s), e);
    }
}

/* Its budget is not known yet, and nothing can be sent. */
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
    if (p->key.len != 0) {
        forget_same(s, p);
    }
    cstar__packet_ref(p);
    *e = (cstar__early){.packet = p, .size = size};
    memcpy(e->topic, topic, ntopic);
    *o->last = e;
    o->last = &e->next;
    o->early_bytes += weight_of(e);
    if (o->early_bytes > EARLY_MOST) {
        cstar__live_cut(s);
    }
}

/* ---- the start ---- */

static int by_id(const void *a, const void *b) {
    const uint64_t p = ((const cstar__missed *)a)->packet->id;
    const uint64_t q = ((const cstar__missed *)b)->packet->id;
    return p < q ? -1 : p > q;
}

/* Those of one key side by side, the newest last. */
static int by_key(const void *a, const void *b) {
    const cstar_str p = ((const cstar__missed *)a)->packet->key;
    const cstar_str q = ((const cstar__missed *)b)->packet->key;
    if (p.len != q.len) {
        return p.len < q.len ? -1 : 1;
    }
    const int order = memcmp(p.ptr, q.ptr, p.len);
    return order != 0 ? order : by_id(a, b);
}

/* The newest of each key, in the order of their ids. There may be very many of them, so none is
 * looked for among the others. */
static void sort_missed(cstar__opening *o) {
    size_t n = 0;
    qsort(o->missed, o->n, sizeof *o->missed, by_key);
    for (size_t i = 0; i < o->n; i++) {
        cstar__packet *p = o->missed[i].packet;
        if (i + 1 < o->n && cstar__packet_same_key(p, o->missed[i + 1].packet)) {
            cstar__packet_unref(p);
        } else {
            o->missed[n++] = o->missed[i];
        }
    }
    o->n = n;
    qsort(o->missed, n, sizeof *o->missed, by_id);
}

/* @return false: out of memory. */
static bool replay(cstar__live *s) {
    cstar__opening *o = s->opening;
    bool ok = true;
    if (o->n != 0) {
        sort_missed(o);
    }
    for (size_t i = 0; i < o->n && ok; i++) {
        ok = cstar__waiting_put_other(&s->waiting, cstar__live_alloc(s), o->missed[i].packet);
    }
    return ok;
}

/* Does not count for its budget. @return false: out of memory. */
static bool put_first(cstar__live *s) {
    cstar__packet *p = s->opening->first;
    return p == NULL || cstar__waiting_put_other(&s->waiting, cstar__live_alloc(s), p);
}

/* A frame waits, but for one that is in the view, or among what was missed. Before a message is told
 * what waits is sent, so that its answer comes behind that. */
static void take_early(cstar__live *s, const cstar__early *e) {
    cstar__packet *p = e->packet;
    const bool wanted = e->topic[0] == '\0' || cstar__sub_find(s, cstar_cstr(e->topic)) != NULL;
    if (!wanted || s->ending) {
        return;
    }
    if (p->kind != CSTAR__PACKET_FRAME) {
        if (cstar__live_send_waiting(s)) {
            cstar__live_tell(s, e->topic, p);
        }
    } else if (p->id == 0 || p->id > s->skip_to) {
        (void)cstar__live_wait_spared(s, p);
    }
}

static void take_all_early(cstar__live *s, cstar__early *e) {
    while (e != NULL) {
        cstar__early *next = e->next;
        take_early(s, e);
        early_free(cstar__live_alloc(s), e);
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
    if (!put_first(s) || (cstar__live_resumes(s) && !replay(s))) {
        cstar__live_cut(s);
    }
    begin(s, &early);
    if (is_replaced) {
        cstar__live_end(s, CSTAR__LIVE_REPLACED);
    }
    s->starting = true;
    take_all_early(s, early);
    s->starting = false;
    cstar__live_after_callback(s);
}

/* ---- what was missed ---- */

bool cstar__opening_take(const cstar__joining *j, cstar__packet *p) {
    const cstar__live *s = cstar__sub_live(j->sub);
    cstar__opening *o = cstar__opening_of(s);
    if (o == NULL || o->gap) { /* a full view it will be */
        cstar__packet_unref(p);
        return true;
    }
    if (o->n == o->cap) {
        const cstar_allocator *alloc = cstar__live_alloc(s);
        const size_t cap = o->cap != 0 ? o->cap * 2 : 16;
        cstar__missed *more =
            alloc->resize(alloc->ctx, o->missed, o->cap * sizeof *more, cap * sizeof *more);
        if (more == NULL) {
            cstar__packet_unref(p);
            o->gap = true;
            return true;
        }
        o->missed = more;
        o->cap = cap;
    }
    o->missed[o->n++] = (cstar__missed){p, j->from};
    return true;
}

void cstar__opening_forget(cstar__live *s, const cstar__topic *from) {
    cstar__opening *o = cstar__opening_of(s);
    size_t n = 0;
    if (o == NULL) {
        return;
    }
    for (size_t i = 0; i < o->n; i++) {
        if (o->missed[i].from == from) {
            cstar__packet_unref(o->missed[i].packet);
        } else {
            o->missed[n++] = o->missed[i];
        }
    }
    o->n = n;
}

bool cstar__live_resumes(const cstar__live *s) {
    const cstar__opening *o = cstar__opening_of(s);
    return o != NULL && o->has_topics && o->last_id != 0 && !o->gap;
}

uint64_t cstar__live_snapshot(const cstar__live *s) {
    return s->begun || cstar__live_resumes(s) ? 0 : s->opening->now_id;
}
