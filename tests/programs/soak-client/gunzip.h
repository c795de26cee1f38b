/* soak-client/gunzip.h -- what a stream sends by gzip, as it comes: one member without an end.
 *
 * Without zlib in the build nothing is asked for by gzip (gunzip_is_here()).
 * SPDX-License-Identifier: MIT */
#ifndef SOAK_GUNZIP_H
#define SOAK_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct gunzip gunzip;

bool gunzip_is_here(void);
/** NULL: a new one; otherwise the same, from its beginning. */
gunzip *gunzip_begin(gunzip *z);
/** Bytes that can't be decoded, or are behind the member's end, end the process. */
void gunzip_feed(gunzip *z, const char *bytes, size_t n,
                 void (*take)(void *arg, const char *bytes, size_t n), void *arg);
void gunzip_free(gunzip *z);

#endif
