/* action.c -- `@post("/ds/module/event")`: what an attribute runs to call the server.
 *
 * The client rewrites expressions before it runs them: `$name` outside quotes becomes a signal,
 * `@name(` anywhere, even in a string, becomes an action. So nothing that a caller passes as data
 * may keep such a text: segments are percent-coded, and in a prefix "@name(" is written
 * "\u0040name(".
 *
 * Without a module the browser decides: the expression reads the signal $_dstar_module when it
 * runs. Its text
 *   - has no single quote and an even number of double quotes, since the client's scanner for
 *     strings knows no regular expressions: a stray quote would make it take the code behind it
 *     for a string;
 *   - has no semicolon of its own, so it is one expression, in parentheses, and can be combined
 *     with others;
 *   - never throws: a throw inside data-on:* leaves the client's batch open and freezes the page.
 *     A signal that can't be a path segment (no string, "", ".", "..", a lone surrogate) makes no
 *     request; the value is undefined.
 *
 * SPDX-License-Identifier: MIT */
#include "wire/action.h"

#include "wire/event.h"

static const char *const verb_names[] = {"post", "get", "put", "patch", "delete"};

#define VERBS (sizeof verb_names / sizeof verb_names[0])

cstar_status cstar_verb_parse(cstar_str name, cstar_verb *verb, cstar_err *err) {
    for (size_t i = 0; i < VERBS; i++) {
        if (cstar_str_eq(name, cstar_cstr(verb_names[i]))) {
            *verb = (cstar_verb)i;
            return CSTAR_OK;
        }
    }
    return cstar_err_set(err, CSTAR_EINVAL, "verb", "verb: unknown name '%.*s'",
                         (int)(name.len < 40 ? name.len : 40), name.len != 0 ? name.ptr : "");
}

const char *cstar__verb_name(cstar_verb verb, cstar_err *err) {
    if ((size_t)verb >= VERBS) {
        (void)cstar_err_set(err, CSTAR_EINVAL, "verb", "verb: unknown value %d", (int)verb);
        return NULL;
    }
    return verb_names[verb];
}

/* ---- segments ---- */

cstar_status cstar__segment_check(cstar_str text, const char *where, cstar_err *err) {
    if (text.len == 0) {
        return cstar__missing(err, where);
    }
    if (cstar_str_eq(text, CSTAR_STR(".")) || cstar_str_eq(text, CSTAR_STR(".."))) {
        return cstar_err_set(err, CSTAR_EINVAL, where, "%s: '%s' is no path segment", where,
                             text.len == 1 ? "." : "..");
    }
    if (!cstar_utf8_valid(text)) {
        return cstar_err_set(err, CSTAR_EUTF8, where, "%s: not UTF-8", where);
    }
    return CSTAR_OK;
}

