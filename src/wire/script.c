/* script.c -- JavaScript for the page: a <script> in body that removes itself when it has run.
 *
 * The script is trusted; what must not happen is that text inside it ends the element. Each
 * "</script", in any case and whatever follows, gets a backslash: "<\/script" means the same in
 * strings, templates and regular expressions. "<script" and "<!--" stay as they are in a caller's
 * script, so that regular expressions keep their bytes. In code made from data (console, redirect)
 * there is one more trap: "<!--" and then "<script" make the parser skip the next "</script>".
 * There the latter becomes "\x3Cscript", which a string literal reads back.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/script.h"

#include "wire/elements.h"
#include "wire/event.h"

/* ---- attributes ---- */

static bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':' || c == '.' || c == '-';
}

static bool is_name(const char *name) {
    if (name == NULL || *name == '\0') {
        return false;
    }
    for (; *name != '\0'; name++) {
        if (!is_name_byte(*name)) {
            return false;
        }
    }
    return true;
}

cstar_status cstar__script_value(const cstar_val *v) {
    const cstar_json_opts opts = {.any_root = true, .max_bytes = SIZE_MAX};
    switch (v->kind) {
    case CSTAR_VAL_JSON:
        return cstar_json_check(v->u.s, &opts, NULL);
    case CSTAR_VAL_NULL:
    case CSTAR_VAL_BOOL:
    case CSTAR_VAL_INT:
    case CSTAR_VAL_UINT:
    case CSTAR_VAL_DOUBLE:
    case CSTAR_VAL_CHAR:
    case CSTAR_VAL_STR:
    case CSTAR_VAL_TREE:
        return CSTAR_OK;
    case CSTAR_VAL_TRUSTED:
    case CSTAR_VAL_FRAGMENT:
    case CSTAR_VAL_EXPR:
        break;
    }
    return CSTAR_ETYPE;
}

static cstar_status check_attr(const cstar_attr *a, cstar_err *err) {
    if (!is_name(a->name)) {
        return cstar_err_set(err, CSTAR_EINVAL, "attrs",
                             "attrs: '%.60s' is not an attribute name ([A-Za-z0-9_:.-]+)",
                             a->name != NULL ? a->name : "");
    }
    const cstar_status rc = cstar__script_value(&a->value);
    if (rc == CSTAR_ETYPE) {
        return cstar_err_set(err, CSTAR_EINVAL, "attrs",
                             "attrs: '%.60s' has a value that is no text", a->name);
    }
    return rc == CSTAR_OK ? rc : cstar_err_set(err, rc, "attrs", "attrs: a value is not JSON text");
}

cstar_status cstar__script_check(const cstar_script *s, cstar_err *err) {
    if (s->nattrs != 0 && s->attrs == NULL) {
        return cstar__missing(err, "attrs");
    }
    for (size_t i = 0; i < s->nattrs; i++) {
        cstar_status rc = check_attr(&s->attrs[i], err);
        if (rc != CSTAR_OK) {
            return rc;
        }
    }
    return cstar__event_check(s->retry, err);
}

/* For a value in double quotes. The apostrophe stays, unlike in cstar_buf_html(): both SDKs keep
 * it. A line break is one between elements lines, so the browser reads it back. */
static void add_quoted_text(cstar_buf *out, cstar_str text) {
    size_t start = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *reference = text.ptr[i] == '&'   ? "&amp;"
                                : text.ptr[i] == '<' ? "&lt;"
                                : text.ptr[i] == '>' ? "&gt;"
                                : text.ptr[i] == '"' ? "&quot;"
                                                     : NULL;
        if (reference != NULL) {
            cstar__elements_text(out, cstar_view(text.ptr + start, i - start));
            cstar_buf_puts(out, reference);
            start = i + 1;
        }
    }
    if (start < text.len) {
        cstar__elements_text(out, cstar_view(text.ptr + start, text.len - start));
    }
}

static void add_tree(cstar_buf *out, const cstar_json *tree) {
    size_t mark = out->len;
    cstar_json_writer w;
    cstar_json_writer_init(&w, out, 0);
    cstar_json_put_val(&w, cstar_val_tree(tree));
    if (cstar_json_writer_end(&w) != CSTAR_OK) {
        out->status = out->status == CSTAR_OK ? CSTAR_ELIMIT : out->status;
    }
    cstar_buf_html_from(out, mark);
}

static void add_attr_value(cstar_buf *out, const cstar_val *v) {
    switch (v->kind) {
    case CSTAR_VAL_INT:
        cstar_buf_int(out, v->u.i);
        break;
    case CSTAR_VAL_UINT:
        cstar_buf_uint(out, v->u.u);
        break;
    case CSTAR_VAL_DOUBLE:
        cstar_buf_double(out, v->u.d);
        break;
    case CSTAR_VAL_CHAR:
        add_quoted_text(out, cstar_view(&v->u.c, 1));
        break;
    case CSTAR_VAL_STR:
    case CSTAR_VAL_JSON:
        add_quoted_text(out, v->u.s);
        break;
    case CSTAR_VAL_TREE:
        add_tree(out, v->u.tree);
        break;
    case CSTAR_VAL_NULL:
    case CSTAR_VAL_BOOL:
    case CSTAR_VAL_TRUSTED:
    case CSTAR_VAL_FRAGMENT:
    case CSTAR_VAL_EXPR:
        break; /* written without a value, or refused */
    }
}

