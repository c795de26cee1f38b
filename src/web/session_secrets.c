/* session_secrets.c -- what sessions are sealed with: given, in the environment, or made up.
 * SPDX-License-Identifier: MIT */
#include "web/session.h"

#include <stdlib.h>
#include <sys/random.h>

static cstar__keyring *ring_of(cstar_app *app, const cstar_str *secrets, size_t n, cstar_err *err) {
    return cstar__keyring_new(&(cstar__keyring_opts){secrets, n, "cstar session", app->alloc}, err);
}

static cstar__keyring *ring_of_chance(cstar_app *app, cstar_err *err) {
    char bytes[32];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        (void)cstar_err_set(err, CSTAR_EIO, "secret", "secret: the system gives no random bytes");
        return NULL;
    }
    const cstar_str secret = cstar_view(bytes, sizeof bytes);
    return ring_of(app, &secret, 1, err);
}

/* The words of a variable. */
static cstar__keyring *ring_of_env(cstar_app *app, const char *name, cstar_err *err) {
    static const char space[] = " \t\r\n";
    cstar_str views[CSTAR__KEYRING_MAX + 1];
    const char *text = getenv(name);
    size_t n = 0;
    if (text == NULL) {
        return ring_of_chance(app, err);
    }
    for (text += strspn(text, space); n <= CSTAR__KEYRING_MAX && *text != '\0'; n++) {
        views[n] = cstar_view(text, strcspn(text, space));
        text += views[n].len;
        text += strspn(text, space);
    }
    return ring_of(app, views, n, err);
}

cstar__keyring *cstar__session_ring(cstar_app *app, const cstar_session_opts *opts,
                                    cstar_err *err) {
    const char *const *secrets = opts->secrets;
    cstar_str views[CSTAR__KEYRING_MAX + 1];
    size_t n = 0;
    if (opts->secrets_env != NULL && secrets == NULL) {
        return ring_of_env(app, opts->secrets_env, err);
    }
    while (secrets != NULL && n <= CSTAR__KEYRING_MAX && secrets[n] != NULL) {
        views[n] = cstar_cstr(secrets[n]);
        n++;
    }
    return ring_of(app, views, n, err);
}
