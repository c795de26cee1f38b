/* sse.c -- the event stream of a conn: the wire room's events, collected in order.
 *
 * Events gather in conn->out and leave in one piece, with a Content-Length, when the handler
 * returns: one write for a short answer, and a handler that fails half way can't cut an event in
 * two (the client would send its request again, for ever).
 *
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

cstar_status cstar_start(cstar_conn *conn) {
    if (conn->answer != CSTAR__ANSWER_NONE) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "start",
                                 "start: a response has begun already");
    }
    conn->answer = CSTAR__ANSWER_SSE;
    return CSTAR_OK;
}

/* ---- the open patch ---- */

static cstar_status close_patch(cstar_conn *conn) {
    cstar_err err;
    cstar__err_init(&err);
    conn->patching = false;
    cstar_status rc = cstar_html_status(&conn->html, &err);
    rc = rc == CSTAR_OK ? cstar_format_patch_end(&conn->out) : rc;
    if (rc != CSTAR_OK) {
        conn->out.len = conn->patch_mark;
        conn->out.status = CSTAR_OK; /* the next, smaller event may fit */
        if (err.code == CSTAR_OK) {
            (void)cstar_err_set(&err, rc, "patch", "patch: %s", cstar_strerror(rc));
        }
        (void)cstar__conn_fail(conn, &err);
    } else {
        cstar__hint_patch(conn, conn->patch_mark);
    }
    /* A put that comes late must not write behind the event. Copied: formatting costs as much as a
     * patch. */
    static const cstar_err closed = {CSTAR_ESTATE, "patch", "patch: it was closed before this put"};
    conn->html.err = closed;
    return rc;
}

void cstar__sse_settle(cstar_conn *conn) {
    if (conn->patching) {
        (void)close_patch(conn);
    }
}

cstar_html *cstar_conn_patch_end(cstar_conn *conn, cstar_html *h) {
    if (conn->patching && h == &conn->html) {
        (void)close_patch(conn);
    } else {
        (void)cstar__conn_failf(
            conn, CSTAR_ESTATE, "patch",
            "patch: another call on the conn inside the block closed it; render first, then call");
    }
    return NULL;
}

/* ---- events ---- */

/* Whether an event may be written now. */
static cstar_status ready(cstar_conn *conn) {
    cstar__sse_settle(conn);
    if (conn->answer != CSTAR__ANSWER_SSE) {
        return cstar__conn_failf(
            conn, CSTAR_ESTATE, "start",
            "start: no event stream (a plain handler begins one with cstar_start(); or the "
            "response is complete)");
    }
    return cstar__conn_gone(conn)
               ? cstar__conn_failf(conn, CSTAR_ECLOSED, "conn", "conn: the client is gone")
               : CSTAR_OK;
}

cstar_buf *cstar_sink(cstar_conn *conn) { return ready(conn) == CSTAR_OK ? &conn->out : NULL; }

/* Takes what a format function returned: a full buffer is not sticky here, the next, smaller event
 * may fit. */
static cstar_status done(cstar_conn *conn, cstar_status rc, cstar_err *err) {
    if (rc == CSTAR_OK) {
        return rc;
    }
    if (conn->out.status != CSTAR_OK) {
        conn->out.status = CSTAR_OK;
        (void)cstar_err_set(err, rc, "response", "response: %s", cstar_strerror(rc));
    }
    return cstar__conn_fail(conn, err);
}

#define SEND_WITH(format, arg)                                                                     \
    cstar_err err;                                                                                 \
    cstar__err_init(&err);                                                                         \
    cstar_status rc = ready(conn);                                                                 \
    return rc != CSTAR_OK ? rc : done(conn, format(&conn->out, (arg), &err), &err)

cstar_status cstar_conn_send(cstar_conn *conn, const cstar_sse_event *e) {
    SEND_WITH(cstar_format_event, e);
}

static cstar_status send_elements(cstar_conn *conn, const cstar_elements *e) {
    SEND_WITH(cstar_format_patch_elements, e);
}

cstar_status cstar_conn_patch_elements(cstar_conn *conn, const cstar_elements *e) {
    cstar__sse_settle(conn);
    const size_t mark = conn->out.len;
    const cstar_status rc = send_elements(conn, e);
    cstar__hint_patch(conn, rc == CSTAR_OK ? mark : conn->out.len);
    return rc;
}

cstar_status cstar_conn_remove_elements(cstar_conn *conn, const cstar_elements *e) {
    SEND_WITH(cstar_format_remove_elements, e);
}

cstar_status cstar_conn_append_elements(cstar_conn *conn, const cstar_elements *e) {
    SEND_WITH(cstar_format_append_elements, e);
}

cstar_status cstar_conn_upsert_elements(cstar_conn *conn, const cstar_elements *e) {
    SEND_WITH(cstar_format_upsert_elements, e);
}

cstar_status cstar_conn_patch_signals(cstar_conn *conn, const cstar_signals_patch *s) {
    SEND_WITH(cstar_format_patch_signals, s);
}

