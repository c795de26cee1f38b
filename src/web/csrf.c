/* csrf.c -- requests that another site had a visitor's browser send.
 *
 * Two gates for every method that changes something, before any handler. First, on the head, what
 * the browser says of where the request comes from: Sec-Fetch-Site, and where a browser is too old
 * for it (or the page came by plain http), Origin. That alone stops other sites, and costs nothing.
 * Events by GET pass it too, and have to bring the client's header Datastar-Request. Then, where
 * the app has sessions, when the body is there, a token that only our own pages know. Each page
 * shows another text for it: the secret under a fresh mask, so that compression beside it tells
 * nobody anything.
 *
 *     the body's _csrf_token ▶ the body's csrf ▶ csrf in the query's signals ▶ csrf in the query
 *         ▶ the header x-csrf-token                               the first that is there counts
 *
 * Invariants: 1. A _csrf_token in the query is nothing: neither a token, nor in the way of one.
 * 2. What is there and is no text (null, a number) is a wrong token. 3. A body is parsed once: what
 * is read here is what cstar_read_signals() gives. 4. A body that is no JSON is no token, and no
 * error of a plain route; an event's is its usual 400.
 *
 * SPDX-License-Identifier: MIT */
#include "base/base64.h"
#include "web/session.h"

typedef struct cstar__origin {
    struct cstar__origin *next;
    cstar_str text;
} cstar__origin;

static bool is_safe(cstar__method m) {
    return m == CSTAR__GET || m == CSTAR__HEAD || m == CSTAR__OPTIONS;
}

/* Events run code by any method, and a link or an image is a GET with the visitor's cookies. So one
 * by a safe method has to be a script's of this site: no navigation can set a header, and another
 * site's script has to ask for this one first (a CORS preflight), which nobody here allows. */
static bool is_safe_event(const cstar_conn *conn) {
    return conn->events != NULL && is_safe(conn->x->request.method);
}

/* A token is not asked for: it would have to stand in the URL, and these are for reading. */
static bool needs_no_token(const cstar_conn *conn) {
    return is_safe(conn->x->request.method) || (conn->opts != NULL && conn->opts->cross_origin);
}

static bool is_free(const cstar_conn *conn) { return needs_no_token(conn) && !is_safe_event(conn); }

/* ---- where it comes from ---- */

/* The host of "https://host:port"; absent for "null" and whatever else. */
static cstar_str host_of(cstar_str origin) {
    static const cstar_str schemes[] = {{"https://", 8}, {"http://", 7}};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        const size_t n = schemes[i].len;
        if (origin.len > n && cstar_str_ieq(cstar_view(origin.ptr, n), schemes[i])) {
            return cstar_view(origin.ptr + n, origin.len - n);
        }
    }
    return cstar_view(NULL, 0);
}

cstar_status cstar_trust_origin(cstar_app *app, const char *origin) {
    const cstar_str host = host_of(cstar_cstr(origin));
    cstar_err err = {0};
    bool ok = host.len != 0;
    for (size_t i = 0; i < host.len; i++) {
        const unsigned char c = (unsigned char)host.ptr[i];
        ok = ok && c > 0x20 && c < 0x7F && strchr("/\\?#@*,\"'<>", c) == NULL;
    }
    cstar__origin *o = ok ? cstar_arena_zalloc(&app->arena, sizeof *o) : NULL;
    const char *copy = o != NULL ? cstar_arena_strdup(&app->arena, cstar_cstr(origin)) : NULL;
    if (copy == NULL) {
        (void)cstar_err_set(&err, ok ? CSTAR_ENOMEM : CSTAR_EINVAL, "origin",
                            ok ? "out of memory" : "origin: not scheme://host[:port]");
        return cstar__app_fail(app, &err);
    }
    *o = (cstar__origin){app->origins, cstar_cstr(copy)};
    app->origins = o;
    return CSTAR_OK;
}

static bool is_trusted(const cstar_app *app, cstar_str origin) {
    for (const cstar__origin *o = app->origins; o != NULL; o = o->next) {
        if (cstar_str_ieq(o->text, origin)) {
            return true;
        }
    }
    return false;
}

