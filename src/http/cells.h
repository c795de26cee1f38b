/* http/cells.h -- memory for many small things of one size, without a word of its own in front of
 * each.
 *
 *     cstar__cells_init(&cells, alloc, 112);
 *     thing *t = cstar__cells_take(&cells, NULL);
 *     cstar__cells_give(&cells, t);
 *
 * A heap puts 8 bytes in front of a block and rounds it up to 16. What a server has a hundred thousand
 * of lies in chunks of 64 instead, which say in one word which of their cells are taken. Whose a
 * cell is is found by its address, so that something may be freed by who knows neither its size nor
 * where it came from (nghttp2).
 *
 * Invariants: 1. `chunks` is in order of addresses. 2. A chunk is on the list `roomy` while it has a
 * free cell. 3. Of chunks without a taken cell one is kept, so that a single thing that comes and goes
 * costs nothing; others go back to the allocator. 4. The lowest free cell of a chunk is taken: what
 * was never used is not touched.
 * Threads: one loop.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_CELLS_H
#define CSTAR_HTTP_CELLS_H

#include "cstar/base.h"

typedef struct cstar__cell_chunk cstar__cell_chunk;

typedef struct cstar__cells {
    const cstar_allocator *alloc;
    size_t size; /* of a cell */
    bool owned;  /* each cell has an owner: 8 bytes more */
    cstar__cell_chunk **chunks;
    size_t n, cap;
    cstar__cell_chunk *roomy;
    size_t spare; /* chunks without a taken cell: 0 or 1 */
} cstar__cells;

/** Allocates nothing yet. @param alloc  borrowed. @param size  of a cell; a multiple of 8, as the
 * cells' alignment is; of 16: aligned for any object. */
void cstar__cells_init(cstar__cells *c, const cstar_allocator *alloc, size_t size);
/** Whether a cell is taken or not: all memory goes back. */
void cstar__cells_fini(cstar__cells *c);
/** That it has allocated. */
size_t cstar__cells_bytes(const cstar__cells *c);
/** @param owner  for cstar__cells_give_all(), of cells with owners; else NULL. NULL: out of memory. */
void *cstar__cells_take(cstar__cells *c, const void *owner);
/** Whether it is a cell, taken or not. Any address. */
bool cstar__cells_have(const cstar__cells *c, const void *ptr);
/** A taken cell. */
void cstar__cells_give(cstar__cells *c, void *ptr);
/** All that `owner` has. Looks through all chunks. */
void cstar__cells_give_all(cstar__cells *c, const void *owner);

#endif
