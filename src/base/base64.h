/* base/base64.h -- base64url (RFC 4648 5) without padding: bytes as text that can stand in cookies,
 * URLs, headers and attributes.
 *
 * Decoding is strict: no padding, no white space, no other alphabet, and the bits that are left over
 * in the last character are zero, so that no two texts mean the same bytes. Threads: any; no state.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_BASE_BASE64_H
#define CSTAR_BASE_BASE64_H

#include "cstar/base.h"

/** Length of the text for that many bytes (at most SIZE_MAX / 2). */
size_t cstar__base64_len(size_t bytes);

/** Appends the text. Errors stick to `out`. */
void cstar__base64_encode(cstar_buf *out, cstar_str bytes);

/**
 * Appends the bytes.
 * @return CSTAR_ESYNTAX it is no such text: nothing was appended. CSTAR_ENOMEM, CSTAR_ELIMIT by
 *         `out`.
 */
cstar_status cstar__base64_decode(cstar_buf *out, cstar_str text);

#endif
