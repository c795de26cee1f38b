/* main.c -- cstar-cases FILE...: runs case files through the public API.
 *
 * Prints each failure (id, what came, what was expected), what was skipped and why, and last "N
 * passed, N failed, N skipped". Exit status: 0, 1 after a failure, 2 for input that can't be read.
 *
 * SPDX-License-Identifier: MIT */
#include "runner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_REASONS 400

typedef struct reason {
    char call[60];
    char why[200];
    size_t n;
} reason;

typedef struct pending { /* waits for the browser */
    const cstar_json *test;
    char *got;
} pending;

typedef struct runner {
    cstar_arena file; /* the cases */
    cstar_arena one;  /* what a case needs */
    browser *browser;
    pending *later;
    size_t nlater;
    reason reasons[MOST_REASONS];
    size_t nreasons;
    size_t passed, failed, skipped;
} runner;

/* ---- saying what happened ---- */

static void print_text(const char *what, cstar_str text) {
    cstar_buf line;
    cstar_buf_init(&line, cstar_heap(), (size_t)1 << 28);
    if (cstar_utf8_valid(text)) {
        cstar_buf_json(&line, text, CSTAR_ESC_LINES);
    } else {
        cstar_buf_percent(&line, text);
    }
    printf("  %s %.*s\n", what, (int)line.len, line.len != 0 ? line.ptr : "");
    cstar_buf_fini(&line);
}

static void print_json(const char *what, const cstar_json *v) {
    cstar_buf line;
    cstar_json_writer w;
    cstar_buf_init(&line, cstar_heap(), (size_t)1 << 28);
    cstar_json_writer_init(&w, &line, CSTAR_ESC_LINES);
    cstar_json_put_val(&w, cstar_val_tree(v));
    (void)cstar_json_writer_end(&w);
    printf("  %s %.*s\n", what, (int)line.len, line.len != 0 ? line.ptr : "");
    cstar_buf_fini(&line);
}

static const char *text_of(const cstar_json *test, const char *name) {
    return cstar_json_str(cstar_json_get(test, name), "(none)");
}

static void fail(runner *r, const cstar_json *test, cstar_str got, const cstar_json *answer) {
    const cstar_json *expect = cstar_json_get(test, "expect");
    r->failed++;
    printf("FAILED %s (%s)\n", text_of(test, "id"), text_of(test, "call"));
    print_text("got     ", got);
    if (answer != NULL) {
        print_json("in Node ", answer);
    }
    if (cstar_json_typeof(expect) == CSTAR_JSON_STRING) {
        print_text("expected", cstar_json_view(expect));
    } else {
        print_json("expected", expect);
    }
}

static void skip(runner *r, const cstar_json *test, const char *why) {
    const char *called = text_of(test, "call");
    size_t i = 0;
    r->skipped++;
    while (i < r->nreasons &&
           (strcmp(r->reasons[i].call, called) != 0 || strcmp(r->reasons[i].why, why) != 0)) {
        i++;
    }
    if (i == r->nreasons) {
        if (i == MOST_REASONS) {
            printf("skipped 1 %s: %s\n", called, why);
            return;
        }
        r->nreasons++;
        (void)snprintf(r->reasons[i].call, sizeof r->reasons[i].call, "%s", called);
        (void)snprintf(r->reasons[i].why, sizeof r->reasons[i].why, "%s", why);
    }
    r->reasons[i].n++;
}

/* ---- one case ---- */

static const call_entry *find_call(const char *name) {
    static const call_entry *const tables[] = {
        cases_sse,     cases_elements, cases_signals, cases_scripts,  cases_actions,
        cases_sdk,     cases_requests, cases_web,     cases_dispatch, cases_csrf,
        cases_testkit, cases_registry, cases_streams, cases_absent};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (const call_entry *e = tables[i]; e->name != NULL; e++) {
            if (strcmp(e->name, name) == 0) {
                return e;
            }
        }
    }
    return NULL;
}

/* The first argument that the call does not know; NULL if it knows all. */
static const char *unknown_argument(const call_entry *e, const cstar_json *args) {
    for (const cstar_json *m = cstar_json_first(args); m != NULL; m = cstar_json_next(m)) {
        cstar_str key = cstar_json_key(m);
        bool known = false;
        for (const char *p = e->args; *p != '\0' && !known; p += strspn(p, " ")) {
            size_t n = strcspn(p, " ");
            known = cstar_str_eq(key, cstar_view(p, n));
            p += n;
        }
        if (!known) {
            return key.ptr;
        }
    }
    return NULL;
}

static void keep_for_browser(runner *r, const cstar_json *test, cstar_str got) {
    pending *grown = realloc(r->later, (r->nlater + 1) * sizeof *grown);
    char *copy = cstar_arena_strdup(&r->file, got);
    if (grown != NULL) {
        r->later = grown;
    }
    if (grown == NULL || copy == NULL || !browser_add(r->browser, r->nlater, test, got)) {
        fail(r, test, CSTAR_STR("out of memory"), NULL);
        return;
    }
    r->later[r->nlater++] = (pending){test, copy};
}

static void judge(runner *r, const cstar_json *test, outcome *o) {
    cstar_buf got;
    cstar_buf_init(&got, cstar_arena_allocator(&r->one), (size_t)1 << 28);
    switch (compare(test, o, &r->one, &got)) {
    case PASSED:
        r->passed++;
        break;
    case FAILED:
        fail(r, test, cstar_buf_view(&got), NULL);
        break;
    case LATER:
        keep_for_browser(r, test, cstar_buf_view(&got));
        break;
    }
}

