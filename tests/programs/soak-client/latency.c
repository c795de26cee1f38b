/* soak-client/latency.c -- how late events are for those who read, while some have stopped to.
 *
 *     N readers, for all of it ─▶ turn: [with: N / 100 that stall, and are full] ─▶ paced events,
 *     each with the time at which it was published ─▶ p50, p99 ─▶ turn ... without, with, with, ...
 *
 * Half of those who stall drop what does not fit, and stay; the other half is cut for it. That the
 * readers miss nothing is checked by their books.
 *
 * SPDX-License-Identifier: MIT */
#include "fetch.h"
#include "finals.h"
#include "modes.h"
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TURN_MS = 5,
    PACE_US = 20000,
    PER_SECOND = 50,
    PAD = 1000,
    BIG = 4000,
    TURNS = 64,
    PATIENCE_S = 120
};

static const char reads[] = "GET /hear/a0?waiting=262144 HTTP/1.1\r\nHost: soak\r\n\r\n";
static const char drops[] = "GET /hear/a0,e0?waiting=65536&drop=1 HTTP/1.1\r\nHost: soak\r\n\r\n";
static const char is_cut[] = "GET /hear/a0,e0?waiting=65536 HTTP/1.1\r\nHost: soak\r\n\r\n";

typedef struct clock_face {
    loop *l;
    size_t n, nstalled;
    stream *readers, *stalled;
    bool measures;
    uint32_t *us; /* what was measured in this turn: tenths of a microsecond */
    size_t nus, cap;
    double p50[2][TURNS], p99[2][TURNS]; /* without, with */
} clock_face;

static void on_marked(stream *s, const mark *m) {
    clock_face *c = s->owner;
    if (c->measures && c->nus < c->cap) {
        c->us[c->nus++] = (uint32_t)((s->l->now - m->at) / 100);
    }
}

static void on_over(stream *s, bool clean) {
    if (s->habit != STREAM_STALLS) {
        fail("a reader's stream was %s", clean ? "ended" : "cut");
    }
}

static const stream_ops watching = {.marked = on_marked, .over = on_over};

