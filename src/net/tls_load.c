/* tls_load.c -- certificates and keys from PEM files, and errors that a person can act on.
 *
 *     file ──▶ memory (bounded) ──▶ PEM ──▶ cstar__tls_pair
 *
 * Files are read by us and parsed from memory: errno is the reason when one can't be read, nothing
 * endless is read, and a file that holds certificate and key is one version of both.
 *
 * Absent: passwords of keys. A server that starts by itself has nobody to ask, and OpenSSL must not
 * ask the terminal on its own.
 * SPDX-License-Identifier: MIT */
#include "net/tls_parts.h"

#if CSTAR_WITH_TLS

#include <openssl/err.h>
#include <openssl/pem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)
#define STEP ((size_t)16384)
#define PATH_SHOWN 72 /* an error's text has 160 bytes, and the reason has to fit too */

/* ---- errors ---- */

const char *cstar__tls_short_path(const char *path) {
    size_t len = strlen(path);
    return len <= PATH_SHOWN ? path : path + (len - PATH_SHOWN);
}

static const char *reason_of(unsigned long e) {
    const char *reason =
        ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) : ERR_reason_error_string(e);
    return reason != NULL ? reason : "for a reason that OpenSSL does not name";
}

cstar_status cstar__tls_errors(cstar_status code, char *text, size_t size) {
    unsigned long e = ERR_get_error();
    (void)snprintf(text, size, "%s", reason_of(e));
    for (; e != 0; e = ERR_get_error()) {
        if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE) {
            code = CSTAR_ENOMEM;
        }
    }
    if (code == CSTAR_ENOMEM) {
        (void)snprintf(text, size, "%s", cstar_strerror(code));
    }
    return code;
}

/* `what` is "certificate" or "key". */
static cstar_status refuse(cstar_status code, const char *what, const char *path, const char *why,
                           cstar_err *err) {
    return cstar_err_set(err, code, what, "TLS %s %s: %s", what, cstar__tls_short_path(path), why);
}

static cstar_status refuse_openssl(const char *what, const char *path, cstar_err *err) {
    char why[72];
    cstar_status rc = cstar__tls_errors(CSTAR_EINVAL, why, sizeof why);
    return refuse(rc, what, path, why, err);
}

/* ---- files ---- */

static cstar_status read_all(int fd, cstar_buf *out) {
    for (;;) {
        if (!cstar_buf_room(out, STEP)) {
            return out->status;
        }
        ssize_t n = read(fd, out->ptr + out->len, STEP);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 ? CSTAR_OK : CSTAR_EIO;
        }
        out->len += (size_t)n;
    }
}

static cstar_status read_file(const char *what, const char *path, cstar_buf *out, bool *exposed,
                              cstar_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int e = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return refuse(e == ENOENT ? CSTAR_ENOENT : CSTAR_EIO, what, path, strerror(e), err);
    }
    /* All of it at once: growing would leave copies of a key behind. */
    if (st.st_size > 0 && (size_t)st.st_size < FILE_MAX - STEP) {
        (void)cstar_buf_room(out, (size_t)st.st_size + STEP);
    }
    cstar_status rc = read_all(fd, out);
    int e = errno;
    (void)close(fd);
    *exposed = (st.st_mode & (S_IROTH | S_IWOTH)) != 0;
    if (rc == CSTAR_ELIMIT) {
        return refuse(CSTAR_EINVAL, what, path, "too big for a PEM file", err);
    }
    return rc != CSTAR_OK
               ? refuse(rc, what, path, rc == CSTAR_EIO ? strerror(e) : cstar_strerror(rc), err)
               : CSTAR_OK;
}

/* ---- PEM ---- */

static int refuse_password(char *buf, int size, int writing, void *arg) {
    (void)buf;
    (void)size;
    (void)writing;
    bool *asked = arg;
    *asked = true;
    return -1;
}

