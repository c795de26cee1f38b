/* crowd.c
 * SPDX-License-Identifier: MIT */
#include "net/crowd.h"

#include <string.h>

#define FIRST_BUCKETS 8

struct cstar__crowd_entry {
    cstar__crowd_entry *next;
    uint64_t hash;
    cstar__ip key;
    size_t count;
};

/* ---- keys ---- */

static cstar__ip key_of(const cstar__ip *ip) {
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    cstar__ip key = *ip;
    if (memcmp(ip->bytes, mapped, sizeof mapped) != 0) {
        memset(key.bytes + 8, 0, 8);
    }
    return key;
}

static uint64_t mix(uint64_t x) {
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 29;
    x *= UINT64_C(0x9fb21c651e98df25);
    return x ^ (x >> 32);
}

static uint64_t hash_of(const cstar__crowd *c, const cstar__ip *key) {
    uint64_t half[2];
    memcpy(half, key->bytes, sizeof half);
    return mix(mix(half[0] ^ c->seed[0]) + (half[1] ^ c->seed[1]));
}

static cstar__crowd_stripe *stripe_of(cstar__crowd *c, uint64_t hash) {
    return &c->stripes[(hash >> 56) % CSTAR__CROWD_STRIPES];
}

/* ---- buckets ---- */

/* The link that points to the entry, or the end of its chain. NULL: there are no buckets yet. */
static cstar__crowd_entry **find(cstar__crowd_stripe *s, uint64_t hash, const cstar__ip *key) {
    if (s->nbuckets == 0) {
        return NULL;
    }
    cstar__crowd_entry **link = &s->buckets[hash & (s->nbuckets - 1)];
    while (*link != NULL &&
           ((*link)->hash != hash || memcmp(&(*link)->key, key, sizeof *key) != 0)) {
        link = &(*link)->next;
    }
    return link;
}

static void free_buckets(const cstar_allocator *alloc, cstar__crowd_stripe *s) {
    if (s->buckets != NULL) {
        alloc->resize(alloc->ctx, (void *)s->buckets, s->nbuckets * sizeof(void *), 0);
    }
    s->buckets = NULL;
    s->nbuckets = 0;
}

/* Twice as many buckets when they fill. Without memory for them the chains grow longer: only the
 * first ones are indispensable. */
static bool make_room(const cstar_allocator *alloc, cstar__crowd_stripe *s) {
    if (s->nentries < s->nbuckets) {
        return true;
    }
    cstar__crowd_stripe wide = {.nbuckets = s->nbuckets != 0 ? s->nbuckets * 2 : FIRST_BUCKETS};
    size_t bytes = wide.nbuckets * sizeof(void *);
    wide.buckets = (cstar__crowd_entry **)alloc->resize(alloc->ctx, NULL, 0, bytes);
    if (wide.buckets == NULL) {
        return s->nbuckets != 0;
    }
    memset((void *)wide.buckets, 0, bytes);
    for (size_t i = 0; i < s->nbuckets; i++) {
        for (cstar__crowd_entry *e = s->buckets[i], *next = NULL; e != NULL; e = next) {
            next = e->next;
            cstar__crowd_entry **head = &wide.buckets[e->hash & (wide.nbuckets - 1)];
            e->next = *head;
            *head = e;
        }
    }
    free_buckets(alloc, s);
    s->buckets = wide.buckets;
    s->nbuckets = wide.nbuckets;
    return true;
}

static cstar_status add(const cstar_allocator *alloc, cstar__crowd_stripe *s, uint64_t hash,
                        const cstar__ip *key) {
    if (!make_room(alloc, s)) {
        return CSTAR_ENOMEM;
    }
    cstar__crowd_entry *e = alloc->resize(alloc->ctx, NULL, 0, sizeof *e);
    if (e == NULL) {
        return CSTAR_ENOMEM;
    }
    cstar__crowd_entry **head = &s->buckets[hash & (s->nbuckets - 1)];
    *e = (cstar__crowd_entry){.next = *head, .hash = hash, .key = *key, .count = 1};
    *head = e;
    s->nentries++;
    return CSTAR_OK;
}

static void drop(const cstar_allocator *alloc, cstar__crowd_stripe *s, cstar__crowd_entry **link) {
    cstar__crowd_entry *e = *link;
    *link = e->next;
    alloc->resize(alloc->ctx, e, sizeof *e, 0);
    if (--s->nentries == 0) {
        free_buckets(alloc, s); /* what a flood has needed is given back */
    }
}

/* ---- the table ---- */

bool cstar__crowd_init(cstar__crowd *c, const cstar_allocator *alloc, const uint64_t seed[2]) {
    memset(c, 0, sizeof *c);
    c->alloc = alloc;
    memcpy(c->seed, seed, sizeof c->seed);
    for (; c->nstripes < CSTAR__CROWD_STRIPES; c->nstripes++) {
        if (pthread_mutex_init(&c->stripes[c->nstripes].lock, NULL) != 0) {
            return false;
        }
    }
    return true;
}

void cstar__crowd_fini(cstar__crowd *c) {
    for (size_t i = 0; i < c->nstripes; i++) {
        cstar__crowd_stripe *s = &c->stripes[i];
        for (size_t b = 0; b < s->nbuckets; b++) {
            while (s->buckets != NULL && s->buckets[b] != NULL) {
                drop(c->alloc, s, &s->buckets[b]);
            }
        }
        (void)pthread_mutex_destroy(&s->lock);
    }
    c->nstripes = 0;
}

cstar_status cstar__crowd_enter(cstar__crowd *c, const cstar__ip *ip, size_t limit) {
    cstar__ip key = key_of(ip);
    uint64_t hash = hash_of(c, &key);
    cstar__crowd_stripe *s = stripe_of(c, hash);
    cstar_status rc = CSTAR_OK;
    (void)pthread_mutex_lock(&s->lock);
    cstar__crowd_entry **link = find(s, hash, &key);
    if (link == NULL || *link == NULL) {
        rc = limit != 0 ? add(c->alloc, s, hash, &key) : CSTAR_ELIMIT;
    } else if ((*link)->count >= limit) {
        rc = CSTAR_ELIMIT;
    } else {
        (*link)->count++;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

void cstar__crowd_leave(cstar__crowd *c, const cstar__ip *ip) {
    cstar__ip key = key_of(ip);
    uint64_t hash = hash_of(c, &key);
    cstar__crowd_stripe *s = stripe_of(c, hash);
    (void)pthread_mutex_lock(&s->lock);
    cstar__crowd_entry **link = find(s, hash, &key);
    if (link != NULL && *link != NULL && --(*link)->count == 0) {
        drop(c->alloc, s, link);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

size_t cstar__crowd_count(cstar__crowd *c, const cstar__ip *ip) {
    cstar__ip key = key_of(ip);
    uint64_t hash = hash_of(c, &key);
    cstar__crowd_stripe *s = stripe_of(c, hash);
    (void)pthread_mutex_lock(&s->lock);
    cstar__crowd_entry **link = find(s, hash, &key);
    size_t n = link != NULL && *link != NULL ? (*link)->count : 0;
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}

size_t cstar__crowd_size(cstar__crowd *c) {
    size_t n = 0;
    for (size_t i = 0; i < c->nstripes; i++) {
        (void)pthread_mutex_lock(&c->stripes[i].lock);
        n += c->stripes[i].nentries;
        (void)pthread_mutex_unlock(&c->stripes[i].lock);
    }
    return n;
}
