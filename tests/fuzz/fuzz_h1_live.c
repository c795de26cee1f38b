/* fuzz_h1_live.c -- streams on HTTP/1.1 whose pieces go past the machine, to a socket that takes
 * what it likes.
 *
 *     script ──▶ requests, pieces, room, wakes, ends ──▶ machine ──▶ out ─▶ backlog ─┐
 *                                                            └──▶ send ──────────────┴─▶ wire
 *
 * The first byte: which allocation fails, if any. Then pairs of bytes: what happens, and how.
 *
 * Asserted: the wire is a sequence of well-formed responses, the last of which may be open;
 * nothing is sent past what waits; a piece that was taken has left or waits; a stream that was
 * refused is woken when all has left; what clients send meanwhile has its bounds; nothing is left
 * allocated.
 *
 * SPDX-License-Identifier: MIT */
#define RIG_FILE 20000
#define RIG_POUR 20000
#define RIG_HUGE 2000
#include "support/answerer.c"  /* of the rig */
#include "support/failalloc.c" /* fuzz targets are linked without tests/support */
#include "support/h1rig.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    OUT = 64 * 1024,
    MOST_PENDING = 2000,
    FED = 400,
    ASKED = 60 /* that h1rig.c can tell apart */
};

typedef struct line {
    h1rig rig; /* first: the handler's context */
    cstar_buf backlog, wire;
    size_t asked;
    size_t room;  /* that the socket has */
    bool claimed; /* the machine may have written to `out` */
    bool broken;  /* the socket is */
    bool waits;   /* was told CSTAR_EAGAIN, and not to go on */
} line;

static char page[40000];

static void claim(void *link) { ((line *)link)->claimed = true; }

static void take_bytes(line *l, cstar_str bytes) {
    cstar_buf_str(&l->wire, bytes);
    l->room -= bytes.len;
}

static ptrdiff_t send_pieces(void *link, const cstar_str *views, size_t n) {
    line *l = link;
    size_t sent = 0;
    CHECK(n != 0 && n <= CSTAR__SEND_MOST);
    if (l->broken) {
        return -1;
    }
    if (l->claimed || l->backlog.len != 0) {
        return 0;
    }
    CHECK(l->rig.out.len == 0);
    for (size_t i = 0; i < n && l->room != 0; i++) {
        const size_t k = views[i].len < l->room ? views[i].len : l->room;
        take_bytes(l, cstar_view(views[i].ptr, k));
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
        if (k != 0) {
            take_bytes(l, cstar_view(l->backlog.ptr, k));
            memmove(l->backlog.ptr, l->backlog.ptr + k, l->backlog.len - k);
            l->backlog.len -= k;
        }
        if (l->backlog.len != 0 || l->rig.machine.cut || !cstar__h1_wants_resume(&l->rig.machine)) {
            return;
        }
        (void)cstar__h1_resume(&l->rig.machine);
    }
}

static void woken(void *ctx, cstar__exchange *x) {
    ((line *)ctx)->waits = false;
    on_wake(ctx, x);
}

/* ---- what happens --------------------------------------------------------------------------- */

static void ask(line *l, unsigned a) {
    static const char *const paths[] = {"/open", "/open",   "/later", "/",
                                        "/pour", "/stream", "/huge",  "/early-stream"};
    char text[160];
    const char *method = a % 16 == 9 ? "HEAD" : a % 16 == 10 ? "POST" : "GET";
    const int n = snprintf(text, sizeof text, "%s %s HTTP/1.%d\r\nHost: a\r\n%s\r\n%s", method,
                           paths[a % 8], a / 64 != 3, a % 16 == 10 ? "Content-Length: 3\r\n" : "",
                           a % 16 == 10 ? "abc" : "");
    if (cstar__h1_wants_input(&l->rig.machine) && l->asked < ASKED) {
        l->asked++;
        (void)cstar__h1_feed(&l->rig.machine, text, (size_t)n);
    }
}

static void share(line *l, unsigned a) {
    static const size_t lengths[] = {1, 5, 30, 300, 3000, 16000, 39000};
    cstar__shared made[CSTAR__SEND_MOST + 6];
    const cstar__shared *pieces[CSTAR__SEND_MOST + 6];
    char chunk[sizeof page + 16];
    cstar__exchange *x = l->rig.waiting;
    const size_t n = a < 250 ? 1 + a / 64 : sizeof pieces / sizeof pieces[0];
    const size_t len = lengths[a % 7];
    const int head = snprintf(chunk, 16, "%zx\r\n", len);
    memcpy(chunk + head, page, len);
    memcpy(chunk + (size_t)head + len, "\r\n", 2);
    for (size_t i = 0; i < n; i++) {
        made[i] = (cstar__shared){.chunk = cstar_view(chunk, (size_t)head + len + 2),
                                  .bytes = cstar_view(chunk + head, len)};
        pieces[i] = &made[i];
    }
    size_t taken = 0;
    const uint64_t before = x->sent;
    const cstar_status rc = cstar__respond_shared(x, pieces, n, &taken);
    CHECK((rc == CSTAR_OK) == (taken == n));
    CHECK(l->rig.machine.bodiless || x->sent == before + taken * len);
    l->waits = l->waits || rc == CSTAR_EAGAIN;
    CHECK(l->rig.machine.ahead <= OUT);
}

