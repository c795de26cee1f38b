/* live/topics.c -- the topics of a hub: their tables, their lives, and what is kept of them.
 *
 *     name ─hash▶ table ─▶ slot ─▶ topic: parts (part.c), ring
 *
 * A publication to one of very many topics waits for memory twice: for the slot, and for the topic.
 *
 * Invariants: 1. A topic is in its table while it has uses. 2. One with history has a use of its own,
 * until that has grown old.
 *
 * SPDX-License-Identifier: MIT */
#include "live/parts.h"
#include "live/siphash.h"

/* ---- tables ---- */

uint64_t cstar__topics_hash(const cstar__hub *hub, cstar_str name) {
    const uint64_t hash = cstar__siphash(hub->opts.seed, name);
    return hash != 0 ? hash : 1;
}

cstar__topics *cstar__topics_of(cstar__hub *hub, uint64_t hash) { return &hub->topics[hash >> 58]; }

cstar__topic *cstar__topics_find(const cstar__topics *in, uint64_t hash, cstar_str name) {
    const cstar__slot *s = cstar__slots_first(&in->slots, hash);
    while (s != NULL) {
        cstar__topic *t = s->u.ptr;
        if (cstar_str_eq(cstar_view(t->name, t->len), name)) {
            return t;
        }
        s = cstar__slots_next(&in->slots, s);
    }
    return NULL;
}

static cstar__slot *slot_of(const cstar__topics *in, const cstar__topic *t) {
    cstar__slot *s = cstar__slots_first(&in->slots, t->hash);
    while (s->u.ptr != t) {
        s = cstar__slots_next(&in->slots, s);
    }
    return s;
}

/* ---- life ---- */

/* Where its parts are, behind its name. */
static size_t parts_at(size_t len) {
    const size_t align = _Alignof(cstar__part *);
    return (offsetof(cstar__topic, name) + len + 1 + align - 1) / align * align;
}

static size_t size_of(const cstar__hub *hub, size_t len) {
    return parts_at(len) + hub->opts.rooms * sizeof(cstar__part *);
}

static cstar__topic *topic_new(const cstar__hub *hub, uint64_t hash, cstar_str name) {
    const size_t size = size_of(hub, name.len);
    cstar__topic *t = hub->alloc->resize(hub->alloc->ctx, NULL, 0, size);
    if (t == NULL) {
        return NULL;
    }
    memset(t, 0, size);
    t->hash = hash;
    t->len = (uint16_t)name.len;
    memcpy(t->name, name.ptr, name.len);
    t->parts = (void *)((char *)t + parts_at(name.len));
    return t;
}

static void topic_free(const cstar__hub *hub, cstar__topic *t) {
    if (t->ring != NULL) {
        cstar__ring_fini(t->ring);
        (void)hub->alloc->resize(hub->alloc->ctx, t->ring, sizeof *t->ring, 0);
    }
    (void)hub->alloc->resize(hub->alloc->ctx, t, size_of(hub, t->len), 0);
}

static void ref_packet(void *packet) { cstar__packet_ref(packet); }
static void unref_packet(void *packet) { cstar__packet_unref(packet); }
static cstar_str key_of(const void *packet) { return ((const cstar__packet *)packet)->key; }

/* [order] What an earlier topic of that name had may be gone: nobody knows of which name it was. */
static bool add_ring(const cstar__hub *hub, cstar__topic *t, const cstar__keep *keep) {
    if (keep->count == 0) {
        return true;
    }
    t->ring = hub->alloc->resize(hub->alloc->ctx, NULL, 0, sizeof *t->ring);
    if (t->ring == NULL) {
        return false;
    }
    cstar__ring_init(t->ring, hub->alloc,
                     &(cstar__ring_opts){.count = keep->count,
                                         .bytes = keep->bytes,
                                         .max_ms = keep->ms,
                                         .ref = ref_packet,
                                         .unref = unref_packet,
                                         .key = keep->latest ? key_of : NULL,
                                         .seed = {hub->opts.seed[0], hub->opts.seed[1]}});
    t->ring->gone = __atomic_load_n(&hub->forgotten, __ATOMIC_RELAXED);
    return true;
}

