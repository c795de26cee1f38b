/* layout.c -- the document around the page. Its style sheet is embedded: see assets/.
 * SPDX-License-Identifier: MIT */
#include "demo.h"

void demo_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content) {
    cstar_put(h, "<!doctype html><html lang='en'><head>");
    cstar_head(conn, h);
    cstar_put(
        h,
        "<link rel='stylesheet' href='{}'><link rel='icon' href='data:,'></head><body>"
        "<header><p class='mark' aria-hidden='true'>c★</p><h1>Reactive pages, in C</h1>"
        "<p>This page holds no JavaScript of its own. Attributes send signals to a C function; "
        "the function answers with patches.</p></header>"
        "<main>{}</main>"
        "<footer>cstar {} · the browser half is <a "
        "href='https://data-star.dev'>Datastar</a></footer>"
        "</body></html>\n",
        cstar_asset_path(conn, "/assets", "demo.css"), content, CSTAR_VERSION);
}