/* The host is compared, not the scheme: a proxy that ends TLS may not say so. A page that came by
 * plain http of the same host is stopped by Sec-Fetch-Site and by the cookie's __Host- prefix. */
static bool is_same_origin(cstar_conn *conn) {
    const cstar_str site = cstar_request_header(conn, "sec-fetch-site");
    const cstar_str origin = cstar_request_header(conn, "origin");
    if (site.ptr != NULL) {
        return cstar_str_eq(site, CSTAR_STR("same-origin")) ||
               cstar_str_eq(site, CSTAR_STR("none")) || is_trusted(conn->app, origin);
    }
    if (origin.ptr == NULL) { /* no browser, or one that is too old to tell */
        return true;
    }
    const cstar_str host = host_of(origin);
    return (host.len != 0 && cstar_str_ieq(host, cstar_cstr(cstar_host(conn)))) ||
           is_trusted(conn->app, origin);
}

/* ---- tokens ---- */

enum { MASKED = 2 * CSTAR__CSRF_BYTES };

bool cstar__csrf_of(const cstar_app *app) {
    return app->sessions != NULL && !app->sessions->no_csrf;
}

bool cstar__csrf_on(const cstar_conn *conn) { return cstar__csrf_of(conn->app); }

/* A new one would be nobody's: its cookie can't be sent any more. */
static bool is_late(const cstar_conn *conn) {
    return conn->answer == CSTAR__ANSWER_GIVEN || conn->streaming;
}

cstar_status cstar__csrf_secret(cstar_conn *conn, cstar__session *s) {
    if (s->has_csrf) {
        return CSTAR_OK;
    }
    if (is_late(conn)) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "csrf",
                                 "csrf: the response has been given already");
    }
    if (cstar__random(s->csrf, sizeof s->csrf) != CSTAR_OK) {
        return cstar__conn_failf(conn, CSTAR_EIO, "csrf", "csrf: no randomness");
    }
    s->has_csrf = true;
    s->changed = true;
    return CSTAR_OK;
}

static const char *mask(cstar_conn *conn, const cstar__session *s) {
    unsigned char bytes[MASKED];
    cstar_buf text;
    if (cstar__random(bytes, CSTAR__CSRF_BYTES) != CSTAR_OK) {
        (void)cstar__conn_failf(conn, CSTAR_EIO, "csrf", "csrf: no randomness");
        return "";
    }
    for (size_t i = 0; i < CSTAR__CSRF_BYTES; i++) {
        bytes[CSTAR__CSRF_BYTES + i] = bytes[i] ^ s->csrf[i];
    }
    cstar_buf_init(&text, cstar_arena_allocator(&conn->x->arena), 64);
    cstar__base64_encode(&text, cstar_view((const char *)bytes, sizeof bytes));
    cstar_buf_byte(&text, '\0');
    if (text.status != CSTAR_OK) {
        (void)cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
        return "";
    }
    return text.ptr;
}

const char *cstar_csrf_token(cstar_conn *conn) {
    cstar__session *s = cstar__csrf_on(conn) ? cstar__session_of(conn) : NULL;
    return s != NULL && cstar__csrf_secret(conn, s) == CSTAR_OK ? mask(conn, s) : "";
}

/* An error page is rendered when it is too late to make one. */
const char *cstar__csrf_offer(cstar_conn *conn) {
    const cstar__session *s = cstar__csrf_on(conn) ? cstar__session_of(conn) : NULL;
    return s != NULL && (s->has_csrf || !is_late(conn)) ? cstar_csrf_token(conn) : "";
}

void cstar_csrf_field(cstar_conn *conn, cstar_html *h) {
    const char *token = cstar__csrf_offer(conn);
    if (token[0] != '\0') {
        cstar_put(h, "<input type='hidden' name='_csrf_token' value='{}'>", token);
    }
}

/* Whether it is the session's secret under its mask; in the same time wherever it differs. */
static bool token_ok(const cstar__session *s, cstar_str token) {
    char mem[MASKED];
    cstar_buf bytes;
    cstar_buf_fixed(&bytes, mem, sizeof mem);
    if (!s->has_csrf || cstar__base64_decode(&bytes, token) != CSTAR_OK || bytes.len != MASKED) {
        return false;
    }
    unsigned different = 0;
    for (size_t i = 0; i < CSTAR__CSRF_BYTES; i++) {
        different |= (unsigned)((unsigned char)mem[i] ^ (unsigned char)mem[CSTAR__CSRF_BYTES + i] ^
                                s->csrf[i]);
    }
    return different == 0;
}

