/* http/scan.h -- a cursor over one field value: white space, tokens, quoted strings, parameters
 * (RFC 9110 5.6). What the parsers of Content-Type, Accept-Encoding, Cookie, Forwarded and the
 * heads of multipart parts have in common.
 *
 *     cstar__scan s = cstar__scan_of(value);
 *     if (cstar__scan_token(&s, &type) && cstar__scan_byte(&s, '/') && ...) { ... }
 *
 * Nothing is copied: views point into the value. Every function leaves the cursor where it was when
 * it returns false, never reads at or behind the end, and takes time linear in what it passes.
 * Threads: any; a cursor is the caller's.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_SCAN_H
#define CSTAR_HTTP_SCAN_H

#include "cstar/base.h"

typedef struct cstar__scan {
    const char *at, *end;
} cstar__scan;

/* "; name=value". The value of a quoted string is without its quotes, but its escapes are still
 * there: cstar__scan_unquote() takes them out. A token has none. */
typedef struct cstar__param {
    cstar_str name;
    cstar_str value;
    bool quoted;
} cstar__param;

static inline cstar__scan cstar__scan_of(cstar_str s) {
    const char *at = s.ptr != NULL ? s.ptr : "";
    return (cstar__scan){at, at + s.len};
}

static inline bool cstar__scan_done(const cstar__scan *s) { return s->at == s->end; }

/** Passes that byte. */
static inline bool cstar__scan_byte(cstar__scan *s, char c) {
    if (s->at == s->end || *s->at != c) {
        return false;
    }
    s->at++;
    return true;
}

/** Passes spaces and tabs, if there are any. */
void cstar__scan_space(cstar__scan *s);
/** 1*tchar. */
bool cstar__scan_token(cstar__scan *s, cstar_str *out);
/** A quoted string; `*out` is what stands between the quotes, escapes and all. */
bool cstar__scan_quoted(cstar__scan *s, cstar_str *out);
/** name "=" ( token / quoted string ), without white space around the "=". */
bool cstar__scan_pair(cstar__scan *s, cstar__param *out);
/** OWS ";" OWS [ pair ]; an empty parameter gives an empty name. */
bool cstar__scan_param(cstar__scan *s, cstar__param *out);

/** Appends the inside of a quoted string without its escapes. */
void cstar__scan_unquote(cstar_buf *out, cstar_str inside);

/** `s` without spaces and tabs at its ends. */
cstar_str cstar__trim(cstar_str s);
/** Takes the text before the first `mark` off `*rest`, and the mark; all of it when there is none.
 * @return false: `*rest` was absent, which it becomes with its last piece. */
bool cstar__split(cstar_str *rest, char mark, cstar_str *piece);
/** Whether `s` is a token, and not empty. */
bool cstar__is_token(cstar_str s);

#endif
