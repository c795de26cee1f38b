/* test_stream_chaos.c -- streams that do everything in any order, with memory that fails now and
 * then: what is published and told has numbers that grow. ctest: timeout=120
 *
 * Asserted: no client ever sees a number behind a larger one, or one twice; who does nothing odd
 * has all of them; each stream is over once; everything comes back.
 *
 * SPDX-License-Identifier: MIT */
#include "live/stream_parts.h"
#include "support/liverig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TOPICS = 4, STEPS = 600, SEEDS = 300, ROOMS = 2 };

static const char *const topics[TOPICS] = {"a", "b", "k1", "k2"};

/* What is known of a stream that does nothing odd: what it has to get. */
typedef struct steady {
    rigged *s;
    bool listens[TOPICS];
    cstar_buf expected;
} steady;

typedef struct chaos {
    liverig r;
    unsigned dice;
    int seq;
    bool scarce;
    steady one; /* `s` NULL: memory may fail */
} chaos;

static chaos the;

static unsigned roll(unsigned sides) {
    the.dice = the.dice * 1103515245 + 12345;
    return (the.dice >> 16) % sides;
}

static cstar_str random_topic(void) { return cstar_cstr(topics[roll(TOPICS)]); }

static rigged *random_stream(void) {
    rigged *s = the.r.nstreams != 0 ? the.r.streams[roll((unsigned)the.r.nstreams)] : NULL;
    return s != NULL && s->live != NULL && s != the.one.s ? s : NULL;
}

/* ---- publishing ---- */

static void expect(int topic, int seq) {
    char text[16];
    if (the.one.s != NULL && the.r.status == CSTAR_OK && the.one.listens[topic]) {
        (void)snprintf(text, sizeof text, "%s%d", the.one.expected.len != 0 ? " " : "", seq);
        cstar_buf_puts(&the.one.expected, text);
    }
}

static void publish(void) {
    char text[16];
    const int topic = (int)roll(TOPICS);
    const int seq = ++the.seq;
    (void)snprintf(text, sizeof text, "%d", seq);
    switch (roll(4)) {
    case 0:
        (void)liverig_tell(&the.r, topics[topic], text);
        break;
    case 1: /* of a key the newest alone is wanted, in a batch too */
        if (the.one.listens[topic]) {
            the.seq--;
            return;
        }
        (void)liverig_publish_keyed(&the.r, topics[topic], text, roll(2) != 0 ? "x" : "y");
        break;
    default:
        (void)liverig_publish(&the.r, topics[topic], text);
        break;
    }
    assert_true(the.r.status == CSTAR_OK || the.scarce);
    expect(topic, seq);
}

/* ---- callbacks ---- */

static void say_it(rigged *s, const cstar__packet *p) {
    char text[64];
    (void)snprintf(text, sizeof text, "data: %.*s\n\n", (int)p->bytes.len, p->bytes.ptr);
    (void)cstar__live_write(s->live, cstar_cstr(text));
}

static void be_steady(rigged *s, const char *topic, const cstar__packet *p) {
    (void)topic;
    say_it(s, p);
}

static void be_odd(rigged *s, const char *topic, const cstar__packet *p) {
    say_it(s, p);
    switch (roll(8)) {
    case 0:
        (void)cstar__live_unsubscribe(s->live, cstar_cstr(topic));
        break;
    case 1:
        (void)cstar__live_unsubscribe(s->live, cstar_cstr(topic));
        (void)cstar__live_subscribe(s->live, cstar_cstr(topic));
        break;
    case 2:
        cstar__live_end(s->live, roll(2) != 0 ? CSTAR__LIVE_HALTED : CSTAR__LIVE_DRAINED);
        break;
    case 3:
        s->room = roll(100); /* the client stops to read */
        break;
    case 4:
        publish();
        break;
    case 5:
        cstar__live_alarm(s->live, roll(50));
        break;
    default:
        (void)cstar__live_subscribe(s->live, random_topic());
        break;
    }
}

/* ---- steps ---- */

static void open_one(void) {
    const rigged *before =
        the.r.nstreams != 0 && roll(2) != 0 ? the.r.streams[roll((unsigned)the.r.nstreams)] : NULL;
    if (the.r.nstreams == RIG_STREAMS) {
        return;
    }
    rigged *s = before != NULL ? liverig_reopen(&the.r, roll(ROOMS), before)
                               : liverig_open(&the.r, roll(ROOMS));
    if (s == NULL) {
        return;
    }
    s->on_info = be_odd;
    s->conf.drop = roll(2) != 0;
    s->conf.max_waiting = 100 + roll(400);
    s->room = roll(2) != 0 ? SIZE_MAX : roll(200);
    s->last_words = roll(2) != 0 ? ": bye\n\n" : NULL;
    for (unsigned n = roll(4); n != 0; n--) {
        (void)cstar__live_subscribe(s->live, random_topic());
    }
    if (roll(4) == 0) {
        (void)cstar__live_unsubscribe(s->live, random_topic());
    }
}

