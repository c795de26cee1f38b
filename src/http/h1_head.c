/* http/h1_head.c -- the head of a request: where it ends, its request line, its fields, and
 * what they say about the framing.
 *
 * Data flow: bytes ──scan_head──▶ length, number of lines ──copy into the exchange's arena──▶
 * parse_head ──▶ cstar__request. The scan is one memchr() per line and checks limits only; the
 * parse walks the copy once, guided by tables. A head ends on CRLF CRLF, and neither CR nor LF
 * is in any class of chars.h, so the loops need no other end than that.
 *
 * Invariants: 1. Every decision depends on the bytes alone, not on how they were cut into
 * pieces: an error in an earlier line wins over one in a later, an error of the scan over one
 * of the parse, but for the request line, which is parsed as soon as it is complete. 2. Where
 * two readers could disagree (RFC 9112 11.2), the request is refused. Deliberately absent:
 * every leniency that RFC 9112 2.2, 3.2 and 5.2 allow: bare LF, obs-fold, white space before
 * the colon or between the parts of the request line.
 *
 * SPDX-License-Identifier: MIT */
#include "http/chars.h"
#include "http/h1_parts.h"
#include "http/target.h"

enum {
    MAX_LINE = 16 * 1024,
    MAX_FIELDS = 100,
    MAX_HEAD = 32 * 1024,
    MAX_ANY = 1 << 30, /* so that offsets fit 32 bits */
};

static size_t limit_or(size_t set, size_t standard) {
    return set == 0 ? standard : set < MAX_ANY ? set : MAX_ANY;
}

static int refuse(const char **why, int status, const char *text) {
    *why = text;
    return status;
}

/* ---- scan ----------------------------------------------------------------------------------- */

static int end_line(cstar__h1_scan *s, const cstar__h1_limits *limits, bool empty,
                    const char **why) {
    if (s->lines == 0) {
        if (empty) {
            return CSTAR__H1_BLANK;
        }
        s->first = s->line;
    } else if (empty) {
        return CSTAR__H1_HEAD;
    } else if (s->lines > limit_or(limits->max_fields, MAX_FIELDS)) {
        return refuse(why, 431, "too many header fields");
    }
    s->lines++;
    return CSTAR__H1_MORE;
}

int cstar__h1_scan_head(cstar__h1_scan *s, const cstar__h1_limits *limits, const char *ptr,
                        size_t len, const char **why) {
    const size_t max_line = limit_or(limits->max_line, MAX_LINE);
    const size_t max_head = limit_or(limits->max_head, MAX_HEAD);
    int rc = CSTAR__H1_MORE;
    while (rc == CSTAR__H1_MORE) {
        const char *lf = s->seen < len ? memchr(ptr + s->seen, '\n', len - s->seen) : NULL;
        const size_t end = lf != NULL ? (size_t)(lf - ptr) + 1 : len;
        if (s->lines == 0 && end > max_line) {
            return refuse(why, 414, "request line too long");
        }
        if (s->lines != 0 && end - s->first > max_head) {
            return refuse(why, 431, "header fields too long");
        }
        s->seen = (uint32_t)end;
        if (lf == NULL) {
            return CSTAR__H1_MORE;
        }
        const size_t length = end - s->line;
        if (length < 2 || lf[-1] != '\r') {
            return refuse(why, 400, "line ends on a bare LF");
        }
        s->line = (uint32_t)end;
        rc = end_line(s, limits, length == 2, why);
    }
    return rc;
}

/* ---- request line --------------------------------------------------------------------------- */

static const char *skip_token(const char *p) {
    while (cstar__lower_token[(unsigned char)*p] != 0) {
        p++;
    }
    return p;
}

static int parse_version(const char *p, const char *end, cstar__request *r, const char **why) {
    if (end - p != 8 || memcmp(p, "HTTP/", 5) != 0 || p[5] < '0' || p[5] > '9' || p[6] != '.' ||
        p[7] < '0' || p[7] > '9') {
        return refuse(why, 400, "malformed HTTP version");
    }
    if (p[5] != '1' || p[7] > '1') {
        return refuse(why, 505, "HTTP version not supported");
    }
    r->minor = p[7] - '0';
    return 0;
}

