/* redirect.c -- redirects by status and Location, under the destination policy of the wire room.
 * SPDX-License-Identifier: MIT */
#include "web/app.h"
#include "wire/url_policy.h"

/* What may stand in a Location as it is (RFC 3986 2): the policy lets more through, which browsers
 * would repair. A '\' is a '/' to them, so it is coded too. */
static bool is_plain(unsigned char c) {
    static const char coded[] = "\"<>\\^`{|}";
    return c > 0x20 && c < 0x7f && strchr(coded, c) == NULL;
}

static cstar_status add_location(cstar_conn *conn, cstar_str url) {
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(&conn->x->arena), SIZE_MAX / 2);
    for (size_t i = 0; i < url.len; i++) {
        if (is_plain((unsigned char)url.ptr[i])) {
            cstar_buf_byte(&b, url.ptr[i]);
        } else {
            cstar_buf_percent(&b, cstar_view(url.ptr + i, 1));
        }
    }
    if (b.status != CSTAR_OK) {
        return cstar__conn_failf(conn, b.status, NULL, "out of memory");
    }
    return cstar__conn_set_field(conn, CSTAR_STR("location"), cstar_buf_view(&b));
}

static cstar_status check(cstar_conn *conn, const cstar_location *l, int status) {
    const bool is_redirect = (status >= 301 && status <= 303) || status == 307 || status == 308;
    cstar_err err;
    if (!is_redirect || l->url == NULL) {
        return cstar__conn_failf(conn, CSTAR_EINVAL, "redirect",
                                 "redirect: no url, or a status that is no redirect");
    }
    if (conn->answer != CSTAR__ANSWER_NONE) {
        return cstar__conn_failf(conn, CSTAR_ESTATE, "response", "response: there is one already");
    }
    cstar__err_init(&err);
    const cstar_redirect policy = {.external = l->external,
                                   .allow = l->allow,
                                   .nallow = l->nallow,
                                   .origin = cstar__conn_origin(conn)};
    const cstar_status rc = cstar__url_policy(&policy, cstar_cstr(l->url), &err);
    return rc == CSTAR_OK ? rc : cstar__conn_fail(conn, &err);
}

cstar_status cstar_conn_redirect_to(cstar_conn *conn, const cstar_location *l) {
    const int status = l->status != 0 ? l->status : 303;
    cstar_status rc = check(conn, l, status);
    rc = rc == CSTAR_OK ? add_location(conn, cstar_cstr(l->url)) : rc;
    return rc == CSTAR_OK ? cstar__conn_reply(conn, &(cstar__reply){.status = status}) : rc;
}
