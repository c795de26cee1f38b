/* http/range.c -- see range.h.
 * SPDX-License-Identifier: MIT */
#include "http/range.h"

#include "http/date.h"
#include "http/etag.h"
#include "http/scan.h"

/* ---- Range ---------------------------------------------------------------------------------- */

/* 1*DIGIT. A number that is too large is as large as can be: it is beyond every resource. */
static bool take_number(cstar__scan *s, uint64_t *out) {
    const char *from = s->at;
    uint64_t n = 0;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        unsigned digit = (unsigned)(*s->at - '0');
        n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
    }
    *out = n;
    return s->at != from;
}

static cstar__range_kind part(uint64_t first, uint64_t length, cstar__outcome *out) {
    *out = (cstar__outcome){206, first, length};
    return CSTAR__RANGE_PART;
}

/* "-500": the last ones. */
static cstar__range_kind last_bytes(uint64_t n, uint64_t size, cstar__outcome *out) {
    if (n == 0) {
        return CSTAR__RANGE_OUTSIDE;
    }
    if (size == 0) {
        return CSTAR__RANGE_NONE; /* satisfiable, but no Content-Range can say "no bytes" */
    }
    return n < size ? part(size - n, n, out) : part(0, size, out);
}

cstar__range_kind cstar__range_parse(cstar_str value, uint64_t size, cstar__outcome *out) {
    cstar__scan s = cstar__scan_of(cstar__trim(value));
    cstar_str unit;
    uint64_t first = 0;
    uint64_t last = UINT64_MAX;
    if (!cstar__scan_token(&s, &unit) || !cstar_str_ieq(unit, CSTAR_STR("bytes")) ||
        !cstar__scan_byte(&s, '=')) {
        return CSTAR__RANGE_NONE;
    }
    bool has_first = take_number(&s, &first);
    if (!cstar__scan_byte(&s, '-')) {
        return CSTAR__RANGE_NONE;
    }
    bool has_last = take_number(&s, &last);
    if (!cstar__scan_done(&s) || (!has_first && !has_last)) {
        return CSTAR__RANGE_NONE;
    }
    if (!has_first) {
        return last_bytes(last, size, out);
    }
    last = has_last ? last : UINT64_MAX;
    if (last < first) {
        return CSTAR__RANGE_NONE;
    }
    if (first >= size) {
        return CSTAR__RANGE_OUTSIDE;
    }
    return part(first, (last < size ? last : size - 1) - first + 1, out);
}

void cstar__content_range(cstar_buf *out, const cstar__outcome *o, uint64_t size) {
    cstar_buf_lit(out, "bytes ");
    if (o->status == 206) {
        cstar_buf_uint(out, o->first);
        cstar_buf_byte(out, '-');
        cstar_buf_uint(out, o->first + o->length - 1);
    } else {
        cstar_buf_byte(out, '*');
    }
    cstar_buf_byte(out, '/');
    cstar_buf_uint(out, size);
}

/* ---- conditions ----------------------------------------------------------------------------- */

/* The field of that name, if there is exactly one. */
static cstar_str only_field(const cstar__request *r, const char *name) {
    cstar_str found = {NULL, 0};
    cstar_str wanted = cstar_cstr(name);
    for (size_t i = 0; i < r->nfields; i++) {
        if (cstar_str_eq(r->fields[i].name, wanted)) {
            if (found.ptr != NULL) {
                return cstar_view(NULL, 0);
            }
            found = r->fields[i].value;
        }
    }
    return found;
}

static bool only_date(const cstar__request *r, const char *name, int64_t *out) {
    return cstar__date_parse(cstar__trim(only_field(r, name)), out);
}

/* Several fields are one list. @return false: there is no such field. */
static bool find_tag(const cstar__request *r, const char *name, cstar_str tag, bool weak,
                     bool *found) {
    bool any = false;
    *found = false;
    for (size_t i = 0; i < r->nfields; i++) {
        if (cstar_str_eq(r->fields[i].name, cstar_cstr(name))) {
            cstar__etag_found f = cstar__etag_find(r->fields[i].value, tag, weak);
            any = true;
            *found = *found || f == CSTAR__ETAG_FOUND || f == CSTAR__ETAG_ANY;
        }
    }
    return any;
}

/* Steps 1 and 2. */
static bool may_act(const cstar__request *r, const cstar__resource *res) {
    bool found = false;
    int64_t date = 0;
    if (find_tag(r, "if-match", res->etag, false, &found)) {
        return found;
    }
    return res->mtime < 0 || !only_date(r, "if-unmodified-since", &date) || res->mtime <= date;
}

/* Steps 3 and 4: whether the client's copy is the resource as it is. */
static bool has_it(const cstar__request *r, const cstar__resource *res, bool reading) {
    bool found = false;
    int64_t date = 0;
    if (find_tag(r, "if-none-match", res->etag, true, &found)) {
        return found;
    }
    return reading && res->mtime >= 0 && only_date(r, "if-modified-since", &date) &&
           res->mtime <= date;
}

/* Step 5: whether the part that the client has is of the resource as it is. A date must be the very
 * Last-Modified (RFC 9110 13.1.5). */
static bool range_holds(const cstar__request *r, const cstar__resource *res) {
    cstar_str value = cstar__trim(only_field(r, "if-range"));
    int64_t date = 0;
    if (value.ptr == NULL) {
        return cstar__request_field(r, "if-range").ptr == NULL;
    }
    if (cstar__etag_ok(value)) {
        return cstar__etag_strong_eq(res->etag, value);
    }
    return res->mtime >= 0 && cstar__date_parse(value, &date) && date == res->mtime;
}

cstar__outcome cstar__precondition(const cstar__request *r, const cstar__resource *res) {
    bool reading = r->method == CSTAR__GET || r->method == CSTAR__HEAD;
    cstar__outcome o = {200, 0, res->size};
    if (!may_act(r, res)) {
        return (cstar__outcome){412, 0, 0};
    }
    if (has_it(r, res, reading)) {
        return (cstar__outcome){reading ? 304 : 412, 0, 0};
    }
    cstar_str range = only_field(r, "range");
    if (r->method != CSTAR__GET || range.ptr == NULL || !range_holds(r, res)) {
        return o;
    }
    if (cstar__range_parse(range, res->size, &o) == CSTAR__RANGE_OUTSIDE) {
        return (cstar__outcome){416, 0, 0};
    }
    return o;
}
