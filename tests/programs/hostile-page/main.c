/* hostile-page -- puts whatever strings it is given into every place that takes one, for
 * tests/browser/hostile.test.mjs.
 *
 *     GET /?s0=...&s1=...     each string as text, attribute, URL, expression, signal
 *     its events              the same strings, back from the browser's signals, as patches,
 *     scripts, log lines, redirects
 *
 * The strings come from the test, so that nothing but the escaping under test stands between them
 * and the browser.
 *
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

#include <stdio.h>

#define MAX_STRINGS 80

/* "s7": the name of a query parameter or signal. */
typedef struct name {
    char text[16];
} name;

static name numbered(const char *stem, int i) {
    name n;
    (void)snprintf(n.text, sizeof n.text, "%s%d", stem, i);
    return n;
}

/* The signal of that name, as an expression; a name can't be put together by `{}`. */
static cstar_status write_signal(const cstar_expr *self, cstar_buf *out, cstar_err *err) {
    (void)err;
    cstar_buf_byte(out, '$');
    cstar_buf_puts(out, self->b);
    cstar_buf_int(out, self->n);
    return CSTAR_OK;
}

static cstar_expr signal_of(const char *stem, int i) {
    return (cstar_expr){.write = write_signal, .b = stem, .n = i};
}

/* ---- the page ---- */

static void mount(cstar_conn *conn) {
    const char *s = NULL;
    for (int i = 0; i < MAX_STRINGS && (s = cstar_query(conn, numbered("s", i).text)) != NULL;
         i++) {
        cstar_signal(conn, numbered("s", i).text, s);
        cstar_signal(conn, numbered("e", i).text, "");
    }
    cstar_signal(conn, "clicked", "");
    cstar_signal(conn, "echo", "");
    cstar_signal(conn, "go", "");
    const char *title = cstar_query(conn, "title");
    cstar_assign(conn, "page_title", title != NULL ? title : "hostile");
}

static void markup_places(cstar_html *h, const char *s) {
    cstar_put(h,
              "<td class='text'>{}</td><td class='single' title='{}'></td><td class=\"double\" "
              "title=\"{}\"></td>",
              s, s, s);
    cstar_put(h, "<td><textarea>{}</textarea></td><td class='mixed' title='a {} b {} c'>x{}y</td>",
              s, s, s, s);
    cstar_put(h,
              "<td><a class='whole' href='{}'>a</a><a class='part' "
              "href='/landed?q={}&amp;end=1'>b</a></td>",
              s, s);
}

static void expression_places(cstar_html *h, int i, const char *s) {
    cstar_put(h,
              "<td class='literal' data-text='{}'></td><td class='literal2' data-text=\"{}\"></td>",
              s, s);
    cstar_put(h, "<td class='inside' data-text='\"<\" + \"{}\" + \">\"'></td>", s);
    cstar_put(h, "<td class='inside2' data-text=\"'<' + '{}' + '>'\"></td>", s);
    cstar_put(h, "<td class='set' data-attr:title='{}'></td>", s);
    cstar_put(h, "<td class='object' data-signals='{{\"o{}\": {}}}' data-text='{}'></td>", i, s,
              signal_of("o", i));
    cstar_put(h, "<td class='initial' data-text='{}'></td><td class='later' data-text='{}'></td>",
              signal_of("s", i), signal_of("e", i));
    cstar_put(h, "<td><button class='assign' data-on:click='$clicked = {}'>assign</button></td>",
              s);
}

static void row(cstar_html *h, int i, const char *s) {
    cstar_put(h, "<tr id='r{}'>", i);
    markup_places(h, s);
    expression_places(h, i, s);
    if (s[0] != '\0') { /* no URL can have an empty segment */
        cstar_put(h, "<td><button class='post' data-on:click='{}'>post</button></td>",
                  cstar_post("echo", s));
    }
    cstar_put(h, "</tr>");
}

static void button(cstar_html *h, const char *event) {
    cstar_put(h, "<button id='{}' data-on:click='{}'>{}</button>", event, cstar_event(event),
              event);
}

