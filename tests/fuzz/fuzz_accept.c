/* fuzz_accept.c -- any Accept-Encoding, two fields divided by a line feed.
 *
 * Asserted: weights are in range, the order is by weight and has each acceptable coding once, a
 * choice is acceptable (or identity), and within a budget.
 *
 * SPDX-License-Identifier: MIT */
#include "http/accept.h"
#include "http/scan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) ((x) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cstar_str rest = {(const char *)data, size};
    cstar__field f[2];
    cstar__request r = {.fields = f};
    if (data == NULL) {
        return 0;
    }
    while (r.nfields < 2 && cstar__split(&rest, '\n', &f[r.nfields].value)) {
        f[r.nfields++].name = CSTAR_STR("accept-encoding");
    }
    cstar__accept a = cstar__accept_encoding(&r);
    cstar__coding order[CSTAR__CODINGS];
    size_t n = cstar__accept_order(&a, order);
    size_t acceptable = 0;
    for (size_t i = 0; i < CSTAR__CODINGS; i++) {
        CHECK(a.q[i] <= 1000);
        acceptable += a.q[i] != 0;
    }
    CHECK(n == acceptable);
    for (size_t i = 0; i < n; i++) {
        CHECK(a.q[order[i]] != 0);
        CHECK(i == 0 || (a.q[order[i]] <= a.q[order[i - 1]] && order[i] != order[i - 1]));
    }
    cstar__coding_budget b = {.limit = size * 4096};
    cstar__choice c = cstar__coding_choose(&a, NULL, &b);
    CHECK(c.coding == CSTAR__IDENTITY || a.q[c.coding] != 0);
    CHECK(b.used == c.reserved && (b.limit == 0 || b.used <= b.limit));
    CHECK(b.whole + b.less + b.none == 1);
    return 0;
}
