/* http/content_type.h -- media types (RFC 9110 8.3.1): read from a field, and known by file name.
 *
 *     cstar__media m;
 *     if (cstar__media_parse(value, &m) == CSTAR_OK && cstar__media_is(&m, "multipart/form-data")) {
 *         cstar__media_param(&m, "boundary", &out);
 *     }
 *     cstar__media_by_name(CSTAR_STR("img/logo.svg"))      // "image/svg+xml"
 *
 * Nothing guesses from content: what the table does not know is application/octet-stream, which a
 * browser downloads. Threads: any; no state, views point into the value.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_CONTENT_TYPE_H
#define CSTAR_HTTP_CONTENT_TYPE_H

#include "cstar/base.h"

typedef struct cstar__media {
    cstar_str type, subtype; /* as written; compare without case */
    cstar_str params;        /* the rest, well-formed */
} cstar__media;

/**
 * Reads a Content-Type. White space around it and empty parameters are allowed.
 * @return CSTAR_ESYNTAX it is none, a parameter is malformed or comes twice (a second boundary or
 *         charset is how filters are fooled); CSTAR_ELIMIT more than 16 parameters. `*out` is
 *         unchanged then.
 */
cstar_status cstar__media_parse(cstar_str value, cstar__media *out);

/** Whether it is that "type/subtype" (lower case or not), whatever the parameters. */
bool cstar__media_is(const cstar__media *m, const char *name);

/** Appends the value of that parameter, unquoted. @return false: there is none. Ask `out` whether
 * it fit. */
bool cstar__media_param(const cstar__media *m, const char *name, cstar_buf *out);

/** The type for a file, by what stands behind the last dot of its name; text ones with
 * "; charset=utf-8". Static; never NULL. */
const char *cstar__media_by_name(cstar_str filename);

/** Whether such a body gets smaller by compressing it: text, and what is text underneath. */
bool cstar__media_compresses(cstar_str value);

#endif
