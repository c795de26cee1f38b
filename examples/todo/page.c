/* page.c -- the list as a tab shows it.
 *
 *     event ─▶ change the list ─▶ publish "changed" ─▶ info, of each stream ─▶ cstar_rerender_soon()
 *     event ─▶ another filter, order or page ─▶ this tab's stream alone: cstar_tab_rerender()
 *
 * SPDX-License-Identifier: MIT */
#include "todo.h"

enum { EACH_MS = 100 }; /* between two renderings for one tab */

/* What a new tab shows. Its markup has them as data-signals__ifmissing, so that a later rendering
 * does not set back what has been chosen since. */
static void mount(cstar_conn *conn) {
    cstar_assign(conn, "page_title", "Things to do");
    cstar_signal(conn, "filter", "all");
    cstar_signal(conn, "sort", "newest");
    cstar_signal(conn, "page", 1);
    cstar_signal(conn, "search", "");
    cstar_signal(conn, "title", "");
    cstar_signal(conn, "said", "");
}

static void put_head(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<link rel='stylesheet' href='{}'><link rel='icon' href='data:,'>",
              cstar_asset_path(conn, "/assets", "todo.css"));
}

/* ---- markup ---- */

static void put_add(cstar_html *h) {
    cstar_put(h,
              "<form class='add' data-on:submit='{}'><label class='unseen' for='title'>A new thing"
              "</label><input id='title' data-bind:title maxlength='80' autocomplete='off' "
              "placeholder='A new thing'><button class='main'>Add</button></form>",
              cstar_event("add"));
}

static void put_filter(cstar_html *h, const char *name, const char *label) {
    cstar_put(h,
              "<button data-on:click='$filter = {}; $page = 1; {}' "
              "data-attr:aria-pressed='$filter == {} ? \"true\" : \"false\"'>{}</button>",
              name, cstar_event("show"), name, label);
}

static void put_choices(cstar_html *h) {
    cstar_put(h, "<div class='choices'><div class='filter' role='group' aria-label='Which'>");
    put_filter(h, "all", "All");
    put_filter(h, "open", "Open");
    put_filter(h, "done", "Done");
    cstar_put(
        h,
        "</div><input type='search' data-bind:search aria-label='Search' placeholder='Search' "
        "data-on:input__debounce.200ms='$page = 1; {}'>"
        "<select data-bind:sort aria-label='Order' data-on:change='{}'>"
        "<option value='newest'>Newest first</option><option value='oldest'>Oldest first"
        "</option><option value='title'>By name</option></select></div>",
        cstar_event("show"), cstar_event("show"));
}

/* Which one it is goes with the event, as its argument. */
static void put_item(cstar_html *h, const item *it) {
    const cstar_val id = CSTAR_VAL(it->id);
    cstar_put(
        h,
        "<li id='item-{}' class='{}'><button class='check' role='checkbox' "
        "aria-checked='{}' aria-label='Done: {}' data-on:click='{}'>{}</button><span>{}</span>",
        it->id, it->done ? "done" : "open", it->done ? "true" : "false", it->title,
        cstar_event("toggle", .arg = id), it->done ? "✓" : "", it->title);
    cstar_put(h, "<button class='remove' aria-label='Remove {}' data-on:click='{}'>×</button></li>",
              it->title, cstar_event("remove", .arg = id, .verb = CSTAR_DELETE));
}

static void put_page_button(cstar_html *h, const char *label, int64_t page, const answer *a) {
    if (page < 1 || page > a->pages) {
        cstar_put(h, "<button disabled>{}</button>", label);
    } else {
        cstar_put(h, "<button data-on:click='$page = {}; {}'>{}</button>", page,
                  cstar_event("show"), label);
    }
}

static void put_foot(cstar_html *h, const answer *a) {
    cstar_put(h, "<div class='foot'><span id='open'>{} open</span><nav aria-label='Pages'>",
              a->open);
    put_page_button(h, "Back", a->page - 1, a);
    cstar_put(h, "<span id='page'>{} of {}</span>", a->page, a->pages);
    put_page_button(h, "Next", a->page + 1, a);
    cstar_put(h, "</nav><button data-on:click='{}'>Clear done</button></div>",
              cstar_event("clear"));
}

