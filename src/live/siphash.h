/* live/siphash.h -- SipHash-2-4 (Aumasson and Bernstein, 2012): a short hash with a secret.
 *
 *     uint64_t h = cstar__siphash(seed, tab);
 *
 * Who does not know the key can neither foresee the result nor choose strings that collide.
 * Threads: [any thread]; no state.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_SIPHASH_H
#define CSTAR_LIVE_SIPHASH_H

#include "cstar/base.h"

uint64_t cstar__siphash(const uint64_t key[2], cstar_str s);

/** Of two strings, of which neither can borrow bytes from the other: the hash of the first is half
 * of the key for the second. */
uint64_t cstar__siphash_pair(const uint64_t key[2], cstar_str first, cstar_str second);

#endif
