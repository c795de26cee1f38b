/* test_tls_ctx.c -- certificates from files and what is wrong with them, ALPN, SNI, resumption, reload.
 * SPDX-License-Identifier: MIT */
#include "net/tls.h"
#include "support/tlsrig.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static cstar__tls_ctx *ctx;

static int set_up(void **state) {
    (void)state;
    tlsrig_dir_make(dir);
    ctx = tlsrig_ctx(dir);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    cstar__tls_ctx_unref(ctx);
    tlsrig_dir_remove(dir);
    return 0;
}

static cstar__tls_ctx *load(const char *cert, const char *key, cstar_err *err) {
    cstar__tls_cert c = {cert, key};
    memset(err, 'x', sizeof *err); /* it is an output */
    return cstar__tls_ctx_new(&(cstar__tls_opts){.certs = &c, .ncerts = 1}, err);
}

/* ---- loading ---- */

static void refused(const char *cert, const char *key, cstar_status code, const char *file,
                    const char *why) {
    cstar_err err;
    cstar__tls_ctx *c = load(cert, key, &err);
    if (c != NULL || err.code != code || strstr(err.text, file) == NULL ||
        strstr(err.text, why) == NULL || strchr(err.text, '\n') != NULL) {
        print_error("wanted %s: %s, got %d \"%s\"\n", file, why, (int)err.code, err.text);
        fail();
    }
    assert_int_equal(ERR_peek_error(), 0);
}

static void append(const char *to, const char *from) {
    size_t a = 0, b = 0;
    char *first = tlsrig_read(to, &a);
    char *second = tlsrig_read(from, &b);
    FILE *f = fopen(to, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(first, 1, a, f) + fwrite(second, 1, b, f), a + b);
    assert_int_equal(fclose(f), 0);
    free(first);
    free(second);
}

