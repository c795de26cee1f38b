/* live/gzip.c -- see gzip.h. A frame with blocks is a packet that lends from the one it was made of:
 * the same text, key and id, so that queues need not know.
 *
 * SPDX-License-Identifier: MIT */
#include "live/gzip.h"

#define NO_LIMIT (SIZE_MAX / 4)

/* What such a packet has beside. */
typedef struct zipped {
    cstar__packet *of;
    cstar__gzip_room *room;
    cstar__spliced piece;  /* `len` 0: nothing is known yet */
    cstar__packet *shared; /* NULL: there is none */
    cstar__packet *alone;  /* NULL: not made yet */
} zipped;

/* An empty stored block: what a flush ends with. */
static const char silence[] = "5\r\n\0\0\0\xff\xff\r\n";
const cstar__shared cstar__gzip_silence = {.chunk = {silence, 10}, .bytes = {silence + 3, 5}};

/* ---- rooms ---- */

void cstar__gzip_room_init(cstar__gzip_room *r, const cstar_allocator *alloc,
                           cstar__coding_budget *budget) {
    *r = (cstar__gzip_room){.alloc = alloc, .budget = budget};
    cstar__splicer_init(&r->solo, alloc, NULL);
}

static bool reserve(const cstar__gzip_room *r, size_t bytes) {
    return r->budget == NULL || cstar__coding_reserve(r->budget, bytes);
}

static void give_back(const cstar__gzip_room *r, size_t bytes) {
    if (r->budget != NULL) {
        cstar__coding_release(r->budget, bytes);
    }
}

bool cstar__gzip_enter(cstar__gzip_room *r) {
    const size_t bytes = cstar__splicer_memory(NULL);
    if (bytes == 0 || (r->streams == 0 && !reserve(r, bytes))) {
        return false;
    }
    r->streams++;
    r->reserved = bytes;
    return true;
}

void cstar__gzip_leave(cstar__gzip_room *r) {
    if (--r->streams == 0) {
        cstar__splicer_rest(&r->solo);
        give_back(r, r->reserved);
        r->reserved = 0;
    }
}

/* ---- parts ---- */

cstar__gzip_part *cstar__gzip_part_new(cstar__gzip_room *r) {
    cstar__gzip_part *part = r->alloc->resize(r->alloc->ctx, NULL, 0, sizeof *part);
    if (part != NULL) {
        *part = (cstar__gzip_part){.users = 0};
        r->sources = r->sources % CSTAR__SPLICE_SOURCES + 1; /* 0 would be nobody's */
        cstar__splicer_init(&part->splicer, r->alloc,
                            &(cstar__splicer_opts){.source = r->sources, .key_when_asked = true});
    }
    return part;
}

void cstar__gzip_part_free(cstar__gzip_room *r, cstar__gzip_part *part) {
    cstar__splicer_fini(&part->splicer);
    give_back(r, part->reserved);
    (void)r->alloc->resize(r->alloc->ctx, part, sizeof *part, 0);
}

/* These stay for as long as somebody listens, one for each topic: half of the budget is for what is
 * compressed and done with. */
static bool may_encode(const cstar__gzip_room *r, cstar__gzip_part *part) {
    const size_t bytes = cstar__splicer_memory(NULL);
    if (part->reserved != 0) {
        return true;
    }
    if (!reserve(r, bytes)) {
        return false;
    }
    const cstar__coding_budget *b = r->budget;
    if (b != NULL && b->limit != 0 &&
        atomic_load_explicit(&b->used, memory_order_relaxed) > b->limit / 2) {
        give_back(r, bytes);
        return false;
    }
    part->reserved = bytes;
    return true;
}

/* ---- frames ---- */

static void release(void *arg) {
    zipped *z = arg;
    const cstar_allocator *alloc = z->room->alloc;
    cstar__packet_unref(z->shared);
    cstar__packet_unref(z->alone);
    cstar__packet_unref(z->of);
    (void)alloc->resize(alloc->ctx, z, sizeof *z, 0);
}

bool cstar__gzip_has_blocks(const cstar__packet *p) { return p->free == release; }

bool cstar__gzip_fits(const cstar__splice *st, const cstar__packet *p) {
    const zipped *z = p->arg;
    return z->shared != NULL && cstar__splice_fits(st, &z->piece);
}

/* @param part  NULL: alone. NULL: it can't be. */
static cstar__packet *make_block(zipped *z, cstar__gzip_part *part) {
    cstar_buf b;
    cstar__packet_begin(&b, z->room->alloc, NO_LIMIT);
    const cstar_str text = z->of->wire.bytes;
    const cstar_status rc =
        part != NULL
            ? cstar__splicer_add(&part->splicer, text, &b, &z->piece)
            : cstar__splicer_alone(&z->room->solo, text, &b, z->piece.len == 0 ? &z->piece : NULL);
    if (rc != CSTAR_OK) {
        cstar_buf_fini(&b);
        return NULL;
    }
    return cstar__packet_end(&b, NULL);
}

cstar__packet *cstar__gzip_packet(cstar__gzip_room *r, cstar__gzip_part *part, cstar__packet *p) {
    zipped *z = r->alloc->resize(r->alloc->ctx, NULL, 0, sizeof *z);
    if (z == NULL) {
        return NULL;
    }
    *z = (zipped){.of = p, .room = r};
    cstar__packet_ref(p);
    if (part != NULL && may_encode(r, part)) {
        z->shared = make_block(z, part);
    }
    cstar__packet *same = cstar__packet_lend(r->alloc, CSTAR_STR(""), release, z);
    if (same != NULL) {
        same->kind = CSTAR__PACKET_FRAME;
        same->wire = p->wire;
        same->key = p->key;
        same->id = p->id;
    }
    return same;
}

const cstar__shared *cstar__gzip_next(cstar__splice *st, cstar__packet *p, bool *shared) {
    zipped *z = p->arg;
    *shared = cstar__gzip_fits(st, p);
    if (!*shared && z->alone == NULL) {
        z->alone = make_block(z, NULL);
    }
    const cstar__packet *block = *shared ? z->shared : z->alone;
    if (block == NULL) {
        return NULL;
    }
    cstar__splice_take(st, &z->piece);
    return &block->wire;
}

void cstar__gzip_count(cstar__splice *st, const cstar__packet *p) {
    const zipped *z = p->arg;
    cstar__splice_take(st, &z->piece);
}

/* ---- text of one stream ---- */

cstar_status cstar__gzip_write(cstar__gzip_room *r, cstar__splice *st, cstar_str text,
                               cstar_buf *out) {
    cstar__spliced piece;
    cstar_buf_str(out, cstar__splice_head(st));
    if (text.len == 0) {
        return cstar_buf_status(out);
    }
    const cstar_status rc = cstar__splicer_alone(&r->solo, text, out, &piece);
    if (rc == CSTAR_OK) {
        cstar__splice_take(st, &piece);
    }
    return rc;
}
