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
        cstar__address a = {.port = 0};
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

static void other_kinds(void **state) {
    (void)state;
    static const struct {
        const char *text, *host;
        int kind; /* -1: refused */
        unsigned mode;
        int fd;
    } cases[] = {
        {"unix:/run/a.sock", "/run/a.sock", CSTAR__ADDRESS_UNIX, 0, -1},
        {"unix:/run/a.sock,mode=0660", "/run/a.sock", CSTAR__ADDRESS_UNIX, 0660, -1},
        {"unix:/run/a,b,mode=777", "/run/a,b", CSTAR__ADDRESS_UNIX, 0777, -1},
        {"unix:/a,mode=1,mode=600", "/a,mode=1", CSTAR__ADDRESS_UNIX, 0600, -1},
        {"unix:@name", "@name", CSTAR__ADDRESS_UNIX, 0, -1},
        {"unix:", "", -1, 0, -1},
        {"unix:/", "", -1, 0, -1},
        {"unix:@", "", -1, 0, -1},
        {"unix:relative", "", -1, 0, -1},
        {"unix:@name,mode=0600", "", -1, 0, -1},
        {"unix:/a,mode=", "", -1, 0, -1},
        {"unix:/a,mode=0", "", -1, 0, -1},
        {"unix:/a,mode=1777", "", -1, 0, -1},
        {"unix:/a,mode=0669", "", -1, 0, -1},
        {"unix:/a,mode=00000660", "", -1, 0, -1},
        {"fd:0", "", CSTAR__ADDRESS_FD, 0, 0},
        {"fd:17", "", CSTAR__ADDRESS_FD, 0, 17},
        {"fd:", "", -1, 0, -1},
        {"fd:-1", "", -1, 0, -1},
        {"fd:3x", "", -1, 0, -1},
        {"systemd", "", CSTAR__ADDRESS_SYSTEMD, 0, -1},
        {"systemd:web", "web", CSTAR__ADDRESS_SYSTEMD, 0, -1},
        {"systemd:", "", -1, 0, -1},
        {"systemd2", "", -1, 0, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar__address a = {.port = 7};
        cstar_err err = {0};
        cstar_status rc = cstar__address_parse(cases[i].text, &a, &err);
        if (cases[i].kind < 0) {
            assert_int_equal(rc, CSTAR_EINVAL);
            assert_string_equal(err.where, "listen");
            continue;
        }
        assert_int_equal(rc, CSTAR_OK);
        assert_int_equal(a.kind, cases[i].kind);
        assert_string_equal(a.host, cases[i].host);
        assert_int_equal(a.mode, cases[i].mode);
        assert_int_equal(a.fd, cases[i].fd);
        assert_int_equal(a.port, 0);
    }
    char deep[400] = "unix:/";
    memset(deep + 6, 'a', sizeof deep - 7);
    cstar__address a;
    assert_int_equal(cstar__address_parse(deep, &a, NULL), CSTAR_EINVAL);
}

static void a_taken_port_is_refused_but_workers_share_it(void **state) {
    (void)state;
    cstar__address a = {.host = "127.0.0.1"};
    cstar_err err = {0};
    unsigned port = 0;
    int first = cstar__address_listen(&a, &port, &err);
    assert_true(first >= 0);
    assert_int_not_equal(port, 0);
    unsigned same = port;
    int second = cstar__address_listen(&a, &same, &err); /* as a further worker does */
    assert_true(second >= 0);
    assert_int_equal(same, port);
    cstar__address taken = {.host = "127.0.0.1", .port = port};
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
    cstar__address a = {.host = "no-such-host.invalid", .port = 80};
    cstar_err err = {0};
    unsigned port = 0;
    assert_int_equal(cstar__address_listen(&a, &port, &err), -1);
    assert_non_null(strstr(err.text, "no-such-host.invalid"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(other_kinds),
        cmocka_unit_test(a_taken_port_is_refused_but_workers_share_it),
        cmocka_unit_test(an_unknown_host_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
