/* html/url.c -- URLs as attribute values: which schemes may pass, and which bytes as themselves.
 *
 * The decision is made on the text as a browser reads it: controls and spaces in front, tabs and
 * line breaks anywhere are not there. A scheme is accepted only if it is spelled exactly; whatever
 * else stands in front of a ':' is refused, so that other invisible characters (U+200B, U+00A0,
 * ...) cannot hide one.
 *
 * SPDX-License-Identifier: MIT */
#include "html/escape.h"

static const char hex[] = "0123456789ABCDEF";

static bool is_dropped(unsigned char c) { return c == '\t' || c == '\n' || c == '\r'; }

static size_t skip_front(cstar_str s) {
    size_t i = 0;
    while (i < s.len && (unsigned char)s.ptr[i] <= ' ') {
        i++;
    }
    return i;
}

static bool scheme_allowed(cstar_str scheme) {
    static const cstar_str allowed[] = {{"http", 4}, {"https", 5}, {"mailto", 6}, {"tel", 3}};
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (cstar_str_ieq(scheme, allowed[i])) {
            return true;
        }
    }
    return false;
}

bool cstar__html_url_safe(cstar_str s) {
    char scheme[8];
    size_t len = 0;
    for (size_t i = skip_front(s); i < s.len; i++) {
        const char c = s.ptr[i];
        if (is_dropped((unsigned char)c)) {
            continue;
        }
        if (c == '/' || c == '?' || c == '#') {
            return true;
        }
        if (c == ':') {
            return len < sizeof scheme && scheme_allowed(cstar_view(scheme, len));
        }
        if (len < sizeof scheme) {
            scheme[len++] = c;
        }
    }
    return true;
}

enum { CODED, UNRESERVED, RESERVED, AMPERSAND, APOSTROPHE };

static unsigned char url_class(unsigned char c) {
    static const char reserved[] = ":/?#[]@!$()*+,;=%"; /* '%': what is coded already stays so */
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '.' || c == '_' || c == '~') {
        return UNRESERVED;
    }
    if (c == '&') {
        return AMPERSAND;
    }
    if (c == '\'') {
        return APOSTROPHE;
    }
    return memchr(reserved, c, sizeof reserved - 1) != NULL ? RESERVED : CODED;
}

static void add_coded(cstar_buf *b, unsigned char c) {
    const char text[3] = {'%', hex[c >> 4], hex[c & 15]};
    cstar_buf_add(b, text, sizeof text);
}

void cstar__html_url(cstar_buf *b, cstar_str s) {
    for (size_t i = skip_front(s); i < s.len; i++) {
        const unsigned char c = (unsigned char)s.ptr[i];
        switch (url_class(c)) {
        case CODED:
            if (!is_dropped(c)) {
                add_coded(b, c);
            }
            break;
        case AMPERSAND:
            cstar_buf_lit(b, "&amp;");
            break;
        case APOSTROPHE:
            cstar_buf_lit(b, "&#39;");
            break;
        default:
            cstar_buf_byte(b, (char)c);
            break;
        }
    }
}

static void add_part(cstar_buf *b, cstar_str s, bool opaque) {
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.ptr[i];
        if (url_class(c) == UNRESERVED || (opaque && (c == '@' || c == '+'))) {
            cstar_buf_byte(b, (char)c);
        } else {
            add_coded(b, c);
        }
    }
}

void cstar__html_url_part(cstar_buf *b, cstar_str s) { add_part(b, s, false); }
void cstar__html_url_opaque(cstar_buf *b, cstar_str s) { add_part(b, s, true); }
