/* base/json_scan.c -- the JSON grammar as a pull scanner; json_scan.h has the picture. Also
 * cstar_json_check().
 *
 * Most bytes of a document stand inside of strings: those are skipped eight at a time up to the
 * next quote, backslash, control byte or non-ASCII byte. Runs of non-ASCII bytes are checked as a
 * whole: no UTF-8 sequence has an ASCII byte inside.
 *
 * SPDX-License-Identifier: MIT */
#include "base/json_scan.h"

#define DEFAULT_BYTES 1000000u
#define DEFAULT_DEPTH 32u

enum { STATE_ROOT, STATE_ROOT_OBJECT, STATE_FIRST, STATE_VALUE, STATE_AFTER };

cstar_status cstar__json_scan_init(cstar__json_scan *s, cstar_str text,
                                   const cstar_json_opts *opts) {
    static const cstar_json_opts defaults = {0};
    const cstar_json_opts *o = opts != NULL ? opts : &defaults;
    size_t max_bytes = o->max_bytes != 0 ? o->max_bytes : DEFAULT_BYTES;
    unsigned max_depth = o->max_depth != 0 ? o->max_depth : DEFAULT_DEPTH;
    s->begin = text.ptr != NULL ? text.ptr : ""; /* so that pointers can be subtracted */
    s->at = s->begin;
    s->end = s->begin + text.len;
    s->state = o->any_root ? STATE_ROOT : STATE_ROOT_OBJECT;
    s->depth = 0;
    s->max_depth = max_depth < CSTAR__JSON_MAX_DEPTH ? max_depth : CSTAR__JSON_MAX_DEPTH;
    s->status = CSTAR_OK;
    s->fault = s->begin;
    s->expected = "";
    s->objects[0] = 0;
    if (text.len > max_bytes || text.len > UINT32_MAX - 64) { /* nodes count in 32 bits */
        s->status = CSTAR_ELIMIT;
        s->expected = "longer than its limit";
    }
    return s->status;
}

cstar__json_token cstar__json_scan_fail(cstar__json_scan *s, const char *fault, cstar_status status,
                                        const char *expected) {
    s->fault = fault;
    s->status = status;
    s->expected = expected;
    return CSTAR__JSON_ERROR;
}

static cstar__json_token expected(cstar__json_scan *s, const char *p, const char *what) {
    return cstar__json_scan_fail(s, p, CSTAR_ESYNTAX, what);
}

cstar_status cstar__json_scan_report(const cstar__json_scan *s, cstar_err *err) {
    size_t offset = (size_t)(s->fault - s->begin);
    if (s->status == CSTAR_ELIMIT || s->status == CSTAR_ENOMEM) {
        return cstar_err_set(err, s->status, "text", "JSON: %s", s->expected);
    }
    if (s->status != CSTAR_ESYNTAX) {
        return cstar_err_set(err, s->status, "text", "JSON: %s at byte %zu", s->expected, offset);
    }
    if (s->fault == s->end) {
        return cstar_err_set(err, s->status, "text",
                             "JSON: expected %s at byte %zu, found the end of the text",
                             s->expected, offset);
    }
    unsigned char c = (unsigned char)*s->fault;
    bool printable = c > ' ' && c < 0x7F;
    return cstar_err_set(err, s->status, "text",
                         printable ? "JSON: expected %s at byte %zu, found '%c'"
                                   : "JSON: expected %s at byte %zu, found byte 0x%02X",
                         s->expected, offset, c);
}

/* ---- strings
 * ---------------------------------------------------------------------------------- */

