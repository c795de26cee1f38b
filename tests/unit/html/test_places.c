/* test_places.c -- each place of a `{}` in markup, with values that would break out of it, and the
 * places that are refused.
 * SPDX-License-Identifier: MIT */
#include "cstar/html.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static char mem[1 << 16];

/* Renders and returns the status; the text is in mem, NUL-terminated. */
static cstar_status render(const char *literal, cstar_val v, cstar_err *err) {
    cstar_buf out;
    cstar_html h;
    cstar_buf_fixed(&out, mem, sizeof mem - 1);
    cstar_html_init(&h, &out, NULL);
    cstar_html_format(&h, literal, &v, 1);
    mem[out.len] = '\0';
    return cstar_html_status(&h, err);
}

static cstar_status parse_only(const char *literal, cstar_err *err) {
    cstar_buf out;
    cstar_html h;
    cstar_val none[CSTAR_PUT_MAX];
    size_t n = 0;
    for (const char *p = literal; (p = strstr(p, "{}")) != NULL; p += 2) {
        none[n++] = cstar_val_int(1);
    }
    cstar_buf_fixed(&out, mem, sizeof mem - 1);
    cstar_html_init(&h, &out, NULL);
    cstar_html_format(&h, literal, none, n);
    mem[out.len] = '\0';
    if (h.err.code != CSTAR_OK) {
        *err = h.err;
        assert_int_equal(out.len, 0);
    }
    return h.err.code;
}

/* ---- strings in every place ---- */

typedef struct text_case {
    const char *name, *literal, *value, *expected;
} text_case;

