/* layout.c -- the document around a page.
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

/* Where the Datastar client comes from when the app does not serve it, with the hash of that very
 * file (SRI). */
#define CDN_URL "https://cdn.jsdelivr.net/gh/starfederation/datastar@v1.0.2/bundles/datastar.js"
#define CDN_HASH "sha256-KDfYes9u4LqOTmN2WSbCWpjWOIOwL4i+GUqGuB0/0ko="

static void put_served(cstar_html *h, const char *path) {
    cstar_put(h, "<script type='module' src='{}'></script>", path);
}

static void put_cdn(cstar_html *h) {
    cstar_put(h, "<script type='module' src='" CDN_URL "' integrity='" CDN_HASH
                 "' crossorigin='anonymous'></script>");
}

static void put_client(const cstar_app *app, cstar_html *h) {
    if (app->client != NULL) {
        put_served(h, app->client_path);
    } else {
        put_cdn(h);
    }
}

static const char *title_of(const cstar_conn *conn) {
    const cstar__route *route = conn->route; /* NULL on an error page */
    const bool is_page =
        route != NULL && (route->kind == CSTAR__TARGET_PAGE || route->kind == CSTAR__TARGET_EVENT);
    const cstar_page_def *page = is_page ? route->target : NULL;
    return cstar_assigned_str(conn, "page_title", page != NULL ? page->name : "");
}

void cstar_head(cstar_conn *conn, cstar_html *h) {
    cstar_put(
        h,
        "<meta charset='utf-8'><meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<title>{}</title>",
        title_of(conn));
    put_client(conn->app, h);
}

void cstar_default_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content) {
    cstar_put(h, "<!doctype html><html lang='en'><head>");
    cstar_head(conn, h);
    cstar_put(h, "</head><body>{}</body></html>\n", content);
}