static void render(cstar_conn *conn, cstar_html *h) {
    static const char *const events[] = {"elements", "signals", "script", "console", "redirect"};
    const char *s = NULL;
    cstar_put(h, "<div data-signals='{}'>", cstar_init_signals(conn));
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        button(h, events[i]);
    }
    cstar_put(h, "<input id='go' data-bind='go'><p id='clicked' data-text='$clicked'></p><p "
                 "id='echo' data-text='$echo'></p>");
    cstar_put(h, "<table>");
    for (int i = 0; i < MAX_STRINGS && (s = cstar_query(conn, numbered("s", i).text)) != NULL;
         i++) {
        row(h, i, s);
    }
    cstar_put(h, "</table><ul id='list'></ul></div>");
}

/* ---- events ---- */

static const char *given(const cstar_signals *in, int i) {
    return cstar_signals_str(in, numbered("s", i).text, NULL);
}

static void elements(cstar_conn *conn, const cstar_signals *in) {
    const char *s = NULL;
    cstar_patch(conn, h, .selector = "#list", .mode = CSTAR_INNER) {
        for (int i = 0; i < MAX_STRINGS && (s = given(in, i)) != NULL; i++) {
            cstar_put(h, "<li id='p{}' title='{}'>{}</li>\n<li id='x{}' data-text='{}'></li>\n", i,
                      s, s, i, s);
        }
    }
}

static void signals(cstar_conn *conn, const cstar_signals *in) {
    const char *s = NULL;
    for (int i = 0; i < MAX_STRINGS && (s = given(in, i)) != NULL; i++) {
        cstar_signal(conn, numbered("e", i).text, s, .event_id = s);
    }
}

/* JavaScript that a program has written itself: only the library keeps "</script" in its strings
 * from ending the element. */
static void script(cstar_conn *conn, const cstar_signals *in) {
    const char *s = NULL;
    for (int i = 0; i < MAX_STRINGS && (s = given(in, i)) != NULL; i++) {
        cstar_buf js;
        cstar_buf_init(&js, cstar_heap(), 0);
        cstar_buf_lit(&js, "window.got.push(\"");
        cstar_buf_json(&js, cstar_cstr(s), CSTAR_ESC_LINES);
        cstar_buf_lit(&js, "\")");
        cstar_attr attrs[] = {
            {"data-note", CSTAR_VAL(s)},
            {"data-effect", CSTAR_VAL("window.notes.push(el.dataset.note), el.remove()")}};
        cstar_execute_script(conn, NULL, .script_str = cstar_buf_view(&js), .attrs = attrs,
                             .nattrs = 2);
        cstar_buf_fini(&js);
    }
}

static void console(cstar_conn *conn, const cstar_signals *in) {
    const char *s = NULL;
    for (int i = 0; i < MAX_STRINGS && (s = given(in, i)) != NULL; i++) {
        cstar_console_log(conn, s, .level = i % 2 == 0 ? CSTAR_LOG : CSTAR_INFO);
    }
}

/* Says when it is done, for the test of destinations that go nowhere. */
static void redirect(cstar_conn *conn, const cstar_signals *in) {
    const char *go = cstar_signals_str(in, "go", "");
    cstar_redirect(conn, go);
    cstar_signal(conn, "echo", go);
}

CSTAR_PAGE(hostile, .mount = mount, .render = render,
           .events = CSTAR_EVENTS({"elements", elements}, {"signals", signals}, {"script", script},
                                  {"console", console}, {"redirect", redirect}));

/* ---- where links and redirects lead ---- */

static void render_landed(cstar_conn *conn, cstar_html *h) {
    const char *q = cstar_query(conn, "q");
    cstar_put(h, "<p id='landed'>{}</p>", q != NULL ? q : "nothing");
}

CSTAR_PAGE(landed, .render = render_landed);

/* What cstar_post() calls: the name of the event comes back as a signal. */
static void echo(cstar_conn *conn) {
    cstar_start(conn);
    cstar_signal(conn, "echo", cstar_param(conn, "event"));
}

int main(int argc, char **argv) {
    cstar_app *app = cstar_app_new();
    cstar_page(app, "/", &hostile);
    cstar_page(app, "/landed", &landed);
    cstar_route(app, CSTAR_POST, "/ds/echo/:event", echo);
    return cstar_main(app, argc, argv);
}
