/* http/multipart.h -- multipart/form-data (RFC 7578), as a machine that bytes are pushed into.
 *
 *     cstar__multipart m;
 *     rc = cstar__multipart_init(&m, &(cstar__multipart_opts){.alloc = a, .content_type = type,
 *                                                             .events = &events, .ctx = me});
 *     rc = cstar__multipart_feed(&m, ptr, len);        // any pieces; calls the events
 *     rc = cstar__multipart_end(&m);                   // the body is over: was it whole?
 *     cstar__multipart_fini(&m);
 *
 *        ┌──────▶ DELIMITER ──CRLF──▶ HEAD ──blank line──▶ DATA ──┐      part_begin behind HEAD,
 *     (start)         │  ▲                                        │      part_data from DATA,
 *                    "--" └───────────── CRLF--boundary ──────────┘      part_end before DELIMITER,
 *                     ▼                                                  done at CLOSED
 *                  CLOSED
 *
 * Invariants: 1. However the body is cut into pieces, the events are the same, but for how the bytes
 * of a part are cut. 2. Data are handed over from the caller's memory; what is kept between feeds is
 * a count of delimiter bytes seen and, in HEAD, the head so far. 3. Memory: at most max_head bytes.
 * 4. Nothing lenient: no text before the first or behind the last delimiter (but one CRLF), no space
 * behind a delimiter, CRLF and no bare CR or LF in heads, exactly one Content-Disposition.
 *
 * Callbacks run inside of feed. They may not feed or fini; what they return other than CSTAR_OK ends
 * the machine with that status. Threads: one at a time.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_MULTIPART_H
#define CSTAR_HTTP_MULTIPART_H

#include "cstar/base.h"

/* Views are valid during part_begin. Valid UTF-8. %22 %0D %0A, with which browsers write the three
 * bytes that cannot stand in a head, are decoded: name and filename can hold a line break. */
typedef struct cstar__part {
    cstar_str name;
    cstar_str filename;     /* as sent: see http/filename.h; absent: a plain field */
    cstar_str content_type; /* absent: not said */
} cstar__part;

typedef struct cstar__multipart_events { /* any may be NULL */
    cstar_status (*part_begin)(void *ctx, const cstar__part *part);
    cstar_status (*part_data)(void *ctx, const char *ptr, size_t len); /* borrowed; never empty */
    cstar_status (*part_end)(void *ctx);
    cstar_status (*done)(void *ctx); /* the last delimiter */
} cstar__multipart_events;

typedef struct cstar__multipart_opts {     /* zero is the default of every limit */
    const cstar_allocator *alloc;          /* borrowed for the machine's life */
    cstar_str content_type;                /* of the request; borrowed for the call */
    const cstar__multipart_events *events; /* borrowed for the machine's life */
    void *ctx;
    size_t max_parts; /* 0: 100 */
    size_t max_head;  /* bytes of one part's head; 0: 4 KiB */
    size_t max_part;  /* bytes of one part's content; 0: 16 MiB */
    size_t max_total; /* bytes fed; 0: 32 MiB */
} cstar__multipart_opts;

enum { CSTAR__BOUNDARY_MAX = 70 };

typedef struct cstar__multipart { /* private */
    const cstar__multipart_events *events;
    void *ctx;
    int state;
    cstar_status status;                     /* sticks */
    char delimiter[CSTAR__BOUNDARY_MAX + 4]; /* CRLF--boundary */
    size_t delimiter_len, matched;           /* bytes of it seen so far */
    char behind;                             /* the byte seen behind it, while there is only one */
    cstar_buf head;
    size_t line; /* where the head's last line begins */
    size_t parts, part_bytes, total;
    size_t max_parts, max_part, max_total;
} cstar__multipart;

/**
 * @return CSTAR_ESYNTAX not multipart/form-data, or no or a bad boundary (1 to 70 of RFC 2046's
 *         characters, not ending in a space). Then `*m` needs no fini, but may have it.
 */
cstar_status cstar__multipart_init(cstar__multipart *m, const cstar__multipart_opts *opts);
void cstar__multipart_fini(cstar__multipart *m);

/**
 * @return CSTAR_OK; CSTAR_ESYNTAX malformed; CSTAR_EUTF8 a name that is not UTF-8; CSTAR_ELIMIT;
 *         CSTAR_ENOMEM; CSTAR_ENOTSUP a Content-Transfer-Encoding that codes (base64,
 *         quoted-printable: deprecated by RFC 7578, no browser sends it); or what a callback
 *         returned. It sticks: no callback is called again.
 */
cstar_status cstar__multipart_feed(cstar__multipart *m, const char *ptr, size_t len);

/** The body is over. @return what stuck; CSTAR_ESYNTAX the last delimiter is missing. */
cstar_status cstar__multipart_end(cstar__multipart *m);

#endif
