/* html/context.c -- the tokenizer of literal markup. The drawing and the invariants are in
 * context.h; values are attr.c's.
 *
 * SPDX-License-Identifier: MIT */
#include "html/context.h"

#include "html/attr.h"
#include "html/names.h"

#include <stddef.h>

/* tok:5 elem:4 attr:3 sub:4 at:6 len:5 dquote:1 ref:1 = 29 bits */
uint32_t cstar__ctx_pack(const cstar__ctx *c) {
    return (uint32_t)c->tok | (uint32_t)c->elem << 5 | (uint32_t)c->attr << 9 |
           (uint32_t)c->sub << 12 | (uint32_t)c->at << 16 | (uint32_t)c->len << 22 |
           (uint32_t)c->dquote << 27 | (uint32_t)c->ref << 28;
}

cstar__ctx cstar__ctx_unpack(uint32_t state) {
    return (cstar__ctx){.tok = (uint8_t)(state & 0x1fU),
                        .elem = (uint8_t)(state >> 5 & 0xfU),
                        .attr = (uint8_t)(state >> 9 & 0x7U),
                        .sub = (uint8_t)(state >> 12 & 0xfU),
                        .at = (uint8_t)(state >> 16 & 0x3fU),
                        .len = (uint8_t)(state >> 22 & 0x1fU),
                        .dquote = (state >> 27 & 1U) != 0,
                        .ref = (state >> 28 & 1U) != 0};
}