static void end(line *l, unsigned a) {
    cstar__exchange *x = l->rig.waiting;
    if (x->state == CSTAR__RESPONSE_NONE) {
        (void)(a % 2 == 0 ? cstar__respond(x, 200, NULL, 0, CSTAR_STR("later"))
                          : cstar__respond_start(x, 200, NULL, 0));
    } else if (x->state == CSTAR__RESPONSE_STREAMING) {
        x->lingers = a % 3 == 0;
        l->waits = false;
        (void)cstar__respond_end(x);
    } else if (a % 4 == 0) {
        cstar__respond_abort(x); /* it lingers */
    }
}

static void feed_raw(line *l, unsigned a) {
    static const char *const junk[] = {"\r\n", "GET /open HT", "\0\1\2", "3\r\nabc\r\n0\r\n\r\n",
                                       "x"};
    const char *text = junk[a % 5];
    if (cstar__h1_wants_input(&l->rig.machine) && l->asked < ASKED) {
        l->asked++;
        (void)cstar__h1_feed(&l->rig.machine, text, a % 5 == 2 ? 3 : strlen(text));
    }
}

static void whole_connection(line *l, unsigned a) {
    cstar__h1 *m = &l->rig.machine;
    if (a < 8) {
        cstar__h1_drain(m);
    } else if (a < 12) {
        cstar__h1_eof(m);
    } else if (a < 16) {
        cstar__h1_timeout(m);
    } else if (a < 20) {
        l->broken = true;
    } else if (a < 40) {
        l->rig.ends_on_drain = true;
    } else {
        feed_raw(l, a);
    }
}

static void step(line *l, unsigned op, unsigned a) {
    static const size_t rooms[] = {0, 1, 7, 100, 5000, 1 << 20};
    cstar__exchange *x = l->rig.waiting;
    const bool streams = x != NULL && x->state == CSTAR__RESPONSE_STREAMING && !x->broken;
    switch (op % 8) {
    case 0:
    case 1:
        ask(l, a);
        break;
    case 2:
        l->room = rooms[a % 6];
        break;
    case 3:
    case 4:
        if (streams) {
            share(l, a);
        }
        break;
    case 5:
        if (streams && a % 4 == 0) {
            l->rig.waiting = cstar__exchange_slim(x);
        } else if (streams && a % 4 == 1) {
            cstar__h1_wake(&l->rig.machine, x);
        } else if (streams) {
            l->waits =
                cstar__respond_write(x, cstar_view(page, a * 60 + 1)) == CSTAR_EAGAIN || l->waits;
        }
        break;
    case 6:
        if (x != NULL && !x->broken) {
            end(l, a);
        }
        break;
    default:
        whole_connection(l, a);
        break;
    }
    if (a % 3 != 0 ||
        !l->claimed) { /* behind an entry always; what was answered outside may wait */
        pump(l);
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void check(const line *l) {
    const cstar__h1 *m = &l->rig.machine;
    CHECK(m->held.len <= MOST_PENDING + FED);
    CHECK(!m->cut || m->x == NULL || m->x->broken);
}

/* All is taken: whoever was refused has been told, or its response is over. */
static void drain_wire(line *l) {
    l->room = 1 << 24;
    pump(l);
    if (!l->rig.machine.cut && !l->broken) {
        CHECK(l->backlog.len == 0 && !cstar__h1_wants_resume(&l->rig.machine));
        CHECK(!l->waits || l->rig.waiting == NULL);
    }
}

static void run(line *l, const uint8_t *at, const uint8_t *end_of) {
    for (; end_of - at >= 2 && !l->rig.machine.cut; at += 2) {
        step(l, at[0], at[1]);
        check(l);
    }
    if (!l->rig.machine.cut) {
        drain_wire(l);
    }
}

static void init(line *l, const cstar_allocator *alloc) {
    memset(l, 0, sizeof *l);
    memset(page, 'p', sizeof page);
    h1rig_init(&l->rig, alloc);
    cstar_buf_fini(&l->rig.out);
    cstar_buf_init(&l->rig.out, alloc, OUT);
    l->rig.quiet = true;
    l->rig.handler.on_wake = woken;
    l->rig.driver = (cstar__driver){.claim = claim, .send = send_pieces};
    l->rig.env.driver = &l->rig.driver;
    l->rig.env.limits = (cstar__h1_limits){.max_pending = MOST_PENDING};
    cstar_buf_init(&l->backlog, cstar_heap(), 1 << 26);
    cstar_buf_init(&l->wire, cstar_heap(), 1 << 26);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > 2048) {
        return 0;
    }
    failalloc f;
    line l;
    failalloc_init(&f, data[0]);
    init(&l, &f.alloc);
    run(&l, data + 1, data + size);
    cstar_buf_str(&l.wire, cstar_buf_view(&l.backlog));
    const bool cut = l.broken || l.rig.machine.cut; /* perhaps in the middle of a piece */
    cstar__h1_fini(&l.rig.machine);
    cstar_buf_fini(&l.rig.out);
    l.rig.out = l.wire;
    CHECK(cut || h1rig_output_ok(&l.rig, true));
    h1rig_fini(&l.rig);
    cstar_buf_fini(&l.backlog);
    CHECK(f.live_blocks == 0 && f.live_bytes == 0);
    return 0;
}
