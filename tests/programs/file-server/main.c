/* file-server -- every way to serve files, for tests/e2e/static.test.mjs. The folder is FILES_ROOT.
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

#include <cstar.h>

#include <assets.h>
#include <stdio.h>
#include <stdlib.h>

static const char *root;

/* The path of a file below the folder: only a test puts it together from what a client sent. */
static const char *below(cstar_conn *conn, char *mem, size_t size) {
    const char *name = cstar_query(conn, "name");
    (void)snprintf(mem, size, "%s/%s", root, name != NULL ? name : "");
    return mem;
}

static void file(cstar_conn *conn) {
    char path[4096];
    (void)cstar_respond_file(conn, below(conn, path, sizeof path));
}

static void download(cstar_conn *conn) {
    char path[4096];
    (void)cstar_respond_file(conn, below(conn, path, sizeof path),
                             .download = cstar_query(conn, "as"), .cache_control = "private",
                             .content_type = cstar_query(conn, "type"));
}

static void own(cstar_conn *conn) { (void)cstar_respond_text(conn, 200, "a route of its own"); }

static void paths(cstar_conn *conn) {
    char text[256];
    (void)snprintf(text, sizeof text, "%s\n%s\n%s\n",
                   cstar_asset_path(conn, "/embedded", "css/app.css"),
                   cstar_asset_path(conn, "/embedded/", "with space.txt"),
                   cstar_asset_path(conn, "/embedded", "nothing.css"));
    (void)cstar_respond_text(conn, 200, text);
}

static void mount(cstar_app *app, const char *name, cstar_static_opts opts) {
    char prefix[64];
    opts.dir = root;
    (void)snprintf(prefix, sizeof prefix, "/%s", name);
    (void)cstar_app_static(app, prefix, &opts);
    app->walk_files = true;
    (void)snprintf(prefix, sizeof prefix, "/walk-%s/", name);
    (void)cstar_app_static(app, prefix, &opts);
    app->walk_files = false;
}

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    root = getenv("FILES_ROOT");
    mount(app, "plain", (cstar_static_opts){0});
    mount(app, "links", (cstar_static_opts){.symlinks = true});
    mount(app, "hidden", (cstar_static_opts){.hidden = true, .index = ""});
    mount(app, "packed",
          (cstar_static_opts){.precompressed = true, .cache_control = "public, max-age=60"});
    mount(app, "spa", (cstar_static_opts){.fallback = "index.html", .cache_control = ""});
    (void)cstar_route(app, CSTAR_GET, "/plain/own", own);
    (void)cstar_route(app, CSTAR_GET, "/file", file);
    (void)cstar_route(app, CSTAR_POST, "/file", file);
    (void)cstar_route(app, CSTAR_GET, "/blocking", file, .blocking = true);
    (void)cstar_route(app, CSTAR_GET, "/download", download);
    (void)cstar_route(app, CSTAR_GET, "/paths", paths);
    (void)cstar_static_embedded(app, "/embedded", &assets, .cache_control = "public, max-age=5");
    (void)cstar_static_embedded(app, "/embedded-spa", &assets, .index = "",
                                .fallback = "docs/index.html");
    return cstar_main(app, argc, argv);
}
