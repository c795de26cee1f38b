/* keepsakes.c -- see keepsakes.h.
 *
 *     hash of the key ─▶ slots ─▶ keepsake {key, signals}
 *     share of an address ─▶ oldest ◀─▶ ... ◀─▶ newest: the order in which they were put
 *
 * When there are too many, the oldest of the share that has the most goes: to push out others' one
 * has to have addresses in most of the shares. All of them are looked at then (8 KiB), and nobody
 * else pays for it.
 *
 * SPDX-License-Identifier: MIT */
#include "live/keepsakes.h"

#include "http/ip.h"
#include "live/siphash.h"
#include "live/slots.h"

#include <pthread.h>
#include <stddef.h>

enum { DEFAULT_COUNT = 100000, DEFAULT_BYTES = 64 << 20, DEFAULT_SIGNALS = 64 << 10 };
enum {
    SHARES = 256 /* what a byte can tell */,
    EXPIRED = 4 /* that a put throws away, of a share */
};
#define DEFAULT_MS ((uint64_t)15 * 60 * 1000)

typedef struct keepsake {
    struct keepsake *older, *newer; /* of its share */
    uint64_t hash, page, at_ms;
    uint32_t nsignals;
    uint16_t nscope;
    uint8_t ntab, share;
    char text[]; /* scope, tab, signals */
} keepsake;

typedef struct portion {
    keepsake *oldest, *newest;
    size_t n, bytes;
} portion; /* a share's */

struct cstar__keepsakes {
    cstar__keepsakes_opts opts; /* with the defaults filled in */
    pthread_mutex_t lock;       /* of what follows */
    cstar__slots slots;
    size_t bytes;
    uint8_t hand; /* the share that is looked at next for what is too old */
    portion shares[SHARES];
};

/* ---- one ---- */

static size_t size_of(const keepsake *s) {
    return offsetof(keepsake, text) + s->nscope + s->ntab + s->nsignals;
}

/* With its slot, of which twice as many may be there. */
static size_t weight_of(const keepsake *s) { return size_of(s) + 2 * sizeof(cstar__slot); }

static char *put_text(char *to, cstar_str text) {
    if (text.len != 0) {
        memcpy(to, text.ptr, text.len);
    }
    return to + text.len;
}

static keepsake *keepsake_new(const cstar__keepsakes *k, const cstar__keepsake_key *key,
                              cstar_str signals) {
    const cstar_allocator *alloc = k->opts.alloc;
    const keepsake head = {.page = key->page,
                           .nsignals = (uint32_t)signals.len,
                           .nscope = (uint16_t)key->scope.len,
                           .ntab = (uint8_t)key->tab.len};
    keepsake *s = alloc->resize(alloc->ctx, NULL, 0, size_of(&head));
    if (s != NULL) {
        *s = head;
        (void)put_text(put_text(put_text(s->text, key->scope), key->tab), signals);
    }
    return s;
}

static void keepsake_free(const cstar__keepsakes *k, keepsake *s) {
    (void)k->opts.alloc->resize(k->opts.alloc->ctx, s, size_of(s), 0);
}

/* ---- all of them ---- */

static uint64_t hash_of(const cstar__keepsakes *k, const cstar__keepsake_key *key) {
    const uint64_t h = cstar__siphash_pair(k->opts.seed, key->scope, key->tab) ^ key->page;
    return h != 0 ? h : 1;
}

static bool is_of(const keepsake *s, const cstar__keepsake_key *key) {
    return s->page == key->page && cstar_str_eq(cstar_view(s->text, s->nscope), key->scope) &&
           cstar_str_eq(cstar_view(s->text + s->nscope, s->ntab), key->tab);
}

static cstar__slot *slot_of(const cstar__keepsakes *k, uint64_t hash,
                            const cstar__keepsake_key *key) {
    cstar__slot *slot = cstar__slots_first(&k->slots, hash);
    while (slot != NULL && !is_of(slot->u.ptr, key)) {
        slot = cstar__slots_next(&k->slots, slot);
    }
    return slot;
}

static portion *share_of(cstar__keepsakes *k, const keepsake *s) { return &k->shares[s->share]; }

