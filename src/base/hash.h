/* base/hash.h -- a keyed hash of bytes, for tables whose keys strangers choose.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_BASE_HASH_H
#define CSTAR_BASE_HASH_H

#include "cstar/base.h"

/** SipHash-2-4 (Aumasson, Bernstein 2012): who does not know the seed can't make keys collide. */
uint64_t cstar__hash(const uint64_t seed[2], cstar_str s);

#endif
