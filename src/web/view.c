/* view.c -- markup that is rendered once for all who subscribe.
 *
 *     cstar_changed() [any thread] ─ first since the last rendering ▶ queue ─ wake ▶ worker 0
 *     worker 0: views_run ─ too early ▶ waiting (its alarm) ─┐
 *                  └─ begin ▶ render (here, or on the pool) ▶ finish: same bytes? else publish
 *     cstar_send_view(): subscribe, and what was shown last
 *
 * Invariants: 1. A view is in the queue or among the waiting once at most (`queued`). 2. Who sees
 * `changed` set already may leave: whoever set it queues the view, and its rendering begins behind
 * both. 3. A rendering takes `changed` back before it begins, so that what changes meanwhile has
 * another one. 4. `stale`: nobody listened when it changed; it is rendered for who comes next.
 * 5. What is shown is replaced and published under the view's lock, and who comes subscribes and
 * reads it under the same: everybody sees each version once, in order. 6. A rendering that has
 * failed is tried again while somebody listens, ever later; a change does not wait for that. Locks:
 * the table's; a view's, then the queue's, the hub's or the app's. None while rendering.
 *
 * SPDX-License-Identifier: MIT */
#include "web/view.h"

#include "live/siphash.h"
#include "net/server.h"
#include "web/live.h"

#include <stddef.h>

enum {
    FIRST_BUCKETS = 16,
    RETRY_MS = 100,         /* until a patch that nobody got is tried again */
    FAILED_MS = 1000,       /* until a rendering that failed is; twice as long each time, ... */
    FAILED_MOST_MS = 32000, /* ... but not longer */
};

typedef struct view {
    cstar__work work; /* first: the pool hands it back */
    cstar_app *app;
    struct view *next; /* of its bucket */
    uint64_t hash;     /* of its topic */
    const char *topic, *packet_key;
    cstar_view_opts opts; /* its texts are behind the struct */
    size_t size;          /* of all that */
    struct view *due;     /* the next one of the queue, or of the waiting */
    bool changed;         /* atomic; see invariants 2 and 3 */
    pthread_mutex_t lock; /* of what follows */
    bool queued, stale;
    bool wanted;    /* somebody who has come has not seen it yet */
    bool rendering; /* changed on worker 0's thread only, where it is read without the lock */
    bool has_shown;
    cstar_buf shown;
    /* worker 0's thread, and the thread that renders */
    uint64_t next_at; /* no rendering before that */
    uint64_t
        again_at; /* its last one failed: that, unless it changes; 0: it did not. Written under the lock */
    unsigned failed_ms; /* what it waits then; 0: it did not fail */
    cstar_buf fresh;
    cstar_err err; /* of the rendering */
} view;

struct cstar__views {
    pthread_rwlock_t lock; /* of the table */
    view **buckets;
    size_t nbuckets, n;
    pthread_mutex_t queue_lock; /* of the queue */
    view *first, **last;
    bool any; /* atomic: the queue is not empty */
    /* worker 0's thread */
    view *waiting;
    uint64_t soonest; /* of them; UINT64_MAX: there is nothing to be waited for */
};

/* ---- life ---- */

bool cstar__views_open(cstar_app *app) {
    struct cstar__views *vs = app->alloc->resize(app->alloc->ctx, NULL, 0, sizeof *vs);
    if (vs == NULL) {
        return false;
    }
    memset(vs, 0, sizeof *vs);
    vs->last = &vs->first;
    vs->soonest = UINT64_MAX;
    (void)pthread_rwlock_init(&vs->lock, NULL);
    (void)pthread_mutex_init(&vs->queue_lock, NULL);
    app->views = vs;
    return true;
}

static void view_free(view *v) {
    const cstar_allocator *alloc = v->app->alloc;
    cstar_buf_fini(&v->shown);
    cstar_buf_fini(&v->fresh);
    (void)pthread_mutex_destroy(&v->lock);
    (void)alloc->resize(alloc->ctx, v, v->size, 0);
}

void cstar__views_close(cstar_app *app) {
    struct cstar__views *vs = app->views;
    if (vs == NULL) {
        return;
    }
    for (size_t i = 0; i < vs->nbuckets; i++) {
        while (vs->buckets[i] != NULL) {
            view *v = vs->buckets[i];
            vs->buckets[i] = v->next;
            view_free(v);
        }
    }
    if (vs->nbuckets != 0) {
        (void)app->alloc->resize(app->alloc->ctx, vs->buckets, vs->nbuckets * sizeof(view *), 0);
    }
    (void)pthread_rwlock_destroy(&vs->lock);
    (void)pthread_mutex_destroy(&vs->queue_lock);
    (void)app->alloc->resize(app->alloc->ctx, vs, sizeof *vs, 0);
    app->views = NULL;
}

