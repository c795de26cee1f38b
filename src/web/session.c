/* session.c -- the session of a request: from its cookie, to its cookie.
 *
 *     cookie ──unseal──▶ (id ──store──▶) JSON ──▶ values, flashes ──changed?──▶ JSON ──▶ (store) ──seal──▶ Set-Cookie
 *
 * Invariants: 1. Read at most once, written at most once per request. 2. What can't be verified is
 * nothing: never an error that a visitor could provoke. 3. Each session of a store has an id that
 * was made here: one that a visitor brings and the store does not know is not taken over. 4. What
 * could not be read or kept is no empty session: the request ends in an error page.
 *
 * SPDX-License-Identifier: MIT */
#include "web/session.h"

#include "base/base64.h"
#include "http/cookie.h"

enum {
    DAY = 24 * 60 * 60,
    MAX_AGE = 14 * DAY,
    LIFETIME = 90 * DAY,
    /* a visit is noted when this part of max_age has passed: not a cookie with each answer */
    FRESH_PART = 24,
    MAX_DATA = 2900, /* what a cookie of 4096 bytes can hold, sealed */
    ID_BYTES = 32,
};

/* ---- of the app ---- */

static cstar_status fail_app(cstar_app *app, cstar_status code, const char *text) {
    cstar_err err = {0};
    (void)cstar_err_set(&err, code, "sessions", "sessions: %s", text);
    return cstar__app_fail(app, &err);
}

static bool name_ok(const char *name) {
    return name[0] != '\0' && cstar__field_ok(cstar_cstr(name), CSTAR_STR("")) &&
           strlen(name) <= 64;
}

static const char *secure_name(cstar_app *app, const char *name) {
    char text[80];
    cstar_buf b;
    cstar_buf_fixed(&b, text, sizeof text);
    cstar_buf_lit(&b, "__Host-");
    cstar_buf_puts(&b, name);
    return cstar_arena_strdup(&app->arena, cstar_buf_view(&b));
}

cstar_status cstar_app_sessions(cstar_app *app, const cstar_session_opts *opts) {
    const char *name = opts->name != NULL ? opts->name : "session";
    cstar_err err = {0};
    if (app->sessions != NULL) {
        return fail_app(app, CSTAR_ESTATE, "they are on already");
    }
    if (!name_ok(name)) {
        return fail_app(app, CSTAR_EINVAL, "a bad name for the cookie");
    }
    cstar__sessions *s = cstar_arena_zalloc(&app->arena, sizeof *s);
    const char *copy = cstar_arena_strdup(&app->arena, cstar_cstr(name));
    const char *secure = secure_name(app, name);
    if (s == NULL || copy == NULL || secure == NULL) {
        return fail_app(app, CSTAR_ENOMEM, "out of memory");
    }
    s->ring = cstar__session_ring(app, opts, &err);
    if (s->ring == NULL) {
        return cstar__app_fail(app, &err);
    }
    s->name = copy;
    s->secure_name = secure;
    if (opts->store != NULL && opts->store->ctx == NULL) {
        cstar__keyring_free(s->ring);
        return fail_app(app, CSTAR_ENOMEM, "the store could not be made");
    }
    s->max_age = opts->max_age > 0 ? opts->max_age : MAX_AGE;
    s->lifetime = opts->lifetime > 0 ? opts->lifetime : LIFETIME;
    s->has_store = opts->store != NULL;
    s->no_csrf = opts->no_csrf;
    s->store = s->has_store ? *opts->store : s->store;
    app->sessions = s;
    return CSTAR_OK;
}

void cstar__sessions_free(cstar_app *app) {
    if (app->sessions == NULL) {
        return;
    }
    cstar__keyring_free(app->sessions->ring);
    if (app->sessions->has_store && app->sessions->store.free != NULL) {
        app->sessions->store.free(app->sessions->store.ctx);
    }
    app->sessions = NULL;
}

/* ---- reading ---- */

