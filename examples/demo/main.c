/* demo -- what `make run` serves: one page with a counter and a form that validates while you type.
 * SPDX-License-Identifier: MIT */
#include "demo.h"

#include <assets.h>

static void mount(cstar_conn *conn) {
    cstar_assign(conn, "page_title", "cstar demo");
    counter_mount(conn);
    signup_mount(conn);
}

static void render(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<div class='cards' data-signals='{}'>", cstar_init_signals(conn));
    counter_card(h);
    signup_card(h);
    cstar_put(h, "</div>");
}

CSTAR_PAGE(home, .mount = mount, .render = render, .layout = demo_layout,
           .events = CSTAR_EVENTS({"add", counter_add}, {"subtract", counter_subtract},
                                  {"reset", counter_reset}, {"validate", signup_validate},
                                  {"submit", signup_submit}, {"again", signup_again}));

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    cstar_page(app, "/", &home);
    cstar_static_embedded(app, "/assets", &assets);
    return cstar_main(app, argc, argv);
}
