/* bench-live-registry -- what a claim costs with few and with many tabs, in nanoseconds and bytes.
 *
 * Tabs are taken at random, in batches whose keys are made before the clock starts. The sizes take
 * turns, so that a slow moment of the machine meets all of them; the lower quartile counts. Twice:
 * nothing but claims, one after the other, when few tabs are all in the nearest cache; and each
 * call by itself behind other work, which has had the caches, as in a server.
 * SPDX-License-Identifier: MIT */
#include "live/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SIZES = 3, ROUNDS = 9, WARM = 100, BATCHES = 100, BATCH = 256, KINDS = 4 };
enum { CALLS = 3000, CROWD = 2 << 20, LINE = 64 };

static const size_t sizes[SIZES] = {1000, 10000, 100000};
static char other_work[CROWD];
static const char *const names[KINDS] = {"who owns it", "reconnect and release",
                                         "next page and release", "release and claim anew"};

typedef struct key {
    char scope[16], tab[32], page[32];
    size_t tab_index;
} key;

typedef struct table {
    cstar__registry *r;
    size_t n;
    uint64_t *generation, *stream; /* of the owner of each tab */
    uint64_t next, *page;
    double ns[KINDS][ROUNDS];
    double cold[KINDS][CALLS];
} table;

static uint64_t seed = 7;

static uint64_t rnd(void) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return seed >> 31;
}

static double now_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* not what other programs take */
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void hex(char *to, size_t n, uint64_t of) {
    uint64_t x = of + 1;
    for (size_t i = 0; i < n; i++) {
        if (i % 16 == 0) {
            x = (x ^ x >> 31) * 0x9e3779b97f4a7c15U;
        }
        to[i] = "0123456789abcdef"[x >> (i % 16 * 4) & 15];
    }
}

static key key_at(const table *t, size_t i) {
    key k = {.tab_index = i};
    hex(k.scope, sizeof k.scope, i / 3);
    hex(k.tab, sizeof k.tab, i);
    hex(k.page, sizeof k.page, t->page[i]);
    return k;
}

static cstar__tab tab_of(const key *k) {
    return (cstar__tab){.scope = cstar_view(k->scope, sizeof k->scope),
                        .tab = cstar_view(k->tab, sizeof k->tab),
                        .page = cstar_view(k->page, sizeof k->page)};
}

/* ---- one call of each kind ---- */

static bool ask(table *t, const key *k) {
    const cstar__tab tab = tab_of(k);
    return cstar__registry_owner(t->r, tab.scope, tab.tab, NULL, NULL);
}

static bool claim(table *t, const key *k) {
    const cstar__tab tab = tab_of(k);
    cstar__claim c;
    if (cstar__registry_claim(t->r, &tab, ++t->next, &c) != CSTAR_OK) {
        return false;
    }
    if (c.replaces) {
        cstar__registry_release(t->r, &tab, c.old_stream, c.old_generation);
    }
    t->generation[k->tab_index] = c.generation;
    t->stream[k->tab_index] = t->next;
    return !c.split;
}

static bool claim_anew(table *t, const key *k) {
    const cstar__tab tab = tab_of(k);
    cstar__registry_release(t->r, &tab, t->stream[k->tab_index], t->generation[k->tab_index]);
    return claim(t, k);
}

static bool (*const calls[KINDS])(table *, const key *) = {ask, claim, claim, claim_anew};

/* ---- rounds ---- */

static key some_key(table *t, size_t kind) {
    const size_t tab = (size_t)(rnd() % t->n);
    t->page[tab] += kind == 2 ? ++t->next << 20 : 0;
    return key_at(t, tab);
}

static bool batch(table *t, size_t kind, double *spent) {
    static key keys[BATCH];
    bool good = true;
    for (size_t i = 0; i < BATCH; i++) {
        keys[i] = some_key(t, kind);
    }
    const double start = now_ns();
    for (size_t i = 0; i < BATCH; i++) {
        good = calls[kind](t, &keys[i]) && good;
    }
    *spent += now_ns() - start;
    return good;
}

