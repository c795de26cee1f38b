/* net/tls.h -- TLS 1.2 and 1.3 on OpenSSL, as a transformation of bytes: ciphertext in, plaintext out, and back. No sockets here; the
 * connection moves the bytes.
 *
 *     cstar__tls *t = cstar__tls_new(ctx);                        // per connection
 *     cstar__tls_feed(t, cipher, n, &plain, &reply)               // plain gets what was decrypted, reply what must be sent
 *     cstar__tls_write(t, text, n, &reply)                        // reply gets ciphertext
 *     cstar__tls_close(t, &reply)                                 // close_notify
 *
 * A context holds the certificates; it is shared by all connections of all workers and is replaced as a whole on reload (reference
 * counted: connections keep theirs).
 * Threads: a context [any thread], a connection one loop.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_TLS_H
#define CSTAR_NET_TLS_H

#include "cstar/base.h"

typedef struct cstar__tls_ctx cstar__tls_ctx;
typedef struct cstar__tls cstar__tls;

typedef struct cstar__tls_cert {
    const char *cert_file; /* PEM, leaf first */
    const char *key_file;  /* PEM; NULL: in cert_file */
} cstar__tls_cert;

typedef struct cstar__tls_opts { /* zero is the default of every field */
    const cstar__tls_cert *certs; /* the first is for clients without (or with an unknown) SNI name */
    size_t ncerts;
    bool no_h2;                   /* ALPN offers http/1.1 only */
    int min_version;              /* 12 or 13; 0: 12 */
} cstar__tls_opts;

/** Loads and checks: key matches, not expired (a warning text goes to `err` with CSTAR_OK if within a day). EIO, EINVAL; `err` names the file. */
cstar__tls_ctx *cstar__tls_ctx_new(const cstar__tls_opts *opts, cstar_err *err);
cstar__tls_ctx *cstar__tls_ctx_ref(cstar__tls_ctx *ctx); /* [any thread] */
void cstar__tls_ctx_unref(cstar__tls_ctx *ctx);          /* [any thread] */

/** NULL: out of memory. Keeps a reference to ctx. */
cstar__tls *cstar__tls_new(cstar__tls_ctx *ctx);
void cstar__tls_free(cstar__tls *t);

/**
 * Takes all of `cipher`. @param plain  gets decrypted bytes (bounded by len plus what was pending). @param reply  gets handshake or alert bytes.
 * @return CSTAR_OK; CSTAR_ECLOSED the peer has closed in order (close_notify); CSTAR_ESYNTAX a TLS failure, `err` says it:
 *         send `reply` (an alert) and close; CSTAR_ENOMEM.
 */
cstar_status cstar__tls_feed(cstar__tls *t, const char *cipher, size_t len, cstar_buf *plain, cstar_buf *reply, cstar_err *err);
/** Encrypts; only when cstar__tls_ready(). */
cstar_status cstar__tls_write(cstar__tls *t, cstar_str plain, cstar_buf *reply);
/** close_notify. */
void cstar__tls_close(cstar__tls *t, cstar_buf *reply);

/** The handshake is complete. */
bool cstar__tls_ready(const cstar__tls *t);
/** ALPN chose h2. */
bool cstar__tls_is_h2(const cstar__tls *t);
bool cstar__tls_resumed(const cstar__tls *t);

/* ---- certificates for development ------------------------------------------------------------- */

/**
 * Makes (once) a local CA and a leaf for localhost, 127.0.0.1, ::1 and `host` in `dir`, or takes mkcert's CA where mkcert is installed
 * (CAROOT, or its default folder). Files: ca.pem, ca-key.pem (0600), leaf.pem, leaf-key.pem (0600). A leaf that will expire within 30
 * days or lacks `host` is made anew.
 * @param cert_file  gets the leaf's path (with CA behind it), and key_file its key's: each 512 bytes.
 * @param ca_file    gets the CA's path: what a browser has to trust.
 */
cstar_status cstar__tls_dev_cert(const char *dir, const char *host, char *cert_file, char *key_file, char *ca_file, cstar_err *err);

#endif
