/* cstar/base.h -- what every other room stands on: status codes, string views, memory, buffers,
 * values.
 *
 *     char mem[256];
 *     cstar_buf out;
 *     cstar_buf_fixed(&out, mem, sizeof mem);
 *     cstar_buf_puts(&out, "Hello, ");
 *     cstar_buf_html(&out, CSTAR_STR("<world>"));
 *     if (cstar_buf_status(&out) != CSTAR_OK) { ... }      // asked once, at the end
 *
 * Life: everything here lives in the caller's memory; `init` and `fini` come in pairs.
 * Threads: no global state. One object belongs to one thread at a time.
 * Part of libcstar-core: libc only, and no heap but the allocator the caller hands in.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_BASE_H
#define CSTAR_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CSTAR_VERSION "0.1.0"

#ifdef __cplusplus
#define CSTAR_BEGIN_DECLS extern "C" {
#define CSTAR_END_DECLS }
#else
#define CSTAR_BEGIN_DECLS
#define CSTAR_END_DECLS
#endif

#if defined(__GNUC__) || defined(__clang__)
#define CSTAR_API __attribute__((visibility("default")))
#define CSTAR_MUST_USE __attribute__((warn_unused_result))
#define CSTAR_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define CSTAR_API
#define CSTAR_MUST_USE
#define CSTAR_PRINTF(fmt, first)
#endif

CSTAR_BEGIN_DECLS

/* ---- status --------------------------------------------------------------------------------- */

/* One list: the enumerator, its number (never reused), the text that cstar_strerror() gives. */
#define CSTAR_STATUS_LIST(X)                                                                       \
    X(CSTAR_OK, 0, "success")                                                                      \
    X(CSTAR_ENOMEM, -1, "out of memory")                                                           \
    X(CSTAR_EINVAL, -2, "invalid argument")                                                        \
    X(CSTAR_ELIMIT, -3, "a limit was reached")                                                     \
    X(CSTAR_ESYNTAX, -4, "malformed input")                                                        \
    X(CSTAR_EUTF8, -5, "invalid UTF-8")                                                            \
    X(CSTAR_EDEPTH, -6, "nested too deeply")                                                       \
    X(CSTAR_EDUP, -7, "duplicate key")                                                             \
    X(CSTAR_ETYPE, -8, "wrong type")                                                               \
    X(CSTAR_ERANGE, -9, "out of range")                                                            \
    X(CSTAR_ENOENT, -10, "not found")                                                              \
    X(CSTAR_ESTATE, -11, "not allowed in this state")                                              \
    X(CSTAR_EPOLICY, -12, "refused by policy")                                                     \
    X(CSTAR_EUNSAFE, -13, "no escaping is safe here")                                              \
    X(CSTAR_ECLOSED, -14, "the peer is gone")                                                      \
    X(CSTAR_EAGAIN, -15, "not now, try again later")                                               \
    X(CSTAR_EIO, -16, "input or output failed")                                                    \
    X(CSTAR_ENOTSUP, -17, "not supported by this build")

typedef enum cstar_status {
#define CSTAR__STATUS_ENUM(name, number, text) name = (number),
    CSTAR_STATUS_LIST(CSTAR__STATUS_ENUM)
#undef CSTAR__STATUS_ENUM
} cstar_status;

/** The text of a status. Never NULL; static. */
CSTAR_API const char *cstar_strerror(cstar_status status);

/* What went wrong, in words. Filled by functions that take an optional `cstar_err *`; untouched on
 * success. */
typedef struct cstar_err {
    cstar_status code;
    const char *where; /* the argument, option or field at fault; static text or NULL */
    char text[160];    /* a whole sentence that names it, cut to fit, always NUL-terminated */
} cstar_err;

/** Fills `err` (NULL is allowed) and returns `code`, so that `return cstar_err_set(...)` reads
 * well. */
CSTAR_API cstar_status cstar_err_set(cstar_err *err, cstar_status code, const char *where,
                                     const char *format, ...) CSTAR_PRINTF(4, 5);

/* ---- string views --------------------------------------------------------------------------- */

/* Borrowed bytes: not NUL-terminated, NUL bytes allowed inside. {NULL, 0} is "absent", {"", 0} is
 * "empty". */
