/* test_tls_dev.c -- certificates for development: what is in them, when they are kept, who may be disturbed.
 * SPDX-License-Identifier: MIT */
#include "net/tls.h"
#include "support/tlsrig.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int set_up(void **state) {
    (void)state;
    tlsrig_dir_make(dir);
    (void)setenv("CAROOT", "", 1);
    (void)setenv("XDG_DATA_HOME", dir, 1);
    (void)setenv("HOME", dir, 1);
    (void)setenv("USER", "ana", 1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    tlsrig_dir_remove(dir);
    return 0;
}

static X509 *read_cert(const char *path) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
    assert_non_null(x);
    (void)fclose(f);
    return x;
}

static void make(const char *host, cstar__tls_dev_files *out) {
    cstar_err err = {.code = CSTAR_OK};
    cstar_status rc = cstar__tls_dev_cert(dir, host, out, &err);
    if (rc != CSTAR_OK) {
        print_error("%s\n", err.text);
    }
    assert_int_equal(rc, CSTAR_OK);
    assert_string_equal(err.text, ""); /* untouched */
    assert_int_equal(ERR_peek_error(), 0);
}

/* As a browser would: up to `ca`, for servers, for this host, now. */
static bool trusted(const cstar__tls_dev_files *f, const char *host) {
    X509 *leaf = read_cert(f->cert_file);
    X509 *ca = read_cert(f->ca_file);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *v = X509_STORE_CTX_new();
    assert_true(store != NULL && v != NULL);
    assert_int_equal(X509_STORE_add_cert(store, ca), 1);
    assert_int_equal(X509_STORE_CTX_init(v, store, leaf, NULL), 1);
    X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(v);
    (void)X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT);
    (void)X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_SSL_SERVER);
    if (X509_VERIFY_PARAM_set1_ip_asc(p, host) != 1) {
        assert_int_equal(X509_VERIFY_PARAM_set1_host(p, host, 0), 1);
    }
    bool ok = X509_verify_cert(v) == 1;
    X509_STORE_CTX_free(v);
    X509_STORE_free(store);
    X509_free(ca);
    X509_free(leaf);
    ERR_clear_error();
    return ok;
}

static mode_t mode_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777U;
}

static bool same_file(const char *path, const char *text) {
    char *now = tlsrig_read(path, NULL);
    bool same = strcmp(now, text) == 0;
    free(now);
    return same;
}

/* ---- what is made ---- */

static void what_is_in_them(void **state) {
    (void)state;
    cstar__tls_dev_files f;
    make("My.Laptop.test", &f);
    assert_true(f.ca_is_new);
    assert_false(f.ca_is_mkcert);
    assert_string_equal(f.cert_file, tlsrig_path(dir, "leaf.pem"));
    assert_string_equal(f.key_file, tlsrig_path(dir, "leaf-key.pem"));
    assert_string_equal(f.ca_file, tlsrig_path(dir, "ca.pem"));
    assert_int_equal(mode_of(f.key_file), 0600);
    assert_int_equal(mode_of(tlsrig_path(dir, "ca-key.pem")), 0600);
    static const char *const hosts[] = {"localhost", "127.0.0.1", "::1", "my.laptop.test"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        assert_true(trusted(&f, hosts[i]));
    }
    assert_false(trusted(&f, "other.test"));
    assert_false(trusted(&f, "127.0.0.2"));

    X509 *ca = read_cert(f.ca_file);
    assert_int_equal(X509_get_extension_flags(ca) & EXFLAG_CA, EXFLAG_CA);
    assert_int_equal(X509_get_pathlen(ca), 0);
    assert_int_equal(X509_get_key_usage(ca), KU_KEY_CERT_SIGN);
    char name[128];
    assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(ca), NID_commonName, name,
                                          sizeof name) > 0);
    assert_memory_equal(name, "cstar development CA (ana@", 26);
    X509_free(ca);

    X509 *leaf = read_cert(f.cert_file);
    assert_int_equal(X509_get_extension_flags(leaf) & EXFLAG_CA, 0);
    assert_int_equal(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
    assert_int_equal(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
    int days = 0, seconds = 0;
    assert_int_equal(
        ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(leaf), X509_get0_notAfter(leaf)), 1);
    assert_true(days >= 89 && days < 398);
    X509_free(leaf);
}

