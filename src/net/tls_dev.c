/* tls_dev.c -- HTTPS while developing: a CA and a leaf in a folder of the user's.
 *
 *     lock ──▶ CA: mkcert's, else ours (made once) ──▶ leaf: good, else signed anew ──▶ paths
 *
 * A browser trusts what the CA signs once a person has told it to; so the CA is kept for as long as
 * it is good, and its key never leaves the folder.
 *
 * Invariants: 1. Files are looked at and written under the lock, so that several processes agree.
 * 2. A file is written beside its place and renamed: it is there whole, or not. 3. The leaf's key
 * stays when its certificate is made anew, and the certificate keeps its names: another process
 * that has just got the paths reads a pair that fits, and serves the host it asked for.
 *
 * Absent: telling browsers and systems to trust the CA. That is the person's to do.
 * SPDX-License-Identifier: MIT */
#include "net/tls_parts.h"

#if CSTAR_WITH_TLS

#include <openssl/err.h>
#include <openssl/pem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY_S ((time_t)86400)
#define RENEW_S (30 * DAY_S)
#define CA_LEFT_S (120 * DAY_S) /* longer than a leaf that is signed today */
#define NAMES_MAX 24            /* of former hosts, that are kept */

typedef struct work { /* one call */
    const char *dir;
    cstar__tls_dev_files *out;
    cstar_err *err;
    GENERAL_NAMES *names; /* that the leaf has to have */
    cstar__tls_pair ca, leaf;
} work;

static cstar_status refuse(cstar_err *err, const char *path, const char *why) {
    return cstar_err_set(err, CSTAR_EIO, "tls", "development certificate: %s: %s",
                         cstar__tls_short_path(path), why);
}

static cstar_status refuse_openssl(cstar_err *err) {
    char why[96];
    cstar_status rc = cstar__tls_errors(CSTAR_EIO, why, sizeof why);
    return cstar_err_set(err, rc, "tls", "development certificate: %s", why);
}

/* ---- the folder ---- */

static cstar_status join(char out[CSTAR__TLS_PATH], const char *dir, const char *name,
                         cstar_err *err) {
    int n = snprintf(out, CSTAR__TLS_PATH, "%s/%s", dir, name);
    if (n < 0 || n >= CSTAR__TLS_PATH) {
        return cstar_err_set(err, CSTAR_ELIMIT, "dir",
                             "development certificate: the folder's path is too long");
    }
    return CSTAR_OK;
}

/* mkdir -p, each 0700. */
static cstar_status make_dir(const char *dir, cstar_err *err) {
    char path[CSTAR__TLS_PATH];
    cstar_status rc = join(path, dir, "", err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST) {
            int e = errno;
            struct stat st; /* a parent may refuse before it says that the folder is there */
            if (stat(path, &st) != 0) {
                return refuse(err, path, strerror(e));
            }
        }
        *slash = '/';
    }
    struct stat st;
    if (stat(dir, &st) != 0) {
        return refuse(err, dir, strerror(errno));
    }
    if (!S_ISDIR(st.st_mode)) {
        return refuse(err, dir, strerror(ENOTDIR));
    }
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return cstar_err_set(err, CSTAR_EPOLICY, "dir",
                             "development certificate: %s: others may write there, so they could "
                             "change the CA (chmod 700)",
                             cstar__tls_short_path(dir));
    }
    return CSTAR_OK;
}

/* Between threads: a lock of fcntl() is the whole process's. */
static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;

/* @return a descriptor, whose closing unlocks. */
static int lock_dir(const char *dir, cstar_err *err) {
    char path[CSTAR__TLS_PATH];
    if (join(path, dir, "lock", err) != CSTAR_OK) {
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        (void)refuse(err, path, strerror(errno));
        return -1;
    }
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    while (fcntl(fd, F_SETLKW, &all) != 0) {
        if (errno != EINTR) {
            (void)refuse(err, path, strerror(errno));
            (void)close(fd);
            return -1;
        }
    }
    return fd;
}

