/* http/coding.c -- see coding.h.
 * SPDX-License-Identifier: MIT */
#include "http/coding.h"

#include "http/coding_parts.h"

/* ---- identity ------------------------------------------------------------------------------- */

static size_t identity_memory(const cstar__encoder_opts *o) {
    (void)o;
    return 0;
}

static cstar_status identity_begin(cstar__encoder *e) {
    (void)e;
    return CSTAR_OK;
}

static cstar_status identity_run(cstar__encoder *e, cstar_str in, cstar__coding_mode mode,
                                 cstar_buf *out) {
    (void)e;
    (void)mode;
    cstar_buf_str(out, in);
    return cstar_buf_status(out);
}

static void identity_end(cstar__encoder *e) { (void)e; }

static const cstar__encoder_ops identity_ops = {
    .size = sizeof(cstar__encoder),
    .memory = identity_memory,
    .begin = identity_begin,
    .run = identity_run,
    .end = identity_end,
};

/* ---- which ---------------------------------------------------------------------------------- */

static const cstar__encoder_ops *const ops_of[CSTAR__CODINGS] = {
    [CSTAR__IDENTITY] = &identity_ops,
#if CSTAR_WITH_GZIP
    [CSTAR__GZIP] = &cstar__gzip_ops,
#endif
#if CSTAR_WITH_BROTLI
    [CSTAR__BR] = &cstar__br_ops,
#endif
#if CSTAR_WITH_ZSTD
    [CSTAR__ZSTD] = &cstar__zstd_ops,
#endif
};

const char *cstar__coding_name(cstar__coding c) {
    static const char *const names[CSTAR__CODINGS] = {"identity", "gzip", "br", "zstd"};
    return names[c];
}

bool cstar__coding_built(cstar__coding c) { return ops_of[c] != NULL; }

/* Fills in the defaults. @return false: out of range. */
static bool complete(const cstar__encoder_ops *ops, const cstar__encoder_opts *opts,
                     cstar__encoder_opts *full) {
    *full = opts != NULL ? *opts : (cstar__encoder_opts){0, 0};
    full->level = full->level != 0 ? full->level : ops->standard.level;
    full->window = full->window != 0 ? full->window : ops->standard.window;
    return full->level >= ops->min.level && full->level <= ops->max.level &&
           full->window >= ops->min.window && full->window <= ops->max.window;
}

/* ---- memory --------------------------------------------------------------------------------- */

/* In front of each block its size, in a union that keeps the block aligned. */
typedef union block {
    size_t size;
    max_align_t align;
} block;

void *cstar__coding_malloc(void *opaque, size_t size) {
    cstar__encoder *e = opaque;
    if (size > SIZE_MAX - sizeof(block)) {
        return NULL;
    }
    size += sizeof(block);
    block *b = e->alloc->resize(e->alloc->ctx, NULL, 0, size);
    if (b == NULL) {
        return NULL;
    }
    b->size = size;
    e->used += size;
    return b + 1;
}

void cstar__coding_mfree(void *opaque, void *ptr) {
    cstar__encoder *e = opaque;
    if (ptr != NULL) {
        block *b = (block *)ptr - 1;
        e->used -= b->size;
        (void)e->alloc->resize(e->alloc->ctx, b, b->size, 0);
    }
}

bool cstar__coding_room(cstar_buf *out, size_t hint) {
    size_t left = out->limit > out->len ? out->limit - out->len : 0;
    size_t n = hint < left ? hint : left;
    return cstar_buf_room(out, n != 0 ? n : 1);
}

size_t cstar__encoder_memory(cstar__coding c, const cstar__encoder_opts *opts) {
    cstar__encoder_opts full;
    if (c == CSTAR__IDENTITY || ops_of[c] == NULL || !complete(ops_of[c], opts, &full)) {
        return 0;
    }
    return ops_of[c]->size + ops_of[c]->memory(&full);
}

size_t cstar__encoder_used(const cstar__encoder *e) { return e->used; }

/* ---- life ----------------------------------------------------------------------------------- */

cstar_status cstar__encoder_make(cstar__encoder **out, const cstar__encoder_ops *ops,
                                 const cstar__encoder_opts *opts, const cstar_allocator *alloc) {
    cstar__encoder_opts full;
    if (!complete(ops, opts, &full)) {
        return CSTAR_EINVAL;
    }
    cstar__encoder *e = alloc->resize(alloc->ctx, NULL, 0, ops->size);
    if (e == NULL) {
        return CSTAR_ENOMEM;
    }
    memset(e, 0, ops->size);
    *e = (cstar__encoder){.ops = ops, .alloc = alloc, .opts = full, .used = ops->size};
    cstar_status rc = ops->begin(e);
    if (rc != CSTAR_OK) {
        cstar__encoder_free(e);
        return rc;
    }
    *out = e;
    return CSTAR_OK;
}

cstar_status cstar__encoder_new(cstar__encoder **out, cstar__coding c,
                                const cstar__encoder_opts *opts, const cstar_allocator *alloc) {
    if (ops_of[c] == NULL) {
        return CSTAR_ENOTSUP;
    }
    cstar_status rc = cstar__encoder_make(out, ops_of[c], opts, alloc);
    if (rc == CSTAR_OK) {
        (*out)->coding = c;
    }
    return rc;
}

void cstar__encoder_free(cstar__encoder *e) {
    if (e != NULL) {
        e->ops->end(e);
        (void)e->alloc->resize(e->alloc->ctx, e, e->ops->size, 0);
    }
}

cstar_status cstar__encoder_reset(cstar__encoder *e) {
    e->ended = false;
    return e->status = e->ops->begin(e);
}

cstar__coding cstar__encoder_coding(const cstar__encoder *e) { return e->coding; }

static cstar_status run(cstar__encoder *e, cstar_str in, cstar__coding_mode mode, cstar_buf *out) {
    if (e->ended) {
        return CSTAR_ESTATE;
    }
    if (e->status == CSTAR_OK) {
        e->status = cstar_buf_status(out);
    }
    if (e->status == CSTAR_OK) {
        e->status = e->ops->run(e, in, mode, out);
        e->ended = mode == CSTAR__CODING_END && e->status == CSTAR_OK;
    }
    return e->status;
}

cstar_status cstar__encoder_write(cstar__encoder *e, cstar_str bytes, cstar_buf *out) {
    return bytes.len != 0 || e->ended ? run(e, bytes, CSTAR__CODING_RUN, out) : e->status;
}

cstar_status cstar__encoder_flush(cstar__encoder *e, cstar_buf *out) {
    return run(e, cstar_view("", 0), CSTAR__CODING_FLUSH, out);
}

cstar_status cstar__encoder_end(cstar__encoder *e, cstar_buf *out) {
    return run(e, cstar_view("", 0), CSTAR__CODING_END, out);
}
