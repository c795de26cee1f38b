/* live/hub.c -- the hub: its life, and what it counts.
 *
 *     hub ─┬▶ topics.c  tables of topics      ◀── join.c   a stream listens to one
 *          └▶ rooms (room.c): inboxes         ◀── mail.c   what is published, or sent to one stream
 *
 * SPDX-License-Identifier: MIT */
#include "live/hub.h"

#include "live/parts.h"

#define MAX_WAITING ((size_t)64 << 20)
#define MAX_DELIVERIES ((size_t)1000000)

/* ---- life ---- */

static void hub_close(cstar__hub *hub, unsigned rooms) {
    const cstar_allocator *alloc = hub->alloc;
    for (unsigned i = 0; i < rooms; i++) {
        cstar__room_fini(&hub->rooms[i]);
    }
    for (size_t i = 0; i < CSTAR__SHARDS; i++) {
        (void)pthread_mutex_destroy(&hub->topics[i].lock);
    }
    (void)pthread_mutex_destroy(&hub->order);
    if (hub->rooms != NULL) {
        (void)alloc->resize(alloc->ctx, hub->rooms, hub->opts.rooms * sizeof *hub->rooms, 0);
    }
    (void)alloc->resize(alloc->ctx, hub->mem, sizeof *hub + 63, 0);
}

/* Tables begin on cache lines of their own, which an allocator does not promise. */
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
    hub->opts.max_deliveries = opts->max_deliveries != 0 ? opts->max_deliveries : MAX_DELIVERIES;
    (void)pthread_mutex_init(&hub->order, NULL);
    for (size_t i = 0; i < CSTAR__SHARDS; i++) {
        (void)pthread_mutex_init(&hub->topics[i].lock, NULL);
    }
    return init_rooms(hub) ? hub : NULL;
}

void cstar__hub_free(cstar__hub *hub) {
    if (hub == NULL) {
        return;
    }
    for (unsigned i = 0; i < hub->opts.rooms; i++) {
        cstar__room_clear(&hub->rooms[i]);
    }
    for (size_t i = 0; i < CSTAR__SHARDS; i++) {
        cstar__topics_fini(hub, &hub->topics[i]);
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

void cstar__hub_next_epoch(cstar__hub *hub) { hub->opts.epoch++; }

/* ---- counts ---- */

void cstar__hub_counts(cstar__hub *hub, cstar__hub_count *out) {
    *out = (cstar__hub_count){
        .published = __atomic_load_n(&hub->published, __ATOMIC_RELAXED),
        .refused = __atomic_load_n(&hub->refused, __ATOMIC_RELAXED),
        .waiting = __atomic_load_n(&hub->waiting, __ATOMIC_RELAXED),
    };
    for (size_t i = 0; i < CSTAR__SHARDS; i++) {
        (void)pthread_mutex_lock(&hub->topics[i].lock);
        out->topics += hub->topics[i].slots.n;
        (void)pthread_mutex_unlock(&hub->topics[i].lock);
    }
}

/* ---- names ---- */

static size_t add_names(const cstar__topics *in, cstar_buf *out) {
    size_t n = 0;
    for (size_t i = 0; i < in->slots.cap; i++) {
        const cstar__topic *t = in->slots.at[i].hash != 0 ? in->slots.at[i].u.ptr : NULL;
        if (t != NULL && out->limit - out->len > t->len + sizeof ", \"\"") {
            cstar_buf_puts(out, out->len != 0 ? ", \"" : "\"");
            cstar_buf_add(out, t->name, t->len);
            cstar_buf_byte(out, '"');
            n++;
        }
    }
    return n;
}

size_t cstar__hub_names(cstar__hub *hub, char *out, size_t size) {
    size_t n = 0;
    cstar_buf b;
    cstar_buf_fixed(&b, out, size - 1);
    for (size_t i = 0; i < CSTAR__SHARDS; i++) {
        (void)pthread_mutex_lock(&hub->topics[i].lock);
        n += add_names(&hub->topics[i], &b);
        (void)pthread_mutex_unlock(&hub->topics[i].lock);
    }
    out[b.len] = '\0';
    return n;
}
