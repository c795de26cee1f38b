/* test_selftest.c -- cstar_html_selftest() finds the bad call sites of a program, also those that
 * never run.
 * SPDX-License-Identifier: MIT */
#include "cstar/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

void never_called(cstar_html *h, int x);

void never_called(cstar_html *h, int x) {
    cstar_put(h, "<p>{}</p>", x);
    cstar_put(h, "<p onclick='{}'></p>", x);
    cstar_put(h, "<p>{}</p>", x, x);
}
enum { BAD_LINE = __LINE__ - 3 };

static void good(cstar_html *h) { cstar_put(h, "<i>{}</i>", "x"); }

typedef struct found {
    size_t count;
    cstar_status codes[4];
    int lines[4];
    char text[160];
} found;

static void on_error(void *arg, const cstar_site *site, const cstar_err *err) {
    found *f = arg;
    assert_true(f->count < 4);
    f->codes[f->count] = err->code;
    f->lines[f->count] = site->line;
    if (f->count == 0) {
        memcpy(f->text, err->text, sizeof f->text);
    }
    f->count++;
}

static void finds_sites_that_never_run(void **state) {
    (void)state;
    char mem[64];
    cstar_buf out;
    cstar_html h;
    cstar_buf_fixed(&out, mem, sizeof mem);
    cstar_html_init(&h, &out, NULL);
    good(&h);
    found f = {.count = 0};
    assert_int_equal(cstar_html_selftest(on_error, &f), 4);
    assert_int_equal(f.count, 2);
    /* the linker decides on the order */
    const size_t first = f.lines[0] < f.lines[1] ? 0 : 1;
    const size_t second = 1 - first;
    assert_int_equal(f.lines[first], BAD_LINE);
    assert_int_equal(f.codes[first], CSTAR_EUNSAFE);
    assert_int_equal(f.lines[second], BAD_LINE + 1);
    assert_int_equal(f.codes[second], CSTAR_EINVAL);
    assert_non_null(strstr(f.text, "test_selftest.c:"));
    good(&h); /* a check does not disturb what is cached */
    assert_int_equal(cstar_html_status(&h, NULL), CSTAR_OK);
    assert_int_equal(cstar_html_selftest(NULL, NULL), 4);
    assert_int_equal(cstar_html_check_sites(NULL, NULL, on_error, &f), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_sites_that_never_run)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
