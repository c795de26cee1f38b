/* test_multipart.c -- form-data in any pieces. SPDX-License-Identifier: MIT */
#include "http/multipart.h"
#include "support/failalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- a log of the events -------------------------------------------------------------------- */

typedef struct rig {
    cstar_buf log;
    size_t events, fail_at; /* the event that fails; 0: none */
    bool inside;
} rig;

static cstar_status count(rig *r) { return ++r->events == r->fail_at ? CSTAR_EPOLICY : CSTAR_OK; }

static cstar_status on_begin(void *ctx, const cstar__part *p) {
    rig *r = ctx;
    assert_false(r->inside);
    r->inside = true;
    cstar_buf_puts(&r->log, "<");
    cstar_buf_str(&r->log, p->name);
    if (p->filename.ptr != NULL) {
        cstar_buf_puts(&r->log, "|");
        cstar_buf_str(&r->log, p->filename);
    }
    if (p->content_type.ptr != NULL) {
        cstar_buf_puts(&r->log, "|");
        cstar_buf_str(&r->log, p->content_type);
    }
    cstar_buf_puts(&r->log, ">");
    return count(r);
}

static cstar_status on_data(void *ctx, const char *ptr, size_t len) {
    rig *r = ctx;
    assert_true(r->inside && len != 0);
    cstar_buf_add(&r->log, ptr, len);
    return r->fail_at != 0 ? count(r) : CSTAR_OK;
}

static cstar_status on_part_end(void *ctx) {
    rig *r = ctx;
    assert_true(r->inside);
    r->inside = false;
    cstar_buf_puts(&r->log, "</>");
    return count(r);
}

static cstar_status on_done(void *ctx) {
    rig *r = ctx;
    assert_false(r->inside);
    cstar_buf_puts(&r->log, "done");
    return count(r);
}

static const cstar__multipart_events all_events = {on_begin, on_data, on_part_end, on_done};

#define TYPE "multipart/form-data; boundary=b"

/* Feeds `body` in two pieces, each in memory of exactly its size, and then appends the status. */
static void run_cut(rig *r, cstar__multipart_opts o, cstar_str body, size_t cut, size_t cut2) {
    const size_t ends[3] = {cut, cut2, body.len};
    cstar__multipart m;
    size_t from = 0;
    o.events = &all_events;
    o.ctx = r;
    o.content_type = o.content_type.ptr != NULL ? o.content_type : CSTAR_STR(TYPE);
    cstar_status rc = cstar__multipart_init(&m, &o);
    for (size_t i = 0; i < 3; i++) {
        size_t n = ends[i] - from;
        char *copy = malloc(n != 0 ? n : 1);
        assert_non_null(copy);
        if (n != 0) {
            memcpy(copy, body.ptr + from, n);
        }
        cstar_status now = cstar__multipart_feed(&m, copy, n);
        assert_true(rc == CSTAR_OK || now == rc);
        rc = now;
        free(copy);
        from = ends[i];
    }
    cstar_status end = cstar__multipart_end(&m);
    assert_true(rc == CSTAR_OK || end == rc);
    assert_int_equal(cstar__multipart_feed(&m, "", 0), end);
    if (end != CSTAR_OK) {
        cstar_buf_puts(&r->log, "!");
        cstar_buf_puts(&r->log, cstar_strerror(end));
    }
    cstar_buf_byte(&r->log, '\0');
    cstar__multipart_fini(&m);
}

static void rig_init(rig *r) {
    *r = (rig){.events = 0};
    cstar_buf_init(&r->log, cstar_heap(), (size_t)1 << 24);
}

static void expect(cstar__multipart_opts o, cstar_str body, const char *expected) {
    for (size_t cut = 0; cut <= body.len; cut++) {
        rig r;
        rig_init(&r);
        run_cut(&r, o, body, cut, cut + (body.len - cut) / 2);
        if (strcmp(r.log.ptr, expected) != 0) {
            print_message("cut at %zu:\n%s\n%s\n", cut, r.log.ptr, expected);
        }
        assert_string_equal(r.log.ptr, expected);
        cstar_buf_fini(&r.log);
    }
}

/* ---- bodies --------------------------------------------------------------------------------- */

#define CD "Content-Disposition: form-data; "
#define A "--b\r\n" CD "name=a\r\n\r\n" /* the begin of a part */
#define END "\r\n--b--\r\n"
#define BAD "!malformed input"

typedef struct body_case {
    const char *name;
    cstar_str body;
    const char *expected;
} body_case;

