/* http/date.h -- the dates of HTTP (RFC 9110 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT".
 *
 * Seconds since 1970 in UTC, no leap seconds, years 1 to 9999. Pure arithmetic: no time zone, no
 * locale, no clock. [any thread]
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_DATE_H
#define CSTAR_HTTP_DATE_H

#include "cstar/base.h"

enum { CSTAR__DATE_LEN = 29 };
#define CSTAR__DATE_MIN INT64_C(-62135596800) /* 0001-01-01 00:00:00 */
#define CSTAR__DATE_MAX INT64_C(253402300799) /* 9999-12-31 23:59:59 */

/**
 * Reads the preferred form and the two obsolete ones:
 *     Sun, 06 Nov 1994 08:49:37 GMT
 *     Sunday, 06-Nov-94 08:49:37 GMT     two digits of year: 70 to 99 are 19xx, 00 to 69 are 20xx
 *     Sun Nov  6 08:49:37 1994
 * Exactly these, case and all, and the day of the week must be that of the date. Second 60 counts
 * as the first of the next minute.
 * @return false: it is none of them; `*out` is unchanged.
 */
bool cstar__date_parse(cstar_str s, int64_t *out);

/** The preferred form; not NUL-terminated. What is beyond the limits becomes the limit. */
void cstar__date_format(char out[CSTAR__DATE_LEN], int64_t seconds);

#endif
