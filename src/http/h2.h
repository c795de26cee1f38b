/* http/h2.h -- HTTP/2 (RFC 9113), server side, as a byte machine with the same entries as
 * http/h1.h: feed bytes, get handler calls, take bytes. nghttp2 does the framing and header
 * compression; this machine decides what a peer may do to us.
 *
 *     cstar__h2 *m = cstar__h2_new(&env, peer, out);  // our SETTINGS are in `out` already
 *     cstar__h2_feed(m, data, len);                      // handler calls, one exchange per stream
 *     write(fd, out.ptr, out.len); cstar_buf_reset(&out);
 *     if (cstar__h2_wants_resume(m)) cstar__h2_resume(m);     // more was waiting for room
 *
 * Invariants: 1. on_close exactly once for every on_head. 2. Output never exceeds 256 KiB (or half
 * the buffer's limit) and one frame ahead of the driver: the rest waits in the streams, whose own
 * queues are bounded, each and together. 3. No connection-specific header leaves. 4. What a peer can make us do for
 * nothing is counted per second; over a limit the connection gets GOAWAY with the right code and
 * ends.
 *
 * Two things differ from HTTP/1.1. A response completed outside of a handler call ends its exchange
 * (on_close) in the cstar__h2_resume() that sends its last byte, not before cstar__respond()
 * returns. on_refuse with status 0 reports the end of the whole connection, once, and the first
 * response that had to be given up because the peer did not take it.
 *
 * Threads: one loop. Memory: from env->alloc, nghttp2's too.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_H2_H
#define CSTAR_HTTP_H2_H

#include "http/env.h"

typedef struct cstar__h2 cstar__h2;

/** @return NULL when out of memory. */
cstar__h2 *cstar__h2_new(const cstar__env *env, const cstar__peer *peer, cstar_buf *out);
/** Ends all exchanges under way (on_close with x->broken). Accepts NULL. */
void cstar__h2_free(cstar__h2 *m);

/** Takes all bytes. @return CSTAR_OK; CSTAR_ENOMEM the machine is now closing. */
cstar_status cstar__h2_feed(cstar__h2 *m, const char *ptr, size_t len);
/** Writes more of what waits; called when `out` was emptied, and after a response was given outside
 * of a handler call. */
cstar_status cstar__h2_resume(cstar__h2 *m);
bool cstar__h2_wants_resume(const cstar__h2 *m);

/** Nothing is written to `out` while the driver is stuck with what it has. */
void cstar__h2_stuck(cstar__h2 *m, bool stuck);
/** on_wake for `x`, which is this machine's, as cstar__h2_resume() would call it: for an alarm. */
void cstar__h2_wake(cstar__h2 *m, cstar__exchange *x);
/** Output goes to `out` from now on. What an earlier one holds is the driver's. */
void cstar__h2_lend(cstar__h2 *m, cstar_buf *out);

/** The peer will send no more: complete responses still go out, all other exchanges end
 * (broken). */
void cstar__h2_eof(cstar__h2 *m);
/** The driver's clock ran out on the connection: GOAWAY, and closing. */
void cstar__h2_timeout(cstar__h2 *m);
/** Once a second, so that rates are per second and stalled streams (zero window, missing body) end.
 * @param now  milliseconds, not 0. */
void cstar__h2_tick(cstar__h2 *m, uint64_t now);
/** GOAWAY: first a notice, the real one with the next tick or when no stream is left; streams under
 * way go on, those that stream are told (on_drain); then done. */
void cstar__h2_drain(cstar__h2 *m);

bool cstar__h2_wants_input(const cstar__h2 *m);
/** No stream is open, but for such as were answered before the end of their requests. */
bool cstar__h2_idle(const cstar__h2 *m);
bool cstar__h2_done(const cstar__h2 *m);
/** Close without flushing. */
bool cstar__h2_cut(const cstar__h2 *m);

enum { CSTAR__H2_PREFACE = 24 };
/** What every client begins with. */
extern const char cstar__h2_preface_text[CSTAR__H2_PREFACE + 1];

#endif
