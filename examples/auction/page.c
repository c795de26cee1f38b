/* page.c -- the auction as one sees it.
 * SPDX-License-Identifier: MIT */
#include "auction.h"

static void mount(cstar_conn *conn) {
    cstar_assign(conn, "page_title", "Auction");
    if (visitor_name(conn) != NULL) {
        cstar_signal(conn, "me", visitor_id(conn));
        cstar_signal(conn, "amount", "");
        cstar_signal(conn, "said", "");
        cstar_signal(conn, "_left", lot_left());
    }
}

/* The stream and the events count on a name. */
static void authorize(cstar_conn *conn, const char *event) {
    if (visitor_name(conn) == NULL) {
        cstar_respond_text(conn, 401, "Say who you are first");
    }
}

static void put_head(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<link rel='stylesheet' href='{}'><link rel='icon' href='data:,'>",
              cstar_asset_path(conn, "/assets", "auction.css"));
}

/* ---- markup ---- */

static void put_door(cstar_conn *conn, cstar_html *h) {
    cstar_put(h,
              "<main class='door card'><h1>Auction</h1><p class='about'>Say who you are, and bid."
              "</p>");
    cstar_flash_area(conn, h);
    visitor_put_form(conn, h);
    cstar_put(h, "</main>");
}

static void put_clock(cstar_html *h) {
    cstar_put(h, "<p class='clock' role='timer' data-class:soon='$_left <= 10' "
                 "data-text='Math.floor($_left / 60) + \":\" + "
                 "String($_left % 60).padStart(2, \"0\")'></p>");
}

static void put_bid(cstar_html *h) {
    cstar_put(h,
              "<form class='bid' data-on:submit='{}'><label for='amount'>Your bid, in euros</label>"
              "<input id='amount' data-bind:amount inputmode='numeric' autocomplete='off' "
              "data-attr:disabled='$_left == 0'>"
              "<button data-attr:disabled='$_left == 0'>Bid</button></form>"
              "<p class='said' role='status' data-text='$said'></p>",
              cstar_event("bid"));
}

static void render(cstar_conn *conn, cstar_html *h) {
    if (visitor_name(conn) == NULL) {
        put_door(conn, h);
        return;
    }
    cstar_put(h, "<main class='floor' data-signals='{}' data-init='{}'><div class='card'>",
              cstar_init_signals(conn), cstar_connect());
    put_clock(h);
    lot_put(h);
    put_bid(h);
    cstar_put(h, "</div><aside class='card'><h2>Here</h2>");
    people_put(h);
    cstar_put(h, "</aside></main>");
}

/* ---- the stream ---- */

static void connect_page(cstar_conn *conn, const cstar_signals *in) {
    lot_watch(conn);
    people_come(conn);
}

/* ---- events ---- */

/* What is no number is no bid: -1. */
static int64_t euros_of(const char *text) {
    int64_t n = 0;
    text += strspn(text, " ");
    for (; *text >= '0' && *text <= '9' && n < 100000000; text++) {
        n = n * 10 + (*text - '0');
    }
    return text[strspn(text, " ")] == '\0' ? n : -1;
}

static void bid(cstar_conn *conn, const cstar_signals *in) {
    lot_bid(conn, euros_of(cstar_signals_str(in, "amount", "")));
    cstar_signal(conn, "amount", "");
}

static void next(cstar_conn *conn, const cstar_signals *in) { lot_next(conn); }

CSTAR_PAGE(auction_page, .mount = mount, .authorize = authorize, .render = render, .head = put_head,
           .connect = connect_page, .disconnect = people_go, .stream_key = cstar_session_id,
           .events = CSTAR_EVENTS({"bid", bid}, {"next", next}));
