/* http/h2_parts.h -- the parts of the HTTP/2 machine.
 *
 *     h2_guard.c    looks at every frame head before nghttp2 does; counts what a peer does for free
 *     h2_session.c  what nghttp2 calls back, and the session's options
 *     h2_memory.c   what nghttp2 allocates
 *     h2_head.c     header fields ──▶ cstar__request
 *     h2_answer.c   the operations of an exchange
 *     h2_queue.c    the DATA that waits
 *     h2.c          the entries: bytes in, bytes out, time, the end
 *
 *          feed ─▶ guard ─▶ nghttp2 ─▶ callbacks ─▶ head ─▶ handler ─▶ answer ─▶ nghttp2
 *                                                                                  │
 *          m->out ◀────────────────────────── pump ◀───────────────────────────────┘
 *
 * A stream lives in its exchange's arena, from its first header frame until nghttp2 has closed it;
 * that of a slim exchange beside it, without what belongs to its request.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_H2_PARTS_H
#define CSTAR_HTTP_H2_PARTS_H

#include "http/h2.h"

#if CSTAR_WITH_HTTP2

#include <nghttp2/nghttp2.h>

/* ---- guard ---------------------------------------------------------------------------------- */

/* What one second has brought. */
typedef struct cstar__h2_counts {
    uint32_t resets;   /* RST_STREAM received */
    uint32_t provoked; /* RST_STREAM that the peer made us send */
    uint32_t controls; /* PING, SETTINGS */
    uint32_t empties;
    uint32_t others;
    uint32_t updates;
    uint32_t strays;
} cstar__h2_counts;

typedef struct cstar__h2_guard {
    uint8_t head[9];       /* of a frame, as far as it has come */
    uint8_t have;          /* bytes of it */
    uint8_t preface;       /* bytes of the client preface still to come */
    bool in_block;         /* a header block has begun and not ended */
    bool block_ends;       /* its last frame is under way */
    uint32_t payload;      /* bytes of the frame still to come */
    uint32_t block_bytes;  /* compressed, of the block so far */
    uint32_t block_frames; /* CONTINUATION frames of it */
    uint32_t credit;       /* WINDOW_UPDATE frames that our DATA explains */
    uint64_t block_since;  /* m->now when it began */
    cstar__h2_counts count;
} cstar__h2_guard;

/* ---- streams -------------------------------------------------------------------------------- */

/* DATA on their way. */
typedef struct cstar__h2_out {
    cstar_buf queue; /* DATA from `at` on waits */
    size_t at;
    size_t charged; /* of m->queued: the memory of `queue` */
} cstar__h2_out;

typedef struct cstar__h2_stream {
    cstar__h2 *m;
    cstar__exchange *x;
    struct cstar__h2_stream *prev, *next; /* m->streams */
    union {
        cstar__h2_out *out; /* `own`; of a slim exchange: NULL if nothing waits, else on the heap */
        const cstar__shared *piece; /* if it borrows: all that waits, and held */
    };
    int32_t id;
    uint32_t since;    /* m->now when something last moved, modulo 2^32 */
    uint32_t starved;  /* length of the piece that was refused with CSTAR_EAGAIN; 0: none */
    bool told : 1;     /* on_head was called */
    bool complete : 1; /* END_STREAM has come */
    bool bodiless : 1; /* whatever is written: HEAD, 204, 304 */
    bool streams : 1;  /* the response does: see h2_queue.c */
    bool attached : 1; /* such a one's DATA are in nghttp2's queue */
    bool emptied : 1;  /* ... and have been taken to their end */
    bool ended : 1;    /* nothing will be added to `queue` */
    bool end_sent : 1; /* END_STREAM is out */
    bool reset : 1;    /* our RST_STREAM waits or is out: no other */
    bool closed : 1;   /* on_close was called */
    bool borrows : 1;  /* see above */
    bool rests : 1;    /* answered and closed; the rest of its request is read and dropped */
    /* of the request: what is slim ends here */
    uint64_t began; /* m->now when the head was complete */
    cstar__h2_out own;
    cstar__source *source; /* DATA that is read when its turn comes; NULL: `out` */
    uint32_t dropped;      /* bytes of the rest */
    int refusal;           /* status that the head has earned so far; 0: none */
    const char *why;       /* of it */
    cstar_str method, scheme, path, authority;
    cstar__field *fields;
    uint32_t nfields, fields_cap;
    uint32_t crumbs; /* cookie fields among them */
    bool malformed;  /* the request is to be reset, not answered */
    bool expects;    /* 100-continue */
} cstar__h2_stream;

