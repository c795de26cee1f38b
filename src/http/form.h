/* http/form.h -- application/x-www-form-urlencoded (URL Standard 5.1), pair by pair: bodies of plain
 * forms, and query strings.
 *
 *     cstar__form f;
 *     cstar__form_init(&f, &(cstar__form_opts){.text = body, .arena = &x->arena, .utf8 = true});
 *     while (cstar__form_next(&f, &name, &value)) { ... }
 *     if (f.status != CSTAR_OK) { ... 400 ... }
 *
 * A name or value without '%' and '+' is a view into the text; any other is decoded into the arena.
 * As in the standard, a '%' that two hex digits do not follow stands for itself, a pair without '='
 * has an empty value, and empty pieces between '&' are no pairs. Threads: any; state is the
 * caller's.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_FORM_H
#define CSTAR_HTTP_FORM_H

#include "cstar/base.h"

typedef struct cstar__form_opts {
    cstar_str text;     /* borrowed as long as names and values are used */
    cstar_arena *arena; /* for decoded text; borrowed likewise */
    size_t max_pairs;   /* 0: 1000 */
    bool utf8;          /* refuse what is no UTF-8 after decoding */
    bool strict;        /* refuse a '%' without its two digits */
} cstar__form_opts;

typedef struct cstar__form {
    cstar_status status; /* why it ended: CSTAR_OK at the end of the text; else see below */
    cstar_str rest;      /* private, and the rest too */
    cstar_arena *arena;
    size_t left;
    bool utf8, strict;
} cstar__form;

void cstar__form_init(cstar__form *f, const cstar__form_opts *opts);

/**
 * The next pair, decoded, valid as long as text and arena are.
 * @return false: no more. f->status is CSTAR_OK; or CSTAR_ELIMIT too many pairs; CSTAR_EUTF8;
 *         CSTAR_ESYNTAX a bad '%' with `strict`; CSTAR_ENOMEM, also for the arena's limit. It stays
 *         false.
 */
bool cstar__form_next(cstar__form *f, cstar_str *name, cstar_str *value);

#endif
