/* fuzz_multipart.c -- any Content-Type and any form-data body. The input is TYPE LF BODY; a byte of
 * 0 to 9 before it says how the body is cut.
 *
 * Asserted: the events are in order, names are UTF-8, limits hold, and a body in pieces gives the
 * same events, bytes and status as the body in one.
 *
 * SPDX-License-Identifier: MIT */
#include "http/filename.h"
#include "http/multipart.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) ((x) ? (void)0 : abort())

typedef struct seen {
    bool inside, done;
    cstar_buf log;
    size_t parts, bytes;
} seen;

static cstar_status on_begin(void *ctx, const cstar__part *p) {
    seen *s = ctx;
    char mem[CSTAR__FILENAME_MAX];
    CHECK(!s->inside && !s->done && ++s->parts <= 5);
    CHECK(p->name.ptr != NULL && cstar_utf8_valid(p->name) && cstar_utf8_valid(p->filename));
    cstar_str safe = cstar__filename_safe(p->filename, mem);
    CHECK(safe.len != 0 && safe.ptr[0] != '.' && memchr(safe.ptr, '/', safe.len) == NULL);
    s->inside = true;
    s->bytes = 0;
    cstar_buf_lit(&s->log, "<");
    cstar_buf_str(&s->log, p->name);
    cstar_buf_str(&s->log, p->filename);
    cstar_buf_str(&s->log, p->content_type);
    return CSTAR_OK;
}

static cstar_status on_data(void *ctx, const char *ptr, size_t len) {
    seen *s = ctx;
    s->bytes += len;
    CHECK(s->inside && len != 0 && s->bytes <= 200);
    cstar_buf_add(&s->log, ptr, len);
    return CSTAR_OK;
}

static cstar_status on_end(void *ctx) {
    seen *s = ctx;
    CHECK(s->inside);
    s->inside = false;
    cstar_buf_lit(&s->log, ">");
    return CSTAR_OK;
}

static cstar_status on_done(void *ctx) {
    seen *s = ctx;
    CHECK(!s->inside && !s->done && s->parts != 0);
    s->done = true;
    return CSTAR_OK;
}

static cstar_status run(seen *s, cstar_str type, cstar_str body, size_t piece) {
    static const cstar__multipart_events events = {on_begin, on_data, on_end, on_done};
    const cstar__multipart_opts o = {.alloc = cstar_heap(),
                                     .content_type = type,
                                     .events = &events,
                                     .ctx = s,
                                     .max_parts = 5,
                                     .max_head = 300,
                                     .max_part = 200,
                                     .max_total = 1500};
    cstar__multipart m;
    *s = (seen){.inside = false};
    cstar_buf_init(&s->log, cstar_heap(), 0);
    (void)cstar__multipart_init(&m, &o);
    for (size_t at = 0; at < body.len; at += piece) {
        size_t n = body.len - at < piece ? body.len - at : piece;
        char *copy = malloc(n);
        CHECK(copy != NULL);
        memcpy(copy, body.ptr + at, n);
        (void)cstar__multipart_feed(&m, copy, n);
        free(copy);
    }
    cstar_status rc = cstar__multipart_end(&m);
    CHECK(rc != CSTAR_OK || s->done);
    cstar__multipart_fini(&m);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || size > 4096) {
        return 0;
    }
    size_t piece = 1u + data[0] % 10u;
    cstar_str text = {(const char *)data + 1, size - 1};
    const char *lf = text.len != 0 ? memchr(text.ptr, '\n', text.len) : NULL;
    if (lf == NULL) {
        return 0;
    }
    cstar_str type = {text.ptr, (size_t)(lf - text.ptr)};
    cstar_str body = {lf + 1, text.len - type.len - 1};
    seen whole;
    seen cut;
    cstar_status rc = run(&whole, type, body, 4096);
    CHECK(run(&cut, type, body, piece) == rc);
    CHECK(cut.parts == whole.parts && cut.done == whole.done && cut.inside == whole.inside);
    CHECK(cstar_str_eq(cstar_buf_view(&cut.log), cstar_buf_view(&whole.log)));
    cstar_buf_fini(&whole.log);
    cstar_buf_fini(&cut.log);
    return 0;
}
