/* tlsrig.c
 * SPDX-License-Identifier: MIT */
#include "support/tlsrig.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- files ---- */

void tlsrig_dir_make(char dir[64]) {
    (void)snprintf(dir, 64, "/tmp/cstar-tls-XXXXXX");
    assert_non_null(mkdtemp(dir));
}

const char *tlsrig_path(const char *dir, const char *name) {
    static char paths[8][512];
    static size_t next;
    char *out = paths[next++ % 8];
    (void)snprintf(out, 512, "%s/%s", dir, name);
    return out;
}

void tlsrig_dir_remove(const char *dir) {
    DIR *d = opendir(dir);
    if (d == NULL) {
        return;
    }
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] != '.') {
            (void)unlink(tlsrig_path(dir, e->d_name));
        }
    }
    (void)closedir(d);
    (void)rmdir(dir);
}

void tlsrig_write(const char *path, const char *text, size_t len) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

char *tlsrig_read(const char *path, size_t *len) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, 65537);
    assert_non_null(text);
    size_t n = fread(text, 1, 65536, f);
    assert_int_equal(fclose(f), 0);
    if (len != NULL) {
        *len = n;
    }
    return text;
}

/* ---- certificates ---- */

static EVP_PKEY *make_key(int rsa_bits) {
    EVP_PKEY *key = rsa_bits != 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)rsa_bits)
                                  : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    assert_non_null(key);
    return key;
}

static X509 *make_cert(EVP_PKEY *key, const tlsrig_spec *spec) {
    X509 *x = X509_new();
    assert_non_null(x);
    long from = spec->from_s != 0 ? spec->from_s : -3600;
    long to = spec->for_s != 0 ? spec->for_s : 864000;
    (void)X509_set_version(x, X509_VERSION_3);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), from));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), to));
    X509_NAME *name = X509_get_subject_name(x);
    const unsigned char text[] = "cstar test";
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
    (void)X509_set_issuer_name(x, name);
    assert_int_equal(X509_set_pubkey(x, key), 1);
    if (spec->names != NULL) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, spec->names);
        assert_non_null(ext);
        assert_int_equal(X509_add_ext(x, ext, -1), 1);
        X509_EXTENSION_free(ext);
    }
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

static void put_key(FILE *f, EVP_PKEY *key, const char *password) {
    assert_int_equal(
        PEM_write_PKCS8PrivateKey(f, key, password != NULL ? EVP_aes_128_cbc() : NULL, password,
                                  password != NULL ? (int)strlen(password) : 0, NULL, NULL),
        1);
}

static FILE *create(const char *path) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(chmod(path, S_IRUSR | S_IWUSR), 0);
    return f;
}

void tlsrig_cert(const char *cert_path, const char *key_path, const tlsrig_spec *spec) {
    EVP_PKEY *key = make_key(spec->rsa_bits);
    X509 *x = make_cert(key, spec);
    FILE *f = create(cert_path);
    if (key_path == NULL) {
        put_key(f, key, spec->password);
    }
    assert_int_equal(PEM_write_X509(f, x), 1);
    assert_int_equal(fclose(f), 0);
    if (key_path != NULL) {
        f = create(key_path);
        put_key(f, key, spec->password);
        assert_int_equal(fclose(f), 0);
    }
    X509_free(x);
    EVP_PKEY_free(key);
}

cstar__tls_ctx *tlsrig_ctx(const char *dir) {
    cstar__tls_cert cert = {tlsrig_path(dir, "cert.pem"), tlsrig_path(dir, "key.pem")};
    tlsrig_cert(cert.cert_file, cert.key_file, &(tlsrig_spec){.names = "DNS:localhost"});
    cstar_err err;
    cstar__tls_ctx *ctx = cstar__tls_ctx_new(&(cstar__tls_opts){.certs = &cert, .ncerts = 1}, &err);
    if (ctx == NULL) {
        print_error("%s\n", err.text);
    }
    assert_non_null(ctx);
    assert_string_equal(err.text, "");
    return ctx;
}

/* ---- connections ---- */

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    SSL_SESSION **out = SSL_get_app_data(ssl);
    SSL_SESSION_free(*out);
    *out = session;
    return 1;
}

