/* module_name.c -- a module's name in a URL: "MyApp.Web.ChatView" is "my_app-web-chat_view".
 *
 * Dots become '-'; each part becomes snake_case by the rules of Elixir's Macro.underscore, so that
 * both kinds of server name the same module alike:
 *   - a capital starts a word (gets '_' in front) if it follows something that is no capital and no
 *     '_' ("chatView");
 *   - the last capital of a run starts a word if what follows is no capital, digit or '_'
 *     ("HTTPServer", "A_Bc");
 *   - the first byte of a part never gets one.
 * Not reversible ("api" could have been "API" or "Api"): look modules up by this name, never
 * decode it.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/event.h"

static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Whether the capital at `i` (not the part's first byte) starts a word. */
static bool starts_word(cstar_str part, size_t i) {
    char before = part.ptr[i - 1];
    if (i + 1 < part.len) {
        char after = part.ptr[i + 1];
        if (!is_upper(after) && !is_digit(after) && after != '_') {
            return true;
        }
    }
    return !is_upper(before) && before != '_';
}

static void add_part(cstar_buf *out, cstar_str part) {
    for (size_t i = 0; i < part.len; i++) {
        char c = part.ptr[i];
        if (is_upper(c)) {
            if (i > 0 && starts_word(part, i)) {
                cstar_buf_byte(out, '_');
            }
            c = (char)(c + ('a' - 'A'));
        }
        cstar_buf_byte(out, c);
    }
}

cstar_status cstar_format_module(cstar_buf *out, cstar_str name, cstar_err *err) {
    if (name.len == 0) {
        return cstar__missing(err, "name");
    }
    if (!cstar_utf8_valid(name)) {
        return cstar_err_set(err, CSTAR_EUTF8, "name", "name: the module name is not UTF-8");
    }
    size_t mark = out->len;
    size_t start = 0;
    for (size_t i = 0; i <= name.len; i++) {
        if (i == name.len || name.ptr[i] == '.') {
            if (start != 0) {
                cstar_buf_byte(out, '-');
            }
            add_part(out, cstar_view(name.ptr + start, i - start));
            start = i + 1;
        }
    }
    return cstar__event_commit(out, mark, err);
}
