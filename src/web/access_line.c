/* access_line.c -- one request as a line of the access log.
 *
 * Invariants: 1. A line has no byte below 0x20 but its line break, and is valid UTF-8, whatever the
 * client sent: quotes, control bytes and what is no UTF-8 come out as \" and \xHH, in JSON as JSON
 * has them. 2. Signals are never in it: of a parameter named `datastar`, however that is spelled,
 * the value is "-", in the Referer too. 3. A line fits into CSTAR__ACCESS_LINE bytes: what is long
 * is cut, and ends in "...".
 *
 * SPDX-License-Identifier: MIT */
#include "http/chars.h"
#include "http/date.h"
#include "web/access_log.h"

enum { MAX_TARGET = 4096, MAX_FIELD = 1024, MAX_ID = 256 };

typedef struct writer {
    cstar_buf *out;
    size_t end; /* of `out`, for the value being written */
    bool json;
    bool cut; /* it did not fit */
} writer;

static void value_begin(writer *w, size_t max) {
    w->end = w->out->len + max;
    w->cut = false;
}

/* ---- escaping ---- */

static void put_hex(writer *w, unsigned char c) {
    static const char digits[] = "0123456789abcdef";
    const char text[] = {digits[c >> 4], digits[c & 15]};
    cstar_buf_add(w->out, text, sizeof text);
}

/* A control character, or a code point that some reader takes for a line break. */
static void put_code(writer *w, cstar_str bytes, uint32_t code) {
    if (w->json) {
        cstar_buf_lit(w->out, "\\u");
        put_hex(w, (unsigned char)(code >> 8));
        put_hex(w, (unsigned char)code);
        return;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        cstar_buf_lit(w->out, "\\x");
        put_hex(w, (unsigned char)bytes.ptr[i]);
    }
}

static bool is_plain(unsigned char c) { return c - 0x20u < 0x5Fu && c != '"' && c != '\\'; }

/* How many of the first `max` bytes are written as they are. */
static size_t plain_length(const char *ptr, size_t max) {
    size_t n = 0;
    while (n < max && is_plain((unsigned char)ptr[n])) {
        n++;
    }
    return n;
}

/* The character at the start of `bytes`, which is not plain; `code` UINT32_MAX: no UTF-8. */
static void put_special(writer *w, cstar_str bytes, uint32_t code) {
    if (code == '"' || code == '\\') {
        cstar_buf_byte(w->out, '\\');
        cstar_buf_byte(w->out, (char)code);
    } else if (code == UINT32_MAX) {
        cstar_buf_puts(w->out, w->json ? "\\\\x" : "\\x");
        put_hex(w, (unsigned char)bytes.ptr[0]);
    } else if (code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029) {
        put_code(w, bytes, code);
    } else {
        cstar_buf_str(w->out, bytes);
    }
}

static void put_text(writer *w, cstar_str s) {
    size_t i = 0;
    while (i < s.len && !w->cut) {
        size_t room = w->end - w->out->len;
        const size_t n = plain_length(s.ptr + i, room < s.len - i ? room : s.len - i);
        cstar_buf_add(w->out, s.ptr + i, n);
        i += n;
        room -= n;
        if (i < s.len && room < 16) { /* the longest escape is 12 bytes */
            w->cut = true;
            cstar_buf_lit(w->out, "...");
        } else if (i < s.len) {
            const size_t from = i;
            const uint32_t code = cstar_utf8_next(s, &i);
            put_special(w, cstar_view(s.ptr + from, i - from), code);
        }
    }
}

/* ---- signals ---- */

/* "datastar", maybe percent-coded; a plus sign is a space, so in no spelling of it. */
static bool is_signals(cstar_str name) {
    static const char expected[] = "datastar";
    size_t n = 0;
    for (size_t i = 0; i < name.len; i++, n++) {
        int c = (unsigned char)name.ptr[i];
        if (c == '%' && name.len - i > 2) {
            const int high = cstar__hex_digit(name.ptr[i + 1]);
            const int low = cstar__hex_digit(name.ptr[i + 2]);
            if (high >= 0 && low >= 0) {
                c = high * 16 + low;
                i += 2;
            }
        }
        if (n == sizeof expected - 1 || c != expected[n]) {
            return false;
        }
    }
    return n == sizeof expected - 1;
}

static size_t find(cstar_str s, char c) {
    const char *at = s.len != 0 ? memchr(s.ptr, c, s.len) : NULL;
    return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

static cstar_str take(cstar_str *rest, size_t n) {
    const cstar_str piece = cstar_view(rest->ptr, n);
    *rest = cstar_view(rest->ptr + n, rest->len - n);
    return piece;
}

/* A target or URL, without the signals. A URL's fragment is part of its last parameter here;
 * browsers send none. */
static void put_url(writer *w, cstar_str url) {
    put_text(w, take(&url, find(url, '?')));
    while (url.len != 0) {
        put_text(w, take(&url, 1)); /* '?' or '&' */
        cstar_str pair = take(&url, find(url, '&'));
        const size_t name = find(pair, '=');
        if (name < pair.len && is_signals(cstar_view(pair.ptr, name))) {
            put_text(w, take(&pair, name + 1));
            put_text(w, CSTAR_STR("-"));
        } else {
            put_text(w, pair);
        }
    }
}

/* ---- time ---- */

static void put_two(cstar_buf *out, unsigned n) {
    cstar_buf_byte(out, (char)('0' + n / 10 % 10));
    cstar_buf_byte(out, (char)('0' + n % 10));
}

/* From "Sat, 21 Nov 2026 02:13:33 GMT". */
static void put_clf_time(cstar_buf *out, int64_t seconds) {
    char date[CSTAR__DATE_LEN];
    cstar__date_format(date, seconds);
    cstar_buf_add(out, date + 5, 2);
    cstar_buf_lit(out, "/");
    cstar_buf_add(out, date + 8, 3);
    cstar_buf_lit(out, "/");
    cstar_buf_add(out, date + 12, 4);
    cstar_buf_lit(out, ":");
    cstar_buf_add(out, date + 17, 8);
    cstar_buf_lit(out, " +0000");
}

static void put_iso_time(cstar_buf *out, int64_t ms) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char date[CSTAR__DATE_LEN];
    unsigned month = 0;
    cstar__date_format(date, ms / 1000);
    while (month < 11 && memcmp(months + (size_t)3 * month, date + 8, 3) != 0) {
        month++;
    }
    cstar_buf_add(out, date + 12, 4);
    cstar_buf_lit(out, "-");
    put_two(out, month + 1);
    cstar_buf_lit(out, "-");
    cstar_buf_add(out, date + 5, 2);
    cstar_buf_lit(out, "T");
    cstar_buf_add(out, date + 17, 8);
    cstar_buf_lit(out, ".");
    cstar_buf_byte(out, (char)('0' + ms / 100 % 10));
    put_two(out, (unsigned)(ms % 100));
    cstar_buf_lit(out, "Z");
}

