/* html/lines.c -- rendering straight into server-sent events: each line of markup is a field of its
 * own.
 *
 * In place, in two passes: from the front all line breaks become LF (which only shrinks), from the
 * back the prefixes are put in.
 *
 * SPDX-License-Identifier: MIT */
#include "html/lines.h"

/* Shrinks CRLF and CR to LF. @return the number of line breaks. */
static size_t unify(cstar_buf *b, size_t mark, bool *cr) {
    size_t breaks = 0;
    size_t to = mark;
    for (size_t from = mark; from < b->len; from++) {
        const char c = b->ptr[from];
        const bool again = c == '\n' && *cr;
        *cr = c == '\r';
        if (again) {
            continue;
        }
        breaks += c == '\r' || c == '\n' ? 1 : 0;
        b->ptr[to++] = c == '\r' ? '\n' : c;
    }
    b->len = to;
    return breaks;
}

static void spread(cstar_buf *b, size_t mark, cstar_str prefix, size_t breaks) {
    if (prefix.len == 0 || !cstar_buf_room(b, breaks * prefix.len)) {
        return;
    }
    size_t from = b->len;
    size_t to = b->len + breaks * prefix.len;
    b->len = to;
    while (from > mark && to > from) {
        const char c = b->ptr[--from];
        if (c == '\n') {
            to -= prefix.len;
            memcpy(b->ptr + to, prefix.ptr, prefix.len);
        }
        b->ptr[--to] = c;
    }
}

void cstar__lines_prefix(cstar_buf *b, size_t mark, cstar_str prefix, bool *cr) {
    if (b->status != CSTAR_OK || b->len <= mark) {
        return;
    }
    const char *start = b->ptr + mark;
    const size_t len = b->len - mark;
    if (memchr(start, '\n', len) == NULL && memchr(start, '\r', len) == NULL) {
        *cr = false;
        return;
    }
    const size_t breaks = unify(b, mark, cr);
    if (breaks != 0) {
        spread(b, mark, prefix, breaks);
    }
}