static void files_that_are_refused(void **state) {
    (void)state;
    char cert[512], key[512], other[512];
    (void)snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    (void)snprintf(key, sizeof key, "%s/key.pem", dir);
    (void)snprintf(other, sizeof other, "%s/other.pem", dir);
    refused(tlsrig_path(dir, "none.pem"), key, CSTAR_ENOENT, "none.pem", "No such file");
    refused(cert, tlsrig_path(dir, "none.pem"), CSTAR_ENOENT, "key", "No such file");
    refused(dir, key, CSTAR_EIO, dir, "Is a directory");
    refused(cert, dir, CSTAR_EIO, dir, "Is a directory");
    refused("/dev/zero", key, CSTAR_EINVAL, "/dev/zero", "too big");
    refused("/dev/null", key, CSTAR_EINVAL, "/dev/null", "no certificate");
    refused(key, key, CSTAR_EINVAL, "key.pem", "no certificate");
    refused(cert, cert, CSTAR_EINVAL, "cert.pem", "no private key");
    refused(cert, NULL, CSTAR_EINVAL, "cert.pem", "no private key");
    refused(cert, "/dev/null", CSTAR_EINVAL, "/dev/null", "no private key");

    tlsrig_write(other, "hello\n", 6);
    refused(other, key, CSTAR_EINVAL, "other.pem", "no certificate");
    refused(cert, other, CSTAR_EINVAL, "other.pem", "no private key");
    static const char broken[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    tlsrig_write(other, broken, sizeof broken - 1);
    refused(other, key, CSTAR_EINVAL, "other.pem", "TLS certificate");
    static const char cut[] = "-----BEGIN CERTIFICATE-----\nMIIB\n";
    tlsrig_write(other, cut, sizeof cut - 1);
    refused(other, key, CSTAR_EINVAL, "other.pem", "TLS certificate");
    append(other, cert);
    refused(other, key, CSTAR_EINVAL, "other.pem", "TLS certificate");
    /* a chain whose second part is spoilt */
    tlsrig_write(other, "", 0);
    append(other, cert);
    size_t n = 0;
    char *text = tlsrig_read(cert, &n);
    text[n / 2] = '!';
    tlsrig_write(tlsrig_path(dir, "half.pem"), text, n);
    free(text);
    append(other, tlsrig_path(dir, "half.pem"));
    refused(other, key, CSTAR_EINVAL, "other.pem", "TLS certificate");
}

static void pairs_that_are_refused(void **state) {
    (void)state;
    char cert[512], key[512];
    (void)snprintf(cert, sizeof cert, "%s/c.pem", dir);
    (void)snprintf(key, sizeof key, "%s/k.pem", dir);
    tlsrig_cert(cert, key, &(tlsrig_spec){.names = "DNS:a"});
    refused(cert, tlsrig_path(dir, "key.pem"), CSTAR_EINVAL, "key.pem", "does not belong");
    tlsrig_cert(cert, key, &(tlsrig_spec){.rsa_bits = 2048});
    refused(cert, tlsrig_path(dir, "key.pem"), CSTAR_EINVAL, "key.pem", "does not belong");
    tlsrig_cert(cert, key, &(tlsrig_spec){.password = "secret"});
    refused(cert, key, CSTAR_EINVAL, "k.pem", "has a password");
    tlsrig_cert(cert, NULL, &(tlsrig_spec){.password = "secret"});
    refused(cert, NULL, CSTAR_EINVAL, "c.pem", "has a password");
    tlsrig_cert(cert, key, &(tlsrig_spec){.from_s = -864000, .for_s = -10});
    refused(cert, key, CSTAR_EINVAL, "c.pem", "has expired");
    tlsrig_cert(cert, key, &(tlsrig_spec){.rsa_bits = 512});
    refused(cert, key, CSTAR_EINVAL, "c.pem", "key too small");

    /* the path is long: the end of it, and the reason, are there all the same */
    char deep[512];
    (void)snprintf(deep, sizeof deep, "%s/%0200d/none.pem", dir, 1);
    refused(deep, NULL, CSTAR_ENOENT, "0001/none.pem", "No such file");
}

static void options_that_are_refused(void **state) {
    (void)state;
    cstar_err err;
    assert_null(cstar__tls_ctx_new(&(cstar__tls_opts){.ncerts = 0}, &err));
    assert_int_equal(err.code, CSTAR_EINVAL);
    assert_string_equal(err.where, "certs");
    cstar__tls_cert none = {NULL, NULL};
    assert_null(cstar__tls_ctx_new(&(cstar__tls_opts){.certs = &none, .ncerts = 1}, &err));
    assert_string_equal(err.where, "certs");
    assert_null(cstar__tls_ctx_new(
        &(cstar__tls_opts){.certs = &none, .ncerts = 1, .min_version = 11}, &err));
    assert_string_equal(err.where, "min_version");
    assert_null(cstar__tls_ctx_new(&(cstar__tls_opts){.ncerts = 0}, NULL));
    /* one good, one bad: nothing */
    cstar__tls_cert two[] = {{tlsrig_path(dir, "cert.pem"), tlsrig_path(dir, "key.pem")},
                             {"/dev/null", NULL}};
    assert_null(cstar__tls_ctx_new(&(cstar__tls_opts){.certs = two, .ncerts = 2}, &err));
    assert_non_null(strstr(err.text, "/dev/null"));
}

static void accepted(const char *cert, const char *key, const char *warning) {
    cstar_err err;
    cstar__tls_ctx *c = load(cert, key, &err);
    if (c == NULL || err.code != CSTAR_OK ||
        (warning[0] == '\0' ? err.text[0] != '\0' : strstr(err.text, warning) == NULL)) {
        print_error("wanted \"%s\", got %d \"%s\"\n", warning, (int)err.code, err.text);
        fail();
    }
    tlsrig r;
    tlsrig_init(&r, c, &(tlsrig_opts){.max = 0});
    assert_true(tlsrig_shake(&r));
    tlsrig_fini(&r);
    cstar__tls_ctx_unref(c);
}

static void files_that_are_accepted(void **state) {
    (void)state;
    char cert[512], key[512];
    (void)snprintf(cert, sizeof cert, "%s/c.pem", dir);
    (void)snprintf(key, sizeof key, "%s/k.pem", dir);
    tlsrig_cert(cert, key, &(tlsrig_spec){.names = "DNS:a"});
    accepted(cert, key, "");
    assert_int_equal(chmod(key, S_IRUSR | S_IRGRP), 0); /* a group for it is usual */
    accepted(cert, key, "");
    assert_int_equal(chmod(key, S_IRUSR | S_IROTH), 0);
    accepted(cert, key, "everybody");
    tlsrig_cert(cert, NULL, &(tlsrig_spec){.names = "DNS:a"});
    accepted(cert, NULL, "");
    tlsrig_cert(cert, key, &(tlsrig_spec){.rsa_bits = 2048});
    accepted(cert, key, "");
    tlsrig_cert(cert, key, &(tlsrig_spec){.for_s = 3600});
    accepted(cert, key, "expires within a day");
    tlsrig_cert(cert, key, &(tlsrig_spec){.from_s = 3600});
    accepted(cert, key, "not valid yet");
    /* a chain */
    tlsrig_cert(cert, key, &(tlsrig_spec){.names = "DNS:a"});
    append(cert, tlsrig_path(dir, "cert.pem"));
    cstar_err err;
    cstar__tls_ctx *c = load(cert, key, &err);
    assert_non_null(c);
    tlsrig r;
    tlsrig_init(&r, c, &(tlsrig_opts){.max = 0});
    assert_true(tlsrig_shake(&r));
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(r.client)), 2);
    tlsrig_fini(&r);
    cstar__tls_ctx_unref(c);
}

