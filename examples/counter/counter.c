/* counter -- a page, whole: signals, an element patch, two events. Open /counter.
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

static void history(cstar_html *h, const char *last) {
    cstar_put(h, "<span id='history'>Last: {}</span>", last);          /* {} escapes for where it stands */
}

static void mount(cstar_conn *conn) {                                   /* GET /counter */
    cstar_signal(conn, "count", 0);                                     /* the browser sees it, and so do components */
    cstar_assign(conn, "page_title", "Counter");                        /* only components see it */
}

static void render(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<div data-signals='{}'><h1 data-text='$count'></h1>", cstar_init_signals(conn));
    history(h, "—");
    cstar_put(h, "<button data-on:click='{}'>+1</button>"
                 "<button data-on:click='{}'>Reset</button></div>",
              cstar_event("increment"), cstar_event("reset"));
}

static void increment(cstar_conn *conn, const cstar_signals *in) {      /* POST /counter/_event/increment */
    int64_t count = cstar_signals_int(in, "count", 0) + 1;
    cstar_signal(conn, "count", count);                                 /* patched in order, no flush to forget */
    cstar_patch(conn, h, .selector = "#history") { history(h, "+1"); }  /* rendered straight into the event */
}

static void reset(cstar_conn *conn, const cstar_signals *in) {
    cstar_signal(conn, "count", 0);
    cstar_console_log(conn, "Counter reset");
}

CSTAR_PAGE(counter, .mount = mount, .render = render,
           .events = CSTAR_EVENTS({"increment", increment}, {"reset", reset}));

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    cstar_page(app, "/counter", &counter);                              /* the one router line */
    return cstar_main(app, argc, argv);                                 /* --listen, --tls, --workers, … */
}
