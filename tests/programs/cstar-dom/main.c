/* cstar-dom -- what the test kit's model makes of pages and patches: cstar-dom FILE.json
 *
 * Reads {"cases": [{"name", "page", "patches": [[data line, ...], ...]}]} and prints one line of
 * JSON for each: {"name", "body", "signals", "warnings"}. tests/browser/dom_model.test.mjs asks
 * the real client the same.
 * SPDX-License-Identifier: MIT */
#include "cstar/test.h"

#include <stdio.h>
#include <stdlib.h>

static cstar_str events; /* of the present case */

static void answer(cstar_conn *conn) { cstar_respond(conn, 200, "text/event-stream", events); }

static void put_event(cstar_buf *b, const cstar_json *lines) {
    const cstar_str first = cstar_json_view(cstar_json_first(lines));
    bool signals = false;
    for (const cstar_json *l = cstar_json_first(lines); l != NULL; l = cstar_json_next(l)) {
        signals = signals || strncmp(cstar_json_str(l, ""), "signals ", 8) == 0;
    }
    cstar_buf_puts(b, signals ? "event: datastar-patch-signals" : "event: datastar-patch-elements");
    for (const cstar_json *l = first.ptr != NULL ? cstar_json_first(lines) : NULL; l != NULL;
         l = cstar_json_next(l)) {
        cstar_buf_puts(b, "\ndata: ");
        cstar_buf_str(b, cstar_json_view(l));
    }
    cstar_buf_puts(b, "\n\n");
}

static cstar_test_page *run(cstar_test *t, const cstar_json *c, cstar_buf *b) {
    cstar_buf_reset(b);
    cstar_buf_puts(b, "<!doctype html><html><head><title>t</title></head><body>");
    cstar_buf_str(b, cstar_json_view(cstar_json_get(c, "page")));
    cstar_buf_puts(b, "</body></html>");
    cstar_test_page *page = cstar_test_page_of(t, cstar_buf_view(b));
    cstar_buf_reset(b);
    const cstar_json *patches = cstar_json_get(c, "patches");
    for (const cstar_json *p = cstar_json_first(patches); p != NULL; p = cstar_json_next(p)) {
        put_event(b, p);
    }
    events = cstar_buf_view(b);
    return cstar_test_apply(page, cstar_test_request(t, "/events", .datastar = true)) ? page : NULL;
}

static void print(const cstar_json *c, cstar_test_page *page, cstar_buf *b) {
    cstar_json_writer w;
    cstar_buf_reset(b);
    cstar_json_writer_init(&w, b, 0);
    cstar_json_begin_object(&w);
    cstar_json_set(&w, "name", cstar_json_get(c, "name"));
    cstar_json_set(&w, "body", cstar_test_html(page, "body"));
    cstar_json_set(&w, "signals", cstar_test_page_signals(page));
    cstar_json_set(&w, "warnings", cstar_test_warnings(page));
    cstar_json_end_object(&w);
    (void)printf("%.*s\n", (int)b->len, b->ptr);
}

static cstar_str read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    static char text[1 << 20];
    const size_t n = f != NULL ? fread(text, 1, sizeof text, f) : 0;
    if (f != NULL) {
        (void)fclose(f);
    }
    return cstar_view(text, n);
}

int main(int argc, char **argv) {
    cstar_err err = {.code = CSTAR_OK};
    cstar_arena a;
    cstar_buf b;
    cstar_arena_init(&a, cstar_heap(), (size_t)64 << 20);
    cstar_buf_init(&b, cstar_heap(), (size_t)16 << 20);
    const cstar_json *root = argc == 2 ? cstar_json_read(&a, read_file(argv[1]), NULL, &err) : NULL;
    if (root == NULL) {
        (void)fprintf(stderr, "cstar-dom FILE.json: %s\n", err.text);
        return 2;
    }
    cstar_app *app = cstar_app_new();
    cstar_route(app, CSTAR_GET, "/events", answer);
    cstar_test *t = cstar_test_new(app);
    const cstar_json *cases = cstar_json_get(root, "cases");
    for (const cstar_json *c = cstar_json_first(cases); c != NULL; c = cstar_json_next(c)) {
        cstar_test_page *page = run(t, c, &b);
        print(c, page, &b);
    }
    cstar_test_free(t);
    cstar_app_free(app);
    cstar_buf_fini(&b);
    cstar_arena_fini(&a);
    return 0;
}
