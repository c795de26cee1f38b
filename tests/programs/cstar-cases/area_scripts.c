/* area_scripts.c -- scripts, console messages, redirects.
 * SPDX-License-Identifier: MIT */
#include "runner.h"

#include "cstar/wire.h"

#define OPTIONS " auto_remove event_id retry retry_duration"

/* "auto_remove" is true by default; the C field is its opposite, so that zero is the default. */
static bool arg_keep(call *c, bool *keep) {
    bool remove = true;
    if (!arg_bool(c, "auto_remove", &remove)) {
        return false;
    }
    *keep = !remove;
    return true;
}

static bool arg_attributes(call *c, cstar_script *s) {
    const cstar_json *object = cstar_json_get(c->args, "attributes");
    if (cstar_json_typeof(object) == CSTAR_JSON_NULL) {
        return true;
    }
    size_t n = cstar_json_size(object);
    cstar_attr *attrs = cstar_arena_alloc(c->arena, (n + 1) * sizeof *attrs);
    if (cstar_json_typeof(object) != CSTAR_JSON_OBJECT || attrs == NULL) {
        call_error(c, "attributes: names and values are required");
        return false;
    }
    for (const cstar_json *m = cstar_json_first(object); m != NULL; m = cstar_json_next(m)) {
        cstar_str key = cstar_json_key(m);
        if (memchr(key.ptr, '\0', key.len) != NULL) {
            call_error(c, "attributes: a name has a NUL, which a C string can't hold");
            return false;
        }
        attrs[s->nattrs++] = (cstar_attr){key.ptr, cstar_json_val(m)};
    }
    s->attrs = attrs;
    return true;
}

static void execute(call *c) {
    cstar_script s = {.script = NULL};
    cstar_err err = {.code = CSTAR_OK};
    if (arg_view(c, "script", &s.script_str) && arg_keep(c, &s.keep) &&
        arg_event(c, &s.event_id, &s.retry) && arg_attributes(c, &s)) {
        call_done(c, cstar_format_script(&c->out->text, &s, &err), &err);
    }
}

static void console(call *c) {
    cstar_console log = {.level = CSTAR_LOG};
    cstar_str level;
    cstar_err err = {.code = CSTAR_OK};
    const cstar_json *given = cstar_json_get(c->args, "level");
    if (given != NULL && cstar_json_typeof(given) != CSTAR_JSON_STRING) {
        call_error(c, "level: no level at all");
        return;
    }
    if (!arg_view(c, "level", &level) || !arg_keep(c, &log.keep) ||
        !arg_event(c, &log.event_id, &log.retry)) {
        return;
    }
    log.message = cstar_json_val(cstar_json_get(c->args, "message"));
    cstar_status rc = level.ptr != NULL ? cstar_level_parse(level, &log.level, &err) : CSTAR_OK;
    if (rc == CSTAR_OK) {
        rc = cstar_format_console(&c->out->text, &log, &err);
    }
    call_done(c, rc, &err);
}

static bool arg_hosts(call *c, cstar_redirect *r) {
    const cstar_json *list = cstar_json_get(c->args, "allow");
    if (cstar_json_typeof(list) == CSTAR_JSON_NULL) {
        return true;
    }
    size_t n = cstar_json_size(list);
    const char **hosts = cstar_arena_alloc(c->arena, (n + 1) * sizeof *hosts);
    if (cstar_json_typeof(list) != CSTAR_JSON_ARRAY || hosts == NULL) {
        call_error(c, "allow: no list, which the type of the parameter rules out");
        return false;
    }
    for (const cstar_json *e = cstar_json_first(list); e != NULL; e = cstar_json_next(e)) {
        hosts[r->nallow++] =
            cstar_json_str(e, ""); /* what is no C string is as bad as an empty one */
    }
    r->allow = hosts;
    return true;
}

static void redirect(call *c) {
    cstar_redirect r = {.origin = NULL};
    cstar_err err = {.code = CSTAR_OK};
    if (!arg_view(c, "url", &r.url_str) || !arg_text(c, "request_origin", &r.origin) ||
        !arg_bool(c, "external", &r.external) || !arg_hosts(c, &r) || !arg_keep(c, &r.keep) ||
        !arg_event(c, &r.event_id, &r.retry)) {
        return;
    }
    r.origin =
        r.origin != NULL ? r.origin : "http://www.example.com"; /* the default of section 17 */
    call_done(c, cstar_format_redirect(&c->out->text, &r, &err), &err);
}

const call_entry cases_scripts[] = {
    {"execute_script", execute, "script attributes" OPTIONS, NULL},
    {"console_log", console, "message level" OPTIONS, NULL},
    {"redirect", redirect, "url request_origin external allow" OPTIONS, NULL},
    {NULL, NULL, NULL, NULL},
};
