/* net/tls_parts.h -- what the TLS files share. Private to them; includes OpenSSL.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_TLS_PARTS_H
#define CSTAR_NET_TLS_PARTS_H

#include "net/tls.h"

#if CSTAR_WITH_TLS

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdatomic.h>

/* ---- tls_ticket.c: the keys of session tickets ---- */

typedef struct cstar__tls_tickets cstar__tls_tickets;

/** NULL: out of memory or randomness. One reference. */
cstar__tls_tickets *cstar__tls_tickets_new(void);
cstar__tls_tickets *cstar__tls_tickets_ref(cstar__tls_tickets *k);
void cstar__tls_tickets_unref(cstar__tls_tickets *k);
/** @return false: no randomness. */
bool cstar__tls_tickets_rotate(cstar__tls_tickets *k);
/** For SSL_CTX_set_tlsext_ticket_key_evp_cb(); the SSL_CTX's app data is a cstar__tls_ctx. */
int cstar__tls_ticket_key(SSL *ssl, unsigned char name[16], unsigned char *iv,
                          EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int enc);

/* ---- tls_ctx.c ---- */

typedef struct cstar__tls_site { /* one certificate */
    SSL_CTX *ssl;
    GENERAL_NAMES *names; /* for which it is; NULL: none */
} cstar__tls_site;

struct cstar__tls_ctx {
    atomic_uint refs; /* orders the last use before the free */
    bool no_h2;
    BIO_METHOD *bio_method;
    cstar__tls_tickets *tickets;
    size_t nsites;
    cstar__tls_site *sites;
};

/* ---- tls.c ---- */

/** How OpenSSL reaches the buffers of the call under way. NULL: out of memory. */
BIO_METHOD *cstar__tls_bio_method(void);

/* ---- tls_load.c: files and errors ---- */

typedef struct cstar__tls_pair {
    X509 *cert;
    STACK_OF(X509) * chain; /* behind it in the file; may be empty */
    EVP_PKEY *key;
    bool exposed; /* everybody can read the key */
} cstar__tls_pair;

/** Reads both and sees that they belong together. Errors as of cstar__tls_ctx_new(). */
cstar_status cstar__tls_pair_load(cstar__tls_pair *p, const char *cert_file, const char *key_file,
                                  cstar_err *err);
void cstar__tls_pair_fini(cstar__tls_pair *p);

/** Empties OpenSSL's error queue. @param text  gets its first reason, one line.
 * @return CSTAR_ENOMEM if that is in it, else `code`. */
cstar_status cstar__tls_errors(cstar_status code, char *text, size_t size);
/** The end of a path that fits into an error's text. */
const char *cstar__tls_short_path(const char *path);

/* ---- tls_issue.c: new certificates ---- */

EVP_PKEY *cstar__tls_make_key(void);
/** @param name  its common name, at most 64 bytes of ASCII. */
X509 *cstar__tls_make_ca(EVP_PKEY *key, const char *name);
X509 *cstar__tls_make_leaf(EVP_PKEY *key, const cstar__tls_pair *ca, GENERAL_NAMES *names);
/** A DNS name or an address; NULL: `host` is neither, or out of memory. */
GENERAL_NAME *cstar__tls_make_name(const char *host);

#endif
#endif
