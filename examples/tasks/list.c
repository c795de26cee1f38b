/* list.c -- the tasks, in memory: workers take turns at one lock.
 * SPDX-License-Identifier: MIT */
#include "tasks.h"

#include <ctype.h>
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static task list[MOST_TASKS];
static size_t ntasks;
static int64_t last_id;

/* Whether `part` is somewhere in `text`, whatever the case of ASCII letters. */
static bool contains(const char *text, const char *part) {
    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (part[i] != '\0' &&
               tolower((unsigned char)text[i]) == tolower((unsigned char)part[i])) {
            i++;
        }
        if (part[i] == '\0') {
            return true;
        }
    }
    return part[0] == '\0';
}

size_t tasks_find(bool done, const char *part, task out[MOST_TASKS]) {
    size_t n = 0;
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < ntasks; i++) {
        if (list[i].done == done && contains(list[i].title, part)) {
            out[n++] = list[i];
        }
    }
    (void)pthread_mutex_unlock(&lock);
    return n;
}

/* Each letter has one byte that does not go on with another one. */
static size_t letters(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return n;
}

bool tasks_add(const char *title, task *out) {
    const size_t len = strlen(title);
    if (len == 0 || len > MOST_TITLE || letters(title) > TITLE_LETTERS) {
        return false;
    }
    (void)pthread_mutex_lock(&lock);
    const bool room = ntasks < MOST_TASKS;
    if (room) {
        task *t = &list[ntasks++];
        *t = (task){.id = ++last_id};
        memcpy(t->title, title, len + 1);
        *out = *t;
    }
    (void)pthread_mutex_unlock(&lock);
    return room;
}

/* Under the lock. */
static task *find(int64_t id) {
    for (size_t i = 0; i < ntasks; i++) {
        if (list[i].id == id) {
            return &list[i];
        }
    }
    return NULL;
}

bool tasks_toggle(int64_t id, task *out) {
    (void)pthread_mutex_lock(&lock);
    task *t = find(id);
    if (t != NULL) {
        t->done = !t->done;
        *out = *t;
    }
    (void)pthread_mutex_unlock(&lock);
    return t != NULL;
}

bool tasks_remove(int64_t id) {
    (void)pthread_mutex_lock(&lock);
    task *t = find(id);
    if (t != NULL) {
        ntasks--;
        memmove(t, t + 1, (size_t)(&list[ntasks] - t) * sizeof *t);
    }
    (void)pthread_mutex_unlock(&lock);
    return t != NULL;
}

void tasks_fill(void) {
    static const char *const titles[] = {"Water the plants", "Read the data sheet", "Order a pump",
                                         "Measure the current", "Write it down"};
    task t;
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        if (tasks_add(titles[i], &t) && i == 4) {
            (void)tasks_toggle(t.id, &t);
        }
    }
}
