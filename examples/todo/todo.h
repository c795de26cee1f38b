/* todo.h -- the parts of the example.
 * SPDX-License-Identifier: MIT */
#ifndef TODO_H
#define TODO_H

#include <cstar.h>

/* ---- store.c: may be called on any thread ---- */

/* A letter is a code point of UTF-8, and so at most four bytes. */
enum { PAGE_ROWS = 8, TITLE_LETTERS = 80, MOST_TITLE = 4 * TITLE_LETTERS, MOST_ITEMS = 1000 };

typedef struct item {
    int64_t id;
    bool done;
    char title[MOST_TITLE + 1];
} item;

/* What somebody wants to see. */
typedef struct question {
    const char *filter; /* "open", "done", else all */
    const char *sort;   /* "title", "oldest", else newest */
    const char *search; /* part of a title; "": any */
    int64_t page;       /* from 1; beyond the last: the last */
} question;

typedef struct answer {
    item rows[PAGE_ROWS];
    int nrows;
    int64_t page, pages;
    int64_t found; /* on all pages */
    int64_t open;  /* in the whole list */
} answer;

bool store_open(const char *path);
void store_close(void);
/** As the list was at one moment. Does not wait for writers. */
bool store_find(const question *q, answer *out);

/* These wait for the disk. @return false: it could not be done. */
bool store_add(const char *title);
bool store_toggle(int64_t id);
bool store_remove(int64_t id);
bool store_remove_done(void);

/* ---- page.c ---- */

CSTAR_PAGE_DECLARE(todo_page);

#endif