/* ---- ALPN ---- */

static void alpn(void **state) {
    (void)state;
    static const struct {
        const char *name, *offer; /* NULL: no extension */
        size_t len;
        const char *chosen[2]; /* with and without h2; "": none; NULL: refused */
    } cases[] = {
        {"none", NULL, 0, {"", ""}},
        {"h2", "\x02h2", 3, {"h2", NULL}},
        {"http/1.1", "\x08http/1.1", 9, {"http/1.1", "http/1.1"}},
        {"both", "\x02h2\x08http/1.1", 12, {"h2", "http/1.1"}},
        {"our order", "\x08http/1.1\x02h2", 12, {"h2", "http/1.1"}},
        {"behind others", "\x08spdy/3.1\x02h3\x02h2", 15, {"h2", NULL}},
        {"unknown", "\x02h3", 3, {NULL, NULL}},
        {"http/1.0", "\x08http/1.0", 9, {NULL, NULL}},
        {"acme",
         "\x0a"
         "acme-tls/1",
         11,
         {NULL, NULL}},
        {"case matters", "\x02H2", 3, {NULL, NULL}},
        {"longer", "\x03h2c", 4, {NULL, NULL}},
        {"one byte", "\x01h", 2, {NULL, NULL}},
        {"twice", "\x02h2\x02h2", 6, {"h2", NULL}},
    };
    cstar__tls_cert cert = {tlsrig_path(dir, "cert.pem"), tlsrig_path(dir, "key.pem")};
    cstar__tls_ctx *old =
        cstar__tls_ctx_new(&(cstar__tls_opts){.certs = &cert, .ncerts = 1, .no_h2 = true}, NULL);
    assert_non_null(old);
    for (size_t i = 0; i < sizeof cases / sizeof *cases * 4; i++) {
        size_t no_h2 = i % 2;
        const char *want = cases[i / 4].chosen[no_h2];
        tlsrig r;
        tlsrig_init(&r, no_h2 == 1 ? old : ctx,
                    &(tlsrig_opts){.max = i / 2 % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION,
                                   .alpn = cases[i / 4].offer,
                                   .alpn_len = cases[i / 4].len});
        bool ok = tlsrig_shake(&r);
        if (ok != (want != NULL)) {
            print_error("%s\n", cases[i / 4].name);
        }
        assert_int_equal(ok, want != NULL);
        if (want == NULL) {
            assert_int_equal(r.rc, CSTAR_ESYNTAX);
            assert_int_equal(tlsrig_client_error(), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
            assert_non_null(strstr(r.err.text, "no application protocol"));
        } else {
            const unsigned char *got = NULL;
            unsigned len = 0;
            SSL_get0_alpn_selected(r.client, &got, &len);
            assert_int_equal(len, strlen(want));
            assert_true(len == 0 || memcmp(got, want, len) == 0);
            assert_int_equal(cstar__tls_is_h2(r.server), strcmp(want, "h2") == 0);
        }
        tlsrig_fini(&r);
    }
    cstar__tls_ctx_unref(old);
}

/* ---- SNI ---- */

/* Which certificate a client gets: the place of its first name in `sites`. */
static size_t served(const tlsrig *r, const char *const *sites, size_t n) {
    X509 *x = SSL_get1_peer_certificate(r->client);
    assert_non_null(x);
    size_t found = n;
    for (size_t i = 0; i < n; i++) {
        char first[128];
        (void)snprintf(first, sizeof first, "%.*s", (int)strcspn(sites[i], ","), sites[i]);
        GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, 0);
        if (name->type == GEN_DNS &&
            strcmp((const char *)ASN1_STRING_get0_data(name->d.dNSName), first + 4) == 0) {
            found = i;
        }
        GENERAL_NAMES_free(names);
    }
    X509_free(x);
    return found;
}

