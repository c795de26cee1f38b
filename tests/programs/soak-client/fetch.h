/* soak-client/fetch.h -- one request with an answer that ends, on a connection of its own.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SOAK_FETCH_H
#define SOAK_FETCH_H

#include "loop.h"

typedef struct fetch fetch;
struct fetch {
    watcher w; /* first */
    loop *l;
    void (*done)(fetch *f); /* may start the next one later, not at once; NULL */
    void *owner;
    char request[256], answer[32768]; /* both end with NUL; of a longer one, its begin */
    size_t len;
    bool finished;
};

/** @param target  "POST /calm". A status other than 200 ends the process. */
void fetch_start(fetch *f, loop *l, const char *target);
/** The answer's body. */
const char *fetch_body(const fetch *f);
/** Asks, and waits, while all else goes on. @return the body: valid until the next call. */
const char *ask(loop *l, const char *target);
/** A number of the server's metrics: "streams". */
long ask_metric(loop *l, const char *name);

#endif
