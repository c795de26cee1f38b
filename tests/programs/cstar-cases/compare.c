/* compare.c -- whether an outcome is what a case expects.
 * SPDX-License-Identifier: MIT */
#include "runner.h"

#include <stdlib.h>

/* ---- JSON values ---- */

const cstar_json *json_any(cstar_arena *arena, cstar_str text) {
    cstar_json_opts opts = {.any_root = true, .max_bytes = SIZE_MAX, .max_depth = 1024};
    return cstar_json_read(arena, text, &opts, NULL);
}

static bool is_number(const cstar_json *v) {
    return cstar_json_typeof(v) == CSTAR_JSON_INT || cstar_json_typeof(v) == CSTAR_JSON_DOUBLE;
}

/* Two integers are compared by their digits, which a double may not hold. */
static bool number_same(const cstar_json *a, const cstar_json *b) {
    cstar_str x = cstar_json_number(a);
    cstar_str y = cstar_json_number(b);
    if (cstar_str_eq(x, y)) {
        return true;
    }
    bool real = memchr(x.ptr, '.', x.len) != NULL || memchr(y.ptr, '.', y.len) != NULL ||
                memchr(x.ptr, 'e', x.len) != NULL || memchr(y.ptr, 'e', y.len) != NULL;
    double difference = cstar_json_double(a, 0) - cstar_json_double(b, 0);
    return real && difference >= 0 && difference <= 0;
}

static bool elements_same(const cstar_json *a, const cstar_json *b) {
    const cstar_json *x = cstar_json_first(a);
    const cstar_json *y = cstar_json_first(b);
    while (x != NULL && y != NULL && json_same(x, y)) {
        x = cstar_json_next(x);
        y = cstar_json_next(y);
    }
    return x == NULL && y == NULL;
}

static bool members_same(const cstar_json *a, const cstar_json *b) {
    if (cstar_json_size(a) != cstar_json_size(b)) {
        return false;
    }
    for (const cstar_json *m = cstar_json_first(a); m != NULL; m = cstar_json_next(m)) {
        const cstar_json *other = cstar_json_get_str(b, cstar_json_key(m));
        if (other == NULL || !json_same(m, other)) {
            return false;
        }
    }
    return true;
}

/* Recurses as deep as the case file is nested. */
bool json_same(const cstar_json *a, const cstar_json *b) { /* NOLINT(misc-no-recursion) */
    if (is_number(a) && is_number(b)) {
        return number_same(a, b);
    }
    if (cstar_json_typeof(a) != cstar_json_typeof(b)) {
        return false;
    }
    switch (cstar_json_typeof(a)) {
    case CSTAR_JSON_BOOL:
        return cstar_json_bool(a, false) == cstar_json_bool(b, true);
    case CSTAR_JSON_STRING:
        return cstar_str_eq(cstar_json_view(a), cstar_json_view(b));
    case CSTAR_JSON_ARRAY:
        return elements_same(a, b);
    case CSTAR_JSON_OBJECT:
        return members_same(a, b);
    case CSTAR_JSON_NULL:
    case CSTAR_JSON_INT:
    case CSTAR_JSON_DOUBLE:
        break;
    }
    return true;
}

bool json_has(const cstar_json *whole, const cstar_json *part) { /* NOLINT(misc-no-recursion) */
    for (const cstar_json *m = cstar_json_first(part); m != NULL; m = cstar_json_next(m)) {
        const cstar_json *other = cstar_json_get_str(whole, cstar_json_key(m));
        bool same = cstar_json_typeof(m) == CSTAR_JSON_OBJECT &&
                            cstar_json_typeof(other) == CSTAR_JSON_OBJECT
                        ? json_has(other, m)
                        : json_same(m, other); /* NULL is null */
        if (!same) {
            return false;
        }
    }
    return true;
}

/* ---- cases ---- */

static bool keys_sorted(const cstar_json *object) {
    cstar_str last = {NULL, 0};
    for (const cstar_json *m = cstar_json_first(object); m != NULL; m = cstar_json_next(m)) {
        cstar_str key = cstar_json_key(m);
        size_t n = key.len < last.len ? key.len : last.len;
        int order = last.ptr != NULL ? memcmp(last.ptr, key.ptr, n) : -1;
        if (order > 0 || (order == 0 && last.len > key.len)) {
            return false;
        }
        last = key;
    }
    return true;
}

