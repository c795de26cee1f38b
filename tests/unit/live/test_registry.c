/* test_registry.c -- claims, takeovers, releases, splits, signals and limits, rule by rule, each
 * allocation failing, and at random against a plain model.
 * SPDX-License-Identifier: MIT */
#include "live/registry.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- helpers ---- */

static cstar__registry *fresh(const cstar__registry_opts *opts) {
    cstar__registry *r = cstar__registry_new(opts);
    assert_non_null(r);
    return r;
}

static cstar__tab tab3(const char *scope, const char *tab, const char *page) {
    return (cstar__tab){
        .scope = cstar_cstr(scope), .tab = cstar_cstr(tab), .page = cstar_cstr(page)};
}

static cstar__claim claim(cstar__registry *r, cstar__tab t, uint64_t stream) {
    cstar__claim c = {.generation = 0};
    assert_int_equal(cstar__registry_claim(r, &t, stream, &c), CSTAR_OK);
    assert_int_not_equal(c.generation, 0);
    return c;
}

static void release(cstar__registry *r, const char *scope, const cstar__claim *c, uint64_t stream) {
    const cstar__tab t = tab3(scope, c->tab, NULL);
    cstar__registry_release(r, &t, stream, c->generation);
}

/* 0: nobody. */
static uint64_t owner(cstar__registry *r, const char *scope, const char *tab) {
    uint64_t stream = 0;
    uint64_t generation = 0;
    const bool is =
        cstar__registry_owner(r, cstar_cstr(scope), cstar_cstr(tab), &stream, &generation);
    assert_int_equal(is, generation != 0);
    return stream;
}

static cstar_status keep(cstar__registry *r, const char *tab, const char *json) {
    return cstar__registry_keep_signals(r, CSTAR_STR("u"), cstar_cstr(tab), cstar_cstr(json));
}

static void assert_signals(cstar__registry *r, const char *tab, const char *json) {
    cstar_buf b;
    cstar_buf_init(&b, cstar_heap(), 0);
    const cstar_status rc = cstar__registry_signals(r, CSTAR_STR("u"), cstar_cstr(tab), &b);
    assert_int_equal(rc, json != NULL ? CSTAR_OK : CSTAR_ENOENT);
    assert_true(cstar_str_eq(cstar_buf_view(&b), cstar_cstr(json)));
    cstar_buf_fini(&b);
}

/* ---- owners ---- */

static void test_takeover(void **state) {
    (void)state;
    cstar__registry *r = fresh(&(cstar__registry_opts){.max_claims = 0});
    const cstar__tab t = tab3("u", "t", NULL);
    assert_int_equal(owner(r, "u", "t"), 0);
    const cstar__claim a = claim(r, t, 1);
    assert_false(a.replaces);
    assert_false(a.split);
    assert_string_equal(a.tab, "t");
    const cstar__claim again = claim(r, t, 1);
    assert_int_equal(again.generation, a.generation);
    assert_false(again.replaces);
    const cstar__claim b = claim(r, t, 2);
    assert_true(b.replaces);
    assert_int_equal(b.old_stream, 1);
    assert_int_equal(b.old_generation, a.generation);
    assert_true(b.generation > a.generation);
    assert_int_equal(owner(r, "u", "t"), 2);
    assert_int_equal(cstar__registry_count(r), 1);
    cstar__registry_free(r);
}

static void test_release(void **state) {
    (void)state;
    cstar__registry *r = fresh(&(cstar__registry_opts){.max_claims = 0});
    const cstar__tab t = tab3("u", "t", NULL);
    const cstar__claim a1 = claim(r, t, 1);
    const cstar__claim b = claim(r, t, 2);
    const cstar__claim a2 = claim(r, t, 1); /* the same stream, a new generation */
    assert_true(a2.replaces);
    cstar__registry_release(r, &t, 2, a2.generation); /* not its own */
    cstar__registry_release(r, &t, 1, b.generation);
    cstar__registry_release(r, &t, 1, 0);
    assert_int_equal(owner(r, "u", "t"), 1);
    release(r, "u", &a1, 1); /* stale: the newer one stays */
    assert_int_equal(owner(r, "u", "t"), 1);
    release(r, "u", &a1, 1);
    release(r, "u", &b, 2);
    release(r, "other", &a2, 1); /* another key */
    assert_int_equal(owner(r, "u", "t"), 1);
    assert_int_equal(cstar__registry_count(r), 1);
    release(r, "u", &a2, 1);
    release(r, "u", &a2, 1);
    assert_int_equal(owner(r, "u", "t"), 0);
    assert_int_equal(cstar__registry_count(r), 0);
    assert_false(claim(r, t, 3).replaces);
    cstar__registry_free(r);
}

