/* seal.c -- XAES-256-GCM (c2sp.org/XAES-256-GCM) by OpenSSL's AES.
 *
 *     secret ──HKDF──▶ key ──two AES blocks with nonce[0..12]──▶ derived key
 *                                                                   │
 *     plain ───────────────────────AES-256-GCM with nonce[12..24]───┴──▶ ciphertext, tag
 *
 * Invariants: 1. Keys and what was derived from them are cleared before their memory is given back.
 * 2. Nothing of a text that does not verify is handed out.
 *
 * SPDX-License-Identifier: MIT */
#include "net/seal.h"

#include "base/base64.h"

#if CSTAR_WITH_TLS

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

enum { KEY = 32, BLOCK = 16, NONCE = 24, HALF = 12, TAG = 16, VERSION = 1, AROUND = 1 + NONCE };

typedef struct key {
    unsigned char secret[KEY];
    unsigned char k1[BLOCK]; /* the subkey of CMAC */
} key;

struct cstar__keyring {
    const cstar_allocator *alloc;
    size_t n;
    key keys[CSTAR__KEYRING_MAX];
};

cstar_status cstar__random(void *ptr, size_t len) {
    return len <= INT32_MAX && RAND_bytes(ptr, (int)len) == 1 ? CSTAR_OK : CSTAR_EIO;
}

/* ---- keys ---- */

static void *no_const(const void *p) {
    union {
        const void *from;
        void *to;
    } u = {p};
    return u.to;
}

static bool hkdf(cstar_str secret, const char *purpose, unsigned char out[KEY]) {
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, no_const(secret.ptr), secret.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, no_const(purpose), strlen(purpose)),
        OSSL_PARAM_construct_end()};
    const bool ok = ctx != NULL && EVP_KDF_derive(ctx, out, KEY, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok;
}

cstar_status cstar__derive(cstar_str secret, const char *purpose, unsigned char out[KEY]) {
    return hkdf(secret, purpose, out) ? CSTAR_OK : CSTAR_EIO;
}

/* Whole blocks by AES-256 itself. */
static bool aes_blocks(const unsigned char k[KEY], const unsigned char *in, int len,
                       unsigned char *out) {
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    const bool ok = ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, k, NULL) == 1 &&
                    EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
                    EVP_EncryptUpdate(ctx, out, &n, in, len) == 1 && n == len;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

/* K1 of CMAC (NIST SP 800-38B): AES of zeros, doubled in GF(2^128). */
static bool make_subkey(key *k) {
    static const unsigned char zeros[BLOCK];
    unsigned char l[BLOCK];
    if (!aes_blocks(k->secret, zeros, BLOCK, l)) {
        return false;
    }
    unsigned carry = 0;
    for (size_t i = BLOCK; i-- > 0;) {
        k->k1[i] = (unsigned char)((unsigned)l[i] << 1 | carry);
        carry = l[i] >> 7;
    }
    k->k1[BLOCK - 1] = (unsigned char)(k->k1[BLOCK - 1] ^ (carry != 0 ? 0x87 : 0));
    OPENSSL_cleanse(l, sizeof l);
    return true;
}

static bool derive(const key *k, const unsigned char nonce[HALF], unsigned char out[KEY]) {
    unsigned char m[2 * BLOCK] = {0, 1, 'X', 0};
    m[BLOCK + 1] = 2;
    m[BLOCK + 2] = 'X';
    memcpy(m + 4, nonce, HALF);
    memcpy(m + BLOCK + 4, nonce, HALF);
    for (size_t i = 0; i < sizeof m; i++) {
        m[i] = (unsigned char)(m[i] ^ k->k1[i % BLOCK]);
    }
    return aes_blocks(k->secret, m, (int)sizeof m, out);
}

static cstar_status check(const cstar__keyring_opts *o, cstar_err *err) {
    if (o->nsecrets == 0 || o->nsecrets > CSTAR__KEYRING_MAX) {
        return cstar_err_set(err, CSTAR_EINVAL, "secret",
                             "secret: %s, 1 to %d are needed (cstar_sessions() with .secrets or "
                             ".secrets_env)",
                             o->nsecrets == 0 ? "there is none" : "there are more",
                             CSTAR__KEYRING_MAX);
    }
    for (size_t i = 0; i < o->nsecrets; i++) {
        if (o->secrets[i].len < CSTAR__SECRET_MIN) {
            return cstar_err_set(err, CSTAR_EINVAL, "secret",
                                 "secret: number %zu has %zu bytes, at least %d are needed", i + 1,
                                 o->secrets[i].len, CSTAR__SECRET_MIN);
        }
    }
    return CSTAR_OK;
}

