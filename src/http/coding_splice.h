/* http/coding_splice.h -- gzip for broadcasts: each event is compressed once, and its bytes are put
 * into many gzip streams.
 *
 *     cstar__splicer topic;                             // one per topic
 *     cstar__splicer_init(&topic, alloc, &(cstar__splicer_opts){.source = 7});
 *     cstar__splicer_add(&topic, event, &out, &piece);  // once per event
 *
 *     cstar__splice st = {0};                           // one per subscriber
 *     send(cstar__splice_head(&st));
 *     if (cstar__splice_fits(&st, &piece)) ...          // else those of cstar__splicer_alone(),
 *     cstar__splice_take(&st, &piece);                  // made once; for each event, as it is sent
 *     cstar__splice_end(&st, &out);                     // the trailer
 *
 *              joined here                    something else in between
 *                  v                                   v
 *     topic:  .. K  s  s  s  K  s  s  s  s  s  K  ..         K key frame: refers to nothing before
 *     stream:       A  A  A  K  s  s  s  x  A  A  K  ..      s shared, A alone, x of this stream
 *
 * 1. A piece is a run of deflate blocks that ends on a byte. It never ends the stream.
 * 2. A shared piece refers to the text of those before it, back to the last key frame. So it fits
 *    into a stream only if that stream had that event and every one since, nothing between. It is
 *    the text that counts: an event that came alone was had as well as by its shared bytes.
 * 3. A piece that was made alone refers to nothing and fits everywhere.
 * 4. Whatever fails in cstar__splicer_add(), the next piece is a key frame.
 *
 * Memory: a topic's encoder is made by its first event, cstar__splicer_rest() frees it.
 * Without zlib what can fail answers CSTAR_ENOTSUP, and nothing fits.
 * Threads: a splicer and a stream's state each belong to one at a time; pieces are read-only. Only
 * cstar__splicer_ask() may come from any.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_CODING_SPLICE_H
#define CSTAR_HTTP_CODING_SPLICE_H

#include "http/coding.h"

enum {
    CSTAR__SPLICE_KEY_EVERY = 25,      /* events */
    CSTAR__SPLICE_HEAD = 10,           /* bytes of gzip's head */
    CSTAR__SPLICE_TAIL = 10,           /* bytes of the last block and of gzip's trailer */
    CSTAR__SPLICE_SOURCES = INT32_MAX, /* numbers of sources are not larger */
};

/* ---- the topic's side ----------------------------------------------------------------------- */

typedef struct cstar__splicer_opts {
    int level;          /* of gzip, 1 to 9; 0: 6 */
    int window;         /* two to the power of it in bytes, 9 to 15; 0: 12 */
    uint32_t key_every; /* every n-th piece is a key frame; 0: CSTAR__SPLICE_KEY_EVERY; 1: all */
    /* No sooner than that, and only if somebody has asked (cstar__splicer_ask()) since the last.
     * Streams that are all in step are spared a fifth of their bytes. */
    bool key_when_asked;
    /* A number that no other splicer has whose pieces may meet these in one stream. 0: none; then
     * nothing but key frames ever fits. Up to CSTAR__SPLICE_SOURCES. */
    uint32_t source;
} cstar__splicer_opts;

typedef struct cstar__splicer {
    const cstar_allocator *alloc;
    cstar__splicer_opts opts;
    cstar__encoder *encoder; /* NULL: not yet, or it rests */
    uint64_t next;           /* number of the next piece */
    uint32_t run;            /* pieces since the last key frame, itself too; 0: one is due */
    uint32_t crc;            /* of all text so far */
    atomic_bool asked;       /* for a key frame. Relaxed: a hint, nothing is read by it */
} cstar__splicer;

/* What is to be known about one event to put it into a stream. Plain data: kept beside the bytes,
 * for as long as they. */
