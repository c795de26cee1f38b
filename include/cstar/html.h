/* cstar/html.h -- markup with holes: `{}` takes any value and escapes it for where it stands.
 *
 *     cstar_put(h, "<a href='/items/{}' title='{}'>{}</a>", item.id, item.title, item.name);
 *
 * What a `{}` becomes depends on the markup around it, which is parsed once per call site:
 *
 *   text, <title>, <textarea>        references for & < > " '
 *   quoted attribute                 the same
 *   URL attribute (href, src, ...)   at its start a whole URL, of which only http, https, mailto,
 *   tel
 *                                    and relative ones pass (others become "about:invalid");
 *                                    behind a literal part one percent-coded component
 *   data-* of Datastar               a JavaScript literal: 42, true, null, "text"; inside a string
 *                                    of JavaScript the text only. '@', '$', quotes and whatever
 *                                    else the client looks for inside literals as \u00XX; negative
 *                                    numbers in parentheses
 *   data-bind, -ref, -indicator      a signal's name; anything else is refused
 *   style, values (of SVG)           a number; anything else is refused
 *   where an attribute would stand   only what cstar_on_nudge() and the like return
 *
 * and in a tag's or attribute's name, an unquoted value, on* attributes, srcdoc, lists of URLs
 * (srcset, ping), <script>, <style>, comments, references, and behind a `/`, backtick or reference
 * in an expression there is no safe form: CSTAR_EUNSAFE, with file and line, and nothing is
 * rendered.
 * In text and attributes null is nothing, and a byte that is not UTF-8, or NUL, becomes U+FFFD.
 * "{{" and "}}" stand for single braces; a lone '{' that "}" does not follow is itself.
 * Values of type cstar_expr (cstar_event(), cstar_post(), cstar_init_signals()) go into a data-*
 * attribute as code, escaped for the attribute; cstar_trusted goes into text as it is;
 * cstar_fragment renders in place.
 *
 * Life: a cstar_html lives in the caller's memory and writes into the caller's buffer; no
 * allocation of its own.
 * Errors: the first one sticks; ask cstar_html_status() once at the end. Threads: one at a time;
 * call sites are shared safely.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_HTML_H
#define CSTAR_HTML_H

#include "cstar/base.h"
#include "cstar/json.h"

CSTAR_BEGIN_DECLS

struct cstar_html { /* private but for its size */
    cstar_buf *out;
    const char *prefix; /* goes behind every line break */
    size_t prefix_len;
    uint32_t state;   /* where in the markup the last literal ended */
    uint32_t depth;   /* of nested fragments */
    bool cr;          /* the last byte was a CR: an LF that follows belongs to it */
    bool csrf;        /* its expressions keep the CSRF token out of URLs, see cstar/security.h */
    const char *self; /* the component or controller whose markup it is: cstar_self(); or NULL */
    cstar_err err;
};

/**
 * Starts rendering behind what `out` has.
 * @param prefix  NULL, or what starts every further line (CSTAR_ELEMENTS_PREFIX): then every CRLF,
 *                CR or LF is written as LF and the prefix. Borrowed.
 */
CSTAR_API void cstar_html_init(cstar_html *h, cstar_buf *out, const char *prefix);

/** The first error, the buffer's included; CSTAR_EUNSAFE also when the markup ends inside a tag,
 * comment or attribute. */
CSTAR_API cstar_status cstar_html_status(const cstar_html *h, cstar_err *err);

/* ---- call sites ------------------------------------------------------------------------------ */

#define CSTAR_PUT_MAX 24 /* holes in one literal */

/* One cstar_put() in the source: its literal and, once parsed, where the holes are. Static, shared
 * by all threads. */
typedef struct cstar_site {
    const char *literal;
    const char *file;
    int line;
    int nvals;
    uint32_t ready; /* atomic: 0 not parsed, 1 parsing, 2 parsed */
    uint32_t from;  /* the state for which it was parsed */
    uint32_t to;    /* the state behind it */
    uint32_t flags;
    uint16_t length; /* of the literal; longer than 65535 is refused */
    uint16_t holes;
    struct {
        uint16_t at; /* offset of the '{' */
        uint8_t place;
        uint8_t quote;
    } hole[CSTAR_PUT_MAX];
} cstar_site;

/** What cstar_put() calls. `vals` has site->nvals values. CSTAR_EINVAL: the number of `{}` is
 * another one. */
CSTAR_API void cstar_html_put(cstar_html *h, cstar_site *site, const cstar_val *vals);

/** The same for a literal that is only known at run time: parsed at every call. `literal` must be
 * trusted. */