#define S(literal)                                                                                 \
    { "" literal, sizeof(literal) - 1 }

static const body_case bodies[] = {
    {"one field", S(A "1" END), "<a>1</>done"},
    {"no CRLF at the end", S(A "1\r\n--b--"), "<a>1</>done"},
    {"empty field", S(A END), "<a></>done"},
    {"two fields", S(A "1\r\n" A "2" END), "<a>1</><a>2</>done"},
    {"a file",
     S("--b\r\n" CD "name=\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\nhi" END),
     "<f|x.txt|text/plain>hi</>done"},
    {"an empty file",
     S("--b\r\n" CD "name=\"f\"; filename=\"\"\r\n"
       "Content-Type: application/octet-stream\r\n\r\n" END),
     "<f||application/octet-stream></>done"},
    {"names without case",
     S("--b\r\ncontent-DISPOSITION:Form-Data;NAME=a\r\nCONTENT-type:x/y\r\n\r\n" END),
     "<a|x/y></>done"},
    {"other fields",
     S("--b\r\nX-A: b\r\n" CD "name=a\r\nContent-Transfer-Encoding: Binary\r\n\r\n1" END),
     "<a>1</>done"},
    {"quote by %22", S("--b\r\n" CD "name=\"a%22%0d%0Ab%20\"\r\n\r\n" END), "<a\"\r\nb%20></>done"},
    {"quote by backslash", S("--b\r\n" CD "name=\"a\\\"b\\\\c\"\r\n\r\n" END), "<a\"b\\c></>done"},
    {"backslashes that escape nothing",
     S("--b\r\n" CD "name=\"a\"; filename=\"C:\\dir\\f.txt\"\r\n\r\n" END),
     "<a|C:\\dir\\f.txt></>done"},
    {"semicolon in quotes", S("--b\r\n" CD "name=\"a;b=c\"\r\n\r\n" END), "<a;b=c></>done"},
    {"UTF-8 name", S("--b\r\n" CD "name=\"\xc3\xa9\"\r\n\r\n" END), "<\xc3\xa9></>done"},
    {"empty name", S("--b\r\n" CD "name=\"\"\r\n\r\n1" END), "<>1</>done"},
    {"filename* is passed over", S("--b\r\n" CD "name=a; filename*=UTF-8''x\r\n\r\n1" END),
     "<a>1</>done"},
    {"CRLF in content", S(A "1\r\n2\r\n" END), "<a>1\r\n2\r\n</>done"},
    {"CRs in content", S(A "\r\r\r\r\n\n\r" END), "<a>\r\r\r\r\n\n\r</>done"},
    {"CRs before the delimiter", S(A "\r\r\r\n--b--"), "<a>\r\r</>done"},
    {"almost a delimiter", S(A "\r\n-\r\n--\r\n--c\r\n" END), "<a>\r\n-\r\n--\r\n--c\r\n</>done"},
    {"delimiter without CR", S(A "\n--b\n--b--" END), "<a>\n--b\n--b--</>done"},
    {"delimiter without CRLF", S(A "--b--" END), "<a>--b--</>done"},
    {"half a delimiter before one", S(A "\r\n--\r\n--b--"), "<a>\r\n--</>done"},
    {"NUL in content", S(A "1\0002" END), "<a>1"}, /* the log ends there */

    {"nothing", S(""), BAD},
    {"no part", S("--b--\r\n"), BAD},
    {"not closed", S(A "1"), "<a>1" BAD},
    {"not closed, CR", S(A "1\r"), "<a>1" BAD},
    {"not closed, delimiter begun", S(A "1\r\n--"), "<a>1" BAD},
    {"not closed, delimiter", S(A "1\r\n--b"), "<a>1</>" BAD},
    {"not closed, one dash", S(A "1\r\n--b-"), "<a>1</>" BAD},
    {"not closed, next part", S(A "1\r\n--b\r\n"), "<a>1</>" BAD},
    {"not closed, head", S("--b\r\n" CD "name=a\r\n"), BAD},
    {"closed, CR only", S(A "1\r\n--b--\r"), "<a>1</>done" BAD},
    {"text before", S("hello\r\n" A "1" END), BAD},
    {"CRLF before", S("\r\n" A "1" END), BAD},
    {"text behind", S(A "1" END "x"), "<a>1</>done" BAD},
    {"text directly behind", S(A "1\r\n--b--x"), "<a>1</>done" BAD},
    {"a second body", S(A "1" END A "2" END), "<a>1</>done" BAD},
    {"other boundary", S("--c\r\n" CD "name=a\r\n\r\n1\r\n--c--"), BAD},
    {"longer boundary", S(A "1\r\n--bc\r\n\r\n"), "<a>1</>" BAD},
    {"space behind a delimiter", S(A "1\r\n--b \r\n" CD "name=x\r\n\r\n" END), "<a>1</>" BAD},
    {"LF behind a delimiter", S(A "1\r\n--b\n" CD "name=x\r\n\r\n" END), "<a>1</>" BAD},
    {"CR CR behind a delimiter", S(A "1\r\n--b\r\r\n"), "<a>1</>" BAD},
    {"-x behind a delimiter", S(A "1\r\n--b-x"), "<a>1</>" BAD},
    {"first delimiter with LF", S("--b\n" CD "name=a\r\n\r\n1" END), BAD},
    {"empty head", S("--b\r\n\r\n1" END), BAD},
    {"LF in head", S("--b\r\n" CD "name=a\n\r\n1" END), BAD},
    {"LF LF behind head", S("--b\r\n" CD "name=a\r\n\n1" END), BAD},
    {"CR in head", S("--b\r\n" CD "name=a\rX: y\r\n\r\n1" END), BAD},
    {"NUL in head", S("--b\r\n" CD "name=\"a\0\"\r\n\r\n1" END), BAD},
    {"folded line", S("--b\r\n" CD "\r\n name=a\r\n\r\n1" END), BAD},
    {"space before colon", S("--b\r\nContent-Disposition : form-data; name=a\r\n\r\n" END), BAD},
    {"no colon", S("--b\r\n" CD "name=a\r\nfoo\r\n\r\n" END), BAD},
    {"no name of a field", S("--b\r\n" CD "name=a\r\n: x\r\n\r\n" END), BAD},
    {"no disposition", S("--b\r\nContent-Type: x/y\r\n\r\n" END), BAD},
    {"two dispositions", S("--b\r\n" CD "name=a\r\n" CD "name=b\r\n\r\n" END), BAD},
    {"two types", S("--b\r\n" CD "name=a\r\nContent-Type: x/y\r\nContent-Type: x/y\r\n\r\n" END),
     BAD},
    {"attachment", S("--b\r\nContent-Disposition: attachment; name=a\r\n\r\n" END), BAD},
    {"no name", S("--b\r\n" CD "filename=a\r\n\r\n" END), BAD},
    {"two names", S("--b\r\n" CD "name=a; name=b\r\n\r\n" END), BAD},
    {"two filenames", S("--b\r\n" CD "name=a; filename=b; Filename=c\r\n\r\n" END), BAD},
    {"name not closed", S("--b\r\n" CD "name=\"a\r\n\r\n" END), BAD},
    {"text behind name", S("--b\r\n" CD "name=\"a\"b\r\n\r\n" END), BAD},
    {"space around =", S("--b\r\n" CD "name = a\r\n\r\n" END), BAD},
    {"name not UTF-8", S("--b\r\n" CD "name=\"\xff\"\r\n\r\n" END), "!invalid UTF-8"},
    {"filename not UTF-8", S("--b\r\n" CD "name=a; filename=\"\xe9.txt\"\r\n\r\n" END),
     "!invalid UTF-8"},
    {"base64", S("--b\r\n" CD "name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n" END),
     "!not supported by this build"},
    {"two encodings",
     S("--b\r\n" CD "name=a\r\nContent-Transfer-Encoding: 8bit\r\n"
       "Content-Transfer-Encoding: 8bit\r\n\r\n" END),
     BAD},
};

