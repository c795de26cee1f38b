/* base/json_tree.c -- reading values off a tree. Everything accepts NULL, "not there", and no other
 * type is an error: a handler asks for what it expects and names what it takes instead.
 *
 * SPDX-License-Identifier: MIT */
#include "base/json_node.h"

static bool is(const cstar_json *v, cstar_json_type type) {
    return v != NULL && v->type == (uint8_t)type;
}

static const cstar_str absent = {NULL, 0};

cstar_json_type cstar_json_typeof(const cstar_json *v) {
    return v != NULL ? (cstar_json_type)v->type : CSTAR_JSON_NULL;
}

/* ---- moving around
 * ---------------------------------------------------------------------------- */

const cstar_json *cstar_json_get_str(const cstar_json *obj, cstar_str key) {
    if (!is(obj, CSTAR_JSON_OBJECT)) {
        return NULL;
    }
    for (const cstar_json *m = obj->at.first; m != NULL; m = m->link.next) {
        if (cstar_str_eq(cstar_view(m->key, m->key_len), key)) {
            return m;
        }
    }
    return NULL;
}

const cstar_json *cstar_json_get(const cstar_json *obj, const char *key) {
    return key != NULL ? cstar_json_get_str(obj, cstar_cstr(key)) : NULL;
}

size_t cstar_json_size(const cstar_json *v) {
    return v != NULL && cstar__json_is_container(v) ? v->len : 0;
}

const cstar_json *cstar_json_first(const cstar_json *v) {
    return v != NULL && cstar__json_is_container(v) ? v->at.first : NULL;
}

const cstar_json *cstar_json_next(const cstar_json *v) { return v != NULL ? v->link.next : NULL; }

const cstar_json *cstar_json_at(const cstar_json *array, size_t i) {
    if (!is(array, CSTAR_JSON_ARRAY) || i >= array->len) {
        return NULL;
    }
    const cstar_json *v = array->at.first;
    while (i-- > 0) {
        v = v->link.next;
    }
    return v;
}

/* "0", "17"; not "", "01", "+1". No document has as many elements as 9 digits can say. */
static bool parse_index(cstar_str s, size_t *index) {
    if (s.len == 0 || s.len > 9 || (s.len > 1 && s.ptr[0] == '0')) {
        return false;
    }
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
        n = n * 10 + (size_t)(s.ptr[i] - '0');
    }
    *index = n;
    return true;
}

static const cstar_json *step(const cstar_json *v, cstar_str segment) {
    size_t index;
    if (is(v, CSTAR_JSON_ARRAY)) {
        return parse_index(segment, &index) ? cstar_json_at(v, index) : NULL;
    }
    return cstar_json_get_str(v, segment);
}

const cstar_json *cstar_json_path(const cstar_json *obj, const char *path) {
    if (path == NULL) {
        return NULL;
    }
    const cstar_json *v = obj;
    for (;;) {
        size_t len = strcspn(path, ".");
        v = step(v, cstar_view(path, len));
        if (v == NULL || path[len] == '\0') {
            return v;
        }
        path += len + 1;
    }
}

cstar_str cstar_json_key(const cstar_json *member) {
    return member != NULL && member->key != NULL ? cstar_view(member->key, member->key_len)
                                                 : absent;
}

/* ---- values
 * ----------------------------------------------------------------------------------- */

int64_t cstar_json_int(const cstar_json *v, int64_t otherwise) {
    if (is(v, CSTAR_JSON_INT)) {
        return v->u.i;
    }
    /* 2^63 itself is the first double that is too large; the conversion of anything beyond would be
     * undefined. */
    if (!is(v, CSTAR_JSON_DOUBLE) || v->u.d < -9223372036854775808.0 ||
        v->u.d >= 9223372036854775808.0) {
        return otherwise;
    }
    int64_t i = (int64_t)v->u.d;
    return (double)i == v->u.d ? i : otherwise;
}

double cstar_json_double(const cstar_json *v, double otherwise) {
    if (is(v, CSTAR_JSON_INT)) {
        return (double)v->u.i;
    }
    return is(v, CSTAR_JSON_DOUBLE) ? v->u.d : otherwise;
}

bool cstar_json_bool(const cstar_json *v, bool otherwise) {
    return is(v, CSTAR_JSON_BOOL) ? v->u.b : otherwise;
}

const char *cstar_json_str(const cstar_json *v, const char *otherwise) {
    return is(v, CSTAR_JSON_STRING) && !v->has_nul ? v->at.text : otherwise;
}

cstar_str cstar_json_view(const cstar_json *v) {
    return is(v, CSTAR_JSON_STRING) ? cstar_view(v->at.text, v->len) : absent;
}

cstar_str cstar_json_number(const cstar_json *v) {
    return is(v, CSTAR_JSON_INT) || is(v, CSTAR_JSON_DOUBLE) ? cstar_view(v->at.text, v->len)
                                                             : absent;
}

cstar_val cstar_json_val(const cstar_json *v) {
    switch (cstar_json_typeof(v)) {
    case CSTAR_JSON_NULL:
        return cstar_null();
    case CSTAR_JSON_BOOL:
        return cstar_bool(cstar_json_bool(v, false));
    case CSTAR_JSON_INT:
        return cstar_val_int(cstar_json_int(v, 0));
    case CSTAR_JSON_DOUBLE:
        return cstar_val_json(cstar_json_number(v));
    case CSTAR_JSON_STRING:
        return cstar_val_str(cstar_json_view(v));
    case CSTAR_JSON_ARRAY:
    case CSTAR_JSON_OBJECT:
        break;
    }
    return cstar_val_tree(v);
}
