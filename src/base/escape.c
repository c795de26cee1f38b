/* escape.c -- one value made harmless for the place where it will stand: HTML, JSON, a URL segment.
 *
 * Every escaper copies the longest run of plain bytes at once; a 256-entry table says which bytes
 * are not plain.
 *
 * SPDX-License-Identifier: MIT */
#include "cstar/base.h"

static const char upper_hex[] = "0123456789ABCDEF";

/* ---- HTML ---- */

/* Index of a byte's reference in `references`, 0 for plain. */
static const unsigned char html_class[256] = {
    ['&'] = 1, ['<'] = 2, ['>'] = 3, ['"'] = 4, ['\''] = 5,
};
static const cstar_str references[] = {
    {NULL, 0}, {"&amp;", 5}, {"&lt;", 4}, {"&gt;", 4}, {"&quot;", 6}, {"&#39;", 5},
};

void cstar_buf_html(cstar_buf *b, cstar_str s) {
    size_t start = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char class = html_class[(unsigned char)s.ptr[i]];
        if (class != 0) {
            cstar_buf_add(b, s.ptr + start, i - start);
            cstar_buf_str(b, references[class]);
            start = i + 1;
        }
    }
    if (start < s.len) {
        cstar_buf_add(b, s.ptr + start, s.len - start);
    }
}

static size_t html_growth(cstar_str s) {
    size_t growth = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char class = html_class[(unsigned char)s.ptr[i]];
        growth += class != 0 ? references[class].len - 1 : 0;
    }
    return growth;
}

void cstar_buf_html_from(cstar_buf *b, size_t mark) {
    if (b->status != CSTAR_OK || mark >= b->len) {
        return;
    }
    size_t growth = html_growth(cstar_view(b->ptr + mark, b->len - mark));
    if (growth == 0 || !cstar_buf_room(b, growth)) {
        return;
    }
    /* From the back, so that nothing is overwritten before it was read. */
    size_t from = b->len;
    size_t to = b->len + growth;
    b->len = to;
    while (from > mark) {
        char c = b->ptr[--from];
        unsigned char class = html_class[(unsigned char)c];
        if (class == 0) {
            b->ptr[--to] = c;
        } else {
            to -= references[class].len;
            memcpy(b->ptr + to, references[class].ptr, references[class].len);
        }
    }
}

/* ---- JSON ---- */

enum { PLAIN, SHORT, CONTROL, EXPR, HIGH };

static const unsigned char json_class[256] = {
    [0x00] = CONTROL, [0x01] = CONTROL, [0x02] = CONTROL, [0x03] = CONTROL, [0x04] = CONTROL,
    [0x05] = CONTROL, [0x06] = CONTROL, [0x07] = CONTROL, ['\b'] = SHORT,   ['\t'] = SHORT,
    ['\n'] = SHORT,   [0x0B] = CONTROL, ['\f'] = SHORT,   ['\r'] = SHORT,   [0x0E] = CONTROL,
    [0x0F] = CONTROL, [0x10] = CONTROL, [0x11] = CONTROL, [0x12] = CONTROL, [0x13] = CONTROL,
    [0x14] = CONTROL, [0x15] = CONTROL, [0x16] = CONTROL, [0x17] = CONTROL, [0x18] = CONTROL,
    [0x19] = CONTROL, [0x1A] = CONTROL, [0x1B] = CONTROL, [0x1C] = CONTROL, [0x1D] = CONTROL,
    [0x1E] = CONTROL, [0x1F] = CONTROL, ['"'] = SHORT,    ['\\'] = SHORT,   ['@'] = EXPR,
    ['$'] = EXPR,     ['\''] = EXPR,    ['<'] = EXPR,     ['>'] = EXPR,     ['&'] = EXPR,
};

static void add_unicode_escape(cstar_buf *b, uint32_t code) {
    char text[6] = {'\\',
                    'u',
                    upper_hex[(code >> 12) & 15],
                    upper_hex[(code >> 8) & 15],
                    upper_hex[(code >> 4) & 15],
                    upper_hex[code & 15]};
    cstar_buf_add(b, text, sizeof text);
}

static void add_short_escape(cstar_buf *b, char c) {
    static const char letters[128] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',  ['\f'] = 'f',
        ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\',
    };
    char text[2] = {'\\', letters[(unsigned char)c]};
    cstar_buf_add(b, text, sizeof text);
}

/* Handles the non-ASCII sequence at `*pos`; advances past it. */
static void add_high(cstar_buf *b, cstar_str s, size_t *pos, unsigned extra) {
    size_t start = *pos;
    uint32_t code = cstar_utf8_next(s, pos);
    if (code == UINT32_MAX) {
        b->status = b->status == CSTAR_OK ? CSTAR_EUTF8 : b->status;
    } else if ((code == 0x2028 || code == 0x2029) && (extra & CSTAR_ESC_LINES) != 0) {
        add_unicode_escape(b, code);
    } else {
        cstar_buf_add(b, s.ptr + start, *pos - start);
    }
}

void cstar_buf_json(cstar_buf *b, cstar_str s, unsigned extra) {
    size_t start = 0;
    size_t i = 0;
    while (i < s.len) {
        unsigned char c = (unsigned char)s.ptr[i];
        unsigned char class = c >= 0x80 ? HIGH : json_class[c];
        if (class == PLAIN || (class == EXPR && (extra & CSTAR_ESC_EXPR) == 0)) {
            i++;
            continue;
        }
        cstar_buf_add(b, s.ptr + start, i - start);
        if (class == HIGH) {
            add_high(b, s, &i, extra);
        } else {
            if (class == SHORT) {
                add_short_escape(b, (char)c);
            } else {
                add_unicode_escape(b, c);
            }
            i++;
        }
        start = i;
    }
    if (start < s.len) {
        cstar_buf_add(b, s.ptr + start, s.len - start);
    }
}

/* ---- URL ---- */

static bool is_unreserved(unsigned char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '~';
}

void cstar_buf_percent(cstar_buf *b, cstar_str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (is_unreserved(c)) {
            cstar_buf_byte(b, (char)c);
        } else {
            char text[3] = {'%', upper_hex[c >> 4], upper_hex[c & 15]};
            cstar_buf_add(b, text, sizeof text);
        }
    }
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that the escape at `i` stands for, or -1 if it is none. */
static int escape_at(cstar_str s, size_t i) {
    if (s.len - i < 3) {
        return -1;
    }
    int high = hex_value(s.ptr[i + 1]);
    int low = hex_value(s.ptr[i + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

void cstar_buf_unpercent(cstar_buf *b, cstar_str s, bool plus_is_space) {
    if (s.len == 0 || !cstar_buf_room(b, s.len)) {
        return;
    }
    char *to = b->ptr + b->len;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            int byte = escape_at(s, i);
            i += byte >= 0 ? 2 : 0;
            c = byte >= 0 ? (char)(unsigned char)byte : c;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        *to++ = c;
    }
    b->len = (size_t)(to - b->ptr);
}

bool cstar_percent_valid(cstar_str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '%' && escape_at(s, i) < 0) {
            return false;
        }
    }
    return true;
}