static void test_keys_apart(void **state) {
    (void)state;
    static const char *const keys[][2] = {{"u1", "t"}, {"u2", "t"},  {"u1", "t2"}, {"u", "1t"},
                                          {"", "u1t"}, {"u1t", "x"}, {"u1", " t"}, {"U1", "t"}};
    cstar__registry *r = fresh(&(cstar__registry_opts){.max_claims = 0});
    for (size_t i = 0; i < 8; i++) {
        assert_false(claim(r, tab3(keys[i][0], keys[i][1], NULL), i + 1).replaces);
    }
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(owner(r, keys[i][0], keys[i][1]), i + 1);
    }
    assert_int_equal(owner(r, NULL, "u1t"), 5); /* an absent scope is the empty one */
    cstar__registry_free(r);
}

static void test_refused(void **state) {
    (void)state;
    cstar__registry *r = fresh(&(cstar__registry_opts){.max_claims = 0});
    static char scope[65536];
    memset(scope, 's', sizeof scope);
    cstar__claim c = {.generation = 77};
    cstar__tab t = {.scope = cstar_view(scope, 65535), .tab = CSTAR_STR("  ")};
    assert_int_equal(cstar__registry_claim(r, &t, 1, &c), CSTAR_EINVAL);
    t.tab = (cstar_str){NULL, 0};
    assert_int_equal(cstar__registry_claim(r, &t, 1, &c), CSTAR_EINVAL);
    t = (cstar__tab){.scope = cstar_view(scope, 65536), .tab = CSTAR_STR("t")};
    assert_int_equal(cstar__registry_claim(r, &t, 1, &c), CSTAR_EINVAL);
    assert_int_equal(c.generation, 77);
    assert_int_equal(cstar__registry_count(r), 0);
    t.scope.len--;
    assert_int_equal(cstar__registry_claim(r, &t, 1, &c), CSTAR_OK);
    cstar__registry_free(r);
}

static void test_limit(void **state) {
    (void)state;
    cstar__registry *r = fresh(&(cstar__registry_opts){.max_claims = 2});
    cstar__claim c = {.generation = 0};
    cstar__tab t = tab3("u", "c", NULL);
    claim(r, tab3("u", "a", NULL), 1);
    claim(r, tab3("u", "b", NULL), 2);
    assert_int_equal(cstar__registry_claim(r, &t, 3, &c), CSTAR_ELIMIT);
    assert_int_equal(cstar__registry_count(r), 2);
    for (uint64_t stream = 3; stream < 10; stream++) { /* a takeover is no further claim */
        assert_true(claim(r, tab3("u", "a", NULL), stream).replaces);
    }
    assert_int_equal(cstar__registry_claim(r, &t, 3, &c), CSTAR_ELIMIT);
    const cstar__claim two = {.generation = claim(r, tab3("u", "b", NULL), 2).generation,
                              .tab = "b"};
    release(r, "u", &two, 2);
    assert_int_equal(cstar__registry_claim(r, &t, 3, &c), CSTAR_OK);
    cstar__registry_free(r);
}

/* ---- pages ---- */

