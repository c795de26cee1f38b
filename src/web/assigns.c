/* assigns.c -- values of one request by name: assigns, and signals, which the browser sees too
 * (behaviours 10).
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

/* ---- assigns ---- */

static cstar__assign *find(const cstar_conn *conn, const char *key) {
    for (cstar__assign *a = conn->assigns; a != NULL; a = a->next) {
        if (strcmp(a->key, key) == 0) {
            return a;
        }
    }
    return NULL;
}

static cstar__assign *add(cstar_conn *conn, const char *key) {
    cstar__assign *a = cstar_arena_alloc(&conn->x->arena, sizeof *a);
    const char *copy = a != NULL ? cstar_arena_strdup(&conn->x->arena, cstar_cstr(key)) : NULL;
    if (copy == NULL) {
        return NULL;
    }
    a->key = copy;
    a->next = conn->assigns;
    conn->assigns = a;
    return a;
}

static cstar_status fail(cstar_conn *conn, cstar_status code, const char *what, const char *key) {
    cstar_err err;
    cstar__err_init(&err);
    (void)cstar_err_set(&err, code, what, "%s: %s: %s", what, key != NULL ? key : "(no key)",
                        cstar_strerror(code));
    return cstar__conn_fail(conn, &err);
}

/* @return NULL: `status` says why, and the conn knows. */
static cstar__assign *assign(cstar_conn *conn, const char *key, cstar_val value,
                             cstar_status *status) {
    if (key == NULL || key[0] == '\0') {
        *status = fail(conn, CSTAR_EINVAL, "key", key);
        return NULL;
    }
    cstar_status rc = cstar__value_keep(&conn->x->arena, &value);
    if (rc != CSTAR_OK) {
        *status = fail(conn, rc, "value", key);
        return NULL;
    }
    cstar__assign *a = find(conn, key);
    a = a != NULL ? a : add(conn, key);
    if (a == NULL) {
        *status = fail(conn, CSTAR_ENOMEM, "key", key);
        return NULL;
    }
    a->value = value;
    *status = CSTAR_OK;
    return a;
}

cstar_status cstar_conn_assign(cstar_conn *conn, const char *key, cstar_val value) {
    cstar_status rc = CSTAR_OK;
    (void)assign(conn, key, value, &rc);
    return rc;
}

const cstar_val *cstar_assigned(const cstar_conn *conn, const char *key) {
    const cstar__assign *a = find(conn, key);
    return a != NULL ? &a->value : NULL;
}

const char *cstar_assigned_str(const cstar_conn *conn, const char *key, const char *otherwise) {
    const cstar_val *v = cstar_assigned(conn, key);
    return v != NULL && v->kind == CSTAR_VAL_STR ? v->u.s.ptr : otherwise;
}

int64_t cstar_assigned_int(const cstar_conn *conn, const char *key, int64_t otherwise) {
    const cstar_val *v = cstar_assigned(conn, key);
    return v != NULL && v->kind == CSTAR_VAL_INT ? v->u.i : otherwise;
}

/* ---- signals ---- */

/* One patch with one key. */
static cstar_status patch(cstar_conn *conn, const char *key, cstar_val value,
                          const cstar_signals_patch *opts) {
    cstar_err err;
    cstar__err_init(&err);
    cstar_json_writer w;
    size_t mark = conn->out.len;
    cstar_status rc = cstar_format_signals_begin(&conn->out, opts, &err);
    if (rc == CSTAR_OK) {
        cstar_json_writer_init(&w, &conn->out, 0);
        cstar_json_begin_object(&w);
        cstar_json_put_key(&w, cstar_cstr(key));
        cstar_json_put_val(&w, value);
        cstar_json_end_object(&w);
        rc = cstar_json_writer_end(&w);
        rc = rc == CSTAR_OK ? cstar_format_patch_end(&conn->out) : rc;
    }
    if (rc == CSTAR_OK) {
        return CSTAR_OK;
    }
    conn->out.len = mark;
    conn->out.status = CSTAR_OK;
    return err.code != CSTAR_OK ? cstar__conn_fail(conn, &err) : fail(conn, rc, "signal", key);
}