static const text_case text_cases[] = {
    {"text", "<p>{}</p>", "<b>&\"'", "<p>&lt;b&gt;&amp;&quot;&#39;</p>"},
    {"text, long plain", "<p>{}</p>", "0123456789abcdefghijklmnop",
     "<p>0123456789abcdefghijklmnop</p>"},
    {"text, special at each offset of a word", "<p>{}</p>",
     "1234567&1234567<1234567>1234567'1234567\"123456&",
     "<p>1234567&amp;1234567&lt;1234567&gt;1234567&#39;1234567&quot;123456&amp;</p>"},
    {"text, UTF-8", "<p>{}</p>", "caf\xC3\xA9 \xE6\x9D\xB1<",
     "<p>caf\xC3\xA9 \xE6\x9D\xB1&lt;</p>"},
    {"text, bad UTF-8", "<p>{}</p>", "a\xFF<\xC3", "<p>a\xEF\xBF\xBD&lt;\xEF\xBF\xBD</p>"},
    {"text, good behind bad", "<p>{}</p>", "\xC0\xC3\xA9", "<p>\xEF\xBF\xBD\xC3\xA9</p>"},
    {"text, empty", "<p>{}</p>", "", "<p></p>"},
    {"title", "<title>{}</title>", "</title><b>", "<title>&lt;/title&gt;&lt;b&gt;</title>"},
    {"textarea", "<textarea>a{}</textarea>", "</textarea>",
     "<textarea>a&lt;/textarea&gt;</textarea>"},
    {"braces", "{{{}}}", "x", "{x}"},
    {"lone braces", "{ {} }", "x", "{ x }"},
    {"a brace at the end", "{}{", "x", "x{"},
    {"attribute '", "<a title='{}'>", "' onclick='x", "<a title='&#39; onclick=&#39;x'>"},
    {"attribute \"", "<a title=\"{}\">", "\" onclick=\"x", "<a title=\"&quot; onclick=&quot;x\">"},
    {"attribute, spaces round =", "<a title = '{}'>", "x", "<a title = 'x'>"},
    {"attribute, pieces", "<a class='a-{}-b'>", "x y", "<a class='a-x y-b'>"},
    {"data, not of Datastar", "<a data-foo='{}'>", "\"", "<a data-foo='&quot;'>"},
    {"data, like a plugin's name", "<a data-texture='{}'>", "x", "<a data-texture='x'>"},
    {"data on object only", "<p data='{}'>", "javascript:x", "<p data='javascript:x'>"},
    {"a closing tag", "<p></p><i>{}</i >", "x", "<p></p><i>x</i >"},
    {"behind a comment", "<!-- <a b='--><i>{}</i>", "<", "<!-- <a b='--><i>&lt;</i>"},
    {"behind an empty comment", "<!--><i>{}</i>", "<", "<!--><i>&lt;</i>"},
    {"behind doctype", "<!DOCTYPE html>{}", "<", "<!DOCTYPE html>&lt;"},
    {"behind a script", "<script>a<b; '</scr'</script>{}", "<",
     "<script>a<b; '</scr'</script>&lt;"},
    {"behind raw text, any case", "<STYLE>a</Style >{}", "<", "<STYLE>a</Style >&lt;"},
    {"behind end tags of raw text", "</title></script x='y'></textarea><i>{}</i>", "<",
     "</title></script x='y'></textarea><i>&lt;</i>"},
    {"lone < in text", "1 < 2 {}", "x", "1 < 2 x"},
    {"reference closed", "&amp;{}", "lt;", "&amp;lt;"},
    {"noscript is markup", "<noscript><i>{}</i></noscript>", "<",
     "<noscript><i>&lt;</i></noscript>"},
    /* whole URLs */
    {"url", "<a href='{}'>", "https://a.b/c?d=e&f='#g",
     "<a href='https://a.b/c?d=e&amp;f=&#39;#g'>"},
    {"url, case", "<a HREF='{}'>", "HTTPS://a", "<a HREF='HTTPS://a'>"},
    {"url, tab in a good scheme", "<a href='{}'>", " h\tttp\n://a", "<a href='http://a'>"},
    {"url, mailto", "<a href='{}'>", "mailto:a@b.c", "<a href='mailto:a@b.c'>"},
    {"url, tel", "<a href='{}'>", "tel:+1", "<a href='tel:+1'>"},
    {"url, relative", "<a href='{}'>", "a/b:c", "<a href='a/b:c'>"},
    {"url, query with colon", "<a href='{}'>", "?javascript:x", "<a href='?javascript:x'>"},
    {"url, fragment with colon", "<a href='{}'>", "#javascript:x", "<a href='#javascript:x'>"},
    {"url, javascript", "<a href='{}'>", "javascript:alert(1)", "<a href='about:invalid'>"},
    {"url, case and space", "<a href='{}'>", " \x01JaVaScRiPt:alert(1)",
     "<a href='about:invalid'>"},
    {"url, tab inside", "<a href='{}'>", "java\tscr\nipt\r:alert(1)", "<a href='about:invalid'>"},
    {"url, NBSP in front", "<a href='{}'>", "\xC2\xA0javascript:x", "<a href='about:invalid'>"},
    {"url, ZWSP inside", "<a href='{}'>", "java\xE2\x80\x8Bscript:x", "<a href='about:invalid'>"},
    {"url, soft hyphen, BOM", "<a href='{}'>", "\xEF\xBB\xBFjava\xC2\xADscript:x",
     "<a href='about:invalid'>"},
    {"url, DEL inside", "<a href='{}'>", "java\x7Fscript:x", "<a href='about:invalid'>"},
    {"url, data", "<a href='{}'>", "data:text/html,x", "<a href='about:invalid'>"},
    {"url, vbscript", "<a href='{}'>", "vbscript:x", "<a href='about:invalid'>"},
    {"url, ftp", "<a href='{}'>", "ftp://x", "<a href='about:invalid'>"},
    {"url, empty scheme", "<a href='{}'>", ":x", "<a href='about:invalid'>"},
    {"url, long scheme", "<a href='{}'>", "httpshttps:x", "<a href='about:invalid'>"},
    {"url, reference", "<a href='{}'>", "javascript&colon;x", "<a href='javascript&amp;colon;x'>"},
    {"url, bytes", "<a href='{}'>", "/a b\"<>\\^`{|}\xC3\xA9%20\x7F",
     "<a href='/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D%C3%A9%20%7F'>"},
    {"url, dropped bytes", "<a href='{}'>", " \n/a\tb\r", "<a href='/ab'>"},
    {"url, other names", "<form action='{}'>", "javascript:x", "<form action='about:invalid'>"},
    {"url, formaction", "<button formaction='{}'>", "javascript:x",
     "<button formaction='about:invalid'>"},
    {"url, xlink", "<a xlink:href='{}'>", "javascript:x", "<a xlink:href='about:invalid'>"},
    {"url, animation", "<animate to='{}'>", "javascript:x", "<animate to='about:invalid'>"},
    {"url, object data", "<object data='{}'>", "javascript:x", "<object data='about:invalid'>"},
    {"url, behind white space", "<a href=' \t{}'>", "javascript:x", "<a href=' \tabout:invalid'>"},
    /* components */
    {"component", "<a href='/items/{}'>", "a/b?c#d'\"<&%.~_-",
     "<a href='/items/a%2Fb%3Fc%23d%27%22%3C%26%25.~_-'>"},
    {"component, query", "<a href='?a=1&b={}'>", "x&y=z", "<a href='?a=1&b=x%26y%3Dz'>"},
    {"component, query with &amp;", "<a href='?a=1&amp;b={}'>", "x", "<a href='?a=1&amp;b=x'>"},
    {"component, host", "<a href='//{}/x'>", "evil.test/", "<a href='//evil.test%2F/x'>"},
    {"component, no scheme yet", "<a href='java{}'>", "script:x", "<a href='javascript%3Ax'>"},
    {"component, mailto", "<a href='mailto:{}?subject=a'>", "a+b@c.d?cc=e",
     "<a href='mailto:a+b@c.d%3Fcc%3De?subject=a'>"},
    {"component, tel", "<a href='TEL:{}'>", "+1 2", "<a href='TEL:+1%202'>"},
    {"component, unknown scheme", "<a href='sms:{}'>", "a:b", "<a href='sms:a%3Ab'>"},
    {"url, then literal", "<a href='{}/edit?x=1&amp;y=2'>", "/a", "<a href='/a/edit?x=1&amp;y=2'>"},
    {"url, then a query that looks like a reference", "<a href='{}&col=2'>", "?a",
     "<a href='?a&col=2'>"},
    /* expressions */
    {"expression", "<a data-text='{}'>", "it's \"@post(x)\" $y",
     "<a data-text='&quot;it\\u0027s \\u0022\\u0040post\\u0028x\\u0029\\u0022 \\u0024y&quot;'>"},
    {"expression, HTML", "<a data-text='{}'>", "<&>",
     "<a data-text='&quot;\\u003C\\u0026\\u003E&quot;'>"},
    {"expression, backslash", "<a data-text='{}'>", "a\\", "<a data-text='&quot;a\\u005C&quot;'>"},
    {"expression, separators", "<a data-text='{}'>", "\xE2\x80\xA8\xE2\x80\xA9",
     "<a data-text='&quot;\\u2028\\u2029&quot;'>"},
    {"expression, controls", "<a data-text='{}'>", "\n\x01",
     "<a data-text='&quot;\\u000A\\u0001&quot;'>"},
    {"expression, statements", "<a data-text='{}'>", "a;`{b}",
     "<a data-text='&quot;a\\u003B\\u0060\\u007Bb\\u007D&quot;'>"},
    {"expression, UTF-8", "<a data-text='{}'>", "\xC3\xA9\xFF",
     "<a data-text='&quot;\xC3\xA9\xEF\xBF\xBD&quot;'>"},
    {"expression, the client's marks", "<a data-text='{}'>",
     "\xF0\x9F\x96\x95JS_DS\xF0\x9F\x9A\x80\xF0\x9F\x98\x80",
     "<a data-text='&quot;\\uD83D\\uDD95JS_DS\\uD83D\\uDE80\xF0\x9F\x98\x80&quot;'>"},
    {"expression, keyed", "<a data-signals:a.b-c__ifmissing='{}'>", "x",
     "<a data-signals:a.b-c__ifmissing='&quot;x&quot;'>"},
    {"expression, event", "<a data-on:click__debounce.5ms='$a = {}'>", "x",
     "<a data-on:click__debounce.5ms='$a = &quot;x&quot;'>"},
    {"expression, old key", "<a data-on-load='{}'>", "x", "<a data-on-load='&quot;x&quot;'>"},
    {"expression, aliased", "<a data-star-text='{}'>", "x", "<a data-star-text='&quot;x&quot;'>"},
    {"expression, case", "<a DATA-Text='{}'>", "x", "<a DATA-Text='&quot;x&quot;'>"},
    {"expression, modifier only", "<a data-init__delay.1s='{}'>", "x",
     "<a data-init__delay.1s='&quot;x&quot;'>"},
    {"expression, &&", "<a data-show='$a && {}'>", "x", "<a data-show='$a && &quot;x&quot;'>"},
    {"expression's string", "<a data-text=\"'Hi {}!'\">", "it's \\ \"",
     "<a data-text=\"'Hi it\\u0027s \\u005C \\u0022!'\">"},
    {"expression's string, \"", "<a data-text='\"{}\"'>", "\"", "<a data-text='\"\\u0022\"'>"},
    {"expression's string, slash in it", "<a data-on:click=\"@post('/x/{}')\">", "a",
     "<a data-on:click=\"@post('/x/a')\">"},
    {"expression's string, escapes before", "<a data-text=\"'a\\'\\\\b{}'\">", "'",
     "<a data-text=\"'a\\'\\\\b\\u0027'\">"},
    {"expression behind a string", "<a data-text=\"'a' + {}\">", "b",
     "<a data-text=\"'a' + &quot;b&quot;\">"},
    {"expression, object", "<a data-signals='{{a: {}}}'>", "x",
     "<a data-signals='{a: &quot;x&quot;}'>"},
    {"expression that sets a URL", "<a data-attr:href='{}'>", "java\tscript:x",
     "<a data-attr:href='&quot;about:invalid&quot;'>"},
    {"expression that sets a URL, good", "<a data-attr:href='{}'>", "/x",
     "<a data-attr:href='&quot;/x&quot;'>"},
    {"expression's string that sets a URL", "<a data-attr:src__x=\"'{}'\">", "data:x",
     "<a data-attr:src__x=\"'about:invalid'\">"},
    {"expression that sets another attribute", "<a data-attr:title='{}'>", "data:x",
     "<a data-attr:title='&quot;data:x&quot;'>"},
    /* signals */
    {"signal", "<input data-bind='{}'>", "user.name_1", "<input data-bind='user.name_1'>"},
    {"signal, ref", "<input data-ref='{}'>", "_a", "<input data-ref='_a'>"},
    {"signal, modifier", "<input data-indicator__x='{}'>", "a", "<input data-indicator__x='a'>"},
    {"signal, part", "<input data-bind='row{}.on'>", "1", "<input data-bind='row1.on'>"},
    {"signal, behind a dot", "<input data-bind='row.{}'>", "a", "<input data-bind='row.a'>"},
};