static void begin_one(rigged *s) {
    if (s->live != NULL && cstar__opening_of(s->live) != NULL) {
        liverig_start(s);
    }
}

static void end_one(rigged *s) {
    cstar__live_set_generation(s->live, 7);
    switch (roll(4)) {
    case 0:
        liverig_cut(s);
        break;
    case 1:
        (void)cstar__hub_replace(the.r.hub, cstar__live_address(s->live), 6 + roll(2));
        break;
    default:
        if (s->x.request.minor == 0 && cstar__opening_of(s->live) == NULL) {
            cstar__live_end(s->live, (cstar__live_end_reason)roll(3));
        }
        break;
    }
}

static void step(void) {
    rigged *s = random_stream();
    const unsigned what = roll(12);
    if (the.scarce && roll(8) == 0) {
        the.r.memory.fail_at = the.r.memory.calls + 1 + roll(4);
    }
    if (what == 0) {
        open_one();
    } else if (what == 1) {
        (void)cstar__room_open_mail(cstar__hub_room(the.r.hub, roll(ROOMS)));
    } else if (what == 2) {
        liverig_advance(&the.r, roll(200));
    } else if (what == 3) {
        cstar__room_open_all(cstar__hub_room(the.r.hub, roll(ROOMS)));
    } else if (what <= 5 && s != NULL) {
        begin_one(s);
    } else if (what == 6 && s != NULL) {
        s->room = s->room != SIZE_MAX && roll(2) != 0 ? s->room + roll(300) : SIZE_MAX;
        cstar__live_wake(s->live);
    } else if (what == 7 && s != NULL && roll(3) == 0) {
        end_one(s);
    } else {
        publish();
    }
}

/* ---- what came ---- */

static void assert_grows(rigged *s) {
    int last = 0;
    for (const char *at = liverig_text(s); *at != '\0';) {
        char *end = NULL;
        const int n = (int)strtol(at, &end, 10);
        if (end == at) {
            at++; /* a comment */
            continue;
        }
        assert_true(n > last);
        last = n;
        at = end;
    }
}

static void open_steady(void) {
    the.one = (steady){.s = liverig_open(&the.r, 0)};
    assert_non_null(the.one.s);
    cstar_buf_init(&the.one.expected, cstar_heap(), 100000);
    the.one.s->on_info = be_steady;
    the.one.s->conf.ping_ms = 1U << 30;
    for (unsigned i = 0; i < TOPICS; i++) {
        the.one.listens[i] = roll(4) != 0;
        if (the.one.listens[i]) {
            assert_int_equal(cstar__live_subscribe(the.one.s->live, cstar_cstr(topics[i])),
                             CSTAR_OK);
        }
    }
}

static void assert_steady(void) {
    rigged *s = the.one.s;
    cstar_buf_byte(&the.one.expected, '\0');
    assert_non_null(s->live);
    assert_string_equal(liverig_text(s), the.one.expected.ptr);
    cstar_buf_fini(&the.one.expected);
}

static void live_through(unsigned seed, bool scarce) {
    the = (chaos){.dice = seed, .scarce = scarce};
    assert_true(liverig_init(&the.r, &(liverig_opts){.rooms = ROOMS, .keep = 20, .keep_ms = 2000}));
    if (!scarce) {
        open_steady();
    }
    for (int i = 0; i < STEPS; i++) {
        if (i == STEPS / 20 && the.one.s != NULL) {
            liverig_start(the.one.s);
        }
        step();
    }
    the.r.memory.fail_at = 0;
    for (unsigned idle = 0, i = 0; idle < ROOMS; i++) { /* callbacks of one write to the other */
        idle = cstar__room_open_mail(cstar__hub_room(the.r.hub, i % ROOMS)) ? 0 : idle + 1;
    }
    for (size_t i = 0; i < the.r.nstreams; i++) {
        assert_grows(the.r.streams[i]);
    }
    if (!scarce) {
        assert_steady();
    }
    cstar__hub_count count;
    cstar__hub_counts(the.r.hub, &count);
    assert_int_equal(count.waiting, 0);
    for (size_t i = 0; i < the.r.nstreams; i++) {
        liverig_cut(the.r.streams[i]);
        assert_int_equal(the.r.streams[i]->overs, 1);
    }
    cstar__hub_settle(the.r.hub);
    assert_int_equal(the.r.pool.stats.live_streams, 0);
    liverig_fini(&the.r);
    assert_int_equal(the.r.memory.live_bytes, 0);
    assert_int_equal(the.r.memory.live_blocks, 0);
}

static void anything_in_any_order(void **state) {
    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        live_through(seed, false);
    }
}

static void anything_without_memory(void **state) {
    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        live_through(seed, true);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anything_in_any_order),
        cmocka_unit_test(anything_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
