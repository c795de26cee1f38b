/* html/html.c -- cstar_put(): literal, value, literal, ... into the caller's buffer.
 *
 * Data flow: site.c says where the holes are, value.c writes each value for its place, lines.c puts
 * the prefix behind line breaks. Invariants: 1. nothing of a put is written before its places and
 * its number of values were found right; 2. a put that fails leaves the buffer as it was before it,
 * and the error sticks; 3. h->state describes exactly what is in the buffer.
 * Absent: allocation, and any knowledge of what HTML elements may contain.
 *
 * SPDX-License-Identifier: MIT */
#include "cstar/html.h"

#include "html/context.h"
#include "html/escape.h"
#include "html/lines.h"
#include "html/site.h"
#include "html/value.h"

#define MAX_DEPTH 64U /* of nested fragments */

void cstar_html_init(cstar_html *h, cstar_buf *out, const char *prefix) {
    /* Field by field: the text of the error is most of the struct, and this runs for each patch. */
    h->out = out;
    h->prefix = prefix;
    h->prefix_len = prefix != NULL ? strlen(prefix) : 0;
    h->state = 0;
    h->depth = 0;
    h->cr = false;
    h->csrf = false;
    h->self = NULL;
    h->err.code = CSTAR_OK;
    h->err.where = NULL;
    h->err.text[0] = '\0';
}

cstar_status cstar_html_status(const cstar_html *h, cstar_err *err) {
    if (h->err.code != CSTAR_OK) {
        if (err != NULL) {
            *err = h->err;
        }
        return h->err.code;
    }
    const cstar_status rc = cstar_buf_status(h->out);
    if (rc != CSTAR_OK) {
        return cstar_err_set(err, rc, "out", "the buffer of the markup: %s", cstar_strerror(rc));
    }
    if (!cstar__ctx_complete(h->state)) {
        return cstar_err_set(
            err, CSTAR_EUNSAFE, "literal",
            "the markup ends inside a tag, attribute, comment or raw text element");
    }
    return CSTAR_OK;
}

static bool is_broken(const cstar_html *h) {
    return h->err.code != CSTAR_OK || cstar_buf_status(h->out) != CSTAR_OK;
}

static void add_literal(cstar_buf *out, const cstar_site *site, size_t from, size_t to) {
    const char *p = site->literal;
    if ((site->flags & CSTAR__SITE_BRACES) == 0) {
        cstar_buf_add(out, p + from, to - from);
        return;
    }
    for (size_t i = from; i < to; i++) {
        if ((p[i] == '{' || p[i] == '}') && i + 1 < to && p[i + 1] == p[i]) {
            cstar_buf_add(out, p + from, i + 1 - from);
            from = ++i + 1;
        }
    }
    cstar_buf_add(out, p + from, to - from);
}

static void prefix_lines(cstar_html *h, size_t mark) {
    if (h->prefix != NULL) {
        cstar__lines_prefix(h->out, mark, cstar_view(h->prefix, h->prefix_len), &h->cr);
    }
}

/* @return CSTAR_OK; otherwise `err` is filled, or h->err by what was rendered. */
static cstar_status put_fragment(cstar_html *h, unsigned place, cstar_fragment f, cstar_err *err) {
    if (place > CSTAR__PLACE_TEXTAREA) {
        return cstar_err_set(err, CSTAR_EUNSAFE, "value", "a fragment goes into text only");
    }
    if (f.render == NULL) {
        return cstar_err_set(err, CSTAR_EINVAL, "value", "a fragment without a function");
    }
    if (h->depth == MAX_DEPTH) {
        return cstar_err_set(err, CSTAR_EDEPTH, "value", "fragments are nested more than %u deep",
                             MAX_DEPTH);
    }
    const uint32_t state = cstar__place_state(place);
    h->state = state;
    h->depth++;
    f.render(h, f.arg);
    h->depth--;
    if (h->err.code == CSTAR_OK && h->state != state) {
        return cstar_err_set(err, CSTAR_EUNSAFE, "value",
                             "a fragment ends inside a tag, attribute, comment or reference");
    }
    return h->err.code;
}

