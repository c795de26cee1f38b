/* test_stream.c -- one stream: what waits for a slow client, how it ends, what it does in silence, and what
 * a client that comes back is given.
 * SPDX-License-Identifier: MIT */
#include "live/parts.h"
#include "live/waiting.h"
#include "support/liverig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TOPIC(name) CSTAR_STR(name)

static void finish(liverig *r) {
    liverig_fini(r);
    assert_int_equal(r->memory.live_bytes, 0);
    assert_int_equal(r->memory.live_blocks, 0);
}

static void publish(liverig *r, const char *topic, int from, int to) {
    for (int i = from; i <= to; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", i);
        assert_int_equal(liverig_publish(r, topic, text), CSTAR_OK);
    }
}

/* ---- a slow client -------------------------------------------------------------------------- */

static void what_waits_follows_in_order(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    s->room = 20; /* two of "data: n\n\n" */
    publish(&r, "a", 1, 5);
    liverig_run(&r);
    assert_string_equal(liverig_text(s), "1 2");
    assert_int_equal(cstar__live_write(s->live, CSTAR_STR("data: own\n\n")), CSTAR_OK);
    publish(&r, "a", 6, 6);
    liverig_run(&r);
    liverig_take(s, 18);
    assert_string_equal(liverig_text(s), "1 2 3 4");
    liverig_take(s, SIZE_MAX);
    assert_string_equal(liverig_text(s), "1 2 3 4 5 own 6");
    assert_null(s->live->waiting);
    finish(&r);
}

static void the_newest_of_a_key_is_sent(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    rigged *quick = liverig_listen(&r, 0, "a");
    s->room = 0;
    for (int i = 0; i < 1000; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", i);
        liverig_publish_keyed(&r, "a", text, i % 2 != 0 ? "odd" : "even");
        liverig_run(&r);
    }
    liverig_take(s, SIZE_MAX);
    assert_string_equal(liverig_text(s), "998 999");
    assert_int_equal(r.pool.stats.live_coalesced, 998);
    assert_int_equal(r.pool.stats.live_slow_cut, 0);
    assert_int_equal(strlen(liverig_text(quick)), 10 * 2 + 90 * 3 + 900 * 4 - 1);
    finish(&r);
}

static void the_oldest_is_dropped(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_open(&r, 0);
    s->conf.drop = true;
    s->conf.max_waiting = 219; /* three of them */
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("a")), CSTAR_OK);
    liverig_start(s);
    liverig_run(&r);
    s->room = 0;
    publish(&r, "a", 1, 9);
    liverig_run(&r);
    assert_int_equal(r.pool.stats.live_dropped, 6);
    liverig_take(s, SIZE_MAX);
    assert_string_equal(liverig_text(s), "7 8 9");
    finish(&r);
}

static rigged *comes_back(liverig *r, int missed) {
    publish(r, "k", 1, 1);
    rigged *s = liverig_listen(r, 0, "k");
    liverig_run(r);
    liverig_cut(s);
    publish(r, "k", 2, 1 + missed);
    s = liverig_reopen(r, 0, s);
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("k")), CSTAR_OK);
    assert_true(cstar__live_resumes(s->live));
    s->room = 0;
    return s;
}

/* It was told that it gets all that it missed; and no byte of the budget would be won by throwing
 * that away. */
static void what_was_missed_is_not_dropped(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){.keep = 64}));
    rigged *s = comes_back(&r, 3);
    s->conf.drop = true;
    s->conf.max_waiting = 250; /* of kept ones, two */
    liverig_start(s);
    for (int i = 5; i <= 9; i++) {
        publish(&r, "k", i, i);
        liverig_run(&r);
    }
    assert_int_equal(r.pool.stats.live_dropped, 3);
    liverig_take(s, SIZE_MAX);
    assert_string_equal(liverig_text(s), "2 3 4 8 9");
    finish(&r);
}

/* The one frame that may be larger than the budget is one of those that count. */
static void a_large_frame_behind_what_was_missed(void **state) {
    (void)state;
    static char large[1001];
    memset(large, 'x', sizeof large - 1);
    for (int drop = 0; drop < 2; drop++) {
        liverig r;
        assert_true(liverig_init(&r, &(liverig_opts){.keep = 64}));
        rigged *s = comes_back(&r, 3);
        s->conf.drop = drop != 0;
        s->conf.max_waiting = 300;
        liverig_start(s);
        assert_int_equal(liverig_publish(&r, "k", large), CSTAR_OK);
        liverig_run(&r);
        assert_int_equal(s->aborts, 0);
        assert_int_equal(r.pool.stats.live_dropped, 0);
        liverig_take(s, SIZE_MAX);
        assert_int_equal(strlen(liverig_text(s)), strlen("2 3 4 ") + sizeof large - 1);
        finish(&r);
    }
}

