/* test_put.c -- cstar_put() as a whole: pieces, errors that stick, roll-back, fragments, prefixes,
 * memory.
 * SPDX-License-Identifier: MIT */
#include "support/failalloc.h"

#include "cstar/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct page {
    char mem[1 << 14];
    cstar_buf out;
    cstar_html h;
} page;

static void start(page *p, const char *prefix) {
    cstar_buf_fixed(&p->out, p->mem, sizeof p->mem);
    cstar_html_init(&p->h, &p->out, prefix);
}

static void assert_markup(page *p, const char *expected) {
    cstar_err err = {.code = CSTAR_OK};
    if (cstar_html_status(&p->h, &err) != CSTAR_OK) {
        fail_msg("%s", err.text);
    }
    p->mem[p->out.len] = '\0';
    assert_string_equal(p->mem, expected);
}

/* ---- pieces and values ---- */

static void input(cstar_html *h, bool checked, const char *name) {
    cstar_put(h, "<input");
    if (checked) {
        cstar_put(h, " checked");
    }
    cstar_put(h, " name='{}'", name);
    cstar_put(h, ">");
}

static void markup_in_pieces(void **state) {
    (void)state;
    page p;
    start(&p, NULL);
    for (int i = 0; i < 4; i++) {
        input(&p.h, i % 2 == 1, "a'b");
    }
    assert_markup(&p, "<input name='a&#39;b'><input checked name='a&#39;b'><input "
                      "name='a&#39;b'><input checked name='a&#39;b'>");
}

static void a_piece_knows_where_it_stands(cstar_html *h) { cstar_put(h, "{}", "<'@x"); }

static void one_site_in_many_states(void **state) {
    (void)state;
    page p;
    start(&p, NULL);
    for (int i = 0; i < 2; i++) {
        a_piece_knows_where_it_stands(&p.h);
        cstar_put(&p.h, "<a href='?");
        a_piece_knows_where_it_stands(&p.h);
        cstar_put(&p.h, "' data-text='");
        a_piece_knows_where_it_stands(&p.h);
        cstar_put(&p.h, "'>");
    }
    const char *once =
        "&lt;&#39;@x<a href='?%3C%27%40x' data-text='&quot;\\u003C\\u0027\\u0040x&quot;'>";
    char expected[256];
    (void)snprintf(expected, sizeof expected, "%s%s", once, once);
    assert_markup(&p, expected);
    cstar_put(&p.h, "<p ");
    a_piece_knows_where_it_stands(&p.h);
    assert_int_equal(cstar_html_status(&p.h, NULL), CSTAR_EUNSAFE);
}

static void no_glue_across_pieces(void **state) {
    (void)state;
    page p;
    start(&p, NULL);
    cstar_put(&p.h, "<p data-text='{}", 1);
    cstar_put(&p.h, "2'>");
    assert_int_equal(p.h.err.code, CSTAR_EUNSAFE);
    start(&p, NULL);
    cstar_put(&p.h, "<p href='{}", "javascript");
    cstar_put(&p.h, ":x'>");
    assert_int_equal(p.h.err.code, CSTAR_EUNSAFE);
    start(&p, NULL);
    cstar_put(&p.h, "&");
    cstar_put(&p.h, "{}", "lt;");
    assert_int_equal(p.h.err.code, CSTAR_EUNSAFE);
}

static void many_holes(void **state) {
    (void)state;
    page p;
    start(&p, NULL);
    cstar_put(&p.h, "{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}", 1, 2, 3, 4, 5, 6, 7, 8, 9,
              "a", (char)'b', 1.5, 13L, 14LL, 15U, 16UL, (short)17, (unsigned char)18, (float)0.5,
              cstar_bool(true), cstar_null(), cstar_trust("<br>"), CSTAR_STR("&"), "z");
    assert_markup(&p, "123456789ab1.51314151617180.5true<br>&amp;z");
}

static void text_function(void **state) {
    (void)state;
    page p;
    start(&p, NULL);
    cstar_html_text(&p.h, CSTAR_STR("a<"));
    cstar_html_format(&p.h, "<b>{}</b>", (cstar_val[]){cstar_val_int(1)}, 1);
    assert_markup(&p, "a&lt;<b>1</b>");
    cstar_put(&p.h, "<p title='");
    cstar_html_text(&p.h, CSTAR_STR("x"));
    assert_int_equal(p.h.err.code, CSTAR_EUNSAFE);
}

/* ---- errors ---- */

