/* fuzz_html.c -- any value in any place, and any literal.
 *
 * Input: a literal, a NUL, a value.
 * Properties: 1. in known places the value's form is inert: no raw quote or angle bracket, every
 * '&' begins one of five references, and by place no byte of the client's or of a scheme. 2. For
 * any literal that is accepted, two values give the same sequence of tags, attributes and comments,
 * as an independent tokenizer (below) sees it, and end in the same state. 3. A literal that is cut
 * in two gives the same bytes. 4. Nothing is written by a put that fails.
 * SPDX-License-Identifier: MIT */
#include "cstar/html.h"

#include <stdlib.h>

#define MEMORY ((size_t)8 << 20)

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

/* ---- 1. known places ------------------------------------------------------------------------- */

typedef struct known {
    const char *before, *after;
    const char *never; /* bytes that the form never has */
    bool code, url;
} known;

static const known knowns[] = {
    {"<p>", "</p>", "<>\"'", false, false},
    {"<title>", "</title>", "<>\"'", false, false},
    {"<p title='", "'></p>", "<>\"'", false, false},
    {"<p title=\"", "\"></p>", "<>\"'", false, false},
    {"<a href='", "'></a>", "<>\"' \\\t\n\r`{}|^", false, true},
    {"<a href=\"/x/", "/y\"></a>", "<>\"' \\\t\n\r/?#&:;@$", false, false},
    {"<p data-text='", "'></p>", "<>\"'@$`(){}\n\r", true, false},
    {"<p data-text=\"'", "'\"></p>", "<>\"'@$`(){};&\n\r", true, false},
    {"<p data-on:click='x(\"a", "b\")'></p>", "<>\"'@$`(){};&\n\r", true, false},
};

static size_t reference_at(const char *p, const char *end) {
    static const char *const references[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        const size_t len = strlen(references[i]);
        if ((size_t)(end - p) >= len && memcmp(p, references[i], len) == 0) {
            return len;
        }
    }
    return 0;
}

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static void check_form(const known *k, const char *p, const char *end) {
    while (p < end) {
        if (*p == '&') {
            const size_t len = reference_at(p, end);
            require(len != 0);
            p += len;
            continue;
        }
        require(*p != '\0' && strchr(k->never, *p) == NULL);
        if (*p == '\\' && k->code) {
            require(end - p >= 6 && p[1] == 'u' && is_hex(p[2]) && is_hex(p[3]) && is_hex(p[4]) &&
                    is_hex(p[5]));
        }
        p++;
    }
}

static void check_scheme(const char *p, const char *end) {
    static const char *const allowed[] = {"http:", "https:", "mailto:", "tel:", "about:invalid"};
    const char *stop = p;
    while (stop < end && strchr(":/?#", *stop) == NULL) {
        stop++;
    }
    bool ok = stop == end || *stop != ':';
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0] && !ok; i++) {
        const size_t len = strlen(allowed[i]);
        ok = (size_t)(end - p) >= len && cstar_str_ieq(cstar_view(p, len), cstar_cstr(allowed[i]));
    }
    require(ok);
}

static void check_known(const known *k, cstar_str value) {
    cstar_buf out;
    cstar_html h;
    char literal[64];
    const size_t before = strlen(k->before);
    const size_t after = strlen(k->after);
    memcpy(literal, k->before, before);
    memcpy(literal + before, "{}", 2);
    memcpy(literal + before + 2, k->after, after + 1);
    cstar_buf_init(&out, cstar_heap(), MEMORY);
    cstar_html_init(&h, &out, NULL);
    const cstar_val v = cstar_val_str(value);
    cstar_html_format(&h, literal, &v, 1);
    require(cstar_html_status(&h, NULL) == CSTAR_OK);
    require(out.len >= before + after && memcmp(out.ptr, k->before, before) == 0);
    const char *start = out.ptr + before;
    const char *end = out.ptr + out.len - after;
    require(memcmp(end, k->after, after) == 0);
    check_form(k, start, end);
    if (k->url) {
        check_scheme(start, end);
    }
    require(k->url || cstar_utf8_valid(cstar_buf_view(&out)));
    cstar_buf_fini(&out);
}

/* ---- 2. an independent tokenizer ---------------------------------------------------------------
 * */

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

typedef struct reader {
    const char *p, *end;
    uint64_t seen; /* a hash of tags, names and comments */
} reader;

static void note(reader *r, char c) { r->seen = (r->seen ^ (unsigned char)c) * 0x100000001b3ULL; }

