/* browser.c -- what only JavaScript can tell: expressions and patterns, all in one Node process.
 *
 * The jobs go to the helper's standard input as one JSON array, from a temporary file, so that
 * neither side can block the other; its answers come back through a pipe, one JSON array in the
 * order of the jobs.
 *
 * SPDX-License-Identifier: MIT */
#include "runner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct browser {
    cstar_buf jobs;
    cstar_buf answers;
    cstar_json_writer w;
    size_t n;
};

browser *browser_new(void) {
    browser *b = calloc(1, sizeof *b);
    if (b != NULL) {
        cstar_buf_init(&b->jobs, cstar_heap(), (size_t)1 << 30);
        cstar_buf_init(&b->answers, cstar_heap(), (size_t)1 << 30);
        cstar_json_writer_init(&b->w, &b->jobs, 0);
        cstar_json_begin_array(&b->w);
    }
    return b;
}

void browser_free(browser *b) {
    if (b != NULL) {
        cstar_buf_fini(&b->jobs);
        cstar_buf_fini(&b->answers);
        free(b);
    }
}

size_t browser_jobs(const browser *b) { return b->n; }

bool browser_add(browser *b, size_t id, const cstar_json *test, cstar_str text) {
    const cstar_json *pattern = cstar_json_get(cstar_json_get(test, "expect"), "regex");
    const cstar_json *stubs = cstar_json_get(cstar_json_get(test, "args"), "browser");
    cstar_json_begin_object(&b->w);
    cstar_json_set(&b->w, "id", id);
    cstar_json_set(&b->w, "text", text);
    cstar_json_put_key(&b->w, pattern != NULL ? CSTAR_STR("pattern") : CSTAR_STR("browser"));
    if (pattern != NULL || stubs != NULL) {
        cstar_json_put_val(&b->w, cstar_val_tree(pattern != NULL ? pattern : stubs));
    } else {
        cstar_json_put_val(&b->w, cstar_json_text("{}"));
    }
    cstar_json_end_object(&b->w);
    b->n++;
    return b->w.status == CSTAR_OK;
}

/* ---- the process ---- */

/* The helper lies beside this source file, whose folder the build names: __FILE__ may be relative
 * to anywhere. CSTAR_CASES_NODE names another one. */
static const char *helper_path(void) {
    const char *given = getenv("CSTAR_CASES_NODE");
    return given != NULL && *given != '\0' ? given : CASES_FOLDER "/expression.mjs";
}

/* In the child: never returns. */
static void become_node(int in, int out, const char *helper) {
    if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0) {
        execlp("node", "node", helper, (char *)NULL);
        execlp("nodejs", "nodejs", helper, (char *)NULL);
    }
    _exit(127);
}

static void read_all(int fd, cstar_buf *out) {
    for (;;) {
        if (!cstar_buf_room(out, 65536)) {
            return;
        }
        ssize_t n = read(fd, out->ptr + out->len, 65536);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return;
        }
        out->len += n > 0 ? (size_t)n : 0;
    }
}

/* @return the exit status, or -1. */
static int run_node(FILE *jobs, const char *helper, cstar_buf *answers) {
    int ends[2];
    int status = -1;
    if (pipe(ends) != 0) {
        return -1;
    }
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        become_node(fileno(jobs), ends[1], helper);
    }
    (void)close(ends[1]);
    if (child > 0) {
        read_all(ends[0], answers);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
    }
    (void)close(ends[0]);
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const cstar_json *browser_run(browser *b, cstar_arena *arena, const char **why) {
    const char *helper = helper_path();
    cstar_json_end_array(&b->w);
    if (cstar_json_writer_end(&b->w) != CSTAR_OK) {
        *why = "out of memory";
        return NULL;
    }
    if (access(helper, R_OK) != 0) {
        *why = "expression.mjs is not there (CSTAR_CASES_NODE names it)";
        return NULL;
    }
    FILE *jobs = tmpfile();
    if (jobs == NULL || fwrite(b->jobs.ptr, 1, b->jobs.len, jobs) != b->jobs.len ||
        fflush(jobs) != 0 || fseek(jobs, 0, SEEK_SET) != 0) {
        *why = "no temporary file";
    } else {
        int status = run_node(jobs, helper, &b->answers);
        *why = status == 127 ? BROWSER_NO_NODE : "the Node helper failed";
    }
    if (jobs != NULL) {
        (void)fclose(jobs);
    }
    const cstar_json *answers = json_any(arena, cstar_buf_view(&b->answers));
    return cstar_json_size(answers) == b->n ? answers : NULL;
}

/* ---- the answers ---- */

static bool options_same(const cstar_json *got, const cstar_json *expected, cstar_arena *arena) {
    if (cstar_json_typeof(got) != CSTAR_JSON_STRING ||
        cstar_json_typeof(expected) != CSTAR_JSON_STRING) {
        return json_same(got, expected);
    }
    const cstar_json *a = json_any(arena, cstar_json_view(got));
    const cstar_json *b = json_any(arena, cstar_json_view(expected));
    return a != NULL && b != NULL && json_same(a, b);
}

bool browser_agrees(const cstar_json *test, const cstar_json *answer, cstar_arena *arena) {
    const cstar_json *expect = cstar_json_get(test, "expect");
    if (cstar_json_get(expect, "regex") != NULL) {
        return cstar_json_bool(cstar_json_get(answer, "match"), false);
    }
    if (cstar_json_get(answer, "fault") != NULL) {
        return false; /* it threw, or lost its way: never right, whatever was expected */
    }
    if (cstar_json_bool(cstar_json_get(expect, "error"), false)) {
        return cstar_json_get(answer, "url") == NULL;
    }
    return json_same(cstar_json_get(answer, "verb"), cstar_json_get(expect, "verb")) &&
           json_same(cstar_json_get(answer, "url"), cstar_json_get(expect, "url")) &&
           options_same(cstar_json_get(answer, "options"), cstar_json_get(expect, "options"),
                        arena);
}