static void who_is_too_slow_is_cut(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *slow = liverig_listen(&r, 0, "a");
    rigged *quick = liverig_listen(&r, 0, "a");
    slow->conf.max_waiting = 219; /* three of them */
    liverig_run(&r);
    slow->room = 0;
    for (int i = 1; i <= 3; i++) {
        publish(&r, "a", i, i);
        liverig_run(&r);
        assert_non_null(slow->live);
    }
    publish(&r, "a", 4, 4);
    liverig_run(&r);
    assert_int_equal(slow->aborts, 1);
    assert_int_equal(slow->overs, 1);
    assert_int_equal(r.pool.stats.live_slow_cut, 1);
    assert_string_equal(liverig_text(quick), "1 2 3 4");
    finish(&r);
}

/* A batch that is larger than the budget is not the client's fault. */
static void a_quick_client_survives_a_large_batch(void **state) {
    (void)state;
    for (int drop = 0; drop < 2; drop++) {
        liverig r;
        assert_true(liverig_init(&r, &(liverig_opts){0}));
        rigged *s = liverig_listen(&r, 0, "a");
        s->conf.max_waiting = 200;
        s->conf.drop = drop != 0;
        liverig_run(&r);
        publish(&r, "a", 100, 199);
        liverig_run(&r);
        assert_int_equal(strlen(liverig_text(s)), 100 * 4 - 1);
        assert_int_equal(r.pool.stats.live_dropped + r.pool.stats.live_slow_cut, 0);
        finish(&r);
    }
}

/* What the connection would take then its client has not taken; and nobody would look again. */
static void nothing_is_tried_when_grace_is_over(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    liverig_run(&r);
    s->room = 0;
    publish(&r, "a", 1, 2);
    liverig_run(&r);
    cstar__live_end(s->live, CSTAR__LIVE_DRAINED);
    s->room = SIZE_MAX; /* nobody has said so */
    liverig_advance(&r, 499);
    assert_non_null(s->live);
    liverig_advance(&r, 1);
    assert_null(s->live);
    assert_int_equal(s->aborts, 1);
    assert_int_equal(s->ends, 0);
    assert_string_equal(liverig_text(s), "");
    finish(&r);
}

static void one_frame_may_be_larger_than_the_budget(void **state) {
    (void)state;
    static char large[10001];
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    s->conf.max_waiting = 100;
    liverig_run(&r);
    s->room = 0;
    memset(large, 'x', sizeof large - 1);
    liverig_publish(&r, "a", large);
    liverig_run(&r);
    assert_non_null(s->live);
    liverig_take(s, SIZE_MAX);
    assert_int_equal(strlen(liverig_text(s)), sizeof large - 1);
    finish(&r);
}

/* What has come before the start is no more its fault than what it missed. */
static void what_was_early_is_not_counted(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_open(&r, 0);
    s->conf.max_waiting = 200;
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("a")), CSTAR_OK);
    publish(&r, "a", 10, 19);
    liverig_run(&r);
    s->room = 50;
    liverig_start(s);
    publish(&r, "a", 20, 21); /* of these it has room for two */
    liverig_run(&r);
    assert_int_equal(s->aborts, 0);
    liverig_take(s, SIZE_MAX);
    assert_int_equal(strlen(liverig_text(s)), 12 * 3 - 1);
    finish(&r);
}

/* Its first view is among that: without it the rest is of no use. */
static void what_was_early_is_not_dropped(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_open(&r, 0);
    s->conf.max_waiting = 219; /* three of them */
    s->conf.drop = true;
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("a")), CSTAR_OK);
    publish(&r, "a", 1, 3);
    liverig_run(&r);
    s->room = 0;
    liverig_start(s);
    publish(&r, "a", 4, 9);
    liverig_run(&r);
    assert_int_equal(r.pool.stats.live_dropped, 3);
    liverig_take(s, SIZE_MAX);
    assert_string_equal(liverig_text(s), "1 2 3 7 8 9");
    finish(&r);
}

/* One frame may be longer than the budget, also behind what was early. */
static void a_long_frame_behind_what_was_early(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_open(&r, 0);
    s->conf.max_waiting = 10;
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("a")), CSTAR_OK);
    publish(&r, "a", 1, 3);
    liverig_run(&r);
    s->room = 0;
    liverig_start(s);
    publish(&r, "a", 4, 4);
    liverig_run(&r);
    assert_int_equal(s->aborts, 0);
    liverig_take(s, SIZE_MAX);
    assert_string_equal(liverig_text(s), "1 2 3 4");
    finish(&r);
}

