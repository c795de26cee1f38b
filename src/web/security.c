/* security.c -- the headers that tell a browser what not to do with a page.
 *
 * They go with text/html alone: a browser looks at them where there is a document. Each yields to
 * one that the handler has set. The nonce is made when it is first asked for, by the layout or by
 * the header itself, and never again for the same response.
 *
 * SPDX-License-Identifier: MIT */
#include "base/base64.h"
#include "net/seal.h"
#include "web/app.h"

enum { NONCE_BYTES = 18, MAX_POLICY = 4096 };

/* ---- of the app ---- */

static cstar_status fail_app(cstar_app *app, cstar_status code, const char *text) {
    cstar_err err = {0};
    (void)cstar_err_set(&err, code, "policy", "csp: %s", text);
    return cstar__app_fail(app, &err);
}

cstar_status cstar_csp(cstar_app *app, const char *policy) {
    const cstar_str text = cstar_cstr(policy);
    if (policy == NULL) {
        app->csp = NULL;
        return CSTAR_OK;
    }
    if (text.len == 0 || text.len > MAX_POLICY || !cstar__field_ok(CSTAR_STR("x"), text)) {
        return fail_app(app, CSTAR_EINVAL, "the policy is no value of a header");
    }
    const char *copy = cstar_arena_strdup(&app->arena, text);
    if (copy == NULL) {
        return fail_app(app, CSTAR_ENOMEM, "out of memory");
    }
    app->csp = copy;
    return CSTAR_OK;
}

void cstar_allow_frames(cstar_app *app, cstar_frames frames) { app->frames = frames; }

/* ---- the nonce ---- */

static const char *make_nonce(cstar_conn *conn) {
    char bytes[NONCE_BYTES];
    cstar_buf text;
    if (cstar__random(bytes, sizeof bytes) != CSTAR_OK) {
        (void)cstar__conn_failf(conn, CSTAR_EIO, "nonce", "nonce: no randomness");
        return NULL;
    }
    cstar_buf_init(&text, cstar_arena_allocator(&conn->x->arena), 64);
    cstar__base64_encode(&text, cstar_view(bytes, sizeof bytes));
    cstar_buf_byte(&text, '\0');
    if (text.status != CSTAR_OK) {
        (void)cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
        return NULL;
    }
    return text.ptr;
}

const char *cstar_nonce(cstar_conn *conn) {
    const char *csp = conn->app->csp;
    if (conn->nonce == NULL && csp != NULL && strstr(csp, "{}") != NULL) {
        conn->nonce = make_nonce(conn);
    }
    return conn->nonce != NULL ? conn->nonce : "";
}

/* ---- of a response ---- */

static bool is_html(const cstar_conn *conn) {
    static const cstar_str html = {"text/html", 9};
    const cstar_str type = cstar__conn_field(conn, CSTAR_STR("content-type"));
    return type.len >= html.len && cstar_str_ieq(cstar_view(type.ptr, html.len), html) &&
           (type.len == html.len || type.ptr[html.len] == ';' || type.ptr[html.len] == ' ');
}

static cstar_status add_missing(cstar_conn *conn, cstar_str name, cstar_str value) {
    return cstar__conn_field(conn, name).ptr != NULL ? CSTAR_OK
                                                     : cstar__conn_add_field(conn, name, value);
}

/* The policy with its nonces. A page without the policy would be a hole: then there is none. */
static cstar_status add_policy(cstar_conn *conn) {
    const cstar_str name = CSTAR_STR("content-security-policy");
    const char *rest = conn->app->csp;
    cstar_buf b;
    if (rest == NULL || cstar__conn_field(conn, name).ptr != NULL) {
        return CSTAR_OK;
    }
    cstar_buf_init(&b, cstar_arena_allocator(&conn->x->arena), (size_t)1 << 20);
    for (const char *hole = strstr(rest, "{}"); hole != NULL; hole = strstr(rest, "{}")) {
        const char *nonce = cstar_nonce(conn);
        if (nonce[0] == '\0') {
            return CSTAR_EIO;
        }
        cstar_buf_add(&b, rest, (size_t)(hole - rest));
        cstar_buf_puts(&b, nonce);
        rest = hole + 2;
    }
    cstar_buf_puts(&b, rest);
    return b.status == CSTAR_OK ? cstar__conn_add_field(conn, name, cstar_buf_view(&b)) : b.status;
}

static cstar_status add_frames(cstar_conn *conn) {
    const cstar_frames f = conn->app->frames;
    if (f == CSTAR_FRAMES_ANY) {
        return CSTAR_OK;
    }
    return add_missing(conn, CSTAR_STR("x-frame-options"),
                       f == CSTAR_FRAMES_SAME ? CSTAR_STR("SAMEORIGIN") : CSTAR_STR("DENY"));
}

cstar_status cstar__security_fields(cstar_conn *conn) {
    if (conn->nfields == 0 || !is_html(conn)) {
        return CSTAR_OK;
    }
    cstar_status rc = add_missing(conn, CSTAR_STR("x-content-type-options"), CSTAR_STR("nosniff"));
    rc = rc == CSTAR_OK ? add_missing(conn, CSTAR_STR("referrer-policy"), CSTAR_STR("same-origin"))
                        : rc;
    rc = rc == CSTAR_OK ? add_frames(conn) : rc;
    rc = rc == CSTAR_OK ? add_policy(conn) : rc;
    return rc == CSTAR_OK
               ? rc
               : cstar__conn_failf(conn, rc, "security", "security: the headers can't be made");
}
