/* http/filename.h -- a file name that a peer sent, made harmless.
 *
 *     char mem[CSTAR__FILENAME_MAX];
 *     cstar_str safe = cstar__filename_safe(part->filename, mem);     // "C:\\x\\..\\a.txt": "a.txt"
 *
 * Harmless means: one path segment that is neither empty nor "." nor "..", not hidden, valid UTF-8,
 * without control bytes and without what shells, URLs or Windows take for something else. It is for
 * showing and for suggesting; two uploads may have the same one, and it says nothing about content.
 * Threads: any; no state.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_FILENAME_H
#define CSTAR_HTTP_FILENAME_H

#include "cstar/base.h"

enum { CSTAR__FILENAME_MAX = 128 };

/**
 * What is behind the last '/' or '\', without control characters (C1 and the marks that turn the
 * direction of text too); * : < > ? " | and bytes that are no UTF-8 become '_'; no dots or spaces at
 * the front, nor at the end. One that is too long is cut between two characters, before its
 * extension. If nothing is left: "file".
 */
cstar_str cstar__filename_safe(cstar_str filename, char mem[CSTAR__FILENAME_MAX]);

/** Appends a decoded ext-value of RFC 8187 (filename*): UTF-8'en'na%C3%AFve. Charset UTF-8 only.
 * @return CSTAR_ESYNTAX, CSTAR_EUTF8: nothing was appended. CSTAR_ENOMEM, CSTAR_ELIMIT by `out`. */
cstar_status cstar__ext_value(cstar_str value, cstar_buf *out);

#endif
