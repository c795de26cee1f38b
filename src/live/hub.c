/* live/hub.c -- the topics of a hub, and what is published to them.
 *
 *     name ─hash▶ shard ─▶ bucket ─▶ topic ─parts▶ one letter for each room that listens ─▶ inbox
 *                                      └─ring▶ what is kept
 *
 * Invariants: 1. Letters of one topic are posted under its shard's lock; those of all topics that are
 * kept also under `order`, where they get their ids: an inbox never has a larger id before a smaller
 * one. 2. A publication is posted to all of its rooms or to none. 3. A topic is in its table while it
 * has uses.
 *
 * SPDX-License-Identifier: MIT */
#include "live/hub.h"

#include "live/parts.h"
#include "live/siphash.h"

enum {
    LETTER_WEIGHT = 256, /* bytes that a letter counts, beside its packet */
    FIRST_BUCKETS = 16,
    TIDY_EACH = 256, /* packets that are kept: nobody else may do it while no client is there */
};

#define MAX_WAITING ((size_t)64 << 20)

/* ---- life ---- */

static void hub_close(cstar__hub *hub, unsigned rooms) {
    const cstar_allocator *alloc = hub->alloc;
    for (unsigned i = 0; i < rooms; i++) {
        cstar__room_fini(&hub->rooms[i]);
    }
    for (size_t i = 0; i < CSTAR__SHARDS; i++) {
        (void)pthread_mutex_destroy(&hub->shards[i].lock);
    }
    (void)pthread_mutex_destroy(&hub->order);
    if (hub->rooms != NULL) {
        (void)alloc->resize(alloc->ctx, hub->rooms, hub->opts.rooms * sizeof *hub->rooms, 0);
    }
    (void)alloc->resize(alloc->ctx, hub->mem, sizeof *hub + 63, 0);
}

/* Shards begin on cache lines of their own, which an allocator does not promise. */
static cstar__hub *hub_alloc(const cstar_allocator *alloc) {
    void *mem = alloc->resize(alloc->ctx, NULL, 0, sizeof(cstar__hub) + 63);
    if (mem == NULL) {
        return NULL;
    }
    cstar__hub *hub = (void *)(((uintptr_t)mem + 63) & ~(uintptr_t)63);
    memset(hub, 0, sizeof *hub);
    hub->mem = mem;
    hub->alloc = alloc;
    return hub;
}

static bool init_rooms(cstar__hub *hub) {
    const unsigned n = hub->opts.rooms;
    hub->rooms = hub->alloc->resize(hub->alloc->ctx, NULL, 0, n * sizeof *hub->rooms);
    if (hub->rooms == NULL) {
        hub_close(hub, 0);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!cstar__room_init(&hub->rooms[i], hub, i)) {
            hub_close(hub, i);
            return false;
        }
    }
    return true;
}

cstar__hub *cstar__hub_new(const cstar__hub_opts *opts) {
    cstar__hub *hub = hub_alloc(opts->alloc != NULL ? opts->alloc : cstar_heap());
    if (hub == NULL) {
        return NULL;
    }
    hub->opts = *opts;
    hub->opts.rooms = opts->rooms != 0 ? opts->rooms : 1;
    hub->opts.max_waiting = opts->max_waiting != 0 ? opts->max_waiting : MAX_WAITING;
    (void)pthread_mutex_init(&hub->order, NULL);
    for (size_t i = 0; i < CSTAR__SHARDS; i++) {
        (void)pthread_mutex_init(&hub->shards[i].lock, NULL);
    }
    return init_rooms(hub) ? hub : NULL;
}

static void topic_free(const cstar__hub *hub, cstar__topic *t) {
    const size_t nrooms = hub->opts.rooms;
    if (t->ring != NULL) {
        cstar__ring_fini(t->ring);
        (void)hub->alloc->resize(hub->alloc->ctx, t->ring, sizeof *t->ring, 0);
    }
    (void)hub->alloc->resize(hub->alloc->ctx, t->parts, nrooms * sizeof(cstar__part *), 0);
    (void)hub->alloc->resize(hub->alloc->ctx, t, sizeof *t + t->len + 1, 0);
}

