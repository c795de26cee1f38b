/* test_tls_listener.c -- TLS is a matter of the listener: with it, without it and a redirecting one
 * in one server.
 * SPDX-License-Identifier: MIT */
#include "support/netrig.h"
#include "support/tlsrig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* A handshake over a blocking socket, and one request. */
static bool ask_tls(int fd, const char *answer) {
    const char text[] = "GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    char seen[1024] = "";
    int n = 0;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    assert_non_null(ssl);
    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    assert_int_equal(SSL_connect(ssl), 1);
    assert_int_equal(SSL_write(ssl, text, sizeof text - 1), sizeof text - 1);
    for (int got = 1; got > 0 && n<(int)sizeof seen - 1; n += got> 0 ? got : 0) {
        got = SSL_read(ssl, seen + n, (int)sizeof seen - 1 - n);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return strstr(seen, answer) != NULL;
}

static void each_listener_as_it_was_asked(void **state) {
    (void)state;
    char dir[64];
    netrig r;
    tlsrig_dir_make(dir);
    char file[96];
    (void)snprintf(file, sizeof file, "%s", tlsrig_path(dir, "both.pem"));
    tlsrig_cert(file, NULL, &(tlsrig_spec){.names = "DNS:localhost"});
    const cstar__tls_cert cert = {.cert_file = file};
    const cstar__tls_opts tls = {.certs = &cert, .ncerts = 1};
    const cstar__listen list[] = {
        {.address = "127.0.0.1:0", .tls = true},
        {.address = "127.0.0.1:0", .redirect = true},
        {.address = "unix:@cstar-test-tls", .tls = true},
    };
    netrig_start(
        &r, (cstar__server_opts){.listeners = list, .nlisteners = 3, .tls = &tls, .workers = 2});
    int fd = netrig_dial(&r, 0);
    assert_true(ask_tls(fd, "local=0 secure=1 redirect=0"));
    close(fd);
    fd = netrig_dial(&r, 1);
    netrig_say(fd, "GET /peer HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(netrig_hear(fd, "local=0 secure=0 redirect=1"));
    close(fd);
    fd = netrig_dial(&r, 2);
    assert_true(ask_tls(fd, "local=1 secure=1 redirect=0"));
    close(fd);
    fd = netrig_dial(&r, 0);
    netrig_say(fd, "GET /peer HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(netrig_hear(fd, "This port speaks HTTPS"));
    close(fd);
    netrig_stop(&r);
    tlsrig_dir_remove(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_listener_as_it_was_asked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
