/* live/parts.h -- what topics, rooms and streams know of each other. Private to this room of the
 * house.
 *
 *     slot ──▶ topic ──parts[i]──▶ part ──subs──▶ sub ──▶ live
 *                                    ▲                     │
 *              room ──inbox──▶ letter┘                     └─ subs, waiting
 *
 * The part of the first room is in the topic itself, and the pointer to a part's only sub in the part.
 *
 * Whose: a topic, its array of parts and a part's `uses` are guarded by the lock of the topic's table;
 * a part's subs, streams and what hangs on them belong to the room's thread; the inbox has a lock of
 * its own.
 * Locks are taken in this order: order, a table's, an inbox's.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_PARTS_H
#define CSTAR_LIVE_PARTS_H

#include "live/gzip.h"
#include "live/slots.h"
#include "live/stream.h"

#include <pthread.h>

typedef struct cstar__topic cstar__topic;
typedef struct cstar__part cstar__part;
typedef struct cstar__sub cstar__sub;
typedef struct cstar__topics cstar__topics;
typedef struct cstar__joining cstar__joining;

/* ---- topics (topics.c) ----------------------------------------------------------------------- */

/* What a room has of a topic. */
struct cstar__part {
    cstar__topic *topic; /* NULL: of a topic's `own`, which no room has */
    cstar__sub **subs;   /* `only`, or an array of `cap` */
    cstar__sub *only;
    cstar__gzip_part *gzip; /* NULL: nobody takes gzip */
    uint32_t uses;          /* subs, and letters on their way */
    uint32_t nsubs, cap;
    bool busy;  /* being gone through: holes stay */
    bool holes; /* there are NULLs in subs */
};

/* One block, with all that a publication reads side by side: of a million topics most are in no cache.
 * Behind the name: what `parts` points to. */
struct cstar__topic {
    uint64_t hash;
    cstar__part **parts; /* one for each room; NULL: it does not listen */
    cstar__ring *ring;   /* NULL: nothing is kept */
    uint32_t uses;       /* parts, and what is kept; at 0 it goes */
    uint16_t len;        /* of the name */
    bool keeps;          /* the ring has something */
    cstar__part own;     /* of the first room that joins, or of another when that has left */
    char name[];         /* NUL-terminated */
};

/* The topics whose hashes begin alike. */
struct cstar__topics {
    _Alignas(64) pthread_mutex_t lock;
    cstar__slots slots; /* of cstar__topic */
};

/** Of a name; never 0. [any thread] */
uint64_t cstar__topics_hash(const cstar__hub *hub, cstar_str name);
/** Where a topic with that hash is, if there is one. [any thread] */
cstar__topics *cstar__topics_of(cstar__hub *hub, uint64_t hash);
/** What is to be kept of it. [any thread] */
cstar__keep cstar__topics_keep(const cstar__hub *hub, cstar_str name);

/* `in` is locked; and `order` for what is kept. */

/** NULL: there is none. */
cstar__topic *cstar__topics_find(const cstar__topics *in, uint64_t hash, cstar_str name);
/** Made if need be. NULL: out of memory. */
cstar__topic *cstar__topics_add(cstar__hub *hub, uint64_t hash, cstar_str name,
                                const cstar__keep *keep);
/** Takes it out if it has no uses: then it is gone. */
void cstar__topics_drop(cstar__hub *hub, cstar__topic *t);
/** With all that is kept; without a lock. */
void cstar__topics_fini(cstar__hub *hub, cstar__topics *in);
/** Stamps a frame and keeps it. The topic has a ring. */
void cstar__topic_keep(cstar__hub *hub, cstar__topic *t, cstar__packet *p);
/** What is too old goes, if anything is kept. */
void cstar__topic_expire(const cstar__hub *hub, cstar__topic *t);

/* ---- parts (part.c) -------------------------------------------------------------------------- */

/** [topic's lock] That room's, made if need be. NULL: out of memory. */
cstar__part *cstar__part_of(cstar__room *room, cstar__topic *t);
/** [topic's lock] Without uses. Its topic may be without, too, then. */
void cstar__part_free(cstar__room *room, cstar__part *part);
/** Takes a use back; may free the part and its topic. */
void cstar__part_release(cstar__room *room, cstar__part *part);
/** It will be delivered to soon. Only a hint. [any thread that has a use] */
void cstar__part_hint(const cstar__part *part);
/** How many listen, about. [any thread that has a use] */
size_t cstar__part_audience(const cstar__part *part);

/* The rest is for the room's thread. */

/** @return false: out of memory. */
bool cstar__part_enter(cstar__room *room, cstar__part *part, cstar__sub *sub);
/** It has entered; its use stays. */
void cstar__part_leave(cstar__part *part, const cstar__sub *sub);
/** Nobody goes through it any more. */
void cstar__part_fill_holes(cstar__part *part);

typedef enum cstar__sub_kind {
    CSTAR__SUB_FIRST,   /* its stream's, in there */
    CSTAR__SUB_FURTHER, /* a cstar__further_sub */
    CSTAR__SUB_INDEX,   /* none, but what a stream of many is searched by: stream_topics.c */
} cstar__sub_kind;