static void a_server_can_use_them(void **state) {
    (void)state;
    cstar__tls_dev_files f;
    make(NULL, &f);
    cstar__tls_cert cert = {f.cert_file, f.key_file};
    cstar_err err;
    cstar__tls_ctx *ctx = cstar__tls_ctx_new(&(cstar__tls_opts){.certs = &cert, .ncerts = 1}, &err);
    assert_non_null(ctx);
    assert_string_equal(err.text, "");
    tlsrig r;
    tlsrig_init(&r, ctx, &(tlsrig_opts){.max = 0, .sni = "localhost"});
    assert_true(tlsrig_shake(&r));
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(r.client)), 2);
    tlsrig_fini(&r);
    cstar__tls_ctx_unref(ctx);
}

/* ---- when they are kept ---- */

static void kept_while_good(void **state) {
    (void)state;
    cstar__tls_dev_files f;
    make("a.test", &f);
    char *leaf = tlsrig_read(f.cert_file, NULL);
    char *key = tlsrig_read(f.key_file, NULL);
    char *ca = tlsrig_read(f.ca_file, NULL);
    make("a.test", &f);
    make("A.TEST", &f);
    make(NULL, &f);
    make("", &f);
    make("0.0.0.0", &f);
    make("::", &f);
    make("localhost", &f);
    make("0:0:0:0:0:0:0:1", &f);
    assert_false(f.ca_is_new);
    assert_true(same_file(f.cert_file, leaf));
    /* another host: another certificate with both, of the same key and CA */
    make("b.test", &f);
    assert_false(f.ca_is_new);
    assert_false(same_file(f.cert_file, leaf));
    assert_true(same_file(f.key_file, key));
    assert_true(same_file(f.ca_file, ca));
    assert_true(trusted(&f, "a.test") && trusted(&f, "b.test"));
    make("10.1.2.3", &f);
    make("fe80::1", &f);
    make("*.dev.test", &f);
    assert_true(trusted(&f, "10.1.2.3") && trusted(&f, "fe80::1") && trusted(&f, "x.dev.test"));
    for (int i = 0; i < 40;
         i++) { /* names do not pile up for ever, and the newest is always there */
        char host[32];
        (void)snprintf(host, sizeof host, "host%d.test", i);
        make(host, &f);
        assert_true(trusted(&f, host) && trusted(&f, "localhost"));
    }
    X509 *x = read_cert(f.cert_file);
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    assert_true(sk_GENERAL_NAME_num(names) <= 25);
    GENERAL_NAMES_free(names);
    X509_free(x);
    free(leaf);
    free(key);
    free(ca);
}

static void made_anew_when_spoilt(void **state) {
    (void)state;
    static const char *const names[] = {"ca.pem", "ca-key.pem", "leaf.pem", "leaf-key.pem"};
    for (size_t i = 0; i < 4; i++) {
        for (size_t how = 0; how < 4; how++) {
            cstar__tls_dev_files f;
            make("a.test", &f);
            const char *path = tlsrig_path(dir, names[i]);
            size_t len = 0;
            char *text = tlsrig_read(path, &len);
            switch (how) {
            case 0:
                assert_int_equal(unlink(path), 0);
                break;
            case 1:
                tlsrig_write(path, text, len / 2);
                break;
            case 2:
                tlsrig_write(path, "", 0);
                break;
            default: /* somebody else's */
                tlsrig_cert(i % 2 == 0 ? path : tlsrig_path(dir, "x"),
                            i % 2 == 1 ? path : tlsrig_path(dir, "x"),
                            &(tlsrig_spec){.names = NULL});
                break;
            }
            free(text);
            make("a.test", &f);
            assert_int_equal(f.ca_is_new, i < 2);
            assert_true(trusted(&f, "a.test"));
            assert_int_equal(mode_of(tlsrig_path(dir, "ca-key.pem")), 0600);
            assert_int_equal(mode_of(f.key_file), 0600);
        }
    }
}

