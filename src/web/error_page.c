/* error_page.c -- what a client sees of a request that failed.
 *
 *     asks for text/html ──▶ the app's page ──(it fails)──▶ text
 *            │                   └─ none: ours
 *            └─ no, or Datastar's ──▶ text
 *
 * Datastar would morph an HTML page over the document, so it gets text. Nothing of the request is
 * reflected. With `development` ours, and the text, say what went wrong, too, which may name what
 * was asked for: escaped. Invariant: whatever was collected or set for another answer does not
 * describe this one.
 *
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

/* ---- which ---- */

/* ";q=0", ";q=0.000" */
static bool is_refused(cstar_str params) {
    static const char zero[] = "q=0";
    const char *at = params.ptr;
    const char *end = at + params.len;
    while (at < end && (*at == ';' || *at == ' ' || *at == '\t')) {
        at++;
    }
    if ((size_t)(end - at) < 3 || memcmp(at, zero, 3) != 0) {
        return false;
    }
    for (at += 3; at < end && (*at == '.' || *at == '0'); at++) {
    }
    return at == end;
}

/* Named, not only covered by a wildcard: that is curl, and scripts. */
static bool wants_html(const cstar_conn *conn) {
    const cstar__request *r = &conn->x->request;
    cstar_str rest = cstar__request_field(r, "accept");
    cstar_str element;
    if (cstar__request_field(r, "datastar-request").ptr != NULL) {
        return false;
    }
    while (cstar__element_next(&rest, &element)) {
        static const cstar_str html = {"text/html", 9};
        if (element.len >= html.len && cstar_str_ieq(cstar_view(element.ptr, html.len), html) &&
            (element.len == html.len || memchr("; \t", element.ptr[html.len], 3) != NULL)) {
            return !is_refused(cstar_view(element.ptr + html.len, element.len - html.len));
        }
    }
    return false;
}

/* ---- ours ---- */

/* What the log says, for who writes the program; NULL: nothing. */
static const char *reason_of(const cstar_conn *conn) {
    const char *text = conn->err.text;
    const bool shown = conn->app->development && conn->err.code != CSTAR_OK;
    return shown && cstar_utf8_valid(cstar_cstr(text)) ? text : NULL;
}

static void put_page(cstar_buf *b, int status, const char *nonce, const char *why) {
    cstar_buf_lit(b, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                     "<title>");
    cstar_buf_puts(b, cstar__reason(status));
    cstar_buf_lit(b, "</title><style");
    if (nonce[0] != '\0') {
        cstar_buf_lit(b, " nonce=\"");
        cstar_buf_puts(b, nonce);
        cstar_buf_byte(b, '"');
    }
    cstar_buf_lit(b, ">:root{color-scheme:light dark}"
                     "body{margin:0;min-height:100vh;display:grid;place-content:center;"
                     "text-align:center;font-family:system-ui,sans-serif}"
                     "h1{margin:0;font-size:6rem;font-weight:200;line-height:1}"
                     "p{margin:1rem;font-size:1.25rem;opacity:.7}</style></head><body><main><h1>");
    cstar_buf_int(b, status);
    cstar_buf_lit(b, "</h1><p>");
    cstar_buf_puts(b, cstar__reason(status));
    if (why != NULL) {
        cstar_buf_lit(b, "</p><p>");
        cstar_buf_html(b, cstar_cstr(why));
    }
    cstar_buf_lit(b, "</p></main></body></html>\n");
}

/* ---- the app's ---- */

static bool render_own(cstar_conn *conn, cstar_buf *b, int status) {
    cstar_html h;
    cstar_err err;
    cstar__err_init(&err);
    cstar__conn_html(conn, &h, b, NULL);
    conn->app->error_page(conn, &h, status);
    if (cstar_html_status(&h, &err) == CSTAR_OK) {
        return b->len != 0;
    }
    cstar__app_log(conn->app, CSTAR_LOG_ERROR, "the error page for %d failed: %s", status,
                   err.text);
    return false;
}

