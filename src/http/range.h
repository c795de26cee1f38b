/* http/range.h -- conditional and Range requests (RFC 9110 13 and 14): which status a request for a
 * known resource gets, and which bytes of it.
 *
 *     cstar__outcome o = cstar__precondition(r, &(cstar__resource){etag, mtime, size});
 *     switch (o.status) { case 200: case 206: send bytes o.first to o.first + o.length - 1; ... }
 *
 * Several ranges in one request get the whole resource with 200, as RFC 9110 14.2 allows: a
 * multipart/byteranges answer can be many times as long as the file, and no browser asks for one.
 * Threads: any; no state.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_RANGE_H
#define CSTAR_HTTP_RANGE_H

#include "http/exchange.h"

typedef struct cstar__resource { /* as it is now */
    cstar_str etag;              /* with its quotes; absent: it has none */
    int64_t mtime;               /* seconds since 1970, as Last-Modified says; negative: unknown */
    uint64_t size;               /* bytes */
} cstar__resource;

typedef struct cstar__outcome {
    int status;             /* 200, 206, 304, 412, 416 */
    uint64_t first, length; /* of 200 and 206; else 0 */
} cstar__outcome;

/**
 * Evaluates If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since, If-Range and Range, in
 * the order of RFC 9110 13.2.2. Range counts for GET alone; 304 is for GET and HEAD, other methods
 * get 412. A date that is none, or comes twice, is as if it were not there; so is a Range that is
 * malformed, of another unit, or comes twice. A malformed If-Match matches nothing, and so does a
 * malformed If-None-Match. An If-Range that is malformed or does not match strongly: the whole.
 */
cstar__outcome cstar__precondition(const cstar__request *r, const cstar__resource *res);

typedef enum cstar__range_kind {
    CSTAR__RANGE_NONE, /* malformed, another unit, several ranges: serve the whole */
    CSTAR__RANGE_PART,
    CSTAR__RANGE_OUTSIDE, /* 416 */
} cstar__range_kind;

/** One Range value against `size` bytes. @param out  set for CSTAR__RANGE_PART only; then
 * out->length is not 0 and the range lies in the resource. */
cstar__range_kind cstar__range_parse(cstar_str value, uint64_t size, cstar__outcome *out);

/** Appends a Content-Range: "bytes 0-99/1234" of a 206, "bytes" "*" "/1234" of a 416. */
void cstar__content_range(cstar_buf *out, const cstar__outcome *o, uint64_t size);

#endif
