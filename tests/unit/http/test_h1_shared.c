/* test_h1_shared.c -- HTTP/1.1: pieces that many streamed responses share.
 *
 *     pieces ──cstar__respond_shared()──▶ driver's send ──┐
 *                     └──▶ out ──pump──▶ backlog ──open()─┴▶ wire
 *
 * The driver here has a socket with as much room as the test says, and the rules of the real one:
 * nothing is sent past what waits.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"
#include "support/h1rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define GET "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"

enum { PIECES = 400, LONGEST = 3000, PLENTY = 1 << 30, AHEAD = 256 * 1024 };

typedef struct line {
    h1rig rig; /* first: the handler's context */
    cstar_buf backlog, wire;
    size_t room;    /* that the socket has */
    bool claimed;   /* the machine may have written to `out` */
    bool broken;    /* the socket is */
    bool waits;     /* was told CSTAR_EAGAIN, and not to go on */
    size_t sends;   /* calls */
    size_t next, n; /* of the pieces: to be sent, up to */
    size_t wakes;
    cstar_status woken; /* what the offer in the last wake returned */
    cstar__exchange *x;
} line;

static char *text;
static cstar__shared made[PIECES];
static const cstar__shared *pieces[PIECES];

static uint32_t dice(uint32_t *seed, uint32_t sides) {
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % sides;
}

static int make_pieces(void **state) {
    (void)state;
    uint32_t seed = 7;
    text = malloc((size_t)PIECES * (LONGEST + 16));
    char *at = text;
    for (size_t i = 0; i < PIECES; i++) {
        const size_t len = dice(&seed, 4) == 0 ? 1 + dice(&seed, LONGEST) : 1 + dice(&seed, 60);
        char *begin = at;
        at += snprintf(at, 16, "%zx\r\n", len);
        made[i].bytes = cstar_view(at, len);
        for (size_t k = 0; k < len; k++) {
            *at++ = (char)('a' + (i + k) % 26);
        }
        *at++ = '\r';
        *at++ = '\n';
        made[i].chunk = cstar_view(begin, (size_t)(at - begin));
        pieces[i] = &made[i];
    }
    return 0;
}

static int free_pieces(void **state) {
    (void)state;
    free(text);
    return 0;
}

/* ---- the driver ----------------------------------------------------------------------------- */

static void claim(void *link) {
    line *l = link;
    l->claimed = true;
    l->rig.claims++;
}

static void take(line *l, cstar_str bytes) {
    assert_true(bytes.len <= l->room);
    cstar_buf_str(&l->wire, bytes);
    l->room -= bytes.len;
}

static ptrdiff_t send_pieces(void *link, const cstar_str *views, size_t n) {
    line *l = link;
    size_t sent = 0;
    l->sends++;
    assert_true(n != 0 && n <= CSTAR__SEND_MOST);
    if (l->broken) {
        return -1;
    }
    if (l->claimed || l->backlog.len != 0) {
        return 0;
    }
    assert_int_equal(l->rig.out.len, 0);
    for (size_t i = 0; i < n && l->room != 0; i++) {
        const size_t k = views[i].len < l->room ? views[i].len : l->room;
        take(l, cstar_view(views[i].ptr, k));
        sent += k;
    }
    return (ptrdiff_t)sent;
}

/* What a loop does: nothing is resumed while something waits for the socket. */
static void pump(line *l) {
    for (;;) {
        l->claimed = false;
        cstar_buf_str(&l->backlog, cstar_buf_view(&l->rig.out));
        cstar_buf_reset(&l->rig.out);
        const size_t k = l->backlog.len < l->room ? l->backlog.len : l->room;
        take(l, cstar_view(l->backlog.ptr, k));
        memmove(l->backlog.ptr, l->backlog.ptr + k, l->backlog.len - k);
        l->backlog.len -= k;
        if (l->backlog.len != 0 || !cstar__h1_wants_resume(&l->rig.machine)) {
            return;
        }
        assert_int_equal(cstar__h1_resume(&l->rig.machine), CSTAR_OK);
    }
}

static void open_socket(line *l, size_t room) {
    l->room = room;
    pump(l);
}

/* ---- the floor above ------------------------------------------------------------------------ */

static cstar_status offer(line *l) {
    size_t taken = PIECES;
    const cstar_status rc = cstar__respond_shared(l->x, pieces + l->next, l->n - l->next, &taken);
    assert_true(taken <= l->n - l->next);
    assert_true((rc == CSTAR_OK) == (taken == l->n - l->next));
    l->next += taken;
    l->waits = rc == CSTAR_EAGAIN;
    return rc;
}

