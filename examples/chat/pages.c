/* pages.c -- the lobby, and a room.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

/* ---- the lobby ---- */

static void mount_lobby(cstar_conn *conn) { cstar_assign(conn, "page_title", "Chat"); }

static void put_rooms(cstar_html *h) {
    cstar_put(h, "<ul id='rooms'>");
    for (room *r = room_next(NULL); r != NULL; r = room_next(r)) {
        cstar_put(h, "<li><a href='/room/{}'><b>{}</b><span>{}</span></a>", r->path, r->title,
                  r->about);
        room_put_count(h, r);
        cstar_put(h, "</li>");
    }
    cstar_put(h, "</ul>");
}

static void render_lobby(cstar_conn *conn, cstar_html *h) {
    const char *name = visitor_name(conn);
    if (name == NULL) {
        cstar_put(h, "<section class='card'><h1>Come in</h1><p class='hint'>Three rooms, and "
                     "somebody in each of them, perhaps.</p>");
    } else {
        cstar_put(h, "<section class='card' data-init='{}'><h1>Hello, {}</h1>", cstar_connect(),
                  name);
        put_rooms(h);
    }
    visitor_put_form(conn, h);
    cstar_put(h, "</section>");
}

static void connect_lobby(cstar_conn *conn, const cstar_signals *in) {
    cstar_subscribe(conn, "lobby");
    cstar_patch(conn, h) {
        put_rooms(h);
    }
}

CSTAR_PAGE(lobby_page, .mount = mount_lobby, .render = render_lobby, .connect = connect_lobby,
           .stream_key = cstar_session_id);

/* ---- a room ---- */

static room *room_of(cstar_conn *conn) { return room_find(cstar_param(conn, "room")); }

static void mount_room(cstar_conn *conn) {
    const room *r = room_of(conn);
    if (r == NULL) {
        cstar_fail(conn, 404);
    } else if (visitor_name(conn) == NULL) {
        cstar_flash(conn, "bad", "Say who you are first.");
        cstar_redirect_to(conn, 303, "/");
    } else {
        cstar_assign(conn, "page_title", r->title);
        cstar_signal(conn, "me", visitor_id(conn));
        cstar_signal(conn, "name", visitor_name(conn));
        cstar_signal(conn, "text", "");
        cstar_signal(conn, "said", "");
        cstar_signal(conn, "_typing", "");
    }
}

/* Of events and the stream: the room and the visitor that the callbacks count on. */
static void authorize_room(cstar_conn *conn, const char *event) {
    if (room_of(conn) == NULL) {
        cstar_fail(conn, 404);
    } else if (visitor_name(conn) == NULL) {
        cstar_respond_text(conn, 401, "Say who you are first");
    }
}

/* Who types is forgotten after four seconds without another word of it. */
static void put_typing(cstar_html *h) {
    cstar_put(h, "<p class='typing' data-on-signal-patch__debounce.4s='$_typing = \"\"' "
                 "data-on-signal-patch-filter='{include: /^_typing$/}' "
                 "data-text='$_typing && $_typing != $name ? $_typing + \" is typing …\" : \"\"'>"
                 "</p>");
}

static void render_room(cstar_conn *conn, cstar_html *h) {
    room *r = room_of(conn);
    cstar_put(h,
              "<section class='card room' data-signals='{}' data-init='{}'><div class='top'>"
              "<h1>{}</h1>",
              cstar_init_signals(conn), cstar_connect(), r->title);
    room_put_count(h, r);
    cstar_put(h, "</div><div class='scroll' tabindex='0' aria-label='What was said'>");
    room_put_messages(h, r);
    cstar_put(h, "</div>");
    put_typing(h);
    cstar_put(
        h,
        "<form class='say' data-on:submit='{}'><label class='unseen' for='text'>Message"
        "</label><input id='text' data-bind:text maxlength='400' autocomplete='off' autofocus "
        "placeholder='Say something' data-on:input__throttle.1500ms='$text && {}'>"
        "<button class='main'>Send</button></form>"
        "<p class='said' role='status' data-text='$said'></p></section>",
        cstar_event("say"), cstar_event("typing"));
}

static void connect_room(cstar_conn *conn, const cstar_signals *in) {
    room_enter(conn, room_of(conn));
}

static void disconnect_room(cstar_conn *conn) { room_leave(conn, room_of(conn)); }

/* The message comes to this tab as it comes to all others, by the stream; if that is down, when it
 * is back. */
static void say(cstar_conn *conn, const cstar_signals *in) {
    const char *text = cstar_signals_str(in, "text", "");
    if (text[strspn(text, " ")] == '\0' || letters(text) > TEXT_LETTERS) {
        cstar_signal(conn, "said", "A message has 1 to 400 letters.");
        return;
    }
    room_say(conn, room_of(conn), text);
    cstar_signal(conn, "text", "");
    cstar_signal(conn, "said",
                 cstar_tab(conn) != NULL ? "" : "Sent. You see it when you are connected again.");
}

static void typing(cstar_conn *conn, const cstar_signals *in) {
    room_is_typing(conn, room_of(conn));
}

CSTAR_PAGE(room_page, .mount = mount_room, .authorize = authorize_room, .render = render_room,
           .connect = connect_room, .disconnect = disconnect_room, .stream_key = cstar_session_id,
           .events = CSTAR_EVENTS({"say", say}, {"typing", typing}));
