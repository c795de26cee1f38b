/* http/h1_parts.h -- the parts of the HTTP/1.1 machine: pure functions over bytes. Only the
 * last four know a connection.
 *
 *     h1_head.c      find the end of a head, read a request line, read a whole head
 *     h1_chunk.c     read a chunk-size line and a trailer line
 *     h1_response.c  write a response head, a chunk, an error page
 *     h1_answer.c    the operations of an exchange: which framing a response gets
 *     h1_shared.c    pieces that many streamed responses share
 *     h1_source.c    bodies that are read as the peer takes them
 *     h1.c           the states between them
 *
 * Parsers return 0 or the status that the request has to be answered with, and say why in
 * `*why` (static text, for the log).
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_H1_PARTS_H
#define CSTAR_HTTP_H1_PARTS_H

#include "http/h1.h"

/* ---- head ----------------------------------------------------------------------------------- */

enum { /* of cstar__h1_scan_head(), beside error statuses */
       CSTAR__H1_MORE = 0,
       CSTAR__H1_HEAD = 1,  /* complete: scan->line bytes, scan->lines - 1 fields */
       CSTAR__H1_BLANK = 2, /* an empty line where the request line should be */
};

/** Goes on searching `len` bytes from the first of a head, of which scan->seen were searched
 * before. Checks the limits and that every line ends on CRLF. */
int cstar__h1_scan_head(cstar__h1_scan *scan, const cstar__h1_limits *limits, const char *ptr,
                        size_t len, const char **why);

/** Reads a request line with its CRLF into method, minor, target, path, query and (of an
 * absolute target) authority. */
int cstar__h1_parse_line(const char *ptr, size_t len, cstar__request *r, const char **why);

/* What a head says beside the request itself. */
typedef struct cstar__h1_framing {
    bool chunked;
    bool keep_alive;
    bool expect_continue;
    const char *why; /* of a refusal */
} cstar__h1_framing;

/**
 * Reads a complete head, as cstar__h1_scan_head() found it: at least two lines, the last one empty.
 * @param head    Field names in it become lower case; the request's views point into it.
 * @param fields  Room for `nfields`, as many as there are lines between the first and the last.
 */
int cstar__h1_parse_head(char *head, size_t len, cstar__field *fields, size_t nfields,
                         cstar__request *r, cstar__h1_framing *framing);

/* ---- chunks --------------------------------------------------------------------------------- */

/** A chunk-size line with its CRLF: hexadecimal size, extensions (checked and dropped). */
int cstar__h1_parse_chunk_line(cstar_str line, uint64_t *size, const char **why);

/** A trailer line with its CRLF. @param last  whether it is the empty one. Fields are checked
 * and dropped. */
int cstar__h1_parse_trailer(cstar_str line, bool *last, const char **why);

/* ---- response ------------------------------------------------------------------------------- */

enum {
    /* around the bytes of a chunk: 16 digits, two CRLF, and the last chunk, "0" CRLF CRLF */
    CSTAR__H1_CHUNK_ROOM = 25,
};

typedef struct cstar__h1_answer {
    int status;
    const cstar__field *fields;
    size_t nfields;
    uint64_t length; /* of Content-Length */
    bool has_length;
    bool chunked;
    bool close;      /* "Connection: close" */
    bool keep_alive; /* "Connection: keep-alive" */
    cstar_str body;  /* goes out behind the head */
} cstar__h1_answer;

/** Appends head and body. @return CSTAR_ELIMIT or CSTAR_ENOMEM: `out` is as it was, without a
 * sticky error. */
cstar_status cstar__h1_write_answer(cstar_buf *out, const char *date, const cstar__h1_answer *a);
/** Appends the machine's own short page for an error. `head`: only its head. Same errors. */
cstar_status cstar__h1_write_error(cstar_buf *out, const char *date, int status, bool close,
                                   bool head);
/** Appends one chunk; leaves room for the last chunk. Same errors. `bytes` is not empty. */
cstar_status cstar__h1_write_chunk(cstar_buf *out, cstar_str bytes);
/** Makes room for `more` bytes. Same errors. */
cstar_status cstar__h1_room(cstar_buf *out, size_t more);
/** Appends bytes whole or not at all. */
cstar_status cstar__h1_write_bytes(cstar_buf *out, cstar_str bytes);

/* ---- machine -------------------------------------------------------------------------------- */

enum {
    /* rest of a refused body that is read and dropped to keep the connection */
    CSTAR__H1_SWALLOW = 64 * 1024,
    CSTAR__H1_WAITING_OUTPUT = 256 * 1024,
};

extern const cstar__exchange_ops cstar__h1_ops;

/** What `out` may hold ahead of the driver before the machine stops to add more by itself. */
static inline size_t cstar__h1_most_waiting(const cstar__h1 *m) {
    const size_t half = m->out->limit / 2 != 0 ? m->out->limit / 2 : 1;
    return half < CSTAR__H1_WAITING_OUTPUT ? half : CSTAR__H1_WAITING_OUTPUT;
}
/* Requests that are read while responses pile up would only find no room for theirs, and a client
 * that sends many and reads nothing would make us store all the answers. */
static inline bool cstar__h1_crowded(const cstar__h1 *m) {
    return m->out->len >= cstar__h1_most_waiting(m);
}
/** Before `out` is written to: outside of the driver's entries it may be in use for another. */
static inline void cstar__h1_claim(const cstar__h1 *m) {
    const cstar__driver *driver = m->env->driver;
    if (driver != NULL && !m->feeding) {
        driver->claim(m->peer->link);
    }
}
/** Bytes of one chunk for which there is room in `out`, behind `len` others. */
static inline size_t cstar__h1_chunk_room(const cstar_buf *out, size_t len) {
    const size_t used = len + CSTAR__H1_CHUNK_ROOM;
    return used < out->limit ? out->limit - used : 0;
}
/** As of cstar__exchange_ops. */
cstar_status cstar__h1_write_shared(cstar__exchange *x, const cstar__shared *const *pieces,
                                    size_t n, size_t *taken);
/** Tells the log, and counts. */
void cstar__h1_report(const cstar__h1 *m, int status, const char *why);

/** Takes `s` for the body of the answer whose head was just written, and begins to read it. CSTAR_OK
 * also if it is shorter than it was said to be: then the response is cut. */
cstar_status cstar__h1_source_begin(cstar__h1 *m, cstar__source *s);
/** Whether cstar__h1_source_pull() would read now. */
bool cstar__h1_source_ready(const cstar__h1 *m);
/** Reads more of it into `out`, as far as that is not crowded. The caller settles. */
void cstar__h1_source_pull(cstar__h1 *m);
/** Releases it, if there is one. */
void cstar__h1_source_end(cstar__h1 *m);

/** Ends the exchange under way if its response is written whole or cut, and goes on to what follows.
 * Inside a handler call it does nothing: the loop that made the call does it afterwards. */
void cstar__h1_settle(cstar__h1 *m);

/** Whether the connection can be kept although the response begins now: what is left of the body
 * is short enough to be read. */
bool cstar__h1_can_swallow(const cstar__h1 *m);

#endif
