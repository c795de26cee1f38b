/* events.c -- events: of pages, components and controllers.
 *
 * The order (behaviours 6 and 8.3): who answers it and its entry, from the head alone (404, 405);
 * whether it is our own (csrf.c, 403); the body's size (413); the signals (400); authorize; the
 * stream is started; the handler.
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

/* An entry's name, taken apart. */
typedef struct entry_name {
    const char *name;
    unsigned methods; /* bit per cstar__method; without HEAD, which is GET */
    bool bad;         /* in front of the name stands what could be methods, and is none */
} entry_name;

enum {
    EVERY = 1u << CSTAR__GET | 1u << CSTAR__POST | 1u << CSTAR__PUT | 1u << CSTAR__PATCH |
            1u << CSTAR__DELETE
};

/* The bit of "POST"; 0: an event can't be sent with it. */
static unsigned method_bit(cstar_str word) {
    for (unsigned m = 0; m < CSTAR__METHODS; m++) {
        if ((EVERY & (1u << m)) != 0 &&
            cstar_str_eq(word, cstar_cstr(cstar__method_name((cstar__method)m)))) {
            return 1u << m;
        }
    }
    return 0;
}

/* "POST|DELETE remove": what is said in front of the first space, if that can only be methods. */
static entry_name take_apart(const char *text) {
    const size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ|");
    entry_name e = {text, EVERY, false};
    if (len == 0 || text[len] != ' ') {
        return e;
    }
    e = (entry_name){text + len + 1, 0, false};
    for (const char *word = text; word < e.name;) {
        const size_t n = strcspn(word, "| ");
        const unsigned bit = method_bit(cstar_view(word, n));
        e.methods |= bit;
        e.bad = e.bad || bit == 0;
        word += n + 1;
    }
    return e;
}

const char *cstar__events_bad(const cstar_event_entry *entries) {
    for (const cstar_event_entry *e = entries; e != NULL && e->name != NULL; e++) {
        if (take_apart(e->name).bad) {
            return e->name;
        }
    }
    return NULL;
}

/* The name decides, then the method: an entry for POST alone is not gone round by GET to a "*". */
static const cstar_event_entry *find_entry(const cstar_conn *conn, unsigned *allowed) {
    const cstar__method m = conn->x->request.method;
    const unsigned bit = 1u << (m == CSTAR__HEAD ? CSTAR__GET : m);
    const cstar_event_entry *best = NULL;
    size_t best_fit = 0;
    for (const cstar_event_entry *e = conn->events->entries; e != NULL && e->name != NULL; e++) {
        const entry_name n = take_apart(e->name);
        const size_t f = fit(n.name, name_of(conn));
        if (f > best_fit) {
            best = NULL;
            best_fit = f;
            *allowed = 0;
        }
        if (f != 0 && f == best_fit) {
            best = best == NULL && (n.methods & bit) != 0 ? e : best;
            *allowed |= n.methods;
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

bool cstar__events_find(cstar_conn *conn, unsigned *allowed) {
    *allowed = 0;
    conn->events =
        conn->route->kind == CSTAR__TARGET_COMPONENT ? find_component(conn) : conn->route->target;
    if (conn->events == NULL) {
        return false;
    }
    conn->max_body =
        conn->events->max_bytes != 0 ? conn->events->max_bytes : CSTAR__MAX_SIGNAL_BYTES;
    conn->event = find_entry(conn, allowed);
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

void cstar__events_authorize(cstar_conn *conn) {
    if (cstar_read_signals(conn) != NULL && conn->events->authorize != NULL) {
        conn->events->authorize(conn, name_of(conn).ptr);
    }
}

void cstar__events_run(cstar_conn *conn) {
    const cstar_signals *in = cstar_read_signals(conn);
    if (in != NULL && conn->events->page != NULL && conn->events->page->stream_key != NULL) {
        cstar__tab_keep_signals(conn);
    }
    if (in != NULL && cstar_start(conn) == CSTAR_OK) {
        handle(conn, in);
    }
}
