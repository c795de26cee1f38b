/* https_redirect.c -- a listener that only sends people to https.
 *
 * The host is the one that was asked for, which the machine has checked: it has no user part, no
 * path and no control byte, so it can only lead to where the client wanted to go anyway.
 *
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

/* "host" of "host:port"; "[::1]" of "[::1]:80". */
static cstar_str without_port(cstar_str authority) {
    for (size_t i = authority.len; i != 0 && authority.ptr[i - 1] != ']'; i--) {
        if (authority.ptr[i - 1] == ':') {
            return cstar_view(authority.ptr, i - 1);
        }
    }
    return authority;
}

static const char *location(cstar_conn *conn, cstar_str host) {
    const cstar__request *r = &conn->x->request;
    const unsigned port = conn->app->https_port;
    cstar_buf b;
    cstar_buf_init(&b, cstar_arena_allocator(&conn->x->arena), SIZE_MAX / 2);
    cstar_buf_lit(&b, "https://");
    cstar_buf_str(&b, host);
    if (port != 0 && port != 443) {
        cstar_buf_lit(&b, ":");
        cstar_buf_uint(&b, port);
    }
    cstar_buf_str(&b, r->path.ptr[0] == '/' ? r->path : CSTAR_STR("/")); /* OPTIONS "*" */
    if (r->query.ptr != NULL) {
        cstar_buf_lit(&b, "?");
        cstar_buf_str(&b, r->query);
    }
    cstar_buf_byte(&b, '\0');
    return b.status == CSTAR_OK ? b.ptr : NULL;
}

void cstar__https_redirect(cstar_conn *conn) {
    const cstar__method method = conn->x->request.method;
    const cstar_str host = without_port(conn->x->request.authority);
    if (host.len == 0) {
        cstar__error_page(conn, 400, "Bad Request: this is for https only, and there is no Host");
        return;
    }
    const char *to = location(conn, host);
    if (to == NULL || cstar_set_header(conn, "location", to) != CSTAR_OK) {
        cstar__error_page(conn, 500, NULL);
        return;
    }
    const bool reads = method == CSTAR__GET || method == CSTAR__HEAD;
    (void)cstar__conn_reply(conn, &(cstar__reply){.status = reads ? 301 : 308});
}
