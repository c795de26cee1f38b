/* later.c
 * SPDX-License-Identifier: MIT */
#include "web/later.h"

static cstar_status keep_assigns(cstar__later *l, cstar_conn *conn) {
    for (const cstar__assign *a = conn->assigns; a != NULL; a = a->next) {
        l->nassigns++;
    }
    l->assigns = cstar_arena_alloc(&conn->x->arena, l->nassigns * sizeof *l->assigns);
    if (l->assigns == NULL) {
        l->nassigns = 0;
        return CSTAR_ENOMEM;
    }
    size_t n = 0;
    for (cstar__assign *a = conn->assigns; a != NULL; a = a->next) {
        l->assigns[n++] = (cstar__kept_assign){a, a->value};
    }
    return CSTAR_OK;
}

/* The exchange's arena can't give back what a buffer has outgrown, and a stream lasts: its buffers
 * are of the heap. */
static cstar_status move_out(cstar_conn *conn) {
    cstar_buf moved;
    cstar_buf_init(&moved, conn->app->alloc, conn->app->max_response);
    cstar_buf_str(&moved, cstar_buf_view(&conn->out));
    const cstar_status rc = moved.status;
    if (rc != CSTAR_OK) {
        cstar_buf_fini(&moved);
        return rc;
    }
    conn->out = moved;
    return CSTAR_OK;
}

cstar_status cstar__later_init(cstar__later *l, cstar_conn *conn) {
    *l = (cstar__later){.nassigns = 0};
    cstar_arena_init(&l->scratch, conn->app->alloc, conn->x->arena.limit);
    (void)cstar_request_id(conn); /* each call would make another one */
    const cstar_status rc = keep_assigns(l, conn);
    return rc == CSTAR_OK ? move_out(conn) : rc;
}

void cstar__later_fini(cstar__later *l) { cstar_arena_fini(&l->scratch); }

/* The exchange's own arena waits in `scratch` meanwhile. */
static void swap_arenas(cstar__later *l, cstar_conn *conn) {
    const cstar_arena other = conn->x->arena;
    conn->x->arena = l->scratch;
    l->scratch = other;
}

void cstar__later_begin(cstar__later *l, cstar_conn *conn, cstar_conn *before) {
    *before = *conn;
    swap_arenas(l, conn);
    (void)cstar_arena_allocator(&conn->x->arena); /* buffers know it by this address */
}

/* The conn as it was, but for what the call was for. A cache that it has filled meanwhile would
 * point into memory that is gone. */
static void put_back(cstar__later *l, cstar_conn *conn, cstar_conn *before) {
    before->out = conn->out;
    before->err = conn->err;
    before->html = conn->html;
    *conn = *before;
    *conn->remembered_end = NULL; /* what the call has remembered behind it is gone */
    for (size_t i = 0; i < l->nassigns; i++) {
        l->assigns[i].assign->value = l->assigns[i].value;
    }
}

bool cstar__later_end(cstar__later *l, cstar_conn *conn, cstar_conn *before, size_t keep) {
    cstar__sse_settle(conn);
    swap_arenas(l, conn);
    cstar_arena_reset(&l->scratch, keep);
    put_back(l, conn, before);
    const bool ok = conn->err.code == CSTAR_OK;
    cstar__conn_log_error(conn);
    return ok;
}
