/* wire/elements.h -- what scripts borrow from element patches.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WIRE_ELEMENTS_H
#define CSTAR_WIRE_ELEMENTS_H

#include "cstar/wire.h"

#define CSTAR__ELEMENTS_TYPE "event: datastar-patch-elements\n"

/** HTML in the middle of an elements line: a line break in it starts the next elements line. */
void cstar__elements_text(cstar_buf *out, cstar_str text);

#endif
