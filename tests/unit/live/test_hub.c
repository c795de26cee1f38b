/* test_hub.c -- topics and rooms: who gets what, in which order, and what is left when nobody listens.
 * SPDX-License-Identifier: MIT */
#include "support/liverig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TOPIC(name) CSTAR_STR(name)

static cstar__hub_count counts(const liverig *r) {
    cstar__hub_count c;
    cstar__hub_counts(r->hub, &c);
    return c;
}

/* Everything has come back. */
static void finish(liverig *r) {
    liverig_fini(r);
    assert_int_equal(r->memory.live_bytes, 0);
    assert_int_equal(r->memory.live_blocks, 0);
}

/* ---- who gets what -------------------------------------------------------------------------- */

static void each_topic_has_its_listeners(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){.rooms = 3}));
    rigged *a = liverig_listen(&r, 0, "a");
    rigged *b = liverig_listen(&r, 2, "b");
    rigged *both = liverig_listen(&r, 2, "a");
    assert_int_equal(cstar__live_subscribe(both->live, TOPIC("b")), CSTAR_OK);
    liverig_publish(&r, "a", "1");
    liverig_publish(&r, "nobody", "2");
    liverig_publish(&r, "b", "3");
    liverig_tell(&r, "a", "4");
    liverig_run(&r);
    assert_string_equal(liverig_text(a), "1");
    assert_string_equal(liverig_text(b), "3");
    assert_string_equal(liverig_text(both), "1 3");
    assert_string_equal(a->told.ptr, "a=4 ");
    assert_int_equal(b->infos, 0);
    assert_int_equal(counts(&r).topics, 2);
    assert_int_equal(counts(&r).published, 3);
    assert_int_equal(counts(&r).waiting, 0);
    assert_int_equal(r.pool.stats.live_delivered, 6);
    liverig_cut(a);
    liverig_cut(both);
    assert_int_equal(counts(&r).topics, 1);
    assert_int_equal(cstar__hub_audience(r.hub, TOPIC("a")), CSTAR__AUDIENCE_NONE);
    assert_int_equal(cstar__hub_audience(r.hub, TOPIC("b")), CSTAR__AUDIENCE_PLAIN);
    assert_int_equal(cstar__hub_audience(r.hub, TOPIC("k")), CSTAR__AUDIENCE_KEPT);
    finish(&r);
}

static void what_is_published_before_is_not_for_you(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *early = liverig_listen(&r, 0, "a");
    liverig_publish(&r, "a", "1");
    rigged *late = liverig_listen(&r, 0, "a"); /* the letter of 1 is not read yet */
    liverig_publish(&r, "a", "2");
    liverig_run(&r);
    assert_string_equal(liverig_text(early), "1 2");
    assert_string_equal(liverig_text(late), "2");
    finish(&r);
}

static void names_have_limits(void **state) {
    (void)state;
    liverig r;
    char name[258];
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_open(&r, 0);
    memset(name, 'x', sizeof name);
    assert_int_equal(cstar__live_subscribe(s->live, CSTAR_STR("")), CSTAR_EINVAL);
    assert_int_equal(cstar__live_subscribe(s->live, cstar_view(name, 257)), CSTAR_EINVAL);
    assert_int_equal(cstar__live_subscribe(s->live, cstar_view(name, 256)), CSTAR_OK);
    assert_int_equal(cstar__live_subscribe(s->live, cstar_view(name, 256)), CSTAR_OK);
    assert_int_equal(cstar__live_subscribe(s->live, cstar_view("a\0b", 3)), CSTAR_OK);
    assert_int_equal(cstar__live_unsubscribe(s->live, cstar_view("a", 1)), CSTAR_ENOENT);
    for (int i = 2; i < CSTAR__LIVE_TOPICS; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        assert_int_equal(cstar__live_subscribe(s->live, cstar_cstr(name)), CSTAR_OK);
    }
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("more")), CSTAR_ELIMIT);
    assert_int_equal(cstar__live_unsubscribe(s->live, TOPIC("t7")), CSTAR_OK);
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("more")), CSTAR_OK);
    liverig_start(s);
    liverig_run(&r);
    liverig_publish(&r, "more", "1");
    liverig_publish(&r, "t7", "2");
    liverig_publish(&r, "t8", "3");
    liverig_run(&r);
    assert_string_equal(liverig_text(s), "1 3");
    finish(&r);
}

