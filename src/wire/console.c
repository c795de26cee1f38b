/* console.c -- console.log(message) in the browser, for debugging.
 *
 * A string becomes a literal in single quotes with four escapes; other values are JSON, which
 * JavaScript reads as it is.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/elements.h"
#include "wire/event.h"
#include "wire/script.h"

static const char *const level_names[] = {"log", "warn", "error", "info", "debug"};

#define LEVELS (sizeof level_names / sizeof level_names[0])

cstar_status cstar_level_parse(cstar_str name, cstar_level *level, cstar_err *err) {
    for (size_t i = 0; i < LEVELS; i++) {
        if (cstar_str_eq(name, cstar_cstr(level_names[i]))) {
            *level = (cstar_level)i;
            return CSTAR_OK;
        }
    }
    return cstar_err_set(err, CSTAR_EINVAL, "level", "level: unknown name '%.*s'",
                         (int)(name.len < 40 ? name.len : 40), name.len != 0 ? name.ptr : "");
}

static cstar_status check_message(const cstar_val *v, cstar_err *err) {
    const cstar_status rc = cstar__script_value(v);
    if (rc == CSTAR_ETYPE) {
        return cstar_err_set(err, CSTAR_EINVAL, "message",
                             "message: neither text nor a JSON value");
    }
    return rc == CSTAR_OK ? rc : cstar_err_set(err, rc, "message", "message: is not JSON text");
}

static void add_string(cstar_buf *out, cstar_str s) {
    cstar_buf_byte(out, '\'');
    size_t start = 0;
    for (size_t i = 0; i < s.len; i++) {
        const char *escape = s.ptr[i] == '\\'   ? "\\\\"
                             : s.ptr[i] == '\'' ? "\\'"
                             : s.ptr[i] == '\n' ? "\\n"
                             : s.ptr[i] == '\r' ? "\\r"
                                                : NULL;
        if (escape != NULL) {
            cstar_buf_add(out, s.ptr + start, i - start);
            cstar_buf_puts(out, escape);
            start = i + 1;
        }
    }
    if (start < s.len) {
        cstar_buf_add(out, s.ptr + start, s.len - start);
    }
    cstar_buf_byte(out, '\'');
}

/* @return the writer's own error; the buffer keeps its own. */
static cstar_status add_json(cstar_buf *out, cstar_val v) {
    cstar_json_writer w;
    cstar_json_writer_init(&w, out, 0);
    cstar_json_put_val(&w, v);
    return cstar_json_writer_end(&w);
}

static cstar_status add_message(cstar_buf *out, const cstar_val *v) {
    if (v->kind == CSTAR_VAL_STR) {
        add_string(out, v->u.s);
    } else if (v->kind == CSTAR_VAL_CHAR) {
        add_string(out, cstar_view(&v->u.c, 1));
    } else if (v->kind == CSTAR_VAL_JSON) {
        cstar__elements_text(out, v->u.s);
    } else {
        return add_json(out, *v);
    }
    return CSTAR_OK;
}

cstar_status cstar_format_console(cstar_buf *out, const cstar_console *c, cstar_err *err) {
    if (c == NULL) {
        return cstar__missing(err, "c");
    }
    if ((size_t)c->level >= LEVELS) {
        return cstar_err_set(err, CSTAR_EINVAL, "level", "level: unknown value %d", (int)c->level);
    }
    cstar_script s = {.keep = c->keep, .event_id = c->event_id, .retry = c->retry};
    cstar_status rc = check_message(&c->message, err);
    if (rc == CSTAR_OK) {
        rc = cstar__script_check(&s, err);
    }
    if (rc != CSTAR_OK) {
        return rc;
    }
    size_t mark = out->len;
    size_t code = cstar__script_open(out, &s);
    cstar_buf_lit(out, "console.");
    cstar_buf_puts(out, level_names[c->level]);
    cstar_buf_byte(out, '(');
    rc = add_message(out, &c->message);
    cstar_buf_byte(out, ')');
    cstar__script_close(out, code, true);
    if (rc != CSTAR_OK && out->status == CSTAR_OK) {
        out->len = mark;
        return cstar_err_set(err, rc, "message", "message: %s", cstar_strerror(rc));
    }
    return cstar__event_commit(out, mark, err);
}