static cstar_status patch_now(cstar_conn *conn, const char *key, const cstar_signal_opts *opts) {
    cstar__sse_settle(conn);
    if (conn->answer != CSTAR__ANSWER_SSE) {
        return fail(conn, CSTAR_ESTATE, "signal", key);
    }
    return patch(conn, key, opts->value,
                 &(cstar_signals_patch){.only_if_missing = opts->only_if_missing,
                                        .event_id = opts->event_id,
                                        .retry = opts->retry});
}

static cstar_status remember(cstar_conn *conn, const cstar__assign *a,
                             const cstar_signal_opts *opts) {
    cstar_arena *arena = &conn->x->arena;
    cstar__remembered *r = cstar_arena_zalloc(arena, sizeof *r);
    const char *id = opts->event_id != NULL && r != NULL
                         ? cstar_arena_strdup(arena, cstar_cstr(opts->event_id))
                         : NULL;
    if (r == NULL || (opts->event_id != NULL && id == NULL)) {
        return fail(conn, CSTAR_ENOMEM, "signal", a->key);
    }
    r->assign = a;
    r->event_id = id;
    r->retry = opts->retry;
    r->only_if_missing = opts->only_if_missing;
    *conn->remembered_end = r;
    conn->remembered_end = &r->next;
    return CSTAR_OK;
}

cstar_status cstar_conn_signal(cstar_conn *conn, const char *key, const cstar_signal_opts *opts) {
    if (opts->value.kind == CSTAR_VAL_TRUSTED) {
        return fail(conn, CSTAR_ETYPE, "signal", key);
    }
    if (key != NULL && !cstar_utf8_valid(cstar_cstr(key))) {
        return fail(conn, CSTAR_EUTF8, "signal", "(key)");
    }
    cstar_status rc = CSTAR_OK;
    const cstar__assign *a = assign(conn, key, opts->value, &rc);
    if (a == NULL) {
        return rc;
    }
    return conn->answer == CSTAR__ANSWER_NONE || conn->rerendering ? remember(conn, a, opts)
                                                                   : patch_now(conn, key, opts);
}

static bool is_first(const cstar_conn *conn, const cstar__remembered *r) {
    const cstar__remembered *other = conn->remembered;
    while (other->assign != r->assign) {
        other = other->next;
    }
    return other == r;
}

/* The writer behind cstar_init_signals(): the last value of each key, at its first place. */
static cstar_status write_signals(const cstar_expr *self, cstar_buf *out, cstar_err *err) {
    const cstar_conn *conn = self->a;
    cstar_json_writer w;
    size_t mark = out->len;
    cstar_json_writer_init(&w, out, CSTAR_ESC_EXPR | CSTAR_ESC_LINES);
    cstar_json_begin_object(&w);
    for (const cstar__remembered *r = conn->remembered; r != NULL; r = r->next) {
        if (is_first(conn, r)) {
            cstar_json_put_key(&w, cstar_cstr(r->assign->key));
            cstar_json_put_val(&w, r->assign->value);
        }
    }
    cstar_json_end_object(&w);
    cstar_status rc = cstar_json_writer_end(&w);
    if (rc != CSTAR_OK) {
        out->len = mark;
        return cstar_err_set(err, rc, "signals", "signals: %s", cstar_strerror(rc));
    }
    return CSTAR_OK;
}

cstar_expr cstar_init_signals(cstar_conn *conn) {
    return (cstar_expr){.write = write_signals, .a = conn};
}

cstar_status cstar_flush_signals(cstar_conn *conn) {
    cstar_status first = CSTAR_OK;
    for (const cstar__remembered *r = conn->remembered; r != NULL; r = r->next) {
        cstar_signal_opts opts = {.value = r->assign->value,
                                  .only_if_missing = r->only_if_missing,
                                  .event_id = r->event_id,
                                  .retry = r->retry};
        cstar_status rc = patch_now(conn, r->assign->key, &opts);
        first = first == CSTAR_OK ? rc : first;
    }
    return first;
}

bool cstar_remembered_next(const cstar_conn *conn, cstar_remembered *r) {
    const cstar__remembered *last = r->at;
    const cstar__remembered *next = last != NULL ? last->next : conn->remembered;
    memset(r, 0, sizeof *r);
    if (next == NULL) {
        return false;
    }
    r->key = next->assign->key;
    r->value = &next->assign->value;
    r->only_if_missing = next->only_if_missing;
    r->event_id = next->event_id;
    r->retry = next->retry;
    r->at = next;
    return true;
}
