/* http/h2_head.c -- from decoded header fields to the same request that HTTP/1.1 makes.
 *
 * Data flow: nghttp2 ──one field at a time──▶ checked against the limits ──copy──▶ the exchange's
 * arena ──at the end of the block──▶ judged as a whole. nghttp2 has checked before: pseudo fields
 * (known, once, first, complete), lower-case names, characters, no connection-specific field,
 * content-length (RFC 9113 8.2, 8.3).
 *
 * Invariants: 1. A list is bounded in bytes, fields and path before it is stored; what is over is
 * not stored, but the block is read to its end, as the compression state of the connection needs.
 * 2. A request that two readers could take differently is reset (s->malformed); one that is clear
 * but not served gets a status (s->refusal), as on HTTP/1.1.
 *
 * SPDX-License-Identifier: MIT */
#include "http/chars.h"
#include "http/h2_parts.h"
#include "http/target.h"

#if CSTAR_WITH_HTTP2

enum { FIRST_FIELDS = 16 };

static void refuse(cstar__h2_stream *s, int status, const char *why) {
    if (s->refusal == 0) {
        s->refusal = status;
        s->why = why;
    }
}

static void malform(cstar__h2_stream *s, const char *why) {
    s->malformed = true;
    s->why = why;
}

/* ---- one field ------------------------------------------------------------------------------ */

/* Name and value, one behind the other. */
static char *copy_field(cstar__h2_stream *s, cstar_str name, cstar_str value) {
    char *p = cstar_arena_alloc(&s->x->arena, name.len + value.len);
    if (p != NULL && name.len != 0) {
        memcpy(p, name.ptr, name.len);
    }
    if (p != NULL && value.len != 0) {
        memcpy(p + name.len, value.ptr, value.len);
    }
    return p;
}

static bool grow_fields(cstar__h2_stream *s) {
    const uint32_t cap = s->fields_cap != 0 ? s->fields_cap * 2 : FIRST_FIELDS;
    cstar__field *fields = cstar_arena_alloc(&s->x->arena, cap * sizeof *fields);
    if (fields == NULL) {
        return false;
    }
    if (s->nfields != 0) {
        memcpy(fields, s->fields, s->nfields * sizeof *fields);
    }
    s->fields = fields;
    s->fields_cap = cap;
    return true;
}

static bool add_field(cstar__h2_stream *s, cstar_str name, cstar_str value) {
    if (s->nfields == s->fields_cap && !grow_fields(s)) {
        return false;
    }
    const char *p = copy_field(s, name, value);
    if (p == NULL) {
        return false;
    }
    s->fields[s->nfields++] =
        (cstar__field){cstar_view(p, name.len), cstar_view(p + name.len, value.len)};
    return true;
}

static bool add_pseudo(cstar__h2_stream *s, cstar_str name, cstar_str value) {
    cstar_str *to = cstar_str_eq(name, CSTAR_STR(":method"))   ? &s->method
                    : cstar_str_eq(name, CSTAR_STR(":scheme")) ? &s->scheme
                    : cstar_str_eq(name, CSTAR_STR(":path"))   ? &s->path
                                                               : &s->authority;
    if (to == &s->path && value.len > s->m->limits.max_path) {
        refuse(s, 414, "path too long");
        return true;
    }
    const char *p = copy_field(s, CSTAR_STR(""), value);
    *to = cstar_view(p, value.len);
    return p != NULL;
}

/* Whether the field is a further crumb of the cookie: these are one field in the end, and browsers
 * send many. */
static bool is_crumb(cstar__h2_stream *s, cstar_str name) {
    return cstar_str_eq(name, CSTAR_STR("cookie")) && s->crumbs++ != 0;
}