static void a_write_that_does_not_fit_cuts(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    s->conf.max_waiting = 200;
    liverig_run(&r);
    s->room = 0;
    cstar_status rc = CSTAR_OK;
    int n = 0;
    while (rc == CSTAR_OK && n++ < 100) {
        rc = cstar__live_write(s->live, CSTAR_STR("data: 1\n\n"));
    }
    assert_int_equal(rc, CSTAR_ELIMIT);
    assert_int_equal(n, 3);
    assert_int_equal(s->aborts, 1);
    finish(&r);
}

/* A patch that is lost for lack of memory leaves the page wrong for good: as with one that is
 * published, the client is to come back instead. */
static void a_write_without_memory_cuts(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    liverig_run(&r);
    s->room = 0;
    r.memory.fail_at = r.memory.calls + 1;
    assert_int_equal(cstar__live_write(s->live, CSTAR_STR("data: 1\n\n")), CSTAR_ENOMEM);
    assert_int_equal(s->aborts, 1);
    rigged *other = liverig_listen(&r, 0, "a");
    other->refuses = CSTAR_ENOMEM; /* its connection's */
    assert_int_equal(cstar__live_write(other->live, CSTAR_STR("data: 1\n\n")), CSTAR_ENOMEM);
    assert_int_equal(other->aborts, 1);
    finish(&r);
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void a_halt_sends_what_waits(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    s->last_words = "data: bye\n\n";
    liverig_run(&r);
    s->room = 0;
    publish(&r, "a", 1, 2);
    liverig_run(&r);
    cstar__live_end(s->live, CSTAR__LIVE_HALTED);
    cstar__live_end(s->live, CSTAR__LIVE_REPLACED); /* again does nothing */
    publish(&r, "a", 3, 3);
    liverig_tell(&r, "a", "x");
    liverig_run(&r);
    assert_int_equal(s->endings, 1);
    assert_int_equal(s->ends + s->aborts, 0);
    liverig_advance(&r, 499);
    liverig_take(s, SIZE_MAX);
    assert_string_equal(liverig_text(s), "1 2 bye");
    assert_int_equal(s->ends, 1);
    assert_int_equal(s->overs, 1);
    assert_int_equal(s->infos, 0);
    finish(&r);
}

static void who_does_not_take_the_end_is_cut(void **state) {
    (void)state;
    static const cstar__live_end_reason reasons[] = {CSTAR__LIVE_HALTED, CSTAR__LIVE_REPLACED,
                                                     CSTAR__LIVE_DRAINED};
    for (size_t i = 0; i < 3; i++) {
        liverig r;
        assert_true(liverig_init(&r, &(liverig_opts){0}));
        rigged *s = liverig_listen(&r, 0, "a");
        s->last_words = "data: bye\n\n";
        liverig_run(&r);
        s->room = 0;
        publish(&r, "a", 1, 2);
        liverig_run(&r);
        cstar__live_end(s->live, reasons[i]);
        liverig_advance(&r, 499);
        assert_int_equal(s->ends + s->aborts, 0);
        liverig_advance(&r, 1);
        assert_int_equal(s->aborts, 1);
        assert_int_equal(s->overs, 1);
        assert_int_equal(s->endings, 1);
        finish(&r);
    }
}

static void halt_without_memory(rigged *s) {
    s->no_alarm = true;
    cstar__live_end(s->live, CSTAR__LIVE_HALTED);
}

/* Its end is in the connection: whoever has no clock for its grace must not take a wake, which may
 * come for nothing, for its end. */
static void a_clean_end_without_memory_for_its_grace(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    s->stays = true;
    s->on_alarm = halt_without_memory;
    cstar__live_alarm(s->live, 50);
    liverig_advance(&r, 50);
    assert_int_equal(s->ends, 1);
    cstar__live_wake(s->live);
    assert_int_equal(s->aborts, 0);
    s->no_alarm = false;
    cstar__live_wake(s->live); /* now there is some */
    liverig_advance(&r, 499);
    assert_int_equal(s->aborts, 0);
    liverig_advance(&r, 1);
    assert_int_equal(s->aborts, 1);
    finish(&r);
}

/* A replaced one throws away what waited here: that its time is over does not mean that its connection
 * has taken what that had. */
static void a_replaced_one_without_last_words_is_cut_too(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    liverig_run(&r);
    s->room = 0;
    publish(&r, "a", 1, 2);
    liverig_run(&r);
    cstar__live_end(s->live, CSTAR__LIVE_REPLACED);
    liverig_advance(&r, 499);
    assert_int_equal(s->ends + s->aborts, 0);
    liverig_advance(&r, 1);
    assert_int_equal(s->ends, 0);
    assert_int_equal(s->aborts, 1);
    assert_int_equal(s->overs, 1);
    finish(&r);
}

/* Of a replaced one nothing is sent that its page has no use for. */
static void a_replaced_one_says_its_last_words_only(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    s->last_words = "data: bye\n\n";
    liverig_run(&r);
    s->room = 0;
    publish(&r, "a", 1, 2);
    liverig_run(&r);
    cstar__live_end(s->live, CSTAR__LIVE_REPLACED);
    liverig_take(s, SIZE_MAX);
    assert_string_equal(liverig_text(s), "bye");
    assert_int_equal(s->ends, 1);
    finish(&r);
}

/* ---- callbacks ------------------------------------------------------------------------------ */

static void write_much(rigged *s, const char *topic, const cstar__packet *p) {
    (void)topic;
    (void)p;
    s->room = 0;
    for (int i = 0; i < 1000; i++) {
        (void)cstar__live_write(s->live, CSTAR_STR("data: much\n\n"));
    }
    assert_int_equal(s->aborts, 0); /* not under its feet */
}

static void a_callback_that_writes_too_much(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    s->on_info = write_much;
    liverig_tell(&r, "a", "x");
    liverig_tell(&r, "a", "y");
    liverig_run(&r);
    assert_int_equal(s->aborts, 1);
    assert_int_equal(s->infos, 1);
    finish(&r);
}

static void answer_message(rigged *s, const char *topic, const cstar__packet *p) {
    (void)topic;
    (void)p;
    (void)cstar__live_write(s->live, CSTAR_STR("data: answer\n\n"));
}

static void answer_at_length(rigged *s, const char *topic, const cstar__packet *p) {
    char text[302];
    (void)topic;
    (void)p;
    memset(text, 'x', sizeof text);
    memcpy(text, "data: ", 6);
    memcpy(text + sizeof text - 2, "\n\n", 2);
    assert_int_equal(cstar__live_write(s->live, cstar_view(text, sizeof text)), CSTAR_OK);
}

/* What nobody has tried to send yet is not the client's fault: neither the rest of a batch, nor what is
 * early. */
static void a_long_answer_behind_a_frame(void **state) {
    (void)state;
    for (int early = 0; early < 2; early++) {
        liverig r;
        assert_true(liverig_init(&r, &(liverig_opts){0}));
        rigged *s = liverig_open(&r, 0);
        s->conf.max_waiting = 200;
        s->on_info = answer_at_length;
        assert_int_equal(cstar__live_subscribe(s->live, TOPIC("a")), CSTAR_OK);
        if (early == 0) {
            liverig_start(s);
        }
        liverig_run(&r);
        publish(&r, "a", 1, 1);
        liverig_tell(&r, "a", "x");
        publish(&r, "a", 2, 2);
        liverig_run(&r);
        if (early != 0) {
            liverig_start(s);
        }
        assert_int_equal(s->aborts, 0);
        assert_int_equal(r.pool.stats.live_slow_cut, 0);
        assert_int_equal(s->infos, 1);
        assert_int_equal(strlen(liverig_text(s)), 294 + 2 + 2);
        finish(&r);
    }
}

/* Frames and what messages are answered with, in one batch. */
static void answers_keep_their_place(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    s->on_info = answer_message;
    publish(&r, "a", 1, 1);
    liverig_tell(&r, "a", "x");
    publish(&r, "a", 2, 2);
    liverig_tell(&r, "a", "y");
    liverig_run(&r);
    assert_string_equal(liverig_text(s), "1 answer 2 answer");
    finish(&r);
}

static void no_callbacks_at_all(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_open(&r, 0);
    s->conf.ops = NULL;
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("a")), CSTAR_OK);
    liverig_start(s);
    liverig_tell(&r, "a", "stray");
    publish(&r, "a", 1, 1);
    liverig_run(&r);
    assert_string_equal(liverig_text(s), "1");
    cstar__live_end(s->live, CSTAR__LIVE_HALTED);
    assert_int_equal(s->ends, 1);
    finish(&r);
}

