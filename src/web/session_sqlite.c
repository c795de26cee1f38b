/* session_sqlite.c -- sessions in a SQLite database: they outlive the process, and several
 * processes may share them.
 *
 *     load ─────────lock──▶ reader ──┐
 *                                    ├──▶ PATH, PATH-wal, PATH-shm
 *     save, remove ─lock──▶ writer ──┘    and with every 8th save: 16 expired ones go, at most
 *
 * Two connections, because with a write-ahead log who reads does not wait for who writes: a load is
 * not held up by another worker's save, nor by the checkpoint (two fsyncs) that one save in some
 * hundreds has to make. A thread of its own for checkpoints was tried and left out: the longest
 * waits stayed what they were, and under steady writing the log only grew.
 *
 * Invariants: 1. A call is one transaction. 2. A connection is used under its lock only. 3. When
 * the lock is given back no statement is under way and none has bindings that are the caller's
 * memory: an open read would keep the log from being used again. 4. Nothing is written to a
 * database before it is known to be ours, or empty.
 *
 * The time of the sweep is what load() was told last, since an app's clock need not be the
 * machine's. Until something was loaded it is 0, and nothing has expired.
 *
 * Ids are kept as they are, without a hash: a cookie is the id sealed with the app's secret, so the
 * file alone is not enough to make one.
 *
 * SPDX-License-Identifier: MIT */
#include "web/session_sqlite.h"

#if CSTAR_WITH_SQLITE

#include <sqlite3.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define CREATE                                                                                     \
    "CREATE TABLE session (id TEXT PRIMARY KEY NOT NULL, expires INTEGER NOT NULL,"                \
    " data BLOB NOT NULL) WITHOUT ROWID;"                                                          \
    "CREATE INDEX session_expires ON session (expires);"                                           \
    "PRAGMA application_id = 0x63736573;"                                                          \
    "PRAGMA user_version = 1;"

enum {
    APPLICATION = 0x63736573, /* "cses" */
    VERSION = 1,              /* of the tables above */
    WAIT_MS = 2000,
    RETRY_MS = 5,
    SWEEP_EVERY = 8, /* with 16 each: twice as many may go as can have come */
};

typedef struct lane {
    sqlite3 *db;
    pthread_mutex_t lock;
} lane;

typedef struct database {
    const cstar_allocator *alloc;
    lane reader, writer;
    sqlite3_stmt *load;                            /* the reader's */
    sqlite3_stmt *insert, *update, *drop, *sweep;  /* the writer's */
    unsigned saves;                                /* under the writer's lock */
    _Atomic int64_t now;                           /* told to load(); orders nothing */
    void (*on_error)(void *arg, const char *text); /* see session.h */
    void *arg;
} database;

/* ---- calls of a store ---- */

static cstar_status status_of(int rc) {
    switch (rc) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return CSTAR_OK;
    case SQLITE_NOMEM:
    case SQLITE_IOERR_NOMEM:
        return CSTAR_ENOMEM;
    default:
        return CSTAR_EIO;
    }
}

/* Tells why, while the connection still knows. */
static cstar_status outcome(const database *d, sqlite3 *db, int rc) {
    const cstar_status status = status_of(rc);
    if (status != CSTAR_OK && d->on_error != NULL) {
        d->on_error(d->arg, sqlite3_errmsg(db));
    }
    return status;
}

static void end(sqlite3_stmt *s) {
    (void)sqlite3_reset(s); /* says once more what step() said */
    (void)sqlite3_clear_bindings(s);
}

static int bind_id(sqlite3_stmt *s, cstar_str id) {
    return sqlite3_bind_text64(s, 1, id.ptr, id.len, SQLITE_STATIC, SQLITE_UTF8);
}

/* The data of the row; a NULL is an empty text, or memory that was missing. */
static int take_data(sqlite3_stmt *s, cstar_buf *out) {
    const void *data = sqlite3_column_blob(s, 0);
    const int len = sqlite3_column_bytes(s, 0);
    if (data == NULL) {
        return sqlite3_errcode(sqlite3_db_handle(s)) == SQLITE_NOMEM ? SQLITE_NOMEM : SQLITE_ROW;
    }
    cstar_buf_add(out, data, (size_t)len);
    return SQLITE_ROW;
}