bool cstar__h2_head_field(cstar__h2_stream *s, cstar_str name, cstar_str value) {
    cstar__h2 *m = s->m;
    const bool pseudo = name.ptr[0] == ':';
    if (m->list_bytes > m->limits.max_head) {
        refuse(s, 431, "header fields too long");
    }
    if (!pseudo && !is_crumb(s, name)) {
        m->list_fields++;
    }
    if (m->list_fields > m->limits.max_fields) {
        refuse(s, 431, "too many header fields");
    }
    if (s->refusal != 0 && !(pseudo && name.ptr[1] == 'm')) {
        return true; /* the method is still wanted: HEAD has no body */
    }
    return pseudo ? add_pseudo(s, name, value) : add_field(s, name, value);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static bool is_cookie(const cstar__field *f) { return cstar_str_eq(f->name, CSTAR_STR("cookie")); }

/* Appends a crumb to the cookie so far. */
static char *join(char *text, char *end, cstar_str crumb) {
    if (end != text) {
        memcpy(end, "; ", 2);
        end += 2;
    }
    if (crumb.len != 0) {
        memcpy(end, crumb.ptr, crumb.len);
    }
    return end + crumb.len;
}

/* "a=1" and "b=2" become "a=1; b=2" in the place of the first (RFC 9113 8.2.3). */
static bool join_crumbs(cstar__h2_stream *s) {
    size_t length = 0;
    for (uint32_t i = 0; i < s->nfields; i++) {
        length += is_cookie(&s->fields[i]) ? s->fields[i].value.len + 2 : 0;
    }
    char *text = cstar_arena_alloc(&s->x->arena, length);
    if (text == NULL) {
        return false;
    }
    char *end = text;
    uint32_t cookie = s->nfields; /* where the first is */
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->nfields; i++) {
        const cstar__field f = s->fields[i];
        if (is_cookie(&f)) {
            end = join(text, end, f.value);
            if (cookie < i) {
                continue;
            }
            cookie = kept;
        }
        s->fields[kept++] = f;
    }
    s->fields[cookie].value = cstar_view(text, (size_t)(end - text));
    s->nfields = kept;
    return true;
}

/* nghttp2 has checked that it is a number that fits. */
static int64_t read_length(cstar_str value) {
    int64_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        n = n * 10 + (value.ptr[i] - '0');
    }
    return n;
}

static void judge_fields(cstar__h2_stream *s) {
    cstar__request *r = &s->x->request;
    for (uint32_t i = 0; i < s->nfields; i++) {
        const cstar__field *f = &s->fields[i];
        if (cstar_str_eq(f->name, CSTAR_STR("host"))) {
            if (s->authority.ptr != NULL && !cstar_str_ieq(s->authority, f->value)) {
                malform(s, "Host is not :authority");
            }
            r->authority = f->value;
        } else if (cstar_str_eq(f->name, CSTAR_STR("content-length"))) {
            r->content_length = read_length(f->value);
        } else if (cstar_str_eq(f->name, CSTAR_STR("expect"))) {
            s->expects = cstar_str_ieq(f->value, CSTAR_STR("100-continue"));
            if (!s->expects) {
                refuse(s, 417, "unknown expectation");
            }
        }
    }
    if (s->authority.ptr != NULL) {
        r->authority = s->authority;
    }
    if (!cstar__host_ok(r->authority)) {
        malform(s, "malformed :authority");
    }
}

static void judge_target(cstar__h2_stream *s) {
    cstar__request *r = &s->x->request;
    if (!cstar_str_ieq(s->scheme, CSTAR_STR("https")) &&
        !cstar_str_ieq(s->scheme, CSTAR_STR("http"))) {
        malform(s, "unknown :scheme");
        return;
    }
    r->target = s->path;
    const char *why = "malformed :path";
    /* the absolute form that cstar__target_split() would take is for HTTP/1.1 */
    if (!cstar__target_ok(s->path) || (s->path.ptr[0] != '/' && s->path.ptr[0] != '*') ||
        cstar__target_split(r, &why) != 0) {
        malform(s, why);
    }
}

bool cstar__h2_head_end(cstar__h2_stream *s, bool end_stream) {
    cstar__request *r = &s->x->request;
    r->minor = 2;
    r->method = cstar__method_find(s->method);
    r->content_length = end_stream ? 0 : -1;
    if (s->refusal != 0) {
        return true;
    }
    if (r->method == CSTAR__METHODS) { /* CONNECT among them, which has no path */
        refuse(s, 501, "method not implemented");
        return true;
    }
    if (s->crumbs > 1 && !join_crumbs(s)) {
        return false;
    }
    judge_target(s);
    judge_fields(s);
    r->fields = s->fields;
    r->nfields = s->nfields;
    return true;
}

#else
typedef int cstar__h2_head_is_left_out;
#endif
