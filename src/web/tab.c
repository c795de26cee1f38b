/* tab.c -- whose tab a stream, or an event's request, is of.
 *
 *     stream: {scope, tabId, pageId} ─claim▶ registry ─▶ the one that had it: a letter
 *     event:  its signals ─▶ registry ─▶ cstar_tab_signals() of the stream
 *
 * How a page is kept alive (docs/internals/live.md): it opens its stream again whenever that has ended,
 * after the time that the last `retry` field said. So each stream begins with one of about a second,
 * another for each, lest all of them come back at once; a server that stops says a new one; and the
 * stream that has ended for good says "not before weeks". A page that may not come back (its
 * session is over) loads itself again. Pages without a pageId are not ours, and are not told anything.
 *
 * SPDX-License-Identifier: MIT */
#include "web/live.h"

#define NEVER "retry: 2147483647\n\n" /* a browser's longest timer: 24 days */

/* ---- what a request says ---- */

static cstar_str signal_of(cstar_conn *conn, const char *name) {
    const cstar_signals *in = cstar_read_signals(conn);
    const cstar_json *v = in != NULL ? cstar_json_path(in, name) : NULL;
    return cstar_json_typeof(v) == CSTAR_JSON_STRING ? cstar_json_view(v) : CSTAR_STR("");
}

/* As far as its signals have been read: to ask would be to refuse those that can't be. */
static bool is_of_page(cstar_conn *conn) {
    return conn->signals_read && conn->signals != NULL && signal_of(conn, "pageId").len != 0;
}

static cstar__tab tab_of(cstar_conn *conn, const char *scope) {
    const cstar_str page = signal_of(conn, "pageId");
    return (cstar__tab){.scope = cstar_cstr(scope),
                        .tab = signal_of(conn, "tabId"),
                        .page = page.len <= CSTAR__TAB_ID_MAX ? page : CSTAR_STR("")};
}

/* Whose share of what is kept it takes. */
static uint8_t share_of(cstar_conn *conn) {
    return cstar__keepsakes_share(conn->app->keepsakes, cstar_cstr(cstar_client_address(conn)));
}

const char *cstar_tab_id(cstar_conn *conn) {
    if (conn->live != NULL && conn->live->tab[0] != '\0') {
        return conn->live->tab;
    }
    const cstar_str tab = signal_of(conn, "tabId");
    return cstar__tab_id_ok(tab) ? tab.ptr : NULL;
}

/* ---- what a tab said last, while it has no stream ---- */

/* Whether its client says that it has had the stream before. */
static bool has_come_back(const cstar_conn *conn) {
    return cstar__request_field(&conn->x->request, "last-event-id").len != 0;
}

static cstar__keepsake_key keepsake_key(const cstar_app *app, cstar_str scope, cstar_str tab,
                                        cstar_str page) {
    return (cstar__keepsake_key){
        .scope = scope, .tab = tab, .page = cstar__registry_page(app->registry, page)};
}

static bool knows_signals(cstar_app *app, cstar_str scope, cstar_str tab) {
    cstar_buf none;
    cstar_buf_fixed(&none, NULL, 0);
    return cstar__registry_signals(app->registry, scope, tab, &none) != CSTAR_ENOENT;
}

/* Behind what is in `text`. */
static cstar_status take_kept(const cstar__live_conn *l, cstar_str tab, cstar_str page,
                              cstar_buf *text) {
    const cstar_app *app = l->conn->app;
    const cstar__keepsake_key key = keepsake_key(app, cstar_cstr(l->scope), tab, page);
    return cstar__keepsakes_take(app->keepsakes, &key, text);
}

/* What came of looking for it. Who takes over from a stream of its own page has what that knows. */
static bool is_known(cstar_status rc, cstar_str said, bool same_page) {
    return rc == CSTAR_OK ? !cstar_str_eq(said, CSTAR_STR(CSTAR__REGISTRY_LOST))
                          : rc == CSTAR_ENOENT && same_page;
}

/* The page has opened its stream again, with what it said at first. What the registry knows by now,
 * of an event, is newer. Events of a page that was split, and does not know yet, say the old name
 * while it has no stream, and are newer than what its stream has left. One that has not come back,
 * and has sent an event before, may be tried again, too: its client had no answer yet. What is not
 * known by now is not known to its page's next stream either. */
