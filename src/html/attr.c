/* html/attr.c -- what an attribute's value is by its name, and the places inside URLs, expressions
 * and signal names.
 *
 * URL:        start ─▶ scheme? ─':'─▶ ok | opaque | bad        ('/', '?' or '#' first: ok)
 *                └─hole─▶ open (a ':' would complete a scheme: refused) ─'/?#'─▶ ok
 * Expression: other ─▶ identifier, minus, '<', hole (each forbids some neighbour),
 *                      string ─▶ escape, hex digits, @name
 *             and spoiled for good by '/', a backtick, "<!" and references.
 * Why spoiled: behind a '/' one cannot know without a JavaScript parser whether a regular
 * expression, a comment or a division began; the Datastar client does not know either: it finds
 * strings with regular expressions of its own, and what those misread (a string that ends in an
 * escaped backslash, too) would let data look like code.
 *
 * SPDX-License-Identifier: MIT */
#include "html/attr.h"

#include "html/names.h"

#include <stddef.h>

enum { NAME_HTML, NAME_PLUGIN, NAME_KEY, NAME_DONE };                  /* sub in a name */
enum { URL_START, URL_SCHEME, URL_OPEN, URL_OK, URL_OPAQUE, URL_BAD }; /* sub in a URL */
enum { SIGNAL_START, SIGNAL_PART, SIGNAL_DOT, SIGNAL_BAD };            /* sub in a signal's name */
/* Sub in an expression. */
enum {
    EXPR_OTHER,
    EXPR_IDENT, /* behind an identifier, a number, '.', '$', '@' */
    EXPR_MINUS,
    EXPR_LT,
    EXPR_HOLE,
    EXPR_STR_START, /* behind the opening quote */
    EXPR_STR,
    EXPR_STR_ESC,  /* behind a backslash */
    EXPR_STR_HEX,  /* in \xHH, \uHHHH or octal, and while digits follow */
    EXPR_STR_BACK, /* behind an escaped backslash */
    EXPR_STR_AT,   /* behind '@' and an identifier's characters */
    EXPR_SPOILED,
};

