/* live/packet.h -- what is published: bytes that many streams share.
 *
 *     cstar__packet_begin(&b, alloc, limit);           // leaves room for the head of a chunk
 *     cstar_format_patch_signals(&b, ...);
 *     p = cstar__packet_end(&b, key);                  // takes the memory; b is empty
 *     ... cstar__packet_unref(p);
 *
 * A frame is a whole event (or several), framed once: `wire.chunk` is the HTTP/1.1 chunk around it,
 * `wire.bytes` the event in there. A message is bytes for a callback.
 *
 * Life: counted references; read-only once it has been published. Threads: any.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_PACKET_H
#define CSTAR_LIVE_PACKET_H

#include "http/exchange.h"

typedef enum cstar__packet_kind {
    CSTAR__PACKET_FRAME,
    CSTAR__PACKET_BYTES,    /* a message */
    CSTAR__PACKET_JSON,     /* a message that is JSON text */
    CSTAR__PACKET_RERENDER, /* a message for the floor above: no bytes */
} cstar__packet_kind;

typedef struct cstar__packet {
    uint32_t refs; /* atomic */
    uint8_t kind;  /* cstar__packet_kind */
    bool has_id;   /* a frame with room for an id, in its last field */
    cstar__shared wire;
    cstar_str bytes; /* of a message; NUL-terminated unless it was lent */
    cstar_str key;   /* of a frame: what it is about; empty: nothing */
    uint64_t id;     /* its place among all that are kept for replay; 0: it is not */
    const cstar_allocator *alloc;
    char *mem; /* what `wire` or `bytes` point into; NULL: lent */
    size_t cap;
    void (*free)(void *arg); /* of lent bytes; NULL: nothing to do */
    void *arg;
} cstar__packet;

enum { CSTAR__PACKET_ID = 21 }; /* bytes of an id: 8 hex digits, '-', 12 hex digits */

/** An empty buffer for events. */
void cstar__packet_begin(cstar_buf *b, const cstar_allocator *alloc, size_t limit);
/** What was appended, as a frame. Takes the buffer's memory, also on failure. @param key  copied;
 * NULL: none. @return with one reference; NULL: the buffer's status says why, CSTAR_EINVAL if nothing was
 * appended. */
cstar__packet *cstar__packet_end(cstar_buf *b, const char *key);
/** One that is to be kept: its (last) event gets an id, which cstar__packet_stamp() fills in. It is the
 * event's last field. A client that comes back says the last id that it has read a line of, whether
 * or not that event has come to its end: so only who was cut off between the last two bytes misses
 * it. (An id in front loses every event that is cut short; one behind its end, in a block of its own,
 * has every event twice that is cut off between the two.) */
cstar__packet *cstar__packet_end_kept(cstar_buf *b, const char *key);

/** A message; copied. NULL: out of memory. */
cstar__packet *cstar__packet_copy(const cstar_allocator *alloc, cstar_str bytes,
                                  cstar__packet_kind kind);
/** A message of lent bytes: `release` is called in the end, also if this fails (NULL). */
cstar__packet *cstar__packet_lend(const cstar_allocator *alloc, cstar_str bytes,
                                  void (*release)(void *arg), void *arg);

/** Of a frame of cstar__packet_end_kept(), before it is published. Others only get `id`. */
void cstar__packet_stamp(cstar__packet *p, uint32_t epoch, uint64_t id);
/** Writes an id. Not NUL-terminated. */
void cstar__packet_format_id(char text[CSTAR__PACKET_ID], uint32_t epoch, uint64_t id);
/** Reads such an id. @return false: it is none. */
bool cstar__packet_parse_id(cstar_str text, uint32_t *epoch, uint64_t *id);

void cstar__packet_ref(cstar__packet *p);
/** NULL does nothing. */
void cstar__packet_unref(cstar__packet *p);

/** Whether they are about the same. */
static inline bool cstar__packet_same_key(const cstar__packet *a, const cstar__packet *b) {
    return a->key.len != 0 && cstar_str_eq(a->key, b->key);
}

#endif
