/* dom.c -- the tree: read by libgumbo, which parses HTML as browsers do, then our own to change.
 *
 * Invariants: 1. Walks do not recurse, whatever the depth of a page. 2. The parser's own tree is
 * freed before anything can leave by longjmp().
 * SPDX-License-Identifier: MIT */
#include "testkit/dom.h"

#if CSTAR_WITH_GUMBO
#include <gumbo.h>
#endif

/* ---- nodes ---- */

cstar__node *cstar__node_new(cstar_test *t, cstar__node_kind kind, const char *name) {
    cstar__node *n = cstar_arena_zalloc(&t->arena, sizeof *n);
    if (n != NULL) {
        n->kind = kind;
        n->name = name;
        n->text = "";
    }
    return n;
}

void cstar__node_remove(cstar__node *n) {
    cstar__node *p = n->parent;
    if (p == NULL) {
        return;
    }
    *(n->before != NULL ? &n->before->next : &p->first) = n->next;
    *(n->next != NULL ? &n->next->before : &p->last) = n->before;
    n->parent = n->before = n->next = NULL;
}

void cstar__node_insert(cstar__node *parent, cstar__node *n, cstar__node *before) {
    cstar__node_remove(n);
    n->parent = parent;
    n->next = before;
    n->before = before != NULL ? before->before : parent->last;
    *(n->before != NULL ? &n->before->next : &parent->first) = n;
    *(before != NULL ? &before->before : &parent->last) = n;
}

const char *cstar__node_attr(const cstar__node *n, const char *name) {
    for (const cstar__attr *a = n->attrs; a != NULL; a = a->next) {
        if (strcmp(a->name, name) == 0) {
            return a->value;
        }
    }
    return NULL;
}

bool cstar__node_is(const cstar__node *n, const char *name) {
    return n != NULL && n->kind == CSTAR__NODE_ELEMENT && strcmp(n->name, name) == 0;
}

/* ---- walks ---- */

/* All of it: the inside of templates too, if `deep`. */
static cstar__node *walk(const cstar__node *n, const cstar__node *top, bool deep) {
    if (n->first != NULL && (deep || n == top || !cstar__node_is(n, "template"))) {
        return n->first;
    }
    while (n != top && n->next == NULL) {
        n = n->parent;
    }
    return n != top ? n->next : NULL;
}

cstar__node *cstar__node_walk(const cstar__node *n, const cstar__node *top) {
    return walk(n, top, false);
}

cstar__node *cstar__node_named(cstar__node *top, const char *name) {
    cstar__node *n = top;
    while (n != NULL && !cstar__node_is(n, name)) {
        n = cstar__node_walk(n, top);
    }
    return n;
}

cstar__node *cstar__node_by_id(cstar__node *top, const char *id) {
    for (cstar__node *n = top; n != NULL; n = cstar__node_walk(n, top)) {
        const char *own = cstar__node_attr(n, "id");
        if (own != NULL && own[0] != '\0' && strcmp(own, id) == 0) {
            return n;
        }
    }
    return NULL;
}

/* Attributes are never changed, so that a copy may share them. */
static cstar__node *copy_one(cstar_test *t, const cstar__node *n) {
    cstar__node *c = cstar__node_new(t, n->kind, n->name);
    if (c != NULL) {
        c->text = n->text;
        c->attrs = n->attrs;
    }
    return c;
}

cstar__node *cstar__node_copy(cstar_test *t, const cstar__node *n) {
    cstar__node *top = copy_one(t, n);
    cstar__node *at = top;
    const cstar__node *from = n;
    while (at != NULL) {
        const cstar__node *next = walk(from, n, true);
        if (next == NULL) {
            return top;
        }
        for (const cstar__node *up = from; up != next->parent; up = up->parent) {
            at = at->parent;
        }
        cstar__node *c = copy_one(t, next);
        if (c != NULL) {
            cstar__node_insert(at, c, NULL);
        }
        from = next;
        at = c;
    }
    return cstar__kit_nomem(t);
}

/* ---- reading ---- */

#if CSTAR_WITH_GUMBO
static void add_attr(cstar__node *n, cstar__attr *fresh) {
    cstar__attr **at = &n->attrs;
    while (*at != NULL && strcmp((*at)->name, fresh->name) < 0) {
        at = &(*at)->next;
    }
    fresh->next = *at;
    *at = fresh;
}

