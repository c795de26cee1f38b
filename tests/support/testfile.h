/* testfile.h -- a file that is not there, as the body of a response (cstar__source). Byte `at` of it
 * is 'a' + at % 23.
 *
 *     testfile f = {.length = 300000};
 *     cstar__source s = testfile_source(&f, 0, 300000);
 *     ... assert_int_equal(f.released, 1);
 *
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_TESTFILE_H
#define CSTAR_TESTS_TESTFILE_H

#include "http/exchange.h"

enum { TESTFILE_FD = 7 };

typedef struct testfile {
    uint64_t length; /* of what can be read */
    size_t most;     /* bytes that one read gives; 0: all that is asked for */
    size_t given;    /* sources made of it */
    size_t released; /* calls of release */
    size_t reads;    /* calls of read */
} testfile;

static inline char testfile_byte(uint64_t at) { return (char)('a' + at % 23); }

static inline ptrdiff_t testfile_read(void *arg, char *ptr, size_t len, uint64_t at) {
    testfile *f = arg;
    const uint64_t there = at < f->length ? f->length - at : 0;
    size_t n = there < len ? (size_t)there : len;
    n = f->most != 0 && n > f->most ? f->most : n;
    for (size_t i = 0; i < n; i++) {
        ptr[i] = testfile_byte(at + i);
    }
    f->reads++;
    return (ptrdiff_t)n;
}

static inline void testfile_release(void *arg) { ((testfile *)arg)->released++; }

/** `left` bytes of it from `at` on; counted. */
static inline cstar__source testfile_source(testfile *f, uint64_t at, uint64_t left) {
    f->given++;
    return (cstar__source){.fd = TESTFILE_FD,
                           .read = testfile_read,
                           .release = testfile_release,
                           .arg = f,
                           .at = at,
                           .left = left};
}

/** Whether `bytes` are those of the file from `at` on. */
static inline bool testfile_is(cstar_str bytes, uint64_t at) {
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] != testfile_byte(at + i)) {
            return false;
        }
    }
    return true;
}

#endif