/* A pair that is a CA, for `days`, signed by itself. */
static void put_ca(const char *cert, const char *key_path, long days) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *x = X509_new();
    assert_true(key != NULL && x != NULL);
    (void)X509_set_version(x, X509_VERSION_3);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(x), -86400);
    (void)X509_gmtime_adj(X509_getm_notAfter(x), days * 86400);
    const unsigned char text[] = "mkcert ana@laptop";
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, text, -1, -1, 0);
    (void)X509_set_issuer_name(x, X509_get_subject_name(x));
    (void)X509_set_pubkey(x, key);
    static const struct {
        int nid;
        const char *value;
    } exts[] = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                {NID_key_usage, "critical,keyCertSign"},
                {NID_subject_key_identifier, "hash"}};
    for (size_t i = 0; i < sizeof exts / sizeof *exts; i++) {
        X509V3_CTX v3;
        X509V3_set_ctx(&v3, x, x, NULL, NULL, 0);
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &v3, exts[i].nid, exts[i].value);
        assert_int_equal(X509_add_ext(x, ext, -1), 1);
        X509_EXTENSION_free(ext);
    }
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    FILE *f = fopen(cert, "wb");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, x), 1);
    (void)fclose(f);
    f = fopen(key_path, "wb");
    assert_non_null(f);
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    (void)fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}

static void an_ending_ca_is_replaced(void **state) {
    (void)state;
    cstar__tls_dev_files f;
    put_ca(tlsrig_path(dir, "ca.pem"), tlsrig_path(dir, "ca-key.pem"), 200);
    make("a.test", &f);
    assert_false(f.ca_is_new);
    assert_true(trusted(&f, "a.test"));
    put_ca(tlsrig_path(dir, "ca.pem"), tlsrig_path(dir, "ca-key.pem"), 60);
    make("a.test", &f);
    assert_true(f.ca_is_new);
    assert_true(trusted(&f, "a.test"));
}

static EVP_PKEY *read_key(const char *path) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    assert_non_null(key);
    (void)fclose(f);
    return key;
}

/* The leaf again, by the same CA, but with this many days left. */
static void put_leaf(const cstar__tls_dev_files *f, long days) {
    X509 *leaf = read_cert(f->cert_file);
    X509 *ca = read_cert(f->ca_file);
    EVP_PKEY *key = read_key(tlsrig_path(dir, "ca-key.pem"));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(leaf), days * 86400));
    assert_true(X509_sign(leaf, key, EVP_sha256()) > 0);
    FILE *out = fopen(f->cert_file, "wb");
    assert_non_null(out);
    assert_int_equal(PEM_write_X509(out, leaf) + PEM_write_X509(out, ca), 2);
    (void)fclose(out);
    EVP_PKEY_free(key);
    X509_free(ca);
    X509_free(leaf);
}

