/* test_packet.c -- what is published: one frame in one chunk, its id, its references.
 * SPDX-License-Identifier: MIT */
#include "live/packet.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static cstar__packet *frame(const cstar_allocator *alloc, const char *events, bool kept) {
    cstar_buf b;
    cstar__packet_begin(&b, alloc, 4096);
    cstar_buf_puts(&b, events);
    return kept ? cstar__packet_end_kept(&b, "key") : cstar__packet_end(&b, "key");
}

static void a_frame_is_a_whole_chunk(void **state) {
    (void)state;
    cstar__packet *p = frame(cstar_heap(), "data: 12345678\n\n", false);
    assert_true(cstar_str_eq(p->wire.bytes, CSTAR_STR("data: 12345678\n\n")));
    assert_true(cstar_str_eq(p->wire.chunk, CSTAR_STR("10\r\ndata: 12345678\n\n\r\n")));
    assert_true(cstar_str_eq(p->key, CSTAR_STR("key")));
    cstar__packet_stamp(p, 1, 2); /* it has no room for one */
    assert_int_equal(p->id, 2);
    assert_true(cstar_str_eq(p->wire.bytes, CSTAR_STR("data: 12345678\n\n")));
    cstar__packet_unref(p);
}

static void sizes_of_chunks(void **state) {
    (void)state;
    static char text[70000];
    for (size_t n = 1; n < sizeof text; n = n < 300 ? n + 1 : n * 3) {
        cstar_buf b;
        char head[32];
        memset(text, 'x', n);
        cstar__packet_begin(&b, cstar_heap(), 0);
        b.limit = 1 << 20;
        cstar_buf_add(&b, text, n);
        cstar__packet *p = cstar__packet_end(&b, NULL);
        const int len = snprintf(head, sizeof head, "%zx\r\n", n);
        assert_int_equal(p->wire.chunk.len, (size_t)len + n + 2);
        assert_memory_equal(p->wire.chunk.ptr, head, (size_t)len);
        assert_memory_equal(p->wire.chunk.ptr + len + n, "\r\n", 2);
        assert_ptr_equal(p->wire.bytes.ptr, p->wire.chunk.ptr + len);
        cstar__packet_unref(p);
    }
}

static void what_has_no_events_is_refused(void **state) {
    (void)state;
    cstar_buf b;
    for (int kept = 0; kept < 2; kept++) {
        cstar__packet_begin(&b, cstar_heap(), 100);
        assert_null(kept ? cstar__packet_end_kept(&b, NULL) : cstar__packet_end(&b, NULL));
        assert_int_equal(b.status, CSTAR_EINVAL);
        cstar__packet_begin(&b, cstar_heap(), 10);
        cstar_buf_puts(&b, "data: 12345678\n\n"); /* over its limit */
        assert_null(kept ? cstar__packet_end_kept(&b, NULL) : cstar__packet_end(&b, NULL));
        assert_int_equal(b.status, CSTAR_ELIMIT);
    }
    cstar__packet_begin(&b, cstar_heap(), 100);
    cstar_buf_puts(&b, "data: not ended\n");
    assert_null(cstar__packet_end_kept(&b, NULL));
    assert_int_equal(b.status, CSTAR_EINVAL);
}

static void the_limit_is_of_the_events_alone(void **state) {
    (void)state;
    cstar_buf b;
    cstar__packet_begin(&b, cstar_heap(), 9);
    cstar_buf_puts(&b, "data: 1\n\n");
    cstar__packet *p = cstar__packet_end_kept(&b, "a key of some length");
    assert_non_null(p);
    assert_int_equal(p->wire.bytes.len, 9 + 26);
    cstar__packet_unref(p);
}

/* ---- ids ---- */

/* What is added for a chunk's head does not make a small number of it. */
static void a_limit_may_be_none(void **state) {
    (void)state;
    for (size_t less = 0; less < 30; less++) {
        cstar_buf b;
        cstar__packet_begin(&b, cstar_heap(), SIZE_MAX - less);
        cstar_buf_puts(&b, "data: 12345678\n\n");
        cstar__packet *p = cstar__packet_end_kept(&b, "key");
        assert_non_null(p);
        cstar__packet_unref(p);
    }
}

static void an_id_is_the_last_field(void **state) {
    (void)state;
    cstar__packet *p = frame(cstar_heap(), "event: e\ndata: 1\n\n", true);
    cstar__packet_stamp(p, 0xdeadbeef, 0x123456789abc);
    assert_true(
        cstar_str_eq(p->wire.bytes, CSTAR_STR("event: e\ndata: 1\nid: deadbeef-123456789abc\n\n")));
    cstar__packet_unref(p);
}

