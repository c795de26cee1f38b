/* http/h1_chunk.c -- the lines of a chunked body (RFC 9112 7.1): sizes with extensions, and
 * trailer fields.
 *
 *     chunk-line = 1*HEXDIG *( ";" name [ "=" ( token / quoted-string ) ] ) CRLF
 *
 * Extensions and trailers mean nothing here: they are checked, since a line that two readers
 * could end differently is how requests are smuggled, and dropped. White space around ";" and
 * "=" is refused, although RFC 9112 7.1.1 would have it read: no client sends it.
 *
 * SPDX-License-Identifier: MIT */
#include "http/chars.h"
#include "http/h1_parts.h"

static int refuse(const char **why, const char *text) {
    *why = text;
    return 400;
}

static const char *skip_token(const char *p) {
    while (cstar__lower_token[(unsigned char)*p] != 0) {
        p++;
    }
    return p;
}

/* Behind the closing quote of the quoted-string at `p`, or NULL. `end` is where the line's CRLF
 * starts. */
static const char *skip_quoted(const char *p, const char *end) {
    for (p++; p < end; p++) {
        if (*p == '"') {
            return p + 1;
        }
        if (*p == '\\') {
            p++;
        }
        if (p == end || !cstar__char_is(*p, CSTAR__CHAR_VALUE)) {
            return NULL;
        }
    }
    return NULL;
}

/* One extension behind its ';'. Returns where it ends, or NULL. */
static const char *skip_extension(const char *p, const char *end) {
    const char *name = p;
    p = skip_token(p);
    if (p == name) {
        return NULL;
    }
    if (*p != '=') {
        return p;
    }
    p++;
    if (*p == '"') {
        return skip_quoted(p, end);
    }
    const char *value = p;
    p = skip_token(p);
    return p != value ? p : NULL;
}

static bool ends_on_crlf(cstar_str line) {
    return line.len >= 2 && memcmp(line.ptr + line.len - 2, "\r\n", 2) == 0;
}

int cstar__h1_parse_chunk_line(cstar_str line, uint64_t *size, const char **why) {
    if (!ends_on_crlf(line)) {
        return refuse(why, "chunk line ends on a bare LF");
    }
    const char *p = line.ptr;
    const char *end = p + line.len - 2;
    uint64_t n = 0;
    int digit;
    while ((digit = cstar__hex_digit(*p)) >= 0) {
        if (n > UINT64_MAX >> 5) {
            return refuse(why, "chunk size too large");
        }
        n = n << 4 | (unsigned)digit;
        p++;
    }
    if (p == line.ptr) {
        return refuse(why, "malformed chunk size");
    }
    while (p != NULL && p < end && *p == ';') {
        p = skip_extension(p + 1, end);
    }
    if (p != end) {
        return refuse(why, "malformed chunk extension");
    }
    *size = n;
    return 0;
}

int cstar__h1_parse_trailer(cstar_str line, bool *last, const char **why) {
    if (!ends_on_crlf(line)) {
        return refuse(why, "trailer line ends on a bare LF");
    }
    const char *end = line.ptr + line.len - 2;
    *last = line.len == 2;
    if (*last) {
        return 0;
    }
    const char *p = skip_token(line.ptr);
    if (p == line.ptr || *p != ':') {
        return refuse(why, "malformed trailer name");
    }
    return cstar__value_end(p + 1, end) == end ? 0 : refuse(why, "control character in a trailer");
}
