/* door.c -- logging in and out, by plain forms: they work without JavaScript too.
 * SPDX-License-Identifier: MIT */
#include "login.h"

/* An app has these in a database, and of each password a slow, salted hash. */
static const struct account {
    const char *name, *password;
} accounts[] = {{"ada", "engine"}, {"grace", "compiler"}};

const char *login_name(cstar_conn *conn) { return cstar_session_str(conn, "name", NULL); }

static const struct account *find(const char *name, const char *password) {
    for (size_t i = 0; name != NULL && password != NULL && i < sizeof accounts / sizeof *accounts;
         i++) {
        if (strcmp(accounts[i].name, name) == 0 && strcmp(accounts[i].password, password) == 0) {
            return &accounts[i];
        }
    }
    return NULL;
}

void login_post(cstar_conn *conn) {
    const struct account *a = find(cstar_form(conn, "name"), cstar_form(conn, "password"));
    if (a == NULL) {
        cstar_flash(conn, "bad", "That name and that password don't belong together.");
        cstar_redirect_to(conn, 303, "/");
        return;
    }
    cstar_session_renew(conn); /* no cookie and no token from before counts any more */
    cstar_session_set(conn, "name", a->name);
    cstar_session_set(conn, "notes", 7);
    cstar_flash(conn, "good", "Welcome back.");
    cstar_redirect_to(conn, 303, "/notes");
}

void logout_post(cstar_conn *conn) {
    cstar_session_clear(conn);
    cstar_flash(conn, "good", "You are logged out.");
    cstar_redirect_to(conn, 303, "/");
}

/* ---- the page with the form ---- */

static void mount(cstar_conn *conn) {
    cstar_assign(conn, "page_title", "Log in");
    if (login_name(conn) != NULL) {
        cstar_redirect_to(conn, 303, "/notes");
    }
}

static void render(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<section class='card'><h1>Log in</h1>"
                 "<form method='post' action='/login'>");
    cstar_csrf_field(conn, h);
    cstar_put(h, "<label>Name<input name='name' autocomplete='username' required autofocus>"
                 "</label><label>Password<input name='password' type='password' "
                 "autocomplete='current-password' required></label>"
                 "<button>Log in</button></form>"
                 "<p class='hint'>Try <b>ada</b> with <b>engine</b>.</p></section>");
}

CSTAR_PAGE(login_page, .mount = mount, .render = render);
