/* test_slab.c -- the allocator that keeps one size apart.
 * SPDX-License-Identifier: MIT */
#include "net/slab.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 16426, MANY = 200 };

static void *alloc_of(cstar__slab *s, size_t size) {
    return s->view.resize(s->view.ctx, NULL, 0, size);
}

static void free_of(cstar__slab *s, void *ptr, size_t size) {
    assert_null(s->view.resize(s->view.ctx, ptr, size, 0));
}

/* In any order, all there at once, none over another. */
static void blocks_do_not_overlap(void **state) {
    (void)state;
    failalloc f;
    cstar__slab s;
    unsigned char *at[MANY];
    failalloc_init(&f, 0);
    cstar__slab_init(&s, &f.alloc);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < MANY; i++) {
            at[i] = alloc_of(&s, SIZE);
            assert_non_null(at[i]);
            memset(at[i], (int)i, SIZE);
        }
        for (size_t k = 0; k < MANY; k++) {
            size_t i = k * 37 % MANY;
            assert_int_equal(at[i][0], i & 255);
            assert_memory_equal(at[i], at[i] + 1, SIZE - 1);
            free_of(&s, at[i], SIZE);
        }
    }
    assert_true(f.live_blocks <= 2); /* one empty chunk is kept */
    cstar__slab_fini(&s);
    assert_int_equal(f.live_blocks, 0);
}

static void other_sizes_pass_through(void **state) {
    (void)state;
    failalloc f;
    cstar__slab s;
    failalloc_init(&f, 0);
    cstar__slab_init(&s, &f.alloc);
    const size_t sizes[] = {1, CSTAR__SLAB_OVER, CSTAR__SLAB_MOST + 1, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *p = alloc_of(&s, sizes[i]);
        assert_int_equal(f.live_bytes, sizes[i]);
        free_of(&s, p, sizes[i]);
        assert_int_equal(f.live_blocks, 0);
    }
    cstar__slab_fini(&s);
}

static void a_block_keeps_its_bytes_as_it_grows(void **state) {
    (void)state;
    failalloc f;
    cstar__slab s;
    failalloc_init(&f, 0);
    cstar__slab_init(&s, &f.alloc);
    const size_t sizes[] = {100, SIZE, SIZE + 100, 30000, SIZE, 50};
    size_t old = 10;
    char *p = alloc_of(&s, old);
    memcpy(p, "0123456789", 10);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        p = s.view.resize(s.view.ctx, p, old, sizes[i]);
        assert_non_null(p);
        old = sizes[i];
        assert_memory_equal(p, "0123456789", 10);
    }
    free_of(&s, p, old);
    cstar__slab_fini(&s);
    assert_int_equal(f.live_blocks, 0);
}

static void without_memory_there_is_none(void **state) {
    (void)state;
    for (size_t n = 1; n <= 2; n++) {
        failalloc f;
        cstar__slab s;
        failalloc_init(&f, n);
        cstar__slab_init(&s, &f.alloc);
        assert_null(alloc_of(&s, SIZE));
        void *p = alloc_of(&s, SIZE); /* the next is granted */
        assert_non_null(p);
        free_of(&s, p, SIZE);
        cstar__slab_fini(&s);
        assert_int_equal(f.live_blocks, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(other_sizes_pass_through),
        cmocka_unit_test(a_block_keeps_its_bytes_as_it_grows),
        cmocka_unit_test(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
