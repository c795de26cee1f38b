/* test_registry_threads.c -- many threads claim, release and ask; what they saw is checked
 * afterwards against a registry that does one thing at a time. ctest: timeout=120 labels=threads
 *
 * Each call is recorded with a tick of one global clock before it and one behind it. Generations
 * grow along the order of a key's claims, so that order is known and the check need not search it:
 *
 *     claim g1 · reads of g1 · [release g1] · claim g2 ...
 *
 * Each step gets the earliest point in time that its call and the steps before it allow. If that is
 * later than the end of the call, no order explains what was seen. (Of a read that saw nobody it is
 * only checked that some time without an owner meets it.)
 *
 * SPDX-License-Identifier: MIT */
#include "live/registry.h"
#include "live/siphash.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { THREADS = 64, STEPS = 1000, KEYS = 1000, HOT = 12, HELD = 24, ALL = THREADS * STEPS };

typedef enum kind { NOBODY, CLAIM, IS_OWNER, IS_REPLACED, RELEASE } kind;

typedef struct call {
    uint64_t key, generation, old;
    uint64_t begun, ended;
    kind kind;
    bool split;
} call;

typedef struct held {
    cstar__claim claim;
    bool released;
} held;

typedef struct worker {
    pthread_t thread;
    cstar__registry *r;
    _Atomic uint64_t *clock;
    pthread_barrier_t *gate;
    bool paged;
    uint64_t stream, seed;
    held held[HELD];
    size_t nheld;
    call calls[STEPS];
    size_t ncalls;
    size_t wrong; /* what it saw itself, and must not */
} worker;

/* ---- a worker ---- */

static uint64_t rnd(worker *w, uint64_t below) {
    w->seed = w->seed * 6364136223846793005U + 1442695040888963407U;
    return (w->seed >> 33) % below;
}

static uint64_t tick(worker *w) { return atomic_fetch_add(w->clock, 1) + 1; }

static uint64_t key_id(const char *tab) {
    static const uint64_t key[2] = {1, 2};
    return cstar__siphash(key, cstar_cstr(tab));
}

static void record(worker *w, call c) {
    c.ended = tick(w);
    w->calls[w->ncalls++] = c;
}

static void some_tab(worker *w, char tab[16]) {
    const uint64_t below = rnd(w, 2) == 0 ? HOT : KEYS;
    (void)snprintf(tab, 16, "tab%d", (int)rnd(w, below));
}

static bool is_held(const worker *w, uint64_t generation) {
    for (size_t i = 0; i < w->nheld; i++) {
        if (w->held[i].claim.generation == generation && !w->held[i].released) {
            return true;
        }
    }
    return false;
}

static void step_claim(worker *w) {
    char tab[16];
    char page[16];
    some_tab(w, tab);
    (void)snprintf(page, sizeof page, "p%d", (int)(w->stream % 16));
    const bool known = w->paged && rnd(w, 8) != 0;
    const cstar__tab t = {
        .scope = CSTAR_STR("u"), .tab = cstar_cstr(tab), .page = cstar_cstr(known ? page : NULL)};
    cstar__claim c = {.generation = 0};
    call made = {.begun = tick(w)};
    w->wrong += cstar__registry_claim(w->r, &t, w->stream, &c) != CSTAR_OK;
    const bool again = is_held(w, c.generation);
    made.kind = again ? IS_OWNER : CLAIM;
    made.key = key_id(c.tab);
    made.generation = c.generation;
    made.old = c.replaces ? c.old_generation : 0;
    made.split = c.split;
    record(w, made);
    w->wrong += again && c.replaces;
    if (!again) {
        w->held[w->nheld++] = (held){.claim = c};
    }
}

/* Whether a claim of its own is the owner. */
static bool is_owner(const worker *w, const held *h) {
    uint64_t stream = 0;
    uint64_t generation = 0;
    return cstar__registry_owner(w->r, CSTAR_STR("u"), cstar_cstr(h->claim.tab), &stream,
                                 &generation) &&
           stream == w->stream && generation == h->claim.generation;
}

