/* test_ring.c -- the replay ring against a model that keeps everything.
 * SPDX-License-Identifier: MIT */
#include "live/ring.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST = 4000 };

/* ---- packets: references counted by id ------------------------------------------------------ */

typedef struct packet {
    uint64_t id;
    int refs;
    char key[8];
} packet;

static packet packets[MOST + 1];
static int held;

static void ref(void *arg) {
    ((packet *)arg)->refs++;
    held++;
}

static void unref(void *arg) {
    packet *p = arg;
    assert_true(p->refs > 0);
    p->refs--;
    held--;
}

static void start_packets(void) {
    memset(packets, 0, sizeof packets);
    held = 0;
}

static cstar__ring_opts limits(size_t count, size_t bytes, uint64_t max_ms) {
    return (cstar__ring_opts){
        .count = count, .bytes = bytes, .max_ms = max_ms, .ref = ref, .unref = unref};
}

static void put(cstar__ring *r, uint64_t id, uint64_t at_ms, size_t bytes) {
    packets[id] = (packet){.id = id};
    cstar__ring_put(
        r, (cstar__ring_entry){.id = id, .at_ms = at_ms, .bytes = bytes, .packet = &packets[id]});
}

typedef struct found {
    uint64_t ids[MOST];
    size_t count, stop_at;
} found;

static bool note(void *arg, const cstar__ring_entry *e) {
    found *f = arg;
    packet *p = e->packet;
    assert_int_equal(p->id, e->id);
    assert_int_equal(p->refs, 1);
    f->ids[f->count++] = e->id;
    return f->count != f->stop_at;
}

/* What is said of `id`: so many entries, or -1 for a gap. */
static int since(const cstar__ring *r, uint64_t id, found *f) {
    f->count = 0;
    f->stop_at = 0;
    cstar_status rc = cstar__ring_since(r, id, note, f);
    assert_int_equal(cstar__ring_since(r, id, NULL, NULL), rc);
    if (rc == CSTAR_OK) {
        return (int)f->count;
    }
    assert_int_equal(rc, CSTAR_ENOENT);
    assert_int_equal(f->count, 0);
    return -1;
}

static cstar_str key_of(const void *arg) { return cstar_cstr(((const packet *)arg)->key); }

/* Keeps the newest of each key alone. */
static cstar__ring_opts latest(cstar__ring_opts o) {
    o.key = key_of;
    o.seed[0] = 5;
    o.seed[1] = 7;
    return o;
}

/* @param key  0: none */
static void put_key(cstar__ring *r, uint64_t id, cstar__ring_entry e, unsigned key) {
    packets[id] = (packet){.id = id};
    if (key != 0) {
        (void)snprintf(packets[id].key, sizeof packets[id].key, "k%u", key % 100000);
    }
    e.id = id;
    e.packet = &packets[id];
    cstar__ring_put(r, e);
}

/* ---- single cases --------------------------------------------------------------------------- */

static void test_count(void **state) {
    (void)state;
    static found f;
    cstar__ring r;
    cstar__ring_opts o = limits(3, 0, 0);
    start_packets();
    cstar__ring_init(&r, cstar_heap(), &o);
    assert_int_equal(since(&r, 0, &f), 0); /* nothing was ever put: nothing was missed */
    for (uint64_t id = 10; id <= 30; id += 10) {
        put(&r, id, 0, 1);
    }
    assert_int_equal(since(&r, 0, &f), 3);
    put(&r, 40, 0, 1); /* 10 goes */
    assert_int_equal(since(&r, 9, &f), -1);
    assert_int_equal(since(&r, 10, &f), 3); /* 10 was seen: its going is no gap */
    assert_int_equal(f.ids[0], 20);
    assert_int_equal(f.ids[2], 40);
    assert_int_equal(since(&r, 15, &f), 3); /* another topic's id, between two of ours */
    assert_int_equal(since(&r, 39, &f), 1);
    assert_int_equal(since(&r, 40, &f), 0);
    assert_int_equal(since(&r, UINT64_MAX, &f), 0);
    assert_int_equal(held, 3);
    cstar__ring_fini(&r);
    assert_int_equal(held, 0);
}

