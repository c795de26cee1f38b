/* http/date.c -- see date.h.
 *
 * A form is a pattern, one letter per byte of text: a and m begin the names of day and month, d h i
 * s Y y digits of day, hour, minute, second and year, e a day with a space for a leading zero.
 * Everything else stands for itself.
 *
 * SPDX-License-Identifier: MIT */
#include "http/date.h"

static const char days[7][10] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                 "Thursday", "Friday", "Saturday"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

typedef struct fields {
    int weekday, day, month, year, hour, minute, second; /* month 1 to 12; year -1: two digits */
} fields;

/* Days from 1970-01-01 to that date. Counts in years that begin in March, so that the day which
 * leap years add is the last of its year. */
static int64_t days_before(int64_t year, int month, int day) {
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + in_year - 719468;
}

static int days_in(int year, int month) {
    static const int length[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return length[month - 1] + (month == 2 && leap ? 1 : 0);
}

static int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : -1; }

/* Adds the digit `c` to `*n`. */
static bool add_digit(int *n, char c) {
    int d = digit(c);
    *n = *n * 10 + d;
    return d >= 0;
}

static bool find_month(const char *p, int *month) {
    for (int i = 0; i < 12; i++) {
        if (memcmp(p, months[i], 3) == 0) {
            *month = i + 1;
            return true;
        }
    }
    return false;
}

static bool find_day(const char *p, int *weekday) {
    for (int i = 0; i < 7; i++) {
        if (memcmp(p, days[i], 3) == 0) {
            *weekday = i;
            return true;
        }
    }
    return false;
}

static bool match_letter(char form, const char *p, fields *f) {
    switch (form) {
    case 'a':
        return find_day(p, &f->weekday);
    case 'm':
        return find_month(p, &f->month);
    case 'd':
        return add_digit(&f->day, *p);
    case 'e':
        return *p == ' ' || add_digit(&f->day, *p);
    case 'h':
        return add_digit(&f->hour, *p);
    case 'i':
        return add_digit(&f->minute, *p);
    case 's':
        return add_digit(&f->second, *p);
    case 'Y':
        return add_digit(&f->year, *p);
    case '.': /* the rest of a name */
        return true;
    default:
        return *p == form;
    }
}

static bool match(const char *form, cstar_str s, fields *f) {
    *f = (fields){0};
    if (s.len != strlen(form)) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (!match_letter(form[i], s.ptr + i, f)) {
            return false;
        }
    }
    return true;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT": the name of the day is as long as it is. */
static bool match_rfc850(cstar_str s, fields *f) {
    int weekday = 0;
    if (s.len < 3 || !find_day(s.ptr, &weekday)) {
        return false;
    }
    size_t n = strlen(days[weekday]);
    if (s.len < n || memcmp(s.ptr, days[weekday], n) != 0 ||
        !match(", dd-m..-YY hh:ii:ss GMT", cstar_view(s.ptr + n, s.len - n), f)) {
        return false;
    }
    f->weekday = weekday;
    f->year += f->year < 70 ? 2000 : 1900;
    return true;
}

bool cstar__date_parse(cstar_str s, int64_t *out) {
    fields f;
    if (!match("a.., dd m.. YYYY hh:ii:ss GMT", s, &f) && !match_rfc850(s, &f) &&
        !match("a.. m.. ed hh:ii:ss YYYY", s, &f)) {
        return false;
    }
    if (f.year < 1 || f.day < 1 || f.day > days_in(f.year, f.month) || f.hour > 23 ||
        f.minute > 59 || f.second > 60) {
        return false;
    }
    int64_t day = days_before(f.year, f.month, f.day);
    if ((day + 4 + 7 * INT64_C(200000)) % 7 != f.weekday) { /* 1970-01-01 was a Thursday */
        return false;
    }
    *out = ((day * 24 + f.hour) * 60 + f.minute) * 60 + f.second;
    return true;
}

static void put_number(char *p, int n, int digits) {
    for (int i = digits - 1; i >= 0; i--) {
        p[i] = (char)('0' + n % 10);
        n /= 10;
    }
}

/* The year that `day` lies in: a guess that is never too late, then as many steps as it is off. */
static int year_of(int64_t day) {
    int year = (int)((day + 719162) / 366) + 1;
    while (days_before(year + 1, 1, 1) <= day) {
        year += 1 + (int)((day - days_before(year + 1, 1, 1)) / 366);
    }
    return year;
}

void cstar__date_format(char out[CSTAR__DATE_LEN], int64_t seconds) {
    seconds = seconds < CSTAR__DATE_MIN ? CSTAR__DATE_MIN : seconds;
    seconds = seconds > CSTAR__DATE_MAX ? CSTAR__DATE_MAX : seconds;
    int64_t since = seconds - CSTAR__DATE_MIN; /* never negative */
    int64_t day = since / 86400 + CSTAR__DATE_MIN / 86400;
    int clock = (int)(since % 86400);
    int year = year_of(day);
    int month = 1;
    while (month < 12 && days_before(year, month + 1, 1) <= day) {
        month++;
    }
    memcpy(out, "ddd, 00 mmm 0000 00:00:00 GMT", CSTAR__DATE_LEN);
    memcpy(out, days[(since / 86400 + 1) % 7], 3); /* 0001-01-01 was a Monday */
    put_number(out + 5, (int)(day - days_before(year, month, 1)) + 1, 2);
    memcpy(out + 8, months[month - 1], 3);
    put_number(out + 12, year, 4);
    put_number(out + 17, clock / 3600, 2);
    put_number(out + 20, clock / 60 % 60, 2);
    put_number(out + 23, clock % 60, 2);
}
