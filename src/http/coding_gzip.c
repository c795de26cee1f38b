/* http/coding_gzip.c -- gzip by zlib. A smaller window goes with a smaller hash table and a smaller
 * buffer of symbols: 12 bits are 38 KiB, 15 bits 262 KiB.
 * SPDX-License-Identifier: MIT */
#include "http/coding_parts.h"

#if CSTAR_WITH_GZIP

#include <zlib.h>

#include <limits.h>

typedef struct gzip {
    cstar__encoder base;
    z_stream z;
    bool open;
} gzip;

static voidpf zalloc(voidpf opaque, uInt items, uInt size) {
    return items == 0 || size <= SIZE_MAX / items
               ? cstar__coding_malloc(opaque, (size_t)items * size)
               : NULL;
}

static void zfree(voidpf opaque, voidpf ptr) { cstar__coding_mfree(opaque, ptr); }

static int mem_level(const cstar__encoder_opts *o) { return o->window - 7; }

/* zconf.h's formula, and what its own state takes. */
static size_t gzip_memory(const cstar__encoder_opts *o) {
    return ((size_t)1 << (o->window + 2)) + ((size_t)1 << (mem_level(o) + 9)) + 7168;
}

/* @param wrap  16: with gzip's head and trailer */
static cstar_status begin(cstar__encoder *e, int wrap) {
    gzip *g = (gzip *)e;
    if (g->open) {
        (void)deflateReset(&g->z);
        return CSTAR_OK;
    }
    g->z = (z_stream){.zalloc = zalloc, .zfree = zfree, .opaque = e};
    int bits = wrap != 0 ? e->opts.window + wrap : -e->opts.window;
    int rc = deflateInit2(&g->z, e->opts.level, Z_DEFLATED, bits, mem_level(&e->opts),
                          Z_DEFAULT_STRATEGY);
    g->open = rc == Z_OK;
    return g->open ? CSTAR_OK : CSTAR_ENOMEM;
}

static cstar_status gzip_begin(cstar__encoder *e) { return begin(e, 16); }

static cstar_status raw_begin(cstar__encoder *e) { return begin(e, 0); }

/* Until zlib leaves room unused, which says that nothing waits. Its Z_BUF_ERROR is no error: there
 * was nothing to do. */
static cstar_status deflate_all(z_stream *z, int mode, cstar_buf *out) {
    int rc = Z_OK;
    do {
        if (!cstar__coding_room(out, 512 + (size_t)z->avail_in / 2)) {
            return cstar_buf_status(out);
        }
        size_t room = out->cap - out->len;
        uInt given = room < UINT_MAX ? (uInt)room : UINT_MAX;
        z->next_out = (Bytef *)out->ptr + out->len;
        z->avail_out = given;
        rc = deflate(z, mode);
        out->len += given - z->avail_out;
        if (rc == Z_STREAM_ERROR) {
            return CSTAR_ESTATE;
        }
    } while (z->avail_out == 0 && rc != Z_STREAM_END);
    return CSTAR_OK;
}

static cstar_status gzip_run(cstar__encoder *e, cstar_str in, cstar__coding_mode mode,
                             cstar_buf *out) {
    static const int modes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
    gzip *g = (gzip *)e;
    cstar_status rc = CSTAR_OK;
    union { /* zlib's next_in lacks the const, by default */
        const char *in;
        Bytef *z;
    } from = {.in = in.ptr};
    do {
        uInt n = in.len < UINT_MAX / 2 ? (uInt)in.len : UINT_MAX / 2;
        in.len -= n;
        g->z.next_in = from.z;
        g->z.avail_in = n;
        rc = deflate_all(&g->z, in.len == 0 ? modes[mode] : Z_NO_FLUSH, out);
        from.in += n;
    } while (rc == CSTAR_OK && in.len != 0);
    g->z.next_in = NULL;
    g->z.avail_in = 0;
    g->z.next_out = NULL;
    return rc;
}

static void gzip_end(cstar__encoder *e) {
    gzip *g = (gzip *)e;
    if (g->open) {
        (void)deflateEnd(&g->z);
    }
}

const cstar__encoder_ops cstar__gzip_ops = {
    .min = {1, 9},
    .max = {9, 15},
    .standard = {6, 12},
    .size = sizeof(gzip),
    .memory = gzip_memory,
    .begin = gzip_begin,
    .run = gzip_run,
    .end = gzip_end,
};

const cstar__encoder_ops cstar__deflate_ops = {
    .min = {1, 9},
    .max = {9, 15},
    .standard = {6, 12},
    .size = sizeof(gzip),
    .memory = gzip_memory,
    .begin = raw_begin,
    .run = gzip_run,
    .end = gzip_end,
};

#endif
