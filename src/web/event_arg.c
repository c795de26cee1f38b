/* event_arg.c -- the argument of the event that is being handled: `arg` of the query, judged.
 *
 * Whoever sends an event can send any argument: which rows are somebody's is for the handler to
 * know. Here it is only seen to it that a text is a text and a number a number.
 *
 * SPDX-License-Identifier: MIT */
#include "web/app.h"
#include "wire/action.h"

static bool is_text(cstar_str s) {
    return s.len == 0 || (s.len <= CSTAR_EVENT_ARG_MAX && memchr(s.ptr, '\0', s.len) == NULL &&
                          cstar_utf8_valid(s));
}

const char *cstar_event_arg(cstar_conn *conn) {
    const cstar_str query = conn->x->request.query;
    cstar_buf arg;
    cstar_buf_init(&arg, cstar_arena_allocator(&conn->x->arena), query.len + 1);
    if (conn->events == NULL || !cstar__query_only(query, CSTAR_STR(CSTAR__ARG_NAME), &arg)) {
        return NULL;
    }
    const bool clean = is_text(cstar_buf_view(&arg));
    cstar_buf_byte(&arg, '\0');
    return clean && arg.status == CSTAR_OK ? arg.ptr : NULL;
}

/* Adds a digit on the side of zero where `n` is, since the smallest has no positive twin.
 * @return false: there is no room for it, or `c` is none. */
static bool add_digit(int64_t *n, char c, bool negative) {
    const int digit = c - '0';
    if (digit < 0 || digit > 9) {
        return false;
    }
    if (negative ? *n < (INT64_MIN + digit) / 10 : *n > (INT64_MAX - digit) / 10) {
        return false;
    }
    *n = *n * 10 + (negative ? -digit : digit);
    return true;
}

/* As cstar_buf_int() writes it: one spelling for each number. */
static bool read_int(const char *text, int64_t *n) {
    const bool negative = text[0] == '-';
    const char *digits = text + (negative ? 1 : 0);
    *n = 0;
    if (digits[0] == '\0' || (digits[0] == '0' && (digits[1] != '\0' || negative))) {
        return false;
    }
    for (const char *p = digits; *p != '\0'; p++) {
        if (!add_digit(n, *p, negative)) {
            return false;
        }
    }
    return true;
}

bool cstar_event_arg_int(cstar_conn *conn, int64_t *n) {
    const char *text = cstar_event_arg(conn);
    int64_t read = 0;
    if (text == NULL || !read_int(text, &read)) {
        return false;
    }
    *n = read;
    return true;
}