/* One stream listens to one topic. A byte for each thing that threads share: see stream_topics.c. */
struct cstar__sub {
    cstar__part *part; /* NULL: not in use */
    cstar__sub *next;  /* of its stream */
    uint32_t at;       /* in part->subs */
    bool queued;       /* atomic: nobody has read its letter */
    bool dead;         /* unsubscribed before its letter was read */
    uint8_t kind;      /* cstar__sub_kind */
    bool listens : 1;  /* it is there: its letter was read */
    bool gzip : 1;     /* counted in part->gzip */
    bool stranded : 1; /* its letter was read, and there was no memory for it */
};

typedef struct cstar__further_sub {
    cstar__sub sub;
    cstar__live *live;
    cstar__sub *spare; /* if neither is in use, and its stream has an index: another one */
} cstar__further_sub;

/** Whose it is. */
static inline cstar__live *cstar__sub_live(cstar__sub *sub);

/* ---- rooms ----------------------------------------------------------------------------------- */

typedef enum cstar__letter_kind {
    CSTAR__LETTER_PUBLISHED, /* part, packet */
    CSTAR__LETTER_SENT,      /* address, packet */
    CSTAR__LETTER_REPLACED,  /* address, generation */
    CSTAR__LETTER_LISTEN,    /* sub */
} cstar__letter_kind;

struct cstar__letter {
    cstar__letter *next;
    cstar__room *room; /* where it goes, while it is being posted */
    uint8_t kind;
    cstar__part *part;
    cstar__packet *packet;
    cstar__sub *sub;
    uint64_t address, generation;
    size_t weight;     /* of hub->waiting */
    size_t deliveries; /* of room->deliveries */
};

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
    size_t deliveries; /* atomic: that the letters in it will be, about */
    /* the room's thread */
    cstar__letter *todo;
    cstar__live **dirty; /* streams with frames to be sent at the end of the batch, or over */
    size_t ndirty, cap_dirty;
    bool batching;
    cstar__gzip_room gzip;
};

/** Weighs nothing yet: nobody has counted it. */
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
    bool begun;        /* it has started, or is over; no bit: its starter looks at it, too */
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
    bool starting : 1; /* it is given what came before its start, which counts for no budget */
};

static inline cstar__live *cstar__sub_live(cstar__sub *sub) {
    return sub->kind == CSTAR__SUB_FURTHER
               ? ((cstar__further_sub *)(void *)sub)->live
               : (cstar__live *)(void *)((char *)sub - offsetof(cstar__live, first));
}

/** Its letters are read, it is in no batch, and nobody needs it. */
void cstar__live_free_if_unused(cstar__live *s);
/** Sends what waits, as far as the client takes it; frees a stream that is over. */
void cstar__live_flush(cstar__live *s);
/** It is sent to when 3, 2 or 1 others were: asks for what that needs, a step at a time, since each
 * step reads what the one before has asked for. Only a hint. */
void cstar__live_fetch(const cstar__live *s, unsigned ahead);
/** A frame or a message of that topic ("": for it alone). */
void cstar__live_hear(cstar__live *s, const char *topic, cstar__packet *p);
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

/* Rooms that are to be woken once no lock is held. */
typedef struct cstar__wakes {
    uint64_t bits[CSTAR__MAX_ROOMS / 64];
} cstar__wakes;

struct cstar__hub {
    const cstar_allocator *alloc;
    cstar__hub_opts opts;
    cstar__room *rooms;
    cstar__topics topics[CSTAR__SHARDS];
    void *mem;             /* what it lies in */
    pthread_mutex_t order; /* of what is kept: ids grow in the order in which letters are put */
    uint64_t last_id;
    unsigned tidied;    /* atomic: shards, so far */
    size_t nkept;       /* atomic: topics that keep something */
    uint64_t forgotten; /* atomic: the newest id that some topic had and nobody has any more */
    size_t waiting;     /* atomic */
    uint64_t published, refused; /* atomic */
};

struct cstar__joining {
    cstar__sub *sub;
    uint64_t last_id;         /* that its client has; 0: none, or it does not matter */
    uint64_t seen_id;         /* up to which the stream's other topics were asked */
    bool gap;                 /* out: some topic has no ring, or has forgotten what was missed */
    uint64_t now_id;          /* out: the hub's last id, of a topic with a ring; else 0 */
    const cstar__topic *from; /* what is handed over is of that one */
    /* takes the reference. @return false: out of memory */
    bool (*missed)(const cstar__joining *j, cstar__packet *p);
    bool wake;
};
/**
 * `sub` listens to that topic from here on. What its client has missed of it, up to `now_id`, is
 * handed to `missed`, and so is what came behind `seen_id` of those that the stream listens to
 * already: letters of these that are under way are to be skipped, by their ids. Else a client that
 * was given the newer ones of one topic would have missed older ones of another, should it be cut
 * off between them. [any thread] CSTAR_ENOMEM.
 */
cstar_status cstar__topic_join(cstar__room *room, cstar_str name, cstar__joining *j);

#endif
