/* rooms.c -- what is said in a room, and how many are in it.
 *
 * The lock of a room is held while something changes and while that is published. So whoever enters
 * (subscribes and reads, under the same lock) sees each message once: in what the room remembers,
 * or as a patch, and never in neither or both. Publishing waits for nobody, so the lock is short.
 *
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <stdio.h>

#define ROOM(path_, title_, about_)                                                                \
    {                                                                                              \
        .path = (path_), .title = (title_), .about = (about_), .topic = "room:" path_,             \
        .lock = PTHREAD_MUTEX_INITIALIZER                                                          \
    }

static room rooms[] = {
    ROOM("garden", "Garden", "Beans, bees, and what the snails left over"),
    ROOM("kitchen", "Kitchen", "Something is always on the stove"),
    ROOM("workshop", "Workshop", "Measure twice, ask once"),
};

room *room_find(const char *path) {
    room *r = room_next(NULL);
    while (r != NULL && strcmp(r->path, path) != 0) {
        r = room_next(r);
    }
    return r;
}

room *room_next(const room *r) {
    const size_t i = r != NULL ? (size_t)(r - rooms) + 1 : 0;
    return i < sizeof rooms / sizeof *rooms ? &rooms[i] : NULL;
}

/* ---- markup; under the lock ---- */

static void put_message(cstar_html *h, const message *m) {
    cstar_put(h, "<li id='m-{}' data-class:mine='$me == {}'><b>{}</b><p>{}</p></li>", m->n,
              m->author, m->name, m->text);
}

static void put_messages(cstar_html *h, const room *r) {
    cstar_put(h, "<ol id='messages' role='log' aria-label='Messages'>");
    for (int64_t n = r->said > REMEMBERED ? r->said - REMEMBERED : 0; n < r->said; n++) {
        put_message(h, &r->messages[n % REMEMBERED]);
    }
    cstar_put(h, "</ol>");
}

static void put_count(cstar_html *h, const room *r) {
    cstar_put(h, "<span id='here-{}' class='count'>{} here</span>", r->path, r->here);
}

void room_put_messages(cstar_html *h, room *r) {
    (void)pthread_mutex_lock(&r->lock);
    put_messages(h, r);
    (void)pthread_mutex_unlock(&r->lock);
}

void room_put_count(cstar_html *h, room *r) {
    (void)pthread_mutex_lock(&r->lock);
    put_count(h, r);
    (void)pthread_mutex_unlock(&r->lock);
}

/* ---- coming and going ---- */

/* The room shows it, and so does the lobby. Only the last word counts, hence the key. */
static void tell_count(cstar_app *app, const room *r) {
    const char *const topics[] = {r->topic, "lobby"};
    for (size_t i = 0; i < 2; i++) {
        cstar_publish_patch(app, topics[i], h, .key = r->path) { put_count(h, r); }
    }
}

void room_enter(cstar_conn *conn, room *r) {
    (void)pthread_mutex_lock(&r->lock);
    cstar_subscribe(conn, r->topic);
    if (!cstar_resumed(conn)) {
        cstar_patch(conn, h) {
            put_messages(h, r);
        }
    }
    r->here++;
    tell_count(cstar_app_of(conn), r);
    (void)pthread_mutex_unlock(&r->lock);
}

void room_leave(cstar_conn *conn, room *r) {
    (void)pthread_mutex_lock(&r->lock);
    r->here--;
    tell_count(cstar_app_of(conn), r);
    (void)pthread_mutex_unlock(&r->lock);
}

/* ---- talking ---- */

void room_say(cstar_conn *conn, room *r, const char *text) {
    cstar_app *app = cstar_app_of(conn);
    (void)pthread_mutex_lock(&r->lock);
    message *m = &r->messages[r->said++ % REMEMBERED];
    m->n = r->said;
    (void)snprintf(m->author, sizeof m->author, "%s", visitor_id(conn));
    (void)snprintf(m->name, sizeof m->name, "%s", visitor_name(conn));
    (void)snprintf(m->text, sizeof m->text, "%s", text);
    cstar_publish_patch(app, r->topic, h, .selector = "#messages", .mode = CSTAR_APPEND) {
        put_message(h, m);
    }
    cstar_publish_signal(app, r->topic, "_typing", "", .key = "typing");
    (void)pthread_mutex_unlock(&r->lock);
}

/* `_typing`: a signal of the page's own, which it does not send back. */
void room_is_typing(cstar_conn *conn, room *r) {
    cstar_publish_signal(cstar_app_of(conn), r->topic, "_typing", visitor_name(conn),
                         .key = "typing");
}