static void run_call(runner *r, const cstar_json *test, const call_entry *e) {
    outcome o = {.kind = OUTCOME_NONE};
    const cstar_json *args = cstar_json_get(test, "args");
    const char *unknown = unknown_argument(e, args);
    if (unknown != NULL) {
        char why[120];
        (void)snprintf(why, sizeof why, "this runner does not know the argument '%.60s'", unknown);
        skip(r, test, why);
        return;
    }
    cstar_buf_init(&o.text, cstar_arena_allocator(&r->one), (size_t)1 << 28);
    e->run(&(call){.args = args, .arena = &r->one, .out = &o});
    if (o.kind == OUTCOME_SKIP) {
        skip(r, test, o.why);
    } else {
        judge(r, test, &o);
    }
}

/* `avoid` may be true or a text that says why. */
static bool is_avoided(const cstar_json *test) {
    const cstar_json *v = cstar_json_get(test, "avoid");
    return cstar_json_bool(v, false) || cstar_json_view(v).len != 0;
}

static void run_case(runner *r, const cstar_json *test) {
    const call_entry *e = find_call(text_of(test, "call"));
    bool own = strcmp(text_of(test, "profile"), "cstar") == 0;
    if (cstar_json_get(test, "expect") == NULL || (e == NULL && own)) {
        fail(r, test, CSTAR_STR("no such call, or nothing expected"), NULL);
    } else if (is_avoided(test)) {
        skip(r, test, "marked avoid: a defect of the reference, or it lost against our choice");
    } else if (e == NULL) {
        skip(r, test, "this runner does not know the call");
    } else if (e->run == NULL) {
        skip(r, test, e->absent);
    } else {
        const char *choice = contradicts_choice(test, &r->one);
        if (choice != NULL) {
            skip(r, test, choice);
        } else {
            run_call(r, test, e);
        }
    }
    cstar_arena_reset(&r->one, (size_t)1 << 20);
}

/* ---- files ---- */

static bool read_file(const char *path, cstar_buf *out) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        (void)fprintf(stderr, "cstar-cases: %s: %s\n", path, strerror(errno));
        return false;
    }
    while (cstar_buf_room(out, 65536)) {
        size_t n = fread(out->ptr + out->len, 1, 65536, f);
        if (n == 0) {
            break;
        }
        out->len += n;
    }
    bool good = ferror(f) == 0 && cstar_buf_status(out) == CSTAR_OK;
    (void)fclose(f);
    if (!good) {
        (void)fprintf(stderr, "cstar-cases: %s: can't be read\n", path);
    }
    return good;
}

static bool run_file(runner *r, const char *path) {
    cstar_buf text;
    cstar_err err = {.code = CSTAR_OK};
    cstar_json_opts opts = {.any_root = true, .max_bytes = SIZE_MAX, .max_depth = 1024};
    cstar_buf_init(&text, cstar_heap(), (size_t)1 << 30);
    const cstar_json *cases = read_file(path, &text)
                                  ? cstar_json_read(&r->file, cstar_buf_view(&text), &opts, &err)
                                  : NULL;
    bool good = cstar_json_typeof(cases) == CSTAR_JSON_ARRAY;
    if (!good && cstar_buf_status(&text) == CSTAR_OK && text.len != 0) {
        (void)fprintf(stderr, "cstar-cases: %s: %s\n", path,
                      cases != NULL ? "an array of cases is required" : err.text);
    }
    cstar_buf_fini(&text);
    for (const cstar_json *test = good ? cstar_json_first(cases) : NULL; test != NULL;
         test = cstar_json_next(test)) {
        run_case(r, test);
    }
    return good;
}

/* Node could not be asked. Without it these cases are skipped; whatever else is wrong is a failure,
 * else nobody would see that they are not run. */
static void give_up(runner *r, const cstar_json *test, const char *why) {
    if (strcmp(why, BROWSER_NO_NODE) == 0) {
        skip(r, test, why);
    } else {
        fail(r, test, cstar_cstr(why), NULL);
    }
}

static void ask_browser(runner *r) {
    const char *why = NULL;
    if (r->nlater == 0) {
        return;
    }
    const cstar_json *answer = cstar_json_first(browser_run(r->browser, &r->file, &why));
    for (size_t i = 0; i < r->nlater; i++) {
        if (answer == NULL) {
            give_up(r, r->later[i].test, why);
            continue;
        }
        if (browser_agrees(r->later[i].test, answer, &r->one)) {
            r->passed++;
        } else {
            fail(r, r->later[i].test, cstar_cstr(r->later[i].got), answer);
        }
        answer = cstar_json_next(answer);
    }
}

int main(int argc, char **argv) {
    static runner r;
    bool readable = argc > 1;
    if (!readable) {
        (void)fprintf(stderr, "usage: cstar-cases FILE...\n");
    }
    cstar_arena_init(&r.file, cstar_heap(), (size_t)1 << 30);
    cstar_arena_init(&r.one, cstar_heap(), (size_t)1 << 30);
    r.browser = browser_new();
    for (int i = 1; i < argc && r.browser != NULL; i++) {
        readable = run_file(&r, argv[i]) && readable;
    }
    if (r.browser != NULL) {
        ask_browser(&r);
    }
    for (size_t i = 0; i < r.nreasons; i++) {
        printf("skipped %zu %s: %s\n", r.reasons[i].n, r.reasons[i].call, r.reasons[i].why);
    }
    printf("%zu passed, %zu failed, %zu skipped\n", r.passed, r.failed, r.skipped);
    browser_free(r.browser);
    free(r.later);
    cstar_arena_fini(&r.one);
    cstar_arena_fini(&r.file);
    return !readable ? 2 : r.failed != 0 ? 1 : 0;
}
