/* runner.h -- one case, what a call made of it, and the tables of calls.
 *
 *     case file ──▶ main.c ──▶ choices.c ──▶ area_*.c ──▶ compare.c
 *                     │        does the       the call        │
 *                     │        house choose                   └─▶ browser.c, expression.mjs
 *                     │        otherwise?                         expressions and patterns, in Node
 *                     └─▶ failures, skips, the last line
 *
 * A call is a function that reads its arguments from JSON, uses the public API, and leaves an
 * outcome. It knows nothing of ids and expectations. An argument that the call does not know skips
 * the case: it may change what is expected.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CASES_RUNNER_H
#define CASES_RUNNER_H

#include "cstar/base.h"
#include "cstar/json.h"

typedef enum outcome_kind {
    OUTCOME_NONE,
    OUTCOME_BYTES, /* `text` is what was written */
    OUTCOME_VALUE, /* `text` is JSON */
    OUTCOME_ERROR, /* refused; `why`, and perhaps an HTTP status */
    OUTCOME_SKIP,  /* can't be run; `why` */
} outcome_kind;

typedef struct outcome {
    outcome_kind kind;
    cstar_buf text;
    int status;
    char why[200];
} outcome;

/* What a call gets. */
typedef struct call {
    const cstar_json *args;
    cstar_arena *arena; /* of the case */
    outcome *out;
} call;

typedef struct call_entry {
    const char *name;
    void (*run)(call *c);
    const char *args;   /* the names it knows, separated by spaces */
    const char *absent; /* instead of run: why it can't */
} call_entry;

/* One table per area; each ends with a NULL name. */
extern const call_entry cases_sse[], cases_elements[], cases_signals[], cases_scripts[],
    cases_actions[], cases_sdk[], cases_requests[], cases_web[], cases_dispatch[], cases_csrf[],
    cases_testkit[], cases_registry[], cases_streams[], cases_absent[];
/** A page's request that is for its stream: of page_request. */
void page_stream(call *c);

/* ---- arguments (args.c): false when the outcome is settled ---- */

/** A text that the API takes with its length. Absent or null gives the absent view; another type is
 * an error. */
bool arg_view(call *c, const char *name, cstar_str *value);
/** A text that the API takes as a C string: a NUL inside is an error, as it would be for the API.
 */
bool arg_text(call *c, const char *name, const char **value);
bool arg_bool(call *c, const char *name, bool *value);
/** event_id (a number is taken as its text), retry or retry_duration. */
bool arg_event(call *c, const char **event_id, int64_t *retry);
/** A list of texts, or one text, which is a list of one. */
bool arg_views(call *c, const char *name, cstar_str **views, size_t *n);
bool arg_given(const call *c, const char *name);

/* ---- outcomes ---- */

void call_error(call *c, const char *why);
void call_skip(call *c, const char *why);
/** Bytes if `rc` is CSTAR_OK, else an error. */
void call_done(call *c, cstar_status rc, const cstar_err *err);

/* ---- comparing ---- */

typedef enum verdict { PASSED, FAILED, LATER } verdict;

/** @param got  where the case's result is described when it failed. LATER: browser.c decides. */
verdict compare(const cstar_json *test, outcome *o, cstar_arena *arena, cstar_buf *got);

bool json_same(const cstar_json *a, const cstar_json *b);
/** Whether every member of `part` is in `whole`; null stands for absent. */
bool json_has(const cstar_json *whole, const cstar_json *part);
const cstar_json *json_any(cstar_arena *arena, cstar_str text);

/** Events and their data lines, grouped by key; see golden.c. */
typedef struct event_rules {
    bool trim;       /* values are trimmed, and elements compared as HTML with sorted attributes */
    bool json;       /* signals are compared as values */
    bool attributes; /* elements are compared as HTML with sorted attributes */
} event_rules;
bool events_same(cstar_str got, cstar_str expected, event_rules rules, cstar_arena *arena);
/** The general invariant of behaviours 1.3. */
bool event_is_framed(cstar_str bytes);

/* ---- what the house decided otherwise (choices.c) ---- */

/** NULL, or the choice that this case contradicts: by profile, call and shape of the arguments. */
const char *contradicts_choice(const cstar_json *test, cstar_arena *arena);

/* ---- the browser's part (browser.c) ---- */

typedef struct browser browser;

/** Remembers a job: an expression to evaluate or a pattern to match. False when out of memory. */
bool browser_add(browser *b, size_t id, const cstar_json *test, cstar_str text);
browser *browser_new(void);
void browser_free(browser *b);
size_t browser_jobs(const browser *b);
/** Why nothing could be run, if a machine may be without it. Everything else is a defect. */
#define BROWSER_NO_NODE "node is not installed"
/** Runs all of them in one Node process; NULL and `why` if that is impossible. The result is an
 * array of answers. */
const cstar_json *browser_run(browser *b, cstar_arena *arena, const char **why);
/** Whether the answer is what the case expects. */
bool browser_agrees(const cstar_json *test, const cstar_json *answer, cstar_arena *arena);

#endif
