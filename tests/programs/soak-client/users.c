/* soak-client/users.c -- people who go from page to page, as browsers do: one stream for each tab.
 *
 *     round: each user, five times: GET the page ─▶ POST its stream (same tab, new page) ─▶ ...
 *            ─▶ quiet: as many streams and tabs as users; all hear what is published; the rest is over
 *
 * How the old stream goes, by dice: before the next page is asked for; when its stream has begun;
 * never (the server has to end it, cleanly); or its head is not even waited for, and it goes
 * later. In the last case the server may see the pages in the other order; the newer one then
 * comes back, as the client does, and gets a tab of its own, whose name the next page has.
 *
 * SPDX-License-Identifier: MIT */
#include "fetch.h"
#include "modes.h"
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES = 5, OLD = 8, TURN_MS = 5, LATE_MS = 100, WAYS = 4, HURRY = 8 };
#define MS 1000000ULL
#define PATIENCE (120000 * MS)

typedef enum how { BEFORE, BEHIND, NEVER, HASTY } how;

typedef struct tab_stream {
    stream s; /* first */
    struct user *user;
    long heard;
    bool told, replaced; /* its tab's name; its end, by the server */
    how fate;            /* once it is old */
    uint64_t close_at;   /* ns: if hasty */
} tab_stream;

typedef struct user {
    fetch page; /* first */
    struct people *people;
    size_t index;
    tab_stream all[OLD]; /* the newest is all[at] */
    unsigned at, page_id, left;
    bool asks, wants; /* for a page; its stream is to be opened */
    char tab[80];
} user;

typedef struct people {
    loop *l;
    user *all;
    size_t n;
    long number;
    uint64_t pages, streams, ended, returned;
} people;

static tab_stream *newest(user *u) { return &u->all[u->at]; }

/* ---- streams ---- */

/* {"n":NUMBER}, or {"tabId":"NAME"}, which a page keeps for the next one. */
static void on_data(stream *s, const char *text, size_t len) {
    tab_stream *t = s->owner;
    static const char number[] = "signals {\"n\":";
    static const char name[] = "signals {\"tabId\":\"";
    if (len > sizeof number && memcmp(text, number, sizeof number - 1) == 0) {
        t->heard = strtol(text + sizeof number - 1, NULL, 10);
    } else if (len > sizeof name && memcmp(text, name, sizeof name - 1) == 0) {
        t->told = true;
        if (t == newest(t->user)) {
            (void)snprintf(t->user->tab, sizeof t->user->tab, "%.*s",
                           (int)strcspn(text + sizeof name - 1, "\""), text + sizeof name - 1);
        }
    }
}

static void on_over(stream *s, bool clean) {
    tab_stream *t = s->owner;
    if (!clean) {
        fail("a stream was cut:\n%s", s->request);
    }
    t->replaced = true;
    t->user->people->ended++;
}

static const stream_ops watching = {.data = on_data, .over = on_over};

