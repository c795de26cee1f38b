/* layout.c -- the document around the page, and its style sheet.
 * SPDX-License-Identifier: MIT */
#include "demo.h"

void demo_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content) {
    cstar_put(h, "<!doctype html><html lang='en'><head>");
    cstar_head(conn, h);
    cstar_put(
        h,
        "<link rel='stylesheet' href='/demo.css'><link rel='icon' href='data:,'></head><body>"
        "<header><p class='mark' aria-hidden='true'>c★</p><h1>Reactive pages, in C</h1>"
        "<p>This page holds no JavaScript of its own. Attributes send signals to a C function; "
        "the function answers with patches.</p></header>"
        "<main>{}</main>"
        "<footer>cstar {} · the browser half is <a "
        "href='https://data-star.dev'>Datastar</a></footer>"
        "</body></html>\n",
        content, CSTAR_VERSION);
}

static const char style[] =
    ":root{color-scheme:light "
    "dark;--ink:#1c2333;--soft:#5b6478;--line:#d9dee8;--edge:#878fa3;--paper:#f5f7fb;--card:#fff;"
    "--accent:#3346d3;--accent-ink:#fff;--good:#15743a;--bad:#b3261e}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e8ecf6;--soft:#9aa4bb;--line:#2d3547;--edge:#"
    "69738a;--paper:#10141d;"
    "--card:#191f2c;--accent:#8c9bff;--accent-ink:#10141d;--good:#6fd596;--bad:#ff9b93}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif;"
    "display:flex;flex-direction:column;min-height:100vh}\n"
    "header,main,footer{width:min(62rem,100% - clamp(2rem,8vw,3rem));margin-inline:auto}\n"
    "header{padding:3.5rem 0 2rem}\n"
    ".mark{font-size:1.5rem;font-weight:700;color:var(--accent);margin:0}\n"
    "h1{font-size:clamp(2rem,5vw,3rem);line-height:1.1;letter-spacing:-.03em;margin:.4rem 0 "
    ".8rem;text-wrap:balance}\n"
    "header p:last-child{color:var(--soft);max-width:38rem;font-size:1.1rem;margin:0}\n"
    "main{flex:1}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(19rem,100%),1fr));gap:1."
    "5rem}\n"
    ".card{background:var(--card);border:1px solid "
    "var(--line);border-radius:1rem;padding:clamp(1.25rem,5vw,1.75rem);"
    "box-shadow:0 1px 2px #0000000d,0 8px 24px #0000000a}\n"
    "h2{margin:0;font-size:1.25rem;letter-spacing:-.01em}\n"
    ".lead{color:var(--soft);margin:.35rem 0 1.25rem}\n"
    ".count{display:block;font-size:5rem;font-weight:700;line-height:1.1;text-align:center;"
    "font-variant-numeric:tabular-nums;letter-spacing:-.03em;margin:.5rem 0 1rem}\n"
    ".row{display:flex;gap:.6rem;justify-content:center}\n"
    "button{font:inherit;font-weight:600;color:var(--accent-ink);background:var(--accent);border:"
    "1px solid transparent;"
    "border-radius:.6rem;padding:.55rem 1.2rem;cursor:pointer}\n"
    "button.quiet{color:var(--ink);background:transparent;border-color:var(--edge)}\n"
    "button:hover{filter:brightness(1.08)}button.quiet:hover{border-color:var(--ink)}\n"
    "button:disabled{opacity:.45;cursor:not-allowed}\n"
    ":focus-visible{outline:3px solid var(--accent);outline-offset:2px}\n"
    ".trail{list-style:none;margin:1.25rem 0 "
    "0;padding:0;min-height:10.1rem;font-variant-numeric:tabular-nums}\n"
    ".trail li{padding:.2rem 0;border-top:1px solid var(--line)}.trail "
    "span{float:right;color:var(--soft)}\n"
    ".trail:empty::before{content:'No clicks yet.';display:block;padding:.2rem 0;border-top:1px "
    "solid var(--line);"
    "color:var(--soft)}\n"
    "label{display:block;font-weight:600}\n"
    "input{display:block;width:100%;font:inherit;font-weight:400;color:inherit;background:"
    "transparent;border:1px solid var(--edge);"
    "border-radius:.6rem;padding:.55rem .8rem;margin-top:.3rem}\n"
    ".hint{min-height:1.55em;margin:.25rem 0 .6rem;font-size:.9rem;color:var(--soft)}\n"
    ".hint.good{color:var(--good)}.hint.bad{color:var(--bad)}\n"
    "form button{width:100%;margin-top:.4rem}\n"
    ".welcome{text-align:center;padding:1.5rem 0}.big{font-size:1.5rem;font-weight:700;margin:0}\n"
    "footer{color:var(--soft);padding:2rem 0;font-size:.9rem}a{color:var(--accent)}\n";

void demo_style(cstar_conn *conn) {
    cstar_set_header(conn, "cache-control", "no-cache");
    cstar_respond(conn, 200, "text/css; charset=utf-8", cstar_view(style, sizeof style - 1));
}
