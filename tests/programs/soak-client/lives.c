/* soak-client/lives.c -- N streams at any time; each lives a while, and goes in a random way.
 *
 *     open N ─▶ POST /pour ─▶ leave, come again, take tabs over (SECONDS) ─▶ POST /poured
 *     ─▶ everybody has the last of everything ─▶ all leave
 *
 * 1 % never read: half of them for ever, half until they come again (they were cut, and can't see
 * it). 2 % read a little now and then; those of them that drop have the last of everything, too.
 * The others read all that comes, and are never cut. Each slot has one plan for ever. A slot with
 * a tab has one of its own, and now and then takes another one's, whose stream the server then
 * ends: that one comes back to its own.
 *
 * SPDX-License-Identifier: MIT */
#include "fetch.h"
#include "finals.h"
#include "modes.h"
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    OPENING = 1000, /* at a time */
    SIP = 2048,
    PAD = 400,
    TURN_MS = 5,
    SIP_MS = 50,
    LEFT_MS = 300, /* that who has half-closed goes on reading */
    LONGEST_LIFE_MS = 30000,
    JOINS = 1 << 18,
    PAGES = 8, /* a tab's page comes back, once in so many */
};
#define MS 1000000ULL
#define PATIENCE (120000 * MS)

typedef struct plan {
    const char *target;
    bool tab, returns, loose, zipped;
} plan;

/* What a stream subscribes to, and how. */
static const plan plans[] = {
    {"/hear/a0,e0?slim=1&waiting=50000000", false, false, false, false},
    {"/hear/a1,c0?waiting=50000000", false, false, false, false},
    {"/hear/m0,a2?waiting=50000000", false, false, false, false},
    {"/hear/a0,a1?waiting=50000000&scope=s", true, false, false, false},
    {"/hear/r0,r1?waiting=50000000", false, true, false, false},
    {"/hear-late/e0,m0?waiting=50000000&scope=u", true, false, false, false},
    {"/hear/a2,e0,c1?waiting=50000000&every=500&ping=200", false, false, false, false},
    {"/hear/r0?slim=1&waiting=50000000", false, true, false, false},
    {"/hear/a2,e0?waiting=50000000", false, false, false, true},
    {"/hear/e0,m0,c0?waiting=50000000&scope=z&ping=300", true, false, false, true},
};
static const plan slow_plans[] = {
    {"/hear/a0,c0?waiting=16384&drop=1", false, false, true, false},
    {"/hear/a0,e0?waiting=16384", false, false, false, false},
    {"/hear/e0,m0?waiting=16384&drop=1", false, false, true, false},
    {"/hear/a0,a1?waiting=16384&scope=t&grace=100", true, false, false, false},
    {"/hear/e0,c0?waiting=16384&drop=1", false, false, true, true},
};
enum { PLANS = sizeof plans / sizeof *plans, SLOW_PLANS = sizeof slow_plans / sizeof *slow_plans };

typedef struct life {
    stream s; /* first */
    const plan *plan;
    struct crowd *crowd;
    size_t index;
    unsigned page;
    size_t tab; /* whose */
    uint32_t topics;
    uint64_t since; /* ns: it asked */
    uint64_t until; /* ns: it leaves then; 0: it does not */
    bool left;      /* it has said so */
    bool resumes;   /* it has said an id */
} life;

typedef struct crowd {
    loop *l;
    const mode_opts *o;
    life *all;
    bool leaving, closing; /* streams come and go; it is over */
    size_t opening, most, least;
    uint32_t *joins; /* how long each took until its head, in us */
    size_t njoins;
    uint64_t here, turns; /* the streams of all turns, while they come and go */
    uint64_t opened, events, bytes, left[3], ended, cut, forced, returned, resumed, gaps;
} crowd;

/* Several lives in the time there is. */
static uint64_t a_while(const crowd *c) {
    const uint64_t ms = (uint64_t)(c->o->seconds * 1000) / 2;
    return (20 + dice(c->l, ms < LONGEST_LIFE_MS ? ms + 1 : LONGEST_LIFE_MS)) * MS;
}

static bool is_healthy(const life *f) { return f->s.habit == STREAM_READS; }

/* ---- what happens to a stream ---- */