/* @return false: text has to do. */
static bool render(cstar_conn *conn, cstar_buf *b, int status) {
    cstar_buf_init(b, cstar_arena_allocator(&conn->x->arena), conn->app->max_response);
    if (!wants_html(conn)) {
        return false;
    }
    if (conn->app->error_page != NULL) {
        /* it may read and render, but give no answer of its own */
        conn->answer = CSTAR__ANSWER_GIVEN;
        const bool rendered = render_own(conn, b, status);
        conn->answer = CSTAR__ANSWER_NONE;
        return rendered;
    }
    put_page(b, status, cstar_nonce(conn), reason_of(conn));
    return b->status == CSTAR_OK;
}

/* ---- together ---- */

/* "Forbidden: csrf: no token ..." */
static cstar_str explain(cstar_conn *conn, const char *text) {
    const char *why = reason_of(conn);
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(&conn->x->arena), 1024);
    cstar_buf_puts(&b, text);
    if (why != NULL) {
        cstar_buf_lit(&b, ": ");
        cstar_buf_puts(&b, why);
    }
    return b.status == CSTAR_OK ? cstar_buf_view(&b) : cstar_cstr(text);
}

static void drop_description(cstar_conn *conn, int status) {
    static const cstar_str names[] = {{"content-type", 12},
                                      {"content-encoding", 16},
                                      {"content-range", 13},
                                      {"content-language", 16},
                                      {"content-disposition", 19},
                                      {"content-location", 16},
                                      {"cache-control", 13},
                                      {"expires", 7},
                                      {"etag", 4},
                                      {"last-modified", 13},
                                      {"accept-ranges", 13},
                                      {"location", 8},
                                      {"x-accel-buffering", 17}};
    for (size_t i = 0; conn->nfields != 0 && i < sizeof names / sizeof *names; i++) {
        /* of a range that can't be had, it says how long the whole is */
        if (status != 416 || !cstar_str_eq(names[i], CSTAR_STR("content-range"))) {
            cstar__conn_drop_field(conn, names[i]);
        }
    }
}

void cstar__error_page(cstar_conn *conn, int status, const char *text) {
    cstar_buf html;
    cstar__reply reply = {.status = status,
                          .content_type = "text/plain; charset=utf-8",
                          .body = cstar_cstr(text != NULL ? text : cstar__reason(status))};
    cstar__sse_settle(conn);
    conn->answer = CSTAR__ANSWER_NONE;
    drop_description(conn, status);
    if (cstar__tab_reload(conn, status)) {
        return;
    }
    if (conn->app->development) {
        reply.body = explain(conn, text != NULL ? text : cstar__reason(status));
        reply.is_ours = true;
    }
    if (render(conn, &html, status)) {
        reply.content_type = "text/html; charset=utf-8";
        reply.body = cstar_buf_view(&html);
        reply.is_ours = true;
    }
    conn->session_lost = false; /* this answer does not rest on it */
    if (cstar__conn_vary(conn, CSTAR_STR("accept, datastar-request")) == CSTAR_OK) {
        (void)cstar__conn_reply(conn, &reply);
    }
}

cstar_status cstar_fail(cstar_conn *conn, int status) {
    if (status < 400 || status > 599) {
        return cstar__conn_failf(conn, CSTAR_EINVAL, "status", "status: not that of an error");
    }
    if (conn->answer != CSTAR__ANSWER_NONE) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "response", "response: there is one already");
    }
    cstar__error_page(conn, status, NULL);
    return conn->answer == CSTAR__ANSWER_GIVEN ? CSTAR_OK : CSTAR_ENOMEM;
}

void cstar_error_page(cstar_app *app, void (*own)(cstar_conn *conn, cstar_html *h, int status)) {
    app->error_page = own;
}
