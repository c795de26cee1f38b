/* bench-html -- how long one cstar_put() of a table row takes, in nanoseconds: the best of several
 * runs.
 * SPDX-License-Identifier: MIT */
#include "cstar/html.h"

#include <stdio.h>
#include <time.h>

enum { ROWS = 1000, ROUNDS = 100, RUNS = 9 };

static double now_ns(void) {
    struct timespec t;
    (void)timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void row(cstar_html *h, int i) {
    const char *class = i % 2 == 0 ? "even" : "odd";
    const char *name = i % 8 == 0 ? "O'Neill & sons" : "Margaret Hamilton";
    cstar_put(h, "<tr><td>{}</td><td class='{}'>{}</td></tr>", i, class, name);
}
static void link(cstar_html *h, int i) { cstar_put(h, "<a href='/items/{}'>{}</a>", i, "A name"); }
static void expression(cstar_html *h, int i) {
    cstar_put(h, "<b data-on:click='$a = {}; $b = {}'></b>", i, "it's text");
}
static void no_hole(cstar_html *h, int i) {
    (void)i;
    cstar_put(h, "<tr><td>nothing</td><td class='x'>to escape</td></tr>");
}

static int bench(const char *name, void (*put)(cstar_html *h, int i), const char *prefix) {
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 1 << 20);
    double best = 1e18;
    cstar_status rc = CSTAR_OK;
    for (int run = 0; run < RUNS; run++) {
        const double start = now_ns();
        for (int round = 0; round < ROUNDS; round++) {
            cstar_html h;
            cstar_buf_reset(&out);
            cstar_html_init(&h, &out, prefix);
            for (int i = 0; i < ROWS; i++) {
                put(&h, i);
            }
            rc = cstar_html_status(&h, NULL);
        }
        const double spent = (now_ns() - start) / (ROUNDS * ROWS);
        best = spent < best ? spent : best;
    }
    (void)printf("%-24s %6.1f ns/put\n", name, best);
    cstar_buf_fini(&out);
    return rc == CSTAR_OK ? 0 : 1;
}

int main(void) {
    return bench("row, 3 holes", row, NULL) +
           bench("row, 3 holes, in lines", row, "data: elements ") +
           bench("no hole", no_hole, NULL) + bench("link, 2 holes", link, NULL) +
           bench("expression, 2 holes", expression, NULL);
}
