/* http/h2.h -- HTTP/2 (RFC 9113), server side, as a byte machine with the same entries as http/h1.h: feed bytes, get handler calls,
 * take bytes. nghttp2 does the framing and header compression; this file decides what a peer may do to us.
 *
 *     cstar__h2 *m = cstar__h2_new(&env, &limits, out);       // the server's SETTINGS are in `out` already
 *     cstar__h2_feed(m, data, len);                           // handler calls, one exchange per stream
 *     write(fd, out.ptr, out.len); cstar_buf_reset(&out);
 *     if (cstar__h2_wants_resume(m)) cstar__h2_resume(m);     // more was waiting for room
 *
 * Invariants: 1. on_close exactly once for every on_head. 2. Output never exceeds 256 KiB (or half the buffer's limit) ahead of
 * the driver: the rest waits in the streams, whose own queues are bounded. 3. No connection-specific header leaves. 4. What a peer
 * can make us do for nothing is counted per second; over a limit the connection gets GOAWAY with the right code and ends.
 *
 * Threads: one loop. Memory: from env->alloc, nghttp2's too.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_H2_H
#define CSTAR_HTTP_H2_H

#include "http/exchange.h"
#include "http/h1.h" /* cstar__h1_env: what all machines of one loop share */

typedef struct cstar__h2 cstar__h2;

typedef struct cstar__h2_limits { /* zero is the default of every field */
    uint32_t max_streams;         /* concurrent; 256 */
    uint32_t max_head;            /* bytes of a header block, as RFC 9113 6.5.2 counts them; 32 KiB; then 431 on the stream */
    uint32_t max_fields;          /* 100; then 431 */
    uint32_t max_path;            /* bytes of :path; 16 KiB; then 414 */
    uint32_t resets;              /* RST_STREAM received, and ones provoked, per second each; 100; then ENHANCE_YOUR_CALM */
    uint32_t controls;            /* PING and SETTINGS per second together; 50 */
    uint32_t empties;             /* empty DATA, CONTINUATION and HEADERS frames per second; 50 */
    uint32_t max_stream_output;   /* bytes of a response that wait in one stream; 1 MiB + the whole answers of cstar__respond() */
} cstar__h2_limits;

/** @return NULL when out of memory. */
cstar__h2 *cstar__h2_new(const cstar__h1_env *env, const cstar__h2_limits *limits, cstar_buf *out);
/** Ends all exchanges under way (on_close with x->broken). Accepts NULL. */
void cstar__h2_free(cstar__h2 *m);
void cstar__h2_lend(cstar__h2 *m, cstar_buf *out);

/** Takes all bytes. @return CSTAR_OK; CSTAR_ENOMEM the machine is now closing. */
cstar_status cstar__h2_feed(cstar__h2 *m, const char *ptr, size_t len);
/** Writes more of what waits; called when `out` was emptied, and after a response was given outside of a handler call. */
cstar_status cstar__h2_resume(cstar__h2 *m);
bool cstar__h2_wants_resume(const cstar__h2 *m);

void cstar__h2_eof(cstar__h2 *m);
/** The driver's clock ran out on the connection: GOAWAY, and closing. */
void cstar__h2_timeout(cstar__h2 *m);
/** Once a second, so that rates are per second and stalled streams (zero window, missing body) end. @param now  milliseconds. */
void cstar__h2_tick(cstar__h2 *m, uint64_t now);
/** GOAWAY; streams under way go on; then done. */
void cstar__h2_drain(cstar__h2 *m);

bool cstar__h2_wants_input(const cstar__h2 *m);
bool cstar__h2_idle(const cstar__h2 *m); /* no stream is open */
bool cstar__h2_done(const cstar__h2 *m);
/** Close without flushing. */
bool cstar__h2_cut(const cstar__h2 *m);

/** Whether `len` bytes can be the beginning of HTTP/2's client preface: 1 they are all of it, 0 they may become it, -1 no. */
int cstar__h2_preface(const char *ptr, size_t len);

#endif