/* ---- writing ---- */

static bool write_all(int fd, const char *ptr, size_t len) {
    while (len != 0) {
        ssize_t n = write(fd, ptr, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        ptr += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

/* The name for the time of writing is the same each time: what a crash leaves behind is
 * overwritten. */
static cstar_status write_file(const char *path, cstar_str text, mode_t mode, cstar_err *err) {
    char fresh[CSTAR__TLS_PATH + 8];
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    (void)unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return refuse(err, fresh, strerror(errno));
    }
    bool ok = write_all(fd, text.ptr, text.len);
    int e = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        e = errno;
    }
    if (ok && rename(fresh, path) != 0) {
        ok = false;
        e = errno;
    }
    if (!ok) {
        (void)unlink(fresh);
        return refuse(err, path, strerror(e));
    }
    return CSTAR_OK;
}

/* What is not NULL, as PEM. */
static cstar_status write_pem(const char *path, X509 *first, X509 *second, EVP_PKEY *key,
                              cstar_err *err) {
    BIO *mem = BIO_new(BIO_s_mem());
    bool ok = mem != NULL && (first == NULL || PEM_write_bio_X509(mem, first) == 1) &&
              (second == NULL || PEM_write_bio_X509(mem, second) == 1) &&
              (key == NULL || PEM_write_bio_PrivateKey(mem, key, NULL, NULL, 0, NULL, NULL) == 1);
    char *text = NULL;
    long len = ok ? BIO_get_mem_data(mem, &text) : 0;
    mode_t mode = S_IRUSR | S_IWUSR;
    mode |= key == NULL ? S_IRGRP | S_IROTH : 0;
    cstar_status rc =
        ok ? write_file(path, cstar_view(text, (size_t)len), mode, err) : refuse_openssl(err);
    BIO_free(mem); /* it wipes what it held */
    return rc;
}

/* ---- the CA ---- */

static bool lasts(const X509 *x, time_t seconds) {
    time_t then = time(NULL) + seconds;
    return X509_cmp_time(X509_get0_notAfter(x), &then) > 0 &&
           X509_cmp_current_time(X509_get0_notBefore(x)) < 0;
}

static bool is_good_ca(const cstar__tls_pair *p, time_t seconds) {
    return X509_check_ca(p->cert) == 1 && lasts(p->cert, seconds) &&
           X509_verify(p->cert, p->key) == 1;
}

/* A file that is missing or spoilt is made anew; one that can't be read is somebody's problem. */
static bool can_replace(cstar_status rc) { return rc == CSTAR_ENOENT || rc == CSTAR_EINVAL; }

static bool try_mkcert(work *w, const char *base, const char *below) {
    char dir[CSTAR__TLS_PATH];
    char key[CSTAR__TLS_PATH];
    if (base == NULL || base[0] == '\0') {
        return false;
    }
    int n = snprintf(dir, sizeof dir, "%s%s", base, below);
    if (n < 0 || (size_t)n >= sizeof dir ||
        join(w->out->ca_file, dir, "rootCA.pem", NULL) != CSTAR_OK ||
        join(key, dir, "rootCA-key.pem", NULL) != CSTAR_OK ||
        cstar__tls_pair_load(&w->ca, w->out->ca_file, key, NULL) != CSTAR_OK) {
        return false;
    }
    if (!is_good_ca(&w->ca, RENEW_S)) {
        cstar__tls_pair_fini(&w->ca);
        return false;
    }
    w->out->ca_is_mkcert = true;
    return true;
}

/* Where mkcert looks, in its order. */
static bool find_mkcert(work *w) {
    return try_mkcert(w, getenv("CAROOT"), "") ||
           try_mkcert(w, getenv("XDG_DATA_HOME"), "/mkcert") ||
           try_mkcert(w, getenv("HOME"), "/.local/share/mkcert") ||
           try_mkcert(w, getenv("HOME"), "/Library/Application Support/mkcert");
}

/* A person finds it in a list by this: who and where. At most 64 bytes of ASCII. */
static void name_ca(char out[65]) {
    char host[64] = "";
    (void)gethostname(host, sizeof host - 1);
    const char *user = getenv("USER");
    user = user != NULL && user[0] != '\0' ? user : getenv("LOGNAME");
    (void)snprintf(out, 65, "cstar development CA (%.16s@%.24s)",
                   user != NULL && user[0] != '\0' ? user : "user", host);
    for (char *c = out; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
}

static cstar_status make_ca(work *w, const char *key_file) {
    char name[65];
    name_ca(name);
    w->ca.key = cstar__tls_make_key();
    w->ca.cert = w->ca.key != NULL ? cstar__tls_make_ca(w->ca.key, name) : NULL;
    if (w->ca.cert == NULL) {
        return refuse_openssl(w->err);
    }
    cstar_status rc = write_pem(key_file, NULL, NULL, w->ca.key, w->err);
    w->out->ca_is_new = true;
    return rc == CSTAR_OK ? write_pem(w->out->ca_file, w->ca.cert, NULL, NULL, w->err) : rc;
}

static cstar_status get_ca(work *w) {
    if (find_mkcert(w)) {
        return CSTAR_OK;
    }
    char key[CSTAR__TLS_PATH];
    cstar_status rc = join(w->out->ca_file, w->dir, "ca.pem", w->err);
    rc = rc == CSTAR_OK ? join(key, w->dir, "ca-key.pem", w->err) : rc;
    if (rc != CSTAR_OK) {
        return rc;
    }
    rc = cstar__tls_pair_load(&w->ca, w->out->ca_file, key, w->err);
    if (rc == CSTAR_OK && !is_good_ca(&w->ca, CA_LEFT_S)) {
        cstar__tls_pair_fini(&w->ca);
        rc = CSTAR_EINVAL;
    }
    return can_replace(rc) ? make_ca(w, key) : rc;
}

/* ---- names ---- */

static bool has_name(GENERAL_NAMES *names, GENERAL_NAME *name) {
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, i), name) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes the name. */
static bool add_name_own(GENERAL_NAMES *names, GENERAL_NAME *name) {
    if (name == NULL || has_name(names, name)) {
        GENERAL_NAME_free(name);
        return name != NULL;
    }
    if (sk_GENERAL_NAME_push(names, name) == 0) {
        GENERAL_NAME_free(name);
        return false;
    }
    return true;
}

static cstar_status get_names(work *w, const char *host) {
    static const char *const always[] = {"localhost", "127.0.0.1", "::1"};
    w->names = sk_GENERAL_NAME_new_null();
    bool ok = w->names != NULL;
    for (size_t i = 0; ok && i < sizeof always / sizeof *always; i++) {
        ok = add_name_own(w->names, cstar__tls_make_name(always[i]));
    }
    if (!ok) {
        return refuse_openssl(w->err);
    }
    /* "everywhere" is where to listen, nothing that a browser goes to */
    if (host == NULL || host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 ||
        strcmp(host, "::") == 0) {
        return CSTAR_OK;
    }
    ERR_clear_error();
    if (add_name_own(w->names, cstar__tls_make_name(host))) {
        return CSTAR_OK;
    }
    char why[8];
    cstar_status rc = cstar__tls_errors(CSTAR_EINVAL, why, sizeof why);
    return cstar_err_set(w->err, rc, "host", "development certificate: \"%.80s\" is no host", host);
}

/* The names of the old leaf, behind those that have to be there. */
static cstar_status keep_names(work *w) {
    GENERAL_NAMES *old = X509_get_ext_d2i(w->leaf.cert, NID_subject_alt_name, NULL, NULL);
    bool ok = true;
    for (int i = 0; ok && i < sk_GENERAL_NAME_num(old); i++) {
        if (sk_GENERAL_NAME_num(w->names) >= NAMES_MAX) {
            break;
        }
        GENERAL_NAME *copy = GENERAL_NAME_dup(sk_GENERAL_NAME_value(old, i));
        ok = add_name_own(w->names, copy);
    }
    GENERAL_NAMES_free(old);
    return ok ? CSTAR_OK : refuse_openssl(w->err);
}

/* ---- the leaf ---- */

static bool is_good_leaf(work *w) {
    const X509 *ca = sk_X509_value(w->leaf.chain, 0); /* NULL if there is none */
    if (!lasts(w->leaf.cert, RENEW_S) || ca == NULL || X509_cmp(ca, w->ca.cert) != 0 ||
        X509_verify(w->leaf.cert, w->ca.key) != 1) {
        return false;
    }
    GENERAL_NAMES *has = X509_get_ext_d2i(w->leaf.cert, NID_subject_alt_name, NULL, NULL);
    bool ok = has != NULL;
    for (int i = 0; ok && i < sk_GENERAL_NAME_num(w->names); i++) {
        ok = has_name(has, sk_GENERAL_NAME_value(w->names, i));
    }
    GENERAL_NAMES_free(has);
    return ok;
}

static cstar_status make_leaf(work *w) {
    cstar_status rc = CSTAR_OK;
    if (w->leaf.key == NULL) {
        w->leaf.key = cstar__tls_make_key();
        rc = w->leaf.key != NULL ? write_pem(w->out->key_file, NULL, NULL, w->leaf.key, w->err)
                                 : refuse_openssl(w->err);
    }
    if (rc != CSTAR_OK) {
        return rc;
    }
    X509 *x = cstar__tls_make_leaf(w->leaf.key, &w->ca, w->names);
    if (x == NULL) {
        return refuse_openssl(w->err);
    }
    rc = write_pem(w->out->cert_file, x, w->ca.cert, NULL, w->err);
    X509_free(x);
    return rc;
}

static cstar_status get_leaf(work *w) {
    cstar_status rc = join(w->out->cert_file, w->dir, "leaf.pem", w->err);
    rc = rc == CSTAR_OK ? join(w->out->key_file, w->dir, "leaf-key.pem", w->err) : rc;
    if (rc != CSTAR_OK) {
        return rc;
    }
    rc = cstar__tls_pair_load(&w->leaf, w->out->cert_file, w->out->key_file, w->err);
    if (rc == CSTAR_OK && is_good_leaf(w)) {
        return CSTAR_OK;
    }
    if (rc == CSTAR_OK) {
        rc = keep_names(w);
        return rc == CSTAR_OK ? make_leaf(w) : rc;
    }
    return can_replace(rc) ? make_leaf(w) : rc;
}

static cstar_status get_all(work *w, const char *host) {
    cstar_status rc = get_names(w, host);
    rc = rc == CSTAR_OK ? get_ca(w) : rc;
    return rc == CSTAR_OK ? get_leaf(w) : rc;
}

cstar_status cstar__tls_dev_cert(const char *dir, const char *host, cstar__tls_dev_files *out,
                                 cstar_err *err) {
    *out = (cstar__tls_dev_files){.ca_is_new = false};
    cstar_status rc = make_dir(dir, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    (void)pthread_mutex_lock(&threads_lock);
    ERR_clear_error();
    int lock = lock_dir(dir, err);
    if (lock < 0) {
        rc = CSTAR_EIO;
    } else {
        cstar_err why = {.code = CSTAR_OK}; /* a first look that fails is not the caller's error */
        work w = {.dir = dir, .out = out, .err = &why};
        rc = get_all(&w, host);
        if (rc != CSTAR_OK && err != NULL) {
            *err = why;
        }
        sk_GENERAL_NAME_pop_free(w.names, GENERAL_NAME_free);
        cstar__tls_pair_fini(&w.ca);
        cstar__tls_pair_fini(&w.leaf);
        (void)close(lock);
    }
    ERR_clear_error();
    (void)pthread_mutex_unlock(&threads_lock);
    return rc;
}

#endif
