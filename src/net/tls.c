/* tls.c -- one TLS connection: bytes through OpenSSL.
 *
 *     feed:  cipher ──▶ bio_read ─▶ SSL_read ─▶ plain
 *                                      └─▶ bio_write ─▶ reply (handshake, alerts)
 *     write: plain ─▶ SSL_write ─▶ bio_write ──▶ reply
 *
 * The BIO has no memory of its own: it reads from the bytes that are being fed and writes to the
 * end of `reply`, and outside of a call it has neither. Compared with a pair of memory BIOs this
 * saves two copies and two buffers per connection.
 *
 * Invariants: 1. OpenSSL reads ahead nothing: what it holds between calls is one incomplete record.
 * 2. cstar__tls_write() reserves room first, so that SSL_write can't stop half-way. 3. The error
 * queue of the thread is empty when a call begins and when it ends.
 *
 * Absent: client certificates, early data (it can be replayed), renegotiation, kernel TLS.
 * SPDX-License-Identifier: MIT */
#include "net/tls.h"

#include "net/tls_parts.h"

#if CSTAR_WITH_TLS

#include <openssl/err.h>

#define RECORD ((size_t)16384)       /* plaintext of one record */
#define RECORD_OVERHEAD ((size_t)64) /* header, nonce, tag, content type: 29 at most */
#define CONTROL ((size_t)256)        /* a key update or alert that goes out first */
#define HANDSHAKE_MAX                                                                              \
    ((size_t)65536) /* bytes from a peer until it is ready; a long hello has 3000 */
#define SNIFF 8     /* the longest method and its space */

struct cstar__tls {
    SSL *ssl;
    cstar__tls_ctx *ctx;
    const char *in; /* the rest of what is being fed */
    size_t in_len;
    cstar_buf *out; /* of the call under way */
    size_t taken;   /* bytes that OpenSSL has read since a record was last complete */
    size_t budget;  /* of handshake bytes */
    char first[SNIFF];
    uint8_t nfirst; /* held while they may become an HTTP method */
    bool started;   /* it is not HTTP */
    bool ready, http, peer_closed, closed, failed;
};

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *ptr, size_t len, size_t *got) {
    cstar__tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    size_t n = len < t->in_len ? len : t->in_len;
    if (n == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    if (!t->ready) {
        if (n > t->budget) {
            t->budget = 0;
            return 0;
        }
        t->budget -= n;
    }
    memcpy(ptr, t->in, n);
    t->in += n;
    t->in_len -= n;
    t->taken += n;
    *got = n;
    return 1;
}

static int bio_write(BIO *bio, const char *ptr, size_t len, size_t *written) {
    const cstar__tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (t->out == NULL || !cstar_buf_room(t->out, len)) {
        BIO_set_retry_write(bio);
        return 0;
    }
    cstar_buf_add(t->out, ptr, len);
    *written = len;
    return 1;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr) {
    (void)bio;
    (void)num;
    (void)ptr;
    return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

static int bio_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *cstar__tls_bio_method(void) {
    /* No index of its own: OpenSSL has 128 of them, and a server may reload more often. */
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "cstar");
    if (m == NULL) {
        return NULL;
    }
    if (BIO_meth_set_read_ex(m, bio_read) != 1 || BIO_meth_set_write_ex(m, bio_write) != 1 ||
        BIO_meth_set_ctrl(m, bio_ctrl) != 1 || BIO_meth_set_create(m, bio_create) != 1) {
        BIO_meth_free(m);
        return NULL;
    }
    return m;
}

/* ---- life ---- */

cstar__tls *cstar__tls_new(cstar__tls_ctx *ctx) {
    cstar__tls *t = OPENSSL_zalloc(sizeof *t);
    BIO *bio = BIO_new(ctx->bio_method);
    if (t == NULL || bio == NULL || (t->ssl = SSL_new(ctx->sites[0].ssl)) == NULL) {
        BIO_free(bio);
        OPENSSL_free(t);
        ERR_clear_error();
        return NULL;
    }
    t->ctx = cstar__tls_ctx_ref(ctx);
    t->budget = HANDSHAKE_MAX;
    BIO_set_data(bio, t);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_accept_state(t->ssl);
    return t;
}

void cstar__tls_free(cstar__tls *t) {
    if (t == NULL) {
        return;
    }
    SSL_free(t->ssl);
    cstar__tls_ctx_unref(t->ctx);
    OPENSSL_free(t);
}

/* ---- HTTP where TLS should be ---- */

typedef enum sniffed { NOT_HTTP, PERHAPS_HTTP, IS_HTTP } sniffed;

/* A TLS record begins with a byte under 24 (or over 127, in a hello of SSL 2's shape). */
static sniffed sniff(const char *ptr, size_t len) {
    static const char *const methods[] = {"GET ",     "POST ",  "HEAD ",    "PUT ",   "DELETE ",
                                          "OPTIONS ", "PATCH ", "CONNECT ", "TRACE ", "PRI * "};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        size_t all = strlen(methods[i]);
        size_t n = len < all ? len : all;
        if (memcmp(ptr, methods[i], n) == 0) {
            return n == all ? IS_HTTP : PERHAPS_HTTP;
        }
    }
    return NOT_HTTP;
}