/* ---- before the start ----------------------------------------------------------------------- */

static void unsubscribe_it(rigged *s, const char *topic, const cstar__packet *p) {
    (void)p;
    assert_int_equal(cstar__live_unsubscribe(s->live, cstar_cstr(topic)), CSTAR_OK);
}

static void what_is_early_waits(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_open(&r, 0);
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("a")), CSTAR_OK);
    publish(&r, "a", 1, 2);
    liverig_tell(&r, "a", "x");
    liverig_run(&r);
    publish(&r, "a", 3, 3);
    liverig_run(&r);
    assert_int_equal(s->infos, 0);
    liverig_start(s);
    assert_string_equal(liverig_text(s), "1 2 3");
    assert_string_equal(s->told.ptr, "a=x ");
    finish(&r);
}

/* The first message makes it leave: the topic is gone when the second's turn comes. */
static void an_early_message_of_a_topic_that_was_left(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_open(&r, 0);
    s->on_info = unsubscribe_it;
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("a")), CSTAR_OK);
    liverig_tell(&r, "a", "x");
    liverig_tell(&r, "a", "y");
    liverig_run(&r);
    liverig_start(s);
    assert_string_equal(s->told.ptr, "a=x ");
    finish(&r);
}

static void answer_it(rigged *s, const char *topic, const cstar__packet *p) {
    char text[64];
    (void)topic;
    (void)snprintf(text, sizeof text, "data: %.*s\n\n", (int)p->bytes.len, p->bytes.ptr);
    (void)cstar__live_write(s->live, cstar_cstr(text));
}

