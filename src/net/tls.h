/* net/tls.h -- TLS 1.2 and 1.3 on OpenSSL, as a transformation of bytes: ciphertext in, plaintext
 * out, and back. No sockets here; the connection moves the bytes.
 *
 *     cstar__tls *t = cstar__tls_new(ctx);                        // per connection
 *     cstar__tls_feed(t, cipher, n, &plain, &reply, &err);        // decrypted; to be sent
 *     cstar__tls_write(t, text, &reply);                          // reply gets ciphertext
 *     cstar__tls_close(t, &reply);                                // close_notify
 *
 * A context holds the certificates; it is shared by all connections of all workers and is replaced
 * as a whole on reload (reference counted: connections keep theirs). A slot is the place from which
 * workers take the context that is current.
 *
 * Invariants: 1. `plain` and `reply` only ever grow at their ends. 2. Input is not kept but for an
 * incomplete record; output is never kept. 3. After CSTAR_ESYNTAX, CSTAR_ELIMIT or CSTAR_ENOMEM
 * from cstar__tls_feed() the connection is dead: send `reply` if there is something in it, and
 * close.
 *
 * Threads: a context and a slot [any thread], a connection one loop.
 * In a build without TLS the same functions exist and say CSTAR_ENOTSUP.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_NET_TLS_H
#define CSTAR_NET_TLS_H

#include "cstar/base.h"

#include <pthread.h>

typedef struct cstar__tls_ctx cstar__tls_ctx;
typedef struct cstar__tls cstar__tls;

typedef struct cstar__tls_cert {
    const char *cert_file; /* PEM, leaf first */
    const char *key_file;  /* PEM; NULL: in cert_file */
} cstar__tls_cert;

typedef struct cstar__tls_opts { /* zero is the default of every field */
    /* The first is for clients without (or with an unknown) SNI name. Borrowed during the call. */
    const cstar__tls_cert *certs;
    size_t ncerts;
    bool no_h2;      /* ALPN offers http/1.1 only */
    int min_version; /* 12 or 13; 0: 12 */
    /* The context that the new one replaces, or NULL: its session tickets stay good. Borrowed. */
    cstar__tls_ctx *previous;
} cstar__tls_opts;

/**
 * Loads and checks everything before it returns.
 * @param err  On failure it names the file and the reason: CSTAR_ENOENT missing, CSTAR_EIO not
 *             readable, CSTAR_EINVAL not PEM, the key is another's or has a password, expired,
 *             refused by OpenSSL's policy; CSTAR_ENOMEM. On success its code is CSTAR_OK and its
 *             text empty or a warning for the log: not valid yet, expires within a day, the key is
 *             readable by everybody.
 * @return new, with one reference; NULL on failure.
 */
cstar__tls_ctx *cstar__tls_ctx_new(const cstar__tls_opts *opts, cstar_err *err);
cstar__tls_ctx *cstar__tls_ctx_ref(cstar__tls_ctx *ctx); /* [any thread] */
void cstar__tls_ctx_unref(cstar__tls_ctx *ctx);          /* [any thread]; accepts NULL */
/** Makes a new key for session tickets; those of the last but one are refused from now on. It
 * happens by itself every two hours. [any thread] */
cstar_status cstar__tls_ctx_rotate(cstar__tls_ctx *ctx);

/* Where the current context is kept while others may replace it. */
typedef struct cstar__tls_slot {
    pthread_mutex_t lock;
    cstar__tls_ctx *ctx;
} cstar__tls_slot;

/** Takes the reference. */
cstar_status cstar__tls_slot_init(cstar__tls_slot *s, cstar__tls_ctx *ctx);
void cstar__tls_slot_fini(cstar__tls_slot *s);
/** @return with a reference of its own, for the caller to unref. [any thread] */
cstar__tls_ctx *cstar__tls_slot_get(cstar__tls_slot *s);
/** Takes the reference to the new one; the old one goes with its last connection. [any thread] */
void cstar__tls_slot_set(cstar__tls_slot *s, cstar__tls_ctx *ctx);

/** NULL: out of memory. Keeps a reference to ctx. */
cstar__tls *cstar__tls_new(cstar__tls_ctx *ctx);
void cstar__tls_free(cstar__tls *t); /* accepts NULL; says nothing to the peer */