static cstar_status load(void *ctx, cstar_str id, int64_t now, cstar_buf *out) {
    database *d = ctx;
    atomic_store_explicit(&d->now, now, memory_order_relaxed);
    (void)pthread_mutex_lock(&d->reader.lock);
    int rc = bind_id(d->load, id);
    rc = rc == SQLITE_OK ? sqlite3_bind_int64(d->load, 2, now) : rc;
    rc = rc == SQLITE_OK ? sqlite3_step(d->load) : rc;
    rc = rc == SQLITE_ROW ? take_data(d->load, out) : rc;
    cstar_status status = outcome(d, d->reader.db, rc);
    end(d->load);
    (void)pthread_mutex_unlock(&d->reader.lock);
    if (rc == SQLITE_DONE) {
        return CSTAR_ENOENT;
    }
    return status == CSTAR_OK ? cstar_buf_status(out) : status;
}

/* What fails here is tried again later, and is nothing that the caller of save() asked for. */
static void sweep(database *d) {
    const int64_t now = atomic_load_explicit(&d->now, memory_order_relaxed);
    if (++d->saves % SWEEP_EVERY != 0) {
        return;
    }
    if (sqlite3_bind_int64(d->sweep, 1, now) == SQLITE_OK) {
        (void)sqlite3_step(d->sweep);
    }
    end(d->sweep);
}

static int bind_session(sqlite3_stmt *s, cstar_str id, cstar_str data, int64_t expires) {
    int rc = bind_id(s, id);
    rc = rc == SQLITE_OK ? sqlite3_bind_int64(s, 2, expires) : rc;
    /* a NULL pointer would be a NULL value */
    return rc == SQLITE_OK ? sqlite3_bind_blob64(s, 3, data.ptr != NULL ? data.ptr : "", data.len,
                                                 SQLITE_STATIC)
                           : rc;
}

static cstar_status save(void *ctx, cstar_str id, cstar_str data, int64_t expires, bool fresh) {
    database *d = ctx;
    sqlite3_stmt *s = fresh ? d->insert : d->update;
    (void)pthread_mutex_lock(&d->writer.lock);
    int rc = bind_session(s, id, data, expires);
    rc = rc == SQLITE_OK ? sqlite3_step(s) : rc;
    cstar_status status = outcome(d, d->writer.db, rc);
    if (rc == SQLITE_DONE && sqlite3_changes(d->writer.db) == 0) {
        status = CSTAR_ENOENT;
    }
    end(s);
    if (status == CSTAR_OK) {
        sweep(d);
    }
    (void)pthread_mutex_unlock(&d->writer.lock);
    return status;
}

static cstar_status forget(void *ctx, cstar_str id) {
    database *d = ctx;
    (void)pthread_mutex_lock(&d->writer.lock);
    int rc = bind_id(d->drop, id);
    rc = rc == SQLITE_OK ? sqlite3_step(d->drop) : rc;
    const cstar_status status = outcome(d, d->writer.db, rc);
    end(d->drop);
    (void)pthread_mutex_unlock(&d->writer.lock);
    return status;
}

static void free_all(void *ctx) {
    database *d = ctx;
    sqlite3_stmt *const all[] = {d->load, d->insert, d->update, d->drop, d->sweep};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        (void)sqlite3_finalize(all[i]);
    }
    (void)sqlite3_close(d->reader.db);
    (void)sqlite3_close(d->writer.db); /* the last of all processes takes the log into the file */
    (void)pthread_mutex_destroy(&d->reader.lock);
    (void)pthread_mutex_destroy(&d->writer.lock);
    d->alloc->resize(d->alloc->ctx, d, sizeof *d, 0);
}

/* ---- opening ---- */