cstar__keyring *cstar__keyring_new(const cstar__keyring_opts *opts, cstar_err *err) {
    if (check(opts, err) != CSTAR_OK) {
        return NULL;
    }
    cstar__keyring *k = opts->alloc->resize(opts->alloc->ctx, NULL, 0, sizeof *k);
    if (k == NULL) {
        (void)cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
        return NULL;
    }
    k->alloc = opts->alloc;
    k->n = opts->nsecrets;
    for (size_t i = 0; i < k->n; i++) {
        if (!hkdf(opts->secrets[i], opts->purpose, k->keys[i].secret) ||
            !make_subkey(&k->keys[i])) {
            cstar__keyring_free(k);
            (void)cstar_err_set(err, CSTAR_ENOMEM, "secret", "secret: no key could be derived");
            return NULL;
        }
    }
    return k;
}

void cstar__keyring_free(cstar__keyring *k) {
    if (k == NULL) {
        return;
    }
    const cstar_allocator *alloc = k->alloc;
    OPENSSL_cleanse(k->keys, sizeof k->keys);
    alloc->resize(alloc->ctx, k, sizeof *k, 0);
}

/* ---- texts ---- */

/* The bytes of a text: version, nonce, ciphertext, tag. */
typedef struct text {
    unsigned char *nonce, *body, *tag;
    size_t len; /* of the body */
} text;

static text parts_of(char *raw, size_t plain) {
    unsigned char *p = (unsigned char *)raw;
    return (text){p + 1, p + AROUND, p + AROUND + plain, plain};
}

static bool gcm_begin(EVP_CIPHER_CTX *ctx, const key *k, const text *t, bool encrypt) {
    unsigned char derived[KEY];
    const bool ok =
        derive(k, t->nonce, derived) &&
        EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, derived, t->nonce + HALF, encrypt) == 1;
    OPENSSL_cleanse(derived, sizeof derived);
    return ok;
}

/* All but the tag. */
static bool gcm_run(EVP_CIPHER_CTX *ctx, cstar_str about, const text *t) {
    int n = 0;
    return about.len <= INT32_MAX && t->len <= INT32_MAX &&
           EVP_CipherUpdate(ctx, NULL, &n, t->nonce - 1, 1) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *)about.ptr, (int)about.len) == 1 &&
           EVP_CipherUpdate(ctx, t->body, &n, t->body, (int)t->len) == 1;
}

/* In place, with the text's version and `about` as associated data. @return CSTAR_EPOLICY: the tag is
 * another's; CSTAR_ENOMEM: OpenSSL could not, whatever the text is. */
static cstar_status gcm(const key *k, cstar_str about, const text *t, bool encrypt) {
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = ctx != NULL && gcm_begin(ctx, k, t, encrypt) && gcm_run(ctx, about, t);
    if (ok && !encrypt) {
        ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, t->tag) == 1;
    }
    const bool ran = ok;
    ok = ok && EVP_CipherFinal_ex(ctx, t->body + t->len, &n) == 1;
    if (ok && encrypt) {
        ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, t->tag) == 1;
    }
    EVP_CIPHER_CTX_free(ctx);
    return ok ? CSTAR_OK : ran && !encrypt ? CSTAR_EPOLICY : CSTAR_ENOMEM;
}

size_t cstar__seal_len(size_t plain) { return cstar__base64_len(AROUND + plain + TAG); }

static cstar_status seal_raw(const cstar__keyring *k, cstar_str about, cstar_str plain,
                             cstar_buf *raw) {
    if (!cstar_buf_room(raw, AROUND + plain.len + TAG)) {
        return CSTAR_ENOMEM;
    }
    const text t = parts_of(raw->ptr, plain.len);
    raw->ptr[0] = VERSION;
    if (plain.len != 0) {
        memcpy(t.body, plain.ptr, plain.len);
    }
    if (cstar__random(t.nonce, NONCE) != CSTAR_OK) {
        return CSTAR_EIO;
    }
    raw->len = AROUND + plain.len + TAG;
    return gcm(&k->keys[0], about, &t, true);
}

