/* args.c -- a case's arguments, as the C API takes them.
 * SPDX-License-Identifier: MIT */
#include "runner.h"

#include <stdio.h>

bool arg_given(const call *c, const char *name) {
    const cstar_json *v = cstar_json_get(c->args, name);
    return v != NULL && cstar_json_typeof(v) != CSTAR_JSON_NULL;
}

void call_error(call *c, const char *why) {
    c->out->kind = OUTCOME_ERROR;
    (void)snprintf(c->out->why, sizeof c->out->why, "%s", why);
}

void call_skip(call *c, const char *why) {
    call_error(c, why);
    c->out->kind = OUTCOME_SKIP;
}

void call_done(call *c, cstar_status rc, const cstar_err *err) {
    if (rc == CSTAR_OK) {
        c->out->kind = OUTCOME_BYTES;
        return;
    }
    call_error(c, err->text);
    if (c->out->text.len != 0) { /* a refusal writes nothing: then the case must not pass */
        c->out->kind = OUTCOME_BYTES;
    }
}

static bool wrong(call *c, const char *name, const char *what) {
    char why[120];
    (void)snprintf(why, sizeof why, "%s: %s", name, what);
    call_error(c, why);
    return false;
}

bool arg_view(call *c, const char *name, cstar_str *value) {
    const cstar_json *v = cstar_json_get(c->args, name);
    *value = cstar_view(NULL, 0);
    if (v == NULL || cstar_json_typeof(v) == CSTAR_JSON_NULL) {
        return true;
    }
    if (cstar_json_typeof(v) != CSTAR_JSON_STRING) {
        return wrong(c, name, "no text, which the type of the parameter rules out");
    }
    *value = cstar_json_view(v);
    return true;
}

static bool as_text(call *c, const char *name, cstar_str view, const char **value) {
    *value = NULL;
    if (view.ptr == NULL) {
        return true;
    }
    if (memchr(view.ptr, '\0', view.len) != NULL) {
        return wrong(c, name, "a NUL, which a C string can't hold");
    }
    *value = cstar_arena_strdup(c->arena, view);
    return *value != NULL || wrong(c, name, "out of memory");
}

bool arg_text(call *c, const char *name, const char **value) {
    cstar_str view;
    return arg_view(c, name, &view) && as_text(c, name, view, value);
}

bool arg_bool(call *c, const char *name, bool *value) {
    const cstar_json *v = cstar_json_get(c->args, name);
    if (v == NULL || cstar_json_typeof(v) == CSTAR_JSON_NULL) {
        return true;
    }
    if (cstar_json_typeof(v) != CSTAR_JSON_BOOL) {
        return wrong(c, name, "no boolean");
    }
    *value = cstar_json_bool(v, false);
    return true;
}

/* In C a zero in the struct says nothing, so retry 0 has a name; and -1 is taken by it. */
static bool arg_retry(call *c, const char *name, int64_t *retry) {
    const cstar_json *v = cstar_json_get(c->args, name);
    if (cstar_json_typeof(v) == CSTAR_JSON_NULL) {
        return true;
    }
    if (cstar_json_typeof(v) == CSTAR_JSON_STRING) {
        call_skip(c, "retry is a number of milliseconds in C, not a text");
        return false;
    }
    if (cstar_json_typeof(v) != CSTAR_JSON_INT) {
        return wrong(c, name, "no integer");
    }
    *retry = cstar_json_int(v, 0);
    *retry = *retry == 0 ? (int64_t)-1 /* CSTAR_RETRY_NOW */ : *retry < 0 ? INT64_MIN : *retry;
    return true;
}

bool arg_event(call *c, const char **event_id, int64_t *retry) {
    const cstar_json *id = cstar_json_get(c->args, "event_id");
    *retry = 0;
    cstar_str text = cstar_json_view(id);
    if (cstar_json_typeof(id) == CSTAR_JSON_INT) {
        text = cstar_json_number(id);
    } else if (cstar_json_typeof(id) != CSTAR_JSON_NULL && text.ptr == NULL) {
        return wrong(c, "event_id", "no text");
    }
    if (!as_text(c, "event_id", text, event_id)) {
        return false;
    }
    return arg_retry(c, arg_given(c, "retry_duration") ? "retry_duration" : "retry", retry);
}

bool arg_views(call *c, const char *name, cstar_str **views, size_t *n) {
    const cstar_json *v = cstar_json_get(c->args, name);
    bool one = cstar_json_typeof(v) == CSTAR_JSON_STRING;
    if (!one && cstar_json_typeof(v) != CSTAR_JSON_ARRAY) {
        *n = 0;
        *views = NULL;
        return cstar_json_typeof(v) == CSTAR_JSON_NULL || wrong(c, name, "no list of texts");
    }
    *n = one ? 1 : cstar_json_size(v);
    *views = cstar_arena_alloc(c->arena, (*n + 1) * sizeof **views);
    if (*views == NULL) {
        return wrong(c, name, "out of memory");
    }
    (*views)[0] = cstar_json_view(v);
    size_t i = 0;
    for (const cstar_json *e = one ? NULL : cstar_json_first(v); e != NULL;
         e = cstar_json_next(e)) {
        if (cstar_json_typeof(e) != CSTAR_JSON_STRING) {
            return wrong(c, name, "an element is no text");
        }
        (*views)[i++] = cstar_json_view(e);
    }
    return true;
}