typedef struct cstar__h2_block cstar__h2_block;

struct cstar__h2 {
    const cstar__env *env;
    const cstar__peer *peer;
    cstar__h2_limits limits; /* with the defaults filled in */
    nghttp2_session *session;
    nghttp2_mem mem;
    cstar__h2_block *blocks; /* all that nghttp2 has allocated, but for */
    uint32_t ncells;         /* what lies in cells */
    cstar_buf *out;
    cstar_buf held; /* input that nobody has looked at */
    cstar__h2_stream *streams;
    uint32_t nstreams;
    uint32_t nrests;      /* of them, that rest */
    uint32_t nstarved;    /* of them, that are starved */
    size_t queued;        /* memory in which their DATA wait */
    uint32_t list_bytes;  /* of the header list under way, decoded */
    uint32_t list_fields; /* of it, but cookie crumbs behind the first */
    cstar__h2_guard guard;
    uint64_t now;          /* of the last tick; 0: none yet */
    uint64_t heard;        /* `now` when the peer last said something */
    uint64_t pinged;       /* when it was asked whether it is there; 0: it need not be */
    size_t unheard;        /* bytes of DATA since it last said something */
    const char *verdict;   /* a limit was passed inside a callback: why */
    bool busy;             /* inside nghttp2 or a handler: nothing recurses */
    bool stuck;            /* the driver has not got rid of earlier output */
    bool dirty;            /* something may be waiting for cstar__h2_resume() */
    bool tripped;          /* terminated for a reason that was reported */
    bool stalled;          /* a stalled stream was reported */
    bool draining, goaway; /* asked for; the last GOAWAY is submitted */
    bool ended;            /* cstar__h2_eof() */
    bool over;             /* no exchange, nothing to send, nothing to read */
    bool cut;
    bool vanished; /* cut for that: nghttp2 was refused nothing */
};

/* ---- guard ---------------------------------------------------------------------------------- */

/**
 * Takes the next piece off the input: of one frame at most.
 * @param show  what nghttp2 is to see of it, if `*why` stays NULL; perhaps nothing yet.
 * @param why   set when the peer has gone too far.
 * @return the piece's length, at least 1 if `len` is.
 */
size_t cstar__h2_guard_next(cstar__h2 *m, const char *ptr, size_t len, cstar_str *show,
                            const char **why);
/** Counts; says so in m->verdict when it is more than `limit`. */
void cstar__h2_count(cstar__h2 *m, uint32_t *counter, uint32_t limit, const char *why);
/** DATA went out: the peer may answer with WINDOW_UPDATE. */
void cstar__h2_guard_sent(cstar__h2 *m, size_t len);

/* ---- session -------------------------------------------------------------------------------- */

