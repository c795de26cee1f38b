/* hello -- the smallest program.
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

static void render(cstar_conn *conn, cstar_html *h) {
    const char *name = cstar_query(conn, "name");
    cstar_put(h, "<h1>Hello, {}!</h1>", name != NULL ? name : "world");
}

CSTAR_PAGE(hello, .render = render);

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    cstar_page(app, "/", &hello);
    return cstar_main(app, argc, argv);
}
