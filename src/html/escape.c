/* html/escape.c -- text and JavaScript strings.
 *
 * Workload assumed: short ASCII values, most with nothing to escape. They are scanned eight bytes
 * at a time and copied in runs; UTF-8 is looked at from the first byte above 0x7f on, once.
 *
 * SPDX-License-Identifier: MIT */
#include "html/escape.h"

#define ONES 0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

static const cstar_str replacement = {"\xEF\xBF\xBD", 3}; /* U+FFFD */
static const char hex[] = "0123456789ABCDEF";

/* ---- text ------------------------------------------------------------------------------------ */

enum { PLAIN, AMP, LT, GT, QUOT, APOS, NUL, HIGH };

#define HIGH_16                                                                                    \
    HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH
static const unsigned char text_class[256] = {
    [0] = NUL, ['&'] = AMP, ['<'] = LT, ['>'] = GT, ['"'] = QUOT, ['\''] = APOS, [128] = HIGH_16,
    HIGH_16,   HIGH_16,     HIGH_16,    HIGH_16,    HIGH_16,      HIGH_16,       HIGH_16,
};
static const cstar_str text_form[] = {
    [AMP] = {"&amp;", 5},   [LT] = {"&lt;", 4},    [GT] = {"&gt;", 4},
    [QUOT] = {"&quot;", 6}, [APOS] = {"&#39;", 5}, [NUL] = {"\xEF\xBF\xBD", 3},
};

static uint64_t zero_bytes(uint64_t x) { return (x - ONES) & ~x & HIGHS; }

/* Not zero if one of eight bytes is not plain. `high`: HIGHS, or 0 where bytes above 0x7f are
 * plain. */
static uint64_t not_plain(const char *p, uint64_t high) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return (x & high) | zero_bytes(x) | zero_bytes(x ^ ONES * '"') |
           zero_bytes((x | ONES) ^ ONES * '\'') | zero_bytes((x | ONES * 2) ^ ONES * '>');
}

/* The first byte from `i` on that is not plain. */
static size_t text_run(cstar_str s, size_t i, uint64_t high) {
    while (s.len - i >= 8 && not_plain(s.ptr + i, high) == 0) {
        i += 8;
    }
    while (i < s.len) {
        const unsigned char class = text_class[(unsigned char)s.ptr[i]];
        if (class != PLAIN && (class != HIGH || high != 0)) {
            break;
        }
        i++;
    }
    return i;
}

/* A byte above 0x7f in text that is not all UTF-8. */
static void add_high(cstar_buf *b, cstar_str s, size_t *at) {
    const size_t start = *at;
    if (cstar_utf8_next(s, at) == UINT32_MAX) {
        cstar_buf_str(b, replacement);
    } else {
        cstar_buf_add(b, s.ptr + start, *at - start);
    }
}

void cstar__html_text(cstar_buf *b, cstar_str s) {
    uint64_t high = HIGHS;
    for (size_t start = 0; start < s.len;) {
        size_t at = text_run(s, start, high);
        if (at < s.len && high != 0 && text_class[(unsigned char)s.ptr[at]] == HIGH &&
            cstar_utf8_valid(cstar_view(s.ptr + at, s.len - at))) {
            high = 0;
            at = text_run(s, at, high);
        }
        cstar_buf_add(b, s.ptr + start, at - start);
        if (at < s.len) {
            const unsigned char class = text_class[(unsigned char)s.ptr[at]];
            if (class == HIGH) {
                add_high(b, s, &at);
            } else {
                cstar_buf_str(b, text_form[class]);
                at++;
            }
        }
        start = at;
    }
}

/* ---- JavaScript strings ---------------------------------------------------------------------- */

enum { JS_PLAIN, JS_ESCAPE, JS_HIGH };

/* A bit per ASCII character. Besides controls, quotes, the backslash and & < >: $ ( ) ; @ ` { },
 * which the client's regular expressions look for. They cut expressions into statements at ';',
 * guess where immediately called functions end, rewrite
 * @name( and $name. */
