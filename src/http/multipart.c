/* http/multipart.c -- see multipart.h.
 *
 * The delimiter is CRLF--boundary, and CR stands nowhere in it but at its front. A failed match can
 * therefore only begin again at the byte that failed it: no table of fallbacks, and what looked
 * like a delimiter but was data is written from the delimiter itself, not from a copy. The first
 * delimiter of a body lacks its CRLF: the machine starts with these two bytes matched.
 *
 * SPDX-License-Identifier: MIT */
#include "http/multipart.h"

#include "http/chars.h"
#include "http/content_type.h"
#include "http/filename.h"
#include "http/scan.h"

#include <assert.h>

enum state { FIRST, DELIMITER, HEAD, DATA, CLOSED, AFTER_CR, OVER };

/* ---- head ----------------------------------------------------------------------------------- */

typedef struct head {
    cstar__part part;
    bool disposition, encoding; /* seen */
} head;

static char *put_plain(char *to, cstar_str s, size_t *i) {
    static const struct {
        char code[4], byte;
    } coded[] = {{"%22", '"'}, {"%0D", '\r'}, {"%0A", '\n'}};
    for (size_t k = 0; k < sizeof coded / sizeof coded[0]; k++) {
        if (s.len - *i >= 3 &&
            cstar_str_ieq(cstar_view(s.ptr + *i, 3), cstar_view(coded[k].code, 3))) {
            *i += 3;
            *to = coded[k].byte;
            return to + 1;
        }
    }
    *to = s.ptr[(*i)++];
    return to + 1;
}

/* Decodes the value in place, which never makes it longer. A backslash escapes only itself and the
 * quote: old browsers send "C:\dir\file" as it is. */
static cstar_status decode(cstar_buf *b, const cstar__param *p, cstar_str *out) {
    assert(b->ptr != NULL); /* the value is a view into it */
    char *from = b->ptr + (p->value.ptr - b->ptr);
    char *to = from;
    for (size_t i = 0; i < p->value.len;) {
        char c = p->value.ptr[i];
        char next = '\0';
        if (i + 1 < p->value.len) {
            next = p->value.ptr[i + 1];
        }
        if (p->quoted && c == '\\' && (next == '"' || next == '\\')) {
            *to++ = next;
            i += 2;
        } else {
            to = put_plain(to, p->value, &i);
        }
    }
    *out = cstar_view(from, (size_t)(to - from));
    return cstar_utf8_valid(*out) ? CSTAR_OK : CSTAR_EUTF8;
}

/* form-data; name="x"; filename="y". Other parameters are passed over, filename* among them: RFC
 * 7578 4.2 forbids it. */
static cstar_status read_disposition(cstar_buf *b, cstar_str value, head *h) {
    cstar__scan s = cstar__scan_of(value);
    cstar_str kind;
    cstar__param p;
    cstar_status rc = CSTAR_OK;
    if (h->disposition || !cstar__scan_token(&s, &kind) ||
        !cstar_str_ieq(kind, CSTAR_STR("form-data"))) {
        return CSTAR_ESYNTAX;
    }
    h->disposition = true;
    while (rc == CSTAR_OK && cstar__scan_param(&s, &p)) {
        bool name = cstar_str_ieq(p.name, CSTAR_STR("name"));
        cstar_str *to = name ? &h->part.name : &h->part.filename;
        if (!name && !cstar_str_ieq(p.name, CSTAR_STR("filename"))) {
            continue;
        }
        rc = to->ptr != NULL ? CSTAR_ESYNTAX : decode(b, &p, to);
    }
    if (rc == CSTAR_OK && (h->part.name.ptr == NULL || !cstar__scan_done(&s))) {
        return CSTAR_ESYNTAX;
    }
    return rc;
}

static cstar_status read_encoding(cstar_str value, head *h) {
    static const char *const plain[] = {"7bit", "8bit", "binary"};
    if (h->encoding) {
        return CSTAR_ESYNTAX;
    }
    h->encoding = true;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (cstar_str_ieq(value, cstar_cstr(plain[i]))) {
            return CSTAR_OK;
        }
    }
    return CSTAR_ENOTSUP;
}

/* One line of a head, without its CRLF. */
static cstar_status read_line(cstar_buf *b, cstar_str line, head *h) {
    cstar__scan s = cstar__scan_of(line);
    cstar_str name;
    if (!cstar__scan_token(&s, &name) || !cstar__scan_byte(&s, ':') ||
        cstar__value_end(s.at, s.end) != s.end) {
        return CSTAR_ESYNTAX;
    }
    cstar_str value = cstar__trim(cstar_view(s.at, (size_t)(s.end - s.at)));
    if (cstar_str_ieq(name, CSTAR_STR("content-disposition"))) {
        return read_disposition(b, value, h);
    }
    if (cstar_str_ieq(name, CSTAR_STR("content-type"))) {
        bool twice = h->part.content_type.ptr != NULL;
        h->part.content_type = value;
        return twice || !cstar_utf8_valid(value) ? CSTAR_ESYNTAX : CSTAR_OK;
    }
    if (cstar_str_ieq(name, CSTAR_STR("content-transfer-encoding"))) {
        return read_encoding(value, h);
    }
    return CSTAR_OK;
}