static void release(worker *w, const held *h) {
    const cstar__tab t = {.scope = CSTAR_STR("u"), .tab = cstar_cstr(h->claim.tab)};
    cstar__registry_release(w->r, &t, w->stream, h->claim.generation);
    w->wrong += is_owner(w, h);
}

static void step_release(worker *w) {
    const size_t i = (size_t)rnd(w, w->nheld);
    held *h = &w->held[i];
    if (h->released) { /* for the second time: as if it had not been called */
        release(w, h);
        *h = w->held[--w->nheld];
        return;
    }
    call made = {.kind = RELEASE,
                 .key = key_id(h->claim.tab),
                 .generation = h->claim.generation,
                 .begun = tick(w)};
    release(w, h);
    record(w, made);
    h->released = true;
}

static void step_ask_owner(worker *w) {
    char tab[16];
    uint64_t stream = 0;
    uint64_t generation = 0;
    some_tab(w, tab);
    call made = {.key = key_id(tab), .begun = tick(w)};
    const bool is =
        cstar__registry_owner(w->r, CSTAR_STR("u"), cstar_cstr(tab), &stream, &generation);
    made.kind = is ? IS_OWNER : NOBODY;
    made.generation = generation;
    record(w, made);
    w->wrong += is && is_held(w, generation) && stream != w->stream;
}

/* Of a claim of its own: neither released nor the owner means that it was replaced. */
static void step_ask_own(worker *w) {
    const held *h = &w->held[rnd(w, w->nheld)];
    if (h->released) {
        w->wrong += is_owner(w, h);
        return;
    }
    call made = {.key = key_id(h->claim.tab), .generation = h->claim.generation, .begun = tick(w)};
    made.kind = is_owner(w, h) ? IS_OWNER : IS_REPLACED;
    record(w, made);
}

static void *work(void *arg) {
    worker *w = arg;
    (void)pthread_barrier_wait(w->gate);
    while (w->ncalls < STEPS) {
        if (rnd(w, 4) == 0) { /* so that they mix where there are few cores */
            (void)sched_yield();
        }
        const uint64_t what = rnd(w, 10);
        if (w->nheld == 0 || (what < 4 && w->nheld < HELD)) {
            step_claim(w);
        } else if (what < 7 || w->nheld == HELD) {
            step_release(w);
        } else if (what < 9) {
            step_ask_owner(w);
        } else {
            step_ask_own(w);
        }
    }
    return NULL;
}

/* ---- the check ---- */

/* By key, then along the order of its claims. */
static int compare(const void *a, const void *b) {
    const call *x = a;
    const call *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    if (x->generation != y->generation) {
        return x->generation < y->generation ? -1 : 1;
    }
    return (int)x->kind - (int)y->kind;
}

typedef struct gap {
    uint64_t from, to;
} gap;

/* One key; and, when it is done, who owns it. */
typedef struct walk {
    const call *at, *end;
    uint64_t now;  /* nothing further can have happened earlier */
    uint64_t last; /* generation that owns it, or was replaced by what comes; 0: nobody */
    const call *stale[2 * THREADS * STEPS];
    size_t nstale; /* calls that saw `last` replaced, or released it then */
    gap gaps[ALL];
    size_t ngaps;
} walk;

static uint64_t later(uint64_t a, uint64_t b) { return a > b ? a : b; }

static const char *check_claim(walk *w, const call *c) {
    if (c->kind != CLAIM) {
        return "a generation that nobody claimed";
    }
    if (c->old != w->last) {
        return "the chain is broken";
    }
    if (w->last == 0) {
        w->gaps[w->ngaps++] = (gap){w->now, c->ended};
    }
    w->now = later(w->now, c->begun);
    for (size_t i = 0; i < w->nstale; i++) {
        if (w->stale[i]->ended < w->now) {
            return "replaced or released too early";
        }
    }
    w->nstale = 0;
    w->last = c->generation;
    return w->now > c->ended ? "claimed too late" : NULL;
}

