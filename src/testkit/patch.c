/* patch.c -- a patch of elements, applied as Datastar v1.0.2 does it.
 *
 *     html ──▶ fragment ──┬─ no selector: each element, to the one with its id
 *                         └─ selector: a copy to every match
 *     target + mode + fragment ──▶ the tree
 *
 * What the client morphs ends as the new markup, except for what is marked: data-ignore-morph on
 * both sides keeps the old element, data-preserve-attr keeps attributes. The model knows an
 * element again by its id, or as the target itself; the client also does by position.
 * SPDX-License-Identifier: MIT */
#include "testkit/dom.h"

/* ---- the fragment ---- */

static cstar__node *parse_inside(cstar_test *t, const char *html, const char *tag) {
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(&t->arena), SIZE_MAX / 2);
    cstar_buf_puts(&b, "<body><template>");
    if (tag[0] != '\0') {
        cstar_buf_byte(&b, '<');
        cstar_buf_puts(&b, tag);
        cstar_buf_byte(&b, '>');
    }
    cstar_buf_puts(&b, html);
    if (tag[0] != '\0') {
        cstar_buf_puts(&b, "</");
        cstar_buf_puts(&b, tag);
        cstar_buf_byte(&b, '>');
    }
    cstar_buf_puts(&b, "</template></body>");
    return b.status == CSTAR_OK ? cstar__dom_parse(t, cstar_buf_view(&b)) : cstar__kit_nomem(t);
}

/* The client moves what it is counting: every second one is lost. */
static void move_live(cstar__node *from, cstar__node *to) {
    size_t at = 0;
    for (;;) {
        cstar__node *n = from->first;
        for (size_t i = 0; i < at && n != NULL; i++) {
            n = n->next;
        }
        if (n == NULL) {
            return;
        }
        cstar__node_insert(to, n, NULL);
        at++;
    }
}

static void move_all(cstar__node *from, cstar__node *to, cstar__node *before) {
    while (from->first != NULL) {
        cstar__node_insert(to, from->first, before);
    }
}

/* What of a document is meant; NULL: a part of one. */
static const char *const *parts_of(const char *html) {
    static const char *const whole[] = {"html", NULL};
    static const char *const both[] = {"head", "body", NULL};
    const bool head = strstr(html, "</head>") != NULL;
    const bool body = strstr(html, "</body>") != NULL;
    if (strstr(html, "</html>") != NULL) {
        return whole;
    }
    static const char *const only_head[] = {"head", NULL};
    if (head && body) {
        return both;
    }
    if (head) {
        return only_head;
    }
    return body ? both + 1 : NULL;
}

static bool take_parts(cstar_test *t, const char *html, const char *const *parts,
                       cstar__node *fragment) {
    cstar__node *root = cstar__dom_parse(t, cstar_cstr(html));
    for (; root != NULL && *parts != NULL; parts++) {
        cstar__node *n = cstar__node_named(root, *parts);
        if (n != NULL) {
            cstar__node_insert(fragment, n, NULL);
        }
    }
    return root != NULL;
}

static cstar__node *fragment_of(cstar_test *t, const char *html, const char *ns) {
    cstar__node *fragment = cstar__node_new(t, CSTAR__NODE_ROOT, "");
    const char *const *parts = parts_of(html);
    const char *tag = strcmp(ns, "svg") == 0 ? "svg" : strcmp(ns, "mathml") == 0 ? "math" : "";
    if (fragment == NULL) {
        return cstar__kit_nomem(t);
    }
    if (parts != NULL) {
        return take_parts(t, html, parts, fragment) ? fragment : NULL;
    }
    cstar__node *root = parse_inside(t, html, tag);
    cstar__node *content = root != NULL ? cstar__node_named(root, "template") : NULL;
    if (content != NULL && tag[0] != '\0') {
        content = content->first != NULL ? cstar__node_named(content->first, tag) : NULL;
        if (content != NULL) {
            move_live(content, fragment);
        }
    } else if (content != NULL) {
        move_all(content, fragment, NULL);
    }
    return root != NULL ? fragment : NULL;
}

/* ---- what morphing keeps ---- */

static bool is_ignored(const cstar__node *n) {
    return n != NULL && cstar__node_attr(n, "data-ignore-morph") != NULL;
}

