/* html/context.h -- where in the markup are we? A tokenizer of literal markup, one byte at a time.
 *
 *     text ──'<'──▶ tag open ──▶ tag name ──▶ before name ──▶ name ──'='──▶ before value ──▶ value
 *      ▲                │ '!'                      ▲                                        │
 *      │                ▼                          └──────── after value ◀─── the quote ────┘
 *      ├── '>' ── comment, bogus comment
 *      └── end tag ── raw text (script, style, title, textarea, ...)
 *
 * It follows the tokenizer of the HTML standard, reduced to what decides how a value must be
 * escaped, and adds what the standard does not look at: the start of a URL, and strings in a
 * Datastar expression.
 * Data flow: site.c feeds a literal and asks at each `{}` for the place; the state is packed into
 * cstar_html.state between calls.
 * Invariants: the state is complete (a literal may be cut anywhere) and canonical (fields without
 * meaning are zero), so equal packed states behave equally; zero is text.
 * Absent: tree construction. Where that could make the standard's tokenizer disagree (<title>
 * inside <svg>, `<!--` inside <script>), holes or the literal are refused.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTML_CONTEXT_H
#define CSTAR_HTML_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum cstar__tok {
    CSTAR__TOK_TEXT,
    CSTAR__TOK_RAW, /* content of a script, style, title, textarea, ... */
    CSTAR__TOK_RAW_LT,
    CSTAR__TOK_RAW_SLASH,
    CSTAR__TOK_RAW_NAME,
    CSTAR__TOK_RAW_BANG,      /* script: "<!" */
    CSTAR__TOK_RAW_BANG_DASH, /* script: "<!-" */
    CSTAR__TOK_PLAINTEXT,
    CSTAR__TOK_TAG_OPEN,
    CSTAR__TOK_END_TAG_OPEN,
    CSTAR__TOK_TAG_NAME,
    CSTAR__TOK_SELF_CLOSE,
    CSTAR__TOK_BEFORE_NAME,
    CSTAR__TOK_NAME,
    CSTAR__TOK_AFTER_NAME,
    CSTAR__TOK_BEFORE_VALUE,
    CSTAR__TOK_VALUE,
    CSTAR__TOK_UNQUOTED,
    CSTAR__TOK_AFTER_VALUE,
    CSTAR__TOK_DECL,
    CSTAR__TOK_DECL_DASH,
    CSTAR__TOK_BOGUS,
    CSTAR__TOK_COMMENT_START,
    CSTAR__TOK_COMMENT_START_DASH,
    CSTAR__TOK_COMMENT,
    CSTAR__TOK_COMMENT_DASH,
    CSTAR__TOK_COMMENT_END,
    CSTAR__TOK_COMMENT_BANG,
} cstar__tok;

/* Elements that change how something is read. */
typedef enum cstar__elem {
    CSTAR__ELEM_OTHER,
    CSTAR__ELEM_OBJECT,
    CSTAR__ELEM_TITLE,
    CSTAR__ELEM_TEXTAREA,
    CSTAR__ELEM_SCRIPT,
    CSTAR__ELEM_STYLE,
    CSTAR__ELEM_IFRAME,
    CSTAR__ELEM_NOEMBED,
    CSTAR__ELEM_NOFRAMES,
    CSTAR__ELEM_XMP,
    CSTAR__ELEM_PLAINTEXT,
} cstar__elem;

/* What an attribute's value is. */
typedef enum cstar__attr {
    CSTAR__ATTR_PLAIN,
    CSTAR__ATTR_URL,
    CSTAR__ATTR_EXPR,     /* JavaScript, for the Datastar client */
    CSTAR__ATTR_EXPR_URL, /* the same; becomes a URL attribute (data-attr:href) */
    CSTAR__ATTR_SIGNAL,   /* a signal's name */
    CSTAR__ATTR_NUMBER,
    CSTAR__ATTR_UNSAFE,
    /* only in the tables of names.c */
    CSTAR__ATTR_OBJECT_DATA,
    CSTAR__ATTR_DATA,
    CSTAR__ATTR_EVENT,
    CSTAR__ATTR_EXPR_KEY,
} cstar__attr;

typedef enum cstar__scheme { CSTAR__SCHEME_BAD, CSTAR__SCHEME_OPAQUE } cstar__scheme;

typedef struct cstar__ctx {
    uint8_t tok;  /* cstar__tok */
    uint8_t elem; /* cstar__elem: of the tag being read, or whose raw text it is */
    uint8_t attr; /* cstar__attr: of the value being read */
    uint8_t sub;  /* where in the value, name or raw text; context.c knows */
    uint8_t at;   /* of the name being matched, see names.h */
    uint8_t len;
    bool dquote; /* the value stands in double quotes */
    bool ref;    /* behind '&' and, perhaps, letters: it may become a character reference */
} cstar__ctx;

/* What a hole is. */
typedef enum cstar__place {
    CSTAR__PLACE_NONE,
    CSTAR__PLACE_TEXT,
    CSTAR__PLACE_TITLE,
    CSTAR__PLACE_TEXTAREA,
    CSTAR__PLACE_ATTR,
    CSTAR__PLACE_URL,         /* a whole one */
    CSTAR__PLACE_URL_PART,    /* a component */
    CSTAR__PLACE_URL_OPAQUE,  /* behind mailto: or tel: */
    CSTAR__PLACE_EXPR,        /* a JavaScript literal */
    CSTAR__PLACE_EXPR_STR,    /* inside a JavaScript string */
    CSTAR__PLACE_SIGNAL,      /* a signal's name from its start */
    CSTAR__PLACE_SIGNAL_PART, /* behind some of it */
    CSTAR__PLACE_NUMBER,
    CSTAR__PLACE_ATTRS, /* whole attributes */
} cstar__place;
#define CSTAR__PLACE_MASK 0x0fU
#define CSTAR__PLACE_WRAP 0x10U /* EXPR: behind a minus */
#define CSTAR__PLACE_HREF 0x20U /* EXPR, EXPR_STR: may begin a URL */

cstar__ctx cstar__ctx_unpack(uint32_t state);
uint32_t cstar__ctx_pack(const cstar__ctx *c);

/** Reads one byte of the literal. @return NULL, or why the literal is refused ("..., " fits behind
 * "the literal has"). */
const char *cstar__ctx_feed(cstar__ctx *c, unsigned char byte);

/** A `{}` here: its place, and moves behind it. @return CSTAR__PLACE_NONE: `*why` says where it
 * stands. */
unsigned cstar__ctx_hole(cstar__ctx *c, const char **why);

/** The state in which a hole of this place stands; for text, title and textarea. */
uint32_t cstar__place_state(unsigned place);

/** Whether markup may end here. */
bool cstar__ctx_complete(uint32_t state);

#endif
