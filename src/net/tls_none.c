/* tls_none.c -- the same functions for a build without TLS, so that no caller needs an #if. There
 * can be no context, hence no connection; what would need one does nothing.
 * SPDX-License-Identifier: MIT */
#include "net/tls.h"

#if !CSTAR_WITH_TLS

cstar__tls_ctx *cstar__tls_ctx_new(const cstar__tls_opts *opts, cstar_err *err) {
    (void)opts;
    (void)cstar_err_set(err, CSTAR_ENOTSUP, "tls", "TLS: this build of cstar has none");
    return NULL;
}

cstar__tls_ctx *cstar__tls_ctx_ref(cstar__tls_ctx *ctx) { return ctx; }
void cstar__tls_ctx_unref(cstar__tls_ctx *ctx) { (void)ctx; }

cstar_status cstar__tls_ctx_rotate(cstar__tls_ctx *ctx) {
    (void)ctx;
    return CSTAR_ENOTSUP;
}

cstar__tls *cstar__tls_new(cstar__tls_ctx *ctx) {
    (void)ctx;
    return NULL;
}

void cstar__tls_free(cstar__tls *t) { (void)t; }

cstar_status cstar__tls_feed(cstar__tls *t, const char *cipher, size_t len, cstar_buf *plain,
                             cstar_buf *reply, cstar_err *err) {
    (void)t;
    (void)cipher;
    (void)len;
    (void)plain;
    (void)reply;
    return cstar_err_set(err, CSTAR_ENOTSUP, "tls", "TLS: this build of cstar has none");
}

cstar_status cstar__tls_write(cstar__tls *t, cstar_str plain, cstar_buf *reply) {
    (void)t;
    (void)plain;
    (void)reply;
    return CSTAR_ENOTSUP;
}

void cstar__tls_close(cstar__tls *t, cstar_buf *reply) {
    (void)t;
    (void)reply;
}

size_t cstar__tls_bound(size_t len) { return len; }

static bool no(const cstar__tls *t) {
    (void)t;
    return false;
}

bool cstar__tls_ready(const cstar__tls *t) { return no(t); }
bool cstar__tls_is_h2(const cstar__tls *t) { return no(t); }
bool cstar__tls_resumed(const cstar__tls *t) { return no(t); }
bool cstar__tls_saw_http(const cstar__tls *t) { return no(t); }
const char *cstar__tls_version(const cstar__tls *t) { return no(t) ? NULL : ""; }
const char *cstar__tls_cipher(const cstar__tls *t) { return no(t) ? NULL : ""; }

const char *cstar__tls_sni(const cstar__tls *t) {
    (void)t;
    return NULL;
}

cstar_status cstar__tls_dev_cert(const char *dir, const char *host, cstar__tls_dev_files *out,
                                 cstar_err *err) {
    (void)dir;
    (void)host;
    (void)out;
    return cstar_err_set(err, CSTAR_ENOTSUP, "tls", "TLS: this build of cstar has none");
}

#endif