/* ---- leaving -------------------------------------------------------------------------------- */

static void unsubscribing_before_the_letter_is_read(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    assert_int_equal(cstar__live_unsubscribe(s->live, TOPIC("a")), CSTAR_OK);
    assert_int_equal(cstar__live_unsubscribe(s->live, TOPIC("a")), CSTAR_ENOENT);
    liverig_publish(&r, "a", "1");
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("a")), CSTAR_OK);
    liverig_publish(&r, "a", "2");
    liverig_run(&r);
    assert_string_equal(liverig_text(s), "2");
    rigged *gone = liverig_listen(&r, 0, "b");
    liverig_cut(gone); /* with its letter under way */
    liverig_publish(&r, "b", "3");
    liverig_run(&r);
    assert_int_equal(counts(&r).topics, 1);
    finish(&r);
}

static void unsubscribe_all(rigged *s, const char *topic, const cstar__packet *p) {
    (void)p;
    for (size_t i = 0; i < s->rig->nstreams; i++) {
        rigged *other = s->rig->streams[i];
        if (other->live != NULL) {
            (void)cstar__live_unsubscribe(other->live, cstar_cstr(topic));
        }
    }
}

static void cut_neighbours(rigged *s, const char *topic, const cstar__packet *p) {
    (void)topic;
    (void)p;
    for (size_t i = 0; i < s->rig->nstreams; i++) {
        if (s->rig->streams[i] != s && s->rig->streams[i]->live != NULL) {
            cstar__live_end(s->rig->streams[i]->live, CSTAR__LIVE_HALTED);
        }
    }
}

static void end_self(rigged *s, const char *topic, const cstar__packet *p) {
    (void)topic;
    (void)p;
    cstar__live_end(s->live, CSTAR__LIVE_HALTED);
    assert_non_null(s->live); /* not while its callback is under way */
}

static void resubscribe(rigged *s, const char *topic, const cstar__packet *p) {
    (void)p;
    assert_int_equal(cstar__live_unsubscribe(s->live, cstar_cstr(topic)), CSTAR_OK);
    assert_int_equal(cstar__live_subscribe(s->live, cstar_cstr(topic)), CSTAR_OK);
    s->on_info = NULL;
}

static void add_listener(rigged *s, const char *topic, const cstar__packet *p) {
    (void)p;
    if (s->rig->nstreams < RIG_STREAMS) {
        assert_non_null(liverig_listen(s->rig, 0, topic));
    }
}

/* The parts of a topic change while they are gone through. */
static void callbacks_change_who_listens(void **state) {
    (void)state;
    static const struct {
        void (*fn)(rigged *s, const char *topic, const cstar__packet *p);
        int infos, later; /* of eight streams, of the first and of the second message */
        size_t live;
    } cases[] = {
        {unsubscribe_all, 1, 1, 8}, {cut_neighbours, 1, 2, 1}, {end_self, 8, 8, 0},
        {resubscribe, 8, 16, 8},    {add_listener, 8, 24, 24},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        liverig r;
        int infos = 0;
        size_t live = 0;
        assert_true(liverig_init(&r, &(liverig_opts){0}));
        for (int i = 0; i < 8; i++) {
            rigged *s = liverig_listen(&r, 0, "a");
            s->on_info = cases[c].fn;
        }
        liverig_run(&r);
        for (int round = 0; round < 2; round++) {
            liverig_tell(&r, "a", "x");
            liverig_run(&r);
            infos = 0;
            for (size_t i = 0; i < r.nstreams; i++) {
                infos += r.streams[i]->infos;
            }
            assert_int_equal(infos, round == 0 ? cases[c].infos : cases[c].later);
        }
        for (size_t i = 0; i < r.nstreams; i++) {
            live += r.streams[i]->live != NULL;
            assert_int_equal(r.streams[i]->overs, r.streams[i]->live == NULL);
        }
        assert_int_equal(live, cases[c].live);
        assert_int_equal(counts(&r).waiting, 0);
        finish(&r);
    }
}

/* ---- addresses ------------------------------------------------------------------------------ */

