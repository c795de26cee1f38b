/* test_scarcity.c -- each allocation of a story fails once: every call says so or the stream is cut, no
 * publication reaches one room and not the other, and everything comes back.
 * SPDX-License-Identifier: MIT */
#include "support/liverig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TOPIC(name) CSTAR_STR(name)

enum { PUBLICATIONS = 12 };

/* What came true of the story. */
typedef struct tale {
    liverig r;
    rigged *streams[3]; /* of room 0, of room 1, and one that comes back; NULL: could not be made */
    bool listens[3];
    int sent; /* publications that were taken */
    char expected[256];
} tale;

static bool subscribed(rigged *s, const char *topic) {
    const cstar_status rc = cstar__live_subscribe(s->live, cstar_cstr(topic));
    assert_true(rc == CSTAR_OK || rc == CSTAR_ENOMEM);
    return rc == CSTAR_OK;
}

/* Two listen, in two rooms; one is slow, so that it has a queue. */
static void open_streams(tale *t) {
    for (unsigned i = 0; i < 2; i++) {
        rigged *s = t->streams[i] = liverig_open(&t->r, i);
        if (s == NULL) {
            continue;
        }
        s->conf.max_waiting = 1 << 20;
        t->listens[i] = subscribed(s, "k");
        liverig_start(s);
        if (s->live != NULL && i == 1) {
            (void)subscribed(s, "other");
        }
    }
    liverig_run(&t->r);
}

static void publish(tale *t) {
    for (int i = 0; i < PUBLICATIONS; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", i);
        const cstar_status rc = liverig_publish(&t->r, "k", text);
        assert_true(rc == CSTAR_OK || rc == CSTAR_ENOMEM);
        if (rc == CSTAR_OK) {
            t->sent++;
            strcat(t->expected, t->expected[0] != '\0' ? " " : "");
            strcat(t->expected, text);
        }
        (void)liverig_tell(&t->r, "other", "x");
        if (i % 4 == 3) {
            liverig_run(&t->r);
        }
    }
}

/* Who is still there has all of it. */
static void check(tale *t) {
    for (int i = 0; i < 2; i++) {
        rigged *s = t->streams[i];
        if (s != NULL && s->live != NULL && t->listens[i]) {
            s->room = SIZE_MAX;
            cstar__live_wake(s->live);
            if (s->live != NULL) {
                assert_string_equal(liverig_text(s), t->expected);
            }
        }
        if (s != NULL) {
            assert_int_equal(s->overs, s->live == NULL);
        }
    }
}

/* Gets all that it missed, or is told to start anew; or does not start. */
static void come_back(tale *t) {
    rigged *before = t->streams[0];
    if (before == NULL || !t->listens[0]) {
        return;
    }
    cstar_buf_reset(&before->got);
    cstar_buf_puts(&before->got, "id: abcdef01-000000000001\n");
    rigged *s = liverig_reopen(&t->r, 1, before);
    if (s == NULL) {
        return;
    }
    t->streams[2] = s;
    t->listens[2] = subscribed(s, "k");
    (void)cstar__live_address(s->live);
    (void)liverig_publish(&t->r, "k", "last");
    (void)liverig_tell(&t->r, "k", "early");
    const bool took = t->r.status == CSTAR_OK;
    liverig_run(&t->r);
    const bool resumes = cstar__live_resumes(s->live);
    liverig_start(s);
    if (t->listens[2] && s->live != NULL) {
        assert_int_equal(s->infos, took);
        if (resumes) { /* the first one has id 1 */
            const char *rest = strchr(t->expected, ' ');
            assert_non_null(rest);
            assert_memory_equal(liverig_text(s), rest + 1, strlen(rest + 1));
        }
    }
}

static size_t tell(size_t fail_at, bool sticky) {
    tale t;
    memset(&t, 0, sizeof t);
    if (liverig_init(&t.r, &(liverig_opts){.rooms = 2, .keep = 100, .fail_at = fail_at})) {
        t.r.memory.sticky = sticky;
        open_streams(&t);
        if (t.streams[1] != NULL) {
            t.streams[1]->room = 50;
        }
        publish(&t);
        check(&t);
        come_back(&t);
    }
    const size_t calls = t.r.memory.calls;
    liverig_fini(&t.r);
    assert_int_equal(t.r.memory.live_bytes, 0);
    assert_int_equal(t.r.memory.live_blocks, 0);
    return calls;
}

static void each_allocation_fails_once(void **state) {
    (void)state;
    const size_t calls = tell(0, false);
    assert_true(calls > 50);
    for (size_t n = 1; n <= calls + 1; n++) {
        (void)tell(n, false);
    }
}

static void nothing_is_left_from_one_on(void **state) {
    (void)state;
    const size_t calls = tell(0, false);
    for (size_t n = 1; n <= calls + 1; n++) {
        (void)tell(n, true);
    }
}

/* Of three rooms, in each of which somebody listens, all get it or none. */
static void nobody_gets_half_of_it(void **state) {
    (void)state;
    unsigned refused = 0;
    for (size_t n = 1; n < 30; n++) {
        liverig r;
        assert_true(liverig_init(&r, &(liverig_opts){.rooms = 3}));
        for (unsigned i = 0; i < 3; i++) {
            assert_non_null(liverig_listen(&r, i, "a"));
        }
        liverig_run(&r);
        r.memory.fail_at = r.memory.calls + n;
        const cstar_status rc = liverig_publish(&r, "a", "1");
        r.memory.fail_at = 0;
        liverig_run(&r);
        for (unsigned i = 0; i < 3; i++) {
            assert_string_equal(liverig_text(r.streams[i]), rc == CSTAR_OK ? "1" : "");
        }
        refused += rc != CSTAR_OK;
        assert_true(rc == CSTAR_OK || rc == CSTAR_ENOMEM);
        liverig_fini(&r);
        assert_int_equal(r.memory.live_bytes, 0);
    }
    assert_in_range(refused, 4, 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_fails_once),
        cmocka_unit_test(nothing_is_left_from_one_on),
        cmocka_unit_test(nobody_gets_half_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
