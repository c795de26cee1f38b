/* http/form.c -- see form.h.
 * SPDX-License-Identifier: MIT */
#include "http/form.h"

#include "http/scan.h"

void cstar__form_init(cstar__form *f, const cstar__form_opts *opts) {
    *f = (cstar__form){.status = CSTAR_OK,
                       .rest = opts->text,
                       .arena = opts->arena,
                       .left = opts->max_pairs != 0 ? opts->max_pairs : 1000,
                       .utf8 = opts->utf8,
                       .strict = opts->strict};
}

static bool is_coded(cstar_str s) {
    return s.len != 0 && (memchr(s.ptr, '%', s.len) != NULL || memchr(s.ptr, '+', s.len) != NULL);
}

/* Decoded text is never longer than coded text. */
static cstar_status decode(const cstar__form *f, cstar_str *s) {
    if (f->strict && !cstar_percent_valid(*s)) {
        return CSTAR_ESYNTAX;
    }
    if (is_coded(*s)) {
        char *mem = cstar_arena_alloc(f->arena, s->len);
        cstar_buf b;
        if (mem == NULL) {
            return CSTAR_ENOMEM;
        }
        cstar_buf_fixed(&b, mem, s->len);
        cstar_buf_unpercent(&b, *s, true);
        if (cstar_buf_status(&b) != CSTAR_OK) {
            return cstar_buf_status(&b);
        }
        *s = cstar_buf_view(&b);
    }
    return f->utf8 && !cstar_utf8_valid(*s) ? CSTAR_EUTF8 : CSTAR_OK;
}

static bool stop(cstar__form *f, cstar_status why) {
    f->status = why;
    f->rest = cstar_view(NULL, 0);
    return false;
}

bool cstar__form_next(cstar__form *f, cstar_str *name, cstar_str *value) {
    cstar_str pair;
    while (cstar__split(&f->rest, '&', &pair)) {
        if (pair.len == 0) {
            continue;
        }
        if (f->left-- == 0) {
            return stop(f, CSTAR_ELIMIT);
        }
        cstar_str key;
        (void)cstar__split(&pair, '=', &key);
        if (pair.ptr == NULL) {
            pair = cstar_view("", 0);
        }
        cstar_status rc = decode(f, &key);
        rc = rc == CSTAR_OK ? decode(f, &pair) : rc;
        if (rc != CSTAR_OK) {
            return stop(f, rc);
        }
        *name = key;
        *value = pair;
        return true;
    }
    return false;
}
