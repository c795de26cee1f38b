/* counter.c -- a number that lives in the browser and grows on the server.
 * SPDX-License-Identifier: MIT */
#include "demo.h"

enum { TRAIL = 5 }; /* lines */

void counter_mount(cstar_conn *conn) {
    cstar_signal(conn, "count", 0);
    cstar_signal(conn, "moves", 0);
}

static void trail_line(cstar_html *h, int64_t from, int64_t to) {
    cstar_put(h, "<li><b>{}</b> → <b>{}</b> <span>{}</span></li>", from, to,
              to > from   ? "one up"
              : to < from ? "one down"
                          : "no change");
}

void counter_card(cstar_html *h) {
    cstar_put(
        h,
        "<section class='card' aria-labelledby='counter-title'>"
        "<h2 id='counter-title'>Counter</h2>"
        "<p class='lead'>Each click is a request. The answer patches a signal and prepends a "
        "line.</p>"
        "<output class='count' id='count' data-text='$count' aria-live='polite'>0</output>"
        "<div class='row'>"
        "<button class='quiet' id='subtract' data-on:click='{}' aria-label='one down'>−1</button>"
        "<button id='add' data-on:click='{}' aria-label='one up'>+1</button>"
        "<button class='quiet' id='reset' data-on:click='{}'>Reset</button>"
        "</div><ol class='trail' id='trail'></ol></section>",
        cstar_event("subtract"), cstar_event("add"), cstar_event("reset"));
}

static void move_to(cstar_conn *conn, const cstar_signals *in, int64_t from, int64_t to) {
    int64_t moves = cstar_signals_int(in, "moves", 0);
    cstar_signal(conn, "count", to);
    cstar_signal(conn, "moves", moves < TRAIL ? moves + 1 : TRAIL);
    cstar_patch(conn, h, .selector = "#trail", .mode = CSTAR_PREPEND) {
        trail_line(h, from, to);
    }
    if (moves >= TRAIL) {
        cstar_remove_elements(conn, "#trail li:nth-child(n+6)");
    }
}

void counter_add(cstar_conn *conn, const cstar_signals *in) {
    int64_t count = cstar_signals_int(in, "count", 0);
    move_to(conn, in, count, count < INT32_MAX ? count + 1 : count);
}

void counter_subtract(cstar_conn *conn, const cstar_signals *in) {
    int64_t count = cstar_signals_int(in, "count", 0);
    move_to(conn, in, count, count > INT32_MIN ? count - 1 : count);
}

void counter_reset(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_signal(conn, "count", 0);
    cstar_signal(conn, "moves", 0);
    cstar_patch(conn, h, .selector = "#trail", .mode = CSTAR_INNER) {
        cstar_put(h, "");
    }
    cstar_console_log(conn, "Counter reset");
}