/** Makes m->session and submits our SETTINGS. CSTAR_ENOMEM. */
cstar_status cstar__h2_session_open(cstar__h2 *m);
/** Frees m->session, whatever state it is in. */
void cstar__h2_session_close(cstar__h2 *m);
/** m->mem. */
void cstar__h2_memory_init(cstar__h2 *m);
/** Frees all that nghttp2 has left, or was not asked for. */
void cstar__h2_memory_fini(cstar__h2 *m);
/** Tells the log. */
void cstar__h2_report(const cstar__h2 *m, int status, const char *why);
/** Ends the exchange: on_close if it was announced. `s` is gone. */
void cstar__h2_stream_close(cstar__h2_stream *s, bool broken);
/** As of cstar__exchange_ops. */
cstar_status cstar__h2_stream_slim(cstar__exchange *x, cstar__exchange *to);
/** RST_STREAM, once. */
void cstar__h2_stream_reset(cstar__h2_stream *s, uint32_t code);
/** Whether so much waits for the peer that it gets no new streams. */
bool cstar__h2_is_full(const cstar__h2 *m);
/** No new streams; see cstar__h2_drain(). */
void cstar__h2_begin_drain(cstar__h2 *m);

/* ---- head ----------------------------------------------------------------------------------- */

/** One header field. @return false: out of memory. */
bool cstar__h2_head_field(cstar__h2_stream *s, cstar_str name, cstar_str value);
/** Judges the whole head. s->malformed, s->refusal, or the request is good; false: no memory. */
bool cstar__h2_head_end(cstar__h2_stream *s, bool end_stream);

/* ---- answer --------------------------------------------------------------------------------- */

extern const cstar__exchange_ops cstar__h2_ops;

/** The machine's own short page; reported. The exchange (announced or not) is then answered. */
void cstar__h2_refuse(cstar__h2_stream *s, int status, const char *why);
/** 100 (Continue). */
void cstar__h2_continue(cstar__h2_stream *s);

/* ---- queue ---------------------------------------------------------------------------------- */

/** A whole body; copied. CSTAR_ENOMEM. */
cstar_status cstar__h2_queue_body(cstar__h2_stream *s, cstar_str body);
/** The queue of a streamed response begins. */
void cstar__h2_queue_begin(cstar__h2_stream *s);
/** More of it; whole or not at all. CSTAR_EAGAIN (see s->starved), CSTAR_ELIMIT, CSTAR_ENOMEM. */
cstar_status cstar__h2_queue_piece(cstar__h2_stream *s, cstar_str bytes);
/** Likewise. What waits alone is held, instead of copied. */
cstar_status cstar__h2_queue_shared(cstar__h2_stream *s, const cstar__shared *piece);
/** How much of it would be taken. */
size_t cstar__h2_queue_room(const cstar__h2_stream *s);
/** Takes `source` for the whole body. CSTAR_ENOMEM: it was released. */
cstar_status cstar__h2_queue_source(cstar__h2_stream *s, cstar__source *source);
/** Throws away what waits; releases the source. */
void cstar__h2_queue_clear(cstar__h2_stream *s);
/** Nothing is starved any more: it was told, or its response is over. */
void cstar__h2_queue_sated(cstar__h2_stream *s);
/** Whether what was refused of it with CSTAR_EAGAIN would be taken now. */
bool cstar__h2_queue_wakes(const cstar__h2_stream *s);

/** `s`, a slim copy of `from`, gets what waits in that. @return false: out of memory. */
bool cstar__h2_queue_slim(cstar__h2_stream *s, cstar__h2_stream *from);
/** It is not needed, after all: what waits is still where it was. */
void cstar__h2_queue_unslim(cstar__h2_stream *s);
/** How many bytes wait in it, but for a source. */
size_t cstar__h2_queue_waiting(const cstar__h2_stream *s);

/** Whatever waits is to leave. */
void cstar__h2_queue_wake(cstar__h2_stream *s);
/** A frame of DATA has left. */
void cstar__h2_queue_sent(cstar__h2_stream *s);
/** nghttp2 asks for DATA, and has it written. */
ssize_t cstar__h2_read_data(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *user);
int cstar__h2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                        size_t length, nghttp2_data_source *source, void *user);

/** `out` holds as much as it may ahead of the driver, or the driver is stuck. */
bool cstar__h2_crowded(const cstar__h2 *m);
/** Appends to m->out, whole or not at all. */
bool cstar__h2_put(cstar__h2 *m, const void *head, size_t head_len, const char *ptr, size_t len);

#endif

#endif
