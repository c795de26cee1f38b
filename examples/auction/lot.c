/* lot.c -- what is on sale, and what is bid for it.
 *
 * One lock, held until a change is published: so all see the bids in the order in which they
 * counted, and a tab that leads and is outbid at once hears it in this order.
 *
 * SPDX-License-Identifier: MIT */
#include "auction.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { SHOWN = 5, MORE_SECONDS = 10, MOST_EUROS = 1000000, TAB_SIZE = 160 };

static const struct {
    const char *name, *about;
    int start; /* euros */
} lots[] = {
    {"A teapot", "Blue enamel, one chip. Pours well, and only where it should.", 10},
    {"A barometer", "Brass. Has said “change” since 1974.", 40},
    {"A box of keys", "Sixty of them. One fits something.", 5},
};

enum { LOTS = sizeof lots / sizeof *lots };

typedef struct bid {
    int64_t euros;
    char id[ID_SIZE], name[MOST_NAME + 1];
    char tab[TAB_SIZE]; /* where it came from; "": that has no stream */
} bid;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows */
static int lot;                                          /* which of them */
static int duration;                                     /* seconds */
static time_t end;
static bool fallen;     /* and everybody knows */
static bid bids[SHOWN]; /* newest first */
static int nbids;

/* ---- under the lock ---- */

static int left(void) {
    const time_t now = time(NULL);
    return now < end ? (int)(end - now) : 0;
}

static void begin(int which) {
    lot = which % LOTS;
    end = time(NULL) + duration;
    fallen = false;
    nbids = 0;
}

static int64_t lowest(void) { return nbids > 0 ? bids[0].euros + 1 : lots[lot].start; }

static void put_end(cstar_html *h) {
    if (nbids == 0) {
        cstar_put(h, "<p class='end' aria-live='polite'>Nobody wanted it.</p>");
    } else {
        cstar_put(h, "<p class='end' aria-live='polite'>Sold to <b>{}</b> for € {}.</p>",
                  bids[0].name, bids[0].euros);
    }
    cstar_put(h, "<button class='next' data-on:click='{}'>The next lot</button>",
              cstar_event("next"));
}

static void put(cstar_html *h) {
    cstar_put(h, "<section id='lot'><h1>{}</h1><p class='about'>{}</p>", lots[lot].name,
              lots[lot].about);
    if (left() == 0) {
        put_end(h);
    } else {
        cstar_put(h, "<p class='price' aria-live='polite' aria-atomic='true'>{} <b>€ {}</b></p>",
                  nbids > 0 ? "Highest bid" : "Starts at",
                  nbids > 0 ? bids[0].euros : lots[lot].start);
    }
    cstar_put(h, "<ol class='bids' aria-label='Bids'>");
    for (int i = 0; i < nbids && i < SHOWN; i++) {
        cstar_put(h, "<li data-class:me='$me == {}'><span>{}</span> € {}</li>", bids[i].id,
                  bids[i].name, bids[i].euros);
    }
    cstar_put(h, "</ol></section>");
}

static void publish(cstar_app *app) {
    cstar_publish_patch(app, AUCTION_TOPIC, h, .key = "lot") { put(h); }
    cstar_publish_signal(app, AUCTION_TOPIC, "_left", left(), .key = "left");
}

/* To the tab that the event came from: by its stream, behind what that has been told before; by the
 * answer if there is no stream. */
static void tell(cstar_conn *conn, const char *text) {
    const char *tab = cstar_tab(conn);
    if (tab != NULL) {
        cstar_publish_signal(cstar_app_of(conn), tab, "said", text);
        return;
    }
    cstar_signal(conn, "said", text);
    cstar_patch(conn, h) {
        put(h);
    }
}

/* ---- bids ---- */

static bool is_mine(cstar_conn *conn, const bid *b) { return strcmp(b->id, visitor_id(conn)) == 0; }

