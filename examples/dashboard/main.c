/* dashboard -- numbers and a chart that change ten times a second. What to look at:
 *
 *     main.c      a thread of the app: it lives as long as the server does
 *     turbine.c   where the numbers come from, and how they are told to all: three signals in one
 *                 patch, and the chart's curve, rendered here as SVG
 *     page.c      the page, its stream, and a button that pauses this tab and no other
 *
 * Each update is rendered once, however many watch, and not at all while nobody does. Its patches
 * have a key: what still waits for a slow reader is replaced by what is newer, and if it takes
 * nothing at all, the oldest goes (.slow = CSTAR_SLOW_DROP). For numbers like these the newest is
 * all that counts.
 *
 * The wind is made up.
 *
 *     dashboard                           then open http://127.0.0.1:8080 in two windows
 *
 * SPDX-License-Identifier: MIT */
#include "dashboard.h"

#include <assets.h>

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    turbine_init();
    cstar_thread(app, turbine_run);
    cstar_sessions(app, .secrets_env = "DASHBOARD_SECRET");
    cstar_csp(app, CSTAR_CSP_STRICT);
    cstar_page(app, "/", &dashboard_page);
    cstar_static_embedded(app, "/assets", &assets);
    return cstar_main(app, argc, argv);
}
