/* html/escape.h -- one value made harmless: as text, inside a JavaScript string, as a URL.
 *
 * All of them append to a buffer, escaped for HTML text and for attribute values in either quotes
 * as well.
 * Bytes that are not UTF-8 become U+FFFD, as does NUL in text; URLs keep them, percent-coded.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTML_ESCAPE_H
#define CSTAR_HTML_ESCAPE_H

#include "cstar/base.h"

/** Text and attribute values. */
void cstar__html_text(cstar_buf *b, cstar_str s);

/** The inside of a JavaScript string, in either quotes. What means something to JavaScript, HTML or
 * the Datastar client becomes
 * \uXXXX. */
void cstar__html_js_string(cstar_buf *b, cstar_str s);

/** Turns the JSON behind `mark`, written with CSTAR_ESC_LINES | CSTAR_ESC_EXPR, into a JavaScript
 * literal with strings as above. */
void cstar__html_js_json(cstar_buf *b, size_t mark);

/** Whether a browser takes it for http, https, mailto, tel or a relative URL, and nothing that
 * looks like a scheme is in front. */
bool cstar__html_url_safe(cstar_str s);

/** A whole URL, safe or not: without what browsers drop, percent-coded where no URL character. */
void cstar__html_url(cstar_buf *b, cstar_str s);

/** One component: all but A-Z a-z 0-9 - . _ ~ percent-coded. */
void cstar__html_url_part(cstar_buf *b, cstar_str s);

/** What stands behind mailto: or tel: -- the same, and '@' and '+'. */
void cstar__html_url_opaque(cstar_buf *b, cstar_str s);

#endif
