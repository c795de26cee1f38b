/* web/mount.c -- see mount.h.
 *
 * Invariants: 1. What find() gets has been through cstar__path_to_file(), or is an option. 2. A
 * Location is the request's own path with a slash behind it, and that path names a folder that is
 * there: it cannot be made to point elsewhere.
 *
 * SPDX-License-Identifier: MIT */
#include "web/mount.h"

#include "http/path.h"

/* ---- registration ---- */

static cstar__mount *fail(cstar_app *app, cstar__mount *m, cstar_status code, const char *where,
                          const char *text) {
    cstar_err err = {0};
    (void)cstar_err_set(&err, code, where, "%s", text);
    (void)cstar__app_fail(app, &err);
    cstar__mount_free(m);
    return NULL;
}

/* NULL stays NULL, and "" becomes it. False: out of memory. */
static bool copy(cstar__mount *m, const char *text, const char **out) {
    *out = NULL;
    if (text != NULL && text[0] != '\0') {
        *out = cstar_arena_strdup(&m->arena, cstar_cstr(text));
        return *out != NULL;
    }
    return true;
}

static bool copy_opts(cstar__mount *m, const char *prefix, const cstar__mount_opts *o) {
    size_t len = strlen(prefix);
    while (len > 0 && prefix[len - 1] == '/') {
        len--;
    }
    m->prefix = cstar_view(cstar_arena_strdup(&m->arena, cstar_view(prefix, len)), len);
    return m->prefix.ptr != NULL && copy(m, o->fallback, &m->fallback) &&
           copy(m, o->index != NULL ? o->index : "index.html", &m->index) &&
           copy(m, o->cache_control != NULL ? o->cache_control : "no-cache", &m->cache_control);
}

cstar__mount *cstar__mount_new(cstar_app *app, const char *prefix, const cstar__mount_opts *opts) {
    cstar_arena arena;
    if (prefix == NULL || prefix[0] != '/') {
        return fail(app, NULL, CSTAR_EINVAL, "prefix", "prefix: it does not start with '/'");
    }
    if (opts->cache_control != NULL &&
        !cstar__field_ok(CSTAR_STR("x"), cstar_cstr(opts->cache_control))) {
        return fail(app, NULL, CSTAR_EINVAL, "cache_control",
                    "cache_control: a line break or control byte");
    }
    cstar_arena_init(&arena, app->alloc, (size_t)256 << 20);
    cstar__mount *m = cstar_arena_zalloc(&arena, sizeof *m);
    if (m == NULL) {
        cstar_arena_fini(&arena);
        return fail(app, NULL, CSTAR_ENOMEM, NULL, "out of memory");
    }
    m->arena = arena;
    m->root.fd = -1;
    return copy_opts(m, prefix, opts) ? m : fail(app, m, CSTAR_ENOMEM, NULL, "out of memory");
}

void cstar__mount_free(cstar__mount *m) {
    if (m != NULL) {
        cstar__beneath_fini(&m->root);
        cstar_arena arena = m->arena; /* it lies in there */
        cstar_arena_fini(&arena);
    }
}

cstar_status cstar__mount_add(cstar_app *app, cstar__mount *m) {
    cstar_err err = {0};
    cstar_buf b;
    cstar__route route = {.kind = CSTAR__TARGET_MOUNT, .target = m};
    cstar_buf_init(&b, cstar_arena_allocator(&m->arena), m->prefix.len + 16);
    cstar_buf_str(&b, m->prefix);
    cstar_buf_add(&b, "/*path", sizeof "/*path");
    cstar_status rc = b.status == CSTAR_OK
                          ? cstar__router_add(&app->router, CSTAR__GET, b.ptr, &route, &err)
                          : cstar_err_set(&err, CSTAR_ENOMEM, NULL, "out of memory");
    if (rc != CSTAR_OK) {
        cstar__mount_free(m);
        return cstar__app_fail(app, &err);
    }
    m->next = app->mounts;
    app->mounts = m;
    return CSTAR_OK;
}

void cstar__mounts_fini(cstar_app *app) {
    while (app->mounts != NULL) {
        cstar__mount *m = app->mounts;
        app->mounts = m->next;
        cstar__mount_free(m);
    }
}