/* ---- the table ---- */

/* Behind `v` (NULL: from the first on), those of that topic; `key` NULL: with any key. [table] */
static view *next_of(const struct cstar__views *vs, const view *v, uint64_t hash, const char *topic,
                     const char *key) {
    view *at = NULL;
    if (v != NULL) {
        at = v->next;
    } else if (vs->nbuckets != 0) {
        at = vs->buckets[hash & (vs->nbuckets - 1)];
    }
    while (at != NULL && (at->hash != hash || strcmp(at->topic, topic) != 0 ||
                          (key != NULL && strcmp(at->opts.key, key) != 0))) {
        at = at->next;
    }
    return at;
}

/* Calls `fn` for each of them. CSTAR_ENOENT: there is none. */
static cstar_status each(cstar_app *app, const char *topic, const char *key,
                         cstar_status (*fn)(view *v, void *arg), void *arg) {
    struct cstar__views *vs = app->views;
    cstar_status rc = CSTAR_ENOENT;
    if (topic == NULL) {
        return rc;
    }
    const uint64_t hash = cstar__siphash(app->id_seed, cstar_cstr(topic));
    (void)pthread_rwlock_rdlock(&vs->lock);
    view *v = next_of(vs, NULL, hash, topic, key);
    if (v != NULL) {
        rc = CSTAR_OK;
    }
    for (; v != NULL && rc == CSTAR_OK; v = next_of(vs, v, hash, topic, key)) {
        rc = fn(v, arg);
    }
    (void)pthread_rwlock_unlock(&vs->lock);
    return rc;
}

static bool grow(cstar_app *app) {
    struct cstar__views *vs = app->views;
    const size_t n = vs->nbuckets != 0 ? vs->nbuckets * 2 : FIRST_BUCKETS;
    view **buckets = app->alloc->resize(app->alloc->ctx, NULL, 0, n * sizeof(view *));
    if (buckets == NULL) {
        return vs->nbuckets != 0; /* the chains get longer */
    }
    memset(buckets, 0, n * sizeof(view *));
    for (size_t i = 0; i < vs->nbuckets; i++) {
        while (vs->buckets[i] != NULL) {
            view *v = vs->buckets[i];
            vs->buckets[i] = v->next;
            v->next = buckets[v->hash & (n - 1)];
            buckets[v->hash & (n - 1)] = v;
        }
    }
    if (vs->nbuckets != 0) {
        (void)app->alloc->resize(app->alloc->ctx, vs->buckets, vs->nbuckets * sizeof(view *), 0);
    }
    vs->buckets = buckets;
    vs->nbuckets = n;
    return true;
}

/* [table, to write] */
static cstar_status add(cstar_app *app, view *v) {
    struct cstar__views *vs = app->views;
    if (next_of(vs, NULL, v->hash, v->topic, v->opts.key) != NULL) {
        return CSTAR_EDUP;
    }
    if (vs->n >= vs->nbuckets && !grow(app)) {
        return CSTAR_ENOMEM;
    }
    v->next = vs->buckets[v->hash & (vs->nbuckets - 1)];
    vs->buckets[v->hash & (vs->nbuckets - 1)] = v;
    vs->n++;
    return CSTAR_OK;
}

/* ---- a new one ---- */

static const char *wrong(const char *topic, const cstar_view_opts *o) {
    const bool can = o->mode == CSTAR_OUTER || o->mode == CSTAR_INNER || o->mode == CSTAR_REPLACE;
    if (topic == NULL || topic[0] == '\0' || strlen(topic) > CSTAR__TOPIC_BYTES) {
        return "a topic has 1 to 256 bytes";
    }
    if (strchr(topic, '\1') != NULL || (o->key != NULL && strchr(o->key, '\1') != NULL)) {
        return "the topic and the key of a view have no byte 1";
    }
    if (o->render == NULL) {
        return "it has no render";
    }
    if (!can) {
        return "its mode is OUTER, INNER or REPLACE";
    }
    const bool anywhere = o->selector == NULL || o->selector[0] == '\0';
    return o->mode == CSTAR_INNER && anywhere ? "INNER needs a selector" : NULL;
}

