/* page.c -- a document with its signals: what a browser would show, and what it would send.
 *
 * Data flow: GET ──▶ tree, signals of data-signals ──▶ events applied in order ──▶ what a test
 * looks at.
 * SPDX-License-Identifier: MIT */
#include "testkit/dom.h"

#include <stdio.h>

/* ---- signals of the markup ---- */

/* Onto the page's; text that is no JSON object is an expression, which is not for us. */
static bool add_signals(cstar_test_page *page, cstar_str json, unsigned flags) {
    cstar_arena *a = &page->test->arena;
    cstar_err err = {.code = CSTAR_OK};
    cstar_buf b;
    const cstar_json *patch = cstar_json_read(a, json, NULL, &err);
    if (patch == NULL) {
        return err.code != CSTAR_ENOMEM || cstar__kit_nomem(page->test) != NULL;
    }
    cstar_buf_init(&b, cstar_arena_allocator(a), SIZE_MAX / 2);
    if (cstar__kit_merge(&b, page->signals, patch, flags) == CSTAR_OK) {
        const cstar_json *all = cstar_json_read(a, cstar_buf_view(&b), NULL, &err);
        page->signals = all != NULL ? all : page->signals;
        return all != NULL || cstar__kit_nomem(page->test) != NULL;
    }
    return cstar__kit_nomem(page->test) != NULL;
}

/* "tab-id" becomes tabId, "a.b" a member of a. */
static void put_key(cstar_buf *b, const char *name, size_t len, size_t *depth) {
    cstar_buf_puts(b, "{\"");
    *depth = 1;
    for (size_t i = 0; i < len; i++) {
        const char next = i + 1 < len ? name[i + 1] : '\0';
        if (name[i] == '.') {
            cstar_buf_puts(b, "\":{\"");
            ++*depth;
        } else if (name[i] == '-' && next >= 'a' && next <= 'z') {
            cstar_buf_byte(b, (char)(next - 32));
            i++;
        } else {
            cstar_buf_byte(b, name[i]);
        }
    }
    cstar_buf_puts(b, "\":");
}

static bool add_named(cstar_test_page *page, const char *name, const char *value) {
    const char *modifiers = strstr(name, "__");
    const size_t len = modifiers != NULL ? (size_t)(modifiers - name) : strlen(name);
    const bool missing = modifiers != NULL && strstr(modifiers, "__ifmissing") != NULL;
    size_t depth = 0;
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(&page->test->arena), SIZE_MAX / 2);
    put_key(&b, name, len, &depth);
    cstar_buf_puts(&b, value);
    while (depth-- > 0) {
        cstar_buf_byte(&b, '}');
    }
    return b.status == CSTAR_OK ? add_signals(page, cstar_buf_view(&b),
                                              missing ? (unsigned)CSTAR__MERGE_IF_MISSING : 0)
                                : cstar__kit_nomem(page->test) != NULL;
}

static bool read_attribute(cstar_test_page *page, const cstar__attr *a) {
    static const char prefix[] = "data-signals";
    const size_t n = sizeof prefix - 1;
    if (strncmp(a->name, prefix, n) != 0) {
        return true;
    }
    const char *rest = a->name + n;
    if (rest[0] == ':') {
        return add_named(page, rest + 1, a->value);
    }
    const bool missing = strcmp(rest, "__ifmissing") == 0;
    return (rest[0] != '\0' && !missing) ||
           add_signals(page, cstar_cstr(a->value), missing ? (unsigned)CSTAR__MERGE_IF_MISSING : 0);
}

