/* html/value.c -- one value into one place: which kinds a place takes, and how each is written
 * there.
 *
 * Data flow: html.c hands over each hole's value with the place that site.c found; text and URLs
 * are escaped by escape.c and url.c. What only the program can write (cstar_trusted, cstar_expr) is
 * still scanned where a slip of it would change the meaning of the markup behind it.
 *
 * SPDX-License-Identifier: MIT */
#include "html/value.h"

#include "html/escape.h"

#include <math.h>

static cstar_status refuse(cstar_err *err, const char *what) {
    return cstar_err_set(err, CSTAR_EUNSAFE, "value", "%s", what);
}

/* ---- scalars --------------------------------------------------------------------------------- */

/* Values that are a piece of text: strings, characters, numbers, booleans, nothing. */
static bool is_scalar(const cstar_val *v) { return v->kind <= CSTAR_VAL_STR; }

/* The text; numbers are written to `num`, a fixed buffer. */
static cstar_str scalar_text(const cstar_val *v, cstar_buf *num) {
    switch ((int)v->kind) {
    case CSTAR_VAL_BOOL:
        return v->u.b ? CSTAR_STR("true") : CSTAR_STR("false");
    case CSTAR_VAL_INT:
        cstar_buf_int(num, v->u.i);
        return cstar_buf_view(num);
    case CSTAR_VAL_UINT:
        cstar_buf_uint(num, v->u.u);
        return cstar_buf_view(num);
    case CSTAR_VAL_DOUBLE:
        cstar_buf_double(num, v->u.d);
        return cstar_buf_view(num);
    case CSTAR_VAL_CHAR:
        return cstar_view(&v->u.c, 1);
    case CSTAR_VAL_STR:
        return v->u.s;
    default:
        return CSTAR_STR("");
    }
}