static void test_bodies(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        print_message("%s\n", bodies[i].name);
        expect((cstar__multipart_opts){.alloc = cstar_heap()}, bodies[i].body, bodies[i].expected);
    }
}

static void test_byte_by_byte(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        rig r;
        cstar__multipart m;
        rig_init(&r);
        cstar__multipart_opts o = {.alloc = cstar_heap(),
                                   .content_type = CSTAR_STR(TYPE),
                                   .events = &all_events,
                                   .ctx = &r};
        assert_int_equal(cstar__multipart_init(&m, &o), CSTAR_OK);
        for (size_t k = 0; k < bodies[i].body.len; k++) {
            (void)cstar__multipart_feed(&m, bodies[i].body.ptr + k, 1);
        }
        cstar_status rc = cstar__multipart_end(&m);
        if (rc != CSTAR_OK) {
            cstar_buf_puts(&r.log, "!");
            cstar_buf_puts(&r.log, cstar_strerror(rc));
        }
        cstar_buf_byte(&r.log, '\0');
        assert_string_equal(r.log.ptr, bodies[i].expected);
        cstar__multipart_fini(&m);
        cstar_buf_fini(&r.log);
    }
}

/* A whole body is the only prefix of itself that is one, but for its last CRLF. */
static void test_prefixes(void **state) {
    (void)state;
    cstar_str body = CSTAR_STR(A "1\r\n" A "\r\n2" END);
    for (size_t n = 0; n <= body.len; n++) {
        rig r;
        rig_init(&r);
        run_cut(&r, (cstar__multipart_opts){.alloc = cstar_heap()}, cstar_view(body.ptr, n), n, n);
        assert_int_equal(strchr(r.log.ptr, '!') == NULL, n == body.len || n == body.len - 2);
        cstar_buf_fini(&r.log);
    }
}

