/* people.c -- who is here: a visitor is, while at least one of their streams is open.
 *
 * The lock is held until the change is published: else an older list could be the last one that
 * people see.
 *
 * SPDX-License-Identifier: MIT */
#include "auction.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 30 };

typedef struct person {
    char id[ID_SIZE], name[MOST_NAME + 1];
    int streams;
} person;

/* What a stream remembers. */
typedef struct seat {
    char id[ID_SIZE]; /* as whom it was counted; "": as nobody */
} seat;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows */
static person *people; /* in the order in which they came; not more than there are streams */
static size_t npeople, space;

/* ---- under the lock ---- */

static person *find(const char *id) {
    for (size_t i = 0; i < npeople; i++) {
        if (strcmp(people[i].id, id) == 0) {
            return &people[i];
        }
    }
    return NULL;
}

/* @return false: out of memory. */
static bool have_space(void) {
    if (npeople < space) {
        return true;
    }
    const size_t more = space != 0 ? 2 * space : 64;
    person *grown = realloc(people, more * sizeof *grown);
    if (grown != NULL) {
        people = grown;
        space = more;
    }
    return grown != NULL;
}

/* All of them, however few are shown: else somebody's second tab could be taken for their only
 * one. */
static person *add(const char *id, const char *name) {
    if (!have_space()) {
        return NULL;
    }
    person *p = &people[npeople++];
    *p = (person){.streams = 0};
    (void)snprintf(p->id, sizeof p->id, "%s", id);
    (void)snprintf(p->name, sizeof p->name, "%s", name);
    return p;
}

static void put(cstar_html *h) {
    cstar_put(h, "<ul id='people' aria-label='Who is here'>");
    for (size_t i = 0; i < npeople && i < SHOWN; i++) {
        cstar_put(h, "<li id='person-{}' data-class:me='$me == {}'>{}</li>", people[i].id,
                  people[i].id, people[i].name);
    }
    if (npeople > SHOWN) {
        cstar_put(h, "<li>and {} more</li>", npeople - SHOWN);
    }
    cstar_put(h, "</ul>");
}

static void publish(cstar_app *app) {
    cstar_publish_patch(app, AUCTION_TOPIC, h, .key = "people") { put(h); }
}

/* ---- for the page ---- */

void people_put(cstar_html *h) {
    (void)pthread_mutex_lock(&lock);
    put(h);
    (void)pthread_mutex_unlock(&lock);
}

void people_come(cstar_conn *conn) {
    seat *s = cstar_state(conn, seat);
    if (s == NULL) {
        return; /* out of memory: the stream goes on */
    }
    (void)pthread_mutex_lock(&lock);
    person *p = find(visitor_id(conn));
    p = p != NULL ? p : add(visitor_id(conn), visitor_name(conn));
    if (p != NULL) {
        memcpy(s->id, p->id, sizeof s->id);
        p->streams++;
        publish(cstar_app_of(conn));
    }
    (void)pthread_mutex_unlock(&lock);
}

/* Who was not counted in, for whatever reason, is not counted out. */
void people_go(cstar_conn *conn) {
    const seat *s = cstar_state(conn, seat);
    (void)pthread_mutex_lock(&lock);
    person *p = s != NULL ? find(s->id) : NULL;
    if (p != NULL && --p->streams == 0) {
        npeople--;
        memmove(p, p + 1, (size_t)(people + npeople - p) * sizeof *p);
        publish(cstar_app_of(conn));
    }
    (void)pthread_mutex_unlock(&lock);
}
