/* http/etag.h -- entity tags (RFC 9110 8.8.3): "abc", W/"abc", and lists of them.
 *
 * A tag is written with its quotes and its W/, in memory as on the wire. Threads: any; no state.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_ETAG_H
#define CSTAR_HTTP_ETAG_H

#include "cstar/base.h"

/** Takes one tag off `*rest`, which is left unchanged on false. */
bool cstar__etag_take(cstar_str *rest, cstar_str *tag);
bool cstar__etag_ok(cstar_str tag);

/** Strong comparison: neither is weak, and they are the same. */
bool cstar__etag_strong_eq(cstar_str a, cstar_str b);
/** Weak comparison: the same but for W/. */
bool cstar__etag_weak_eq(cstar_str a, cstar_str b);

typedef enum cstar__etag_found {
    CSTAR__ETAG_BAD,  /* the list is malformed somewhere, or has nothing in it */
    CSTAR__ETAG_NONE, /* well-formed, and the tag is not in it */
    CSTAR__ETAG_FOUND,
    CSTAR__ETAG_ANY, /* it is "*" */
} cstar__etag_found;

/** Looks for `tag` in the value of an If-Match (strong) or If-None-Match (weak) field. An absent
 * tag is in no list. The answer for a list depends on all of it. */
cstar__etag_found cstar__etag_find(cstar_str list, cstar_str tag, bool weak);

#endif
