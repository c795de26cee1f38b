/* web/compress.h -- encoders for responses: which answer gets one, and the memory they share.
 *
 * A coder is an encoder and what it has reserved of the process's budget. Those of gzip and zstd
 * are kept for reuse when their response is over; brotli's can't be used again. What is kept stays
 * reserved, and goes first when the budget is short.
 * Threads: the coders of an app are shared by its workers and pool threads; a coder belongs to one
 * response at a time. Private.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_COMPRESS_H
#define CSTAR_WEB_COMPRESS_H

#include "http/coding.h"
#include "http/exchange.h"

#include <pthread.h>

typedef struct cstar__coder {
    struct cstar__coder *next; /* of the idle ones */
    cstar__encoder *encoder;
    size_t reserved;
    bool large; /* made for large bodies */
} cstar__coder;

typedef struct cstar__coders {
    const cstar_allocator *alloc;
    pthread_mutex_t mutex; /* guards the idle list */
    cstar__coder *idle;    /* newest first */
    size_t nidle;
    cstar__coding_budget budget;
    /* set before serving, read-only then */
    size_t min; /* bytes of a body that is worth it */
    bool off;
} cstar__coders;

/** @return false: no mutex could be had. */
bool cstar__coders_init(cstar__coders *c, const cstar_allocator *alloc);
void cstar__coders_fini(cstar__coders *c);

/**
 * A coder for the coding that suits the request best, within the budget, ready to write.
 * @param large  for a body that is worth a wider window.
 * @return NULL: identity. [any thread]
 */
cstar__coder *cstar__coder_take(cstar__coders *c, const cstar__request *r, bool large);
/** Its response is over. Accepts NULL. [any thread] */
void cstar__coder_give(cstar__coders *c, cstar__coder *coder);

struct cstar_conn;

/** Whether a response with the conn's fields, content type among them, may be coded at all. Then
 * "Vary: Accept-Encoding" belongs to it, whatever this client gets. */
bool cstar__compress_allowed(const struct cstar_conn *conn, int status, bool event_stream);
/** Sets what a coded response says of itself: Content-Encoding, a weak ETag. CSTAR_ENOMEM. */
cstar_status cstar__compress_fields(struct cstar_conn *conn, cstar__coding coding);
/**
 * Codes a whole body, if that makes it smaller.
 * @param body    the coded one, in the conn's memory; unchanged on false.
 * @param coding  which coding it is now.
 * @return false: it stays as it is.
 */
bool cstar__compress_body(struct cstar_conn *conn, cstar_str *body, cstar__coding *coding);

#endif
