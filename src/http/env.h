/* http/env.h -- what all machines of one loop share: the upper floor, memory, limits.
 *
 * Life: the driver's; outlives its machines. Threads: one loop.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_ENV_H
#define CSTAR_HTTP_ENV_H

#include "http/exchange.h"

/* zero is the default of every field; all in bytes but max_fields */
typedef struct cstar__h1_limits {
    size_t max_line;       /* request line; 16 KiB; then 414 */
    size_t max_fields;     /* 100; then 431 */
    size_t max_head;       /* all field lines together; 32 KiB; then 431 */
    size_t max_chunk_line; /* chunk size with extensions; 256; then 400 */
    size_t max_trailer;    /* 4 KiB; then 431 */
    size_t max_pending;    /* bytes of pipelined requests that wait for a response; 64 KiB */
} cstar__h1_limits;

/* Zero is the default of every field. Counts are per second; over one the connection ends with
 * ENHANCE_YOUR_CALM. */
typedef struct cstar__h2_limits {
    uint32_t max_streams; /* concurrent; 256; then REFUSED_STREAM */
    uint32_t max_head;    /* bytes of a header list (RFC 9113 6.5.2); 32 KiB; then 431 */
    uint32_t max_fields;  /* 100, a cookie in crumbs as one; then 431 */
    uint32_t max_path;    /* bytes of :path; 16 KiB; then 414 */
    uint32_t resets;      /* RST_STREAM received, and as many provoked; 100 */
    uint32_t controls;    /* PING and SETTINGS together; 50 */
    uint32_t empties;     /* DATA, CONTINUATION and HEADERS without content; 50 */
    uint32_t updates;     /* WINDOW_UPDATE beyond those that our DATA explains; 1000 */
    uint32_t others;      /* PRIORITY, unknown frames, acknowledgements; 500 */
    uint32_t strays;      /* DATA and HEADERS for streams that are not open; 1000 */
    /* bytes of a streamed response that wait in one stream; 1 MiB; then CSTAR_EAGAIN. A whole
     * answer of cstar__respond() is not bounded by it. */
    uint32_t max_stream_output;
    /* of one piece of it that is longer: taken while nothing waits in its stream, and the
     * connection is not over max_output; 0: max_stream_output; then CSTAR_ELIMIT */
    uint32_t max_piece;
    /* bytes of memory in which responses of one connection wait (bodies of sources take none);
     * 4 MiB, or one answer where that is longer; then REFUSED_STREAM, and CSTAR_EAGAIN */
    uint32_t max_output;
    uint32_t head_ms; /* from a header block's first frame to END_HEADERS; 10 s */
    uint32_t body_ms; /* without a byte of a body that is to come; 30 s; then 408 */
    /* bytes per second that a body has to bring from its head on, on average, once body_ms have
     * passed; 256; UINT32_MAX: any; then 408 */
    uint32_t body_rate;
    uint32_t
        write_ms; /* without progress of a response that has bytes to send; 30 s; then CANCEL */
    /* of silence while requests are under way, then the peer is asked (PING), and has as long to
     * say something, or the connection is cut; 15 s; UINT32_MAX: it is not asked */
    uint32_t ping_ms;
} cstar__h2_limits;

/* What all machines of one loop share. */
typedef struct cstar__env {
    const cstar__handler *handler;
    const cstar_allocator *alloc;
    cstar__exchange_pool *pool;
    cstar__h1_limits limits;
    const cstar__h2_limits *h2_limits; /* NULL: defaults */
    bool no_http2;
    const cstar__driver *driver; /* NULL: none; see http/exchange.h */
    /* "Sat, 21 Nov 2026 02:13:33 GMT", 29 bytes, kept current by the driver; NULL: no Date */
    const char *date;
} cstar__env;

#endif
