/* hint.c -- what looks like a mistake of the program's author, told where it can be seen.
 *
 *     refused: an event or a stream that the page does not have: a line in the log that says what
 *              it has
 *     hinted:  what is allowed, and mostly forgotten: with `development` only, a warning that says
 *              what to do
 *
 * Invariants: 1. A hint changes no answer. 2. It is told once, as long as not too many others come
 * between: a program publishes to the wrong topic a thousand times a second. 3. Without
 * `development` hints cost a look at a flag.
 *
 * SPDX-License-Identifier: MIT */
#include "web/live.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- telling ---- */

static bool is_on(const cstar_app *app) {
    return __atomic_load_n(&app->development, __ATOMIC_RELAXED); /* who publishes may be looking */
}

/* FNV-1a, never 0. */
static uint64_t hash_of(const char *text) {
    uint64_t h = 14695981039346656037u;
    for (; *text != '\0'; text++) {
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    }
    return h | 1;
}

static bool was_told(cstar_app *app, const char *text) {
    const uint64_t hash = hash_of(text);
    uint64_t *place = &app->hints[(hash >> 8) % CSTAR__HINTS];
    return __atomic_exchange_n(place, hash, __ATOMIC_RELAXED) == hash;
}

CSTAR_PRINTF(2, 3)
static void hint(cstar_app *app, const char *format, ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!was_told(app, text)) {
        cstar__app_log(app, CSTAR_LOG_WARN, "hint: %s", text);
    }
}

static cstar_str path_of(const cstar_conn *conn) {
    const cstar_str path = conn->x->request.path;
    return cstar_view(path.ptr, path.len < 100 ? path.len : 100);
}

/* ---- refused ---- */

/* The names of a table, as they are said in it, as far as there is room. */
static void list_events(const cstar_event_entry *e, char *out, size_t size) {
    cstar_buf b;
    cstar_buf_fixed(&b, out, size - 1);
    for (; e != NULL && e->name != NULL && strlen(e->name) + 2 <= size - 1 - b.len; e++) {
        cstar_buf_puts(&b, b.len != 0 ? ", " : "");
        cstar_buf_puts(&b, e->name);
    }
    out[b.len] = '\0';
}

void cstar__hint_event(cstar_conn *conn) {
    cstar_err err;
    char names[100];
    const char *event = conn->params[conn->route->nparams - 1].ptr;
    cstar__err_init(&err);
    if (conn->events == NULL) {
        (void)cstar_err_set(&err, CSTAR_ENOENT, "event", "event: no component is called \"%.60s\"",
                            conn->params[conn->route->nparams - 2].ptr);
    } else {
        list_events(conn->events->entries, names, sizeof names);
        (void)cstar_err_set(&err, CSTAR_ENOENT, "event", "event: no \"%.40s\" here; there is: %s",
                            event, names);
    }
    (void)cstar__conn_fail(conn, &err);
}

void cstar__hint_no_stream(cstar_conn *conn) {
    (void)cstar__conn_failf(conn, CSTAR_ENOENT, "connect",
                            "connect: cstar_connect() asks for a stream, and the page has no "
                            ".connect");
}

/* ---- hinted ---- */

static bool has(cstar_str text, const char *part) {
    const size_t len = strlen(part);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (memcmp(text.ptr + i, part, len) == 0) {
            return true;
        }
    }
    return false;
}

/* By cstar_connect(), or by whatever an author has written. */
static bool opens_stream(cstar_str markup) {
    return has(markup, "data-init") || has(markup, "retryMaxCount: Infinity");
}

/* Takes the next `id='...'` off the markup. Inside of a value, or in text, quotes are escaped. */
static bool next_id(cstar_str *rest, cstar_str *id) {
    static const char before[] = " id=";
    const size_t n = sizeof before - 1;
    while (rest->len > n) {
        const bool here =
            memcmp(rest->ptr, before, n) == 0 && (rest->ptr[n] == '\'' || rest->ptr[n] == '"');
        const size_t from = here ? n + 1 : 1;
        *rest = cstar_view(rest->ptr + from, rest->len - from);
        const char *end = here ? memchr(rest->ptr, rest->ptr[-1], rest->len) : NULL;
        if (end != NULL) {
            *id = cstar_view(rest->ptr, (size_t)(end - rest->ptr));
            return true;
        }
    }
    return false;
}

/* The first `id` that two elements of the document have, among its first ones; absent if none. */
static cstar_str find_twice(cstar_str rest) {
    enum { MOST = 500 };
    cstar_str seen[MOST];
    cstar_str id;
    for (size_t n = 0; n < MOST && next_id(&rest, &id); n++) {
        for (size_t i = 0; i < n; i++) {
            if (cstar_str_eq(seen[i], id)) {
                return id;
            }
        }
        seen[n] = id;
    }
    return cstar_view(NULL, 0);
}

