/* tls_ctx.c -- what connections share: certificates, their names, protocol settings, ticket keys.
 *
 * Each certificate has its SSL_CTX (a site); all are set up alike. A connection begins with the
 * first and is moved to another when the client's SNI name fits that one: exactly, else by a
 * wildcard of one level. Names come from subjectAltName only, as for browsers.
 *
 * Sessions are kept by the clients (tickets), not here, so that any worker can resume any session
 * and memory does not grow with visitors.
 *
 * Invariants: 1. A context does not change after it was made, but for its ticket keys. 2. All sites
 * have the context as app data: OpenSSL asks the callbacks of the site that is current.
 * SPDX-License-Identifier: MIT */
#include "net/tls_parts.h"

#if CSTAR_WITH_TLS

#include <openssl/err.h>

#include <time.h>

#define DAY_S 86400

/* Forward secret and authenticated. All are good, so the client chooses: it knows whether it
 * computes AES or ChaCha faster. */
static const char tls12_suites[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                   "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                   "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/* ---- ALPN ---- */

/* Whether the list (each name with its length before it) has `name`; then *at is where. */
static bool alpn_has(const unsigned char *list, size_t len, cstar_str name,
                     const unsigned char **at) {
    for (size_t i = 0; i < len; i += (size_t)list[i] + 1) {
        size_t n = list[i];
        if (n > len - i - 1) {
            return false;
        }
        if (n == name.len && memcmp(list + i + 1, name.ptr, n) == 0) {
            *at = list + i + 1;
            return true;
        }
    }
    return false;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *arg) {
    (void)ssl;
    static const cstar_str ours[] = {{"h2", 2}, {"http/1.1", 8}};
    const cstar__tls_ctx *ctx = arg;
    for (size_t i = ctx->no_h2 ? 1 : 0; i < 2; i++) {
        if (alpn_has(in, in_len, ours[i], out)) {
            *out_len = (unsigned char)ours[i].len;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* ---- SNI ---- */

/* A wildcard stands for the whole first label, and only there. */
static bool wildcard_fits(cstar_str pattern, cstar_str host) {
    if (pattern.len < 3 || pattern.ptr[0] != '*' || pattern.ptr[1] != '.') {
        return false;
    }
    const char *dot = memchr(host.ptr, '.', host.len);
    if (dot == NULL || dot == host.ptr) {
        return false;
    }
    size_t label = (size_t)(dot - host.ptr);
    return cstar_str_ieq(cstar_view(pattern.ptr + 1, pattern.len - 1),
                         cstar_view(dot, host.len - label));
}

static bool site_fits(const cstar__tls_site *site, cstar_str host, bool wildcards) {
    for (int i = 0; i < sk_GENERAL_NAME_num(site->names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(site->names, i);
        if (name->type != GEN_DNS) {
            continue;
        }
        cstar_str text = cstar_view((const char *)ASN1_STRING_get0_data(name->d.dNSName),
                                    (size_t)ASN1_STRING_length(name->d.dNSName));
        if (wildcards ? wildcard_fits(text, host) : cstar_str_ieq(text, host)) {
            return true;
        }
    }
    return false;
}

static const cstar__tls_site *find_site(const cstar__tls_ctx *ctx, cstar_str host) {
    if (host.len != 0 && host.ptr[host.len - 1] == '.') {
        host.len--; /* the root may be spelled out */
    }
    for (int wildcards = 0; wildcards < 2; wildcards++) {
        for (size_t i = 0; i < ctx->nsites; i++) {
            if (site_fits(&ctx->sites[i], host, wildcards == 1)) {
                return &ctx->sites[i];
            }
        }
    }
    return NULL;
}

static int choose_site(SSL *ssl, int *alert, void *arg) {
    const cstar__tls_ctx *ctx = arg;
    const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const cstar__tls_site *site = host != NULL ? find_site(ctx, cstar_cstr(host)) : NULL;
    if (site == NULL) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    if (SSL_set_SSL_CTX(ssl, site->ssl) == NULL) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_OK;
}

/* ---- one site ---- */

static bool set_up(SSL_CTX *s, cstar__tls_ctx *ctx, int min_version) {
    static const unsigned char session_context[] =
        "cstar";                          /* one for all: tickets work everywhere */
    char groups[] = "X25519:P-256:P-384"; /* OpenSSL's macro takes away a const */
    int min = min_version == 13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    (void)SSL_CTX_set_options(s, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(s, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_AUTO_RETRY | SSL_MODE_NO_AUTO_CHAIN);
    (void)SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(s, choose_alpn, ctx);
    (void)SSL_CTX_set_tlsext_servername_callback(s, choose_site);
    (void)SSL_CTX_set_tlsext_servername_arg(s, ctx);
    return SSL_CTX_set_app_data(s, ctx) == 1 && SSL_CTX_set_min_proto_version(s, min) == 1 &&
           SSL_CTX_set_max_proto_version(s, 0) == 1 &&
           SSL_CTX_set_cipher_list(s, tls12_suites) == 1 &&
           SSL_CTX_set1_groups_list(s, groups) == 1 &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(s, cstar__tls_ticket_key) == 1 &&
           SSL_CTX_set_session_id_context(s, session_context, sizeof session_context - 1) == 1;
}

static bool use_pair(SSL_CTX *s, const cstar__tls_pair *p) {
    return SSL_CTX_use_certificate(s, p->cert) == 1 && SSL_CTX_set1_chain(s, p->chain) == 1 &&
           SSL_CTX_use_PrivateKey(s, p->key) == 1 && SSL_CTX_check_private_key(s) == 1;
}

/* The first warning stays: there is one text. */
static void warn(cstar_err *err, const char *what, const char *path, const char *why) {
    if (err != NULL && err->text[0] == '\0') {
        (void)cstar_err_set(err, CSTAR_OK, what, "TLS %s %s: %s", what, cstar__tls_short_path(path),
                            why);
    }
}

static cstar_status check_times(const X509 *x, const char *path, cstar_err *err) {
    time_t tomorrow = time(NULL) + DAY_S;
    if (X509_cmp_current_time(X509_get0_notAfter(x)) <= 0) {
        return cstar_err_set(err, CSTAR_EINVAL, "certificate", "TLS certificate %s: has expired",
                             cstar__tls_short_path(path));
    }
    if (X509_cmp_time(X509_get0_notAfter(x), &tomorrow) <= 0) {
        warn(err, "certificate", path, "expires within a day");
    }
    /* Not an error: a machine without a clock of its own may start before it knows the time. */
    if (X509_cmp_current_time(X509_get0_notBefore(x)) > 0) {
        warn(err, "certificate", path, "is not valid yet (or the clock is wrong)");
    }
    return CSTAR_OK;
}

static cstar_status fill_site(cstar__tls_site *site, cstar__tls_ctx *ctx, const cstar__tls_pair *p,
                              const cstar__tls_opts *opts) {
    site->ssl = SSL_CTX_new(TLS_server_method());
    if (site->ssl == NULL || !set_up(site->ssl, ctx, opts->min_version) ||
        !use_pair(site->ssl, p)) {
        return CSTAR_EINVAL;
    }
    int critical = -1;
    site->names = X509_get_ext_d2i(p->cert, NID_subject_alt_name, &critical, NULL);
    return site->names == NULL && critical != -1 ? CSTAR_EINVAL : CSTAR_OK;
}

static cstar_status load_site(cstar__tls_site *site, cstar__tls_ctx *ctx, const cstar__tls_cert *c,
                              const cstar__tls_opts *opts, cstar_err *err) {
    cstar__tls_pair p;
    cstar_status rc = cstar__tls_pair_load(&p, c->cert_file, c->key_file, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    rc = check_times(p.cert, c->cert_file, err);
    if (rc == CSTAR_OK && p.exposed) {
        warn(err, "key", c->key_file != NULL ? c->key_file : c->cert_file,
             "everybody on this machine can read it (chmod o= it)");
    }
    if (rc == CSTAR_OK && fill_site(site, ctx, &p, opts) != CSTAR_OK) {
        char why[72];
        rc = cstar__tls_errors(CSTAR_EINVAL, why, sizeof why);
        (void)cstar_err_set(err, rc, "certificate", "TLS certificate %s: %s",
                            cstar__tls_short_path(c->cert_file), why);
    }
    cstar__tls_pair_fini(&p);
    return rc;
}

/* ---- the context ---- */

static cstar_status fill(cstar__tls_ctx *ctx, const cstar__tls_opts *opts, cstar_err *err) {
    ctx->bio_method = cstar__tls_bio_method();
    ctx->tickets = opts->previous != NULL ? cstar__tls_tickets_ref(opts->previous->tickets)
                                          : cstar__tls_tickets_new();
    ctx->sites = OPENSSL_zalloc(opts->ncerts * sizeof *ctx->sites);
    if (ctx->bio_method == NULL || ctx->tickets == NULL || ctx->sites == NULL) {
        return cstar_err_set(err, CSTAR_ENOMEM, "tls", "TLS: out of memory");
    }
    for (size_t i = 0; i < opts->ncerts; i++) {
        ctx->nsites = i + 1;
        cstar_status rc = load_site(&ctx->sites[i], ctx, &opts->certs[i], opts, err);
        if (rc != CSTAR_OK) {
            return rc;
        }
    }
    return CSTAR_OK;
}

static cstar_status check_opts(const cstar__tls_opts *opts, cstar_err *err) {
    if (opts->ncerts == 0 || opts->ncerts > SIZE_MAX / sizeof(cstar__tls_site)) {
        return cstar_err_set(err, CSTAR_EINVAL, "certs", "TLS: a certificate is needed");
    }
    if (opts->min_version != 0 && opts->min_version != 12 && opts->min_version != 13) {
        return cstar_err_set(err, CSTAR_EINVAL, "min_version",
                             "TLS: the lowest version is 12 or 13, not %d", opts->min_version);
    }
    for (size_t i = 0; i < opts->ncerts; i++) {
        if (opts->certs[i].cert_file == NULL) {
            return cstar_err_set(err, CSTAR_EINVAL, "certs", "TLS: a certificate without a file");
        }
    }
    return CSTAR_OK;
}

cstar__tls_ctx *cstar__tls_ctx_new(const cstar__tls_opts *opts, cstar_err *err) {
    if (err != NULL) {
        *err = (cstar_err){.code = CSTAR_OK};
    }
    if (check_opts(opts, err) != CSTAR_OK) {
        return NULL;
    }
    cstar__tls_ctx *ctx = OPENSSL_zalloc(sizeof *ctx);
    if (ctx == NULL) {
        ERR_clear_error();
        (void)cstar_err_set(err, CSTAR_ENOMEM, "tls", "TLS: out of memory");
        return NULL;
    }
    atomic_init(&ctx->refs, 1);
    ctx->no_h2 = opts->no_h2;
    cstar_status rc = fill(ctx, opts, err);
    ERR_clear_error();
    if (rc != CSTAR_OK) {
        cstar__tls_ctx_unref(ctx);
        return NULL;
    }
    return ctx;
}

cstar__tls_ctx *cstar__tls_ctx_ref(cstar__tls_ctx *ctx) {
    atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
    return ctx;
}

void cstar__tls_ctx_unref(cstar__tls_ctx *ctx) {
    if (ctx == NULL || atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < ctx->nsites; i++) {
        SSL_CTX_free(ctx->sites[i].ssl);
        GENERAL_NAMES_free(ctx->sites[i].names);
    }
    OPENSSL_free(ctx->sites);
    cstar__tls_tickets_unref(ctx->tickets);
    BIO_meth_free(ctx->bio_method);
    OPENSSL_free(ctx);
}

cstar_status cstar__tls_ctx_rotate(cstar__tls_ctx *ctx) {
    bool ok = cstar__tls_tickets_rotate(ctx->tickets);
    ERR_clear_error();
    return ok ? CSTAR_OK : CSTAR_EIO;
}

#endif
