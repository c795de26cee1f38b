/* area_requests.c -- signals read from the parts of a request.
 * SPDX-License-Identifier: MIT */
#include "runner.h"

#include "cstar/web.h"

/* A body that some framework has parsed already, as the text it came from: {"_json": X} alone
 * stands for X, which was no object. */
static bool body_text(call *c, cstar_str *body) {
    const cstar_json *parsed = cstar_json_get(c->args, "body_params");
    if (parsed == NULL) {
        return arg_view(c, "body", body);
    }
    const cstar_json *only = cstar_json_size(parsed) == 1 ? cstar_json_get(parsed, "_json") : NULL;
    cstar_buf text;
    cstar_json_writer w;
    cstar_buf_init(&text, cstar_arena_allocator(c->arena), 0);
    cstar_json_writer_init(&w, &text, 0);
    cstar_json_put_val(&w, cstar_val_tree(only != NULL ? only : parsed));
    if (cstar_json_writer_end(&w) != CSTAR_OK) {
        call_skip(c, "body_params can't be written back");
        return false;
    }
    *body = cstar_buf_view(&text);
    return true;
}

static bool limit(call *c, size_t *max) {
    const cstar_json *v = cstar_json_get(c->args, "max_bytes");
    if (v == NULL) {
        return true;
    }
    int64_t n = cstar_json_int(v, -1);
    if (n <= 0) {
        if (n == 0 && cstar_json_typeof(v) == CSTAR_JSON_INT) {
            call_skip(c,
                      "max_bytes 0 is the default (1 000 000), as zero is in every options struct");
        } else {
            call_error(c,
                       "max_bytes: no number of bytes, which the type of the parameter rules out");
        }
        return false;
    }
    *max = (size_t)n;
    return true;
}

static void read_signals(call *c) {
    cstar_signals_source source = {.method = NULL};
    cstar_err err = {.code = CSTAR_OK};
    int status = 0;
    if (!arg_text(c, "method", &source.method) || !arg_view(c, "query", &source.query) ||
        !body_text(c, &source.body) || !limit(c, &source.max_bytes)) {
        return;
    }
    source.method = source.method != NULL ? source.method : "POST";
    const cstar_signals *signals = cstar_signals_parse(c->arena, &source, &status, &err);
    if (signals == NULL) {
        call_error(c, err.text);
        c->out->status = status;
        return;
    }
    cstar_json_writer w;
    cstar_json_writer_init(&w, &c->out->text, 0);
    cstar_json_begin_object(&w);
    cstar_json_set(&w, "signals", signals);
    cstar_json_end_object(&w);
    call_done(c, cstar_json_writer_end(&w), &err);
    c->out->kind = OUTCOME_VALUE;
}

const call_entry cases_requests[] = {
    {"read_signals", read_signals, "method query body body_params max_bytes", NULL},
    {NULL, NULL, NULL, NULL},
};
