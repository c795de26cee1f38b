/* choices.c -- cases whose reference does what this library decided to do otherwise (behaviours 18;
 * docs/internals/wire.md).
 *
 * Each rule looks at the profile, the call and the shape of the arguments, never at an id, and
 * applies only where the case expects a result: every case that agrees with the choice runs. A case
 * of profile "cstar" states our own choices and always runs.
 *
 * SPDX-License-Identifier: MIT */
#include "runner.h"

/* ---- the shape of arguments ---- */

static const cstar_json *get(const cstar_json *args, const char *name) {
    return cstar_json_get(args, name);
}
static cstar_str text(const cstar_json *args, const char *name) {
    return cstar_json_view(get(args, name));
}

static bool is_one_of(cstar_str s, const char *words) {
    while (*words != '\0') {
        size_t n = strcspn(words, " ");
        if (cstar_str_eq(s, cstar_view(words, n))) {
            return true;
        }
        words += n + strspn(words + n, " ");
    }
    return false;
}

static bool has_byte(cstar_str s, const char *bytes) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '\0' && strchr(bytes, s.ptr[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Given, and nothing left without line breaks. */
static bool is_empty(const cstar_json *args, const char *name) {
    cstar_str s = text(args, name);
    size_t i = 0;
    while (i < s.len && (s.ptr[i] == '\r' || s.ptr[i] == '\n')) {
        i++;
    }
    return s.ptr != NULL && i == s.len;
}

static bool is_missing(const cstar_json *args, const char *name) {
    return text(args, name).ptr == NULL || is_empty(args, name);
}

/* ---- rules for every reference ---- */

static const char *unsafe_for_the_client(cstar_str called, const cstar_json *args,
                                         cstar_arena *arena) {
    bool patch = is_one_of(called, "patch_elements patch_element");
    bool without =
        is_missing(args, "selector") && is_missing(args, "container") && is_missing(args, "to");
    if ((patch && is_one_of(text(args, "mode"), "inner remove prepend append before after") &&
         without) ||
        (is_one_of(called, "remove_elements append_elements") && without)) {
        return "a mode that needs a selector is refused without one";
    }
    if (is_one_of(called, "patch_signals_raw")) {
        const cstar_json *value = json_any(arena, text(args, "json"));
        if (cstar_json_typeof(value) != CSTAR_JSON_OBJECT) {
            return "raw signals are checked to be a JSON object";
        }
    }
    if (is_one_of(called, "nudge nudge_key on_nudge") && has_byte(text(args, "key"), "\n")) {
        return "a nudge key with a line break is refused";
    }
    return NULL;
}

/* ---- rules for Dstar ---- */

static bool has_boolean(const cstar_json *attributes) {
    for (const cstar_json *m = cstar_json_first(attributes); m != NULL; m = cstar_json_next(m)) {
        if (cstar_json_typeof(m) == CSTAR_JSON_BOOL || cstar_json_typeof(m) == CSTAR_JSON_NULL) {
            return true;
        }
    }
    return false;
}

/* A path below one that stands before it. */
static bool child_after_parent(const cstar_json *paths) {
    for (const cstar_json *parent = cstar_json_first(paths); parent != NULL;
         parent = cstar_json_next(parent)) {
        cstar_str p = cstar_json_view(parent);
        for (const cstar_json *child = cstar_json_next(parent); child != NULL;
             child = cstar_json_next(child)) {
            cstar_str c = cstar_json_view(child);
            if (c.len > p.len && memcmp(c.ptr, p.ptr, p.len) == 0 && c.ptr[p.len] == '.') {
                return true;
            }
        }
    }
    return false;
}

/* The expectation says outright that the header is not there. */
static bool wants_no_connection(cstar_str called, const cstar_json *args,
                                const cstar_json *expect) {
    const cstar_json *header = get(get(expect, "headers"), "connection");
    cstar_str version = text(args, "http_version");
    return is_one_of(called, "sse_start") && header != NULL &&
           cstar_json_typeof(header) == CSTAR_JSON_NULL &&
           (version.ptr == NULL || is_one_of(version, "1.1"));
}

static const char *not_as_dstar(cstar_str called, const cstar_json *args,
                                const cstar_json *expect) {
    if (wants_no_connection(called, args, expect)) {
        return "Connection: keep-alive is sent on HTTP/1.1";
    }
    if (is_empty(args, "event_id")) {
        return "an empty id is left out";
    }
    if (is_empty(args, "selector") || is_empty(args, "container")) {
        return "an empty selector is left out";
    }
    if (is_one_of(called, "patch_signals_raw") && has_byte(text(args, "json"), "\r\n")) {
        return "every line of raw signals has its prefix";
    }
    if (is_one_of(called, "remove_signals") && child_after_parent(get(args, "paths"))) {
        return "removing a parent wins over its children";
    }
    if (is_one_of(called, "execute_script") && has_boolean(get(args, "attributes"))) {
        return "boolean attributes are bare or left out";
    }
    if (is_one_of(called, "remove_elements") && get(args, "mode") != NULL) {
        return "remove stays remove";
    }
    if (is_one_of(called, "patch_elements append_elements upsert_elements") &&
        is_one_of(text(args, "namespace"), "svg mathml") &&
        cstar_json_bool(get(args, "use_view_transition"), false)) {
        return "option lines are in the order of the specification";
    }
    return NULL;
}

/* ---- rules for StarView ---- */

static bool data_has_break(const cstar_json *data) {
    if (has_byte(cstar_json_view(data), "\r\n")) {
        return true;
    }
    for (const cstar_json *e = cstar_json_first(data); e != NULL; e = cstar_json_next(e)) {
        if (has_byte(cstar_json_view(e), "\r\n")) {
            return true;
        }
    }
    return false;
}

static bool has_unsafe_break(const cstar_json *args) {
    return has_byte(text(args, "event_id"), "\r\n") || has_byte(text(args, "type"), "\r\n") ||
           has_byte(text(args, "selector"), "\r\n") || has_byte(text(args, "to"), "\r\n") ||
           has_byte(text(args, "html"), "\r") || has_byte(text(args, "json"), "\r") ||
           has_byte(text(args, "script"), "\r") || data_has_break(get(args, "data"));
}

static bool ends_script_in_capitals(cstar_str s) {
    for (size_t i = 0; i + 8 <= s.len; i++) {
        if (cstar_str_ieq(cstar_view(s.ptr + i, 8), CSTAR_STR("</script")) &&
            memcmp(s.ptr + i, "</script", 8) != 0) {
            return true;
        }
    }
    return false;
}

static bool has_bad_name(const cstar_json *attributes) {
    for (const cstar_json *m = cstar_json_first(attributes); m != NULL; m = cstar_json_next(m)) {
        cstar_str name = cstar_json_key(m);
        for (size_t i = 0; i < name.len; i++) {
            char c = name.ptr[i];
            bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || (c != '\0' && strchr("_:.-", c) != NULL);
            if (!good) {
                return true;
            }
        }
    }
    return false;
}

/* A plain local path, which every policy lets pass. */
static bool is_plain_path(cstar_str url) {
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~') {
            return false;
        }
    }
    return url.len > 0 && url.ptr[0] == '/' &&
           (url.len == 1 || (url.ptr[1] != '/' && url.ptr[1] != '\\'));
}

