/* h2peer.h -- an HTTP/2 machine with a handler that answers by path, and a client (nghttp2's) that
 * talks to it through memory. What happens is written down as text to compare.
 *
 *     h2peer p;
 *     h2peer_init(&p, cstar_heap(), NULL);
 *     int32_t id = h2peer_get(&p, "/");
 *     h2peer_run(&p);
 *     assert_string_equal(h2peer_answer(&p, id), "200 hello");
 *     h2peer_fini(&p);
 *
 * Paths: /later, /open (started, "one", "two", not ended), /stream (the same, ended), /early (403
 * before the body), /early-file (a source before the body), /mid (answered at the first piece of
 * the body), /echo (the body), /big (300,000 bytes, those of /kept), /no-content, /not-modified,
 * /limit (a body of 10 bytes at most), /odd (odd response fields), /wide (a head too long to send),
 * and those of answerer_respond().
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_H2PEER_H
#define CSTAR_TESTS_H2PEER_H

#ifndef CSTAR_WITH_HTTP2
#define CSTAR_WITH_HTTP2 1
#endif

#if CSTAR_WITH_HTTP2

#include "http/h2.h"
#include "support/answerer.h"

#include <nghttp2/nghttp2.h>

#ifndef H2PEER_STREAMS
#define H2PEER_STREAMS 1200 /* that the client can have in all */
#endif
enum { H2PEER_WAITING = 512, H2PEER_BIG = RIG_FILE };

/* What the client has got on a stream. */
typedef struct h2peer_stream {
    int status, continues; /* continues: 100s */
    bool end, closed;
    uint32_t code; /* of its close */
    cstar_buf body;
    cstar_buf fields; /* "name: value\n" ... */
    cstar_str upload; /* what is left of the request's body; borrowed */
    bool hold;        /* more of it comes later: h2peer_upload() */
} h2peer_stream;

typedef struct h2peer {
    /* server */
    ANSWERER;
    cstar__h2 *machine; /* NULL: out of memory */
    cstar_buf text;
    cstar__exchange *waiting[H2PEER_WAITING]; /* of /later, /open */
    size_t nwaiting;
    size_t broken;
    const char *refusal; /* the last */
    int refusal_status;
    /* client */
    nghttp2_session *session;
    h2peer_stream *streams; /* of id 2 * i + 1 */
    int32_t goaway;         /* its code; -1: none */
    int32_t last_stream;    /* of it */
    size_t goaways, resets;
    uint32_t max_streams; /* of the server's SETTINGS */
    bool deaf;            /* the server's output is not shown to the client */
    bool failed;          /* the client had to complain about the server */
} h2peer;

/** @param limits  NULL: the defaults. */
void h2peer_init(h2peer *p, const cstar_allocator *alloc, const cstar__h2_limits *limits);
/** With a window for each response of `window` bytes. */
void h2peer_init_window(h2peer *p, const cstar_allocator *alloc, const cstar__h2_limits *limits,
                        uint32_t window);
void h2peer_fini(h2peer *p);

/** A request of the client's; its stream. @param body  borrowed; NULL: none. */
int32_t h2peer_request(h2peer *p, const char *method, const char *path, const char *body);
int32_t h2peer_get(h2peer *p, const char *path);
/** Exactly these fields, pseudo fields too: "name", "value", ..., NULL. */
int32_t h2peer_fields(h2peer *p, const char *const *fields, const char *body, size_t body_len);

/** The client has this, too, of a body that it held back; `hold`: and more to come. */
void h2peer_upload(h2peer *p, int32_t id, const char *text, bool hold);

/** Bytes of the client that are ready, appended to `to`. */
void h2peer_take(h2peer *p, cstar_buf *to);
/** Shows the server bytes, and resumes it while it wants that; its output stays in p->out. */
cstar_status h2peer_feed(h2peer *p, const void *ptr, size_t len);
/** Shows the client what is in p->out. */
void h2peer_hear(h2peer *p);
/** Bytes both ways until none are left. */
void h2peer_run(h2peer *p);

/** "200 hello", "200 h...", "reset 7", "nothing". Long bodies: "200 [300000]" if it is /big's. */
const char *h2peer_answer(h2peer *p, int32_t id);
h2peer_stream *h2peer_stream_of(h2peer *p, int32_t id);
/** The events at the server and all answers. */
const char *h2peer_outcome(h2peer *p);
/** Answers all that wait with "later", or ends them. */
void h2peer_finish(h2peer *p);

#endif
#endif
