/* auction -- bids against each other, until the hammer falls. What to look at:
 *
 *     lot.c       what is on sale: bids, the end, the winner, and a thread that counts down
 *     people.c    who is here, by name: connect and disconnect of the streams, which have a little
 *                 memory of their own
 *     page.c      the page, its stream, its events
 *     visitor.c   a name in the session, and the session's id
 *
 * Everybody sees each bid as a patch that is rendered once. One tab alone hears that it was outbid:
 * the handler of its bid has kept the address of its own tab, cstar_tab(), with the bid.
 *
 * A bid that comes in the last ten seconds gives everybody ten seconds more.
 *
 *     auction                             then open http://127.0.0.1:8080 in two browsers
 *     AUCTION_SECONDS=30 auction          90 otherwise
 *
 * SPDX-License-Identifier: MIT */
#include "auction.h"

#include <assets.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    const char *seconds = getenv("AUCTION_SECONDS");
    cstar_app *app = cstar_app_new();
    lot_init(seconds != NULL ? strtol(seconds, NULL, 10) : 90);
    cstar_thread(app, lot_run);
    cstar_sessions(app, .secrets_env = "AUCTION_SECRET");
    cstar_csp(app, CSTAR_CSP_STRICT);
    cstar_page(app, "/", &auction_page);
    cstar_route(app, CSTAR_POST, "/name", visitor_name_post);
    cstar_static_embedded(app, "/assets", &assets);
    return cstar_main(app, argc, argv);
}
