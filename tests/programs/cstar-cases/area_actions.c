/* area_actions.c -- expressions: actions, page helpers, names.
 * SPDX-License-Identifier: MIT */
#include "runner.h"

#include "cstar/wire.h"

#define COMMON " verb opts options browser arg"

static bool arg_verb(call *c, cstar_verb *verb) {
    cstar_str name;
    cstar_err err = {.code = CSTAR_OK};
    if (!arg_view(c, "verb", &name)) {
        return false;
    }
    if (name.ptr != NULL && cstar_verb_parse(name, verb, &err) != CSTAR_OK) {
        call_error(c, err.text);
        return false;
    }
    return true;
}

static bool arg_options(call *c, const char **options) {
    return arg_text(c, arg_given(c, "opts") ? "opts" : "options", options);
}

/* A number or a text; anything else is refused by the API. */
static cstar_val arg_value(const call *c) { return cstar_json_val(cstar_json_get(c->args, "arg")); }

static void format_action(call *c, cstar_action *a) {
    cstar_err err = {.code = CSTAR_OK};
    a->arg = arg_value(c);
    if (arg_view(c, "event", &a->event) && arg_verb(c, &a->verb) &&
        arg_text(c, "prefix", &a->prefix) && arg_options(c, &a->options)) {
        call_done(c, cstar_format_action(&c->out->text, a, &err), &err);
    }
}

/* The module is a programmer's name. */
static void action(call *c) {
    cstar_action a = {.verb = CSTAR_POST};
    cstar_str name;
    cstar_err err = {.code = CSTAR_OK};
    cstar_buf coded;
    if (!arg_view(c, "module", &name)) {
        return;
    }
    cstar_buf_init(&coded, cstar_arena_allocator(c->arena), 0);
    cstar_status rc = cstar_format_module(&coded, name, &err);
    if (rc != CSTAR_OK) {
        call_done(c, rc, &err);
        return;
    }
    a.module = cstar_buf_view(&coded);
    format_action(c, &a);
}

/* The module is a URL name, the signal, or not there. */
static void dynamic(call *c) {
    cstar_action a = {.verb = CSTAR_POST};
    if (arg_view(c, "module", &a.module)) {
        format_action(c, &a);
    }
}

static void encode_module(call *c) {
    cstar_str name;
    cstar_err err = {.code = CSTAR_OK};
    if (arg_view(c, "module", &name)) {
        call_done(c, cstar_format_module(&c->out->text, name, &err), &err);
    }
}

static void page_event(call *c) {
    cstar_page_event e = {.verb = CSTAR_POST, .arg = arg_value(c)};
    cstar_err err = {.code = CSTAR_OK};
    if (arg_view(c, "name", &e.name) && arg_verb(c, &e.verb) && arg_options(c, &e.options)) {
        call_done(c, cstar_format_page_event(&c->out->text, &e, &err), &err);
    }
}

/* The module is a programmer's name. */
static void component_event(call *c) {
    cstar_component_event e = {.verb = CSTAR_POST, .arg = arg_value(c)};
    cstar_str name;
    cstar_err err = {.code = CSTAR_OK};
    cstar_buf coded;
    if (!arg_view(c, "module", &name) || !arg_view(c, "name", &e.name) || !arg_verb(c, &e.verb) ||
        !arg_options(c, &e.options)) {
        return;
    }
    cstar_buf_init(&coded, cstar_arena_allocator(c->arena), 0);
    cstar_status rc = cstar_format_module(&coded, name, &err);
    e.component = cstar_buf_view(&coded);
    rc = rc == CSTAR_OK ? cstar_format_component_event(&c->out->text, &e, &err) : rc;
    call_done(c, rc, &err);
}

static void page_connect(call *c) {
    cstar_page_connect p = {.include_search = false};
    cstar_err err = {.code = CSTAR_OK};
    if (arg_bool(c, "include_search", &p.include_search) && arg_options(c, &p.options)) {
        call_done(c, cstar_format_page_connect(&c->out->text, &p, &err), &err);
    }
}

/* ---- on_nudge: two attributes, read back ---- */

static cstar_status write_given(const cstar_expr *self, cstar_buf *out, cstar_err *err) {
    (void)err;
    cstar_buf_puts(out, self->a);
    return out->status;
}

static void add_unescaped(cstar_buf *out, cstar_str s) {
    static const struct {
        const char *reference;
        char byte;
    } known[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
    for (size_t i = 0; i < s.len;) {
        size_t k = 0;
        size_t n = 0;
        for (; k < sizeof known / sizeof known[0]; k++) {
            n = strlen(known[k].reference);
            if (s.len - i >= n && memcmp(s.ptr + i, known[k].reference, n) == 0) {
                break;
            }
        }
        bool found = k < sizeof known / sizeof known[0];
        cstar_buf_byte(out, found ? known[k].byte : s.ptr[i]);
        i += found ? n : 1;
    }
}

/* name='value' name='value' as {"name":"value",...}; what is not of that form is left out and so
 * missed. */
static void add_attributes(cstar_buf *out, cstar_str s, cstar_arena *arena) {
    cstar_json_writer w;
    cstar_json_writer_init(&w, out, 0);
    cstar_json_begin_object(&w);
    for (size_t i = 0; i < s.len;) {
        const char *equals = memchr(s.ptr + i, '=', s.len - i);
        if (equals == NULL || equals + 2 > s.ptr + s.len) {
            break;
        }
        size_t value = (size_t)(equals - s.ptr) + 2;
        const char *end = memchr(s.ptr + value, equals[1], s.len - value);
        if (end == NULL) {
            break;
        }
        cstar_buf text;
        cstar_buf_init(&text, cstar_arena_allocator(arena), 0);
        add_unescaped(&text, cstar_view(s.ptr + value, (size_t)(end - s.ptr) - value));
        cstar_json_put_key(&w, cstar_view(s.ptr + i, (size_t)(equals - s.ptr) - i));
        cstar_json_put_val(&w, cstar_val_str(cstar_buf_view(&text)));
        i = (size_t)(end - s.ptr) + 1;
        i += i < s.len && s.ptr[i] == ' ' ? 1 : 0;
    }
    cstar_json_end_object(&w);
    (void)cstar_json_writer_end(&w);
}

static void on_nudge(call *c) {
    const char *key = NULL;
    cstar_expr given = {.write = write_given};
    const char *text = NULL;
    cstar_err err = {.code = CSTAR_OK};
    cstar_buf attributes;
    if (!arg_text(c, "key", &key) || !arg_text(c, "action", &text)) {
        return;
    }
    given.a = text;
    cstar_expr e = cstar_on_nudge(key, text != NULL ? &given : NULL);
    cstar_buf_init(&attributes, cstar_arena_allocator(c->arena), 0);
    cstar_status rc = e.write(&e, &attributes, &err);
    if (rc == CSTAR_OK) {
        add_attributes(&c->out->text, cstar_buf_view(&attributes), c->arena);
    }
    call_done(c, rc, &err);
    c->out->kind = c->out->kind == OUTCOME_BYTES ? OUTCOME_VALUE : c->out->kind;
}

const call_entry cases_actions[] = {
    {"action", action, "module event prefix" COMMON, NULL},
    {"action_dynamic", dynamic, "module event prefix" COMMON, NULL},
    {"encode_module", encode_module, "module", NULL},
    {"page_event", page_event, "name" COMMON, NULL},
    {"component_event", component_event, "module name" COMMON, NULL},
    {"page_connect", page_connect, "include_search" COMMON, NULL},
    {"on_nudge", on_nudge, "key action", NULL},
    {NULL, NULL, NULL, NULL},
};