/* A comment or declaration; `p` is behind "<!" or "<?". */
static void read_declaration(reader *r) {
    note(r, '!');
    if (r->end - r->p < 2 || memcmp(r->p, "--", 2) != 0) {
        while (r->p < r->end && *r->p++ != '>') {
        }
        return;
    }
    r->p += 2;
    const char *start = r->p;
    for (; r->p < r->end; r->p++) {
        const size_t n = (size_t)(r->p - start);
        if (*r->p == '>' && (n == 0 || (n == 1 && r->p[-1] == '-') ||
                             (n >= 2 && r->p[-1] == '-' && r->p[-2] == '-') ||
                             (n >= 3 && memcmp(r->p - 3, "--!", 3) == 0))) {
            r->p++;
            return;
        }
    }
}

static void read_value(reader *r) {
    while (r->p < r->end && is_space(*r->p)) {
        r->p++;
    }
    if (r->p == r->end || *r->p == '>') {
        return;
    }
    const char quote = *r->p;
    note(r, '=');
    if (quote == '"' || quote == '\'') {
        const char *close = memchr(r->p + 1, quote, (size_t)(r->end - r->p - 1));
        r->p = close != NULL ? close + 1 : r->end;
        note(r, close != NULL ? quote : '~');
        return;
    }
    while (r->p < r->end && !is_space(*r->p) && *r->p != '>') {
        note(r, *r->p++);
    }
}

/* Attributes up to and with '>'. */
static void read_attributes(reader *r) {
    while (r->p < r->end && *r->p != '>') {
        if (is_space(*r->p) || *r->p == '/') {
            r->p++;
            continue;
        }
        note(r, ' ');
        do {
            note(r, *r->p++);
        } while (r->p < r->end && !is_space(*r->p) && strchr("/>=", *r->p) == NULL);
        const char *p = r->p;
        while (p < r->end && is_space(*p)) {
            p++;
        }
        if (p < r->end && *p == '=') {
            r->p = p + 1;
            read_value(r);
        }
    }
    if (r->p < r->end) {
        note(r, *r->p++);
    }
}

/* The content of an element that is not markup, up to its end tag. */
static void read_raw(reader *r, cstar_str name) {
    while (r->p < r->end) {
        const size_t left = (size_t)(r->end - r->p);
        if (left > name.len + 2 && r->p[0] == '<' && r->p[1] == '/' &&
            cstar_str_ieq(cstar_view(r->p + 2, name.len), name) &&
            (is_space(r->p[name.len + 2]) || r->p[name.len + 2] == '/' ||
             r->p[name.len + 2] == '>')) {
            return;
        }
        r->p++;
    }
}

static void read_tag(reader *r) {
    static const cstar_str raw[] = {{"script", 6},   {"style", 5},    {"title", 5},
                                    {"textarea", 8}, {"xmp", 3},      {"iframe", 6},
                                    {"noembed", 7},  {"noframes", 8}, {"plaintext", 9}};
    const bool closes = *r->p == '/';
    r->p += closes ? 1 : 0;
    note(r, closes ? '/' : '<');
    const char *start = r->p;
    while (r->p < r->end && !is_space(*r->p) && *r->p != '/' && *r->p != '>') {
        note(r, *r->p++);
    }
    const cstar_str name = cstar_view(start, (size_t)(r->p - start));
    read_attributes(r);
    for (size_t i = 0; i < sizeof raw / sizeof raw[0] && !closes; i++) {
        if (cstar_str_ieq(name, raw[i])) {
            if (i == sizeof raw / sizeof raw[0] - 1) {
                r->p = r->end;
            }
            read_raw(r, name);
        }
    }
}

static uint64_t tags_of(cstar_str s) {
    reader r = {
        .p = s.ptr, .end = s.len != 0 ? s.ptr + s.len : s.ptr, .seen = 0xcbf29ce484222325ULL};
    while (r.p < r.end) {
        if (*r.p++ != '<' || r.p == r.end) {
            continue;
        }
        if (*r.p == '!' || *r.p == '?') {
            r.p += *r.p == '!' ? 1 : 0;
            read_declaration(&r);
        } else if (is_letter(*r.p) || (*r.p == '/' && r.end - r.p > 1 && is_letter(r.p[1]))) {
            read_tag(&r);
        } else if (*r.p == '/' && r.end - r.p > 1) {
            r.p++;
            while (r.p < r.end && *r.p++ != '>') {
            }
        }
    }
    return r.seen;
}

