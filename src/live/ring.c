/* live/ring.c -- see ring.h. Entries lie in an array that is used round its end; its size is a
 * power of two, so that a place is an index masked. Being ordered by id, they are searched by
 * halves.
 *
 * SPDX-License-Identifier: MIT */
#include "live/ring.h"

#include <assert.h>

enum { LEAST_SPACE = 4 }; /* entries */

static cstar__ring_entry *entry_at(const cstar__ring *r, size_t i) {
    return &r->entries[(r->first + i) & (r->space - 1)];
}

void cstar__ring_init(cstar__ring *r, const cstar_allocator *alloc, const cstar__ring_opts *opts) {
    *r = (cstar__ring){.alloc = alloc, .opts = *opts};
}

/* ---- space ---------------------------------------------------------------------------------- */

static void free_space(cstar__ring *r) {
    if (r->entries != NULL) {
        (void)r->alloc->resize(r->alloc->ctx, r->entries, r->space * sizeof *r->entries, 0);
    }
    r->entries = NULL;
    r->space = 0;
    r->first = 0;
}

/* Moves the entries, which fit, to an array of another size. @return false: nothing changed. */
static bool move_to(cstar__ring *r, size_t space) {
    if (space > SIZE_MAX / sizeof *r->entries) {
        return false;
    }
    cstar__ring_entry *fresh = r->alloc->resize(r->alloc->ctx, NULL, 0, space * sizeof *r->entries);
    if (fresh == NULL) {
        return false;
    }
    for (size_t i = 0; i < r->count; i++) {
        fresh[i] = *entry_at(r, i);
    }
    free_space(r);
    r->entries = fresh;
    r->space = space;
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

static void drop_oldest(cstar__ring *r) {
    cstar__ring_entry e = *entry_at(r, 0);
    r->first = (r->first + 1) & (r->space - 1);
    r->count--;
    r->bytes -= e.bytes;
    r->gone = e.id;
    if (r->opts.unref != NULL) {
        r->opts.unref(e.packet);
    }
}

static bool too_old(const cstar__ring *r, uint64_t now_ms) {
    uint64_t at = entry_at(r, 0)->at_ms;
    return r->opts.max_ms != 0 && now_ms > at && now_ms - at > r->opts.max_ms;
}

/* Drops what is over the limits if one more entry, of `more` bytes, is to come. */
static void make_way(cstar__ring *r, size_t entries, size_t more) {
    size_t count = r->opts.count > entries ? r->opts.count - entries : 0;
    while (r->count > count) {
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

void cstar__ring_limit(cstar__ring *r, const cstar__ring_opts *opts, uint64_t now_ms) {
    r->opts.count = opts->count;
    r->opts.bytes = opts->bytes;
    r->opts.max_ms = opts->max_ms;
    make_way(r, 0, 0);
    cstar__ring_expire(r, now_ms);
}

void cstar__ring_fini(cstar__ring *r) {
    while (r->count != 0) {
        drop_oldest(r);
    }
    free_space(r);
}

/* ---- what comes ----------------------------------------------------------------------------- */

/* A free place; where none can be had, the oldest entry's. @return false: there is not even one. */
static bool have_place(cstar__ring *r) {
    if (r->count < r->space || move_to(r, r->space != 0 ? 2 * r->space : LEAST_SPACE)) {
        return true;
    }
    if (r->count != 0) {
        drop_oldest(r);
    }
    return r->space != 0;
}

void cstar__ring_put(cstar__ring *r, cstar__ring_entry e) {
    assert(e.id > r->last);
    r->last = e.id;
    drop_old(r, e.at_ms);
    make_way(r, 1, e.bytes);
    if (r->opts.count == 0 || (r->opts.bytes != 0 && e.bytes > r->opts.bytes) || !have_place(r)) {
        r->gone = e.id;
        shrink(r);
        return;
    }
    r->count++;
    r->bytes += e.bytes;
    *entry_at(r, r->count - 1) = e;
    if (r->opts.ref != NULL) {
        r->opts.ref(e.packet);
    }
    shrink(r);
}

/* ---- what was missed ------------------------------------------------------------------------ */

/* How many entries have ids up to `id`. */
static size_t seen_by(const cstar__ring *r, uint64_t id) {
    size_t low = 0;
    size_t high = r->count;
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
    while (fn != NULL && i < r->count && fn(arg, entry_at(r, i))) {
        i++;
    }
    return CSTAR_OK;
}