static const uint32_t js_escaped[4] = {0xFFFFFFFFU, 0x580003D4U, 0x10000001U, 0x28000001U};

static unsigned char js_class(unsigned char c) {
    if (c >= 0x80) {
        return JS_HIGH;
    }
    return (js_escaped[c >> 5] >> (c & 31U) & 1U) != 0 ? JS_ESCAPE : JS_PLAIN;
}

static void js_escape(char to[6], uint32_t unit) {
    to[0] = '\\';
    to[1] = 'u';
    to[2] = hex[unit >> 12 & 15];
    to[3] = hex[unit >> 8 & 15];
    to[4] = hex[unit >> 4 & 15];
    to[5] = hex[unit & 15];
}

/* The client takes what stands between two pairs of marks, each with one of these two signs, out of
 * the expression. */
static bool is_mark(uint32_t code) { return code == 0x1F595 || code == 0x1F680; }

static void js_high(cstar_buf *b, cstar_str s, size_t *at) {
    char text[12];
    const size_t start = *at;
    const uint32_t code = cstar_utf8_next(s, at);
    if (code == UINT32_MAX) {
        cstar_buf_str(b, replacement);
    } else if (code == 0x2028 || code == 0x2029) {
        js_escape(text, code);
        cstar_buf_add(b, text, 6);
    } else if (is_mark(code)) {
        js_escape(text, 0xD800 + ((code - 0x10000) >> 10));
        js_escape(text + 6, 0xDC00 + ((code - 0x10000) & 0x3FF));
        cstar_buf_add(b, text, 12);
    } else {
        cstar_buf_add(b, s.ptr + start, *at - start);
    }
}

void cstar__html_js_string(cstar_buf *b, cstar_str s) {
    for (size_t at = 0; at < s.len;) {
        const size_t start = at;
        while (at < s.len && js_class((unsigned char)s.ptr[at]) == JS_PLAIN) {
            at++;
        }
        cstar_buf_add(b, s.ptr + start, at - start);
        if (at == s.len) {
            break;
        }
        if (js_class((unsigned char)s.ptr[at]) == JS_HIGH) {
            js_high(b, s, &at);
        } else {
            char text[6];
            js_escape(text, (unsigned char)s.ptr[at++]);
            cstar_buf_add(b, text, sizeof text);
        }
    }
}

/* ---- JSON to JavaScript ---------------------------------------------------------------------- */

/* In place, in two passes. The first, from the front, knows what is inside a string: it replaces
 * bytes by tags, which are controls that JSON cannot contain, and counts what is needed more. The
 * second, from the back, knows only bytes. */
enum {
    TAG_BACKSLASH = 1, /* of an escaped backslash, both bytes */
    TAG_QUOTE,         /* of an escaped quote, both bytes */
    TAG_OPEN,          /* '{' in a string */
    TAG_CLOSE,
    TAG_KEY, /* the quotes of a key that must be computed */
    TAG_KEY_END,
};

/* JSON has a member "__proto__"; in JavaScript's notation that would be the object's prototype, but
 * not as ["__proto__"]. */
static bool is_proto_key(const char *p, const char *end) {
    static const char name[] = "__proto__";
    for (size_t i = 0; i < sizeof name - 1; i++) {
        if (end - p >= 6 && p[0] == '\\' && p[1] == 'u' && p[2] == '0' && p[3] == '0') {
            const char *high = memchr(hex, p[4], 16);
            const char low = p[5] >= 'a' ? (char)(p[5] - 'a' + 'A') : p[5];
            const char *digit = memchr(hex, low, 16);
            if (high == NULL || digit == NULL || (high - hex) * 16 + (digit - hex) != name[i]) {
                return false;
            }
            p += 6;
        } else if (end - p < 1 || *p++ != name[i]) {
            return false;
        }
    }
    return end - p >= 2 && p[0] == '"' && p[1] == ':';
}