static bool inside_ignored(const cstar__node *n) {
    for (n = n->parent; n != NULL; n = n->parent) {
        if (is_ignored(n)) {
            return true;
        }
    }
    return false;
}

static bool has_word(const char *list, const char *word) {
    const size_t n = strlen(word);
    for (const char *p = list; (p = strstr(p, word)) != NULL; p += n) {
        if ((p == list || p[-1] == ' ') && (p[n] == '\0' || p[n] == ' ')) {
            return true;
        }
    }
    return false;
}

/* A list of its own: attributes are shared by copies. The old one's that are preserved, the fresh
 * one's that are not. */
static bool preserve(cstar_test *t, const cstar__node *old, cstar__node *fresh, const char *list) {
    const cstar__attr *a = fresh->attrs;
    const cstar__attr *b = old->attrs;
    cstar__attr **end = &fresh->attrs;
    cstar__attr *keep = NULL;
    *end = NULL;
    while (a != NULL || b != NULL) {
        const bool from_a = b == NULL || (a != NULL && strcmp(a->name, b->name) <= 0);
        const cstar__attr *next = from_a ? a : b;
        a = from_a ? a->next : a;
        b = from_a ? b : b->next;
        if (has_word(list, next->name) == from_a) {
            continue;
        }
        keep = cstar_arena_alloc(&t->arena, sizeof *keep);
        if (keep == NULL) {
            return false;
        }
        *keep = (cstar__attr){.name = next->name, .value = next->value};
        *end = keep;
        end = &keep->next;
    }
    return true;
}

/* The element that the client would take for the same one. */
static cstar__node *counterpart(cstar__node *target, const cstar__node *n, bool outer) {
    const char *id = cstar__node_attr(n, "id");
    cstar__node *found = id != NULL ? cstar__node_by_id(target, id) : NULL;
    if (found == NULL && outer && n->parent->kind == CSTAR__NODE_ROOT &&
        cstar__node_attr(target, "id") == NULL) {
        found = target;
    }
    return found != NULL && (outer || found != target) && cstar__node_is(found, n->name) ? found
                                                                                         : NULL;
}

static bool keep_marked(cstar_test *t, cstar__node *target, cstar__node *fresh, bool outer) {
    for (cstar__node *n = cstar__node_walk(fresh, fresh); n != NULL;
         n = cstar__node_walk(n, fresh)) {
        const char *list =
            n->kind == CSTAR__NODE_ELEMENT ? cstar__node_attr(n, "data-preserve-attr") : NULL;
        if (list == NULL && !is_ignored(n)) {
            continue;
        }
        cstar__node *old = counterpart(target, n, outer);
        if (is_ignored(n) && is_ignored(old)) {
            cstar__node *copy = cstar__node_copy(t, old);
            if (copy == NULL) {
                return false;
            }
            cstar__node_insert(n->parent, copy, n);
            cstar__node_remove(n);
            n = copy;
        } else if (list != NULL && old != NULL && !preserve(t, old, n, list)) {
            return cstar__kit_nomem(t) != NULL;
        }
    }
    return true;
}

/* ---- one target ---- */

static bool morph(cstar_test *t, cstar__node *target, cstar__node *fresh, bool outer) {
    if (inside_ignored(target)) {
        return true;
    }
    if (!keep_marked(t, target, fresh, outer)) {
        return false;
    }
    if (outer && target->parent != NULL) {
        move_all(fresh, target->parent, target);
        cstar__node_remove(target);
    } else if (!outer) {
        while (target->first != NULL) {
            cstar__node_remove(target->first);
        }
        move_all(fresh, target, NULL);
    }
    return true;
}

/* Takes `fresh`. */
static bool apply_to(cstar_test *t, cstar__node *target, const char *mode, cstar__node *fresh) {
    cstar__node *parent = target->parent;
    if (strcmp(mode, "outer") == 0 || strcmp(mode, "inner") == 0) {
        return morph(t, target, fresh, mode[0] == 'o');
    }
    if (strcmp(mode, "append") == 0 || strcmp(mode, "prepend") == 0) {
        move_all(fresh, target, mode[0] == 'p' ? target->first : NULL);
        return true;
    }
    if (parent == NULL) { /* gone with an earlier target */
        return true;
    }
    if (strcmp(mode, "remove") != 0) {
        move_all(fresh, parent, strcmp(mode, "after") == 0 ? target->next : target);
    }
    if (mode[0] == 'r') { /* replace, remove */
        cstar__node_remove(target);
    }
    return true;
}