cstar_status cstar_conn_script(cstar_conn *conn, const cstar_script *s) {
    SEND_WITH(cstar_format_script, s);
}

cstar_status cstar_conn_console(cstar_conn *conn, const cstar_console *c) {
    SEND_WITH(cstar_format_console, c);
}

cstar_html *cstar_conn_patch_begin(cstar_conn *conn, const cstar_elements *e) {
    cstar_err err;
    cstar__err_init(&err);
    if (ready(conn) != CSTAR_OK) {
        return NULL;
    }
    size_t mark = conn->out.len;
    if (done(conn, cstar_format_patch_begin(&conn->out, e, &err), &err) != CSTAR_OK) {
        return NULL;
    }
    conn->patching = true;
    conn->patch_mark = mark;
    cstar__conn_html(conn, &conn->html, &conn->out, CSTAR_ELEMENTS_PREFIX);
    return &conn->html;
}

cstar_status cstar_conn_remove_signals(cstar_conn *conn, const char *const *paths, size_t npaths,
                                       const cstar_signals_patch *s) {
    cstar_err err;
    cstar__err_init(&err);
    cstar_status rc = ready(conn);
    if (rc != CSTAR_OK) {
        return rc;
    }
    cstar_str *views = cstar_arena_alloc(&conn->x->arena, (npaths + 1) * sizeof *views);
    if (views == NULL) {
        return cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
    }
    for (size_t i = 0; i < npaths; i++) {
        views[i] = cstar_cstr(paths[i]);
    }
    return done(conn,
                cstar_format_remove_signals(&conn->out, views, npaths, s, &conn->x->arena, &err),
                &err);
}

cstar_status cstar_conn_nudge(cstar_conn *conn, const char *key, const cstar_signals_patch *s) {
    cstar_err err;
    cstar__err_init(&err);
    cstar_status rc = ready(conn);
    if (rc != CSTAR_OK) {
        return rc;
    }
    uint64_t n = cstar_ticker_next(&conn->app->nudges);
    return done(conn, cstar_format_nudge(&conn->out, cstar_cstr(key), n, s, &err), &err);
}

const char *cstar__conn_origin(cstar_conn *conn) {
    const cstar_str host = cstar_cstr(cstar_host(conn));
    cstar_buf b;
    if (host.len == 0) {
        return NULL;
    }
    cstar_buf_init(&b, cstar_arena_allocator(&conn->x->arena), host.len + 16);
    cstar_buf_puts(&b, cstar_is_secure(conn) ? "https://" : "http://");
    cstar_buf_str(&b, host);
    cstar_buf_byte(&b, '\0');
    return b.status == CSTAR_OK ? b.ptr : NULL;
}

cstar_status cstar_conn_redirect(cstar_conn *conn, const cstar_redirect *r) {
    cstar_redirect with_origin = *r;
    if (with_origin.origin == NULL) {
        with_origin.origin = cstar__conn_origin(conn);
    }
    SEND_WITH(cstar_format_redirect, &with_origin);
}

cstar_status cstar_check_connection(cstar_conn *conn) {
    cstar__sse_settle(conn);
    /* a question, not an attempt: not kept as the conn's error */
    if (conn->answer != CSTAR__ANSWER_SSE) {
        return conn->streaming ? CSTAR_ECLOSED : CSTAR_ESTATE; /* it is over, or never began */
    }
    return cstar__conn_gone(conn) ? CSTAR_ECLOSED : CSTAR_OK;
}

/* no-transform: who compresses in between would hold events back until a block is full. Mostly no
 * field is set yet, and nothing has to be searched. */
cstar_status cstar__sse_fields(cstar_conn *conn) {
    static const cstar__field ours[] = {
        {{"cache-control", 13}, {"no-cache, no-transform", 22}},
        {{"x-accel-buffering", 17}, {"no", 2}},
        {{"content-type", 12}, {"text/event-stream", 17}},
    };
    const bool none = conn->nfields == 0;
    if (!none) {
        cstar__conn_drop_field(conn, ours[1].name);
        cstar__conn_drop_field(conn, ours[2].name);
    }
    const bool has_cache = !none && cstar__conn_field(conn, ours[0].name).ptr != NULL;
    for (size_t i = has_cache ? 1 : 0; i < sizeof ours / sizeof *ours; i++) {
        if (cstar__conn_add_field(conn, ours[i].name, ours[i].value) != CSTAR_OK) {
            return CSTAR_ENOMEM;
        }
    }
    return CSTAR_OK;
}

void cstar__sse_finish(cstar_conn *conn) {
    cstar__sse_settle(conn);
    cstar__dev_error(conn);
    if (cstar__sse_fields(conn) != CSTAR_OK) {
        return;
    }
    (void)cstar__conn_reply(
        conn,
        &(cstar__reply){.status = 200, .body = cstar_buf_view(&conn->out), .event_stream = true});
}