static void an_ending_leaf_is_replaced(void **state) {
    (void)state;
    static const struct {
        long days;
        bool kept;
    } cases[] = {{40, true}, {31, true}, {29, false}, {1, false}, {-1, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar__tls_dev_files f;
        make("a.test", &f);
        put_leaf(&f, cases[i].days);
        char *text = tlsrig_read(f.cert_file, NULL);
        char *key = tlsrig_read(f.key_file, NULL);
        make("a.test", &f);
        assert_false(f.ca_is_new);
        assert_int_equal(same_file(f.cert_file, text), cases[i].kept);
        assert_true(same_file(f.key_file, key));
        assert_true(trusted(&f, "a.test"));
        free(text);
        free(key);
    }
}

/* ---- mkcert ---- */

static void mkcert_is_used(void **state) {
    (void)state;
    char root[64];
    tlsrig_dir_make(root);
    cstar__tls_dev_files f;
    make("a.test", &f);
    assert_false(f.ca_is_mkcert);
    char cert[512], key[512];
    (void)snprintf(cert, sizeof cert, "%s/rootCA.pem", root);
    (void)snprintf(key, sizeof key, "%s/rootCA-key.pem", root);
    put_ca(cert, key, 3650);
    (void)setenv("CAROOT", root, 1);
    make("a.test", &f);
    assert_true(f.ca_is_mkcert);
    assert_false(f.ca_is_new);
    assert_string_equal(f.ca_file, cert);
    assert_true(trusted(&f, "a.test"));
    char *leaf = tlsrig_read(f.cert_file, NULL);
    make("a.test", &f);
    assert_true(same_file(f.cert_file, leaf));
    free(leaf);
    /* no use without its key, nor when it is ending, nor when the key is another's: ours again */
    put_ca(cert, key, 5);
    make("a.test", &f);
    assert_false(f.ca_is_mkcert);
    assert_false(f.ca_is_new);
    put_ca(cert, key, 3650);
    put_ca(tlsrig_path(root, "x"), key, 3650);
    make("a.test", &f);
    assert_false(f.ca_is_mkcert);
    (void)unlink(key);
    make("a.test", &f);
    assert_false(f.ca_is_mkcert);
    assert_true(trusted(&f, "a.test"));
    assert_string_equal(f.ca_file, tlsrig_path(dir, "ca.pem"));
    tlsrig_dir_remove(root);
}

static void mkcert_in_its_default_folders(void **state) {
    (void)state;
    static const char *const below[] = {"/mkcert", "/.local/share/mkcert"};
    for (size_t i = 0; i < 2; i++) {
        char root[64], path[512], cmd[700];
        tlsrig_dir_make(root);
        (void)setenv("XDG_DATA_HOME", i == 0 ? root : "", 1);
        (void)setenv("HOME", i == 1 ? root : "", 1);
        (void)snprintf(path, sizeof path, "%s%s", root, below[i]);
        (void)snprintf(cmd, sizeof cmd, "mkdir -p '%s'", path);
        assert_int_equal(system(cmd), 0);
        put_ca(tlsrig_path(path, "rootCA.pem"), tlsrig_path(path, "rootCA-key.pem"), 3650);
        cstar__tls_dev_files f;
        make("a.test", &f);
        assert_true(f.ca_is_mkcert);
        assert_true(trusted(&f, "a.test"));
        (void)snprintf(cmd, sizeof cmd, "rm -r '%s'", root);
        assert_int_equal(system(cmd), 0);
    }
}

/* ---- errors ---- */

static void refused(const char *where, const char *host, cstar_status code, const char *text) {
    cstar__tls_dev_files f;
    cstar_err err = {.code = CSTAR_OK};
    cstar_status rc = cstar__tls_dev_cert(where, host, &f, &err);
    if (rc != code || err.code != code || strstr(err.text, text) == NULL) {
        print_error("wanted %d \"%s\", got %d \"%s\"\n", (int)code, text, (int)rc, err.text);
        fail();
    }
}

static void hosts_that_are_none(void **state) {
    (void)state;
    static const char *const hosts[] = {
        "a b",  "a,DNS:evil.test",  "..",         "a..b", "-a",     "[::1]",
        "a\nb", "caf\xc3\xa9.test", "1.2.3.4:80", "a/b",  "::1%lo", " "};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        refused(dir, hosts[i], CSTAR_EINVAL, "is no host");
    }
    char longest[300];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    refused(dir, longest, CSTAR_EINVAL, "is no host");
}

static void folders_that_do_not_serve(void **state) {
    (void)state;
    char path[700];
    (void)snprintf(path, sizeof path, "%s/file/x", dir);
    tlsrig_write(tlsrig_path(dir, "file"), "", 0);
    refused(path, "a", CSTAR_EIO, "Not a directory");
    refused(tlsrig_path(dir, "file"), "a", CSTAR_EIO, "Not a directory");
    refused("/proc/cstar-none", "a", CSTAR_EIO, "/proc/cstar-none: ");
    (void)snprintf(path, sizeof path, "%s/%0500d", dir, 1);
    refused(path, "a", CSTAR_ELIMIT, "too long");
    assert_int_equal(chmod(dir, 0777), 0);
    refused(dir, "a", CSTAR_EPOLICY, "others may write");
    assert_int_equal(chmod(dir, 0755), 0);
    /* a folder in the place of a file */
    assert_int_equal(mkdir(tlsrig_path(dir, "ca.pem"), 0700), 0);
    refused(dir, "a", CSTAR_EIO, "Is a directory");
    assert_int_equal(rmdir(tlsrig_path(dir, "ca.pem")), 0);
    cstar__tls_dev_files f;
    (void)snprintf(path, sizeof path, "%s/new/er", dir);
    assert_int_equal(cstar__tls_dev_cert(path, "a", &f, NULL), CSTAR_OK);
    assert_int_equal(mode_of(path), 0700);
    char cmd[800];
    (void)snprintf(cmd, sizeof cmd, "rm -r '%s/new'", dir);
    assert_int_equal(system(cmd), 0);
}

