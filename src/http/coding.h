/* http/coding.h -- content codings: streaming encoders behind one interface, and the memory that
 * all of them together may have.
 *
 *     cstar__encoder *e;
 *     cstar__encoder_new(&e, CSTAR__BR, NULL, alloc);
 *     cstar__encoder_write(e, event, out);
 *     cstar__encoder_flush(e, out);      // the client can decode everything so far
 *     cstar__encoder_end(e, out);
 *     cstar__encoder_free(e);
 *
 * Life: any number of writes and flushes, one end; reset begins a new stream in the same memory.
 * An error sticks until reset: part of the input may be in the encoder, and the stream is lost.
 * Memory: all of it from the allocator, the libraries' too. A coding that the build leaves out
 * answers CSTAR_ENOTSUP. Threads: an encoder belongs to one at a time; the budget is shared.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_CODING_H
#define CSTAR_HTTP_CODING_H

#include "cstar/base.h"

#include <stdatomic.h>

typedef enum cstar__coding {
    CSTAR__IDENTITY,
    CSTAR__GZIP,
    CSTAR__BR,
    CSTAR__ZSTD,
    CSTAR__CODINGS, /* how many */
} cstar__coding;

/** "identity", "gzip", "br", "zstd"; static. */
const char *cstar__coding_name(cstar__coding c);
/** Whether this build can encode it. */
bool cstar__coding_built(cstar__coding c);

/* ---- encoders ------------------------------------------------------------------------------- */

typedef struct cstar__encoder cstar__encoder;

/*            level                  window: two to the power of it, in bytes
 * gzip       1 to 9; default 6      9 to 15; default 12
 * br         1 to 6; default 3      10 to 18; default 16
 * zstd       1 to 9; default 3      10 to 18; default 16
 * identity   -                      -                      (copies) */
typedef struct cstar__encoder_opts {
    int level;  /* 0: the default */
    int window; /* 0: the default */
} cstar__encoder_opts;

/** Bytes that such an encoder takes at most, whatever is written. Measured, and held by a test.
 * 0 for identity and for options that cstar__encoder_new() refuses. */
size_t cstar__encoder_memory(cstar__coding c, const cstar__encoder_opts *opts);

/**
 * @param out    gets a new encoder; unchanged on failure.
 * @param opts   NULL: defaults.
 * @param alloc  borrowed for the encoder's life.
 * @return CSTAR_EINVAL level or window; CSTAR_ENOTSUP; CSTAR_ENOMEM.
 */
cstar_status cstar__encoder_new(cstar__encoder **out, cstar__coding c,
                                const cstar__encoder_opts *opts, const cstar_allocator *alloc);
/** Accepts NULL. */
void cstar__encoder_free(cstar__encoder *e);

/** Takes `bytes`; what is ready is appended to `out`, the rest waits inside.
 * @return CSTAR_ENOMEM; CSTAR_ELIMIT or whatever sticks to `out`; CSTAR_ESTATE after the end. */
cstar_status cstar__encoder_write(cstar__encoder *e, cstar_str bytes, cstar_buf *out);
/** Appends all that waits inside, so that what was written can be decoded. Same errors. */
cstar_status cstar__encoder_flush(cstar__encoder *e, cstar_buf *out);
/** Appends the rest and the end of the stream. Same errors. */
cstar_status cstar__encoder_end(cstar__encoder *e, cstar_buf *out);

/** A new stream with the same options. CSTAR_ENOMEM: it can be tried again. */
cstar_status cstar__encoder_reset(cstar__encoder *e);

cstar__coding cstar__encoder_coding(const cstar__encoder *e);
/** Bytes it holds now. */
size_t cstar__encoder_used(const cstar__encoder *e);

/* ---- budget --------------------------------------------------------------------------------- */

/* One per process. What is reserved is the worst case of cstar__encoder_memory(), so that the limit
 * holds whatever is written. Relaxed atomics: the numbers order nothing else. */
typedef struct cstar__coding_budget {
    size_t limit;        /* bytes; 0: no limit. Set before use */
    atomic_size_t used;  /* bytes reserved */
    atomic_size_t whole; /* choices that got what the client likes best */
    atomic_size_t less;  /* choices that got something cheaper */
    atomic_size_t none;  /* choices for which nothing but identity was left */
} cstar__coding_budget;

/** @return false: it does not fit, and nothing was reserved. [any thread] */
bool cstar__coding_reserve(cstar__coding_budget *b, size_t bytes);
void cstar__coding_release(cstar__coding_budget *b, size_t bytes);

struct cstar__accept; /* http/accept.h */

typedef struct cstar__choice {
    cstar__coding coding;
    size_t reserved; /* hand it to cstar__coding_release() when the encoder is gone */
} cstar__choice;

/**
 * The coding for one response: of those acceptable, in the client's order and then ours, the first
 * that this build has and that fits into the budget; identity if none does. (Identity even where
 * the client forbids it: RFC 9110 12.5.3 allows that, and an error page would help nobody.)
 * @param opts  one per coding (CSTAR__CODINGS of them); NULL: defaults. Ones that
 *              cstar__encoder_new() would refuse are not chosen.
 * @param b     NULL: no limit, no counters. [any thread]
 */
cstar__choice cstar__coding_choose(const struct cstar__accept *a, const cstar__encoder_opts *opts,
                                   cstar__coding_budget *b);

#endif