static void test_split(void **state) {
    (void)state;
    char derived[33];
    cstar__registry *r = fresh(&(cstar__registry_opts){.max_claims = 0});
    cstar__tab_id_derive(CSTAR_STR("t"), CSTAR_STR("p1"), derived);
    claim(r, tab3("u", "t", "p1"), 1);
    const cstar__claim two = claim(r, tab3("u", "t", "p2"), 2); /* the duplicate */
    assert_true(two.replaces && !two.split);
    const cstar__claim back = claim(r, tab3("u", "t", "p1"), 3); /* p1 lives, too */
    assert_true(back.split && !back.replaces);
    assert_string_equal(back.tab, derived);
    assert_int_equal(owner(r, "u", "t"), 2);
    assert_int_equal(owner(r, "u", derived), 3);
    assert_int_equal(claim(r, tab3("u", "t", "p1"), 3).generation, back.generation);
    /* It comes back with the old id, and with the new one. */
    const cstar__claim old = claim(r, tab3("u", "t", "p1"), 4);
    assert_true(old.split && old.replaces);
    assert_int_equal(old.old_stream, 3);
    const cstar__claim new = claim(r, tab3("u", derived, "p1"), 5);
    assert_true(!new.split &&new.replaces);
    assert_string_equal(new.tab, derived);
    assert_int_equal(owner(r, "u", "t"), 2);
    /* Its derived key has an owner: it goes there also when the first key has none. */
    release(r, "u", &two, 2);
    assert_true(claim(r, tab3("u", "t", "p1"), 6).split);
    assert_int_equal(owner(r, "u", "t"), 0);
    cstar__registry_free(r);
}

static void test_not_split(void **state) {
    (void)state;
    cstar__registry *r = fresh(&(cstar__registry_opts){.max_claims = 0});
    /* A page that reconnects takes over from itself; no page is ever split without a name. */
    claim(r, tab3("u", "t", "p1"), 1);
    assert_true(claim(r, tab3("u", "t", "p1"), 2).replaces);
    assert_true(claim(r, tab3("u", "t", "p2"), 3).replaces);
    assert_true(claim(r, tab3("u", "t", "p2"), 4).replaces);
    assert_true(claim(r, tab3("u", "t", NULL), 5).replaces);
    assert_true(claim(r, tab3("u", "t", NULL), 6).replaces);
    /* Other keys know nothing of it. */
    claim(r, tab3("u", "t2", "p9"), 7);
    assert_true(claim(r, tab3("u", "t2", "p1"), 8).replaces);
    claim(r, tab3("v", "t", "p9"), 9);
    assert_true(claim(r, tab3("v", "t", "p1"), 10).replaces);
    /* What was replaced is forgotten with the claim. */
    const cstar__claim last = claim(r, tab3("u", "t", NULL), 11);
    release(r, "u", &last, 11);
    const cstar__claim first = claim(r, tab3("u", "t", "p1"), 12);
    assert_false(first.replaces || first.split);
    cstar__registry_free(r);
}

static void test_remembers_eight(void **state) {
    (void)state;
    cstar__registry *r = fresh(&(cstar__registry_opts){.max_claims = 0});
    char page[8];
    for (uint64_t i = 0; i <= 9; i++) { /* p9 is the owner; p8 ... p1 are remembered, p0 is not */
        (void)snprintf(page, sizeof page, "p%d", (int)i);
        assert_false(claim(r, tab3("u", "t", page), i + 1).split);
    }
    for (uint64_t i = 1; i <= 8; i++) {
        (void)snprintf(page, sizeof page, "p%d", (int)i);
        assert_true(claim(r, tab3("u", "t", page), 100 + i).split);
    }
    const cstar__claim c = claim(r, tab3("u", "t", "p0"), 200);
    assert_false(c.split);
    assert_int_equal(c.old_stream, 10);
    cstar__registry_free(r);
}

static void assert_resolves(cstar__registry *r, cstar__tab t, const char *to) {
    char tab[CSTAR__TAB_ID_MAX + 1] = "untouched";
    assert_int_equal(cstar__registry_resolve(r, &t, tab), to != NULL ? CSTAR_OK : CSTAR_ENOENT);
    assert_string_equal(tab, to != NULL ? to : "untouched");
}

