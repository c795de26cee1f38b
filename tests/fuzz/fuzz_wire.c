/* fuzz_wire.c -- whatever the values are, they stay inside the event, the script element and the
 * expression.
 *
 * Input: a byte that chooses the function, a byte of flags, then up to four texts separated by
 * 0xFE. Asserted:
 *   - a refusal wrote nothing and left the buffer usable;
 *   - an event is one event: known fields only, one blank line, at the end, and no CR;
 *   - a script ends its element once, at the end;
 *   - an expression has one action, and nothing that the client would rewrite besides.
 *
 * SPDX-License-Identifier: MIT */
#include "cstar/wire.h"

#include <stdlib.h>

#define TEXTS 4

typedef struct input {
    uint8_t choice, flags;
    char *copy; /* NUL-terminated pieces */
    char *text[TEXTS];
    cstar_str view[TEXTS];
    cstar_arena scratch;
} input;

static void check(bool holds) {
    if (!holds) {
        abort();
    }
}

static bool starts_with(cstar_str s, const char *prefix) {
    size_t n = strlen(prefix);
    return s.len >= n && memcmp(s.ptr, prefix, n) == 0;
}

static size_t count(cstar_str s, const char *needle) {
    size_t n = 0;
    size_t len = strlen(needle);
    for (size_t i = 0; i + len <= s.len; i++) {
        n += cstar_str_ieq(cstar_view(s.ptr + i, len), cstar_cstr(needle)) ? 1 : 0;
    }
    return n;
}

/* ---- what an event must look like ---- */

static void check_event(cstar_str s) {
    check(s.len > 2 && memchr(s.ptr, '\r', s.len) == NULL);
    check(starts_with(s, "event: "));
    check(memcmp(s.ptr + s.len - 2, "\n\n", 2) == 0);
    size_t start = 0;
    int stage = 0; /* event, id, retry, data: never back */
    for (size_t i = 0; i < s.len - 1; i++) {
        if (s.ptr[i] != '\n') {
            continue;
        }
        cstar_str line = cstar_view(s.ptr + start, i - start);
        int now = starts_with(line, "event: ")   ? 1
                  : starts_with(line, "id: ")    ? 2
                  : starts_with(line, "retry: ") ? 3
                  : starts_with(line, "data: ")  ? 4
                                                 : 0;
        check(now != 0 && now >= stage && (now == 4 || now > stage));
        stage = now;
        start = i + 1;
    }
}

static void check_patch(cstar_str s, const char *type, const char *payload) {
    static const char *const options[] = {"data: selector ",
                                          "data: mode ",
                                          "data: useViewTransition true",
                                          "data: viewTransitionSelector ",
                                          "data: namespace ",
                                          "data: onlyIfMissing true"};
    size_t seen[6] = {0};
    bool in_payload = false;
    check_event(s);
    check(starts_with(s, type));
    for (cstar_str rest = s, line; cstar_line_next(&rest, &line);) {
        if (starts_with(line, payload)) {
            in_payload = true;
        } else if (starts_with(line, "data: ")) {
            size_t i = 0;
            while (i < 6 && !starts_with(line, options[i])) {
                i++;
            }
            check(i < 6 && !in_payload && ++seen[i] == 1);
        }
    }
}

static void check_script(cstar_str s) {
    check_patch(s, "event: datastar-patch-elements\n", "data: elements ");
    size_t head = 0; /* an id may say what it likes */
    while (!starts_with(cstar_view(s.ptr + head, s.len - head), "\ndata: selector body\n")) {
        check(++head < s.len);
    }
    check(count(cstar_view(s.ptr + head, s.len - head), "</script") == 1);
    check(s.len > 11 && memcmp(s.ptr + s.len - 11, "</script>\n\n", 11) == 0);
}

/* The actions the client would see: '@', a JavaScript name, '('. */
static size_t count_actions(cstar_str s) {
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        size_t k = i + 1;
        while (s.ptr[i] == '@' && k < s.len &&
               (s.ptr[k] == '$' || s.ptr[k] == '_' || (s.ptr[k] >= '0' && s.ptr[k] <= '9') ||
                ((s.ptr[k] | 0x20) >= 'a' && (s.ptr[k] | 0x20) <= 'z'))) {
            k++;
        }
        bool named = s.ptr[i] == '@' && k > i + 1 && !(s.ptr[i + 1] >= '0' && s.ptr[i + 1] <= '9');
        n += named && k < s.len && s.ptr[k] == '(' ? 1 : 0;
    }
    return n;
}