void cstar__hint_page(cstar_conn *conn, const cstar_page_def *page) {
    const cstar_str path = path_of(conn);
    if (!is_on(conn->app)) {
        return;
    }
    if (!conn->has_body && (cstar__csrf_on(conn) || page->connect != NULL)) {
        hint(conn->app,
             "GET %.*s: the layout has no <body {}> with cstar_body(conn): events bring no token, "
             "and streams no tabId",
             (int)path.len, path.ptr);
    }
    /* who is who may decide: a lobby opens one for those who have said their name */
    if (page->connect != NULL && conn->session == NULL &&
        !opens_stream(cstar_buf_view(&conn->out))) {
        hint(conn->app,
             "GET %.*s: the page has .connect, and this markup opens no stream: "
             "data-init='{}' with cstar_connect() does",
             (int)path.len, path.ptr);
    }
    const cstar_str id = find_twice(cstar_buf_view(&conn->out));
    if (id.ptr != NULL) {
        hint(conn->app, "GET %.*s: two elements have the id \"%.*s\": patches find the first alone",
             (int)path.len, path.ptr, (int)(id.len < 60 ? id.len : 60), id.ptr);
    }
}

/* Of the tag that `html` begins with: its '>', unless that is in a value; html.len if there is none. */
static size_t tag_length(cstar_str html) {
    char quote = '\0';
    size_t i = 0;
    for (; i < html.len && (quote != '\0' || html.ptr[i] != '>'); i++) {
        const char c = html.ptr[i];
        if (c == quote) {
            quote = '\0';
        } else if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        }
    }
    return i;
}

/* The first tag, "<p class='x'"; empty if there is none. */
static cstar_str first_tag(cstar_str html) {
    const char *begin = html.len != 0 ? memchr(html.ptr, '<', html.len) : NULL;
    if (begin == NULL) {
        return CSTAR_STR("");
    }
    const cstar_str rest = cstar_view(begin, html.len - (size_t)(begin - html.ptr));
    const size_t len = tag_length(rest);
    return len != rest.len ? cstar_view(begin, len) : CSTAR_STR("");
}

/* The document's own elements are found without an id; a comment or a doctype is none. */
static bool needs_id(cstar_str tag) {
    static const char *const names[] = {"<html", "<head", "<body", "<title", "<!"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const size_t len = strlen(names[i]);
        if (tag.len >= len && cstar_str_ieq(cstar_view(tag.ptr, len), cstar_cstr(names[i]))) {
            return false;
        }
    }
    return tag.len != 0 && !has(tag, " id=") && !has(tag, "\tid=");
}

void cstar__hint_patch(cstar_conn *conn, size_t mark) {
    if (!is_on(conn->app) || mark > conn->out.len) {
        return;
    }
    const cstar_str event = cstar_view(conn->out.ptr + mark, conn->out.len - mark);
    const cstar_str tag = first_tag(event);
    if (has(event, "\ndata: selector ") || !needs_id(tag)) {
        return;
    }
    const cstar_str path = path_of(conn);
    hint(conn->app,
         "%.*s: a patch begins with %.*s>, which has no id, and has no .selector: the client finds "
         "no target",
         (int)path.len, path.ptr, (int)(tag.len < 60 ? tag.len : 60), tag.ptr);
}

void cstar__hint_stream(const cstar__live_conn *l) {
    const cstar_page_def *page = cstar__tab_page(l->conn);
    const bool reached = l->listens || l->ntimers != 0 || l->rerender_at != 0 || l->scope != NULL;
    if (page != NULL && !reached && is_on(l->conn->app)) {
        const cstar_str path = path_of(l->conn);
        hint(l->conn->app,
             "POST %.*s: connect has called neither cstar_subscribe() nor cstar_every(): nothing "
             "will come by this stream",
             (int)path.len, path.ptr);
    }
}

void cstar__hint_no_topic(cstar_app *app) {
    if (is_on(app)) {
        hint(app,
             "published to NULL, that is, to nobody: cstar_tab() gives it where the page has no "
             ".stream_key, the request no tabId, or the tab no stream now");
    }
}

/* Once for each topic, whatever else is listened to by then. */
void cstar__hint_topic(cstar_app *app, const char *topic) {
    char names[160];
    if (is_on(app) && cstar__hub_names(app->hub, names, sizeof names) != 0 &&
        !was_told(app, topic)) {
        cstar__app_log(
            app, CSTAR_LOG_WARN,
            "hint: published to \"%.100s\", which nobody listens to now; listened to: %s", topic,
            names);
    }
}
