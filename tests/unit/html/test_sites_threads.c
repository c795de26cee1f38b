/* test_sites_threads.c -- many threads use the same call sites for the first time at the same
 * moment.
 * ctest: labels=threads
 * SPDX-License-Identifier: MIT */
#include "cstar/html.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { THREADS = 8, ROUNDS = 200 };
static pthread_barrier_t barrier;

static void sites(cstar_html *h, int i) {
    cstar_put(h, "<p title='{}'>{}</p>", "a'b", i % 10);
    cstar_put(h, "<a href='/x/{}' data-text='{}'", "c/d", "e@");
    if (i % 2 == 0) {
        cstar_put(h, " title='x'");
    }
    cstar_put(h, ">{}</a>", "<");
}

static void refused(cstar_html *h) { cstar_put(h, "<p onclick='{}'>", 1); }

static void *run(void *arg) {
    char *mem = arg;
    (void)pthread_barrier_wait(&barrier);
    for (int i = 0; i < ROUNDS; i++) {
        cstar_buf out;
        cstar_html h;
        cstar_buf_fixed(&out, mem, 4096);
        cstar_html_init(&h, &out, NULL);
        sites(&h, i);
        if (cstar_html_status(&h, NULL) != CSTAR_OK) {
            return NULL;
        }
        cstar_html bad = h;
        refused(&bad);
        if (cstar_html_status(&bad, NULL) != CSTAR_EUNSAFE) {
            return NULL;
        }
        mem[out.len] = '\0';
    }
    return mem;
}

static void first_use_by_many_threads(void **state) {
    (void)state;
    static char mem[THREADS][4096];
    pthread_t threads[THREADS];
    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run, mem[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
        assert_string_equal(
            mem[i],
            "<p title='a&#39;b'>9</p><a href='/x/c%2Fd' data-text='&quot;e\\u0040&quot;'>&lt;</a>");
    }
    assert_int_equal(pthread_barrier_destroy(&barrier), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_use_by_many_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
