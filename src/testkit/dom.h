/* testkit/dom.h -- a document as a tree that can be changed, and what finds things in it. Private.
 *
 *     markup ──dom.c (libgumbo)──▶ nodes ◀──patch.c── patches of elements
 *                                   │  └─ selector.c: which ones
 *                                   └─ dom_text.c: as HTML, as text
 *
 * Memory: the kit's arena; what is taken out of the tree stays there, unreachable.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTKIT_DOM_H
#define CSTAR_TESTKIT_DOM_H

#include "testkit/kit.h"

typedef enum cstar__node_kind {
    CSTAR__NODE_ROOT, /* a document, or a fragment */
    CSTAR__NODE_ELEMENT,
    CSTAR__NODE_TEXT,
    CSTAR__NODE_COMMENT,
} cstar__node_kind;

typedef struct cstar__attr {
    struct cstar__attr *next;
    const char *name, *value;
} cstar__attr;

typedef struct cstar__node {
    cstar__node_kind kind;
    const char *name;   /* of an element, as HTML writes it; "" for others */
    const char *text;   /* of text and comments */
    cstar__attr *attrs; /* sorted by name */
    struct cstar__node *parent, *first, *last, *before, *next;
} cstar__node;

struct cstar_test_page {
    cstar_test *test;
    cstar__node *root;
    const char *path; /* of the GET, for events; NULL: none */
    const cstar_json *signals;
    cstar_buf warnings; /* in the arena; NUL-terminated unless it is empty */
};

/* ---- dom.c ---- */

/** A document. NULL: told. */
cstar__node *cstar__dom_parse(cstar_test *t, cstar_str html);
cstar__node *cstar__node_new(cstar_test *t, cstar__node_kind kind, const char *name);
/** With all below it. NULL: told. */
cstar__node *cstar__node_copy(cstar_test *t, const cstar__node *n);
/** Takes it out of its parent, if it has one. */
void cstar__node_remove(cstar__node *n);
/** Moves it: into `parent`, before `before`; NULL: as the last one. */
void cstar__node_insert(cstar__node *parent, cstar__node *n, cstar__node *before);
/** NULL: it has none. */
const char *cstar__node_attr(const cstar__node *n, const char *name);
bool cstar__node_is(const cstar__node *n, const char *name);
/** The next one in document order below `top`, not inside of templates: those are documents of
 * their own. NULL: that was the last. */
cstar__node *cstar__node_walk(const cstar__node *n, const cstar__node *top);
/** The first element below `top` with that name; NULL: none. */
cstar__node *cstar__node_named(cstar__node *top, const char *name);
cstar__node *cstar__node_by_id(cstar__node *top, const char *id);

/* ---- dom_text.c ---- */

/** As HTML: attributes in double quotes, sorted. */
void cstar__node_html(const cstar__node *top, cstar_buf *out);
/** The text below it, white space collapsed. */
void cstar__node_text(const cstar__node *top, cstar_buf *out);

/* ---- selector.c ---- */

typedef struct cstar__selector cstar__selector;
/** NULL: not understood, or out of memory; told. */
const cstar__selector *cstar__selector_parse(cstar_test *t, const char *text);
bool cstar__selector_matches(const cstar__selector *s, const cstar__node *n);

/* ---- patch.c ---- */

/** As the client does it. @return false: out of memory, or a selector that is not understood. */
bool cstar__page_patch(cstar_test_page *page, const cstar_test_patch *p);

#endif
