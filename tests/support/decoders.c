/* decoders.c -- see decoders.h. Loaded at run time: brotli's decoder is a library that cstar does
 * not link, and a build may leave out any coding.
 * SPDX-License-Identifier: MIT */
#include "support/decoders.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <dlfcn.h>

enum { MOST = 8 << 20 };
static char text[MOST + 1];

static bool load(const char *library, const char *name, void *function) {
    void *open = dlopen(library, RTLD_NOW);
    void *found = open != NULL ? dlsym(open, name) : NULL;
    memcpy(function, &found, sizeof found); /* POSIX says that this works, C does not */
    return found != NULL;
}

static cstar_str decoded(size_t len) {
    text[len] = '\0';
    return cstar_view(text, len);
}

static cstar_str decode_gzip(cstar_str in) {
    int (*init)(z_streamp, int, const char *, int);
    int (*run)(z_streamp, int);
    int (*end)(z_streamp);
    union {
        const char *in;
        Bytef *z;
    } from = {.in = in.ptr};
    z_stream z = {0};
    if (!load("libz.so.1", "inflateInit2_", &init) || !load("libz.so.1", "inflate", &run) ||
        !load("libz.so.1", "inflateEnd", &end) ||
        init(&z, 15 + 16, ZLIB_VERSION, (int)sizeof z) != Z_OK) {
        return cstar_view(NULL, 0);
    }
    z.next_in = from.z;
    z.avail_in = (uInt)in.len;
    z.next_out = (Bytef *)text;
    z.avail_out = MOST;
    const int rc = run(&z, Z_SYNC_FLUSH);
    (void)end(&z);
    return (rc == Z_OK || rc == Z_STREAM_END) && z.avail_in == 0 ? decoded(MOST - z.avail_out)
                                                                 : cstar_view(NULL, 0);
}

static cstar_str decode_zstd(cstar_str in) {
    ZSTD_DCtx *(*create)(void);
    size_t (*run)(ZSTD_DCtx *, ZSTD_outBuffer *, ZSTD_inBuffer *);
    unsigned (*is_error)(size_t);
    size_t (*destroy)(ZSTD_DCtx *);
    ZSTD_inBuffer from = {in.ptr, in.len, 0};
    ZSTD_outBuffer to = {text, MOST, 0};
    if (!load("libzstd.so.1", "ZSTD_createDCtx", &create) ||
        !load("libzstd.so.1", "ZSTD_decompressStream", &run) ||
        !load("libzstd.so.1", "ZSTD_isError", &is_error) ||
        !load("libzstd.so.1", "ZSTD_freeDCtx", &destroy)) {
        return cstar_view(NULL, 0);
    }
    ZSTD_DCtx *d = create();
    bool good = true;
    do {
        good = is_error(run(d, &to, &from)) == 0;
    } while (good && from.pos < from.size);
    (void)destroy(d);
    return good ? decoded(to.pos) : cstar_view(NULL, 0);
}

static cstar_str decode_br(cstar_str in) {
    BrotliDecoderState *(*create)(brotli_alloc_func, brotli_free_func, void *);
    BrotliDecoderResult (*run)(BrotliDecoderState *, size_t *, const uint8_t **, size_t *,
                               uint8_t **, size_t *);
    void (*destroy)(BrotliDecoderState *);
    const uint8_t *next_in = (const uint8_t *)in.ptr;
    uint8_t *next_out = (uint8_t *)text;
    size_t left = MOST;
    if (!load("libbrotlidec.so.1", "BrotliDecoderCreateInstance", &create) ||
        !load("libbrotlidec.so.1", "BrotliDecoderDecompressStream", &run) ||
        !load("libbrotlidec.so.1", "BrotliDecoderDestroyInstance", &destroy)) {
        return cstar_view(NULL, 0);
    }
    BrotliDecoderState *s = create(NULL, NULL, NULL);
    const BrotliDecoderResult rc = run(s, &in.len, &next_in, &left, &next_out, NULL);
    destroy(s);
    return rc != BROTLI_DECODER_RESULT_ERROR && in.len == 0 ? decoded(MOST - left)
                                                            : cstar_view(NULL, 0);
}

cstar_str decode(const char *coding, cstar_str bytes) {
    if (strcmp(coding, "gzip") == 0) {
        return decode_gzip(bytes);
    }
    if (strcmp(coding, "zstd") == 0) {
        return decode_zstd(bytes);
    }
    if (strcmp(coding, "br") == 0) {
        return decode_br(bytes);
    }
    memcpy(text, bytes.ptr, bytes.len < MOST ? bytes.len : MOST);
    return decoded(bytes.len < MOST ? bytes.len : MOST);
}

bool decoder_there(const char *coding) {
    void *found = NULL;
    if (strcmp(coding, "br") == 0) {
        return load("libbrotlidec.so.1", "BrotliDecoderCreateInstance", &found);
    }
    if (strcmp(coding, "zstd") == 0) {
        return load("libzstd.so.1", "ZSTD_createDCtx", &found);
    }
    return load("libz.so.1", "inflate", &found);
}