static bool is_alpha(unsigned char b) { return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z'); }
static bool is_digit(unsigned char b) { return b >= '0' && b <= '9'; }
static bool is_hex(unsigned char b) {
    return is_digit(b) || (b >= 'a' && b <= 'f') || (b >= 'A' && b <= 'F');
}
static bool is_word(unsigned char b) { return is_alpha(b) || is_digit(b) || b == '_'; }

/* What must not touch a JavaScript literal: parts of identifiers and numbers, in any script and
 * also as \uXXXX. */
static bool is_glue(unsigned char b) {
    return is_word(b) || b == '$' || b == '@' || b == '.' || b == '#' || b == '\\' || b >= 0x80;
}

static void restart_name(cstar__ctx *c, uint8_t mode) {
    c->sub = mode;
    c->at = 0;
    c->len = 0;
}

static void settle_name(cstar__ctx *c, cstar__attr attr) {
    restart_name(c, NAME_DONE);
    c->attr = (uint8_t)attr;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* data-attr:NAME sets the attribute NAME from JavaScript: what is dangerous there is dangerous
 * here. */
static cstar__attr attr_of_key(uint8_t tag) {
    switch (tag) {
    case CSTAR__ATTR_URL:
    case CSTAR__ATTR_OBJECT_DATA:
        return CSTAR__ATTR_EXPR_URL;
    case CSTAR__ATTR_UNSAFE:
    case CSTAR__ATTR_EVENT:
        return CSTAR__ATTR_UNSAFE;
    default:
        return CSTAR__ATTR_EXPR;
    }
}

static cstar__attr attr_of_name(const cstar__ctx *c, uint8_t tag) {
    switch (tag) {
    case CSTAR__ATTR_OBJECT_DATA:
        return c->elem == CSTAR__ELEM_OBJECT ? CSTAR__ATTR_URL : CSTAR__ATTR_PLAIN;
    case CSTAR__ATTR_DATA:
        return CSTAR__ATTR_PLAIN;
    case CSTAR__ATTR_EXPR_KEY:
        return CSTAR__ATTR_EXPR;
    default:
        return (cstar__attr)tag;
    }
}

static void html_name_feed(cstar__ctx *c, unsigned char byte, const cstar__names *names) {
    cstar__names_step(names, &c->at, &c->len, byte);
    const cstar__name *hit = cstar__names_hit(names, c->at, c->len);
    if (hit == NULL) {
        return;
    }
    if (hit->tag == CSTAR__ATTR_EVENT) { /* whatever follows "on" */
        settle_name(c, CSTAR__ATTR_UNSAFE);
    } else if (hit->tag == CSTAR__ATTR_DATA && c->sub == NAME_HTML) {
        restart_name(c, NAME_PLUGIN);
    }
}

static void plugin_name_feed(cstar__ctx *c, unsigned char byte) {
    const cstar__name *hit = cstar__names_hit(&cstar__plugin_names, c->at, c->len);
    if (hit != NULL && (byte == ':' || byte == '_' || (byte == '-' && hit->dash != 0))) {
        if (hit->tag == CSTAR__ATTR_EXPR_KEY && byte != '_') {
            restart_name(c, NAME_KEY);
        } else {
            settle_name(c, attr_of_name(c, hit->tag));
        }
        return;
    }
    cstar__names_step(&cstar__plugin_names, &c->at, &c->len, byte);
    hit = cstar__names_hit(&cstar__plugin_names, c->at, c->len);
    if (hit != NULL && hit->tag == CSTAR__ATTR_DATA) { /* "star-" */
        restart_name(c, NAME_PLUGIN);
    }
}

static void key_name_feed(cstar__ctx *c, unsigned char byte) {
    const cstar__name *hit = cstar__names_hit(&cstar__attr_names, c->at, c->len);
    if (byte == '_') { /* modifiers follow */
        settle_name(c, hit != NULL ? attr_of_key(hit->tag) : CSTAR__ATTR_EXPR);
        return;
    }
    html_name_feed(c, byte, &cstar__attr_names);
}

void cstar__attr_name_feed(cstar__ctx *c, unsigned char byte) {
    switch (c->sub) {
    case NAME_HTML:
        html_name_feed(c, byte, &cstar__attr_names);
        break;
    case NAME_PLUGIN:
        plugin_name_feed(c, byte);
        break;
    case NAME_KEY:
        key_name_feed(c, byte);
        break;
    default:
        break;
    }
}

void cstar__attr_name_end(cstar__ctx *c) {
    const cstar__names *names = c->sub == NAME_PLUGIN ? &cstar__plugin_names : &cstar__attr_names;
    const cstar__name *hit = c->sub == NAME_DONE ? NULL : cstar__names_hit(names, c->at, c->len);
    cstar__attr attr = c->sub == NAME_DONE ? (cstar__attr)c->attr : CSTAR__ATTR_PLAIN;
    if (c->sub == NAME_KEY) {
        attr = hit != NULL ? attr_of_key(hit->tag) : CSTAR__ATTR_EXPR;
    } else if (hit != NULL) {
        attr = attr_of_name(c, hit->tag);
    }
    cstar__attr_end(c);
    c->attr = (uint8_t)attr;
}

void cstar__attr_end(cstar__ctx *c) {
    c->attr = CSTAR__ATTR_PLAIN;
    c->sub = 0;
    c->at = 0;
    c->len = 0;
    c->dquote = false;
    c->ref = false;
}

/* ---- values ---------------------------------------------------------------------------------- */

void cstar__ref_feed(cstar__ctx *c, unsigned char byte) {
    c->ref = byte == '&' || (c->ref && (is_alpha(byte) || is_digit(byte) || byte == '#'));
}

static void url_decide(cstar__ctx *c) {
    const cstar__name *hit = cstar__names_hit(&cstar__scheme_names, c->at, c->len);
    restart_name(c, URL_OK);
    if (hit != NULL) {
        c->sub = hit->tag == CSTAR__SCHEME_BAD ? URL_BAD : URL_OPAQUE;
    }
}

/* The literal's text before a scheme is decided. Browsers drop tabs and line breaks, and controls
 * and spaces in front. */
static void url_scheme_feed(cstar__ctx *c, unsigned char byte) {
    if (byte == '\t' || byte == '\n' || byte == '\r' || (c->sub == URL_START && byte <= ' ')) {
        return;
    }
    if (byte == ':') {
        url_decide(c);
    } else if (byte == '/' || byte == '?' || byte == '#') {
        restart_name(c, URL_OK);
    } else {
        c->sub = URL_SCHEME;
        cstar__names_step(&cstar__scheme_names, &c->at, &c->len, byte);
    }
}

static const char *const colon_reason = "a colon behind a {} that may be a scheme";

/* Behind a hole that may be the start of a scheme: no colon may follow, in whatever spelling. */
static const char *url_open_feed(cstar__ctx *c, unsigned char byte) {
    if (c->ref) {
        if (byte == '#') {
            return "a numeric reference behind a {} that may be a scheme";
        }
        if (is_alpha(byte) || is_digit(byte)) {
            cstar__names_step(&cstar__ref_names, &c->at, &c->len, byte);
            return NULL;
        }
        const bool colon =
            byte == ';' && cstar__names_hit(&cstar__ref_names, c->at, c->len) != NULL;
        restart_name(c, URL_OPEN);
        c->ref = false;
        if (colon) {
            return colon_reason;
        }
        if (byte == ';') {
            return NULL;
        }
    }
    if (byte == ':') {
        return colon_reason;
    }
    if (byte == '/' || byte == '?' || byte == '#') {
        c->sub = URL_OK;
    }
    c->ref = byte == '&';
    return NULL;
}

static const char *url_feed(cstar__ctx *c, unsigned char byte) {
    switch (c->sub) {
    case URL_OPEN:
        return url_open_feed(c, byte);
    case URL_START:
    case URL_SCHEME:
        if (c->ref && (is_alpha(byte) || byte == '#')) {
            restart_name(c, URL_BAD); /* it may spell any scheme */
        } else if (byte != '&') {
            url_scheme_feed(c, byte);
        } else {
            c->sub = URL_SCHEME;
            c->at = CSTAR__NAMES_DEAD;
            c->len = 0;
        }
        break;
    case URL_OPAQUE:
        if (byte == '?' || byte == '#') {
            c->sub = URL_OK;
        }
        break;
    default:
        break;
    }
    cstar__ref_feed(c, byte);
    return NULL;
}

static void signal_feed(cstar__ctx *c, unsigned char byte) {
    if (c->sub == SIGNAL_BAD) {
        return;
    }
    if (byte == '.') {
        c->sub = c->sub == SIGNAL_PART ? SIGNAL_DOT : SIGNAL_BAD;
    } else {
        c->sub = is_word(byte) ? SIGNAL_PART : SIGNAL_BAD;
    }
}

static void expr_string_feed(cstar__ctx *c, unsigned char byte) {
    const unsigned char quote = c->dquote ? '\'' : '"'; /* the other one would end the attribute */
    const uint8_t was = c->sub;
    if (was == EXPR_STR_ESC) {
        c->sub = byte == '\\' ? EXPR_STR_BACK : EXPR_STR;
        if (byte == 'x' || byte == 'u' || is_digit(byte)) {
            c->sub = EXPR_STR_HEX;
        } else if (byte == '\n' ||
                   byte == '\r') { /* a continued line ends the string to the client */
            c->sub = EXPR_SPOILED;
        }
    } else if (byte == quote) {
        c->sub = was == EXPR_STR_BACK ? EXPR_SPOILED : EXPR_OTHER;
    } else if (byte == '\\') {
        c->sub = EXPR_STR_ESC;
    } else if (byte == '@' || (was == EXPR_STR_AT && (is_word(byte) || byte == '$'))) {
        c->sub = EXPR_STR_AT;
    } else {
        c->sub = was == EXPR_STR_HEX && (is_hex(byte) || byte == '{') ? EXPR_STR_HEX : EXPR_STR;
    }
}

static const char *expr_code_feed(cstar__ctx *c, unsigned char byte) {
    const uint8_t was = c->sub;
    if (byte == '/' || byte == '`' || (byte == '!' && was == EXPR_LT)) {
        c->sub = EXPR_SPOILED;
    } else if (byte == (c->dquote ? '\'' : '"')) {
        c->sub = EXPR_STR_START;
    } else if (is_glue(byte)) {
        if (was == EXPR_HOLE) {
            return "a name, number or dot right behind a {} in an expression";
        }
        c->sub = EXPR_IDENT;
    } else if (byte == '-') {
        c->sub = EXPR_MINUS;
    } else {
        c->sub = byte == '<' ? EXPR_LT : EXPR_OTHER;
    }
    return NULL;
}

static const char *expr_feed(cstar__ctx *c, unsigned char byte) {
    if (c->sub == EXPR_SPOILED) {
        return NULL;
    }
    if (c->ref && (is_alpha(byte) || byte == '#')) {
        c->ref = false;
        c->sub = EXPR_SPOILED;
        return NULL;
    }
    c->ref = byte == '&';
    if (c->sub >= EXPR_STR_START) {
        expr_string_feed(c, byte);
        return NULL;
    }
    return expr_code_feed(c, byte);
}

const char *cstar__attr_feed(cstar__ctx *c, unsigned char byte) {
    switch ((int)c->attr) {
    case CSTAR__ATTR_URL:
        return url_feed(c, byte);
    case CSTAR__ATTR_EXPR:
    case CSTAR__ATTR_EXPR_URL:
        return expr_feed(c, byte);
    case CSTAR__ATTR_SIGNAL:
        signal_feed(c, byte);
        return NULL;
    case CSTAR__ATTR_PLAIN:
        cstar__ref_feed(c, byte);
        return NULL;
    default:
        return NULL;
    }
}

/* ---- holes ----------------------------------------------------------------------------------- */

static unsigned url_hole(cstar__ctx *c, const char **why) {
    switch (c->sub) {
    case URL_START:
        restart_name(c, URL_OPEN);
        return CSTAR__PLACE_URL;
    case URL_SCHEME:
        restart_name(c, URL_OPEN);
        return CSTAR__PLACE_URL_PART;
    case URL_OPAQUE:
        return CSTAR__PLACE_URL_OPAQUE;
    case URL_BAD:
        *why = "behind a script's scheme or a reference in a URL";
        return CSTAR__PLACE_NONE;
    default:
        return CSTAR__PLACE_URL_PART;
    }
}

static unsigned expr_hole(cstar__ctx *c, const char **why) {
    const unsigned href = c->attr == CSTAR__ATTR_EXPR_URL ? CSTAR__PLACE_HREF : 0U;
    switch (c->sub) {
    case EXPR_OTHER:
    case EXPR_LT:
        c->sub = EXPR_HOLE;
        return CSTAR__PLACE_EXPR | href;
    case EXPR_MINUS: /* $a-5 is a signal's name to the client, and --5 is none at all */
        c->sub = EXPR_HOLE;
        return CSTAR__PLACE_EXPR | CSTAR__PLACE_WRAP | href;
    case EXPR_STR_START:
        c->sub = EXPR_STR;
        return CSTAR__PLACE_EXPR_STR | href;
    case EXPR_STR:
    case EXPR_STR_BACK: /* stays so: the value may be empty */
        return CSTAR__PLACE_EXPR_STR;
    case EXPR_SPOILED:
        *why = "behind a '/', a backtick, \"<!\", a reference or \\\\ and a quote in an expression";
        return CSTAR__PLACE_NONE;
    case EXPR_STR_AT:
        *why = "behind '@' in an expression";
        return CSTAR__PLACE_NONE;
    case EXPR_STR_ESC:
    case EXPR_STR_HEX:
        *why = "in an escape of an expression's string";
        return CSTAR__PLACE_NONE;
    default:
        *why = "right behind a name, number, '.', '$', '@' or {} in an expression";
        return CSTAR__PLACE_NONE;
    }
}

static unsigned signal_hole(cstar__ctx *c, const char **why) {
    const uint8_t was = c->sub;
    if (was == SIGNAL_BAD) {
        *why = "behind what is no signal's name";
        return CSTAR__PLACE_NONE;
    }
    c->sub = SIGNAL_PART;
    return was == SIGNAL_PART ? CSTAR__PLACE_SIGNAL_PART : CSTAR__PLACE_SIGNAL;
}

unsigned cstar__attr_hole(cstar__ctx *c, const char **why) {
    if (c->ref) {
        *why = "inside a character reference";
        return CSTAR__PLACE_NONE;
    }
    switch ((int)c->attr) {
    case CSTAR__ATTR_URL:
        return url_hole(c, why);
    case CSTAR__ATTR_EXPR:
    case CSTAR__ATTR_EXPR_URL:
        return expr_hole(c, why);
    case CSTAR__ATTR_SIGNAL:
        return signal_hole(c, why);
    case CSTAR__ATTR_NUMBER:
        return CSTAR__PLACE_NUMBER;
    case CSTAR__ATTR_PLAIN:
        return CSTAR__PLACE_ATTR;
    default:
        *why = "in an on* attribute, srcdoc or a list of URLs";
        return CSTAR__PLACE_NONE;
    }
}