typedef struct cstar_str {
    const char *ptr;
    size_t len;
} cstar_str;

#ifndef __cplusplus
#define CSTAR_STR(literal) ((cstar_str){"" literal, sizeof(literal) - 1}) /* of a string literal */
#else
#define CSTAR_STR(literal) (cstar_str{"" literal, sizeof(literal) - 1})
#endif

/** View of a NUL-terminated string; NULL gives the absent view. */
static inline cstar_str cstar_cstr(const char *s) {
    cstar_str v;
    v.ptr = s;
    v.len = s != NULL ? strlen(s) : 0;
    return v;
}

/** View of `len` bytes at `ptr`. */
static inline cstar_str cstar_view(const char *ptr, size_t len) {
    cstar_str v;
    v.ptr = ptr;
    v.len = len;
    return v;
}

static inline bool cstar_str_eq(cstar_str a, cstar_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/** ASCII case-insensitive equality (header names, schemes, hosts). */
CSTAR_API bool cstar_str_ieq(cstar_str a, cstar_str b);

/** Whether the bytes are well-formed UTF-8 (RFC 3629: shortest form, no surrogates, at most
 * U+10FFFF). */
CSTAR_API bool cstar_utf8_valid(cstar_str s);

/**
 * Decodes one code point at `*pos` and advances `*pos`.
 * @return the code point, or UINT32_MAX for a malformed sequence (then `*pos` advances by one
 *         byte).
 */
CSTAR_API uint32_t cstar_utf8_next(cstar_str s, size_t *pos);

/* ---- memory --------------------------------------------------------------------------------- */

/* Where memory comes from. One function, as realloc() but with the old size told. */
typedef struct cstar_allocator {
    /* ptr NULL: allocate; new_size 0: free, returns NULL; NULL on failure, and then `ptr` is still
     * valid. */
    void *(*resize)(void *ctx, void *ptr, size_t old_size, size_t new_size);
    void *ctx;
} cstar_allocator;

/** malloc() and friends as an allocator. [any thread] */
CSTAR_API const cstar_allocator *cstar_heap(void);

typedef struct cstar_arena_block cstar_arena_block;

/* An arena: allocate cheaply, free all at once. Memory is aligned for any object. */
typedef struct cstar_arena {
    const cstar_allocator *alloc;
    cstar_arena_block *block; /* newest first */
    char *at, *end;           /* free part of the newest block */
    size_t used;              /* bytes of all blocks */
    size_t limit;             /* of `used`; then CSTAR_ELIMIT by way of NULL */
    cstar_allocator view;     /* what cstar_arena_allocator() hands out */
} cstar_arena;

/** @param limit in bytes over all blocks; 0: 1 MiB. Allocates nothing yet. `alloc` is borrowed for
 * its life. */
CSTAR_API void cstar_arena_init(cstar_arena *a, const cstar_allocator *alloc, size_t limit);
CSTAR_API void cstar_arena_fini(cstar_arena *a);

/** Frees everything but one block of at most `keep` bytes, which the next use takes up again. */
CSTAR_API void cstar_arena_reset(cstar_arena *a, size_t keep);

/** @return `size` bytes, uninitialised, valid until reset or fini; NULL when out of memory or over
 * the limit. */
CSTAR_API CSTAR_MUST_USE void *cstar_arena_alloc(cstar_arena *a, size_t size);
CSTAR_API CSTAR_MUST_USE void *cstar_arena_zalloc(cstar_arena *a, size_t size);

/** A NUL-terminated copy; NULL when out of memory. */
CSTAR_API CSTAR_MUST_USE char *cstar_arena_strdup(cstar_arena *a, cstar_str s);

/** The arena as an allocator (freeing does nothing; the newest allocation grows in place). */
CSTAR_API const cstar_allocator *cstar_arena_allocator(cstar_arena *a);

/* ---- buffer --------------------------------------------------------------------------------- */

/* Bytes that grow up to a limit. It is also the *sink* that every cstar_format_*() writes to.
 * The first failure (CSTAR_ENOMEM, CSTAR_ELIMIT) sticks: later appends do nothing; ask once at the
 * end. */
typedef struct cstar_buf {
    char *ptr; /* not NUL-terminated */
    size_t len;
    size_t cap;
    size_t limit; /* of `len` */
    const cstar_allocator *alloc;
    cstar_status status;
} cstar_buf;

/** @param limit in bytes; 0: 1 MiB. `alloc` is borrowed for the buffer's life. Allocates nothing
 * yet. */
CSTAR_API void cstar_buf_init(cstar_buf *b, const cstar_allocator *alloc, size_t limit);
/** A buffer over the caller's memory: no allocation ever; fini is not needed. */
CSTAR_API void cstar_buf_fixed(cstar_buf *b, char *mem, size_t size);
CSTAR_API void cstar_buf_fini(cstar_buf *b);

/** Empties it and forgets the error; keeps the memory. */
static inline void cstar_buf_reset(cstar_buf *b) {
    b->len = 0;
    b->status = CSTAR_OK;
}

static inline cstar_status cstar_buf_status(const cstar_buf *b) { return b->status; }
static inline cstar_str cstar_buf_view(const cstar_buf *b) { return cstar_view(b->ptr, b->len); }

/** Makes room for `more` bytes behind `len`. @return false: the error sticks and nothing
 * changed. */
CSTAR_API bool cstar_buf_grow(cstar_buf *b, size_t more);

static inline bool cstar_buf_room(cstar_buf *b, size_t more) {
    return (b->status == CSTAR_OK && b->cap - b->len >= more) || cstar_buf_grow(b, more);
}

static inline void cstar_buf_add(cstar_buf *b, const void *ptr, size_t len) {
    if (len != 0 && cstar_buf_room(b, len)) {
        memcpy(b->ptr + b->len, ptr, len);
        b->len += len;
    }
}
static inline void cstar_buf_str(cstar_buf *b, cstar_str s) { cstar_buf_add(b, s.ptr, s.len); }
static inline void cstar_buf_puts(cstar_buf *b, const char *s) { cstar_buf_add(b, s, strlen(s)); }
static inline void cstar_buf_byte(cstar_buf *b, char c) {
    if (cstar_buf_room(b, 1)) {
        b->ptr[b->len++] = c;
    }
}
#define cstar_buf_lit(b, literal) cstar_buf_add((b), "" literal, sizeof(literal) - 1)

CSTAR_API void cstar_buf_int(cstar_buf *b, int64_t n);
CSTAR_API void cstar_buf_uint(cstar_buf *b, uint64_t n);
/** The shortest decimal text that reads back as `d` ("0.1", "42", "1e+300"); "null" for NaN and
 * infinities, which JSON does not have. Does not depend on the locale. */
CSTAR_API void cstar_buf_double(cstar_buf *b, double d);

/** Text for HTML text and for attribute values in either quotes: & < > " ' become references. */
CSTAR_API void cstar_buf_html(cstar_buf *b, cstar_str s);

/** Replaces the bytes from `mark` on by their cstar_buf_html() form, in place. */
CSTAR_API void cstar_buf_html_from(cstar_buf *b, size_t mark);

/**
 * The inside of a JSON string, without the quotes: " \ and control bytes are escaped (\b \t \n \f
 * \r, else \u00XX). `s` must be valid UTF-8 (CSTAR_EUTF8 sticks otherwise).
 * @param extra  CSTAR_ESC_*: what else becomes \uXXXX.
 */
CSTAR_API void cstar_buf_json(cstar_buf *b, cstar_str s, unsigned extra);
enum {
    CSTAR_ESC_LINES = 1, /* U+2028 and U+2029, line breaks to older JavaScript */
    /* @ $ ' < > & too: the Datastar client rewrites @name( and $name inside literals */
    CSTAR_ESC_EXPR = 2,
};

/** Percent-codes every byte but A-Z a-z 0-9 - _ ~ (also '.'), upper-case hex: one path segment or
 * query value. */
CSTAR_API void cstar_buf_percent(cstar_buf *b, cstar_str s);

/**
 * Appends `s` percent-decoded. A '%' that two hex digits do not follow is kept as it is.
 * @param plus_is_space  for application/x-www-form-urlencoded (query strings).
 */
CSTAR_API void cstar_buf_unpercent(cstar_buf *b, cstar_str s, bool plus_is_space);

/** Whether every '%' is followed by two hex digits. */
CSTAR_API bool cstar_percent_valid(cstar_str s);

/**
 * Takes the next physical line off `*rest`: lines end on CRLF, CR or LF, as in server-sent events.
 * "a\n" has two lines, "a" and "". @return false when there is no further line.
 */
CSTAR_API bool cstar_line_next(cstar_str *rest, cstar_str *line);

/** `s` without any CR or LF. */
CSTAR_API void cstar_buf_oneline(cstar_buf *b, cstar_str s);

/* ---- values --------------------------------------------------------------------------------- */

typedef struct cstar_html cstar_html; /* cstar/html.h */
typedef struct cstar_json cstar_json; /* cstar/json.h */

/* A piece of trusted Datastar expression (or attribute list) that is written when it is needed:
 * what cstar_event(), cstar_post(), cstar_init_signals() and cstar_on_nudge() return. By value;
 * borrows what its arguments point to. */
typedef struct cstar_expr {
    /* Appends the text, unescaped. On an error nothing is appended and `err` says what was
     * wrong. */
    cstar_status (*write)(const struct cstar_expr *self, cstar_buf *out, cstar_err *err);
    const void *a; /* the writer's own */
    const char *b, *c, *d;
    int32_t n;
    /* whole attributes, name='value' ..., for the place of an attribute, already escaped */
    bool attrs;
    bool csrf; /* set by cstar_put(): the token is to stay out of URLs */
    bool self; /* cstar_put() sets `c` to the component or controller whose markup it is */
    /* the argument of an event, see cstar_expr_with_arg(): a cstar_val_kind, and what it is of */
    uint8_t arg_kind;
    union {
        bool b;
        char c;
        int64_t i;
        uint64_t u;
        cstar_str s;
    } arg;
} cstar_expr;

/* Markup, trusted as it stands: the one explicit way around the escaping of cstar_put(). */
typedef struct cstar_trusted {
    cstar_str markup;
} cstar_trusted;

/* A nested piece of markup: a function that renders, and what it renders. */
typedef struct cstar_fragment {
    void (*render)(cstar_html *h, const void *arg);
    const void *arg; /* borrowed until rendered */
} cstar_fragment;

typedef enum cstar_val_kind {
    CSTAR_VAL_NULL,
    CSTAR_VAL_BOOL,
    CSTAR_VAL_INT,
    CSTAR_VAL_UINT,
    CSTAR_VAL_DOUBLE,
    CSTAR_VAL_CHAR,
    CSTAR_VAL_STR,
    CSTAR_VAL_JSON, /* JSON text, validated where it is used */
    CSTAR_VAL_TREE, /* a cstar_json */
    CSTAR_VAL_TRUSTED,
    CSTAR_VAL_FRAGMENT,
    CSTAR_VAL_EXPR,
} cstar_val_kind;

/* Any value that an argument list can hold. Made by CSTAR_VAL(x); small enough to pass by value. */
typedef struct cstar_val {
    cstar_val_kind kind;
    union {
        bool b;
        int64_t i;
        uint64_t u;
        double d;
        char c;
        cstar_str s; /* STR, JSON, TRUSTED */
        const cstar_json *tree;
        cstar_fragment fragment;
        cstar_expr expr;
    } u;
} cstar_val;

#define CSTAR__VAL_FN(name, type, kind_, member)                                                   \
    static inline cstar_val name(type x) {                                                         \
        cstar_val v;                                                                               \
        v.kind = (kind_);                                                                          \
        v.u.member = x;                                                                            \
        return v;                                                                                  \
    }
CSTAR__VAL_FN(cstar_val_bool, bool, CSTAR_VAL_BOOL, b)
CSTAR__VAL_FN(cstar_val_int, int64_t, CSTAR_VAL_INT, i)
CSTAR__VAL_FN(cstar_val_uint, uint64_t, CSTAR_VAL_UINT, u)
CSTAR__VAL_FN(cstar_val_double, double, CSTAR_VAL_DOUBLE, d)
CSTAR__VAL_FN(cstar_val_char, char, CSTAR_VAL_CHAR, c)
CSTAR__VAL_FN(cstar_val_str, cstar_str, CSTAR_VAL_STR, s)
CSTAR__VAL_FN(cstar_val_json, cstar_str, CSTAR_VAL_JSON, s)
CSTAR__VAL_FN(cstar_val_tree, const cstar_json *, CSTAR_VAL_TREE, tree)
CSTAR__VAL_FN(cstar_val_fragment, cstar_fragment, CSTAR_VAL_FRAGMENT, fragment)
CSTAR__VAL_FN(cstar_val_expr, cstar_expr, CSTAR_VAL_EXPR, expr)
#undef CSTAR__VAL_FN
/** A NULL string is the empty string. */
static inline cstar_val cstar_val_cstr(const char *s) {
    return cstar_val_str(cstar_cstr(s != NULL ? s : ""));
}
static inline cstar_val cstar_val_trusted(cstar_trusted t) {
    cstar_val v;
    v.kind = CSTAR_VAL_TRUSTED;
    v.u.s = t.markup;
    return v;
}
static inline cstar_val cstar_val_null(void) {
    cstar_val v;
    v.kind = CSTAR_VAL_NULL;
    v.u.u = 0;
    return v;
}
static inline cstar_val cstar_val_self(cstar_val v) { return v; }

/** Trusted markup from a NUL-terminated string. Never pass anything a user typed. */
static inline cstar_trusted cstar_trust(const char *markup) {
    cstar_trusted t;
    t.markup = cstar_cstr(markup);
    return t;
}
/** In C17 `true` is an int: a boolean value has its own spelling. */
static inline cstar_val cstar_bool(bool x) { return cstar_val_bool(x); }
/** null: for signals, removes the signal in the browser. */
static inline cstar_val cstar_null(void) { return cstar_val_null(); }
/** JSON text as a value: `cstar_signal(conn, "tags", cstar_json_text("[1,2]"))`. */
static inline cstar_val cstar_json_text(const char *json) {
    return cstar_val_json(cstar_cstr(json));
}
static inline cstar_fragment cstar_frag(void (*render)(cstar_html *, const void *),
                                        const void *arg) {
    cstar_fragment f;
    f.render = render;
    f.arg = arg;
    return f;
}

#ifndef __cplusplus
/* Any C value to a cstar_val, by its type. A type that is not listed does not compile. */
#define CSTAR_VAL(x)                                                                               \
    _Generic((x),                                                                                  \
        _Bool: cstar_val_bool,                                                                     \
        char: cstar_val_char,                                                                      \
        signed char: cstar_val_int,                                                                \
        short: cstar_val_int,                                                                      \
        int: cstar_val_int,                                                                        \
        long: cstar_val_int,                                                                       \
        long long: cstar_val_int,                                                                  \
        unsigned char: cstar_val_uint,                                                             \
        unsigned short: cstar_val_uint,                                                            \
        unsigned int: cstar_val_uint,                                                              \
        unsigned long: cstar_val_uint,                                                             \
        unsigned long long: cstar_val_uint,                                                        \
        float: cstar_val_double,                                                                   \
        double: cstar_val_double,                                                                  \
        char *: cstar_val_cstr,                                                                    \
        const char *: cstar_val_cstr,                                                              \
        cstar_str: cstar_val_str,                                                                  \
        cstar_json *: cstar_val_tree,                                                              \
        const cstar_json *: cstar_val_tree,                                                        \
        cstar_trusted: cstar_val_trusted,                                                          \
        cstar_fragment: cstar_val_fragment,                                                        \
        cstar_expr: cstar_val_expr,                                                                \
        cstar_val: cstar_val_self)(x)
#endif

/* ---- clock and log -------------------------------------------------------------------------- */

/* A source of integers that never repeat and always grow, also across restarts: microseconds of the
 * wall clock, or one more than the last. Below 2^53 until the year 2255, so exact in JavaScript.
 * Zero-initialise it. */
typedef struct cstar_ticker {
    uint64_t last;
} cstar_ticker;

/** [any thread] */
CSTAR_API uint64_t cstar_ticker_next(cstar_ticker *t);

CSTAR_END_DECLS
#endif
