/* base/json_decode.c -- fills a struct from an object, by a table that describes the struct.
 *
 * Recursion follows the table, not the document: as deep as the caller's structs are nested.
 * Members are written by memcpy(), so that the table's offsets need not be trusted to be aligned. A
 * table that makes no sense is CSTAR_EINVAL.
 * Two passes over the table: the first one writes nothing (its `out` is NULL), so that a refusal
 * leaves the caller's struct as it was.
 *
 * SPDX-License-Identifier: MIT */
#include "base/json_node.h"

/* Where we are: a chain of frames from the innermost field out, only walked when an error needs the
 * name. */
typedef struct frame {
    const struct frame *up;
    const char *name; /* NULL: an element */
    size_t index;
} frame;

typedef struct target {
    cstar_field_type type;
    size_t size;
    const cstar_field *fields; /* OBJECT */
    unsigned char *ptr;        /* NULL: only look */
} target;

static cstar_status decode_fields(const cstar_json *obj, const cstar_field *fields,
                                  unsigned char *out, const frame *at, cstar_err *err);

/* ---- errors
 * ----------------------------------------------------------------------------------- */

static void put_path(cstar_buf *b, const frame *at) {
    const frame *chain[32];
    size_t n = 0;
    for (; at != NULL && n < sizeof chain / sizeof chain[0]; at = at->up) {
        chain[n++] = at;
    }
    while (n-- > 0) {
        if (b->len != 0) {
            cstar_buf_byte(b, '.');
        }
        if (chain[n]->name != NULL) {
            cstar_buf_puts(b, chain[n]->name);
        } else {
            cstar_buf_uint(b, chain[n]->index);
        }
    }
}

static const char *field_name(const frame *at) {
    while (at != NULL && at->name == NULL) {
        at = at->up;
    }
    return at != NULL ? at->name : NULL;
}

static cstar_status refuse(cstar_err *err, cstar_status status, const frame *at, const char *what) {
    char mem[100];
    cstar_buf path;
    cstar_buf_fixed(&path, mem, sizeof mem);
    put_path(&path, at);
    if (path.len == 0) {
        return cstar_err_set(err, status, NULL, "the value %s", what);
    }
    return cstar_err_set(err, status, field_name(at), "\"%.*s\" %s", (int)path.len, path.ptr, what);
}

/* ---- values
 * ----------------------------------------------------------------------------------- */

static void store(const target *to, const void *value, size_t size) {
    if (to->ptr != NULL) {
        memcpy(to->ptr, value, size);
    }
}

/* Whether `n` fits an integer of that size. */
static bool fits(const target *to, int64_t n) {
    const bool is_signed = to->type == CSTAR_FIELD_INT;
    if (to->size == sizeof(int64_t)) {
        return is_signed || n >= 0;
    }
    const int64_t span = INT64_C(1) << (8 * to->size - (is_signed ? 1 : 0));
    return n < span && n >= (is_signed ? -span : 0);
}

static void store_int(const target *to, int64_t n) {
    const uint32_t word = (uint32_t)(uint64_t)n;
    const uint16_t half = (uint16_t)word;
    const uint8_t byte = (uint8_t)word;
    switch (to->size) {
    case 8:
        store(to, &n, sizeof n);
        return;
    case 4:
        store(to, &word, sizeof word);
        return;
    case 2:
        store(to, &half, sizeof half);
        return;
    default:
        store(to, &byte, sizeof byte);
        return;
    }
}

static cstar_status decode_int(const cstar_json *v, const target *to, const frame *at,
                               cstar_err *err) {
    if (to->size != 1 && to->size != 2 && to->size != 4 && to->size != 8) {
        return refuse(err, CSTAR_EINVAL, at, "has a size that no integer has");
    }
    if (v->type != CSTAR_JSON_INT && v->type != CSTAR_JSON_DOUBLE) {
        return refuse(err, CSTAR_ETYPE, at, "must be an integer");
    }
    int64_t n = cstar_json_int(v, 0);
    if (v->type == CSTAR_JSON_DOUBLE && (double)n != v->u.d) { /* a fraction, or beyond int64 */
        bool huge = v->u.d >= 9007199254740992.0 || v->u.d <= -9007199254740992.0;
        return huge ? refuse(err, CSTAR_ERANGE, at, "is out of range")
                    : refuse(err, CSTAR_ETYPE, at, "must be an integer");
    }
    if (!fits(to, n)) {
        return refuse(err, CSTAR_ERANGE, at, "is out of range");
    }
    store_int(to, n);
    return CSTAR_OK;
}

static cstar_status decode_double(const cstar_json *v, const target *to, const frame *at,
                                  cstar_err *err) {
    if (to->size != sizeof(double)) {
        return refuse(err, CSTAR_EINVAL, at, "has a size that no double has");
    }
    if (v->type != CSTAR_JSON_INT && v->type != CSTAR_JSON_DOUBLE) {
        return refuse(err, CSTAR_ETYPE, at, "must be a number");
    }
    double d = cstar_json_double(v, 0);
    store(to, &d, sizeof d);
    return CSTAR_OK;
}

