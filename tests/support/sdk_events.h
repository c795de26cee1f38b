/* sdk_events.h -- the input of the official SDK tests, as events.
 *
 * {"events": [{"type": "patchElements", "elements": "...", ...}, ...]}; types patchElements,
 * patchSignals, executeScript. Used by cstar-cases and by the conformance server.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_SDK_EVENTS_H
#define CSTAR_TESTS_SDK_EVENTS_H

#include "cstar/wire.h"

/** Appends every event of `input`, in order. @param scratch  for copies. On an error `out` has the
 * events before it. */
cstar_status sdk_format_events(cstar_buf *out, const cstar_json *input, cstar_arena *scratch,
                               cstar_err *err);

#endif
