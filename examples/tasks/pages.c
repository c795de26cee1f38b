/* pages.c -- open tasks and done ones: the same list, found while one types.
 * SPDX-License-Identifier: MIT */
#include "tasks.h"

static void rows(cstar_html *h, bool done, const char *part) {
    static _Thread_local task found[MOST_TASKS];
    const size_t n = tasks_find(done, part, found);
    cstar_put(h, "<ul id='rows'>");
    for (size_t i = 0; i < n; i++) {
        task_row(h, &found[i]);
    }
    if (n == 0 && part[0] != '\0') {
        cstar_put(h, "<li class='none'>Nothing with \xe2\x80\x9c{}\xe2\x80\x9d</li>", part);
    }
    cstar_put(h, "</ul>");
}

static void mount(cstar_conn *conn, const char *title) {
    cstar_assign(conn, "page_title", title);
    cstar_assign(conn, "ds_base", "/team/ds"); /* where main() has put the components */
    cstar_signal(conn, "search", "");
    cstar_signal(conn, "said", "");
}

static void content(cstar_conn *conn, cstar_html *h, bool done) {
    cstar_put(h, "<main data-signals='{}'><h1>{}</h1>", cstar_init_signals(conn),
              done ? "Done" : "Tasks");
    if (!done) {
        cstar_put(h,
                  "<form data-on:submit='{}'><input name='title' data-bind:title maxlength='80' "
                  "aria-label='A new task' placeholder='A new task'><button>Add</button></form>",
                  cstar_event("add"));
    }
    cstar_put(h,
              "<input type='search' data-bind:search aria-label='Search' placeholder='Search' "
              "data-on:input__debounce.200ms='{}'>",
              cstar_event("search", .verb = CSTAR_GET));
    rows(h, done, "");
    cstar_put(h, "<p role='status' data-text='$said'></p></main>");
}

static void patch_rows(cstar_conn *conn, bool done, const cstar_signals *in) {
    cstar_patch(conn, h, .selector = NULL) {
        rows(h, done, cstar_signals_str(in, "search", ""));
    }
}

/* ---- open tasks ---- */

static void mount_open(cstar_conn *conn) {
    mount(conn, "Tasks");
    cstar_signal(conn, "title", "");
}

static void render_open(cstar_conn *conn, cstar_html *h) { content(conn, h, false); }

static void search_open(cstar_conn *conn, const cstar_signals *in) { patch_rows(conn, false, in); }

static void add(cstar_conn *conn, const cstar_signals *in) {
    task t;
    if (!tasks_add(cstar_signals_str(in, "title", ""), &t)) {
        cstar_signal(conn, "said", "A task has 1 to 80 letters.");
        return;
    }
    cstar_patch(conn, h, .selector = "#rows", .mode = CSTAR_APPEND) {
        task_row(h, &t);
    }
    cstar_signal(conn, "title", "");
    cstar_signal(conn, "said", "Added.");
}

CSTAR_PAGE(open_page, .mount = mount_open, .render = render_open,
           .events = CSTAR_EVENTS({"POST add", add}, {"GET search", search_open}));

/* ---- done tasks ---- */

static void mount_done(cstar_conn *conn) { mount(conn, "Done"); }

static void render_done(cstar_conn *conn, cstar_html *h) { content(conn, h, true); }

static void search_done(cstar_conn *conn, const cstar_signals *in) { patch_rows(conn, true, in); }

CSTAR_PAGE(done_page, .mount = mount_done, .render = render_done,
           .events = CSTAR_EVENTS({"GET search", search_done}));