static const char *cookie_name(cstar_conn *conn) {
    const cstar__sessions *all = conn->app->sessions;
    return cstar_is_secure(conn) ? all->secure_name : all->name;
}

static bool is_expired(const cstar__sessions *all, const cstar__session *s, int64_t now) {
    return now - s->seen > all->max_age || now - s->born > all->lifetime;
}

static void forget(cstar__session *s) {
    const bool came = s->came;
    memset(s, 0, sizeof *s);
    s->flashes_end = &s->flashes;
    s->came = came;
}

/* What the id stands for. CSTAR_ENOENT: nothing. */
static cstar_status load(cstar_conn *conn, cstar__session *s, cstar_buf *data) {
    const cstar__sessions *all = conn->app->sessions;
    if (data->len != CSTAR__SESSION_ID) {
        return CSTAR_ENOENT;
    }
    memcpy(s->id, data->ptr, CSTAR__SESSION_ID);
    cstar_buf_reset(data);
    return all->store.load(all->store.ctx, cstar_cstr(s->id), cstar__app_now(conn->app), data);
}

static cstar_status read_cookie(cstar_conn *conn, cstar__session *s, cstar_str cookie) {
    const cstar__sessions *all = conn->app->sessions;
    const char *name = cookie_name(conn);
    cstar_buf data;
    size_t key = 0;
    cstar_buf_init(&data, cstar_arena_allocator(&conn->x->arena), (size_t)1 << 20);
    cstar_status rc = cstar__unseal(all->ring, cstar_cstr(name), cookie, &data, &key);
    if (rc == CSTAR_OK && all->has_store) {
        rc = load(conn, s, &data);
    }
    rc = rc == CSTAR_OK ? cstar__session_read(s, &conn->x->arena, cstar_buf_view(&data)) : rc;
    if (rc == CSTAR_OK && is_expired(all, s, cstar__app_now(conn->app))) {
        rc = CSTAR_ENOENT;
    }
    s->changed = rc == CSTAR_OK && key != 0; /* sealed by an earlier secret */
    return rc;
}

/* Whether it is an error of ours, which must not look like an empty session. */
static bool is_ours(cstar_status rc) {
    return rc != CSTAR_OK && rc != CSTAR_EPOLICY && rc != CSTAR_ENOENT && rc != CSTAR_ESYNTAX;
}

static cstar__session *new_session(cstar_conn *conn) {
    cstar__session *s = cstar_arena_zalloc(&conn->x->arena, sizeof *s);
    if (s == NULL) {
        (void)cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
        return NULL;
    }
    s->flashes_end = &s->flashes;
    return s;
}

cstar__session *cstar__session_of(cstar_conn *conn) {
    if (conn->session != NULL || conn->session_lost) {
        return conn->session;
    }
    if (conn->app->sessions == NULL) {
        (void)cstar__conn_failf(conn, CSTAR_ESTATE, "session",
                                "session: cstar_sessions() was not called for this app");
        return NULL;
    }
    cstar__session *s = new_session(conn);
    if (s == NULL) {
        return NULL;
    }
    const cstar_str cookie = cstar__cookie_find(&conn->x->request, cstar_cstr(cookie_name(conn)));
    s->came = cookie.ptr != NULL;
    const cstar_status rc = s->came ? read_cookie(conn, s, cookie) : CSTAR_OK;
    if (is_ours(rc)) {
        conn->session_lost = true;
        (void)cstar__conn_failf(conn, rc, "session", "session: it could not be read");
        return NULL;
    }
    if (rc != CSTAR_OK) {
        forget(s);
    }
    conn->session = s;
    return s;
}

/* ---- values ---- */

static cstar__assign *find(const cstar__session *s, const char *key) {
    for (cstar__assign *a = s != NULL ? s->values : NULL; a != NULL; a = a->next) {
        if (strcmp(a->key, key) == 0) {
            return a;
        }
    }
    return NULL;
}

const cstar_val *cstar_session_get(cstar_conn *conn, const char *key) {
    const cstar__assign *a = find(cstar__session_of(conn), key);
    return a != NULL ? &a->value : NULL;
}

