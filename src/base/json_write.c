/* base/json_write.c -- writes JSON into a buffer, compactly, without memory of its own.
 *
 * What is open is two bits per level in the writer. Text (CSTAR_VAL_JSON) goes through the scanner
 * token by token and trees are walked along their links, so that neither recurses, and both come
 * out compact with the writer's escapes in their strings. Text that turns out to be malformed is
 * taken back: the buffer ends where it ended before.
 *
 * SPDX-License-Identifier: MIT */
#include "base/json_node.h"
#include "base/json_scan.h"

#define MAX_LEVELS 64u

void cstar_json_writer_init(cstar_json_writer *w, cstar_buf *out, unsigned extra) {
    *w = (cstar_json_writer){.out = out, .extra = extra};
}

cstar_status cstar_json_writer_end(cstar_json_writer *w) {
    if (w->status == CSTAR_OK) {
        w->status = cstar_buf_status(w->out);
    }
    if (w->status == CSTAR_OK && !w->done) {
        w->status = CSTAR_ESTATE;
    }
    return w->status;
}

static bool fail(cstar_json_writer *w, cstar_status status) {
    if (w->status == CSTAR_OK) { /* the first error is the one that helps */
        w->status = cstar_buf_status(w->out) != CSTAR_OK ? cstar_buf_status(w->out) : status;
    }
    return false;
}

static uint64_t level_bit(const cstar_json_writer *w) { return UINT64_C(1) << (w->depth - 1); }

static void comma(cstar_json_writer *w) {
    if ((w->filled & level_bit(w)) != 0) {
        cstar_buf_byte(w->out, ',');
    }
    w->filled |= level_bit(w);
}

/* Whether a value may stand here; writes the comma in front of it. */
static bool begin_value(cstar_json_writer *w) {
    if (w->status != CSTAR_OK) {
        return false;
    }
    if (w->done) {
        return fail(w, CSTAR_ESTATE);
    }
    if (w->depth == 0) {
        return true;
    }
    if ((w->objects & level_bit(w)) == 0) {
        comma(w);
        return true;
    }
    if (!w->keyed) {
        return fail(w, CSTAR_ESTATE);
    }
    w->keyed = false;
    return true;
}

static void end_value(cstar_json_writer *w) { w->done = w->depth == 0; }

static void begin_container(cstar_json_writer *w, bool object) {
    if (w->status == CSTAR_OK && w->depth == MAX_LEVELS) {
        (void)fail(w, CSTAR_EDEPTH);
    }
    if (!begin_value(w)) {
        return;
    }
    w->depth++;
    w->objects = object ? w->objects | level_bit(w) : w->objects & ~level_bit(w);
    w->filled &= ~level_bit(w);
    cstar_buf_byte(w->out, object ? '{' : '[');
}

static void end_container(cstar_json_writer *w, bool object) {
    if (w->status != CSTAR_OK) {
        return;
    }
    if (w->depth == 0 || w->keyed || ((w->objects & level_bit(w)) != 0) != object) {
        (void)fail(w, CSTAR_ESTATE);
        return;
    }
    cstar_buf_byte(w->out, object ? '}' : ']');
    w->depth--;
    end_value(w);
}

void cstar_json_begin_object(cstar_json_writer *w) { begin_container(w, true); }
void cstar_json_end_object(cstar_json_writer *w) { end_container(w, true); }
void cstar_json_begin_array(cstar_json_writer *w) { begin_container(w, false); }
void cstar_json_end_array(cstar_json_writer *w) { end_container(w, false); }

static void put_string(cstar_json_writer *w, cstar_str s) {
    cstar_buf_byte(w->out, '"');
    cstar_buf_json(w->out, s, w->extra);
    cstar_buf_byte(w->out, '"');
}

void cstar_json_put_key(cstar_json_writer *w, cstar_str key) {
    if (w->status != CSTAR_OK) {
        return;
    }
    if (w->depth == 0 || (w->objects & level_bit(w)) == 0 || w->keyed) {
        (void)fail(w, CSTAR_ESTATE);
        return;
    }
    comma(w);
    put_string(w, key);
    cstar_buf_byte(w->out, ':');
    w->keyed = true;
}

/* ---- JSON text
 * -------------------------------------------------------------------------------- */

/* The inside of a string that is JSON already: its escapes stay as they are (they are plain ASCII
 * without any byte that CSTAR_ESC_* is about), what stands between them is escaped as the writer
 * wants it. */
static void put_escaped(cstar_json_writer *w, cstar_str s) {
    const char *p = s.ptr;
    const char *end = p + s.len;
    while (p < end) {
        const char *backslash = memchr(p, '\\', (size_t)(end - p));
        const char *stop = backslash != NULL ? backslash : end;
        cstar_buf_json(w->out, cstar_view(p, (size_t)(stop - p)), w->extra);
        p = stop;
        if (backslash != NULL) {
            cstar_buf_add(w->out, p, 2); /* of \uXXXX the digits follow as text */
            p += 2;
        }
    }
}

static void put_quoted(cstar_json_writer *w, const cstar__json_scan *s) {
    cstar_buf_byte(w->out, '"');
    if (w->extra == 0) {
        cstar_buf_str(w->out, s->text);
    } else {
        put_escaped(w, s->text);
    }
    cstar_buf_byte(w->out, '"');
}