static void strings_are_escaped_for_their_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof text_cases / sizeof text_cases[0]; i++) {
        const text_case *c = &text_cases[i];
        cstar_err err = {.code = CSTAR_OK};
        if (render(c->literal, cstar_val_cstr(c->value), &err) != CSTAR_OK) {
            fail_msg("%s: %s", c->name, err.text);
        }
        if (strcmp(mem, c->expected) != 0) {
            fail_msg("%s:\n  got      %s\n  expected %s", c->name, mem, c->expected);
        }
    }
}

static void nul_bytes_are_replaced_or_coded(void **state) {
    (void)state;
    const cstar_val nul = cstar_val_str(cstar_view("a\0b", 3));
    cstar_err err;
    assert_int_equal(render("<p>{}</p>", nul, &err), CSTAR_OK);
    assert_string_equal(mem, "<p>a\xEF\xBF\xBD"
                             "b</p>");
    assert_int_equal(render("<p title='{}'></p>", nul, &err), CSTAR_OK);
    assert_string_equal(mem, "<p title='a\xEF\xBF\xBD"
                             "b'></p>");
    assert_int_equal(render("<p href='{}'></p>", nul, &err), CSTAR_OK);
    assert_string_equal(mem, "<p href='a%00b'></p>");
    assert_int_equal(render("<p data-text='{}'></p>", nul, &err), CSTAR_OK);
    assert_string_equal(mem, "<p data-text='&quot;a\\u0000b&quot;'></p>");
}

