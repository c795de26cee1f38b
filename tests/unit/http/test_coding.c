/* test_coding.c -- encoders against the libraries' decoders, their memory, the budget.
 *
 * The decoders are loaded at run time: brotli's is a library that cstar does not link, and a build
 * may leave out any coding. What cannot be decoded is skipped.
 *
 * SPDX-License-Identifier: MIT */
#include "http/accept.h"
#include "http/coding.h"
#include "support/failalloc.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- decoders: all of `in`, which need not be a whole stream -------------------------------- */

enum { MAX_TEXT = 4 << 20 };
static char decoded[MAX_TEXT];

static bool load(const char *library, const char *name, void *function) {
    void *open = dlopen(library, RTLD_NOW);
    void *found = open != NULL ? dlsym(open, name) : NULL;
    memcpy(function, &found, sizeof found); /* POSIX says that this works, C does not */
    return found != NULL;
}

static struct {
    int (*init)(z_streamp, int, const char *, int);
    int (*run)(z_streamp, int);
    int (*end)(z_streamp);
} gz;

static bool load_gzip(void) {
    return load("libz.so.1", "inflateInit2_", &gz.init) && load("libz.so.1", "inflate", &gz.run) &&
           load("libz.so.1", "inflateEnd", &gz.end);
}

static size_t decode_gzip(cstar_str in) {
    z_stream z = {0};
    union {
        const char *in;
        Bytef *z;
    } from = {.in = in.ptr};
    assert_int_equal(gz.init(&z, 15 + 16, ZLIB_VERSION, (int)sizeof z), Z_OK);
    z.next_in = from.z;
    z.avail_in = (uInt)in.len;
    z.next_out = (Bytef *)decoded;
    z.avail_out = sizeof decoded;
    int rc = gz.run(&z, Z_SYNC_FLUSH);
    assert_true(rc == Z_OK || rc == Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    assert_int_equal(gz.end(&z), Z_OK);
    return sizeof decoded - z.avail_out;
}

static struct {
    ZSTD_DCtx *(*create)(void);
    size_t (*decode)(ZSTD_DCtx *, ZSTD_outBuffer *, ZSTD_inBuffer *);
    unsigned (*is_error)(size_t);
    size_t (*destroy)(ZSTD_DCtx *);
} zs;

static bool load_zstd(void) {
    return load("libzstd.so.1", "ZSTD_createDCtx", &zs.create) &&
           load("libzstd.so.1", "ZSTD_decompressStream", &zs.decode) &&
           load("libzstd.so.1", "ZSTD_isError", &zs.is_error) &&
           load("libzstd.so.1", "ZSTD_freeDCtx", &zs.destroy);
}

static size_t decode_zstd(cstar_str in) {
    ZSTD_DCtx *d = zs.create();
    ZSTD_inBuffer from = {in.ptr, in.len, 0};
    ZSTD_outBuffer to = {decoded, sizeof decoded, 0};
    do {
        assert_false(zs.is_error(zs.decode(d, &to, &from)));
    } while (from.pos < from.size);
    (void)zs.destroy(d);
    return to.pos;
}

static struct {
    BrotliDecoderState *(*create)(brotli_alloc_func, brotli_free_func, void *);
    BrotliDecoderResult (*decode)(BrotliDecoderState *, size_t *, const uint8_t **, size_t *,
                                  uint8_t **, size_t *);
    void (*destroy)(BrotliDecoderState *);
} br;

static bool load_br(void) {
    return load("libbrotlidec.so.1", "BrotliDecoderCreateInstance", &br.create) &&
           load("libbrotlidec.so.1", "BrotliDecoderDecompressStream", &br.decode) &&
           load("libbrotlidec.so.1", "BrotliDecoderDestroyInstance", &br.destroy);
}

static size_t decode_br(cstar_str in) {
    BrotliDecoderState *s = br.create(NULL, NULL, NULL);
    const uint8_t *next_in = (const uint8_t *)in.ptr;
    uint8_t *next_out = (uint8_t *)decoded;
    size_t left = sizeof decoded;
    BrotliDecoderResult rc = br.decode(s, &in.len, &next_in, &left, &next_out, NULL);
    assert_true(rc != BROTLI_DECODER_RESULT_ERROR && in.len == 0);
    br.destroy(s);
    return sizeof decoded - left;
}

static bool loaded[CSTAR__CODINGS] = {[CSTAR__IDENTITY] = true};

static int load_all(void **state) {
    (void)state;
    loaded[CSTAR__GZIP] = load_gzip();
    loaded[CSTAR__BR] = load_br();
    loaded[CSTAR__ZSTD] = load_zstd();
    for (cstar__coding c = CSTAR__GZIP; c < CSTAR__CODINGS; c++) {
        print_message("%s: %s, decoder %s\n", cstar__coding_name(c),
                      cstar__coding_built(c) ? "built" : "left out",
                      loaded[c] ? "found" : "missing");
    }
    return 0;
}

static bool can_decode(cstar__coding c) { return cstar__coding_built(c) && loaded[c]; }

static void assert_decodes(cstar__coding c, cstar_str in, const char *text, size_t len) {
    size_t n = 0;
    if (in.len == 0 && len == 0) {
        return; /* nothing said, nothing meant */
    }
    switch (c) {
    case CSTAR__GZIP:
        n = decode_gzip(in);
        break;
    case CSTAR__BR:
        n = decode_br(in);
        break;
    case CSTAR__ZSTD:
        n = decode_zstd(in);
        break;
    case CSTAR__IDENTITY:
    case CSTAR__CODINGS:
        memcpy(decoded, in.ptr, in.len);
        n = in.len;
        break;
    }
    assert_int_equal(n, len);
    assert_memory_equal(decoded, text, len);
}

/* ---- texts ---------------------------------------------------------------------------------- */

static char text[3000000];

static uint32_t random_next(void) {
    static uint32_t x = 1;
    x = x * 1664525u + 1013904223u;
    return x >> 8;
}

static void fill(bool noise) {
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = "etaoin shrdlu<div class='x'>"[random_next() % 28];
        if (noise || random_next() % 9 == 0) {
            text[i] = (char)(unsigned char)(random_next() % 256);
        }
    }
}

