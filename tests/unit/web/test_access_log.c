/* test_access_log.c -- the access log's file: written late but wholly, opened again, full, unread.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "web/access_log.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct rig {
    char folder[64], path[96], other[96];
    failalloc memory;
    cstar_err err;
    char said[256];
    unsigned complaints;
} rig;

static void complain(void *arg, const char *line) {
    rig *r = arg;
    (void)snprintf(r->said, sizeof r->said, "%s", line);
    r->complaints++;
}

static cstar__access_log *open_log(rig *r, const char *path) {
    memset(&r->err, 0, sizeof r->err);
    return cstar__access_log_new(&(cstar__access_log_opts){path, &r->memory.alloc, complain, r},
                                 &r->err);
}

static int setup(void **state) {
    rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(r->folder, sizeof r->folder, "%.40s/cstar-log-XXXXXX",
                   tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(r->folder));
    (void)snprintf(r->path, sizeof r->path, "%s/access.log", r->folder);
    (void)snprintf(r->other, sizeof r->other, "%s/access.log.1", r->folder);
    failalloc_init(&r->memory, 0);
    *state = r;
    return 0;
}

static int teardown(void **state) {
    rig *r = *state;
    (void)unlink(r->path);
    (void)unlink(r->other);
    assert_int_equal(rmdir(r->folder), 0);
    assert_int_equal(r->memory.live_blocks, 0);
    free(r);
    return 0;
}

/* The content of a file, NUL-terminated; free() it. */
static char *content(const char *path) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = malloc((size_t)4 << 20);
    assert_non_null(text);
    size_t n = fread(text, 1, ((size_t)4 << 20) - 1, f);
    text[n] = '\0';
    (void)fclose(f);
    return text;
}

static void assert_content(const char *path, const char *expected) {
    char *text = content(path);
    assert_string_equal(text, expected);
    free(text);
}

/* ---- the usual ---- */

static void lines_are_kept_and_written(void **state) {
    rig *r = *state;
    cstar__access_log *log = open_log(r, r->path);
    assert_non_null(log);
    cstar__access_log_write(log, CSTAR_STR("one\n"));
    assert_content(r->path, "");
    cstar__access_log_flush(log);
    assert_content(r->path, "one\n");
    cstar__access_log_write(log, CSTAR_STR("two\n"));
    cstar__access_log_free(log);
    assert_content(r->path, "one\ntwo\n");
    log = open_log(r, r->path); /* appended */
    cstar__access_log_write(log, CSTAR_STR("three\n"));
    cstar__access_log_free(log);
    assert_content(r->path, "one\ntwo\nthree\n");
    struct stat st;
    assert_int_equal(stat(r->path, &st), 0);
    assert_int_equal(st.st_mode & 07, 0); /* addresses are nobody else's business */
    assert_int_equal(r->complaints, 0);
    cstar__access_log_free(NULL);
}

static void many_lines_need_no_flush(void **state) {
    rig *r = *state;
    cstar__access_log *log = open_log(r, r->path);
    for (unsigned i = 0; i < 50000; i++) {
        char text[32];
        int n = snprintf(text, sizeof text, "line %u\n", i);
        cstar__access_log_write(log, cstar_view(text, (size_t)n));
    }
    assert_int_equal(cstar__access_log_lost(log), 0);
    cstar__access_log_free(log);
    char *all = content(r->path);
    char *p = all;
    for (unsigned i = 0; i < 50000; i++) {
        char text[32];
        int n = snprintf(text, sizeof text, "line %u\n", i);
        assert_memory_equal(p, text, (size_t)n);
        p += n;
    }
    assert_int_equal(*p, '\0');
    free(all);
}

static void opened_again(void **state) {
    rig *r = *state;
    cstar__access_log *log = open_log(r, r->path);
    cstar__access_log_write(log, CSTAR_STR("old\n"));
    assert_int_equal(rename(r->path, r->other), 0);
    cstar__access_log_write(log, CSTAR_STR("still old\n"));
    assert_int_equal(cstar__access_log_reopen(log, &r->err), CSTAR_OK);
    cstar__access_log_write(log, CSTAR_STR("new\n"));
    cstar__access_log_free(log);
    assert_content(r->other, "old\nstill old\n");
    assert_content(r->path, "new\n");
}

static void a_failed_reopen_keeps_the_old_one(void **state) {
    rig *r = *state;
    cstar__access_log *log = open_log(r, r->path);
    assert_int_equal(rename(r->path, r->other), 0);
    assert_int_equal(mkdir(r->path, 0700), 0);
    assert_int_equal(cstar__access_log_reopen(log, &r->err), CSTAR_EIO);
    assert_non_null(strstr(r->err.text, r->path));
    cstar__access_log_write(log, CSTAR_STR("here\n"));
    cstar__access_log_free(log);
    assert_content(r->other, "here\n");
    assert_int_equal(rmdir(r->path), 0);
}

