/* sdk_events.c -- one function per event type of the SDK tests.
 * SPDX-License-Identifier: MIT */
#include "support/sdk_events.h"

/* An id may be a number in older suites. */
static const char *id_of(const cstar_json *event, cstar_arena *scratch) {
    const cstar_json *id = cstar_json_get(event, "eventId");
    cstar_str number = cstar_json_number(id);
    return number.ptr != NULL ? cstar_arena_strdup(scratch, number) : cstar_json_str(id, NULL);
}

/* Absent is zero, which says nothing; zero has a name in C. */
static int64_t retry_of(const cstar_json *event) {
    const cstar_json *retry = cstar_json_get(event, "retryDuration");
    int64_t ms = cstar_json_int(retry, 0);
    return cstar_json_typeof(retry) == CSTAR_JSON_INT && ms == 0 ? CSTAR_RETRY_NOW : ms;
}

static cstar_status patch_elements(cstar_buf *out, const cstar_json *event, cstar_arena *scratch,
                                   cstar_err *err) {
    cstar_elements e = {
        .html_str = cstar_json_view(cstar_json_get(event, "elements")),
        .selector = cstar_json_str(cstar_json_get(event, "selector"), NULL),
        .use_view_transition = cstar_json_bool(cstar_json_get(event, "useViewTransition"), false),
        .view_transition_selector =
            cstar_json_str(cstar_json_get(event, "viewTransitionSelector"), NULL),
        .event_id = id_of(event, scratch),
        .retry = retry_of(event),
    };
    cstar_str mode = cstar_json_view(cstar_json_get(event, "mode"));
    cstar_str ns = cstar_json_view(cstar_json_get(event, "namespace"));
    cstar_status rc = mode.ptr != NULL ? cstar_mode_parse(mode, &e.mode, err) : CSTAR_OK;
    if (rc == CSTAR_OK && ns.ptr != NULL) {
        rc = cstar_ns_parse(ns, &e.ns, err);
    }
    return rc == CSTAR_OK ? cstar_format_patch_elements(out, &e, err) : rc;
}

static cstar_status patch_signals(cstar_buf *out, const cstar_json *event, cstar_arena *scratch,
                                  cstar_err *err) {
    cstar_signals_patch s = {
        .json_str = cstar_json_view(cstar_json_get(event, "signals-raw")),
        .only_if_missing = cstar_json_bool(cstar_json_get(event, "onlyIfMissing"), false),
        .event_id = id_of(event, scratch),
        .retry = retry_of(event),
    };
    s.value = s.json_str.ptr == NULL ? cstar_json_get(event, "signals") : NULL;
    return cstar_format_patch_signals(out, &s, err);
}

static cstar_status execute_script(cstar_buf *out, const cstar_json *event, cstar_arena *scratch,
                                   cstar_err *err) {
    const cstar_json *object = cstar_json_get(event, "attributes");
    cstar_attr *attrs = cstar_arena_alloc(scratch, (cstar_json_size(object) + 1) * sizeof *attrs);
    cstar_script s = {
        .script_str = cstar_json_view(cstar_json_get(event, "script")),
        .keep = !cstar_json_bool(cstar_json_get(event, "autoRemove"), true),
        .event_id = id_of(event, scratch),
        .retry = retry_of(event),
        .attrs = attrs,
    };
    if (attrs == NULL) {
        return cstar_err_set(err, CSTAR_ENOMEM, "scratch", "scratch: out of memory");
    }
    for (const cstar_json *m = cstar_json_first(object); m != NULL; m = cstar_json_next(m)) {
        attrs[s.nattrs++] = (cstar_attr){cstar_json_key(m).ptr, cstar_json_val(m)};
    }
    return cstar_format_script(out, &s, err);
}

cstar_status sdk_format_events(cstar_buf *out, const cstar_json *input, cstar_arena *scratch,
                               cstar_err *err) {
    static const struct {
        const char *type;
        cstar_status (*format)(cstar_buf *, const cstar_json *, cstar_arena *, cstar_err *);
    } types[] = {{"patchElements", patch_elements},
                 {"patchSignals", patch_signals},
                 {"executeScript", execute_script}};
    const cstar_json *events = cstar_json_get(input, "events");
    if (cstar_json_typeof(events) != CSTAR_JSON_ARRAY) {
        return cstar_err_set(err, CSTAR_ETYPE, "events", "events: an array is required");
    }
    for (const cstar_json *e = cstar_json_first(events); e != NULL; e = cstar_json_next(e)) {
        const char *type = cstar_json_str(cstar_json_get(e, "type"), "");
        size_t i = 0;
        while (i < sizeof types / sizeof types[0] && strcmp(type, types[i].type) != 0) {
            i++;
        }
        if (i == sizeof types / sizeof types[0]) {
            return cstar_err_set(err, CSTAR_EINVAL, "type", "type: unknown event type '%.60s'",
                                 type);
        }
        cstar_status rc = types[i].format(out, e, scratch, err);
        if (rc != CSTAR_OK) {
            return rc;
        }
    }
    return CSTAR_OK;
}
