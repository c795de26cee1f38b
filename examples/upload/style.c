/* style.c -- the document around the page, and its style sheet.
 * SPDX-License-Identifier: MIT */
#include "upload.h"

void upload_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content) {
    cstar_put(h, "<!doctype html><html lang='en'><head>");
    cstar_head(conn, h);
    cstar_put(h,
              "<link rel='stylesheet' href='/upload.css'><link rel='icon' href='data:,'></head>"
              "<body><header><h1>Upload</h1><p>Files arrive piece by piece; the bar moves by a "
              "signal; the server judges the form.</p></header><main>{}</main></body></html>\n",
              content);
}

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1c2333;--soft:#5b6478;--line:#d9dee8;--edge:#878fa3;"
    "--paper:#f5f7fb;--card:#fff;--accent:#3346d3;--accent-ink:#fff;--bad:#b3261e}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e8ecf6;--soft:#9aa4bb;--line:#2d3547;"
    "--edge:#69738a;--paper:#10141d;--card:#191f2c;--accent:#8c9bff;--accent-ink:#10141d;"
    "--bad:#ff9b93}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}\n"
    "header,main{width:min(58rem,100% - clamp(2rem,8vw,3rem));margin-inline:auto}\n"
    "header{padding:3rem 0 2rem}header p{color:var(--soft);max-width:36rem;margin:0}\n"
    "h1{font-size:clamp(2rem,5vw,3rem);line-height:1.1;letter-spacing:-.03em;margin:0 0 .6rem}\n"
    "h2{margin:0 0 1rem;font-size:1.25rem;letter-spacing:-.01em}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(19rem,100%),1fr));"
    "gap:1.5rem;align-items:start;padding-bottom:3rem}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:1rem;min-width:0;"
    "padding:clamp(1.25rem,5vw,1.75rem);box-shadow:0 1px 2px #0000000d,0 8px 24px #0000000a}\n"
    "label{display:block;font-weight:600}\n"
    "input{display:block;width:100%;font:inherit;font-weight:400;color:inherit;"
    "background:transparent;border:1px solid var(--edge);border-radius:.6rem;"
    "padding:.55rem .8rem;margin-top:.3rem}\n"
    "input[type=file]{border-style:dashed;padding:1.1rem .8rem}\n"
    "input[type=file]::file-selector-button{font:inherit;color:var(--ink);background:transparent;"
    "border:1px solid var(--edge);border-radius:.5rem;padding:.25rem .8rem;margin-right:.8rem;"
    "cursor:pointer}\n"
    ".hint{min-height:1.55em;margin:.25rem 0 .5rem;font-size:.9rem;color:var(--bad)}\n"
    "button{width:100%;font:inherit;font-weight:600;color:var(--accent-ink);"
    "background:var(--accent);border:1px solid transparent;border-radius:.6rem;"
    "padding:.6rem 1.2rem;cursor:pointer}\n"
    "button:hover{filter:brightness(1.08)}button:disabled{opacity:.45;cursor:not-allowed}\n"
    ":focus-visible{outline:3px solid var(--accent);outline-offset:2px}\n"
    ".bar{display:flex;gap:.8rem;align-items:center;margin-top:1.1rem}\n"
    "progress{flex:1;height:.6rem;appearance:none;border:0;border-radius:.3rem;overflow:hidden;"
    "background:var(--line)}\n"
    "progress::-webkit-progress-bar{background:var(--line)}\n"
    "progress::-webkit-progress-value{background:var(--accent);transition:width .2s}\n"
    "progress::-moz-progress-bar{background:var(--accent)}\n"
    "output{min-width:3.2rem;text-align:right;font-variant-numeric:tabular-nums}\n"
    ".lead{color:var(--soft);margin:0}#title{color:var(--ink);font-weight:600}\n"
    "ul{list-style:none;margin:.8rem 0 0;padding:0}\n"
    "li{display:flex;flex-wrap:wrap;gap:.1rem 1rem;padding:.55rem 0;"
    "border-top:1px solid var(--line)}\n"
    "li b{flex:1 1 100%;overflow-wrap:anywhere;font-weight:600}\n"
    "li span{color:var(--soft);font-size:.9rem;font-variant-numeric:tabular-nums}\n";

void upload_style(cstar_conn *conn) {
    cstar_set_header(conn, "cache-control", "no-cache");
    cstar_respond(conn, 200, "text/css; charset=utf-8", cstar_view(style, sizeof style - 1));
}
