/* live/stream.h -- one stream that stays open: what it subscribes to, what waits for its client, when
 * it ends.
 *
 *     new ─▶ (subscribe ...) ─▶ start: the response has begun ─▶ frames ─▶ end, or the client leaves ─▶ over
 *
 *     a frame ─▶ nothing waits: cstar__respond_shared()
 *                     └─ else: waiting (references) ─▶ on_wake ─▶ cstar__respond_shared()
 *
 * Invariants: 1. What a slow client has not taken is in its connection as at most one frame, or (behind
 * a wake, over TLS) as 256 KiB, on HTTP/2 as 1 MiB: the rest waits here, as references. 2. What
 * waits is less than the budget, or one frame; what the client has missed, and what came before its
 * start, counts for nothing and is not dropped. 3. `over` is called once, last; subscriptions are
 * gone by then. 4. Before start() frames and messages wait, in one order.
 * A client that takes gzip gets the same frames by blocks that are made once (live/gzip.h).
 * Threads: its room's, but for what says [starter]: before start() the thread that makes it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_STREAM_H
#define CSTAR_LIVE_STREAM_H

#include "live/hub.h"

typedef enum cstar__live_end_reason {
    CSTAR__LIVE_HALTED,   /* the application has ended it */
    CSTAR__LIVE_REPLACED, /* another stream has its tab now */
    CSTAR__LIVE_DRAINED,  /* the server stops */
} cstar__live_end_reason;

/* What the floor above gives. */
typedef struct cstar__live_ops {
    /* A message. The stream may be ended from inside. `topic` is NUL-terminated; "" for one of its
     * own. */
    void (*info)(cstar__live *s, const char *topic, const cstar__packet *p);
    /* Its time has come: cstar__live_alarm(). */
    void (*alarm)(cstar__live *s);
    /* It is going to end: what is to be said last can be written with cstar__live_write(). */
    void (*ending)(cstar__live *s, cstar__live_end_reason why);
} cstar__live_ops;

/* How streams of one kind behave. Outlives them: many share one. */
typedef struct cstar__live_conf {
    const cstar__live_ops *ops; /* NULL: messages are passed over, and it just ends */
    unsigned ping_ms;           /* of silence, then a comment is sent; never 0 */
    unsigned grace_ms;          /* that a clean end may take, until the driver has its last byte */
    size_t max_waiting;         /* bytes */
    bool drop;                  /* the oldest, when more waits; else the stream is cut */
} cstar__live_conf;

/* ---- life ---- */

/** [starter] Of that room, but no stream yet. @param last_id  that the client has seen; 0: none. NULL:
 * out of memory. */
cstar__live *cstar__live_new(cstar__room *room, uint64_t last_id);
/** [room] Before start(): what follows is coded by gzip, which the response has to say. @return false: it
 * is not, for lack of memory, or in this build. */
bool cstar__live_use_gzip(cstar__live *s);
/** What is said first, before start(), when the response of `x` has begun; may be empty, but is not to be
 * left out of a stream that uses gzip. Where the connection takes nothing now, it waits for start().
 * Errors of cstar__respond_write() but CSTAR_EAGAIN. */
cstar_status cstar__live_say_first(cstar__live *s, cstar__exchange *x, cstar_str events);
/** [starter] Before start(), or on its room's thread outside of its callbacks. */
void cstar__live_set_conf(cstar__live *s, const cstar__live_conf *conf, void *user);
/** The response of `x` has begun, and all that is to be said first is written. What waits follows. It
 * may be over, and `s` gone, when this returns. */
void cstar__live_start(cstar__live *s, cstar__exchange *x);
/** on_close of its exchange, or instead of start(): frees it. */
void cstar__live_over(cstar__live *s);
/** Ends it: cleanly, behind what is in its connection (what waits here is thrown away if it was
 * REPLACED); if all that, and the end, is not taken after grace_ms, the connection is cut. Its
 * exchange may be over, and `s` gone, when this returns; but not while its `info`, `alarm` or a
 * wake is under way. Again does nothing. */
void cstar__live_end(cstar__live *s, cstar__live_end_reason why);
/** Around a callback of it that does not come from here: what it ends, or writes too much for, ends
 * behind the second; so its exchange may be over then, and `s` gone. They may be nested. */
void cstar__live_enter_call(cstar__live *s);
void cstar__live_leave_call(cstar__live *s);
/** Whether it is to end, or be cut: no callback but the last comes any more. */
bool cstar__live_is_ending(const cstar__live *s);

/* ---- what comes ---- */

/** [starter, room] CSTAR_EINVAL: empty or too long; CSTAR_ELIMIT: too many; CSTAR_ENOMEM. Again does
 * nothing. */
cstar_status cstar__live_subscribe(cstar__live *s, cstar_str topic);
/** Also before start(), but then too on the room's thread. Frames that wait for the client already are
 * still sent. CSTAR_ENOENT. */
cstar_status cstar__live_unsubscribe(cstar__live *s, cstar_str topic);
/** [starter] Whether all that the client has missed of its topics follows at the start. */
bool cstar__live_resumes(const cstar__live *s);
/** The id that the client has to know if it does not resume: 0: none. Whatever is published later has
 * a larger one. */
uint64_t cstar__live_snapshot(const cstar__live *s);

/* ---- what goes ---- */

/** Whole events, for this client alone; copied. CSTAR_ECLOSED: it is ending or has left.
 * CSTAR_ELIMIT: the client is too slow, or they are too long; CSTAR_ENOMEM: then it is cut. */
cstar_status cstar__live_write(cstar__live *s, cstar_str events);
/** A frame. */
void cstar__live_push(cstar__live *s, cstar__packet *p);
/** on_wake of its exchange. */
void cstar__live_wake(cstar__live *s);

/* ---- the floor above ---- */

void *cstar__live_user(const cstar__live *s);
/** It was, or is to be, cut: its client is too slow, or there was no memory. */
bool cstar__live_is_cut(const cstar__live *s);
/** Its exchange lies at `x` now. */
void cstar__live_move(cstar__live *s, cstar__exchange *x);
/** cstar__hub_opts.arg */
void *cstar__live_arg(const cstar__live *s);
/** [starter, room] Where cstar__hub_send() reaches it, as long as it lives. 0: out of memory, or
 * there are too many. */
uint64_t cstar__live_address(cstar__live *s);
/** Calls ops->alarm in `ms` milliseconds; again: instead. 0: no more. */
void cstar__live_alarm(cstar__live *s, uint64_t ms);
/** The claim it has: cstar__hub_replace() of another generation does nothing. 0: none. */
void cstar__live_set_generation(cstar__live *s, uint64_t generation);
uint64_t cstar__live_generation(const cstar__live *s);

#endif
