/* elements.c -- "datastar-patch-elements": HTML, and where it goes.
 *
 * Option lines stand in the order of the SDK specification (selector, mode, useViewTransition,
 * viewTransitionSelector, namespace, elements), and only where they differ from the default.
 *
 * The client joins repeated keys with a line feed. A selector that could open a second line could
 * therefore put HTML of its own in front of the real one: so line breaks are removed from both
 * selectors, and every line of HTML carries the prefix.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/elements.h"

#include "wire/event.h"

static const char *const mode_names[] = {"outer",   "inner",  "remove", "replace",
                                         "prepend", "append", "before", "after"};
static const char *const ns_names[] = {"html", "svg", "mathml"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- names ---- */

/* Index of `name`, or `count`. */
static size_t find_name(const char *const *names, size_t count, cstar_str name) {
    for (size_t i = 0; i < count; i++) {
        if (cstar_str_eq(cstar_cstr(names[i]), name)) {
            return i;
        }
    }
    return count;
}

static cstar_status unknown_name(cstar_err *err, const char *where, cstar_str name) {
    return cstar_err_set(err, CSTAR_EINVAL, where, "%s: unknown name '%.*s'", where,
                         (int)(name.len < 40 ? name.len : 40), name.len != 0 ? name.ptr : "");
}

cstar_status cstar_mode_parse(cstar_str name, cstar_mode *mode, cstar_err *err) {
    size_t i = find_name(mode_names, COUNT(mode_names), name);
    if (i == COUNT(mode_names)) {
        return unknown_name(err, "mode", name);
    }
    *mode = (cstar_mode)i;
    return CSTAR_OK;
}

cstar_status cstar_ns_parse(cstar_str name, cstar_ns *ns, cstar_err *err) {
    size_t i = find_name(ns_names, COUNT(ns_names), name);
    if (i == COUNT(ns_names)) {
        return unknown_name(err, "namespace", name);
    }
    *ns = (cstar_ns)i;
    return CSTAR_OK;
}

/* ---- refusals ---- */

/* Without a selector the client looks elements up by their own id, which only these two modes do.
 */
static bool mode_finds_by_id(cstar_mode mode) {
    return mode == CSTAR_OUTER || mode == CSTAR_REPLACE;
}

static cstar_status check_options(const cstar_elements *e, cstar_err *err) {
    if ((size_t)e->mode >= COUNT(mode_names)) {
        return cstar_err_set(err, CSTAR_EINVAL, "mode", "mode: unknown value %d", (int)e->mode);
    }
    if ((size_t)e->ns >= COUNT(ns_names)) {
        return cstar_err_set(err, CSTAR_EINVAL, "ns", "ns (namespace): unknown value %d",
                             (int)e->ns);
    }
    if (!cstar__field_empty(e->selector) && !cstar__field_empty(e->to)) {
        return cstar_err_set(err, CSTAR_EINVAL, "to", "to, selector: one of them is enough");
    }
    const cstar_str to = cstar_cstr(e->to);
    if (cstar_str_eq(to, CSTAR_STR("#")) || !cstar_utf8_valid(to)) {
        return cstar_err_set(err, CSTAR_EINVAL, "to", "to: no id of an element");
    }
    if (!mode_finds_by_id(e->mode) && cstar__field_empty(e->selector) &&
        cstar__field_empty(e->to)) {
        return cstar_err_set(err, CSTAR_EINVAL, "selector", "selector: mode %s needs one",
                             mode_names[e->mode]);
    }
    return cstar__event_check(e->retry, err);
}

const char *cstar__mode_name(cstar_mode mode) { return mode_names[mode]; }
const char *cstar__ns_name(cstar_ns ns) { return ns_names[ns]; }

static cstar_str html_of(const cstar_elements *e) {
    return e->html_str.ptr != NULL ? e->html_str : cstar_cstr(e->html);
}

cstar_status cstar__elements_check(const cstar_elements *e, cstar_err *err) {
    if (html_of(e).ptr == NULL && e->mode != CSTAR_REMOVE) {
        return cstar_err_set(err, CSTAR_EINVAL, "html", "html: required unless the mode is remove");
    }
    return check_options(e, err);
}

/* ---- writing ---- */

