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

/** ", options)" or ")". */
void cstar__action_end(cstar_buf *out, cstar__ending e);

#endif
