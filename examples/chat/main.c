/* chat -- rooms in which people talk. What to look at:
 *
 *     main.c      topics: "room:*" keeps the last patches, for tabs that come back; of those with a
 *                 key (who is typing, how many are here) the newest alone
 *     visitor.c   who is talking: a name in the session, and the session's id; every stream of a
 *                 visitor is keyed by that, so that nobody can end another one's
 *     rooms.c     what is said, and who is here: changes it and tells it under one lock
 *     pages.c     the lobby and a room: render, connect, disconnect, events
 *
 * A message is rendered once, by whoever says it, and appended in every tab by
 * cstar_publish_patch(). A tab whose connection breaks comes back and gets exactly what it has
 * missed; if that is too much, or it is new, `connect` sends all that the room remembers. That
 * somebody is typing is a patch with a key: to a slow reader only the newest is sent. Events answer
 * also while the stream is down: what one says is said.
 *
 *     chat                                     then open http://127.0.0.1:8080 in two windows
 *     CHAT_SECRET=$(openssl rand -base64 32) chat        sessions outlive the process
 *
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <assets.h>

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    cstar_sessions(app, .secrets_env = "CHAT_SECRET");
    cstar_csp(app, CSTAR_CSP_STRICT);
    cstar_app_layout(app, chat_layout);
    cstar_topic(app, "room:*", .replay_count = 300, .replay_latest = true);
    cstar_page(app, "/", &lobby_page);
    cstar_page(app, "/room/:room", &room_page);
    cstar_route(app, CSTAR_POST, "/name", visitor_name_post);
    cstar_static_embedded(app, "/assets", &assets);
    return cstar_main(app, argc, argv);
}
