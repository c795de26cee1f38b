/* http/coding_zstd.c -- zstd. Its tables follow the level, not the window, unless told: a window of
 * 64 KiB with the tables of level 3 would take 1.2 MiB. They are cut to the window here.
 * SPDX-License-Identifier: MIT */
#include "http/coding_parts.h"

#if CSTAR_WITH_ZSTD

/* for ZSTD_createCCtx_advanced(), the one way to hand it an allocator; the shared library exports
 * it */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

typedef struct zstd {
    cstar__encoder base;
    ZSTD_CCtx *cctx;
} zstd;

/* KiB by window, rounded up to an even one; measured as brotli's were. */
static size_t zstd_memory(const cstar__encoder_opts *o) {
    static const unsigned short kib[5] = {48, 88, 250, 760, 2150}; /* 10, 12, 14, 16, 18 */
    return (size_t)kib[(o->window - 9) / 2] * 1024;
}

static cstar_status zstd_begin(cstar__encoder *e) {
    zstd *z = (zstd *)e;
    if (z->cctx != NULL) {
        (void)ZSTD_CCtx_reset(z->cctx, ZSTD_reset_session_only);
        return CSTAR_OK;
    }
    const ZSTD_customMem mem = {cstar__coding_malloc, cstar__coding_mfree, e};
    const int window = e->opts.window;
    z->cctx = ZSTD_createCCtx_advanced(mem);
    if (z->cctx == NULL) {
        return CSTAR_ENOMEM;
    }
    (void)ZSTD_CCtx_setParameter(z->cctx, ZSTD_c_compressionLevel, e->opts.level);
    (void)ZSTD_CCtx_setParameter(z->cctx, ZSTD_c_windowLog, window);
    (void)ZSTD_CCtx_setParameter(z->cctx, ZSTD_c_hashLog, window < 15 ? window : window - 1);
    (void)ZSTD_CCtx_setParameter(z->cctx, ZSTD_c_chainLog, window - 1);
    return CSTAR_OK;
}

static cstar_status zstd_run(cstar__encoder *e, cstar_str in, cstar__coding_mode mode,
                             cstar_buf *out) {
    static const ZSTD_EndDirective modes[] = {ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end};
    zstd *z = (zstd *)e;
    ZSTD_inBuffer from = {in.ptr, in.len, 0};
    size_t waiting = 0;
    do {
        if (!cstar__coding_room(out, 512 + (from.size - from.pos) / 2)) {
            return cstar_buf_status(out);
        }
        ZSTD_outBuffer to = {out->ptr + out->len, out->cap - out->len, 0};
        waiting = ZSTD_compressStream2(z->cctx, &to, &from, modes[mode]);
        out->len += to.pos;
        if (ZSTD_isError(waiting)) {
            return CSTAR_ENOMEM; /* the one way in which it fails */
        }
    } while (from.pos < from.size || (mode != CSTAR__CODING_RUN && waiting != 0));
    return CSTAR_OK;
}

static void zstd_end(cstar__encoder *e) {
    zstd *z = (zstd *)e;
    (void)ZSTD_freeCCtx(z->cctx); /* accepts NULL */
}

const cstar__encoder_ops cstar__zstd_ops = {
    .min = {1, 10},
    .max = {9, 18},
    .standard = {3, 16},
    .size = sizeof(zstd),
    .memory = zstd_memory,
    .begin = zstd_begin,
    .run = zstd_run,
    .end = zstd_end,
};

#endif
