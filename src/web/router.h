/* web/router.h -- from a method and a raw path to a route: a tree with one level per path segment.
 *
 * Segments are percent-decoded one by one, once, after the path was split: "/a%2Fb" is one segment.
 * Literals win over params, params over a `*rest`, and a route that has the method wins over one
 * that has not. A `*rest` stands for all that follows, raw: behind "/files" it is "a/b" of
 * "/files/a/b", "a//" of "/files/a//", and "" of "/files/" and of "/files".
 * Life: built before serving, then read by all workers.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_ROUTER_H
#define CSTAR_WEB_ROUTER_H

#include "http/exchange.h"

#define CSTAR__MAX_SEGMENTS 32
#define CSTAR__MAX_PARAMS 8

typedef struct cstar__route {
    const void *target; /* the caller's own */
    int kind;           /* the caller's own */
    cstar__method method;
    const char *path;                /* as it was added, without a slash at its end */
    const struct cstar__route *next; /* the one that was added after it */
    unsigned nparams;
    cstar_str params[CSTAR__MAX_PARAMS]; /* names, in order of the path */
} cstar__route;

typedef struct cstar__node cstar__node;

typedef struct cstar__router {
    cstar_arena arena;
    cstar__node *root;
    unsigned methods;          /* bit per cstar__method: used by any route */
    const cstar__route *first; /* all routes, in the order they were added */
    cstar__route *last;
} cstar__router;

typedef struct cstar__match {
    const cstar__route *route; /* NULL: none with this method */
    /* bit per method of the routes that match the path; 0: no such path */
    unsigned allowed;
    cstar_str values[CSTAR__MAX_PARAMS]; /* route->nparams of them: decoded, NUL-terminated */
} cstar__match;                          /* of a `*rest`, the last one: raw */

void cstar__router_init(cstar__router *r, const cstar_allocator *alloc);
void cstar__router_fini(cstar__router *r);

/** @return CSTAR_EINVAL, CSTAR_EDUP, CSTAR_ENOMEM; see cstar_route(). `route` is copied; only its
 * target and kind count. */
cstar_status cstar__router_add(cstar__router *r, cstar__method method, const char *path,
                               const cstar__route *route, cstar_err *err);

/** @param scratch  for decoded segments and NUL-terminated params. @return CSTAR_ENOMEM. */
cstar_status cstar__router_find(const cstar__router *r, cstar__method method, cstar_str path,
                                cstar_arena *scratch, cstar__match *m);

/** "GET, HEAD, POST" for a bit set (HEAD added to GET). `out` has room for 64 bytes. */
cstar_str cstar__allow_text(unsigned allowed, char out[64]);

#endif