static void check_expression(cstar_str s, bool dynamic) {
    check(count_actions(s) == 1);
    check(cstar_utf8_valid(s));
    check(memchr(s.ptr, '\n', s.len) == NULL && memchr(s.ptr, '\r', s.len) == NULL);
    bool quoted = false;
    for (size_t i = 0; i < s.len; i++) {
        if (quoted && s.ptr[i] == '\\') {
            i++;
        } else if (s.ptr[i] == '"') {
            quoted = !quoted;
        } else if (!quoted) {
            check(s.ptr[i] != ';' && s.ptr[i] != '`' && (!dynamic || s.ptr[i] != '\''));
        }
    }
    check(!quoted);
}

/* ---- calls ---- */

static void elements(const input *in, cstar_buf *out, cstar_err *err) {
    cstar_elements e = {.html_str = in->view[0],
                        .selector = in->text[1],
                        .mode = (cstar_mode)(in->flags & 15),
                        .ns = (cstar_ns)(in->flags >> 4 & 3),
                        .use_view_transition = (in->flags & 64) != 0,
                        .view_transition_selector = in->text[2],
                        .event_id = in->text[3],
                        .retry = (int64_t)in->flags - 5};
    cstar_status (*const format[])(cstar_buf *, const cstar_elements *, cstar_err *) = {
        cstar_format_patch_elements, cstar_format_remove_elements, cstar_format_append_elements,
        cstar_format_upsert_elements};
    if (format[in->choice >> 4 & 3](out, &e, err) == CSTAR_OK) {
        check_patch(cstar_buf_view(out), "event: datastar-patch-elements\n", "data: elements ");
    }
}

static void event(const input *in, cstar_buf *out, cstar_err *err) {
    cstar_sse_event e = {.type = in->text[0],
                         .event_id = in->text[1],
                         .lines = in->view + 2,
                         .nlines = in->flags & 1 ? 2 : 0,
                         .data = in->text[2],
                         .retry = (int64_t)in->flags - 5};
    if (cstar_format_event(out, &e, err) == CSTAR_OK) {
        check_event(cstar_buf_view(out));
    }
}

static void signals(const input *in, cstar_buf *out, cstar_err *err) {
    cstar_signals_patch s = {
        .json_str = in->view[0], .only_if_missing = (in->flags & 1) != 0, .event_id = in->text[1]};
    if (cstar_format_patch_signals(out, &s, err) == CSTAR_OK) {
        check_patch(cstar_buf_view(out), "event: datastar-patch-signals\n", "data: signals ");
    }
}

static void removals(input *in, cstar_buf *out, cstar_err *err) {
    static const cstar_json_opts deep = {.max_depth = 1024};
    cstar_signals_patch s = {.event_id = in->text[3], .only_if_missing = (in->flags & 1) != 0};
    if (cstar_format_remove_signals(out, in->view, 3, &s, &in->scratch, err) == CSTAR_OK) {
        cstar_str bytes = cstar_buf_view(out);
        check_patch(bytes, "event: datastar-patch-signals\n", "data: signals ");
        cstar_str rest = bytes;
        cstar_str line = bytes;
        while (cstar_line_next(&rest, &line) && !starts_with(line, "data: signals ")) {
        }
        cstar_err why = {.code = CSTAR_OK};
        const cstar_json *root =
            cstar_json_read(&in->scratch, cstar_view(line.ptr + 14, line.len - 14), &deep, &why);
        check(root != NULL || why.code == CSTAR_EDEPTH || why.code == CSTAR_ENOMEM);
    }
}

static void script(const input *in, cstar_buf *out, cstar_err *err) {
    cstar_attr attr = {in->text[1], cstar_val_str(in->view[2])};
    cstar_script s = {.script_str = in->view[0],
                      .attrs = &attr,
                      .nattrs = in->flags & 1,
                      .keep = (in->flags & 2) != 0,
                      .event_id = in->text[3]};
    if (cstar_format_script(out, &s, err) == CSTAR_OK) {
        check_script(cstar_buf_view(out));
    }
}

