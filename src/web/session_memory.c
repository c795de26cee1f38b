/* session_memory.c -- sessions in the memory of the process.
 *
 * A hash table under one lock: what happens inside is a few comparisons and a copy of at most some
 * kilobytes. All sessions live equally long, so the order in which they were saved is the order in
 * which they expire: a list in that order finds who has to go.
 *
 * Ids are random and made by us: nobody can choose keys that collide.
 *
 * SPDX-License-Identifier: MIT */
#include "cstar/session.h"

#include <pthread.h>

enum { DEFAULT_MAX = 100000, FIRST_BUCKETS = 64 };

typedef struct entry {
    struct entry *next; /* of the bucket */
    struct entry *older, *newer;
    int64_t expires;
    size_t len;
    char id[44];
    char data[];
} entry;

typedef struct memory {
    const cstar_allocator *alloc;
    pthread_mutex_t lock;
    entry **buckets;
    size_t nbuckets, n, max; /* nbuckets is a power of two */
    entry *oldest, *newest;
} memory;

/* The id's own characters are as random as a hash of them. */
static size_t bucket_of(const memory *m, cstar_str id) {
    size_t h = 0;
    for (size_t i = 0; i < id.len && i < 12; i++) {
        h = h * 67 + (unsigned char)id.ptr[i];
    }
    return h & (m->nbuckets - 1);
}

static entry **slot_of(const memory *m, cstar_str id) {
    entry **at = &m->buckets[bucket_of(m, id)];
    while (*at != NULL && !cstar_str_eq(cstar_cstr((*at)->id), id)) {
        at = &(*at)->next;
    }
    return at;
}

static void drop(memory *m, entry **slot) {
    entry *e = *slot;
    if (e == NULL) {
        return;
    }
    *slot = e->next;
    *(e->older != NULL ? &e->older->newer : &m->oldest) = e->newer;
    *(e->newer != NULL ? &e->newer->older : &m->newest) = e->older;
    m->n--;
    m->alloc->resize(m->alloc->ctx, e, sizeof *e + e->len, 0);
}

static void drop_oldest(memory *m) { drop(m, slot_of(m, cstar_cstr(m->oldest->id))); }

/* Where memory lacks it stays as it is, and gets slower. */
static void grow(memory *m) {
    const size_t was = m->nbuckets;
    entry **fresh = m->alloc->resize(m->alloc->ctx, NULL, 0, 2 * was * sizeof(entry *));
    if (fresh == NULL) {
        return;
    }
    memset(fresh, 0, 2 * was * sizeof(entry *));
    m->alloc->resize(m->alloc->ctx, m->buckets, was * sizeof(entry *), 0);
    m->buckets = fresh;
    m->nbuckets = 2 * was;
    for (entry *e = m->oldest; e != NULL; e = e->newer) {
        entry **bucket = &m->buckets[bucket_of(m, cstar_cstr(e->id))];
        e->next = *bucket;
        *bucket = e;
    }
}

static cstar_status load(void *ctx, cstar_str id, int64_t now, cstar_buf *out) {
    memory *m = ctx;
    (void)pthread_mutex_lock(&m->lock);
    const entry *e = *slot_of(m, id);
    cstar_status rc = e != NULL && e->expires >= now ? CSTAR_OK : CSTAR_ENOENT;
    if (rc == CSTAR_OK) {
        cstar_buf_add(out, e->data, e->len);
        rc = cstar_buf_status(out);
    }
    (void)pthread_mutex_unlock(&m->lock);
    return rc;
}

static void insert(memory *m, entry *e) {
    entry **bucket = &m->buckets[bucket_of(m, cstar_cstr(e->id))];
    e->next = *bucket;
    *bucket = e;
    e->older = m->newest;
    e->newer = NULL;
    *(m->newest != NULL ? &m->newest->newer : &m->oldest) = e;
    m->newest = e;
    m->n++;
}

static cstar_status save(void *ctx, cstar_str id, cstar_str data, int64_t expires, bool fresh) {
    memory *m = ctx;
    entry *e = id.len < sizeof e->id
                   ? m->alloc->resize(m->alloc->ctx, NULL, 0, sizeof *e + data.len)
                   : NULL;
    if (e == NULL) {
        return CSTAR_ENOMEM;
    }
    e->expires = expires;
    e->len = data.len;
    memcpy(e->id, id.ptr, id.len);
    e->id[id.len] = '\0';
    memcpy(e->data, data.ptr, data.len);
    (void)pthread_mutex_lock(&m->lock);
    entry **was = slot_of(m, id);
    if (*was == NULL && !fresh) {
        (void)pthread_mutex_unlock(&m->lock);
        m->alloc->resize(m->alloc->ctx, e, sizeof *e + e->len, 0);
        return CSTAR_ENOENT;
    }
    if (*was != NULL) {
        drop(m, was);
    } else if (m->n == m->max) {
        drop_oldest(m);
    } else if (m->n >= m->nbuckets) {
        grow(m);
    }
    insert(m, e);
    (void)pthread_mutex_unlock(&m->lock);
    return CSTAR_OK;
}

static cstar_status forget(void *ctx, cstar_str id) {
    memory *m = ctx;
    (void)pthread_mutex_lock(&m->lock);
    entry **slot = slot_of(m, id);
    if (*slot != NULL) {
        drop(m, slot);
    }
    (void)pthread_mutex_unlock(&m->lock);
    return CSTAR_OK;
}

static void free_all(void *ctx) {
    memory *m = ctx;
    const cstar_allocator *alloc = m->alloc;
    while (m->oldest != NULL) {
        drop_oldest(m);
    }
    alloc->resize(alloc->ctx, m->buckets, m->nbuckets * sizeof(entry *), 0);
    (void)pthread_mutex_destroy(&m->lock);
    alloc->resize(alloc->ctx, m, sizeof *m, 0);
}

static memory *make(const cstar_allocator *alloc, size_t max) {
    memory *m = alloc->resize(alloc->ctx, NULL, 0, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    memset(m, 0, sizeof *m);
    m->alloc = alloc;
    m->max = max != 0 ? max : DEFAULT_MAX;
    m->nbuckets = FIRST_BUCKETS;
    m->buckets = alloc->resize(alloc->ctx, NULL, 0, FIRST_BUCKETS * sizeof(entry *));
    if (m->buckets == NULL || pthread_mutex_init(&m->lock, NULL) != 0) {
        if (m->buckets != NULL) {
            alloc->resize(alloc->ctx, m->buckets, FIRST_BUCKETS * sizeof(entry *), 0);
        }
        alloc->resize(alloc->ctx, m, sizeof *m, 0);
        return NULL;
    }
    memset(m->buckets, 0, FIRST_BUCKETS * sizeof(entry *));
    return m;
}

cstar_session_store cstar_session_memory(size_t max) {
    return (cstar_session_store){.ctx = make(cstar_heap(), max),
                                 .load = load,
                                 .save = save,
                                 .remove = forget,
                                 .free = free_all};
}