#define EACH(c)                                                                                    \
    for (cstar__coding c = CSTAR__IDENTITY; c < CSTAR__CODINGS; c++)                               \
        if (can_decode(c))

/* ---- encoding ------------------------------------------------------------------------------- */

/* After every flush, everything so far can be decoded; and at the end. */
static void test_flush_per_event(void **state) {
    (void)state;
    fill(false);
    EACH(c) {
        cstar__encoder *e = NULL;
        cstar_buf out;
        cstar_buf_init(&out, cstar_heap(), MAX_TEXT);
        assert_int_equal(cstar__encoder_new(&e, c, NULL, cstar_heap()), CSTAR_OK);
        assert_int_equal(cstar__encoder_coding(e), c);
        size_t at = 0;
        for (size_t i = 0; i < 100; i++) {
            size_t n = i % 10 == 9 ? 0 : random_next() % 400;
            assert_int_equal(cstar__encoder_write(e, cstar_view(text + at, n), &out), CSTAR_OK);
            at += n;
            assert_int_equal(cstar__encoder_flush(e, &out), CSTAR_OK);
            assert_decodes(c, cstar_buf_view(&out), text, at);
        }
        assert_int_equal(cstar__encoder_end(e, &out), CSTAR_OK);
        assert_decodes(c, cstar_buf_view(&out), text, at);
        cstar__encoder_free(e);
        cstar_buf_fini(&out);
    }
}