/* Whether the claim behind this generation's calls says that it replaces it. */
static bool is_replaced(const walk *w, uint64_t generation) {
    const call *c = w->at;
    while (c < w->end && c->generation == generation) {
        c++;
    }
    return c < w->end && c->old == generation;
}

static const char *check_other(walk *w, const call *c, uint64_t claimed) {
    switch (c->kind) {
    case IS_OWNER:
        if (c->ended < claimed) {
            return "seen before it was claimed";
        }
        w->now = later(w->now, c->begun);
        return NULL;
    case IS_REPLACED:
        w->stale[w->nstale++] = c;
        return is_replaced(w, c->generation) ? NULL : "no owner, but not replaced";
    case RELEASE:
        if (is_replaced(w, c->generation)) {
            w->stale[w->nstale++] = c;
            return NULL;
        }
        w->now = later(w->now, c->begun);
        w->last = 0;
        return w->now > c->ended ? "released too late" : NULL;
    case NOBODY:
    case CLAIM:
        break;
    }
    return "claimed twice";
}

static const char *check_nobody(walk *w, const call *from, const call *to) {
    if (w->last == 0) {
        w->gaps[w->ngaps++] = (gap){w->now, UINT64_MAX};
    }
    for (; from < to; from++) {
        size_t i = 0;
        while (i < w->ngaps && (from->ended < w->gaps[i].from || from->begun > w->gaps[i].to)) {
            i++;
        }
        if (i == w->ngaps) {
            return "nobody seen, but there was an owner all the time";
        }
    }
    return NULL;
}

/* @return what is wrong with the history of the key at *at, or NULL. */
static const char *check_key(walk *w, uint64_t *owner) {
    const call *nobody = w->at;
    const char *wrong = NULL;
    while (w->at < w->end && w->at->kind == NOBODY) {
        w->at++;
    }
    const call *seen = w->at;
    while (w->at < w->end && wrong == NULL) {
        const call *claim = w->at++;
        wrong = check_claim(w, claim);
        const uint64_t claimed = w->now;
        while (w->at < w->end && w->at->generation == claim->generation && wrong == NULL) {
            const call *c = w->at++;
            wrong = check_other(w, c, claimed);
        }
    }
    *owner = w->last;
    return wrong != NULL ? wrong : check_nobody(w, nobody, seen);
}

typedef struct verdict {
    const char *wrong;
    size_t owners;  /* keys that are owned at the end */
    uint64_t owned; /* the sum of their generations */
} verdict;

static verdict check(call *calls, size_t n) {
    static walk w;
    verdict v = {.wrong = NULL};
    qsort(calls, n, sizeof *calls, compare);
    for (size_t i = 0; i < n && v.wrong == NULL;) {
        size_t end = i;
        uint64_t owner = 0;
        while (end < n && calls[end].key == calls[i].key) {
            end++;
        }
        w.at = calls + i;
        w.end = calls + end;
        w.now = w.last = 0;
        w.nstale = w.ngaps = 0;
        v.wrong = check_key(&w, &owner);
        v.owners += owner != 0;
        v.owned += owner;
        i = end;
    }
    return v;
}

/* ---- 64 threads ---- */

static call history[ALL];

static uint64_t owned_now(worker *all) {
    uint64_t sum = 0;
    for (size_t t = 0; t < THREADS; t++) {
        for (size_t i = 0; i < all[t].nheld; i++) {
            const held *h = &all[t].held[i];
            uint64_t stream = 0;
            uint64_t generation = 0;
            const bool is = cstar__registry_owner(all[t].r, CSTAR_STR("u"),
                                                  cstar_cstr(h->claim.tab), &stream, &generation);
            const bool mine = is && generation == h->claim.generation;
            assert_true(!mine || (stream == all[t].stream && !h->released));
            sum += mine ? generation : 0;
        }
    }
    return sum;
}

