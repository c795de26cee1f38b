/* base/json_number.c -- numbers of JSON text: their grammar and their value.
 *
 * Integers that fit int64 are exact. Most other numbers have at most 2^53 as their digits and a
 * small power of ten, so that one multiplication or division of exact doubles gives the correctly
 * rounded result (Clinger's fast path). The rest goes to strtod(), in a form that no locale reads
 * differently and of bounded length.
 * Absent: a decimal conversion of our own; libc's is correctly rounded.
 *
 * SPDX-License-Identifier: MIT */
#include "base/json_scan.h"

#include <float.h>
#include <stdlib.h>

/* A double, and the middle between two, has at most 768 significant digits: what comes behind them
 * only says whether the number lies above that middle, and one more digit can say that. */
#define DIGITS_MAX 770
#define EXPONENT_MAX 1000000000000000 /* beyond any text's length; larger ones saturate */

/* A number in parts. Its value is digits * 10^exponent if all of its digits fit (`exact`). */
typedef struct decimal {
    bool negative, exact, fraction_or_exponent;
    uint64_t digits;
    int64_t exponent;
} decimal;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static const char *scan_digits(const char *p, const char *end, uint64_t *digits) {
    uint64_t n = *digits; /* wraps for more than 19 of them; the caller counts */
    while (p < end && is_digit(*p)) {
        n = n * 10 + (uint64_t)(*p++ - '0');
    }
    *digits = n;
    return p;
}

/* The exponent behind 'e'. @return behind it; `*start` tells whether there was a digit. */
static const char *scan_exponent(const char *p, const char *end, int64_t *exponent,
                                 const char **start) {
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    int64_t n = 0;
    for (*start = p; p < end && is_digit(*p); p++) {
        if (n < EXPONENT_MAX) {
            n = n * 10 + (*p - '0');
        }
    }
    *exponent = negative ? -n : n;
    return p;
}

/* The grammar of a number. @return behind it; NULL where a digit is missing, and `*fault` says
 * where. */
static const char *scan_decimal(const char *p, const char *end, decimal *out, const char **fault) {
    decimal d = {.negative = *p == '-'};
    p += d.negative;
    const char *start = p;
    p = p < end && *p == '0' ? p + 1 : scan_digits(p, end, &d.digits);
    ptrdiff_t count = p - start;
    *fault = p;
    if (count == 0) {
        return NULL;
    }
    if (p < end && *p == '.') {
        start = ++p;
        p = scan_digits(p, end, &d.digits);
        *fault = p;
        if (p == start) {
            return NULL;
        }
        d.fraction_or_exponent = true;
        d.exponent = -(int64_t)(p - start);
        count += p - start;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        int64_t exponent;
        p = scan_exponent(p + 1, end, &exponent, &start);
        *fault = p;
        if (p == start) {
            return NULL;
        }
        d.fraction_or_exponent = true;
        d.exponent += exponent;
    }
    d.exact = count <= 19;
    *out = d;
    return p;
}

static bool fits_int64(const decimal *d, int64_t *i) {
    if (d->fraction_or_exponent || !d->exact) {
        return false;
    }
    if (d->negative) {
        if (d->digits == 0 || d->digits > (uint64_t)INT64_MAX + 1) {
            return false; /* "-0" is a double: int64 has no negative zero */
        }
        *i = -1 - (int64_t)(d->digits - 1);
        return true;
    }
    *i = (int64_t)(d->digits & (uint64_t)INT64_MAX);
    return d->digits <= (uint64_t)INT64_MAX;
}

/* Correct only where double arithmetic rounds to double at once. */
static bool fits_fast_path(const decimal *d) {
    return FLT_EVAL_METHOD == 0 && d->exact && d->digits <= (UINT64_C(1) << 53) &&
           d->exponent >= -22 && d->exponent <= 22;
}

static double fast_path(const decimal *d) {
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double v = (double)d->digits;
    v = d->exponent < 0 ? v / power[-d->exponent] : v * power[d->exponent];
    return d->negative ? -v : v;
}

/* Decimal digits of `n`, and a NUL. */
static void put_exponent(char *out, int64_t n) {
    uint64_t rest = (uint64_t)(n < 0 ? -n : n);
    char reversed[20];
    size_t len = 0;
    do {
        reversed[len++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (n < 0) {
        *out++ = '-';
    }
    while (len > 0) {
        *out++ = reversed[--len];
    }
    *out = '\0';
}

void cstar__json_decimal(cstar_str number, char out[CSTAR__JSON_DECIMAL_MAX]) {
    const char *p = number.ptr;
    const char *end = p + number.len;
    const char *unused;
    int64_t exponent = 0; /* of the digit written last */
    size_t count = 0;
    bool point = false, more = false;
    if (p < end && *p == '-') {
        *out++ = *p++;
    }
    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        if (count == 0 && *p == '0') { /* a leading zero */
            exponent -= point;
        } else if (count < DIGITS_MAX) {
            *out++ = *p;
            count++;
            exponent -= point;
        } else {
            more = more || *p != '0';
            exponent += !point;
        }
    }
    if (count == 0) {
        memcpy(out, "0", 2);
        return;
    }
    if (more) {
        *out++ = '1';
        exponent--;
    }
    if (p < end) {
        int64_t written = 0;
        (void)scan_exponent(p + 1, end, &written, &unused);
        exponent += written;
    }
    *out++ = 'e';
    put_exponent(out, exponent);
}

static double slow_path(cstar_str text) {
    char plain[CSTAR__JSON_DECIMAL_MAX];
    cstar__json_decimal(text, plain);
    return strtod(plain, NULL);
}

cstar__json_token cstar__json_scan_number(cstar__json_scan *s, const char *p) {
    decimal d;
    const char *fault;
    const char *behind = scan_decimal(p, s->end, &d, &fault);
    if (behind == NULL) {
        return cstar__json_scan_fail(s, fault, CSTAR_ESYNTAX, "a digit");
    }
    s->text = cstar_view(p, (size_t)(behind - p));
    s->at = behind;
    if (fits_int64(&d, &s->number.i)) {
        return CSTAR__JSON_INTEGER;
    }
    s->number.d = fits_fast_path(&d) ? fast_path(&d) : slow_path(s->text);
    if (s->number.d > DBL_MAX || s->number.d < -DBL_MAX) {
        return cstar__json_scan_fail(s, p, CSTAR_ERANGE, "a number beyond the range of a double");
    }
    return CSTAR__JSON_REAL;
}
