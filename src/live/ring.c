/* live/ring.c -- see ring.h. Entries lie in an array that is used round its end; its size is a
 * power of two, so that a place is an index masked. Being ordered by id, they are searched by
 * halves.
 *
 *     heads[hash] ─▶ place ─next▶ place        the newest entry of each key, none that is superseded
 *
 * A superseded entry stays where it is, without its packet, so that all others keep their places;
 * when the array is full, or moved, such entries are left out. So a put is a few steps on average,
 * however many keys there are.
 *
 * SPDX-License-Identifier: MIT */
#include "live/ring.h"

#include "live/siphash.h"

#include <assert.h>

enum { LEAST_SPACE = 4 }; /* entries */

static cstar__ring_entry *entry_at(const cstar__ring *r, size_t i) {
    return &r->entries[(r->first + i) & (r->space - 1)];
}

void cstar__ring_init(cstar__ring *r, const cstar_allocator *alloc, const cstar__ring_opts *opts) {
    *r = (cstar__ring){.alloc = alloc, .opts = *opts};
}

/* ---- keys ----------------------------------------------------------------------------------- */

static uint32_t *head_of(const cstar__ring *r, uint32_t hash) {
    return &r->heads[hash & (r->space - 1)];
}

/* Into the chain of its hash, if it has a key. */
static void link_entry(cstar__ring *r, cstar__ring_entry *e) {
    if (e->hash != 0) {
        uint32_t *head = head_of(r, e->hash);
        e->next = *head;
        *head = (uint32_t)(e - r->entries) + 1;
    }
}

static void unlink_entry(cstar__ring *r, const cstar__ring_entry *e) {
    if (e->hash != 0) {
        uint32_t *at = head_of(r, e->hash);
        while (*at != (uint32_t)(e - r->entries) + 1) {
            at = &r->entries[*at - 1].next;
        }
        *at = e->next;
    }
}

static uint32_t hash_of(const cstar__ring *r, const void *packet) {
    const cstar_str key = r->opts.key != NULL ? r->opts.key(packet) : (cstar_str){0};
    const uint32_t hash = key.len != 0 ? (uint32_t)cstar__siphash(r->opts.seed, key) : 0;
    return hash != 0 || key.len == 0 ? hash : 1;
}

/* The one that has the same key; NULL: none. */
static cstar__ring_entry *find_same(const cstar__ring *r, uint32_t hash, const void *packet) {
    uint32_t at = hash != 0 && r->heads != NULL ? *head_of(r, hash) : 0;
    while (at != 0 &&
           (r->entries[at - 1].hash != hash ||
            !cstar_str_eq(r->opts.key(r->entries[at - 1].packet), r->opts.key(packet)))) {
        at = r->entries[at - 1].next;
    }
    return at != 0 ? &r->entries[at - 1] : NULL;
}

/* ---- space ---------------------------------------------------------------------------------- */

static size_t bytes_of(const cstar__ring *r, size_t space) {
    return space * (sizeof *r->entries + (r->opts.key != NULL ? sizeof *r->heads : 0));
}

static void free_space(cstar__ring *r) {
    if (r->entries != NULL) {
        (void)r->alloc->resize(r->alloc->ctx, r->entries, bytes_of(r, r->space), 0);
    }
    r->entries = NULL;
    r->heads = NULL;
    r->space = 0;
    r->first = 0;
}

/* An empty array takes the place of the old one, whose entries fit, but for those that are
 * superseded. */
static void refill(cstar__ring *r, cstar__ring_entry *fresh, size_t space) {
    const size_t old = r->places;
    size_t n = 0;
    for (size_t i = 0; i < old; i++) {
        if (entry_at(r, i)->packet != NULL) {
            fresh[n++] = *entry_at(r, i);
        }
    }
    free_space(r);
    r->entries = fresh;
    r->space = space;
    r->places = n;
    if (r->opts.key != NULL) {
        r->heads = (uint32_t *)(void *)(fresh + space); /* one block */
        memset(r->heads, 0, space * sizeof *r->heads);
        for (size_t i = 0; i < n; i++) {
            link_entry(r, &fresh[i]);
        }
    }
}

/* Moves the entries to an array of another size. @return false: nothing changed. */
static bool move_to(cstar__ring *r, size_t space) {
    if (space > UINT32_MAX / sizeof *r->entries) {
        return false;
    }
    cstar__ring_entry *fresh = r->alloc->resize(r->alloc->ctx, NULL, 0, bytes_of(r, space));
    if (fresh == NULL) {
        return false;
    }
    refill(r, fresh, space);
    return true;
}

/* A quarter in use: half the space, so that the next few puts need not grow it again. */
static void shrink(cstar__ring *r) {
    size_t space = r->space;
    while (space > LEAST_SPACE && r->count <= space / 4) {
        space /= 2;
    }
    if (r->count == 0) {
        free_space(r);
    } else if (space < r->space) {
        (void)move_to(r, space); /* if not, it stays large */
    }
}

/* ---- what goes ------------------------------------------------------------------------------ */

