/* layout.c -- the document around every page: who is here, the flash messages, the content.
 * SPDX-License-Identifier: MIT */
#include "login.h"

static void put_account(cstar_conn *conn, cstar_html *h) {
    const char *name = login_name(conn);
    if (name == NULL) {
        return;
    }
    cstar_put(h,
              "<form class='account' method='post' action='/logout'><span>Logged in as <b>{}</b>"
              "</span>",
              name);
    cstar_csrf_field(conn, h);
    cstar_put(h, "<button class='quiet'>Log out</button></form>");
}

void login_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content) {
    cstar_put(h, "<!doctype html><html lang='en'><head>");
    cstar_head(conn, h);
    cstar_put(h,
              "<link rel='stylesheet' href='{}'><link rel='icon' href='data:,'></head><body {}>"
              "<header><a class='mark' href='/'>c★ notes</a>",
              cstar_asset_path(conn, "/assets", "login.css"), cstar_body(conn));
    put_account(conn, h);
    cstar_put(h, "</header><main>");
    cstar_flash_area(conn, h);
    cstar_put(h, "{}</main></body></html>\n", content);
}
