/* live/stream_topics.c -- what a stream listens to.
 *
 *     subscribe ─▶ part, letter under way ─▶ its letter is read: listens ─▶ left: no part
 *                                └─ left before: dead ─▶ its letter is read: no part
 *
 * Threads: `part` and `dead` are its starter's before the start; `listens`, `gzip` and `stranded` the
 * room's.
 *
 * SPDX-License-Identifier: MIT */
#include "live/stream_parts.h"

void cstar__sub_leave(cstar__sub *sub) {
    cstar__part *part = sub->part;
    sub->dead = true;
    if (sub->stranded) {
        sub->stranded = false;
        sub->part = NULL;
        cstar__part_release(cstar__sub_live(sub)->room, part);
    }
    if (!sub->listens) {
        return;
    }
    sub->listens = false;
    cstar__sub_leave_gzip(sub);
    sub->part = NULL;
    cstar__part_leave(part, sub);
    cstar__part_release(cstar__sub_live(sub)->room, part);
}

cstar__sub *cstar__sub_find(cstar__live *s, cstar_str topic, size_t *n) {
    cstar__sub *sub = &s->first;
    *n = 0;
    do {
        const cstar__topic *t = sub->part != NULL && !sub->dead ? sub->part->topic : NULL;
        if (t != NULL && cstar_str_eq(cstar_view(t->name, t->len), topic)) {
            return sub;
        }
        *n += t != NULL;
        sub = sub->next;
    } while (sub != NULL);
    return NULL;
}

/* Behind the first, which is always there. */
static cstar__sub *add_sub(cstar__live *s) {
    const cstar_allocator *alloc = cstar__live_alloc(s);
    cstar__further_sub *more = alloc->resize(alloc->ctx, NULL, 0, sizeof *more);
    if (more == NULL) {
        return NULL;
    }
    *more = (cstar__further_sub){.sub = {.next = s->first.next, .further = true}, .live = s};
    s->first.next = &more->sub;
    return &more->sub;
}

static cstar__sub *sub_new(cstar__live *s) {
    cstar__sub *sub = &s->first;
    while (sub->part != NULL && sub->next != NULL) {
        sub = sub->next;
    }
    if (sub->part != NULL) {
        return add_sub(s);
    }
    sub->dead = false; /* if it was left */
    return sub;
}

cstar_status cstar__live_subscribe(cstar__live *s, cstar_str topic) {
    size_t n = 0;
    if (topic.len == 0 || topic.len > CSTAR__TOPIC_BYTES) {
        return CSTAR_EINVAL;
    }
    if (cstar__sub_find(s, topic, &n) != NULL) {
        return CSTAR_OK;
    }
    cstar__joining j = {.sub = n < CSTAR__LIVE_TOPICS ? sub_new(s) : NULL,
                        .missed = cstar__opening_take};
    if (j.sub == NULL) {
        return n < CSTAR__LIVE_TOPICS ? CSTAR_ENOMEM : CSTAR_ELIMIT;
    }
    cstar__opening *o = cstar__opening_of(s);
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
    cstar__sub *sub = cstar__sub_find(s, topic, &n);
    if (sub == NULL) {
        return CSTAR_ENOENT;
    }
    cstar__opening_forget(s, sub->part->topic);
    cstar__sub_leave(sub);
    return CSTAR_OK;
}

void cstar__sub_listen(cstar__sub *sub) {
    cstar__live *s = cstar__sub_live(sub);
    cstar__part *part = sub->part;
    __atomic_store_n(&sub->queued, false, __ATOMIC_RELAXED);
    if (sub->dead) {
        sub->part = NULL;
        cstar__part_release(s->room, part);
        cstar__live_free_if_unused(s);
        return;
    }
    if (!cstar__part_enter(s->room, part, sub)) {
        sub->stranded = true; /* its starter may be looking at it: it stays as it is */
        cstar__live_cut(s);
        return;
    }
    sub->listens = true;
}
