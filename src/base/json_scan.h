/* base/json_scan.h -- the JSON grammar, once: takes text apart into tokens, for the reader, the
 * checker and the writer.
 *
 *     cstar__json_scan s;
 *     cstar_status rc = cstar__json_scan_init(&s, text, opts);
 *     while ((token = cstar__json_next(&s)) > CSTAR__JSON_END) { ... }
 *     // then END, or ERROR and s.status
 *
 * A token that comes back is valid in its place: strings are well-formed UTF-8 with well-formed
 * escapes, numbers have a value, brackets match, the depth is within bounds. What is not looked for
 * here: duplicate keys (that takes memory).
 *
 *              ┌──────────────────────────────┐
 *     root ──▶ value ──▶ after ──',' [key]────┘
 *                          └──▶ end (depth 0)
 *
 * '{' and '[' lead to first, closing brackets to after; first is value (or key), or the closing
 * bracket.
 *
 * Invariants: 1. No byte outside of the text is read, none is written. 2. No allocation, no
 * recursion; the only state that grows with the depth is one bit per level. 3. Work is linear in
 * the text.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_BASE_JSON_SCAN_H
#define CSTAR_BASE_JSON_SCAN_H

#include "cstar/json.h"

#define CSTAR__JSON_MAX_DEPTH 1024u

typedef enum cstar__json_token {
    CSTAR__JSON_ERROR,
    CSTAR__JSON_END,
    CSTAR__JSON_OBJECT,
    CSTAR__JSON_OBJECT_END,
    CSTAR__JSON_ARRAY,
    CSTAR__JSON_ARRAY_END,
    CSTAR__JSON_KEY, /* and its colon */
    CSTAR__JSON_STR,
    CSTAR__JSON_INTEGER, /* fits int64 */
    CSTAR__JSON_REAL,    /* every other number */
    CSTAR__JSON_TRUE,
    CSTAR__JSON_FALSE,
    CSTAR__JSON_NIL,
} cstar__json_token;

typedef struct cstar__json_scan {
    const char *at, *end;
    const char *begin;
    cstar_str text; /* KEY, STR: what stands between the quotes; INTEGER, REAL: as written */
    union {
        int64_t i;
        double d;
    } number;
    bool escaped; /* KEY, STR: `text` has escapes */
    bool comma;   /* a comma stood before the token */
    uint8_t state;
    unsigned depth, max_depth;
    cstar_status status;  /* of the error */
    const char *fault;    /* the byte at fault */
    const char *expected; /* ESYNTAX: what should have stood there; else what is wrong */
    uint64_t
        objects[CSTAR__JSON_MAX_DEPTH / 64]; /* bit per open level: an object (1) or an array (0) */
} cstar__json_scan;

/** @return CSTAR_OK, or CSTAR_ELIMIT: the text is too long, do not scan it. `opts` may be NULL. */
cstar_status cstar__json_scan_init(cstar__json_scan *s, cstar_str text,
                                   const cstar_json_opts *opts);

/** The next token. Do not call it again behind ERROR and END. */
cstar__json_token cstar__json_next(cstar__json_scan *s);

/** Fills `err` from the scanner's error. @return its status. */
cstar_status cstar__json_scan_report(const cstar__json_scan *s, cstar_err *err);

/** Makes ERROR of what the caller found out. `expected`: as in the struct. */
cstar__json_token cstar__json_scan_fail(cstar__json_scan *s, const char *fault, cstar_status status,
                                        const char *expected);

/**
 * Reads the escape at `p`, which is a backslash.
 * @param code  its code point; of a surrogate pair the one it stands for.
 * @return its length (2, 6, or 12 for a pair), or 0: `*status` is CSTAR_ESYNTAX, or CSTAR_EUTF8 for
 *         a lone surrogate.
 */
size_t cstar__json_escape(const char *p, const char *end, uint32_t *code, cstar_status *status);

/* ---- numbers (json_number.c)
 * ------------------------------------------------------------------ */

/** Scans the number that begins at `p` (a digit or '-'). */
cstar__json_token cstar__json_scan_number(cstar__json_scan *s, const char *p);

/* Enough for the longest form: sign, digits, 'e', exponent, NUL. */
#define CSTAR__JSON_DECIMAL_MAX 832

/**
 * Rewrites a JSON number as digits and exponent without a decimal point ("-1.25" is "-125e-2"), for
 * strtod(): the locale decides what a decimal point is, but not what "125e-2" is. Digits that can't
 * matter for a double are cut off.
 */
void cstar__json_decimal(cstar_str number, char out[CSTAR__JSON_DECIMAL_MAX]);

#endif