/* @return false: `text` says why not. */
static bool check(cstar_conn *conn, int64_t euros, char text[100]) {
    if (left() == 0) {
        (void)snprintf(text, 100, "The hammer has fallen.");
    } else if (nbids > 0 && is_mine(conn, &bids[0])) {
        (void)snprintf(text, 100, "The highest bid is yours already.");
    } else if (euros < lowest() || euros > MOST_EUROS) {
        (void)snprintf(text, 100, "Bid at least € %d, in whole euros.", (int)lowest());
    } else {
        return true;
    }
    return false;
}

static void outbid(cstar_app *app, const bid *who, const bid *by) {
    char text[MOST_NAME + 80];
    (void)snprintf(text, sizeof text, "You were outbid: %s has bid € %d.", by->name,
                   (int)by->euros);
    if (who->tab[0] != '\0') { /* may have gone since: then nobody hears it */
        cstar_publish_signal(app, who->tab, "said", text);
    }
}

static void add(cstar_conn *conn, int64_t euros) {
    const char *tab = cstar_tab(conn);
    memmove(bids + 1, bids, (SHOWN - 1) * sizeof *bids);
    bids[0] = (bid){.euros = euros};
    (void)snprintf(bids[0].id, sizeof bids[0].id, "%s", visitor_id(conn));
    (void)snprintf(bids[0].name, sizeof bids[0].name, "%s", visitor_name(conn));
    (void)snprintf(bids[0].tab, sizeof bids[0].tab, "%s", tab != NULL ? tab : "");
    nbids += nbids < SHOWN;
    if (left() < MORE_SECONDS) {
        end = time(NULL) + MORE_SECONDS;
    }
}

void lot_bid(cstar_conn *conn, int64_t euros) {
    char text[100] = "The highest bid is yours.";
    (void)pthread_mutex_lock(&lock);
    if (check(conn, euros, text)) {
        add(conn, euros);
        publish(cstar_app_of(conn));
        if (nbids > 1) {
            outbid(cstar_app_of(conn), &bids[1], &bids[0]);
        }
    }
    tell(conn, text);
    (void)pthread_mutex_unlock(&lock);
}

/* ---- the end, and the next one ---- */

static void fall(cstar_app *app) {
    fallen = true;
    publish(app);
    if (nbids > 0 && bids[0].tab[0] != '\0') {
        cstar_publish_signal(app, bids[0].tab, "said", "It is yours. Come and fetch it.");
    }
}

void lot_run(cstar_app *app) {
    int told = -1;
    while (cstar_sleep(app, 200)) {
        (void)pthread_mutex_lock(&lock);
        if (left() == 0 && !fallen) {
            fall(app);
        } else if (left() != told) {
            cstar_publish_signal(app, AUCTION_TOPIC, "_left", left(), .key = "left");
        }
        told = left();
        (void)pthread_mutex_unlock(&lock);
    }
}

void lot_next(cstar_conn *conn) {
    (void)pthread_mutex_lock(&lock);
    if (left() == 0) {
        begin(lot + 1);
        publish(cstar_app_of(conn));
    }
    tell(conn, "");
    (void)pthread_mutex_unlock(&lock);
}

/* ---- for the page ---- */

void lot_init(long seconds) {
    duration = seconds > 0 && seconds < 86400 ? (int)seconds : 90;
    begin(0);
}

int lot_left(void) {
    (void)pthread_mutex_lock(&lock);
    const int n = left();
    (void)pthread_mutex_unlock(&lock);
    return n;
}

void lot_put(cstar_html *h) {
    (void)pthread_mutex_lock(&lock);
    put(h);
    (void)pthread_mutex_unlock(&lock);
}

void lot_watch(cstar_conn *conn) {
    (void)pthread_mutex_lock(&lock);
    cstar_subscribe(conn, AUCTION_TOPIC);
    cstar_signal(conn, "_left", left());
    cstar_patch(conn, h) {
        put(h);
    }
    (void)pthread_mutex_unlock(&lock);
}
