/* selector.c -- the selectors that patches and tests use, and no more: lists of compounds,
 * joined by ' ' and '>'.
 *
 *     "#list > li.done, [data-x]"  ──▶  alternatives, each a chain from right to left:
 *                                       li.done ──child──▶ #list
 *
 * Invariant: what is not understood is a failure, never "no match".
 * SPDX-License-Identifier: MIT */
#include "testkit/dom.h"

/* One condition of a compound. */
typedef struct test {
    struct test *next;
    char kind; /* 't' tag, '#', '.', '[' */
    char op;   /* of '[': 0 it is there, '=', '^', '$', '*', '~' */
    const char *name, *value;
} test;

typedef struct compound {
    struct compound *left; /* what stands before it; NULL: nothing */
    bool child;            /* it is the parent, not any ancestor */
    test *tests;
} compound;

struct cstar__selector {
    cstar__selector *next; /* the next alternative */
    compound *right;
};

typedef struct parser {
    cstar_test *test;
    const char *at;
    bool failed;
} parser;

/* ---- reading ---- */

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool skip_space(parser *p) {
    const char *from = p->at;
    while (is_space(*p->at)) {
        p->at++;
    }
    return p->at != from;
}

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || (unsigned char)c >= 0x80;
}

static int hex(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put_utf8(cstar_buf *b, unsigned c) {
    if (c < 0x80) {
        cstar_buf_byte(b, (char)c);
        return;
    }
    const unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    cstar_buf_byte(b, (char)(lead[more] | (c >> (6 * more))));
    for (unsigned i = more; i-- > 0;) {
        cstar_buf_byte(b, (char)(0x80 | ((c >> (6 * i)) & 0x3F)));
    }
}

/* Behind a backslash: up to six hex digits and a space, or the character itself. */
static void take_escape(parser *p, cstar_buf *b) {
    unsigned c = 0;
    unsigned n = 0;
    for (; n < 6 && hex(*p->at) >= 0; n++, p->at++) {
        c = c * 16 + (unsigned)hex(*p->at);
    }
    if (n == 0) {
        p->failed = p->failed || *p->at == '\0';
        cstar_buf_byte(b, *p->at);
        p->at += *p->at != '\0' ? 1 : 0;
        return;
    }
    put_utf8(b, c == 0 || c > 0x10FFFF ? 0xFFFD : c);
    p->at += is_space(*p->at) ? 1 : 0;
}

/* Up to what is no name, or the closing quote. */
static const char *take_text(parser *p, char quote) {
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(&p->test->arena), SIZE_MAX / 2);
    const char *from = p->at;
    while (*p->at != '\0' &&
           (quote != '\0' ? *p->at != quote : is_name(*p->at) || *p->at == '\\')) {
        if (*p->at == '\\') {
            p->at++;
            take_escape(p, &b);
        } else {
            cstar_buf_byte(&b, *p->at++);
        }
    }
    p->failed = p->failed || (quote == '\0' && p->at == from) || (quote != '\0' && *p->at != quote);
    p->at += quote != '\0' && *p->at == quote ? 1 : 0;
    cstar_buf_byte(&b, '\0');
    p->failed = p->failed || b.status != CSTAR_OK;
    return b.status == CSTAR_OK ? b.ptr : "";
}

static void take_attribute(parser *p, test *t) {
    (void)skip_space(p);
    t->name = take_text(p, '\0');
    (void)skip_space(p);
    if (*p->at != '\0' && strchr("^$*~", *p->at) != NULL && p->at[1] == '=') {
        t->op = *p->at++;
    }
    if (*p->at == '=') {
        t->op = t->op != 0 ? t->op : '=';
        p->at++;
        (void)skip_space(p);
        const char quote = *p->at == '"' || *p->at == '\'' ? *p->at++ : '\0';
        t->value = take_text(p, quote);
        (void)skip_space(p);
    }
    p->failed = p->failed || *p->at != ']';
    p->at += *p->at == ']' ? 1 : 0;
}

static void take_test(parser *p, test *t) {
    t->kind = *p->at == '#' || *p->at == '.' || *p->at == '[' ? *p->at++ : 't';
    t->value = "";
    if (t->kind == '[') {
        take_attribute(p, t);
    } else {
        t->name = take_text(p, '\0');
    }
}