/* What a message makes the stream say would else undo what a frame behind it has said. */
static void what_is_early_keeps_its_order(void **state) {
    (void)state;
    for (int slow = 0; slow < 2; slow++) {
        liverig r;
        assert_true(liverig_init(&r, &(liverig_opts){0}));
        rigged *s = liverig_open(&r, 0);
        s->on_info = answer_it;
        s->conf.max_waiting = 100;
        assert_int_equal(cstar__live_subscribe(s->live, TOPIC("a")), CSTAR_OK);
        publish(&r, "a", 1, 1);
        liverig_tell(&r, "a", "2");
        liverig_run(&r);
        liverig_publish_keyed(&r, "a", "old", "key");
        liverig_tell(&r, "a", "3");
        liverig_publish_keyed(&r, "a", "4", "key");
        liverig_run(&r);
        liverig_tell(&r, "a", "5");
        publish(&r, "a", 6, 6);
        liverig_run(&r);
        s->room = slow != 0 ? 0 : SIZE_MAX;
        liverig_start(s);
        assert_int_equal(s->aborts, 0); /* none of it is its client's fault */
        publish(&r, "a", 7, 7);
        liverig_run(&r);
        assert_int_equal(s->aborts, 0);
        liverig_take(s, SIZE_MAX);
        assert_string_equal(liverig_text(s), "1 2 3 4 5 6 7");
        assert_null(s->live->waiting);
        finish(&r);
    }
}

/* Nothing comes of it: neither what was missed, nor what was published meanwhile. */
static void a_topic_that_was_left_before_the_start(void **state) {
    (void)state;
    for (int again = 0; again < 2; again++) {
        liverig r;
        assert_true(liverig_init(&r, &(liverig_opts){.keep = 64}));
        publish(&r, "k1", 1, 1);
        rigged *s = liverig_listen(&r, 0, "k1");
        liverig_cut(s);
        publish(&r, "k1", 2, 2);
        publish(&r, "k2", 3, 3);
        s = liverig_reopen(&r, 0, s);
        assert_int_equal(cstar__live_subscribe(s->live, TOPIC("k1")), CSTAR_OK);
        assert_int_equal(cstar__live_subscribe(s->live, TOPIC("k2")), CSTAR_OK);
        liverig_run(&r);
        publish(&r, "k1", 4, 4);
        publish(&r, "k2", 5, 5);
        liverig_run(&r);
        assert_int_equal(cstar__live_unsubscribe(s->live, TOPIC("k1")), CSTAR_OK);
        if (again != 0) {
            assert_int_equal(cstar__live_subscribe(s->live, TOPIC("k1")), CSTAR_OK);
        }
        assert_true(cstar__live_resumes(s->live));
        liverig_start(s);
        liverig_run(&r);
        assert_string_equal(liverig_text(s), again != 0 ? "2 3 4 5" : "3 5");
        finish(&r);
    }
}

static void too_much_that_is_early_cuts(void **state) {
    (void)state;
    static char large[100001];
    memset(large, 'x', sizeof large - 1);
    for (int messages = 0; messages < 2; messages++) {
        liverig r;
        assert_true(liverig_init(&r, &(liverig_opts){0}));
        rigged *s = liverig_open(&r, 0);
        assert_int_equal(cstar__live_subscribe(s->live, TOPIC("a")), CSTAR_OK);
        const size_t before = r.memory.live_bytes;
        for (int i = 0; i < 100; i++) {
            assert_int_equal(messages != 0 ? liverig_tell(&r, "a", large)
                                           : liverig_publish(&r, "a", large),
                             CSTAR_OK);
            liverig_run(&r);
            assert_true(r.memory.live_bytes - before < 8 << 20);
        }
        liverig_start(s);
        assert_int_equal(s->aborts, 1);
        assert_int_equal(s->infos, 0);
        finish(&r);
    }
}

static void one_that_never_starts(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_open(&r, 0);
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("a")), CSTAR_OK);
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("k")), CSTAR_OK);
    publish(&r, "a", 1, 2);
    liverig_tell(&r, "a", "x");
    liverig_run(&r);
    publish(&r, "k", 1, 2);
    liverig_cut(s);
    liverig_run(&r);
    finish(&r);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void silence_is_broken(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    liverig_advance(&r, 14999);
    assert_string_equal(liverig_text(s), "");
    liverig_advance(&r, 1);
    assert_string_equal(liverig_text(s), ":");
    publish(&r, "a", 1, 1);
    liverig_advance(&r, 15000); /* something was sent */
    assert_string_equal(liverig_text(s), ": 1");
    liverig_advance(&r, 15000);
    assert_string_equal(liverig_text(s), ": 1 :");
    s->room = 0;
    publish(&r, "a", 2, 2);
    liverig_advance(&r, 60000); /* what is blocked needs none */
    liverig_take(s, SIZE_MAX);
    assert_string_equal(liverig_text(s), ": 1 : 2");
    finish(&r);
}