static bool is_alpha(unsigned char b) { return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z'); }
static bool is_space(unsigned char b) {
    return b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == '\f';
}
static bool is_rcdata(uint8_t elem) {
    return elem == CSTAR__ELEM_TITLE || elem == CSTAR__ELEM_TEXTAREA;
}

enum {
    RAW_CLEAN,
    RAW_SPOILED
}; /* sub in raw text: what would be a tag if the element stood inside <svg> was seen */

static const char *const elem_names[] = {
    [CSTAR__ELEM_OTHER] = "",
    [CSTAR__ELEM_OBJECT] = "",
    [CSTAR__ELEM_TITLE] = "title",
    [CSTAR__ELEM_TEXTAREA] = "textarea",
    [CSTAR__ELEM_SCRIPT] = "script",
    [CSTAR__ELEM_STYLE] = "style",
    [CSTAR__ELEM_IFRAME] = "iframe",
    [CSTAR__ELEM_NOEMBED] = "noembed",
    [CSTAR__ELEM_NOFRAMES] = "noframes",
    [CSTAR__ELEM_XMP] = "xmp",
    [CSTAR__ELEM_PLAINTEXT] = "",
};

static void go(cstar__ctx *c, cstar__tok tok) { c->tok = (uint8_t)tok; }

/* ---- text and raw text ----------------------------------------------------------------------- */

static void text_feed(cstar__ctx *c, unsigned char b) {
    if (b == '<') {
        c->ref = false;
        go(c, CSTAR__TOK_TAG_OPEN);
    } else {
        cstar__ref_feed(c, b);
    }
}

static void raw_feed(cstar__ctx *c, unsigned char b) {
    if (b == '<') {
        c->ref = false;
        go(c, CSTAR__TOK_RAW_LT);
        return;
    }
    go(c, CSTAR__TOK_RAW);
    if (is_rcdata(c->elem)) {
        cstar__ref_feed(c, b);
    }
}

static void raw_spoil(cstar__ctx *c, unsigned char b) {
    c->at = 0;
    c->len = 0;
    if (is_rcdata(c->elem)) {
        c->sub = RAW_SPOILED;
    }
    raw_feed(c, b);
}

static void raw_lt_feed(cstar__ctx *c, unsigned char b) {
    if (b == '/') {
        go(c, CSTAR__TOK_RAW_SLASH);
    } else if (b == '!' && c->elem == CSTAR__ELEM_SCRIPT) {
        go(c, CSTAR__TOK_RAW_BANG);
    } else if (is_alpha(b) || b == '!' || b == '?') {
        raw_spoil(c, b);
    } else {
        raw_feed(c, b);
    }
}

static void tag_done(cstar__ctx *c);

static void raw_name_feed(cstar__ctx *c, unsigned char b) {
    const char *name = elem_names[c->elem];
    const unsigned char lower = is_alpha(b) ? (unsigned char)(b | 0x20) : b;
    if (name[c->len] != '\0' && (unsigned char)name[c->len] == lower) {
        go(c, CSTAR__TOK_RAW_NAME);
        c->len = (uint8_t)(c->len + 1);
        return;
    }
    if (name[c->len] != '\0' || !(is_space(b) || b == '/' || b == '>')) {
        raw_spoil(c, b);
        return;
    }
    c->len = 0;
    c->sub = 0;
    c->elem = CSTAR__ELEM_OTHER;
    if (b == '>') {
        tag_done(c);
    } else {
        go(c, b == '/' ? CSTAR__TOK_SELF_CLOSE : CSTAR__TOK_BEFORE_NAME);
    }
}

/* `<!--` in a script begins a mode in which </script> may not end it. */
static const char *raw_bang_feed(cstar__ctx *c, unsigned char b) {
    if (b != '-') {
        raw_feed(c, b);
        return NULL;
    }
    if (c->tok == CSTAR__TOK_RAW_BANG_DASH) {
        return "\"<!--\" in a script";
    }
    go(c, CSTAR__TOK_RAW_BANG_DASH);
    return NULL;
}

/* ---- tags ------------------------------------------------------------------------------------ */

/* The '>' of a tag. */
static void tag_done(cstar__ctx *c) {
    const uint8_t elem = c->elem;
    *c = (cstar__ctx){.tok = CSTAR__TOK_TEXT};
    if (elem == CSTAR__ELEM_PLAINTEXT) {
        go(c, CSTAR__TOK_PLAINTEXT);
    } else if (elem > CSTAR__ELEM_OBJECT) {
        go(c, CSTAR__TOK_RAW);
        c->elem = elem;
    }
}

static void name_begin(cstar__ctx *c, unsigned char b) {
    go(c, CSTAR__TOK_NAME);
    cstar__attr_end(c);
    cstar__attr_name_feed(c, b);
}

static void tag_open_feed(cstar__ctx *c, unsigned char b) {
    if (is_alpha(b)) {
        go(c, CSTAR__TOK_TAG_NAME);
        cstar__names_step(&cstar__tag_names, &c->at, &c->len, b);
    } else if (b == '/') {
        go(c, CSTAR__TOK_END_TAG_OPEN);
    } else if (b == '!') {
        go(c, CSTAR__TOK_DECL);
    } else if (b == '?') {
        go(c, CSTAR__TOK_BOGUS);
    } else {
        go(c, CSTAR__TOK_TEXT);
        text_feed(c, b);
    }
}

static void end_tag_open_feed(cstar__ctx *c, unsigned char b) {
    if (is_alpha(b)) {
        go(c, CSTAR__TOK_TAG_NAME);
        c->at = CSTAR__NAMES_DEAD; /* an end tag of whatever element changes nothing */
    } else {
        go(c, b == '>' ? CSTAR__TOK_TEXT : CSTAR__TOK_BOGUS);
    }
}

static void tag_name_feed(cstar__ctx *c, unsigned char b) {
    if (!is_space(b) && b != '/' && b != '>') {
        cstar__names_step(&cstar__tag_names, &c->at, &c->len, b);
        return;
    }
    const cstar__name *hit = cstar__names_hit(&cstar__tag_names, c->at, c->len);
    c->elem = hit != NULL ? hit->tag : CSTAR__ELEM_OTHER;
    c->at = 0;
    c->len = 0;
    if (b == '>') {
        tag_done(c);
    } else {
        go(c, b == '/' ? CSTAR__TOK_SELF_CLOSE : CSTAR__TOK_BEFORE_NAME);
    }
}

static void before_name_feed(cstar__ctx *c, unsigned char b) {
    if (b == '>') {
        tag_done(c);
    } else if (b == '/') {
        go(c, CSTAR__TOK_SELF_CLOSE);
    } else if (is_space(b)) {
        go(c, CSTAR__TOK_BEFORE_NAME);
    } else {
        name_begin(c, b);
    }
}

static void attr_name_feed(cstar__ctx *c, unsigned char b) {
    if (b == '=') {
        cstar__attr_name_end(c);
        go(c, CSTAR__TOK_BEFORE_VALUE);
    } else if (is_space(b)) { /* a value may still follow: what the name was is kept */
        cstar__attr_name_end(c);
        go(c, CSTAR__TOK_AFTER_NAME);
    } else if (b == '/' || b == '>') {
        cstar__attr_end(c);
        before_name_feed(c, b);
    } else {
        cstar__attr_name_feed(c, b);
    }
}

static void after_name_feed(cstar__ctx *c, unsigned char b) {
    if (b == '=') {
        go(c, CSTAR__TOK_BEFORE_VALUE);
    } else if (!is_space(b)) {
        cstar__attr_end(c);
        before_name_feed(c, b);
    }
}

static void before_value_feed(cstar__ctx *c, unsigned char b) {
    if (b == '"' || b == '\'') {
        c->dquote = b == '"';
        go(c, CSTAR__TOK_VALUE);
    } else if (b == '>') {
        tag_done(c);
    } else if (!is_space(b)) {
        cstar__attr_end(c);
        go(c, CSTAR__TOK_UNQUOTED);
    }
}

static const char *value_feed(cstar__ctx *c, unsigned char b) {
    if (b == (c->dquote ? '"' : '\'')) {
        cstar__attr_end(c);
        go(c, CSTAR__TOK_AFTER_VALUE);
        return NULL;
    }
    return cstar__attr_feed(c, b);
}

static void unquoted_feed(cstar__ctx *c, unsigned char b) {
    if (b == '>') {
        tag_done(c);
    } else if (is_space(b)) {
        go(c, CSTAR__TOK_BEFORE_NAME);
    }
}

/* ---- comments and declarations --------------------------------------------------------------- */

static void bogus_feed(cstar__ctx *c, unsigned char b) {
    go(c, b == '>' ? CSTAR__TOK_TEXT : CSTAR__TOK_BOGUS);
}

static void decl_feed(cstar__ctx *c, unsigned char b) {
    if (b != '-') {
        bogus_feed(c, b);
    } else {
        go(c, c->tok == CSTAR__TOK_DECL ? CSTAR__TOK_DECL_DASH : CSTAR__TOK_COMMENT_START);
    }
}

static void comment_feed(cstar__ctx *c, unsigned char b) {
    const cstar__tok tok = (cstar__tok)c->tok;
    const bool may_end = tok == CSTAR__TOK_COMMENT_START || tok == CSTAR__TOK_COMMENT_START_DASH ||
                         tok == CSTAR__TOK_COMMENT_END || tok == CSTAR__TOK_COMMENT_BANG;
    if (b == '>' && may_end) {
        go(c, CSTAR__TOK_TEXT);
    } else if (b == '!' && tok == CSTAR__TOK_COMMENT_END) {
        go(c, CSTAR__TOK_COMMENT_BANG);
    } else if (b != '-') {
        go(c, CSTAR__TOK_COMMENT);
    } else if (tok == CSTAR__TOK_COMMENT_START) {
        go(c, CSTAR__TOK_COMMENT_START_DASH);
    } else if (tok == CSTAR__TOK_COMMENT || tok == CSTAR__TOK_COMMENT_BANG) {
        go(c, CSTAR__TOK_COMMENT_DASH);
    } else {
        go(c, CSTAR__TOK_COMMENT_END);
    }
}

/* ---- the machine ----------------------------------------------------------------------------- */

const char *cstar__ctx_feed(cstar__ctx *c, unsigned char b) {
    switch ((cstar__tok)c->tok) {
    case CSTAR__TOK_TEXT:
        text_feed(c, b);
        return NULL;
    case CSTAR__TOK_RAW:
        raw_feed(c, b);
        return NULL;
    case CSTAR__TOK_RAW_LT:
        raw_lt_feed(c, b);
        return NULL;
    case CSTAR__TOK_RAW_SLASH:
    case CSTAR__TOK_RAW_NAME:
        raw_name_feed(c, b);
        return NULL;
    case CSTAR__TOK_RAW_BANG:
    case CSTAR__TOK_RAW_BANG_DASH:
        return raw_bang_feed(c, b);
    case CSTAR__TOK_PLAINTEXT:
        return NULL;
    case CSTAR__TOK_TAG_OPEN:
        tag_open_feed(c, b);
        return NULL;
    case CSTAR__TOK_END_TAG_OPEN:
        end_tag_open_feed(c, b);
        return NULL;
    case CSTAR__TOK_TAG_NAME:
        tag_name_feed(c, b);
        return NULL;
    case CSTAR__TOK_SELF_CLOSE:
    case CSTAR__TOK_BEFORE_NAME:
    case CSTAR__TOK_AFTER_VALUE:
        before_name_feed(c, b);
        return NULL;
    case CSTAR__TOK_NAME:
        attr_name_feed(c, b);
        return NULL;
    case CSTAR__TOK_AFTER_NAME:
        after_name_feed(c, b);
        return NULL;
    case CSTAR__TOK_BEFORE_VALUE:
        before_value_feed(c, b);
        return NULL;
    case CSTAR__TOK_VALUE:
        return value_feed(c, b);
    case CSTAR__TOK_UNQUOTED:
        unquoted_feed(c, b);
        return NULL;
    case CSTAR__TOK_DECL:
    case CSTAR__TOK_DECL_DASH:
        decl_feed(c, b);
        return NULL;
    case CSTAR__TOK_BOGUS:
        bogus_feed(c, b);
        return NULL;
    case CSTAR__TOK_COMMENT_START:
    case CSTAR__TOK_COMMENT_START_DASH:
    case CSTAR__TOK_COMMENT:
    case CSTAR__TOK_COMMENT_DASH:
    case CSTAR__TOK_COMMENT_END:
    case CSTAR__TOK_COMMENT_BANG:
        comment_feed(c, b);
        return NULL;
    }
    return NULL;
}

static unsigned text_hole(const cstar__ctx *c, const char **why) {
    if (c->ref) {
        *why = "inside a character reference";
        return CSTAR__PLACE_NONE;
    }
    return CSTAR__PLACE_TEXT;
}

static unsigned raw_hole(const cstar__ctx *c, const char **why) {
    if (!is_rcdata(c->elem)) {
        *why = "in the content of a script, style, iframe, xmp, noembed or noframes";
        return CSTAR__PLACE_NONE;
    }
    if (c->sub == RAW_SPOILED) {
        *why = "behind a '<' in a title or textarea";
        return CSTAR__PLACE_NONE;
    }
    if (text_hole(c, why) == CSTAR__PLACE_NONE) {
        return CSTAR__PLACE_NONE;
    }
    return c->elem == CSTAR__ELEM_TITLE ? CSTAR__PLACE_TITLE : CSTAR__PLACE_TEXTAREA;
}

static unsigned attrs_hole(cstar__ctx *c) {
    cstar__attr_end(c);
    go(c, CSTAR__TOK_AFTER_VALUE);
    return CSTAR__PLACE_ATTRS;
}

static const char *name_of(cstar__tok tok) {
    if (tok >= CSTAR__TOK_DECL) {
        return "in a comment or declaration";
    }
    switch ((int)tok) {
    case CSTAR__TOK_TAG_OPEN:
    case CSTAR__TOK_END_TAG_OPEN:
    case CSTAR__TOK_TAG_NAME:
        return "in a tag's name";
    case CSTAR__TOK_BEFORE_VALUE:
    case CSTAR__TOK_UNQUOTED:
        return "in an unquoted value";
    case CSTAR__TOK_NAME:
    case CSTAR__TOK_SELF_CLOSE:
        return "in an attribute's name";
    case CSTAR__TOK_PLAINTEXT:
        return "behind <plaintext>";
    default:
        return "behind a '<' in raw text";
    }
}

unsigned cstar__ctx_hole(cstar__ctx *c, const char **why) {
    switch ((int)c->tok) {
    case CSTAR__TOK_TEXT:
        return text_hole(c, why);
    case CSTAR__TOK_RAW:
        return raw_hole(c, why);
    case CSTAR__TOK_VALUE:
        return cstar__attr_hole(c, why);
    case CSTAR__TOK_BEFORE_NAME:
    case CSTAR__TOK_AFTER_NAME:
    case CSTAR__TOK_AFTER_VALUE:
        return attrs_hole(c);
    default:
        *why = name_of((cstar__tok)c->tok);
        return CSTAR__PLACE_NONE;
    }
}

uint32_t cstar__place_state(unsigned place) {
    const cstar__ctx c = {.tok = place == CSTAR__PLACE_TEXT ? CSTAR__TOK_TEXT : CSTAR__TOK_RAW,
                          .elem = place == CSTAR__PLACE_TITLE      ? CSTAR__ELEM_TITLE
                                  : place == CSTAR__PLACE_TEXTAREA ? CSTAR__ELEM_TEXTAREA
                                                                   : CSTAR__ELEM_OTHER};
    return cstar__ctx_pack(&c);
}

bool cstar__ctx_complete(uint32_t state) { return cstar__ctx_unpack(state).tok == CSTAR__TOK_TEXT; }