/* ---- from a request to a name ---- */

enum { NAME_MAX_LEN = CSTAR__PATH_MAX + 256 };

/* What follows the prefix, from its slash on; absent where not even that is there. */
static cstar_str tail_of(const cstar_conn *conn) {
    const cstar_str path = conn->x->request.path;
    const size_t len = conn->params[conn->route->nparams - 1].len;
    if (path.ptr[path.len - len - 1] != '/') { /* "/assets" */
        return cstar_view(NULL, 0);
    }
    return cstar_view(path.ptr + (path.len - len - 1), len + 1);
}

/* The name in NUL-terminated form, with the index of a folder. */
static bool name_of(const cstar__mount *m, cstar_str tail, cstar_buf *name) {
    bool is_dir = false;
    const cstar__path_opts opts = {.hidden = m->hidden};
    if (cstar__path_to_file(tail, &opts, name, &is_dir) != CSTAR_OK || (is_dir && !m->index)) {
        return false;
    }
    if (is_dir) {
        cstar_buf_puts(name, name->len != 0 ? "/" : "");
        cstar_buf_puts(name, m->index);
    }
    cstar_buf_byte(name, '\0');
    return cstar_buf_status(name) == CSTAR_OK;
}

/* ---- answers ---- */

static void redirect(cstar_conn *conn) {
    const cstar__request *r = &conn->x->request;
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(&conn->x->arena), 0);
    cstar_buf_str(&b, r->path);
    cstar_buf_byte(&b, '/');
    if (r->query.ptr != NULL) {
        cstar_buf_byte(&b, '?');
        cstar_buf_str(&b, r->query);
    }
    if (b.status == CSTAR_OK &&
        cstar__conn_add_field(conn, CSTAR_STR("location"), cstar_buf_view(&b)) == CSTAR_OK) {
        (void)cstar__conn_reply(conn, &(cstar__reply){.status = 308});
    }
}

/* A person who goes somewhere, not a script or a picture that is missing. */
static bool wants_html(const cstar__request *r) {
    const cstar_str accept = cstar__request_field(r, "accept");
    const cstar_str html = CSTAR_STR("text/html");
    for (size_t i = 0; i + html.len <= accept.len; i++) {
        if (cstar_str_ieq(cstar_view(accept.ptr + i, html.len), html)) {
            return true;
        }
    }
    return false;
}

static cstar__found find_fallback(cstar_conn *conn, const cstar__mount *m, cstar__content *c) {
    if (m->fallback == NULL || !wants_html(&conn->x->request)) {
        return CSTAR__FOUND_NOTHING;
    }
    cstar__found found = m->find(conn, m, m->fallback, c);
    c->vary = c->vary != NULL ? "accept, accept-encoding" : "accept";
    return found;
}

void cstar__mount_answer(cstar_conn *conn, const cstar__mount *m) {
    char mem[NAME_MAX_LEN];
    cstar_buf name;
    const cstar_str tail = tail_of(conn);
    cstar__content *c = cstar__content_new(conn);
    if (c == NULL) {
        return;
    }
    c->cache_control = m->cache_control;
    cstar_buf_fixed(&name, mem, sizeof mem);
    cstar__found found = CSTAR__FOUND_NOTHING;
    if (tail.ptr == NULL) {
        found = CSTAR__FOUND_FOLDER;
    } else if (name_of(m, tail, &name)) {
        found = m->find(conn, m, name.ptr, c);
        if (found == CSTAR__FOUND_FOLDER && tail.ptr[tail.len - 1] == '/') {
            found = CSTAR__FOUND_NOTHING; /* the index of a folder is a folder */
        }
        found = found == CSTAR__FOUND_NOTHING ? find_fallback(conn, m, c) : found;
    }
    switch (found) {
    case CSTAR__FOUND_FILE:
        (void)cstar__content_reply(conn, c);
        return;
    case CSTAR__FOUND_FOLDER:
        redirect(conn);
        return;
    case CSTAR__FOUND_NOTHING:
        cstar__error_page(conn, 404, NULL);
        return;
    case CSTAR__FOUND_FAILURE:
        return; /* the dispatcher says 500 */
    }
}
