/* buf.c -- a growable byte buffer with a limit and a sticky error.
 * SPDX-License-Identifier: MIT */
#include "cstar/base.h"

#define DEFAULT_LIMIT ((size_t)1 << 20)
#define FIRST_CAP ((size_t)256)

void cstar_buf_init(cstar_buf *b, const cstar_allocator *alloc, size_t limit) {
    *b = (cstar_buf){.alloc = alloc, .limit = limit != 0 ? limit : DEFAULT_LIMIT};
}

void cstar_buf_fixed(cstar_buf *b, char *mem, size_t size) {
    *b = (cstar_buf){.ptr = mem, .cap = size, .limit = size};
}

void cstar_buf_fini(cstar_buf *b) {
    if (b->alloc != NULL && b->ptr != NULL) {
        b->alloc->resize(b->alloc->ctx, b->ptr, b->cap, 0);
        b->ptr = NULL;
    }
    b->len = 0;
    b->cap = 0;
}

static bool fail(cstar_buf *b, cstar_status status) {
    b->status = status;
    return false;
}

bool cstar_buf_grow(cstar_buf *b, size_t more) {
    if (b->status != CSTAR_OK) {
        return false;
    }
    if (more > b->limit - b->len) {
        return fail(b, CSTAR_ELIMIT);
    }
    size_t need = b->len + more;
    if (need <= b->cap) {
        return true;
    }
    if (b->alloc == NULL) {
        return fail(b, CSTAR_ELIMIT);
    }
    size_t cap = b->cap != 0 ? b->cap : FIRST_CAP;
    while (cap < need) {
        cap = cap <= b->limit / 2 ? cap * 2 : b->limit;
    }
    if (cap > b->limit) {
        cap = b->limit;
    }
    char *grown = b->alloc->resize(b->alloc->ctx, b->ptr, b->cap, cap);
    if (grown == NULL) {
        return fail(b, CSTAR_ENOMEM);
    }
    b->ptr = grown;
    b->cap = cap;
    return true;
}
