/* cstar/session.h -- what a visitor's browser keeps for us from one request to the next, sealed: it
 * can neither read nor change it. And flash messages: said once, on the next page.
 *
 *     static const char *secrets[] = {"... 32 random bytes or more ...", NULL};
 *     cstar_sessions(app, .secrets = secrets);
 *     ...
 *     cstar_session_renew(conn);                       // at login: a new id, so that no old one counts
 *     cstar_session_set(conn, "user", user_id);
 *     int64_t user = cstar_session_int(conn, "user", 0);
 *     cstar_flash(conn, "info", "Welcome back");
 *
 * The session is read from its cookie when it is first asked for, and written into the response, as
 * a Set-Cookie field, if something has changed: so change it before the response begins (for an
 * event: before it is flushed, that is in its handler). Without a store all of it is in the cookie,
 * at most about 2.9 KB of JSON; with one, the cookie holds an id.
 *
 * A response that a session had a part in says Cache-Control: private, where the handler says
 * nothing else; one that carries its cookie always does, instead of public and s-maxage. If the
 * session can't be read or kept, the visitor gets 500, whatever the handler answers, unless that is
 * an error page itself.
 *
 * Over https the cookie is `__Host-session`, Secure; over http, for development, `session`. Both are
 * HttpOnly, SameSite=Lax. A cookie that was changed, has expired or belongs to a lost secret is as
 * if there were none.
 *
 * Life: what is read is valid until the handler returns. Threads: those of the conn.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_SESSION_H
#define CSTAR_SESSION_H

#include "cstar/json.h"

CSTAR_BEGIN_DECLS

typedef struct cstar_app cstar_app;
typedef struct cstar_conn cstar_conn;

/* Where sessions are kept if not in cookies. Every function may be called from any worker, at the
 * same time. `id` is 43 characters of [A-Za-z0-9_-]. */
typedef struct cstar_session_store {
    void *ctx; /* of the functions */
    /* Appends the session's data. CSTAR_ENOENT: there is none, or it has expired; CSTAR_EIO,
     * CSTAR_ENOMEM: not known, the visitor gets 500 rather than an empty session. */
    cstar_status (*load)(void *ctx, cstar_str id, int64_t now, cstar_buf *out);
    /* Keeps them until `expires` (seconds since 1970), replacing what was there. Not `fresh`: only
     * if something was there, in one step, else CSTAR_ENOENT: a request that takes long must not
     * bring back what another one has ended. */
    cstar_status (*save)(void *ctx, cstar_str id, cstar_str data, int64_t expires, bool fresh);
    cstar_status (*remove)(void *ctx, cstar_str id);
    void (*free)(void *ctx); /* with the app; NULL: nothing to do */
} cstar_session_store;

typedef struct cstar_session_opts { /* zero is the default of every field but the secrets */
    /* Texts of at least 32 random bytes, ending with NULL, at most 8. The first seals; the others
     * are earlier ones whose cookies still count. Copied. */
    const char *const *secrets;
    /* Instead: the name of an environment variable that has them, with white space in between. It is
     * not set: a secret is made, and sessions end with the process. For development, and programs
     * that are told the name in their manual. */
    const char *secrets_env;
    const char *name; /* of the cookie, without the prefix; NULL: "session" */
    int64_t max_age;  /* seconds that a visitor may stay away; 0: 14 days */
    int64_t
        lifetime; /* seconds from the first visit, or the last renewal, to the end; 0: 90 days */
    const cstar_session_store *store; /* copied; NULL: the cookie itself */
    bool no_csrf;                     /* no tokens are asked for; see cstar/security.h */
    char reserved;
} cstar_session_opts;

/**
 * Switches sessions on, before serving.
 * @return CSTAR_EINVAL no secret or one that is too short, a bad name; CSTAR_ESTATE twice;
 *         CSTAR_ENOTSUP a build without OpenSSL; CSTAR_ENOMEM. It stays with the app, as a bad route
 *         does.
 */
CSTAR_API cstar_status cstar_app_sessions(cstar_app *app, const cstar_session_opts *opts);
#define cstar_sessions(app, ...) cstar_app_sessions((app), &(cstar_session_opts){__VA_ARGS__})

/** A store in the process's memory, for one machine; forgets all when the process ends. @param
 * max  sessions; 0: 100 000; at the limit the one that expires first makes room. NULL ctx: out of
 * memory. */
CSTAR_API cstar_session_store cstar_session_memory(size_t max);

typedef struct cstar_session_sqlite_opts { /* zero is the default of every field but `path` */
    /* The database: a file of its own, in a folder of this machine (no network share) that the
     * program may write to. Made, for its owner alone (0600), if it is not there; PATH-wal and
     * PATH-shm beside it belong to it. Don't move or delete it while a program has it open. */
    const char *path;
    unsigned wait_ms; /* that a call waits for another process to let go of it; 0: 2000 */
    /* Told why SQLite could not do something, in words: the caller of a store only gets CSTAR_EIO.
     * From any thread, also of several at once; must not use the store. NULL: nobody is told. */
    void (*on_error)(void *arg, const char *text);
    void *arg;
} cstar_session_sqlite_opts;