static char *put_text(char **at, const char *text) {
    const size_t n = strlen(text) + 1;
    char *to = *at;
    memcpy(to, text, n);
    *at += n;
    return to;
}

/* A stream may subscribe to topics that have views with the same key: a packet's names both. */
static view *view_new(cstar_app *app, const char *topic, const cstar_view_opts *o) {
    const char *key = o->key != NULL ? o->key : "";
    const char *selector = o->selector != NULL ? o->selector : "";
    const size_t size = sizeof(view) + 2 * (strlen(topic) + strlen(key) + 2) + strlen(selector) + 1;
    view *v = app->alloc->resize(app->alloc->ctx, NULL, 0, size);
    if (v == NULL) {
        return NULL;
    }
    char *at = (char *)(v + 1);
    memset(v, 0, sizeof *v);
    v->app = app;
    v->size = size;
    v->opts = *o;
    v->topic = put_text(&at, topic);
    v->opts.key = put_text(&at, key);
    v->opts.selector = put_text(&at, selector);
    v->packet_key = put_text(&at, topic);
    at[-1] = '\1';
    (void)put_text(&at, key);
    v->hash = cstar__siphash(app->id_seed, cstar_cstr(topic));
    v->stale = true;
    cstar_buf_init(&v->shown, app->alloc, SIZE_MAX / 2);
    cstar_buf_init(&v->fresh, app->alloc, SIZE_MAX / 2);
    (void)pthread_mutex_init(&v->lock, NULL);
    return v;
}

/* An app that is served has no use for an error that keeps it from that. */
static cstar_status fail(cstar_app *app, cstar_status rc, const char *text) {
    cstar_err err;
    cstar__err_init(&err);
    (void)cstar_err_set(&err, rc, "view", "view: %s", text);
    return app->hub == NULL ? cstar__app_fail(app, &err) : rc;
}

cstar_status cstar_app_view(cstar_app *app, const char *topic, const cstar_view_opts *opts) {
    const char *why = wrong(topic, opts);
    if (why != NULL) {
        return fail(app, CSTAR_EINVAL, why);
    }
    view *v = view_new(app, topic, opts);
    if (v == NULL) {
        return fail(app, CSTAR_ENOMEM, "out of memory");
    }
    (void)pthread_rwlock_wrlock(&app->views->lock);
    const cstar_status rc = add(app, v);
    (void)pthread_rwlock_unlock(&app->views->lock);
    if (rc != CSTAR_OK) {
        view_free(v);
        return fail(app, rc,
                    rc == CSTAR_EDUP ? "there is one with its topic and key" : "out of memory");
    }
    return CSTAR_OK;
}

/* ---- what has changed ---- */

/* [view] Puts it into the queue. @return whether worker 0 is to be woken. */
static bool enqueue(view *v) {
    struct cstar__views *vs = v->app->views;
    if (v->queued) {
        return false;
    }
    v->queued = true;
    v->due = NULL;
    (void)pthread_mutex_lock(&vs->queue_lock);
    *vs->last = v;
    vs->last = &v->due;
    __atomic_store_n(&vs->any, true, __ATOMIC_RELEASE);
    (void)pthread_mutex_unlock(&vs->queue_lock);
    return true;
}

static bool is_heard(const view *v) {
    cstar__hub *hub = cstar__app_hub(v->app); /* it may be opened just now */
    return hub != NULL && cstar__hub_audience(hub, cstar_cstr(v->topic)) != CSTAR__AUDIENCE_NONE;
}

static cstar_status mark(view *v, void *arg) {
    bool wake = false;
    (void)arg;
    if (__atomic_exchange_n(&v->changed, true, __ATOMIC_ACQ_REL)) {
        return CSTAR_OK;
    }
    (void)pthread_mutex_lock(&v->lock);
    if (is_heard(v)) {
        /* unless a rendering that has begun meanwhile shows it already */
        wake = __atomic_load_n(&v->changed, __ATOMIC_RELAXED) && (enqueue(v) || v->again_at != 0);
    } else {
        v->stale = true;
        (void)__atomic_exchange_n(&v->changed, false, __ATOMIC_ACQ_REL);
    }
    (void)pthread_mutex_unlock(&v->lock);
    if (wake) {
        cstar__app_wake(v->app, 0);
    }
    return CSTAR_OK;
}

cstar_status cstar_changed(cstar_app *app, const char *topic, const char *key) {
    return each(app, topic, key, mark, NULL);
}

/* ---- rendering ---- */

