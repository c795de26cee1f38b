/* http/h1.h -- HTTP/1.1 (RFC 9110, RFC 9112), server side, as a byte machine: feed bytes, get
 * handler calls; take bytes.
 *
 *     cstar__h1_feed(&m, data, len);     // calls the handler for everything that is complete
 *     write(fd, out.ptr, out.len); cstar_buf_reset(&out);
 *     if (cstar__h1_done(&m)) close(fd);
 *
 *            ┌────── idle ◀───────────────┐
 *            ▼                            │ response and request both complete
 *     request line ▶ fields ▶ body ▶ answered
 *            └──▶ refused (error status, close) ──▶ done
 *
 * Invariants: 1. requests are answered in order, one at a time; bytes of later ones wait (at most
 * `max_pending` of them, then reading stops: cstar__h1_wants_input()). 2. A head is bounded in line
 * length, field count and bytes before it is stored. 3. Where the framing can't be trusted the
 * connection is closed behind the error response. 4. Nothing lenient: no bare CR or LF, no
 * obs-fold, no white space before the colon, no Transfer-Encoding with Content-Length, no coding
 * but exactly "chunked", exactly one Host in HTTP/1.1, no NUL.
 * 5. No memory of its own while idle: input is read from the caller's buffer, output is written to
 * the caller's.
 *
 * Memory: a machine is small and lives in the caller's memory. An incomplete head or chunk line is
 * kept in `held` until its rest arrives. Output goes to `out`, a buffer that the driver lends
 * (several machines of one loop may share one: the driver empties it, or takes it over, before it
 * feeds the next machine).
 * Threads: one loop.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_H1_H
#define CSTAR_HTTP_H1_H

#include "http/env.h"

typedef enum cstar__h1_state {
    CSTAR__H1_IDLE, /* between requests: nothing of the next one has come */
    CSTAR__H1_LINE, /* in a request line (or the empty line that may precede it) */
    CSTAR__H1_FIELDS,
    CSTAR__H1_BODY, /* Content-Length */
    CSTAR__H1_CHUNK_LINE,
    CSTAR__H1_CHUNK_DATA,
    CSTAR__H1_CHUNK_END, /* the CRLF behind a chunk */
    CSTAR__H1_TRAILER,
    CSTAR__H1_ANSWERING, /* the request is complete, its response is not */
    CSTAR__H1_CLOSING,   /* nothing more is read; close when the output is out */
} cstar__h1_state;

/* Where the search for the end of a head stands. Offsets are from the first byte of the request
 * line. */
typedef struct cstar__h1_scan {
    uint32_t seen;  /* how much was searched */
    uint32_t line;  /* where the present line starts */
    uint32_t first; /* length of the request line, once complete */
    uint32_t lines; /* how many are complete */
} cstar__h1_scan;

/* Bytes on the heap. */
typedef struct cstar__h1_held {
    char *ptr; /* NULL: none */
    uint32_t len, cap;
} cstar__h1_held;

typedef struct cstar__h1 { /* private but for its size and `cut` */
    const cstar__env *env;
    cstar_buf *out;          /* lent by the driver */
    const cstar__peer *peer; /* never NULL */
    /* the exchange under way, or NULL (also while the rest of a refused body is read) */
    cstar__exchange *x;
    /* input that waits: an incomplete head or line, or (`queued`) input that was not looked at
     * yet */
    cstar__h1_held held;
    uint64_t body_left;  /* of Content-Length, or of the chunk, or of the CRLF behind the chunk */
    cstar__h1_scan scan; /* of the head */
    size_t trailer_seen; /* bytes */
    uint64_t body_seen;  /* bytes of the present request's body, dropped ones too */
    /* the body of the answer under way, as far as it is not in `out`; NULL: none. In the exchange's
     * arena */
    cstar__source *source;
    size_t ahead;     /* bytes of a streamed response written since `out` was last seen empty */
    uint32_t heads;   /* complete ones so far; wraps */
    uint32_t held_at; /* where the unread part of a queue starts */
    uint8_t state;    /* cstar__h1_state */
    /* inside a handler call or the loop that makes them: exchanges end later, nothing recurses */
    bool feeding;
    bool queued;        /* `held` is whole requests, see there */
    bool keep_alive;    /* after this exchange */
    bool chunked;       /* the response is */
    bool bodiless;      /* the response has no body whatever is written: HEAD, 204, 304 */
    bool want_continue; /* 100-continue was asked for and not sent */
    bool blank;         /* the one empty line allowed before a request line has come */
    bool draining;      /* cstar__h1_drain() */
    bool ended;         /* cstar__h1_eof() */
    bool starved;       /* a piece was refused with CSTAR_EAGAIN */
    bool sends_files;   /* the driver does: see cstar__h1_file() */
    bool cut;           /* aborted: close without flushing */
} cstar__h1;

