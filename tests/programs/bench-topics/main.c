/* bench-topics -- whether the number of topics and tabs matters: in the process, no socket, no loop.
 *
 *     bench-topics [turns]
 *
 *     publishing   to one of 1 000 topics and to one of 1 000 000, of 1 000 streams that count, with one
 *                  topic each or with 1 000: from the message to the count. "same": to one topic again
 *                  and again; "any": to one at random each time, which a million topics do not find in
 *                  the cache. tools/bench.sh measures the same through sockets, too
 *     claiming     with 1 000 tabs and with 100 000. "new": a tab comes, and goes; "any": one of them
 *                  is taken over, at random, and the claim that it had is released
 *
 * The small one and the large one take turns. Prints "name small_ns large_ns ratio": medians over the
 * turns, of the ratio too.
 * SPDX-License-Identifier: MIT */
#include "live/hub.h"
#include "live/registry.h"
#include "live/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { STREAMS = 1000, OPS = 4000, TURNS = 61, MOST_TURNS = 1001 };

static uint64_t now_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void die(const char *what) {
    (void)fprintf(stderr, "bench-topics: %s\n", what);
    exit(1);
}

static uint64_t next_random(uint64_t *state) { /* xorshift64 */
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ---- topics ---- */

typedef struct topics {
    cstar__hub *hub;
    size_t n, per_stream;
    cstar__exchange *exchanges;
    cstar__exchange_pool pool;
    uint64_t random, heard;
    bool any;
} topics;

static void count(cstar__live *s, const char *topic, const cstar__packet *p) {
    (void)topic;
    (void)p;
    ((topics *)cstar__live_user(s))->heard++;
}

static const cstar__live_ops count_ops = {.info = count};
static const cstar__live_conf count_conf = {
    .ops = &count_ops, .ping_ms = 15000, .grace_ms = 500, .max_waiting = 1 << 18};

static cstar_str topic_name(char name[24], size_t i) {
    const int len = snprintf(name, 24, "room:%zu", i);
    return cstar_view(name, (size_t)len);
}

static void open_stream(topics *t, size_t i) {
    char name[24];
    cstar__room *room = cstar__hub_room(t->hub, 0);
    cstar__live *s = cstar__live_new(room, 0);
    if (s == NULL) {
        die("out of memory");
    }
    cstar__live_set_conf(s, &count_conf, t);
    for (size_t k = 0; k < t->per_stream; k++) {
        if (cstar__live_subscribe(s, topic_name(name, i * t->per_stream + k)) != CSTAR_OK) {
            die("subscribe");
        }
    }
    t->exchanges[i] = (cstar__exchange){.pool = &t->pool, .peer = &cstar__nobody};
    cstar__live_start(s, &t->exchanges[i]);
    while (cstar__room_open_mail(room)) {
    }
}

static topics *topics_new(size_t n) {
    topics *t = calloc(1, sizeof *t);
    if (t == NULL) {
        die("out of memory");
    }
    t->hub = cstar__hub_new(&(cstar__hub_opts){.rooms = 1, .seed = {1, 2}});
    t->exchanges = calloc(STREAMS, sizeof *t->exchanges);
    if (t->hub == NULL || t->exchanges == NULL) {
        die("out of memory");
    }
    t->n = n;
    t->per_stream = n / STREAMS;
    t->random = 88172645463325252U;
    for (size_t i = 0; i < STREAMS; i++) {
        open_stream(t, i);
    }
    return t;
}

static void publish_one(topics *t) {
    char name[24];
    const size_t at = t->any ? next_random(&t->random) % t->n : t->n / 2;
    cstar__packet *p =
        cstar__packet_copy(cstar_heap(), CSTAR_STR("{\"price\":108}"), CSTAR__PACKET_BYTES);
    if (p == NULL || cstar__hub_publish(t->hub, topic_name(name, at), p) != CSTAR_OK) {
        die("publish");
    }
    cstar__packet_unref(p);
    (void)cstar__room_open_mail(cstar__hub_room(t->hub, 0));
}

/* ---- tabs ---- */

typedef struct owner { /* as a stream knows itself */
    uint64_t stream, generation;
} owner;

typedef struct tabs {
    cstar__registry *registry;
    size_t n;
    owner *owners;
    uint64_t random, last;
} tabs;

static cstar__tab tab_name(char name[40], size_t i) {
    const int len = snprintf(name, 40, "8c5e1f0a-3b7d-4e62-9a41-%012zx", i);
    return (cstar__tab){.scope = CSTAR_STR("/board"), .tab = cstar_view(name, (size_t)len)};
}

static void claim_one(tabs *t, size_t at) {
    char name[40];
    cstar__claim c;
    const cstar__tab tab = tab_name(name, at);
    const owner old = t->owners[at];
    const uint64_t stream = ++t->last;
    if (cstar__registry_claim(t->registry, &tab, stream, &c) != CSTAR_OK ||
        c.replaces != (old.stream != 0)) {
        die("claim");
    }
    if (c.replaces) {
        cstar__registry_release(t->registry, &tab, old.stream, old.generation);
    }
    t->owners[at] = (owner){stream, c.generation};
}

/* Beside those that are there. */
static void claim_new(tabs *t) {
    char name[40];
    cstar__claim c;
    const uint64_t stream = ++t->last;
    const cstar__tab tab = tab_name(name, t->n + stream);
    if (cstar__registry_claim(t->registry, &tab, stream, &c) != CSTAR_OK || c.replaces) {
        die("claim");
    }
    cstar__registry_release(t->registry, &tab, stream, c.generation);
}

static tabs *tabs_new(size_t n) {
    tabs *t = calloc(1, sizeof *t);
    if (t == NULL) {
        die("out of memory");
    }
    t->registry = cstar__registry_new(&(cstar__registry_opts){.seed = {1, 2}});
    t->owners = calloc(n, sizeof *t->owners);
    if (t->registry == NULL || t->owners == NULL) {
        die("out of memory");
    }
    t->n = n;
    t->random = 88172645463325252U;
    for (size_t i = 0; i < n; i++) {
        claim_one(t, i);
    }
    return t;
}

/* ---- turns ---- */

static void publish(void *arg) { publish_one(arg); }
static void claim_fresh(void *arg) { claim_new(arg); }
static void claim_any(void *arg) {
    tabs *t = arg;
    claim_one(t, next_random(&t->random) % t->n);
}

static double turn(void (*op)(void *arg), void *arg) {
    const uint64_t since = now_ns();
    for (int i = 0; i < OPS; i++) {
        op(arg);
    }
    return (double)(now_ns() - since) / OPS;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n) {
    qsort(v, n, sizeof *v, compare);
    return v[n / 2];
}

static void take_turns(const char *name, size_t turns, void (*op)(void *arg), void *both[2]) {
    static double small[MOST_TURNS];
    static double large[MOST_TURNS];
    static double ratio[MOST_TURNS];
    for (size_t i = 0; i < turns; i++) {
        small[i] = turn(op, both[0]);
        large[i] = turn(op, both[1]);
        ratio[i] = large[i] / small[i];
    }
    printf("%s %.0f %.0f %.2f\n", name, median(small, turns), median(large, turns),
           median(ratio, turns));
    (void)fflush(stdout);
}

int main(int argc, char **argv) {
    const unsigned long wanted = argc > 1 ? strtoul(argv[1], NULL, 10) : TURNS;
    const size_t turns = wanted != 0 && wanted < MOST_TURNS ? wanted : TURNS;
    topics *few = topics_new(1000);
    topics *many = topics_new(1000000);
    take_turns("publish-same", turns, publish, (void *[]){few, many});
    few->any = many->any = true;
    take_turns("publish-any", turns, publish, (void *[]){few, many});
    if (few->heard != 2 * turns * OPS || many->heard != few->heard) {
        die("something was not heard");
    }
    void *both[] = {tabs_new(1000), tabs_new(100000)};
    take_turns("claim-new", turns, claim_fresh, both);
    take_turns("claim-any", turns, claim_any, both);
    return 0; /* what there is goes with the process */
}
