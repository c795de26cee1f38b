/* test_room_mail.c -- a room whose mail comes in pieces: nothing may be left without a wake.
 * SPDX-License-Identifier: MIT */
#include "live/parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MORE_THAN_A_BATCH = 100 };

typedef struct rig {
    cstar__hub *hub;
    cstar__room *room;
    cstar__live *s;
    cstar__exchange x;
    cstar__exchange_pool pool;
    bool awake; /* somebody has asked for it; as with a loop's async handle, once or often */
    unsigned heard;
    bool echoes; /* what it hears it publishes again */
} rig;

static void publish(const rig *r);

static void wake(void *arg, unsigned room) {
    assert_int_equal(room, 0);
    ((rig *)arg)->awake = true;
}

static void on_info(cstar__live *s, const char *topic, const cstar__packet *p) {
    rig *r = cstar__live_user(s);
    assert_string_equal(topic, "t");
    assert_int_equal(p->kind, CSTAR__PACKET_BYTES);
    r->heard++;
    if (r->echoes) {
        publish(r);
    }
}

static const cstar__live_ops ops = {.info = on_info};
static const cstar__live_conf conf = {
    .ops = &ops, .ping_ms = 1000, .grace_ms = 1000, .max_waiting = 1 << 16};

static void open_mail(rig *r) {
    r->awake = false;
    (void)cstar__room_open_mail(r->room);
}

static void open_all(rig *r) {
    while (r->awake) {
        open_mail(r);
    }
}

static void set_up(rig *r) {
    memset(r, 0, sizeof *r);
    r->hub = cstar__hub_new(&(cstar__hub_opts){.rooms = 1, .wake = wake, .arg = r});
    assert_non_null(r->hub);
    r->room = cstar__hub_room(r->hub, 0);
    r->s = cstar__live_new(r->room, 0);
    assert_non_null(r->s);
    cstar__live_set_conf(r->s, &conf, r);
    assert_int_equal(cstar__live_subscribe(r->s, CSTAR_STR("t")), CSTAR_OK);
    r->x = (cstar__exchange){.pool = &r->pool, .peer = &cstar__nobody};
    cstar__live_start(r->s, &r->x);
    open_all(r);
}

static void tear_down(rig *r) {
    cstar__live_over(r->s);
    cstar__hub_free(r->hub);
}

static void publish(const rig *r) {
    cstar__packet *p = cstar__packet_copy(cstar_heap(), CSTAR_STR("x"), CSTAR__PACKET_BYTES);
    assert_non_null(p);
    assert_int_equal(cstar__hub_publish(r->hub, CSTAR_STR("t"), p), CSTAR_OK);
    cstar__packet_unref(p);
}

/* A room that is not behind is woken by the first letter only. The wake of a letter that comes while
 * half of a batch is still to be opened is the same as the one for that half. */
static void mail_that_comes_between_two_batches_is_opened(void **state) {
    (void)state;
    rig r;
    set_up(&r);
    for (unsigned i = 0; i < MORE_THAN_A_BATCH; i++) {
        publish(&r);
    }
    open_mail(&r);
    assert_true(r.heard < MORE_THAN_A_BATCH);
    assert_true(r.awake);
    publish(&r);
    open_all(&r);
    assert_int_equal(r.heard, MORE_THAN_A_BATCH + 1);
    publish(&r); /* and whatever comes later */
    open_all(&r);
    assert_int_equal(r.heard, MORE_THAN_A_BATCH + 2);
    assert_false(cstar__room_open_mail(r.room));
    tear_down(&r);
}

/* Before its streams end: a rest, what is in the inbox, and nothing of what that brings for ever.
 * */
static void all_mail_is_opened_however_much(void **state) {
    (void)state;
    for (int rest = 0; rest < 2; rest++) {
        rig r;
        set_up(&r);
        for (unsigned i = 0; i < 3 * MORE_THAN_A_BATCH; i++) {
            publish(&r);
        }
        if (rest != 0) {
            open_mail(&r);
            publish(&r);
        }
        r.awake = false;
        cstar__room_open_all(r.room);
        assert_int_equal(r.heard, 3 * MORE_THAN_A_BATCH + (unsigned)rest);
        r.echoes = true;
        publish(&r);
        cstar__room_open_all(r.room); /* each of them causes another one */
        assert_true(r.heard <= 3 * MORE_THAN_A_BATCH + (unsigned)rest + 2);
        assert_true(r.awake); /* the last waits for its wake */
        r.echoes = false;
        const unsigned heard = r.heard;
        open_all(&r);
        assert_int_equal(r.heard, heard + 1);
        tear_down(&r);
    }
}

static void a_room_without_mail_is_not_woken(void **state) {
    (void)state;
    rig r;
    set_up(&r);
    publish(&r);
    assert_true(r.awake);
    open_mail(&r);
    assert_false(r.awake);
    assert_int_equal(r.heard, 1);
    tear_down(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_that_comes_between_two_batches_is_opened),
        cmocka_unit_test(all_mail_is_opened_however_much),
        cmocka_unit_test(a_room_without_mail_is_not_woken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