static void test_resolve(void **state) {
    (void)state;
    char derived[33];
    cstar__registry *r = fresh(&(cstar__registry_opts){.max_claims = 0});
    cstar__tab_id_derive(CSTAR_STR("t"), CSTAR_STR("p1"), derived);
    assert_resolves(r, tab3("u", "t", "p1"), NULL);
    assert_resolves(r, tab3("u", "", "p1"), NULL);
    claim(r, tab3("u", "t", "p1"), 1);
    assert_resolves(r, tab3("u", "t", "p1"), "t");
    assert_resolves(r, tab3("u", "t", NULL), "t");
    assert_resolves(r, tab3("u", "t", "p2"), NULL); /* its stream is not there yet */
    claim(r, tab3("u", "t", "p2"), 2);
    assert_resolves(r, tab3("u", "t", "p1"), NULL); /* it has no stream any more */
    claim(r, tab3("u", "t", "p1"), 3);
    assert_resolves(r, tab3("u", "t", "p1"), derived);
    assert_resolves(r, tab3("u", derived, "p1"), derived);
    assert_resolves(r, tab3("u", "t", "p2"), "t");
    claim(r, tab3("u", "t", NULL), 4); /* an owner whose page is not known */
    assert_resolves(r, tab3("u", "t", "p7"), "t");
    assert_resolves(r, tab3("u", "t", "p1"), derived);
    cstar__registry_free(r);
}

/* ---- signals ---- */

static void test_signals(void **state) {
    (void)state;
    failalloc f;
    failalloc_init(&f, 0);
    cstar__registry *r = fresh(&(cstar__registry_opts){.alloc = &f.alloc});
    assert_int_equal(keep(r, "t", "{}"), CSTAR_ENOENT);
    const cstar__claim c = claim(r, tab3("u", "t", "p1"), 1);
    assert_signals(r, "t", NULL);
    assert_int_equal(keep(r, "t", "{\"a\":1}"), CSTAR_OK);
    assert_signals(r, "t", "{\"a\":1}");
    assert_int_equal(keep(r, "t", "{\"a\":22}"), CSTAR_OK);
    assert_int_equal(keep(r, "t", "{\"a\":33}"), CSTAR_OK);
    assert_signals(r, "t", "{\"a\":33}");
    assert_int_equal(keep(r, "t", "{}"), CSTAR_OK);
    assert_signals(r, "t", "{}");
    assert_int_equal(cstar__registry_signal_bytes(r), 2);
    assert_int_equal(keep(r, "t", ""), CSTAR_OK);
    assert_signals(r, "t", NULL);
    assert_int_equal(keep(r, "t", "{}"), CSTAR_OK);
    release(r, "u", &c, 1);
    assert_signals(r, "t", NULL);
    assert_int_equal(cstar__registry_signal_bytes(r), 0);
    claim(r, tab3("u", "t", "p1"), 2);
    assert_signals(r, "t", NULL); /* not those of the claim before */
    assert_int_equal(keep(r, "t", "{}"), CSTAR_OK);
    cstar__registry_free(r);
    assert_int_equal(f.live_bytes, 0);
}

static void test_signals_belong_to_a_page(void **state) {
    (void)state;
    static const struct {
        const char *was, *is;
        bool kept;
    } cases[] = {{"p1", "p1", true},
                 {"p1", "p2", false},
                 {"p1", NULL, false},
                 {NULL, "p1", false},
                 {NULL, NULL, false}};
    for (size_t i = 0; i < 5; i++) {
        cstar__registry *r = fresh(&(cstar__registry_opts){.max_claims = 0});
        claim(r, tab3("u", "t", cases[i].was), 1);
        assert_int_equal(keep(r, "t", "{}"), CSTAR_OK);
        claim(r, tab3("u", "t", cases[i].was), 1); /* the same stream changes nothing */
        assert_signals(r, "t", "{}");
        claim(r, tab3("u", "t", cases[i].is), 2);
        assert_signals(r, "t", cases[i].kept ? "{}" : NULL);
        cstar__registry_free(r);
    }
}

