/* live/room.c -- one worker's part of the hub: the inbox, the streams by address, and a batch of mail.
 *
 *     post [any thread] ─▶ inbox ─▶ open_mail: todo ─▶ one letter after the other ─▶ frames wait in their
 *                                                         streams ─▶ flush: each stream writes once
 *
 * A single letter is written at once. Of several, a stream writes all it got in one call, at the end
 * of the batch.
 *
 * Invariants: 1. Letters are opened in the order in which they were posted, on one thread. 2. While a
 * part is gone through, its subs keep their places: who leaves, leaves a hole. 3. A batch is at most
 * BATCH letters: then the loop's other work has its turn. Only before its streams end is all
 * opened: open_all().
 *
 * SPDX-License-Identifier: MIT */
#include "live/parts.h"

enum {
    BATCH = 64,
    FIRST = 16,
    MAX_SLOTS = 1 << 22, /* as many as an address can tell apart */
    SLOT_SHIFT = 32,
    ROOM_SHIFT = 54,
};

/* ---- letters ---- */

cstar__letter *cstar__letter_new(const cstar__hub *hub, cstar__letter_kind kind) {
    cstar__letter *letter = hub->alloc->resize(hub->alloc->ctx, NULL, 0, sizeof *letter);
    if (letter != NULL) {
        memset(letter, 0, sizeof *letter);
        letter->kind = (uint8_t)kind;
    }
    return letter;
}

void cstar__letter_free(const cstar__hub *hub, cstar__letter *letter) {
    if (letter != NULL) {
        cstar__packet_unref(letter->packet);
        (void)hub->alloc->resize(hub->alloc->ctx, letter, sizeof *letter, 0);
    }
}

bool cstar__room_post(cstar__room *room, cstar__letter *letter) {
    letter->next = NULL;
    (void)pthread_mutex_lock(&room->lock);
    const bool was_empty = room->first == NULL;
    *room->last = letter;
    room->last = &letter->next;
    (void)pthread_mutex_unlock(&room->lock);
    return was_empty;
}

void cstar__room_wake(cstar__room *room) {
    if (room->hub->opts.wake != NULL) {
        room->hub->opts.wake(room->hub->opts.arg, room->index);
    }
}

/* ---- streams by address ---- */

