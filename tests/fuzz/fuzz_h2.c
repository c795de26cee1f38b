/* fuzz_h2.c -- anything behind the preface, through the HTTP/2 machine.
 *
 * The first byte chooses: raw bytes in pieces of any size, or a script of frames that are whole (so
 * that the interesting states are reached) mixed with what an application, a driver and a clock do.
 * The application answers at once, late, from sources, and by streams that are refused room, become
 * slim, share pieces, linger behind their end and are aborted. The second byte: which allocation
 * fails, if any.
 *
 * Asserted: what is sent is a sequence of whole frames; on_close comes once for every on_head, and
 * no handler call inside another (h2peer.c); a machine that is done stays so; what is borrowed is
 * given back; what waits has its bounds; nothing is left allocated.
 *
 * SPDX-License-Identifier: MIT */
#include "http/h2_parts.h"

#define H2PEER_STREAMS 1       /* the client has nothing to say here */
#include "support/answerer.c"  /* of the peer */
#include "support/failalloc.c" /* fuzz targets are linked without tests/support */
#include "support/h2peer.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#if CSTAR_WITH_HTTP2

typedef struct source {
    const uint8_t *at, *end;
} source;

static unsigned take(source *s) { return s->at < s->end ? *s->at++ : 0; }

static cstar_str take_bytes(source *s, size_t n) {
    const size_t left = (size_t)(s->end - s->at);
    n = n < left ? n : left;
    cstar_str v = cstar_view((const char *)s->at, n);
    s->at += n;
    return v;
}

/* The output so far is whole frames; all of it, since machines write nothing less. */
static void check_output(h2peer *p) {
    const unsigned char *at = (const unsigned char *)p->out.ptr;
    size_t left = p->out.len;
    while (left != 0) {
        CHECK(left >= 9);
        const size_t n = 9 + ((size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2]);
        CHECK(n <= left && n <= 9 + 16384 && at[3] <= NGHTTP2_CONTINUATION);
        CHECK(at[3] != NGHTTP2_PUSH_PROMISE && at[3] != NGHTTP2_PRIORITY);
        at += n;
        left -= n;
    }
    cstar_buf_reset(&p->out);
}

static void send(h2peer *p, const void *ptr, size_t len) {
    const bool done = cstar__h2_done(p->machine);
    (void)h2peer_feed(p, ptr, len);
    CHECK(!done || (cstar__h2_done(p->machine) && p->out.len == 0));
    check_output(p);
}

static void send_frame(h2peer *p, unsigned type, unsigned flags, unsigned id, cstar_str payload) {
    const unsigned char head[9] = {(unsigned char)(payload.len >> 16),
                                   (unsigned char)(payload.len >> 8),
                                   (unsigned char)payload.len,
                                   (unsigned char)type,
                                   (unsigned char)flags,
                                   0,
                                   0,
                                   (unsigned char)(id >> 8),
                                   (unsigned char)id};
    send(p, head, sizeof head);
    send(p, payload.ptr, payload.len);
}

static void send_request(h2peer *p, unsigned which, unsigned flags, unsigned id) {
    static const char *const paths[] = {"/later",      "/open", "/stream", "/early", "/mid",
                                        "/echo",       "/big",  "/odd",    "/abort", "/limit",
                                        "/close",      "/file", "/kept",   "/small", "/short",
                                        "/early-file", "/pour"};
    static const char block[] = "\x83\x86\x01\x01"
                                "a\x04";
    const char *path = paths[which % (sizeof paths / sizeof paths[0])];
    char text[64];
    int n = snprintf(text, sizeof text, "%s%c%s", block, (char)strlen(path), path);
    send_frame(p, NGHTTP2_HEADERS, (flags & NGHTTP2_FLAG_END_STREAM) | NGHTTP2_FLAG_END_HEADERS,
               id | 1, cstar_view(text, (size_t)n));
}

/* ---- streams -------------------------------------------------------------------------------- */

/* Of its lengths some fit a frame or a window and some do not. */
typedef struct gift {
    cstar__shared shared;
    size_t held;
} gift;

static gift gifts[8];

static void hold_gift(const cstar__shared *piece, bool stays) {
    gift *g = &gifts[(size_t)((const gift *)(const void *)piece - gifts)];
    CHECK(stays || g->held != 0);
    g->held += stays ? 1 : SIZE_MAX;
}

static void make_gifts(void) {
    static const size_t lengths[] = {1, 20, 300, 4000, 9000, 16384, 30000, 70000};
    for (size_t i = 0; i < sizeof gifts / sizeof gifts[0]; i++) {
        gifts[i] = (gift){.shared = {.chunk = cstar_view(big, lengths[i] + 2),
                                     .bytes = cstar_view(big, lengths[i]),
                                     .hold = i % 4 != 3 ? hold_gift : NULL}};
    }
}

static void check_gifts(void) {
    for (size_t i = 0; i < sizeof gifts / sizeof gifts[0]; i++) {
        CHECK(gifts[i].held == 0);
    }
}

static cstar__exchange *waiting_one(const h2peer *p, unsigned a) {
    return p->nwaiting != 0 ? p->waiting[a % p->nwaiting] : NULL;
}

static void make_slim(h2peer *p, unsigned a) {
    if (p->nwaiting != 0) {
        cstar__exchange **at = &p->waiting[a % p->nwaiting];
        *at = cstar__exchange_slim(*at);
    }
}

