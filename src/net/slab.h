/* net/slab.h -- an allocator in front of another, which keeps one size apart.
 *
 * An HTTP/2 session of nghttp2 holds a block of 16 KiB for frames, of which it uses the first few
 * hundred bytes. From an ordinary heap it is memory that something else had before (a TLS record,
 * mostly), so all of it is resident. Here each such block begins on a page of its own, in a chunk
 * that nobody has touched: what is not used costs addresses only. It makes an idle HTTP/2
 * connection 10 KiB smaller.
 *
 * All other sizes pass through. Chunks come from the other allocator and go back when they are
 * empty, but for one.
 * Life: outlives what was allocated. Threads: one loop.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_SLAB_H
#define CSTAR_NET_SLAB_H

#include "cstar/base.h"

enum {
    CSTAR__SLAB_OVER = 16384, /* larger blocks than this, */
    CSTAR__SLAB_MOST = 16896, /* up to this, are kept apart */
};

typedef struct cstar__slab_chunk cstar__slab_chunk;

typedef struct cstar__slab {
    cstar_allocator view; /* what others allocate with */
    const cstar_allocator *alloc;
    cstar__slab_chunk *roomy; /* chunks with room */
    size_t spare;             /* chunks among them that are empty: 0 or 1 */
} cstar__slab;

/** `alloc` is borrowed for its life. Allocates nothing yet; it must not be moved. */
void cstar__slab_init(cstar__slab *s, const cstar_allocator *alloc);
/** Everything that was allocated has been freed. */
void cstar__slab_fini(cstar__slab *s);

#endif