static const char *not_as_starview_scripts(cstar_str called, const cstar_json *args) {
    const cstar_json *attributes = get(args, "attributes");
    if (is_one_of(called, "execute_script")) {
        if (cstar_json_typeof(attributes) == CSTAR_JSON_ARRAY || has_bad_name(attributes)) {
            return "attributes have checked names";
        }
        if (cstar_json_get(attributes, "data-effect") != NULL) {
            return "the caller's data-effect replaces the self-removal";
        }
        if (ends_script_in_capitals(text(args, "script"))) {
            return "a defused end tag keeps its case";
        }
    }
    if (is_one_of(called, "console_log")) {
        cstar_str level = text(args, "level");
        if (level.ptr != NULL && !is_one_of(level, "log warn error info debug")) {
            return "an unknown console level is an error";
        }
        if (text(args, "message").ptr != NULL) {
            return "console strings are in single quotes";
        }
    }
    if (is_one_of(called, "redirect") && !is_plain_path(text(args, "url"))) {
        return "redirects have a destination policy";
    }
    return NULL;
}

static bool has_empty_signals_parameter(cstar_str query) {
    static const cstar_str name = {"datastar=", 9};
    for (size_t i = 0; i + name.len <= query.len; i++) {
        bool starts = i == 0 || query.ptr[i - 1] == '&';
        bool ends = i + name.len == query.len || query.ptr[i + name.len] == '&';
        if (starts && ends && memcmp(query.ptr + i, name.ptr, name.len) == 0) {
            return true;
        }
    }
    return false;
}

static const char *not_as_starview(cstar_str called, const cstar_json *args) {
    if (is_one_of(called, "action action_dynamic")) {
        return "URLs in expressions are percent-coded, in double quotes, and read $_dstar_module";
    }
    if (is_one_of(called, "read_signals") && has_empty_signals_parameter(text(args, "query"))) {
        return "an empty datastar parameter is malformed";
    }
    if (is_one_of(called, "signal_init") && cstar_json_size(get(args, "signals")) == 0) {
        return "no signals at all are an empty object";
    }
    if (has_unsafe_break(args)) {
        return "line breaks are removed or split";
    }
    return not_as_starview_scripts(called, args);
}

/* ---- all together ---- */

static bool expects_error(const cstar_json *expect) {
    return cstar_json_bool(cstar_json_get(expect, "error"), false);
}

const char *contradicts_choice(const cstar_json *test, cstar_arena *arena) {
    const cstar_json *args = cstar_json_get(test, "args");
    cstar_str called = text(test, "call");
    cstar_str profile = text(test, "profile");
    const char *why = NULL;
    if (is_one_of(profile, "cstar") || expects_error(cstar_json_get(test, "expect"))) {
        return NULL;
    }
    if (cstar_json_typeof(get(args, "html")) == CSTAR_JSON_ARRAY) {
        return "html is one text in C";
    }
    why = unsafe_for_the_client(called, args, arena);
    if (why == NULL && is_one_of(profile, "dstar")) {
        why = not_as_dstar(called, args, cstar_json_get(test, "expect"));
    }
    if (why == NULL && is_one_of(profile, "starview")) {
        why = not_as_starview(called, args);
    }
    return why;
}
