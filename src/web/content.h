/* web/content.h -- bytes with a type and a version, and the answer that a request for them gets.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_CONTENT_H
#define CSTAR_WEB_CONTENT_H

#include "web/app.h"

enum {
    CSTAR__ETAG_MAX = 32,
    CSTAR__CONTENT_SMALL = 16 * 1024, /* bytes: up to here a file is read at once */
};

/* In the exchange's arena: the response's fields point into it. Zero but for what is set. */
typedef struct cstar__content {
    int fd;          /* owned; -1: the bytes are at `ptr` */
    const char *ptr; /* borrowed until the response has left */
    uint64_t size;   /* bytes */
    int64_t mtime;   /* seconds since 1970; negative: unknown */
    char etag[CSTAR__ETAG_MAX];
    const char *type;          /* Content-Type */
    const char *coding;        /* Content-Encoding; NULL: none */
    const char *cache_control; /* NULL: none */
    const char *disposition;   /* Content-Disposition; NULL: none */
    const char *vary;          /* NULL: it does not */
    char date[32], range[64];  /* content.c's: the values of two fields */
} cstar__content;

/** @return NULL when out of memory; then the conn has its error. */
cstar__content *cstar__content_new(cstar_conn *conn);
/** Closes its file. */
void cstar__content_close(cstar__content *c);

/**
 * Looks at an open file: size, time, and a strong tag of its inode, size and time.
 * @return 0; EISDIR; ENOENT: it is neither a folder nor a regular file.
 */
int cstar__content_stat(cstar__content *c);

/** Answers the request: 200, 206, 304, 412 or 416. Takes the file, also on failure. */
cstar_status cstar__content_reply(cstar_conn *conn, cstar__content *c);

#endif