typedef struct cstar__spliced {
    uint64_t frame; /* number among the source's pieces */
    size_t size;    /* bytes that were appended */
    uint32_t source;
    uint32_t len;    /* of the text */
    uint32_t crc;    /* of the text */
    uint32_t past;   /* crc of all the source's text up to its end */
    uint32_t factor; /* what carries a crc over the text */
    bool key;
} cstar__spliced;

/** Bytes that such an encoder takes at most; 0 for options that are refused, and without zlib. */
size_t cstar__splicer_memory(const cstar__splicer_opts *opts);

/**
 * Allocates nothing yet.
 * @param alloc  borrowed for its life.
 * @param opts   copied; NULL: defaults.
 */
void cstar__splicer_init(cstar__splicer *s, const cstar_allocator *alloc,
                         const cstar__splicer_opts *opts);
void cstar__splicer_fini(cstar__splicer *s);

/** Somebody is out of step. Only with `key_when_asked`. [any thread] */
void cstar__splicer_ask(cstar__splicer *s);

/** Frees the encoder until the next piece, which is then a key frame: for a topic that nobody reads
 * by gzip at the moment. */
void cstar__splicer_rest(cstar__splicer *s);

/**
 * Compresses one event in step with those before it.
 * @param plain  1 byte to 1 GiB.
 * @param out    the piece is appended.
 * @param piece  written on success.
 * @return CSTAR_EINVAL length or options; CSTAR_ENOTSUP; CSTAR_ENOMEM; CSTAR_ELIMIT or whatever
 *         sticks to `out`, which then has a torn piece at its end. The event is then no part of the
 *         topic's text, and may still go out alone.
 */
CSTAR_MUST_USE cstar_status cstar__splicer_add(cstar__splicer *s, cstar_str plain, cstar_buf *out,
                                               cstar__spliced *piece);

/**
 * Compresses one text by itself: for streams into which the shared piece does not fit, and for what
 * only one stream gets. Any splicer can do it; a topic's own is put out of step (the next of its
 * pieces is a key frame), so have one more, for each thread.
 * @param piece  NULL: there is one of the same text already, that says as much. Else it describes
 *               the text but fits nowhere: it is only ever taken alone.
 * @return as cstar__splicer_add().
 */
CSTAR_MUST_USE cstar_status cstar__splicer_alone(cstar__splicer *s, cstar_str plain, cstar_buf *out,
                                                 cstar__spliced *piece);

/* ---- the stream's side ---------------------------------------------------------------------- */

/* Zero is its beginning. 24 bytes. The checksum is brought up to date when a run of shared pieces
 * ends, not at each: within a run the topic's own checksum is enough. Of numbers of frames there is
 * only what tells those apart that are less than 2^32 frames from each other. */
typedef struct cstar__splice {
    uint32_t next;        /* the frame that would follow; of `source` */
    uint32_t source : 31; /* 0: out of step with all */
    uint32_t began : 1;   /* the head was asked for */
    uint32_t crc;  /* of the text before the run, in a run plus (xor) the source's crc there */
    uint32_t past; /* in a run: the source's crc up to its end */
    uint32_t run;  /* in a run: bytes of its text */
    uint32_t len;  /* bytes of text before the run, modulo 2^32 as the trailer has them */
} cstar__splice;

/** gzip's head at its first call, nothing later. Static. */
cstar_str cstar__splice_head(cstar__splice *st);

/** Whether the shared bytes can come next in this stream. If not, those made alone can. Ask when
 * the bytes are about to be sent, not when they are queued: what is dropped in a queue was not
 * sent. */
bool cstar__splice_fits(const cstar__splice *st, const cstar__spliced *piece);

/** Counts an event whose bytes come next in this stream: the shared ones, if they fit, or those
 * made alone. */
void cstar__splice_take(cstar__splice *st, const cstar__spliced *piece);

/** Appends the end of the stream, CSTAR__SPLICE_TAIL bytes, and the head before it if that was
 * never asked for. `st` begins anew.
 * @return CSTAR_ENOTSUP; what sticks to `out`. */
CSTAR_MUST_USE cstar_status cstar__splice_end(cstar__splice *st, cstar_buf *out);

#endif