/* Runs the workers and gathers what they saw. @return the number of splits. */
static size_t run(worker *all, cstar__registry *r, bool paged) {
    _Atomic uint64_t clock = 0;
    pthread_barrier_t gate;
    size_t splits = 0;
    assert_int_equal(pthread_barrier_init(&gate, NULL, THREADS), 0);
    for (size_t t = 0; t < THREADS; t++) {
        all[t] = (worker){.r = r,
                          .clock = &clock,
                          .gate = &gate,
                          .paged = paged,
                          .stream = t + 1,
                          .seed = t * 77 + paged};
        assert_int_equal(pthread_create(&all[t].thread, NULL, work, &all[t]), 0);
    }
    for (size_t t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_join(all[t].thread, NULL), 0);
        assert_int_equal(all[t].wrong, 0);
        memcpy(history + t * STEPS, all[t].calls, sizeof all[t].calls);
        for (size_t i = 0; i < STEPS; i++) {
            splits += all[t].calls[i].split;
        }
    }
    (void)pthread_barrier_destroy(&gate);
    return splits;
}

static void release_all(worker *all) {
    for (size_t t = 0; t < THREADS; t++) {
        for (size_t i = 0; i < all[t].nheld; i++) {
            release(&all[t], &all[t].held[i]);
        }
        assert_int_equal(all[t].wrong, 0);
    }
}

static void stress(bool paged) {
    cstar__registry *r = cstar__registry_new(&(cstar__registry_opts){.seed = {3, 4}});
    static worker all[THREADS];
    assert_non_null(r);
    assert_int_equal(run(all, r, paged) > 100, paged);
    const verdict v = check(history, ALL);
    if (v.wrong != NULL) {
        fail_msg("%s", v.wrong);
    }
    assert_int_equal(cstar__registry_count(r), v.owners);
    assert_int_equal(owned_now(all), v.owned);
    release_all(all);
    assert_int_equal(cstar__registry_count(r), 0);
    cstar__registry_free(r);
}

static void test_linearizable(void **state) {
    (void)state;
    stress(false);
}

static void test_linearizable_with_pages(void **state) {
    (void)state;
    stress(true);
}

/* ---- the check finds what it is for ---- */

