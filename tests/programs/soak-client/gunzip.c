/* soak-client/gunzip.c
 * SPDX-License-Identifier: MIT */
#include "gunzip.h"

#include "loop.h"

#include <stdlib.h>
#include <string.h>

#if CSTAR_WITH_GZIP
#include <zlib.h>

enum { OUT = 64 * 1024, GZIP_ONLY = 15 + 16 };

struct gunzip {
    z_stream z;
    bool ended;
};

bool gunzip_is_here(void) { return true; }

gunzip *gunzip_begin(gunzip *z) {
    if (z == NULL) {
        z = calloc(1, sizeof *z);
        if (z == NULL || inflateInit2(&z->z, GZIP_ONLY) != Z_OK) {
            fail("out of memory");
        }
    } else if (inflateReset(&z->z) != Z_OK) {
        fail("gzip can't begin again");
    }
    z->ended = false;
    return z;
}

void gunzip_feed(gunzip *z, const char *bytes, size_t n,
                 void (*take)(void *arg, const char *bytes, size_t n), void *arg) {
    static char out[OUT];
    z->z.next_in = (Bytef *)(uintptr_t)bytes;
    z->z.avail_in = (uInt)n;
    do {
        z->z.next_out = (Bytef *)out;
        z->z.avail_out = OUT;
        const int rc = z->ended ? Z_DATA_ERROR : inflate(&z->z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
            fail("gzip that can't be read (%d)", rc);
        }
        z->ended = rc == Z_STREAM_END;
        take(arg, out, OUT - z->z.avail_out);
    } while (z->z.avail_in != 0 || z->z.avail_out == 0);
}

void gunzip_free(gunzip *z) {
    if (z != NULL) {
        (void)inflateEnd(&z->z);
        free(z);
    }
}
#else
bool gunzip_is_here(void) { return false; }
gunzip *gunzip_begin(gunzip *z) { return z; }
void gunzip_feed(gunzip *z, const char *bytes, size_t n,
                 void (*take)(void *arg, const char *bytes, size_t n), void *arg) {
    (void)z;
    take(arg, bytes, n);
}
void gunzip_free(gunzip *z) { (void)z; }
#endif
