/* net/seal.h -- secrets that a client may carry but neither read nor change: sealed text.
 *
 *     cstar__keyring *ring = cstar__keyring_new(&(cstar__keyring_opts){secrets, 2, "session", alloc}, &err);
 *     cstar__seal(ring, CSTAR_STR("name of the cookie"), plain, &out);
 *     cstar__unseal(ring, CSTAR_STR("name of the cookie"), text, &plain_again, NULL);
 *
 * Text is base64url of: version 1, a random nonce of 24 bytes, ciphertext, tag of 16 bytes. The
 * cipher is XAES-256-GCM: AES-256-GCM under a key that is derived for each nonce, so that random
 * nonces may be used for as long as a secret lives (with AES-GCM's own 12 bytes they could not: two
 * alike give away the key for tags). Each secret gives one key by HKDF-SHA256 with the purpose as
 * `info`: what is sealed for one purpose is nothing for another.
 *
 * Threads: a keyring is read-only once made. [any thread]
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_SEAL_H
#define CSTAR_NET_SEAL_H

#include "cstar/base.h"

typedef struct cstar__keyring cstar__keyring;

enum { CSTAR__KEYRING_MAX = 8, CSTAR__SECRET_MIN = 32 };

typedef struct cstar__keyring_opts {
    const cstar_str *secrets; /* borrowed for the call; the first seals, all of them unseal */
    size_t nsecrets;          /* 1 to CSTAR__KEYRING_MAX */
    const char *purpose;
    const cstar_allocator *alloc;
} cstar__keyring_opts;

/** @return NULL: CSTAR_EINVAL no secret, too many, or one shorter than 32 bytes; CSTAR_ENOTSUP a
 * build without OpenSSL; CSTAR_ENOMEM. */
cstar__keyring *cstar__keyring_new(const cstar__keyring_opts *opts, cstar_err *err);
/** Clears the keys. Accepts NULL. */
void cstar__keyring_free(cstar__keyring *k);

/** Length of the text for that many bytes. */
size_t cstar__seal_len(size_t plain);

/** Appends the text. @param about  bound to it: the same has to be given to unseal. @return
 * CSTAR_ENOMEM, CSTAR_ELIMIT by `out`; CSTAR_EIO no randomness. Nothing was appended then. */
cstar_status cstar__seal(const cstar__keyring *k, cstar_str about, cstar_str plain, cstar_buf *out);

/** Appends what was sealed. @param key  gets which secret it was, 0 for the first: seal again if it
 * is another; may be NULL. @return CSTAR_EPOLICY it is not ours, or was changed: why is nobody's
 * business; CSTAR_ENOMEM, CSTAR_ELIMIT. Nothing was appended then. */
cstar_status cstar__unseal(const cstar__keyring *k, cstar_str about, cstar_str text, cstar_buf *out,
                           size_t *key);

/** From a secret, for one purpose, 32 bytes by HKDF-SHA256 that tell nobody anything of it. CSTAR_EIO;
 * CSTAR_ENOTSUP a build without OpenSSL. [any thread] */
cstar_status cstar__derive(cstar_str secret, const char *purpose, unsigned char out[32]);

/** Fills with bytes that nobody can guess. CSTAR_EIO. [any thread] */
cstar_status cstar__random(void *ptr, size_t len);

#endif