static void on_wake(void *ctx, cstar__exchange *x) {
    line *l = ctx;
    assert_ptr_equal(x, l->x);
    l->wakes++;
    l->woken = offer(l);
}

static void init_with(line *l, const char *request, const cstar_allocator *alloc) {
    memset(l, 0, sizeof *l);
    h1rig_init(&l->rig, alloc);
    l->rig.quiet = true;
    l->rig.handler.on_wake = on_wake;
    l->rig.driver = (cstar__driver){.claim = claim, .send = send_pieces};
    l->rig.env.driver = &l->rig.driver;
    cstar_buf_init(&l->backlog, cstar_heap(), 1 << 24);
    cstar_buf_init(&l->wire, cstar_heap(), 1 << 24);
    l->room = PLENTY;
    assert_int_equal(h1rig_feed(&l->rig, request), CSTAR_OK);
    l->x = l->rig.waiting;
    if (l->x != NULL && cstar__respond_start(l->x, 200, NULL, 0) == CSTAR_OK) {
        pump(l);
    }
    cstar_buf_reset(&l->wire); /* of its head */
    l->rig.claims = 0;
    l->sends = 0;
}

static void init(line *l, const char *request) { init_with(l, request, cstar_heap()); }

static void fini(line *l) {
    cstar_buf_fini(&l->backlog);
    cstar_buf_fini(&l->wire);
    h1rig_fini(&l->rig);
}

