/* area_registry.c -- tab ids, and what workers do to each other in the registry.
 *
 * A worker is a stream here. It cooperates only when a step says so: else, when it was replaced and
 * its grace is over, it is killed unless it has released that claim, and with it goes all that it has claimed.
 * Time is the scenario's own: nothing waits.
 *
 * SPDX-License-Identifier: MIT */
#include "live/registry.h"
#include "runner.h"

enum { MOST_WORKERS = 16, MOST_HANDLES = 64 };

typedef struct worker {
    cstar_str name;
    bool dead;
} worker;

typedef struct handle { /* of one claim; of every claim, oldest first */
    size_t worker;      /* its stream is one more */
    cstar_str scope, label;
    cstar__claim claim;
    bool replaced, released;
    int64_t deadline; /* then it is killed */
} handle;

typedef struct scene {
    cstar__registry *r;
    int64_t now, grace; /* ms */
    worker workers[MOST_WORKERS];
    size_t nworkers;
    handle handles[MOST_HANDLES];
    size_t nhandles;
    size_t replaced[MOST_HANDLES]; /* workers that were told, in order */
    size_t nreplaced;
    cstar_json_writer *results;
} scene;

/* ---- tab ids ---- */

static void tab_id(call *c) {
    const cstar_json *signals = cstar_json_get(c->args, "signals");
    const cstar_str tab = cstar_json_view(cstar_json_get(signals, "tabId"));
    const cstar_val value = cstar__tab_id_ok(tab) ? cstar_val_str(tab) : cstar_null();
    cstar_json_writer w;
    cstar_json_writer_init(&w, &c->out->text, 0);
    cstar_json_begin_object(&w);
    cstar_json_set(&w, "tab_id", value);
    cstar_json_end_object(&w);
    c->out->kind = OUTCOME_VALUE;
}

/* ---- what a scenario has ---- */

/* MOST_WORKERS: there are too many. */
static size_t worker_of(scene *s, const cstar_json *name) {
    size_t i = 0;
    while (i < s->nworkers && !cstar_str_eq(s->workers[i].name, cstar_json_view(name))) {
        i++;
    }
    if (i == s->nworkers && i < MOST_WORKERS) {
        s->workers[s->nworkers++] = (worker){.name = cstar_json_view(name)};
    }
    return i;
}

/* The newest of the worker's; with a label, that one. */
static handle *handle_of(scene *s, size_t who, const cstar_json *label) {
    for (size_t i = s->nhandles; i-- > 0;) {
        handle *h = &s->handles[i];
        if (h->worker == who && (label == NULL || cstar_str_eq(h->label, cstar_json_view(label)))) {
            return h;
        }
    }
    return NULL;
}

/* Handles of one claim, as a stream that claims again gets them, end together. */
static void release(scene *s, const handle *h) {
    const cstar__tab t = {.scope = h->scope, .tab = cstar_cstr(h->claim.tab)};
    cstar__registry_release(s->r, &t, h->worker + 1, h->claim.generation);
    for (size_t i = 0; i < s->nhandles; i++) {
        handle *same = &s->handles[i];
        same->released = same->released || same->claim.generation == h->claim.generation;
    }
}

static void die(scene *s, size_t who) {
    s->workers[who].dead = true;
    for (size_t i = 0; i < s->nhandles; i++) {
        if (s->handles[i].worker == who) {
            release(s, &s->handles[i]);
        }
    }
}

/* ---- steps: false for one that this runner does not know ---- */

static void tell_replaced(scene *s, const cstar__claim *by) {
    for (size_t i = 0; i < s->nhandles; i++) {
        handle *h = &s->handles[i];
        if (h->claim.generation == by->old_generation && h->worker + 1 == by->old_stream) {
            h->replaced = true;
            h->deadline = s->now + s->grace;
            s->replaced[s->nreplaced++] = h->worker;
        }
    }
}

static cstar_status claim(scene *s, size_t who, const cstar_json *step) {
    const cstar_json *key = cstar_json_at(step, 2);
    const cstar__tab t = {.scope = cstar_json_view(cstar_json_at(key, 0)),
                          .tab = cstar_json_view(cstar_json_at(key, 1))};
    handle *h = &s->handles[s->nhandles];
    *h =
        (handle){.worker = who, .scope = t.scope, .label = cstar_json_view(cstar_json_at(step, 3))};
    const cstar_status rc = cstar__registry_claim(s->r, &t, who + 1, &h->claim);
    if (rc == CSTAR_OK && h->claim.replaces) {
        tell_replaced(s, &h->claim);
    }
    s->nhandles += rc == CSTAR_OK;
    return rc;
}

static void wait_ms(scene *s, int64_t ms) {
    s->now += ms;
    for (size_t i = 0; i < s->nhandles; i++) {
        const handle *h = &s->handles[i];
        if (h->replaced && !h->released && h->deadline <= s->now) {
            die(s, h->worker);
        }
    }
}

static bool run_on_worker(scene *s, const char *what, const cstar_json *step) {
    const size_t who = worker_of(s, cstar_json_at(step, 1));
    cstar_status rc = CSTAR_OK;
    if (who == MOST_WORKERS || s->nhandles == MOST_HANDLES) {
        return false;
    }
    if (strcmp(what, "claim") == 0) {
        rc = claim(s, who, step);
    } else if (strcmp(what, "release") == 0 || strcmp(what, "release_generation") == 0) {
        const handle *h = handle_of(s, who, cstar_json_at(step, 2));
        if (h == NULL) {
            return false;
        }
        release(s, h);
    } else if (strcmp(what, "die") == 0) {
        die(s, who);
    } else {
        return false;
    }
    cstar_json_put_val(s->results, cstar_val_cstr(rc == CSTAR_OK ? "ok" : "error"));
    return true;
}

