/* live/tab_id.h -- names of browser tabs, as the signal `tabId` brings them.
 * Threads: [any thread]; no state.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_LIVE_TAB_ID_H
#define CSTAR_LIVE_TAB_ID_H

#include "cstar/base.h"

enum { CSTAR__TAB_ID_MAX = 64 }; /* bytes */

/** Whether a stream may be claimed under it: 1 to 64 bytes of UTF-8 that are not all white space
 * (Unicode's White_Space). It is used as it is, nothing is trimmed or normalised. A NUL byte is
 * refused, so that the id as a C string is the whole of it. */
bool cstar__tab_id_ok(cstar_str tab);

/**
 * The id that a duplicated tab gets: 32 hex digits, which follow from the id that it was duplicated
 * with and from its page alone. They are the same each time, on every server, also after a restart.
 * No secret and no protection: who knows both knows the result, and who may choose both can make
 * two that collide -- in their own scope.
 */
void cstar__tab_id_derive(cstar_str tab, cstar_str page, char derived[33]);

#endif
