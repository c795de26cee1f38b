/* test_session_sqlite.c -- the store of sessions in a file: over a restart, with several programs,
 * and when the file, the disk, its rights or the memory are not as they should be. What every store
 * promises is test_session_store.c.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "web/session_sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#if CSTAR_WITH_SQLITE

#include <sqlite3.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { EXPIRES = 1000, SESSIONS = 200, OPENERS = 6, NOBODY = 65534 };

static char folder[48];
static char path[80];
static char told[200]; /* the last text of on_error */

static void on_error(void *arg, const char *text) {
    assert_ptr_equal(arg, told);
    (void)snprintf(told, sizeof told, "%s", text);
}

static const cstar_session_sqlite_opts defaults = {
    .path = path, .wait_ms = 20000, .on_error = on_error, .arg = told};
static const cstar_session_sqlite_opts impatient = {
    .path = path, .wait_ms = 1, .on_error = on_error, .arg = told};

static cstar_session_store open_store(const cstar_session_sqlite_opts *opts) {
    cstar_session_store s;
    cstar_err err = {0};
    const cstar_status rc = cstar_session_sqlite(opts, &s, &err);
    if (rc != CSTAR_OK) {
        print_error("%s\n", err.text);
    }
    assert_int_equal(rc, CSTAR_OK);
    told[0] = '\0';
    return s;
}

static void check_refused(cstar_status code, const char *text) {
    cstar_session_store s = {.ctx = &s};
    cstar_err err = {0};
    assert_int_equal(cstar_session_sqlite(&impatient, &s, &err), code);
    assert_null(s.ctx);
    if (strstr(err.text, text) == NULL) {
        print_error("not \"%s\" in \"%s\"\n", text, err.text);
        fail();
    }
    assert_int_equal(cstar_session_sqlite(&impatient, &s, NULL), code);
}

typedef struct name {
    char text[44];
} name;

static cstar_str id_of(name *n, unsigned i) {
    (void)snprintf(n->text, sizeof n->text, "%043u", i);
    return cstar_cstr(n->text);
}

static cstar_status save(const cstar_session_store *s, unsigned i, const char *data) {
    name n;
    return s->save(s->ctx, id_of(&n, i), cstar_cstr(data), EXPIRES, true);
}

/* "": there is none; "?": an error */
static const char *load(const cstar_session_store *s, unsigned i, int64_t now) {
    static char text[8192];
    name n;
    cstar_buf out;
    cstar_buf_fixed(&out, text, sizeof text - 1);
    const cstar_status rc = s->load(s->ctx, id_of(&n, i), now, &out);
    text[out.len] = '\0';
    return rc == CSTAR_OK ? text : rc == CSTAR_ENOENT ? "" : "?";
}

/* In memory where there is such a place: nearly every test here has a disk write something out. */
static int setup(void **state) {
    const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/cstar-sqlite-XXXXXX", where);
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/sessions.db", folder);
    return 0;
}

static void side_file(char out[96], const char *suffix) {
    (void)snprintf(out, 96, "%s%s", path, suffix);
}

static int teardown(void **state) {
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char file[96];
        side_file(file, suffixes[i]);
        (void)unlink(file);
    }
    return rmdir(folder);
}

/* ---- a second look, by SQLite itself ---- */

static sqlite3 *open_raw(void) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
                     SQLITE_OK);
    return db;
}

