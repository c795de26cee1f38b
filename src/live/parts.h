/* live/parts.h -- what topics, rooms and streams know of each other. Private to this room of the
 * house.
 *
 *     topic ──parts[i]──▶ part ──subs──▶ sub ──▶ live
 *                           ▲                     │
 *     room ──inbox──▶ letter┘                     └─ subs, waiting
 *
 * Whose: a topic, its array of parts and a part's `uses` are guarded by the topic's shard; a part's
 * subs, streams and what hangs on them belong to the room's thread; the inbox has a lock of its own.
 * Locks are taken in this order: order, shard, inbox.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_PARTS_H
#define CSTAR_LIVE_PARTS_H

#include "live/gzip.h"
#include "live/stream.h"

#include <pthread.h>

typedef struct cstar__topic cstar__topic;
typedef struct cstar__part cstar__part;
typedef struct cstar__sub cstar__sub;

/* ---- topics ---------------------------------------------------------------------------------- */

struct cstar__topic {
    cstar__topic *next; /* of its bucket */
    uint64_t hash;
    size_t uses;       /* parts, and what is kept; at 0 it goes */
    cstar__ring *ring; /* NULL: nothing is kept */
    bool keeps;        /* the ring has something */
    cstar__part **parts;
    size_t len;
    char name[]; /* NUL-terminated */
};

/* What a room has of a topic. */
struct cstar__part {
    cstar__topic *topic;
    size_t uses; /* subs, and letters on their way */
    size_t nsubs, cap;
    cstar__sub **subs;
    bool busy;              /* being gone through: holes stay */
    bool holes;             /* there are NULLs in subs */
    cstar__gzip_part *gzip; /* NULL: nobody takes gzip */
};

/* One stream listens to one topic. A byte for each thing that threads share: see stream_topics.c. */
struct cstar__sub {
    cstar__part *part; /* NULL: not in use */
    cstar__sub *next;  /* of its stream */
    uint32_t at;       /* in part->subs */
    bool queued;       /* atomic: nobody has read its letter */
    bool dead;         /* unsubscribed before its letter was read */
    bool further;      /* not its stream's first: a cstar__further_sub */
    bool listens : 1;  /* it is there: its letter was read */
    bool gzip : 1;     /* counted in part->gzip */
    bool stranded : 1; /* its letter was read, and there was no memory for it */
};

typedef struct cstar__further_sub {
    cstar__sub sub;
    cstar__live *live;
} cstar__further_sub;

/** Whose it is. */
static inline cstar__live *cstar__sub_live(cstar__sub *sub);

/** Takes `n` uses back; may free the part and its topic. */
void cstar__part_release(cstar__room *room, cstar__part *part, size_t n);
/** [shard] Without uses. Its topic may be without, too, then. */
void cstar__part_free(cstar__room *room, cstar__part *part);

/* ---- rooms ----------------------------------------------------------------------------------- */

typedef enum cstar__letter_kind {
    CSTAR__LETTER_PUBLISHED, /* part, packet */
    CSTAR__LETTER_SENT,      /* address, packet */
    CSTAR__LETTER_REPLACED,  /* address, generation */
    CSTAR__LETTER_LISTEN,    /* sub */
} cstar__letter_kind;

typedef struct cstar__letter {
    struct cstar__letter *next;
    cstar__room *room; /* where it goes, while it is being posted */
    uint8_t kind;
    cstar__part *part;
    cstar__packet *packet;
    cstar__sub *sub;
    uint64_t address, generation;
    size_t weight; /* of hub->waiting */
} cstar__letter;

typedef struct cstar__seat {
    cstar__live *live; /* NULL: free, and `next` counts */
    uint32_t serial, next;
} cstar__seat;

struct cstar__room {
    cstar__hub *hub;
    unsigned index;
    pthread_mutex_t lock; /* of the inbox and the slots */
    cstar__letter *first, **last;
    cstar__seat *slots;
    uint32_t nslots, free_slot; /* the first free one, + 1 */
    uint32_t serial;
    /* the room's thread */
    cstar__letter *todo;
    cstar__live **dirty; /* streams with frames to be sent at the end of the batch, or over */
    size_t ndirty, cap_dirty;
    bool batching;
    cstar__gzip_room gzip;
};

cstar__letter *cstar__letter_new(const cstar__hub *hub, cstar__letter_kind kind);
void cstar__letter_free(const cstar__hub *hub, cstar__letter *letter);
/** @return whether the room has to be woken. */
bool cstar__room_post(cstar__room *room, cstar__letter *letter);
void cstar__room_wake(cstar__room *room);
bool cstar__room_init(cstar__room *room, cstar__hub *hub, unsigned index);
/** Letters that nobody will read, and what they hold. No stream is left. */
void cstar__room_clear(cstar__room *room);
void cstar__room_fini(cstar__room *room);
/** Whether that stream lives. [any thread] */
bool cstar__room_has(cstar__room *room, uint64_t address);
/** 0: out of memory, or of numbers. */
uint64_t cstar__room_enter(cstar__room *room, cstar__live *s);
void cstar__room_leave(cstar__room *room, uint32_t slot);
/** To be flushed at the end of the batch. @return false: out of memory. */
bool cstar__room_dirty(cstar__room *room, cstar__live *s);

/* ---- streams --------------------------------------------------------------------------------- */

typedef struct cstar__waiting cstar__waiting;
typedef struct cstar__opening cstar__opening;

/* There may be a hundred thousand, and each publication touches all of a topic's: 120 bytes, which is
 * what a block of glibc's with a head of 8 holds. Times are on the hub's clock, modulo 2^32. */
