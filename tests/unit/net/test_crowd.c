/* test_crowd.c -- connections per address: counts, limits, memory, many threads.
 * ctest: labels=threads
 * SPDX-License-Identifier: MIT */
#include "net/crowd.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const uint64_t seed[2] = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)};

static cstar__ip ip(const char *text) {
    cstar__ip out;
    assert_true(cstar__ip_parse(cstar_view(text, strlen(text)), &out));
    return out;
}

static void a_limit_is_of_one_address(void **state) {
    (void)state;
    cstar__crowd c;
    assert_true(cstar__crowd_init(&c, cstar_heap(), seed));
    cstar__ip a = ip("192.0.2.1");
    cstar__ip b = ip("192.0.2.2");
    assert_int_equal(cstar__crowd_enter(&c, &a, 0), CSTAR_ELIMIT);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(cstar__crowd_enter(&c, &a, 3), CSTAR_OK);
    }
    assert_int_equal(cstar__crowd_enter(&c, &a, 3), CSTAR_ELIMIT);
    assert_int_equal(cstar__crowd_enter(&c, &b, 3), CSTAR_OK);
    assert_int_equal(cstar__crowd_count(&c, &a), 3);
    cstar__crowd_leave(&c, &a);
    assert_int_equal(cstar__crowd_enter(&c, &a, 3), CSTAR_OK);
    assert_int_equal(cstar__crowd_size(&c), 2);
    cstar__crowd_leave(&c, &b);
    assert_int_equal(cstar__crowd_size(&c), 1);
    cstar__crowd_leave(&c, &b); /* nobody */
    assert_int_equal(cstar__crowd_count(&c, &b), 0);
    cstar__crowd_fini(&c);
}

static void ipv6_counts_by_64_bits(void **state) {
    (void)state;
    cstar__crowd c;
    assert_true(cstar__crowd_init(&c, cstar_heap(), seed));
    cstar__ip a = ip("2001:db8:1:2::1");
    cstar__ip same = ip("2001:db8:1:2:ffff:ffff:ffff:ffff");
    cstar__ip other = ip("2001:db8:1:3::1");
    assert_int_equal(cstar__crowd_enter(&c, &a, 1), CSTAR_OK);
    assert_int_equal(cstar__crowd_enter(&c, &same, 1), CSTAR_ELIMIT);
    assert_int_equal(cstar__crowd_enter(&c, &other, 1), CSTAR_OK);
    cstar__crowd_leave(&c, &same);
    assert_int_equal(cstar__crowd_count(&c, &a), 0);
    /* IPv4 is whole, although its first 64 bits are all alike */
    cstar__ip v4 = ip("198.51.100.1");
    cstar__ip v4b = ip("198.51.100.2");
    assert_int_equal(cstar__crowd_enter(&c, &v4, 1), CSTAR_OK);
    assert_int_equal(cstar__crowd_enter(&c, &v4b, 1), CSTAR_OK);
    cstar__crowd_fini(&c);
}

static cstar__ip nth(unsigned i) {
    cstar__ip out = {{[10] = 0xff, [11] = 0xff}};
    memcpy(out.bytes + 12, &i, 4);
    return out;
}

static void memory_goes_with_the_last_connection(void **state) {
    (void)state;
    failalloc f;
    failalloc_init(&f, 0);
    cstar__crowd c;
    assert_true(cstar__crowd_init(&c, &f.alloc, seed));
    enum { N = 20000 };
    for (unsigned i = 0; i < N; i++) {
        cstar__ip a = nth(i);
        assert_int_equal(cstar__crowd_enter(&c, &a, 2), CSTAR_OK);
    }
    assert_int_equal(cstar__crowd_size(&c), N);
    assert_true(f.live_bytes < (size_t)N * 80); /* entry and its share of the buckets */
    for (unsigned i = 0; i < N; i++) {
        cstar__ip a = nth(i);
        assert_int_equal(cstar__crowd_count(&c, &a), 1);
        cstar__crowd_leave(&c, &a);
    }
    assert_int_equal(cstar__crowd_size(&c), 0);
    assert_int_equal(f.live_blocks, 0);
    cstar__ip a = nth(1);
    assert_int_equal(cstar__crowd_enter(&c, &a, 2), CSTAR_OK);
    cstar__crowd_fini(&c); /* with somebody in it */
    assert_int_equal(f.live_blocks, 0);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    bool done = false;
    for (size_t n = 1; !done; n++) {
        failalloc f;
        failalloc_init(&f, n);
        cstar__crowd c;
        unsigned in = 0;
        assert_true(cstar__crowd_init(&c, &f.alloc, seed));
        for (unsigned i = 0; i < 600; i++) {
            cstar__ip a = nth(i);
            cstar_status rc = cstar__crowd_enter(&c, &a, 1);
            assert_true(rc == CSTAR_OK || rc == CSTAR_ENOMEM);
            assert_int_equal(cstar__crowd_count(&c, &a), rc == CSTAR_OK);
            in += rc == CSTAR_OK;
        }
        assert_true(in >= 599); /* a table that can't grow serves on */
        assert_int_equal(cstar__crowd_size(&c), in);
        done = f.calls < n;
        cstar__crowd_fini(&c);
        assert_int_equal(f.live_blocks, 0);
    }
}

enum { THREADS = 4, ROUNDS = 20000, SHARED = 16, LIMIT = 3 };

typedef struct player {
    cstar__crowd *crowd;
    unsigned over;
} player;

static void *come_and_go(void *arg) {
    player *p = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        cstar__ip a = nth(i % SHARED);
        if (cstar__crowd_enter(p->crowd, &a, LIMIT) != CSTAR_OK) {
            p->over++;
            continue;
        }
        if (cstar__crowd_count(p->crowd, &a) > LIMIT) {
            p->over += ROUNDS;
        }
        cstar__crowd_leave(p->crowd, &a);
    }
    return NULL;
}

static void threads_share_it(void **state) {
    (void)state;
    cstar__crowd c;
    assert_true(cstar__crowd_init(&c, cstar_heap(), seed));
    pthread_t threads[THREADS];
    player players[THREADS];
    for (int i = 0; i < THREADS; i++) {
        players[i] = (player){&c, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &players[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(players[i].over < ROUNDS);
    }
    assert_int_equal(cstar__crowd_size(&c), 0);
    cstar__crowd_fini(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_is_of_one_address),
        cmocka_unit_test(ipv6_counts_by_64_bits),
        cmocka_unit_test(memory_goes_with_the_last_connection),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(threads_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