static bool read_attrs(cstar_test *t, const GumboElement *e, cstar__node *n) {
    for (unsigned i = 0; i < e->attributes.length; i++) {
        const GumboAttribute *from = e->attributes.data[i];
        cstar__attr *a = cstar_arena_zalloc(&t->arena, sizeof *a);
        if (a == NULL) {
            return false;
        }
        a->name = cstar_arena_strdup(&t->arena, cstar_cstr(from->name));
        a->value = cstar_arena_strdup(&t->arena, cstar_cstr(from->value));
        if (a->name == NULL || a->value == NULL) {
            return false;
        }
        add_attr(n, a);
    }
    return true;
}

/* A known name, or how an unknown one is written. */
static const char *name_of(cstar_test *t, const GumboElement *e) {
    GumboStringPiece piece = e->original_tag;
    if (e->tag != GUMBO_TAG_UNKNOWN) {
        const char *svg = NULL;
        gumbo_tag_from_original_text(&piece);
        svg = e->tag_namespace == GUMBO_NAMESPACE_SVG && piece.data != NULL
                  ? gumbo_normalize_svg_tagname(&piece)
                  : NULL;
        return svg != NULL ? svg : gumbo_normalized_tagname(e->tag);
    }
    gumbo_tag_from_original_text(&piece);
    char *name = cstar_arena_strdup(&t->arena, cstar_view(piece.data, piece.length));
    for (char *p = name; p != NULL && *p != '\0' && e->tag_namespace == GUMBO_NAMESPACE_HTML; p++) {
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    }
    return name;
}

static cstar__node *read_node(cstar_test *t, const GumboNode *from) {
    const bool element = from->type == GUMBO_NODE_ELEMENT || from->type == GUMBO_NODE_TEMPLATE;
    if (element) {
        const char *name = name_of(t, &from->v.element);
        cstar__node *n = name != NULL ? cstar__node_new(t, CSTAR__NODE_ELEMENT, name) : NULL;
        return n != NULL && read_attrs(t, &from->v.element, n) ? n : NULL;
    }
    const bool comment = from->type == GUMBO_NODE_COMMENT;
    cstar__node *n = cstar__node_new(t, comment ? CSTAR__NODE_COMMENT : CSTAR__NODE_TEXT, "");
    if (n != NULL) {
        n->text = cstar_arena_strdup(&t->arena, cstar_cstr(from->v.text.text));
    }
    return n != NULL && n->text != NULL ? n : NULL;
}

static const GumboVector *children_of(const GumboNode *n) {
    if (n->type == GUMBO_NODE_DOCUMENT) {
        return &n->v.document.children;
    }
    return n->type == GUMBO_NODE_ELEMENT || n->type == GUMBO_NODE_TEMPLATE ? &n->v.element.children
                                                                           : NULL;
}

/* The next one in document order; `*at` follows with the parent of what is made of it. */
static const GumboNode *next_of(const GumboNode *n, cstar__node **at, cstar__node *made) {
    const GumboVector *list = children_of(n);
    if (list != NULL && list->length != 0) {
        *at = made;
        return list->data[0];
    }
    while (n->parent != NULL) {
        const GumboVector *siblings = children_of(n->parent);
        if (siblings != NULL && n->index_within_parent + 1 < siblings->length) {
            return siblings->data[n->index_within_parent + 1];
        }
        n = n->parent;
        *at = (*at)->parent;
    }
    return NULL;
}

static cstar__node *read_tree(cstar_test *t, const GumboNode *document) {
    cstar__node *root = cstar__node_new(t, CSTAR__NODE_ROOT, "");
    cstar__node *at = root;
    const GumboNode *n = root != NULL ? next_of(document, &at, root) : NULL;
    while (n != NULL) {
        cstar__node *made = read_node(t, n);
        if (made == NULL) {
            return NULL;
        }
        cstar__node_insert(at, made, NULL);
        n = next_of(n, &at, made);
    }
    return root;
}

cstar__node *cstar__dom_parse(cstar_test *t, cstar_str html) {
    GumboOutput *out = gumbo_parse_with_options(&kGumboDefaultOptions, html.ptr, html.len);
    if (out == NULL) {
        return cstar__kit_nomem(t);
    }
    cstar__node *root = read_tree(t, out->document);
    gumbo_destroy_output(&kGumboDefaultOptions, out);
    return root != NULL ? root : cstar__kit_nomem(t);
}
#else
cstar__node *cstar__dom_parse(cstar_test *t, cstar_str html) {
    (void)html;
    (void)cstar__kit_fail(t, NULL, 0, "this test kit was built without libgumbo: it has no pages");
    return NULL;
}
#endif