static cstar_status write_half(const cstar_expr *self, cstar_buf *out, cstar_err *err) {
    (void)self;
    cstar_buf_puts(out, "half");
    return cstar_err_set(err, CSTAR_EINVAL, "event", "the event's name is empty");
}

static void errors_stick_and_roll_back(void **state) {
    (void)state;
    page p;
    start(&p, NULL);
    cstar_err err = {.code = CSTAR_OK};
    cstar_put(&p.h, "<p>ok</p>");
    const cstar_expr bad = {.write = write_half};
    const int line = __LINE__ + 1; /* one line: compilers differ on where a longer call is */
    cstar_put(&p.h, "<i>{}</i><i data-on:click='{}'></i>", "x", bad);
    cstar_put(&p.h, "<b></b>");
    cstar_html_text(&p.h, CSTAR_STR("x"));
    cstar_html_format(&p.h, "x", NULL, 0);
    assert_int_equal(cstar_html_status(&p.h, &err), CSTAR_EINVAL);
    assert_int_equal(p.out.len, strlen("<p>ok</p>"));
    assert_string_equal(err.where, "event");
    char expected[200];
    (void)snprintf(expected, sizeof expected, "test_put.c:%d: the event's name is empty", line);
    assert_non_null(strstr(err.text, expected));
}

static void wrong_numbers_of_values(void **state) {
    (void)state;
    page p;
    cstar_err err = {.code = CSTAR_OK};
    start(&p, NULL);
    cstar_put(&p.h, "<p>{}{}</p>", "x");
    assert_int_equal(cstar_html_status(&p.h, &err), CSTAR_EINVAL);
    assert_non_null(strstr(err.text, "has 2 {}, but 1 values"));
    assert_int_equal(p.out.len, 0);
    start(&p, NULL);
    cstar_put(&p.h, "<p></p>", "x");
    assert_int_equal(cstar_html_status(&p.h, NULL), CSTAR_EINVAL);
    start(&p, NULL);
    cstar_put(&p.h, "<p>{}</p>");
    assert_int_equal(cstar_html_status(&p.h, NULL), CSTAR_EINVAL);
    cstar_val vals[CSTAR_PUT_MAX + 1];
    char literal[2 * (CSTAR_PUT_MAX + 1) + 1] = "";
    for (size_t i = 0; i < CSTAR_PUT_MAX + 1; i++) {
        vals[i] = cstar_val_int(1);
        memcpy(literal + 2 * i, "{}", 3);
    }
    start(&p, NULL);
    cstar_html_format(&p.h, literal, vals, CSTAR_PUT_MAX + 1);
    assert_int_equal(cstar_html_status(&p.h, NULL), CSTAR_EINVAL);
    start(&p, NULL);
    cstar_html_format(&p.h, literal, vals,
                      CSTAR_PUT_MAX); /* one hole more than values, and than room for holes */
    assert_int_equal(cstar_html_status(&p.h, NULL), CSTAR_EINVAL);
    start(&p, NULL);
    cstar_html_format(&p.h, NULL, vals, 0);
    assert_int_equal(cstar_html_status(&p.h, NULL), CSTAR_EINVAL);
}

static void a_long_literal_is_refused(void **state) {
    (void)state;
    enum { LENGTH = 65536 };
    char *literal = malloc(LENGTH + 1);
    assert_non_null(literal);
    memset(literal, 'x', LENGTH);
    literal[LENGTH] = '\0';
    cstar_buf out;
    cstar_html h;
    cstar_buf_init(&out, cstar_heap(), 0);
    cstar_html_init(&h, &out, NULL);
    cstar_html_format(&h, literal, NULL, 0);
    assert_int_equal(h.err.code, CSTAR_ELIMIT);
    cstar_html_init(&h, &out, NULL);
    cstar_html_format(&h, literal + 1, NULL, 0);
    assert_int_equal(cstar_html_status(&h, NULL), CSTAR_OK);
    assert_int_equal(out.len, LENGTH - 1);
    cstar_buf_fini(&out);
    free(literal);
}

static void unfinished_markup_is_an_error(void **state) {
    (void)state;
    page p;
    start(&p, NULL);
    assert_int_equal(cstar_html_status(&p.h, NULL), CSTAR_OK);
    cstar_put(&p.h, "<p title='");
    assert_int_equal(cstar_html_status(&p.h, NULL), CSTAR_EUNSAFE);
    cstar_put(&p.h, "'>");
    assert_markup(&p, "<p title=''>");
}

