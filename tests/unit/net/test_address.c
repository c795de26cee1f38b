/* test_address.c -- where to listen.
 * SPDX-License-Identifier: MIT */
#include "net/address.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void texts(void **state) {
    (void)state;
    static const struct {
        const char *text, *host;
        int port; /* -1: refused */
    } cases[] = {
        {"127.0.0.1:8080", "127.0.0.1", 8080},
        {"localhost:0", "localhost", 0},
        {"[::1]:65535", "::1", 65535},
        {":80", "", 80},
        {"8080", "", 8080},
        {"example.org:443", "example.org", 443},
        {"::1:8080", "", -1},
        {"[::1]", "", -1},
        {"[::1:80", "", -1},
        {"host:", "", -1},
        {"host:65536", "", -1},
        {"host:99999999999999999999", "", -1},
        {"host:-1", "", -1},
        {"host:80x", "", -1},
        {"host: 80", "", -1},
        {"", "", -1},
        {"host", "", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar__address a = {{0}, 0};
        cstar_err err = {0};
        cstar_status rc = cstar__address_parse(cases[i].text, &a, &err);
        if (cases[i].port < 0) {
            assert_int_equal(rc, CSTAR_EINVAL);
            assert_string_equal(err.where, "listen");
        } else {
            assert_int_equal(rc, CSTAR_OK);
            assert_string_equal(a.host, cases[i].host);
            assert_int_equal(a.port, cases[i].port);
        }
    }
}

static void a_taken_port_is_refused_but_workers_share_it(void **state) {
    (void)state;
    cstar__address a = {"127.0.0.1", 0};
    cstar_err err = {0};
    unsigned port = 0;
    int first = cstar__address_listen(&a, &port, &err);
    assert_true(first >= 0);
    assert_int_not_equal(port, 0);
    unsigned same = port;
    int second = cstar__address_listen(&a, &same, &err); /* as a further worker does */
    assert_true(second >= 0);
    assert_int_equal(same, port);
    cstar__address taken = {"127.0.0.1", port};
    unsigned other = 0;
    /* as a further process does */
    assert_int_equal(cstar__address_listen(&taken, &other, &err), -1);
    assert_int_equal(err.code, CSTAR_EIO);
    assert_non_null(strstr(err.text, "127.0.0.1"));
    close(first);
    close(second);
}

static void an_unknown_host_is_an_error(void **state) {
    (void)state;
    cstar__address a = {"no-such-host.invalid", 80};
    cstar_err err = {0};
    unsigned port = 0;
    assert_int_equal(cstar__address_listen(&a, &port, &err), -1);
    assert_non_null(strstr(err.text, "no-such-host.invalid"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(a_taken_port_is_refused_but_workers_share_it),
        cmocka_unit_test(an_unknown_host_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