/* ---- boundaries ----------------------------------------------------------------------------- */

#define X10 "xxxxxxxxxx"
#define X70 X10 X10 X10 X10 X10 X10 X10

static void test_boundaries(void **state) {
    (void)state;
    static const struct {
        const char *type;
        cstar_status status;
    } cases[] = {
        {"multipart/form-data; boundary=----WebKitFormBoundaryAbC0", CSTAR_OK},
        {"Multipart/Form-Data; Boundary=\"a b\"", CSTAR_OK},
        {"multipart/form-data; charset=utf-8; boundary='()+_,-./:=?", CSTAR_ESYNTAX},
        {"multipart/form-data; charset=utf-8; boundary=\"'()+_,-./:=?\"", CSTAR_OK},
        {"multipart/form-data; boundary=" X70, CSTAR_OK},
        {"multipart/form-data; boundary=" X70 "x", CSTAR_ESYNTAX},
        {"multipart/form-data; boundary=\"\"", CSTAR_ESYNTAX},
        {"multipart/form-data; boundary=", CSTAR_ESYNTAX},
        {"multipart/form-data; boundary=\"a \"", CSTAR_ESYNTAX},
        {"multipart/form-data; boundary=\"a\\\"b\"", CSTAR_ESYNTAX},
        {"multipart/form-data; boundary=\"a*b\"", CSTAR_ESYNTAX},
        {"multipart/form-data; boundary=a; boundary=b", CSTAR_ESYNTAX},
        {"multipart/form-data; boundary=\"\xc3\xa9\"", CSTAR_ESYNTAX},
        {"multipart/form-data", CSTAR_ESYNTAX},
        {"multipart/mixed; boundary=a", CSTAR_ESYNTAX},
        {"application/x-www-form-urlencoded", CSTAR_ESYNTAX},
        {"", CSTAR_ESYNTAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cstar__multipart m;
        print_message("%s\n", cases[i].type);
        cstar__multipart_opts o = {.alloc = cstar_heap(),
                                   .content_type = cstar_cstr(cases[i].type),
                                   .events = &all_events};
        assert_int_equal(cstar__multipart_init(&m, &o), cases[i].status);
        if (cases[i].status != CSTAR_OK) {
            assert_int_equal(cstar__multipart_feed(&m, "--a", 3), cases[i].status);
        }
        cstar__multipart_fini(&m);
    }
    expect((cstar__multipart_opts){.alloc = cstar_heap(),
                                   .content_type =
                                       CSTAR_STR("multipart/form-data; boundary=\"--a-\"")},
           CSTAR_STR("----a-\r\n" CD "name=n\r\n\r\n--a-\r\n----a\r\n--\r\n----a---"),
           "<n>--a-\r\n----a\r\n--</>done");
}

/* ---- limits --------------------------------------------------------------------------------- */

static void test_limits(void **state) {
    (void)state;
    const cstar_allocator *a = cstar_heap();
    cstar_str two = CSTAR_STR(A "1\r\n" A "2" END);
    expect((cstar__multipart_opts){.alloc = a, .max_parts = 2}, two, "<a>1</><a>2</>done");
    expect((cstar__multipart_opts){.alloc = a, .max_parts = 1}, two, "<a>1</>!a limit was reached");
    cstar_str long_part = CSTAR_STR(A "12\r\n-5" END);
    expect((cstar__multipart_opts){.alloc = a, .max_part = 6}, long_part, "<a>12\r\n-5</>done");
    expect((cstar__multipart_opts){.alloc = a, .max_part = 5}, long_part,
           "<a>12\r\n-!a limit was reached");
    expect((cstar__multipart_opts){.alloc = a, .max_part = 1}, two, "<a>1</><a>2</>done");
    expect((cstar__multipart_opts){.alloc = a, .max_total = two.len}, two, "<a>1</><a>2</>done");
    expect((cstar__multipart_opts){.alloc = a, .max_total = two.len - 1}, two,
           "<a>1</><a>2</>done!a limit was reached");
    size_t head = sizeof CD "name=a\r\n\r\n" - 1;
    expect((cstar__multipart_opts){.alloc = a, .max_head = head}, two, "<a>1</><a>2</>done");
    expect((cstar__multipart_opts){.alloc = a, .max_head = head - 1}, two, "!a limit was reached");
}

/* A part that never ends its head is stopped at the limit, and memory with it. */
static void test_endless_head(void **state) {
    (void)state;
    failalloc f;
    rig r;
    cstar__multipart m;
    failalloc_init(&f, 0);
    rig_init(&r);
    cstar__multipart_opts o = {
        .alloc = &f.alloc, .content_type = CSTAR_STR(TYPE), .events = &all_events, .ctx = &r};
    assert_int_equal(cstar__multipart_init(&m, &o), CSTAR_OK);
    assert_int_equal(cstar__multipart_feed(&m, "--b\r\n", 5), CSTAR_OK);
    cstar_status rc = CSTAR_OK;
    for (int i = 0; rc == CSTAR_OK && i < 10000; i++) {
        rc = cstar__multipart_feed(&m, "X: y\r\n", 6);
    }
    assert_int_equal(rc, CSTAR_ELIMIT);
    assert_true(f.live_bytes <= 4096);
    cstar__multipart_fini(&m);
    cstar_buf_fini(&r.log);
    assert_int_equal(f.live_blocks, 0);
}

/* Content needs no memory of ours, whatever it is. */
static void test_content_is_not_kept(void **state) {
    (void)state;
    failalloc f;
    cstar__multipart m;
    static const cstar__multipart_events none = {NULL, NULL, NULL, NULL};
    cstar__multipart_opts o = {.alloc = &f.alloc, .content_type = CSTAR_STR(TYPE), .events = &none};
    failalloc_init(&f, 0);
    assert_int_equal(cstar__multipart_init(&m, &o), CSTAR_OK);
    assert_int_equal(cstar__multipart_feed(&m, A, sizeof A - 1), CSTAR_OK);
    size_t calls = f.calls;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(cstar__multipart_feed(&m, "\r\n--\r\n--\r", 10), CSTAR_OK);
    }
    assert_int_equal(cstar__multipart_feed(&m, END, sizeof END - 1), CSTAR_OK);
    assert_int_equal(cstar__multipart_end(&m), CSTAR_OK);
    assert_int_equal(f.calls, calls);
    cstar__multipart_fini(&m);
}