static cstar_status decode_bool(const cstar_json *v, const target *to, const frame *at,
                                cstar_err *err) {
    if (to->size != sizeof(bool)) {
        return refuse(err, CSTAR_EINVAL, at, "has a size that no bool has");
    }
    if (v->type != CSTAR_JSON_BOOL) {
        return refuse(err, CSTAR_ETYPE, at, "must be true or false");
    }
    store(to, &v->u.b, sizeof v->u.b);
    return CSTAR_OK;
}

static cstar_status decode_text(const cstar_json *v, const target *to, const frame *at,
                                cstar_err *err) {
    if (v->type != CSTAR_JSON_STRING) {
        return refuse(err, CSTAR_ETYPE, at, "must be a string");
    }
    if (v->has_nul) {
        return refuse(err, CSTAR_EINVAL, at, "has a NUL inside");
    }
    if (v->len >= to->size) {
        return refuse(err, CSTAR_ELIMIT, at, "is too long");
    }
    store(to, v->at.text, (size_t)v->len + 1); /* with its NUL */
    return CSTAR_OK;
}

static cstar_status decode_value(const cstar_json *v, const target *to, const frame *at,
                                 cstar_err *err) {
    switch (to->type) {
    case CSTAR_FIELD_INT:
    case CSTAR_FIELD_UINT:
        return decode_int(v, to, at, err);
    case CSTAR_FIELD_DOUBLE:
        return decode_double(v, to, at, err);
    case CSTAR_FIELD_BOOL:
        return decode_bool(v, to, at, err);
    case CSTAR_FIELD_TEXT:
        return decode_text(v, to, at, err);
    case CSTAR_FIELD_OBJECT:
        return decode_fields(v, to->fields, to->ptr, at, err);
    case CSTAR_FIELD_ARRAY:
    case CSTAR_FIELD_END:
        break;
    }
    return refuse(err, CSTAR_EINVAL, at, "is described by no known type");
}

/* ---- arrays and objects
 * ----------------------------------------------------------------------- */

static unsigned char *member(unsigned char *out, size_t offset) {
    return out != NULL ? out + offset : NULL;
}

static cstar_status decode_array(const cstar_json *v, const cstar_field *field, unsigned char *out,
                                 const frame *at, cstar_err *err) {
    if (field->element_size == 0) {
        return refuse(err, CSTAR_EINVAL, at, "has elements without a size");
    }
    if (v->type != CSTAR_JSON_ARRAY) {
        return refuse(err, CSTAR_ETYPE, at, "must be an array");
    }
    size_t count = v->len;
    if (count > field->size / field->element_size) {
        return refuse(err, CSTAR_ELIMIT, at, "has too many elements");
    }
    target to = {field->element, field->element_size, field->fields, member(out, field->offset)};
    frame here = {at, NULL, 0};
    for (const cstar_json *e = v->at.first; e != NULL; e = e->link.next) {
        cstar_status rc = decode_value(e, &to, &here, err);
        if (rc != CSTAR_OK) {
            return rc;
        }
        here.index++;
        to.ptr = member(to.ptr, to.size);
    }
    if (out != NULL) {
        memcpy(out + field->count_offset, &count, sizeof count);
    }
    return CSTAR_OK;
}

static cstar_status decode_field(const cstar_json *obj, const cstar_field *field,
                                 unsigned char *out, const frame *up, cstar_err *err) {
    frame here = {up, field->name, 0};
    if (field->name == NULL) {
        return refuse(err, CSTAR_EINVAL, up, "has a field without a name");
    }
    const cstar_json *v = cstar_json_get(obj, field->name);
    if (cstar_json_typeof(v) == CSTAR_JSON_NULL) {
        return field->optional ? CSTAR_OK : refuse(err, CSTAR_ENOENT, &here, "is missing");
    }
    if (field->type == CSTAR_FIELD_ARRAY) {
        return decode_array(v, field, out, &here, err);
    }
    target to = {field->type, field->size, field->fields, member(out, field->offset)};
    return decode_value(v, &to, &here, err);
}

static cstar_status decode_fields(const cstar_json *obj, const cstar_field *fields,
                                  unsigned char *out, const frame *at, cstar_err *err) {
    if (fields == NULL) {
        return refuse(err, CSTAR_EINVAL, at, "has no table of fields");
    }
    if (cstar_json_typeof(obj) != CSTAR_JSON_OBJECT) {
        return refuse(err, CSTAR_ETYPE, at, "must be an object");
    }
    for (; fields->type != CSTAR_FIELD_END; fields++) {
        cstar_status rc = decode_field(obj, fields, out, at, err);
        if (rc != CSTAR_OK) {
            return rc;
        }
    }
    return CSTAR_OK;
}

cstar_status cstar_json_decode(const cstar_json *obj, const cstar_field *fields, void *out,
                               cstar_err *err) {
    const cstar_status rc = decode_fields(obj, fields, NULL, NULL, err);
    return rc == CSTAR_OK ? decode_fields(obj, fields, out, NULL, err) : rc;
}
