/* web/view.h -- views, as the app sees them. Private.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_WEB_VIEW_H
#define CSTAR_WEB_VIEW_H

#include "web/app.h"

#include "cstar/view.h"

/** Of a new app. @return false: out of memory. */
bool cstar__views_open(cstar_app *app);
/** Nobody renders or says anything any more. */
void cstar__views_close(cstar_app *app);
/** [worker 0's thread] Renders what is due, and sees to it that it is called again when the next one
 * is. @return whether there was any. */
bool cstar__views_run(cstar_app *app);
/** [worker 0's thread] When that is, on cstar__app_ticks(); UINT64_MAX: nothing is to be done. */
uint64_t cstar__views_next(const cstar_app *app);

#endif
