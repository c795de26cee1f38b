/* topics.c -- the app's hub, and the options of its topics.
 *
 * The hub is made when the app is first served, and lives as long as the app: a thread that publishes
 * while serving ends does so to nobody, and touches nothing that has gone.
 *
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "net/server.h"
#include "web/live.h"
#include "web/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

struct cstar__topic_rule {
    struct cstar__topic_rule *next;
    cstar__keep keep;
    size_t len;
    bool prefix;
    char name[];
};

enum {
    REPLAY_MS = 60000,
};

#define REPLAY_BYTES ((size_t)1 << 20)

/* ---- options ---- */

static cstar_status fail(cstar_app *app, cstar_status code, const char *text) {
    cstar_err err;
    cstar__err_init(&err);
    (void)cstar_err_set(&err, code, "topic", "topic: %s", text);
    return cstar__app_fail(app, &err);
}

static struct cstar__topic_rule *find_rule(const cstar_app *app, cstar_str name, bool prefix) {
    struct cstar__topic_rule *r = app->topics;
    while (r != NULL && (r->prefix != prefix || !cstar_str_eq(cstar_view(r->name, r->len), name))) {
        r = r->next;
    }
    return r;
}

cstar_status cstar_app_topic(cstar_app *app, const char *topic, const cstar_topic_opts *opts) {
    cstar_str name = cstar_cstr(topic != NULL ? topic : "");
    const bool prefix = name.len != 0 && name.ptr[name.len - 1] == '*';
    name.len -= prefix;
    if ((name.len == 0 && !prefix) || name.len > CSTAR__TOPIC_BYTES || name.ptr[0] == '\1') {
        return fail(app, CSTAR_EINVAL, "1 to 256 bytes");
    }
    if (find_rule(app, name, prefix) != NULL) {
        return fail(app, CSTAR_EDUP, "its options were given before");
    }
    struct cstar__topic_rule *r = cstar_arena_alloc(&app->arena, sizeof *r + name.len + 1);
    if (r == NULL) {
        return fail(app, CSTAR_ENOMEM, "out of memory");
    }
    *r = (struct cstar__topic_rule){
        .next = app->topics,
        .keep = {.count = opts->replay_count,
                 .bytes = opts->replay_bytes != 0 ? opts->replay_bytes : REPLAY_BYTES,
                 .ms = opts->replay_ms != 0 ? opts->replay_ms : REPLAY_MS,
                 .latest = opts->replay_latest},
        .len = name.len,
        .prefix = prefix,
    };
    memcpy(r->name, name.ptr, name.len);
    r->name[name.len] = '\0';
    app->topics = r;
    return CSTAR_OK;
}

/* The exact one, else the longest prefix. */
static cstar__keep keep_of(void *arg, cstar_str topic) {
    const cstar_app *app = arg;
    const cstar__keep nothing = {0};
    const struct cstar__topic_rule *best = NULL;
    for (const struct cstar__topic_rule *r = app->topics; r != NULL; r = r->next) {
        const bool fits = r->prefix ? topic.len >= r->len && memcmp(topic.ptr, r->name, r->len) == 0
                                    : cstar_str_eq(topic, cstar_view(r->name, r->len));
        if (fits && !r->prefix) {
            return r->keep;
        }
        if (fits && (best == NULL || r->len > best->len)) {
            best = r;
        }
    }
    return best != NULL ? best->keep : nothing;
}

/* ---- the hub ---- */

void cstar__app_wake(cstar_app *app, unsigned room) {
    (void)pthread_mutex_lock(&app->mutex);
    if (app->server != NULL) {
        cstar__server_wake(app->server, room);
    }
    (void)pthread_mutex_unlock(&app->mutex);
}

static void wake(void *arg, unsigned room) { cstar__app_wake(arg, room); }