static void recall(cstar__live_conn *l, const cstar__tab *asked, bool same_page) {
    cstar_app *app = l->conn->app;
    const cstar__tab own = {.scope = cstar_cstr(l->scope), .tab = cstar_cstr(l->tab)};
    size_t from = 0;
    cstar_buf text;
    if (asked->page.len == 0) {
        return;
    }
    const bool back = has_come_back(l->conn);
    cstar_buf_init(&text, app->alloc, SIZE_MAX / 2);
    cstar_status rc = take_kept(l, own.tab, asked->page, &text);
    if (!cstar_str_eq(asked->tab, own.tab)) {
        const size_t left = text.len;
        const cstar_status said = take_kept(l, asked->tab, asked->page, &text);
        from = said == CSTAR_OK ? left : 0;
        rc = said != CSTAR_ENOENT ? said : rc;
    }
    const cstar_str said = cstar_view(text.len > from ? text.ptr + from : "", text.len - from);
    l->recalled = back && is_known(rc, said, same_page);
    l->overtaken = !back && rc != CSTAR_ENOENT && (rc != CSTAR_OK || text.len != 0);
    if (l->recalled && said.len != 0) {
        l->recalled = cstar__registry_restore(app->registry, &own, l->generation, said) == CSTAR_OK;
    }
    if (l->overtaken || (back && !l->recalled)) {
        cstar__registry_lose(app->registry, &own, l->generation);
    }
    cstar_buf_fini(&text);
}

/* ---- the claim ---- */

static bool refuse(cstar_conn *conn, cstar_status rc) {
    (void)cstar__conn_failf(conn, rc, "live", "live: the tab can't be claimed");
    conn->answer = CSTAR__ANSWER_NONE;
    cstar_buf_reset(&conn->out);
    (void)cstar_respond_text(conn, 503, "Stream registry unavailable");
    return false;
}

void cstar__tab_look(cstar__live_conn *l) { l->has_page = is_of_page(l->conn); }

/* What the one that is replaced will be told is written before anything changes: else two streams
 * would have the tab when there is no memory for it. */
static cstar_status claim_for(cstar__live_conn *l, const cstar__tab *t, cstar__claim *claim) {
    const cstar_app *app = l->conn->app;
    const uint64_t address = cstar__live_address(l->s);
    cstar__letter *letter = address != 0 ? cstar__hub_replace_prepare(app->hub) : NULL;
    if (letter == NULL) {
        return CSTAR_ENOMEM;
    }
    const cstar_status rc = cstar__registry_claim(app->registry, t, address, claim);
    const bool replaces = rc == CSTAR_OK && claim->replaces;
    if (rc == CSTAR_OK) {
        cstar__live_set_generation(l->s, claim->generation);
    }
    cstar__hub_replace_commit(app->hub, letter, replaces ? claim->old_stream : 0,
                              replaces ? claim->old_generation : 0);
    return rc;
}

bool cstar__tab_claim(cstar__live_conn *l, const char *scope) {
    cstar_conn *conn = l->conn;
    cstar__tab t = tab_of(conn, scope);
    cstar__claim claim;
    if (!cstar__tab_id_ok(t.tab) || conn->x->request.method == CSTAR__HEAD) {
        return true; /* an ordinary stream; or none, which takes no tab from one */
    }
    t.share = share_of(conn);
    l->scope = cstar_arena_strdup(&conn->x->arena, t.scope);
    const cstar_status rc = l->scope != NULL ? claim_for(l, &t, &claim) : CSTAR_ENOMEM;
    if (rc != CSTAR_OK) {
        return refuse(conn, rc);
    }
    l->claimed = true;
    l->generation = claim.generation;
    memcpy(l->tab, claim.tab, sizeof l->tab);
    recall(l, &t, claim.same_page);
    return true;
}

