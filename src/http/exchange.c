/* http/exchange.c -- the pool of exchanges, and what every response is checked for before a
 * protocol writes it.
 *
 * Data flow: machine ──take──▶ exchange ──give──▶ pool; upper floor ──cstar__respond*()──▶
 * checks ──▶ x->ops. Invariants: 1. An exchange in the pool is zeroed but for its arena, which
 * keeps one block; slim ones never come there. 2. Nothing that fails a check reaches a machine: no status, name or value
 * can break the framing of a response. Absent: formatting, state of the connection
 * (h1_response.c, h1.c).
 *
 * SPDX-License-Identifier: MIT */
#include "http/exchange.h"

#include "http/chars.h"

enum {
    POOL_EXCHANGES = 64,
    POOL_KEEP_BYTES = 16 * 1024,
    POOL_ARENA_LIMIT = 16 * 1024 * 1024,
};

const cstar__peer cstar__nobody;

/* ---- pool ----------------------------------------------------------------------------------- */

void cstar__exchange_pool_init(cstar__exchange_pool *p, const cstar_allocator *alloc) {
    memset(p, 0, sizeof *p);
    p->alloc = alloc;
    cstar__cells_init(&p->slim, alloc, CSTAR__EXCHANGE_SLIM);
    cstar__cells_init(&p->wide, alloc, CSTAR__EXCHANGE_SLIM + CSTAR__SLIM_BESIDE);
}

static void free_exchange(cstar__exchange_pool *p, cstar__exchange *x) {
    cstar_arena_fini(&x->arena);
    (void)p->alloc->resize(p->alloc->ctx, x, sizeof *x, 0);
}

void cstar__exchange_pool_fini(cstar__exchange_pool *p) {
    while (p->free != NULL) {
        cstar__exchange *x = p->free;
        p->free = x->next;
        free_exchange(p, x);
    }
    p->nfree = 0;
    cstar__cells_fini(&p->slim);
    cstar__cells_fini(&p->wide);
    cstar__cells_fini(&p->nghttp2[0]);
    cstar__cells_fini(&p->nghttp2[1]);
}

cstar__exchange *cstar__exchange_take(cstar__exchange_pool *p) {
    cstar__exchange *x = p->free;
    if (x != NULL) {
        p->free = x->next;
        p->nfree--;
        x->next = NULL;
        x->pool = p;
        return x;
    }
    x = p->alloc->resize(p->alloc->ctx, NULL, 0, sizeof *x);
    if (x != NULL) {
        memset(x, 0, sizeof *x);
        x->pool = p;
        cstar_arena_init(&x->arena, p->alloc,
                         p->arena_limit != 0 ? p->arena_limit : POOL_ARENA_LIMIT);
    }
    return x;
}

static cstar__cells *cells_for(cstar__exchange_pool *p, const cstar__exchange *x) {
    return x->ops->beside ? &p->wide : &p->slim;
}

void cstar__exchange_give(cstar__exchange_pool *p, cstar__exchange *x) {
    if (x != NULL && x->alarm != 0) {
        p->driver->over(x->peer->link, x);
    }
    if (x == NULL) {
        return;
    }
    if (x->slim) {
        cstar__cells_give(cells_for(p, x), x);
        return;
    }
    if (x->held) { /* its connection may be gone long before it is let go of */
        x->closed = true;
        x->broken = true;
        x->peer = &cstar__nobody;
        x->machine = NULL;
        return;
    }
    if (p->nfree >= (p->max_free != 0 ? p->max_free : POOL_EXCHANGES)) {
        free_exchange(p, x);
        return;
    }
    cstar_arena_reset(&x->arena, p->keep_bytes != 0 ? p->keep_bytes : POOL_KEEP_BYTES);
    cstar_arena arena = x->arena;
    memset(x, 0, sizeof *x);
    x->arena = arena;
    x->next = p->free;
    p->free = x;
    p->nfree++;
}

cstar__exchange *cstar__exchange_slim(cstar__exchange *x) {
    cstar__exchange_pool *p = x->pool;
    if (x->slim || x->held || x->broken || x->state != CSTAR__RESPONSE_STREAMING ||
        x->ops->slim == NULL || (x->alarm != 0 && p->driver->moved == NULL)) {
        return x;
    }
    cstar__exchange *y = cstar__cells_take(cells_for(p, x), NULL);
    if (y == NULL) {
        return x;
    }
    memcpy(y, x, CSTAR__EXCHANGE_SLIM);
    y->slim = true;
    if (x->ops->slim(x, y) != CSTAR_OK) {
        cstar__cells_give(cells_for(p, x), y);
        return x;
    }
    if (y->alarm != 0) {
        p->driver->moved(y->peer->link, y);
        x->alarm = 0;
    }
    cstar__exchange_give(p, x);
    return y;
}

void cstar__exchange_hold(cstar__exchange *x) { x->held = true; }

void cstar__exchange_let_go(cstar__exchange *x) {
    x->held = false;
    if (x->closed) {
        cstar__exchange_give(x->pool, x);
    }
}

/* ---- the floor below ------------------------------------------------------------------------ */

/* It is over, and only held: what is slim never is. */
static bool is_detached(const cstar__exchange *x) { return !x->slim && x->closed; }

cstar_status cstar__exchange_alarm(cstar__exchange *x, uint64_t ms) {
    const cstar__driver *driver = cstar__exchange_driver(x);
    if (is_detached(x)) {
        return CSTAR_ECLOSED;
    }
    return driver != NULL ? driver->alarm(x->peer->link, x, ms) : CSTAR_ENOTSUP;
}

