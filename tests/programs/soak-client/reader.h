/* soak-client/reader.h -- an event stream over HTTP/1.1, read strictly: from head to events.
 *
 *     bytes ─▶ head | chunk size | chunk ─▶ [gunzip] ─▶ lines ─▶ data(), id, event()
 *
 * Bytes may be torn anywhere. What no server may say (a chunk without its line break, a line that
 * SSE does not know, data without an event's name) ends the process.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SOAK_READER_H
#define SOAK_READER_H

#include "gunzip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct reader_ops {
    void (*data)(void *arg, const char *text, size_t len); /* a line of it, without its name */
    void (*event)(void *arg);                              /* it is complete */
} reader_ops;

typedef enum reader_state {
    READER_HEAD,
    READER_SIZE,
    READER_CHUNK,
    READER_CHUNK_END,
    READER_TRAILER,
    READER_ENDED, /* cleanly */
} reader_state;

typedef struct reader_rest { /* of a line */
    char *ptr;
    size_t len, cap;
} reader_rest;

typedef struct reader {
    const reader_ops *ops;
    void *arg;
    reader_state state;
    unsigned status;                  /* 0: not known yet */
    bool chunked, has_name, has_data; /* of the head; of the event */
    char id[40];                      /* the last one; it stays when the stream is over */
    uint64_t left;                    /* of the chunk */
    reader_rest frame, body;
    gunzip *zip; /* NULL: none was needed yet */
    bool zipped; /* this stream is */
} reader;

/** Before the first stream, and before each further one. */
void reader_begin(reader *r, const reader_ops *ops, void *arg);
void reader_feed(reader *r, const char *bytes, size_t n);
bool reader_has_begun(const reader *r);
void reader_free(reader *r);

#endif
