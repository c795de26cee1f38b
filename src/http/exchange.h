/* http/exchange.h -- one request and its response, whatever the protocol that carries them.
 *
 *     net ──bytes──▶ h1 (or h2) ──cstar__handler──▶ web
 *     net ◀──bytes── h1 (or h2) ◀──cstar__respond_*── web
 *
 * Life: an exchange belongs to its connection's machine, from on_head until on_close, which is
 * called exactly once for every on_head, last. Everything reached from it (request views, arena) is
 * valid until on_close returns. Then the object goes back to its pool with its memory, so that a
 * steady stream of requests allocates nothing.
 * Threads: the loop thread of its connection. No sockets, no loop, no Datastar here.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_EXCHANGE_H
#define CSTAR_HTTP_EXCHANGE_H

#include "base/fetch.h"
#include "http/cells.h"
#include "http/ip.h"
#include "http/stats.h"

typedef enum cstar__method {
    CSTAR__GET,
    CSTAR__HEAD,
    CSTAR__POST,
    CSTAR__PUT,
    CSTAR__PATCH,
    CSTAR__DELETE,
    CSTAR__OPTIONS,
    CSTAR__METHODS, /* how many */
} cstar__method;

/** "GET"; static. */
const char *cstar__method_name(cstar__method m);

typedef struct cstar__field {
    cstar_str name; /* lower case in requests */
    cstar_str value;
} cstar__field;

typedef struct cstar__request {
    cstar__method method;
    int minor;           /* HTTP/1.minor; 2 for HTTP/2 */
    cstar_str target;    /* as it came */
    cstar_str path;      /* raw, not decoded; starts with '/', or "*" for OPTIONS */
    cstar_str query;     /* raw, without '?'; absent when there is none */
    cstar_str authority; /* Host, or of the absolute target; may be empty on HTTP/1.0 */
    const cstar__field *fields;
    size_t nfields;
    int64_t content_length; /* -1: not known before its end (chunked); 0 without a body */
} cstar__request;

/** The first field of that (lower-case) name; the absent view if there is none. */
cstar_str cstar__request_field(const cstar__request *r, const char *name);

typedef struct cstar__exchange cstar__exchange;
typedef struct cstar__exchange_pool cstar__exchange_pool;

/* What the upper floor gives to a machine. Called on the loop thread. From inside any of them the
 * exchange may be answered, and the machine must not be freed. */
typedef struct cstar__handler {
    void *ctx; /* of the upper floor; machines pass it back */
    /* The head is complete; nothing of the body was read. To refuse the body, answer at once. To
     * accept it set x->max_body (a longer one is answered 413 by the machine). Not called for heads
     * that the machine refuses itself. */
    void (*on_head)(void *ctx, cstar__exchange *x);
    /* A piece of the body, borrowed for the call. Not called once the response has begun. */
    void (*on_body)(void *ctx, cstar__exchange *x, const char *ptr, size_t len);
    /* The request is complete. Answer now or, with x->later set, at any time before on_close. An
     * exchange that returns from here with neither is answered 500. Not called if the response
     * began before. */
    void (*on_end)(void *ctx, cstar__exchange *x);
    /* The exchange is over: its response was handed over whole, or (x->broken) the connection is
     * gone or the machine had to answer a bad body itself (x->status). Never called from inside
     * another handler call of the same machine. For a response that is completed outside of one,
     * HTTP/1.1 calls it before cstar__respond...() returns, HTTP/2 when the last byte has left: do
     * not touch the exchange after its completion. */
    void (*on_close)(void *ctx, cstar__exchange *x);
    /* A request that the machine itself answers with an error, for the log; may be NULL. May come
     * from inside cstar__respond(), for a response that does not fit; nothing may be called from
     * it. */
    void (*on_refuse)(void *ctx, int status, const char *why);
    /* A streamed response has room again after CSTAR_EAGAIN, or its alarm has gone off; may be
     * NULL. Spurious calls are possible. Responding from inside is allowed, and ends the exchange
     * only behind it. */
    void (*on_wake)(void *ctx, cstar__exchange *x);
    /* The connection is asked to end, and `x` is a streamed response under way: end it soon, or it
     * is cut. Once for an exchange; may be NULL. Not for a response that begins to stream later:
     * who starts one looks whether the server drains. Responding is as in on_wake. */
    void (*on_drain)(void *ctx, cstar__exchange *x);
} cstar__handler;

