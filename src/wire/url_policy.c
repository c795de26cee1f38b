/* url_policy.c -- the destination policy of redirects.
 *
 * Two readings of the URL must both pass: as given, and without the characters that browsers drop
 * or skip ("ignorable": controls, spaces, soft hyphens and their kin). "/<tab>/evil" is a path in
 * the first and "//evil" in the second.
 *
 * The rules for one reading, after splitting it as RFC 3986, appendix B, does:
 *   1. user info ("user@host"), or a "\" before the path   refused, always
 *   2. a scheme other than http and https                  refused, always (javascript:, data: ...)
 *   3. no scheme, but an authority ("//host", "//")        refused, always
 *   4. http(s) without a host ("http:/x", "https://"),
 *      or with a port that is no number up to 65535        refused, always
 *   5. http(s) with a host                                 our own origin, or `external`, or a host
 *                                                          in `allow`; else refused
 *   6. no scheme, no authority                             a path that starts with "/" and not with
 *                                                          "//" or "/\"; or no path but a query
 *                                                          or a fragment; else refused
 *
 * Nothing is copied: a `reading` skips ignorable characters as it goes, and a component is a range
 * of the original. All delimiters are ASCII, so bytes will do; ignorable characters may be longer.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/url_policy.h"

#include "wire/event.h"

/* ---- the two readings ---- */

typedef struct reading {
    cstar_str url;
    bool clean; /* skip what is ignorable */
} reading;

static bool is_ignorable(uint32_t code) {
    return code <= 0x20 || code == 0x7F || code == 0xA0 || code == 0xAD || code == 0x1680 ||
           code == 0x180E || (code >= 0x2000 && code <= 0x200D) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x2060 || code == 0x3000 ||
           code == 0xFEFF;
}

/* The position at or behind `pos` of a byte that counts in this reading; `end` if there is none. */
static size_t settle(const reading *r, size_t pos, size_t end) {
    while (r->clean && pos < end) {
        size_t next = pos;
        if (!is_ignorable(cstar_utf8_next(r->url, &next))) {
            break;
        }
        pos = next;
    }
    return pos;
}

/* The byte at `*pos` (settled), or -1 at `end`. Moves `*pos` onto the byte, not past it. */
static int byte_at(const reading *r, size_t *pos, size_t end) {
    *pos = settle(r, *pos, end);
    return *pos < end ? (unsigned char)r->url.ptr[*pos] : -1;
}

/* ---- components ---- */

typedef struct range {
    size_t start, end;
    bool present;
} range;

typedef struct components {
    range scheme, authority, path, query, fragment;
} components;

/* Where the first of `stops` stands, or `end`. */
static size_t find_any(const reading *r, size_t pos, size_t end, const char *stops) {
    for (int c = byte_at(r, &pos, end); c >= 0; pos++, c = byte_at(r, &pos, end)) {
        if (c != 0 && strchr(stops, c) != NULL) {
            return pos;
        }
    }
    return end;
}

