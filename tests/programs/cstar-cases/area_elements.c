/* area_elements.c -- element patches.
 * SPDX-License-Identifier: MIT */
#include "runner.h"

#include "cstar/wire.h"

#define OPTIONS                                                                                    \
    "html selector container mode namespace use_view_transition use_view_transitions "             \
    "view_transition_selector event_id "                                                           \
    "retry retry_duration to"

static bool names(call *c, cstar_elements *e) {
    cstar_str name;
    cstar_err err = {.code = CSTAR_OK};
    cstar_status rc = CSTAR_OK;
    if (!arg_view(c, "mode", &name)) {
        return false;
    }
    if (name.ptr != NULL) {
        rc = cstar_mode_parse(name, &e->mode, &err);
    }
    if (rc == CSTAR_OK && !arg_view(c, "namespace", &name)) {
        return false;
    }
    if (rc == CSTAR_OK && name.ptr != NULL) {
        rc = cstar_ns_parse(name, &e->ns, &err);
    }
    if (rc != CSTAR_OK) {
        call_error(c, err.text);
    }
    return rc == CSTAR_OK;
}

static bool arguments(call *c, cstar_elements *e) {
    const char *where = arg_given(c, "container") ? "container" : "selector";
    const char *transition =
        arg_given(c, "use_view_transition") ? "use_view_transition" : "use_view_transitions";
    *e = (cstar_elements){.html = NULL};
    return arg_view(c, "html", &e->html_str) && arg_text(c, where, &e->selector) &&
           arg_text(c, "to", &e->to) && names(c, e) &&
           arg_bool(c, transition, &e->use_view_transition) &&
           arg_text(c, "view_transition_selector", &e->view_transition_selector) &&
           arg_event(c, &e->event_id, &e->retry);
}

static void format(call *c,
                   cstar_status (*function)(cstar_buf *, const cstar_elements *, cstar_err *)) {
    cstar_elements e;
    cstar_err err = {.code = CSTAR_OK};
    if (arguments(c, &e)) {
        call_done(c, function(&c->out->text, &e, &err), &err);
    }
}

static void patch(call *c) { format(c, cstar_format_patch_elements); }
static void remove_all(call *c) { format(c, cstar_format_remove_elements); }
static void append(call *c) { format(c, cstar_format_append_elements); }
static void upsert(call *c) { format(c, cstar_format_upsert_elements); }

static void dom_id(call *c) {
    cstar_str id;
    cstar_err err = {.code = CSTAR_OK};
    if (arg_view(c, "id", &id)) {
        call_done(c, cstar_format_dom_id(&c->out->text, id, &err), &err);
    }
}

const call_entry cases_elements[] = {
    {"patch_element", patch, OPTIONS, NULL},
    {"dom_id", dom_id, "id", NULL},
    {"patch_elements", patch, OPTIONS, NULL},
    {"remove_elements", remove_all, OPTIONS, NULL},
    {"append_elements", append, OPTIONS, NULL},
    {"upsert_elements", upsert, OPTIONS, NULL},
    {NULL, NULL, NULL, NULL},
};
