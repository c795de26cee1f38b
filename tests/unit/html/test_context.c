/* test_context.c -- the tokenizer of literals: its state is complete (literals may be cut anywhere)
 * and canonical, its tables are in order, and no literal whatever confuses it.
 * SPDX-License-Identifier: MIT */
#include "html/context.h"
#include "html/names.h"

#include "cstar/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const documents[] = {
    "<!DOCTYPE html><html lang=en><head><title>A &amp; B < c</title><meta charset='utf-8'/></head>",
    "<script src='/x.js' defer>if (a</b/.exec(c)) { '</scr'+'ipt>' }</SCRIPT "
    "><style>a>b{}</style\n>",
    "<!-- a -- b --!> c <!--> d <!---> e <!-- f --- --> g <!x> h <?y> i </ z> j </>",
    "<p class=\"a 'b'\" title = 'c \"d\"' hidden data-x=y/z checked/>text &lt; &#38 &x</p >",
    "<a href='https://h/p?a=1&b=2#c' HREF=\"java&#115;cript:x\" src='mailto:a@b?c' "
    "xlink:href='data:x'>",
    "<button data-on:click__once='$a = \"b\\\\\" + \"\\u0041@x(\" && $c - 1 < 2' data-bind=a.b "
    "data-star-attr:href='`x`'>",
    "<object data='x'><plain></object><textarea>\n<b></textare></textarea "
    "x><xmp></x></xmp><noscript><i></noscript>",
    "<svg><animate values='0;1' to='x'/></svg><iframe "
    "srcdoc='<p>'></iframe><noembed><i></noembed><noframes></noframes>",
    "<data-signals-x data-signals='{a: \"\"}' data-json-signals='' data-custom-validity=\"'a'\" "
    "on='x' onx='y' o='z' p>",
    "<p\ta\n=\f'b'\r\"c\"<d=e'f=\"g\" =h>i<j<k</l<m>n<plaintext></plaintext><p>",
};
#define DOCUMENTS (sizeof documents / sizeof documents[0])

static uint32_t state_behind(const char *text, uint32_t state) {
    cstar__ctx c = cstar__ctx_unpack(state);
    for (; *text != '\0'; text++) {
        assert_null(cstar__ctx_feed(&c, (unsigned char)*text));
    }
    return cstar__ctx_pack(&c);
}

static void every_state_survives_packing(void **state) {
    (void)state;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        cstar__ctx whole = cstar__ctx_unpack(0);
        for (const char *p = documents[i]; *p != '\0'; p++) {
            cstar__ctx again = cstar__ctx_unpack(cstar__ctx_pack(&whole));
            assert_memory_equal(&again, &whole, sizeof whole);
            (void)cstar__ctx_feed(&whole, (unsigned char)*p);
        }
    }
}

/* Through the public API: in one put, and cut in two at every byte. */
static void a_literal_may_be_cut_anywhere(void **state) {
    (void)state;
    static char whole_mem[1024], mem[1024], first[1024];
    for (size_t i = 0; i < DOCUMENTS; i++) {
        const char *text = documents[i];
        if (strstr(text, "{}") != NULL) {
            continue;
        }
        cstar_buf whole_out, out;
        cstar_html whole, h;
        cstar_buf_fixed(&whole_out, whole_mem, sizeof whole_mem);
        cstar_html_init(&whole, &whole_out, NULL);
        cstar_html_format(&whole, text, NULL, 0);
        assert_int_equal(whole.err.code, CSTAR_OK);
        for (size_t cut = 0; cut <= strlen(text); cut++) {
            if (cut > 0 && (text[cut] == '{' || text[cut] == '}') && text[cut - 1] == text[cut]) {
                continue;
            }
            memcpy(first, text, cut);
            first[cut] = '\0';
            cstar_buf_fixed(&out, mem, sizeof mem);
            cstar_html_init(&h, &out, NULL);
            cstar_html_format(&h, first, NULL, 0);
            cstar_html_format(&h, text + cut, NULL, 0);
            assert_int_equal(h.err.code, CSTAR_OK);
            assert_int_equal(h.state, whole.state);
            assert_int_equal(out.len, whole_out.len);
            assert_memory_equal(mem, whole_mem, out.len);
        }
    }
}

