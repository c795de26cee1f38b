/* web/asset.c -- assets inside the program as responses, and their paths with a hash.
 *
 * SPDX-License-Identifier: MIT */
#include "http/content_type.h"
#include "web/mount.h"

#include <stdio.h>
#include <stdlib.h>

#define FOREVER "public, max-age=31536000, immutable"

enum { HASH_LEN = 16 }; /* hex digits of the hash in tags and paths */

/* ---- finding ---- */

static int compare(const void *name, const void *asset) {
    return strcmp(name, ((const cstar_asset *)asset)->name);
}

static const cstar_asset *find_asset(const cstar__mount *m, const char *name) {
    const cstar_assets *a = m->assets;
    return a->count != 0 ? bsearch(name, a->list, a->count, sizeof *a->list, compare) : NULL;
}

/* Whether there is an asset below `name` that a folder's path would show. */
static bool is_folder(const cstar__mount *m, const char *name) {
    char mem[2048];
    int n = m->index != NULL ? snprintf(mem, sizeof mem, "%s/%s", name, m->index) : -1;
    return n > 0 && (size_t)n < sizeof mem && find_asset(m, mem) != NULL;
}

/* "v=" and the hash: the path of cstar_asset_path(). */
static bool is_versioned(cstar_str query, const char *tag) {
    return query.len == 2 + HASH_LEN && memcmp(query.ptr, "v=", 2) == 0 &&
           memcmp(query.ptr + 2, tag, HASH_LEN) == 0;
}

static cstar__found find(cstar_conn *conn, const cstar__mount *m, const char *name,
                         cstar__content *c) {
    const cstar_asset *a = find_asset(m, name);
    if (a == NULL) {
        return is_folder(m, name) ? CSTAR__FOUND_FOLDER : CSTAR__FOUND_NOTHING;
    }
    const cstar__packed *p = &m->packed[a - m->assets->list];
    cstar__packed_choose(conn, p, c);
    c->type = cstar__media_by_name(cstar_cstr(name));
    if (is_versioned(conn->x->request.query, p->tag)) {
        c->cache_control = FOREVER;
    }
    return CSTAR__FOUND_FILE;
}

/* ---- registration ---- */

/* False: out of order, or without a hash; whoever made the list by hand is told. */
static bool is_sound(const cstar_assets *a) {
    for (size_t i = 0; i < a->count; i++) {
        const cstar_asset *this = &a->list[i];
        if (this->name == NULL || this->hash == NULL || strlen(this->hash) < HASH_LEN ||
            (this->data == NULL && this->size != 0) ||
            (i > 0 && strcmp(a->list[i - 1].name, this->name) >= 0)) {
            return false;
        }
    }
    return true;
}

static bool pack_all(const cstar_app *app, cstar__mount *m) {
    const cstar_assets *a = m->assets;
    cstar__packed *packed = cstar_arena_zalloc(&m->arena, (a->count + 1) * sizeof *packed);
    if (packed == NULL) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        packed[i].bytes[CSTAR__IDENTITY] = cstar_view(a->list[i].data, a->list[i].size);
        if (a->list[i].size == 0) {
            packed[i].bytes[CSTAR__IDENTITY] = CSTAR_STR("");
        }
        memcpy(packed[i].tag, a->list[i].hash, HASH_LEN);
        cstar__pack(&packed[i], cstar__media_by_name(cstar_cstr(a->list[i].name)), &m->arena,
                    app->alloc);
    }
    m->packed = packed;
    return true;
}

cstar_status cstar_app_static_embedded(cstar_app *app, const char *prefix,
                                       const cstar_embedded_opts *opts) {
    cstar_err err = {0};
    if (opts == NULL || opts->assets == NULL || !is_sound(opts->assets)) {
        (void)cstar_err_set(&err, CSTAR_EINVAL, "assets",
                            "assets: there are none, or they are not sorted or lack a hash");
        return cstar__app_fail(app, &err);
    }
    const cstar__mount_opts mo = {opts->cache_control, opts->index, opts->fallback};
    cstar__mount *m = cstar__mount_new(app, prefix, &mo);
    if (m == NULL) {
        return app->err.code;
    }
    m->assets = opts->assets;
    m->hidden = true; /* they are what somebody put into the list */
    m->find = find;
    if (!pack_all(app, m)) {
        cstar__mount_free(m);
        (void)cstar_err_set(&err, CSTAR_ENOMEM, NULL, "out of memory");
        return cstar__app_fail(app, &err);
    }
    return cstar__mount_add(app, m);
}

/* ---- paths ---- */

static const cstar__mount *find_mount(const cstar_app *app, cstar_str prefix) {
    while (prefix.len > 0 && prefix.ptr[prefix.len - 1] == '/') {
        prefix.len--;
    }
    for (const cstar__mount *m = app->mounts; m != NULL; m = m->next) {
        if (m->assets != NULL && cstar_str_eq(m->prefix, prefix)) {
            return m;
        }
    }
    return NULL;
}

/* '/' and '.' as they are. */
static void put_name(cstar_buf *b, const char *name) {
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '/' || *p == '.') {
            cstar_buf_byte(b, *p);
        } else {
            cstar_buf_percent(b, cstar_view(p, 1));
        }
    }
}

static const cstar_asset *known(cstar_conn *conn, const char *prefix, const char *name) {
    const cstar__mount *m = find_mount(conn->app, cstar_cstr(prefix));
    const cstar_asset *a = m != NULL ? find_asset(m, name) : NULL;
    if (a == NULL) {
        cstar_err err;
        cstar__err_init(&err);
        (void)cstar_err_set(&err, CSTAR_ENOENT, "asset", "asset: there is no %s below %s", name,
                            prefix);
        (void)cstar__conn_fail(conn, &err);
    }
    return a;
}

const char *cstar_asset_path(cstar_conn *conn, const char *prefix, const char *name) {
    const cstar_asset *a = known(conn, prefix, name);
    cstar_str before = cstar_cstr(prefix);
    while (before.len > 0 && before.ptr[before.len - 1] == '/') {
        before.len--;
    }
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(&conn->x->arena), 0);
    cstar_buf_str(&b, before);
    cstar_buf_byte(&b, '/');
    put_name(&b, name);
    if (a != NULL) {
        cstar_buf_lit(&b, "?v=");
        cstar_buf_add(&b, a->hash, HASH_LEN);
    }
    cstar_buf_byte(&b, '\0');
    return b.status == CSTAR_OK ? b.ptr : NULL;
}
