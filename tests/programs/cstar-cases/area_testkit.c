/* area_testkit.c -- what the test kit reads out of a body of events: as Datastar's client does.
 * SPDX-License-Identifier: MIT */
#include "runner.h"
#include "testkit/kit.h"

static bool read_events(call *c, const char *name, const cstar_test_sse **events, size_t *n) {
    cstar_str body;
    if (!arg_view(c, name, &body)) {
        return false;
    }
    const cstar_err err = {.code = CSTAR_OK};
    const cstar_status rc = cstar_test_parse_events(c->arena, body, events, n);
    if (rc != CSTAR_OK) {
        call_done(c, rc, &err);
    }
    return rc == CSTAR_OK;
}

static void put_event(cstar_json_writer *w, const cstar_test_sse *e) {
    cstar_json_begin_object(w);
    cstar_json_put_key(w, CSTAR_STR("type"));
    cstar_json_put_val(w, e->type != NULL ? cstar_val_cstr(e->type) : cstar_null());
    cstar_json_put_key(w, CSTAR_STR("data"));
    cstar_json_begin_array(w);
    for (size_t i = 0; i < e->ndata; i++) {
        cstar_json_put_val(w, cstar_val_str(e->data[i]));
    }
    cstar_json_end_array(w);
    cstar_json_end_object(w);
}

static void sse_events(call *c) {
    const cstar_test_sse *events = NULL;
    size_t n = 0;
    cstar_json_writer w;
    if (!read_events(c, "body", &events, &n)) {
        return;
    }
    cstar_json_writer_init(&w, &c->out->text, 0);
    cstar_json_begin_object(&w);
    cstar_json_put_key(&w, CSTAR_STR("events"));
    cstar_json_begin_array(&w);
    for (size_t i = 0; i < n; i++) {
        put_event(&w, &events[i]);
    }
    cstar_json_end_array(&w);
    cstar_json_end_object(&w);
    c->out->kind = OUTCOME_VALUE;
}

static void patched_signals(call *c) {
    const cstar_test_sse *events = NULL;
    const cstar_json *merged = NULL;
    size_t n = 0;
    cstar_json_writer w;
    if (!read_events(c, "body", &events, &n)) {
        return;
    }
    const cstar_err err = {.code = CSTAR_OK};
    const cstar_status rc = cstar_test_merge_signals(c->arena, events, n, NULL, &merged);
    if (rc != CSTAR_OK) {
        call_done(c, rc, &err);
        return;
    }
    cstar_json_writer_init(&w, &c->out->text, 0);
    cstar_json_begin_object(&w);
    cstar_json_put_key(&w, CSTAR_STR("signals"));
    cstar_json_put_val(&w, cstar_val_tree(merged));
    cstar_json_end_object(&w);
    c->out->kind = OUTCOME_VALUE;
}

/* ---- as the client dispatches them: lines grouped by their first word ---- */

static cstar_str first_word(cstar_str line) {
    const char *space = line.len != 0 ? memchr(line.ptr, ' ', line.len) : NULL;
    return space != NULL ? cstar_view(line.ptr, (size_t)(space - line.ptr)) : line;
}

/* Whether a line before the i-th has its word. */
static bool is_repeated(const cstar_test_sse *e, size_t i) {
    for (size_t j = 0; j < i; j++) {
        if (cstar_str_eq(first_word(e->data[j]), first_word(e->data[i]))) {
            return true;
        }
    }
    return false;
}

static void put_dispatched(call *c, cstar_json_writer *w, const cstar_test_sse *e) {
    cstar_json_begin_array(w);
    cstar_json_put_val(w, cstar_val_cstr(e->type));
    cstar_json_begin_object(w);
    for (size_t i = 0; i < e->ndata; i++) {
        const char *key = cstar_arena_strdup(c->arena, first_word(e->data[i]));
        if (key != NULL && !is_repeated(e, i)) {
            cstar_json_put_key(w, cstar_cstr(key));
            cstar_json_put_val(w, cstar_val_cstr(cstar__kit_event_value(c->arena, e, key)));
        }
    }
    cstar_json_end_object(w);
    cstar_json_end_array(w);
}

/* `chunking` says how the bytes come: the kit has them all. */
static void client_parse(call *c) {
    const cstar_test_sse *events = NULL;
    size_t n = 0;
    cstar_json_writer w;
    if (!read_events(c, "stream", &events, &n)) {
        return;
    }
    cstar_json_writer_init(&w, &c->out->text, 0);
    cstar_json_begin_object(&w);
    cstar_json_put_key(&w, CSTAR_STR("dispatched"));
    cstar_json_begin_array(&w);
    for (size_t i = 0; i < n; i++) {
        if (events[i].type != NULL && strncmp(events[i].type, "datastar-", 9) == 0) {
            put_dispatched(c, &w, &events[i]);
        }
    }
    cstar_json_end_array(&w);
    cstar_json_end_object(&w);
    c->out->kind = OUTCOME_VALUE;
}

const call_entry cases_testkit[] = {
    {"client_parse", client_parse, "stream chunking", NULL},
    {"test_sse_events", sse_events, "body", NULL},
    {"test_patched_signals", patched_signals, "body", NULL},
    {NULL, NULL, NULL, NULL},
};
