/* html/names.c -- the tables of names that change how markup is read, and the matcher over them.
 *
 * Data flow: context.c steps through a table with each byte of a name and asks at its end whether
 * it was an entry.
 * Invariants: see names.h; tests/unit/html/test_names.c checks the order.
 *
 * SPDX-License-Identifier: MIT */
#include "html/names.h"

#include "html/context.h"

#include <string.h>

#define COUNT(list) ((uint8_t)(sizeof(list) / sizeof((list)[0])))

/* <noscript> is absent: with scripts its content is raw text, without it is markup, and what is
 * escaped for markup can end neither. */
static const cstar__name tags[] = {
    {"iframe", CSTAR__ELEM_IFRAME, 0},       {"noembed", CSTAR__ELEM_NOEMBED, 0},
    {"noframes", CSTAR__ELEM_NOFRAMES, 0},   {"object", CSTAR__ELEM_OBJECT, 0},
    {"plaintext", CSTAR__ELEM_PLAINTEXT, 0}, {"script", CSTAR__ELEM_SCRIPT, 0},
    {"style", CSTAR__ELEM_STYLE, 0},         {"textarea", CSTAR__ELEM_TEXTAREA, 0},
    {"title", CSTAR__ELEM_TITLE, 0},         {"xmp", CSTAR__ELEM_XMP, 0},
};
const cstar__names cstar__tag_names = {tags, COUNT(tags)};

/* Lists of URLs (srcset, ping, ...) and markup or code (srcdoc, on*) have no safe form for one
 * value. "values" of an SVG animation is a list too, but mostly of numbers. */
static const cstar__name attrs[] = {
    {"action", CSTAR__ATTR_URL, 0},
    {"archive", CSTAR__ATTR_UNSAFE, 0},
    {"attributionsrc", CSTAR__ATTR_UNSAFE, 0},
    {"background", CSTAR__ATTR_URL, 0},
    {"by", CSTAR__ATTR_URL, 0},
    {"cite", CSTAR__ATTR_URL, 0},
    {"classid", CSTAR__ATTR_URL, 0},
    {"codebase", CSTAR__ATTR_URL, 0},
    {"data", CSTAR__ATTR_OBJECT_DATA, 0},
    {"data-", CSTAR__ATTR_DATA, 0},
    {"dynsrc", CSTAR__ATTR_URL, 0},
    {"formaction", CSTAR__ATTR_URL, 0},
    {"from", CSTAR__ATTR_URL, 0},
    {"href", CSTAR__ATTR_URL, 0},
    {"icon", CSTAR__ATTR_URL, 0},
    {"imagesrcset", CSTAR__ATTR_UNSAFE, 0},
    {"longdesc", CSTAR__ATTR_URL, 0},
    {"lowsrc", CSTAR__ATTR_URL, 0},
    {"manifest", CSTAR__ATTR_URL, 0},
    {"on", CSTAR__ATTR_EVENT, 0},
    {"ping", CSTAR__ATTR_UNSAFE, 0},
    {"poster", CSTAR__ATTR_URL, 0},
    {"profile", CSTAR__ATTR_URL, 0},
    {"src", CSTAR__ATTR_URL, 0},
    {"srcdoc", CSTAR__ATTR_UNSAFE, 0},
    {"srcset", CSTAR__ATTR_UNSAFE, 0},
    {"style", CSTAR__ATTR_NUMBER, 0},
    {"to", CSTAR__ATTR_URL, 0},
    {"usemap", CSTAR__ATTR_URL, 0},
    {"values", CSTAR__ATTR_NUMBER, 0},
    {"xlink:href", CSTAR__ATTR_URL, 0},
    {"xml:base", CSTAR__ATTR_URL, 0},
};
const cstar__names cstar__attr_names = {attrs, COUNT(attrs)};

/* The client's attributes, those of its paid bundle included. A dash: the older form of a key,
 * data-class-active. */
static const cstar__name plugins[] = {
    {"animate", CSTAR__ATTR_EXPR, 1},
    {"attr", CSTAR__ATTR_EXPR_KEY, 1},
    {"bind", CSTAR__ATTR_SIGNAL, 1},
    {"class", CSTAR__ATTR_EXPR, 1},
    {"computed", CSTAR__ATTR_EXPR, 1},
    {"custom-validity", CSTAR__ATTR_EXPR, 0},
    {"effect", CSTAR__ATTR_EXPR, 0},
    {"indicator", CSTAR__ATTR_SIGNAL, 1},
    {"init", CSTAR__ATTR_EXPR, 0},
    {"json-signals", CSTAR__ATTR_EXPR, 0},
    {"match-media", CSTAR__ATTR_EXPR, 1},
    {"on", CSTAR__ATTR_EXPR, 1},
    {"persist", CSTAR__ATTR_EXPR, 1},
    {"query-string", CSTAR__ATTR_EXPR, 0},
    {"ref", CSTAR__ATTR_SIGNAL, 1},
    {"replace-url", CSTAR__ATTR_EXPR, 0},
    {"scroll-into-view", CSTAR__ATTR_EXPR, 0},
    {"show", CSTAR__ATTR_EXPR, 0},
    {"signals", CSTAR__ATTR_EXPR, 1},
    {"star-", CSTAR__ATTR_DATA, 0}, /* the bundle with aliased names: data-star-on:click */
    {"style", CSTAR__ATTR_EXPR, 1},
    {"text", CSTAR__ATTR_EXPR, 0},
    {"view-transition", CSTAR__ATTR_EXPR, 0},
};
const cstar__names cstar__plugin_names = {plugins, COUNT(plugins)};

static const cstar__name schemes[] = {
    {"data", CSTAR__SCHEME_BAD, 0},      {"javascript", CSTAR__SCHEME_BAD, 0},
    {"mailto", CSTAR__SCHEME_OPAQUE, 0}, {"tel", CSTAR__SCHEME_OPAQUE, 0},
    {"vbscript", CSTAR__SCHEME_BAD, 0},
};
const cstar__names cstar__scheme_names = {schemes, COUNT(schemes)};

static const cstar__name refs[] = {{"colon", 0, 0}};
const cstar__names cstar__ref_names = {refs, COUNT(refs)};

void cstar__names_step(const cstar__names *names, uint8_t *at, uint8_t *len, unsigned char byte) {
    const char c = (char)(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
    if (*at >= names->count) {
        *at = CSTAR__NAMES_DEAD;
        *len = 0;
        return;
    }
    const char *read = names->list[*at].text;
    for (uint8_t i = *at; i < names->count && strncmp(names->list[i].text, read, *len) == 0; i++) {
        if (names->list[i].text[*len] == c && c != '\0') {
            *at = i;
            *len = (uint8_t)(*len + 1);
            return;
        }
    }
    *at = CSTAR__NAMES_DEAD;
    *len = 0;
}

const cstar__name *cstar__names_hit(const cstar__names *names, uint8_t at, uint8_t len) {
    if (at >= names->count || names->list[at].text[len] != '\0') {
        return NULL;
    }
    return &names->list[at];
}
