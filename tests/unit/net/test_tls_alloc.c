/* test_tls_alloc.c -- OpenSSL and we out of memory: one allocation fails, or all from one on. Its own program, because OpenSSL
 * takes its allocator once, before anything else.
 * ctest: timeout=180
 * SPDX-License-Identifier: MIT */
#include "net/tls.h"
#include "support/tlsrig.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char dir[64];
static cstar__tls_ctx *ctx;

/* ---- the allocator ---- */

static bool armed;         /* only while our side is running */
static size_t calls;       /* since reset */
static size_t fail_at;     /* 0: never */
static bool fail_all_then; /* or only the one */

static bool fails(void) {
    if (!armed) {
        return false;
    }
    calls++;
    return fail_at != 0 && (calls == fail_at || (fail_all_then && calls > fail_at));
}

static void *give(size_t n, const char *file, int line) {
    (void)file;
    (void)line;
    return fails() ? NULL : malloc(n);
}

static void *regive(void *p, size_t n, const char *file, int line) {
    (void)file;
    (void)line;
    if (n == 0) {
        free(p);
        return NULL;
    }
    return fails() ? NULL : realloc(p, n);
}

static void take(void *p, const char *file, int line) {
    (void)file;
    (void)line;
    free(p);
}

static void arm(size_t at, bool all) {
    calls = 0;
    fail_at = at;
    fail_all_then = all;
    armed = true;
}

static void disarm(void) {
    armed = false;
    ERR_clear_error();
}

/* ---- a connection's life ---- */

static void feed_all(tlsrig *r) {
    char *bytes = NULL;
    size_t len = (size_t)BIO_get_mem_data(r->tx, &bytes);
    if (r->rc == CSTAR_OK && len != 0) {
        armed = true;
        r->rc = cstar__tls_feed(r->server, bytes, len, &r->plain, &r->reply, &r->err);
        armed = false;
    }
    (void)BIO_reset(r->tx);
    tlsrig_deliver(r);
    ERR_clear_error();
}

/* Handshake, a request, an answer, the end. @return what stopped it. */
static cstar_status live(tlsrig *r) {
    for (int i = 0; i < 3 && r->rc == CSTAR_OK; i++) {
        (void)SSL_do_handshake(r->client);
        feed_all(r);
    }
    if (r->rc != CSTAR_OK) {
        return r->rc;
    }
    assert_true(cstar__tls_ready(r->server));
    assert_int_equal(SSL_write(r->client, "ping", 4), 4);
    feed_all(r);
    if (r->rc != CSTAR_OK) {
        return r->rc;
    }
    assert_int_equal(r->plain.len, 4);
    armed = true;
    r->rc = cstar__tls_write(r->server, CSTAR_STR("pong"), &r->reply);
    cstar__tls_close(r->server, &r->reply);
    armed = false;
    return r->rc;
}

/* The client is made outside; what may fail is ours. */
static cstar_status one_life(int version, size_t at, bool all) {
    tlsrig r;
    tlsrig_init(&r, ctx, &(tlsrig_opts){.max = version});
    cstar__tls_free(r.server);
    arm(at, all);
    r.server = cstar__tls_new(ctx);
    armed = false;
    cstar_status rc = CSTAR_ENOMEM;
    if (r.server != NULL) {
        rc = live(&r);
    }
    disarm();
    tlsrig_fini(&r);
    return rc;
}

static void a_life(int version, bool all) {
    assert_int_equal(one_life(version, 0, all), CSTAR_OK);
    size_t total = calls;
    assert_true(total > 100);
    size_t failed = 0, noticed = 0;
    for (size_t n = 1; n <= total; n += n < 120 || n + 40 > total ? 1 : 7) {
        cstar_status rc = one_life(version, n, all);
        /* OpenSSL may do without, or find another name for it, also the peer's alert. */
        assert_true(rc == CSTAR_OK || rc == CSTAR_ENOMEM || rc == CSTAR_ESYNTAX || rc == CSTAR_EIO);
        failed++;
        noticed += rc == CSTAR_ENOMEM ? 1U : 0U;
    }
    assert_true(noticed * 2 > failed);
    assert_int_equal(one_life(version, 0, all), CSTAR_OK); /* nothing has remained */
}

static void lives(void **state) {
    (void)state;
    a_life(TLS1_2_VERSION, false);
    a_life(TLS1_2_VERSION, true);
    a_life(TLS1_3_VERSION, false);
    a_life(TLS1_3_VERSION, true);
}

/* ---- contexts ---- */

static bool one_ctx(size_t at, cstar_err *err) {
    cstar__tls_cert cert = {tlsrig_path(dir, "cert.pem"), tlsrig_path(dir, "key.pem")};
    arm(at, false);
    cstar__tls_ctx *c = cstar__tls_ctx_new(&(cstar__tls_opts){.certs = &cert, .ncerts = 1}, err);
    disarm();
    cstar__tls_ctx_unref(c);
    return c != NULL;
}

static void contexts(void **state) {
    (void)state;
    cstar_err err;
    assert_true(one_ctx(0, &err));
    size_t total = calls, nomem = 0, failed = 0;
    assert_true(total > 100);
    for (size_t n = 1; n <= total; n += n < 60 ? 1 : 23) {
        if (!one_ctx(n, &err)) {
            assert_true(err.code == CSTAR_ENOMEM || err.code == CSTAR_EINVAL);
            assert_true(err.text[0] != '\0');
            failed++;
            nomem += err.code == CSTAR_ENOMEM ? 1U : 0U;
        }
    }
    assert_true(failed > 20 && nomem * 2 > failed);
    assert_true(one_ctx(0, &err));
}

/* ---- certificates for development ---- */

static cstar_status one_dev(size_t at) {
    cstar__tls_dev_files f;
    cstar_err err;
    char fresh[64];
    tlsrig_dir_make(fresh);
    arm(at, false);
    cstar_status rc = cstar__tls_dev_cert(fresh, "a.test", &f, &err);
    disarm();
    if (rc != CSTAR_OK) { /* what it has left does not hinder the next */
        assert_int_equal(cstar__tls_dev_cert(fresh, "a.test", &f, &err), CSTAR_OK);
    }
    tlsrig_dir_remove(fresh);
    return rc;
}

static void development(void **state) {
    (void)state;
    (void)setenv("CAROOT", "", 1);
    (void)setenv("XDG_DATA_HOME", dir, 1);
    (void)setenv("HOME", dir, 1);
    assert_int_equal(one_dev(0), CSTAR_OK);
    size_t total = calls;
    for (size_t n = 1; n <= total; n += n < 40 ? 1 : 29) {
        cstar_status rc = one_dev(n);
        assert_true(rc == CSTAR_OK || rc == CSTAR_ENOMEM || rc == CSTAR_EIO || rc == CSTAR_EINVAL);
    }
}

int main(void) {
    if (CRYPTO_set_mem_functions(give, regive, take) != 1) {
        return 1;
    }
    tlsrig_dir_make(dir);
    ctx = tlsrig_ctx(dir);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lives),
        cmocka_unit_test(contexts),
        cmocka_unit_test(development),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    cstar__tls_ctx_unref(ctx);
    tlsrig_dir_remove(dir);
    return rc;
}
