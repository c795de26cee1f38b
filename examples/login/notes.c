/* notes.c -- the page behind the door. Which notes are left is in the session: a bit for each.
 * SPDX-License-Identifier: MIT */
#include "login.h"

static const struct note {
    const char *title, *text;
} notes[] = {
    {"Garden", "The beans want a taller pole, and the snails want fewer beans."},
    {"Bicycle", "Squeaks on the left. Oil first, look for the cause after."},
    {"Milk", "And bread, if there is any left."},
};

enum { NOTES = sizeof notes / sizeof *notes };

/* ---- who may ---- */

/* A page asks at the door; its events, which come later and from anywhere, ask again. */
static void mount(cstar_conn *conn) {
    cstar_assign(conn, "page_title", "Notes");
    if (login_name(conn) == NULL) {
        cstar_flash(conn, "bad", "Log in to see your notes.");
        cstar_redirect_to(conn, 303, "/");
    }
}

static void authorize(cstar_conn *conn, const char *event) {
    if (login_name(conn) == NULL) {
        cstar_respond_text(conn, 401, "Log in first");
    }
}

/* ---- the list ---- */

static void put_note(cstar_html *h, int i) {
    cstar_put(h,
              "<li id='note-{}' class='card'><h2>{}</h2><p>{}</p>"
              "<button class='quiet' aria-label='Delete {}' "
              "data-on:click='confirm(\"Delete this note?\") && {}'>Delete</button></li>",
              i, notes[i].title, notes[i].text, notes[i].title,
              cstar_event("drop", .arg = CSTAR_VAL(i), .verb = CSTAR_DELETE));
}

static int64_t kept(cstar_conn *conn) { return cstar_session_int(conn, "notes", 0); }

static void put_count(cstar_conn *conn, cstar_html *h) {
    int n = 0;
    for (int i = 0; i < NOTES; i++) {
        n += (kept(conn) >> i & 1) != 0;
    }
    cstar_put(h, "<p id='count' class='hint' role='status'>{} of {} notes</p>", n, (int)NOTES);
}

static void render(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<h1>Notes</h1>");
    put_count(conn, h);
    cstar_put(h, "<ul>");
    for (int i = 0; i < NOTES; i++) {
        if ((kept(conn) >> i & 1) != 0) {
            put_note(h, i);
        }
    }
    cstar_put(h, "</ul>");
}

static void drop(cstar_conn *conn, const cstar_signals *in) {
    int64_t i;
    char selector[16] = "#note-0";
    if (!cstar_event_arg_int(conn, &i) || i < 0 || i >= NOTES) {
        return;
    }
    cstar_session_set(conn, "notes", kept(conn) & ~((int64_t)1 << i));
    selector[6] = (char)('0' + i);
    cstar_remove_elements(conn, selector);
    cstar_patch(conn, h) {
        put_count(conn, h);
    }
}

CSTAR_PAGE(notes_page, .mount = mount, .authorize = authorize, .render = render,
           .events = CSTAR_EVENTS({"DELETE drop", drop}));
