/* http/coding_br.c -- br by brotli. Levels above 6 and windows above 18 bits take tens of MiB per
 * encoder and are left out. The library has no reset: a new stream is a new state.
 *
 * As distributions build it, the library calls exit() when an allocation fails. It never learns of
 * one here: br_malloc() jumps back to where the library was entered, and all its blocks, which are
 * kept in a list for that, are freed. It is plain C without locks or other resources, so that
 * nothing else is left behind.
 *
 * SPDX-License-Identifier: MIT */
#include "http/coding_parts.h"

#if CSTAR_WITH_BROTLI

#include <brotli/encode.h>

#include <setjmp.h>

typedef union block {
    struct {
        union block *next;
        union block **at; /* what points to this block */
    } link;
    max_align_t align;
} block;

typedef struct br {
    cstar__encoder base;
    BrotliEncoderState *state; /* NULL after an allocation failed */
    block *blocks;
    jmp_buf no_memory; /* set whenever the library runs */
} br;

static void *br_malloc(void *opaque, size_t size) {
    br *b = opaque;
    block *fresh = NULL;
    if (size <= SIZE_MAX - sizeof *fresh) {
        fresh = cstar__coding_malloc(&b->base, size + sizeof *fresh);
    }
    if (fresh == NULL) {
        longjmp(b->no_memory, 1);
    }
    fresh->link.next = b->blocks;
    fresh->link.at = &b->blocks;
    if (b->blocks != NULL) {
        b->blocks->link.at = &fresh->link.next;
    }
    b->blocks = fresh;
    return fresh + 1;
}

static void br_mfree(void *opaque, void *ptr) {
    br *b = opaque;
    if (ptr != NULL) {
        block *old = (block *)ptr - 1;
        *old->link.at = old->link.next;
        if (old->link.next != NULL) {
            old->link.next->link.at = old->link.at;
        }
        cstar__coding_mfree(&b->base, old);
    }
}

static cstar_status give_up(br *b) {
    while (b->blocks != NULL) {
        br_mfree(b, b->blocks + 1);
    }
    b->state = NULL;
    return CSTAR_ENOMEM;
}

/* KiB, measured with 3 MiB of text and of noise written in one piece, and some to spare. */
static size_t br_memory(const cstar__encoder_opts *o) {
    static const unsigned short kib[3][7] = {
        {0, 200, 620, 620, 2150, 1900, 1900},    /* up to 14 bits */
        {0, 640, 930, 930, 1900, 1900, 1900},    /* 16 */
        {0, 1760, 2150, 2150, 3100, 3950, 5000}, /* 18 */
    };
    int row = o->window <= 14 ? 0 : (o->window - 13) / 2;
    return (size_t)kib[row][o->level] * 1024;
}

static void br_end(cstar__encoder *e) {
    br *b = (br *)e;
    if (b->state != NULL) {
        BrotliEncoderDestroyInstance(b->state);
        b->state = NULL;
    }
}

static cstar_status br_begin(cstar__encoder *e) {
    br *b = (br *)e;
    br_end(e);
    if (setjmp(b->no_memory) != 0) {
        return give_up(b);
    }
    b->state = BrotliEncoderCreateInstance(br_malloc, br_mfree, b);
    if (b->state == NULL) {
        return give_up(b);
    }
    (void)BrotliEncoderSetParameter(b->state, BROTLI_PARAM_QUALITY, (uint32_t)e->opts.level);
    (void)BrotliEncoderSetParameter(b->state, BROTLI_PARAM_LGWIN, (uint32_t)e->opts.window);
    /* its smallest block; and no guess from the size of the first write, which makes level 4 take 5
     * MiB for a large one */
    (void)BrotliEncoderSetParameter(b->state, BROTLI_PARAM_LGBLOCK, 16);
    (void)BrotliEncoderSetParameter(b->state, BROTLI_PARAM_SIZE_HINT, 1);
    return CSTAR_OK;
}

static cstar_status run_all(br *b, cstar_str in, cstar__coding_mode mode, cstar_buf *out) {
    static const BrotliEncoderOperation modes[] = {BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FLUSH,
                                                   BROTLI_OPERATION_FINISH};
    const uint8_t *next = (const uint8_t *)in.ptr;
    size_t left = in.len;
    do {
        size_t no_room = 0;
        size_t ready = 0;
        if (BrotliEncoderCompressStream(b->state, modes[mode], &left, &next, &no_room, NULL,
                                        NULL) == BROTLI_FALSE) {
            return give_up(b); /* out of memory, in a build that does not exit */
        }
        const uint8_t *bytes = BrotliEncoderTakeOutput(b->state, &ready);
        cstar_buf_add(out, bytes, ready);
        if (cstar_buf_status(out) != CSTAR_OK) {
            return cstar_buf_status(out);
        }
    } while (left != 0 || BrotliEncoderHasMoreOutput(b->state) != BROTLI_FALSE);
    return CSTAR_OK;
}

/* Separate from run_all(), so that no local variable is changed between setjmp() and longjmp(). */
static cstar_status br_run(cstar__encoder *e, cstar_str in, cstar__coding_mode mode,
                           cstar_buf *out) {
    br *b = (br *)e;
    if (b->state == NULL) {
        return CSTAR_ENOMEM;
    }
    if (setjmp(b->no_memory) != 0) {
        return give_up(b);
    }
    return run_all(b, in, mode, out);
}

const cstar__encoder_ops cstar__br_ops = {
    .min = {1, 10},
    .max = {6, 18},
    .standard = {3, 16},
    .size = sizeof(br),
    .memory = br_memory,
    .begin = br_begin,
    .run = br_run,
    .end = br_end,
};

#endif
