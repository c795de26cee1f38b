/* number.c -- numbers as text, whatever the locale.
 * SPDX-License-Identifier: MIT */
#include "cstar/base.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void add_digits(cstar_buf *b, uint64_t n, bool negative) {
    char text[21];
    size_t at = sizeof text;
    do {
        text[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    if (negative) {
        text[--at] = '-';
    }
    cstar_buf_add(b, text + at, sizeof text - at);
}

void cstar_buf_uint(cstar_buf *b, uint64_t n) { add_digits(b, n, false); }

void cstar_buf_int(cstar_buf *b, int64_t n) {
    uint64_t magnitude = n < 0 ? (uint64_t)0 - (uint64_t)n : (uint64_t)n;
    add_digits(b, magnitude, n < 0);
}

/* printf() writes the locale's decimal point, which may be any one byte (or, in theory, several):
 * whatever is not part of a number's alphabet is it. */
static size_t normalise(char *text) {
    size_t to = 0;
    bool in_point = false;
    for (size_t i = 0; text[i] != '\0'; i++) {
        char c = text[i];
        bool plain = (c >= '0' && c <= '9') || c == '-' || c == '+' || c == 'e';
        if (plain) {
            text[to++] = c;
        } else if (!in_point) {
            text[to++] = '.';
        }
        in_point = !plain;
    }
    return to;
}

void cstar_buf_double(cstar_buf *b, double d) {
    if (!isfinite(d)) {
        cstar_buf_lit(b, "null");
        return;
    }
    bool small = d > -9007199254740992.0 && d < 9007199254740992.0;
    if (small && d == (double)(int64_t)d && (d != 0 || !signbit(d))) {
        cstar_buf_int(b, (int64_t)d);
        return;
    }
    char text[48];
    /* 15 digits identify every normal number that has so few, and %g drops trailing zeros;
     * subnormal ones have fewer. */
    bool subnormal = d < 2.3e-308 && d > -2.3e-308;
    for (int precision = subnormal ? 1 : 15; precision <= 17; precision++) {
        (void)snprintf(text, sizeof text, "%.*g", precision, d);
        if (strtod(text, NULL) == d) {
            break;
        }
    }
    cstar_buf_add(b, text, normalise(text));
}