static rigged *listen_on(liverig *r, int minor, uint64_t serial) {
    rigged *s = liverig_open(r, 0);
    s->x.request.minor = minor;
    s->peer.serial = serial;
    assert_int_equal(cstar__live_subscribe(s->live, CSTAR_STR("a")), CSTAR_OK);
    liverig_start(s);
    return s;
}

static size_t pings_of(rigged *s) {
    size_t n = 0;
    for (const char *at = liverig_text(s); *at != '\0'; at++) {
        n += *at == ':';
    }
    return n;
}

/* One write for all of them. */
static void streams_of_one_connection_are_pinged_together(void **state) {
    (void)state;
    liverig r;
    rigged *s[6];
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    for (size_t i = 0; i < 3; i++) {
        liverig_advance(&r, 700);
        s[i] = listen_on(&r, 2, 77);
    }
    s[3] = listen_on(&r, 2, 78); /* another connection */
    s[4] = listen_on(&r, 1, 77);
    liverig_advance(&r, 1);
    s[5] = listen_on(&r, 1, 77); /* HTTP/1.1 has one at a time */
    bool apart[6] = {false};
    for (int ms = 0; ms < 60000; ms++) {
        liverig_advance(&r, 1);
        for (size_t i = 1; i < 6; i++) {
            apart[i] = apart[i] || pings_of(s[i]) != pings_of(s[i - 1]);
        }
    }
    for (size_t i = 0; i < 6; i++) {
        assert_in_range(pings_of(s[i]), 3, 4);
        assert_int_equal(apart[i], i > 2);
    }
    finish(&r);
}

static void alarm_again(rigged *s) {
    if (s->alarms < 3) {
        cstar__live_alarm(s->live, 100);
    }
}

static void an_alarm_does_not_move_the_ping(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_listen(&r, 0, "a");
    s->on_alarm = alarm_again;
    cstar__live_alarm(s->live, 14000);
    liverig_advance(&r, 13999);
    assert_int_equal(s->alarms, 0);
    liverig_advance(&r, 1);
    assert_int_equal(s->alarms, 1);
    liverig_advance(&r, 200);
    assert_int_equal(s->alarms, 3);
    liverig_advance(&r, 799);
    assert_string_equal(liverig_text(s), "");
    liverig_advance(&r, 1);
    assert_string_equal(liverig_text(s), ":");
    cstar__live_alarm(s->live, 50);
    cstar__live_alarm(s->live, 0); /* no more */
    liverig_advance(&r, 1000);
    assert_int_equal(s->alarms, 3);
    cstar__live_alarm(s->live, 50);
    cstar__live_alarm(s->live, 500); /* instead */
    liverig_advance(&r, 499);
    assert_int_equal(s->alarms, 3);
    liverig_advance(&r, 1);
    assert_int_equal(s->alarms, 4);
    finish(&r);
}

/* ---- coming back ---------------------------------------------------------------------------- */

static rigged *back(liverig *r, const rigged *before, const char *a, const char *b) {
    rigged *s = liverig_reopen(r, 0, before);
    assert_non_null(s);
    assert_int_equal(cstar__live_subscribe(s->live, cstar_cstr(a)), CSTAR_OK);
    if (b != NULL) {
        assert_int_equal(cstar__live_subscribe(s->live, cstar_cstr(b)), CSTAR_OK);
    }
    return s;
}

static void what_was_missed_comes_once_in_order(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    rigged *s = liverig_open(&r, 0);
    publish(&r, "k1", 0, 0);
    s = back(&r, s, "k1", "k2");
    assert_false(cstar__live_resumes(s->live));
    liverig_start(s);
    publish(&r, "k1", 1, 1);
    liverig_run(&r);
    liverig_cut(s);
    publish(&r, "k2", 2, 3);
    publish(&r, "k1", 4, 4);
    publish(&r, "k2", 5, 5);
    s = back(&r, s, "k1", "k2");
    assert_true(cstar__live_resumes(s->live));
    publish(&r, "k1", 6, 6);
    liverig_start(s);
    liverig_run(&r);
    publish(&r, "k2", 7, 7);
    liverig_run(&r);
    assert_string_equal(liverig_text(s), "2 3 4 5 6 7");
    finish(&r);
}