static void sni(void **state) {
    (void)state;
    static const char *const sites[] = {
        "DNS:default.example,DNS:Mixed.Example,IP:127.0.0.1",
        "DNS:*.wild.example,DNS:other.example",
        "DNS:exact.wild.example,DNS:*.Case.Example",
        "DNS:b*.part.example,DNS:*,DNS:*.,DNS:a.*.example",
    };
    static const struct {
        const char *name;
        size_t site;
    } cases[] = {
        {NULL, 0},
        {"default.example", 0},
        {"DEFAULT.EXAMPLE", 0},
        {"mixed.example", 0},
        {"unknown.example", 0},
        {"other.example", 1},
        {"other.example.", 1},
        {"other.example..", 0},
        {"a.wild.example", 1},
        {"A.WILD.example", 1},
        {"exact.wild.example", 2}, /* exact wins, though it stands behind */
        {"EXACT.wild.example.", 2},
        {"a.b.wild.example", 0}, /* one level */
        {"wild.example", 0},
        {".wild.example", 0},
        {"*.wild.example", 1},
        {"x.case.example", 2},
        {"bar.part.example", 0}, /* a wildcard is a whole label */
        {"b*.part.example", 3},  /* and else a literal */
        {"com", 0},
        {"a.b.example", 0},
        {"127.0.0.1", 0},
        {"xwild.example", 0},
        {"other.example.evil", 0},
        {"example", 0},
    };
    cstar__tls_cert certs[4];
    char paths[4][512];
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "%s/site%zu.pem", dir, i);
        tlsrig_cert(paths[i], NULL, &(tlsrig_spec){.names = sites[i]});
        certs[i] = (cstar__tls_cert){paths[i], NULL};
    }
    cstar_err err;
    cstar__tls_ctx *many =
        cstar__tls_ctx_new(&(cstar__tls_opts){.certs = certs, .ncerts = 4}, &err);
    assert_non_null(many);
    for (size_t i = 0; i < sizeof cases / sizeof *cases * 2; i++) {
        const char *name = cases[i / 2].name;
        tlsrig r;
        tlsrig_init(&r, many,
                    &(tlsrig_opts){.max = i % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION,
                                   .sni = name,
                                   .alpn = "\x02h2",
                                   .alpn_len = 3});
        assert_true(tlsrig_shake(&r));
        size_t got = served(&r, sites, 4);
        if (got != cases[i / 2].site) {
            print_error("%s got certificate %zu\n", name, got);
        }
        assert_int_equal(got, cases[i / 2].site);
        assert_true(cstar__tls_is_h2(r.server)); /* the other sites choose in the same way */
        if (name != NULL) {
            assert_string_equal(cstar__tls_sni(r.server), name);
        }
        assert_true(tlsrig_to_server(&r, "x", 1));
        tlsrig_fini(&r);
    }
    cstar__tls_ctx_unref(many);
}

/* ---- resumption ---- */

/* Connects, and keeps the newest ticket in *session. */
static bool resumes(cstar__tls_ctx *c, int version, SSL_SESSION **session) {
    tlsrig r;
    SSL_SESSION *old = *session;
    SSL_SESSION *fresh = NULL;
    tlsrig_init(
        &r, c,
        &(tlsrig_opts){.max = version, .session = old, .sessions = &fresh, .sni = "localhost"});
    assert_true(tlsrig_shake(&r));
    bool resumed = cstar__tls_resumed(r.server);
    assert_int_equal(resumed, SSL_session_reused(r.client));
    assert_true(tlsrig_to_server(&r, "ping", 4));
    assert_true(tlsrig_to_client(&r, "pong", 4));
    if (version == TLS1_2_VERSION) { /* OpenSSL's callback keeps silent about a renewed one */
        SSL_SESSION_free(fresh);
        fresh = SSL_get1_session(r.client);
    }
    tlsrig_fini(&r);
    assert_non_null(fresh);
    SSL_SESSION_free(old);
    *session = fresh;
    return resumed;
}

static void resumption(void **state) {
    (void)state;
    for (int v = 0; v < 2; v++) {
        int version = v == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
        SSL_SESSION *s = NULL;
        assert_false(resumes(ctx, version, &s));
        assert_non_null(s);
        assert_true(resumes(ctx, version, &s));
        assert_true(resumes(ctx, version, &s));
        /* one rotation later it is renewed */
        assert_int_equal(cstar__tls_ctx_rotate(ctx), CSTAR_OK);
        assert_true(resumes(ctx, version, &s));
        assert_int_equal(cstar__tls_ctx_rotate(ctx), CSTAR_OK);
        assert_true(resumes(ctx, version, &s));
        /* two later it is void, and that costs only the time of a full handshake */
        assert_int_equal(cstar__tls_ctx_rotate(ctx), CSTAR_OK);
        assert_int_equal(cstar__tls_ctx_rotate(ctx), CSTAR_OK);
        assert_false(resumes(ctx, version, &s));
        assert_true(resumes(ctx, version, &s));
        SSL_SESSION_free(s);
    }
}

