/* live/stream_topics.c -- what a stream listens to.
 *
 *     subscribe ─▶ part, letter under way ─▶ its letter is read: listens ─▶ left: no part
 *                                └─ left before: dead ─▶ its letter is read: no part
 *
 *     stream: first ─▶ further ─▶ ... ─▶ further          up to WALK of them are gone through
 *             first ─▶ index ─▶ further ─▶ ...            more are found by the hash of their topic
 *
 * The index stands in the chain as one that is not in use, since a stream has no room for a pointer
 * to it that hardly any would need.
 *
 * Invariants: 1. In the index are those that are subscribed: with a part, and not dead. 2. With an
 * index, each further one is in it, or spare, or dead.
 * Threads: `part` and `dead` are its starter's before the start, and so is the index; `listens`,
 * `gzip` and `stranded` the room's.
 *
 * SPDX-License-Identifier: MIT */
#include "live/stream_parts.h"

enum { WALK = 16 };

typedef struct sub_index {
    cstar__sub sub;     /* first; never in use */
    cstar__slots slots; /* of cstar__sub, by the hash of the topic */
    cstar__sub *spare;  /* further ones that are not in use */
} sub_index;

/* ---- many ---- */

/* NULL: there are few. */
static sub_index *index_of(const cstar__live *s) {
    cstar__sub *sub = s->first.next;
    return sub != NULL && sub->kind == CSTAR__SUB_INDEX ? (sub_index *)(void *)sub : NULL;
}

static cstar__further_sub *further_of(cstar__sub *sub) { return (cstar__further_sub *)(void *)sub; }

/* It has no part any more, or did not get one. */
static void set_free(cstar__live *s, cstar__sub *sub) {
    sub_index *x = index_of(s);
    if (x != NULL && sub->kind == CSTAR__SUB_FURTHER) {
        further_of(sub)->spare = x->spare;
        x->spare = sub;
    }
}

/* @return false: out of memory. */
static bool index_add(cstar__live *s, sub_index *x, cstar__sub *sub) {
    if (sub->part == NULL) {
        set_free(s, sub);
        return true;
    }
    if (sub->dead) {
        return true;
    }
    const bool ok = cstar__slots_room(&x->slots, cstar__live_alloc(s));
    if (ok) {
        cstar__slots_put(&x->slots, (cstar__slot){.hash = sub->part->topic->hash, .u.ptr = sub});
    }
    return ok;
}

static void index_free(cstar__live *s, sub_index *x) {
    const cstar_allocator *alloc = cstar__live_alloc(s);
    s->first.next = x->sub.next;
    cstar__slots_fini(&x->slots, alloc);
    (void)alloc->resize(alloc->ctx, x, sizeof *x, 0);
}

/* @return false: out of memory. */
static bool index_make(cstar__live *s) {
    const cstar_allocator *alloc = cstar__live_alloc(s);
    sub_index *x = alloc->resize(alloc->ctx, NULL, 0, sizeof *x);
    if (x == NULL) {
        return false;
    }
    *x = (sub_index){.sub = {.next = s->first.next, .kind = CSTAR__SUB_INDEX}};
    s->first.next = &x->sub;
    bool ok = index_add(s, x, &s->first);
    for (cstar__sub *sub = x->sub.next; sub != NULL && ok; sub = sub->next) {
        ok = index_add(s, x, sub);
    }
    if (!ok) {
        index_free(s, x);
    }
    return ok;
}

static void index_remove(cstar__live *s, const cstar__sub *sub) {
    sub_index *x = index_of(s);
    if (x == NULL) {
        return;
    }
    cstar__slot *slot = cstar__slots_first(&x->slots, sub->part->topic->hash);
    while (slot != NULL && slot->u.ptr != sub) {
        slot = cstar__slots_next(&x->slots, slot);
    }
    if (slot != NULL) {
        cstar__slots_remove(&x->slots, cstar__live_alloc(s), slot);
    }
}

void cstar__subs_free(cstar__live *s) {
    const cstar_allocator *alloc = cstar__live_alloc(s);
    sub_index *x = index_of(s);
    if (x != NULL) {
        index_free(s, x);
    }
    for (cstar__sub *sub = s->first.next; sub != NULL;) {
        cstar__sub *next = sub->next;
        (void)alloc->resize(alloc->ctx, further_of(sub), sizeof(cstar__further_sub), 0);
        sub = next;
    }
    s->first.next = NULL;
}

/* ---- finding ---- */

static bool is_of(const cstar__sub *sub, cstar_str topic) {
    const cstar__topic *t = sub->part != NULL && !sub->dead ? sub->part->topic : NULL;
    return t != NULL && cstar_str_eq(cstar_view(t->name, t->len), topic);
}

static cstar__sub *find_in(const sub_index *x, uint64_t hash, cstar_str topic) {
    const cstar__slot *slot = cstar__slots_first(&x->slots, hash);
    while (slot != NULL && !is_of(slot->u.ptr, topic)) {
        slot = cstar__slots_next(&x->slots, slot);
    }
    return slot != NULL ? slot->u.ptr : NULL;
}

cstar__sub *cstar__sub_find(cstar__live *s, cstar_str topic) {
    const sub_index *x = index_of(s);
    if (x != NULL) {
        return find_in(x, cstar__topics_hash(s->room->hub, topic), topic);
    }
    cstar__sub *sub = &s->first;
    while (sub != NULL && !is_of(sub, topic)) {
        sub = sub->next;
    }
    return sub;
}