static void put_scalar(cstar_buf *out, const cstar_val *v, void (*escape)(cstar_buf *, cstar_str)) {
    char mem[48];
    cstar_buf num;
    cstar_buf_fixed(&num, mem, sizeof mem);
    escape(out, scalar_text(v, &num));
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static cstar_status put_json(cstar_buf *out, const cstar_val *v, unsigned extra, cstar_err *err) {
    cstar_json_writer w;
    cstar_json_writer_init(&w, out, extra);
    cstar_json_put_val(&w, *v);
    const cstar_status rc = cstar_json_writer_end(&w);
    if (rc != CSTAR_OK && cstar_buf_status(out) == CSTAR_OK) {
        return cstar_err_set(err, rc, "value", "JSON: %s", cstar_strerror(rc));
    }
    return CSTAR_OK;
}

/* ---- trusted markup and attributes ----------------------------------------------------------- */

/* The state behind `s` from `state` on; UINT32_MAX if it is refused. */
static uint32_t scan(uint32_t state, const char *ptr, size_t len) {
    cstar__ctx c = cstar__ctx_unpack(state);
    for (size_t i = 0; i < len; i++) {
        if (cstar__ctx_feed(&c, (unsigned char)ptr[i]) != NULL) {
            return UINT32_MAX;
        }
    }
    return cstar__ctx_pack(&c);
}

static cstar_status put_trusted(cstar_buf *out, unsigned place, cstar_str markup, cstar_err *err) {
    if (place != CSTAR__PLACE_TEXT) {
        return refuse(err, "trusted markup goes into text only");
    }
    if (scan(CSTAR__TOK_TEXT, markup.ptr, markup.len) != CSTAR__TOK_TEXT) {
        return refuse(err, "trusted markup does not end in text");
    }
    cstar_buf_str(out, markup);
    return CSTAR_OK;
}

static cstar_status write_expr(cstar_buf *out, const cstar_expr *e, cstar_err *err) {
    if (e->write == NULL) {
        return cstar_err_set(err, CSTAR_EINVAL, "value", "an expression without a writer");
    }
    cstar_err why = {.code = CSTAR_OK};
    const cstar_status rc = e->write(e, out, &why);
    if (rc == CSTAR_OK || cstar_buf_status(out) != CSTAR_OK) {
        return CSTAR_OK;
    }
    return cstar_err_set(err, rc, why.where != NULL ? why.where : "value", "%s",
                         why.text[0] != '\0' ? why.text : cstar_strerror(rc));
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static cstar_status put_attrs(cstar_buf *out, const cstar_val *v, cstar_err *err) {
    if (v->kind != CSTAR_VAL_EXPR || !v->u.expr.attrs) {
        return refuse(err, "only whole attributes, as cstar_on_nudge() returns, can stand where an "
                           "attribute would");
    }
    if (out->len != 0 && !is_space(out->ptr[out->len - 1])) {
        cstar_buf_byte(out, ' ');
    }
    const size_t mark = out->len;
    const cstar_status rc = write_expr(out, &v->u.expr, err);
    if (rc != CSTAR_OK || cstar_buf_status(out) != CSTAR_OK) {
        return rc;
    }
    const uint32_t end = scan(CSTAR__TOK_BEFORE_NAME, out->ptr + mark, out->len - mark);
    if (end != CSTAR__TOK_BEFORE_NAME && end != CSTAR__TOK_AFTER_VALUE) {
        return refuse(err, "the attributes are not complete name='value' pairs");
    }
    return CSTAR_OK;
}

/* ---- text and attributes --------------------------------------------------------------------- */

static cstar_status put_text(cstar_buf *out, unsigned place, const cstar_val *v, cstar_err *err) {
    if (is_scalar(v)) {
        put_scalar(out, v, cstar__html_text);
        return CSTAR_OK;
    }
    if (v->kind == CSTAR_VAL_JSON || v->kind == CSTAR_VAL_TREE) {
        const size_t mark = out->len;
        const cstar_status rc = put_json(out, v, 0, err);
        cstar_buf_html_from(out, mark);
        return rc;
    }
    if (v->kind == CSTAR_VAL_TRUSTED) {
        return put_trusted(out, place, v->u.s, err);
    }
    return refuse(err, v->kind == CSTAR_VAL_EXPR
                           ? "an expression goes into an attribute of Datastar only"
                           : "a fragment goes into text only");
}

static cstar_status put_number(cstar_buf *out, const cstar_val *v, cstar_err *err) {
    const bool number = v->kind == CSTAR_VAL_INT || v->kind == CSTAR_VAL_UINT ||
                        (v->kind == CSTAR_VAL_DOUBLE && isfinite(v->u.d));
    if (!number) {
        return refuse(err, "only a number can stand in a style");
    }
    put_scalar(out, v, cstar_buf_str);
    return CSTAR_OK;
}

/* ---- URLs ------------------------------------------------------------------------------------ */

static void put_whole_url(cstar_buf *out, cstar_str s) {
    cstar__html_url(out, cstar__html_url_safe(s) ? s : CSTAR_STR("about:invalid"));
}

static cstar_status put_url(cstar_buf *out, unsigned place, const cstar_val *v, cstar_err *err) {
    if (!is_scalar(v)) {
        return refuse(err, "only text or a number can stand in a URL");
    }
    switch (place) {
    case CSTAR__PLACE_URL:
        put_scalar(out, v, put_whole_url);
        break;
    case CSTAR__PLACE_URL_OPAQUE:
        put_scalar(out, v, cstar__html_url_opaque);
        break;
    default:
        put_scalar(out, v, cstar__html_url_part);
        break;
    }
    return CSTAR_OK;
}

/* ---- Datastar expressions -------------------------------------------------------------------- */

static cstar_str href_text(cstar_str s, unsigned place) {
    return (place & CSTAR__PLACE_HREF) == 0 || cstar__html_url_safe(s) ? s
                                                                       : CSTAR_STR("about:invalid");
}

static void put_js_text(cstar_buf *out, cstar_str s, unsigned place) {
    cstar_buf_lit(out, "&quot;");
    cstar__html_js_string(out, href_text(s, place));
    cstar_buf_lit(out, "&quot;");
}

static char first_byte(cstar_str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (!is_space(s.ptr[i])) {
            return s.ptr[i];
        }
    }
    return '\0';
}

static bool is_negative(const cstar_val *v) {
    switch ((int)v->kind) {
    case CSTAR_VAL_INT:
        return v->u.i < 0;
    case CSTAR_VAL_DOUBLE:
        return signbit(v->u.d) != 0;
    case CSTAR_VAL_JSON:
        return first_byte(v->u.s) == '-';
    case CSTAR_VAL_TREE:
        return first_byte(cstar_json_number(v->u.tree)) == '-';
    default:
        return false;
    }
}

static cstar_status put_js_value(cstar_buf *out, const cstar_val *v, cstar_err *err) {
    const size_t mark = out->len;
    const cstar_status rc = put_json(out, v, CSTAR_ESC_LINES | CSTAR_ESC_EXPR, err);
    if (rc == CSTAR_OK) {
        cstar__html_js_json(out, mark);
    }
    return rc;
}

static cstar_status put_expr_code(cstar_buf *out, const cstar_val *v, cstar_err *err) {
    if (v->u.expr.attrs) {
        return refuse(err, "whole attributes cannot stand inside one");
    }
    const size_t mark = out->len;
    const cstar_status rc = write_expr(out, &v->u.expr, err);
    cstar_buf_html_from(out, mark);
    return rc;
}

/* JSON that data-attr:href would turn into a URL: a string is checked, an array would become its
 * elements' text. */
static cstar_status put_href_json(cstar_buf *out, const cstar_val *v, unsigned place,
                                  cstar_err *err) {
    const cstar_json_type type =
        v->kind == CSTAR_VAL_TREE ? cstar_json_typeof(v->u.tree) : CSTAR_JSON_OBJECT;
    if (type == CSTAR_JSON_ARRAY || type == CSTAR_JSON_OBJECT) {
        return refuse(err, "JSON cannot become a URL");
    }
    if (type == CSTAR_JSON_STRING) {
        put_js_text(out, cstar_json_view(v->u.tree), place);
        return CSTAR_OK;
    }
    return put_js_value(out, v, err);
}

static cstar_status put_expr(cstar_buf *out, unsigned place, const cstar_val *v, cstar_err *err) {
    if (v->kind == CSTAR_VAL_STR || v->kind == CSTAR_VAL_CHAR) {
        put_js_text(out, v->kind == CSTAR_VAL_STR ? v->u.s : cstar_view(&v->u.c, 1), place);
        return CSTAR_OK;
    }
    if (v->kind == CSTAR_VAL_EXPR) {
        return put_expr_code(out, v, err);
    }
    if (v->kind == CSTAR_VAL_TRUSTED || v->kind == CSTAR_VAL_FRAGMENT) {
        return refuse(err, "markup cannot stand in an expression");
    }
    const bool json = v->kind == CSTAR_VAL_JSON || v->kind == CSTAR_VAL_TREE;
    const bool wrap = (place & CSTAR__PLACE_WRAP) != 0 || is_negative(v);
    if (wrap) {
        cstar_buf_byte(out, '(');
    }
    const cstar_status rc = json && (place & CSTAR__PLACE_HREF) != 0
                                ? put_href_json(out, v, place, err)
                                : put_js_value(out, v, err);
    if (wrap) {
        cstar_buf_byte(out, ')');
    }
    return rc;
}

static cstar_status put_expr_string(cstar_buf *out, unsigned place, const cstar_val *v,
                                    cstar_err *err) {
    if (!is_scalar(v)) {
        return refuse(err, "only text or a number can stand in an expression's string");
    }
    char mem[48];
    cstar_buf num;
    cstar_buf_fixed(&num, mem, sizeof mem);
    cstar__html_js_string(out, href_text(scalar_text(v, &num), place));
    return CSTAR_OK;
}

/* ---- signal names ---------------------------------------------------------------------------- */

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* One step of a dotted path. `part`: the literal has its beginning. */
static bool step_ok(cstar_str step, bool part) {
    if ((step.len == 0 || (step.ptr[0] >= '0' && step.ptr[0] <= '9')) && !part) {
        return false;
    }
    for (size_t i = 0; i < step.len; i++) {
        if (!is_word(step.ptr[i])) {
            return false;
        }
    }
    return !cstar_str_eq(step, CSTAR_STR("__proto__"));
}

static bool signal_ok(cstar_str name, bool part) {
    while (name.len != 0) {
        const char *dot = memchr(name.ptr, '.', name.len);
        const size_t len = dot != NULL ? (size_t)(dot - name.ptr) : name.len;
        if (!step_ok(cstar_view(name.ptr, len), part)) {
            return false;
        }
        if (dot == NULL) {
            return true;
        }
        part = false;
        name = cstar_view(dot + 1, name.len - len - 1);
    }
    return part;
}

static cstar_status put_signal(cstar_buf *out, unsigned place, const cstar_val *v, cstar_err *err) {
    if (!is_scalar(v) || v->kind == CSTAR_VAL_DOUBLE || v->kind == CSTAR_VAL_NULL) {
        return cstar_err_set(err, CSTAR_EINVAL, "value", "a signal's name must be text");
    }
    char mem[48];
    cstar_buf num;
    cstar_buf_fixed(&num, mem, sizeof mem);
    const cstar_str name = scalar_text(v, &num);
    if (!signal_ok(name, place == CSTAR__PLACE_SIGNAL_PART)) {
        char shown[41] = "";
        for (size_t i = 0; i < name.len && i < sizeof shown - 1; i++) {
            shown[i] = name.ptr[i] > ' ' && name.ptr[i] < 0x7f ? name.ptr[i] : '?';
        }
        return cstar_err_set(err, CSTAR_EINVAL, "value", "\"%s\" is no signal's name", shown);
    }
    cstar_buf_str(out, name);
    return CSTAR_OK;
}

/* ---- by place -------------------------------------------------------------------------------- */

cstar_status cstar__value_put(cstar_buf *out, unsigned place, const cstar_val *v, cstar_err *err) {
    switch (place & CSTAR__PLACE_MASK) {
    case CSTAR__PLACE_TEXT:
    case CSTAR__PLACE_TITLE:
    case CSTAR__PLACE_TEXTAREA:
    case CSTAR__PLACE_ATTR:
        return put_text(out, place, v, err);
    case CSTAR__PLACE_URL:
    case CSTAR__PLACE_URL_PART:
    case CSTAR__PLACE_URL_OPAQUE:
        return put_url(out, place, v, err);
    case CSTAR__PLACE_EXPR:
        return put_expr(out, place, v, err);
    case CSTAR__PLACE_EXPR_STR:
        return put_expr_string(out, place, v, err);
    case CSTAR__PLACE_SIGNAL:
    case CSTAR__PLACE_SIGNAL_PART:
        return put_signal(out, place, v, err);
    case CSTAR__PLACE_NUMBER:
        return put_number(out, v, err);
    case CSTAR__PLACE_ATTRS:
        return put_attrs(out, v, err);
    default:
        return refuse(err, "no value can stand here");
    }
}
