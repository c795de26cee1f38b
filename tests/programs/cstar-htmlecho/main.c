/* cstar-htmlecho -- renders values in places, for tests/node/html_parse5.test.mjs.
 *
 *     echo "text 3c623e" | cstar-htmlecho        each line: a place's name and the value's bytes in
 *     hex
 *
 * Answers one line per line: the document in hex, or '!' and the error.
 *
 * SPDX-License-Identifier: MIT */
#include "cstar/html.h"

#include <stdio.h>
#include <stdlib.h>

static void put_text(cstar_html *h, cstar_str v) { cstar_put(h, "<p id='m'>{}</p><i>end</i>", v); }
static void put_title(cstar_html *h, cstar_str v) {
    cstar_put(h, "<title id='m'>{}</title><i>end</i>", v);
}
static void put_textarea(cstar_html *h, cstar_str v) {
    cstar_put(h, "<textarea id='m'>x{}</textarea><i>end</i>", v);
}
static void put_noscript(cstar_html *h, cstar_str v) {
    cstar_put(h, "<noscript><p id='m'>{}</p></noscript><i>end</i>", v);
}
static void put_single(cstar_html *h, cstar_str v) {
    cstar_put(h, "<p id='m' title='{}' class=x>y</p><i>end</i>", v);
}
static void put_double(cstar_html *h, cstar_str v) {
    cstar_put(h, "<p id=\"m\" title=\"{}\" class=x>y</p><i>end</i>", v);
}
static void put_url(cstar_html *h, cstar_str v) {
    cstar_put(h, "<a id='m' href='{}'>y</a><i>end</i>", v);
}
static void put_segment(cstar_html *h, cstar_str v) {
    cstar_put(h, "<a id='m' href=\"/items/{}/x?q=1\">y</a><i>end</i>", v);
}
static void put_query(cstar_html *h, cstar_str v) {
    cstar_put(h, "<a id='m' href='https://h.test/?a=1&q={}#f'>y</a><i>end</i>", v);
}
static void put_word(cstar_html *h, cstar_str v) {
    cstar_put(h, "<a id='m' href='java{}'>y</a><i>end</i>", v);
}
static void put_expr(cstar_html *h, cstar_str v) {
    cstar_put(h, "<p id='m' data-text='{}'>y</p><i>end</i>", v);
}
static void put_assign(cstar_html *h, cstar_str v) {
    cstar_put(h, "<p id='m' data-on:click=\"$a = {}; $b = 'x' + {} + 'y'\">y</p><i>end</i>", v, v);
}
static void put_str_single(cstar_html *h, cstar_str v) {
    cstar_put(h, "<p id='m' data-text=\"'a{}b'\">y</p><i>end</i>", v);
}
static void put_str_double(cstar_html *h, cstar_str v) {
    cstar_put(h, "<p id='m' data-text='\"{}\" + 1'>y</p><i>end</i>", v);
}
static void put_href(cstar_html *h, cstar_str v) {
    cstar_put(h, "<a id='m' data-attr:href='{}'>y</a><i>end</i>", v);
}
static void put_json(cstar_html *h, cstar_str v) {
    cstar_put(h, "<p id='m' data-signals='{{a: {}}}'>y</p><i>end</i>", cstar_val_json(v));
}

static const struct {
    const char *name;
    void (*put)(cstar_html *h, cstar_str v);
} places[] = {
    {"text", put_text},
    {"title", put_title},
    {"textarea", put_textarea},
    {"noscript", put_noscript},
    {"single", put_single},
    {"double", put_double},
    {"url", put_url},
    {"segment", put_segment},
    {"query", put_query},
    {"word", put_word},
    {"expr", put_expr},
    {"assign", put_assign},
    {"str_single", put_str_single},
    {"str_double", put_str_double},
    {"href", put_href},
    {"json", put_json},
};

static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t unhex(char *text) {
    size_t n = 0;
    for (const char *p = text; digit(p[0]) >= 0 && digit(p[1]) >= 0; p += 2) {
        text[n++] = (char)(unsigned char)(digit(p[0]) * 16 + digit(p[1]));
    }
    return n;
}

static void answer(cstar_buf *out, char *line) {
    char *hex = strchr(line, ' ');
    cstar_html h;
    cstar_err err = {.code = CSTAR_OK};
    cstar_buf_reset(out);
    cstar_html_init(&h, out, NULL);
    if (hex != NULL) {
        *hex++ = '\0';
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            if (strcmp(places[i].name, line) == 0) {
                places[i].put(&h, cstar_view(hex, unhex(hex)));
            }
        }
    }
    if (cstar_html_status(&h, &err) != CSTAR_OK || out->len == 0) {
        (void)printf("!%s\n", err.text);
        return;
    }
    for (size_t i = 0; i < out->len; i++) {
        (void)printf("%02x", (unsigned)(unsigned char)out->ptr[i]);
    }
    (void)putchar('\n');
}

int main(void) {
    static char line[1 << 16];
    cstar_buf out;
    cstar_buf_init(&out, cstar_heap(), 0);
    while (fgets(line, sizeof line, stdin) != NULL) {
        answer(&out, line);
    }
    cstar_buf_fini(&out);
    return 0;
}
