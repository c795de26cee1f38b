/* dom_text.c -- a tree as HTML and as text.
 * SPDX-License-Identifier: MIT */
#include "testkit/dom.h"

static bool is_one_of(const char *name, const char *const *list) {
    while (*list != NULL && strcmp(*list, name) != 0) {
        list++;
    }
    return *list != NULL;
}

static bool is_void(const cstar__node *n) {
    static const char *const names[] = {"area",  "base", "br",   "col",    "embed", "hr",  "img",
                                        "input", "link", "meta", "source", "track", "wbr", NULL};
    return n->first == NULL && is_one_of(n->name, names);
}

/* What these hold is not escaped. */
static bool is_raw(const cstar__node *n) {
    static const char *const names[] = {"script",   "style",     "iframe", "noembed",
                                        "noframes", "plaintext", "xmp",    NULL};
    return n != NULL && n->kind == CSTAR__NODE_ELEMENT && is_one_of(n->name, names);
}

static const char *reference(const char *p, bool attribute, size_t *len) {
    *len = 1;
    if (strncmp(p, "\xC2\xA0", 2) == 0) {
        *len = 2;
        return "&nbsp;";
    }
    switch (*p) {
    case '&':
        return "&amp;";
    case '<':
        return attribute ? NULL : "&lt;";
    case '>':
        return attribute ? NULL : "&gt;";
    case '"':
        return attribute ? "&quot;" : NULL;
    default:
        return NULL;
    }
}

static void put_escaped(cstar_buf *out, const char *text, bool attribute) {
    size_t len = 1;
    for (const char *p = text; *p != '\0'; p += len) {
        const char *instead = reference(p, attribute, &len);
        if (instead != NULL) {
            cstar_buf_puts(out, instead);
        } else {
            cstar_buf_byte(out, *p);
        }
    }
}

static void put_open(const cstar__node *n, cstar_buf *out) {
    cstar_buf_byte(out, '<');
    cstar_buf_puts(out, n->name);
    for (const cstar__attr *a = n->attrs; a != NULL; a = a->next) {
        cstar_buf_byte(out, ' ');
        cstar_buf_puts(out, a->name);
        cstar_buf_puts(out, "=\"");
        put_escaped(out, a->value, true);
        cstar_buf_byte(out, '"');
    }
    cstar_buf_byte(out, '>');
}

static void put_close(const cstar__node *n, cstar_buf *out) {
    if (n->kind == CSTAR__NODE_ELEMENT && !is_void(n)) {
        cstar_buf_puts(out, "</");
        cstar_buf_puts(out, n->name);
        cstar_buf_byte(out, '>');
    }
}

static void put_one(const cstar__node *n, cstar_buf *out) {
    switch (n->kind) {
    case CSTAR__NODE_ELEMENT:
        put_open(n, out);
        break;
    case CSTAR__NODE_TEXT:
        if (is_raw(n->parent)) {
            cstar_buf_puts(out, n->text);
        } else {
            put_escaped(out, n->text, false);
        }
        break;
    case CSTAR__NODE_COMMENT:
        cstar_buf_puts(out, "<!--");
        cstar_buf_puts(out, n->text);
        cstar_buf_puts(out, "-->");
        break;
    case CSTAR__NODE_ROOT:
        break;
    }
}

void cstar__node_html(const cstar__node *top, cstar_buf *out) {
    const cstar__node *n = top;
    put_one(n, out);
    for (;;) {
        if (n->first != NULL) {
            n = n->first;
            put_one(n, out);
            continue;
        }
        put_close(n, out);
        while (n != top && n->next == NULL) {
            n = n->parent;
            put_close(n, out);
        }
        if (n == top) {
            return;
        }
        n = n->next;
        put_one(n, out);
    }
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

void cstar__node_text(const cstar__node *top, cstar_buf *out) {
    const size_t mark = out->len;
    bool gap = false;
    for (const cstar__node *n = top; n != NULL; n = cstar__node_walk(n, top)) {
        for (const char *p = n->kind == CSTAR__NODE_TEXT ? n->text : ""; *p != '\0'; p++) {
            if (is_space(*p)) {
                gap = true;
                continue;
            }
            cstar_buf_add(out, " ", gap && out->len != mark ? 1 : 0);
            cstar_buf_byte(out, *p);
            gap = false;
        }
    }
}