/* Another thread publishes while a handler subscribes to one topic after the other. */
static void publish_between(liverig *r, bool mail, rigged *s) {
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("k1")), CSTAR_OK);
    publish(r, "k1", 13, 13);
    if (mail) {
        liverig_run(r);
    }
    publish(r, "k2", 14, 14);
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("k2")), CSTAR_OK);
    publish(r, "k1", 15, 15);
    assert_int_equal(cstar__live_subscribe(s->live, TOPIC("k3")), CSTAR_OK);
    if (mail) {
        liverig_run(r);
    }
    publish(r, "k3", 16, 16);
}

static void nothing_is_lost_between_subscribing_to_two(void **state) {
    (void)state;
    for (int mail = 0; mail < 2; mail++) {
        liverig r;
        assert_true(liverig_init(&r, &(liverig_opts){0}));
        publish(&r, "k1", 10, 10);
        rigged *first = liverig_listen(&r, 0, "k1");
        liverig_cut(first);
        publish(&r, "k1", 11, 11);
        publish(&r, "k2", 12, 12);
        rigged *s = liverig_reopen(&r, 0, first);
        publish_between(&r, mail != 0, s);
        assert_true(cstar__live_resumes(s->live));
        liverig_start(s);
        liverig_run(&r);
        assert_string_equal(liverig_text(s), "11 12 13 14 15 16");
        finish(&r);
    }
}

/* Whoever is cut, wherever, and comes back has each exactly once. */
static void ids_never_go_back(void **state) {
    (void)state;
    liverig r;
    char expected[16];
    int next = 1;
    assert_true(liverig_init(&r, &(liverig_opts){.keep = 64}));
    publish(&r, "k1", 0, 0);
    rigged *s = liverig_open(&r, 0);
    s = back(&r, s, "k1", "k2");
    liverig_start(s);
    unsigned dice = 7;
    for (int round = 0; round < 40; round++) {
        const int first = next;
        dice = dice * 1103515245 + 12345;
        s->room = (dice >> 16) % 200; /* where it breaks */
        for (int i = 0; i < 8; i++, next++) {
            publish(&r, (dice >> (8 + i) & 1) != 0 ? "k1" : "k2", next, next);
            if ((dice >> i & 4) != 0) {
                liverig_run(&r);
            }
        }
        liverig_run(&r);
        liverig_cut(s);
        rigged *again = back(&r, s, "k1", "k2");
        assert_true(cstar__live_resumes(again->live));
        liverig_start(again);
        liverig_run(&r);
        cstar_buf all;
        cstar_buf_init(&all, cstar_heap(), 10000);
        cstar_buf_puts(&all, liverig_text(s));
        cstar_buf_lit(&all, " ");
        cstar_buf_puts(&all, liverig_text(again));
        cstar_buf_byte(&all, '\0');
        const char *at = all.ptr;
        for (int i = first; i < next; i++) {
            (void)snprintf(expected, sizeof expected, "%d", i);
            at += strspn(at, " ");
            assert_memory_equal(at, expected, strlen(expected));
            at += strlen(expected);
        }
        cstar_buf_fini(&all);
        s = again;
        s->got.len = s->got.len; /* it goes on with this one */
        cstar_buf_reset(&s->got);
        char id[64];
        (void)snprintf(id, sizeof id, "id: abcdef01-%012llx\n\n",
                       (unsigned long long)r.hub->last_id);
        cstar_buf_puts(&s->got, id);
    }
    finish(&r);
}

static void what_nobody_has_any_more(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){.keep = 4, .keep_ms = 1000}));
    publish(&r, "k", 0, 0);
    rigged *s = liverig_listen(&r, 0, "k");
    liverig_cut(s);
    publish(&r, "k", 1, 4);
    rigged *in_time = back(&r, s, "k", NULL);
    assert_true(cstar__live_resumes(in_time->live));
    liverig_start(in_time);
    assert_string_equal(liverig_text(in_time), "1 2 3 4");
    publish(&r, "k", 5, 5);
    rigged *late = back(&r, s, "k", NULL);
    assert_false(cstar__live_resumes(late->live));
    liverig_start(late);
    liverig_run(&r);
    assert_string_equal(liverig_text(late), "");
    assert_true(liverig_last_id(late) == r.hub->last_id);
    /* too old, and its topic has gone since */
    liverig_run(&r);
    liverig_cut(late);
    liverig_cut(in_time);
    rigged *other = back(&r, in_time, "k", NULL);
    liverig_cut(other);
    publish(&r, "k", 6, 6);
    r.now += 2000;
    cstar__hub_tidy(r.hub, CSTAR__SHARDS);
    rigged *old = back(&r, in_time, "k", NULL);
    assert_false(cstar__live_resumes(old->live));
    /* one topic without replay is enough */
    rigged *plain = back(&r, late, "k", "a");
    assert_false(cstar__live_resumes(plain->live));
    finish(&r);
}