static bool is_plain(unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ONES UINT64_C(0x0101010101010101)

/* The top bit of every byte that is not plain. Bytes above the first such byte may be marked
 * wrongly (a borrow), the first one is right: as long as no byte is marked no subtraction has
 * borrowed. */
static uint64_t mark_special(uint64_t w) {
    uint64_t quote = w ^ (ONES * '"');
    uint64_t backslash = w ^ (ONES * '\\');
    return ((w - ONES * 0x20) | (quote - ONES) | (backslash - ONES) | w) & (ONES * 0x80);
}

static const char *skip_plain(const char *p, const char *end) {
    while (end - p >= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        uint64_t special = mark_special(w);
        if (special != 0) {
            return p + __builtin_ctzll(special) / 8;
        }
        p += 8;
    }
    while (p < end && is_plain((unsigned char)*p)) {
        p++;
    }
    return p;
}
#else
static const char *skip_plain(const char *p, const char *end) {
    while (p < end && is_plain((unsigned char)*p)) {
        p++;
    }
    return p;
}
#endif

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\uXXXX" @return the sixteen bits, or -1. */
static int32_t hex_escape(const char *p, const char *end) {
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return -1;
    }
    int32_t unit = 0;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

static size_t unicode_escape(const char *p, const char *end, uint32_t *code, cstar_status *status) {
    int32_t high = hex_escape(p, end);
    if (high < 0) {
        *status = CSTAR_ESYNTAX;
        return 0;
    }
    *code = (uint32_t)high;
    if (high < 0xD800 || high > 0xDFFF) {
        return 6;
    }
    int32_t low = high < 0xDC00 ? hex_escape(p + 6, end) : -1;
    if (low < 0xDC00 || low > 0xDFFF) {
        *status = CSTAR_EUTF8;
        return 0;
    }
    *code = 0x10000 + (((uint32_t)high & 0x3FF) << 10 | ((uint32_t)low & 0x3FF));
    return 12;
}

size_t cstar__json_escape(const char *p, const char *end, uint32_t *code, cstar_status *status) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (end - p < 2) {
        *status = CSTAR_ESYNTAX;
        return 0;
    }
    if (p[1] == 'u') {
        return unicode_escape(p, end, code, status);
    }
    const char *letter = memchr(letters, p[1], sizeof letters - 1);
    if (letter == NULL) {
        *status = CSTAR_ESYNTAX;
        return 0;
    }
    *code = (unsigned char)meanings[letter - letters];
    return 2;
}

/* @return behind the run of non-ASCII bytes at `p`; NULL if it is not UTF-8. */
static const char *skip_utf8(cstar__json_scan *s, const char *p) {
    const char *start = p;
    while (p < s->end && ((unsigned char)*p & 0x80) != 0) {
        p++;
    }
    cstar_str run = cstar_view(start, (size_t)(p - start));
    if (cstar_utf8_valid(run)) {
        return p;
    }
    size_t good = 0;
    for (size_t next = 0; next < run.len && cstar_utf8_next(run, &next) != UINT32_MAX;
         good = next) {
    }
    (void)cstar__json_scan_fail(s, start + good, CSTAR_EUTF8, "invalid UTF-8");
    return NULL;
}

/* @return behind the escape at `p`; NULL if it is none. */
static const char *skip_escape(cstar__json_scan *s, const char *p) {
    uint32_t code;
    cstar_status status = CSTAR_OK;
    size_t len = cstar__json_escape(p, s->end, &code, &status);
    s->escaped = true;
    if (len != 0) {
        return p + len;
    }
    (void)cstar__json_scan_fail(
        s, p, status, status == CSTAR_EUTF8 ? "a lone surrogate" : "a complete, known escape");
    return NULL;
}

/* The string whose opening quote is at `p`. @return behind its closing quote, or NULL. */
static const char *scan_string(cstar__json_scan *s, const char *p) {
    const char *start = ++p;
    s->escaped = false;
    while (p != NULL) {
        p = skip_plain(p, s->end);
        if (p == s->end) {
            (void)expected(s, p, "'\"'");
            return NULL;
        }
        unsigned char c = (unsigned char)*p;
        if (c == '"') {
            s->text = cstar_view(start, (size_t)(p - start));
            return p + 1;
        }
        if (c < 0x20) {
            (void)expected(s, p, "an escape for the control byte");
            return NULL;
        }
        p = c == '\\' ? skip_escape(s, p) : skip_utf8(s, p);
    }
    return NULL;
}

/* ---- the grammar
 * ------------------------------------------------------------------------------ */

static const char *skip_space(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
    }
    return p;
}

/* Only asked inside of a container. */
static bool in_object(const cstar__json_scan *s) {
    unsigned level = s->depth - 1;
    return (s->objects[level / 64] >> (level % 64) & 1) != 0;
}

static cstar__json_token open_container(cstar__json_scan *s, const char *p, bool object) {
    if (s->depth == s->max_depth) {
        return cstar__json_scan_fail(s, p, CSTAR_EDEPTH, "more levels of nesting than allowed");
    }
    uint64_t bit = UINT64_C(1) << (s->depth % 64);
    uint64_t *word = &s->objects[s->depth / 64];
    uint64_t others =
        bit == 1 ? 0 : *word; /* the word's first use, or nothing in it counts any more */
    *word = object ? others | bit : others & ~bit;
    s->depth++;
    s->state = STATE_FIRST;
    s->at = p + 1;
    return object ? CSTAR__JSON_OBJECT : CSTAR__JSON_ARRAY;
}

