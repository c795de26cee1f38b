/* events.c -- events: of pages, components and controllers.
 *
 * The order (behaviours 6 and 8.3): who answers it and its entry, from the head alone (404); the
 * body's size (413); the signals (400); authorize; the stream is started; the handler.
 *
 * SPDX-License-Identifier: MIT */
#include "web/live.h"

void cstar_halt(cstar_conn *conn) { conn->halted = true; }

bool cstar__conn_is_over(cstar_conn *conn) {
    if (conn->halted && conn->answer == CSTAR__ANSWER_NONE) {
        cstar__error_page(conn, 403, NULL);
    }
    return conn->answer != CSTAR__ANSWER_NONE;
}

/* The event's name is the last param of its route. */
static cstar_str name_of(const cstar_conn *conn) { return conn->params[conn->route->nparams - 1]; }

const char *cstar_event_name(const cstar_conn *conn) {
    return conn->events != NULL ? name_of(conn).ptr : NULL;
}

const char *cstar__conn_self(const cstar_conn *conn) {
    const cstar__route *route = conn->route;
    if (route != NULL && route->kind == CSTAR__TARGET_COMPONENT) {
        return conn->events != NULL ? conn->events->name.ptr : NULL;
    }
    if (route != NULL &&
        (route->kind == CSTAR__TARGET_PAGE || route->kind == CSTAR__TARGET_STREAM)) {
        return ((const cstar_page_def *)route->target)->controller;
    }
    return conn->events != NULL ? conn->events->controller_name : NULL;
}

/* ---- finding ---- */

/* How well the entry fits: 0 not at all; an exact name best, then the longest prefix. */
static size_t fit(const char *entry, cstar_str name) {
    const size_t len = strlen(entry);
    if (len != 0 && entry[len - 1] == '*') {
        const bool starts = name.len >= len - 1 && memcmp(name.ptr, entry, len - 1) == 0;
        return starts ? len : 0;
    }
    return cstar_str_eq(cstar_view(entry, len), name) ? SIZE_MAX : 0;
}

static const cstar_event_entry *find_entry(const cstar_event_entry *entries, cstar_str name) {
    const cstar_event_entry *best = NULL;
    size_t best_fit = 0;
    for (const cstar_event_entry *e = entries; e != NULL && e->name != NULL; e++) {
        const size_t f = fit(e->name, name);
        if (f > best_fit) {
            best = e;
            best_fit = f;
        }
    }
    return best;
}

/* The component's name is the param in front of the event's. */
static const cstar__events *find_component(const cstar_conn *conn) {
    const cstar__base *base = conn->route->target;
    const cstar_str name = conn->params[conn->route->nparams - 2];
    const cstar__events *e = base->list;
    while (e != NULL && !cstar_str_eq(e->name, name)) {
        e = e->next;
    }
    return e;
}

bool cstar__events_find(cstar_conn *conn) {
    conn->events =
        conn->route->kind == CSTAR__TARGET_COMPONENT ? find_component(conn) : conn->route->target;
    if (conn->events == NULL) {
        return false;
    }
    conn->max_body =
        conn->events->max_bytes != 0 ? conn->events->max_bytes : CSTAR__MAX_SIGNAL_BYTES;
    conn->event = find_entry(conn->events->entries, name_of(conn));
    return conn->event != NULL || conn->events->controller != NULL;
}

/* ---- running ---- */

static void handle(cstar_conn *conn, const cstar_signals *in) {
    if (conn->event != NULL) {
        conn->event->handle(conn, in);
    } else {
        conn->events->controller(conn, name_of(conn).ptr, in);
    }
}

void cstar__events_run(cstar_conn *conn) {
    const cstar_signals *in = cstar_read_signals(conn);
    if (in == NULL) {
        return;
    }
    if (conn->events->authorize != NULL) {
        conn->events->authorize(conn, name_of(conn).ptr);
        if (cstar__conn_is_over(conn)) {
            return;
        }
    }
    if (conn->events->page != NULL && conn->events->page->stream_key != NULL) {
        cstar__tab_keep_signals(conn);
    }
    if (cstar_start(conn) == CSTAR_OK) {
        handle(conn, in);
    }
}