static void an_address_dies_with_its_stream(void **state) {
    (void)state;
    liverig r;
    uint64_t stale[40];
    assert_true(liverig_init(&r, &(liverig_opts){.rooms = 2}));
    cstar__packet *p = cstar__packet_copy(&r.memory.alloc, CSTAR_STR("x"), CSTAR__PACKET_BYTES);
    rigged *last = NULL;
    for (int i = 0; i < 40; i++) { /* of a few places */
        rigged *s = liverig_listen(&r, 1, "a");
        stale[i] = cstar__live_address(s->live);
        assert_true(stale[i] != 0 && stale[i] == cstar__live_address(s->live));
        for (int k = 0; k < i; k++) {
            assert_true(stale[k] != stale[i]);
        }
        if (i < 39) {
            assert_int_equal(cstar__hub_send(r.hub, stale[i], p), CSTAR_OK);
            liverig_cut(s); /* with the letter under way */
        }
        last = s;
    }
    for (int i = 0; i < 40; i++) {
        assert_int_equal(cstar__hub_send(r.hub, stale[i], p), CSTAR_OK);
    }
    assert_int_equal(cstar__hub_send(r.hub, (uint64_t)77 << 54 | 1, p), CSTAR_OK);
    assert_int_equal(cstar__hub_send(r.hub, UINT64_MAX, p), CSTAR_OK);
    assert_int_equal(cstar__hub_send(r.hub, 0, p), CSTAR_OK);
    liverig_run(&r);
    for (size_t i = 0; i < r.nstreams; i++) {
        assert_int_equal(r.streams[i]->infos, r.streams[i] == last);
    }
    assert_string_equal(last->told.ptr, "=x ");
    cstar__packet_unref(p);
    finish(&r);
}

/* Nobody reads the letters of a hub whose workers have ended. */
static void sending_to_who_has_gone_costs_nothing(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    const uint64_t address = cstar__live_address(s->live);
    cstar__packet *p = cstar__packet_copy(&r.memory.alloc, CSTAR_STR("x"), CSTAR__PACKET_BYTES);
    liverig_tell(&r, "a", "y");
    liverig_cut(s);
    cstar__hub_settle(r.hub);
    assert_int_equal(counts(&r).topics, 0);
    const size_t before = r.memory.live_bytes;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(cstar__hub_send(r.hub, address, p), CSTAR_OK);
        assert_int_equal(liverig_publish(&r, "a", "z"), CSTAR_OK);
    }
    assert_int_equal(r.memory.live_bytes, before);
    assert_int_equal(counts(&r).waiting, 0);
    cstar__packet_unref(p);
    finish(&r);
}

static void only_its_generation_is_replaced(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    s->last_words = "data: bye\n\n";
    cstar__live_set_generation(s->live, 7);
    assert_int_equal(cstar__live_generation(s->live), 7);
    const uint64_t address = cstar__live_address(s->live);
    assert_int_equal(cstar__hub_replace(r.hub, address, 6), CSTAR_OK);
    liverig_run(&r);
    assert_non_null(s->live);
    assert_int_equal(cstar__hub_replace(r.hub, address, 7), CSTAR_OK);
    assert_int_equal(cstar__hub_replace(r.hub, address, 7), CSTAR_OK);
    liverig_run(&r);
    assert_int_equal(s->ends, 1);
    assert_int_equal(s->overs, 1);
    assert_string_equal(liverig_text(s), "bye");
    finish(&r);
}

/* Its handler may still be at work, on another thread, when the next one claims the tab. */
static void one_is_replaced_before_it_starts(void **state) {
    (void)state;
    for (int which = 0; which < 2; which++) {
        liverig r;
        assert_true(liverig_init(&r, &(liverig_opts){0}));
        rigged *s = liverig_open(&r, 0);
        const uint64_t address = cstar__live_address(s->live);
        assert_int_equal(cstar__hub_replace(r.hub, address, 7), CSTAR_OK);
        assert_int_equal(cstar__hub_replace(r.hub, address, 6), CSTAR_OK);
        liverig_run(&r);
        cstar__live_set_generation(s->live, which == 0 ? 7 : 8);
        assert_int_equal(s->overs, 0);
        liverig_start(s);
        assert_int_equal(s->ends, which == 0);
        assert_int_equal(s->overs, which == 0);
        finish(&r);
    }
}

/* ---- limits --------------------------------------------------------------------------------- */

static cstar_status send_to(liverig *r, rigged *s) {
    cstar__packet *p = cstar__packet_copy(&r->memory.alloc, CSTAR_STR("x"), CSTAR__PACKET_BYTES);
    assert_non_null(p);
    const cstar_status rc = cstar__hub_send(r->hub, cstar__live_address(s->live), p);
    cstar__packet_unref(p);
    return rc;
}

