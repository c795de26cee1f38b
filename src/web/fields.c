/* fields.c -- the fields of a response: set, added, read back, merged.
 *
 * They gather in the conn, in the exchange's arena, until the response begins. A name stands there
 * as the handler spelled it; it is compared without case.
 *
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

/* ---- the list ---- */

static cstar__field *new_field(cstar_conn *conn) {
    if (conn->nfields == conn->cap_fields) {
        size_t cap = conn->cap_fields + 8;
        cstar__field *grown = cstar_arena_alloc(&conn->x->arena, cap * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        if (conn->nfields != 0) {
            memcpy(grown, conn->fields, conn->nfields * sizeof *grown);
        }
        conn->fields = grown;
        conn->cap_fields = cap;
    }
    return &conn->fields[conn->nfields++];
}

cstar_status cstar__conn_add_field(cstar_conn *conn, cstar_str name, cstar_str value) {
    cstar__field *field = new_field(conn);
    if (field == NULL) {
        return cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
    }
    *field = (cstar__field){name, value};
    return CSTAR_OK;
}

static cstar__field *find_field(const cstar_conn *conn, cstar_str name) {
    for (size_t i = 0; i < conn->nfields; i++) {
        if (cstar_str_ieq(conn->fields[i].name, name)) {
            return &conn->fields[i];
        }
    }
    return NULL;
}

cstar_str cstar__conn_field(const cstar_conn *conn, cstar_str name) {
    const cstar__field *field = find_field(conn, name);
    return field != NULL ? field->value : cstar_view(NULL, 0);
}

void cstar__conn_drop_field(cstar_conn *conn, cstar_str name) {
    size_t kept = 0;
    for (size_t i = 0; i < conn->nfields; i++) {
        if (!cstar_str_ieq(conn->fields[i].name, name)) {
            conn->fields[kept++] = conn->fields[i];
        }
    }
    conn->nfields = kept;
}

cstar_status cstar__conn_set_field(cstar_conn *conn, cstar_str name, cstar_str value) {
    cstar__field *field = find_field(conn, name);
    if (field == NULL) {
        return cstar__conn_add_field(conn, name, value);
    }
    cstar__conn_drop_field(conn, name);
    return cstar__conn_add_field(conn, name, value);
}

/* ---- lists in a value ---- */

static cstar_str trim(cstar_str s) {
    while (s.len != 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = cstar_view(s.ptr + 1, s.len - 1);
    }
    while (s.len != 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

bool cstar__element_next(cstar_str *rest, cstar_str *element) {
    if (rest->len == 0) {
        return false;
    }
    const char *comma = memchr(rest->ptr, ',', rest->len);
    const size_t len = comma != NULL ? (size_t)(comma - rest->ptr) : rest->len;
    const size_t gone = comma != NULL ? len + 1 : len;
    *element = trim(cstar_view(rest->ptr, len));
    *rest = cstar_view(rest->ptr + gone, rest->len - gone);
    return true;
}

bool cstar__has_element(cstar_str list, cstar_str wanted) {
    cstar_str element;
    while (cstar__element_next(&list, &element)) {
        if (cstar_str_ieq(element, wanted)) {
            return true;
        }
    }
    return false;
}

static bool varies_by(const cstar_conn *conn, cstar_str name) {
    for (size_t i = 0; i < conn->nfields; i++) {
        const cstar__field *f = &conn->fields[i];
        if (cstar_str_ieq(f->name, CSTAR_STR("vary")) &&
            (cstar__has_element(f->value, name) || cstar__has_element(f->value, CSTAR_STR("*")))) {
            return true;
        }
    }
    return false;
}

/* Joined to the handler's own: several fields would mean the same, but not all caches know. */
cstar_status cstar__conn_vary(cstar_conn *conn, cstar_str name) {
    cstar__field *field = find_field(conn, CSTAR_STR("vary"));
    if (field == NULL) {
        return cstar__conn_add_field(conn, CSTAR_STR("vary"), name);
    }
    if (varies_by(conn, name)) {
        return CSTAR_OK;
    }
    cstar_buf joined;
    cstar_buf_init(&joined, cstar_arena_allocator(&conn->x->arena), SIZE_MAX / 2);
    cstar_buf_str(&joined, field->value);
    cstar_buf_puts(&joined, field->value.len != 0 ? ", " : "");
    cstar_buf_str(&joined, name);
    if (joined.status != CSTAR_OK) {
        return cstar__conn_failf(conn, joined.status, NULL, "out of memory");
    }
    field->value = cstar_buf_view(&joined);
    return CSTAR_OK;
}

/* ---- caches ---- */

/* What lets caches keep it that serve several people. */
static bool is_for_all(cstar_str directive) {
    const cstar_str shared = CSTAR_STR("s-maxage");
    return cstar_str_ieq(directive, CSTAR_STR("public")) ||
           (directive.len >= shared.len &&
            cstar_str_ieq(cstar_view(directive.ptr, shared.len), shared));
}

/* Appends the directives of one field that may stay. @return whether private or no-store was among
 * them. */
static bool keep_directives(cstar_buf *out, cstar_str list) {
    bool strict = false;
    cstar_str directive;
    while (cstar__element_next(&list, &directive)) {
        if (directive.len != 0 && !is_for_all(directive)) {
            cstar_buf_puts(out, out->len != 0 ? ", " : "");
            cstar_buf_str(out, directive);
            strict = strict || cstar_str_ieq(directive, CSTAR_STR("private")) ||
                     cstar_str_ieq(directive, CSTAR_STR("no-store"));
        }
    }
    return strict;
}

cstar_status cstar__conn_private(cstar_conn *conn) {
    const cstar_str name = CSTAR_STR("cache-control");
    bool strict = false;
    cstar_buf value;
    cstar_buf_init(&value, cstar_arena_allocator(&conn->x->arena), SIZE_MAX / 2);
    for (size_t i = 0; i < conn->nfields; i++) {
        if (cstar_str_ieq(conn->fields[i].name, name)) {
            strict = keep_directives(&value, conn->fields[i].value) || strict;
        }
    }
    if (!strict) {
        cstar_buf_puts(&value, value.len != 0 ? ", private" : "private");
    }
    return value.status == CSTAR_OK ? cstar__conn_set_field(conn, name, cstar_buf_view(&value))
                                    : cstar__conn_failf(conn, value.status, NULL, "out of memory");
}

/* ---- public ---- */

static bool is_framing(cstar_str name) {
    static const cstar_str names[] = {{"content-length", 14},  {"transfer-encoding", 17},
                                      {"connection", 10},      {"keep-alive", 10},
                                      {"upgrade", 7},          {"te", 2},
                                      {"trailer", 7},          {"date", 4},
                                      {"proxy-connection", 16}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (cstar_str_ieq(name, names[i])) {
            return true;
        }
    }
    return false;
}

static cstar_status check_header(cstar_conn *conn, const char *name, const char *value) {
    if (name == NULL || value == NULL || !cstar__field_ok(cstar_cstr(name), cstar_cstr(value)) ||
        is_framing(cstar_cstr(name))) {
        return cstar__conn_failf(
            conn, CSTAR_EINVAL, "header",
            "header: a bad name, a line break in the value, or one that the server sets itself");
    }
    if (conn->answer == CSTAR__ANSWER_GIVEN || conn->streaming) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "header",
                                 "header: the response has been given already");
    }
    return CSTAR_OK;
}

static cstar_status put_header(cstar_conn *conn, const char *name, const char *value, bool add) {
    const cstar_status rc = check_header(conn, name, value);
    if (rc != CSTAR_OK) {
        return rc;
    }
    cstar_arena *arena = &conn->x->arena;
    const char *name_copy = cstar_arena_strdup(arena, cstar_cstr(name));
    const char *value_copy = cstar_arena_strdup(arena, cstar_cstr(value));
    if (name_copy == NULL || value_copy == NULL) {
        return cstar__conn_failf(conn, CSTAR_ENOMEM, NULL, "out of memory");
    }
    return add ? cstar__conn_add_field(conn, cstar_cstr(name_copy), cstar_cstr(value_copy))
               : cstar__conn_set_field(conn, cstar_cstr(name_copy), cstar_cstr(value_copy));
}

cstar_status cstar_set_header(cstar_conn *conn, const char *name, const char *value) {
    return put_header(conn, name, value, false);
}

cstar_status cstar_add_header(cstar_conn *conn, const char *name, const char *value) {
    return put_header(conn, name, value, true);
}

cstar_str cstar_response_header(const cstar_conn *conn, const char *name) {
    return cstar__conn_field(conn, cstar_cstr(name));
}
