/* cookies.c -- a conn's cookies: those that came, and those that are set.
 * SPDX-License-Identifier: MIT */
#include "http/cookie.h"
#include "web/app.h"

const char *cstar_cookie(cstar_conn *conn, const char *name) {
    cstar_str value = cstar__cookie_find(&conn->x->request, cstar_cstr(name));
    return value.ptr != NULL ? cstar_arena_strdup(&conn->x->arena, value) : NULL;
}

static cstar__same_site same_site_of(cstar_same_site s) {
    switch (s) {
    case CSTAR_SAME_SITE_STRICT:
        return CSTAR__SAME_SITE_STRICT;
    case CSTAR_SAME_SITE_NONE:
        return CSTAR__SAME_SITE_NONE;
    case CSTAR_SAME_SITE_LAX:
        break;
    }
    return CSTAR__SAME_SITE_LAX;
}

static cstar_str text_of(const char *s) { return s != NULL ? cstar_cstr(s) : cstar_view(NULL, 0); }

static cstar__set_cookie cookie_of(cstar_conn *conn, const cstar_cookie_opts *o) {
    return (cstar__set_cookie){.name = text_of(o->name),
                               .value = text_of(o->value),
                               .path = text_of(o->path),
                               .domain = text_of(o->domain),
                               .max_age = o->max_age,
                               .same_site = same_site_of(o->same_site),
                               .secure = o->secure || (!o->allow_http && cstar_is_secure(conn)),
                               .http_only = !o->for_scripts,
                               .partitioned = o->partitioned};
}

static cstar_status check(cstar_conn *conn, const cstar_cookie_opts *o) {
    if (conn->answer == CSTAR__ANSWER_GIVEN || conn->streaming) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "cookie",
                                 "cookie: the response has been given already");
    }
    if (o->same_site < CSTAR_SAME_SITE_LAX || o->same_site > CSTAR_SAME_SITE_NONE) {
        return cstar__conn_failf(conn, CSTAR_EINVAL, "same_site", "same_site: no such value");
    }
    return CSTAR_OK;
}

cstar_status cstar_conn_set_cookie(cstar_conn *conn, const cstar_cookie_opts *opts) {
    cstar_buf value;
    cstar_err err;
    cstar__err_init(&err);
    cstar_status rc = check(conn, opts);
    if (rc != CSTAR_OK) {
        return rc;
    }
    cstar_buf_init(&value, cstar_arena_allocator(&conn->x->arena), 16384);
    cstar__set_cookie c = cookie_of(conn, opts);
    rc = cstar__set_cookie_format(&value, &c, &err);
    if (rc != CSTAR_OK) {
        if (err.code == CSTAR_OK) {
            (void)cstar_err_set(&err, rc, "cookie", "cookie: %s", cstar_strerror(rc));
        }
        return cstar__conn_fail(conn, &err);
    }
    return cstar__conn_add_field(conn, CSTAR_STR("set-cookie"), cstar_buf_view(&value));
}

cstar_status cstar_conn_delete_cookie(cstar_conn *conn, const cstar_cookie_opts *opts) {
    cstar_cookie_opts gone = *opts;
    gone.value = NULL;
    gone.max_age = -1;
    return cstar_conn_set_cookie(conn, &gone);
}