/* What an expression has to know of the page that it stands in. */
static cstar_status put_expr(const cstar_html *h, unsigned place, cstar_val v, cstar_err *err) {
    v.u.expr.csrf = v.u.expr.csrf || h->csrf;
    v.u.expr.c = v.u.expr.self ? h->self : v.u.expr.c;
    return cstar__value_put(h->out, place, &v, err);
}

/* Everything of one put. `*mark` is where the bytes without prefixes begin. */
static cstar_status put_parts(cstar_html *h, const cstar_site *site, const cstar_val *vals,
                              size_t *mark, cstar_err *err) {
    cstar_buf *out = h->out;
    size_t at = 0;
    for (unsigned i = 0; i < site->holes; i++) {
        const cstar_val *v = &vals[i];
        const unsigned place = site->hole[i].place;
        cstar_status rc = CSTAR_OK;
        add_literal(out, site, at, site->hole[i].at);
        at = (size_t)site->hole[i].at + 2;
        if (v->kind == CSTAR_VAL_STR && place <= CSTAR__PLACE_ATTR) {
            cstar__html_text(out, v->u.s); /* nearly all values */
        } else if (v->kind == CSTAR_VAL_FRAGMENT) {
            prefix_lines(h, *mark);
            rc = put_fragment(h, place, v->u.fragment, err);
            *mark = out->len;
        } else if (v->kind == CSTAR_VAL_EXPR && (h->csrf || v->u.expr.self)) {
            rc = put_expr(h, place, *v, err);
        } else {
            rc = cstar__value_put(out, place, v, err);
        }
        if (rc != CSTAR_OK) {
            return rc;
        }
    }
    add_literal(out, site, at, site->length);
    return CSTAR_OK;
}

static void put_site(cstar_html *h, const cstar_site *site, const cstar_val *vals) {
    const size_t start = h->out->len;
    size_t mark = start;
    cstar_err why;
    const cstar_status rc = put_parts(h, site, vals, &mark, &why);
    if (rc != CSTAR_OK) {
        h->out->len = start;
        if (h->err.code == CSTAR_OK) {
            (void)cstar__site_fail(site, &h->err, &why);
        }
        return;
    }
    if (site->holes != 0 || h->cr || (site->flags & CSTAR__SITE_LINES) != 0) {
        prefix_lines(h, mark);
    }
    if (cstar_buf_status(h->out) != CSTAR_OK) {
        h->out->len = start;
    }
    h->state = site->to;
}

void cstar_html_put(cstar_html *h, cstar_site *site, const cstar_val *vals) {
    if (is_broken(h)) {
        return;
    }
    cstar_site local;
    const cstar_site *parsed = cstar__site_get(site, h->state, &local, &h->err);
    if (parsed != NULL) {
        put_site(h, parsed, vals);
    }
}

void cstar_html_format(cstar_html *h, const char *literal, const cstar_val *vals, size_t nvals) {
    if (is_broken(h)) {
        return;
    }
    if (literal == NULL || nvals > CSTAR_PUT_MAX) {
        (void)cstar_err_set(&h->err, CSTAR_EINVAL, "literal", "no literal, or more than %d values",
                            CSTAR_PUT_MAX);
        return;
    }
    cstar_site site = {.literal = literal, .nvals = (int)nvals};
    if (cstar__site_parse(&site, h->state, &h->err) == CSTAR_OK) {
        put_site(h, &site, vals);
    }
}

void cstar_html_text(cstar_html *h, cstar_str text) {
    if (is_broken(h)) {
        return;
    }
    const char *why = "here";
    cstar__ctx c = cstar__ctx_unpack(h->state);
    const unsigned place = cstar__ctx_hole(&c, &why);
    if (place == CSTAR__PLACE_NONE || place > CSTAR__PLACE_TEXTAREA) {
        (void)cstar_err_set(&h->err, CSTAR_EUNSAFE, "text", "cstar_html_text() %s",
                            place == CSTAR__PLACE_NONE ? why : "in a tag");
        return;
    }
    const size_t mark = h->out->len;
    cstar__html_text(h->out, text);
    prefix_lines(h, mark);
    if (cstar_buf_status(h->out) != CSTAR_OK) {
        h->out->len = mark;
    }
}