static void clear(cstar_buf *raw) {
    OPENSSL_cleanse(raw->ptr, raw->cap);
    cstar_buf_fini(raw);
}

cstar_status cstar__seal(const cstar__keyring *k, cstar_str about, cstar_str plain,
                         cstar_buf *out) {
    cstar_buf raw;
    cstar_buf_init(&raw, k->alloc, AROUND + plain.len + TAG);
    cstar_status rc = seal_raw(k, about, plain, &raw);
    if (rc == CSTAR_OK) {
        cstar__base64_encode(out, cstar_buf_view(&raw));
        rc = cstar_buf_status(out);
    }
    clear(&raw);
    return rc;
}

/* Decrypting destroys what it works on, so each key gets a copy. */
static cstar_status try_key(const key *k, cstar_str about, cstar_str sealed, cstar_buf *raw) {
    cstar_buf_reset(raw);
    cstar_buf_str(raw, sealed);
    if (cstar_buf_status(raw) != CSTAR_OK) {
        return CSTAR_ENOMEM;
    }
    const text t = parts_of(raw->ptr, raw->len - AROUND - TAG);
    return gcm(k, about, &t, false);
}

static cstar_status open_raw(const cstar__keyring *k, cstar_str about, const cstar_buf *sealed,
                             cstar_buf *raw, size_t *which) {
    cstar_status rc = CSTAR_EPOLICY;
    if (sealed->len < AROUND + TAG || sealed->ptr[0] != VERSION) {
        return rc;
    }
    for (size_t i = 0; i < k->n && rc == CSTAR_EPOLICY; i++) {
        rc = try_key(&k->keys[i], about, cstar_buf_view(sealed), raw);
        *which = i;
    }
    return rc;
}

cstar_status cstar__unseal(const cstar__keyring *k, cstar_str about, cstar_str sealed_text,
                           cstar_buf *out, size_t *key_used) {
    cstar_buf sealed;
    cstar_buf raw;
    size_t which = 0;
    cstar_buf_init(&sealed, k->alloc, sealed_text.len);
    cstar_buf_init(&raw, k->alloc, sealed_text.len);
    cstar_status rc = cstar__base64_decode(&sealed, sealed_text);
    rc = rc == CSTAR_ESYNTAX ? CSTAR_EPOLICY : rc;
    rc = rc == CSTAR_OK ? open_raw(k, about, &sealed, &raw, &which) : rc;
    if (rc == CSTAR_OK) {
        cstar_buf_add(out, raw.ptr + AROUND, raw.len - AROUND - TAG);
        rc = cstar_buf_status(out);
    }
    if (rc == CSTAR_OK && key_used != NULL) {
        *key_used = which;
    }
    clear(&sealed);
    clear(&raw);
    return rc;
}

#else

cstar__keyring *cstar__keyring_new(const cstar__keyring_opts *opts, cstar_err *err) {
    (void)opts;
    (void)cstar_err_set(err, CSTAR_ENOTSUP, "secret", "secret: this build of cstar has no OpenSSL");
    return NULL;
}

void cstar__keyring_free(cstar__keyring *k) { (void)k; }

size_t cstar__seal_len(size_t plain) { return cstar__base64_len(plain); }

cstar_status cstar__seal(const cstar__keyring *k, cstar_str about, cstar_str plain,
                         cstar_buf *out) {
    (void)k;
    (void)about;
    (void)plain;
    (void)out;
    return CSTAR_ENOTSUP;
}

cstar_status cstar__unseal(const cstar__keyring *k, cstar_str about, cstar_str text, cstar_buf *out,
                           size_t *key) {
    (void)k;
    (void)about;
    (void)text;
    (void)out;
    (void)key;
    return CSTAR_ENOTSUP;
}

cstar_status cstar__derive(cstar_str secret, const char *purpose, unsigned char out[32]) {
    (void)secret;
    (void)purpose;
    (void)out;
    return CSTAR_ENOTSUP;
}

#include <sys/random.h>

cstar_status cstar__random(void *ptr, size_t len) {
    char *at = ptr;
    while (len != 0) {
        const ssize_t n = getrandom(at, len, 0);
        if (n <= 0) {
            return CSTAR_EIO;
        }
        at += n;
        len -= (size_t)n;
    }
    return CSTAR_OK;
}

#endif
