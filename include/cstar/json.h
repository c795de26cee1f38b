/* cstar/json.h -- a strict JSON reader and a writer (RFC 8259, and stricter where the peer is not
 * trusted).
 *
 *     cstar_json *root = cstar_json_read(&arena, text, NULL, &err);
 *     int64_t count = cstar_json_int(cstar_json_path(root, "user.count"), 0);
 *
 * What the reader refuses: a root that is not an object (unless asked), more than 32 levels,
 * invalid UTF-8, lone surrogate escapes, duplicate keys in one object, numbers that overflow a
 * double, anything behind the root, any syntax that RFC 8259 does not have (BOM, comments, NaN,
 * leading zeros, trailing commas, raw control bytes in strings).
 * What it keeps exactly: every int64; for other numbers also their text; NUL inside strings
 * (\u0000). It does not recurse, and its work is O(n log n) for any input.
 *
 * Life: a tree lives in the arena it was read into and points nowhere else; the text may go away.
 * Threads: a tree is immutable; any number of threads may read it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_JSON_H
#define CSTAR_JSON_H

#include "cstar/base.h"

CSTAR_BEGIN_DECLS

typedef enum cstar_json_type {
    CSTAR_JSON_NULL,
    CSTAR_JSON_BOOL,
    /* written without fraction and exponent, and fits int64 ("-0" is a DOUBLE) */
    CSTAR_JSON_INT,
    CSTAR_JSON_DOUBLE, /* every other number */
    CSTAR_JSON_STRING,
    CSTAR_JSON_ARRAY,
    CSTAR_JSON_OBJECT,
} cstar_json_type;

typedef struct cstar_json_opts { /* zero is the default of every field */
    /* longer text is CSTAR_ELIMIT before a byte is looked at; 0: 1 000 000 */
    size_t max_bytes;
    unsigned max_depth; /* levels of arrays and objects; 0: 32; at most 1024 */
    bool any_root;      /* the root may be any value, not only an object */
} cstar_json_opts;

/**
 * Reads a document.
 * @param a     Holds the tree. Left with unused allocations on failure.
 * @param opts  NULL: defaults.
 * @param err   Optional. CSTAR_ESYNTAX malformed or not an object, CSTAR_EUTF8 (a lone surrogate
 *              escape too), CSTAR_EDEPTH, CSTAR_EDUP, CSTAR_ERANGE number overflow, CSTAR_ELIMIT
 *              longer than max_bytes (or 4 GiB), CSTAR_ENOMEM also at the arena's limit; the text
 *              names the byte offset and what was expected there.
 * @return the root, or NULL.
 */
CSTAR_API CSTAR_MUST_USE cstar_json *cstar_json_read(cstar_arena *a, cstar_str text,
                                                     const cstar_json_opts *opts, cstar_err *err);

/** Checks text without building anything or allocating (duplicate keys are therefore not looked
 * for). */
CSTAR_API cstar_status cstar_json_check(cstar_str text, const cstar_json_opts *opts,
                                        cstar_err *err);

/* Every accessor accepts NULL ("not there") and gives the default then, and also on another
 * type. */

/** @return the type; CSTAR_JSON_NULL for NULL. */
CSTAR_API cstar_json_type cstar_json_typeof(const cstar_json *v);
/** Member by key; NULL if `obj` is no object or has none. O(members). */
CSTAR_API const cstar_json *cstar_json_get(const cstar_json *obj, const char *key);
CSTAR_API const cstar_json *cstar_json_get_str(const cstar_json *obj, cstar_str key);
/** Member by dotted path: "user.name", and array elements by number: "rows.0.id" (no sign, no
 * leading zero). A key with a dot in it can't be reached this way. */
CSTAR_API const cstar_json *cstar_json_path(const cstar_json *obj, const char *path);
/** Number of elements or members; 0 for other types. */
CSTAR_API size_t cstar_json_size(const cstar_json *v);
/** Element `i` of an array, or NULL. O(i): to visit all, use first/next. */
CSTAR_API const cstar_json *cstar_json_at(const cstar_json *array, size_t i);
/** First element or member in document order; NULL if none. */
CSTAR_API const cstar_json *cstar_json_first(const cstar_json *v);
/** The one behind it; NULL at the end. */
CSTAR_API const cstar_json *cstar_json_next(const cstar_json *v);
/** Key of an object's member; the absent view for others. NUL-terminated. */
CSTAR_API cstar_str cstar_json_key(const cstar_json *member);

