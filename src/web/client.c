/* client.c -- the Datastar client as a file that the app serves itself (--datastar FILE).
 *
 * Its path contains a hash of its content, so that browsers may keep it for ever and still get a
 * new one at once. It is compressed once, when it is loaded.
 *
 * SPDX-License-Identifier: MIT */
#include "web/mount.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define MAX_CLIENT ((size_t)4 << 20)
#define TYPE "text/javascript; charset=utf-8"

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
    cstar__packed *packed = cstar_arena_zalloc(&app->arena, sizeof *packed);
    if (packed == NULL) {
        return cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
    }
    packed->bytes[CSTAR__IDENTITY] = cstar_buf_view(&b);
    (void)snprintf(packed->tag, sizeof packed->tag, "%016" PRIx64, hash(cstar_buf_view(&b)));
    cstar__pack(packed, TYPE, &app->arena, app->alloc);
    app->client = packed;
    (void)snprintf(app->client_path, sizeof app->client_path, "/_cstar/datastar-%s.js",
                   packed->tag);
    cstar__route route = {.kind = CSTAR__TARGET_ASSET};
    rc = cstar__router_add(&app->router, CSTAR__GET, app->client_path, &route, err);
    return rc == CSTAR_EDUP ? CSTAR_OK : rc; /* served a second time */
}

void cstar__client_answer(cstar_conn *conn) {
    cstar__content *c = cstar__content_new(conn);
    if (c != NULL) {
        cstar__packed_choose(conn, conn->app->client, c);
        c->type = TYPE;
        c->cache_control = "public, max-age=31536000, immutable";
        (void)cstar__content_reply(conn, c);
    }
}