/* Its packet goes. */
static void let_go(cstar__ring *r, cstar__ring_entry *e) {
    void *packet = e->packet;
    unlink_entry(r, e);
    e->packet = NULL;
    r->count--;
    r->bytes -= e->bytes;
    if (r->opts.unref != NULL) {
        r->opts.unref(packet);
    }
}

/* What is superseded is never the oldest. */
static void skip_superseded(cstar__ring *r) {
    while (r->places != 0 && entry_at(r, 0)->packet == NULL) {
        r->first = (r->first + 1) & (r->space - 1);
        r->places--;
    }
}

static void drop_oldest(cstar__ring *r) {
    r->gone = entry_at(r, 0)->id;
    let_go(r, entry_at(r, 0));
    skip_superseded(r);
}

static void supersede(cstar__ring *r, uint32_t hash, const void *packet) {
    cstar__ring_entry *e = find_same(r, hash, packet);
    if (e != NULL) {
        let_go(r, e);
        skip_superseded(r);
    }
}

static bool too_old(const cstar__ring *r, uint64_t now_ms) {
    uint64_t at = entry_at(r, 0)->at_ms;
    return r->opts.max_ms != 0 && now_ms > at && now_ms - at > r->opts.max_ms;
}

/* Drops what is over the limits if one more entry, of `more` bytes, is to come. */
static void make_way(cstar__ring *r, size_t more) {
    while (r->count != 0 && r->count >= r->opts.count) {
        drop_oldest(r);
    }
    while (r->count != 0 && r->opts.bytes != 0 &&
           (more > r->opts.bytes || r->bytes > r->opts.bytes - more)) {
        drop_oldest(r);
    }
}

static void drop_old(cstar__ring *r, uint64_t now_ms) {
    while (r->count != 0 && too_old(r, now_ms)) {
        drop_oldest(r);
    }
}

void cstar__ring_expire(cstar__ring *r, uint64_t now_ms) {
    drop_old(r, now_ms);
    shrink(r);
}

void cstar__ring_fini(cstar__ring *r) {
    while (r->count != 0) {
        drop_oldest(r);
    }
    free_space(r);
}

/* ---- what comes ----------------------------------------------------------------------------- */

/* Leaves no place to those that are superseded. */
static void close_up(cstar__ring *r) {
    const size_t old = r->places;
    r->places = 0;
    memset(r->heads, 0, r->space * sizeof *r->heads);
    for (size_t i = 0; i < old; i++) {
        const cstar__ring_entry e = *entry_at(r, i);
        if (e.packet != NULL) {
            *entry_at(r, r->places) = e;
            link_entry(r, entry_at(r, r->places++));
        }
    }
}

/* A free place: superseded ones, if they are half of all, or twice the space; where that can't be had
 * one that is superseded, or the oldest entry's. @return false: there is not even one. */
static bool have_place(cstar__ring *r) {
    const bool half = r->space != 0 && r->count <= r->space / 2;
    if (r->places < r->space || (!half && move_to(r, r->space != 0 ? 2 * r->space : LEAST_SPACE))) {
        return true;
    }
    if (r->count < r->places) {
        close_up(r);
    } else if (r->count != 0) {
        drop_oldest(r);
    }
    return r->space != 0;
}

/* It is lost, and with it what nobody may have without it. */
static void pass_over(cstar__ring *r, const cstar__ring_entry *e) {
    r->gone = e->id;
    shrink(r);
}

static void append(cstar__ring *r, const cstar__ring_entry *e) {
    r->places++;
    r->count++;
    r->bytes += e->bytes;
    *entry_at(r, r->places - 1) = *e;
    link_entry(r, entry_at(r, r->places - 1));
    if (r->opts.ref != NULL) {
        r->opts.ref(e->packet);
    }
}

void cstar__ring_put(cstar__ring *r, cstar__ring_entry e) {
    assert(e.id > r->last);
    r->last = e.id;
    e.hash = hash_of(r, e.packet);
    supersede(r, e.hash, e.packet); /* first: nobody misses it, however old it is */
    drop_old(r, e.at_ms);
    make_way(r, e.bytes);
    if (r->opts.count == 0 || (r->opts.bytes != 0 && e.bytes > r->opts.bytes) || !have_place(r)) {
        pass_over(r, &e);
        return;
    }
    append(r, &e);
    shrink(r);
}

/* ---- what was missed ------------------------------------------------------------------------ */

/* How many places have ids up to `id`. */
static size_t seen_by(const cstar__ring *r, uint64_t id) {
    size_t low = 0;
    size_t high = r->places;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (entry_at(r, mid)->id <= id) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

cstar_status cstar__ring_since(const cstar__ring *r, uint64_t id,
                               bool (*fn)(void *arg, const cstar__ring_entry *e), void *arg) {
    if (id < r->gone) {
        return CSTAR_ENOENT;
    }
    size_t i = seen_by(r, id);
    while (fn != NULL && i < r->places &&
           (entry_at(r, i)->packet == NULL || fn(arg, entry_at(r, i)))) {
        i++;
    }
    return CSTAR_OK;
}
