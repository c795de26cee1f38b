/* compress.c -- content coding of responses; see compress.h.
 *
 *     reply ──▶ allowed? ──▶ long enough? ──▶ Vary ──▶ a coder? ──▶ smaller? ──▶ Content-Encoding
 *                  └─ no: plain  └─ no: plain           └─ no: plain  └─ no: plain
 *
 * Invariant: a coder's reservation is given back exactly when its encoder is freed, so that the
 * budget counts what is in use and what is kept.
 *
 * SPDX-License-Identifier: MIT */
#include "web/compress.h"

#include "http/accept.h"
#include "http/content_type.h"
#include "web/app.h"

enum {
    MAX_IDLE = 8,
    LARGE_BODY = 64 * 1024,
};

/* A stream that stays open pays for its window all the time, a whole body for a moment. */
static const cstar__encoder_opts large_opts[CSTAR__CODINGS] = {[CSTAR__GZIP] = {.window = 15}};

/* ---- coders ---- */

bool cstar__coders_init(cstar__coders *c, const cstar_allocator *alloc) {
    memset(c, 0, sizeof *c);
    c->alloc = alloc;
    return pthread_mutex_init(&c->mutex, NULL) == 0;
}

static void free_coder(cstar__coders *c, cstar__coder *coder) {
    cstar__encoder_free(coder->encoder);
    cstar__coding_release(&c->budget, coder->reserved);
    (void)c->alloc->resize(c->alloc->ctx, coder, sizeof *coder, 0);
}

static void free_list(cstar__coders *c, cstar__coder *list) {
    while (list != NULL) {
        cstar__coder *next = list->next;
        free_coder(c, list);
        list = next;
    }
}

void cstar__coders_fini(cstar__coders *c) {
    free_list(c, c->idle);
    c->idle = NULL;
    c->nidle = 0;
    (void)pthread_mutex_destroy(&c->mutex);
}

static cstar__coder *take_idle(cstar__coders *c, cstar__coding coding, bool large) {
    cstar__coder *found = NULL;
    (void)pthread_mutex_lock(&c->mutex);
    for (cstar__coder **at = &c->idle; *at != NULL; at = &(*at)->next) {
        if ((*at)->large == large && cstar__encoder_coding((*at)->encoder) == coding) {
            found = *at;
            *at = found->next;
            c->nidle--;
            break;
        }
    }
    (void)pthread_mutex_unlock(&c->mutex);
    if (found != NULL && cstar__encoder_reset(found->encoder) != CSTAR_OK) {
        free_coder(c, found);
        return NULL;
    }
    return found;
}

/* What is only kept must not make a response go without. */
static void make_room(cstar__coders *c, size_t bytes) {
    const size_t used = atomic_load_explicit(&c->budget.used, memory_order_relaxed);
    const size_t limit = c->budget.limit;
    if (limit == 0 || (used <= limit && bytes <= limit - used)) {
        return;
    }
    (void)pthread_mutex_lock(&c->mutex);
    cstar__coder *list = c->idle;
    c->idle = NULL;
    c->nidle = 0;
    (void)pthread_mutex_unlock(&c->mutex);
    free_list(c, list);
}

static cstar__coder *new_coder(cstar__coders *c, cstar__choice choice, bool large) {
    const cstar__encoder_opts *opts = large ? &large_opts[choice.coding] : NULL;
    cstar__coder *coder = c->alloc->resize(c->alloc->ctx, NULL, 0, sizeof *coder);
    if (coder == NULL) {
        cstar__coding_release(&c->budget, choice.reserved);
        return NULL;
    }
    *coder = (cstar__coder){.reserved = choice.reserved, .large = large};
    if (cstar__encoder_new(&coder->encoder, choice.coding, opts, c->alloc) != CSTAR_OK) {
        free_coder(c, coder);
        return NULL;
    }
    return coder;
}

