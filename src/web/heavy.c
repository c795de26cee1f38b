/* heavy.c -- what open streams keep of the requests that opened them.
 *
 * A conn's views of its request live as long as the conn does, and signals that were read are many
 * times their text: 400 KB of `0,0,0...` are 11 MiB. Of a request that is answered nobody minds; a
 * stream lasts. So those that keep more than KEPT are counted together, and past the limit a stream
 * that would be one more of them is refused. Others are not. One that is going to be quiet counts
 * while it begins, and may be refused like any; then it keeps nothing.
 *
 *     begin ─▶ enter (counted, or 503) ─▶ quiet, or over ─▶ leave
 *
 * SPDX-License-Identifier: MIT */
#include "web/live.h"

enum { KEPT = 64 * 1024 };

static size_t limit_of(const cstar_app *app) {
    return app->max_stream_memory != 0 ? app->max_stream_memory : CSTAR__STREAM_MEMORY;
}

bool cstar__heavy_enter(cstar__live_conn *l) {
    const cstar_conn *conn = l->conn;
    const size_t size = conn->x->arena.used + conn->body.cap;
    if (size <= KEPT) {
        return true;
    }
    size_t *sum = &conn->app->stream_memory;
    if (__atomic_add_fetch(sum, size, __ATOMIC_RELAXED) > limit_of(conn->app)) {
        (void)__atomic_sub_fetch(sum, size, __ATOMIC_RELAXED);
        return false;
    }
    l->heavy = size;
    return true;
}

void cstar__heavy_leave(cstar_app *app, size_t size) {
    if (size != 0) {
        (void)__atomic_sub_fetch(&app->stream_memory, size, __ATOMIC_RELAXED);
    }
}
