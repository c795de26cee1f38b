/* test_tls_server.c -- a server with TLS: answers of several connections at once, and failures that
 * come in crowds.
 *
 * ctest: timeout=60 labels=threads
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* what uv.h needs of POSIX */
#include "net/worker.h"
#include "support/netrig.h"
#include "support/tlsrig.h"

#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { WAITING = 16, SIZE = 40000, FAILURES = 200 };

/* ---- the handler: "/wait<x>" is answered with many <x> by the next "/all" ---- */

typedef struct rig {
    char dir[64], cert[128], key[128];
    cstar__handler handler;
    cstar__server *server;
    pthread_t thread;
    cstar__exchange *waiting[WAITING]; /* the loop's */
    unsigned nwaiting;
    unsigned waits, lines, told; /* atomic */
} rig;

static void on_head(void *ctx, cstar__exchange *x) {
    (void)ctx;
    x->max_body = 100;
}

static void on_body(void *ctx, cstar__exchange *x, const char *ptr, size_t len) {
    (void)ctx;
    (void)x;
    (void)ptr;
    (void)len;
}

static void answer(cstar__exchange *x) {
    char *body = malloc(SIZE);
    if (body != NULL) {
        memset(body, x->request.path.ptr[5], SIZE);
        x->pool->driver->claim(x->peer->link);
        (void)cstar__respond(x, 200, NULL, 0, cstar_view(body, SIZE));
    }
    free(body);
}

/* It has no end in the time of a test. */
static ptrdiff_t pour(void *arg, char *ptr, size_t len, uint64_t at) {
    (void)arg;
    (void)at;
    memset(ptr, 'p', len);
    return (ptrdiff_t)len;
}

static void on_end(void *ctx, cstar__exchange *x) {
    rig *r = ctx;
    if (x->request.path.ptr[1] == 'p') {
        const cstar__source s = {.fd = -1, .read = pour, .left = UINT64_C(1) << 50};
        (void)cstar__respond_from(x, 200, NULL, 0, &s);
        return;
    }
    if (x->request.path.ptr[1] == 'w') {
        x->later = true;
        r->waiting[r->nwaiting++] = x;
        (void)__atomic_add_fetch(&r->waits, 1, __ATOMIC_SEQ_CST);
        return;
    }
    (void)cstar__respond_start(x, 200, NULL, 0);
    while (r->nwaiting != 0) {
        (void)cstar__respond_write(x, CSTAR_STR("own"));
        answer(r->waiting[--r->nwaiting]);
    }
    (void)cstar__respond_write(x, CSTAR_STR("|end"));
    (void)cstar__respond_end(x);
}

static void on_close(void *ctx, cstar__exchange *x) {
    (void)ctx;
    (void)x;
}

/* "tls: TLS handshake: ..." or "tls: 12 more TLS failures" */
static void on_log(void *arg, const char *line) {
    rig *r = arg;
    unsigned more = 1;
    (void)__atomic_add_fetch(&r->lines, 1, __ATOMIC_SEQ_CST);
    if (strstr(line, "more TLS failures") != NULL) {
        more = (unsigned)strtoul(line + 5, NULL, 10);
    }
    (void)__atomic_add_fetch(&r->told, more, __ATOMIC_SEQ_CST);
}

/* ---- a server on a thread ---- */

static void *serve(void *arg) {
    const rig *r = arg;
    (void)cstar__server_run(r->server);
    return NULL;
}

static void start(rig *r) {
    memset(r, 0, sizeof *r);
    tlsrig_dir_make(r->dir);
    (void)snprintf(r->cert, sizeof r->cert, "%s", tlsrig_path(r->dir, "cert.pem"));
    (void)snprintf(r->key, sizeof r->key, "%s", tlsrig_path(r->dir, "key.pem"));
    tlsrig_cert(r->cert, r->key, &(tlsrig_spec){.names = "DNS:localhost"});
    const cstar__tls_cert cert = {r->cert, r->key};
    const cstar__tls_opts tls = {.certs = &cert, .ncerts = 1};
    r->handler = (cstar__handler){
        .ctx = r, .on_head = on_head, .on_body = on_body, .on_end = on_end, .on_close = on_close};
    r->server = cstar__server_new(&(cstar__server_opts){.listen = "127.0.0.1:0",
                                                        .handler = &r->handler,
                                                        .tls = &tls,
                                                        .on_log = on_log,
                                                        .arg = r},
                                  NULL);
    assert_non_null(r->server);
    assert_int_equal(pthread_create(&r->thread, NULL, serve, r), 0);
}

static void stop(rig *r) {
    cstar__server_stop(r->server);
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    cstar__server_free(r->server);
    tlsrig_dir_remove(r->dir);
}

static uint64_t stat_of(const uint64_t *n) { return __atomic_load_n(n, __ATOMIC_RELAXED); }

static const cstar__stats *stats(const rig *r) { return &r->server->workers[0].pool.stats; }

static void await(const uint64_t *n, uint64_t wanted) { NETRIG_AWAIT(stat_of(n) >= wanted); }

static int dial(const rig *r) { return netrig_dial_port(cstar__server_port(r->server)); }

typedef struct client {
    int fd;
    SSL *ssl;
} client;