/* ---- formats ---- */

enum { LEFT = 499 }; /* as nginx tells it: the client closed before it was answered */

static const char *protocol(int minor) {
    return minor == 2 ? "HTTP/2.0" : minor == 1 ? "HTTP/1.1" : "HTTP/1.0";
}

static uint64_t status_of(const cstar__access_entry *e) {
    return e->status != 0 ? (uint64_t)e->status : LEFT;
}

static void put_quoted(writer *w, cstar_str value, bool is_url) {
    cstar_buf_lit(w->out, " \"");
    value_begin(w, MAX_FIELD);
    if (value.ptr == NULL) {
        cstar_buf_lit(w->out, "-");
    } else if (is_url) {
        put_url(w, value);
    } else {
        put_text(w, value);
    }
    cstar_buf_lit(w->out, "\"");
}

static void put_common(writer *w, const cstar__access_entry *e) {
    cstar_buf_str(w->out, e->address.len != 0 ? e->address : CSTAR_STR("-"));
    cstar_buf_lit(w->out, " - - [");
    put_clf_time(w->out, e->ms / 1000);
    cstar_buf_lit(w->out, "] \"");
    cstar_buf_puts(w->out, e->method);
    cstar_buf_lit(w->out, " ");
    value_begin(w, MAX_TARGET);
    put_url(w, e->target);
    cstar_buf_lit(w->out, " ");
    cstar_buf_puts(w->out, protocol(e->minor));
    cstar_buf_lit(w->out, "\" ");
    cstar_buf_uint(w->out, status_of(e));
    cstar_buf_lit(w->out, " ");
    cstar_buf_uint(w->out, e->bytes);
}

/* @return false: it is null, and complete. */
static bool begin_member(writer *w, const char *name, cstar_str value, size_t max) {
    cstar_buf_lit(w->out, ",\"");
    cstar_buf_puts(w->out, name);
    cstar_buf_puts(w->out, value.ptr != NULL ? "\":\"" : "\":null");
    value_begin(w, max);
    return value.ptr != NULL;
}

static void put_member(writer *w, const char *name, cstar_str value, size_t max) {
    if (begin_member(w, name, value, max)) {
        put_text(w, value);
        cstar_buf_lit(w->out, "\"");
    }
}

static void put_url_member(writer *w, const char *name, cstar_str value, size_t max) {
    if (begin_member(w, name, value, max)) {
        put_url(w, value);
        cstar_buf_lit(w->out, "\"");
    }
}

static void put_number(writer *w, const char *name, uint64_t n) {
    cstar_buf_lit(w->out, ",\"");
    cstar_buf_puts(w->out, name);
    cstar_buf_lit(w->out, "\":");
    cstar_buf_uint(w->out, n);
}

static void put_json(writer *w, const cstar__access_entry *e) {
    cstar_buf_lit(w->out, "{\"time\":\"");
    put_iso_time(w->out, e->ms);
    cstar_buf_lit(w->out, "\"");
    put_member(w, "address", e->address.len != 0 ? e->address : CSTAR_STR("-"), MAX_ID);
    put_member(w, "method", cstar_cstr(e->method), MAX_ID);
    put_url_member(w, "target", e->target, MAX_TARGET);
    put_member(w, "protocol", cstar_cstr(protocol(e->minor)), MAX_ID);
    put_number(w, "status", status_of(e));
    put_number(w, "bytes", e->bytes);
    put_number(w, "duration_us", e->us);
    put_url_member(w, "referer", e->referer, MAX_FIELD);
    put_member(w, "user_agent", e->agent, MAX_FIELD);
    if (e->request_id.ptr != NULL) {
        put_member(w, "request_id", e->request_id, MAX_ID);
    }
    cstar_buf_puts(w->out, e->secure ? ",\"tls\":true}" : ",\"tls\":false}");
}

void cstar__access_line(cstar_buf *out, cstar_access_format format, const cstar__access_entry *e) {
    writer w = {.out = out, .json = format == CSTAR_ACCESS_JSON};
    if (w.json) {
        put_json(&w, e);
    } else {
        put_common(&w, e);
    }
    if (format == CSTAR_ACCESS_COMBINED) {
        put_quoted(&w, e->referer, true);
        put_quoted(&w, e->agent, false);
    }
    cstar_buf_lit(out, "\n");
}
