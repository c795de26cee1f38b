/* html/lines.h -- the prefix behind every line break.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTML_LINES_H
#define CSTAR_HTML_LINES_H

#include "cstar/base.h"

/**
 * Rewrites what stands behind `mark`: every CRLF, CR and LF becomes LF and `prefix`.
 * @param cr  whether the byte before `mark` was a CR, which an LF here would belong to; updated for
 *         the next call.
 */
void cstar__lines_prefix(cstar_buf *b, size_t mark, cstar_str prefix, bool *cr);

#endif