static bool grow_slots(cstar__room *room) {
    const cstar_allocator *alloc = room->hub->alloc;
    const uint32_t n = room->nslots != 0 ? room->nslots * 2 : FIRST;
    if (n > MAX_SLOTS) {
        return false;
    }
    cstar__seat *slots =
        alloc->resize(alloc->ctx, room->slots, room->nslots * sizeof *slots, n * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    for (uint32_t i = room->nslots; i < n; i++) {
        slots[i] = (cstar__seat){.next = i + 1 < n ? i + 2 : 0};
    }
    room->free_slot = room->nslots + 1;
    room->slots = slots;
    room->nslots = n;
    return true;
}

static uint64_t address_of(const cstar__room *room, uint32_t slot) {
    return (uint64_t)room->index << ROOM_SHIFT | (uint64_t)slot << SLOT_SHIFT |
           room->slots[slot].serial;
}

uint64_t cstar__room_enter(cstar__room *room, cstar__live *s) {
    uint64_t address = 0;
    (void)pthread_mutex_lock(&room->lock);
    if (s->slot == 0 && (room->free_slot != 0 || grow_slots(room))) {
        const uint32_t slot = room->free_slot - 1;
        room->free_slot = room->slots[slot].next;
        room->serial = room->serial + 1 != 0 ? room->serial + 1 : 1; /* an address is never 0 */
        room->slots[slot] = (cstar__seat){.live = s, .serial = room->serial};
        s->slot = slot + 1;
    }
    if (s->slot != 0) {
        address = address_of(room, s->slot - 1);
    }
    (void)pthread_mutex_unlock(&room->lock);
    return address;
}

void cstar__room_leave(cstar__room *room, uint32_t slot) {
    (void)pthread_mutex_lock(&room->lock);
    room->slots[slot - 1] = (cstar__seat){.next = room->free_slot};
    room->free_slot = slot;
    (void)pthread_mutex_unlock(&room->lock);
}

/* NULL: it has gone. */
static cstar__live *stream_at(cstar__room *room, uint64_t address) {
    const uint32_t slot = (uint32_t)(address >> SLOT_SHIFT) & (MAX_SLOTS - 1);
    (void)pthread_mutex_lock(&room->lock);
    cstar__live *s = slot < room->nslots && room->slots[slot].serial == (uint32_t)address
                         ? room->slots[slot].live
                         : NULL;
    (void)pthread_mutex_unlock(&room->lock);
    return s;
}

bool cstar__room_has(cstar__room *room, uint64_t address) {
    return stream_at(room, address) != NULL;
}

/* ---- a batch ---- */

bool cstar__room_dirty(cstar__room *room, cstar__live *s) {
    if (s->dirty) {
        return true;
    }
    if (room->ndirty == room->cap_dirty) {
        const cstar_allocator *alloc = room->hub->alloc;
        const size_t cap = room->cap_dirty != 0 ? room->cap_dirty * 2 : FIRST;
        cstar__live **dirty =
            alloc->resize(alloc->ctx, room->dirty, room->cap_dirty * sizeof(cstar__live *),
                          cap * sizeof(cstar__live *));
        if (dirty == NULL) {
            return false;
        }
        room->dirty = dirty;
        room->cap_dirty = cap;
    }
    room->dirty[room->ndirty++] = s;
    s->dirty = true;
    return true;
}

static void flush_dirty(cstar__room *room) {
    room->batching = false;
    for (size_t i = 0; i < room->ndirty; i++) {
        cstar__live *s = room->dirty[i];
        for (unsigned ahead = 3; ahead != 0; ahead--) {
            if (i + ahead < room->ndirty) {
                cstar__live_fetch(room->dirty[i + ahead], ahead);
            }
        }
        s->dirty = false;
        cstar__live_flush(s);
    }
    room->ndirty = 0;
}

/* ---- opening ---- */

static cstar__sub *sub_at(const cstar__part *part, size_t i) {
    return i < part->nsubs ? part->subs[i] : NULL;
}

/* Each stream is a chain of memory that nobody has touched since the last publication. Writing to one
 * takes the kernel longer than all of these misses, if they do not wait for each other. `nearest`: 1
 * if streams are written to, 3 if not yet. */
static void look_ahead(const cstar__part *part, size_t i, unsigned nearest) {
    cstar__sub *sub = sub_at(part, i + 4);
    if (sub != NULL) {
        cstar__fetch(sub, sizeof *sub);
    }
    for (unsigned ahead = 3; ahead >= nearest; ahead--) {
        sub = sub_at(part, i + ahead);
        if (sub != NULL) {
            cstar__live_fetch(cstar__sub_live(sub), ahead);
        }
    }
}

/* Callbacks may end streams, this one's too; who subscribes meanwhile has a letter of his own. */
static void deliver(const cstar__room *room, cstar__part *part, cstar__packet *p) {
    const bool frame = p->kind == CSTAR__PACKET_FRAME;
    const unsigned nearest = room->batching ? 3 : 1;
    cstar__packet *zipped = NULL;
    part->busy = true;
    for (size_t i = 0; i < part->nsubs; i++) {
        cstar__sub *sub = part->subs[i];
        look_ahead(part, i, nearest);
        if (sub == NULL) {
            continue;
        }
        cstar__live *s = cstar__sub_live(sub);
        if (frame && s->gzips && s->begun) {
            cstar__live_push(s, cstar__sub_gzip_packet(sub, p, &zipped));
        } else {
            cstar__live_hear(s, part->topic->name, p);
        }
    }
    part->busy = false;
    cstar__packet_unref(zipped);
    if (part->holes) {
        cstar__part_fill_holes(part);
    }
}

static void deliver_to(cstar__live *s, cstar__packet *p) {
    if (s != NULL) {
        cstar__live_hear(s, "", p);
    }
}

static void open_letter(cstar__room *room, cstar__letter *letter) {
    switch ((cstar__letter_kind)letter->kind) {
    case CSTAR__LETTER_PUBLISHED:
        deliver(room, letter->part, letter->packet);
        cstar__part_release(room, letter->part);
        break;
    case CSTAR__LETTER_SENT:
        deliver_to(stream_at(room, letter->address), letter->packet);
        break;
    case CSTAR__LETTER_REPLACED:
        cstar__live_replace(stream_at(room, letter->address), letter->generation);
        break;
    case CSTAR__LETTER_LISTEN:
        cstar__sub_listen(letter->sub);
        break;
    }
    __atomic_fetch_sub(&room->hub->waiting, letter->weight, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&room->deliveries, letter->deliveries, __ATOMIC_RELAXED);
    cstar__letter_free(room->hub, letter);
}

/* What came while the last batch was opened is behind it. */
static void fetch(cstar__room *room) {
    if (room->todo != NULL) {
        return;
    }
    (void)pthread_mutex_lock(&room->lock);
    room->todo = room->first;
    room->first = NULL;
    room->last = &room->first;
    (void)pthread_mutex_unlock(&room->lock);
}

static void open_batch(cstar__room *room) {
    room->batching = room->todo != NULL && room->todo->next != NULL;
    for (unsigned n = 0; n < BATCH && room->todo != NULL; n++) {
        cstar__letter *letter = room->todo;
        room->todo = letter->next;
        open_letter(room, letter);
    }
    flush_dirty(room);
}

bool cstar__room_open_mail(cstar__room *room) {
    /* What came behind a rest has asked for a wake, which this may have been: then nobody asks
     * again. */
    const bool had_rest = room->todo != NULL;
    fetch(room);
    const bool any = room->todo != NULL;
    open_batch(room);
    if (had_rest || room->todo != NULL) {
        cstar__room_wake(room);
    }
    return any;
}

/* A rest, and then the inbox as it is by now: not what its callbacks publish, which may be without
 * end. A wake that was asked for still comes. */
void cstar__room_open_all(cstar__room *room) {
    for (unsigned round = 0; round < 2; round++) {
        fetch(room);
        while (room->todo != NULL) {
            open_batch(room);
        }
    }
}

/* ---- life ---- */

bool cstar__room_init(cstar__room *room, cstar__hub *hub, unsigned index) {
    memset(room, 0, sizeof *room);
    room->hub = hub;
    room->index = index;
    room->last = &room->first;
    cstar__gzip_room_init(&room->gzip, hub->alloc, hub->opts.budget);
    return pthread_mutex_init(&room->lock, NULL) == 0;
}

static void burn(cstar__room *room, cstar__letter *letters) {
    while (letters != NULL) {
        cstar__letter *letter = letters;
        letters = letter->next;
        if (letter->kind == CSTAR__LETTER_PUBLISHED) {
            cstar__part_release(room, letter->part);
        } else if (letter->kind == CSTAR__LETTER_LISTEN) {
            cstar__sub_listen(letter->sub); /* its stream has gone: it is freed */
        }
        cstar__letter_free(room->hub, letter);
    }
}

void cstar__room_clear(cstar__room *room) {
    burn(room, room->todo);
    burn(room, room->first);
    room->todo = room->first = NULL;
    room->last = &room->first;
}

void cstar__room_fini(cstar__room *room) {
    const cstar_allocator *alloc = room->hub->alloc;
    if (room->slots != NULL) {
        (void)alloc->resize(alloc->ctx, room->slots, room->nslots * sizeof *room->slots, 0);
    }
    if (room->dirty != NULL) {
        (void)alloc->resize(alloc->ctx, room->dirty, room->cap_dirty * sizeof(cstar__live *), 0);
    }
    (void)pthread_mutex_destroy(&room->lock);
}
