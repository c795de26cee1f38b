/* area_testkit.c -- what the test kit reads out of a body of events.
 * SPDX-License-Identifier: MIT */
#include "runner.h"

#include "cstar/test.h"

static bool read_events(call *c, const cstar_test_sse **events, size_t *n) {
    cstar_str body;
    if (!arg_view(c, "body", &body)) {
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
    if (!read_events(c, &events, &n)) {
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
    if (!read_events(c, &events, &n)) {
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

const call_entry cases_testkit[] = {
    {"test_sse_events", sse_events, "body", NULL},
    {"test_patched_signals", patched_signals, "body", NULL},
    {NULL, NULL, NULL, NULL},
};