static void do_raw(const char *sql) {
    sqlite3 *db = open_raw();
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int ask_raw(const char *sql) {
    sqlite3 *db = open_raw();
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    const int n = sqlite3_column_int(s, 0);
    assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

static int count(void) { return ask_raw("SELECT count(*) FROM session"); }

/* ---- files ---- */

static void test_modes(void **state) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    const mode_t mask = umask(0);
    (void)state;
    const cstar_session_store s = open_store(&defaults);
    assert_int_equal(save(&s, 1, "one"), CSTAR_OK);
    for (size_t i = 0; i < 3; i++) {
        char file[96];
        struct stat st;
        side_file(file, suffixes[i]);
        assert_int_equal(stat(file, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    (void)umask(mask);
    s.free(s.ctx);
}

static void test_restart(void **state) {
    (void)state;
    cstar_session_store s = open_store(&defaults);
    assert_int_equal(save(&s, 1, "one"), CSTAR_OK);
    assert_int_equal(save(&s, 2, "two"), CSTAR_OK);
    s.free(s.ctx);
    s = open_store(&defaults);
    name n;
    assert_string_equal(load(&s, 1, 1), "one");
    assert_int_equal(s.remove(s.ctx, id_of(&n, 1)), CSTAR_OK);
    s.free(s.ctx);
    s = open_store(&defaults);
    assert_string_equal(load(&s, 1, 1), "");
    assert_string_equal(load(&s, 2, 1), "two");
    assert_string_equal(load(&s, 2, EXPIRES + 1), "");
    assert_string_equal(told, "");
    s.free(s.ctx);
}

/* A process that dies, and closes nothing, has lost nothing. */
static void test_crash(void **state) {
    (void)state;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        cstar_session_store s;
        const bool ok = cstar_session_sqlite(&defaults, &s, NULL) == CSTAR_OK &&
                        save(&s, 1, "one") == CSTAR_OK && save(&s, 2, "two") == CSTAR_OK;
        (void)raise(ok ? SIGKILL : SIGTERM);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    const cstar_session_store s = open_store(&defaults);
    assert_string_equal(load(&s, 1, 1), "one");
    assert_string_equal(load(&s, 2, 1), "two");
    s.free(s.ctx);
}

/* ---- shared ---- */

static void test_two_stores(void **state) {
    (void)state;
    name n;
    const cstar_session_store a = open_store(&defaults);
    const cstar_session_store b = open_store(&defaults);
    assert_int_equal(save(&a, 1, "of a"), CSTAR_OK);
    assert_string_equal(load(&b, 1, 1), "of a");
    assert_int_equal(save(&b, 1, "of b"), CSTAR_OK);
    assert_string_equal(load(&a, 1, 1), "of b");
    assert_int_equal(b.remove(b.ctx, id_of(&n, 1)), CSTAR_OK);
    assert_string_equal(load(&a, 1, 1), "");
    assert_int_equal(a.save(a.ctx, id_of(&n, 1), CSTAR_STR("back"), EXPIRES, false), CSTAR_ENOENT);
    assert_int_equal(save(&b, 2, "two"), CSTAR_OK);
    b.free(b.ctx);
    assert_string_equal(load(&a, 2, 1), "two");
    a.free(a.ctx);
}

/* In a process of its own: `first` and those behind it, each read back. */
static void run_writer(unsigned first) {
    cstar_session_store s;
    bool ok = cstar_session_sqlite(&defaults, &s, NULL) == CSTAR_OK;
    for (unsigned i = first; i < first + SESSIONS && ok; i++) {
        ok = save(&s, i, "theirs") == CSTAR_OK && strcmp(load(&s, i, 1), "theirs") == 0 &&
             save(&s, 0, "everybody's") == CSTAR_OK;
    }
    if (ok) {
        s.free(s.ctx);
    }
    _exit(ok ? 0 : 1);
}

static void test_two_processes(void **state) {
    (void)state;
    pid_t children[2];
    for (unsigned i = 0; i < 2; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            run_writer(1 + i * SESSIONS);
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    const cstar_session_store s = open_store(&defaults);
    for (unsigned i = 1; i < 1 + 2 * SESSIONS; i++) {
        assert_string_equal(load(&s, i, 1), "theirs");
    }
    assert_string_equal(load(&s, 0, 1), "everybody's");
    s.free(s.ctx);
}

typedef struct opener {
    pthread_t thread;
    pthread_barrier_t *together;
    unsigned number;
    bool ok;
} opener;

static void *open_and_save(void *arg) {
    opener *o = arg;
    cstar_session_store s;
    (void)pthread_barrier_wait(o->together);
    o->ok = cstar_session_sqlite(&defaults, &s, NULL) == CSTAR_OK;
    if (o->ok) {
        o->ok = save(&s, o->number, "opened") == CSTAR_OK;
        s.free(s.ctx);
    }
    return NULL;
}

/* Of those who come to a file that is not there yet, all find one that works. */
static void test_opened_together(void **state) {
    opener all[OPENERS];
    pthread_barrier_t together;
    assert_int_equal(pthread_barrier_init(&together, NULL, OPENERS), 0);
    for (int round = 0; round < 5; round++) {
        for (unsigned i = 0; i < OPENERS; i++) {
            all[i] = (opener){.together = &together, .number = i};
            assert_int_equal(pthread_create(&all[i].thread, NULL, open_and_save, &all[i]), 0);
        }
        for (unsigned i = 0; i < OPENERS; i++) {
            assert_int_equal(pthread_join(all[i].thread, NULL), 0);
        }
        for (unsigned i = 0; i < OPENERS; i++) {
            assert_true(all[i].ok);
        }
        assert_int_equal(count(), OPENERS);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
    }
    (void)pthread_barrier_destroy(&together);
}

/* A file without a log, and somebody who reads it: opening waits until he is done. However late or
 * early he is, it has to go well. */
static void test_opened_while_read(void **state) {
    (void)state;
    const cstar_session_store s = open_store(&defaults);
    assert_int_equal(save(&s, 1, "one"), CSTAR_OK);
    s.free(s.ctx);
    do_raw("PRAGMA journal_mode = DELETE");
    sqlite3 *db = open_raw();
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT * FROM session", NULL, NULL, NULL), SQLITE_OK);
    check_refused(CSTAR_EIO, "database is locked");
    pthread_barrier_t together;
    assert_int_equal(pthread_barrier_init(&together, NULL, 2), 0);
    opener o = {.together = &together, .number = 2};
    assert_int_equal(pthread_create(&o.thread, NULL, open_and_save, &o), 0);
    (void)pthread_barrier_wait(&together);
    (void)nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(pthread_join(o.thread, NULL), 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_true(o.ok);
    assert_int_equal(count(), 2);
    (void)pthread_barrier_destroy(&together);
}

/* Somebody holds the file: who reads goes on; who writes fails, later, and nothing is lost. */
static void test_locked(void **state) {
    (void)state;
    const cstar_session_store s = open_store(&impatient);
    assert_int_equal(save(&s, 1, "one"), CSTAR_OK);
    sqlite3 *db = open_raw();
    assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    name n;
    assert_string_equal(load(&s, 1, 1), "one");
    assert_int_equal(save(&s, 1, "two"), CSTAR_EIO);
    assert_string_equal(told, "database is locked");
    assert_int_equal(save(&s, 2, "two"), CSTAR_EIO);
    assert_int_equal(s.remove(s.ctx, id_of(&n, 1)), CSTAR_EIO);
    check_refused(CSTAR_EIO, "database is locked");
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_string_equal(load(&s, 1, 1), "one");
    assert_string_equal(load(&s, 2, 1), "");
    assert_int_equal(save(&s, 1, "three"), CSTAR_OK);
    assert_string_equal(load(&s, 1, 1), "three");
    s.free(s.ctx);
}

/* ---- sweeping ---- */

static void test_sweep(void **state) {
    (void)state;
    name n;
    const cstar_session_store s = open_store(&defaults);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(save(&s, i, "old"), CSTAR_OK);
    }
    for (unsigned i = 200; i < 216; i++) { /* nobody has said what time it is */
        assert_int_equal(s.save(s.ctx, id_of(&n, i), CSTAR_STR("new"), 5000, true), CSTAR_OK);
    }
    assert_int_equal(count(), 116);
    assert_string_equal(load(&s, 1, EXPIRES), "old");
    for (unsigned i = 216; i < 232; i++) { /* they may still be asked for */
        assert_int_equal(s.save(s.ctx, id_of(&n, i), CSTAR_STR("new"), 5000, true), CSTAR_OK);
    }
    assert_int_equal(count(), 132);
    assert_string_equal(load(&s, 1, EXPIRES + 1), "");
    int before = count();
    for (unsigned round = 0; round < 12; round++) {
        for (unsigned i = 0; i < 8; i++) { /* none is added */
            assert_int_equal(s.save(s.ctx, id_of(&n, 200 + i), CSTAR_STR("newer"), 5000, false),
                             CSTAR_OK);
        }
        const int now = count();
        assert_int_equal(now, before - 16 > 32 ? before - 16 : 32); /* bounded, but it goes on */
        before = now;
    }
    assert_int_equal(before, 32);
    for (unsigned i = 200; i < 232; i++) {
        assert_string_not_equal(load(&s, i, 5000), "");
    }
    s.free(s.ctx);
}

/* ---- files that are something else ---- */

static void write_file(const char *bytes, size_t len, off_t at) {
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, at), len);
    assert_int_equal(close(fd), 0);
}

static size_t read_file(char *out, size_t cap) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const ssize_t n = pread(fd, out, cap, 0);
    assert_true(n >= 0);
    assert_int_equal(close(fd), 0);
    return (size_t)n;
}

static void check_untouched(cstar_status code, const char *text) {
    static char before[65536];
    static char after[65536];
    const size_t len = read_file(before, sizeof before);
    check_refused(code, text);
    assert_int_equal(read_file(after, sizeof after), len);
    assert_memory_equal(before, after, len);
}

static void test_no_database(void **state) {
    char text[5000];
    (void)state;
    memset(text, 'x', sizeof text);
    write_file(text, sizeof text, 0);
    check_untouched(CSTAR_EIO, "not a database");
    assert_int_equal(truncate(path, 20), 0);
    check_untouched(CSTAR_EIO, "not a database");
}

static void test_other_databases(void **state) {
    (void)state;
    do_raw("CREATE TABLE session (id TEXT)"); /* even of that name */
    check_untouched(CSTAR_ETYPE, "another program's");
    do_raw("DROP TABLE session; PRAGMA user_version = 1");
    check_untouched(CSTAR_ETYPE, "another program's");
    do_raw("PRAGMA user_version = 0; PRAGMA application_id = 5");
    check_untouched(CSTAR_ETYPE, "another program's");
    do_raw("PRAGMA application_id = 0"); /* empty: may be had */
    const cstar_session_store s = open_store(&defaults);
    s.free(s.ctx);
    do_raw("PRAGMA user_version = 2");
    check_refused(CSTAR_ETYPE, "schema 2, this cstar knows 1");
}

static void test_empty_file(void **state) {
    (void)state;
    write_file("", 0, 0);
    const cstar_session_store s = open_store(&defaults);
    assert_int_equal(save(&s, 1, "one"), CSTAR_OK);
    s.free(s.ctx);
}

/* Damage is not "no such session": that would log people out and then write over what is left. */
static void test_damaged(void **state) {
    char junk[4096];
    name n;
    (void)state;
    cstar_session_store s = open_store(&defaults);
    for (unsigned i = 0; i < SESSIONS; i++) {
        assert_int_equal(save(&s, i, "one of many, so that it takes some pages"), CSTAR_OK);
    }
    s.free(s.ctx);
    memset(junk, 0xff, sizeof junk);
    const int pages = ask_raw("PRAGMA page_count");
    assert_true(pages > 3);
    for (int i = 1; i < pages; i++) { /* all but the first, which has the schema */
        write_file(junk, sizeof junk, (off_t)i * (off_t)sizeof junk);
    }
    s = open_store(&defaults);
    assert_string_equal(load(&s, 5, 1), "?");
    assert_string_equal(told, "database disk image is malformed");
    assert_int_equal(save(&s, 5, "new"), CSTAR_EIO);
    assert_int_equal(s.remove(s.ctx, id_of(&n, 5)), CSTAR_EIO);
    s.free(s.ctx);
}

/* ---- rights ---- */

static void become(uid_t user) { assert_int_equal(seteuid(user), 0); }

static void test_rights(void **state) {
    const uid_t me = geteuid();
    const uid_t other = me == 0 ? NOBODY : me; /* root may write everywhere */
    (void)state;
    const cstar_session_store s = open_store(&defaults);
    s.free(s.ctx);
    assert_int_equal(chmod(folder, 0555), 0);
    assert_int_equal(chmod(path, 0444), 0);
    become(other);
    check_refused(CSTAR_EIO, "readonly database");
    become(me);
    assert_int_equal(chmod(path, 0666), 0);
    become(other); /* the file may be written, but there can be no log beside it */
    check_refused(CSTAR_EIO, "readonly database");
    become(me);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    become(other);
    check_refused(CSTAR_EIO, "Permission denied");
    become(me);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_paths(void **state) {
    static const char *const bad[] = {NULL, "", ":memory:", "file:x?mode=memory"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cstar_session_store s = {.ctx = &s};
        cstar_err err = {0};
        const cstar_session_sqlite_opts opts = {.path = bad[i]};
        assert_int_equal(cstar_session_sqlite(&opts, &s, &err), CSTAR_EINVAL);
        assert_string_equal(err.where, "path");
        assert_null(s.ctx);
    }
    (void)snprintf(path, sizeof path, "%s/nowhere/sessions.db", folder);
    check_refused(CSTAR_EIO, "No such file or directory");
    (void)snprintf(path, sizeof path, "%s", folder);
    check_refused(CSTAR_EIO, "unable to open database file");
}

/* ---- a full disk ---- */

static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_full_disk(void **state) {
    char data[2000];
    struct rlimit was;
    unsigned kept = 0;
    name n;
    (void)state;
    memset(data, 'd', sizeof data - 1);
    data[sizeof data - 1] = '\0';
    cstar_session_store s = open_store(&defaults);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    limit_files(200000);
    while (kept < 1000 && save(&s, kept, data) == CSTAR_OK) {
        kept++;
    }
    assert_in_range(kept, 5, 100);
    assert_string_not_equal(told, "");
    assert_int_equal(save(&s, kept, data), CSTAR_EIO);
    assert_int_equal(save(&s, 0, "another"), CSTAR_EIO);
    assert_int_equal(s.remove(s.ctx, id_of(&n, 1)), CSTAR_EIO);
    for (unsigned i = 0; i < kept; i++) {
        assert_string_equal(load(&s, i, 1), data);
    }
    assert_string_equal(load(&s, kept, 1), "");
    limit_files(was.rlim_cur);
    assert_int_equal(save(&s, 0, "another"), CSTAR_OK);
    assert_int_equal(save(&s, kept, data), CSTAR_OK);
    s.free(s.ctx);
    s = open_store(&defaults);
    assert_string_equal(load(&s, 0, 1), "another");
    for (unsigned i = 1; i <= kept; i++) {
        assert_string_equal(load(&s, i, 1), data);
    }
    assert_int_equal(ask_raw("SELECT count(*) FROM pragma_integrity_check"), 1);
    s.free(s.ctx);
}

/* ---- memory ---- */

/* SQLite's own allocator, whose n-th call fails; put in place before SQLite is used at all. */
static sqlite3_mem_methods real_memory;
static size_t memory_calls, memory_fails_at;

static bool fails(void) { return ++memory_calls == memory_fails_at; }

static void *fail_malloc(int size) { return fails() ? NULL : real_memory.xMalloc(size); }

static void *fail_realloc(void *ptr, int size) {
    return fails() ? NULL : real_memory.xRealloc(ptr, size);
}

static int take_memory(void) {
    sqlite3_mem_methods mine;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory) != SQLITE_OK) {
        return -1;
    }
    mine = real_memory;
    mine.xMalloc = fail_malloc;
    mine.xRealloc = fail_realloc;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &mine) == SQLITE_OK ? 0 : -1;
}