/* Where the order of a map's keys shows, the references sort and we keep the caller's order:
 * neither means anything. */
static bool same_but_for_map_order(const cstar_json *test, cstar_str got, cstar_str expected,
                                   cstar_arena *arena) {
    const cstar_json *args = cstar_json_get(test, "args");
    if (cstar_json_size(cstar_json_get(args, "attributes")) != 0) {
        return events_same(got, expected, (event_rules){.attributes = true}, arena);
    }
    const cstar_json *signals = cstar_json_get(args, "signals");
    if (cstar_json_typeof(signals) == CSTAR_JSON_OBJECT && !keys_sorted(signals)) {
        return events_same(got, expected, (event_rules){.json = true}, arena);
    }
    return false;
}

static bool text_same(const cstar_json *test, const char *mode, cstar_str got, cstar_str expected,
                      cstar_arena *arena) {
    if (strcmp(mode, "fields") == 0) {
        return events_same(got, expected, (event_rules){.trim = false}, arena);
    }
    if (strcmp(mode, "golden") == 0) {
        return events_same(got, expected, (event_rules){.trim = true, .attributes = true}, arena);
    }
    if (strcmp(mode, "json") == 0) {
        const cstar_json *a = json_any(arena, got);
        const cstar_json *b = json_any(arena, expected);
        return a != NULL || b != NULL
                   ? a != NULL && b != NULL && json_same(a, b)
                   : events_same(got, expected, (event_rules){.json = true}, arena);
    }
    return cstar_str_eq(got, expected) || same_but_for_map_order(test, got, expected, arena);
}

static bool error_expected(const cstar_json *expect) {
    return cstar_json_bool(cstar_json_get(expect, "error"), false);
}

static bool error_same(const cstar_json *expect, const outcome *o) {
    int64_t status = cstar_json_int(cstar_json_get(expect, "status"), 0);
    return o->kind == OUTCOME_ERROR && (status == 0 || o->status == 0 || status == o->status);
}

static bool value_same(const cstar_json *expect, const char *mode, const outcome *o,
                       cstar_arena *arena) {
    const cstar_json *got =
        o->kind == OUTCOME_VALUE ? json_any(arena, cstar_buf_view(&o->text)) : NULL;
    if (got == NULL) {
        return false;
    }
    return strcmp(mode, "subset") == 0 ? json_has(got, expect) : json_same(got, expect);
}

static void describe(const outcome *o, cstar_buf *got) {
    if (o->kind == OUTCOME_ERROR) {
        cstar_buf_puts(got, "error");
        if (o->status != 0) {
            cstar_buf_byte(got, ' ');
            cstar_buf_int(got, o->status);
        }
        cstar_buf_puts(got, ": ");
        cstar_buf_puts(got, o->why);
    } else {
        cstar_buf_str(got, cstar_buf_view(&o->text));
    }
}

verdict compare(const cstar_json *test, outcome *o, cstar_arena *arena, cstar_buf *got) {
    const cstar_json *expect = cstar_json_get(test, "expect");
    const char *mode = cstar_json_str(cstar_json_get(test, "compare"), "exact");
    bool ran = o->kind == OUTCOME_BYTES || o->kind == OUTCOME_VALUE;
    bool passed = false;
    describe(o, got);
    if (ran && (strcmp(mode, "expression") == 0 || cstar_json_get(expect, "regex") != NULL)) {
        return LATER;
    }
    if (strcmp(mode, "property") == 0) {
        passed = o->kind == OUTCOME_BYTES && event_is_framed(cstar_buf_view(&o->text));
    } else if (error_expected(expect)) {
        passed = error_same(expect, o);
    } else if (cstar_json_typeof(expect) == CSTAR_JSON_STRING) {
        passed =
            ran && text_same(test, mode, cstar_buf_view(&o->text), cstar_json_view(expect), arena);
    } else {
        passed = value_same(expect, mode, o, arena);
    }
    return passed ? PASSED : FAILED;
}
