/* wire/elements.h -- what scripts borrow from element patches.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WIRE_ELEMENTS_H
#define CSTAR_WIRE_ELEMENTS_H

#include "cstar/wire.h"

#define CSTAR__ELEMENTS_TYPE "event: datastar-patch-elements\n"

/** Refuses what cstar_format_patch_elements() refuses, without writing. */
cstar_status cstar__elements_check(const cstar_elements *e, cstar_err *err);
/** "outer", "html"; static. The value has been checked. */
const char *cstar__mode_name(cstar_mode mode);
const char *cstar__ns_name(cstar_ns ns);

/** HTML in the middle of an elements line: a line break in it starts the next elements line. */
void cstar__elements_text(cstar_buf *out, cstar_str text);

#endif
