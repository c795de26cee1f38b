/* state.c -- memory of a stream's own, for its callbacks.
 *
 * It is of the heap, and not of the exchange's arena: a callback has another arena than the handler
 * had, and that is emptied when it returns.
 *
 * SPDX-License-Identifier: MIT */
#include "web/live.h"

/* Without one of its own `disconnect` gets zeros too: its stream never came to have any. */
static bool make(cstar__live_conn *l, size_t size) {
    const cstar_allocator *alloc = l->conn->app->alloc;
    l->state = alloc->resize(alloc->ctx, NULL, 0, size);
    if (l->state == NULL) {
        return false;
    }
    memset(l->state, 0, size);
    l->state_size = size;
    return true;
}

void cstar__live_free_state(cstar__live_conn *l) {
    const cstar_allocator *alloc = l->conn->app->alloc;
    if (l->state != NULL) {
        (void)alloc->resize(alloc->ctx, l->state, l->state_size, 0);
    }
    l->state = NULL;
    l->state_size = 0;
}

/* What a page's mount, or its event's handler, would be given no stream would ever see. */
static bool has_no_stream(const cstar_conn *conn) {
    const bool page = conn->route != NULL && conn->route->kind == CSTAR__TARGET_PAGE;
    return conn->live == NULL && (conn->events != NULL || page);
}

void *cstar_stream_state(cstar_conn *conn, size_t size) {
    if (has_no_stream(conn)) {
        (void)cstar__conn_failf(conn, CSTAR_ESTATE, "state", "state: there is no stream");
        return NULL;
    }
    cstar__live_conn *l = cstar__live_of(conn);
    if (l == NULL) {
        return NULL;
    }
    if (size == 0 || (l->state != NULL && l->state_size != size)) {
        (void)cstar__conn_failf(conn, CSTAR_EINVAL, "size",
                                "state: no size, or another one than at first");
        return NULL;
    }
    if (l->state == NULL && !make(l, size)) {
        (void)cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
    }
    return l->state;
}
