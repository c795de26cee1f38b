/* expr.c -- actions as values: the arguments of cstar_put() that are written where they stand.
 *
 * A cstar_expr is a function and what it needs; nothing is formatted, checked or allocated before
 * cstar_put() gets there.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/action.h"
#include "wire/event.h"

/* ---- @post("/ds/module/event"): a module, b event, c prefix, d options, n verb ---- */

static cstar_status write_action(const cstar_expr *self, cstar_buf *out, cstar_err *err) {
    cstar_action action = {
        .module = cstar_cstr(self->a),
        .event = cstar_cstr(self->b),
        .verb = (cstar_verb)self->n,
        .prefix = self->c,
        .options = self->d,
        .csrf = self->csrf,
        .arg = cstar__expr_arg(self),
    };
    return cstar_format_action(out, &action, err);
}

cstar_expr cstar_expr_action(const char *module, const char *event, cstar_verb verb,
                             const char *prefix, const char *options) {
    return (cstar_expr){.write = write_action,
                        .a = module,
                        .b = event,
                        .c = prefix,
                        .d = options,
                        .n = (int32_t)verb};
}

/* ---- @post(<this page> + "/_event/name"): b name, d options, n verb ---- */

static cstar_status write_event(const cstar_expr *self, cstar_buf *out, cstar_err *err) {
    cstar_page_event event = {.name = cstar_cstr(self->b),
                              .verb = (cstar_verb)self->n,
                              .options = self->d,
                              .csrf = self->csrf,
                              .arg = cstar__expr_arg(self)};
    return cstar_format_page_event(out, &event, err);
}

cstar_expr cstar_expr_event(const char *name, cstar_verb verb, const char *options) {
    return (cstar_expr){.write = write_event, .b = name, .d = options, .n = (int32_t)verb};
}

/* ---- @post(<this page>, ...): d options, n include_search ---- */

static cstar_status write_connect(const cstar_expr *self, cstar_buf *out, cstar_err *err) {
    if (self->arg_kind != CSTAR_VAL_NULL) {
        return cstar_err_set(err, CSTAR_EINVAL, "arg", "arg: a page's stream has none");
    }
    cstar_page_connect connect = {.include_search = self->n != 0, .options = self->d};
    return cstar_format_page_connect(out, &connect, err);
}

cstar_expr cstar_expr_connect(bool include_search, const char *options) {
    return (cstar_expr){.write = write_connect, .d = options, .n = include_search ? 1 : 0};
}

/* ---- a component's event: a component, b name, d options, n verb ---- */

static cstar_status write_component(const cstar_expr *self, cstar_buf *out, cstar_err *err) {
    cstar_component_event event = {.component = cstar_cstr(self->a),
                                   .name = cstar_cstr(self->b),
                                   .verb = (cstar_verb)self->n,
                                   .options = self->d,
                                   .csrf = self->csrf,
                                   .arg = cstar__expr_arg(self)};
    return cstar_format_component_event(out, &event, err);
}

cstar_expr cstar_expr_component(const char *component, const char *name, cstar_verb verb,
                                const char *options) {
    return (cstar_expr){
        .write = write_component, .a = component, .b = name, .d = options, .n = (int32_t)verb};
}

/* ---- the same of whoever renders it: c component, by cstar_put(); b name, d options, n verb ---- */

static cstar_status write_self(const cstar_expr *self, cstar_buf *out, cstar_err *err) {
    if (self->c == NULL) {
        return cstar_err_set(err, CSTAR_EINVAL, "self",
                             "self: this is the markup of no component and no controller");
    }
    cstar_expr named = *self;
    named.a = self->c;
    return write_component(&named, out, err);
}

cstar_expr cstar_expr_self(const char *name, cstar_verb verb, const char *options) {
    return (cstar_expr){
        .write = write_self, .b = name, .d = options, .n = (int32_t)verb, .self = true};
}

/* ---- data-on-signal-patch='...' data-on-signal-patch-filter='...': a the action, b key ---- */

/* "data-on-signal-patch", not "data-on:signal-patch": that would listen for a DOM event which
 * nobody fires. */
static cstar_status add_nudge_attributes(const cstar_expr *self, cstar_buf *out, cstar_err *err) {
    cstar_expr action = *(const cstar_expr *)self->a;
    action.csrf = self->csrf;
    action.c = action.self ? self->c : action.c;
    cstar_buf_lit(out, "data-on-signal-patch='");
    size_t value = out->len;
    cstar_status rc = action.write(&action, out, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    cstar_buf_html_from(out, value);
    cstar_buf_lit(out, "' data-on-signal-patch-filter='");
    value = out->len;
    rc = cstar_format_nudge_filter(out, cstar_cstr(self->b), err);
    cstar_buf_html_from(out, value);
    cstar_buf_byte(out, '\'');
    return rc;
}

static cstar_status write_on_nudge(const cstar_expr *self, cstar_buf *out, cstar_err *err) {
    const cstar_expr *action = self->a;
    if (action == NULL || action->write == NULL || action->attrs) {
        return cstar_err_set(err, CSTAR_EINVAL, "action", "action: an expression is required");
    }
    cstar_status rc = cstar_nudge_key_check(cstar_cstr(self->b), err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    size_t mark = out->len;
    rc = add_nudge_attributes(self, out, err);
    if (rc != CSTAR_OK && out->status == CSTAR_OK) {
        out->len = mark;
        return rc;
    }
    return cstar__event_commit(out, mark, err);
}

cstar_expr cstar_on_nudge(const char *key, const cstar_expr *action) {
    return (cstar_expr){.write = write_on_nudge,
                        .a = action,
                        .b = key,
                        .attrs = true,
                        .self = action != NULL && action->self};
}
