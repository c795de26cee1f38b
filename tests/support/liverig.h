/* liverig.h -- a hub with streams whose clients are only counted: no sockets, no machine, a clock that is
 * moved by hand.
 *
 *     liverig r;
 *     liverig_init(&r, &(liverig_opts){.rooms = 2});
 *     rigged *s = liverig_open(&r, 0);                  // of room 0
 *     cstar__live_subscribe(s->live, CSTAR_STR("a"));
 *     liverig_start(s);
 *     liverig_publish(&r, "a", "1");                    // "data: 1\n\n"
 *     liverig_run(&r);                                  // all rooms open their mail
 *     assert_string_equal(liverig_text(s), "1");        // the data of its events, with spaces between
 *     liverig_fini(&r);
 *
 * The end of an exchange comes at once, as HTTP/1.1's does outside of a handler.
 * Threads: one, but for publishing.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_LIVERIG_H
#define CSTAR_TESTS_LIVERIG_H

#include "live/stream.h"
#include "support/failalloc.h"

enum { RIG_STREAMS = 64 };

typedef struct liverig liverig;

typedef struct rigged {
    liverig *rig;
    cstar__exchange x;
    cstar__peer peer;
    cstar__live *live; /* NULL: it is over */
    cstar__live_conf conf;
    cstar_buf got;        /* what the client took */
    size_t room;          /* bytes that it takes yet; SIZE_MAX: all */
    cstar_status refuses; /* its connection takes nothing, for that reason; CSTAR_OK: it does */
    uint64_t alarm_at;    /* 0: none */
    bool no_alarm;        /* there is no memory for one */
    bool stays;           /* its exchange is over behind its end only when it is cut */
    int infos, alarms, overs, ends, aborts, endings;
    cstar_buf told; /* "topic=bytes " of each message */
    /* Called in `info`, `alarm` and `ending`; NULL: nothing more */
    void (*on_info)(struct rigged *s, const char *topic, const cstar__packet *p);
    void (*on_alarm)(struct rigged *s);
    const char *last_words; /* written in `ending` */
    char *text;
} rigged;

typedef struct liverig_opts {
    unsigned rooms; /* 0: 1 */
    size_t max_waiting, max_deliveries;
    size_t fail_at; /* allocation that fails; 0: none */
    /* Topics that begin with 'k' keep so many packets for so long; 0: 8, for ever */
    size_t keep;
    unsigned keep_ms;
} liverig_opts;

struct liverig {
    failalloc memory;
    cstar__hub *hub;
    liverig_opts opts;
    cstar__exchange_pool pool; /* its numbers, and what is below */
    uint64_t now;              /* milliseconds */
    unsigned wakes[4];         /* of each room */
    cstar_status status;       /* of the last liverig_publish() */
    rigged *streams[RIG_STREAMS];
    size_t nstreams;
};

/** @return false: out of memory (opts.fail_at). */
bool liverig_init(liverig *r, const liverig_opts *opts);
/** What is still open is cut; all memory must have come back then (asserted by the caller:
 * r->memory.live_bytes). */
void liverig_fini(liverig *r);

/** A stream of that room that has not started. NULL: out of memory. */
rigged *liverig_open(liverig *r, unsigned room);
/** Its client has come back, and says the last id of `before`. */
rigged *liverig_reopen(liverig *r, unsigned room, const rigged *before);
/** Starts it, with the snapshot's id in front as web does it. */
void liverig_start(rigged *s);
/** liverig_open(), one topic, liverig_start(). */
rigged *liverig_listen(liverig *r, unsigned room, const char *topic);
/** The connection breaks. */
void liverig_cut(rigged *s);
/** The client takes `room` bytes more, and the machine says so. */
void liverig_take(rigged *s, size_t room);

/** A frame "data: text\n\n". Kept topics' get ids. */
cstar_status liverig_publish(liverig *r, const char *topic, const char *text);
cstar_status liverig_publish_keyed(liverig *r, const char *topic, const char *text,
                                   const char *key);
/** A message. */
cstar_status liverig_tell(liverig *r, const char *topic, const char *text);

/** Opens all mail, until nobody wants to be woken. */
void liverig_run(liverig *r);
/** Moves the clock, a millisecond at a time, and rings alarms. */
void liverig_advance(liverig *r, uint64_t ms);

/** The data of the events that have come, each behind a space but the first; comments are ":", retries
 * and ids are not there. Valid until the next call. */
const char *liverig_text(rigged *s);
/** The id that the client would say when it comes back: of the last complete line. 0: none. */
uint64_t liverig_last_id(const rigged *s);

#endif
