/* area_signals.c -- signal patches and nudges.
 * SPDX-License-Identifier: MIT */
#include "runner.h"

#include "cstar/wire.h"

#define OPTIONS " only_if_missing event_id retry retry_duration"

static bool options(call *c, cstar_signals_patch *s) {
    *s = (cstar_signals_patch){.json = NULL};
    return arg_bool(c, "only_if_missing", &s->only_if_missing) &&
           arg_event(c, &s->event_id, &s->retry);
}

static void patch(call *c) {
    cstar_signals_patch s;
    cstar_err err = {.code = CSTAR_OK};
    if (options(c, &s)) {
        s.value = cstar_json_get(c->args, "signals");
        call_done(c, cstar_format_patch_signals(&c->out->text, &s, &err), &err);
    }
}

static void raw(call *c) {
    cstar_signals_patch s;
    cstar_err err = {.code = CSTAR_OK};
    if (options(c, &s) && arg_view(c, "json", &s.json_str)) {
        call_done(c, cstar_format_patch_signals(&c->out->text, &s, &err), &err);
    }
}

static void remove_all(call *c) {
    cstar_signals_patch s;
    cstar_err err = {.code = CSTAR_OK};
    cstar_str *paths = NULL;
    size_t n = 0;
    if (options(c, &s) && arg_views(c, "paths", &paths, &n)) {
        call_done(c, cstar_format_remove_signals(&c->out->text, paths, n, &s, c->arena, &err),
                  &err);
    }
}

static void nudge_key(call *c) {
    cstar_str key;
    cstar_err err = {.code = CSTAR_OK};
    if (arg_view(c, "key", &key)) {
        cstar_status rc = cstar_nudge_key_check(key, &err);
        if (rc == CSTAR_OK) {
            cstar_buf_str(&c->out->text, key);
        }
        call_done(c, rc, &err);
    }
}

static void nudge(call *c) {
    cstar_signals_patch s;
    cstar_str key;
    cstar_err err = {.code = CSTAR_OK};
    cstar_ticker ticker = {0};
    if (options(c, &s) && arg_view(c, "key", &key)) {
        call_done(c, cstar_format_nudge(&c->out->text, key, cstar_ticker_next(&ticker), &s, &err),
                  &err);
    }
}

const call_entry cases_signals[] = {
    {"patch_signals", patch, "signals" OPTIONS, NULL},
    {"patch_signals_raw", raw, "json" OPTIONS, NULL},
    {"remove_signals", remove_all, "paths" OPTIONS, NULL},
    {"nudge_key", nudge_key, "key", NULL},
    {"nudge", nudge, "key" OPTIONS, NULL},
    {NULL, NULL, NULL, NULL},
};