static void put_token(cstar_json_writer *w, const cstar__json_scan *s, cstar__json_token token) {
    if (s->comma) {
        cstar_buf_byte(w->out, ',');
    }
    switch (token) {
    case CSTAR__JSON_KEY:
        put_quoted(w, s);
        cstar_buf_byte(w->out, ':');
        break;
    case CSTAR__JSON_STR:
        put_quoted(w, s);
        break;
    case CSTAR__JSON_INTEGER:
    case CSTAR__JSON_REAL:
        cstar_buf_str(w->out, s->text);
        break;
    case CSTAR__JSON_OBJECT:
        cstar_buf_byte(w->out, '{');
        break;
    case CSTAR__JSON_OBJECT_END:
        cstar_buf_byte(w->out, '}');
        break;
    case CSTAR__JSON_ARRAY:
        cstar_buf_byte(w->out, '[');
        break;
    case CSTAR__JSON_ARRAY_END:
        cstar_buf_byte(w->out, ']');
        break;
    case CSTAR__JSON_TRUE:
        cstar_buf_lit(w->out, "true");
        break;
    case CSTAR__JSON_FALSE:
        cstar_buf_lit(w->out, "false");
        break;
    case CSTAR__JSON_NIL:
        cstar_buf_lit(w->out, "null");
        break;
    case CSTAR__JSON_ERROR:
    case CSTAR__JSON_END:
        break;
    }
}

/* The text is the program's own: only the buffer limits its length, and the nesting may be as deep
 * as a tree's. */
static void put_text(cstar_json_writer *w, cstar_str text) {
    static const cstar_json_opts opts = {
        .max_bytes = SIZE_MAX, .max_depth = CSTAR__JSON_MAX_DEPTH, .any_root = true};
    cstar__json_scan s;
    size_t mark = w->out->len;
    cstar__json_token token = CSTAR__JSON_ERROR;
    if (cstar__json_scan_init(&s, text, &opts) == CSTAR_OK) {
        while ((token = cstar__json_next(&s)) > CSTAR__JSON_END) {
            put_token(w, &s, token);
        }
    }
    if (token == CSTAR__JSON_ERROR) {
        w->out->len = mark;
        (void)fail(w, s.status);
    }
}

/* ---- trees
 * ------------------------------------------------------------------------------------ */

/* A value, or of a container the opening bracket. */
static void put_node(cstar_json_writer *w, const cstar_json *v) {
    switch ((cstar_json_type)v->type) {
    case CSTAR_JSON_NULL:
        cstar_buf_lit(w->out, "null");
        break;
    case CSTAR_JSON_BOOL:
        cstar_buf_puts(w->out, v->u.b ? "true" : "false");
        break;
    case CSTAR_JSON_INT:
    case CSTAR_JSON_DOUBLE:
        cstar_buf_add(w->out, v->at.text, v->len);
        break;
    case CSTAR_JSON_STRING:
        put_string(w, cstar_view(v->at.text, v->len));
        break;
    case CSTAR_JSON_ARRAY:
        cstar_buf_byte(w->out, '[');
        break;
    case CSTAR_JSON_OBJECT:
        cstar_buf_byte(w->out, '{');
        break;
    }
}

static void put_member_key(cstar_json_writer *w, const cstar_json *v) {
    if (v->key != NULL) {
        put_string(w, cstar_view(v->key, v->key_len));
        cstar_buf_byte(w->out, ':');
    }
}

/* Depth first along the links: down to the first child, else to the next sibling, else up. A
 * container's parent is in the container; of a leaf it is the container that was entered last.
 * `top` itself may have siblings and a key: not ours. */
static void put_tree(cstar_json_writer *w, const cstar_json *top) {
    const cstar_json *v = top;
    const cstar_json *open = NULL;
    for (;;) {
        put_node(w, v);
        if (cstar__json_is_container(v)) {
            open = v;
            v = v->at.first;
        } else if (open != NULL) {
            v = v->link.next;
            if (v != NULL) {
                cstar_buf_byte(w->out, ',');
            }
        }
        while (open != NULL && v == NULL) { /* nothing more in there */
            cstar_buf_byte(w->out, open->type == CSTAR_JSON_OBJECT ? '}' : ']');
            if (open == top) {
                return;
            }
            v = open->link.next;
            open = open->u.parent;
            if (v != NULL) {
                cstar_buf_byte(w->out, ',');
            }
        }
        if (open == NULL) {
            return;
        }
        put_member_key(w, v);
    }
}

/* ---- values
 * ----------------------------------------------------------------------------------- */

static void put_any(cstar_json_writer *w, const cstar_val *v) {
    switch (v->kind) {
    case CSTAR_VAL_NULL:
        cstar_buf_lit(w->out, "null");
        break;
    case CSTAR_VAL_BOOL:
        cstar_buf_puts(w->out, v->u.b ? "true" : "false");
        break;
    case CSTAR_VAL_INT:
        cstar_buf_int(w->out, v->u.i);
        break;
    case CSTAR_VAL_UINT:
        cstar_buf_uint(w->out, v->u.u);
        break;
    case CSTAR_VAL_DOUBLE:
        cstar_buf_double(w->out, v->u.d);
        break;
    case CSTAR_VAL_CHAR:
        put_string(w, cstar_view(&v->u.c, 1));
        break;
    case CSTAR_VAL_STR:
        put_string(w, v->u.s);
        break;
    case CSTAR_VAL_JSON:
        put_text(w, v->u.s);
        break;
    case CSTAR_VAL_TREE:
        if (v->u.tree != NULL) {
            put_tree(w, v->u.tree);
        } else {
            cstar_buf_lit(w->out, "null");
        }
        break;
    case CSTAR_VAL_TRUSTED:
    case CSTAR_VAL_FRAGMENT:
    case CSTAR_VAL_EXPR:
        (void)fail(w, CSTAR_ETYPE); /* markup and code have no JSON form */
        break;
    }
}

void cstar_json_put_val(cstar_json_writer *w, cstar_val v) {
    if (begin_value(w)) {
        put_any(w, &v);
        end_value(w);
    }
}
