/* task.c -- one task as a component: its row, and the events of its buttons. Both pages show rows,
 * and neither knows what they do.
 *
 * A row that is gone in this tab (somebody else has removed it) is removed here too: the answer says
 * what is, whatever the tab believed.
 *
 * SPDX-License-Identifier: MIT */
#include "tasks.h"

#include <inttypes.h>
#include <stdio.h>

void task_row(cstar_html *h, const task *t) {
    const cstar_val id = CSTAR_VAL(t->id);
    cstar_put(
        h,
        "<li id='task-{}'><button class='check' aria-label='{}: {}' data-on:click='{}'>{}</button>",
        t->id, t->done ? "Open again" : "Done", t->title,
        cstar_component_event("task", "toggle", .arg = id),
        t->done ? "\xe2\x86\xa9" : "\xe2\x9c\x93");
    cstar_put(h, "<span>{}</span>", t->title);
    cstar_put(h,
              "<button class='remove' aria-label='Remove {}' "
              "data-on:click='confirm(\"Remove it?\") && {}'>\xc3\x97</button></li>",
              t->title, cstar_component_event("task", "remove", .arg = id, .verb = CSTAR_DELETE));
}

static void take_row_away(cstar_conn *conn, int64_t id) {
    char selector[40];
    (void)snprintf(selector, sizeof selector, "#task-%" PRId64, id);
    cstar_remove_elements(conn, selector);
}

static void toggle(cstar_conn *conn, const cstar_signals *in) {
    task t;
    int64_t id;
    (void)in;
    if (!cstar_event_arg_int(conn, &id)) {
        return; /* no row of ours sends this */
    }
    if (tasks_toggle(id, &t)) {
        cstar_signal(conn, "said", t.done ? "Done." : "Open again.");
    }
    take_row_away(conn, id); /* it is on the other page now */
}

static void drop(cstar_conn *conn, const cstar_signals *in) {
    int64_t id;
    (void)in;
    if (!cstar_event_arg_int(conn, &id)) {
        return;
    }
    cstar_signal(conn, "said", tasks_remove(id) ? "Removed." : "It was gone already.");
    take_row_away(conn, id);
}

CSTAR_COMPONENT(task_component, .name = "task",
                .events = CSTAR_EVENTS({"toggle", toggle}, {"DELETE remove", drop}));