/* ---- the connection below -------------------------------------------------------------------- */

/* Who is at the other end, and how it came. Lives as long as the connection; the driver's. */
typedef struct cstar__peer {
    void *link;   /* the driver's connection, for cstar__driver; NULL: none */
    cstar__ip ip; /* all zero on a Unix socket */
    uint16_t port;
    bool local;      /* a Unix socket */
    bool secure;     /* TLS */
    bool redirect;   /* its listener only sends people to https */
    uint64_t serial; /* of the connection; no two of a process are the same */
    unsigned worker; /* whose thread the connection lives on; 0 without a server */
} cstar__peer;

/* No address, no TLS: what a machine without a peer says. */
extern const cstar__peer cstar__nobody;

typedef struct cstar__work cstar__work;
/* Work for a thread of the pool; in the caller's memory until `done` has been called. */
struct cstar__work {
    void (*run)(cstar__work *w);  /* on a pool thread */
    void (*done)(cstar__work *w); /* afterwards, on the loop thread that queued it */
    void *inner;                  /* the driver's */
};

/* What the floor below does for an exchange. All on the loop thread; `link` is the connection's. */
typedef struct cstar__driver {
    /* A machine is about to write to its `out`, or to queue frames for its next resume, outside of
     * an entry that the driver called: the driver makes sure that `out` is empty or this
     * connection's, and soon sends it, resumes the machine and looks whether it is done or cut.
     * Must not end an exchange of this connection. May come while the driver is inside an entry of
     * another connection. */
    void (*claim)(void *link);
    /* on_wake for `x` after `ms` milliseconds (0: soon), unless it is over by then. One per
     * exchange: a further call replaces it. CSTAR_ENOMEM. */
    cstar_status (*alarm)(void *link, cstar__exchange *x, uint64_t ms);
    /* CSTAR_ELIMIT: the queue is full; CSTAR_ENOMEM. Then neither callback is called. */
    cstar_status (*work)(void *link, cstar__work *w);
    /* An exchange with an alarm (x->alarm) is over: it is not to be woken. */
    void (*over)(void *link, cstar__exchange *x);
    /* An exchange with an alarm lies at `x` now. NULL: none may move. */
    void (*moved)(void *link, cstar__exchange *x);
    /* Sends `pieces`, at most CSTAR__SEND_MOST, past the machine and at once, but only if nothing
     * of this connection waits anywhere. Calls no handler and changes nothing else. NULL: it never
     * may. @return how many bytes were taken; 0: it may not (it is encrypted, something waits, it is
     * inside an entry), or the socket is full; negative: it is broken, and is closed soon. */
    ptrdiff_t (*send)(void *link, const cstar_str *pieces, size_t n);
    /* Whether the peer's machine owes an acknowledgement, and has sent none for `ms` milliseconds.
     * false also if that can't be known. NULL: it never can. */
    bool (*vanished)(void *link, unsigned ms);
} cstar__driver;

enum { CSTAR__SEND_MOST = 64 };

/* ---- bodies that are not in a buffer --------------------------------------------------------- */

/* A response body of known length that is read as the peer takes it: a part of a file, or memory
 * that somebody keeps. This room does no I/O: a file is read by a callback, or by a driver that
 * sends from its descriptor. */
typedef struct cstar__source {
    const char *ptr; /* memory; NULL: a file */
    int fd;          /* of the file, for the driver; -1: it has none */
    /* Reads up to `len` bytes from `at` on. @return how many; 0 or negative: there is no more. */
    ptrdiff_t (*read)(void *arg, char *ptr, size_t len, uint64_t at);
    /* called once, when the body has left or the exchange ends; NULL: nothing to do */
    void (*release)(void *arg);
    void *arg;     /* of both */
    uint64_t at;   /* where it begins in the file or behind `ptr`; moves on as it is sent */
    uint64_t left; /* bytes to send */
} cstar__source;

