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

#include "cstar/base.h"

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
} cstar__handler;

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
} cstar__exchange_ops;

struct cstar__exchange {
    const cstar__exchange_ops *ops;
    void *machine; /* its cstar__h1 */
    void *user;    /* the upper floor's own */
    cstar__request request;
    cstar_arena arena; /* memory of this exchange, for both floors; emptied when it is over */
    size_t max_body;   /* set in on_head; bytes */
    size_t body_seen;  /* bytes handed to on_body */
    bool later;        /* set in on_end: the response comes after it returned */
    bool secure;       /* it came by TLS */
    bool broken;       /* the connection or the request is gone: responses are CSTAR_ECLOSED */
    bool close;        /* set by either floor: close the connection behind this response */
    /* HTTP/1.1: say "Connection: keep-alive" if it is kept (event streams do) */
    bool say_keep_alive;
    cstar__response_state state;
    int status;            /* of the response; 0 before */
    uint64_t sent;         /* body bytes of the response so far */
    cstar__exchange *next; /* of its pool or machine */
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
 * CSTAR_ENOMEM; CSTAR_EAGAIN the machine's output is at its limit, send some of it first;
 * CSTAR_ELIMIT the piece alone is over it. On an error nothing was written and the response goes
 * on. */
cstar_status cstar__respond_write(cstar__exchange *x, cstar_str bytes);
/** Its clean end. Where that does not fit (CSTAR_ENOMEM, CSTAR_ELIMIT) the connection is cut: no
 * request hangs. Writes leave room for the end. */
cstar_status cstar__respond_end(cstar__exchange *x);
/** Its unclean end: the connection is cut, so that the client sees a failure. */
void cstar__respond_abort(cstar__exchange *x);

/* Exchanges for reuse; one pool per loop. */
typedef struct cstar__exchange_pool {
    const cstar_allocator *alloc;
    cstar__exchange *free;
    size_t nfree, max_free; /* more than max_free are freed; 0: 64 */
    size_t keep_bytes;      /* of arena each keeps; 0: 16 KiB */
    size_t arena_limit;     /* 0: 16 MiB */
} cstar__exchange_pool;

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

#endif