static bool read_signals(cstar_test_page *page) {
    for (cstar__node *n = page->root; n != NULL; n = cstar__node_walk(n, page->root)) {
        for (const cstar__attr *a = n->attrs; a != NULL; a = a->next) {
            if (!read_attribute(page, a)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- life ---- */

cstar_test_page *cstar_test_page_of(cstar_test *t, cstar_str html) {
    if (t == NULL) {
        return NULL;
    }
    cstar_test_page *page = cstar_arena_zalloc(&t->arena, sizeof *page);
    cstar_err err = {.code = CSTAR_OK};
    if (page == NULL) {
        return cstar__kit_nomem(t);
    }
    page->test = t;
    page->signals = cstar_json_read(&t->arena, CSTAR_STR("{}"), NULL, &err);
    cstar_buf_init(&page->warnings, cstar_arena_allocator(&t->arena), SIZE_MAX / 2);
    if (page->signals == NULL) {
        return cstar__kit_nomem(t);
    }
    page->root = cstar__dom_parse(t, html);
    return page->root != NULL && read_signals(page) ? page : NULL;
}

cstar_test_page *cstar_test_visit(cstar_test *t, const char *path) {
    const cstar_test_reply *r = cstar_test_get(t, path);
    if (!cstar_test_check_status(r, 200, NULL, 0)) {
        return NULL;
    }
    cstar_test_page *page = cstar_test_page_of(t, r->body);
    if (page != NULL) {
        page->path = cstar_arena_strdup(&t->arena, cstar_view(path, strcspn(path, "?")));
    }
    return page == NULL || page->path != NULL ? page : cstar__kit_nomem(t);
}

/* ---- patches ---- */

/* What cstar_execute_script() sends: it runs, and is gone. */
static void remove_run_scripts(cstar_test_page *page) {
    cstar__node *n = page->root;
    while (n != NULL) {
        cstar__node *next = cstar__node_walk(n, page->root);
        const char *effect =
            cstar__node_is(n, "script") ? cstar__node_attr(n, "data-effect") : NULL;
        if (effect != NULL && strcmp(effect, "el.remove()") == 0) {
            next = next != NULL && next->parent == n ? n->next : next;
            cstar__node_remove(n);
        }
        n = next;
    }
}

static bool apply_signals(cstar_test_page *page, const cstar_test_sse *e) {
    const cstar_test_merge how = {.onto = page->signals, .as_client = true};
    const cstar_status rc =
        cstar_test_merge_signals(&page->test->arena, e, 1, &how, &page->signals);
    return rc == CSTAR_OK ||
           cstar__kit_fail(page->test, NULL, 0, "a patch of signals: %s", cstar_strerror(rc));
}

bool cstar_test_apply(cstar_test_page *page, const cstar_test_reply *r) {
    bool ok = page != NULL && r != NULL;
    const cstar_test_patch *patch = ok ? r->patches : NULL;
    for (size_t i = 0; ok && i < r->nevents; i++) {
        const cstar_test_sse *e = &r->events[i];
        if (e->type != NULL && strcmp(e->type, "datastar-patch-elements") == 0) {
            ok = cstar__page_patch(page, patch++);
            remove_run_scripts(page);
        } else if (e->type != NULL && strcmp(e->type, "datastar-patch-signals") == 0) {
            ok = apply_signals(page, e);
        }
    }
    return ok;
}

/* ---- events ---- */

/* What the client sends: nothing that is called _something. */
static void put_public(cstar_json_writer *w, const cstar_json *v) {
    if (cstar_json_typeof(v) != CSTAR_JSON_OBJECT) {
        cstar_json_put_val(w, cstar_val_tree(v));
        return;
    }
    cstar_json_begin_object(w);
    for (const cstar_json *m = cstar_json_first(v); m != NULL; m = cstar_json_next(m)) {
        const cstar_str key = cstar_json_key(m);
        if (key.len == 0 || key.ptr[0] != '_') {
            cstar_json_put_key(w, key);
            put_public(w, m);
        }
    }
    cstar_json_end_object(w);
}

/* NULL: told. */
static const char *signals_of(const cstar_test_page *page) {
    cstar_buf b;
    cstar_json_writer w;
    cstar_buf_init(&b, page->test->alloc, SIZE_MAX / 2);
    cstar_json_writer_init(&w, &b, 0);
    put_public(&w, page->signals);
    return cstar__kit_text(page->test, &b);
}

/* Of what has a path. */
static bool can_ask(const cstar_test_page *page) {
    return page->path != NULL || cstar__kit_fail(page->test, NULL, 0,
                                                 "a page without a path has neither events nor a "
                                                 "stream");
}

const cstar_test_reply *cstar_test_send_page_event(cstar_test_page *page,
                                                   const cstar_test_event_opts *opts) {
    if (page == NULL ||
        (opts->signals != NULL && !add_signals(page, cstar_cstr(opts->signals), 0))) {
        return NULL;
    }
    if (!can_ask(page)) {
        return NULL;
    }
    cstar_test_event_opts sent = *opts;
    sent.page = page->path;
    sent.signals = signals_of(page);
    const cstar_test_reply *r =
        sent.signals != NULL ? cstar_test_send_event(page->test, &sent) : NULL;
    return cstar_test_apply(page, r) ? r : NULL;
}

/* ---- its stream ---- */

/* A script of the layout's makes them; each page here is a tab of its own, loaded once. */
static bool have_tab(cstar_test_page *page) {
    char json[80];
    const unsigned n = ++page->test->tabs;
    (void)snprintf(json, sizeof json, "{\"tabId\":\"tab%u\",\"pageId\":\"page%u\"}", n, n);
    return add_signals(page, cstar_cstr(json), CSTAR__MERGE_IF_MISSING);
}

cstar_test_stream *cstar_test_connect(cstar_test_page *page) {
    if (page == NULL || !can_ask(page) || !have_tab(page)) {
        return NULL;
    }
    const char *signals = signals_of(page);
    cstar_test_stream *s =
        signals != NULL ? cstar_test_open(page->test, page->path, .method = "POST", .body = signals)
                        : NULL;
    const cstar_test_reply *r = cstar_test_news(s);
    return cstar_test_check_status(r, 200, NULL, 0) && cstar_test_apply(page, r) ? s : NULL;
}

/* ---- looking ---- */

static const cstar__node *first(cstar_test_page *page, const char *selector, size_t *count) {
    const cstar__selector *s = page != NULL ? cstar__selector_parse(page->test, selector) : NULL;
    const cstar__node *found = NULL;
    *count = 0;
    for (const cstar__node *n = s != NULL ? page->root : NULL; n != NULL;
         n = cstar__node_walk(n, page->root)) {
        if (cstar__selector_matches(s, n)) {
            found = found != NULL ? found : n;
            ++*count;
        }
    }
    return found;
}

size_t cstar_test_count(cstar_test_page *page, const char *selector) {
    size_t n = 0;
    (void)first(page, selector, &n);
    return n;
}

static const char *as_text(cstar_test_page *page, const char *selector,
                           void (*put)(const cstar__node *n, cstar_buf *out)) {
    size_t n = 0;
    const cstar__node *found = first(page, selector, &n);
    if (found == NULL) {
        return NULL;
    }
    cstar_buf b;
    cstar_buf_init(&b, page->test->alloc, SIZE_MAX / 2);
    put(found, &b);
    return cstar__kit_text(page->test, &b);
}

const char *cstar_test_text(cstar_test_page *page, const char *selector) {
    return as_text(page, selector, cstar__node_text);
}

const char *cstar_test_html(cstar_test_page *page, const char *selector) {
    return as_text(page, selector, cstar__node_html);
}

const char *cstar_test_attr(cstar_test_page *page, const char *selector, const char *name) {
    size_t n = 0;
    const cstar__node *found = first(page, selector, &n);
    return found != NULL ? cstar__node_attr(found, name) : NULL;
}

const cstar_json *cstar_test_page_signals(const cstar_test_page *page) {
    return page != NULL ? page->signals : NULL;
}

const char *cstar_test_warnings(const cstar_test_page *page) {
    return page != NULL && page->warnings.len != 0 && page->warnings.status == CSTAR_OK
               ? page->warnings.ptr
               : "";
}

/* ---- expectations ---- */

bool cstar_test_check_text(cstar_test_page *page, const cstar_test_header *what, const char *file,
                           int line) {
    if (page == NULL) {
        return false;
    }
    const char *got = cstar_test_text(page, what->name);
    if (got == NULL || what->value == NULL ? got == what->value : strcmp(got, what->value) == 0) {
        return true;
    }
    return cstar__kit_fail(
        page->test, file, line, "expected the text of %s to be \"%s\", got \"%s\"", what->name,
        what->value != NULL ? what->value : "(no match)", got != NULL ? got : "(no match)");
}

bool cstar_test_check_count(cstar_test_page *page, const cstar_test_amount *what, const char *file,
                            int line) {
    if (page == NULL) {
        return false;
    }
    const size_t n = cstar_test_count(page, what->selector);
    return n == what->count ||
           cstar__kit_fail(page->test, file, line, "expected %zu elements that match %s, got %zu",
                           what->count, what->selector, n);
}
