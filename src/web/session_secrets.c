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

/* The words of a variable. @return how many there are; the first of them are in `views`. */
static size_t split(const char *text, cstar_str views[CSTAR__KEYRING_MAX]) {
    static const char space[] = " \t\r\n";
    size_t n = 0;
    for (text += strspn(text, space); *text != '\0'; n++) {
        const cstar_str word = cstar_view(text, strcspn(text, space));
        if (n < CSTAR__KEYRING_MAX) {
            views[n] = word;
        }
        text += word.len;
        text += strspn(text, space);
    }
    return n;
}

/* A secret with a space in it is two that are too short: who has set one finds out here. */
static bool check_words(const char *name, const cstar_str *views, size_t n, cstar_err *err) {
    if (n == 0 || n > CSTAR__KEYRING_MAX) {
        (void)cstar_err_set(err, CSTAR_EINVAL, "secret",
                            "secret: %.40s has %zu words, white space separates them; "
                            "1 to %d secrets of at least %d bytes are needed",
                            name, n, CSTAR__KEYRING_MAX, CSTAR__SECRET_MIN);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (views[i].len < CSTAR__SECRET_MIN) {
            (void)cstar_err_set(err, CSTAR_EINVAL, "secret",
                                "secret: %.40s: word %zu of %zu, white space separates them, has "
                                "%zu bytes; at least %d are needed",
                                name, i + 1, n, views[i].len, CSTAR__SECRET_MIN);
            return false;
        }
    }
    return true;
}

static cstar__keyring *ring_of_env(cstar_app *app, const char *name, cstar_err *err) {
    cstar_str views[CSTAR__KEYRING_MAX];
    const char *text = getenv(name);
    if (text == NULL) {
        return ring_of_chance(app, err);
    }
    const size_t n = split(text, views);
    return check_words(name, views, n, err) ? ring_of(app, views, n, err) : NULL;
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