static cstar__json_token close_container(cstar__json_scan *s, const char *p, bool object) {
    s->depth--;
    s->state = STATE_AFTER;
    s->at = p + 1;
    return object ? CSTAR__JSON_OBJECT_END : CSTAR__JSON_ARRAY_END;
}

static cstar__json_token scan_word(cstar__json_scan *s, const char *p, cstar_str word,
                                   cstar__json_token token) {
    if ((size_t)(s->end - p) < word.len || memcmp(p, word.ptr, word.len) != 0) {
        return expected(s, p, "a value");
    }
    s->at = p + word.len;
    return token;
}

static cstar__json_token scan_value(cstar__json_scan *s, const char *p) {
    if (p == s->end) {
        return expected(s, p, "a value");
    }
    s->state = STATE_AFTER;
    switch (*p) {
    case '"':
        p = scan_string(s, p);
        if (p == NULL) {
            return CSTAR__JSON_ERROR;
        }
        s->at = p;
        return CSTAR__JSON_STR;
    case '{':
        return open_container(s, p, true);
    case '[':
        return open_container(s, p, false);
    case 't':
        return scan_word(s, p, CSTAR_STR("true"), CSTAR__JSON_TRUE);
    case 'f':
        return scan_word(s, p, CSTAR_STR("false"), CSTAR__JSON_FALSE);
    case 'n':
        return scan_word(s, p, CSTAR_STR("null"), CSTAR__JSON_NIL);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return cstar__json_scan_number(s, p);
    default:
        return expected(s, p, "a value");
    }
}

static cstar__json_token scan_key(cstar__json_scan *s, const char *p) {
    if (p == s->end || *p != '"') {
        return expected(s, p, s->comma ? "a key" : "a key or '}'");
    }
    p = scan_string(s, p);
    if (p == NULL) {
        return CSTAR__JSON_ERROR;
    }
    p = skip_space(p, s->end);
    if (p == s->end || *p != ':') {
        return expected(s, p, "':'");
    }
    s->at = p + 1;
    s->state = STATE_VALUE;
    return CSTAR__JSON_KEY;
}

static cstar__json_token scan_after(cstar__json_scan *s, const char *p) {
    if (s->depth == 0) {
        return p == s->end ? CSTAR__JSON_END : expected(s, p, "nothing behind the root");
    }
    bool object = in_object(s);
    char c = p < s->end ? *p : '\0';
    if (c == ',') {
        s->comma = true;
        p = skip_space(p + 1, s->end);
        return object ? scan_key(s, p) : scan_value(s, p);
    }
    if (c == (object ? '}' : ']')) {
        return close_container(s, p, object);
    }
    return expected(s, p, object ? "',' or '}'" : "',' or ']'");
}

static cstar__json_token scan_first(cstar__json_scan *s, const char *p) {
    bool object = in_object(s);
    if (p < s->end && *p == (object ? '}' : ']')) {
        return close_container(s, p, object);
    }
    return object ? scan_key(s, p) : scan_value(s, p);
}

cstar__json_token cstar__json_next(cstar__json_scan *s) {
    const char *p = skip_space(s->at, s->end);
    s->comma = false;
    switch (s->state) {
    case STATE_AFTER:
        return scan_after(s, p);
    case STATE_FIRST:
        return scan_first(s, p);
    case STATE_ROOT_OBJECT:
        if (p == s->end || *p != '{') {
            return expected(s, p, "'{' (the root must be an object)");
        }
        return open_container(s, p, true);
    default: /* STATE_ROOT, STATE_VALUE */
        return scan_value(s, p);
    }
}

cstar_status cstar_json_check(cstar_str text, const cstar_json_opts *opts, cstar_err *err) {
    cstar__json_scan s;
    if (cstar__json_scan_init(&s, text, opts) != CSTAR_OK) {
        return cstar__json_scan_report(&s, err);
    }
    cstar__json_token token;
    do {
        token = cstar__json_next(&s);
    } while (token > CSTAR__JSON_END);
    return token == CSTAR__JSON_END ? CSTAR_OK : cstar__json_scan_report(&s, err);
}
