/* expect.c -- what a test expects of a reply, and what it reads when it is not so.
 *
 * Invariant: a failure says what was expected and what came; of a long body, its beginning.
 * SPDX-License-Identifier: MIT */
#include "testkit/kit.h"

enum { SHOWN = 600 }; /* bytes of a body */

static int shown(cstar_str s) { return s.len < SHOWN ? (int)s.len : SHOWN; }

bool cstar_test_check_status(const cstar_test_reply *r, int status, const char *file, int line) {
    if (r == NULL || r->status == status) {
        return r != NULL;
    }
    return cstar__kit_fail(r->test, file, line, "expected status %d, got %d: %.*s\nlog: %s", status,
                           r->status, shown(r->body), r->body.ptr, cstar_test_log(r->test));
}

bool cstar_test_check_header(const cstar_test_reply *r, const cstar_test_header *h,
                             const char *file, int line) {
    if (r == NULL) {
        return false;
    }
    const char *nearest = NULL;
    for (const cstar_test_header *at = r->headers; at->name != NULL; at++) {
        if (!cstar_str_ieq(cstar_cstr(at->name), cstar_cstr(h->name))) {
            continue;
        }
        nearest = at->value;
        if (h->value != NULL && strcmp(at->value, h->value) == 0) {
            return true;
        }
    }
    if (h->value == NULL && nearest == NULL) {
        return true;
    }
    return cstar__kit_fail(r->test, file, line, "expected header %s: %s, got %s", h->name,
                           h->value != NULL ? h->value : "(none)",
                           nearest != NULL ? nearest : "(none)");
}

/* ---- signals ---- */

static bool same_number(const cstar_json *a, const cstar_json *b) {
    return cstar_str_eq(cstar_json_number(a), cstar_json_number(b)) ||
           cstar_json_double(a, 0) == cstar_json_double(b, 0); /* 1 and 1.0 */
}

static bool is_number(const cstar_json *v) {
    return cstar_json_typeof(v) == CSTAR_JSON_INT || cstar_json_typeof(v) == CSTAR_JSON_DOUBLE;
}

static bool contains(const cstar_json *got, const cstar_json *want, bool whole);

static bool same_members(const cstar_json *got, const cstar_json *want, bool whole) {
    if (whole && cstar_json_size(got) != cstar_json_size(want)) {
        return false;
    }
    for (const cstar_json *w = cstar_json_first(want); w != NULL; w = cstar_json_next(w)) {
        const cstar_json *g = cstar_json_get_str(got, cstar_json_key(w));
        if (g == NULL || !contains(g, w, whole)) {
            return false;
        }
    }
    return true;
}

static bool same_elements(const cstar_json *got, const cstar_json *want) {
    const cstar_json *g = cstar_json_first(got);
    if (cstar_json_size(got) != cstar_json_size(want)) {
        return false;
    }
    for (const cstar_json *w = cstar_json_first(want); w != NULL; w = cstar_json_next(w)) {
        if (!contains(g, w, true)) {
            return false;
        }
        g = cstar_json_next(g);
    }
    return true;
}

static bool contains(const cstar_json *got, const cstar_json *want, bool whole) {
    if (is_number(got) && is_number(want)) {
        return same_number(got, want);
    }
    if (cstar_json_typeof(got) != cstar_json_typeof(want)) {
        return false;
    }
    switch (cstar_json_typeof(want)) {
    case CSTAR_JSON_OBJECT:
        return same_members(got, want, whole);
    case CSTAR_JSON_ARRAY:
        return same_elements(got, want);
    case CSTAR_JSON_STRING:
        return cstar_str_eq(cstar_json_view(got), cstar_json_view(want));
    case CSTAR_JSON_BOOL:
        return cstar_json_bool(got, false) == cstar_json_bool(want, false);
    case CSTAR_JSON_NULL:
    case CSTAR_JSON_INT:
    case CSTAR_JSON_DOUBLE:
        break;
    }
    return true;
}

static const char *as_text(cstar_test *t, const cstar_json *v) {
    cstar_buf b;
    cstar_json_writer w;
    cstar_buf_init(&b, t->alloc, SIZE_MAX / 2);
    cstar_json_writer_init(&w, &b, 0);
    cstar_json_put_val(&w, cstar_val_tree(v));
    return cstar__kit_text(t, &b);
}

bool cstar_test_check_signals(const cstar_test_reply *r, const char *json, const char *file,
                              int line) {
    cstar_err err = {.code = CSTAR_OK};
    const cstar_json *got = cstar_test_signals(r);
    if (got == NULL) {
        return false;
    }
    const cstar_json *want = cstar_json_read(&r->test->arena, cstar_cstr(json), NULL, &err);
    if (want == NULL) {
        return cstar__kit_fail(r->test, file, line, "expected signals %s: %s", json, err.text);
    }
    if (contains(got, want, false)) {
        return true;
    }
    const char *text = as_text(r->test, got);
    return text != NULL &&
           cstar__kit_fail(r->test, file, line, "expected signals %s, got %s", json, text);
}

/* ---- elements ---- */

/* Where `id` stands as an attribute in markup that cstar or a person wrote: id='x', id="x",
 * id=x. */
static bool has_id(const char *html, const char *id) {
    const size_t n = strlen(id);
    for (const char *p = strstr(html, "id="); p != NULL; p = strstr(p + 3, "id=")) {
        const char *value = p + 3;
        const char quote = *value == '"' || *value == '\'' ? *value : '\0';
        value += quote != '\0' ? 1 : 0;
        const bool attribute = p != html && strchr(" \t\n\r\"'/", p[-1]) != NULL;
        if (attribute && strncmp(value, id, n) == 0 &&
            (quote != '\0' ? value[n] == quote : strchr(" \t\n\r/>", value[n]) != NULL)) {
            return true;
        }
    }
    return false;
}

bool cstar_test_check_element(const cstar_test_reply *r, const char *selector, const char *file,
                              int line) {
    if (r == NULL) {
        return false;
    }
    for (size_t i = 0; i < r->npatches; i++) {
        const cstar_test_patch *p = &r->patches[i];
        if (strcmp(p->selector, selector) == 0 ||
            (selector[0] == '#' && has_id(p->html, selector + 1))) {
            return true;
        }
    }
    return cstar__kit_fail(r->test, file, line,
                           "expected a patch of %s, got %zu patches of elements: %.*s", selector,
                           r->npatches, shown(r->body), r->body.ptr);
}

static bool has_text(cstar_str body, cstar_str text) {
    for (size_t i = 0; i + text.len <= body.len; i++) {
        if (memcmp(body.ptr + i, text.ptr, text.len) == 0) {
            return true;
        }
    }
    return false;
}

bool cstar_test_check_body(const cstar_test_reply *r, const char *text, const char *file,
                           int line) {
    if (r == NULL || has_text(r->body, cstar_cstr(text))) {
        return r != NULL;
    }
    return cstar__kit_fail(r->test, file, line, "expected \"%s\" in the body, got: %.*s", text,
                           shown(r->body), r->body.ptr);
}