CSTAR_API void cstar_html_format(cstar_html *h, const char *literal, const cstar_val *vals,
                                 size_t nvals);

/** One value as text, as `{}` in text would. */
CSTAR_API void cstar_html_text(cstar_html *h, cstar_str text);

/** Parses the literal of every cstar_put() of the calling program or library, also of those that no
 * test reaches, as if it began in text.
 * @param on_error  Called per refused call site, with file and line in the text; may be NULL.
 * @return the number of call sites looked at. */
#define cstar_html_selftest(on_error, arg)                                                         \
    cstar_html_check_sites(__start_cstar_sites, __stop_cstar_sites, (on_error), (arg))
CSTAR_API size_t cstar_html_check_sites(cstar_site *const *begin, cstar_site *const *end,
                                        void (*on_error)(void *arg, const cstar_site *site,
                                                         const cstar_err *err),
                                        void *arg);
CSTAR_END_DECLS

#ifndef __cplusplus
#ifdef __ELF__
extern cstar_site *const __start_cstar_sites[] __attribute__((weak, visibility("hidden")));
extern cstar_site *const __stop_cstar_sites[] __attribute__((weak, visibility("hidden")));
#define CSTAR__SITE_SECTION __attribute__((section("cstar_sites"), used))
#else
#define CSTAR__SITE_SECTION
#endif

/** cstar_put(h, "literal with {} and {}", value, value): appends markup. Values: see CSTAR_VAL().
 * At most CSTAR_PUT_MAX. */
#define cstar_put(h, ...)                                                                          \
    do {                                                                                           \
        static cstar_site cstar_site_ = {                                                          \
            .literal = CSTAR__MARKUP_MUST_BE_A_LITERAL(CSTAR__FIRST(__VA_ARGS__, )),               \
            .file = __FILE__,                                                                      \
            .line = __LINE__,                                                                      \
            .nvals = CSTAR__COUNT(__VA_ARGS__) - 1};                                               \
        static cstar_site *const cstar_site_entry_ CSTAR__SITE_SECTION = &cstar_site_;             \
        cstar_html_put((h), cstar_site_entry_, CSTAR__VALS(__VA_ARGS__));                          \
    } while (0)

/* The preprocessor's part: count the arguments, turn each behind the first into a cstar_val. */
#define CSTAR__FIRST(first, ...) first
/* Its name is what a compiler says of cstar_put(h, text): text goes into cstar_put(h, "{}", text). */
#define CSTAR__MARKUP_MUST_BE_A_LITERAL(literal) "" literal ""
#define CSTAR__COUNT(...)                                                                          \
    CSTAR__COUNT_(__VA_ARGS__, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9,  \
                  8, 7, 6, 5, 4, 3, 2, 1, )
#define CSTAR__COUNT_(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16,   \
                      a17, a18, a19, a20, a21, a22, a23, a24, n, ...)                              \
    n