static void run(cstar__work *w) {
    view *v = (view *)(void *)w;
    cstar_html h;
    cstar_buf_fini(&v->fresh);
    cstar_buf_init(&v->fresh, v->app->alloc, v->app->max_response);
    cstar__err_init(&v->err);
    cstar_html_init(&h, &v->fresh, NULL);
    h.csrf = cstar__csrf_of(v->app);
    v->opts.render(&h, v->opts.arg);
    (void)cstar_html_status(&h, &v->err);
}

static cstar_elements patch_of(const view *v) {
    return (cstar_elements){.html_str =
                                cstar_view(v->shown.len != 0 ? v->shown.ptr : "", v->shown.len),
                            .selector = v->opts.selector[0] != '\0' ? v->opts.selector : NULL,
                            .mode = v->opts.mode,
                            .ns = v->opts.ns,
                            .use_view_transition = v->opts.use_view_transition,
                            .key = v->packet_key};
}

static void swap_shown(view *v) {
    const cstar_buf old = v->shown;
    v->shown = v->fresh;
    v->fresh = old;
}

/* [view] Publishes what was rendered, unless it is what is shown. What can never be sent (it is too
 * long as an event) is a rendering that has failed: `v->err`. @return false: nobody got it now. */
static bool show(view *v) {
    const bool had = v->has_shown;
    const bool same = had && cstar_str_eq(cstar_buf_view(&v->shown), cstar_buf_view(&v->fresh));
    if (same && !v->wanted && !v->opts.repeat) {
        return true;
    }
    swap_shown(v);
    v->has_shown = true;
    const cstar_elements patch = patch_of(v);
    cstar_err err;
    cstar__err_init(&err);
    const cstar_status rc = cstar_app_publish_elements(v->app, v->topic, &patch, &err);
    if (rc == CSTAR_EAGAIN || rc == CSTAR_ENOMEM) {
        v->wanted = true;
        return false;
    }
    if (rc != CSTAR_OK) {
        swap_shown(v);
        v->has_shown = had;
        v->err = err;
        return true;
    }
    v->wanted = false;
    return true;
}

/* [view, worker 0's thread, which is about to set its alarm] */
static void wait_again(view *v) {
    if (!v->queued) {
        v->queued = true;
        v->due = v->app->views->waiting;
        v->app->views->waiting = v;
    }
}

/* [likewise] */
static void try_again(view *v) {
    const uint64_t then = cstar__app_ticks(v->app) + RETRY_MS;
    v->next_at = then > v->next_at ? then : v->next_at;
    wait_again(v);
}

/* [likewise] What it needs may be there later: who has come to see it would wait for ever, if
 * nothing changed any more, and the others would be shown what is no longer so. */
static void render_again(view *v) {
    const unsigned ms = v->failed_ms != 0 ? v->failed_ms * 2 : FAILED_MS;
    v->failed_ms = ms < FAILED_MOST_MS ? ms : FAILED_MOST_MS;
    v->again_at = cstar__app_ticks(v->app) + v->failed_ms;
    wait_again(v);
}

static void finish(view *v) {
    (void)pthread_mutex_lock(&v->lock);
    v->rendering = false;
    if (v->err.code == CSTAR_OK && !show(v)) {
        try_again(v);
    }
    if (v->err.code != CSTAR_OK) {
        render_again(v);
    } else {
        v->failed_ms = 0;
    }
    (void)pthread_mutex_unlock(&v->lock);
    cstar_buf_fini(&v->fresh);
    if (v->err.code != CSTAR_OK) {
        cstar__app_log(v->app, CSTAR_LOG_ERROR, "view %s %s: %s", v->topic, v->opts.key,
                       v->err.text);
    }
}

static void done(cstar__work *w) {
    view *v = (view *)(void *)w;
    finish(v);
    (void)cstar__views_run(v->app);
}

/* On the pool, or here if it does not wait, or there is none. */
static void render(view *v) {
    cstar__server *server = v->app->server;
    v->work = (cstar__work){.run = run, .done = done};
    if (!v->opts.blocking || server == NULL) {
        run(&v->work);
        finish(v);
        return;
    }
    if (cstar__server_work(server, 0, &v->work) != CSTAR_OK) { /* the pool's queue is full */
        (void)pthread_mutex_lock(&v->lock);
        v->rendering = false;
        v->stale = true;
        try_again(v);
        (void)pthread_mutex_unlock(&v->lock);
    }
}

