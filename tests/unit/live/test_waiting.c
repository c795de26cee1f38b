/* test_waiting.c -- what waits for one client.
 * SPDX-License-Identifier: MIT */
#include "live/waiting.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static cstar__packet *frame(const char *text, const char *key) {
    cstar_buf b;
    cstar__packet_begin(&b, cstar_heap(), 4096);
    cstar_buf_puts(&b, text);
    return cstar__packet_end(&b, key);
}

/* Puts one of which nobody else has a reference. */
static bool put(cstar__waiting **w, const cstar_allocator *alloc, const char *text,
                const char *key) {
    bool replaced = false;
    cstar__packet *p = frame(text, key);
    assert_true(cstar__waiting_put(w, alloc, p, &replaced));
    assert_int_equal(p->refs, 2);
    cstar__packet_unref(p);
    return replaced;
}

static void expect(const cstar__waiting *w, const char *text) {
    const cstar__shared *pieces[64];
    char all[256] = "";
    const size_t n = w != NULL ? cstar__waiting_peek(w, pieces, 64) : 0;
    for (size_t i = 0; i < n; i++) {
        strncat(all, pieces[i]->bytes.ptr, pieces[i]->bytes.len);
    }
    assert_string_equal(all, text);
}

static void they_keep_their_order_round_the_end(void **state) {
    (void)state;
    cstar__waiting *w = NULL;
    char text[16];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof text, "%d,", i);
        (void)put(&w, cstar_heap(), text, NULL);
        if (i >= 3) {
            const cstar__shared *piece = NULL;
            char oldest[16];
            assert_int_equal(cstar__waiting_peek(w, &piece, 1), 1);
            (void)snprintf(oldest, sizeof oldest, "%d,", i - 3);
            assert_memory_equal(piece->bytes.ptr, oldest, strlen(oldest));
            cstar__waiting_take(w, 1);
        }
    }
    assert_int_equal(w->cap, 4);
    expect(w, "97,98,99,");
    assert_int_equal(w->bytes, 3 * (3 + 64));
    cstar__waiting_free(&w, cstar_heap());
    assert_null(w);
    cstar__waiting_free(&w, cstar_heap());
}

static void the_newest_of_a_key_stays(void **state) {
    (void)state;
    for (int head = 0; head < 4; head++) { /* wherever the ring begins */
        cstar__waiting *w = NULL;
        for (int i = 0; i < head; i++) {
            (void)put(&w, cstar_heap(), "?", NULL);
            cstar__waiting_take(w, 1);
        }
        assert_false(put(&w, cstar_heap(), "a", "A"));
        assert_false(put(&w, cstar_heap(), "n", NULL));
        assert_false(put(&w, cstar_heap(), "b", "B"));
        assert_true(put(&w, cstar_heap(), "c", "A"));
        expect(w, "nbc");
        assert_false(put(&w, cstar_heap(), "m", ""));
        assert_true(put(&w, cstar_heap(), "d", "B"));
        expect(w, "ncmd");
        assert_int_equal(w->bytes, 4 * 65);
        cstar__waiting_free(&w, cstar_heap());
    }
}

static void what_was_missed_counts_nothing(void **state) {
    (void)state;
    cstar__waiting *w = NULL;
    for (int i = 0; i < 6; i++) {
        cstar__packet *p = frame("m", i == 2 ? "K" : NULL);
        assert_true(cstar__waiting_put_missed(&w, cstar_heap(), p));
        cstar__packet_unref(p);
    }
    assert_int_equal(w->bytes, 0);
    assert_true(put(&w, cstar_heap(), "k", "K"));
    (void)put(&w, cstar_heap(), "l", "L");
    assert_int_equal(w->bytes, 2 * 65);
    assert_int_equal(w->spared, 5);
    cstar__waiting_take(w, 4);
    assert_int_equal(w->bytes, 2 * 65);
    cstar__waiting_take(w, 2);
    assert_int_equal(w->bytes, 65);
    expect(w, "l");
    cstar__waiting_free(&w, cstar_heap());
}

static void scarcity(void **state) {
    (void)state;
    failalloc memory;
    cstar__waiting *w = NULL;
    bool replaced = false;
    failalloc_init(&memory, 2); /* the first growth */
    cstar__packet *p = frame("x", "K");
    for (int i = 0; i < 4; i++) {
        cstar__packet *q = frame("x", NULL);
        assert_true(cstar__waiting_put(&w, &memory.alloc, q, &replaced));
        cstar__packet_unref(q);
    }
    assert_false(cstar__waiting_put(&w, &memory.alloc, p, &replaced));
    assert_int_equal(p->refs, 1);
    expect(w, "xxxx");
    assert_true(cstar__waiting_put(&w, &memory.alloc, p, &replaced));
    expect(w, "xxxxx");
    cstar__waiting_free(&w, &memory.alloc);
    assert_int_equal(p->refs, 1);
    cstar__packet_unref(p);
    assert_int_equal(memory.live_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_keep_their_order_round_the_end),
        cmocka_unit_test(the_newest_of_a_key_stays),
        cmocka_unit_test(what_was_missed_counts_nothing),
        cmocka_unit_test(scarcity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