cstar__coder *cstar__coder_take(cstar__coders *c, const cstar__request *r, bool large) {
    const cstar__accept accept = cstar__accept_encoding(r);
    const cstar__encoder_opts *opts = large ? large_opts : NULL;
    cstar__coding order[CSTAR__CODINGS];
    if (cstar__accept_order(&accept, order) == 0 || order[0] == CSTAR__IDENTITY) {
        return NULL;
    }
    cstar__coder *coder = take_idle(c, order[0], large);
    if (coder != NULL) {
        atomic_fetch_add_explicit(&c->budget.whole, 1, memory_order_relaxed);
        return coder;
    }
    make_room(c, cstar__encoder_memory(order[0], large ? &opts[order[0]] : NULL));
    const cstar__choice choice = cstar__coding_choose(&accept, opts, &c->budget);
    return choice.coding != CSTAR__IDENTITY ? new_coder(c, choice, large) : NULL;
}

void cstar__coder_give(cstar__coders *c, cstar__coder *coder) {
    if (coder == NULL) {
        return;
    }
    bool kept = false;
    if (cstar__encoder_coding(coder->encoder) != CSTAR__BR) { /* it would begin with new memory */
        (void)pthread_mutex_lock(&c->mutex);
        kept = c->nidle < MAX_IDLE;
        if (kept) {
            coder->next = c->idle;
            c->idle = coder;
            c->nidle++;
        }
        (void)pthread_mutex_unlock(&c->mutex);
    }
    if (!kept) {
        free_coder(c, coder);
    }
}

/* ---- which response ---- */

static bool has_no_transform(const cstar_conn *conn) {
    for (size_t i = 0; i < conn->nfields; i++) {
        if (cstar_str_ieq(conn->fields[i].name, CSTAR_STR("cache-control")) &&
            cstar__has_element(conn->fields[i].value, CSTAR_STR("no-transform"))) {
            return true;
        }
    }
    return false;
}

/* An event stream says no-transform itself, to those in between: what we code is not meant. */
bool cstar__compress_allowed(const cstar_conn *conn, int status, bool event_stream) {
    if (conn->app->coders.off || conn->no_compress || status == 204 || status == 205 ||
        status == 206 || status == 304) {
        return false;
    }
    const cstar_str type = cstar__conn_field(conn, CSTAR_STR("content-type"));
    return cstar__media_compresses(type) &&
           cstar__conn_field(conn, CSTAR_STR("content-encoding")).ptr == NULL &&
           (event_stream || !has_no_transform(conn));
}

/* The same text in another coding is another representation; byte for byte it is not the same. */
static cstar_status weaken_tag(cstar_conn *conn) {
    const cstar_str tag = cstar__conn_field(conn, CSTAR_STR("etag"));
    if (tag.len == 0 || tag.ptr[0] == 'W') {
        return CSTAR_OK;
    }
    char *weak = cstar_arena_alloc(&conn->x->arena, tag.len + 2);
    if (weak == NULL) {
        return cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
    }
    memcpy(weak, "W/", 2);
    memcpy(weak + 2, tag.ptr, tag.len);
    return cstar__conn_set_field(conn, CSTAR_STR("etag"), cstar_view(weak, tag.len + 2));
}

cstar_status cstar__compress_fields(cstar_conn *conn, cstar__coding coding) {
    const cstar_status rc = weaken_tag(conn);
    return rc != CSTAR_OK ? rc
                          : cstar__conn_set_field(conn, CSTAR_STR("content-encoding"),
                                                  cstar_cstr(cstar__coding_name(coding)));
}

void cstar_no_compress(cstar_conn *conn) { conn->no_compress = true; }

/* ---- whole bodies ---- */

bool cstar__compress_body(cstar_conn *conn, cstar_str *body, cstar__coding *coding) {
    cstar__coders *c = &conn->app->coders;
    cstar__coder *coder =
        body->len > 1 ? cstar__coder_take(c, &conn->x->request, body->len >= LARGE_BODY) : NULL;
    cstar_buf out;
    if (coder == NULL) {
        return false;
    }
    /* the limit is what makes "not smaller" a failure */
    cstar_buf_init(&out, cstar_arena_allocator(&conn->x->arena), body->len - 1);
    cstar_status rc = cstar__encoder_write(coder->encoder, *body, &out);
    rc = rc == CSTAR_OK ? cstar__encoder_end(coder->encoder, &out) : rc;
    *coding = cstar__encoder_coding(coder->encoder);
    cstar__coder_give(c, coder);
    if (rc != CSTAR_OK) {
        return false;
    }
    *body = cstar_buf_view(&out);
    return true;
}