const char *cstar_session_str(cstar_conn *conn, const char *key, const char *otherwise) {
    const cstar_val *v = cstar_session_get(conn, key);
    return v != NULL && v->kind == CSTAR_VAL_STR ? v->u.s.ptr : otherwise;
}

int64_t cstar_session_int(cstar_conn *conn, const char *key, int64_t otherwise) {
    const cstar_val *v = cstar_session_get(conn, key);
    if (v != NULL && v->kind == CSTAR_VAL_UINT && v->u.u <= INT64_MAX) {
        return (int64_t)v->u.u; /* set by this request; one that was read is an INT */
    }
    return v != NULL && v->kind == CSTAR_VAL_INT ? v->u.i : otherwise;
}

bool cstar_session_bool(cstar_conn *conn, const char *key, bool otherwise) {
    const cstar_val *v = cstar_session_get(conn, key);
    return v != NULL && v->kind == CSTAR_VAL_BOOL ? v->u.b : otherwise;
}

/* The session, if it may be changed. */
static cstar__session *to_change(cstar_conn *conn, cstar_status *rc) {
    if (conn->answer == CSTAR__ANSWER_GIVEN || conn->streaming) {
        *rc = cstar__conn_failf(conn, CSTAR_ESTATE, "session",
                                "session: the response has been given already");
        return NULL;
    }
    cstar__session *s = cstar__session_of(conn);
    *rc = s != NULL ? CSTAR_OK : conn->err.code != CSTAR_OK ? conn->err.code : CSTAR_EIO;
    return s;
}

static cstar__assign *add(cstar_conn *conn, cstar__session *s, const char *key) {
    cstar__assign *a = cstar_arena_zalloc(&conn->x->arena, sizeof *a);
    const char *copy = a != NULL ? cstar_arena_strdup(&conn->x->arena, cstar_cstr(key)) : NULL;
    if (copy == NULL) {
        return NULL;
    }
    a->key = copy;
    a->next = s->values;
    s->values = a;
    return a;
}

cstar_status cstar_conn_session_set(cstar_conn *conn, const char *key, cstar_val value) {
    cstar_status rc = CSTAR_OK;
    cstar__session *s = to_change(conn, &rc);
    if (s == NULL) {
        return rc;
    }
    if (key == NULL || key[0] == '\0' || !cstar_utf8_valid(cstar_cstr(key))) {
        return cstar__conn_failf(conn, CSTAR_EINVAL, "key", "key: empty, or no UTF-8");
    }
    if (value.kind == CSTAR_VAL_STR && !cstar_utf8_valid(value.u.s)) {
        return cstar__conn_failf(conn, CSTAR_EUTF8, "value", "session: the value is no UTF-8");
    }
    rc = value.kind == CSTAR_VAL_TRUSTED ? CSTAR_ETYPE : cstar__value_keep(&conn->x->arena, &value);
    if (rc == CSTAR_OK && value.kind == CSTAR_VAL_JSON) { /* what is too deep can't be read again */
        rc = cstar_json_check(value.u.s, &(cstar_json_opts){.any_root = true}, NULL);
    }
    if (rc != CSTAR_OK) {
        return cstar__conn_failf(conn, rc, "value", "session: the value can't be kept");
    }
    cstar__assign *a = find(s, key);
    a = a != NULL ? a : add(conn, s, key);
    if (a == NULL) {
        return cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
    }
    a->value = value;
    s->changed = true;
    return CSTAR_OK;
}

cstar_status cstar_session_remove(cstar_conn *conn, const char *key) {
    cstar_status rc = CSTAR_OK;
    cstar__session *s = to_change(conn, &rc);
    for (cstar__assign **at = s != NULL ? &s->values : NULL; at != NULL && *at != NULL;
         at = &(*at)->next) {
        if (strcmp((*at)->key, key) == 0) {
            *at = (*at)->next;
            s->changed = true;
            break;
        }
    }
    return rc;
}

