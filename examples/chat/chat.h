/* chat.h -- the parts of the example.
 * SPDX-License-Identifier: MIT */
#ifndef CHAT_H
#define CHAT_H

#include <cstar.h>

#include <pthread.h>

/* A letter is a code point of UTF-8, and so at most four bytes. */
enum {
    NAME_LETTERS = 24,
    MOST_NAME = 4 * NAME_LETTERS,
    TEXT_LETTERS = 400,
    MOST_TEXT = 4 * TEXT_LETTERS,
    REMEMBERED = 100
};

/* ---- visitor.c ---- */

/** What the visitor calls themselves; NULL: nothing yet. */
const char *visitor_name(cstar_conn *conn);
/** Never the same for two of them; "" only without memory. */
const char *visitor_id(cstar_conn *conn);
void visitor_name_post(cstar_conn *conn);
void visitor_put_form(cstar_conn *conn, cstar_html *h);
/** How many letters a text has. */
size_t letters(const char *text);

/* ---- rooms.c ---- */

typedef struct message {
    int64_t n; /* counts from 1 in each room */
    char author[24], name[MOST_NAME + 1], text[MOST_TEXT + 1];
} message;

typedef struct room {
    const char *path, *title, *about, *topic;
    pthread_mutex_t lock; /* of what follows */
    int here;             /* streams */
    int64_t said;         /* messages, ever */
    message messages[REMEMBERED];
} room;

/** NULL: there is none of that name. */
room *room_find(const char *path);
/** All of them, in order: `r` NULL gives the first; NULL: there is no further one. */
room *room_next(const room *r);

/** Subscribes, and sends what the tab does not have; everybody hears how many are here. */
void room_enter(cstar_conn *conn, room *r);
void room_leave(cstar_conn *conn, room *r);
void room_say(cstar_conn *conn, room *r, const char *text);
void room_is_typing(cstar_conn *conn, room *r);

void room_put_messages(cstar_html *h, room *r);
void room_put_count(cstar_html *h, room *r);

/* ---- pages.c, layout.c ---- */

CSTAR_PAGE_DECLARE(lobby_page);
CSTAR_PAGE_DECLARE(room_page);
void chat_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content);

#endif