/* A letter that many listen to is as long as any, and more work. */
static void publishers_are_refused_while_a_worker_has_much_to_deliver(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){.rooms = 2, .max_deliveries = 10}));
    for (int i = 0; i < 4; i++) {
        (void)liverig_listen(&r, 0, "many");
    }
    (void)liverig_listen(&r, 1, "one");
    (void)liverig_listen(&r, 1, "both");
    rigged *last = liverig_listen(&r, 0, "both");
    liverig_run(&r);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(liverig_publish(&r, "many", "x"), CSTAR_OK); /* 4, 8, 12 */
    }
    assert_int_equal(liverig_publish(&r, "many", "x"), CSTAR_EAGAIN);
    assert_int_equal(liverig_publish(&r, "both", "x"), CSTAR_EAGAIN); /* for none, then */
    assert_int_equal(send_to(&r, last), CSTAR_EAGAIN);
    assert_int_equal(counts(&r).refused, 3);
    for (int i = 0; i < 10; i++) { /* the other worker's */
        assert_int_equal(liverig_publish(&r, "one", "x"), CSTAR_OK);
    }
    assert_int_equal(liverig_publish(&r, "one", "x"), CSTAR_EAGAIN);
    liverig_run(&r);
    assert_int_equal(r.pool.stats.live_delivered, 3 * 4 + 10);
    assert_int_equal(liverig_publish(&r, "both", "x"), CSTAR_OK);
    assert_int_equal(send_to(&r, last), CSTAR_OK);
    liverig_run(&r);
    assert_int_equal(r.pool.stats.live_delivered, 3 * 4 + 10 + 3);
    finish(&r);
}

static void publishers_are_refused_while_workers_are_behind(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){.max_waiting = 20000}));
    rigged *s = liverig_listen(&r, 0, "a");
    liverig_run(&r);
    int n = 0;
    while (liverig_publish(&r, "a", "x") == CSTAR_OK) {
        n++;
        assert_true(n < 1000);
    }
    assert_int_equal(r.status, CSTAR_EAGAIN);
    assert_int_equal(liverig_tell(&r, "a", "x"), CSTAR_EAGAIN);
    assert_true(n >= 20);
    assert_int_equal(counts(&r).refused, 2);
    assert_true(counts(&r).waiting >= 20000);
    assert_int_equal(s->got.len, 0);
    liverig_run(&r);
    assert_int_equal(counts(&r).waiting, 0);
    assert_int_equal(liverig_publish(&r, "a", "y"), CSTAR_OK);
    liverig_run(&r);
    assert_int_equal(r.pool.stats.live_delivered, n + 1);
    finish(&r);
}

static void count_release(void *arg) { ++*(int *)arg; }

/* Its bytes stay for as long as the letter waits, whosever they are. */
static void what_was_lent_counts_as_what_was_copied(void **state) {
    (void)state;
    static char large[10000];
    liverig r;
    int released = 0;
    assert_true(liverig_init(&r, &(liverig_opts){.max_waiting = 20000}));
    (void)liverig_listen(&r, 0, "a");
    liverig_run(&r);
    for (int i = 1; i <= 3; i++) {
        cstar__packet *p = cstar__packet_lend(&r.memory.alloc, cstar_view(large, sizeof large),
                                              count_release, &released);
        assert_non_null(p);
        const cstar_status rc = cstar__hub_publish(r.hub, CSTAR_STR("a"), p);
        cstar__packet_unref(p);
        assert_int_equal(rc, i < 3 ? CSTAR_OK : CSTAR_EAGAIN);
        assert_int_equal(released, i / 3); /* what was refused is given back at once */
    }
    assert_true(counts(&r).waiting >= 20000);
    liverig_run(&r);
    assert_int_equal(counts(&r).waiting, 0);
    assert_int_equal(released, 3);
    finish(&r);
}

static void a_flood_leaves_the_loop_its_turn(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    for (int i = 0; i < 200; i++) {
        liverig_tell(&r, "a", "x");
    }
    r.wakes[0] = 0;
    assert_true(cstar__room_open_mail(cstar__hub_room(r.hub, 0)));
    assert_in_range(s->infos, 1, 64);
    assert_int_equal(r.wakes[0], 1); /* it has asked for the rest */
    liverig_run(&r);
    assert_int_equal(s->infos, 200);
    assert_false(cstar__room_open_mail(cstar__hub_room(r.hub, 0)));
    finish(&r);
}

