/* page_expr.c -- actions that call the page they stand in, wherever it is mounted.
 *
 * The address comes from location.pathname when the expression runs. Leading slashes are collapsed,
 * so that "//host/x" can never become a URL of another host; for an event trailing slashes go too,
 * since "/_event/<name>" follows.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/action.h"
#include "wire/event.h"

#define HERE "location.pathname.replace(/^\\/+/, '/')"

cstar_status cstar_format_page_event(cstar_buf *out, const cstar_page_event *e, cstar_err *err) {
    if (e == NULL) {
        return cstar__missing(err, "e");
    }
    const char *verb = cstar__verb_name(e->verb, err);
    if (verb == NULL) {
        return CSTAR_EINVAL;
    }
    cstar_status rc = cstar__segment_check(e->name, "name", err);
    rc = rc == CSTAR_OK ? cstar__arg_check(&e->arg, err) : rc;
    if (rc != CSTAR_OK) {
        return rc;
    }
    size_t mark = out->len;
    cstar_buf_byte(out, '@');
    cstar_buf_puts(out, verb);
    cstar_buf_lit(out, "(" HERE ".replace(/\\/+$/, '') + \"/_event/");
    cstar_buf_percent(out, e->name);
    cstar__arg_add(out, &e->arg);
    cstar_buf_byte(out, '"');
    cstar__action_end(out, (cstar__ending){e->options, e->verb, e->csrf});
    return cstar__event_commit(out, mark, err);
}

/* Retries without end, because the browser gives up after ten in a row, and a page without its
 * stream looks alive and is not. */
cstar_status cstar_format_page_connect(cstar_buf *out, const cstar_page_connect *c,
                                       cstar_err *err) {
    if (c == NULL) {
        return cstar__missing(err, "c");
    }
    size_t mark = out->len;
    cstar_buf_lit(out, "@post(" HERE);
    if (c->include_search) {
        cstar_buf_lit(out, " + location.search");
    }
    const bool own = c->options != NULL && c->options[0] != '\0';
    cstar__action_end(out,
                      (cstar__ending){.options = own ? c->options : "{retryMaxCount: Infinity}",
                                      .verb = CSTAR_POST});
    return cstar__event_commit(out, mark, err);
}