/* Whether what stopped the reading was only the end of the file. */
static bool at_end(void) {
    unsigned long e = ERR_peek_last_error();
    return ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

static cstar_status parse_certs(cstar__tls_pair *p, BIO *in, const char *path, cstar_err *err) {
    bool asked = false;
    p->cert = PEM_read_bio_X509_AUX(in, NULL, refuse_password, &asked);
    if (p->cert == NULL) {
        if (!at_end()) {
            return refuse_openssl("certificate", path, err);
        }
        ERR_clear_error();
        return refuse(CSTAR_EINVAL, "certificate", path,
                      "there is no certificate in PEM form in it", err);
    }
    p->chain = sk_X509_new_null();
    if (p->chain == NULL) {
        return refuse_openssl("certificate", path, err);
    }
    for (;;) {
        X509 *next = PEM_read_bio_X509(in, NULL, refuse_password, &asked);
        if (next == NULL) {
            break;
        }
        if (sk_X509_push(p->chain, next) == 0) {
            X509_free(next);
            return refuse(CSTAR_ENOMEM, "certificate", path, cstar_strerror(CSTAR_ENOMEM), err);
        }
    }
    if (!at_end()) {
        return refuse_openssl("certificate", path, err);
    }
    ERR_clear_error();
    return CSTAR_OK;
}

static cstar_status parse_key(cstar__tls_pair *p, BIO *in, const char *path, cstar_err *err) {
    bool asked = false;
    p->key = PEM_read_bio_PrivateKey(in, NULL, refuse_password, &asked);
    if (asked) {
        ERR_clear_error();
        return refuse(CSTAR_EINVAL, "key", path,
                      "has a password, but nobody can type it here (see: openssl pkey)", err);
    }
    if (p->key != NULL) {
        return CSTAR_OK;
    }
    unsigned long e = ERR_peek_error();
    if (at_end() ||
        (ERR_GET_LIB(e) == ERR_LIB_OSSL_DECODER && ERR_GET_REASON(e) == ERR_R_UNSUPPORTED)) {
        ERR_clear_error();
        return refuse(CSTAR_EINVAL, "key", path, "there is no private key in PEM form in it", err);
    }
    return refuse_openssl("key", path, err);
}

/* ---- pairs ---- */

typedef cstar_status (*parse_fn)(cstar__tls_pair *p, BIO *in, const char *path, cstar_err *err);

static cstar_status parse(cstar__tls_pair *p, const cstar_buf *text, const char *path, parse_fn fn,
                          cstar_err *err) {
    BIO *in = BIO_new_mem_buf(text->len != 0 ? text->ptr : "", (int)text->len);
    if (in == NULL) {
        ERR_clear_error();
        return cstar_err_set(err, CSTAR_ENOMEM, "tls", "TLS: out of memory");
    }
    ERR_clear_error();
    cstar_status rc = fn(p, in, path, err);
    BIO_free(in);
    return rc;
}

static void wipe(cstar_buf *b) {
    if (b->ptr != NULL) {
        OPENSSL_cleanse(b->ptr, b->cap);
    }
    cstar_buf_fini(b);
}

static cstar_status load_key(cstar__tls_pair *p, const char *path, cstar_err *err) {
    cstar_buf text;
    cstar_buf_init(&text, cstar_heap(), FILE_MAX);
    cstar_status rc = read_file("key", path, &text, &p->exposed, err);
    if (rc == CSTAR_OK) {
        rc = parse(p, &text, path, parse_key, err);
    }
    wipe(&text);
    return rc;
}

cstar_status cstar__tls_pair_load(cstar__tls_pair *p, const char *cert_file, const char *key_file,
                                  cstar_err *err) {
    *p = (cstar__tls_pair){0};
    const char *key_path = key_file != NULL ? key_file : cert_file;
    cstar_buf text;
    cstar_buf_init(&text, cstar_heap(), FILE_MAX);
    cstar_status rc = read_file("certificate", cert_file, &text, &p->exposed, err);
    if (rc == CSTAR_OK) {
        rc = parse(p, &text, cert_file, parse_certs, err);
    }
    if (rc == CSTAR_OK) {
        rc = key_file == NULL ? parse(p, &text, cert_file, parse_key, err)
                              : load_key(p, key_file, err);
    }
    wipe(&text);
    if (rc == CSTAR_OK && X509_check_private_key(p->cert, p->key) != 1) {
        ERR_clear_error();
        rc = refuse(CSTAR_EINVAL, "key", key_path,
                    "does not belong to the first certificate of the chain", err);
    }
    if (rc != CSTAR_OK) {
        cstar__tls_pair_fini(p);
    }
    return rc;
}

void cstar__tls_pair_fini(cstar__tls_pair *p) {
    X509_free(p->cert);
    sk_X509_pop_free(p->chain, X509_free);
    EVP_PKEY_free(p->key);
    *p = (cstar__tls_pair){0};
}

#endif
