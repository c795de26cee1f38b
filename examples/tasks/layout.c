/* layout.c -- the document around both pages.
 * SPDX-License-Identifier: MIT */
#include "tasks.h"

void tasks_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content) {
    cstar_put(h, "<!doctype html><html lang='en'><head>");
    cstar_head(conn, h);
    cstar_put(h,
              "<link rel='stylesheet' href='{}'></head><body {}><nav><a href='/'>Tasks</a>"
              "<a href='/done'>Done</a></nav>",
              cstar_asset_path(conn, "/assets", "tasks.css"), cstar_body(conn));
    cstar_put(h, "{}</body></html>\n", content);
}
