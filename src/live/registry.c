/* registry.c -- claims, takeovers, splits, releases.
 *
 *     claim: key and, for a known page, its derived key ─▶ both shards locked ─▶ which one? ─▶ add,
 *            or the owner stays, or replace it
 *
 * A claim of a known page looks at two keys, so it holds two locks, the lower one first: what it
 * saw of the one key is still true when it changes the other.
 * Whatever can fail is done before anything is changed.
 *
 * SPDX-License-Identifier: MIT */
#include "live/registry.h"

#include "live/registry_parts.h"
#include "live/siphash.h"

enum { DEFAULT_CLAIMS = 1000000, DEFAULT_SIGNALS = 65536, DEFAULT_TOTAL = 1 << 28 };

/* Who claims. */
typedef struct claimant {
    uint64_t stream;
    uint64_t page; /* hash; 0: not known */
    uint8_t share;
} claimant;

/* The key that is asked for, and the one that its page would have by itself. */
typedef struct keys {
    cstar__key asked;
    cstar__key apart; /* without a shard: the page is not known */
    uint64_t page;
    char derived[33];
} keys;

/* ---- small parts ---- */

static void lock(cstar__shard *s) { (void)pthread_mutex_lock(&s->lock); }
static void unlock(cstar__shard *s) { (void)pthread_mutex_unlock(&s->lock); }

