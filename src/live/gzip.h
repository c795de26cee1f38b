/* live/gzip.h -- frames for streams whose client takes gzip: compressed once for all that a room has
 * of a topic, and spliced into each of them (http/coding_splice.h).
 *
 *     packet ─▶ cstar__gzip_packet(): the same frame, with blocks ─▶ queues, as any packet
 *                    ├─ the shared block: made at once, in step with the topic's frames before
 *                    └─ the block alone: made when the first stream needs it
 *     bytes go to the connection ─▶ cstar__gzip_next() says which of the two come next in this stream
 *
 * Invariants: 1. Which block it is is decided when bytes go to the connection, in order: what is dropped,
 * replaced, or written in between is simply not in the stream, and the next frames come alone until a
 * key frame. 2. Text of one stream never enters an encoder that another one's bytes come from: what
 * is made alone refers to nothing. 3. A key frame comes each 25 frames, if a stream was out of step.
 *
 * Memory: the encoders, of a part 39 KiB and of a room the same, count into the budget of all content
 * codings. A part's is made by the first frame that somebody takes by gzip, and goes with the last one
 * who does. Where it does not fit, frames come alone.
 * Threads: a room's, and of nobody else; blocks are counted packets.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_GZIP_H
#define CSTAR_LIVE_GZIP_H

#include "http/coding_splice.h"
#include "live/packet.h"

/* Of a room. */
typedef struct cstar__gzip_room {
    const cstar_allocator *alloc;
    cstar__coding_budget *budget; /* NULL: no limit */
    cstar__splicer solo;          /* for what goes alone */
    size_t streams;               /* that take gzip */
    size_t reserved;              /* of the budget, while there are any */
    uint32_t sources;             /* numbers that parts have got */
} cstar__gzip_room;

/* Of a part: a topic in a room. */
typedef struct cstar__gzip_part {
    cstar__splicer splicer;
    size_t users;    /* subs whose stream takes gzip */
    size_t reserved; /* 0: it has no encoder */
} cstar__gzip_part;

void cstar__gzip_room_init(cstar__gzip_room *r, const cstar_allocator *alloc,
                           cstar__coding_budget *budget);

/** One stream more. @return false: this build has no gzip, or the budget is used up. */
bool cstar__gzip_enter(cstar__gzip_room *r);
/** One less: with the last one the encoder goes. */
void cstar__gzip_leave(cstar__gzip_room *r);

/** NULL: out of memory. */
cstar__gzip_part *cstar__gzip_part_new(cstar__gzip_room *r);
void cstar__gzip_part_free(cstar__gzip_room *r, cstar__gzip_part *part);

/** The frame `p`, with blocks; one reference. @param part  NULL: it is no frame of a topic, and comes
 * alone. NULL: out of memory. */
cstar__packet *cstar__gzip_packet(cstar__gzip_room *r, cstar__gzip_part *part, cstar__packet *p);
/** Whether it has blocks. */
bool cstar__gzip_has_blocks(const cstar__packet *p);

/** Whether its shared block could come next in a stream that has what `st` says. */
bool cstar__gzip_fits(const cstar__splice *st, const cstar__packet *p);
/** What comes next in a stream that has what `st` says, to give it `p`, which has blocks. `st` then says
 * that it has it. @param shared  gets whether it is the shared block. NULL: out of memory. */
const cstar__shared *cstar__gzip_next(cstar__splice *st, cstar__packet *p, bool *shared);
/** That it has it, and nothing else. */
void cstar__gzip_count(cstar__splice *st, const cstar__packet *p);

/** Appends a text for this stream alone, behind gzip's head if that was not written yet. An empty one
 * is just the head. Errors of cstar__splicer_alone(). */
cstar_status cstar__gzip_write(cstar__gzip_room *r, cstar__splice *st, cstar_str text,
                               cstar_buf *out);

/** A block without text, to break a silence: no stream gets out of step by it. */
extern const cstar__shared cstar__gzip_silence;

#endif
