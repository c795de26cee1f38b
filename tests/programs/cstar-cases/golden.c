/* golden.c -- comparing event streams as the official SDK tests do (behaviours 16).
 *
 * Events in order; event, id and retry exactly, nothing more; data lines grouped by their first
 * word: the order of groups is free, inside a group it counts. Elements can be compared as HTML
 * with sorted attributes, signals as JSON.
 *
 * SPDX-License-Identifier: MIT */
#include "runner.h"

/* ---- taking a stream apart ---- */

/* The next event's lines, without the blank line. False at the end; a last event without its blank
 * line is none. */
static bool next_event(cstar_str *rest, cstar_str *event) {
    for (size_t i = 0; i + 1 < rest->len; i++) {
        if (rest->ptr[i] == '\n' && rest->ptr[i + 1] == '\n') {
            *event = cstar_view(rest->ptr, i + 1);
            *rest = cstar_view(rest->ptr + i + 2, rest->len - i - 2);
            return true;
        }
    }
    return false;
}

static bool next_line(cstar_str *rest, cstar_str *line) {
    const char *end = rest->len != 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
    if (end == NULL) {
        return false;
    }
    *line = cstar_view(rest->ptr, (size_t)(end - rest->ptr));
    *rest = cstar_view(end + 1, rest->len - line->len - 1);
    return true;
}

/* "data: key value"; false for other fields. */
static bool data_line(cstar_str line, cstar_str *key, cstar_str *value) {
    if (line.len < 6 || memcmp(line.ptr, "data: ", 6) != 0) {
        return false;
    }
    cstar_str rest = cstar_view(line.ptr + 6, line.len - 6);
    const char *space = memchr(rest.ptr, ' ', rest.len);
    *key = cstar_view(rest.ptr, space != NULL ? (size_t)(space - rest.ptr) : rest.len);
    *value = space != NULL ? cstar_view(space + 1, rest.len - key->len - 1) : cstar_view("", 0);
    return true;
}

/* All values of one key, a line feed between them. @return how many there are. */
static size_t join_values(cstar_str event, cstar_str key, cstar_buf *out) {
    size_t n = 0;
    for (cstar_str line; next_line(&event, &line);) {
        cstar_str k;
        cstar_str value;
        if (data_line(line, &k, &value) && cstar_str_eq(k, key)) {
            if (n++ != 0) {
                cstar_buf_byte(out, '\n');
            }
            cstar_buf_str(out, value);
        }
    }
    return n;
}

static cstar_str trimmed(cstar_str s) {
    while (s.len > 0 && strchr(" \t\n\r", s.ptr[0]) != NULL) {
        s = cstar_view(s.ptr + 1, s.len - 1);
    }
    while (s.len > 0 && strchr(" \t\n\r", s.ptr[s.len - 1]) != NULL) {
        s.len--;
    }
    return s;
}

/* ---- HTML with sorted attributes ---- */

#define MOST_ATTRIBUTES 64

typedef struct tag {
    cstar_str attributes[MOST_ATTRIBUTES]; /* each with its value, as it stands */
    size_t n;
} tag;

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t'; }

/* One attribute at `i`; quotes may hold anything. */
static size_t attribute_end(cstar_str s, size_t i) {
    char quote = '\0';
    for (; i < s.len; i++) {
        char c = s.ptr[i];
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (is_space(c) || c == '>') {
            break;
        }
    }
    return i;
}

static bool before(cstar_str a, cstar_str b) {
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order < 0 || (order == 0 && a.len < b.len);
}

static void insert(tag *t, cstar_str attribute) {
    size_t i = t->n < MOST_ATTRIBUTES ? t->n++ : MOST_ATTRIBUTES - 1;
    for (; i > 0 && before(attribute, t->attributes[i - 1]); i--) {
        t->attributes[i] = t->attributes[i - 1];
    }
    t->attributes[i] = attribute;
}

/* A start tag at `i`; @return where it ends, at its '>'. */
static size_t add_tag(cstar_buf *out, cstar_str s, size_t i) {
    tag t = {.n = 0};
    size_t start = i;
    while (i < s.len && !is_space(s.ptr[i]) && s.ptr[i] != '>') {
        i++;
    }
    cstar_buf_add(out, s.ptr + start, i - start);
    while (i < s.len && s.ptr[i] != '>') {
        size_t end = attribute_end(s, i);
        if (end > i) {
            insert(&t, cstar_view(s.ptr + i, end - i));
            i = end;
        } else {
            i++;
        }
    }
    for (size_t k = 0; k < t.n; k++) {
        cstar_buf_byte(out, ' ');
        cstar_buf_str(out, t.attributes[k]);
    }
    return i;
}