/* What the Datastar client keeps of bytes that were cut short: an id counts when its line is complete,
 * an event at its blank line. */
typedef struct reader {
    unsigned events;
    bool id;
} reader;

static reader read_some(cstar_str bytes) {
    reader r = {0};
    size_t from = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] == '\n') {
            r.events += i == from;
            r.id = r.id || (i - from > 4 && memcmp(bytes.ptr + from, "id: ", 4) == 0);
            from = i + 1;
        }
    }
    return r;
}

static void a_cut_is_ambiguous_at_one_byte_only(void **state) {
    (void)state;
    cstar__packet *p = frame(cstar_heap(), "event: e\ndata: one\ndata: two\ndata: three\n\n", true);
    cstar__packet_stamp(p, 1, 7);
    const cstar_str all = p->wire.bytes;
    for (size_t n = 0; n <= all.len; n++) {
        const reader r = read_some(cstar_view(all.ptr, n));
        assert_int_equal(r.events, n == all.len);
        assert_int_equal(r.id, n >= all.len - 1);
    }
    cstar__packet_unref(p);
}

static void ids_are_read_strictly(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "1",
                                      "deadbeef-123456789ab",
                                      "deadbeef-123456789abcd",
                                      "deadbeef+123456789abc",
                                      "DEADBEEF-123456789abc",
                                      "deadbeef-12345678 abc",
                                      "0xadbeef-123456789abc"};
    uint32_t epoch = 0;
    uint64_t id = 0;
    assert_true(cstar__packet_parse_id(CSTAR_STR("deadbeef-123456789abc"), &epoch, &id));
    assert_int_equal(epoch, 0xdeadbeef);
    assert_true(id == 0x123456789abc);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(cstar__packet_parse_id(cstar_cstr(bad[i]), &epoch, &id));
    }
}

/* ---- messages ---- */

static int released;
static void release(void *arg) { released += *(int *)arg; }

static void lent_bytes_go_once(void **state) {
    (void)state;
    int one = 1;
    released = 0;
    cstar__packet *p = cstar__packet_lend(cstar_heap(), CSTAR_STR("abc"), release, &one);
    cstar__packet_ref(p);
    cstar__packet_unref(p);
    assert_int_equal(released, 0);
    cstar__packet_unref(p);
    assert_int_equal(released, 1);
    cstar__packet_unref(NULL);
    failalloc memory;
    failalloc_init(&memory, 1);
    assert_null(cstar__packet_lend(&memory.alloc, CSTAR_STR("abc"), release, &one));
    assert_int_equal(released, 2);
}

static void copies_end_with_a_nul(void **state) {
    (void)state;
    cstar__packet *p = cstar__packet_copy(cstar_heap(), CSTAR_STR(""), CSTAR__PACKET_JSON);
    assert_string_equal(p->bytes.ptr, "");
    cstar__packet_unref(p);
    p = cstar__packet_copy(cstar_heap(), cstar_view("abcdef", 3), CSTAR__PACKET_BYTES);
    assert_string_equal(p->bytes.ptr, "abc");
    assert_int_equal(p->bytes.len, 3);
    cstar__packet_unref(p);
}

static void scarcity(void **state) {
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        cstar__packet *p = NULL;
        for (size_t n = 1; p == NULL; n++) {
            failalloc memory;
            failalloc_init(&memory, n);
            p = kind == 2 ? cstar__packet_copy(&memory.alloc, CSTAR_STR("x"), CSTAR__PACKET_BYTES)
                          : frame(&memory.alloc, "data: 1\n\n", kind == 1);
            assert_true(n < 20);
            if (p != NULL) {
                assert_true(n > 2);
                cstar__packet_unref(p);
            }
            assert_int_equal(memory.live_bytes, 0);
            assert_int_equal(memory.live_blocks, 0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_a_whole_chunk),
        cmocka_unit_test(sizes_of_chunks),
        cmocka_unit_test(what_has_no_events_is_refused),
        cmocka_unit_test(the_limit_is_of_the_events_alone),
        cmocka_unit_test(a_limit_may_be_none),
        cmocka_unit_test(an_id_is_the_last_field),
        cmocka_unit_test(a_cut_is_ambiguous_at_one_byte_only),
        cmocka_unit_test(ids_are_read_strictly),
        cmocka_unit_test(lent_bytes_go_once),
        cmocka_unit_test(copies_end_with_a_nul),
        cmocka_unit_test(scarcity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