cstar_status cstar_format_segment(cstar_buf *out, cstar_str text, const char *where,
                                  cstar_err *err) {
    cstar_status rc = cstar__segment_check(text, where != NULL ? where : "text", err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    size_t mark = out->len;
    cstar_buf_percent(out, text);
    return cstar__event_commit(out, mark, err);
}

/* ---- prefix ---- */

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at `*pos`, percent-decoded once if `decode`; moves past it. The escapes were checked. */
static unsigned char prefix_byte(cstar_str p, size_t *pos, bool decode) {
    char c = p.ptr[(*pos)++];
    if (decode && c == '%') {
        int byte = hex_value(p.ptr[*pos]) * 16 + hex_value(p.ptr[*pos + 1]);
        *pos += 2;
        return (unsigned char)byte;
    }
    return (unsigned char)c;
}

static size_t utf8_length(unsigned char lead) { return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4; }

/* Takes the rest of a character whose first byte is `lead` (not ASCII). False: not UTF-8. */
static bool take_character(cstar_str p, size_t *pos, bool decode, unsigned char lead) {
    char text[4] = {(char)lead};
    size_t len = 1;
    while (len < utf8_length(lead) && *pos < p.len) {
        text[len++] = (char)prefix_byte(p, pos, decode);
    }
    return cstar_utf8_valid(cstar_view(text, len));
}

typedef struct segment {
    size_t len, dots;
} segment;

static bool is_dot_segment(segment s) { return s.len == s.dots && (s.len == 1 || s.len == 2); }

/* One reading of a prefix: a path that stays a path, wherever it is put. NULL, or what is wrong. */
static const char *prefix_fault(cstar_str p, bool decode) {
    segment s = {0, 0};
    size_t index = 0;
    for (size_t pos = 0; pos < p.len; index++) {
        unsigned char c = prefix_byte(p, &pos, decode);
        if ((index == 0) != (c == '/') && index < 2) {
            return index == 0 ? "does not start with '/'" : "starts with \"//\"";
        }
        if (c < 0x20 || c == 0x7F || c == '\\' || c == '?' || c == '#') {
            return "has a control character, '\\', '?' or '#'";
        }
        if (c >= 0x80 && !take_character(p, &pos, decode, c)) {
            return "is not UTF-8";
        }
        if (c == '/' && is_dot_segment(s)) {
            return "has a '.' or '..' segment";
        }
        s = c == '/' ? (segment){0, 0} : (segment){s.len + 1, s.dots + (c == '.' ? 1 : 0)};
    }
    return is_dot_segment(s) ? "ends in a '.' or '..' segment" : NULL;
}

static cstar_status check_prefix(const char *prefix, cstar_err *err) {
    cstar_str p = cstar_cstr(prefix);
    const char *fault = NULL;
    if (prefix == NULL) {
        return CSTAR_OK;
    }
    if (p.len == 0) {
        fault = "is empty";
    } else if (!cstar_percent_valid(p)) {
        fault = "has a '%' that is no escape";
    } else {
        fault = prefix_fault(p, false);
        fault = fault == NULL ? prefix_fault(p, true) : fault;
    }
    return fault == NULL ? CSTAR_OK
                         : cstar_err_set(err, CSTAR_EINVAL, "prefix", "prefix: %s", fault);
}

static bool is_word_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$';
}

/* Whether the client would take the '@' at `at` for an action. */
static bool is_action_at(cstar_str p, size_t at) {
    size_t i = at + 1;
    if (i == p.len || !is_word_byte(p.ptr[i]) || (p.ptr[i] >= '0' && p.ptr[i] <= '9')) {
        return false;
    }
    while (i < p.len && is_word_byte(p.ptr[i])) {
        i++;
    }
    return i < p.len && p.ptr[i] == '(';
}

/* Inside a string literal, without trailing slashes. */
static void add_prefix(cstar_buf *out, const char *prefix) {
    cstar_str p = cstar_cstr(prefix);
    while (p.len > 0 && p.ptr[p.len - 1] == '/') {
        p.len--;
    }
    size_t start = 0;
    for (size_t i = 0; i < p.len; i++) {
        if (p.ptr[i] == '@' && is_action_at(p, i)) {
            cstar_buf_json(out, cstar_view(p.ptr + start, i - start), CSTAR_ESC_LINES);
            cstar_buf_lit(out, "\\u0040");
            start = i + 1;
        }
    }
    if (start < p.len) {
        cstar_buf_json(out, cstar_view(p.ptr + start, p.len - start), CSTAR_ESC_LINES);
    }
}

/* ---- the two forms ---- */

/* The client puts every signal into the URL of these two, but for those that the filter excludes:
 * its own default, and the token. What the caller says of filterSignals replaces it; headers are
 * joined. */
#define FILTER "filterSignals: {exclude: /(^|\\.)_|^csrf$/}"
#define TOKEN "headers: {\"x-csrf-token\": $csrf"

static void add_guarded(cstar_buf *out, const cstar__ending *e) {
    const bool more = e->options != NULL && *e->options != '\0';
    cstar_buf_lit(out, ", {" FILTER);
    if (more) {
        cstar_buf_lit(out, ", ...(");
        cstar_buf_puts(out, e->options);
        cstar_buf_byte(out, ')');
    }
    if (e->verb == CSTAR_DELETE) {
        cstar_buf_lit(out, ", " TOKEN);
        if (more) {
            cstar_buf_lit(out, ", ...(");
            cstar_buf_puts(out, e->options);
            cstar_buf_lit(out, ").headers");
        }
        cstar_buf_byte(out, '}');
    }
    cstar_buf_byte(out, '}');
}

