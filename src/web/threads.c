/* threads.c -- threads of the application's own, which live while the app is served.
 *
 *     cstar_thread() ─▶ list ─▶ [cstar_serve()] start ─▶ stop: `stopping`, wake all, join
 *
 * Invariants: 1. A thread sees the hub, since it starts after it was opened. 2. None is left when
 * the server is freed. 3. cstar_sleep() gives false from `stopping` on.
 *
 * SPDX-License-Identifier: MIT */
#include "net/mask.h"
#include "web/live.h"

#include <pthread.h>
#include <time.h>

typedef struct thread {
    struct thread *next;
    cstar_app *app;
    void (*fn)(cstar_app *app);
    pthread_t id;
    bool runs;
} thread;

struct cstar__threads {
    pthread_mutex_t mutex; /* of `stopping` */
    pthread_cond_t woken;  /* on the steady clock */
    bool stopping;
    thread *list;
};

/* ---- before serving ---- */

static bool init_cond(pthread_cond_t *c) {
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0) {
        return false;
    }
    const bool ok =
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_cond_init(c, &attr) == 0;
    (void)pthread_condattr_destroy(&attr);
    return ok;
}

static struct cstar__threads *threads_of(cstar_app *app) {
    if (app->threads != NULL) {
        return app->threads;
    }
    struct cstar__threads *all = cstar_arena_zalloc(&app->arena, sizeof *all);
    if (all == NULL || pthread_mutex_init(&all->mutex, NULL) != 0) {
        return NULL;
    }
    if (!init_cond(&all->woken)) {
        (void)pthread_mutex_destroy(&all->mutex);
        return NULL;
    }
    app->threads = all;
    return all;
}

static cstar_status fail(cstar_app *app, cstar_status rc) {
    cstar_err err = {0};
    (void)cstar_err_set(&err, rc, "thread", "thread: %s", cstar_strerror(rc));
    return cstar__app_fail(app, &err);
}

cstar_status cstar_thread(cstar_app *app, void (*fn)(cstar_app *app)) {
    if (fn == NULL) {
        return fail(app, CSTAR_EINVAL);
    }
    if (app->server != NULL) {
        return CSTAR_ESTATE;
    }
    struct cstar__threads *all = threads_of(app);
    thread *t = all != NULL ? cstar_arena_zalloc(&app->arena, sizeof *t) : NULL;
    if (t == NULL) {
        return fail(app, CSTAR_ENOMEM);
    }
    t->app = app;
    t->fn = fn;
    t->next = all->list;
    all->list = t;
    return CSTAR_OK;
}

/* ---- while serving ---- */

static void *run(void *arg) {
    const thread *t = arg;
    t->fn(t->app);
    return NULL;
}

static bool start(thread *t) {
    sigset_t before;
    cstar__mask_for_threads(&before);
    t->runs = pthread_create(&t->id, NULL, run, t) == 0;
    cstar__mask_restore(&before);
    return t->runs;
}

cstar_status cstar__threads_start(cstar_app *app) {
    if (app->threads == NULL) {
        return CSTAR_OK;
    }
    app->threads->stopping = false;
    for (thread *t = app->threads->list; t != NULL; t = t->next) {
        if (!start(t)) {
            cstar__threads_stop(app);
            return CSTAR_ENOMEM;
        }
    }
    return CSTAR_OK;
}

void cstar__threads_stop(cstar_app *app) {
    struct cstar__threads *all = app->threads;
    if (all == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&all->mutex);
    all->stopping = true;
    (void)pthread_cond_broadcast(&all->woken);
    (void)pthread_mutex_unlock(&all->mutex);
    for (thread *t = all->list; t != NULL; t = t->next) {
        if (t->runs) {
            (void)pthread_join(t->id, NULL);
            t->runs = false;
        }
    }
}

void cstar__threads_free(cstar_app *app) {
    if (app->threads != NULL) {
        (void)pthread_cond_destroy(&app->threads->woken);
        (void)pthread_mutex_destroy(&app->threads->mutex);
    }
}

bool cstar_sleep(cstar_app *app, unsigned ms) {
    struct cstar__threads *all = app->threads;
    struct timespec end = {0};
    if (all == NULL) {
        return false;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)(ms / 1000);
    end.tv_nsec += (long)(ms % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    (void)pthread_mutex_lock(&all->mutex);
    int rc = 0;
    while (!all->stopping && rc == 0) {
        rc = pthread_cond_timedwait(&all->woken, &all->mutex, &end);
    }
    const bool goes_on = !all->stopping;
    (void)pthread_mutex_unlock(&all->mutex);
    return goes_on;
}