static SSL_CTX *client_ctx(const tlsrig_opts *o) {
    SSL_CTX *c = SSL_CTX_new(TLS_client_method());
    assert_non_null(c);
    SSL_CTX_set_security_level(c, 0); /* so that it can offer what must be refused */
    int max = o->max != 0 ? o->max : TLS1_3_VERSION;
    assert_int_equal(SSL_CTX_set_min_proto_version(c, o->min != 0 ? o->min : max), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(c, max), 1);
    if (o->ciphers != NULL) {
        assert_int_equal(SSL_CTX_set_cipher_list(c, o->ciphers), 1);
    }
    if (o->sessions != NULL) {
        (void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(c, keep_session);
    }
    return c;
}

void tlsrig_init(tlsrig *r, cstar__tls_ctx *ctx, const tlsrig_opts *o) {
    *r = (tlsrig){.chunk = 0};
    cstar_buf_init(&r->plain, cstar_heap(), (size_t)4 << 20);
    cstar_buf_init(&r->reply, cstar_heap(), (size_t)4 << 20);
    r->server = cstar__tls_new(ctx);
    assert_non_null(r->server);
    SSL_CTX *c = client_ctx(o);
    r->client = SSL_new(c);
    SSL_CTX_free(c);
    r->rx = BIO_new(BIO_s_mem());
    r->tx = BIO_new(BIO_s_mem());
    assert_true(r->client != NULL && r->rx != NULL && r->tx != NULL);
    SSL_set_bio(r->client, r->rx, r->tx);
    SSL_set_connect_state(r->client);
    (void)SSL_set_app_data(r->client, o->sessions);
    if (o->alpn != NULL) {
        assert_int_equal(
            SSL_set_alpn_protos(r->client, (const unsigned char *)o->alpn, (unsigned)o->alpn_len),
            0);
    }
    if (o->sni != NULL) {
        char name[256];
        (void)snprintf(name, sizeof name, "%s", o->sni);
        assert_int_equal(SSL_set_tlsext_host_name(r->client, name), 1);
    }
    if (o->session != NULL) {
        assert_int_equal(SSL_set_session(r->client, o->session), 1);
    }
}

void tlsrig_fini(tlsrig *r) {
    cstar__tls_free(r->server);
    SSL_set_shutdown(r->client, SSL_SENT_SHUTDOWN); /* else it voids the session */
    SSL_free(r->client);
    cstar_buf_fini(&r->plain);
    cstar_buf_fini(&r->reply);
    ERR_clear_error();
}

void tlsrig_deliver(tlsrig *r) {
    if (r->reply.len != 0) {
        assert_int_equal(BIO_write(r->rx, r->reply.ptr, (int)r->reply.len), (int)r->reply.len);
        cstar_buf_reset(&r->reply);
    }
}

cstar_status tlsrig_move(tlsrig *r) {
    char *bytes = NULL;
    size_t len = (size_t)BIO_get_mem_data(r->tx, &bytes);
    r->rc = CSTAR_OK;
    for (size_t i = 0; i < len && r->rc == CSTAR_OK;) {
        size_t n = r->chunk != 0 && r->chunk < len - i ? r->chunk : len - i;
        /* a block of its own: reading past it is caught by ASan */
        char *piece = malloc(n);
        assert_non_null(piece);
        memcpy(piece, bytes + i, n);
        r->rc = cstar__tls_feed(r->server, piece, n, &r->plain, &r->reply, &r->err);
        free(piece);
        i += n;
    }
    (void)BIO_reset(r->tx);
    tlsrig_deliver(r);
    return r->rc;
}

bool tlsrig_shake(tlsrig *r) {
    for (int i = 0; i < 8; i++) {
        ERR_clear_error();
        int done = SSL_do_handshake(r->client);
        if (done != 1 && SSL_get_error(r->client, done) != SSL_ERROR_WANT_READ) {
            (void)tlsrig_move(r); /* its alert; the reason stays in the queue for the test */
            return false;
        }
        if (tlsrig_move(r) != CSTAR_OK) {
            (void)SSL_do_handshake(r->client); /* reads our alert */
            return false;
        }
        if (done == 1 && cstar__tls_ready(r->server)) {
            char none;
            (void)SSL_read(r->client, &none, 0); /* takes the tickets in */
            (void)SSL_peek(r->client, &none, 1);
            ERR_clear_error();
            return true;
        }
    }
    return false;
}

bool tlsrig_to_server(tlsrig *r, const char *ptr, size_t len) {
    cstar_buf_reset(&r->plain);
    ERR_clear_error();
    size_t n = 0;
    return SSL_write_ex(r->client, ptr, len, &n) == 1 && n == len && tlsrig_move(r) == CSTAR_OK &&
           r->plain.len == len && memcmp(r->plain.ptr, ptr, len) == 0;
}

bool tlsrig_to_client(tlsrig *r, const char *ptr, size_t len) {
    if (cstar__tls_write(r->server, cstar_view(ptr, len), &r->reply) != CSTAR_OK) {
        return false;
    }
    tlsrig_deliver(r);
    char *got = malloc(len + 1);
    assert_non_null(got);
    size_t at = 0, n = 0;
    while (at <= len && SSL_read_ex(r->client, got + at, len + 1 - at, &n) == 1) {
        at += n;
    }
    bool same = at == len && memcmp(got, ptr, len) == 0;
    free(got);
    ERR_clear_error();
    return same;
}

int tlsrig_client_error(void) {
    int reason = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
    return reason;
}