/* The content of the chunks in `s`, which must be whole. */
static void read_chunks(cstar_str s, cstar_buf *to) {
    while (s.len != 0) {
        size_t n = 0;
        size_t at = 0;
        for (; at < s.len && s.ptr[at] != '\r'; at++) {
            const char c = s.ptr[at];
            assert_true((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
            n = n * 16 + (size_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        }
        assert_true(at != 0 && n != 0 && at + n + 4 <= s.len);
        assert_memory_equal(s.ptr + at, "\r\n", 2);
        cstar_buf_add(to, s.ptr + at + 2, n);
        assert_memory_equal(s.ptr + at + 2 + n, "\r\n", 2);
        s = cstar_view(s.ptr + at + n + 4, s.len - at - n - 4);
    }
}

/* All pieces before `n`, and no more, have arrived. */
static void assert_arrived(const line *l, size_t n) {
    cstar_buf got;
    cstar_buf wanted;
    cstar_buf_init(&got, cstar_heap(), 1 << 24);
    cstar_buf_init(&wanted, cstar_heap(), 1 << 24);
    for (size_t i = 0; i < n; i++) {
        cstar_buf_str(&wanted, made[i].bytes);
    }
    if (l->rig.machine.chunked) {
        read_chunks(cstar_buf_view(&l->wire), &got);
    } else {
        cstar_buf_str(&got, cstar_buf_view(&l->wire));
    }
    assert_int_equal(got.len, wanted.len);
    assert_memory_equal(got.ptr, wanted.ptr, wanted.len);
    assert_int_equal(l->x->sent, wanted.len);
    cstar_buf_fini(&got);
    cstar_buf_fini(&wanted);
}

/* ---- nothing waits -------------------------------------------------------------------------- */

static void test_whole(void **state) {
    (void)state;
    line l;
    init(&l, GET);
    l.n = 1;
    assert_int_equal(offer(&l), CSTAR_OK);
    assert_int_equal(l.sends, 1);
    l.n = 150; /* in threes of 64 */
    assert_int_equal(offer(&l), CSTAR_OK);
    assert_int_equal(l.sends, 4);
    assert_int_equal(l.rig.claims, 0); /* the machine was passed by */
    assert_int_equal(l.rig.machine.ahead, 0);
    assert_false(cstar__h1_wants_resume(&l.rig.machine));
    assert_arrived(&l, 150);
    assert_int_equal(l.wire.len, (size_t)(made[150].chunk.ptr - made[0].chunk.ptr));
    assert_memory_equal(l.wire.ptr, text, l.wire.len);
    size_t taken = 1;
    assert_int_equal(cstar__respond_shared(l.x, NULL, 0, &taken), CSTAR_OK);
    assert_int_equal(taken, 0);
    fini(&l);
}

/* Cut at every byte of the first two: the rest of one piece is kept, the others wait above. */
static void test_part(void **state) {
    (void)state;
    const size_t two = made[0].chunk.len + made[1].chunk.len;
    for (size_t room = 0; room <= two; room++) {
        line l;
        init(&l, GET);
        l.room = room;
        l.n = 4;
        const size_t whole = (room >= made[0].chunk.len) + (size_t)(room >= two);
        assert_int_equal(offer(&l), CSTAR_EAGAIN);
        assert_int_equal(l.next, whole + 1);
        assert_int_equal(l.sends, 1);
        assert_true(l.rig.claims != 0 && l.rig.machine.ahead != 0);
        assert_int_equal(l.wire.len + l.rig.out.len,
                         made[whole].chunk.ptr - text + (ptrdiff_t)made[whole].chunk.len);
        assert_int_equal(offer(&l), CSTAR_EAGAIN); /* nothing overtakes, nothing piles up */
        pump(&l);
        assert_int_equal(offer(&l), CSTAR_EAGAIN);
        assert_int_equal(l.next, whole + 1);
        assert_int_equal(l.sends, 1);
        assert_int_equal(l.wakes, 0);
        open_socket(&l, PLENTY);
        assert_int_equal(l.wakes, 1);
        assert_int_equal(l.woken, CSTAR_OK);
        assert_arrived(&l, 4);
        fini(&l);
    }
}

/* It was the last: nobody waits, nobody is woken, and then it goes straight again. */
static void test_part_of_the_last(void **state) {
    (void)state;
    line l;
    init(&l, GET);
    l.room = made[0].chunk.len + 3;
    l.n = 2;
    assert_int_equal(offer(&l), CSTAR_OK);
    open_socket(&l, PLENTY);
    assert_int_equal(l.wakes, 0);
    assert_int_equal(l.rig.machine.ahead, 0);
    l.n = 3;
    assert_int_equal(offer(&l), CSTAR_OK);
    assert_int_equal(l.sends, 2);
    assert_int_equal(l.rig.out.len, 0);
    assert_arrived(&l, 3);
    fini(&l);
}

/* Its head is still where it was written to: behind that. */
static void test_behind_the_head(void **state) {
    (void)state;
    line l;
    init(&l, GET);
    h1rig_fini(&l.rig);
    cstar_buf_fini(&l.backlog);
    cstar_buf_fini(&l.wire);
    init_with(&l, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", cstar_heap());
    assert_int_equal(h1rig_feed(&l.rig, GET), CSTAR_OK);
    l.x = l.rig.waiting;
    assert_int_equal(cstar__respond_start(l.x, 200, NULL, 0), CSTAR_OK);
    l.n = 2;
    assert_int_equal(offer(&l), CSTAR_EAGAIN);
    assert_int_equal(l.next, 1);
    pump(&l);
    assert_int_equal(l.next, 2);
    const size_t tail = made[0].chunk.len + made[1].chunk.len;
    assert_memory_equal(l.wire.ptr + l.wire.len - tail, text, tail);
    assert_memory_equal(l.wire.ptr + l.wire.len - tail - 4, "\r\n\r\n", 4);
    fini(&l);
}

/* ---- the ordinary way ----------------------------------------------------------------------- */

static void test_no_body(void **state) {
    (void)state;
    line l;
    init(&l, "HEAD /later HTTP/1.1\r\nHost: a\r\n\r\n");
    l.n = 100;
    assert_int_equal(offer(&l), CSTAR_OK);
    assert_int_equal(l.sends + l.rig.claims + l.wire.len + l.rig.out.len, 0);
    fini(&l);
}

static void test_http10(void **state) {
    (void)state;
    line l;
    init(&l, "GET /later HTTP/1.0\r\n\r\n");
    l.n = 10;
    l.room = 5;
    assert_int_equal(offer(&l), CSTAR_EAGAIN);
    open_socket(&l, PLENTY);
    assert_arrived(&l, 10);
    fini(&l);
}

/* Several at once, since they are copied in any case; but not while those wait. */
static void test_encrypted(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        line l;
        init(&l, GET);
        l.rig.peer.secure = i == 0;
        l.rig.driver.send = i == 0 ? send_pieces : NULL;
        l.n = 20;
        assert_int_equal(offer(&l), CSTAR_OK);
        assert_int_equal(l.sends, 0);
        assert_true(l.rig.out.len > made[0].chunk.len);
        l.n = 30;
        assert_int_equal(offer(&l), CSTAR_EAGAIN);
        assert_int_equal(l.next, 20);
        pump(&l);
        assert_int_equal(l.wakes, 1);
        assert_arrived(&l, 30);
        fini(&l);
    }
}

/* Long pieces within on_wake: as far ahead as any stream, and in order. */
static void test_inside(void **state) {
    (void)state;
    enum { LONG = 100000, LONGS = 8 };
    static char chunk[LONG + 16];
    const int head = snprintf(chunk, 16, "%x\r\n", LONG);
    memset(chunk + head, 'x', LONG);
    memcpy(chunk + head + LONG, "\r\n", 2);
    const cstar__shared piece = {.chunk = cstar_view(chunk, (size_t)head + LONG + 2),
                                 .bytes = cstar_view(chunk + head, LONG)};
    line l;
    init(&l, GET);
    for (size_t i = 0; i < LONGS; i++) {
        pieces[i] = &piece;
    }
    l.room = 10;
    l.n = LONGS;
    assert_int_equal(offer(&l), CSTAR_EAGAIN);
    assert_int_equal(l.next, 1);
    pump(&l);
    open_socket(&l, l.backlog.len);
    assert_int_equal(l.wakes, 1);
    assert_int_equal(l.next, 3); /* two of them are less than 256 KiB, three would not be */
    assert_int_equal(l.woken, CSTAR_EAGAIN);
    assert_int_equal(l.sends, 1);
    open_socket(&l, PLENTY);
    assert_int_equal(l.next, LONGS);
    assert_int_equal(l.wire.len, LONGS * piece.chunk.len);
    assert_int_equal(l.x->sent, (uint64_t)LONGS * LONG);
    for (size_t i = 0; i < LONGS; i++) {
        pieces[i] = &made[i];
    }
    fini(&l);
}

/* ---- failures ------------------------------------------------------------------------------- */

static void test_states(void **state) {
    (void)state;
    line l;
    size_t taken = 7;
    init(&l, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(h1rig_feed(&l.rig, GET), CSTAR_OK);
    cstar__exchange *x = l.rig.waiting;
    assert_int_equal(cstar__respond_shared(x, pieces, 1, &taken), CSTAR_ESTATE);
    assert_int_equal(taken, 0);
    x->broken = true;
    taken = 7;
    assert_int_equal(cstar__respond_shared(x, pieces, 1, &taken), CSTAR_ECLOSED);
    assert_int_equal(taken, 0);
    fini(&l);
}

/* The exchange ends only when the driver closes. */
static void test_broken(void **state) {
    (void)state;
    line l;
    init(&l, GET);
    l.broken = true;
    l.n = 3;
    assert_int_equal(offer(&l), CSTAR_ECLOSED);
    assert_int_equal(l.next, 0);
    assert_int_equal(l.rig.closes, 0);
    assert_true(l.x->broken && l.rig.machine.cut);
    assert_int_equal(offer(&l), CSTAR_ECLOSED);
    assert_int_equal(l.sends, 1);
    cstar__h1_fini(&l.rig.machine);
    assert_int_equal(l.rig.closes, 1);
    fini(&l);
}

/* What could not be kept, were it cut, is not begun with. */
static void test_too_long(void **state) {
    (void)state;
    line l;
    init(&l, GET);
    l.rig.out.limit = made[0].bytes.len + 25;
    size_t longer = 1;
    while (made[longer].bytes.len <= made[0].bytes.len) {
        longer++;
    }
    pieces[1] = &made[longer];
    l.n = 3;
    l.room = 3;
    assert_int_equal(offer(&l), CSTAR_EAGAIN); /* its rest fits */
    assert_int_equal(l.next, 1);
    open_socket(&l, PLENTY);
    assert_int_equal(l.woken, CSTAR_ELIMIT);
    assert_int_equal(offer(&l), CSTAR_ELIMIT);
    assert_int_equal(l.next, 1);
    assert_int_equal(l.sends, 1);
    assert_false(l.x->broken);
    assert_arrived(&l, 1);
    pieces[1] = &made[1];
    fini(&l);
}

/* Nothing of it has left: it is as if it had not been offered. Something has: the end. */
static void test_out_of_memory(void **state) {
    (void)state;
    for (size_t room = 0; room < 2; room++) {
        failalloc f;
        line l;
        failalloc_init(&f, 0);
        init_with(&l, GET, &f.alloc);
        cstar_buf_fini(&l.rig.out);
        cstar_buf_init(&l.rig.out, &f.alloc, 1 << 20);
        l.room = room;
        l.n = 2;
        f.fail_at = f.calls + 1;
        assert_int_equal(offer(&l), room == 0 ? CSTAR_ENOMEM : CSTAR_ECLOSED);
        assert_int_equal(f.calls, f.fail_at);
        assert_int_equal(l.next, 0);
        assert_int_equal(l.rig.machine.cut, room != 0);
        assert_int_equal(l.rig.closes, 0);
        if (room == 0) {
            assert_int_equal(offer(&l), CSTAR_EAGAIN);
            open_socket(&l, PLENTY);
            assert_arrived(&l, 2);
        }
        fini(&l);
        assert_int_equal(f.live_blocks, 0);
    }
}

/* ---- any order of events -------------------------------------------------------------------- */

static void play(uint32_t seed, const char *request, bool secure) {
    line l;
    init(&l, request);
    l.rig.peer.secure = secure;
    l.room = 0;
    while (l.n < PIECES) {
        switch (dice(&seed, 4)) {
        case 0:
            open_socket(&l, dice(&seed, dice(&seed, 2) == 0 ? 50 : 9000));
            break;
        case 1:
            l.room += dice(&seed, 100); /* the socket has room, and nobody has noticed */
            break;
        default:
            l.n += 1 + dice(&seed, dice(&seed, 8) == 0 ? 100 : 3);
            l.n = l.n < PIECES ? l.n : PIECES;
            if (!l.waits || dice(&seed, 5) == 0) {
                const size_t before = l.rig.out.len + l.backlog.len;
                (void)offer(&l);
                assert_true(secure || l.rig.out.len + l.backlog.len <= before + LONGEST + 16);
            }
        }
    }
    open_socket(&l, PLENTY);
    assert_false(l.waits);
    assert_int_equal(l.next, PIECES);
    pump(&l);
    assert_arrived(&l, PIECES);
    assert_int_equal(cstar__respond_end(l.x), CSTAR_OK);
    assert_int_equal(l.rig.closes, 1);
    pump(&l);
    if (l.rig.machine.chunked) {
        assert_memory_equal(l.wire.ptr + l.wire.len - 5, "0\r\n\r\n", 5);
    }
    fini(&l);
}

static void test_any_order(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= 400; seed++) {
        play(seed, GET, false);
        play(seed, GET, true);
        play(seed, "GET /later HTTP/1.0\r\n\r\n", false);
    }
}

/* ---- drain ---------------------------------------------------------------------------------- */

static void test_drain_tells_a_stream(void **state) {
    (void)state;
    for (int ends = 0; ends < 2; ends++) {
        h1rig r;
        h1rig_init(&r, cstar_heap());
        r.ends_on_drain = ends != 0;
        assert_int_equal(h1rig_feed(&r, "GET /open HTTP/1.1\r\nHost: a\r\n\r\n"), CSTAR_OK);
        cstar__h1_drain(&r.machine);
        assert_int_equal(r.drains, 1);
        assert_int_equal(r.closes, ends);
        assert_int_equal(cstar__h1_done(&r.machine), ends);
        cstar__h1_drain(&r.machine); /* once */
        assert_int_equal(r.drains, 1);
        if (ends != 0) {
            assert_non_null(strstr(h1rig_outcome(&r), "\"onetwobye\"\nclosed\n"));
        }
        h1rig_fini(&r);
    }
}

/* Which has not begun, or is no stream, or is one for nobody. */
static void test_drain_tells_nobody_else(void **state) {
    (void)state;
    h1rig r;
    h1rig_init(&r, cstar_heap());
    assert_int_equal(h1rig_feed(&r, GET), CSTAR_OK);
    cstar__h1_drain(&r.machine);
    assert_int_equal(r.drains, 0);
    assert_int_equal(cstar__respond_start(r.waiting, 200, NULL, 0), CSTAR_OK);
    r.handler.on_drain = NULL;
    cstar__h1_drain(&r.machine);
    assert_false(cstar__h1_done(&r.machine));
    h1rig_fini(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_part),
        cmocka_unit_test(test_part_of_the_last),
        cmocka_unit_test(test_behind_the_head),
        cmocka_unit_test(test_no_body),
        cmocka_unit_test(test_http10),
        cmocka_unit_test(test_encrypted),
        cmocka_unit_test(test_inside),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_drain_tells_a_stream),
        cmocka_unit_test(test_drain_tells_nobody_else),
    };
    return cmocka_run_group_tests(tests, make_pieces, free_pieces);
}