void cstar__tab_give_up(cstar__live_conn *l) {
    if (l->claimed) {
        const cstar__tab t = {.scope = cstar_cstr(l->scope), .tab = cstar_cstr(l->tab)};
        const uint64_t address = cstar__live_address(l->s);
        cstar__registry *r = l->conn->app->registry;
        l->claimed = false;
        if (l->ended == CSTAR_ENDED_HALTED || l->ended == CSTAR_ENDED_DRAINED) {
            cstar__registry_release(r, &t, address, l->generation);
        } else {
            cstar__registry_leave(r, &t, address, l->generation);
        }
    }
}

void cstar_tab_release(cstar_conn *conn) {
    if (conn->live != NULL && conn->live->s != NULL) {
        cstar__tab_give_up(conn->live);
        cstar__live_set_generation(conn->live->s, 0);
    }
}

/* ---- what the tab is told ---- */

/* Milliseconds from `least` on, spread over `spread` more. */
static void put_retry(cstar_buf *out, cstar_app *app, unsigned least, unsigned spread) {
    cstar_buf_lit(out, "retry: ");
    cstar_buf_uint(out, least + cstar__app_random(app) % spread);
    cstar_buf_lit(out, "\n\n");
}

/* A split page does not know its new name, and one that comes back after a split may have forgotten. */
void cstar__tab_greet(cstar__live_conn *l) {
    if (!l->has_page || l->conn->x->request.method == CSTAR__HEAD) {
        return;
    }
    put_retry(&l->conn->out, l->conn->app, 500, 1000);
    if (l->claimed) {
        (void)cstar_conn_signal(l->conn, "tabId",
                                &(cstar_signal_opts){.value = cstar_val_cstr(l->tab)});
    }
}

bool cstar__tab_wants_id(const cstar__live_conn *l) {
    return l->has_page && cstar__request_field(&l->conn->x->request, "last-event-id").ptr == NULL;
}

void cstar__tab_last_words(cstar_buf *out, cstar_app *app, cstar__live_end_reason why) {
    if (why == CSTAR__LIVE_HALTED) {
        cstar_buf_lit(out, NEVER);
    } else if (why == CSTAR__LIVE_DRAINED) {
        put_retry(out, app, 200, 2800);
    }
}

void cstar__tab_part(cstar__live_conn *l, cstar__live_end_reason why) {
    if (l->has_page) {
        cstar__tab_last_words(&l->conn->out, l->conn->app, why);
    }
}

/* ---- who comes back and is refused ---- */

/* Only a page that has had its stream has an id to say, and none that has just been loaded: so it
 * can't be told to load itself again for ever. */
static bool has_had_its_stream(cstar_conn *conn) {
    return conn->route != NULL && conn->route->kind == CSTAR__TARGET_STREAM && is_of_page(conn) &&
           cstar__request_field(&conn->x->request, "last-event-id").len != 0;
}

bool cstar__tab_reload(cstar_conn *conn, int status) {
    if ((status != 401 && status != 403) || !has_had_its_stream(conn)) {
        return false;
    }
    cstar__app_log(conn->app, CSTAR_LOG_INFO, "%.*s: a page came back and was refused with %d%s%s",
                   (int)(conn->x->request.path.len < 200 ? conn->x->request.path.len : 200),
                   conn->x->request.path.ptr, status, conn->err.code != CSTAR_OK ? ": " : "",
                   conn->err.code != CSTAR_OK ? conn->err.text : "");
    cstar__err_init(&conn->err);
    cstar_buf_reset(&conn->out);
    conn->answer = CSTAR__ANSWER_SSE;
    cstar_buf_lit(&conn->out, NEVER);
    (void)cstar_conn_append_elements(
        conn, &(cstar_elements){.html = "<i hidden data-init='location.reload()'></i>",
                                .selector = "body"});
    cstar__sse_finish(conn);
    return true;
}

/* ---- of an event ---- */

const cstar_page_def *cstar__tab_page(const cstar_conn *conn) {
    const cstar__route *r = conn->route;
    if (conn->events != NULL) {
        return conn->events->page;
    }
    return r != NULL && (r->kind == CSTAR__TARGET_STREAM || r->kind == CSTAR__TARGET_PAGE)
               ? r->target
               : NULL;
}

/* NULL: it has none. */
static const char *scope_of(cstar_conn *conn) {
    const cstar_page_def *page = cstar__tab_page(conn);
    if (conn->live != NULL && conn->live->scope != NULL) {
        return conn->live->scope;
    }
    return page != NULL && page->stream_key != NULL ? page->stream_key(conn) : NULL;
}

