/* layout.c -- the document around a page: what every <head> and <body> needs, so that an app's own
 * layout is two calls and its looks.
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

/* Where the Datastar client comes from when the app does not serve it, with the hash of that very
 * file (SRI). */
#define CDN_URL "https://cdn.jsdelivr.net/gh/starfederation/datastar@v1.0.2/bundles/datastar.js"
#define CDN_HASH "sha256-KDfYes9u4LqOTmN2WSbCWpjWOIOwL4i+GUqGuB0/0ko="

/* ---- head ---- */

/* A nonce makes the policy allow the script; without a policy there is none to say. */
static void put_nonce(cstar_conn *conn, cstar_html *h) {
    const char *nonce = cstar_nonce(conn);
    if (nonce[0] != '\0') {
        cstar_put(h, "<script type='module' nonce='{}'", nonce);
    } else {
        cstar_put(h, "<script type='module'");
    }
}

static void put_client(cstar_conn *conn, cstar_html *h) {
    const cstar_app *app = conn->app;
    put_nonce(conn, h);
    if (app->client != NULL) {
        cstar_put(h, " src='{}'></script>", app->client_path);
    } else {
        cstar_put(h,
                  " src='" CDN_URL "' integrity='" CDN_HASH "' crossorigin='anonymous'></script>");
    }
}

/* NULL on an error page, and for whatever is no page. */
static const cstar_page_def *page_of(const cstar_conn *conn) {
    const cstar__route *route = conn->route;
    return route != NULL && route->kind == CSTAR__TARGET_PAGE ? route->target : NULL;
}

void cstar_head(cstar_conn *conn, cstar_html *h) {
    const cstar_page_def *page = page_of(conn);
    cstar_put(
        h,
        "<meta charset='utf-8'><meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<title>{}</title>",
        cstar_assigned_str(conn, "page_title", page != NULL ? page->name : ""));
    put_client(conn, h);
    if (page != NULL && page->head != NULL) {
        page->head(conn, h);
    }
}

/* ---- body ---- */

/* A tab's id: kept while the tab is open, made if it is new, and made all the same where there is
 * no storage. crypto.randomUUID() is not there without https; this is. Without a semicolon: the client
 * looks for the last statement of an expression by them. */
#define TAB_ID                                                                                     \
    "(make => { try { return sessionStorage.tabId ||= make() } catch { return make() } })"         \
    "(() => Array.from(crypto.getRandomValues(new Uint8Array(16)), "                               \
    "b => (b + 256).toString(16).slice(1)).join(\"\"))"

/* Of this load of the page alone: it tells a page that comes back from the next one in its tab. And a
 * tab whose id the server changes (it was duplicated) remembers that. */
#define PAGE_ID                                                                                    \
    "Array.from(crypto.getRandomValues(new Uint8Array(8)), "                                       \
    "b => (b + 256).toString(16).slice(1)).join(\"\")"
#define KEEP_TAB_ID "(id => { try { if (id) sessionStorage.tabId = id } catch {} })($tabId)"

/* Where components are, if that is one place and not "/ds": "/x" of "/x/:module/:event". */
static cstar_str base_of(const cstar_conn *conn) {
    const cstar__base *base = conn->app->bases;
    const cstar_str own = cstar_cstr(cstar_assigned_str(conn, "ds_base", NULL));
    if (own.ptr != NULL || base == NULL || base->next != NULL) {
        return own;
    }
    const cstar_str path =
        cstar_view(base->path, strlen(base->path) - strlen(CSTAR__COMPONENT_TAIL));
    if (cstar_str_eq(path, CSTAR_STR("/ds"))) {
        return cstar_view(NULL, 0);
    }
    return path.len != 0 ? path : CSTAR_STR("/");
}

static void add_body(cstar_conn *conn, cstar_buf *b) {
    const char *token = cstar__csrf_offer(conn);
    const cstar_str base = base_of(conn);
    cstar_buf_lit(b, "data-signals:tab-id='" TAB_ID "' data-signals:page-id='" PAGE_ID
                     "' data-effect='" KEEP_TAB_ID "'");
    if (token[0] != '\0') {
        cstar_buf_lit(b, " data-signals:csrf='\"");
        cstar_buf_puts(b, token); /* base64url */
        cstar_buf_lit(b, "\"'");
    }
    if (base.ptr != NULL) {
        cstar_buf_lit(b, " data-ds-base='");
        const size_t mark = b->len;
        cstar_buf_str(b, base);
        cstar_buf_html_from(b, mark);
        cstar_buf_byte(b, '\'');
    }
    cstar_buf_byte(b, '\0');
}

static cstar_status write_body(const cstar_expr *self, cstar_buf *out, cstar_err *err) {
    if (self->b == NULL) {
        return cstar_err_set(err, CSTAR_ENOMEM, "body", "body: out of memory");
    }
    cstar_buf_puts(out, self->b);
    return cstar_buf_status(out);
}

cstar_expr cstar_body(cstar_conn *conn) {
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(&conn->x->arena), (size_t)1 << 20);
    conn->has_body = true;
    add_body(conn, &b);
    return (cstar_expr){
        .write = write_body, .b = b.status == CSTAR_OK ? b.ptr : NULL, .attrs = true};
}

void cstar_flash_area(cstar_conn *conn, cstar_html *h) {
    cstar_flash_message m;
    cstar_put(h, "<div id='flash' role='status'>");
    while (cstar_flash_next(conn, &m)) {
        cstar_put(h, "<p class='{}'>{}</p>", m.kind, m.text);
    }
    cstar_put(h, "</div>");
}

void cstar_default_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content) {
    cstar_put(h, "<!doctype html><html lang='{}'><head>", cstar_assigned_str(conn, "lang", "en"));
    cstar_head(conn, h);
    cstar_put(h, "</head><body {}>{}</body></html>\n", cstar_body(conn), content);
}
