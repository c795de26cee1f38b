/* html/site.c -- parses the literal of a call site once, and shares the result between threads.
 *
 * `ready` goes 0 -> 1 (one thread parses into the site) -> 2 (release: the fields may be read), or
 * back to 0 when the literal is refused. A thread that comes in between, or from another state of
 * the markup, parses into a copy of its own on its stack:
 * correct, only slower, and nobody waits.
 *
 * SPDX-License-Identifier: MIT */
#include "html/site.h"

#include "html/context.h"

#define LITERAL_MAX 65535U

/* The end of the path is what a reader needs. */
static const char *short_path(const char *path) {
    const size_t len = strlen(path);
    return len > 60 ? path + len - 60 : path;
}

cstar_status cstar__site_fail(const cstar_site *site, cstar_err *err, const cstar_err *why) {
    if (site->file == NULL) {
        return cstar_err_set(err, why->code, why->where, "%s", why->text);
    }
    return cstar_err_set(err, why->code, why->where, "%s:%d: %s", short_path(site->file),
                         site->line, why->text);
}

/* ---- parsing --------------------------------------------------------------------------------- */

static cstar_status add_hole(cstar_site *site, cstar__ctx *c, size_t at, cstar_err *why) {
    const char *reason = "here";
    const unsigned quote = c->tok != CSTAR__TOK_VALUE ? 0U
                           : c->dquote                ? (unsigned char)'"'
                                                      : (unsigned char)'\'';
    const unsigned place = cstar__ctx_hole(c, &reason);
    if (place == CSTAR__PLACE_NONE) {
        return cstar_err_set(why, CSTAR_EUNSAFE, "literal",
                             "{} number %u stands %s, where no escaping is safe", site->holes + 1U,
                             reason);
    }
    if (site->holes == CSTAR_PUT_MAX) {
        return cstar_err_set(why, CSTAR_EINVAL, "literal", "more than %d {}", CSTAR_PUT_MAX);
    }
    site->hole[site->holes].at = (uint16_t)at;
    site->hole[site->holes].place = (uint8_t)place;
    site->hole[site->holes].quote = (uint8_t)quote;
    site->holes++;
    return CSTAR_OK;
}

static cstar_status add_byte(cstar_site *site, cstar__ctx *c, char byte, cstar_err *why) {
    if (byte == '\n' || byte == '\r') {
        site->flags |= CSTAR__SITE_LINES;
    }
    const char *reason = cstar__ctx_feed(c, (unsigned char)byte);
    if (reason != NULL) {
        return cstar_err_set(why, CSTAR_EUNSAFE, "literal", "the literal has %s", reason);
    }
    return CSTAR_OK;
}

static cstar_status parse_literal(cstar_site *site, cstar__ctx *c, cstar_err *why) {
    const char *p = site->literal;
    for (size_t i = 0; p[i] != '\0'; i++) {
        cstar_status rc;
        if (p[i] == '{' && p[i + 1] == '}') {
            rc = add_hole(site, c, i++, why);
        } else {
            rc = add_byte(site, c, p[i], why);
            if ((p[i] == '{' || p[i] == '}') && p[i + 1] == p[i]) {
                site->flags |= CSTAR__SITE_BRACES;
                i++;
            }
        }
        if (rc != CSTAR_OK) {
            return rc;
        }
    }
    return CSTAR_OK;
}

cstar_status cstar__site_parse(cstar_site *site, uint32_t from, cstar_err *err) {
    cstar_err why = {.code = CSTAR_OK};
    cstar__ctx c = cstar__ctx_unpack(from);
    const size_t length = strlen(site->literal);
    site->from = from;
    site->flags = 0;
    site->holes = 0;
    cstar_status rc = length > LITERAL_MAX
                          ? cstar_err_set(&why, CSTAR_ELIMIT, "literal",
                                          "the literal is longer than %u bytes", LITERAL_MAX)
                          : parse_literal(site, &c, &why);
    if (rc == CSTAR_OK && site->holes != site->nvals) {
        rc = cstar_err_set(&why, CSTAR_EINVAL, "literal",
                           "the literal has %u {}, but %d values are given", (unsigned)site->holes,
                           site->nvals);
    }
    if (rc != CSTAR_OK) {
        return cstar__site_fail(site, err, &why);
    }
    site->length = (uint16_t)length;
    site->to = cstar__ctx_pack(&c);
    return CSTAR_OK;
}

/* ---- sharing --------------------------------------------------------------------------------- */

enum { NOT_PARSED, PARSING, PARSED };

/* The caller's own copy: only the constant fields of the shared one may be read. */
static const cstar_site *parse_copy(const cstar_site *site, uint32_t state, cstar_site *local,
                                    cstar_err *err) {
    local->literal = site->literal;
    local->file = site->file;
    local->line = site->line;
    local->nvals = site->nvals;
    return cstar__site_parse(local, state, err) == CSTAR_OK ? local : NULL;
}

const cstar_site *cstar__site_get(cstar_site *site, uint32_t state, cstar_site *local,
                                  cstar_err *err) {
    uint32_t ready = __atomic_load_n(&site->ready, __ATOMIC_ACQUIRE);
    if (ready == PARSED && site->from == state) {
        return site;
    }
    if (ready != NOT_PARSED || !__atomic_compare_exchange_n(&site->ready, &ready, PARSING, false,
                                                            __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        return parse_copy(site, state, local, err);
    }
    const cstar_status rc = cstar__site_parse(site, state, err);
    __atomic_store_n(&site->ready, rc == CSTAR_OK ? PARSED : NOT_PARSED, __ATOMIC_RELEASE);
    return rc == CSTAR_OK ? site : NULL;
}

/* ---- the self-test --------------------------------------------------------------------------- */

size_t cstar_html_check_sites(cstar_site *const *begin, cstar_site *const *end,
                              void (*on_error)(void *arg, const cstar_site *site,
                                               const cstar_err *err),
                              void *arg) {
    size_t count = 0;
    for (cstar_site *const *at = begin; at != end; at++) {
        if (*at == NULL) { /* padding between object files */
            continue;
        }
        cstar_site local;
        cstar_err err = {.code = CSTAR_OK};
        if (parse_copy(*at, 0, &local, &err) == NULL && on_error != NULL) {
            on_error(arg, *at, &err);
        }
        count++;
    }
    return count;
}