static void add_field(cstar_buf *out, cstar_str key, const char *value) {
    if (!cstar__field_empty(value)) {
        cstar_buf_str(out, key);
        cstar_buf_oneline(out, cstar_cstr(value));
        cstar_buf_byte(out, '\n');
    }
}

/* It has been checked; what is left to go wrong sticks to the buffer. */
static void add_target(cstar_buf *out, const char *to) {
    if (!cstar__field_empty(to)) {
        cstar_buf_lit(out, "data: selector ");
        (void)cstar_format_dom_id(out, cstar_cstr(to), NULL);
        cstar_buf_byte(out, '\n');
    }
}

static void add_options(cstar_buf *out, const cstar_elements *e) {
    cstar__event_head(out, CSTAR_STR(CSTAR__ELEMENTS_TYPE), e->event_id, e->retry);
    add_field(out, CSTAR_STR("data: selector "), e->selector);
    add_target(out, e->to);
    if (e->mode != CSTAR_OUTER) {
        add_field(out, CSTAR_STR("data: mode "), mode_names[e->mode]);
    }
    if (e->use_view_transition) {
        cstar_buf_lit(out, "data: useViewTransition true\n");
        add_field(out, CSTAR_STR("data: viewTransitionSelector "), e->view_transition_selector);
    }
    if (e->ns != CSTAR_NS_HTML) {
        add_field(out, CSTAR_STR("data: namespace "), ns_names[e->ns]);
    }
}

void cstar__elements_text(cstar_buf *out, cstar_str text) {
    cstar_str rest = text;
    cstar_str line;
    for (bool first = true; cstar_line_next(&rest, &line); first = false) {
        if (!first) {
            cstar_buf_lit(out, "\n" CSTAR_ELEMENTS_PREFIX);
        }
        cstar_buf_str(out, line);
    }
}

cstar_status cstar_format_patch_elements(cstar_buf *out, const cstar_elements *e, cstar_err *err) {
    if (e == NULL) {
        return cstar__missing(err, "e");
    }
    cstar_status rc = cstar__elements_check(e, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    cstar_str html = html_of(e);
    size_t mark = out->len;
    add_options(out, e);
    if (html.ptr != NULL) {
        cstar__event_lines(out, CSTAR_STR(CSTAR_ELEMENTS_PREFIX), html);
    }
    cstar_buf_byte(out, '\n');
    return cstar__event_commit(out, mark, err);
}

/* ---- the special cases of it ---- */

cstar_status cstar_format_remove_elements(cstar_buf *out, const cstar_elements *e, cstar_err *err) {
    if (e == NULL) {
        return cstar__missing(err, "e");
    }
    cstar_elements remove = *e;
    remove.mode = CSTAR_REMOVE;
    remove.html = NULL;
    remove.html_str = cstar_view(NULL, 0);
    return cstar_format_patch_elements(out, &remove, err);
}

cstar_status cstar_format_append_elements(cstar_buf *out, const cstar_elements *e, cstar_err *err) {
    if (e == NULL) {
        return cstar__missing(err, "e");
    }
    cstar_elements append = *e;
    append.mode = CSTAR_APPEND;
    return cstar_format_patch_elements(out, &append, err);
}

cstar_status cstar_format_upsert_elements(cstar_buf *out, const cstar_elements *e, cstar_err *err) {
    if (e == NULL) {
        return cstar__missing(err, "e");
    }
    cstar_elements upsert = *e;
    upsert.mode = CSTAR_OUTER;
    upsert.selector = NULL;
    upsert.to = NULL;
    return cstar_format_patch_elements(out, &upsert, err);
}

/* ---- in pieces ---- */

cstar_status cstar_format_patch_begin(cstar_buf *out, const cstar_elements *e, cstar_err *err) {
    if (e == NULL) {
        return cstar__missing(err, "e");
    }
    if (e->mode == CSTAR_REMOVE) {
        return cstar_err_set(err, CSTAR_EINVAL, "mode", "mode: remove has no HTML to render");
    }
    cstar_status rc = check_options(e, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    size_t mark = out->len;
    add_options(out, e);
    cstar_buf_lit(out, CSTAR_ELEMENTS_PREFIX);
    return cstar__event_commit(out, mark, err);
}

cstar_status cstar_format_patch_end(cstar_buf *out) {
    size_t mark = out->len;
    cstar_buf_lit(out, "\n\n");
    return cstar__event_commit(out, mark, NULL);
}