uint64_t cstar__app_ticks(const cstar_app *app) {
    struct timespec t = {0};
    if (app->ticks != NULL) {
        return app->ticks(app->clock_arg);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t now(void *arg) { return cstar__app_ticks(arg); }

uint64_t cstar__app_random(cstar_app *app) {
    uint64_t z = __atomic_add_fetch(&app->dice, 0x9E3779B97F4A7C15u, __ATOMIC_RELAXED);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

cstar__hub *cstar__app_hub(const cstar_app *app) {
    return __atomic_load_n(&app->hub, __ATOMIC_ACQUIRE);
}

/* An eighth of them: what is kept lives up to eight ticks longer, and no tick takes long. */
void cstar__app_tidy_hub(cstar_app *app) {
    if (cstar__app_hub(app) != NULL) {
        cstar__hub_tidy(app->hub, CSTAR__SHARDS / 8);
    }
}

bool cstar__app_open_mail(cstar_app *app, unsigned room) {
    cstar__hub *hub = cstar__app_hub(app);
    if (hub == NULL) {
        return false;
    }
    const bool any = cstar__room_open_mail(cstar__hub_room(hub, room));
    return (room == 0 && cstar__views_run(app)) || any;
}

/* A view that has changed before is shown to the streams of worker 0: others may have gone. */
void cstar__app_open_last_mail(cstar_app *app, unsigned room) {
    cstar__hub *hub = cstar__app_hub(app);
    if (hub == NULL) {
        return;
    }
    cstar__room_open_all(cstar__hub_room(hub, room));
    if (room == 0 && cstar__views_run(app)) {
        cstar__room_open_all(cstar__hub_room(hub, room));
    }
}

static void free_tabs(cstar_app *app) {
    cstar__registry_free(app->registry);
    cstar__keepsakes_free(app->keepsakes);
    app->registry = NULL;
    app->keepsakes = NULL;
}

cstar_status cstar__app_open_hub(cstar_app *app, unsigned rooms) {
    uint64_t seeds[7];
    if (app->hub != NULL && app->rooms >= rooms) {
        return CSTAR_OK;
    }
    if (app->hub != NULL) { /* too few rooms: nobody publishes meanwhile, see cstar/serve.h */
        cstar__app_close_hub(app);
    }
    if (getrandom(seeds, sizeof seeds, 0) != (ssize_t)sizeof seeds) {
        return CSTAR_EIO;
    }
    app->dice = seeds[5];
    (void)snprintf(app->secret, sizeof app->secret, "\1%016" PRIx64, seeds[6]);
    app->rooms = rooms;
    app->keepsakes = cstar__keepsakes_new(&(cstar__keepsakes_opts){
        .alloc = app->alloc, .seed = {seeds[1], seeds[0]}, .now = now, .arg = app});
    app->registry = cstar__registry_new(&(cstar__registry_opts){.alloc = app->alloc,
                                                                .max_claims = app->max_tabs,
                                                                .keepsakes = app->keepsakes,
                                                                .seed = {seeds[0], seeds[1]}});
    cstar__hub *hub = app->registry != NULL && app->keepsakes != NULL
                          ? cstar__hub_new(&(cstar__hub_opts){.alloc = app->alloc,
                                                              .budget = &app->coders.budget,
                                                              .rooms = rooms,
                                                              .seed = {seeds[2], seeds[3]},
                                                              .epoch = (uint32_t)seeds[4],
                                                              .max_waiting = app->max_published,
                                                              .keep = keep_of,
                                                              .now = now,
                                                              .wake = wake,
                                                              .arg = app})
                          : NULL;
    if (hub == NULL || !cstar__quiet_open(app)) {
        cstar__hub_free(hub);
        free_tabs(app);
        return CSTAR_ENOMEM;
    }
    __atomic_store_n(&app->hub, hub, __ATOMIC_RELEASE); /* publishers may be there already */
    return CSTAR_OK;
}

void cstar__app_close_hub(cstar_app *app) {
    cstar__hub_free(app->hub);
    app->hub = NULL;
    free_tabs(app);
}