/* ---- fragments ---- */

static void leaf(cstar_html *h, const void *arg) { cstar_put(h, "<i>{}</i>", *(const int *)arg); }
static void nest(cstar_html *h, const void *arg) {
    const int left = *(const int *)arg;
    const int less = left - 1;
    if (left > 0) {
        cstar_put(h, "<b>{}</b>", cstar_frag(nest, &less));
    }
}
static void bad_leaf(cstar_html *h, const void *arg) {
    (void)arg;
    cstar_put(h, "<i>");
    cstar_put(h, "<i>{}</i>", 1, 2);
}

static void fragments_render_in_place(void **state) {
    (void)state;
    page p;
    const int seven = 7;
    start(&p, NULL);
    cstar_put(&p.h, "<p>{}{}</p><p title='{}'></p>", cstar_frag(leaf, &seven), "&", 3);
    assert_markup(&p, "<p><i>7</i>&amp;</p><p title='3'></p>");
}

static void fragments_have_a_depth(void **state) {
    (void)state;
    page p;
    int depth = 64;
    start(&p, NULL);
    nest(&p.h, &depth);
    assert_int_equal(cstar_html_status(&p.h, NULL), CSTAR_OK);
    depth = 65;
    start(&p, NULL);
    nest(&p.h, &depth);
    assert_int_equal(cstar_html_status(&p.h, NULL), CSTAR_EDEPTH);
    assert_int_equal(p.out.len, 0);
}

static void a_fragments_error_is_the_first_one(void **state) {
    (void)state;
    page p;
    cstar_err err = {.code = CSTAR_OK};
    start(&p, NULL);
    cstar_put(&p.h, "a");
    cstar_put(&p.h, "<p>{}</p>", cstar_frag(bad_leaf, NULL));
    assert_int_equal(cstar_html_status(&p.h, &err), CSTAR_EINVAL);
    assert_non_null(strstr(err.text, "has 1 {}, but 2 values"));
    assert_int_equal(p.out.len, 1);
}

/* ---- prefixes ---- */

static void two_lines(cstar_html *h, const void *arg) { cstar_put(h, "f\n{}", (const char *)arg); }

static void line_breaks_get_the_prefix(void **state) {
    (void)state;
    page p;
    start(&p, "> ");
    cstar_put(&p.h, "a\nb\r\nc\rd");
    cstar_put(&p.h, "|{}|{}", "\r\n\n\r", 1);
    cstar_put(&p.h, "|no break|");
    cstar_put(&p.h, "{}{}", cstar_trust("t\nu"), cstar_frag(two_lines, "x\ry"));
    cstar_html_text(&p.h, CSTAR_STR("\nz"));
    assert_markup(&p, "a\n> b\n> c\n> d|\n> \n> \n> |1|no break|t\n> uf\n> x\n> y\n> z");
}

static void a_crlf_in_two_puts_is_one_break(void **state) {
    (void)state;
    page p;
    start(&p, "> ");
    cstar_put(&p.h, "a\r");
    cstar_put(&p.h, "\nb\r");
    cstar_put(&p.h, "");
    cstar_put(&p.h, "{}c\r", "\n");
    cstar_put(&p.h, "d\r");
    cstar_html_text(&p.h, CSTAR_STR("\n"));
    cstar_html_text(&p.h, CSTAR_STR("\n"));
    assert_markup(&p, "a\n> b\n> c\n> d\n> \n> ");
}

static void cr_before_a_fragment(void **state) {
    (void)state;
    page p;
    start(&p, "> ");
    cstar_put(&p.h, "a\r{}\n", cstar_frag(two_lines, "\r"));
    assert_markup(&p, "a\n> f\n> \n> ");
}

static void an_empty_prefix_only_unifies(void **state) {
    (void)state;
    page p;
    start(&p, "");
    cstar_put(&p.h, "a\r\nb\rc\n{}", "d\r\ne");
    assert_markup(&p, "a\nb\nc\nd\ne");
}

/* Every cut of a text into two puts gives the same lines. */
static void prefixes_do_not_depend_on_cuts(void **state) {
    (void)state;
    static const char text[] = "a\r\n\r\r\nb\n\nc\r";
    for (size_t cut = 0; cut <= sizeof text - 1; cut++) {
        page p;
        start(&p, "> ");
        cstar_html_text(&p.h, cstar_view(text, cut));
        cstar_put(&p.h, "{}", cstar_view(text + cut, sizeof text - 1 - cut));
        assert_markup(&p, "a\n> \n> \n> b\n> \n> c\n> ");
    }
}