/* What is kept for replay goes with the hub. */
static void shard_clear(cstar__hub *hub, struct cstar__shard *shard) {
    for (size_t i = 0; i < shard->nbuckets; i++) {
        while (shard->buckets[i] != NULL) {
            cstar__topic *t = shard->buckets[i];
            shard->buckets[i] = t->next;
            topic_free(hub, t);
        }
    }
    if (shard->nbuckets != 0) {
        (void)hub->alloc->resize(hub->alloc->ctx, shard->buckets,
                                 shard->nbuckets * sizeof *shard->buckets, 0);
    }
}

void cstar__hub_free(cstar__hub *hub) {
    if (hub == NULL) {
        return;
    }
    for (unsigned i = 0; i < hub->opts.rooms; i++) {
        cstar__room_clear(&hub->rooms[i]);
    }
    for (size_t i = 0; i < CSTAR__SHARDS; i++) {
        shard_clear(hub, &hub->shards[i]);
    }
    hub_close(hub, hub->opts.rooms);
}

void cstar__hub_settle(cstar__hub *hub) {
    for (unsigned i = 0; i < hub->opts.rooms; i++) {
        while (cstar__room_open_mail(&hub->rooms[i])) {
        }
    }
}

const cstar_allocator *cstar__hub_alloc(const cstar__hub *hub) { return hub->alloc; }
cstar__room *cstar__hub_room(cstar__hub *hub, unsigned index) { return &hub->rooms[index]; }
uint32_t cstar__hub_epoch(const cstar__hub *hub) { return hub->opts.epoch; }

/* ---- the table ---- */

static struct cstar__shard *shard_of(cstar__hub *hub, uint64_t hash) {
    return &hub->shards[hash >> 58];
}

static cstar__topic **slot_of(struct cstar__shard *shard, uint64_t hash, cstar_str name) {
    cstar__topic **at = &shard->buckets[hash & (shard->nbuckets - 1)];
    while (*at != NULL &&
           ((*at)->hash != hash || !cstar_str_eq(cstar_view((*at)->name, (*at)->len), name))) {
        at = &(*at)->next;
    }
    return at;
}

static cstar__topic *find(struct cstar__shard *shard, uint64_t hash, cstar_str name) {
    return shard->nbuckets != 0 ? *slot_of(shard, hash, name) : NULL;
}

/* Where there is no memory for a larger table, the chains get longer. */
static void resize_table(const cstar__hub *hub, struct cstar__shard *shard, size_t nbuckets) {
    cstar__topic **buckets =
        hub->alloc->resize(hub->alloc->ctx, NULL, 0, nbuckets * sizeof *buckets);
    if (buckets == NULL) {
        return;
    }
    memset(buckets, 0, nbuckets * sizeof *buckets);
    for (size_t i = 0; i < shard->nbuckets; i++) {
        while (shard->buckets[i] != NULL) {
            cstar__topic *t = shard->buckets[i];
            cstar__topic **to = &buckets[t->hash & (nbuckets - 1)];
            shard->buckets[i] = t->next;
            t->next = *to;
            *to = t;
        }
    }
    if (shard->nbuckets != 0) {
        (void)hub->alloc->resize(hub->alloc->ctx, shard->buckets,
                                 shard->nbuckets * sizeof *shard->buckets, 0);
    }
    shard->buckets = buckets;
    shard->nbuckets = nbuckets;
}

static cstar__topic *topic_new(cstar__hub *hub, uint64_t hash, cstar_str name) {
    const cstar_allocator *alloc = hub->alloc;
    const size_t nrooms = hub->opts.rooms;
    cstar__topic *t = alloc->resize(alloc->ctx, NULL, 0, sizeof *t + name.len + 1);
    if (t == NULL) {
        return NULL;
    }
    memset(t, 0, sizeof *t);
    t->hash = hash;
    t->len = name.len;
    memcpy(t->name, name.ptr, name.len);
    t->name[name.len] = '\0';
    t->parts = alloc->resize(alloc->ctx, NULL, 0, nrooms * sizeof(cstar__part *));
    if (t->parts == NULL) {
        (void)alloc->resize(alloc->ctx, t, sizeof *t + t->len + 1, 0);
        return NULL;
    }
    memset(t->parts, 0, nrooms * sizeof(cstar__part *));
    return t;
}