/* Whether all of it went well; what did not has said so, and has not happened. */
static bool use_all(const cstar_session_store *s) {
    name n;
    char text[200] = "";
    cstar_buf out;
    const cstar_str id = id_of(&n, 1);
    const cstar_status saved = s->save(s->ctx, id, CSTAR_STR("first"), EXPIRES, true);
    const cstar_status again = s->save(s->ctx, id, CSTAR_STR("second"), EXPIRES, false);
    cstar_buf_fixed(&out, text, sizeof text);
    const cstar_status loaded = s->load(s->ctx, id, 1, &out);
    const cstar_status gone = s->remove(s->ctx, id);
    assert_true(saved == CSTAR_OK || saved == CSTAR_ENOMEM);
    assert_true(again == (saved == CSTAR_OK ? CSTAR_OK : CSTAR_ENOENT) || again == CSTAR_ENOMEM);
    assert_true(loaded == (saved == CSTAR_OK ? CSTAR_OK : CSTAR_ENOENT) || loaded == CSTAR_ENOMEM);
    if (loaded == CSTAR_OK) {
        assert_true(cstar_str_eq(cstar_buf_view(&out),
                                 again == CSTAR_OK ? CSTAR_STR("second") : CSTAR_STR("first")));
    }
    assert_true(gone == CSTAR_OK || gone == CSTAR_ENOMEM);
    return saved == CSTAR_OK && again == CSTAR_OK && loaded == CSTAR_OK && gone == CSTAR_OK;
}

