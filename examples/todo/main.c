/* todo -- a list on SQLite that many people see at once, each filtered, sorted and paged in their
 * own way. What to look at:
 *
 *     store.c     the database: one writer, any number of readers who don't wait for it
 *     page.c      one page. Whoever changes something publishes the message "changed"; each tab's
 *                 stream then renders the page again for what that tab shows, and patches it
 *
 * The stream of a tab knows the signals of the tab's last event (cstar_tab_signals()), so there is
 * no round trip to ask for them. All that a tab shows of the list comes by its stream, in order: an
 * answer on another connection might overtake a later state. Only while there is no stream do
 * events answer with the list themselves.
 *
 * Changes wait for the disk, so the page is `.blocking`: its events run on a thread of the pool.
 * What the stream does runs on its loop all the same. It only reads, from memory mostly: some 50
 * microseconds, during which a loop can do nothing else. That is all right for a list, and would
 * not be for a report.
 *
 *     todo                                the list is in todo.db
 *     TODO_DB=/tmp/list.db todo
 *
 * SPDX-License-Identifier: MIT */
#include "todo.h"

#include <assets.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    const char *path = getenv("TODO_DB");
    if (!store_open(path != NULL ? path : "todo.db")) {
        (void)fprintf(stderr, "todo: %s can't be opened\n", path != NULL ? path : "todo.db");
        return 1;
    }
    cstar_app *app = cstar_app_new();
    cstar_sessions(app, .secrets_env = "TODO_SECRET");
    cstar_csp(app, CSTAR_CSP_STRICT);
    cstar_page(app, "/", &todo_page);
    cstar_static_embedded(app, "/assets", &assets);
    const int status = cstar_main(app, argc, argv);
    store_close();
    return status;
}
