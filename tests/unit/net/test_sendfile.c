/* test_sendfile.c -- the system calls that carry a file to a socket.
 * SPDX-License-Identifier: MIT */
#include "net/sendfile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 300 * 1000 };

typedef struct rig {
    int file, ours, theirs;
    char text[SIZE];
} rig;

static void setup(rig *r) {
    int pair[2];
    char path[] = "/tmp/cstar-sendfile-XXXXXX";
    for (size_t i = 0; i < SIZE; i++) {
        r->text[i] = (char)('a' + i % 23);
    }
    r->file = mkstemp(path);
    assert_true(r->file >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(write(r->file, r->text, SIZE), SIZE);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    r->ours = pair[0];
    r->theirs = pair[1];
    assert_int_equal(fcntl(r->ours, F_SETFL, O_NONBLOCK), 0);
}

static void teardown(rig *r) {
    close(r->file);
    close(r->ours);
    close(r->theirs);
}

static size_t drain(const rig *r, char *to, size_t size) {
    ssize_t n = recv(r->theirs, to, size, MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

/* As the connection does: sendfile, and where it blocks one piece by hand. */
static void a_file_arrives_whole_and_in_order(void **state) {
    (void)state;
    static rig r;
    static char got[SIZE + 1];
    static char piece[65536];
    setup(&r);
    uint64_t at = 5;
    size_t n = 0;
    while (at < SIZE) {
        ptrdiff_t sent = cstar__file_send(r.ours, r.file, at, SIZE - (size_t)at);
        if (sent == CSTAR__FILE_BLOCKS) {
            n += drain(&r, got + n, sizeof got - n);
            ptrdiff_t have = cstar__file_read(r.file, piece, 1000, at);
            assert_true(have > 0);
            sent = send(r.ours, piece, (size_t)have, MSG_NOSIGNAL);
        }
        assert_true(sent >= 0);
        at += (uint64_t)sent;
    }
    for (size_t more = 1; more != 0; n += more) {
        more = drain(&r, got + n, sizeof got - n);
    }
    assert_int_equal(n, SIZE - 5);
    assert_memory_equal(got, r.text + 5, n);
    teardown(&r);
}

static void a_file_that_got_shorter_is_noticed(void **state) {
    (void)state;
    static rig r;
    char byte;
    setup(&r);
    assert_int_equal(ftruncate(r.file, 100), 0);
#ifdef __linux__
    assert_int_equal(cstar__file_send(r.ours, r.file, 0, SIZE), 100);
    assert_int_equal(cstar__file_send(r.ours, r.file, 100, SIZE - 100), CSTAR__FILE_SHORT);
#endif
    assert_int_equal(cstar__file_read(r.file, &byte, 1, 100), 0);
    teardown(&r);
}

static void broken_ends_are_failures(void **state) {
    (void)state;
    static rig r;
    char byte = 'x';
    setup(&r);
    assert_true(cstar__file_read(-1, &byte, 1, 0) < 0);
#ifdef __linux__
    assert_int_equal(cstar__file_send(r.ours, -1, 0, 10), CSTAR__FILE_FAILED);
#endif
    teardown(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_arrives_whole_and_in_order),
        cmocka_unit_test(a_file_that_got_shorter_is_noticed),
        cmocka_unit_test(broken_ends_are_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
