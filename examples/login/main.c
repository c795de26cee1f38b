/* login -- a page for those who are logged in: a sealed session, forms and events with a CSRF token,
 * flash messages, and a Content-Security-Policy.
 *
 *     LOGIN_SECRET=$(openssl rand -base64 32) login
 *
 * Without LOGIN_SECRET a new one is made at each start, and everybody has to log in again. Sessions
 * are in the visitors' cookies; with LOGIN_SESSIONS=FILE they are in that file, and whoever logs
 * out is out for good, whatever copy of a cookie there is.
 * SPDX-License-Identifier: MIT */
#include "login.h"

#include <assets.h>
#include <stdio.h>
#include <stdlib.h>

static void tell(void *arg, const char *text) { (void)fprintf(stderr, "login: %s\n", text); }

/* Where sessions are kept. @return false: said why */
static bool open_store(const char *path, cstar_session_store *store) {
    cstar_err err = {0};
    const cstar_session_sqlite_opts opts = {.path = path, .on_error = tell};
    if (cstar_session_sqlite(&opts, store, &err) != CSTAR_OK) {
        (void)fprintf(stderr, "login: %s\n", err.text);
        return false;
    }
    return true;
}

int main(int argc, char **argv) {
    const char *file = getenv("LOGIN_SESSIONS");
    cstar_session_store store = {0};
    if (file != NULL && !open_store(file, &store)) {
        return 1;
    }
    cstar_app *app = cstar_app_new();
    cstar_sessions(app, .secrets_env = "LOGIN_SECRET", .store = file != NULL ? &store : NULL);
    cstar_csp(app, CSTAR_CSP_STRICT);
    cstar_allow_frames(app, CSTAR_FRAMES_NONE);
    cstar_app_layout(app, login_layout);
    cstar_page(app, "/", &login_page);
    cstar_page(app, "/notes", &notes_page);
    cstar_route(app, CSTAR_POST, "/login", login_post);
    cstar_route(app, CSTAR_POST, "/logout", logout_post);
    cstar_static_embedded(app, "/assets", &assets);
    return cstar_main(app, argc, argv);
}