/* Any cut into two writes, with and without a flush between: the same text. */
static void test_every_split(void **state) {
    (void)state;
    const char *sample = "event: datastar-patch-elements\ndata: elements <p>hello, hello</p>\n\n";
    EACH(c) {
        for (size_t cut = 0; cut <= strlen(sample); cut++) {
            for (int flush = 0; flush < 2; flush++) {
                cstar__encoder *e = NULL;
                cstar_buf out;
                cstar_buf_init(&out, cstar_heap(), 0);
                assert_int_equal(cstar__encoder_new(&e, c, NULL, cstar_heap()), CSTAR_OK);
                assert_int_equal(cstar__encoder_write(e, cstar_view(sample, cut), &out), CSTAR_OK);
                if (flush != 0) {
                    assert_int_equal(cstar__encoder_flush(e, &out), CSTAR_OK);
                }
                assert_int_equal(cstar__encoder_write(e, cstar_cstr(sample + cut), &out), CSTAR_OK);
                assert_int_equal(cstar__encoder_end(e, &out), CSTAR_OK);
                assert_decodes(c, cstar_buf_view(&out), sample, strlen(sample));
                cstar__encoder_free(e);
                cstar_buf_fini(&out);
            }
        }
    }
}

/* Repetition across events is found: that is why a stream has one encoder and not one per event. */
static void test_history_counts(void **state) {
    (void)state;
    char event[1000];
    for (size_t i = 0; i < sizeof event; i++) {
        event[i] = (char)('!' + random_next() % 90);
    }
    EACH(c) {
        cstar__encoder *e = NULL;
        cstar_buf out;
        cstar_buf_init(&out, cstar_heap(), 0);
        assert_int_equal(cstar__encoder_new(&e, c, NULL, cstar_heap()), CSTAR_OK);
        for (int i = 0; i < 10; i++) {
            assert_int_equal(cstar__encoder_write(e, cstar_view(event, sizeof event), &out),
                             CSTAR_OK);
            assert_int_equal(cstar__encoder_flush(e, &out), CSTAR_OK);
        }
        assert_true(c == CSTAR__IDENTITY ? out.len == 10 * sizeof event : out.len < 1600);
        cstar__encoder_free(e);
        cstar_buf_fini(&out);
    }
}

static void test_empty_stream(void **state) {
    (void)state;
    EACH(c) {
        cstar__encoder *e = NULL;
        cstar_buf out;
        cstar_buf_init(&out, cstar_heap(), 0);
        assert_int_equal(cstar__encoder_new(&e, c, NULL, cstar_heap()), CSTAR_OK);
        assert_int_equal(cstar__encoder_end(e, &out), CSTAR_OK);
        assert_true(c == CSTAR__IDENTITY || out.len != 0);
        assert_decodes(c, cstar_buf_view(&out), "", 0);
        cstar__encoder_free(e);
        cstar_buf_fini(&out);
    }
}

static void test_reset(void **state) {
    (void)state;
    fill(false);
    EACH(c) {
        cstar__encoder *e = NULL;
        cstar_buf out;
        cstar_buf first;
        failalloc f;
        failalloc_init(&f, 0);
        cstar_buf_init(&out, cstar_heap(), MAX_TEXT);
        cstar_buf_init(&first, cstar_heap(), MAX_TEXT);
        assert_int_equal(cstar__encoder_new(&e, c, NULL, &f.alloc), CSTAR_OK);
        for (int round = 0; round < 4; round++) {
            cstar_buf *to = round == 0 ? &first : &out;
            cstar_buf_reset(&out);
            assert_int_equal(cstar__encoder_write(e, cstar_view(text, 5000), to), CSTAR_OK);
            if (round == 1) { /* in the middle of a stream */
                assert_int_equal(cstar__encoder_reset(e), CSTAR_OK);
                continue;
            }
            assert_int_equal(cstar__encoder_end(e, to), CSTAR_OK);
            assert_int_equal(cstar__encoder_write(e, CSTAR_STR("x"), to), CSTAR_ESTATE);
            assert_int_equal(cstar__encoder_write(e, CSTAR_STR(""), to), CSTAR_ESTATE);
            assert_int_equal(cstar__encoder_flush(e, to), CSTAR_ESTATE);
            assert_int_equal(cstar__encoder_end(e, to), CSTAR_ESTATE);
            assert_true(cstar_str_eq(cstar_buf_view(to), cstar_buf_view(&first)));
            assert_decodes(c, cstar_buf_view(to), text, 5000);
            assert_int_equal(cstar__encoder_reset(e), CSTAR_OK);
        }
        cstar__encoder_free(e);
        assert_int_equal(f.live_blocks, 0);
        cstar_buf_fini(&out);
        cstar_buf_fini(&first);
    }
    cstar__encoder_free(NULL);
}