static bool mark_at(const char *p, const char *end) {
    return end - p >= 4 &&
           (memcmp(p, "\xF0\x9F\x96\x95", 4) == 0 || memcmp(p, "\xF0\x9F\x9A\x80", 4) == 0);
}

/* Tags what stands at `p` inside a string, adds to `*growth`. @return how many bytes that were. */
static size_t tag_in_string(char *p, const char *end, size_t *growth) {
    if (*p == '\\') {
        if (p[1] == '\\' || p[1] == '"') {
            p[0] = p[1] = p[1] == '"' ? TAG_QUOTE : TAG_BACKSLASH;
            *growth += 4;
        }
        return 2;
    }
    if (*p == '{' || *p == '}') {
        *p = *p == '{' ? TAG_OPEN : TAG_CLOSE;
        *growth += 5;
    } else if (*p == '(' || *p == ')' || *p == ';' || *p == '`') {
        *growth += 5;
    } else if (mark_at(p, end)) {
        *growth += 8;
        return 4;
    }
    return 1;
}

static size_t tag_json(char *p, char *end) {
    size_t growth = 0;
    bool inside = false;
    bool proto = false;
    while (p < end) {
        if (*p == '"') {
            growth += 5;
            if (!inside) {
                proto = is_proto_key(p + 1, end);
            }
            if (proto) {
                *p = inside ? TAG_KEY_END : TAG_KEY;
                growth++;
            }
            inside = !inside;
            p++;
        } else {
            p += inside ? tag_in_string(p, end, &growth) : 1;
        }
    }
    return growth;
}

/* What the byte at `*from - 1` (or more bytes, then `*from` moves) becomes; {NULL, 0}:
 * itself. */
static cstar_str json_form(const char *ptr, size_t mark, size_t *from) {
    const char c = ptr[*from];
    switch (c) {
    case TAG_BACKSLASH:
        *from -= 1;
        return CSTAR_STR("\\u005C");
    case TAG_QUOTE:
        *from -= 1;
        return CSTAR_STR("\\u0022");
    case TAG_OPEN:
        return CSTAR_STR("\\u007B");
    case TAG_CLOSE:
        return CSTAR_STR("\\u007D");
    case TAG_KEY:
        return CSTAR_STR("[&quot;");
    case TAG_KEY_END:
        return CSTAR_STR("&quot;]");
    case '"':
        return CSTAR_STR("&quot;");
    case '(':
        return CSTAR_STR("\\u0028");
    case ')':
        return CSTAR_STR("\\u0029");
    case ';':
        return CSTAR_STR("\\u003B");
    case '`':
        return CSTAR_STR("\\u0060");
    default:
        break;
    }
    if ((unsigned char)c >= 0x80 && *from >= mark + 3 &&
        mark_at(ptr + *from - 3, ptr + *from + 1)) {
        *from -= 3;
        return (unsigned char)c == 0x95 ? CSTAR_STR("\\uD83D\\uDD95") : CSTAR_STR("\\uD83D\\uDE80");
    }
    return cstar_view(NULL, 0);
}

void cstar__html_js_json(cstar_buf *b, size_t mark) {
    if (b->status != CSTAR_OK || b->len <= mark) {
        return;
    }
    const size_t growth = tag_json(b->ptr + mark, b->ptr + b->len);
    if (growth == 0 || !cstar_buf_room(b, growth)) {
        return;
    }
    size_t from = b->len;
    size_t to = b->len + growth;
    b->len = to;
    while (from > mark) {
        from--;
        const char c = b->ptr[from];
        const cstar_str form = json_form(b->ptr, mark, &from);
        if (form.ptr == NULL) {
            b->ptr[--to] = c;
        } else {
            to -= form.len;
            memcpy(b->ptr + to, form.ptr, form.len);
        }
    }
}
