/* http/coding_splice.c -- see coding_splice.h. Two things are to be had cheap here.
 *
 * A piece that ends on a byte: a sync flush, which costs an empty stored block, 4 to 5 bytes. A key
 * frame is the same after a reset of the encoder, which has no bytes of its own.
 *
 * The trailer's checksum, without reading the text once per stream. Over GF(2) the crc of A and B
 * in a row is crc(A) * x^(8 |B|) + crc(B). So for a run R of the topic's text, from P to P R, in a
 * stream that had S before it:
 *
 *     crc(R)   = crc(P R) + crc(P) * x^(8 |R|)
 *     crc(S R) = crc(S) * x^(8 |R|) + crc(R) = (crc(S) + crc(P)) * x^(8 |R|) + crc(P R)
 *
 * crc(S) + crc(P) is noted when the run begins, crc(P R) is in the last piece: one multiplication
 * per run, when it ends, and none per event.
 *
 * SPDX-License-Identifier: MIT */
#include "http/coding_splice.h"

#if CSTAR_WITH_GZIP

#include "http/coding_parts.h"

#include <zlib.h>

#include <assert.h>

#define MAX_TEXT ((uint32_t)1 << 30) /* of one event and of one run; z_off_t may have 32 bits */

/* ---- checksums ------------------------------------------------------------------------------ */

static uint32_t crc_of(cstar_str s) {
    union { /* zlib's types */
        const char *in;
        const Bytef *z;
    } from = {.in = s.ptr};
    return (uint32_t)crc32(0, from.z, (uInt)s.len);
}

static uint32_t crc_join(uint32_t first, uint32_t second, uint32_t len) {
    return (uint32_t)crc32_combine(first, second, (z_off_t)len);
}

/* crc32_combine() in two steps, of which the first one is the dear one, from 1.2.12 on. */
#if ZLIB_VERNUM >= 0x12c0
static uint32_t factor_of(uint32_t len) { return (uint32_t)crc32_combine_gen((z_off_t)len); }

static uint32_t crc_append(uint32_t crc, const cstar__spliced *piece) {
    return (uint32_t)crc32_combine_op(crc, piece->crc, piece->factor);
}
#else
static uint32_t factor_of(uint32_t len) {
    (void)len;
    return 0;
}

static uint32_t crc_append(uint32_t crc, const cstar__spliced *piece) {
    return crc_join(crc, piece->crc, piece->len);
}
#endif

/* ---- the topic's side ----------------------------------------------------------------------- */

size_t cstar__splicer_memory(const cstar__splicer_opts *opts) {
    cstar__encoder_opts o = {opts != NULL ? opts->level : 0, opts != NULL ? opts->window : 0};
    return cstar__encoder_memory(CSTAR__GZIP, &o);
}

void cstar__splicer_init(cstar__splicer *s, const cstar_allocator *alloc,
                         const cstar__splicer_opts *opts) {
    *s = (cstar__splicer){.alloc = alloc};
    atomic_init(&s->asked, false);
    if (opts != NULL) {
        s->opts = *opts;
    }
    if (s->opts.key_every == 0) {
        s->opts.key_every = CSTAR__SPLICE_KEY_EVERY;
    }
}

void cstar__splicer_fini(cstar__splicer *s) { cstar__splicer_rest(s); }

void cstar__splicer_rest(cstar__splicer *s) {
    cstar__encoder_free(s->encoder);
    s->encoder = NULL;
    s->run = 0;
}

void cstar__splicer_ask(cstar__splicer *s) {
    atomic_store_explicit(&s->asked, true, memory_order_relaxed);
}

/* Whether the next piece is to be a key frame, though it need not. */
static bool key_wanted(cstar__splicer *s) {
    return s->run >= s->opts.key_every &&
           (!s->opts.key_when_asked || atomic_load_explicit(&s->asked, memory_order_relaxed));
}

/* An encoder that knows no text. */
static cstar_status begin_anew(cstar__splicer *s) {
    if (s->encoder != NULL) {
        return cstar__encoder_reset(s->encoder);
    }
    cstar__encoder_opts o = {s->opts.level, s->opts.window};
    return cstar__encoder_make(&s->encoder, &cstar__deflate_ops, &o, s->alloc);
}

/* Compresses up to a byte. Leaves `run` 0 if it fails, as nobody knows what the encoder knows. */
static cstar_status encode(cstar__splicer *s, cstar_str plain, cstar_buf *out) {
    uint32_t run = s->run;
    s->run = 0;
    cstar_status rc = run == 0 ? begin_anew(s) : CSTAR_OK;
    if (rc == CSTAR_OK) {
        rc = cstar__encoder_write(s->encoder, plain, out);
    }
    if (rc == CSTAR_OK) {
        rc = cstar__encoder_flush(s->encoder, out);
    }
    if (rc == CSTAR_OK) {
        s->run = run;
    }
    return rc;
}

static cstar__spliced describe(cstar_str plain) {
    uint32_t len = (uint32_t)plain.len;
    return (cstar__spliced){.len = len, .crc = crc_of(plain), .factor = factor_of(len)};
}

