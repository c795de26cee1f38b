/* live/registry.h -- who owns which tab: at most one stream for each {scope, tab}.
 *
 *     cstar__tab t = {.scope = user, .tab = tab_id, .page = page_id};
 *     cstar__claim mine;
 *     if (cstar__registry_claim(r, &t, stream, &mine) != CSTAR_OK) ... 503, no stream is started
 *     if (mine.replaces) ... tell mine.old_stream that mine.old_generation has ended
 *     ...
 *     t.tab = cstar_cstr(mine.tab);
 *     cstar__registry_release(r, &t, stream, mine.generation);
 *
 * The claims of one key have one total order: each is the owner from its return until the next one
 * or its release. Generations grow along that order and are never used again. Of a claim that was
 * replaced nothing is kept: it is its stream that gives itself a grace (live/stream.c), and a release
 * that comes afterwards finds that it is no owner. Streams are numbers here: nothing is called, nothing
 * is ended.
 *
 * **Duplicated tabs.** A duplicated tab begins with the tab id of the other. Its page takes over;
 * the page that was replaced comes back, and that proves that both live, for a page that the
 * browser has left never does. So each key remembers the last eight pages that were replaced; when
 * one of them claims the key again while another page owns it, it gets a key of its own: {scope,
 * derived tab}, see cstar__tab_id_derive(). That is a *split*. The owner is not touched. A page
 * that is split goes to its derived key also when it comes back with the old id. A page that
 * returns from the back/forward cache before the server has noticed that the newer one is gone is
 * split too: harmless, its tab merely has a new name. A page that is not known (empty) is never
 * split.
 *
 * **Signals.** The latest signals that a tab's event requests brought, for its stream. They belong
 * to a page: a takeover by the same page (not an empty one) keeps them. Any other hands them to the
 * keepsakes, for the page that was replaced, and so does cstar__registry_leave(); a release drops
 * them. What an event of a page without a stream says goes there, too. Each of this is one step
 * with the look at who owns the tab: whatever is said is in the entry, or with the keepsakes.
 *
 * Invariants: 1. A key has at most one owner. 2. What failed changed nothing.
 * Memory: a claim takes about 44 bytes, its scope and tab id, and 26 to 51 of the table; one that
 * was replaced by another page 64 more. Everything is bounded by the options.
 * Threads: [any thread], all but new and free. 64 locks, by the hash of the key; none is held while
 * anything but the allocator and the keepsakes is called. Order of locks: these, the one at the
 * lower address first; then the keepsakes'.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_REGISTRY_H
#define CSTAR_LIVE_REGISTRY_H

#include "live/keepsakes.h"
#include "live/tab_id.h"

typedef struct cstar__registry cstar__registry;

typedef struct cstar__registry_opts { /* zero is the default of every field */
    const cstar_allocator *alloc;     /* borrowed for its life, thread-safe; NULL: cstar_heap() */
    size_t max_claims;                /* 0: 1 000 000 */
    size_t max_signals;               /* bytes of one tab's signals; 0: 64 KiB */
    size_t max_signals_total;         /* bytes of all of them; 0: 256 MiB */
    cstar__keepsakes *keepsakes;      /* borrowed for its life; NULL: what is said is not kept */
    uint64_t seed[2]; /* a secret of the process: strangers choose tab ids. 0: for tests */
} cstar__registry_opts;

typedef struct cstar__tab {
    cstar_str scope; /* any bytes, at most 65 535: whose tabs they are */
    cstar_str tab;   /* see cstar__tab_id_ok() */
    cstar_str page;  /* the instance of the page, new at each load; empty: not known */
    uint8_t share;   /* of whom claims or speaks: cstar__keepsakes_share() */
} cstar__tab;

typedef struct cstar__claim {
    uint64_t generation; /* unique in this registry; never 0 */
    bool replaces;       /* another stream owned it, which is to end now: */
    uint64_t old_stream, old_generation;
    bool split;                      /* not the tab that was asked for, but the derived one */
    char tab[CSTAR__TAB_ID_MAX + 1]; /* the tab that was claimed */
} cstar__claim;

/** @return NULL: out of memory. */
CSTAR_MUST_USE cstar__registry *cstar__registry_new(const cstar__registry_opts *opts);
/** With all that is claimed. Nobody may be inside. NULL is allowed. */
void cstar__registry_free(cstar__registry *r);

