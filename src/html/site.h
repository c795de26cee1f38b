/* html/site.h -- the literal of one call site, parsed.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTML_SITE_H
#define CSTAR_HTML_SITE_H

#include "cstar/html.h"

enum {                         /* cstar_site.flags */
       CSTAR__SITE_BRACES = 1, /* has "{{" or "}}" */
       CSTAR__SITE_LINES = 2,  /* has a CR or LF */
};

/**
 * Parses site->literal, which begins in state `from`, into the site's other fields.
 * @return CSTAR_EUNSAFE a hole or the literal is refused; CSTAR_EINVAL not site->nvals holes;
 *         CSTAR_ELIMIT too long.
 */
cstar_status cstar__site_parse(cstar_site *site, uint32_t from, cstar_err *err);

/** The site as parsed from `state`: itself, or `*local` when it is parsed from another one or at
 * this moment. NULL: `err` is filled. [any thread] */
const cstar_site *cstar__site_get(cstar_site *site, uint32_t state, cstar_site *local,
                                  cstar_err *err);

/** Fills `err` with a message that begins with the site's file and line. */
cstar_status cstar__site_fail(const cstar_site *site, cstar_err *err, const cstar_err *why);

#endif
