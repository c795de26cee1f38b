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
#include <stdlib.h>

/* "toggle:17" */
static void event_name(char out[40], const char *what, int64_t id) {
    (void)snprintf(out, 40, "%s:%" PRId64, what, id);
}

void task_row(cstar_html *h, const task *t) {
    char toggle[40];
    char drop[40];
    event_name(toggle, "toggle", t->id);
    event_name(drop, "remove", t->id);
    const cstar_expr remove = cstar_component_event("task", drop, .verb = CSTAR_DELETE);
    cstar_put(
        h, "<li id='task-{}'><button class='check' aria-label='{}' data-on:click='{}'>{}</button>",
        t->id, t->done ? "Open again" : "Done", cstar_component_event("task", toggle),
        t->done ? "\xe2\x86\xa9" : "\xe2\x9c\x93");
    cstar_put(h, "<span>{}</span>", t->title);
    cstar_put(h,
              "<button class='remove' aria-label='Remove' "
              "data-on:click='confirm(\"Remove it?\") && {}'>\xc3\x97</button></li>",
              remove);
}

/* The number behind the colon; 0 if there is none. */
static int64_t id_of(const cstar_conn *conn) {
    const char *colon = strchr(cstar_event_name(conn), ':');
    char *end = NULL;
    const long long id = colon != NULL ? strtoll(colon + 1, &end, 10) : 0;
    return colon != NULL && *end == '\0' && id > 0 ? id : 0;
}

static void take_row_away(cstar_conn *conn, int64_t id) {
    char selector[40];
    (void)snprintf(selector, sizeof selector, "#task-%" PRId64, id);
    cstar_remove_elements(conn, selector);
}

static void toggle(cstar_conn *conn, const cstar_signals *in) {
    task t;
    (void)in;
    if (tasks_toggle(id_of(conn), &t)) {
        cstar_signal(conn, "said", t.done ? "Done." : "Open again.");
    }
    take_row_away(conn, id_of(conn)); /* it is on the other page now */
}

static void drop(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_signal(conn, "said", tasks_remove(id_of(conn)) ? "Removed." : "It was gone already.");
    take_row_away(conn, id_of(conn));
}

CSTAR_COMPONENT(task_component, .name = "task",
                .events = CSTAR_EVENTS({"toggle:*", toggle}, {"remove:*", drop}));