#define CSTAR__CAT(a, b) CSTAR__CAT_(a, b)
#define CSTAR__CAT_(a, b) a##b
#define CSTAR__VALS(...) CSTAR__CAT(CSTAR__VALS_, CSTAR__COUNT(__VA_ARGS__))(__VA_ARGS__)
#define CSTAR__VALS_1(literal) NULL
#define CSTAR__VALS_2(literal, ...) CSTAR__ARRAY(CSTAR__V1(__VA_ARGS__))
#define CSTAR__VALS_3(literal, ...) CSTAR__ARRAY(CSTAR__V2(__VA_ARGS__))
#define CSTAR__VALS_4(literal, ...) CSTAR__ARRAY(CSTAR__V3(__VA_ARGS__))
#define CSTAR__VALS_5(literal, ...) CSTAR__ARRAY(CSTAR__V4(__VA_ARGS__))
#define CSTAR__VALS_6(literal, ...) CSTAR__ARRAY(CSTAR__V5(__VA_ARGS__))
#define CSTAR__VALS_7(literal, ...) CSTAR__ARRAY(CSTAR__V6(__VA_ARGS__))
#define CSTAR__VALS_8(literal, ...) CSTAR__ARRAY(CSTAR__V7(__VA_ARGS__))
#define CSTAR__VALS_9(literal, ...) CSTAR__ARRAY(CSTAR__V8(__VA_ARGS__))
#define CSTAR__VALS_10(literal, ...) CSTAR__ARRAY(CSTAR__V9(__VA_ARGS__))
#define CSTAR__VALS_11(literal, ...) CSTAR__ARRAY(CSTAR__V10(__VA_ARGS__))
#define CSTAR__VALS_12(literal, ...) CSTAR__ARRAY(CSTAR__V11(__VA_ARGS__))
#define CSTAR__VALS_13(literal, ...) CSTAR__ARRAY(CSTAR__V12(__VA_ARGS__))
#define CSTAR__VALS_14(literal, ...) CSTAR__ARRAY(CSTAR__V13(__VA_ARGS__))
#define CSTAR__VALS_15(literal, ...) CSTAR__ARRAY(CSTAR__V14(__VA_ARGS__))
#define CSTAR__VALS_16(literal, ...) CSTAR__ARRAY(CSTAR__V15(__VA_ARGS__))
#define CSTAR__VALS_17(literal, ...) CSTAR__ARRAY(CSTAR__V16(__VA_ARGS__))
#define CSTAR__VALS_18(literal, ...) CSTAR__ARRAY(CSTAR__V17(__VA_ARGS__))
#define CSTAR__VALS_19(literal, ...) CSTAR__ARRAY(CSTAR__V18(__VA_ARGS__))
#define CSTAR__VALS_20(literal, ...) CSTAR__ARRAY(CSTAR__V19(__VA_ARGS__))
#define CSTAR__VALS_21(literal, ...) CSTAR__ARRAY(CSTAR__V20(__VA_ARGS__))
#define CSTAR__VALS_22(literal, ...) CSTAR__ARRAY(CSTAR__V21(__VA_ARGS__))
#define CSTAR__VALS_23(literal, ...) CSTAR__ARRAY(CSTAR__V22(__VA_ARGS__))
#define CSTAR__VALS_24(literal, ...) CSTAR__ARRAY(CSTAR__V23(__VA_ARGS__))
#define CSTAR__VALS_25(literal, ...) CSTAR__ARRAY(CSTAR__V24(__VA_ARGS__))
#define CSTAR__ARRAY(...) ((const cstar_val[]){__VA_ARGS__})
#define CSTAR__V1(a) CSTAR_VAL(a)
#define CSTAR__V2(a, ...) CSTAR_VAL(a), CSTAR__V1(__VA_ARGS__)
#define CSTAR__V3(a, ...) CSTAR_VAL(a), CSTAR__V2(__VA_ARGS__)
#define CSTAR__V4(a, ...) CSTAR_VAL(a), CSTAR__V3(__VA_ARGS__)
#define CSTAR__V5(a, ...) CSTAR_VAL(a), CSTAR__V4(__VA_ARGS__)
#define CSTAR__V6(a, ...) CSTAR_VAL(a), CSTAR__V5(__VA_ARGS__)
#define CSTAR__V7(a, ...) CSTAR_VAL(a), CSTAR__V6(__VA_ARGS__)
#define CSTAR__V8(a, ...) CSTAR_VAL(a), CSTAR__V7(__VA_ARGS__)
#define CSTAR__V9(a, ...) CSTAR_VAL(a), CSTAR__V8(__VA_ARGS__)
#define CSTAR__V10(a, ...) CSTAR_VAL(a), CSTAR__V9(__VA_ARGS__)
#define CSTAR__V11(a, ...) CSTAR_VAL(a), CSTAR__V10(__VA_ARGS__)
#define CSTAR__V12(a, ...) CSTAR_VAL(a), CSTAR__V11(__VA_ARGS__)
#define CSTAR__V13(a, ...) CSTAR_VAL(a), CSTAR__V12(__VA_ARGS__)
#define CSTAR__V14(a, ...) CSTAR_VAL(a), CSTAR__V13(__VA_ARGS__)
#define CSTAR__V15(a, ...) CSTAR_VAL(a), CSTAR__V14(__VA_ARGS__)
#define CSTAR__V16(a, ...) CSTAR_VAL(a), CSTAR__V15(__VA_ARGS__)
#define CSTAR__V17(a, ...) CSTAR_VAL(a), CSTAR__V16(__VA_ARGS__)
#define CSTAR__V18(a, ...) CSTAR_VAL(a), CSTAR__V17(__VA_ARGS__)
#define CSTAR__V19(a, ...) CSTAR_VAL(a), CSTAR__V18(__VA_ARGS__)
#define CSTAR__V20(a, ...) CSTAR_VAL(a), CSTAR__V19(__VA_ARGS__)
#define CSTAR__V21(a, ...) CSTAR_VAL(a), CSTAR__V20(__VA_ARGS__)
#define CSTAR__V22(a, ...) CSTAR_VAL(a), CSTAR__V21(__VA_ARGS__)
#define CSTAR__V23(a, ...) CSTAR_VAL(a), CSTAR__V22(__VA_ARGS__)
#define CSTAR__V24(a, ...) CSTAR_VAL(a), CSTAR__V23(__VA_ARGS__)
#endif
#endif
