/* test_slots.c -- the table against a plain list: random puts and removals, hashes that collide,
 * wrap around and repeat; growing, shrinking, failing.
 * SPDX-License-Identifier: MIT */
#include "live/slots.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST = 600 };

static uint64_t seed = 20240607;

static uint64_t rnd(uint64_t below) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (seed >> 33) % below;
}

typedef struct model {
    uint64_t hash[MOST], word[MOST];
    size_t n;
} model;

static cstar__slot *find(const cstar__slots *t, uint64_t hash, uint64_t word) {
    cstar__slot *s = cstar__slots_first(t, hash);
    while (s != NULL && s->u.word != word) {
        s = cstar__slots_next(t, s);
    }
    return s;
}

static size_t count_of(const cstar__slots *t, uint64_t hash) {
    size_t n = 0;
    for (cstar__slot *s = cstar__slots_first(t, hash); s != NULL; s = cstar__slots_next(t, s)) {
        assert_int_equal(s->hash, hash);
        n++;
    }
    return n;
}

static void check(const cstar__slots *t, const model *m) {
    assert_int_equal(t->n, m->n);
    for (size_t i = 0; i < m->n; i++) {
        size_t same = 0;
        for (size_t j = 0; j < m->n; j++) {
            same += m->hash[j] == m->hash[i];
        }
        assert_non_null(find(t, m->hash[i], m->word[i]));
        assert_int_equal(count_of(t, m->hash[i]), same);
    }
}

/* Few different low bits, so that runs are long and wrap around; some hashes repeat. */
static uint64_t some_hash(void) {
    return (rnd(4) << 40 | (rnd(2) != 0 ? UINT64_MAX - rnd(6) : rnd(40))) | 1U << 12;
}

static void step(cstar__slots *t, model *m, const cstar_allocator *alloc, bool up) {
    if (m->n < MOST && rnd(10) < (up ? 7 : 3)) {
        const uint64_t hash = some_hash();
        assert_true(cstar__slots_room(t, alloc));
        m->hash[m->n] = hash;
        m->word[m->n] = rnd(1U << 30);
        cstar__slots_put(t, (cstar__slot){.hash = hash, .u.word = m->word[m->n]});
        m->n++;
    } else if (m->n != 0) {
        const size_t i = (size_t)rnd(m->n);
        cstar__slots_remove(t, alloc, find(t, m->hash[i], m->word[i]));
        m->n--;
        m->hash[i] = m->hash[m->n];
        m->word[i] = m->word[m->n];
    }
}

static void test_random(void **state) {
    (void)state;
    static model m;
    failalloc f;
    cstar__slots t = {.at = NULL};
    size_t widest = 0;
    failalloc_init(&f, 0);
    for (size_t i = 0; i < 30000; i++) {
        step(&t, &m, &f.alloc, i / 1500 % 2 == 0);
        widest = t.cap > widest ? t.cap : widest;
        if (i % 97 == 0) {
            check(&t, &m);
        }
    }
    check(&t, &m);
    while (m.n != 0) {
        m.n--;
        cstar__slots_remove(&t, &f.alloc, find(&t, m.hash[m.n], m.word[m.n]));
    }
    assert_true(widest >= 512);
    assert_true(t.cap <= 16); /* it has given back what it grew */
    assert_null(cstar__slots_first(&t, 77));
    cstar__slots_fini(&t, &f.alloc);
    assert_int_equal(f.live_bytes, 0);
}

/* The n-th allocation fails, for all n: no growth, then nothing has changed; no shrinking, then it
 * stays large. */
static void test_failures(void **state) {
    (void)state;
    for (size_t n = 1; n <= 12; n++) {
        failalloc f;
        cstar__slots t = {.at = NULL};
        size_t put = 0;
        failalloc_init(&f, n);
        for (uint64_t i = 1; i <= 100; i++) {
            if (cstar__slots_room(&t, &f.alloc)) {
                cstar__slots_put(&t, (cstar__slot){.hash = i * 8, .u.word = i});
                put++;
            } else {
                assert_null(cstar__slots_first(&t, i * 8));
            }
        }
        assert_int_equal(t.n, put);
        for (uint64_t i = 1; i <= 100; i++) {
            cstar__slot *s = cstar__slots_first(&t, i * 8);
            if (s != NULL) {
                assert_int_equal(s->u.word, i);
                cstar__slots_remove(&t, &f.alloc, s);
            }
        }
        assert_int_equal(t.n, 0);
        cstar__slots_fini(&t, &f.alloc);
        assert_int_equal(f.live_bytes, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random),
                                       cmocka_unit_test(test_failures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
