/* http/coding_budget.c -- how much memory the encoders of a process may have, and which coding a
 * response gets within it; see coding.h.
 * SPDX-License-Identifier: MIT */
#include "http/accept.h"
#include "http/coding.h"

bool cstar__coding_reserve(cstar__coding_budget *b, size_t bytes) {
    size_t used = atomic_load_explicit(&b->used, memory_order_relaxed);
    do {
        if (b->limit != 0 && (used > b->limit || bytes > b->limit - used)) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&b->used, &used, used + bytes,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

void cstar__coding_release(cstar__coding_budget *b, size_t bytes) {
    atomic_fetch_sub_explicit(&b->used, bytes, memory_order_relaxed);
}

static void count(atomic_size_t *counter) {
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

cstar__choice cstar__coding_choose(const struct cstar__accept *a, const cstar__encoder_opts *opts,
                                   cstar__coding_budget *b) {
    cstar__coding order[CSTAR__CODINGS];
    size_t n = cstar__accept_order(a, order);
    bool refused = false; /* something better did not fit */
    cstar__choice choice = {CSTAR__IDENTITY, 0};
    for (size_t i = 0; i < n && order[i] != CSTAR__IDENTITY; i++) {
        size_t bytes = cstar__encoder_memory(order[i], opts != NULL ? &opts[order[i]] : NULL);
        if (bytes == 0) {
            continue;
        }
        if (b == NULL || cstar__coding_reserve(b, bytes)) {
            choice = (cstar__choice){order[i], b != NULL ? bytes : 0};
            break;
        }
        refused = true;
    }
    if (b != NULL) {
        atomic_size_t *worse = choice.coding != CSTAR__IDENTITY ? &b->less : &b->none;
        count(refused ? worse : &b->whole);
    }
    return choice;
}