static void test_signal_limits(void **state) {
    (void)state;
    cstar__registry *r = fresh(&(cstar__registry_opts){.max_signals = 8, .max_signals_total = 12});
    claim(r, tab3("u", "a", NULL), 1);
    claim(r, tab3("u", "b", NULL), 2);
    assert_int_equal(keep(r, "a", "{\"a\":1}"), CSTAR_OK);
    assert_int_equal(keep(r, "a", "{\"a\":123}"), CSTAR_ELIMIT);
    assert_signals(r, "a", "{\"a\":1}");
    assert_int_equal(keep(r, "b", "{}"), CSTAR_OK);
    assert_int_equal(keep(r, "b", "{\"b\":1}"), CSTAR_ELIMIT); /* 14 in all */
    assert_signals(r, "b", "{}");
    assert_int_equal(keep(r, "a", "{}"), CSTAR_OK);
    assert_int_equal(keep(r, "b", "{\"b\":12}"), CSTAR_OK);
    assert_int_equal(cstar__registry_signal_bytes(r), 10);
    /* a reader without room */
    char mem[4];
    cstar_buf b;
    cstar_buf_fixed(&b, mem, sizeof mem);
    assert_int_equal(cstar__registry_signals(r, CSTAR_STR("u"), CSTAR_STR("b"), &b), CSTAR_ELIMIT);
    cstar__registry_free(r);
    r = fresh(&(cstar__registry_opts){.max_claims = 0}); /* the default: 64 KiB */
    static char large[65537];
    memset(large, ' ', sizeof large);
    claim(r, tab3("u", "a", NULL), 1);
    assert_int_equal(
        cstar__registry_keep_signals(r, CSTAR_STR("u"), CSTAR_STR("a"), cstar_view(large, 65537)),
        CSTAR_ELIMIT);
    assert_int_equal(
        cstar__registry_keep_signals(r, CSTAR_STR("u"), CSTAR_STR("a"), cstar_view(large, 65536)),
        CSTAR_OK);
    cstar__registry_free(r);
}

/* ---- memory ---- */

/* One round of everything; what failed must have changed nothing. @return how often it failed. */
static size_t round_of_all(cstar__registry *r) {
    static const char *const pages[] = {"p1", "p2", "p1", "p2", NULL, "p3"};
    size_t failed = 0;
    cstar__claim made[300];
    size_t n = 0;
    for (uint64_t i = 0; i < 120; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "t%d", (int)(i % 20));
        const cstar__tab t = tab3("u", name, pages[i / 20]);
        const uint64_t before = owner(r, "u", name);
        const size_t count = cstar__registry_count(r);
        cstar__claim c = {.generation = 0};
        const cstar_status rc = cstar__registry_claim(r, &t, i + 1, &c);
        if (rc == CSTAR_OK) {
            made[n++] = c;
            assert_int_equal(owner(r, "u", c.tab), i + 1);
        } else {
            failed++;
            assert_int_equal(rc, CSTAR_ENOMEM);
            assert_int_equal(c.generation, 0);
            assert_int_equal(owner(r, "u", name), before);
            assert_int_equal(cstar__registry_count(r), count);
        }
        const cstar_status kept = keep(r, name, "{\"some\":\"signals\"}");
        failed += kept == CSTAR_ENOMEM;
        assert_true(kept == CSTAR_OK || kept == CSTAR_ENOMEM || owner(r, "u", name) == 0);
        if (kept == CSTAR_OK) {
            assert_signals(r, name, "{\"some\":\"signals\"}");
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (uint64_t stream = 1; stream <= 120; stream++) {
            release(r, "u", &made[i], stream);
        }
    }
    return failed;
}

static void test_failures(void **state) {
    (void)state;
    failalloc f;
    size_t all = 0;
    for (size_t n = 0; n == 0 || n <= all; n++) {
        failalloc_init(&f, n);
        cstar__registry *r = cstar__registry_new(&(cstar__registry_opts){.alloc = &f.alloc});
        assert_int_equal(r == NULL, n == 1);
        if (r != NULL) {
            /* at most one: a table that can't shrink says nothing */
            assert_true(round_of_all(r) <= (n != 0));
            assert_int_equal(cstar__registry_count(r), 0);
            assert_int_equal(cstar__registry_signal_bytes(r), 0);
        }
        all = n == 0 ? f.calls : all;
        cstar__registry_free(r);
        assert_int_equal(f.live_bytes, 0);
    }
    assert_true(all > 100);
    /* From the n-th on nothing is left. */
    for (size_t n = 2; n <= all; n += 7) {
        failalloc_init(&f, n);
        f.sticky = true;
        cstar__registry *r = fresh(&(cstar__registry_opts){.alloc = &f.alloc});
        assert_true(round_of_all(r) > 0 || n > all - 40);
        cstar__registry_free(r);
        assert_int_equal(f.live_bytes, 0);
    }
}

