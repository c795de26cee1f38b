/* dashboard.h -- the parts of the example.
 * SPDX-License-Identifier: MIT */
#ifndef DASHBOARD_H
#define DASHBOARD_H

#include <cstar.h>

/* ---- turbine.c ---- */

#define TURBINE_TOPIC "turbine"

typedef struct reading {
    double wind;  /* metres per second */
    double rotor; /* revolutions per minute */
    int power;    /* kilowatts */
} reading;

/** A past to start with. */
void turbine_init(void);
/** The thread: measures and publishes, until the server stops. */
void turbine_run(cstar_app *app);
reading turbine_now(void);
/** <g id='curve'>: the power of the last twelve seconds. */
void turbine_put_curve(cstar_html *h);

/* ---- page.c ---- */

CSTAR_PAGE_DECLARE(dashboard_page);

#endif
