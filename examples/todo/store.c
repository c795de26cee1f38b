/* store.c -- the list in a SQLite database.
 *
 * In WAL mode readers see the last commit and never wait for a writer. So there is one connection
 * that writes, behind a lock, and a few that read, each used by one thread at a time.
 *
 * SPDX-License-Identifier: MIT */
#include "todo.h"

#include <sqlite3.h>

#include <pthread.h>
#include <stdio.h>

enum { MOST_IDLE = 16 };

static char file[1024];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of `idle` */
static sqlite3 *idle[MOST_IDLE];
static int nidle;
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER; /* of `writer` */
static sqlite3 *writer;

/* ---- connections ---- */

static sqlite3 *connect_db(const char *pragmas) {
    sqlite3 *db = NULL;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(file, &db, flags, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(db, 2000) != SQLITE_OK ||
        sqlite3_exec(db, pragmas, NULL, NULL, NULL) != SQLITE_OK) {
        (void)sqlite3_close(db);
        return NULL;
    }
    return db;
}

static sqlite3 *take_reader(void) {
    (void)pthread_mutex_lock(&lock);
    sqlite3 *db = nidle > 0 ? idle[--nidle] : NULL;
    (void)pthread_mutex_unlock(&lock);
    return db != NULL ? db : connect_db("PRAGMA query_only = 1");
}

static void give_reader(sqlite3 *db) {
    (void)pthread_mutex_lock(&lock);
    if (nidle < MOST_IDLE) {
        idle[nidle++] = db;
        db = NULL;
    }
    (void)pthread_mutex_unlock(&lock);
    (void)sqlite3_close(db);
}

/* ---- the table ---- */

/* All of it or nothing: if the program ends in the middle, the next one begins anew. */
static const char create[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE todo (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL,"
    "                   done INTEGER NOT NULL DEFAULT 0) STRICT;"
    "INSERT INTO todo (title, done) VALUES"
    "  ('Sharpen the saw', 0), ('Order beeswax', 1), ('Plane the table top', 0),"
    "  ('Glue the drawer', 0), ('Find the other clamp', 1), ('Sand, twice', 0),"
    "  ('Oil the hinges', 0), ('Measure the window', 1), ('Sweep the workshop', 0),"
    "  ('Fix the lamp', 0), ('Sort the screws', 0), ('Write to the timber yard', 0);"
    "PRAGMA user_version = 1;"
    "COMMIT";

/* @return a number that SQL gives; -1: it can't be had. */
static int64_t number(sqlite3 *db, const char *sql) {
    sqlite3_stmt *s = NULL;
    const bool ok =
        sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW;
    const int64_t n = ok ? sqlite3_column_int64(s, 0) : -1;
    (void)sqlite3_finalize(s);
    return n;
}

bool store_open(const char *path) {
    (void)snprintf(file, sizeof file, "%s", path);
    writer = connect_db("PRAGMA journal_mode = WAL");
    if (writer == NULL) {
        return false;
    }
    return number(writer, "PRAGMA user_version") == 1 ||
           sqlite3_exec(writer, create, NULL, NULL, NULL) == SQLITE_OK;
}

void store_close(void) {
    while (nidle > 0) {
        (void)sqlite3_close(idle[--nidle]);
    }
    (void)sqlite3_close(writer);
}

/* ---- reading ---- */

#define FOUND                                                                                      \
    " FROM todo WHERE (?1 NOT IN ('open', 'done') OR done = (?1 = 'done'))"                        \
    " AND instr(lower(title), lower(?2)) > 0"

/* Orders are chosen here: what a browser says never becomes SQL. */
static const char *select_rows(const char *sort) {
    if (strcmp(sort, "title") == 0) {
        return "SELECT id, done, title" FOUND
               " ORDER BY title COLLATE NOCASE, id LIMIT ?3 OFFSET ?4";
    }
    return strcmp(sort, "oldest") == 0
               ? "SELECT id, done, title" FOUND " ORDER BY id LIMIT ?3 OFFSET ?4"
               : "SELECT id, done, title" FOUND " ORDER BY id DESC LIMIT ?3 OFFSET ?4";
}

static sqlite3_stmt *ask(sqlite3 *db, const char *sql, const question *q) {
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK) {
        (void)sqlite3_bind_text(s, 1, q->filter, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(s, 2, q->search, -1, SQLITE_STATIC);
    }
    return s;
}

static bool count_rows(sqlite3 *db, const question *q, answer *out) {
    sqlite3_stmt *s = ask(db, "SELECT count(*)" FOUND, q);
    const bool ok = s != NULL && sqlite3_step(s) == SQLITE_ROW;
    out->found = ok ? sqlite3_column_int64(s, 0) : 0;
    (void)sqlite3_finalize(s);
    out->open = number(db, "SELECT count(*) FROM todo WHERE NOT done");
    out->pages = out->found > 0 ? (out->found + PAGE_ROWS - 1) / PAGE_ROWS : 1;
    out->page = q->page < 1 ? 1 : q->page > out->pages ? out->pages : q->page;
    return ok && out->open >= 0;
}

static bool read_rows(sqlite3 *db, const question *q, answer *out) {
    sqlite3_stmt *s = ask(db, select_rows(q->sort), q);
    int rc = SQLITE_ERROR;
    if (s != NULL) {
        (void)sqlite3_bind_int64(s, 3, PAGE_ROWS);
        (void)sqlite3_bind_int64(s, 4, (out->page - 1) * PAGE_ROWS);
        for (rc = sqlite3_step(s); rc == SQLITE_ROW && out->nrows < PAGE_ROWS;
             rc = sqlite3_step(s)) {
            item *it = &out->rows[out->nrows++];
            it->id = sqlite3_column_int64(s, 0);
            it->done = sqlite3_column_int(s, 1) != 0;
            (void)snprintf(it->title, sizeof it->title, "%s",
                           (const char *)sqlite3_column_text(s, 2));
        }
    }
    (void)sqlite3_finalize(s);
    return rc == SQLITE_DONE;
}

/* In one transaction, so that the numbers are those of the rows. */
bool store_find(const question *q, answer *out) {
    *out = (answer){.page = 1, .pages = 1};
    sqlite3 *db = take_reader();
    if (db == NULL) {
        return false;
    }
    const bool ok = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK &&
                    count_rows(db, q, out) && read_rows(db, q, out);
    (void)sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    give_reader(db);
    return ok;
}

/* ---- writing ---- */

static bool change(const char *sql, const char *title, int64_t n) {
    sqlite3_stmt *s = NULL;
    (void)pthread_mutex_lock(&writing);
    bool ok = sqlite3_prepare_v2(writer, sql, -1, &s, NULL) == SQLITE_OK;
    if (ok) {
        (void)sqlite3_bind_text(s, 1, title, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(s, 2, n);
        ok = sqlite3_step(s) == SQLITE_DONE && sqlite3_changes(writer) > 0;
    }
    (void)sqlite3_finalize(s);
    (void)pthread_mutex_unlock(&writing);
    return ok;
}

bool store_add(const char *title) {
    return change("INSERT INTO todo (title) SELECT ?1 WHERE (SELECT count(*) FROM todo) < ?2",
                  title, MOST_ITEMS);
}

bool store_toggle(int64_t id) {
    return change("UPDATE todo SET done = NOT done WHERE id = ?2", NULL, id);
}

bool store_remove(int64_t id) { return change("DELETE FROM todo WHERE id = ?2", NULL, id); }

bool store_remove_done(void) { return change("DELETE FROM todo WHERE done", NULL, 0); }
