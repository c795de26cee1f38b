/* test_start_threads.c -- a stream that its starter still works on, while its room has mail for it.
 *
 * A blocking handler subscribes, and asks whether it resumes, on a thread of the pool. What comes meanwhile
 * is the loop's: it may be so much that the stream is to be cut. ctest: timeout=120 labels=threads
 *
 * SPDX-License-Identifier: MIT */
#include "live/stream.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { ROUNDS = 20, LARGE = 5 << 20 /* more than may wait before the start */ };

typedef struct rig {
    cstar__hub *hub;
    bool stop;
} rig;

static void *run_room(void *arg) {
    rig *r = arg;
    while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
        if (!cstar__room_open_mail(cstar__hub_room(r->hub, 0))) {
            (void)sched_yield();
        }
    }
    return NULL;
}

static void publish(const rig *r, size_t len) {
    cstar_buf b;
    cstar__packet_begin(&b, cstar_heap(), len);
    assert_true(cstar_buf_room(&b, len));
    memset(b.ptr + b.len, 'x', len);
    b.len += len;
    cstar__packet *p = cstar__packet_end(&b, NULL);
    assert_int_equal(cstar__hub_publish(r->hub, CSTAR_STR("first"), p), CSTAR_OK);
    cstar__packet_unref(p);
}

static size_t waiting_in(const rig *r) {
    cstar__hub_count c;
    cstar__hub_counts(r->hub, &c);
    return c.waiting;
}

/* @return how often it asked. */
static unsigned start_one(const rig *r, cstar__live *s) {
    unsigned asked = 0;
    assert_int_equal(cstar__live_subscribe(s, CSTAR_STR("first")), CSTAR_OK);
    publish(r, LARGE);
    while (waiting_in(r) != 0 || asked < 8) {
        char topic[16];
        (void)snprintf(topic, sizeof topic, "%u", asked % 8);
        assert_false(cstar__live_resumes(s));
        assert_int_equal(cstar__live_subscribe(s, cstar_cstr(topic)), CSTAR_OK);
        asked++;
    }
    return asked;
}

static void what_comes_early_is_not_its_starters(void **state) {
    (void)state;
    cstar__live *streams[ROUNDS];
    pthread_t room;
    rig r = {.hub = cstar__hub_new(&(cstar__hub_opts){.rooms = 1})};
    assert_non_null(r.hub);
    assert_int_equal(pthread_create(&room, NULL, run_room, &r), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        streams[i] = cstar__live_new(cstar__hub_room(r.hub, 0), 0);
        assert_non_null(streams[i]);
        assert_true(start_one(&r, streams[i]) >= 8);
    }
    __atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
    (void)pthread_join(room, NULL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        assert_true(cstar__live_is_cut(streams[i]));
        cstar__live_over(streams[i]);
    }
    cstar__hub_settle(r.hub);
    cstar__hub_free(r.hub);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_comes_early_is_not_its_starters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
