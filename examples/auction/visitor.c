/* visitor.c -- who bids: a name that one chooses, and the session's id, which others may see.
 * SPDX-License-Identifier: MIT */
#include "auction.h"

const char *visitor_name(cstar_conn *conn) { return cstar_session_str(conn, "name", NULL); }

const char *visitor_id(cstar_conn *conn) {
    const char *id = cstar_session_id(conn);
    return id != NULL ? id : "";
}

/* Each letter has one byte that does not go on with another one. */
static size_t letters(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return n;
}

static bool is_name(const char *text) {
    return text != NULL && text[strspn(text, " ")] != '\0' && strlen(text) <= MOST_NAME &&
           letters(text) <= NAME_LETTERS;
}

void visitor_name_post(cstar_conn *conn) {
    const char *name = cstar_form(conn, "name");
    if (!is_name(name)) {
        cstar_flash(conn, "bad", "A name has 1 to 24 letters.");
    } else {
        cstar_session_renew(conn);
        cstar_session_set(conn, "name", name);
    }
    cstar_redirect_to(conn, 303, "/");
}

void visitor_put_form(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<form class='name' method='post' action='/name'>");
    cstar_csrf_field(conn, h);
    cstar_put(h, "<label for='name'>Your name</label><input id='name' name='name' required "
                 "maxlength='24' autocomplete='nickname'><button>Come in</button></form>");
}