/** An INT, or a DOUBLE that is integral and fits exactly. */
CSTAR_API int64_t cstar_json_int(const cstar_json *v, int64_t otherwise);
/** An INT or DOUBLE. */
CSTAR_API double cstar_json_double(const cstar_json *v, double otherwise);
CSTAR_API bool cstar_json_bool(const cstar_json *v, bool otherwise);
/** NUL-terminated; a string with a NUL byte inside gives `otherwise`, so that no check can be cut
 * short by it: use cstar_json_view() for those. */
CSTAR_API const char *cstar_json_str(const cstar_json *v, const char *otherwise);
/** The bytes of a string; the absent view for other types. */
CSTAR_API cstar_str cstar_json_view(const cstar_json *v);
/** A number's text as it was written; the absent view for other types. */
CSTAR_API cstar_str cstar_json_number(const cstar_json *v);
/** A node as a value: null (also for NULL), booleans, integers and strings as themselves, other numbers
 * as their text, arrays and objects as the tree. Borrows the tree. */
CSTAR_API cstar_val cstar_json_val(const cstar_json *v);

/* ---- decoding into a struct ------------------------------------------------------------------
 *
 *     typedef struct {
 *         int64_t count; char name[40]; bool on; char tags[8][20]; size_t ntags;
 *     } form;
 *     static const cstar_field form_fields[] = {
 *         CSTAR_FIELD(form, count, CSTAR_FIELD_INT),
 *         CSTAR_FIELD(form, name, CSTAR_FIELD_TEXT),
 *         CSTAR_FIELD(form, on, CSTAR_FIELD_BOOL, .optional = true),
 *         CSTAR_FIELD_LIST(form, tags, ntags, CSTAR_FIELD_TEXT),
 *         {0}};
 *     form f = {.on = true};    // what optional fields have if nothing is said
 *     cstar_status rc = cstar_json_decode(root, form_fields, &f, &err);
 */
typedef enum cstar_field_type {
    CSTAR_FIELD_END, /* ends the table */
    /* int64_t, int32_t, int16_t or int8_t by the member's size; ERANGE if it does not fit */
    CSTAR_FIELD_INT,
    CSTAR_FIELD_DOUBLE, /* double */
    CSTAR_FIELD_BOOL,   /* bool */
    /* char[N]: NUL-terminated; ELIMIT if longer than N-1 bytes, EINVAL with a NUL inside */
    CSTAR_FIELD_TEXT,
    CSTAR_FIELD_OBJECT, /* a nested struct, described by .fields */
    /* T[N] of .element type (not ARRAY), length to the size_t at .count_offset; ELIMIT if more */
    CSTAR_FIELD_ARRAY,
    /* the unsigned ones by size, also size_t; ERANGE if negative, too large, or over 2^63-1 */
    CSTAR_FIELD_UINT,
} cstar_field_type;

typedef struct cstar_field {
    const char *name; /* JSON key */
    cstar_field_type type;
    size_t offset, size; /* of the member */
    bool optional;       /* absent or null leaves the member as it was; otherwise ENOENT */
    const struct cstar_field *fields; /* OBJECT, or ARRAY of OBJECT */
    cstar_field_type element;         /* ARRAY */
    size_t element_size;              /* ARRAY: sizeof one */
    size_t count_offset;              /* ARRAY: where the number of elements goes; required */
} cstar_field;

/** A member whose key is its name. */
#define CSTAR_FIELD(type_, member_, ...) CSTAR_FIELD_AS(#member_, type_, member_, __VA_ARGS__)
/** The same with another key: CSTAR_FIELD_AS("user-name", form, user, CSTAR_FIELD_TEXT) */
#define CSTAR_FIELD_AS(name_, type_, member_, ...)                                                 \
    {                                                                                              \
        .name = (name_), .offset = offsetof(type_, member_),                                       \
        .size = sizeof(((type_ *)0)->member_), .type = __VA_ARGS__                                 \
    }