/* ---- failures ------------------------------------------------------------------------------- */

static void test_callbacks_fail(void **state) {
    (void)state;
    cstar_str body = CSTAR_STR(A "1\r\n" A "2\r\n3" END);
    for (size_t n = 1; n <= 7; n++) {
        for (size_t cut = 0; cut <= body.len; cut++) {
            rig r;
            rig_init(&r);
            r.fail_at = n;
            run_cut(&r, (cstar__multipart_opts){.alloc = cstar_heap()}, body, cut, cut);
            assert_int_equal(r.events, n); /* and none behind it */
            assert_non_null(strstr(r.log.ptr, "!refused by policy"));
            cstar_buf_fini(&r.log);
        }
    }
}

static void test_out_of_memory(void **state) {
    (void)state;
    cstar_str body = CSTAR_STR(A "1\r\n--b\r\n" CD "name=\"" X70 X70 X70 X70 X70 "\"\r\n\r\n" END);
    for (size_t n = 1;; n++) {
        failalloc f;
        rig r;
        failalloc_init(&f, n);
        rig_init(&r);
        run_cut(&r, (cstar__multipart_opts){.alloc = &f.alloc}, body, 30, 60);
        bool failed = f.calls >= n;
        assert_int_equal(strstr(r.log.ptr, "!out of memory") != NULL, failed);
        cstar_buf_fini(&r.log);
        assert_int_equal(f.live_blocks, 0);
        if (!failed) {
            assert_true(n > 2);
            return;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),         cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_prefixes),       cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_limits),         cmocka_unit_test(test_endless_head),
        cmocka_unit_test(test_callbacks_fail), cmocka_unit_test(test_content_is_not_kept),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
