/* wire/signals.h -- the head of a signals patch, for the files that write their own JSON behind it.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WIRE_SIGNALS_H
#define CSTAR_WIRE_SIGNALS_H

#include "cstar/wire.h"

#define CSTAR__SIGNALS_PREFIX "data: signals "

/** Head and onlyIfMissing line, not the prefix of the JSON. `s` NULL: defaults. The retry was
 * checked. */
void cstar__signals_head(cstar_buf *out, const cstar_signals_patch *s);

#endif