/* The n-th allocation fails, for every n there is; on a new file, then on one that is there. */
static size_t run_scarce(bool fresh_file, void **state) {
    size_t refused = 0;
    for (size_t at = 1;; at++) {
        cstar_session_store s = {.ctx = NULL};
        cstar_err err = {0};
        memory_calls = 0;
        memory_fails_at = at;
        const cstar_status rc = cstar_session_sqlite(&impatient, &s, &err);
        bool ok = rc == CSTAR_OK;
        assert_true(ok || (rc == CSTAR_ENOMEM && s.ctx == NULL && err.text[0] != '\0'));
        refused += !ok;
        if (s.ctx != NULL) {
            ok = use_all(&s);
            s.free(s.ctx);
        }
        const bool reached = memory_calls >= at;
        memory_fails_at = 0;
        if (!reached) {
            assert_true(ok);
            return refused;
        }
        const cstar_session_store after = open_store(&defaults); /* it has done no harm */
        assert_int_equal(save(&after, 2, "two"), CSTAR_OK);
        after.free(after.ctx);
        if (fresh_file) {
            assert_int_equal(teardown(state), 0);
            assert_int_equal(setup(state), 0);
        }
    }
}

static void test_sqlite_has_no_memory(void **state) {
    const sqlite3_int64 before = sqlite3_memory_used();
    assert_true(run_scarce(true, state) > 10);
    assert_true(run_scarce(false, state) > 10);
    assert_int_equal(sqlite3_memory_used(), before);
}