/* A disk without room: files may not grow past `limit` bytes. Nothing half-written stays in place. */
static int without_room(rlim_t limit) {
    cstar__tls_dev_files f;
    cstar_err err = {.code = CSTAR_OK};
    struct rlimit r = {limit, limit};
    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &r) != 0) {
        return 2;
    }
    cstar_status rc = cstar__tls_dev_cert(dir, "a.test", &f, &err);
    return rc == CSTAR_EIO && strstr(err.text, "too large") != NULL && err.code == rc ? 0 : 1;
}

static void full_disk(void **state) {
    (void)state;
    static const rlim_t limits[] = {0, 10, 200, 300, 500};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            _exit(without_room(limits[i]));
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_not_equal(access(tlsrig_path(dir, "leaf.pem"), F_OK), 0);
        static const char *const half[] = {"ca.pem.new", "ca-key.pem.new", "leaf.pem.new",
                                           "leaf-key.pem.new"};
        for (size_t n = 0; n < 4; n++) {
            assert_int_not_equal(access(tlsrig_path(dir, half[n]), F_OK), 0);
        }
    }
    cstar__tls_dev_files f;
    make("a.test", &f);
    assert_true(trusted(&f, "a.test"));
}

/* ---- several at once ---- */

static int one_of_many(int i) {
    char host[32];
    cstar__tls_dev_files f;
    (void)snprintf(host, sizeof host, "p%d.test", i);
    for (int n = 0; n < 5; n++) {
        if (cstar__tls_dev_cert(dir, host, &f, NULL) != CSTAR_OK) {
            return 1;
        }
        cstar__tls_cert cert = {f.cert_file, f.key_file};
        cstar__tls_ctx *ctx =
            cstar__tls_ctx_new(&(cstar__tls_opts){.certs = &cert, .ncerts = 1}, NULL);
        if (ctx == NULL) {
            return 2; /* for example another's certificate with our key */
        }
        cstar__tls_ctx_unref(ctx);
    }
    return trusted(&f, host) ? 0 : 3;
}

static void processes_at_once(void **state) {
    (void)state;
    enum { MANY = 6 };
    pid_t children[MANY];
    for (int i = 0; i < MANY; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            _exit(one_of_many(i));
        }
    }
    for (int i = 0; i < MANY; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    cstar__tls_dev_files f;
    make(NULL, &f);
    assert_false(f.ca_is_new);
    assert_true(trusted(&f, "p0.test") && trusted(&f, "p5.test"));
}

static void *thread_of_many(void *arg) {
    int *i = arg;
    *i = one_of_many(*i);
    return NULL;
}

static void threads_at_once(void **state) {
    (void)state;
    pthread_t threads[4];
    int numbers[4] = {0, 1, 2, 3};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, thread_of_many, &numbers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(numbers[i], 0);
    }
}

int main(void) {
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        EACH(full_disk), /* forks: before there are threads */
        EACH(processes_at_once),
        EACH(what_is_in_them),
        EACH(a_server_can_use_them),
        EACH(kept_while_good),
        EACH(made_anew_when_spoilt),
        EACH(an_ending_ca_is_replaced),
        EACH(an_ending_leaf_is_replaced),
        EACH(mkcert_is_used),
        EACH(mkcert_in_its_default_folders),
        EACH(hosts_that_are_none),
        EACH(folders_that_do_not_serve),
        EACH(threads_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