static void test_no_history(void **state) {
    (void)state;
    static found f;
    failalloc a;
    cstar__ring r;
    cstar__ring_opts o = limits(0, 0, 0);
    start_packets();
    failalloc_init(&a, 0);
    cstar__ring_init(&r, &a.alloc, &o);
    put(&r, 5, 0, 1);
    assert_int_equal(held, 0);
    assert_int_equal(since(&r, 4, &f), -1);
    assert_int_equal(since(&r, 5, &f), 0);
    assert_int_equal(a.calls, 0);
    cstar__ring_fini(&r);
}

static void test_bytes(void **state) {
    (void)state;
    static found f;
    cstar__ring r;
    cstar__ring_opts o = limits(100, 1000, 0);
    start_packets();
    cstar__ring_init(&r, cstar_heap(), &o);
    put(&r, 1, 0, 400);
    put(&r, 2, 0, 600);
    assert_int_equal(since(&r, 0, &f), 2); /* exactly the limit */
    put(&r, 3, 0, 1);
    assert_int_equal(since(&r, 0, &f), -1);
    assert_int_equal(since(&r, 1, &f), 2);
    assert_int_equal(r.bytes, 601);
    put(&r, 4, 0, 1000);
    assert_int_equal(held, 1);
    assert_int_equal(since(&r, 3, &f), 1);
    put(&r, 5, 0, 1001); /* never fits: what was before it is of no use without it */
    assert_int_equal(held, 0);
    assert_int_equal(since(&r, 4, &f), -1);
    assert_int_equal(since(&r, 5, &f), 0);
    put(&r, 6, 0, SIZE_MAX);
    assert_int_equal(since(&r, 5, &f), -1);
    cstar__ring_fini(&r);
}

static void test_age(void **state) {
    (void)state;
    static found f;
    failalloc a;
    cstar__ring r;
    cstar__ring_opts o = limits(100, 0, 50);
    start_packets();
    failalloc_init(&a, 0);
    cstar__ring_init(&r, &a.alloc, &o);
    put(&r, 1, 1000, 1);
    put(&r, 2, 1050, 1);
    assert_int_equal(held, 2); /* 50 ms old is not older than 50 ms */
    put(&r, 3, 1051, 1);
    assert_int_equal(since(&r, 0, &f), -1);
    assert_int_equal(since(&r, 1, &f), 2);
    cstar__ring_expire(&r, 900); /* a clock that went back makes nobody old */
    assert_int_equal(held, 2);
    cstar__ring_expire(&r, 1101);
    assert_int_equal(held, 1);
    cstar__ring_expire(&r, 5000);
    assert_int_equal(held, 0);
    assert_int_equal(a.live_blocks, 0); /* a silent topic keeps nothing */
    assert_int_equal(since(&r, 2, &f), -1);
    assert_int_equal(since(&r, 3, &f), 0);
    cstar__ring_fini(&r);
}

static void test_stop(void **state) {
    (void)state;
    static found f;
    cstar__ring r;
    cstar__ring_opts o = limits(100, 0, 0);
    start_packets();
    cstar__ring_init(&r, cstar_heap(), &o);
    for (uint64_t id = 1; id <= 100; id++) {
        put(&r, id, id, 10);
    }
    f = (found){.stop_at = 7};
    assert_int_equal(cstar__ring_since(&r, 20, note, &f), CSTAR_OK);
    assert_int_equal(f.count, 7);
    assert_int_equal(f.ids[6], 27);
    cstar__ring_fini(&r);
}