/* ---- where it stands ---- */

/* The member of a JSON object: false if there is none. */
static bool from_object(const cstar_json *object, const char *name, cstar_str *token) {
    const cstar_json *v = cstar_json_get(object, name);
    *token = cstar_json_view(v);
    return v != NULL;
}

static const cstar_json *read_object(cstar_conn *conn, cstar_str text) {
    return text.len == 0 ? NULL
                         : cstar_json_read(&conn->x->arena, text,
                                           &(cstar_json_opts){.max_bytes = conn->max_body}, NULL);
}

/* The signals of a body, remembered for cstar_read_signals() if they are some; and if not, it is to
 * refuse them, should the handler ask. */
static const cstar_json *body_object(cstar_conn *conn) {
    if (!conn->signals_read) {
        conn->signals = read_object(conn, cstar_request_body(conn));
        conn->signals_read = conn->signals != NULL;
    }
    return conn->signals;
}

static bool from_body(cstar_conn *conn, cstar_str *token) {
    if (cstar__body_is_form(conn)) {
        *token = cstar_form_view(conn, "_csrf_token");
        if (token->ptr == NULL) {
            *token = cstar_form_view(conn, "csrf");
        }
        return token->ptr != NULL;
    }
    if (conn->x->request.method == CSTAR__DELETE) {
        return false;
    }
    const cstar_json *body = body_object(conn);
    return from_object(body, "_csrf_token", token) || from_object(body, "csrf", token);
}

static bool from_query(cstar_conn *conn, cstar_str *token) {
    const char *signals = cstar_query(conn, "datastar");
    if (signals != NULL && from_object(read_object(conn, cstar_cstr(signals)), "csrf", token)) {
        return true;
    }
    *token = cstar_cstr(cstar_query(conn, "csrf"));
    return token->ptr != NULL;
}

bool cstar__csrf_given(cstar_conn *conn, cstar_str *token) {
    if (from_body(conn, token) || from_query(conn, token)) {
        return true;
    }
    *token = cstar_request_header(conn, "x-csrf-token");
    return token->ptr != NULL;
}

/* ---- the gates ---- */

static bool refuse(cstar_conn *conn, int status, const char *why) {
    (void)cstar__conn_failf(conn, CSTAR_EPOLICY, "csrf", why);
    cstar__error_page(conn, status, NULL);
    return false;
}

bool cstar__csrf_origin(cstar_conn *conn) {
    const char *why = NULL;
    if (is_free(conn)) {
        return true;
    }
    if (!is_same_origin(conn)) {
        why = "csrf: it came from another site";
    } else if (is_safe_event(conn) && cstar_request_header(conn, "datastar-request").ptr == NULL) {
        why = "csrf: an event by GET that no script sent (it has no Datastar-Request)";
    }
    if (why == NULL) {
        return true;
    }
    (void)refuse(conn, 403, why);
    cstar__conn_log_error(conn);
    return false;
}

bool cstar__csrf_check(cstar_conn *conn) {
    cstar_str token;
    if (needs_no_token(conn) || !cstar__csrf_on(conn)) {
        return true;
    }
    if (conn->events != NULL && cstar_read_signals(conn) == NULL) {
        return false; /* 400, 413: answered */
    }
    const cstar__session *s = cstar__session_of(conn);
    if (s == NULL) {
        return refuse(conn, 500, "csrf: no session");
    }
    if (!cstar__csrf_given(conn, &token)) {
        return refuse(conn, 403,
                      "csrf: no token (cstar_body() in <body>, or cstar_csrf_field() in a form)");
    }
    return token_ok(s, token) || refuse(conn, 403, "csrf: not the token of this session");
}

/* ---- what pages say ---- */

void cstar__conn_html(cstar_conn *conn, cstar_html *h, cstar_buf *out, const char *prefix) {
    cstar_html_init(h, out, prefix);
    h->csrf = cstar__csrf_on(conn);
    h->self = cstar__conn_self(conn);
}
