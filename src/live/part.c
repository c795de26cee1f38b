/* live/part.c -- what a room has of a topic: who listens there.
 *
 * Most topics have one listener in one room: its part is in the topic, and the pointer to it in the
 * part.
 *
 * SPDX-License-Identifier: MIT */
#include "live/parts.h"

/* ---- life ---- */

static cstar__part *part_new(const cstar__room *room, cstar__topic *t) {
    const cstar_allocator *alloc = room->hub->alloc;
    cstar__part *part =
        t->own.topic == NULL ? &t->own : alloc->resize(alloc->ctx, NULL, 0, sizeof *part);
    if (part != NULL) {
        *part = (cstar__part){.topic = t, .cap = 1};
        part->subs = &part->only;
    }
    return part;
}

cstar__part *cstar__part_of(cstar__room *room, cstar__topic *t) {
    cstar__part *part = t->parts[room->index];
    if (part == NULL) {
        part = part_new(room, t);
        t->parts[room->index] = part;
        t->uses += part != NULL;
    }
    return part;
}

static void free_subs(const cstar__room *room, cstar__part *part) {
    const cstar_allocator *alloc = room->hub->alloc;
    if (part->subs != &part->only) {
        (void)alloc->resize(alloc->ctx, part->subs, part->cap * sizeof(cstar__sub *), 0);
    }
}

void cstar__part_free(cstar__room *room, cstar__part *part) {
    const cstar_allocator *alloc = room->hub->alloc;
    cstar__topic *t = part->topic;
    t->parts[room->index] = NULL;
    t->uses--;
    free_subs(room, part);
    if (part == &t->own) {
        part->topic = NULL; /* another room may have it */
    } else {
        (void)alloc->resize(alloc->ctx, part, sizeof *part, 0);
    }
}

void cstar__part_release(cstar__room *room, cstar__part *part) {
    cstar__topic *t = part->topic;
    cstar__topics *in = cstar__topics_of(room->hub, t->hash);
    (void)pthread_mutex_lock(&in->lock);
    if (--part->uses == 0) {
        cstar__part_free(room, part);
        cstar__topics_drop(room->hub, t);
    }
    (void)pthread_mutex_unlock(&in->lock);
}

/* ---- who listens ---- */

/* Publishers read these two, for a hint and a guess: which value they see does not matter. */

static void set_count(cstar__part *part, uint32_t n) {
    __atomic_store_n(&part->nsubs, n, __ATOMIC_RELAXED);
}

size_t cstar__part_audience(const cstar__part *part) {
    return __atomic_load_n(&part->nsubs, __ATOMIC_RELAXED);
}

static void put(cstar__part *part, size_t i, cstar__sub *sub) {
    __atomic_store_n(&part->subs[i], sub, __ATOMIC_RELAXED);
}

void cstar__part_hint(const cstar__part *part) {
    cstar__fetch(__atomic_load_n(&part->only, __ATOMIC_RELAXED), sizeof(cstar__sub));
}

/* By a quarter: most topics have few streams, or very many. */
static bool grow(const cstar__room *room, cstar__part *part) {
    const cstar_allocator *alloc = room->hub->alloc;
    const uint32_t cap = part->cap + part->cap / 4 + 1;
    cstar__sub **subs = alloc->resize(alloc->ctx, NULL, 0, cap * sizeof(cstar__sub *));
    if (subs == NULL) {
        return false;
    }
    memcpy(subs, part->subs, part->nsubs * sizeof(cstar__sub *));
    free_subs(room, part);
    part->subs = subs;
    part->cap = cap;
    return true;
}

bool cstar__part_enter(cstar__room *room, cstar__part *part, cstar__sub *sub) {
    if (part->nsubs == part->cap && !grow(room, part)) {
        return false;
    }
    sub->at = part->nsubs;
    set_count(part, part->nsubs + 1);
    put(part, sub->at, sub);
    return true;
}

void cstar__part_leave(cstar__part *part, const cstar__sub *sub) {
    if (part->busy) {
        put(part, sub->at, NULL);
        part->holes = true;
        return;
    }
    set_count(part, part->nsubs - 1);
    cstar__sub *last = part->subs[part->nsubs];
    put(part, sub->at, last);
    last->at = sub->at;
}

void cstar__part_fill_holes(cstar__part *part) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < part->nsubs; i++) {
        cstar__sub *sub = part->subs[i];
        if (sub != NULL) {
            sub->at = n;
            put(part, n++, sub);
        }
    }
    set_count(part, n);
    part->holes = false;
}