static void on_begun(stream *s) {
    life *f = (life *)s;
    f->crowd->opening--;
    if (!f->crowd->leaving) {
        return;
    }
    f->until = s->l->now + a_while(f->crowd);
    if (f->crowd->njoins < JOINS) {
        f->crowd->joins[f->crowd->njoins++] = (uint32_t)((s->l->now - f->since) / 1000);
    }
}

/* {"resumed":BOOL} comes before all else. */
static void on_data(stream *s, const char *text, size_t len) {
    life *f = (life *)s;
    static const char name[] = "signals {\"resumed\":";
    if (len <= sizeof name || memcmp(text, name, sizeof name - 1) != 0) {
        return;
    }
    const bool resumed = text[sizeof name - 1] == 't';
    if (resumed && !f->resumes) {
        fail("%.80s\nit resumes, and has never been there", s->request);
    }
    if (!resumed) {
        book_allow_gap(&s->b);
    }
    f->crowd->resumed += resumed;
    f->crowd->gaps += f->resumes && !resumed;
}

static void on_over(stream *s, bool clean) {
    life *f = (life *)s;
    crowd *c = f->crowd;
    if (!reader_has_begun(&s->r) && s->habit != STREAM_STALLS) {
        c->opening--;
    }
    if (c->closing || f->left) {
        return;
    }
    c->ended += clean;
    c->cut += !clean && !is_healthy(f);
    c->forced += !clean && is_healthy(f) && f->plan->tab;
    if (!f->plan->tab && is_healthy(f)) {
        fail("%.80s\nit read all that came, and the server has %s it", s->request,
             clean ? "ended" : "cut");
    }
}

static const stream_ops watching = {.begun = on_begun, .data = on_data, .over = on_over};

/* ---- coming ---- */

/* Sometimes that of another slot with the same plan. */
static size_t choose_tab(life *f) {
    crowd *c = f->crowd;
    const size_t steps = c->leaving && dice(c->l, 4) == 0 ? dice(c->l, c->o->streams / PLANS) : 0;
    const size_t other = (f->index + steps * PLANS) % c->o->streams;
    return c->all[other].plan == f->plan ? other : f->index;
}

static void put_request(life *f) {
    char tab[160] = "";
    char id[80] = "";
    const char *zip = f->plan->zipped && gunzip_is_here() ? "Accept-Encoding: gzip\r\n" : "";
    f->resumes = f->plan->returns && f->s.r.id[0] != '\0';
    if (f->plan->tab) {
        f->page += dice(f->crowd->l, PAGES) != 0;
        f->tab = choose_tab(f);
        (void)snprintf(
            tab, sizeof tab,
            "&datastar=%%7B%%22tabId%%22:%%22t%zu%%22,%%22pageId%%22:%%22p%zu-%u%%22%%7D", f->tab,
            f->index, f->page);
    }
    if (f->resumes) {
        (void)snprintf(id, sizeof id, "Last-Event-ID: %s\r\n", f->s.r.id);
    }
    (void)snprintf(f->s.request, sizeof f->s.request, "GET %s%s HTTP/1.1\r\nHost: soak\r\n%s%s\r\n",
                   f->plan->target, tab, zip, id);
}

static void come(life *f) {
    put_request(f);
    if (f->resumes) {
        f->crowd->returned++;
    } else {
        f->s.b = (book){.loose = f->plan->loose};
    }
    f->since = f->crowd->l->now;
    f->until = 0;
    f->left = false;
    f->crowd->opened++;
    f->crowd->opening++;
    stream_open(&f->s);
    if (f->s.habit == STREAM_STALLS) { /* its head is not waited for */
        f->crowd->opening--;
        f->until = f->crowd->l->now + a_while(f->crowd);
    }
}

static void make_life(crowd *c, size_t i) {
    life *f = &c->all[i];
    stream_init(&f->s, c->l, &watching, NULL);
    f->crowd = c;
    f->index = i;
    f->plan = &plans[i % PLANS];
    if (i % 100 < 3) {
        f->s.habit = i % 100 == 0 ? STREAM_STALLS : STREAM_SIPS;
        f->plan = &slow_plans[i / 100 % SLOW_PLANS];
    }
    f->topics = mark_topics(strstr(f->plan->target + 1, "/") + 1);
}

