/* quiet.c -- see quiet.h.
 *
 * Invariants: 1. A stream is made quiet behind everything else that its request has done: views of
 * the request, the conn and the arena die there. 2. What is kept lies in one block of exactly its
 * size; a stream without claim, access log or metrics has none. 3. Many streams share a conf: an
 * app has few different ones, and a stream whose conf finds no place stays as it is.
 *
 * SPDX-License-Identifier: MIT */
#include "web/quiet.h"

enum { CONFS = 32, RETRY_TEXT = 32 };

typedef enum kept_text {
    SCOPE,
    TAB,
    LOGGED, /* from here on only with an access log */
    TARGET = LOGGED,
    ADDRESS,
    REQUEST_ID,
    REFERER,
    AGENT,
    TEXTS,
} kept_text;

#define ABSENT UINT32_MAX

/* The texts follow each other behind the lengths; and them when it began, if somebody wants to know. */
typedef struct quiet {
    uint8_t n; /* texts: TEXTS; LOGGED without an access log; or none without a claim, too */
    uint8_t method, minor;
    bool timed;
    uint32_t len[];
} quiet;

struct cstar__quiet_confs {
    unsigned n; /* atomic: those below do not change any more */
    cstar__live_conf confs[CONFS];
};

/* ---- the block ---- */

static size_t text_len(const quiet *q, unsigned i) { return q->len[i] != ABSENT ? q->len[i] : 0; }

static size_t size_of(const quiet *q) {
    size_t size = offsetof(quiet, len) + q->n * sizeof q->len[0];
    for (unsigned i = 0; i < q->n; i++) {
        size += text_len(q, i);
    }
    return size + (q->timed ? sizeof(uint64_t) : 0);
}

static cstar_str text_of(const quiet *q, kept_text text) {
    const char *p = q != NULL ? (const char *)(q->len + q->n) : "";
    if (q == NULL || (unsigned)text >= q->n || q->len[text] == ABSENT) {
        return (cstar_str){0};
    }
    for (unsigned i = 0; i < (unsigned)text; i++) {
        p += text_len(q, i);
    }
    return cstar_view(p, q->len[text]);
}

static void quiet_free(const cstar_app *app, quiet *q) {
    if (q != NULL) {
        (void)app->alloc->resize(app->alloc->ctx, q, size_of(q), 0);
    }
}

static quiet *quiet_new(const cstar_conn *conn, const cstar_str *texts, unsigned n) {
    const cstar_app *app = conn->app;
    size_t size = offsetof(quiet, len) + n * sizeof(uint32_t) + (app->timed ? sizeof(uint64_t) : 0);
    for (unsigned i = 0; i < n; i++) {
        size += texts[i].len;
    }
    quiet *q = size < ABSENT ? app->alloc->resize(app->alloc->ctx, NULL, 0, size) : NULL;
    if (q == NULL) {
        return NULL;
    }
    q->n = (uint8_t)n;
    q->method = (uint8_t)conn->x->request.method;
    q->minor = (uint8_t)conn->x->request.minor;
    q->timed = app->timed;
    char *p = (char *)(q->len + n);
    for (unsigned i = 0; i < n; i++) {
        q->len[i] = texts[i].ptr != NULL ? (uint32_t)texts[i].len : ABSENT;
        if (texts[i].len != 0) {
            memcpy(p, texts[i].ptr, texts[i].len);
            p += texts[i].len;
        }
    }
    if (q->timed) {
        memcpy(p, &conn->x->began, sizeof conn->x->began);
    }
    return q;
}

static void describe(const cstar_conn *conn, cstar_str *texts, char mem[CSTAR__IP_TEXT]) {
    const cstar_app *app = conn->app;
    cstar__access_entry e = {0};
    cstar__traffic_describe(app, conn->x, mem, &e);
    const bool details = app->access_format != CSTAR_ACCESS_COMMON;
    const bool by_proxy = app->proxies.n != 0 || app->trust_local;
    texts[TARGET] = e.target;
    texts[ADDRESS] = by_proxy ? e.address : (cstar_str){0};
    texts[REQUEST_ID] = e.request_id;
    texts[REFERER] = details ? e.referer : (cstar_str){0};
    texts[AGENT] = details ? e.agent : (cstar_str){0};
}

/* @return false: out of memory. */
static bool keep(cstar_conn *conn, quiet **out) {
    const cstar__live_conn *l = conn->live;
    const cstar_app *app = conn->app;
    cstar_str texts[TEXTS] = {{0}};
    char mem[CSTAR__IP_TEXT];
    const bool logged = app->access_log != NULL && !conn->unlogged;
    *out = NULL;
    if (!l->claimed && !logged && !app->timed) {
        return true;
    }
    if (l->claimed) {
        texts[SCOPE] = cstar_cstr(l->scope);
        texts[TAB] = cstar_cstr(l->tab);
    }
    if (logged) {
        describe(conn, texts, mem);
    }
    *out = quiet_new(conn, texts, logged ? TEXTS : l->claimed ? LOGGED : 0);
    return *out != NULL;
}

uint64_t cstar__quiet_began(const cstar__exchange *x) {
    const quiet *q = cstar__live_user(x->user);
    uint64_t began = 0;
    if (q != NULL && q->timed) {
        memcpy(&began, (const char *)q + size_of(q) - sizeof began, sizeof began);
    }
    return began;
}

void cstar__quiet_describe(const cstar__exchange *x, cstar__access_entry *e) {
    const quiet *q = cstar__live_user(x->user);
    if (q == NULL) {
        e->method = "-";
        return;
    }
    e->address = text_of(q, ADDRESS);
    e->request_id = text_of(q, REQUEST_ID);
    e->method = cstar__method_name((cstar__method)q->method);
    e->target = text_of(q, TARGET);
    e->minor = q->minor;
    e->referer = text_of(q, REFERER);
    e->agent = text_of(q, AGENT);
}