int cstar__h1_parse_line(const char *ptr, size_t len, cstar__request *r, const char **why) {
    if (len < 2 || memcmp(ptr + len - 2, "\r\n", 2) != 0) {
        return refuse(why, 400, "request line ends on a bare LF");
    }
    const char *end = ptr + len - 2;
    const char *p = skip_token(ptr);
    if (p == ptr || *p != ' ') {
        return refuse(why, 400, "malformed method");
    }
    r->method = cstar__method_find(cstar_view(ptr, (size_t)(p - ptr)));
    const char *target = ++p;
    while (cstar__char_is(*p, CSTAR__CHAR_TARGET)) {
        p++;
    }
    if (p == target || *p != ' ') {
        return refuse(why, 400, "malformed request target");
    }
    r->target = cstar_view(target, (size_t)(p - target));
    int rc = parse_version(p + 1, end, r, why);
    if (rc != 0) {
        return rc;
    }
    if (r->method == CSTAR__METHODS) {
        return refuse(why, 501, "method not implemented");
    }
    return cstar__target_split(r, why);
}

/* ---- fields --------------------------------------------------------------------------------- */

/* What was collected from the fields, judged when all are read. */
typedef struct seen {
    unsigned hosts, lengths, codings;
    cstar_str host, coding;
    bool length_ok;
    int64_t length;
    bool close, keep_alive;
    bool expects, expects_other;
} seen;

/* One field line at `*at`, which advances behind its CRLF. The name becomes lower case in place. */
static int parse_field(char **at, const char *end, cstar__field *f, const char **why) {
    char *name = *at;
    char *p = name;
    unsigned char lower;
    while ((lower = cstar__lower_token[(unsigned char)*p]) != 0) {
        *p++ = (char)lower;
    }
    if (p == name || *p != ':') {
        return refuse(why, 400, "malformed field name");
    }
    f->name = cstar_view(name, (size_t)(p - name));
    p++;
    while (*p == ' ' || *p == '\t') {
        p++;
    }
    char *value = p;
    p += cstar__value_end(p, end) - p;
    if (end - p < 2 || p[0] != '\r' || p[1] != '\n') {
        return refuse(why, 400, "control character in a field value");
    }
    *at = p + 2;
    while (p > value && (p[-1] == ' ' || p[-1] == '\t')) {
        p--;
    }
    f->value = cstar_view(value, (size_t)(p - value));
    return 0;
}

static bool parse_length(cstar_str s, int64_t *length) {
    int64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        int digit = s.ptr[i] - '0';
        if (digit < 0 || digit > 9 || n > (INT64_MAX - digit) / 10) {
            return false;
        }
        n = n * 10 + digit;
    }
    *length = n;
    return s.len != 0;
}

/* The tokens of a Connection field. Others than these two concern intermediaries or what is not
 * supported (Upgrade). */
static void note_connection(seen *s, cstar_str value) {
    const char *p = value.ptr;
    const char *end = p + value.len;
    while (p < end) {
        while (p < end && (*p == ',' || *p == ' ' || *p == '\t')) {
            p++;
        }
        const char *start = p;
        while (p < end && *p != ',' && *p != ' ' && *p != '\t') {
            p++;
        }
        cstar_str token = cstar_view(start, (size_t)(p - start));
        s->close = s->close || cstar_str_ieq(token, CSTAR_STR("close"));
        s->keep_alive = s->keep_alive || cstar_str_ieq(token, CSTAR_STR("keep-alive"));
    }
}

static bool named(const cstar__field *f, const char *name) {
    return memcmp(f->name.ptr, name, f->name.len) == 0;
}