static cstar__keep keep_of(const cstar__hub *hub, cstar_str name) {
    const cstar__keep nothing = {0};
    return hub->opts.keep != NULL ? hub->opts.keep(hub->opts.arg, name) : nothing;
}

static void ref_packet(void *packet) { cstar__packet_ref(packet); }
static void unref_packet(void *packet) { cstar__packet_unref(packet); }

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
                                         .unref = unref_packet});
    t->ring->gone = __atomic_load_n(&hub->forgotten, __ATOMIC_RELAXED);
    return true;
}

/* [shard] */
static cstar__topic *find_or_add(cstar__hub *hub, struct cstar__shard *shard, uint64_t hash,
                                 cstar_str name, const cstar__keep *keep) {
    cstar__topic *t = find(shard, hash, name);
    if (t != NULL) {
        return t;
    }
    if (shard->n >= shard->nbuckets) {
        resize_table(hub, shard, shard->nbuckets != 0 ? shard->nbuckets * 2 : FIRST_BUCKETS);
    }
    t = shard->nbuckets != 0 ? topic_new(hub, hash, name) : NULL;
    if (t != NULL && !add_ring(hub, t, keep)) {
        topic_free(hub, t);
        t = NULL;
    }
    if (t != NULL) {
        cstar__topic **at = &shard->buckets[hash & (shard->nbuckets - 1)];
        t->next = *at;
        *at = t;
        shard->n++;
    }
    return t;
}

