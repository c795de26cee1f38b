/* tasks -- a list on two pages: rows that are one component, search while typing, removal that asks
 * first.
 * SPDX-License-Identifier: MIT */
#include "tasks.h"

#include <assets.h>

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    tasks_fill();
    cstar_app_layout(app, tasks_layout);
    cstar_page(app, "/", &open_page);
    cstar_page(app, "/done", &done_page);
    cstar_components(app, "/team/ds", &task_component);
    cstar_static_embedded(app, "/assets", &assets);
    return cstar_main(app, argc, argv);
}