static bool run_step(scene *s, const cstar_json *step) {
    const char *what = cstar_json_str(cstar_json_at(step, 0), "");
    if (strcmp(what, "wait_ms") == 0) {
        wait_ms(s, cstar_json_int(cstar_json_at(step, 1), 0));
        return true;
    }
    return run_on_worker(s, what, step);
}

/* ---- the outcome ---- */

static void put_name(cstar_json_writer *w, const scene *s, size_t who) {
    cstar_json_put_val(w, cstar_val_str(s->workers[who].name));
}

static const handle *owner_of(const scene *s, const handle *key) {
    uint64_t stream = 0;
    uint64_t generation = 0;
    const bool is =
        cstar__registry_owner(s->r, key->scope, cstar_cstr(key->claim.tab), &stream, &generation);
    for (size_t i = 0; is && i < s->nhandles; i++) {
        const handle *h = &s->handles[i];
        if (h->claim.generation == generation && h->worker + 1 == stream) {
            return h;
        }
    }
    return NULL;
}

/* Whether an earlier handle has the same key. */
static bool is_told(const scene *s, const handle *h) {
    const handle *e = s->handles;
    while (e < h &&
           (!cstar_str_eq(e->scope, h->scope) || strcmp(e->claim.tab, h->claim.tab) != 0)) {
        e++;
    }
    return e < h;
}

static void put_owners(call *c, cstar_json_writer *w, const scene *s) {
    cstar_json_put_key(w, CSTAR_STR("owner"));
    cstar_json_begin_object(w);
    for (const handle *h = s->handles; h < s->handles + s->nhandles; h++) {
        const handle *owner = owner_of(s, h);
        cstar_buf key;
        if (is_told(s, h)) {
            continue;
        }
        cstar_buf_init(&key, cstar_arena_allocator(c->arena), 0);
        cstar_buf_str(&key, h->scope);
        cstar_buf_byte(&key, '/');
        cstar_buf_puts(&key, h->claim.tab);
        cstar_json_put_key(w, cstar_buf_view(&key));
        if (owner != NULL) {
            put_name(w, s, owner->worker);
        } else {
            cstar_json_put_val(w, cstar_null());
        }
    }
    cstar_json_end_object(w);
}

static void put_workers(cstar_json_writer *w, const scene *s) {
    cstar_json_put_key(w, CSTAR_STR("replaced"));
    cstar_json_begin_array(w);
    for (size_t i = 0; i < s->nreplaced; i++) {
        put_name(w, s, s->replaced[i]);
    }
    cstar_json_end_array(w);
    cstar_json_put_key(w, CSTAR_STR("alive"));
    cstar_json_begin_object(w);
    for (size_t i = 0; i < s->nworkers; i++) {
        cstar_json_put_key(w, s->workers[i].name);
        cstar_json_put_val(w, cstar_val_bool(!s->workers[i].dead));
    }
    cstar_json_end_object(w);
}

/* The label of the claim that owns the key that was claimed last; unlabelled ones have none. */
static void put_generation(cstar_json_writer *w, const scene *s) {
    const handle *last = s->nhandles != 0 ? &s->handles[s->nhandles - 1] : NULL;
    const handle *owner = last != NULL ? owner_of(s, last) : NULL;
    if (owner != NULL && owner->label.len != 0) {
        cstar_json_put_key(w, CSTAR_STR("generation"));
        cstar_json_put_val(w, cstar_val_str(owner->label));
    }
}

static bool run_all(scene *s, cstar_json_writer *w, const cstar_json *steps) {
    bool known = true;
    s->results = w;
    cstar_json_put_key(w, CSTAR_STR("results"));
    cstar_json_begin_array(w);
    for (const cstar_json *step = cstar_json_first(steps); step != NULL && known;
         step = cstar_json_next(step)) {
        known = run_step(s, step);
    }
    cstar_json_end_array(w);
    return known;
}

static void registry_scenario(call *c) {
    scene s = {.r = cstar__registry_new(&(cstar__registry_opts){.max_claims = MOST_HANDLES}),
               .grace = cstar_json_int(cstar_json_get(c->args, "grace_ms"), 500)};
    cstar_json_writer w;
    if (s.r == NULL) {
        call_error(c, "out of memory");
        return;
    }
    cstar_json_writer_init(&w, &c->out->text, 0);
    cstar_json_begin_object(&w);
    const bool known = run_all(&s, &w, cstar_json_get(c->args, "steps"));
    put_owners(c, &w, &s);
    put_workers(&w, &s);
    put_generation(&w, &s);
    cstar_json_end_object(&w);
    c->out->kind = OUTCOME_VALUE;
    if (!known || cstar_json_writer_end(&w) != CSTAR_OK) {
        call_skip(c, "this runner does not know a step of it");
    }
    cstar__registry_free(s.r);
}

const call_entry cases_registry[] = {
    {"tab_id", tab_id, "signals", NULL},
    {"registry_scenario", registry_scenario, "grace_ms steps", NULL},
    {NULL, NULL, NULL, NULL},
};
