/* auction.h -- the parts of the example.
 * SPDX-License-Identifier: MIT */
#ifndef AUCTION_H
#define AUCTION_H

#include <cstar.h>

#define AUCTION_TOPIC "auction"

/* A letter is a code point of UTF-8, and so at most four bytes. */
enum { NAME_LETTERS = 24, MOST_NAME = 4 * NAME_LETTERS, ID_SIZE = 24 };

/* ---- visitor.c ---- */

/** NULL: they have not said it yet. */
const char *visitor_name(cstar_conn *conn);
/** Never the same for two of them; "" only without memory. */
const char *visitor_id(cstar_conn *conn);
void visitor_name_post(cstar_conn *conn);
void visitor_put_form(cstar_conn *conn, cstar_html *h);

/* ---- lot.c ---- */

/** @param seconds  for each lot; what makes no sense: 90. */
void lot_init(long seconds);
/** The thread: counts down, and lets the hammer fall. */
void lot_run(cstar_app *app);
/** Seconds until then; 0: it has fallen. */
int lot_left(void);
/** <section id='lot'> */
void lot_put(cstar_html *h);
/** Subscribes, and sends what there is. */
void lot_watch(cstar_conn *conn);
/** Takes the bid or not, and tells this tab; a bid that counts, everybody. */
void lot_bid(cstar_conn *conn, int64_t euros);
/** The next one, if the hammer has fallen. */
void lot_next(cstar_conn *conn);

/* ---- people.c ---- */

/** <ul id='people'> */
void people_put(cstar_html *h);
/** Everybody hears of it. */
void people_come(cstar_conn *conn);
void people_go(cstar_conn *conn);

/* ---- page.c ---- */

CSTAR_PAGE_DECLARE(auction_page);

#endif
