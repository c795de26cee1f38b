/* tasks.h -- the parts of this example: the list, a task as a component, and the two pages.
 * SPDX-License-Identifier: MIT */
#ifndef TASKS_H
#define TASKS_H

#include <cstar.h>

/* A letter is a code point of UTF-8, and so at most four bytes. */
enum { MOST_TASKS = 200, TITLE_LETTERS = 80, MOST_TITLE = 4 * TITLE_LETTERS };

typedef struct task {
    int64_t id; /* 0: none */
    bool done;
    char title[MOST_TITLE + 1];
} task;

/* ---- list.c: in memory, for all workers ---- */

/** Copies those that are `done` and have `part` in their title, oldest first. @return how many. */
size_t tasks_find(bool done, const char *part, task out[MOST_TASKS]);
/** @return false: the list is full, or the title is empty or too long. */
bool tasks_add(const char *title, task *out);
/** Changes whether it is done. @return false: it is gone. */
bool tasks_toggle(int64_t id, task *out);
bool tasks_remove(int64_t id);
void tasks_fill(void);

/* ---- task.c: a row, and what its buttons do; on both pages ---- */

void task_row(cstar_html *h, const task *t);
CSTAR_COMPONENT_DECLARE(task_component);

/* ---- pages.c ---- */

CSTAR_PAGE_DECLARE(open_page);
CSTAR_PAGE_DECLARE(done_page);
void tasks_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content);

#endif