bool cstar__count_take(_Atomic size_t *count, size_t n, size_t limit) {
    size_t was = atomic_load_explicit(count, memory_order_relaxed);
    do {
        if (n > limit || was > limit - n) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(count, &was, was + n, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

void cstar__count_give(_Atomic size_t *count, size_t n) {
    (void)atomic_fetch_sub_explicit(count, n, memory_order_relaxed);
}

static void *get(cstar__registry *r, size_t size) {
    return r->opts.alloc->resize(r->opts.alloc->ctx, NULL, 0, size);
}

static void put_back(cstar__registry *r, void *ptr, size_t size) {
    if (ptr != NULL) {
        r->opts.alloc->resize(r->opts.alloc->ctx, ptr, size, 0);
    }
}

/* ---- keys ---- */

cstar__key cstar__key_of(cstar__registry *r, cstar_str scope, cstar_str tab) {
    const uint64_t h = cstar__siphash_pair(r->opts.seed, scope, tab);
    return (cstar__key){.shard = &r->shards[h >> (64 - CSTAR__TAB_SHARD_BITS)],
                        .hash = h != 0 ? h : 1,
                        .scope = scope,
                        .tab = tab};
}

uint64_t cstar__registry_page(const cstar__registry *r, cstar_str page) {
    const uint64_t h = cstar__siphash(r->opts.seed, page);
    return h != 0 ? h : 1;
}

static bool is_entry_of(const cstar__entry *e, const cstar__key *k) {
    return cstar_str_eq(cstar_view(e->key, e->nscope), k->scope) &&
           cstar_str_eq(cstar_view(e->key + e->nscope, e->ntab), k->tab);
}

static cstar__slot *slot_of(const cstar__key *k) {
    cstar__slot *s = cstar__slots_first(&k->shard->claims, k->hash);
    while (s != NULL && !is_entry_of(s->u.ptr, k)) {
        s = cstar__slots_next(&k->shard->claims, s);
    }
    return s;
}

cstar__entry *cstar__key_entry(const cstar__key *k) {
    const cstar__slot *s = slot_of(k);
    return s != NULL ? s->u.ptr : NULL;
}

/* Fills `k`, which must stay where it is, and locks what it is about. */
static void lock_keys(cstar__registry *r, const cstar__tab *t, keys *k) {
    k->asked = cstar__key_of(r, t->scope, t->tab);
    k->apart.shard = NULL;
    k->page = 0;
    cstar__shard *one = k->asked.shard;
    cstar__shard *two = one;
    if (t->page.len != 0) {
        k->page = cstar__registry_page(r, t->page);
        cstar__tab_id_derive(t->tab, t->page, k->derived);
        k->apart = cstar__key_of(r, t->scope, cstar_view(k->derived, sizeof k->derived - 1));
        one = k->apart.shard < two ? k->apart.shard : two;
        two = k->apart.shard < two ? two : k->apart.shard;
    }
    lock(one);
    if (two != one) {
        lock(two);
    }
    if (k->apart.shard != NULL) { /* the two look-ups wait for memory at the same time */
        cstar__slots_hint(&k->apart.shard->claims, k->apart.hash);
    }
}

static void unlock_keys(const keys *k) {
    if (k->apart.shard != NULL && k->apart.shard != k->asked.shard) {
        unlock(k->apart.shard);
    }
    unlock(k->asked.shard);
}

static cstar__entry *apart_entry(const keys *k) {
    return k->apart.shard != NULL ? cstar__key_entry(&k->apart) : NULL;
}

/* ---- entries ---- */

static size_t entry_size(size_t nscope, size_t ntab) {
    return offsetof(cstar__entry, key) + nscope + ntab;
}

static cstar__entry *entry_new(cstar__registry *r, const cstar__key *k, const claimant *c) {
    cstar__entry *e = get(r, entry_size(k->scope.len, k->tab.len));
    if (e == NULL) {
        return NULL;
    }
    memset(e, 0, offsetof(cstar__entry, key)); /* a short key ends in front of the padding */
    e->stream = c->stream;
    e->page = c->page;
    e->share = c->share;
    e->nscope = (uint16_t)k->scope.len;
    e->ntab = (uint8_t)k->tab.len;
    if (k->scope.len != 0) {
        memcpy(e->key, k->scope.ptr, k->scope.len);
    }
    memcpy(e->key + k->scope.len, k->tab.ptr, k->tab.len);
    return e;
}

static void entry_free(cstar__registry *r, cstar__entry *e) {
    cstar__entry_drop_signals(r, e);
    put_back(r, e->replaced, CSTAR__PAGES * sizeof *e->replaced);
    put_back(r, e, entry_size(e->nscope, e->ntab));
}

static bool was_replaced(const cstar__entry *e, uint64_t page) {
    for (size_t i = 0; e->replaced != NULL && i < CSTAR__PAGES; i++) {
        if (e->replaced[i] == page) {
            return true;
        }
    }
    return false;
}

/* Newest first. A page can't be in it twice: while it is, it can't become the owner. */
static void remember_replaced(cstar__entry *e) {
    memmove(&e->replaced[1], &e->replaced[0], (CSTAR__PAGES - 1) * sizeof *e->replaced);
    e->replaced[0] = e->page;
}

/* ---- generations ---- */

static uint64_t next_generation(const cstar__registry *r, cstar__shard *s) {
    return ++s->last << CSTAR__TAB_SHARD_BITS | (uint64_t)(s - r->shards);
}

/* ---- claiming ---- */

static cstar_status add(cstar__registry *r, const cstar__key *k, const claimant *c,
                        cstar__claim *made) {
    if (!cstar__count_take(&r->claims, 1, r->opts.max_claims)) {
        return CSTAR_ELIMIT;
    }
    cstar__entry *e =
        cstar__slots_room(&k->shard->claims, r->opts.alloc) ? entry_new(r, k, c) : NULL;
    if (e == NULL) {
        cstar__count_give(&r->claims, 1);
        return CSTAR_ENOMEM;
    }
    e->generation = next_generation(r, k->shard);
    cstar__slots_put(&k->shard->claims, (cstar__slot){.hash = k->hash, .u.ptr = e});
    made->generation = e->generation;
    return CSTAR_OK;
}

/* Whatever a takeover needs. */
static cstar_status make_room(cstar__registry *r, cstar__entry *e, bool new_page) {
    if (new_page && e->page != 0 && e->replaced == NULL) {
        e->replaced = get(r, CSTAR__PAGES * sizeof *e->replaced);
        if (e->replaced == NULL) {
            return CSTAR_ENOMEM;
        }
        memset(e->replaced, 0, CSTAR__PAGES * sizeof *e->replaced);
    }
    return CSTAR_OK;
}

static cstar_status take_over(cstar__registry *r, cstar__shard *s, cstar__entry *e,
                              const claimant *c, cstar__claim *made) {
    const bool new_page = e->page != c->page;
    const cstar_status rc = make_room(r, e, new_page);
    if (rc != CSTAR_OK) {
        return rc;
    }
    made->replaces = true;
    made->old_stream = e->stream;
    made->old_generation = e->generation;
    made->same_page = !new_page && c->page != 0;
    if (new_page && e->page != 0) {
        cstar__entry_remember(r, e); /* a duplicated tab's comes back */
        remember_replaced(e);
    }
    if (new_page || c->page == 0) {
        cstar__entry_drop_signals(r, e);
    }
    e->stream = c->stream;
    e->page = c->page;
    e->share = c->share;
    e->generation = next_generation(r, s);
    made->generation = e->generation;
    return CSTAR_OK;
}

static cstar_status claim_key(cstar__registry *r, const cstar__key *k, const claimant *c,
                              cstar__claim *made) {
    cstar__entry *e = cstar__key_entry(k);
    memcpy(made->tab, k->tab.ptr, k->tab.len);
    if (e == NULL) {
        return add(r, k, c, made);
    }
    if (e->stream == c->stream) {
        made->generation = e->generation;
        return CSTAR_OK;
    }
    return take_over(r, k->shard, e, c, made);
}

/* Whether this page is to have the derived key. */
static bool is_split(const keys *k, uint64_t stream) {
    const cstar__entry *e = cstar__key_entry(&k->asked);
    if (k->apart.shard == NULL || (e != NULL && e->stream == stream)) {
        return false;
    }
    return apart_entry(k) != NULL || (e != NULL && e->page != k->page && was_replaced(e, k->page));
}

static bool is_valid(const cstar__tab *t) {
    return t->scope.len <= UINT16_MAX && cstar__tab_id_ok(t->tab);
}

cstar_status cstar__registry_claim(cstar__registry *r, const cstar__tab *t, uint64_t stream,
                                   cstar__claim *out) {
    cstar__claim made = {.generation = 0};
    keys k;
    if (!is_valid(t)) {
        return CSTAR_EINVAL;
    }
    lock_keys(r, t, &k);
    made.split = is_split(&k, stream);
    const claimant c = {.stream = stream, .page = k.page, .share = t->share};
    const cstar_status rc = claim_key(r, made.split ? &k.apart : &k.asked, &c, &made);
    unlock_keys(&k);
    if (rc == CSTAR_OK) {
        *out = made;
    }
    return rc;
}

/* ---- releasing ---- */

/* [shard's lock] Of that claim, if it still is the owner. */
static cstar__slot *owned_slot(const cstar__key *k, uint64_t stream, uint64_t generation) {
    cstar__slot *slot = slot_of(k);
    const cstar__entry *e = slot != NULL ? slot->u.ptr : NULL;
    return e != NULL && e->stream == stream && e->generation == generation ? slot : NULL;
}

/* [shard's lock] */
static void drop(cstar__registry *r, const cstar__key *k, cstar__slot *slot) {
    cstar__entry *e = slot->u.ptr;
    cstar__slots_remove(&k->shard->claims, r->opts.alloc, slot);
    entry_free(r, e);
    cstar__count_give(&r->claims, 1);
}

void cstar__registry_release(cstar__registry *r, const cstar__tab *t, uint64_t stream,
                             uint64_t generation) {
    const cstar__key k = cstar__key_of(r, t->scope, t->tab);
    lock(k.shard);
    cstar__slot *slot = owned_slot(&k, stream, generation);
    if (slot != NULL) {
        drop(r, &k, slot);
    }
    unlock(k.shard);
}

void cstar__registry_leave(cstar__registry *r, const cstar__tab *t, uint64_t stream,
                           uint64_t generation) {
    const cstar__key k = cstar__key_of(r, t->scope, t->tab);
    lock(k.shard);
    cstar__slot *slot = owned_slot(&k, stream, generation);
    if (slot != NULL) {
        cstar__entry_remember(r, slot->u.ptr);
        drop(r, &k, slot);
    }
    unlock(k.shard);
}

/* ---- asking ---- */

bool cstar__registry_owner(cstar__registry *r, cstar_str scope, cstar_str tab, uint64_t *stream,
                           uint64_t *generation) {
    const cstar__key k = cstar__key_of(r, scope, tab);
    uint64_t spare = 0;
    lock(k.shard);
    const cstar__entry *e = cstar__key_entry(&k);
    if (e != NULL) {
        *(stream != NULL ? stream : &spare) = e->stream;
        *(generation != NULL ? generation : &spare) = e->generation;
    }
    unlock(k.shard);
    return e != NULL;
}

static const cstar__key *key_of_page(const keys *k) {
    const cstar__entry *e = cstar__key_entry(&k->asked);
    if (e != NULL && (k->page == 0 || e->page == k->page)) {
        return &k->asked;
    }
    if (apart_entry(k) != NULL) {
        return &k->apart;
    }
    return e != NULL && e->page == 0 ? &k->asked : NULL;
}

cstar_status cstar__registry_resolve(cstar__registry *r, const cstar__tab *t,
                                     char tab[CSTAR__TAB_ID_MAX + 1]) {
    keys k;
    if (!is_valid(t)) {
        return CSTAR_ENOENT;
    }
    lock_keys(r, t, &k);
    const cstar__key *found = key_of_page(&k);
    unlock_keys(&k);
    if (found == NULL) {
        return CSTAR_ENOENT;
    }
    memcpy(tab, found->tab.ptr, found->tab.len);
    tab[found->tab.len] = '\0';
    return CSTAR_OK;
}

/* Of a page that has no stream. What can't be kept is lost: what was said before it would be taken
 * for the last. [locks of its keys] */
static cstar_status say_later(cstar__registry *r, const cstar__tab *t, uint64_t page,
                              cstar_str json) {
    const cstar__keepsake_key key = {.scope = t->scope, .tab = t->tab, .page = page};
    if (r->opts.keepsakes == NULL || page == 0) {
        return CSTAR_ENOENT;
    }
    const cstar_status rc = cstar__keepsakes_put(r->opts.keepsakes, &key, t->share, json);
    const cstar_str lost = CSTAR_STR(CSTAR__REGISTRY_LOST);
    if (rc != CSTAR_OK &&
        cstar__keepsakes_put(r->opts.keepsakes, &key, t->share, lost) != CSTAR_OK) {
        cstar__keepsakes_forget(r->opts.keepsakes, &key);
    }
    return rc;
}

cstar_status cstar__registry_say(cstar__registry *r, const cstar__tab *t, cstar_str json) {
    keys k;
    if (!is_valid(t)) {
        return CSTAR_ENOENT;
    }
    lock_keys(r, t, &k);
    const cstar__key *found = key_of_page(&k);
    const cstar_status rc = found != NULL ? cstar__entry_keep(r, cstar__key_entry(found), json)
                                          : say_later(r, t, k.page, json);
    unlock_keys(&k);
    return rc;
}

size_t cstar__registry_count(cstar__registry *r) {
    return atomic_load_explicit(&r->claims, memory_order_relaxed);
}

/* ---- life ---- */

static void fill_in(cstar__registry_opts *o) {
    o->max_claims = o->max_claims != 0 ? o->max_claims : DEFAULT_CLAIMS;
    o->max_signals = o->max_signals != 0 ? o->max_signals : DEFAULT_SIGNALS;
    o->max_signals = o->max_signals < UINT32_MAX ? o->max_signals : UINT32_MAX;
    o->max_signals_total = o->max_signals_total != 0 ? o->max_signals_total : DEFAULT_TOTAL;
}

cstar__registry *cstar__registry_new(const cstar__registry_opts *opts) {
    const cstar_allocator *alloc = opts->alloc != NULL ? opts->alloc : cstar_heap();
    cstar__registry *r = alloc->resize(alloc->ctx, NULL, 0, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    memset(r, 0, sizeof *r);
    r->opts = *opts;
    r->opts.alloc = alloc;
    fill_in(&r->opts);
    while (r->nshards < CSTAR__TAB_SHARDS) {
        if (pthread_mutex_init(&r->shards[r->nshards].lock, NULL) != 0) {
            cstar__registry_free(r);
            return NULL;
        }
        r->nshards++;
    }
    return r;
}

static void fini_shard(cstar__registry *r, cstar__shard *s) {
    for (size_t i = 0; i < s->claims.cap; i++) {
        if (s->claims.at[i].hash != 0) {
            entry_free(r, s->claims.at[i].u.ptr);
        }
    }
    cstar__slots_fini(&s->claims, r->opts.alloc);
    (void)pthread_mutex_destroy(&s->lock);
}

void cstar__registry_free(cstar__registry *r) {
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->nshards; i++) {
        fini_shard(r, &r->shards[i]);
    }
    r->opts.alloc->resize(r->opts.alloc->ctx, r, sizeof *r, 0);
}