/* ---- one more ---- */

/* Behind the first, which is always there, and the index. */
static cstar__sub *add_sub(cstar__live *s) {
    const cstar_allocator *alloc = cstar__live_alloc(s);
    sub_index *x = index_of(s);
    cstar__sub *behind = x != NULL ? &x->sub : &s->first;
    cstar__further_sub *more = alloc->resize(alloc->ctx, NULL, 0, sizeof *more);
    if (more == NULL) {
        return NULL;
    }
    *more =
        (cstar__further_sub){.sub = {.next = behind->next, .kind = CSTAR__SUB_FURTHER}, .live = s};
    behind->next = &more->sub;
    return &more->sub;
}

/* Of few, with the index made where they become many. */
static cstar__sub *take_of_few(cstar__live *s) {
    size_t n = 0;
    for (cstar__sub *sub = &s->first; sub != NULL; sub = sub->next, n++) {
        if (sub->part == NULL) {
            return sub;
        }
    }
    return n < WALK || index_make(s) ? add_sub(s) : NULL;
}

static cstar__sub *take_of_many(cstar__live *s, sub_index *x) {
    cstar__sub *sub = s->first.part == NULL ? &s->first : x->spare;
    if (sub == NULL) {
        return add_sub(s);
    }
    if (sub->kind == CSTAR__SUB_FURTHER) {
        x->spare = further_of(sub)->spare;
    }
    return sub;
}

static cstar__sub *sub_new(cstar__live *s) {
    sub_index *x = index_of(s);
    cstar__sub *sub = x != NULL ? take_of_many(s, x) : take_of_few(s);
    x = index_of(s);
    if (sub != NULL && x != NULL && !cstar__slots_room(&x->slots, cstar__live_alloc(s))) {
        set_free(s, sub);
        return NULL;
    }
    if (sub != NULL) {
        sub->dead = false; /* if it was left */
    }
    return sub;
}

/* It has a part now, or could not get one. */
static void settle(cstar__live *s, cstar__sub *sub) {
    sub_index *x = index_of(s);
    if (sub->part == NULL) {
        set_free(s, sub);
    } else if (x != NULL) { /* there is room: sub_new() */
        cstar__slots_put(&x->slots, (cstar__slot){.hash = sub->part->topic->hash, .u.ptr = sub});
    }
}

static bool has_too_many(const cstar__live *s) {
    const sub_index *x = index_of(s);
    return x != NULL && x->slots.n >= CSTAR__LIVE_TOPICS;
}

cstar_status cstar__live_subscribe(cstar__live *s, cstar_str topic) {
    if (topic.len == 0 || topic.len > CSTAR__TOPIC_BYTES) {
        return CSTAR_EINVAL;
    }
    if (cstar__sub_find(s, topic) != NULL) {
        return CSTAR_OK;
    }
    if (has_too_many(s)) {
        return CSTAR_ELIMIT;
    }
    cstar__joining j = {.sub = sub_new(s), .missed = cstar__opening_take};
    if (j.sub == NULL) {
        return CSTAR_ENOMEM;
    }
    cstar__opening *o = cstar__opening_of(s);
    if (o != NULL && !o->gap) {
        j.last_id = o->last_id;
        j.seen_id = o->now_id;
    }
    const cstar_status rc = cstar__topic_join(s->room, topic, &j);
    settle(s, j.sub);
    if (rc == CSTAR_OK && o != NULL) {
        o->has_topics = true;
        o->gap = o->gap || j.gap;
        o->now_id = j.now_id != 0 ? j.now_id : o->now_id;
    }
    return rc;
}

/* ---- one less ---- */

static void leave_part(cstar__sub *sub) {
    cstar__live *s = cstar__sub_live(sub);
    cstar__part *part = sub->part;
    sub->part = NULL;
    set_free(s, sub);
    cstar__part_release(s->room, part);
}

void cstar__sub_leave(cstar__sub *sub) {
    if (!sub->dead) {
        index_remove(cstar__sub_live(sub), sub);
    }
    sub->dead = true;
    if (sub->stranded) {
        sub->stranded = false;
        leave_part(sub);
    }
    if (sub->listens) {
        sub->listens = false;
        cstar__sub_leave_gzip(sub);
        cstar__part_leave(sub->part, sub);
        leave_part(sub);
    }
}

cstar_status cstar__live_unsubscribe(cstar__live *s, cstar_str topic) {
    cstar__sub *sub = cstar__sub_find(s, topic);
    if (sub == NULL) {
        return CSTAR_ENOENT;
    }
    cstar__opening_forget(s, sub->part->topic);
    cstar__sub_leave(sub);
    return CSTAR_OK;
}

/* ---- its letter ---- */

void cstar__sub_listen(cstar__sub *sub) {
    cstar__live *s = cstar__sub_live(sub);
    __atomic_store_n(&sub->queued, false, __ATOMIC_RELAXED);
    if (sub->dead) {
        leave_part(sub);
        cstar__live_free_if_unused(s);
        return;
    }
    if (!cstar__part_enter(s->room, sub->part, sub)) {
        sub->stranded = true; /* its starter may be looking at it: it stays as it is */
        cstar__live_cut(s);
        return;
    }
    sub->listens = true;
}
