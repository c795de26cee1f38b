/* expect.h -- one call of a format function, in every way it can go.
 *
 * expect_bytes() runs the call into a heap buffer that holds something already, into fixed buffers
 * of every smaller size, and with an allocator whose n-th call fails, for all n: it must append
 * exactly the bytes, or nothing. expect_refused() wants the status, the argument's name in the
 * text, and nothing written.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_WIRE_EXPECT_H
#define CSTAR_TESTS_WIRE_EXPECT_H

#include "support/failalloc.h"

#include "cstar/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define VIEW(literal)                                                                              \
    { "" literal, sizeof(literal) - 1 }

typedef cstar_status (*format_call)(cstar_buf *out, const void *arg, cstar_err *err);

#define BEFORE "before|"

static inline void show(const char *name, const char *what, cstar_str got, cstar_str expected) {
    print_error("%s: %s\n  got      [%.*s]\n  expected [%.*s]\n", name, what, (int)got.len, got.ptr,
                (int)expected.len, expected.ptr);
    fail();
}

static inline void expect_whole(const char *name, format_call call, const void *arg,
                                cstar_str expected) {
    cstar_buf out;
    cstar_err err = {.code = CSTAR_OK};
    cstar_buf_init(&out, cstar_heap(), 0);
    cstar_buf_lit(&out, BEFORE);
    cstar_status rc = call(&out, arg, &err);
    if (rc != CSTAR_OK || err.code != CSTAR_OK) {
        show(name, "an error", cstar_cstr(err.text), expected);
    }
    cstar_str got = cstar_view(out.ptr + strlen(BEFORE), out.len - strlen(BEFORE));
    if (memcmp(out.ptr, BEFORE, strlen(BEFORE)) != 0 || !cstar_str_eq(got, expected)) {
        show(name, "other bytes", got, expected);
    }
    cstar_buf_fini(&out);
}

/* A buffer of exactly `size` bytes, so that the sanitizer sees a byte too many. */
static inline void expect_cut(const char *name, format_call call, const void *arg,
                              cstar_str expected, size_t size) {
    cstar_buf out;
    cstar_err err = {.code = CSTAR_OK};
    char *mem = malloc(size != 0 ? size : 1);
    assert_non_null(mem);
    cstar_buf_fixed(&out, mem, size);
    cstar_status rc = call(&out, arg, &err);
    if (rc != CSTAR_ELIMIT || out.len != 0 || out.status != CSTAR_ELIMIT ||
        err.code != CSTAR_ELIMIT) {
        print_error("%s: %zu of %zu bytes: status %d, %zu written\n", name, size, expected.len,
                    (int)rc, out.len);
        fail();
    }
    free(mem);
}

/* @return false once the call no longer fails. */
static inline bool expect_starved(const char *name, format_call call, const void *arg,
                                  cstar_str expected, size_t fail_at) {
    failalloc alloc;
    cstar_buf out;
    failalloc_init(&alloc, fail_at);
    cstar_buf_init(&out, &alloc.alloc, 0);
    cstar_status rc = call(&out, arg, NULL);
    bool failed = rc != CSTAR_OK;
    if (failed ? rc != CSTAR_ENOMEM || out.len != 0
               : !cstar_str_eq(cstar_buf_view(&out), expected)) {
        print_error("%s: allocation %zu fails: status %d, %zu written\n", name, fail_at, (int)rc,
                    out.len);
        fail();
    }
    cstar_buf_fini(&out);
    assert_int_equal(alloc.live_bytes, 0);
    assert_int_equal(alloc.live_blocks, 0);
    return failed;
}

static inline void expect_view(const char *name, format_call call, const void *arg,
                               cstar_str expected) {
    expect_whole(name, call, arg, expected);
    for (size_t size = 0; size < expected.len; size++) {
        expect_cut(name, call, arg, expected, size);
    }
    for (size_t n = 1; expect_starved(name, call, arg, expected, n); n++) {
        assert_true(n < 100);
    }
}

static inline void expect_bytes(const char *name, format_call call, const void *arg,
                                const char *expected) {
    expect_view(name, call, arg, cstar_cstr(expected));
}

static inline void expect_refused(const char *name, format_call call, const void *arg,
                                  cstar_status code, const char *where) {
    cstar_buf out;
    cstar_err err = {.code = CSTAR_OK};
    cstar_buf_init(&out, cstar_heap(), 0);
    cstar_buf_lit(&out, BEFORE);
    cstar_status rc = call(&out, arg, &err);
    if (rc != code || err.code != code) {
        print_error("%s: status %d, err %d (%s), expected %d; buffer [%.*s]\n", name, (int)rc,
                    (int)err.code, err.text, (int)code, (int)out.len, out.ptr);
        fail();
    }
    if (err.where == NULL || strcmp(err.where, where) != 0 || strstr(err.text, where) == NULL) {
        print_error("%s: where '%s', text '%s', expected '%s'\n", name, err.where, err.text, where);
        fail();
    }
    if (out.len != strlen(BEFORE) || out.status != CSTAR_OK) {
        print_error("%s: wrote [%.*s], buffer status %d\n", name, (int)out.len, out.ptr,
                    (int)out.status);
        fail();
    }
    assert_int_equal(call(&out, arg, NULL), code); /* err is optional */
    cstar_buf_fini(&out);
}

#endif