/* The wake for what comes meanwhile may be one with the wake for the rest. */
static void what_comes_while_a_rest_waits_is_opened_too(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    for (int i = 0; i < 80; i++) {
        liverig_tell(&r, "a", "x");
    }
    r.wakes[0] = 0;
    assert_true(cstar__room_open_mail(cstar__hub_room(r.hub, 0)));
    liverig_tell(&r, "a", "meanwhile");
    liverig_run(&r);
    liverig_tell(&r, "a", "later");
    liverig_run(&r);
    assert_int_equal(s->infos, 82);
    finish(&r);
}

static void a_batch_is_one_write_in_order(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    rigged *other = liverig_listen(&r, 0, "b");
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("b")), CSTAR_OK);
    for (int i = 0; i < 30; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", i);
        liverig_publish(&r, i % 2 != 0 ? "a" : "b", text);
    }
    liverig_run(&r);
    assert_string_equal(liverig_text(s),
                        "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 "
                        "23 24 25 26 27 28 29");
    assert_string_equal(liverig_text(other), "0 2 4 6 8 10 12 14 16 18 20 22 24 26 28");
    finish(&r);
}

/* ---- the table ------------------------------------------------------------------------------ */

static void the_table_grows_and_shrinks(void **state) {
    (void)state;
    enum { STREAMS = 60, EACH = 1000 };
    liverig r;
    char name[32];
    assert_true(liverig_init(&r, &(liverig_opts){.rooms = 2}));
    const size_t empty = r.memory.live_bytes;
    for (unsigned i = 0; i < STREAMS; i++) {
        rigged *s = liverig_open(&r, i % 2);
        for (int k = 0; k < EACH; k++) {
            (void)snprintf(name, sizeof name, "s%u:%d", i, k);
            assert_int_equal(cstar__live_subscribe(s->live, cstar_cstr(name)), CSTAR_OK);
        }
        liverig_start(s);
    }
    liverig_run(&r);
    assert_int_equal(counts(&r).topics, STREAMS * EACH);
    liverig_publish(&r, "s7:999", "here");
    liverig_run(&r);
    assert_string_equal(liverig_text(r.streams[7]), "here");
    assert_int_equal(r.pool.stats.live_delivered, 1);
    for (unsigned i = 0; i < STREAMS; i++) {
        liverig_cut(r.streams[i]);
    }
    assert_int_equal(counts(&r).topics, 0);
    /* 64 small tables, and lists of free places, are left of some megabytes */
    assert_in_range(r.memory.live_bytes, empty, empty + 65536);
    finish(&r);
}

static void what_is_kept_grows_old(void **state) {
    (void)state;
    liverig r;
    char name[32];
    assert_true(liverig_init(&r, &(liverig_opts){.keep_ms = 1000}));
    const size_t empty = r.memory.live_bytes;
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof name, "k%d", i);
        assert_int_equal(liverig_publish(&r, name, "x"), CSTAR_OK);
    }
    assert_int_equal(counts(&r).topics, 5000);
    assert_int_equal(counts(&r).published, 0); /* nobody listened */
    r.now += 1000;
    cstar__hub_tidy(r.hub, CSTAR__SHARDS);
    assert_int_equal(counts(&r).topics, 5000);
    r.now += 1;
    cstar__hub_tidy(r.hub, CSTAR__SHARDS / 2);
    assert_in_range(counts(&r).topics, 2000, 4500);
    for (int i = 0; i < 8 && counts(&r).topics != 0; i++) { /* tables shrink: the rest next time */
        cstar__hub_tidy(r.hub, CSTAR__SHARDS);
    }
    assert_int_equal(counts(&r).topics, 0);
    assert_in_range(r.memory.live_bytes, empty, empty + 65536);
    finish(&r);
}

