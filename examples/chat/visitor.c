/* visitor.c -- who is here: a name that one chooses, and the session's id, which others may see.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

const char *visitor_name(cstar_conn *conn) { return cstar_session_str(conn, "name", NULL); }

const char *visitor_id(cstar_conn *conn) {
    const char *id = cstar_session_id(conn);
    return id != NULL ? id : "";
}

/* Each has one byte that does not go on with another letter. */
size_t letters(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return n;
}

/* Without the spaces around it. @return false: nothing is left, or too much. */
static bool trim(const char *text, char out[MOST_NAME + 1]) {
    text = text != NULL ? text + strspn(text, " ") : "";
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == ' ') {
        n--;
    }
    if (n == 0 || n > MOST_NAME) {
        return false;
    }
    memcpy(out, text, n);
    out[n] = '\0';
    return letters(out) <= NAME_LETTERS;
}

void visitor_name_post(cstar_conn *conn) {
    char name[MOST_NAME + 1];
    if (trim(cstar_form(conn, "name"), name)) {
        cstar_session_set(conn, "name", name);
    } else {
        cstar_flash(conn, "bad", "A name has 1 to 24 letters.");
    }
    cstar_redirect_to(conn, 303, "/");
}

void visitor_put_form(cstar_conn *conn, cstar_html *h) {
    const char *name = visitor_name(conn);
    cstar_put(h, "<form class='name' method='post' action='/name'>");
    cstar_csrf_field(conn, h);
    cstar_put(h,
              "<label for='name'>Your name</label><input id='name' name='name' value='{}' required "
              "maxlength='24' autocomplete='nickname'><button class='{}'>{}</button></form>",
              name != NULL ? name : "", name != NULL ? "quiet" : "main",
              name != NULL ? "Change" : "Come in");
}
