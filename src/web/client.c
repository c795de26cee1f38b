/* client.c -- the Datastar client as a file that the app serves itself (--datastar FILE).
 *
 * Its path contains a hash of its content, so that browsers may keep it for ever and still get a
 * new one at once.
 *
 * SPDX-License-Identifier: MIT */
#include "http/etag.h"
#include "web/app.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define MAX_CLIENT ((size_t)4 << 20)

/* FNV-1a: names a version; nothing relies on its strength. */
static uint64_t hash(cstar_str s) {
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(1099511628211);
    }
    return h;
}

static cstar_status read_all(FILE *f, cstar_buf *b) {
    char chunk[4096];
    size_t n = 0;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) {
        cstar_buf_add(b, chunk, n);
    }
    return ferror(f) != 0 ? CSTAR_EIO : b->status;
}

cstar_status cstar__client_load(cstar_app *app, const char *path, cstar_err *err) {
    cstar_buf b;
    FILE *f = fopen(path, "rbe");
    if (f == NULL) {
        return cstar_err_set(err, CSTAR_EIO, "datastar", "datastar: can't open %s: %s", path,
                             strerror(errno));
    }
    cstar_buf_init(&b, cstar_arena_allocator(&app->arena), MAX_CLIENT);
    cstar_status rc = read_all(f, &b);
    (void)fclose(f);
    if (rc != CSTAR_OK) {
        return cstar_err_set(err, rc, "datastar", "datastar: can't read %s: %s", path,
                             cstar_strerror(rc));
    }
    app->client = b.ptr;
    app->client_len = b.len;
    uint64_t h = hash(cstar_buf_view(&b));
    (void)snprintf(app->client_path, sizeof app->client_path, "/_cstar/datastar-%016" PRIx64 ".js",
                   h);
    (void)snprintf(app->client_tag, sizeof app->client_tag, "\"%016" PRIx64 "\"", h);
    cstar__route route = {.kind = CSTAR__TARGET_ASSET};
    rc = cstar__router_add(&app->router, CSTAR__GET, app->client_path, &route, err);
    return rc == CSTAR_EDUP ? CSTAR_OK : rc; /* served a second time */
}

void cstar__client_answer(cstar_conn *conn) {
    const cstar_app *app = conn->app;
    (void)cstar_set_header(conn, "cache-control", "public, max-age=31536000, immutable");
    (void)cstar_set_header(conn, "etag", app->client_tag);
    /* weakly: compressed, it went out with a weak tag */
    const cstar_str known = cstar_request_header(conn, "if-none-match");
    if (cstar__etag_find(known, cstar_cstr(app->client_tag), true) >= CSTAR__ETAG_FOUND) {
        (void)cstar_respond(conn, 304, NULL, CSTAR_STR(""));
        return;
    }
    (void)cstar_respond(conn, 200, "text/javascript; charset=utf-8",
                        cstar_view(app->client, app->client_len));
}