/* ---- other kinds of values ---- */

static cstar_status write_code(const cstar_expr *self, cstar_buf *out, cstar_err *err) {
    (void)err;
    cstar_buf_puts(out, self->b);
    return CSTAR_OK;
}
static cstar_status write_nothing(const cstar_expr *self, cstar_buf *out, cstar_err *err) {
    (void)self;
    (void)out;
    return cstar_err_set(err, CSTAR_ERANGE, "event", "the event has no name");
}
static cstar_val code(const char *text) {
    return cstar_val_expr((cstar_expr){.write = write_code, .b = text});
}
static cstar_val attrs(const char *text) {
    return cstar_val_expr((cstar_expr){.write = write_code, .b = text, .attrs = true});
}
static void render_b(cstar_html *h, const void *arg) {
    cstar_put(h, "<b>{}</b>", (const char *)arg);
}
static void render_text(cstar_html *h, const void *arg) {
    cstar_html_text(h, cstar_cstr(arg));
    cstar_put(h, " {}", "&amp;");
}
static void render_open(cstar_html *h, const void *arg) {
    (void)arg;
    cstar_put(h, "<b");
}
static void render_ref(cstar_html *h, const void *arg) {
    (void)arg;
    cstar_put(h, "AT&T");
}

static void kinds_of_values(void **state) {
    (void)state;
    cstar_arena arena;
    cstar_arena_init(&arena, cstar_heap(), 0);
    const cstar_json_opts any = {.any_root = true};
    const cstar_json *tree =
        cstar_json_read(&arena,
                        CSTAR_STR("{\"a\":[-1,\"it's;\\\\\\\"}{$\",null],\"__proto__\":{\"\\u005f_"
                                  "proto__\":\"__proto__\"},\"@x(\":1.5}"),
                        NULL, NULL);
    const cstar_json *minus = cstar_json_read(&arena, CSTAR_STR("-5"), &any, NULL);
    const cstar_json *script = cstar_json_read(&arena, CSTAR_STR("\"javascript:x\""), &any, NULL);
    assert_non_null(tree);
    assert_non_null(minus);
    const struct {
        const char *literal;
        cstar_val v;
        cstar_status rc;
        const char *expected;
    } cases[] = {
        {"<p>{}</p>", cstar_val_int(-42), CSTAR_OK, "<p>-42</p>"},
        {"<p>{}</p>", cstar_val_uint(UINT64_MAX), CSTAR_OK, "<p>18446744073709551615</p>"},
        {"<p>{}</p>", cstar_val_double(0.1), CSTAR_OK, "<p>0.1</p>"},
        {"<p>{}</p>", cstar_val_bool(true), CSTAR_OK, "<p>true</p>"},
        {"<p>{}</p>", cstar_val_null(), CSTAR_OK, "<p></p>"},
        {"<p>{}</p>", cstar_val_char('<'), CSTAR_OK, "<p>&lt;</p>"},
        {"<p>{}</p>", cstar_val_cstr(NULL), CSTAR_OK, "<p></p>"},
        {"<p>{}</p>", cstar_val_str(cstar_view(NULL, 0)), CSTAR_OK, "<p></p>"},
        {"<p>{}</p>", cstar_json_text(" [1, \"<\"] "), CSTAR_OK, "<p>[1,&quot;&lt;&quot;]</p>"},
        {"<p>{}</p>", cstar_json_text("[1,"), CSTAR_ESYNTAX, ""},
        {"<p>{}</p>", cstar_val_tree(minus), CSTAR_OK, "<p>-5</p>"},
        {"<p>{}</p>", cstar_val_trusted(cstar_trust("<i>x</i>")), CSTAR_OK, "<p><i>x</i></p>"},
        {"<p>{}</p>", cstar_val_trusted(cstar_trust("<i>x</i")), CSTAR_EUNSAFE, ""},
        {"<p>{}</p>", cstar_val_trusted(cstar_trust("AT&T")), CSTAR_EUNSAFE, ""},
        {"<p>{}</p>", cstar_val_trusted(cstar_trust("<script><!--</script>")), CSTAR_EUNSAFE, ""},
        {"<p>{}</p>", cstar_val_trusted(cstar_trust("<textarea>")), CSTAR_EUNSAFE, ""},
        {"<title>{}</title>", cstar_val_trusted(cstar_trust("x")), CSTAR_EUNSAFE, ""},
        {"<p title='{}'></p>", cstar_val_trusted(cstar_trust("x")), CSTAR_EUNSAFE, ""},
        {"<p>{}</p>", cstar_val_fragment(cstar_frag(render_b, "<")), CSTAR_OK,
         "<p><b>&lt;</b></p>"},
        {"<p>{}</p>", cstar_val_fragment(cstar_frag(render_open, NULL)), CSTAR_EUNSAFE, ""},
        {"<p>{}</p>", cstar_val_fragment(cstar_frag(render_ref, NULL)), CSTAR_EUNSAFE, ""},
        {"<p>{}</p>", cstar_val_fragment(cstar_frag(NULL, NULL)), CSTAR_EINVAL, ""},
        {"<title>{}</title>", cstar_val_fragment(cstar_frag(render_text, "<")), CSTAR_OK,
         "<title>&lt; &amp;amp;</title>"},
        {"<title>{}</title>", cstar_val_fragment(cstar_frag(render_b, "<")), CSTAR_EUNSAFE, ""},
        {"<p title='{}'></p>", cstar_val_fragment(cstar_frag(render_b, "<")), CSTAR_EUNSAFE, ""},
        {"<p data-text='{}'></p>", cstar_val_fragment(cstar_frag(render_b, "<")), CSTAR_EUNSAFE,
         ""},
        {"<p>{}</p>", code("@post()"), CSTAR_EUNSAFE, ""},
        {"<p title='{}'></p>", cstar_val_int(3), CSTAR_OK, "<p title='3'></p>"},
        {"<p data-x='{}'></p>", cstar_val_tree(minus), CSTAR_OK, "<p data-x='-5'></p>"},
        {"<p data-x='{}'></p>", code("@post()"), CSTAR_EUNSAFE, ""},
        {"<p href='{}'></p>", cstar_val_int(3), CSTAR_OK, "<p href='3'></p>"},
        {"<p href='{}'></p>", cstar_val_char('?'), CSTAR_OK, "<p href='?'></p>"},
        {"<p href='/{}'></p>", cstar_val_bool(false), CSTAR_OK, "<p href='/false'></p>"},
        {"<p href='{}'></p>", cstar_val_tree(minus), CSTAR_EUNSAFE, ""},
        {"<p href='{}'></p>", code("x"), CSTAR_EUNSAFE, ""},
        {"<p style='width: {}px'></p>", cstar_val_double(-1.5), CSTAR_OK,
         "<p style='width: -1.5px'></p>"},
        {"<p style='width: {}px'></p>", cstar_val_double(NAN), CSTAR_EUNSAFE, ""},
        {"<p style='width: {}px'></p>", cstar_val_cstr("1"), CSTAR_EUNSAFE, ""},
        {"<p style='width: {}px'></p>", cstar_val_bool(true), CSTAR_EUNSAFE, ""},
        {"<p values='0;{}'></p>", cstar_val_int(1), CSTAR_OK, "<p values='0;1'></p>"},
        {"<p values='0;{}'></p>", cstar_val_cstr("javascript:x"), CSTAR_EUNSAFE, ""},
        /* expressions */
        {"<p data-text='{}'></p>", cstar_val_int(42), CSTAR_OK, "<p data-text='42'></p>"},
        {"<p data-text='$a-{}'></p>", cstar_val_int(5), CSTAR_OK, "<p data-text='$a-(5)'></p>"},
        {"<p data-text='$a -{}'></p>", cstar_val_int(5), CSTAR_OK, "<p data-text='$a -(5)'></p>"},
        {"<p data-text='$a -{}'></p>", cstar_val_int(-5), CSTAR_OK, "<p data-text='$a -(-5)'></p>"},
        {"<p data-text='$a -{}'></p>", cstar_val_bool(true), CSTAR_OK,
         "<p data-text='$a -(true)'></p>"},
        {"<p data-text='{} ** 2'></p>", cstar_val_int(-2), CSTAR_OK,
         "<p data-text='(-2) ** 2'></p>"},
        {"<p data-text='{}'></p>", cstar_val_uint(7), CSTAR_OK, "<p data-text='7'></p>"},
        {"<p data-text='{}'></p>", cstar_val_double(0.5), CSTAR_OK, "<p data-text='0.5'></p>"},
        {"<p data-text='{}'></p>", cstar_val_double(-0.0), CSTAR_OK, "<p data-text='(-0)'></p>"},
        {"<p data-text='{}'></p>", cstar_val_double(INFINITY), CSTAR_OK,
         "<p data-text='null'></p>"},
        {"<p data-text='{}'></p>", cstar_val_bool(false), CSTAR_OK, "<p data-text='false'></p>"},
        {"<p data-text='{}'></p>", cstar_val_null(), CSTAR_OK, "<p data-text='null'></p>"},
        {"<p data-text='{}'></p>", cstar_val_char('$'), CSTAR_OK,
         "<p data-text='&quot;\\u0024&quot;'></p>"},
        {"<p data-text='{}'></p>", cstar_json_text("-1.5"), CSTAR_OK, "<p data-text='(-1.5)'></p>"},
        {"<p data-text='{}'></p>", cstar_json_text("\"\\"), CSTAR_ESYNTAX, ""},
        {"<p data-text='{}'></p>", cstar_val_tree(minus), CSTAR_OK, "<p data-text='(-5)'></p>"},
        {"<p data-text='{}'></p>", cstar_val_tree(NULL), CSTAR_OK, "<p data-text='null'></p>"},
        {"<p data-signals='{}'></p>", cstar_val_tree(tree), CSTAR_OK,
         "<p "
         "data-signals='{&quot;a&quot;:[-1,&quot;"
         "it\\u0027s\\u003B\\u005C\\u0022\\u007D\\u007B\\u0024&quot;,null],"
         "[&quot;__proto__&quot;]:{[&quot;__proto__&quot;]:&quot;__proto__&quot;},&quot;"
         "\\u0040x\\u0028&quot;:1.5}'></p>"},
        {"<p data-signals='{}'></p>",
         cstar_json_text("{\"\\u005f\\u005Fproto__\" : \"\\/\xF0\x9F\x9A\x80\"}"), CSTAR_OK,
         "<p "
         "data-signals='{[&quot;\\u005f\\u005Fproto__&quot;]:&quot;\\/\\uD83D\\uDE80&quot;}'></p>"},
        {"<p data-on:click='{}'></p>", code("@post(\"/x\") && 1"), CSTAR_OK,
         "<p data-on:click='@post(&quot;/x&quot;) &amp;&amp; 1'></p>"},
        {"<p data-on:click='{}'></p>", attrs("a='b'"), CSTAR_EUNSAFE, ""},
        {"<p data-on:click='{}'></p>", cstar_val_expr((cstar_expr){.write = write_nothing}),
         CSTAR_ERANGE, ""},
        {"<p data-on:click='{}'></p>", cstar_val_expr((cstar_expr){.write = NULL}), CSTAR_EINVAL,
         ""},
        {"<p data-on:click='{}'></p>", cstar_val_trusted(cstar_trust("x")), CSTAR_EUNSAFE, ""},
        {"<p data-on:click=\"'{}'\"></p>", code("@post()"), CSTAR_EUNSAFE, ""},
        {"<p data-on:click=\"'{}'\"></p>", cstar_val_int(-3), CSTAR_OK,
         "<p data-on:click=\"'-3'\"></p>"},
        {"<p data-on:click=\"'{}'\"></p>", cstar_val_tree(minus), CSTAR_EUNSAFE, ""},
        {"<p data-attr:href='{}'></p>", cstar_val_tree(script), CSTAR_OK,
         "<p data-attr:href='&quot;about:invalid&quot;'></p>"},
        {"<p data-attr:href='{}'></p>", cstar_val_tree(tree), CSTAR_EUNSAFE, ""},
        {"<p data-attr:href='{}'></p>", cstar_json_text("\"javascript:x\""), CSTAR_EUNSAFE, ""},
        {"<p data-attr:href='{}'></p>", cstar_val_int(4), CSTAR_OK, "<p data-attr:href='4'></p>"},
        /* signals */
        {"<p data-bind='{}'></p>", cstar_val_int(4), CSTAR_EINVAL, ""},
        {"<p data-bind='a{}'></p>", cstar_val_int(4), CSTAR_OK, "<p data-bind='a4'></p>"},
        {"<p data-bind='{}'></p>", cstar_val_cstr(""), CSTAR_EINVAL, ""},
        {"<p data-bind='{}'></p>", cstar_val_cstr("a..b"), CSTAR_EINVAL, ""},
        {"<p data-bind='{}'></p>", cstar_val_cstr("a."), CSTAR_EINVAL, ""},
        {"<p data-bind='{}'></p>", cstar_val_cstr("a-b"), CSTAR_EINVAL, ""},
        {"<p data-bind='{}'></p>", cstar_val_cstr("a.__proto__.b"), CSTAR_EINVAL, ""},
        {"<p data-bind='{}'></p>", cstar_val_cstr("1a"), CSTAR_EINVAL, ""},
        {"<p data-bind='{}'></p>", cstar_val_cstr("\xC3\xA9"), CSTAR_EINVAL, ""},
        {"<p data-bind='{}'></p>", code("x"), CSTAR_EINVAL, ""},
        /* attributes */
        {"<p {}></p>", attrs("a='b' c"), CSTAR_EUNSAFE, ""},
        {"<p {}></p>", attrs("a='b' c='d'"), CSTAR_OK, "<p a='b' c='d'></p>"},
        {"<p x='y'{}></p>", attrs("a='b'"), CSTAR_OK, "<p x='y' a='b'></p>"},
        {"<p checked {} ></p>", attrs("a='b'"), CSTAR_OK, "<p checked a='b' ></p>"},
        {"<p {}></p>", attrs(""), CSTAR_OK, "<p ></p>"},
        {"<p {}></p>", attrs("a='b'>"), CSTAR_EUNSAFE, ""},
        {"<p {}></p>", attrs("a='b"), CSTAR_EUNSAFE, ""},
        {"<p {}></p>", attrs("a=b"), CSTAR_EUNSAFE, ""},
        {"<p {}></p>", cstar_val_cstr("a='b'"), CSTAR_EUNSAFE, ""},
        {"<p {}></p>", code("x"), CSTAR_EUNSAFE, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cstar_err err = {.code = CSTAR_OK};
        const cstar_status rc = render(cases[i].literal, cases[i].v, &err);
        if (rc != cases[i].rc || strcmp(mem, cases[i].expected) != 0) {
            fail_msg("case %zu, %s:\n  got      %d %s (%s)\n  expected %d %s", i, cases[i].literal,
                     rc, mem, rc != CSTAR_OK ? err.text : "", cases[i].rc, cases[i].expected);
        }
        assert_true(rc == CSTAR_OK || err.text[0] != '\0');
    }
    cstar_arena_fini(&arena);
}

/* ---- places without a safe form ---- */

static const char *const refused[] = {
    "<{}>",
    "</{}>",
    "<p{}>",
    "<p a{}='x'>",
    "<p data-{}='x'>",
    "<p a={}>",
    "<p a= {}>",
    "<p a=b{}>",
    "<p a=/{}>",
    "<p/{}>",
    "<!{}>",
    "<!-{}",
    "<!--{}-->",
    "<!-- x -{}-->",
    "<!DOCTYPE {}>",
    "<?{}>",
    "</ {}>",
    "<!--a--!{}",
    "<script>{}</script>",
    "<SCRIPT a='b'>x {}",
    "<style>{}</style>",
    "<xmp>{}",
    "<iframe>{}",
    "<noembed>{}",
    "<noframes>{}",
    "<plaintext>{}",
    "<plaintext></plaintext>{}",
    "<script/>{}",
    "<script><!-{}",
    "<script></scrip>{}",
    "<title><b>{}",
    "<textarea></title>{}",
    "<title>a<{}",
    "<title></{}",
    "<title></title{}",
    "<title>a<!{}",
    "<title>&{}",
    "&{}",
    "&am{}",
    "&#{}",
    "&#x{}",
    "AT&T{}",
    "<p a='&{}'>",
    "<p a='&#3{}'>",
    "<a href='/?a&{}'>",
    "<a href='?a=1&b{}'>",
    "<p onclick='{}'>",
    "<p ONxyz='{}'>",
    "<p on='{}'>",
    "<iframe srcdoc='{}'>",
    "<img srcset='{}'>",
    "<a ping='{}'>",
    "<link imagesrcset='{}'>",
    "<img attributionsrc='{}'>",
    "<p data-attr:onclick='{}'>",
    "<p data-attr:srcdoc='{}'>",
    "<p data-attr-onclick='{}'>",
    "<p data-star-attr:onload__x='{}'>",
    /* URLs */
    "<a href='javascript:{}'>",
    "<a href=' Java\tScript:{}'>",
    "<a href='data:{}'>",
    "<a href='vbscript:/{}'>",
    "<a href='java&#115;cript:{}'>",
    "<a href='javascript&colon;{}'>",
    "<a href='&Tab;{}'>",
    "<a href='{}:x'>",
    "<a href='a{}:x'>",
    "<a href='{}&colon;x'>",
    "<a href='{}&#58;x'>",
    "<a href='{}&#x3a;x'>",
    "<a href='{}x:y'>",
    "<a href='{}{}:y'>",
    /* expressions */
    "<a data-text='/{}'>",
    "<a data-text='/a/.test({})'>",
    "<a data-text='$a / 2 + {}'>",
    "<a data-text='// {}'>",
    "<a data-text='`{}`'>",
    "<a data-text='`a` + {}'>",
    "<a data-text='$a{}'>",
    "<a data-text='${}'>",
    "<a data-text='@{}'>",
    "<a data-text='1{}'>",
    "<a data-text='$a.{}'>",
    "<a data-text='{}a'>",
    "<a data-text='{}$a'>",
    "<a data-text='{}.a'>",
    "<a data-text='{}1'>",
    "<a data-text='{}{}'>",
    "<a data-text='\xC3\xA9{}'>",
    "<a data-text='{}\xC3\xA9'>",
    "<a data-text='\\{}'>",
    "<a data-text='$a &{}'>",
    "<a data-text='&quot;{}&quot;'>",
    "<a data-text='$a &lt {}'>",
    "<a data-text='<!-- {}'>",
    "<a data-text=\"'\\{}'\">",
    "<a data-text=\"'\\x4{}'\">",
    "<a data-text=\"'\\u00{}'\">",
    "<a data-text=\"'\\u{{{}'\">",
    "<a data-text=\"'@{}'\">",
    "<a data-text=\"'@po{}'\">",
    "<a data-text=\"'a\\\\' + {}\">",
    "<a data-text=\"'a\\\n{}'\">",
    "<a data-bind='a b{}'>",
    "<a data-bind='&#97;{}'>",
    "<a data-bind='.{}'>",
    "<a data-bind='a..{}'>",
};

static void places_without_a_safe_form_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        cstar_err err = {.code = CSTAR_OK};
        if (parse_only(refused[i], &err) != CSTAR_EUNSAFE) {
            fail_msg("not refused: %s (%d, %s), rendered %s", refused[i], err.code, err.text, mem);
        }
        assert_non_null(err.where);
    }
}

static void literals_without_holes_may_be_refused_too(void **state) {
    (void)state;
    cstar_err err;
    assert_int_equal(parse_only("<script><!-- <script> </script>", &err), CSTAR_EUNSAFE);
    assert_int_equal(parse_only("<script>a <!- b <! c < d</script>", &err), CSTAR_OK);
    assert_int_equal(parse_only("<style><!-- a --></style>", &err), CSTAR_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped_for_their_place),
        cmocka_unit_test(nul_bytes_are_replaced_or_coded),
        cmocka_unit_test(kinds_of_values),
        cmocka_unit_test(places_without_a_safe_form_are_refused),
        cmocka_unit_test(literals_without_holes_may_be_refused_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