/* As much memory as is of use, and back. */
static void test_space(void **state) {
    (void)state;
    failalloc a;
    cstar__ring r;
    cstar__ring_opts o = limits(1000, 0, 100);
    start_packets();
    failalloc_init(&a, 0);
    cstar__ring_init(&r, &a.alloc, &o);
    assert_int_equal(a.calls, 0);
    put(&r, 1, 0, 1);
    assert_true(a.live_bytes <= 4 * sizeof(cstar__ring_entry));
    for (uint64_t id = 2; id <= 1001; id++) {
        put(&r, id, 0, 1);
    }
    assert_true(a.live_bytes <= 1024 * sizeof(cstar__ring_entry));
    assert_true(a.calls < 12);
    put(&r, 1002, 101, 1); /* all others are too old */
    assert_int_equal(held, 1);
    assert_true(a.live_bytes <= 4 * sizeof(cstar__ring_entry));
    cstar__ring_fini(&r);
    assert_int_equal(a.live_blocks, 0);
}

/* ---- the newest of each key ----------------------------------------------------------------- */

static const cstar__ring_entry one_byte = {.bytes = 1};

static void test_newest_of_each_key(void **state) {
    (void)state;
    static found f;
    cstar__ring r;
    cstar__ring_opts o = latest(limits(3, 0, 0));
    start_packets();
    cstar__ring_init(&r, cstar_heap(), &o);
    put_key(&r, 10, one_byte, 1);
    put_key(&r, 20, one_byte, 2);
    put_key(&r, 30, one_byte, 0);
    put_key(&r, 40, one_byte, 2);
    assert_int_equal(since(&r, 0, &f), 3); /* 20 has gone, and nobody misses it */
    assert_int_equal(f.ids[0], 10);
    assert_int_equal(f.ids[1], 30);
    assert_int_equal(f.ids[2], 40);
    assert_int_equal(since(&r, 15, &f), 2);
    assert_int_equal(since(&r, 20, &f), 2);
    assert_int_equal(since(&r, 35, &f), 1);
    put_key(&r, 50, one_byte, 1); /* 10, the oldest, is superseded: that is no gap either */
    assert_int_equal(since(&r, 0, &f), 3);
    assert_int_equal(f.ids[2], 50);
    assert_int_equal(held, 3);
    put_key(&r, 60, one_byte, 0); /* one too many: 30 goes */
    assert_int_equal(since(&r, 29, &f), -1);
    assert_int_equal(since(&r, 30, &f), 3);
    assert_int_equal(r.gone, 30);
    cstar__ring_fini(&r);
    assert_int_equal(held, 0);
}

/* Those without a key, and with one that only looks alike, are all kept. */
static void test_no_key(void **state) {
    (void)state;
    static found f;
    cstar__ring r;
    cstar__ring_opts o = latest(limits(100, 0, 0));
    start_packets();
    cstar__ring_init(&r, cstar_heap(), &o);
    for (uint64_t id = 1; id <= 20; id++) {
        put_key(&r, id, one_byte, id % 2 == 0 ? 0 : (unsigned)id);
    }
    assert_int_equal(since(&r, 0, &f), 20);
    cstar__ring_fini(&r);
    cstar__ring_opts all = limits(100, 0, 0); /* a ring that does not look at keys */
    cstar__ring_init(&r, cstar_heap(), &all);
    put_key(&r, 21, one_byte, 1);
    put_key(&r, 22, one_byte, 1);
    assert_int_equal(since(&r, 0, &f), 2);
    cstar__ring_fini(&r);
}

/* What is superseded makes room in bytes, too; what never fits takes all with it. */
static void test_bytes_of_keys(void **state) {
    (void)state;
    static found f;
    cstar__ring r;
    cstar__ring_opts o = latest(limits(100, 1000, 0));
    start_packets();
    cstar__ring_init(&r, cstar_heap(), &o);
    put_key(&r, 1, (cstar__ring_entry){.bytes = 600}, 1);
    put_key(&r, 2, (cstar__ring_entry){.bytes = 400}, 2);
    put_key(&r, 3, (cstar__ring_entry){.bytes = 600}, 1);
    assert_int_equal(since(&r, 0, &f), 2);
    assert_int_equal(r.bytes, 1000);
    put_key(&r, 4, (cstar__ring_entry){.bytes = 1001}, 2);
    assert_int_equal(held, 0);
    assert_int_equal(since(&r, 3, &f), -1);
    assert_int_equal(since(&r, 4, &f), 0);
    cstar__ring_fini(&r);
}

