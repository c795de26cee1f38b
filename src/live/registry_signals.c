/* registry_signals.c -- the latest signals of each tab.
 *
 *     event ─▶ it has an owner: entry ─▶ its stream asks       the owner goes ─▶ keepsake
 *                └─ none: keepsake                              its page is back ◀─┘
 *
 * They are copied under the lock of the tab's shard, at most opts.max_signals bytes at a time. So
 * is what becomes a keepsake, and whoever says something looks for the owner under the same lock:
 * what is said is either in front of a release, and goes with it, or behind it.
 *
 * SPDX-License-Identifier: MIT */
#include "live/registry_parts.h"

static size_t size_of(size_t len) { return offsetof(cstar__tab_signals, json) + len; }

void cstar__entry_drop_signals(cstar__registry *r, cstar__entry *e) {
    e->behind = false;
    if (e->signals != NULL) {
        const size_t len = e->signals->len;
        r->opts.alloc->resize(r->opts.alloc->ctx, e->signals, size_of(len), 0);
        cstar__count_give(&r->signal_bytes, len);
        e->signals = NULL;
    }
}

/* @return false: out of memory, and nothing has changed. */
static bool resize(const cstar_allocator *alloc, cstar__entry *e, size_t len) {
    const size_t was = e->signals != NULL ? size_of(e->signals->len) : 0;
    cstar__tab_signals *s = alloc->resize(alloc->ctx, e->signals, was, size_of(len));
    if (s != NULL) {
        s->len = (uint32_t)len;
        e->signals = s;
    }
    return s != NULL;
}

static cstar_status keep(cstar__registry *r, cstar__entry *e, cstar_str json) {
    const size_t was = e->signals != NULL ? e->signals->len : 0;
    const size_t more = json.len > was ? json.len - was : 0;
    const size_t less = json.len < was ? was - json.len : 0;
    if (!cstar__count_take(&r->signal_bytes, more, r->opts.max_signals_total)) {
        return CSTAR_ELIMIT;
    }
    if (json.len != was && !resize(r->opts.alloc, e, json.len)) {
        cstar__count_give(&r->signal_bytes, more);
        return CSTAR_ENOMEM;
    }
    cstar__count_give(&r->signal_bytes, less);
    if (e->signals != NULL) { /* there are some: `json` is not empty */
        memcpy(e->signals->json, json.ptr, json.len);
    }
    return CSTAR_OK;
}

cstar_status cstar__entry_keep(cstar__registry *r, cstar__entry *e, cstar_str json) {
    if (json.len == 0) {
        cstar__entry_drop_signals(r, e);
        return CSTAR_OK;
    }
    const cstar_status rc = json.len <= r->opts.max_signals ? keep(r, e, json) : CSTAR_ELIMIT;
    e->behind = rc != CSTAR_OK;
    return rc;
}

void cstar__entry_remember(cstar__registry *r, const cstar__entry *e) {
    if (r->opts.keepsakes == NULL || e->page == 0) {
        return;
    }
    const cstar__keepsake_key key = {.scope = cstar_view(e->key, e->nscope),
                                     .tab = cstar_view(e->key + e->nscope, e->ntab),
                                     .page = e->page};
    const cstar_str said =
        e->signals != NULL ? cstar_view(e->signals->json, e->signals->len) : CSTAR_STR("");
    if (e->behind || cstar__keepsakes_put(r->opts.keepsakes, &key, e->share, said) != CSTAR_OK) {
        cstar__keepsakes_forget(r->opts.keepsakes, &key);
    }
}

cstar_status cstar__registry_keep_signals(cstar__registry *r, cstar_str scope, cstar_str tab,
                                          cstar_str json) {
    const cstar__key k = cstar__key_of(r, scope, tab);
    (void)pthread_mutex_lock(&k.shard->lock);
    cstar__entry *e = cstar__key_entry(&k);
    const cstar_status rc = e != NULL ? cstar__entry_keep(r, e, json) : CSTAR_ENOENT;
    (void)pthread_mutex_unlock(&k.shard->lock);
    return rc;
}

cstar_status cstar__registry_restore(cstar__registry *r, const cstar__tab *t, uint64_t generation,
                                     cstar_str json) {
    const cstar__key k = cstar__key_of(r, t->scope, t->tab);
    cstar_status rc = CSTAR_ENOENT;
    (void)pthread_mutex_lock(&k.shard->lock);
    cstar__entry *e = cstar__key_entry(&k);
    if (e != NULL && e->generation == generation) {
        const bool newer = e->signals != NULL || e->behind; /* what could not be kept is, too */
        rc = newer ? CSTAR_OK : cstar__entry_keep(r, e, json);
    }
    (void)pthread_mutex_unlock(&k.shard->lock);
    return rc;
}

cstar_status cstar__registry_signals(cstar__registry *r, cstar_str scope, cstar_str tab,
                                     cstar_buf *out) {
    const cstar__key k = cstar__key_of(r, scope, tab);
    cstar_status rc = CSTAR_ENOENT;
    (void)pthread_mutex_lock(&k.shard->lock);
    const cstar__entry *e = cstar__key_entry(&k);
    if (e != NULL && e->signals != NULL) {
        cstar_buf_add(out, e->signals->json, e->signals->len);
        rc = cstar_buf_status(out);
    }
    (void)pthread_mutex_unlock(&k.shard->lock);
    return rc;
}

bool cstar__registry_is_behind(cstar__registry *r, cstar_str scope, cstar_str tab) {
    const cstar__key k = cstar__key_of(r, scope, tab);
    (void)pthread_mutex_lock(&k.shard->lock);
    const cstar__entry *e = cstar__key_entry(&k);
    const bool behind = e != NULL && e->behind;
    (void)pthread_mutex_unlock(&k.shard->lock);
    return behind;
}

size_t cstar__registry_signal_bytes(cstar__registry *r) {
    return atomic_load_explicit(&r->signal_bytes, memory_order_relaxed);
}