/* A piece of streamed responses that many of them share. Never empty. */
typedef struct cstar__shared cstar__shared;
struct cstar__shared {
    cstar_str chunk; /* a whole HTTP/1.1 chunk: size line without extensions, content, CRLF */
    cstar_str bytes; /* its content, inside of it */
    /* It is to stay, with its bytes, or need not any more: once each. NULL: it does not stay. [any
     * thread] */
    void (*hold)(const cstar__shared *piece, bool stays);
};

typedef enum cstar__response_state {
    CSTAR__RESPONSE_NONE,
    CSTAR__RESPONSE_STREAMING, /* started, not ended */
    CSTAR__RESPONSE_DONE,
} cstar__response_state;

/* How a protocol writes a response; see cstar__respond() and friends for what each must do. */
typedef struct cstar__exchange_ops {
    cstar_status (*respond)(cstar__exchange *x, int status, const cstar__field *fields,
                            size_t nfields, cstar_str body);
    cstar_status (*start)(cstar__exchange *x, int status, const cstar__field *fields,
                          size_t nfields);
    cstar_status (*write)(cstar__exchange *x, cstar_str bytes);
    cstar_status (*end)(cstar__exchange *x);
    void (*abort)(cstar__exchange *x);
    /* takes `source`, also on failure: nothing of `x` may be needed for its release behind the end
     * of the exchange */
    cstar_status (*respond_from)(cstar__exchange *x, int status, const cstar__field *fields,
                                 size_t nfields, cstar__source *source);
    size_t (*room)(const cstar__exchange *x);
    cstar_status (*write_shared)(cstar__exchange *x, const cstar__shared *const *pieces, size_t n,
                                 size_t *taken);
    /* It lies at `to` from now on, copied up to its request; the arena of `x` is about to go.
     * CSTAR_ENOMEM: nothing has changed. NULL: it never can. */
    cstar_status (*slim)(cstar__exchange *x, cstar__exchange *to);
    bool beside; /* slim() needs CSTAR__SLIM_BESIDE bytes behind `to`; they go with it */
} cstar__exchange_ops;

/* Loop thread only, but for what the upper floor keeps to itself while a handler runs elsewhere. What is
 * slim ends in the middle, so everything that an idle stream needs comes first, and nothing else. */
struct cstar__exchange {
    const cstar__exchange_ops *ops;
    void *machine;              /* its cstar__h1 or cstar__h2_stream */
    void *user;                 /* the upper floor's own */
    const cstar__peer *peer;    /* never NULL */
    cstar__exchange_pool *pool; /* where it came from: what it shares with all of its loop */
    uint64_t sent;              /* body bytes of the response so far */
    uint32_t alarm;             /* the driver's; 0: none is set */
    uint16_t status;            /* of the response; 0 before */
    bool broken;        /* the connection or the request is gone: responses are CSTAR_ECLOSED */
    unsigned state : 2; /* cstar__response_state */
    bool close : 1;     /* set by either floor: close the connection behind this response */
    bool drained : 1;   /* on_drain was called */
    bool slim : 1;      /* it ends here: see cstar__exchange_slim() */
    /* Set before the end of a streamed response: on_close comes only when the driver has got rid of
     * its last byte (HTTP/2: when that has left the machine), and until then it can be cut. */
    bool lingers : 1;
    cstar__request request;
    cstar_arena arena; /* memory of this exchange, for both floors; emptied when it is over */
    uint64_t began;    /* nanoseconds, any clock: the upper floor's */
    size_t max_body;   /* set in on_head; bytes */
    size_t body_seen;  /* bytes handed to on_body */
    bool held, closed; /* see cstar__exchange_hold(); given back while held */
    bool later;        /* set in on_end: the response comes after it returned */
    /* HTTP/1.1: say "Connection: keep-alive" if it is kept (event streams do) */
    bool say_keep_alive;
    cstar__exchange *next; /* of its pool or machine */
};

enum {
    CSTAR__EXCHANGE_SLIM = offsetof(cstar__exchange, request), /* bytes of a slim one */
    CSTAR__SLIM_BESIDE = 56,                                   /* bytes that HTTP/2 has behind it */
};