static bool is_alpha(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(int c) { return c >= '0' && c <= '9'; }

static bool is_scheme(const reading *r, size_t pos, size_t end) {
    int c = byte_at(r, &pos, end);
    if (!is_alpha(c)) {
        return false;
    }
    for (; c >= 0; pos++, c = byte_at(r, &pos, end)) {
        if (!is_alpha(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') {
            return false;
        }
    }
    return true;
}

static void split(const reading *r, components *u) {
    size_t end = r->url.len;
    size_t pos = settle(r, 0, end);
    *u = (components){.path = {.present = true}};
    size_t stop = find_any(r, pos, end, ":/?#");
    if (stop < end && r->url.ptr[stop] == ':' && is_scheme(r, pos, stop)) {
        u->scheme = (range){pos, stop, true};
        pos = stop + 1;
    }
    size_t second = pos;
    if (byte_at(r, &second, end) == '/') {
        second++;
        if (byte_at(r, &second, end) == '/') {
            pos = second + 1;
            stop = find_any(r, pos, end, "/?#");
            u->authority = (range){pos, stop, true};
            pos = stop;
        }
    }
    stop = find_any(r, pos, end, "?#");
    u->path = (range){settle(r, pos, stop), stop, true};
    if (stop < end && r->url.ptr[stop] == '?') {
        u->query = (range){stop + 1, find_any(r, stop + 1, end, "#"), true};
        stop = u->query.end;
    }
    u->fragment = (range){stop + 1, end, stop < end};
}

/* ---- comparing ---- */

static int lower(int c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; }

/* ASCII case-insensitive, each side in its own reading. */
static bool same(const reading *a, range x, const reading *b, range y) {
    for (;;) {
        int c = byte_at(a, &x.start, x.end);
        int d = byte_at(b, &y.start, y.end);
        if (lower(c) != lower(d)) {
            return false;
        }
        if (c < 0) {
            return true;
        }
        x.start++;
        y.start++;
    }
}

static bool same_text(const reading *a, range x, cstar_str text) {
    reading plain = {text, false};
    return same(a, x, &plain, (range){0, text.len, true});
}

/* ---- host and port ---- */

typedef struct place {
    range host;
    unsigned port; /* the effective one */
} place;

/* Digits only, at most 65535. An empty port is the scheme's own, as no port is. */
static bool read_port(const reading *r, range digits, unsigned standard, unsigned *port) {
    unsigned value = 0;
    int c = byte_at(r, &digits.start, digits.end);
    *port = standard;
    for (; c >= 0; digits.start++, c = byte_at(r, &digits.start, digits.end)) {
        if (!is_digit(c) || (value = value * 10 + (unsigned)(c - '0')) > 65535) {
            return false;
        }
        *port = value;
    }
    return true;
}

/* False: no host, or what no browser reads as host and port. Brackets hold an IPv6 address, which
 * has colons. */
static bool read_place(const reading *r, const components *u, place *p) {
    size_t end = u->authority.end;
    size_t pos = settle(r, u->authority.start, end);
    size_t colon = pos;
    if (pos < end && r->url.ptr[pos] == '[') {
        colon = find_any(r, pos, end, "]");
        if (colon == end) {
            return false;
        }
        colon++;
        if (byte_at(r, &colon, end) != ':' && colon != end) {
            return false;
        }
    } else {
        colon = find_any(r, pos, end, ":");
    }
    p->host = (range){pos, colon, colon > pos};
    unsigned standard = same_text(r, u->scheme, CSTAR_STR("https")) ? 443 : 80;
    return p->host.present &&
           read_port(r, (range){colon < end ? colon + 1 : end, end, true}, standard, &p->port);
}

/* ---- the rules ---- */

static bool is_own_origin(const reading *r, const components *u, const place *p,
                          const char *origin) {
    reading own = {cstar_cstr(origin), false};
    components parts;
    place here;
    if (origin == NULL) {
        return false;
    }
    split(&own, &parts);
    return parts.scheme.present && parts.authority.present && read_place(&own, &parts, &here) &&
           same(r, u->scheme, &own, parts.scheme) && same(r, p->host, &own, here.host) &&
           p->port == here.port;
}

static bool is_allowed_host(const reading *r, range host, const cstar_redirect *options) {
    for (size_t i = 0; i < options->nallow; i++) {
        if (same_text(r, host, cstar_cstr(options->allow[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_local(const reading *r, const components *u) {
    size_t pos = u->path.start;
    int first = byte_at(r, &pos, u->path.end);
    if (first < 0) {
        return u->query.present || u->fragment.present;
    }
    pos++;
    int second = byte_at(r, &pos, u->path.end);
    return first == '/' && second != '/' && second != '\\';
}

/* Why this reading is refused; NULL if it is not. */
static const char *refusal(const reading *r, const cstar_redirect *options) {
    components u;
    place p;
    split(r, &u);
    if (u.authority.present &&
        find_any(r, u.authority.start, u.authority.end, "@\\") != u.authority.end) {
        return "user info or a backslash in front of the path";
    }
    if (!u.scheme.present) {
        if (u.authority.present) {
            return "starts with \"//\"";
        }
        return is_local(r, &u) ? NULL : "neither a local absolute path nor an http(s) URL";
    }
    if (!same_text(r, u.scheme, CSTAR_STR("http")) && !same_text(r, u.scheme, CSTAR_STR("https"))) {
        return "a scheme other than http and https";
    }
    if (!u.authority.present || !read_place(r, &u, &p)) {
        return "no host, or no valid port";
    }
    if (options->external || is_own_origin(r, &u, &p, options->origin) ||
        is_allowed_host(r, p.host, options)) {
        return NULL;
    }
    return "another origin (see external and allow)";
}

static cstar_status check_allow(const cstar_redirect *r, cstar_err *err) {
    if (r->nallow != 0 && r->allow == NULL) {
        return cstar__missing(err, "allow");
    }
    for (size_t i = 0; i < r->nallow; i++) {
        if (r->allow[i] == NULL || r->allow[i][0] == '\0') {
            return cstar_err_set(err, CSTAR_EINVAL, "allow", "allow: host %zu is empty", i);
        }
    }
    return CSTAR_OK;
}

cstar_status cstar__url_policy(const cstar_redirect *r, cstar_str url, cstar_err *err) {
    cstar_status rc = check_allow(r, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    if (!cstar_utf8_valid(url)) {
        return cstar_err_set(err, CSTAR_EUTF8, "url", "url: not UTF-8");
    }
    reading as_given = {url, false};
    reading as_cleaned = {url, true};
    const char *why = refusal(&as_given, r);
    if (why == NULL) {
        why = refusal(&as_cleaned, r);
    }
    return why == NULL ? CSTAR_OK
                       : cstar_err_set(err, CSTAR_EPOLICY, "url", "url: refused: %s", why);
}