static void equal_meaning_has_equal_states(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"<p>a<!-- b --><script x=y>c</script>&amp; d", ""},
        {"<p ", "<div class='x' id=y "},
        {"<p a='x'", "<b b=\"y\""},
        {"<a href='/x?", "<form action='https://y/"},
        {"<p title='a", "<i class='b c"},
        {"<p onclick='a", "<i srcset='b c"},
        {"<textarea>", "<TEXTAREA x='y'>a</textare b &amp;"},
        {"<p data-text='$a + ", "<i data-show='\"x\" && "},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (i == 6) { /* spoiled by the false end: must differ */
            assert_int_not_equal(state_behind(pairs[i][0], 0), state_behind(pairs[i][1], 0));
        } else {
            assert_int_equal(state_behind(pairs[i][0], 0), state_behind(pairs[i][1], 0));
        }
    }
}

static void markup_may_end_in_text_only(void **state) {
    (void)state;
    assert_true(cstar__ctx_complete(state_behind("<p>a & b", 0)));
    static const char *const open[] = {"<",  "<p",      "<p a",     "<p a=", "<p a='",     "<!--",
                                       "<!", "<title>", "<script>", "</",    "<plaintext>"};
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        assert_false(cstar__ctx_complete(state_behind(open[i], 0)));
    }
}

static void check_table(const cstar__names *names) {
    assert_true(names->count < CSTAR__NAMES_DEAD);
    for (uint8_t i = 0; i < names->count; i++) {
        const char *text = names->list[i].text;
        assert_true(i == 0 || strcmp(names->list[i - 1].text, text) < 0);
        assert_true(strlen(text) <= 31);
        uint8_t at = 0;
        uint8_t len = 0;
        for (const char *p = text; *p != '\0'; p++) {
            cstar__names_step(names, &at, &len,
                              (unsigned char)(*p >= 'a' && *p <= 'z' && i % 2 == 0 ? *p - 32 : *p));
        }
        assert_ptr_equal(cstar__names_hit(names, at, len), &names->list[i]);
        cstar__names_step(names, &at, &len, '~');
        assert_null(cstar__names_hit(names, at, len));
        cstar__names_step(names, &at, &len, (unsigned char)text[0]);
        assert_null(cstar__names_hit(names, at, len));
    }
    assert_null(cstar__names_hit(names, 0, 0));
}

static void names_are_found_byte_by_byte(void **state) {
    (void)state;
    check_table(&cstar__tag_names);
    check_table(&cstar__attr_names);
    check_table(&cstar__plugin_names);
    check_table(&cstar__scheme_names);
    check_table(&cstar__ref_names);
}

/* Random literals of the bytes that matter: any state packs, and a hole is a place or a reason. */
static void random_literals(void **state) {
    (void)state;
    static const char alphabet[] = "<>/!-='\"& \n#;:?@$\\`.ahrefdtonsciplxy{}123";
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        cstar__ctx c = cstar__ctx_unpack(0);
        for (int i = 0; i < 60; i++) {
            seed = seed * 1664525U + 1013904223U;
            const char *why = NULL;
            cstar__ctx hole = c;
            if (cstar__ctx_hole(&hole, &why) == CSTAR__PLACE_NONE) {
                assert_non_null(why);
            }
            cstar__ctx unpacked = cstar__ctx_unpack(cstar__ctx_pack(&hole));
            assert_memory_equal(&unpacked, &hole, sizeof hole);
            if (cstar__ctx_feed(
                    &c, (unsigned char)alphabet[(seed >> 16) % (sizeof alphabet - 1)]) != NULL) {
                break;
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_survives_packing),
        cmocka_unit_test(a_literal_may_be_cut_anywhere),
        cmocka_unit_test(equal_meaning_has_equal_states),
        cmocka_unit_test(markup_may_end_in_text_only),
        cmocka_unit_test(names_are_found_byte_by_byte),
        cmocka_unit_test(random_literals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
