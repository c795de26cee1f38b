/* client_info.c -- who the client is: the socket's peer, or what a proxy of ours says of it.
 *
 * Worked out when it is first asked for, once for a request. Which proxies are ours is read when
 * the app is served, and does not change while it is.
 *
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

/* ---- the proxies ---- */

static cstar_status take_proxy(cstar_app *app, const char *text, cstar__cidr *list,
                               cstar_err *err) {
    if (text != NULL && strcmp(text, "unix") == 0) {
        app->trust_local = true;
        return CSTAR_OK;
    }
    if (text == NULL || !cstar__cidr_parse(cstar_cstr(text), &list[app->proxies.n])) {
        return cstar_err_set(err, CSTAR_EINVAL, "trusted_proxies",
                             "trusted_proxies: \"%.60s\" is no address, block of addresses "
                             "(10.0.0.0/8) or \"unix\"",
                             text != NULL ? text : "");
    }
    app->proxies.n++;
    return CSTAR_OK;
}

static cstar__forwarded_kind kind_of(cstar_forwarded f) {
    switch (f) {
    case CSTAR_FORWARDED_X:
        return CSTAR__FORWARDED_X;
    case CSTAR_FORWARDED_RFC:
        return CSTAR__FORWARDED_RFC;
    case CSTAR_FORWARDED_NONE:
        break;
    }
    return CSTAR__FORWARDED_NONE;
}

cstar_status cstar__app_trust(cstar_app *app, const cstar_serve_opts *o, cstar_err *err) {
    app->proxies = (cstar__proxies){.kind = kind_of(o->forwarded)};
    app->trust_local = false;
    app->send_request_id = o->request_id;
    if (o->ntrusted_proxies == 0) {
        return CSTAR_OK;
    }
    cstar__cidr *list = cstar_arena_alloc(&app->arena, o->ntrusted_proxies * sizeof *list);
    if (list == NULL) {
        return cstar_err_set(err, CSTAR_ENOMEM, NULL, "out of memory");
    }
    app->proxies.list = list;
    for (size_t i = 0; i < o->ntrusted_proxies; i++) {
        cstar_status rc = take_proxy(app, o->trusted_proxies[i], list, err);
        if (rc != CSTAR_OK) {
            return rc;
        }
    }
    return CSTAR_OK;
}

bool cstar__conn_by_proxy(const cstar_conn *conn) {
    const cstar__proxies *proxies = &conn->app->proxies;
    if (conn->peer->local) {
        return conn->app->trust_local;
    }
    for (size_t i = 0; i < proxies->n; i++) {
        if (cstar__cidr_has(&proxies->list[i], &conn->peer->ip)) {
            return true;
        }
    }
    return false;
}

/* ---- the client ---- */

static const cstar__client nobody = {{"unknown", 7}, {NULL, 0}, {NULL, 0}};

static cstar_str peer_text(const cstar__peer *peer, char mem[CSTAR__IP_TEXT]) {
    return peer->local ? CSTAR_STR("unix") : cstar__ip_format(&peer->ip, mem);
}

/* Makes a view that points into the request or the stack a NUL-terminated one that lasts. */
static bool keep(cstar_conn *conn, cstar_str *s) {
    if (s->ptr == NULL) {
        return true;
    }
    const char *copy = cstar_arena_strdup(&conn->x->arena, *s);
    *s = cstar_view(copy, s->len);
    return copy != NULL;
}

static const cstar__client *find_client(cstar_conn *conn) {
    char mem[CSTAR__IP_TEXT];
    const cstar__peer *peer = conn->peer;
    cstar__proxies proxies = conn->app->proxies;
    proxies.trust_peer = cstar__conn_by_proxy(conn);
    cstar__client *c = cstar_arena_alloc(&conn->x->arena, sizeof *c);
    if (c == NULL) {
        return &nobody;
    }
    *c = cstar__forwarded(&conn->x->request, peer_text(peer, mem), &proxies);
    if (c->host.ptr == NULL) {
        c->host = conn->x->request.authority;
    }
    return keep(conn, &c->address) && keep(conn, &c->host) ? c : &nobody;
}

static const cstar__client *client_of(cstar_conn *conn) {
    if (conn->client == NULL) {
        conn->client = find_client(conn);
    }
    return conn->client;
}

const char *cstar_client_address(cstar_conn *conn) { return client_of(conn)->address.ptr; }

bool cstar_is_secure(cstar_conn *conn) {
    cstar_str said = client_of(conn)->scheme;
    return said.ptr != NULL ? cstar_str_eq(said, CSTAR_STR("https")) : conn->peer->secure;
}

const char *cstar_scheme(cstar_conn *conn) { return cstar_is_secure(conn) ? "https" : "http"; }

const char *cstar_host(cstar_conn *conn) {
    const char *host = client_of(conn)->host.ptr;
    return host != NULL ? host : "";
}
