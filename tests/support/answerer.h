/* answerer.h -- what the handlers of h1rig.h and h2peer.h have in common: the answers that do not
 * depend on the protocol, by path, and the promises of a machine that both look at.
 *
 * An h1rig and an h2peer start with ANSWERER: the members are theirs by name (r->wakes), and in one
 * piece (&r->answerer) what the functions here take. So the handler's ctx, which is the rig, is the
 * answerer, too.
 *
 *   1. No call of the handler comes inside another (answerer_enter()).
 *   2. on_close comes once for every on_head, and a source is released once (answerer_fini()).
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_ANSWERER_H
#define CSTAR_TESTS_ANSWERER_H

#include "http/env.h"
#include "support/testfile.h"

/* fuzz targets have smaller ones */
#ifndef RIG_FILE
#define RIG_FILE 300000
#define RIG_POUR 1000000
#endif

/** Not assert(): it has to hold in every build. */
#define CHECK(x) ((x) ? (void)0 : answerer_broken_promise(#x, __FILE__, __LINE__))
_Noreturn void answerer_broken_promise(const char *what, const char *file, int line);

#define ANSWERER_MEMBERS                                                                           \
    cstar__exchange_pool pool;                                                                     \
    cstar__handler handler;                                                                        \
    cstar__env env;                                                                                \
    cstar__peer peer;                                                                              \
    cstar__driver driver; /* env.driver = &r->driver: claims are counted */                        \
    cstar_buf out;        /* what the machine wrote, never sent */                                 \
    cstar_buf log;        /* of what the handler saw */                                            \
    size_t heads, ends, closes, refusals, wakes, drains, refusals_to_pour, claims;                 \
    bool inside;            /* a handler call is under way: a second one is a defect */            \
    bool ends_on_drain;     /* says "bye" */                                                       \
    bool quiet;             /* writes no log: for counting allocations and for measuring */        \
    cstar_status responded; /* what the last cstar__respond*() returned */                         \
    testfile file;          /* of RIG_FILE bytes */                                                \
    char *kept              /* the same in memory */

typedef struct answerer {
    ANSWERER_MEMBERS;
} answerer;

#define ANSWERER                                                                                   \
    union {                                                                                        \
        answerer answerer;                                                                         \
        struct {                                                                                   \
            ANSWERER_MEMBERS;                                                                      \
        };                                                                                         \
    }

/** @param own  its ctx is the answerer; on_wake and on_drain are filled in. */
void answerer_init(answerer *a, const cstar_allocator *alloc, cstar__handler own);
/** After the machine's end. */
void answerer_fini(answerer *a);

/** Marks that the handler is inside, until it resets a->inside. */
void answerer_enter(answerer *a);
/** Logs "head GET /path?query": the line goes on. */
void answerer_log_line(answerer *a, const cstar__request *q);

/** Whether `path` was asked for. */
bool answerer_asked(const cstar__exchange *x, const char *path);
/** Answers with a text. */
void answerer_say(answerer *a, cstar__exchange *x, int status, cstar_str body);
/** Starts a stream with "one", "two". */
void answerer_open(answerer *a, cstar__exchange *x);
/** Bodies that are not in a buffer: /file, /kept, /part, /small, /empty, /short, /gone (shorter
 * than said), /early-file. @return false: it is none of these paths. */
bool answerer_respond_from(answerer *a, cstar__exchange *x);
/** These; /pour (RIG_POUR bytes, streamed as there is room), /abort, /silent; every other path: 200
 * "hello", and /close closes. */
void answerer_respond(answerer *a, cstar__exchange *x);

#endif