/* ---- leaving ---- */

static void leave(life *f) {
    const stream_way way = (stream_way)dice(f->crowd->l, 3);
    f->crowd->left[way]++;
    f->left = true;
    stream_leave(&f->s, way);
}

/* Its time is over, or it has another one's tab when each should have its own. */
static bool is_to_leave(const life *f) {
    const bool stranger = f->plan->tab && f->tab != f->index;
    return f->s.state == STREAM_LIVE &&
           (f->crowd->leaving ? f->until != 0 && f->crowd->l->now >= f->until : stranger);
}

/* It may have been cut, and can't see it. */
static bool is_to_vanish(const life *f) {
    return f->s.habit == STREAM_STALLS && f->s.state != STREAM_IDLE && !f->plan->loose &&
           f->crowd->leaving && f->crowd->l->now >= f->until;
}

static void look_at(life *f) {
    crowd *c = f->crowd;
    if (f->s.state == STREAM_IDLE && c->opening < OPENING && !c->closing) {
        come(f);
    } else if (is_to_leave(f)) {
        leave(f);
    } else if (is_to_vanish(f)) {
        stream_leave(&f->s, STREAM_RESET);
    } else if (f->s.state == STREAM_LEFT && c->l->now >= f->until + LEFT_MS * MS) {
        stream_leave(&f->s, STREAM_CLOSE);
    }
}

static void take_turn(crowd *c) {
    static uint64_t sipped;
    const bool sip = c->l->now - sipped >= SIP_MS * MS;
    size_t here = 0;
    loop_run(c->l, TURN_MS);
    sipped = sip ? c->l->now : sipped;
    for (size_t i = 0; i < c->o->streams; i++) {
        if (sip) {
            stream_sip(&c->all[i].s, SIP);
        }
        look_at(&c->all[i]);
        here += c->all[i].s.state == STREAM_LIVE || c->all[i].s.habit == STREAM_STALLS;
    }
    c->here += c->leaving ? here : 0;
    c->turns += c->leaving;
    c->least = c->leaving && here < c->least ? here : c->least;
    c->most = here > c->most ? here : c->most;
}

/* ---- the end ---- */

static void wait_until_all_are_here(crowd *c) {
    const uint64_t since = now_ns();
    size_t lacking = 1;
    while (lacking != 0) {
        lacking = 0;
        take_turn(c);
        for (size_t i = 0; i < c->o->streams; i++) {
            const stream *s = &c->all[i].s;
            lacking += s->habit != STREAM_STALLS && s->state != STREAM_LIVE;
        }
        if (now_ns() - since > PATIENCE) {
            fail("%zu streams do not begin", lacking);
        }
    }
}

static bool has_all(const life *f, const finals *last) {
    return f->s.habit != STREAM_READS || finals_reached(last, f->topics, &f->s.b);
}

/* The newest is never what is dropped. */
static void drink(crowd *c) {
    for (size_t i = 0; i < c->o->streams; i++) {
        if (c->all[i].plan->loose && c->all[i].s.habit == STREAM_SIPS) {
            stream_drink(&c->all[i].s);
        }
    }
}

static void wait_until_all_have_it(crowd *c, const finals *last) {
    const uint64_t since = now_ns();
    const life *lacks = c->all;
    while (lacks != NULL) {
        take_turn(c);
        lacks = NULL;
        for (size_t i = 0; i < c->o->streams && lacks == NULL; i++) {
            lacks = has_all(&c->all[i], last) ? NULL : &c->all[i];
        }
        if (now_ns() - since > PATIENCE) {
            fail("%.80s\nit lacks the last of what was published", lacks->s.request);
        }
    }
}

