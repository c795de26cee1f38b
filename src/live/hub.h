/* live/hub.h -- topics, and the rooms that listen to them.
 *
 *     publish [any thread] ─▶ topic (its shard's lock: order, ids) ─▶ a letter for each room that listens
 *     wake ─▶ [the room's thread] cstar__room_open_mail() ─▶ the topic's streams in this room
 *
 * A room is one worker's part of the hub: its streams, and the inbox of letters to them. Whatever
 * concerns a stream happens on its room's thread.
 *
 * Order: a letter is put into an inbox under the lock of its topic, and inboxes are read in order. So
 * each stream sees what one thread publishes, and what is published to one topic, in order; and what
 * is published after cstar__live_subscribe() has returned, and nothing of before (but for replay).
 * Memory: a topic exists while somebody listens, letters for it are under way, or it keeps something
 * for replay.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_HUB_H
#define CSTAR_LIVE_HUB_H

#include "http/coding.h"
#include "live/packet.h"
#include "live/ring.h"

enum {
    CSTAR__TOPIC_BYTES = 256,  /* of its name */
    CSTAR__LIVE_TOPICS = 1024, /* of one stream */
    CSTAR__MAX_ROOMS = 1024,
};

typedef struct cstar__hub cstar__hub;
typedef struct cstar__room cstar__room;
typedef struct cstar__letter cstar__letter; /* live/parts.h */
typedef struct cstar__live cstar__live;     /* live/stream.h */

/* What is kept of a topic; see cstar_topic_opts. */
typedef struct cstar__keep {
    size_t count, bytes; /* count 0: nothing */
    unsigned ms;
    bool latest; /* of each key the newest alone */
} cstar__keep;

typedef struct cstar__hub_opts {  /* zero is the default of every field */
    const cstar_allocator *alloc; /* thread-safe; NULL: cstar_heap() */
    unsigned rooms;               /* 0: 1 */
    size_t max_waiting;           /* bytes (with 256 for each letter) in all inboxes; 0: 64 MiB */
    /* that one room's inbox may ask of it before it gets no more; 0: 1 000 000, seconds of work.
     * Bytes alone are no bound of time: a letter to 100 000 streams is as long as one to a single one */
    size_t max_deliveries;
    uint64_t seed[2]; /* of the hash of names */
    uint32_t epoch;   /* of ids: another one for each run of the server */
    /* What is to be kept of the topic of that name; asked once, when it comes to be. [any thread]
     * NULL: nothing */
    cstar__keep (*keep)(void *arg, cstar_str topic);
    /* Milliseconds of a steady clock [any thread]: for `keep`, and for pings and alarms of streams */
    uint64_t (*now)(void *arg);
    cstar__coding_budget *budget; /* of encoders, for streams that take gzip; NULL: no limit */
    /* There is mail: have cstar__room_open_mail() called on that room's thread, soon. [any thread] */
    void (*wake)(void *arg, unsigned room);
    void *arg; /* of all of them */
} cstar__hub_opts;

/** NULL: out of memory. */
cstar__hub *cstar__hub_new(const cstar__hub_opts *opts);
/** No stream is left, and nobody publishes any more. */
void cstar__hub_free(cstar__hub *hub);

const cstar_allocator *cstar__hub_alloc(const cstar__hub *hub);
cstar__room *cstar__hub_room(cstar__hub *hub, unsigned index);
uint32_t cstar__hub_epoch(const cstar__hub *hub);
/** As of another run: who comes back from this one can't resume. While nobody publishes. */
void cstar__hub_next_epoch(cstar__hub *hub);

enum { CSTAR__SHARDS = 64 /* by the upper six bits of a name's hash */ };

/** Forgets what has been kept for too long, in the next so many of its shards. Now and then: it walks
 * over all their topics. [any thread] */
void cstar__hub_tidy(cstar__hub *hub, unsigned shards);

typedef struct cstar__hub_count {
    uint64_t published; /* so far, that somebody listened to */
    uint64_t refused;   /* CSTAR_EAGAIN */
    size_t topics, waiting;
} cstar__hub_count;
/** [any thread] */
void cstar__hub_counts(cstar__hub *hub, cstar__hub_count *out);

/** [any thread] Some of the topics there are, as `"a", "b", ...`, NUL-terminated. @return how many. */
size_t cstar__hub_names(cstar__hub *hub, char *out, size_t size);

typedef enum cstar__audience {
    CSTAR__AUDIENCE_NONE,  /* nobody would get it */
    CSTAR__AUDIENCE_PLAIN, /* somebody listens */
    CSTAR__AUDIENCE_KEPT,  /* it is kept, too: a frame needs room for an id */
} cstar__audience;
/** [any thread] */
cstar__audience cstar__hub_audience(cstar__hub *hub, cstar_str topic);

/** [any thread] To all who listen. Borrows `p`; its id is set if it is kept, so it must not have been
 * published before. Messages are not kept. CSTAR_EAGAIN: too much waits already; CSTAR_ENOMEM. Then
 * nobody gets it. */
cstar_status cstar__hub_publish(cstar__hub *hub, cstar_str topic, cstar__packet *p);
/** [any thread] To one stream, if it still lives. Same errors. @param address  cstar__live_address() */
cstar_status cstar__hub_send(cstar__hub *hub, uint64_t address, cstar__packet *p);
/** [any thread] cstar__live_end(), for the reason CSTAR__LIVE_REPLACED, of the stream with that address
 * and generation. CSTAR_ENOMEM. */
cstar_status cstar__hub_replace(cstar__hub *hub, uint64_t address, uint64_t generation);
/** [any thread] The same in two steps, of which only the first can fail: what comes between them need
 * not be undone. NULL: out of memory. */
cstar__letter *cstar__hub_replace_prepare(cstar__hub *hub);
/** Takes the letter. @param address  0: nobody is replaced */
void cstar__hub_replace_commit(cstar__hub *hub, cstar__letter *letter, uint64_t address,
                               uint64_t generation);

/** No stream is left, and no room has a thread any more: opens what nobody has read. Publishing may go
 * on: to nobody. */
void cstar__hub_settle(cstar__hub *hub);

/** [the room's thread] Delivers what is in the inbox. If that is a lot, it asks to be woken for the
 * rest. @return whether there was any. */
bool cstar__room_open_mail(cstar__room *room);
/** [the room's thread] Delivers all that was posted before the call, however much that is; what
 * comes meanwhile waits for its wake. */
void cstar__room_open_all(cstar__room *room);

#endif
