/* html/attr.h -- the inside of an attribute: what its name says about its value, and where in the
 * value we are.
 *
 * The tokenizer (context.c) hands over the bytes of a name and of a quoted value; this part keeps
 * `attr`, `sub`, `at`, `len` and `ref` of the context.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTML_ATTR_H
#define CSTAR_HTML_ATTR_H

#include "html/context.h"

/** One byte of a name; the first one begins it (the fields are zero then). */
void cstar__attr_name_feed(cstar__ctx *c, unsigned char byte);

/** The name is complete: sets `attr`, clears the rest. */
void cstar__attr_name_end(cstar__ctx *c);

/** One byte of a quoted value. @return NULL, or why the literal is refused. */
const char *cstar__attr_feed(cstar__ctx *c, unsigned char byte);

/** A hole in a quoted value. As cstar__ctx_hole(). */
unsigned cstar__attr_hole(cstar__ctx *c, const char **why);

/** Follows '&' and what may be a character reference's name, in text and plain attributes. */
void cstar__ref_feed(cstar__ctx *c, unsigned char byte);

/** Forgets the value. */
void cstar__attr_end(cstar__ctx *c);

#endif