/* What SQLite says of its last failure, as an error of ours. */
static cstar_status fail(sqlite3 *db, int rc, cstar_err *err) {
    const cstar_status status = status_of(rc);
    return cstar_err_set(err, status, "path", "sessions: the database: %s",
                         db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

static cstar_status run(sqlite3 *db, const char *sql, cstar_err *err) {
    const int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? CSTAR_OK : fail(db, rc, err);
}

static cstar_status ask(sqlite3 *db, const char *sql, int *out, cstar_err *err) {
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    rc = rc == SQLITE_OK ? sqlite3_step(s) : rc;
    *out = rc == SQLITE_ROW ? sqlite3_column_int(s, 0) : 0;
    const cstar_status status = rc == SQLITE_ROW ? CSTAR_OK : fail(db, rc, err);
    (void)sqlite3_finalize(s);
    return status;
}

/* SQLite would make it for everybody to read; the log's files get the mode of this one. Only a file
 * that is new is opened here: to close one that SQLite has open gives up SQLite's locks. */
static cstar_status make_file(const char *path, cstar_err *err) {
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)close(fd);
    } else if (errno != EEXIST) {
        return cstar_err_set(err, CSTAR_EIO, "path", "sessions: can't make %s: %s", path,
                             strerror(errno));
    }
    return CSTAR_OK;
}

static cstar_status open_lane(lane *l, const char *path, unsigned wait_ms, cstar_err *err) {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    int rc = sqlite3_open_v2(path, &l->db, flags, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(l->db, 1);
        rc = sqlite3_busy_timeout(l->db, wait_ms < INT32_MAX ? (int)wait_ms : INT32_MAX);
    }
    return rc == SQLITE_OK ? CSTAR_OK : fail(l->db, rc, err);
}

/* Inside a transaction, so that of two who come to an empty file only one makes the tables. */
static cstar_status claim(sqlite3 *db, cstar_err *err) {
    int things = 0;
    int application = 0;
    int version = 0;
    cstar_status rc = ask(db, "SELECT count(*) FROM sqlite_master", &things, err);
    rc = rc == CSTAR_OK ? ask(db, "PRAGMA application_id", &application, err) : rc;
    rc = rc == CSTAR_OK ? ask(db, "PRAGMA user_version", &version, err) : rc;
    if (rc != CSTAR_OK) {
        return rc;
    }
    if (things == 0 && application == 0 && version == 0) {
        return run(db, CREATE, err);
    }
    if (application != APPLICATION) {
        return cstar_err_set(err, CSTAR_ETYPE, "path",
                             "sessions: the database is another program's; give them their own");
    }
    return version == VERSION
               ? CSTAR_OK
               : cstar_err_set(err, CSTAR_ETYPE, "path",
                               "sessions: the database has schema %d, this cstar knows %d", version,
                               VERSION);
}

static cstar_status claim_file(sqlite3 *db, cstar_err *err) {
    cstar_status rc = run(db, "BEGIN IMMEDIATE", err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    rc = claim(db, err); /* if it fails the connection is closed, which takes all of it back */
    return rc == CSTAR_OK ? run(db, "COMMIT", err) : rc;
}

/* The answer is the mode that the database has now. */
static int ask_for_wal(sqlite3 *db, bool *is_wal) {
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &s, NULL);
    rc = rc == SQLITE_OK ? sqlite3_step(s) : rc;
    const unsigned char *mode = rc == SQLITE_ROW ? sqlite3_column_text(s, 0) : NULL;
    *is_wal = mode != NULL && sqlite3_stricmp((const char *)mode, "wal") == 0;
    (void)sqlite3_finalize(s);
    return rc;
}

/* Several who open a new file at the same time stand in each other's way here, and SQLite does not
 * always wait by itself: of 4800 that came by sixteens 2 were told that it is locked, at once. */
static cstar_status use_wal(sqlite3 *db, unsigned wait_ms, cstar_err *err) {
    const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
    bool is_wal = false;
    int rc = ask_for_wal(db, &is_wal);
    for (unsigned waited = 0; (rc & 0xff) == SQLITE_BUSY && waited < wait_ms; waited += RETRY_MS) {
        (void)nanosleep(&pause, NULL);
        rc = ask_for_wal(db, &is_wal);
    }
    if (rc != SQLITE_ROW) {
        return fail(db, rc, err);
    }
    if (!is_wal) {
        return cstar_err_set(err, CSTAR_ENOTSUP, "path",
                             "sessions: the database can't have a write-ahead log here");
    }
    return run(db, "PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 8388608", err);
}

static cstar_status prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, cstar_err *err) {
    const int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return rc == SQLITE_OK ? CSTAR_OK : fail(db, rc, err);
}