static void test_check_itself(void **state) {
    (void)state;
    static const struct {
        const char *wrong;
        call calls[4];
    } cases[] = {
        {NULL,
         {{1, 10, 0, 1, 2, CLAIM, 0}, {1, 20, 10, 3, 4, CLAIM, 0}, {1, 10, 0, 5, 6, RELEASE, 0}}},
        {NULL,
         {{1, 10, 0, 1, 2, CLAIM, 0}, {1, 10, 0, 3, 6, RELEASE, 0}, {1, 20, 0, 4, 5, CLAIM, 0}}},
        {NULL,
         {{1, 10, 0, 1, 8, CLAIM, 0}, {1, 0, 0, 2, 3, NOBODY, 0}, {1, 10, 0, 4, 5, IS_OWNER, 0}}},
        {"the chain is broken", {{1, 10, 0, 1, 2, CLAIM, 0}, {1, 20, 0, 3, 4, CLAIM, 0}}},
        {"the chain is broken",
         {{1, 10, 0, 1, 2, CLAIM, 0}, {1, 20, 10, 3, 4, CLAIM, 0}, {1, 30, 10, 5, 6, CLAIM, 0}}},
        {"claimed too late", {{1, 10, 0, 3, 4, CLAIM, 0}, {1, 20, 10, 1, 2, CLAIM, 0}}},
        {"released too late",
         {{1, 10, 0, 1, 2, CLAIM, 0}, {1, 10, 0, 3, 4, RELEASE, 0}, {1, 10, 0, 5, 6, IS_OWNER, 0}}},
        {"claimed too late",
         {{1, 10, 0, 1, 2, CLAIM, 0}, {1, 20, 10, 3, 4, CLAIM, 0}, {1, 10, 0, 5, 6, IS_OWNER, 0}}},
        {"seen before it was claimed", {{1, 10, 0, 3, 4, CLAIM, 0}, {1, 10, 0, 1, 2, IS_OWNER, 0}}},
        {"no owner, but not replaced",
         {{1, 10, 0, 1, 2, CLAIM, 0}, {1, 10, 0, 3, 4, IS_REPLACED, 0}}},
        {"replaced or released too early",
         {{1, 10, 0, 1, 2, CLAIM, 0}, {1, 10, 0, 3, 4, RELEASE, 0}, {1, 20, 10, 5, 6, CLAIM, 0}}},
        {"claimed twice", {{1, 10, 0, 1, 2, CLAIM, 0}, {1, 10, 0, 3, 4, CLAIM, 0}}},
        {"a generation that nobody claimed", {{1, 10, 0, 1, 2, IS_OWNER, 0}}},
        {"nobody seen, but there was an owner all the time",
         {{1, 10, 0, 1, 2, CLAIM, 0}, {1, 0, 0, 3, 4, NOBODY, 0}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        call calls[4];
        size_t n = 0;
        memcpy(calls, cases[i].calls, sizeof calls);
        while (n < 4 && calls[n].key != 0) {
            n++;
        }
        const char *wrong = check(calls, n).wrong;
        if ((wrong == NULL) != (cases[i].wrong == NULL) ||
            (wrong != NULL && strcmp(wrong, cases[i].wrong) != 0)) {
            fail_msg("case %zu: %s", i, wrong != NULL ? wrong : "nothing found");
        }
    }
}

/* ---- twelve at once ---- */

enum { TWELVE = 12, ROUNDS = 200 };

typedef struct racer {
    pthread_t thread;
    cstar__registry *r;
    pthread_barrier_t *gate;
    uint64_t stream;
    cstar__claim won[ROUNDS];
    size_t failed;
} racer;

static cstar__tab round_tab(char name[16], int round) {
    (void)snprintf(name, 16, "t%d", round);
    return (cstar__tab){.scope = CSTAR_STR("u"), .tab = cstar_cstr(name)};
}

static void *race(void *arg) {
    racer *me = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char name[16];
        const cstar__tab t = round_tab(name, i);
        (void)pthread_barrier_wait(me->gate);
        me->failed += cstar__registry_claim(me->r, &t, me->stream, &me->won[i]) != CSTAR_OK;
    }
    return NULL;
}

/* Exactly one began the chain, each but the owner was replaced once, by its successor. */
static void check_round(racer *all, int round) {
    char name[16];
    const cstar__tab t = round_tab(name, round);
    uint64_t owner = 0;
    size_t began = 0;
    size_t times[TWELVE + 1] = {0};
    assert_true(cstar__registry_owner(all[0].r, t.scope, t.tab, &owner, NULL));
    for (size_t i = 0; i < TWELVE; i++) {
        const cstar__claim *c = &all[i].won[round];
        began += !c->replaces;
        if (c->replaces) {
            assert_true(c->old_stream >= 1 && c->old_stream <= TWELVE);
            times[c->old_stream]++;
            assert_int_equal(c->old_generation, all[c->old_stream - 1].won[round].generation);
        }
    }
    assert_int_equal(began, 1);
    for (uint64_t s = 1; s <= TWELVE; s++) {
        assert_int_equal(times[s], s != owner);
    }
}

static void test_twelve(void **state) {
    (void)state;
    static racer all[TWELVE];
    pthread_barrier_t gate;
    cstar__registry *r = cstar__registry_new(&(cstar__registry_opts){.seed = {5, 6}});
    assert_non_null(r);
    assert_int_equal(pthread_barrier_init(&gate, NULL, TWELVE), 0);
    for (size_t i = 0; i < TWELVE; i++) {
        all[i] = (racer){.r = r, .gate = &gate, .stream = i + 1};
        assert_int_equal(pthread_create(&all[i].thread, NULL, race, &all[i]), 0);
    }
    for (size_t i = 0; i < TWELVE; i++) {
        assert_int_equal(pthread_join(all[i].thread, NULL), 0);
        assert_int_equal(all[i].failed, 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        check_round(all, i);
    }
    assert_int_equal(cstar__registry_count(r), ROUNDS);
    (void)pthread_barrier_destroy(&gate);
    cstar__registry_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_itself),
        cmocka_unit_test(test_twelve),
        cmocka_unit_test(test_linearizable),
        cmocka_unit_test(test_linearizable_with_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