/**
 * Takes all of `cipher`.
 * @param plain  gets decrypted bytes: at most `len` and 16 KiB (the rest of an incomplete record).
 * @param reply  gets handshake or alert bytes; may be not empty also when nothing went wrong.
 * @return CSTAR_OK; CSTAR_ECLOSED the peer has closed in order (close_notify), `plain` may hold its
 *         last bytes, answers can still be written; CSTAR_ESYNTAX a TLS failure, `err` says it:
 *         send `reply` (an alert) and close; CSTAR_ELIMIT `plain` or `reply` is full; CSTAR_ENOMEM.
 *
 * Where plain HTTP arrives instead of TLS (cstar__tls_saw_http()), it is CSTAR_ESYNTAX, `reply`
 * stays empty and `plain` gets the bytes as they came, of this and of further calls, so that they
 * can be answered (400, or a redirect) without encryption.
 */
cstar_status cstar__tls_feed(cstar__tls *t, const char *cipher, size_t len, cstar_buf *plain,
                             cstar_buf *reply, cstar_err *err);
/**
 * Encrypts all of `plain`, or nothing.
 * @return CSTAR_OK; CSTAR_ELIMIT, CSTAR_ENOMEM no room for cstar__tls_bound(plain.len) in `reply`:
 *         nothing was written, try again with an emptier buffer; CSTAR_ESTATE before
 *         cstar__tls_ready(), after cstar__tls_close() or a failure; CSTAR_EIO OpenSSL failed,
 *         close.
 */
cstar_status cstar__tls_write(cstar__tls *t, cstar_str plain, cstar_buf *reply);
/** close_notify: the last that we say. Nothing before the end of the handshake, after a failure, or
 * the second time. */
void cstar__tls_close(cstar__tls *t, cstar_buf *reply);

/** How many bytes of ciphertext `len` bytes can become, at most. */
size_t cstar__tls_bound(size_t len);

/** The handshake is complete. */
bool cstar__tls_ready(const cstar__tls *t);
/** ALPN chose h2. */
bool cstar__tls_is_h2(const cstar__tls *t);
/** The handshake took up an earlier session. */
bool cstar__tls_resumed(const cstar__tls *t);
/** The peer speaks HTTP without TLS. */
bool cstar__tls_saw_http(const cstar__tls *t);
/** "TLSv1.3" and the like; static; "" before the handshake. */
const char *cstar__tls_version(const cstar__tls *t);
/** The cipher suite; static; "" before the handshake. */
const char *cstar__tls_cipher(const cstar__tls *t);
/** The name that the client asked for (SNI), or NULL; valid until cstar__tls_free(). */
const char *cstar__tls_sni(const cstar__tls *t);

/* ---- certificates for development
 * ------------------------------------------------------------- */

#define CSTAR__TLS_PATH 512

typedef struct cstar__tls_dev_files {
    char cert_file[CSTAR__TLS_PATH]; /* the leaf with its CA behind it */
    char key_file[CSTAR__TLS_PATH];  /* the leaf's key */
    char ca_file[CSTAR__TLS_PATH];   /* what a browser has to trust */
    bool ca_is_new;                  /* made just now: nobody trusts it yet */
    bool ca_is_mkcert;               /* mkcert's: trusted where `mkcert -install` was run */
} cstar__tls_dev_files;

/**
 * Makes (once) a local CA and a leaf for localhost, 127.0.0.1, ::1 and `host` in `dir`, or signs
 * the leaf with mkcert's CA where there is one (CAROOT, or its default folder). Files: ca.pem,
 * ca-key.pem (0600), leaf.pem, leaf-key.pem (0600), lock. A leaf that will expire within 30 days,
 * lacks `host` or is another CA's is made anew, with the names it had and the same key. Several
 * processes may do this at once.
 * @param dir   made if missing, with 0700.
 * @param host  a name or an address; NULL or "": none. `0.0.0.0` and `::` are no host.
 * @return CSTAR_OK; CSTAR_EINVAL `host` is none; CSTAR_ELIMIT `dir` is too long; CSTAR_EPOLICY
 *         others may write to `dir`; CSTAR_EIO a file can't be read or written (the text names it);
 *         CSTAR_ENOMEM.
 */
cstar_status cstar__tls_dev_cert(const char *dir, const char *host, cstar__tls_dev_files *out,
                                 cstar_err *err);

#endif
