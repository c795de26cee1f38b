/* test_mail.c -- a room that opens its mail only when it was woken has all of it.
 *
 * SPDX-License-Identifier: MIT */
#include "live/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static unsigned wakes;

static void wake(void *arg, unsigned room) {
    (void)arg, (void)room;
    wakes++;
}

static void publish(cstar__hub *hub, unsigned count) {
    for (; count != 0; count--) {
        cstar_buf b;
        cstar__packet_begin(&b, cstar_heap(), 0);
        cstar_buf_lit(&b, "data: 1\n\n");
        cstar__packet *p = cstar__packet_end(&b, NULL);
        assert_non_null(p);
        assert_int_equal(cstar__hub_publish(hub, CSTAR_STR("t"), p), CSTAR_OK);
        cstar__packet_unref(p);
    }
}

/* Wakes that come together are one, as a loop has it. @return whether there was one. */
static bool turn(cstar__hub *hub) {
    const bool woken = wakes != 0;
    wakes = 0;
    if (woken) {
        (void)cstar__room_open_mail(cstar__hub_room(hub, 0));
    }
    return woken;
}

/* `first` letters, one turn, `later` ones, and as many turns as there are wakes: all is read, and so is
 * what comes then. */
static void reads_all(unsigned first, unsigned later) {
    cstar__hub_count n;
    wakes = 0;
    cstar__hub *hub = cstar__hub_new(&(cstar__hub_opts){.rooms = 1, .wake = wake});
    assert_non_null(hub);
    cstar__live *s = cstar__live_new(cstar__hub_room(hub, 0), 0);
    assert_non_null(s);
    assert_int_equal(cstar__live_subscribe(s, CSTAR_STR("t")), CSTAR_OK);
    publish(hub, first);
    assert_true(turn(hub));
    publish(hub, later);
    while (turn(hub)) {
    }
    cstar__hub_counts(hub, &n);
    assert_int_equal(n.waiting, 0);
    publish(hub, 1);
    assert_true(turn(hub));
    cstar__hub_counts(hub, &n);
    assert_int_equal(n.waiting, 0);
    cstar__live_over(s);
    cstar__hub_free(hub);
}

static void what_comes_between_two_batches_is_read(void **state) {
    (void)state;
    for (unsigned first = 0; first < 200; first += 9) {
        reads_all(first, 0);
        reads_all(first, 1);
        reads_all(first, 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_between_two_batches_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
