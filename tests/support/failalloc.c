/* failalloc.c
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"

#include <stdlib.h>

static void *resize(void *ctx, void *ptr, size_t old_size, size_t new_size) {
    failalloc *f = ctx;
    if (new_size == 0) {
        if (ptr != NULL) {
            f->live_bytes -= old_size;
            f->live_blocks--;
            free(ptr);
        }
        return NULL;
    }
    f->calls++;
    if (f->fail_at != 0 && (f->calls == f->fail_at || (f->sticky && f->calls > f->fail_at))) {
        return NULL;
    }
    /* Always a new block: a caller that keeps the old pointer is caught by ASan. */
    char *fresh = malloc(new_size);
    if (fresh == NULL) {
        return NULL;
    }
    if (ptr != NULL) {
        memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
        free(ptr);
        f->live_bytes -= old_size;
    } else {
        f->live_blocks++;
    }
    f->live_bytes += new_size;
    return fresh;
}

void failalloc_init(failalloc *f, size_t fail_at) {
    *f = (failalloc){.alloc = {resize, f}, .fail_at = fail_at};
}
