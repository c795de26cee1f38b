/* event_arg.c -- the argument of an event: one value in the query of the URL that sends it.
 *
 *     cstar_event("toggle", .arg = CSTAR_VAL(id))  ─▶  .../_event/toggle?arg=17
 *
 * It stands in the query, not in the path, so that the event's name is the whole of its segment:
 * which handler runs is decided without looking at what somebody may have typed.
 *
 * Invariants: 1. Of the value's bytes only A-Z a-z 0-9 - _ ~ are written as they are. The rest is
 * percent-coded, so that nothing in it ends the string, the attribute or the script that it stands
 * in, nor is rewritten by the client ($name, @name(). 2. What is written can be read: a text is
 * valid UTF-8, has no NUL, and at most CSTAR_EVENT_ARG_MAX bytes.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/action.h"

static cstar_str text_of(const cstar_val *arg) {
    if (arg->kind == CSTAR_VAL_BOOL) {
        return arg->u.b ? CSTAR_STR("true") : CSTAR_STR("false");
    }
    return arg->kind == CSTAR_VAL_CHAR ? cstar_view(&arg->u.c, 1) : arg->u.s;
}

static bool is_number(const cstar_val *arg) {
    return arg->kind == CSTAR_VAL_INT || arg->kind == CSTAR_VAL_UINT;
}

static bool is_text(const cstar_val *arg) {
    return arg->kind == CSTAR_VAL_STR || arg->kind == CSTAR_VAL_CHAR || arg->kind == CSTAR_VAL_BOOL;
}

cstar_status cstar__arg_check(const cstar_val *arg, cstar_err *err) {
    if (arg->kind == CSTAR_VAL_NULL || is_number(arg)) {
        return CSTAR_OK;
    }
    if (!is_text(arg)) {
        return cstar_err_set(err, CSTAR_ETYPE, "arg", "arg: neither a whole number nor a text");
    }
    const cstar_str text = text_of(arg);
    if (text.len > CSTAR_EVENT_ARG_MAX) {
        return cstar_err_set(err, CSTAR_ELIMIT, "arg", "arg: %zu bytes, more than %d", text.len,
                             CSTAR_EVENT_ARG_MAX);
    }
    if (text.len != 0 && memchr(text.ptr, '\0', text.len) != NULL) {
        return cstar_err_set(err, CSTAR_EINVAL, "arg", "arg: has a NUL");
    }
    if (!cstar_utf8_valid(text)) {
        return cstar_err_set(err, CSTAR_EUTF8, "arg", "arg: not UTF-8");
    }
    return CSTAR_OK;
}

void cstar__arg_add(cstar_buf *out, const cstar_val *arg) {
    if (arg->kind == CSTAR_VAL_NULL) {
        return;
    }
    cstar_buf_lit(out, "?" CSTAR__ARG_NAME "=");
    if (arg->kind == CSTAR_VAL_INT) {
        cstar_buf_int(out, arg->u.i);
    } else if (arg->kind == CSTAR_VAL_UINT) {
        cstar_buf_uint(out, arg->u.u);
    } else {
        cstar_buf_percent(out, text_of(arg));
    }
}

/* ---- in an expression, which can't hold a cstar_val: that holds expressions ---- */

cstar_expr cstar_expr_with_arg(cstar_expr e, cstar_val arg) {
    e.arg_kind = (uint8_t)arg.kind;
    if (arg.kind == CSTAR_VAL_STR) {
        e.arg.s = arg.u.s;
    } else if (arg.kind == CSTAR_VAL_CHAR) {
        e.arg.c = arg.u.c;
    } else if (arg.kind == CSTAR_VAL_BOOL) {
        e.arg.b = arg.u.b;
    } else if (is_number(&arg)) {
        e.arg.u = arg.u.u; /* the bits of either */
    }
    return e;
}

cstar_val cstar__expr_arg(const cstar_expr *e) {
    cstar_val arg = cstar_null();
    arg.kind = (cstar_val_kind)e->arg_kind;
    if (arg.kind == CSTAR_VAL_STR) {
        arg.u.s = e->arg.s;
    } else if (arg.kind == CSTAR_VAL_CHAR) {
        arg.u.c = e->arg.c;
    } else if (arg.kind == CSTAR_VAL_BOOL) {
        arg.u.b = e->arg.b;
    } else {
        arg.u.u = e->arg.u;
    }
    return arg;
}
