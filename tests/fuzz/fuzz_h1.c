/* fuzz_h1.c -- any bytes, in any pieces, through the HTTP/1.1 machine.
 *
 * Asserted: the outcome (handler calls, responses, state) does not depend on the pieces; the
 * output is a sequence of well-formed responses; on_close comes once for every on_head; no
 * handler call comes inside another (h1rig.c); nothing is lost or read out of bounds
 * (sanitizers). The first byte of the input decides the pieces.
 *
 * SPDX-License-Identifier: MIT */
#include "support/h1rig.c" /* fuzz targets are linked without tests/support */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends what waits, as an application would some time later, and goes on. */
static void finish(h1rig *r) {
    for (int i = 0; i < 1000 && r->waiting != NULL; i++) {
        cstar__exchange *x = r->waiting;
        r->waiting = NULL;
        if (x->state == CSTAR__RESPONSE_NONE) {
            (void)cstar__respond(x, 200, NULL, 0, CSTAR_STR("later"));
        } else {
            (void)cstar__respond_end(x);
        }
        (void)cstar__h1_resume(&r->machine);
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
    cstar_buf_init(&r->out, cstar_heap(),
                   8u << 20); /* never crowded: that does depend on the pieces */
    r->env.limits = (cstar__h1_limits){
        .max_line = 200, .max_fields = 8, .max_head = 300, .max_chunk_line = 20, .max_trailer = 40};
    for (size_t at = 0; at < size;) {
        size_t n = seed == 0 ? size : next_piece(&seed, size - at);
        char *copy = malloc(n); /* exact, so that ASan sees a read behind it */
        CHECK(copy != NULL);
        memcpy(copy, data + at, n);
        CHECK(cstar__h1_feed(&r->machine, copy, n) == CSTAR_OK);
        free(copy);
        at += n;
    }
    finish(r);
    cstar__h1_eof(&r->machine);
    finish(r);
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
    if (strcmp(a, b) != 0) {
        (void)fprintf(stderr, "-- whole\n%s-- pieces\n%s", a, b);
        abort();
    }
    CHECK(h1rig_output_ok(&whole, whole.machine.cut));
    h1rig_fini(&whole);
    h1rig_fini(&pieces);
    return 0;
}