static void say_who(user *u, stream *s) {
    char body[160];
    const int n = snprintf(body, sizeof body, "{\"tabId\":\"%s\",\"pageId\":\"%zu-%u\"}", u->tab,
                           u->index, u->page_id);
    (void)snprintf(s->request, sizeof s->request,
                   "POST /page/%u HTTP/1.1\r\nHost: soak\r\nDatastar-Request: true\r\n"
                   "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                   u->page_id % PAGES + 1, n, body);
}

static void open_stream(user *u) {
    tab_stream *t = newest(u);
    t->heard = 0;
    t->told = t->replaced = false;
    say_who(u, &t->s);
    u->people->streams++;
    stream_open(&t->s);
}

/* ---- a user ---- */

static void on_page(fetch *f) {
    user *u = (user *)f;
    if (strstr(f->answer, "data-init") == NULL) {
        fail("not a page: %.200s", f->answer);
    }
    u->asks = false;
    u->wants = true;
}

/* Goes to the next page. */
static void go(user *u) {
    char target[40];
    tab_stream *old = newest(u);
    loop *l = u->people->l;
    old->fate = (how)dice(l, WAYS);
    if (old->fate == NEVER && !old->told) { /* it may claim its tab behind the next one */
        old->fate = HASTY;
    }
    old->close_at = l->now + (1 + dice(l, LATE_MS)) * MS;
    if (old->fate == BEFORE) {
        stream_leave(&old->s, STREAM_CLOSE);
    }
    u->page_id++;
    u->left--;
    u->at = (u->at + 1) % OLD;
    newest(u)->told = newest(u)->replaced = false;
    (void)snprintf(target, sizeof target, "GET /page/%u", u->page_id % PAGES + 1);
    u->asks = true;
    u->people->pages++;
    fetch_start(&u->page, l, target);
}

/* The next page is asked for when the stream has begun; now and then before that. */
static bool may_go(user *u) {
    const tab_stream *t = newest(u);
    return u->left != 0 && !u->asks && !u->wants &&
           (t->told || (t->s.state == STREAM_BEGINNING && dice(u->people->l, HURRY) == 0));
}

static void close_old(user *u) {
    for (size_t i = 0; i < OLD; i++) {
        tab_stream *old = &u->all[i];
        const bool due = old->fate == HASTY ? u->people->l->now >= old->close_at
                                            : old->fate == BEHIND && newest(u)->told;
        if (old != newest(u) && old->s.w.fd >= 0 && due) {
            stream_leave(&old->s, STREAM_CLOSE);
        }
    }
}

static void look_at(user *u) {
    tab_stream *t = newest(u);
    close_old(u);
    if (u->wants && t->s.w.fd < 0) { /* the place is free, if it was not */
        u->wants = false;
        open_stream(u);
    } else if (t->replaced && !u->asks && !u->wants) { /* its page lives: it comes back */
        u->people->returned++;
        open_stream(u);
    } else if (may_go(u)) {
        go(u);
    }
}

/* ---- rounds ---- */

static bool is_quiet(user *u) {
    bool quiet = u->left == 0 && !u->asks && !u->wants && newest(u)->told && !newest(u)->replaced;
    for (size_t i = 0; i < OLD; i++) {
        quiet = quiet && (&u->all[i] == newest(u) || u->all[i].s.w.fd < 0);
    }
    return quiet;
}

static void expect(uint64_t since, const char *what) {
    if (now_ns() - since > PATIENCE) {
        fail("in vain: %s", what);
    }
}

static void take_turn(people *p) {
    loop_run(p->l, TURN_MS);
    for (size_t i = 0; i < p->n; i++) {
        look_at(&p->all[i]);
    }
}

static bool all_quiet(people *p) {
    for (size_t i = 0; i < p->n; i++) {
        if (!is_quiet(&p->all[i])) {
            return false;
        }
    }
    return true;
}

/* One stream for each tab, and it is the one of the page that is shown. */
static void check_quiet(people *p) {
    char target[64];
    const uint64_t since = now_ns();
    do {
        take_turn(p);
        expect(since, "one stream for each tab");
    } while (!all_quiet(p) || ask_metric(p->l, "streams") != (long)p->n ||
             ask_metric(p->l, "tabs") != (long)p->n);
    (void)snprintf(target, sizeof target, "GET /publish?n=%ld", ++p->number);
    (void)ask(p->l, target);
    for (size_t i = 0; i < p->n; i++) {
        while (newest(&p->all[i])->heard != p->number) {
            take_turn(p);
            expect(since, "that each page hears what is published");
        }
    }
    if (!all_quiet(p) || ask_metric(p->l, "streams") != (long)p->n) {
        fail("it was quiet, and now a stream more is open");
    }
}

static void make_users(people *p) {
    for (size_t i = 0; i < p->n; i++) {
        user *u = &p->all[i];
        u->page.done = on_page;
        u->page.w.fd = -1;
        u->people = p;
        u->index = i;
        for (size_t k = 0; k < OLD; k++) {
            stream_init(&u->all[k].s, p->l, &watching, &u->all[k]);
            u->all[k].user = u;
        }
        (void)snprintf(u->tab, sizeof u->tab, "tab%zu", i);
        u->wants = true; /* the first page */
    }
}

void run_users(loop *l, const mode_opts *o) {
    people p = {.l = l, .n = o->streams, .all = calloc(o->streams, sizeof(user)), .number = 1000};
    const uint64_t since = now_ns();
    if (p.all == NULL) {
        fail("out of memory");
    }
    make_users(&p);
    for (unsigned round = 0; round < o->turns; round++) {
        for (size_t i = 0; i < p.n; i++) {
            p.all[i].left = PAGES;
        }
        check_quiet(&p);
    }
    printf("{\"users\":%zu,\"rounds\":%u,\"pages\":%llu,\"streams\":%llu,\"ended\":%llu,"
           "\"returned\":%llu,\"seconds\":%.1f}\n",
           p.n, o->turns, (unsigned long long)p.pages, (unsigned long long)p.streams,
           (unsigned long long)p.ended, (unsigned long long)p.returned,
           (double)(now_ns() - since) / 1e9);
    for (size_t i = 0; i < p.n; i++) {
        for (size_t k = 0; k < OLD; k++) {
            stream_free(&p.all[i].all[k].s);
        }
    }
    free(p.all);
}
