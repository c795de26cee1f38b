/* plain.c -- uploads without a page: a line of text for each field and file.
 * SPDX-License-Identifier: MIT */
#include "upload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- files that wait in temporary files ---- */

static uint32_t sum_of(const cstar_file *f) {
    char piece[16384];
    uint32_t sum = 0;
    ptrdiff_t n = 0;
    for (uint64_t at = 0; (n = cstar_file_read(f, at, piece, sizeof piece)) > 0;) {
        sum = checksum_add(sum, piece, (size_t)n);
        at += (uint64_t)n;
    }
    return sum;
}

void plain_files(cstar_conn *conn) {
    cstar_buf out;
    char line[512];
    cstar_form_field field = {0};
    cstar_buf_init(&out, cstar_heap(), 1 << 20);
    while (cstar_form_next(conn, &field)) {
        cstar_buf_str(&out, field.name);
        cstar_buf_puts(&out, " = ");
        cstar_buf_str(&out, field.value);
        cstar_buf_puts(&out, "\n");
    }
    for (const cstar_file *f = NULL; (f = cstar_form_file_next(conn, f)) != NULL;) {
        (void)snprintf(line, sizeof line, "%s: %s %s %" PRIu64 " %08" PRIx32 "\n", f->name,
                       f->filename, f->content_type, f->size, sum_of(f));
        cstar_buf_puts(&out, line);
    }
    cstar_respond(conn, 200, "text/plain; charset=utf-8", cstar_buf_view(&out));
    cstar_buf_fini(&out);
}

/* ---- content that is used up as it comes ---- */

struct sums {
    uint64_t bytes;
    uint32_t sum;
};

static int begin_part(cstar_conn *conn, const cstar_upload_part *part, void *arg) {
    if (part->filename == NULL || cstar_upload_kept(conn) != NULL) {
        return 0;
    }
    struct sums *s = calloc(1, sizeof *s);
    cstar_upload_keep(conn, s);
    return s != NULL ? 0 : 500;
}

static int take_data(cstar_conn *conn, const char *ptr, size_t len, void *arg) {
    struct sums *s = cstar_upload_kept(conn);
    s->bytes += len;
    s->sum = len != 0 ? checksum_add(s->sum, ptr, len) : s->sum;
    return 0;
}

static void end_body(cstar_conn *conn, bool whole, void *arg) { free(cstar_upload_kept(conn)); }

const cstar_upload_opts plain_stream_opts = {.max_file = (size_t)1 << 30,
                                             .max_total = (size_t)1 << 30,
                                             .on_part = begin_part,
                                             .on_data = take_data,
                                             .on_end = end_body};

void plain_stream(cstar_conn *conn) {
    const struct sums none = {0, 0};
    const struct sums *kept = cstar_upload_kept(conn);
    const struct sums *s = kept != NULL ? kept : &none;
    char line[64];
    (void)snprintf(line, sizeof line, "%" PRIu64 " %08" PRIx32 "\n", s->bytes, s->sum);
    cstar_respond_text(conn, 200, line);
}