/** @param peer  borrowed for the machine's life; NULL: nobody in particular.
 * @param out  where responses go; see cstar__h1_lend(). */
void cstar__h1_init(cstar__h1 *m, const cstar__env *env, const cstar__peer *peer, cstar_buf *out);
/** Ends an exchange under way (on_close with x->broken). Accepts a machine that never was fed. */
void cstar__h1_fini(cstar__h1 *m);

/** Output goes to `out` from now on. What an earlier one holds is the driver's. */
void cstar__h1_lend(cstar__h1 *m, cstar_buf *out);

/** Takes all `len` bytes (borrowed for the call), calling the handler as requests become complete.
 * Answers errors itself.
 * @return CSTAR_OK; CSTAR_ENOMEM the machine is now closing. */
cstar_status cstar__h1_feed(cstar__h1 *m, const char *ptr, size_t len);
/** Goes on with what waited: input, for a response which was given later (x->later), or because
 * `out` held 256 KiB (or half its limit); the body of a source; a streamed response that was told
 * CSTAR_EAGAIN (on_wake). Called by the driver when it may, that is whenever the peer has taken all
 * output and when a later response is complete; does nothing in vain. */
cstar_status cstar__h1_resume(cstar__h1 *m);
/** Whether cstar__h1_resume() would do something now. */
bool cstar__h1_wants_resume(const cstar__h1 *m);

/**
 * Whether the rest of the answer under way is a part of a file which the driver may send from its
 * descriptor: m->sends_files is set, and all that comes before was taken from `out`. Then
 * cstar__h1_wants_resume() is false.
 */
bool cstar__h1_file(const cstar__h1 *m, int *fd, uint64_t *at, uint64_t *left);
/** The peer has got `n` bytes of it, at most `left`. With the last one the exchange ends. A file
 * that is shorter than it was said to be: close the connection. */
void cstar__h1_file_sent(cstar__h1 *m, uint64_t n);

/** on_wake for `x`, which is this machine's, as cstar__h1_resume() would call it: for an alarm. */
void cstar__h1_wake(cstar__h1 *m, cstar__exchange *x);

/** The peer will send no more. A request cut short is dropped; a response under way goes on, and
 * requests that wait are answered. */
void cstar__h1_eof(cstar__h1 *m);
/** The driver's clock ran out: 408 if a request has begun but is not complete; closing in any case.
 * A response under way is cut. */
void cstar__h1_timeout(cstar__h1 *m);
/** No further request after the one under way, which is told if it streams (on_drain); an idle machine
 * closes at once. */
void cstar__h1_drain(cstar__h1 *m);

/** Bytes of the present request's body that have come so far; 0 while none is being read. */
uint64_t cstar__h1_body_seen(const cstar__h1 *m);
/** Whether the driver should read more. False while closing and while `held` is at its limit. */
bool cstar__h1_wants_input(const cstar__h1 *m);
/** Nothing under way and nothing held: the connection is idle keep-alive. */
bool cstar__h1_idle(const cstar__h1 *m);
/** True once no more output will come: close the connection when `out` has been sent (or at once if
 * m->cut). To close so that the peer can read the answer to a request whose body it is still
 * sending: shut down the sending side, read and drop what comes until its end or for two seconds,
 * then close; with unread input a plain close() makes a reset of it. */
bool cstar__h1_done(const cstar__h1 *m);

#endif