static bool run_round(table *t, size_t kind, size_t round) {
    double spent = 0;
    bool good = true;
    for (size_t i = 0; i < WARM + BATCHES; i++) { /* the other sizes have had the caches */
        spent = i == WARM ? 0 : spent;
        good = batch(t, kind, &spent) && good;
    }
    t->ns[kind][round] = spent / (BATCHES * BATCH);
    return good;
}

/* Each call behind other work. By the wall clock, which is quick to read. */
static bool run_cold(table *t, size_t kind, size_t call) {
    for (size_t i = 0; i < CROWD; i += LINE) {
        other_work[i]++;
    }
    struct timespec from;
    struct timespec to;
    const key k = some_key(t, kind);
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    const bool good = calls[kind](t, &k);
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    t->cold[kind][call] =
        (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
    return good;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The lower quartile: other programs only make it slower. */
static double typical(double *ns, size_t n) {
    qsort(ns, n, sizeof *ns, compare);
    return ns[n / 4];
}

/* ---- tables ---- */

static size_t bytes;

static void *count_resize(void *ctx, void *ptr, size_t old_size, size_t new_size) {
    void *p = cstar_heap()->resize(ctx, ptr, old_size, new_size);
    if (p != NULL || new_size == 0) {
        bytes += new_size - (ptr != NULL ? old_size : 0);
    }
    return p;
}

static const cstar_allocator counting = {count_resize, NULL};

static bool fill(table *t, size_t n) {
    bytes = 0;
    t->n = n;
    t->r = cstar__registry_new(
        &(cstar__registry_opts){.alloc = &counting, .max_claims = n, .seed = {1, 2}});
    t->generation = calloc(n, sizeof *t->generation);
    t->stream = calloc(n, sizeof *t->stream);
    t->page = calloc(n, sizeof *t->page);
    const size_t empty = bytes;
    bool good = t->r != NULL && t->generation != NULL && t->stream != NULL && t->page != NULL;
    for (size_t i = 0; i < n && good; i++) {
        t->page[i] = i;
        const key k = key_at(t, i);
        good = claim(t, &k);
    }
    printf("%8zu tabs: %zu bytes empty, %.0f for each claim\n", n, empty,
           (double)(bytes - empty) / (double)n);
    return good;
}

static void fini(table *t) {
    cstar__registry_free(t->r);
    free(t->generation);
    free(t->stream);
    free(t->page);
}

static void print_line(const char *name, const double ns[SIZES]) {
    printf("%-24s", name);
    for (size_t i = 0; i < SIZES; i++) {
        printf(" %8.0f", ns[i]);
    }
    printf("  %.2f\n", ns[SIZES - 1] / ns[0]);
}

static void print_all(table *tables, bool cold) {
    printf("%-24s %8s %8s %8s  100 000 : 1 000\n", cold ? "ns, behind other work" : "ns", "1 000",
           "10 000", "100 000");
    for (size_t kind = 0; kind < KINDS; kind++) {
        double ns[SIZES];
        for (size_t i = 0; i < SIZES; i++) {
            ns[i] =
                cold ? typical(tables[i].cold[kind], CALLS) : typical(tables[i].ns[kind], ROUNDS);
        }
        print_line(names[kind], ns);
    }
}

static bool measure(table *tables) {
    bool good = true;
    for (size_t round = 0; round < ROUNDS && good; round++) {
        for (size_t i = 0; i < (size_t)SIZES * KINDS; i++) {
            good = run_round(&tables[i % SIZES], i / SIZES, round) && good;
        }
    }
    for (size_t call = 0; call < CALLS && good; call++) {
        for (size_t i = 0; i < (size_t)SIZES * KINDS; i++) {
            good = run_cold(&tables[i % SIZES], i / SIZES, call) && good;
        }
    }
    return good;
}

int main(void) {
    static table tables[SIZES];
    bool good = true;
    for (size_t i = 0; i < SIZES; i++) {
        good = fill(&tables[i], sizes[i]) && good;
    }
    good = good && measure(tables);
    print_all(tables, false);
    print_all(tables, true);
    for (size_t i = 0; i < SIZES; i++) {
        fini(&tables[i]);
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
