/* web/body.h -- a form as it was read from a body or a query: its fields and files. Private.
 *
 *     body.c ──urlencoded, whole──▶ form.c ──▶ fields ◀── upload.c ◀──multipart, in pieces── body.c
 *                                              files  ◀───┘ └──▶ upload_file.c: temporary files
 *
 * Life: in the exchange's arena; the files' descriptors until cstar__body_close().
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_BODY_H
#define CSTAR_WEB_BODY_H

#include "http/multipart.h"
#include "web/app.h"

/* Both NUL-terminated (behind their length). */
typedef struct cstar__form_entry {
    struct cstar__form_entry *next;
    cstar_str name, value;
} cstar__form_entry;

typedef struct cstar__upload_file {
    cstar_file file; /* first: a cstar_file that we gave out is one of these */
    struct cstar__upload_file *next;
} cstar__upload_file;

typedef struct cstar__body {
    cstar_conn *conn;
    cstar__form_entry *fields, **fields_end;
    cstar__upload_file *files, **files_end;
    /* ---- upload.c, of a multipart body ---- */
    bool multipart;
    bool whole;    /* all of it came */
    bool told_end; /* on_end was called */
    const cstar_upload_opts *opts;
    void *kept; /* of cstar_upload_keep() */
    cstar__multipart machine;
    size_t max_file, fields_left; /* bytes */
    cstar__upload_file *file;     /* being received */
    cstar_str name;               /* of the field being received */
    cstar_buf text;               /* its value */
    uint64_t seen, told;          /* bytes of the body; when on_progress was called last */
    int refusal;                  /* a status, when we end the machine */
} cstar__body;

/* ---- form.c ---- */

/** An empty form for the conn. NULL: out of memory. */
cstar__body *cstar__form_new(cstar_conn *conn);
/** Copied. CSTAR_EUTF8; CSTAR_ENOMEM. */
cstar_status cstar__form_add(cstar__body *b, cstar_str name, cstar_str value);
/** Adds the pairs of urlencoded text, as strictly as a body is read. CSTAR_EUTF8; CSTAR_ELIMIT too
 * many; CSTAR_ENOMEM. */
cstar_status cstar__form_read(cstar__body *b, cstar_str text);

/* ---- upload.c ---- */

/** @return 0, or the status that refuses the request; so do the others. */
int cstar__upload_begin(cstar__body *b, cstar_str content_type);
int cstar__upload_feed(cstar__body *b, const char *ptr, size_t len);
int cstar__upload_end(cstar__body *b);
/** Calls on_end if it is owed, and closes the files. */
void cstar__upload_close(cstar__body *b);
/** The most that a multipart body may have. */
size_t cstar__upload_limit(const cstar_conn *conn);

/* ---- upload_file.c ---- */

/** Opens an unlinked temporary file in `dir` (NULL: $TMPDIR, or /tmp). @return -1: see errno. */
int cstar__temp_open(const char *dir);
/** All of it. @return false: errno says why. */
bool cstar__temp_write(int fd, const char *ptr, size_t len);

#endif
