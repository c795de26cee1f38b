/* web/access_log.h -- a line per request: what it looks like (access_line.c), and the file that it
 * goes to (access_log.c).
 *
 *     cstar__access_log *log = cstar__access_log_new(&opts, &err);
 *     cstar__access_line(&out, CSTAR_ACCESS_JSON, &entry);
 *     cstar__access_log_write(log, cstar_buf_view(&out));
 *     cstar__access_log_free(log);                           // all lines are in the file
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_ACCESS_LOG_H
#define CSTAR_WEB_ACCESS_LOG_H

#include "http/exchange.h"

#include "cstar/serve.h"

/* ---- lines ----------------------------------------------------------------------------------- */

/* Borrowed views; whatever a client sent is escaped, and cut where it is long. */
typedef struct cstar__access_entry {
    cstar_str address;    /* of the client; empty: "-" */
    cstar_str request_id; /* absent: not told */
    int64_t ms;           /* since 1970, when the request was over */
    const char *method;
    cstar_str target;         /* as it came */
    int minor;                /* as in cstar__request */
    int status;               /* 0: the client left before there was one; told as 499 */
    uint64_t bytes;           /* of the response's body */
    uint64_t us;              /* from its head to the end of the response */
    cstar_str referer, agent; /* absent: "-", or null */
    bool secure;
} cstar__access_entry;

enum { CSTAR__ACCESS_LINE = 8192 }; /* bytes of the longest line */

/** Appends a line with its line break. The value of `datastar` in a query is "-": it is the
 * signals. */
void cstar__access_line(cstar_buf *out, cstar_access_format format, const cstar__access_entry *e);

/* ---- the file -------------------------------------------------------------------------------- */

typedef struct cstar__access_log cstar__access_log;

typedef struct cstar__access_log_opts {
    const char *path; /* "-": standard output; borrowed as long as the log */
    const cstar_allocator *alloc;
    /* [any thread] What is wrong, at most once a minute; may be NULL. */
    void (*complain)(void *arg, const char *line);
    void *arg;
} cstar__access_log_opts;

/** NULL: CSTAR_EIO can't be opened, `err` says why; CSTAR_ENOMEM. */
cstar__access_log *cstar__access_log_new(const cstar__access_log_opts *opts, cstar_err *err);
/** Writes what is left. Accepts NULL. */
void cstar__access_log_free(cstar__access_log *log);
/** [any thread] Keeps a whole line for the file. When the file takes nothing and memory is full,
 * the line is lost and counted. */
void cstar__access_log_write(cstar__access_log *log, cstar_str line);
/** [any thread] Writes what is kept; to be called each second. */
void cstar__access_log_flush(cstar__access_log *log);
/** [any thread] Opens the file again. CSTAR_EIO: the old one stays; CSTAR_ESTATE: standard
 * output. */
cstar_status cstar__access_log_reopen(cstar__access_log *log, cstar_err *err);
/** [any thread] Lines lost so far. */
uint64_t cstar__access_log_lost(cstar__access_log *log);

#endif