/**
 * The whole response in one go, with Content-Length. HEAD and 204/304 send no body. The machine
 * adds Date, Content-Length or Transfer-Encoding and Connection itself; these and "upgrade",
 * "keep-alive", "trailer", "te" must not be among `fields`.
 * @return CSTAR_ECLOSED the peer is gone; CSTAR_ESTATE a response has begun; CSTAR_EINVAL a bad
 *         status (100-599 but 1xx), a field name that is no token, a value with CR, LF or NUL, or a
 *         field that is the machine's: nothing was written, answer again. CSTAR_ENOMEM,
 *         CSTAR_ELIMIT it does not fit into the machine's output: the machine has answered 500, or
 *         cut the connection where not even that fits; the response is over.
 * Outside of a handler call (x->later) `x` may be gone when the response is complete: see on_close.
 */
cstar_status cstar__respond(cstar__exchange *x, int status, const cstar__field *fields,
                            size_t nfields, cstar_str body);
/** A response whose length is not known: chunked on HTTP/1.1, until close on 1.0. Same errors. */
cstar_status cstar__respond_start(cstar__exchange *x, int status, const cstar__field *fields,
                                  size_t nfields);
/** A piece of it; copied. Empty pieces write nothing. CSTAR_ESTATE not started; CSTAR_ECLOSED;
 * CSTAR_ENOMEM; CSTAR_EAGAIN more waits than may (256 KiB on HTTP/1.1), on_wake says when to go on;
 * CSTAR_ELIMIT the piece alone can never be taken. While nothing waits, a piece up to the output's
 * own limit is taken. On an error nothing was written and the response goes on. */
cstar_status cstar__respond_write(cstar__exchange *x, cstar_str bytes);
/**
 * Pieces of it that many responses share, as many as it may take, in order. They are borrowed for
 * the call: HTTP/1.1 in the clear sends them straight from where they are while nothing waits in
 * the connection, and else stores one of them at most; inside of a handler call of its machine, and
 * over TLS, they are copied as by cstar__respond_write(). HTTP/2 holds one that waits alone in its
 * stream, and copies others.
 * @param taken  gets how many; also on an error.
 * @return CSTAR_OK all; CSTAR_EAGAIN not all, on_wake says when to go on; CSTAR_ESTATE not started;
 *         CSTAR_ECLOSED the connection is gone, or was found broken now: on_close comes later, not
 *         from inside; CSTAR_ENOMEM, CSTAR_ELIMIT of the first that was not taken, as
 *         cstar__respond_write().
 */
cstar_status cstar__respond_shared(cstar__exchange *x, const cstar__shared *const *pieces, size_t n,
                                   size_t *taken);
/* Before cstar__respond_shared() to many: their memory is on its way while others are sent to. Each
 * step needs what the one before it has fetched. */

enum {
    CSTAR__FETCH_MACHINE = 192,   /* bytes; of a machine, or as much of it as is looked at */
    CSTAR__FETCH_CONNECTION = 96, /* from a connection's peer on: what its driver looks at */
};

/** The exchange. */
static inline void cstar__exchange_fetch(const cstar__exchange *x) {
    cstar__fetch(x, CSTAR__EXCHANGE_SLIM); /* what it has, slim or not */
}
/** Its machine, and what the driver keeps of the connection, as far as it lies behind the peer. */
static inline void cstar__exchange_fetch_below(const cstar__exchange *x) {
    cstar__fetch(x->machine, CSTAR__FETCH_MACHINE);
    cstar__fetch(x->peer, CSTAR__FETCH_CONNECTION);
}

/** Its clean end. Where that does not fit (CSTAR_ENOMEM, CSTAR_ELIMIT) the connection is cut: no
 * request hangs. Writes leave room for the end. */
cstar_status cstar__respond_end(cstar__exchange *x);
/** Its unclean end: the connection is cut, so that the client sees a failure. Behind the response's
 * end it does nothing, unless that lingers (x->lingers). */
void cstar__respond_abort(cstar__exchange *x);

/**
 * The whole response, its body from a file or from kept memory: read as the peer takes it, with
 * Content-Length. Takes `source`, also on failure. Errors of cstar__respond(). A file that turns out
 * shorter cuts the response (x->broken).
 */
cstar_status cstar__respond_from(cstar__exchange *x, int status, const cstar__field *fields,
                                 size_t nfields, const cstar__source *source);
