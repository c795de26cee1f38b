/* wire/action.h -- what every expression with a request in it needs.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WIRE_ACTION_H
#define CSTAR_WIRE_ACTION_H

#include "cstar/wire.h"

/** "post" for CSTAR_POST; NULL, and `err` says so, for an unknown value. */
const char *cstar__verb_name(cstar_verb verb, cstar_err *err);

/** EINVAL and EUTF8 of cstar_format_segment(), without writing. */
cstar_status cstar__segment_check(cstar_str text, const char *where, cstar_err *err);

/* How an action ends. */
typedef struct cstar__ending {
    const char *options; /* JavaScript object text; NULL or "": none */
    cstar_verb verb;
    bool csrf; /* see cstar_action */
} cstar__ending;

/* The name of the argument in the query. */
#define CSTAR__ARG_NAME "arg"

/** ETYPE, ELIMIT, EINVAL, EUTF8: see CSTAR_EVENT_ARG_MAX. */
cstar_status cstar__arg_check(const cstar_val *arg, cstar_err *err);
/** "?arg=17", inside a string literal; nothing if it is null. It was checked. */
void cstar__arg_add(cstar_buf *out, const cstar_val *arg);
/** What cstar_expr_with_arg() was given. */
cstar_val cstar__expr_arg(const cstar_expr *e);

/** ", options)" or ")". */
void cstar__action_end(cstar_buf *out, cstar__ending e);

#endif
