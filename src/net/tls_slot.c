/* tls_slot.c -- where workers find the current context while a reload replaces it. A lock, because
 * reading the pointer and adding a reference has to be one step; it is taken once per connection.
 * SPDX-License-Identifier: MIT */
#include "net/tls.h"

cstar_status cstar__tls_slot_init(cstar__tls_slot *s, cstar__tls_ctx *ctx) {
    s->ctx = NULL;
    if (pthread_mutex_init(&s->lock, NULL) != 0) {
        cstar__tls_ctx_unref(ctx);
        return CSTAR_ENOMEM;
    }
    s->ctx = ctx;
    return CSTAR_OK;
}

void cstar__tls_slot_fini(cstar__tls_slot *s) {
    cstar__tls_ctx_unref(s->ctx);
    s->ctx = NULL;
    (void)pthread_mutex_destroy(&s->lock);
}

cstar__tls_ctx *cstar__tls_slot_get(cstar__tls_slot *s) {
    (void)pthread_mutex_lock(&s->lock);
    cstar__tls_ctx *ctx = s->ctx != NULL ? cstar__tls_ctx_ref(s->ctx) : NULL;
    (void)pthread_mutex_unlock(&s->lock);
    return ctx;
}

void cstar__tls_slot_set(cstar__tls_slot *s, cstar__tls_ctx *ctx) {
    (void)pthread_mutex_lock(&s->lock);
    cstar__tls_ctx *old = s->ctx;
    s->ctx = ctx;
    (void)pthread_mutex_unlock(&s->lock);
    cstar__tls_ctx_unref(old);
}