static void put_list(cstar_html *h, const answer *a) {
    cstar_put(h, "<ul id='list'>");
    for (int i = 0; i < a->nrows; i++) {
        put_item(h, &a->rows[i]);
    }
    if (a->nrows == 0) {
        cstar_put(h, "<li class='none'>Nothing here.</li>");
    }
    cstar_put(h, "</ul>");
    put_foot(h, a);
}

/* ---- what this tab shows ---- */

static question question_of(cstar_conn *conn) {
    const cstar_signals *in = cstar_tab_signals(conn);
    return (question){
        .filter = cstar_signals_str(in, "filter", "all"),
        .sort = cstar_signals_str(in, "sort", "newest"),
        .search = cstar_signals_str(in, "search", ""),
        .page = cstar_signals_int(in, "page", 1),
    };
}

static void render(cstar_conn *conn, cstar_html *h) {
    answer a;
    const question q = question_of(conn);
    const cstar_expr show = cstar_event("show");
    cstar_put(
        h, "<main id='todo' data-signals__ifmissing='{}' data-init='{}' {}><h1>Things to do</h1>",
        cstar_init_signals(conn), cstar_connect(), cstar_on_nudge("list", &show));
    put_add(h);
    put_choices(h);
    if (store_find(&q, &a)) {
        put_list(h, &a);
    } else {
        cstar_put(h, "<p id='list'>The list can't be read just now.</p>");
    }
    cstar_put(h, "<p class='said' role='status' data-text='$said'></p></main>");
}

/* ---- the stream ---- */

/* What has changed since the page was loaded, or its stream was cut off. A client that comes back
 * says again what it said first, although another filter may be chosen by now: the server knows
 * which, unless the tab was away for long, or the server is another one. Then the tab is asked: it
 * sends `show`. */
static void connect_page(cstar_conn *conn, const cstar_signals *in) {
    cstar_subscribe(conn, "todo");
    if (cstar_tab_signals_fresh(conn)) {
        cstar_rerender(conn);
    } else {
        cstar_nudge(conn, "list");
    }
}

/* However much others change: a tab is told ten times a second at most, and what it is told last is
 * how the list is. */
static void info(cstar_conn *conn, const cstar_message *m) { cstar_rerender_soon(conn, EACH_MS); }

/* ---- events ---- */

static void show(cstar_conn *conn, const cstar_signals *in) { cstar_tab_rerender(conn); }

/* To all, this tab included; without a stream it would not hear of it. */
static void changed(cstar_conn *conn, bool done) {
    cstar_signal(conn, "said",
                 done ? "" : "That could not be done: it is gone, or there is no room.");
    (void)cstar_publish(cstar_app_of(conn), "todo", .bytes = CSTAR_STR("changed"));
    if (cstar_tab(conn) == NULL) {
        cstar_rerender(conn);
    }
}

/* Each letter has one byte that does not go on with another one. */
static size_t letters(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return n;
}

static void add(cstar_conn *conn, const cstar_signals *in) {
    const char *title = cstar_signals_str(in, "title", "");
    if (title[strspn(title, " ")] == '\0' || letters(title) > TITLE_LETTERS) {
        cstar_signal(conn, "said", "A thing has 1 to 80 letters.");
        return;
    }
    if (!store_add(title)) {
        changed(conn, false);
        return;
    }
    cstar_signal(conn, "title", "");
    changed(conn, true);
}

static void toggle(cstar_conn *conn, const cstar_signals *in) {
    int64_t id;
    changed(conn, cstar_event_arg_int(conn, &id) && store_toggle(id));
}

static void drop(cstar_conn *conn, const cstar_signals *in) {
    int64_t id;
    changed(conn, cstar_event_arg_int(conn, &id) && store_remove(id));
}

static void clear(cstar_conn *conn, const cstar_signals *in) {
    (void)store_remove_done();
    changed(conn, true);
}

CSTAR_PAGE(todo_page, .mount = mount, .render = render, .head = put_head, .connect = connect_page,
           .info = info, .stream_key = cstar_session_id, .blocking = true,
           .events = CSTAR_EVENTS({"show", show}, {"add", add}, {"toggle", toggle},
                                  {"DELETE remove", drop}, {"clear", clear}));
