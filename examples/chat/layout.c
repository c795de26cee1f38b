/* layout.c -- the document around both pages.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

void chat_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content) {
    cstar_put(h, "<!doctype html><html lang='en'><head>");
    cstar_head(conn, h);
    cstar_put(h,
              "<link rel='stylesheet' href='{}'><link rel='icon' href='data:,'></head><body {}>"
              "<header><a class='mark' href='/'>c★ chat</a></header><main>",
              cstar_asset_path(conn, "/assets", "chat.css"), cstar_body(conn));
    cstar_flash_area(conn, h);
    cstar_put(h, "{}</main></body></html>\n", content);
}