/** Bytes that cstar__respond_write() takes now (one piece of more may be taken while nothing waits);
 * what it refuses with CSTAR_EAGAIN makes the machine call on_wake once at least half is free and
 * the piece fits. 0: none, or nothing is being streamed. */
size_t cstar__respond_room(const cstar__exchange *x);
/** Calls release, once. */
void cstar__source_release(cstar__source *s);
/** Copies up to `len` of its bytes and moves on. @return how many; 0: it is shorter than it was
 * said to be, or at its end. */
size_t cstar__source_take(cstar__source *s, char *ptr, size_t len);

/** See cstar__driver. CSTAR_ENOTSUP: there is no driver (a test); CSTAR_ECLOSED the exchange is over
 * and only held. */
cstar_status cstar__exchange_alarm(cstar__exchange *x, uint64_t ms);
cstar_status cstar__exchange_work(cstar__exchange *x, cstar__work *w);
/** See cstar__driver. false without one that can know it. */
bool cstar__exchange_vanished(const cstar__exchange *x, unsigned ms);

/** Its memory stays beyond on_close, until it is let go of: for work that goes on in a pool thread
 * although the peer has left. Behind on_close it has no connection any more: x->peer is nobody,
 * and responses are CSTAR_ECLOSED. The pool must outlive it. Loop thread. */
void cstar__exchange_hold(cstar__exchange *x);
/** Frees it if on_close was called already. */
void cstar__exchange_let_go(cstar__exchange *x);

/**
 * For a streamed response that may last for hours: `x` gives back its request and its arena, with
 * all that was allocated there, and what is left moves to a block of about 100 bytes. The last that
 * the caller does with `x`: no view of it is valid any more, but for the return value. Only the
 * handler's on_wake, on_drain and on_close are called with that. From on_end, or outside of handler
 * calls; not while it is held.
 * @return the exchange from now on; `x`, unchanged, if there was no memory.
 */
cstar__exchange *cstar__exchange_slim(cstar__exchange *x);

/** What HTTP/2 has behind a slim one. */
static inline void *cstar__exchange_beside(cstar__exchange *x) {
    return (char *)x + CSTAR__EXCHANGE_SLIM;
}

/* Exchanges for reuse; one pool per loop. */
struct cstar__exchange_pool {
    const cstar_allocator *alloc;
    cstar__exchange *free;
    size_t nfree, max_free;      /* more than max_free are freed; 0: 64 */
    size_t keep_bytes;           /* of arena each keeps; 0: 16 KiB */
    size_t arena_limit;          /* 0: 16 MiB */
    cstar__stats stats;          /* of the loop */
    const cstar__driver *driver; /* the machines': NULL: nobody below but a test */
    cstar__cells slim, wide;     /* slim exchanges, without and with something beside */
    cstar__cells nghttp2[2];     /* HTTP/2's, from its first session on: see h2_memory.c */
};

/** Of its loop. */
static inline cstar__stats *cstar__exchange_stats(const cstar__exchange *x) {
    return &x->pool->stats;
}
/** NULL: there is none. */
static inline const cstar__driver *cstar__exchange_driver(const cstar__exchange *x) {
    return x->pool->driver;
}

void cstar__exchange_pool_init(cstar__exchange_pool *p, const cstar_allocator *alloc);
void cstar__exchange_pool_fini(cstar__exchange_pool *p);
/** NULL when out of memory. */
cstar__exchange *cstar__exchange_take(cstar__exchange_pool *p);
void cstar__exchange_give(cstar__exchange_pool *p, cstar__exchange *x);

/** The standard text: "Not Found"; "" for unknown. */
const char *cstar__reason(int status);

/** Whether `name` is a token and `value` can stand in a header (no CR, LF, NUL or other control but
 * HTAB; RFC 9110 5.5). */
bool cstar__field_ok(cstar_str name, cstar_str value);

/**
 * The last query parameter of that name, percent-decoded with '+' as space.
 * @param out  gets the decoded value. @return false: there is none (`out` unchanged).
 */
bool cstar__query_last(cstar_str query, cstar_str name, cstar_buf *out);
/** The same of the only one: nothing, too, if there are two of that name. */
bool cstar__query_only(cstar_str query, cstar_str name, cstar_buf *out);

#endif