static void drop(cstar__keepsakes *k, cstar__slot *slot) {
    keepsake *s = slot->u.ptr;
    portion *in = share_of(k, s);
    *(s->older != NULL ? &s->older->newer : &in->oldest) = s->newer;
    *(s->newer != NULL ? &s->newer->older : &in->newest) = s->older;
    in->n--;
    in->bytes -= weight_of(s);
    k->bytes -= weight_of(s);
    cstar__slots_remove(&k->slots, k->opts.alloc, slot);
    keepsake_free(k, s);
}

static void drop_oldest(cstar__keepsakes *k, const portion *of) {
    cstar__slot *slot = cstar__slots_first(&k->slots, of->oldest->hash);
    while (slot->u.ptr != of->oldest) {
        slot = cstar__slots_next(&k->slots, slot);
    }
    drop(k, slot);
}

static void append(cstar__keepsakes *k, keepsake *s) {
    portion *in = share_of(k, s);
    s->older = in->newest;
    *(in->newest != NULL ? &in->newest->newer : &in->oldest) = s;
    in->newest = s;
    in->n++;
    in->bytes += weight_of(s);
    k->bytes += weight_of(s);
    cstar__slots_put(&k->slots, (cstar__slot){.hash = s->hash, .u.ptr = s});
}

/* ---- their bounds ---- */

static bool is_old(const cstar__keepsakes *k, const keepsake *s, uint64_t now) {
    return now - s->at_ms > k->opts.max_ms; /* a clock that has gone back tells the same */
}

/* A few at a time: nobody is to wait while a crowd that left long ago is thrown away. */
static void expire(cstar__keepsakes *k, const portion *of, uint64_t now) {
    for (unsigned n = 0; n < EXPIRED && of->oldest != NULL && is_old(k, of->oldest, now); n++) {
        drop_oldest(k, of);
    }
}

static const portion *most_keepsakes(const cstar__keepsakes *k) {
    const portion *most = k->shares;
    for (const portion *s = k->shares; s != k->shares + SHARES; s++) {
        most = s->n > most->n ? s : most;
    }
    return most;
}

static const portion *most_bytes(const cstar__keepsakes *k) {
    const portion *most = k->shares;
    for (const portion *s = k->shares; s != k->shares + SHARES; s++) {
        most = s->bytes > most->bytes ? s : most;
    }
    return most;
}

/* For one that weighs so much. */
static void make_room(cstar__keepsakes *k, size_t weight) {
    while (k->slots.n >= k->opts.max_count) {
        drop_oldest(k, most_keepsakes(k));
    }
    while (k->bytes + weight > k->opts.max_bytes) {
        drop_oldest(k, most_bytes(k));
    }
}

/* Each customer's own: IPv6 by /64. */
static cstar_str address_bytes(cstar_str address, cstar__ip *ip) {
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (!cstar__ip_parse(address, ip)) {
        return address;
    }
    return cstar_view((const char *)ip->bytes, memcmp(ip->bytes, mapped, 12) == 0 ? 16 : 8);
}

uint8_t cstar__keepsakes_share(const cstar__keepsakes *k, cstar_str address) {
    cstar__ip ip;
    return (uint8_t)cstar__siphash(k->opts.seed, address_bytes(address, &ip));
}

/* ---- in and out ---- */

/* [lock] */
static cstar_status put(cstar__keepsakes *k, const cstar__keepsake_key *key, keepsake *s) {
    s->hash = hash_of(k, key);
    s->at_ms = k->opts.now(k->opts.arg);
    if (!cstar__slots_room(&k->slots, k->opts.alloc)) {
        return CSTAR_ENOMEM;
    }
    cstar__slot *before = slot_of(k, s->hash, key);
    if (before != NULL) {
        drop(k, before);
    }
    expire(k, share_of(k, s), s->at_ms);
    expire(k, &k->shares[k->hand++], s->at_ms);
    make_room(k, weight_of(s));
    append(k, s); /* a table that has shrunk meanwhile is three quarters empty */
    return CSTAR_OK;
}

