/* http/accept.h -- Accept-Encoding (RFC 9110 12.5.3): which codings a client takes, and which it
 * likes best.
 *
 *     cstar__accept a = cstar__accept_encoding(r);
 *     cstar__choice c = cstar__coding_choose(&a, NULL, budget);     // http/coding.h
 *
 * A client that says nothing, or something malformed, gets identity: nothing that it may not be able
 * to read. Threads: any; no state.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_ACCEPT_H
#define CSTAR_HTTP_ACCEPT_H

#include "http/coding.h"
#include "http/exchange.h"

typedef struct cstar__accept {
    uint16_t q[CSTAR__CODINGS]; /* 0: not acceptable; to 1000 */
} cstar__accept;

/** Reads all "accept-encoding" fields of the request as one list. Of a coding named twice the first
 * counts; "x-gzip" is gzip; at most 32 elements, more are malformed. */
cstar__accept cstar__accept_encoding(const cstar__request *r);

/** The same for one value. */
cstar__accept cstar__accept_parse(cstar_str value);

/**
 * The acceptable codings, best first: by the client's weight, then br, zstd, gzip, identity.
 * Identity that was not named comes last. @return how many, at least 0.
 */
size_t cstar__accept_order(const cstar__accept *a, cstar__coding out[CSTAR__CODINGS]);

#endif
