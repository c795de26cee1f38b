/* progress.c -- how far each upload is.
 *
 * The page gets an id when it is made and sends it in a header of the upload; while that is under
 * way the page asks for the number by the same id. The ids are random, so that nobody sees or moves
 * the bar of another. The table has a fixed size: what is oldest is forgotten, and its bar stands.
 *
 * SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* getentropy */
#include "upload.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>

enum { SLOTS = 256 };

static struct {
    char id[UPLOAD_ID_SIZE];
    int percent;
} slots[SLOTS];
static size_t next;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards both: uploads have many loops */

bool progress_new_id(char id[UPLOAD_ID_SIZE]) {
    unsigned char bytes[16];
    if (getentropy(bytes, sizeof bytes) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        (void)snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    }
    return true;
}

static size_t find(cstar_str id) {
    size_t i = 0;
    while (i < SLOTS && !cstar_str_eq(cstar_cstr(slots[i].id), id)) {
        i++;
    }
    return i;
}

void progress_set(cstar_str id, uint64_t bytes, int64_t total) {
    if (id.len != UPLOAD_ID_SIZE - 1 || total <= 0) {
        return;
    }
    pthread_mutex_lock(&mutex);
    size_t i = find(id);
    if (i == SLOTS) {
        i = next++ % SLOTS;
        memcpy(slots[i].id, id.ptr, id.len);
        slots[i].id[id.len] = '\0';
    }
    slots[i].percent = (int)(bytes * 100 / (uint64_t)total);
    pthread_mutex_unlock(&mutex);
}

int progress_get(cstar_str id) {
    int percent = -1;
    if (id.len == UPLOAD_ID_SIZE - 1) {
        pthread_mutex_lock(&mutex);
        size_t i = find(id);
        percent = i < SLOTS ? slots[i].percent : -1;
        pthread_mutex_unlock(&mutex);
    }
    return percent;
}