static void leave_id(cstar__session *s) {
    if (s->id[0] != '\0') {
        memcpy(s->old_id, s->id, sizeof s->old_id);
        s->id[0] = '\0';
    }
}

cstar_status cstar_session_clear(cstar_conn *conn) {
    cstar_status rc = CSTAR_OK;
    cstar__session *s = to_change(conn, &rc);
    if (s == NULL) {
        return rc;
    }
    char old[sizeof s->old_id];
    leave_id(s);
    memcpy(old, s->old_id, sizeof old);
    forget(s);
    memcpy(s->old_id, old, sizeof old);
    s->cleared = true;
    return CSTAR_OK;
}

cstar_status cstar_session_renew(cstar_conn *conn) {
    cstar_status rc = CSTAR_OK;
    cstar__session *s = to_change(conn, &rc);
    if (s == NULL) {
        return rc;
    }
    leave_id(s);
    s->born = 0;
    s->has_csrf = false;
    s->changed = true;
    return CSTAR_OK;
}

/* ---- flash ---- */

cstar_status cstar_flash(cstar_conn *conn, const char *kind, const char *text) {
    cstar_status rc = CSTAR_OK;
    cstar__session *s = to_change(conn, &rc);
    if (s == NULL) {
        return rc;
    }
    if (!cstar_utf8_valid(cstar_cstr(kind)) || !cstar_utf8_valid(cstar_cstr(text))) {
        return cstar__conn_failf(conn, CSTAR_EUTF8, "flash", "flash: no UTF-8");
    }
    cstar_arena *arena = &conn->x->arena;
    cstar__flash *f = cstar_arena_zalloc(arena, sizeof *f);
    if (f != NULL) {
        f->kind = cstar_arena_strdup(arena, cstar_cstr(kind));
        f->text = cstar_arena_strdup(arena, cstar_cstr(text));
    }
    if (f == NULL || f->kind == NULL || f->text == NULL) {
        return cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
    }
    *s->flashes_end = f;
    s->flashes_end = &f->next;
    s->changed = true;
    return CSTAR_OK;
}

bool cstar_flash_next(cstar_conn *conn, cstar_flash_message *out) {
    cstar__session *s = conn->app->sessions != NULL ? cstar__session_of(conn) : NULL;
    if (s == NULL || s->flashes == NULL || conn->answer == CSTAR__ANSWER_GIVEN || conn->streaming) {
        return false;
    }
    *out = (cstar_flash_message){s->flashes->kind, s->flashes->text};
    s->flashes = s->flashes->next;
    if (s->flashes == NULL) {
        s->flashes_end = &s->flashes;
    }
    s->changed = true;
    return true;
}

/* ---- writing ---- */

static cstar_status add_cookie(cstar_conn *conn, cstar_str value, int64_t max_age) {
    const cstar__set_cookie cookie = {.name = cstar_cstr(cookie_name(conn)),
                                      .value = value,
                                      .max_age = max_age,
                                      .secure = cstar_is_secure(conn),
                                      .http_only = true};
    cstar_buf text;
    cstar_err err;
    cstar__err_init(&err);
    cstar_buf_init(&text, cstar_arena_allocator(&conn->x->arena), 8192);
    cstar_status rc = cstar__set_cookie_format(&text, &cookie, &err);
    if (rc != CSTAR_OK) {
        return cstar__conn_fail(conn, &err);
    }
    conn->session->sent = true;
    return cstar__conn_add_field(conn, CSTAR_STR("set-cookie"), cstar_buf_view(&text));
}

static cstar_status make_id(cstar__session *s) {
    char bytes[ID_BYTES];
    cstar_buf text;
    if (s->id[0] != '\0') {
        return CSTAR_OK;
    }
    cstar_buf_fixed(&text, s->id, CSTAR__SESSION_ID);
    const cstar_status rc = cstar__random(bytes, sizeof bytes);
    cstar__base64_encode(&text, cstar_view(bytes, rc == CSTAR_OK ? sizeof bytes : 0));
    s->id[text.len] = '\0';
    return rc;
}