/** An array, and the size_t that gets the number of elements: CSTAR_FIELD_LIST(form, rows, nrows,
 * CSTAR_FIELD_OBJECT, .fields = row_fields) */
#define CSTAR_FIELD_LIST(type_, member_, count_, ...)                                              \
    {                                                                                              \
        .name = #member_, .offset = offsetof(type_, member_),                                      \
        .size = sizeof(((type_ *)0)->member_), .type = CSTAR_FIELD_ARRAY,                          \
        .element_size = sizeof(((type_ *)0)->member_[0]), .count_offset = offsetof(type_, count_), \
        .element = __VA_ARGS__                                                                     \
    }

/**
 * Fills `*out` from an object. Unknown keys are ignored.
 * @return CSTAR_OK; CSTAR_ENOENT a field is missing; CSTAR_ETYPE, CSTAR_ERANGE, CSTAR_ELIMIT,
 *         CSTAR_EINVAL as above, and CSTAR_EINVAL for a table that makes no sense; `err` names the
 *         field by its dotted path ("rows.1.id"). `*out` is untouched on failure.
 */
CSTAR_API cstar_status cstar_json_decode(const cstar_json *obj, const cstar_field *fields,
                                         void *out, cstar_err *err);

/* ---- writing ---------------------------------------------------------------------------------
 *
 *     cstar_json_writer w;
 *     cstar_json_writer_init(&w, &buf, 0);
 *     cstar_json_begin_object(&w);
 *     cstar_json_set(&w, "count", 1);
 *     cstar_json_end_object(&w);
 *     cstar_status rc = cstar_json_writer_end(&w);
 *
 * Compact: no white space. Commas and colons take care of themselves; a call in the wrong place
 * sticks as CSTAR_ESTATE.
 */
typedef struct cstar_json_writer {
    cstar_buf *out;
    cstar_status status;
    unsigned extra;   /* CSTAR_ESC_* for strings */
    unsigned depth;   /* of what is open, at most 64 */
    uint64_t objects; /* bit per level: an object (1) or an array (0) */
    uint64_t filled;  /* bit per level: has a member already */
    bool keyed;       /* a key was written, its value not yet */
    bool done;        /* the root is complete */
} cstar_json_writer;

CSTAR_API void cstar_json_writer_init(cstar_json_writer *w, cstar_buf *out, unsigned extra);
/** @return the first error, of the writer or of its buffer; CSTAR_ESTATE if the document is not
 * complete. */
CSTAR_API cstar_status cstar_json_writer_end(cstar_json_writer *w);

CSTAR_API void cstar_json_begin_object(cstar_json_writer *w);
CSTAR_API void cstar_json_end_object(cstar_json_writer *w);
CSTAR_API void cstar_json_begin_array(cstar_json_writer *w);
CSTAR_API void cstar_json_end_array(cstar_json_writer *w);
/** A member's key; its value, object or array must follow. Invalid UTF-8 sticks as CSTAR_EUTF8. */
CSTAR_API void cstar_json_put_key(cstar_json_writer *w, cstar_str key);
/** A value: an array element, the value behind a key, or the root. TRUSTED, FRAGMENT and EXPR stick
 * as CSTAR_ETYPE; JSON text is checked and written compactly, its escapes as they are and `extra`
 * applied to the rest; of malformed text nothing is written and its error sticks. A tree is copied
 * (NULL is null), numbers as they were written; NaN and infinities are written as null. What is
 * inside of a text or a tree does not count for the writer's 64 levels, past which CSTAR_EDEPTH
 * sticks. */
CSTAR_API void cstar_json_put_val(cstar_json_writer *w, cstar_val v);

#ifndef __cplusplus
#define cstar_json_set(w, key, value)                                                              \
    (cstar_json_put_key((w), cstar_cstr(key)), cstar_json_put_val((w), CSTAR_VAL(value)))
#define cstar_json_add(w, value) cstar_json_put_val((w), CSTAR_VAL(value))
#endif

CSTAR_END_DECLS
#endif
