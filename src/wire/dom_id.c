/* dom_id.c -- an element's id as a selector.
 *
 * An id is any text without white space, a selector has rules: what CSS would take for something
 * else is escaped as CSSOM serializes identifiers, so that no id can select more than itself.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/event.h"

static bool is_plain(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c >= 0x80;
}

/* By its number: control bytes, and a digit where an identifier cannot begin with one. */
static void add_number(cstar_buf *out, unsigned char c) {
    static const char digits[] = "0123456789abcdef";
    cstar_buf_byte(out, '\\');
    if (c >= 16) {
        cstar_buf_byte(out, digits[c >> 4]);
    }
    cstar_buf_byte(out, digits[c & 15]);
    cstar_buf_byte(out, ' ');
}

static bool is_digit_in_front(cstar_str id, size_t i) {
    const bool first = i == 0 || (i == 1 && id.ptr[0] == '-');
    return first && id.ptr[i] >= '0' && id.ptr[i] <= '9';
}

cstar_status cstar_format_dom_id(cstar_buf *out, cstar_str id, cstar_err *err) {
    if (id.len != 0 && id.ptr[0] == '#') {
        id = cstar_view(id.ptr + 1, id.len - 1);
    }
    if (id.len == 0) {
        return cstar_err_set(err, CSTAR_EINVAL, "to", "to: an element's id is required");
    }
    if (!cstar_utf8_valid(id) || memchr(id.ptr, '\0', id.len) != NULL) {
        return cstar_err_set(err, CSTAR_EUTF8, "to", "to: the id is no UTF-8, or has a NUL in it");
    }
    size_t mark = out->len;
    cstar_buf_byte(out, '#');
    for (size_t i = 0; i < id.len; i++) {
        const unsigned char c = (unsigned char)id.ptr[i];
        if (c < 0x20 || c == 0x7F || is_digit_in_front(id, i)) {
            add_number(out, c);
            continue;
        }
        if (!is_plain(c) || (c == '-' && id.len == 1)) {
            cstar_buf_byte(out, '\\');
        }
        cstar_buf_byte(out, id.ptr[i]);
    }
    return cstar__event_commit(out, mark, err);
}
