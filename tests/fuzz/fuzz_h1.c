/* fuzz_h1.c -- any bytes, in any pieces, through the HTTP/1.1 machine, and through a driver that
 * takes what comes out. The application answers at once, late, from sources, and by streams that are
 * refused room.
 *
 * Asserted: the outcome (handler calls, responses, state) does not depend on the pieces; the
 * output is a sequence of well-formed responses; on_close comes once for every on_head; no
 * handler call comes inside another (answerer.c); nothing is lost or read out of bounds
 * (sanitizers). The first byte of the input decides the pieces.
 *
 * SPDX-License-Identifier: MIT */
#define RIG_FILE 20000 /* less than usual: many fit into one input */
#define RIG_POUR 20000
#define RIG_HUGE 2000
#include "support/answerer.c" /* fuzz targets are linked without tests/support */
#include "support/h1rig.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes what is in `out` until there is no more. */
static void drive(h1rig *r, cstar_buf *sent) {
    do {
        cstar_buf_str(sent, cstar_buf_view(&r->out));
        cstar_buf_reset(&r->out);
        (void)cstar__h1_resume(&r->machine);
    } while (r->out.len != 0);
    CHECK(r->machine.cut || !cstar__h1_wants_resume(&r->machine));
}

static void answer_late(h1rig *r, cstar__exchange *x, int i) {
    if (x->state != CSTAR__RESPONSE_NONE) {
        (void)cstar__respond_end(x);
    } else if (i % 2 == 0) {
        (void)cstar__respond(x, 200, NULL, 0, CSTAR_STR("later"));
    } else {
        const cstar__source s = testfile_source(&r->file, 0, RIG_FILE);
        (void)cstar__respond_from(x, 200, NULL, 0, &s);
    }
}

/* Ends what waits, as an application would some time later, and goes on. */
static void finish(h1rig *r, cstar_buf *sent) {
    for (int i = 0; i < 1000 && r->waiting != NULL; i++) {
        cstar__exchange *x = r->waiting;
        r->waiting = NULL;
        answer_late(r, x, i);
        drive(r, sent);
    }
}

/* Sizes of pieces from a small generator. */
static size_t next_piece(uint32_t *seed, size_t left) {
    *seed = *seed * 1664525u + 1013904223u;
    size_t n = 1 + (*seed >> 24) % 24;
    return n < left ? n : left;
}

static const char *run_pieces(h1rig *r, const uint8_t *data, size_t size, uint32_t seed) {
    h1rig_init(r, cstar_heap());
    cstar_buf_fini(&r->out);
    cstar_buf_init(&r->out, cstar_heap(), 8 * 1024);
    r->env.driver = &r->driver;
    cstar_buf sent;
    cstar_buf_init(&sent, cstar_heap(), 32u << 20);
    r->env.limits = (cstar__h1_limits){
        .max_line = 200, .max_fields = 8, .max_head = 300, .max_chunk_line = 20, .max_trailer = 40};
    for (size_t at = 0; at < size;) {
        size_t n = seed == 0 ? size : next_piece(&seed, size - at);
        char *copy = malloc(n); /* exact, so that ASan sees a read behind it */
        CHECK(copy != NULL);
        memcpy(copy, data + at, n);
        CHECK(cstar__h1_feed(&r->machine, copy, n) == CSTAR_OK);
        free(copy);
        drive(r, &sent);
        at += n;
    }
    finish(r, &sent);
    cstar__h1_eof(&r->machine);
    drive(r, &sent);
    finish(r, &sent);
    cstar_buf_fini(&r->out);
    r->out = sent;
    return h1rig_outcome(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > 8192) {
        return 0;
    }
    h1rig whole;
    h1rig pieces;
    const char *a = run_pieces(&whole, data + 1, size - 1, 0);
    const char *b = run_pieces(&pieces, data + 1, size - 1, (uint32_t)data[0] + 1u);
    /* an answer that is read while its request still comes may end before or behind it */
    const bool races = whole.early_files != 0;
    if (!races && strcmp(a, b) != 0) {
        (void)fprintf(stderr, "-- whole\n%s-- pieces\n%s", a, b);
        abort();
    }
    CHECK(h1rig_output_ok(&whole, whole.machine.cut));
    h1rig_fini(&whole);
    h1rig_fini(&pieces);
    return 0;
}