static void an_id_of_the_future_is_none(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){0}));
    publish(&r, "k", 1, 1);
    rigged *s = liverig_open(&r, 0);
    cstar_buf_puts(&s->got, "id: abcdef01-000000000009\n");
    rigged *again = back(&r, s, "k", NULL);
    assert_false(cstar__live_resumes(again->live));
    finish(&r);
}

/* However much it missed: the budget is for what it is too slow for. */
static void replay_may_be_larger_than_the_budget(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){.keep = 1000}));
    publish(&r, "k", 1, 1);
    rigged *s = liverig_listen(&r, 0, "k");
    liverig_cut(s);
    publish(&r, "k", 100, 399);
    rigged *again = back(&r, s, "k", NULL);
    again->conf.max_waiting = 500;
    again->room = 100;
    liverig_start(again);
    assert_int_equal(again->aborts, 0);
    publish(&r, "k", 400, 401); /* of these it has room for five */
    liverig_run(&r);
    assert_int_equal(again->aborts, 0);
    liverig_take(again, SIZE_MAX);
    assert_int_equal(strlen(liverig_text(again)), 302 * 4 - 1);
    finish(&r);
}

/* Of those that it missed, and of what came meanwhile. */
static void the_newest_of_a_key_that_was_missed(void **state) {
    (void)state;
    liverig r;
    assert_true(liverig_init(&r, &(liverig_opts){.keep = 64}));
    publish(&r, "k1", 1, 1);
    rigged *s = liverig_listen(&r, 0, "k1");
    liverig_cut(s);
    liverig_publish_keyed(&r, "k1", "2", "a");
    liverig_publish_keyed(&r, "k2", "3", "b");
    publish(&r, "k2", 4, 4);
    liverig_publish_keyed(&r, "k2", "5", "a");
    liverig_publish_keyed(&r, "k1", "6", "ab");
    liverig_publish_keyed(&r, "k1", "7", "");
    liverig_publish_keyed(&r, "k1", "8", "b");
    s = back(&r, s, "k1", "k2");
    liverig_publish_keyed(&r, "k2", "9", "a");
    liverig_run(&r);
    liverig_start(s);
    assert_string_equal(liverig_text(s), "4 6 7 8 9");
    finish(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_follows_in_order),
        cmocka_unit_test(the_newest_of_a_key_is_sent),
        cmocka_unit_test(the_oldest_is_dropped),
        cmocka_unit_test(what_was_missed_is_not_dropped),
        cmocka_unit_test(a_large_frame_behind_what_was_missed),
        cmocka_unit_test(who_is_too_slow_is_cut),
        cmocka_unit_test(a_quick_client_survives_a_large_batch),
        cmocka_unit_test(nothing_is_tried_when_grace_is_over),
        cmocka_unit_test(one_frame_may_be_larger_than_the_budget),
        cmocka_unit_test(what_was_early_is_not_counted),
        cmocka_unit_test(what_was_early_is_not_dropped),
        cmocka_unit_test(a_long_frame_behind_what_was_early),
        cmocka_unit_test(a_write_that_does_not_fit_cuts),
        cmocka_unit_test(a_write_without_memory_cuts),
        cmocka_unit_test(a_halt_sends_what_waits),
        cmocka_unit_test(who_does_not_take_the_end_is_cut),
        cmocka_unit_test(a_clean_end_without_memory_for_its_grace),
        cmocka_unit_test(a_replaced_one_without_last_words_is_cut_too),
        cmocka_unit_test(a_replaced_one_says_its_last_words_only),
        cmocka_unit_test(a_callback_that_writes_too_much),
        cmocka_unit_test(answers_keep_their_place),
        cmocka_unit_test(a_long_answer_behind_a_frame),
        cmocka_unit_test(no_callbacks_at_all),
        cmocka_unit_test(what_is_early_waits),
        cmocka_unit_test(an_early_message_of_a_topic_that_was_left),
        cmocka_unit_test(what_is_early_keeps_its_order),
        cmocka_unit_test(a_topic_that_was_left_before_the_start),
        cmocka_unit_test(too_much_that_is_early_cuts),
        cmocka_unit_test(one_that_never_starts),
        cmocka_unit_test(silence_is_broken),
        cmocka_unit_test(streams_of_one_connection_are_pinged_together),
        cmocka_unit_test(an_alarm_does_not_move_the_ping),
        cmocka_unit_test(what_was_missed_comes_once_in_order),
        cmocka_unit_test(nothing_is_lost_between_subscribing_to_two),
        cmocka_unit_test(ids_never_go_back),
        cmocka_unit_test(what_nobody_has_any_more),
        cmocka_unit_test(an_id_of_the_future_is_none),
        cmocka_unit_test(replay_may_be_larger_than_the_budget),
        cmocka_unit_test(the_newest_of_a_key_that_was_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