/* The tab that the request belongs to. @return false: none that has a stream. */
static bool find_tab(cstar_conn *conn, const char *scope, char tab[CSTAR__TAB_ID_MAX + 1]) {
    if (conn->live != NULL && conn->live->tab[0] != '\0') {
        memcpy(tab, conn->live->tab, CSTAR__TAB_ID_MAX + 1);
        return true;
    }
    const cstar__tab t = tab_of(conn, scope);
    return conn->app->registry != NULL && cstar__tab_id_ok(t.tab) &&
           cstar__registry_resolve(conn->app->registry, &t, tab) == CSTAR_OK;
}

/* Of the signals that the request has brought; "" if it can't be had. */
static cstar_str signals_text(cstar_conn *conn) {
    const cstar__method method = conn->x->request.method;
    if (method != CSTAR__GET && method != CSTAR__DELETE) {
        return cstar__body_is_form(conn) ? CSTAR_STR("") : cstar_buf_view(&conn->body);
    }
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(&conn->x->arena), conn->x->request.query.len + 1);
    (void)cstar__query_last(conn->x->request.query, CSTAR_STR("datastar"), &b);
    return b.status == CSTAR_OK ? cstar_buf_view(&b) : CSTAR_STR("");
}

void cstar__tab_keep_signals(cstar_conn *conn) {
    const cstar_str text = signals_text(conn);
    const char *scope = text.len != 0 ? conn->events->page->stream_key(conn) : NULL;
    if (scope == NULL || conn->app->registry == NULL) {
        return;
    }
    cstar__tab t = tab_of(conn, scope);
    t.share = share_of(conn);
    const cstar_status rc = cstar__registry_say(conn->app->registry, &t, text);
    if (rc != CSTAR_OK && rc != CSTAR_ENOENT) {
        conn->unkept = true;
        cstar__app_log(conn->app, CSTAR_LOG_WARN, "a tab's signals of %zu bytes were not kept: %s",
                       text.len, cstar_strerror(rc));
    }
}

/* ---- for the stream ---- */

static const cstar_signals *latest(cstar_conn *conn) {
    cstar_buf text;
    const cstar__live_conn *l = conn->live;
    cstar_buf_init(&text, cstar_arena_allocator(&conn->x->arena), (size_t)64 << 20);
    if (l == NULL || !l->claimed ||
        cstar__registry_signals(conn->app->registry, cstar_cstr(l->scope), cstar_cstr(l->tab),
                                &text) != CSTAR_OK) {
        return NULL;
    }
    return cstar_json_read(&conn->x->arena, cstar_buf_view(&text),
                           &(cstar_json_opts){.max_bytes = text.len}, NULL);
}

const cstar_signals *cstar_tab_signals(cstar_conn *conn) {
    const cstar_signals *in = latest(conn);
    return in != NULL ? in : cstar_read_signals(conn);
}

/* One that has no claim has nothing but its request. */
bool cstar_tab_signals_fresh(cstar_conn *conn) {
    const cstar__live_conn *l = conn->live;
    const bool claimed = l != NULL && l->claimed;
    if (claimed &&
        cstar__registry_is_behind(conn->app->registry, cstar_cstr(l->scope), cstar_cstr(l->tab))) {
        return false;
    }
    if (l == NULL || (has_come_back(conn) ? l->recalled : !l->overtaken)) {
        return true;
    }
    return claimed && knows_signals(conn->app, cstar_cstr(l->scope), cstar_cstr(l->tab));
}

/* As for a document: what mount refuses is not rendered. */
static void render_again(cstar_conn *conn, const cstar_page_def *page) {
    conn->refusing = false;
    if (page->mount != NULL) {
        page->mount(conn);
    }
    const bool over = conn->halted || conn->refusing;
    cstar_html *h = over ? NULL : cstar_conn_patch_begin(conn, &(cstar_elements){0});
    if (h != NULL) {
        page->render(conn, h);
        (void)cstar_conn_patch_end(conn, h);
    }
}