static int compare(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void tell_joins(const crowd *c) {
    qsort(c->joins, c->njoins, sizeof *c->joins, compare);
    const size_t half = c->njoins / 2;
    const size_t most = c->njoins - c->njoins / 100;
    if (most != 0) {
        printf("\"join_p50_ms\":%.1f,\"join_p99_ms\":%.1f,", (double)c->joins[half] / 1e3,
               (double)c->joins[most - 1] / 1e3);
    }
}

static void tell(const crowd *c, const char *counts, double seconds, uint64_t events) {
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    const double cpu = (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
                       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("{\"seconds\":%.1f,\"events\":%llu,\"per_second\":%.0f,\"bytes\":%llu,\"opened\":%llu,"
           "\"most\":%zu,\"least\":%zu,\"mean\":%llu,",
           seconds, (unsigned long long)events, (double)events / seconds,
           (unsigned long long)c->bytes, (unsigned long long)c->opened, c->most, c->least,
           (unsigned long long)(c->here / c->turns));
    tell_joins(c);
    printf("\"closed\":%llu,\"reset\":%llu,\"half_closed\":%llu,\"taken_over\":%llu,"
           "\"forced\":%llu,\"cut\":%llu,\"returned\":%llu,\"resumed\":%llu,\"gaps\":%llu,",
           (unsigned long long)c->left[0], (unsigned long long)c->left[1],
           (unsigned long long)c->left[2], (unsigned long long)c->ended,
           (unsigned long long)c->forced, (unsigned long long)c->cut,
           (unsigned long long)c->returned, (unsigned long long)c->resumed,
           (unsigned long long)c->gaps);
    printf("\"published\":%ld,\"refused\":%ld,\"failed\":%ld,\"publish_mean_ns\":%ld,"
           "\"publish_max_us\":%ld,\"client_cpu\":%.1f}\n",
           finals_number(counts, "published"), finals_number(counts, "refused"),
           finals_number(counts, "failed"), finals_number(counts, "mean_ns"),
           finals_number(counts, "max_us"), cpu);
}

static uint64_t count_events(crowd *c) {
    uint64_t events = 0;
    c->bytes = 0;
    for (size_t i = 0; i < c->o->streams; i++) {
        events += c->all[i].s.events;
        c->bytes += c->all[i].s.bytes;
    }
    return events;
}

static void all_leave(crowd *c) {
    c->closing = true;
    for (size_t i = 0; i < c->o->streams; i++) {
        if (c->all[i].s.w.fd >= 0) {
            stream_leave(&c->all[i].s, i % 2 == 0 ? STREAM_CLOSE : STREAM_RESET);
        }
        stream_free(&c->all[i].s);
    }
}

/* Of everything there was some, however slow the machine is. */
static bool was_lively(const crowd *c) {
    return c->opened >= c->o->streams * 3 / 2 && c->left[STREAM_CLOSE] != 0 &&
           c->left[STREAM_RESET] != 0 && c->left[STREAM_HALF_CLOSE] != 0 && c->ended != 0 &&
           c->resumed != 0;
}

static double come_and_go(crowd *c) {
    const uint64_t since = now_ns();
    c->leaving = true;
    c->least = c->o->streams;
    for (size_t i = 0; i < c->o->streams; i++) {
        c->all[i].until = c->l->now + a_while(c);
    }
    while (now_ns() - since < (uint64_t)(c->o->seconds * 1e9) || !was_lively(c)) {
        take_turn(c);
        if (now_ns() - since > (uint64_t)(c->o->seconds * 1e9) + PATIENCE) {
            fail("in vain: that streams come, go, take tabs over, and resume");
        }
    }
    c->leaving = false;
    return (double)(now_ns() - since) / 1e9;
}

void run_lives(loop *l, const mode_opts *o) {
    static char counts[8192];
    char target[128];
    finals last;
    crowd c = {.l = l,
               .o = o,
               .all = calloc(o->streams, sizeof(life)),
               .joins = calloc(JOINS, sizeof(uint32_t))};
    if (c.all == NULL || c.joins == NULL) {
        fail("out of memory");
    }
    for (size_t i = 0; i < o->streams; i++) {
        make_life(&c, i);
    }
    wait_until_all_are_here(&c);
    (void)snprintf(target, sizeof target, "POST /pour?topics=%s&threads=%u&pad=%d", o->topics,
                   o->publishers, (int)PAD);
    (void)ask(l, target);
    const double seconds = come_and_go(&c);
    const uint64_t events = count_events(&c);
    wait_until_all_are_here(&c);
    (void)snprintf(counts, sizeof counts, "%s", ask(l, "POST /poured"));
    finals_read(&last, counts);
    drink(&c);
    wait_until_all_have_it(&c, &last);
    tell(&c, counts, seconds, events);
    all_leave(&c);
    free(c.all);
    free(c.joins);
}
