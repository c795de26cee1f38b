/* http/filename.c -- see filename.h.
 * SPDX-License-Identifier: MIT */
#include "http/filename.h"

#include "http/chars.h"
#include "http/scan.h"

enum { MAX_EXTENSION = 16 };

/* ---- safe ----------------------------------------------------------------------------------- */

static cstar_str basename_of(cstar_str s) {
    size_t i = s.len;
    while (i != 0 && s.ptr[i - 1] != '/' && s.ptr[i - 1] != '\\') {
        i--;
    }
    return i != 0 ? cstar_view(s.ptr + i, s.len - i) : s;
}

/* Control characters, and the invisible ones that make "gpj.exe" look like "exe.jpg". */
static bool is_dropped(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* One cleaned character; 0 bytes of it if it is dropped. */
static cstar_str clean_next(cstar_str s, size_t *pos) {
    size_t from = *pos;
    uint32_t c = cstar_utf8_next(s, pos);
    if (is_dropped(c)) {
        return cstar_view("", 0);
    }
    if (c == UINT32_MAX || (c < 0x80 && strchr("*:<>?\"|", (int)c) != NULL)) {
        return CSTAR_STR("_");
    }
    return cstar_view(s.ptr + from, *pos - from);
}

/* Appends cleaned characters while they fit below `limit`. @return the new length. */
static size_t put_clean(char *mem, size_t len, size_t limit, cstar_str s) {
    for (size_t pos = 0; pos < s.len;) {
        cstar_str c = clean_next(s, &pos);
        if (c.len > limit - len) {
            break;
        }
        memcpy(mem + len, c.ptr, c.len);
        len += c.len;
    }
    return len;
}

static bool is_edge(char c) { return c == '.' || c == ' '; }

/* Where the extension begins, its dot included; the end if it has none worth keeping. */
static size_t extension_at(cstar_str s) {
    for (size_t i = s.len; i > 1 && s.len - i < MAX_EXTENSION; i--) {
        if (s.ptr[i - 1] == '.') {
            return i - 1;
        }
    }
    return s.len;
}

cstar_str cstar__filename_safe(cstar_str filename, char mem[CSTAR__FILENAME_MAX]) {
    cstar_str base = basename_of(filename);
    size_t dot = extension_at(base);
    char ext[MAX_EXTENSION * 2] = "";
    size_t ext_len = 0;
    if (dot != base.len) {
        ext_len = put_clean(ext, 0, sizeof ext, cstar_view(base.ptr + dot, base.len - dot));
    }
    size_t len =
        dot != 0 ? put_clean(mem, 0, CSTAR__FILENAME_MAX - ext_len, cstar_view(base.ptr, dot)) : 0;
    memcpy(mem + len, ext, ext_len);
    len += ext_len;
    size_t from = 0;
    while (from < len && is_edge(mem[from])) {
        from++;
    }
    while (len > from && is_edge(mem[len - 1])) {
        len--;
    }
    return len > from ? cstar_view(mem + from, len - from) : CSTAR_STR("file");
}

/* ---- ext-value ------------------------------------------------------------------------------ */

/* attr-char of RFC 8187: a token character but * ' %. */
static bool is_attr_char(char c) {
    return cstar__lower_token[(unsigned char)c] != 0 && c != '*' && c != '\'' && c != '%';
}

static bool is_ext_text(cstar_str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '%' && !is_attr_char(s.ptr[i])) {
            return false;
        }
    }
    return cstar_percent_valid(s);
}

cstar_status cstar__ext_value(cstar_str value, cstar_buf *out) {
    cstar_str rest = value;
    cstar_str charset;
    cstar_str language;
    if (!cstar__split(&rest, '\'', &charset) || !cstar__split(&rest, '\'', &language) ||
        rest.ptr == NULL || !cstar_str_ieq(charset, CSTAR_STR("utf-8")) || !is_ext_text(rest)) {
        return CSTAR_ESYNTAX;
    }
    size_t mark = out->len;
    cstar_buf_unpercent(out, rest, false);
    if (out->status == CSTAR_OK &&
        !cstar_utf8_valid(cstar_view(out->ptr != NULL ? out->ptr + mark : "", out->len - mark))) {
        out->len = mark;
        return CSTAR_EUTF8;
    }
    return out->status;
}
