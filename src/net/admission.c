/* admission.c
 * SPDX-License-Identifier: MIT */
#include "net/admission.h"

#include <string.h>

bool cstar__admission_init(cstar__admission *a, const cstar__admission_opts *opts) {
    memset(a, 0, sizeof *a);
    a->max = opts->max;
    a->by_default = opts->per_address == 0;
    a->per_address = a->by_default ? CSTAR__MAX_PER_ADDRESS : opts->per_address;
    a->trusted = opts->trusted;
    a->ntrusted = opts->ntrusted;
    return cstar__crowd_init(&a->crowd, opts->alloc, opts->seed);
}

void cstar__admission_fini(cstar__admission *a) { cstar__crowd_fini(&a->crowd); }

/* What else needs descriptors: loops and listeners, files being sent, whatever the app opens. */
size_t cstar__admission_derive(size_t descriptors, size_t workers, size_t listeners) {
    size_t reserve = 64 + workers * (12 + listeners) + descriptors / 8;
    if (descriptors > 2 * reserve) {
        return descriptors - reserve;
    }
    return descriptors >= 4 ? descriptors / 2 : 1;
}

/* ---- of one address ---- */

static bool is_loopback(const cstar__ip *ip) {
    static const cstar__ip v6 = {{[15] = 1}};
    static const cstar__cidr v4 = {{{[10] = 0xff, [11] = 0xff, [12] = 127}}, 104};
    return memcmp(ip, &v6, sizeof v6) == 0 || cstar__cidr_has(&v4, ip);
}

/* The same for a peer whenever it is asked, so that each count comes down again. */
static bool is_counted(const cstar__admission *a, const cstar__peer *peer) {
    if (peer->local || (a->by_default && is_loopback(&peer->ip))) {
        return false;
    }
    for (size_t i = 0; i < a->ntrusted; i++) {
        if (cstar__cidr_has(&a->trusted[i], &peer->ip)) {
            return false;
        }
    }
    return true;
}

cstar_status cstar__admission_enter(cstar__admission *a, const cstar__peer *peer) {
    return is_counted(a, peer) ? cstar__crowd_enter(&a->crowd, &peer->ip, a->per_address)
                               : CSTAR_OK;
}

void cstar__admission_leave(cstar__admission *a, const cstar__peer *peer) {
    if (is_counted(a, peer)) {
        cstar__crowd_leave(&a->crowd, &peer->ip);
    }
}

/* ---- of all ---- */

bool cstar__admission_take(cstar__admission *a, bool force) {
    size_t taken = __atomic_load_n(&a->taken, __ATOMIC_SEQ_CST);
    do {
        if (taken >= a->max && !force) {
            return false;
        }
    } while (!__atomic_compare_exchange_n(&a->taken, &taken, taken + 1, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    return true;
}

void cstar__admission_give(cstar__admission *a) {
    (void)__atomic_sub_fetch(&a->taken, 1, __ATOMIC_SEQ_CST);
}
