/* html/names.h -- recognises a name byte by byte, with the progress kept in two small numbers.
 *
 * Purpose: a literal may end inside a name ("<scr" in one cstar_put(), "ipt>" in the next), so what
 * has been read must fit into the bits of cstar_html.state. A sorted table does it: `at` is the
 * first entry that begins with what was read, `len` how many bytes that is.
 * Invariants: tables are sorted by byte, lower-case ASCII, at most CSTAR__NAMES_DEAD entries of at
 * most 31 bytes.
 * Absent: any other character's case folding; HTML folds ASCII only.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTML_NAMES_H
#define CSTAR_HTML_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define CSTAR__NAMES_DEAD 63 /* `at` when no entry begins so */

typedef struct cstar__name {
    const char *text;
    uint8_t tag;  /* what the table's user wants to know */
    uint8_t dash; /* plugins: '-' ends the name as ':' does */
} cstar__name;

typedef struct cstar__names {
    const cstar__name *list;
    uint8_t count;
} cstar__names;

extern const cstar__names cstar__tag_names;  /* elements: tag is a cstar__elem */
extern const cstar__names cstar__attr_names; /* attributes: tag is a cstar__attr */
extern const cstar__names
    cstar__plugin_names; /* Datastar's, behind "data-": tag is a cstar__attr */
extern const cstar__names cstar__scheme_names; /* of URLs: tag is a cstar__scheme */
extern const cstar__names cstar__ref_names;    /* character references: the colon */

/** Reads one byte more. */
void cstar__names_step(const cstar__names *names, uint8_t *at, uint8_t *len, unsigned char byte);

/** The entry that is exactly what was read, or NULL. */
const cstar__name *cstar__names_hit(const cstar__names *names, uint8_t at, uint8_t len);

#endif
