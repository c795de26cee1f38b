/* tls_issue.c -- new certificates for development: a CA, and a leaf that it signs.
 *
 * The CA may sign leaves and nothing below (pathlen:0); the leaf is for servers only, for 90 days,
 * well under the 398 that browsers allow. Keys are on P-256, which every client knows.
 * SPDX-License-Identifier: MIT */
#include "net/tls_parts.h"

#if CSTAR_WITH_TLS

#include <openssl/rand.h>

#define CA_DAYS 3650
#define LEAF_DAYS 90
#define EARLIER_S (-3600L) /* for a client whose clock is a little late */

EVP_PKEY *cstar__tls_make_key(void) { return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"); }

/* 126 random bits: positive, never short, never the same. */
static bool set_serial(X509 *x) {
    unsigned char bytes[16];
    if (RAND_bytes(bytes, (int)sizeof bytes) != 1) {
        return false;
    }
    bytes[0] = (unsigned char)((bytes[0] & 0x3f) | 0x40);
    BIGNUM *n = BN_bin2bn(bytes, (int)sizeof bytes, NULL);
    bool ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
    BN_free(n);
    return ok;
}

static bool add_text(X509_NAME *name, const char *field, const char *text) {
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC, (const unsigned char *)text, -1,
                                      -1, 0) == 1;
}

static bool add_ext(X509 *x, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = ext != NULL && X509_add_ext(x, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

/* What both have; the issuer's name and the signature come later. */
static X509 *begin(EVP_PKEY *key, const char *name, int days) {
    X509 *x = X509_new();
    if (x == NULL) {
        return NULL;
    }
    X509_NAME *subject = X509_get_subject_name(x);
    if (X509_set_version(x, X509_VERSION_3) != 1 || !set_serial(x) ||
        X509_gmtime_adj(X509_getm_notBefore(x), EARLIER_S) == NULL ||
        X509_time_adj_ex(X509_getm_notAfter(x), days, 0, NULL) == NULL ||
        X509_set_pubkey(x, key) != 1 || !add_text(subject, "O", "cstar") ||
        !add_text(subject, "CN", name)) {
        X509_free(x);
        return NULL;
    }
    return x;
}

X509 *cstar__tls_make_ca(EVP_PKEY *key, const char *name) {
    X509 *x = begin(key, name, CA_DAYS);
    if (x == NULL) {
        return NULL;
    }
    if (X509_set_issuer_name(x, X509_get_subject_name(x)) != 1 ||
        !add_ext(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !add_ext(x, x, NID_key_usage, "critical,keyCertSign") ||
        !add_ext(x, x, NID_subject_key_identifier, "hash") ||
        X509_sign(x, key, EVP_sha256()) == 0) {
        X509_free(x);
        return NULL;
    }
    return x;
}

X509 *cstar__tls_make_leaf(EVP_PKEY *key, const cstar__tls_pair *ca, GENERAL_NAMES *names) {
    X509 *x = begin(key, "cstar development certificate", LEAF_DAYS);
    if (x == NULL) {
        return NULL;
    }
    if (X509_set_issuer_name(x, X509_get_subject_name(ca->cert)) != 1 ||
        !add_ext(x, ca->cert, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_ext(x, ca->cert, NID_key_usage, "critical,digitalSignature") ||
        !add_ext(x, ca->cert, NID_ext_key_usage, "serverAuth") ||
        !add_ext(x, ca->cert, NID_subject_key_identifier, "hash") ||
        (X509_get0_subject_key_id(ca->cert) != NULL &&
         !add_ext(x, ca->cert, NID_authority_key_identifier, "keyid")) ||
        X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) != 1 ||
        X509_sign(x, ca->key, EVP_sha256()) == 0) {
        X509_free(x);
        return NULL;
    }
    return x;
}

static bool is_dns_name(const char *host) {
    size_t len = strlen(host);
    return len != 0 && len <= 253 && host[0] != '.' && host[0] != '-' &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._*") ==
               len &&
           strstr(host, "..") == NULL;
}

GENERAL_NAME *cstar__tls_make_name(const char *host) {
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);
    GENERAL_NAME *name = GENERAL_NAME_new();
    if (name != NULL && address != NULL) {
        GENERAL_NAME_set0_value(name, GEN_IPADD, address);
        return name;
    }
    ASN1_OCTET_STRING_free(address);
    ASN1_IA5STRING *text = is_dns_name(host) ? ASN1_IA5STRING_new() : NULL;
    if (name == NULL || text == NULL || ASN1_STRING_set(text, host, (int)strlen(host)) != 1) {
        ASN1_IA5STRING_free(text);
        GENERAL_NAME_free(name);
        return NULL;
    }
    unsigned char *at = text->data;
    for (int i = 0; i < text->length; i++) {
        at[i] = (unsigned char)(at[i] >= 'A' && at[i] <= 'Z' ? at[i] + 32 : at[i]);
    }
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    return name;
}

#endif