/* Other shards may do the same. */
static void note_forgotten(cstar__hub *hub, uint64_t id) {
    uint64_t seen = __atomic_load_n(&hub->forgotten, __ATOMIC_RELAXED);
    while (seen < id && !__atomic_compare_exchange_n(&hub->forgotten, &seen, id, false,
                                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        /* `seen` is the newer one now */
    }
}

/* [shard] */
static void drop_if_unused(cstar__hub *hub, struct cstar__shard *shard, cstar__topic *t) {
    if (t->uses != 0) {
        return;
    }
    if (t->ring != NULL) {
        note_forgotten(hub, t->ring->gone);
    }
    *slot_of(shard, t->hash, cstar_view(t->name, t->len)) = t->next;
    topic_free(hub, t);
    shard->n--;
    if (shard->nbuckets > FIRST_BUCKETS && shard->n < shard->nbuckets / 8) {
        resize_table(hub, shard, shard->nbuckets / 2);
    }
}

/* ---- what is kept ---- */

static uint64_t now_of(const cstar__hub *hub) {
    return hub->opts.now != NULL ? hub->opts.now(hub->opts.arg) : 0;
}

/* [order, shard] A topic with history has a use of its own, until that has grown old. */
static void keep_packet(cstar__hub *hub, cstar__topic *t, cstar__packet *p) {
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

/* [shard] */
static void forget_old(cstar__hub *hub, struct cstar__shard *shard, cstar__topic *t, uint64_t now) {
    if (t->keeps) {
        cstar__ring_expire(t->ring, now);
    }
    if (t->keeps && t->ring->count == 0) {
        t->keeps = false;
        t->uses--;
        __atomic_fetch_sub(&hub->nkept, 1, __ATOMIC_RELAXED);
        drop_if_unused(hub, shard, t);
    }
}

static void tidy_shard(cstar__hub *hub, struct cstar__shard *shard, uint64_t now) {
    (void)pthread_mutex_lock(&shard->lock);
    for (size_t b = 0; b < shard->nbuckets; b++) {
        cstar__topic *next = NULL;
        const size_t nbuckets = shard->nbuckets;
        for (cstar__topic *t = shard->buckets[b]; t != NULL; t = next) {
            next = t->next;
            forget_old(hub, shard, t, now);
        }
        if (shard->nbuckets != nbuckets) {
            break; /* the table is another one: the rest next time */
        }
    }
    (void)pthread_mutex_unlock(&shard->lock);
}

void cstar__hub_tidy(cstar__hub *hub, unsigned shards) {
    const uint64_t now = now_of(hub);
    if (__atomic_load_n(&hub->nkept, __ATOMIC_RELAXED) == 0) {
        return;
    }
    const unsigned first = __atomic_fetch_add(&hub->tidied, shards, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < shards && i < CSTAR__SHARDS; i++) {
        tidy_shard(hub, &hub->shards[(first + i) % CSTAR__SHARDS], now);
    }
}

/* ---- joining ---- */

/* [shard] */
static cstar__part *part_of(cstar__room *room, cstar__topic *t) {
    const cstar_allocator *alloc = room->hub->alloc;
    cstar__part *part = t->parts[room->index];
    if (part == NULL) {
        part = alloc->resize(alloc->ctx, NULL, 0, sizeof *part);
        if (part != NULL) {
            memset(part, 0, sizeof *part);
            part->topic = t;
            t->parts[room->index] = part;
            t->uses++;
        }
    }
    return part;
}

static bool missed(void *arg, const cstar__ring_entry *e) {
    cstar__joining *j = arg;
    cstar__packet_ref(e->packet);
    return j->missed(j->arg, e->packet);
}

/* [order, shard] What the client has missed of this topic. */
static cstar_status replay(cstar__hub *hub, const cstar__topic *t, cstar__joining *j) {
    if (t->ring == NULL) {
        j->gap = true;
        return CSTAR_OK;
    }
    cstar__ring_expire(t->ring, now_of(hub));
    const cstar_status rc = j->last_id != 0 && j->last_id <= hub->last_id
                                ? cstar__ring_since(t->ring, j->last_id, missed, j)
                                : CSTAR_ENOENT;
    j->now_id = hub->last_id;
    j->gap = rc == CSTAR_ENOENT;
    return rc == CSTAR_ENOENT ? CSTAR_OK : rc;
}

/* [order, shard] */
static cstar_status join(cstar__room *room, cstar__topic *t, cstar__joining *j) {
    cstar__letter *letter = cstar__letter_new(room->hub, CSTAR__LETTER_LISTEN);
    cstar__part *part = letter != NULL ? part_of(room, t) : NULL;
    const cstar_status rc = part != NULL ? replay(room->hub, t, j) : CSTAR_ENOMEM;
    if (rc != CSTAR_OK) {
        cstar__letter_free(room->hub, letter);
        if (part != NULL && part->uses == 0) {
            cstar__part_free(room, part);
        }
        return rc;
    }
    part->uses++;
    j->sub->part = part;
    letter->sub = j->sub;
    __atomic_store_n(&j->sub->queued, true, __ATOMIC_RELAXED);
    j->wake = cstar__room_post(room, letter);
    return CSTAR_OK;
}

/* [order] What has come meanwhile of the topics that the stream listens to already. */
static void catch_up(cstar__hub *hub, cstar__joining *j) {
    for (const cstar__sub *sub = &cstar__sub_live(j->sub)->first; sub != NULL && !j->gap;
         sub = sub->next) {
        const cstar__topic *t = sub != j->sub && sub->part != NULL ? sub->part->topic : NULL;
        if (t == NULL || t->ring == NULL || sub->dead) {
            continue;
        }
        struct cstar__shard *shard = shard_of(hub, t->hash);
        (void)pthread_mutex_lock(&shard->lock);
        j->gap = cstar__ring_since(t->ring, j->seen_id, missed, j) != CSTAR_OK;
        (void)pthread_mutex_unlock(&shard->lock);
    }
}

cstar_status cstar__topic_join(cstar__room *room, cstar_str name, cstar__joining *j) {
    cstar__hub *hub = room->hub;
    const cstar__keep keep = keep_of(hub, name);
    const uint64_t hash = cstar__siphash(hub->opts.seed, name);
    struct cstar__shard *shard = shard_of(hub, hash);
    if (keep.count != 0) {
        (void)pthread_mutex_lock(&hub->order);
    }
    (void)pthread_mutex_lock(&shard->lock);
    cstar__topic *t = find_or_add(hub, shard, hash, name, &keep);
    const cstar_status rc = t != NULL ? join(room, t, j) : CSTAR_ENOMEM;
    if (t != NULL && rc != CSTAR_OK) {
        drop_if_unused(hub, shard, t);
    }
    (void)pthread_mutex_unlock(&shard->lock);
    if (keep.count != 0) {
        if (rc == CSTAR_OK && j->last_id != 0 && j->now_id > j->seen_id) {
            catch_up(hub, j);
        }
        (void)pthread_mutex_unlock(&hub->order);
    }
    if (j->wake) {
        cstar__room_wake(room);
    }
    return rc;
}

/* ---- leaving ---- */

/* [shard] */
void cstar__part_free(cstar__room *room, cstar__part *part) {
    const cstar_allocator *alloc = room->hub->alloc;
    part->topic->parts[room->index] = NULL;
    part->topic->uses--;
    (void)alloc->resize(alloc->ctx, part->subs, part->cap * sizeof(cstar__sub *), 0);
    (void)alloc->resize(alloc->ctx, part, sizeof *part, 0);
}

void cstar__part_release(cstar__room *room, cstar__part *part, size_t n) {
    cstar__topic *t = part->topic;
    struct cstar__shard *shard = shard_of(room->hub, t->hash);
    (void)pthread_mutex_lock(&shard->lock);
    part->uses -= n;
    if (part->uses == 0) {
        cstar__part_free(room, part);
        drop_if_unused(room->hub, shard, t);
    }
    (void)pthread_mutex_unlock(&shard->lock);
}

/* ---- publishing ---- */

static bool is_crowded(cstar__hub *hub) {
    if (__atomic_load_n(&hub->waiting, __ATOMIC_RELAXED) < hub->opts.max_waiting) {
        return false;
    }
    __atomic_fetch_add(&hub->refused, 1, __ATOMIC_RELAXED);
    return true;
}

static cstar__letter *letter_of(const cstar__hub *hub, cstar__letter_kind kind, cstar__packet *p) {
    cstar__letter *letter = cstar__letter_new(hub, kind);
    if (letter != NULL && p != NULL) {
        letter->packet = p;
        letter->weight = LETTER_WEIGHT + p->cap;
    }
    return letter;
}

/* One for each room that listens. @return false: out of memory, and there are none. */
static bool write_letters(cstar__hub *hub, cstar__topic *t, cstar__packet *p,
                          cstar__letter **letters) {
    for (unsigned i = 0; i < hub->opts.rooms; i++) {
        cstar__letter *letter =
            t->parts[i] != NULL ? letter_of(hub, CSTAR__LETTER_PUBLISHED, p) : NULL;
        if (letter != NULL) {
            letter->part = t->parts[i];
            letter->room = &hub->rooms[i];
            letter->next = *letters;
            *letters = letter;
        } else if (t->parts[i] != NULL) {
            return false;
        }
    }
    return true;
}

static void burn_letters(const cstar__hub *hub, cstar__letter *letters) {
    while (letters != NULL) {
        cstar__letter *next = letters->next;
        letters->packet = NULL; /* the caller's */
        cstar__letter_free(hub, letters);
        letters = next;
    }
}

/* [shard] Rooms to be woken go to the front of `wake`, by their letters' `room`. */
static void post_letters(cstar__hub *hub, cstar__letter *letters, cstar__wakes *wakes) {
    while (letters != NULL) {
        cstar__letter *next = letters->next;
        cstar__room *room = letters->room;
        letters->part->uses++;
        cstar__packet_ref(letters->packet);
        __atomic_fetch_add(&hub->waiting, letters->weight, __ATOMIC_RELAXED);
        if (cstar__room_post(room, letters)) {
            wakes->bits[room->index / 64] |= (uint64_t)1 << (room->index % 64);
        }
        letters = next;
    }
}

static void wake_rooms(cstar__hub *hub, const cstar__wakes *wakes) {
    for (unsigned i = 0; i < hub->opts.rooms; i++) {
        if ((wakes->bits[i / 64] >> (i % 64) & 1) != 0) {
            cstar__room_wake(&hub->rooms[i]);
        }
    }
}

/* [shard; order, where it is kept] */
static cstar_status post_all(cstar__hub *hub, cstar__topic *t, cstar__packet *p,
                             cstar__wakes *wakes) {
    cstar__letter *letters = NULL;
    if (!write_letters(hub, t, p, &letters)) {
        burn_letters(hub, letters);
        return CSTAR_ENOMEM;
    }
    if (t->ring != NULL && p->kind == CSTAR__PACKET_FRAME) {
        keep_packet(hub, t, p);
    }
    if (letters != NULL) {
        __atomic_fetch_add(&hub->published, 1, __ATOMIC_RELAXED);
    }
    post_letters(hub, letters, wakes);
    return CSTAR_OK;
}

cstar_status cstar__hub_publish(cstar__hub *hub, cstar_str topic, cstar__packet *p) {
    const cstar__keep keep = keep_of(hub, topic);
    const uint64_t hash = cstar__siphash(hub->opts.seed, topic);
    struct cstar__shard *shard = shard_of(hub, hash);
    const bool keeps = keep.count != 0 && p->kind == CSTAR__PACKET_FRAME;
    cstar__wakes wakes = {{0}};
    cstar_status rc = CSTAR_OK;
    if (is_crowded(hub)) {
        return CSTAR_EAGAIN;
    }
    if (keeps) {
        (void)pthread_mutex_lock(&hub->order);
    }
    (void)pthread_mutex_lock(&shard->lock);
    cstar__topic *t =
        keeps ? find_or_add(hub, shard, hash, topic, &keep) : find(shard, hash, topic);
    if (t != NULL) {
        rc = post_all(hub, t, p, &wakes);
        drop_if_unused(hub, shard, t);
    } else if (keeps) {
        rc = CSTAR_ENOMEM;
    }
    (void)pthread_mutex_unlock(&shard->lock);
    if (keeps) {
        const bool tidy = hub->last_id % TIDY_EACH == 0;
        (void)pthread_mutex_unlock(&hub->order);
        if (tidy) {
            cstar__hub_tidy(hub, 1);
        }
    }
    wake_rooms(hub, &wakes);
    return rc;
}

cstar__audience cstar__hub_audience(cstar__hub *hub, cstar_str topic) {
    const uint64_t hash = cstar__siphash(hub->opts.seed, topic);
    struct cstar__shard *shard = shard_of(hub, hash);
    if (keep_of(hub, topic).count != 0) {
        return CSTAR__AUDIENCE_KEPT;
    }
    (void)pthread_mutex_lock(&shard->lock);
    const bool heard = find(shard, hash, topic) != NULL;
    (void)pthread_mutex_unlock(&shard->lock);
    return heard ? CSTAR__AUDIENCE_PLAIN : CSTAR__AUDIENCE_NONE;
}

/* ---- to one stream ---- */

static cstar_status send_letter(cstar__hub *hub, cstar__letter *letter) {
    const unsigned index = (unsigned)(letter->address >> 54);
    if (index >= hub->opts.rooms || !cstar__room_has(&hub->rooms[index], letter->address)) {
        letter->packet = NULL;
        cstar__letter_free(hub, letter);
        return CSTAR_OK; /* nobody */
    }
    if (letter->packet != NULL) {
        cstar__packet_ref(letter->packet);
    }
    __atomic_fetch_add(&hub->waiting, letter->weight, __ATOMIC_RELAXED);
    if (cstar__room_post(&hub->rooms[index], letter)) {
        cstar__room_wake(&hub->rooms[index]);
    }
    return CSTAR_OK;
}

cstar_status cstar__hub_send(cstar__hub *hub, uint64_t address, cstar__packet *p) {
    if (is_crowded(hub)) {
        return CSTAR_EAGAIN;
    }
    cstar__letter *letter = letter_of(hub, CSTAR__LETTER_SENT, p);
    if (letter == NULL) {
        return CSTAR_ENOMEM;
    }
    letter->address = address;
    return send_letter(hub, letter);
}

cstar_status cstar__hub_replace(cstar__hub *hub, uint64_t address, uint64_t generation) {
    cstar__letter *letter = letter_of(hub, CSTAR__LETTER_REPLACED, NULL);
    if (letter == NULL) {
        return CSTAR_ENOMEM;
    }
    letter->address = address;
    letter->generation = generation;
    return send_letter(hub, letter);
}

void cstar__hub_counts(cstar__hub *hub, cstar__hub_count *out) {
    *out = (cstar__hub_count){
        .published = __atomic_load_n(&hub->published, __ATOMIC_RELAXED),
        .refused = __atomic_load_n(&hub->refused, __ATOMIC_RELAXED),
        .waiting = __atomic_load_n(&hub->waiting, __ATOMIC_RELAXED),
    };
    for (size_t i = 0; i < CSTAR__SHARDS; i++) {
        (void)pthread_mutex_lock(&hub->shards[i].lock);
        out->topics += hub->shards[i].n;
        (void)pthread_mutex_unlock(&hub->shards[i].lock);
    }
}