static void what_cannot_be_opened(void **state) {
    rig *r = *state;
    assert_null(open_log(r, r->folder));
    assert_int_equal(r->err.code, CSTAR_EIO);
    assert_non_null(strstr(r->err.text, "access_log: can't write to"));
    char fifo[128];
    (void)snprintf(fifo, sizeof fifo, "%s/fifo", r->folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_null(open_log(r, fifo)); /* nobody reads it; and it does not wait for somebody */
    (void)unlink(fifo);
    r->memory.calls = 0;
    r->memory.fail_at = 1;
    assert_null(open_log(r, r->path));
    assert_int_equal(r->err.code, CSTAR_ENOMEM);
}

/* ---- trouble ---- */

static void a_full_disk_goes_on_where_it_was(void **state) {
    rig *r = *state;
    if (access("/dev/full", W_OK) != 0) {
        skip();
    }
    cstar__access_log *log = open_log(r, "/dev/full");
    assert_non_null(log);
    static char line[1024];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    for (unsigned i = 0; i < 100; i++) {
        cstar__access_log_write(log, cstar_view(line, sizeof line));
    }
    assert_int_equal(cstar__access_log_lost(log), 100 - 64); /* 64 KiB are kept */
    cstar__access_log_flush(log);
    assert_int_equal(r->complaints, 1);
    assert_non_null(strstr(r->said, "36 lines were lost: No space left"));
    cstar__access_log_write(log, cstar_view(line, sizeof line));
    cstar__access_log_flush(log);
    assert_int_equal(r->complaints, 1); /* once a minute */
    cstar__access_log_free(log);
    assert_int_equal(r->complaints, 2); /* but at the end */
    assert_non_null(strstr(r->said, "65 lines were lost"));
}

/* stdout becomes the write end of a pipe. @return the read end. */
static int pipe_stdout(int *saved) {
    int ends[2];
    (void)fflush(stdout);
    *saved = dup(STDOUT_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDOUT_FILENO) >= 0);
    (void)close(ends[1]);
    return ends[0];
}

static void restore_stdout(int saved) {
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    (void)close(saved);
}

/* Nobody reads: it never waits, loses whole lines, and what gets through is in order. */
static void a_pipe_that_nobody_reads(void **state) {
    rig *r = *state;
    int saved = -1;
    const int end = pipe_stdout(&saved);
    cstar__access_log *log = open_log(r, "-");
    for (unsigned i = 0; i < 50000; i++) {
        char text[32];
        int n = snprintf(text, sizeof text, "%010u\n", i);
        cstar__access_log_write(log, cstar_view(text, (size_t)n));
    }
    const uint64_t lost = cstar__access_log_lost(log);
    cstar__access_log_flush(log);
    const cstar_status again = cstar__access_log_reopen(log, &r->err);
    cstar__access_log_free(log);
    restore_stdout(saved);
    assert_true(lost > 10000);
    assert_int_equal(again, CSTAR_ESTATE);
    assert_int_equal(r->complaints, 2);
    assert_non_null(strstr(r->said, "it is not read"));
    char text[12];
    unsigned n = 0;
    while (read(end, text, 11) == 11) {
        char expected[16];
        (void)snprintf(expected, sizeof expected, "%010u\n", n++);
        assert_memory_equal(text, expected, 11);
    }
    assert_true(n > 100);
    (void)close(end);
}

static void a_pipe_that_was_closed(void **state) {
    rig *r = *state;
    int saved = -1;
    (void)close(pipe_stdout(&saved));
    cstar__access_log *log = open_log(r, "-");
    cstar__access_log_write(log, CSTAR_STR("to nobody\n"));
    cstar__access_log_free(log); /* no SIGPIPE */
    restore_stdout(saved);
    assert_int_equal(r->complaints, 1);
    assert_non_null(strstr(r->said, "1 lines were lost"));
}

/* ---- threads ---- */

enum { WRITERS = 4, LINES = 5000 };

static void *write_lines(void *arg) {
    for (unsigned i = 0; i < LINES; i++) {
        cstar__access_log_write(arg, CSTAR_STR("a line of some length\n"));
    }
    return NULL;
}

static void renamed_under_load(void **state) {
    rig *r = *state;
    pthread_t writers[WRITERS];
    cstar__access_log *log = open_log(r, r->path);
    size_t total = 0;
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&writers[i], NULL, write_lines, log), 0);
    }
    for (unsigned round = 0; round < 50; round++) {
        assert_int_equal(rename(r->path, r->other), 0);
        cstar__access_log_flush(log);
        assert_int_equal(cstar__access_log_reopen(log, &r->err), CSTAR_OK);
        char *text = content(r->other);
        total += strlen(text);
        free(text);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        (void)pthread_join(writers[i], NULL);
    }
    assert_int_equal(cstar__access_log_lost(log), 0);
    cstar__access_log_free(log);
    char *text = content(r->path);
    total += strlen(text);
    free(text);
    assert_int_equal(total, (size_t)WRITERS * LINES * 22);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_kept_and_written, setup, teardown),
        cmocka_unit_test_setup_teardown(many_lines_need_no_flush, setup, teardown),
        cmocka_unit_test_setup_teardown(opened_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_reopen_keeps_the_old_one, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_goes_on_where_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pipe_that_nobody_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pipe_that_was_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(renamed_under_load, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