static size_t holes_of(const char *literal, size_t *cut) {
    size_t n = 0;
    for (const char *p = literal; *p != '\0'; p++) {
        if (p[0] == '{' && p[1] == '}') {
            n++;
            p++;
        } else if ((*p == '{' || *p == '}') && p[1] == p[0]) {
            p++;
        } else if (*cut == 0 && p != literal && *p != '}' && *p != '{') {
            *cut = (size_t)(p - literal);
        }
    }
    return n;
}

static cstar_status render(cstar_buf *out, cstar_html *h, const char *literal, cstar_str value) {
    cstar_val vals[CSTAR_PUT_MAX];
    size_t cut = 0;
    const size_t n = holes_of(literal, &cut);
    for (size_t i = 0; i < CSTAR_PUT_MAX; i++) {
        vals[i] = cstar_val_str(value);
    }
    cstar_buf_init(out, cstar_heap(), MEMORY);
    cstar_html_init(h, out, NULL);
    cstar_html_format(h, literal, vals, n <= CSTAR_PUT_MAX ? n : CSTAR_PUT_MAX);
    require(h->err.code == CSTAR_OK || out->len == 0);
    return h->err.code;
}

/* ---- 3. cut in two -----------------------------------------------------------------------------
 * */

static void check_cut(char *literal, cstar_str value, const cstar_buf *whole, uint32_t state) {
    size_t cut = 0;
    size_t none = 1;
    const size_t all = holes_of(literal, &cut);
    char *second = malloc(strlen(literal) + 1);
    require(second != NULL);
    memcpy(second, literal + cut, strlen(literal) - cut + 1);
    literal[cut] = '\0';
    cstar_val vals[CSTAR_PUT_MAX];
    for (size_t i = 0; i < CSTAR_PUT_MAX; i++) {
        vals[i] = cstar_val_str(value);
    }
    const size_t first = holes_of(literal, &none);
    cstar_buf out;
    cstar_html h;
    cstar_buf_init(&out, cstar_heap(), MEMORY);
    cstar_html_init(&h, &out, NULL);
    cstar_html_format(&h, literal, vals, first);
    cstar_html_format(&h, second, vals, all - first);
    require(h.err.code == CSTAR_OK && h.state == state);
    require(cstar_str_eq(cstar_buf_view(&out), cstar_buf_view(whole)));
    cstar_buf_fini(&out);
    free(second);
}

static void check_literal(char *literal, cstar_str value) {
    cstar_buf out, plain_out;
    cstar_html h, plain;
    const cstar_status rc = render(&out, &h, literal, value);
    const cstar_status plain_rc = render(&plain_out, &plain, literal, CSTAR_STR("x"));
    if (plain_rc != CSTAR_OK) {
        require(plain_rc == CSTAR_EUNSAFE || plain_rc == CSTAR_EINVAL || plain_rc == CSTAR_ELIMIT);
        require(rc != CSTAR_OK); /* perhaps for a value in an earlier hole */
    } else if (rc != CSTAR_OK) {
        require(rc == CSTAR_EINVAL ||
                rc == CSTAR_EUNSAFE); /* no signal's name, a string in a style */
    } else if (cstar_buf_status(&out) == CSTAR_OK) {
        require(h.state == plain.state);
        require(tags_of(cstar_buf_view(&out)) == tags_of(cstar_buf_view(&plain_out)));
        check_cut(literal, value, &out, h.state);
    }
    cstar_buf_fini(&out);
    cstar_buf_fini(&plain_out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *nul = size != 0 ? memchr(data, 0, size) : NULL;
    const size_t length = nul != NULL ? (size_t)(nul - data) : size;
    char *copy = malloc(size + 1);
    require(copy != NULL);
    if (size != 0) {
        memcpy(copy, data, size);
    }
    copy[size] = '\0';
    const cstar_str value =
        nul != NULL ? cstar_view(copy + length + 1, size - length - 1) : cstar_view(copy, size);
    for (size_t i = 0; i < sizeof knowns / sizeof knowns[0]; i++) {
        check_known(&knowns[i], value);
    }
    cstar_str kept = value;
    char *own = malloc(value.len + 1); /* the literal is written to */
    require(own != NULL);
    if (value.len != 0) {
        memcpy(own, value.ptr, value.len);
    }
    kept.ptr = own;
    check_literal(copy, kept);
    free(own);
    free(copy);
    return 0;
}
