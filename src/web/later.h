/* web/later.h -- calls of the application after its handler has returned, with the handler's conn.
 *
 * The conn and what was allocated before stay as they are; what such a call allocates is gone when it
 * returns, so that a stream of any length has a bounded size.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_LATER_H
#define CSTAR_WEB_LATER_H

#include "web/app.h"

/* An assign of the handler's, as it was when the handler returned. */
typedef struct cstar__kept_assign {
    cstar__assign *assign;
    cstar_val value;
} cstar__kept_assign;

typedef struct cstar__later {
    cstar_arena scratch; /* the conn's memory during a call */
    cstar__kept_assign *assigns;
    size_t nassigns;
} cstar__later;

/** Once, when the handler has returned: also moves conn->out to the heap, which lasts. CSTAR_ENOMEM:
 * nothing has changed. cstar__later_fini() in any case. */
cstar_status cstar__later_init(cstar__later *l, cstar_conn *conn);
void cstar__later_fini(cstar__later *l);

/* One call:
 *     cstar_conn before;
 *     cstar__later_begin(l, conn, &before);
 *     ... the application ...
 *     cstar__later_end(l, conn, &before);         // settles an open patch; its error is logged
 * @return whether it had no error. @param keep  bytes of scratch memory to keep for the next one */
void cstar__later_begin(cstar__later *l, cstar_conn *conn, cstar_conn *before);
bool cstar__later_end(cstar__later *l, cstar_conn *conn, cstar_conn *before, size_t keep);

#endif