cstar_status cstar__keepsakes_put(cstar__keepsakes *k, const cstar__keepsake_key *key,
                                  uint8_t share, cstar_str signals) {
    if (signals.len > k->opts.max_signals || key->scope.len > UINT16_MAX ||
        key->tab.len > UINT8_MAX) {
        return CSTAR_ELIMIT;
    }
    keepsake *s = keepsake_new(k, key, signals);
    if (s == NULL) {
        return CSTAR_ENOMEM;
    }
    s->share = share;
    if (weight_of(s) > k->opts.max_bytes) {
        keepsake_free(k, s);
        return CSTAR_ELIMIT;
    }
    (void)pthread_mutex_lock(&k->lock);
    const cstar_status rc = put(k, key, s);
    (void)pthread_mutex_unlock(&k->lock);
    if (rc != CSTAR_OK) {
        keepsake_free(k, s);
    }
    return rc;
}

/* [lock] */
static cstar_status take(cstar__keepsakes *k, cstar__slot *slot, cstar_buf *out) {
    const keepsake *s = slot->u.ptr;
    if (is_old(k, s, k->opts.now(k->opts.arg))) {
        drop(k, slot);
        return CSTAR_ENOENT;
    }
    cstar_buf_add(out, s->text + s->nscope + s->ntab, s->nsignals);
    if (cstar_buf_status(out) == CSTAR_OK) {
        drop(k, slot);
    }
    return cstar_buf_status(out);
}

cstar_status cstar__keepsakes_take(cstar__keepsakes *k, const cstar__keepsake_key *key,
                                   cstar_buf *out) {
    const uint64_t hash = hash_of(k, key);
    (void)pthread_mutex_lock(&k->lock);
    cstar__slot *slot = slot_of(k, hash, key);
    const cstar_status rc = slot != NULL ? take(k, slot, out) : CSTAR_ENOENT;
    (void)pthread_mutex_unlock(&k->lock);
    return rc;
}

void cstar__keepsakes_forget(cstar__keepsakes *k, const cstar__keepsake_key *key) {
    const uint64_t hash = hash_of(k, key);
    (void)pthread_mutex_lock(&k->lock);
    cstar__slot *slot = slot_of(k, hash, key);
    if (slot != NULL) {
        drop(k, slot);
    }
    (void)pthread_mutex_unlock(&k->lock);
}

size_t cstar__keepsakes_count(cstar__keepsakes *k, size_t *bytes) {
    (void)pthread_mutex_lock(&k->lock);
    const size_t n = k->slots.n;
    *bytes = k->bytes;
    (void)pthread_mutex_unlock(&k->lock);
    return n;
}

/* ---- life ---- */

static void fill_in(cstar__keepsakes_opts *o) {
    o->max_count = o->max_count != 0 ? o->max_count : DEFAULT_COUNT;
    o->max_bytes = o->max_bytes != 0 ? o->max_bytes : DEFAULT_BYTES;
    o->max_signals = o->max_signals != 0 ? o->max_signals : DEFAULT_SIGNALS;
    o->max_signals = o->max_signals < UINT32_MAX ? o->max_signals : UINT32_MAX;
    o->max_ms = o->max_ms != 0 ? o->max_ms : DEFAULT_MS;
}

cstar__keepsakes *cstar__keepsakes_new(const cstar__keepsakes_opts *opts) {
    const cstar_allocator *alloc = opts->alloc != NULL ? opts->alloc : cstar_heap();
    cstar__keepsakes *k = alloc->resize(alloc->ctx, NULL, 0, sizeof *k);
    if (k == NULL) {
        return NULL;
    }
    memset(k, 0, sizeof *k);
    k->opts = *opts;
    k->opts.alloc = alloc;
    fill_in(&k->opts);
    if (pthread_mutex_init(&k->lock, NULL) != 0) {
        (void)alloc->resize(alloc->ctx, k, sizeof *k, 0);
        return NULL;
    }
    return k;
}

void cstar__keepsakes_clear(cstar__keepsakes *k) {
    (void)pthread_mutex_lock(&k->lock);
    for (const portion *s = k->shares; s != k->shares + SHARES; s++) {
        while (s->oldest != NULL) {
            drop_oldest(k, s);
        }
    }
    (void)pthread_mutex_unlock(&k->lock);
}

void cstar__keepsakes_free(cstar__keepsakes *k) {
    if (k == NULL) {
        return;
    }
    cstar__keepsakes_clear(k);
    cstar__slots_fini(&k->slots, k->opts.alloc);
    (void)pthread_mutex_destroy(&k->lock);
    (void)k->opts.alloc->resize(k->opts.alloc->ctx, k, sizeof *k, 0);
}