/* It was taken off its list. */
static void begin(view *v, uint64_t now) {
    (void)pthread_mutex_lock(&v->lock);
    v->queued = false;
    v->again_at = 0;
    (void)__atomic_exchange_n(&v->changed, false, __ATOMIC_ACQ_REL);
    v->stale = !is_heard(v);
    v->rendering = !v->stale;
    v->failed_ms = v->stale ? 0 : v->failed_ms;
    (void)pthread_mutex_unlock(&v->lock);
    if (v->rendering) {
        v->next_at = now + v->opts.min_ms;
        render(v);
    }
}

/* ---- worker 0 ---- */

static view *take_queue(struct cstar__views *vs) {
    (void)pthread_mutex_lock(&vs->queue_lock);
    view *first = vs->first;
    vs->first = NULL;
    vs->last = &vs->first;
    __atomic_store_n(&vs->any, false, __ATOMIC_RELAXED);
    (void)pthread_mutex_unlock(&vs->queue_lock);
    return first;
}

/* Who finds `changed` set has been told, or is about to be. */
static uint64_t due_at(const view *v) {
    const bool later = v->again_at > v->next_at && !__atomic_load_n(&v->changed, __ATOMIC_RELAXED);
    return later ? v->again_at : v->next_at;
}

static uint64_t longest_wait(const view *v) {
    const uint64_t ms = v->again_at != 0 ? FAILED_MOST_MS : RETRY_MS;
    return v->opts.min_ms > ms ? v->opts.min_ms : ms;
}

/* A clock that was another one (an app is served, then tested) tells nothing. */
static bool is_due(const view *v, uint64_t now) {
    const uint64_t at = due_at(v);
    return !v->rendering && (at <= now || at > now + longest_wait(v));
}

/* Those of the list that are due are rendered, the others wait. @return whether there was any. */
static bool go_through(struct cstar__views *vs, view *list, uint64_t now) {
    bool any = false;
    while (list != NULL) {
        view *v = list;
        list = v->due;
        if (is_due(v, now)) {
            any = true;
            begin(v, now);
        } else {
            v->due = vs->waiting;
            vs->waiting = v;
        }
    }
    return any;
}

/* Of one that is being rendered, its `done` looks again. */
static void set_alarm(cstar_app *app, uint64_t now) {
    struct cstar__views *vs = app->views;
    vs->soonest = UINT64_MAX;
    for (const view *v = vs->waiting; v != NULL; v = v->due) {
        if (!v->rendering && due_at(v) < vs->soonest) {
            vs->soonest = due_at(v);
        }
    }
    if (vs->soonest != UINT64_MAX && app->server != NULL) {
        cstar__server_alarm(app->server, 0, vs->soonest > now ? vs->soonest - now : 0);
    }
}

bool cstar__views_run(cstar_app *app) {
    struct cstar__views *vs = app->views;
    if (!__atomic_load_n(&vs->any, __ATOMIC_ACQUIRE) && vs->waiting == NULL) {
        return false;
    }
    const uint64_t now = cstar__app_ticks(app);
    view *old = vs->waiting;
    view *new = take_queue(vs);
    vs->waiting = NULL;
    bool any = go_through(vs, old, now);
    any = go_through(vs, new, now) || any;
    set_alarm(app, now);
    return any;
}

uint64_t cstar__views_next(const cstar_app *app) { return app->views->soonest; }

/* ---- for a stream ---- */

static cstar_status send_shown(view *v, cstar_conn *conn) {
    const cstar_elements patch = patch_of(v);
    return cstar_conn_patch_elements(conn, &patch);
}

/* What is being rendered for the first time reaches the conn as it reaches all. */
static cstar_status join(view *v, void *arg) {
    cstar_conn *conn = arg;
    bool wake = false;
    (void)pthread_mutex_lock(&v->lock);
    cstar_status rc = cstar_subscribe(conn, v->topic);
    if (rc == CSTAR_OK && v->has_shown && !v->stale) {
        rc = send_shown(v, conn);
    } else if (rc == CSTAR_OK) {
        v->wanted = true;
        wake = (v->stale || !v->rendering) && enqueue(v);
    }
    (void)pthread_mutex_unlock(&v->lock);
    if (wake) {
        cstar__app_wake(v->app, 0);
    }
    return rc;
}

cstar_status cstar_send_view(cstar_conn *conn, const char *topic, const char *key) {
    const cstar_status rc = each(conn->app, topic, key, join, conn);
    return rc != CSTAR_ENOENT ? rc : cstar__conn_failf(conn, rc, "view", "view: there is none");
}