/**
 * Makes `stream` the owner of the tab, or of the derived one. A stream that owns it already keeps
 * its generation, and replaces nothing.
 * @param t    Copied.
 * @param out  Untouched on failure.
 * @return CSTAR_ENOMEM, CSTAR_ELIMIT: nothing was claimed, and the old owner stays; CSTAR_EINVAL:
 *         not a tab id, or the scope is too long.
 */
CSTAR_MUST_USE cstar_status cstar__registry_claim(cstar__registry *r, const cstar__tab *t,
                                                  uint64_t stream, cstar__claim *out);

/**
 * Ends that generation and no other. Twice, or of one that was replaced, or of a stream that has it
 * not: nothing happens.
 * @param t  The scope, and the tab that the claim said; `page` is not looked at.
 */
void cstar__registry_release(cstar__registry *r, const cstar__tab *t, uint64_t stream,
                             uint64_t generation);
/** The same of a page that may come back: what its tab said last is kept for it. */
void cstar__registry_leave(cstar__registry *r, const cstar__tab *t, uint64_t stream,
                           uint64_t generation);

/** @return false: nobody owns it, nothing is written. Either result may be NULL. */
bool cstar__registry_owner(cstar__registry *r, cstar_str scope, cstar_str tab, uint64_t *stream,
                           uint64_t *generation);

/**
 * The tab that a request of a page belongs to: the one that it names, or, if that page was split
 * and does not know yet, the derived one.
 * @param t    With the page, if it is known.
 * @param tab  Gets the id of the tab whose owner is a stream of that page (or of an unknown page;
 *             or any, if `t` has no page). Untouched on failure.
 * @return CSTAR_ENOENT: that page has no stream.
 */
CSTAR_MUST_USE cstar_status cstar__registry_resolve(cstar__registry *r, const cstar__tab *t,
                                                    char tab[CSTAR__TAB_ID_MAX + 1]);

/** How many tabs have an owner. */
size_t cstar__registry_count(cstar__registry *r);

/* ---- the signals of a tab (registry_signals.c) ---- */

/**
 * Keeps a copy, in place of the last; an empty one forgets it.
 * @return CSTAR_ENOENT: nobody owns the tab; CSTAR_ELIMIT: too long, or all tabs together have too
 *         much; CSTAR_ENOMEM. Then the last one stays, and the tab is behind.
 */
CSTAR_MUST_USE cstar_status cstar__registry_keep_signals(cstar__registry *r, cstar_str scope,
                                                         cstar_str tab, cstar_str json);

/** Appends them to `out`. CSTAR_ENOENT: there are none; otherwise the status of `out`. */
CSTAR_MUST_USE cstar_status cstar__registry_signals(cstar__registry *r, cstar_str scope,
                                                    cstar_str tab, cstar_buf *out);

/**
 * What an event of a page says: for the stream of that page, as cstar__registry_resolve() finds it,
 * in one step; for its keepsake if it has none.
 * @return Errors of cstar__registry_keep_signals(), or of cstar__keepsakes_put(); CSTAR_ENOENT: no
 *         stream, and no page that is known, or no keepsakes.
 */
CSTAR_MUST_USE cstar_status cstar__registry_say(cstar__registry *r, const cstar__tab *t,
                                                cstar_str json);

/**
 * What a page that has come back said last, for its claim: kept, but if an event has brought newer
 * ones meanwhile, which stay, or which were too long: then it stays behind.
 * @param t  The tab that was claimed; `page` is not looked at.
 * @return CSTAR_ENOENT: that generation is not the owner; or as cstar__registry_keep_signals().
 */
CSTAR_MUST_USE cstar_status cstar__registry_restore(cstar__registry *r, const cstar__tab *t,
                                                    uint64_t generation, cstar_str json);

/** The hash of a page id, which is all that the registry knows of it; never 0. */
uint64_t cstar__registry_page(const cstar__registry *r, cstar_str page);

/** Whether a tab has an owner, and the last that it said could not be kept. */
bool cstar__registry_is_behind(cstar__registry *r, cstar_str scope, cstar_str tab);

/** Bytes of all tabs' signals. */
size_t cstar__registry_signal_bytes(cstar__registry *r);

#endif
