/* soak-client/stream.h -- one connection with one live stream: opened, read, left in several ways.
 *
 *     IDLE ─stream_open()▶ CONNECTING ─sent▶ BEGINNING ─head▶ LIVE ─┬─stream_leave()▶ LEFT, IDLE
 *                                                                   └─the server▶ over(), IDLE
 *
 * What is published is checked by its book (mark.h) as it comes. A slow stream reads when
 * stream_sip() is called, a stalled one never.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SOAK_STREAM_H
#define SOAK_STREAM_H

#include "loop.h"
#include "mark.h"
#include "reader.h"

typedef enum stream_state {
    STREAM_IDLE,
    STREAM_CONNECTING,
    STREAM_BEGINNING,
    STREAM_LIVE,
    STREAM_LEFT, /* half-closed: what comes is still read */
} stream_state;

typedef enum stream_habit { STREAM_READS, STREAM_SIPS, STREAM_STALLS } stream_habit;

typedef enum stream_way { STREAM_CLOSE, STREAM_RESET, STREAM_HALF_CLOSE } stream_way;

typedef struct stream stream;

typedef struct stream_ops { /* each may be NULL */
    void (*begun)(stream *s);
    void (*data)(stream *s, const char *text, size_t len);
    void (*marked)(stream *s, const mark *m);
    void (*over)(stream *s, bool clean); /* the server has ended it; or it had been left */
} stream_ops;

struct stream {
    watcher w; /* first */
    loop *l;
    const stream_ops *ops;
    void *owner;
    stream_state state;
    stream_habit habit;
    reader r;
    book b;
    bool has_mark;
    mark m;
    char request[640];
    uint64_t events, bytes;
};

/** Once, before all else. */
void stream_init(stream *s, loop *l, const stream_ops *ops, void *owner);
/** Not from inside a callback. `request` is set, and stays. */
void stream_open(stream *s);
void stream_leave(stream *s, stream_way way);
/** Of one that sips: reads so many bytes. */
void stream_sip(stream *s, size_t bytes);
/** From now on it reads all that comes. */
void stream_drink(stream *s);
void stream_free(stream *s);

#endif