/* Nobody has to be there for that. */
/* While those that are old go, others change their places: none may be lost, or overlooked for ever. */
static void what_is_young_stays_where_old_ones_go(void **state) {
    (void)state;
    enum { TOPICS = 3000 };
    liverig r;
    char name[32];
    assert_true(liverig_init(&r, &(liverig_opts){.keep_ms = 1000}));
    for (int i = 0; i < TOPICS; i++) {
        (void)snprintf(name, sizeof name, "k%d", i);
        assert_int_equal(liverig_publish(&r, name, "old"), CSTAR_OK);
    }
    r.now += 1000;
    for (int i = 0; i < TOPICS; i += 2) {
        (void)snprintf(name, sizeof name, "k%d", i);
        assert_int_equal(liverig_publish(&r, name, "young"), CSTAR_OK);
    }
    r.now += 1;
    cstar__hub_tidy(r.hub,
                    CSTAR__SHARDS); /* no table is so empty that it shrinks: once is enough */
    assert_int_equal(counts(&r).topics, TOPICS / 2);
    for (int i = 0; i < TOPICS; i++) {
        (void)snprintf(name, sizeof name, "k%d", i);
        assert_int_equal(liverig_publish(&r, name, "new"), CSTAR_OK);
    }
    assert_int_equal(counts(&r).topics, TOPICS); /* the young ones were found, and not made again */
    finish(&r);
}

/* The part that lies in the topic goes from room to room, with listeners beside it and without. */
static void rooms_take_turns_with_a_topic(void **state) {
    (void)state;
    liverig r;
    rigged *s[9];
    assert_true(liverig_init(&r, &(liverig_opts){.rooms = 3}));
    for (unsigned i = 0; i < 3; i++) {
        s[i] = liverig_listen(&r, i, "t");
    }
    liverig_run(&r);
    for (unsigned round = 0; round < 6; round++) {
        const unsigned room = round % 3;
        assert_int_equal(liverig_publish(&r, "t", "a"), CSTAR_OK);
        liverig_cut(s[round]); /* its letter is still on its way, and holds the part */
        liverig_run(&r);
        assert_int_equal(liverig_publish(&r, "t", "b"), CSTAR_OK);
        liverig_run(&r);
        s[round + 3] = liverig_listen(&r, room, "t");
        if (round == 2) { /* several: the list is no longer the part's own */
            liverig_listen(&r, room, "t");
            liverig_listen(&r, room, "t");
        }
        liverig_run(&r);
        assert_int_equal(counts(&r).topics, 1);
    }
    assert_string_equal(liverig_text(s[0]), "");
    assert_string_equal(liverig_text(s[1]), "a b");
    assert_string_equal(liverig_text(s[2]), "a b a b");
    assert_string_equal(liverig_text(s[3]), "a b a b");
    assert_string_equal(liverig_text(s[8]), "");
    for (size_t i = 0; i < r.nstreams; i++) {
        if (r.streams[i]->live != NULL) {
            liverig_cut(r.streams[i]);
        }
    }
    liverig_run(&r);
    assert_int_equal(counts(&r).topics, 0);
    finish(&r);
}

static void publishing_makes_room_for_itself(void **state) {
    (void)state;
    liverig r;
    char name[32];
    assert_true(liverig_init(&r, &(liverig_opts){.keep_ms = 100}));
    for (int i = 0; i < 100000; i++) {
        (void)snprintf(name, sizeof name, "k%d", i);
        assert_int_equal(liverig_publish(&r, name, "x"), CSTAR_OK);
        r.now += i % 10 == 0;
    }
    assert_in_range(counts(&r).topics, 1, 60000);
    finish(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_topic_has_its_listeners),
        cmocka_unit_test(what_is_published_before_is_not_for_you),
        cmocka_unit_test(names_have_limits),
        cmocka_unit_test(unsubscribing_before_the_letter_is_read),
        cmocka_unit_test(callbacks_change_who_listens),
        cmocka_unit_test(an_address_dies_with_its_stream),
        cmocka_unit_test(sending_to_who_has_gone_costs_nothing),
        cmocka_unit_test(only_its_generation_is_replaced),
        cmocka_unit_test(one_is_replaced_before_it_starts),
        cmocka_unit_test(publishers_are_refused_while_a_worker_has_much_to_deliver),
        cmocka_unit_test(publishers_are_refused_while_workers_are_behind),
        cmocka_unit_test(what_was_lent_counts_as_what_was_copied),
        cmocka_unit_test(a_flood_leaves_the_loop_its_turn),
        cmocka_unit_test(what_comes_while_a_rest_waits_is_opened_too),
        cmocka_unit_test(a_batch_is_one_write_in_order),
        cmocka_unit_test(the_table_grows_and_shrinks),
        cmocka_unit_test(what_is_kept_grows_old),
        cmocka_unit_test(what_is_young_stays_where_old_ones_go),
        cmocka_unit_test(rooms_take_turns_with_a_topic),
        cmocka_unit_test(publishing_makes_room_for_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