static void console(const input *in, cstar_buf *out, cstar_err *err) {
    cstar_console c = {.message =
                           in->flags & 1 ? cstar_val_json(in->view[0]) : cstar_val_str(in->view[0]),
                       .level = (cstar_level)(in->flags >> 1 & 7)};
    if (cstar_format_console(out, &c, err) == CSTAR_OK) {
        check_script(cstar_buf_view(out));
    }
}

static void action(const input *in, cstar_buf *out, cstar_err *err) {
    bool dynamic = (in->flags & 1) != 0;
    cstar_action a = {.module = dynamic ? cstar_view(NULL, 0) : in->view[0],
                      .event = in->view[1],
                      .prefix = in->flags & 2 ? in->text[2] : NULL,
                      .verb = (cstar_verb)(in->flags >> 2 & 7),
                      .arg = in->flags & 32 ? cstar_val_str(in->view[3]) : cstar_null()};
    if (cstar_format_action(out, &a, err) == CSTAR_OK) {
        check_expression(cstar_buf_view(out),
                         dynamic || cstar_str_eq(a.module, CSTAR_STR(CSTAR_MODULE_SIGNAL)));
    }
}

static void names(const input *in, cstar_buf *out, cstar_err *err) {
    cstar_page_event e = {.name = in->view[0],
                          .verb = (cstar_verb)(in->flags & 7),
                          .arg = in->flags & 8 ? cstar_val_str(in->view[3]) : cstar_null()};
    if (cstar_format_page_event(out, &e, err) == CSTAR_OK) {
        check_expression(cstar_buf_view(out), false);
    }
    out->len = 0;
    if (cstar_format_module(out, in->view[1], err) == CSTAR_OK) {
        check(cstar_utf8_valid(cstar_buf_view(out)));
    }
    out->len = 0;
    cstar_expr inner = cstar_event(in->text[0], .arg = e.arg);
    cstar_expr nudge = cstar_on_nudge(in->text[2], &inner);
    if (nudge.write(&nudge, out, err) == CSTAR_OK) {
        check(count(cstar_buf_view(out), "'") == 4 && memchr(out->ptr, '<', out->len) == NULL);
    }
}

static void run(input *in, cstar_buf *out) {
    cstar_err err = {.code = CSTAR_OK};
    switch (in->choice & 7) {
    case 0:
        elements(in, out, &err);
        break;
    case 1:
        event(in, out, &err);
        break;
    case 2:
        signals(in, out, &err);
        break;
    case 3:
        removals(in, out, &err);
        break;
    case 4:
        script(in, out, &err);
        break;
    case 5:
        console(in, out, &err);
        break;
    case 6:
        action(in, out, &err);
        break;
    default:
        names(in, out, &err);
        break;
    }
    check(err.code == CSTAR_OK || ((in->choice & 7) == 7 || out->len == 0));
    check(err.code == CSTAR_OK || err.where != NULL);
    check(out->status == CSTAR_OK);
}

static void split(input *in, const uint8_t *data, size_t size) {
    size_t n = 0;
    in->copy = malloc(size + 1);
    check(in->copy != NULL);
    if (size != 0) {
        memcpy(in->copy, data, size);
    }
    in->copy[size] = '\0';
    size_t start = 0;
    for (size_t i = 0; i <= size && n < TEXTS; i++) {
        if (i == size || data[i] == 0xFE) {
            in->copy[i] = '\0';
            in->text[n] = in->copy + start;
            in->view[n++] = cstar_view(in->copy + start, i - start);
            start = i + 1;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    input in = {.choice = data[0], .flags = data[1]};
    cstar_buf out;
    split(&in, data + 2, size - 2);
    cstar_arena_init(&in.scratch, cstar_heap(), 16 << 20);
    cstar_buf_init(&out, cstar_heap(), 16 << 20);
    run(&in, &out);
    cstar_buf_fini(&out);
    cstar_arena_fini(&in.scratch);
    free(in.copy);
    return 0;
}