static client shake(const rig *r, SSL_CTX *ctx, SSL_SESSION *session) {
    client c = {dial(r), SSL_new(ctx)};
    assert_non_null(c.ssl);
    assert_int_equal(SSL_set_fd(c.ssl, c.fd), 1);
    if (session != NULL) {
        assert_int_equal(SSL_set_session(c.ssl, session), 1);
    }
    return c;
}

/* The request in the same packet as the end of the handshake: its answer comes while the server
 * still has something of its own to say (tickets). */
static void ask(const client *c, const char *path) {
    char text[100];
    int on = 1;
    int off = 0;
    int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    assert_int_equal(setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on), 0);
    assert_int_equal(SSL_connect(c->ssl), 1);
    assert_int_equal(SSL_write(c->ssl, text, n), n);
    assert_int_equal(setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off), 0);
}

static void hang_up(client *c) {
    SSL_free(c->ssl);
    close(c->fd);
}

/* Until `text` is at the end of what has come; its length. */
static size_t hear(const client *c, char *seen, size_t size, const char *text) {
    size_t n = 0;
    size_t len = strlen(text);
    while (n < len || memcmp(seen + n - len, text, len) != 0) {
        int got = SSL_read(c->ssl, seen + n, (int)(size - n));
        assert_true(got > 0);
        n += (size_t)got;
    }
    return n;
}

static void hear_many(const client *c, char of) {
    static char seen[SIZE + 4096];
    size_t n = 0;
    char *body = NULL;
    while (body == NULL || n < (size_t)(body - seen) + SIZE) {
        int got = SSL_read(c->ssl, seen + n, (int)(sizeof seen - 1 - n));
        assert_true(got > 0);
        n += (size_t)got;
        seen[n] = '\0';
        body = strstr(seen, "\r\n\r\n");
        body = body != NULL ? body + 4 : NULL;
    }
    assert_int_equal(n, (size_t)(body - seen) + SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        assert_int_equal(body[i], of);
    }
}

/* ---- tests ---- */

static void answers_of_many_connections_do_not_mix(void **state) {
    (void)state;
    static rig r;
    start(&r);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(ctx);
    client clients[WAITING];
    char path[] = "/wait?";
    for (unsigned i = 0; i < WAITING; i++) {
        clients[i] = shake(&r, ctx, NULL);
        path[5] = (char)('a' + i);
        ask(&clients[i], path);
        NETRIG_AWAIT(__atomic_load_n(&r.waits, __ATOMIC_SEQ_CST) > i);
    }
    client all = shake(&r, ctx, NULL);
    ask(&all, "/all");
    for (unsigned i = 0; i < WAITING; i++) {
        hear_many(&clients[i], (char)('a' + i));
        hang_up(&clients[i]);
    }
    static char seen[4096];
    (void)hear(&all, seen, sizeof seen, "|end\r\n0\r\n\r\n");
    client again = shake(&r, ctx, SSL_get_session(all.ssl));
    ask(&again, "/all");
    (void)hear(&again, seen, sizeof seen, "|end\r\n0\r\n\r\n");
    assert_true(stat_of(&stats(&r)->handshakes) == WAITING + 2);
    assert_true(stat_of(&stats(&r)->handshakes_resumed) == 1);
    assert_true(stat_of(&stats(&r)->handshake_failures) == 0);
    hang_up(&all);
    hang_up(&again);
    SSL_CTX_free(ctx);
    stop(&r);
}

/* A line for each would let anybody fill a disk; none is lost from the sum. */
static void failures_in_crowds_are_logged_together(void **state) {
    (void)state;
    static rig r;
    start(&r);
    for (unsigned i = 0; i < FAILURES; i++) {
        int fd = dial(&r);
        const char junk[] = "\x16\x03\x01\x00\x05junk!";
        assert_int_equal(send(fd, junk, sizeof junk - 1, MSG_NOSIGNAL), sizeof junk - 1);
        char byte;
        while (recv(fd, &byte, 1, 0) > 0) {
        }
        close(fd);
    }
    await(&stats(&r)->handshake_failures, FAILURES);
    stop(&r);
    assert_int_equal(r.told, FAILURES);
    assert_true(r.lines < FAILURES / 2);
    assert_true(r.lines >= 10);
}

/* Behind an alert nothing can be said: nothing more is made, either, only to be thrown away. */
static void who_breaks_tls_ends_its_answer(void **state) {
    (void)state;
    static rig r;
    start(&r);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(ctx);
    client c = shake(&r, ctx, NULL);
    ask(&c, "/pour");
    const char junk[] = "\x17\x03\x03\x00\x20junk that nobody has encrypted...";
    assert_int_equal(send(c.fd, junk, sizeof junk - 1, MSG_NOSIGNAL), sizeof junk - 1);
    static char bytes[65536];
    while (recv(c.fd, bytes, sizeof bytes, 0) > 0) {
    }
    client other = shake(&r, ctx, NULL); /* the loop turns */
    ask(&other, "/all");
    static char seen[4096];
    (void)hear(&other, seen, sizeof seen, "|end\r\n0\r\n\r\n");
    hang_up(&other);
    hang_up(&c);
    SSL_CTX_free(ctx);
    stop(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_of_many_connections_do_not_mix),
        cmocka_unit_test(who_breaks_tls_ends_its_answer),
        cmocka_unit_test(failures_in_crowds_are_logged_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