/* What goes into the cookie: the data, or the id under which the store has them. */
static cstar_status store_data(cstar_conn *conn, cstar__session *s, cstar_buf *data) {
    const cstar__sessions *all = conn->app->sessions;
    if (!all->has_store) {
        return data->len <= MAX_DATA ? CSTAR_OK : CSTAR_ELIMIT;
    }
    const bool fresh = s->id[0] == '\0';
    cstar_status rc = make_id(s);
    rc = rc == CSTAR_OK ? all->store.save(all->store.ctx, cstar_cstr(s->id), cstar_buf_view(data),
                                          s->seen + all->max_age, fresh)
                        : rc;
    cstar_buf_reset(data);
    cstar_buf_puts(data, s->id);
    return rc;
}

static cstar_status write_session(cstar_conn *conn, cstar__session *s) {
    const cstar__sessions *all = conn->app->sessions;
    const cstar_allocator *alloc = cstar_arena_allocator(&conn->x->arena);
    cstar_buf data;
    cstar_buf text;
    s->seen = cstar__app_now(conn->app);
    s->born = s->born != 0 ? s->born : s->seen;
    cstar_buf_init(&data, alloc, (size_t)1 << 20);
    cstar_buf_init(&text, alloc, 8192);
    cstar_status rc = cstar__session_write(s, &data);
    rc = rc == CSTAR_OK ? store_data(conn, s, &data) : rc;
    rc = rc == CSTAR_OK
             ? cstar__seal(all->ring, cstar_cstr(cookie_name(conn)), cstar_buf_view(&data), &text)
             : rc;
    if (rc == CSTAR_ENOENT) { /* ended by another request meanwhile, and it stays so */
        return CSTAR_OK;
    }
    return rc == CSTAR_OK ? add_cookie(conn, cstar_buf_view(&text), all->max_age) : rc;
}

static bool is_stale(const cstar_conn *conn, const cstar__session *s) {
    return s->seen != 0 &&
           cstar__app_now(conn->app) - s->seen > conn->app->sessions->max_age / FRESH_PART;
}

/* The old id goes when the new one is kept: else a store that fails would end a session. */
static cstar_status keep(cstar_conn *conn, cstar__session *s) {
    const cstar_session_store *store = &conn->app->sessions->store;
    cstar_status rc = CSTAR_OK;
    if (s->changed || is_stale(conn, s)) {
        rc = write_session(conn, s);
    } else if (s->cleared && s->came) {
        rc = add_cookie(conn, CSTAR_STR(""), -1);
    }
    if (rc == CSTAR_OK && s->old_id[0] != '\0') {
        rc = store->remove(store->ctx, cstar_cstr(s->old_id));
        rc = rc == CSTAR_ENOENT ? CSTAR_OK : rc;
    }
    s->changed = s->cleared = false;
    s->old_id[0] = '\0';
    return rc;
}

/* What a session has a part in is nothing for a cache that serves others too: least of all its
 * cookie, whatever the handler says; without one the handler's word counts. */
static cstar_status hide(cstar_conn *conn, const cstar__session *s) {
    const bool said = cstar__conn_field(conn, CSTAR_STR("cache-control")).ptr != NULL;
    return s->sent || !said ? cstar__conn_private(conn) : CSTAR_OK;
}

cstar_status cstar__session_save(cstar_conn *conn) {
    cstar__session *s = conn->session;
    if (conn->session_lost) {
        return CSTAR_EIO; /* the conn has its error */
    }
    if (s == NULL) {
        return CSTAR_OK;
    }
    const cstar_status rc = keep(conn, s);
    if (rc != CSTAR_OK) {
        conn->session_lost = true;
        return cstar__conn_failf(conn, rc, "session",
                                 rc == CSTAR_ELIMIT
                                     ? "session: more than a cookie can hold; use a store"
                                     : "session: it could not be kept");
    }
    return hide(conn, s);
}
