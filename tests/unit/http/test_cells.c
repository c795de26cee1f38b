/* test_cells.c -- memory without a word in front of each block.
 * SPDX-License-Identifier: MIT */
#include "http/cells.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SIZE = 112, EACH = 64, MANY = 1000 };

/* The same numbers each time. */
static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

typedef struct fixture {
    failalloc f;
    cstar__cells cells;
    unsigned char *at[MANY];
} fixture;

static void open_cells(fixture *x, size_t size, size_t fail_at) {
    memset(x, 0, sizeof *x);
    failalloc_init(&x->f, fail_at);
    cstar__cells_init(&x->cells, &x->f.alloc, size);
}

static void take(fixture *x, size_t i) {
    x->at[i] = cstar__cells_take(&x->cells, NULL);
    assert_non_null(x->at[i]);
    memset(x->at[i], (int)(i & 255), x->cells.size);
}

static void give(fixture *x, size_t i) {
    assert_true(cstar__cells_have(&x->cells, x->at[i]));
    for (size_t k = 0; k < x->cells.size; k++) {
        assert_int_equal(x->at[i][k], i & 255);
    }
    cstar__cells_give(&x->cells, x->at[i]);
    x->at[i] = NULL;
}

/* In any order, none over another, and in the end but one chunk is left. */
static void cells_do_not_overlap(void **state) {
    (void)state;
    fixture x;
    uint32_t dice = 7;
    open_cells(&x, SIZE, 0);
    for (int i = 0; i < 50000; i++) {
        const size_t k = next_random(&dice) % MANY;
        if (x.at[k] == NULL) {
            take(&x, k);
        } else {
            give(&x, k);
        }
    }
    for (size_t k = 0; k < MANY; k++) {
        if (x.at[k] != NULL) {
            give(&x, k);
        }
    }
    assert_true(x.f.live_blocks <= 2); /* a chunk, and the list of them */
    cstar__cells_fini(&x.cells);
    assert_int_equal(x.f.live_blocks, 0);
}

static void a_cell_costs_what_it_holds(void **state) {
    (void)state;
    fixture x;
    open_cells(&x, SIZE, 0);
    for (size_t i = 0; i < 640; i++) {
        take(&x, i);
    }
    assert_true(x.f.live_bytes <= (size_t)640 * (SIZE + 1));
    x.cells.owned = false;
    cstar__cells_fini(&x.cells);
    assert_int_equal(x.f.live_bytes, 0);
}

/* What one thing leaves is the next one's, whoever comes and goes. */
static void one_that_comes_and_goes_allocates_nothing(void **state) {
    (void)state;
    fixture x;
    open_cells(&x, SIZE, 0);
    take(&x, 0);
    const size_t calls = x.f.calls;
    for (int i = 0; i < 1000; i++) {
        give(&x, 0);
        take(&x, 0);
    }
    assert_int_equal(x.f.calls, calls);
    cstar__cells_fini(&x.cells);
    assert_int_equal(x.f.live_blocks, 0);
}

static void other_addresses_are_no_cells(void **state) {
    (void)state;
    fixture x;
    open_cells(&x, SIZE, 0);
    assert_false(cstar__cells_have(&x.cells, &x));
    void *blocks[200];
    for (size_t i = 0; i < 200; i++) {
        take(&x, i);
        blocks[i] = malloc(i * 97 + 1);
        assert_false(cstar__cells_have(&x.cells, blocks[i]));
    }
    for (size_t i = 0; i < 200; i++) {
        assert_false(cstar__cells_have(&x.cells, blocks[i]));
        free(blocks[i]);
    }
    assert_false(cstar__cells_have(&x.cells, NULL));
    assert_false(
        cstar__cells_have(&x.cells, (void *)UINTPTR_MAX)); // NOLINT(performance-no-int-to-ptr)
    cstar__cells_fini(&x.cells);
}

/* Three owners: what two of them have goes at once, the third's stays. */
static void all_of_an_owner_go(void **state) {
    (void)state;
    fixture x;
    const char owners[3] = {0};
    open_cells(&x, 224, 0);
    x.cells.owned = true;
    for (size_t i = 0; i < MANY; i++) {
        x.at[i] = cstar__cells_take(&x.cells, i < 200 ? &owners[i % 2] : &owners[i % 3]);
        assert_non_null(x.at[i]);
        assert_int_equal((uintptr_t)x.at[i] % 16, 0);
        memset(x.at[i], (int)(i & 255), 224);
    }
    cstar__cells_give_all(&x.cells, &owners[0]);
    cstar__cells_give_all(&x.cells, &owners[1]);
    cstar__cells_give_all(&x.cells, &owners[0]); /* again does nothing */
    for (size_t i = 200; i < MANY; i++) {
        if (i % 3 == 2) {
            give(&x, i);
        }
    }
    assert_true(x.f.live_blocks <= 2);
    cstar__cells_fini(&x.cells);
    assert_int_equal(x.f.live_blocks, 0);
}

static void without_memory_nothing_changes(void **state) {
    (void)state;
    for (size_t n = 1; n < 40; n++) {
        fixture x;
        size_t have = 0;
        open_cells(&x, SIZE, n);
        for (size_t i = 0; i < MANY; i++) {
            x.at[have] = cstar__cells_take(&x.cells, NULL);
            if (x.at[have] != NULL) {
                memset(x.at[have], (int)(have & 255), SIZE);
                have++;
            }
        }
        assert_true(have >= MANY - 1);
        while (have != 0) {
            give(&x, --have);
        }
        cstar__cells_fini(&x.cells);
        assert_int_equal(x.f.live_blocks, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_do_not_overlap),
        cmocka_unit_test(a_cell_costs_what_it_holds),
        cmocka_unit_test(one_that_comes_and_goes_allocates_nothing),
        cmocka_unit_test(other_addresses_are_no_cells),
        cmocka_unit_test(all_of_an_owner_go),
        cmocka_unit_test(without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
