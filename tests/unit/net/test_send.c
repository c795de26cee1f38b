/* test_send.c -- pieces straight to a socket.
 * SPDX-License-Identifier: MIT */
#include "net/send.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void open_pair(int pair[2]) {
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
}

static void assert_received(int fd, const char *text) {
    char got[256];
    const ssize_t n = recv(fd, got, sizeof got, MSG_DONTWAIT);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

static void one_piece_and_many_arrive_in_order(void **state) {
    (void)state;
    int pair[2];
    cstar_str many[CSTAR__SEND_MOST];
    char all[CSTAR__SEND_MOST * 2 + 1];
    open_pair(pair);
    assert_int_equal(cstar__send_pieces(pair[0], &CSTAR_STR("one"), 1), 3);
    assert_received(pair[1], "one");
    for (size_t i = 0; i < CSTAR__SEND_MOST; i++) {
        all[2 * i] = (char)('0' + i / 10);
        all[2 * i + 1] = (char)('0' + i % 10);
        many[i] = cstar_view(all + 2 * i, 2);
    }
    all[sizeof all - 1] = '\0';
    assert_int_equal(cstar__send_pieces(pair[0], many, CSTAR__SEND_MOST), CSTAR__SEND_MOST * 2);
    assert_received(pair[1], all);
    close(pair[0]);
    close(pair[1]);
}

static void a_full_socket_takes_nothing(void **state) {
    (void)state;
    static char block[16 * 1024];
    int pair[2];
    open_pair(pair);
    const cstar_str pieces[] = {cstar_view(block, sizeof block), cstar_view(block, sizeof block)};
    ptrdiff_t sent = 0;
    do {
        sent = cstar__send_pieces(pair[0], pieces, 2);
    } while (sent > 0);
    assert_int_equal(sent, 0);
    while (send(pair[0], "", 1, MSG_DONTWAIT) == 1) { /* whatever crumbs still find room */
    }
    assert_int_equal(cstar__send_pieces(pair[0], pieces, 1), 0);
    close(pair[0]);
    close(pair[1]);
}

static void a_closed_socket_is_broken_and_raises_nothing(void **state) {
    (void)state;
    int pair[2];
    open_pair(pair);
    close(pair[1]);
    (void)signal(SIGPIPE, SIG_DFL); /* it would end the test */
    const cstar_str pieces[] = {CSTAR_STR("a"), CSTAR_STR("b")};
    assert_true(cstar__send_pieces(pair[0], pieces, 1) < 0);
    assert_true(cstar__send_pieces(pair[0], pieces, 2) < 0);
    close(pair[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_piece_and_many_arrive_in_order),
        cmocka_unit_test(a_full_socket_takes_nothing),
        cmocka_unit_test(a_closed_socket_is_broken_and_raises_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