static cstar_status give_http(cstar__tls *t, cstar_str bytes, cstar_buf *plain, cstar_err *err) {
    cstar_buf_str(plain, bytes);
    t->http = t->failed = true;
    if (plain->status != CSTAR_OK) {
        return cstar_err_set(err, plain->status, "tls", "TLS: no room for what was received");
    }
    return cstar_err_set(err, CSTAR_ESYNTAX, "tls", "TLS: plain HTTP on the TLS port");
}

/* ---- decrypting ---- */

static cstar_status fail_with(cstar__tls *t, cstar_status code, const char *why, cstar_err *err) {
    t->failed = true;
    return cstar_err_set(err, code, "tls", "TLS%s: %s", t->ready ? "" : " handshake", why);
}

static cstar_status no_room(cstar__tls *t, const cstar_buf *b, cstar_err *err) {
    return fail_with(t, b->status, "no room for more output", err);
}

/* Why SSL_read had nothing to give. */
static cstar_status outcome(cstar__tls *t, cstar_err *err) {
    switch (SSL_get_error(t->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        return CSTAR_OK;
    case SSL_ERROR_ZERO_RETURN:
        t->peer_closed = true;
        return CSTAR_ECLOSED;
    default:
        break;
    }
    if (t->out->status != CSTAR_OK) {
        ERR_clear_error();
        return no_room(t, t->out, err);
    }
    if (!t->ready && t->budget == 0) {
        ERR_clear_error();
        return fail_with(t, CSTAR_ESYNTAX, "it is too long", err);
    }
    char why[96];
    cstar_status rc = cstar__tls_errors(CSTAR_ESYNTAX, why, sizeof why);
    return fail_with(t, rc, why, err);
}

/* As much as the bytes at hand can become; never more than a record, since SSL_read gives one. */
static size_t most(const cstar__tls *t, const cstar_buf *plain) {
    size_t n = t->in_len + t->taken;
    size_t room = plain->limit - plain->len;
    n = n < RECORD ? n : RECORD;
    return n < room ? n : room;
}

/* One SSL_read to the end of `plain`; when that is full, one byte is looked at, to see whether
 * there is more. */
static cstar_status read_record(cstar__tls *t, cstar_buf *plain, cstar_err *err) {
    size_t n = most(t, plain);
    char spare;
    size_t got = 0;
    if (n != 0 && !cstar_buf_room(plain, n)) {
        return no_room(t, plain, err);
    }
    int ok = n != 0 ? SSL_read_ex(t->ssl, plain->ptr + plain->len, n, &got)
                    : SSL_peek_ex(t->ssl, &spare, 1, &got);
    if (!t->ready && SSL_is_init_finished(t->ssl)) {
        t->ready = true;
    }
    if (ok != 1) {
        return outcome(t, err);
    }
    if (n == 0) {
        (void)cstar_buf_room(plain, 1); /* makes the error stick */
        return no_room(t, plain, err);
    }
    plain->len += got;
    if (SSL_pending(t->ssl) == 0) {
        t->taken = 0;
    }
    return CSTAR_OK;
}

static cstar_status decrypt(cstar__tls *t, cstar_str in, cstar_buf *plain, cstar_err *err) {
    if (plain->status != CSTAR_OK) {
        return no_room(t, plain, err);
    }
    t->in = in.ptr;
    t->in_len = in.len;
    cstar_status rc = CSTAR_OK;
    while (rc == CSTAR_OK && (t->in_len != 0 || SSL_pending(t->ssl) != 0)) {
        rc = read_record(t, plain, err);
    }
    t->in = NULL;
    t->in_len = 0;
    return rc;
}

/* The first bytes, which may be HTTP's. What is held of them came in earlier calls. */
static cstar_status start(cstar__tls *t, cstar_str in, cstar_buf *plain, cstar_err *err) {
    size_t held = t->nfirst;
    for (size_t i = 0; i < in.len && t->nfirst < SNIFF; i++) {
        t->first[t->nfirst++] = in.ptr[i];
    }
    switch (sniff(t->first, t->nfirst)) {
    case PERHAPS_HTTP:
        return CSTAR_OK;
    case IS_HTTP:
        cstar_buf_add(plain, t->first, held);
        return give_http(t, in, plain, err);
    case NOT_HTTP:
        break;
    }
    t->started = true;
    cstar_status rc = decrypt(t, cstar_view(t->first, held), plain, err);
    return rc == CSTAR_OK ? decrypt(t, in, plain, err) : rc;
}

cstar_status cstar__tls_feed(cstar__tls *t, const char *cipher, size_t len, cstar_buf *plain,
                             cstar_buf *reply, cstar_err *err) {
    cstar_str in = cstar_view(cipher, len);
    if (t->http) {
        return give_http(t, in, plain, err);
    }
    if (t->failed) {
        return cstar_err_set(err, CSTAR_ESYNTAX, "tls", "TLS: the connection has failed before");
    }
    if (t->peer_closed) {
        return CSTAR_ECLOSED;
    }
    if (len == 0) {
        return CSTAR_OK;
    }
    t->out = reply;
    ERR_clear_error();
    cstar_status rc = t->started ? decrypt(t, in, plain, err) : start(t, in, plain, err);
    t->out = NULL;
    /* What OpenSSL says by the way (a key update, a warning) it may have failed to say. */
    return rc == CSTAR_OK && reply->status != CSTAR_OK ? no_room(t, reply, err) : rc;
}

/* ---- encrypting ---- */

size_t cstar__tls_bound(size_t len) { return len + (len / RECORD + 1) * RECORD_OVERHEAD + CONTROL; }

cstar_status cstar__tls_write(cstar__tls *t, cstar_str plain, cstar_buf *reply) {
    if (!t->ready || t->failed || t->closed) {
        return CSTAR_ESTATE;
    }
    if (!cstar_buf_room(reply, cstar__tls_bound(plain.len))) {
        return reply->status;
    }
    t->out = reply;
    ERR_clear_error();
    while (plain.len != 0) {
        size_t n = 0;
        if (SSL_write_ex(t->ssl, plain.ptr, plain.len, &n) != 1) {
            t->failed = true;
            break;
        }
        plain.ptr += n;
        plain.len -= n;
    }
    t->out = NULL;
    char why[1];
    return t->failed ? cstar__tls_errors(CSTAR_EIO, why, sizeof why) : CSTAR_OK;
}

void cstar__tls_close(cstar__tls *t, cstar_buf *reply) {
    if (!t->ready || t->failed || t->closed) {
        return;
    }
    t->closed = true;
    t->out = reply;
    ERR_clear_error();
    (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
    t->out = NULL;
}

/* ---- questions ---- */

bool cstar__tls_ready(const cstar__tls *t) { return t->ready; }
bool cstar__tls_saw_http(const cstar__tls *t) { return t->http; }
bool cstar__tls_resumed(const cstar__tls *t) { return t->ready && SSL_session_reused(t->ssl) == 1; }

bool cstar__tls_is_h2(const cstar__tls *t) {
    const unsigned char *name = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(t->ssl, &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}

const char *cstar__tls_version(const cstar__tls *t) {
    return t->ready ? SSL_get_version(t->ssl) : "";
}

const char *cstar__tls_cipher(const cstar__tls *t) {
    return t->ready ? SSL_CIPHER_get_name(SSL_get_current_cipher(t->ssl)) : "";
}

const char *cstar__tls_sni(const cstar__tls *t) {
    return SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name);
}

#endif