bool cstar__exchange_vanished(const cstar__exchange *x, unsigned ms) {
    const cstar__driver *driver = is_detached(x) ? NULL : cstar__exchange_driver(x);
    return driver != NULL && driver->vanished != NULL && driver->vanished(x->peer->link, ms);
}

cstar_status cstar__exchange_work(cstar__exchange *x, cstar__work *w) {
    const cstar__driver *driver = cstar__exchange_driver(x);
    if (is_detached(x)) {
        return CSTAR_ECLOSED;
    }
    return driver != NULL ? driver->work(x->peer->link, w) : CSTAR_ENOTSUP;
}

/* ---- checks --------------------------------------------------------------------------------- */

bool cstar__field_ok(cstar_str name, cstar_str value) {
    return name.len != 0 && cstar__token_ok(name.ptr, name.ptr + name.len) &&
           (value.len == 0 || cstar__value_ok(value.ptr, value.ptr + value.len));
}

/* Fields that only the machine may write: they frame the message or belong to the connection. */
static bool is_machines(cstar_str name) {
    switch (name.len) {
    case 2:
        return cstar_str_ieq(name, CSTAR_STR("te"));
    case 4:
        return cstar_str_ieq(name, CSTAR_STR("date"));
    case 7:
        return cstar_str_ieq(name, CSTAR_STR("trailer")) ||
               cstar_str_ieq(name, CSTAR_STR("upgrade"));
    case 10:
        return cstar_str_ieq(name, CSTAR_STR("connection")) ||
               cstar_str_ieq(name, CSTAR_STR("keep-alive"));
    case 14:
        return cstar_str_ieq(name, CSTAR_STR("content-length"));
    case 16:
        return cstar_str_ieq(name, CSTAR_STR("proxy-connection"));
    case 17:
        return cstar_str_ieq(name, CSTAR_STR("transfer-encoding"));
    default:
        return false;
    }
}

static cstar_status check_start(const cstar__exchange *x, int status, const cstar__field *fields,
                                size_t nfields) {
    if (x->broken) {
        return CSTAR_ECLOSED;
    }
    if (x->state != CSTAR__RESPONSE_NONE) {
        return CSTAR_ESTATE;
    }
    if (status < 200 || status > 599) {
        return CSTAR_EINVAL;
    }
    for (size_t i = 0; i < nfields; i++) {
        if (!cstar__field_ok(fields[i].name, fields[i].value) || is_machines(fields[i].name)) {
            return CSTAR_EINVAL;
        }
    }
    return CSTAR_OK;
}

cstar_status cstar__respond(cstar__exchange *x, int status, const cstar__field *fields,
                            size_t nfields, cstar_str body) {
    cstar_status rc = check_start(x, status, fields, nfields);
    return rc != CSTAR_OK ? rc : x->ops->respond(x, status, fields, nfields, body);
}

void cstar__source_release(cstar__source *s) {
    if (s->release != NULL) {
        s->release(s->arg);
    }
    s->release = NULL;
    s->left = 0;
}

size_t cstar__source_take(cstar__source *s, char *ptr, size_t len) {
    size_t want = s->left < len ? (size_t)s->left : len;
    if (want == 0) {
        return 0;
    }
    if (s->ptr != NULL) {
        memcpy(ptr, s->ptr + s->at, want);
    } else {
        const ptrdiff_t n = s->read(s->arg, ptr, want, s->at);
        want = n > 0 ? (size_t)n : 0;
    }
    s->at += want;
    s->left -= want;
    return want;
}

cstar_status cstar__respond_from(cstar__exchange *x, int status, const cstar__field *fields,
                                 size_t nfields, const cstar__source *source) {
    cstar__source s = *source;
    cstar_status rc = check_start(x, status, fields, nfields);
    if (rc == CSTAR_OK) {
        return x->ops->respond_from(x, status, fields, nfields, &s);
    }
    cstar__source_release(&s);
    return rc;
}

size_t cstar__respond_room(const cstar__exchange *x) {
    if (x->broken || x->state != CSTAR__RESPONSE_STREAMING) {
        return 0;
    }
    return x->ops->room(x);
}

cstar_status cstar__respond_start(cstar__exchange *x, int status, const cstar__field *fields,
                                  size_t nfields) {
    cstar_status rc = check_start(x, status, fields, nfields);
    return rc != CSTAR_OK ? rc : x->ops->start(x, status, fields, nfields);
}

static cstar_status check_streaming(const cstar__exchange *x) {
    if (x->broken) {
        return CSTAR_ECLOSED;
    }
    return x->state == CSTAR__RESPONSE_STREAMING ? CSTAR_OK : CSTAR_ESTATE;
}

cstar_status cstar__respond_write(cstar__exchange *x, cstar_str bytes) {
    cstar_status rc = check_streaming(x);
    return rc != CSTAR_OK || bytes.len == 0 ? rc : x->ops->write(x, bytes);
}

cstar_status cstar__respond_shared(cstar__exchange *x, const cstar__shared *const *pieces, size_t n,
                                   size_t *taken) {
    cstar_status rc = check_streaming(x);
    *taken = 0;
    return rc != CSTAR_OK || n == 0 ? rc : x->ops->write_shared(x, pieces, n, taken);
}

cstar_status cstar__respond_end(cstar__exchange *x) {
    cstar_status rc = check_streaming(x);
    return rc != CSTAR_OK ? rc : x->ops->end(x);
}

void cstar__respond_abort(cstar__exchange *x) {
    if (!x->broken && (x->state != CSTAR__RESPONSE_DONE || x->lingers)) {
        x->ops->abort(x);
    }
}