/**
 * A store in a SQLite database: sessions outlive the process, and several processes of one machine
 * may share the file (a deploy whose old and new server overlap).
 *
 *     cstar_session_store store;
 *     cstar_session_sqlite_opts opts = {.path = "sessions.db"};
 *     if (cstar_session_sqlite(&opts, &store, &err) == CSTAR_OK) {
 *         cstar_sessions(app, .secrets = secrets, .store = &store);
 *     }
 *
 * What a call has done is done whole or not at all, and is not lost when the process dies; when the
 * machine loses power the last writes may be (also that a session was ended), but nothing is
 * damaged. On a full disk, or when the file stays locked, the call says CSTAR_EIO, and everything
 * is as it was. Expired sessions are deleted by and by, a few with every eighth save; their
 * place is used again, the file does not get smaller.
 *
 * The functions wait for the disk, on the thread that calls them: a handler that is not `.blocking`
 * holds up its worker meanwhile. docs/howto/sessions.md says for how long.
 *
 * @param opts  Borrowed; the path is copied.
 * @param out   The store, to be given to cstar_sessions() (or freed by its `free`). After an error
 *              its ctx is NULL.
 * @return CSTAR_EINVAL no path, or one that SQLite takes for something else (":memory:", "file:x");
 *         CSTAR_EIO the file can't be made, opened or written, is locked, damaged or no database;
 *         CSTAR_ETYPE it is another program's database, or one of another version of cstar: it is
 *         left as it is; CSTAR_ENOMEM; CSTAR_ENOTSUP a build without SQLite, or a SQLite without
 *         threads or WAL.
 */
CSTAR_API CSTAR_MUST_USE cstar_status cstar_session_sqlite(const cstar_session_sqlite_opts *opts,
                                                           cstar_session_store *out,
                                                           cstar_err *err);

/* ---- values ---------------------------------------------------------------------------------- */

/** The value of that name; NULL if there is none. */
CSTAR_API const cstar_val *cstar_session_get(cstar_conn *conn, const char *key);
CSTAR_API const char *cstar_session_str(cstar_conn *conn, const char *key, const char *otherwise);
CSTAR_API int64_t cstar_session_int(cstar_conn *conn, const char *key, int64_t otherwise);
CSTAR_API bool cstar_session_bool(cstar_conn *conn, const char *key, bool otherwise);

/** Copied. CSTAR_ETYPE: no data; CSTAR_ELIMIT: JSON of more than 32 levels; CSTAR_EUTF8;
 * CSTAR_ESTATE: cstar_sessions() was not called, or the response has begun; CSTAR_ENOMEM. */
CSTAR_API cstar_status cstar_conn_session_set(cstar_conn *conn, const char *key, cstar_val value);
#define cstar_session_set(conn, key, value) cstar_conn_session_set((conn), (key), CSTAR_VAL(value))
CSTAR_API cstar_status cstar_session_remove(cstar_conn *conn, const char *key);
/** Forgets everything, and has the browser drop the cookie: logout. */
CSTAR_API cstar_status cstar_session_clear(cstar_conn *conn);
/** Keeps the values under a new id, with a new CSRF token and a new lifetime: at login and whenever
 * rights change. */
CSTAR_API cstar_status cstar_session_renew(cstar_conn *conn);

/**
 * A name of the session, for keys and lists that others see: who is here, whose message it is, or
 * `.stream_key = cstar_session_id`, where there are no users. The same for all tabs of a browser, on
 * each server with these sessions, until cstar_session_renew() or cstar_session_clear(); 22
 * characters of [A-Za-z0-9_-]. It is no credential: who knows it can't open the session, nor make a
 * token for it. So never let anybody in for saying it.
 * A visitor without a session gets one: ask before the response begins (for a stream: in mount, or
 * in the page with cstar_body(), which makes one for its token).
 * @return valid until the callback returns. NULL: CSTAR_ESTATE cstar_sessions() was not called, or
 *         there is no id yet and the response has begun; CSTAR_EIO, CSTAR_ENOMEM.
 */
CSTAR_API const char *cstar_session_id(cstar_conn *conn);

/* ---- flash ----------------------------------------------------------------------------------- */

/** A message for the next page that asks for it. `kind` is yours: "info", "error". */
CSTAR_API cstar_status cstar_flash(cstar_conn *conn, const char *kind, const char *text);

typedef struct cstar_flash_message {
    const char *kind, *text;
} cstar_flash_message;

/** Takes the next message; it is gone from the session then. @return false: there is none left. */
CSTAR_API bool cstar_flash_next(cstar_conn *conn, cstar_flash_message *out);

CSTAR_END_DECLS
#endif