static void test_no_memory(void **state) {
    failalloc memory;
    cstar_session_store s;
    cstar_err err = {0};
    (void)state;
    failalloc_init(&memory, 1);
    assert_int_equal(cstar__session_sqlite_open(&memory.alloc, &defaults, &s, &err), CSTAR_ENOMEM);
    assert_int_equal(err.code, CSTAR_ENOMEM);
    assert_null(s.ctx);
    failalloc_init(&memory, 0);
    assert_int_equal(cstar__session_sqlite_open(&memory.alloc, &defaults, &s, &err), CSTAR_OK);
    assert_int_equal(memory.calls, 1);
    s.free(s.ctx);
    assert_int_equal(memory.live_blocks, 0);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s", folder);
    assert_int_equal(cstar__session_sqlite_open(&memory.alloc, &defaults, &s, &err), CSTAR_EIO);
    assert_int_equal(memory.live_blocks, 0);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_modes),
        WITH_FOLDER(test_restart),
        WITH_FOLDER(test_crash),
        WITH_FOLDER(test_two_stores),
        WITH_FOLDER(test_two_processes),
        WITH_FOLDER(test_opened_together),
        WITH_FOLDER(test_opened_while_read),
        WITH_FOLDER(test_locked),
        WITH_FOLDER(test_sweep),
        WITH_FOLDER(test_no_database),
        WITH_FOLDER(test_other_databases),
        WITH_FOLDER(test_empty_file),
        WITH_FOLDER(test_damaged),
        WITH_FOLDER(test_rights),
        WITH_FOLDER(test_paths),
        WITH_FOLDER(test_full_disk),
        WITH_FOLDER(test_sqlite_has_no_memory),
        WITH_FOLDER(test_no_memory),
    };
    return take_memory() != 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void test_not_built(void **state) {
    cstar_session_store s = {.ctx = &s};
    cstar_err err = {0};
    (void)state;
    const cstar_session_sqlite_opts opts = {.path = "sessions.db"};
    assert_int_equal(cstar_session_sqlite(&opts, &s, &err), CSTAR_ENOTSUP);
    assert_null(s.ctx);
    assert_non_null(strstr(err.text, "no SQLite"));
    assert_int_equal(access("sessions.db", F_OK), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_not_built)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