void cstar__action_end(cstar_buf *out, cstar__ending e) {
    if (e.csrf && (e.verb == CSTAR_GET || e.verb == CSTAR_DELETE)) {
        add_guarded(out, &e);
    } else if (e.options != NULL && *e.options != '\0') {
        cstar_buf_lit(out, ", ");
        cstar_buf_puts(out, e.options);
    }
    cstar_buf_byte(out, ')');
}

static void add_verb(cstar_buf *out, const char *verb) {
    cstar_buf_byte(out, '@');
    cstar_buf_puts(out, verb);
    cstar_buf_byte(out, '(');
}

static void add_static(cstar_buf *out, const cstar_action *a, const char *verb) {
    add_verb(out, verb);
    cstar_buf_byte(out, '"');
    add_prefix(out, a->prefix);
    cstar_buf_lit(out, "/ds/");
    cstar_buf_percent(out, a->module);
    cstar_buf_byte(out, '/');
    cstar_buf_percent(out, a->event);
    cstar__arg_add(out, &a->arg);
    cstar_buf_byte(out, '"');
    cstar__action_end(out, (cstar__ending){a->options, a->verb, a->csrf});
}

/* A string that is neither "", "." nor "..", and has no lone surrogate, which encodeURIComponent()
 * throws at. */
#define USABLE                                                                                     \
    "typeof " CSTAR_MODULE_SIGNAL                                                                  \
    " == \"string\" && /^(?!\\.{1,2}$)[^]+$/.test(" CSTAR_MODULE_SIGNAL                            \
    ") && !/[\\ud800-\\udfff]/u.test(" CSTAR_MODULE_SIGNAL ")"

/* What encodeURIComponent() leaves alone and cstar_buf_percent() does not. */
#define ENCODED                                                                                    \
    "encodeURIComponent(" CSTAR_MODULE_SIGNAL ").replace(/[.!\\x27()*]/g, "                        \
    "c => \"%\" + c.charCodeAt(0).toString(16).toUpperCase())"

static void add_dynamic(cstar_buf *out, const cstar_action *a, const char *verb) {
    cstar_buf_lit(out, "(" USABLE " ? ");
    add_verb(out, verb);
    cstar_buf_byte(out, '"');
    add_prefix(out, a->prefix);
    cstar_buf_lit(out, "/ds/\" + " ENCODED " + \"/");
    cstar_buf_percent(out, a->event);
    cstar__arg_add(out, &a->arg);
    cstar_buf_byte(out, '"');
    cstar__action_end(out, (cstar__ending){a->options, a->verb, a->csrf});
    cstar_buf_lit(out, " : undefined)");
}

cstar_status cstar_format_action(cstar_buf *out, const cstar_action *a, cstar_err *err) {
    if (a == NULL) {
        return cstar__missing(err, "a");
    }
    bool dynamic = a->module.ptr == NULL || cstar_str_eq(a->module, CSTAR_STR(CSTAR_MODULE_SIGNAL));
    const char *verb = cstar__verb_name(a->verb, err);
    if (verb == NULL) {
        return CSTAR_EINVAL;
    }
    cstar_status rc = cstar__segment_check(a->event, "event", err);
    if (rc == CSTAR_OK && !dynamic) {
        rc = cstar__segment_check(a->module, "module", err);
    }
    if (rc == CSTAR_OK) {
        rc = check_prefix(a->prefix, err);
    }
    if (rc == CSTAR_OK) {
        rc = cstar__arg_check(&a->arg, err);
    }
    if (rc != CSTAR_OK) {
        return rc;
    }
    size_t mark = out->len;
    if (dynamic) {
        add_dynamic(out, a, verb);
    } else {
        add_static(out, a, verb);
    }
    return cstar__event_commit(out, mark, err);
}
