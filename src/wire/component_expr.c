/* component_expr.c -- actions that call a component, wherever an app has mounted its components.
 *
 * The page says where, in data-ds-base of its body; "/ds" if it does not. Since that is text of the
 * page, it is looked at before a request is made, as it is and as a server would decode it: a plain
 * local path, with nothing in it that could lead to another host, out of the folder, or into a query.
 * A bad one makes no request, and no throw either: an exception in data-on freezes a page.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/action.h"
#include "wire/event.h"

/* One leading slash and no second one; no backslash, '?', '#' or control byte; no "." or ".."
 * segment. */
#define PLAIN "/^\\/(?!\\/)[^\\\\?#\\x00-\\x1f\\x7f]*$/.test(s) && !/\\/\\.\\.?(\\/|$)/.test(s)"

#define GUARD                                                                                      \
    "(b => (p => { try { return [p, decodeURIComponent(p)].every(s => " PLAIN                      \
    ") } catch { return false } })(b) ? "

#define BASE "(document.body.dataset.dsBase || \"/ds\")"

cstar_status cstar_format_component_event(cstar_buf *out, const cstar_component_event *e,
                                          cstar_err *err) {
    if (e == NULL) {
        return cstar__missing(err, "e");
    }
    const char *verb = cstar__verb_name(e->verb, err);
    if (verb == NULL) {
        return CSTAR_EINVAL;
    }
    cstar_status rc = cstar__segment_check(e->component, "component", err);
    rc = rc == CSTAR_OK ? cstar__segment_check(e->name, "name", err) : rc;
    rc = rc == CSTAR_OK ? cstar__arg_check(&e->arg, err) : rc;
    if (rc != CSTAR_OK) {
        return rc;
    }
    size_t mark = out->len;
    cstar_buf_lit(out, GUARD "@");
    cstar_buf_puts(out, verb);
    cstar_buf_lit(out, "(b.replace(/\\/+$/, \"\") + \"/");
    cstar_buf_percent(out, e->component);
    cstar_buf_byte(out, '/');
    cstar_buf_percent(out, e->name);
    cstar__arg_add(out, &e->arg);
    cstar_buf_byte(out, '"');
    cstar__action_end(out, (cstar__ending){e->options, e->verb, e->csrf});
    cstar_buf_lit(out, " : undefined)" BASE);
    return cstar__event_commit(out, mark, err);
}