/* The whole head, its blank line included. */
static cstar_status read_head(cstar__multipart *m) {
    head h = {{{NULL, 0}, {NULL, 0}, {NULL, 0}}, false, false};
    cstar_str rest = cstar_view(m->head.ptr, m->head.len - 2);
    cstar_status rc = CSTAR_OK;
    while (rc == CSTAR_OK && rest.len != 0) {
        const char *lf = memchr(rest.ptr, '\n', rest.len);
        size_t len = (size_t)(lf - rest.ptr) + 1; /* each line ends on CRLF: take_head() saw it */
        rc = read_line(&m->head, cstar_view(rest.ptr, len - 2), &h);
        rest = cstar_view(rest.ptr + len, rest.len - len);
    }
    if (rc == CSTAR_OK && !h.disposition) {
        return CSTAR_ESYNTAX;
    }
    if (rc == CSTAR_OK && m->events->part_begin != NULL) {
        rc = m->events->part_begin(m->ctx, &h.part);
    }
    return rc;
}

/* ---- the machine ---------------------------------------------------------------------------- */

/* Hands over content, of a part that is too long what is below the limit: what is handed over must
 * not depend on how the body was cut. */
static cstar_status emit(cstar__multipart *m, const char *ptr, size_t len) {
    size_t left = m->max_part - m->part_bytes;
    size_t n = len < left ? len : left;
    cstar_status rc = CSTAR_OK;
    m->part_bytes += n;
    if (n != 0 && m->events->part_data != NULL) {
        rc = m->events->part_data(m->ctx, ptr, n);
    }
    return rc == CSTAR_OK && n < len ? CSTAR_ELIMIT : rc;
}

/* Matches on from where the last feed stopped. @return how many bytes of `p` go on with it. */
static size_t match_more(cstar__multipart *m, const char *p, size_t len) {
    size_t n = 0;
    while (n < len && m->matched < m->delimiter_len && p[n] == m->delimiter[m->matched]) {
        m->matched++;
        n++;
    }
    return n;
}

static cstar_status take_first(cstar__multipart *m, const char **p, const char *end) {
    *p += match_more(m, *p, (size_t)(end - *p));
    if (m->matched == m->delimiter_len) {
        m->state = DELIMITER;
        return CSTAR_OK;
    }
    return *p == end ? CSTAR_OK : CSTAR_ESYNTAX;
}

/* The two bytes behind a delimiter. */
static cstar_status take_behind(cstar__multipart *m, const char **p) {
    char c = *(*p)++;
    if (m->behind == '\0') {
        m->behind = c;
        return c == '\r' || c == '-' ? CSTAR_OK : CSTAR_ESYNTAX;
    }
    if (m->behind == '\r' && c == '\n') {
        m->state = HEAD;
        m->line = 0;
        cstar_buf_reset(&m->head);
        return ++m->parts > m->max_parts ? CSTAR_ELIMIT : CSTAR_OK;
    }
    if (m->behind == '-' && c == '-' && m->parts != 0) {
        m->state = CLOSED;
        return m->events->done != NULL ? m->events->done(m->ctx) : CSTAR_OK;
    }
    return CSTAR_ESYNTAX;
}

static cstar_status take_head(cstar__multipart *m, const char **p, const char *end) {
    const char *lf = memchr(*p, '\n', (size_t)(end - *p));
    const char *to = lf != NULL ? lf + 1 : end;
    cstar_buf_add(&m->head, *p, (size_t)(to - *p));
    *p = to;
    if (lf == NULL || m->head.status != CSTAR_OK) {
        return m->head.status;
    }
    size_t len = m->head.len - m->line;
    if (len < 2 || m->head.ptr[m->head.len - 2] != '\r') {
        return CSTAR_ESYNTAX;
    }
    m->line = m->head.len;
    if (len > 2) {
        return CSTAR_OK;
    }
    m->state = DATA;
    m->matched = 0;
    m->part_bytes = 0;
    return read_head(m);
}

static cstar_status end_part(cstar__multipart *m) {
    m->state = DELIMITER;
    m->behind = '\0';
    return m->events->part_end != NULL ? m->events->part_end(m->ctx) : CSTAR_OK;
}