/* However often some keys change, beside one that never does: places of superseded ones are used again,
 * without asking for memory. */
static void test_space_of_keys(void **state) {
    (void)state;
    static found f;
    failalloc a;
    cstar__ring r;
    cstar__ring_opts o = latest(limits(1000, 0, 0));
    start_packets();
    failalloc_init(&a, 0);
    cstar__ring_init(&r, &a.alloc, &o);
    for (uint64_t id = 1; id <= 100; id++) {
        put_key(&r, id, one_byte, (unsigned)id);
    }
    const size_t calls = a.calls;
    for (uint64_t id = 101; id <= 4000; id++) {
        put_key(&r, id, one_byte, 2 + (unsigned)(id % 99));
        assert_int_equal(held, 100);
    }
    assert_true(a.calls <= calls + 2);
    assert_true(r.space <= 256);
    assert_int_equal(since(&r, 0, &f), 100);
    assert_int_equal(f.ids[0], 1);
    assert_int_equal(f.ids[1], 3902);
    cstar__ring_fini(&r);
    assert_int_equal(a.live_blocks, 0);
}

/* ---- a model -------------------------------------------------------------------------------- */

static uint32_t dice(uint32_t sides) {
    static uint32_t x = 3;
    x = x * 1664525u + 1013904223u;
    return (x >> 8) % sides;
}

/* 0 every other time: no limit. */
static uint32_t maybe(uint32_t limit) { return dice(2) != 0 ? limit : 0; }

/* Everything that was put, and how many of it are gone. */
typedef struct model {
    cstar__ring_entry all[MOST]; /* those that are superseded: without a packet */
    unsigned keys[MOST];         /* 0: none */
    size_t count, gone;
    cstar__ring_opts o;
} model;

static size_t count_from(const model *m, size_t i) {
    size_t n = 0;
    for (; i < m->count; i++) {
        n += m->all[i].packet != NULL;
    }
    return n;
}

static size_t bytes_from(const model *m, size_t i) {
    size_t sum = 0;
    for (; i < m->count; i++) {
        sum += m->all[i].packet != NULL ? m->all[i].bytes : 0;
    }
    return sum;
}

static bool over(const model *m, uint64_t now) {
    const cstar__ring_entry *oldest = &m->all[m->gone];
    return oldest->packet == NULL || count_from(m, m->gone) > m->o.count ||
           (m->o.bytes != 0 && bytes_from(m, m->gone) > m->o.bytes) ||
           (m->o.max_ms != 0 && now - oldest->at_ms > m->o.max_ms);
}

static void model_evict(model *m, uint64_t now) {
    while (m->gone < m->count && over(m, now)) {
        m->gone++;
    }
}

static int model_since(const model *m, uint64_t id) {
    int n = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (m->all[i].id > id && m->all[i].packet != NULL) {
            if (i < m->gone) {
                return -1;
            }
            n++;
        }
    }
    return n;
}

/* The ring says what the model says; with failing memory it may have lost more, but has no hole. */
static void compare(const cstar__ring *r, model *m, bool may_lose) {
    static found f;
    while (may_lose && m->gone < m->count && r->count < count_from(m, m->gone)) {
        m->gone++;
    }
    assert_int_equal(r->count, count_from(m, m->gone));
    assert_int_equal(held, r->count);
    assert_int_equal(r->bytes, bytes_from(m, m->gone));
    for (int i = 0; i < 4; i++) {
        uint64_t id = dice((uint32_t)r->last + 3);
        int n = since(r, id, &f);
        assert_int_equal(n, model_since(m, id));
        size_t at = m->count;
        for (int k = n; k-- > 0;) {
            while (m->all[--at].packet == NULL) {
            }
            assert_int_equal(f.ids[k], m->all[at].id);
        }
    }
}