struct cstar__live {
    cstar__room *room;
    cstar__exchange *x; /* NULL: not started, or over */
    const cstar__live_conf *conf;
    void *user;
    cstar__waiting *waiting; /* NULL: nothing waits */
    union {
        cstar__opening *opening; /* until it has begun */
        uint64_t skip_to; /* then: packets up to this id are in what it was given at the start */
    };
    cstar__sub first;    /* most have one; others follow it */
    uint64_t generation; /* of its claim; 0: none */
    cstar__splice gzip;  /* if it gzips: what its client has had, so far as blocks refer to it */
    uint32_t ping_at;
    uint32_t alarm_at; /* if it has an alarm */
    uint32_t slot;     /* + 1; 0: none */
    uint8_t inside;    /* callbacks of it that are under way */
    bool begun : 1;    /* it has started, or is over */
    bool gzips : 1;    /* its client takes gzip */
    bool dirty : 1;    /* it is in room->dirty */
    bool alarmed : 1;  /* it has an alarm of the floor above */
    bool ending : 1;   /* it ends */
    bool closed : 1;   /* its exchange is gone */
    bool doomed : 1;   /* it ends by a cut */
    bool stuck : 1;    /* it ends when its connection has taken what it has */
    bool said : 1;     /* its end, or the cut */
    bool grace : 1;    /* its alarm is for that */
    bool rearm : 1;    /* its alarm is to be set */
    bool fresh : 1;    /* something was sent since the last ping was due */
};

static inline cstar__live *cstar__sub_live(cstar__sub *sub) {
    return sub->further ? ((cstar__further_sub *)(void *)sub)->live
                        : (cstar__live *)(void *)((char *)sub - offsetof(cstar__live, first));
}

/** Its letters are read, it is in no batch, and nobody needs it. */
void cstar__live_free_if_unused(cstar__live *s);
/** Sends what waits, as far as the client takes it; frees a stream that is over. */
void cstar__live_flush(cstar__live *s);
/** It is sent to when 3, 2 or 1 others were: asks for what that needs, a step at a time, since each
 * step reads what the one before has asked for. Only a hint. */
void cstar__live_fetch(const cstar__live *s, unsigned ahead);
/** A message for it. */
void cstar__live_tell(cstar__live *s, const char *topic, cstar__packet *p);
/** Another has its claim of that generation. NULL does nothing. */
void cstar__live_replace(cstar__live *s, uint64_t generation);
/** It listens now, as its letter was read. */
void cstar__sub_listen(cstar__sub *sub);

/* ---- streams that take gzip (stream_gzip.c); none of it is for others ---- */

/** `p`, a frame of its part, with blocks: made at the first call, and kept in `made`, which the caller
 * unrefs. `p` itself if there is no memory. */
cstar__packet *cstar__sub_gzip_packet(cstar__sub *sub, cstar__packet *p, cstar__packet **made);
/** It leaves its part, which it still has. Any sub. */
void cstar__sub_leave_gzip(cstar__sub *sub);
/** Any stream. */
void cstar__live_gzip_over(cstar__live *s);
/** What waits, as cstar__respond_shared(). CSTAR_ENOMEM, with nothing taken. */
cstar_status cstar__live_gzip_send(cstar__live *s, size_t *taken);
/** One frame. */
cstar_status cstar__live_gzip_send_now(cstar__live *s, cstar__packet *p, size_t *taken);
/** As cstar__respond_write(). May be empty. */
cstar_status cstar__live_gzip_say(cstar__live *s, cstar__exchange *x, cstar_str events);
/** The trailer; as cstar__respond_write(). */
cstar_status cstar__live_gzip_end(cstar__live *s);

struct cstar__shard {
    _Alignas(64) pthread_mutex_t lock;
    cstar__topic **buckets;
    size_t nbuckets, n; /* nbuckets is a power of two, or 0 */
};

/* Rooms that are to be woken once no lock is held. */
typedef struct cstar__wakes {
    uint64_t bits[CSTAR__MAX_ROOMS / 64];
} cstar__wakes;

struct cstar__hub {
    const cstar_allocator *alloc;
    cstar__hub_opts opts;
    cstar__room *rooms;
    struct cstar__shard shards[CSTAR__SHARDS];
    void *mem;             /* what it lies in */
    pthread_mutex_t order; /* of what is kept: ids grow in the order in which letters are put */
    uint64_t last_id;
    unsigned tidied;    /* atomic: shards, so far */
    size_t nkept;       /* atomic: topics that keep something */
    uint64_t forgotten; /* atomic: the newest id that some topic had and nobody has any more */
    size_t waiting;     /* atomic */
    uint64_t published, refused; /* atomic */
};

typedef struct cstar__joining {
    cstar__sub *sub;
    uint64_t last_id; /* that its client has; 0: none, or it does not matter */
    uint64_t seen_id; /* up to which the stream's other topics were asked */
    bool gap;         /* out: some topic has no ring, or has forgotten what was missed */
    uint64_t now_id;  /* out: the hub's last id, of a topic with a ring; else 0 */
    /* takes the reference. @return false: out of memory */
    bool (*missed)(void *arg, cstar__packet *p);
    void *arg;
    bool wake;
} cstar__joining;
/**
 * `sub` listens to that topic from here on. What its client has missed of it, up to `now_id`, is
 * handed to `missed`, and so is what came behind `seen_id` of those that the stream listens to
 * already: letters of these that are under way are to be skipped, by their ids. Else a client that
 * was given the newer ones of one topic would have missed older ones of another, should it be cut
 * off between them. [any thread] CSTAR_ENOMEM.
 */
cstar_status cstar__topic_join(cstar__room *room, cstar_str name, cstar__joining *j);

#endif