/* Content up to a delimiter or the end of the piece. `held` bytes of a delimiter were seen at the
 * end of the piece before. */
static cstar_status take_data(cstar__multipart *m, const char **p, const char *end) {
    size_t held = m->matched;
    const char *from = *p; /* not handed over yet */
    const char *at = from;
    cstar_status rc = CSTAR_OK;
    while (at < end) {
        const char *start = at;
        at += match_more(m, at, (size_t)(end - at));
        if (m->matched == m->delimiter_len) {
            *p = at;
            rc = held != 0 ? CSTAR_OK : emit(m, from, (size_t)(start - from));
            return rc == CSTAR_OK ? end_part(m) : rc;
        }
        if (at == end) { /* it may be one */
            *p = end;
            return held != 0 ? CSTAR_OK : emit(m, from, (size_t)(start - from));
        }
        m->matched = 0;
        rc = emit(m, m->delimiter, held);
        if (rc != CSTAR_OK) {
            return rc;
        }
        held = 0;
        if (at == start || *at != '\r') {
            at = memchr(at, '\r', (size_t)(end - at));
            at = at != NULL ? at : end;
        }
    }
    *p = end;
    return emit(m, from, (size_t)(end - from));
}

static cstar_status step(cstar__multipart *m, const char **p, const char *end) {
    switch ((enum state)m->state) {
    case FIRST:
        return take_first(m, p, end);
    case DELIMITER:
        return take_behind(m, p);
    case HEAD:
        return take_head(m, p, end);
    case DATA:
        return take_data(m, p, end);
    case CLOSED:
        m->state = AFTER_CR;
        return *(*p)++ == '\r' ? CSTAR_OK : CSTAR_ESYNTAX;
    case AFTER_CR:
        m->state = OVER;
        return *(*p)++ == '\n' ? CSTAR_OK : CSTAR_ESYNTAX;
    case OVER:
        break;
    }
    return CSTAR_ESYNTAX;
}

cstar_status cstar__multipart_feed(cstar__multipart *m, const char *ptr, size_t len) {
    if (m->status != CSTAR_OK || len == 0) {
        return m->status;
    }
    size_t left = m->max_total - m->total;
    const char *end = ptr + (len < left ? len : left);
    m->total += len < left ? len : left;
    while (ptr < end && m->status == CSTAR_OK) {
        m->status = step(m, &ptr, end);
    }
    if (m->status == CSTAR_OK && len > left) {
        m->status = CSTAR_ELIMIT;
    }
    return m->status;
}

cstar_status cstar__multipart_end(cstar__multipart *m) {
    if (m->status == CSTAR_OK && m->state != CLOSED && m->state != OVER) {
        m->status = CSTAR_ESYNTAX;
    }
    return m->status;
}

/* ---- life ----------------------------------------------------------------------------------- */

/* bchars of RFC 2046 5.1.1. */
static bool boundary_ok(cstar_str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr("'()+_,-./:=? ", c) == NULL)) {
            return false;
        }
    }
    return s.len != 0 && s.ptr[s.len - 1] != ' ';
}

/* Puts the boundary behind the four bytes of the delimiter. */
static cstar_status read_boundary(cstar__multipart *m, cstar_str content_type) {
    cstar__media media;
    cstar_buf b;
    cstar_buf_fixed(&b, m->delimiter + 4, CSTAR__BOUNDARY_MAX);
    if (cstar__media_parse(content_type, &media) != CSTAR_OK ||
        !cstar__media_is(&media, "multipart/form-data") ||
        !cstar__media_param(&media, "boundary", &b) || cstar_buf_status(&b) != CSTAR_OK ||
        !boundary_ok(cstar_buf_view(&b))) {
        return CSTAR_ESYNTAX;
    }
    memcpy(m->delimiter, "\r\n--", 4);
    m->delimiter_len = b.len + 4;
    return CSTAR_OK;
}

cstar_status cstar__multipart_init(cstar__multipart *m, const cstar__multipart_opts *opts) {
    *m = (cstar__multipart){
        .events = opts->events,
        .ctx = opts->ctx,
        .state = FIRST,
        .matched = 2,
        .max_parts = opts->max_parts != 0 ? opts->max_parts : 100,
        .max_part = opts->max_part != 0 ? opts->max_part : (size_t)16 << 20,
        .max_total = opts->max_total != 0 ? opts->max_total : (size_t)32 << 20,
    };
    cstar_buf_init(&m->head, opts->alloc, opts->max_head != 0 ? opts->max_head : 4096);
    return m->status = read_boundary(m, opts->content_type);
}

void cstar__multipart_fini(cstar__multipart *m) { cstar_buf_fini(&m->head); }
