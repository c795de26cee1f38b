/* area_sse.c -- events as such.
 * SPDX-License-Identifier: MIT */
#include "runner.h"

#include "cstar/wire.h"

static bool add_event(call *c) {
    cstar_sse_event e = {.type = NULL};
    cstar_str *lines = NULL;
    cstar_err err = {.code = CSTAR_OK};
    if (!arg_text(c, "type", &e.type) || !arg_views(c, "data", &lines, &e.nlines) ||
        !arg_event(c, &e.event_id, &e.retry)) {
        return false;
    }
    e.lines = lines;
    call_done(c, cstar_format_event(&c->out->text, &e, &err), &err);
    return c->out->kind == OUTCOME_BYTES;
}

static void send_event(call *c) { (void)add_event(c); }

/* All events or none: a failure in the middle is a failure of the whole. */
static void send_sequence(call *c) {
    const cstar_json *events = cstar_json_get(c->args, "events");
    for (const cstar_json *e = cstar_json_first(events); e != NULL; e = cstar_json_next(e)) {
        outcome one = {.kind = OUTCOME_NONE};
        cstar_buf_init(&one.text, cstar_arena_allocator(c->arena), 0);
        if (!add_event(&(call){.args = e, .arena = c->arena, .out = &one})) {
            c->out->text.len = 0;
            c->out->kind = one.kind;
            memcpy(c->out->why, one.why, sizeof one.why);
            return;
        }
        cstar_buf_str(&c->out->text, cstar_buf_view(&one.text));
    }
    call_done(c, cstar_buf_status(&c->out->text), &(cstar_err){.text = "out of memory"});
}

const call_entry cases_sse[] = {
    {"send_event", send_event, "type data event_id retry retry_duration", NULL},
    {"format_event", send_event, "type data event_id retry retry_duration", NULL},
    {"send_sequence", send_sequence, "events", NULL},
    {NULL, NULL, NULL, NULL},
};