/* Of eight keys, or none. What is superseded before it went takes nothing with it. */
static void model_put(model *m, cstar__ring *r, cstar__ring_entry e) {
    const unsigned key = m->o.key != NULL ? dice(9) : 0;
    for (size_t i = 0; i < m->count; i++) {
        if (key != 0 && m->keys[i] == key && i >= m->gone) {
            m->all[i].packet = NULL;
        }
    }
    e.packet = &packets[e.id];
    m->keys[m->count] = key;
    m->all[m->count++] = e;
    put_key(r, e.id, e, key);
}

static void run_model(failalloc *a, bool failing) {
    static model m;
    const bool keyed = dice(2) != 0;
    cstar__ring r;
    uint64_t id = 0;
    uint64_t now = 1000;
    start_packets();
    m.o = limits(dice(60), maybe(dice(3000)), maybe(dice(300)));
    m.o = keyed ? latest(m.o) : m.o;
    m.count = m.gone = 0;
    cstar__ring_init(&r, &a->alloc, &m.o);
    for (int step = 0; step < 300; step++) {
        now += dice(20) == 0 ? dice(400) : dice(4);
        if (failing) {
            a->fail_at = dice(3) == 0 ? a->calls + 1 : 0;
        }
        if (dice(6) != 0) {
            id += 1 + dice(12);
            model_put(&m, &r, (cstar__ring_entry){.id = id, .at_ms = now, .bytes = dice(200)});
        } else {
            cstar__ring_expire(&r, now);
        }
        model_evict(&m, now);
        compare(&r, &m, failing);
    }
    cstar__ring_fini(&r);
    assert_int_equal(held, 0);
    assert_int_equal(a->live_blocks, 0);
}

static void test_model(void **state) {
    (void)state;
    for (int run = 0; run < 400; run++) {
        failalloc a;
        failalloc_init(&a, 0);
        run_model(&a, false);
    }
}

static void test_failing_memory(void **state) {
    (void)state;
    for (int run = 0; run < 200; run++) {
        failalloc a;
        failalloc_init(&a, 0);
        run_model(&a, true);
    }
}

/* Memory that never comes back: the ring goes on with what it has, or with nothing. */
static void test_no_memory(void **state) {
    (void)state;
    static found f;
    for (size_t n = 1; n < 6; n++) {
        failalloc a;
        cstar__ring r;
        cstar__ring_opts o = limits(1000, 0, 0);
        start_packets();
        failalloc_init(&a, n);
        a.sticky = true;
        cstar__ring_init(&r, &a.alloc, &o);
        for (uint64_t id = 1; id <= 200; id++) {
            put(&r, id, 0, 1);
        }
        size_t kept = n == 1 ? 0 : (size_t)4 << (n - 2);
        assert_int_equal(held, kept);
        assert_int_equal(since(&r, 200 - kept, &f), (int)kept);
        assert_int_equal(since(&r, 199 - kept, &f), -1);
        cstar__ring_fini(&r);
        assert_int_equal(held, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count),         cmocka_unit_test(test_no_history),
        cmocka_unit_test(test_bytes),         cmocka_unit_test(test_age),
        cmocka_unit_test(test_stop),          cmocka_unit_test(test_space),
        cmocka_unit_test(test_model),         cmocka_unit_test(test_failing_memory),
        cmocka_unit_test(test_no_memory),     cmocka_unit_test(test_newest_of_each_key),
        cmocka_unit_test(test_no_key),        cmocka_unit_test(test_bytes_of_keys),
        cmocka_unit_test(test_space_of_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