static void note_field(seen *s, const cstar__field *f) {
    switch (f->name.len) {
    case 4:
        if (named(f, "host")) {
            s->hosts++;
            s->host = f->value;
        }
        break;
    case 6:
        if (named(f, "expect")) {
            s->expects = true;
            s->expects_other =
                s->expects_other || !cstar_str_ieq(f->value, CSTAR_STR("100-continue"));
        }
        break;
    case 10:
        if (named(f, "connection")) {
            note_connection(s, f->value);
        }
        break;
    case 14:
        if (named(f, "content-length")) {
            s->lengths++;
            s->length_ok = parse_length(f->value, &s->length);
        }
        break;
    case 17:
        if (named(f, "transfer-encoding")) {
            s->codings++;
            s->coding = f->value;
        }
        break;
    default:
        break;
    }
}

static int judge_host(const seen *s, cstar__request *r, const char **why) {
    if (s->hosts > 1 || (s->hosts == 0 && r->minor == 1)) {
        return refuse(why, 400, s->hosts > 1 ? "more than one Host" : "no Host");
    }
    if (s->hosts == 1 && !cstar__host_ok(s->host)) {
        return refuse(why, 400, "malformed Host");
    }
    if (r->authority.ptr == NULL) { /* of an absolute target it wins (RFC 9112 3.2.2) */
        r->authority = s->hosts == 1 ? s->host : CSTAR_STR("");
    }
    return 0;
}

static bool is_token(cstar_str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (cstar__lower_token[(unsigned char)s.ptr[i]] == 0) {
            return false;
        }
    }
    return s.len != 0;
}

/* RFC 9112 6.1 and 6.3. One coding that is a token but not "chunked" is not implemented; lists
 * (even with "chunked" last), parameters and everything else that two readers could take
 * differently are malformed here. */
static int judge_coding(const seen *s, const cstar__request *r, const char **why) {
    if (s->lengths != 0) {
        return refuse(why, 400, "Transfer-Encoding together with Content-Length");
    }
    if (r->minor == 0) {
        return refuse(why, 400, "Transfer-Encoding in HTTP/1.0");
    }
    if (s->codings > 1 || !is_token(s->coding)) {
        return refuse(why, 400, "malformed Transfer-Encoding");
    }
    if (!cstar_str_ieq(s->coding, CSTAR_STR("chunked"))) {
        return refuse(why, 501, "transfer coding not implemented");
    }
    return 0;
}

static int judge(const seen *s, cstar__request *r, cstar__h1_framing *framing, const char **why) {
    int rc = judge_host(s, r, why);
    if (rc == 0 && s->codings != 0) {
        rc = judge_coding(s, r, why);
    }
    if (rc != 0) {
        return rc;
    }
    if (s->lengths > 1 || (s->lengths == 1 && !s->length_ok)) {
        return refuse(why, 400,
                      s->lengths > 1 ? "more than one Content-Length" : "malformed Content-Length");
    }
    if (s->expects_other) {
        return refuse(why, 417, "unknown expectation");
    }
    framing->chunked = s->codings != 0;
    framing->keep_alive = !s->close && (r->minor == 1 || s->keep_alive);
    framing->expect_continue =
        s->expects && r->minor == 1; /* RFC 9110 10.1.1: ignored in HTTP/1.0 */
    r->content_length = framing->chunked ? -1 : s->length;
    return 0;
}

int cstar__h1_parse_head(char *head, size_t len, cstar__field *fields, size_t nfields,
                         cstar__request *r, cstar__h1_framing *framing) {
    const char **why = &framing->why;
    const char *end = head + len;
    char *p = memchr(head, '\n', len);
    if (len < 4 || p == NULL || p > end - 3 || memcmp(end - 2, "\r\n", 2) != 0) {
        return refuse(why, 400, "malformed head");
    }
    p++;
    int rc = cstar__h1_parse_line(head, (size_t)(p - head), r, why);
    seen s = {0};
    for (size_t i = 0; rc == 0 && i < nfields; i++) {
        rc = parse_field(&p, end - 2, &fields[i], why);
        if (rc == 0) {
            note_field(&s, &fields[i]);
        }
    }
    if (rc != 0) {
        return rc;
    }
    if (p != end - 2) {
        return refuse(why, 400, "malformed head");
    }
    r->fields = fields;
    r->nfields = nfields;
    return judge(&s, r, framing, why);
}
