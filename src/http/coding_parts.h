/* http/coding_parts.h -- what http/coding.c and its encoders share; nobody else includes it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_CODING_PARTS_H
#define CSTAR_HTTP_CODING_PARTS_H

#include "http/coding.h"

typedef enum cstar__coding_mode {
    CSTAR__CODING_RUN,
    CSTAR__CODING_FLUSH,
    CSTAR__CODING_END,
} cstar__coding_mode;

typedef struct cstar__encoder_ops {
    cstar__encoder_opts min, max, standard;
    size_t size; /* of the struct that begins with a cstar__encoder */
    size_t (*memory)(const cstar__encoder_opts *o); /* all but `size` */
    /* Begins a stream; called on zeroed memory and again by reset, then over a stream that may be
     * in any state. On failure end() is still called. */
    cstar_status (*begin)(cstar__encoder *e);
    cstar_status (*run)(cstar__encoder *e, cstar_str in, cstar__coding_mode mode, cstar_buf *out);
    void (*end)(cstar__encoder *e);
} cstar__encoder_ops;

struct cstar__encoder {
    const cstar__encoder_ops *ops;
    const cstar_allocator *alloc;
    cstar__encoder_opts opts;
    cstar__coding coding;
    cstar_status status;
    bool ended;
    size_t used;
};

/* Each is there only in a build that has it. */
extern const cstar__encoder_ops cstar__gzip_ops, cstar__br_ops, cstar__zstd_ops;
/* gzip's blocks without head and trailer; of http/coding_splice.c, in no negotiation. */
extern const cstar__encoder_ops cstar__deflate_ops;

/** cstar__encoder_new() for one way of encoding. */
cstar_status cstar__encoder_make(cstar__encoder **out, const cstar__encoder_ops *ops,
                                 const cstar__encoder_opts *opts, const cstar_allocator *alloc);

/* malloc() and free() for libraries that do not tell the size back. `opaque` is the encoder. */
void *cstar__coding_malloc(void *opaque, size_t size);
void cstar__coding_mfree(void *opaque, void *ptr);

/* Makes room for some bytes, `hint` if it can be; at least one. */
bool cstar__coding_room(cstar_buf *out, size_t hint);

#endif
