/* merge.c -- patches of signals, one on top of the other.
 *
 * A tree can't be changed, so that a merge writes text, which is read again: each patch costs as
 * much as all signals are long. The depth of trees is bounded by their reader.
 * SPDX-License-Identifier: MIT */
#include "testkit/kit.h"

static bool is_object(const cstar_json *v) {
    return v != NULL && cstar_json_typeof(v) == CSTAR_JSON_OBJECT;
}

static void put(cstar_json_writer *w, const cstar_json *base, const cstar_json *patch,
                unsigned flags);

static void put_member(cstar_json_writer *w, cstar_str key, const cstar_json *v) {
    cstar_json_put_key(w, key);
    cstar_json_put_val(w, cstar_val_tree(v));
}

static bool removes(const cstar_json *p, unsigned flags) {
    return p != NULL && cstar_json_typeof(p) == CSTAR_JSON_NULL &&
           (flags & CSTAR__MERGE_NULLS) == 0;
}

/* A member that is there already. */
static void put_old(cstar_json_writer *w, const cstar_json *old, const cstar_json *p,
                    unsigned flags) {
    const bool keep = p == NULL || ((flags & CSTAR__MERGE_IF_MISSING) != 0 && !is_object(p));
    if (keep) {
        put_member(w, cstar_json_key(old), old);
    } else if (!removes(p, flags)) {
        cstar_json_put_key(w, cstar_json_key(old));
        put(w, old, p, flags);
    }
}

static void put(cstar_json_writer *w, const cstar_json *base, const cstar_json *patch,
                unsigned flags) {
    if (!is_object(patch)) {
        cstar_json_put_val(w, cstar_val_tree(patch));
        return;
    }
    base = is_object(base) ? base : NULL;
    cstar_json_begin_object(w);
    for (const cstar_json *m = cstar_json_first(base); m != NULL; m = cstar_json_next(m)) {
        put_old(w, m, cstar_json_get_str(patch, cstar_json_key(m)), flags);
    }
    for (const cstar_json *m = cstar_json_first(patch); m != NULL; m = cstar_json_next(m)) {
        if (cstar_json_get_str(base, cstar_json_key(m)) == NULL && !removes(m, flags)) {
            cstar_json_put_key(w, cstar_json_key(m));
            put(w, NULL, m, flags);
        }
    }
    cstar_json_end_object(w);
}

cstar_status cstar__kit_merge(cstar_buf *out, const cstar_json *base, const cstar_json *patch,
                              unsigned flags) {
    cstar_json_writer w;
    cstar_json_writer_init(&w, out, 0);
    put(&w, base, patch, flags);
    return cstar_json_writer_end(&w);
}

static cstar_status merge_text(cstar_arena *a, const char *text, unsigned flags,
                               const cstar_json **all) {
    cstar_err err = {.code = CSTAR_OK};
    const cstar_json_opts opts = {.max_bytes = SIZE_MAX / 2, .max_depth = 60};
    const cstar_json *patch = cstar_json_read(a, cstar_cstr(text), &opts, &err);
    if (patch == NULL) {
        return err.code;
    }
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(a), SIZE_MAX / 2);
    const cstar_status rc = cstar__kit_merge(&b, *all, patch, flags);
    const cstar_json *merged =
        rc == CSTAR_OK ? cstar_json_read(a, cstar_buf_view(&b), &opts, &err) : NULL;
    *all = merged != NULL ? merged : *all;
    return rc != CSTAR_OK ? rc : err.code;
}

static cstar_status merge_event(cstar_arena *a, const cstar_test_sse *e, bool as_client,
                                const cstar_json **all) {
    const char *json = cstar__kit_event_value(a, e, "signals");
    const char *missing = cstar__kit_event_value(a, e, "onlyIfMissing");
    if (json == NULL || missing == NULL) {
        return CSTAR_ENOMEM;
    }
    unsigned flags = as_client ? 0 : CSTAR__MERGE_NULLS;
    flags |= as_client && strcmp(missing, "true") == 0 ? (unsigned)CSTAR__MERGE_IF_MISSING : 0;
    return merge_text(a, json, flags, all);
}

cstar_status cstar_test_merge_signals(cstar_arena *a, const cstar_test_sse *events, size_t nevents,
                                      const cstar_test_merge *how, const cstar_json **merged) {
    const cstar_json *all = how != NULL ? how->onto : NULL;
    const bool as_client = how != NULL && how->as_client;
    cstar_status rc = CSTAR_OK;
    if (all == NULL) {
        cstar_err err = {.code = CSTAR_OK};
        all = cstar_json_read(a, CSTAR_STR("{}"), NULL, &err);
        rc = err.code;
    }
    for (size_t i = 0; i < nevents && rc == CSTAR_OK; i++) {
        const char *type = events[i].type;
        if (type != NULL && strcmp(type, "datastar-patch-signals") == 0) {
            rc = merge_event(a, &events[i], as_client, &all);
        }
    }
    *merged = all;
    return rc;
}