static cstar_status prepare_all(database *d, cstar_err *err) {
    const struct {
        lane *lane;
        sqlite3_stmt **out;
        const char *sql;
    } all[] = {
        {&d->reader, &d->load, "SELECT data FROM session WHERE id = ?1 AND expires >= ?2"},
        {&d->writer, &d->insert, "REPLACE INTO session (id, expires, data) VALUES (?1, ?2, ?3)"},
        {&d->writer, &d->update, "UPDATE session SET expires = ?2, data = ?3 WHERE id = ?1"},
        {&d->writer, &d->drop, "DELETE FROM session WHERE id = ?1"},
        {&d->writer, &d->sweep,
         "DELETE FROM session WHERE id IN"
         " (SELECT id FROM session WHERE expires < ?1 ORDER BY expires LIMIT 16)"},
    };
    cstar_status rc = CSTAR_OK;
    for (size_t i = 0; i < sizeof all / sizeof *all && rc == CSTAR_OK; i++) {
        rc = prepare(all[i].lane->db, all[i].sql, all[i].out, err);
    }
    return rc;
}

static cstar_status open_all(database *d, const cstar_session_sqlite_opts *o, cstar_err *err) {
    const unsigned wait_ms = o->wait_ms != 0 ? o->wait_ms : WAIT_MS;
    cstar_status rc = make_file(o->path, err);
    rc = rc == CSTAR_OK ? open_lane(&d->writer, o->path, wait_ms, err) : rc;
    rc = rc == CSTAR_OK ? claim_file(d->writer.db, err) : rc;
    rc = rc == CSTAR_OK ? use_wal(d->writer.db, wait_ms, err) : rc;
    rc = rc == CSTAR_OK ? open_lane(&d->reader, o->path, wait_ms, err) : rc;
    return rc == CSTAR_OK ? prepare_all(d, err) : rc;
}

static database *make(const cstar_allocator *alloc) {
    database *d = alloc->resize(alloc->ctx, NULL, 0, sizeof *d);
    if (d == NULL) {
        return NULL;
    }
    memset(d, 0, sizeof *d);
    d->alloc = alloc;
    if (pthread_mutex_init(&d->reader.lock, NULL) != 0) {
        alloc->resize(alloc->ctx, d, sizeof *d, 0);
        return NULL;
    }
    if (pthread_mutex_init(&d->writer.lock, NULL) != 0) {
        (void)pthread_mutex_destroy(&d->reader.lock);
        alloc->resize(alloc->ctx, d, sizeof *d, 0);
        return NULL;
    }
    return d;
}

static cstar_status check(const cstar_session_sqlite_opts *o, cstar_err *err) {
    if (o->path == NULL || o->path[0] == '\0' || o->path[0] == ':' ||
        strncmp(o->path, "file:", 5) == 0) {
        return cstar_err_set(err, CSTAR_EINVAL, "path", "sessions: the database needs a path");
    }
    if (sqlite3_threadsafe() == 0) {
        return cstar_err_set(err, CSTAR_ENOTSUP, "path",
                             "sessions: this SQLite was built for one thread");
    }
    return CSTAR_OK;
}

cstar_status cstar__session_sqlite_open(const cstar_allocator *alloc,
                                        const cstar_session_sqlite_opts *opts,
                                        cstar_session_store *out, cstar_err *err) {
    memset(out, 0, sizeof *out);
    cstar_status rc = check(opts, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    database *d = make(alloc);
    if (d == NULL) {
        return cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
    }
    rc = open_all(d, opts, err);
    if (rc != CSTAR_OK) {
        free_all(d);
        return rc;
    }
    d->on_error = opts->on_error;
    d->arg = opts->arg;
    *out = (cstar_session_store){
        .ctx = d, .load = load, .save = save, .remove = forget, .free = free_all};
    return CSTAR_OK;
}

#else

cstar_status cstar__session_sqlite_open(const cstar_allocator *alloc,
                                        const cstar_session_sqlite_opts *opts,
                                        cstar_session_store *out, cstar_err *err) {
    (void)alloc;
    (void)opts;
    memset(out, 0, sizeof *out);
    return cstar_err_set(err, CSTAR_ENOTSUP, "path", "sessions: this build of cstar has no SQLite");
}

#endif

cstar_status cstar_session_sqlite(const cstar_session_sqlite_opts *opts, cstar_session_store *out,
                                  cstar_err *err) {
    return cstar__session_sqlite_open(cstar_heap(), opts, out, err);
}
