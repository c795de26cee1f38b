/* html/value.h -- one value into one place.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTML_VALUE_H
#define CSTAR_HTML_VALUE_H

#include "html/context.h"

#include "cstar/html.h"

/**
 * Appends `v`, escaped for `place`. Fragments are html.c's.
 * @return CSTAR_EUNSAFE a kind of value that this place does not take, CSTAR_EINVAL a bad signal
 *         name, what a cstar_expr or JSON text says; `err` is filled. What was appended before an
 *         error is the caller's to take back.
 *         A failure of the buffer is not reported here.
 */
cstar_status cstar__value_put(cstar_buf *out, unsigned place, const cstar_val *v, cstar_err *err);

#endif
