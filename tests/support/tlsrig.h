/* tlsrig.h -- a TLS client of OpenSSL against a cstar__tls, in memory; and certificates, made on the spot.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_TESTS_TLSRIG_H
#define CSTAR_TESTS_TLSRIG_H

#include "net/tls.h"

#include <openssl/ssl.h>

/* ---- files ---- */

/** A new folder under the system's one for temporary files. */
void tlsrig_dir_make(char dir[64]);
/** With all files in it (one level). */
void tlsrig_dir_remove(const char *dir);
/** dir/name, in one of a few static buffers. */
const char *tlsrig_path(const char *dir, const char *name);
void tlsrig_write(const char *path, const char *text, size_t len);
/** The whole file, NUL-terminated; the caller frees. */
char *tlsrig_read(const char *path, size_t *len);

typedef struct tlsrig_spec {
    const char *names;  /* "DNS:a.example,IP:::1"; NULL: no subjectAltName */
    long from_s, for_s; /* validity: seconds from now; 0: an hour ago, ten days */
    int rsa_bits;       /* 0: P-256 */
    const char *password;
} tlsrig_spec;

/** Self-signed. key_path NULL: into the same file, key first. */
void tlsrig_cert(const char *cert_path, const char *key_path, const tlsrig_spec *spec);
/** A context with one P-256 certificate for localhost, from `dir`. */
cstar__tls_ctx *tlsrig_ctx(const char *dir);

/* ---- connections ---- */

typedef struct tlsrig {
    cstar__tls *server;
    SSL *client;
    BIO *rx, *tx; /* what the client reads, has written */
    cstar_buf plain, reply;
    cstar_err err;
    cstar_status rc; /* of the last feed */
    size_t chunk;    /* bytes per feed; 0: all at once */
} tlsrig;

typedef struct tlsrig_opts {
    int min, max;           /* TLS1_2_VERSION and so on; 0: TLS 1.3 */
    const char *alpn;       /* in wire form */
    size_t alpn_len;        /* bytes of it */
    const char *sni;        /* or NULL */
    SSL_SESSION *session;   /* to resume, or NULL */
    const char *ciphers;    /* of TLS 1.2, or NULL */
    SSL_SESSION **sessions; /* gets the newest session (an own reference) */
} tlsrig_opts;

void tlsrig_init(tlsrig *r, cstar__tls_ctx *ctx, const tlsrig_opts *o);
void tlsrig_fini(tlsrig *r);
/** All that the client has written goes to the server, all replies to the client. @return r->rc */
cstar_status tlsrig_move(tlsrig *r);
/** Hands `reply` to the client. */
void tlsrig_deliver(tlsrig *r);
/** Steps both until they are ready, or one fails. @return whether both are. */
bool tlsrig_shake(tlsrig *r);
/** The client says something, the server hears exactly that. */
bool tlsrig_to_server(tlsrig *r, const char *ptr, size_t len);
bool tlsrig_to_client(tlsrig *r, const char *ptr, size_t len);
/** The reason of the first error in this thread's OpenSSL queue, which is emptied; 0: none. */
int tlsrig_client_error(void);

#endif