/* ---- against a model ---- */

enum { STREAMS = 12, MODEL = 400, HISTORY = 4096 };

typedef struct owned {
    char scope[4], tab[40], page[8];
    char pages[8][8]; /* that were replaced, newest first */
    char signals[16];
    uint64_t stream, generation;
} owned;

typedef struct past {
    char scope[4], tab[40];
    uint64_t stream, generation;
} past;

typedef struct model {
    owned at[MODEL];
    size_t n;
    past past[HISTORY]; /* every claim there was, newest at npast - 1; the oldest are forgotten */
    size_t npast;
    size_t splits, takeovers, stale;
} model;

static uint64_t seed = 42;

static uint64_t rnd(uint64_t below) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (seed >> 33) % below;
}

static owned *model_find(model *m, const char *scope, const char *tab) {
    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(m->at[i].scope, scope) == 0 && strcmp(m->at[i].tab, tab) == 0) {
            return &m->at[i];
        }
    }
    return NULL;
}

static bool model_splits(model *m, const cstar__tab *t, uint64_t stream, char derived[33]) {
    const owned *o = model_find(m, t->scope.ptr, t->tab.ptr);
    if (t->page.len == 0 || (o != NULL && o->stream == stream)) {
        return false;
    }
    cstar__tab_id_derive(t->tab, t->page, derived);
    bool found = model_find(m, t->scope.ptr, derived) != NULL;
    for (size_t i = 0; o != NULL && i < 8 && strcmp(o->page, t->page.ptr) != 0; i++) {
        found = found || strcmp(o->pages[i], t->page.ptr) == 0;
    }
    return found;
}

static void model_replace(model *m, owned *o, const char *page) {
    const bool same = strcmp(o->page, page) == 0;
    if (!same && o->page[0] != '\0') {
        memmove(o->pages[1], o->pages[0], sizeof o->pages - sizeof o->pages[0]);
        memcpy(o->pages[0], o->page, sizeof o->page);
    }
    if (!same || page[0] == '\0') {
        o->signals[0] = '\0';
    }
    (void)snprintf(o->page, sizeof o->page, "%s", page);
    m->takeovers++;
}

static void model_record(model *m, const owned *o) {
    if (m->npast == HISTORY) {
        memmove(m->past, m->past + HISTORY / 2, HISTORY / 2 * sizeof *m->past);
        m->npast /= 2;
    }
    past *p = &m->past[m->npast++];
    *p = (past){.stream = o->stream, .generation = o->generation};
    memcpy(p->scope, o->scope, sizeof p->scope);
    memcpy(p->tab, o->tab, sizeof p->tab);
}

static void step_claim(cstar__registry *r, model *m, const cstar__tab *t, uint64_t stream) {
    char derived[33] = "";
    const bool splits = model_splits(m, t, stream, derived);
    const char *tab = splits ? derived : t->tab.ptr;
    owned *o = model_find(m, t->scope.ptr, tab);
    const cstar__claim c = claim(r, *t, stream);
    assert_int_equal(c.split, splits);
    assert_string_equal(c.tab, tab);
    m->splits += splits;
    if (o != NULL && o->stream == stream) {
        assert_int_equal(c.generation, o->generation);
        assert_false(c.replaces);
        return;
    }
    assert_int_equal(c.replaces, o != NULL);
    if (o != NULL) {
        assert_int_equal(c.old_stream, o->stream);
        assert_int_equal(c.old_generation, o->generation);
        assert_true(c.generation > o->generation);
        model_replace(m, o, t->page.len != 0 ? t->page.ptr : "");
    } else {
        assert_true(m->n < MODEL);
        o = &m->at[m->n++];
        *o = (owned){.stream = 0};
        (void)snprintf(o->scope, sizeof o->scope, "%s", t->scope.ptr);
        (void)snprintf(o->tab, sizeof o->tab, "%s", tab);
        (void)snprintf(o->page, sizeof o->page, "%s", t->page.len != 0 ? t->page.ptr : "");
    }
    o->stream = stream;
    o->generation = c.generation;
    model_record(m, o);
}