cstar_status cstar__splicer_add(cstar__splicer *s, cstar_str plain, cstar_buf *out,
                                cstar__spliced *piece) {
    if (plain.len == 0 || plain.len > MAX_TEXT) {
        return CSTAR_EINVAL;
    }
    size_t before = out->len;
    s->run = key_wanted(s) ? 0 : s->run;
    bool key = s->run == 0;
    if (key) { /* before the piece is made: who asks from now on means the next one */
        atomic_store_explicit(&s->asked, false, memory_order_relaxed);
    }
    cstar_status rc = encode(s, plain, out);
    if (rc != CSTAR_OK) {
        return rc;
    }
    *piece = describe(plain);
    s->crc = crc_append(s->crc, piece);
    s->run += s->run < UINT32_MAX;
    piece->frame = s->next++;
    piece->size = out->len - before;
    piece->source = s->opts.source;
    piece->past = s->crc;
    piece->key = key;
    return CSTAR_OK;
}

cstar_status cstar__splicer_alone(cstar__splicer *s, cstar_str plain, cstar_buf *out,
                                  cstar__spliced *piece) {
    if (plain.len == 0 || plain.len > MAX_TEXT) {
        return CSTAR_EINVAL;
    }
    size_t before = out->len;
    s->run = 0;
    cstar_status rc = encode(s, plain, out);
    if (rc == CSTAR_OK && piece != NULL) {
        *piece = describe(plain);
        piece->size = out->len - before;
    }
    return rc;
}

/* ---- the stream's side ---------------------------------------------------------------------- */

cstar_str cstar__splice_head(cstar__splice *st) {
    static const char head[CSTAR__SPLICE_HEAD + 1] = /* no flags, no time, unknown system */
        "\x1f\x8b\x08\0\0\0\0\0\0\xff";
    size_t len = st->began ? 0 : CSTAR__SPLICE_HEAD;
    st->began = 1;
    return cstar_view(head, len);
}

/* Whether it goes on where this stream is in the source's text. */
static bool follows(const cstar__splice *st, const cstar__spliced *piece) {
    return st->source != 0 && st->source == piece->source && st->next == (uint32_t)piece->frame;
}

bool cstar__splice_fits(const cstar__splice *st, const cstar__spliced *piece) {
    return piece->key || follows(st, piece);
}

/* Ends the run: `crc` and `len` are those of all the text. */
static void settle(cstar__splice *st) {
    if (st->source != 0) {
        st->crc = st->run != 0 ? crc_join(st->crc, st->past, st->run) : st->crc ^ st->past;
        st->len += st->run;
        st->run = 0;
        st->source = 0;
    }
}

/* A run begins behind the piece, which is counted itself. */
static void begin_run(cstar__splice *st, const cstar__spliced *piece) {
    st->crc ^= piece->past;
    st->past = piece->past;
    st->source = piece->source & CSTAR__SPLICE_SOURCES;
    st->next = (uint32_t)piece->frame + 1;
}

void cstar__splice_take(cstar__splice *st, const cstar__spliced *piece) {
    bool in_step = follows(st, piece);
    if (in_step && st->run <= MAX_TEXT - piece->len) {
        st->run += piece->len;
        st->past = piece->past;
        st->next++;
        return;
    }
    settle(st);
    st->crc = crc_append(st->crc, piece);
    st->len += piece->len;
    if (piece->source != 0 && (in_step || piece->key)) {
        begin_run(st, piece);
    }
}

static void put_le32(cstar_buf *out, uint32_t n) {
    for (int i = 0; i < 4; i++) {
        cstar_buf_byte(out, (char)(unsigned char)(n >> 8 * i & 0xff));
    }
}

cstar_status cstar__splice_end(cstar__splice *st, cstar_buf *out) {
    cstar_buf_str(out, cstar__splice_head(st));
    settle(st);
    cstar_buf_lit(out, "\x03\0"); /* the last block, empty, of fixed codes; then up to a byte */
    put_le32(out, st->crc);
    put_le32(out, st->len);
    *st = (cstar__splice){0};
    return cstar_buf_status(out);
}

#else /* !CSTAR_WITH_GZIP */

size_t cstar__splicer_memory(const cstar__splicer_opts *opts) {
    (void)opts;
    return 0;
}

void cstar__splicer_init(cstar__splicer *s, const cstar_allocator *alloc,
                         const cstar__splicer_opts *opts) {
    (void)opts;
    *s = (cstar__splicer){.alloc = alloc};
}

void cstar__splicer_fini(cstar__splicer *s) { (void)s; }

void cstar__splicer_rest(cstar__splicer *s) { (void)s; }

void cstar__splicer_ask(cstar__splicer *s) { (void)s; }

cstar_status cstar__splicer_add(cstar__splicer *s, cstar_str plain, cstar_buf *out,
                                cstar__spliced *piece) {
    (void)s, (void)plain, (void)out, (void)piece;
    return CSTAR_ENOTSUP;
}

cstar_status cstar__splicer_alone(cstar__splicer *s, cstar_str plain, cstar_buf *out,
                                  cstar__spliced *piece) {
    (void)s, (void)plain, (void)out, (void)piece;
    return CSTAR_ENOTSUP;
}

cstar_str cstar__splice_head(cstar__splice *st) {
    (void)st;
    return cstar_view("", 0);
}

bool cstar__splice_fits(const cstar__splice *st, const cstar__spliced *piece) {
    (void)st, (void)piece;
    return false;
}

void cstar__splice_take(cstar__splice *st, const cstar__spliced *piece) { (void)st, (void)piece; }

cstar_status cstar__splice_end(cstar__splice *st, cstar_buf *out) {
    (void)st, (void)out;
    return CSTAR_ENOTSUP;
}

#endif
