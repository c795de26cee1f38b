/* http/cookie.h -- cookies (RFC 6265): what a request carries, and the Set-Cookie of a response.
 *
 *     cstar__cookies it;
 *     cstar__cookies_init(&it, r->fields, r->nfields, 0);
 *     while (cstar__cookies_next(&it, &cookie)) { ... }
 *
 *     cstar__set_cookie c = {.name = CSTAR_STR("__Host-id"), .value = id, .secure = true,
 *                            .http_only = true};
 *     cstar__set_cookie_format(&out, &c, &err);     // the value of one Set-Cookie field
 *
 * Values are octets, neither decoded nor encoded: to store anything else, code it (base64url, say)
 * first. A browser sends only name and value back; whoever can write cookies for a domain above, or
 * from plain http, can plant any name that lacks the `__Host-` prefix.
 * Absent: third-party storage, a jar, signing. Threads: any; all state is the caller's.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTTP_COOKIE_H
#define CSTAR_HTTP_COOKIE_H

#include "http/exchange.h"

/* ---- of a request --------------------------------------------------------------------------- */

typedef struct cstar__cookie {
    cstar_str name;  /* a token, case matters */
    cstar_str value; /* cookie-octets, without the quotes that may have been around it */
} cstar__cookie;

/* Private. Borrows the fields for its life. */
typedef struct cstar__cookies {
    const cstar__field *field, *end; /* the fields not begun */
    cstar_str rest;                  /* of the one begun; absent between fields */
    size_t left;                     /* pairs that may still be looked at */
} cstar__cookies;

/**
 * Begins with the first "cookie" field (HTTP/2 may send several).
 * @param max  pairs to look at in all, good and bad; 0: 64. Those behind are not seen.
 */
void cstar__cookies_init(cstar__cookies *it, const cstar__field *fields, size_t nfields,
                         size_t max);

/** The next well-formed pair, in the order sent; malformed ones are passed over one by one.
 * @return false: there is no more. */
bool cstar__cookies_next(cstar__cookies *it, cstar__cookie *out);

/** The value of the first cookie of that name: browsers put the one with the longest path first.
 * @return the absent view if there is none. */
cstar_str cstar__cookie_find(const cstar__request *r, cstar_str name);

/* ---- of a response -------------------------------------------------------------------------- */

typedef enum cstar__same_site {
    CSTAR__SAME_SITE_LAX, /* the default */
    CSTAR__SAME_SITE_STRICT,
    CSTAR__SAME_SITE_NONE, /* needs `secure` */
} cstar__same_site;

typedef struct cstar__set_cookie { /* zero is the default of every field but the name; borrowed */
    cstar_str name;                /* a token; with the value at most 4096 bytes */
    cstar_str value;               /* cookie-octets: no space, quote, comma, semicolon, backslash */
    cstar_str path;                /* starts with '/'; absent: "/" */
    cstar_str domain;              /* absent: this host only, which is what you want */
    int64_t max_age;               /* seconds; 0: until the browser ends; negative: delete it now */
    int64_t expires;               /* seconds since 1970; 0: none. Browsers heed max_age first */
    cstar__same_site same_site;
    bool secure;      /* https only */
    bool http_only;   /* not for scripts */
    bool partitioned; /* a jar of its own per top-level site; needs `secure` */
} cstar__set_cookie;

/**
 * Appends the value of a Set-Cookie field.
 * @return CSTAR_EINVAL a byte that could begin another attribute or field, an empty name, a bad
 *         path, domain or date; CSTAR_ELIMIT too long for browsers; CSTAR_EPOLICY what browsers
 *         drop without a word: `__Secure-`, SameSite=None or Partitioned without `secure`, `__Host-`
 *         without `secure`, with a domain or with a path but "/". On these nothing was appended.
 *         CSTAR_ENOMEM, or what had stuck to `out` before.
 */
cstar_status cstar__set_cookie_format(cstar_buf *out, const cstar__set_cookie *c, cstar_err *err);

#endif
