/* tls_ticket.c -- the keys that session tickets are sealed with.
 *
 * A ticket is the state of a session, encrypted by us and kept by the client. OpenSSL would make
 * one key per SSL_CTX and keep it for as long as the process runs; whoever gets it then can decrypt
 * all resumed TLS 1.2 sessions of that time. So the key changes every two hours, which is as long
 * as a session lives, and the one before it is kept for tickets that are still good. The keys
 * outlive a reload of certificates.
 *
 * Threads: any; the lock covers the copy of a key.
 * SPDX-License-Identifier: MIT */
#include "net/tls_parts.h"

#if CSTAR_WITH_TLS

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <time.h>

#define ROTATE_S 7200
#define NAME_LEN 16
#define IV_LEN 16

typedef struct ticket_key {
    unsigned char name[NAME_LEN];
    unsigned char aes[32];
    unsigned char mac[32];
    int64_t made; /* seconds of the monotonic clock; 0: there is none */
} ticket_key;

struct cstar__tls_tickets {
    atomic_uint refs; /* orders the last use before the free */
    pthread_mutex_t lock;
    EVP_CIPHER *cipher;
    ticket_key current, previous;
};

static int64_t now_s(void) {
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec + 1; /* never 0 */
}

/* Under the lock. */
static bool rotate(cstar__tls_tickets *k, int64_t now) {
    ticket_key fresh = {.made = now};
    if (RAND_bytes(fresh.name, NAME_LEN) != 1 ||
        RAND_priv_bytes(fresh.aes, (int)sizeof fresh.aes) != 1 ||
        RAND_priv_bytes(fresh.mac, (int)sizeof fresh.mac) != 1) {
        return false;
    }
    k->previous = k->current;
    k->current = fresh;
    OPENSSL_cleanse(&fresh, sizeof fresh);
    return true;
}

cstar__tls_tickets *cstar__tls_tickets_new(void) {
    cstar__tls_tickets *k = OPENSSL_zalloc(sizeof *k);
    if (k == NULL) {
        return NULL;
    }
    k->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    if (k->cipher == NULL || !rotate(k, now_s()) || pthread_mutex_init(&k->lock, NULL) != 0) {
        EVP_CIPHER_free(k->cipher);
        OPENSSL_clear_free(k, sizeof *k);
        return NULL;
    }
    atomic_init(&k->refs, 1);
    return k;
}

cstar__tls_tickets *cstar__tls_tickets_ref(cstar__tls_tickets *k) {
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

void cstar__tls_tickets_unref(cstar__tls_tickets *k) {
    if (k == NULL || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    (void)pthread_mutex_destroy(&k->lock);
    EVP_CIPHER_free(k->cipher);
    OPENSSL_clear_free(k, sizeof *k);
}

bool cstar__tls_tickets_rotate(cstar__tls_tickets *k) {
    (void)pthread_mutex_lock(&k->lock);
    bool ok = rotate(k, now_s());
    (void)pthread_mutex_unlock(&k->lock);
    return ok;
}

/* The key for new tickets; a new one when its time has come. */
static bool key_for_new(cstar__tls_tickets *k, ticket_key *out) {
    int64_t now = now_s();
    (void)pthread_mutex_lock(&k->lock);
    bool ok = now - k->current.made < ROTATE_S || rotate(k, now);
    *out = k->current;
    (void)pthread_mutex_unlock(&k->lock);
    return ok;
}

static bool is_key(const ticket_key *key, const unsigned char *name, int64_t now) {
    return key->made != 0 && now - key->made < (int64_t)2 * ROTATE_S &&
           memcmp(key->name, name, NAME_LEN) == 0;
}

/* @return as OpenSSL's callback: 0 not ours or too old, 1 current, 2 ours and to be renewed. */
static int key_by_name(cstar__tls_tickets *k, const unsigned char *name, ticket_key *out) {
    int64_t now = now_s();
    int found = 0;
    (void)pthread_mutex_lock(&k->lock);
    if (is_key(&k->current, name, now)) {
        *out = k->current;
        found = 1;
    } else if (is_key(&k->previous, name, now)) {
        *out = k->previous;
        found = 2;
    }
    (void)pthread_mutex_unlock(&k->lock);
    return found;
}

static bool set_mac(EVP_MAC_CTX *mac, ticket_key *key) {
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

int cstar__tls_ticket_key(SSL *ssl, unsigned char name[16], unsigned char *iv,
                          EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int enc) {
    const cstar__tls_ctx *ctx = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    cstar__tls_tickets *k = ctx->tickets;
    ticket_key key = {.made = 0};
    int found = 1;
    if (enc == 1) {
        if (!key_for_new(k, &key) || RAND_bytes(iv, IV_LEN) != 1) {
            found = -1;
        } else {
            memcpy(name, key.name, NAME_LEN);
        }
    } else {
        found = key_by_name(k, name, &key);
        if (found == 1 && SSL_version(ssl) == TLS1_3_VERSION) {
            found =
                2; /* clients use a ticket once (RFC 8446 C.4): without a new one the third visit
                          would be a full handshake again */
        }
    }
    if (found > 0 && (EVP_CipherInit_ex(cipher, k->cipher, NULL, key.aes, iv, enc) != 1 ||
                      !set_mac(mac, &key))) {
        found = -1;
    }
    OPENSSL_cleanse(&key, sizeof key);
    return found;
}

#endif