/* To as many streams as there are. */
static void share(h2peer *p, unsigned a) {
    const cstar__shared *const pieces[] = {&gifts[a % 8].shared, &gifts[a / 8 % 8].shared};
    for (size_t i = 0; i < p->nwaiting; i++) {
        size_t taken = 0;
        const cstar_status rc =
            cstar__respond_shared(p->waiting[i], pieces, a < 64 ? 1 : 2, &taken);
        CHECK((rc == CSTAR_OK) == (taken == (a < 64 ? 1U : 2U)));
        CHECK(p->machine->queued <= p->machine->limits.max_output + 400000);
    }
}

/* What else happens to one of them. */
static void trouble(h2peer *p, unsigned a) {
    cstar__exchange *x = waiting_one(p, a / 8);
    if (a % 8 == 0) {
        cstar__h2_stuck(p->machine, a >= 128);
    } else if (x == NULL) {
        return;
    } else if (a % 8 < 3) {
        cstar__respond_abort(x);
    } else if (a % 8 < 5) {
        x->lingers = true;
        (void)cstar__respond_end(x);
    } else {
        cstar__h2_wake(p->machine, x);
    }
}

/* Late, from a file; held for a moment beyond its end, perhaps. */
static void answer_one(h2peer *p, unsigned a) {
    cstar__exchange *x = waiting_one(p, a);
    if (x == NULL || x->slim) {
        return;
    }
    const cstar__source s = testfile_source(&p->file, 0, (uint64_t)a * 200);
    (void)cstar__respond_from(x, 200, NULL, 0, &s);
    cstar__exchange_hold(x);
    (void)cstar__h2_resume(p->machine);
    (void)cstar__respond_room(x);
    if (a > 200) {
        cstar__h2_eof(p->machine);
    }
    cstar__exchange_let_go(x);
}

static void step(h2peer *p, source *s, uint64_t *now) {
    const unsigned op = take(s);
    const unsigned a = take(s);
    switch (op % 16) {
    case 0:
        if (a % 2 == 0) {
            h2peer_finish(p);
        } else {
            answer_one(p, a);
        }
        break;
    case 1:
        *now += a * 300;
        cstar__h2_tick(p->machine, *now);
        break;
    case 2:
        if (p->nwaiting != 0 && p->waiting[a % p->nwaiting]->state == CSTAR__RESPONSE_STREAMING) {
            (void)cstar__respond_write(p->waiting[a % p->nwaiting], cstar_view(big, a * 400));
        }
        break;
    case 3:
        if (a == 1) {
            cstar__h2_drain(p->machine);
        } else if (a == 2) {
            cstar__h2_eof(p->machine);
        } else if (a == 3) {
            cstar__h2_timeout(p->machine);
        } else {
            (void)cstar__h2_resume(p->machine);
        }
        break;
    case 4:
        send_frame(p, NGHTTP2_RST_STREAM, 0, a, CSTAR_STR("\0\0\0\x08"));
        break;
    case 5:
        send_frame(p, NGHTTP2_WINDOW_UPDATE, 0, a & 15, CSTAR_STR("\0\1\0\0"));
        break;
    case 6:
    case 7:
    case 8:
        send_request(p, a, op >> 4, take(s));
        break;
    case 9:
        send_frame(p, NGHTTP2_DATA, a & 9, take(s) | 1, take_bytes(s, take(s) * 4));
        break;
    case 11:
        make_slim(p, a);
        break;
    case 12:
        share(p, a);
        break;
    case 13:
        trouble(p, a);
        break;
    default:
        send_frame(p, op % 16 == 10 ? a : a % 10, take(s), take(s), take_bytes(s, take(s)));
        break;
    }
    check_output(p);
}

static void run_script(h2peer *p, source *s) {
    uint64_t now = 1000;
    while (s->at < s->end) {
        step(p, s, &now);
    }
}

static void run_raw(h2peer *p, source *s, unsigned piece) {
    while (s->at < s->end) {
        cstar_str v = take_bytes(s, piece != 0 ? piece : 100000);
        send(p, v.ptr, v.len);
    }
}

static void run(h2peer *p, unsigned mode, source *s) {
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
    check_output(p);
    send(p, preface, sizeof preface);
    if (mode % 2 == 0) {
        run_raw(p, s, mode / 2);
    } else {
        run_script(p, s);
    }
    cstar__h2_stuck(p->machine, false);
    h2peer_finish(p);
    while (cstar__h2_wants_resume(p->machine)) {
        (void)cstar__h2_resume(p->machine);
        check_output(p);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > 8192) {
        return 0;
    }
    static const cstar__h2_limits limits = {.max_streams = 20,
                                            .max_head = 2000,
                                            .max_fields = 8,
                                            .max_path = 200,
                                            .max_stream_output = 10000,
                                            .max_output = 400000};
    source s = {data + 2, data + size};
    failalloc f;
    failalloc_init(&f, data[1]);
    h2peer p;
    h2peer_init(&p, &f.alloc, &limits);
    p.quiet = true;
    p.env.driver = &p.driver;
    make_gifts();
    if (p.machine != NULL) {
        run(&p, data[0], &s);
    }
    h2peer_fini(&p);
    check_gifts();
    CHECK(f.live_blocks == 0 && f.live_bytes == 0);
    return 0;
}

#else
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    (void)data;
    (void)size;
    return 0;
}
#endif