/* Of any claim there ever was; sometimes with a stream that has it not. */
static void step_release(cstar__registry *r, model *m) {
    past *p = m->npast != 0 ? &m->past[m->npast - 1 - rnd(m->npast < 40 ? m->npast : 40)] : NULL;
    if (p == NULL) {
        return;
    }
    const uint64_t stream = rnd(10) == 0 ? rnd(STREAMS) : p->stream;
    const cstar__tab t = tab3(p->scope, p->tab, NULL);
    cstar__registry_release(r, &t, stream, p->generation);
    if (stream != p->stream) {
        return;
    }
    owned *o = model_find(m, p->scope, p->tab);
    if (o != NULL && o->generation == p->generation) {
        *o = m->at[--m->n];
    } else {
        m->stale++;
    }
}

static void step_signals(cstar__registry *r, model *m, const cstar__tab *t) {
    char json[16];
    owned *o = model_find(m, t->scope.ptr, t->tab.ptr);
    (void)snprintf(json, sizeof json, "{\"n\":%d}", (int)rnd(2000));
    assert_int_equal(cstar__registry_keep_signals(r, t->scope, t->tab, cstar_cstr(json)),
                     o != NULL ? CSTAR_OK : CSTAR_ENOENT);
    if (o != NULL) {
        memcpy(o->signals, json, sizeof json);
    }
}

static void check(cstar__registry *r, const model *m) {
    size_t bytes = 0;
    for (size_t i = 0; i < m->n; i++) {
        const owned *o = &m->at[i];
        char mem[16];
        cstar_buf b;
        uint64_t stream = 0;
        uint64_t generation = 0;
        cstar_buf_fixed(&b, mem, sizeof mem);
        assert_true(cstar__registry_owner(r, cstar_cstr(o->scope), cstar_cstr(o->tab), &stream,
                                          &generation));
        assert_int_equal(stream, o->stream);
        assert_int_equal(generation, o->generation);
        assert_int_equal(cstar__registry_signals(r, cstar_cstr(o->scope), cstar_cstr(o->tab), &b),
                         o->signals[0] != '\0' ? CSTAR_OK : CSTAR_ENOENT);
        assert_true(cstar_str_eq(cstar_buf_view(&b), cstar_cstr(o->signals)));
        bytes += strlen(o->signals);
    }
    assert_int_equal(cstar__registry_count(r), m->n);
    assert_int_equal(cstar__registry_signal_bytes(r), bytes);
}

static void test_model(void **state) {
    (void)state;
    static const char *const scopes[] = {"u", "v"};
    static model m;
    failalloc f;
    failalloc_init(&f, 0);
    cstar__registry *r = fresh(&(cstar__registry_opts){.alloc = &f.alloc, .seed = {1, 2}});
    for (size_t i = 0; i < 20000; i++) {
        char tab[40];
        char page[8];
        (void)snprintf(tab, sizeof tab, "t%d", (int)rnd(4));
        (void)snprintf(page, sizeof page, "p%d", (int)rnd(12));
        if (rnd(8) == 0 && m.n != 0) { /* a page that knows its derived id */
            (void)snprintf(tab, sizeof tab, "%s", m.at[rnd(m.n)].tab);
        }
        const cstar__tab t = tab3(scopes[rnd(2)], tab, rnd(6) != 0 ? page : NULL);
        const uint64_t what = rnd(10);
        if (what < 5) {
            step_claim(r, &m, &t, rnd(STREAMS));
        } else if (what < 9) {
            step_release(r, &m);
        } else {
            step_signals(r, &m, &t);
        }
        if (i % 250 == 0) {
            check(r, &m);
        }
    }
    check(r, &m);
    assert_true(m.splits > 200 && m.takeovers > 1000 && m.stale > 500);
    cstar__registry_free(r);
    assert_int_equal(f.live_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takeover),
        cmocka_unit_test(test_release),
        cmocka_unit_test(test_keys_apart),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_not_split),
        cmocka_unit_test(test_remembers_eight),
        cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_signals_belong_to_a_page),
        cmocka_unit_test(test_signal_limits),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