static void resumption_across_a_reload(void **state) {
    (void)state;
    cstar__tls_cert cert = {tlsrig_path(dir, "cert.pem"), tlsrig_path(dir, "key.pem")};
    for (int v = 0; v < 2; v++) {
        int version = v == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
        SSL_SESSION *s = NULL;
        assert_false(resumes(ctx, version, &s));
        cstar__tls_ctx *next = cstar__tls_ctx_new(
            &(cstar__tls_opts){.certs = &cert, .ncerts = 1, .previous = ctx}, NULL);
        assert_non_null(next);
        assert_true(resumes(next, version, &s));
        cstar__tls_ctx_unref(next);
        cstar__tls_ctx *stranger =
            cstar__tls_ctx_new(&(cstar__tls_opts){.certs = &cert, .ncerts = 1}, NULL);
        assert_non_null(stranger);
        assert_false(resumes(stranger, version, &s));
        cstar__tls_ctx_unref(stranger);
        SSL_SESSION_free(s);
    }
}

/* ---- reload ---- */

static void a_connection_keeps_its_context(void **state) {
    (void)state;
    cstar__tls_slot slot;
    char cert[512];
    (void)snprintf(cert, sizeof cert, "%s/slot.pem", dir);
    cstar_err err;
    tlsrig_cert(cert, NULL, &(tlsrig_spec){.names = "DNS:old.example"});
    assert_int_equal(cstar__tls_slot_init(&slot, load(cert, NULL, &err)), CSTAR_OK);
    tlsrig old, fresh;
    cstar__tls_ctx *now = cstar__tls_slot_get(&slot);
    tlsrig_init(&old, now, &(tlsrig_opts){.max = 0});
    cstar__tls_ctx_unref(now);
    (void)SSL_do_handshake(old.client); /* reloaded in the middle of its handshake */
    (void)tlsrig_move(&old);
    tlsrig_cert(cert, NULL, &(tlsrig_spec){.names = "DNS:new.example"});
    cstar__tls_slot_set(&slot, load(cert, NULL, &err));
    now = cstar__tls_slot_get(&slot);
    tlsrig_init(&fresh, now, &(tlsrig_opts){.max = 0});
    cstar__tls_ctx_unref(now);
    cstar__tls_slot_fini(&slot); /* now only the connections hold them */
    assert_true(tlsrig_shake(&fresh));
    assert_true(tlsrig_shake(&old));
    static const char *const names[] = {"DNS:old.example", "DNS:new.example"};
    assert_int_equal(served(&old, names, 2), 0);
    assert_int_equal(served(&fresh, names, 2), 1);
    assert_true(tlsrig_to_server(&old, "still", 5));
    assert_true(tlsrig_to_client(&old, "here", 4));
    tlsrig_fini(&old);
    tlsrig_fini(&fresh);
}

static void an_empty_slot(void **state) {
    (void)state;
    cstar__tls_slot slot;
    assert_int_equal(cstar__tls_slot_init(&slot, NULL), CSTAR_OK);
    assert_null(cstar__tls_slot_get(&slot));
    cstar__tls_slot_set(&slot, NULL);
    cstar__tls_slot_fini(&slot);
    cstar__tls_ctx_unref(NULL);
    cstar__tls_free(NULL);
}

/* OpenSSL has 128 indices for kinds of BIO; a server may reload more often than that. */
static void many_reloads(void **state) {
    (void)state;
    cstar_err err;
    for (int i = 0; i < 400; i++) {
        cstar__tls_ctx *c = load(tlsrig_path(dir, "cert.pem"), tlsrig_path(dir, "key.pem"), &err);
        assert_non_null(c);
        cstar__tls *t = cstar__tls_new(c);
        assert_non_null(t);
        cstar__tls_free(t);
        cstar__tls_ctx_unref(c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_refused),
        cmocka_unit_test(pairs_that_are_refused),
        cmocka_unit_test(options_that_are_refused),
        cmocka_unit_test(files_that_are_accepted),
        cmocka_unit_test(alpn),
        cmocka_unit_test(sni),
        cmocka_unit_test(resumption),
        cmocka_unit_test(resumption_across_a_reload),
        cmocka_unit_test(a_connection_keeps_its_context),
        cmocka_unit_test(an_empty_slot),
        cmocka_unit_test(many_reloads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