/* ---- how it behaves ---- */

/* As cstar__tab_give_up() does with a conn's. `leaves`: its page may come back. Again does
 * nothing. */
static void give_up(cstar__live *s, bool leaves) {
    const quiet *q = cstar__live_user(s);
    const cstar_app *app = cstar__live_arg(s);
    const cstar__tab t = {.scope = text_of(q, SCOPE), .tab = text_of(q, TAB)};
    if (t.tab.ptr == NULL) {
        return;
    }
    (leaves ? cstar__registry_leave : cstar__registry_release)(
        app->registry, &t, cstar__live_address(s), cstar__live_generation(s));
}

static void on_ending(cstar__live *s, cstar__live_end_reason why) {
    give_up(s, why == CSTAR__LIVE_REPLACED);
}

/* As cstar__tab_part() does with a conn. */
static void on_told_ending(cstar__live *s, cstar__live_end_reason why) {
    char text[RETRY_TEXT];
    cstar_buf b;
    cstar_buf_fixed(&b, text, sizeof text);
    cstar__tab_last_words(&b, cstar__live_arg(s), why);
    if (b.len != 0) {
        (void)cstar__live_write(s, cstar_buf_view(&b));
    }
    on_ending(s, why);
}

/* Of a page that can be told things, and of one that can't. */
static const cstar__live_ops told = {.ending = on_told_ending};
static const cstar__live_ops untold = {.ending = on_ending};

static bool same(const cstar__live_conf *a, const cstar__live_conf *b) {
    return a->ops == b->ops && a->ping_ms == b->ping_ms && a->grace_ms == b->grace_ms &&
           a->max_waiting == b->max_waiting && a->drop == b->drop;
}

static const cstar__live_conf *find_conf(const struct cstar__quiet_confs *all, unsigned n,
                                         const cstar__live_conf *wanted) {
    for (unsigned i = 0; i < n; i++) {
        if (same(&all->confs[i], wanted)) {
            return &all->confs[i];
        }
    }
    return NULL;
}

/* NULL: there are too many. */
static const cstar__live_conf *share_conf(cstar_app *app, const cstar__live_conf *wanted) {
    struct cstar__quiet_confs *all = app->quiet_confs;
    const unsigned n = all != NULL ? __atomic_load_n(&all->n, __ATOMIC_ACQUIRE) : 0;
    const cstar__live_conf *found = find_conf(all, n, wanted);
    if (found != NULL || all == NULL) {
        return found;
    }
    (void)pthread_mutex_lock(&app->mutex);
    found = find_conf(all, all->n, wanted); /* another worker may have been here */
    if (found == NULL && all->n < CONFS) {
        all->confs[all->n] = *wanted;
        found = &all->confs[all->n];
        __atomic_store_n(&all->n, all->n + 1, __ATOMIC_RELEASE); /* with what is in it */
    }
    (void)pthread_mutex_unlock(&app->mutex);
    return found;
}

bool cstar__quiet_open(cstar_app *app) {
    if (app->quiet_confs == NULL) { /* else it was served before */
        app->quiet_confs = cstar_arena_zalloc(&app->arena, sizeof *app->quiet_confs);
    }
    return app->quiet_confs != NULL;
}

/* ---- becoming quiet ---- */

static bool is_watched(const cstar__live_conn *l) {
    return l->opts.info != NULL || l->opts.disconnect != NULL || l->ntimers != 0 ||
           l->rerender_at != 0;
}

static bool may_settle(const cstar_conn *conn) {
    const cstar__live_conn *l = conn->live;
    return l != NULL && l->s != NULL && l->started && !is_watched(l) && !conn->off_loop &&
           !conn->x->held && !conn->x->broken && conn->x->state == CSTAR__RESPONSE_STREAMING;
}

void cstar__quiet_settle(cstar_conn *conn) {
    if (!may_settle(conn)) {
        return;
    }
    cstar__live_conn *l = conn->live;
    cstar_app *app = conn->app;
    cstar__live *s = l->s;
    cstar__exchange *x = conn->x;
    quiet *q = NULL;
    cstar__live_conf conf = l->conf;
    conf.ops = l->has_page ? &told : &untold;
    const cstar__live_conf *shared = share_conf(app, &conf);
    if (shared == NULL || !keep(conn, &q)) {
        return;
    }
    cstar__body_close(conn);
    cstar_buf_fini(&conn->out);
    cstar__later_fini(&l->later);
    cstar__live_free_timers(l);
    cstar__live_free_state(l);
    const size_t heavy = l->heavy;
    cstar__exchange *slim = cstar__exchange_slim(x);
    if (slim == x) {
        quiet_free(app, q);
        return;
    }
    cstar__heavy_leave(app, heavy);
    slim->user = s;
    cstar__live_move(s, slim);
    cstar__live_set_conf(s, shared, q);
}

/* ---- afterwards ---- */

void cstar__quiet_on_wake(cstar__exchange *x) { cstar__live_wake(x->user); }

void cstar__quiet_on_drain(cstar__exchange *x) { cstar__live_end(x->user, CSTAR__LIVE_DRAINED); }

void cstar__quiet_on_close(cstar_app *app, cstar__exchange *x) {
    cstar__live *s = x->user;
    quiet *q = cstar__live_user(s);
    give_up(s, !x->drained);
    x->user = NULL;
    cstar__live_over(s);
    quiet_free(app, q);
}