cstar__topic *cstar__topics_add(cstar__hub *hub, uint64_t hash, cstar_str name,
                                const cstar__keep *keep) {
    cstar__topics *in = cstar__topics_of(hub, hash);
    cstar__topic *t = cstar__topics_find(in, hash, name);
    if (t != NULL) {
        return t;
    }
    t = cstar__slots_room(&in->slots, hub->alloc) ? topic_new(hub, hash, name) : NULL;
    if (t != NULL && !add_ring(hub, t, keep)) {
        topic_free(hub, t);
        t = NULL;
    }
    if (t != NULL) {
        cstar__slots_put(&in->slots, (cstar__slot){.hash = hash, .u.ptr = t});
    }
    return t;
}

/* Other threads may do the same. */
static void note_forgotten(cstar__hub *hub, uint64_t id) {
    uint64_t seen = __atomic_load_n(&hub->forgotten, __ATOMIC_RELAXED);
    while (seen < id && !__atomic_compare_exchange_n(&hub->forgotten, &seen, id, false,
                                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        /* `seen` is the newer one now */
    }
}

void cstar__topics_drop(cstar__hub *hub, cstar__topic *t) {
    cstar__topics *in = cstar__topics_of(hub, t->hash);
    if (t->uses != 0) {
        return;
    }
    if (t->ring != NULL) {
        note_forgotten(hub, t->ring->gone);
    }
    cstar__slots_remove(&in->slots, hub->alloc, slot_of(in, t));
    topic_free(hub, t);
}

void cstar__topics_fini(cstar__hub *hub, cstar__topics *in) {
    for (size_t i = 0; i < in->slots.cap; i++) {
        if (in->slots.at[i].hash != 0) {
            topic_free(hub, in->slots.at[i].u.ptr);
        }
    }
    cstar__slots_fini(&in->slots, hub->alloc);
}

/* ---- what is kept ---- */

cstar__keep cstar__topics_keep(const cstar__hub *hub, cstar_str name) {
    const cstar__keep nothing = {0};
    return hub->opts.keep != NULL ? hub->opts.keep(hub->opts.arg, name) : nothing;
}

static uint64_t now_of(const cstar__hub *hub) {
    return hub->opts.now != NULL ? hub->opts.now(hub->opts.arg) : 0;
}

void cstar__topic_keep(cstar__hub *hub, cstar__topic *t, cstar__packet *p) {
    const uint64_t now = now_of(hub);
    cstar__packet_stamp(p, hub->opts.epoch, ++hub->last_id);
    cstar__ring_put(
        t->ring,
        (cstar__ring_entry){.id = p->id, .at_ms = now, .bytes = p->cap + sizeof *p, .packet = p});
    if (!t->keeps) {
        t->keeps = true;
        t->uses++;
        __atomic_fetch_add(&hub->nkept, 1, __ATOMIC_RELAXED);
    }
}

void cstar__topic_expire(const cstar__hub *hub, cstar__topic *t) {
    if (t->ring != NULL) {
        cstar__ring_expire(t->ring, now_of(hub));
    }
}

static void forget_old(cstar__hub *hub, cstar__topic *t, uint64_t now) {
    if (t->keeps) {
        cstar__ring_expire(t->ring, now);
    }
    if (t->keeps && t->ring->count == 0) {
        t->keeps = false;
        t->uses--;
        __atomic_fetch_sub(&hub->nkept, 1, __ATOMIC_RELAXED);
        cstar__topics_drop(hub, t);
    }
}

/* A topic that goes may have another put into its slot, so that is looked at again; those that came
 * round the end of the table were looked at before. */
static void tidy(cstar__hub *hub, cstar__topics *in, uint64_t now) {
    (void)pthread_mutex_lock(&in->lock);
    const size_t cap = in->slots.cap;
    size_t i = 0;
    while (i < in->slots.cap &&
           in->slots.cap == cap) { /* else it is another one: the rest next time */
        const cstar__slot was = in->slots.at[i];
        if (was.hash != 0) {
            forget_old(hub, was.u.ptr, now);
        }
        i += in->slots.cap != cap || in->slots.at[i].u.ptr == was.u.ptr;
    }
    (void)pthread_mutex_unlock(&in->lock);
}

void cstar__hub_tidy(cstar__hub *hub, unsigned shards) {
    const uint64_t now = now_of(hub);
    if (__atomic_load_n(&hub->nkept, __ATOMIC_RELAXED) == 0) {
        return;
    }
    const unsigned first = __atomic_fetch_add(&hub->tidied, shards, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < shards && i < CSTAR__SHARDS; i++) {
        tidy(hub, &hub->topics[(first + i) % CSTAR__SHARDS], now);
    }
}
