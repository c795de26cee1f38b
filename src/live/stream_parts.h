/* live/stream_parts.h -- what the files of one stream know of each other. Private to stream*.c.
 *
 *     stream.c         life, and the end
 *     stream_start.c   until it starts: what was missed, what came early
 *     stream_topics.c  its subscriptions
 *     stream_send.c    frames on their way to the client
 *     stream_time.c    alarms and pings; callbacks of the floor above
 *     stream_gzip.c    all of that for a client that takes gzip
 *
 * A stream writes, or ends, only where it may: not before its start, and not from inside one of its
 * own callbacks (then when that has returned). Ending may free it: whoever has called
 * cstar__live_send_waiting(), cstar__live_cut() or cstar__live_finish() does not touch it any more.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_STREAM_PARTS_H
#define CSTAR_LIVE_STREAM_PARTS_H

#include "live/parts.h"
#include "live/waiting.h"

static inline const cstar_allocator *cstar__live_alloc(const cstar__live *s) {
    return s->room->hub->alloc;
}

static inline uint64_t cstar__live_now(const cstar__live *s) {
    const cstar__hub_opts *o = &s->room->hub->opts;
    return o->now != NULL ? o->now(o->arg) : 0;
}

/* ---- the end (stream.c) ---- */

/** As soon as it may, by a cut of its connection. */
void cstar__live_cut(cstar__live *s);
/** Ends it, if it is to end and may. @return whether it was: then `s` may be gone. */
bool cstar__live_finish(cstar__live *s);
/** It can't end yet: the client has not taken what there is. */
void cstar__live_wait_for_end(cstar__live *s);

/* ---- the start (stream_start.c) ---- */

/* A frame or a message that has come before the start. */
typedef struct cstar__early {
    struct cstar__early *next;
    cstar__packet *packet;
    size_t size;  /* of this */
    char topic[]; /* a copy: nobody may listen to it any more when its turn comes */
} cstar__early;

/* A frame that the client has missed. */
typedef struct cstar__missed {
    cstar__packet *packet;
    const cstar__topic *from; /* which the stream listens to */
} cstar__missed;

/* What a stream needs until it has started only. Its starter's, but for what is early: that is the
 * room's. */
struct cstar__opening {
    uint64_t last_id;  /* that the client has seen; 0: none */
    uint64_t now_id;   /* up to which its topics were asked what was missed */
    uint64_t replaced; /* the room's: the latest generation that was; 0: none */
    bool gap;          /* some topic can't say what was missed */
    bool has_topics;
    cstar__packet
        *first; /* what was to be said first, while others fill the connection; NULL: it is */
    size_t n, cap;
    cstar__missed *missed; /* to be sorted by id */
    cstar__early *early, **last;
    size_t early_bytes;
};

/** NULL: it has started, or is over. */
static inline cstar__opening *cstar__opening_of(const cstar__live *s) {
    return s->begun ? NULL : s->opening;
}
/** NULL: out of memory. */
cstar__opening *cstar__opening_new(const cstar_allocator *alloc, uint64_t last_id);
/** Any stream. It has begun, afterwards. */
void cstar__opening_free(cstar__live *s);
/** What has come, until it can be sent or told. */
void cstar__opening_keep(cstar__live *s, const char *topic, cstar__packet *p);
/** As cstar__joining.missed. */
bool cstar__opening_take(const cstar__joining *j, cstar__packet *p);
/** The stream, if it has not started, does not listen to that topic any more. */
void cstar__opening_forget(cstar__live *s, const cstar__topic *from);

/* ---- topics (stream_topics.c) ---- */

/** NULL: it has no topic of that name. */
cstar__sub *cstar__sub_find(cstar__live *s, cstar_str topic);
/** Off its part, which it has. One whose letter nobody has read yet is dead, and goes with that. */
void cstar__sub_leave(cstar__sub *sub);
/** All but its first. No letter of theirs is under way. */
void cstar__subs_free(cstar__live *s);

/* ---- sending (stream_send.c) ---- */

/** What waits, and the end behind it. @return false: it has ended, `s` may be gone. */
bool cstar__live_send_waiting(cstar__live *s);
/** A frame, without counting for the budget: nothing that does waits. @return false: it was cut. */
bool cstar__live_wait_spared(cstar__live *s, cstar__packet *p);

/* ---- time, callbacks (stream_time.c) ---- */

/** Says when the first one is due: within an interval. `s->x` has its request yet. */
void cstar__live_first_ping(cstar__live *s);
/** A message, for its `info`. */
void cstar__live_tell(cstar__live *s, const char *topic, cstar__packet *p);
/** A callback of it has returned: it may have ended it, or written so much that it is to be cut. */
void cstar__live_after_callback(cstar__live *s);

#endif