static void test_options(void **state) {
    (void)state;
    static const struct {
        cstar__coding c;
        cstar__encoder_opts bad;
    } cases[] = {{CSTAR__GZIP, {10, 0}}, {CSTAR__GZIP, {-1, 0}}, {CSTAR__GZIP, {0, 8}},
                 {CSTAR__GZIP, {0, 16}}, {CSTAR__BR, {7, 0}},    {CSTAR__BR, {0, 9}},
                 {CSTAR__BR, {0, 19}},   {CSTAR__ZSTD, {10, 0}}, {CSTAR__ZSTD, {-5, 0}},
                 {CSTAR__ZSTD, {0, 19}}, {CSTAR__ZSTD, {0, -1}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cstar__encoder *e = NULL;
        assert_int_equal(cstar__encoder_new(&e, cases[i].c, &cases[i].bad, cstar_heap()),
                         cstar__coding_built(cases[i].c) ? CSTAR_EINVAL : CSTAR_ENOTSUP);
        assert_null(e);
        assert_int_equal(cstar__encoder_memory(cases[i].c, &cases[i].bad), 0);
    }
    assert_string_equal(cstar__coding_name(CSTAR__BR), "br");
    assert_true(cstar__coding_built(CSTAR__IDENTITY));
    assert_int_equal(cstar__encoder_memory(CSTAR__IDENTITY, NULL), 0);
}

/* ---- memory --------------------------------------------------------------------------------- */

static size_t peak_of(cstar__coding c, const cstar__encoder_opts *o, size_t piece) {
    failalloc f;
    cstar__encoder *e = NULL;
    cstar_buf out;
    size_t peak = 0;
    failalloc_init(&f, 0);
    cstar_buf_init(&out, cstar_heap(), MAX_TEXT);
    assert_int_equal(cstar__encoder_new(&e, c, o, &f.alloc), CSTAR_OK);
    for (size_t at = 0; at < sizeof text; at += piece) {
        size_t n = sizeof text - at < piece ? sizeof text - at : piece;
        assert_int_equal(cstar__encoder_write(e, cstar_view(text + at, n), &out), CSTAR_OK);
        assert_int_equal(cstar__encoder_used(e), f.live_bytes);
        peak = f.live_bytes > peak ? f.live_bytes : peak;
    }
    assert_int_equal(cstar__encoder_end(e, &out), CSTAR_OK);
    peak = f.live_bytes > peak ? f.live_bytes : peak;
    if (can_decode(c)) {
        assert_decodes(c, cstar_buf_view(&out), text, sizeof text);
    }
    cstar__encoder_free(e);
    assert_int_equal(f.live_blocks, 0);
    cstar_buf_fini(&out);
    return peak;
}

/* What is promised to the budget is never exceeded; nor, by default, far too much. */
static void test_memory(void **state) {
    (void)state;
    static const struct {
        cstar__coding c;
        int levels[4], windows[4];
    } cases[] = {{CSTAR__GZIP, {1, 6, 9, 0}, {9, 12, 15, 0}},
                 {CSTAR__BR, {1, 3, 4, 6}, {10, 14, 16, 18}},
                 {CSTAR__ZSTD, {1, 3, 9, 0}, {10, 13, 16, 18}}};
    for (int noise = 0; noise < 2; noise++) {
        fill(noise != 0);
        for (size_t i = 0; i < 3; i++) {
            for (size_t k = 0; cstar__coding_built(cases[i].c) && k < 16; k++) {
                cstar__encoder_opts o = {cases[i].levels[k / 4], cases[i].windows[k % 4]};
                size_t promised = cstar__encoder_memory(cases[i].c, &o);
                size_t peak = peak_of(cases[i].c, &o, k % 2 != 0 ? sizeof text : 100000);
                if (peak > promised) {
                    print_message("%s %d %d: %zu of %zu\n", cstar__coding_name(cases[i].c), o.level,
                                  o.window, peak, promised);
                }
                assert_true(peak <= promised);
            }
            if (cstar__coding_built(cases[i].c)) {
                size_t promised = cstar__encoder_memory(cases[i].c, NULL);
                assert_in_range(peak_of(cases[i].c, NULL, sizeof text), promised / 2, promised);
            }
        }
    }
}

static void test_out_of_memory(void **state) {
    (void)state;
    fill(false);
    EACH(c) {
        size_t n = 1;
        for (bool failed = true; failed; n++) {
            failalloc f;
            cstar__encoder *e = NULL;
            cstar_buf out;
            failalloc_init(&f, n);
            cstar_buf_init(&out, cstar_heap(), MAX_TEXT);
            cstar_status rc = cstar__encoder_new(&e, c, NULL, &f.alloc);
            if (rc == CSTAR_OK) {
                rc = cstar__encoder_write(e, cstar_view(text, 300000), &out);
                cstar_status end = cstar__encoder_end(e, &out);
                assert_true(rc == CSTAR_OK || end == rc); /* it sticks */
                rc = end;
                if (rc != CSTAR_OK) { /* and a reset gets over it */
                    cstar_buf_reset(&out);
                    assert_int_equal(cstar__encoder_reset(e), CSTAR_OK);
                    assert_int_equal(cstar__encoder_write(e, cstar_view(text, 1000), &out),
                                     CSTAR_OK);
                    assert_int_equal(cstar__encoder_end(e, &out), CSTAR_OK);
                    assert_decodes(c, cstar_buf_view(&out), text, 1000);
                }
                cstar__encoder_free(e);
            }
            failed = f.calls >= n;
            assert_int_equal(rc, failed ? CSTAR_ENOMEM : CSTAR_OK);
            assert_int_equal(f.live_blocks, 0);
            cstar_buf_fini(&out);
        }
        assert_true(n > 2);
    }
}

/* Output that does not fit: the error is the buffer's, and the buffer is never over its limit. */
static void test_output_limit(void **state) {
    (void)state;
    fill(true);
    EACH(c) {
        for (size_t limit = 1; limit < 3000; limit += 37) {
            cstar__encoder *e = NULL;
            cstar_buf out;
            cstar_buf_init(&out, cstar_heap(), limit);
            assert_int_equal(cstar__encoder_new(&e, c, NULL, cstar_heap()), CSTAR_OK);
            (void)cstar__encoder_write(e, cstar_view(text, 3000), &out);
            assert_int_equal(cstar__encoder_flush(e, &out), CSTAR_ELIMIT);
            assert_true(out.len <= limit);
            cstar_buf_reset(&out);
            assert_int_equal(cstar__encoder_flush(e, &out), CSTAR_ELIMIT); /* sticks */
            assert_int_equal(out.len, 0);
            cstar__encoder_free(e);
            cstar_buf_fini(&out);
        }
    }
}

/* ---- budget --------------------------------------------------------------------------------- */

static void test_budget(void **state) {
    (void)state;
    cstar__coding_budget b = {.limit = 100};
    assert_true(cstar__coding_reserve(&b, 60));
    assert_false(cstar__coding_reserve(&b, 41));
    assert_true(cstar__coding_reserve(&b, 40));
    assert_false(cstar__coding_reserve(&b, 1));
    assert_false(cstar__coding_reserve(&b, SIZE_MAX));
    assert_true(cstar__coding_reserve(&b, 0));
    cstar__coding_release(&b, 60);
    assert_int_equal(b.used, 40);
    assert_true(cstar__coding_reserve(&b, 60));
    b.limit = 50; /* made smaller while in use */
    assert_false(cstar__coding_reserve(&b, 1));
}

static void need_all(void) {
    for (cstar__coding c = CSTAR__IDENTITY; c < CSTAR__CODINGS; c++) {
        if (!cstar__coding_built(c)) {
            skip();
        }
    }
}

static void test_choose(void **state) {
    (void)state;
    need_all();
    cstar__accept all = cstar__accept_parse(CSTAR_STR("gzip, deflate, br, zstd"));
    size_t br_bytes = cstar__encoder_memory(CSTAR__BR, NULL);
    size_t gzip_bytes = cstar__encoder_memory(CSTAR__GZIP, NULL);
    assert_true(gzip_bytes < 48 * 1024);
    cstar__coding_budget b = {.limit = br_bytes + gzip_bytes};
    cstar__choice first = cstar__coding_choose(&all, NULL, &b);
    assert_int_equal(first.coding, CSTAR__BR);
    assert_int_equal(first.reserved, br_bytes);
    cstar__choice second = cstar__coding_choose(&all, NULL, &b);
    assert_int_equal(second.coding, CSTAR__GZIP);
    cstar__choice third = cstar__coding_choose(&all, NULL, &b);
    assert_int_equal(third.coding, CSTAR__IDENTITY);
    assert_int_equal(third.reserved, 0);
    assert_true(b.whole == 1 && b.less == 1 && b.none == 1);
    cstar__coding_release(&b, first.reserved);
    assert_int_equal(cstar__coding_choose(&all, NULL, &b).coding, CSTAR__BR);
    cstar__coding_release(&b, first.reserved);
    cstar__coding_release(&b, second.reserved);
    assert_int_equal(b.used, 0);
    assert_int_equal(cstar__coding_choose(&all, NULL, NULL).coding, CSTAR__BR);
    assert_int_equal(cstar__coding_choose(&all, NULL, NULL).reserved, 0);
}

static void test_choose_by_client(void **state) {
    (void)state;
    need_all();
    static const struct {
        const char *value;
        cstar__coding expected;
    } cases[] = {{"gzip;q=1, br;q=0.5", CSTAR__GZIP},
                 {"identity, br;q=0.5", CSTAR__IDENTITY},
                 {"zstd", CSTAR__ZSTD},
                 {"deflate", CSTAR__IDENTITY},
                 {"identity;q=0", CSTAR__IDENTITY}, /* nothing else to give */
                 {"*", CSTAR__BR},
                 {"br;q=bad", CSTAR__IDENTITY}};
    cstar__coding_budget b = {.limit = 0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cstar__accept a = cstar__accept_parse(cstar_cstr(cases[i].value));
        assert_int_equal(cstar__coding_choose(&a, NULL, &b).coding, cases[i].expected);
    }
    assert_int_equal(b.whole, sizeof cases / sizeof cases[0]);
    const cstar__encoder_opts opts[CSTAR__CODINGS] = {[CSTAR__BR] = {11, 24}};
    cstar__accept a = cstar__accept_parse(CSTAR_STR("br, gzip"));
    assert_int_equal(cstar__coding_choose(&a, opts, &b).coding, CSTAR__GZIP);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flush_per_event), cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_history_counts),  cmocka_unit_test(test_empty_stream),
        cmocka_unit_test(test_reset),           cmocka_unit_test(test_options),
        cmocka_unit_test(test_memory),          cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_output_limit),    cmocka_unit_test(test_budget),
        cmocka_unit_test(test_choose),          cmocka_unit_test(test_choose_by_client),
    };
    return cmocka_run_group_tests(tests, load_all, NULL);
}
