/* web/session.h -- sessions of an app, and the session of one request. Private.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_SESSION_H
#define CSTAR_WEB_SESSION_H

#include "net/seal.h"
#include "web/app.h"

enum { CSTAR__SESSION_ID = 43, CSTAR__CSRF_BYTES = 18 };

typedef struct cstar__sessions {
    cstar__keyring *ring;
    cstar_session_store store;
    bool has_store;
    bool no_csrf;
    int64_t max_age, lifetime;
    const char *name, *secure_name; /* of the cookie: over http, over https */
} cstar__sessions;

typedef struct cstar__flash {
    struct cstar__flash *next;
    const char *kind, *text;
} cstar__flash;

/* In the exchange's arena. */
typedef struct cstar__session {
    cstar__assign *values;
    cstar__flash *flashes, **flashes_end;
    int64_t born, seen;                 /* seconds since 1970; 0: new */
    char id[CSTAR__SESSION_ID + 1];     /* with a store; "": none yet */
    char old_id[CSTAR__SESSION_ID + 1]; /* to be removed from the store */
    unsigned char csrf[CSTAR__CSRF_BYTES];
    bool has_csrf;
    bool came;    /* by a cookie, good or bad */
    bool changed; /* to be written */
    bool cleared; /* the cookie is to be dropped */
    bool sent;    /* a cookie is among the response's fields */
} cstar__session;

/** The session of the conn, read if it was not. NULL: there are none, or it could not be read (the
 * conn knows). */
cstar__session *cstar__session_of(cstar_conn *conn);

/* ---- csrf.c ---- */

/** The session's secret is there: made, if it was not. Also where no token is asked for.
 * CSTAR_ESTATE: it is too late for that; CSTAR_EIO. The conn knows. */
cstar_status cstar__csrf_secret(cstar_conn *conn, cstar__session *s);

/* ---- session_secrets.c ---- */

/** Keys of the secrets that the options name. NULL: `err` says why. */
cstar__keyring *cstar__session_ring(cstar_app *app, const cstar_session_opts *opts, cstar_err *err);

/* ---- session_data.c: a session as JSON ---- */

/** Appends it. CSTAR_ENOMEM, CSTAR_ELIMIT by `out`. */
cstar_status cstar__session_write(const cstar__session *s, cstar_buf *out);
/** Reads it into an empty session. CSTAR_ESYNTAX it is none; CSTAR_ENOMEM. */
cstar_status cstar__session_read(cstar__session *s, cstar_arena *arena, cstar_str text);

#endif