/* `*` is a compound without conditions. */
static compound *take_compound(parser *p) {
    compound *c = cstar_arena_zalloc(&p->test->arena, sizeof *c);
    const char *from = p->at;
    p->at += *p->at == '*' ? 1 : 0;
    while (
        c != NULL && !p->failed && *p->at != '\0' &&
        (strchr("#.[", *p->at) != NULL || (p->at == from && (is_name(*p->at) || *p->at == '\\')))) {
        test *t = cstar_arena_zalloc(&p->test->arena, sizeof *t);
        if (t == NULL) {
            p->failed = true;
            return c;
        }
        take_test(p, t);
        t->next = c->tests;
        c->tests = t;
    }
    p->failed = p->failed || c == NULL || p->at == from;
    return c;
}

static compound *take_chain(parser *p) {
    compound *left = NULL;
    bool child = false;
    (void)skip_space(p);
    for (;;) {
        compound *c = take_compound(p);
        if (p->failed) {
            return NULL;
        }
        c->left = left;
        c->child = child;
        const bool gap = skip_space(p);
        if (*p->at == '\0' || *p->at == ',') {
            return c;
        }
        child = *p->at == '>';
        p->failed = !gap && !child;
        p->at += child ? 1 : 0;
        (void)skip_space(p);
        left = c;
    }
}

const cstar__selector *cstar__selector_parse(cstar_test *t, const char *text) {
    parser p = {.test = t, .at = text};
    cstar__selector *list = NULL;
    do {
        cstar__selector *s = cstar_arena_zalloc(&t->arena, sizeof *s);
        p.failed = s == NULL;
        if (s != NULL) {
            s->right = take_chain(&p);
            s->next = list;
            list = s;
        }
    } while (!p.failed && *p.at++ == ',');
    if (p.failed) {
        (void)cstar__kit_fail(t, NULL, 0, "the selector \"%s\" is not understood (at \"%s\")", text,
                              p.at);
        return NULL;
    }
    return list;
}

/* ---- matching ---- */

static bool has_word(const char *list, const char *word) {
    const size_t n = strlen(word);
    while (list != NULL && *list != '\0') {
        const size_t len = strcspn(list, " \t\n\r\f");
        if (len == n && n != 0 && memcmp(list, word, n) == 0) {
            return true;
        }
        list += len + (list[len] != '\0' ? 1 : 0);
    }
    return false;
}

static bool attribute_matches(const test *t, const char *value) {
    const size_t n = strlen(t->value);
    const size_t len = value != NULL ? strlen(value) : 0;
    if (value == NULL || t->op == 0) {
        return value != NULL;
    }
    switch (t->op) {
    case '=':
        return strcmp(value, t->value) == 0;
    case '^':
        return n != 0 && len >= n && memcmp(value, t->value, n) == 0;
    case '$':
        return n != 0 && len >= n && memcmp(value + len - n, t->value, n) == 0;
    case '~':
        return has_word(value, t->value);
    default:
        return n != 0 && strstr(value, t->value) != NULL;
    }
}

static bool test_matches(const test *t, const cstar__node *n) {
    const char *id = cstar__node_attr(n, "id");
    switch (t->kind) {
    case 't':
        return cstar_str_ieq(cstar_cstr(t->name), cstar_cstr(n->name));
    case '#':
        return id != NULL && strcmp(id, t->name) == 0;
    case '.':
        return has_word(cstar__node_attr(n, "class"), t->name);
    default:
        return attribute_matches(t, cstar__node_attr(n, t->name)); /* written in lower case */
    }
}

static bool compound_matches(const compound *c, const cstar__node *n) {
    bool ok = n->kind == CSTAR__NODE_ELEMENT;
    for (const test *t = c->tests; t != NULL && ok; t = t->next) {
        ok = test_matches(t, n);
    }
    return ok;
}

/* Recurses by the length of the selector, not by the page. */
static bool chain_matches(const compound *c, const cstar__node *n) {
    if (!compound_matches(c, n)) {
        return false;
    }
    if (c->left == NULL) {
        return true;
    }
    for (const cstar__node *up = n->parent; up != NULL; up = up->parent) {
        if (chain_matches(c->left, up)) {
            return true;
        }
        if (c->child) {
            return false;
        }
    }
    return false;
}

bool cstar__selector_matches(const cstar__selector *s, const cstar__node *n) {
    while (s != NULL && !chain_matches(s->right, n)) {
        s = s->next;
    }
    return s != NULL;
}