cstar_status cstar_rerender(cstar_conn *conn) {
    const cstar_page_def *page = cstar__tab_page(conn);
    if (page == NULL || conn->answer != CSTAR__ANSWER_SSE || conn->rerendering) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "rerender",
                                 "rerender: only from a page's stream or event");
    }
    cstar__rerender_note(conn);
    const cstar_signals *before = conn->signals;
    conn->signals = cstar_tab_signals(conn);
    conn->rerendering = true; /* signals that it sets are for itself: the browser has its own */
    render_again(conn, page);
    conn->rerendering = false;
    conn->signals = before;
    return conn->err.code;
}

/* ---- addresses ---- */

/* "\1" secret "t" length ":" tab scope, or "\1" secret "s" number: no topic begins so, and who does not
 * know the secret, which never leaves the process, can't make one up where an app takes a topic's name
 * from a request. */
static void begin_address(const cstar_conn *conn, cstar_buf *b, size_t most, char kind) {
    cstar_buf_init(b, cstar_arena_allocator(&conn->x->arena), most + sizeof conn->app->secret + 32);
    cstar_buf_puts(b, conn->app->secret);
    cstar_buf_byte(b, kind);
}

const char *cstar_tab(cstar_conn *conn) { return cstar_tab_in(conn, scope_of(conn)); }

const char *cstar_tab_in(cstar_conn *conn, const char *scope) {
    char tab[CSTAR__TAB_ID_MAX + 1];
    cstar_buf b;
    if (scope == NULL || !find_tab(conn, scope, tab)) {
        return NULL;
    }
    begin_address(conn, &b, strlen(scope) + sizeof tab, 't');
    cstar_buf_uint(&b, strlen(tab));
    cstar_buf_byte(&b, ':');
    cstar_buf_puts(&b, tab);
    cstar_buf_puts(&b, scope);
    cstar_buf_byte(&b, '\0');
    return b.status == CSTAR_OK ? b.ptr : NULL;
}

const char *cstar_stream_name(cstar_conn *conn) {
    cstar__live_conn *l = conn->live;
    const uint64_t address = l != NULL && l->s != NULL ? cstar__live_address(l->s) : 0;
    cstar_buf b;
    if (address == 0) {
        return NULL;
    }
    l->listens = true; /* to whom it gives that */
    begin_address(conn, &b, 0, 's');
    cstar_buf_uint(&b, address);
    cstar_buf_byte(&b, '\0');
    return b.status == CSTAR_OK ? b.ptr : NULL;
}

static const char *read_number(const char *p, uint64_t *n) {
    for (*n = 0; *p >= '0' && *p <= '9'; p++) {
        *n = *n * 10 + (uint64_t)(*p - '0');
    }
    return p;
}

bool cstar__tab_resolve(cstar_app *app, const char *name, uint64_t *address) {
    const size_t len = strlen(app->secret);
    uint64_t n = 0;
    if (strncmp(name, app->secret, len) != 0) {
        return false;
    }
    const char *end = read_number(name + len + (name[len] != '\0'), &n);
    if (name[len] == 's') {
        *address = n;
        return n != 0;
    }
    /* an app's copy of it may have been cut off */
    return name[len] == 't' && *end == ':' && n <= CSTAR__TAB_ID_MAX && strlen(end + 1) >= n &&
           cstar__registry_owner(app->registry, cstar_cstr(end + 1 + n),
                                 cstar_view(end + 1, (size_t)n), address, NULL);
}

/* ---- for the application ---- */

bool cstar_tab_is_live(cstar_app *app, const char *scope, const char *tab_id) {
    return cstar__app_hub(app) != NULL &&
           cstar__registry_owner(app->registry, cstar_cstr(scope), cstar_cstr(tab_id), NULL, NULL);
}

cstar_status cstar_tab_end(cstar_app *app, const char *scope, const char *tab_id) {
    uint64_t stream = 0;
    uint64_t generation = 0;
    if (cstar__app_hub(app) == NULL ||
        !cstar__registry_owner(app->registry, cstar_cstr(scope), cstar_cstr(tab_id), &stream,
                               &generation)) {
        return CSTAR_ENOENT;
    }
    return cstar__hub_replace(app->hub, stream, generation);
}