/* ---- all of them ---- */

static void warn(cstar_test_page *page, const char *text, const char *what) {
    cstar_buf *b = &page->warnings;
    b->len -= b->len != 0 ? 1 : 0; /* the NUL */
    cstar_buf_puts(b, text);
    cstar_buf_puts(b, what);
    cstar_buf_add(b, "\n", 2); /* with a NUL */
}

static cstar__node *own_target(cstar_test_page *page, const cstar__node *n) {
    static const char *const parts[] = {"html", "head", "body"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (cstar__node_is(n, parts[i])) {
            return cstar__node_named(page->root, parts[i]);
        }
    }
    const char *id = cstar__node_attr(n, "id");
    cstar__node *target = cstar__node_by_id(page->root, id != NULL ? id : "");
    if (target == NULL) {
        warn(page, "no element has the id ", id != NULL ? id : "(none)");
    }
    return target;
}

static bool patch_by_ids(cstar_test_page *page, const char *mode, cstar__node *fragment) {
    cstar_test *t = page->test;
    for (cstar__node *n = fragment->first, *next = NULL; n != NULL; n = next) {
        next = n->next;
        cstar__node *target = n->kind == CSTAR__NODE_ELEMENT ? own_target(page, n) : NULL;
        if (target == NULL) {
            continue;
        }
        cstar__node *one = cstar__node_new(t, CSTAR__NODE_ROOT, "");
        if (one == NULL) {
            return cstar__kit_nomem(t) != NULL;
        }
        cstar__node_insert(one, n, NULL);
        if (!apply_to(t, target, mode, one)) {
            return false;
        }
    }
    return true;
}

/* All matches, before any of them is changed; ends with NULL. */
static cstar__node **matches(cstar_test_page *page, const char *selector) {
    const cstar__selector *s = cstar__selector_parse(page->test, selector);
    size_t n = 0;
    for (cstar__node *at = page->root; s != NULL && at != NULL;
         at = cstar__node_walk(at, page->root)) {
        n += cstar__selector_matches(s, at) ? 1 : 0;
    }
    cstar__node **list =
        s != NULL ? cstar_arena_zalloc(&page->test->arena, (n + 1) * sizeof *list) : NULL;
    n = 0;
    for (cstar__node *at = page->root; list != NULL && at != NULL;
         at = cstar__node_walk(at, page->root)) {
        if (cstar__selector_matches(s, at)) {
            list[n++] = at;
        }
    }
    return list != NULL || s == NULL ? list : cstar__kit_nomem(page->test);
}

static bool patch_matches(cstar_test_page *page, const cstar_test_patch *p,
                          const cstar__node *fragment) {
    cstar__node **list = matches(page, p->selector);
    if (list == NULL) {
        return false;
    }
    if (list[0] == NULL) {
        warn(page, "nothing matches ", p->selector);
    }
    for (; *list != NULL; list++) {
        cstar__node *copy = cstar__node_copy(page->test, fragment);
        if (copy == NULL || !apply_to(page->test, *list, p->mode, copy)) {
            return false;
        }
    }
    return true;
}

static bool is_mode(const char *mode) {
    cstar_mode m = CSTAR_OUTER;
    return cstar_mode_parse(cstar_cstr(mode), &m, NULL) == CSTAR_OK;
}

bool cstar__page_patch(cstar_test_page *page, const cstar_test_patch *p) {
    const bool own = strcmp(p->mode, "outer") == 0 || strcmp(p->mode, "replace") == 0;
    if (!is_mode(p->mode)) {
        warn(page, "there is no mode ", p->mode);
        return true;
    }
    if (p->selector[0] == '\0' && !own) {
        warn(page, "a selector is missing for the mode ", p->mode);
        return true;
    }
    cstar__node *fragment = fragment_of(page->test, p->html, p->ns);
    if (fragment == NULL) {
        return false;
    }
    return p->selector[0] == '\0' ? patch_by_ids(page, p->mode, fragment)
                                  : patch_matches(page, p, fragment);
}