/* ---- memory ---- */

static void everything(cstar_html *h) {
    const int one = 1;
    cstar_put(h, "<p title='{}'>{}\n</p><a href='{}' data-text='{}'>{}</a>{{", "a'\"&<>", "b\r\nc",
              "/x?y", "q'\"@", cstar_frag(leaf, &one));
    cstar_put(h, "<p data-signals='{}'>{}</p>", cstar_json_text("{\"a\":\"\\\"\\\\;(\"}"),
              cstar_json_text("[\"<\"]"));
}

static void failing_memory(void **state) {
    (void)state;
    for (size_t n = 1;; n++) {
        failalloc f;
        failalloc_init(&f, n);
        cstar_buf out;
        cstar_html h;
        cstar_err err = {.code = CSTAR_OK};
        cstar_buf_init(&out, &f.alloc, 1 << 20);
        cstar_html_init(&h, &out, "data: ");
        for (int i = 0; i < 20; i++) {
            everything(&h);
        }
        const cstar_status rc = cstar_html_status(&h, &err);
        const bool reached = f.calls >= n;
        cstar_buf_fini(&out);
        assert_int_equal(f.live_blocks, 0);
        if (!reached) {
            assert_int_equal(rc, CSTAR_OK);
            assert_true(n > 2);
            break;
        }
        assert_int_equal(rc, CSTAR_ENOMEM);
        assert_string_equal(err.where, "out");
    }
}

static void limits_of_the_buffer(void **state) {
    (void)state;
    page whole;
    start(&whole, "data: ");
    everything(&whole.h);
    for (size_t limit = 0; limit < whole.out.len; limit++) {
        page p;
        start(&p, "data: ");
        cstar_buf_fixed(&p.out, p.mem, limit);
        everything(&p.h);
        assert_int_equal(cstar_html_status(&p.h, NULL), CSTAR_ELIMIT);
        assert_true(p.out.len <= limit);
        assert_memory_equal(p.mem, whole.mem, p.out.len); /* whole puts, nothing half done */
    }
    page p;
    start(&p, "data: ");
    cstar_buf_fixed(&p.out, p.mem, whole.out.len);
    everything(&p.h);
    assert_int_equal(cstar_html_status(&p.h, NULL), CSTAR_OK);
}

static void a_loop_allocates_nothing(void **state) {
    (void)state;
    failalloc f;
    failalloc_init(&f, 0);
    cstar_buf out;
    cstar_buf_init(&out, &f.alloc, 0);
    size_t warm = 0;
    for (int round = 0; round < 3; round++) {
        cstar_html h;
        cstar_buf_reset(&out);
        cstar_html_init(&h, &out, round == 0 ? "data: elements " : NULL);
        for (int i = 0; i < 1000; i++) {
            cstar_put(&h, "<tr><td>{}</td>\n<td class='{}'>{}</td></tr>", i, "a&b", "it's");
        }
        assert_int_equal(cstar_html_status(&h, NULL), CSTAR_OK);
        if (round == 0) {
            warm = f.calls;
        }
    }
    assert_int_equal(f.calls, warm);
    cstar_buf_fini(&out);
    assert_int_equal(f.live_blocks, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markup_in_pieces),
        cmocka_unit_test(one_site_in_many_states),
        cmocka_unit_test(no_glue_across_pieces),
        cmocka_unit_test(many_holes),
        cmocka_unit_test(text_function),
        cmocka_unit_test(errors_stick_and_roll_back),
        cmocka_unit_test(wrong_numbers_of_values),
        cmocka_unit_test(a_long_literal_is_refused),
        cmocka_unit_test(unfinished_markup_is_an_error),
        cmocka_unit_test(fragments_render_in_place),
        cmocka_unit_test(fragments_have_a_depth),
        cmocka_unit_test(a_fragments_error_is_the_first_one),
        cmocka_unit_test(line_breaks_get_the_prefix),
        cmocka_unit_test(a_crlf_in_two_puts_is_one_break),
        cmocka_unit_test(cr_before_a_fragment),
        cmocka_unit_test(an_empty_prefix_only_unifies),
        cmocka_unit_test(prefixes_do_not_depend_on_cuts),
        cmocka_unit_test(failing_memory),
        cmocka_unit_test(limits_of_the_buffer),
        cmocka_unit_test(a_loop_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
