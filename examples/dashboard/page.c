/* page.c -- what one sees of it.
 *
 * A tab is paused by having its stream listen to nothing: no byte is sent to it meanwhile. The
 * button's event comes by another request than the stream, so it sends the stream a message, which
 * `info` gets; cstar_tab() is the address of just this tab's stream.
 *
 * SPDX-License-Identifier: MIT */
#include "dashboard.h"

static void mount(cstar_conn *conn) {
    const reading r = turbine_now();
    cstar_assign(conn, "page_title", "Wind turbine");
    cstar_signal(conn, "wind", r.wind);
    cstar_signal(conn, "rotor", r.rotor);
    cstar_signal(conn, "power", r.power);
    cstar_signal_bool(conn, "paused", false);
}

static void put_head(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<link rel='stylesheet' href='{}'><link rel='icon' href='data:,'>",
              cstar_asset_path(conn, "/assets", "dashboard.css"));
}

/* ---- markup ---- */

static void put_numbers(cstar_html *h) {
    cstar_put(h,
              "<dl class='numbers'>"
              "<div><dt>Power</dt><dd><b id='power' data-text='$power'></b> kW</dd></div>"
              "<div><dt>Wind</dt><dd><b id='wind' data-text='$wind.toFixed(1)'></b> m/s</dd></div>"
              "<div><dt>Rotor</dt><dd><b data-text='$rotor.toFixed(1)'></b> rpm</dd></div></dl>");
}

static void put_chart(cstar_html *h) {
    cstar_put(h,
              "<figure><figcaption>Power, the last twelve seconds</figcaption>"
              "<div class='chart'><ol class='scale' aria-hidden='true'><li>2000</li><li>1500</li>"
              "<li>1000</li><li>500</li><li>0 kW</li></ol>"
              "<svg viewBox='0 0 1190 1000' preserveAspectRatio='none' role='img' "
              "aria-label='Power over time'><path class='grid' "
              "d='M0 0H1190M0 250H1190M0 500H1190M0 750H1190M0 1000H1190'/>");
    turbine_put_curve(h);
    cstar_put(h, "</svg></div></figure>");
}

static void render(cstar_conn *conn, cstar_html *h) {
    const cstar_expr pause = cstar_event("pause");
    cstar_put(h,
              "<main data-signals='{}' data-init='{}'><header><h1>Wind turbine</h1>"
              "<button {} data-on:click='$paused = !$paused; {}' "
              "data-attr:aria-pressed='$paused ? \"true\" : \"false\"' "
              "data-text='$paused ? \"Go on\" : \"Pause\"'>Pause</button></header>",
              cstar_init_signals(conn), cstar_connect(), cstar_on_nudge("pause", &pause), pause);
    put_numbers(h);
    put_chart(h);
    cstar_put(h, "</main>");
}

/* ---- the stream ---- */

static void listen(cstar_conn *conn) {
    cstar_subscribe(conn, TURBINE_TOPIC);
    cstar_patch(conn, h, .ns = CSTAR_NS_SVG) { /* not only with the next reading */
        turbine_put_curve(h);
    }
}

/* A client that comes back says again what it said first, although the button may have been pressed
 * since. So the tab is asked, and sends its event with the signals that it has now. */
static void connect_page(cstar_conn *conn, const cstar_signals *in) { cstar_nudge(conn, "pause"); }

static void info(cstar_conn *conn, const cstar_message *m) {
    if (cstar_str_eq(m->bytes, CSTAR_STR("pause"))) {
        cstar_unsubscribe(conn, TURBINE_TOPIC);
    } else {
        listen(conn);
    }
}

static void set_paused(cstar_conn *conn, const cstar_signals *in) {
    const char *tab = cstar_tab(conn);
    const bool paused = cstar_signals_bool(in, "paused", false);
    if (tab != NULL) { /* else the stream is down, and asks when it is back */
        (void)cstar_publish(cstar_app_of(conn), tab,
                            .bytes = paused ? CSTAR_STR("pause") : CSTAR_STR("go on"));
    }
}

CSTAR_PAGE(dashboard_page, .mount = mount, .render = render, .head = put_head,
           .connect = connect_page, .info = info, .stream_key = cstar_session_id,
           .events = CSTAR_EVENTS({"pause", set_paused}), .slow = CSTAR_SLOW_DROP,
           .max_waiting = (size_t)64 << 10);