static void add_attr(cstar_buf *out, const cstar_attr *a) {
    if (a->value.kind == CSTAR_VAL_NULL || (a->value.kind == CSTAR_VAL_BOOL && !a->value.u.b)) {
        return;
    }
    cstar_buf_byte(out, ' ');
    cstar_buf_puts(out, a->name);
    if (a->value.kind != CSTAR_VAL_BOOL) {
        cstar_buf_lit(out, "=\"");
        add_attr_value(out, &a->value);
        cstar_buf_byte(out, '"');
    }
}

/* HTML lower-cases names, and of two attributes with one name the first counts: so any case of the
 * name is the caller's. */
static bool has_own_effect(const cstar_script *s) {
    for (size_t i = 0; i < s->nattrs; i++) {
        if (cstar_str_ieq(cstar_cstr(s->attrs[i].name), CSTAR_STR("data-effect"))) {
            return true;
        }
    }
    return false;
}

size_t cstar__script_open(cstar_buf *out, const cstar_script *s) {
    cstar__event_head(out, CSTAR_STR(CSTAR__ELEMENTS_TYPE), s->event_id, s->retry);
    cstar_buf_lit(out, "data: selector body\ndata: mode append\n" CSTAR_ELEMENTS_PREFIX "<script");
    if (!s->keep && !has_own_effect(s)) {
        cstar_buf_lit(out, " data-effect=\"el.remove()\"");
    }
    for (size_t i = 0; i < s->nattrs; i++) {
        add_attr(out, &s->attrs[i]);
    }
    cstar_buf_byte(out, '>');
    return out->len;
}

/* ---- defusing ---- */

typedef struct defuser {
    bool data;
    bool comment; /* "<!--" was seen */
} defuser;

/* How many of the first bytes at `p` are to be replaced, and by what. 0: none. */
static size_t trap_at(defuser *d, const char *p, size_t left, cstar_str *by) {
    if (left >= 8 && cstar_str_ieq(cstar_view(p, 8), CSTAR_STR("</script"))) {
        *by = CSTAR_STR("<\\");
        return 1;
    }
    if (d->data && left >= 4 && memcmp(p, "<!--", 4) == 0) {
        d->comment = true;
    } else if (d->data && d->comment && left >= 7 &&
               cstar_str_ieq(cstar_view(p, 7), CSTAR_STR("<script"))) {
        *by = CSTAR_STR("\\x3C");
        return 1;
    }
    return 0;
}

static size_t defuse_growth(const char *p, size_t len, bool data) {
    defuser d = {.data = data};
    size_t growth = 0;
    cstar_str by;
    for (const char *at = memchr(p, '<', len); at != NULL;) {
        size_t left = len - (size_t)(at - p);
        size_t replaced = trap_at(&d, at, left, &by);
        growth += replaced != 0 ? by.len - replaced : 0;
        at = memchr(at + 1, '<', left - 1);
    }
    return growth;
}

/* In place: the bytes move to the end of the room that they will need, and from there back, one
 * trap after the other. */
static void defuse(cstar_buf *out, size_t mark, bool data) {
    if (out->status != CSTAR_OK || out->len == mark) {
        return;
    }
    size_t len = out->len - mark;
    size_t growth = defuse_growth(out->ptr + mark, len, data);
    if (growth == 0 || !cstar_buf_room(out, growth)) {
        return;
    }
    char *to = out->ptr + mark;
    const char *from = memmove(to + growth, to, len);
    const char *end = from + len;
    defuser d = {.data = data};
    while (from < end) {
        cstar_str by = {NULL, 0};
        size_t replaced = *from == '<' ? trap_at(&d, from, (size_t)(end - from), &by) : 0;
        if (replaced == 0) {
            *to++ = *from++;
        } else {
            memcpy(to, by.ptr, by.len);
            to += by.len;
            from += replaced;
        }
    }
    out->len += growth;
}

void cstar__script_close(cstar_buf *out, size_t code, bool data) {
    defuse(out, code, data);
    cstar_buf_lit(out, "</script>\n\n");
}

/* ---- a caller's script ---- */

cstar_status cstar_format_script(cstar_buf *out, const cstar_script *s, cstar_err *err) {
    if (s == NULL || (s->script == NULL && s->script_str.ptr == NULL)) {
        return cstar__missing(err, "script");
    }
    cstar_status rc = cstar__script_check(s, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    size_t mark = out->len;
    size_t code = cstar__script_open(out, s);
    cstar__elements_text(out, s->script_str.ptr != NULL ? s->script_str : cstar_cstr(s->script));
    cstar__script_close(out, code, false);
    return cstar__event_commit(out, mark, err);
}