static bool opens_tag(cstar_str s, size_t i) {
    return s.ptr[i] == '<' && i + 1 < s.len && (s.ptr[i + 1] | 0x20) >= 'a' &&
           (s.ptr[i + 1] | 0x20) <= 'z';
}

static void add_html(cstar_buf *out, cstar_str s) {
    static const cstar_str script = {"<script", 7};
    for (size_t i = 0; i < s.len;) {
        if (!opens_tag(s, i)) {
            cstar_buf_byte(out, s.ptr[i++]);
            continue;
        }
        bool raw =
            s.len - i >= script.len && cstar_str_ieq(cstar_view(s.ptr + i, script.len), script);
        i = add_tag(out, s, i);
        while (
            raw && i < s.len &&
            !(s.len - i >= 8 && cstar_str_ieq(cstar_view(s.ptr + i, 8), CSTAR_STR("</script")))) {
            cstar_buf_byte(out, s.ptr[i++]);
        }
    }
}

/* ---- comparing ---- */

static bool html_same(cstar_str a, cstar_str b, cstar_arena *arena) {
    cstar_buf x;
    cstar_buf y;
    cstar_buf_init(&x, cstar_arena_allocator(arena), 0);
    cstar_buf_init(&y, cstar_arena_allocator(arena), 0);
    add_html(&x, a);
    add_html(&y, b);
    return cstar_str_eq(cstar_buf_view(&x), cstar_buf_view(&y));
}

static bool values_same(cstar_str key, cstar_str a, cstar_str b, event_rules rules,
                        cstar_arena *arena) {
    if (rules.trim) {
        a = trimmed(a);
        b = trimmed(b);
    }
    if (rules.attributes && cstar_str_eq(key, CSTAR_STR("elements"))) {
        return html_same(a, b, arena);
    }
    if (rules.json && cstar_str_eq(key, CSTAR_STR("signals"))) {
        const cstar_json *x = json_any(arena, a);
        const cstar_json *y = json_any(arena, b);
        return x != NULL && y != NULL && json_same(x, y);
    }
    return cstar_str_eq(a, b);
}

/* Every key of `a` has the same values in `b`, and there are as many data lines. */
static bool data_same(cstar_str a, cstar_str b, event_rules rules, cstar_arena *arena) {
    size_t lines[2] = {0, 0};
    cstar_str key;
    cstar_str value;
    for (cstar_str rest = b, line; next_line(&rest, &line);) {
        lines[1] += data_line(line, &key, &value) ? 1 : 0;
    }
    for (cstar_str rest = a, line; next_line(&rest, &line);) {
        if (!data_line(line, &key, &value)) {
            continue;
        }
        cstar_buf x;
        cstar_buf y;
        cstar_buf_init(&x, cstar_arena_allocator(arena), 0);
        cstar_buf_init(&y, cstar_arena_allocator(arena), 0);
        lines[0]++;
        if (join_values(a, key, &x) != join_values(b, key, &y) ||
            !values_same(key, cstar_buf_view(&x), cstar_buf_view(&y), rules, arena)) {
            return false;
        }
    }
    return lines[0] == lines[1];
}

/* The fields that are no data, exactly and in order. */
static bool head_same(cstar_str a, cstar_str b) {
    cstar_str key;
    cstar_str value;
    for (;;) {
        cstar_str x = {NULL, 0};
        cstar_str y = {NULL, 0};
        bool more_a = false;
        bool more_b = false;
        while ((more_a = next_line(&a, &x)) && data_line(x, &key, &value)) {
        }
        while ((more_b = next_line(&b, &y)) && data_line(y, &key, &value)) {
        }
        if (!more_a || !more_b) {
            return more_a == more_b;
        }
        if (!cstar_str_eq(x, y)) {
            return false;
        }
    }
}

bool events_same(cstar_str got, cstar_str expected, event_rules rules, cstar_arena *arena) {
    for (;;) {
        cstar_str a;
        cstar_str b;
        bool more = next_event(&got, &a);
        if (more != next_event(&expected, &b)) {
            return false;
        }
        if (!more) {
            return got.len == 0 && expected.len == 0;
        }
        if (!head_same(a, b) || !data_same(a, b, rules, arena)) {
            return false;
        }
    }
}

bool event_is_framed(cstar_str bytes) {
    cstar_str event;
    if (bytes.len == 0 || memchr(bytes.ptr, '\r', bytes.len) != NULL) {
        return false;
    }
    while (next_event(&bytes, &event)) {
        if (event.len < 7 || memcmp(event.ptr, "event: ", 7) != 0) {
            return false;
        }
    }
    return bytes.len == 0;
}