static int compare_us(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int compare_double(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void expect(uint64_t since, const char *what) {
    if (now_ns() - since > PATIENCE_S * 1000000000ULL) {
        fail("in vain: %s", what);
    }
}

/* Each question is a connection of its own: not as fast as can be. */
static void wait_a_little(uint64_t since, const char *what) {
    const struct timespec t = {.tv_nsec = 5000000};
    expect(since, what);
    (void)nanosleep(&t, NULL);
}

/* ---- readers ---- */

static void open_one(clock_face *c, stream *s, stream_habit habit, const char *request) {
    stream_init(s, c->l, &watching, c);
    s->habit = habit;
    (void)snprintf(s->request, sizeof s->request, "%s", request);
    stream_open(s);
}

static void open_readers(clock_face *c) {
    const uint64_t since = now_ns();
    for (size_t i = 0; i < c->n; i++) {
        open_one(c, &c->readers[i], STREAM_READS, reads);
        while (c->readers[i].state == STREAM_CONNECTING ||
               (i % 100 == 99 && c->readers[i].state != STREAM_LIVE)) {
            loop_run(c->l, TURN_MS);
        }
    }
    while (ask_metric(c->l, "streams") != (long)c->n) {
        wait_a_little(since, "that all readers have their streams");
    }
}

static void open_stalled(clock_face *c) {
    const uint64_t since = now_ns();
    const long streams = ask_metric(c->l, "streams");
    const long dropped = ask_metric(c->l, "dropped_total");
    char target[96];
    for (size_t i = 0; i < c->nstalled; i++) {
        open_one(c, &c->stalled[i], STREAM_STALLS, i % 2 == 0 ? drops : is_cut);
    }
    while (ask_metric(c->l, "streams") != streams + (long)c->nstalled) {
        wait_a_little(since, "that those who stall have their streams");
    }
    (void)snprintf(target, sizeof target, "POST /pour?topics=e0&n=100&pad=%d", BIG);
    while (ask_metric(c->l, "dropped_total") < dropped + 100) { /* until nothing more fits */
        (void)ask(c->l, target);
        (void)ask(c->l, "POST /poured");
        wait_a_little(since, "that the connections of those who stall are full");
    }
}

/* ---- a turn ---- */

static bool all_have(const clock_face *c, const finals *last) {
    for (size_t i = 0; i < c->n; i++) {
        if (!finals_reached(last, mark_topics("a0"), &c->readers[i].b)) {
            return false;
        }
    }
    return true;
}

static void pour(clock_face *c, long events) {
    finals last;
    char target[96];
    const uint64_t since = now_ns();
    (void)snprintf(target, sizeof target, "POST /pour?topics=a0&n=%ld&pause=%d&pad=%d", events,
                   (int)PACE_US, (int)PAD);
    (void)ask(c->l, target);
    const uint64_t ns = (uint64_t)events * PACE_US * 1000U;
    while (now_ns() - since < ns) { /* all else would be noise */
        loop_run(c->l, TURN_MS);
    }
    finals_read(&last, ask(c->l, "POST /poured"));
    while (!all_have(c, &last)) {
        loop_run(c->l, TURN_MS);
        expect(since + ns, "that all readers have the last event");
    }
}

static void take_turn(clock_face *c, bool with, unsigned turn, double seconds) {
    const uint64_t since = now_ns();
    const long events = (long)(seconds * PER_SECOND) + 1;
    if (with) {
        open_stalled(c);
    }
    c->nus = 0;
    c->measures = true;
    pour(c, events);
    c->measures = false;
    const size_t at_half = c->nus / 2;
    const size_t at_99 = c->nus - c->nus / 100 - 1;
    qsort(c->us, c->nus, sizeof *c->us, compare_us);
    c->p50[with][turn] = (double)c->us[at_half] / 10;
    c->p99[with][turn] = (double)c->us[at_99] / 10;
    for (size_t i = 0; with && i < c->nstalled; i++) {
        stream_free(&c->stalled[i]);
    }
    while (ask_metric(c->l, "streams") != (long)c->n) {
        wait_a_little(since, "that those who stalled are gone");
    }
}

static double median(double *all, unsigned n) {
    qsort(all, n, sizeof *all, compare_double);
    return n % 2 != 0 ? all[n / 2] : (all[n / 2 - 1] + all[n / 2]) / 2;
}

static void tell(clock_face *c, unsigned turns) {
    const char *counts = ask(c->l, "GET /poured");
    const double p99[2] = {median(c->p99[0], turns), median(c->p99[1], turns)};
    printf("{\"readers\":%zu,\"stalled\":%zu,\"turns\":%u,\"published\":%ld,\"refused\":%ld,"
           "\"publish_mean_ns\":%ld,\"publish_max_us\":%ld,\"over_ms\":%ld,",
           c->n, c->nstalled, turns, finals_number(counts, "published"),
           finals_number(counts, "refused"), finals_number(counts, "mean_ns"),
           finals_number(counts, "max_us"), finals_number(counts, "over_ms"));
    printf("\"without\":{\"p50_us\":%.0f,\"p99_us\":%.0f,\"p99_least\":%.0f,\"p99_most\":%.0f},",
           median(c->p50[0], turns), p99[0], c->p99[0][0], c->p99[0][turns - 1]);
    printf("\"with\":{\"p50_us\":%.0f,\"p99_us\":%.0f,\"p99_least\":%.0f,\"p99_most\":%.0f},"
           "\"p99_ratio\":%.2f}\n",
           median(c->p50[1], turns), p99[1], c->p99[1][0], c->p99[1][turns - 1], p99[1] / p99[0]);
}

void run_latency(loop *l, const mode_opts *o) {
    static clock_face c;
    c.l = l;
    c.nstalled = (o->streams + 99) / 100;
    c.n = o->streams - c.nstalled;
    c.cap = c.n * (size_t)(o->seconds * PER_SECOND + 2);
    c.readers = calloc(c.n, sizeof *c.readers);
    c.stalled = calloc(c.nstalled, sizeof *c.stalled);
    c.us = calloc(c.cap, sizeof *c.us);
    if (c.readers == NULL || c.stalled == NULL || c.us == NULL || o->turns == 0 ||
        o->turns > TURNS) {
        fail("out of memory, or no turns");
    }
    open_readers(&c);
    pour(&c, PER_SECOND / 2); /* the server's memory is cold */
    for (unsigned turn = 0; turn < o->turns;
         turn++) { /* whoever is the first is the last of the next */
        take_turn(&c, turn % 2 != 0, turn, o->seconds);
        take_turn(&c, turn % 2 == 0, turn, o->seconds);
    }
    tell(&c, o->turns);
    for (size_t i = 0; i < c.n; i++) {
        stream_free(&c.readers[i]);
    }
    free(c.readers);
    free(c.stalled);
    free(c.us);
}
